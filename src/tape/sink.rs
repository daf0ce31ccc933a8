//! What a sink consumed, as typed rows. How bytes become rows is the caller's to say: [`RowSource`].

use std::sync::Arc;

use crate::kernel::ActorId;
use crate::trace::Body;

/// The type of a sink's column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// 64-bit signed.
    Int,
    /// 64-bit floating point.
    Float,
    /// UTF-8.
    Text,
    /// True or false.
    Bool,
}

/// A column for a field of the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkColumn {
    /// The field's name.
    pub name: String,
    /// Its type.
    pub kind: CellKind,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// For [`CellKind::Int`].
    Int(i64),
    /// For [`CellKind::Float`].
    Float(f64),
    /// For [`CellKind::Text`].
    Text(Arc<str>),
    /// For [`CellKind::Bool`].
    Bool(bool),
    /// Nothing, in any column.
    Null,
}

/// Makes rows of what records carry. Runs on the writer's thread.
pub trait RowSource: Send {
    /// The columns of every row.
    fn columns(&self) -> &[SinkColumn];

    /// Appends one cell a column to `row`, which is empty.
    ///
    /// # Errors
    /// In words, when the content is not a row; the record is counted and left out.
    fn decode(&mut self, body: &Body, row: &mut Vec<Cell>) -> Result<(), String>;
}

/// A sink to be written.
pub struct SinkSpec {
    /// Its name, and that of its folder.
    pub name: String,
    /// Its instances.
    pub actors: Vec<ActorId>,
    /// Whether to write Parquet, into `sinks/NAME/`.
    pub parquet: bool,
    /// Whether to write CSV, into `sinks/NAME.csv/`.
    pub csv: bool,
    /// How content becomes rows.
    pub rows: Box<dyn RowSource>,
}
