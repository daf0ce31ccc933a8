//! Small batches and logs for tests of this room and of its neighbours.

use std::sync::Arc;

use super::{Appended, Log};
use crate::kafka::config::{TopicConfig, Version};
use crate::kernel::{Duration, Time};
use crate::trace::{Batch, Record, RecordId};

/// Bytes of a batch of one record.
pub(crate) const ONE: u32 = 100;

/// `records` records from number `first` of source 0, made at `created`; [`ONE`] byte count each.
pub(crate) fn batch(first: u64, records: u64, created: Time) -> Arc<Batch> {
    let record = |i| Record::new(RecordId::new(0, i), created, None, ONE - 70);
    Batch::new((first..first + records).map(record).collect(), Vec::new(), ONE * records as u32)
}

/// The defaults of 4.1, changed.
pub(crate) fn topic(change: impl FnOnce(&mut TopicConfig)) -> Arc<TopicConfig> {
    let mut config = TopicConfig::of(Version::V4_1);
    change(&mut config);
    Arc::new(config)
}

/// An empty log with these settings and a write-back of 30 s.
pub(crate) fn log_with(change: impl FnOnce(&mut TopicConfig)) -> Log {
    Log::new(topic(change), Duration::from_secs(30))
}

/// Appends so many batches of one record under `epoch` at time zero; ids are offsets.
pub(crate) fn append(log: &mut Log, epoch: u32, records: u64) {
    append_at(log, epoch, records, Time::ZERO);
}

/// The same at another time.
pub(crate) fn append_at(log: &mut Log, epoch: u32, records: u64, now: Time) {
    for _ in 0..records {
        let end = log.end();
        assert_eq!(log.append(now, epoch, None, batch(end, 1, now)), Ok(Appended::New(end)));
    }
}

/// Offset, epoch and first record of each batch from the log's start.
pub(crate) fn contents(log: &Log) -> Vec<(u64, u32, u64)> {
    let chunks = log.read(log.start(), log.end(), u32::MAX).expect("the start is in range");
    let told = |chunk: &crate::wire::kafka::Chunk| {
        (chunk.offset, chunk.leader_epoch, chunk.batch.records()[0].id.sequence())
    };
    chunks.iter().map(told).collect()
}

/// Forgets the leader epochs, as a log written before there were any.
pub(crate) fn forget_epochs(log: &mut Log) {
    log.epochs.clear();
}
