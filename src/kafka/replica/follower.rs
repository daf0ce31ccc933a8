//! The follower's side of a partition: what to fetch, and what to do with the answer.
//!
//! Truncation happens on fetch (KIP-595 style, Kafka >= 2.7): a fetch says the epoch of the last record below its
//! offset; a leader that finds the logs diverged says where, and the follower cuts its own and asks again.
//!
//! **Invariant.** A log is cut only to where both logs may still agree, and never grows past a difference.
//!
//! **Not modelled:** OffsetsForLeaderEpoch requests before fetching (inter-broker protocols below 2.7), fetching
//! from followers, tiered storage, throttling.
//!
//! Source: Kafka's `AbstractFetcherThread` and `ReplicaFetcherThread`, oracle sheet 05, section 5b.

use crate::kafka::log::Log;
use crate::kernel::Time;
use crate::trace::PlaceId;
use crate::trace::kafka::{BrokerId, ErrorCode};
use crate::wire::kafka::{Chunk, FetchPlace, FetchedPlace};

/// What a follower did with the news of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It appended what there was.
    Appended {
        /// How many batches; may be none.
        batches: u32,
        /// Its high watermark, when it changed.
        high_watermark: Option<u64>,
    },
    /// Its log had diverged and was cut. Fetch again.
    Truncated {
        /// The log end offset now.
        to: u64,
        /// The log end offset before; equal to `to` when only an empty epoch went.
        from: u64,
    },
    /// Its end is not in the leader's log. Ask for the leader's start and end, then [`Follower::out_of_range`].
    OutOfRange,
    /// Back off and try again (`FENCED_LEADER_EPOCH`, `UNKNOWN_LEADER_EPOCH`, `NOT_LEADER_OR_FOLLOWER`, ...).
    Failed(ErrorCode),
    /// The answer to a question that is not asked any more: other epoch, or other offset. Nothing was done.
    Stale,
}

/// The follower's side of a partition.
#[derive(Clone, Debug)]
pub struct Follower {
    leader: BrokerId,
    leader_epoch: u32,
}

impl Follower {
    /// Begins to follow; says (new end, old end) when that cut the log: [`Self::follow`].
    pub fn new(leader: BrokerId, leader_epoch: u32, log: &mut Log) -> (Self, Option<(u64, u64)>) {
        (Self { leader, leader_epoch }, truncate_without_epochs(log))
    }

    /// Follows `leader` in `leader_epoch` from now on. A log that knows no epoch at all is cut to its high watermark,
    /// as before KIP-101, when the epoch is new; any other waits for what the leader says.
    pub fn follow(&mut self, leader: BrokerId, leader_epoch: u32, log: &mut Log) -> Option<(u64, u64)> {
        let is_new = leader_epoch != self.leader_epoch;
        (self.leader, self.leader_epoch) = (leader, leader_epoch);
        if is_new { truncate_without_epochs(log) } else { None }
    }

    /// Takes the answer to `asked`: cuts the log where it diverged, or appends; then the high watermark is the
    /// smaller of the leader's and the own log end, and the log start the leader's.
    pub fn take(&mut self, log: &mut Log, asked: &FetchPlace, fetched: &FetchedPlace, now: Time) -> Taken {
        if asked.offset != log.end() || asked.leader_epoch != Some(self.leader_epoch) {
            return Taken::Stale;
        }
        match (fetched.error, fetched.diverging) {
            (ErrorCode::None, Some(diverging)) => truncate(log, diverging),
            (ErrorCode::None, None) => self.append(log, fetched, now),
            (ErrorCode::OffsetOutOfRange, _) => Taken::OutOfRange,
            (error, _) => Taken::Failed(error),
        }
    }

    /// After [`Taken::OutOfRange`]: the leader's log reaches from `leader_start` to `leader_end`. A longer own log is
    /// cut to the leader's end; one that ends below the leader's start begins anew there. Says (new end, old
    /// end) when the log changed; otherwise its end has come into range.
    pub fn out_of_range(&mut self, log: &mut Log, leader_start: u64, leader_end: u64) -> Option<(u64, u64)> {
        let from = log.end();
        if leader_end < from {
            return log.truncate_to(leader_end);
        }
        if leader_start <= from {
            return None;
        }
        log.truncate_fully_and_start_at(leader_start);
        Some((leader_start, from))
    }

    /// What to ask next.
    pub fn fetch(&self, place: PlaceId, log: &Log, max_bytes: u32) -> FetchPlace {
        FetchPlace {
            place,
            offset: log.end(),
            leader_epoch: Some(self.leader_epoch),
            last_epoch: log.latest_epoch(),
            max_bytes,
        }
    }

    /// Whom it follows.
    pub fn leader(&self) -> BrokerId {
        self.leader
    }

    /// In which epoch.
    pub fn leader_epoch(&self) -> u32 {
        self.leader_epoch
    }

    fn append(&self, log: &mut Log, fetched: &FetchedPlace, now: Time) -> Taken {
        if let Some(overlap) = fetched.chunks.first().filter(|first| first.offset < log.end()) {
            // A batch of the leader reaches across the own end: the own log was cut inside it.
            let (to, from) = log.truncate_to(overlap.offset).expect("the batch begins below the end");
            return Taken::Truncated { to, from };
        }
        // What a later leader wrote is for those who follow that one.
        let is_ours = |chunk: &&Chunk| chunk.leader_epoch <= self.leader_epoch;
        let mut batches = 0;
        for chunk in fetched.chunks.iter().take_while(is_ours) {
            log.append_chunk(now, chunk);
            batches += 1;
        }
        let high_watermark = log.set_high_watermark(fetched.high_watermark);
        log.raise_start(fetched.log_start);
        Taken::Appended { batches, high_watermark }
    }
}

/// Where a follower cuts its log (`getOffsetTruncationState`). `diverging`: the leader's epoch and its end there;
/// `own`: what the follower's own log says of that epoch ([`Log::epoch_end`]). When the follower does not know
/// the epoch it cuts to the end of the largest one below, and the next fetch goes on from there (KIP-279).
pub fn truncation_target(diverging: (u32, u64), own: Option<(u32, u64)>, log_end: u64) -> u64 {
    let (leader_epoch, leader_end) = diverging;
    let target = match own {
        Some((epoch, end)) if epoch != leader_epoch => end,
        Some((_, end)) => end.min(leader_end),
        None => leader_end,
    };
    target.min(log_end)
}

fn truncate(log: &mut Log, diverging: (u32, u64)) -> Taken {
    let from = log.end();
    log.truncate_to(truncation_target(diverging, log.epoch_end(diverging.0), from));
    Taken::Truncated { to: log.end(), from }
}

fn truncate_without_epochs(log: &mut Log) -> Option<(u64, u64)> {
    if log.latest_epoch().is_some() { None } else { log.truncate_to(log.high_watermark()) }
}
