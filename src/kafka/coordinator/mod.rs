//! The classic group coordinator of a broker, as a plain value that the broker hosts.
//!
//! The broker hands in requests, the outcome of writes and the time; it gets back answers, facts and records
//! to write. It arms one timer, for [`Coordinator::next_deadline`].
//!
//! **Invariant.** A member gets an assignment, and a commit is acknowledged, only after the record that says
//! so is replicated; so another broker that loads the partition's records coordinates the same groups.
//!
//! **Not modelled:** the consumer group protocol (KIP-848), transactional commits, offset metadata, protocol
//! types other than `consumer`. A request that its own asker repeats while it waits is superseded: the first
//! is not answered.
//!
//! Source: oracle sheets 00 (A6) and 07 (7a, 7c, 7d).

mod group;
mod member;
mod names;
mod offsets;
mod outbox;
mod rebalance;
mod records;
mod requests;
mod states;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kafka::config::BrokerConfig;
use crate::kernel::Time;
use crate::trace::kafka::{ErrorCode, GroupReason, GroupState, Kafka, MemberId};
use crate::trace::{ChannelId, GroupId, PlaceId, Stage};
use crate::wire::kafka::{JoinGroup, OffsetCommit, Request, Response};

use group::{Due, Group};
use offsets::{Committed, Offsets};
use outbox::{Outbox, Pending, Write, refusal};

pub use names::java_hash_abs;
pub use records::{GroupMetadata, MemberMetadata, OffsetsRecord};

/// A write to the offsets topic that the coordinator waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What the coordinator asks of the broker that hosts it, in the order in which it is to happen.
#[derive(Clone, Debug)]
pub enum Output<R> {
    /// Answer this request.
    Answer(R, Response),
    /// Tell the observers.
    Fact(Kafka),
    /// Append these records to this partition of the offsets topic, and call [`Coordinator::appended`] when
    /// they are replicated (acks=all), or cannot be, or `offset.commit.timeout.ms` has passed.
    Append {
        /// Where.
        place: PlaceId,
        /// To tell the write by.
        ticket: Ticket,
        /// What.
        records: Vec<OffsetsRecord>,
    },
}

/// All groups that one broker coordinates. `R` tells the broker which request an answer is for.
#[derive(Clone, Debug)]
pub struct Coordinator<R> {
    config: Arc<BrokerConfig>,
    stage: Arc<Stage>,
    /// By [`GroupId`].
    places: Vec<PlaceId>,
    /// The partitions of the offsets topic that this broker leads.
    homes: BTreeMap<PlaceId, Home>,
    /// When the first of them is checked next: asked for after every request.
    first_check: Option<Time>,
    groups: BTreeMap<GroupId, Hosted<R>>,
    writes: BTreeMap<Ticket, Pending<R>>,
    next_ticket: u64,
}

/// A partition of the offsets topic that this broker leads.
#[derive(Clone, Debug)]
struct Home {
    leader_epoch: u32,
    /// Members that were given names in this epoch.
    named: u32,
    /// When to look for expired offsets next; none while the records are being loaded.
    next_check: Option<Time>,
}

/// A group and its offsets.
#[derive(Clone, Debug)]
struct Hosted<R> {
    group: Group<R>,
    offsets: Offsets,
}

impl<R: Copy> Coordinator<R> {
    /// A coordinator that coordinates nothing yet. `offsets` is the channel of `__consumer_offsets`.
    ///
    /// # Panics
    /// When that channel has no places.
    pub fn new(config: Arc<BrokerConfig>, stage: Arc<Stage>, offsets: ChannelId) -> Self {
        let topic = &stage.channels[offsets.index()];
        let place = |name: &str| PlaceId(topic.first_place.0 + java_hash_abs(name) % topic.places);
        let places = stage.groups.iter().map(|group| place(&group.name)).collect();
        let (homes, groups, writes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { config, stage, places, homes, first_check: None, groups, writes, next_ticket: 0 }
    }

    /// The broker has become leader of a partition of the offsets topic in this epoch. Returns whether its
    /// records have to be loaded; until [`Self::load`], requests about its groups are answered
    /// `COORDINATOR_LOAD_IN_PROGRESS`. They need not be when the broker led it already.
    pub fn lead(&mut self, place: PlaceId, leader_epoch: u32) -> bool {
        let home = self.homes.entry(place).or_insert(Home { leader_epoch, named: 0, next_check: None });
        if home.leader_epoch != leader_epoch {
            (home.leader_epoch, home.named) = (leader_epoch, 0);
        }
        home.next_check.is_none()
    }

    /// The records of the partition, oldest first, have been read: its groups live here from now on.
    /// All members get a whole session timeout to be heard of. Nothing happens when they were loaded before,
    /// or the partition is not led any more.
    pub fn load<'a>(
        &mut self,
        now: Time,
        place: PlaceId,
        records: impl IntoIterator<Item = &'a OffsetsRecord>,
    ) -> Vec<Output<R>> {
        let Some(home) = self.homes.get_mut(&place).filter(|home| home.next_check.is_none()) else {
            return Vec::new();
        };
        home.next_check = Some(now + self.config.offsets_retention_check_interval);
        self.look_at_checks();
        for record in records {
            self.replay(now, record);
        }
        let mut out = self.outbox(now, place);
        self.tell_loaded(&mut out);
        self.close(out)
    }

    /// The broker does not lead the partition any more: its groups are forgotten and those who wait are
    /// answered `NOT_COORDINATOR`.
    pub fn resign(&mut self, place: PlaceId) -> Vec<Output<R>> {
        let mut out = self.outbox(Time::ZERO, place);
        self.homes.remove(&place);
        self.look_at_checks();
        for mut gone in self.take_groups(place) {
            gone.group.unload(ErrorCode::NotCoordinator, &mut out);
        }
        self.writes.retain(|_, pending| {
            if let (Write::Commit { from, .. }, true) = (&pending.write, pending.place == place) {
                out.answer(*from, Response::OffsetCommit(ErrorCode::NotCoordinator));
            }
            pending.place != place
        });
        self.close(out)
    }

    /// The process died: everything that was known is forgotten, for the records are on disk.
    pub fn forget(&mut self) {
        self.homes.clear();
        self.look_at_checks();
        self.groups.clear();
        self.writes.clear();
    }

    /// Takes a request about a group: JoinGroup, SyncGroup, Heartbeat, LeaveGroup, OffsetCommit,
    /// OffsetFetch. The answer comes at once or later.
    ///
    /// # Panics
    /// When the request is none of these.
    pub fn handle(&mut self, now: Time, from: R, request: &Request) -> Vec<Output<R>> {
        let group = group_of(request);
        let place = self.home(group);
        let mut out = self.outbox(now, place);
        match self.unavailable(place) {
            Some(error) => out.answer(from, refused(request, error)),
            None => self.serve(group, from, request, &mut out),
        }
        self.close(out)
    }

    /// A write that was asked for by [`Output::Append`] is replicated, or failed. Unknown tickets (from
    /// before [`Self::resign`]) are ignored.
    pub fn appended(&mut self, now: Time, ticket: Ticket, result: Result<(), ErrorCode>) -> Vec<Output<R>> {
        let Some(pending) = self.writes.remove(&ticket) else { return Vec::new() };
        let mut out = self.outbox(now, pending.place);
        let hosted = self.groups.get_mut(&pending.group).expect("a group lives as long as its writes");
        match result {
            Ok(()) => hosted.written(pending.write, &mut out),
            Err(error) => hosted.not_written(pending.write, as_coordinator(error), &mut out),
        }
        self.drop_if_gone(pending.group);
        self.close(out)
    }

    /// When [`Self::expire`] wants to be called next.
    pub fn next_deadline(&self) -> Option<Time> {
        let groups = self.groups.values().filter_map(|hosted| Some(hosted.group.next_due()?.0));
        groups.chain(self.first_check).min()
    }

    /// Does what is due at `now`.
    pub fn expire(&mut self, now: Time) -> Vec<Output<R>> {
        let mut outputs = Vec::new();
        while let Some((group, due)) = self.due(now) {
            let mut out = self.outbox(now, self.home(group));
            self.groups.get_mut(&group).expect("what is due is known").group.expire(due, &mut out);
            outputs.extend(self.close(out));
        }
        for place in self.unchecked(now) {
            let mut out = self.outbox(now, place);
            self.expire_offsets(&mut out);
            outputs.extend(self.close(out));
        }
        outputs
    }

    /// The partition of the offsets topic that keeps a group: `abs(hash(name)) % partitions`. Its leader is
    /// the group's coordinator.
    pub fn home(&self, group: GroupId) -> PlaceId {
        self.places[group.index()]
    }

    /// The groups and offsets of a partition, as they are written, in the fewest records from which
    /// [`Self::load`] makes them.
    pub fn snapshot(&self, place: PlaceId) -> Vec<OffsetsRecord> {
        let here = self.groups.iter().filter(|(group, _)| self.home(**group) == place);
        here.flat_map(|(group, hosted)| {
            let metadata = hosted.group.written.as_ref().map(|written| hosted.group.record(written));
            metadata.into_iter().chain(hosted.offsets.records(*group))
        })
        .collect()
    }

    fn replay(&mut self, now: Time, record: &OffsetsRecord) {
        match record {
            OffsetsRecord::Group { group, metadata } => {
                self.hosted(now, *group).group = Group::loaded(*group, now, metadata);
            }
            OffsetsRecord::GroupTombstone { group } => {
                self.hosted(now, *group).group = Group::new(*group, now);
                self.drop_if_gone(*group);
            }
            OffsetsRecord::Offset { group, place, offset, at } => {
                let committed = Committed { offset: *offset, at: *at };
                self.hosted(now, *group).offsets.put(*place, committed);
            }
            OffsetsRecord::OffsetTombstone { group, place } => {
                self.hosted(now, *group).offsets.remove(*place);
                self.drop_if_gone(*group);
            }
        }
    }

    fn tell_loaded(&self, out: &mut Outbox<R>) {
        let place = out.place;
        let here = || self.groups.iter().filter(|(group, _)| self.home(**group) == place);
        for (group, Hosted { group: loaded, .. }) in here() {
            out.fact(Kafka::GroupChanged {
                group: *group,
                from: GroupState::Dead,
                to: loaded.state,
                generation: loaded.generation,
                members: loaded.members.len() as u32,
                why: GroupReason::Loaded,
            });
        }
        out.fact(Kafka::CoordinatorReady { place, groups: here().count() as u32 });
    }

    fn take_groups(&mut self, place: PlaceId) -> Vec<Hosted<R>> {
        let all = std::mem::take(&mut self.groups).into_iter();
        let (here, elsewhere): (BTreeMap<_, _>, _) =
            all.partition(|(group, _)| self.places[group.index()] == place);
        self.groups = elsewhere;
        here.into_values().collect()
    }

    fn unavailable(&self, place: PlaceId) -> Option<ErrorCode> {
        match self.homes.get(&place) {
            None => Some(ErrorCode::NotCoordinator),
            Some(home) if home.next_check.is_none() => Some(ErrorCode::CoordinatorLoadInProgress),
            Some(_) => None,
        }
    }

    fn serve(&mut self, group: GroupId, from: R, request: &Request, out: &mut Outbox<R>) {
        match request {
            Request::JoinGroup(join) => self.join(join, from, out),
            Request::SyncGroup(sync) => match self.groups.get_mut(&group) {
                Some(hosted) => hosted.group.sync(sync, from, out),
                None => out.answer(from, refused(request, ErrorCode::UnknownMemberId)),
            },
            Request::Heartbeat(_, who) => {
                let known = self.groups.get_mut(&group);
                let error = known.map_or(ErrorCode::UnknownMemberId, |it| it.group.heartbeat(who, out));
                out.answer(from, Response::Heartbeat(error));
            }
            Request::LeaveGroup(_, who, goodbye) => {
                let known = self.groups.get_mut(&group);
                let error = known.map_or(ErrorCode::UnknownMemberId, |it| it.group.leave(who, *goodbye, out));
                out.answer(from, Response::LeaveGroup(error));
            }
            Request::OffsetCommit(commit) => self.commit(commit, from, out),
            Request::OffsetFetch(_, places) => {
                let committed =
                    |place: &PlaceId| Some((*place, self.groups.get(&group)?.offsets.get(*place)?.offset));
                let found = places.iter().filter_map(committed).collect();
                out.answer(from, Response::OffsetFetch(Ok(found)));
            }
            Request::Produce(_)
            | Request::Fetch(_)
            | Request::Metadata
            | Request::Terminate
            | Request::InitProducerId(_)
            | Request::ListOffsets(_)
            | Request::FindCoordinator(_)
            | Request::EpochEnd(_) => unreachable!("group_of refuses it"),
        }
    }

    fn join(&mut self, request: &JoinGroup, from: R, out: &mut Outbox<R>) {
        let bounds = self.config.group_min_session_timeout..=self.config.group_max_session_timeout;
        let who = &request.membership;
        if !bounds.contains(&request.session_timeout) {
            return out.refuse_join(from, ErrorCode::InvalidSessionTimeout, who.member);
        }
        let known = self.groups.contains_key(&request.group);
        if !known && who.member.is_some() {
            return out.refuse_join(from, ErrorCode::UnknownMemberId, who.member);
        }
        let fresh = if who.member.is_none() { self.name_member(out.place) } else { MemberId(0) };
        let group = &mut self.hosted(out.now, request.group).group;
        group.join(request, fresh, from, out);
        if !known {
            // The group exists for others, too, should this broker fail now.
            let metadata = group.metadata(|_| Arc::new([]));
            out.append(request.group, vec![group.record(&metadata)], Write::Empty(metadata));
        }
    }

    fn commit(&mut self, request: &OffsetCommit, from: R, out: &mut Outbox<R>) {
        let simple = request.membership.member.is_none() && request.membership.instance.is_none();
        let valid = match self.groups.get(&request.group) {
            Some(hosted) => hosted.group.validate_commit(&request.membership),
            None if simple => Ok(()),
            None => Err(ErrorCode::IllegalGeneration),
        };
        if let Err(error) = valid {
            out.fact(Kafka::CommitFailed { group: request.group, error });
            return out.answer(from, Response::OffsetCommit(error));
        }
        self.hosted(out.now, request.group).commit(request, from, out);
    }

    fn expire_offsets(&mut self, out: &mut Outbox<R>) {
        let (place, stage, places) = (out.place, Arc::clone(&self.stage), &self.places);
        let here = self.groups.iter_mut().filter(|(group, _)| places[group.index()] == place);
        for (_, hosted) in here {
            hosted.expire_offsets(&stage, out);
        }
        let home = self.homes.get_mut(&place).expect("what is checked is led");
        home.next_check = Some(out.now + self.config.offsets_retention_check_interval);
        self.look_at_checks();
    }

    fn look_at_checks(&mut self) {
        self.first_check = self.homes.values().filter_map(|home| home.next_check).min();
    }

    fn due(&self, now: Time) -> Option<(GroupId, Due)> {
        let dues = self.groups.iter().filter_map(|(id, hosted)| Some((hosted.group.next_due()?, *id)));
        let ((at, due), id) = dues.min()?;
        (at <= now).then_some((id, due))
    }

    fn unchecked(&self, now: Time) -> Vec<PlaceId> {
        let due = |home: &Home| home.next_check.is_some_and(|at| at <= now);
        self.homes.iter().filter(|(_, home)| due(home)).map(|(place, _)| *place).collect()
    }

    fn name_member(&mut self, place: PlaceId) -> MemberId {
        let home = self.homes.get_mut(&place).expect("names are given where the group is led");
        home.named += 1;
        MemberId(u64::from(home.leader_epoch) << 32 | u64::from(home.named))
    }

    fn hosted(&mut self, now: Time, group: GroupId) -> &mut Hosted<R> {
        let fresh = || Hosted { group: Group::new(group, now), offsets: Offsets::default() };
        self.groups.entry(group).or_insert_with(fresh)
    }

    /// Forgets a group of which nothing is left and nothing is under way.
    fn drop_if_gone(&mut self, group: GroupId) {
        let busy = self.writes.values().any(|pending| pending.group == group);
        if !busy && self.groups.get(&group).is_some_and(Hosted::is_gone) {
            self.groups.remove(&group);
        }
    }

    fn outbox(&self, now: Time, place: PlaceId) -> Outbox<R> {
        let config = Arc::clone(&self.config);
        let (outputs, writes, next_ticket) = (Vec::new(), Vec::new(), self.next_ticket);
        Outbox { now, config, place, outputs, writes, next_ticket }
    }

    fn close(&mut self, out: Outbox<R>) -> Vec<Output<R>> {
        self.next_ticket = out.next_ticket;
        self.writes.extend(out.writes);
        out.outputs
    }
}

impl<R: Copy> Hosted<R> {
    fn commit(&mut self, request: &OffsetCommit, from: R, out: &mut Outbox<R>) {
        // A commit is a sign of life. (In CompletingRebalance it is refused.)
        if let Some(member) = request.membership.member.and_then(|id| self.group.members.get_mut(&id)) {
            member.touch(out.now);
        }
        let committed = |offset| Committed { offset, at: out.now };
        let offsets: Vec<_> =
            request.offsets.iter().map(|(place, offset)| (*place, committed(*offset))).collect();
        if offsets.is_empty() {
            return out.answer(from, Response::OffsetCommit(ErrorCode::None));
        }
        let records = offsets.iter().map(|(place, it)| it.record(request.group, *place)).collect();
        out.append(request.group, records, Write::Commit { from, offsets });
    }

    fn written(&mut self, write: Write<R>, out: &mut Outbox<R>) {
        match write {
            Write::Empty(metadata) => self.group.written = Some(metadata),
            Write::Assignment(metadata) => {
                let current = metadata.generation == self.group.generation;
                self.group.written = Some(metadata);
                // Somebody may have joined or gone meanwhile: then there is another rebalance under way.
                if current && self.group.state == GroupState::CompletingRebalance {
                    self.group.assign(out);
                }
            }
            Write::StaticMember { metadata, new, .. } => {
                self.group.written = Some(metadata);
                self.group.replaced(new, out);
            }
            Write::Commit { from, offsets } => {
                offsets.into_iter().for_each(|(place, committed)| self.offsets.put(place, committed));
                out.answer(from, Response::OffsetCommit(ErrorCode::None));
            }
            Write::Expired { group_too, .. } if group_too && self.is_idle() => {
                self.group = Group::new(self.group.id, out.now);
            }
            Write::Expired { .. } => {}
        }
    }

    fn not_written(&mut self, write: Write<R>, error: ErrorCode, out: &mut Outbox<R>) {
        match write {
            // The generation before would come back, and time out: nobody is in this one.
            Write::Empty(_) => {}
            Write::Assignment(metadata) => {
                let current = metadata.generation == self.group.generation;
                if current && self.group.state == GroupState::CompletingRebalance {
                    self.group.refuse_assignment(error, out);
                    self.group.prepare(GroupReason::SyncTimeout, out);
                }
            }
            Write::StaticMember { old, new, .. } => self.group.not_replaced(old, new, error, out),
            Write::Commit { from, .. } => {
                out.fact(Kafka::CommitFailed { group: self.group.id, error });
                out.answer(from, Response::OffsetCommit(error));
            }
            Write::Expired { offsets, .. } => {
                offsets.into_iter().for_each(|(place, committed)| self.offsets.restore(place, committed));
            }
        }
    }

    fn expire_offsets(&mut self, stage: &Stage, out: &mut Outbox<R>) {
        let (id, group) = (self.group.id, &self.group);
        let subscribed = |place| group.is_subscribed(stage.channel_of(place));
        let retention = out.config.offsets_retention;
        let offsets = self.offsets.take_expired(out.now, retention, group.retained_since(), subscribed);
        let group_too = self.is_idle();
        let tombstone = |place| OffsetsRecord::OffsetTombstone { group: id, place };
        let mut records: Vec<_> = offsets.iter().map(|(place, _)| tombstone(*place)).collect();
        if group_too {
            records.push(OffsetsRecord::GroupTombstone { group: id });
        }
        if !records.is_empty() {
            out.append(id, records, Write::Expired { offsets, group_too });
        }
    }

    /// Nobody is in it, nobody is expected, nothing is committed.
    fn is_idle(&self) -> bool {
        self.group.state == GroupState::Empty && self.group.pending.is_empty() && self.offsets.is_empty()
    }

    fn is_gone(&self) -> bool {
        self.is_idle() && !self.group.joined && self.group.written.is_none()
    }
}

fn group_of(request: &Request) -> GroupId {
    match request {
        Request::JoinGroup(join) => join.group,
        Request::SyncGroup(sync) => sync.group,
        Request::OffsetCommit(commit) => commit.group,
        Request::Heartbeat(group, _) | Request::LeaveGroup(group, ..) | Request::OffsetFetch(group, _) => {
            *group
        }
        Request::Produce(_)
        | Request::Fetch(_)
        | Request::Metadata
        | Request::Terminate
        | Request::InitProducerId(_)
        | Request::ListOffsets(_)
        | Request::FindCoordinator(_)
        | Request::EpochEnd(_) => panic!("not a request about a group's members or offsets: {request:?}"),
    }
}

/// The answer that says no.
fn refused(request: &Request, error: ErrorCode) -> Response {
    match request {
        Request::JoinGroup(join) => Response::JoinGroup(Arc::new(refusal(error, join.membership.member))),
        Request::SyncGroup(_) => Response::SyncGroup(Err(error)),
        // A coordinator that loads its groups takes everybody for alive (GroupCoordinatorService.heartbeat).
        Request::Heartbeat(..) if error == ErrorCode::CoordinatorLoadInProgress => {
            Response::Heartbeat(ErrorCode::None)
        }
        Request::Heartbeat(..) => Response::Heartbeat(error),
        Request::LeaveGroup(..) => Response::LeaveGroup(error),
        Request::OffsetCommit(_) => Response::OffsetCommit(error),
        Request::OffsetFetch(..) => Response::OffsetFetch(Err(error)),
        Request::Produce(_)
        | Request::Fetch(_)
        | Request::Metadata
        | Request::Terminate
        | Request::InitProducerId(_)
        | Request::ListOffsets(_)
        | Request::FindCoordinator(_)
        | Request::EpochEnd(_) => unreachable!("group_of refuses it"),
    }
}

/// What clients are told when a write fails.
fn as_coordinator(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        other => other,
    }
}
