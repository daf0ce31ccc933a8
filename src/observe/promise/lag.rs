//! `lag-below` and `caught-up`: how far each group is behind, at every change.

use std::collections::VecDeque;

use crate::kernel::{ActorId, Event, Time};
use crate::trace::{Fact, GroupId, Life, PlaceId, Reason, Stage};

use super::{Check, Report, Sight, Witness};

/// Where everybody stands in every place: as the ledger's books see it, at every event.
#[derive(Clone, Debug)]
pub(super) struct Lags {
    places: Vec<Place>,
    /// Committed records not settled, by group.
    totals: Vec<u64>,
}

#[derive(Clone, Debug)]
struct Place {
    committed: u64,
    /// Whose log it is since another one took over; anybody's before.
    teller: Option<ActorId>,
    readers: Vec<Reader>,
}

#[derive(Clone, Debug)]
struct Reader {
    group: GroupId,
    next: u64,
    /// Up to where it was committed when, for what this reader has not settled.
    waiting: VecDeque<(u64, Time)>,
}

impl Reader {
    /// Everything below is done with.
    fn pass(&mut self, upto: u64) {
        self.next = self.next.max(upto);
        while self.waiting.front().is_some_and(|(end, _)| *end <= self.next) {
            self.waiting.pop_front();
        }
    }

    /// The log ends here now.
    fn cut(&mut self, end: u64) {
        self.next = self.next.min(end);
        while self.waiting.len() > 1 && self.waiting[self.waiting.len() - 2].0 >= end {
            self.waiting.pop_back();
        }
        match self.waiting.back_mut() {
            Some(last) if last.0 > end => last.0 = end,
            Some(_) | None => {}
        }
        self.pass(self.next);
    }
}

impl Lags {
    pub(super) fn new(stage: &Stage) -> Self {
        let reader = |group| Reader { group, next: 0, waiting: VecDeque::new() };
        let place = |place| {
            let channel = stage.channel_of(PlaceId(place));
            let counted =
                stage.channels[channel.index()].settles && !stage.channels[channel.index()].internal;
            let readers = stage.readers(channel).filter(|_| counted).map(reader).collect();
            Place { committed: 0, teller: None, readers }
        };
        Self { places: (0..stage.places()).map(place).collect(), totals: vec![0; stage.groups.len()] }
    }

    /// Takes a fact in; the place where something may have changed.
    pub(super) fn see(&mut self, event: &Event<Fact>) -> Option<PlaceId> {
        let Fact::Life(life) = &event.fact else { return None };
        let (place, change): (PlaceId, Change) = match life {
            Life::Committed { place, upto } => (*place, Change::Commit(*upto)),
            Life::Cut { place, from, .. } => (*place, Change::Cut(*from)),
            Life::Settled { group, place, upto } => (*place, Change::Pass(Some(*group), *upto)),
            Life::Skipped { group, place, to, .. } => (*place, Change::Pass(Some(*group), *to)),
            Life::Acknowledged { ids, group, place } => (*place, Change::Count(*group, u64::from(ids.len()))),
            Life::Missed { ids, group, place, why } if *why != Reason::CommittedUnprocessed => {
                (*place, Change::Count(*group, u64::from(ids.len())))
            }
            Life::Expired { place, below, .. } => (*place, Change::Pass(None, *below)),
            Life::Offered { .. }
            | Life::Accepted { .. }
            | Life::Rejected { .. }
            | Life::Unknown { .. }
            | Life::Stored { .. }
            | Life::Dropped { .. }
            | Life::DeadLettered { .. }
            | Life::Delivered { .. }
            | Life::Processed { .. }
            | Life::Failed { .. }
            | Life::Missed { .. }
            | Life::Resent { .. }
            | Life::Withheld { .. }
            | Life::Ignored { .. } => return None,
        };
        self.change(event, place, change);
        Some(place)
    }

    fn change(&mut self, event: &Event<Fact>, place: PlaceId, change: Change) {
        let Self { places, totals } = self;
        let Place { committed, teller, readers } = &mut places[place.index()];
        if matches!(change, Change::Commit(_)) && teller.is_some_and(|teller| teller != event.actor) {
            return;
        }
        let before = *committed;
        match change {
            Change::Commit(upto) => *committed = upto.max(before),
            Change::Cut(end) => (*teller, *committed) = (Some(event.actor), before.min(end)),
            Change::Pass(..) | Change::Count(..) => {}
        }
        for reader in readers {
            let total = &mut totals[reader.group.index()];
            *total -= before.saturating_sub(reader.next);
            match change {
                Change::Commit(upto) if upto > before && upto > reader.next => {
                    reader.waiting.push_back((upto, event.at));
                }
                Change::Cut(end) => reader.cut(end),
                Change::Pass(group, upto) if group.is_none_or(|group| group == reader.group) => {
                    reader.pass(upto);
                }
                Change::Count(group, records) if group == reader.group => {
                    reader.pass(reader.next + records);
                }
                Change::Commit(_) | Change::Pass(..) | Change::Count(..) => {}
            }
            *total += committed.saturating_sub(reader.next);
        }
    }

    /// Of all places of a group.
    pub(super) fn total(&self, group: GroupId) -> u64 {
        self.totals[group.index()]
    }

    /// Of the places that the expectation is about: place, group, lag, and since when the oldest waits.
    pub(super) fn each<'a>(
        &'a self,
        sight: &'a Sight<'_>,
    ) -> impl Iterator<Item = (PlaceId, GroupId, u64, Option<Time>)> + 'a {
        let places = (0..).map(PlaceId).zip(&self.places).filter(|(place, _)| sight.has_place(*place));
        places.flat_map(|(id, place)| {
            let readers = place.readers.iter().filter(|reader| sight.has_group(reader.group));
            readers.map(move |reader| {
                let since = reader.waiting.front().map(|(_, at)| *at);
                (id, reader.group, place.committed.saturating_sub(reader.next), since)
            })
        })
    }

    /// The lag of a group in the places that the expectation is about.
    fn of(&self, group: GroupId, sight: &Sight<'_>) -> u64 {
        if sight.expectation.topic.is_none() {
            return self.total(group);
        }
        self.each(sight).filter(|(_, of, ..)| *of == group).map(|(_, _, lag, _)| lag).sum()
    }

    /// Since when the oldest record that a group has not settled is committed, and where.
    fn oldest(&self, group: GroupId, sight: &Sight<'_>) -> Option<(Time, PlaceId)> {
        let of_group = self.each(sight).filter(|(_, of, ..)| *of == group);
        of_group.filter_map(|(place, _, _, since)| Some((since?, place))).min()
    }
}

#[derive(Clone, Copy)]
enum Change {
    Commit(u64),
    Cut(u64),
    Pass(Option<GroupId>, u64),
    /// So many more are done with, whichever they are.
    Count(GroupId, u64),
}

/// Whether each group is at or above the bound now.
#[derive(Clone, Debug)]
pub(super) struct LagBelow {
    lags: Lags,
    above: Vec<bool>,
}

impl LagBelow {
    pub(super) fn new(stage: &Stage) -> Self {
        Self { lags: Lags::new(stage), above: vec![false; stage.groups.len()] }
    }

    /// Judges one group; reports when the bound is reached, and again only after it was below.
    fn judge(&mut self, group: GroupId, now: (u64, Time), sight: &Sight<'_>, report: &mut Report) {
        let found = self.reached(group, now, sight);
        let before = std::mem::replace(&mut self.above[group.index()], found.is_some());
        if let Some(witness) = found.filter(|_| !before) {
            report.note(1, || witness.group(sight.stage, group));
        }
    }

    fn reached(&self, group: GroupId, (serial, at): (u64, Time), sight: &Sight<'_>) -> Option<Witness> {
        let name = &sight.stage.groups[group.index()].name;
        if let Some(bound) = sight.expectation.records {
            let lag = self.lags.of(group, sight);
            let text = || format!("{name} is {lag} records behind");
            return (lag >= bound).then(|| Witness::new(serial, at, text()));
        }
        let bound = sight.expectation.time?;
        let (since, place) = self.lags.oldest(group, sight)?;
        let text = || {
            let place = sight.stage.place_name(place);
            format!("{name} has not settled a record of {place} that is committed since {since}")
        };
        (at.since(since) >= bound).then(|| Witness::new(serial, at, text()).place(sight.stage, place, None))
    }
}

impl Check for LagBelow {
    fn see(&mut self, event: &Event<Fact>, sight: &Sight<'_>, report: &mut Report) {
        let judged = !sight.at_the_end() && event.at >= sight.warm_up;
        let now = (event.serial, event.at);
        // A record that has just been settled had waited until now.
        if let Fact::Life(Life::Settled { group, .. } | Life::Acknowledged { group, .. }) = &event.fact
            && judged
            && sight.expectation.time.is_some()
            && sight.has_group(*group)
        {
            self.judge(*group, now, sight, report);
        }
        let Some(place) = self.lags.see(event).filter(|place| judged && sight.has_place(*place)) else {
            return;
        };
        let channel = sight.stage.channel_of(place);
        for group in sight.stage.readers(channel).filter(|group| sight.has_group(*group)) {
            self.judge(group, now, sight, report);
        }
    }

    fn close(&mut self, now: (u64, Time), sight: &Sight<'_>, report: &mut Report) {
        for group in (0..self.above.len() as u32).map(GroupId).filter(|group| sight.has_group(*group)) {
            self.judge(group, now, sight, report);
        }
    }
}

/// Looks at the end alone.
#[derive(Clone, Debug)]
pub(super) struct CaughtUp {
    lags: Lags,
}

impl CaughtUp {
    pub(super) fn new(stage: &Stage) -> Self {
        Self { lags: Lags::new(stage) }
    }
}

impl Check for CaughtUp {
    fn see(&mut self, event: &Event<Fact>, _: &Sight<'_>, _: &mut Report) {
        self.lags.see(event);
    }

    fn close(&mut self, (serial, at): (u64, Time), sight: &Sight<'_>, report: &mut Report) {
        for (place, group, lag, _) in self.lags.each(sight).filter(|(_, _, lag, _)| *lag > 0) {
            report.note(1, || {
                let (name, group_name) =
                    (sight.stage.place_name(place), &sight.stage.groups[group.index()].name);
                let text = format!("{group_name} is {lag} records behind in {name}");
                Witness::new(serial, at, text).group(sight.stage, group).place(sight.stage, place, None)
            });
        }
    }
}
