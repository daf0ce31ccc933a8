//! A producer alone, with a script for its brokers and its application.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::kafka::config::{ProducerConfig, Version};
use crate::kafka::producer::{BATCH_HEADER, Producer, ProducerSetup, ProducerTimer, Topic, record_bytes};
use crate::kernel::alone::{Alone, Asked};
use crate::kernel::{Actor, ActorId, Addr, Builder, Crash, Cx, Duration, Network, NodeId, Shape, Time};
use crate::trace::kafka::{BrokerId, ErrorCode, Kafka};
use crate::trace::{ChannelId, Fact, Ids, Life, PlaceId, Reason, Record, RecordId};
use crate::wire::kafka::{
    FromBroker, Image, Partition, Produce, Produced, Producer as Pid, Request, Response, ToBroker,
};
use crate::wire::port::{FromPublisher, ToPublisher};
use crate::wire::{Brokersim, Msg};

#[derive(Clone)]
struct Broker;
impl Actor for Broker {
    type Vocab = Brokersim;
    type Msg = ToBroker;
    type Timer = ();
    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, _: ToBroker) {}
}

#[derive(Clone)]
struct App;
impl Actor for App {
    type Vocab = Brokersim;
    type Msg = FromPublisher;
    type Timer = ();
    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, _: FromPublisher) {}
}

/// A produce request that has not been answered.
#[derive(Debug)]
pub struct Sent {
    pub at: Time,
    pub broker: u32,
    pub correlation: u32,
    pub produce: Box<Produce>,
}

impl Sent {
    /// Numbers of the records by partition.
    pub fn contents(&self) -> Vec<(u32, Vec<u64>)> {
        let numbers =
            |batch: &crate::trace::Batch| batch.records().iter().map(|record| record.id.sequence()).collect();
        self.produce.batches.iter().map(|sent| (sent.place.0, numbers(&sent.batch))).collect()
    }

    /// Epoch and sequence of its only batch.
    pub fn stamp(&self) -> (u16, u32) {
        let [sent] = &self.produce.batches[..] else { panic!("one batch") };
        let stamp = sent.stamp.expect("idempotent");
        (stamp.producer().epoch, stamp.sequence())
    }
}

pub struct Rig {
    alone: Alone<Producer>,
    now: Time,
    armed: Option<Time>,
    brokers: u32,
    leaders: Vec<Option<(u32, u32)>>,
    records: u64,
    /// Answer metadata and identity requests at once.
    pub helpful: bool,
    pub sent: VecDeque<Sent>,
    pub other: Vec<(u32, u32, Request)>,
    pub told: Vec<FromPublisher>,
    pub facts: Vec<Fact>,
}

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Settings without batching, idempotence or jitter in the way.
pub fn plain() -> ProducerConfig {
    ProducerConfig { idempotence: false, linger: Duration::ZERO, ..ProducerConfig::of(Version::V4_1) }
}

impl Rig {
    /// Started, with metadata (partition p on broker p modulo brokers) and an identity, at time zero.
    pub fn new(config: ProducerConfig, brokers: u32, partitions: u32) -> Self {
        let mut rig = Self::waiting(config, brokers, partitions);
        rig.helpful = true;
        rig.help();
        rig
    }

    /// Started; nobody has answered anything.
    pub fn waiting(config: ProducerConfig, brokers: u32, partitions: u32) -> Self {
        let mut builder = Builder::<Brokersim>::new(1, Network::new(Shape::IDEAL, 1));
        let home = builder.node("client");
        let _producer = builder.reserve::<Producer>(home, "producer");
        let app: Addr<FromPublisher> = builder.reserve::<App>(home, "app").addr();
        let peers = (0..brokers).map(|id| {
            let node = builder.node("broker");
            (BrokerId(id), node, builder.reserve::<Broker>(node, "broker").addr())
        });
        let setup = ProducerSetup {
            config: Arc::new(config),
            brokers: peers.collect(),
            topics: Arc::new([Topic { first: PlaceId(0), partitions, most: partitions }]),
            app,
            callbacks: false,
        };
        let mut rig = Self {
            alone: Alone::new(Producer::new(setup)),
            now: Time::ZERO,
            armed: None,
            brokers,
            leaders: (0..partitions).map(|place| Some((place % brokers, 1))).collect(),
            records: 0,
            helpful: false,
            sent: VecDeque::new(),
            other: Vec::new(),
            told: Vec::new(),
            facts: Vec::new(),
        };
        let asked = rig.alone.start();
        rig.take(asked);
        rig
    }

    fn take(&mut self, asked: Vec<Asked<Producer>>) {
        for effect in asked {
            match effect {
                Asked::Send(to, Msg::ToBroker(ToBroker { correlation, request, .. })) => {
                    let broker = to.0 - 2;
                    match request {
                        Request::Produce(produce) => {
                            self.sent.push_back(Sent { at: self.now, broker, correlation, produce });
                        }
                        request => self.other.push((broker, correlation, request)),
                    }
                }
                Asked::Send(_, Msg::FromPublisher(msg)) => self.told.push(msg),
                Asked::Arm(ProducerTimer::Sender, at) => self.armed = Some(at),
                Asked::Arm(ProducerTimer::MetadataAge, _) => {}
                Asked::Emit(fact) => self.facts.push(fact),
                other => panic!("unexpected: {other:?}"),
            }
        }
        if self.helpful {
            self.help();
        }
    }

    /// Answers what is not a produce request.
    pub fn help(&mut self) {
        for (broker, correlation, request) in std::mem::take(&mut self.other) {
            let response = match request {
                Request::Metadata => Response::Metadata(self.image()),
                Request::InitProducerId(_) => Response::InitProducerId(Ok(Pid { id: 7, epoch: 0 })),
                other => panic!("a producer does not ask for {other:?}"),
            };
            self.answer(broker, correlation, response);
        }
    }

    fn image(&self) -> Arc<Image> {
        let one: Arc<[BrokerId]> = Arc::new([BrokerId(0)]);
        let none: Arc<[BrokerId]> = Arc::new([]);
        let partition = |leader: &Option<(u32, u32)>| Partition {
            replicas: Arc::clone(&one),
            isr: Arc::clone(&one),
            elr: Arc::clone(&none),
            last_known_elr: Arc::clone(&none),
            leader: leader.map(|(broker, _)| BrokerId(broker)),
            leader_epoch: leader.map_or(1, |(_, epoch)| epoch),
            partition_epoch: 0,
            recovering: false,
        };
        let alive = (0..self.brokers).map(BrokerId).collect();
        let epochs = (0..u64::from(self.brokers)).collect();
        Arc::new(Image {
            version: 1,
            alive,
            epochs,
            partitions: self.leaders.iter().map(partition).collect(),
        })
    }

    pub fn set_leader(&mut self, place: usize, leader: Option<(u32, u32)>) {
        self.leaders[place] = leader;
    }

    pub fn answer(&mut self, broker: u32, correlation: u32, response: Response) {
        let answer = FromBroker { broker: BrokerId(broker), correlation, response };
        let asked = self.alone.at(self.now).receive(ActorId(broker + 2), answer);
        self.take(asked);
    }

    /// Answers all batches of a request alike.
    pub fn respond(&mut self, sent: &Sent, result: Result<u64, ErrorCode>) {
        self.respond_with(sent, result, None);
    }

    pub fn respond_with(&mut self, sent: &Sent, result: Result<u64, ErrorCode>, leader: Option<(u32, u32)>) {
        let leader = leader.map(|(broker, epoch)| (BrokerId(broker), epoch));
        let produced = sent.produce.batches.iter().map(|it| Produced { place: it.place, result, leader });
        self.answer(sent.broker, sent.correlation, Response::Produce(produced.collect()));
    }

    /// The oldest request that was not answered.
    pub fn next(&mut self) -> Sent {
        self.sent.pop_front().expect("something was sent")
    }

    /// Lets time pass, with everything that it brings.
    pub fn until(&mut self, millis: u64) {
        self.until_time(Time::from_millis(millis));
    }

    pub fn until_time(&mut self, at: Time) {
        while let Some(armed) = self.armed
            && armed <= at
        {
            self.now = self.now.max(armed);
            self.armed = None;
            let asked = self.alone.at(self.now).wake(ProducerTimer::Sender);
            self.take(asked);
        }
        self.now = at;
    }

    pub fn now(&self) -> Time {
        self.now
    }

    pub fn armed(&self) -> Option<Time> {
        self.armed
    }

    pub fn tell(&mut self, msg: ToPublisher) {
        let asked = self.alone.at(self.now).receive(ActorId(1), msg);
        self.take(asked);
    }

    fn record(&mut self, place: Option<u32>, bytes: u32) -> Record {
        self.records += 1;
        let id = RecordId::new(0, self.records - 1);
        Record::new(id, self.now, place.map(|place| place as i32), bytes)
    }

    /// Publishes a record of 100 bytes whose key belongs to this partition.
    pub fn publish(&mut self, place: u32) {
        self.publish_bytes(Some(place), 100);
    }

    pub fn publish_bytes(&mut self, place: Option<u32>, bytes: u32) {
        let record = self.record(place, bytes);
        self.tell(ToPublisher::Publish(ChannelId(0), record, None));
    }

    pub fn disconnect(&mut self, broker: u32) {
        let asked = self.alone.at(self.now).disconnect(NodeId(broker + 1));
        self.take(asked);
    }

    pub fn crash_and_restart(&mut self) {
        self.alone.crash(Crash::Process);
        self.armed = None;
        let asked = self.alone.at(self.now).start();
        self.take(asked);
    }

    pub fn free_bytes(&self) -> u64 {
        self.alone.actor().client.accumulator.free_bytes()
    }

    pub fn accepted(&self) -> Vec<u64> {
        self.outcome(|life| match life {
            Life::Accepted { ids, .. } => Some(ids.clone()),
            _ => None,
        })
    }

    pub fn rejected(&self, reason: Reason) -> Vec<u64> {
        self.outcome(|life| match life {
            Life::Rejected { ids, why } if *why == reason => Some(ids.clone()),
            _ => None,
        })
    }

    pub fn unknown(&self, reason: Reason) -> Vec<u64> {
        self.outcome(|life| match life {
            Life::Unknown { ids, why } if *why == reason => Some(ids.clone()),
            _ => None,
        })
    }

    fn outcome(&self, of: impl Fn(&Life) -> Option<Ids>) -> Vec<u64> {
        let lives =
            self.facts.iter().filter_map(|fact| if let Fact::Life(life) = fact { of(life) } else { None });
        lives.flat_map(|ids| ids.iter().map(|id| id.sequence()).collect::<Vec<_>>()).collect()
    }

    pub fn retries(&self) -> Vec<(u32, ErrorCode)> {
        let retried = |fact: &Fact| match fact {
            Fact::Kafka(Kafka::Retried { attempt, error, .. }) => Some((*attempt, *error)),
            _ => None,
        };
        self.facts.iter().filter_map(retried).collect()
    }

    pub fn epochs(&self) -> Vec<u16> {
        let bumped = |fact: &Fact| match fact {
            Fact::Kafka(Kafka::EpochBumped { epoch }) => Some(*epoch),
            _ => None,
        };
        self.facts.iter().filter_map(bumped).collect()
    }
}

/// Idempotent, without linger.
pub fn idempotent() -> ProducerConfig {
    ProducerConfig { idempotence: true, ..plain() }
}

/// `batch.size` at which exactly so many records of 100 bytes make a batch full.
pub fn batch_of(records: u32) -> u32 {
    let record = Record::new(RecordId::new(0, 0), Time::ZERO, Some(0), 100);
    BATCH_HEADER + (0..records).map(|index| record_bytes(&record, index, 0)).sum::<u32>()
}
