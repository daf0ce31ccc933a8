//! Arrivals: when an application offers its next record.
//!
//! **Invariant.** Times are computed in integers from an origin: a constant rate never drifts (the k-th
//! arrival, counted from zero, is at exactly `floor(k * period)` after the origin), and a sequence of arrivals
//! never goes back in time. The schedule does not depend on how promptly it is asked (an open loop): a caller
//! that fell behind is handed times in its past until it has caught up.
//!
//! **Not modelled:** closed-loop arrivals (think times after an answer).

use std::sync::Arc;

use crate::kernel::{Duration, Law};

use super::trace::Trace;

/// When records are offered, and how many together.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    /// The pattern in time. Its rates count records, not batches.
    pub pattern: Pattern,
    /// Records offered together at each arrival, at least 1: ten records at `100/s` in batches of 10 arrive
    /// ten times a second. A replay has no batches: its entries arrive as they were recorded.
    pub batch: u32,
}

/// The pattern of arrivals in time. Every rate is in records per second and above zero unless it says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// Evenly spaced; the first at the origin.
    Constant {
        /// Records per second.
        rate: f64,
    },
    /// Memoryless: exponential gaps.
    Poisson {
        /// Records per second, on average.
        rate: f64,
    },
    /// An interrupted Poisson process: bursts of Poisson arrivals between silences; begins with a burst.
    OnOff {
        /// Records per second within a burst.
        rate: f64,
        /// How long a burst lasts; its mean is above zero.
        on: Law,
        /// How long a silence lasts.
        off: Law,
    },
    /// A Poisson process whose rate follows a cosine through the day.
    Daily {
        /// Records per second, averaged over a period.
        mean: f64,
        /// Highest rate over lowest, at least 1.
        peak_to_trough: f64,
        /// One turn of the curve, usually 24 h; at least 1 µs.
        period: Duration,
        /// When, after the origin, the rate is highest.
        peak_at: Duration,
    },
    /// Evenly spaced arrivals whose rate changes in a straight line, then stays.
    Ramp {
        /// Records per second at the origin; may be zero.
        from: f64,
        /// Records per second when the ramp is over, and after; zero ends the arrivals.
        to: f64,
        /// How long the change takes.
        over: Duration,
    },
    /// As recorded: each entry of a trace at its offset, then no more.
    Replay {
        /// What was recorded.
        trace: Arc<Trace>,
        /// How many times faster than recorded, above zero; 1 as recorded.
        speed: f64,
    },
}

impl Pattern {
    /// The length of a day.
    pub const DAY: Duration = Duration::from_secs(86_400);
}
