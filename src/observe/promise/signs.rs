//! What may happen in a run: `sometimes`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kernel::Event;
use crate::trace::kafka::{BrokerId, GroupReason, GroupState, Kafka, PositionReason};
use crate::trace::mqtt::Mqtt;
use crate::trace::{Fact, GroupId, Ids, Life, Phase, PlaceId, Stage, reason_name, whom_name};

use super::{Check, Promise, Report, Sight, Witness};

/// What has to be remembered to know a change when it comes.
#[derive(Clone, Debug)]
pub(super) struct Signs {
    leaders: Vec<Option<BrokerId>>,
    in_sync: Vec<Option<Arc<[BrokerId]>>>,
    /// Up to where each group was handed each place.
    delivered: BTreeMap<(GroupId, PlaceId), u64>,
}

impl Signs {
    pub(super) fn new(stage: &Stage) -> Self {
        let places = stage.places() as usize;
        Self { leaders: vec![None; places], in_sync: vec![None; places], delivered: BTreeMap::new() }
    }

    /// What the event has of the sign: how much, and the words.
    fn sign(&mut self, event: &Event<Fact>, sight: &Sight<'_>) -> Option<(u64, Witness)> {
        let bare = |text: String| Witness::new(event.serial, event.at, text);
        match &event.fact {
            Fact::Kafka(kafka) => self.kafka(event, kafka, sight),
            Fact::Life(Life::Delivered { ids, group, place, offset })
                if sight.expectation.promise == Promise::RecordRedelivered
                    && !sight.stage.channels[sight.stage.channel_of(*place).index()].one_by_one =>
            {
                let mine = sight.has_place(*place) && sight.has_group(*group);
                let again = self.redelivered((*group, *place), *offset, u64::from(ids.len()));
                let first = ids.iter().next().filter(|_| mine && again > 0)?;
                let text = format!("handed to {} again", sight.actor(event.actor));
                let witness = bare(text).records(sight.stage, first, again).group(sight.stage, *group);
                Some((again, witness.place(sight.stage, *place, Some(*offset))))
            }
            Fact::Mqtt(Mqtt::Received { record, group, dup: true, .. })
                if sight.expectation.promise == Promise::RecordRedelivered =>
            {
                let mine = sight.has_record(*record) && sight.has_group(*group);
                let text = format!("sent to {} again, with DUP", sight.actor(event.actor));
                let witness = bare(text).records(sight.stage, *record, 1).group(sight.stage, *group);
                mine.then_some((1, witness))
            }
            // What lies above is other records from now on.
            Fact::Life(Life::Cut { place, from, .. }) => {
                let ends = self.delivered.iter_mut().filter(|((_, of), _)| of == place);
                ends.for_each(|(_, end)| *end = (*end).min(*from));
                None
            }
            Fact::Injected(injected)
                if injected.phase == Phase::Begins && sight.expectation.promise == Promise::FaultStruck =>
            {
                Some((1, bare(format!("on {}", whom_name(&injected.whom, sight.stage, sight.cast)))))
            }
            Fact::Life(_)
            | Fact::Injected(_)
            | Fact::Commanded(_)
            | Fact::Physics(_)
            | Fact::ZeroMq(_)
            | Fact::Mqtt(_) => None,
        }
    }

    fn redelivered(&mut self, of: (GroupId, PlaceId), offset: u64, records: u64) -> u64 {
        let end = self.delivered.entry(of).or_insert(0);
        let again = end.saturating_sub(offset).min(records);
        *end = (offset + records).max(*end);
        again
    }

    fn kafka(&mut self, event: &Event<Fact>, kafka: &Kafka, sight: &Sight<'_>) -> Option<(u64, Witness)> {
        let promise = sight.expectation.promise;
        let bare = |text: String| Witness::new(event.serial, event.at, text);
        let name = |group: GroupId| &sight.stage.groups[group.index()].name;
        match kafka {
            Kafka::PartitionChanged { place, leader, unclean, isr, .. } => {
                let text = self.partition(promise, *place, *leader, *unclean, isr)?;
                let text = format!("{}: {text}", sight.stage.place_name(*place));
                let witness = bare(text).place(sight.stage, *place, None);
                sight.has_place(*place).then_some((1, witness))
            }
            Kafka::Truncated { place, to, from } if promise == Promise::LogTruncated => {
                let (who, name) = (sight.actor(event.actor), sight.stage.place_name(*place));
                let witness = bare(format!("{name} on {who}: from {from} to {to}"));
                let cut = to < from && sight.has_place(*place);
                cut.then(|| (1, witness.place(sight.stage, *place, Some(*to))))
            }
            Kafka::Fenced { broker } if promise == Promise::BrokerFenced => {
                Some((1, bare(format!("broker-{}", broker.0))))
            }
            Kafka::GroupChanged {
                group,
                from: GroupState::Stable,
                to: GroupState::PreparingRebalance,
                why,
                ..
            } if promise == Promise::RebalanceHappened => {
                let text = format!("{}: {}", name(*group), reason_name(*why));
                self.group(*group, text, event, sight)
            }
            Kafka::MemberLeft { group, why, .. } => {
                let counts = match promise {
                    Promise::ConsumerLeft => true,
                    Promise::ConsumerTimedOut => is_timeout(*why),
                    _ => false,
                };
                let text = format!("{}: {}", name(*group), reason_name(*why));
                if counts { self.group(*group, text, event, sight) } else { None }
            }
            Kafka::CommitFailed { group, error } if promise == Promise::CommitRefused => {
                let text = format!("{} of {}: {error:?}", sight.actor(event.actor), name(*group));
                self.group(*group, text, event, sight)
            }
            Kafka::Deduplicated { ids, place, offset } if promise == Promise::DuplicateRefused => {
                let witness = records(ids, bare("recognised by its sequence number".to_owned()), sight)?;
                let witness = witness.place(sight.stage, *place, Some(*offset));
                sight.has_place(*place).then_some((u64::from(ids.len()), witness))
            }
            Kafka::Retried { ids, attempt, error } if promise == Promise::ProduceRetried => {
                let witness = bare(format!("sent again (retry {attempt}) after {error:?}"));
                Some((u64::from(ids.len()), records(ids, witness, sight)?))
            }
            Kafka::Positioned { group, place, offset, why } if promise == Promise::OffsetReset => {
                let had_one = match why {
                    PositionReason::OutOfRange | PositionReason::Truncated => true,
                    PositionReason::Committed | PositionReason::Reset => false,
                };
                let text = format!("{} goes on at {offset}", sight.actor(event.actor));
                let witness = bare(text).group(sight.stage, *group);
                let mine = had_one && sight.has_place(*place) && sight.has_group(*group);
                mine.then(|| (1, witness.place(sight.stage, *place, Some(*offset))))
            }
            _ => None,
        }
    }

    fn group(
        &self,
        group: GroupId,
        text: String,
        event: &Event<Fact>,
        sight: &Sight<'_>,
    ) -> Option<(u64, Witness)> {
        let witness = || Witness::new(event.serial, event.at, text).group(sight.stage, group);
        sight.has_group(group).then(|| (1, witness()))
    }

    /// Notes how a partition is now, and says what the sign sees in the change.
    fn partition(
        &mut self,
        promise: Promise,
        place: PlaceId,
        leader: Option<BrokerId>,
        unclean: bool,
        isr: &Arc<[BrokerId]>,
    ) -> Option<String> {
        let before = self.leaders[place.index()];
        self.leaders[place.index()] = leader.or(before);
        let was = self.in_sync[place.index()].replace(Arc::clone(isr));
        match promise {
            Promise::LeaderChanged => {
                let (before, leader) = (before?, leader?);
                (before != leader).then(|| format!("broker-{} after broker-{}", leader.0, before.0))
            }
            Promise::UncleanElection => {
                let leader = leader.filter(|_| unclean)?;
                Some(format!("broker-{} leads, and was not in sync", leader.0))
            }
            Promise::IsrShrank => {
                let was = was?.len();
                (isr.len() < was).then(|| format!("{} in sync after {was}", isr.len()))
            }
            _ => None,
        }
    }
}

fn records(ids: &Ids, witness: Witness, sight: &Sight<'_>) -> Option<Witness> {
    Some(witness.records(sight.stage, ids.iter().next()?, u64::from(ids.len())))
}

fn is_timeout(why: GroupReason) -> bool {
    match why {
        GroupReason::SessionTimeout
        | GroupReason::PollTimeout
        | GroupReason::RebalanceTimeout
        | GroupReason::SyncTimeout => true,
        GroupReason::MemberJoined
        | GroupReason::MemberLeft
        | GroupReason::MemberRejoined
        | GroupReason::StaticMemberReplaced
        | GroupReason::MetadataChanged
        | GroupReason::AllJoined
        | GroupReason::Assigned
        | GroupReason::Loaded
        | GroupReason::CooperativeRevocation => false,
    }
}

impl Check for Signs {
    fn see(&mut self, event: &Event<Fact>, sight: &Sight<'_>, report: &mut Report) {
        if let Some((count, witness)) = self.sign(event, sight) {
            report.note(count, || witness);
        }
    }
}
