//! Groups: who is in them, who owns what, and what each rebalance changed.
//!
//! Bounded: [`REBALANCES`] rebalances a group; members are as many as consumers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::kernel::{ActorId, Cast, Duration, NodeId, Physics, Time};
use crate::observe::{GroupView, Watch};
use crate::trace::kafka::{GroupReason, GroupState, Kafka};
use crate::trace::{GroupId, PlaceId, Stage};

use super::detail::{GroupDetail, Health, MemberState, MemberView, Ownership, RebalanceView};

/// Rebalances kept of a group.
const REBALANCES: usize = 64;
/// A trend is taken over so long.
const TREND: Duration = Duration::from_secs(10);
/// A member that was handed nothing for so long, although something was there, stands still.
const PATIENCE: Duration = Duration::from_secs(5);
/// Behind by less is not behind.
const BEHIND: Duration = Duration::from_secs(1);

/// All groups.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    cast: Arc<Cast>,
    all: Vec<OneGroup>,
}

#[derive(Clone, Debug, Default)]
struct OneGroup {
    /// By node: the application and its client live on one.
    members: BTreeMap<NodeId, Member>,
    rebalances: VecDeque<Rebalance>,
}

#[derive(Clone, Debug)]
struct Member {
    name: Arc<str>,
    places: Arc<[PlaceId]>,
    gone: bool,
    /// In which it was given what it owns.
    generation: u32,
    since: Time,
    delivered: Option<Time>,
    processed: u64,
    processed_at_tick: u64,
    rate: u64,
}

#[derive(Clone, Debug)]
struct Rebalance {
    began: Time,
    why: GroupReason,
    generation: u32,
    joined: Option<Time>,
    ended: Option<Time>,
    before: Ownership,
    after: Ownership,
}

impl Groups {
    pub(super) fn new(stage: &Stage, cast: Arc<Cast>) -> Self {
        Self { all: vec![OneGroup::default(); stage.groups.len()], cast }
    }

    pub(super) fn tick(&mut self) {
        for member in self.all.iter_mut().flat_map(|group| group.members.values_mut()) {
            member.rate =
                member.processed - std::mem::replace(&mut member.processed_at_tick, member.processed);
        }
    }

    pub(super) fn delivered(&mut self, at: Time, group: GroupId, actor: ActorId) {
        if let Some(member) = self.member(group, actor) {
            member.delivered = Some(at);
        }
    }

    pub(super) fn processed(&mut self, group: GroupId, actor: ActorId, records: u32) {
        if let Some(member) = self.member(group, actor) {
            member.processed += u64::from(records);
        }
    }

    pub(super) fn physics(&mut self, physics: &Physics) {
        let Physics::Crashed { node, .. } = physics else { return };
        for member in self.all.iter_mut().filter_map(|group| group.members.get_mut(node)) {
            member.gone = true;
            member.places = Arc::from([]);
        }
    }

    pub(super) fn kafka(&mut self, at: Time, actor: ActorId, kafka: &Kafka) {
        match kafka {
            Kafka::Assigned { group, places, generation } => {
                self.assigned(at, *group, actor, (*generation, places));
            }
            Kafka::Revoked { group, places, .. } => self.revoked(*group, actor, places),
            Kafka::GroupChanged { group, to, generation, why, .. } => {
                self.all[group.index()].changed(at, *to, *generation, *why);
            }
            Kafka::ConsumerFailed { group, .. } => {
                if let Some(member) = self.member(*group, actor) {
                    member.gone = true;
                    member.places = Arc::from([]);
                }
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
            | Kafka::MemberJoined { .. }
            | Kafka::MemberLeft { .. }
            | Kafka::Positioned { .. }
            | Kafka::CommitFailed { .. }
            | Kafka::ShuttingDown
            | Kafka::StorageFailed
            | Kafka::LogDigest { .. }
            | Kafka::CoordinatorReady { .. } => {}
        }
    }

    fn member(&mut self, group: GroupId, actor: ActorId) -> Option<&mut Member> {
        let (_, node) = self.cast.actors.get(actor.0 as usize)?;
        self.all[group.index()].members.get_mut(node)
    }

    fn assigned(
        &mut self,
        at: Time,
        group: GroupId,
        actor: ActorId,
        (generation, places): (u32, &Arc<[PlaceId]>),
    ) {
        let Some((_, node)) = self.cast.actors.get(actor.0 as usize) else { return };
        let group = &mut self.all[group.index()];
        let member = group.members.entry(*node).or_insert_with(|| Member {
            name: self.cast.node(*node).into(),
            places: Arc::from([]),
            gone: false,
            generation,
            since: at,
            delivered: None,
            processed: 0,
            processed_at_tick: 0,
            rate: 0,
        });
        member.places = Arc::clone(places);
        member.gone = false;
        member.generation = generation;
        member.since = at;
        let owned = group.owned();
        if let Some(last) = group.rebalances.back_mut() {
            last.after = owned;
        }
    }

    fn revoked(&mut self, group: GroupId, actor: ActorId, places: &[PlaceId]) {
        let Some(member) = self.member(group, actor) else { return };
        member.places = member.places.iter().copied().filter(|place| !places.contains(place)).collect();
    }

    /// Every group; members and rebalances of the one that is looked at.
    pub(super) fn all(&self, watch: &Watch, looked_at: Option<GroupId>) -> Vec<GroupDetail> {
        let one = |(index, group): (usize, &OneGroup)| {
            let id = GroupId(index as u32);
            let view = &watch.group_views()[index];
            let looked_at = looked_at == Some(id);
            let trend = trend(&view.series, watch.now());
            GroupDetail {
                trend,
                health: self.health(watch, id, view, trend),
                members: if looked_at { self.members(watch, id) } else { Vec::new() },
                rebalances: if looked_at {
                    group.rebalances.iter().map(Rebalance::view).collect()
                } else {
                    Vec::new()
                },
            }
        };
        self.all.iter().enumerate().map(one).collect()
    }

    fn members(&self, watch: &Watch, group: GroupId) -> Vec<MemberView> {
        let owners = self.all[group.index()].owners();
        let view = |member: &Member| MemberView {
            name: member.name.to_string(),
            state: member.state(&owners),
            places: Arc::clone(&member.places),
            lag: member.lag(watch, group),
            rate: member.rate,
            delivered: member.delivered,
        };
        self.all[group.index()].members.values().map(view).collect()
    }

    fn health(&self, watch: &Watch, id: GroupId, view: &GroupView, trend: i64) -> Health {
        if let Some(rebalance) = view.rebalances.last().filter(|last| last.took.is_none()) {
            return Health::Rebalances(rebalance.began);
        }
        if matches!(view.state, Some(GroupState::Empty | GroupState::Dead)) {
            return Health::NoMembers;
        }
        if view.behind < BEHIND {
            return Health::Fine;
        }
        if let Some(still) = self.stands_still(watch, id) {
            return still;
        }
        match trend {
            1.. => Health::FallsBehind,
            0 => Health::Behind,
            ..0 => Health::CatchesUp(Duration::from_secs(view.lag / trend.unsigned_abs().max(1))),
        }
    }

    fn stands_still(&self, watch: &Watch, group: GroupId) -> Option<Health> {
        let now = watch.now();
        let owners = self.all[group.index()].owners();
        let mut members = self.all[group.index()].members.values();
        members.find_map(|member| {
            let last = member.delivered.map_or(member.since, |delivered| delivered.max(member.since));
            let idle = now.since(last.min(now));
            let waits = idle >= PATIENCE
                && member.state(&owners) == MemberState::Owns
                && member.lag(watch, group) > 0;
            waits.then(|| Health::StandsStill(member.name.to_string(), idle))
        })
    }
}

impl OneGroup {
    fn owned(&self) -> Ownership {
        let owns = |member: &Member| (Arc::clone(&member.name), Arc::clone(&member.places));
        let owners = self.owners();
        let members = self.members.values();
        members.filter(|member| member.state(&owners) == MemberState::Owns).map(owns).collect()
    }

    /// In which generation each place was given away last.
    fn owners(&self) -> BTreeMap<PlaceId, u32> {
        let mut owners = BTreeMap::new();
        for (place, generation) in self
            .members
            .values()
            .flat_map(|member| member.places.iter().map(|place| (*place, member.generation)))
        {
            let last = owners.entry(place).or_insert(generation);
            *last = generation.max(*last);
        }
        owners
    }

    fn changed(&mut self, at: Time, to: GroupState, generation: u32, why: GroupReason) {
        let open = self.rebalances.back_mut().filter(|last| last.ended.is_none());
        match (to, open) {
            (GroupState::PreparingRebalance, None) => self.begin(at, generation, why),
            (GroupState::CompletingRebalance, Some(open)) => open.joined = Some(at),
            (GroupState::Stable, Some(open)) => {
                open.ended = Some(at);
                open.generation = generation;
            }
            (GroupState::Empty | GroupState::Dead, Some(_)) => {
                self.rebalances.pop_back();
            }
            (GroupState::PreparingRebalance, Some(_))
            | (
                GroupState::CompletingRebalance | GroupState::Stable | GroupState::Empty | GroupState::Dead,
                None,
            ) => {}
        }
    }

    fn begin(&mut self, began: Time, generation: u32, why: GroupReason) {
        let before = self.owned();
        let after = before.clone();
        if self.rebalances.len() == REBALANCES {
            self.rebalances.pop_front();
        }
        self.rebalances.push_back(Rebalance {
            began,
            why,
            generation,
            joined: None,
            ended: None,
            before,
            after,
        });
    }
}

impl Member {
    fn state(&self, owners: &BTreeMap<PlaceId, u32>) -> MemberState {
        let taken = |place: &PlaceId| owners.get(place).is_some_and(|last| *last > self.generation);
        match (self.gone, self.places.is_empty()) {
            (true, _) => MemberState::Gone,
            (false, true) => MemberState::Idle,
            (false, false) if self.places.iter().any(taken) => MemberState::Zombie,
            (false, false) => MemberState::Owns,
        }
    }

    fn lag(&self, watch: &Watch, group: GroupId) -> u64 {
        self.places.iter().map(|place| watch.place_lag(group, *place)).sum()
    }
}

impl Rebalance {
    fn view(&self) -> RebalanceView {
        RebalanceView {
            began: self.began,
            why: self.why,
            generation: self.generation,
            joining: self.joined.map(|joined| joined.since(self.began)),
            took: self.ended.map(|ended| ended.since(self.began)),
            before: self.before.clone(),
            after: self.after.clone(),
            moved: moved(&self.before, &self.after),
        }
    }
}

/// How many partitions have another owner.
fn moved(before: &Ownership, after: &Ownership) -> u32 {
    let owners = |of: &Ownership| -> BTreeMap<PlaceId, Arc<str>> {
        of.iter()
            .flat_map(|(name, places)| places.iter().map(move |place| (*place, Arc::clone(name))))
            .collect()
    };
    let before = owners(before);
    owners(after).iter().filter(|(place, owner)| before.get(place) != Some(owner)).count() as u32
}

/// By how much lag grew a second, lately.
fn trend(series: &[(Time, u64)], now: Time) -> i64 {
    let Some((last_at, last)) = series.last() else { return 0 };
    let since = Time::ZERO + now.since(Time::ZERO).saturating_sub(TREND);
    let first = series.iter().rev().take_while(|(at, _)| *at >= since).last();
    let Some((first_at, first)) = first.filter(|(at, _)| at < last_at) else { return 0 };
    let millis = last_at.since(*first_at).as_millis().max(1) as i64;
    (*last as i64 - *first as i64) * 1_000 / millis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_is_that_of_the_last_ten_seconds() {
        let series: Vec<(Time, u64)> =
            (0..60).map(|second| (Time::from_secs(second), second.saturating_sub(40) * 7)).collect();
        assert_eq!(trend(&series, Time::from_secs(59)), 7);
        assert_eq!(trend(&series[..41], Time::from_secs(40)), 0);
        assert_eq!(trend(&series[..1], Time::from_secs(0)), 0);
        assert_eq!(trend(&[], Time::ZERO), 0);
    }

    #[test]
    fn only_what_changes_hands_has_moved() {
        let owns = |name: &str, places: &[u32]| -> (Arc<str>, Arc<[PlaceId]>) {
            (name.into(), places.iter().copied().map(PlaceId).collect())
        };
        let before = vec![owns("one", &[0, 1, 2, 3])];
        let after = vec![owns("one", &[0, 1]), owns("two", &[2, 3])];
        assert_eq!((moved(&before, &after), moved(&after, &before), moved(&after, &after)), (2, 2, 0));
    }
}
