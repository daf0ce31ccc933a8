//! The generator: an application that publishes. Records are offered when the arrivals say so, whatever the
//! system does with them, until the client blocks: then `send()` does not return, and the generator waits.
//!
//! **Invariant.** Records of one generator are numbered from 0 without gaps, in the order in which they are
//! offered, whether or not the client takes them.

use std::sync::Arc;

use crate::kernel::{Actor, ActorId, Addr, Cx, Time};
use crate::trace::{Body, ChannelId, Life, Record, RecordId};
use crate::wire::Brokersim;
use crate::wire::port::{FromPublisher, ToPublisher};

use super::arrivals::{ArrivalState, Arrivals};
use super::codec::Codec;
use super::keys::{KeyId, KeyState};
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
    /// When it begins.
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
    /// They never happen.
    Skip,
}

/// An application that publishes.
#[derive(Clone)]
pub struct Generator {
    setup: Box<GeneratorSetup>,
    arrivals: ArrivalState,
    /// When the arrival that is being waited for is due.
    due: Time,
    blocked: bool,
    offered: u64,
    row: Row,
    scratch: Vec<u8>,
    /// By [`KeyId`]: the hash and the bytes of each key drawn so far.
    key_cache: Vec<(i32, Arc<[u8]>)>,
}

impl Generator {
    /// A generator that has not begun.
    pub fn new(setup: GeneratorSetup) -> Self {
        Self {
            arrivals: ArrivalState::new(&setup.arrivals, setup.start),
            setup: Box::new(setup),
            due: Time::NEVER,
            blocked: false,
            offered: 0,
            row: Row::default(),
            scratch: Vec::new(),
            key_cache: Vec::new(),
        }
    }

    /// Waits for the next arrival, or says goodbye.
    #[inline]
    fn await_next(&mut self, cx: &mut Cx<'_, Self>) {
        let next = self.arrivals.next(cx.rng()).filter(|at| *at <= self.setup.stop);
        match next.filter(|_| self.offered < self.setup.stop_after) {
            Some(at) => {
                self.due = at;
                cx.arm_at((), at);
            }
            None => {
                self.due = Time::NEVER;
                cx.send(self.setup.publisher, ToPublisher::Flush);
            }
        }
    }

    #[inline]
    fn offer(&mut self, cx: &mut Cx<'_, Self>) {
        let batch = u64::from(self.arrivals.batch()).min(self.setup.stop_after - self.offered) as u32;
        let first = RecordId::new(self.setup.source, self.offered);
        let channel = self.setup.channel;
        if batch == 1 {
            let (record, body) = self.make(cx, first);
            cx.emit(Life::Offered { channel, first, records: 1, bytes: u64::from(record.bytes()) });
            cx.send(self.setup.publisher, ToPublisher::Publish(channel, record, body.map(Arc::new)));
        } else {
            let (mut records, mut bodies) = (Vec::with_capacity(batch as usize), Vec::new());
            for i in 0..u64::from(batch) {
                let (record, body) = self.make(cx, first.plus(i));
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

    /// The next record, with its body when somebody reads it.
    #[inline]
    fn make(&mut self, cx: &mut Cx<'_, Self>, id: RecordId) -> (Record, Option<Body>) {
        let now = cx.now();
        let Some(payload) = self.setup.payload.as_mut() else { return self.replay(cx, id) };
        self.scratch.clear();
        let value_bytes = match payload.next(now, cx.rng(), &mut self.row) {
            Content::Size(bytes) => bytes,
            Content::Row => {
                self.setup.codec.encode(&self.setup.schema, &self.row, &mut self.scratch);
                self.scratch.len() as u32
            }
        };
        let (hash, key) = self.recorded_key().or_else(|| self.draw_key(cx, true)).unzip();
        let bytes = value_bytes + key.as_ref().map_or(0, |key: &Arc<[u8]>| key.len() as u32);
        let value =
            (self.setup.keep_bodies && !self.scratch.is_empty()).then(|| Arc::from(&self.scratch[..]));
        (Record::new(id, now, hash, bytes), self.body(key, value))
    }

    /// What was recorded: its payload, and its key or else one that is drawn.
    fn replay(&mut self, cx: &mut Cx<'_, Self>, id: RecordId) -> (Record, Option<Body>) {
        let entry = self.arrivals.entry().expect("what is not made is replayed");
        let value = entry.payload.clone();
        let (hash, key) = self.recorded_key().or_else(|| self.draw_key(cx, false)).unzip();
        let bytes = key.as_ref().map_or(0, |key| key.len()) + value.as_ref().map_or(0, |value| value.len());
        (Record::new(id, cx.now(), hash, bytes as u32), self.body(key, value))
    }

    #[inline]
    fn recorded_key(&self) -> Option<(i32, Arc<[u8]>)> {
        let key = self.arrivals.entry()?.key.clone()?;
        Some(((self.setup.hash)(&key), key))
    }

    #[inline]
    fn draw_key(&mut self, cx: &mut Cx<'_, Self>, from_row: bool) -> Option<(i32, Arc<[u8]>)> {
        let row = from_row.then_some(&self.row);
        self.setup.keys.draw(row, cx.rng()).map(|key| self.cached(key))
    }

    fn body(&self, key: Option<Arc<[u8]>>, value: Option<Arc<[u8]>>) -> Option<Body> {
        self.setup.keep_bodies.then_some(Body { key, value })
    }

    fn cached(&mut self, key: KeyId) -> (i32, Arc<[u8]>) {
        let table = self.setup.keys.table();
        while self.key_cache.len() <= key.0 as usize {
            let bytes = Arc::clone(table.bytes(KeyId(self.key_cache.len() as u32)));
            self.key_cache.push(((self.setup.hash)(&bytes), bytes));
        }
        self.key_cache[key.0 as usize].clone()
    }
}

impl Actor for Generator {
    type Vocab = Brokersim;
    type Msg = FromPublisher;
    type Timer = ();

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        self.arrivals.skip_to(cx.now());
        self.blocked = false;
        self.await_next(cx);
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, msg: FromPublisher) {
        match msg {
            FromPublisher::Blocked => {
                self.blocked = true;
                cx.disarm(());
            }
            FromPublisher::Ready => {
                self.blocked = false;
                if self.setup.when_blocked == WhenBlocked::Skip && self.due < cx.now() {
                    self.arrivals.skip_to(cx.now());
                    self.await_next(cx);
                } else if self.due != Time::NEVER {
                    cx.arm_at((), self.due);
                }
            }
            FromPublisher::Flushed { .. } => {}
        }
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, (): ()) {
        self.offer(cx);
        self.await_next(cx);
    }
}
