//! What was made to go wrong, in the scenario's own words.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::stage::{ChannelId, GroupId, PlaceId};
use crate::kernel::{Duration, NodeId};

/// A fault that the scenario asked for: that it struck, was taken back, or struck nobody.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Injected {
    /// Which fault, from 0: first the entries of the scenario in their order, then those drawn at random,
    /// then those that a person injected.
    pub fault: u32,
    /// The how-manieth time that it strikes, from 0.
    pub round: u32,
    /// The name of its kind: `kill`, `slow-disk`.
    pub kind: &'static str,
    /// Whom it strikes.
    pub whom: Whom,
    /// What became of it.
    pub phase: Phase,
}

/// A command for the process of a real broker has come to its end: whether what a fault wanted of it was done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Commanded {
    /// The broker's node.
    pub node: NodeId,
    /// What was to be done, by its key in `[real.commands]`: `kill-broker`.
    pub act: &'static str,
    /// How long the command took.
    pub took: Duration,
    /// Why it failed: its exit status and its last words; none when it was done.
    pub failed: Option<Arc<str>>,
}

/// A fault that was left out because it cannot strike where the scenario runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedFault {
    /// The fault, as the scenario says it: kind, target, time.
    pub fault: String,
    /// Why it cannot strike there.
    pub why: String,
}

/// Whom a fault strikes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Whom {
    /// Nobody: it missed, or it is about faults themselves.
    Nobody,
    /// These nodes, at least one.
    Nodes(Box<[NodeId]>),
    /// A place.
    Place(PlaceId),
    /// A channel.
    Channel(ChannelId),
    /// A group.
    Group(GroupId),
}

/// What became of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Phase {
    /// It struck.
    Begins,
    /// It was taken back, or is over.
    Ends,
    /// It struck nobody.
    Missed(Missed),
}

/// Why a fault struck nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Missed {
    /// Nobody holds the role that it was for.
    NoSuchRole,
    /// Everybody whom it could strike is down.
    AllDown,
    /// Nothing lasted that could be healed.
    NothingLasts,
    /// No instance of the entry is left that could begin, or end.
    NoMember,
    /// The group has members: its offsets are theirs.
    GroupNotEmpty,
    /// Who was asked did not answer, or with an error.
    NoAnswer,
}

impl Whom {
    /// These nodes; nobody when there are none.
    pub fn nodes(nodes: &[NodeId]) -> Self {
        if nodes.is_empty() { Self::Nobody } else { Self::Nodes(nodes.into()) }
    }

    /// The first of the nodes.
    pub fn node(&self) -> Option<NodeId> {
        match self {
            Self::Nodes(nodes) => nodes.first().copied(),
            Self::Nobody | Self::Place(_) | Self::Channel(_) | Self::Group(_) => None,
        }
    }
}

impl Commanded {
    /// Its name, as files write it.
    pub fn name(&self) -> &'static str {
        if self.failed.is_some() { "command-failed" } else { "command-done" }
    }
}

impl Phase {
    /// Its name, as files write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Begins => "fault-began",
            Self::Ends => "fault-ended",
            Self::Missed(_) => "fault-missed",
        }
    }
}

impl Missed {
    /// What it means, as the end of a sentence.
    pub fn means(self) -> &'static str {
        match self {
            Self::NoSuchRole => "nobody holds the role",
            Self::AllDown => "everybody whom it could strike is down",
            Self::NothingLasts => "nothing lasts that could be healed",
            Self::NoMember => "no instance is left that could begin or end",
            Self::GroupNotEmpty => "the group is not empty: Kafka refuses (UNKNOWN_MEMBER_ID)",
            Self::NoAnswer => "nobody answered in time, or only with an error",
        }
    }
}
