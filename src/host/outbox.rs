//! Messages on their way whose place behind others on their path is still to be looked up.
//!
//! In a wide network the promises of its paths do not fit in the CPU's cache, and each look-up waits for memory.
//! So messages are kept here for a moment, and looked up as a group: then the CPU waits for all of them at once.
//!
//! **Invariant.** What waits here comes after everything that is taken off the agenda meanwhile, and nothing is put
//! into the agenda past it: the agenda gets the same items in the same order as without.

use super::entry::Entry;
use crate::kernel::queue::Agenda;
use crate::kernel::{Network, NodeId, Time};

/// A message that has left.
#[derive(Clone, Copy)]
pub(super) struct Departure {
    /// When it left.
    pub(super) now: Time,
    /// When it arrives, unless it has to wait for others.
    pub(super) soonest: Time,
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) entry: Entry,
}

/// Departures in order, a few at most.
#[derive(Clone)]
pub(super) struct Outbox {
    departures: Vec<Departure>,
    /// When the first of them may arrive.
    soonest: Time,
}

/// How many are looked up together.
const GROUP: usize = 32;

impl Default for Outbox {
    fn default() -> Self {
        Self { departures: Vec::new(), soonest: Time::NEVER }
    }
}

impl Outbox {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.departures.is_empty()
    }

    /// Whether there are enough of them to be looked up.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.departures.len() >= GROUP
    }

    /// The last instant before any of them may arrive.
    #[inline]
    pub(super) fn quiet_until(&self) -> Time {
        Time::from_nanos(self.soonest.as_nanos() - 1)
    }

    #[inline]
    pub(super) fn put(&mut self, departure: Departure) {
        assert!(departure.soonest > departure.now, "what arrives at once does not wait");
        self.soonest = self.soonest.min(departure.soonest);
        self.departures.push(departure);
    }

    /// Looks all of them up, and puts them into the agenda.
    #[inline(never)]
    pub(super) fn empty(&mut self, network: &mut Network, agenda: &mut impl Agenda<Entry>) {
        let looks = self.departures.iter().map(|one| network.promised(one.from, one.to).as_nanos());
        // Nobody needs the sum: what it is made of is in the cache now.
        std::hint::black_box(looks.fold(0, u64::wrapping_add));
        for one in self.departures.drain(..) {
            agenda.push(network.promise(one.now, one.from, one.to, one.soonest), one.entry);
        }
        self.soonest = Time::NEVER;
    }
}
