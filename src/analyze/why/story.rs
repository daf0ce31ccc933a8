//! The story of a record: what happened to it and around it, in order, each step with its place in the stream.
//!
//! **Invariant.** A story is a function of facts and names: it does not matter whether they come from a simulation
//! or from a recording of real brokers.

use std::collections::BTreeMap;

use crate::kernel::{Crash, Duration, Event, NodeId, Physics, Time};
use crate::scenario::origin::{Bearer, InForce};
use crate::trace::kafka::{BrokerId, GroupReason, GroupState, Kafka, PositionReason};
use crate::trace::{Fact, GroupId, Ids, Injected, Life, Phase, PlaceId, Reason, RecordId, Whom};

use super::root::struck_node;
use super::scene::Scene;
use super::step::{Blow, Legality, Step, What, refused_by};

/// Whose story, and how much of it.
#[derive(Clone, Copy, Debug)]
pub struct Focus {
    /// The record.
    pub id: RecordId,
    /// The group whose doings belong to the story; none when only the log matters.
    pub group: Option<GroupId>,
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
                Fact::Life(_) | Fact::Kafka(_) | Fact::Physics(_) | Fact::ZeroMq(_) | Fact::Injected(_) => {}
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
        }
    }

    fn hear(&mut self, event: &Event<Fact>) {
        match &event.fact {
            Fact::Life(life) => self.life(event, life),
            Fact::Kafka(kafka) => self.kafka(event, kafka),
            Fact::Physics(physics) => self.physics(event, physics),
            Fact::Injected(injected) => self.injected(event, injected),
            Fact::ZeroMq(_) => {}
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
            Life::Cut { place, from, why, .. } => self.cut(event, *place, *from, *why),
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
            Life::Failed { ids, group, .. } if self.is_in(ids) && self.is_told(*group) => {
                let mut because = self.because(&self.scene.reader(*group), &["on-error"]);
                let poison = self.because(&self.scene.publisher(self.focus.id), &["poison-at"]);
                because.extend(poison.into_iter().filter(|one| one.value != "none"));
                self.step_because(event, self.scene.home(event.actor), What::HandlerFailed, because);
            }
            Life::Resent { ids, .. } if self.is_in(ids) => self.step(event, self.client(), What::Resent),
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
            | Life::Resent { .. }
            | Life::Withheld { .. }
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
        let what = What::Stored {
            place: self.scene.stage.place_name(place),
            offset,
            leader_epoch: partition.leader_epoch,
            isr: partition.isr.clone(),
            high_watermark: partition.high_watermark,
            again,
        };
        let because = if again {
            self.because(
                &self.scene.publisher(self.focus.id),
                &["producer.enable.idempotence", "producer.acks", "producer.retries"],
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

    fn cut(&mut self, event: &Event<Fact>, place: PlaceId, from: u64, why: Reason) {
        let partition = self.places.entry(place).or_default();
        partition.high_watermark = partition.high_watermark.min(from);
        let lay_there = self.spots.last().is_some_and(|(of, offset)| *of == place && *offset >= from);
        if lay_there && !self.gone {
            self.gone = true;
            self.step(event, self.scene.home(event.actor), What::Cut { from, why });
        }
    }

    fn settled(&mut self, event: &Event<Fact>, group: GroupId, place: PlaceId, upto: u64) {
        let before = self.settled.insert((group, place), upto).unwrap_or(0);
        let passes = self
            .spots
            .last()
            .is_some_and(|(of, offset)| *of == place && *offset < upto && before.min(upto) <= *offset);
        if passes && !self.gone && self.focus.group.is_none_or(|told| told == group) {
            let processed = self.processed > 0;
            let because = self.because(&self.scene.reader(group), &["commit"]);
            self.step_because(event, self.scene.group(group), What::Settled { upto, processed }, because);
        }
    }

    fn kafka(&mut self, event: &Event<Fact>, kafka: &Kafka) {
        match kafka {
            Kafka::PartitionChanged { place, .. } => self.partition_changed(event, *place, kafka),
            Kafka::BecameLeader { place, log_end, leader_epoch, .. }
                if self.is_home(*place) && *leader_epoch > 0 && !self.is_past(event.at) =>
            {
                let has_it = self.spots.last().is_some_and(|(_, offset)| offset < log_end);
                self.step(event, self.scene.home(event.actor), What::TookOver { log_end: *log_end, has_it });
            }
            Kafka::BecameFollower { place, log_end, leader_epoch }
                if self.is_home(*place) && *leader_epoch > 0 && !self.spots.is_empty() =>
            {
                let has_it = self.spots.last().is_some_and(|(_, offset)| offset < log_end);
                self.step(event, self.scene.home(event.actor), What::Follows { log_end: *log_end, has_it });
            }
            Kafka::Truncated { place, to, from } if self.is_home(*place) && !self.spots.is_empty() => {
                self.step(event, self.scene.home(event.actor), What::Truncated { to: *to, from: *from });
            }
            Kafka::Fenced { broker } if self.is_replica(*broker) && !self.is_past(event.at) => {
                let because = self.because(&Bearer::Cluster, &["broker.session.timeout.ms"]);
                self.step_because(event, "controller", What::Fenced { broker: *broker }, because);
            }
            Kafka::Recovered { records_cut, .. }
                if *records_cut > 0
                    && self.scene.node_of(event.actor).is_some_and(|node| self.matters(node)) =>
            {
                self.step(event, self.scene.home(event.actor), What::Recovered { records: *records_cut });
            }
            Kafka::Retried { ids, error, attempt } if self.is_in(ids) => {
                let what = What::Retried { error: *error, attempt: *attempt };
                self.step(event, self.client(), what);
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
            Kafka::Registered { .. }
            | Kafka::Fenced { .. }
            | Kafka::Unfenced { .. }
            | Kafka::BecameLeader { .. }
            | Kafka::BecameFollower { .. }
            | Kafka::Truncated { .. }
            | Kafka::Recovered { .. }
            | Kafka::IsrShrinking { .. }
            | Kafka::IsrExpanding { .. }
            | Kafka::Deduplicated { .. }
            | Kafka::Retried { .. }
            | Kafka::EpochBumped { .. }
            | Kafka::MemberJoined { .. }
            | Kafka::ShuttingDown
            | Kafka::StorageFailed
            | Kafka::LogDigest { .. }
            | Kafka::CoordinatorReady { .. } => {}
        }
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
        name == self.client() || is_replica() || self.is_member(node)
    }

    /// Whether a node belongs to a reader of the group that the story is about.
    fn is_member(&self, node: NodeId) -> bool {
        let Some(group) = self.focus.group else { return false };
        let Bearer::Entry(entry) = self.scene.entry(self.scene.cast.node(node)) else { return false };
        self.scene.readers[group.index()].contains(&entry)
    }

    fn partition_changed(&mut self, event: &Event<Fact>, place: PlaceId, kafka: &Kafka) {
        let Kafka::PartitionChanged { leader, unclean, leader_epoch, isr, elr, .. } = kafka else { return };
        let before = self.places.get(&place).cloned().unwrap_or_default();
        let now = self.places.entry(place).or_default();
        now.leader = *leader;
        now.last_leader = leader.or(before.last_leader);
        now.leader_epoch = *leader_epoch;
        now.isr = isr.to_vec();
        now.elr = elr.to_vec();
        for broker in isr.iter().chain(elr.iter()) {
            if !now.replicas.contains(broker) {
                now.replicas.push(*broker);
            }
        }
        if !self.is_home(place) || before.replicas.is_empty() || self.is_past(event.at) {
            return;
        }
        let what = match leader {
            None if before.leader.is_none() => return,
            None => What::Leaderless { isr: isr.to_vec(), elr: elr.to_vec() },
            Some(leader) if Some(*leader) == before.leader => {
                if before.isr == **isr {
                    return;
                }
                What::InSync { isr: isr.to_vec(), was: before.isr }
            }
            Some(leader) => What::Elected {
                leader: *leader,
                before: before.last_leader,
                leader_epoch: *leader_epoch,
                isr: isr.to_vec(),
                legality: legality(*leader, *unclean, &before),
                was_in_sync: before.isr,
            },
        };
        let elected = if let What::Elected { legality, .. } = &what { Some(*legality) } else { None };
        let because = match elected {
            Some(Legality::Unclean) => {
                self.because(&self.scene.topic(place), &["unclean.leader.election.enable"])
            }
            Some(Legality::Eligible) => self.because(&Bearer::Cluster, &["eligible.leader.replicas.version"]),
            Some(Legality::First | Legality::InSync | Legality::LastKnown) | None => Vec::new(),
        };
        self.step_because(event, "controller", what, because);
    }

    fn group(&mut self, event: &Event<Fact>, kafka: &Kafka) {
        let Some(told) = self.focus.group else { return };
        let who = self.scene.home(event.actor);
        match kafka {
            Kafka::GroupChanged { group, to, generation, members, why, .. }
                if *group == told
                    && !self.is_past(event.at)
                    && *why != GroupReason::Loaded
                    && matches!(
                        to,
                        GroupState::PreparingRebalance | GroupState::Stable | GroupState::Empty
                    ) =>
            {
                let what = What::Group { to: *to, generation: *generation, members: *members, why: *why };
                self.step(event, self.scene.group(told), what);
            }
            Kafka::MemberLeft { group, why, .. } if *group == told && !self.is_past(event.at) => {
                let reader = self.scene.reader(told);
                let because = match why {
                    GroupReason::SessionTimeout => self.because(&reader, &["consumer.session.timeout.ms"]),
                    GroupReason::PollTimeout => self.because(
                        &reader,
                        &["consumer.max.poll.interval.ms", "consumer.max.poll.records", "service"],
                    ),
                    GroupReason::MemberJoined
                    | GroupReason::MemberLeft
                    | GroupReason::RebalanceTimeout
                    | GroupReason::SyncTimeout
                    | GroupReason::MemberRejoined
                    | GroupReason::StaticMemberReplaced
                    | GroupReason::MetadataChanged
                    | GroupReason::AllJoined
                    | GroupReason::Assigned
                    | GroupReason::Loaded
                    | GroupReason::CooperativeRevocation => Vec::new(),
                };
                self.step_because(event, self.scene.group(told), What::Left { why: *why }, because);
            }
            Kafka::Assigned { group, generation, places } if *group == told => {
                let ours = self.home.iter().any(|place| places.contains(place));
                if ours && !self.is_past(event.at) {
                    self.step(event, who, What::Assigned { generation: *generation });
                }
            }
            Kafka::Revoked { group, places, lost } if *group == told => {
                if self.home.iter().any(|place| places.contains(place)) && !self.is_past(event.at) {
                    let because = if *lost {
                        self.because(
                            &self.scene.reader(told),
                            &["consumer.max.poll.interval.ms", "consumer.max.poll.records", "service"],
                        )
                    } else {
                        Vec::new()
                    };
                    self.step_because(event, who, What::Revoked { lost: *lost }, because);
                }
            }
            Kafka::Positioned { group, place, offset, why }
                if *group == told && self.is_home(*place) && !self.is_past(event.at) =>
            {
                let committed = self.settled.get(&(told, *place)).copied();
                let because = match why {
                    PositionReason::Committed => self.because(&self.scene.reader(told), &["commit"]),
                    PositionReason::Reset | PositionReason::OutOfRange | PositionReason::Truncated => {
                        self.because(&self.scene.reader(told), &["consumer.auto.offset.reset"])
                    }
                };
                let what = What::Positioned { offset: *offset, why: *why, committed };
                self.step_because(event, who, what, because);
            }
            Kafka::CommitFailed { group, error } if *group == told && !self.is_past(event.at) => {
                self.step(event, who, What::CommitFailed { error: *error });
            }
            Kafka::ConsumerFailed { group, error, .. } if *group == told && !self.is_past(event.at) => {
                self.step(event, who, What::Threw { error: *error });
            }
            Kafka::Registered { .. }
            | Kafka::Fenced { .. }
            | Kafka::Unfenced { .. }
            | Kafka::PartitionChanged { .. }
            | Kafka::BecameLeader { .. }
            | Kafka::BecameFollower { .. }
            | Kafka::Truncated { .. }
            | Kafka::Recovered { .. }
            | Kafka::IsrShrinking { .. }
            | Kafka::IsrExpanding { .. }
            | Kafka::Deduplicated { .. }
            | Kafka::Retried { .. }
            | Kafka::EpochBumped { .. }
            | Kafka::GroupChanged { .. }
            | Kafka::MemberJoined { .. }
            | Kafka::MemberLeft { .. }
            | Kafka::Assigned { .. }
            | Kafka::Revoked { .. }
            | Kafka::Positioned { .. }
            | Kafka::CommitFailed { .. }
            | Kafka::ConsumerFailed { .. }
            | Kafka::ShuttingDown
            | Kafka::StorageFailed
            | Kafka::LogDigest { .. }
            | Kafka::CoordinatorReady { .. } => {}
        }
    }

    /// A fault of the scenario. Crashes, pauses and cuts tell themselves; what strikes in another way is told here.
    fn injected(&mut self, event: &Event<Fact>, injected: &Injected) {
        let Injected { fault, round, kind, whom, phase } = injected;
        match phase {
            Phase::Begins => {
                let nodes: Box<[NodeId]> =
                    if let Whom::Nodes(nodes) = whom { nodes.clone() } else { Box::default() };
                let struck = self.struck_in_story(whom);
                let told = !struck.is_empty()
                    && *kind != "heal"
                    && !self.is_over(event.at, injected)
                    && !self.shows(event.at, &nodes);
                let (fault, round, since) = (*fault, *round, event.at);
                if told {
                    let because = self.because(&Bearer::Fault(fault), &["fault"]);
                    let who = struck[0].clone();
                    let what = What::Injected { fault, fault_kind: kind, whom: struck };
                    self.step_because(event, &who, what, because);
                }
                self.faults.push(Lasting { fault, round, kind, nodes, since, told });
            }
            Phase::Ends => {
                let ended = |lasting: &Lasting| (lasting.fault, lasting.round) == (*fault, *round);
                let Some(index) = self.faults.iter().position(ended) else { return };
                let struck = self.struck_in_story(whom);
                if self.faults.remove(index).told && !struck.is_empty() && !restarts(kind) {
                    let who = struck[0].clone();
                    self.step(event, &who, What::Relieved { fault: *fault, fault_kind: kind, whom: struck });
                }
            }
            Phase::Missed(_) => {}
        }
    }

    /// Whether a fault that begins was over before the part of the past that the story tells.
    fn is_over(&self, at: Time, injected: &Injected) -> bool {
        let ends = self.events.iter().find_map(|event| match &event.fact {
            Fact::Injected(other)
                if other.phase == Phase::Ends
                    && (other.fault, other.round) == (injected.fault, injected.round) =>
            {
                Some(event.at)
            }
            Fact::Injected(_) | Fact::Life(_) | Fact::Kafka(_) | Fact::Physics(_) | Fact::ZeroMq(_) => None,
        });
        self.is_past(at) && ends.is_some_and(|ends| self.is_past(ends))
    }

    /// Whom of these the story is about, by name.
    fn struck_in_story(&self, whom: &Whom) -> Vec<String> {
        match whom {
            Whom::Nobody => Vec::new(),
            Whom::Nodes(nodes) => {
                let ours = nodes.iter().filter(|node| self.matters(**node));
                ours.map(|node| self.scene.cast.node(*node).to_owned()).collect()
            }
            Whom::Place(place) => self
                .home
                .iter()
                .filter(|home| *home == place)
                .map(|home| self.scene.stage.place_name(*home))
                .collect(),
            Whom::Channel(channel) => {
                let ours = self.home.iter().any(|place| self.scene.stage.channel_of(*place) == *channel);
                let name = || self.scene.stage.channels[channel.index()].name.clone();
                ours.then(name).into_iter().collect()
            }
            Whom::Group(group) => {
                let ours = self.focus.group == Some(*group);
                ours.then(|| self.scene.group(*group).to_owned()).into_iter().collect()
            }
        }
    }

    /// Whether one of these nodes is struck by a fact of its own at an instant.
    fn shows(&self, at: Time, nodes: &[NodeId]) -> bool {
        let begin = self.events.partition_point(|event| event.at < at);
        let now = self.events[begin..].iter().take_while(|event| event.at == at);
        now.filter_map(struck_node).any(|node| nodes.contains(&node))
    }

    /// The fault that a blow comes from: what begins at the same instant, or what has asked the node to end.
    fn fault_behind(&self, at: Time, node: NodeId, how: Blow) -> Option<u32> {
        let strikes = |lasting: &&Lasting| lasting.nodes.contains(&node);
        let now = self.faults.iter().rev().filter(strikes).find(|lasting| lasting.since == at);
        let asked = || {
            let asks = |lasting: &&Lasting| how == Blow::Ended && restarts(lasting.kind);
            self.faults.iter().rev().filter(strikes).find(asks)
        };
        now.or_else(asked).map(|lasting| lasting.fault)
    }

    fn physics(&mut self, event: &Event<Fact>, physics: &Physics) {
        let how = match physics {
            Physics::Crashed { how: Crash::Process, .. } => Some(Blow::Killed),
            Physics::Crashed { how: Crash::Power, .. } => Some(Blow::PowerLost),
            Physics::Crashed { how: Crash::Exit, .. } => Some(Blow::Ended),
            Physics::Crashed { how: Crash::DiskLoss, .. } => Some(Blow::DiskLost),
            Physics::Paused { .. } => Some(Blow::Paused),
            Physics::Cut { .. } | Physics::Refused { .. } => Some(Blow::CutOff),
            Physics::Restarted { .. }
            | Physics::Resumed { .. }
            | Physics::Healed { .. }
            | Physics::Undelivered { .. } => None,
        };
        if let (Some(how), Some(node)) = (how, struck_node(event)) {
            if !self.matters(node) || self.is_past(event.at) {
                return;
            }
            // A node that is cut off from many is cut off once.
            let cut_off = |step: &Step| {
                matches!(&step.what, What::Struck { node: of, how: Blow::CutOff, .. } if of == self.scene.cast.node(node))
                    && step.at == event.at
            };
            if how == Blow::CutOff && self.steps.iter().rev().any(cut_off) {
                return;
            }
            self.nodes.push(node);
            let fault = self.fault_behind(event.at, node, how);
            let because = fault.map_or_else(Vec::new, |k| self.because(&Bearer::Fault(k), &["fault"]));
            let node = self.scene.cast.node(node).to_owned();
            let who = node.clone();
            self.step_because(event, &who, What::Struck { node, how, fault }, because);
        } else if let Physics::Restarted { node } | Physics::Resumed { node } = physics
            && self.nodes.contains(node)
        {
            let node = self.scene.cast.node(*node).to_owned();
            let who = node.clone();
            self.step(event, &who, What::Back { node });
        }
    }
}

/// Whether a kind of fault has a process end by itself, some time after it has begun.
fn restarts(kind: &str) -> bool {
    matches!(kind, "shutdown" | "restart" | "rolling-restart" | "full-disk")
}

fn legality(leader: BrokerId, unclean: bool, before: &Partition) -> Legality {
    if unclean {
        Legality::Unclean
    } else if before.isr.contains(&leader) {
        Legality::InSync
    } else if before.elr.contains(&leader) {
        Legality::Eligible
    } else {
        Legality::LastKnown
    }
}

/// Where a record stands among some.
fn position(ids: &Ids, id: RecordId) -> Option<u64> {
    ids.runs(0, ids.len()).find_map(|run| {
        let same = run.first.source() == id.source();
        let offset =
            id.sequence().checked_sub(run.first.sequence()).filter(|by| *by < u64::from(run.records));
        offset.filter(|_| same).map(|by| u64::from(run.at) + by)
    })
}
