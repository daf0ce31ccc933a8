//! `recovers-within`: how long until nothing waits that did not wait before the fault.
//!
//! What waits is counted in records: offered and not answered, and committed and not settled. While no partition
//! has a leader nothing is committed, so lag alone would call a dead system healthy.

use crate::kernel::{Duration, Event, Time};
use crate::trace::{Fact, GroupId, Ids, Life, Phase, Stage};

use super::lag::Lags;
use super::{Check, Report, Sight, Witness};

/// What waits, and since when it is more than usual.
#[derive(Clone, Debug)]
pub(super) struct Recovery {
    lags: Lags,
    unanswered: u64,
    /// The most that waited before the first fault, from the warm-up on.
    usual: u64,
    /// Faults that have begun and not ended.
    open: u32,
    /// When the last of them ended; none while one is open or before the first.
    healed: Option<Time>,
    struck: bool,
    /// Since when more than usual waits.
    above: Option<Time>,
    reported: bool,
    /// The longest time above while faults were open: judged when they never end.
    longest: (Duration, Time),
}

impl Recovery {
    pub(super) fn new(stage: &Stage) -> Self {
        Self {
            lags: Lags::new(stage),
            unanswered: 0,
            usual: 0,
            open: 0,
            healed: None,
            struck: false,
            above: None,
            reported: false,
            longest: (Duration::ZERO, Time::ZERO),
        }
    }

    fn waits(&self, sight: &Sight<'_>) -> u64 {
        self.unanswered + self.lags.each(sight).map(|(_, _, lag, _)| lag).sum::<u64>()
    }

    fn usual(&self, sight: &Sight<'_>) -> u64 {
        sight.expectation.records.unwrap_or(self.usual)
    }

    fn answered(&mut self, ids: &Ids, sight: &Sight<'_>) {
        if sight.has_ids(ids) && reads(ids, sight) {
            self.unanswered = self.unanswered.saturating_sub(u64::from(ids.len()));
        }
    }

    /// What waits has changed, or time has passed.
    fn weigh(&mut self, (serial, at): (u64, Time), sight: &Sight<'_>, report: &mut Report) {
        let waits = self.waits(sight);
        if !self.struck {
            if at >= sight.warm_up {
                self.usual = self.usual.max(waits);
            }
            return;
        }
        self.overdue((serial, at), sight, report);
        if waits > self.usual(sight) {
            self.above.get_or_insert(at);
        } else {
            (self.above, self.reported) = (None, false);
        }
    }

    /// Judges the time above that has passed until now.
    fn overdue(&mut self, (serial, at): (u64, Time), sight: &Sight<'_>, report: &mut Report) {
        let Some(above) = self.above else { return };
        let Some(healed) = self.healed else {
            let long = at.since(above);
            if long > self.longest.0 {
                self.longest = (long, above);
            }
            return;
        };
        let since = above.max(healed);
        let bound = sight.expectation.time.expect("checked: it has a bound");
        if at.since(since) > bound && !self.reported {
            self.reported = true;
            report.note(1, || {
                let usual = self.usual(sight);
                let long = at.since(since);
                let text =
                    format!("more than the usual {usual} records have waited for {long}, since {since}");
                Witness::new(serial, at, text)
            });
        }
    }

    fn injected(&mut self, phase: Phase, at: Time) {
        match phase {
            Phase::Begins => {
                self.open += 1;
                self.struck = true;
                self.healed = None;
            }
            Phase::Ends => self.open = self.open.saturating_sub(1),
            Phase::Missed(_) => return,
        }
        if self.open == 0 {
            self.healed = Some(at);
            self.longest = (Duration::ZERO, at);
        }
    }
}

/// Whether the group that is asked about reads what the records are published to.
fn reads(ids: &Ids, sight: &Sight<'_>) -> bool {
    let Some(group) = sight.expectation.group else { return true };
    let channel = ids.iter().next().and_then(|first| sight.sources[first.source() as usize]);
    channel.is_some_and(|channel| group_reads(group, channel, sight.stage))
}

fn group_reads(group: GroupId, channel: crate::trace::ChannelId, stage: &Stage) -> bool {
    stage.groups[group.index()].reads.contains(&channel)
}

impl Check for Recovery {
    fn see(&mut self, event: &Event<Fact>, sight: &Sight<'_>, report: &mut Report) {
        let now = (event.serial, event.at);
        match &event.fact {
            Fact::Injected(injected) => {
                self.weigh(now, sight, report);
                self.injected(injected.phase, event.at);
            }
            Fact::Life(Life::Offered { channel, records, .. }) => {
                let group = sight.expectation.group;
                if sight.has_channel(*channel)
                    && group.is_none_or(|group| group_reads(group, *channel, sight.stage))
                {
                    self.unanswered += u64::from(*records);
                    self.weigh(now, sight, report);
                }
            }
            Fact::Life(
                Life::Accepted { ids, .. } | Life::Rejected { ids, .. } | Life::Unknown { ids, .. },
            ) => {
                self.answered(ids, sight);
                self.weigh(now, sight, report);
            }
            Fact::Life(_) => {
                if self.lags.see(event).is_some() {
                    self.weigh(now, sight, report);
                }
            }
            Fact::Physics(_) | Fact::Kafka(_) | Fact::ZeroMq(_) | Fact::Mqtt(_) | Fact::Commanded(_) => {}
        }
    }

    fn close(&mut self, (serial, at): (u64, Time), sight: &Sight<'_>, report: &mut Report) {
        self.overdue((serial, at), sight, report);
        let bound = sight.expectation.time.expect("checked: it has a bound");
        let (long, since) = self.longest;
        if self.open > 0 && long > bound {
            report.note(1, || {
                let usual = self.usual(sight);
                let text = format!("more than the usual {usual} records waited for {long} since {since}");
                Witness::new(serial, at, text)
            });
        }
    }
}
