//! The table of facts: one row an event.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Builder, Int64Builder, ListBuilder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::kernel::Event;
use crate::trace::{Fact, FactRow, Peer, Span};

use super::columns::{Columns, Labels, Names, names, optional, required};

/// The columns of `facts/`, in order.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        required("serial", DataType::Int64),
        required("at_ns", DataType::Int64),
        required("cause", DataType::Int64),
        required("actor", names()),
        optional("node", names()),
        required("system", names()),
        required("kind", names()),
        optional("topic", names()),
        optional("partition", DataType::Int32),
        optional("offset", DataType::Int64),
        optional("upto", DataType::Int64),
        optional("first_record", DataType::Int64),
        optional("records", DataType::Int32),
        optional("record_list", DataType::List(Arc::new(element()))),
        optional("bytes", DataType::Int64),
        optional("group", names()),
        optional("member", DataType::Int64),
        optional("broker", DataType::Int32),
        optional("leader_epoch", DataType::Int32),
        optional("generation", DataType::Int32),
        optional("reason", names()),
        optional("peer", DataType::Utf8),
        optional("detail", DataType::Utf8),
    ]))
}

fn element() -> Field {
    required("element", DataType::Int64)
}

/// Rows of facts under construction.
pub(super) struct FactColumns {
    labels: Arc<Labels>,
    schema: SchemaRef,
    rows: usize,
    serial: Int64Builder,
    at_ns: Int64Builder,
    cause: Int64Builder,
    actor: Names,
    node: Names,
    system: Names,
    kind: Names,
    topic: Names,
    partition: Int32Builder,
    offset: Int64Builder,
    upto: Int64Builder,
    first_record: Int64Builder,
    records: Int32Builder,
    record_list: ListBuilder<Int64Builder>,
    bytes: Int64Builder,
    group: Names,
    member: Int64Builder,
    broker: Int32Builder,
    leader_epoch: Int32Builder,
    generation: Int32Builder,
    reason: Names,
    peer: StringBuilder,
    detail: StringBuilder,
}

impl FactColumns {
    pub(super) fn new(labels: Arc<Labels>) -> Self {
        Self {
            schema: schema(),
            rows: 0,
            serial: Int64Builder::new(),
            at_ns: Int64Builder::new(),
            cause: Int64Builder::new(),
            actor: labels.actors(),
            node: labels.nodes(),
            system: Names::words(),
            kind: Names::words(),
            topic: labels.channels(),
            partition: Int32Builder::new(),
            offset: Int64Builder::new(),
            upto: Int64Builder::new(),
            first_record: Int64Builder::new(),
            records: Int32Builder::new(),
            record_list: ListBuilder::new(Int64Builder::new()).with_field(element()),
            bytes: Int64Builder::new(),
            group: labels.groups(),
            member: Int64Builder::new(),
            broker: Int32Builder::new(),
            leader_epoch: Int32Builder::new(),
            generation: Int32Builder::new(),
            reason: Names::words(),
            peer: StringBuilder::new(),
            detail: StringBuilder::new(),
            labels,
        }
    }

    pub(super) fn push(&mut self, event: &Event<Fact>) {
        let labels = Arc::clone(&self.labels);
        let row = FactRow::of(&event.fact, labels.stage());
        self.rows += 1;
        self.serial.append_value(event.serial as i64);
        self.at_ns.append_value(event.at.as_nanos() as i64);
        self.cause.append_value(event.cause as i64);
        self.actor.number(event.actor.0);
        self.node.maybe(row.node.or_else(|| labels.node_of(event.actor)).map(|node| node.0));
        self.system.word(Some(row.system));
        self.kind.word(Some(row.kind));
        self.push_where(&row, &labels);
        self.push_records(&row);
        self.push_who(&row);
        self.reason.word(row.reason);
        self.peer.append_option(row.peer.map(|peer| match peer {
            Peer::Node(node) => labels.node(node),
            Peer::Actor(actor) => labels.actor(actor),
        }));
        self.detail.append_option(row.detail);
    }

    fn push_where(&mut self, row: &FactRow<'_>, labels: &Labels) {
        let place = row.place.map(|place| labels.place(place));
        let channel = place.map(|(channel, _)| channel).or(row.channel);
        self.topic.maybe(channel.map(|channel| channel.0));
        self.partition.append_option(place.map(|(_, partition)| partition));
        self.offset.append_option(row.offset.map(|offset| offset as i64));
        self.upto.append_option(row.upto.map(|upto| upto as i64));
    }

    fn push_records(&mut self, row: &FactRow<'_>) {
        self.first_record.append_option(row.first.map(|first| first.to_bits() as i64));
        self.records.append_option(row.records.map(|records| records as i32));
        self.bytes.append_option(row.bytes.map(|bytes| bytes as i64));
        if let Some(span) = row.list {
            self.list(span);
        }
        self.record_list.append(row.list.is_some());
    }

    fn list(&mut self, span: &Span) {
        let values = self.record_list.values();
        span.records().iter().for_each(|record| values.append_value(record.id.to_bits() as i64));
    }

    fn push_who(&mut self, row: &FactRow<'_>) {
        self.group.maybe(row.group.map(|group| group.0));
        self.member.append_option(row.member.map(|member| member as i64));
        self.broker.append_option(row.broker.map(|broker| broker as i32));
        self.leader_epoch.append_option(row.leader_epoch.map(|epoch| epoch as i32));
        self.generation.append_option(row.generation.map(|generation| generation as i32));
    }
}

impl Columns for FactColumns {
    fn len(&self) -> usize {
        self.rows
    }

    fn finish(&mut self) -> RecordBatch {
        self.rows = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.serial.finish()),
            Arc::new(self.at_ns.finish()),
            Arc::new(self.cause.finish()),
            self.actor.finish(),
            self.node.finish(),
            self.system.finish(),
            self.kind.finish(),
            self.topic.finish(),
            Arc::new(self.partition.finish()),
            Arc::new(self.offset.finish()),
            Arc::new(self.upto.finish()),
            Arc::new(self.first_record.finish()),
            Arc::new(self.records.finish()),
            Arc::new(self.record_list.finish()),
            Arc::new(self.bytes.finish()),
            self.group.finish(),
            Arc::new(self.member.finish()),
            Arc::new(self.broker.finish()),
            Arc::new(self.leader_epoch.finish()),
            Arc::new(self.generation.finish()),
            self.reason.finish(),
            Arc::new(self.peer.finish()),
            Arc::new(self.detail.finish()),
        ];
        RecordBatch::try_new(Arc::clone(&self.schema), columns).expect("columns as in the schema")
    }
}
