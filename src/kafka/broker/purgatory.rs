//! The purgatory: requests that wait for replicas, for records, or for their time to run out.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::kernel::Time;
use crate::trace::Few;
use crate::wire::kafka::{Fetch, Produced};

use super::connections::Asker;

/// What a held request waits for.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// acks=all: each batch replicated.
    Produce(Few<Outcome>),
    /// Records, for a consumer.
    Fetch(Arc<Fetch>),
    /// Records, for the follower with this session.
    Follow(usize),
}

/// What has become of a batch so far.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) produced: Produced,
    /// Its end offset, and the leader epoch in which it was appended; none of one that was not.
    pub(super) end: Option<(u64, u32)>,
}

/// A request that waits.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) asker: Asker,
    pub(super) deadline: Time,
    pub(super) wish: Wish,
}

/// When a request's time runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Deadline {
    at: Time,
    /// Of those at one instant the one that came first is the first.
    number: u64,
    slot: u32,
    /// Which use of the slot.
    of: u32,
}

/// All that wait, by number.
///
/// **Invariant.** Deadlines are in order, and the first is that of a request that waits. Behind it there may be some of
/// requests that have left: they go when they come to the front, so that leaving costs no search. Those who write wait
/// much longer than those who read, so each kind has a queue of its own: most requests go to the end of theirs.
#[derive(Clone, Debug, Default)]
pub(super) struct Purgatory {
    held: Vec<Option<Held>>,
    free: Vec<u32>,
    /// How often each slot was used: what was said of an earlier user is not said of a later one.
    uses: Vec<u32>,
    /// Of those who read, and of those who write.
    deadlines: [VecDeque<Deadline>; 2],
    numbered: u64,
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
        self.numbered += 1;
        let deadline =
            Deadline { at: held.deadline, number: self.numbered, slot, of: self.uses[slot as usize] };
        let deadlines = &mut self.deadlines[kind(&held.wish)];
        if deadlines.back().is_none_or(|last| *last < deadline) {
            deadlines.push_back(deadline);
        } else {
            deadlines.insert(deadlines.partition_point(|other| *other < deadline), deadline);
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
        let deadlines = &mut self.deadlines[kind(&held.wish)];
        while deadlines.front().is_some_and(|first| self.uses[first.slot as usize] != first.of) {
            deadlines.pop_front();
        }
        held
    }

    /// The time to be woken at, unless that was said before. A ring too early costs less than moving the timer with
    /// every request.
    pub(super) fn set_alarm(&mut self) -> Option<Time> {
        let at =
            self.first().map(|first| first.at).filter(|at| self.alarm.is_none_or(|alarm| alarm > *at))?;
        self.alarm = Some(at);
        Some(at)
    }

    /// The timer has rung.
    pub(super) fn rang(&mut self) {
        self.alarm = None;
    }

    pub(super) fn due(&self, now: Time) -> Option<u32> {
        self.first().filter(|first| first.at <= now).map(|first| first.slot)
    }

    fn first(&self) -> Option<Deadline> {
        self.deadlines.iter().filter_map(|deadlines| deadlines.front().copied()).min()
    }
}

/// In which queue the deadline of such a request is.
fn kind(wish: &Wish) -> usize {
    match wish {
        Wish::Fetch(_) | Wish::Follow(_) => 0,
        Wish::Produce(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::broker::connections::Line;
    use crate::kafka::producer::Producer;
    use crate::kernel::{Builder, Network, Shape};

    fn held(deadline_ms: u64) -> Held {
        wishing(deadline_ms, Wish::Follow(0))
    }

    fn wishing(deadline_ms: u64, wish: Wish) -> Held {
        let mut builder = Builder::new(1, Network::new(Shape::IDEAL, 1));
        let node = builder.node("client");
        let reply_to = builder.reserve::<Producer>(node, "producer").addr();
        let asker = Asker { reply_to, line: Line::Data, correlation: 0 };
        Held { asker, deadline: Time::from_millis(deadline_ms), wish }
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
    fn those_who_write_and_those_who_read_are_due_in_one_order() {
        let mut purgatory = Purgatory::default();
        let writing = || Wish::Produce(Few::default());
        let slots = [
            purgatory.hold(wishing(30, writing())),
            purgatory.hold(held(20)),
            purgatory.hold(held(30)),
            purgatory.hold(wishing(10, writing())),
            purgatory.hold(wishing(30, writing())),
        ];
        let mut order = Vec::new();
        while let Some(slot) = purgatory.due(Time::from_millis(30)) {
            purgatory.release(slot);
            order.push(slots.iter().position(|other| *other == slot).expect("it was held"));
        }
        assert_eq!(order, [3, 1, 0, 2, 4], "at one instant in the order in which they came");
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
