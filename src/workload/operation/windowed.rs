//! `tumbling` and `sliding` windows by key: aggregates of fields.

use crate::kernel::{Duration, Time};

use super::super::row::{Field, FieldKind, Row, Schema};
use super::aggregate::{Accumulator, Aggregate, Bound};
use super::windows::{Closed, Windows};
use super::{Emitted, OperationError, extended};

/// Size, lateness and aggregates of windows by event time. The result has `window_start`, `window_end` (times),
/// `key` (text or null) and one field for each aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// How long a window is; above zero; whole milliseconds. Windows begin at multiples of it.
    pub size: Duration,
    /// How far the watermark stays behind the latest event time.
    pub lateness: Duration,
    /// What is computed of each window and key, at least one.
    pub aggregates: Vec<Aggregate>,
}

#[derive(Clone, Debug)]
pub(super) struct Windowed {
    aggregates: Vec<Bound>,
    windows: Windows<Vec<Accumulator>>,
}

/// The fields that the results of all windows begin with.
pub(super) fn head(name: &str) -> Schema {
    let mut schema =
        Schema::of(name, &[("window_start", FieldKind::Timestamp), ("window_end", FieldKind::Timestamp)]);
    schema.fields.push(Field::optional("key", FieldKind::Text));
    schema
}

impl Windowed {
    pub(super) fn bind(
        input: &Schema,
        window: &Window,
        every: Duration,
    ) -> Result<(Self, Schema), OperationError> {
        if window.aggregates.is_empty() {
            return Err(OperationError::Setting("a window needs at least one aggregate"));
        }
        let mut schema = head(&format!("{}_windows", input.name));
        let mut aggregates = Vec::new();
        for aggregate in &window.aggregates {
            let (bound, field) = aggregate.bind(input)?;
            schema = extended(&schema, field)?;
            aggregates.push(bound);
        }
        let windows = Windows::new(window.size, every, window.lateness)?;
        Ok((Self { aggregates, windows }, schema))
    }

    pub(super) fn apply(&mut self, key: Option<&[u8]>, at: Time, row: &Row, out: &mut Vec<Emitted>) {
        let aggregates = &self.aggregates;
        let empty = || aggregates.iter().map(|aggregate| aggregate.empty()).collect();
        let gather = |accumulators: &mut Vec<Accumulator>| {
            for (aggregate, accumulator) in aggregates.iter().zip(accumulators) {
                aggregate.gather(accumulator, at, row);
            }
        };
        self.windows.add(key, at, empty, gather, |closed| out.push(emitted(closed)));
    }

    pub(super) fn flush(&mut self, out: &mut Vec<Emitted>) {
        self.windows.flush(|closed| out.push(emitted(closed)));
    }

    pub(super) fn late(&self) -> u64 {
        self.windows.late()
    }

    pub(super) fn open(&self) -> usize {
        self.windows.open()
    }
}

fn emitted(closed: Closed<Vec<Accumulator>>) -> Emitted {
    let mut row = Row::from(closed.bounds());
    row.push(closed.key_text());
    let event_time = closed.event_time();
    row.extend(closed.gathered.into_iter().map(Accumulator::result));
    Emitted { key: closed.key, event_time, row }
}
