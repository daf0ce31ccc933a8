//! Arrivals as recorded.

use std::sync::Arc;

use crate::kernel::{Duration, Time};

use super::super::trace::{Trace, TraceEntry};

/// A trace and the place in it. The speed is rounded to millionths.
#[derive(Clone, Debug)]
pub(super) struct Replay {
    trace: Arc<Trace>,
    origin: Time,
    micro_speed: u128,
    next: usize,
}

impl Replay {
    pub(super) fn new(trace: &Arc<Trace>, speed: f64, origin: Time) -> Self {
        let micro_speed = ((speed * 1e6 + 0.5) as u128).max(1);
        Self { trace: Arc::clone(trace), origin, micro_speed, next: 0 }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Option<Time> {
        let due = self.due(self.next)?;
        self.next += 1;
        Some(due)
    }

    #[inline]
    fn due(&self, index: usize) -> Option<Time> {
        let offset = self.trace.entries.get(index)?.offset;
        let nanos = u128::from(offset.as_nanos()) * 1_000_000 / self.micro_speed;
        Some(self.origin + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// The entry whose time `next` returned last.
    pub(super) fn entry(&self) -> Option<&TraceEntry> {
        self.trace.entries.get(self.next.checked_sub(1)?)
    }

    pub(super) fn skip_to(&mut self, now: Time) {
        while self.due(self.next).is_some_and(|due| due < now) {
            self.next += 1;
        }
    }
}
