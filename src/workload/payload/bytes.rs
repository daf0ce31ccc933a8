//! `bytes`: size only. Nothing is made, encoded or decoded.

use crate::kernel::Rng;

/// A law for sizes, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum SizeLaw {
    /// Always this many.
    Constant(u32),
    /// Evenly from the first to the second, both included; the first is not above the second.
    Uniform(u32, u32),
    /// Skewed with a long tail; cut off at 2^32 - 1.
    Lognormal {
        /// Half of the sizes are below it; at least 1.
        median: u32,
        /// 99 in 100 are below it; at least the median.
        p99: u32,
    },
}

/// Records of which only the size matters.
#[derive(Clone, Debug, PartialEq)]
pub struct Bytes {
    /// The size of a payload.
    pub size: SizeLaw,
}

impl Bytes {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        match self.size {
            SizeLaw::Uniform(low, high) if low > high => Err("the least size is not above the greatest"),
            SizeLaw::Lognormal { median: 0, .. } => Err("a lognormal's median is at least 1"),
            SizeLaw::Lognormal { median, p99 } if p99 < median => {
                Err("a lognormal's p99 is not below its median")
            }
            SizeLaw::Constant(_) | SizeLaw::Uniform(..) | SizeLaw::Lognormal { .. } => Ok(()),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum State {
    Constant(u32),
    Uniform {
        low: u32,
        count: u64,
    },
    /// The logarithm of a size is normal.
    Lognormal {
        mu: f64,
        sigma: f64,
    },
}

/// The 99th percentile of the standard normal distribution.
const NORMAL_P99: f64 = 2.326_347_874_040_841;

impl State {
    pub(super) fn new(config: &Bytes) -> Self {
        match config.size {
            SizeLaw::Constant(size) => Self::Constant(size),
            SizeLaw::Uniform(low, high) => Self::Uniform { low, count: u64::from(high - low) + 1 },
            SizeLaw::Lognormal { median, p99 } => {
                let mu = libm::log(f64::from(median));
                Self::Lognormal { mu, sigma: (libm::log(f64::from(p99)) - mu) / NORMAL_P99 }
            }
        }
    }

    #[inline]
    pub(super) fn size(&self, rng: &mut Rng) -> u32 {
        match self {
            Self::Constant(size) => *size,
            Self::Uniform { low, count } => low + rng.below(*count) as u32,
            // The cast saturates.
            Self::Lognormal { mu, sigma } => (libm::exp(mu + sigma * rng.normal()) + 0.5) as u32,
        }
    }
}
