//! A broker: request handlers, replicas, fetchers, and the groups that it coordinates.
//!
//! The actor is thin. Logs, replicas, and groups are plain values; this room carries requests to them, holds
//! those that must wait (the purgatory), and answers. One connection has one request in work at a time, and
//! its responses keep the order of its requests, as Kafka's socket server does by muting the channel.
//!
//! **Invariant.** Every request is answered exactly once, except produce requests with acks=0 and those whose
//! asker or broker died. A broker that is not registered and caught up yet takes no connections.
//!
//! A broker has one log directory: when its disk takes no more, it halts.
//!
//! **Not modelled:** quotas, follower reads (KIP-392), log compaction, transactions; a broker's JVM.

mod audit;
mod compaction;
mod connections;
mod control;
mod fetch;
mod groups;
mod housekeeping;
mod produce;
mod purgatory;
mod replication;
mod sessions;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::kernel::{Actor, ActorId, Addr, Crash, Cx, Duration, Machine, NodeId, Time};
use crate::trace::kafka::{BrokerId, ErrorCode, Kafka};
use crate::trace::{ChannelId, GroupId, Life, PlaceId, Stage};
use crate::wire::Brokersim;
use crate::wire::kafka::{FromBroker, FromController, Image, Request, Response, ToBroker, ToController};

use super::bits::Bits;
use super::config::{BrokerConfig, TopicConfig};
use super::coordinator::{Coordinator, Ticket};
use super::log::Log;
use super::replica::Follower;
use super::replica::Leader;

use audit::Audited;
use compaction::Compacted;
use connections::{Asker, Connections};
use purgatory::Purgatory;
use replication::Fetcher;
use sessions::Session;

/// What a broker is made of.
#[derive(Clone, Debug)]
pub struct BrokerSetup {
    /// Its `node.id`.
    pub id: BrokerId,
    /// Settings of the cluster.
    pub config: Arc<BrokerConfig>,
    /// Settings of each topic, by [`ChannelId`].
    pub topics: Vec<Arc<TopicConfig>>,
    /// All names and numbers.
    pub stage: Arc<Stage>,
    /// `__consumer_offsets`.
    pub offsets: ChannelId,
    /// The controller.
    pub controller: Addr<ToController>,
    /// Every broker: id, node, address.
    pub brokers: Vec<(BrokerId, NodeId, Addr<ToBroker>)>,
    /// The controller's node.
    pub controller_node: NodeId,
    /// The node of every actor, by its number: whose connections a reset ends.
    pub nodes: Arc<[NodeId]>,
    /// Whether it tells fingerprints of its logs.
    pub audits: bool,
}

crate::hears! {
    /// What a broker hears.
    BrokerMail {
        /// A request.
        Request(ToBroker),
        /// An answer from the broker that it follows.
        Peer(FromBroker),
        /// From the controller.
        Controller(FromController),
    }
}

/// A broker's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BrokerTimer {
    /// `broker.heartbeat.interval.ms`, and registration until it succeeds.
    Heartbeat,
    /// The first held request must be answered.
    Purgatory,
    /// Look for followers that lag (`replica.lag.time.max.ms` / 2).
    ShrinkIsr,
    /// Write high watermarks to disk.
    Checkpoint,
    /// Retention, producer expiry.
    Retention,
    /// Re-encode what everybody has read.
    Freeze,
    /// `flush.ms`
    Flush,
    /// Tell fingerprints of the logs.
    Audit,
    /// Groups.
    Coordinator,
    /// A write of the coordinator may have waited for `offset.commit.timeout.ms`.
    OffsetCommit,
    /// Fetch again from this broker.
    Fetch(BrokerId),
    /// The fetch from this broker has not been answered in time.
    FetchTimeout(BrokerId),
    /// Ask the controller again for what it has not answered.
    AskAgain,
    /// Leave, whether the controller has agreed or not.
    Leave,
}

/// A replica on this broker.
#[derive(Clone, Debug)]
struct Replica {
    log: Log,
    role: Role,
    /// Requests in the purgatory that wait for this partition.
    held: Vec<u32>,
    /// How far each group has fetched: what lies below is only read again after a reset.
    read: Vec<(GroupId, u64)>,
    /// What nobody will read again, as the leader saw it when it last looked.
    forgettable: u64,
    /// Writes of the coordinator that wait for the high watermark: up to where, which, until when.
    tickets: VecDeque<(u64, Ticket, Time)>,
    /// The partition epochs under which AlterPartition was asked and is not answered yet.
    asked_under: VecDeque<u32>,
    internal: bool,
    /// Its tail went with the page cache, and it has followed nobody since.
    lost_power: bool,
    /// How far its log was told, when anybody wants to know.
    audited: Audited,
    /// Of an internal topic: what its old records come down to.
    compacted: Compacted,
}

#[derive(Clone, Debug)]
enum Role {
    Leader(Box<Leader>),
    Follower(Follower),
    /// No leader is known.
    Idle,
}

/// How the last process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Past {
    Fresh,
    Crashed,
    ShutDown,
}

/// How far a broker is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    /// It stays.
    No,
    /// The controller is asked.
    Asked,
    /// The controller has heard it, and waits until all others have.
    Heard,
}

/// A broker.
#[derive(Clone)]
pub struct Broker {
    setup: Arc<BrokerSetup>,
    replicas: Vec<Option<Box<Replica>>>,
    image: Arc<Image>,
    epoch: Option<u64>,
    past: Past,
    /// Partitions and records cut by the last power loss.
    recovered: (u32, u64),
    connections: Connections,
    /// Processor and disk time of what is being handled, and the answers that go out after it.
    owed: Duration,
    answers: Vec<(Addr<FromBroker>, FromBroker)>,
    /// Requests whose connection has become free while this input was handled.
    freed: VecDeque<ToBroker>,
    purgatory: Purgatory,
    fetchers: Vec<Fetcher>,
    /// What followers ask this broker for, by the index of the broker.
    sessions: Vec<Session>,
    /// Places over which some follower may sleep, or that some fetcher has looked at and will not look at again, until
    /// somebody rouses them. All others are roused already.
    calm: Bits,
    coordinator: Coordinator<Asker>,
    commits: Vec<(Asker, Arc<crate::wire::kafka::OffsetCommit>)>,
    producer_ids: std::ops::Range<u64>,
    wanting_ids: Vec<Asker>,
    written: u64,
    /// Whether the timer for overdue writes of the coordinator is armed.
    watches_writes: bool,
    /// The machine it runs on.
    machine: Machine,
    leaving: Leaving,
    /// The process ends with this input.
    ends: Option<Crash>,
}

impl Broker {
    /// A broker with empty logs that has not started.
    pub fn new(setup: BrokerSetup) -> Self {
        let coordinator =
            Coordinator::new(Arc::clone(&setup.config), Arc::clone(&setup.stage), setup.offsets);
        let fetchers = setup.brokers.iter().map(|&(id, node, addr)| Fetcher::new(id, node, addr)).collect();
        let sessions = setup.brokers.iter().map(|_| Session::default()).collect();
        let calm = Bits::new(setup.stage.places() as usize);
        Self {
            replicas: (0..setup.stage.places()).map(|_| None).collect(),
            setup: Arc::new(setup),
            image: Arc::default(),
            epoch: None,
            past: Past::Fresh,
            recovered: (0, 0),
            connections: Connections::default(),
            owed: Duration::ZERO,
            answers: Vec::new(),
            freed: VecDeque::new(),
            purgatory: Purgatory::default(),
            fetchers,
            sessions,
            calm,
            coordinator,
            commits: Vec::new(),
            producer_ids: 0..0,
            wanting_ids: Vec::new(),
            written: 0,
            watches_writes: false,
            machine: Machine::SOUND,
            leaving: Leaving::No,
            ends: None,
        }
    }

    /// A broker opens its listener when it has caught up with the metadata to its own registration, which
    /// waits for the end of its last life's session (`BrokerServer.startup`: `initialCatchUpFuture`, then
    /// `enableRequestProcessing`).
    #[inline]
    fn is_listening(&self) -> bool {
        self.epoch.is_some_and(|registered| self.image.version >= registered)
    }

    fn request(&mut self, cx: &mut Cx<'_, Self>, asked: ToBroker) {
        if !self.is_listening() {
            let ToBroker { correlation, reply_to, .. } = asked;
            return cx.send(
                reply_to,
                FromBroker { broker: self.setup.id, correlation, response: Response::Refused },
            );
        }
        if let Some(asked) = self.connections.admit(asked) {
            let wait = self.connections.busy_for(Asker::of(&asked), cx.now(), self.cost(&asked));
            self.owed += wait;
            self.serve(cx, asked);
        }
    }

    /// Serves what waited for connections that are free now. Not where they become free: that may be amid a
    /// look through those who wait for a partition, and what is appended then would wake nobody.
    fn serve_freed(&mut self, cx: &mut Cx<'_, Self>) {
        self.settle(cx);
        while let Some(asked) = self.freed.pop_front() {
            // It follows the answer that it waited for, so it waits no longer than its own work takes.
            let cost = self.cost(&asked);
            self.connections.busy_for(Asker::of(&asked), cx.now(), cost);
            self.owed += cost;
            self.serve(cx, asked);
            self.settle(cx);
        }
    }

    /// Does the work that a request took, and then sends the answers that came of it.
    fn settle(&mut self, cx: &mut Cx<'_, Self>) {
        cx.work(std::mem::replace(&mut self.owed, Duration::ZERO));
        if !self.answers.is_empty() {
            self.answers.drain(..).for_each(|(to, answer)| cx.send(to, answer));
        }
    }

    fn serve(&mut self, cx: &mut Cx<'_, Self>, asked: ToBroker) {
        let asker = Asker::of(&asked);
        match asked.request {
            Request::Produce(produce) => self.produce(cx, asker, *produce),
            Request::Fetch(fetch) => self.fetch(cx, asker, fetch),
            Request::Metadata => self.answer(asker, Response::Metadata(Arc::clone(&self.image))),
            Request::InitProducerId(known) => self.init_producer_id(cx, asker, known),
            Request::ListOffsets(places) => self.list_offsets(asker, &places),
            Request::EpochEnd(places) => self.epoch_end(asker, &places),
            Request::FindCoordinator(group) => self.find_coordinator(asker, group),
            Request::Terminate => {
                self.release(asker);
                self.shut_down(cx);
            }
            Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::Heartbeat(..)
            | Request::LeaveGroup(..)
            | Request::OffsetCommit(_)
            | Request::OffsetFetch(..) => self.group_request(cx, asker, &asked.request),
        }
    }

    /// Processor time of a request, with the page cache it fills.
    fn cost(&self, asked: &ToBroker) -> Duration {
        let costs = &self.setup.config.costs;
        let batches = match &asked.request {
            Request::Produce(produce) => produce.batches.len() as u64,
            _ => 0,
        };
        costs.request_cpu + self.per_kib(u64::from(asked.bytes())) + self.disk_time(costs.append) * batches
    }

    /// How long the disk takes for this now.
    fn disk_time(&self, cost: Duration) -> Duration {
        if self.machine.disk == Machine::SOUND.disk {
            return cost;
        }
        Duration::from_nanos((u128::from(cost.as_nanos()) * u128::from(self.machine.disk) / 1_000) as u64)
    }

    fn per_kib(&self, bytes: u64) -> Duration {
        Duration::from_nanos(self.setup.config.costs.cpu_per_kib.as_nanos() * bytes / 1024)
    }

    /// Answers, and goes on with what its connection has sent meanwhile.
    fn answer(&mut self, asker: Asker, response: Response) {
        let answer = FromBroker { broker: self.setup.id, correlation: asker.correlation, response };
        self.answers.push((asker.reply_to, answer));
        self.release(asker);
    }

    fn release(&mut self, asker: Asker) {
        self.freed.extend(self.connections.release(asker));
    }

    /// A replica, to be changed: nobody sleeps over it any more ([`Self::rouse`]).
    fn replica(&mut self, place: PlaceId) -> Option<&mut Replica> {
        self.rouse(place);
        self.replica_aside(place)
    }

    /// A replica, to note beside its log and its role what no other broker asks about: who waits for it, how far
    /// consumers have read, when a follower fetched again.
    #[inline]
    fn replica_aside(&mut self, place: PlaceId) -> Option<&mut Replica> {
        self.replicas.get_mut(place.index())?.as_deref_mut()
    }

    /// The replica that this broker leads, or what to tell who asks.
    fn led(&mut self, place: PlaceId) -> Result<(&mut Replica, u32), ErrorCode> {
        if place.index() >= self.image.partitions.len() {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        match self.replica(place) {
            Some(replica) => match &replica.role {
                Role::Leader(leader) => {
                    let epoch = leader.leader_epoch();
                    Ok((replica, epoch))
                }
                Role::Follower(_) | Role::Idle => Err(ErrorCode::NotLeaderOrFollower),
            },
            None => Err(ErrorCode::NotLeaderOrFollower),
        }
    }

    /// The same, to look at.
    fn leads(&self, place: PlaceId) -> Result<(&Replica, &Leader), ErrorCode> {
        if place.index() >= self.image.partitions.len() {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        match self.replicas[place.index()].as_deref().map(|replica| (replica, &replica.role)) {
            Some((replica, Role::Leader(leader))) => Ok((replica, leader)),
            Some((_, Role::Follower(_) | Role::Idle)) | None => Err(ErrorCode::NotLeaderOrFollower),
        }
    }

    /// The leader as this broker knows it, for those who asked the wrong one (KIP-951).
    fn leader_hint(&self, place: PlaceId) -> Option<(BrokerId, u32)> {
        let partition = self.image.partitions.get(place.index())?;
        partition
            .leader
            .filter(|leader| *leader != self.setup.id)
            .map(|leader| (leader, partition.leader_epoch))
    }

    fn is_internal(&self, place: PlaceId) -> bool {
        self.setup.stage.channels[self.setup.stage.channel_of(place).index()].internal
    }

    /// The high watermark of a place has advanced: tell, and look who waited for it.
    fn advanced(&mut self, cx: &mut Cx<'_, Self>, place: PlaceId, high_watermark: Option<u64>) {
        let Some(upto) = high_watermark else { return };
        if !self.is_internal(place) {
            cx.emit_at_once(Life::Committed { place, upto });
        }
        self.replicated(cx, place);
        self.stir(place);
    }
}

impl Actor for Broker {
    type Vocab = Brokersim;
    type Msg = BrokerMail;
    type Timer = BrokerTimer;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        if self.machine.disk_full {
            self.storage_fails(cx);
            return self.end_if_due(cx);
        }
        let (partitions_cut, records_cut) = std::mem::take(&mut self.recovered);
        if self.past == Past::Crashed {
            cx.emit_at_once(Kafka::Recovered { partitions_cut, records_cut });
        }
        self.register(cx);
        let config = Arc::clone(&self.setup.config);
        cx.arm(BrokerTimer::ShrinkIsr, config.replica_lag_time_max / 2);
        cx.arm(BrokerTimer::Checkpoint, config.high_watermark_checkpoint_interval);
        cx.arm(BrokerTimer::Retention, config.log_retention_check_interval);
        cx.arm(BrokerTimer::Freeze, housekeeping::FREEZE_EVERY);
        self.watch_logs(cx);
    }

    #[inline]
    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, msg: BrokerMail) {
        match msg {
            BrokerMail::Request(asked) => self.request(cx, asked),
            BrokerMail::Peer(answer) => self.peer_answered(cx, answer),
            BrokerMail::Controller(msg) => self.controller_said(cx, msg),
        }
        self.serve_freed(cx);
        self.end_if_due(cx);
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: BrokerTimer) {
        match timer {
            BrokerTimer::Heartbeat => self.heartbeat(cx),
            BrokerTimer::Purgatory => self.expire_held(cx),
            BrokerTimer::ShrinkIsr => self.shrink_isrs(cx),
            BrokerTimer::Checkpoint => self.checkpoint(cx),
            BrokerTimer::Retention => self.retain(cx),
            BrokerTimer::Freeze => self.freeze(cx),
            BrokerTimer::Flush => self.flush_due(cx),
            BrokerTimer::Audit => self.audit(cx),
            BrokerTimer::Coordinator => self.expire_groups(cx),
            BrokerTimer::OffsetCommit => self.expire_writes(cx),
            BrokerTimer::Fetch(from) => self.fetch_from(cx, from),
            BrokerTimer::FetchTimeout(from) => self.fetch_failed(cx, from),
            BrokerTimer::AskAgain => self.ask_again(cx),
            BrokerTimer::Leave => self.ends = Some(Crash::Exit),
        }
        self.serve_freed(cx);
        self.end_if_due(cx);
    }

    fn disconnected(&mut self, cx: &mut Cx<'_, Self>, peer: NodeId) {
        let nodes = Arc::clone(&self.setup.nodes);
        self.connections.hang_up(|client| nodes.get(client.id().0 as usize) == Some(&peer));
        if let Some(id) =
            self.fetchers.iter().find(|fetcher| fetcher.node == peer).map(|fetcher| fetcher.leader)
        {
            self.fetch_failed(cx, id);
        }
        if peer == self.setup.controller_node {
            cx.arm(BrokerTimer::AskAgain, control::CONTROLLER_BACKOFF);
        }
    }

    fn machine(&mut self, _: Time, machine: Machine) {
        self.machine = machine;
    }

    fn crash(&mut self, now: Time, how: Crash) {
        let mut fresh = Self::new((*self.setup).clone());
        fresh.past = if how == Crash::Exit { Past::ShutDown } else { Past::Crashed };
        fresh.written = self.written;
        fresh.machine = self.machine;
        fresh.recovered = self.recovered;
        for (fetcher, last) in fresh.fetchers.iter_mut().zip(&self.fetchers) {
            fetcher.goes_on_numbering(last);
        }
        for (kept, lost) in fresh.replicas.iter_mut().zip(&mut self.replicas) {
            let Some(replica) = lost.take() else { continue };
            let mut log = replica.log;
            if how == Crash::Exit {
                log.checkpoint();
            }
            let cut = log.crash(how, now);
            if let Some(cut) = &cut {
                fresh.recovered.0 += 1;
                fresh.recovered.1 += cut.records;
            }
            let lost_power = replica.lost_power || cut.is_some();
            let compacted = if how == Crash::DiskLoss { Compacted::default() } else { replica.compacted };
            let mut audited = replica.audited;
            audited.again();
            let idle = Replica::idle(log, replica.internal);
            *kept = Some(Box::new(Replica { lost_power, compacted, audited, ..idle }));
        }
        *self = fresh;
    }
}

impl Replica {
    fn idle(log: Log, internal: bool) -> Self {
        Self {
            log,
            role: Role::Idle,
            held: Vec::new(),
            read: Vec::new(),
            forgettable: 0,
            tickets: VecDeque::new(),
            lost_power: false,
            audited: Audited::default(),
            asked_under: VecDeque::new(),
            internal,
            compacted: Compacted::default(),
        }
    }
}
