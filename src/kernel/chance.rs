//! Chance: named streams of random numbers, and the laws of probability that draw from them.
//!
//! **Invariant.** A stream is a function of (seed, name) alone, so adding an actor never changes what
//! another one draws. Every variate has the same bits on every machine: integers and exact IEEE 754
//! operations decide, and where a transcendental function is needed it is the `libm` crate's, whose
//! results do not depend on the platform's C library (`docs/adr/0003-own-sampling.md`).

use rand_core::{Rng as _, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

use super::time::Duration;

mod ziggurat;

/// One stream of random numbers: xoshiro256++ seeded from a scenario's seed and the stream's name.
#[derive(Clone, Debug)]
pub struct Rng(Xoshiro256PlusPlus);

impl Rng {
    /// The stream called `name` under `seed`.
    pub fn named(seed: u64, name: &str) -> Self {
        // FNV-1a: short, fixed for ever, and good enough to tell names apart before SplitMix64 spreads it.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(Xoshiro256PlusPlus::seed_from_u64(seed.rotate_left(32) ^ hash))
    }

    /// A new stream drawn from this one, for a purpose of its own.
    pub fn fork(&mut self, purpose: &str) -> Self {
        Self::named(self.bits(), purpose)
    }

    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A whole number in `0..bound`, without bias.
    ///
    /// # Panics
    /// When `bound` is zero.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below zero");
        // Lemire 2019, "Fast random integer generation in an interval".
        let mut wide = u128::from(self.bits()) * u128::from(bound);
        if (wide as u64) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (wide as u64) < threshold {
                wide = u128::from(self.bits()) * u128::from(bound);
            }
        }
        (wide >> 64) as u64
    }

    /// A number in `0.0..1.0`, a multiple of 2^-53.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as i64 as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// True with the given probability (0 never, 1 always).
    #[inline]
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// An exponential variate of mean 1.
    #[inline]
    pub fn exponential(&mut self) -> f64 {
        ziggurat::exponential(self)
    }

    /// A normal variate of mean 0 and standard deviation 1.
    #[inline]
    pub fn normal(&mut self) -> f64 {
        ziggurat::normal(self)
    }
}

/// A law for lengths of time: service times, latencies, gaps between arrivals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Law {
    /// Always this long.
    Constant(Duration),
    /// Evenly between both bounds.
    Uniform(Duration, Duration),
    /// Memoryless, of this mean.
    Exponential {
        /// The mean.
        mean: Duration,
    },
    /// Bell-shaped, cut off below zero.
    Normal {
        /// The mean before the cut.
        mean: Duration,
        /// The standard deviation before the cut.
        deviation: Duration,
    },
    /// Skewed with a long tail, as measured latencies are: `exp(mu + sigma * normal)` nanoseconds.
    Lognormal {
        /// Natural logarithm of the median in nanoseconds.
        mu: f64,
        /// Shape; 0 is constant.
        sigma: f64,
    },
    /// The sum of `shape` exponentials: squared coefficient of variation `1 / shape`.
    Erlang {
        /// How many exponential phases.
        shape: u32,
        /// The mean of the sum.
        mean: Duration,
    },
    /// Exponential with one of two means: squared coefficient of variation above 1.
    Hyperexponential {
        /// Probability of the first mean.
        probability: f64,
        /// The first mean.
        first: Duration,
        /// The other mean.
        second: Duration,
    },
    /// A power-law tail above a minimum.
    Pareto {
        /// The least value.
        minimum: Duration,
        /// The tail index; the mean is finite only above 1.
        shape: f64,
    },
}

/// The 99th percentile of the standard normal distribution.
const NORMAL_P99: f64 = 2.326_347_874_040_841;

impl Law {
    /// No time at all.
    pub const ZERO: Self = Self::Constant(Duration::ZERO);

    /// The lognormal law with the given median and 99th percentile.
    ///
    /// # Panics
    /// When the median is zero or the percentile is below it: scenario files are checked before.
    pub fn lognormal(median: Duration, p99: Duration) -> Self {
        assert!(!median.is_zero() && p99 >= median, "a lognormal's p99 is not below its median");
        let mu = libm::log(median.as_nanos() as f64);
        Self::Lognormal { mu, sigma: (libm::log(p99.as_nanos() as f64) - mu) / NORMAL_P99 }
    }

    /// One draw, rounded to the nanosecond.
    #[inline]
    pub fn sample(&self, rng: &mut Rng) -> Duration {
        // The laws that cost least come first and in line; the others are far longer than a call.
        if let Self::Constant(value) = self {
            return *value;
        }
        if let Self::Exponential { mean } = self {
            return scaled(*mean, rng.exponential());
        }
        self.draw(rng)
    }

    #[inline(never)]
    fn draw(&self, rng: &mut Rng) -> Duration {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform(low, high) => {
                let span = high.as_nanos().saturating_sub(low.as_nanos());
                *low + Duration::from_nanos(if span == 0 {
                    0
                } else {
                    rng.below(span.saturating_add(1).max(1))
                })
            }
            Self::Exponential { mean } => scaled(*mean, rng.exponential()),
            Self::Normal { mean, deviation } => {
                nanos(mean.as_nanos() as f64 + deviation.as_nanos() as f64 * rng.normal())
            }
            Self::Lognormal { mu, sigma } => nanos(libm::exp(mu + sigma * rng.normal())),
            Self::Erlang { shape, mean } => {
                let sum = (0..*shape).fold(0.0, |sum, _| sum + rng.exponential());
                scaled(*mean, sum / f64::from(*shape))
            }
            Self::Hyperexponential { probability, first, second } => {
                let mean = if rng.chance(*probability) { first } else { second };
                scaled(*mean, rng.exponential())
            }
            Self::Pareto { minimum, shape } => scaled(*minimum, libm::pow(1.0 - rng.unit(), -1.0 / shape)),
        }
    }

    /// The mean, for display and for capacity estimates, never for decisions.
    pub fn mean(&self) -> Duration {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform(low, high) => (*low + *high) / 2,
            Self::Exponential { mean } | Self::Erlang { mean, .. } | Self::Normal { mean, .. } => *mean,
            Self::Lognormal { mu, sigma } => nanos(libm::exp(mu + sigma * sigma / 2.0)),
            Self::Hyperexponential { probability, first, second } => {
                nanos(probability * first.as_nanos() as f64 + (1.0 - probability) * second.as_nanos() as f64)
            }
            Self::Pareto { shape, .. } if *shape <= 1.0 => Duration::MAX,
            Self::Pareto { minimum, shape } => scaled(*minimum, shape / (shape - 1.0)),
        }
    }

    /// Whether every draw is zero.
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

/// By way of signed numbers, which the CPU converts in one step; 292 years is the most.
#[inline]
fn scaled(unit: Duration, times: f64) -> Duration {
    nanos(unit.as_nanos().min(i64::MAX as u64) as i64 as f64 * times)
}

/// Rounds to the nearest nanosecond; a float-to-integer cast saturates, and negatives turn into zero.
#[inline]
fn nanos(value: f64) -> Duration {
    Duration::from_nanos(((value + 0.5) as i64).max(0) as u64)
}

#[cfg(test)]
mod tests {
    use rand_distr::Distribution;

    use super::*;

    fn mean_of(law: &Law, draws: u32) -> f64 {
        let mut rng = Rng::named(7, "mean");
        (0..draws).map(|_| law.sample(&mut rng).as_nanos() as f64).sum::<f64>() / f64::from(draws)
    }

    #[test]
    fn a_stream_depends_on_seed_and_name_only() {
        let draw = |seed, name| Rng::named(seed, name).bits();
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
    }

    /// Golden variates: a change of these bits changes the digest of every run.
    #[test]
    fn variates_have_the_same_bits_everywhere() {
        let mut rng = Rng::named(42, "golden");
        let law = Law::lognormal(Duration::from_micros(150), Duration::from_micros(750));
        let mut sum = 0u64;
        for _ in 0..100_000 {
            sum = sum.wrapping_mul(31).wrapping_add(rng.exponential().to_bits());
            sum = sum.wrapping_mul(31).wrapping_add(rng.normal().to_bits());
            sum = sum.wrapping_mul(31).wrapping_add(law.sample(&mut rng).as_nanos());
        }
        assert_eq!(sum, GOLDEN);
    }
    const GOLDEN: u64 = 8_790_898_962_426_683_424;

    #[test]
    fn laws_have_the_means_they_say() {
        let ms = Duration::from_millis;
        let laws = [
            Law::Constant(ms(3)),
            Law::Uniform(ms(1), ms(5)),
            Law::Exponential { mean: ms(2) },
            Law::Normal { mean: ms(10), deviation: ms(1) },
            Law::lognormal(ms(2), ms(10)),
            Law::Erlang { shape: 4, mean: ms(2) },
            Law::Hyperexponential { probability: 0.9, first: ms(1), second: ms(10) },
            Law::Pareto { minimum: ms(1), shape: 3.0 },
        ];
        for law in laws {
            let (got, want) = (mean_of(&law, 200_000), law.mean().as_nanos() as f64);
            assert!((got / want - 1.0).abs() < 0.02, "{law:?}: {got} against {want}");
        }
    }

    #[test]
    fn a_lognormal_has_the_median_and_p99_it_was_given() {
        let law = Law::lognormal(Duration::from_micros(150), Duration::from_micros(750));
        let mut rng = Rng::named(3, "quantiles");
        let mut draws: Vec<_> = (0..200_000).map(|_| law.sample(&mut rng).as_nanos()).collect();
        draws.sort_unstable();
        let quantile = |q: usize| draws[draws.len() / 100 * q] as f64;
        assert!((quantile(50) / 150_000.0 - 1.0).abs() < 0.02);
        assert!((quantile(99) / 750_000.0 - 1.0).abs() < 0.04);
    }

    #[test]
    fn below_is_even() {
        let mut rng = Rng::named(5, "below");
        let mut counts = [0u32; 6];
        (0..60_000).for_each(|_| counts[rng.below(6) as usize] += 1);
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
    }

    /// The greatest distance between the distribution functions of two samples (Kolmogorov-Smirnov).
    fn distance(mut ours: Vec<f64>, mut theirs: Vec<f64>) -> f64 {
        ours.sort_by(f64::total_cmp);
        theirs.sort_by(f64::total_cmp);
        let share = |below: usize, all: &[f64]| below as f64 / all.len() as f64;
        let at = |(rank, value): (usize, &f64)| {
            let below = theirs.partition_point(|other| other <= value);
            (share(rank + 1, &ours) - share(below, &theirs)).abs()
        };
        ours.iter().enumerate().map(at).fold(0.0, f64::max)
    }

    const DRAWS: usize = 200_000;
    /// What the distance of two samples of one law exceeds once in 10,000 tests: c(0.0001) * sqrt(2 / n).
    const CRITICAL: f64 = 2.225 * 0.003_162_277_66;

    /// A law of ours against one of the crate `rand_distr`, whose draws are in nanoseconds too.
    fn apart(law: &Law, theirs: impl Distribution<f64>) -> f64 {
        let (mut one, mut other) = (Rng::named(8, "ours"), Rng::named(8, "theirs"));
        let ours = (0..DRAWS).map(|_| law.sample(&mut one).as_nanos() as f64).collect();
        distance(ours, (0..DRAWS).map(|_| theirs.sample(&mut other.0)).collect())
    }

    #[test]
    fn the_samplers_agree_with_rand_distr() {
        let draw = |sampler: fn(&mut Rng) -> f64| {
            let mut rng = Rng::named(9, "ours");
            (0..DRAWS).map(|_| sampler(&mut rng)).collect::<Vec<_>>()
        };
        let mut rng = Rng::named(9, "theirs");
        let exponentials = (0..DRAWS).map(|_| rand_distr::Exp1.sample(&mut rng.0)).collect();
        assert!(distance(draw(Rng::exponential), exponentials) < CRITICAL);
        let normals = (0..DRAWS).map(|_| rand_distr::StandardNormal.sample(&mut rng.0)).collect();
        assert!(distance(draw(Rng::normal), normals) < CRITICAL);
    }

    #[test]
    fn the_laws_agree_with_rand_distr() {
        let second = Duration::from_secs(1);
        let erlang = Law::Erlang { shape: 4, mean: second };
        assert!(apart(&erlang, rand_distr::Gamma::new(4.0, 0.25e9).expect("sound")) < CRITICAL);
        let pareto = Law::Pareto { minimum: second, shape: 1.5 };
        assert!(apart(&pareto, rand_distr::Pareto::new(1e9, 1.5).expect("sound")) < CRITICAL);
        let lognormal = Law::Lognormal { mu: 18.0, sigma: 0.7 };
        assert!(apart(&lognormal, rand_distr::LogNormal::new(18.0, 0.7).expect("sound")) < CRITICAL);
        let uniform = Law::Uniform(second, second * 3);
        assert!(apart(&uniform, rand_distr::Uniform::new(1e9, 3e9).expect("sound")) < CRITICAL);
        let normal = Law::Normal { mean: second, deviation: Duration::from_millis(100) };
        assert!(apart(&normal, rand_distr::Normal::new(1e9, 1e8).expect("sound")) < CRITICAL);
    }

    /// The distance sees a mean that is five hundredths off, so that agreeing means something.
    #[test]
    fn a_law_that_is_a_little_wrong_is_found_out() {
        let exponential = Law::Exponential { mean: Duration::from_millis(1_050) };
        assert!(apart(&exponential, rand_distr::Exp::new(1e-9).expect("sound")) > CRITICAL);
    }
}
