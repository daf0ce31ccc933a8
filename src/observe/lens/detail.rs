//! What a lens shows: plain data, immutable, of one instant.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::kernel::{Duration, Time};
use crate::observe::NodeState;
use crate::observe::promise::Verdict;
use crate::trace::kafka::{BrokerId, GroupReason};
use crate::trace::{GroupId, PlaceId, RecordId};

use super::album::{Query, RecordPage};
use super::follow::Trace;
use super::told::{Asked, Told};

/// What somebody looks at: the costly parts are made for that alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The partition whose logs are shown.
    pub place: Option<PlaceId>,
    /// The group whose members and rebalances are shown.
    pub group: Option<GroupId>,
    /// Which records are listed.
    pub records: Option<Query>,
    /// The record that is followed.
    pub record: Option<RecordId>,
    /// What is to be explained.
    pub why: Option<Asked>,
}

/// All that screens show beyond the snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detail {
    /// Every partition, by [`PlaceId`].
    pub places: Vec<PlaceDetail>,
    /// The partition that is looked at.
    pub close_up: Option<PlaceCloseUp>,
    /// Every group, by [`GroupId`].
    pub groups: Vec<GroupDetail>,
    /// The brokers and how they are, by number.
    pub brokers: Vec<BrokerView>,
    /// Every node over time.
    pub nodes: Vec<NodeLane>,
    /// Links that nothing passes now; the first of them when there are many.
    pub links: Vec<CutLink>,
    /// What went wrong because it was told to, and what will, by time.
    pub faults: Vec<FaultView>,
    /// Rates of the last two minutes.
    pub rates: Rates,
    /// What came of each expectation so far, with witnesses.
    pub verdicts: Vec<Verdict>,
    /// The records that are asked for.
    pub records: Option<RecordPage>,
    /// The record that is followed; none when the host cannot.
    pub trace: Option<Trace>,
    /// The explanation that was asked for, as far as it is known; none when the host cannot explain.
    pub why: Option<Arc<Told>>,
}

/// A partition in one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaceDetail {
    /// Its channel's number.
    pub channel: u32,
    /// Its number in the channel.
    pub number: u32,
    /// Whether it belongs to the system itself.
    pub internal: bool,
    /// The leader, if any.
    pub leader: Option<BrokerId>,
    /// Whether that leader was not in sync when it was elected.
    pub unclean: bool,
    /// The leader epoch.
    pub epoch: u32,
    /// The replicas that are known, by number.
    pub replicas: Arc<[BrokerId]>,
    /// Those in sync.
    pub isr: Arc<[BrokerId]>,
    /// Where the log begins.
    pub start: u64,
    /// Up to where it is committed.
    pub high_watermark: u64,
    /// The leader's log end.
    pub log_end: u64,
    /// Records a second appended, in the last whole second.
    pub rate: u64,
    /// Records appended, all in all, copies cut off since included.
    pub stored: u64,
    /// Offsets cut off the readable log since the run began, all in all.
    pub cut: u64,
}

impl PlaceDetail {
    /// Whether a replica that is known is not in sync.
    pub fn is_under_replicated(&self) -> bool {
        self.isr.len() < self.replicas.len()
    }

    /// Appended, and not committed.
    pub fn gap(&self) -> u64 {
        self.log_end.saturating_sub(self.high_watermark)
    }
}

/// A partition with its replicas and its past.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceCloseUp {
    /// Which.
    pub place: PlaceId,
    /// Its replicas, by number.
    pub replicas: Vec<ReplicaView>,
    /// When leader or in-sync set changed, oldest first; the last ones.
    pub changes: Vec<RoleChange>,
    /// Where leader epochs began; the last ones.
    pub epochs: Vec<Epoch>,
}

/// A replica as far as facts tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaView {
    /// On which broker.
    pub broker: BrokerId,
    /// Where its log ends.
    pub log_end: LogEnd,
    /// The last tail that it cut off.
    pub tail: Option<Tail>,
    /// From here on it has what its leader does not: it will be cut off.
    pub diverged: Option<u64>,
}

/// Where a replica's log ends, as far as anybody has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogEnd {
    /// There.
    At(u64),
    /// There, or further.
    AtLeast(u64),
}

impl LogEnd {
    /// The offset.
    pub fn offset(self) -> u64 {
        match self {
            Self::At(offset) | Self::AtLeast(offset) => offset,
        }
    }
}

/// What a replica cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// When.
    pub at: Time,
    /// Where its log ended before.
    pub from: u64,
    /// Where it ended then.
    pub to: u64,
}

/// Leader and in-sync set of a partition, from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleChange {
    /// Since when.
    pub at: Time,
    /// The leader, if any.
    pub leader: Option<BrokerId>,
    /// The leader epoch.
    pub epoch: u32,
    /// The in-sync set.
    pub isr: Arc<[BrokerId]>,
}

/// Where a leader epoch begins in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Which.
    pub epoch: u32,
    /// Who leads.
    pub leader: BrokerId,
    /// Its log end when it began.
    pub start: u64,
}

/// A broker and how it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerView {
    /// Which.
    pub broker: BrokerId,
    /// How it is.
    pub state: NodeState,
    /// Since when.
    pub since: Time,
}

/// A group beyond its line in the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDetail {
    /// Records a second by which its lag grows, over the last ten seconds.
    pub trend: i64,
    /// What to think of it.
    pub health: Health,
    /// Its members; empty unless it is looked at.
    pub members: Vec<MemberView>,
    /// Its last rebalances, oldest first; empty unless it is looked at.
    pub rebalances: Vec<RebalanceView>,
}

/// What to think of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It keeps up.
    Fine,
    /// It is behind and gets nearer: after so long it will be there.
    CatchesUp(Duration),
    /// It is behind and falls further behind.
    FallsBehind,
    /// It is behind, and that does not change.
    Behind,
    /// It rebalances: since when.
    Rebalances(Time),
    /// It has no members.
    NoMembers,
    /// This member has something to read and has been handed nothing for so long.
    StandsStill(String, Duration),
}

/// A consumer that has owned partitions of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: MemberState,
    /// What it owns.
    pub places: Arc<[PlaceId]>,
    /// Records that the group has not settled in these.
    pub lag: u64,
    /// Records a second processed, in the last whole second.
    pub rate: u64,
    /// When it was last handed records.
    pub delivered: Option<Time>,
}

/// How a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// It owns partitions.
    Owns,
    /// It owns none.
    Idle,
    /// It takes partitions for its own that were given to others since.
    Zombie,
    /// Its process is gone, or it gave up.
    Gone,
}

/// Who owns what, by name.
pub type Ownership = Vec<(Arc<str>, Arc<[PlaceId]>)>;

/// A rebalance with what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebalanceView {
    /// When the group stopped being stable.
    pub began: Time,
    /// What set it off.
    pub why: GroupReason,
    /// The generation that it led to; the one before while it lasts.
    pub generation: u32,
    /// How long members were waited for.
    pub joining: Option<Duration>,
    /// How long until it was stable again, all in all.
    pub took: Option<Duration>,
    /// Who owned what before.
    pub before: Ownership,
    /// Who owns what since.
    pub after: Ownership,
    /// How many partitions have another owner than before.
    pub moved: u32,
}

/// A link that nothing passes, one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutLink {
    /// Who sends, as an index into [`Detail::nodes`].
    pub from: u32,
    /// To whom.
    pub to: u32,
    /// Since when.
    pub since: Time,
}

/// A node over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLane {
    /// Its name.
    pub name: String,
    /// Its states, each from its instant on; the last ones. It was up before.
    pub states: Vec<(Time, NodeState)>,
}

/// A fault that the scenario says will come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// Its number among the scenario's faults.
    pub fault: u32,
    /// When it strikes first.
    pub at: Time,
    /// How long it lasts; none when it is never taken back, or has no length.
    pub lasts: Option<Duration>,
    /// What, and whom: `kill of leader of orders-0`.
    pub text: String,
    /// Whether a person injected it.
    pub by_hand: bool,
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultView {
    /// Its number among the scenario's faults, from 0.
    pub fault: u32,
    /// When it struck, or will.
    pub at: Time,
    /// When it was over; none while it lasts, or when it is never taken back.
    pub ended: Option<Time>,
    /// What, and whom.
    pub text: String,
    /// The nodes that it struck, as indices into [`Detail::nodes`].
    pub nodes: Vec<u32>,
    /// How it stands.
    pub state: FaultState,
    /// Whether a person injected it.
    pub by_hand: bool,
}

/// How a fault stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultState {
    /// It is still to come.
    Scheduled,
    /// It has struck and is not over.
    Active,
    /// It is over.
    Over,
    /// It struck nobody.
    Missed,
}

/// Counts of each of the last seconds, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Records offered.
    pub offered: VecDeque<u64>,
    /// Records processed, by all groups together.
    pub processed: VecDeque<u64>,
    /// Partitions with a replica out of sync, at its end.
    pub under_replicated: VecDeque<u64>,
    pub(super) offered_now: u64,
    pub(super) processed_now: u64,
}

impl Rates {
    pub(super) fn tick(&mut self, under_replicated: u64, most: usize) {
        let now = [std::mem::take(&mut self.offered_now), std::mem::take(&mut self.processed_now)];
        let values = now.into_iter().chain([under_replicated]);
        for (list, value) in
            [&mut self.offered, &mut self.processed, &mut self.under_replicated].into_iter().zip(values)
        {
            if list.len() == most {
                list.pop_front();
            }
            list.push_back(value);
        }
    }
}
