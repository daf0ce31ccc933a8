//! What a member of a group knows of itself: shared by its thread and by librdkafka's callbacks, which run on that
//! thread too, inside `poll()`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaRespErr;

use crate::host::Door;
use crate::kernel::{ActorId, Addr};
use crate::trace::kafka::{ErrorCode, Kafka, PositionReason};
use crate::trace::{Fact, GroupId, Life, PlaceId, Reason};
use crate::wire::Brokersim;
use crate::wire::port::FromSubscriber;

use super::books::Books;
use super::groups::Groups;
use super::names::Names;
use super::notes::Notes;

/// Where to begin without a committed offset (`auto.offset.reset`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// At the log's start.
    Earliest,
    /// At the high watermark.
    Latest,
    /// Nowhere: an error to the application.
    None,
    /// At the first record that is not older than this (KIP-1106).
    Since(Duration),
}

/// A member of a group.
pub struct Member {
    /// Its actor.
    pub me: ActorId,
    /// Its application.
    pub app: Addr<FromSubscriber>,
    /// Its group.
    pub group: GroupId,
    /// The number of the run, for headers.
    pub run: u32,
    /// Where it begins.
    pub reset: Reset,
    /// Whether it commits by itself, so that it does so before it gives partitions up.
    pub auto_commit: bool,
    /// Names on the cluster.
    pub names: Arc<Names>,
    /// Where it is written down what is stored.
    pub books: Arc<Books>,
    /// The groups as their members see them.
    pub groups: Arc<Groups>,
    /// What there is to say at the end.
    pub notes: Arc<Notes>,
    /// The way back.
    pub door: Door<Brokersim>,
    /// Its process is dead: nothing that it still does is seen by anybody.
    pub gone: AtomicBool,
    /// What it has and how far it is.
    pub state: Mutex<State>,
}

/// What a member has and how far it is.
#[derive(Debug, Default)]
pub struct State {
    owned: BTreeSet<PlaceId>,
    /// The offset behind the last that was handed over, or where it begins.
    positions: BTreeMap<PlaceId, u64>,
    committed: BTreeMap<PlaceId, u64>,
}

/// How long a callback asks the cluster.
const ASK: Duration = Duration::from_secs(10);

impl Member {
    /// Tells the observers.
    pub fn emit(&self, fact: impl Into<Fact>) {
        if !self.gone.load(Ordering::Relaxed) {
            self.door.emit(self.me, fact);
        }
    }

    /// Tells the application.
    pub fn say(&self, msg: FromSubscriber) {
        if !self.gone.load(Ordering::Relaxed) {
            self.door.say(self.me, self.app, msg);
        }
    }

    /// Whether it owns a partition.
    pub fn owns(&self, place: PlaceId) -> bool {
        self.state().owned.contains(&place)
    }

    /// It has read up to `to`; where it stood.
    pub fn advance(&self, place: PlaceId, to: u64) -> Option<u64> {
        self.state().positions.insert(place, to)
    }

    /// What was handed over from `first` on was not taken: it stands there again, if it still owns the partition.
    pub fn take_back(&self, place: PlaceId, first: u64) {
        if let Some(position) = self.state().positions.get_mut(&place) {
            *position = first.min(*position);
        }
    }

    /// A new client knows nothing.
    pub fn forget(&self) {
        *self.state() = State::default();
    }

    /// What was handed over and not committed; none: nothing.
    pub fn uncommitted(&self) -> Option<TopicPartitionList> {
        let state = self.state();
        let behind = |(place, position): (&PlaceId, &u64)| {
            (state.committed.get(place) != Some(position)).then_some((*place, Some(*position)))
        };
        let offsets: Vec<_> = state.positions.iter().filter_map(behind).collect();
        (!offsets.is_empty()).then(|| offsets_of(&self.names, offsets))
    }

    /// Commits what was handed over and waits for it; whether that is kept.
    pub fn commit(&self, client: &BaseConsumer<Context>) -> bool {
        self.uncommitted().is_none_or(|offsets| self.commit_these(client, &offsets))
    }

    /// Commits these offsets and waits for it; whether that is kept.
    pub fn commit_these(&self, client: &BaseConsumer<Context>, offsets: &TopicPartitionList) -> bool {
        match client.commit(offsets, CommitMode::Sync) {
            Ok(()) => {
                self.settled(offsets);
                true
            }
            Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => true,
            Err(error) => {
                self.emit(Kafka::CommitFailed { group: self.group, error: error_code(&error) });
                false
            }
        }
    }

    /// The cluster keeps these offsets.
    fn settled(&self, offsets: &TopicPartitionList) {
        for element in offsets.elements() {
            let place = self.names.place_named(element.topic(), element.partition());
            if let (Some(place), Offset::Offset(offset), Ok(())) = (place, element.offset(), element.error())
            {
                let upto = u64::try_from(offset).expect("what is committed is an offset");
                self.state().committed.insert(place, upto);
                self.emit(Life::Settled { group: self.group, place, upto });
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it in hand")
    }

    /// Where a partition begins: at the committed offset, or where `auto.offset.reset` leads.
    fn begin_at(&self, client: &BaseConsumer<Context>, place: PlaceId, committed: Offset) -> Option<u64> {
        let (group, known) = (self.group, if let Offset::Offset(at) = committed { Some(at) } else { None });
        if let Some(offset) = known.and_then(|offset| u64::try_from(offset).ok()) {
            self.state().committed.insert(place, offset);
            self.emit(Kafka::Positioned { group, place, offset, why: PositionReason::Committed });
            return Some(offset);
        }
        let (channel, partition) = self.names.partition(place);
        let topic = self.names.topic(channel);
        let (low, high) = client.fetch_watermarks(&topic, partition, ASK).ok()?;
        let to = match self.reset {
            Reset::Earliest => low,
            Reset::Latest => high,
            Reset::None => return None,
            Reset::Since(ago) => self.since(client, place, ago).unwrap_or(high),
        };
        let offset = u64::try_from(to).ok()?;
        self.emit(Kafka::Positioned { group, place, offset, why: PositionReason::Reset });
        if offset > 0 {
            let why = if self.reset == Reset::Earliest { Reason::Retention } else { Reason::OffsetReset };
            self.emit(Life::Skipped { group, place, to: offset, why });
        }
        Some(offset)
    }

    fn since(&self, client: &BaseConsumer<Context>, place: PlaceId, ago: Duration) -> Option<i64> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
        let then = i64::try_from(now.saturating_sub(ago).as_millis()).ok()?;
        let asked = offsets_of(&self.names, [(place, u64::try_from(then).ok())]);
        let found = client.offsets_for_times(asked, ASK).ok()?;
        found.elements().iter().find_map(|element| element.offset().to_raw().filter(|offset| *offset >= 0))
    }

    /// New partitions, each with where it begins.
    fn take_over(&self, client: &BaseConsumer<Context>, new: &mut TopicPartitionList) {
        let committed = client.committed_offsets(new.clone(), ASK);
        let elements = committed.as_ref().map(TopicPartitionList::elements).unwrap_or_default();
        for element in elements {
            let (topic, partition) = (element.topic(), element.partition());
            let Some(place) = self.names.place_named(topic, partition) else { continue };
            let Some(offset) = self.begin_at(client, place, element.offset()) else { continue };
            let at = Offset::Offset(i64::try_from(offset).expect("offsets are Kafka's"));
            new.set_partition_offset(topic, partition, at).expect("it is in the list");
            self.advance(place, offset);
        }
        if let Err(error) = committed {
            self.notes.complain("consumer", &error, "committed offsets are not known");
        }
    }

    fn places(&self, list: &TopicPartitionList) -> Vec<PlaceId> {
        let place = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
            self.names.place_named(element.topic(), element.partition())
        };
        let mut places: Vec<_> = list.elements().iter().filter_map(place).collect();
        places.sort_unstable();
        places
    }

    fn assigned(&self, new: &TopicPartitionList) {
        let places = {
            let mut state = self.state();
            state.owned.extend(self.places(new));
            state.owned.iter().copied().collect::<Arc<[_]>>()
        };
        let generation = self.groups.assigned(self.group, self.me);
        self.emit(Kafka::Assigned { group: self.group, generation, places: Arc::clone(&places) });
        self.say(FromSubscriber::Assigned(places));
    }

    fn revoked(&self, list: &TopicPartitionList, lost: bool) {
        let mut places = self.places(list);
        {
            let mut state = self.state();
            places.retain(|place| state.owned.remove(place));
            for place in &places {
                state.positions.remove(place);
                state.committed.remove(place);
            }
        }
        if places.is_empty() {
            return;
        }
        let places: Arc<[_]> = places.into();
        self.emit(Kafka::Revoked { group: self.group, places: Arc::clone(&places), lost });
        self.say(FromSubscriber::Revoked(places));
    }
}

/// librdkafka's side of a member.
pub struct Context {
    /// Whose.
    pub member: Arc<Member>,
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        self.member.notes.complain("consumer", &error, reason);
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, client: &BaseConsumer<Self>, err: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let member = &self.member;
        let cooperative = matches!(client.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let done = if err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            if !member.gone.load(Ordering::Relaxed) {
                member.take_over(client, list);
            }
            let done = if cooperative { client.incremental_assign(list) } else { client.assign(list) };
            member.assigned(list);
            done
        } else {
            let lost = client.assignment_lost();
            if !lost && member.auto_commit && !member.gone.load(Ordering::Relaxed) {
                member.commit(client);
            }
            member.groups.gives_up(member.group, member.me);
            member.revoked(list, lost);
            if cooperative { client.incremental_unassign(list) } else { client.unassign() }
        };
        if let Err(error) = done {
            member.notes.complain("consumer", &error, "rebalance");
        }
    }
}

/// librdkafka's list of these offsets.
pub(super) fn offsets_of(
    names: &Names,
    places: impl IntoIterator<Item = (PlaceId, Option<u64>)>,
) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (place, offset) in places {
        let (channel, partition) = names.partition(place);
        let offset = offset.and_then(|offset| i64::try_from(offset).ok());
        let offset = offset.map_or(Offset::Invalid, Offset::Offset);
        list.add_partition_offset(&names.topic(channel), partition, offset).expect("an offset can be set");
    }
    list
}

/// Kafka's code, as far as the facts know it.
pub(super) fn error_code(error: &KafkaError) -> ErrorCode {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::RebalanceInProgress) => ErrorCode::RebalanceInProgress,
        Some(RDKafkaErrorCode::IllegalGeneration) => ErrorCode::IllegalGeneration,
        Some(RDKafkaErrorCode::UnknownMemberId) => ErrorCode::UnknownMemberId,
        Some(RDKafkaErrorCode::FencedInstanceId) => ErrorCode::FencedInstanceId,
        Some(RDKafkaErrorCode::CoordinatorLoadInProgress) => ErrorCode::CoordinatorLoadInProgress,
        Some(RDKafkaErrorCode::CoordinatorNotAvailable) => ErrorCode::CoordinatorNotAvailable,
        Some(RDKafkaErrorCode::NotCoordinator) => ErrorCode::NotCoordinator,
        Some(RDKafkaErrorCode::RequestTimedOut) => ErrorCode::RequestTimedOut,
        _ => ErrorCode::NetworkException,
    }
}
