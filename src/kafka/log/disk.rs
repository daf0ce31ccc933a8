//! What of a log is on disk: by Kafka's own flushes, and by the operating system's write-back.

use std::collections::VecDeque;

use crate::kernel::{Duration, Time};

/// Steps into which the write-back delay is divided; bounds the queue, and the error (always late).
const GRAINS: u64 = 256;

/// Appends and when they reach the disk.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    writeback: Duration,
    /// Below this Kafka has flushed: the recovery point.
    flushed: u64,
    flushed_at: Time,
    /// Below this the operating system has written.
    written: u64,
    /// When the appends up to this offset will have been written. At most [`GRAINS`] and two.
    dirty: VecDeque<(Time, u64)>,
}

impl Disk {
    pub(super) fn new(writeback: Duration) -> Self {
        Self { writeback, flushed: 0, flushed_at: Time::ZERO, written: 0, dirty: VecDeque::new() }
    }

    /// The log was appended to and ends at `end`.
    #[inline]
    pub(super) fn append(&mut self, now: Time, end: u64) {
        self.written = self.on_disk(now).max(self.written);
        while self.dirty.front().is_some_and(|(when, _)| *when <= now) {
            self.dirty.pop_front();
        }
        let when = self.round_up(now) + self.writeback;
        match self.dirty.back_mut() {
            Some(last) if last.0 == when => last.1 = end,
            Some(_) | None => self.dirty.push_back((when, end)),
        }
    }

    /// Everything below `end` was forced to disk.
    pub(super) fn flush(&mut self, now: Time, end: u64) {
        self.flushed = self.flushed.max(end);
        self.flushed_at = now;
        while self.dirty.front().is_some_and(|(_, dirty)| *dirty <= end) {
            self.dirty.pop_front();
        }
    }

    /// The log ends at `end` now.
    pub(super) fn truncate(&mut self, end: u64) {
        self.flushed = self.flushed.min(end);
        self.written = self.written.min(end);
        let kept = self.dirty.partition_point(|(_, dirty)| *dirty < end);
        self.dirty.truncate(kept + 1);
        if let Some(last) = self.dirty.get_mut(kept) {
            last.1 = end;
        }
    }

    /// The log was emptied and goes on at `start`.
    pub(super) fn restart_at(&mut self, start: u64) {
        self.dirty.clear();
        (self.flushed, self.written) = (start, start);
    }

    /// Below this everything is on disk.
    pub(super) fn on_disk(&self, now: Time) -> u64 {
        // Most look soon after the last append, which has left nothing that is ripe.
        let is_ripe = |(when, _): &(Time, u64)| *when <= now;
        let ripe =
            if self.dirty.front().is_some_and(is_ripe) { self.dirty.partition_point(is_ripe) } else { 0 };
        let written = ripe.checked_sub(1).map_or(self.written, |index| self.dirty[index].1);
        written.max(self.flushed)
    }

    /// The recovery point: Kafka itself has flushed what lies below.
    pub(super) fn flushed(&self) -> u64 {
        self.flushed
    }

    /// When Kafka flushed last.
    pub(super) fn flushed_at(&self) -> Time {
        self.flushed_at
    }

    fn round_up(&self, now: Time) -> Time {
        let grain = (self.writeback.as_nanos() / GRAINS).max(1);
        Time::from_nanos(now.as_nanos().saturating_add(grain - 1) / grain * grain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> Time {
        Time::from_secs(secs)
    }

    #[test]
    fn what_is_older_than_the_write_back_delay_is_on_disk_and_nothing_younger() {
        let mut disk = Disk::new(Duration::from_secs(30));
        disk.append(secs(1), 10);
        disk.append(secs(2), 20);
        assert_eq!(disk.on_disk(secs(30)), 0);
        assert_eq!(disk.on_disk(Time::from_millis(31_200)), 10);
        assert_eq!(disk.on_disk(Time::from_millis(32_200)), 20);
    }

    #[test]
    fn the_queue_is_bounded_by_the_grains() {
        let mut disk = Disk::new(Duration::from_secs(30));
        (0..100_000).for_each(|i| disk.append(Time::from_millis(i), i + 1));
        assert!(disk.dirty.len() <= GRAINS as usize + 2, "{}", disk.dirty.len());
        let on_disk = disk.on_disk(Time::from_millis(99_999));
        assert!((69_880..=70_000).contains(&on_disk), "{on_disk}");
    }

    #[test]
    fn without_delay_all_is_written_at_once_and_without_end_never() {
        let mut at_once = Disk::new(Duration::ZERO);
        at_once.append(secs(1), 10);
        assert_eq!(at_once.on_disk(secs(1)), 10);
        let mut never = Disk::new(Duration::MAX);
        never.append(secs(1), 10);
        assert_eq!(never.on_disk(secs(1_000_000)), 0);
        never.flush(secs(2), 10);
        assert_eq!(never.on_disk(secs(2)), 10);
    }

    #[test]
    fn truncation_forgets_what_was_dirty_above() {
        let mut disk = Disk::new(Duration::from_secs(30));
        disk.append(secs(1), 10);
        disk.append(secs(20), 20);
        disk.append(secs(21), 30);
        disk.truncate(15);
        disk.append(secs(40), 40);
        assert_eq!(disk.on_disk(secs(32)), 10);
        assert_eq!(disk.on_disk(secs(51)), 15);
        assert_eq!(disk.on_disk(secs(71)), 40);
    }
}
