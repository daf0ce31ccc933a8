//! A partition's log on one broker.
use std::sync::Arc;

use super::config::TopicConfig;
use super::epochs::LeaderEpochs;
use super::producer_state::ProducerStates;
use crate::kernel::{Crash, Duration, Time};
use crate::trace::Batch;
use crate::trace::kafka::ErrorCode;
use crate::wire::kafka::{Chunk, Stamp};

/// What became of a batch that a leader was asked to append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Appended {
    /// It lies at this offset now.
    New(u64),
    /// It lay at this offset already: nothing was written.
    Duplicate(u64),
}

/// What a power loss took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    /// The log end offset now.
    pub to: u64,
    /// The log end offset before.
    pub from: u64,
    /// Records that were in between.
    pub records: u64,
}

/// A partition's log on one broker.
#[derive(Clone, Debug)]
pub struct Log {
    _config: Arc<TopicConfig>,
}

impl Log {
    /// An empty log. `page_cache_writeback`: how long the operating system leaves dirty pages unwritten.
    pub fn new(config: Arc<TopicConfig>, page_cache_writeback: Duration) -> Self {
        let _ = page_cache_writeback;
        Self { _config: config }
    }
    /// Appends as leader: checks size, timestamps and sequence, assigns offsets and epoch.
    pub fn append(
        &mut self,
        _now: Time,
        _leader_epoch: u32,
        _stamp: Option<Stamp>,
        _batch: Arc<Batch>,
    ) -> Result<Appended, ErrorCode> {
        todo!()
    }
    /// Appends as follower: the offsets stand in the chunk, which must begin at or above the log's end.
    pub fn append_chunk(&mut self, _now: Time, _chunk: &Chunk) {
        todo!()
    }
    /// A new leader epoch begins at the log's end (a replica became leader).
    pub fn begin_epoch(&mut self, _leader_epoch: u32) {
        todo!()
    }
    /// Sets the high watermark, within log start and end; says the new one when it changed.
    pub fn set_high_watermark(&mut self, _to: u64) -> Option<u64> {
        todo!()
    }
    /// Raises the high watermark if `to` is above it (and not above the end).
    pub fn raise_high_watermark(&mut self, _to: u64) -> Option<u64> {
        todo!()
    }
    /// Raises the log start (leader's start on a follower, DeleteRecords), at most to the high watermark.
    pub fn raise_start(&mut self, _to: u64) -> Option<u64> {
        todo!()
    }
    /// Cuts off what lies at or above `to`; says (new end, old end) when that was something.
    pub fn truncate_to(&mut self, _to: u64) -> Option<(u64, u64)> {
        todo!()
    }
    /// Drops everything; the log goes on at `start`.
    pub fn truncate_fully_and_start_at(&mut self, _start: u64) {
        todo!()
    }
    /// Deletes segments that retention by size or time, or the log start, has passed; says the new log start when it moved.
    pub fn retain(&mut self, _now: Time) -> Option<u64> {
        todo!()
    }
    /// Forgets idle producers.
    pub fn expire_producers(&mut self, _now: Time, _expiration: Duration) {
        todo!()
    }
    /// Whether `flush.messages` or `flush.ms` ask for an fsync now.
    pub fn flush_due(&self, _now: Time) -> bool {
        todo!()
    }
    /// When `flush.ms` will ask for an fsync, if nothing is flushed before.
    pub fn next_flush(&self) -> Option<Time> {
        todo!()
    }
    /// Everything is on disk now.
    pub fn flush(&mut self, _now: Time) {
        todo!()
    }
    /// Writes the high watermark to the checkpoint file (`replica.high.watermark.checkpoint.interval.ms`).
    pub fn checkpoint(&mut self) {
        todo!()
    }
    /// A shutdown in good order: flush, checkpoint, producer snapshot.
    pub fn close(&mut self, _now: Time) {
        todo!()
    }
    /// The broker died and its logs are read again; says what a power loss took.
    pub fn crash(&mut self, _how: Crash, _now: Time) -> Option<Cut> {
        todo!()
    }
    /// Re-encodes compactly what lies below `offset` and was appended before `older_than`; contents are dropped.
    pub fn freeze_below(&mut self, _offset: u64, _older_than: Time) {
        todo!()
    }
    /// Batches from the one that holds `from`, below `upto`, of at most `max_bytes` but at least one.
    ///
    /// # Errors
    /// `OFFSET_OUT_OF_RANGE` below the log's start or above its end.
    pub fn read(&self, _from: u64, _upto: u64, _max_bytes: u32) -> Result<Vec<Chunk>, ErrorCode> {
        todo!()
    }
    /// Bytes that [`Self::read`] could return without bound.
    pub fn bytes_between(&self, _from: u64, _upto: u64) -> u64 {
        todo!()
    }
    /// The offset of the first record whose timestamp is not before `time`.
    pub fn offset_for_timestamp(&self, _time: Time) -> Option<u64> {
        todo!()
    }
    /// Where this epoch ends here (`endOffsetFor`).
    pub fn epoch_end(&self, _epoch: u32) -> Option<(u32, u64)> {
        todo!()
    }
    /// Whether a fetch at `offset` by one whose last record is of `last_epoch` diverges.
    ///
    /// # Errors
    /// `OFFSET_OUT_OF_RANGE`
    pub fn divergence(
        &self,
        _offset: u64,
        _last_epoch: Option<u32>,
    ) -> Result<Option<(u32, u64)>, ErrorCode> {
        todo!()
    }
    /// Log start offset.
    pub fn start(&self) -> u64 {
        todo!()
    }
    /// Log end offset: that of the next record.
    pub fn end(&self) -> u64 {
        todo!()
    }
    /// High watermark.
    pub fn high_watermark(&self) -> u64 {
        todo!()
    }
    /// Everything below is on disk.
    pub fn on_disk(&self, _now: Time) -> u64 {
        todo!()
    }
    /// Bytes in all segments.
    pub fn bytes(&self) -> u64 {
        todo!()
    }
    /// The leader epochs.
    pub fn epochs(&self) -> &LeaderEpochs {
        todo!()
    }
    /// The latest leader epoch in which something was appended or began.
    pub fn latest_epoch(&self) -> Option<u32> {
        todo!()
    }
    /// The producers.
    pub fn producers(&self) -> &ProducerStates {
        todo!()
    }
    /// The settings.
    pub fn config(&self) -> &TopicConfig {
        todo!()
    }
    /// Other settings from now on.
    pub fn set_config(&mut self, _config: Arc<TopicConfig>) {
        todo!()
    }
}
