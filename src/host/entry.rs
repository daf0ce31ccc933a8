//! What a simulation keeps in its agenda.

use crate::kernel::ActorId;

/// One thing that is still to happen. Two words, so that it travels in registers, not through memory.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The actor, and above it the epoch of its node for which this is meant.
    whom: u64,
    /// The kind, and above it the slot.
    what: u64,
}

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Start,
    Letter(u32),
    Timer(u32),
    Finished(u32),
    GoOn,
    /// A timer that rings before anything else of its instant.
    First(u32),
}

impl Entry {
    #[inline]
    pub(super) fn new(actor: ActorId, epoch: u32, what: What) -> Self {
        let (kind, slot) = match what {
            What::Start => (0, 0),
            What::Letter(slot) => (1, slot),
            What::Timer(slot) => (2, slot),
            What::Finished(slot) => (3, slot),
            What::GoOn => (4, 0),
            What::First(slot) => (5, slot),
        };
        Self { whom: u64::from(epoch) << 32 | u64::from(actor.0), what: u64::from(slot) << 32 | kind }
    }

    #[inline]
    pub(super) fn actor(self) -> ActorId {
        ActorId(self.whom as u32)
    }

    #[inline]
    pub(super) fn epoch(self) -> u32 {
        (self.whom >> 32) as u32
    }

    #[inline]
    pub(super) fn what(self) -> What {
        let slot = (self.what >> 32) as u32;
        match self.what as u32 {
            0 => What::Start,
            1 => What::Letter(slot),
            2 => What::Timer(slot),
            3 => What::Finished(slot),
            4 => What::GoOn,
            5 => What::First(slot),
            kind => unreachable!("there is no kind {kind} of entry"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_what_was_put_in() {
        let (low, high) = (0, u32::MAX);
        for what in
            [What::Start, What::Letter(high), What::Timer(7), What::Finished(low), What::GoOn, What::First(3)]
        {
            for (actor, epoch) in [(low, high), (high, low), (3, 4)] {
                let entry = Entry::new(ActorId(actor), epoch, what);
                assert_eq!((entry.actor(), entry.epoch(), entry.what()), (ActorId(actor), epoch, what));
            }
        }
    }
}
