//! What an error of librdkafka says of a record.

use rdkafka::error::RDKafkaErrorCode;

use crate::trace::Reason;

/// What an error says of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is certainly not in the log.
    Rejected(Reason),
    /// It may be.
    Unknown(Reason),
}

/// What librdkafka's last word on a record means. It retries what can be retried by itself.
pub(super) fn verdict(code: RDKafkaErrorCode) -> Verdict {
    match code {
        RDKafkaErrorCode::MessageTimedOut => Verdict::Unknown(Reason::DeliveryTimeout),
        RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::MessageBatchTooLarge => {
            Verdict::Rejected(Reason::MessageTooLarge)
        }
        RDKafkaErrorCode::InvalidTimestamp => Verdict::Rejected(Reason::InvalidTimestamp),
        RDKafkaErrorCode::NotEnoughReplicas => Verdict::Rejected(Reason::NotEnoughReplicas),
        RDKafkaErrorCode::NotEnoughReplicasAfterAppend => Verdict::Unknown(Reason::NotEnoughReplicas),
        RDKafkaErrorCode::OutOfOrderSequenceNumber | RDKafkaErrorCode::UnknownProducerId => {
            Verdict::Rejected(Reason::OutOfOrderSequence)
        }
        RDKafkaErrorCode::InvalidProducerEpoch | RDKafkaErrorCode::Fenced => {
            Verdict::Rejected(Reason::Fenced)
        }
        RDKafkaErrorCode::UnknownTopic
        | RDKafkaErrorCode::UnknownPartition
        | RDKafkaErrorCode::UnknownTopicOrPartition => Verdict::Rejected(Reason::NoMetadata),
        RDKafkaErrorCode::InvalidMessage
        | RDKafkaErrorCode::InvalidRecord
        | RDKafkaErrorCode::TopicAuthorizationFailed
        | RDKafkaErrorCode::ClusterAuthorizationFailed
        | RDKafkaErrorCode::InvalidRequiredAcks
        | RDKafkaErrorCode::NotLeaderForPartition
        | RDKafkaErrorCode::LeaderNotAvailable => Verdict::Rejected(Reason::RetriesExhausted),
        RDKafkaErrorCode::PurgeQueue => Verdict::Rejected(Reason::ProducerClosed),
        RDKafkaErrorCode::PurgeInflight => Verdict::Unknown(Reason::ProducerClosed),
        // Whatever else it is: nobody can say that the record is not there.
        _ => Verdict::Unknown(Reason::RetriesExhausted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_certainly_not_stored_is_rejected() {
        let certain = [RDKafkaErrorCode::PurgeQueue, RDKafkaErrorCode::MessageSizeTooLarge];
        let doubtful = [
            RDKafkaErrorCode::PurgeInflight,
            RDKafkaErrorCode::MessageTimedOut,
            RDKafkaErrorCode::NotEnoughReplicasAfterAppend,
            RDKafkaErrorCode::RequestTimedOut,
            RDKafkaErrorCode::Unknown,
        ];
        assert!(certain.into_iter().all(|code| matches!(verdict(code), Verdict::Rejected(_))));
        assert!(doubtful.into_iter().all(|code| matches!(verdict(code), Verdict::Unknown(_))));
    }
}
