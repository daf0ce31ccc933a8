//! One of the two runs: its manifest, its numbers, its lag series, and what is missing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::tape::{LagSeries, Manifest, State, TapeError, each_record, has_table, read_lag};

use super::curve::Counter;
use super::numbers::Numbers;

/// A recorded run, read to be compared.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Where it lies.
    pub dir: PathBuf,
    /// What it was.
    pub manifest: Manifest,
    /// Its numbers.
    pub numbers: Numbers,
    /// The lag of each group over time; empty without `lag/`.
    pub lag: BTreeMap<String, LagSeries>,
    /// What a reader has to know: sentences.
    pub notes: Vec<String>,
}

/// A run in one line, for scripts.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// What it is called in the comparison.
    pub label: String,
    /// Its folder.
    pub dir: PathBuf,
    /// The world in which it ran: `simulation`, `kafka://HOST:PORT`.
    pub world: String,
    /// The scenario's name.
    pub name: String,
    /// Its seed.
    pub seed: u64,
    /// How it ended.
    pub state: State,
    /// The version that recorded it.
    pub brokersim_version: String,
    /// Its length as its own clock counted, in nanoseconds; none when it did not end.
    pub ended_at_ns: Option<u64>,
    /// How long it took, in seconds of wall time.
    pub wall_seconds: f64,
    /// Records that were offered.
    pub records: u64,
}

impl About {
    /// How many times faster than real time it ran.
    pub fn speed_up(&self) -> Option<f64> {
        Some(self.ended_at_ns? as f64 / 1e9 / self.wall_seconds.max(1e-9))
    }

    /// Records a second of wall time that it moved.
    pub fn moved(&self) -> f64 {
        self.records as f64 / self.wall_seconds.max(1e-9)
    }
}

impl Recorded {
    /// Reads the run in `dir`; `label` is what it is called in notes.
    ///
    /// # Errors
    /// When there is no manifest that this version can read, or what is there cannot be read, or nothing is left to
    /// compare: neither a summary nor records.
    pub fn read(dir: &Path, label: &str) -> Result<Self, TapeError> {
        let manifest = Manifest::read(dir)?;
        let mut notes = Vec::new();
        notes.extend(not_finished(&manifest, label));
        let lag = if has_table(dir, "lag") {
            read_lag(dir)?
        } else {
            notes.push(format!("{label} has no lag/ folder: its lag over time is not compared"));
            BTreeMap::new()
        };
        let numbers = match Numbers::kept(&manifest) {
            Some(numbers) => numbers,
            None => Self::counted(dir, &manifest, label, &lag, &mut notes)?,
        };
        Ok(Self { dir: dir.to_owned(), manifest, numbers, lag, notes })
    }

    fn counted(
        dir: &Path,
        manifest: &Manifest,
        label: &str,
        lag: &BTreeMap<String, LagSeries>,
        notes: &mut Vec<String>,
    ) -> Result<Numbers, TapeError> {
        if !has_table(dir, "records") {
            let reason =
                "it has neither a summary nor a records/ folder: there is nothing to compare".to_owned();
            return Err(TapeError::NotATape { path: dir.to_owned(), reason });
        }
        notes.push(format!(
            "{label} has no summary of this version: its numbers are counted from its records, without rebalances"
        ));
        let mut numbers = Numbers::of_records(dir, manifest)?;
        for group in &mut numbers.groups {
            let series = lag.get(&group.name);
            group.lag = series.and_then(|series| series.last()).map(|(_, lag)| *lag);
            group.lag_max = series.and_then(|series| series.iter().map(|(_, lag)| *lag).max());
        }
        Ok(numbers)
    }

    /// In one line.
    pub fn about(&self, label: &str) -> About {
        About {
            label: label.to_owned(),
            dir: self.dir.clone(),
            world: self.manifest.world.clone(),
            name: self.manifest.name.clone(),
            seed: self.manifest.seed,
            state: self.manifest.state,
            brokersim_version: self.manifest.brokersim_version.clone(),
            ended_at_ns: self.manifest.ended_at_ns,
            wall_seconds: self.manifest.wall.seconds,
            records: self.offered(),
        }
    }

    /// How far its own clock came: where the manifest does not say, the last sample of lag.
    pub fn end_ns(&self) -> u64 {
        let last = || self.lag.values().filter_map(|series| series.last()).map(|(at, _)| *at).max();
        self.manifest.ended_at_ns.or_else(last).unwrap_or(0)
    }

    /// Records of each kind of fate that came to nothing, by cause: `lost/leader-election`.
    pub fn losses(&self) -> BTreeMap<String, u64> {
        let kinds = ["lost", "dropped", "rejected", "dead_lettered"];
        let balance = self.manifest.balance.as_ref();
        let by_cause = kinds.iter().flat_map(|kind| {
            let causes =
                balance.and_then(|balance| balance.get(*kind)).and_then(serde_json::Value::as_object);
            let kind = kind.replace('_', "-");
            causes
                .into_iter()
                .flatten()
                .map(move |(cause, count)| (format!("{kind}/{cause}"), count.as_u64().unwrap_or_default()))
        });
        if balance.is_some() {
            return by_cause.filter(|(_, count)| *count > 0).collect();
        }
        // A run that did not end has no balance, but counted the rows that it wrote.
        let fates = self.manifest.counts.fates.iter();
        let bad =
            |(fate, _): &(&String, &u64)| !fate.starts_with("settled") && !fate.starts_with("in-flight");
        fates.filter(bad).map(|(fate, count)| (fate.clone(), *count)).collect()
    }

    /// Records accepted and processed a second, in each step of a grid; none without `records/`.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn rates(&self, step_ns: u64) -> Result<Option<(Counter, Counter)>, TapeError> {
        if !has_table(&self.dir, "records") {
            return Ok(None);
        }
        let (mut accepted, mut processed) = (Counter::new(step_ns), Counter::new(step_ns));
        each_record(&self.dir, |record| {
            record.accepted_ns.iter().for_each(|at| accepted.count(*at));
            record.legs.iter().filter_map(|leg| leg.processed_ns).for_each(|at| processed.count(at));
        })?;
        Ok(Some((accepted, processed)))
    }

    fn offered(&self) -> u64 {
        let balance = self.manifest.balance.as_ref();
        let offered = balance.and_then(|balance| balance.get("offered")).and_then(serde_json::Value::as_u64);
        offered.unwrap_or(self.manifest.counts.records)
    }
}

fn not_finished(manifest: &Manifest, label: &str) -> Option<String> {
    match manifest.state {
        State::Finished => None,
        State::Running => Some(format!(
            "{label} did not end: it was killed, or is still going on; what is compared is what was written so far"
        )),
        State::Interrupted => {
            Some(format!("{label} was ended early; what is compared is what happened until then"))
        }
        State::Failed => {
            let why = manifest.failure.as_deref().unwrap_or("for a reason that was not written down");
            Some(format!("{label} failed: {why}; what is compared is what was recorded until then"))
        }
    }
}
