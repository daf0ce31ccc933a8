//! The sender: which brokers get a request now, and what is in it.
//!
//! One call of [`Client::drive`] does what rounds of Kafka's sender thread do until there is nothing left to
//! do at this instant: expire, bump the epoch, ask for metadata, then send to every ready broker.
//!
//! **Invariant.** A request carries at most one batch of a partition; with `max.in.flight.requests.per.connection`
//! at 1 a partition has at most one batch in flight, wherever its leader is.

use std::sync::Arc;

use super::batch::BatchKey;
use super::client::{Client, Out};
use super::connection::Call;
use crate::kafka::config::Acks;
use crate::kernel::{Rng, Time};
use crate::trace::kafka::Kafka;
use crate::trace::{Few, Life, PlaceId};
use crate::wire::kafka::{Produce, ProduceBatch, Request};

/// Batches of one request in the making.
struct Load {
    batches: Few<ProduceBatch>,
    keys: Vec<(PlaceId, BatchKey)>,
    bytes: u32,
}

impl Client {
    /// Does everything that can be done now.
    pub fn drive(&mut self, now: Time, rng: &mut Rng) {
        self.expire(now, rng);
        self.accumulator.pass(now);
        self.settle_identity();
        self.ask(now, rng);
        loop {
            self.admit(now, rng);
            // Without acknowledgements, sending makes room for those who wait.
            if !self.send_ready(now) || self.door.is_empty() {
                break;
            }
        }
        self.ask(now, rng);
        self.finish_flushes();
    }

    /// When to be driven next, if nothing happens before.
    pub fn next_deadline(&self, now: Time) -> Time {
        let oldest = self.accumulator.batches.oldest();
        let delivery =
            oldest.map_or(Time::NEVER, |slot| self.delivery_deadline(self.accumulator.batches[slot].created));
        let connections = self.connections.iter().map(|it| it.timeout().min(it.back(now)));
        let network = connections.min().unwrap_or(Time::NEVER);
        let later = |at: Time| if at > now { at } else { Time::NEVER };
        let asking = later(self.refresh.due()).min(later(self.identity_due));
        self.accumulator.next_pass().min(delivery).min(network).min(self.door.deadline()).min(asking)
    }

    /// The same after a record that only opened a batch.
    pub fn next_linger(&self, now: Time) -> Time {
        self.accumulator.next_pass().min(self.delivery_deadline(now))
    }

    pub(super) fn delivery_deadline(&self, created: Time) -> Time {
        created + self.config.delivery_timeout
    }

    fn expire(&mut self, now: Time, rng: &mut Rng) {
        while let Some(slot) = self.accumulator.batches.oldest()
            && self.delivery_deadline(self.accumulator.batches[slot].created) <= now
        {
            self.expire_batch(slot, now);
        }
        for broker in 0..self.connections.len() {
            if self.connections[broker].timeout() <= now {
                self.lose(broker, now, rng);
            }
        }
    }

    fn settle_identity(&mut self) {
        let Some(identity) = &mut self.identity else { return };
        if let Some(epoch) = identity.settle(&mut self.accumulator.batches) {
            self.out.push(Out::Fact(Kafka::EpochBumped { epoch }.into()));
        }
        if identity.current().is_none() && self.identity_due == Time::NEVER && !self.asking_identity() {
            self.identity_due = Time::ZERO;
        }
    }

    fn asking_identity(&self) -> bool {
        self.connections.iter().any(|connection| connection.carries(&Call::InitProducerId))
    }

    /// Asks for metadata and for an identity, when it is time to.
    fn ask(&mut self, now: Time, rng: &mut Rng) {
        if self.accumulator.has_load(self.connections.len()) {
            self.refresh.want();
        }
        if self.refresh.due() <= now
            && let Some(broker) = self.least_loaded(now, rng)
        {
            self.refresh.asked();
            self.call(broker, Call::Metadata, Request::Metadata, now);
        }
        if self.identity_due <= now
            && let Some(broker) = self.least_loaded(now, rng)
        {
            self.identity_due = Time::NEVER;
            self.call(broker, Call::InitProducerId, Request::InitProducerId(None), now);
        }
    }

    /// The broker with the fewest requests in flight, beginning anywhere. When none that metadata name can
    /// be reached, the others are tried (KIP-899, rebootstrap).
    fn least_loaded(&self, now: Time, rng: &mut Rng) -> Option<usize> {
        let brokers = self.connections.len();
        let start = rng.below(brokers as u64) as usize;
        let reachable = |broker: usize| self.connections[broker].back(now) == Time::NEVER;
        let known = (0..brokers).any(|broker| self.alive[broker] && reachable(broker));
        (0..brokers)
            .map(|step| (start + step) % brokers)
            .filter(|&broker| self.alive[broker] || !known)
            .filter(|&broker| self.connections[broker].can_send(now))
            .min_by_key(|&broker| self.connections[broker].in_flight())
    }

    fn call(&mut self, broker: usize, call: Call, request: Request, now: Time) {
        self.correlation += 1;
        let deadline = now + self.config.request_timeout;
        self.connections[broker].sent(self.correlation, deadline, call);
        self.out.push(Out::Ask(broker, self.correlation, request));
    }

    /// Sends to every ready broker as much as may be in flight. True when anything was sent.
    fn send_ready(&mut self, now: Time) -> bool {
        if self.identity.as_ref().is_some_and(|identity| identity.current().is_none()) {
            return false;
        }
        let urgent = self.door.urgent();
        let mut sent = false;
        for broker in 0..self.connections.len() {
            while self.accumulator.ready(broker, urgent) {
                self.connections[broker].ready_at = now;
                if !self.connections[broker].can_send(now) || !self.produce(broker, now) {
                    break;
                }
                self.connections[broker].drained_at = now;
                sent = true;
            }
        }
        sent
    }

    /// Sends one request with a batch of every partition of the broker that has one to send.
    fn produce(&mut self, broker: usize, now: Time) -> bool {
        let keys = self.spare.pop().unwrap_or_default();
        let mut load = Load { batches: Few::default(), keys, bytes: 0 };
        self.drain(broker, &mut load, now);
        if load.batches.is_empty() {
            self.spare.push(load.keys);
            return false;
        }
        let acks = self.config.acks;
        let produce = Produce { acks, timeout: self.config.request_timeout, batches: load.batches };
        let request = Request::Produce(Box::new(produce));
        if acks == Acks::None {
            self.correlation += 1;
            self.out.push(Out::Ask(broker, self.correlation, request));
            self.forget(load.keys, now);
        } else {
            self.call(broker, Call::Produce(load.keys), request, now);
        }
        true
    }

    /// Fills a request, beginning where the last one ended. `drainBatchesForOneNode`
    fn drain(&mut self, broker: usize, load: &mut Load, now: Time) {
        let start = self.connections[broker].drain_from;
        let (mut left, mut next) = (self.accumulator.loaded(broker), start);
        while left > 0 {
            let Some(place) = self.accumulator.next_loaded(broker, next) else {
                assert!(next > 0, "what is loaded is found from the first partition on");
                next = 0;
                continue;
            };
            if !self.drain_place(place, load, now) {
                self.connections[broker].drain_from = place.0;
                return;
            }
            (left, next) = (left - 1, place.0 + 1);
        }
    }

    /// Puts the partition's first batch into the request. False when the request is full.
    fn drain_place(&mut self, place: PlaceId, load: &mut Load, now: Time) -> bool {
        let slot = self.accumulator.first(place).expect("a loaded partition has a batch");
        let bytes = self.accumulator.batches[slot].bytes;
        if !load.batches.is_empty() && load.bytes.saturating_add(bytes) > self.config.max_request_size {
            return false;
        }
        if let Some(identity) = &self.identity
            && !identity.may_send(place, slot, &self.accumulator.batches)
        {
            return true;
        }
        load.bytes += bytes;
        self.take(place, load, now);
        true
    }

    fn take(&mut self, place: PlaceId, load: &mut Load, now: Time) {
        let slot = self.accumulator.pop(place, now);
        let (_, leader_epoch) = self.accumulator.leader(place);
        if self.config.max_in_flight == 1 && self.config.acks != Acks::None {
            self.accumulator.mute(place, true, now);
        }
        let batches = &mut self.accumulator.batches;
        batches[slot].sent_epoch = leader_epoch;
        if let Some(identity) = &mut self.identity {
            identity.stamp(place, slot, batches);
        }
        load.keys.push((place, batches.key(slot)));
        let pending = &mut batches[slot];
        load.batches.push(ProduceBatch { place, stamp: pending.stamp, batch: Arc::clone(pending.batch()) });
    }

    /// acks=0: what is sent is as good as accepted.
    fn forget(&mut self, mut keys: Vec<(PlaceId, BatchKey)>, now: Time) {
        for (place, key) in keys.drain(..) {
            let slot = self.accumulator.batches.find(key).expect("it was sent just now");
            let ids = self.accumulator.batches[slot].batch().span().into();
            self.call_back(&ids, true);
            self.out.push(Out::Fact(Life::Accepted { ids, place: Some(place), offset: None }.into()));
            self.accumulator.close(slot, now);
        }
        self.spare.push(keys);
    }
}
