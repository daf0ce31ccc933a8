//! Bursts of memoryless arrivals between silences.

use crate::kernel::{Law, Rng, Time};

use super::steady::Memoryless;

/// An interrupted Poisson process. Arrivals are drawn in burst time and laid out over the bursts: what lies
/// beyond the end of a burst is dropped and drawn anew in the next one, which a memoryless process permits.
#[derive(Clone, Debug)]
pub(super) struct Bursts {
    arrivals: Memoryless,
    ends: Time,
    on: Law,
    off: Law,
    begun: bool,
}

/// So many bursts in a row without an arrival mean that the bursts are too short for the rate: the arrivals end.
const EMPTY_BURSTS_AT_MOST: u32 = 100_000;

impl Bursts {
    pub(super) fn new(rate: f64, batch: u32, on: &Law, off: &Law, origin: Time) -> Self {
        let arrivals = Memoryless::new(rate, batch, origin);
        Self { arrivals, ends: origin, on: on.clone(), off: off.clone(), begun: false }
    }

    /// Expected constant time when bursts are longer than the gaps within them, as bursts are.
    #[inline]
    pub(super) fn next(&mut self, rng: &mut Rng) -> Option<Time> {
        for _ in 0..EMPTY_BURSTS_AT_MOST {
            if self.begun {
                let due = self.arrivals.next(rng);
                if due < self.ends {
                    return Some(due);
                }
            }
            self.begin(rng);
        }
        None
    }

    fn begin(&mut self, rng: &mut Rng) {
        let starts = if self.begun { self.ends + self.off.sample(rng) } else { self.ends };
        self.begun = true;
        self.ends = starts + self.on.sample(rng);
        self.arrivals.start_at(starts);
    }

    pub(super) fn skip_to(&mut self, now: Time) {
        self.arrivals.skip_to(now);
        // A burst that ended during the outage is followed by a silence that begins now.
        self.ends = self.ends.max(now);
    }
}
