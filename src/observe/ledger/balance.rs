//! Fates, and how many records met which.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::trace::Reason;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Every group that reads its channel has processed it and said so.
    Settled,
    /// It had been accepted, and is gone; or a group went past it.
    Lost(Reason),
    /// The system let it go by its own rules.
    Dropped(Reason),
    /// The application was told no, or nothing, and the system does not have it.
    Rejected(Reason),
    /// Put aside.
    DeadLettered(Reason),
    /// Not known yet.
    InFlight(Whereabouts),
}

impl Fate {
    /// Whether a record went wrong for good.
    pub fn is_wrong(self) -> bool {
        match self {
            Self::Lost(_) | Self::Dropped(_) | Self::Rejected(_) | Self::DeadLettered(_) => true,
            Self::Settled | Self::InFlight(_) => false,
        }
    }
}

/// How far a record in flight has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whereabouts {
    /// In the client: no log has it.
    Unsent,
    /// In a log, below no high watermark yet.
    Stored,
    /// Committed, and not yet handed to every group.
    Undelivered,
    /// Handed over, not yet processed and settled everywhere.
    Unsettled,
    /// Committed where nobody reads.
    Kept,
}

impl Whereabouts {
    /// All of them, in their order.
    const ALL: [Self; 5] = [Self::Unsent, Self::Stored, Self::Undelivered, Self::Unsettled, Self::Kept];
}

/// Counts by fate.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Balance {
    /// Handed to clients by applications.
    pub offered: u64,
    /// Processed and settled by every group.
    pub settled: u64,
    /// Accepted and gone, by cause.
    pub lost: BTreeMap<Reason, u64>,
    /// Let go by the system's own rules, by reason.
    pub dropped: BTreeMap<Reason, u64>,
    /// Refused, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Put aside, by reason.
    pub dead_lettered: BTreeMap<Reason, u64>,
    /// Not decided, by how far they came.
    pub in_flight: BTreeMap<Whereabouts, u64>,
}

impl Balance {
    /// How many records have a fate, or are in flight.
    pub fn accounted(&self) -> u64 {
        let sum = |by: &BTreeMap<Reason, u64>| by.values().sum::<u64>();
        self.settled
            + sum(&self.lost)
            + sum(&self.dropped)
            + sum(&self.rejected)
            + sum(&self.dead_lettered)
            + self.in_flight.values().sum::<u64>()
    }

    /// Whether every record that was offered is accounted for.
    pub fn holds(&self) -> bool {
        self.offered == self.accounted()
    }

    /// Records lost, whatever the cause.
    pub fn lost_total(&self) -> u64 {
        self.lost.values().sum()
    }

    /// So many records had left as kept where nobody reads, and are gone now after all; how many of them were.
    pub(super) fn lose_kept(&mut self, records: u64, why: Reason) -> u64 {
        let Some(kept) = self.in_flight.get_mut(&Whereabouts::Kept) else { return 0 };
        let lost = records.min(*kept);
        *kept -= lost;
        if lost > 0 {
            *self.lost.entry(why).or_default() += lost;
        }
        lost
    }

    /// So many more with this fate.
    pub(super) fn add(&mut self, fate: Fate, count: u32) {
        let count = u64::from(count);
        match fate {
            Fate::Settled => self.settled += count,
            Fate::Lost(why) => *self.lost.entry(why).or_default() += count,
            Fate::Dropped(why) => *self.dropped.entry(why).or_default() += count,
            Fate::Rejected(why) => *self.rejected.entry(why).or_default() += count,
            Fate::DeadLettered(why) => *self.dead_lettered.entry(why).or_default() += count,
            Fate::InFlight(how_far) => *self.in_flight.entry(how_far).or_default() += count,
        }
    }
}

/// Counts of records in flight, by how far they came: quick to add to.
#[derive(Default)]
pub(super) struct InFlight([u64; Whereabouts::ALL.len()]);

impl InFlight {
    #[inline]
    pub(super) fn add(&mut self, how_far: Whereabouts, count: u32) {
        self.0[how_far as usize] += u64::from(count);
    }

    pub(super) fn add_to(self, balance: &mut Balance) {
        for (how_far, count) in Whereabouts::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0) {
            *balance.in_flight.entry(how_far).or_default() += count;
        }
    }

    pub(super) fn add_all(&mut self, stages: Stages) {
        for (count, more) in self.0.iter_mut().zip(stages.0) {
            *count += u64::from(more);
        }
    }
}

/// The same of a block of records, of which there are fewer than 256.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stages([u8; Whereabouts::ALL.len()]);

impl Stages {
    #[inline]
    pub(super) fn add(&mut self, how_far: Whereabouts, count: u8) {
        self.0[how_far as usize] += count;
    }

    /// All counts in the lower bytes of a word.
    pub(super) fn to_word(self) -> u64 {
        let [a, b, c, d, e] = self.0;
        u64::from_le_bytes([a, b, c, d, e, 0, 0, 0])
    }

    pub(super) fn from_word(word: u64) -> Self {
        let [a, b, c, d, e, ..] = word.to_le_bytes();
        Self([a, b, c, d, e])
    }
}

/// Totals of what happened to records, for a summary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Handed to clients.
    pub offered: u64,
    /// Bytes of keys and values handed to clients.
    pub offered_bytes: u64,
    /// Promised by the system.
    pub accepted: u64,
    /// Told to have failed.
    pub rejected: u64,
    /// Told a timeout: perhaps in the log.
    pub unknown: u64,
    /// Appended, copies included.
    pub stored: u64,
    /// Handed to applications, redeliveries included, each group on its own.
    pub delivered: u64,
    /// Processed for the first time by a group.
    pub processed: u64,
    /// Processed again by a group that had processed it.
    pub duplicates: u64,
    /// Appended more often than once.
    pub stored_twice: u64,
    /// Processed for the first time after a younger record of the same source and key.
    pub reordered: u64,
    /// Due while `send()` blocked, and never offered (`when-blocked = "skip"`). Not among those offered.
    pub withheld: u64,
    /// Processed when all windows of their event time were closed: they are in no result. Again for each repetition.
    pub too_late: u64,
    /// Processed although they could not be decoded: they are in no result. Again for each repetition.
    pub undecodable: u64,
}
