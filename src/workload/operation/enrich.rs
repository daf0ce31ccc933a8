//! `enrich`: one more field, constant or looked up by another.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::row::{Field, FieldKind, Row, Schema, Value};
use super::{OperationError, extended, position};

/// Where the value of an added field comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Enrichment {
    /// Always the same value, not null.
    Constant(Value),
    /// Looked up in a table by another field.
    Lookup {
        /// The field to look up.
        by: String,
        /// The kind of the values.
        kind: FieldKind,
        /// The looked-up field as text, and the value found there; of equal texts the last counts.
        table: Vec<(String, Value)>,
        /// The value when nothing is found; may be null.
        otherwise: Value,
    },
}

#[derive(Clone, Debug)]
pub(super) enum Enrich {
    Constant(Value),
    Lookup { by: usize, table: Arc<BTreeMap<String, Value>>, otherwise: Value },
}

impl Enrich {
    pub(super) fn bind(
        input: &Schema,
        field: &str,
        from: &Enrichment,
    ) -> Result<(Self, Schema), OperationError> {
        match from {
            Enrichment::Constant(value) => {
                let kind = kind_of(value).ok_or(OperationError::Setting("a constant is not null"))?;
                Ok((Self::Constant(value.clone()), extended(input, Field::required(field, kind))?))
            }
            Enrichment::Lookup { by, kind, table, otherwise } => {
                let by = position(input, by)?;
                let added =
                    Field { name: field.to_owned(), kind: *kind, optional: *otherwise == Value::Null };
                if !table.iter().map(|(_, value)| value).chain([otherwise]).all(|value| added.accepts(value))
                {
                    return Err(OperationError::Setting(
                        "the values of a table are all of the kind it states",
                    ));
                }
                let table = Arc::new(table.iter().cloned().collect());
                Ok((Self::Lookup { by, table, otherwise: otherwise.clone() }, extended(input, added)?))
            }
        }
    }

    pub(super) fn enriched(&self, row: &Row) -> Row {
        let mut enriched = Row::with_capacity(row.len() + 1);
        enriched.extend_from_slice(row);
        enriched.push(self.value(row));
        enriched
    }

    fn value(&self, row: &Row) -> Value {
        match self {
            Self::Constant(value) => value.clone(),
            Self::Lookup { by, table, otherwise } => {
                let found = match &row[*by] {
                    Value::Text(text) => table.get(&**text),
                    Value::Null => None,
                    number @ (Value::Int(_) | Value::Float(_) | Value::Bool(_)) => {
                        table.get(&number.to_string())
                    }
                };
                found.unwrap_or(otherwise).clone()
            }
        }
    }
}

fn kind_of(value: &Value) -> Option<FieldKind> {
    match value {
        Value::Int(_) => Some(FieldKind::Int),
        Value::Float(_) => Some(FieldKind::Float),
        Value::Text(_) => Some(FieldKind::Text),
        Value::Bool(_) => Some(FieldKind::Bool),
        Value::Null => None,
    }
}
