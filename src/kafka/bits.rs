//! A set of small numbers: which partitions have something to send, which have news for a follower.

/// A set of numbers below a bound; the default one has no room yet.
#[derive(Clone, Debug, Default)]
pub struct Bits {
    words: Vec<u64>,
    members: u32,
}

impl Bits {
    /// An empty set of numbers below `bound`.
    pub fn new(bound: usize) -> Self {
        Self { words: vec![0; bound.div_ceil(64)], members: 0 }
    }

    /// Makes room for numbers below `bound`.
    pub fn widen(&mut self, bound: usize) {
        if bound > self.words.len() * 64 {
            self.words.resize(bound.div_ceil(64), 0);
        }
    }

    /// Puts the number in, or takes it out. True when that changed something.
    #[inline]
    pub fn put(&mut self, number: u32, member: bool) -> bool {
        let (word, bit) = (&mut self.words[number as usize / 64], 1 << (number % 64));
        if (*word & bit != 0) == member {
            return false;
        }
        *word ^= bit;
        self.members = if member { self.members + 1 } else { self.members - 1 };
        true
    }

    /// Whether the number is in.
    #[inline]
    pub fn has(&self, number: u32) -> bool {
        self.words.get(number as usize / 64).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    /// Whether there is any.
    #[inline]
    pub fn any(&self) -> bool {
        self.members > 0
    }

    /// How many there are.
    pub fn len(&self) -> u32 {
        self.members
    }

    /// The least member that is not below `from`.
    #[inline]
    pub fn next(&self, from: u32) -> Option<u32> {
        let mut index = from as usize / 64;
        let mut word = self.words.get(index)? & (u64::MAX << (from % 64));
        while word == 0 {
            index += 1;
            word = *self.words.get(index)?;
        }
        Some(index as u32 * 64 + word.trailing_zeros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_ascending_order_from_anywhere() {
        let mut bits = Bits::new(200);
        assert!(!bits.any() && bits.next(0).is_none());
        for number in [3, 63, 64, 199] {
            assert!(bits.put(number, true));
            assert!(!bits.put(number, true), "it is in already");
        }
        let walk: Vec<_> = std::iter::successors(bits.next(0), |last| bits.next(last + 1)).collect();
        assert_eq!(walk, [3, 63, 64, 199]);
        assert_eq!(bits.next(65), Some(199));
        assert_eq!(bits.next(200), None);
        assert!(bits.put(3, false) && bits.next(0) == Some(63));
    }

    #[test]
    fn a_set_without_room_holds_nothing_and_a_widened_one_what_it_held() {
        let mut bits = Bits::default();
        assert!(!bits.has(0) && bits.next(0).is_none());
        bits.widen(3);
        bits.put(2, true);
        bits.widen(100);
        bits.put(99, true);
        bits.widen(3);
        let held: Vec<_> = (0..200).filter(|number| bits.has(*number)).collect();
        assert_eq!(held, [2, 99]);
    }
}
