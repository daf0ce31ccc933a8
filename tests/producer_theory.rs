//! The producer against theory: `../shared/oracles/theory.md`, rows "producer batching", "retries" and
//! "producer bound by in-flight requests". A scripted broker, a real producer, independent replications.

use std::collections::BTreeMap;
use std::sync::Arc;

use brokersim::host::{Simulation, Stop};
use brokersim::kafka::config::{Acks, ProducerConfig, Version};
use brokersim::kafka::producer::{BATCH_HEADER, Producer, ProducerSetup, Topic, record_bytes};
use brokersim::kernel::{
    Actor, ActorId, Addr, Builder, Cx, Desk, Duration, Event, Law, Network, Observer, Seat, Shape, Time,
};
use brokersim::trace::kafka::{BrokerId, Kafka};
use brokersim::trace::{ChannelId, Fact, Life, PlaceId, Record, RecordId};
use brokersim::wire::Brokersim;
use brokersim::wire::kafka::{FromBroker, Image, Partition, Produced, Request, Response, ToBroker};
use brokersim::wire::port::{FromPublisher, ToPublisher};

const PLACE: PlaceId = PlaceId(0);
const VALUE_BYTES: u32 = 100;

/// A broker that leads one partition, and loses produce requests and answers to them at random.
#[derive(Clone)]
struct ScriptedBroker {
    loss: f64,
    log_end: u64,
}

impl ScriptedBroker {
    fn image() -> Image {
        let only: Arc<[BrokerId]> = Arc::new([BrokerId(0)]);
        let none: Arc<[BrokerId]> = Arc::new([]);
        let partition = Partition {
            replicas: Arc::clone(&only),
            isr: only,
            elr: Arc::clone(&none),
            last_known_elr: none,
            leader: Some(BrokerId(0)),
            leader_epoch: 0,
            partition_epoch: 0,
            recovering: false,
        };
        Image { version: 1, alive: vec![BrokerId(0)], epochs: vec![1], partitions: vec![partition] }
    }

    fn append(&mut self, cx: &mut Cx<'_, Self>, asked: &ToBroker) -> Option<Response> {
        let Request::Produce(produce) = &asked.request else { return None };
        if cx.rng().chance(self.loss) {
            return None;
        }
        let mut produced = Vec::new();
        for sent in &produce.batches {
            let offset = self.log_end;
            cx.emit(Life::Stored { ids: sent.batch.span().into(), place: sent.place, offset });
            self.log_end += u64::from(sent.batch.len());
            produced.push(Produced { place: sent.place, result: Ok(offset), leader: None });
        }
        (!cx.rng().chance(self.loss)).then(|| Response::Produce(produced.into()))
    }
}

impl Actor for ScriptedBroker {
    type Vocab = Brokersim;
    type Msg = ToBroker;
    type Timer = ();

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, asked: ToBroker) {
        let response = match &asked.request {
            Request::Metadata => Some(Response::Metadata(Arc::new(Self::image()))),
            _ => self.append(cx, &asked),
        };
        if let Some(response) = response {
            let (broker, correlation) = (BrokerId(0), asked.correlation);
            cx.send(asked.reply_to, FromBroker { broker, correlation, response });
        }
    }
}

/// An application that publishes records of a key: some at once, then more at random.
#[derive(Clone)]
struct Application {
    producer: Addr<ToPublisher>,
    at_once: u64,
    gap: Option<Law>,
    bytes: u32,
    published: u64,
}

impl Application {
    fn publish(&mut self, cx: &mut Cx<'_, Self>) {
        let id = RecordId::new(0, self.published);
        self.published += 1;
        let record = Record::new(id, cx.now(), Some(0), self.bytes);
        cx.send(self.producer, ToPublisher::Publish(ChannelId(0), record, None));
    }

    fn wait(&mut self, cx: &mut Cx<'_, Self>) {
        if let Some(gap) = &self.gap {
            let after = gap.sample(cx.rng());
            cx.arm((), after);
        }
    }
}

impl Actor for Application {
    type Vocab = Brokersim;
    type Msg = FromPublisher;
    type Timer = ();

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        for _ in 0..self.at_once {
            self.publish(cx);
        }
        self.wait(cx);
    }

    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, _: FromPublisher) {}

    fn wake(&mut self, cx: &mut Cx<'_, Self>, (): ()) {
        self.publish(cx);
        self.wait(cx);
    }
}

struct Workload {
    at_once: u64,
    gap: Option<Law>,
    bytes: u32,
}

fn simulation(
    seed: u64,
    config: &ProducerConfig,
    load: Workload,
    loss: f64,
    latency: Law,
) -> Simulation<Brokersim> {
    let network = Network::new(Shape { latency, ..Shape::IDEAL }, seed);
    let mut builder = Builder::<Brokersim>::new(seed, network);
    let (client, server) = (builder.node("client"), builder.node("server"));
    let app: Seat<Application> = builder.reserve(client, "app");
    let producer: Seat<Producer> = builder.reserve(client, "producer");
    let broker: Seat<ScriptedBroker> = builder.reserve(server, "broker");
    let setup = ProducerSetup {
        config: Arc::new(config.clone()),
        brokers: Arc::new([(BrokerId(0), server, broker.addr())]),
        topics: Arc::new([Topic { first: PLACE, partitions: 1, most: 1 }]),
        app: app.addr(),
        callbacks: false,
    };
    let Workload { at_once, gap, bytes } = load;
    let application = Application { producer: producer.addr(), at_once, gap, bytes, published: 0 };
    builder.install(app, application, Desk::default());
    builder.install(producer, Producer::new(setup), Desk::default());
    builder.install(broker, ScriptedBroker { loss, log_end: 0 }, Desk::default());
    Simulation::new(builder.finish())
}

fn settings() -> ProducerConfig {
    ProducerConfig { acks: Acks::Leader, idempotence: false, ..ProducerConfig::of(Version::V4_1) }
}

/// Whether the mean over replications is within 3 % of theory, or theory within its 99 % interval.
fn agrees(what: &str, samples: &[f64], theory: f64) {
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let variance = samples.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let half_width = 2.576 * (variance / count).sqrt();
    let off = (mean - theory).abs();
    println!("{what}: {mean:.6} +- {half_width:.6}, theory {theory:.6}");
    // What happens less than once in a thousand replications is not seen in a hundred.
    let negligible = off < 1e-6;
    assert!(
        off <= 0.03 * theory || off <= half_width || negligible,
        "{what}: {mean} +- {half_width}, not {theory}"
    );
}

/// The batches as they reached the broker.
#[derive(Default)]
struct Batches {
    sent: Vec<(Time, u32)>,
    wait: Duration,
    wanted: usize,
}

impl Observer<Fact> for Batches {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events {
            if let Fact::Life(Life::Stored { ids: brokersim::trace::Ids::Span(span), .. }) = &event.fact
                && self.sent.len() < self.wanted
            {
                self.sent.push((event.at, span.len()));
                for record in span.records() {
                    self.wait += event.at.since(record.created);
                }
            }
        }
    }
}

/// P(Poisson(mean) >= least)
fn poisson_tail(mean: f64, least: u32) -> f64 {
    let mut term = (-mean).exp();
    let mut below = 0.0;
    for k in 0..least {
        below += term;
        term *= mean / f64::from(k + 1);
    }
    1.0 - below
}

/// `batch.size` that so many records fill to the last byte.
fn filled_by(records: u32) -> u32 {
    let record = Record::new(RecordId::new(0, 0), Time::ZERO, Some(0), VALUE_BYTES);
    BATCH_HEADER + (0..records).map(|index| record_bytes(&record, index, 0)).sum::<u32>()
}

struct Batching {
    rate: f64,
    full_at: u32,
    size: f64,
    per_second: f64,
    wait_ms: f64,
    batches: usize,
}

fn check_batching(row: &Batching) {
    let linger = Duration::from_millis(5);
    let config = ProducerConfig { linger, batch_size: filled_by(row.full_at), ..settings() };
    let (mut size, mut full, mut per_second, mut wait_ms) = (vec![], vec![], vec![], vec![]);
    for seed in 0..100 {
        let gap = Law::Exponential { mean: Duration::from_secs_f64(1.0 / row.rate) };
        let load = Workload { at_once: 0, gap: Some(gap), bytes: VALUE_BYTES };
        let mut run = simulation(seed, &config, load, 0.0, Law::ZERO);
        let mut seen = Batches { wanted: row.batches, ..Batches::default() };
        let mut until = Time::ZERO;
        while seen.sent.len() < row.batches {
            until += Duration::from_millis(100);
            run.run_until(until, &mut seen);
        }
        let records: u32 = seen.sent.iter().map(|(_, records)| records).sum();
        let filled = seen.sent.iter().filter(|(_, records)| *records == row.full_at).count();
        let spent = seen.sent[row.batches - 1].0.since(seen.sent[0].0).as_secs_f64();
        size.push(f64::from(records) / row.batches as f64);
        full.push(filled as f64 / row.batches as f64);
        per_second.push((row.batches - 1) as f64 / spent);
        wait_ms.push(seen.wait.as_secs_f64() * 1e3 / f64::from(records));
    }
    let mean = row.rate * linger.as_secs_f64();
    let name = |what: &str| format!("{} records/s, full at {}: {what}", row.rate, row.full_at);
    let expected = 1.0 + (1..row.full_at).map(|j| poisson_tail(mean, j)).sum::<f64>();
    assert!((expected - row.size).abs() < 0.001 * row.size, "{expected}: the table's own formula");
    agrees(&name("records a batch"), &size, row.size);
    agrees(&name("full batches"), &full, poisson_tail(mean, row.full_at - 1));
    agrees(&name("batches/s"), &per_second, row.per_second);
    agrees(&name("wait in ms"), &wait_ms, row.wait_ms);
}

#[test]
fn batches_have_the_size_the_rate_and_the_wait_that_theory_gives_them() {
    let rows = [
        Batching { rate: 2e3, full_at: 160, size: 11.0, per_second: 181.8, wait_ms: 2.727, batches: 60 },
        Batching { rate: 1e4, full_at: 160, size: 51.0, per_second: 196.1, wait_ms: 2.549, batches: 30 },
        Batching { rate: 5e4, full_at: 160, size: 160.0, per_second: 312.5, wait_ms: 1.590, batches: 30 },
        Batching { rate: 2e3, full_at: 16, size: 10.897, per_second: 183.5, wait_ms: 2.672, batches: 200 },
    ];
    rows.iter().for_each(check_batching);
}

/// What became of each record.
#[derive(Default)]
struct Fates {
    copies: BTreeMap<RecordId, u32>,
    retries: u32,
    accepted: u32,
    unknown: u32,
    rejected: u32,
}

impl Observer<Fact> for Fates {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events {
            match &event.fact {
                Fact::Life(Life::Stored { ids, .. }) => {
                    ids.iter().for_each(|id| *self.copies.entry(id).or_default() += 1);
                }
                Fact::Life(Life::Accepted { ids, .. }) => {
                    ids.iter().for_each(|id| assert!(self.copies.contains_key(&id), "{id} is there"));
                    self.accepted += ids.len();
                }
                Fact::Life(Life::Unknown { ids, .. }) => self.unknown += ids.len(),
                Fact::Life(Life::Rejected { ids, .. }) => self.rejected += ids.len(),
                Fact::Kafka(Kafka::Retried { .. }) => self.retries += 1,
                _ => {}
            }
        }
    }
}

fn check_retries(loss: f64, retries: u32, duplicates: f64) {
    const RECORDS: u64 = 1_000;
    let config = ProducerConfig {
        retries,
        // One at a time: a lost connection takes nothing else with it, so tries are independent.
        max_in_flight: 1,
        batch_size: 0,
        linger: Duration::ZERO,
        request_timeout: Duration::from_millis(10),
        delivery_timeout: Duration::from_secs(3_600),
        retry_backoff: Duration::from_millis(1),
        reconnect_backoff: Duration::from_millis(1),
        ..settings()
    };
    let (mut lost, mut copied, mut attempts) = (vec![], vec![], vec![]);
    for seed in 0..100 {
        let load = Workload { at_once: RECORDS, gap: None, bytes: VALUE_BYTES };
        let mut fates = Fates::default();
        let mut run = simulation(seed, &config, load, loss, Law::ZERO);
        assert_eq!(run.run_until(Time::from_secs(600), &mut fates), Stop::Reached);
        assert_eq!(fates.accepted + fates.unknown, RECORDS as u32, "each record has one outcome");
        assert_eq!(fates.rejected, 0, "nobody ever said no");
        let copies: u32 = fates.copies.values().sum();
        let stored = fates.copies.len() as u64;
        lost.push((RECORDS - stored) as f64 / RECORDS as f64);
        copied.push(f64::from(copies - stored as u32) / RECORDS as f64);
        attempts.push(1.0 + f64::from(fates.retries) / RECORDS as f64);
    }
    let name = |what: &str| format!("loss {loss}, {retries} retries: {what}");
    let again = 1.0 - (1.0 - loss).powi(2);
    let tries: f64 = (0..=retries as i32).map(|k| again.powi(k)).sum();
    agrees(&name("lost"), &lost, loss.powi(retries as i32 + 1));
    agrees(&name("duplicates"), &copied, duplicates);
    agrees(&name("attempts"), &attempts, tries);
}

#[test]
fn retries_trade_loss_for_copies_as_theory_says() {
    let rows = [(0.1, 0, 0.0), (0.1, 1, 0.081), (0.1, 3, 0.109_76)];
    let more = [(0.2, 0, 0.0), (0.2, 1, 0.128), (0.2, 3, 0.230_6)];
    rows.into_iter().chain(more).for_each(|(loss, retries, duplicates)| {
        check_retries(loss, retries, duplicates);
    });
}

/// Bytes that were acknowledged in a window of time.
struct Goodput {
    from: Time,
    bytes: u64,
}

impl Observer<Fact> for Goodput {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events {
            if let Fact::Life(Life::Accepted { ids: brokersim::trace::Ids::Span(span), .. }) = &event.fact
                && event.at >= self.from
            {
                self.bytes += u64::from(span.batch.bytes());
            }
        }
    }
}

#[test]
fn requests_in_flight_bound_what_a_connection_carries() {
    for (max_in_flight, expected) in [(5, 8.192e6), (1, 1.638_4e6)] {
        // One record makes a batch of just 16 KiB; there is always another one waiting.
        let bytes = 16_384 - BATCH_HEADER - 11;
        let record = Record::new(RecordId::new(0, 0), Time::ZERO, Some(0), bytes);
        assert_eq!(BATCH_HEADER + record_bytes(&record, 0, 0), 16_384);
        let config = ProducerConfig { max_in_flight, linger: Duration::ZERO, ..settings() };
        let load = Workload { at_once: 1_900, gap: None, bytes };
        let one_way = Law::Constant(Duration::from_millis(5));
        let mut run = simulation(1, &config, load, 0.0, one_way);
        let mut seen = Goodput { from: Time::from_secs(1), bytes: 0 };
        run.run_until(Time::from_secs(3), &mut seen);
        agrees(&format!("{max_in_flight} in flight: bytes/s"), &[seen.bytes as f64 / 2.0; 2], expected);
    }
}
