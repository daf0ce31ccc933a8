//! The end of a run in numbers: what a person reads, and what a script reads.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::kernel::{Duration, Time};
use crate::trace::SkippedFault;

use super::histogram::Histogram;
use super::ledger::{Balance, Tally};
use super::promise::Verdict;
use super::views::{GroupView, Rebalance};
use super::watch::Watch;

/// The version of the summary's shape: grows when a field changes its meaning or goes.
pub const SCHEMA: &str = "brokersim.summary/2";

/// A run in numbers. Times are nanoseconds of simulated time; rates are records a second.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The program's version.
    pub version: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// The question that it answers.
    pub question: Option<String>,
    /// Its seed.
    pub seed: u64,
    /// `finished` or `interrupted`.
    pub state: &'static str,
    /// Simulated time that passed, with the time that consumers had to catch up.
    pub duration: Duration,
    /// The world in which it ran: `simulation`, `live`, `kafka://HOST:PORT`.
    pub world: String,
    /// The digest of all facts; empty, and left out, where a run cannot be repeated.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// How many facts there were.
    pub facts: u64,
    /// How many inputs actors handled.
    pub inputs: u64,
    /// Wall time, in seconds. The only field that differs between two runs of the same scenario.
    pub wall_seconds: f64,
    /// Since when statistics count: the end of the warm-up.
    pub measured_from: Time,
    /// Records a second offered, accepted, and first processed by all groups together, while generators ran.
    pub throughput: Throughput,
    /// From offer to accepted.
    pub acknowledge: Latency,
    /// Totals.
    pub tally: Tally,
    /// The books.
    pub books: Balance,
    /// Whether they balance. When not, the program is wrong.
    pub books_balance: bool,
    /// The groups.
    pub groups: Vec<GroupSummary>,
    /// What came of each expectation, in the order of `[expect]`.
    pub promises: Vec<Verdict>,
    /// Faults of the scenario that were left out because they cannot strike there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped_faults: Vec<SkippedFault>,
    /// Records that could not be written or decoded by sinks, and the like: sentences.
    pub notes: Vec<String>,
}

/// Records a second.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Throughput {
    /// Handed to clients.
    pub offered: f64,
    /// Accepted by the system.
    pub accepted: f64,
    /// Processed for the first time.
    pub processed: f64,
}

/// A distribution of lengths of time, to 1.6 %.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// The mean.
    pub mean: Duration,
    /// Half are not above.
    pub p50: Duration,
    /// Nine of ten are not above.
    pub p90: Duration,
    /// 99 of 100 are not above.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl From<&Histogram> for Latency {
    fn from(histogram: &Histogram) -> Self {
        Self {
            count: histogram.total(),
            mean: histogram.mean(),
            p50: histogram.quantile(500),
            p90: histogram.quantile(900),
            p99: histogram.quantile(990),
            max: histogram.max(),
        }
    }
}

/// A group in numbers.
#[derive(Clone, Debug, Serialize)]
pub struct GroupSummary {
    /// Its name.
    pub name: String,
    /// Records that it processed for the first time.
    pub processed: u64,
    /// From offer to first processing.
    pub latency: Latency,
    /// Lag at the end.
    pub lag: u64,
    /// Age of the oldest record that it had not settled at the end.
    pub behind: Duration,
    /// The most lag that was sampled.
    pub lag_max: u64,
    /// When that was.
    pub lag_max_at: Time,
    /// Lag over time, a few dozen points.
    pub lag_series: Vec<(Time, u64)>,
    /// Its rebalances.
    pub rebalances: Vec<Rebalance>,
}

/// What a summary is told that the watch does not know.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// The scenario's name.
    pub scenario: String,
    /// The question that it answers.
    pub question: Option<String>,
    /// Its seed.
    pub seed: u64,
    /// Whether it ran to its end.
    pub finished: bool,
    /// When generators stopped.
    pub stop: Time,
    /// When the run stopped.
    pub now: Time,
    /// The world in which it ran.
    pub world: String,
    /// The digest; empty where a run cannot be repeated.
    pub digest: String,
    /// How many inputs actors handled.
    pub inputs: u64,
    /// How many facts there were.
    pub facts: u64,
    /// Wall time, in seconds.
    pub wall_seconds: f64,
    /// Faults that were left out.
    pub skipped_faults: Vec<SkippedFault>,
    /// Sentences that a person should know.
    pub notes: Vec<String>,
}

impl Summary {
    /// The summary of a run whose watch is closed.
    pub fn new(watch: &Watch, run: RunFacts) -> Self {
        let (measured_from, before) = watch.measured();
        let tally = watch.tally();
        let seconds = run.stop.min(run.now).since(measured_from).as_secs_f64();
        let rate = |now: u64, before: u64| if seconds > 0.0 { (now - before) as f64 / seconds } else { 0.0 };
        let books = watch.balance();
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            scenario: run.scenario,
            question: run.question,
            seed: run.seed,
            state: if run.finished { "finished" } else { "interrupted" },
            duration: run.now.since(Time::ZERO),
            world: run.world,
            digest: run.digest,
            facts: run.facts,
            inputs: run.inputs,
            wall_seconds: run.wall_seconds,
            measured_from,
            throughput: Throughput {
                offered: rate(tally.offered, before.offered),
                accepted: rate(tally.accepted, before.accepted),
                processed: rate(tally.processed, before.processed),
            },
            acknowledge: watch.acknowledged().into(),
            tally,
            books_balance: books.holds(),
            books,
            groups: watch.groups().into_iter().map(GroupSummary::from).collect(),
            promises: watch.verdicts(),
            skipped_faults: run.skipped_faults,
            notes: run.notes,
        }
    }

    /// Whether every promise is as expected.
    pub fn is_as_expected(&self) -> bool {
        self.promises.iter().all(|verdict| verdict.kept)
    }

    /// As a recorded run keeps it: without what stands elsewhere in its manifest (promises, books, skipped faults), and without wall
    /// time, so that two runs of one scenario and seed keep the same.
    pub fn to_kept(&self) -> serde_json::Value {
        let mut kept = serde_json::to_value(self).expect("a summary is plain data");
        let fields = kept.as_object_mut().expect("a summary is an object");
        for elsewhere in ["wall_seconds", "promises", "books", "skipped_faults"] {
            fields.remove(elsewhere);
        }
        kept
    }

    /// How many times faster than real time the run was.
    pub fn speed_up(&self) -> f64 {
        self.duration.as_secs_f64() / self.wall_seconds.max(1e-9)
    }
}

impl From<GroupView> for GroupSummary {
    fn from(group: GroupView) -> Self {
        Self {
            name: group.name,
            processed: group.processed,
            latency: Latency::from(&group.latency),
            lag: group.lag,
            behind: group.behind,
            lag_max: group.lag_max.0,
            lag_max_at: group.lag_max.1,
            lag_series: thinned(&group.series, 48),
            rebalances: group.rebalances,
        }
    }
}

/// The highest point of each of `points` stretches of a series.
fn thinned(series: &[(Time, u64)], points: usize) -> Vec<(Time, u64)> {
    let stretch = series.len().div_ceil(points).max(1);
    series.chunks(stretch).filter_map(|chunk| chunk.iter().max_by_key(|(_, lag)| *lag).copied()).collect()
}

/// Counts by name, largest first, as a person reads them.
pub fn by_size<K: Copy>(counts: &BTreeMap<K, u64>) -> Vec<(K, u64)> {
    let mut sorted: Vec<_> =
        counts.iter().map(|(key, count)| (*key, *count)).filter(|(_, count)| *count > 0).collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sorted
}
