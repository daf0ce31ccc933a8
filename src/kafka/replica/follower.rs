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
use crate::wire::kafka::{FetchPlace, FetchedPlace};

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
    /// smaller of the leader's and the own log end, and the log start the leader's. Batches are moved, not copied.
    pub fn take(
        &mut self,
        log: &mut Log,
        asked: &FetchPlace,
        fetched: &mut FetchedPlace,
        now: Time,
    ) -> Taken {
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

    fn append(&self, log: &mut Log, fetched: &mut FetchedPlace, now: Time) -> Taken {
        if let Some(overlap) = fetched.chunks.first().filter(|first| first.offset < log.end()) {
            // A batch of the leader reaches across the own end: the own log was cut inside it.
            let (to, from) = log.truncate_to(overlap.offset).expect("the batch begins below the end");
            return Taken::Truncated { to, from };
        }
        let (mut batches, mut are_ours) = (0, true);
        std::mem::take(&mut fetched.chunks).for_each(|chunk| {
            // What a later leader wrote is for those who follow that one.
            are_ours &= chunk.leader_epoch <= self.leader_epoch;
            if are_ours {
                log.append_chunk(now, chunk);
                batches += 1;
            }
        });
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

/// Rows of oracle sheet 05, sections 5b and 5c, by their names. Left out: shouldTruncateToInitialFetchOffsetIf-
/// LeaderReturnsUndefinedOffset, since a leader without a common epoch answers a fetch with
/// OFFSET_OUT_OF_RANGE and not with (-1, -1); the rows on OffsetsForLeaderEpoch requests are held as the
/// truncations that the same answers cause on fetch.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::log::testing::{append, append_at, batch, contents, forget_epochs, log_with};
    use crate::kernel::Crash;
    use crate::trace::Few;

    const PLACE: PlaceId = PlaceId(0);

    /// One record an epoch, from offset 0.
    fn log_of(epochs: &[u32]) -> Log {
        let mut log = log_with(|_| {});
        epochs.iter().for_each(|epoch| append(&mut log, *epoch, 1));
        log
    }

    fn following(epoch: u32, log: &mut Log) -> Follower {
        Follower::new(BrokerId(1), epoch, log).0
    }

    /// What a leader's broker answers; with OFFSET_OUT_OF_RANGE its log end stands for the high watermark.
    fn answer(leader: &Log, asked: &FetchPlace) -> FetchedPlace {
        let divergence = leader.divergence(asked.offset, asked.last_epoch);
        let error = divergence.err().unwrap_or(ErrorCode::None);
        let chunks = match divergence {
            Ok(None) => leader.read(asked.offset, leader.end(), asked.max_bytes).expect("in range"),
            Ok(Some(_)) | Err(_) => Few::default(),
        };
        FetchedPlace {
            place: PLACE,
            error,
            high_watermark: if error == ErrorCode::None { leader.high_watermark() } else { leader.end() },
            log_start: leader.start(),
            diverging: divergence.ok().flatten(),
            leader: None,
            forgettable: 0,
            chunks,
        }
    }

    fn round(follower: &mut Follower, log: &mut Log, leader: &Log) -> Taken {
        let asked = follower.fetch(PLACE, log, 1_000);
        let mut fetched = answer(leader, &asked);
        let taken = follower.take(log, &asked, &mut fetched, Time::ZERO);
        if taken == Taken::OutOfRange {
            follower.out_of_range(log, fetched.log_start, fetched.high_watermark);
        }
        taken
    }

    /// Fetches until there is nothing left; the logs are equal then.
    fn converge(epoch: u32, log: &mut Log, leader: &Log) {
        let mut follower = following(epoch, log);
        let idle = Taken::Appended { batches: 0, high_watermark: None };
        let rounds = (0..1_000).take_while(|_| round(&mut follower, log, leader) != idle).count();
        assert!(rounds < 1_000, "it ends");
        assert_eq!(contents(log), contents(leader));
        assert_eq!(log.epochs().rows(), leader.epochs().rows());
        assert_eq!((log.start(), log.end()), (leader.start(), leader.end()));
    }

    #[test]
    fn test_truncation() {
        let (mut log, mut leader) = (log_of(&[0, 2, 4]), log_of(&[1, 3, 5]));
        leader.set_high_watermark(2);
        converge(5, &mut log, &leader);
        assert_eq!(log.high_watermark(), 2);
    }

    #[test]
    fn test_diverging_epochs() {
        let (mut log, leader) = (log_of(&[0, 2, 4]), log_of(&[0, 2, 5]));
        let mut follower = following(5, &mut log);
        assert_eq!(follower.fetch(PLACE, &log, 1).last_epoch, Some(4));
        assert_eq!(round(&mut follower, &mut log, &leader), Taken::Truncated { to: 2, from: 3 });
        assert_eq!(follower.fetch(PLACE, &log, 1).last_epoch, Some(2));
        converge(5, &mut log, &leader);
        assert_eq!(following(5, &mut log).fetch(PLACE, &log, 1).last_epoch, Some(5));
    }

    #[test]
    fn test_truncate_to_high_watermark_if_leader_epoch_info_not_available() {
        let mut log = log_of(&[0, 0, 0]);
        log.set_high_watermark(2);
        forget_epochs(&mut log);
        assert_eq!(Follower::new(BrokerId(1), 5, &mut log).1, Some((2, 3)));
        assert_eq!(Follower::new(BrokerId(1), 5, &mut log_of(&[0, 0, 0])).1, None, "an epoch is known");
    }

    #[test]
    fn test_truncation_skipped_if_no_epoch_change() {
        let mut log = log_of(&[0, 0, 0]);
        let mut follower = following(5, &mut log);
        forget_epochs(&mut log);
        assert_eq!(follower.follow(BrokerId(1), 5, &mut log), None);
        assert_eq!(follower.follow(BrokerId(1), 6, &mut log), Some((0, 3)));
    }

    #[test]
    fn test_follower_fetch_out_of_range_high() {
        let (mut log, leader) = (log_of(&[0, 0, 0]), log_of(&[]));
        log.set_high_watermark(3);
        let mut follower = following(4, &mut log);
        assert_eq!(round(&mut follower, &mut log, &leader), Taken::OutOfRange);
        assert_eq!((log.end(), log.high_watermark()), (0, 0));
    }

    #[test]
    fn test_follower_fetch_out_of_range_low() {
        let (mut log, mut leader) = (log_of(&[0]), log_of(&[]));
        leader.truncate_fully_and_start_at(2);
        append(&mut leader, 4, 1);
        let mut follower = following(4, &mut log);
        assert_eq!(round(&mut follower, &mut log, &leader), Taken::OutOfRange);
        assert_eq!((log.start(), log.end(), log.high_watermark()), (2, 2, 2));
        converge(4, &mut log, &leader);
    }

    #[test]
    fn should_truncate_to_offset_specified_in_epoch_offset_response() {
        let targets = [156, 172].map(|end| truncation_target((5, end), Some((5, 200)), 200));
        assert_eq!(targets, [156, 172]);
    }

    #[test]
    fn should_truncate_to_the_reply_or_the_log_end_if_follower_has_no_more_epochs() {
        assert_eq!([156, 202].map(|end| truncation_target((4, end), None, 200)), [156, 200]);
    }

    #[test]
    fn should_fetch_leader_epoch_second_time_if_leader_replies_with_epoch_not_known_to_follower() {
        for (first, second, target) in [((4, 155), (3, 101), 101), ((4, 143), (3, 102), 102)] {
            let between = truncation_target(first, Some((3, 120)), 200);
            assert_eq!(between, 120);
            assert_eq!(truncation_target(second, Some((3, between)), between), target);
        }
    }

    #[test]
    fn should_truncate_if_leader_replies_with_diverging_epoch_not_known_to_follower() {
        for (diverging, own, target) in [
            ((4, 140), (4, 149), 140),
            ((4, 141), (4, 149), 141),
            ((3, 130), (2, 129), 129),
            ((2, 120), (1, 119), 119),
        ] {
            assert_eq!(truncation_target(diverging, Some(own), 200), target);
        }
    }

    #[test]
    fn should_increase_leader_epoch_between_leader_restarts() {
        let log = log_of(&[0, 2, 4]);
        let ends = [0, 1, 2, 3, 4, 5].map(|epoch| log.epoch_end(epoch));
        assert_eq!(ends, [Some((0, 1)), Some((0, 1)), Some((2, 2)), Some((2, 2)), Some((4, 3)), None]);
    }

    /// In KRaft an epoch begins with a leader, not with a change of the in-sync set.
    #[test]
    fn should_follow_leader_epoch_basic_workflow() {
        let (mut leader, mut log) = (log_of(&[]), log_of(&[]));
        leader.begin_epoch(0);
        append(&mut leader, 0, 1);
        converge(0, &mut log, &leader);
        log.crash(Crash::Process, Time::ZERO);
        append(&mut leader, 0, 1);
        converge(0, &mut log, &leader);
        leader.crash(Crash::Process, Time::ZERO);
        leader.begin_epoch(1);
        assert_eq!((leader.epochs().rows().len(), log.epochs().rows().len()), (2, 1));
        append(&mut leader, 1, 1);
        converge(1, &mut log, &leader);
    }

    #[test]
    fn should_not_allow_divergent_logs() {
        let (mut one, mut other) = (log_of(&[]), log_of(&[]));
        append_at(&mut one, 0, 5, Time::ZERO);
        append_at(&mut one, 0, 5, Time::from_secs(60));
        converge(0, &mut other, &one);
        let cut = one.crash(Crash::Power, Time::from_secs(61)).expect("half was in the page cache");
        assert_eq!((cut.to, cut.records), (5, 5));
        one.begin_epoch(1);
        append(&mut one, 1, 9);
        converge(1, &mut other, &one);
        assert_eq!(other.end(), 14, "five acknowledged records are gone, on both");
    }

    #[test]
    fn offsets_should_not_go_backwards() {
        let (mut one, mut other) = (log_of(&[]), log_of(&[]));
        append_at(&mut one, 0, 50, Time::ZERO);
        append_at(&mut one, 0, 50, Time::from_secs(60));
        converge(0, &mut other, &one);
        one.crash(Crash::Power, Time::from_secs(61));
        other.crash(Crash::Process, Time::from_secs(61));
        one.begin_epoch(1);
        for first in [1_000, 2_000] {
            one.append(Time::ZERO, 1, None, batch(first, 77, Time::ZERO)).expect("a new batch");
        }
        converge(1, &mut other, &one);
        let offsets: Vec<_> = contents(&other).iter().map(|(offset, ..)| *offset).collect();
        assert!(offsets.is_sorted_by(|one, next| one < next) && other.end() == 204);
    }

    #[test]
    fn should_survive_fast_leader_change() {
        let (mut one, mut other) = (log_of(&[0]), log_of(&[]));
        converge(0, &mut other, &one);
        for epoch in 1..=5 {
            std::mem::swap(&mut one, &mut other);
            one.begin_epoch(epoch);
            append(&mut one, epoch, 1);
            other.crash(Crash::Process, Time::ZERO);
            converge(epoch, &mut other, &one);
        }
        assert_eq!((one.end(), other.end()), (6, 6));
    }

    #[test]
    fn logs_should_not_diverge_on_unclean_leader_elections() {
        let (mut one, mut other) = (log_of(&[0]), log_of(&[]));
        converge(0, &mut other, &one);
        let lead = |log: &mut Log, epoch, records| {
            log.begin_epoch(epoch);
            append(log, epoch, records);
        };
        lead(&mut other, 1, 1);
        lead(&mut one, 2, 3);
        lead(&mut other, 3, 1);
        lead(&mut one, 4, 2);
        converge(4, &mut other, &one);
        assert_eq!(other.end(), 6);
    }

    #[test]
    fn an_answer_to_another_question_does_nothing() {
        let (mut log, mut leader) = (log_of(&[0]), log_of(&[0, 0]));
        leader.set_high_watermark(2);
        let mut follower = following(0, &mut log);
        let asked = follower.fetch(PLACE, &log, 1_000);
        let fetched = answer(&leader, &asked);
        let later = FetchPlace { leader_epoch: Some(1), ..asked };
        assert_eq!(follower.take(&mut log, &later, &mut fetched.clone(), Time::ZERO), Taken::Stale);
        let appended = Taken::Appended { batches: 1, high_watermark: Some(2) };
        assert_eq!(follower.take(&mut log, &asked, &mut fetched.clone(), Time::ZERO), appended);
        assert_eq!(follower.take(&mut log, &asked, &mut fetched.clone(), Time::ZERO), Taken::Stale);
    }

    #[test]
    fn a_log_cut_inside_a_batch_of_its_leader_fetches_that_batch_again() {
        let (mut log, mut leader) = (log_of(&[0]), log_of(&[]));
        leader.append(Time::ZERO, 0, None, batch(0, 3, Time::ZERO)).expect("a new batch");
        let mut follower = following(0, &mut log);
        assert_eq!(round(&mut follower, &mut log, &leader), Taken::Truncated { to: 0, from: 1 });
        converge(0, &mut log, &leader);
    }
}
