//! The steps of a story: everything that can happen to a record or around it, as data.

use serde::Serialize;

use crate::kernel::Time;
use crate::scenario::origin::InForce;
use crate::trace::Reason;
use crate::trace::kafka::{BrokerId, ErrorCode, Exception, GroupReason, GroupState, PositionReason};

/// One step of a story.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// When.
    pub at: Time,
    /// The event in the stream that shows it.
    pub serial: u64,
    /// Who did it: an instance, a broker, the controller, a node.
    pub who: String,
    /// What it is.
    pub what: What,
    /// The settings that made it so.
    pub because: Vec<InForce>,
}

/// Why a leader's election was legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Legality {
    /// The first leader of a new partition.
    First,
    /// It was in the in-sync set.
    InSync,
    /// The in-sync set was empty, and it was an eligible leader replica (KIP-966).
    Eligible,
    /// It was not in sync; `unclean.leader.election.enable` allows it.
    Unclean,
    /// Nobody else was left: the last known leader.
    LastKnown,
}

/// What a step is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum What {
    /// The application hands the record to its client.
    Offered,
    /// The client tries again.
    Retried {
        /// What happened to the last try.
        error: ErrorCode,
        /// Which retry comes next.
        attempt: u32,
    },
    /// A leader appends it.
    Stored {
        /// Where.
        place: String,
        /// At which offset.
        offset: u64,
        /// Under which leader epoch.
        leader_epoch: u32,
        /// The in-sync set then.
        isr: Vec<BrokerId>,
        /// How far the high watermark was.
        high_watermark: u64,
        /// Whether it lies there already.
        again: bool,
    },
    /// The leader recognises it: nothing is stored.
    Recognised {
        /// Its offset in the log.
        offset: u64,
    },
    /// The client is told yes.
    Accepted {
        /// Whether the high watermark had passed it: then every in-sync replica had it.
        committed: bool,
        /// How far the high watermark was.
        high_watermark: u64,
        /// Whether anybody had said that it is stored.
        unseen: bool,
    },
    /// The client is told no.
    Rejected {
        /// Why.
        why: Reason,
    },
    /// The client gives up waiting.
    Unknown {
        /// Why.
        why: Reason,
    },
    /// The high watermark passes it: every in-sync replica has it.
    Committed {
        /// The high watermark.
        upto: u64,
    },
    /// A node is struck.
    Struck {
        /// Which.
        node: String,
        /// How.
        how: Blow,
        /// The fault of the scenario, from 0.
        fault: Option<u32>,
    },
    /// A fault of the scenario begins that strikes in another way: a slow disk, a slow handler, more partitions.
    Injected {
        /// Which, from 0.
        fault: u32,
        /// The name of its kind.
        fault_kind: &'static str,
        /// Whom it strikes, as far as the story is about them.
        whom: Vec<String>,
    },
    /// That is over.
    Relieved {
        /// Which, from 0.
        fault: u32,
        /// The name of its kind.
        fault_kind: &'static str,
        /// Whom it struck, as far as the story is about them.
        whom: Vec<String>,
    },
    /// A node runs again, or goes on.
    Back {
        /// Which.
        node: String,
    },
    /// The controller takes a broker out of service.
    Fenced {
        /// Which.
        broker: BrokerId,
        /// Whether it had asked to be let go (a shutdown in good order); else its heartbeats stayed away.
        asked: bool,
    },
    /// A leader is elected.
    Elected {
        /// Who.
        leader: BrokerId,
        /// Who led before.
        before: Option<BrokerId>,
        /// The leader epoch.
        leader_epoch: u32,
        /// The in-sync set from now on.
        isr: Vec<BrokerId>,
        /// The in-sync set before.
        was_in_sync: Vec<BrokerId>,
        /// Why that was legal.
        legality: Legality,
    },
    /// The partition has no leader.
    Leaderless {
        /// The in-sync set.
        isr: Vec<BrokerId>,
        /// Eligible leader replicas.
        elr: Vec<BrokerId>,
    },
    /// The in-sync set changes.
    InSync {
        /// The set from now on.
        isr: Vec<BrokerId>,
        /// The set before.
        was: Vec<BrokerId>,
    },
    /// A broker takes over; its log shows what it has.
    TookOver {
        /// Its log end.
        log_end: u64,
        /// Whether it has the record.
        has_it: bool,
    },
    /// A broker begins to follow; its log shows what it has.
    Follows {
        /// Its log end.
        log_end: u64,
        /// Whether it has the record.
        has_it: bool,
    },
    /// The log that is read ends here now.
    Cut {
        /// The end.
        from: u64,
        /// Why.
        why: Reason,
    },
    /// The log that is read has it again: another replica leads that had kept it.
    Restored {
        /// Its log end.
        log_end: u64,
    },
    /// A replica cuts off what its leader does not have.
    Truncated {
        /// The end now.
        to: u64,
        /// The end before.
        from: u64,
    },
    /// A broker came up without a part of its logs.
    Recovered {
        /// Records that are gone from it.
        records: u64,
    },
    /// Another record gets its offset.
    Replaced {
        /// Which one.
        by: String,
    },
    /// Retention deletes it from the log.
    Expired {
        /// The log's new beginning.
        below: u64,
    },
    /// It is dropped.
    Dropped {
        /// Why.
        why: Reason,
    },
    /// It is handed to a reader.
    Delivered {
        /// Which time this is, from 1.
        attempt: u32,
    },
    /// A reader has done its work on it.
    Processed {
        /// Which time this is, from 1.
        time: u32,
    },
    /// The group has committed past it.
    Settled {
        /// The committed offset.
        upto: u64,
        /// Whether it had been processed by then.
        processed: bool,
    },
    /// A group rebalances, or has done so.
    Group {
        /// Its state now.
        to: GroupState,
        /// Its generation.
        generation: u32,
        /// Its members.
        members: u32,
        /// Why.
        why: GroupReason,
    },
    /// A member is out of its group.
    Left {
        /// Why.
        why: GroupReason,
    },
    /// A reader owns the partition now.
    Assigned {
        /// The generation.
        generation: u32,
    },
    /// A reader does not own it any more.
    Revoked {
        /// Without a word.
        lost: bool,
    },
    /// A reader's position was set.
    Positioned {
        /// Where it reads next.
        offset: u64,
        /// Why.
        why: PositionReason,
        /// The last committed offset that is known.
        committed: Option<u64>,
    },
    /// The group goes on behind it.
    Skipped {
        /// Where.
        to: u64,
        /// Why.
        why: Reason,
    },
    /// A commit was refused.
    CommitFailed {
        /// What the coordinator said.
        error: ErrorCode,
    },
    /// The application's handler threw.
    HandlerFailed,
    /// The application offers it again, because it never learnt what became of it.
    Resent,
    /// `poll()` threw at the application.
    Threw {
        /// What.
        error: Exception,
    },
}

/// How a node is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blow {
    /// The process ends; the page cache survives.
    Killed,
    /// The power goes; what was not flushed is gone.
    PowerLost,
    /// It is asked to end, and ends in good order.
    Ended,
    /// Its disk is gone with everything on it.
    DiskLost,
    /// It stands still.
    Paused,
    /// Nothing gets from it to somebody else any more.
    CutOff,
}

/// The settings of a producer that refuse a record for this reason.
pub fn refused_by(why: Reason) -> &'static [&'static str] {
    match why {
        Reason::DeliveryTimeout => &["producer.delivery.timeout.ms"],
        Reason::BufferExhausted => &["producer.buffer.memory", "producer.max.block.ms"],
        Reason::NoMetadata => &["producer.max.block.ms"],
        Reason::MessageTooLarge => &["producer.max.request.size"],
        Reason::RetriesExhausted => &["producer.retries"],
        Reason::OutOfOrderSequence => &["producer.enable.idempotence"],
        Reason::NotEnoughReplicas => &["producer.acks"],
        Reason::HandlerFailed => &["poison-at"],
        Reason::ProducerClosed => &["outbox"],
        Reason::NotAcknowledged | Reason::PassedOver => &["qos"],
        Reason::ConnectionLost | Reason::SessionEnded => &["clean-start", "session-expiry-interval"],
        Reason::InvalidTimestamp
        | Reason::Fenced
        | Reason::LeaderElection
        | Reason::UncleanElection
        | Reason::PowerLoss
        | Reason::Retention
        | Reason::OffsetReset
        | Reason::CommittedUnprocessed
        | Reason::HighWaterMark
        | Reason::NoPeer
        | Reason::PeerDied
        | Reason::Linger
        | Reason::NoSubscription
        | Reason::ServerRefused
        | Reason::NotYetSubscribed => &[],
    }
}
