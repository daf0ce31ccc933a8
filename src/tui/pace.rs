//! How fast simulated time passes, measured in wall time.
//!
//! Pure: whoever uses it brings the reading of the wall clock, as a length of time since some beginning.

use std::fmt;
use std::time::Duration as Wall;

use crate::kernel::{Duration, Time};

/// Simulated time for each unit of wall time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// So many thousandths: 1000 is real time.
    Times(u64),
    /// As fast as it goes.
    Max,
}

/// The slowest: a hundredth.
const SLOWEST: u64 = 10;
/// From here on, faster means as fast as it goes: 65 536 times.
const FASTEST: u64 = 65_536_000;

impl Speed {
    /// Real time.
    pub const REAL: Self = Self::Times(1_000);

    /// The power of two with which `length` takes about `wall`.
    pub fn fitting(length: Duration, wall: Duration) -> Self {
        let mut speed = SLOWEST;
        for doublings in 0..=16 {
            // The next power of two is nearer, on the scale of ratios, from the square root of two on.
            let wanted = u128::from(length.as_nanos()) * 1_000;
            let reached = u128::from(wall.as_nanos()) * u128::from(1_000_u64 << doublings);
            if doublings == 0 || wanted * 1_000 >= reached * 707 {
                speed = 1_000 << doublings;
            }
        }
        Self::Times(speed)
    }

    /// Twice as fast.
    pub fn faster(self) -> Self {
        match self {
            Self::Times(speed) if speed < FASTEST => Self::Times(speed * 2),
            Self::Times(_) | Self::Max => Self::Max,
        }
    }

    /// Half as fast; from as fast as it goes down to `home`.
    pub fn slower(self, home: Self) -> Self {
        match self {
            Self::Times(speed) => Self::Times((speed / 2).max(SLOWEST)),
            Self::Max => home,
        }
    }

    /// How much simulated time passes in so much wall time.
    pub fn of(self, wall: Wall) -> Duration {
        match self {
            Self::Times(speed) => {
                let nanos = wall.as_nanos() * u128::from(speed) / 1_000;
                Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
            }
            Self::Max => Duration::MAX,
        }
    }

    /// The speed with which so much simulated time passed in so much wall time.
    pub fn measured(passed: Duration, wall: Wall) -> Self {
        let speed = u128::from(passed.as_nanos()) * 1_000 / wall.as_nanos().max(1);
        Self::Times(u64::try_from(speed).unwrap_or(u64::MAX))
    }
}

/// `1x`, `0.25x`, `max`.
impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Max => f.pad("max"),
            Self::Times(speed) if speed % 1_000 == 0 || speed >= 100_000 => {
                f.pad(&format!("{}x", speed / 1_000))
            }
            Self::Times(speed) => {
                let text = format!("{}.{:03}", speed / 1_000, speed % 1_000);
                f.pad(&format!("{}x", text.trim_end_matches('0')))
            }
        }
    }
}

/// Which simulated time is due at which wall time.
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
    speed: Speed,
    wall: Wall,
    time: Time,
}

/// A simulation that is further behind than this does not catch up.
const PATIENCE: Wall = Wall::from_millis(250);

impl Pacer {
    /// From `time` at wall time `wall` on.
    pub fn new(speed: Speed, wall: Wall, time: Time) -> Self {
        Self { speed, wall, time }
    }

    /// What is due now, at `wall`, for a simulation that has come to `time`.
    pub fn due(&mut self, wall: Wall, time: Time) -> Time {
        let due = self.time + self.speed.of(wall.saturating_sub(self.wall));
        let most = time + self.speed.of(PATIENCE);
        if due > most {
            *self = Self::new(self.speed, wall.saturating_sub(PATIENCE), time);
            return most;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_forty_seconds_takes_twenty_at_twice_the_speed() {
        let fit = |secs| Speed::fitting(Duration::from_secs(secs), Duration::from_secs(20)).to_string();
        assert_eq!([1, 20, 27, 29, 40, 600].map(fit), ["1x", "1x", "1x", "2x", "2x", "32x"]);
    }

    #[test]
    fn speed_goes_from_a_hundredth_to_as_fast_as_it_goes() {
        let mut speed = Speed::REAL;
        for _ in 0..40 {
            speed = speed.slower(Speed::REAL);
        }
        assert_eq!(speed.to_string(), "0.01x");
        for _ in 0..40 {
            speed = speed.faster();
        }
        assert_eq!(speed, Speed::Max);
        assert_eq!(speed.slower(Speed::Times(4_000)).to_string(), "4x");
    }

    #[test]
    fn half_a_second_at_four_times_is_two_seconds() {
        let mut pacer = Pacer::new(Speed::Times(4_000), Wall::from_secs(3), Time::from_secs(10));
        assert_eq!(pacer.due(Wall::from_millis(3_200), Time::from_secs(10)), Time::from_millis(10_800));
        assert_eq!(pacer.due(Wall::from_millis(3_500), Time::from_millis(11_500)), Time::from_secs(12));
    }

    #[test]
    fn a_debt_of_an_hour_is_forgiven() {
        let mut pacer = Pacer::new(Speed::REAL, Wall::ZERO, Time::ZERO);
        assert_eq!(pacer.due(Wall::from_secs(3_600), Time::from_secs(1)), Time::from_millis(1_250));
        let later = Wall::from_secs(3_600) + Wall::from_millis(10);
        assert_eq!(pacer.due(later, Time::from_millis(1_250)), Time::from_millis(1_260));
    }
}
