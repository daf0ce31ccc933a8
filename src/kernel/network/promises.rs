//! The latest arrival promised on each path, as long as it is still to come: what has arrived cannot be
//! overtaken, so a promise that has been kept may be forgotten.
//!
//! Kept in whichever costs less memory: a square with a place for each path, when there are few nodes or
//! most paths are in use, else a table that grows with what is under way and not with the number of paths.

use crate::kernel::actor::NodeId;
use crate::kernel::time::Time;

#[derive(Clone, Debug)]
pub(super) struct Promises {
    form: Form,
    /// The highest number of a node that has appeared.
    highest: u32,
    /// They do not fit in the cache of a CPU's core.
    pub(super) many: bool,
}

#[derive(Clone, Debug)]
enum Form {
    Square(Square),
    Table(Table),
}

/// What a square may always take.
const LITTLE: usize = 32 * 1_024;
/// More bytes than are found at once.
const MANY: usize = 512 * 1_024;

impl Default for Promises {
    fn default() -> Self {
        Self { form: Form::Square(Square::new(0)), highest: 0, many: false }
    }
}

impl Promises {
    /// Puts an arrival off until the latest that was promised on its path, and promises that.
    #[inline(always)]
    pub(super) fn keep(&mut self, now: Time, from: NodeId, to: NodeId, arrives: Time) -> Time {
        let kept = match &mut self.form {
            Form::Square(square) => square.keep(from, to, arrives),
            Form::Table(table) => table.keep(now, path(from, to), arrives),
        };
        kept.unwrap_or_else(|| self.keep_after_growth(now, from, to, arrives))
    }

    #[cold]
    #[inline(never)]
    fn keep_after_growth(&mut self, now: Time, from: NodeId, to: NodeId, arrives: Time) -> Time {
        self.grow(now, from.max(to));
        self.keep(now, from, to, arrives)
    }

    /// What lies where a promise for this path is looked for first.
    #[inline]
    pub(super) fn look(&self, from: NodeId, to: NodeId) -> Time {
        match &self.form {
            Form::Square(square) => square.look(from, to),
            Form::Table(table) => table.look(path(from, to)),
        }
    }

    /// Moves what is still to be kept to where there is more room.
    fn grow(&mut self, now: Time, newest: NodeId) {
        self.highest = self.highest.max(newest.0);
        let (promises, slots) = match &self.form {
            Form::Square(square) => (square.promises(now), Table::SLOTS),
            Form::Table(table) => (table.promises(now), 2 * table.len()),
        };
        let slots = slots.max((4 * promises.len()).next_power_of_two());
        self.form = if Square::bytes(self.highest) <= LITTLE.max(Table::bytes(slots)) {
            Form::Square(Square::new(self.highest))
        } else {
            Form::Table(Table::new(slots))
        };
        self.many = match &self.form {
            Form::Square(square) => size_of_val(&square.latest[..]) > MANY,
            Form::Table(table) => size_of_val(&table.slots[..]) > MANY,
        };
        for (from, to, at) in promises {
            self.keep(now, from, to, at);
        }
    }
}

/// A promise on its path.
type Promise = (NodeId, NodeId, Time);

fn path(from: NodeId, to: NodeId) -> u64 {
    u64::from(from.0) << 32 | u64::from(to.0)
}

/// A place for each path between nodes with numbers below `side`, a power of two.
#[derive(Clone, Debug)]
struct Square {
    side: u32,
    latest: Vec<Time>,
}

impl Square {
    /// The side that has room for this number.
    fn side(highest: u32) -> u32 {
        (highest + 1).next_power_of_two()
    }

    fn bytes(highest: u32) -> usize {
        let side = u64::from(Self::side(highest));
        usize::try_from(side * side * 8).unwrap_or(usize::MAX)
    }

    fn new(highest: u32) -> Self {
        let side = Self::side(highest);
        Self { side, latest: vec![Time::ZERO; (side as usize).pow(2)] }
    }

    /// None when a node's number is too high.
    #[inline]
    fn keep(&mut self, from: NodeId, to: NodeId, arrives: Time) -> Option<Time> {
        if from.0.max(to.0) >= self.side {
            return None;
        }
        let latest = self.latest.get_mut(from.0 as usize * self.side as usize + to.0 as usize)?;
        *latest = arrives.max(*latest);
        Some(*latest)
    }

    #[inline]
    fn look(&self, from: NodeId, to: NodeId) -> Time {
        let place = from.0 as usize * self.side as usize + to.0 as usize;
        self.latest.get(place).copied().unwrap_or_default()
    }

    fn promises(&self, now: Time) -> Vec<Promise> {
        let live = self.latest.iter().enumerate().filter(|(_, at)| **at > now);
        let ends = |place: usize| (place as u32 / self.side, place as u32 % self.side);
        live.map(|(place, at)| (NodeId(ends(place).0), NodeId(ends(place).1), *at)).collect()
    }
}

/// A table with open addressing. A slot is free again as soon as its promise has been kept.
#[derive(Clone, Debug)]
struct Table {
    /// A power of two of them where a search may begin, and a few for the last to end in.
    slots: Vec<Slot>,
    /// By group of slots: the latest of the promises that found a slot of the group in use and lie in a later
    /// one. Where none of them is still to be kept, a search ends.
    passed: Vec<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    path: u64,
    at: Time,
}

/// How many slots are looked through for a path before more room is made.
const PROBES: usize = 8;
/// Slots of a group.
const GROUP: usize = 4;

impl Table {
    /// The least that makes sense.
    const SLOTS: usize = 64;

    fn bytes(slots: usize) -> usize {
        slots * size_of::<Slot>()
    }

    fn new(slots: usize) -> Self {
        assert!(slots.is_power_of_two(), "a hash is cut to a place by a mask");
        let free = Slot { path: 0, at: Time::ZERO };
        Self { slots: vec![free; slots + PROBES], passed: vec![Time::ZERO; (slots + PROBES).div_ceil(GROUP)] }
    }

    fn len(&self) -> usize {
        self.slots.len() - PROBES
    }

    /// Where the search for a path begins.
    #[inline]
    fn begin(&self, path: u64) -> usize {
        let hash = path.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        hash as usize & (self.len() - 1)
    }

    #[inline]
    fn look(&self, path: u64) -> Time {
        self.slots[self.begin(path)].at
    }

    /// None when all slots that are looked through are in use.
    #[inline]
    fn keep(&mut self, now: Time, path: u64, arrives: Time) -> Option<Time> {
        let begin = self.begin(path);
        let slot = &mut self.slots[begin];
        if slot.at <= now && self.passed[begin / GROUP] <= now {
            *slot = Slot { path, at: arrives };
            return Some(arrives);
        }
        self.search(begin, now, path, arrives)
    }

    #[inline(never)]
    fn search(&mut self, begin: usize, now: Time, path: u64, arrives: Time) -> Option<Time> {
        let window = begin..begin + PROBES;
        let stops = |place: &usize| self.passed[place / GROUP] <= now;
        let end = window.clone().find(stops).map_or(window.end, |last| last + 1);
        let is_ours = |slot: &Slot| slot.path == path && slot.at > now;
        if let Some(found) = self.slots[begin..end].iter().position(is_ours) {
            return Some(self.promise(begin, begin + found, path, arrives.max(self.slots[begin + found].at)));
        }
        let free = self.slots[window].iter().position(|slot| slot.at <= now)?;
        Some(self.promise(begin, begin + free, path, arrives))
    }

    /// Writes a promise down, and that it has passed the slots before it.
    fn promise(&mut self, begin: usize, place: usize, path: u64, at: Time) -> Time {
        self.slots[place] = Slot { path, at };
        for group in begin / GROUP..place.div_ceil(GROUP) {
            self.passed[group] = self.passed[group].max(at);
        }
        at
    }

    fn promises(&self, now: Time) -> Vec<Promise> {
        let ends = |path: u64| (NodeId((path >> 32) as u32), NodeId(path as u32));
        let live = self.slots.iter().filter(|slot| slot.at > now);
        live.map(|slot| (ends(slot.path).0, ends(slot.path).1, slot.at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kernel::Rng;

    fn is_square(promises: &Promises) -> bool {
        matches!(promises.form, Form::Square(_))
    }

    /// `steps` promises between `nodes` nodes, each `ahead` steps ahead on average, against a plain map.
    fn keeps_all(nodes: u64, ahead: u64, steps: u64) -> Promises {
        let mut rng = Rng::named(nodes, "promises");
        let (mut promises, mut latest) = (Promises::default(), BTreeMap::new());
        for step in 0..steps {
            let (from, to) = (NodeId(rng.below(nodes) as u32), NodeId(rng.below(nodes) as u32));
            let (now, arrives) = (Time::from_nanos(step), Time::from_nanos(step + rng.below(2 * ahead)));
            let last = latest.entry((from, to)).or_insert(Time::ZERO);
            *last = arrives.max(*last);
            assert_eq!(promises.keep(now, from, to, arrives), *last, "{nodes} nodes, step {step}");
        }
        promises
    }

    #[test]
    fn few_nodes_have_a_place_for_each_path() {
        assert!(is_square(&keeps_all(3, 10, 1_000)));
        assert!(is_square(&keeps_all(64, 1_000, 30_000)));
    }

    #[test]
    fn many_nodes_with_little_under_way_share_a_table() {
        let promises = keeps_all(500, 300, 50_000);
        assert!(!is_square(&promises));
        let Form::Table(table) = &promises.form else { unreachable!("it is no square") };
        assert!(table.len() < 32 * 300, "{} slots for 300 promises", table.len());
    }

    #[test]
    fn a_table_becomes_a_square_when_most_paths_are_in_use() {
        assert!(is_square(&keeps_all(100, 20_000, 60_000)));
    }

    #[test]
    fn a_promise_that_was_kept_binds_nobody() {
        let mut promises = Promises::default();
        let (from, to, at) = (NodeId(900), NodeId(0), Time::from_nanos);
        assert_eq!(promises.keep(at(0), from, to, at(50)), at(50));
        assert_eq!(promises.keep(at(49), from, to, at(49)), at(50));
        assert_eq!(promises.keep(at(50), from, to, at(51)), at(51));
    }
}
