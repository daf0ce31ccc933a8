//! The Kafka producer client, as one actor.

use std::sync::Arc;

use crate::hears;
use crate::kafka::config::ProducerConfig;
use crate::kernel::{Actor, ActorId, Addr, Crash, Cx, NodeId, Time};
use crate::trace::PlaceId;
use crate::trace::kafka::BrokerId;
use crate::wire::Brokersim;
use crate::wire::kafka::{FromBroker, ToBroker};
use crate::wire::port::{FromPublisher, ToPublisher};

/// What a producer is told before it starts.
#[derive(Clone, Debug)]
pub struct ProducerSetup {
    /// Its settings.
    pub config: Arc<ProducerConfig>,
    /// `bootstrap.servers`, and every other broker: its id, its node and where it listens.
    pub brokers: Arc<[(BrokerId, NodeId, Addr<ToBroker>)]>,
    /// By `ChannelId`: the first partition of the topic and how many there are.
    pub topics: Arc<[(PlaceId, u32)]>,
    /// Who is told about room in the buffer and about flushes.
    pub app: Addr<FromPublisher>,
}

hears! {
    /// What a producer hears.
    ProducerHears {
        /// Its application.
        App(ToPublisher),
        /// A broker answers.
        Broker(FromBroker),
    }
}

/// The producer's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProducerTimer {
    /// The earliest of everything that the sender waits for: linger, backoff, timeouts.
    Sender,
    /// `metadata.max.age.ms`
    MetadataAge,
}

/// A Kafka producer: accumulator, sender, idempotence.
#[derive(Clone)]
pub struct Producer {
    setup: ProducerSetup,
}

impl Producer {
    /// A producer that has not started yet.
    pub fn new(setup: ProducerSetup) -> Self {
        Self { setup }
    }
}

impl Actor for Producer {
    type Vocab = Brokersim;
    type Msg = ProducerHears;
    type Timer = ProducerTimer;

    fn receive(&mut self, _cx: &mut Cx<'_, Self>, _from: ActorId, _msg: ProducerHears) {}
    fn crash(&mut self, _now: Time, _how: Crash) {
        *self = Self::new(self.setup.clone());
    }
}
