//! Which brokers hold which partition: striped over brokers, racks alternating.
//!
//! Source: KRaft's `StripedReplicaPlacer`. **Not modelled:** fenced brokers; partitions are placed when the
//! scenario is read and all brokers count as usable.

use crate::kernel::Rng;
use crate::trace::kafka::BrokerId;

/// The replicas of each of `partitions` new partitions, the preferred leader first. Racks take turns, and
/// brokers of a rack take turns; where the first turn begins is drawn. `brokers` come with their racks;
/// those without share one.
///
/// # Panics
/// When there are fewer brokers than `replication_factor`, or that is zero.
pub fn placement(
    brokers: &[(BrokerId, Option<&str>)],
    partitions: u32,
    replication_factor: u32,
    rng: &mut Rng,
) -> Vec<Vec<BrokerId>> {
    assert!(replication_factor > 0, "a partition has a replica");
    assert!(replication_factor as usize <= brokers.len(), "a broker holds one replica of a partition");
    let mut racks = Racks::new(brokers, rng);
    (0..partitions).map(|_| racks.place(replication_factor, rng)).collect()
}

#[derive(Clone, Debug)]
struct Rack {
    brokers: Vec<BrokerId>,
    /// Who of them comes first in this turn.
    offset: usize,
    /// How many have been taken in this turn.
    taken: usize,
    /// The last turn in which somebody was taken.
    turn: usize,
}

impl Rack {
    fn next(&mut self, turn: usize) -> Option<BrokerId> {
        if self.turn != turn {
            (self.turn, self.taken) = (turn, 0);
            self.offset = (self.offset + 1) % self.brokers.len();
        }
        let free = self.taken < self.brokers.len();
        let broker = self.brokers[(self.taken + self.offset) % self.brokers.len()];
        self.taken += 1;
        free.then_some(broker)
    }
}

#[derive(Clone, Debug)]
struct Racks {
    racks: Vec<Rack>,
    /// Which rack comes first in this turn.
    offset: usize,
    brokers: usize,
    /// Partitions placed so far: each is a turn.
    turn: usize,
}

impl Racks {
    fn new(brokers: &[(BrokerId, Option<&str>)], rng: &mut Rng) -> Self {
        let mut names: Vec<_> = brokers.iter().map(|(_, rack)| *rack).collect();
        names.sort_unstable();
        names.dedup();
        let racks: Vec<_> = names.into_iter().map(|name| rack(brokers, name, rng)).collect();
        let offset = rng.below(racks.len() as u64) as usize;
        Self { racks, offset, brokers: brokers.len(), turn: 0 }
    }

    fn place(&mut self, replication_factor: u32, rng: &mut Rng) -> Vec<BrokerId> {
        if self.turn > 0 && self.turn.is_multiple_of(self.brokers) && self.brokers > 1 {
            // Every broker has come first once: mix, so that the same sets do not come again.
            shuffle(&mut self.racks, rng);
            self.racks.iter_mut().for_each(|rack| shuffle(&mut rack.brokers, rng));
        }
        let mut replicas = Vec::with_capacity(replication_factor as usize);
        let mut at = self.offset;
        while replicas.len() < replication_factor as usize {
            replicas.extend(self.racks[at].next(self.turn));
            at = (at + 1) % self.racks.len();
        }
        self.offset = (self.offset + 1) % self.racks.len();
        self.turn += 1;
        replicas
    }
}

fn rack(brokers: &[(BrokerId, Option<&str>)], name: Option<&str>, rng: &mut Rng) -> Rack {
    let mut here: Vec<_> =
        brokers.iter().filter(|(_, rack)| *rack == name).map(|(broker, _)| *broker).collect();
    here.sort_unstable();
    let offset = rng.below(here.len() as u64) as usize;
    Rack { brokers: here, offset, taken: 0, turn: 0 }
}

fn shuffle<T>(items: &mut [T], rng: &mut Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, rng.below(last as u64 + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(placed: &[Vec<BrokerId>], brokers: u32, of: impl Fn(&[BrokerId]) -> &[BrokerId]) -> Vec<usize> {
        let held = |broker| placed.iter().flat_map(|one| of(one)).filter(|it| **it == broker).count();
        (0..brokers).map(|id| held(BrokerId(id))).collect()
    }

    #[test]
    fn leaders_and_replicas_are_spread_evenly() {
        let brokers: Vec<_> = (0..3).map(|id| (BrokerId(id), None)).collect();
        let placed = placement(&brokers, 12, 2, &mut Rng::named(1, "placement"));
        assert_eq!(counts(&placed, 3, |one| &one[..1]), [4, 4, 4]);
        assert_eq!(counts(&placed, 3, |one| one), [8, 8, 8]);
    }

    #[test]
    fn replicas_of_a_partition_are_in_different_racks() {
        let racks = ["a", "a", "b", "b", "c", "c"];
        let brokers: Vec<_> = (0..).map(BrokerId).zip(racks.map(Some)).collect();
        for seed in 0..50 {
            for replicas in placement(&brokers, 20, 3, &mut Rng::named(seed, "placement")) {
                let mut used: Vec<_> = replicas.iter().map(|broker| racks[broker.0 as usize]).collect();
                used.sort_unstable();
                assert_eq!(used, ["a", "b", "c"], "{replicas:?}");
            }
        }
    }

    #[test]
    fn brokers_of_a_rack_take_turns_even_when_not_every_rack_is_used() {
        let racks = ["a", "b", "c", "a", "b", "c", "a", "b", "c"];
        let brokers: Vec<_> = (0..).map(BrokerId).zip(racks.map(Some)).collect();
        let placed = placement(&brokers, 9, 1, &mut Rng::named(5, "placement"));
        assert_eq!(counts(&placed, 9, |one| one), [1; 9]);
    }

    #[test]
    fn a_partition_may_be_on_every_broker_but_not_twice_on_one() {
        let brokers: Vec<_> = (0..4).map(|id| (BrokerId(id), Some(if id < 3 { "a" } else { "b" }))).collect();
        for mut replicas in placement(&brokers, 9, 4, &mut Rng::named(7, "placement")) {
            replicas.sort_unstable();
            assert_eq!(replicas, [0, 1, 2, 3].map(BrokerId));
        }
    }

    #[test]
    #[should_panic(expected = "one replica")]
    fn more_replicas_than_brokers_are_refused() {
        placement(&[(BrokerId(0), None)], 1, 2, &mut Rng::named(0, "placement"));
    }

    #[test]
    fn the_stripes_are_kafkas() {
        // Racks a, b, c with three brokers each: a0 b0 c0, then b1 c1 a1, then c2 a2 b2 (up to the start).
        let racks = ["a", "b", "c", "a", "b", "c", "a", "b", "c"];
        let brokers: Vec<_> = (0..).map(BrokerId).zip(racks.map(Some)).collect();
        let placed = placement(&brokers, 3, 3, &mut Rng::named(3, "placement"));
        let first: Vec<_> = placed.iter().map(|one| racks[one[0].0 as usize]).collect();
        let cycle = ["a", "b", "c", "a", "b"];
        assert!(cycle.windows(3).any(|window| window == first), "{first:?}");
        let mut all: Vec<_> = placed.concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 9, "nine brokers hold nine replicas");
    }
}
