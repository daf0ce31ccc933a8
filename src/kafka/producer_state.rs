//! What a partition remembers of the idempotent producers that write to it: enough to recognise a batch that
//! it has already, and to refuse one that comes out of order.
//!
//! **Invariant.** At most five batches a producer are kept, all of its current epoch; this is why an idempotent
//! producer has at most five requests in flight.
//!
//! **Not modelled:** transactions. Rows 4, 5, 10 to 14, 17 to 19, 22 and 24 of oracle sheet 03, and in 03b
//! testEndTxnWithFencedProducerEpoch, testZombieCoordinatorFenced and
//! testTransactionIsOngoingAndVerificationGuard, need markers. Row 20 needs a coordinator's sequence of -1:
//! here its batches carry no stamp. Row 23 needs files that can be damaged.
//!
//! Source: Kafka's `ProducerStateManager`, `ProducerStateEntry`, `ProducerAppendInfo`; KIP-98, KIP-360.

use std::collections::BTreeMap;

use crate::kernel::{Duration, Time};
use crate::trace::kafka::ErrorCode;
use crate::wire::kafka::{Producer, Stamp};

/// Sequence numbers run from 0 to 2^31 - 1 and wrap.
const SEQUENCES: u32 = 1 << 31;
/// `ProducerStateEntry.NUM_BATCHES_TO_RETAIN`
const BATCHES_KEPT: usize = 5;

/// The producers of one partition.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ProducerStates {
    entries: BTreeMap<u64, Entry>,
}

impl ProducerStates {
    /// A batch was appended at `offset`: by the leader after [`Self::validate`], by a follower without asking.
    /// `timestamp` is that of its latest record.
    pub fn update(&mut self, stamp: Stamp, records: u32, offset: u64, timestamp: Time) {
        let batch = Kept::new(stamp, records, offset);
        let Producer { id, epoch } = stamp.producer();
        match self.entries.get_mut(&id) {
            Some(entry) => entry.add(epoch, batch, timestamp),
            None => self.entries.entry(id).or_insert(Entry::new(epoch)).add(epoch, batch, timestamp),
        }
    }

    /// Forgets producers whose latest record is `expiration` old or older (`producer.id.expiration.ms`).
    pub fn expire(&mut self, now: Time, expiration: Duration) {
        self.entries.retain(|_, entry| now.since(entry.timestamp) < expiration);
    }

    /// What a leader says to a batch before it appends: nothing (append it), the offset at which it lies
    /// already, or an error. In the order in which Kafka decides.
    pub fn validate(&self, stamp: Stamp, records: u32) -> Result<Option<u64>, ErrorCode> {
        match self.duplicate_of(stamp, records) {
            Some(offset) => Ok(Some(offset)),
            None => self.check(stamp).map(|()| None),
        }
    }

    /// The offset of this very batch (epoch, first and last sequence number), if it is one of the last five.
    pub fn duplicate_of(&self, stamp: Stamp, records: u32) -> Option<u64> {
        let entry = self.entries.get(&stamp.producer().id)?;
        let same =
            |kept: &&Kept| kept.first == stamp.sequence() && kept.last == last_sequence(stamp, records);
        let known = entry.batches.iter().find(same).filter(|_| entry.epoch == stamp.producer().epoch);
        known.map(|kept| kept.offset)
    }

    /// Whether a batch that is no duplicate may be appended.
    ///
    /// # Errors
    /// `INVALID_PRODUCER_EPOCH` for an older epoch; `OUT_OF_ORDER_SEQUENCE_NUMBER` for a gap, or for a new epoch
    /// that does not begin at 0. A producer that is not known may begin anywhere.
    pub fn check(&self, stamp: Stamp) -> Result<(), ErrorCode> {
        let Some(entry) = self.entries.get(&stamp.producer().id) else { return Ok(()) };
        if stamp.producer().epoch < entry.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        let expected = if stamp.producer().epoch == entry.epoch { entry.next_sequence() } else { 0 };
        if stamp.sequence() == expected { Ok(()) } else { Err(ErrorCode::OutOfOrderSequenceNumber) }
    }

    /// What a snapshot file keeps of this: only the last batch of each producer.
    pub fn snapshot(&self) -> Self {
        let mut snapshot = self.clone();
        for entry in snapshot.entries.values_mut() {
            entry.batches.drain(..entry.batches.len() - 1);
        }
        snapshot
    }

    /// Epoch, first and last sequence number of a producer's latest batch, if the producer is known.
    pub fn latest(&self, producer: u64) -> Option<(u16, u32, u32)> {
        let entry = self.entries.get(&producer)?;
        entry.batches.last().map(|kept| (entry.epoch, kept.first, kept.last))
    }

    /// How many producers are known.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn last_sequence(stamp: Stamp, records: u32) -> u32 {
    (stamp.sequence() + (records - 1)) % SEQUENCES
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Kept {
    first: u32,
    last: u32,
    offset: u64,
}

impl Kept {
    fn new(stamp: Stamp, records: u32, offset: u64) -> Self {
        Self { first: stamp.sequence(), last: last_sequence(stamp, records), offset }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Entry {
    epoch: u16,
    /// Oldest first; never empty once added to.
    batches: Vec<Kept>,
    timestamp: Time,
}

impl Entry {
    fn new(epoch: u16) -> Self {
        Self { epoch, batches: Vec::with_capacity(BATCHES_KEPT), timestamp: Time::ZERO }
    }

    fn add(&mut self, epoch: u16, batch: Kept, timestamp: Time) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
        if self.batches.len() == BATCHES_KEPT {
            self.batches.remove(0);
        }
        self.batches.push(batch);
        self.timestamp = timestamp;
    }

    fn next_sequence(&self) -> u32 {
        let last = self.batches.last().expect("a known producer has a batch").last;
        (last + 1) % SEQUENCES
    }
}

/// Rows of oracle sheets 03 and 03b, by their names.
#[cfg(test)]
mod tests {
    use super::*;

    const LAST: u32 = SEQUENCES - 1;

    fn stamp(epoch: u16, sequence: u32) -> Stamp {
        Stamp::new(Producer { id: 1, epoch }, sequence)
    }

    /// A client's append of one record, behind the duplicate check.
    fn client(states: &mut ProducerStates, epoch: u16, sequence: u32) -> Result<(), ErrorCode> {
        states.check(stamp(epoch, sequence))?;
        states.update(stamp(epoch, sequence), 1, 0, Time::ZERO);
        Ok(())
    }

    fn replicated(states: &mut ProducerStates, epoch: u16, sequence: u32) {
        states.update(stamp(epoch, sequence), 1, 0, Time::ZERO);
    }

    #[test]
    fn test_basic_id_mapping() {
        let mut states = ProducerStates::default();
        assert_eq!(client(&mut states, 0, 0), Ok(()));
        assert_eq!(client(&mut states, 0, 1), Ok(()));
        assert_eq!(client(&mut states, 0, 1), Err(ErrorCode::OutOfOrderSequenceNumber));
        assert_eq!(client(&mut states, 0, 5), Err(ErrorCode::OutOfOrderSequenceNumber));
        assert_eq!(client(&mut states, 1, 0), Ok(()));
        assert_eq!(client(&mut states, 0, 0), Err(ErrorCode::InvalidProducerEpoch));
    }

    #[test]
    fn test_producer_sequence_wrap_around() {
        let mut states = ProducerStates::default();
        replicated(&mut states, 15, LAST);
        assert_eq!(client(&mut states, 15, 0), Ok(()));
        assert_eq!(states.latest(1), Some((15, 0, 0)));
    }

    #[test]
    fn test_producer_sequence_with_wrap_around_batch_record() {
        let mut states = ProducerStates::default();
        states.update(stamp(15, LAST - 10), 21, 2_000, Time::ZERO);
        assert_eq!(states.latest(1), Some((15, 2_147_483_637, 9)));
        assert_eq!(states.duplicate_of(stamp(15, LAST - 10), 21), Some(2_000));
        assert_eq!(client(&mut states, 15, 10), Ok(()));
    }

    #[test]
    fn test_producer_sequence_invalid_wrap_around() {
        let mut states = ProducerStates::default();
        replicated(&mut states, 15, LAST);
        assert_eq!(client(&mut states, 15, 1), Err(ErrorCode::OutOfOrderSequenceNumber));
    }

    #[test]
    fn test_no_validation_on_first_entry_when_loading_log() {
        let mut states = ProducerStates::default();
        states.update(stamp(5, 16), 1, 735, Time::ZERO);
        assert_eq!(states.latest(1), Some((5, 16, 16)));
    }

    #[test]
    fn test_accept_append_with_sequence_gaps_on_replica() {
        let mut states = ProducerStates::default();
        assert_eq!(client(&mut states, 0, 0), Ok(()));
        assert_eq!(client(&mut states, 0, 3), Err(ErrorCode::OutOfOrderSequenceNumber));
        replicated(&mut states, 0, 3);
        assert_eq!(states.latest(1), Some((0, 3, 3)));
    }

    #[test]
    fn test_pid_expiration_timeout() {
        let (mut states, day) = (ProducerStates::default(), Duration::from_secs(86_400));
        assert_eq!(client(&mut states, 5, 0), Ok(()));
        states.expire(Time::from_secs(86_399), day);
        assert_eq!(states.len(), 1);
        states.expire(Time::from_secs(86_400), day);
        assert!(states.is_empty());
        assert_eq!(client(&mut states, 5, 1), Ok(()));
        assert_eq!(states.latest(1), Some((5, 1, 1)));
    }

    #[test]
    fn test_allow_non_zero_sequence_on_first_append_non_zero_epoch() {
        assert_eq!(client(&mut ProducerStates::default(), 1, 3), Ok(()));
    }

    #[test]
    fn test_old_producer_epoch() {
        let mut states = ProducerStates::default();
        assert_eq!(client(&mut states, 1, 0), Ok(()));
        assert_eq!(client(&mut states, 0, 0), Err(ErrorCode::InvalidProducerEpoch));
    }

    #[test]
    fn a_new_epoch_begins_at_zero_and_forgets_the_batches_of_the_old_one() {
        let mut states = ProducerStates::default();
        assert_eq!(client(&mut states, 0, 0), Ok(()));
        assert_eq!(client(&mut states, 1, 1), Err(ErrorCode::OutOfOrderSequenceNumber));
        assert_eq!(client(&mut states, 1, 0), Ok(()));
        assert_eq!(states.duplicate_of(stamp(0, 0), 1), None);
    }

    #[test]
    fn test_duplicate_appends() {
        let mut states = ProducerStates::default();
        let mut append = |sequence: u32, records: u32| {
            let known = states.validate(stamp(0, sequence), records)?;
            if known.is_none() {
                states.update(stamp(0, sequence), records, u64::from(sequence), Time::ZERO);
            }
            Ok(known)
        };
        (0..6).for_each(|sequence| assert_eq!(append(sequence, 1), Ok(None)));
        assert_eq!(append(6, 3), Ok(None));
        assert_eq!(append(6, 3), Ok(Some(6)), "the same batch");
        assert_eq!(append(7, 2), Err(ErrorCode::OutOfOrderSequenceNumber), "a part of it");
        assert_eq!(append(2, 1), Ok(Some(2)), "the fifth from the tail");
        assert_eq!(append(1, 1), Err(ErrorCode::OutOfOrderSequenceNumber), "older than the cache");
        assert_eq!(append(9, 1), Ok(None));
        assert_eq!(append(9, 1), Ok(Some(9)));
    }

    #[test]
    fn test_recover_from_snapshot_keeps_only_the_last_batch() {
        let mut states = ProducerStates::default();
        assert_eq!((client(&mut states, 0, 0), client(&mut states, 0, 1)), (Ok(()), Ok(())));
        let mut reloaded = states.snapshot();
        assert_eq!(reloaded.latest(1), Some((0, 1, 1)));
        assert_eq!(reloaded.duplicate_of(stamp(0, 0), 1), None);
        assert!(states.duplicate_of(stamp(0, 0), 1).is_some());
        assert_eq!(client(&mut reloaded, 0, 2), Ok(()));
    }
}
