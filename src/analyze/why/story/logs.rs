//! The part of a story that logs play: who leads, who is in sync, what is cut off and what comes back.

use crate::kernel::{ActorId, Event};
use crate::scenario::origin::Bearer;
use crate::trace::kafka::{BrokerId, Kafka};
use crate::trace::{Fact, Life, PlaceId, Reason, Reign};

use super::super::step::{Legality, What};
use super::{Partition, Teller};

impl Teller<'_> {
    pub(super) fn cut(
        &mut self,
        event: &Event<Fact>,
        place: PlaceId,
        (from, log): (u64, Option<&[Reign]>),
        why: Reason,
    ) {
        let partition = self.places.entry(place).or_default();
        partition.high_watermark = partition.high_watermark.min(from);
        self.logs.extend(log.map(|log| ((event.actor, place), log.into())));
        if self.spots.last().is_none_or(|(of, _)| *of != place) {
            return;
        }
        let has_it = self.has_it(event.actor, place, from);
        if self.gone == has_it {
            self.gone = !has_it;
            let what = if has_it { What::Restored { log_end: from } } else { What::Cut { from, why } };
            self.step(event, self.scene.home(event.actor), what);
        }
    }

    /// Whether the log of an actor, which ends there, has the record: by its offset and, where logs may part, by who
    /// wrote it.
    pub(super) fn has_it(&self, actor: ActorId, place: PlaceId, log_end: u64) -> bool {
        let Some((_, offset)) = self.spots.last() else { return false };
        let log = self.logs.get(&(actor, place));
        *offset < log_end && log.is_none_or(|log| Reign::at(log, *offset) == Some(self.reign))
    }

    /// What a log is made of is told at the instant at which it is taken over.
    pub(super) fn note_log(&mut self, event: &Event<Fact>, place: PlaceId) {
        let later = self.events[self.events.partition_point(|other| other.serial <= event.serial)..].iter();
        let log = later.take_while(|other| other.at == event.at).find_map(|other| match &other.fact {
            Fact::Life(Life::Cut { place: of, log: Some(log), .. })
                if *of == place && other.actor == event.actor =>
            {
                Some(log.clone())
            }
            Fact::Life(_)
            | Fact::Kafka(_)
            | Fact::Physics(_)
            | Fact::ZeroMq(_)
            | Fact::Mqtt(_)
            | Fact::Injected(_)
            | Fact::Commanded(_) => None,
        });
        self.logs.extend(log.map(|log| ((event.actor, place), log)));
    }

    pub(super) fn partition_changed(&mut self, event: &Event<Fact>, place: PlaceId, kafka: &Kafka) {
        let Kafka::PartitionChanged { leader, unclean, leader_epoch, isr, elr, .. } = kafka else { return };
        let before = self.places.get(&place).cloned().unwrap_or_default();
        let now = self.places.entry(place).or_default();
        now.leader = *leader;
        now.last_leader = leader.or(before.last_leader);
        now.leader_epoch = *leader_epoch;
        now.isr = isr.to_vec();
        now.elr = elr.to_vec();
        self.in_sync.insert((place, *leader_epoch), isr.to_vec());
        for broker in isr.iter().chain(elr.iter()) {
            if !now.replicas.contains(broker) {
                now.replicas.push(*broker);
            }
        }
        if !self.is_home(place) || before.replicas.is_empty() || self.is_past(event.at) {
            return;
        }
        let what = match leader {
            None if before.leader.is_none() => return,
            None => What::Leaderless { isr: isr.to_vec(), elr: elr.to_vec() },
            Some(leader) if Some(*leader) == before.leader => {
                if before.isr == **isr {
                    return;
                }
                What::InSync { isr: isr.to_vec(), was: before.isr }
            }
            Some(leader) => What::Elected {
                leader: *leader,
                before: before.last_leader,
                leader_epoch: *leader_epoch,
                isr: isr.to_vec(),
                legality: self.legality(place, *leader, *unclean, &before),
                was_in_sync: before.isr,
            },
        };
        let elected = if let What::Elected { legality, .. } = &what { Some(*legality) } else { None };
        let because = match elected {
            Some(Legality::Unclean) => {
                self.because(&self.scene.topic(place), &["unclean.leader.election.enable"])
            }
            Some(Legality::Eligible | Legality::LastKnown) => {
                self.because(&Bearer::Cluster, &["eligible.leader.replicas.version"])
            }
            Some(Legality::First | Legality::InSync) | None => Vec::new(),
        };
        self.step_because(event, "controller", what, because);
    }

    /// Both of the last two are marked as to be recovered by the controller (KIP-966): which of them it was is seen by
    /// what the topic allows and who was left.
    fn legality(&self, place: PlaceId, leader: BrokerId, unclean: bool, before: &Partition) -> Legality {
        let allowed = self.scene.value(&self.scene.topic(place), "unclean.leader.election.enable") == "true";
        let last_known = before.isr.is_empty() && before.last_leader == Some(leader);
        if before.isr.contains(&leader) {
            Legality::InSync
        } else if last_known && (!unclean || !allowed) {
            Legality::LastKnown
        } else if unclean {
            Legality::Unclean
        } else {
            Legality::Eligible
        }
    }
}
