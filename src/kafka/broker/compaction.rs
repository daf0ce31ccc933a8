//! What a replica of `__consumer_offsets` keeps of its old records: the newest of each key.
//!
//! Kafka's log cleaner works on each replica by itself, and so does this. Offsets stay; the log holds what lies below
//! without contents.
//!
//! **Invariant.** The newest records below [`Compacted::upto`], and the log from there on, say what the whole log said.
//!
//! A follower that has lost its disk copies what lies below too: the first records there carry the newest contents.
//!
//! **Not modelled:** when the cleaner runs (`min.cleanable.dirty.ratio`), and its cost.

use std::collections::BTreeMap;

use crate::kafka::coordinator::OffsetsRecord;
use crate::trace::{Batch, Body, GroupId, PlaceId};
use crate::wire::kafka::Chunk;

/// The newest record of each key of a log's beginning.
#[derive(Clone, Debug, Default)]
pub(super) struct Compacted {
    /// Where the rest of the log begins.
    upto: u64,
    /// Without a place: what is said of the group itself, before its offsets.
    newest: BTreeMap<(GroupId, Option<PlaceId>), OffsetsRecord>,
}

impl Compacted {
    /// Takes in the next records, up to the offset `upto`.
    pub(super) fn take_in(&mut self, records: impl IntoIterator<Item = OffsetsRecord>, upto: u64) {
        assert!(upto >= self.upto, "a log is compacted from its beginning on");
        self.upto = upto;
        for record in records {
            match record {
                OffsetsRecord::Group { group, .. } => {
                    self.newest.insert((group, None), record);
                }
                OffsetsRecord::Offset { group, place, .. } => {
                    self.newest.insert((group, Some(place)), record);
                }
                OffsetsRecord::GroupTombstone { group } => {
                    self.newest.remove(&(group, None));
                }
                OffsetsRecord::OffsetTombstone { group, place } => {
                    self.newest.remove(&(group, Some(place)));
                }
            }
        }
    }

    /// Where the rest of the log begins.
    pub(super) fn upto(&self) -> u64 {
        self.upto
    }

    /// Puts contents into batches that have none, for a follower that copies them: the record at each offset carries
    /// one of the newest, as long as there are any.
    pub(super) fn fill(&self, chunks: &mut [Chunk], encode: impl Fn(&OffsetsRecord) -> Body) {
        let newest: Vec<_> = self.records().collect();
        let empty = || Body { key: None, value: None };
        for chunk in chunks.iter_mut().filter(|chunk| !chunk.batch.has_bodies()) {
            let offsets = chunk.offset..chunk.end();
            let bodies = offsets.map(|offset| newest.get(offset as usize).map_or_else(empty, &encode));
            let records = chunk.batch.records().to_vec();
            chunk.batch = Batch::new(records, bodies.collect(), chunk.batch.bytes());
        }
    }

    /// The newest records.
    pub(super) fn records(&self) -> impl Iterator<Item = OffsetsRecord> + '_ {
        self.newest.values().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;

    fn offset(place: u32, offset: u64) -> OffsetsRecord {
        OffsetsRecord::Offset { group: GroupId(0), place: PlaceId(place), offset, at: Time::ZERO }
    }

    #[test]
    fn the_newest_record_of_each_key_is_kept_and_a_tombstone_ends_a_key() {
        let mut compacted = Compacted::default();
        compacted.take_in([offset(0, 5), offset(1, 6), offset(0, 7)], 3);
        let gone = OffsetsRecord::OffsetTombstone { group: GroupId(0), place: PlaceId(1) };
        compacted.take_in([offset(2, 1), gone], 5);
        assert_eq!(compacted.records().collect::<Vec<_>>(), [offset(0, 7), offset(2, 1)]);
        assert_eq!(compacted.upto(), 5);
    }
}
