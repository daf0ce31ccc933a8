//! The table of records: one row a record, its whole life. Neighbours that are alike come together.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Builder, Int64Builder, ListArray, RecordBatch, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};

use crate::kernel::Time;
use crate::trace::{ChannelId, Few, GroupId, LegRow, RecordRow, variant_name};

use super::columns::{Columns, Labels, Names, climb, names, nanos, optional, repeat, required};

/// The columns of `records/`, in order; `legs` only where a topic has more than one reading group.
pub(super) fn schema(has_legs: bool) -> SchemaRef {
    let mut fields = vec![
        required("record", DataType::Int64),
        required("source", names()),
        required("sequence", DataType::Int64),
        optional("topic", names()),
        optional("partition", DataType::Int32),
        optional("offset", DataType::Int64),
        optional("key_hash", DataType::Int32),
        optional("bytes", DataType::Int32),
        required("fate", names()),
        optional("reason", names()),
        required("offered_at_ns", DataType::Int64),
        optional("accepted_at_ns", DataType::Int64),
        optional("stored_at_ns", DataType::Int64),
        optional("committed_at_ns", DataType::Int64),
        required("copies", DataType::Int32),
    ];
    fields.extend(leg_fields());
    if has_legs {
        fields.push(required("legs", DataType::List(Arc::new(leg_element()))));
    }
    Arc::new(Schema::new(fields))
}

/// What a group did with a record.
fn leg_fields() -> Vec<Field> {
    vec![
        optional("group", names()),
        optional("delivered_at_ns", DataType::Int64),
        optional("processed_at_ns", DataType::Int64),
        optional("settled_at_ns", DataType::Int64),
        optional("attempts", DataType::Int32),
        optional("times_processed", DataType::Int32),
        optional("skipped", names()),
    ]
}

fn leg_element() -> Field {
    required("element", DataType::Struct(Fields::from(leg_fields())))
}

/// Rows of records under construction.
pub(super) struct RecordColumns {
    labels: Arc<Labels>,
    schema: SchemaRef,
    rows: usize,
    /// Where each source publishes, learnt from what it offered.
    channels: Vec<Option<ChannelId>>,
    fates: Fates,
    record: Int64Builder,
    source: Names,
    sequence: Int64Builder,
    topic: Names,
    partition: Int32Builder,
    offset: Int64Builder,
    key_hash: Int32Builder,
    bytes: Int32Builder,
    fate: Names,
    reason: Names,
    offered: Int64Builder,
    accepted: Int64Builder,
    stored: Int64Builder,
    committed: Int64Builder,
    copies: Int32Builder,
    first_leg: LegColumns,
    /// All legs, and how many each record has.
    legs: Option<(LegColumns, Vec<usize>)>,
}

impl RecordColumns {
    pub(super) fn new(labels: Arc<Labels>) -> Self {
        let has_legs = labels.has_many_readers();
        Self {
            schema: schema(has_legs),
            rows: 0,
            channels: vec![None; labels.stage().sources.len()],
            fates: Fates::default(),
            record: Int64Builder::new(),
            source: labels.sources(),
            sequence: Int64Builder::new(),
            topic: labels.channels(),
            partition: Int32Builder::new(),
            offset: Int64Builder::new(),
            key_hash: Int32Builder::new(),
            bytes: Int32Builder::new(),
            fate: Names::words(),
            reason: Names::words(),
            offered: Int64Builder::new(),
            accepted: Int64Builder::new(),
            stored: Int64Builder::new(),
            committed: Int64Builder::new(),
            copies: Int32Builder::new(),
            first_leg: LegColumns::new(&labels),
            legs: has_legs.then(|| (LegColumns::new(&labels), Vec::new())),
            labels,
        }
    }

    /// Notes where a source publishes: a record that no log ever had does not say it.
    #[inline]
    pub(super) fn learn(&mut self, source: u32, channel: ChannelId) {
        if let Some(known) = self.channels.get_mut(source as usize) {
            *known = Some(channel);
        }
    }

    /// Rows by fate and reason so far.
    pub(super) fn fates(&mut self) -> BTreeMap<String, u64> {
        self.fates.total()
    }

    pub(super) fn push(&mut self, row: &RecordRow) {
        let labels = Arc::clone(&self.labels);
        let place = row.place.map(|place| labels.place(place));
        let learnt = self.channels.get(row.id.source() as usize).copied().flatten();
        let channel = place.map(|(channel, _)| channel).or(learnt);
        let count = row.count as usize;
        self.rows += count;
        climb(&mut self.record, row.id.to_bits() as i64, count);
        self.source.repeat(Some(row.id.source()), count);
        climb(&mut self.sequence, row.id.sequence() as i64, count);
        self.topic.repeat(channel.map(|channel| channel.0), count);
        repeat(&mut self.partition, place.map(|(_, partition)| partition), count);
        match place {
            Some(_) if row.stored != Time::NEVER => climb(&mut self.offset, row.offset as i64, count),
            Some(_) => self.offset.append_value_n(row.offset as i64, count),
            None => self.offset.append_nulls(count),
        }
        repeat(&mut self.key_hash, row.key_hash, count);
        repeat(&mut self.bytes, (row.bytes > 0).then_some(row.bytes as i32), count);
        self.push_fate(row);
        self.push_times(row);
        self.push_legs(&row.legs, channel.map_or(&[][..], |channel| labels.readers(channel)), count);
    }

    fn push_fate(&mut self, row: &RecordRow) {
        self.fate.repeat_word(Some(row.fate), row.count as usize);
        self.reason.repeat_word(row.reason, row.count as usize);
        self.fates.count(row.fate, row.reason, row.count);
    }

    fn push_times(&mut self, row: &RecordRow) {
        let count = row.count as usize;
        self.offered.append_value_n(row.offered.as_nanos() as i64, count);
        repeat(&mut self.accepted, nanos(row.accepted), count);
        repeat(&mut self.stored, nanos(row.stored), count);
        repeat(&mut self.committed, nanos(row.committed), count);
        self.copies.append_value_n(i32::from(row.copies), count);
    }

    #[inline]
    fn push_legs(&mut self, legs: &Few<LegRow>, groups: &[GroupId], count: usize) {
        let group = |leg: usize| groups.get(leg).map(|group| group.0);
        self.first_leg.push(legs.first(), group(0), count);
        if let Some((columns, lengths)) = &mut self.legs {
            lengths.extend(std::iter::repeat_n(legs.len(), count));
            for _ in 0..count {
                legs.iter().enumerate().for_each(|(index, leg)| columns.push(Some(leg), group(index), 1));
            }
        }
    }
}

impl Columns for RecordColumns {
    fn len(&self) -> usize {
        self.rows
    }

    fn finish(&mut self) -> RecordBatch {
        self.rows = 0;
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.record.finish()),
            self.source.finish(),
            Arc::new(self.sequence.finish()),
            self.topic.finish(),
            Arc::new(self.partition.finish()),
            Arc::new(self.offset.finish()),
            Arc::new(self.key_hash.finish()),
            Arc::new(self.bytes.finish()),
            self.fate.finish(),
            self.reason.finish(),
            Arc::new(self.offered.finish()),
            Arc::new(self.accepted.finish()),
            Arc::new(self.stored.finish()),
            Arc::new(self.committed.finish()),
            Arc::new(self.copies.finish()),
        ];
        columns.extend(self.first_leg.finish());
        if let Some((legs, lengths)) = &mut self.legs {
            columns.push(list_of(legs.finish(), &std::mem::take(lengths)));
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns).expect("columns as in the schema")
    }
}

/// The legs of each record as a list.
fn list_of(columns: Vec<ArrayRef>, lengths: &[usize]) -> ArrayRef {
    let legs = StructArray::new(Fields::from(leg_fields()), columns, None);
    let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
    Arc::new(ListArray::new(Arc::new(leg_element()), offsets, Arc::new(legs), None))
}

/// Columns of what a group did.
struct LegColumns {
    group: Names,
    delivered: Int64Builder,
    processed: Int64Builder,
    settled: Int64Builder,
    attempts: Int32Builder,
    times_processed: Int32Builder,
    skipped: Names,
}

impl LegColumns {
    fn new(labels: &Labels) -> Self {
        Self {
            group: labels.groups(),
            delivered: Int64Builder::new(),
            processed: Int64Builder::new(),
            settled: Int64Builder::new(),
            attempts: Int32Builder::new(),
            times_processed: Int32Builder::new(),
            skipped: Names::words(),
        }
    }

    fn push(&mut self, leg: Option<&LegRow>, group: Option<u32>, count: usize) {
        self.group.repeat(leg.and(group), count);
        repeat(&mut self.delivered, leg.and_then(|leg| nanos(leg.delivered)), count);
        repeat(&mut self.processed, leg.and_then(|leg| nanos(leg.processed)), count);
        repeat(&mut self.settled, leg.and_then(|leg| nanos(leg.settled)), count);
        repeat(&mut self.attempts, leg.map(|leg| i32::from(leg.attempts)), count);
        repeat(&mut self.times_processed, leg.map(|leg| i32::from(leg.times_processed)), count);
        self.skipped.repeat_word(leg.and_then(|leg| leg.skipped.map(variant_name)), count);
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            self.group.finish(),
            Arc::new(self.delivered.finish()),
            Arc::new(self.processed.finish()),
            Arc::new(self.settled.finish()),
            Arc::new(self.attempts.finish()),
            Arc::new(self.times_processed.finish()),
            self.skipped.finish(),
        ]
    }
}

/// Counts by fate. Neighbours mostly share one, so the map is asked only when it changes.
#[derive(Default)]
struct Fates {
    counted: BTreeMap<(&'static str, Option<&'static str>), u64>,
    last: Option<(&'static str, Option<&'static str>)>,
    run: u64,
}

impl Fates {
    #[inline]
    fn count(&mut self, fate: &'static str, reason: Option<&'static str>, count: u32) {
        if self.last != Some((fate, reason)) {
            self.settle();
            self.last = Some((fate, reason));
        }
        self.run += u64::from(count);
    }

    fn settle(&mut self) {
        if let Some(last) = self.last {
            *self.counted.entry(last).or_default() += std::mem::take(&mut self.run);
        }
    }

    fn total(&mut self) -> BTreeMap<String, u64> {
        self.settle();
        let name = |(fate, reason): (&str, Option<&str>)| match reason {
            Some(reason) => format!("{fate}/{reason}"),
            None => fate.to_owned(),
        };
        self.counted.iter().map(|(by, count)| (name(*by), *count)).collect()
    }
}
