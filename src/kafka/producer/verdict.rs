//! What an error says of a batch. Behaviour sheet A1: ok, definite failure and doubt are kept apart.

use crate::trace::Reason;
use crate::trace::kafka::ErrorCode;

/// What an error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Trying again may help (`RetriableException`).
    pub retriable: bool,
    /// The batch may be in the log all the same.
    pub doubt: bool,
    /// What is known of the cluster may be wrong (`InvalidMetadataException`).
    pub stale_metadata: bool,
    /// What the application is told when it is final.
    pub reason: Reason,
}

/// What `error` says of a batch that was sent.
///
/// # Panics
/// When it is not an error that a produce request can meet.
pub fn verdict(error: ErrorCode) -> Verdict {
    let fatal = |reason| Verdict { retriable: false, doubt: false, stale_metadata: false, reason };
    let again = Verdict { retriable: true, ..fatal(Reason::RetriesExhausted) };
    match error {
        ErrorCode::NotLeaderOrFollower
        | ErrorCode::LeaderNotAvailable
        | ErrorCode::UnknownTopicOrPartition
        | ErrorCode::FencedLeaderEpoch
        | ErrorCode::UnknownLeaderEpoch
        | ErrorCode::KafkaStorageError => Verdict { stale_metadata: true, ..again },
        ErrorCode::NetworkException => Verdict { stale_metadata: true, doubt: true, ..again },
        ErrorCode::RequestTimedOut => Verdict { doubt: true, ..again },
        ErrorCode::NotEnoughReplicas => Verdict { reason: Reason::NotEnoughReplicas, ..again },
        ErrorCode::NotEnoughReplicasAfterAppend => {
            Verdict { doubt: true, reason: Reason::NotEnoughReplicas, ..again }
        }
        ErrorCode::MessageTooLarge => fatal(Reason::MessageTooLarge),
        ErrorCode::InvalidTimestamp => fatal(Reason::InvalidTimestamp),
        ErrorCode::InvalidProducerEpoch => fatal(Reason::Fenced),
        ErrorCode::OutOfOrderSequenceNumber | ErrorCode::UnknownProducerId => {
            fatal(Reason::OutOfOrderSequence)
        }
        ErrorCode::None
        | ErrorCode::OffsetOutOfRange
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::NotCoordinator
        | ErrorCode::IllegalGeneration
        | ErrorCode::InconsistentGroupProtocol
        | ErrorCode::UnknownMemberId
        | ErrorCode::InvalidSessionTimeout
        | ErrorCode::RebalanceInProgress
        | ErrorCode::MemberIdRequired
        | ErrorCode::GroupMaxSizeReached
        | ErrorCode::FencedInstanceId
        | ErrorCode::StaleBrokerEpoch
        | ErrorCode::EligibleLeadersNotAvailable
        | ErrorCode::ElectionNotNeeded
        | ErrorCode::InvalidUpdateVersion
        | ErrorCode::IneligibleReplica => panic!("a produce request never meets {error:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_after_a_possible_append_leave_doubt() {
        let doubtful = [
            ErrorCode::NetworkException,
            ErrorCode::RequestTimedOut,
            ErrorCode::NotEnoughReplicasAfterAppend,
        ];
        let definite = [
            ErrorCode::NotLeaderOrFollower,
            ErrorCode::NotEnoughReplicas,
            ErrorCode::MessageTooLarge,
            ErrorCode::OutOfOrderSequenceNumber,
        ];
        assert!(doubtful.into_iter().all(|error| verdict(error).doubt && verdict(error).retriable));
        assert!(definite.into_iter().all(|error| !verdict(error).doubt));
    }
}
