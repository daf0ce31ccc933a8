//! The second look at a run: the lives of a few records, and how far logs, watermarks and commits were when it
//! mattered to them.
//!
//! **Invariant.** What is kept follows the records asked about and the blows to the system, not the length of the
//! run.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::{Event, Observer};
use crate::trace::kafka::Kafka;
use crate::trace::{Fact, GroupId, Ids, Life, PlaceId, RecordId};

use super::outcome::is_annal;
use super::root::is_blow;

/// Watches the second run.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    followed: BTreeSet<RecordId>,
    kept: Vec<Event<Fact>>,
    /// Where followed records have lain.
    spots: BTreeMap<(PlaceId, u64), Spot>,
    /// The last word about each place and reader, kept when something happens.
    pending: BTreeMap<Pending, Event<Fact>>,
}

#[derive(Clone, Debug, Default)]
struct Spot {
    committed: bool,
    settled: BTreeSet<GroupId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pending {
    Committed(PlaceId),
    Stored(PlaceId),
    Settled(PlaceId, GroupId),
}

impl Evidence {
    /// Follows these records.
    pub fn new(followed: impl IntoIterator<Item = RecordId>) -> Self {
        Self { followed: followed.into_iter().collect(), ..Self::default() }
    }

    /// What was kept, in order; without what [`super::outcome::Outcomes`] keeps of the system.
    pub fn into_events(mut self) -> Vec<Event<Fact>> {
        self.kept.sort_by_key(|event| event.serial);
        self.kept.dedup_by_key(|event| event.serial);
        self.kept
    }

    fn touches(&self, ids: &Ids) -> bool {
        ids.runs(0, ids.len()).any(|run| {
            let last = run.first.plus(u64::from(run.records) - 1);
            self.followed.range(run.first..=last).next().is_some()
        })
    }

    fn life(&mut self, event: &Event<Fact>, life: &Life) {
        match life {
            Life::Offered { first, records, .. } => {
                self.keep_if_touched(event, &Ids::Range { first: *first, records: *records });
            }
            Life::Accepted { ids, .. }
            | Life::Rejected { ids, .. }
            | Life::Unknown { ids, .. }
            | Life::Dropped { ids, .. }
            | Life::DeadLettered { ids, .. }
            | Life::Delivered { ids, .. }
            | Life::Processed { ids, .. }
            | Life::Failed { ids, .. }
            | Life::Acknowledged { ids, .. }
            | Life::Missed { ids, .. }
            | Life::Resent { ids, .. }
            | Life::Ignored { ids, .. } => self.keep_if_touched(event, ids),
            Life::Stored { ids, place, offset } => self.stored(event, ids, *place, *offset),
            Life::Committed { place, upto } => self.committed(event, *place, *upto),
            Life::Settled { group, place, upto } => self.settled(event, *group, *place, *upto),
            Life::Cut { .. } | Life::Expired { .. } | Life::Skipped { .. } | Life::Withheld { .. } => {}
        }
    }

    fn keep_if_touched(&mut self, event: &Event<Fact>, ids: &Ids) {
        if self.touches(ids) {
            self.flush();
            self.kept.push(event.clone());
        }
    }

    fn stored(&mut self, event: &Event<Fact>, ids: &Ids, place: PlaceId, offset: u64) {
        let end = offset + u64::from(ids.len());
        if self.touches(ids) {
            self.flush();
            for (at, id) in (offset..).zip(ids.iter()) {
                if self.followed.contains(&id) {
                    self.spots.entry((place, at)).or_default();
                }
            }
            self.kept.push(event.clone());
        } else if self.spots.range((place, offset)..(place, end)).next().is_some() {
            // Its offset is given to another one.
            self.kept.push(event.clone());
        }
        if !self.spots.is_empty() || self.followed.is_empty() {
            self.pending.insert(Pending::Stored(place), event.clone());
        }
    }

    fn committed(&mut self, event: &Event<Fact>, place: PlaceId, upto: u64) {
        let mut passes = false;
        for (_, spot) in self.spots.range_mut((place, 0)..(place, upto)) {
            passes |= !spot.committed;
            spot.committed = true;
        }
        if passes {
            self.kept.push(event.clone());
        }
        self.pending.insert(Pending::Committed(place), event.clone());
    }

    fn settled(&mut self, event: &Event<Fact>, group: GroupId, place: PlaceId, upto: u64) {
        let mut passes = false;
        for (_, spot) in self.spots.range_mut((place, 0)..(place, upto)) {
            passes |= spot.settled.insert(group);
        }
        if passes {
            self.kept.push(event.clone());
        }
        self.pending.insert(Pending::Settled(place, group), event.clone());
    }

    /// Something happened: how far everything was is worth keeping.
    fn flush(&mut self) {
        self.kept.extend(std::mem::take(&mut self.pending).into_values());
    }
}

impl Observer<Fact> for Evidence {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events {
            match &event.fact {
                Fact::Life(life) if !is_annal(&event.fact) => self.life(event, life),
                Fact::Kafka(Kafka::Retried { ids, .. } | Kafka::Deduplicated { ids, .. }) => {
                    self.keep_if_touched(event, ids);
                }
                Fact::Kafka(Kafka::PartitionChanged { .. } | Kafka::Positioned { .. }) => self.flush(),
                Fact::Life(_)
                | Fact::Kafka(_)
                | Fact::Physics(_)
                | Fact::ZeroMq(_)
                | Fact::Mqtt(_)
                | Fact::Injected(_)
                | Fact::Commanded(_) => {
                    if is_blow(event) {
                        self.flush();
                    }
                }
            }
        }
    }
}

/// The lives of some records among everything that happened to the system, in order.
pub fn merge(annals: &[Event<Fact>], lives: Vec<Event<Fact>>) -> Vec<Event<Fact>> {
    debug_assert!(lives.iter().all(|event| !is_annal(&event.fact)), "each is kept once");
    let mut all = annals.to_vec();
    all.extend(lives);
    all.sort_by_key(|event| event.serial);
    all
}
