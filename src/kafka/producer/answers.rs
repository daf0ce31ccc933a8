//! Answers, broken connections, and what becomes of batches by them.
//!
//! **Invariant.** Every batch has one outcome: accepted, rejected (it is certainly not in the log), or unknown
//! (an attempt ended without a word, so it may be there). An answer that comes after the outcome changes
//! nothing but the connection.

use std::sync::Arc;

use super::batch::{BatchKey, Stage};
use super::client::{Client, Out};
use super::connection::Call;
use super::verdict::{Verdict, verdict};
use crate::kafka::config::Acks;
use crate::kernel::{Rng, Time};
use crate::trace::kafka::{BrokerId, ErrorCode, Kafka};
use crate::trace::{Life, PlaceId, Reason};
use crate::wire::kafka::{FromBroker, Image, Produced, Producer, Response};

impl Client {
    /// A broker answers.
    pub fn answer(&mut self, answer: FromBroker, now: Time, rng: &mut Rng) {
        let broker = self.index(answer.broker);
        if matches!(answer.response, Response::Refused) {
            return self.refused(broker, answer.correlation, now, rng);
        }
        let Some(call) = self.connections[broker].answered(answer.correlation) else { return };
        match (call, answer.response) {
            (Call::Produce(keys), Response::Produce(produced)) => self.produced(keys, &produced, now, rng),
            (Call::Metadata, Response::Metadata(image)) => self.learn(&image, now, rng),
            (Call::InitProducerId, Response::InitProducerId(result)) => self.identify(result, now, rng),
            (call, response) => panic!("{response:?} does not answer {call:?}"),
        }
    }

    /// There was no connection after all. Of what needs no acknowledgement nobody remembers that it was sent.
    fn refused(&mut self, broker: usize, correlation: u32, now: Time, rng: &mut Rng) {
        if self.config.acks == Acks::None || self.connections[broker].awaits(correlation) {
            self.lose(broker, now, rng);
        }
    }

    /// The connection with a broker is gone, and everything in flight on it.
    pub fn lose(&mut self, broker: usize, now: Time, rng: &mut Rng) {
        let calls = self.connections[broker].lost(now, rng);
        self.refresh.want();
        for (_, _, call) in calls {
            match call {
                Call::Produce(keys) => {
                    for &(place, key) in &keys {
                        self.complete(place, key, Err(ErrorCode::NetworkException), now, rng);
                    }
                    self.recycle(keys);
                }
                Call::Metadata => self.refresh.failed(now, rng),
                Call::InitProducerId => self.identity_due = now + self.retry_backoff.wait(0, rng),
            }
        }
    }

    fn index(&self, id: BrokerId) -> usize {
        self.brokers.iter().position(|&broker| broker == id).expect("every broker is known from the start")
    }

    fn recycle(&mut self, mut keys: Vec<(PlaceId, BatchKey)>) {
        keys.clear();
        self.spare.push(keys);
    }

    fn identify(&mut self, result: Result<Producer, ErrorCode>, now: Time, rng: &mut Rng) {
        match (result, &mut self.identity) {
            (Ok(producer), Some(identity)) => identity.assign(producer, &mut self.accumulator.batches),
            (Err(_), Some(_)) => self.identity_due = now + self.retry_backoff.wait(0, rng),
            (_, None) => unreachable!("only an idempotent producer asks for an identity"),
        }
    }

    /// Takes in metadata. What is known of a partition in a newer epoch stays.
    fn learn(&mut self, image: &Arc<Image>, now: Time, rng: &mut Rng) {
        for (broker, alive) in self.alive.iter_mut().enumerate() {
            *alive = image.alive.contains(&self.brokers[broker]);
        }
        let nobody = self.brokers.len() as u32;
        let mut news = !self.refresh.known();
        for place in (0..self.accumulator.places()).map(PlaceId) {
            let Some(partition) = image.partitions.get(place.index()) else { continue };
            let leader = partition.leader.map_or(nobody, |id| self.index(id) as u32);
            let known = self.accumulator.leader(place);
            if partition.leader_epoch >= known.1 && (leader, partition.leader_epoch) != known {
                self.accumulator.set_leader(place, leader, partition.leader_epoch, now);
                news = true;
            }
        }
        news |= self.topics.grow(image);
        if news {
            self.refresh_available();
        }
        self.refresh.answered(news, now, rng);
        self.out.push(Out::MetadataFresh);
    }

    fn refresh_available(&mut self) {
        let (accumulator, nobody) = (&self.accumulator, self.brokers.len() as u32);
        self.topics.set_available(|place| accumulator.leader(place).0 != nobody);
    }

    /// The broker that was asked knows a newer leader (KIP-951).
    fn hint(&mut self, place: PlaceId, leader: BrokerId, leader_epoch: u32, now: Time) {
        let (old, known_epoch) = self.accumulator.leader(place);
        if leader_epoch > known_epoch {
            self.accumulator.set_leader(place, self.index(leader) as u32, leader_epoch, now);
            if old == self.brokers.len() as u32 {
                self.refresh_available();
            }
        }
    }

    fn produced(&mut self, keys: Vec<(PlaceId, BatchKey)>, produced: &[Produced], now: Time, rng: &mut Rng) {
        assert_eq!(keys.len(), produced.len(), "an outcome for each batch");
        for (&(place, key), outcome) in keys.iter().zip(produced) {
            assert_eq!(place, outcome.place, "in the order of the request");
            self.complete(place, key, outcome.result, now, rng);
            if let (Err(_), Some((leader, leader_epoch))) = (outcome.result, outcome.leader) {
                self.hint(place, leader, leader_epoch, now);
            }
        }
        self.recycle(keys);
    }

    /// The end of an attempt. `completeBatch`
    fn complete(
        &mut self,
        place: PlaceId,
        key: BatchKey,
        result: Result<u64, ErrorCode>,
        now: Time,
        rng: &mut Rng,
    ) {
        if let Some(slot) = self.accumulator.batches.find(key) {
            match result {
                Ok(offset) => self.accept(slot, place, offset, now),
                Err(error) => self.attempt_failed(slot, error, now, rng),
            }
        }
        if let Err(error) = result
            && verdict(error).stale_metadata
        {
            self.refresh.want();
        }
        if self.config.max_in_flight == 1 {
            self.accumulator.mute(place, false, now);
        }
    }

    fn accept(&mut self, slot: u32, place: PlaceId, offset: u64, now: Time) {
        if let Some(identity) = &mut self.identity {
            identity.acknowledged(slot, &self.accumulator.batches);
        }
        let ids = self.accumulator.batches[slot].batch().span().into();
        self.call_back(&ids, true);
        self.out.push(Out::Fact(Life::Accepted { ids, place: Some(place), offset: Some(offset) }.into()));
        self.accumulator.close(slot, now);
    }

    fn attempt_failed(&mut self, slot: u32, error: ErrorCode, now: Time, rng: &mut Rng) {
        let verdict = verdict(error);
        self.accumulator.batches[slot].doubt |= verdict.doubt;
        if error == ErrorCode::MessageTooLarge && self.accumulator.batches[slot].len() > 1 {
            return self.split(slot, now);
        }
        let pending = &self.accumulator.batches[slot];
        let tries_left = pending.attempts < self.config.retries;
        let late = self.delivery_deadline(pending.created) <= now;
        if !late && tries_left && self.may_retry(slot, error, verdict) {
            return self.retry(slot, error, now, rng);
        }
        let why = if late { Reason::DeliveryTimeout } else { verdict.reason };
        self.give_up(slot, why, tries_left, false, now);
    }

    /// `TransactionManager.canRetry`
    fn may_retry(&mut self, slot: u32, error: ErrorCode, verdict: Verdict) -> bool {
        let Some(identity) = &mut self.identity else { return verdict.retriable };
        if error == ErrorCode::OutOfOrderSequenceNumber {
            identity.out_of_order(slot, &self.accumulator.batches);
            return true;
        }
        if error == ErrorCode::UnknownProducerId {
            identity.forgotten(slot, &self.accumulator.batches);
            return true;
        }
        verdict.retriable
    }

    /// Back into the queue: at its front, or in sequence order. `reenqueue`
    fn retry(&mut self, slot: u32, error: ErrorCode, now: Time, rng: &mut Rng) {
        let pending = &mut self.accumulator.batches[slot];
        pending.retry_at = now + self.retry_backoff.wait(pending.attempts, rng);
        pending.attempts += 1;
        let (place, attempt) = (pending.place, pending.attempts);
        let ids = pending.batch().span().into();
        self.out.push(Out::Fact(Kafka::Retried { ids, attempt, error }.into()));
        self.requeue(slot, place, now);
    }

    fn requeue(&mut self, slot: u32, place: PlaceId, now: Time) {
        let queue = self.accumulator.queue(place);
        let index = self.identity.as_ref().map_or(0, |identity| identity.rank(place, slot, queue));
        self.accumulator.put_back(slot, index, now);
    }

    /// The broker finds the batch too large: its parts are tried as if they were new. `splitAndReenqueue`
    fn split(&mut self, slot: u32, now: Time) {
        let pending = &self.accumulator.batches[slot];
        // Parts of parts are halves, so that it ends.
        let target = if pending.split { pending.bytes / 2 } else { self.config.batch_size };
        let place = pending.place;
        let parts = self.accumulator.split(slot, target);
        if let Some(identity) = &mut self.identity {
            identity.split(slot, &parts, &mut self.accumulator.batches);
        }
        for &part in parts.iter().rev() {
            self.requeue(part, place, now);
        }
        self.accumulator.close(slot, now);
    }

    /// `delivery.timeout.ms` is over, wherever the batch is.
    pub(super) fn expire_batch(&mut self, slot: u32, now: Time) {
        let pending = &mut self.accumulator.batches[slot];
        pending.doubt |= pending.stage == Stage::InFlight;
        self.give_up(slot, Reason::DeliveryTimeout, false, true, now);
    }

    fn give_up(&mut self, slot: u32, why: Reason, answered: bool, expired: bool, now: Time) {
        if let Some(identity) = &mut self.identity {
            identity.given_up(slot, answered, expired, &self.accumulator.batches);
        }
        let pending = &mut self.accumulator.batches[slot];
        let ids = pending.batch().span().into();
        self.door.failed(pending.len());
        let doubt = pending.doubt;
        self.call_back(&ids, false);
        let fact = if doubt { Life::Unknown { ids, why } } else { Life::Rejected { ids, why } };
        self.out.push(Out::Fact(fact.into()));
        self.accumulator.close(slot, now);
    }
}
