//! What Kafka's clients, brokers and controller say to each other: its protocol, reduced to the fields that
//! decide about records.
//!
//! Partitions are told by their dense [`PlaceId`]; brokers by `node.id`. Everybody knows every broker's
//! address from the beginning (`bootstrap.servers`); which of them leads what is learnt from metadata.

use std::num::NonZeroU16;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::kernel::{Addr, Duration, Time};
use crate::trace::kafka::{BrokerId, ErrorCode, MemberId};
use crate::trace::{Batch, ChannelId, Few, GroupId, PlaceId};

/// From a client or another broker to a broker.
#[derive(Clone, Debug)]
pub struct ToBroker {
    /// The asker's number for the request; comes back with the response.
    pub correlation: u32,
    /// Where the response goes.
    pub reply_to: Addr<FromBroker>,
    /// What is asked.
    pub request: Request,
}

/// What may be asked of a broker.
#[derive(Clone, Debug)]
pub enum Request {
    /// Append these batches.
    Produce(Box<Produce>),
    /// Read from these partitions; waits for `min_bytes` or `max_wait`.
    Fetch(Arc<Fetch>),
    /// The cluster as the broker knows it.
    Metadata,
    /// A producer id for an idempotent producer, or a new epoch of it.
    InitProducerId(Option<Producer>),
    /// Offsets by time, or the ends of the log.
    ListOffsets(Arc<[(PlaceId, OffsetSpec)]>),
    /// Who coordinates this group?
    FindCoordinator(GroupId),
    /// Classic group protocol: take part.
    JoinGroup(Arc<JoinGroup>),
    /// Classic group protocol: what is mine? The leader brings everybody's.
    SyncGroup(Arc<SyncGroup>),
    /// Still here.
    Heartbeat(GroupId, Box<Membership>),
    /// Goodbye.
    LeaveGroup(GroupId, Box<Membership>, Goodbye),
    /// Keep these offsets.
    OffsetCommit(Arc<OffsetCommit>),
    /// What is committed?
    OffsetFetch(GroupId, Arc<[PlaceId]>),
    /// Where does this epoch end in your log? (OffsetForLeaderEpoch: partition, epoch)
    EpochEnd(Arc<[(PlaceId, u32)]>),
    /// SIGTERM: an operator's word to the process, none of the protocol's. It is not answered; the process ends
    /// when its leaderships have been moved.
    Terminate,
}

/// `acks`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// 0: no response.
    None,
    /// 1: when the leader has appended.
    Leader,
    /// all (-1): when the high watermark has passed.
    All,
}

/// A client-side assignor of the classic group protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AssignorName {
    /// `range`
    Range,
    /// `roundrobin`
    RoundRobin,
    /// `sticky`
    Sticky,
    /// `cooperative-sticky`
    CooperativeSticky,
}

/// A producer's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Producer {
    /// The producer id.
    pub id: u64,
    /// Its epoch.
    pub epoch: u16,
}

/// A Produce request.
#[derive(Clone, Debug)]
pub struct Produce {
    /// When to answer.
    pub acks: Acks,
    /// How long the broker may wait for replicas (`request.timeout.ms` of the producer).
    pub timeout: Duration,
    /// At most one batch a partition.
    pub batches: Few<ProduceBatch>,
}

/// A batch to append.
#[derive(Clone, Debug)]
pub struct ProduceBatch {
    /// Where.
    pub place: PlaceId,
    /// Identity and first sequence number, when the producer is idempotent.
    pub stamp: Option<Stamp>,
    /// The records.
    pub batch: Arc<Batch>,
}

/// What makes a batch recognisable: producer id, epoch, first sequence number (wraps after 2^31 - 1). Two words, with
/// those that say that there is none: every batch has room for one, in each log that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    producer_id: u64,
    sequence: u32,
    /// One more than the epoch.
    above_epoch: NonZeroU16,
}

impl Stamp {
    /// Of this producer, whose first record has this sequence number.
    ///
    /// # Panics
    /// When the epoch is `u16::MAX`; Kafka's end at `i16::MAX`.
    #[inline]
    pub fn new(producer: Producer, sequence: u32) -> Self {
        let above_epoch = NonZeroU16::MIN.checked_add(producer.epoch).expect("epochs end at i16::MAX");
        Self { producer_id: producer.id, sequence, above_epoch }
    }

    /// Who.
    #[inline]
    pub fn producer(self) -> Producer {
        Producer { id: self.producer_id, epoch: self.above_epoch.get() - 1 }
    }

    /// The sequence number of the first record.
    #[inline]
    pub fn sequence(self) -> u32 {
        self.sequence
    }
}

/// A Fetch request, from a consumer or from a follower.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// Set when a follower asks: which one, in which incarnation (broker epoch).
    pub replica: Option<(BrokerId, u64)>,
    /// Set when a member of a group asks. Real Kafka does not say; the model uses it to know which contents
    /// nobody will read any more, never to decide.
    pub group: Option<GroupId>,
    /// How long the broker may wait for `min_bytes`.
    pub max_wait: Duration,
    /// Answer when there is this much.
    pub min_bytes: u32,
    /// Answer with no more than this, but with at least one batch.
    pub max_bytes: u32,
    /// How much the broker is to remember from one request to the next.
    pub session: FetchSession,
    /// Which partitions, in the order in which they are filled; in a session that goes on, only those that are asked
    /// for differently than before.
    pub places: Vec<FetchPlace>,
}

/// How a fetch stands to those before it (KIP-227, "Fetch Session").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchSession {
    /// It names every partition, and nothing is to be remembered (epoch -1).
    Without,
    /// It names every partition, and later ones will name what changes (epoch 0).
    Begins,
    /// The how-manieth it is after the one that began the session.
    GoesOn(u32),
}

/// A partition of a Fetch request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchPlace {
    /// Which.
    pub place: PlaceId,
    /// From here.
    pub offset: u64,
    /// The leader epoch that the asker believes in, for fencing.
    pub leader_epoch: Option<u32>,
    /// The epoch of the last record before `offset`, for finding a divergence (truncation on fetch).
    pub last_epoch: Option<u32>,
    /// No more than this from here.
    pub max_bytes: u32,
}

/// Which offset is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The log's start.
    Earliest,
    /// The high watermark.
    Latest,
    /// The log's end, for a follower.
    LogEnd,
    /// The first record that is not older.
    Since(Time),
}

/// Who speaks, in group requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// As the coordinator named it; none on first contact.
    pub member: Option<MemberId>,
    /// `group.instance.id` of a static member.
    pub instance: Option<u32>,
    /// The generation it believes in.
    pub generation: u32,
}

/// Why a member leaves its group (KIP-800).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goodbye {
    /// "the consumer is being closed"
    Closed,
    /// "consumer poll timeout has expired": no poll within `max.poll.interval.ms`.
    PollTimeout,
}

/// A JoinGroup request.
#[derive(Clone, Debug)]
pub struct JoinGroup {
    /// Which group.
    pub group: GroupId,
    /// Who.
    pub membership: Membership,
    /// `session.timeout.ms`
    pub session_timeout: Duration,
    /// `max.poll.interval.ms`
    pub rebalance_timeout: Duration,
    /// What it can do, in order of preference.
    pub assignors: Vec<AssignorName>,
    /// What it wants, and has.
    pub subscription: Subscription,
}

/// ConsumerProtocolSubscription: what the group's leader needs to know of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Topics.
    pub topics: Vec<ChannelId>,
    /// Partitions that it owns now (cooperative and sticky assignors).
    pub owned: Vec<PlaceId>,
    /// The generation in which it got them.
    pub generation: Option<u32>,
    /// `client.rack`
    pub rack: Option<String>,
}

/// A SyncGroup request.
#[derive(Clone, Debug)]
pub struct SyncGroup {
    /// Which group.
    pub group: GroupId,
    /// Who.
    pub membership: Membership,
    /// From the leader: who gets what. From the others: empty.
    pub assignments: Vec<(MemberId, Arc<[PlaceId]>)>,
}

/// An OffsetCommit request.
#[derive(Clone, Debug)]
pub struct OffsetCommit {
    /// Which group.
    pub group: GroupId,
    /// Who.
    pub membership: Membership,
    /// Partition, next offset to read.
    pub offsets: Vec<(PlaceId, u64)>,
}

/// From a broker to whoever asked.
#[derive(Clone, Debug)]
pub struct FromBroker {
    /// Who answers.
    pub broker: BrokerId,
    /// The number of the request.
    pub correlation: u32,
    /// The answer.
    pub response: Response,
}

/// A broker's answer.
#[derive(Clone, Debug)]
pub enum Response {
    /// For each batch, in the order of the request.
    Produce(Arc<[Produced]>),
    /// For each partition that has something to say (KIP-227: the others are left out). The asker's own: who appends
    /// the batches, or keeps them for its application, moves them out.
    Fetch(Fetched),
    /// The cluster as this broker knows it.
    Metadata(Arc<Image>),
    /// The identity to use, or why not.
    InitProducerId(Result<Producer, ErrorCode>),
    /// Partition, offset or why not.
    ListOffsets(Arc<[(PlaceId, Result<u64, ErrorCode>)]>),
    /// The coordinator, or why there is none.
    FindCoordinator(Result<BrokerId, ErrorCode>),
    /// Joined, or why not.
    JoinGroup(Arc<JoinResult>),
    /// The assignment, or why there is none.
    SyncGroup(Result<Arc<[PlaceId]>, ErrorCode>),
    /// [`ErrorCode::None`] when all is well.
    Heartbeat(ErrorCode),
    /// [`ErrorCode::None`] when all is well.
    LeaveGroup(ErrorCode),
    /// [`ErrorCode::None`] when the offsets are kept.
    OffsetCommit(ErrorCode),
    /// Committed offsets; those without one are left out.
    OffsetFetch(Result<Arc<[(PlaceId, u64)]>, ErrorCode>),
    /// Partition, (epoch, end offset) as `endOffsetFor` finds them; none is undefined.
    EpochEnd(Arc<[(PlaceId, Result<EpochEnd, ErrorCode>)]>),
    /// Not an answer: nobody listens on the port yet (ECONNREFUSED). There is no connection.
    Refused,
}

/// The largest epoch not above the one that was asked for, and its end offset; none is undefined.
pub type EpochEnd = Option<(u32, u64)>;

/// The outcome of one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Produced {
    /// Where.
    pub place: PlaceId,
    /// The offset of its first record, or why it was not appended, or not safely.
    pub result: Result<u64, ErrorCode>,
    /// Leader and epoch, when the one asked knows better (KIP-951).
    pub leader: Option<(BrokerId, u32)>,
}

/// A Fetch response.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// The broker does not know the session, or another request was to come first: it looked at nothing, and a new
    /// session is to begin (`FETCH_SESSION_ID_NOT_FOUND`, `INVALID_FETCH_SESSION_EPOCH`).
    pub session_lost: bool,
    /// Partitions with news.
    pub places: Vec<FetchedPlace>,
    /// Bytes of records in all.
    pub bytes: u32,
}

/// News of a partition.
#[derive(Clone, Debug)]
pub struct FetchedPlace {
    /// Which.
    pub place: PlaceId,
    /// [`ErrorCode::None`] when the rest holds.
    pub error: ErrorCode,
    /// The leader's high watermark.
    pub high_watermark: u64,
    /// The log's start.
    pub log_start: u64,
    /// Set when the asker's log has diverged: the epoch and its end offset on the leader.
    pub diverging: Option<(u32, u64)>,
    /// Leader and epoch, when the one asked knows better (KIP-951).
    pub leader: Option<(BrokerId, u32)>,
    /// Nobody will read the contents below this again. The model's own: it decides about memory only.
    pub forgettable: u64,
    /// The batches.
    pub chunks: Few<Chunk>,
}

/// A batch as it lies in a log.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The offset of its first record.
    pub offset: u64,
    /// The leader epoch in which it was appended.
    pub leader_epoch: u32,
    /// When it was appended on the leader.
    pub appended: Time,
    /// What makes it recognisable.
    pub stamp: Option<Stamp>,
    /// The records.
    pub batch: Arc<Batch>,
}

impl Chunk {
    /// The offset behind its last record.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.batch.len())
    }
}

/// The answer to a JoinGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinResult {
    /// [`ErrorCode::None`] when joined; with `MEMBER_ID_REQUIRED`, `member` is the name to come back with.
    pub error: ErrorCode,
    /// The member's name.
    pub member: Option<MemberId>,
    /// The generation.
    pub generation: u32,
    /// What the group agreed on.
    pub assignor: Option<AssignorName>,
    /// The leader.
    pub leader: Option<MemberId>,
    /// For the leader: everybody, with instance id and subscription.
    pub members: Vec<(MemberId, Option<u32>, Subscription)>,
    /// The leader need not assign again: a static leader came back to a stable group.
    pub skip_assignment: bool,
}

/// From a broker to the controller.
#[derive(Clone, Debug)]
pub enum ToController {
    /// I am here, in a new incarnation.
    Register {
        /// Who.
        broker: BrokerId,
        /// Where to answer.
        reply_to: Addr<FromController>,
        /// Whether the last incarnation shut down in good order.
        clean: bool,
    },
    /// Still here.
    Heartbeat {
        /// Who.
        broker: BrokerId,
        /// Its incarnation.
        epoch: u64,
        /// How much of the metadata it has taken in.
        metadata_version: u64,
        /// It wants to go.
        want_shutdown: bool,
    },
    /// A leader asks for other in-sync sets.
    AlterPartition {
        /// Who.
        broker: BrokerId,
        /// Its incarnation.
        epoch: u64,
        /// The changes.
        changes: Arc<[AlterPartition]>,
    },
    /// From an operator (`kafka-topics --alter --partitions`): these partitions, which a topic of the scenario
    /// will have in time, are to be there from now on. Those that are there already stay as they are.
    CreatePartitions {
        /// The first.
        first: PlaceId,
        /// How many.
        count: u32,
    },
    /// A block of producer ids, please.
    AllocateProducerIds {
        /// Who.
        broker: BrokerId,
        /// Its incarnation.
        epoch: u64,
    },
}

/// One change of an in-sync set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterPartition {
    /// Which partition.
    pub place: PlaceId,
    /// The leader epoch of the asker.
    pub leader_epoch: u32,
    /// The partition epoch that it knows.
    pub partition_epoch: u32,
    /// The set that it wants, each with the incarnation (broker epoch) that fetched, when the asker knows it
    /// (KIP-903).
    pub isr: Vec<(BrokerId, Option<u64>)>,
}

/// From the controller to a broker.
#[derive(Clone, Debug)]
pub enum FromController {
    /// The broker's epoch.
    Registered(u64),
    /// How it stands.
    Heartbeat {
        /// Out of service.
        fenced: bool,
        /// Nothing is led there any more: it may go.
        may_shut_down: bool,
    },
    /// For each change, in the order of the request: the partition as it is now, or why not.
    AlterPartition(Arc<[(PlaceId, Result<Partition, ErrorCode>)]>),
    /// `count` producer ids from `first`.
    ProducerIds {
        /// The first.
        first: u64,
        /// How many (Kafka hands out 1000 at a time).
        count: u64,
    },
    /// The cluster as it is now.
    Metadata(Arc<Image>),
}

/// The cluster as metadata tell it. Never changes once made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// Grows with every change.
    pub version: u64,
    /// Brokers in service (not fenced), by ascending id.
    pub alive: Vec<BrokerId>,
    /// Their incarnations (broker epochs), in the same order.
    pub epochs: Vec<u64>,
    /// Every partition, by [`PlaceId`].
    pub partitions: Vec<Partition>,
}

impl Image {
    /// How many partitions a topic has: of its places from `first` on, `most` at the utmost, those that were
    /// created.
    pub fn partitions_of(&self, first: PlaceId, most: u32) -> u32 {
        let places = self.partitions.iter().skip(first.index()).take(most as usize);
        places.take_while(|partition| partition.exists()).count() as u32
    }

    /// The incarnation of a broker in service.
    pub fn epoch(&self, broker: BrokerId) -> Option<u64> {
        self.alive.iter().zip(&self.epochs).find(|(alive, _)| **alive == broker).map(|(_, epoch)| *epoch)
    }

    /// The leader of a place, when there is one.
    pub fn leader(&self, place: PlaceId) -> Option<BrokerId> {
        self.partitions.get(place.index()).and_then(|partition| partition.leader)
    }
}

/// A partition as the controller keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Who holds it, the preferred leader first.
    pub replicas: Arc<[BrokerId]>,
    /// In-sync replicas.
    pub isr: Arc<[BrokerId]>,
    /// Eligible leader replicas (KIP-966).
    pub elr: Arc<[BrokerId]>,
    /// Those that were eligible before an unclean shutdown.
    pub last_known_elr: Arc<[BrokerId]>,
    /// The leader, if any.
    pub leader: Option<BrokerId>,
    /// Grows with every change of the leader.
    pub leader_epoch: u32,
    /// Grows with every change.
    pub partition_epoch: u32,
    /// The leader was not in sync when it was elected and has not recovered yet.
    pub recovering: bool,
}

impl Partition {
    /// The place of a partition that will be created later.
    pub fn to_come() -> Self {
        Self {
            replicas: Arc::default(),
            isr: Arc::default(),
            elr: Arc::default(),
            last_known_elr: Arc::default(),
            leader: None,
            leader_epoch: 0,
            partition_epoch: 0,
            recovering: false,
        }
    }

    /// Whether it was created.
    pub fn exists(&self) -> bool {
        !self.replicas.is_empty()
    }
}

/// Bytes of a request's or response's header.
const HEADER: u32 = 40;
/// Bytes of a partition's fields in a request or response.
const PLACE: u32 = 24;

impl ToBroker {
    /// Bytes on the wire.
    pub fn bytes(&self) -> u32 {
        HEADER
            + match &self.request {
                Request::Produce(produce) => {
                    produce.batches.iter().map(|batch| PLACE + batch.batch.bytes()).sum::<u32>()
                }
                Request::Fetch(fetch) => PLACE * fetch.places.len() as u32,
                Request::ListOffsets(places) => PLACE * places.len() as u32,
                Request::OffsetCommit(commit) => PLACE * commit.offsets.len() as u32,
                Request::OffsetFetch(_, places) => PLACE * places.len() as u32,
                Request::EpochEnd(places) => PLACE * places.len() as u32,
                Request::JoinGroup(join) => {
                    PLACE * (1 + join.subscription.topics.len() + join.subscription.owned.len()) as u32
                }
                Request::SyncGroup(sync) => {
                    PLACE * sync.assignments.iter().map(|(_, places)| 1 + places.len() as u32).sum::<u32>()
                }
                Request::Metadata
                | Request::Terminate
                | Request::InitProducerId(_)
                | Request::FindCoordinator(_)
                | Request::Heartbeat(..)
                | Request::LeaveGroup(..) => 0,
            }
    }
}

impl FromBroker {
    /// Bytes on the wire.
    pub fn bytes(&self) -> u32 {
        HEADER
            + match &self.response {
                Response::Fetch(fetched) => fetched.bytes + PLACE * fetched.places.len() as u32,
                Response::Produce(produced) => PLACE * produced.len() as u32,
                Response::Metadata(image) => PLACE * image.partitions.len() as u32,
                Response::ListOffsets(places) => PLACE * places.len() as u32,
                Response::OffsetFetch(Ok(places)) => PLACE * places.len() as u32,
                Response::EpochEnd(places) => PLACE * places.len() as u32,
                Response::JoinGroup(joined) => PLACE * joined.members.len() as u32,
                Response::SyncGroup(Ok(places)) => PLACE * places.len() as u32,
                Response::OffsetFetch(Err(_))
                | Response::SyncGroup(Err(_))
                | Response::InitProducerId(_)
                | Response::FindCoordinator(_)
                | Response::Heartbeat(_)
                | Response::LeaveGroup(_)
                | Response::OffsetCommit(_)
                | Response::Refused => 0,
            }
    }
}
