//! The purgatory: requests that wait for replicas, for records, or for their time to run out.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::kernel::Time;
use crate::wire::kafka::{Fetch, Produced};

use super::connections::Asker;

/// What a held request waits for.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// acks=all: each batch up to its end offset, with the leader epoch in which it was appended.
    Produce { outcomes: Vec<Produced>, ends: Vec<Option<(u64, u32)>> },
    /// Records.
    Fetch(Arc<Fetch>),
}

/// A request that waits.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) asker: Asker,
    pub(super) deadline: Time,
    pub(super) wish: Wish,
}

/// All that wait, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Purgatory {
    held: Vec<Option<Held>>,
    free: Vec<u32>,
    deadlines: BTreeSet<(Time, u32)>,
}

impl Purgatory {
    pub(super) fn hold(&mut self, held: Held) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.held.push(None);
            self.held.len() as u32 - 1
        });
        self.deadlines.insert((held.deadline, slot));
        self.held[slot as usize] = Some(held);
        slot
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Held> {
        self.held[slot as usize].as_ref()
    }

    pub(super) fn release(&mut self, slot: u32) -> Held {
        let held = self.held[slot as usize].take().expect("a held request is released once");
        self.deadlines.remove(&(held.deadline, slot));
        self.free.push(slot);
        held
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    pub(super) fn due(&self, now: Time) -> Option<u32> {
        self.deadlines.first().filter(|(at, _)| *at <= now).map(|(_, slot)| *slot)
    }
}
