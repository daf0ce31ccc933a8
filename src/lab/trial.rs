//! Trials: the same seed with something changed, and what came of it. Side by side on all cores.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::thread;

use serde::Serialize;

use crate::analyze::why::{About, Annals, Mechanism, Trouble, about, broken, clusters};
use crate::kernel::Duration;
use crate::observe::promise::{Mode, Promise, Verdict};
use crate::observe::summary::Summary;
use crate::sweep::{self, Done};

use super::rerun::{Looked, Recipe};

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Records in each kind of trouble.
    pub troubled: BTreeMap<Trouble, u64>,
    /// Records that the application was told were not published.
    pub rejected: u64,
    /// From offer to accepted.
    pub acknowledged_p50: Duration,
    /// From offer to accepted.
    pub acknowledged_p99: Duration,
    /// From offer to first processing, in the group where it is longest.
    pub end_to_end_p50: Duration,
    /// From offer to first processing, in the group where it is longest.
    pub end_to_end_p99: Duration,
    /// Records accepted a second.
    pub accepted_per_second: f64,
    /// Records processed a second, by all groups together.
    pub processed_per_second: f64,
    /// The run's digest.
    pub digest: String,
    /// The promises of `[expect]` that were broken, first those that nobody expected to break.
    #[serde(skip)]
    pub broken: Vec<Promise>,
    /// What came of the members of `broken` in `[expect]`, in their order.
    #[serde(skip)]
    pub expected_to_break: Vec<Verdict>,
    /// The ways in which records came to grief.
    #[serde(skip)]
    pub ways: Vec<(Trouble, Mechanism)>,
}

impl Measured {
    /// Of a run that has been looked at.
    pub fn of(looked: &Looked) -> Self {
        let Looked { scene, outcomes, summary, .. } = looked;
        let annals = Annals { scene, events: outcomes.annals() };
        let mut troubled: BTreeMap<_, u64> = Trouble::ALL.into_iter().map(|trouble| (trouble, 0)).collect();
        let mut ways = Vec::new();
        for cluster in clusters(outcomes.victims(), annals) {
            *troubled.entry(cluster.trouble).or_default() += cluster.victims.len() as u64;
            let way = (cluster.trouble, cluster.root.mechanism);
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        Self { troubled, ways, ..Self::in_numbers(summary) }
    }

    fn in_numbers(summary: &Summary) -> Self {
        let slowest = |part: fn(&crate::observe::summary::Latency) -> Duration| {
            summary.groups.iter().map(|group| part(&group.latency)).max().unwrap_or_default()
        };
        Self {
            troubled: BTreeMap::new(),
            rejected: summary.tally.rejected,
            acknowledged_p50: summary.acknowledge.p50,
            acknowledged_p99: summary.acknowledge.p99,
            end_to_end_p50: slowest(|latency| latency.p50),
            end_to_end_p99: slowest(|latency| latency.p99),
            accepted_per_second: summary.throughput.accepted,
            processed_per_second: summary.throughput.processed,
            digest: summary.digest.clone(),
            broken: broken(&summary.promises),
            expected_to_break: summary
                .promises
                .iter()
                .filter(|verdict| verdict.mode == Mode::Broken)
                .cloned()
                .collect(),
            ways: Vec::new(),
        }
    }

    /// Records in any of these kinds of trouble.
    pub fn total(&self, troubles: &[Trouble]) -> u64 {
        troubles.iter().map(|trouble| self.troubled.get(trouble).copied().unwrap_or(0)).sum()
    }
}

impl Measured {
    /// Whether a promise about lag is broken.
    pub fn lags(&self) -> bool {
        self.broken.iter().any(|promise| about(*promise) == Some(About::Lag))
    }
}

impl Recipe {
    /// Runs it and measures; none when the scenario makes no sense.
    pub fn measure(&self, late: Duration) -> Option<Measured> {
        self.look(late).ok().map(|looked| Measured::of(&looked))
    }
}

/// Does some work for each job, on all cores; the results are in the order of the jobs.
pub fn side_by_side<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(jobs.len().max(1));
    let one = |index| Some(Done { index, value: work(&jobs[index as usize]), ends: false });
    let done = sweep::side_by_side(0..jobs.len() as u64, threads, &AtomicBool::new(false), one, |_| {});
    done.into_iter().map(|done| done.value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        let jobs: Vec<u32> = (0..100).collect();
        assert_eq!(side_by_side(&jobs, |job| job * 2), jobs.iter().map(|job| job * 2).collect::<Vec<_>>());
        assert!(side_by_side(&[] as &[u32], |job| *job).is_empty());
    }
}
