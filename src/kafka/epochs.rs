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

/// Rows of oracle sheet 05, section 5a, by their names. A `-1` that Kafka passes for "undefined" where an offset is
/// expected (two rows of the truncation tests) cannot be said here.
#[cfg(test)]
mod tests {
    use super::*;

    fn assigned(rows: &[(u32, u64)]) -> LeaderEpochs {
        let mut epochs = LeaderEpochs::default();
        rows.iter().for_each(|(epoch, start)| epochs.assign(*epoch, *start));
        epochs
    }

    fn rows(epochs: &LeaderEpochs) -> Vec<(u32, u64)> {
        epochs.rows().iter().map(|row| (row.epoch, row.start)).collect()
    }

    fn end(epochs: &LeaderEpochs, epoch: u32, log_end: u64) -> Option<(u32, u64)> {
        epochs.end_offset_for(Some(epoch), log_end)
    }

    #[test]
    fn should_add_epoch_and_message_offset_to_cache() {
        assert_eq!(end(&assigned(&[(2, 10)]), 2, 11), Some((2, 11)));
    }

    #[test]
    fn should_return_log_end_offset_if_latest_epoch_requested() {
        assert_eq!(end(&assigned(&[(2, 11), (2, 12)]), 2, 14), Some((2, 14)));
    }

    #[test]
    fn should_return_undefined_offset_if_undefined_epoch_requested() {
        assert_eq!(assigned(&[(2, 11), (3, 12)]).end_offset_for(None, 13), None);
    }

    #[test]
    fn should_not_overwrite_log_end_offset_for_a_leader_epoch_once_it_has_been_assigned() {
        assert_eq!(rows(&assigned(&[(2, 9), (2, 10)])), [(2, 9)]);
    }

    #[test]
    fn should_enforce_monotonically_increasing_start_offsets() {
        assert_eq!(rows(&assigned(&[(2, 9), (3, 9)])), [(3, 9)]);
    }

    #[test]
    fn should_return_unsupported_if_no_epoch_recorded() {
        assert_eq!(end(&LeaderEpochs::default(), 0, 0), None);
    }

    #[test]
    fn should_return_first_epoch_if_requested_epoch_less_than_first_epoch() {
        assert_eq!(end(&assigned(&[(5, 11), (6, 12), (7, 13)]), 4, 20), Some((4, 11)));
    }

    #[test]
    fn should_truncate_if_matching_epoch_but_earlier_starting_offset() {
        let epochs = assigned(&[(5, 11), (6, 12), (7, 13), (7, 12)]);
        assert_eq!((end(&epochs, 5, 20), end(&epochs, 6, 20)), (Some((5, 12)), Some((5, 12))));
    }

    #[test]
    fn should_get_first_offset_of_subsequent_epoch_when_offset_requested_for_previous_epoch() {
        assert_eq!(end(&assigned(&[(1, 11), (2, 13), (3, 15)]), 2, 17), Some((2, 15)));
    }

    #[test]
    fn should_return_next_available_epoch_if_there_is_no_exact_epoch_for_the_one_requested() {
        let epochs = assigned(&[(0, 10), (2, 13), (4, 17)]);
        let ends = [1, 2, 3].map(|epoch| end(&epochs, epoch, 20));
        assert_eq!(ends, [Some((0, 13)), Some((2, 17)), Some((2, 17))]);
    }

    #[test]
    fn should_return_invalid_offset_if_epoch_is_requested_which_is_not_currently_tracked() {
        assert_eq!(end(&assigned(&[(2, 100)]), 3, 110), None);
    }

    #[test]
    fn should_enforce_monotonically_increasing_epochs() {
        let epochs = assigned(&[(1, 5), (2, 6), (1, 7)]);
        assert_eq!((epochs.latest(), rows(&epochs)), (Some(1), vec![(1, 7)]));
        assert_eq!((end(&epochs, 1, 8), end(&epochs, 2, 8)), (Some((1, 8)), None));
    }

    #[test]
    fn should_enforce_offsets_increase_monotonically() {
        assert_eq!(rows(&assigned(&[(2, 6), (3, 5)])), [(3, 5)]);
    }

    #[test]
    fn should_increase_and_track_epochs_as_leaders_change_many_times() {
        let mut epochs = assigned(&[(0, 0), (1, 0)]);
        assert_eq!((end(&epochs, 1, 0), end(&epochs, 0, 0)), (Some((1, 0)), Some((0, 0))));
        assert_eq!((end(&epochs, 1, 5), end(&epochs, 0, 5)), (Some((1, 5)), Some((0, 0))));
        epochs.assign(2, 5);
        let ends = [2, 1, 0].map(|epoch| end(&epochs, epoch, 10));
        assert_eq!(ends, [Some((2, 10)), Some((1, 5)), Some((0, 0))]);
    }

    #[test]
    fn should_increase_and_track_epochs_as_follower_receives_many_messages() {
        let epochs = assigned(&[(0, 0), (0, 1), (0, 2), (1, 3), (1, 4), (1, 5), (2, 6), (2, 7), (2, 8)]);
        let ends = [0, 1, 2].map(|epoch| end(&epochs, epoch, 9));
        assert_eq!(ends, [Some((0, 3)), Some((1, 6)), Some((2, 9))]);
    }

    #[test]
    fn truncate_from_end_tests() {
        for (to, left) in
            [(8, vec![(2, 6)]), (9, vec![(2, 6), (3, 8)]), (12, vec![(2, 6), (3, 8), (4, 11)]), (0, vec![])]
        {
            let mut epochs = assigned(&[(2, 6), (3, 8), (4, 11)]);
            epochs.truncate_from_end(to);
            assert_eq!(rows(&epochs), left, "truncated from {to}");
        }
    }

    #[test]
    fn truncate_from_start_tests() {
        let all = vec![(2, 6), (3, 8), (4, 11)];
        for (to, left) in [
            (1, all.clone()),
            (6, all.clone()),
            (8, vec![(3, 8), (4, 11)]),
            (9, vec![(3, 9), (4, 11)]),
            (11, vec![(4, 11)]),
            (15, vec![(4, 15)]),
        ] {
            let mut epochs = assigned(&all);
            epochs.truncate_from_start(to);
            assert_eq!(rows(&epochs), left, "truncated to {to}");
        }
    }

    #[test]
    fn clear_earliest_2() {
        let mut epochs = assigned(&[(0, 0), (1, 7), (2, 10)]);
        epochs.truncate_from_start(5);
        assert_eq!(rows(&epochs), [(0, 5), (1, 7), (2, 10)]);
    }

    #[test]
    fn should_fetch_epoch_for_given_offset() {
        let epochs = assigned(&[(0, 10), (1, 20), (5, 30)]);
        assert_eq!([20, 25, 30, 9].map(|at| epochs.epoch_at(at)), [Some(1), Some(1), Some(5), None]);
    }

    #[test]
    fn test_previous_epoch() {
        let mut epochs = assigned(&[(2, 10)]);
        assert_eq!(epochs.previous(), None);
        epochs.assign(4, 15);
        assert_eq!(epochs.previous(), Some(2));
        epochs.assign(10, 20);
        assert_eq!(epochs.previous(), Some(4));
        epochs.truncate_from_end(18);
        assert_eq!(epochs.previous(), Some(2));
    }

    #[test]
    fn test_find_next_epoch() {
        let epochs = assigned(&[(0, 0), (1, 100), (2, 200)]);
        let asked = [None, Some(0), Some(1), Some(2), Some(100)];
        assert_eq!(asked.map(|epoch| epochs.next(epoch)), [Some(0), Some(1), Some(2), None, None]);
    }
}
