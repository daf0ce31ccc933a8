//! The timers of one actor, and what their entries in the agenda turn out to be.
//!
//! **Invariant.** Moving a timer to a later time adds nothing to the agenda: the entry that is there is
//! re-checked when it comes up.

use crate::kernel::Time;

/// What a timer's entry in the agenda turns out to be.
pub(super) enum Ring {
    Fires { cause: u64, arming: u32 },
    Later(Time),
    Stale,
}

#[derive(Clone, Copy)]
struct Timer {
    deadline: Time,
    /// The time of the entry in the agenda that speaks for this timer.
    queued: Time,
    cause: u64,
    /// Counts armings and disarmings, so that a ring that waited can be told from a newer one.
    arming: u32,
}

impl Timer {
    const NEW: Self = Self { deadline: Time::NEVER, queued: Time::NEVER, cause: 0, arming: 0 };
}

/// Timers by slot.
#[derive(Clone, Default)]
pub(super) struct Timers {
    slots: Vec<Timer>,
}

impl Timers {
    /// Sets a deadline; returns when an entry in the agenda is needed for it.
    #[inline]
    pub(super) fn arm(&mut self, slot: u32, at: Time, cause: u64) -> Option<Time> {
        let slot = slot as usize;
        if slot >= self.slots.len() {
            self.slots.resize(slot + 1, Timer::NEW);
        }
        let timer = &mut self.slots[slot];
        timer.deadline = at;
        timer.cause = cause;
        timer.arming = timer.arming.wrapping_add(1);
        // A later deadline is found out when the entry that is there comes up: no dead entries pile up.
        if timer.queued <= at {
            return None;
        }
        timer.queued = at;
        Some(at)
    }

    #[inline]
    pub(super) fn disarm(&mut self, slot: u32) {
        if let Some(timer) = self.slots.get_mut(slot as usize) {
            timer.deadline = Time::NEVER;
            timer.arming = timer.arming.wrapping_add(1);
        }
    }

    #[inline]
    pub(super) fn ring(&mut self, slot: u32, now: Time) -> Ring {
        let timer = &mut self.slots[slot as usize];
        if timer.queued != now {
            return Ring::Stale;
        }
        timer.queued = Time::NEVER;
        if timer.deadline <= now {
            return Ring::Fires { cause: timer.cause, arming: timer.arming };
        }
        if timer.deadline == Time::NEVER {
            return Ring::Stale;
        }
        timer.queued = timer.deadline;
        Ring::Later(timer.deadline)
    }

    /// Whether the ring is still wanted: its timer may have been moved while it waited at the desk.
    #[inline]
    pub(super) fn fire(&mut self, slot: u32, arming: u32) -> bool {
        let timer = &mut self.slots[slot as usize];
        let wanted = timer.arming == arming;
        if wanted {
            timer.deadline = Time::NEVER;
        }
        wanted
    }
}
