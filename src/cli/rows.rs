//! How the contents that a sink consumed become the cells of its table.

use std::sync::Arc;

use crate::scenario::wiring::SinkPlan;
use crate::tape::{Cell, CellKind, RowSource, SinkColumn};
use crate::trace::Body;
use crate::workload::{Codec, FieldKind, Schema, Value};

/// Decodes with the schema and codec of the sink's topic; without a schema the content is one column of text.
pub struct Rows {
    schema: Option<Arc<Schema>>,
    codec: Codec,
    columns: Vec<SinkColumn>,
}

impl Rows {
    /// For this sink.
    pub fn new(plan: &SinkPlan) -> Self {
        let columns = match &plan.schema {
            Some(schema) => schema
                .fields
                .iter()
                .map(|field| SinkColumn { name: field.name.clone(), kind: cell_kind(field.kind) })
                .collect(),
            None => vec![SinkColumn { name: "value".to_owned(), kind: CellKind::Text }],
        };
        Self { schema: plan.schema.clone(), codec: plan.codec, columns }
    }
}

impl RowSource for Rows {
    fn columns(&self) -> &[SinkColumn] {
        &self.columns
    }

    fn decode(&mut self, body: &Body, row: &mut Vec<Cell>) -> Result<(), String> {
        let Some(value) = body.value.as_deref() else {
            row.extend(self.columns.iter().map(|_| Cell::Null));
            return Ok(());
        };
        match &self.schema {
            Some(schema) => {
                let decoded = self.codec.decode(schema, value).map_err(|error| error.to_string())?;
                row.extend(decoded.iter().map(cell));
            }
            None => row.push(Cell::Text(String::from_utf8_lossy(value).into())),
        }
        Ok(())
    }
}

fn cell_kind(kind: FieldKind) -> CellKind {
    match kind {
        FieldKind::Int | FieldKind::Timestamp => CellKind::Int,
        FieldKind::Float => CellKind::Float,
        FieldKind::Text => CellKind::Text,
        FieldKind::Bool => CellKind::Bool,
    }
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Int(value) => Cell::Int(*value),
        Value::Float(value) => Cell::Float(*value),
        Value::Text(value) => Cell::Text(value.to_string().into()),
        Value::Bool(value) => Cell::Bool(*value),
        Value::Null => Cell::Null,
    }
}
