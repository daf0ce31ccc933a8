//! Order: whether a group saw the records of one source and key in the order in which they were made.

use crate::trace::{GroupId, PlaceId};

/// Where order is promised: one key of a source; for records without a key, one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Key(i32),
    Place(PlaceId),
}

/// Whose order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    group: GroupId,
    source: u32,
    lane: Lane,
}

impl Key {
    /// A number that differs for most keys, in its upper half too.
    fn hash(self) -> u64 {
        let lane = match self.lane {
            Lane::Key(hash) => u64::from(hash as u32),
            Lane::Place(place) => u64::from(place.0) | 1 << 63,
        };
        let who = u64::from(self.group.0) << 32 | u64::from(self.source);
        let mixed = lane ^ who.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed.wrapping_mul(0xe703_7ed1_a0b4_28db).rotate_left(32)
    }
}

/// The number behind the youngest record processed in each lane: a table with open addressing, because with keys
/// every record is looked up. Nothing depends on its order.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// A power of two of them, at least a quarter free.
    slots: Vec<Option<(Key, u64)>>,
    used: usize,
}

impl Default for Order {
    fn default() -> Self {
        Self { slots: vec![None; 64], used: 0 }
    }
}

impl Order {
    /// Where to note what a group has processed in a lane.
    pub(super) fn youngest(
        &mut self,
        group: GroupId,
        place: PlaceId,
        key_hash: Option<i32>,
        source: u32,
    ) -> &mut u64 {
        let key = Key { group, source, lane: key_hash.map_or(Lane::Place(place), Lane::Key) };
        let mut at = self.find(key);
        if self.slots[at].is_none() {
            if self.used * 4 >= self.slots.len() * 3 {
                self.grow();
                at = self.find(key);
            }
            self.used += 1;
        }
        let (_, youngest) = self.slots[at].get_or_insert((key, 0));
        youngest
    }

    /// Begins anew in the lanes of a place.
    pub(super) fn forget(&mut self, place: PlaceId) {
        for (key, youngest) in self.slots.iter_mut().flatten() {
            if key.lane == Lane::Place(place) {
                *youngest = 0;
            }
        }
    }

    /// The slot of a key, or the free one where it belongs.
    fn find(&self, key: Key) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = key.hash() as usize & mask;
        while self.slots[at].is_some_and(|(other, _)| other != key) {
            at = (at + 1) & mask;
        }
        at
    }

    fn grow(&mut self) {
        let doubled = vec![None; self.slots.len() * 2];
        for (key, youngest) in std::mem::replace(&mut self.slots, doubled).into_iter().flatten() {
            let at = self.find(key);
            self.slots[at] = Some((key, youngest));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_lane_keeps_its_own_number_while_the_table_grows() {
        let mut order = Order::default();
        let mut expected = BTreeMap::new();
        for i in 0..3_000u32 {
            let (group, source, hash) = (i % 2, i % 7, (i % 1_000) as i32 * 64);
            let key = (i % 5 > 0).then_some(hash);
            let lane = (group, source, key.map_or((true, i % 12), |hash| (false, hash as u32)));
            *order.youngest(GroupId(group), PlaceId(i % 12), key, source) += u64::from(i);
            *expected.entry(lane).or_insert(0) += u64::from(i);
        }
        for ((group, source, (placed, number)), sum) in expected {
            let key = (!placed).then_some(number as i32);
            assert_eq!(*order.youngest(GroupId(group), PlaceId(number), key, source), sum);
        }
    }
}
