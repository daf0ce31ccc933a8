//! A partition's log on one broker: offsets, segments, epochs, producers, and what of it is on disk.
//!
//! A plain value: it is told the time and returns what happened. Batches are shared by all replicas, so an
//! append is a few words.
//!
//! **Invariant.** start <= high watermark <= end; offsets are dense; retention never deletes a record at or
//! above the high watermark.
//!
//! **Not modelled:** compaction (`cleanup.policy=compact`; the compaction rows of oracle sheet 04), transactions
//! and the last stable offset, index files, `segment.jitter.ms`. A truncation into the middle of a batch
//! removes all of it and the log ends where it began (Kafka leaves a hole up to the offset); replicas cut
//! at ends of epochs, which are ends of batches.
//!
//! Source: Kafka's `UnifiedLog` and `LocalLog`, oracle sheets 04 and 05.

mod bits;
mod chunks;
mod disk;
mod frozen;
mod pages;
mod segments;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use self::chunks::Chunks;
use self::disk::Disk;
use self::segments::Segments;
use super::config::TopicConfig;
use super::epochs::{EpochStart, LeaderEpochs};
use super::producer_state::ProducerStates;
use crate::kernel::{Crash, Digest, Duration, Time};
use crate::trace::kafka::ErrorCode;
use crate::trace::{Batch, Few, Reign};
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
    config: Arc<TopicConfig>,
    chunks: Chunks,
    segments: Segments,
    epochs: LeaderEpochs,
    producers: ProducerStates,
    /// Producer snapshots, and the offsets up to which they hold.
    snapshots: VecDeque<(u64, ProducerStates)>,
    disk: Disk,
    start: u64,
    end: u64,
    high_watermark: u64,
    /// The high watermark in the checkpoint file.
    checkpointed: u64,
}

impl Log {
    /// An empty log. `page_cache_writeback`: how long the operating system leaves dirty pages unwritten.
    pub fn new(config: Arc<TopicConfig>, page_cache_writeback: Duration) -> Self {
        Self {
            config,
            chunks: Chunks::default(),
            segments: Segments::new(0, 0),
            epochs: LeaderEpochs::default(),
            producers: ProducerStates::default(),
            snapshots: VecDeque::new(),
            disk: Disk::new(page_cache_writeback),
            start: 0,
            end: 0,
            high_watermark: 0,
            checkpointed: 0,
        }
    }

    /// Appends as leader: checks size, timestamps and sequence, then assigns offsets and epoch.
    ///
    /// # Errors
    /// `MESSAGE_TOO_LARGE`, `INVALID_TIMESTAMP`, `INVALID_PRODUCER_EPOCH`, `OUT_OF_ORDER_SEQUENCE_NUMBER`:
    /// nothing was written.
    pub fn append(
        &mut self,
        now: Time,
        leader_epoch: u32,
        stamp: Option<Stamp>,
        batch: Arc<Batch>,
    ) -> Result<Appended, ErrorCode> {
        let created = batch.latest_created();
        self.check_batch(now, &batch, created)?;
        if let Some(stamp) = stamp
            && let Some(offset) = self.producers.validate(stamp, batch.len())?
        {
            return Ok(Appended::Duplicate(offset));
        }
        let offset = self.end;
        self.add(now, Chunk { offset, leader_epoch, appended: now, stamp, batch }, created);
        Ok(Appended::New(offset))
    }

    /// Appends as follower: offsets, epoch and stamp stand in the chunk and are not judged.
    ///
    /// # Panics
    /// When the chunk does not begin at the log's end: [`super::replica::Follower`] sees to that.
    pub fn append_chunk(&mut self, now: Time, chunk: Chunk) {
        assert_eq!(chunk.offset, self.end, "a follower's log has no gaps");
        let created = chunk.batch.latest_created();
        self.add(now, chunk, created);
    }

    /// A replica became leader: its epoch begins at the log's end.
    pub fn begin_epoch(&mut self, leader_epoch: u32) {
        self.epochs.assign(leader_epoch, self.end);
    }

    /// By whom it was written, where unclean elections may bring back what another replica has not.
    pub fn reigns(&self) -> Option<Box<[Reign]>> {
        let reign = |row: &EpochStart| Reign { number: row.epoch, start: row.start };
        self.config.unclean_leader_election.then(|| self.epochs.rows().iter().map(reign).collect())
    }

    /// Sets the high watermark, within the log's start and end; says the new one when it changed. A follower's
    /// may fall.
    pub fn set_high_watermark(&mut self, to: u64) -> Option<u64> {
        let to = to.clamp(self.start, self.end);
        (std::mem::replace(&mut self.high_watermark, to) != to).then_some(to)
    }

    /// Raises the high watermark (a leader's never falls); says the new one when it changed.
    pub fn raise_high_watermark(&mut self, to: u64) -> Option<u64> {
        assert!(to <= self.end, "the high watermark does not pass the log's end");
        if to > self.high_watermark { self.set_high_watermark(to) } else { None }
    }

    /// Raises the log's start, at most to the high watermark (a follower learns its leader's; DeleteRecords).
    /// Segments below go at the next [`Self::retain`]. Says the new one when it moved.
    pub fn raise_start(&mut self, to: u64) -> Option<u64> {
        let to = to.min(self.high_watermark);
        if to <= self.start {
            return None;
        }
        self.start = to;
        self.epochs.truncate_from_start(to);
        Some(to)
    }

    /// Cuts off what lies at or above `to`; says (new end, old end) when that was something.
    pub fn truncate_to(&mut self, to: u64) -> Option<(u64, u64)> {
        let from = self.end;
        if to >= from {
            // A row for an epoch in which nothing was appended may stand at the end.
            self.epochs.truncate_from_end(from);
            return None;
        }
        if to < self.segments.first().0 {
            self.truncate_fully_and_start_at(to);
            return Some((to, from));
        }
        self.end = self.chunks.truncate(to);
        self.start = self.start.min(self.end);
        self.high_watermark = self.high_watermark.min(self.end);
        self.checkpointed = self.checkpointed.min(self.end);
        self.epochs.truncate_from_end(self.end);
        self.disk.truncate(self.end);
        self.truncate_segments();
        self.reload_producers();
        Some((self.end, from))
    }

    /// Drops everything; the log is empty and goes on at `start`.
    pub fn truncate_fully_and_start_at(&mut self, start: u64) {
        self.chunks = Chunks::default();
        self.segments = Segments::new(start, 0);
        self.epochs.clear();
        self.producers = ProducerStates::default();
        self.snapshots.clear();
        self.disk.restart_at(start);
        (self.start, self.end, self.high_watermark, self.checkpointed) = (start, start, start, start);
    }

    /// Deletes whole segments that the log's start, `retention.bytes` or `retention.ms` has passed, in this order;
    /// when that is all of them, a new active segment is rolled first. Says the new log start when it moved.
    pub fn retain(&mut self, now: Time) -> Option<u64> {
        let before = self.start;
        self.delete(now, self.breached_by_start());
        self.delete(now, self.breached_by_size());
        self.delete(now, self.breached_by_age(now));
        (self.start != before).then_some(self.start)
    }

    /// Forgets producers that have been idle for `expiration` (`producer.id.expiration.ms`).
    pub fn expire_producers(&mut self, now: Time, expiration: Duration) {
        self.producers.expire(now, expiration);
    }

    /// Everything is forced to disk now.
    pub fn flush(&mut self, now: Time) {
        self.disk.flush(now, self.end);
    }

    /// Writes the high watermark to the checkpoint file (`replica.high.watermark.checkpoint.interval.ms`).
    pub fn checkpoint(&mut self) {
        self.checkpointed = self.high_watermark;
    }

    /// A shutdown in good order: all is flushed, the high watermark checkpointed, a producer snapshot taken.
    pub fn close(&mut self, now: Time) {
        self.flush(now);
        self.checkpoint();
        self.take_snapshot();
    }

    /// The broker died, and its logs are read again. A killed process keeps what it wrote; a power loss takes
    /// what was not on disk, and says how much. The high watermark is the checkpointed one; producers are what
    /// the latest snapshot and the batches behind it tell.
    pub fn crash(&mut self, how: Crash, now: Time) -> Option<Cut> {
        let (start, from) = (self.start, self.end);
        if how == Crash::DiskLoss {
            self.truncate_fully_and_start_at(0);
            return (from > start).then_some(Cut { to: 0, from, records: from - start });
        }
        if how == Crash::Exit {
            self.flush(now);
        }
        if how == Crash::Power {
            self.truncate_to(self.disk.on_disk(now));
            self.flush(now);
        }
        if self.end < start {
            self.truncate_fully_and_start_at(start);
        }
        self.high_watermark = self.checkpointed.clamp(self.start, self.end);
        self.epochs.truncate_from_end(self.end);
        self.reload_producers();
        (self.end < from).then(|| Cut { to: self.end, from, records: from - self.end })
    }

    /// Re-encodes compactly what lies below `offset` and was appended before `older_than`, in whole blocks of
    /// 1,024 records. Contents are dropped: call it for what every reader has passed. What is read again
    /// is thawed; its [`Chunk::appended`] is then in whole milliseconds.
    pub fn freeze_below(&mut self, offset: u64, older_than: Time) {
        self.chunks.freeze_below(offset, older_than);
    }

    /// Other settings from now on.
    pub fn set_config(&mut self, config: Arc<TopicConfig>) {
        self.config = config;
    }

    /// Batches from the one that holds `from` that end at or below `upto`: at most `max_bytes` of them, but at
    /// least one when there is one. The first may begin below `from`: readers drop what they have.
    ///
    /// # Errors
    /// `OFFSET_OUT_OF_RANGE` below the log's start or above its end.
    #[inline]
    pub fn read(&self, from: u64, upto: u64, max_bytes: u32) -> Result<Few<Chunk>, ErrorCode> {
        self.check_range(from)?;
        Ok(self.chunks.read(from, upto, max_bytes))
    }

    /// A fingerprint of the records between two offsets: equal for equal records of equal epochs at equal offsets,
    /// whatever batches they lie in.
    pub fn fingerprint(&self, from: u64, upto: u64) -> u64 {
        let mut sum = 0_u64;
        for chunk in self.chunks.iter_from(from).take_while(|chunk| chunk.offset < upto) {
            for (offset, record) in (chunk.offset..).zip(chunk.batch.records()) {
                if (from..upto).contains(&offset) {
                    let mut digest = Digest::default();
                    digest.word(offset);
                    digest.word(u64::from(chunk.leader_epoch));
                    digest.word(record.id.to_bits());
                    sum = sum.wrapping_add(digest.short());
                }
            }
        }
        sum
    }

    /// Bytes that [`Self::read`] would return without bound (for `fetch.min.bytes`). In frozen parts counted from
    /// the beginning of a block.
    pub fn bytes_between(&self, from: u64, upto: u64) -> u64 {
        if from >= upto { 0 } else { self.chunks.position(upto) - self.chunks.position(from) }
    }

    /// The offset of the first record whose timestamp is not before `time`; the caller bounds it by the high
    /// watermark.
    pub fn offset_for_timestamp(&self, time: Time) -> Option<u64> {
        let timed = self.chunks.iter_since(time).flat_map(|chunk| self.timestamps(&chunk));
        timed.into_iter().find(|(offset, at)| *offset >= self.start && *at >= time).map(|(offset, _)| offset)
    }

    /// Where this epoch ends here: [`LeaderEpochs::end_offset_for`].
    pub fn epoch_end(&self, epoch: u32) -> Option<(u32, u64)> {
        self.epochs.end_offset_for(Some(epoch), self.end)
    }

    /// Whether the log of one who fetches at `offset`, and whose last record is of `last_epoch`, has diverged from
    /// this one: then the largest epoch in common, as far as this log knows, and where it ends here.
    ///
    /// # Errors
    /// `OFFSET_OUT_OF_RANGE` when this log knows no epoch to compare with, or the offset is not in it.
    pub fn divergence(&self, offset: u64, last_epoch: Option<u32>) -> Result<Option<(u32, u64)>, ErrorCode> {
        if let Some(last_epoch) = last_epoch {
            let (epoch, end) = self.epoch_end(last_epoch).ok_or(ErrorCode::OffsetOutOfRange)?;
            if offset >= self.start && (epoch < last_epoch || end < offset) {
                return Ok(Some((epoch, end)));
            }
        }
        self.check_range(offset).map(|()| None)
    }

    /// Whether `flush.messages` or `flush.ms` ask for an fsync now. The caller does it ([`Self::flush`]) and bears
    /// its cost.
    #[inline]
    pub fn flush_due(&self, now: Time) -> bool {
        let dirty = self.end - self.disk.flushed();
        self.config.flush_messages.is_some_and(|messages| dirty > 0 && dirty >= messages)
            || self.next_flush().is_some_and(|when| when <= now)
    }

    /// When `flush.ms` asks for an fsync, if something is not flushed.
    #[inline]
    pub fn next_flush(&self) -> Option<Time> {
        let after = self.config.flush_ms.filter(|_| self.end > self.disk.flushed())?;
        Some(self.disk.flushed_at() + after)
    }

    /// Log start offset: that of the first record.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Log end offset: that of the next record.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The offset below which records are committed, as far as this replica knows.
    pub fn high_watermark(&self) -> u64 {
        self.high_watermark
    }

    /// Everything below survives a power loss.
    pub fn on_disk(&self, now: Time) -> u64 {
        self.disk.on_disk(now)
    }

    /// Bytes in all segments.
    pub fn bytes(&self) -> u64 {
        self.chunks.end_position() - self.segments.first().1
    }

    /// How many segments there are, with the active one.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// How many records are frozen, and the bytes of memory that they take.
    pub fn frozen(&self) -> (u64, usize) {
        self.chunks.frozen()
    }

    /// The leader epochs.
    pub fn epochs(&self) -> &LeaderEpochs {
        &self.epochs
    }

    /// The latest leader epoch that began in this log.
    pub fn latest_epoch(&self) -> Option<u32> {
        self.epochs.latest()
    }

    /// The producers.
    pub fn producers(&self) -> &ProducerStates {
        &self.producers
    }

    /// The settings.
    pub fn config(&self) -> &TopicConfig {
        &self.config
    }
}

impl Log {
    #[inline]
    fn add(&mut self, now: Time, chunk: Chunk, created: Time) {
        let timestamp = if self.config.log_append_time { chunk.appended } else { created };
        let (position, bytes) = (self.chunks.end_position(), u64::from(chunk.batch.bytes()));
        if self.segments.rolls_before(&self.config, position, bytes, timestamp) {
            self.roll(now);
        }
        self.segments.add(timestamp);
        if let Some(stamp) = chunk.stamp {
            self.producers.update(stamp, chunk.batch.len(), chunk.offset, timestamp);
        }
        self.epochs.assign(chunk.leader_epoch, chunk.offset);
        self.end = chunk.end();
        self.disk.append(now, self.end);
        self.chunks.push(chunk);
    }

    fn roll(&mut self, now: Time) {
        self.flush(now);
        self.take_snapshot();
        self.segments.roll(self.end, self.chunks.end_position());
    }

    fn check_batch(&self, now: Time, batch: &Batch, created: Time) -> Result<(), ErrorCode> {
        if batch.bytes() > self.config.max_message_bytes {
            return Err(ErrorCode::MessageTooLarge);
        }
        let bound = self.config.timestamp_after_max.filter(|_| !self.config.log_append_time);
        if bound.is_some_and(|after| created > now + after) {
            return Err(ErrorCode::InvalidTimestamp);
        }
        let bound = self.config.timestamp_before_max.filter(|_| !self.config.log_append_time);
        if bound.is_some_and(|before| now.since(earliest_created(batch)) > before) {
            return Err(ErrorCode::InvalidTimestamp);
        }
        Ok(())
    }

    #[inline]
    fn check_range(&self, offset: u64) -> Result<(), ErrorCode> {
        let is_inside = (self.start..=self.end).contains(&offset);
        if is_inside { Ok(()) } else { Err(ErrorCode::OffsetOutOfRange) }
    }

    fn breached_by_start(&self) -> usize {
        let start = self.start;
        self.deletable(|next, _, _| next.is_some_and(|base| base <= start))
    }

    /// Delete while what is above `retention.bytes` is at least as large as the oldest segment.
    fn breached_by_size(&self) -> usize {
        let Some(retained) = self.config.retention_bytes else { return 0 };
        let Some(mut excess) = self.bytes().checked_sub(retained) else { return 0 };
        self.deletable(|_, bytes, _| match excess.checked_sub(bytes) {
            Some(rest) => {
                excess = rest;
                true
            }
            None => false,
        })
    }

    fn breached_by_age(&self, now: Time) -> usize {
        let Some(retained) = self.config.retention_ms else { return 0 };
        self.deletable(|_, _, largest_timestamp| now.since(largest_timestamp) > retained)
    }

    fn deletable(&self, is_breached: impl FnMut(Option<u64>, u64, Time) -> bool) -> usize {
        let end = (self.end, self.chunks.end_position());
        self.segments.deletable(self.high_watermark, end, is_breached)
    }

    fn delete(&mut self, now: Time, segments: usize) {
        if segments == 0 {
            return;
        }
        if segments == self.segments.len() {
            self.roll(now);
        }
        (0..segments).for_each(|_| self.segments.delete_first());
        let base = self.segments.first().0;
        self.chunks.drop_below(base);
        self.raise_start(base);
        self.drop_snapshots(base);
        assert!(self.start <= self.high_watermark, "retention stays below the high watermark");
    }

    fn truncate_segments(&mut self) {
        self.segments.truncate(self.end);
        for chunk in self.chunks.iter_from(self.segments.active_base()) {
            self.segments.add(timestamp_of(&self.config, &chunk));
        }
    }

    fn take_snapshot(&mut self) {
        if self.snapshots.back().is_none_or(|(offset, _)| *offset < self.end) {
            self.snapshots.push_back((self.end, self.producers.snapshot()));
        }
    }

    /// Snapshots below `base` are not needed, but for the latest of them.
    fn drop_snapshots(&mut self, base: u64) {
        while self.snapshots.get(1).is_some_and(|(offset, _)| *offset <= base) {
            self.snapshots.pop_front();
        }
    }

    /// `ProducerStateManager.truncateAndReload`: the latest snapshot, then the batches behind it.
    fn reload_producers(&mut self) {
        while self.snapshots.back().is_some_and(|(offset, _)| *offset > self.end) {
            self.snapshots.pop_back();
        }
        let (from, mut producers) = self.snapshots.back().cloned().unwrap_or_default();
        for chunk in self.chunks.iter_from(from) {
            if let Some(stamp) = chunk.stamp {
                let timestamp = timestamp_of(&self.config, &chunk);
                producers.update(stamp, chunk.batch.len(), chunk.offset, timestamp);
            }
        }
        self.producers = producers;
    }

    fn timestamps(&self, chunk: &Chunk) -> Vec<(u64, Time)> {
        let appended = self.config.log_append_time.then_some(chunk.appended);
        let records = chunk.batch.records().iter();
        (chunk.offset..).zip(records.map(|record| appended.unwrap_or(record.created))).collect()
    }
}

fn timestamp_of(config: &TopicConfig, chunk: &Chunk) -> Time {
    if config.log_append_time { chunk.appended } else { chunk.batch.latest_created() }
}

#[inline]
fn earliest_created(batch: &Batch) -> Time {
    batch.records().iter().map(|record| record.created).min().expect("a batch has a record")
}
