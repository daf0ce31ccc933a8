//! The client's state, and the half of it that the application sees: `send()`, `flush()`, `close()`.
//!
//! What it asks for is collected in `out`, in order; the actor hands it to its host.

use std::sync::Arc;

use super::ProducerSetup;
use super::accumulator::{Accumulator, Exhausted};
use super::backoff::Backoff;
use super::batch::{BatchKey, Stage};
use super::connection::Connection;
use super::door::{Door, Visitor};
use super::identity::Identity;
use super::metadata::Refresh;
use super::size;
use super::topics::Topics;
use crate::kafka::config::{Acks, ProducerConfig};
use crate::kernel::{Rng, Time};
use crate::trace::kafka::BrokerId;
use crate::trace::{Body, ChannelId, Fact, Ids, Life, PlaceId, Reason, Record, RecordId};
use crate::wire::kafka::Request;
use crate::wire::port::FromPublisher;

/// Something to do for the host.
#[derive(Clone, Debug)]
pub enum Out {
    /// Ask the broker with this index, under this correlation number.
    Ask(usize, u32, Request),
    /// Tell the observers.
    Fact(Fact),
    /// Tell the application.
    App(FromPublisher),
    /// Metadata are as new as can be.
    MetadataFresh,
}

/// What a record means to the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stir {
    /// Nothing: the usual case.
    Nothing,
    /// A batch lingers from now on.
    Linger,
    /// There may be something to do.
    Sender,
}

/// A producer client.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) config: Arc<ProducerConfig>,
    /// Whether the application is told the outcome of each record.
    callbacks: bool,
    pub(super) topics: Topics,
    pub(super) accumulator: Accumulator,
    pub(super) door: Door,
    /// By index, as everything that belongs to a broker.
    pub(super) brokers: Vec<BrokerId>,
    pub(super) connections: Vec<Connection>,
    /// Which brokers metadata name; all before the first answer.
    pub(super) alive: Vec<bool>,
    pub(super) refresh: Refresh,
    /// None without idempotence.
    pub(super) identity: Option<Identity>,
    /// When to ask for an identity; never while asking.
    pub(super) identity_due: Time,
    pub(super) retry_backoff: Backoff,
    pub(super) correlation: u32,
    pub(super) out: Vec<Out>,
    /// Lists of batches in flight, to be used again.
    pub(super) spare: Vec<Vec<(PlaceId, BatchKey)>>,
}

impl Client {
    /// A client that knows nothing of the cluster yet. Correlation numbers begin behind `correlation`.
    ///
    /// # Panics
    /// When idempotence is wanted with settings that Kafka refuses for it.
    pub fn new(setup: &ProducerSetup, correlation: u32) -> Self {
        let config = Arc::clone(&setup.config);
        let safe = config.acks == Acks::All && config.max_in_flight <= 5 && config.retries > 0;
        assert!(safe || !config.idempotence, "idempotence needs acks=all, retries and at most 5 in flight");
        assert!(config.max_in_flight > 0, "a connection carries at least one request");
        let places =
            setup.topics.iter().map(|topic| (topic.first.0 + topic.most) as usize).max().unwrap_or(0);
        let brokers: Vec<_> = setup.brokers.iter().map(|(id, ..)| *id).collect();
        let reconnect = Backoff::new(config.reconnect_backoff, config.reconnect_backoff_max);
        let retry_backoff = Backoff::new(config.retry_backoff, config.retry_backoff_max);
        Self {
            callbacks: setup.callbacks,
            topics: Topics::new(
                &setup.topics,
                config.batch_size,
                config.adaptive_partitioning,
                config.partitioner_ignore_keys,
            ),
            accumulator: Accumulator::new(
                places,
                brokers.len(),
                config.batch_size,
                config.linger,
                config.buffer_memory,
            ),
            door: Door::default(),
            connections: vec![Connection::new(config.max_in_flight, reconnect); brokers.len()],
            alive: vec![true; brokers.len()],
            brokers,
            refresh: Refresh::new(retry_backoff),
            identity: config.idempotence.then(|| Identity::new(places)),
            identity_due: if config.idempotence { Time::ZERO } else { Time::NEVER },
            retry_backoff,
            correlation,
            out: Vec::new(),
            spare: Vec::new(),
            config,
        }
    }

    /// `send()`
    #[inline]
    pub fn publish(
        &mut self,
        channel: ChannelId,
        record: Record,
        mut body: Option<Arc<Body>>,
        now: Time,
        rng: &mut Rng,
    ) -> Stir {
        self.door.offer();
        if self.door.is_empty()
            && self.refresh.known()
            && let Ok(stir) = self.append(channel, record, &mut body, now, rng)
        {
            self.door.pass();
            return stir;
        }
        self.block(Visitor { channel, record, body, deadline: now + self.config.max_block });
        Stir::Sender
    }

    /// `flush()`
    pub fn flush(&mut self) {
        self.door.flush();
    }

    /// `close()`
    pub fn close(&mut self) {
        self.door.close();
    }

    fn block(&mut self, visitor: Visitor) {
        if self.door.wait(visitor) {
            self.out.push(Out::App(FromPublisher::Blocked));
        }
    }

    /// Puts a record into the buffer, or refuses it for its size.
    #[inline]
    fn append(
        &mut self,
        channel: ChannelId,
        record: Record,
        body: &mut Option<Arc<Body>>,
        now: Time,
        rng: &mut Rng,
    ) -> Result<Stir, Exhausted> {
        let most = size::upper_bound(&record);
        if most > self.config.max_request_size || u64::from(most) > self.config.buffer_memory {
            self.refuse(&record, Reason::MessageTooLarge);
            return Ok(Stir::Nothing);
        }
        let (connections, accumulator) = (&self.connections, &self.accumulator);
        let limit = self.config.partitioner_availability_timeout;
        // `partitioner.availability.timeout.ms`: a broker that has not taken anything for so long.
        let excluded = |place| {
            let (leader, _) = accumulator.leader(place);
            let connection = connections.get(leader as usize);
            !limit.is_zero() && connection.is_some_and(|it| it.ready_at.since(it.drained_at) > limit)
        };
        let place = self.topics.choose(channel, &record, accumulator, excluded, rng);
        let appended = self.accumulator.append(place, record, body, now)?;
        let filled = self.accumulator.all_full(place);
        self.topics.appended(channel, place, &record, appended.bytes, filled, rng);
        let leaderless = || self.accumulator.leader(place).0 as usize == self.brokers.len();
        Ok(match (appended.ripens, appended.opens) {
            (true, _) => Stir::Sender,
            (false, true) if self.door.urgent() || leaderless() => Stir::Sender,
            (false, true) => Stir::Linger,
            (false, false) => Stir::Nothing,
        })
    }

    fn refuse(&mut self, record: &Record, why: Reason) {
        self.door.failed(1);
        self.call_back(&Ids::one(record.id), false);
        self.out.push(Out::Fact(Life::Rejected { ids: Ids::one(record.id), why }.into()));
    }

    /// Lets those in who wait, as long as there is room, and turns those away who have waited too long.
    pub(super) fn admit(&mut self, now: Time, rng: &mut Rng) {
        if self.door.is_empty() {
            return;
        }
        while let Some(mut visitor) = self.door.take() {
            if !self.admit_one(&mut visitor, now, rng) {
                return self.door.back(visitor);
            }
            self.door.pass();
        }
        self.out.push(Out::App(FromPublisher::Ready));
    }

    fn admit_one(&mut self, visitor: &mut Visitor, now: Time, rng: &mut Rng) -> bool {
        let known = self.refresh.known();
        if known && self.append(visitor.channel, visitor.record, &mut visitor.body, now, rng).is_ok() {
            return true;
        }
        let late = visitor.deadline <= now;
        if late {
            let why = if known { Reason::BufferExhausted } else { Reason::NoMetadata };
            self.refuse(&visitor.record, why);
        }
        late
    }

    /// The callbacks of `send()`, for an application that wants them: one message for each run of records.
    pub(super) fn call_back(&mut self, ids: &Ids, accepted: bool) {
        if !self.callbacks {
            return;
        }
        let outcome = |(first, records)| Out::App(FromPublisher::Outcome { first, records, accepted });
        let mut run: Option<(RecordId, u32)> = None;
        for id in ids.iter() {
            run = match run {
                Some((first, records)) if first.plus(u64::from(records)) == id => Some((first, records + 1)),
                Some(ended) => {
                    self.out.push(outcome(ended));
                    Some((id, 1))
                }
                None => Some((id, 1)),
            };
        }
        self.out.extend(run.map(outcome));
    }

    /// What dies with the process: what never left it, and what it will never hear of. Nothing for an application
    /// that keeps its records itself.
    pub fn bury(&mut self) -> Vec<Life> {
        let (mut lives, why) = (Vec::new(), Reason::ProducerClosed);
        if self.callbacks {
            return lives;
        }
        let batches = &mut self.accumulator.batches;
        let mut next = batches.oldest();
        while let Some(slot) = next {
            next = batches.newer(slot);
            let pending = &mut batches[slot];
            let doubt = pending.doubt || pending.stage == Stage::InFlight;
            let ids = pending.batch().span().into();
            lives.push(if doubt { Life::Unknown { ids, why } } else { Life::Rejected { ids, why } });
        }
        let waiting = self.door.visitors().map(|visitor| Ids::one(visitor.record.id));
        lives.extend(waiting.map(|ids| Life::Rejected { ids, why }));
        lives
    }

    /// Whether it was closed, and everything offered to it has its outcome.
    pub fn is_closed(&self) -> bool {
        self.door.is_closed()
    }

    /// Tells the application of flushes that return.
    pub(super) fn finish_flushes(&mut self) {
        while let Some(failed) = self.door.flushed(&self.accumulator.batches) {
            self.out.push(Out::App(FromPublisher::Flushed { failed }));
        }
    }
}
