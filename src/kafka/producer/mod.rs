//! The Kafka producer: one actor around plain machines.
//!
//! ```text
//! application -> door -> topics (which partition) -> accumulator (batches) -> sender -> brokers
//!                                                        ^                      |
//!                                                        +---- answers <--------+   identity: sequences
//! ```
//!
//! Follows Kafka 4.1's `KafkaProducer`, `RecordAccumulator`, `Sender` and the idempotent part of
//! `TransactionManager`. Behaviour sheet A1; oracles 01, 03 and 15a.
//!
//! **Invariant.** Every record that is offered gets one outcome: accepted, rejected (certainly not in the
//! log) or unknown (it may be in the log), unless the process dies before. A record without an event of its
//! own costs no allocation, no timer and no look at other partitions.
//!
//! **Not modelled:** transactions, compression, quotas, interceptors, a close with a timeout; connections are
//! there without being set up.

mod accumulator;
mod answers;
mod backoff;
mod batch;
mod client;
mod connection;
mod door;
mod identity;
mod metadata;
mod sender;
mod size;
#[cfg(test)]
mod tests;
mod topics;
mod verdict;

use std::sync::Arc;

use crate::hears;
use crate::kafka::config::ProducerConfig;
use crate::kernel::{Actor, ActorId, Addr, Crash, Cx, NodeId, Time};
use crate::trace::kafka::BrokerId;
use crate::trace::{Body, ChannelId, Life, PlaceId, Record};
use crate::wire::Brokersim;
use crate::wire::kafka::{FromBroker, ToBroker};
use crate::wire::port::{FromPublisher, ToPublisher};

use client::{Client, Out, Stir};
pub use size::{BATCH_HEADER, record_bytes, upper_bound};

/// A topic, as a producer needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its first partition; the others follow.
    pub first: PlaceId,
    /// How many it has in the beginning; at least one.
    pub partitions: u32,
    /// How many it may have in time.
    pub most: u32,
}

/// What a producer is told before it starts.
#[derive(Clone, Debug)]
pub struct ProducerSetup {
    /// Its settings.
    pub config: Arc<ProducerConfig>,
    /// `bootstrap.servers`, and every other broker: its id, its node and where it listens. At least one.
    pub brokers: Arc<[(BrokerId, NodeId, Addr<ToBroker>)]>,
    /// By `ChannelId`.
    pub topics: Arc<[Topic]>,
    /// Who is told about room in the buffer and about flushes.
    pub app: Addr<FromPublisher>,
    /// Whether it is told the outcome of each record, too: the callback of `send()`.
    pub callbacks: bool,
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
    /// The earliest of everything that the sender waits for: linger times, backoffs, timeouts. It may ring
    /// when that has become later meanwhile.
    Sender,
    /// `metadata.max.age.ms`
    MetadataAge,
}

/// A Kafka producer.
#[derive(Clone, Debug)]
pub struct Producer {
    setup: ProducerSetup,
    client: Client,
    /// What [`ProducerTimer::Sender`] is armed for.
    armed: Time,
    /// What died with the last process. Nobody is there to tell of it before the next one begins.
    buried: Vec<Life>,
}

impl Producer {
    /// A producer that has not started yet.
    ///
    /// # Panics
    /// When there is no broker, or when idempotence is wanted together with settings that Kafka refuses for
    /// it (`acks` other than all, no retries, more than 5 requests in flight).
    pub fn new(setup: ProducerSetup) -> Self {
        assert!(!setup.brokers.is_empty(), "bootstrap.servers names a broker");
        Self { client: Client::new(&setup, 0), setup, armed: Time::NEVER, buried: Vec::new() }
    }

    fn app(&mut self, cx: &mut Cx<'_, Self>, msg: ToPublisher) {
        if self.client.is_closed() && matches!(msg, ToPublisher::Publish(..) | ToPublisher::PublishAll(..)) {
            self.renew();
            self.drive(cx);
        }
        let stir = match msg {
            ToPublisher::Publish(channel, record, body) => {
                self.client.publish(channel, record, body, cx.now(), cx.rng())
            }
            ToPublisher::PublishAll(channel, records, bodies) => {
                self.publish_all(cx, channel, &records, &bodies)
            }
            ToPublisher::Flush => {
                self.client.flush();
                Stir::Sender
            }
            ToPublisher::Close => {
                self.client.close();
                Stir::Sender
            }
        };
        match stir {
            Stir::Nothing => self.speak(cx),
            Stir::Linger => {
                self.speak(cx);
                self.arm_by(cx, self.client.next_linger(cx.now()));
            }
            Stir::Sender => self.drive(cx),
        }
    }

    /// A new client: without a buffer, without an identity. Only the numbers of requests go on, so that an
    /// answer to the one before is not taken for one to the new.
    fn renew(&mut self) {
        self.client = Client::new(&self.setup, self.client.correlation);
        self.armed = Time::NEVER;
    }

    fn publish_all(
        &mut self,
        cx: &mut Cx<'_, Self>,
        channel: ChannelId,
        records: &[Record],
        bodies: &[Body],
    ) -> Stir {
        let (now, rng) = (cx.now(), cx.rng());
        let mut stir = Stir::Nothing;
        for (index, record) in records.iter().enumerate() {
            let body = bodies.get(index).map(|body| Arc::new(body.clone()));
            stir = stir.max(self.client.publish(channel, *record, body, now, rng));
        }
        stir
    }

    /// Does what can be done now, and sees to being woken when there is more.
    fn drive(&mut self, cx: &mut Cx<'_, Self>) {
        let now = cx.now();
        self.client.drive(now, cx.rng());
        self.speak(cx);
        self.arm_by(cx, self.client.next_deadline(now));
    }

    fn arm_by(&mut self, cx: &mut Cx<'_, Self>, next: Time) {
        // A ring too early costs less than moving the timer with every batch.
        if next < self.armed {
            self.armed = next;
            cx.arm_at(ProducerTimer::Sender, next);
        }
    }

    /// Hands over what the client has asked for.
    fn speak(&mut self, cx: &mut Cx<'_, Self>) {
        for out in self.client.out.drain(..) {
            match out {
                Out::Ask(broker, correlation, request) => {
                    let reply_to = cx.addr();
                    cx.send(self.setup.brokers[broker].2, ToBroker { correlation, reply_to, request });
                }
                Out::Fact(fact) => cx.emit(fact),
                Out::App(msg) => cx.send(self.setup.app, msg),
                Out::MetadataFresh => {
                    cx.arm(ProducerTimer::MetadataAge, self.setup.config.metadata_max_age);
                }
            }
        }
    }
}

impl Actor for Producer {
    type Vocab = Brokersim;
    type Msg = ProducerHears;
    type Timer = ProducerTimer;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        self.buried.drain(..).for_each(|life| cx.emit(life));
        self.drive(cx);
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _from: ActorId, msg: ProducerHears) {
        match msg {
            ProducerHears::App(msg) => self.app(cx, msg),
            ProducerHears::Broker(answer) => {
                self.client.answer(answer, cx.now(), cx.rng());
                self.drive(cx);
            }
        }
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: ProducerTimer) {
        match timer {
            ProducerTimer::Sender => self.armed = Time::NEVER,
            ProducerTimer::MetadataAge => self.client.refresh.age(),
        }
        self.drive(cx);
    }

    fn disconnected(&mut self, cx: &mut Cx<'_, Self>, peer: NodeId) {
        for broker in 0..self.setup.brokers.len() {
            if self.setup.brokers[broker].1 == peer {
                self.client.lose(broker, cx.now(), cx.rng());
            }
        }
        self.drive(cx);
    }

    /// The buffer dies with the process; a new one gets a new identity.
    fn crash(&mut self, _now: Time, _how: Crash) {
        self.buried.extend(self.client.bury());
        self.renew();
    }
}
