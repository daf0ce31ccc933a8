//! One classic group: its members, its state, its timers.
//!
//! **Invariant.** A group in `Empty` has no members, one in `Stable` or `CompletingRebalance` has a leader and
//! an assignor that all members support.
//!
//! Source: oracle sheets 00 (A6) and 07 (7a); Kafka's `ClassicGroup`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::member::Member;
use super::offsets::RetainedSince;
use super::outbox::{Outbox, refusal};
use super::records::{GroupMetadata, OffsetsRecord};
use super::states::legal;
use crate::kernel::{Duration, Time};
use crate::trace::kafka::{ErrorCode, GroupReason, GroupState, Kafka, MemberId};
use crate::trace::{ChannelId, GroupId, PlaceId};
use crate::wire::kafka::{AssignorName, JoinResult, Membership, Response};

/// Assignors in the order that decides equal votes: that of Java's `HashMap`, which Kafka counts them in.
const TIES: [AssignorName; 4] =
    [AssignorName::Sticky, AssignorName::Range, AssignorName::RoundRobin, AssignorName::CooperativeSticky];

/// What the end of the join phase waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JoinTimer {
    /// A group that was empty waits for more members (`group.initial.rebalance.delay.ms`).
    Initial {
        /// When this wait ends.
        at: Time,
        /// How long it was.
        delay: Duration,
        /// How much waiting is left after it: the rebalance timeout bounds the whole.
        left: Duration,
    },
    /// Members have this long to join again.
    Rebalance {
        /// When the wait ends.
        at: Time,
    },
}

/// What is due in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// The join phase.
    Join,
    /// The sync phase.
    Sync,
    /// A member's session.
    Session(MemberId),
    /// Somebody who was given a name and did not come back.
    Pending(MemberId),
}

/// A classic group.
#[derive(Clone, Debug)]
pub(super) struct Group<R> {
    pub id: GroupId,
    pub state: GroupState,
    /// The state before this one.
    pub previous: GroupState,
    /// When it came into this state.
    pub since: Time,
    /// Why it rebalances, or did last.
    pub why: GroupReason,
    pub generation: u32,
    /// Whether it was ever joined; else it only keeps offsets for somebody who assigns partitions itself.
    pub joined: bool,
    /// What the members agreed on.
    pub assignor: Option<AssignorName>,
    pub leader: Option<MemberId>,
    pub members: BTreeMap<MemberId, Member<R>>,
    /// Given a name, not yet back; until when they may come.
    pub pending: BTreeMap<MemberId, Time>,
    /// Have not asked for their assignment in this generation.
    pub pending_sync: BTreeSet<MemberId>,
    /// Somebody joined during the initial delay.
    pub late_joiner: bool,
    pub join_timer: Option<JoinTimer>,
    pub sync_timer: Option<Time>,
    /// The last metadata that were written.
    pub written: Option<Arc<GroupMetadata>>,
}

impl<R: Copy> Group<R> {
    /// An empty group.
    pub fn new(id: GroupId, now: Time) -> Self {
        Self {
            id,
            state: GroupState::Empty,
            previous: GroupState::Empty,
            since: now,
            why: GroupReason::Loaded,
            generation: 0,
            joined: false,
            assignor: None,
            leader: None,
            members: BTreeMap::new(),
            pending: BTreeMap::new(),
            pending_sync: BTreeSet::new(),
            late_joiner: false,
            join_timer: None,
            sync_timer: None,
            written: None,
        }
    }

    /// A group as it was written. Its members have a whole session to be heard of.
    pub fn loaded(id: GroupId, now: Time, written: &Arc<GroupMetadata>) -> Self {
        let members: BTreeMap<_, _> = written
            .members
            .iter()
            .map(|member| (member.member, Member::loaded(now, member, written.assignor)))
            .collect();
        Self {
            state: if members.is_empty() { GroupState::Empty } else { GroupState::Stable },
            since: written.since,
            generation: written.generation,
            joined: true,
            assignor: written.assignor,
            leader: written.leader,
            members,
            written: Some(Arc::clone(written)),
            ..Self::new(id, now)
        }
    }

    /// Goes to another state.
    ///
    /// # Panics
    /// When there is no way there.
    pub fn transition(&mut self, to: GroupState, why: GroupReason, out: &mut Outbox<R>) {
        assert!(legal(self.state, to), "no way from {:?} to {to:?}", self.state);
        assert!(to != GroupState::Empty || self.members.is_empty(), "an empty group has no members");
        let from = std::mem::replace(&mut self.state, to);
        (self.previous, self.since) = (from, out.now);
        let (group, generation, members) = (self.id, self.generation, self.members.len() as u32);
        out.fact(Kafka::GroupChanged { group, from, to, generation, members, why });
    }

    /// Takes a member in. The first one leads.
    pub fn add(&mut self, id: MemberId, member: Member<R>, out: &mut Outbox<R>) {
        assert!(
            member.instance.is_none_or(|it| self.static_member(it).is_none()),
            "an instance is one member"
        );
        self.joined = true;
        self.leader = self.leader.or(Some(id));
        self.members.insert(id, member);
        self.pending.remove(&id);
        out.fact(Kafka::MemberJoined { group: self.id, member: id });
    }

    /// Lets a member go; whatever it waits for is refused.
    pub fn remove(&mut self, id: MemberId, why: GroupReason, out: &mut Outbox<R>) {
        self.pending.remove(&id);
        self.pending_sync.remove(&id);
        let Some(member) = self.members.remove(&id) else { return };
        let error = ErrorCode::UnknownMemberId;
        if let Some(from) = member.joining {
            out.refuse_join(from, error, None);
        }
        if let Some(from) = member.syncing {
            out.answer(from, Response::SyncGroup(Err(error)));
        }
        if self.leader == Some(id) {
            self.leader = self.members.keys().next().copied();
        }
        out.fact(Kafka::MemberLeft { group: self.id, member: id, why });
    }

    /// Gives a static member a new name. Whoever uses the old one is fenced.
    pub fn rename(&mut self, old: MemberId, new: MemberId, out: &mut Outbox<R>) {
        let mut member = self.members.remove(&old).expect("a member is replaced, not nobody");
        self.fence(old, &mut member, out);
        self.members.insert(new, member);
        if self.leader == Some(old) {
            self.leader = Some(new);
        }
        self.pending_sync.remove(&old);
        let why = GroupReason::StaticMemberReplaced;
        out.fact(Kafka::MemberLeft { group: self.id, member: old, why });
        out.fact(Kafka::MemberJoined { group: self.id, member: new });
    }

    fn fence(&self, old: MemberId, member: &mut Member<R>, out: &mut Outbox<R>) {
        if let Some(from) = member.joining.take() {
            out.refuse_join(from, ErrorCode::FencedInstanceId, Some(old));
        }
        if let Some(from) = member.syncing.take() {
            out.answer(from, Response::SyncGroup(Err(ErrorCode::FencedInstanceId)));
        }
    }

    /// Whether somebody leads who waits for the next generation. Makes the first who waits the leader when the
    /// old one does not.
    pub fn elect_leader(&mut self) -> bool {
        let waits = |member: &Member<R>| member.joining.is_some();
        if !self.leader.is_some_and(|leader| waits(&self.members[&leader])) {
            let Some((first, _)) = self.members.iter().find(|(_, member)| waits(member)) else {
                return false;
            };
            self.leader = Some(*first);
        }
        true
    }

    /// Ends every wait: the coordinator is elsewhere now.
    pub fn unload(&mut self, error: ErrorCode, out: &mut Outbox<R>) {
        for (id, member) in &mut self.members {
            if let Some(from) = member.joining.take() {
                out.answer_join(from, refusal(error, Some(*id)));
            }
            if let Some(from) = member.syncing.take() {
                out.answer(from, Response::SyncGroup(Err(error)));
            }
        }
    }

    /// Who speaks, if he may: `UNKNOWN_MEMBER_ID` or `FENCED_INSTANCE_ID` when not.
    pub fn validate(&self, who: &Membership) -> Result<MemberId, ErrorCode> {
        if let Some(instance) = who.instance {
            let known = self.static_member(instance).ok_or(ErrorCode::UnknownMemberId)?;
            if who.member != Some(known) {
                return Err(ErrorCode::FencedInstanceId);
            }
        }
        who.member.filter(|member| self.members.contains_key(member)).ok_or(ErrorCode::UnknownMemberId)
    }

    /// As [`Self::validate`], and of this generation: `ILLEGAL_GENERATION` when not.
    pub fn validate_generation(&self, who: &Membership) -> Result<MemberId, ErrorCode> {
        let member = self.validate(who)?;
        if who.generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        Ok(member)
    }

    /// Whether the offsets of `who` may be kept. Somebody without a name assigns partitions itself.
    pub fn validate_commit(&self, who: &Membership) -> Result<(), ErrorCode> {
        if self.state == GroupState::Dead {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        if who.member.is_none() && who.instance.is_none() {
            let empty = self.state == GroupState::Empty;
            return if empty { Ok(()) } else { Err(ErrorCode::UnknownMemberId) };
        }
        self.validate_generation(who)?;
        if self.state == GroupState::CompletingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// The member with this instance id.
    pub fn static_member(&self, instance: u32) -> Option<MemberId> {
        let found = self.members.iter().find(|(_, member)| member.instance == Some(instance));
        found.map(|(id, _)| *id)
    }

    /// How many JoinGroups wait.
    pub fn joining(&self) -> usize {
        self.members.values().filter(|member| member.joining.is_some()).count()
    }

    /// Whether everybody has asked to join again.
    pub fn all_joined(&self) -> bool {
        self.pending.is_empty() && self.joining() == self.members.len()
    }

    /// The longest of the members' rebalance timeouts.
    pub fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default()
    }

    /// Whether somebody who can do this much may join.
    pub fn supports(&self, assignors: &[AssignorName]) -> bool {
        let common = |one: &AssignorName| self.members.values().all(|member| member.assignors.contains(one));
        assignors.iter().any(common)
    }

    /// The assignor with the most votes among those that all members support: each votes for the first of
    /// its own that all do.
    pub fn select_assignor(&self) -> Option<AssignorName> {
        let common = |one: &&AssignorName| self.supports(std::slice::from_ref(one));
        let votes: Vec<_> =
            self.members.values().filter_map(|member| member.assignors.iter().find(common)).collect();
        let count = |one: AssignorName| votes.iter().filter(|vote| ***vote == one).count();
        // `max_by_key` takes the last of equals, so the order of ties is walked backwards.
        TIES.into_iter().rev().max_by_key(|one| count(*one)).filter(|one| count(*one) > 0)
    }

    /// What a member is told when it has joined; the leader is told of everybody.
    pub fn join_result(&self, member: MemberId) -> JoinResult {
        let leads = self.leader == Some(member);
        let tell = |(id, it): (&MemberId, &Member<R>)| (*id, it.instance, it.subscription.clone());
        JoinResult {
            error: ErrorCode::None,
            member: Some(member),
            generation: self.generation,
            assignor: self.assignor,
            leader: self.leader,
            members: if leads { self.members.iter().map(tell).collect() } else { Vec::new() },
            skip_assignment: false,
        }
    }

    /// The group as it is written, with these assignments.
    pub fn metadata(&self, assignment: impl Fn(MemberId) -> Arc<[PlaceId]>) -> Arc<GroupMetadata> {
        let members = self.members.iter().map(|(id, member)| member.metadata(*id, assignment(*id))).collect();
        let (generation, assignor, leader, since) = (self.generation, self.assignor, self.leader, self.since);
        Arc::new(GroupMetadata { generation, assignor, leader, since, members })
    }

    /// From when the retention of its offsets counts.
    pub fn retained_since(&self) -> RetainedSince {
        if !self.joined {
            return RetainedSince::Commit;
        }
        match self.state {
            GroupState::Empty => RetainedSince::Emptied(self.since),
            GroupState::Stable => RetainedSince::Commit,
            GroupState::PreparingRebalance | GroupState::CompletingRebalance | GroupState::Dead => {
                RetainedSince::Never
            }
        }
    }

    /// Whether some member wants this topic.
    pub fn is_subscribed(&self, topic: ChannelId) -> bool {
        self.members.values().any(|member| member.subscription.topics.contains(&topic))
    }

    /// What is due first, and when.
    pub fn next_due(&self) -> Option<(Time, Due)> {
        let join = self.join_timer.map(|timer| match timer {
            JoinTimer::Initial { at, .. } | JoinTimer::Rebalance { at } => (at, Due::Join),
        });
        let sync = self.sync_timer.map(|at| (at, Due::Sync));
        let sessions =
            self.members.iter().filter_map(|(id, member)| Some((member.session_ends?, Due::Session(*id))));
        let pending = self.pending.iter().map(|(id, at)| (*at, Due::Pending(*id)));
        join.into_iter().chain(sync).chain(sessions).chain(pending).min()
    }

    /// The group's record.
    pub fn record(&self, metadata: &Arc<GroupMetadata>) -> OffsetsRecord {
        OffsetsRecord::Group { group: self.id, metadata: Arc::clone(metadata) }
    }
}
