//! What goes on whether or not the application polls: heartbeats, finding the coordinator, time-outs and
//! broken connections, `commitSync()`, `close()` (`AbstractCoordinator.HeartbeatThread`).

use std::sync::Arc;

use super::brokers::{Ask, Call, Purpose, Seat};
use super::membership::{Coordinator, Preparation, Standing};
use super::offsets::{Settling, Verdict, judge};
use super::{Consumer, Stopped, Timer};
use crate::kernel::{Cx, Duration, Time};
use crate::trace::PlaceId;
use crate::trace::kafka::{ErrorCode, Kafka};
use crate::wire::kafka::{Goodbye, OffsetCommit, Request};
use crate::wire::port::FromSubscriber;

/// `KafkaConsumer.DEFAULT_CLOSE_TIMEOUT_MS`
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

impl Consumer {
    // Metadata and the coordinator.

    pub(super) fn want_metadata(&mut self, cx: &mut Cx<'_, Self>) {
        self.state.metadata.wanted = true;
        self.refresh_metadata(cx);
    }

    /// Asks for metadata when they are wanted or old, and the last answer is not too fresh.
    pub(super) fn refresh_metadata(&mut self, cx: &mut Cx<'_, Self>) {
        let now = cx.now();
        let metadata = &self.state.metadata;
        let due = metadata.wanted || metadata.expires <= now;
        if metadata.under_way || !due || metadata.retry_at > now {
            return;
        }
        if let Some(seat) = self.any_broker(cx) {
            self.state.metadata.under_way = true;
            self.ask(cx, seat, Request::Metadata, Ask::Metadata);
        }
    }

    fn any_broker(&mut self, cx: &mut Cx<'_, Self>) -> Option<Seat> {
        let now = cx.now();
        let alive = self.state.metadata.image.as_ref().map_or(&[][..], |image| &image.alive);
        self.state.brokers.least_loaded(alive, now, cx.rng())
    }

    /// Looks for the coordinator unless it is known, being looked for, or not to be looked for yet.
    pub(super) fn find_coordinator(&mut self, cx: &mut Cx<'_, Self>) {
        let Coordinator::Unknown { retry_at } = self.state.membership.coordinator else { return };
        if retry_at > cx.now() {
            return;
        }
        if let Some(seat) = self.any_broker(cx) {
            self.state.membership.coordinator = Coordinator::Asked;
            self.ask(cx, seat, Request::FindCoordinator(self.setup.group), Ask::FindCoordinator);
        } else {
            let retry_at = self.state.brokers.first_opens_at().max(self.retry_at(cx, 0));
            self.state.membership.coordinator = Coordinator::Unknown { retry_at };
        }
    }

    /// The broker that was thought to coordinate the group does not, or is gone.
    pub(super) fn lose_coordinator(&mut self, cx: &mut Cx<'_, Self>) {
        let Some(seat) = self.state.membership.seat() else { return };
        let retry_at = self.retry_at(cx, 0);
        let membership = &mut self.state.membership;
        membership.coordinator = Coordinator::Unknown { retry_at: cx.now() };
        if std::mem::take(&mut membership.heartbeat_under_way) {
            membership.heartbeat_at = retry_at;
        }
        for call in self.state.brokers.abandon_group(seat) {
            self.call_failed(cx, call);
        }
        if self.state.membership.is_in() {
            cx.arm_at(Timer::Heartbeat, cx.now());
        }
        if self.state.offsets.settling.is_some() {
            cx.arm_at(Timer::Settle, cx.now());
        }
    }

    /// When the heartbeat thread looks for a coordinator again.
    fn coordinator_retry(&self) -> Time {
        match self.state.membership.coordinator {
            Coordinator::Unknown { retry_at } => retry_at,
            Coordinator::Asked | Coordinator::Known(_) => Time::NEVER,
        }
    }

    // Heartbeats.

    pub(super) fn heartbeat(&mut self, cx: &mut Cx<'_, Self>) {
        let now = cx.now();
        if !self.state.membership.is_in() || self.state.stopped.is_some() {
            return;
        }
        let Some(seat) = self.state.membership.seat() else {
            self.find_coordinator(cx);
            let retry_at = self.coordinator_retry();
            if retry_at < Time::NEVER {
                cx.arm_at(Timer::Heartbeat, retry_at);
            }
            return;
        };
        let membership = &mut self.state.membership;
        if membership.session_ends <= now {
            // The coordinator has not answered for a whole session: it may be another one by now.
            return self.lose_coordinator(cx);
        }
        if membership.heartbeat_under_way {
            return cx.arm_at(Timer::Heartbeat, membership.session_ends);
        }
        if membership.heartbeat_at > now {
            return cx.arm_at(Timer::Heartbeat, membership.heartbeat_at);
        }
        membership.heartbeat_under_way = true;
        membership.heartbeat_at = now + self.setup.config.heartbeat_interval;
        let generation = membership.generation.expect("a member has a generation");
        let request = Request::Heartbeat(self.setup.group, membership.identity().into());
        cx.arm_at(Timer::Heartbeat, membership.session_ends);
        self.ask(cx, seat, request, Ask::Heartbeat { generation });
    }

    /// `max.poll.interval.ms`: the application has not polled for too long.
    pub(super) fn poll_interval_over(&mut self, cx: &mut Cx<'_, Self>) {
        self.state.poll_interval_armed = false;
        if self.state.polling || self.state.stopped.is_some() {
            return;
        }
        let over = self.state.returned_at + self.setup.config.max_poll_interval;
        if over > cx.now() {
            self.state.poll_interval_armed = true;
            cx.arm_at(Timer::PollInterval, over);
        } else if self.state.membership.is_in() && self.state.membership.seat().is_none() {
            // The heartbeat thread looks for the coordinator first.
            self.state.poll_interval_armed = true;
            cx.arm(Timer::PollInterval, self.setup.config.retry_backoff);
        } else if self.state.membership.is_in() {
            self.leave(cx, Goodbye::PollTimeout);
            self.state.membership.reset(false);
        }
    }

    /// A dynamic member says goodbye; a static one just falls silent (KIP-345).
    fn leave(&mut self, cx: &mut Cx<'_, Self>, why: Goodbye) {
        let membership = &self.state.membership;
        let (Some(seat), Some(_)) = (membership.seat(), membership.member) else { return };
        if !membership.is_static() && membership.standing != Standing::Unjoined {
            let request = Request::LeaveGroup(self.setup.group, membership.identity().into(), why);
            self.ask(cx, seat, request, Ask::LeaveGroup);
        }
    }

    // Time-outs and broken connections.

    pub(super) fn give_up_overdue(&mut self, cx: &mut Cx<'_, Self>) {
        self.state.requests_armed = None;
        while let Some(seat) = self.state.brokers.overdue(cx.now()) {
            self.hang_up(cx, seat);
        }
        if let Some(deadline) = self.state.brokers.next_deadline() {
            self.watch_requests(cx, deadline);
        }
        self.poll(cx);
    }

    /// The connection is gone: whatever was asked on it has failed.
    pub(super) fn hang_up(&mut self, cx: &mut Cx<'_, Self>, seat: Seat) {
        let now = cx.now();
        let calls = self.state.brokers.disconnected(seat, now, cx.rng());
        if self.state.membership.seat() == Some(seat) {
            self.lose_coordinator(cx);
        }
        self.state.metadata.wanted = true;
        for call in calls {
            self.call_failed(cx, call);
        }
    }

    fn call_failed(&mut self, cx: &mut Cx<'_, Self>, call: Call) {
        let retry_at = self.retry_at(cx, 0);
        match call.ask {
            Ask::Metadata => self.metadata_failed(cx),
            Ask::Fetch => self.state.fetcher.failed(call.seat, retry_at),
            Ask::ListOffsets(places) => self.ask_again(places.iter().map(|(place, _)| *place), retry_at),
            Ask::EpochEnd(places) => self.ask_again(places.iter().map(|(place, _)| *place), retry_at),
            Ask::OffsetFetch { places, .. } => self.ask_again(places.iter().copied(), retry_at),
            Ask::FindCoordinator => self.lookup_failed(cx),
            Ask::JoinGroup => {
                if self.state.membership.join_call == Some(call.correlation) {
                    self.join_failed(cx);
                }
            }
            Ask::SyncGroup { generation } => {
                let membership = &self.state.membership;
                if membership.standing == Standing::Completing && membership.generation == Some(generation) {
                    self.join_failed(cx);
                }
            }
            // The coordinator is unknown now; the heartbeat thread looks for it.
            Ask::Heartbeat { .. } | Ask::LeaveGroup => {}
            Ask::Commit { purpose, generation } => {
                self.committed(cx, purpose, generation, ErrorCode::NetworkException);
            }
        }
    }

    fn metadata_failed(&mut self, cx: &mut Cx<'_, Self>) {
        let failures = self.state.metadata.failures;
        let retry_at = self.retry_at(cx, failures);
        let metadata = &mut self.state.metadata;
        (metadata.under_way, metadata.wanted, metadata.retry_at) = (false, true, retry_at);
        metadata.failures += 1;
    }

    pub(super) fn ask_again(&mut self, places: impl Iterator<Item = PlaceId>, retry_at: Time) {
        for place in places {
            self.state.positions.ask_again(place, retry_at);
        }
    }

    pub(super) fn lookup_failed(&mut self, cx: &mut Cx<'_, Self>) {
        let failures = self.state.membership.lookups_failed;
        let retry_at = self.retry_at(cx, failures);
        self.state.membership.lookups_failed += 1;
        self.state.membership.coordinator = Coordinator::Unknown { retry_at };
        if self.state.membership.is_in() {
            cx.arm_at(Timer::Heartbeat, retry_at);
        }
        if self.state.offsets.settling.is_some() {
            cx.arm_at(Timer::Settle, retry_at);
        }
    }

    /// A join that failed is tried again after `retry.backoff.ms`.
    pub(super) fn join_failed(&mut self, cx: &mut Cx<'_, Self>) {
        let failures = self.state.membership.joins_failed;
        let retry_at = self.retry_at(cx, failures);
        self.state.membership.joins_failed += 1;
        self.state.membership.join_failed(retry_at);
    }

    // Commits.

    /// Commits the positions as they are; false when there are none.
    pub(super) fn commit_positions(&mut self, cx: &mut Cx<'_, Self>, purpose: Purpose) -> bool {
        let offsets = self.state.positions.consumed();
        let Some(seat) = self.state.membership.seat() else { return false };
        if offsets.is_empty() || self.state.membership.generation.is_none() {
            return false;
        }
        self.commit(cx, seat, offsets, purpose);
        true
    }

    fn commit(&mut self, cx: &mut Cx<'_, Self>, seat: Seat, offsets: Vec<(PlaceId, u64)>, purpose: Purpose) {
        let membership = self.state.membership.identity();
        let generation = membership.generation;
        let commit = OffsetCommit { group: self.setup.group, membership, offsets };
        self.ask(cx, seat, Request::OffsetCommit(Arc::new(commit)), Ask::Commit { purpose, generation });
    }

    /// `commitSync()`: everything handed over so far.
    pub(super) fn settle(&mut self, cx: &mut Cx<'_, Self>) {
        if self.state.offsets.settling.is_some() {
            self.state.offsets.settles_waiting += 1;
            return;
        }
        self.begin_settling(cx, self.setup.config.api_timeout);
    }

    fn begin_settling(&mut self, cx: &mut Cx<'_, Self>, patience: Duration) {
        let mut offsets = self.state.positions.consumed();
        offsets.extend_from_slice(&self.state.offsets.parting);
        let deadline = cx.now() + patience;
        let settling = Settling { offsets, under_way: false, failures: 0, retry_at: cx.now(), deadline };
        self.state.offsets.settling = Some(settling);
        self.go_on_settling(cx);
    }

    /// The next step of a `commitSync()`; nothing when there is none.
    pub(super) fn go_on_settling(&mut self, cx: &mut Cx<'_, Self>) {
        let now = cx.now();
        let Some(settling) = &self.state.offsets.settling else { return };
        let (deadline, retry_at) = (settling.deadline, settling.retry_at);
        if settling.offsets.is_empty() {
            return self.settled(cx, true);
        }
        if deadline <= now {
            return self.settled(cx, false);
        }
        if settling.under_way {
            return cx.arm_at(Timer::Settle, deadline);
        }
        if retry_at > now {
            return cx.arm_at(Timer::Settle, retry_at.min(deadline));
        }
        let Some(seat) = self.state.membership.seat() else {
            self.find_coordinator(cx);
            return cx.arm_at(Timer::Settle, self.coordinator_retry().min(deadline));
        };
        // `generationIfStable`: without one, the coordinator need not be asked.
        match self.state.membership.standing {
            Standing::Stable => {}
            Standing::Preparing | Standing::Completing => {
                return self.settle_refused(cx, ErrorCode::RebalanceInProgress);
            }
            Standing::Unjoined => return self.settle_refused(cx, ErrorCode::UnknownMemberId),
        }
        let settling = self.state.offsets.settling.as_mut().expect("looked at above");
        settling.under_way = true;
        let offsets = settling.offsets.clone();
        cx.arm_at(Timer::Settle, deadline);
        self.commit(cx, seat, offsets, Purpose::Settle);
    }

    pub(super) fn settle_refused(&mut self, cx: &mut Cx<'_, Self>, error: ErrorCode) {
        cx.emit(Kafka::CommitFailed { group: self.setup.group, error });
        if judge(error) == Verdict::Rejoin {
            self.state.offsets.refused_by_rebalance();
        }
        self.settled(cx, false);
    }

    /// `commitSync()` returns, or throws.
    pub(super) fn settled(&mut self, cx: &mut Cx<'_, Self>, accepted: bool) {
        self.state.offsets.settling = None;
        if let Some(why) = self.state.closing {
            return self.stop(cx, why);
        }
        self.tell(cx, FromSubscriber::Settled { accepted });
        if self.state.offsets.settles_waiting > 0 {
            self.state.offsets.settles_waiting -= 1;
            self.begin_settling(cx, self.setup.config.api_timeout);
        }
    }

    // The end.

    /// `wakeup()`, and then `close()`. What was handed over at this very instant was not returned: nothing is
    /// committed then, so that it comes again.
    pub(super) fn leave_poll(&mut self, cx: &mut Cx<'_, Self>) {
        if self.state.polling || self.state.closing.is_some() {
            return self.close(cx, Stopped::Closed);
        }
        self.state.closing = Some(Stopped::Closed);
        self.stop(cx, Stopped::Closed);
    }

    /// `close()`: commits when that is automatic, leaves, stops.
    pub(super) fn close(&mut self, cx: &mut Cx<'_, Self>, why: Stopped) {
        if self.state.closing.is_some() {
            return;
        }
        self.state.closing = Some(why);
        self.state.polling = false;
        if self.state.offsets.settling.is_some() {
            // Whoever waits for a commitSync() that is cut short is told before the consumer is gone.
            self.state.offsets.settling = None;
            self.tell(cx, FromSubscriber::Settled { accepted: false });
        }
        if self.state.offsets.is_automatic() && self.state.membership.generation.is_some() {
            self.begin_settling(cx, CLOSE_TIMEOUT);
        } else {
            self.stop(cx, why);
        }
    }

    fn stop(&mut self, cx: &mut Cx<'_, Self>, why: Stopped) {
        let all = self.state.positions.places();
        let lost = self.state.membership.generation.is_none();
        self.give_up(cx, &all, lost);
        self.leave(cx, Goodbye::Closed);
        self.state.membership.reset(false);
        self.state.membership.preparation = Preparation::Due;
        self.state.stopped = Some(why);
        for timer in [Timer::Poll, Timer::Heartbeat, Timer::PollInterval, Timer::Requests, Timer::Settle] {
            cx.disarm(timer);
        }
    }
}
