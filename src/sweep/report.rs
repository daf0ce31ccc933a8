//! What a table of runs says: for each combination of settings, the odds of each broken promise, the worst seeds, and
//! where throughput, latency and lag lie.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::analyze::report::{count, rate};
use crate::kernel::Duration;

use super::odds::{Odds, Spread};
use super::order::Order;
use super::plan::{Plan, Seeds};
use super::row::{Check, Demand, MEASURES, Row};

/// The version of the report's shape: grows when a field changes its meaning or goes.
pub const REPORT_SCHEMA: &str = "brokersim.sweep-report/1";

/// How a sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Every run was made.
    Finished,
    /// It ended at the first run in which a promise was broken, as it was told to.
    Broken,
    /// It was interrupted.
    Interrupted,
}

/// A sweep in numbers. The same bytes for the same rows.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`REPORT_SCHEMA`].
    pub schema: &'static str,
    /// The program's version.
    pub version: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// The question that it answers.
    pub question: Option<String>,
    /// The seeds.
    pub seeds: Seeds,
    /// How it ended.
    pub state: State,
    /// How many runs were asked for.
    pub planned: u64,
    /// How many were made.
    pub runs: u64,
    /// Whether all is as the scenario expects: what must hold held in every run, and with each combination of settings
    /// what must happen, or must be broken, did so in some run.
    pub as_expected: bool,
    /// Each combination of settings.
    pub settings: Vec<SettingReport>,
}

/// One combination of settings in numbers.
#[derive(Clone, Debug, Serialize)]
pub struct SettingReport {
    /// Each as `path=value`; empty when nothing varies.
    pub settings: Vec<String>,
    /// How many runs.
    pub runs: u64,
    /// Each promise, or outcome.
    pub checks: Vec<CheckReport>,
    /// Columns of the table: throughput in records a second, `_ns` in nanoseconds, the rest counts.
    pub spreads: BTreeMap<&'static str, Spread>,
}

/// A promise, or an outcome, over the runs of a combination.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// How it is demanded, and its name: `always.accepted-is-not-lost`; `outcome.lost` when nobody demands anything.
    pub name: String,
    /// Whether the runs are as demanded.
    pub as_expected: bool,
    /// How often it was broken; of `sometimes` and `outcome`, how often it happened.
    #[serde(flatten)]
    pub odds: Odds,
    /// The runs in which that was most, worst first; empty for `sometimes`.
    pub worst: Vec<Worst>,
}

/// A run in which a promise was broken, or something happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Worst {
    /// Its row.
    pub index: u64,
    /// Its seed.
    pub seed: u64,
    /// How often, or to how many records.
    pub count: u64,
    /// What runs it again.
    pub command: String,
}

/// How many of the worst runs are told of.
const WORST: usize = 3;

impl Report {
    /// What these rows of a sweep say.
    pub fn new(order: &Order, plan: &Plan, rows: &[Row], interrupted: bool) -> Self {
        let ended = rows.last().is_some_and(|row| order.ends_at(row));
        let state = match (interrupted, ended) {
            (_, true) => State::Broken,
            (true, false) => State::Interrupted,
            (false, false) => State::Finished,
        };
        let mut by_setting: Vec<Vec<&Row>> = vec![Vec::new(); plan.settings()];
        rows.iter().for_each(|row| by_setting[row.setting].push(row));
        let setting = |(setting, rows): (usize, &Vec<&Row>)| SettingReport::new(order, plan, setting, rows);
        let settings: Vec<SettingReport> = by_setting.iter().enumerate().map(setting).collect();
        Self {
            schema: REPORT_SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            scenario: order.name.clone(),
            question: order.question.clone(),
            seeds: order.seeds,
            state,
            planned: order.runs,
            runs: rows.len() as u64,
            as_expected: settings.iter().flat_map(|setting| &setting.checks).all(|check| check.as_expected),
            settings,
        }
    }

    /// For a person.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.head(&mut text);
        self.settings.iter().for_each(|setting| setting.text(&mut text));
        text
    }

    fn head(&self, text: &mut String) {
        if let Some(question) = &self.question {
            line(text, &format!("{question}\n"));
        }
        let Seeds { from, to } = self.seeds;
        let settings = match self.settings.len() {
            1 => String::new(),
            many => format!(" × {many} settings"),
        };
        let runs = match self.state {
            State::Finished => format!("{} runs", count(self.runs)),
            State::Broken => format!(
                "{} runs of {}: it ended at the first that broke",
                count(self.runs),
                count(self.planned)
            ),
            State::Interrupted => {
                format!("{} runs of {}, INTERRUPTED", count(self.runs), count(self.planned))
            }
        };
        line(text, &format!("{} · seeds {from} to {}{settings} · {runs}", self.scenario, to - 1));
    }
}

impl SettingReport {
    fn new(order: &Order, plan: &Plan, setting: usize, rows: &[&Row]) -> Self {
        let spread = |(at, name): (usize, &'static str)| {
            let values = rows.iter().map(|row| row.measures[at].as_f64()).collect();
            Spread::of(values).map(|spread| (name, spread))
        };
        let names = MEASURES.iter().map(|measure| measure.name);
        Self {
            settings: plan.overrides(setting),
            runs: rows.len() as u64,
            checks: (0..order.checks.len())
                .filter_map(|at| CheckReport::new(order, plan, at, rows))
                .collect(),
            spreads: names.enumerate().filter_map(spread).collect(),
        }
    }

    fn text(&self, text: &mut String) {
        text.push('\n');
        let runs = format!("{} run{}", count(self.runs), if self.runs == 1 { "" } else { "s" });
        match self.settings.split_first() {
            None => {}
            Some((first, rest)) => {
                line(text, &format!("  {first:<64} {runs:>12}"));
                rest.iter().for_each(|setting| line(text, &format!("  {setting}")));
            }
        }
        if self.runs == 0 {
            return line(text, "    no run was made");
        }
        self.checks.iter().for_each(|check| check.text(text));
        for measure in MEASURES {
            let (Some(shown), Some(spread)) = (measure.shown, self.spreads.get(measure.name)) else {
                continue;
            };
            line(text, &format!("    {shown:<34} {}", in_words(measure.name, spread)));
        }
        let mut told = Vec::new();
        for check in self.checks.iter().filter(|check| !check.worst.is_empty()) {
            check.worst_in_words(text, &mut told);
        }
    }
}

/// The middle, and where nine of ten runs lie.
fn in_words(name: &str, spread: &Spread) -> String {
    let show = |value: f64| {
        if name.ends_with("_ns") {
            Duration::from_nanos(value as u64).to_string()
        } else if name.ends_with("_per_s") {
            format!("{}/s", rate(value))
        } else {
            count(value as u64)
        }
    };
    let Spread { p5, median, p95 } = *spread;
    format!("{:<12} nine of ten runs {} to {}", show(median), show(p5), show(p95))
}

impl CheckReport {
    /// None when no run of this combination was asked.
    fn new(order: &Order, plan: &Plan, at: usize, rows: &[&Row]) -> Option<Self> {
        let asked: Vec<(&Row, Check)> =
            rows.iter().filter_map(|row| row.checks[at].map(|check| (*row, check))).collect();
        if asked.is_empty() {
            return None;
        }
        let name = &order.checks[at];
        let demand = Demand::of(name);
        let mut hits: Vec<(&Row, Check)> = asked.iter().copied().filter(|(_, check)| check.hit).collect();
        hits.sort_by_key(|(row, check)| (std::cmp::Reverse(check.count), row.index));
        let (happened, runs) = (hits.len() as u64, asked.len() as u64);
        let worst = |(row, check): &(&Row, Check)| Worst {
            index: row.index,
            seed: row.seed,
            count: check.count,
            command: order.command(plan, row.seed, row.setting),
        };
        let told = if demand == Demand::Sometimes { 0 } else { WORST };
        Some(Self {
            name: name.clone(),
            as_expected: demand.is_met(happened, runs),
            odds: Odds::of(happened, runs),
            worst: hits.iter().take(told).map(worst).collect(),
        })
    }

    /// Outcomes are what they are; how a promise is demanded is told with it.
    fn short_name(&self) -> &str {
        self.name.strip_prefix("outcome.").unwrap_or(&self.name)
    }

    fn text(&self, text: &mut String) {
        let Odds { happened, runs, odds, low, high } = self.odds;
        line(
            text,
            &format!(
                "  {} {:<34} {} in {} of {}   {:.1} %, likely {:.1} to {:.1} %",
                if self.as_expected { " " } else { "!" },
                self.short_name(),
                Demand::of(&self.name).verb(),
                count(happened),
                count(runs),
                odds * 100.0,
                low * 100.0,
                high * 100.0
            ),
        );
    }

    /// The worst seeds; the command of one that was told of before is not repeated.
    fn worst_in_words(&self, text: &mut String, told: &mut Vec<u64>) {
        let seeds: Vec<String> =
            self.worst.iter().map(|worst| format!("{} ({})", worst.seed, count(worst.count))).collect();
        line(text, &format!("    {} most with seed {}", self.short_name(), seeds.join(", ")));
        let worst = &self.worst[0];
        if !told.contains(&worst.index) {
            told.push(worst.index);
            line(text, &format!("      {}", worst.command));
        }
    }
}

fn line(text: &mut String, words: &str) {
    writeln!(text, "{}", words.trim_end_matches(' ')).expect("a string takes everything");
}
