//! What would have kept the records, by the systems' own rules. A remedy is a proposal: `what-if` tries it.

use serde::Serialize;

use crate::scenario::origin::Bearer;
use crate::scenario::units;
use crate::trace::GroupId;
use crate::trace::kafka::{GroupReason, PositionReason};

use super::incident::Cluster;
use super::root::Mechanism;
use super::scene::Scene;
use super::step::{Blow, Step, What};

/// A change of the scenario.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Remedy {
    /// As a person says it: `producer.acks = "all"` with `min.insync.replicas = 2`.
    pub name: String,
    /// As `--set` takes it.
    pub set: Vec<String>,
}

impl Remedy {
    fn new(name: impl Into<String>, set: Vec<String>) -> Self {
        Self { name: name.into(), set }
    }

    /// The name where no sentence goes on after it.
    pub fn alone(&self) -> &str {
        self.name.trim_end_matches(',')
    }
}

/// What the rules propose for an incident, the best first.
pub fn remedies(scene: &Scene, cluster: &Cluster, steps: &[Step]) -> Vec<Remedy> {
    let example = cluster.example();
    let publisher = scene.publisher(example.id);
    let topic = example.place.map(|place| scene.topic(place));
    let group = cluster.root.group.or(example.group);
    let all = match cluster.root.mechanism {
        Mechanism::LeaderLost | Mechanism::LeaderMoved | Mechanism::NotAcknowledged => {
            vec![acks_all(scene, &publisher, topic.as_ref()), more_replicas(scene, topic.as_ref())]
        }
        Mechanism::UncleanElection => vec![
            one(scene, topic.as_ref(), "unclean.leader.election.enable", "false"),
            acks_all(scene, &publisher, topic.as_ref()),
        ],
        Mechanism::PowerLoss => vec![
            // A disk that is gone has flushed in vain.
            one(scene, topic.as_ref(), "flush.messages", "1").filter(|_| !is_struck(steps, Blow::DiskLost)),
            acks_all(scene, &publisher, topic.as_ref()),
        ],
        // What threads have in hand is committed whatever the loop says.
        Mechanism::CommittedUnprocessed => {
            vec![reader(scene, group, "workers", "0"), reader(scene, group, "commit", "after")]
        }
        Mechanism::OffsetReset => vec![
            reader(scene, group, "consumer.auto.offset.reset", "earliest"),
            cluster_wide(scene, "offsets.retention.minutes", "10080").filter(|_| has_expired(steps)),
        ],
        Mechanism::Retention => vec![forever(scene, topic.as_ref()), more_members(scene, group)],
        Mechanism::StoredTwice => vec![idempotence(scene, &publisher)],
        Mechanism::RetriedOutOfOrder => vec![idempotence(scene, &publisher), in_flight(scene, &publisher)],
        Mechanism::Redelivered | Mechanism::ReadOutOfOrder => rebalance_remedies(scene, group, steps),
        Mechanism::PublishedLate | Mechanism::ReplicatedLate => {
            vec![cluster_wide(scene, "broker.session.timeout.ms", "3000")]
        }
        Mechanism::WaitedForReader => {
            let mut all = vec![more_members(scene, group)];
            all.extend(rebalance_remedies(scene, group, steps));
            all
        }
        Mechanism::WorkedLong => vec![reader(scene, group, "consumer.max.poll.records", "50")],
        // Marks make it fewer, and none is sent again.
        Mechanism::PeerDied | Mechanism::Dropped => Vec::new(),
    };
    let mut found: Vec<Remedy> = Vec::new();
    for remedy in all.into_iter().flatten().filter(|remedy| !remedy.set.is_empty()) {
        if !found.contains(&remedy) {
            found.push(remedy);
        }
    }
    found
}

fn path(scene: &Scene, bearer: &Bearer, name: &str) -> Option<(String, String)> {
    let setting = scene.setting(bearer, name)?;
    Some((setting.path.clone(), setting.value.clone()))
}

fn shown(name: &str, value: &str) -> String {
    let bare = value.parse::<i64>().is_ok() || value == "true" || value == "false";
    if bare { format!("`{name} = {value}`") } else { format!("`{name} = \"{value}\"`") }
}

/// One setting; nothing when it is so already.
fn single(scene: &Scene, bearer: &Bearer, name: &str, value: &str) -> Option<Remedy> {
    let (path, now) = path(scene, bearer, name)?;
    (now != value).then(|| Remedy::new(shown(name, value), vec![format!("{path}={value}")]))
}

/// One setting of one bearer; nothing when it is so already, or when there is no such bearer.
pub fn one(scene: &Scene, bearer: Option<&Bearer>, name: &str, value: &str) -> Option<Remedy> {
    single(scene, bearer?, name, value)
}

fn cluster_wide(scene: &Scene, name: &str, value: &str) -> Option<Remedy> {
    single(scene, &Bearer::Cluster, name, value)
}

/// acks=all is worth what min.insync.replicas makes of it.
pub fn acks_all(scene: &Scene, publisher: &Bearer, topic: Option<&Bearer>) -> Option<Remedy> {
    let (path, acks) = path(scene, publisher, "producer.acks")?;
    let mut names = Vec::new();
    let mut set = Vec::new();
    if acks != "all" && acks != "-1" {
        names.push(shown("producer.acks", "all"));
        set.push(format!("{path}=all"));
    }
    // A record that no log ever had lay in no topic.
    let Some(topic) = topic else { return (!set.is_empty()).then(|| Remedy::new(names.join(" with "), set)) };
    let replicas: u32 = scene.value(topic, "replication.factor").parse().unwrap_or(1);
    let (path, least) = self::path(scene, topic, "min.insync.replicas")?;
    if replicas >= 2 && least == "1" {
        names.push(shown("min.insync.replicas", "2"));
        set.push(format!("{path}=2"));
    } else if !set.is_empty() {
        names.push(format!("{}, as it is,", shown("min.insync.replicas", &least)));
    }
    (!set.is_empty()).then(|| Remedy::new(names.join(" with "), set))
}

/// Idempotence needs acks=all.
pub fn idempotence(scene: &Scene, publisher: &Bearer) -> Option<Remedy> {
    let (path, on) = path(scene, publisher, "producer.enable.idempotence")?;
    if on == "true" {
        return None;
    }
    let (acks_path, acks) = self::path(scene, publisher, "producer.acks")?;
    let mut names = vec![shown("producer.enable.idempotence", "true")];
    let mut set = vec![format!("{path}=true")];
    if acks != "all" && acks != "-1" {
        names.push(shown("producer.acks", "all"));
        set.push(format!("{acks_path}=all"));
    }
    Some(Remedy::new(names.join(" with "), set))
}

/// One request at a time.
pub fn in_flight(scene: &Scene, publisher: &Bearer) -> Option<Remedy> {
    single(scene, publisher, "producer.max.in.flight.requests.per.connection", "1")
}

/// One replica more, where there is a broker for it.
pub fn more_replicas(scene: &Scene, topic: Option<&Bearer>) -> Option<Remedy> {
    let topic = topic?;
    let replicas: u32 = scene.value(topic, "replication.factor").parse().ok()?;
    let brokers: u32 = scene.value(&Bearer::Cluster, "brokers").parse().ok()?;
    let more = (replicas + 1).to_string();
    (replicas < brokers).then(|| single(scene, topic, "replication.factor", &more)).flatten()
}

/// Twice as many members of each reading entry.
pub fn more_members(scene: &Scene, group: Option<GroupId>) -> Option<Remedy> {
    let bearer = scene.reader(group?);
    let now: u32 = scene.value(&bearer, "instances").parse().ok()?;
    let most: u32 = scene.stage.groups[group?.index()]
        .reads
        .iter()
        .map(|channel| scene.stage.channels[channel.index()].places)
        .sum();
    let more = (now * 2).min(most);
    (more > now).then(|| single(scene, &bearer, "instances", &more.to_string())).flatten()
}

fn forever(scene: &Scene, topic: Option<&Bearer>) -> Option<Remedy> {
    let topic = topic?;
    let (bytes_path, bytes) = path(scene, topic, "retention.bytes")?;
    let (time_path, time) = path(scene, topic, "retention.ms")?;
    let mut names = Vec::new();
    let mut set = Vec::new();
    if bytes != "-1" {
        names.push(shown("retention.bytes", "-1"));
        set.push(format!("{bytes_path}=-1"));
    }
    if time != "-1" && scene.setting(topic, "retention.ms").is_some_and(|one| one.origin.is_written()) {
        names.push(shown("retention.ms", "-1"));
        set.push(format!("{time_path}=-1"));
    }
    Some(Remedy::new(names.join(" with "), set))
}

/// The same setting for every entry that reads as the group.
pub fn reader(scene: &Scene, group: Option<GroupId>, name: &str, value: &str) -> Option<Remedy> {
    let entries = scene.readers.get(group?.index())?;
    let set: Vec<_> = entries
        .iter()
        .filter_map(|entry| single(scene, &Bearer::Entry(entry.clone()), name, value))
        .flat_map(|remedy| remedy.set)
        .collect();
    (!set.is_empty()).then(|| Remedy::new(shown(name, value), set))
}

/// What keeps a member in its group, or the partition with it, by the way in which it left.
fn rebalance_remedies(scene: &Scene, group: Option<GroupId>, steps: &[Step]) -> Vec<Option<Remedy>> {
    let after = reader(scene, group, "commit", "after");
    if is_out(steps, GroupReason::PollTimeout) {
        return vec![
            fewer_records(scene, group),
            reader(scene, group, "consumer.max.poll.interval.ms", "1800000"),
            after,
        ];
    }
    if is_out(steps, GroupReason::SessionTimeout) {
        // Who stands still or is dead is replaced when its session ends, whatever the assignor and its name. What the dead
        // had not committed is done again however long that takes: only less can be left uncommitted.
        let dead = is_struck(steps, Blow::Killed) || is_struck(steps, Blow::PowerLost);
        let remedies =
            if dead { [after, fewer_records(scene, group)] } else { [longer_session(scene, group), after] };
        return remedies.into();
    }
    vec![
        reader(scene, group, "consumer.partition.assignment.strategy", "cooperative-sticky"),
        reader(scene, group, "consumer.group.instance.id", "member"),
        after,
    ]
}

fn is_out(steps: &[Step], why: GroupReason) -> bool {
    steps.iter().any(|step| matches!(step.what, What::Left { why: of } if of == why))
}

/// Whether what a group had committed was forgotten while it was away.
pub(super) fn has_expired(steps: &[Step]) -> bool {
    steps.iter().any(|step| {
        matches!(step.what, What::Positioned { why: PositionReason::Reset, .. })
            && step.because.iter().any(|one| one.name == "offsets.retention.minutes")
    })
}

fn is_struck(steps: &[Step], by: Blow) -> bool {
    steps.iter().any(|step| matches!(step.what, What::Struck { how, .. } if how == by))
}

/// A tenth of what a poll hands over now.
fn fewer_records(scene: &Scene, group: Option<GroupId>) -> Option<Remedy> {
    let now: u32 = scene.value(&scene.reader(group?), "consumer.max.poll.records").parse().ok()?;
    let fewer = (now / 10).max(1);
    (fewer < now).then(|| reader(scene, group, "consumer.max.poll.records", &fewer.to_string())).flatten()
}

/// A minute, or what brokers let a session last at most unless told otherwise (`group.max.session.timeout.ms`).
fn longer_session(scene: &Scene, group: Option<GroupId>) -> Option<Remedy> {
    const MINUTE: u64 = 60_000;
    const MOST: u64 = 1_800_000;
    let text = scene.value(&scene.reader(group?), "consumer.session.timeout.ms");
    let now = text.parse().ok().or_else(|| Some(units::duration(text).ok()?.as_nanos() / 1_000_000))?;
    let longer = [MINUTE, MOST].into_iter().find(|longer| *longer > now)?;
    reader(scene, group, "consumer.session.timeout.ms", &longer.to_string())
}
