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
    #[inline]
    pub(super) fn put(&mut self, number: u64) {
        let Some(index) = (number / BITS).checked_sub(self.base) else { return };
        while self.words.len() as u64 <= index {
            self.words.push_back(0);
        }
        self.words[index as usize] |= 1 << (number % BITS);
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
        [3, 64, 200].into_iter().for_each(|number| copies.put(number));
        copies.take(64);
        assert_eq!([3, 63, 64, 200, 201].map(|number| copies.has(number)), [true, false, false, true, false]);
        let young = 3 * REMEMBERED as u64;
        copies.put(young);
        assert!(copies.has(young) && !copies.has(3), "the old ones are forgotten");
        assert_eq!(copies.words.len(), REMEMBERED / BITS as usize);
        copies.put(3);
        assert!(!copies.has(3));
    }
}
