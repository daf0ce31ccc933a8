//! What a sink consumed, as typed rows. How bytes become rows is the caller's to say: [`RowSource`].

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::kernel::{ActorId, Time};
use crate::trace::{Body, Ids, PlaceId, RecordId};

use super::columns::{Columns, Labels, Names, names, optional, required};
use super::manifest::SinkCounts;

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

/// The columns before those of the payload.
fn fixed_fields() -> Vec<Field> {
    vec![
        required("at_ns", DataType::Int64),
        required("record", DataType::Int64),
        required("source", names()),
        required("sequence", DataType::Int64),
        required("topic", names()),
        required("partition", DataType::Int32),
        required("offset", DataType::Int64),
        optional("key", DataType::Utf8),
    ]
}

/// The columns of a sink. A payload's field whose name is taken is called `payload_NAME`.
pub(super) fn schema(columns: &[SinkColumn]) -> SchemaRef {
    let mut fields = fixed_fields();
    for column in columns {
        let mut name = column.name.clone();
        while fields.iter().any(|field| *field.name() == name) {
            name.insert_str(0, "payload_");
        }
        fields.push(optional(&name, column.kind.data_type()));
    }
    Arc::new(Schema::new(fields))
}

/// Rows of a sink under construction.
pub(super) struct SinkColumns {
    labels: Arc<Labels>,
    schema: SchemaRef,
    source_of_rows: Box<dyn RowSource>,
    /// What was consumed so far.
    pub(super) counts: SinkCounts,
    rows: usize,
    scratch: Vec<Cell>,
    at_ns: Int64Builder,
    record: Int64Builder,
    source: Names,
    sequence: Int64Builder,
    topic: Names,
    partition: Int32Builder,
    offset: Int64Builder,
    key: StringBuilder,
    payload: Vec<CellColumn>,
}

impl SinkColumns {
    pub(super) fn new(labels: Arc<Labels>, source_of_rows: Box<dyn RowSource>) -> Self {
        let columns = source_of_rows.columns();
        Self {
            schema: schema(columns),
            payload: columns.iter().map(|column| CellColumn::new(column.kind)).collect(),
            source_of_rows,
            counts: SinkCounts::default(),
            rows: 0,
            scratch: Vec::new(),
            at_ns: Int64Builder::new(),
            record: Int64Builder::new(),
            source: labels.sources(),
            sequence: Int64Builder::new(),
            topic: labels.channels(),
            partition: Int32Builder::new(),
            offset: Int64Builder::new(),
            key: StringBuilder::new(),
            labels,
        }
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Takes in what an instance of the sink has processed; `offset` is that of the first.
    pub(super) fn processed(&mut self, at: Time, ids: &Ids, place: PlaceId, offset: u64) {
        let Ids::Span(span) = ids else {
            self.counts.without_body += u64::from(ids.len());
            return;
        };
        for (index, record) in span.records().iter().enumerate() {
            match span.batch.body(span.from + index as u32) {
                Some(body) => self.push(at, record.id, place, offset + index as u64, body),
                None => self.counts.without_body += 1,
            }
        }
    }

    fn push(&mut self, at: Time, id: RecordId, place: PlaceId, offset: u64, body: &Body) {
        if let Err(why) = self.decode(body) {
            self.counts.undecodable += 1;
            self.counts.first_error.get_or_insert_with(|| format!("record {id}: {why}"));
            return;
        }
        let (channel, partition) = self.labels.place(place);
        self.rows += 1;
        self.counts.rows += 1;
        self.at_ns.append_value(at.as_nanos() as i64);
        self.record.append_value(id.to_bits() as i64);
        self.source.number(id.source());
        self.sequence.append_value(id.sequence() as i64);
        self.topic.number(channel.0);
        self.partition.append_value(partition);
        self.offset.append_value(offset as i64);
        self.key.append_option(body.key.as_deref().map(key_text));
        for (column, cell) in self.payload.iter_mut().zip(self.scratch.drain(..)) {
            column.push(cell);
        }
    }

    /// The cells of a body, in `scratch`.
    fn decode(&mut self, body: &Body) -> Result<(), String> {
        self.scratch.clear();
        self.source_of_rows.decode(body, &mut self.scratch)?;
        let fits =
            |(column, cell): (&CellColumn, &Cell)| cell.kind().is_none_or(|kind| kind == column.kind());
        if self.scratch.len() != self.payload.len() || !self.payload.iter().zip(&self.scratch).all(fits) {
            return Err("its cells are not those of the sink's columns".to_owned());
        }
        Ok(())
    }
}

/// Keys are text, mostly; what is not is written as `0x` and hexadecimal digits.
fn key_text(key: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(key) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(key.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))),
    }
}

impl Columns for SinkColumns {
    fn len(&self) -> usize {
        self.rows
    }

    fn finish(&mut self) -> RecordBatch {
        self.rows = 0;
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.at_ns.finish()),
            Arc::new(self.record.finish()),
            self.source.finish(),
            Arc::new(self.sequence.finish()),
            self.topic.finish(),
            Arc::new(self.partition.finish()),
            Arc::new(self.offset.finish()),
            Arc::new(self.key.finish()),
        ];
        columns.extend(self.payload.iter_mut().map(CellColumn::finish));
        RecordBatch::try_new(Arc::clone(&self.schema), columns).expect("columns as in the schema")
    }
}

impl CellKind {
    fn data_type(self) -> DataType {
        match self {
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Text => DataType::Utf8,
            Self::Bool => DataType::Boolean,
        }
    }
}

impl Cell {
    fn kind(&self) -> Option<CellKind> {
        match self {
            Self::Int(_) => Some(CellKind::Int),
            Self::Float(_) => Some(CellKind::Float),
            Self::Text(_) => Some(CellKind::Text),
            Self::Bool(_) => Some(CellKind::Bool),
            Self::Null => None,
        }
    }
}

/// A column of a payload under construction.
enum CellColumn {
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Bool(BooleanBuilder),
}

impl CellColumn {
    fn new(kind: CellKind) -> Self {
        match kind {
            CellKind::Int => Self::Int(Int64Builder::new()),
            CellKind::Float => Self::Float(Float64Builder::new()),
            CellKind::Text => Self::Text(StringBuilder::new()),
            CellKind::Bool => Self::Bool(BooleanBuilder::new()),
        }
    }

    fn kind(&self) -> CellKind {
        match self {
            Self::Int(_) => CellKind::Int,
            Self::Float(_) => CellKind::Float,
            Self::Text(_) => CellKind::Text,
            Self::Bool(_) => CellKind::Bool,
        }
    }

    /// A cell of this kind, or none.
    fn push(&mut self, cell: Cell) {
        match (self, cell) {
            (Self::Int(column), Cell::Int(value)) => column.append_value(value),
            (Self::Float(column), Cell::Float(value)) => column.append_value(value),
            (Self::Text(column), Cell::Text(value)) => column.append_value(value),
            (Self::Bool(column), Cell::Bool(value)) => column.append_value(value),
            (Self::Int(column), _) => column.append_null(),
            (Self::Float(column), _) => column.append_null(),
            (Self::Text(column), _) => column.append_null(),
            (Self::Bool(column), _) => column.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Int(column) => Arc::new(column.finish()),
            Self::Float(column) => Arc::new(column.finish()),
            Self::Text(column) => Arc::new(column.finish()),
            Self::Bool(column) => Arc::new(column.finish()),
        }
    }
}
