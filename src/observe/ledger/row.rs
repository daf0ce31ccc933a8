//! A closed line of the ledger as rows for the tape.

use crate::trace::{LegRow, RecordRow, variant_name};

use super::{Closed, Fate, Leg};

impl From<Closed> for RecordRow {
    fn from(closed: Closed) -> Self {
        let Closed { first, count, line, legs, fate } = closed;
        let (fate, reason) = words(fate);
        Self {
            id: first,
            count,
            place: line.place(),
            offset: line.offset,
            key_hash: line.key_hash(),
            bytes: line.bytes,
            offered: line.offered,
            accepted: line.accepted,
            stored: line.stored,
            committed: line.committed,
            copies: line.copies,
            fate,
            reason,
            legs: legs.map(LegRow::from),
        }
    }
}

impl From<Leg> for LegRow {
    fn from(leg: Leg) -> Self {
        let Leg { delivered, processed, settled, attempts, times_processed, skipped, failed: _ } = leg;
        Self { delivered, processed, settled, attempts, times_processed, skipped }
    }
}

/// The fate and its cause.
fn words(fate: Fate) -> (&'static str, Option<&'static str>) {
    match fate {
        Fate::Settled => ("settled", None),
        Fate::Lost(why) => ("lost", Some(variant_name(why))),
        Fate::Dropped(why) => ("dropped", Some(variant_name(why))),
        Fate::Rejected(why) => ("rejected", Some(variant_name(why))),
        Fate::DeadLettered(why) => ("dead-lettered", Some(variant_name(why))),
        Fate::InFlight(how_far) => ("in-flight", Some(variant_name(how_far))),
    }
}
