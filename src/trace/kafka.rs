//! What Kafka does beyond the life of records. In Kafka's words.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::record::Ids;
use super::stage::{GroupId, PlaceId};

/// A broker's `node.id`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BrokerId(pub u32);

/// A member of a classic group, as the coordinator names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberId(pub u64);

/// The states of a classic group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GroupState {
    /// No members.
    Empty,
    /// Waiting for members to join.
    PreparingRebalance,
    /// Waiting for the leader's assignment.
    CompletingRebalance,
    /// Members have their partitions.
    Stable,
    /// Gone.
    Dead,
}

/// Why a group rebalances, or a member leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupReason {
    /// A new member joined.
    MemberJoined,
    /// A member said goodbye.
    MemberLeft,
    /// No heartbeat within `session.timeout.ms`.
    SessionTimeout,
    /// No poll within `max.poll.interval.ms`.
    PollTimeout,
    /// Did not rejoin within the rebalance timeout.
    RebalanceTimeout,
    /// Did not ask for its assignment in time.
    SyncTimeout,
    /// Came back with other metadata, or the leader came back.
    MemberRejoined,
    /// A static member was replaced by a new incarnation.
    StaticMemberReplaced,
    /// Subscriptions or partition counts changed.
    MetadataChanged,
    /// All members have joined.
    AllJoined,
    /// The leader's assignment arrived.
    Assigned,
    /// The coordinator moved to another broker and loaded the group there.
    Loaded,
    /// Gave up its partitions; they are handed out in a second round.
    CooperativeRevocation,
}

/// Why a consumer's position was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositionReason {
    /// The group's committed offset.
    Committed,
    /// `auto.offset.reset`, because nothing was committed.
    Reset,
    /// `auto.offset.reset`, because the position is not in the log any more.
    OutOfRange,
    /// The log was truncated below the position.
    Truncated,
}

/// What a consumer's `poll()` throws, by the name of the class. None of them goes away by polling again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Exception {
    /// Nothing is committed, and `auto.offset.reset` is none.
    #[serde(rename = "NoOffsetForPartitionException")]
    NoOffsetForPartition,
    /// The position is not in the log, and `auto.offset.reset` is none.
    #[serde(rename = "OffsetOutOfRangeException")]
    OffsetOutOfRange,
    /// The log was truncated below the position (KIP-320), and `auto.offset.reset` is none.
    #[serde(rename = "LogTruncationException")]
    LogTruncation,
    /// Another consumer has taken its `group.instance.id` (KIP-345).
    #[serde(rename = "FencedInstanceIdException")]
    FencedInstanceId,
    /// The group agrees on no assignor with it.
    #[serde(rename = "InconsistentGroupProtocolException")]
    InconsistentGroupProtocol,
    /// The group has `group.max.size` members.
    #[serde(rename = "GroupMaxSizeReachedException")]
    GroupMaxSizeReached,
    /// `session.timeout.ms` lies outside the bounds of the broker.
    #[serde(rename = "InvalidSessionTimeoutException")]
    InvalidSessionTimeout,
    /// An error that nobody expected here.
    #[serde(rename = "KafkaException")]
    Unexpected,
}

/// One thing that Kafka did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Kafka {
    /// The controller registered a broker, fenced at first.
    Registered {
        /// Which.
        broker: BrokerId,
        /// Its new broker epoch.
        epoch: u64,
    },
    /// The controller heard nothing within `broker.session.timeout.ms`, or the broker shuts down.
    Fenced {
        /// Which.
        broker: BrokerId,
    },
    /// The broker has caught up with the metadata and serves.
    Unfenced {
        /// Which.
        broker: BrokerId,
    },
    /// The controller changed a partition.
    PartitionChanged {
        /// Which.
        place: PlaceId,
        /// The leader, if any.
        leader: Option<BrokerId>,
        /// Whether the leader was not in sync when it was elected.
        unclean: bool,
        /// The leader epoch.
        leader_epoch: u32,
        /// The partition epoch.
        partition_epoch: u32,
        /// In-sync replicas.
        isr: Arc<[BrokerId]>,
        /// Eligible leader replicas (KIP-966).
        elr: Arc<[BrokerId]>,
    },
    /// A broker begins to lead a partition.
    BecameLeader {
        /// Which partition.
        place: PlaceId,
        /// The leader epoch.
        leader_epoch: u32,
        /// Its log end offset: where the new epoch starts.
        log_end: u64,
        /// Its high watermark.
        high_watermark: u64,
    },
    /// A broker follows another one.
    BecameFollower {
        /// Which partition.
        place: PlaceId,
        /// The leader epoch.
        leader_epoch: u32,
        /// Its log end offset.
        log_end: u64,
    },
    /// A replica cut off what its leader does not have.
    Truncated {
        /// Which partition.
        place: PlaceId,
        /// Its log end offset now.
        to: u64,
        /// Its log end offset before.
        from: u64,
    },
    /// A broker came up; what its logs hold.
    Recovered {
        /// Partitions whose tail was lost with the page cache.
        partitions_cut: u32,
        /// Records lost with it, on this broker.
        records_cut: u64,
    },
    /// The leader asks the controller to drop replicas from the in-sync set.
    IsrShrinking {
        /// Which partition.
        place: PlaceId,
        /// The set that it asks for.
        to: Arc<[BrokerId]>,
    },
    /// The leader asks the controller to take a replica into the in-sync set.
    IsrExpanding {
        /// Which partition.
        place: PlaceId,
        /// The set that it asks for.
        to: Arc<[BrokerId]>,
    },
    /// A leader recognised batches that it had already and stored nothing.
    Deduplicated {
        /// Which records.
        ids: Ids,
        /// Where.
        place: PlaceId,
        /// Their offset in the log.
        offset: u64,
    },
    /// A client tries again.
    Retried {
        /// Which records.
        ids: Ids,
        /// The how-manieth try comes next: 1 is the first retry.
        attempt: u32,
        /// What happened to the last one.
        error: ErrorCode,
    },
    /// A producer started a new epoch because sequence numbers were lost.
    EpochBumped {
        /// The new epoch.
        epoch: u16,
    },
    /// A group changed its state.
    GroupChanged {
        /// Which.
        group: GroupId,
        /// From.
        from: GroupState,
        /// To.
        to: GroupState,
        /// The generation now.
        generation: u32,
        /// How many members.
        members: u32,
        /// Why.
        why: GroupReason,
    },
    /// A member is in the group.
    MemberJoined {
        /// Which group.
        group: GroupId,
        /// Which member.
        member: MemberId,
    },
    /// A member is out of the group.
    MemberLeft {
        /// Which group.
        group: GroupId,
        /// Which member.
        member: MemberId,
        /// Why.
        why: GroupReason,
    },
    /// A consumer owns these partitions now.
    Assigned {
        /// Which group.
        group: GroupId,
        /// The generation.
        generation: u32,
        /// All that it owns.
        places: Arc<[PlaceId]>,
    },
    /// A consumer gave these partitions up, or lost them.
    Revoked {
        /// Which group.
        group: GroupId,
        /// Those that it gave up.
        places: Arc<[PlaceId]>,
        /// Lost without a word: another member may own them already.
        lost: bool,
    },
    /// A consumer's position was set.
    Positioned {
        /// Which group.
        group: GroupId,
        /// Which partition.
        place: PlaceId,
        /// Where it reads next.
        offset: u64,
        /// Why.
        why: PositionReason,
    },
    /// A commit was refused.
    CommitFailed {
        /// Which group.
        group: GroupId,
        /// What the coordinator said.
        error: ErrorCode,
    },
    /// A broker was asked to end: it wants its leaderships moved first.
    ShuttingDown,
    /// A broker's disk takes no more. It has no other log directory, so it halts.
    StorageFailed,
    /// A fingerprint of a replica's log between two offsets, below its high watermark. Told when a promise asks for
    /// it, at role changes and at intervals.
    LogDigest {
        /// Whose log.
        broker: BrokerId,
        /// Which partition.
        place: PlaceId,
        /// The first offset.
        from: u64,
        /// The offset behind the last.
        upto: u64,
        /// Equal for equal records at equal offsets, whatever batches they lie in.
        digest: u64,
    },
    /// `poll()` threw an exception at the application, which closes the consumer.
    ConsumerFailed {
        /// Its group.
        group: GroupId,
        /// The partitions that it is about; none when it is about the group.
        places: Arc<[PlaceId]>,
        /// What it threw.
        error: Exception,
    },
    /// A broker has loaded the groups of an offsets partition and coordinates them.
    CoordinatorReady {
        /// The partition of the offsets topic.
        place: PlaceId,
        /// How many groups.
        groups: u32,
    },
}

/// Kafka's error codes, as far as the model knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// 0
    None,
    /// 1
    OffsetOutOfRange,
    /// 3
    UnknownTopicOrPartition,
    /// 6
    NotLeaderOrFollower,
    /// 7
    RequestTimedOut,
    /// 10
    MessageTooLarge,
    /// 13
    NetworkException,
    /// 14
    CoordinatorLoadInProgress,
    /// 15
    CoordinatorNotAvailable,
    /// 16
    NotCoordinator,
    /// 19
    NotEnoughReplicas,
    /// 20
    NotEnoughReplicasAfterAppend,
    /// 22
    IllegalGeneration,
    /// 23
    InconsistentGroupProtocol,
    /// 25
    UnknownMemberId,
    /// 26
    InvalidSessionTimeout,
    /// 27
    RebalanceInProgress,
    /// 32
    InvalidTimestamp,
    /// 45
    OutOfOrderSequenceNumber,
    /// 47
    InvalidProducerEpoch,
    /// 56: the disk under the log has failed.
    KafkaStorageError,
    /// 59
    UnknownProducerId,
    /// 74
    FencedLeaderEpoch,
    /// 76
    UnknownLeaderEpoch,
    /// 79
    MemberIdRequired,
    /// 81
    GroupMaxSizeReached,
    /// 82
    FencedInstanceId,
    /// 5
    LeaderNotAvailable,
    /// 77: the broker epoch is not the one that the controller knows.
    StaleBrokerEpoch,
    /// 84
    EligibleLeadersNotAvailable,
    /// 85
    ElectionNotNeeded,
    /// 108: the partition epoch is not the current one (AlterPartition).
    InvalidUpdateVersion,
    /// 109: a replica that may not be in the in-sync set (AlterPartition).
    IneligibleReplica,
}
