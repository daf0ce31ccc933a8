//! `logs-agree`: the fingerprints of in-sync replicas, block by block.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kernel::{ActorId, Event};
use crate::trace::kafka::{BrokerId, Kafka};
use crate::trace::{Fact, PlaceId, Stage};

use super::{Check, Report, Sight, Witness};

/// What a replica says its log is between two offsets.
#[derive(Clone, Copy, Debug)]
struct Claim {
    actor: ActorId,
    broker: BrokerId,
    digest: u64,
}

/// The claims that hold, of members of the in-sync set.
#[derive(Clone, Debug, Default)]
struct Claims {
    isr: Option<Arc<[BrokerId]>>,
    /// By first and last offset.
    blocks: BTreeMap<(u64, u64), Vec<Claim>>,
}

/// So many blocks of a place are remembered, the latest.
const BLOCKS: usize = 1_024;

impl Claims {
    fn is_in_sync(&self, broker: BrokerId) -> bool {
        self.isr.as_ref().is_none_or(|isr| isr.contains(&broker))
    }

    fn retain(&mut self, mut keep: impl FnMut(u64, &Claim) -> bool) {
        self.blocks.retain(|(_, upto), claims| {
            claims.retain(|claim| keep(*upto, claim));
            !claims.is_empty()
        });
    }

    /// Takes a claim in; another one that contradicts it.
    fn take(&mut self, block: (u64, u64), claim: Claim) -> Option<Claim> {
        let claims = self.blocks.entry(block).or_default();
        claims.retain(|known| known.actor != claim.actor);
        let other = claims.iter().find(|known| known.digest != claim.digest).copied();
        claims.push(claim);
        if self.blocks.len() > BLOCKS {
            self.blocks.pop_first();
        }
        other
    }
}

/// The claims of all places.
#[derive(Clone, Debug)]
pub(super) struct Logs {
    places: Vec<Claims>,
}

impl Logs {
    pub(super) fn new(stage: &Stage) -> Self {
        Self { places: vec![Claims::default(); stage.places() as usize] }
    }

    /// A replica's log ends here now: what it said about more does not hold.
    fn ends(&mut self, actor: ActorId, place: PlaceId, end: u64) {
        self.places[place.index()].retain(|upto, claim| claim.actor != actor || upto <= end);
    }
}

impl Check for Logs {
    fn see(&mut self, event: &Event<Fact>, sight: &Sight<'_>, report: &mut Report) {
        let Fact::Kafka(kafka) = &event.fact else { return };
        match kafka {
            Kafka::PartitionChanged { place, isr, .. } => {
                let claims = &mut self.places[place.index()];
                claims.isr = Some(Arc::clone(isr));
                claims.retain(|_, claim| isr.contains(&claim.broker));
            }
            Kafka::BecameLeader { place, log_end, .. } | Kafka::BecameFollower { place, log_end, .. } => {
                self.ends(event.actor, *place, *log_end);
            }
            Kafka::Truncated { place, to, .. } => self.ends(event.actor, *place, *to),
            Kafka::LogDigest { broker, place, from, upto, digest } if sight.has_place(*place) => {
                let claims = &mut self.places[place.index()];
                if !claims.is_in_sync(*broker) {
                    return;
                }
                let claim = Claim { actor: event.actor, broker: *broker, digest: *digest };
                if let Some(other) = claims.take((*from, *upto), claim) {
                    report.note(1, || {
                        let name = sight.stage.place_name(*place);
                        let (one, two) = (broker.0, other.broker.0);
                        let text = format!(
                            "{name} is not the same on broker-{one} and broker-{two} from {from} to {upto}"
                        );
                        Witness::new(event.serial, event.at, text).place(sight.stage, *place, Some(*from))
                    });
                }
            }
            _ => {}
        }
    }
}
