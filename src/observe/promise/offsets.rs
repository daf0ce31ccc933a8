//! `committed-offset-below-high-watermark`.

use std::collections::BTreeMap;

use crate::kernel::{ActorId, Event, Time};
use crate::trace::{Fact, GroupId, Life, PlaceId, Stage};

use super::{Check, Report, Sight, Witness};

/// What is committed in each log, as far as it was told by whose log is read, and by each group.
#[derive(Clone, Debug)]
pub(super) struct Offsets {
    logs: Vec<Log>,
    settled: BTreeMap<(GroupId, PlaceId), u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Log {
    committed: u64,
    /// Whose log it is since another one took over; anybody's before.
    teller: Option<ActorId>,
}

impl Offsets {
    pub(super) fn new(stage: &Stage) -> Self {
        Self { logs: vec![Log::default(); stage.places() as usize], settled: BTreeMap::new() }
    }

    /// A new leader's log ends here: who has committed beyond?
    fn cut(
        &mut self,
        event: &Event<Fact>,
        (place, end): (PlaceId, u64),
        sight: &Sight<'_>,
        report: &mut Report,
    ) {
        let log = &mut self.logs[place.index()];
        (log.teller, log.committed) = (Some(event.actor), log.committed.min(end));
        if sight.at_the_end() || !sight.has_place(place) {
            return;
        }
        for (&(group, of), &settled) in &self.settled {
            if of == place && settled > end && sight.has_group(group) {
                report.note(1, || {
                    let text = format!("{} now ends at {end}", sight.stage.place_name(place));
                    beyond((event.serial, event.at), (group, place, settled), &text, sight)
                });
            }
        }
    }
}

fn beyond(
    (serial, at): (u64, Time),
    (group, place, settled): (GroupId, PlaceId, u64),
    end: &str,
    sight: &Sight<'_>,
) -> Witness {
    let text = format!("{} has committed {settled}, and {end}", sight.stage.groups[group.index()].name);
    Witness::new(serial, at, text).group(sight.stage, group).place(sight.stage, place, Some(settled))
}

impl Check for Offsets {
    fn see(&mut self, event: &Event<Fact>, sight: &Sight<'_>, report: &mut Report) {
        match &event.fact {
            Fact::Life(Life::Committed { place, upto }) => {
                let log = &mut self.logs[place.index()];
                if log.teller.is_none_or(|teller| teller == event.actor) {
                    log.committed = log.committed.max(*upto);
                }
            }
            Fact::Life(Life::Cut { place, from, .. }) => self.cut(event, (*place, *from), sight, report),
            Fact::Life(Life::Settled { group, place, upto }) => {
                self.settled.insert((*group, *place), *upto);
                let committed = self.logs[place.index()].committed;
                let mine = sight.has_place(*place) && sight.has_group(*group) && !sight.at_the_end();
                if mine && *upto > committed {
                    report.note(1, || {
                        let end = format!("the high watermark is {committed}");
                        beyond((event.serial, event.at), (*group, *place, *upto), &end, sight)
                    });
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, now: (u64, Time), sight: &Sight<'_>, report: &mut Report) {
        if !sight.at_the_end() {
            return;
        }
        for (&(group, place), &settled) in &self.settled {
            let committed = self.logs[place.index()].committed;
            if settled > committed && sight.has_place(place) && sight.has_group(group) {
                let end = format!("the high watermark is {committed}");
                report.note(1, || beyond(now, (group, place, settled), &end, sight));
            }
        }
    }
}
