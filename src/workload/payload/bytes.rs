//! `bytes`: size only. Nothing is made, encoded or decoded.

/// A law for sizes, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum SizeLaw {
    /// Always this many.
    Constant(u32),
    /// Evenly from the first to the second, both included.
    Uniform(u32, u32),
    /// Skewed with a long tail.
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
