//! The way back: from the row of a fact to the fact.
//!
//! **Invariant.** For every fact `f`, `fact(row of f)` has the row of `f` again. Records that are consecutive ones of a
//! source come back as a range unless more is known of them: what a record carries is in no row.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::kafka::{BrokerId, Kafka, MemberId};
use super::super::life::{Life, Reign};
use super::super::mqtt::{Answer, Mqtt, Parting, Qos};
use super::super::record::{Batch, Ids, Record, RecordId};
use super::super::stage::{ChannelId, GroupId, PlaceId, Stage};
use super::super::zeromq::ZeroMq;
use super::super::{Commanded, Fact, Injected, Missed, Phase, Whom};
use crate::kernel::{ActorId, Crash, Duration, NodeId, Physics};

/// The row of a fact as it is read: names are numbers again, words are text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WrittenRow {
    /// Whose words.
    pub system: String,
    /// What happened.
    pub kind: String,
    /// The first record.
    pub first: Option<RecordId>,
    /// How many.
    pub records: Option<u32>,
    /// All of them, when they are not consecutive ones of a source.
    pub list: Option<Vec<RecordId>>,
    /// The channel; that of the place when there is one.
    pub channel: Option<ChannelId>,
    /// The place.
    pub place: Option<PlaceId>,
    /// The offset of the first record.
    pub offset: Option<u64>,
    /// The offset behind the last.
    pub upto: Option<u64>,
    /// Bytes of keys and values.
    pub bytes: Option<u64>,
    /// The group.
    pub group: Option<GroupId>,
    /// The member.
    pub member: Option<u64>,
    /// The broker.
    pub broker: Option<u32>,
    /// The node; that of the actor when the fact has none of its own.
    pub node: Option<NodeId>,
    /// The node on which the actor lives.
    pub home: Option<NodeId>,
    /// The other end, when it is a node.
    pub peer_node: Option<NodeId>,
    /// The other end, when it is an actor.
    pub peer_actor: Option<ActorId>,
    /// The leader epoch.
    pub leader_epoch: Option<u32>,
    /// The generation.
    pub generation: Option<u32>,
    /// Why.
    pub reason: Option<String>,
    /// The rest.
    pub detail: Option<Value>,
}

/// What is known beside the rows of facts.
pub trait Beside {
    /// A record as it was stored, when that is known.
    fn record(&self, id: RecordId) -> Option<Record>;
    /// A word of the scenario's language: the name of a kind of fault, or of a command for a real broker.
    fn word(&self, name: &str) -> Option<&'static str>;
}

impl WrittenRow {
    /// The fact; none when the row makes none, as one of another version may.
    pub fn fact(&self, stage: &Stage, beside: &dyn Beside) -> Option<Fact> {
        let back = Back { row: self, stage, beside };
        match self.system.as_str() {
            "physics" => back.physics().map(Fact::from),
            "life" => back.life().map(Fact::from),
            "kafka" => back.kafka().map(Fact::from),
            "zeromq" => back.zeromq().map(Fact::from),
            "mqtt" => back.mqtt().map(Fact::from),
            "fault" => back.injected().map(Fact::from).or_else(|| back.commanded().map(Fact::from)),
            _ => None,
        }
    }
}

struct Back<'a> {
    row: &'a WrittenRow,
    stage: &'a Stage,
    beside: &'a dyn Beside,
}

impl Back<'_> {
    fn kind(&self) -> &str {
        &self.row.kind
    }

    fn reason(&self) -> Option<&str> {
        self.row.reason.as_deref()
    }

    fn why<T: DeserializeOwned>(&self) -> Option<T> {
        word(self.reason()?)
    }

    fn detail<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(self.row.detail.as_ref()?.get(name)?.clone()).ok()
    }

    fn text(&self, name: &str) -> Option<Arc<str>> {
        self.detail::<String>(name).map(Arc::from)
    }

    /// The partitions of a list of names.
    fn named(&self) -> Option<Arc<[PlaceId]>> {
        let names: Vec<String> = self.detail("partitions")?;
        names.iter().map(|name| self.place_named(name)).collect()
    }

    fn place_named(&self, name: &str) -> Option<PlaceId> {
        let (channel, number) = name.rsplit_once('-')?;
        let channel = &self.stage.channels[self.stage.channel_named(channel)?.index()];
        let number: u32 = number.parse().ok()?;
        (number < channel.places).then(|| PlaceId(channel.first_place.0 + number))
    }

    fn ids(&self) -> Option<Ids> {
        let records = self.row.records?;
        let Some(first) = self.row.first else {
            // An empty list of records has no first one.
            return (records == 0).then_some(Ids::Range { first: RecordId::from_bits(0), records });
        };
        if let Some(list) = &self.row.list {
            let bare = |id: &RecordId| Record::new(*id, crate::kernel::Time::ZERO, None, 0);
            let records = list.iter().map(|id| self.beside.record(*id).unwrap_or_else(|| bare(id)));
            return span(records.collect());
        }
        let range = Ids::Range { first, records };
        if self.kind() != "stored" {
            return Some(range);
        }
        // Where all is known of them, keys count: for the order of what has one.
        let known: Option<Vec<Record>> = range.iter().map(|id| self.beside.record(id)).collect();
        Some(known.and_then(span).unwrap_or(range))
    }

    fn physics(&self) -> Option<Physics> {
        let node = self.row.node?;
        let peer = || self.row.peer_node;
        Some(match self.kind() {
            "crashed" => Physics::Crashed { node, how: crash(self.reason()?)? },
            "restarted" => Physics::Restarted { node },
            "paused" => Physics::Paused { node },
            "resumed" => Physics::Resumed { node },
            "cut-off" => Physics::Cut { from: node, to: peer()? },
            "healed" => Physics::Healed { from: node, to: peer()? },
            "refused" => Physics::Refused { from: node, to: peer()? },
            "undelivered" => Physics::Undelivered { from: node, to: peer()? },
            _ => return None,
        })
    }

    fn injected(&self) -> Option<Injected> {
        let phase = match self.kind() {
            "fault-began" => Phase::Begins,
            "fault-ended" => Phase::Ends,
            "fault-missed" => Phase::Missed(missed(&self.detail::<String>("missed")?)?),
            _ => return None,
        };
        Some(Injected {
            fault: self.detail("fault")?,
            round: self.detail("round")?,
            kind: self.beside.word(self.reason()?)?,
            whom: self.whom(),
            phase,
        })
    }

    fn commanded(&self) -> Option<Commanded> {
        let failed = match self.kind() {
            "command-done" => None,
            "command-failed" => Some(self.text("failed")?),
            _ => return None,
        };
        Some(Commanded {
            node: self.row.node?,
            act: self.beside.word(self.reason()?)?,
            took: Duration::from_nanos(self.detail("took_ns")?),
            failed,
        })
    }

    fn whom(&self) -> Whom {
        let nodes: Option<Vec<NodeId>> = self.detail("nodes");
        let struck = self.row.node.filter(|node| Some(*node) != self.row.home);
        match (nodes, struck, self.row.place, self.row.channel, self.row.group) {
            (Some(nodes), ..) => Whom::nodes(&nodes),
            (None, Some(node), ..) => Whom::nodes(&[node]),
            (None, None, Some(place), ..) => Whom::Place(place),
            (None, None, None, Some(channel), _) => Whom::Channel(channel),
            (None, None, None, None, Some(group)) => Whom::Group(group),
            (None, None, None, None, None) => Whom::Nobody,
        }
    }

    fn zeromq(&self) -> Option<ZeroMq> {
        Some(match self.kind() {
            "connected" => ZeroMq::Connected { peer: self.row.peer_actor? },
            "disconnected" => ZeroMq::Disconnected { peer: self.row.peer_actor?, lost: self.detail("lost")? },
            "blocked" => ZeroMq::Blocked,
            "unblocked" => ZeroMq::Unblocked,
            _ => return None,
        })
    }

    fn mqtt(&self) -> Option<Mqtt> {
        let record = self.row.first;
        let packet = || self.detail("packet");
        let qos = || Qos::of(self.detail("qos")?);
        Some(match self.kind() {
            "connected" => Mqtt::Connected {
                session_present: self.detail("session_present")?,
                receive_maximum: self.detail("receive_maximum")?,
            },
            "disconnected" => Mqtt::Disconnected { how: self.parting()? },
            "unreachable" => Mqtt::Unreachable { why: self.text("told")? },
            "subscribed" => Mqtt::Subscribed {
                filter: self.text("filter")?,
                granted: self.detail::<u8>("granted_qos").and_then(Qos::of),
            },
            "published" => {
                Mqtt::Published { record: record?, packet: packet()?, qos: qos()?, dup: self.detail("dup")? }
            }
            "received" => Mqtt::Received {
                record: record?,
                group: self.row.group?,
                packet: packet()?,
                qos: qos()?,
                dup: self.detail("dup")?,
                retain: self.detail("retain")?,
            },
            "recognised" => Mqtt::Recognised { record: record?, packet: packet()? },
            "replied" => Mqtt::Replied { record, packet: packet()?, with: answer(self.reason()?)? },
            "will" => Mqtt::Will {
                of: self.text("of")?,
                topic: self.text("topic")?,
                retain: self.detail("retain")?,
            },
            "blocked" => Mqtt::Blocked,
            "unblocked" => Mqtt::Unblocked,
            with => Mqtt::Answered {
                record: record?,
                packet: packet()?,
                with: answer(with)?,
                matched: self.detail("matched")?,
            },
        })
    }

    fn parting(&self) -> Option<Parting> {
        Some(match self.reason()? {
            "asked" => Parting::Asked,
            "died" => Parting::Died,
            "broken" => Parting::Broken(self.text("told")?),
            _ => return None,
        })
    }

    fn life(&self) -> Option<Life> {
        let row = self.row;
        let (group, place, offset) = (row.group, row.place, row.offset);
        Some(match self.kind() {
            "offered" => Life::Offered {
                channel: row.channel?,
                first: row.first?,
                records: row.records?,
                bytes: row.bytes?,
            },
            "accepted" => Life::Accepted { ids: self.ids()?, place, offset },
            "rejected" => Life::Rejected { ids: self.ids()?, why: self.why()? },
            "unknown" => Life::Unknown { ids: self.ids()?, why: self.why()? },
            "stored" => Life::Stored { ids: self.ids()?, place: place?, offset: offset? },
            "committed" => Life::Committed { place: place?, upto: row.upto? },
            "cut" => Life::Cut { place: place?, from: offset?, why: self.why()?, log: self.log() },
            "expired" => Life::Expired { place: place?, below: row.upto?, why: self.why()? },
            "dropped" => Life::Dropped { ids: self.ids()?, why: self.why()? },
            "dead-lettered" => Life::DeadLettered { ids: self.ids()?, why: self.why()? },
            "delivered" => {
                Life::Delivered { ids: self.ids()?, group: group?, place: place?, offset: offset? }
            }
            "processed" => {
                Life::Processed { ids: self.ids()?, group: group?, place: place?, offset: offset? }
            }
            "settled" => Life::Settled { group: group?, place: place?, upto: row.upto? },
            "acknowledged" => Life::Acknowledged { ids: self.ids()?, group: group?, place: place? },
            "missed" => Life::Missed { ids: self.ids()?, group: group?, place: place?, why: self.why()? },
            "failed" => Life::Failed {
                ids: self.ids()?,
                group: group?,
                place: place?,
                offset: offset?,
                why: self.why()?,
            },
            "resent" => Life::Resent { channel: row.channel?, ids: self.ids()? },
            "withheld" => Life::Withheld { channel: row.channel?, records: row.records? },
            "ignored" => Life::Ignored {
                ids: self.ids()?,
                group: group?,
                place: place?,
                offset: offset?,
                why: self.why()?,
            },
            "skipped" => Life::Skipped { group: group?, place: place?, to: row.upto?, why: self.why()? },
            _ => return None,
        })
    }

    /// Who wrote a log, where that is told.
    fn log(&self) -> Option<Box<[Reign]>> {
        let reigns = self.row.detail.as_ref()?.get("log")?.as_array()?;
        let number = |reign: &Value, name: &str| reign.get(name)?.as_u64();
        reigns
            .iter()
            .map(|reign| {
                Some(Reign { number: number(reign, "number")? as u32, start: number(reign, "start")? })
            })
            .collect()
    }

    fn kafka(&self) -> Option<Kafka> {
        let row = self.row;
        let (place, group) = (row.place, row.group);
        let broker = row.broker.map(BrokerId);
        let isr = || self.detail::<Vec<BrokerId>>("isr").map(Arc::from);
        Some(match self.kind() {
            "broker-registered" => Kafka::Registered { broker: broker?, epoch: self.detail("broker_epoch")? },
            "broker-fenced" => Kafka::Fenced { broker: broker? },
            "broker-unfenced" => Kafka::Unfenced { broker: broker? },
            "partition-changed" => Kafka::PartitionChanged {
                place: place?,
                leader: broker,
                unclean: self.detail("unclean")?,
                leader_epoch: row.leader_epoch?,
                partition_epoch: self.detail("partition_epoch")?,
                isr: isr()?,
                elr: self.detail::<Vec<BrokerId>>("elr")?.into(),
            },
            "became-leader" => Kafka::BecameLeader {
                place: place?,
                leader_epoch: row.leader_epoch?,
                log_end: row.offset?,
                high_watermark: row.upto?,
            },
            "became-follower" => {
                Kafka::BecameFollower { place: place?, leader_epoch: row.leader_epoch?, log_end: row.offset? }
            }
            "truncated" => Kafka::Truncated { place: place?, to: row.offset?, from: row.upto? },
            "recovered" => Kafka::Recovered {
                partitions_cut: self.detail("partitions_cut")?,
                records_cut: self.detail("records_cut")?,
            },
            "isr-shrinking" => Kafka::IsrShrinking { place: place?, to: isr()? },
            "isr-expanding" => Kafka::IsrExpanding { place: place?, to: isr()? },
            "deduplicated" => Kafka::Deduplicated { ids: self.ids()?, place: place?, offset: row.offset? },
            "retried" => {
                Kafka::Retried { ids: self.ids()?, attempt: self.detail("attempt")?, error: self.why()? }
            }
            "epoch-bumped" => Kafka::EpochBumped { epoch: self.detail("producer_epoch")? },
            "group-changed" => Kafka::GroupChanged {
                group: group?,
                from: self.detail("from")?,
                to: self.detail("to")?,
                generation: row.generation?,
                members: self.detail("members")?,
                why: self.why()?,
            },
            "member-joined" => Kafka::MemberJoined { group: group?, member: MemberId(row.member?) },
            "member-left" => {
                Kafka::MemberLeft { group: group?, member: MemberId(row.member?), why: self.why()? }
            }
            "assigned" => {
                Kafka::Assigned { group: group?, generation: row.generation?, places: self.named()? }
            }
            "revoked" => Kafka::Revoked { group: group?, places: self.named()?, lost: self.detail("lost")? },
            "positioned" => {
                Kafka::Positioned { group: group?, place: place?, offset: row.offset?, why: self.why()? }
            }
            "commit-failed" => Kafka::CommitFailed { group: group?, error: self.why()? },
            "shutting-down" => Kafka::ShuttingDown,
            "storage-failed" => Kafka::StorageFailed,
            "log-digest" => Kafka::LogDigest {
                broker: broker?,
                place: place?,
                from: row.offset?,
                upto: row.upto?,
                digest: u64::from_str_radix(&self.detail::<String>("digest")?, 16).ok()?,
            },
            "consumer-failed" => {
                Kafka::ConsumerFailed { group: group?, places: self.named()?, error: self.why()? }
            }
            "coordinator-ready" => Kafka::CoordinatorReady { place: place?, groups: self.detail("groups")? },
            _ => return None,
        })
    }
}

fn span(records: Vec<Record>) -> Option<Ids> {
    (!records.is_empty()).then(|| Ids::from(Batch::new(records, Vec::new(), 0).span()))
}

/// A variant by the name that it is written with.
fn word<T: DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(Value::String(name.to_owned())).ok()
}

fn crash(name: &str) -> Option<Crash> {
    [Crash::Process, Crash::Power, Crash::Exit, Crash::DiskLoss]
        .into_iter()
        .find(|how| super::crash(*how) == name)
}

fn answer(name: &str) -> Option<Answer> {
    [Answer::PubAck, Answer::PubRec, Answer::PubComp].into_iter().find(|with| super::answer(*with) == name)
}

fn missed(name: &str) -> Option<Missed> {
    [Missed::NoSuchRole, Missed::AllDown, Missed::NothingLasts, Missed::NoMember]
        .into_iter()
        .find(|why| super::variant_name(*why) == name)
}
