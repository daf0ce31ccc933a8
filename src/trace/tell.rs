//! Facts in words: one line for those that a person wants to read as they happen.

use std::fmt::Write as _;

use crate::kernel::{Cast, Crash, Event, Physics};

use super::kafka::{BrokerId, GroupReason, GroupState, Kafka};
use super::life::Life;
use super::mqtt::{Mqtt, Parting};
use super::row::variant_name;
use super::stage::Stage;
use super::zeromq::ZeroMq;
use super::{Commanded, Fact, Injected, Phase, PlaceId, Whom};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Good to know.
    Info,
    /// Look at this.
    Warning,
    /// Something went wrong.
    Error,
    /// Somebody made it go wrong.
    Fault,
}

/// A fact in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// How much it matters.
    pub weight: Weight,
    /// One word for its kind.
    pub tag: &'static str,
    /// The rest of the line.
    pub text: String,
}

/// Tells a notable fact; nothing for the everyday ones.
pub fn tell(event: &Event<Fact>, stage: &Stage, cast: &Cast) -> Option<Told> {
    match &event.fact {
        Fact::Physics(physics) => tell_physics(physics, cast),
        Fact::Life(life) => tell_life(life, stage),
        Fact::Kafka(kafka) => tell_kafka(kafka, cast.actor(event.actor), stage),
        Fact::Mqtt(mqtt) => tell_mqtt(mqtt, cast.actor(event.actor), stage),
        Fact::ZeroMq(zeromq) => tell_zeromq(zeromq, cast.actor(event.actor), cast),
        Fact::Injected(injected) => Some(tell_injected(injected, stage, cast)),
        Fact::Commanded(commanded) => tell_commanded(commanded, cast),
    }
}

fn tell_injected(injected: &Injected, stage: &Stage, cast: &Cast) -> Told {
    let (kind, whom) = (injected.kind, whom_name(&injected.whom, stage, cast));
    let (weight, text) = match injected.phase {
        Phase::Begins => (Weight::Fault, format!("{kind} on {whom}")),
        Phase::Ends => (Weight::Info, format!("{kind} on {whom} is over")),
        Phase::Missed(why) => (Weight::Warning, format!("{kind} struck nobody: {}", why.means())),
    };
    Told { weight, tag: "fault", text }
}

fn tell_commanded(commanded: &Commanded, cast: &Cast) -> Option<Told> {
    let Commanded { node, act, took, failed } = commanded;
    let node = cast.node(*node);
    match failed {
        None => told(Weight::Info, "command", format!("{act} on {node} took {took}")),
        Some(why) => told(Weight::Error, "command", format!("{act} on {node} failed: {why}")),
    }
}

/// How many nodes are named before the rest is counted.
const NAMED: usize = 3;

/// Whom a fault strikes, in words.
pub fn whom_name(whom: &Whom, stage: &Stage, cast: &Cast) -> String {
    match whom {
        Whom::Nobody => "nobody".to_owned(),
        Whom::Nodes(nodes) => {
            let named: Vec<_> = nodes.iter().take(NAMED).map(|node| cast.node(*node)).collect();
            let rest = nodes.len() - named.len();
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            named.join(", ") + &more
        }
        Whom::Place(place) => stage.place_name(*place),
        Whom::Channel(channel) => stage.channels[channel.index()].name.clone(),
        Whom::Group(group) => stage.groups[group.index()].name.clone(),
    }
}

fn told(weight: Weight, tag: &'static str, text: String) -> Option<Told> {
    Some(Told { weight, tag, text })
}

fn tell_physics(physics: &Physics, cast: &Cast) -> Option<Told> {
    let node = |id| cast.node(id);
    match *physics {
        Physics::Crashed { node: id, how: Crash::Process } => {
            told(Weight::Fault, "crash", format!("{}: process killed", node(id)))
        }
        Physics::Crashed { node: id, how: Crash::Power } => {
            told(Weight::Fault, "crash", format!("{}: power lost", node(id)))
        }
        Physics::Crashed { node: id, how: Crash::Exit } => {
            told(Weight::Fault, "exit", format!("{}: shut down", node(id)))
        }
        Physics::Crashed { node: id, how: Crash::DiskLoss } => {
            told(Weight::Fault, "crash", format!("{}: disk lost", node(id)))
        }
        Physics::Restarted { node: id } => told(Weight::Info, "restart", node(id).to_owned()),
        Physics::Paused { node: id } => told(Weight::Fault, "pause", node(id).to_owned()),
        Physics::Resumed { node: id } => told(Weight::Info, "resume", node(id).to_owned()),
        Physics::Cut { from, to } => told(Weight::Fault, "cut", format!("{} to {}", node(from), node(to))),
        Physics::Healed { from, to } => told(Weight::Info, "heal", format!("{} to {}", node(from), node(to))),
        Physics::Refused { from, to } => {
            told(Weight::Fault, "refuse", format!("{} by {}", node(from), node(to)))
        }
        Physics::Undelivered { .. } => None,
    }
}

fn tell_life(life: &Life, stage: &Stage) -> Option<Told> {
    match life {
        Life::Rejected { ids, why } => {
            told(Weight::Error, "reject", format!("{}: {}", records(ids.len()), why.means()))
        }
        Life::Unknown { ids, why } => told(
            Weight::Error,
            "unknown",
            format!("{}: {}; perhaps in the log", records(ids.len()), why.means()),
        ),
        Life::Cut { place, from, why, .. } => told(
            Weight::Warning,
            "cut",
            format!("{} ends at {from}: {}", stage.place_name(*place), why.means()),
        ),
        Life::Expired { place, below, .. } => {
            told(Weight::Info, "expire", format!("{} begins at {below}", stage.place_name(*place)))
        }
        Life::Dropped { ids, why } => {
            told(Weight::Error, "drop", format!("{}: {}", records(ids.len()), why.means()))
        }
        Life::DeadLettered { ids, why } => {
            told(Weight::Warning, "dead", format!("{}: {}", records(ids.len()), why.means()))
        }
        Life::Skipped { group, place, to, why } => {
            let (group, place) = (&stage.groups[group.index()].name, stage.place_name(*place));
            told(Weight::Warning, "skip", format!("{group} goes on at {place} {to}: {}", why.means()))
        }
        Life::Failed { ids, group, place, offset, why } => {
            let (group, place) = (&stage.groups[group.index()].name, stage.place_name(*place));
            let what = records(ids.len());
            told(Weight::Error, "fail", format!("{group} at {place} {offset}: {what}: {}", why.means()))
        }
        Life::Missed { ids, group, why, .. } => {
            let group = &stage.groups[group.index()].name;
            told(Weight::Error, "miss", format!("{group}: {}: {}", records(ids.len()), why.means()))
        }
        Life::Resent { channel, ids } => {
            let channel = &stage.channels[channel.index()].name;
            told(Weight::Warning, "resend", format!("{} to {channel} once more", records(ids.len())))
        }
        Life::Withheld { channel, records: count } => {
            let channel = &stage.channels[channel.index()].name;
            told(Weight::Warning, "withheld", format!("{} to {channel} not offered in time", records(*count)))
        }
        Life::Offered { .. }
        | Life::Accepted { .. }
        | Life::Stored { .. }
        | Life::Committed { .. }
        | Life::Delivered { .. }
        | Life::Processed { .. }
        | Life::Settled { .. }
        | Life::Acknowledged { .. }
        | Life::Ignored { .. } => None,
    }
}

fn records(count: u32) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}

fn tell_kafka(kafka: &Kafka, who: &str, stage: &Stage) -> Option<Told> {
    let place = |id: PlaceId| stage.place_name(id);
    let internal = |id: PlaceId| stage.channels[stage.channel_of(id).index()].internal;
    match kafka {
        Kafka::Fenced { broker } => {
            told(Weight::Warning, "fence", format!("broker-{} out of service", broker.0))
        }
        Kafka::Unfenced { broker } => {
            told(Weight::Info, "unfence", format!("broker-{} in service", broker.0))
        }
        Kafka::PartitionChanged { place: id, leader, unclean, leader_epoch, isr, .. } if !internal(*id) => {
            let leader =
                leader.map_or_else(|| "no leader".to_owned(), |leader| format!("leader {}", leader.0));
            let weight = if *unclean { Weight::Error } else { Weight::Info };
            let unclean = if *unclean { ", UNCLEAN" } else { "" };
            told(
                weight,
                "elect",
                format!("{} {leader} epoch {leader_epoch} isr {}{unclean}", place(*id), list(isr)),
            )
        }
        Kafka::Truncated { place: id, to, from } if !internal(*id) => {
            told(Weight::Warning, "truncate", format!("{who} {} from {from} to {to}", place(*id)))
        }
        Kafka::Recovered { partitions_cut, records_cut } if *records_cut > 0 => told(
            Weight::Warning,
            "recover",
            format!("{who}: {records_cut} records on {partitions_cut} partitions were not on disk"),
        ),
        Kafka::IsrShrinking { place: id, to } if !internal(*id) => {
            told(Weight::Warning, "isr", format!("{} shrinks to {}", place(*id), list(to)))
        }
        Kafka::IsrExpanding { place: id, to } if !internal(*id) => {
            told(Weight::Info, "isr", format!("{} grows to {}", place(*id), list(to)))
        }
        Kafka::GroupChanged { group, to, generation, members, why, .. } => {
            let name = &stage.groups[group.index()].name;
            let state = state_name(*to);
            let plural = if *members == 1 { "" } else { "s" };
            let text =
                format!("{name} {state} g{generation} {members} member{plural}: {}", reason_name(*why));
            told(Weight::Info, "group", text)
        }
        Kafka::MemberLeft { group, why, .. } => {
            let name = &stage.groups[group.index()].name;
            told(Weight::Warning, "left", format!("{name}: {}", reason_name(*why)))
        }
        Kafka::Assigned { group, places, .. } => {
            let name = &stage.groups[group.index()].name;
            told(Weight::Info, "assign", format!("{who} ({name}) owns {} partitions", places.len()))
        }
        Kafka::CommitFailed { group, error } => {
            let name = &stage.groups[group.index()].name;
            told(Weight::Error, "commit", format!("{name}: {error:?}"))
        }
        Kafka::ConsumerFailed { group, places, error } => {
            let name = &stage.groups[group.index()].name;
            let mut text = format!("{who} ({name}) threw {}", variant_name(error));
            for (index, id) in places.iter().enumerate() {
                text += if index == 0 { " at " } else { ", " };
                text += &place(*id);
            }
            told(Weight::Error, "stop", text)
        }
        Kafka::EpochBumped { epoch } => {
            told(Weight::Warning, "epoch", format!("{who} goes on with epoch {epoch}"))
        }
        Kafka::ShuttingDown => told(Weight::Info, "leaving", format!("{who} wants its leaderships moved")),
        Kafka::StorageFailed => told(Weight::Error, "disk", format!("{who}: no space left, it halts")),
        Kafka::CoordinatorReady { groups, .. } if *groups > 0 => {
            told(Weight::Info, "coord", format!("{who} coordinates {groups} groups"))
        }
        Kafka::Registered { .. }
        | Kafka::PartitionChanged { .. }
        | Kafka::Truncated { .. }
        | Kafka::IsrShrinking { .. }
        | Kafka::IsrExpanding { .. }
        | Kafka::Recovered { .. }
        | Kafka::BecameLeader { .. }
        | Kafka::BecameFollower { .. }
        | Kafka::Deduplicated { .. }
        | Kafka::Retried { .. }
        | Kafka::MemberJoined { .. }
        | Kafka::Revoked { .. }
        | Kafka::CoordinatorReady { .. }
        | Kafka::LogDigest { .. }
        | Kafka::Positioned { .. } => None,
    }
}

fn list(brokers: &[BrokerId]) -> String {
    let mut text = String::from("{");
    for (index, broker) in brokers.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(text, "{comma}{}", broker.0).expect("a string takes everything");
    }
    text + "}"
}

/// The state as Kafka's tools write it.
pub fn state_name(state: GroupState) -> &'static str {
    match state {
        GroupState::Empty => "Empty",
        GroupState::PreparingRebalance => "PreparingRebalance",
        GroupState::CompletingRebalance => "CompletingRebalance",
        GroupState::Stable => "Stable",
        GroupState::Dead => "Dead",
    }
}

/// A reason in words.
pub fn reason_name(why: GroupReason) -> &'static str {
    match why {
        GroupReason::MemberJoined => "a member joined",
        GroupReason::MemberLeft => "a member left",
        GroupReason::SessionTimeout => "no heartbeat within session.timeout.ms",
        GroupReason::PollTimeout => "no poll within max.poll.interval.ms",
        GroupReason::RebalanceTimeout => "a member did not rejoin in time",
        GroupReason::SyncTimeout => "a member did not ask for its assignment in time",
        GroupReason::MemberRejoined => "a member rejoined",
        GroupReason::StaticMemberReplaced => "a static member came back",
        GroupReason::MetadataChanged => "subscriptions or partitions changed",
        GroupReason::AllJoined => "all members joined",
        GroupReason::Assigned => "the assignment arrived",
        GroupReason::Loaded => "loaded by a new coordinator",
        GroupReason::CooperativeRevocation => "partitions change hands",
    }
}

fn tell_zeromq(zeromq: &ZeroMq, who: &str, cast: &Cast) -> Option<Told> {
    match zeromq {
        ZeroMq::Connected { peer } => {
            told(Weight::Info, "connect", format!("{who} and {}", cast.actor(*peer)))
        }
        ZeroMq::Disconnected { peer, lost } => {
            let weight = if *lost > 0 { Weight::Error } else { Weight::Warning };
            told(weight, "hang up", format!("{who} and {}: {lost} messages destroyed", cast.actor(*peer)))
        }
        ZeroMq::Blocked => {
            told(Weight::Warning, "block", format!("{who}: every pipe is full or there is none"))
        }
        ZeroMq::Unblocked => told(Weight::Info, "unblock", who.to_owned()),
    }
}

fn tell_mqtt(mqtt: &Mqtt, who: &str, stage: &Stage) -> Option<Told> {
    match mqtt {
        Mqtt::Connected { session_present, .. } => {
            let session = if *session_present { "its session is there" } else { "a new session" };
            told(Weight::Info, "connect", format!("{who}: {session}"))
        }
        Mqtt::Disconnected { how: Parting::Asked } => told(Weight::Info, "leave", who.to_owned()),
        Mqtt::Disconnected { how: Parting::Died } => {
            told(Weight::Warning, "hang up", format!("{who}: without DISCONNECT"))
        }
        Mqtt::Disconnected { how: Parting::Broken(why) } => {
            told(Weight::Warning, "hang up", format!("{who}: {why}"))
        }
        Mqtt::Unreachable { why } => told(Weight::Error, "connect", format!("{who}: {why}")),
        Mqtt::Subscribed { filter, granted: Some(qos) } => {
            told(Weight::Info, "subscribe", format!("{who}: {filter} at QoS {}", qos.level()))
        }
        Mqtt::Subscribed { filter, granted: None } => {
            told(Weight::Error, "subscribe", format!("{who}: {filter} is refused"))
        }
        Mqtt::Published { record, dup: true, .. } => {
            told(Weight::Warning, "resend", format!("{who}: {record} with DUP"))
        }
        Mqtt::Received { record, group, dup: true, .. } => {
            let group = &stage.groups[group.index()].name;
            told(Weight::Warning, "again", format!("{group}: {record} with DUP"))
        }
        Mqtt::Recognised { record, .. } => {
            told(Weight::Info, "again", format!("{who}: {record} is known, and not handed over again"))
        }
        Mqtt::Will { of, topic, .. } => told(Weight::Warning, "will", format!("of {of} on {topic}")),
        Mqtt::Blocked => told(Weight::Warning, "block", format!("{who}: no room")),
        Mqtt::Unblocked => told(Weight::Info, "unblock", who.to_owned()),
        Mqtt::Published { .. } | Mqtt::Received { .. } | Mqtt::Answered { .. } | Mqtt::Replied { .. } => None,
    }
}
