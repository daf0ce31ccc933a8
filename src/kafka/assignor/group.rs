//! The group in dense form: members in the order of their ids, topics in the order of their names, and
//! partitions numbered through in the order of topic and partition.
//!
//! **Invariant.** Only topics that exist and that somebody subscribes to are in it, as in the reference's
//! `AbstractPartitionAssignor.assign`. Comparing partition numbers compares (topic, partition).

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Range;

use super::{Assignment, Member, TopicPartition, Topics};

/// Everything an assignor looks at, by number.
pub(super) struct Group<'a> {
    /// The members, in the order of their ids.
    pub members: Vec<&'a Member>,
    /// The topics each member subscribes to, ascending; by member.
    pub subscriptions: Vec<Vec<usize>>,
    /// The members that subscribe to each topic, ascending; by topic.
    pub subscribers: Vec<Vec<usize>>,
    /// The topic of each partition.
    pub topic_of: Vec<usize>,
    /// The racks of each partition's replicas.
    pub racks: Vec<BTreeSet<&'a str>>,
    names: Vec<&'a str>,
    ranges: Vec<Range<usize>>,
}

impl<'a> Group<'a> {
    pub fn new(topics: &'a Topics, members: &'a [Member]) -> Self {
        let mut members: Vec<&Member> = members.iter().collect();
        members.sort_by(|one, other| one.id.cmp(&other.id));
        assert!(members.windows(2).all(|pair| pair[0].id != pair[1].id), "members have distinct ids");
        let mut group = Self {
            subscriptions: vec![Vec::new(); members.len()],
            members,
            subscribers: Vec::new(),
            topic_of: Vec::new(),
            racks: Vec::new(),
            names: Vec::new(),
            ranges: Vec::new(),
        };
        for (name, info) in topics {
            let subscribers = group.subscribers_of(name);
            if !subscribers.is_empty() && info.partitions > 0 {
                group.add_topic(name, info, subscribers);
            }
        }
        group
    }

    fn add_topic(&mut self, name: &'a str, info: &'a super::TopicInfo, subscribers: Vec<usize>) {
        let (topic, first) = (self.names.len(), self.topic_of.len());
        for partition in 0..info.partitions as usize {
            let racks = info.racks.get(partition).into_iter().flatten();
            self.racks.push(racks.map(String::as_str).collect());
            self.topic_of.push(topic);
        }
        for member in &subscribers {
            self.subscriptions[*member].push(topic);
        }
        self.names.push(name);
        self.ranges.push(first..self.topic_of.len());
        self.subscribers.push(subscribers);
    }

    fn subscribers_of(&self, topic: &str) -> Vec<usize> {
        let subscribes = |member: &usize| self.members[*member].topics.iter().any(|name| name == topic);
        (0..self.members.len()).filter(subscribes).collect()
    }

    /// The number of topics.
    pub fn topics(&self) -> usize {
        self.names.len()
    }

    /// The number of partitions of all topics.
    pub fn partitions(&self) -> usize {
        self.topic_of.len()
    }

    /// The partitions of a topic.
    pub fn partitions_of(&self, topic: usize) -> Range<usize> {
        self.ranges[topic].clone()
    }

    /// A partition's number within its topic.
    pub fn number_in_topic(&self, partition: usize) -> usize {
        partition - self.ranges[self.topic_of[partition]].start
    }

    /// True when the member subscribes to the partition's topic.
    pub fn subscribes(&self, member: usize, partition: usize) -> bool {
        self.subscriptions[member].binary_search(&self.topic_of[partition]).is_ok()
    }

    /// The partition of this name, if the group has it.
    pub fn find(&self, partition: &TopicPartition) -> Option<usize> {
        let topic = self.names.binary_search(&partition.topic.as_str()).ok()?;
        let found = self.ranges[topic].start + partition.partition as usize;
        self.ranges[topic].contains(&found).then_some(found)
    }

    /// The partitions the member says it owns that the group has, in the member's order.
    pub fn owned(&self, member: usize) -> Vec<usize> {
        self.members[member].owned.iter().filter_map(|partition| self.find(partition)).collect()
    }

    /// True when all members subscribe to the same topics, existing or not.
    pub fn has_equal_subscriptions(&self) -> bool {
        let mut sets = self.members.iter().map(|member| member.topics.iter().collect::<BTreeSet<_>>());
        let first = sets.next();
        sets.all(|set| Some(set) == first)
    }

    /// The members with static ones first: by instance id, then the others by member id.
    pub fn static_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        order.sort_by(|one, other| match (self.instance(*one), self.instance(*other)) {
            (Some(one), Some(other)) => one.cmp(other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => one.cmp(other),
        });
        order
    }

    /// The assignment with every member listed, from the partitions of each member.
    pub fn assignment(&self, by_member: Vec<Vec<usize>>) -> Assignment {
        assert_eq!(by_member.len(), self.members.len(), "every member has an entry");
        by_member
            .into_iter()
            .zip(&self.members)
            .map(|(partitions, member)| (member.id.clone(), self.names_of(partitions)))
            .collect()
    }

    /// The names of partitions.
    pub fn names_of(&self, partitions: Vec<usize>) -> Vec<TopicPartition> {
        partitions.into_iter().map(|partition| self.name_of(partition)).collect()
    }

    fn name_of(&self, partition: usize) -> TopicPartition {
        let name = self.names[self.topic_of[partition]];
        TopicPartition::new(name, self.number_in_topic(partition) as u32)
    }

    fn instance(&self, member: usize) -> Option<&str> {
        self.members[member].instance_id.as_deref()
    }
}
