//! Inside `poll()`: rebalance, positions, automatic commits, fetches, handing over
//! (`ClassicKafkaConsumer.poll`, `ConsumerCoordinator.poll`).

use std::sync::Arc;

use super::brokers::{Ask, Purpose, Seat};
use super::membership::{Coordinator, Preparation, Standing, is_cooperative};
use super::positions::Phase;
use super::{Consumer, Timer};
use crate::kafka::config::OffsetReset;
use crate::kernel::{Cx, Duration, Time};
use crate::trace::kafka::{Kafka, PositionReason};
use crate::trace::{Ids, Life, PlaceId, Reason};
use crate::wire::kafka::{OffsetSpec, Request};
use crate::wire::port::FromSubscriber;

/// A callback of the application runs inside `poll()`: it answers at the same instant, so the poll goes on
/// one tick of the clock later.
const TICK: Duration = Duration::from_nanos(1);

impl Consumer {
    pub(super) fn next(&mut self, cx: &mut Cx<'_, Self>) {
        if self.state.closing.is_none() {
            self.state.polling = true;
            self.poll(cx);
        }
    }

    pub(super) fn poll_due(&mut self, cx: &mut Cx<'_, Self>) {
        self.state.poll_armed = None;
        self.poll(cx);
    }

    /// One round of the loop in `poll()`. Nothing when the application is not inside it.
    pub(super) fn poll(&mut self, cx: &mut Cx<'_, Self>) {
        if !self.state.polling {
            return;
        }
        self.refresh_metadata(cx);
        self.coordinate(cx);
        self.update_positions(cx);
        if self.state.polling && !self.hand_over(cx) && !self.return_empty(cx) {
            self.send_fetches(cx);
            self.watch_poll(cx);
        }
    }

    /// The application has its say about a revocation, and its `commitSync()` is not over.
    fn is_in_callback(&self, now: Time) -> bool {
        self.state.parting_until > now || self.state.offsets.settling.is_some()
    }

    /// `ConsumerCoordinator.poll`
    fn coordinate(&mut self, cx: &mut Cx<'_, Self>) {
        if self.state.membership.seat().is_none() {
            self.find_coordinator(cx);
            return;
        }
        self.take_up_join(cx);
        self.take_up_assignment(cx);
        if self.state.membership.rejoin_wanted {
            self.rejoin(cx);
        } else if self.state.membership.standing == Standing::Stable && self.state.offsets.take_due(cx.now())
        {
            self.commit_positions(cx, Purpose::Interval);
        }
    }

    /// The JoinGroup response: the leader assigns, and everybody asks for what is its own.
    fn take_up_join(&mut self, cx: &mut Cx<'_, Self>) {
        let Some(joined) = self.state.membership.joined.take() else { return };
        let seat = self.state.membership.seat().expect("asked for above");
        let now = cx.now();
        let membership = &mut self.state.membership;
        membership.enter(&joined);
        membership.session_ends = now + self.setup.config.session_timeout;
        membership.heartbeat_at = now + self.setup.config.heartbeat_interval;
        cx.arm_at(Timer::Heartbeat, membership.heartbeat_at);
        let sync = membership.sync_request(&joined, &self.setup, self.state.metadata.image.as_deref());
        let ask = Ask::SyncGroup { generation: joined.generation };
        self.ask(cx, seat, Request::SyncGroup(Arc::new(sync)), ask);
    }

    /// `onJoinComplete`
    fn take_up_assignment(&mut self, cx: &mut Cx<'_, Self>) {
        let Some(places) = self.state.membership.synced.take() else { return };
        let mut sorted = places.to_vec();
        sorted.sort_unstable();
        if is_cooperative(self.config()) {
            let mut moved = self.state.positions.places();
            moved.retain(|place| sorted.binary_search(place).is_err());
            if !moved.is_empty() {
                self.give_up(cx, &moved, false);
                self.state.membership.rejoin_wanted = true;
            }
        }
        self.state.positions.assign(&sorted);
        self.state.membership.remember(&sorted);
        self.state.offsets.restart(cx.now());
        self.state.offsets.rebalanced(cx.now());
        self.rearrange();
        let places: Arc<[PlaceId]> = self.state.positions.places().into();
        let generation = self.state.membership.generation.expect("a stable member has a generation");
        let group = self.setup.group;
        cx.emit(Kafka::Assigned { group, generation, places: Arc::clone(&places) });
        self.tell(cx, FromSubscriber::Assigned(places));
    }

    /// `ensureActiveGroup`: commit, give up, join.
    fn rejoin(&mut self, cx: &mut Cx<'_, Self>) {
        if matches!(self.state.membership.standing, Standing::Preparing | Standing::Completing) {
            return;
        }
        if self.state.membership.preparation != Preparation::Done && !self.prepare(cx) {
            return;
        }
        let now = cx.now();
        if self.is_in_callback(now) || self.state.membership.retry_at > now {
            return;
        }
        let Some(seat) = self.state.membership.seat() else { return };
        self.state.offsets.parting.clear();
        let owned = self.state.positions.places();
        let join = self.state.membership.join_request(&self.setup, owned);
        self.state.membership.standing = Standing::Preparing;
        let call = self.ask(cx, seat, Request::JoinGroup(Arc::new(join)), Ask::JoinGroup);
        self.state.membership.join_call = Some(call);
    }

    /// `onJoinPrepare`; false while a commit is under way.
    fn prepare(&mut self, cx: &mut Cx<'_, Self>) -> bool {
        let now = cx.now();
        let lost = self.state.membership.generation.is_none();
        match self.state.membership.preparation {
            Preparation::Due => {
                let deadline = now + self.setup.config.max_poll_interval;
                if !lost && self.state.offsets.is_automatic() && self.commit_positions(cx, Purpose::Rejoin) {
                    self.state.suspended = !is_cooperative(self.config());
                    self.state.membership.preparation =
                        Preparation::Committing { under_way: true, retry_at: now, deadline };
                    return false;
                }
            }
            Preparation::Committing { under_way: true, .. } if !lost => return false,
            Preparation::Committing { retry_at, deadline, .. } if !lost && now < deadline => {
                if now < retry_at {
                    return false;
                }
                if self.commit_positions(cx, Purpose::Rejoin) {
                    self.state.membership.preparation =
                        Preparation::Committing { under_way: true, retry_at, deadline };
                    return false;
                }
            }
            Preparation::Committing { .. } | Preparation::Done => {}
        }
        self.state.membership.preparation = Preparation::Done;
        self.state.suspended = false;
        if lost || !is_cooperative(self.config()) {
            let all = self.state.positions.places();
            self.give_up(cx, &all, lost);
        }
        true
    }

    /// Gives partitions up, in ascending order, or finds that they are lost, and says so.
    pub(super) fn give_up(&mut self, cx: &mut Cx<'_, Self>, places: &[PlaceId], lost: bool) {
        if places.is_empty() {
            return;
        }
        assert!(places.is_sorted(), "partitions are given up in ascending order");
        if !lost {
            let mut parting = self.state.positions.consumed();
            parting.retain(|(place, _)| places.binary_search(place).is_ok());
            self.state.offsets.parting = parting;
            self.state.parting_until = cx.now() + TICK;
        }
        let mut kept = self.state.positions.places();
        kept.retain(|place| places.binary_search(place).is_err());
        self.state.positions.assign(&kept);
        self.rearrange();
        let places: Arc<[PlaceId]> = places.into();
        cx.emit(Kafka::Revoked { group: self.setup.group, places: Arc::clone(&places), lost });
        self.tell(cx, FromSubscriber::Revoked(places));
    }

    /// After partitions or leaders have changed.
    pub(super) fn rearrange(&mut self) {
        let state = &mut self.state;
        if let Some(image) = &state.metadata.image {
            state.positions.learn(image);
        }
        state.fetcher.forget_lost(&state.positions);
        state.fetcher.arrange(&state.positions, &state.brokers);
    }

    /// `updateFetchPositions`: committed offsets, resets, validations.
    fn update_positions(&mut self, cx: &mut Cx<'_, Self>) {
        if !self.state.polling {
            return;
        }
        if !self.state.positions.are_unready() {
            return;
        }
        self.fetch_committed(cx);
        for (leader, places) in self.state.positions.wanting_leader(cx.now()) {
            if !self.state.polling {
                return;
            }
            let seat = leader.and_then(|leader| self.state.brokers.seat(leader));
            match seat {
                Some(seat) if self.state.brokers.is_open(seat, cx.now()) => self.ask_leader(cx, seat, places),
                Some(_) => {}
                None => self.want_metadata(cx),
            }
        }
    }

    fn fetch_committed(&mut self, cx: &mut Cx<'_, Self>) {
        let Some(seat) = self.state.membership.seat() else { return };
        let places = self.state.positions.wanting_commit(cx.now());
        if !places.is_empty() {
            let places: Arc<[PlaceId]> = places.into();
            let generation = self.state.membership.generation;
            let ask = Ask::OffsetFetch { generation, places: Arc::clone(&places) };
            self.ask(cx, seat, Request::OffsetFetch(self.setup.group, places), ask);
        }
    }

    fn ask_leader(&mut self, cx: &mut Cx<'_, Self>, seat: Seat, places: Vec<PlaceId>) {
        let (mut resets, mut checks) = (Vec::new(), Vec::new());
        let spec = self.reset_spec(cx.now());
        for place in places {
            let position = self.state.positions.get_mut(place).expect("asked for what is owned");
            match (position.phase, spec) {
                (Phase::Resetting(_), Some(spec)) => resets.push((place, spec)),
                (Phase::Resetting(why), None) => return self.no_offset(cx, why),
                (Phase::Validating, _) => {
                    checks.push((place, position.last_epoch.expect("nothing read is nothing to check")));
                }
                (Phase::Unknown | Phase::Fetching, _) => unreachable!("these ask no leader"),
            }
            position.asked = true;
        }
        if !resets.is_empty() {
            let resets: Arc<[_]> = resets.into();
            self.ask(cx, seat, Request::ListOffsets(Arc::clone(&resets)), Ask::ListOffsets(resets));
        }
        if !checks.is_empty() {
            let checks: Arc<[_]> = checks.into();
            self.ask(cx, seat, Request::EpochEnd(Arc::clone(&checks)), Ask::EpochEnd(checks));
        }
    }

    /// Where `auto.offset.reset` leads; none: nowhere.
    pub(super) fn reset_spec(&self, now: Time) -> Option<OffsetSpec> {
        match self.config().offset_reset {
            OffsetReset::Earliest => Some(OffsetSpec::Earliest),
            OffsetReset::Latest => Some(OffsetSpec::Latest),
            OffsetReset::ByDuration(ago) => {
                Some(OffsetSpec::Since(Time::from_nanos(now.since(Time::ZERO + ago).as_nanos())))
            }
            OffsetReset::None => None,
        }
    }

    /// Answers the poll when there are records. Before it returns, the next fetches go out.
    fn hand_over(&mut self, cx: &mut Cx<'_, Self>) -> bool {
        if self.state.suspended || self.is_in_callback(cx.now()) {
            return false;
        }
        let state = &mut self.state;
        let mut deliveries = std::mem::take(&mut state.scratch);
        state.fetcher.collect(&mut state.positions, self.setup.config.max_poll_records, &mut deliveries);
        let any = !deliveries.is_empty();
        if any {
            self.return_from_poll(cx);
            self.send_fetches(cx);
            let group = self.setup.group;
            for delivery in &deliveries {
                let ids = Ids::Span(delivery.span.clone());
                cx.emit(Life::Delivered { ids, group, place: delivery.place, offset: delivery.offset });
            }
            self.tell(cx, FromSubscriber::Deliver(deliveries.drain(..).collect()));
        }
        self.state.scratch = deliveries;
        any
    }

    /// Answers the poll without records, when a commit that a rebalance refused can be said again.
    fn return_empty(&mut self, cx: &mut Cx<'_, Self>) -> bool {
        let now = cx.now();
        let settled = self.state.membership.standing == Standing::Stable && !self.is_in_callback(now);
        if !settled || self.state.suspended || self.state.offsets.empty_poll_due() > now {
            return false;
        }
        self.return_from_poll(cx);
        self.send_fetches(cx);
        self.tell(cx, FromSubscriber::Deliver(Arc::new([])));
        true
    }

    fn return_from_poll(&mut self, cx: &mut Cx<'_, Self>) {
        self.state.polling = false;
        self.state.offsets.poll_returned();
        self.state.returned_at = cx.now();
        if !self.state.poll_interval_armed {
            self.state.poll_interval_armed = true;
            cx.arm(Timer::PollInterval, self.setup.config.max_poll_interval);
        }
    }

    pub(super) fn send_fetches(&mut self, cx: &mut Cx<'_, Self>) {
        let now = cx.now();
        if self.state.suspended {
            return;
        }
        for index in 0..self.state.brokers.len() {
            let seat = Seat(index as u32);
            let state = &mut self.state;
            if !state.brokers.is_open(seat, now) {
                continue;
            }
            let group = self.setup.group;
            let fetch = state.fetcher.request(seat, &mut state.positions, &self.setup.config, group, now);
            if let Some(fetch) = fetch {
                self.ask(cx, seat, Request::Fetch(Arc::new(fetch)), Ask::Fetch);
            }
        }
    }

    /// Sees to it that the poll goes on when something is due.
    fn watch_poll(&mut self, cx: &mut Cx<'_, Self>) {
        let now = cx.now();
        let due = self.due(now).into_iter().filter(|due| *due > now).min().unwrap_or(Time::NEVER);
        if due < Time::NEVER && self.state.poll_armed.is_none_or(|armed| armed > due) {
            self.state.poll_armed = Some(due);
            cx.arm_at(Timer::Poll, due);
        }
    }

    /// When something in `poll()` may be due; what lies in the past waits for an answer instead.
    fn due(&self, now: Time) -> [Time; 10] {
        let state = &self.state;
        let membership = &state.membership;
        let coordinator = match membership.coordinator {
            Coordinator::Unknown { retry_at } => retry_at,
            Coordinator::Asked | Coordinator::Known(_) => Time::NEVER,
        };
        let preparing = match membership.preparation {
            Preparation::Committing { under_way: false, retry_at, .. } => retry_at,
            Preparation::Committing { .. } | Preparation::Due | Preparation::Done => Time::NEVER,
        };
        let closed = (0..state.brokers.len()).map(|index| state.brokers.opens_at(Seat(index as u32)));
        [
            if state.metadata.wanted { state.metadata.retry_at } else { state.metadata.expires },
            coordinator,
            preparing,
            membership.retry_at,
            state.parting_until,
            state.offsets.due(),
            state.offsets.empty_poll_due(),
            state.positions.next_retry(now).unwrap_or(Time::NEVER),
            state.fetcher.next_retry(now).unwrap_or(Time::NEVER),
            closed.filter(|opens| *opens > now).min().unwrap_or(Time::NEVER),
        ]
    }

    /// A partition goes on where `auto.offset.reset` leads.
    pub(super) fn positioned_by_reset(
        &mut self,
        cx: &mut Cx<'_, Self>,
        place: PlaceId,
        to: u64,
        why: PositionReason,
    ) {
        let position = self.state.positions.get(place).expect("asked for what is owned");
        // Nothing below a position has to be handed over any more; without a commit there is no position.
        let floor = if why == PositionReason::Reset { 0 } else { position.offset };
        self.state.positions.seek(place, to, None);
        let group = self.setup.group;
        cx.emit(Kafka::Positioned { group, place, offset: to, why });
        if to > floor {
            let earliest = self.config().offset_reset == OffsetReset::Earliest;
            let why = if earliest { Reason::Retention } else { Reason::OffsetReset };
            cx.emit(Life::Skipped { group, place, to, why });
        }
    }
}
