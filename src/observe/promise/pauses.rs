//! `rebalance-pause-below`.

use crate::kernel::{Event, Time};
use crate::trace::kafka::{GroupReason, GroupState, Kafka};
use crate::trace::{Fact, GroupId, Stage, reason_name};

use super::{Check, Report, Sight, Witness};

/// Since when, and why, each group is not stable any more.
#[derive(Clone, Debug)]
pub(super) struct Pauses {
    began: Vec<Option<(Time, GroupReason)>>,
}

impl Pauses {
    pub(super) fn new(stage: &Stage) -> Self {
        Self { began: vec![None; stage.groups.len()] }
    }

    fn ends(&mut self, group: GroupId, (serial, at): (u64, Time), sight: &Sight<'_>, report: &mut Report) {
        let Some((began, why)) = self.began[group.index()].take() else { return };
        let bound = sight.expectation.time.expect("checked: it has a bound");
        let took = at.since(began);
        if took >= bound {
            report.note(1, || {
                let (name, why) = (&sight.stage.groups[group.index()].name, reason_name(why));
                let text = format!("{name} rebalanced for {took}, since {began}: {why}");
                Witness::new(serial, at, text).group(sight.stage, group)
            });
        }
    }
}

impl Check for Pauses {
    fn see(&mut self, event: &Event<Fact>, sight: &Sight<'_>, report: &mut Report) {
        let Fact::Kafka(Kafka::GroupChanged { group, from, to, why, .. }) = &event.fact else { return };
        if !sight.has_group(*group) {
            return;
        }
        match (from, to) {
            (GroupState::Stable, GroupState::PreparingRebalance) => {
                self.began[group.index()] = Some((event.at, *why));
            }
            (_, GroupState::Stable) => self.ends(*group, (event.serial, event.at), sight, report),
            (_, GroupState::Empty | GroupState::Dead) => self.began[group.index()] = None,
            (_, GroupState::PreparingRebalance | GroupState::CompletingRebalance) => {}
        }
    }

    fn close(&mut self, now: (u64, Time), sight: &Sight<'_>, report: &mut Report) {
        for group in (0..self.began.len() as u32).map(GroupId) {
            self.ends(group, now, sight, report);
        }
    }
}
