//! What `poll()` throws, and what follows: the application closes the consumer.
//!
//! **Invariant.** A consumer that stops without having been asked to says why, once.
//!
//! **Not modelled:** applications that catch the exception and seek, or go on with another consumer.

use super::positions::Phase;
use super::{Consumer, Stopped};
use crate::kernel::Cx;
use crate::trace::PlaceId;
use crate::trace::kafka::{ErrorCode, Exception, Kafka, PositionReason};

impl Consumer {
    /// Partitions have no offset to go on at, and `auto.offset.reset` is none: told of all for the same reason.
    pub(super) fn no_offset(&mut self, cx: &mut Cx<'_, Self>, why: PositionReason) {
        let error = match why {
            PositionReason::Reset => Exception::NoOffsetForPartition,
            PositionReason::OutOfRange => Exception::OffsetOutOfRange,
            PositionReason::Truncated => Exception::LogTruncation,
            PositionReason::Committed => unreachable!("a committed offset needs no reset"),
        };
        let lacking = self.state.positions.iter().filter(|it| it.phase == Phase::Resetting(why));
        let places = lacking.map(|position| position.place).collect();
        self.fail(cx, places, error);
    }

    /// What the coordinator said cannot be mended by asking again.
    pub(super) fn refused(&mut self, cx: &mut Cx<'_, Self>, error: ErrorCode) {
        self.fail(cx, Vec::new(), thrown(error));
    }

    /// `poll()` throws: the application closes the consumer, unless it is closing it already.
    fn fail(&mut self, cx: &mut Cx<'_, Self>, places: Vec<PlaceId>, error: Exception) {
        if self.state.closing.is_none() {
            cx.emit(Kafka::ConsumerFailed { group: self.setup.group, places: places.into(), error });
            self.close(cx, Stopped::Failed(error));
        }
    }
}

/// The exception that a refusal of the coordinator becomes (`Errors.exception`).
fn thrown(error: ErrorCode) -> Exception {
    match error {
        ErrorCode::FencedInstanceId => Exception::FencedInstanceId,
        ErrorCode::InconsistentGroupProtocol => Exception::InconsistentGroupProtocol,
        ErrorCode::GroupMaxSizeReached => Exception::GroupMaxSizeReached,
        ErrorCode::InvalidSessionTimeout => Exception::InvalidSessionTimeout,
        ErrorCode::None
        | ErrorCode::OffsetOutOfRange
        | ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotLeaderOrFollower
        | ErrorCode::RequestTimedOut
        | ErrorCode::MessageTooLarge
        | ErrorCode::NetworkException
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::NotCoordinator
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::IllegalGeneration
        | ErrorCode::UnknownMemberId
        | ErrorCode::RebalanceInProgress
        | ErrorCode::InvalidTimestamp
        | ErrorCode::OutOfOrderSequenceNumber
        | ErrorCode::InvalidProducerEpoch
        | ErrorCode::UnknownProducerId
        | ErrorCode::FencedLeaderEpoch
        | ErrorCode::UnknownLeaderEpoch
        | ErrorCode::MemberIdRequired
        | ErrorCode::LeaderNotAvailable
        | ErrorCode::KafkaStorageError
        | ErrorCode::StaleBrokerEpoch
        | ErrorCode::EligibleLeadersNotAvailable
        | ErrorCode::ElectionNotNeeded
        | ErrorCode::InvalidUpdateVersion
        | ErrorCode::IneligibleReplica => Exception::Unexpected,
    }
}
