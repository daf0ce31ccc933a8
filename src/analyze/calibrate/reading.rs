//! What a recorded probe tells: latencies of its records, and how many were accepted a second.

use std::collections::BTreeMap;
use std::path::Path;

use crate::tape::{TapeError, each_record};

use super::probe::Probe;

/// What one run of a probe tells. Latencies are nanoseconds, in order of size, of records offered after the warm-up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// From offer to accepted.
    pub acknowledge: Vec<u64>,
    /// From offer to processed.
    pub processed: Vec<u64>,
    /// From processed to covered by a commit.
    pub settled: Vec<u64>,
    /// Records offered a second, after the warm-up.
    pub offered_rate: f64,
    /// Records accepted a second, after the warm-up and while records were offered.
    pub accepted_rate: f64,
}

/// The readings of one repetition.
pub type Readings = BTreeMap<Probe, Reading>;

impl Reading {
    /// Reads the recorded run of `probe` in `dir`.
    ///
    /// # Errors
    /// When its records cannot be read.
    pub fn of(probe: Probe, dir: &Path) -> Result<Self, TapeError> {
        let (from, stop) = (probe.warm_up_ms() * 1_000_000, probe.duration_ms() * 1_000_000);
        let within = |at: u64| (from..stop).contains(&at);
        let mut reading = Self::default();
        let (mut offered, mut accepted) = (0_u64, 0_u64);
        each_record(dir, |record| {
            accepted += u64::from(record.accepted_ns.is_some_and(within));
            if !within(record.offered_ns) {
                return;
            }
            offered += 1;
            let since = |at: Option<u64>, earlier: u64| at.map(|at| at.saturating_sub(earlier));
            reading.acknowledge.extend(since(record.accepted_ns, record.offered_ns));
            for leg in &record.legs {
                reading.processed.extend(since(leg.processed_ns, record.offered_ns));
                reading
                    .settled
                    .extend(leg.processed_ns.and_then(|processed| since(leg.settled_ns, processed)));
            }
        })?;
        for latencies in [&mut reading.acknowledge, &mut reading.processed, &mut reading.settled] {
            latencies.sort_unstable();
        }
        let seconds = (stop - from) as f64 / 1e9;
        (reading.offered_rate, reading.accepted_rate) = (offered as f64 / seconds, accepted as f64 / seconds);
        Ok(reading)
    }
}

/// The value that so many thousandths of values in order of size are not above, as nanoseconds; none of nothing.
pub fn quantile(sorted: &[u64], per_mille: u64) -> Option<f64> {
    let rank = (sorted.len() as u64 * per_mille).div_ceil(1_000).max(1);
    sorted.get(rank as usize - 1).map(|value| *value as f64)
}

/// The median of some numbers; none of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<u64> = (1..=100).collect();
        assert_eq!(quantile(&values, 500), Some(50.0));
        assert_eq!(quantile(&values, 990), Some(99.0));
        assert_eq!(quantile(&[], 500), None);
    }
}
