//! A histogram of lengths of time: 64 buckets for each doubling, so that a quantile is right to 1.6 %.

use crate::kernel::Duration;

const SUB_BITS: u32 = 6;
const SUB: u64 = 1 << SUB_BITS;

/// Counts by length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    sum: u128,
    max: Duration,
}

impl Histogram {
    /// Counts one.
    #[inline]
    pub fn add(&mut self, value: Duration) {
        self.add_many(value, 1);
    }

    /// Counts so many of the same length.
    #[inline]
    pub fn add_many(&mut self, value: Duration, count: u64) {
        let bucket = bucket(value.as_nanos());
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += count;
        self.total += count;
        self.sum += u128::from(value.as_nanos()) * u128::from(count);
        self.max = self.max.max(value);
    }

    /// Forgets what was counted.
    pub fn clear(&mut self) {
        self.counts.clear();
        (self.total, self.sum, self.max) = (0, 0, Duration::ZERO);
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The mean; zero when nothing was counted.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos((self.sum / u128::from(self.total.max(1))) as u64)
    }

    /// The value that so many thousandths are not above; zero when nothing was counted.
    pub fn quantile(&self, per_mille: u64) -> Duration {
        let rank = (self.total * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(highest(bucket)).min(self.max);
            }
        }
        self.max
    }
}

fn bucket(value: u64) -> usize {
    if value < SUB {
        return value as usize;
    }
    let shift = value.ilog2() - SUB_BITS;
    ((u64::from(shift) << SUB_BITS) + (value >> shift)) as usize
}

/// The highest value that falls into a bucket.
fn highest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * SUB {
        return bucket;
    }
    let shift = (bucket >> SUB_BITS) - 1;
    let base = bucket - (shift << SUB_BITS);
    ((base + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_and_hold_their_highest() {
        for value in (0..5_000).chain([1 << 20, (1 << 20) + 12_345, u64::MAX >> 1]) {
            let bucket = bucket(value);
            assert!(highest(bucket) >= value, "{value}");
            assert!(highest(bucket) - value <= value / 64 + 1, "{value}: {}", highest(bucket));
        }
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let mut histogram = Histogram::default();
        (1..=1_000).for_each(|ms| histogram.add(Duration::from_millis(ms)));
        for per_mille in [500, 900, 990] {
            let (got, want) = (histogram.quantile(per_mille).as_nanos() as f64, per_mille as f64 * 1e6);
            assert!((got / want - 1.0).abs() < 0.017, "{per_mille}: {got}");
        }
        assert_eq!(histogram.max(), Duration::from_millis(1_000));
        assert_eq!(Histogram::default().quantile(500), Duration::ZERO);
    }
}
