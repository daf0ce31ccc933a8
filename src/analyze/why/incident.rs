//! Incidents: victims that share a root are one misfortune, told once, with one of them as the example.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::kernel::{Duration, Event, Time};
use crate::scenario::origin::InForce;
use crate::trace::kafka::{Kafka, PositionReason};
use crate::trace::{Fact, GroupId, Life, PlaceId, Reason, RecordId};

use super::outcome::{Phase, Trouble, Victim};
use super::remedy::{Remedy, remedies};
use super::root::{Annals, Mechanism, Root, struck_node};
use super::say::sentence;
use super::scene::Scene;
use super::step::Step;
use super::story::{Focus, story};

/// Victims with one root.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// What came of it.
    pub trouble: Trouble,
    /// Where it began.
    pub root: Root,
    /// The victims, by place and offset.
    pub victims: Vec<Victim>,
}

/// Offsets of a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// `orders-0`
    pub place: String,
    /// The first offset.
    pub first: u64,
    /// The last offset.
    pub last: u64,
    /// How many victims lie there: fewer than offsets when others lie between them.
    pub records: u64,
}

/// One misfortune.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Incident {
    /// What came of it.
    pub trouble: Trouble,
    /// How.
    pub mechanism: Mechanism,
    /// How many records.
    pub records: u64,
    /// Where they lay.
    pub ranges: Vec<Stretch>,
    /// The group concerned, where one is.
    pub group: Option<String>,
    /// When it began, where a single event began it.
    pub began: Option<Time>,
    /// That event's serial.
    pub root: Option<u64>,
    /// What happened and why, in one sentence.
    pub sentence: String,
    /// The sentence, and what keeps the records.
    pub headline: String,
    /// The record that the story is about: `shop:1841`.
    pub example: String,
    /// Its story.
    pub steps: Vec<Step>,
    /// Settings that allowed it, each with its line.
    pub allowed_by: Vec<InForce>,
    /// What would keep the records, by the rules; `what-if` tries them.
    pub remedies: Vec<Remedy>,
    /// The one that was tried on the same seed, and did.
    pub tried: Option<Remedy>,
}

impl Incident {
    /// Takes in that a remedy was tried and that nothing of this kind happens with it.
    pub fn conclude(&mut self, tried: Remedy) {
        let them = if self.records == 1 { "it" } else { "them" };
        let seed = "tried on the same seed";
        self.headline = match self.trouble {
            Trouble::Lost => format!("{} {} keeps {them} ({seed}: none is lost).", self.sentence, tried.name),
            Trouble::Duplicated => format!("{} With {} none is ({seed}).", self.sentence, tried.name),
            Trouble::Reordered => format!("{} With {} all are in order ({seed}).", self.sentence, tried.name),
            Trouble::Late => format!("{} With {} none is late ({seed}).", self.sentence, tried.name),
        };
        self.tried = Some(tried);
    }
}

/// Groups victims by root, the largest first.
pub fn clusters(victims: &[Victim], annals: Annals<'_>) -> Vec<Cluster> {
    let mut roots = Memory::default();
    let mut found: BTreeMap<(Trouble, Mechanism, u64, Option<GroupId>), Cluster> = BTreeMap::new();
    for victim in victims {
        let root = roots.root(victim, annals);
        let key = (victim.trouble, root.mechanism, root.serial, root.group);
        let cluster = found.entry(key).or_insert_with(|| Cluster {
            trouble: victim.trouble,
            root,
            victims: Vec::new(),
        });
        cluster.victims.push(*victim);
    }
    let mut clusters: Vec<_> = found.into_values().collect();
    for cluster in &mut clusters {
        cluster.victims.sort_by_key(|victim| (victim.place, victim.offset, victim.id));
    }
    clusters.sort_by_key(|cluster| (std::cmp::Reverse(cluster.victims.len()), cluster.root));
    clusters
}

/// Whether a setting has to do with the way in which records came to grief: what a producer does is of no interest
/// when a reader went back, nor the other way round.
fn concerns(mechanism: Mechanism, one: &InForce) -> bool {
    let of_reader = one.name.starts_with("consumer.")
        || ["commit", "service", "on-error", "workers"].contains(&one.name.as_str());
    let of_producer =
        one.name.starts_with("producer.") || ["min.insync.replicas", "outbox"].contains(&one.name.as_str());
    // Which of several requests fails first matters to their order alone, and who recognises a copy to copies alone.
    let resends = matches!(mechanism, Mechanism::StoredTwice | Mechanism::RetriedOutOfOrder);
    match one.name.as_str() {
        "producer.max.in.flight.requests.per.connection" => return mechanism == Mechanism::RetriedOutOfOrder,
        "producer.enable.idempotence" | "producer.request.timeout.ms" => return resends,
        _ => {}
    }
    match mechanism {
        Mechanism::LeaderLost
        | Mechanism::LeaderMoved
        | Mechanism::UncleanElection
        | Mechanism::PowerLoss
        | Mechanism::NotAcknowledged
        | Mechanism::StoredTwice
        | Mechanism::RetriedOutOfOrder
        | Mechanism::PublishedLate
        | Mechanism::ReplicatedLate => !of_reader,
        Mechanism::CommittedUnprocessed
        | Mechanism::OffsetReset
        | Mechanism::Retention
        | Mechanism::Redelivered
        | Mechanism::ReadOutOfOrder
        | Mechanism::WaitedForReader
        | Mechanism::WorkedLong => !of_producer,
        Mechanism::PeerDied | Mechanism::Dropped => true,
    }
}

/// Victims that are alike between two events of the system have one root.
#[derive(Default)]
struct Memory(BTreeMap<Alike, Root>);

type Alike =
    (usize, Trouble, Option<Reason>, Option<Phase>, (Option<GroupId>, Option<PlaceId>), (bool, bool));

impl Memory {
    fn root(&mut self, victim: &Victim, annals: Annals<'_>) -> Root {
        // Where the log was cut depends on the offset as well.
        if victim.trouble == Trouble::Lost {
            return annals.root(victim);
        }
        let at = annals.events.partition_point(|event| event.at <= victim.at);
        let alike = (
            at,
            victim.trouble,
            victim.reason,
            victim.phase.map(|(phase, ..)| phase),
            (victim.group, victim.place),
            (victim.stored_twice, victim.overtaken),
        );
        *self.0.entry(alike).or_insert_with(|| annals.root(victim))
    }
}

impl Cluster {
    /// The record that stands for all: the first that came to grief.
    pub fn example(&self) -> &Victim {
        let first = self.victims.iter().min_by_key(|victim| (victim.at, victim.serial, victim.offset));
        first.expect("an incident has a victim")
    }

    /// Tells it. `events` are those of the system with the life of the example.
    pub fn tell(&self, scene: &Scene, events: &[Event<Fact>]) -> Incident {
        let annals = Annals { scene, events };
        let example = self.example();
        let focus = Focus {
            id: example.id,
            group: self.root.group.or(example.group),
            struck: annals.event(self.root.serial).and_then(struck_node),
            long: matches!(self.root.mechanism, Mechanism::UncleanElection | Mechanism::PowerLoss),
            until: self.until(annals),
        };
        let mut steps = story(scene, events, focus);
        let mut allowed_by: Vec<InForce> = Vec::new();
        for step in &mut steps {
            step.because.retain(|one| concerns(self.root.mechanism, one));
            let new = step.because.iter().filter(|one| !allowed_by.contains(one)).cloned();
            let new: Vec<_> = new.collect();
            allowed_by.extend(new);
        }
        let root = annals.event(self.root.serial);
        let remedies = remedies(scene, self, &steps);
        let sentence = sentence(self, scene, annals, &steps);
        Incident {
            trouble: self.trouble,
            mechanism: self.root.mechanism,
            records: self.victims.len() as u64,
            ranges: self.ranges(scene),
            group: focus.group.map(|group| scene.group(group).to_owned()),
            began: root.map(|root| root.at),
            root: root.map(|root| root.serial),
            headline: sentence.clone(),
            sentence,
            tried: None,
            example: scene.record(example.id),
            steps,
            allowed_by,
            remedies,
        }
    }

    /// Neighbouring offsets together; a gap of ten others is still the neighbourhood.
    fn ranges(&self, scene: &Scene) -> Vec<Stretch> {
        const NEAR: u64 = 10;
        let mut ranges: Vec<Stretch> = Vec::new();
        let mut last_place = None;
        for victim in &self.victims {
            let Some(place) = victim.place.filter(|place| scene.stage.has_log(*place)) else { continue };
            match ranges.last_mut() {
                Some(range) if last_place == Some(place) && victim.offset <= range.last + NEAR => {
                    range.last = range.last.max(victim.offset);
                    range.records += 1;
                }
                Some(_) | None => ranges.push(Stretch {
                    place: scene.stage.place_name(place),
                    first: victim.offset,
                    last: victim.offset,
                    records: 1,
                }),
            }
            last_place = Some(place);
        }
        ranges
    }

    /// When the story of the example is over: the record is gone, and who had it is back and has let go of it.
    fn until(&self, annals: Annals<'_>) -> Time {
        const AFTERMATH: Duration = Duration::from_secs(120);
        let example = self.example();
        let sealed = annals.event(self.root.sealed);
        let Some(sealed) = sealed else {
            return annals.event(self.root.serial).map_or(example.at, |root| root.at.max(example.at));
        };
        let after = |event: &&Event<Fact>| event.serial > sealed.serial && event.at <= sealed.at + AFTERMATH;
        let last = match self.root.mechanism {
            Mechanism::LeaderLost
            | Mechanism::LeaderMoved
            | Mechanism::UncleanElection
            | Mechanism::PowerLoss => {
                // Others may have stood behind the new leader from the beginning: the last one is who had it.
                annals.events.iter().filter(after).rfind(|event| {
                    matches!(event.fact, Fact::Kafka(Kafka::Truncated { place, to, from })
                        if Some(place) == example.place && to <= example.offset && example.offset < from)
                })
            }
            Mechanism::CommittedUnprocessed => annals.events.iter().filter(after).find(|event| {
                matches!(event.fact, Fact::Kafka(Kafka::Positioned { place, why: PositionReason::Committed, .. })
                    if Some(place) == example.place)
            }),
            Mechanism::Retention => annals.events.iter().filter(after).find(|event| {
                matches!(event.fact, Fact::Life(Life::Skipped { place, to, .. })
                    if Some(place) == example.place && to > example.offset)
            }),
            // Others had gone when the peer died, and it tells of those in its hands when it is back.
            Mechanism::PeerDied => annals.event(annals.root(example).sealed),
            Mechanism::NotAcknowledged
            | Mechanism::OffsetReset
            | Mechanism::Dropped
            | Mechanism::StoredTwice
            | Mechanism::Redelivered
            | Mechanism::RetriedOutOfOrder
            | Mechanism::ReadOutOfOrder
            | Mechanism::PublishedLate
            | Mechanism::ReplicatedLate
            | Mechanism::WaitedForReader
            | Mechanism::WorkedLong => None,
        };
        last.map_or(sealed.at, |last| last.at).max(if self.trouble == Trouble::Lost {
            sealed.at
        } else {
            example.at
        })
    }

    /// The records, for a second look at the run.
    pub fn ids(&self) -> impl Iterator<Item = RecordId> + '_ {
        self.victims.iter().map(|victim| victim.id)
    }
}
