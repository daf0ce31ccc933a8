//! What there is to see of a run at an instant: groups, channels, nodes, promises, in one [`Snapshot`].

use std::sync::Arc;

use serde::Serialize;

use crate::kernel::{Duration, Time};
use crate::trace::kafka::{BrokerId, GroupReason, GroupState};
use crate::trace::{GroupId, PlaceId, Weight};

use super::histogram::Histogram;
use super::ledger::{Balance, Tally};
use super::promise::PromiseView;

/// Lag of a group in a place, at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LagSample {
    /// When.
    pub at: Time,
    /// Whose.
    pub group: GroupId,
    /// Where.
    pub place: PlaceId,
    /// The high watermark.
    pub log_end: u64,
    /// The committed offset; none before the first commit.
    pub committed: Option<u64>,
    /// Records committed to the log and not settled.
    pub lag: u64,
    /// Age of the oldest of them; zero when there are none.
    pub behind: Duration,
}

/// One rebalance of a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rebalance {
    /// When the group stopped being stable.
    pub began: Time,
    /// How long until it was stable again; none when it never was.
    pub took: Option<Duration>,
    /// What set it off.
    #[serde(serialize_with = "reason_in_words")]
    pub why: GroupReason,
    /// The generation that it led to.
    pub generation: u32,
    /// Members after it.
    pub members: u32,
}

fn reason_in_words<S: serde::Serializer>(why: &GroupReason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(crate::trace::reason_name(*why))
}

/// A group as it is seen.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupView {
    /// Its name.
    pub name: String,
    /// Its state; none for systems without group protocol.
    pub state: Option<GroupState>,
    /// Its generation.
    pub generation: u32,
    /// Its members.
    pub members: u32,
    /// Records it has not settled, over all places.
    pub lag: u64,
    /// Age of the oldest of them.
    pub behind: Duration,
    /// The most it ever was, at a sample, and when.
    pub lag_max: (u64, Time),
    /// Records it has processed for the first time.
    pub processed: u64,
    /// Records a second processed, lately.
    pub rate: u64,
    /// Lag over time, oldest first.
    pub series: Vec<(Time, u64)>,
    /// Its rebalances.
    pub rebalances: Vec<Rebalance>,
    /// Time from offer to first processing, after the warm-up.
    pub latency: Histogram,
}

/// A channel as it is seen.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelView {
    /// Its name.
    pub name: String,
    /// How many places.
    pub places: u32,
    /// Records offered to it.
    pub offered: u64,
    /// Records a second offered, lately.
    pub rate: u64,
    /// Sum of the committed ends of its places.
    pub committed: u64,
}

/// A node as it is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: NodeState,
    /// For a broker: how many partitions of users it leads.
    pub leads: u32,
}

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// Running.
    Up,
    /// Its process is gone.
    Down,
    /// It stands still.
    Paused,
}

/// A notable line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Time,
    /// Which event.
    pub serial: u64,
    /// How much it matters.
    pub weight: Weight,
    /// One word for its kind.
    pub tag: &'static str,
    /// The rest.
    pub text: String,
}

/// A partition as the controller last said it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaceView {
    /// The leader, if any.
    pub leader: Option<BrokerId>,
    /// The leader epoch.
    pub leader_epoch: u32,
    /// In-sync replicas.
    pub isr: Arc<[BrokerId]>,
}

/// Everything a screen draws, at one instant. Immutable.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The instant.
    pub now: Time,
    /// When the run ends.
    pub end: Time,
    /// How many facts there were.
    pub facts: u64,
    /// Totals.
    pub tally: Tally,
    /// Records lost or dropped so far, whatever the cause.
    pub lost: u64,
    /// The books: what became of each record so far.
    pub books: Balance,
    /// The channels of users.
    pub channels: Vec<ChannelView>,
    /// The groups, without latencies: those are in [`Watch::groups`](super::Watch::groups).
    pub groups: Vec<GroupView>,
    /// From offer to first processing, what 99 of 100 records of all groups did not exceed, in each of the last seconds, the
    /// oldest first; none in a second in which nothing was processed. None where it is not measured:
    /// [`Watch::remember`](super::Watch::remember).
    pub latencies_p99: Option<Vec<Option<Duration>>>,
    /// The nodes.
    pub nodes: Vec<NodeView>,
    /// The partitions, by place.
    pub places: Vec<PlaceView>,
    /// The last notable lines, oldest first.
    pub lines: Vec<Line>,
    /// What the scenario expects, and how it stands.
    pub promises: Vec<PromiseView>,
}

impl GroupView {
    /// A group of which nothing is known yet.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            state: None,
            generation: 0,
            members: 0,
            lag: 0,
            behind: Duration::ZERO,
            lag_max: (0, Time::ZERO),
            processed: 0,
            rate: 0,
            series: Vec::new(),
            rebalances: Vec::new(),
            latency: Histogram::default(),
        }
    }

    pub(super) fn note(&mut self, at: Time, lag: u64, behind: Duration, keep: bool) {
        self.lag = lag;
        self.behind = behind;
        if lag > self.lag_max.0 {
            self.lag_max = (lag, at);
        }
        if keep {
            self.series.push((at, lag));
        }
    }

    pub(super) fn thin_out(&mut self) {
        let mut index = 0;
        self.series.retain(|_| {
            index += 1;
            index % 2 == 0
        });
    }

    pub(super) fn change(
        &mut self,
        at: Time,
        to: GroupState,
        generation: u32,
        members: u32,
        why: GroupReason,
    ) {
        self.state = Some(to);
        self.generation = generation;
        self.members = members;
        let open = self.rebalances.last_mut().filter(|last| last.took.is_none());
        match (to, open) {
            (GroupState::PreparingRebalance, None) => {
                self.rebalances.push(Rebalance { began: at, took: None, why, generation, members });
            }
            (GroupState::Stable, Some(rebalance)) => {
                rebalance.took = Some(at.since(rebalance.began));
                rebalance.generation = generation;
                rebalance.members = members;
            }
            (GroupState::Empty | GroupState::Dead, Some(_)) => {
                self.rebalances.pop();
            }
            (_, _) => {}
        }
    }
}
