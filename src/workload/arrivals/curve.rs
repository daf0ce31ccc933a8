//! Arrivals whose rate changes in time: a table of equal stretches of time, each with a number of expected
//! arrivals, and the inverse of their running sum.
//!
//! **Invariant.** The table is made once; from then on everything is integer: a position counts expected
//! arrivals since the origin, moves forward by 1 (evenly spaced) or by an exponential variate (Poisson), and
//! is turned into a time without rounding errors that add up.

use std::sync::Arc;

use crate::kernel::{Duration, Rng, Time};

use super::steady::exponential;

/// One expected arrival.
const ONE: u128 = 1 << 32;

/// What comes after the table's last stretch.
#[derive(Clone, Debug)]
enum After {
    /// The table again.
    Again,
    /// A constant rate: so many expected arrivals in the time of the whole table; zero ends the arrivals.
    Constant(u128),
}

/// A table of expected arrivals, and how far along it we are.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    origin: Time,
    /// The time that the table spans.
    span: u64,
    /// Expected arrivals from the origin to the start of each stretch, and to the end of the last.
    sums: Arc<[u128]>,
    after: After,
    random: bool,
    /// Spans gone by, and the position within this one.
    turns: u64,
    position: u128,
    /// The stretch in which the position lay last.
    stretch: usize,
}

/// Stretches of a table: a day's are 84 s long.
const STRETCHES: usize = 1024;

impl Curve {
    /// A cosine through each period, Poisson.
    pub(super) fn daily(day: Day, batch: u32, origin: Time) -> Self {
        let swing = (day.peak_to_trough - 1.0) / (day.peak_to_trough + 1.0);
        let swing = if day.peak_to_trough.is_infinite() { 1.0 } else { swing };
        let peak = day.peak_at.as_nanos() as f64 / day.period.as_nanos() as f64;
        let rate = |part: f64| {
            let turn = (part - peak) * 2.0 * std::f64::consts::PI;
            day.mean * (1.0 + swing * libm::cos(turn))
        };
        Self::new(rate, day.period, batch, After::Again, true, origin)
    }

    /// A straight line from one rate to another, which then stays; evenly spaced, the first at the origin.
    pub(super) fn ramp(from: f64, to: f64, over: Duration, batch: u32, origin: Time) -> Self {
        let span = over.as_nanos().max(1) as f64 / 1e9;
        let after = After::Constant(expected(to * span / f64::from(batch)));
        let over = Duration::from_nanos(over.as_nanos().max(1));
        Self::new(|part| from + (to - from) * part, over, batch, after, false, origin)
    }

    fn new(
        rate: impl Fn(f64) -> f64,
        span: Duration,
        batch: u32,
        after: After,
        random: bool,
        origin: Time,
    ) -> Self {
        let seconds = span.as_nanos() as f64 / 1e9 / STRETCHES as f64;
        let mut sums = vec![0; STRETCHES + 1];
        for stretch in 0..STRETCHES {
            // The rate in the middle: exact for a straight line.
            let rate = rate((stretch as f64 + 0.5) / STRETCHES as f64);
            sums[stretch + 1] = sums[stretch] + expected(rate * seconds / f64::from(batch));
        }
        assert!(sums[STRETCHES] > 0 || matches!(after, After::Constant(1..)), "a curve has arrivals");
        let sums = sums.into();
        Self { origin, span: span.as_nanos(), sums, after, random, turns: 0, position: 0, stretch: 0 }
    }

    #[inline]
    pub(super) fn next(&mut self, rng: &mut Rng) -> Option<Time> {
        if self.random {
            self.position += u128::from(exponential(rng));
            return self.time();
        }
        let due = self.time();
        self.position += ONE;
        due
    }

    /// When the position is reached.
    fn time(&mut self) -> Option<Time> {
        let total = self.sums[STRETCHES];
        if self.position < total {
            let within = self.within();
            return Some(self.at(within));
        }
        match self.after {
            After::Again => {
                self.turns += (self.position / total) as u64;
                self.position %= total;
                let within = self.within();
                Some(self.at(within))
            }
            After::Constant(0) => None,
            After::Constant(per_span) => {
                let beyond = (self.position - total) * u128::from(self.span) / per_span;
                Some(self.at(u64::try_from(beyond).unwrap_or(u64::MAX).saturating_add(self.span)))
            }
        }
    }

    /// The nanoseconds from the start of the table to the position, which lies in it.
    #[inline]
    fn within(&mut self) -> u64 {
        let (sums, position) = (&self.sums, self.position);
        if !(sums[self.stretch] <= position && position < sums[self.stretch + 1]) {
            self.stretch = sums.partition_point(|sum| *sum <= position) - 1;
        }
        let (low, high) = (sums[self.stretch], sums[self.stretch + 1]);
        let span = u128::from(self.span);
        let start = span * self.stretch as u128 / STRETCHES as u128;
        let length = span * (self.stretch as u128 + 1) / STRETCHES as u128 - start;
        (start + (position - low) * length / (high - low)) as u64
    }

    #[inline]
    fn at(&self, within: u64) -> Time {
        self.origin + Duration::from_nanos(self.turns.saturating_mul(self.span).saturating_add(within))
    }

    /// Moves the position to `now` if it lies before it.
    pub(super) fn skip_to(&mut self, now: Time) {
        let gone = now.since(self.origin).as_nanos();
        let mut there = self.clone();
        (there.turns, there.position) = match self.after {
            After::Again => (gone / self.span, self.position_at(gone % self.span)),
            After::Constant(_) if gone < self.span => (0, self.position_at(gone)),
            After::Constant(per_span) => {
                let beyond = (u128::from(gone - self.span) * per_span).div_ceil(u128::from(self.span));
                (0, self.sums[STRETCHES] + beyond)
            }
        };
        if !self.random {
            there.position = there.position.div_ceil(ONE) * ONE;
        }
        if (there.turns, there.position) > (self.turns, self.position) {
            *self = there;
        }
    }

    /// The position reached after `within` nanoseconds of the table, rounded up.
    fn position_at(&self, within: u64) -> u128 {
        let span = u128::from(self.span);
        let within = u128::from(within);
        let stretch = ((within * STRETCHES as u128 / span) as usize).min(STRETCHES - 1);
        let start = span * stretch as u128 / STRETCHES as u128;
        let length = (span * (stretch as u128 + 1) / STRETCHES as u128 - start).max(1);
        let area = self.sums[stretch + 1] - self.sums[stretch];
        self.sums[stretch] + (area * (within - start)).div_ceil(length)
    }
}

/// The shape of a daily curve.
pub(super) struct Day {
    pub(super) mean: f64,
    pub(super) peak_to_trough: f64,
    pub(super) period: Duration,
    pub(super) peak_at: Duration,
}

/// A number of expected arrivals as a position.
fn expected(arrivals: f64) -> u128 {
    assert!(arrivals >= 0.0 && arrivals.is_finite(), "a rate is a number, not below zero");
    (arrivals * ONE as f64 + 0.5) as u128
}
