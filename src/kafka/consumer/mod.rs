//! The consumer client of the classic group protocol: the state machine behind `poll()`.
//!
//! The application drives it: [`ToSubscriber::Next`] is `poll()`, and it lasts until records are handed
//! over. Inside a poll the member takes part in rebalances, finds its positions, commits automatically,
//! sends fetches and hands over records. Between polls only what Kafka's heartbeat thread does goes on:
//! heartbeats, finding the coordinator anew, leaving after `max.poll.interval.ms`; and answers to what is
//! under way are taken in, so that the next poll finds the prefetched records in the buffer.
//!
//! **Invariant.** Records are handed over only in answer to a `Next`, from partitions that the member owns,
//! in the order of their offsets. What is committed has been handed over by an earlier poll. A partition
//! that is given up is told to the application before the request that lets another member have it.
//!
//! Source: oracles, behaviour sheet A5 and A6, 07 and 13; `ClassicKafkaConsumer`, `ConsumerCoordinator`,
//! `AbstractCoordinator`, `Fetcher` and `OffsetFetcher` of Kafka 4.1.
//!
//! **Not modelled:** pausing partitions, manual assignment, pattern subscriptions, a poll that returns
//! empty-handed after its timeout (the application would only call it again).

mod answers;
mod background;
mod brokers;
mod failure;
mod fetcher;
mod membership;
mod offsets;
mod polling;
mod positions;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::hears;
use crate::kafka::config::ConsumerConfig;
use crate::kernel::{Actor, ActorId, Addr, Crash, Cx, NodeId, Time};
use crate::trace::kafka::{BrokerId, Exception};
use crate::trace::{ChannelId, GroupId, PlaceId};
use crate::wire::Brokersim;
use crate::wire::kafka::{FromBroker, Image, Request, ToBroker};
use crate::wire::port::{Delivery, FromSubscriber, ToSubscriber};

use brokers::{Ask, Backoff, Brokers, Seat};
use fetcher::Fetcher;
use membership::Membership;
use offsets::Offsets;
use positions::Positions;

hears! {
    /// What a consumer hears.
    ToConsumer {
        /// From its application, on the same node.
        App(ToSubscriber),
        /// From the brokers that it asked.
        Broker(FromBroker),
    }
}

/// A topic, as a consumer needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name: assignors order topics by it.
    pub name: String,
    /// Its partition 0; the others follow.
    pub first: PlaceId,
    /// How many partitions it has in the beginning; metadata tell of more.
    pub partitions: u32,
    /// How many it may have in time.
    pub most: u32,
}

impl Topic {
    /// How many partitions it has by these metadata.
    fn partitions(&self, image: Option<&Image>) -> u32 {
        let told = image.map_or(0, |image| image.partitions_of(self.first, self.most));
        told.max(self.partitions)
    }
}

/// What a consumer is made of.
#[derive(Clone, Debug)]
pub struct ConsumerSetup {
    /// Its settings.
    pub config: Arc<ConsumerConfig>,
    /// Its group.
    pub group: GroupId,
    /// `group.instance.id` of a static member; none for a dynamic one.
    pub instance: Option<u32>,
    /// What it subscribes to.
    pub channels: Vec<ChannelId>,
    /// The topics that there are: all that any member of the group subscribes to.
    pub topics: Arc<BTreeMap<ChannelId, Topic>>,
    /// The brokers, by ascending id; at least one.
    pub brokers: Arc<[(BrokerId, NodeId, Addr<ToBroker>)]>,
    /// `broker.rack` of those that have one, for rack-aware assignors (KIP-881).
    pub racks: Arc<BTreeMap<BrokerId, String>>,
    /// Its application.
    pub app: Addr<FromSubscriber>,
}

/// What a consumer may be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Something in `poll()` is due: a retry, a commit, old metadata.
    Poll,
    /// `heartbeat.interval.ms`, and what else the heartbeat thread looks after.
    Heartbeat,
    /// `max.poll.interval.ms`
    PollInterval,
    /// The oldest request may have reached `request.timeout.ms`.
    Requests,
    /// A `commitSync()` tries again, or gives up after `default.api.timeout.ms`.
    Settle,
}

/// Why a consumer does nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Its application closed it.
    Closed,
    /// `poll()` threw this at the application, which then closed the consumer.
    Failed(Exception),
}

/// A consumer of a classic group.
#[derive(Clone, Debug)]
pub struct Consumer {
    setup: Arc<ConsumerSetup>,
    /// All that a crash takes away.
    state: State,
}

#[derive(Clone, Debug)]
struct State {
    brokers: Brokers,
    membership: Membership,
    positions: Positions,
    fetcher: Fetcher,
    offsets: Offsets,
    metadata: Metadata,
    /// A `Next` waits for records.
    polling: bool,
    /// When the last poll returned.
    returned_at: Time,
    /// Positions are being committed before everything is revoked: nothing is handed over meanwhile.
    suspended: bool,
    /// The application has its say about a revocation until then.
    parting_until: Time,
    closing: Option<Stopped>,
    stopped: Option<Stopped>,
    /// What timers are armed for, so that they are not moved for nothing.
    poll_armed: Option<Time>,
    requests_armed: Option<Time>,
    poll_interval_armed: bool,
    /// Kept, so that handing over allocates once.
    scratch: Vec<Delivery>,
}

/// The cluster as the consumer knows it, and when to ask again.
#[derive(Clone, Debug, Default)]
struct Metadata {
    image: Option<Arc<Image>>,
    wanted: bool,
    under_way: bool,
    failures: u32,
    /// Not before (`retry.backoff.ms`).
    retry_at: Time,
    /// `metadata.max.age.ms`
    expires: Time,
}

impl Consumer {
    /// A consumer that has not been polled yet.
    ///
    /// # Panics
    /// When the setup names no broker.
    pub fn new(setup: ConsumerSetup) -> Self {
        let state = State::new(&setup, 0);
        Self { setup: Arc::new(setup), state }
    }

    /// Why it has stopped, when it has.
    pub fn stopped(&self) -> Option<Stopped> {
        self.state.stopped
    }

    fn config(&self) -> &ConsumerConfig {
        &self.setup.config
    }

    fn retry_backoff(&self) -> Backoff {
        Backoff::new(self.setup.config.retry_backoff, self.setup.config.retry_backoff_max)
    }

    /// When to try again after `failures` earlier failures (`retry.backoff.ms`).
    fn retry_at(&self, cx: &mut Cx<'_, Self>, failures: u32) -> Time {
        let delay = self.retry_backoff().delay(failures, cx.rng());
        cx.now() + delay
    }

    /// Sends a request and notes it; its number.
    fn ask(&mut self, cx: &mut Cx<'_, Self>, seat: Seat, request: Request, ask: Ask) -> u32 {
        let config = &self.setup.config;
        let timeout = match ask {
            // AbstractCoordinator.sendJoinGroupRequest: the coordinator may wait that long for the others.
            Ask::JoinGroup => {
                (config.max_poll_interval + crate::kernel::Duration::from_secs(5)).max(config.request_timeout)
            }
            Ask::Metadata
            | Ask::Fetch
            | Ask::ListOffsets(_)
            | Ask::EpochEnd(_)
            | Ask::FindCoordinator
            | Ask::SyncGroup { .. }
            | Ask::Heartbeat { .. }
            | Ask::LeaveGroup
            | Ask::Commit { .. }
            | Ask::OffsetFetch { .. } => config.request_timeout,
        };
        let deadline = cx.now() + timeout;
        let correlation = self.state.brokers.call(seat, ask, deadline);
        let to = self.state.brokers.addr(seat);
        cx.send(to, ToBroker { correlation, reply_to: cx.addr(), request });
        self.watch_requests(cx, deadline);
        correlation
    }

    fn watch_requests(&mut self, cx: &mut Cx<'_, Self>, deadline: Time) {
        if self.state.requests_armed.is_none_or(|armed| armed > deadline) {
            self.state.requests_armed = Some(deadline);
            cx.arm_at(Timer::Requests, deadline);
        }
    }

    fn tell(&self, cx: &mut Cx<'_, Self>, msg: FromSubscriber) {
        cx.send(self.setup.app, msg);
    }
}

impl State {
    fn new(setup: &ConsumerSetup, correlation: u32) -> Self {
        let config = &setup.config;
        let reconnect = Backoff::new(config.reconnect_backoff, config.reconnect_backoff_max);
        let brokers = Brokers::new(Arc::clone(&setup.brokers), reconnect, correlation);
        Self {
            fetcher: Fetcher::new(brokers.len()),
            brokers,
            membership: Membership::new(setup),
            positions: Positions::default(),
            offsets: Offsets::new(config.auto_commit.then_some(config.auto_commit_interval)),
            metadata: Metadata { wanted: true, ..Metadata::default() },
            polling: false,
            returned_at: Time::ZERO,
            suspended: false,
            parting_until: Time::ZERO,
            closing: None,
            stopped: None,
            poll_armed: None,
            requests_armed: None,
            poll_interval_armed: false,
            scratch: Vec::new(),
        }
    }
}

impl Actor for Consumer {
    type Vocab = Brokersim;
    type Msg = ToConsumer;
    type Timer = Timer;

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _from: ActorId, msg: ToConsumer) {
        if self.state.stopped == Some(Stopped::Closed) && matches!(msg, ToConsumer::App(ToSubscriber::Next)) {
            // Its application begins again: a new client, on the same connections.
            self.state = State::new(&self.setup, self.state.brokers.correlation());
        }
        if self.state.stopped.is_some() {
            return;
        }
        match msg {
            ToConsumer::App(ToSubscriber::Next) => self.next(cx),
            ToConsumer::App(ToSubscriber::Settle) => self.settle(cx),
            ToConsumer::App(ToSubscriber::Close) => self.close(cx, Stopped::Closed),
            ToConsumer::App(ToSubscriber::Leave) => self.leave_poll(cx),
            ToConsumer::Broker(answer) => self.answer(cx, answer),
        }
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: Timer) {
        match timer {
            Timer::Poll => self.poll_due(cx),
            Timer::Heartbeat => self.heartbeat(cx),
            Timer::PollInterval => self.poll_interval_over(cx),
            Timer::Requests => self.give_up_overdue(cx),
            Timer::Settle => self.go_on_settling(cx),
        }
    }

    fn disconnected(&mut self, cx: &mut Cx<'_, Self>, peer: NodeId) {
        if let Some(seat) = self.state.brokers.on_node(peer)
            && self.state.stopped.is_none()
        {
            self.hang_up(cx, seat);
            self.poll(cx);
        }
    }

    fn crash(&mut self, _now: Time, _how: Crash) {
        self.state = State::new(&self.setup, self.state.brokers.correlation());
    }
}

#[cfg(test)]
mod tests;
