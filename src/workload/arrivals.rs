//! Arrivals: when an application offers its next record.
//!
//! **Invariant.** Times are computed in integers from an origin: a constant rate never drifts (the k-th
//! arrival, counted from zero, is at exactly `floor(k * period)` after the origin), and a sequence of arrivals
//! never goes back in time. The schedule does not depend on how promptly it is asked (an open loop): a caller
//! that fell behind is handed times in its past until it has caught up.
//!
//! **Not modelled:** closed-loop arrivals (think times after an answer).

use std::sync::Arc;

use crate::kernel::{Duration, Law, Rng, Time};

use super::trace::{Trace, TraceEntry};

mod bursts;
mod curve;
mod replay;
mod steady;

/// When records are offered, and how many together.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    /// The pattern in time. Its rates count records, not batches.
    pub pattern: Pattern,
    /// Records offered together at each arrival, at least 1: ten records at `100/s` in batches of 10 arrive
    /// ten times a second. A replay has no batches: its entries arrive as they were recorded.
    pub batch: u32,
}

/// The greatest rate, in records per second: one each nanosecond.
pub const RATE_MAX: f64 = 1e9;

/// The pattern of arrivals in time. Every rate is in records per second, above zero unless it says otherwise, and
/// at most [`RATE_MAX`]; rates are rounded to millionths.
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
        /// Highest rate over lowest, at least 1; infinite when nothing happens in the trough.
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
        /// Records per second when the ramp is over, and after; zero ends the arrivals. Not zero like `from`.
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

    /// The one rate that it has on average, in thousandths of a record a second, rounded and above zero; none where it
    /// has none: a ramp changes, a replay goes by what was recorded.
    pub fn usual(&self) -> Option<u64> {
        match self {
            Self::Constant { rate } | Self::Poisson { rate } | Self::OnOff { rate, .. } => Some(*rate),
            Self::Daily { mean, .. } => Some(*mean),
            Self::Ramp { .. } | Self::Replay { .. } => None,
        }
        .map(|rate| ((rate * 1e3 + 0.5) as u64).max(1))
    }

    /// What is replayed.
    pub fn trace(&self) -> Option<&Trace> {
        match self {
            Self::Replay { trace, .. } => Some(trace),
            Self::Constant { .. }
            | Self::Poisson { .. }
            | Self::OnOff { .. }
            | Self::Daily { .. }
            | Self::Ramp { .. } => None,
        }
    }
}

impl Arrivals {
    /// One record at a time, by `pattern`.
    pub fn single(pattern: Pattern) -> Self {
        Self { pattern, batch: 1 }
    }

    /// Whether all settings are within their bounds.
    ///
    /// # Errors
    /// What is wrong, as a sentence for a person.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.batch == 0 {
            return Err("a batch has at least one record");
        }
        self.pattern.check()
    }
}

impl Pattern {
    fn check(&self) -> Result<(), &'static str> {
        let rate = match self {
            Self::Constant { rate } | Self::Poisson { rate } | Self::OnOff { rate, .. } => *rate,
            Self::Daily { mean, .. } => *mean,
            Self::Ramp { from, to, .. } => from.max(*to),
            Self::Replay { speed, .. } => *speed,
        };
        if !(rate > 0.0 && rate <= RATE_MAX) {
            return Err("a rate (of a replay: the speed) is above zero and at most 1,000,000,000");
        }
        match self {
            Self::OnOff { on, .. } if on.mean().is_zero() => Err("a burst lasts some time"),
            Self::Daily { peak_to_trough, .. } if peak_to_trough.is_nan() || *peak_to_trough < 1.0 => {
                Err("the peak is not below the trough: the ratio is at least 1")
            }
            Self::Daily { period, .. } if *period < Duration::from_micros(1) => {
                Err("a period is at least a microsecond")
            }
            Self::Ramp { from, to, .. } if from.is_nan() || to.is_nan() || from.min(*to) < 0.0 => {
                Err("a rate is not below zero")
            }
            Self::Constant { .. }
            | Self::Poisson { .. }
            | Self::OnOff { .. }
            | Self::Daily { .. }
            | Self::Ramp { .. }
            | Self::Replay { .. } => Ok(()),
        }
    }
}

/// Where a generator stands in its arrivals.
#[derive(Clone, Debug)]
pub struct ArrivalState {
    process: Process,
    batch: u32,
    last: Time,
}

#[derive(Clone, Debug)]
enum Process {
    Even(steady::Even),
    Memoryless(steady::Memoryless),
    Bursts(bursts::Bursts),
    Curve(curve::Curve),
    Replay(replay::Replay),
}

impl ArrivalState {
    /// The beginning of `arrivals`, counted from `origin`.
    ///
    /// # Panics
    /// When [`Arrivals::check`] finds something wrong: files are checked before.
    pub fn new(arrivals: &Arrivals, origin: Time) -> Self {
        assert_eq!(arrivals.check(), Ok(()), "arrivals are within their bounds");
        let batch = arrivals.batch;
        let process = match &arrivals.pattern {
            Pattern::Constant { rate } => Process::Even(steady::Even::new(*rate, batch, origin)),
            Pattern::Poisson { rate } => Process::Memoryless(steady::Memoryless::new(*rate, batch, origin)),
            Pattern::OnOff { rate, on, off } => {
                Process::Bursts(bursts::Bursts::new(*rate, batch, on, off, origin))
            }
            Pattern::Daily { mean, peak_to_trough, period, peak_at } => {
                let (mean, peak_to_trough, period, peak_at) = (*mean, *peak_to_trough, *period, *peak_at);
                let day = curve::Day { mean, peak_to_trough, period, peak_at };
                Process::Curve(curve::Curve::daily(day, batch, origin))
            }
            Pattern::Ramp { from, to, over } => {
                Process::Curve(curve::Curve::ramp(*from, *to, *over, batch, origin))
            }
            Pattern::Replay { trace, speed } => Process::Replay(replay::Replay::new(trace, *speed, origin)),
        };
        let batch = if matches!(process, Process::Replay(_)) { 1 } else { batch };
        Self { process, batch, last: origin }
    }

    /// When the next records are offered; `None` when there will be no more.
    ///
    /// Not before the time it returned last; before the present only when the caller fell behind.
    #[inline]
    pub fn next(&mut self, rng: &mut Rng) -> Option<Time> {
        let due = match &mut self.process {
            Process::Even(even) => even.next(),
            Process::Memoryless(memoryless) => memoryless.next(rng),
            Process::Bursts(bursts) => bursts.next(rng)?,
            Process::Curve(curve) => curve.next(rng)?,
            Process::Replay(replay) => replay.next()?,
        };
        assert!(due >= self.last, "arrivals never go back in time");
        self.last = due;
        Some(due)
    }

    /// Leaves out whatever is due before `now`: an application that was down offers nothing for that time.
    pub fn skip_to(&mut self, now: Time) {
        match &mut self.process {
            Process::Even(even) => even.skip_to(now),
            Process::Memoryless(memoryless) => memoryless.skip_to(now),
            Process::Bursts(bursts) => bursts.skip_to(now),
            Process::Curve(curve) => curve.skip_to(now),
            Process::Replay(replay) => replay.skip_to(now),
        }
    }

    /// How many records are offered together at each arrival.
    pub fn batch(&self) -> u32 {
        self.batch
    }

    /// In a replay, the entry whose time [`next`](Self::next) returned last.
    pub fn entry(&self) -> Option<&TraceEntry> {
        match &self.process {
            Process::Replay(replay) => replay.entry(),
            Process::Even(_) | Process::Memoryless(_) | Process::Bursts(_) | Process::Curve(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
