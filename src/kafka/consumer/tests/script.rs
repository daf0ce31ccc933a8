//! The script: brokers 1 to 3 on nodes 1 to 3, topic `orders` of six partitions, and a test in their place.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::hears;
use crate::kafka::config::{ConsumerConfig, Version};
use crate::kafka::consumer::{Consumer, ConsumerSetup, Stopped, Timer, Topic};
use crate::kernel::alone::{Alone, Asked};
use crate::kernel::{Actor, ActorId, Builder, Crash, Cx, Duration, Network, NodeId, Shape, Time};
use crate::trace::kafka::{BrokerId, ErrorCode, Exception, Kafka, MemberId, PositionReason};
use crate::trace::{Batch, ChannelId, Fact, Few, GroupId, Life, PlaceId, Reason, Record, RecordId};
use crate::wire::kafka::{
    AssignorName, Chunk, Fetch, Fetched, FetchedPlace, FromBroker, Image, JoinGroup, JoinResult,
    OffsetCommit, Partition, Request, Response, Subscription, ToBroker,
};
use crate::wire::port::{FromSubscriber, ToSubscriber};
use crate::wire::{Brokersim, Msg};

pub const GROUP: GroupId = GroupId(0);
pub const ORDERS: ChannelId = ChannelId(0);
pub const P0: PlaceId = PlaceId(0);
pub const P1: PlaceId = PlaceId(1);
pub const P2: PlaceId = PlaceId(2);
pub const ME: MemberId = MemberId(7);
pub const MS: fn(u64) -> Duration = Duration::from_millis;

hears! {
    /// Everything that a consumer says.
    #[expect(dead_code, reason = "the test listens itself")]
    Heard { Broker(ToBroker), App(FromSubscriber) }
}

/// Gives the consumer somebody to talk to; never runs.
#[derive(Clone)]
struct Ear;

impl Actor for Ear {
    type Vocab = Brokersim;
    type Msg = Heard;
    type Timer = ();
    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, _: Heard) {
        unreachable!("the test listens itself")
    }
}

/// A request that waits for the script's answer.
pub struct Open {
    pub broker: u32,
    pub correlation: u32,
    pub request: Request,
}

pub struct Script {
    pub alone: Alone<Consumer>,
    pub now: Time,
    pub open: Vec<Open>,
    pub told: Vec<FromSubscriber>,
    pub facts: Vec<Fact>,
    timers: BTreeMap<Timer, Time>,
    pub leaders: [(u32, u32); 6],
}

/// The defaults of 4.1, except that an empty group is read from its beginning.
pub fn config() -> ConsumerConfig {
    ConsumerConfig {
        offset_reset: crate::kafka::config::OffsetReset::Earliest,
        assignors: vec![AssignorName::Range],
        ..ConsumerConfig::of(Version::V4_1)
    }
}

pub fn cooperative() -> ConsumerConfig {
    ConsumerConfig { assignors: vec![AssignorName::CooperativeSticky], ..config() }
}

pub fn batch(first: u64, records: u64) -> Arc<Batch> {
    let record = |i| Record::new(RecordId::new(0, i), Time::ZERO, None, 100);
    Batch::new((first..first + records).map(record).collect(), Vec::new(), 61 + 100 * records as u32)
}

pub fn failed(place: PlaceId, error: ErrorCode, leader: Option<(u32, u32)>) -> FetchedPlace {
    let leader = leader.map(|(broker, epoch)| (BrokerId(broker), epoch));
    FetchedPlace {
        place,
        error,
        high_watermark: 0,
        log_start: 0,
        diverging: None,
        leader,
        forgettable: 0,
        chunks: Few::default(),
    }
}

/// Batches of so many records, the first at `offset`; record numbers are offsets.
pub fn data(place: PlaceId, offset: u64, batches: &[u64]) -> FetchedPlace {
    let mut next = offset;
    let chunks = batches
        .iter()
        .map(|&records| {
            let chunk = Chunk {
                offset: next,
                leader_epoch: 0,
                appended: Time::ZERO,
                stamp: None,
                batch: batch(next, records),
            };
            next += records;
            chunk
        })
        .collect();
    FetchedPlace {
        place,
        error: ErrorCode::None,
        high_watermark: next,
        log_start: 0,
        diverging: None,
        leader: None,
        forgettable: 0,
        chunks,
    }
}

impl Script {
    pub fn new(config: ConsumerConfig) -> Self {
        Self::of(config, None)
    }

    pub fn of(config: ConsumerConfig, instance: Option<u32>) -> Self {
        let mut builder = Builder::<Brokersim>::new(0, Network::new(Shape::IDEAL, 0));
        let node = builder.node("consumer");
        builder.reserve::<Consumer>(node, "consumer");
        let brokers = (1..=3)
            .map(|id| {
                let node = builder.node(format!("broker {id}"));
                (BrokerId(id), node, builder.reserve::<Ear>(node, "broker").addr())
            })
            .collect();
        let app = builder.reserve::<Ear>(node, "app").addr();
        let orders = Topic { name: "orders".into(), first: P0, partitions: 6, most: 6 };
        let setup = ConsumerSetup {
            config: Arc::new(config),
            group: GROUP,
            instance,
            channels: vec![ORDERS],
            topics: Arc::new(BTreeMap::from([(ORDERS, orders)])),
            brokers,
            racks: Arc::new(BTreeMap::new()),
            app,
        };
        let mut script = Self {
            alone: Alone::new(Consumer::new(setup)),
            now: Time::ZERO,
            open: Vec::new(),
            told: Vec::new(),
            facts: Vec::new(),
            timers: BTreeMap::new(),
            leaders: [(1, 0), (2, 0), (3, 0), (1, 0), (2, 0), (3, 0)],
        };
        let effects = script.alone.start();
        script.note(effects);
        script
    }

    /// A member that leads a group of its own, owns these partitions and reads on from what was committed.
    pub fn reading(config: ConsumerConfig, committed: &[(PlaceId, u64)]) -> Self {
        let mut script = Self::new(config);
        script.say(ToSubscriber::Next);
        script.meet();
        script.enter(1, committed);
        script
    }

    /// Metadata, coordinator (broker 1) and a member id.
    pub fn meet(&mut self) {
        self.metadata();
        self.coordinator(Ok(1));
        self.joined(ErrorCode::MemberIdRequired, 0);
    }

    /// Join, sync and offsets of a generation.
    pub fn enter(&mut self, generation: u32, committed: &[(PlaceId, u64)]) {
        self.joined(ErrorCode::None, generation);
        let places: Vec<_> = committed.iter().map(|(place, _)| *place).collect();
        self.synced(&places);
        self.committed(committed);
    }

    fn note(&mut self, effects: Vec<Asked<Consumer>>) {
        for effect in effects {
            match effect {
                Asked::Send(to, Msg::ToBroker(ask)) => {
                    let ToBroker { correlation, request, .. } = ask;
                    self.open.push(Open { broker: to.0, correlation, request });
                }
                Asked::Send(_, Msg::FromSubscriber(msg)) => self.told.push(msg),
                Asked::Arm(timer, at) => drop(self.timers.insert(timer, at)),
                Asked::Emit(fact) => self.facts.push(fact),
                Asked::Disarm => {}
                other @ (Asked::Send(..) | Asked::Work(_) | Asked::Command(_)) => panic!("{other:?}"),
            }
        }
        if self.alone.actor().stopped().is_some() {
            self.timers.clear();
        }
    }

    // The application.

    pub fn say(&mut self, msg: ToSubscriber) {
        let effects = self.alone.at(self.now).receive(ActorId(4), msg);
        self.note(effects);
    }

    /// `poll()`, and what it returns at once: (partition, offset, records) of each delivery.
    pub fn poll(&mut self) -> Vec<(u32, u64, u32)> {
        self.told.clear();
        self.say(ToSubscriber::Next);
        self.delivered()
    }

    pub fn delivered(&mut self) -> Vec<(u32, u64, u32)> {
        let mut all = Vec::new();
        for msg in std::mem::take(&mut self.told) {
            if let FromSubscriber::Deliver(deliveries) = msg {
                all.extend(deliveries.iter().map(|one| (one.place.0, one.offset, one.span.len())));
            }
        }
        all
    }

    pub fn settled(&mut self) -> Option<bool> {
        std::mem::take(&mut self.told).into_iter().find_map(|msg| match msg {
            FromSubscriber::Settled { accepted } => Some(accepted),
            FromSubscriber::Deliver(_) | FromSubscriber::Assigned(_) | FromSubscriber::Revoked(_) => None,
        })
    }

    // Time and trouble.

    /// Lets so much time pass; timers run out on the way.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some((&timer, &at)) = self.timers.iter().min_by_key(|(timer, at)| (**at, **timer))
            && at <= until
        {
            self.timers.remove(&timer);
            self.now = self.now.max(at);
            let effects = self.alone.at(self.now).wake(timer);
            self.note(effects);
        }
        self.now = until;
    }

    pub fn reset(&mut self, broker: u32) {
        self.open.retain(|open| open.broker != broker);
        let effects = self.alone.at(self.now).disconnect(NodeId(broker));
        self.note(effects);
    }

    pub fn crash(&mut self) {
        self.alone.crash(Crash::Process);
        self.timers.clear();
        self.open.clear();
        let effects = self.alone.at(self.now).start();
        self.note(effects);
    }

    // The brokers.

    pub fn find(&mut self, wanted: fn(&Request) -> bool) -> Option<Open> {
        let index = self.open.iter().position(|open| wanted(&open.request))?;
        Some(self.open.remove(index))
    }

    pub fn reply(&mut self, open: &Open, response: Response) {
        let msg = FromBroker { broker: BrokerId(open.broker), correlation: open.correlation, response };
        let effects = self.alone.at(self.now).receive(ActorId(open.broker), msg);
        self.note(effects);
    }

    fn answer(&mut self, wanted: fn(&Request) -> bool, response: Response) -> Open {
        let open = self.find(wanted).unwrap_or_else(|| panic!("nobody asked for {response:?}"));
        self.reply(&open, response);
        open
    }

    pub fn image(&self) -> Arc<Image> {
        let all: Arc<[BrokerId]> = [1, 2, 3].map(BrokerId).into();
        let partition = |(leader, leader_epoch): (u32, u32)| Partition {
            replicas: Arc::clone(&all),
            isr: Arc::clone(&all),
            elr: [].into(),
            last_known_elr: [].into(),
            leader: (leader > 0).then_some(BrokerId(leader)),
            leader_epoch,
            partition_epoch: leader_epoch,
            recovering: false,
        };
        let partitions = self.leaders.map(partition).into();
        Arc::new(Image { version: 1, alive: all.to_vec(), epochs: vec![1, 2, 3], partitions })
    }

    pub fn metadata(&mut self) {
        let image = self.image();
        self.answer(|request| matches!(request, Request::Metadata), Response::Metadata(image));
    }

    pub fn coordinator(&mut self, found: Result<u32, ErrorCode>) {
        let response = Response::FindCoordinator(found.map(BrokerId));
        self.answer(|request| matches!(request, Request::FindCoordinator(_)), response);
    }

    pub fn join_request(&mut self) -> Option<(Open, Arc<JoinGroup>)> {
        let open = self.find(|request| matches!(request, Request::JoinGroup(_)))?;
        let Request::JoinGroup(join) = &open.request else { unreachable!("found by its kind") };
        let join = Arc::clone(join);
        Some((open, join))
    }

    /// Answers the JoinGroup; this member leads.
    pub fn joined(&mut self, error: ErrorCode, generation: u32) -> Arc<JoinGroup> {
        let (open, join) = self.join_request().expect("it wants to join");
        let subscription = Subscription {
            topics: join.subscription.topics.clone(),
            owned: join.subscription.owned.clone(),
            generation: join.subscription.generation,
            rack: None,
        };
        let result = JoinResult {
            error,
            member: Some(ME),
            generation,
            assignor: Some(join.assignors[0]),
            leader: Some(ME),
            members: vec![(ME, None, subscription)],
            skip_assignment: false,
        };
        self.reply(&open, Response::JoinGroup(Arc::new(result)));
        join
    }

    /// Answers the SyncGroup; returns what the leader assigned to itself.
    pub fn synced(&mut self, places: &[PlaceId]) -> Vec<PlaceId> {
        let open = self.find(|request| matches!(request, Request::SyncGroup(_))).expect("it has joined");
        let Request::SyncGroup(sync) = &open.request else { unreachable!("found by its kind") };
        let mine = sync.assignments.iter().find(|(member, _)| *member == ME);
        let mine = mine.map_or(Vec::new(), |(_, places)| places.to_vec());
        self.reply(&open, Response::SyncGroup(Ok(places.into())));
        mine
    }

    pub fn committed(&mut self, offsets: &[(PlaceId, u64)]) {
        let response = Response::OffsetFetch(Ok(offsets.into()));
        self.answer(|request| matches!(request, Request::OffsetFetch(..)), response);
    }

    pub fn listed(&mut self, place: PlaceId, found: Result<u64, ErrorCode>) -> Open {
        let response = Response::ListOffsets([(place, found)].into());
        self.answer(|request| matches!(request, Request::ListOffsets(_)), response)
    }

    pub fn epoch_ends(&mut self, place: PlaceId, end: Option<(u32, u64)>) -> Open {
        let response = Response::EpochEnd([(place, Ok(end))].into());
        self.answer(|request| matches!(request, Request::EpochEnd(_)), response)
    }

    pub fn beaten(&mut self, error: ErrorCode) {
        self.answer(|request| matches!(request, Request::Heartbeat(..)), Response::Heartbeat(error));
    }

    pub fn commit_request(&mut self) -> Option<(Open, Arc<OffsetCommit>)> {
        let open = self.find(|request| matches!(request, Request::OffsetCommit(_)))?;
        let Request::OffsetCommit(commit) = &open.request else { unreachable!("found by its kind") };
        let commit = Arc::clone(commit);
        Some((open, commit))
    }

    /// Answers the commit; returns what it said.
    pub fn kept(&mut self, error: ErrorCode) -> Vec<(PlaceId, u64)> {
        let (open, commit) = self.commit_request().expect("it commits");
        self.reply(&open, Response::OffsetCommit(error));
        commit.offsets.clone()
    }

    /// The fetch under way to a broker.
    pub fn fetch(&self, broker: u32) -> Option<Arc<Fetch>> {
        self.open.iter().find_map(|open| match &open.request {
            Request::Fetch(fetch) if open.broker == broker => Some(Arc::clone(fetch)),
            Request::Fetch(_)
            | Request::Produce(_)
            | Request::Metadata
            | Request::InitProducerId(_)
            | Request::ListOffsets(_)
            | Request::FindCoordinator(_)
            | Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::Heartbeat(..)
            | Request::LeaveGroup(..)
            | Request::OffsetCommit(_)
            | Request::OffsetFetch(..)
            | Request::EpochEnd(_)
            | Request::Terminate => None,
        })
    }

    pub fn fetched(&mut self, broker: u32, places: Vec<FetchedPlace>) {
        let is_it = |open: &Open| open.broker == broker && matches!(open.request, Request::Fetch(_));
        let index = self.open.iter().position(is_it).expect("it fetches from there");
        let open = self.open.remove(index);
        let bytes = places.iter().flat_map(|place| &place.chunks).map(|chunk| chunk.batch.bytes()).sum();
        self.reply(&open, Response::Fetch(Fetched { session_lost: false, places, bytes }));
    }

    // What was seen.

    pub fn facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    pub fn stopped(&self) -> Option<Stopped> {
        self.alone.actor().stopped()
    }
}

pub fn positioned(place: PlaceId, offset: u64, why: PositionReason) -> Fact {
    Kafka::Positioned { group: GROUP, place, offset, why }.into()
}

pub fn skipped(place: PlaceId, to: u64, why: Reason) -> Fact {
    Life::Skipped { group: GROUP, place, to, why }.into()
}

pub fn assigned(generation: u32, places: &[PlaceId]) -> Fact {
    Kafka::Assigned { group: GROUP, generation, places: places.into() }.into()
}

pub fn revoked(places: &[PlaceId], lost: bool) -> Fact {
    Kafka::Revoked { group: GROUP, places: places.into(), lost }.into()
}

pub fn commit_failed(error: ErrorCode) -> Fact {
    Kafka::CommitFailed { group: GROUP, error }.into()
}

pub fn threw(places: &[PlaceId], error: Exception) -> Fact {
    Kafka::ConsumerFailed { group: GROUP, places: places.into(), error }.into()
}
