//! The batches of a log in order of offset: old ones frozen, new ones as they came.
//!
//! **Invariant.** Batches lie one behind the other without a gap; a batch's position is the number of bytes
//! that were appended before it and not cut off since.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::kernel::Time;
use crate::trace::Few;
use crate::wire::kafka::Chunk;

use super::frozen::Frozen;
use super::pages::Pages;

/// Records of a frozen block: enough to share its header, few enough to thaw at once.
const BLOCK_RECORDS: u64 = 1_024;

/// The batches of a log.
#[derive(Clone, Default, Debug)]
pub(super) struct Chunks {
    frozen: VecDeque<Placed<Arc<Frozen>>>,
    live: Pages<Placed<Chunk>>,
    end_position: u64,
}

/// Something at a position in the log.
#[derive(Clone, Debug)]
struct Placed<T> {
    position: u64,
    what: T,
}

impl Chunks {
    #[inline]
    pub(super) fn push(&mut self, chunk: Chunk) {
        debug_assert!(self.live.back().is_none_or(|last| last.what.end() == chunk.offset), "no gaps");
        let position = self.end_position;
        self.end_position += u64::from(chunk.batch.bytes());
        self.live.push_back(Placed { position, what: chunk });
    }

    /// Drops batches that reach above `to`; says where the log ends now: at `to`, or at the beginning of the
    /// batch that holds it.
    pub(super) fn truncate(&mut self, to: u64) -> u64 {
        self.thaw_back(to);
        let mut end = to;
        while self.live.back().is_some_and(|last| last.what.end() > to) {
            let last = self.live.pop_back().expect("seen above");
            self.end_position = last.position;
            end = end.min(last.what.offset);
        }
        end
    }

    /// Drops whole batches, or blocks of them, that lie below `start`.
    pub(super) fn drop_below(&mut self, start: u64) {
        while self.frozen.front().is_some_and(|block| block.what.end <= start) {
            self.frozen.pop_front();
        }
        if self.frozen.is_empty() {
            let dropped = self.live.partition_point(|chunk| chunk.what.end() <= start);
            self.live.drop_front(dropped);
        }
    }

    /// Freezes whole blocks of batches that lie below `offset` and were appended before `older_than`.
    pub(super) fn freeze_below(&mut self, offset: u64, older_than: Time) {
        let is_old = |chunk: &Chunk| chunk.end() <= offset && chunk.appended < older_than;
        let mut old = self.live.iter_from(0).take_while(|chunk| is_old(&chunk.what)).count();
        while let Some(count) = self.block(old) {
            let position = self.live[0].position;
            let block = Frozen::freeze(self.live.iter_from(0).take(count).map(|chunk| &chunk.what));
            self.live.drop_front(count);
            self.frozen.push_back(Placed { position, what: Arc::new(block) });
            old -= count;
        }
    }

    /// How many of the first `old` batches fill a block.
    fn block(&self, old: usize) -> Option<usize> {
        let first = self.live.get(0)?.what.offset;
        let is_full = |chunk: &Placed<Chunk>| chunk.what.end() - first >= BLOCK_RECORDS;
        self.live.iter_from(0).take(old).position(is_full).map(|index| index + 1)
    }

    fn thaw_back(&mut self, to: u64) {
        let kept = self.frozen.partition_point(|block| block.what.end <= to);
        if kept == self.frozen.len() {
            return;
        }
        let mut live = Pages::default();
        for block in self.frozen.drain(kept..) {
            let mut position = block.position;
            for chunk in block.what.thaw() {
                let bytes = u64::from(chunk.batch.bytes());
                live.push_back(Placed { position, what: chunk });
                position += bytes;
            }
        }
        self.live.iter_from(0).for_each(|chunk| live.push_back(chunk.clone()));
        self.live = live;
    }

    /// Bytes ever appended and not cut off.
    pub(super) fn end_position(&self) -> u64 {
        self.end_position
    }

    /// The position of the batch (or frozen block) that holds `offset`.
    pub(super) fn position(&self, offset: u64) -> u64 {
        if let Some(block) = self.frozen.get(self.frozen.partition_point(|block| block.what.end <= offset)) {
            return block.position;
        }
        let holder = self.live.get(self.live.partition_point(|chunk| chunk.what.end() <= offset));
        holder.map_or(self.end_position, |chunk| chunk.position)
    }

    /// Batches from the one that holds `from` that end at or below `upto`: at most `max_bytes` of them, but at
    /// least one.
    #[inline]
    pub(super) fn read(&self, from: u64, upto: u64, max_bytes: u32) -> Few<Chunk> {
        if self.frozen.back().is_some_and(|last| last.what.end > from) {
            return self.read_frozen(from, upto, max_bytes);
        }
        let first = self.first_live(from);
        let mut room = Room::new(max_bytes);
        let fits = |chunk: &&Placed<Chunk>| chunk.what.end() <= upto && room.take(&chunk.what);
        let count = self.live.iter_from(first).take_while(fits).count();
        self.live.iter_from(first).take(count).map(|chunk| chunk.what.clone()).collect()
    }

    /// The first live batch that ends above `from`. Most are near the log's end: looked for from there, in steps
    /// that double.
    #[inline]
    fn first_live(&self, from: u64) -> usize {
        let is_below = |index: usize| self.live[index].what.end() <= from;
        let (mut above, mut step) = (self.live.len(), 1);
        while above > 0 && !is_below(above.saturating_sub(step)) {
            above = above.saturating_sub(step);
            step *= 2;
        }
        let mut below = above.saturating_sub(step);
        while below < above {
            let middle = below + (above - below) / 2;
            if is_below(middle) { below = middle + 1 } else { above = middle }
        }
        above
    }

    fn read_frozen(&self, from: u64, upto: u64, max_bytes: u32) -> Few<Chunk> {
        let mut room = Room::new(max_bytes);
        let fits = |chunk: &Chunk| chunk.end() <= upto && room.take(chunk);
        self.iter_from(from).take_while(fits).collect()
    }

    /// Batches from the one that holds `from`; blocks are thawed one by one.
    pub(super) fn iter_from(&self, from: u64) -> impl Iterator<Item = Chunk> + '_ {
        let block = self.frozen.partition_point(|block| block.what.end <= from);
        let thawed = self.frozen.range(block..).flat_map(|block| block.what.thaw());
        let first = self.live.partition_point(|chunk| chunk.what.end() <= from);
        let live = self.live.iter_from(first).map(|chunk| chunk.what.clone());
        thawed.skip_while(move |chunk| chunk.end() <= from).chain(live)
    }

    /// Batches from the first block in which something may not be older than `time`.
    pub(super) fn iter_since(&self, time: Time) -> impl Iterator<Item = Chunk> + '_ {
        let is_old = move |block: &&Placed<Arc<Frozen>>| {
            block.what.latest_created.max(block.what.latest_appended) < time
        };
        let blocks = self.frozen.iter().filter(move |block| !is_old(block));
        let thawed = blocks.flat_map(|block| block.what.thaw());
        thawed.chain(self.live.iter_from(0).map(|chunk| chunk.what.clone()))
    }

    /// Records that are frozen, and the bytes of memory that they take.
    pub(super) fn frozen(&self) -> (u64, usize) {
        let records = self.frozen.iter().map(|block| block.what.end - block.what.start).sum();
        (records, self.frozen.iter().map(|block| block.what.memory()).sum())
    }
}

/// How many bytes a read may still take. The first batch is always taken.
struct Room {
    left: u64,
    is_first: bool,
}

impl Room {
    fn new(max_bytes: u32) -> Self {
        Self { left: u64::from(max_bytes), is_first: true }
    }

    fn take(&mut self, chunk: &Chunk) -> bool {
        let bytes = u64::from(chunk.batch.bytes());
        let fits = self.is_first || bytes <= self.left;
        self.left = self.left.saturating_sub(bytes);
        self.is_first = false;
        fits
    }
}
