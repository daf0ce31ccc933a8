//! The follower's side of a partition.
use crate::kafka::log::Log;
use crate::kernel::Time;
use crate::trace::PlaceId;
use crate::trace::kafka::{BrokerId, ErrorCode};
use crate::wire::kafka::{FetchPlace, FetchedPlace};

/// What a follower did with the news of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// Appended this many batches (may be 0); the high watermark when it moved.
    Appended {
        /// How many batches.
        batches: u32,
        /// The high watermark, when it changed.
        high_watermark: Option<u64>,
    },
    /// Its log had diverged; fetch again. `from` equals `to` when nothing lay above.
    Truncated {
        /// The log end offset now.
        to: u64,
        /// The log end offset before.
        from: u64,
    },
    /// Its end is not in the leader's log: ask for the leader's start and end, then [`Follower::out_of_range`].
    OutOfRange,
    /// Try again later (`FENCED_LEADER_EPOCH`, `UNKNOWN_LEADER_EPOCH`, `NOT_LEADER_OR_FOLLOWER`, ...).
    Failed(ErrorCode),
    /// An answer to a question of another leader or epoch, or to an offset that is not asked for any more.
    Stale,
}

/// The follower's side of a partition.
#[derive(Clone, Debug)]
pub struct Follower {}

impl Follower {
    /// Begins to follow. Without any leader epoch in its log it truncates to the high watermark: (new end, old end).
    pub fn new(_leader: BrokerId, _leader_epoch: u32, _log: &mut Log) -> (Self, Option<(u64, u64)>) {
        todo!()
    }
    /// What to ask next.
    pub fn fetch(&self, _place: PlaceId, _log: &Log, _max_bytes: u32) -> FetchPlace {
        todo!()
    }
    /// Takes an answer to a fetch at `asked` (its offset).
    pub fn take(&mut self, _log: &mut Log, _asked: u64, _fetched: &FetchedPlace, _now: Time) -> Taken {
        todo!()
    }
    /// After [`Taken::OutOfRange`]: the leader's log reaches from `leader_start` to `leader_end`. Says (new end, old end) when the log changed.
    pub fn out_of_range(
        &mut self,
        _log: &mut Log,
        _leader_start: u64,
        _leader_end: u64,
    ) -> Option<(u64, u64)> {
        todo!()
    }
    /// Whom it follows.
    pub fn leader(&self) -> BrokerId {
        todo!()
    }
    /// In which epoch.
    pub fn leader_epoch(&self) -> u32 {
        todo!()
    }
}

/// Where a follower truncates to.
pub fn truncation_target(_diverging: (u32, u64), _own: Option<(u32, u64)>, _log_end: u64) -> u64 {
    todo!()
}
