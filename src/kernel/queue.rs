//! What is still to happen, in the order (time, insertion).
//!
//! **Invariant.** Items come out in the order of their times, and items of one time in the order in which
//! they went in. Nothing is put in before the time that came out last. All kinds of agenda agree on every
//! item, so a run does the same on any of them (`docs/adr/0002-own-queue.md`).

use super::time::Time;

mod heap;
mod ladder;

pub use heap::Heap;
pub use ladder::Ladder;

/// A set of things to come.
pub trait Agenda<T>: Clone + Default {
    /// Puts an item in, not before the time that came out last.
    fn push(&mut self, at: Time, item: T);
    /// Takes the next item out, unless it comes after `until`.
    fn pop_until(&mut self, until: Time) -> Option<(Time, T)>;
    /// Tells what was brought close to the front since the last call, a few dozen at most: a hint to have it
    /// at hand. An agenda that brings nothing up in groups has nothing to say.
    fn announce(&mut self, tell: impl FnMut(T)) {
        let _ = tell;
    }
    /// How many items are in.
    fn len(&self) -> usize;
    /// Whether nothing is to come.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Rng;

    /// Any agenda against a sorted list: the oracle of order.
    fn keeps_the_order(mut agenda: impl Agenda<u32>) {
        let mut rng = Rng::named(11, "agenda");
        let mut expected: Vec<(Time, u32)> = Vec::new();
        let (mut now, mut next) = (Time::ZERO, 0);
        for _ in 0..20_000 {
            if rng.chance(0.55) {
                let gap = [0, 0, 1, 100, 1_000_000, 30_000_000_000][rng.below(6) as usize];
                let at = Time::from_nanos(now.as_nanos() + rng.below(gap + 1));
                agenda.push(at, next);
                let place = expected.partition_point(|(other, _)| *other <= at);
                expected.insert(place, (at, next));
                next += 1;
            } else {
                let until = Time::from_nanos(now.as_nanos() + rng.below(1_000_000_000));
                let want = expected.first().copied().filter(|(at, _)| *at <= until);
                assert_eq!(agenda.pop_until(until), want);
                if let Some((at, _)) = want {
                    now = at;
                    expected.remove(0);
                }
            }
            assert_eq!(agenda.len(), expected.len());
        }
    }

    #[test]
    fn the_heap_keeps_the_order() {
        keeps_the_order(Heap::default());
    }

    #[test]
    fn the_ladder_keeps_the_order() {
        keeps_the_order(Ladder::default());
    }

    /// A law for how long after now the next item comes.
    type Gap = fn(&mut Rng) -> u64;

    /// Gaps that strain a ladder: crowds at one instant, carries into the highest digits, whole rungs.
    const GAPS: [Gap; 6] = [
        |rng| rng.below(2),
        |rng| 64u64.pow(rng.below(10) as u32) - rng.below(2),
        |rng| 1 << rng.below(63),
        |rng| (rng.exponential() * 1e9) as u64,
        |rng| 150_000 + rng.below(3) * 30_000_000_000,
        |_| 5_000_000,
    ];

    #[test]
    fn heap_and_ladder_agree_whatever_the_gaps() {
        for (which, gap) in GAPS.iter().enumerate() {
            let mut rng = Rng::named(which as u64, "gaps");
            let (mut heap, mut ladder) = (Heap::default(), Ladder::default());
            let mut now = Time::ZERO;
            for next in 0..60_000u32 {
                // Long stretches that fill, then long stretches that drain.
                let filling = next / 5_000 % 2 == 0;
                for burst in 0..rng.below(if filling { 4 } else { 2 }) {
                    let at = Time::from_nanos(now.as_nanos().saturating_add(gap(&mut rng)));
                    heap.push(at, (next, burst));
                    ladder.push(at, (next, burst));
                }
                let until = Time::from_nanos(now.as_nanos().saturating_add(gap(&mut rng)));
                let came = ladder.pop_until(until);
                assert_eq!(came, heap.pop_until(until), "gap law {which}");
                assert_eq!(ladder.len(), heap.len());
                now = came.map_or(now, |(at, _)| at);
            }
        }
    }

    #[test]
    fn a_look_ahead_moves_nothing() {
        let mut ladder = Ladder::default();
        ladder.push(Time::from_secs(30), 0);
        assert_eq!(ladder.pop_until(Time::from_secs(29)), None);
        for item in (1..=10_000).rev() {
            ladder.push(Time::from_millis(item), item);
        }
        for item in 1..=10_000 {
            assert_eq!(ladder.pop_until(Time::NEVER), Some((Time::from_millis(item), item)));
        }
        assert_eq!(ladder.pop_until(Time::NEVER), Some((Time::from_secs(30), 0)));
    }

    /// The last instant can be waited for, and nothing can come before what came out.
    #[test]
    fn the_ladder_reaches_the_end_of_time() {
        let mut ladder = Ladder::default();
        ladder.push(Time::NEVER, 1);
        ladder.push(Time::from_nanos(u64::MAX - 1), 0);
        assert_eq!(ladder.pop_until(Time::NEVER).map(|(_, item)| item), Some(0));
        ladder.push(Time::NEVER, 2);
        assert_eq!(ladder.pop_until(Time::NEVER).map(|(_, item)| item), Some(1));
        assert_eq!(ladder.pop_until(Time::NEVER).map(|(_, item)| item), Some(2));
        assert!(ladder.is_empty());
    }

    #[test]
    #[should_panic(expected = "the past is over")]
    fn the_ladder_refuses_the_past() {
        let mut ladder = Ladder::default();
        ladder.push(Time::from_secs(1), ());
        ladder.pop_until(Time::NEVER);
        ladder.push(Time::from_millis(999), ());
    }
}
