//! `one-owner-per-partition`.

use std::collections::BTreeMap;

use crate::kernel::{ActorId, Event, Physics, Time};
use crate::trace::kafka::Kafka;
use crate::trace::{Fact, GroupId, PlaceId};

use super::{Check, Report, Sight, Witness};

/// Who believes to own which partition, since when.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners {
    owners: BTreeMap<(GroupId, PlaceId), Vec<(ActorId, Time)>>,
}

impl Owners {
    fn assign(
        &mut self,
        event: &Event<Fact>,
        (group, places): (GroupId, &[PlaceId]),
        sight: &Sight<'_>,
        report: &mut Report,
    ) {
        self.release(|other, place| other == event.actor && !places.contains(&place));
        for &place in places.iter().filter(|place| sight.has_place(**place)) {
            let owners = self.owners.entry((group, place)).or_default();
            if owners.iter().any(|(owner, _)| *owner == event.actor) {
                continue;
            }
            if let Some(&(other, since)) = owners.last().filter(|_| !sight.at_the_end()) {
                report.note(1, || shared(event, (group, place), (other, since), sight));
            }
            owners.push((event.actor, event.at));
        }
    }

    fn release(&mut self, mut gone: impl FnMut(ActorId, PlaceId) -> bool) {
        self.owners.retain(|(_, place), owners| {
            owners.retain(|(owner, _)| !gone(*owner, *place));
            !owners.is_empty()
        });
    }
}

fn shared(
    event: &Event<Fact>,
    (group, place): (GroupId, PlaceId),
    (other, since): (ActorId, Time),
    sight: &Sight<'_>,
) -> Witness {
    let (who, other) = (sight.actor(event.actor), sight.actor(other));
    let text = format!("{who} owns {} now, and {other} does so since {since}", sight.stage.place_name(place));
    Witness::new(event.serial, event.at, text).group(sight.stage, group).place(sight.stage, place, None)
}

impl Check for Owners {
    fn see(&mut self, event: &Event<Fact>, sight: &Sight<'_>, report: &mut Report) {
        match &event.fact {
            Fact::Kafka(Kafka::Assigned { group, places, .. }) if sight.has_group(*group) => {
                self.assign(event, (*group, places), sight, report);
            }
            Fact::Kafka(Kafka::Revoked { group, places, .. }) if sight.has_group(*group) => {
                self.release(|owner, place| owner == event.actor && places.contains(&place));
            }
            Fact::Physics(Physics::Crashed { node, .. }) => {
                self.release(|owner, _| sight.lives_on(owner, *node));
            }
            _ => {}
        }
    }

    fn close(&mut self, (serial, at): (u64, Time), sight: &Sight<'_>, report: &mut Report) {
        if !sight.at_the_end() {
            return;
        }
        for (&(group, place), owners) in self.owners.iter().filter(|(_, owners)| owners.len() > 1) {
            report.note(1, || {
                let names: Vec<_> = owners.iter().map(|(owner, _)| sight.actor(*owner)).collect();
                let text = format!("{} is owned by {}", sight.stage.place_name(place), names.join(" and "));
                Witness::new(serial, at, text).group(sight.stage, group).place(sight.stage, place, None)
            });
        }
    }
}
