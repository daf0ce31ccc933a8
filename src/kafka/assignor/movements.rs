//! Which partitions moved from whom to whom while an assignment is being balanced.
//!
//! **Invariant.** Two members never swap partitions of one topic: before a second partition moves the
//! other way, the first one moves back.

use std::collections::{BTreeMap, BTreeSet};

/// The movements so far, each from the first owner to the latest.
#[derive(Default)]
pub(super) struct Movements {
    by_partition: BTreeMap<usize, Movement>,
    by_movement: BTreeMap<(usize, Movement), BTreeSet<usize>>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Movement {
    from: usize,
    to: usize,
}

impl Movements {
    /// Notes that the partition of `topic` moves on.
    pub fn record(&mut self, topic: usize, partition: usize, from: usize, to: usize) {
        let first = self.forget(topic, partition).map_or(from, |earlier| {
            assert_eq!(earlier.to, from, "a partition moves on from where it went");
            earlier.from
        });
        if first != to {
            let movement = Movement { from: first, to };
            self.by_partition.insert(partition, movement);
            self.by_movement.entry((topic, movement)).or_default().insert(partition);
        }
    }

    /// The partition of `topic` to move instead of `partition`: one that came the other way, if any did.
    pub fn better_choice(&self, topic: usize, partition: usize, from: usize, to: usize) -> usize {
        let first = self.by_partition.get(&partition).map_or(from, |earlier| earlier.from);
        let reverse = Movement { from: to, to: first };
        let came = self.by_movement.get(&(topic, reverse));
        came.and_then(BTreeSet::first).copied().unwrap_or(partition)
    }

    fn forget(&mut self, topic: usize, partition: usize) -> Option<Movement> {
        let movement = self.by_partition.remove(&partition)?;
        let alike = self.by_movement.get_mut(&(topic, movement)).expect("a movement is in both tables");
        alike.remove(&partition);
        Some(movement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_came_the_other_way_goes_back_instead() {
        let mut movements = Movements::default();
        movements.record(0, 7, 1, 2);
        assert_eq!(movements.better_choice(0, 8, 2, 1), 7);
        assert_eq!(movements.better_choice(1, 8, 2, 1), 8, "another topic");
        movements.record(0, 7, 2, 1);
        assert_eq!(movements.better_choice(0, 8, 2, 1), 8, "it is back");
    }

    #[test]
    fn a_chain_of_movements_counts_from_the_first_owner() {
        let mut movements = Movements::default();
        movements.record(0, 7, 1, 2);
        movements.record(0, 7, 2, 3);
        assert_eq!(movements.better_choice(0, 8, 3, 1), 7);
        assert_eq!(movements.better_choice(0, 8, 2, 1), 8);
    }
}
