//! Where a log may be cut into files: when the active segment rolls, and which old ones retention deletes.

use std::collections::VecDeque;

use crate::kafka::config::TopicConfig;
use crate::kernel::Time;

/// A segment of a log, without its batches.
#[derive(Clone, Debug)]
struct Segment {
    /// The offset of its first record, or of the one that will be.
    base: u64,
    /// Bytes in the log before it.
    position: u64,
    /// The latest timestamp of its first batch.
    first_timestamp: Option<Time>,
    largest_timestamp: Time,
}

impl Segment {
    fn new(base: u64, position: u64) -> Self {
        Self { base, position, first_timestamp: None, largest_timestamp: Time::ZERO }
    }
}

/// The segments of a log, oldest first; the last is the active one. Never empty.
#[derive(Clone, Debug)]
pub(super) struct Segments {
    list: VecDeque<Segment>,
}

impl Segments {
    pub(super) fn new(base: u64, position: u64) -> Self {
        Self { list: VecDeque::from([Segment::new(base, position)]) }
    }

    /// A new active segment.
    pub(super) fn roll(&mut self, base: u64, position: u64) {
        self.list.push_back(Segment::new(base, position));
    }

    /// A batch goes into the active segment.
    #[inline]
    pub(super) fn add(&mut self, timestamp: Time) {
        let active = self.list.back_mut().expect("there is an active segment");
        active.first_timestamp.get_or_insert(timestamp);
        active.largest_timestamp = active.largest_timestamp.max(timestamp);
    }

    /// The log ends at `end`, which is not below the first base. Segments that begin above it go; the
    /// timestamps of the active one have to be added again.
    pub(super) fn truncate(&mut self, end: u64) {
        while self.active().base > end {
            self.list.pop_back();
        }
        let active = self.list.back_mut().expect("the first segment begins at or below the end");
        *active = Segment::new(active.base, active.position);
    }

    /// The oldest segment goes. It is not the active one.
    pub(super) fn delete_first(&mut self) {
        assert!(self.list.len() > 1, "the active segment stays");
        self.list.pop_front();
    }

    /// Whether the active segment is full or too old for a batch of so many bytes and this timestamp.
    #[inline]
    pub(super) fn rolls_before(&self, config: &TopicConfig, end: u64, bytes: u64, timestamp: Time) -> bool {
        let active = self.active();
        let Some(first) = active.first_timestamp else { return false };
        end - active.position + bytes > config.segment_bytes || timestamp.since(first) > config.segment_ms
    }

    /// How many of the oldest segments may be deleted: those that `is_breached` (base of the next segment,
    /// bytes, largest timestamp) and lie wholly below the high watermark. The last one counts only with
    /// something in it.
    pub(super) fn deletable(
        &self,
        high_watermark: u64,
        end: (u64, u64),
        mut is_breached: impl FnMut(Option<u64>, u64, Time) -> bool,
    ) -> usize {
        let breached = |index: &usize| {
            let segment = &self.list[*index];
            let next = self.list.get(index + 1);
            let (upper, position) = next.map_or(end, |next| (next.base, next.position));
            let bytes = position - segment.position;
            let is_last_and_empty = next.is_none() && bytes == 0;
            high_watermark >= upper
                && !is_last_and_empty
                && is_breached(next.map(|next| next.base), bytes, segment.largest_timestamp)
        };
        (0..self.list.len()).take_while(breached).count()
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Base offset of the oldest segment, and the bytes before it.
    pub(super) fn first(&self) -> (u64, u64) {
        let first = self.list.front().expect("there is a segment");
        (first.base, first.position)
    }

    /// Base offset of the active segment.
    pub(super) fn active_base(&self) -> u64 {
        self.active().base
    }

    fn active(&self) -> &Segment {
        self.list.back().expect("there is an active segment")
    }
}
