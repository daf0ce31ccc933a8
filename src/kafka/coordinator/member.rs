//! A member of a classic group.

use std::sync::Arc;

use super::records::MemberMetadata;
use crate::kernel::{Duration, Time};
use crate::trace::PlaceId;
use crate::trace::kafka::MemberId;
use crate::wire::kafka::{AssignorName, JoinGroup, Subscription};

/// A member as the coordinator knows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member<R> {
    /// `group.instance.id` of a static member.
    pub instance: Option<u32>,
    /// `session.timeout.ms`
    pub session_timeout: Duration,
    /// `max.poll.interval.ms`
    pub rebalance_timeout: Duration,
    /// What it can do, in order of preference.
    pub assignors: Vec<AssignorName>,
    /// What it wants, and has.
    pub subscription: Subscription,
    /// What it got.
    pub assignment: Arc<[PlaceId]>,
    /// A JoinGroup that waits for an answer.
    pub joining: Option<R>,
    /// A SyncGroup that waits for an answer.
    pub syncing: Option<R>,
    /// Has not been in a generation yet: it cannot send heartbeats.
    pub is_new: bool,
    /// When it has to be heard of; none once that has passed unheeded.
    pub session_ends: Option<Time>,
}

impl<R> Member<R> {
    /// A new one that asks to join.
    pub fn joining(request: &JoinGroup, from: R) -> Self {
        Self {
            instance: request.membership.instance,
            session_timeout: request.session_timeout,
            rebalance_timeout: request.rebalance_timeout,
            assignors: request.assignors.clone(),
            subscription: request.subscription.clone(),
            assignment: Arc::new([]),
            joining: Some(from),
            syncing: None,
            is_new: true,
            session_ends: None,
        }
    }

    /// One that was written as a member of a group with this assignor. Only what the group agreed on is
    /// written, so that is all it can do until it joins again.
    pub fn loaded(now: Time, written: &MemberMetadata, assignor: Option<AssignorName>) -> Self {
        Self {
            instance: written.instance,
            session_timeout: written.session_timeout,
            rebalance_timeout: written.rebalance_timeout,
            assignors: assignor.into_iter().collect(),
            subscription: written.subscription.clone(),
            assignment: Arc::clone(&written.assignment),
            joining: None,
            syncing: None,
            is_new: false,
            session_ends: Some(now + written.session_timeout),
        }
    }

    /// Takes over what a JoinGroup says.
    pub fn update(&mut self, request: &JoinGroup, from: R) {
        self.assignors.clone_from(&request.assignors);
        self.subscription.clone_from(&request.subscription);
        self.session_timeout = request.session_timeout;
        self.rebalance_timeout = request.rebalance_timeout;
        self.joining = Some(from);
    }

    /// Whether a JoinGroup says nothing new.
    pub fn matches(&self, request: &JoinGroup) -> bool {
        self.assignors == request.assignors && self.subscription == request.subscription
    }

    /// Was heard of.
    pub fn touch(&mut self, now: Time) {
        self.session_ends = Some(now + self.session_timeout);
    }

    /// Whether it need not be heard of: its request waits here. Not while it is new: then the client may be
    /// gone without our knowing.
    pub fn is_excused(&self) -> bool {
        !self.is_new && (self.joining.is_some() || self.syncing.is_some())
    }

    /// As it is written.
    pub fn metadata(&self, member: MemberId, assignment: Arc<[PlaceId]>) -> MemberMetadata {
        MemberMetadata {
            member,
            instance: self.instance,
            session_timeout: self.session_timeout,
            rebalance_timeout: self.rebalance_timeout,
            subscription: self.subscription.clone(),
            assignment,
        }
    }
}
