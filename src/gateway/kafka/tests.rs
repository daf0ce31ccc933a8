//! The clients against librdkafka's mock cluster. Nothing is installed, no port is fixed.

#![expect(clippy::disallowed_types, reason = "real clients run in real time")]

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::admin::Plan;
use super::embedded::Embedded;
use super::*;
use crate::hears;
use crate::host::Knock;
use crate::kernel::{Actor, ActorId, Cx, Event, Network, Observer, Shape, Time};
use crate::observe::ledger::{Fate, Ledger};
use crate::trace::kafka::{GroupState, Kafka};
use crate::trace::{Body, Fact, Life, PlaceId, Reason, Record, RecordId};

hears! {
    /// What an application hears.
    EarHears {
        /// From its producer.
        Publisher(FromPublisher),
        /// From its consumer.
        Subscriber(FromSubscriber),
    }
}

/// An application that is only an address.
#[derive(Clone)]
struct Ear;

impl Actor for Ear {
    type Vocab = Brokersim;
    type Msg = EarHears;
    type Timer = ();

    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, msg: EarHears) {
        match msg {
            EarHears::Publisher(msg) => unreachable!("no host carries {msg:?}"),
            EarHears::Subscriber(msg) => unreachable!("no host carries {msg:?}"),
        }
    }
}

const ORDERS: ChannelId = ChannelId(0);
const BILLING: GroupId = GroupId(0);
/// Nothing here takes longer on a machine that is merely slow.
const DEADLINE: Duration = Duration::from_secs(40);

/// A cluster, clients of it, and what they said and told.
struct Rig {
    clients: Clients,
    cluster: Embedded,
    builder: Builder<Brokersim>,
    heard: Receiver<Knock<Brokersim>>,
    said: Vec<(ActorId, crate::wire::Msg)>,
    seen: Vec<Event<Fact>>,
    door: Door<Brokersim>,
}

impl Rig {
    /// Topic `orders` with two partitions, read by group `billing`.
    fn new() -> Self {
        let mut stage = Stage::default();
        let orders = stage.add_channel("orders", 2, false, true);
        stage.add_group("billing", vec![orders]);
        stage.add_source("shop");
        let stage = Arc::new(stage);
        let (door, heard) = Door::new();
        door.clock().begin();
        let cluster = Embedded::start(1).expect("the mock cluster starts");
        let names = Arc::new(Names::new(Arc::clone(&stage), "test-"));
        names.set_bootstrap(cluster.bootstrap());
        names.set_brokers(vec![1]);
        names.set_partitions(orders, 2);
        let plan =
            Plan { topic: names.topic(orders), partitions: 2, replication_factor: 1, settings: Vec::new() };
        cluster.create(&plan).expect("a topic can be made");
        let silence = Silence::default();
        silence.over(cluster.asks());
        let teller = ActorId(1_000);
        let common = Common {
            run: 7,
            connection: Arc::default(),
            names,
            books: Arc::new(Books::new(door.clone(), teller, 2)),
            groups: Arc::new(Groups::new(door.clone(), teller, 1)),
            notes: Arc::default(),
            door: door.clone(),
            vanish: Some(Arc::new(silence)),
        };
        let clients = Clients { common, embedded: true, endings: Vec::new(), threads: Vec::new() };
        let builder = Builder::new(1, Network::new(Shape::IDEAL, 1));
        Self { clients, cluster, builder, heard, said: Vec::new(), seen: Vec::new(), door }
    }

    fn producer(&mut self, settings: &[(&str, &str)]) -> Sender<producer::Work> {
        let (node, app) = self.application();
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let name = format!("shop-{}/producer", self.clients.endings.len());
        let max_block = Duration::from_secs(30);
        let app = Publisher { name, node, app, settings, max_block, callbacks: false };
        self.clients.publisher(&mut self.builder, &app);
        let Some(Ending::Producer(thread)) = self.clients.endings.last() else { panic!("a producer") };
        thread.send(producer::Work::Start).expect("its thread runs");
        thread.clone()
    }

    /// A member of `billing` that commits when it is told to.
    fn consumer(&mut self) -> (ActorId, Sender<consumer::Work>) {
        self.consumer_with(&[("session.timeout.ms", "3000"), ("heartbeat.interval.ms", "300")], None)
    }

    fn consumer_with(
        &mut self,
        settings: &[(&str, &str)],
        auto_commit: Option<Duration>,
    ) -> (ActorId, Sender<consumer::Work>) {
        let (node, app) = self.application();
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let name = format!("billing-{}/consumer", self.clients.endings.len());
        let app = Subscriber {
            name,
            node,
            app,
            settings,
            group: BILLING,
            instance: None,
            channels: vec![ORDERS],
            max_poll_records: 500,
            auto_commit,
            reset: Reset::Earliest,
        };
        let me = self.clients.subscriber(&mut self.builder, &app).id();
        let Some(Ending::Consumer(thread)) = self.clients.endings.last() else { panic!("a consumer") };
        (me, thread.clone())
    }

    fn application<M>(&mut self) -> (NodeId, Addr<M>)
    where
        EarHears: From<M>,
    {
        let name = format!("app-{}", self.clients.endings.len());
        let node = self.builder.node(name.clone());
        let seat: Seat<Ear> = self.builder.reserve(node, name);
        let addr = seat.addr();
        self.builder.install(seat, Ear, Desk::default());
        (node, addr)
    }

    /// Takes in what comes until `enough`.
    fn until(&mut self, what: &str, mut enough: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !enough(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "not within {DEADLINE:?}: {what}; notes: {:?}",
                self.clients.common.notes.take()
            );
            if let Ok(knock) = self.heard.recv_timeout(left.min(Duration::from_millis(200))) {
                self.take(knock);
            }
        }
    }

    fn take(&mut self, knock: Knock<Brokersim>) {
        match knock {
            Knock::Said { from, msg, .. } => self.said.push((from, msg)),
            Knock::Seen { at, actor, fact } => {
                let serial = self.seen.len() as u64 + 1;
                self.seen.push(Event { at, serial, cause: 0, actor, fact });
            }
        }
    }

    /// As a generator does it.
    fn publish(&mut self, thread: &Sender<producer::Work>, first: u64, count: u64) {
        let id = RecordId::new(0, first);
        let offered = Life::Offered { channel: ORDERS, first: id, records: count as u32, bytes: count * 100 };
        self.door.emit(ActorId(0), offered);
        for sequence in first..first + count {
            let record = record(sequence);
            let body = Body { key: None, value: Some(vec![b'x'; 100].into()) };
            let said = ToPublisher::Publish(ORDERS, record, Some(Arc::new(body)));
            thread.send(producer::Work::Said(said)).expect("its thread runs");
        }
    }

    fn lives(&self) -> impl Iterator<Item = &Life> {
        self.seen
            .iter()
            .filter_map(|event| if let Fact::Life(life) = &event.fact { Some(life) } else { None })
    }

    fn count(&self, which: impl Fn(&Life) -> Option<u32>) -> u32 {
        self.lives().filter_map(which).sum()
    }

    fn accepted(&self) -> u32 {
        self.count(|life| if let Life::Accepted { ids, .. } = life { Some(ids.len()) } else { None })
    }

    fn delivered(&self) -> u32 {
        self.count(|life| if let Life::Delivered { ids, .. } = life { Some(ids.len()) } else { None })
    }

    fn rejected(&self, reason: Reason) -> u32 {
        self.count(|life| match life {
            Life::Rejected { ids, why } if *why == reason => Some(ids.len()),
            _ => None,
        })
    }

    fn is_said(&self, msg: FromPublisher) -> bool {
        self.said
            .iter()
            .any(|(_, said)| matches!(said, crate::wire::Msg::FromPublisher(said) if *said == msg))
    }

    fn answers(&self) -> Vec<bool> {
        let answer = |(_, said): &(ActorId, crate::wire::Msg)| match said {
            crate::wire::Msg::FromSubscriber(FromSubscriber::Settled { accepted }) => Some(*accepted),
            _ => None,
        };
        self.said.iter().filter_map(answer).collect()
    }

    /// What a member owns now.
    fn owned(&self, member: ActorId) -> Vec<PlaceId> {
        let assigned = self.seen.iter().rev().find_map(|event| match &event.fact {
            Fact::Kafka(Kafka::Assigned { places, .. }) if event.actor == member => Some(places.to_vec()),
            Fact::Kafka(Kafka::Revoked { .. }) if event.actor == member => Some(Vec::new()),
            _ => None,
        });
        assigned.unwrap_or_default()
    }

    /// Reads until so many records were delivered, working on each at once.
    fn read(&mut self, thread: &Sender<consumer::Work>, count: u32) {
        let mut taken = self.said.len();
        thread.send(consumer::Work::Said(ToSubscriber::Next)).expect("its thread runs");
        while self.delivered() < count {
            self.until("records are delivered", |rig| {
                rig.said[taken..].iter().any(|(_, said)| is_delivery(said))
            });
            let mut handed = Vec::new();
            for (from, said) in &self.said[taken..] {
                if let crate::wire::Msg::FromSubscriber(FromSubscriber::Deliver(deliveries)) = said {
                    handed.extend(deliveries.iter().map(|delivery| (*from, delivery.clone())));
                }
            }
            taken = self.said.len();
            for (from, delivery) in handed {
                let (place, offset) = (delivery.place, delivery.offset);
                let processed = Life::Processed { ids: delivery.span.into(), group: BILLING, place, offset };
                self.door.emit(from, processed);
            }
            if self.delivered() < count {
                thread.send(consumer::Work::Said(ToSubscriber::Next)).expect("its thread runs");
            }
        }
    }

    fn books(&mut self) -> Ledger {
        while let Ok(knock) = self.heard.try_recv() {
            self.take(knock);
        }
        let mut ledger = Ledger::new(Arc::clone(self.clients.common.names.stage()), (), false);
        ledger.observe(&self.seen);
        ledger
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.clients.end();
    }
}

fn is_delivery(said: &crate::wire::Msg) -> bool {
    matches!(said, crate::wire::Msg::FromSubscriber(FromSubscriber::Deliver(_)))
}

/// Every other one has a key: both ways to a partition are taken.
fn record(sequence: u64) -> Record {
    let hash = sequence.is_multiple_of(2).then_some(sequence as i32 * 7_919);
    Record::new(RecordId::new(0, sequence), Time::from_nanos(sequence), hash, 100)
}

#[test]
fn every_record_that_goes_in_comes_out_once_and_the_books_balance() {
    let mut rig = Rig::new();
    let producer = rig.producer(&[("acks", "all"), ("enable.idempotence", "true"), ("linger.ms", "5")]);
    let (_, consumer) = rig.consumer();
    rig.publish(&producer, 0, 1_000);
    rig.read(&consumer, 1_000);
    consumer.send(consumer::Work::Said(ToSubscriber::Settle)).expect("its thread runs");
    rig.until("the commit is answered", |rig| rig.answers() == [true]);
    rig.until("all are accepted", |rig| rig.accepted() == 1_000);
    let ledger = rig.books();
    let (balance, tally) = (ledger.balance(), ledger.tally());
    assert!(balance.holds(), "{balance:?}");
    assert_eq!((balance.offered, balance.settled), (1_000, 1_000), "{balance:?}");
    assert_eq!((tally.duplicates, tally.stored_twice, tally.reordered), (0, 0, 0));
}

#[test]
fn a_record_comes_out_as_it_went_in() {
    let mut rig = Rig::new();
    let producer = rig.producer(&[]);
    let (_, consumer) = rig.consumer();
    rig.publish(&producer, 0, 1);
    rig.read(&consumer, 1);
    let delivery = rig.said.iter().find_map(|(_, said)| match said {
        crate::wire::Msg::FromSubscriber(FromSubscriber::Deliver(deliveries)) => Some(deliveries[0].clone()),
        _ => None,
    });
    let delivery = delivery.expect("it was delivered");
    assert_eq!(delivery.span.records(), [record(0)]);
    let body = delivery.span.batch.body(0).expect("it has contents");
    assert_eq!(body.value.as_deref(), Some(&[b'x'; 100][..]));
}

#[test]
fn two_members_share_the_partitions_and_one_inherits_them_when_the_other_leaves() {
    let mut rig = Rig::new();
    let (one, first) = rig.consumer();
    let (two, second) = rig.consumer();
    for thread in [&first, &second] {
        thread.send(consumer::Work::Said(ToSubscriber::Next)).expect("its thread runs");
    }
    rig.until("each has one", |rig| rig.owned(one).len() == 1 && rig.owned(two).len() == 1);
    assert_ne!(rig.owned(one), rig.owned(two));
    second.send(consumer::Work::Said(ToSubscriber::Close)).expect("its thread runs");
    rig.until("one has both", |rig| rig.owned(one).len() == 2);
    let states = rig.seen.iter().filter_map(|event| match &event.fact {
        Fact::Kafka(Kafka::GroupChanged { to, .. }) => Some(*to),
        _ => None,
    });
    assert_eq!(states.collect::<Vec<_>>().last().copied(), Some(GroupState::Stable));
}

#[test]
fn a_member_that_crashes_is_missed_only_after_its_session() {
    let mut rig = Rig::new();
    let (one, first) = rig.consumer();
    let (two, second) = rig.consumer();
    for thread in [&first, &second] {
        thread.send(consumer::Work::Said(ToSubscriber::Next)).expect("its thread runs");
    }
    rig.until("each has one", |rig| rig.owned(one).len() == 1 && rig.owned(two).len() == 1);
    second.send(consumer::Work::Crash).expect("its thread runs");
    let crashed = Instant::now();
    rig.until("one has both", |rig| rig.owned(one).len() == 2);
    assert!(crashed.elapsed() > Duration::from_secs(1), "nobody said goodbye: {:?}", crashed.elapsed());
}

#[test]
fn a_process_that_dies_in_the_middle_of_a_commit_does_not_keep_the_next_one_waiting() {
    let mut rig = Rig::new();
    let producer = rig.producer(&[]);
    let (_, consumer) = rig.consumer();
    let assigned = |rig: &Rig| {
        let facts = rig.seen.iter().filter(|event| matches!(event.fact, Fact::Kafka(Kafka::Assigned { .. })));
        facts.count()
    };
    rig.publish(&producer, 0, 5);
    rig.read(&consumer, 5);
    rig.cluster.slow(Duration::from_secs(30));
    consumer.send(consumer::Work::Said(ToSubscriber::Settle)).expect("its thread runs");
    consumer.send(consumer::Work::Crash).expect("its thread runs");
    rig.until("its end is told", |rig| {
        rig.seen.iter().any(|event| matches!(event.fact, Fact::Kafka(Kafka::MemberLeft { .. })))
    });
    rig.cluster.slow(Duration::ZERO);
    let begun = Instant::now();
    consumer.send(consumer::Work::Said(ToSubscriber::Next)).expect("its thread runs");
    rig.until("the next one has its partitions", |rig| assigned(rig) == 2);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(rig.answers(), Vec::<bool>::new(), "nobody is there to hear of the commit");
}

#[test]
fn an_automatic_commit_covers_what_earlier_polls_handed_over() {
    let mut rig = Rig::new();
    let producer = rig.producer(&[]);
    let (_, consumer) = rig.consumer_with(&[], Some(Duration::from_millis(200)));
    rig.publish(&producer, 0, 5);
    rig.read(&consumer, 5);
    assert_eq!(rig.books().balance().settled, 0, "the application has not come back yet");
    consumer.send(consumer::Work::Said(ToSubscriber::Next)).expect("its thread runs");
    rig.until("it is committed", |rig| rig.lives().any(|life| matches!(life, Life::Settled { .. })));
    rig.until("all of it", |rig| {
        let upto =
            |life: &Life| if let Life::Settled { upto, .. } = life { Some(*upto as u32) } else { None };
        rig.count(upto) == 5
    });
    assert_eq!(rig.books().balance().settled, 5);
}

#[test]
fn what_crosses_a_departure_from_poll_is_not_committed_by_it() {
    let mut rig = Rig::new();
    let producer = rig.producer(&[]);
    let (_, consumer) = rig.consumer_with(&[], Some(Duration::from_secs(60)));
    rig.publish(&producer, 0, 5);
    rig.read(&consumer, 5);
    consumer.send(consumer::Work::Said(ToSubscriber::Next)).expect("its thread runs");
    rig.publish(&producer, 5, 5);
    // One poll may return some of them.
    rig.until("more is on its way to the application", |rig| rig.delivered() > 5);
    consumer.send(consumer::Work::Said(ToSubscriber::Leave)).expect("its thread runs");
    rig.until("it has left", |rig| {
        rig.seen.iter().any(|event| matches!(event.fact, Fact::Kafka(Kafka::Revoked { .. })))
    });
    assert_eq!(rig.books().balance().settled, 5, "what earlier polls returned, and no more");
}

#[test]
fn what_the_cluster_has_thrown_away_is_told_as_lost_to_retention() {
    let mut rig = Rig::new();
    let producer = rig.producer(&[("linger.ms", "5")]);
    // 14 MiB, spread by keys over two partitions that keep 5 each.
    let (count, bytes) = (1_400_u64, 10_240);
    let offered = Life::Offered {
        channel: ORDERS,
        first: RecordId::new(0, 0),
        records: count as u32,
        bytes: count * 10_240,
    };
    rig.door.emit(ActorId(0), offered);
    for sequence in 0..count {
        let key = Some(sequence.to_string().into_bytes().into());
        let body = Arc::new(Body { key, value: Some(vec![b'x'; bytes].into()) });
        let said = ToPublisher::Publish(ORDERS, record(sequence), Some(body));
        producer.send(producer::Work::Said(said)).expect("its thread runs");
    }
    rig.until("all are accepted", |rig| rig.accepted() == count as u32);
    let (_, consumer) = rig.consumer();
    let mut delivered = 0;
    consumer.send(consumer::Work::Said(ToSubscriber::Next)).expect("its thread runs");
    rig.until("what is left is delivered", |rig| {
        if rig.delivered() > delivered {
            delivered = rig.delivered();
            consumer.send(consumer::Work::Said(ToSubscriber::Next)).expect("its thread runs");
        }
        let skipped = rig.count(|life| match life {
            Life::Skipped { to, why: Reason::Retention, .. } => Some(*to as u32),
            _ => None,
        });
        skipped > 0 && delivered + skipped == count as u32
    });
    assert!(delivered > 500, "it keeps 5 MiB of each partition: {delivered}");
}

#[test]
fn members_of_the_newer_protocol_share_the_partitions_too() {
    let mut rig = Rig::new();
    let producer = rig.producer(&[]);
    let (one, first) = rig.consumer_with(&[("group.protocol", "consumer")], None);
    rig.publish(&producer, 0, 100);
    rig.read(&first, 100);
    assert_eq!(rig.owned(one).len(), 2);
    first.send(consumer::Work::Said(ToSubscriber::Settle)).expect("its thread runs");
    rig.until("the commit is answered", |rig| rig.answers() == [true]);
    assert_eq!(rig.books().balance().settled, 100);
}

#[test]
fn a_full_buffer_blocks_until_there_is_room() {
    let mut rig = Rig::new();
    rig.cluster.slow(Duration::from_millis(500));
    let producer = rig.producer(&[("buffer.memory", "2048"), ("linger.ms", "0")]);
    rig.publish(&producer, 0, 100);
    rig.until("send() blocks", |rig| rig.is_said(FromPublisher::Blocked));
    rig.cluster.slow(Duration::ZERO);
    rig.until("send() returns", |rig| rig.is_said(FromPublisher::Ready));
    rig.until("all are accepted", |rig| rig.accepted() == 100);
    assert_eq!(rig.books().tally().rejected, 0);
}

#[test]
fn what_the_broker_refuses_is_rejected_and_what_it_can_retry_is_not() {
    let mut rig = Rig::new();
    let producer = rig.producer(&[("retry.backoff.ms", "10")]);
    let (too_large, again) = (
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_RECORD,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
    );
    rig.cluster.fail(RDKafkaApiKey::Produce, vec![too_large]);
    rig.publish(&producer, 0, 1);
    rig.until("it is rejected", |rig| rig.rejected(Reason::RetriesExhausted) == 1);
    rig.cluster.fail(RDKafkaApiKey::Produce, vec![again]);
    rig.publish(&producer, 1, 1);
    rig.until("it is accepted in the end", |rig| rig.accepted() == 1);
}

#[test]
fn a_record_that_was_given_up_is_unknown() {
    let mut rig = Rig::new();
    let producer =
        rig.producer(&[("delivery.timeout.ms", "300"), ("linger.ms", "0"), ("request.timeout.ms", "200")]);
    rig.cluster.slow(Duration::from_secs(3));
    rig.publish(&producer, 0, 1);
    rig.until("it is given up", |rig| {
        rig.lives().any(|life| matches!(life, Life::Unknown { why: Reason::DeliveryTimeout, .. }))
    });
    assert_eq!(rig.accepted(), 0);
}

#[test]
fn a_flush_returns_when_everything_offered_before_has_its_outcome() {
    let mut rig = Rig::new();
    let producer = rig.producer(&[("linger.ms", "50")]);
    rig.publish(&producer, 0, 10);
    producer.send(producer::Work::Said(ToPublisher::Flush)).expect("its thread runs");
    rig.until("it returns", |rig| rig.is_said(FromPublisher::Flushed { failed: 0 }));
    assert_eq!(rig.accepted(), 10);
}

#[test]
fn a_commit_that_is_refused_is_told_as_refused() {
    let mut rig = Rig::new();
    let producer = rig.producer(&[]);
    let (_, consumer) = rig.consumer();
    rig.publish(&producer, 0, 5);
    rig.read(&consumer, 5);
    let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION;
    rig.cluster.fail(RDKafkaApiKey::OffsetCommit, vec![refusal]);
    consumer.send(consumer::Work::Said(ToSubscriber::Settle)).expect("its thread runs");
    rig.until("it is answered", |rig| rig.answers() == [false]);
    assert!(rig.seen.iter().any(|event| matches!(event.fact, Fact::Kafka(Kafka::CommitFailed { .. }))));
    assert_eq!(rig.books().balance().settled, 0);
}

#[test]
fn what_is_in_the_buffer_when_the_process_dies_is_never_sent() {
    let mut rig = Rig::new();
    let producer = rig.producer(&[("linger.ms", "60000"), ("batch.size", "1000000")]);
    let (_, consumer) = rig.consumer();
    rig.publish(&producer, 0, 10);
    producer.send(producer::Work::Crash).expect("its thread runs");
    producer.send(producer::Work::Start).expect("its thread runs");
    rig.until("the next process tells of it", |rig| rig.rejected(Reason::ProducerClosed) == 10);
    producer.send(producer::Work::Crash).expect("its thread runs");
    let quick = rig.producer(&[("linger.ms", "0")]);
    rig.publish(&quick, 10, 1);
    rig.read(&consumer, 1);
    let balance = rig.books().balance();
    assert_eq!(balance.rejected.values().sum::<u64>(), 10);
    let fates: Vec<Fate> = balance.rejected.keys().map(|why| Fate::Rejected(*why)).collect();
    assert_eq!(fates, [Fate::Rejected(Reason::ProducerClosed)]);
}
