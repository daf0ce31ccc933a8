//! Records that left the ledger lately, for who wants to leaf through them.
//!
//! They are put where they stay for as long as they are remembered: a commit may settle a hundred thousand at once, and
//! what waits for somebody to take it would be written to memory that is not in the CPU's cache, and read from there.
//!
//! Bounded: at most the last [`RECENT`] records, and about the first [`REMARKABLE`] of those before them that were lost,
//! refused or processed twice. Neighbours that are alike lie together. Full pages are shared between clones, so that a
//! checkpoint of a run costs little.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Closed, Leg};

/// Records that have left and are kept.
const RECENT: u64 = 10_000;
/// Of those that went wrong, so many are kept for good.
const REMARKABLE: u32 = 2_000;
/// How often something is put on a page: neighbours at once, so that there is always a full page to let go from.
const PAGE: usize = 64;

/// Records that left the ledger, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    pages: VecDeque<Arc<Vec<Closed>>>,
    open: Vec<Closed>,
    /// The memory of a page that was let go, for the next one.
    spare: Vec<Closed>,
    /// How many records lie on the pages and the open one.
    recent: u64,
    /// How many entries of the first page have been let go.
    gone: usize,
    remarkable: Arc<Vec<Closed>>,
    /// How many there are of them.
    remarked: u32,
    forgotten: u64,
}

impl Recent {
    /// One more has left, or several that were alike.
    #[inline]
    pub(super) fn take(&mut self, one: Closed) {
        self.recent += u64::from(one.count);
        self.open.push(one);
        if self.open.len() == PAGE {
            self.turn_over();
        }
        while self.recent > RECENT && !self.pages.is_empty() {
            self.let_go();
        }
    }

    fn turn_over(&mut self) {
        let mut next = std::mem::take(&mut self.spare);
        next.reserve(PAGE);
        self.pages.push_back(Arc::new(std::mem::replace(&mut self.open, next)));
    }

    /// The oldest is only kept for good, if at all.
    fn let_go(&mut self) {
        let oldest = &self.pages[0][self.gone];
        self.recent -= u64::from(oldest.count);
        if self.remarked < REMARKABLE && is_remarkable(oldest) {
            self.remarked += oldest.count;
            Arc::make_mut(&mut self.remarkable).push(oldest.clone());
        } else {
            self.forgotten += u64::from(oldest.count);
        }
        self.gone += 1;
        if self.gone == self.pages[0].len() {
            let page = self.pages.pop_front().and_then(Arc::into_inner);
            if let Some(mut page) = page {
                page.clear();
                self.spare = page;
            }
            self.gone = 0;
        }
    }

    /// All that are remembered.
    pub fn iter(&self) -> impl Iterator<Item = &Closed> {
        let full = self.pages.iter().flat_map(|page| page.iter()).skip(self.gone);
        self.remarkable.iter().chain(full).chain(&self.open)
    }

    /// How many records have left and are not remembered any more.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

fn is_remarkable(closed: &Closed) -> bool {
    closed.fate.is_wrong() || closed.legs.iter().any(Leg::is_duplicate)
}

#[cfg(test)]
mod tests {
    use super::super::{Fate, Line};
    use super::*;
    use crate::kernel::Time;
    use crate::trace::{Few, Reason, RecordId};

    /// So many that are alike, the first of which has this number.
    fn closed(first: u64, count: u32, fate: Fate) -> Closed {
        let legs = Few::from(vec![Leg { times_processed: 1, ..Leg::NEW }]);
        Closed { first: RecordId::new(0, first), count, line: Line::offered(Time::ZERO), legs, fate }
    }

    #[test]
    fn the_last_are_remembered_and_of_the_others_the_first_that_went_wrong() {
        let mut recent = Recent::default();
        for number in 0..20_000 {
            let lost = number % 5 == 0;
            let fate = if lost { Fate::Lost(Reason::PowerLoss) } else { Fate::Settled };
            recent.take(closed(number, 1, fate));
        }
        let kept: Vec<u64> = recent.iter().map(|one| one.first.sequence()).collect();
        let wrong: Vec<u64> = (0..10_000).step_by(5).collect();
        assert_eq!(kept, [wrong, (10_000..20_000).collect()].concat());
        assert_eq!(recent.forgotten() + kept.len() as u64, 20_000);
    }

    #[test]
    fn who_was_processed_twice_is_remarkable_and_a_clone_keeps_what_it_had() {
        let mut recent = Recent::default();
        let twice = Few::from(vec![Leg { times_processed: 2, ..Leg::NEW }]);
        recent.take(Closed { legs: twice, ..closed(0, 1, Fate::Settled) });
        (1..200).for_each(|number| recent.take(closed(number * 100, 100, Fate::Settled)));
        let before = recent.clone();
        (200..900).for_each(|number| recent.take(closed(number * 100, 100, Fate::Settled)));
        let first =
            |recent: &Recent| recent.iter().map(|one| one.first.sequence()).take(2).collect::<Vec<_>>();
        assert_eq!((first(&before), first(&recent)), (vec![0, 10_000], vec![0, 80_000]));
        assert_eq!((before.forgotten(), recent.forgotten()), (9_900, 79_900));
    }
}
