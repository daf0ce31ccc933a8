//! A radix ladder: eleven rungs of 64 buckets on the bits of the time, above a short sorted bottom.
//!
//! The digits of a time are its groups of six bits. An item lies on the rung of the highest digit in which
//! its time differs from the horizon's, in the bucket of that digit; so the next item is always in the
//! lowest bucket of the lowest rung in use. That bucket is sorted into the bottom when it is small, and
//! spread over the rungs below when it is not: an item moves at most eleven times, however many there are.
//!
//! **Invariant.** The bottom holds exactly the items that are not after the horizon, and `now` is within
//! the bucket that the horizon closes. Items of one time lie together, in the order in which they went in,
//! wherever they lie: no serial numbers. A look at what comes next moves nothing unless it comes out.

use std::cmp::Reverse;
use std::collections::VecDeque;

use super::Agenda;
use crate::kernel::time::Time;

/// Bits of a digit.
const DIGIT: u32 = 6;
/// Buckets of a rung.
const BUCKETS: usize = 1 << DIGIT;
/// Rungs: digits of a time.
const RUNGS: usize = u64::BITS.div_ceil(DIGIT) as usize;
/// How many items are sorted at once, and half of what the bottom may grow to.
const SMALL: usize = 32;
/// A bucket that grew beyond this gives its memory back when it is emptied.
const KEPT: usize = 1_024;

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    at: u64,
    item: T,
}

/// A queue whose cost hardly grows with what is pending.
#[derive(Clone, Debug)]
pub struct Ladder<T> {
    /// What is next, the last first.
    bottom: Vec<Entry<T>>,
    /// Items of the time that came out last, put in after it did.
    due: VecDeque<T>,
    now: u64,
    /// Every item up to this time is in the bottom.
    horizon: u64,
    /// Buckets by rung and digit.
    buckets: Vec<Vec<Entry<T>>>,
    /// Which buckets of a rung hold something.
    occupied: [u64; RUNGS],
    /// How many items lie on the rungs.
    above: usize,
    /// How many items at the end of the bottom nobody has been told of.
    untold: usize,
}

impl<T> Default for Ladder<T> {
    fn default() -> Self {
        Self {
            bottom: Vec::new(),
            due: VecDeque::new(),
            now: 0,
            horizon: 0,
            buckets: (0..RUNGS * BUCKETS).map(|_| Vec::new()).collect(),
            occupied: [0; RUNGS],
            above: 0,
            untold: 0,
        }
    }
}

impl<T: Copy> Agenda<T> for Ladder<T> {
    #[inline]
    fn push(&mut self, at: Time, item: T) {
        let at = at.as_nanos();
        assert!(at >= self.now, "the past is over");
        if at > self.horizon {
            self.place(Entry { at, item });
        } else if at == self.now {
            self.due.push_back(item);
        } else {
            self.insert(Entry { at, item });
        }
    }

    #[inline]
    fn pop_until(&mut self, until: Time) -> Option<(Time, T)> {
        let until = until.as_nanos();
        // What lies in the bottom for this very instant went in before anything that is due at once.
        if self.bottom.last().is_none_or(|next| next.at > self.now)
            && self.now <= until
            && let Some(item) = self.due.pop_front()
        {
            return Some((Time::from_nanos(self.now), item));
        }
        if self.bottom.is_empty() && !self.refill(until) {
            return None;
        }
        let Entry { at, item } = self.bottom.pop_if(|next| next.at <= until)?;
        self.now = at;
        Some((Time::from_nanos(at), item))
    }

    #[inline]
    fn brought_up(&mut self) -> impl Iterator<Item = T> {
        let untold = std::mem::take(&mut self.untold);
        self.bottom.iter().rev().take(untold).map(|entry| entry.item)
    }

    fn len(&self) -> usize {
        self.above + self.bottom.len() + self.due.len()
    }
}

impl<T: Copy> Ladder<T> {
    /// Puts an item on its rung.
    #[inline]
    fn place(&mut self, entry: Entry<T>) {
        let rung = ((entry.at ^ self.horizon) | 1).ilog2() / DIGIT;
        let digit = (entry.at >> (rung * DIGIT)) as usize % BUCKETS;
        self.occupied[rung as usize] |= 1 << digit;
        self.buckets[rung as usize * BUCKETS + digit].push(entry);
        self.above += 1;
    }

    /// Puts an item into the bottom, behind those of its time.
    fn insert(&mut self, entry: Entry<T>) {
        if self.bottom.len() >= 2 * SMALL {
            self.lower();
            return self.place(entry);
        }
        let place = self.bottom.partition_point(|other| other.at > entry.at);
        self.bottom.insert(place, entry);
    }

    /// Draws the horizon back to this instant, because the bottom has grown too long to be kept sorted.
    /// The rungs below the bucket that the horizon closed are empty, and the digits above do not change.
    fn lower(&mut self) {
        self.horizon = self.now;
        let stays = self.bottom.partition_point(|entry| entry.at > self.now);
        let rest = self.bottom.split_off(stays);
        for entry in std::mem::replace(&mut self.bottom, rest).into_iter().rev() {
            self.place(entry);
        }
    }

    /// Fills the empty bottom with what comes next. False, and nothing moved, when that is after `until`.
    fn refill(&mut self, until: u64) -> bool {
        while let Some(rung) = self.occupied.iter().position(|buckets| *buckets != 0) {
            let digit = self.occupied[rung].trailing_zeros() as usize;
            let bucket = &mut self.buckets[rung * BUCKETS + digit];
            let shift = rung as u32 * DIGIT;
            let first = bucket.first().expect("an occupied bucket holds something").at;
            let (begin, end) = (first >> shift << shift, first | !(u64::MAX << shift));
            assert!(begin >= self.horizon, "the rungs hold nothing that belongs in the bottom");
            if end > until && bucket.iter().all(|entry| entry.at > until) {
                return false;
            }
            let mut taken = std::mem::take(bucket);
            self.occupied[rung] &= !(1 << digit);
            self.above -= taken.len();
            if rung == 0 || taken.len() <= SMALL {
                self.horizon = end;
                self.bottom.extend(taken.drain(..).rev());
                self.bottom.sort_by_key(|entry| Reverse(entry.at));
                self.untold = SMALL;
            } else {
                self.horizon = begin;
                taken.drain(..).for_each(|entry| self.place(entry));
            }
            if taken.capacity() <= KEPT {
                self.buckets[rung * BUCKETS + digit] = taken;
            }
            if !self.bottom.is_empty() {
                return true;
            }
        }
        false
    }
}
