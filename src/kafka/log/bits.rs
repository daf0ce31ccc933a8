//! Columns of numbers in few bits: Rice codes behind a floor or a zigzag, whichever is shorter.
//!
//! **Invariant.** What was written is read back exactly, whatever the numbers are.

/// A quotient this large is an outlier: the number follows in full.
const ESCAPE: u64 = 32;
/// The width that says: all numbers are zero, nothing follows.
const ALL_ZERO: u32 = 127;

/// Bits, one behind the other.
#[derive(Default)]
pub(super) struct BitWriter {
    words: Vec<u64>,
    length: u32,
}

/// Reads what a [`BitWriter`] wrote.
pub(super) struct BitReader<'a> {
    words: &'a [u64],
    at: u32,
}

impl BitWriter {
    /// The low `width` (at most 64) bits of `value`.
    fn push(&mut self, value: u64, width: u32) {
        if width == 0 {
            return;
        }
        let (value, bit) = (value & mask(width), self.length % 64);
        if bit == 0 {
            self.words.push(0);
        }
        *self.words.last_mut().expect("a word was pushed") |= value << bit;
        if bit + width > 64 {
            self.words.push(value >> (64 - bit));
        }
        self.length += width;
    }

    fn push_rice(&mut self, value: u64, width: u32) {
        let quotient = value >> width;
        if quotient < ESCAPE {
            self.push(1 << quotient, quotient as u32 + 1);
            self.push(value, width);
        } else {
            self.push(1 << ESCAPE, ESCAPE as u32 + 1);
            self.push(value, 64);
        }
    }

    /// A column of numbers. The reader has to know how many.
    pub(super) fn push_column(&mut self, values: &[i64]) {
        let floor = Column::new(Shift::Floor(values.iter().copied().min().unwrap_or(0)), values);
        let zigzag = Column::new(Shift::ZigZag, values);
        let column = if zigzag.cost < floor.cost { zigzag } else { floor };
        column.shift.write(self);
        self.push(u64::from(column.width), 7);
        if column.width != ALL_ZERO {
            values.iter().for_each(|value| self.push_rice(column.shift.apply(*value), column.width));
        }
    }

    pub(super) fn finish(self) -> Box<[u64]> {
        self.words.into()
    }
}

impl<'a> BitReader<'a> {
    pub(super) fn new(words: &'a [u64]) -> Self {
        Self { words, at: 0 }
    }

    fn pull(&mut self, width: u32) -> u64 {
        if width == 0 {
            return 0;
        }
        let (word, bit) = ((self.at / 64) as usize, self.at % 64);
        let mut value = self.words[word] >> bit;
        if bit + width > 64 {
            value |= self.words[word + 1] << (64 - bit);
        }
        self.at += width;
        value & mask(width)
    }

    fn pull_rice(&mut self, width: u32) -> u64 {
        let mut quotient = 0;
        while self.pull(1) == 0 {
            quotient += 1;
        }
        if quotient == ESCAPE { self.pull(64) } else { quotient << width | self.pull(width) }
    }

    /// A column of `count` numbers.
    pub(super) fn pull_column(&mut self, count: usize) -> Vec<i64> {
        let shift = Shift::read(self);
        let width = self.pull(7) as u32;
        let coded = |reader: &mut Self| if width == ALL_ZERO { 0 } else { reader.pull_rice(width) };
        (0..count).map(|_| shift.undo(coded(self))).collect()
    }
}

fn mask(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// How numbers become small and not negative.
#[derive(Clone, Copy)]
enum Shift {
    /// Above their minimum.
    Floor(i64),
    /// 0, -1, 1, -2, ...
    ZigZag,
}

impl Shift {
    fn apply(self, value: i64) -> u64 {
        match self {
            Self::Floor(floor) => value.wrapping_sub(floor) as u64,
            Self::ZigZag => zigzag(value),
        }
    }

    fn undo(self, coded: u64) -> i64 {
        match self {
            Self::Floor(floor) => floor.wrapping_add(coded as i64),
            Self::ZigZag => unzigzag(coded),
        }
    }

    fn write(self, out: &mut BitWriter) {
        match self {
            Self::Floor(floor) => {
                let width = 64 - zigzag(floor).leading_zeros();
                out.push(u64::from(width), 7);
                out.push(zigzag(floor), width);
            }
            Self::ZigZag => out.push(mask(7), 7),
        }
    }

    fn read(bits: &mut BitReader<'_>) -> Self {
        let width = bits.pull(7);
        if width == mask(7) { Self::ZigZag } else { Self::Floor(unzigzag(bits.pull(width as u32))) }
    }
}

/// A shift with its best Rice parameter, and what the numbers cost then.
struct Column {
    shift: Shift,
    width: u32,
    cost: u64,
}

impl Column {
    fn new(shift: Shift, values: &[i64]) -> Self {
        let sum: u128 = values.iter().map(|value| u128::from(shift.apply(*value))).sum();
        if sum == 0 {
            return Self { shift, width: ALL_ZERO, cost: 0 };
        }
        let middle = (sum / values.len() as u128).max(1).ilog2();
        let cost = |width: u32| values.iter().map(|value| rice_bits(shift.apply(*value), width)).sum();
        let candidates = middle.saturating_sub(1)..=(middle + 1).min(63);
        let (cost, width) = candidates.map(|width| (cost(width), width)).min().expect("there are candidates");
        Self { shift, width, cost }
    }
}

fn rice_bits(value: u64, width: u32) -> u64 {
    let quotient = value >> width;
    if quotient < ESCAPE { quotient + 1 + u64::from(width) } else { ESCAPE + 1 + 64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Rng;

    fn round_trip(columns: &[Vec<i64>]) {
        let mut out = BitWriter::default();
        columns.iter().for_each(|column| out.push_column(column));
        let words = out.finish();
        let mut bits = BitReader::new(&words);
        for column in columns {
            assert_eq!(&bits.pull_column(column.len()), column);
        }
    }

    #[test]
    fn extremes_come_back() {
        round_trip(&[
            vec![],
            vec![0],
            vec![i64::MIN, i64::MAX, 0, -1, 1],
            vec![i64::MIN; 3],
            vec![7; 100],
            vec![0, 0, 0, i64::MAX],
        ]);
    }

    #[test]
    fn random_columns_come_back() {
        let mut rng = Rng::named(1, "bits");
        for _ in 0..200 {
            let column = |rng: &mut Rng| {
                let shift = rng.below(64);
                (0..rng.below(50)).map(|_| (rng.bits() as i64) >> shift).collect::<Vec<_>>()
            };
            round_trip(&[column(&mut rng), column(&mut rng), column(&mut rng)]);
        }
    }
}
