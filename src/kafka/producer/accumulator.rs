//! Records that wait to be sent: a queue of batches for each partition, and the memory that they share.
//!
//! **Invariant.** Nothing here looks at all partitions: which of them have something to send is kept in two
//! sets a broker, changed when a queue changes; times to come are in queues by deadline.
//!
//! - *loaded*: has a batch that may be sent: not muted, its first batch not backing off.
//! - *ripe*: loaded, and worth a request of its own: full, or `linger.ms` over, or tried before.
//!
//! As in Kafka's `RecordAccumulator`, one ripe partition makes its broker ready, and a request to a ready
//! broker takes a batch of every loaded partition there.
//!
//! **Not modelled:** compression.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use super::batch::{BatchKey, Batches, Pending, Stage};
use super::size;
use crate::kafka::bits::Bits;
use crate::kernel::{Duration, Time};
use crate::trace::{Body, PlaceId, Record};

/// No room in `buffer.memory` for another batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

/// What appending a record did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Bytes that the partition's batches grew by.
    pub bytes: u32,
    /// The partition became ripe.
    pub ripens: bool,
    /// In a new batch: there is a new linger time, and perhaps a new partition without a leader.
    pub opens: bool,
}

/// Waiting batches by partition.
#[derive(Clone, Debug)]
pub struct Accumulator {
    /// Every batch without an outcome, here or in flight.
    pub batches: Batches,
    queues: Vec<Queue>,
    /// By broker; the last is for partitions whose leader is not known.
    loaded: Vec<Bits>,
    ripe: Vec<Bits>,
    /// In order of deadline, because every batch lingers equally long.
    lingers: VecDeque<(Time, BatchKey)>,
    backoffs: BinaryHeap<Reverse<(Time, u32)>>,
    free_bytes: u64,
    batch_size: u32,
    linger: Duration,
}

#[derive(Clone, Debug)]
struct Queue {
    batches: VecDeque<u32>,
    /// Index of the broker that leads it.
    broker: u32,
    leader_epoch: u32,
    muted: bool,
}

impl Accumulator {
    /// Empty, for so many partitions and brokers, with all of `buffer_memory` free.
    pub fn new(places: usize, brokers: usize, batch_size: u32, linger: Duration, buffer_memory: u64) -> Self {
        let nobody = brokers as u32;
        let queue = Queue { batches: VecDeque::new(), broker: nobody, leader_epoch: 0, muted: false };
        Self {
            batches: Batches::default(),
            queues: vec![queue; places],
            loaded: vec![Bits::new(places); brokers + 1],
            ripe: vec![Bits::new(places); brokers + 1],
            lingers: VecDeque::new(),
            backoffs: BinaryHeap::new(),
            free_bytes: buffer_memory,
            batch_size,
            linger,
        }
    }

    /// Appends a record to the partition's last batch, or to a new one. Takes `body` only when it does.
    #[inline]
    pub fn append(
        &mut self,
        place: PlaceId,
        record: Record,
        body: &mut Option<Arc<Body>>,
        now: Time,
    ) -> Result<Appended, Exhausted> {
        let last = self.queues[place.index()].batches.back().copied();
        if let Some(slot) = last {
            let pending = &mut self.batches[slot];
            // Kafka says that 0 disables batching; a batch of one is then never joined.
            if self.batch_size > 0
                && let Some(bytes) = pending.push(record, body)
            {
                let ripens = pending.full() && self.refresh(place, now);
                return Ok(Appended { bytes, ripens, opens: false });
            }
        }
        self.append_new(place, record, body, now)
    }

    fn append_new(
        &mut self,
        place: PlaceId,
        record: Record,
        body: &mut Option<Arc<Body>>,
        now: Time,
    ) -> Result<Appended, Exhausted> {
        let limit = self.batch_size.max(size::upper_bound(&record));
        if let Some(&slot) = self.queues[place.index()].batches.back() {
            self.batches[slot].seal();
        }
        if u64::from(limit) > self.free_bytes {
            self.refresh(place, now);
            return Err(Exhausted);
        }
        self.free_bytes -= u64::from(limit);
        let slot = self.batches.open(place, now, limit, limit, &record);
        self.batches[slot].push(record, body).expect("an empty batch takes any record");
        self.queues[place.index()].batches.push_back(slot);
        if !self.linger.is_zero() {
            self.lingers.push_back((now + self.linger, self.batches.key(slot)));
        }
        let ripens = self.refresh(place, now);
        Ok(Appended { bytes: self.batches[slot].bytes, ripens, opens: true })
    }

    /// Takes the partition's first batch out, to be sent now.
    pub fn pop(&mut self, place: PlaceId, now: Time) -> u32 {
        let slot = self.queues[place.index()].batches.pop_front().expect("a loaded partition has a batch");
        self.batches[slot].stage = Stage::InFlight;
        self.refresh(place, now);
        slot
    }

    /// Puts a batch back at position `index` of its queue.
    pub fn put_back(&mut self, slot: u32, index: usize, now: Time) {
        let Pending { place, retry_at, .. } = self.batches[slot];
        self.batches[slot].stage = Stage::Sealed;
        self.queues[place.index()].batches.insert(index, slot);
        if retry_at > now {
            self.backoffs.push(Reverse((retry_at, place.0)));
        }
        self.refresh(place, now);
    }

    /// Forgets a batch that has its outcome, and frees its memory.
    pub fn close(&mut self, slot: u32, now: Time) {
        let Pending { place, reserved, stage, .. } = self.batches[slot];
        if stage != Stage::InFlight {
            let queue = &mut self.queues[place.index()].batches;
            let index = queue.iter().position(|&other| other == slot);
            queue.remove(index.expect("a batch that is not in flight is in its queue"));
        }
        self.free_bytes += u64::from(reserved);
        self.batches.close(slot);
        self.refresh(place, now);
    }

    /// Cuts a batch that is in flight into parts of at most `target` bytes (a record more is a part of its
    /// own), which hold no memory. Returns them in order; closing the batch is up to the caller.
    pub fn split(&mut self, slot: u32, target: u32) -> Vec<u32> {
        let batch = Arc::clone(self.batches[slot].batch());
        let (mut parts, mut from, mut bytes) = (Vec::new(), 0, size::BATCH_HEADER);
        for (index, record) in batch.records().iter().enumerate() {
            let base_ms = batch.records()[from].created.as_millis();
            let more = size::record_bytes(record, (index - from) as u32, base_ms);
            if index > from && bytes + more > target {
                parts.push(from..index);
                (from, bytes) = (index, size::BATCH_HEADER);
            }
            bytes += more;
        }
        parts.push(from..batch.records().len());
        let bodies = |i: usize| if batch.has_bodies() { batch.body(i as u32).cloned() } else { None };
        parts
            .into_iter()
            .map(|range| {
                let bodies = range.clone().filter_map(bodies).collect();
                self.batches.part(slot, batch.records()[range].to_vec(), bodies)
            })
            .collect()
    }

    /// No batch of this partition is sent until it is unmuted.
    pub fn mute(&mut self, place: PlaceId, muted: bool, now: Time) {
        self.queues[place.index()].muted = muted;
        self.refresh(place, now);
    }

    /// A partition's leader is this broker (by index; the number of brokers means nobody) in this epoch.
    pub fn set_leader(&mut self, place: PlaceId, broker: u32, leader_epoch: u32, now: Time) {
        let queue = &mut self.queues[place.index()];
        let old = std::mem::replace(&mut queue.broker, broker) as usize;
        queue.leader_epoch = leader_epoch;
        self.loaded[old].put(place.0, false);
        self.ripe[old].put(place.0, false);
        self.refresh(place, now);
    }

    /// Linger times and backoffs that have run out make their partitions ripe.
    pub fn pass(&mut self, now: Time) {
        while let Some(&(at, key)) = self.lingers.front() {
            match self.batches.find(key) {
                Some(slot) if at <= now => {
                    self.refresh(self.batches[slot].place, now);
                }
                Some(slot) if self.batches[slot].stage != Stage::InFlight => return self.pass_backoffs(now),
                Some(_) | None => {}
            }
            self.lingers.pop_front();
        }
        self.pass_backoffs(now);
    }

    fn pass_backoffs(&mut self, now: Time) {
        while let Some(&Reverse((at, place))) = self.backoffs.peek()
            && at <= now
        {
            self.backoffs.pop();
            self.refresh(PlaceId(place), now);
        }
    }

    /// When the next linger time or backoff runs out.
    pub fn next_pass(&self) -> Time {
        let linger = self.lingers.front().map_or(Time::NEVER, |(at, _)| *at);
        linger.min(self.backoffs.peek().map_or(Time::NEVER, |Reverse((at, _))| *at))
    }

    /// Looks at a partition's queue again. True when it became ripe.
    fn refresh(&mut self, place: PlaceId, now: Time) -> bool {
        let queue = &self.queues[place.index()];
        let (mut loaded, mut ripe) = (false, false);
        if let Some(&slot) = queue.batches.front() {
            let first = &self.batches[slot];
            // A new leader is tried at once (KIP-951, `hasLeaderChangedForTheOngoingRetry`).
            let backs_off = first.retry_at > now && first.sent_epoch >= queue.leader_epoch;
            loaded = !queue.muted && !backs_off;
            let waited = now.since(first.created) >= self.linger;
            ripe = loaded && (queue.batches.len() > 1 || first.full() || waited);
        }
        let broker = queue.broker as usize;
        self.loaded[broker].put(place.0, loaded);
        self.ripe[broker].put(place.0, ripe) && ripe
    }

    /// Whether a request to this broker would have something to carry. `urgent` lets nothing linger: a
    /// flush, a close, or somebody who waits for memory.
    #[inline]
    pub fn ready(&self, broker: usize, urgent: bool) -> bool {
        self.ripe[broker].any() || urgent && self.loaded[broker].any()
    }

    /// Whether anything at all may be sent to this broker.
    pub fn has_load(&self, broker: usize) -> bool {
        self.loaded[broker].any()
    }

    /// How many partitions of this broker are loaded.
    pub fn loaded(&self, broker: usize) -> u32 {
        self.loaded[broker].len()
    }

    /// The loaded partition of this broker that is not below `from`.
    pub fn next_loaded(&self, broker: usize, from: u32) -> Option<PlaceId> {
        self.loaded[broker].next(from).map(PlaceId)
    }

    /// The partition's first batch.
    pub fn first(&self, place: PlaceId) -> Option<u32> {
        self.queues[place.index()].batches.front().copied()
    }

    /// The batches of a partition that wait, the next one first.
    pub fn queue(&self, place: PlaceId) -> impl Iterator<Item = u32> + '_ {
        self.queues[place.index()].batches.iter().copied()
    }

    /// How many batches of a partition wait.
    #[inline]
    pub fn queued(&self, place: PlaceId) -> u32 {
        self.queues[place.index()].batches.len() as u32
    }

    /// Whether the partition's last batch takes no more records, or there is none (`allBatchesFull`).
    #[inline]
    pub fn all_full(&self, place: PlaceId) -> bool {
        self.queues[place.index()].batches.back().is_none_or(|&slot| self.batches[slot].full())
    }

    /// The broker that leads the partition (by index; the number of brokers means nobody), and its epoch.
    pub fn leader(&self, place: PlaceId) -> (u32, u32) {
        let queue = &self.queues[place.index()];
        (queue.broker, queue.leader_epoch)
    }

    /// How many partitions there are.
    pub fn places(&self) -> u32 {
        self.queues.len() as u32
    }

    /// Bytes of `buffer.memory` that are free.
    #[cfg(test)]
    pub fn free_bytes(&self) -> u64 {
        self.free_bytes
    }
}
