//! What a fault or an operator tells an application: not through its client, but by a signal, a console, the
//! world around it.
//!
//! It arrives at once and is heard while the application works: a handler that hangs or a clock that is wrong
//! are conditions that an application is in, not messages that it reads in its loop.

use crate::kernel::{Duration, NodeId};

/// A factor in thousandths: 1000 is as usual, 2000 twice as much. Never zero: what stands still is stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PerMille(u32);

impl PerMille {
    /// As usual.
    pub const USUAL: Self = Self(1_000);

    /// So many thousandths, at least one.
    pub const fn new(thousandths: u32) -> Self {
        Self(if thousandths == 0 { 1 } else { thousandths })
    }

    /// This rate over that one, both above zero and in the same unit.
    pub fn of_rates(rate: u64, usual: u64) -> Self {
        let factor = u128::from(rate) * 1_000 / u128::from(usual.max(1));
        Self::new(u32::try_from(factor).unwrap_or(u32::MAX))
    }

    /// A length of time, this many times as long; as long as can be said when it would be longer.
    pub fn of(self, duration: Duration) -> Duration {
        if self == Self::USUAL {
            return duration;
        }
        let nanos = u128::from(duration.as_nanos()) * u128::from(self.0) / 1_000;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// A length of time, this many times shorter.
    pub fn share(self, duration: Duration) -> Duration {
        if self == Self::USUAL {
            return duration;
        }
        let nanos = u128::from(duration.as_nanos()) * 1_000 / u128::from(self.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// How far a clock is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// It is ahead by so much; zero: it is right.
    Ahead(Duration),
    /// It is behind by so much.
    Behind(Duration),
}

/// From a fault or an operator to an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToApplication {
    /// Each record takes this many times as long as usual, from the next one on (applications that read).
    Slow(PerMille),
    /// Handlers do not return until told (`true`), or go on where they were (`false`). What runs beside them
    /// goes on: a Kafka consumer's heartbeats, so that only `max.poll.interval.ms` notices.
    Stuck(bool),
    /// Records are offered at this many times the usual rate (generators).
    Burst(PerMille),
    /// Records are offered at this rate on average, in thousandths of a record a second, above zero (generators).
    Rate(u64),
    /// So many records are offered now, beside those of the schedule (generators).
    Offer(u32),
    /// The clock that stamps records is off (generators).
    Skew(Skew),
    /// The next so many records are poison: no handler can process them (generators).
    Poison(u32),
    /// End in good order: stop, flush, commit where that is automatic, leave.
    Close,
    /// Begin, if it has not, or again after it was closed: with a new client.
    Join,
}

/// From an application to whoever watches over its process (systemd, Kubernetes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToSupervisor {
    /// The process on this node ends now.
    Exited {
        /// Which.
        node: NodeId,
        /// Start it again after this long.
        restart_after: Duration,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_multiplies_and_divides_in_whole_numbers() {
        let ms = Duration::from_millis;
        assert_eq!(PerMille::new(2_500).of(ms(10)), ms(25));
        assert_eq!(PerMille::new(2_500).share(ms(25)), ms(10));
        assert_eq!(PerMille::USUAL.of(Duration::MAX), Duration::MAX);
        assert_eq!(PerMille::new(2_000).of(Duration::MAX), Duration::MAX, "bounded");
        assert_eq!(PerMille::new(0), PerMille::new(1), "never zero");
    }
}
