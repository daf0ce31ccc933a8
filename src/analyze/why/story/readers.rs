//! The part of a story that its readers play: the group, its members, their positions.

use crate::kernel::{Duration, Event};
use crate::scenario::origin::Bearer;
use crate::scenario::units;
use crate::trace::kafka::{GroupReason, GroupState, Kafka, PositionReason};
use crate::trace::{Fact, GroupId, PlaceId};

use super::super::step::What;
use super::Teller;

impl Teller<'_> {
    pub(super) fn group(&mut self, event: &Event<Fact>, kafka: &Kafka) {
        let Some(told) = self.focus.group else { return };
        let who = self.scene.home(event.actor);
        match kafka {
            Kafka::GroupChanged { group, to, generation, members, why, .. }
                if *group == told
                    && !self.is_past(event.at)
                    && *why != GroupReason::Loaded
                    && matches!(
                        to,
                        GroupState::PreparingRebalance | GroupState::Stable | GroupState::Empty
                    ) =>
            {
                let what = What::Group { to: *to, generation: *generation, members: *members, why: *why };
                self.step(event, self.scene.group(told), what);
            }
            Kafka::MemberLeft { group, why, .. } if *group == told && !self.is_past(event.at) => {
                let reader = self.scene.reader(told);
                let because = match why {
                    GroupReason::SessionTimeout => self.because(&reader, &["consumer.session.timeout.ms"]),
                    GroupReason::PollTimeout => self.because(
                        &reader,
                        &["consumer.max.poll.interval.ms", "consumer.max.poll.records", "service"],
                    ),
                    GroupReason::MemberJoined
                    | GroupReason::MemberLeft
                    | GroupReason::RebalanceTimeout
                    | GroupReason::SyncTimeout
                    | GroupReason::MemberRejoined
                    | GroupReason::StaticMemberReplaced
                    | GroupReason::MetadataChanged
                    | GroupReason::AllJoined
                    | GroupReason::Assigned
                    | GroupReason::Loaded
                    | GroupReason::CooperativeRevocation => Vec::new(),
                };
                self.step_because(event, self.scene.group(told), What::Left { why: *why }, because);
            }
            Kafka::Assigned { group, generation, places } if *group == told => {
                let ours = self.home.iter().any(|place| places.contains(place));
                if ours && !self.is_past(event.at) {
                    self.step(event, who, What::Assigned { generation: *generation });
                }
            }
            Kafka::Revoked { group, places, lost } if *group == told => {
                if self.home.iter().any(|place| places.contains(place)) && !self.is_past(event.at) {
                    let because = if *lost {
                        self.because(
                            &self.scene.reader(told),
                            &["consumer.max.poll.interval.ms", "consumer.max.poll.records", "service"],
                        )
                    } else {
                        Vec::new()
                    };
                    self.step_because(event, who, What::Revoked { lost: *lost }, because);
                }
            }
            Kafka::Positioned { group, place, offset, why }
                if *group == told && self.is_home(*place) && !self.is_past(event.at) =>
            {
                let committed = self.settled.get(&(told, *place)).copied();
                // Where a group begins that has not seen the record yet allows nothing, unless that is behind it.
                let matters = self.attempts > 0 || self.lies_below(*place, *offset);
                let because = match why {
                    PositionReason::Committed if matters => {
                        self.because(&self.scene.reader(told), &["commit"])
                    }
                    PositionReason::Reset | PositionReason::OutOfRange | PositionReason::Truncated
                        if matters =>
                    {
                        let mut because =
                            self.because(&self.scene.reader(told), &["consumer.auto.offset.reset"]);
                        if *why == PositionReason::Reset && self.was_away_too_long(event, told, *place) {
                            because.extend(self.because(&Bearer::Cluster, &["offsets.retention.minutes"]));
                        }
                        because
                    }
                    PositionReason::Committed
                    | PositionReason::Reset
                    | PositionReason::OutOfRange
                    | PositionReason::Truncated => Vec::new(),
                };
                let what = What::Positioned { offset: *offset, why: *why, committed };
                self.step_because(event, who, what, because);
            }
            Kafka::CommitFailed { group, error } if *group == told && !self.is_past(event.at) => {
                self.step(event, who, What::CommitFailed { error: *error });
            }
            Kafka::ConsumerFailed { group, error, .. } if *group == told && !self.is_past(event.at) => {
                self.step(event, who, What::Threw { error: *error });
            }
            Kafka::Registered { .. }
            | Kafka::Fenced { .. }
            | Kafka::Unfenced { .. }
            | Kafka::PartitionChanged { .. }
            | Kafka::BecameLeader { .. }
            | Kafka::BecameFollower { .. }
            | Kafka::Truncated { .. }
            | Kafka::Recovered { .. }
            | Kafka::IsrShrinking { .. }
            | Kafka::IsrExpanding { .. }
            | Kafka::Deduplicated { .. }
            | Kafka::Retried { .. }
            | Kafka::EpochBumped { .. }
            | Kafka::GroupChanged { .. }
            | Kafka::MemberJoined { .. }
            | Kafka::MemberLeft { .. }
            | Kafka::Assigned { .. }
            | Kafka::Revoked { .. }
            | Kafka::Positioned { .. }
            | Kafka::CommitFailed { .. }
            | Kafka::ConsumerFailed { .. }
            | Kafka::ShuttingDown
            | Kafka::StorageFailed
            | Kafka::LogDigest { .. }
            | Kafka::CoordinatorReady { .. } => {}
        }
    }

    /// Whether a group that had read this place before was without members for longer than its offsets are kept.
    fn was_away_too_long(&self, event: &Event<Fact>, group: GroupId, place: PlaceId) -> bool {
        let before = || self.events.iter().rev().skip_while(|other| other.serial >= event.serial);
        let emptied = before().find(|other| {
            matches!(other.fact, Fact::Kafka(Kafka::GroupChanged { group: of, to: GroupState::Empty, .. }) if of == group)
        });
        let Some(emptied) = emptied else { return false };
        let had_read = before().any(|other| {
            other.serial < emptied.serial
                && matches!(other.fact, Fact::Kafka(Kafka::Positioned { group: of, place: at, .. })
                    if of == group && at == place)
        });
        had_read && event.at.since(emptied.at) >= self.offsets_are_kept()
    }

    fn offsets_are_kept(&self) -> Duration {
        let text = self.scene.value(&Bearer::Cluster, "offsets.retention.minutes");
        let minutes = text.parse().ok().map(|minutes: u64| Duration::from_secs(60) * minutes);
        minutes.or_else(|| units::duration(text).ok()).unwrap_or(Duration::MAX)
    }
}
