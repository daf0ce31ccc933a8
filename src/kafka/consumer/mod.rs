//! The consumer client of the classic group protocol: the state machine behind `poll()`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::hears;
use crate::kafka::config::ConsumerConfig;
use crate::kernel::{Actor, ActorId, Addr, Crash, Cx, NodeId, Time};
use crate::trace::kafka::{BrokerId, ErrorCode};
use crate::trace::{ChannelId, GroupId, PlaceId};
use crate::wire::Brokersim;
use crate::wire::kafka::{FromBroker, ToBroker};
use crate::wire::port::{FromSubscriber, ToSubscriber};

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
    /// How many partitions.
    pub partitions: u32,
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
    /// The brokers, by ascending id.
    pub brokers: Arc<[(BrokerId, NodeId, Addr<ToBroker>)]>,
    /// `broker.rack` of those that have one, for rack-aware assignors.
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
    /// A `commitSync()` tries again, or gives up.
    Settle,
    /// `close()` has waited long enough.
    Close,
}

/// Why a consumer does nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Its application closed it.
    Closed,
    /// An error that `poll()` throws at the application: a partition has no offset to begin at and
    /// `auto.offset.reset` is none, another incarnation has taken over its instance id, and the like.
    Failed(ErrorCode),
}

/// A consumer of a classic group.
#[derive(Clone, Debug)]
pub struct Consumer {
    setup: Arc<ConsumerSetup>,
    stopped: Option<Stopped>,
}

impl Consumer {
    /// A consumer that has not been polled yet.
    pub fn new(setup: ConsumerSetup) -> Self {
        Self { setup: Arc::new(setup), stopped: None }
    }

    /// Why it has stopped, when it has.
    pub fn stopped(&self) -> Option<Stopped> {
        self.stopped
    }
}

impl Actor for Consumer {
    type Vocab = Brokersim;
    type Msg = ToConsumer;
    type Timer = Timer;

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _from: ActorId, msg: ToConsumer) {
        let _ = (cx, msg, &self.setup);
    }

    fn crash(&mut self, _now: Time, _how: Crash) {
        self.stopped = None;
    }
}
