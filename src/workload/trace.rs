//! A recorded trace: when records were once offered, with what keys and payloads.

use std::path::PathBuf;
use std::sync::Arc;

use crate::kernel::Time;

use super::row::Schema;
use super::timestamp::TimeUnit;

/// One recorded record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEntry {
    /// When it was offered, counted from the first entry.
    pub offset: Time,
    /// Its key, when the trace has a key column and this line has a key.
    pub key: Option<Arc<[u8]>>,
    /// Its payload: the payload column as it stands, or a JSON object of the other columns. `None` when there is neither.
    pub payload: Option<Arc<[u8]>>,
}

/// A recorded trace, in order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The entries; at least one; offsets begin at zero and never fall.
    pub entries: Vec<TraceEntry>,
    /// The fields of the JSON payloads (decode them with [`Codec::Json`](super::Codec::Json)), when the payload is made of columns.
    pub schema: Option<Schema>,
}

/// How to read a trace file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceOptions {
    /// The column that holds the time.
    pub time: String,
    /// The unit of numeric times; `None` guesses from the size of the first one (as an epoch time of 2001 or
    /// later; smaller numbers are seconds). Text is always read as ISO 8601.
    pub unit: Option<TimeUnit>,
    /// The column that holds the key, when there is one.
    pub key: Option<String>,
    /// The column that holds the payload; `None` makes a JSON object of all columns but the time and the key.
    pub payload: Option<String>,
}

/// Why a trace could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be opened or is not what its name says.
    #[error("{path}: {reason}", path = .path.display())]
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
        /// A similar column or the list of those there are.
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
    /// There is no record in it.
    #[error("the trace has no records")]
    Empty,
}
