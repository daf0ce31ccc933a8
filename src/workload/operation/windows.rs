//! Windows by event time and key, whatever is gathered in them.
//!
//! **Invariant.** A window `[start, start + size)` is open from its first row until the watermark reaches its
//! end, is handed out exactly once, and no row enters it after that. Windows are handed out in order of start,
//! then key (no key first).

use std::collections::BTreeMap;

use crate::kernel::{Duration, Time};

use super::super::row::Value;
use super::OperationError;

/// Open windows, each key's with an accumulator `A`.
#[derive(Clone, Debug)]
pub(super) struct Windows<A> {
    size: Duration,
    every: Duration,
    lateness: Duration,
    /// The latest event time seen; `None` before the first row.
    latest: Option<Time>,
    open: BTreeMap<Time, Groups<A>>,
    late: u64,
}

#[derive(Clone, Debug)]
struct Groups<A> {
    unkeyed: Option<A>,
    keyed: BTreeMap<Vec<u8>, A>,
}

/// A window that was closed.
pub(super) struct Closed<A> {
    pub(super) start: Time,
    pub(super) end: Time,
    pub(super) key: Option<Vec<u8>>,
    pub(super) gathered: A,
}

impl<A> Closed<A> {
    /// Its start and its end, in milliseconds.
    pub(super) fn bounds(&self) -> [Value; 2] {
        [self.start, self.end].map(|at| Value::Int(at.as_millis() as i64))
    }

    /// The event time of its result: its last millisecond.
    pub(super) fn event_time(&self) -> Time {
        Time::from_millis(self.end.as_millis() - 1)
    }

    /// Its key as text, null when there is none; bytes that are not UTF-8 are shown as replacement characters.
    pub(super) fn key_text(&self) -> Value {
        self.key.as_deref().map_or(Value::Null, |key| Value::text(&String::from_utf8_lossy(key)))
    }
}

const MILLISECOND: u64 = 1_000_000;

impl<A> Windows<A> {
    pub(super) fn new(size: Duration, every: Duration, lateness: Duration) -> Result<Self, OperationError> {
        let whole = |length: Duration| length.as_nanos().is_multiple_of(MILLISECOND);
        if size.is_zero() || every.is_zero() || !whole(size) || !whole(every) {
            return Err(OperationError::Setting(
                "a window's length is a whole number of milliseconds, at least 1",
            ));
        }
        if every > size {
            return Err(OperationError::Setting(
                "windows begin at least as often as they are long, or rows fall between",
            ));
        }
        if size.as_nanos() / every.as_nanos() > 10_000 {
            return Err(OperationError::Setting("at most 10,000 windows may overlap"));
        }
        Ok(Self { size, every, lateness, latest: None, open: BTreeMap::new(), late: 0 })
    }

    /// Lets `gather` take a row into each of its windows, then hands out what the row closes.
    pub(super) fn add(
        &mut self,
        key: Option<&[u8]>,
        at: Time,
        empty: impl Fn() -> A,
        mut gather: impl FnMut(&mut A),
        close: impl FnMut(Closed<A>),
    ) {
        let watermark = self.watermark();
        let mut entered = false;
        let mut start = last_start(at, self.every);
        loop {
            if start + self.size > watermark {
                gather(self.accumulator(start, key, &empty));
                entered = true;
            }
            let Some(earlier) = start.as_nanos().checked_sub(self.every.as_nanos()) else { break };
            start = Time::from_nanos(earlier);
            if start + self.size <= at {
                break;
            }
        }
        self.late += u64::from(!entered);
        if self.latest.is_none_or(|latest| at > latest) {
            self.latest = Some(at);
            self.close_until(self.watermark(), close);
        }
    }

    /// Hands out all open windows.
    pub(super) fn flush(&mut self, close: impl FnMut(Closed<A>)) {
        self.close_until(Time::NEVER, close);
    }

    pub(super) fn late(&self) -> u64 {
        self.late
    }

    pub(super) fn open(&self) -> usize {
        self.open.values().map(|groups| groups.keyed.len() + usize::from(groups.unkeyed.is_some())).sum()
    }

    /// Windows that end here or before are closed.
    fn watermark(&self) -> Time {
        let latest = self.latest.unwrap_or(Time::ZERO);
        Time::from_nanos(latest.as_nanos().saturating_sub(self.lateness.as_nanos()))
    }

    fn accumulator(&mut self, start: Time, key: Option<&[u8]>, empty: &impl Fn() -> A) -> &mut A {
        let groups =
            self.open.entry(start).or_insert_with(|| Groups { unkeyed: None, keyed: BTreeMap::new() });
        match key {
            None => groups.unkeyed.get_or_insert_with(empty),
            Some(key) => {
                // Looked up twice so that a key is copied only when it is new.
                if !groups.keyed.contains_key(key) {
                    groups.keyed.insert(key.to_vec(), empty());
                }
                groups.keyed.get_mut(key).expect("it was there or was put there")
            }
        }
    }

    fn close_until(&mut self, watermark: Time, mut close: impl FnMut(Closed<A>)) {
        while let Some(first) = self.open.first_entry() {
            let start = *first.key();
            let end = start + self.size;
            if end > watermark {
                break;
            }
            let groups = first.remove();
            if let Some(gathered) = groups.unkeyed {
                close(Closed { start, end, key: None, gathered });
            }
            for (key, gathered) in groups.keyed {
                close(Closed { start, end, key: Some(key), gathered });
            }
        }
    }
}

/// The start of the last window that begins at `at` or before.
fn last_start(at: Time, every: Duration) -> Time {
    Time::from_nanos(at.as_nanos() - at.as_nanos() % every.as_nanos())
}
