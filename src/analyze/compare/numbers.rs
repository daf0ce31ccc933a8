//! What a recorded run says of itself in numbers: from the summary in its manifest, or, where there is none because
//! the run did not end or an older version recorded it, from its records.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::kernel::{Duration, Time};
use crate::observe::histogram::Histogram;
use crate::observe::summary::{Latency, SCHEMA};
use crate::scenario::{Overrides, Scenario};
use crate::tape::{Manifest, PastRecord, TapeError, each_record};

/// A run in numbers. Times are nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Numbers {
    /// Records a second, while generators ran and after the warm-up.
    pub throughput: Rates,
    /// From offer to accepted.
    pub acknowledge: Quantiles,
    /// Totals; none when they were not kept.
    pub tally: Option<Totals>,
    /// The groups.
    #[serde(default)]
    pub groups: Vec<Group>,
}

/// Records a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct Rates {
    /// Handed to clients.
    pub offered: f64,
    /// Accepted by the system.
    pub accepted: f64,
    /// Processed for the first time.
    pub processed: f64,
}

/// A distribution of lengths of time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct Quantiles {
    /// How many were measured; 0 leaves the rest without meaning.
    pub count: u64,
    /// Half are not above.
    pub p50: u64,
    /// Nine of ten are not above.
    pub p90: u64,
    /// 99 of 100 are not above.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

/// Totals that are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct Totals {
    /// Neither accepted nor refused: a time-out.
    pub unknown: u64,
    /// Processed again.
    pub duplicates: u64,
    /// Appended again.
    pub stored_twice: u64,
    /// Processed after a younger one of their key.
    pub reordered: u64,
}

/// A group in numbers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// From offer to first processing.
    pub latency: Quantiles,
    /// Lag at the end, in records; none when it was not kept.
    pub lag: Option<u64>,
    /// The most lag that was sampled.
    pub lag_max: Option<u64>,
    /// Its rebalances; none when they were not kept.
    pub rebalances: Option<Vec<Rebalance>>,
}

/// A rebalance: from when the group stopped being stable until it was again.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Rebalance {
    /// Its length; none when it never ended.
    pub took: Option<u64>,
}

impl Numbers {
    /// The numbers in the manifest, when this version of the summary is there.
    pub fn kept(manifest: &Manifest) -> Option<Self> {
        let summary = manifest.summary.as_ref()?;
        if summary.get("schema").and_then(serde_json::Value::as_str) != Some(SCHEMA) {
            return None;
        }
        Self::deserialize(summary).ok()
    }

    /// The numbers that the records tell: without rebalances, lag and totals.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn of_records(dir: &Path, manifest: &Manifest) -> Result<Self, TapeError> {
        let mut counted = Counted::new(window(manifest));
        each_record(dir, |record| counted.count(record))?;
        Ok(counted.numbers())
    }
}

impl From<Latency> for Quantiles {
    fn from(latency: Latency) -> Self {
        let Latency { count, p50, p90, p99, max, mean: _ } = latency;
        let ns = Duration::as_nanos;
        Self { count, p50: ns(p50), p90: ns(p90), p99: ns(p99), max: ns(max) }
    }
}

/// From the end of the warm-up until generators stopped, in nanoseconds; the whole run when its scenario cannot be
/// read any more.
pub fn window(manifest: &Manifest) -> (u64, u64) {
    let overrides = Overrides { set: manifest.scenario.overrides.clone(), ..Overrides::default() };
    let end = manifest.ended_at_ns.unwrap_or(u64::MAX);
    match Scenario::load(&manifest.scenario.text, &manifest.scenario.file, &overrides) {
        Ok(scenario) => {
            let after = |length: Duration| (Time::ZERO + length).as_nanos();
            (after(scenario.run.warm_up), after(scenario.run.duration).min(end))
        }
        Err(_) => (0, end),
    }
}

/// Counts the records of a run.
struct Counted {
    from: u64,
    stop: u64,
    /// The last instant that a record tells of.
    last: u64,
    offered: u64,
    accepted: u64,
    processed: u64,
    acknowledge: Histogram,
    groups: BTreeMap<String, Histogram>,
}

impl Counted {
    fn new((from, stop): (u64, u64)) -> Self {
        let acknowledge = Histogram::default();
        let groups = BTreeMap::new();
        Self { from, stop, last: 0, offered: 0, accepted: 0, processed: 0, acknowledge, groups }
    }

    fn count(&mut self, record: &PastRecord) {
        let offered = record.offered_ns;
        self.offered += u64::from(self.within(offered));
        if let Some(accepted) = record.accepted_ns {
            self.accepted += u64::from(self.within(accepted));
            if accepted >= self.from {
                self.acknowledge.add(Duration::from_nanos(accepted.saturating_sub(offered)));
            }
        }
        for leg in &record.legs {
            let Some(processed) = leg.processed_ns else { continue };
            self.processed += u64::from(self.within(processed));
            if processed >= self.from {
                let latency = Duration::from_nanos(processed.saturating_sub(offered));
                self.groups.entry(leg.group.clone()).or_default().add(latency);
            }
        }
    }

    fn within(&mut self, at: u64) -> bool {
        self.last = self.last.max(at);
        (self.from..=self.stop).contains(&at)
    }

    fn numbers(self) -> Numbers {
        let seconds = self.stop.min(self.last).saturating_sub(self.from) as f64 / 1e9;
        let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        let quantiles = |histogram: &Histogram| Quantiles::from(Latency::from(histogram));
        let group = |(name, latency): (&String, &Histogram)| Group {
            name: name.clone(),
            latency: quantiles(latency),
            ..Group::default()
        };
        Numbers {
            throughput: Rates {
                offered: rate(self.offered),
                accepted: rate(self.accepted),
                processed: rate(self.processed),
            },
            acknowledge: quantiles(&self.acknowledge),
            tally: None,
            groups: self.groups.iter().map(group).collect(),
        }
    }
}
