//! What the clients of a run know of records together.
//!
//! A real broker does not say what it keeps for whom. Known is what was written, answered, received and acknowledged;
//! from that follows what a group can still get: what it is owed.
//!
//! **Invariant.** A record is told as stored once, before anybody is told to have it, and as acknowledged by a group at
//! most once. Facts leave in the order in which the books change: whoever changes them tells.
//!
//! **What follows from what.** A group that has received a younger record of the same publisher will not receive
//! an older one any more, for a server keeps their order (MQTT 5, 4.6); that is told when nothing has changed
//! about it for [`GRACE`]. It does not hold between members of a shared subscription above QoS 0: what waits for one that
//! is away may come any time, unless all of them have begun anew since, as when the broker has lost its memory. When the session of a subscriber that is alone in its group has ended, so has its queue; what
//! a client had not answered then, it will not get again. Retained messages may come all the same, so that this, too, is
//! told after [`GRACE`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::host::Door;
use crate::kernel::{ActorId, Duration, Time};
use crate::trace::mqtt::Qos;
use crate::trace::{Batch, ChannelId, GroupId, Ids, Life, PlaceId, Reason, Record, RecordId};
use crate::wire::Brokersim;

use super::config::Topic;

/// How long a record that was passed over may still come.
const GRACE: Duration = Duration::from_secs(2);

/// The books of a run.
pub(super) struct Books {
    door: Door<Brokersim>,
    topics: Vec<Log>,
    /// On its way to the broker at a QoS above 0, and not heard of by anybody yet. A reader at QoS 0 that hears of it first
    /// does not know how it was sent.
    under_way: BTreeMap<RecordId, Qos>,
    /// By source.
    known: BTreeMap<u32, Known>,
    /// Stored and not accepted yet: at which offset.
    unaccepted: BTreeMap<RecordId, u64>,
    groups: Vec<Group>,
    /// Answered with PUBREC by a subscriber, and not released: by client and packet identifier.
    released: BTreeMap<(ActorId, u16), (GroupId, RecordId, PlaceId)>,
}

/// A topic as far as it is known: how many records were seen of it, and who reads it.
struct Log {
    place: PlaceId,
    end: u64,
    readers: Vec<GroupId>,
}

/// Which records of a source are known to have reached the broker.
#[derive(Default)]
struct Known {
    /// All below.
    below: u64,
    above: BTreeSet<u64>,
}

impl Known {
    /// Whether it was not known before.
    fn add(&mut self, sequence: u64) -> bool {
        if sequence < self.below || !self.above.insert(sequence) {
            return false;
        }
        while self.above.remove(&self.below) {
            self.below += 1;
        }
        true
    }
}

/// What a group is still to get, and what it has and is not done with.
struct Group {
    /// The highest QoS that its members subscribe for.
    qos: Qos,
    shared: bool,
    owed: BTreeMap<RecordId, Owed>,
    held: BTreeMap<RecordId, PlaceId>,
    /// Behind the youngest record received, by source.
    received: BTreeMap<u32, u64>,
    /// Since when each member has had its session.
    sessions: BTreeMap<ActorId, Time>,
}

#[derive(Clone, Copy)]
struct Owed {
    place: PlaceId,
    /// The lower one of that of the message and of the subscription.
    qos: Qos,
    /// Since when it is owed.
    since: Time,
    /// Since when it is as good as gone, and why: nobody expects it any more.
    gone: Option<(Time, Reason)>,
}

impl Books {
    pub(super) fn new(door: Door<Brokersim>, topics: &[Topic], groups: u32) -> Self {
        let log = |topic: &Topic| Log { place: topic.place, end: 0, readers: topic.readers.clone() };
        let group = |_| Group {
            qos: Qos::AtMostOnce,
            shared: false,
            owed: BTreeMap::new(),
            held: BTreeMap::new(),
            received: BTreeMap::new(),
            sessions: BTreeMap::new(),
        };
        Self {
            door,
            topics: topics.iter().map(log).collect(),
            under_way: BTreeMap::new(),
            known: BTreeMap::new(),
            unaccepted: BTreeMap::new(),
            groups: (0..groups).map(group).collect(),
            released: BTreeMap::new(),
        }
    }

    /// How a group reads; the highest QoS of its members counts.
    pub(super) fn reads(&mut self, group: GroupId, qos: Qos, shared: bool) {
        let group = &mut self.groups[group.index()];
        (group.qos, group.shared) = (group.qos.max(qos), shared);
    }

    /// A record is about to be written.
    pub(super) fn handed(&mut self, id: RecordId, qos: Qos) {
        if qos > Qos::AtMostOnce {
            self.under_way.insert(id, qos);
        }
    }

    /// The broker does not take a record.
    pub(super) fn refused(&mut self, id: RecordId) {
        self.under_way.remove(&id);
    }

    /// A record was written at QoS 0: who reads its topic may get it.
    pub(super) fn sent(&mut self, actor: ActorId, id: RecordId, channel: ChannelId) {
        self.owe(id, channel, Qos::AtMostOnce);
        self.door.emit(actor, Life::Accepted { ids: Ids::one(id), place: None, offset: None });
    }

    /// The broker has a record: somebody has heard of it, at this QoS.
    pub(super) fn reached(&mut self, actor: ActorId, record: Record, channel: ChannelId, qos: Qos) {
        let id = record.id;
        if !self.known.entry(id.source()).or_default().add(id.sequence()) {
            return;
        }
        let qos = self.under_way.remove(&id).map_or(qos, |sent| sent.max(qos));
        let log = &mut self.topics[channel.index()];
        let (place, offset) = (log.place, log.end);
        log.end += 1;
        if qos > Qos::AtMostOnce {
            self.unaccepted.insert(id, offset);
            self.owe(id, channel, qos);
        }
        let ids = Batch::new(vec![record], Vec::new(), record.bytes()).span().into();
        self.door.emit(actor, Life::Stored { ids, place, offset });
        self.door.emit(actor, Life::Committed { place, upto: offset + 1 });
    }

    fn owe(&mut self, id: RecordId, channel: ChannelId, qos: Qos) {
        let Log { place, readers, .. } = &self.topics[channel.index()];
        let since = self.door.clock().now();
        for group in readers {
            let group = &mut self.groups[group.index()];
            let owed = Owed { place: *place, qos: qos.min(group.qos), since, gone: None };
            group.owed.insert(id, owed);
        }
    }

    /// The broker has answered for good: PUBACK, or PUBCOMP.
    pub(super) fn accepted(&mut self, actor: ActorId, id: RecordId, channel: ChannelId) {
        let offset = self.unaccepted.remove(&id);
        let place = offset.map(|_| self.topics[channel.index()].place);
        self.door.emit(actor, Life::Accepted { ids: Ids::one(id), place, offset });
    }

    /// The broker has answered, and said that nobody had subscribed.
    pub(super) fn accepted_by_nobody(&mut self, actor: ActorId, id: RecordId) {
        self.under_way.remove(&id);
        let ids = Ids::one(id);
        self.door.emit(actor, Life::Accepted { ids: ids.clone(), place: None, offset: None });
        self.door.emit(actor, Life::Dropped { ids, why: Reason::NoSubscription });
    }

    /// A record has reached a client of a group; whether that is the first time.
    pub(super) fn received(&mut self, group: GroupId, id: RecordId) -> bool {
        let group = &mut self.groups[group.index()];
        let next = group.received.entry(id.source()).or_default();
        *next = (*next).max(id.sequence() + 1);
        let Some(owed) = group.owed.remove(&id) else { return false };
        group.held.insert(id, owed.place);
        true
    }

    /// A client of a group has acknowledged a record, or has nothing to acknowledge.
    pub(super) fn acknowledged(&mut self, actor: ActorId, group: GroupId, id: RecordId) {
        if let Some(place) = self.groups[group.index()].held.remove(&id) {
            self.door.emit(actor, Life::Acknowledged { ids: Ids::one(id), group, place });
        }
    }

    /// A client has answered with PUBREC; PUBCOMP will come, from it or from its next life.
    pub(super) fn half_acknowledged(&mut self, actor: ActorId, packet: u16, group: GroupId, id: RecordId) {
        if let Some(place) = self.groups[group.index()].held.get(&id) {
            self.released.insert((actor, packet), (group, id, *place));
        }
    }

    /// A client has answered with PUBCOMP: what that was about.
    pub(super) fn completed(&mut self, actor: ActorId, packet: u16) -> Option<RecordId> {
        let (group, id, _) = self.released.remove(&(actor, packet))?;
        self.acknowledged(actor, group, id);
        Some(id)
    }

    /// The application of a client has died with these in its hands: what was acknowledged will not come again.
    pub(super) fn died_with(&mut self, actor: ActorId, group: GroupId, ids: &[(RecordId, PlaceId)]) {
        for (id, place) in ids {
            if !self.groups[group.index()].held.contains_key(id) {
                self.miss(actor, group, (*id, *place), Reason::CommittedUnprocessed);
            }
        }
    }

    /// A client has died with these in its buffer, received at QoS 0.
    pub(super) fn dropped_at_qos_0(&mut self, actor: ActorId, group: GroupId, id: RecordId) {
        if let Some(place) = self.groups[group.index()].held.remove(&id) {
            self.miss(actor, group, (id, place), Reason::NotAcknowledged);
        }
    }

    /// A client has ended with these unanswered, and its session with it: only a retained message, or another member of
    /// its group, brings them back.
    pub(super) fn fell(&mut self, group: GroupId, ids: impl Iterator<Item = RecordId>) {
        let now = self.door.clock().now();
        let group = &mut self.groups[group.index()];
        for id in ids {
            let Some(place) = group.held.remove(&id) else { continue };
            let gone = Some((now, Reason::SessionEnded));
            group.owed.insert(id, Owed { place, qos: group.qos, since: now, gone });
        }
    }

    /// The server has no session of a client, and so no queue: it had none yet, or has it no more. Before it subscribes.
    pub(super) fn begins_anew(&mut self, actor: ActorId, group: GroupId, is_first: bool) {
        let now = self.door.clock().now();
        let of = &mut self.groups[group.index()];
        of.sessions.insert(actor, now);
        // The queue of a shared subscription belongs to all of its members: what was owed before the session of each began
        // is in no queue.
        let oldest = of.sessions.values().min().copied().unwrap_or(now);
        for owed in of.owed.values_mut().filter(|owed| !of.shared || owed.since < oldest) {
            let ended = gone_because(owed.qos, Reason::SessionEnded);
            let why = if is_first { Reason::NotYetSubscribed } else { ended };
            owed.gone.get_or_insert((now, why));
        }
        // What was answered with PUBREC alone will not be completed.
        let released: Vec<_> =
            self.released.range((actor, 0)..=(actor, u16::MAX)).map(|(key, _)| *key).collect();
        for (_, packet) in released {
            self.completed(actor, packet);
        }
    }

    /// Tells what a group was passed over with, some time ago.
    pub(super) fn sweep(&mut self, actor: ActorId, now: Time) {
        for index in 0..self.groups.len() {
            let group = &mut self.groups[index];
            let mut gone = Vec::new();
            for (id, owed) in &mut group.owed {
                let next = group.received.get(&id.source()).copied().unwrap_or(0);
                let may_wait = group.shared && owed.qos > Qos::AtMostOnce;
                if !may_wait && id.sequence() + 1 < next {
                    owed.gone.get_or_insert((now, gone_because(owed.qos, Reason::PassedOver)));
                }
                if let Some((since, why)) = owed.gone
                    && now.since(since) >= GRACE
                {
                    gone.push((*id, owed.place, why));
                }
            }
            for (id, place, why) in gone {
                self.groups[index].owed.remove(&id);
                self.miss(actor, GroupId(index as u32), (id, place), why);
            }
        }
    }

    fn miss(&self, actor: ActorId, group: GroupId, (id, place): (RecordId, PlaceId), why: Reason) {
        self.door.emit(actor, Life::Missed { ids: Ids::one(id), group, place, why });
    }
}

/// At QoS 0 nobody keeps anything: that is the reason, whatever the occasion.
fn gone_because(qos: Qos, why: Reason) -> Reason {
    if qos == Qos::AtMostOnce { Reason::NotAcknowledged } else { why }
}

/// Books that all tasks share. They are never kept across an await.
pub(super) type SharedBooks = Arc<std::sync::Mutex<Books>>;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;

    use super::*;
    use crate::host::Knock;
    use crate::trace::Fact;

    const ACTOR: ActorId = ActorId(7);
    const PLACE: PlaceId = PlaceId(0);

    fn books(readers: &[(Qos, bool)]) -> (Books, Receiver<Knock<Brokersim>>) {
        let (door, knocks) = Door::new();
        let groups: Vec<_> = (0..readers.len() as u32).map(GroupId).collect();
        let topic =
            Topic { channel: ChannelId(0), place: PLACE, name: "t".to_owned(), readers: groups.clone() };
        let mut books = Books::new(door, &[topic], readers.len() as u32);
        for (group, (qos, shared)) in groups.into_iter().zip(readers) {
            books.reads(group, *qos, *shared);
        }
        (books, knocks)
    }

    fn id(sequence: u64) -> RecordId {
        RecordId::new(0, sequence)
    }

    fn record(sequence: u64) -> Record {
        Record::new(id(sequence), Time::ZERO, None, 10)
    }

    fn lives(knocks: &Receiver<Knock<Brokersim>>) -> Vec<Life> {
        let life = |knock| match knock {
            Knock::Seen { fact: Fact::Life(life), .. } => life,
            other => panic!("only lives are told: {other:?}"),
        };
        knocks.try_iter().map(life).collect()
    }

    fn missed(sequence: u64, group: u32, why: Reason) -> Life {
        Life::Missed { ids: Ids::one(id(sequence)), group: GroupId(group), place: PLACE, why }
    }

    #[test]
    fn a_record_is_stored_once_however_it_is_heard_of() {
        let (mut books, knocks) = books(&[(Qos::AtLeastOnce, false)]);
        for _ in 0..2 {
            books.reached(ACTOR, record(0), ChannelId(0), Qos::AtLeastOnce);
        }
        assert!(books.received(GroupId(0), id(0)) && !books.received(GroupId(0), id(0)));
        books.accepted(ACTOR, id(0), ChannelId(0));
        let told = lives(&knocks);
        assert!(matches!(
            told[..],
            [
                Life::Stored { offset: 0, .. },
                Life::Committed { upto: 1, .. },
                Life::Accepted { offset: Some(0), place: Some(PLACE), .. },
            ]
        ));
    }

    #[test]
    fn whoever_hears_of_a_record_first_all_groups_are_owed_it_as_it_was_sent() {
        let (mut books, knocks) = books(&[(Qos::AtMostOnce, false), (Qos::ExactlyOnce, false)]);
        books.handed(id(0), Qos::ExactlyOnce);
        // The reader at QoS 0 is faster than the broker's answer to the publisher.
        books.reached(ACTOR, record(0), ChannelId(0), Qos::AtMostOnce);
        books.reached(ACTOR, record(0), ChannelId(0), Qos::ExactlyOnce);
        for group in [GroupId(0), GroupId(1)] {
            assert!(books.received(group, id(0)), "{group:?}");
            books.acknowledged(ACTOR, group, id(0));
        }
        books.accepted(ACTOR, id(0), ChannelId(0));
        let told = lives(&knocks);
        let acknowledged = told.iter().filter(|life| matches!(life, Life::Acknowledged { .. })).count();
        assert_eq!(acknowledged, 2);
        assert!(told.iter().any(|life| matches!(life, Life::Accepted { offset: Some(0), .. })));
    }

    #[test]
    fn a_group_acknowledges_once_even_when_it_gets_a_record_twice() {
        let (mut books, knocks) = books(&[(Qos::AtLeastOnce, false)]);
        books.reached(ACTOR, record(0), ChannelId(0), Qos::AtLeastOnce);
        for _ in 0..2 {
            books.received(GroupId(0), id(0));
            books.acknowledged(ACTOR, GroupId(0), id(0));
        }
        let acknowledged = |life: &&Life| matches!(life, Life::Acknowledged { .. });
        assert_eq!(lives(&knocks).iter().filter(acknowledged).count(), 1);
    }

    #[test]
    fn what_was_passed_over_is_missed_after_a_while_and_only_by_who_was_passed_over() {
        let (mut books, knocks) = books(&[(Qos::AtLeastOnce, false), (Qos::AtLeastOnce, false)]);
        for sequence in 0..3 {
            books.reached(ACTOR, record(sequence), ChannelId(0), Qos::AtLeastOnce);
        }
        books.received(GroupId(0), id(1));
        lives(&knocks);
        books.sweep(ACTOR, Time::from_secs(1));
        books.sweep(ACTOR, Time::from_millis(2_999));
        assert_eq!(lives(&knocks), []);
        books.sweep(ACTOR, Time::from_secs(3));
        // The second is still to come, and the other group may get all of them.
        assert_eq!(lives(&knocks), [missed(0, 0, Reason::PassedOver)]);
    }

    #[test]
    fn what_comes_within_the_grace_was_not_missed() {
        let (mut books, knocks) = books(&[(Qos::AtLeastOnce, false)]);
        books.reached(ACTOR, record(0), ChannelId(0), Qos::AtLeastOnce);
        books.reached(ACTOR, record(1), ChannelId(0), Qos::AtLeastOnce);
        books.received(GroupId(0), id(1));
        books.sweep(ACTOR, Time::from_secs(1));
        books.received(GroupId(0), id(0));
        lives(&knocks);
        books.sweep(ACTOR, Time::from_secs(9));
        assert_eq!(lives(&knocks), []);
    }

    #[test]
    fn members_of_a_shared_subscription_may_still_get_what_waits_for_them_but_not_at_qos_0() {
        for (qos, expected) in
            [(Qos::AtLeastOnce, vec![]), (Qos::AtMostOnce, vec![missed(0, 0, Reason::NotAcknowledged)])]
        {
            let (mut books, knocks) = books(&[(qos, true)]);
            books.reached(ACTOR, record(0), ChannelId(0), Qos::AtLeastOnce);
            books.reached(ACTOR, record(1), ChannelId(0), Qos::AtLeastOnce);
            books.received(GroupId(0), id(1));
            lives(&knocks);
            books.sweep(ACTOR, Time::from_secs(1));
            books.sweep(ACTOR, Time::from_secs(9));
            assert_eq!(lives(&knocks), expected);
        }
    }

    #[test]
    fn a_session_that_ended_takes_its_queue_with_it_but_not_what_was_received() {
        let (mut books, knocks) = books(&[(Qos::AtLeastOnce, false)]);
        for sequence in 0..2 {
            books.reached(ACTOR, record(sequence), ChannelId(0), Qos::AtLeastOnce);
        }
        books.received(GroupId(0), id(0));
        lives(&knocks);
        books.begins_anew(ACTOR, GroupId(0), false);
        assert_eq!(lives(&knocks), [], "it may be the retained message of its topic");
        books.sweep(ACTOR, Time::from_secs(2));
        assert_eq!(lives(&knocks), [missed(1, 0, Reason::SessionEnded)]);
    }

    #[test]
    fn what_fell_with_its_reader_is_gone_unless_another_member_gets_it() {
        let (mut books, knocks) = books(&[(Qos::AtLeastOnce, true)]);
        for sequence in 0..2 {
            books.reached(ACTOR, record(sequence), ChannelId(0), Qos::AtLeastOnce);
            books.received(GroupId(0), id(sequence));
        }
        books.fell(GroupId(0), [id(0), id(1)].into_iter());
        assert!(books.received(GroupId(0), id(1)), "the broker has given it to another one");
        lives(&knocks);
        books.sweep(ACTOR, Time::from_secs(2));
        assert_eq!(lives(&knocks), [missed(0, 0, Reason::SessionEnded)]);
    }

    #[test]
    fn what_a_shared_subscription_is_owed_is_gone_when_all_of_its_members_have_begun_anew() {
        let (mut books, knocks) = books(&[(Qos::AtLeastOnce, true)]);
        let others = [ActorId(8), ActorId(9)];
        others.iter().for_each(|member| books.begins_anew(*member, GroupId(0), true));
        books.door.clock().begin();
        books.reached(ACTOR, record(0), ChannelId(0), Qos::AtLeastOnce);
        while books.door.clock().now() <= books.groups[0].owed[&id(0)].since {}
        lives(&knocks);
        let late = Time::from_secs(1_000);
        books.begins_anew(others[0], GroupId(0), false);
        books.sweep(ACTOR, late);
        assert_eq!(lives(&knocks), [], "it may wait for the other one");
        while books.door.clock().now() <= books.groups[0].sessions[&others[0]] {}
        books.begins_anew(others[1], GroupId(0), false);
        books.sweep(ACTOR, late);
        assert_eq!(lives(&knocks), [missed(0, 0, Reason::SessionEnded)]);
    }

    #[test]
    fn who_subscribes_later_was_owed_nothing_before() {
        let (mut books, knocks) = books(&[(Qos::AtMostOnce, false)]);
        books.reached(ACTOR, record(0), ChannelId(0), Qos::AtLeastOnce);
        lives(&knocks);
        books.begins_anew(ACTOR, GroupId(0), true);
        books.sweep(ACTOR, Time::from_secs(2));
        assert_eq!(lives(&knocks), [missed(0, 0, Reason::NotYetSubscribed)]);
    }

    #[test]
    fn who_dies_loses_what_it_had_acknowledged_and_gets_the_rest_again() {
        let (mut books, knocks) = books(&[(Qos::AtLeastOnce, false)]);
        for sequence in 0..2 {
            books.reached(ACTOR, record(sequence), ChannelId(0), Qos::AtLeastOnce);
            books.received(GroupId(0), id(sequence));
        }
        books.acknowledged(ACTOR, GroupId(0), id(0));
        lives(&knocks);
        books.died_with(ACTOR, GroupId(0), &[(id(0), PLACE), (id(1), PLACE)]);
        assert_eq!(lives(&knocks), [missed(0, 0, Reason::CommittedUnprocessed)]);
    }

    #[test]
    fn at_qos_2_a_record_is_acknowledged_when_it_is_completed_by_whoever_does_it() {
        let (mut books, knocks) = books(&[(Qos::ExactlyOnce, false)]);
        books.reached(ACTOR, record(0), ChannelId(0), Qos::ExactlyOnce);
        books.received(GroupId(0), id(0));
        lives(&knocks);
        books.half_acknowledged(ACTOR, 5, GroupId(0), id(0));
        assert_eq!(lives(&knocks), []);
        assert_eq!(books.completed(ACTOR, 5), Some(id(0)));
        assert!(matches!(lives(&knocks)[..], [Life::Acknowledged { .. }]));
        assert_eq!(books.completed(ACTOR, 5), None);
    }

    #[test]
    fn what_is_written_at_qos_0_is_owed_and_not_stored_before_somebody_has_it() {
        let (mut books, knocks) = books(&[(Qos::AtMostOnce, false)]);
        books.sent(ACTOR, id(0), ChannelId(0));
        assert!(matches!(lives(&knocks)[..], [Life::Accepted { offset: None, .. }]));
        books.reached(ACTOR, record(0), ChannelId(0), Qos::AtMostOnce);
        assert!(books.received(GroupId(0), id(0)));
        assert!(matches!(lives(&knocks)[..], [Life::Stored { .. }, Life::Committed { .. }]));
    }
}
