//! Which leader wrote what: the leader epochs of a log and the offset at which each begins.
//!
//! **Invariant.** Epochs and start offsets both rise strictly from row to row.
//!
//! Source: Kafka's `LeaderEpochFileCache`, oracle sheet 05, section 5a; KIP-101.

/// An epoch and the offset of its first record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochStart {
    /// The leader epoch.
    pub epoch: u32,
    /// The offset of the first record that its leader appended.
    pub start: u64,
}

/// The epochs of a log, oldest first. A few rows: leaders change rarely.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct LeaderEpochs {
    rows: Vec<EpochStart>,
}

impl LeaderEpochs {
    /// Epoch `epoch` begins at offset `start`, unless it is the latest and began earlier. Rows that
    /// contradict the new one, by a later or equal epoch or start, go.
    pub fn assign(&mut self, epoch: u32, start: u64) {
        if self.rows.last().is_some_and(|last| last.epoch == epoch && last.start <= start) {
            return;
        }
        self.rows.truncate(self.rows.partition_point(|row| row.epoch < epoch && row.start < start));
        self.rows.push(EpochStart { epoch, start });
    }

    /// The log ends at `end` now: epochs that begin at or above it go.
    pub fn truncate_from_end(&mut self, end: u64) {
        self.rows.truncate(self.rows.partition_point(|row| row.start < end));
    }

    /// The log begins at `start` now: epochs that end at or below it go, and the one that holds `start`
    /// begins there.
    pub fn truncate_from_start(&mut self, start: u64) {
        let passed = self.rows.partition_point(|row| row.start <= start);
        if passed > 0 {
            self.rows.drain(..passed - 1);
            self.rows[0].start = start;
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// The rows, oldest first.
    pub fn rows(&self) -> &[EpochStart] {
        &self.rows
    }

    /// The latest epoch.
    pub fn latest(&self) -> Option<u32> {
        self.rows.last().map(|row| row.epoch)
    }

    /// The epoch before the latest.
    pub fn previous(&self) -> Option<u32> {
        self.rows.iter().rev().nth(1).map(|row| row.epoch)
    }

    /// The smallest epoch above `epoch`; with none given, the first.
    pub fn next(&self, epoch: Option<u32>) -> Option<u32> {
        self.higher(epoch).map(|row| row.epoch)
    }

    /// The epoch in which the record at `offset` was written.
    pub fn epoch_at(&self, offset: u64) -> Option<u32> {
        let behind = self.rows.partition_point(|row| row.start <= offset);
        behind.checked_sub(1).map(|index| self.rows[index].epoch)
    }

    /// Where `epoch` ends in a log whose end is `log_end`: the largest known epoch that is not above it, with
    /// the offset at which the next one begins. Undefined (`None`) for an epoch above all known ones.
    /// An epoch below all known ones ends where the first begins.
    pub fn end_offset_for(&self, epoch: Option<u32>, log_end: u64) -> Option<(u32, u64)> {
        let epoch = epoch?;
        if self.latest() == Some(epoch) {
            return Some((epoch, log_end));
        }
        let higher = self.higher(Some(epoch))?;
        let floor = self.rows.iter().rev().find(|row| row.epoch <= epoch);
        Some((floor.map_or(epoch, |row| row.epoch), higher.start))
    }

    fn higher(&self, epoch: Option<u32>) -> Option<EpochStart> {
        self.rows.iter().copied().find(|row| epoch.is_none_or(|epoch| row.epoch > epoch))
    }
}
