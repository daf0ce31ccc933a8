//! A run as a row of the table.

use crate::kernel::Duration;
use crate::observe::promise::{Expectation, Outcome, Verdict};
use crate::observe::summary::{GroupSummary, Summary};
use crate::trace::Stage;

/// A run of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which run.
    pub index: u64,
    /// Its seed.
    pub seed: u64,
    /// Its combination of settings.
    pub setting: usize,
    /// The digest of its facts, as `run` prints it.
    pub digest: String,
    /// In the order of [`MEASURES`].
    pub measures: Vec<Number>,
    /// In the order of the checks of the sweep; none where a combination of settings does not ask for it.
    pub checks: Vec<Option<Check>>,
}

/// How a promise fared, or whether something came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// It was broken, or came about: what [`Demand`] counts.
    pub hit: bool,
    /// How often, or to how many records.
    pub count: u64,
}

/// How a check is demanded: the first word of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// `always.NAME`, `eventually.NAME`: must not be broken in any run.
    Kept,
    /// `sometimes.NAME`: must happen in some run.
    Sometimes,
    /// `broken.NAME`: must be broken in some run.
    Broken,
    /// `outcome.NAME`: is counted, and demanded by nobody.
    Nothing,
}

impl Demand {
    /// That of a check of this name.
    pub fn of(name: &str) -> Self {
        match name.split_once('.').map_or("", |(first, _)| first) {
            "sometimes" => Self::Sometimes,
            "broken" => Self::Broken,
            "outcome" => Self::Nothing,
            _ => Self::Kept,
        }
    }

    /// What is counted, in words.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Kept | Self::Broken => "broken",
            Self::Sometimes | Self::Nothing => "happened",
        }
    }

    /// The cell of the table that says whether it was.
    pub fn word(self, hit: bool) -> &'static str {
        match (self, hit) {
            (Self::Kept | Self::Broken, false) => "held",
            (Self::Sometimes | Self::Nothing, false) => "never",
            (_, true) => self.verb(),
        }
    }

    /// Whether a run breaks it, for a sweep that is to end at such a run and was told its name.
    pub fn is_broken(self, check: Check) -> bool {
        match self {
            Self::Kept | Self::Broken | Self::Nothing => check.hit,
            Self::Sometimes => !check.hit,
        }
    }

    /// Whether so many of so many runs are as demanded.
    pub fn is_met(self, hits: u64, runs: u64) -> bool {
        match self {
            Self::Kept => hits == 0,
            Self::Sometimes | Self::Broken => hits > 0 || runs == 0,
            Self::Nothing => true,
        }
    }
}

/// A value that was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A count, or nanoseconds.
    Whole(u64),
    /// A rate.
    Real(f64),
}

impl Number {
    /// For statistics.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }
}

/// A column of the table.
#[derive(Debug)]
pub struct Measure {
    /// Its name, with its unit.
    pub name: &'static str,
    /// What the report calls it, when it shows it.
    pub shown: Option<&'static str>,
    /// What is measured.
    pub of: fn(&Summary) -> Number,
}

const fn whole(name: &'static str, of: fn(&Summary) -> Number) -> Measure {
    Measure { name, shown: None, of }
}

const fn shown(name: &'static str, shown: &'static str, of: fn(&Summary) -> Number) -> Measure {
    Measure { name, shown: Some(shown), of }
}

/// The columns that every sweep has. `docs/sweep.md` says what each means. Where a scenario has several groups, what
/// is measured of a group is that of the worst of them; rebalances are those of all.
pub const MEASURES: &[Measure] = &[
    whole("facts", |run| Number::Whole(run.facts)),
    whole("ended_at_ns", |run| time(run.duration)),
    whole("offered", |run| Number::Whole(run.books.offered)),
    whole("accepted", |run| Number::Whole(run.tally.accepted)),
    whole("settled", |run| Number::Whole(run.books.settled)),
    whole("lost", |run| Number::Whole(run.books.lost_total())),
    whole("dropped", |run| Number::Whole(run.books.dropped.values().sum())),
    whole("rejected", |run| Number::Whole(run.books.rejected.values().sum())),
    whole("dead_lettered", |run| Number::Whole(run.books.dead_lettered.values().sum())),
    whole("in_flight", |run| Number::Whole(run.books.in_flight.values().sum())),
    whole("unknown", |run| Number::Whole(run.tally.unknown)),
    whole("duplicates", |run| Number::Whole(run.tally.duplicates)),
    whole("stored_twice", |run| Number::Whole(run.tally.stored_twice)),
    whole("reordered", |run| Number::Whole(run.tally.reordered)),
    whole("offered_per_s", |run| Number::Real(run.throughput.offered)),
    whole("accepted_per_s", |run| Number::Real(run.throughput.accepted)),
    shown("processed_per_s", "processed", |run| Number::Real(run.throughput.processed)),
    whole("acknowledged_p50_ns", |run| time(run.acknowledge.p50)),
    whole("acknowledged_p90_ns", |run| time(run.acknowledge.p90)),
    shown("acknowledged_p99_ns", "acknowledged p99", |run| time(run.acknowledge.p99)),
    whole("acknowledged_max_ns", |run| time(run.acknowledge.max)),
    whole("end_to_end_p50_ns", |run| time(longest(run, |group| group.latency.p50))),
    whole("end_to_end_p90_ns", |run| time(longest(run, |group| group.latency.p90))),
    shown("end_to_end_p99_ns", "end to end p99", |run| time(longest(run, |group| group.latency.p99))),
    whole("end_to_end_max_ns", |run| time(longest(run, |group| group.latency.max))),
    shown("lag_max", "most lag", |run| Number::Whole(most(run, |group| group.lag_max))),
    whole("lag_end", |run| Number::Whole(most(run, |group| group.lag))),
    whole("rebalances", |run| {
        Number::Whole(run.groups.iter().map(|group| group.rebalances.len() as u64).sum())
    }),
    whole("rebalance_longest_ns", |run| time(longest(run, longest_rebalance))),
];

fn time(duration: Duration) -> Number {
    Number::Whole(duration.as_nanos())
}

fn longest(run: &Summary, of: impl Fn(&GroupSummary) -> Duration) -> Duration {
    run.groups.iter().map(of).max().unwrap_or_default()
}

fn most(run: &Summary, of: impl Fn(&GroupSummary) -> u64) -> u64 {
    run.groups.iter().map(of).max().unwrap_or_default()
}

/// Of those that ended.
fn longest_rebalance(group: &GroupSummary) -> Duration {
    group.rebalances.iter().filter_map(|rebalance| rebalance.took).max().unwrap_or_default()
}

/// How many records of a run.
type Records = fn(&Summary) -> u64;

/// What a scenario that expects nothing is asked, and how many records it concerns.
const OUTCOMES: [(&str, Records); 4] = [
    ("outcome.lost", |run| run.books.lost_total()),
    ("outcome.duplicated", |run| run.tally.duplicates),
    ("outcome.reordered", |run| run.tally.reordered),
    ("outcome.unsettled", |run| run.books.in_flight.values().sum()),
];

/// The names of what runs are asked that expect this: one each, in the same order, or the outcomes when nothing is
/// expected.
pub fn check_names(expected: &[Expectation], stage: &Stage) -> Vec<String> {
    if expected.is_empty() {
        return OUTCOMES.iter().map(|(name, _)| (*name).to_owned()).collect();
    }
    let name = |expectation: &Expectation| {
        let (demand, promise) = (expectation.mode.name(), expectation.promise.name());
        match expectation.scope(stage) {
            scope if scope.is_empty() => format!("{demand}.{promise}"),
            scope => format!("{demand}.{promise} ({scope})"),
        }
    };
    expected.iter().map(name).collect()
}

/// What came of it in a run, in the order of [`check_names`].
pub fn checks(run: &Summary) -> Vec<Check> {
    if run.promises.is_empty() {
        let check = |records: u64| Check { hit: records > 0, count: records };
        return OUTCOMES.iter().map(|(_, records)| check(records(run))).collect();
    }
    let check = |verdict: &Verdict| Check { hit: is_hit(&verdict.outcome), count: verdict.count() };
    run.promises.iter().map(check).collect()
}

fn is_hit(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Broken { .. } | Outcome::Happened { .. } => true,
        Outcome::Held | Outcome::NeverHappened => false,
    }
}
