//! Records of a source that lie side by side in memory, and are let go together: then the block is there, and empty.
//!
//! **Invariant.** Records that were offered together, and to whom the same has happened since, share a line for as long
//! as there are few such runs in the block; else each has a line of its own. A line for several says all of each of them,
//! but for the offset, which is that of the first: the others follow ([`Line::later`]). So records with keys, or of
//! different sizes, have lines of their own from when a log has them on.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::kernel::Time;

use super::balance::Stages;
use super::window::{Leg, Line, Verdict, stage_alone};

/// How many records a block holds.
pub(super) const BLOCK: usize = 128;
/// A block with more runs than this has a line for each record.
const RUNS: usize = 12;
/// How many empty blocks are kept to be used again.
const SPARE: usize = 64;

/// Neighbouring records.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    lines: Vec<Line>,
    /// As many for each line as there are readers.
    legs: Vec<Leg>,
    /// Which record is the first of each line; empty where each record has a line.
    starts: Vec<u8>,
    records: u32,
    open: u32,
    counted: Counted,
}

/// How far the open ones of a block came, as it was counted last: kept by whoever asks, until one of them is visited.
#[derive(Debug, Default)]
struct Counted(AtomicU64);

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

impl Counted {
    /// Beside as many counts as there are stages, each in a byte.
    const KNOWN: u64 = 1 << 56;

    #[inline]
    fn forget(&mut self) {
        *self.0.get_mut() = 0;
    }

    fn get(&self) -> Option<Stages> {
        let word = self.0.load(Ordering::Relaxed);
        (word & Self::KNOWN != 0).then(|| Stages::from_word(word & !Self::KNOWN))
    }

    fn set(&self, stages: Stages) {
        self.0.store(stages.to_word() | Self::KNOWN, Ordering::Relaxed);
    }
}

impl Block {
    /// How many records there are; none when it was let go.
    pub(super) fn records(&self) -> usize {
        self.records as usize
    }

    /// How many of them are open.
    pub(super) fn open(&self) -> u32 {
        self.open
    }

    pub(super) fn is_full(&self) -> bool {
        self.records() == BLOCK
    }

    /// Whether lines stand for several records.
    fn is_folded(&self) -> bool {
        !self.starts.is_empty()
    }

    /// So many more, for which there is room.
    pub(super) fn offer(&mut self, count: usize, now: Time, readers: usize) {
        self.counted.forget();
        let begins = self.records == 0 && count > 1;
        if begins || self.is_folded() && self.lines.len() < RUNS {
            self.starts.push(self.records as u8);
            self.lines.push(Line::offered(now));
            self.legs.resize(self.lines.len() * readers, Leg::NEW);
        } else {
            self.tell_apart(readers);
            let length = self.records() + count;
            self.lines.resize(length, Line::offered(now));
            self.legs.resize(length * readers, Leg::NEW);
        }
        self.records += count as u32;
        self.open += count as u32;
    }

    /// Nothing of it is open, and it is not the last: its memory may be used again.
    pub(super) fn let_go(&mut self, spare: &mut Vec<Self>) {
        assert!(self.open == 0, "what is open stays");
        let mut block = std::mem::take(self);
        if spare.len() < SPARE {
            block.clear();
            spare.push(block);
        }
    }

    /// Nothing of it is open: it begins anew.
    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.legs.clear();
        self.starts.clear();
        (self.records, self.open) = (0, 0);
        self.counted.forget();
    }

    /// Gives each record a line of its own, with room for all that there will be: growing leaves holes in memory.
    pub(super) fn tell_apart(&mut self, readers: usize) {
        if self.lines.capacity() >= BLOCK && !self.is_folded() {
            return;
        }
        let mut apart = Self {
            lines: Vec::with_capacity(BLOCK),
            legs: Vec::with_capacity(BLOCK * readers),
            ..Self::default()
        };
        for (_, count, line, legs) in self.runs(readers) {
            for by in 0..count {
                apart.lines.push(line.later(by));
                apart.legs.extend_from_slice(legs);
            }
        }
        *self = Self { records: self.records, open: self.open, ..apart };
    }

    /// Sees to it that a line begins at this record.
    fn divide(&mut self, at: usize, readers: usize) {
        if !self.is_folded() || at >= self.records() {
            return;
        }
        let Err(next) = self.starts.binary_search(&(at as u8)) else { return };
        if self.lines.len() >= RUNS {
            return self.tell_apart(readers);
        }
        let line = self.lines[next - 1].later(at as u32 - u32::from(self.starts[next - 1]));
        self.starts.insert(next, at as u8);
        self.lines.insert(next, line);
        let legs = self.legs[(next - 1) * readers..next * readers].to_vec();
        self.legs.splice(next * readers..next * readers, legs);
    }

    /// Visits the open records at `range`: how many there were, and how many left. The first is number `at` of the run.
    #[inline]
    pub(super) fn visit(
        &mut self,
        range: Range<usize>,
        readers: usize,
        at: u32,
        change: &mut impl FnMut(u32, u32, &mut Line, &mut [Leg]) -> bool,
        judge: &mut impl FnMut(u32, u32, &Line, &[Leg]) -> Verdict,
    ) -> (u32, u32) {
        let range = range.start..range.end.min(self.records());
        if range.is_empty() {
            return (0, 0);
        }
        self.counted.forget();
        if self.is_folded() {
            self.divide(range.start, readers);
            self.divide(range.end, readers);
        }
        let (open, left) = if self.is_folded() {
            self.visit_runs(range, readers, at, change, judge)
        } else {
            self.visit_lines(range, readers, at, change, judge)
        };
        self.open -= left;
        (open, left)
    }

    #[inline]
    fn visit_lines(
        &mut self,
        range: Range<usize>,
        readers: usize,
        at: u32,
        change: &mut impl FnMut(u32, u32, &mut Line, &mut [Leg]) -> bool,
        judge: &mut impl FnMut(u32, u32, &Line, &[Leg]) -> Verdict,
    ) -> (u32, u32) {
        let (mut open, mut left) = (0, 0);
        let mut legs = &mut self.legs[range.start * readers..range.end * readers];
        for (at, line) in (at..).zip(&mut self.lines[range]) {
            let (mine, rest) = legs.split_at_mut(readers);
            legs = rest;
            if !line.open {
                continue;
            }
            open += 1;
            if change(at, 1, line, mine) && judge(at, 1, line, mine) == Verdict::Leave {
                line.open = false;
                left += 1;
            }
        }
        (open, left)
    }

    /// The same where lines stand for several, and one begins at either end of the range.
    fn visit_runs(
        &mut self,
        range: Range<usize>,
        readers: usize,
        at: u32,
        change: &mut impl FnMut(u32, u32, &mut Line, &mut [Leg]) -> bool,
        judge: &mut impl FnMut(u32, u32, &Line, &[Leg]) -> Verdict,
    ) -> (u32, u32) {
        let (mut open, mut left) = (0, 0);
        let mut index = self.starts.partition_point(|start| usize::from(*start) < range.start);
        while index < self.lines.len() && usize::from(self.starts[index]) < range.end {
            let (start, count) = self.bounds(index);
            let here = at + start - range.start as u32;
            let (line, legs) =
                (&mut self.lines[index], &mut self.legs[index * readers..(index + 1) * readers]);
            index += 1;
            if !line.open {
                continue;
            }
            open += count;
            if !change(here, count, line, legs) {
                continue;
            }
            match judge(here, count, line, legs) {
                Verdict::Stay => {}
                Verdict::Leave => {
                    line.open = false;
                    left += count;
                }
                Verdict::Differ => {
                    self.tell_apart(readers);
                    let (changed, rest) =
                        (start as usize..(start + count) as usize, (start + count) as usize..range.end);
                    let (_, gone) = self.visit_lines(changed, readers, here, &mut |_, _, _, _| true, judge);
                    let (others, gone_too) = self.visit_lines(rest, readers, here + count, change, judge);
                    return (open + others, left + gone + gone_too);
                }
            }
        }
        (open, left)
    }

    /// The first record of a line, and how many it stands for.
    fn bounds(&self, index: usize) -> (u32, u32) {
        if !self.is_folded() {
            return (index as u32, 1);
        }
        let start = u32::from(self.starts[index]);
        (start, self.starts.get(index + 1).map_or(self.records, |next| u32::from(*next)) - start)
    }

    /// Every line: the first record, how many there are, what readers did.
    pub(super) fn runs(&self, readers: usize) -> impl Iterator<Item = (u32, u32, &Line, &[Leg])> {
        self.lines.iter().enumerate().map(move |(index, line)| {
            let (from, count) = self.bounds(index);
            (from, count, line, &self.legs[index * readers..(index + 1) * readers])
        })
    }

    /// How far the open ones came, where no book has a say in that and none has a fate.
    pub(super) fn stages(&self, readers: usize) -> Option<Stages> {
        self.counted.get().or_else(|| {
            let stages = self.count_stages(readers)?;
            self.counted.set(stages);
            Some(stages)
        })
    }

    fn count_stages(&self, readers: usize) -> Option<Stages> {
        let mut stages = Stages::default();
        for (_, count, line, legs) in self.runs(readers).filter(|(.., line, _)| line.open) {
            stages.add(stage_alone(line, legs)?, count as u8);
        }
        Some(stages)
    }

    /// The line of a record, if it is here.
    pub(super) fn row(&self, record: usize, readers: usize) -> Option<(Line, &[Leg])> {
        if record >= self.records() {
            return None;
        }
        let index = match self.is_folded() {
            true => self.starts.partition_point(|start| usize::from(*start) <= record) - 1,
            false => record,
        };
        let (start, _) = self.bounds(index);
        let legs = &self.legs[index * readers..(index + 1) * readers];
        Some((self.lines[index].later(record as u32 - start), legs))
    }
}
