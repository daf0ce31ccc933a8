//! Arrivals at one rate: evenly spaced, or memoryless.

use crate::kernel::{Rng, Time};

/// Rates are rounded to millionths of an arrival per second, so that periods are ratios of whole numbers.
const RATE_SCALE: f64 = 1e6;
const NANOS_TIMES_SCALE: u128 = 1_000_000_000 * 1_000_000;

/// Millionths of a record per second; the rate is above zero and at most [`super::RATE_MAX`].
fn micro_rate(rate: f64) -> u64 {
    ((rate * RATE_SCALE + 0.5) as u64).max(1)
}

/// Evenly spaced arrivals: the period is a fraction of whole numbers, and what division leaves is carried.
#[derive(Clone, Debug)]
pub(super) struct Even {
    next: Time,
    carry: u64,
    whole: u64,
    rest: u64,
    per: u64,
}

impl Even {
    pub(super) fn new(rate: f64, batch: u32, origin: Time) -> Self {
        let per = micro_rate(rate);
        let period = NANOS_TIMES_SCALE * u128::from(batch);
        let whole = u64::try_from(period / u128::from(per)).unwrap_or(u64::MAX);
        Self { next: origin, carry: 0, whole, rest: (period % u128::from(per)) as u64, per }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Time {
        let due = self.next;
        // The sum stays below 2 * per, and a rate is at most 10^15 millionths.
        let (carry, whole) = (self.carry + self.rest, self.whole);
        let over = u64::from(carry >= self.per);
        self.carry = carry - over * self.per;
        self.next = Time::from_nanos(due.as_nanos().saturating_add(whole).saturating_add(over));
        due
    }

    /// Leaves out what is due before `now`.
    pub(super) fn skip_to(&mut self, now: Time) {
        if self.next >= now {
            return;
        }
        let period = u128::from(self.whole) * u128::from(self.per) + u128::from(self.rest);
        let behind = u128::from(now.since(self.next).as_nanos()) * u128::from(self.per);
        let steps = (behind - u128::from(self.carry)).div_ceil(period.max(1));
        let total = steps * period + u128::from(self.carry);
        self.next = Time::from_nanos(self.next.as_nanos() + (total / u128::from(self.per)) as u64);
        self.carry = (total % u128::from(self.per)) as u64;
        assert!(self.next >= now, "skipping ends at now or after it");
    }
}

/// Memoryless arrivals: exponential gaps in fixed-point nanoseconds, what is below one nanosecond is carried.
#[derive(Clone, Debug)]
pub(super) struct Memoryless {
    last: Time,
    /// Below one nanosecond, in 2^-64 ns.
    carry: u64,
    /// The mean gap in 2^-32 ns.
    mean: u128,
}

/// One exponential variate of mean 1 as a multiple of 2^-32.
#[inline]
pub(super) fn exponential(rng: &mut Rng) -> u64 {
    // Multiplying by a power of two is exact; the cast cuts off. The greatest variate is far below 2^32.
    (rng.exponential() * 4_294_967_296.0) as u64
}

impl Memoryless {
    pub(super) fn new(rate: f64, batch: u32, origin: Time) -> Self {
        let mean = ((NANOS_TIMES_SCALE * u128::from(batch)) << 32) / u128::from(micro_rate(rate));
        // Beyond 2^54 ns (200 days) a gap is as good as never, and the product below stays within 128 bits.
        Self { last: origin, carry: 0, mean: mean.min(1 << 86) }
    }

    #[inline]
    pub(super) fn next(&mut self, rng: &mut Rng) -> Time {
        let gap = u128::from(exponential(rng)) * self.mean + u128::from(self.carry);
        self.carry = gap as u64;
        let nanos = (gap >> 64) as u64;
        self.last = Time::from_nanos(self.last.as_nanos().saturating_add(nanos));
        self.last
    }

    /// Begins anew at `origin`.
    pub(super) fn start_at(&mut self, origin: Time) {
        (self.last, self.carry) = (origin, 0);
    }

    /// Forgets what was due before `now`; memoryless arrivals begin anew there.
    pub(super) fn skip_to(&mut self, now: Time) {
        self.last = self.last.max(now);
    }
}
