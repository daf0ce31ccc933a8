//! Facts and records as flat rows: what a table has columns for.
//!
//! A [`FactRow`] holds a fact in the words of one wide table; a field that the fact does not speak of is none.
//! A [`RecordRow`] holds the whole life of one record.
//!
//! **Invariant.** The row of a fact says everything that the fact says, except what a record carries (its body).

use serde::Serialize;
use serde_json::json;

use super::few::Few;
use super::kafka::{BrokerId, Kafka, MemberId};
use super::life::{Life, Reason};
use super::mqtt::{Answer, Mqtt, Parting};
use super::record::{Ids, RecordId, Span};
use super::stage::{ChannelId, GroupId, PlaceId, Stage};
use super::zeromq::ZeroMq;
use super::{Commanded, Fact, Injected, Phase, Whom};
use crate::kernel::{ActorId, Crash, NodeId, Physics, Time};

pub use back::{Beside, WrittenRow};
pub use name::variant_name;

mod back;
mod name;

/// A fact as a row of the table of facts.
#[derive(Clone, Debug, PartialEq)]
pub struct FactRow<'a> {
    /// Whose words: `life`, `kafka`, `zeromq`, `mqtt`, `physics` or `fault`.
    pub system: &'static str,
    /// What happened, in lower case with hyphens: `stored`, `partition-changed`.
    pub kind: &'static str,
    /// To which records: the first of them.
    pub first: Option<RecordId>,
    /// How many.
    pub records: Option<u32>,
    /// All of them, when they are not consecutive ones of a source.
    pub list: Option<&'a Span>,
    /// On which channel, when the place does not say it.
    pub channel: Option<ChannelId>,
    /// In which place.
    pub place: Option<PlaceId>,
    /// The offset of the first record concerned.
    pub offset: Option<u64>,
    /// The offset behind the last record concerned.
    pub upto: Option<u64>,
    /// Bytes of keys and values.
    pub bytes: Option<u64>,
    /// Which group.
    pub group: Option<GroupId>,
    /// Which member of it.
    pub member: Option<u64>,
    /// Which broker, by its `node.id`.
    pub broker: Option<u32>,
    /// Which node.
    pub node: Option<NodeId>,
    /// The other end of a path between nodes, or of a pipe between actors.
    pub peer: Option<Peer>,
    /// The leader epoch.
    pub leader_epoch: Option<u32>,
    /// The generation of the group.
    pub generation: Option<u32>,
    /// Why, in the system's own word.
    pub reason: Option<&'static str>,
    /// What no column holds, as a JSON object.
    pub detail: Option<String>,
}

/// The other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A node.
    Node(NodeId),
    /// An actor.
    Actor(ActorId),
}

/// What one group did with a record. Times are [`Time::NEVER`] when they did not come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LegRow {
    /// First handed over.
    pub delivered: Time,
    /// First processed.
    pub processed: Time,
    /// First covered by a settlement.
    pub settled: Time,
    /// How often it was handed over.
    pub attempts: u16,
    /// How often it was processed.
    pub times_processed: u16,
    /// Why the group went past it without seeing it.
    pub skipped: Option<Reason>,
}

/// The life of a record. Times are [`Time::NEVER`] when they did not come.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordRow {
    /// Which; the first of them where the row stands for several.
    pub id: RecordId,
    /// For how many neighbours of the source it stands, to which the same happened. They have the next numbers and, where a
    /// log had them, the next offsets.
    pub count: u32,
    /// Where it was last appended.
    pub place: Option<PlaceId>,
    /// At which offset; means nothing without a place.
    pub offset: u64,
    /// murmur2 of its key.
    pub key_hash: Option<i32>,
    /// Bytes of key and value; 0 when no log ever had it.
    pub bytes: u32,
    /// When the application handed it over.
    pub offered: Time,
    /// When the client knew that the system has it.
    pub accepted: Time,
    /// When it was first appended.
    pub stored: Time,
    /// When it was first committed.
    pub committed: Time,
    /// How many copies lie in the readable log.
    pub copies: u16,
    /// What became of it: `settled`, `lost`, `dropped`, `rejected`, `dead-lettered` or `in-flight`.
    pub fate: &'static str,
    /// Its cause, or for a record in flight how far it has come.
    pub reason: Option<&'static str>,
    /// What each reading group did with it, in the order of [`super::Stage::readers`].
    pub legs: Few<LegRow>,
}

impl<'a> FactRow<'a> {
    /// The row of an event's fact, with names from the stage where only words will do.
    pub fn of(fact: &'a Fact, stage: &Stage) -> Self {
        match fact {
            Fact::Physics(fact) => physics(fact),
            Fact::Life(fact) => life(fact),
            Fact::Kafka(fact) => kafka(fact, stage),
            Fact::ZeroMq(fact) => zeromq(fact),
            Fact::Mqtt(fact) => mqtt(fact),
            Fact::Injected(fact) => injected(fact),
            Fact::Commanded(fact) => commanded(fact),
        }
    }

    fn new(system: &'static str, kind: &'static str) -> Self {
        Self {
            system,
            kind,
            first: None,
            records: None,
            list: None,
            channel: None,
            place: None,
            offset: None,
            upto: None,
            bytes: None,
            group: None,
            member: None,
            broker: None,
            node: None,
            peer: None,
            leader_epoch: None,
            generation: None,
            reason: None,
            detail: None,
        }
    }

    fn ids(mut self, ids: &'a Ids) -> Self {
        self.records = Some(ids.len());
        match ids {
            Ids::Range { first, .. } => self.first = Some(*first),
            Ids::Span(span) => {
                self.first = span.records().first().map(|record| record.id);
                self.list = (!is_consecutive(span)).then_some(span);
            }
        }
        self
    }

    fn place(self, place: PlaceId) -> Self {
        Self { place: Some(place), ..self }
    }

    fn offset(self, offset: u64) -> Self {
        Self { offset: Some(offset), ..self }
    }

    fn upto(self, upto: u64) -> Self {
        Self { upto: Some(upto), ..self }
    }

    fn group(self, group: GroupId) -> Self {
        Self { group: Some(group), ..self }
    }

    fn member(self, member: MemberId) -> Self {
        Self { member: Some(member.0), ..self }
    }

    fn broker(self, broker: BrokerId) -> Self {
        Self { broker: Some(broker.0), ..self }
    }

    fn node(self, node: NodeId) -> Self {
        Self { node: Some(node), ..self }
    }

    fn leader_epoch(self, epoch: u32) -> Self {
        Self { leader_epoch: Some(epoch), ..self }
    }

    fn generation(self, generation: u32) -> Self {
        Self { generation: Some(generation), ..self }
    }

    fn why(self, why: impl Serialize) -> Self {
        Self { reason: Some(variant_name(why)), ..self }
    }

    fn detail(self, detail: serde_json::Value) -> Self {
        Self { detail: Some(detail.to_string()), ..self }
    }
}

/// Whether the span's records are consecutive ones of a source.
fn is_consecutive(span: &Span) -> bool {
    span.records().windows(2).all(|pair| pair[0].id.to_bits() + 1 == pair[1].id.to_bits())
}

fn physics(fact: &Physics) -> FactRow<'static> {
    let row = |kind| FactRow::new("physics", kind);
    let path = |kind, from, to| FactRow { peer: Some(Peer::Node(to)), ..row(kind).node(from) };
    match *fact {
        Physics::Crashed { node, how } => FactRow { reason: Some(crash(how)), ..row("crashed").node(node) },
        Physics::Restarted { node } => row("restarted").node(node),
        Physics::Paused { node } => row("paused").node(node),
        Physics::Resumed { node } => row("resumed").node(node),
        Physics::Cut { from, to } => path("cut-off", from, to),
        Physics::Healed { from, to } => path("healed", from, to),
        Physics::Refused { from, to } => path("refused", from, to),
        Physics::Undelivered { from, to } => path("undelivered", from, to),
    }
}

fn injected(fact: &Injected) -> FactRow<'static> {
    let mut detail = json!({ "fault": fact.fault, "round": fact.round });
    if let Phase::Missed(why) = fact.phase {
        detail["missed"] = json!(variant_name(why));
    }
    let row = FactRow { reason: Some(fact.kind), ..FactRow::new("fault", fact.phase.name()) };
    let row = match &fact.whom {
        Whom::Nobody => row,
        Whom::Nodes(nodes) => {
            if nodes.len() > 1 {
                detail["nodes"] = json!(nodes);
            }
            FactRow { node: fact.whom.node(), ..row }
        }
        Whom::Place(place) => row.place(*place),
        Whom::Channel(channel) => FactRow { channel: Some(*channel), ..row },
        Whom::Group(group) => row.group(*group),
    };
    row.detail(detail)
}

fn commanded(fact: &Commanded) -> FactRow<'static> {
    let row = FactRow { reason: Some(fact.act), ..FactRow::new("fault", fact.name()) };
    let mut detail = json!({ "took_ns": fact.took.as_nanos() });
    if let Some(why) = &fact.failed {
        detail["failed"] = json!(why);
    }
    row.node(fact.node).detail(detail)
}

fn zeromq(fact: &ZeroMq) -> FactRow<'static> {
    let row = |kind| FactRow::new("zeromq", kind);
    let pipe = |kind, peer| FactRow { peer: Some(Peer::Actor(peer)), ..row(kind) };
    match *fact {
        ZeroMq::Connected { peer } => pipe("connected", peer),
        ZeroMq::Disconnected { peer, lost } => pipe("disconnected", peer).detail(json!({ "lost": lost })),
        ZeroMq::Blocked => row("blocked"),
        ZeroMq::Unblocked => row("unblocked"),
    }
}

fn mqtt(fact: &Mqtt) -> FactRow<'_> {
    let row = |kind| FactRow::new("mqtt", kind);
    let of = |kind, record| FactRow { first: record, records: record.map(|_| 1), ..row(kind) };
    match fact {
        Mqtt::Connected { session_present, receive_maximum } => row("connected")
            .detail(json!({ "session_present": session_present, "receive_maximum": receive_maximum })),
        Mqtt::Disconnected { how: Parting::Broken(why) } => {
            FactRow { reason: Some("broken"), ..row("disconnected") }.detail(json!({ "told": why }))
        }
        Mqtt::Disconnected { how: Parting::Asked } => {
            FactRow { reason: Some("asked"), ..row("disconnected") }
        }
        Mqtt::Disconnected { how: Parting::Died } => FactRow { reason: Some("died"), ..row("disconnected") },
        Mqtt::Unreachable { why } => row("unreachable").detail(json!({ "told": why })),
        Mqtt::Subscribed { filter, granted } => row("subscribed")
            .detail(json!({ "filter": filter, "granted_qos": granted.map(super::mqtt::Qos::level) })),
        Mqtt::Published { record, packet, qos, dup } => {
            of("published", Some(*record)).detail(json!({ "packet": packet, "qos": qos.level(), "dup": dup }))
        }
        Mqtt::Answered { record, packet, with, matched } => {
            of(answer(*with), Some(*record)).detail(json!({ "packet": packet, "matched": matched }))
        }
        Mqtt::Received { record, group, packet, qos, dup, retain } => of("received", Some(*record))
            .group(*group)
            .detail(json!({ "packet": packet, "qos": qos.level(), "dup": dup, "retain": retain })),
        Mqtt::Recognised { record, packet } => {
            of("recognised", Some(*record)).detail(json!({ "packet": packet }))
        }
        Mqtt::Replied { record, packet, with } => {
            FactRow { reason: Some(answer(*with)), ..of("replied", *record) }
                .detail(json!({ "packet": packet }))
        }
        Mqtt::Will { of, topic, retain } => {
            row("will").detail(json!({ "of": of, "topic": topic, "retain": retain }))
        }
        Mqtt::Blocked => row("blocked"),
        Mqtt::Unblocked => row("unblocked"),
    }
}

fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::PubAck => "puback",
        Answer::PubRec => "pubrec",
        Answer::PubComp => "pubcomp",
    }
}

fn life(fact: &Life) -> FactRow<'_> {
    let row = |kind| FactRow::new("life", kind);
    match fact {
        Life::Offered { channel, first, records, bytes } => FactRow {
            first: Some(*first),
            records: Some(*records),
            channel: Some(*channel),
            bytes: Some(*bytes),
            ..row("offered")
        },
        Life::Accepted { ids, place, offset } => {
            FactRow { place: *place, offset: *offset, ..row("accepted").ids(ids) }
        }
        Life::Rejected { ids, why } => row("rejected").ids(ids).why(why),
        Life::Unknown { ids, why } => row("unknown").ids(ids).why(why),
        Life::Stored { ids, place, offset } => row("stored").ids(ids).place(*place).offset(*offset),
        Life::Committed { place, upto } => row("committed").place(*place).upto(*upto),
        Life::Cut { place, from, why, log } => {
            let cut = row("cut").place(*place).offset(*from).why(why);
            match log {
                Some(log) => cut.detail(json!({ "log": log })),
                None => cut,
            }
        }
        Life::Expired { place, below, why } => row("expired").place(*place).upto(*below).why(why),
        Life::Dropped { ids, why } => row("dropped").ids(ids).why(why),
        Life::DeadLettered { ids, why } => row("dead-lettered").ids(ids).why(why),
        Life::Delivered { ids, group, place, offset } => {
            row("delivered").ids(ids).group(*group).place(*place).offset(*offset)
        }
        Life::Processed { ids, group, place, offset } => {
            row("processed").ids(ids).group(*group).place(*place).offset(*offset)
        }
        Life::Settled { group, place, upto } => row("settled").group(*group).place(*place).upto(*upto),
        Life::Acknowledged { ids, group, place } => row("acknowledged").ids(ids).group(*group).place(*place),
        Life::Missed { ids, group, place, why } => {
            row("missed").ids(ids).group(*group).place(*place).why(why)
        }
        Life::Failed { ids, group, place, offset, why } => {
            row("failed").ids(ids).group(*group).place(*place).offset(*offset).why(why)
        }
        Life::Resent { channel, ids } => FactRow { channel: Some(*channel), ..row("resent").ids(ids) },
        Life::Withheld { channel, records } => {
            FactRow { channel: Some(*channel), records: Some(*records), ..row("withheld") }
        }
        Life::Skipped { group, place, to, why } => {
            row("skipped").group(*group).place(*place).upto(*to).why(why)
        }
    }
}

fn crash(how: Crash) -> &'static str {
    match how {
        Crash::Process => "process-kill",
        Crash::Power => "power-loss",
        Crash::Exit => "shutdown",
        Crash::DiskLoss => "disk-loss",
    }
}

/// A table, one arm a fact.
fn kafka<'a>(fact: &'a Kafka, stage: &Stage) -> FactRow<'a> {
    let row = |kind| FactRow::new("kafka", kind);
    let names = |places: &[PlaceId]| places.iter().map(|place| stage.place_name(*place)).collect::<Vec<_>>();
    match fact {
        Kafka::Registered { broker, epoch } => {
            row("broker-registered").broker(*broker).detail(json!({ "broker_epoch": epoch }))
        }
        Kafka::Fenced { broker } => row("broker-fenced").broker(*broker),
        Kafka::Unfenced { broker } => row("broker-unfenced").broker(*broker),
        Kafka::PartitionChanged { place, leader, unclean, leader_epoch, partition_epoch, isr, elr } => {
            FactRow {
                broker: leader.map(|leader| leader.0),
                ..row("partition-changed").place(*place).leader_epoch(*leader_epoch).detail(json!({
                    "unclean": unclean, "partition_epoch": partition_epoch, "isr": isr, "elr": elr,
                }))
            }
        }
        Kafka::BecameLeader { place, leader_epoch, log_end, high_watermark } => row("became-leader")
            .place(*place)
            .leader_epoch(*leader_epoch)
            .offset(*log_end)
            .upto(*high_watermark),
        Kafka::BecameFollower { place, leader_epoch, log_end } => {
            row("became-follower").place(*place).leader_epoch(*leader_epoch).offset(*log_end)
        }
        Kafka::Truncated { place, to, from } => row("truncated").place(*place).offset(*to).upto(*from),
        Kafka::Recovered { partitions_cut, records_cut } => {
            row("recovered").detail(json!({ "partitions_cut": partitions_cut, "records_cut": records_cut }))
        }
        Kafka::IsrShrinking { place, to } => row("isr-shrinking").place(*place).detail(json!({ "isr": to })),
        Kafka::IsrExpanding { place, to } => row("isr-expanding").place(*place).detail(json!({ "isr": to })),
        Kafka::Deduplicated { ids, place, offset } => {
            row("deduplicated").ids(ids).place(*place).offset(*offset)
        }
        Kafka::Retried { ids, attempt, error } => {
            row("retried").ids(ids).why(error).detail(json!({ "attempt": attempt }))
        }
        Kafka::EpochBumped { epoch } => row("epoch-bumped").detail(json!({ "producer_epoch": epoch })),
        Kafka::GroupChanged { group, from, to, generation, members, why } => row("group-changed")
            .group(*group)
            .generation(*generation)
            .why(why)
            .detail(json!({ "from": from, "to": to, "members": members })),
        Kafka::MemberJoined { group, member } => row("member-joined").group(*group).member(*member),
        Kafka::MemberLeft { group, member, why } => row("member-left").group(*group).member(*member).why(why),
        Kafka::Assigned { group, generation, places } => row("assigned")
            .group(*group)
            .generation(*generation)
            .detail(json!({ "partitions": names(places) })),
        Kafka::Revoked { group, places, lost } => {
            row("revoked").group(*group).detail(json!({ "partitions": names(places), "lost": lost }))
        }
        Kafka::Positioned { group, place, offset, why } => {
            row("positioned").group(*group).place(*place).offset(*offset).why(why)
        }
        Kafka::CommitFailed { group, error } => row("commit-failed").group(*group).why(error),
        Kafka::ShuttingDown => row("shutting-down"),
        Kafka::StorageFailed => row("storage-failed"),
        Kafka::LogDigest { broker, place, from, upto, digest } => row("log-digest")
            .broker(*broker)
            .place(*place)
            .offset(*from)
            .upto(*upto)
            .detail(json!({ "digest": format!("{digest:016x}") })),
        Kafka::ConsumerFailed { group, places, error } => {
            row("consumer-failed").group(*group).why(error).detail(json!({ "partitions": names(places) }))
        }
        Kafka::CoordinatorReady { place, groups } => {
            row("coordinator-ready").place(*place).detail(json!({ "groups": groups }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Batch, Record};

    fn span(sequences: &[u64]) -> Ids {
        let record = |sequence: &u64| Record::new(RecordId::new(1, *sequence), Time::ZERO, None, 10);
        Ids::from(Batch::new(sequences.iter().map(record).collect(), Vec::new(), 100).span())
    }

    #[test]
    fn ids_are_listed_only_when_they_are_not_consecutive() {
        let dropped = |ids| Fact::from(Life::Dropped { ids, why: Reason::HighWaterMark });
        let (together, apart) = (dropped(span(&[4, 5, 6])), dropped(span(&[4, 6])));
        let stage = Stage::default();
        let row = FactRow::of(&together, &stage);
        assert_eq!((row.first, row.records), (Some(RecordId::new(1, 4)), Some(3)));
        assert!(row.list.is_none() && FactRow::of(&apart, &stage).list.is_some());
    }

    #[test]
    fn what_has_no_column_is_told_as_json_in_names() {
        let mut stage = Stage::default();
        stage.add_channel("orders", 3, false, true);
        let fact = Fact::from(Kafka::Revoked { group: GroupId(0), places: [PlaceId(2)].into(), lost: true });
        let row = FactRow::of(&fact, &stage);
        assert_eq!(row.kind, "revoked");
        assert_eq!(row.detail.as_deref(), Some(r#"{"lost":true,"partitions":["orders-2"]}"#));
    }
}
