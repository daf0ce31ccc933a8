//! What waits outside the buffer: records whose `send()` blocks, and flushes.
//!
//! **Invariant.** Records go in as they came: none overtakes one that waits.

use std::collections::VecDeque;
use std::sync::Arc;

use super::batch::Batches;
use crate::kernel::Time;
use crate::trace::{Body, ChannelId, Record};

/// A record that waits for metadata or for memory.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Where to.
    pub channel: ChannelId,
    /// The record.
    pub record: Record,
    /// Its content.
    pub body: Option<Arc<Body>>,
    /// When `max.block.ms` is over.
    pub deadline: Time,
}

/// Who waits.
#[derive(Clone, Debug, Default)]
pub struct Door {
    visitors: VecDeque<Visitor>,
    offered: u64,
    passed: u64,
    flushes: VecDeque<Flush>,
    /// Records that were not accepted, since the last flush.
    failed: u32,
    closing: bool,
}

/// A flush that has not returned.
#[derive(Clone, Debug)]
struct Flush {
    /// Covers the records up to this one.
    offered: u64,
    /// They are in batches older than this one; not known while some of them wait.
    behind: Option<u64>,
}

impl Door {
    /// A record is offered.
    #[inline]
    pub fn offer(&mut self) {
        assert!(!self.closing, "nothing is offered to a producer that was closed");
        self.offered += 1;
    }

    /// It, or the first that waits, is in the buffer or has its outcome.
    #[inline]
    pub fn pass(&mut self) {
        self.passed += 1;
    }

    /// It has to wait. True when it is the first.
    pub fn wait(&mut self, visitor: Visitor) -> bool {
        self.visitors.push_back(visitor);
        self.visitors.len() == 1
    }

    /// The first that waits, to be let in.
    pub fn take(&mut self) -> Option<Visitor> {
        self.visitors.pop_front()
    }

    /// All that wait, in order.
    pub fn visitors(&self) -> impl Iterator<Item = &Visitor> {
        self.visitors.iter()
    }

    /// It has to wait on.
    pub fn back(&mut self, visitor: Visitor) {
        self.visitors.push_front(visitor);
    }

    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.visitors.is_empty()
    }

    /// When the first has waited long enough.
    pub fn deadline(&self) -> Time {
        self.visitors.front().map_or(Time::NEVER, |visitor| visitor.deadline)
    }

    /// Nothing shall linger: somebody waits for memory, for a flush, or for the end.
    #[inline]
    pub fn urgent(&self) -> bool {
        !self.visitors.is_empty() || !self.flushes.is_empty() || self.closing
    }

    /// So many records were not accepted.
    pub fn failed(&mut self, records: u32) {
        self.failed += records;
    }

    /// A flush begins.
    pub fn flush(&mut self) {
        self.flushes.push_back(Flush { offered: self.offered, behind: None });
    }

    /// Nothing more is offered.
    pub fn close(&mut self) {
        if !self.closing {
            self.closing = true;
            self.flush();
        }
    }

    /// Closed, and nobody waits for it any more.
    pub fn is_closed(&self) -> bool {
        self.closing && self.flushes.is_empty()
    }

    /// The next flush that returns, with the number of records that were not accepted.
    pub fn flushed(&mut self, batches: &Batches) -> Option<u32> {
        for flush in &mut self.flushes {
            if flush.behind.is_none() && self.passed >= flush.offered {
                flush.behind = Some(batches.next_serial());
            }
        }
        let behind = self.flushes.front()?.behind?;
        if batches.oldest_age().is_some_and(|age| age < behind) {
            return None;
        }
        self.flushes.pop_front();
        Some(std::mem::take(&mut self.failed))
    }
}
