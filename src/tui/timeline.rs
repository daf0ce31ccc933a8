//! What was notable when: one mark for each slice of the run.
//!
//! Bounded: [`SLICES`] slices however long the run is. A slice keeps the gravest mark of what happened in it.
//!
//! **Not modelled:** lines that came and went between two reports are not marked; a report holds the last few
//! hundred.

use crate::kernel::Time;
use crate::observe::{Line, Snapshot};
use crate::trace::Weight;

/// What happened in a slice of the run; the later ones are graver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A group rebalanced.
    Rebalance,
    /// Something to look at.
    Warning,
    /// Something went wrong.
    Error,
    /// Somebody made it go wrong.
    Fault,
}

/// How many slices a run is cut into.
pub const SLICES: usize = 480;

/// The marks of a run so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    slices: Vec<Option<Mark>>,
    /// The last line that was looked at.
    serial: u64,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { slices: vec![None; SLICES], serial: 0 }
    }
}

impl Timeline {
    /// Takes in what is new in a snapshot.
    pub fn take(&mut self, snapshot: &Snapshot) {
        let end = snapshot.end;
        for line in snapshot.lines.iter().filter(|line| line.serial > self.serial) {
            if let Some(mark) = mark_of(line) {
                note(&mut self.slices, line.at, end, mark);
            }
        }
        for rebalance in snapshot.groups.iter().flat_map(|group| &group.rebalances) {
            note(&mut self.slices, rebalance.began, end, Mark::Rebalance);
        }
        self.serial = snapshot.lines.last().map_or(self.serial, |line| line.serial.max(self.serial));
    }

    /// The gravest mark in each of `columns` equal parts of the run.
    pub fn columns(&self, columns: usize) -> Vec<Option<Mark>> {
        let mut marks = vec![None; columns];
        for (slice, mark) in self.slices.iter().enumerate() {
            if let Some(cell) = marks.get_mut(slice * columns / SLICES) {
                *cell = (*cell).max(*mark);
            }
        }
        marks
    }
}

/// Which of `parts` equal parts of the run `at` lies in.
pub fn part_of(at: Time, end: Time, parts: usize) -> usize {
    let part = u128::from(at.as_nanos()) * parts as u128 / u128::from(end.as_nanos().max(1));
    (part as usize).min(parts.saturating_sub(1))
}

fn note(slices: &mut [Option<Mark>], at: Time, end: Time, mark: Mark) {
    let slice = &mut slices[part_of(at, end, SLICES)];
    *slice = (*slice).max(Some(mark));
}

fn mark_of(line: &Line) -> Option<Mark> {
    match line.weight {
        Weight::Info => None,
        Weight::Warning => Some(Mark::Warning),
        Weight::Error => Some(Mark::Error),
        Weight::Fault => Some(Mark::Fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_instant_lies_in_the_last_part() {
        let end = Time::from_secs(10);
        assert_eq!(part_of(Time::ZERO, end, 5), 0);
        assert_eq!(part_of(Time::from_secs(5), end, 5), 2);
        assert_eq!(part_of(end, end, 5), 4);
        assert_eq!(part_of(Time::from_secs(99), Time::ZERO, 5), 4);
    }

    #[test]
    fn a_column_shows_the_gravest_of_what_it_covers() {
        let mut timeline = Timeline::default();
        let end = Time::from_secs(480);
        note(&mut timeline.slices, Time::from_secs(3), end, Mark::Error);
        note(&mut timeline.slices, Time::from_secs(4), end, Mark::Rebalance);
        note(&mut timeline.slices, Time::from_secs(479), end, Mark::Fault);
        assert_eq!(timeline.columns(2), [Some(Mark::Error), Some(Mark::Fault)]);
        assert!(timeline.columns(0).is_empty());
    }
}
