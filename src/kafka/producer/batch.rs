//! Batches on their way from the first record to the outcome: a slab, in order of creation.
//!
//! **Invariant.** The list from the oldest batch on is sorted by creation, so the next `delivery.timeout.ms`
//! to run out is always that of the first.

use std::sync::Arc;

use super::size::{self, BATCH_HEADER};
use crate::kernel::Time;
use crate::trace::{Batch, Body, PlaceId, Record};
use crate::wire::kafka::Stamp;

/// No slot.
const NONE: u32 = u32::MAX;

/// Names a batch for as long as it lives, and nobody afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchKey {
    slot: u32,
    serial: u64,
}

/// Where a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// In its partition's queue, taking records.
    Filling,
    /// In its partition's queue, complete.
    Sealed,
    /// In a request.
    InFlight,
}

/// A batch without an outcome yet.
#[derive(Clone, Debug)]
pub struct Pending {
    serial: u64,
    /// The serial of the batch that its records were appended to.
    age: u64,
    older: u32,
    newer: u32,
    /// Where to.
    pub place: PlaceId,
    /// When its first record was appended; `delivery.timeout.ms` runs from here.
    pub created: Time,
    /// Where it is.
    pub stage: Stage,
    /// Bytes so far, header included.
    pub bytes: u32,
    /// Full when it has this many bytes.
    limit: u32,
    /// Bytes of `buffer.memory` that it holds.
    pub reserved: u32,
    base_ms: u64,
    /// Kept with its room when the slot is used again.
    records: Vec<Record>,
    bodies: Vec<Body>,
    batch: Option<Arc<Batch>>,
    /// How often it was put back into the queue.
    pub attempts: u32,
    /// Not to be sent again before this.
    pub retry_at: Time,
    /// The leader epoch that was known when it was last sent.
    pub sent_epoch: u32,
    /// An attempt ended without a word on whether it is in the log.
    pub doubt: bool,
    /// Part of a batch that was too large.
    pub split: bool,
    /// Identity and sequence number, from the first send on.
    pub stamp: Option<Stamp>,
    /// The sequence number was changed since the last send.
    pub renumbered: bool,
}

impl Pending {
    /// How many records.
    pub fn len(&self) -> u32 {
        self.batch.as_ref().map_or(self.records.len() as u32, |batch| batch.len())
    }

    /// Takes no more records (`isFull`).
    #[inline]
    pub fn full(&self) -> bool {
        self.stage != Stage::Filling || self.bytes >= self.limit
    }

    /// Whether the record fits (`hasRoomFor`); a batch without records takes any.
    #[inline]
    fn fits(&self, bytes: u32) -> bool {
        let empty = self.records.is_empty();
        self.stage == Stage::Filling && (empty || !self.full() && self.bytes + bytes <= self.limit)
    }

    /// Appends the record when there is room for it, and returns by how much the batch grew.
    #[inline]
    pub fn push(&mut self, record: Record, body: &mut Option<Arc<Body>>) -> Option<u32> {
        let bytes = size::record_bytes(&record, self.records.len() as u32, self.base_ms);
        if !self.fits(bytes) {
            return None;
        }
        if body.is_some() || !self.bodies.is_empty() {
            self.bodies.resize(self.records.len(), Body::default());
            self.bodies.push(body.take().map(Arc::unwrap_or_clone).unwrap_or_default());
        }
        self.records.push(record);
        self.bytes += bytes;
        Some(bytes)
    }

    /// Takes no more records.
    pub fn seal(&mut self) {
        if self.stage == Stage::Filling {
            self.stage = Stage::Sealed;
        }
    }

    /// The records, for good. Seals it.
    pub fn batch(&mut self) -> &Arc<Batch> {
        self.seal();
        self.batch.get_or_insert_with(|| {
            // Draining leaves the room behind and makes a vector of just the right size.
            Batch::of(self.records.drain(..).collect(), self.bodies.drain(..).collect(), self.bytes)
        })
    }

    /// When the record format's timestamps count from.
    fn begin(&mut self, record: &Record) {
        self.base_ms = record.created.as_millis();
    }
}

/// All batches without an outcome.
#[derive(Clone, Debug)]
pub struct Batches {
    slots: Vec<Pending>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
    serial: u64,
}

impl Default for Batches {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), oldest: NONE, newest: NONE, serial: 0 }
    }
}

impl Batches {
    /// A new batch that begins with `record`, full at `limit` bytes.
    pub fn open(&mut self, place: PlaceId, now: Time, limit: u32, reserved: u32, record: &Record) -> u32 {
        let slot = self.slot(place, now, limit, reserved);
        self.slots[slot as usize].begin(record);
        self.link(slot, self.newest);
        slot
    }

    /// A part of the batch in slot `whole`, with its age, right before it in the list.
    pub fn part(&mut self, whole: u32, records: Vec<Record>, bodies: Vec<Body>) -> u32 {
        let Pending { place, created, older, doubt, age, .. } = self[whole];
        let slot = self.slot(place, created, 0, 0);
        let base_ms = records[0].created.as_millis();
        let bytes = records.iter().zip(0..).map(|(record, i)| size::record_bytes(record, i, base_ms));
        let bytes = BATCH_HEADER + bytes.sum::<u32>();
        let part = &mut self.slots[slot as usize];
        (part.bytes, part.stage, part.split) = (bytes, Stage::Sealed, true);
        (part.doubt, part.age) = (doubt, age);
        part.batch = Some(Batch::new(records, bodies, bytes));
        self.link(slot, older);
        slot
    }

    /// Forgets a batch: it has its outcome.
    pub fn close(&mut self, slot: u32) {
        let pending = &mut self.slots[slot as usize];
        assert!(pending.serial != 0, "a batch is closed once");
        let (older, newer) = (pending.older, pending.newer);
        pending.serial = 0;
        pending.batch = None;
        pending.records.clear();
        pending.bodies.clear();
        match older {
            NONE => self.oldest = newer,
            older => self.slots[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.slots[newer as usize].older = older,
        }
        self.free.push(slot);
    }

    /// The number that the next batch gets: those before it are older.
    pub fn next_serial(&self) -> u64 {
        self.serial + 1
    }

    /// The name of the batch in this slot.
    pub fn key(&self, slot: u32) -> BatchKey {
        BatchKey { slot, serial: self[slot].serial }
    }

    /// The slot of a batch, when it lives.
    #[inline]
    pub fn find(&self, key: BatchKey) -> Option<u32> {
        (self.slots[key.slot as usize].serial == key.serial).then_some(key.slot)
    }

    /// The oldest batch.
    #[inline]
    pub fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// The batch that was created next.
    pub fn newer(&self, slot: u32) -> Option<u32> {
        let newer = self[slot].newer;
        (newer != NONE).then_some(newer)
    }

    /// The number of the oldest batch, as [`Batches::next_serial`] gave it; parts have that of the whole.
    pub fn oldest_age(&self) -> Option<u64> {
        self.oldest().map(|slot| self[slot].age)
    }

    fn slot(&mut self, place: PlaceId, created: Time, limit: u32, reserved: u32) -> u32 {
        self.serial += 1;
        let fresh = |serial, records, bodies| Pending {
            serial,
            age: serial,
            older: NONE,
            newer: NONE,
            place,
            created,
            stage: Stage::Filling,
            bytes: BATCH_HEADER,
            limit,
            reserved,
            base_ms: 0,
            records,
            bodies,
            batch: None,
            attempts: 0,
            retry_at: Time::ZERO,
            sent_epoch: 0,
            doubt: false,
            split: false,
            stamp: None,
            renumbered: false,
        };
        match self.free.pop() {
            Some(slot) => {
                let old = &mut self.slots[slot as usize];
                let (records, bodies) = (std::mem::take(&mut old.records), std::mem::take(&mut old.bodies));
                *old = fresh(self.serial, records, bodies);
                slot
            }
            None => {
                self.slots.push(fresh(self.serial, Vec::new(), Vec::new()));
                self.slots.len() as u32 - 1
            }
        }
    }

    /// Puts a slot into the list, right behind `older`.
    fn link(&mut self, slot: u32, older: u32) {
        let newer = match older {
            NONE => std::mem::replace(&mut self.oldest, slot),
            older => std::mem::replace(&mut self.slots[older as usize].newer, slot),
        };
        match newer {
            NONE => self.newest = slot,
            newer => self.slots[newer as usize].older = slot,
        }
        let pending = &mut self.slots[slot as usize];
        (pending.older, pending.newer) = (older, newer);
        assert!(
            older == NONE || self.slots[older as usize].created <= self.slots[slot as usize].created,
            "the list is in order of creation"
        );
    }
}

impl std::ops::Index<u32> for Batches {
    type Output = Pending;
    #[inline]
    fn index(&self, slot: u32) -> &Pending {
        &self.slots[slot as usize]
    }
}

impl std::ops::IndexMut<u32> for Batches {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut Pending {
        &mut self.slots[slot as usize]
    }
}
