//! The life of a record, in the words that all systems share.
//!
//! ```text
//! Offered -> Accepted -> Stored -> Committed -> Delivered -> Processed -> Settled
//!    \-> Rejected           \-> Expired | Dropped | DeadLettered
//!    \-> Unknown (told a timeout: the record may be in the log)
//! ```
//!
//! Facts about many records are one fact: by [`Ids`], or by a place and the offset up to which they hold.

use serde::{Deserialize, Serialize};

use super::record::{Ids, RecordId};
use super::stage::{ChannelId, GroupId, PlaceId};
use crate::kernel::Digest;

/// What one leader wrote of a log. Two logs that agree on the reign of an offset agree on all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Reign {
    /// The number of the reign; later ones have greater numbers.
    pub number: u32,
    /// The offset of the first record that it wrote.
    pub start: u64,
}

impl Reign {
    /// In which reign of a log, oldest first, an offset was written; none below its beginning.
    pub fn at(log: &[Self], offset: u64) -> Option<u32> {
        let behind = log.partition_point(|reign| reign.start <= offset);
        behind.checked_sub(1).map(|index| log[index].number)
    }
}

/// One step in the life of some records. The event's actor is the one who took it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Life {
    /// The application hands records to its client. Always consecutive ones.
    Offered {
        /// Where to.
        channel: ChannelId,
        /// The first.
        first: RecordId,
        /// How many.
        records: u32,
        /// Bytes of keys and values together.
        bytes: u64,
    },
    /// The system has promised to keep them, and the client knows.
    Accepted {
        /// Which.
        ids: Ids,
        /// Where they lie; none when there is no such place (a pipe, acks=0).
        place: Option<PlaceId>,
        /// The offset of the first, when the client was told one.
        offset: Option<u64>,
    },
    /// The client was told no, and they are not in the system.
    Rejected {
        /// Which.
        ids: Ids,
        /// Why.
        why: Reason,
    },
    /// The client gave up waiting: they may or may not be in the system.
    Unknown {
        /// Which.
        ids: Ids,
        /// Why.
        why: Reason,
    },
    /// They were appended where consumers will read.
    Stored {
        /// Which.
        ids: Ids,
        /// Where.
        place: PlaceId,
        /// The offset of the first.
        offset: u64,
    },
    /// What lies below `upto` is as safe as the system makes it, and can be read.
    Committed {
        /// Where.
        place: PlaceId,
        /// The offset behind the last.
        upto: u64,
    },
    /// The readable log ends here now: what was stored at or above `from` is gone from it.
    Cut {
        /// Where.
        place: PlaceId,
        /// The new end.
        from: u64,
        /// Why.
        why: Reason,
        /// Where logs may part for good, and an older one be read again (an unclean election may do it): by whom
        /// this log was written, oldest first. None where every new log is the beginning of the last.
        #[serde(skip_serializing_if = "Option::is_none")]
        log: Option<Box<[Reign]>>,
    },
    /// The log begins here now: what was stored below has been deleted.
    Expired {
        /// Where.
        place: PlaceId,
        /// The new beginning.
        below: u64,
        /// Why.
        why: Reason,
    },
    /// They are gone, and no log had them.
    Dropped {
        /// Which.
        ids: Ids,
        /// Why.
        why: Reason,
    },
    /// They were put aside for inspection.
    DeadLettered {
        /// Which.
        ids: Ids,
        /// Why.
        why: Reason,
    },
    /// They were handed to the application of a group's member.
    Delivered {
        /// Which.
        ids: Ids,
        /// To whom.
        group: GroupId,
        /// From where.
        place: PlaceId,
        /// The offset of the first; 0 where there are none.
        offset: u64,
    },
    /// The application has done its work on them.
    Processed {
        /// Which.
        ids: Ids,
        /// Who.
        group: GroupId,
        /// From where.
        place: PlaceId,
        /// The offset of the first; 0 where there are none.
        offset: u64,
    },
    /// The group has told the system that it is done with everything below `upto`, and the system keeps it.
    Settled {
        /// Who.
        group: GroupId,
        /// Where.
        place: PlaceId,
        /// The offset behind the last.
        upto: u64,
    },
    /// The group goes on from `to` without having been handed what it had not been handed yet below it.
    Skipped {
        /// Who.
        group: GroupId,
        /// Where.
        place: PlaceId,
        /// Where it goes on.
        to: u64,
        /// Why.
        why: Reason,
    },
    /// An application worked on them, and the work failed. What it does about that is up to it: it may be
    /// handed them again.
    Failed {
        /// Which.
        ids: Ids,
        /// Who.
        group: GroupId,
        /// From where.
        place: PlaceId,
        /// The offset of the first; 0 where there are none.
        offset: u64,
        /// Why.
        why: Reason,
    },
    /// The group has told the system that it is done with these records, one by one, and the system keeps that: an
    /// acknowledgement of each message instead of an offset.
    Acknowledged {
        /// Which.
        ids: Ids,
        /// Who.
        group: GroupId,
        /// From where.
        place: PlaceId,
    },
    /// The group will not be handed these records any more, or not again: there is no log to go back to. For those that it
    /// has processed there is nothing left to settle.
    Missed {
        /// Which.
        ids: Ids,
        /// Who.
        group: GroupId,
        /// From where.
        place: PlaceId,
        /// Why.
        why: Reason,
    },
    /// The application hands its client the same records again, because it never learnt what became of them.
    Resent {
        /// Where to.
        channel: ChannelId,
        /// Which.
        ids: Ids,
    },
    /// Records were due while the application waited in `send()`, and it lets them be: they were never made.
    Withheld {
        /// Where to.
        channel: ChannelId,
        /// How many.
        records: u32,
    },
    /// An application that works on contents has processed them, and nothing came of it.
    Ignored {
        /// Which.
        ids: Ids,
        /// Who.
        group: GroupId,
        /// From where.
        place: PlaceId,
        /// The offset of the first; 0 where there are none.
        offset: u64,
        /// Why.
        why: Disregard,
    },
}

/// Why an application made nothing of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disregard {
    /// By its event time it belongs to windows that are all closed: the watermark, the latest event time less the allowed
    /// lateness, has passed their ends.
    TooLate,
    /// There is nothing in it, or nothing that the codec and the schema of its topic can read.
    Undecodable,
}

impl Disregard {
    /// What it means, as the end of a sentence about records.
    pub fn means(self) -> &'static str {
        match self {
            Self::TooLate => "they came when all windows of their time were closed (`lateness`)",
            Self::Undecodable => "they could not be decoded",
        }
    }
}

impl Life {
    /// Takes one of the steps that every record takes into a digest, behind the number of [`super::Fact::Life`]: the words
    /// that its serialised form would come to, the number of the variant first. False, and nothing was taken in, for what
    /// happens less often.
    #[inline]
    pub(super) fn feed_common(&self, digest: &mut Digest) -> bool {
        match self {
            Self::Offered { channel, first, records, bytes } => {
                digest.words([1, 0, channel.0.into(), first.to_bits(), (*records).into(), *bytes]);
            }
            Self::Accepted { ids, place: Some(place), offset: Some(offset) } => {
                digest.words([1, 1]);
                ids.feed(digest);
                digest.words([1, place.0.into(), 1, *offset]);
            }
            Self::Stored { ids, place, offset } => {
                digest.words([1, 4]);
                ids.feed(digest);
                digest.words([place.0.into(), *offset]);
            }
            Self::Committed { place, upto } => digest.words([1, 5, place.0.into(), *upto]),
            Self::Delivered { ids, group, place, offset } => {
                digest.words([1, 10]);
                ids.feed(digest);
                digest.words([group.0.into(), place.0.into(), *offset]);
            }
            Self::Processed { ids, group, place, offset } => {
                digest.words([1, 11]);
                ids.feed(digest);
                digest.words([group.0.into(), place.0.into(), *offset]);
            }
            Self::Settled { group, place, upto } => {
                digest.words([1, 12, group.0.into(), place.0.into(), *upto]);
            }
            Self::Accepted { .. }
            | Self::Rejected { .. }
            | Self::Unknown { .. }
            | Self::Cut { .. }
            | Self::Expired { .. }
            | Self::Dropped { .. }
            | Self::DeadLettered { .. }
            | Self::Skipped { .. }
            | Self::Failed { .. }
            | Self::Acknowledged { .. }
            | Self::Missed { .. }
            | Self::Resent { .. }
            | Self::Withheld { .. }
            | Self::Ignored { .. } => return false,
        }
        true
    }
}

/// Why a record did not go the good way. In the words of the systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// `delivery.timeout.ms` ran out.
    DeliveryTimeout,
    /// `max.block.ms` ran out: no room in `buffer.memory`.
    BufferExhausted,
    /// `max.block.ms` ran out: no metadata for the topic.
    NoMetadata,
    /// Larger than the system takes.
    MessageTooLarge,
    /// Its timestamp lies outside the bounds of the topic.
    InvalidTimestamp,
    /// Fewer in-sync replicas than `min.insync.replicas`, until retries ended.
    NotEnoughReplicas,
    /// `retries` were used up.
    RetriesExhausted,
    /// Its sequence number was neither expected nor known.
    OutOfOrderSequence,
    /// An older incarnation of the producer.
    Fenced,
    /// The producer's process ended with the record in its buffer.
    ProducerClosed,
    /// Sent with acks=0 or QoS 0: nobody was asked whether it arrived.
    NotAcknowledged,
    /// A broker that did not have it became leader.
    LeaderElection,
    /// A broker that was not in sync became leader (`unclean.leader.election.enable`).
    UncleanElection,
    /// Its disk, or the unflushed part of it, was lost.
    PowerLoss,
    /// `retention.ms` or `retention.bytes` passed it.
    Retention,
    /// `auto.offset.reset` jumped over it.
    OffsetReset,
    /// Its offset was committed without its having been processed.
    CommittedUnprocessed,
    /// A high-water mark was reached.
    HighWaterMark,
    /// Nobody was connected.
    NoPeer,
    /// A peer went away with the record in the pipe to it, or in its hands.
    PeerDied,
    /// The socket was closed with unsent records (LINGER).
    Linger,
    /// The application's handler threw an exception.
    HandlerFailed,
    /// The connection broke before the system had answered, and the session did not outlive it.
    ConnectionLost,
    /// The session of a reader had ended, and its queue with it.
    SessionEnded,
    /// The system promised to keep it, delivered later ones of its publisher, and not this one.
    PassedOver,
    /// The system said that nobody had subscribed.
    NoSubscription,
    /// The server answered with an error.
    ServerRefused,
    /// It was published before the group had subscribed.
    NotYetSubscribed,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::DeliveryTimeout,
        Self::BufferExhausted,
        Self::NoMetadata,
        Self::MessageTooLarge,
        Self::InvalidTimestamp,
        Self::NotEnoughReplicas,
        Self::RetriesExhausted,
        Self::OutOfOrderSequence,
        Self::Fenced,
        Self::ProducerClosed,
        Self::NotAcknowledged,
        Self::LeaderElection,
        Self::UncleanElection,
        Self::PowerLoss,
        Self::Retention,
        Self::OffsetReset,
        Self::CommittedUnprocessed,
        Self::HighWaterMark,
        Self::NoPeer,
        Self::PeerDied,
        Self::Linger,
        Self::HandlerFailed,
        Self::ConnectionLost,
        Self::SessionEnded,
        Self::PassedOver,
        Self::NoSubscription,
        Self::ServerRefused,
        Self::NotYetSubscribed,
    ];

    /// The reason of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Its name, as files write it.
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// What it means, as the end of a sentence about records.
    pub fn means(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::DeliveryTimeout => ("delivery-timeout", "delivery.timeout.ms ran out"),
            Self::BufferExhausted => ("buffer-exhausted", "no room in buffer.memory for max.block.ms"),
            Self::NoMetadata => ("no-metadata", "no metadata for the topic within max.block.ms"),
            Self::MessageTooLarge => ("message-too-large", "larger than the system takes"),
            Self::InvalidTimestamp => ("invalid-timestamp", "timestamp outside the topic's bounds"),
            Self::NotEnoughReplicas => {
                ("not-enough-replicas", "fewer in-sync replicas than min.insync.replicas")
            }
            Self::RetriesExhausted => ("retries-exhausted", "retries used up"),
            Self::OutOfOrderSequence => {
                ("out-of-order-sequence", "sequence number neither expected nor known")
            }
            Self::Fenced => ("fenced", "an older incarnation of the producer"),
            Self::ProducerClosed => ("producer-closed", "the producer ended with them in its buffer"),
            Self::NotAcknowledged => {
                ("not-acknowledged", "sent with acks=0 or QoS 0: nobody asked whether they arrived")
            }
            Self::LeaderElection => ("leader-election", "a broker that did not have them became leader"),
            Self::UncleanElection => (
                "unclean-election",
                "a broker that was not in sync became leader (unclean.leader.election.enable)",
            ),
            Self::PowerLoss => ("power-loss", "the unflushed part of a disk was lost"),
            Self::Retention => ("retention", "retention passed them before they were read"),
            Self::OffsetReset => ("offset-reset", "auto.offset.reset jumped over them"),
            Self::CommittedUnprocessed => {
                ("committed-unprocessed", "their offsets were committed, and nobody processed them")
            }
            Self::HighWaterMark => ("high-water-mark", "a high-water mark was reached"),
            Self::NoPeer => ("no-peer", "nobody was connected"),
            Self::PeerDied => ("peer-died", "a peer went away with them in the pipe to it or in its hands"),
            Self::Linger => ("linger", "the socket closed before they were sent (LINGER)"),
            Self::ConnectionLost => ("connection-lost", "the connection broke before they were acknowledged"),
            Self::SessionEnded => ("session-ended", "the reader's session had ended, and its queue with it"),
            Self::PassedOver => {
                ("passed-over", "later ones were delivered and these never: as a rule, a queue was full")
            }
            Self::NotYetSubscribed => ("not-yet-subscribed", "the group had not subscribed yet"),
            Self::ServerRefused => ("server-refused", "the server answered with an error"),
            Self::NoSubscription => ("no-subscription", "no subscription matched"),
            Self::HandlerFailed => ("handler-failed", "the application's handler failed on them"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::trace::{Batch, Fact, Record};

    #[test]
    fn every_reason_is_found_by_its_name() {
        let last = Reason::NotYetSubscribed as usize;
        let mut numbers: Vec<_> = Reason::ALL.iter().map(|why| *why as usize).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..=last).collect::<Vec<_>>(), "each once, and none is left out");
        assert!(Reason::ALL.iter().all(|why| Reason::named(why.name()) == Some(*why)));
    }

    #[test]
    fn the_short_way_into_a_digest_leads_to_the_words_of_the_serialised_form() {
        let record = |number| Record::new(RecordId::new(2, number), Time::ZERO, None, 100);
        let span = Batch::new(vec![record(5), record(6), record(9)], Vec::new(), 400).span();
        let place = PlaceId(7);
        for ids in [Ids::Span(span), Ids::Range { first: RecordId::new(1, 3), records: 8 }] {
            let group = GroupId(4);
            let lives = [
                Life::Offered { channel: ChannelId(3), first: RecordId::new(1, 1), records: 5, bytes: 77 },
                Life::Accepted { ids: ids.clone(), place: Some(place), offset: Some(90) },
                Life::Accepted { ids: ids.clone(), place: None, offset: None },
                Life::Stored { ids: ids.clone(), place, offset: 91 },
                Life::Committed { place, upto: 92 },
                Life::Delivered { ids: ids.clone(), group, place, offset: 93 },
                Life::Processed { ids: ids.clone(), group, place, offset: 94 },
                Life::Settled { group, place, upto: 95 },
                Life::Rejected { ids, why: Reason::Linger },
            ];
            for fact in lives.map(Fact::Life) {
                let (mut short, mut whole) = (Digest::default(), Digest::default());
                fact.feed(&mut short);
                whole.feed(&fact);
                assert_eq!(short, whole, "{fact:?}");
            }
        }
    }
}
