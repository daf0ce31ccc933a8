//! The lag of groups over time.

use std::sync::Arc;

use arrow::array::{ArrayBuilder, ArrayRef, Float64Builder, Int32Builder, Int64Builder, RecordBatch};
use arrow::datatypes::{DataType, Schema, SchemaRef};

use crate::kernel::{Duration, Time};
use crate::trace::{GroupId, PlaceId};

use super::columns::{Columns, Labels, Names, names, optional, required};

/// How far a group is behind in a place, at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LagRow {
    /// When.
    pub at: Time,
    /// Who.
    pub group: GroupId,
    /// Where.
    pub place: PlaceId,
    /// The end of what is committed: the high watermark.
    pub log_end: u64,
    /// The offset behind the last that the group has settled; none before the first.
    pub committed: Option<u64>,
    /// Committed records that it has not settled.
    pub lag: u64,
    /// The age of the oldest of these; zero when there are none.
    pub behind: Duration,
}

/// The columns of `lag/`, in order.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        required("at_ns", DataType::Int64),
        required("group", names()),
        required("topic", names()),
        required("partition", DataType::Int32),
        required("log_end", DataType::Int64),
        optional("committed", DataType::Int64),
        required("lag", DataType::Int64),
        required("lag_seconds", DataType::Float64),
    ]))
}

/// Points under construction.
pub(super) struct LagColumns {
    labels: Arc<Labels>,
    schema: SchemaRef,
    at_ns: Int64Builder,
    group: Names,
    topic: Names,
    partition: Int32Builder,
    log_end: Int64Builder,
    committed: Int64Builder,
    lag: Int64Builder,
    lag_seconds: Float64Builder,
}

impl LagColumns {
    pub(super) fn new(labels: Arc<Labels>) -> Self {
        Self {
            schema: schema(),
            at_ns: Int64Builder::new(),
            group: labels.groups(),
            topic: labels.channels(),
            partition: Int32Builder::new(),
            log_end: Int64Builder::new(),
            committed: Int64Builder::new(),
            lag: Int64Builder::new(),
            lag_seconds: Float64Builder::new(),
            labels,
        }
    }

    pub(super) fn push(&mut self, row: &LagRow) {
        let (channel, partition) = self.labels.place(row.place);
        self.at_ns.append_value(row.at.as_nanos() as i64);
        self.group.number(row.group.0);
        self.topic.number(channel.0);
        self.partition.append_value(partition);
        self.log_end.append_value(row.log_end as i64);
        self.committed.append_option(row.committed.map(|committed| committed as i64));
        self.lag.append_value(row.lag as i64);
        self.lag_seconds.append_value(row.behind.as_secs_f64());
    }
}

impl Columns for LagColumns {
    fn len(&self) -> usize {
        self.at_ns.len()
    }

    fn finish(&mut self) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.at_ns.finish()),
            self.group.finish(),
            self.topic.finish(),
            Arc::new(self.partition.finish()),
            Arc::new(self.log_end.finish()),
            Arc::new(self.committed.finish()),
            Arc::new(self.lag.finish()),
            Arc::new(self.lag_seconds.finish()),
        ];
        RecordBatch::try_new(Arc::clone(&self.schema), columns).expect("columns as in the schema")
    }
}
