//! When a run by the clock may end early: nothing is in flight, and nobody offers.

use crate::kernel::{Duration, Time};
use crate::observe::ledger::{Balance, Whereabouts};

/// How long nothing has been in flight, after the generators have stopped.
pub struct Quiet {
    from: Time,
    since: Option<(Time, u64)>,
}

impl Quiet {
    /// Nothing in flight for so long is the end: a client that made room, or a process that starts again, may
    /// still offer something.
    const LASTS: Duration = Duration::from_millis(500);

    /// From when the generators have stopped.
    pub fn from(stop: Time) -> Self {
        Self { from: stop, since: None }
    }

    /// Whether that is so long that the run is over, at `now`.
    pub fn is_over(&mut self, now: Time, offered: impl Fn() -> u64, in_flight: impl Fn() -> u64) -> bool {
        if now < self.from || in_flight() > 0 {
            self.since = None;
            return false;
        }
        let offered = offered();
        match self.since {
            Some((since, then)) if then == offered => now.since(since) >= Self::LASTS,
            Some(_) | None => {
                self.since = Some((now, offered));
                false
            }
        }
    }
}

/// Records that may still get somewhere.
pub fn under_way(books: &Balance) -> u64 {
    let moving = books.in_flight.iter().filter(|(place, _)| **place != Whereabouts::Kept);
    moving.map(|(_, records)| records).sum()
}
