//! Two recorded runs side by side: simulated and real, or any two; or several pairs of them.
//!
//! Where numbers come from: the summary in each manifest (throughput, latencies, lag, rebalances), its balance (losses by
//! cause) and its verdicts; the series of `lag/`; and for rates over time `records/`. A run without a summary is counted
//! from its records.
//!
//! **Invariant.** The second run is the yardstick: a ratio is A / B. What one of them does not know is not judged, and
//! said.

mod chart;
mod curve;
mod differences;
mod interval;
mod numbers;
mod page;
mod recorded;
mod rows;
mod tolerance;
mod verdicts;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::tape::TapeError;

pub use curve::Curve;
pub use page::{Style, page};
pub use recorded::{About, Recorded};
pub use rows::{Kind, Row, Unit, ratio};
pub use tolerance::{Tolerance, Tolerances};
pub use verdicts::PromiseRow;

use curve::{sampled, step};
use differences::differing_lines;
use rows::{Judged, Line, group_names, lines};

/// The version of the comparison's shape: grows when a field changes its meaning or goes.
pub const SCHEMA: &str = "brokersim.compare/1";

/// A comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The first runs of all pairs.
    pub a: Vec<About>,
    /// The second runs, each beside the first of its pair.
    pub b: Vec<About>,
    /// The tolerances, in words.
    pub tolerance: String,
    /// In what the scenario of the first pair's A differs from B's: `- ` and `+ ` lines; overrides as `--set`.
    pub differences: Vec<String>,
    /// What a reader has to know: sentences.
    pub notes: Vec<String>,
    /// The numbers.
    pub rows: Vec<Row>,
    /// The promises.
    pub promises: Vec<PromiseRow>,
    /// Series of the first pair over time.
    pub curves: Vec<Curve>,
    /// Whether anything is outside of its tolerance, a promise included.
    pub outside: bool,
}

/// Compares pairs of runs: A and B of each. `names` are what all A and all B are called.
///
/// # Errors
/// When records cannot be read.
///
/// # Panics
/// Without a pair.
pub fn compare(
    pairs: &[(Recorded, Recorded)],
    names: (&str, &str),
    tolerances: &Tolerances,
) -> Result<Compared, TapeError> {
    let (first_a, first_b) = pairs.first().expect("there is something to compare");
    let mut notes = notes(pairs);
    let curves = curves(first_a, first_b, &mut notes)?;
    let rows = all_rows(pairs, tolerances);
    let promises = verdicts::promise_rows(pairs);
    let outside = rows.iter().any(|row| row.outside) || promises.iter().any(|promise| !promise.same);
    Ok(Compared {
        schema: SCHEMA,
        a: pairs.iter().map(|(a, _)| a.about(names.0)).collect(),
        b: pairs.iter().map(|(_, b)| b.about(names.1)).collect(),
        tolerance: tolerances.in_words(),
        differences: scenario_differences(first_a, first_b),
        notes,
        rows,
        promises,
        curves,
        outside,
    })
}

/// The same lines of all pairs, put together.
fn all_rows(pairs: &[(Recorded, Recorded)], tolerances: &Tolerances) -> Vec<Row> {
    let mut by_name: BTreeMap<(Kind, usize), Vec<Line>> = BTreeMap::new();
    let mut order: Vec<(Kind, String)> = Vec::new();
    for (a, b) in pairs {
        let curves = lag_curves(a, b);
        for line in lines(a, b).into_iter().chain(curves.iter().map(distance_line)) {
            let key = (line.kind, line.name.clone());
            let at = order.iter().position(|known| *known == key).unwrap_or_else(|| {
                order.push(key);
                order.len() - 1
            });
            by_name.entry((line.kind, at)).or_default().push(line);
        }
    }
    by_name.into_values().map(|lines| Row::of(&complete(lines, pairs.len()), tolerances)).collect()
}

/// A cause that a pair does not name did not happen there.
fn complete(mut lines: Vec<Line>, pairs: usize) -> Vec<Line> {
    let first = lines[0].clone();
    if first.kind == Kind::Losses {
        lines.resize(pairs, Line { a: Some(0.0), b: Some(0.0), ..first });
    }
    lines
}

fn distance_line(curve: &Curve) -> Line {
    Line {
        kind: Kind::Lag,
        name: curve.name.replacen("lag of ", "", 1) + " curve",
        unit: Unit::Records,
        a: None,
        b: None,
        judged: Judged::Distance(curve.distance()),
    }
}

/// Up to the end of the run that ended first.
fn grid(a: &Recorded, b: &Recorded) -> u64 {
    step(a.end_ns().min(b.end_ns()))
}

/// The lag of every group that both have a series of.
fn lag_curves(a: &Recorded, b: &Recorded) -> Vec<Curve> {
    let step_ns = grid(a, b);
    let both = group_names(a, b).into_iter().filter_map(|name| {
        let (in_a, in_b) = (a.lag.get(&name)?, b.lag.get(&name)?);
        let (a, b) = (sampled(in_a, step_ns), sampled(in_b, step_ns));
        Some(Curve { name: format!("lag of {name}"), unit: "records", step_ns, a, b })
    });
    both.collect()
}

fn curves(a: &Recorded, b: &Recorded, notes: &mut Vec<String>) -> Result<Vec<Curve>, TapeError> {
    let mut curves = lag_curves(a, b);
    let step_ns = grid(a, b);
    match (a.rates(step_ns)?, b.rates(step_ns)?) {
        (Some((accepted_a, processed_a)), Some((accepted_b, processed_b))) => {
            let rate = |name: &str, a: &curve::Counter, b: &curve::Counter| {
                let (a, b) = (a.rates(), b.rates());
                Curve { name: name.to_owned(), unit: "records/s", step_ns, a, b }
            };
            curves.push(rate("accepted", &accepted_a, &accepted_b));
            curves.push(rate("processed", &processed_a, &processed_b));
        }
        (in_a, in_b) => {
            let without = [("A", in_a.is_none()), ("B", in_b.is_none())];
            let without: Vec<_> = without.iter().filter(|(_, none)| *none).map(|(name, _)| *name).collect();
            notes.push(format!(
                "{} has no records/ folder: rates over time are not drawn",
                without.join(" and ")
            ));
        }
    }
    Ok(curves)
}

fn notes(pairs: &[(Recorded, Recorded)]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for (a, b) in pairs {
        let own = a.notes.iter().chain(&b.notes).cloned();
        for note in own.chain(pair_notes(a, b)) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    notes
}

fn pair_notes(a: &Recorded, b: &Recorded) -> Vec<String> {
    let mut notes = Vec::new();
    let (version_a, version_b) = (&a.manifest.brokersim_version, &b.manifest.brokersim_version);
    if version_a != version_b {
        notes.push(format!("A was recorded by brokersim {version_a}, B by {version_b}"));
    }
    if a.manifest.name != b.manifest.name {
        notes.push(format!("the scenarios are called {} and {}", a.manifest.name, b.manifest.name));
    }
    let (end_a, end_b) = (a.end_ns() as f64, b.end_ns() as f64);
    if (end_a - end_b).abs() > 0.01 * end_a.max(end_b) {
        let (a, b) = (end_a / 1e9, end_b / 1e9);
        notes
            .push(format!("A ends at {a:.1} s and B at {b:.1} s: curves are compared up to the earlier end"));
    }
    for name in group_names(a, b) {
        let has = |run: &Recorded| run.numbers.groups.iter().any(|group| group.name == name);
        match (has(a), has(b)) {
            (true, false) => notes.push(format!("only A has the group {name}")),
            (false, true) => notes.push(format!("only B has the group {name}")),
            (true, true) | (false, false) => {}
        }
    }
    notes
}

/// Lines of the texts, and overrides; the seed is told elsewhere.
fn scenario_differences(a: &Recorded, b: &Recorded) -> Vec<String> {
    let (a, b) = (&a.manifest.scenario, &b.manifest.scenario);
    let mut differences = differing_lines(&a.text, &b.text);
    let only = |these: &[String], those: &[String], mark: char| -> Vec<String> {
        let own = these.iter().filter(|set| !those.contains(set) && !set.starts_with("run.seed="));
        own.map(|set| format!("{mark} --set {set}")).collect()
    };
    differences.extend(only(&a.overrides, &b.overrides, '-'));
    differences.extend(only(&b.overrides, &a.overrides, '+'));
    differences
}
