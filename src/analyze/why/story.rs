//! The story of a record: what happened to it and around it, in order, each step with its place in the stream.
//!
//! **Invariant.** A story is a function of facts and names: it does not matter whether they come from a simulation
//! or from a recording of real brokers.

mod blows;
mod logs;
mod readers;

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::{ActorId, Duration, Event, NodeId, Time};
use crate::scenario::origin::{Bearer, InForce};
use crate::trace::kafka::{BrokerId, ErrorCode, Kafka};
use crate::trace::{Fact, GroupId, Ids, Life, PlaceId, Reason, RecordId, Reign};

use super::scene::Scene;
use super::step::{Step, What, refused_by};

/// Whose story, and how much of it.
#[derive(Clone, Copy, Debug)]
pub struct Focus {
    /// The record.
    pub id: RecordId,
    /// The group whose doings belong to the story; none when only the log matters.
    pub group: Option<GroupId>,
    /// Who was struck so that it went wrong.
    pub struck: Option<NodeId>,
    /// Whether earlier changes of the in-sync set belong to it.
    pub long: bool,
    /// Where the story ends.
    pub until: Time,
}

/// Tells the story of a record from what happened, in order.
pub fn story(scene: &Scene, events: &[Event<Fact>], focus: Focus) -> Vec<Step> {
    let mut teller = Teller::new(scene, focus, events);
    events.iter().take_while(|event| event.at <= focus.until).for_each(|event| teller.hear(event));
    teller.steps
}

/// The state of the world as far as the story needs it.
struct Teller<'a> {
    scene: &'a Scene,
    focus: Focus,
    steps: Vec<Step>,
    places: BTreeMap<PlaceId, Partition>,
    /// Where the record has lain: where, and at which offset.
    spots: Vec<(PlaceId, u64)>,
    /// When the record was offered.
    begins: Time,
    /// Places where it will lie: their past belongs to the story.
    home: Vec<PlaceId>,
    /// Who leads what by their own knowledge: in which epoch.
    leads: BTreeMap<(ActorId, PlaceId), u32>,
    /// The last in-sync set that was known of an epoch.
    in_sync: BTreeMap<(PlaceId, u32), Vec<BrokerId>>,
    /// By whom the log of an actor was written, where logs may part, as far as it was told.
    logs: BTreeMap<(ActorId, PlaceId), Box<[Reign]>>,
    /// In which reign the record was written.
    reign: u32,
    /// Brokers that have asked to be let go.
    leaving: BTreeSet<NodeId>,
    nodes: Vec<NodeId>,
    owners: BTreeMap<PlaceId, NodeId>,
    settled: BTreeMap<(GroupId, PlaceId), u64>,
    /// What strikes at the instant that is told, and what lasts: which fault, of which kind, whom, since when.
    faults: Vec<Lasting>,
    events: &'a [Event<Fact>],
    attempts: u32,
    processed: u32,
    gone: bool,
    replaced: bool,
    committed: bool,
    /// A later life of the application offered it again.
    resent: bool,
}

/// A fault that has begun.
struct Lasting {
    fault: u32,
    round: u32,
    kind: &'static str,
    nodes: Box<[NodeId]>,
    since: Time,
    /// Whether it has a step of its own.
    told: bool,
}

#[derive(Clone, Default)]
struct Partition {
    leader: Option<BrokerId>,
    last_leader: Option<BrokerId>,
    leader_epoch: u32,
    isr: Vec<BrokerId>,
    elr: Vec<BrokerId>,
    replicas: Vec<BrokerId>,
    high_watermark: u64,
}

/// How many requests of a producer may be under way at a time.
const IN_FLIGHT: &str = "producer.max.in.flight.requests.per.connection";

/// How long before its beginning a story looks back for what shaped it.
const BEFORE: Duration = Duration::from_secs(5);

impl<'a> Teller<'a> {
    fn new(scene: &'a Scene, focus: Focus, events: &'a [Event<Fact>]) -> Self {
        let mut home = Vec::new();
        let mut begins = Time::NEVER;
        for event in events {
            match &event.fact {
                Fact::Life(Life::Stored { ids, place, .. } | Life::Delivered { ids, place, .. })
                    if position(ids, focus.id).is_some() && !home.contains(place) =>
                {
                    home.push(*place);
                }
                Fact::Life(Life::Offered { first, records, .. })
                    if position(&Ids::Range { first: *first, records: *records }, focus.id).is_some() =>
                {
                    begins = event.at;
                }
                Fact::Life(_)
                | Fact::Kafka(_)
                | Fact::Physics(_)
                | Fact::ZeroMq(_)
                | Fact::Mqtt(_)
                | Fact::Injected(_)
                | Fact::Commanded(_) => {}
            }
        }
        Self {
            scene,
            focus,
            steps: Vec::new(),
            places: BTreeMap::new(),
            spots: Vec::new(),
            begins,
            home,
            leads: BTreeMap::new(),
            in_sync: BTreeMap::new(),
            logs: BTreeMap::new(),
            reign: 0,
            leaving: BTreeSet::new(),
            nodes: Vec::new(),
            owners: BTreeMap::new(),
            settled: BTreeMap::new(),
            faults: Vec::new(),
            events,
            attempts: 0,
            processed: 0,
            gone: false,
            replaced: false,
            committed: false,
            resent: false,
        }
    }

    fn hear(&mut self, event: &Event<Fact>) {
        match &event.fact {
            Fact::Life(life) => self.life(event, life),
            Fact::Kafka(kafka) => self.kafka(event, kafka),
            Fact::Physics(physics) => self.physics(event, physics),
            Fact::Injected(injected) => self.injected(event, injected),
            Fact::ZeroMq(_) | Fact::Mqtt(_) | Fact::Commanded(_) => {}
        }
    }

    fn step(&mut self, event: &Event<Fact>, who: &str, what: What) {
        self.step_because(event, who, what, Vec::new());
    }

    fn step_because(&mut self, event: &Event<Fact>, who: &str, what: What, because: Vec<InForce>) {
        self.steps.push(Step { at: event.at, serial: event.serial, who: who.to_owned(), what, because });
    }

    fn because(&self, bearer: &Bearer, names: &[&str]) -> Vec<InForce> {
        names.iter().filter_map(|name| self.scene.setting(bearer, name)).cloned().collect()
    }

    fn life(&mut self, event: &Event<Fact>, life: &Life) {
        match life {
            Life::Offered { first, records, .. } => {
                let ids = Ids::Range { first: *first, records: *records };
                if position(&ids, self.focus.id).is_some() {
                    self.step(event, self.client(), What::Offered);
                }
            }
            Life::Stored { ids, place, offset } => self.stored(event, ids, *place, *offset),
            Life::Accepted { ids, offset, .. } if self.is_in(ids) => self.accepted(event, *offset),
            Life::Rejected { ids, why } if self.is_in(ids) => {
                let because = self.refusal(*why);
                self.step_because(event, self.client(), What::Rejected { why: *why }, because);
            }
            Life::Unknown { ids, why } if self.is_in(ids) => {
                let because = self.refusal(*why);
                self.step_because(event, self.client(), What::Unknown { why: *why }, because);
            }
            Life::Dropped { ids, why } if self.is_in(ids) => {
                self.step(event, self.scene.cast.actor(event.actor), What::Dropped { why: *why });
            }
            Life::Committed { place, upto } => self.committed(event, *place, *upto),
            Life::Cut { place, from, why, log } => self.cut(event, *place, (*from, log.as_deref()), *why),
            Life::Expired { place, below, .. } if self.lies_below(*place, *below) && !self.gone => {
                self.gone = true;
                let because = self.because(
                    &self.scene.topic(*place),
                    &["retention.ms", "retention.bytes", "segment.ms", "segment.bytes"],
                );
                self.step_because(
                    event,
                    self.scene.home(event.actor),
                    What::Expired { below: *below },
                    because,
                );
            }
            Life::Delivered { ids, group, place, .. } if self.is_in(ids) && self.is_told(*group) => {
                self.attempts += 1;
                self.owners.extend(self.scene.node_of(event.actor).map(|node| (*place, node)));
                let attempt = self.attempts;
                self.step(event, self.scene.home(event.actor), What::Delivered { attempt });
            }
            Life::Processed { ids, group, .. } if self.is_in(ids) && self.is_told(*group) => {
                self.processed += 1;
                let time = self.processed;
                self.step(event, self.scene.home(event.actor), What::Processed { time });
            }
            Life::Missed { ids, group, why, .. } if self.is_in(ids) && self.is_told(*group) => {
                self.step(event, self.scene.home(event.actor), What::Dropped { why: *why });
            }
            Life::Failed { ids, group, .. } if self.is_in(ids) && self.is_told(*group) => {
                let mut because = self.because(&self.scene.reader(*group), &["on-error"]);
                let poison = self.because(&self.scene.publisher(self.focus.id), &["poison-at"]);
                because.extend(poison.into_iter().filter(|one| one.value != "none"));
                self.step_because(event, self.scene.home(event.actor), What::HandlerFailed, because);
            }
            Life::Resent { ids, .. } if self.is_in(ids) => {
                self.resent = true;
                let because = self.because(&self.scene.publisher(self.focus.id), &["outbox"]);
                self.step_because(event, self.client(), What::Resent, because);
            }
            Life::Settled { group, place, upto } => self.settled(event, *group, *place, *upto),
            Life::Skipped { group, place, to, why }
                if self.is_told(*group) && self.lies_below(*place, *to) =>
            {
                let because = self.because(&self.scene.reader(*group), &["consumer.auto.offset.reset"]);
                self.step_because(
                    event,
                    self.scene.home(event.actor),
                    What::Skipped { to: *to, why: *why },
                    because,
                );
            }
            Life::Accepted { .. }
            | Life::Rejected { .. }
            | Life::Unknown { .. }
            | Life::Dropped { .. }
            | Life::DeadLettered { .. }
            | Life::Expired { .. }
            | Life::Delivered { .. }
            | Life::Processed { .. }
            | Life::Failed { .. }
            | Life::Acknowledged { .. }
            | Life::Missed { .. }
            | Life::Resent { .. }
            | Life::Withheld { .. }
            | Life::Ignored { .. }
            | Life::Skipped { .. } => {}
        }
    }

    fn client(&self) -> &'a str {
        self.scene.source(self.focus.id)
    }

    fn is_in(&self, ids: &Ids) -> bool {
        position(ids, self.focus.id).is_some()
    }

    fn is_told(&self, group: GroupId) -> bool {
        self.focus.group.is_none_or(|told| told == group)
    }

    fn lies_below(&self, place: PlaceId, below: u64) -> bool {
        self.spots.iter().any(|(of, offset)| *of == place && *offset < below)
    }

    fn is_home(&self, place: PlaceId) -> bool {
        self.home.contains(&place)
    }

    /// Whether this is still part of the past that the story leaves out.
    fn is_past(&self, at: Time) -> bool {
        !self.focus.long && at + BEFORE < self.begins
    }

    fn refusal(&self, why: Reason) -> Vec<InForce> {
        self.because(&self.scene.publisher(self.focus.id), refused_by(why))
    }

    fn stored(&mut self, event: &Event<Fact>, ids: &Ids, place: PlaceId, offset: u64) {
        let Some(index) = position(ids, self.focus.id) else {
            let lost = self.gone
                && !self.replaced
                && self
                    .spots
                    .iter()
                    .any(|(of, lay)| *of == place && (offset..offset + u64::from(ids.len())).contains(lay));
            if lost {
                let spot = self.spots.iter().find(|(of, _)| *of == place).map_or(offset, |(_, lay)| *lay);
                let by = ids.iter().nth((spot - offset.min(spot)) as usize).unwrap_or(self.focus.id);
                let by = self.scene.record(by);
                self.replaced = true;
                self.step(event, self.scene.home(event.actor), What::Replaced { by });
            }
            return;
        };
        let offset = offset + index;
        let again = !self.spots.is_empty() && !self.gone;
        self.gone = false;
        self.replaced = false;
        self.committed = false;
        self.spots.push((place, offset));
        let partition = self.places.entry(place).or_default();
        // A leader that has not heard of its successor appends as who it was.
        let leader_epoch = *self.leads.get(&(event.actor, place)).unwrap_or(&partition.leader_epoch);
        let isr = self.in_sync.get(&(place, leader_epoch)).unwrap_or(&partition.isr);
        self.reign = leader_epoch;
        let what = What::Stored {
            place: self.scene.stage.place_name(place),
            offset,
            leader_epoch,
            isr: isr.clone(),
            high_watermark: partition.high_watermark,
            again,
        };
        let because = if again && !self.resent {
            self.because(
                &self.scene.publisher(self.focus.id),
                &["producer.enable.idempotence", "producer.retries"],
            )
        } else {
            Vec::new()
        };
        self.step_because(event, self.scene.home(event.actor), what, because);
    }

    fn accepted(&mut self, event: &Event<Fact>, offset: Option<u64>) {
        let spot = self.spots.last().copied();
        let high_watermark = spot
            .and_then(|(place, _)| self.places.get(&place))
            .map_or(0, |partition| partition.high_watermark);
        let committed = spot.is_some_and(|(_, offset)| offset < high_watermark);
        let what = What::Accepted { committed, high_watermark, unseen: offset.is_none() };
        let mut because = self.because(&self.scene.publisher(self.focus.id), &["producer.acks"]);
        if because.iter().any(|one| one.value == "all" || one.value == "-1")
            && let Some((place, _)) = spot
        {
            because.extend(self.because(&self.scene.topic(place), &["min.insync.replicas"]));
        }
        self.step_because(event, self.client(), what, because);
    }

    fn committed(&mut self, event: &Event<Fact>, place: PlaceId, upto: u64) {
        self.places.entry(place).or_default().high_watermark = upto;
        if self.spots.last().is_some_and(|(of, offset)| *of == place && *offset < upto)
            && !self.committed
            && !self.gone
        {
            self.committed = true;
            self.step(event, self.scene.home(event.actor), What::Committed { upto });
        }
    }

    /// By which settings a group commits; before the work is done only some matter.
    fn commit(&self, reader: &Bearer, processed: bool) -> Vec<InForce> {
        let mut because = self.because(reader, &["commit"]);
        if !processed && because.iter().any(|one| one.value == "auto") {
            let workers = self.because(reader, &["workers"]).into_iter().filter(|one| one.value != "0");
            because.extend(workers);
            // Threads are overtaken by the interval, a loop that has ended by its own close().
            let by = if because.len() > 1 { "consumer.auto.commit.interval.ms" } else { "on-error" };
            because.extend(self.because(reader, &[by]));
        }
        because
    }

    fn settled(&mut self, event: &Event<Fact>, group: GroupId, place: PlaceId, upto: u64) {
        let before = self.settled.insert((group, place), upto).unwrap_or(0);
        let passes = self
            .spots
            .last()
            .is_some_and(|(of, offset)| *of == place && *offset < upto && before.min(upto) <= *offset);
        if passes && !self.gone && self.focus.group.is_none_or(|told| told == group) {
            let processed = self.processed > 0;
            let because = self.commit(&self.scene.reader(group), processed);
            self.step_because(event, self.scene.group(group), What::Settled { upto, processed }, because);
        }
    }

    fn kafka(&mut self, event: &Event<Fact>, kafka: &Kafka) {
        match kafka {
            Kafka::PartitionChanged { place, .. } => self.partition_changed(event, *place, kafka),
            Kafka::BecameLeader { place, log_end, leader_epoch, .. } => {
                self.leads.insert((event.actor, *place), *leader_epoch);
                if self.is_home(*place) && *leader_epoch > 0 && !self.is_past(event.at) {
                    self.note_log(event, *place);
                    let has_it = self.has_it(event.actor, *place, *log_end);
                    let what = What::TookOver { log_end: *log_end, has_it };
                    self.step(event, self.scene.home(event.actor), what);
                }
            }
            Kafka::BecameFollower { place, log_end, leader_epoch } => {
                self.leads.remove(&(event.actor, *place));
                if self.is_home(*place) && *leader_epoch > 0 && !self.spots.is_empty() {
                    let has_it = self.has_it(event.actor, *place, *log_end);
                    let what = What::Follows { log_end: *log_end, has_it };
                    self.step(event, self.scene.home(event.actor), what);
                }
            }
            Kafka::Truncated { place, to, from } if self.is_home(*place) && !self.spots.is_empty() => {
                self.step(event, self.scene.home(event.actor), What::Truncated { to: *to, from: *from });
            }
            Kafka::ShuttingDown => self.leaving.extend(self.scene.node_of(event.actor)),
            Kafka::Registered { broker, .. } => {
                self.leaving.retain(|node| self.scene.broker(*broker) != Some(*node));
            }
            Kafka::Fenced { broker } if self.is_replica(*broker) && !self.is_past(event.at) => {
                let asked = self.scene.broker(*broker).is_some_and(|node| self.leaving.contains(&node));
                let names: &[&str] = if asked { &[] } else { &["broker.session.timeout.ms"] };
                let because = self.because(&Bearer::Cluster, names);
                self.step_because(event, "controller", What::Fenced { broker: *broker, asked }, because);
            }
            Kafka::Recovered { records_cut, .. }
                if *records_cut > 0
                    && self.scene.node_of(event.actor).is_some_and(|node| self.matters(node)) =>
            {
                self.step(event, self.scene.home(event.actor), What::Recovered { records: *records_cut });
            }
            Kafka::Retried { ids, error, attempt } if self.is_in(ids) => {
                let what = What::Retried { error: *error, attempt: *attempt };
                let because = self.retry(*error, *attempt);
                self.step_because(event, self.client(), what, because);
            }
            Kafka::Deduplicated { ids, offset, .. } if self.is_in(ids) => {
                let index = position(ids, self.focus.id).unwrap_or(0);
                let what = What::Recognised { offset: offset + index };
                self.step(event, self.scene.home(event.actor), what);
            }
            Kafka::GroupChanged { .. }
            | Kafka::MemberLeft { .. }
            | Kafka::Assigned { .. }
            | Kafka::Revoked { .. }
            | Kafka::Positioned { .. }
            | Kafka::CommitFailed { .. }
            | Kafka::ConsumerFailed { .. } => self.group(event, kafka),
            Kafka::Fenced { .. }
            | Kafka::Unfenced { .. }
            | Kafka::Truncated { .. }
            | Kafka::Recovered { .. }
            | Kafka::IsrShrinking { .. }
            | Kafka::IsrExpanding { .. }
            | Kafka::Deduplicated { .. }
            | Kafka::Retried { .. }
            | Kafka::EpochBumped { .. }
            | Kafka::MemberJoined { .. }
            | Kafka::StorageFailed
            | Kafka::LogDigest { .. }
            | Kafka::CoordinatorReady { .. } => {}
        }
    }

    /// What has a producer try again, told with the first retry.
    fn retry(&self, error: ErrorCode, attempt: u32) -> Vec<InForce> {
        let producer = self.scene.publisher(self.focus.id);
        let waited = matches!(error, ErrorCode::NetworkException | ErrorCode::RequestTimedOut);
        let names: &[&str] = match (attempt, waited) {
            (1, true) => &["producer.request.timeout.ms", IN_FLIGHT, "producer.enable.idempotence"],
            (1, false) => &[IN_FLIGHT, "producer.enable.idempotence"],
            (_, true | false) => &[],
        };
        self.because(&producer, names)
    }

    fn is_replica(&self, broker: BrokerId) -> bool {
        self.home.iter().filter_map(|place| self.places.get(place)).any(|one| one.replicas.contains(&broker))
    }

    /// Whether a node plays a part in the story.
    fn matters(&self, node: NodeId) -> bool {
        let name = self.scene.cast.node(node);
        let is_replica = || {
            let mut replicas =
                self.home.iter().filter_map(|place| self.places.get(place)).flat_map(|one| &one.replicas);
            replicas.any(|broker| self.scene.broker(*broker) == Some(node))
        };
        name == self.client() || self.focus.struck == Some(node) || is_replica() || self.is_member(node)
    }

    /// Whether a node belongs to a reader of the group that the story is about.
    fn is_member(&self, node: NodeId) -> bool {
        let Some(group) = self.focus.group else { return false };
        let Bearer::Entry(entry) = self.scene.entry(self.scene.cast.node(node)) else { return false };
        self.scene.readers[group.index()].contains(&entry)
    }
}

/// Where a record stands among some.
pub(super) fn position(ids: &Ids, id: RecordId) -> Option<u64> {
    ids.runs(0, ids.len()).find_map(|run| {
        let same = run.first.source() == id.source();
        let offset =
            id.sequence().checked_sub(run.first.sequence()).filter(|by| *by < u64::from(run.records));
        offset.filter(|_| same).map(|by| u64::from(run.at) + by)
    })
}
