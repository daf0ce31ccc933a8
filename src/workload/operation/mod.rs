//! Operations: what a processor makes of a decoded row.
//!
//! **Invariant.** What comes out is a function of the rows that went in, in their order. Windows go by event
//! time alone: the watermark is the latest event time less the allowed lateness, a window closes when the
//! watermark reaches its end, and a row whose windows are all closed is counted as late and dropped.

use crate::kernel::{Duration, Time};

use super::row::{Field, FieldKind, Row, Schema, Value};

mod aggregate;
mod cores;
mod enrich;
mod filter;
mod sentiment;
mod track;
mod windowed;
mod windows;

pub use aggregate::{Aggregate, Function};
pub use enrich::Enrichment;
pub use filter::Compare;
pub use windowed::Window;

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
        /// With what: a number for a number, text for text; not null.
        value: Value,
    },
    /// Adds a field.
    Enrich {
        /// The name of the new field.
        field: String,
        /// Where its value comes from.
        from: Enrichment,
    },
    /// Windows by key that do not overlap.
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
    /// Adds the sentiment of a text (VADER): `compound` from -1 to 1, and `sentiment`, a word.
    Sentiment {
        /// The text field.
        field: String,
    },
    /// The mean over a host's cores for each tick of its `cpu` records.
    Cores {
        /// The length of a tick; 500 ms is usual; whole milliseconds.
        every: Duration,
        /// How long a tick waits for late cores.
        lateness: Duration,
    },
}

/// Why an operation does not fit the rows it is given.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OperationError {
    /// The rows have no such field.
    #[error("`{schema}` has no field `{field}`{}", super::row::did_you_mean(.similar.as_deref()))]
    UnknownField {
        /// The schema's name.
        schema: String,
        /// The field that was asked for.
        field: String,
        /// A field of a similar name.
        similar: Option<String>,
    },
    /// The field holds something the operation cannot work on.
    #[error("field `{field}` is {is:?}, and {wants}")]
    WrongKind {
        /// The field.
        field: String,
        /// What it holds.
        is: FieldKind,
        /// What is wanted, as the end of the sentence.
        wants: &'static str,
    },
    /// A field that is added is there already.
    #[error("there is a field `{0}` already; choose another name")]
    DuplicateField(String),
    /// A setting is outside its bounds.
    #[error("{0}")]
    Setting(&'static str),
}

/// A record that an operation hands on.
#[derive(Clone, Debug, PartialEq)]
pub struct Emitted {
    /// Its key: the input's, or the group's of a window.
    pub key: Option<Vec<u8>>,
    /// Its event time: the input's, or the last millisecond of a window (so that it falls into that window again).
    pub event_time: Time,
    /// Its values, by the output schema.
    pub row: Row,
}

/// An operation at work.
#[derive(Clone, Debug)]
pub struct OperationState(State);

#[derive(Clone, Debug)]
enum State {
    Pass,
    Filter(filter::Filter),
    Enrich(enrich::Enrich),
    Windowed(windowed::Windowed),
    Track(track::Track),
    Sentiment(sentiment::Sentiment),
    Cores(cores::Cores),
}

impl Operation {
    /// The schema of what comes out when rows of `input` go in.
    ///
    /// # Errors
    /// When the operation does not fit the rows, or a setting is outside its bounds.
    pub fn output_schema(&self, input: &Schema) -> Result<Schema, OperationError> {
        self.bind(input).map(|(_, schema)| schema)
    }

    /// The beginning of this operation on rows of `input`.
    ///
    /// # Errors
    /// As [`output_schema`](Self::output_schema).
    pub fn state(&self, input: &Schema) -> Result<OperationState, OperationError> {
        self.bind(input).map(|(state, _)| OperationState(state))
    }

    fn bind(&self, input: &Schema) -> Result<(State, Schema), OperationError> {
        Ok(match self {
            Self::Pass => (State::Pass, input.clone()),
            Self::Filter { field, compare, value } => {
                (State::Filter(filter::Filter::bind(input, field, *compare, value)?), input.clone())
            }
            Self::Enrich { field, from } => {
                let (enrich, schema) = enrich::Enrich::bind(input, field, from)?;
                (State::Enrich(enrich), schema)
            }
            Self::Tumbling(window) => windowed(input, window, window.size)?,
            Self::Sliding { window, every } => windowed(input, window, *every)?,
            Self::Track { every, lateness } => {
                let (track, schema) = track::Track::bind(input, *every, *lateness)?;
                (State::Track(track), schema)
            }
            Self::Sentiment { field } => {
                let (sentiment, schema) = sentiment::Sentiment::bind(input, field)?;
                (State::Sentiment(sentiment), schema)
            }
            Self::Cores { every, lateness } => {
                let (cores, schema) = cores::Cores::bind(input, *every, *lateness)?;
                (State::Cores(cores), schema)
            }
        })
    }
}

fn windowed(input: &Schema, window: &Window, every: Duration) -> Result<(State, Schema), OperationError> {
    let (windowed, schema) = windowed::Windowed::bind(input, window, every)?;
    Ok((State::Windowed(windowed), schema))
}

impl OperationState {
    /// Takes in a row and appends what it leads to to `out`: the windows that it closes, in order of their
    /// start and key, or the row as it was changed.
    pub fn apply(&mut self, key: Option<&[u8]>, event_time: Time, row: &Row, out: &mut Vec<Emitted>) {
        let emitted = |row| Emitted { key: key.map(<[u8]>::to_vec), event_time, row };
        match &mut self.0 {
            State::Pass => out.push(emitted(row.clone())),
            State::Filter(filter) => {
                if filter.admits(row) {
                    out.push(emitted(row.clone()));
                }
            }
            State::Enrich(enrich) => out.push(emitted(enrich.enriched(row))),
            State::Sentiment(sentiment) => out.push(emitted(sentiment.judged(row))),
            State::Windowed(windowed) => windowed.apply(key, event_time, row, out),
            State::Track(track) => track.apply(key, event_time, row, out),
            State::Cores(cores) => cores.apply(event_time, row, out),
        }
    }

    /// Closes all windows that are open, as at the end of the input.
    pub fn flush(&mut self, out: &mut Vec<Emitted>) {
        match &mut self.0 {
            State::Windowed(windowed) => windowed.flush(out),
            State::Track(track) => track.flush(out),
            State::Cores(cores) => cores.flush(out),
            State::Pass | State::Filter(_) | State::Enrich(_) | State::Sentiment(_) => {}
        }
    }

    /// How many rows came too late for all of their windows and were dropped.
    pub fn late(&self) -> u64 {
        match &self.0 {
            State::Windowed(windowed) => windowed.late(),
            State::Track(track) => track.late(),
            State::Cores(cores) => cores.late(),
            State::Pass | State::Filter(_) | State::Enrich(_) | State::Sentiment(_) => 0,
        }
    }

    /// How many windows of one key are open: what the operation holds in memory.
    pub fn open(&self) -> usize {
        match &self.0 {
            State::Windowed(windowed) => windowed.open(),
            State::Track(track) => track.open(),
            State::Cores(cores) => cores.open(),
            State::Pass | State::Filter(_) | State::Enrich(_) | State::Sentiment(_) => 0,
        }
    }
}

/// The place of a field.
fn position(schema: &Schema, field: &str) -> Result<usize, OperationError> {
    schema.position(field).ok_or_else(|| OperationError::UnknownField {
        schema: schema.name.clone(),
        field: field.to_owned(),
        similar: schema.similar(field).map(str::to_owned),
    })
}

/// The place of a field that is of one of the kinds.
fn position_of(
    schema: &Schema,
    field: &str,
    kinds: &[FieldKind],
    wants: &'static str,
) -> Result<usize, OperationError> {
    let place = position(schema, field)?;
    let is = schema.fields[place].kind;
    if kinds.contains(&is) {
        Ok(place)
    } else {
        Err(OperationError::WrongKind { field: field.to_owned(), is, wants })
    }
}

/// `input` with one more field.
fn extended(input: &Schema, field: Field) -> Result<Schema, OperationError> {
    if input.position(&field.name).is_some() {
        return Err(OperationError::DuplicateField(field.name));
    }
    let mut schema = input.clone();
    schema.fields.push(field);
    Ok(schema)
}

#[cfg(test)]
mod tests;
