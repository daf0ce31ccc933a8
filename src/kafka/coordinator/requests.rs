//! What members ask of their group: join, sync, heartbeat, leave.
//!
//! Source: oracle sheet 07 (7a); Kafka's `GroupMetadataManager`.

use super::group::Group;
use super::member::Member;
use super::outbox::{Outbox, Write};
use crate::kernel::Duration;
use crate::trace::kafka::{ErrorCode, GroupReason, GroupState, MemberId};
use crate::wire::kafka::{Goodbye, JoinGroup, Membership, Response, SyncGroup};

/// How long a JoinGroup of a new member may wait: it has no name to send heartbeats with
/// (`CLASSIC_GROUP_NEW_MEMBER_JOIN_TIMEOUT_MS`).
const NEW_MEMBER_JOIN_TIMEOUT: Duration = Duration::from_millis(300_000);

impl<R: Copy> Group<R> {
    /// A JoinGroup. `fresh` is the name to give to somebody who has none.
    pub fn join(&mut self, request: &JoinGroup, fresh: MemberId, from: R, out: &mut Outbox<R>) {
        let who = &request.membership;
        if !self.has_room_for(who.member, out.config.group_max_size) {
            self.pending.retain(|pending, _| Some(*pending) != who.member);
            out.refuse_join(from, ErrorCode::GroupMaxSizeReached, None);
        } else if !self.supports(&request.assignors) {
            out.refuse_join(from, ErrorCode::InconsistentGroupProtocol, who.member);
        } else if let Some(member) = who.member {
            self.join_known(member, request, from, out);
        } else {
            self.join_unknown(fresh, request, from, out);
        }
    }

    fn has_room_for(&self, member: Option<MemberId>, max: u32) -> bool {
        let known = member.and_then(|member| self.members.get(&member));
        match self.state {
            GroupState::Empty | GroupState::Dead => true,
            // Those who wait count, not those who are in: so the last to come back is out.
            GroupState::PreparingRebalance => {
                known.is_some_and(|member| member.joining.is_some()) || self.joining() < max as usize
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                known.is_some() || self.members.len() < max as usize
            }
        }
    }

    fn join_unknown(&mut self, fresh: MemberId, request: &JoinGroup, from: R, out: &mut Outbox<R>) {
        match request.membership.instance {
            None => {
                // KIP-394: a name first, so that a lost answer does not leave a member behind.
                self.pending.insert(fresh, out.now + request.session_timeout);
                out.refuse_join(from, ErrorCode::MemberIdRequired, Some(fresh));
            }
            Some(instance) => match self.static_member(instance) {
                None => self.admit(fresh, request, from, out),
                Some(old) => self.replace(old, fresh, request, from, out),
            },
        }
    }

    fn join_known(&mut self, id: MemberId, request: &JoinGroup, from: R, out: &mut Outbox<R>) {
        if self.pending.contains_key(&id) {
            return self.admit(id, request, from, out);
        }
        if let Err(error) = self.validate(&request.membership) {
            return out.refuse_join(from, error, Some(id));
        }
        let same = self.members[&id].matches(request);
        let again = match self.state {
            GroupState::PreparingRebalance => false,
            GroupState::CompletingRebalance => same,
            // A leader that joins again asks for a new assignment.
            GroupState::Stable => same && self.leader != Some(id),
            GroupState::Empty | GroupState::Dead => unreachable!("an empty group has no member to validate"),
        };
        if again {
            out.answer_join(from, self.join_result(id));
        } else {
            self.members.get_mut(&id).expect("validated").update(request, from);
            self.rebalance(GroupReason::MemberRejoined, out);
        }
    }

    fn admit(&mut self, id: MemberId, request: &JoinGroup, from: R, out: &mut Outbox<R>) {
        if self.state == GroupState::PreparingRebalance && self.previous == GroupState::Empty {
            self.late_joiner = true;
        }
        let mut member = Member::joining(request, from);
        member.session_ends = Some(out.now + NEW_MEMBER_JOIN_TIMEOUT);
        self.add(id, member, out);
        self.rebalance(GroupReason::MemberJoined, out);
    }

    /// A static member is back under a new name.
    fn replace(&mut self, old: MemberId, new: MemberId, request: &JoinGroup, from: R, out: &mut Outbox<R>) {
        let before = Box::new(self.members[&old].clone());
        self.rename(old, new, out);
        let member = self.members.get_mut(&new).expect("just renamed");
        member.touch(out.now);
        member.update(request, from);
        match self.state {
            GroupState::Stable if self.select_assignor() == self.assignor => {
                let metadata = self.metadata(|id| self.members[&id].assignment.clone());
                let records = vec![self.record(&metadata)];
                let write = Write::StaticMember { metadata, old: (old, before), new };
                out.append(self.id, records, write);
            }
            // The leader may have the old name in its hands already.
            GroupState::Stable | GroupState::CompletingRebalance => {
                self.prepare(GroupReason::StaticMemberReplaced, out);
            }
            GroupState::PreparingRebalance => self.try_complete_join(out),
            GroupState::Empty | GroupState::Dead => unreachable!("an empty group has no static member"),
        }
    }

    /// The new incarnation of a static member is written: it has what it had.
    pub fn replaced(&mut self, new: MemberId, out: &mut Outbox<R>) {
        let mut result = if self.members.contains_key(&new) { self.join_result(new) } else { return };
        // KIP-814: a leader that is back need not assign again.
        result.skip_assignment = self.leader == Some(new);
        if let Some(from) = self.members.get_mut(&new).and_then(|member| member.joining.take()) {
            out.answer_join(from, result);
        }
    }

    /// It could not be written: the old one is the member still.
    pub fn not_replaced(
        &mut self,
        (old, mut before): (MemberId, Box<Member<R>>),
        new: MemberId,
        error: ErrorCode,
        out: &mut Outbox<R>,
    ) {
        let Some(member) = self.members.get_mut(&new) else { return };
        if let Some(from) = member.joining.take() {
            out.refuse_join(from, error, None);
        }
        self.rename(new, old, out);
        (before.joining, before.syncing) = (None, None);
        before.touch(out.now);
        self.members.insert(old, *before);
    }

    /// A SyncGroup.
    pub fn sync(&mut self, request: &SyncGroup, from: R, out: &mut Outbox<R>) {
        let id = match self.validate_generation(&request.membership) {
            Ok(id) => id,
            Err(error) => return out.answer(from, Response::SyncGroup(Err(error))),
        };
        match self.state {
            GroupState::PreparingRebalance => {
                out.answer(from, Response::SyncGroup(Err(ErrorCode::RebalanceInProgress)));
            }
            GroupState::CompletingRebalance => {
                self.synced(id);
                self.members.get_mut(&id).expect("validated").syncing = Some(from);
                if self.leader == Some(id) {
                    self.write_assignment(&request.assignments, out);
                }
            }
            GroupState::Stable => {
                self.synced(id);
                out.answer(from, Response::SyncGroup(Ok(self.members[&id].assignment.clone())));
            }
            GroupState::Empty | GroupState::Dead => unreachable!("an empty group has no member to validate"),
        }
    }

    fn synced(&mut self, member: MemberId) {
        self.pending_sync.remove(&member);
        if self.pending_sync.is_empty() {
            self.sync_timer = None;
        }
    }

    /// A heartbeat.
    pub fn heartbeat(&mut self, who: &Membership, out: &Outbox<R>) -> ErrorCode {
        match self.validate_generation(who) {
            Err(error) => error,
            Ok(member) => {
                self.members.get_mut(&member).expect("validated").touch(out.now);
                let joining = self.state == GroupState::PreparingRebalance;
                if joining { ErrorCode::RebalanceInProgress } else { ErrorCode::None }
            }
        }
    }

    /// A goodbye, by name or, for a static member that somebody else takes out, by instance.
    pub fn leave(&mut self, who: &Membership, goodbye: Goodbye, out: &mut Outbox<R>) -> ErrorCode {
        let why = match goodbye {
            Goodbye::Closed => GroupReason::MemberLeft,
            Goodbye::PollTimeout => GroupReason::PollTimeout,
        };
        let pending = who.member.is_some_and(|member| self.pending.remove(&member).is_some());
        if !pending {
            let by_instance = who.instance.filter(|_| who.member.is_none());
            let leaver = match by_instance {
                Some(instance) => self.static_member(instance).ok_or(ErrorCode::UnknownMemberId),
                None => self.validate(who),
            };
            match leaver {
                Ok(member) => self.remove(member, why, out),
                Err(error) => return error,
            }
        }
        match self.state {
            GroupState::Stable | GroupState::CompletingRebalance => self.prepare(why, out),
            GroupState::PreparingRebalance => self.try_complete_join(out),
            GroupState::Empty | GroupState::Dead => {}
        }
        ErrorCode::None
    }
}
