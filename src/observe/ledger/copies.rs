//! Which records left the ledger with a copy in a log: should they be stored again, they are there twice.
//!
//! **Invariant.** One bit a record, for the youngest [`REMEMBERED`] numbers of a source. A producer sends again within
//! `delivery.timeout.ms`, and an application within its outbox: whoever is older does not come again.

use std::collections::VecDeque;

/// So many of a source's numbers are remembered: 1 MiB of bits.
const REMEMBERED: usize = 1 << 23;
const BITS: u64 = 64;

/// A set of numbers that forgets the lowest.
#[derive(Clone, Debug, Default)]
pub(super) struct Copies {
    /// The first word's place.
    base: u64,
    words: VecDeque<u64>,
}

impl Copies {
    /// So many from `first` on.
    #[inline]
    pub(super) fn put(&mut self, first: u64, count: u32) {
        let (mut number, end) = (first, first + u64::from(count));
        while number < end {
            let next = end.min((number / BITS + 1) * BITS);
            let ones = u64::MAX >> (BITS - (next - number)) << (number % BITS);
            self.put_word(number / BITS, ones);
            number = next;
        }
    }

    #[inline]
    fn put_word(&mut self, word: u64, ones: u64) {
        let Some(index) = word.checked_sub(self.base) else { return };
        while self.words.len() as u64 <= index {
            self.words.push_back(0);
        }
        self.words[index as usize] |= ones;
        while self.words.len() > REMEMBERED / BITS as usize {
            self.words.pop_front();
            self.base += 1;
        }
    }

    pub(super) fn take(&mut self, number: u64) {
        let index = (number / BITS).checked_sub(self.base);
        if let Some(word) = index.and_then(|index| self.words.get_mut(index as usize)) {
            *word &= !(1 << (number % BITS));
        }
    }

    /// False when none of so many from `first` on is in: a quick look.
    #[inline]
    pub(super) fn has_any(&self, first: u64, count: u32) -> bool {
        let end = ((first + u64::from(count)).div_ceil(BITS)).min(self.base + self.words.len() as u64);
        let begin = (first / BITS).max(self.base);
        (begin..end).any(|word| self.words[(word - self.base) as usize] != 0)
    }

    pub(super) fn has(&self, number: u64) -> bool {
        let index = (number / BITS).checked_sub(self.base);
        let word = index.and_then(|index| self.words.get(index as usize));
        word.is_some_and(|word| word & 1 << (number % BITS) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_youngest_are_remembered_and_memory_is_bounded() {
        let mut copies = Copies::default();
        [3, 64, 200].into_iter().for_each(|number| copies.put(number, 1));
        copies.take(64);
        assert_eq!([3, 63, 64, 200, 201].map(|number| copies.has(number)), [true, false, false, true, false]);
        let young = 3 * REMEMBERED as u64;
        copies.put(young, 1);
        assert!(copies.has(young) && !copies.has(3), "the old ones are forgotten");
        assert_eq!(copies.words.len(), REMEMBERED / BITS as usize);
        copies.put(3, 1);
        assert!(!copies.has(3));
    }

    #[test]
    fn a_run_is_remembered_whole_and_nothing_beside_it() {
        for (first, count) in [(0, 1), (60, 8), (64, 64), (5, 59), (63, 130)] {
            let mut copies = Copies::default();
            copies.put(first, count);
            let run = first..first + u64::from(count);
            assert!((0..300).all(|number| copies.has(number) == run.contains(&number)), "{run:?}");
            assert!(copies.has_any(first, count) && !copies.has_any(run.end.next_multiple_of(64), 64));
        }
    }
}
