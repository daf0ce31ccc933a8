//! The actor in front of a real producer, and the thread behind it.
//!
//! ```text
//! application -> actor -> thread -> librdkafka -> brokers
//!                           ^           |
//!                           +- reports -+
//! ```
//!
//! **Invariant.** As in the simulation: every record that is offered gets one outcome, unless the process dies
//! before; records that find no room wait outside, and their `max.block.ms` runs.
//!
//! **Not modelled:** librdkafka counts keys and values against `buffer.memory`, and not its own overhead; its
//! `flush()` waits for `linger.ms`, where Java's does not; a record that it gave up (`delivery.timeout.ms`) is told
//! as unknown, also when it was never sent.

#![expect(clippy::disallowed_types, reason = "real clients run in real time")]

mod client;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, PurgeConfig};

use crate::host::Door;
use crate::kernel::{Actor, ActorId, Addr, Crash, Cx, NodeId, Time};
use crate::trace::{Body, ChannelId, Ids, Life, Reason, Record};
use crate::wire::Brokersim;
use crate::wire::port::{FromPublisher, ToPublisher};

use client::{Accepted, Client, Context, Report, Tag, contents, ids, run_length, timestamp};

use super::books::Books;
use super::header;
use super::names::Names;
use super::notes::Notes;
use super::verdict::{Verdict, verdict};

/// The actor in front of a real producer.
#[derive(Clone, Debug)]
pub struct Front {
    pub(super) thread: Sender<Work>,
}

/// What the thread has to do.
#[derive(Debug)]
pub enum Work {
    /// The process starts.
    Start,
    /// The application says something.
    Said(ToPublisher),
    /// librdkafka reports what became of a record.
    Report(Box<Report>),
    /// The process dies.
    Crash,
    /// The run is over.
    End,
}

impl Actor for Front {
    type Vocab = Brokersim;
    type Msg = ToPublisher;
    type Timer = ();

    fn start(&mut self, _: &mut Cx<'_, Self>) {
        let _ = self.thread.send(Work::Start);
    }

    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, msg: ToPublisher) {
        let _ = self.thread.send(Work::Said(msg));
    }

    fn crash(&mut self, _: Time, _: Crash) {
        let _ = self.thread.send(Work::Crash);
    }
}

/// What a producer's thread is told before it starts.
pub struct Setup {
    /// Its actor.
    pub me: ActorId,
    /// Its node.
    pub node: NodeId,
    /// Its application.
    pub app: Addr<FromPublisher>,
    /// librdkafka's properties, without where the cluster listens.
    pub config: ClientConfig,
    /// `max.block.ms`
    pub max_block: Duration,
    /// acks=all: what is acknowledged lies below the high watermark.
    pub acks_all: bool,
    /// `partitioner.ignore.keys`
    pub ignore_keys: bool,
    /// Whether the application is told the outcome of each record.
    pub callbacks: bool,
    /// The number of the run, for headers.
    pub run: u32,
    /// Names on the cluster.
    pub names: Arc<Names>,
    /// Where it is written down what is stored.
    pub books: Arc<Books>,
    /// What there is to say at the end.
    pub notes: Arc<Notes>,
    /// The way back.
    pub door: Door<Brokersim>,
}

/// A record that has to wait for room.
struct Visitor {
    tag: Box<Tag>,
    body: Option<Arc<Body>>,
    deadline: Instant,
}

/// Records offered between two flushes.
#[derive(Default)]
struct Epoch {
    open: u64,
    failed: u32,
}

/// How long a dying client is listened to.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Reports that are taken together at most.
const TOGETHER: usize = 4_096;

/// The thread behind the actor.
pub(super) struct Worker {
    setup: Setup,
    work: Receiver<Work>,
    myself: Sender<Work>,
    client: Option<Client>,
    waiting: VecDeque<Visitor>,
    /// With librdkafka, without an outcome.
    under_way: u64,
    epochs: VecDeque<Epoch>,
    first_epoch: u64,
    closing: bool,
    /// What died with the last process. Nobody is there to tell of it before the next one begins.
    buried: Vec<Life>,
    zeros: Arc<[u8]>,
    /// When the run began, in milliseconds since 1970.
    began: i64,
}

impl Worker {
    pub(super) fn new(setup: Setup, work: Receiver<Work>, myself: Sender<Work>) -> Self {
        Self {
            setup,
            work,
            myself,
            client: None,
            waiting: VecDeque::new(),
            under_way: 0,
            epochs: VecDeque::from([Epoch::default()]),
            first_epoch: 0,
            closing: false,
            buried: Vec::new(),
            zeros: Arc::default(),
            began: 0,
        }
    }

    /// Works until the run is over.
    pub(super) fn run(mut self) {
        let mut reports = Vec::new();
        while let Some(first) = self.next() {
            let mut work = Some(first);
            while let Some(one) = work.take() {
                match one {
                    Work::Report(report) => reports.push(*report),
                    other => {
                        self.take_in(&mut reports);
                        if !self.does(other) {
                            return;
                        }
                    }
                }
                if reports.len() < TOGETHER {
                    work = self.work.try_recv().ok();
                }
            }
            self.take_in(&mut reports);
            self.admit();
        }
    }

    /// The next thing to do, or nothing but a look at who waits; none when the run is over.
    fn next(&mut self) -> Option<Work> {
        loop {
            let Some(visitor) = self.waiting.front() else { return self.work.recv().ok() };
            let patience = visitor.deadline.saturating_duration_since(Instant::now());
            match self.work.recv_timeout(patience.min(Duration::from_millis(100))) {
                Ok(work) => return Some(work),
                Err(RecvTimeoutError::Timeout) => self.admit(),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// False when the run is over.
    fn does(&mut self, work: Work) -> bool {
        match work {
            Work::Start => self.start(),
            Work::Said(ToPublisher::Publish(channel, record, body)) => self.offer(channel, record, body),
            Work::Said(ToPublisher::PublishAll(channel, records, bodies)) => {
                for (index, record) in records.iter().enumerate() {
                    self.offer(channel, *record, bodies.get(index).map(|body| Arc::new(body.clone())));
                }
            }
            Work::Said(ToPublisher::Flush) => self.flush(),
            Work::Said(ToPublisher::Close) => {
                self.flush();
                self.closing = true;
                self.return_flushes();
            }
            Work::Report(report) => self.take_in(&mut vec![*report]),
            Work::Crash => self.crash(),
            Work::End => {
                self.client.take().into_iter().for_each(Client::end);
                return false;
            }
        }
        true
    }

    fn start(&mut self) {
        for life in std::mem::take(&mut self.buried) {
            self.emit(life);
        }
        self.open();
    }

    fn open(&mut self) -> bool {
        if self.client.is_none() {
            self.began = client::beginning(self.setup.door.clock());
            let context = Context { thread: self.myself.clone(), notes: Arc::clone(&self.setup.notes) };
            let mut config = self.setup.config.clone();
            config.set("bootstrap.servers", self.setup.names.bootstrap_of(self.setup.node));
            match Client::new(&config, context) {
                Ok(client) => self.client = Some(client),
                Err(error) => self.setup.notes.complain("producer", &error, "it could not be made"),
            }
        }
        self.client.is_some()
    }

    /// `send()`
    fn offer(&mut self, channel: ChannelId, record: Record, body: Option<Arc<Body>>) {
        let epoch = self.first_epoch + self.epochs.len() as u64 - 1;
        self.epochs.back_mut().expect("there is always one").open += 1;
        let tag = Box::new(Tag { channel, record, epoch });
        let tag = if self.waiting.is_empty() { self.send(tag, body.as_deref()) } else { Some(tag) };
        if let Some(tag) = tag {
            let deadline = Instant::now() + self.setup.max_block;
            self.waiting.push_back(Visitor { tag, body, deadline });
            if self.waiting.len() == 1 {
                self.say(FromPublisher::Blocked);
            }
        }
    }

    /// Hands a record to librdkafka; given back when there is no room.
    fn send(&mut self, tag: Box<Tag>, body: Option<&Body>) -> Option<Box<Tag>> {
        if !self.open() {
            self.decide(*tag, Verdict::Rejected(Reason::NoMetadata));
            return None;
        }
        let producer = Arc::clone(&self.client.as_ref().expect("opened above").producer);
        let (channel, record) = (tag.channel, tag.record);
        let topic = self.setup.names.topic(channel);
        let header = header::encode(self.setup.run, &record, body.is_some());
        let headers =
            OwnedHeaders::new_with_capacity(1).insert(Header { key: header::NAME, value: Some(&header[..]) });
        let hash = record.key_hash().unwrap_or(0).to_be_bytes();
        let zeros = self.zeros(&record, body);
        let (key, value) = contents(&record, &hash, &zeros, body);
        let mut message = BaseRecord::with_opaque_to(&topic, tag).headers(headers);
        message.key = key;
        message.payload = value;
        message.partition = self.partition(channel, &record);
        message.timestamp = Some(timestamp(self.began, &record));
        match producer.send(message) {
            Ok(()) => {
                self.under_way += 1;
                None
            }
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), message)) => {
                Some(message.delivery_opaque)
            }
            Err((error, message)) => {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
                self.decide(*message.delivery_opaque, verdict(code));
                None
            }
        }
    }

    /// As many bytes as a record without contents needs.
    fn zeros(&mut self, record: &Record, body: Option<&Body>) -> Arc<[u8]> {
        let bytes = record.bytes() as usize;
        if body.is_none() && self.zeros.len() < bytes {
            self.zeros = vec![0; bytes.next_power_of_two()].into();
        }
        Arc::clone(&self.zeros)
    }

    /// Where a record with a key goes (`toPositive(murmur2(key)) % partitions`); the others are librdkafka's.
    fn partition(&self, channel: ChannelId, record: &Record) -> Option<i32> {
        let count = self.setup.names.partitions(channel);
        let hash = record.key_hash().filter(|_| !self.setup.ignore_keys && count > 0)?;
        Some(((hash & i32::MAX) as u32 % count) as i32)
    }

    /// Lets those in who wait, as long as there is room, and turns those away who have waited too long.
    fn admit(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        while let Some(Visitor { tag, body, deadline }) = self.waiting.pop_front() {
            let Some(tag) = self.send(tag, body.as_deref()) else { continue };
            if deadline > Instant::now() {
                self.waiting.push_front(Visitor { tag, body, deadline });
                return;
            }
            self.decide(*tag, Verdict::Rejected(Reason::BufferExhausted));
        }
        self.say(FromPublisher::Ready);
        self.return_flushes();
    }

    /// Takes in what librdkafka reports: accepted ones by runs of offsets.
    fn take_in(&mut self, reports: &mut Vec<Report>) {
        if reports.is_empty() {
            return;
        }
        let mut accepted = Vec::new();
        for report in reports.drain(..) {
            self.under_way -= 1;
            match report.outcome {
                Ok((partition, offset)) => {
                    let place = self.setup.names.place(report.tag.channel, partition);
                    accepted.push((place, u64::try_from(offset).ok(), report.tag));
                }
                Err(code) => {
                    self.setup.notes.count_code(code);
                    self.decide(*report.tag, verdict(code));
                }
            }
        }
        accepted.sort_by_key(|(place, offset, _)| (*place, *offset));
        let mut rest = &accepted[..];
        while let Some(length) = run_length(rest) {
            let (run, later) = rest.split_at(length);
            self.accept(run);
            rest = later;
        }
        self.admit();
        self.return_flushes();
    }

    /// Records that lie side by side.
    fn accept(&mut self, run: &[Accepted]) {
        let (place, offset, _) = run[0];
        let records: Vec<_> = run.iter().map(|(.., tag)| tag.record).collect();
        if let (Some(place), Some(offset)) = (place, offset) {
            self.setup.books.promised(place, offset, &records, self.setup.acks_all);
        }
        let ids = ids(records);
        self.call_back(&ids, true);
        self.emit(Life::Accepted { ids, place, offset });
        for (.., tag) in run {
            self.close_one(tag.epoch, false);
        }
    }

    /// A record that was not accepted has its outcome.
    fn decide(&mut self, tag: Tag, verdict: Verdict) {
        let ids = Ids::one(tag.record.id);
        self.call_back(&ids, false);
        self.emit(match verdict {
            Verdict::Rejected(why) => Life::Rejected { ids, why },
            Verdict::Unknown(why) => Life::Unknown { ids, why },
        });
        self.close_one(tag.epoch, true);
    }

    fn close_one(&mut self, epoch: u64, failed: bool) {
        // What was offered before a crash belongs to no flush any more.
        let Some(index) = epoch.checked_sub(self.first_epoch) else { return };
        let epoch = &mut self.epochs[index as usize];
        epoch.open -= 1;
        epoch.failed += u32::from(failed);
    }

    fn flush(&mut self) {
        self.epochs.push_back(Epoch::default());
        self.return_flushes();
    }

    /// Tells the application of flushes that return.
    fn return_flushes(&mut self) {
        while self.epochs.len() > 1 && self.epochs[0].open == 0 {
            let failed = self.epochs.pop_front().expect("there are two").failed;
            self.first_epoch += 1;
            self.say(FromPublisher::Flushed { failed });
        }
        if self.closing && self.epochs.len() == 1 {
            self.closing = false;
            self.client.take().into_iter().for_each(Client::end);
        }
    }

    /// The callbacks of `send()`, for an application that wants them: one message for each run of records.
    fn call_back(&self, ids: &Ids, accepted: bool) {
        if !self.setup.callbacks {
            return;
        }
        let mut run = None;
        for id in ids.iter() {
            run = match run {
                Some((first, records)) if crate::trace::RecordId::plus(first, u64::from(records)) == id => {
                    Some((first, records + 1))
                }
                Some((first, records)) => {
                    self.say(FromPublisher::Outcome { first, records, accepted });
                    Some((id, 1))
                }
                None => Some((id, 1)),
            };
        }
        if let Some((first, records)) = run {
            self.say(FromPublisher::Outcome { first, records, accepted });
        }
    }

    /// The process dies: what is in the buffer was never sent, what is under way nobody will hear of.
    fn crash(&mut self) {
        for Visitor { tag, .. } in std::mem::take(&mut self.waiting) {
            self.bury(Life::Rejected { ids: Ids::one(tag.record.id), why: Reason::ProducerClosed });
        }
        if let Some(client) = self.client.take() {
            client.producer.purge(PurgeConfig::default().queue().inflight());
            self.hear_last_words();
            client.end();
        }
        self.first_epoch += self.epochs.len() as u64;
        self.epochs = VecDeque::from([Epoch::default()]);
        (self.closing, self.under_way) = (false, 0);
    }

    fn hear_last_words(&mut self) {
        let deadline = Instant::now() + LAST_WORDS;
        let mut later = Vec::new();
        while self.under_way > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.work.recv_timeout(left) {
                Ok(Work::Report(report)) => {
                    self.under_way -= 1;
                    self.bury_report(*report);
                }
                Ok(other) => later.push(other),
                Err(_) => break,
            }
        }
        // What was said meanwhile is said to the next process.
        later.into_iter().for_each(|work| self.myself.send(work).expect("I am here"));
    }

    fn bury_report(&mut self, Report { tag, outcome }: Report) {
        let (ids, why) = (Ids::one(tag.record.id), Reason::ProducerClosed);
        match outcome {
            Err(RDKafkaErrorCode::PurgeQueue) => self.bury(Life::Rejected { ids, why }),
            Err(_) => self.bury(Life::Unknown { ids, why }),
            Ok((partition, offset)) => {
                // It arrived, and the process did not live to hear of it.
                let place = self.setup.names.place(tag.channel, partition);
                if let (Some(place), Ok(offset)) = (place, u64::try_from(offset)) {
                    self.setup.books.promised(place, offset, &[tag.record], self.setup.acks_all);
                }
                self.bury(Life::Unknown { ids, why });
            }
        }
    }

    /// Nothing for an application that keeps its records itself.
    fn bury(&mut self, life: Life) {
        if !self.setup.callbacks {
            self.buried.push(life);
        }
    }

    fn emit(&self, life: Life) {
        self.setup.door.emit(self.setup.me, life);
    }

    fn say(&self, msg: FromPublisher) {
        self.setup.door.say(self.setup.me, self.setup.app, msg);
    }
}
