//! A clock that may run faster or slower than time: how a burst turns one schedule into another.
//!
//! **Invariant.** Both clocks never go back, and where the pace is as usual they run side by side.

use crate::kernel::Time;
use crate::wire::operator::PerMille;

/// Own time against real time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    factor: PerMille,
    /// When the pace last changed, on both clocks.
    real: Time,
    own: Time,
}

impl Pace {
    /// Both clocks together.
    pub(super) const USUAL: Self = Self { factor: PerMille::USUAL, real: Time::ZERO, own: Time::ZERO };

    /// From `now` on own time runs this many times as fast.
    pub(super) fn change(&mut self, now: Time, factor: PerMille) {
        *self = Self { factor, real: now, own: self.own(now) };
    }

    /// When it is this late on the own clock; what lies before the last change has happened.
    pub(super) fn real(&self, own: Time) -> Time {
        if own == Time::NEVER { own } else { self.real + self.factor.share(own.since(self.own)) }
    }

    /// How late it is on the own clock then.
    pub(super) fn own(&self, real: Time) -> Time {
        self.own + self.factor.of(real.since(self.real))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_seconds_at_three_times_the_pace_are_thirty() {
        let secs = Time::from_secs;
        let mut pace = Pace::USUAL;
        assert_eq!((pace.real(secs(7)), pace.own(secs(7))), (secs(7), secs(7)));
        pace.change(secs(10), PerMille::new(3_000));
        assert_eq!((pace.own(secs(20)), pace.real(secs(40))), (secs(40), secs(20)));
        pace.change(secs(20), PerMille::USUAL);
        assert_eq!((pace.own(secs(21)), pace.real(secs(41))), (secs(41), secs(21)));
        assert_eq!(pace.real(secs(3)), secs(20), "long past");
        assert_eq!(pace.real(Time::NEVER), Time::NEVER);
    }
}
