//! `high-watermark-monotone` and `one-leader-per-epoch`.

use std::collections::BTreeMap;

use crate::kernel::{ActorId, Event};
use crate::trace::kafka::{BrokerId, Kafka};
use crate::trace::{Fact, Life, PlaceId, Stage};

use super::{Check, Report, Sight, Witness};

/// The last high watermark of each leader.
#[derive(Clone, Debug, Default)]
pub(super) struct Watermark {
    told: BTreeMap<(PlaceId, ActorId), u64>,
}

impl Check for Watermark {
    fn see(&mut self, event: &Event<Fact>, sight: &Sight<'_>, report: &mut Report) {
        match &event.fact {
            Fact::Kafka(Kafka::BecameLeader { place, high_watermark, .. }) => {
                self.told.insert((*place, event.actor), *high_watermark);
            }
            Fact::Kafka(Kafka::BecameFollower { place, .. }) => _ = self.told.remove(&(*place, event.actor)),
            Fact::Life(Life::Committed { place, upto }) if sight.has_place(*place) => {
                let last = self.told.insert((*place, event.actor), *upto).unwrap_or(0);
                if *upto < last {
                    report.note(1, || {
                        let (who, name) = (sight.actor(event.actor), sight.stage.place_name(*place));
                        let text =
                            format!("the high watermark of {name} on {who} fell from {last} to {upto}");
                        let witness = Witness::new(event.serial, event.at, text);
                        witness.place(sight.stage, *place, Some(*upto))
                    });
                }
            }
            _ => {}
        }
    }
}

/// Who leads in which epoch: by its own word, and by the controller's.
#[derive(Clone, Copy, Debug, Default)]
struct Epoch {
    leads: Option<ActorId>,
    named: Option<BrokerId>,
}

/// The latest epochs of each place.
#[derive(Clone, Debug)]
pub(super) struct Leaders {
    epochs: Vec<BTreeMap<u32, Epoch>>,
}

/// How many epochs of a place are remembered: two leaders of an older one would have come long before.
const EPOCHS: usize = 16;

impl Leaders {
    pub(super) fn new(stage: &Stage) -> Self {
        Self { epochs: vec![BTreeMap::new(); stage.places() as usize] }
    }

    fn epoch(&mut self, place: PlaceId, epoch: u32) -> &mut Epoch {
        let epochs = &mut self.epochs[place.index()];
        epochs.entry(epoch).or_default();
        if epochs.len() > EPOCHS {
            let oldest = *epochs.keys().find(|known| **known != epoch).expect("there are others");
            epochs.remove(&oldest);
        }
        epochs.get_mut(&epoch).expect("entered above")
    }
}

fn second(event: &Event<Fact>, place: PlaceId, text: String, sight: &Sight<'_>) -> Witness {
    let text = format!("{text} of {}", sight.stage.place_name(place));
    Witness::new(event.serial, event.at, text).place(sight.stage, place, None)
}

impl Check for Leaders {
    fn see(&mut self, event: &Event<Fact>, sight: &Sight<'_>, report: &mut Report) {
        match &event.fact {
            Fact::Kafka(Kafka::BecameLeader { place, leader_epoch, .. }) if sight.has_place(*place) => {
                let other = self.epoch(*place, *leader_epoch).leads.replace(event.actor);
                if let Some(other) = other.filter(|other| *other != event.actor) {
                    report.note(1, || {
                        let (who, other) = (sight.actor(event.actor), sight.actor(other));
                        let text = format!("{who} and {other} lead in epoch {leader_epoch}");
                        second(event, *place, text, sight)
                    });
                }
            }
            Fact::Kafka(Kafka::PartitionChanged { place, leader: Some(leader), leader_epoch, .. })
                if sight.has_place(*place) =>
            {
                let other = self.epoch(*place, *leader_epoch).named.replace(*leader);
                if let Some(other) = other.filter(|other| other != leader) {
                    report.note(1, || {
                        let (other, leader) = (other.0, leader.0);
                        let text = format!("brokers {other} and {leader} are named in epoch {leader_epoch}");
                        second(event, *place, text, sight)
                    });
                }
            }
            _ => {}
        }
    }
}
