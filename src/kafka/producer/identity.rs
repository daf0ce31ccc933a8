//! Idempotence: who the producer is, and the sequence number of every batch (KIP-98, KIP-360).
//!
//! Follows the idempotent part of Kafka's `TransactionManager`: sequences count records by partition; a
//! batch keeps its sequence through retries; retries of a partition go one at a time, in sequence order;
//! when it is known that a sequence will never be filled, the epoch grows and the partition's batches in
//! flight are numbered again from 0.
//!
//! **Not modelled:** transactions.

use super::batch::Batches;
use crate::trace::PlaceId;
use crate::wire::kafka::{Producer, Stamp};

/// Sequence numbers wrap after `i32::MAX`.
const SEQUENCES: u32 = 1 << 31;
/// The last epoch of a producer id.
const LAST_EPOCH: u16 = i16::MAX as u16;

/// A sequence number `by` records later.
pub fn advance(sequence: u32, by: u32) -> u32 {
    (sequence + by) % SEQUENCES
}

/// The producer's identity and its sequences.
#[derive(Clone, Debug)]
pub struct Identity {
    current: Option<Producer>,
    places: Vec<Sequences>,
    /// Partitions with a sequence that may never be filled (`partitionsWithUnresolvedSequences`).
    unresolved: Vec<PlaceId>,
    /// Partitions to number again with the next epoch (`partitionsToRewriteSequences`).
    rewrite: Vec<PlaceId>,
}

/// Sequences of one partition.
#[derive(Clone, Debug, Default)]
struct Sequences {
    /// The identity that they belong to.
    owner: Option<Producer>,
    next: u32,
    /// The last record's sequence of the last batch that was acknowledged.
    acked: Option<u32>,
    /// Batches with a sequence and without an outcome, in sequence order.
    in_flight: Vec<u32>,
    /// The sequence behind a batch that was given up after having been sent.
    gap_ends: Option<u32>,
}

impl Sequences {
    fn is_next(&self, sequence: u32) -> bool {
        self.acked.map_or(0, |acked| advance(acked, 1)) == sequence
    }

    fn restart(&mut self, owner: Producer, batches: &mut Batches) {
        let mut sequence = 0;
        for &slot in &self.in_flight {
            let pending = &mut batches[slot];
            pending.stamp = Some(Stamp::new(owner, sequence));
            pending.renumbered = true;
            sequence = advance(sequence, pending.len());
        }
        (self.owner, self.next, self.acked) = (Some(owner), sequence, None);
    }
}

impl Identity {
    /// Nobody yet.
    pub fn new(places: usize) -> Self {
        Self {
            current: None,
            places: vec![Sequences::default(); places],
            unresolved: Vec::new(),
            rewrite: Vec::new(),
        }
    }

    /// The answer to InitProducerId.
    pub fn assign(&mut self, producer: Producer, batches: &mut Batches) {
        self.current = Some(producer);
        self.renumber(producer, batches);
    }

    /// Whether the partition's first batch may be sent now. `shouldStopDrainBatchesForPartition`
    pub fn may_send(&self, place: PlaceId, slot: u32, batches: &Batches) -> bool {
        let Some(current) = self.current else { return false };
        let sequences = &self.places[place.index()];
        let Some(&next_in_line) = sequences.in_flight.first() else {
            return sequences.gap_ends.is_none();
        };
        if batches[slot].stamp.is_some() {
            return next_in_line == slot;
        }
        sequences.owner == Some(current) && sequences.gap_ends.is_none()
    }

    /// Gives a batch that is sent for the first time its sequence.
    pub fn stamp(&mut self, place: PlaceId, slot: u32, batches: &mut Batches) {
        let current = self.current.expect("nothing is sent without an identity");
        let sequences = &mut self.places[place.index()];
        if batches[slot].stamp.is_none() {
            if sequences.owner != Some(current) {
                assert!(sequences.in_flight.is_empty(), "an old identity's batches come first");
                sequences.restart(current, batches);
            }
            batches[slot].stamp = Some(Stamp::new(current, sequences.next));
            sequences.next = advance(sequences.next, batches[slot].len());
            sequences.in_flight.push(slot);
        }
        batches[slot].renumbered = false;
    }

    /// How many of the batches that wait come before this one in sequence. `insertInSequenceOrder`
    pub fn rank(&self, place: PlaceId, slot: u32, queue: impl Iterator<Item = u32>) -> usize {
        let line = &self.places[place.index()].in_flight;
        let position = |slot| line.iter().position(|&other| other == slot);
        let mine = position(slot).expect("a batch that comes back has a sequence");
        queue.take_while(|&other| position(other).is_some_and(|theirs| theirs < mine)).count()
    }

    /// The batch is in the log. `handleCompletedBatch`
    pub fn acknowledged(&mut self, slot: u32, batches: &Batches) {
        let pending = &batches[slot];
        let stamp = pending.stamp.expect("an answered batch has a sequence");
        let last = advance(stamp.sequence(), pending.len() - 1);
        let sequences = &mut self.places[pending.place.index()];
        let ahead = |acked: u32| (last + SEQUENCES - acked) % SEQUENCES < SEQUENCES / 2;
        if sequences.acked.is_none_or(ahead) {
            sequences.acked = Some(last);
        }
        sequences.in_flight.retain(|&other| other != slot);
    }

    /// The batch was given up. `handleFailedBatch`: a broker's last word (`answered`) leaves a gap that only
    /// a new epoch closes; a batch that was tried before and ran out of time leaves a gap that may yet turn
    /// out to be filled.
    pub fn given_up(&mut self, slot: u32, answered: bool, expired: bool, batches: &Batches) {
        let pending = &batches[slot];
        let Some(stamp) = pending.stamp else { return };
        self.places[pending.place.index()].in_flight.retain(|&other| other != slot);
        if answered {
            self.request_bump(pending.place);
        }
        if expired && pending.attempts > 0 {
            let end = advance(stamp.sequence(), pending.len());
            let gap = &mut self.places[pending.place.index()].gap_ends;
            *gap = Some(gap.map_or(end, |other| other.max(end)));
            if !self.unresolved.contains(&pending.place) {
                self.unresolved.push(pending.place);
            }
        }
    }

    /// A batch was cut into these parts, in order: they share out its sequence.
    pub fn split(&mut self, whole: u32, parts: &[u32], batches: &mut Batches) {
        let Some(mut stamp) = batches[whole].stamp else { return };
        let line = &mut self.places[batches[whole].place.index()].in_flight;
        let position = line.iter().position(|&other| other == whole).expect("it is in flight");
        line.splice(position..=position, parts.iter().copied());
        for &part in parts {
            batches[part].stamp = Some(stamp);
            stamp = Stamp::new(stamp.producer(), advance(stamp.sequence(), batches[part].len()));
        }
    }

    /// What OUT_OF_ORDER_SEQUENCE_NUMBER says of this batch; it is always sent again. When it was the next
    /// one in line, there is a gap, and the epoch has to grow. `canRetry`
    pub fn out_of_order(&mut self, slot: u32, batches: &Batches) {
        let pending = &batches[slot];
        let sequence = pending.stamp.expect("sequences are stamped").sequence();
        let sequences = &self.places[pending.place.index()];
        let gap = match sequences.gap_ends {
            None => !pending.renumbered && sequences.is_next(sequence),
            Some(end) => end == sequence,
        };
        if gap {
            self.request_bump(pending.place);
        }
    }

    /// What UNKNOWN_PRODUCER_ID says of this batch; it is always sent again.
    pub fn forgotten(&mut self, slot: u32, batches: &Batches) {
        if !batches[slot].renumbered {
            self.request_bump(batches[slot].place);
        }
    }

    fn request_bump(&mut self, place: PlaceId) {
        if !self.rewrite.contains(&place) {
            self.rewrite.push(place);
        }
    }

    /// Between inputs: gaps that are filled are forgotten, others make the epoch grow. Returns the new
    /// epoch. After the last epoch of an id, a new id is needed: [`Identity::current`] is `None` then.
    pub fn settle(&mut self, batches: &mut Batches) -> Option<u16> {
        for place in std::mem::take(&mut self.unresolved) {
            let sequences = &mut self.places[place.index()];
            if sequences.gap_ends.is_none() {
                continue;
            }
            if !sequences.in_flight.is_empty() {
                self.unresolved.push(place);
                continue;
            }
            sequences.gap_ends = None;
            if !sequences.is_next(sequences.next) {
                self.request_bump(place);
            }
        }
        let current = self.current?;
        if self.rewrite.is_empty() {
            return None;
        }
        if current.epoch >= LAST_EPOCH {
            self.current = None;
            return None;
        }
        let next = Producer { epoch: current.epoch + 1, ..current };
        self.assign(next, batches);
        Some(next.epoch)
    }

    fn renumber(&mut self, owner: Producer, batches: &mut Batches) {
        for place in std::mem::take(&mut self.rewrite) {
            let sequences = &mut self.places[place.index()];
            sequences.restart(owner, batches);
            sequences.gap_ends = None;
        }
    }

    /// Who the producer is.
    pub fn current(&self) -> Option<Producer> {
        self.current
    }
}
