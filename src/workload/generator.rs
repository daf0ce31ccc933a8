//! The generator: an application that publishes. Records are offered when the arrivals say so, whatever the
//! system does with them, until the client blocks: then `send()` does not return, and the generator waits.
//!
//! With an outbox (a table in the application's own database) it knows after a restart what it had offered and
//! never heard of again, and offers that once more: the same records through a new producer, which no broker
//! recognises (oracle 13, row 17).
//!
//! **Invariant.** Records of one generator are numbered from 0 without gaps, in the order in which they are
//! offered, whether or not the client takes them.
//!
//! **Not modelled:** a clock that is behind by more than the run has lasted: it stands at the beginning; an
//! outbox that drops records which the client refused (they count as dealt with).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::hears;
use crate::kernel::{Actor, ActorId, Addr, Crash, Cx, Duration, Time};
use crate::trace::{Body, ChannelId, Ids, Life, Record, RecordId};
use crate::wire::Brokersim;
use crate::wire::operator::{PerMille, Skew, ToApplication};
use crate::wire::port::{FromPublisher, ToPublisher};

use super::arrivals::{ArrivalState, Arrivals};
use super::codec::Codec;
use super::keys::KeyState;
use super::pace::Pace;
use super::payload::{Content, PayloadState};
use super::row::{Row, Schema};

/// What a generator is made of.
#[derive(Clone, Debug)]
pub struct GeneratorSetup {
    /// Its source number in record ids.
    pub source: u32,
    /// Where it publishes.
    pub channel: ChannelId,
    /// Through whom.
    pub publisher: Addr<ToPublisher>,
    /// When.
    pub arrivals: Arrivals,
    /// What; none in a replay, which brings its own.
    pub payload: Option<PayloadState>,
    /// The fields of its rows.
    pub schema: Arc<Schema>,
    /// How rows become bytes.
    pub codec: Codec,
    /// Which key each record gets.
    pub keys: KeyState,
    /// How the system hashes keys.
    pub hash: fn(&[u8]) -> i32,
    /// Whether anybody reads contents; where not, no bytes are kept.
    pub keep_bodies: bool,
    /// What happens to arrivals while `send()` blocks.
    pub when_blocked: WhenBlocked,
    /// Whether it keeps records until it learns what became of them, and offers them again after a restart.
    pub outbox: bool,
    /// Which of its records are poison, by number from 0.
    pub poison: Option<u64>,
    /// When it begins; [`Time::NEVER`] when it waits to be told.
    pub start: Time,
    /// When it ends.
    pub stop: Time,
    /// How many records it offers at most.
    pub stop_after: u64,
}

/// What happens to arrivals while the client blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenBlocked {
    /// They are made up for as soon as `send()` returns.
    Wait,
    /// They never happen; how many there were is told when `send()` returns.
    Skip,
}

hears! {
    /// What a generator hears.
    GeneratorMail {
        /// From the client that publishes for it.
        Publisher(FromPublisher),
        /// From outside.
        Operator(ToApplication),
    }
}

/// What a generator is woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GeneratorTimer {
    /// Records are due.
    Arrival,
}

/// A record that the outbox keeps, with its content.
type Kept = (Record, Option<Arc<Body>>);

/// An application that publishes.
#[derive(Clone)]
pub struct Generator {
    setup: Box<GeneratorSetup>,
    arrivals: ArrivalState,
    /// How its schedule runs against time.
    pace: Pace,
    /// When the arrival that is being waited for is due, by its schedule.
    due: Time,
    blocked: bool,
    /// Told to end, or not yet told to begin.
    away: bool,
    skew: Skew,
    /// So many of the next records are poison.
    poison: u64,
    /// By number. On disk: it outlives the process.
    outbox: BTreeMap<u64, Kept>,
    offered: u64,
    row: Row,
    scratch: Vec<u8>,
}

impl Generator {
    /// A generator that has not begun.
    pub fn new(setup: GeneratorSetup) -> Self {
        let origin = if setup.start == Time::NEVER { Time::ZERO } else { setup.start };
        Self {
            arrivals: ArrivalState::new(&setup.arrivals, origin),
            pace: Pace::USUAL,
            due: Time::NEVER,
            blocked: false,
            away: setup.start == Time::NEVER,
            skew: Skew::Ahead(Duration::ZERO),
            poison: 0,
            outbox: BTreeMap::new(),
            setup: Box::new(setup),
            offered: 0,
            row: Row::default(),
            scratch: Vec::new(),
        }
    }

    /// The next arrival before the generator ends.
    #[inline]
    fn next_arrival(&mut self, cx: &mut Cx<'_, Self>) -> Option<Time> {
        self.arrivals.next(cx.rng()).filter(|due| self.pace.real(*due) <= self.setup.stop)
    }

    /// Waits for the next arrival, or says goodbye.
    #[inline]
    fn await_next(&mut self, cx: &mut Cx<'_, Self>) {
        let next = self.next_arrival(cx);
        self.wait_for(cx, next);
    }

    #[inline]
    fn wait_for(&mut self, cx: &mut Cx<'_, Self>, next: Option<Time>) {
        // What was offered beside the schedule counts too.
        match next.filter(|_| self.offered < self.setup.stop_after) {
            Some(due) => {
                self.due = due;
                cx.arm_at(GeneratorTimer::Arrival, self.pace.real(due));
            }
            None => {
                self.due = Time::NEVER;
                cx.send(self.setup.publisher, ToPublisher::Flush);
            }
        }
    }

    #[inline]
    fn offer(&mut self, cx: &mut Cx<'_, Self>) {
        let batch =
            u64::from(self.arrivals.batch()).min(self.setup.stop_after.saturating_sub(self.offered)) as u32;
        if batch > 0 {
            self.offer_batch(cx, batch);
        }
    }

    /// Offers records that the schedule knows nothing of. Nobody does where `send()` blocks, and a replay has nothing to
    /// offer before its first entry.
    fn offer_beside(&mut self, cx: &mut Cx<'_, Self>, records: u32) {
        let has_content = self.setup.payload.is_some() || self.arrivals.entry().is_some();
        if self.blocked || self.away || !has_content {
            return cx.emit(Life::Withheld { channel: self.setup.channel, records });
        }
        self.offer_batch(cx, records);
    }

    #[inline]
    fn offer_batch(&mut self, cx: &mut Cx<'_, Self>, batch: u32) {
        let first = RecordId::new(self.setup.source, self.offered);
        let channel = self.setup.channel;
        if batch == 1 {
            let (record, body) = self.make(cx, first);
            let body = body.map(Arc::new);
            self.keep(record, body.as_ref());
            cx.emit(Life::Offered { channel, first, records: 1, bytes: u64::from(record.bytes()) });
            cx.send(self.setup.publisher, ToPublisher::Publish(channel, record, body));
        } else {
            let (mut records, mut bodies) = (Vec::with_capacity(batch as usize), Vec::new());
            for i in 0..u64::from(batch) {
                let (record, body) = self.make(cx, first.plus(i));
                if self.setup.outbox {
                    self.keep(record, body.clone().map(Arc::new).as_ref());
                }
                records.push(record);
                bodies.extend(body);
            }
            let bytes = records.iter().map(|record| u64::from(record.bytes())).sum();
            cx.emit(Life::Offered { channel, first, records: batch, bytes });
            let all = ToPublisher::PublishAll(channel, records.into(), bodies.into());
            cx.send(self.setup.publisher, all);
        }
        self.offered += u64::from(batch);
    }

    /// `send()` returns.
    fn go_on(&mut self, cx: &mut Cx<'_, Self>) {
        self.blocked = false;
        if self.away || self.due == Time::NEVER {
            return;
        }
        match self.setup.when_blocked {
            WhenBlocked::Skip if self.pace.real(self.due) < cx.now() => self.withhold(cx),
            WhenBlocked::Skip | WhenBlocked::Wait => {
                cx.arm_at(GeneratorTimer::Arrival, self.pace.real(self.due));
            }
        }
    }

    /// Lets go what was due before now.
    fn withhold(&mut self, cx: &mut Cx<'_, Self>) {
        let (mut records, mut next) = (0_u32, Some(self.due));
        while let Some(due) = next
            && self.pace.real(due) < cx.now()
        {
            records = records.saturating_add(self.arrivals.batch());
            next = self.next_arrival(cx);
        }
        cx.emit(Life::Withheld { channel: self.setup.channel, records });
        self.wait_for(cx, next);
    }

    /// The next record, with its body when somebody reads it.
    #[inline]
    fn make(&mut self, cx: &mut Cx<'_, Self>, id: RecordId) -> (Record, Option<Body>) {
        let (record, body) = self.make_sound(cx, id);
        let poison = self.poison > 0 || self.setup.poison == Some(id.sequence());
        self.poison = self.poison.saturating_sub(1);
        (if poison { record.poisoned() } else { record }, body)
    }

    fn make_sound(&mut self, cx: &mut Cx<'_, Self>, id: RecordId) -> (Record, Option<Body>) {
        let now = self.clock(cx.now());
        let Some(payload) = self.setup.payload.as_mut() else { return self.replay(cx, id) };
        self.scratch.clear();
        let value_bytes = match payload.next(now, cx.rng(), &mut self.row) {
            Content::Size(bytes) => bytes,
            Content::Row => {
                self.setup.codec.encode(&self.setup.schema, &self.row, &mut self.scratch);
                self.scratch.len() as u32
            }
        };
        let key = self.key(cx, true);
        let value =
            (self.setup.keep_bodies && !self.scratch.is_empty()).then(|| Arc::from(&self.scratch[..]));
        let record = Record::new(id, now, key.hash, value_bytes + key.bytes);
        (record, self.body(key.text, value))
    }

    /// What the application's clock says.
    fn clock(&self, now: Time) -> Time {
        match self.skew {
            Skew::Ahead(by) => now + by,
            Skew::Behind(by) => Time::ZERO + now.since(Time::ZERO + by),
        }
    }

    fn keep(&mut self, record: Record, body: Option<&Arc<Body>>) {
        if self.setup.outbox {
            self.outbox.insert(record.id.sequence(), (record, body.cloned()));
        }
    }

    /// Offers what the outbox holds once more, in its order.
    fn resend(&mut self, cx: &mut Cx<'_, Self>) {
        let channel = self.setup.channel;
        for (record, body) in self.outbox.values() {
            cx.emit(Life::Resent { channel, ids: Ids::one(record.id) });
            cx.send(self.setup.publisher, ToPublisher::Publish(channel, *record, body.clone()));
        }
    }

    /// What became of records is known.
    fn strike_off(&mut self, first: RecordId, records: u32) {
        for sequence in first.sequence()..first.sequence() + u64::from(records) {
            self.outbox.remove(&sequence);
        }
    }

    /// Begins where the schedule stands now.
    fn enter(&mut self, cx: &mut Cx<'_, Self>) {
        self.arrivals.skip_to(self.pace.own(cx.now()));
        (self.away, self.blocked) = (false, false);
        self.await_next(cx);
    }

    fn obey(&mut self, cx: &mut Cx<'_, Self>, told: ToApplication) {
        match told {
            ToApplication::Burst(factor) => self.hurry(cx, factor),
            ToApplication::Rate(rate) => {
                if let Some(usual) = self.setup.arrivals.pattern.usual() {
                    self.hurry(cx, PerMille::of_rates(rate, usual));
                }
            }
            ToApplication::Offer(records) => self.offer_beside(cx, records),
            ToApplication::Skew(skew) => self.skew = skew,
            ToApplication::Poison(records) => self.poison += u64::from(records),
            ToApplication::Close if !self.away => {
                self.away = true;
                cx.disarm(GeneratorTimer::Arrival);
                cx.send(self.setup.publisher, ToPublisher::Close);
            }
            ToApplication::Join if self.away => self.enter(cx),
            ToApplication::Close | ToApplication::Join => {}
            // These concern those who read.
            ToApplication::Slow(_) | ToApplication::Stuck(_) => {}
        }
    }

    fn hurry(&mut self, cx: &mut Cx<'_, Self>, factor: PerMille) {
        self.pace.change(cx.now(), factor);
        if self.due != Time::NEVER && !self.blocked && !self.away {
            cx.arm_at(GeneratorTimer::Arrival, self.pace.real(self.due));
        }
    }

    /// What was recorded: its payload, and its key or else one that is drawn.
    fn replay(&mut self, cx: &mut Cx<'_, Self>, id: RecordId) -> (Record, Option<Body>) {
        let entry = self.arrivals.entry().expect("what is not made is replayed");
        let value = entry.payload.clone();
        let key = self.key(cx, false);
        let bytes = value.as_ref().map_or(0, |value| value.len() as u32) + key.bytes;
        (Record::new(id, self.clock(cx.now()), key.hash, bytes), self.body(key.text, value))
    }

    /// The next record's key: the one that was recorded, or else one that is drawn.
    #[inline]
    fn key(&mut self, cx: &mut Cx<'_, Self>, from_row: bool) -> Key {
        let Self { setup, arrivals, row, .. } = self;
        let recorded = arrivals.entry().and_then(|entry| entry.key.as_ref());
        let key = match recorded {
            Some(key) => Some(&key[..]),
            None => setup.keys.draw(from_row.then_some(&*row), cx.rng()),
        };
        let Some(key) = key else { return Key::default() };
        let text = setup.keep_bodies.then(|| recorded.map_or_else(|| key.into(), Arc::clone));
        Key { hash: Some((setup.hash)(key)), bytes: key.len() as u32, text }
    }

    fn body(&self, key: Option<Arc<[u8]>>, value: Option<Arc<[u8]>>) -> Option<Body> {
        self.setup.keep_bodies.then_some(Body { key, value })
    }
}

/// The key of a record, if it has one.
#[derive(Default)]
struct Key {
    hash: Option<i32>,
    bytes: u32,
    /// Where contents are kept.
    text: Option<Arc<[u8]>>,
}

impl Actor for Generator {
    type Vocab = Brokersim;
    type Msg = GeneratorMail;
    type Timer = GeneratorTimer;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        if !self.away {
            self.resend(cx);
            self.enter(cx);
        }
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, msg: GeneratorMail) {
        match msg {
            GeneratorMail::Publisher(FromPublisher::Blocked) => {
                self.blocked = true;
                cx.disarm(GeneratorTimer::Arrival);
            }
            GeneratorMail::Publisher(FromPublisher::Ready) => self.go_on(cx),
            GeneratorMail::Publisher(FromPublisher::Outcome { first, records, .. }) => {
                self.strike_off(first, records);
            }
            GeneratorMail::Publisher(FromPublisher::Flushed { .. }) => {}
            GeneratorMail::Operator(told) => self.obey(cx, told),
        }
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, GeneratorTimer::Arrival: GeneratorTimer) {
        self.offer(cx);
        self.await_next(cx);
    }

    fn crash(&mut self, _: Time, _: Crash) {
        // A process that was asked to end and then died is started again like any other.
        self.away = self.offered == 0 && self.setup.start == Time::NEVER;
    }
}
