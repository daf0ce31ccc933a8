//! The actor in front of a real consumer, and the thread behind it that polls.
//!
//! The thread polls only while the application is inside its `poll()`, as Java's consumer does: rebalances are
//! taken part in there, automatic commits are sent there, and an application that stays away longer than
//! `max.poll.interval.ms` is expelled by librdkafka. Heartbeats are librdkafka's own, in the background.
//!
//! **Invariant.** As in the simulation: records are handed over only in answer to a `Next`, from partitions that
//! the member owns, in the order of their offsets; what is committed has been handed over by an earlier poll.
//!
//! **Not modelled:** a process that dies does not say goodbye to its group; librdkafka's clients do when they are
//! let go, unless their connections are cut ([`Vanish`]).

#![expect(clippy::disallowed_types, reason = "real clients run in real time")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};

use crate::kernel::{Actor, ActorId, Crash, Cx, NodeId, Time};
use crate::trace::kafka::{Exception, GroupReason, Kafka, PositionReason};
use crate::trace::{Batch, Body, Ids, Life, PlaceId, Reason, Record};
use crate::wire::Brokersim;
use crate::wire::port::{Delivery, FromSubscriber, ToSubscriber};

use super::header;
use super::member::{Context, Member, Reset, offsets_of};

/// The actor in front of a real consumer.
#[derive(Clone, Debug)]
pub struct Front {
    pub(super) thread: Sender<Work>,
}

/// What the thread has to do.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// The application says something.
    Said(ToSubscriber),
    /// The process dies.
    Crash,
    /// The run is over.
    End,
}

impl Actor for Front {
    type Vocab = Brokersim;
    type Msg = ToSubscriber;
    type Timer = ();

    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, msg: ToSubscriber) {
        let _ = self.thread.send(Work::Said(msg));
    }

    fn crash(&mut self, _: Time, _: Crash) {
        let _ = self.thread.send(Work::Crash);
    }
}

/// How a client disappears without a word to its group.
pub trait Vanish: Send + Sync {
    /// Sees to it that nothing which the client on this node says from now on arrives. False when it cannot: then
    /// the client says goodbye.
    fn silence(&self, node: NodeId) -> bool;
    /// The client is gone; the next one on this node is heard again.
    fn restore(&self, node: NodeId);
    /// Whether the process on this node stands still: nothing of it happens, whatever its client goes through.
    fn stands_still(&self, node: NodeId) -> bool;
}

/// What a consumer's thread is told before it starts.
pub struct Setup {
    /// What its callbacks share with it.
    pub member: Arc<Member>,
    /// Its node.
    pub node: NodeId,
    /// librdkafka's properties, the group's included, without the connection.
    pub config: ClientConfig,
    /// Its topics on the cluster.
    pub topics: Vec<String>,
    /// `max.poll.records`
    pub max_poll_records: usize,
    /// `auto.commit.interval.ms`; none: no automatic commits.
    pub auto_commit: Option<Duration>,
    /// A static member does not say goodbye anyway.
    pub is_static: bool,
    /// How it dies.
    pub vanish: Option<Arc<dyn Vanish>>,
}

/// How long one look for records takes: then the application may have said something.
const LOOK: Duration = Duration::from_millis(20);
/// How often a process that stands still is looked at.
const STILL: Duration = Duration::from_millis(5);
/// How long what is read waits for other threads to say what lies before it.
const PATIENCE: Duration = Duration::from_millis(200);

/// What one place has given in a poll.
#[derive(Default)]
struct Gathered {
    /// In ascending order; none: no record of this run.
    entries: Vec<(u64, Option<Record>)>,
    bodies: Vec<Option<Body>>,
}

/// The thread behind the actor.
pub(super) struct Worker {
    setup: Setup,
    work: Receiver<Work>,
    client: Option<Arc<BaseConsumer<Context>>>,
    /// An automatic commit that is under way.
    committing: Option<JoinHandle<()>>,
    /// A `Next` waits for records.
    polling: bool,
    commit_due: Option<Instant>,
    /// Where each partition of the last handing-over began.
    handed: Vec<(PlaceId, u64)>,
    /// `poll()` threw: the application has closed the consumer, and does not poll again.
    failed: bool,
}

impl Worker {
    pub(super) fn new(setup: Setup, work: Receiver<Work>) -> Self {
        Self {
            setup,
            work,
            client: None,
            committing: None,
            polling: false,
            commit_due: None,
            handed: Vec::new(),
            failed: false,
        }
    }

    /// Works until the run is over.
    pub(super) fn run(mut self) {
        loop {
            // Rebalances, commits and deliveries are this thread's: a process that stands still has none of them.
            while self.stands_still() {
                std::thread::park_timeout(STILL);
            }
            let work = if self.polling { self.work.try_recv().ok() } else { self.work.recv().ok() };
            match work {
                Some(Work::Said(ToSubscriber::Next)) => self.next(),
                Some(Work::Said(ToSubscriber::Settle)) => self.settle(),
                Some(Work::Said(ToSubscriber::Close)) => self.close(),
                Some(Work::Said(ToSubscriber::Leave)) => self.leave(),
                Some(Work::Crash) => self.crash(),
                Some(Work::End) => return self.end(),
                None if self.polling => self.look(),
                None => return self.end(),
            }
        }
    }

    fn stands_still(&self) -> bool {
        self.setup.vanish.as_ref().is_some_and(|vanish| vanish.stands_still(self.setup.node))
    }

    /// `poll()`
    fn next(&mut self) {
        if self.failed || !self.open() {
            return;
        }
        self.handed.clear();
        self.polling = true;
    }

    fn open(&mut self) -> bool {
        if self.client.is_some() {
            return true;
        }
        let member = &self.setup.member;
        let mut config = self.setup.config.clone();
        config.set("bootstrap.servers", member.names.bootstrap_of(self.setup.node));
        let context = Context { member: Arc::clone(member) };
        let made = config.create_with_context(context).and_then(|client: BaseConsumer<Context>| {
            let topics: Vec<_> = self.setup.topics.iter().map(String::as_str).collect();
            client.subscribe(&topics).map(|()| client)
        });
        match made {
            Ok(client) => {
                member.forget();
                member.gone.store(false, Ordering::Relaxed);
                member.groups.joins(member.group, member.me);
                self.client = Some(Arc::new(client));
                self.commit_due = self.setup.auto_commit.map(|every| Instant::now() + every);
                true
            }
            Err(error) => {
                member.notes.complain("consumer", &error, "it could not be made");
                self.fail(Exception::Unexpected);
                false
            }
        }
    }

    /// Looks for records once, and hands over what there is.
    fn look(&mut self) {
        if self.commit_due.is_some_and(|due| due <= Instant::now()) {
            self.commit_in_passing();
        }
        let mut gathered = BTreeMap::new();
        let mut trouble = None;
        let client = self.client.as_ref().expect("who polls has a client");
        let mut patience = LOOK;
        let mut left = self.setup.max_poll_records;
        while left > 0 {
            match client.poll(patience) {
                None => break,
                Some(Ok(message)) => {
                    gather(&self.setup.member, &message, &mut gathered);
                    left -= 1;
                }
                Some(Err(error)) => {
                    trouble = Some(error);
                    break;
                }
            }
            patience = Duration::ZERO;
        }
        // What was taken away while it was gathered belongs to somebody else now.
        gathered.retain(|place, _| self.setup.member.owns(*place));
        if !gathered.is_empty() {
            self.hand_over(gathered);
        }
        if let Some(error) = trouble {
            self.look_at(&error);
        }
    }

    fn hand_over(&mut self, gathered: BTreeMap<PlaceId, Gathered>) {
        let member = Arc::clone(&self.setup.member);
        let mut deliveries = Vec::new();
        for (place, gathered) in gathered {
            let (first, last) = (gathered.entries[0].0, gathered.entries[gathered.entries.len() - 1].0);
            member.books.read(place, gathered.entries.iter().copied());
            member.books.await_told(place, last + 1, PATIENCE);
            if let Some(from) = member.advance(place, last + 1)
                && from < first
            {
                self.jumped(place, first);
            }
            self.handed.push((place, first));
            deliver(place, gathered, &mut deliveries);
        }
        if deliveries.is_empty() {
            return;
        }
        self.polling = false;
        for delivery in &deliveries {
            let (ids, group) = (Ids::Span(delivery.span.clone()), member.group);
            member.emit(Life::Delivered { ids, group, place: delivery.place, offset: delivery.offset });
        }
        member.say(FromSubscriber::Deliver(deliveries.into()));
    }

    /// The log did not have what comes next: `auto.offset.reset` led on.
    fn jumped(&self, place: PlaceId, to: u64) {
        let member = &self.setup.member;
        let group = member.group;
        member.emit(Kafka::Positioned { group, place, offset: to, why: PositionReason::OutOfRange });
        let why = if member.reset == Reset::Earliest { Reason::Retention } else { Reason::OffsetReset };
        member.emit(Life::Skipped { group, place, to, why });
    }

    /// What `poll()` says besides records.
    fn look_at(&mut self, error: &KafkaError) {
        let member = &self.setup.member;
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::PollExceeded) => {
                member.groups.leaves(member.group, member.me, GroupReason::PollTimeout);
                member.groups.joins(member.group, member.me);
            }
            Some(RDKafkaErrorCode::AutoOffsetReset) => self.fail(Exception::OffsetOutOfRange),
            Some(RDKafkaErrorCode::FencedInstanceId) => self.fail(Exception::FencedInstanceId),
            Some(RDKafkaErrorCode::InconsistentGroupProtocol) => {
                self.fail(Exception::InconsistentGroupProtocol);
            }
            Some(RDKafkaErrorCode::InvalidSessionTimeout) => self.fail(Exception::InvalidSessionTimeout),
            Some(RDKafkaErrorCode::GroupMaxSizeReached) => self.fail(Exception::GroupMaxSizeReached),
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                member.notes.complain("consumer", error, "fatal");
                self.fail(Exception::Unexpected);
            }
            _ => member.notes.complain("consumer", error, "poll"),
        }
    }

    /// `poll()` throws: the application closes the consumer.
    fn fail(&mut self, error: Exception) {
        let member = Arc::clone(&self.setup.member);
        member.emit(Kafka::ConsumerFailed { group: member.group, places: Arc::default(), error });
        self.close();
        self.failed = true;
    }

    /// `commitSync()`
    fn settle(&mut self) {
        let member = Arc::clone(&self.setup.member);
        let accepted = match &self.client {
            Some(client) => member.commit(client),
            None => false,
        };
        member.say(FromSubscriber::Settled { accepted });
    }

    /// `enable.auto.commit`: within `poll()`, what earlier polls handed over. Nobody waits for it: librdkafka tells
    /// what became of a commit only to a thread that does.
    fn commit_in_passing(&mut self) {
        if self.committing.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        self.commit_due = self.setup.auto_commit.map(|every| Instant::now() + every);
        let (Some(client), Some(offsets)) = (&self.client, self.setup.member.uncommitted()) else { return };
        let (client, member) = (Arc::clone(client), Arc::clone(&self.setup.member));
        self.committing = Some(std::thread::spawn(move || {
            member.commit_these(&client, &offsets);
        }));
    }

    /// Lets the client go, with its last callbacks.
    fn let_go(&mut self, client: Arc<BaseConsumer<Context>>) {
        if let Some(thread) = self.committing.take() {
            let _ = thread.join();
        }
        assert!(Arc::into_inner(client).is_some(), "nobody else holds a client whose commits are over");
    }

    /// `wakeup()`, and then `close()`: what crossed it was not returned by the poll that it ended.
    fn leave(&mut self) {
        for (place, first) in std::mem::take(&mut self.handed) {
            self.setup.member.take_back(place, first);
        }
        self.close();
    }

    fn close(&mut self) {
        self.polling = false;
        let Some(client) = self.client.take() else { return };
        let member = &self.setup.member;
        if self.setup.auto_commit.is_some() {
            member.commit(&client);
        }
        member.groups.leaves(member.group, member.me, GroupReason::MemberLeft);
        // Its last callbacks are told as any others.
        self.let_go(client);
        self.setup.member.forget();
    }

    /// The process dies: nothing is committed, and nobody is told if that can be helped.
    fn crash(&mut self) {
        (self.polling, self.failed) = (false, false);
        let Some(client) = self.client.take() else { return };
        let (member, node) = (Arc::clone(&self.setup.member), self.setup.node);
        member.gone.store(true, Ordering::Relaxed);
        member.groups.leaves(member.group, member.me, GroupReason::SessionTimeout);
        let silent = self.setup.vanish.as_ref().is_some_and(|vanish| vanish.silence(node));
        if !silent && !self.setup.is_static {
            member.notes.say(
                "a consumer that crashed said goodbye to its group: librdkafka does so when it is let go, so the \
                 group did not have to wait for session.timeout.ms",
            );
        }
        self.let_go(client);
        if let Some(vanish) = &self.setup.vanish {
            vanish.restore(node);
        }
        member.forget();
    }

    fn end(&mut self) {
        self.setup.member.gone.store(true, Ordering::Relaxed);
        if let Some(client) = self.client.take() {
            self.let_go(client);
        }
    }
}

/// Takes a message in.
fn gather(member: &Member, message: &BorrowedMessage<'_>, into: &mut BTreeMap<PlaceId, Gathered>) {
    let Some(place) = member.names.place_named(message.topic(), message.partition()) else { return };
    let offset = u64::try_from(message.offset()).expect("what is read has an offset");
    let known = record_of(member.run, message);
    let gathered = into.entry(place).or_default();
    gathered.entries.push((offset, known.map(|(record, _)| record)));
    let bytes = |bytes: Option<&[u8]>| bytes.map(Arc::from);
    let body = || Body { key: bytes(message.key()), value: bytes(message.payload()) };
    gathered.bodies.push(known.filter(|(_, content)| *content).map(|_| body()));
}

/// Which record of the run a message is.
pub(super) fn record_of(run: u32, message: &BorrowedMessage<'_>) -> Option<(Record, bool)> {
    let headers = message.headers()?;
    let ours = headers.iter().find(|header| header.key == header::NAME)?;
    header::decode(run, ours.value?)
}

/// Consecutive records of one place become a delivery each.
fn deliver(place: PlaceId, gathered: Gathered, deliveries: &mut Vec<Delivery>) {
    let mut run: Option<(u64, Vec<Record>, Vec<Option<Body>>)> = None;
    for ((offset, record), body) in gathered.entries.into_iter().zip(gathered.bodies) {
        let Some(record) = record else { continue };
        match &mut run {
            Some((first, records, bodies)) if *first + records.len() as u64 == offset => {
                records.push(record);
                bodies.push(body);
            }
            Some(_) | None => {
                deliveries.extend(run.take().map(|run| delivery(place, run)));
                run = Some((offset, vec![record], vec![body]));
            }
        }
    }
    deliveries.extend(run.map(|run| delivery(place, run)));
}

fn delivery(place: PlaceId, (offset, records, bodies): (u64, Vec<Record>, Vec<Option<Body>>)) -> Delivery {
    let any = bodies.iter().any(Option::is_some);
    let bodies = if any { bodies.into_iter().map(Option::unwrap_or_default).collect() } else { Vec::new() };
    let bytes = records.iter().map(Record::bytes).fold(0, u32::saturating_add);
    Delivery { place, offset, span: Batch::new(records, bodies, bytes).span() }
}

/// What a group has committed, as the cluster keeps it: for the end of a run.
pub(super) fn committed(
    config: &ClientConfig,
    member_of: &super::names::Names,
    places: &[PlaceId],
) -> Result<Vec<(PlaceId, u64)>, KafkaError> {
    let client: BaseConsumer = config.create()?;
    let asked = offsets_of(member_of, places.iter().map(|place| (*place, None)));
    let found = client.committed_offsets(asked, Duration::from_secs(5))?;
    let offset = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        let place = member_of.place_named(element.topic(), element.partition())?;
        match element.offset() {
            rdkafka::Offset::Offset(offset) => Some((place, u64::try_from(offset).ok()?)),
            _ => None,
        }
    };
    Ok(found.elements().iter().filter_map(offset).collect())
}
