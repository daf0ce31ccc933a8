//! What a fault does, and to whom: plain values. And how a person asks for one.

use super::operator::ToApplication;
use crate::kernel::{Burden, Crash, Duration, NodeId, Time};
use crate::trace::{ChannelId, GroupId, PlaceId};

/// From a person to what makes things go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToInjector {
    /// One more fault. It strikes as if it had been planned from the beginning, so long as that lies ahead.
    Also(Box<Plan>),
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The name of its kind.
    pub kind: &'static str,
    /// When it strikes first.
    pub at: Time,
    /// How often it strikes again.
    pub again: Option<Again>,
    /// Each time it strikes later by anything up to this.
    pub jitter: Duration,
    /// How long until it is taken back; none when it never is.
    pub lasts: Option<Duration>,
    /// What happens.
    pub strike: Strike,
    /// To whom; at least one.
    pub targets: Vec<Target>,
    /// The other ends of paths; empty is everybody else.
    pub peers: Vec<Target>,
}

/// How often a fault strikes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// The time between two, above zero.
    pub every: Duration,
    /// How often in all, at least once; none is without end.
    pub times: Option<u32>,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// The process ends; taken back by a restart.
    Crash(Crash),
    /// A broker is asked to end; taken back by a start.
    ShutDown,
    /// A broker is asked to end, and started again.
    Restart,
    /// Brokers are restarted one by one: the next when the last is back in every in-sync set, or after so long.
    RollingRestart(Duration),
    /// It stands still; taken back by going on.
    Pause,
    /// Its disk takes so many times as long, in thousandths.
    SlowDisk(u32),
    /// Its disk takes no more; taken back by room, and a start where the process has ended.
    FullDisk,
    /// Its work takes so many times as long, in thousandths.
    SlowCpu(u32),
    /// Nothing passes.
    Sever(Severing, Direction),
    /// What passes has a burden.
    Burden(Burden, Direction),
    /// Applications are told something, and something else when it is over.
    Tell {
        /// What it begins with.
        begins: ToApplication,
        /// What takes it back.
        ends: Option<ToApplication>,
    },
    /// The next instance of an entry that is away begins.
    AddMember,
    /// The last instance of an entry that is there ends.
    RemoveMember,
    /// A topic has so many partitions from now on.
    AddPartitions(u32),
    /// A group's offsets are set anew.
    ResetOffsets(Position),
    /// What lasts is taken back.
    Heal,
}

/// How paths are severed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severing {
    /// Silently, between the targets as a group and the others.
    Partition,
    /// Silently, around each target.
    Blackhole,
    /// With resets, around each target.
    Reset,
}

/// Where a group goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// At the beginning of each log.
    Earliest,
    /// Behind all that is committed.
    Latest,
}

impl Position {
    /// Its names, as files write them.
    pub const NAMES: &'static [&'static str] = &["earliest", "latest"];

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "earliest" => Some(Self::Earliest),
            "latest" => Some(Self::Latest),
            _ => None,
        }
    }
}

/// In which direction, seen from the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    Both,
    /// To the target.
    In,
    /// From the target.
    Out,
}

impl Direction {
    /// Its names, as files write them.
    pub const NAMES: &'static [&'static str] = &["both", "in", "out"];

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "both" => Some(Self::Both),
            "in" => Some(Self::In),
            "out" => Some(Self::Out),
            _ => None,
        }
    }

    /// The directed paths between a target and a peer.
    pub fn paths(self, target: NodeId, peer: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + use<> {
        let out = (self != Self::In).then_some((target, peer));
        let inward = (self != Self::Out).then_some((peer, target));
        out.into_iter().chain(inward)
    }
}

/// Whom a fault strikes: a node, or whoever holds a role when it strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This node.
    Node(NodeId),
    /// Each of these.
    Nodes(Vec<NodeId>),
    /// The leader of this place.
    Leader(PlaceId),
    /// One of those who follow the leader of this place, drawn from those in service.
    Follower(PlaceId),
    /// The coordinator of this group.
    Coordinator(GroupId),
    /// One of these, drawn from those that are not down.
    OneOf(Vec<NodeId>),
    /// The controllers' quorum.
    Quorum,
    /// Every node.
    Everything,
    /// An entry: all its instances, those that are to come included.
    Entry(Vec<NodeId>),
    /// A topic: which, and its first partition.
    Topic(ChannelId, PlaceId),
    /// A group, and the places that it reads.
    Group(GroupId, Vec<PlaceId>),
}

impl Target {
    /// Whether somebody has to be asked who it is.
    pub fn is_role(&self) -> bool {
        match self {
            Self::Leader(_) | Self::Follower(_) | Self::Coordinator(_) | Self::Group(..) => true,
            Self::Node(_)
            | Self::Nodes(_)
            | Self::OneOf(_)
            | Self::Quorum
            | Self::Everything
            | Self::Entry(_)
            | Self::Topic(..) => false,
        }
    }
}

impl Strike {
    /// Whether there is something to take back.
    pub fn can_last(self) -> bool {
        match self {
            Self::Crash(_)
            | Self::ShutDown
            | Self::Restart
            | Self::RollingRestart(_)
            | Self::Pause
            | Self::SlowCpu(_)
            | Self::SlowDisk(_)
            | Self::FullDisk
            | Self::Sever(..)
            | Self::Burden(..)
            | Self::Tell { ends: Some(_), .. } => true,
            Self::Tell { ends: None, .. }
            | Self::AddMember
            | Self::RemoveMember
            | Self::AddPartitions(_)
            | Self::ResetOffsets(_)
            | Self::Heal => false,
        }
    }

    /// Along which paths of its victims it strikes; none when it is not about paths.
    pub fn direction(self) -> Option<Direction> {
        if let Self::Sever(_, direction) | Self::Burden(_, direction) = self { Some(direction) } else { None }
    }

    /// Whether it asks a process to end, which means nothing to one that is down.
    pub fn asks(self) -> bool {
        matches!(self, Self::ShutDown | Self::Restart)
    }

    /// Whether its victims' processes end, and begin anew when it is over.
    pub fn restarts(self) -> bool {
        match self {
            Self::Crash(_) | Self::ShutDown | Self::Restart => true,
            Self::RollingRestart(_)
            | Self::FullDisk
            | Self::SlowDisk(_)
            | Self::Pause
            | Self::SlowCpu(_)
            | Self::Sever(..)
            | Self::Burden(..)
            | Self::Tell { .. }
            | Self::AddMember
            | Self::RemoveMember
            | Self::AddPartitions(_)
            | Self::ResetOffsets(_)
            | Self::Heal => false,
        }
    }

    /// Whether its victims are out of service while it lasts.
    pub fn takes_down(self) -> bool {
        match self {
            Self::Crash(_)
            | Self::ShutDown
            | Self::Restart
            | Self::RollingRestart(_)
            | Self::FullDisk
            | Self::Pause => true,
            Self::SlowDisk(_)
            | Self::SlowCpu(_)
            | Self::Sever(..)
            | Self::Burden(..)
            | Self::Tell { .. }
            | Self::AddMember
            | Self::RemoveMember
            | Self::AddPartitions(_)
            | Self::ResetOffsets(_)
            | Self::Heal => false,
        }
    }
}
