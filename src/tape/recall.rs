//! The facts of a recorded run read again as facts: for those that watch a run that cannot be repeated.
//!
//! **Invariant.** The facts come in their order, and are those that were recorded but for what records carry. Keys are
//! taken from the table of records, where the run got so far as to write it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, Int64Array, ListArray, RecordBatch, StringArray};

use crate::kernel::{ActorId, Cast, Duration, Event, NodeId, Time};
use crate::trace::{Beside, ChannelId, Fact, GroupId, PlaceId, Record, RecordId, Stage, WrittenRow};

use super::error::TapeError;
use super::past::{each_batch, has_table};

/// Records whose keys are kept at most: 40 MB.
const RECORDS: usize = 1 << 20;

/// Hands the facts of the run in `dir` to `take`, some thousand at a time, until it wants no more. `word` knows the
/// kinds of faults, and the commands for real brokers, by name.
///
/// # Errors
/// When a table is missing, cannot be read, or has other columns or words than this version writes.
pub fn recall(
    dir: &Path,
    (stage, cast): (&Stage, &Cast),
    word: &dyn Fn(&str) -> Option<&'static str>,
    mut take: impl FnMut(&[Event<Fact>]) -> bool,
) -> Result<(), TapeError> {
    let names = Names::of(stage, cast);
    let known = Known { records: records(dir)?, word };
    let mut wrong = None;
    let mut wants = true;
    each_batch(&dir.join("facts"), COLUMNS, |batch| {
        if !wants || wrong.is_some() {
            return Some(());
        }
        let columns = Columns::of(batch)?;
        let mut events = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let serial = columns.serial.value(row) as u64;
            match columns.event(row, &names, stage, &known) {
                Some(event) => events.push(event),
                None => {
                    wrong = Some((serial, columns.words(row)));
                    return Some(());
                }
            }
        }
        wants = take(&events);
        Some(())
    })?;
    match wrong {
        None => Ok(()),
        Some((serial, words)) => Err(TapeError::NotATape {
            path: PathBuf::from(dir).join("facts"),
            reason: format!("fact {serial} ({words}) is none that this version knows"),
        }),
    }
}

/// The records of a run, as they were stored, when there are not too many of them.
fn records(dir: &Path) -> Result<BTreeMap<RecordId, Record>, TapeError> {
    let mut found = BTreeMap::new();
    if !has_table(dir, "records") {
        return Ok(found);
    }
    each_batch(&dir.join("records"), &["record", "key_hash", "bytes", "offered_at_ns"], |batch| {
        let (id, offered) = (longs(batch, "record")?, longs(batch, "offered_at_ns")?);
        let (key, bytes) = (ints(batch, "key_hash")?, ints(batch, "bytes")?);
        for row in (0..batch.num_rows()).take(RECORDS - found.len().min(RECORDS)) {
            let id = RecordId::from_bits(id.value(row) as u64);
            let bytes = maybe(bytes, row).unwrap_or(0).max(0) as u32;
            let key = maybe(key, row);
            found.insert(id, Record::new(id, time(offered.value(row)), key, bytes.min((1 << 30) - 1)));
        }
        Some(())
    })?;
    Ok(found)
}

struct Known<'a> {
    records: BTreeMap<RecordId, Record>,
    word: &'a dyn Fn(&str) -> Option<&'static str>,
}

impl Beside for Known<'_> {
    fn record(&self, id: RecordId) -> Option<Record> {
        self.records.get(&id).copied()
    }

    fn word(&self, name: &str) -> Option<&'static str> {
        (self.word)(name)
    }
}

/// Numbers by name.
struct Names {
    actors: BTreeMap<String, (ActorId, NodeId)>,
    nodes: BTreeMap<String, NodeId>,
    channels: BTreeMap<String, ChannelId>,
    groups: BTreeMap<String, GroupId>,
}

impl Names {
    fn of(stage: &Stage, cast: &Cast) -> Self {
        let actors = (0..).zip(&cast.actors).map(|(id, (name, node))| (name.clone(), (ActorId(id), *node)));
        let nodes = (0..).zip(&cast.nodes).map(|(id, name)| (name.clone(), NodeId(id)));
        let channels = (0..).zip(&stage.channels).map(|(id, channel)| (channel.name.clone(), ChannelId(id)));
        let groups = (0..).zip(&stage.groups).map(|(id, group)| (group.name.clone(), GroupId(id)));
        Self {
            actors: actors.collect(),
            nodes: nodes.collect(),
            channels: channels.collect(),
            groups: groups.collect(),
        }
    }
}

const COLUMNS: &[&str] = &[
    "serial",
    "at_ns",
    "cause",
    "actor",
    "node",
    "system",
    "kind",
    "topic",
    "partition",
    "offset",
    "upto",
    "first_record",
    "records",
    "record_list",
    "bytes",
    "group",
    "member",
    "broker",
    "leader_epoch",
    "generation",
    "reason",
    "peer",
    "detail",
];

/// The columns of a batch of facts.
struct Columns<'b> {
    serial: &'b Int64Array,
    at: &'b Int64Array,
    cause: &'b Int64Array,
    actor: &'b StringArray,
    node: &'b StringArray,
    system: &'b StringArray,
    kind: &'b StringArray,
    topic: &'b StringArray,
    partition: &'b Int32Array,
    offset: &'b Int64Array,
    upto: &'b Int64Array,
    first: &'b Int64Array,
    records: &'b Int32Array,
    list: &'b ListArray,
    bytes: &'b Int64Array,
    group: &'b StringArray,
    member: &'b Int64Array,
    broker: &'b Int32Array,
    leader_epoch: &'b Int32Array,
    generation: &'b Int32Array,
    reason: &'b StringArray,
    peer: &'b StringArray,
    detail: &'b StringArray,
}

impl<'b> Columns<'b> {
    fn of(batch: &'b RecordBatch) -> Option<Self> {
        Some(Self {
            serial: longs(batch, "serial")?,
            at: longs(batch, "at_ns")?,
            cause: longs(batch, "cause")?,
            actor: texts(batch, "actor")?,
            node: texts(batch, "node")?,
            system: texts(batch, "system")?,
            kind: texts(batch, "kind")?,
            topic: texts(batch, "topic")?,
            partition: ints(batch, "partition")?,
            offset: longs(batch, "offset")?,
            upto: longs(batch, "upto")?,
            first: longs(batch, "first_record")?,
            records: ints(batch, "records")?,
            list: column(batch, "record_list")?.as_any().downcast_ref()?,
            bytes: longs(batch, "bytes")?,
            group: texts(batch, "group")?,
            member: longs(batch, "member")?,
            broker: ints(batch, "broker")?,
            leader_epoch: ints(batch, "leader_epoch")?,
            generation: ints(batch, "generation")?,
            reason: texts(batch, "reason")?,
            peer: texts(batch, "peer")?,
            detail: texts(batch, "detail")?,
        })
    }

    /// What a row is, for a message.
    fn words(&self, row: usize) -> String {
        format!("{} {}", self.system.value(row), self.kind.value(row))
    }

    fn event(&self, row: usize, names: &Names, stage: &Stage, known: &Known<'_>) -> Option<Event<Fact>> {
        let (actor, home) = *names.actors.get(self.actor.value(row))?;
        let fact = self.row(row, home, names, stage)?.fact(stage, known)?;
        Some(Event {
            at: time(self.at.value(row)),
            serial: self.serial.value(row) as u64,
            cause: self.cause.value(row) as u64,
            actor,
            fact,
        })
    }

    fn row(&self, row: usize, home: NodeId, names: &Names, stage: &Stage) -> Option<WrittenRow> {
        let channel = text(self.topic, row).and_then(|name| names.channels.get(name).copied());
        let place = maybe(self.partition, row).zip(channel);
        let place = place
            .map(|(number, channel)| PlaceId(stage.channels[channel.index()].first_place.0 + number as u32));
        let peer = text(self.peer, row);
        let detail = match text(self.detail, row) {
            Some(detail) => Some(serde_json::from_str(detail).ok()?),
            None => None,
        };
        Some(WrittenRow {
            system: self.system.value(row).to_owned(),
            kind: self.kind.value(row).to_owned(),
            first: long(self.first, row).map(RecordId::from_bits),
            records: maybe(self.records, row).map(|records| records as u32),
            list: self.list(row),
            channel,
            place,
            offset: long(self.offset, row),
            upto: long(self.upto, row),
            bytes: long(self.bytes, row),
            group: text(self.group, row).and_then(|name| names.groups.get(name).copied()),
            member: long(self.member, row),
            broker: maybe(self.broker, row).map(|broker| broker as u32),
            node: text(self.node, row).and_then(|name| names.nodes.get(name).copied()),
            home: Some(home),
            peer_node: peer.and_then(|name| names.nodes.get(name).copied()),
            peer_actor: peer.and_then(|name| names.actors.get(name).map(|(actor, _)| *actor)),
            leader_epoch: maybe(self.leader_epoch, row).map(|epoch| epoch as u32),
            generation: maybe(self.generation, row).map(|generation| generation as u32),
            reason: text(self.reason, row).map(str::to_owned),
            detail,
        })
    }

    fn list(&self, row: usize) -> Option<Vec<RecordId>> {
        if !self.list.is_valid(row) {
            return None;
        }
        let values: ArrayRef = self.list.value(row);
        let values: Arc<dyn Array> = values;
        let longs = values.as_any().downcast_ref::<Int64Array>()?;
        Some(longs.values().iter().map(|bits| RecordId::from_bits(*bits as u64)).collect())
    }
}

fn time(nanos: i64) -> Time {
    Time::ZERO + Duration::from_nanos(nanos as u64)
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Option<&'b ArrayRef> {
    batch.column_by_name(name)
}

fn longs<'b>(batch: &'b RecordBatch, name: &str) -> Option<&'b Int64Array> {
    column(batch, name)?.as_any().downcast_ref()
}

fn ints<'b>(batch: &'b RecordBatch, name: &str) -> Option<&'b Int32Array> {
    column(batch, name)?.as_any().downcast_ref()
}

fn texts<'b>(batch: &'b RecordBatch, name: &str) -> Option<&'b StringArray> {
    column(batch, name)?.as_any().downcast_ref()
}

fn maybe(column: &Int32Array, row: usize) -> Option<i32> {
    column.is_valid(row).then(|| column.value(row))
}

fn long(column: &Int64Array, row: usize) -> Option<u64> {
    column.is_valid(row).then(|| column.value(row) as u64)
}

fn text(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}
