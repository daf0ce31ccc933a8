//! What brokers say, and what follows from it. One method for each answer.

use std::sync::Arc;

use super::brokers::{Ask, Call, Purpose, Seat};
use super::fetcher::Trouble;
use super::membership::{Coordinator, Preparation, Standing};
use super::offsets::{Verdict, judge};
use super::positions::Phase;
use super::{Consumer, Timer};
use crate::kafka::config::OffsetReset;
use crate::kernel::{Cx, Time};
use crate::trace::PlaceId;
use crate::trace::kafka::{BrokerId, ErrorCode, Kafka, PositionReason};
use crate::wire::kafka::{Fetched, FromBroker, Image, JoinResult, Response};

/// An epoch and where it ends, or why that cannot be told; nothing: no such epoch.
type EpochEnd = Result<Option<(u32, u64)>, ErrorCode>;

impl Consumer {
    pub(super) fn answer(&mut self, cx: &mut Cx<'_, Self>, answer: FromBroker) {
        if matches!(answer.response, Response::Refused) {
            return self.connection_refused(cx, &answer);
        }
        let Some(call) = self.state.brokers.answered(answer.correlation) else { return };
        let Call { seat, correlation, ask, .. } = call;
        match (answer.response, ask) {
            (Response::Fetch(fetched), Ask::Fetch) => self.fetched(cx, seat, fetched),
            (Response::Metadata(image), Ask::Metadata) => self.learn(cx, image),
            (Response::ListOffsets(found), Ask::ListOffsets(_)) => self.listed(cx, &found),
            (Response::EpochEnd(ends), Ask::EpochEnd(_)) => self.validated(cx, &ends),
            (Response::FindCoordinator(found), Ask::FindCoordinator) => self.found_coordinator(cx, found),
            (Response::JoinGroup(joined), Ask::JoinGroup) => self.joined(cx, correlation, joined),
            (Response::SyncGroup(synced), Ask::SyncGroup { generation }) => {
                self.synced(cx, generation, synced)
            }
            (Response::Heartbeat(error), Ask::Heartbeat { generation }) => self.beaten(cx, generation, error),
            (Response::LeaveGroup(_), Ask::LeaveGroup) => {}
            (Response::OffsetCommit(error), Ask::Commit { purpose, generation }) => {
                self.committed(cx, purpose, generation, error);
            }
            (Response::OffsetFetch(found), Ask::OffsetFetch { generation, places }) => {
                self.found_committed(cx, generation, &places, found);
            }
            (
                response @ (Response::Produce(_)
                | Response::InitProducerId(_)
                | Response::Fetch(_)
                | Response::Metadata(_)
                | Response::ListOffsets(_)
                | Response::EpochEnd(_)
                | Response::FindCoordinator(_)
                | Response::JoinGroup(_)
                | Response::SyncGroup(_)
                | Response::Heartbeat(_)
                | Response::LeaveGroup(_)
                | Response::OffsetCommit(_)
                | Response::OffsetFetch(_)
                | Response::Refused),
                ask,
            ) => unreachable!("{response:?} does not answer {ask:?}"),
        }
        self.poll(cx);
    }

    /// There was no connection after all.
    fn connection_refused(&mut self, cx: &mut Cx<'_, Self>, answer: &FromBroker) {
        if let Some(seat) = self.state.brokers.awaits(answer.correlation) {
            self.hang_up(cx, seat);
            self.poll(cx);
        }
    }

    // Metadata and coordinator.

    fn learn(&mut self, cx: &mut Cx<'_, Self>, image: Arc<Image>) {
        let retry_at = self.retry_at(cx, 0);
        let metadata = &mut self.state.metadata;
        (metadata.under_way, metadata.wanted, metadata.failures) = (false, false, 0);
        metadata.retry_at = retry_at;
        metadata.expires = cx.now() + self.setup.config.metadata_max_age;
        self.state.membership.watch_topics(&self.setup, &image);
        let changed = self.state.positions.learn(&image);
        metadata.image = Some(image);
        if changed {
            self.state.fetcher.arrange(&self.state.positions, &self.state.brokers);
        }
        if self.state.positions.iter().any(|position| position.leader.is_none()) {
            self.state.metadata.wanted = true;
        }
    }

    fn found_coordinator(&mut self, cx: &mut Cx<'_, Self>, found: Result<BrokerId, ErrorCode>) {
        let seat = found.ok().and_then(|broker| self.state.brokers.seat(broker));
        match seat {
            Some(seat) if self.state.brokers.is_open(seat, cx.now()) => {
                let membership = &mut self.state.membership;
                membership.coordinator = Coordinator::Known(seat);
                membership.lookups_failed = 0;
                membership.session_ends = cx.now() + self.setup.config.session_timeout;
                if membership.is_in() {
                    cx.arm_at(Timer::Heartbeat, membership.heartbeat_at);
                }
                self.go_on_settling(cx);
            }
            Some(_) | None => self.lookup_failed(cx),
        }
    }

    // The group.

    fn joined(&mut self, cx: &mut Cx<'_, Self>, correlation: u32, joined: Arc<JoinResult>) {
        if self.state.membership.join_call != Some(correlation) {
            return;
        }
        if joined.error == ErrorCode::None {
            self.state.membership.join_call = None;
            self.state.membership.joined = Some(joined);
        } else if joined.error == ErrorCode::MemberIdRequired {
            self.state.membership.join_failed(cx.now());
            self.state.membership.member = joined.member;
        } else {
            self.join_refused(cx, joined.error);
        }
    }

    /// A JoinGroup or SyncGroup was refused: at once again, later again, or never.
    fn join_refused(&mut self, cx: &mut Cx<'_, Self>, error: ErrorCode) {
        match judge(error) {
            Verdict::Kept => unreachable!("no error is no refusal"),
            Verdict::Again(gone) => {
                self.join_failed(cx);
                if gone {
                    self.lose_coordinator(cx);
                }
            }
            Verdict::Rejoin => self.state.membership.join_failed(cx.now()),
            Verdict::Expelled(forgotten) => self.state.membership.reset(!forgotten),
            Verdict::Fenced | Verdict::Refused => self.expelled(cx, error),
        }
    }

    /// An error that the application sees: another incarnation, another protocol, a full group.
    fn expelled(&mut self, cx: &mut Cx<'_, Self>, error: ErrorCode) {
        self.state.membership.reset(false);
        self.refused(cx, error);
    }

    fn synced(&mut self, cx: &mut Cx<'_, Self>, generation: u32, synced: Result<Arc<[PlaceId]>, ErrorCode>) {
        let membership = &mut self.state.membership;
        if membership.standing != Standing::Completing || membership.generation != Some(generation) {
            return;
        }
        match synced {
            Ok(places) => membership.settle(places),
            Err(error) => self.join_refused(cx, error),
        }
    }

    fn beaten(&mut self, cx: &mut Cx<'_, Self>, generation: u32, error: ErrorCode) {
        let now = cx.now();
        let retry_at = self.retry_at(cx, 0);
        let membership = &mut self.state.membership;
        if membership.generation != Some(generation) || !membership.is_in() {
            return;
        }
        membership.heartbeat_under_way = false;
        match judge(error) {
            Verdict::Kept => membership.session_ends = now + self.setup.config.session_timeout,
            // While it waits for its assignment it is taking part already.
            Verdict::Rejoin => {
                membership.session_ends = now + self.setup.config.session_timeout;
                membership.rejoin_wanted |= membership.standing == Standing::Stable;
            }
            Verdict::Expelled(forgotten) => membership.reset(!forgotten),
            Verdict::Fenced => return self.expelled(cx, error),
            Verdict::Again(gone) => {
                membership.heartbeat_at = retry_at;
                if gone {
                    self.lose_coordinator(cx);
                }
            }
            Verdict::Refused => membership.heartbeat_at = retry_at,
        }
        let membership = &self.state.membership;
        if membership.is_in() && membership.seat().is_some() {
            cx.arm_at(Timer::Heartbeat, membership.heartbeat_at);
        }
    }

    // Commits.

    pub(super) fn committed(
        &mut self,
        cx: &mut Cx<'_, Self>,
        purpose: Purpose,
        generation: u32,
        error: ErrorCode,
    ) {
        let verdict = judge(error);
        let current = self.state.membership.generation == Some(generation);
        match verdict {
            Verdict::Kept | Verdict::Again(false) | Verdict::Refused => {}
            // A broken connection has told that already.
            Verdict::Again(true) if error == ErrorCode::NetworkException => {}
            Verdict::Again(true) => self.lose_coordinator(cx),
            Verdict::Rejoin => self.state.membership.rejoin_wanted |= current,
            Verdict::Expelled(forgotten) if current => self.state.membership.reset(!forgotten),
            Verdict::Expelled(_) => {}
            Verdict::Fenced => self.state.membership.reset(false),
        }
        match purpose {
            Purpose::Settle => self.settling_answered(cx, verdict, error),
            Purpose::Interval => self.interval_answered(cx, verdict, error),
            Purpose::Rejoin => self.rejoin_answered(cx, verdict, error),
        }
        if verdict == Verdict::Fenced {
            self.refused(cx, error);
        }
    }

    fn settling_answered(&mut self, cx: &mut Cx<'_, Self>, verdict: Verdict, error: ErrorCode) {
        let Some(failures) = self.state.offsets.settling.as_ref().map(|settling| settling.failures) else {
            return;
        };
        match verdict {
            Verdict::Kept => self.settled(cx, true),
            Verdict::Again(_) => {
                let retry_at = self.retry_at(cx, failures);
                let settling = self.state.offsets.settling.as_mut().expect("looked at above");
                (settling.under_way, settling.retry_at) = (false, retry_at);
                settling.failures += 1;
                self.go_on_settling(cx);
            }
            Verdict::Rejoin | Verdict::Expelled(_) | Verdict::Fenced | Verdict::Refused => {
                self.settle_refused(cx, error);
            }
        }
    }

    fn interval_answered(&mut self, cx: &mut Cx<'_, Self>, verdict: Verdict, error: ErrorCode) {
        match verdict {
            Verdict::Kept => {}
            Verdict::Again(_) => {
                let retry_at = self.retry_at(cx, 0);
                self.state.offsets.try_again(retry_at);
            }
            Verdict::Rejoin | Verdict::Expelled(_) | Verdict::Fenced | Verdict::Refused => {
                cx.emit(Kafka::CommitFailed { group: self.setup.group, error });
            }
        }
    }

    fn rejoin_answered(&mut self, cx: &mut Cx<'_, Self>, verdict: Verdict, error: ErrorCode) {
        let Preparation::Committing { deadline, .. } = self.state.membership.preparation else { return };
        match verdict {
            Verdict::Again(_) => {
                let retry_at = self.retry_at(cx, 0);
                self.state.membership.preparation =
                    Preparation::Committing { under_way: false, retry_at, deadline };
                return;
            }
            Verdict::Kept => {}
            Verdict::Rejoin | Verdict::Expelled(_) | Verdict::Fenced | Verdict::Refused => {
                cx.emit(Kafka::CommitFailed { group: self.setup.group, error });
            }
        }
        // However it ended, there is no more to commit.
        self.state.membership.preparation =
            Preparation::Committing { under_way: false, retry_at: cx.now(), deadline: cx.now() };
    }

    // Positions.

    fn found_committed(
        &mut self,
        cx: &mut Cx<'_, Self>,
        generation: Option<u32>,
        asked: &[PlaceId],
        found: Result<Arc<[(PlaceId, u64)]>, ErrorCode>,
    ) {
        let found = match found {
            Ok(found) if self.state.membership.generation == generation => found,
            // Another generation: what was committed may have changed since it was asked for.
            Ok(_) => return self.ask_again(asked.iter().copied(), cx.now()),
            Err(error) => {
                if judge(error) == Verdict::Again(true) {
                    self.lose_coordinator(cx);
                }
                let retry_at = self.retry_at(cx, 0);
                return self.ask_again(asked.iter().copied(), retry_at);
            }
        };
        for &(place, offset) in found.iter() {
            if self.awaits(place, Phase::Unknown) {
                self.state.positions.seek(place, offset, None);
                let (group, why) = (self.setup.group, PositionReason::Committed);
                cx.emit(Kafka::Positioned { group, place, offset, why });
            }
        }
        for &place in asked {
            if self.awaits(place, Phase::Unknown) {
                self.state.positions.reset(place, PositionReason::Reset);
            }
        }
    }

    fn awaits(&self, place: PlaceId, phase: Phase) -> bool {
        self.state.positions.get(place).is_some_and(|position| position.phase == phase && position.asked)
    }

    fn listed(&mut self, cx: &mut Cx<'_, Self>, found: &[(PlaceId, Result<u64, ErrorCode>)]) {
        let retry_at = self.retry_at(cx, 0);
        for &(place, found) in found {
            let Some(position) = self.state.positions.get(place) else { continue };
            let (Phase::Resetting(why), true) = (position.phase, position.asked) else { continue };
            match found {
                Ok(to) => self.positioned_by_reset(cx, place, to, why),
                Err(_) => self.leader_refused(cx, place, retry_at),
            }
        }
    }

    fn leader_refused(&mut self, cx: &mut Cx<'_, Self>, place: PlaceId, retry_at: Time) {
        self.state.positions.ask_again(place, retry_at);
        self.want_metadata(cx);
    }

    /// KIP-320: where the epoch of the last record ends in the log of the new leader.
    fn validated(&mut self, cx: &mut Cx<'_, Self>, ends: &[(PlaceId, EpochEnd)]) {
        let retry_at = self.retry_at(cx, 0);
        for &(place, end) in ends {
            if !self.awaits(place, Phase::Validating) {
                continue;
            }
            let offset = self.state.positions.get(place).expect("it awaits this").offset;
            match end {
                Err(_) => self.leader_refused(cx, place, retry_at),
                Ok(Some((_, end))) if end >= offset => self.state.positions.validated(place),
                // LogTruncationException, thrown by the next poll.
                Ok(_) if self.config().offset_reset == OffsetReset::None => {
                    self.state.positions.reset(place, PositionReason::Truncated);
                }
                Ok(Some((epoch, end))) => {
                    self.state.positions.seek(place, end, Some(epoch));
                    let (group, why) = (self.setup.group, PositionReason::Truncated);
                    cx.emit(Kafka::Positioned { group, place, offset: end, why });
                }
                Ok(None) => self.state.positions.reset(place, PositionReason::Truncated),
            }
        }
    }

    // Fetches.

    fn fetched(&mut self, cx: &mut Cx<'_, Self>, seat: Seat, fetched: Fetched) {
        let troubles = self.state.fetcher.store(seat, fetched, &mut self.state.positions);
        let mut moved = false;
        for trouble in troubles {
            moved |= self.fetch_refused(cx, seat, trouble);
        }
        if moved {
            self.state.fetcher.arrange(&self.state.positions, &self.state.brokers);
        }
    }

    /// True when the partition is to be fetched elsewhere from now on.
    fn fetch_refused(&mut self, cx: &mut Cx<'_, Self>, seat: Seat, trouble: Trouble) -> bool {
        let Trouble { place, error, leader } = trouble;
        if error == ErrorCode::OffsetOutOfRange {
            self.state.positions.reset(place, PositionReason::OutOfRange);
            return false;
        }
        if error == ErrorCode::UnknownLeaderEpoch {
            // The consumer knows more than the broker, which will catch up.
            let retry_at = self.retry_at(cx, 0);
            self.state.fetcher.hold(seat, retry_at);
            return false;
        }
        // NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH, UNKNOWN_TOPIC_OR_PARTITION and the like.
        self.state.metadata.wanted = true;
        let told = leader.is_some_and(|(leader, epoch)| self.state.positions.hint(place, leader, epoch));
        if !told {
            self.state.positions.forget_leader(place);
        }
        true
    }
}
