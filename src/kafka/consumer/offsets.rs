//! Committing: when, what, and what becomes of it.
//!
//! **Invariant.** A commit says positions, that is, what earlier polls have handed over; never more. One
//! `commitSync()` is under way at a time and ends with one answer.

use crate::kernel::{Duration, Time};
use crate::trace::PlaceId;
use crate::trace::kafka::ErrorCode;

/// What is to be done about an error of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The offsets are kept.
    Kept,
    /// Try again; `true`: with the coordinator found anew.
    Again(bool),
    /// The group rebalances: the member takes part again, as who it is.
    Rejoin,
    /// The member is not in the group any more; `true`: not even its name holds.
    Expelled(bool),
    /// Another incarnation has its instance id.
    Fenced,
    /// It will never work.
    Refused,
}

/// `OffsetCommitResponseHandler`
pub(super) fn judge(error: ErrorCode) -> Verdict {
    match error {
        ErrorCode::None => Verdict::Kept,
        ErrorCode::CoordinatorLoadInProgress | ErrorCode::UnknownTopicOrPartition => Verdict::Again(false),
        ErrorCode::CoordinatorNotAvailable
        | ErrorCode::NotCoordinator
        | ErrorCode::RequestTimedOut
        | ErrorCode::NetworkException => Verdict::Again(true),
        ErrorCode::RebalanceInProgress => Verdict::Rejoin,
        ErrorCode::IllegalGeneration => Verdict::Expelled(false),
        ErrorCode::UnknownMemberId => Verdict::Expelled(true),
        ErrorCode::FencedInstanceId => Verdict::Fenced,
        ErrorCode::OffsetOutOfRange
        | ErrorCode::NotLeaderOrFollower
        | ErrorCode::MessageTooLarge
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::InconsistentGroupProtocol
        | ErrorCode::InvalidSessionTimeout
        | ErrorCode::InvalidTimestamp
        | ErrorCode::OutOfOrderSequenceNumber
        | ErrorCode::InvalidProducerEpoch
        | ErrorCode::UnknownProducerId
        | ErrorCode::FencedLeaderEpoch
        | ErrorCode::UnknownLeaderEpoch
        | ErrorCode::MemberIdRequired
        | ErrorCode::GroupMaxSizeReached
        | ErrorCode::LeaderNotAvailable
        | ErrorCode::StaleBrokerEpoch
        | ErrorCode::KafkaStorageError
        | ErrorCode::EligibleLeadersNotAvailable
        | ErrorCode::ElectionNotNeeded
        | ErrorCode::InvalidUpdateVersion
        | ErrorCode::IneligibleReplica => Verdict::Refused,
    }
}

/// A `commitSync()` that has not returned.
#[derive(Clone, Debug)]
pub(super) struct Settling {
    pub offsets: Vec<(PlaceId, u64)>,
    pub under_way: bool,
    pub failures: u32,
    pub retry_at: Time,
    /// `default.api.timeout.ms`
    pub deadline: Time,
}

/// What a consumer knows about its commits.
#[derive(Clone, Debug)]
pub(super) struct Offsets {
    /// None: `enable.auto.commit` is off.
    interval: Option<Duration>,
    due: Time,
    pub settling: Option<Settling>,
    /// More `commitSync()` that wait for the first to return.
    pub settles_waiting: u32,
    /// Positions of partitions that were just revoked: until the member rejoins, its application may still
    /// commit them, as in `onPartitionsRevoked`.
    pub parting: Vec<(PlaceId, u64)>,
    /// A `commitSync()` was refused because the group rebalances. The loop polls until that is over, and when a poll
    /// then comes back with nothing, by this time, it commits what it had processed. None: nothing was refused.
    reconsider: Option<Time>,
}

/// How long a poll waits for records before it returns with none, in loops as they are usually written.
const POLL: Duration = Duration::from_millis(100);

impl Offsets {
    pub fn new(interval: Option<Duration>) -> Self {
        Self {
            interval,
            due: Time::NEVER,
            settling: None,
            settles_waiting: 0,
            parting: Vec::new(),
            reconsider: None,
        }
    }

    pub fn is_automatic(&self) -> bool {
        self.interval.is_some()
    }

    /// The next automatic commit is a whole interval away.
    pub fn restart(&mut self, now: Time) {
        self.due = self.interval.map_or(Time::NEVER, |interval| now + interval);
    }

    /// Whether to commit now; if so the next time is an interval away.
    pub fn take_due(&mut self, now: Time) -> bool {
        let due = self.due <= now;
        if due {
            self.restart(now);
        }
        due
    }

    /// An automatic commit failed and may work later.
    pub fn try_again(&mut self, at: Time) {
        if self.is_automatic() {
            self.due = self.due.min(at);
        }
    }

    /// A rebalance is in the way of a `commitSync()`: "you can first complete the rebalance by calling poll and commit
    /// can be reconsidered afterwards" (`KafkaConsumer.commitSync`, RebalanceInProgressException).
    pub fn refused_by_rebalance(&mut self) {
        self.reconsider = Some(Time::NEVER);
    }

    /// The rebalance is over.
    pub fn rebalanced(&mut self, now: Time) {
        self.reconsider = self.reconsider.map(|_| now + POLL);
    }

    /// A poll returns: the loop commits after it.
    pub fn poll_returned(&mut self) {
        self.reconsider = None;
    }

    /// When a poll returns with nothing, so that the loop commits again.
    pub fn empty_poll_due(&self) -> Time {
        self.reconsider.unwrap_or(Time::NEVER)
    }

    /// When the next automatic commit is due.
    pub fn due(&self) -> Time {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_that_has_passed_is_one_commit_and_one_that_has_not_is_none() {
        let mut offsets = Offsets::new(Some(Duration::from_secs(5)));
        offsets.restart(Time::from_secs(10));
        assert!(!offsets.take_due(Time::from_millis(14_999)));
        assert!(offsets.take_due(Time::from_secs(15)));
        assert!(!offsets.take_due(Time::from_secs(15)));
        assert_eq!(offsets.due(), Time::from_secs(20));
    }

    #[test]
    fn without_auto_commit_nothing_is_ever_due() {
        let mut offsets = Offsets::new(None);
        offsets.restart(Time::ZERO);
        offsets.try_again(Time::ZERO);
        assert!(!offsets.take_due(Time::from_secs(1_000_000)));
    }
}
