//! `filter`: only rows whose field compares with a constant.

use std::cmp::Ordering;

use super::super::row::{FieldKind, Row, Schema, Value};
use super::{OperationError, position};

/// How a field compares with a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`; text by its bytes, false below true.
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// The text contains the constant.
    Contains,
}

#[derive(Clone, Debug)]
pub(super) struct Filter {
    place: usize,
    compare: Compare,
    value: Value,
}

impl Filter {
    pub(super) fn bind(
        input: &Schema,
        field: &str,
        compare: Compare,
        value: &Value,
    ) -> Result<Self, OperationError> {
        let place = position(input, field)?;
        let is = input.fields[place].kind;
        let wrong = |wants| OperationError::WrongKind { field: field.to_owned(), is, wants };
        if compare == Compare::Contains && is != FieldKind::Text {
            return Err(wrong("only text contains something"));
        }
        let fits = match value {
            Value::Int(_) | Value::Float(_) => {
                matches!(is, FieldKind::Int | FieldKind::Float | FieldKind::Timestamp)
            }
            Value::Text(_) => is == FieldKind::Text,
            Value::Bool(_) => is == FieldKind::Bool,
            Value::Null => false,
        };
        if !fits {
            return Err(wrong("the value to compare with is of another kind"));
        }
        Ok(Self { place, compare, value: value.clone() })
    }

    pub(super) fn admits(&self, row: &Row) -> bool {
        let found = &row[self.place];
        let order = order(found, &self.value);
        match self.compare {
            Compare::Equal => order.is_some_and(Ordering::is_eq),
            Compare::NotEqual => order.is_some_and(Ordering::is_ne),
            Compare::Less => order.is_some_and(Ordering::is_lt),
            Compare::LessOrEqual => order.is_some_and(Ordering::is_le),
            Compare::Greater => order.is_some_and(Ordering::is_gt),
            Compare::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
            Compare::Contains => {
                found.as_text().zip(self.value.as_text()).is_some_and(|(text, part)| text.contains(part))
            }
        }
    }
}

/// How two values of one kind compare; a null does not.
fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Int(one), Value::Int(other)) => Some(one.cmp(other)),
        (Value::Text(one), Value::Text(other)) => Some(one.as_bytes().cmp(other.as_bytes())),
        (one, other) => one.as_number()?.partial_cmp(&other.as_number()?),
    }
}
