//! Who reads which partition: the client-side assignors that a group's leader runs, and the server-side
//! ones that the group coordinator runs (KIP-848, KIP-932).
//!
//! **Invariant.** An assignment is a function of the topics and the members, whatever order they come in;
//! a partition is given only to a subscriber, and to one at most (except by the share groups' assignor).
//! Ties that the reference leaves to Java's hash order go by member id and topic name.
//!
//! Not modelled: the wire form of subscriptions; `subscriptionUserData` is just what a member says it owns.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

mod constrained;
mod cooperative;
mod general;
mod group;
mod movements;
mod ownership;
mod racks;
mod range;
mod round_robin;
mod server_heterogeneous;
mod server_homogeneous;
mod server_range;
mod server_simple;
mod server_uniform;
mod sticky;

use group::Group;

/// A way to divide partitions among a group's members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assignor {
    /// `org.apache.kafka.clients.consumer.RangeAssignor`, rack-aware (KIP-881).
    Range,
    /// `org.apache.kafka.clients.consumer.RoundRobinAssignor`.
    RoundRobin,
    /// `org.apache.kafka.clients.consumer.StickyAssignor` (KIP-54), rack-aware.
    Sticky,
    /// `org.apache.kafka.clients.consumer.CooperativeStickyAssignor` (KIP-429), rack-aware.
    CooperativeSticky,
    /// The coordinator's `RangeAssignor` (KIP-848).
    ServerRange,
    /// The coordinator's `UniformAssignor` (KIP-848).
    ServerUniform,
    /// The coordinator's `SimpleAssignor` for share groups (KIP-932, as in the 4.0 snapshot).
    ServerSimple,
}

impl Assignor {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 7] = [
        Self::Range,
        Self::RoundRobin,
        Self::Sticky,
        Self::CooperativeSticky,
        Self::ServerRange,
        Self::ServerUniform,
        Self::ServerSimple,
    ];

    /// The name it goes by in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
            Self::ServerRange => "server-range",
            Self::ServerUniform => "server-uniform",
            Self::ServerSimple => "server-simple",
        }
    }

    /// The name of its Java class, with `server.` before the coordinator's.
    pub const fn class_name(self) -> &'static str {
        match self {
            Self::Range => "RangeAssignor",
            Self::RoundRobin => "RoundRobinAssignor",
            Self::Sticky => "StickyAssignor",
            Self::CooperativeSticky => "CooperativeStickyAssignor",
            Self::ServerRange => "server.RangeAssignor",
            Self::ServerUniform => "server.UniformAssignor",
            Self::ServerSimple => "server.SimpleAssignor",
        }
    }

    /// The assignor of this name or class name, if there is one.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.name() == name || assignor.class_name() == name)
    }

    /// True for those that the group coordinator runs.
    pub const fn is_server_side(self) -> bool {
        match self {
            Self::Range | Self::RoundRobin | Self::Sticky | Self::CooperativeSticky => false,
            Self::ServerRange | Self::ServerUniform | Self::ServerSimple => true,
        }
    }

    /// Divides the partitions of `topics` among `members`.
    ///
    /// A topic that is not in `topics` has no partitions; a topic without a subscriber is left out.
    ///
    /// # Panics
    /// When two members have the same id.
    pub fn assign(self, topics: &Topics, members: &[Member]) -> Assignment {
        let group = Group::new(topics, members);
        if group.members.is_empty() {
            return Assignment::default();
        }
        match self {
            Self::Range => range::assign(&group),
            Self::RoundRobin => round_robin::assign(&group),
            Self::Sticky => sticky::assign(&group),
            Self::CooperativeSticky => cooperative::assign(&group),
            Self::ServerRange => server_range::assign(&group),
            Self::ServerUniform => server_uniform::assign(&group),
            Self::ServerSimple => server_simple::assign(&group),
        }
    }
}

/// A partition of a topic, written `topic-0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number, from zero.
    pub partition: u32,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    pub fn new(topic: impl Into<String>, partition: u32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.topic, self.partition)
    }
}

/// A text that is not of the form `topic-0`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a topic and a partition, such as `orders-0`")]
pub struct NotATopicPartition(pub String);

impl FromStr for TopicPartition {
    type Err = NotATopicPartition;

    fn from_str(text: &str) -> Result<Self, NotATopicPartition> {
        let (topic, number) = text.rsplit_once('-').ok_or_else(|| NotATopicPartition(text.into()))?;
        match number.parse() {
            Ok(partition) if !topic.is_empty() => Ok(Self::new(topic, partition)),
            Ok(_) | Err(_) => Err(NotATopicPartition(text.into())),
        }
    }
}

/// The topics that there are, by name.
pub type Topics = BTreeMap<String, TopicInfo>;

/// What an assignor needs to know of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicInfo {
    /// How many partitions it has.
    pub partitions: u32,
    /// The racks of each partition's replicas, by partition; missing entries have no known racks.
    pub racks: Vec<Vec<String>>,
}

impl TopicInfo {
    /// A topic of so many partitions, whose replicas are in no known rack.
    pub fn new(partitions: u32) -> Self {
        Self { partitions, racks: Vec::new() }
    }
}

/// A member of the group, and what it subscribes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// The id that the coordinator gave it; unique in the group.
    pub id: String,
    /// `group.instance.id` of a static member (KIP-345).
    pub instance_id: Option<String>,
    /// `client.rack` (KIP-881); an empty one counts as none.
    pub rack: Option<String>,
    /// The names of the topics it subscribes to.
    pub topics: Vec<String>,
    /// The partitions it says it owns (client-side), or its current target (server-side).
    pub owned: Vec<TopicPartition>,
    /// The group generation in which it came to own them; none counts as -1, older than any.
    pub generation: Option<i32>,
}

/// Which partitions each member gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    by_member: BTreeMap<String, Vec<TopicPartition>>,
}

impl Assignment {
    /// What the member gets, in the assignor's order; nothing for a member that it does not list.
    pub fn of(&self, member: &str) -> &[TopicPartition] {
        self.by_member.get(member).map_or(&[], Vec::as_slice)
    }

    /// The members that are listed, in the order of their ids, with what they get.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[TopicPartition])> {
        self.by_member.iter().map(|(member, partitions)| (member.as_str(), partitions.as_slice()))
    }

    /// How many partitions are assigned in all.
    pub fn partitions(&self) -> usize {
        self.by_member.values().map(Vec::len).sum()
    }
}

impl FromIterator<(String, Vec<TopicPartition>)> for Assignment {
    fn from_iter<Entries: IntoIterator<Item = (String, Vec<TopicPartition>)>>(entries: Entries) -> Self {
        Self { by_member: entries.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests;
