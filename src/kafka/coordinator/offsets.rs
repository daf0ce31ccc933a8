//! The committed offsets of a group, and when they expire.
//!
//! Source: oracle sheet 07, 7d. **Not modelled:** expiry times set by the client (OffsetCommit before
//! version 5), offset metadata.

use std::collections::BTreeMap;

use super::records::OffsetsRecord;
use crate::kernel::{Duration, Time};
use crate::trace::{GroupId, PlaceId};

/// A committed offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Committed {
    /// The next offset to read.
    pub offset: u64,
    /// When it was committed.
    pub at: Time,
}

/// From when the retention of a group's offsets counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetainedSince {
    /// From each commit.
    Commit,
    /// From when the group became empty.
    Emptied(Time),
    /// They are kept.
    Never,
}

/// Offsets by partition. Only replicated ones: what is under way cannot be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Offsets(BTreeMap<PlaceId, Committed>);

impl Offsets {
    /// Keeps a commit.
    pub fn put(&mut self, place: PlaceId, committed: Committed) {
        self.0.insert(place, committed);
    }

    /// Keeps a commit, unless there is a newer one.
    pub fn restore(&mut self, place: PlaceId, committed: Committed) {
        self.0.entry(place).or_insert(committed);
    }

    /// Forgets one.
    pub fn remove(&mut self, place: PlaceId) {
        self.0.remove(&place);
    }

    /// Takes out those whose retention is over; `subscribed` partitions are kept.
    pub fn take_expired(
        &mut self,
        now: Time,
        retention: Duration,
        since: RetainedSince,
        subscribed: impl Fn(PlaceId) -> bool,
    ) -> Vec<(PlaceId, Committed)> {
        let expired = |place: PlaceId, committed: &Committed| match since {
            RetainedSince::Never => false,
            RetainedSince::Commit => !subscribed(place) && is_expired(now, committed.at, retention),
            RetainedSince::Emptied(at) => is_expired(now, at, retention),
        };
        let gone = self.0.iter().filter(|(place, committed)| expired(**place, committed));
        let gone: Vec<_> = gone.map(|(place, committed)| (*place, *committed)).collect();
        for (place, _) in &gone {
            self.0.remove(place);
        }
        gone
    }

    /// The committed one.
    pub fn get(&self, place: PlaceId) -> Option<Committed> {
        self.0.get(&place).copied()
    }

    /// Whether nothing is committed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As they are written.
    pub fn records(&self, group: GroupId) -> impl Iterator<Item = OffsetsRecord> + '_ {
        self.0.iter().map(move |(place, committed)| committed.record(group, *place))
    }
}

impl Committed {
    /// As it is written.
    pub fn record(self, group: GroupId, place: PlaceId) -> OffsetsRecord {
        OffsetsRecord::Offset { group, place, offset: self.offset, at: self.at }
    }
}

/// Whether what counts from `base` is retained no longer.
fn is_expired(now: Time, base: Time, retention: Duration) -> bool {
    base + retention <= now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_offset_expired() {
        // OffsetExpirationConditionImplTest.testIsOffsetExpired: commit 500, retention 500.
        let expired =
            |now| is_expired(Time::from_millis(now), Time::from_millis(500), Duration::from_millis(500));
        assert!(expired(1_000));
        assert!(!expired(999));
    }
}
