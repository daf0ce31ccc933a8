//! Operations: what a processor makes of a decoded row.

use crate::kernel::Duration;

use super::row::{FieldKind, Value};

/// What a processor does with each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Hands the row on as it is.
    Pass,
    /// Hands on only the rows that compare as said; a null never does.
    Filter {
        /// The field to look at.
        field: String,
        /// How it must compare.
        compare: Compare,
        /// With what.
        value: Value,
    },
    /// Adds a field.
    Enrich {
        /// The name of the new field.
        field: String,
        /// Where its value comes from.
        from: Enrichment,
    },
    /// Windows by key that do not overlap: `every` equals `size`.
    Tumbling(Window),
    /// Windows by key that begin every so often and overlap.
    Sliding {
        /// Size, lateness and aggregates.
        window: Window,
        /// A window begins at each multiple of this; above zero and at most the size; whole milliseconds.
        every: Duration,
    },
    /// The average position of each track over windows that do not overlap.
    Track {
        /// The length of a window; 2 s is usual; whole milliseconds.
        every: Duration,
        /// How long a window waits for late fixes.
        lateness: Duration,
    },
    /// Adds the sentiment of a text (VADER): `compound` from -1 to 1 and `sentiment`, a word.
    Sentiment {
        /// The text field.
        field: String,
    },
    /// The mean over a machine's cores for each tick of its `cpu` records.
    Cores {
        /// The length of a tick; 500 ms is usual; whole milliseconds.
        every: Duration,
        /// How long a tick waits for late cores.
        lateness: Duration,
    },
}

/// Size, lateness and aggregates of windows by event time.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// How long a window is; above zero; whole milliseconds.
    pub size: Duration,
    /// How far the watermark stays behind the latest event time.
    pub lateness: Duration,
    /// What is computed of each window and key, at least one.
    pub aggregates: Vec<Aggregate>,
}

/// One aggregate of a window: a function of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// The function.
    pub function: Function,
    /// The field; `None` only for [`Function::Count`], which then counts rows.
    pub field: Option<String>,
    /// The name of the result; `None` is the function and the field: `mean_last`, or `count`.
    pub name: Option<String>,
}

/// What an aggregate computes. Nulls are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// The arithmetic mean of a number.
    Mean,
    /// The sum of a number.
    Sum,
    /// The least number.
    Min,
    /// The greatest number.
    Max,
    /// The value of the earliest event time; the first to arrive among equals.
    First,
    /// The value of the latest event time; the last to arrive among equals.
    Last,
    /// How many values.
    Count,
}

/// How a field compares with a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
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
        /// Text of the looked-up field, and the value found there.
        table: Vec<(String, Value)>,
        /// The value when nothing is found; may be null.
        otherwise: Value,
    },
}
