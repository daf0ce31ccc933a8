//! Promises about reads: nothing dirty, no gap, no way back.

use std::collections::BTreeMap;

use crate::kernel::{ActorId, Event, Physics, Time};
use crate::observe::ledger::{Remark, What};
use crate::trace::kafka::Kafka;
use crate::trace::{Fact, GroupId, Ids, Life, PlaceId, Stage};

use super::records::note;
use super::{Check, Report, Sight, Witness};

/// Reads of what was refused, never stored, or not committed.
#[derive(Clone, Debug)]
pub(super) struct Dirty {
    /// The highest high watermark that each place was ever said to have.
    committed: Vec<u64>,
    /// Refused records by number: the first of a range, and the last.
    refused: BTreeMap<u64, u64>,
}

impl Dirty {
    pub(super) fn new(stage: &Stage) -> Self {
        Self { committed: vec![0; stage.places() as usize], refused: BTreeMap::new() }
    }

    fn refuse(&mut self, ids: &Ids) {
        for run in ids.runs(0, ids.len()) {
            let first = run.first.to_bits();
            let last = first + u64::from(run.records) - 1;
            match self.refused.range_mut(..=first).next_back() {
                Some((_, end)) if *end + 1 >= first => *end = last.max(*end),
                Some(_) | None => _ = self.refused.insert(first, last),
            }
        }
    }

    fn is_refused(&self, record: u64) -> bool {
        self.refused.range(..=record).next_back().is_some_and(|(_, last)| record <= *last)
    }

    fn read(
        &self,
        event: &Event<Fact>,
        (ids, group, place, offset): (&Ids, GroupId, PlaceId, u64),
        sight: &Sight<'_>,
        report: &mut Report,
    ) {
        let has_log = sight.stage.has_log(place);
        let safe = self.committed[place.index()];
        if self.refused.is_empty() && !(has_log && offset + u64::from(ids.len()) > safe) {
            return;
        }
        for (record, offset) in ids.iter().zip(offset..) {
            let text = if self.is_refused(record.to_bits()) {
                "read although its producer was told that it failed"
            } else if has_log && offset >= safe {
                "read although it lies beyond every high watermark"
            } else {
                continue;
            };
            report.note_record((event.serial, event.at), record, None, sight.stage, |bare| {
                let witness = Witness { text: text.to_owned(), ..bare }.group(sight.stage, group);
                witness.place(sight.stage, place, has_log.then_some(offset))
            });
        }
    }
}

impl Check for Dirty {
    fn see(&mut self, event: &Event<Fact>, sight: &Sight<'_>, report: &mut Report) {
        match &event.fact {
            Fact::Life(Life::Committed { place, upto }) => {
                let committed = &mut self.committed[place.index()];
                *committed = (*upto).max(*committed);
            }
            Fact::Life(Life::Rejected { ids, .. }) => self.refuse(ids),
            Fact::Life(Life::Delivered { ids, group, place, offset })
                if sight.has_place(*place) && sight.has_group(*group) =>
            {
                self.read(event, (ids, *group, *place, *offset), sight, report);
            }
            _ => {}
        }
    }

    fn remark(&mut self, remark: &Remark, sight: &Sight<'_>, report: &mut Report) {
        match remark.what {
            // Beyond every high watermark it has been reported already.
            What::ReadUnstored if !self.is_reported(remark) => {
                note(remark, None, "read although no log was told to have it", sight, report);
            }
            What::RefusedAfterRead(_) => note(remark, None, "refused after it was read", sight, report),
            What::ReadUnstored
            | What::Gone(_)
            | What::Passed { .. }
            | What::ProcessedAgain
            | What::ProcessedLate
            | What::StoredAgain
            | What::StoredLate => {}
        }
    }
}

impl Dirty {
    fn is_reported(&self, remark: &Remark) -> bool {
        let beyond = match (remark.place, remark.offset) {
            (Some(place), Some(offset)) => offset >= self.committed[place.index()],
            (_, _) => false,
        };
        beyond || self.is_refused(remark.record.to_bits())
    }
}

/// What a consumer that keeps a partition must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Skips,
    GoesBack,
}

/// Where each consumer goes on in each partition that it keeps.
#[derive(Clone, Debug)]
pub(super) struct Polls {
    fault: Fault,
    reads: BTreeMap<(ActorId, PlaceId), Read>,
}

#[derive(Clone, Copy, Debug)]
struct Read {
    next: u64,
    /// The event that led to it: the same for all that one poll hands over.
    cause: u64,
    at: Time,
}

impl Polls {
    pub(super) fn new(fault: Fault) -> Self {
        Self { fault, reads: BTreeMap::new() }
    }

    fn read(
        &mut self,
        event: &Event<Fact>,
        (ids, group, place, offset): (&Ids, GroupId, PlaceId, u64),
        sight: &Sight<'_>,
        report: &mut Report,
    ) {
        let next = offset + u64::from(ids.len());
        let read = Read { next, cause: event.cause, at: event.at };
        let Some(last) = self.reads.insert((event.actor, place), read) else { return };
        let whose = if (last.cause, last.at) == (event.cause, event.at) { "internal" } else { "external" };
        let (count, text) = match self.fault {
            Fault::Skips if offset > last.next => {
                (offset - last.next, format!("goes on at {offset} instead of {}", last.next))
            }
            Fault::GoesBack if offset < last.next => {
                (1, format!("goes back to {offset}, had read below {}", last.next))
            }
            Fault::Skips | Fault::GoesBack => return,
        };
        report.note(count, || {
            let (who, name) = (sight.actor(event.actor), sight.stage.place_name(place));
            let text = format!("{who} {text} in {name} ({whose})");
            let witness = Witness::new(event.serial, event.at, text).group(sight.stage, group);
            witness.place(sight.stage, place, Some(offset))
        });
    }
}

impl Check for Polls {
    fn see(&mut self, event: &Event<Fact>, sight: &Sight<'_>, report: &mut Report) {
        match &event.fact {
            Fact::Life(Life::Delivered { ids, group, place, offset })
                if sight.has_place(*place) && sight.has_group(*group) =>
            {
                self.read(event, (ids, *group, *place, *offset), sight, report);
            }
            Fact::Kafka(Kafka::Assigned { places, .. }) => {
                self.reads.retain(|(actor, place), _| *actor != event.actor || places.contains(place));
            }
            Fact::Kafka(Kafka::Revoked { places, .. }) => {
                self.reads.retain(|(actor, place), _| *actor != event.actor || !places.contains(place));
            }
            Fact::Physics(Physics::Crashed { node, .. }) => {
                self.reads.retain(|(actor, _), _| !sight.lives_on(*actor, *node));
            }
            _ => {}
        }
    }
}
