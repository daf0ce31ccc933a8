//! How long records took lately, from offer to first processing: the time that 99 of 100 did not exceed, in each of the last
//! seconds.
//!
//! **Invariant.** A function of what was counted until now. Memory is bounded: [`SECONDS`] values and one histogram, which
//! is emptied every second.

use std::collections::VecDeque;

use crate::kernel::{Duration, Time};

use super::histogram::Histogram;

/// How many seconds are kept: as many as of rates.
pub const SECONDS: usize = 60;
const SECOND: Duration = Duration::from_secs(1);

/// Counts by the second.
#[derive(Clone, Debug)]
pub struct Lately {
    /// Where the second ends that is being counted.
    ends: Time,
    counted: Histogram,
    /// Those before it, the oldest first; none where nothing was processed.
    seconds: VecDeque<Option<Duration>>,
}

impl Default for Lately {
    /// From the beginning of a run.
    fn default() -> Self {
        Self { ends: Time::ZERO + SECOND, counted: Histogram::default(), seconds: VecDeque::new() }
    }
}

impl Lately {
    /// So many records were processed now, which took so long.
    pub fn add(&mut self, now: Time, took: Duration, records: u64) {
        while self.ends <= now {
            self.end_second(now);
        }
        self.counted.add_many(took, records);
    }

    /// The last whole seconds, the oldest first; none where nothing was processed.
    pub fn seconds(&self, now: Time) -> Vec<Option<Duration>> {
        let mut upto = self.clone();
        while upto.ends <= now {
            upto.end_second(now);
        }
        upto.seconds.into()
    }

    fn end_second(&mut self, now: Time) {
        if self.seconds.len() == SECONDS {
            self.seconds.pop_front();
        }
        self.seconds.push_back((self.counted.total() > 0).then(|| self.counted.quantile(990)));
        self.counted.clear();
        // What is older than all that is kept needs no seconds of its own.
        let skipped = (now.since(self.ends).as_millis() / 1_000).saturating_sub(SECONDS as u64);
        self.ends = self.ends + SECOND + Duration::from_secs(skipped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_own_and_one_in_which_nothing_was_processed_none() {
        let mut lately = Lately::default();
        let ms = Duration::from_millis;
        lately.add(Time::from_millis(100), ms(5), 98);
        lately.add(Time::from_millis(900), ms(700), 2);
        assert_eq!(lately.seconds(Time::from_millis(999)), [None; 0], "the second is not over");
        lately.add(Time::from_millis(1_000), ms(5), 1);
        let seconds = lately.seconds(Time::from_millis(3_500));
        let near = |value: Option<Duration>, wanted: u64| {
            value.is_some_and(|value| value.as_millis().abs_diff(wanted) <= wanted / 50)
        };
        assert!(near(seconds[0], 700) && near(seconds[1], 5), "{seconds:?}");
        assert_eq!(seconds[2..], [None]);
        // What was asked in between changes nothing.
        assert_eq!(lately.seconds(Time::from_millis(3_500)), seconds);
    }

    #[test]
    fn a_minute_is_kept_however_long_nothing_happens() {
        let mut lately = Lately::default();
        lately.add(Time::from_millis(10), Duration::from_millis(5), 1);
        assert_eq!(lately.seconds(Time::from_secs(86_400 * 365)), [None; SECONDS]);
        lately.add(Time::from_secs(86_400), Duration::from_millis(5), 1);
        let seconds = lately.seconds(Time::from_secs(86_401));
        assert_eq!((seconds.len(), seconds.last().map(Option::is_some)), (SECONDS, Some(true)));
        assert_eq!(lately.seconds(Time::from_secs(86_430)).iter().flatten().count(), 1);
    }
}
