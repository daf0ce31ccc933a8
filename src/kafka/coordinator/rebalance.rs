//! The two phases of a rebalance: everybody joins, then everybody gets an assignment; and what is done when
//! somebody does not.

use std::sync::Arc;

use super::group::{Due, Group, JoinTimer};
use super::outbox::{Outbox, Write};
use super::states::can_rebalance;
use crate::trace::PlaceId;
use crate::trace::kafka::{ErrorCode, GroupReason, GroupState, MemberId};
use crate::wire::kafka::Response;

impl<R: Copy> Group<R> {
    /// Begins a rebalance where one may begin; else ends the join phase when it is complete.
    pub fn rebalance(&mut self, why: GroupReason, out: &mut Outbox<R>) {
        if can_rebalance(self.state) {
            self.prepare(why, out);
        } else {
            self.try_complete_join(out);
        }
    }

    /// Begins a rebalance.
    pub fn prepare(&mut self, why: GroupReason, out: &mut Outbox<R>) {
        if self.state == GroupState::CompletingRebalance {
            self.refuse_assignment(ErrorCode::RebalanceInProgress, out);
        }
        self.pending_sync.clear();
        self.sync_timer = None;
        self.why = why;
        let initial = self.state == GroupState::Empty;
        self.transition(GroupState::PreparingRebalance, why, out);
        if initial {
            self.wait_for_more(out);
        } else if self.all_joined() {
            self.complete_join(out);
        } else {
            self.join_timer = Some(JoinTimer::Rebalance { at: out.now + self.rebalance_timeout() });
        }
    }

    fn wait_for_more(&mut self, out: &Outbox<R>) {
        let delay = out.config.group_initial_rebalance_delay;
        let left = self.rebalance_timeout().saturating_sub(delay);
        self.join_timer = Some(JoinTimer::Initial { at: out.now + delay, delay, left });
    }

    /// Ends the join phase when everybody has joined; not that of a new group, which waits for more.
    pub fn try_complete_join(&mut self, out: &mut Outbox<R>) {
        let joins = self.state == GroupState::PreparingRebalance && self.previous != GroupState::Empty;
        if joins && self.all_joined() {
            self.complete_join(out);
        }
    }

    /// Ends the join phase: who has not joined again is out, unless it is static; the others are the next
    /// generation.
    pub fn complete_join(&mut self, out: &mut Outbox<R>) {
        assert_eq!(self.state, GroupState::PreparingRebalance, "only a join phase ends");
        self.join_timer = None;
        for absent in self.absent_dynamic_members() {
            self.remove(absent, GroupReason::RebalanceTimeout, out);
        }
        if self.members.is_empty() {
            self.become_empty(out);
        } else if self.elect_leader() {
            self.begin_generation(out);
        } else {
            // Only static members, and none of them is here: wait until their sessions end.
            self.join_timer = Some(JoinTimer::Rebalance { at: out.now + self.rebalance_timeout() });
        }
    }

    fn absent_dynamic_members(&self) -> Vec<MemberId> {
        let absent = self.members.iter().filter(|(_, it)| it.joining.is_none() && it.instance.is_none());
        absent.map(|(id, _)| *id).collect()
    }

    fn become_empty(&mut self, out: &mut Outbox<R>) {
        self.generation += 1;
        (self.assignor, self.leader) = (None, None);
        self.transition(GroupState::Empty, self.why, out);
        let metadata = self.metadata(|_| Arc::new([]));
        out.append(self.id, vec![self.record(&metadata)], Write::Empty(metadata));
    }

    fn begin_generation(&mut self, out: &mut Outbox<R>) {
        self.generation += 1;
        self.assignor = self.select_assignor();
        assert!(self.assignor.is_some(), "nobody is let in who shares no assignor with the others");
        self.transition(GroupState::CompletingRebalance, GroupReason::AllJoined, out);
        self.pending_sync = self.members.keys().copied().collect();
        for id in self.pending_sync.clone() {
            let result = self.join_result(id);
            let member = self.members.get_mut(&id).expect("taken from the members");
            member.touch(out.now);
            member.is_new = false;
            if let Some(from) = member.joining.take() {
                out.answer_join(from, result);
            }
        }
        self.sync_timer = Some(out.now + self.rebalance_timeout());
    }

    /// The leader's assignment: is written before anybody gets it.
    pub fn write_assignment(&mut self, assignments: &[(MemberId, Arc<[PlaceId]>)], out: &mut Outbox<R>) {
        let metadata = self.metadata(|id| {
            let given = assignments.iter().find(|(member, _)| *member == id);
            given.map_or_else(|| Arc::new([]) as Arc<[_]>, |(_, places)| Arc::clone(places))
        });
        out.append(self.id, vec![self.record(&metadata)], Write::Assignment(metadata));
    }

    /// The assignment is written.
    pub fn assign(&mut self, out: &mut Outbox<R>) {
        let written = Arc::clone(self.written.as_ref().expect("an assignment is written first"));
        for given in &written.members {
            if let Some(member) = self.members.get_mut(&given.member) {
                member.assignment = Arc::clone(&given.assignment);
            }
        }
        self.answer_syncs(|places| Ok(Arc::clone(places)), out);
        self.transition(GroupState::Stable, GroupReason::Assigned, out);
    }

    /// The assignment is void: everybody has to join again.
    pub fn refuse_assignment(&mut self, error: ErrorCode, out: &mut Outbox<R>) {
        self.members.values_mut().for_each(|member| member.assignment = Arc::new([]));
        self.answer_syncs(|_| Err(error), out);
    }

    fn answer_syncs(
        &mut self,
        result: impl Fn(&Arc<[PlaceId]>) -> Result<Arc<[PlaceId]>, ErrorCode>,
        out: &mut Outbox<R>,
    ) {
        for member in self.members.values_mut() {
            if let Some(from) = member.syncing.take() {
                out.answer(from, Response::SyncGroup(result(&member.assignment)));
                member.touch(out.now);
            }
        }
    }

    /// Does what is due.
    pub fn expire(&mut self, due: Due, out: &mut Outbox<R>) {
        match due {
            Due::Join => self.expire_join(out),
            Due::Sync => self.expire_sync(out),
            Due::Session(member) => self.expire_session(member, out),
            Due::Pending(member) => {
                self.pending.remove(&member);
                self.complete_if_all_joined(out);
            }
        }
    }

    fn expire_join(&mut self, out: &mut Outbox<R>) {
        match self.join_timer.take() {
            Some(JoinTimer::Initial { delay, left, .. }) if self.late_joiner && !left.is_zero() => {
                self.late_joiner = false;
                let next = out.config.group_initial_rebalance_delay.min(left);
                let left = left.saturating_sub(delay);
                self.join_timer = Some(JoinTimer::Initial { at: out.now + next, delay: next, left });
            }
            Some(JoinTimer::Initial { .. } | JoinTimer::Rebalance { .. }) => self.complete_join(out),
            None => unreachable!("what is due has a timer"),
        }
    }

    fn expire_sync(&mut self, out: &mut Outbox<R>) {
        self.sync_timer = None;
        let missing = std::mem::take(&mut self.pending_sync);
        if missing.is_empty() {
            return;
        }
        for member in missing {
            self.remove(member, GroupReason::SyncTimeout, out);
        }
        self.prepare(GroupReason::SyncTimeout, out);
    }

    fn expire_session(&mut self, id: MemberId, out: &mut Outbox<R>) {
        let member = self.members.get_mut(&id).expect("a session is a member's");
        member.session_ends = None;
        if !member.is_excused() {
            self.remove(id, GroupReason::SessionTimeout, out);
            self.member_gone(GroupReason::SessionTimeout, out);
        }
    }

    /// Somebody is not in the group any more.
    fn member_gone(&mut self, why: GroupReason, out: &mut Outbox<R>) {
        match self.state {
            GroupState::Stable | GroupState::CompletingRebalance => self.prepare(why, out),
            GroupState::PreparingRebalance => self.complete_if_all_joined(out),
            GroupState::Empty | GroupState::Dead => {}
        }
    }

    /// A timeout ends even the initial delay when nobody else is awaited.
    fn complete_if_all_joined(&mut self, out: &mut Outbox<R>) {
        if self.state == GroupState::PreparingRebalance && self.all_joined() {
            self.complete_join(out);
        }
    }
}
