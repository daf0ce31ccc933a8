//! The purgatory: requests that wait for replicas, for records, or for their time to run out.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::kernel::Time;
use crate::wire::kafka::{Fetch, Produced};

use super::connections::Asker;

/// What a held request waits for.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// acks=all: each batch up to its end offset, with the leader epoch in which it was appended.
    Produce { outcomes: Vec<Produced>, ends: Vec<Option<(u64, u32)>> },
    /// Records, for a consumer.
    Fetch(Arc<Fetch>),
    /// Records, for the follower with this session.
    Follow(usize),
}

/// A request that waits.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) asker: Asker,
    pub(super) deadline: Time,
    pub(super) wish: Wish,
}

/// All that wait, by number.
///
/// **Invariant.** Deadlines are in order, and the first is that of a request that waits. Behind it there may be some of
/// requests that have left: they go when they come to the front, so that leaving costs no search.
#[derive(Clone, Debug, Default)]
pub(super) struct Purgatory {
    held: Vec<Option<Held>>,
    free: Vec<u32>,
    /// How often each slot was used: what was said of an earlier user is not said of a later one.
    uses: Vec<u32>,
    /// Deadline, slot, and which use of it.
    deadlines: VecDeque<(Time, u32, u32)>,
    /// What the timer is set to.
    alarm: Option<Time>,
}

impl Purgatory {
    pub(super) fn hold(&mut self, held: Held) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.held.push(None);
            self.uses.push(0);
            self.held.len() as u32 - 1
        });
        let entry = (held.deadline, slot, self.uses[slot as usize]);
        if self.deadlines.back().is_none_or(|last| last.0 <= entry.0) {
            self.deadlines.push_back(entry);
        } else {
            self.deadlines.insert(self.deadlines.partition_point(|other| other.0 <= entry.0), entry);
        }
        self.held[slot as usize] = Some(held);
        slot
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Held> {
        self.held[slot as usize].as_ref()
    }

    pub(super) fn release(&mut self, slot: u32) -> Held {
        let held = self.held[slot as usize].take().expect("a held request is released once");
        self.uses[slot as usize] = self.uses[slot as usize].wrapping_add(1);
        self.free.push(slot);
        while self.deadlines.front().is_some_and(|&(_, slot, of)| self.uses[slot as usize] != of) {
            self.deadlines.pop_front();
        }
        held
    }

    /// The time to be woken at, unless that was said before. A ring too early costs less than moving the timer with
    /// every request.
    pub(super) fn set_alarm(&mut self) -> Option<Time> {
        let first = self.deadlines.front().map(|(at, ..)| *at);
        let at = first.filter(|at| self.alarm.is_none_or(|alarm| alarm > *at))?;
        self.alarm = Some(at);
        Some(at)
    }

    /// The timer has rung.
    pub(super) fn rang(&mut self) {
        self.alarm = None;
    }

    pub(super) fn due(&self, now: Time) -> Option<u32> {
        self.deadlines.front().filter(|(at, ..)| *at <= now).map(|(_, slot, _)| *slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::broker::connections::Line;
    use crate::kafka::producer::Producer;
    use crate::kernel::{Builder, Network, Shape};

    fn held(deadline_ms: u64) -> Held {
        let mut builder = Builder::new(1, Network::new(Shape::IDEAL, 1));
        let node = builder.node("client");
        let reply_to = builder.reserve::<Producer>(node, "producer").addr();
        let asker = Asker { reply_to, line: Line::Data, correlation: 0 };
        Held { asker, deadline: Time::from_millis(deadline_ms), wish: Wish::Follow(0) }
    }

    #[test]
    fn requests_are_due_in_the_order_of_their_deadlines_and_not_after_they_left() {
        let mut purgatory = Purgatory::default();
        let slots = [30, 10, 20, 10, 40].map(|deadline_ms| purgatory.hold(held(deadline_ms)));
        purgatory.release(slots[2]);
        let again = purgatory.hold(held(25));
        assert_eq!(again, slots[2], "the slot is used again");
        assert_eq!(purgatory.due(Time::from_millis(9)), None);
        let mut order = Vec::new();
        while let Some(slot) = purgatory.due(Time::from_millis(30)) {
            order.push(purgatory.release(slot).deadline.as_millis());
        }
        assert_eq!(order, [10, 10, 25, 30]);
        assert_eq!(purgatory.set_alarm(), Some(Time::from_millis(40)));
    }

    #[test]
    fn the_alarm_is_moved_only_to_an_earlier_time() {
        let mut purgatory = Purgatory::default();
        purgatory.hold(held(10));
        assert_eq!(purgatory.set_alarm(), Some(Time::from_millis(10)));
        purgatory.hold(held(20));
        assert_eq!(purgatory.set_alarm(), None);
        purgatory.hold(held(5));
        assert_eq!(purgatory.set_alarm(), Some(Time::from_millis(5)));
        purgatory.rang();
        assert_eq!(purgatory.set_alarm(), Some(Time::from_millis(5)));
    }
}
