//! Taking part in the group: who coordinates it, who this member is, how far its next join has come.
//!
//! ```text
//! Unjoined -> (JoinGroup) -> Preparing -> (joined, SyncGroup) -> Completing -> (synced) -> Stable
//!     ^                          |                                   |                       |
//!     +---- the request failed --+-----------------------------------+    rejoin wanted: ----+--> Preparing
//! ```
//!
//! **Invariant.** A generation is held from the JoinGroup response on until the coordinator or the member
//! itself says that it is over; without one, everything that was owned is lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::brokers::Seat;
use super::{ConsumerSetup, Topic};
use crate::kafka::assignor::{Assignor, Member, TopicInfo, TopicPartition, Topics};
use crate::kafka::config::{AssignorName, ConsumerConfig};
use crate::kernel::Time;
use crate::trace::kafka::{BrokerId, MemberId};
use crate::trace::{ChannelId, GroupId, PlaceId};
use crate::wire::kafka::{Image, JoinGroup, JoinResult, Membership as Identity, Subscription, SyncGroup};

/// Who coordinates the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coordinator {
    /// Nobody that the member knows of.
    Unknown { retry_at: Time },
    /// Somebody was asked.
    Asked,
    /// This broker.
    Known(Seat),
}

/// How a member stands to its group (`MemberState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not in it.
    Unjoined,
    /// Has asked to join.
    Preparing,
    /// Has joined and asks what is its own.
    Completing,
    /// Knows what is its own.
    Stable,
}

/// What comes before a JoinGroup (`onJoinPrepare`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preparation {
    /// Nothing has been done.
    Due,
    /// Positions are being committed, with retries until `deadline`.
    Committing { under_way: bool, retry_at: Time, deadline: Time },
    /// All done: JoinGroup may be sent, again if need be.
    Done,
}

/// A member of a classic group.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    group: GroupId,
    instance: Option<u32>,
    pub coordinator: Coordinator,
    /// Failed look-ups of the coordinator in a row.
    pub lookups_failed: u32,
    pub standing: Standing,
    pub member: Option<MemberId>,
    pub generation: Option<u32>,
    pub rejoin_wanted: bool,
    pub preparation: Preparation,
    /// Failed joins in a row, and when to try again.
    pub joins_failed: u32,
    pub retry_at: Time,
    /// The JoinGroup under way.
    pub join_call: Option<u32>,
    /// Its response, kept until the next poll.
    pub joined: Option<Arc<JoinResult>>,
    /// The assignment, kept until the next poll.
    pub synced: Option<Arc<[PlaceId]>>,
    /// How many partitions each topic had when this member, as the group's leader, assigned them
    /// (`assignmentSnapshot`); none of who does not lead.
    counted: Option<Vec<u32>>,
    /// They have other numbers by now.
    topics_changed: bool,
    /// What sticky assignors remember: the last assignment and its generation.
    remembered: (Vec<PlaceId>, Option<u32>),
    pub heartbeat_under_way: bool,
    pub heartbeat_at: Time,
    pub session_ends: Time,
}

impl Membership {
    pub fn new(setup: &ConsumerSetup) -> Self {
        Self {
            group: setup.group,
            instance: setup.instance,
            coordinator: Coordinator::Unknown { retry_at: Time::ZERO },
            lookups_failed: 0,
            standing: Standing::Unjoined,
            member: None,
            generation: None,
            rejoin_wanted: true,
            preparation: Preparation::Due,
            joins_failed: 0,
            retry_at: Time::ZERO,
            join_call: None,
            joined: None,
            synced: None,
            counted: None,
            topics_changed: false,
            remembered: (Vec::new(), None),
            heartbeat_under_way: false,
            heartbeat_at: Time::ZERO,
            session_ends: Time::NEVER,
        }
    }

    /// Out of the group: no generation, and no name either unless it is kept.
    pub fn reset(&mut self, keep_member: bool) {
        self.generation = None;
        if !keep_member {
            self.member = None;
        }
        self.join_failed(Time::ZERO);
        self.joins_failed = 0;
        self.preparation = Preparation::Due;
    }

    /// The join that was under way came to nothing; the next one may be sent at `retry_at`.
    pub fn join_failed(&mut self, retry_at: Time) {
        self.standing = Standing::Unjoined;
        self.rejoin_wanted = true;
        (self.join_call, self.joined, self.synced) = (None, None, None);
        self.retry_at = retry_at;
    }

    /// The coordinator has let it join: it is in the group, in this generation.
    pub fn enter(&mut self, joined: &JoinResult) {
        assert_eq!(self.standing, Standing::Preparing, "only who asked joins");
        self.standing = Standing::Completing;
        self.member = joined.member;
        self.generation = Some(joined.generation);
        self.joins_failed = 0;
        self.heartbeat_under_way = false;
    }

    /// The coordinator has said what is its own.
    pub fn settle(&mut self, places: Arc<[PlaceId]>) {
        assert_eq!(self.standing, Standing::Completing, "only who joined gets an assignment");
        self.standing = Standing::Stable;
        self.rejoin_wanted = self.topics_changed;
        self.synced = Some(places);
    }

    /// The assignment has become true.
    pub fn remember(&mut self, places: &[PlaceId]) {
        self.remembered = (places.to_vec(), self.generation);
        self.preparation = Preparation::Due;
    }

    pub fn seat(&self) -> Option<Seat> {
        match self.coordinator {
            Coordinator::Known(seat) => Some(seat),
            Coordinator::Unknown { .. } | Coordinator::Asked => None,
        }
    }

    pub fn is_static(&self) -> bool {
        self.instance.is_some()
    }

    /// Whether heartbeats are due at all.
    pub fn is_in(&self) -> bool {
        matches!(self.standing, Standing::Completing | Standing::Stable)
    }

    pub fn identity(&self) -> Identity {
        Identity { member: self.member, instance: self.instance, generation: self.generation.unwrap_or(0) }
    }

    pub fn join_request(&self, setup: &ConsumerSetup, owned: Vec<PlaceId>) -> JoinGroup {
        let config = &setup.config;
        let sticky = config.assignors.contains(&AssignorName::Sticky) && !is_cooperative(config);
        let (owned, generation) = if sticky { self.remembered.clone() } else { (owned, self.generation) };
        JoinGroup {
            group: self.group,
            membership: self.identity(),
            session_timeout: config.session_timeout,
            rebalance_timeout: config.max_poll_interval,
            assignors: config.assignors.clone(),
            subscription: Subscription {
                topics: setup.channels.clone(),
                owned,
                generation,
                rack: config.rack.clone(),
            },
        }
    }

    /// The group's leader watches the topics: where there are more partitions than it assigned, the group
    /// rebalances (`ConsumerCoordinator.rejoinNeededOrPending`).
    pub fn watch_topics(&mut self, setup: &ConsumerSetup, image: &Image) {
        let counted = self.counted.as_ref();
        self.topics_changed = counted.is_some_and(|counted| *counted != count(setup, Some(image)));
        self.rejoin_wanted |= self.topics_changed && self.standing == Standing::Stable;
    }

    /// What follows a JoinGroup response: the leader brings everybody's assignment.
    pub fn sync_request(
        &mut self,
        joined: &JoinResult,
        setup: &ConsumerSetup,
        image: Option<&Image>,
    ) -> SyncGroup {
        let leads = joined.leader == self.member;
        self.counted = leads.then(|| count(setup, image));
        self.topics_changed = false;
        let leads = leads && !joined.skip_assignment;
        let assignments = if leads { assign(joined, setup, image) } else { Vec::new() };
        SyncGroup { group: self.group, membership: self.identity(), assignments }
    }
}

/// How many partitions the topics have that anybody may subscribe to.
fn count(setup: &ConsumerSetup, image: Option<&Image>) -> Vec<u32> {
    setup.topics.values().map(|topic| topic.partitions(image)).collect()
}

/// Whether partitions are kept while the group rebalances: all assignors must agree to it (KIP-429).
pub(super) fn is_cooperative(config: &ConsumerConfig) -> bool {
    config.assignors.iter().all(|assignor| *assignor == AssignorName::CooperativeSticky)
}

fn assign(
    joined: &JoinResult,
    setup: &ConsumerSetup,
    image: Option<&Image>,
) -> Vec<(MemberId, Arc<[PlaceId]>)> {
    let assignor = match joined.assignor.expect("the coordinator tells the leader what was agreed on") {
        AssignorName::Range => Assignor::Range,
        AssignorName::RoundRobin => Assignor::RoundRobin,
        AssignorName::Sticky => Assignor::Sticky,
        AssignorName::CooperativeSticky => Assignor::CooperativeSticky,
    };
    let rack_aware = joined.members.iter().any(|(_, _, subscription)| subscription.rack.is_some());
    let racks_of = image.filter(|_| rack_aware);
    let topics: Topics = setup
        .topics
        .values()
        .map(|topic| {
            (
                topic.name.clone(),
                TopicInfo { partitions: topic.partitions(image), racks: racks(topic, setup, racks_of) },
            )
        })
        .collect();
    let firsts: BTreeMap<&str, PlaceId> =
        setup.topics.values().map(|topic| (topic.name.as_str(), topic.first)).collect();
    let members: Vec<Member> = joined
        .members
        .iter()
        .map(|(id, instance, subscription)| member(*id, *instance, subscription, &setup.topics))
        .collect();
    let assignment = assignor.assign(&topics, &members);
    let place =
        |partition: &TopicPartition| PlaceId(firsts[partition.topic.as_str()].0 + partition.partition);
    joined
        .members
        .iter()
        .map(|(id, ..)| (*id, assignment.of(&member_name(*id)).iter().map(place).collect()))
        .collect()
}

/// The racks of each partition's replicas; nothing while no rack matters.
fn racks(topic: &Topic, setup: &ConsumerSetup, image: Option<&Image>) -> Vec<Vec<String>> {
    let Some(image) = image else { return Vec::new() };
    let rack = |replica: &BrokerId| setup.racks.get(replica).cloned();
    let places = image.partitions.iter().skip(topic.first.index()).take(topic.most as usize);
    let partitions = places.take_while(|partition| partition.exists());
    partitions.map(|partition| partition.replicas.iter().filter_map(rack).collect()).collect()
}

fn member(
    id: MemberId,
    instance: Option<u32>,
    subscription: &Subscription,
    topics: &BTreeMap<ChannelId, Topic>,
) -> Member {
    let name = |channel: &ChannelId| topics.get(channel).map(|topic| topic.name.clone());
    Member {
        id: member_name(id),
        instance_id: instance.map(|instance| format!("{instance:010}")),
        rack: subscription.rack.clone(),
        topics: subscription.topics.iter().filter_map(name).collect(),
        owned: subscription.owned.iter().filter_map(|place| partition_name(*place, topics)).collect(),
        generation: subscription.generation.map(|generation| generation as i32),
    }
}

/// Assignors order members by id, as text: leading zeros make that the order of the numbers.
fn member_name(id: MemberId) -> String {
    format!("{:020}", id.0)
}

fn partition_name(place: PlaceId, topics: &BTreeMap<ChannelId, Topic>) -> Option<TopicPartition> {
    let holds = |topic: &&Topic| (topic.first.0..topic.first.0 + topic.most).contains(&place.0);
    let topic = topics.values().find(holds)?;
    Some(TopicPartition::new(topic.name.clone(), place.0 - topic.first.0))
}
