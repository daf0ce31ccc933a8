//! A recorded trace: when records were once offered, with what keys and payloads.
//!
//! **Invariant.** Offsets begin at zero and never fall. How a table of cells becomes a trace is pure and lives
//! here; reading the file is [`trace_file`](super::trace_file)'s affair.
//!
//! **Not modelled:** binary columns, nested columns, traces larger than memory.

use std::path::PathBuf;
use std::sync::Arc;

use crate::kernel::Time;

use super::codec::Codec;
use super::row::{Row, Schema, Value, did_you_mean};
use super::timestamp::{TimeUnit, parse_iso, parse_number};

/// One recorded record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEntry {
    /// When it was offered, counted from the first entry.
    pub offset: Time,
    /// Its key, when the trace has a key column and this line has a key.
    pub key: Option<Arc<[u8]>>,
    /// Its payload: the payload column as it stands, or a JSON object of all columns but the time and the key.
    /// `None` when there are no such columns or the payload column is empty on this line.
    pub payload: Option<Arc<[u8]>>,
}

/// A recorded trace, in order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The entries; at least one when it was loaded; offsets begin at zero and never fall.
    pub entries: Vec<TraceEntry>,
    /// The fields of the JSON payloads (decode them with [`Codec::Json`]), when the payload is made of columns.
    pub schema: Option<Schema>,
}

impl Trace {
    /// How long it took as recorded: the offset of the last entry.
    pub fn span(&self) -> Time {
        self.entries.last().map_or(Time::ZERO, |entry| entry.offset)
    }
}

/// How to read a trace file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceOptions {
    /// The column that holds the time: ISO 8601 text (UTC where it names no offset), or numbers.
    pub time: String,
    /// The unit of numeric times; `None` guesses from the size of the first (an epoch time of 2001 or later;
    /// smaller numbers are seconds). A Parquet timestamp states its own.
    pub unit: Option<TimeUnit>,
    /// The column that holds the key, when there is one.
    pub key: Option<String>,
    /// The column that holds the payload; `None` makes a JSON object of all columns but the time and the key.
    pub payload: Option<String>,
}

impl Default for TraceOptions {
    /// A column `time`, no key, all other columns as payload.
    fn default() -> Self {
        Self { time: "time".to_owned(), unit: None, key: None, payload: None }
    }
}

impl TraceOptions {
    /// Whether the column is taken as it stands, as text, whatever it looks like.
    pub(super) fn is_verbatim(&self, column: &str) -> bool {
        self.time == column || [&self.key, &self.payload].into_iter().flatten().any(|name| name == column)
    }
}

/// Why a trace could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be opened or is not what its name says.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The name ends neither in `.csv` nor in `.parquet`.
    #[error("{}: a trace is a .csv or a .parquet file", .0.display())]
    Format(PathBuf),
    /// A column that was asked for is not there.
    #[error("there is no column `{column}`{hint}")]
    Column {
        /// The column that was asked for.
        column: String,
        /// A similar column, or a list of those there are.
        hint: String,
    },
    /// A line does not say when it happened.
    #[error("line {line}: `{text}` is not a time ({expected})")]
    Time {
        /// The line in a CSV file (its header is line 1), or the row of a Parquet file, from 1.
        line: u64,
        /// What stands there.
        text: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// Time goes backwards.
    #[error("line {line}: time goes back by {back_ms} ms; sort the file by `{column}`")]
    Order {
        /// The line, counted as above.
        line: u64,
        /// By how many milliseconds it lies before the line above it, rounded up.
        back_ms: u64,
        /// The time column.
        column: String,
    },
    /// A trace lasts at most 584 years.
    #[error("line {line}: it lies more than 584 years after the first")]
    Span {
        /// The line, counted as above.
        line: u64,
    },
    /// There is no record in it.
    #[error("the trace has no records")]
    Empty,
}

impl TraceError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::File { reason, .. } if reason.contains("(os error") => {
                "file names are seen from the folder of the scenario file"
            }
            Self::File { .. } => {
                "the file is there, but not what its name says, or packed in another way: convert it"
            }
            Self::Format(_) => "convert it; one line or row a record, with a column for the time",
            Self::Column { .. } => "name a column of the file's header",
            Self::Time { .. } => "let `time` name the column that says when, or mend that line of the file",
            Self::Order { .. } | Self::Span { .. } => "mend the file: its lines follow each other in time",
            Self::Empty => "a trace has a line with the names of its columns, and at least one more",
        }
    }
}

/// What a file holds, whatever its format: typed columns, and where each row stands.
pub(super) struct Table {
    pub(super) schema: Schema,
    pub(super) rows: Vec<Row>,
    /// The line of each row, for messages.
    pub(super) lines: Vec<u64>,
    /// The unit of the time column where the file states it.
    pub(super) unit: Option<TimeUnit>,
}

/// The columns that matter, by place.
struct Places {
    time: usize,
    key: Option<usize>,
    payload: Option<usize>,
    others: Vec<usize>,
}

impl Table {
    pub(super) fn into_trace(self, options: &TraceOptions) -> Result<Trace, TraceError> {
        let places = self.places(options)?;
        let offsets = self.offsets(places.time, options)?;
        let schema = self.payload_schema(&places);
        let mut entries = Vec::with_capacity(self.rows.len());
        for (row, offset) in self.rows.iter().zip(offsets) {
            let key = places.key.and_then(|place| bytes(&row[place]));
            let payload = match (places.payload, &schema) {
                (Some(place), _) => bytes(&row[place]),
                (None, Some(schema)) => Some(object(schema, row, &places.others)),
                (None, None) => None,
            };
            entries.push(TraceEntry { offset, key, payload });
        }
        if entries.is_empty() { Err(TraceError::Empty) } else { Ok(Trace { entries, schema }) }
    }

    fn places(&self, options: &TraceOptions) -> Result<Places, TraceError> {
        let find = |name: &String| self.find(name);
        let time = find(&options.time)?;
        let key = options.key.as_ref().map(find).transpose()?;
        let payload = options.payload.as_ref().map(find).transpose()?;
        let taken = |place: &usize| *place == time || Some(*place) == key || payload.is_some();
        let others = (0..self.schema.fields.len()).filter(|place| !taken(place)).collect();
        Ok(Places { time, key, payload, others })
    }

    fn find(&self, column: &str) -> Result<usize, TraceError> {
        self.schema.position(column).ok_or_else(|| {
            let names: Vec<&str> = self.schema.fields.iter().map(|field| field.name.as_str()).collect();
            let hint = match self.schema.similar(column) {
                Some(similar) => did_you_mean(Some(similar)),
                None => format!("; there are {}", names.join(", ")),
            };
            TraceError::Column { column: column.to_owned(), hint }
        })
    }

    /// The times of all rows, counted from the first.
    fn offsets(&self, place: usize, options: &TraceOptions) -> Result<Vec<Time>, TraceError> {
        let mut unit = options.unit.or(self.unit);
        let (mut first, mut last) = (None, i128::MIN);
        let mut offsets = Vec::with_capacity(self.rows.len());
        for (row, line) in self.rows.iter().zip(&self.lines) {
            let now = time_of(&row[place], &mut unit, *line)?;
            if now < last {
                let back_ms = u64::try_from((last - now + 999_999) / 1_000_000).unwrap_or(u64::MAX);
                return Err(TraceError::Order { line: *line, back_ms, column: options.time.clone() });
            }
            last = now;
            let since = now - *first.get_or_insert(now);
            let offset = u64::try_from(since).map_err(|_| TraceError::Span { line: *line })?;
            offsets.push(Time::from_nanos(offset));
        }
        Ok(offsets)
    }

    fn payload_schema(&self, places: &Places) -> Option<Schema> {
        let fields = places.others.iter().map(|place| self.schema.fields[*place].clone()).collect();
        (!places.others.is_empty()).then(|| Schema { name: self.schema.name.clone(), fields })
    }
}

/// Nanoseconds of a time; the first number settles the unit of all.
fn time_of(value: &Value, unit: &mut Option<TimeUnit>, line: u64) -> Result<i128, TraceError> {
    let text = match value {
        // Never with an exponent.
        Value::Float(value) => format!("{value}"),
        Value::Int(_) | Value::Text(_) | Value::Bool(_) | Value::Null => value.to_string(),
    };
    let text = text.trim();
    if unit.is_none() && parse_number(text, None).is_some() {
        let whole = text.split('.').next().and_then(|whole| whole.parse().ok());
        *unit = whole.map(TimeUnit::guess);
    }
    parse_number(text, *unit).or_else(|| parse_iso(text)).ok_or_else(|| TraceError::Time {
        line,
        text: text.to_owned(),
        expected: "ISO 8601 such as 2018-01-31T12:00:00Z, or a number",
    })
}

/// A cell as it stands; nothing is none.
fn bytes(value: &Value) -> Option<Arc<[u8]>> {
    let text = value.to_string();
    (!text.is_empty()).then(|| text.into_bytes().into())
}

fn object(schema: &Schema, row: &Row, places: &[usize]) -> Arc<[u8]> {
    let values: Row = places.iter().map(|place| row[*place].clone()).collect();
    let mut out = Vec::new();
    Codec::Json.encode(schema, &values, &mut out);
    out.into()
}
