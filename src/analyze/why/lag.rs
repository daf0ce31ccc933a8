//! Why a group fell behind: what arrived against what was worked off, by whom, and what stood in the way.
//!
//! **Invariant.** Memory is bounded: a run is divided into at most [`SLOTS`] stretches, whatever its length.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::kernel::{ActorId, Duration, Event, Observer, Time};
use crate::trace::kafka::{GroupState, Kafka};
use crate::trace::{Fact, GroupId, Life, PlaceId, Stage, reason_name};

use super::root::{is_blow, struck_node};
use super::scene::Scene;

/// The number of stretches that a run is divided into.
const SLOTS: u64 = 400;

/// Counts what arrives and what is worked off, over time.
#[derive(Clone, Debug)]
pub struct Flow {
    stage: Arc<Stage>,
    slot: Duration,
    slots: Vec<Slot>,
    committed: Vec<u64>,
    settled: BTreeMap<(GroupId, PlaceId), u64>,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    /// Records that became readable, by place.
    arrived: BTreeMap<PlaceId, u64>,
    /// Records processed, by who did it and from where.
    processed: BTreeMap<(GroupId, ActorId, PlaceId), u64>,
    /// Records that wait, by group and place, at the end of the stretch.
    lag: BTreeMap<(GroupId, PlaceId), u64>,
}

/// A rise of a group's lag, explained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rise {
    /// The group.
    pub group: String,
    /// When it began.
    pub from: Time,
    /// When it was highest.
    pub to: Time,
    /// Lag at the beginning.
    pub lag_before: u64,
    /// Lag at its highest.
    pub lag_most: u64,
    /// Records that arrived a second in that time.
    pub arrivals_per_second: f64,
    /// Records that were worked off a second in that time.
    pub processed_per_second: f64,
    /// The most that one member worked off in a second of that time.
    pub best_member_per_second: f64,
    /// Members that worked in that time.
    pub members: u32,
    /// What stood in the way, the weightiest first.
    pub causes: Vec<LagCause>,
}

/// What makes lag rise.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LagCause {
    /// The group did not work because it rebalanced.
    Rebalance {
        /// When it began.
        at: Time,
        /// How long it took, as far as it lies in the rise.
        took: Duration,
        /// Why.
        why: String,
    },
    /// Something was struck.
    Fault {
        /// When.
        at: Time,
        /// Whom.
        node: String,
    },
    /// A member that had worked did nothing more.
    StuckMember {
        /// Who.
        member: String,
        /// How long it did nothing.
        silent: Duration,
        /// Records that waited for it.
        waiting: u64,
    },
    /// One partition gets more than its share.
    HotPartition {
        /// Which.
        place: String,
        /// Its share of what arrived, in thousandths.
        arrivals_per_mille: u64,
        /// Its share of what waits, in thousandths.
        lag_per_mille: u64,
        /// How many partitions there are.
        partitions: u64,
    },
    /// More arrives than all members together work off.
    Overload {
        /// Records a second that arrive.
        arrivals_per_second: f64,
        /// Records a second that the members work off.
        capacity_per_second: f64,
    },
}

impl Flow {
    /// Nothing counted yet, for a run of this length.
    pub fn new(stage: Arc<Stage>, length: Duration) -> Self {
        let slot = (length / SLOTS).saturating_sub(Duration::ZERO).max(Duration::from_millis(50));
        let committed = vec![0; stage.places() as usize];
        Self { stage, slot, slots: Vec::new(), committed, settled: BTreeMap::new() }
    }

    /// The stretch of an instant; those before it are closed.
    fn slot(&mut self, at: Time) -> &mut Slot {
        let index = (at.as_nanos() / self.slot.as_nanos()) as usize;
        while self.slots.len() <= index {
            let lag = self.lag();
            if let Some(last) = self.slots.last_mut() {
                last.lag = lag;
            }
            self.slots.push(Slot::default());
        }
        self.slots.last_mut().expect("one was pushed")
    }

    fn lag(&self) -> BTreeMap<(GroupId, PlaceId), u64> {
        let mut lag = BTreeMap::new();
        for (index, group) in self.stage.groups.iter().enumerate() {
            let group_id = GroupId(index as u32);
            for place in group.reads.iter().flat_map(|channel| self.stage.channels[channel.index()].places())
            {
                let settled = self.settled.get(&(group_id, place)).copied().unwrap_or(0);
                let waits = self.committed[place.index()].saturating_sub(settled);
                if waits > 0 {
                    lag.insert((group_id, place), waits);
                }
            }
        }
        lag
    }

    /// The largest rise of a group's lag, explained; none when it never rose.
    pub fn largest_rise(&self, scene: &Scene, annals: &[Event<Fact>], group: GroupId) -> Option<Rise> {
        let totals: Vec<u64> = self
            .slots
            .iter()
            .map(|slot| slot.lag.iter().filter(|((of, _), _)| *of == group).map(|(_, lag)| lag).sum())
            .collect();
        let (top, &most) =
            totals.iter().enumerate().max_by_key(|(index, lag)| (**lag, std::cmp::Reverse(*index)))?;
        if most == 0 {
            return None;
        }
        // It began where it was last as low as a tenth of its height.
        let bottom = totals[..top].iter().rposition(|lag| *lag <= most / 10).unwrap_or(0);
        Some(self.explain(scene, annals, group, (bottom, top), (totals[bottom], most)))
    }

    fn explain(
        &self,
        scene: &Scene,
        annals: &[Event<Fact>],
        group: GroupId,
        (bottom, top): (usize, usize),
        (lag_before, lag_most): (u64, u64),
    ) -> Rise {
        let span = &self.slots[bottom..=top];
        let (from, to) = (self.begin(bottom), self.begin(top + 1));
        let seconds = to.since(from).as_secs_f64();
        let reads =
            |place: &PlaceId| self.stage.groups[group.index()].reads.contains(&self.stage.channel_of(*place));
        let mut arrived: BTreeMap<PlaceId, u64> = BTreeMap::new();
        let mut processed: BTreeMap<ActorId, u64> = BTreeMap::new();
        let mut best = 0;
        for slot in span {
            for (place, count) in slot.arrived.iter().filter(|(place, _)| reads(place)) {
                *arrived.entry(*place).or_default() += count;
            }
            let mut each: BTreeMap<ActorId, u64> = BTreeMap::new();
            for ((_, actor, _), count) in slot.processed.iter().filter(|((of, ..), _)| *of == group) {
                *each.entry(*actor).or_default() += count;
                *processed.entry(*actor).or_default() += count;
            }
            best = best.max(each.into_values().max().unwrap_or(0));
        }
        let per_second = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        let mut rise = Rise {
            group: scene.group(group).to_owned(),
            from,
            to,
            lag_before,
            lag_most,
            arrivals_per_second: per_second(arrived.values().sum()),
            processed_per_second: per_second(processed.values().sum()),
            best_member_per_second: best as f64 / self.slot.as_secs_f64(),
            members: processed.len() as u32,
            causes: Vec::new(),
        };
        rise.causes.extend(rebalances(annals, group, from, to));
        rise.causes.extend(faults(scene, annals, from, to));
        rise.causes.extend(self.stuck(scene, group, (bottom, top)));
        rise.causes.extend(self.hot(group, &arrived, top));
        if rise.causes.is_empty()
            || rise.arrivals_per_second > rise.processed_per_second * 1.05 && only_hot(&rise)
        {
            rise.causes.push(LagCause::Overload {
                arrivals_per_second: rise.arrivals_per_second,
                capacity_per_second: rise.processed_per_second,
            });
        }
        rise
    }

    fn begin(&self, slot: usize) -> Time {
        Time::ZERO + Duration::from_nanos(self.slot.as_nanos() * slot as u64)
    }

    /// Members that worked before and did nothing for the last half of the rise, although records waited for them.
    fn stuck(&self, scene: &Scene, group: GroupId, (bottom, top): (usize, usize)) -> Vec<LagCause> {
        let mut last: BTreeMap<ActorId, (usize, Vec<PlaceId>)> = BTreeMap::new();
        for (index, slot) in self.slots[..=top].iter().enumerate() {
            for (_, actor, place) in slot.processed.keys().filter(|(of, ..)| *of == group) {
                let entry = last.entry(*actor).or_insert((index, Vec::new()));
                if entry.0 != index {
                    *entry = (index, Vec::new());
                }
                entry.1.push(*place);
            }
        }
        let middle = bottom + (top - bottom) / 2;
        let silent = last.into_iter().filter(|(_, (index, _))| *index < middle);
        let causes = silent.map(|(actor, (index, places))| LagCause::StuckMember {
            member: scene.home(actor).to_owned(),
            silent: self.begin(top).since(self.begin(index)),
            waiting: places
                .iter()
                .map(|place| self.slots[top].lag.get(&(group, *place)).copied().unwrap_or(0))
                .sum(),
        });
        causes.filter(|cause| !matches!(cause, LagCause::StuckMember { waiting: 0, .. })).collect()
    }

    /// A place with more than twice its share of what waits and of what arrived.
    fn hot(&self, group: GroupId, arrived: &BTreeMap<PlaceId, u64>, top: usize) -> Option<LagCause> {
        let places = arrived.len() as u64;
        let all: u64 = arrived.values().sum();
        let lag = |place: &PlaceId| self.slots[top].lag.get(&(group, *place)).copied().unwrap_or(0);
        let waiting: u64 = arrived.keys().map(lag).sum();
        let (place, count) =
            arrived.iter().max_by_key(|(place, count)| (**count, std::cmp::Reverse(**place)))?;
        let share = |part: u64, of: u64| (part * 1_000).checked_div(of).unwrap_or(0);
        let (arrivals_per_mille, lag_per_mille) = (share(*count, all), share(lag(place), waiting));
        let fair = 1_000 / places;
        let hot = places > 1 && arrivals_per_mille * 2 > fair * 3 && lag_per_mille > arrivals_per_mille;
        hot.then(|| LagCause::HotPartition {
            place: self.stage.place_name(*place),
            arrivals_per_mille,
            lag_per_mille,
            partitions: places,
        })
    }
}

fn only_hot(rise: &Rise) -> bool {
    rise.causes.iter().all(|cause| matches!(cause, LagCause::HotPartition { .. }))
}

fn rebalances(annals: &[Event<Fact>], group: GroupId, from: Time, to: Time) -> Vec<LagCause> {
    let mut causes = Vec::new();
    let mut open: Option<(Time, String)> = None;
    for event in annals.iter().take_while(|event| event.at <= to) {
        let Fact::Kafka(Kafka::GroupChanged { group: of, to: state, why, .. }) = &event.fact else {
            continue;
        };
        if *of != group {
            continue;
        }
        match state {
            GroupState::PreparingRebalance if open.is_none() => {
                open = Some((event.at, reason_name(*why).to_owned()));
            }
            GroupState::Stable => {
                if let Some((at, why)) = open.take().filter(|_| event.at > from) {
                    causes.push(LagCause::Rebalance { at, took: event.at.since(at.max(from)), why });
                }
            }
            GroupState::PreparingRebalance
            | GroupState::CompletingRebalance
            | GroupState::Empty
            | GroupState::Dead => {}
        }
    }
    causes.extend(open.map(|(at, why)| LagCause::Rebalance { at, took: to.since(at.max(from)), why }));
    causes
}

fn faults(scene: &Scene, annals: &[Event<Fact>], from: Time, to: Time) -> Vec<LagCause> {
    // What was struck shortly before may still be felt.
    const BEFORE: Duration = Duration::from_secs(15);
    let near = |event: &&Event<Fact>| event.at + BEFORE > from && event.at <= to && is_blow(event);
    let named = annals.iter().filter(near).filter_map(|event| Some((event.at, struck_node(event)?)));
    named.map(|(at, node)| LagCause::Fault { at, node: scene.cast.node(node).to_owned() }).collect()
}

impl Observer<Fact> for Flow {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events {
            match &event.fact {
                Fact::Life(Life::Committed { place, upto }) => {
                    let known = self.committed[place.index()];
                    *self.slot(event.at).arrived.entry(*place).or_default() += upto.saturating_sub(known);
                    self.committed[place.index()] = known.max(*upto);
                }
                Fact::Life(Life::Settled { group, place, upto }) => {
                    self.slot(event.at);
                    self.settled.insert((*group, *place), *upto);
                }
                // One by one, in whatever order: how many is all that lag asks.
                Fact::Life(Life::Acknowledged { ids, group, place }) => {
                    self.slot(event.at);
                    *self.settled.entry((*group, *place)).or_default() += u64::from(ids.len());
                }
                Fact::Life(Life::Skipped { group, place, to, .. }) => {
                    self.slot(event.at);
                    let settled = self.settled.entry((*group, *place)).or_default();
                    *settled = (*settled).max(*to);
                }
                Fact::Life(Life::Processed { ids, group, place, .. }) => {
                    let key = (*group, event.actor, *place);
                    *self.slot(event.at).processed.entry(key).or_default() += u64::from(ids.len());
                }
                Fact::Life(_)
                | Fact::Kafka(_)
                | Fact::Physics(_)
                | Fact::ZeroMq(_)
                | Fact::Mqtt(_)
                | Fact::Injected(_)
                | Fact::Commanded(_) => {}
            }
        }
    }
}

impl Rise {
    /// The rise in one sentence.
    pub fn headline(&self) -> String {
        use crate::analyze::report::{count, rate};
        let first = self.causes.first().map_or_else(String::new, |cause| format!(": {}", cause.sentence()));
        format!(
            "{} fell behind by {} records between {} and {}{first}",
            self.group,
            count(self.lag_most - self.lag_before.min(self.lag_most)),
            self.from,
            self.to
        ) + &format!(
            "; {}/s arrived, {}/s were worked off",
            rate(self.arrivals_per_second),
            rate(self.processed_per_second)
        )
    }
}

impl LagCause {
    /// It in words.
    pub fn sentence(&self) -> String {
        use crate::analyze::report::{count, rate};
        match self {
            Self::Rebalance { at, took, why } => format!("the group rebalanced at {at} for {took} ({why})"),
            Self::Fault { at, node } => format!("{node} was struck at {at}"),
            Self::StuckMember { member, silent, waiting } => {
                format!("{member} did nothing for {silent} while {} records waited for it", count(*waiting))
            }
            Self::HotPartition { place, arrivals_per_mille, lag_per_mille, partitions } => format!(
                "{place} gets {} % of the records (1 of {partitions} partitions) and holds {} % of what waits; one member reads it alone",
                arrivals_per_mille / 10,
                lag_per_mille / 10
            ),
            Self::Overload { arrivals_per_second, capacity_per_second } => format!(
                "{}/s arrive, and all members together work off {}/s",
                rate(*arrivals_per_second),
                rate(*capacity_per_second)
            ),
        }
    }
}
