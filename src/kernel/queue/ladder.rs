//! A radix ladder: eleven rungs of 64 buckets on the bits of the time, above a short sorted bottom.
//!
//! The digits of a time are its groups of six bits. An item lies on the rung of the highest digit in which
//! its time differs from the horizon's, in the bucket of that digit; so the next item is always in the
//! lowest bucket of the lowest rung in use. That bucket is sorted into the bottom when it is small, and its
//! neighbours with it as long as all of them are few; when it is not small, it is spread over the rungs below:
//! an item moves at most eleven times, however many there are.
//!
//! **Invariant.** The bottom holds exactly the items that are not after the horizon, and `now` has the digits
//! of the horizon above the rung from which the bottom was filled; the rungs below that one are empty. Items
//! of one time lie together, in the order in which they went in, wherever they lie: no serial numbers. A look
//! at what comes next moves nothing unless it comes out.

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
/// As few are sorted by the common way.
const FEW: usize = 3;
/// Times of a bucket below this differ by so little that they, and places in the bucket, fit in 31 bits together.
const NARROW: u64 = 1 << (31 - SMALL.ilog2() - 1);
/// The memory of a bucket that grew beyond this is given back when it is emptied, but for one a rung.
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
    /// Memory of emptied buckets by rung. The last to be emptied is used first: it is still in the CPU's cache.
    spare: Vec<Vec<Vec<Entry<T>>>>,
    /// Which buckets of a rung hold something.
    occupied: [u64; RUNGS],
    /// How many items lie on the rungs.
    above: usize,
    /// Whether the bottom was filled and nobody has been told.
    untold: bool,
}

impl<T: Clone> Default for Ladder<T> {
    fn default() -> Self {
        Self {
            bottom: Vec::new(),
            due: VecDeque::new(),
            now: 0,
            horizon: 0,
            buckets: (0..RUNGS * BUCKETS).map(|_| Vec::new()).collect(),
            spare: vec![Vec::new(); RUNGS],
            occupied: [0; RUNGS],
            above: 0,
            untold: false,
        }
    }
}

impl<T: Copy> Agenda<T> for Ladder<T> {
    #[inline]
    fn push(&mut self, at: Time, item: T) {
        let at = at.as_nanos();
        if at > self.horizon {
            self.place(Entry { at, item });
        } else {
            self.push_near(at, item);
        }
    }

    #[inline]
    fn pop_until(&mut self, until: Time) -> Option<(Time, T)> {
        let until = until.as_nanos();
        // What lies in the bottom for this very instant went in before anything that is due at once.
        if !self.due.is_empty()
            && self.bottom.last().is_none_or(|next| next.at > self.now)
            && self.now <= until
        {
            return self.due.pop_front().map(|item| (Time::from_nanos(self.now), item));
        }
        if self.bottom.is_empty() && !self.refill(until) {
            return None;
        }
        let Entry { at, item } = self.bottom.pop_if(|next| next.at <= until)?;
        self.now = at;
        Some((Time::from_nanos(at), item))
    }

    #[inline]
    fn announce(&mut self, tell: impl FnMut(T)) {
        if std::mem::take(&mut self.untold) {
            self.bottom.iter().rev().map(|entry| entry.item).for_each(tell);
        }
    }

    fn len(&self) -> usize {
        self.above + self.bottom.len() + self.due.len()
    }
}

impl<T: Copy> Ladder<T> {
    /// Puts an item on its rung.
    #[inline]
    fn place(&mut self, entry: Entry<T>) {
        let rung = (((entry.at ^ self.horizon) | 1).ilog2() / DIGIT) as usize;
        let digit = (entry.at >> (rung as u32 * DIGIT)) as usize % BUCKETS;
        if self.occupied[rung] & 1 << digit == 0 {
            self.open(rung, digit);
        }
        self.buckets[rung * BUCKETS + digit].push(entry);
        self.above += 1;
    }

    /// Finds memory for a bucket that is about to hold something.
    #[inline(never)]
    fn open(&mut self, rung: usize, digit: usize) {
        self.occupied[rung] |= 1 << digit;
        if let Some(spare) = self.spare[rung].pop() {
            self.buckets[rung * BUCKETS + digit] = spare;
        }
    }

    /// Puts in what comes before the horizon.
    #[inline(never)]
    fn push_near(&mut self, at: u64, item: T) {
        assert!(at >= self.now, "the past is over");
        if at == self.now {
            self.due.push_back(item);
        } else {
            self.insert(Entry { at, item });
        }
    }

    /// Takes what a bucket holds; the memory goes back to [`Self::store`].
    fn take(&mut self, rung: usize, digit: usize) -> Vec<Entry<T>> {
        let taken = std::mem::take(&mut self.buckets[rung * BUCKETS + digit]);
        self.occupied[rung] &= !(1 << digit);
        self.above -= taken.len();
        taken
    }

    fn store(&mut self, rung: usize, emptied: Vec<Entry<T>>) {
        assert!(emptied.is_empty(), "memory that is used again holds nothing");
        let spare = &mut self.spare[rung];
        if emptied.capacity() <= KEPT || spare.iter().all(|other| other.capacity() <= KEPT) {
            spare.push(emptied);
        }
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
    fn lower(&mut self) {
        self.horizon = self.now;
        let stays = self.bottom.partition_point(|entry| entry.at > self.now);
        let rest = self.bottom.split_off(stays);
        for entry in std::mem::replace(&mut self.bottom, rest).into_iter().rev() {
            self.place(entry);
        }
    }

    /// Fills the empty bottom with what comes next. False, and nothing moved, when that
    /// is after `until`.
    #[inline(never)]
    fn refill(&mut self, until: u64) -> bool {
        while let Some(rung) = self.occupied.iter().position(|buckets| *buckets != 0) {
            let digit = self.occupied[rung].trailing_zeros() as usize;
            let bucket = &self.buckets[rung * BUCKETS + digit];
            let (begin, end) = bounds(bucket, rung);
            assert!(begin >= self.horizon, "the rungs hold nothing that belongs in the bottom");
            if end > until && bucket.iter().all(|entry| entry.at > until) {
                return false;
            }
            if rung == 0 || bucket.len() <= SMALL {
                self.bring_up(rung);
                return true;
            }
            self.horizon = begin;
            self.spread(rung, digit);
        }
        false
    }

    /// Sorts the first bucket of a rung into the bottom, and those after it while all of them are few.
    fn bring_up(&mut self, rung: usize) {
        self.untold = true;
        while self.occupied[rung] != 0 {
            let digit = self.occupied[rung].trailing_zeros() as usize;
            let bucket = &self.buckets[rung * BUCKETS + digit];
            let sorted = self.bottom.len();
            if sorted > 0 && sorted + bucket.len() > SMALL {
                break;
            }
            let (begin, end) = bounds(bucket, rung);
            self.horizon = end;
            let mut taken = self.take(rung, digit);
            // All in a bucket of the lowest rung have the same time.
            if rung == 0 || taken.len() == 1 {
                self.bottom.append(&mut taken);
            } else if end - begin < NARROW && taken.len() > FEW {
                sort_narrow(&mut taken, begin, &mut self.bottom);
            } else {
                self.bottom.append(&mut taken);
                self.bottom[sorted..].sort_by_key(|entry| entry.at);
            }
            self.store(rung, taken);
        }
        self.bottom.reverse();
    }

    /// Spreads a bucket that the horizon has just reached over the rungs below.
    fn spread(&mut self, rung: usize, digit: usize) {
        let mut taken = self.take(rung, digit);
        taken.drain(..).for_each(|entry| self.place(entry));
        self.store(rung, taken);
    }
}

/// Moves what has times within [`NARROW`] of `begin` behind `sorted`, in order. For each item it counts those
/// that come before it: more comparisons than other ways to sort, but many at once, and the CPU has none to guess.
fn sort_narrow<T: Copy>(taken: &mut Vec<Entry<T>>, begin: u64, sorted: &mut Vec<Entry<T>>) {
    // Items of one time keep their order: their places follow the time.
    let mut keys = [i32::MAX; SMALL];
    for (place, (key, entry)) in (0..).zip(keys.iter_mut().zip(&*taken)) {
        *key = ((entry.at - begin) as i32) * SMALL as i32 + place;
    }
    let first = sorted.len();
    sorted.extend_from_slice(taken);
    for (key, entry) in keys.iter().zip(taken.drain(..)) {
        let before: i32 = keys.iter().map(|other| i32::from(other < key)).sum();
        sorted[first + before as usize] = entry;
    }
}

/// The first and the last time that belong in a bucket of this rung, which holds something.
fn bounds<T>(bucket: &[Entry<T>], rung: usize) -> (u64, u64) {
    let first = bucket.first().expect("an occupied bucket holds something").at;
    let shift = rung as u32 * DIGIT;
    (first >> shift << shift, first | !(u64::MAX << shift))
}
