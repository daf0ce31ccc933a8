//! The promises of both runs.

use serde::Serialize;
use serde_json::Value;

use super::recorded::Recorded;

/// A promise over all pairs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PromiseRow {
    /// Its name.
    pub promise: String,
    /// Under which word of `[expect]`.
    pub mode: String,
    /// What it is about beyond its name; empty when nothing.
    pub scope: String,
    /// In the first runs: how many were as expected, and of how many.
    pub a: (u32, u32),
    /// In the second runs.
    pub b: (u32, u32),
    /// How often, or for how many records, it was broken or happened in the first run, by cause where there are causes;
    /// of the first pair.
    pub a_counts: Vec<(String, u64)>,
    /// In the second run of the first pair.
    pub b_counts: Vec<(String, u64)>,
    /// Whether both runs of each pair agree, and both have the promise.
    pub same: bool,
}

/// What one run says of one promise.
struct Said {
    name: (String, String, String),
    kept: bool,
    counts: Vec<(String, u64)>,
}

/// The promises of all pairs, in the order in which the runs have them.
pub(super) fn promise_rows(pairs: &[(Recorded, Recorded)]) -> Vec<PromiseRow> {
    let said: Vec<(Vec<Said>, Vec<Said>)> = pairs.iter().map(|(a, b)| (said(a), said(b))).collect();
    let mut names: Vec<&(String, String, String)> = Vec::new();
    for one in said.iter().flat_map(|(a, b)| a.iter().chain(b)) {
        if !names.contains(&&one.name) {
            names.push(&one.name);
        }
    }
    names.into_iter().map(|name| row(name, &said)).collect()
}

fn row(name: &(String, String, String), said: &[(Vec<Said>, Vec<Said>)]) -> PromiseRow {
    let find = |side: &'_ [Said]| side.iter().position(|one| one.name == *name);
    let kept = |side: &[Said]| find(side).map(|at| side[at].kept);
    let sum = |sides: Vec<Option<bool>>| {
        let of = sides.iter().flatten().count() as u32;
        (sides.iter().flatten().filter(|kept| **kept).count() as u32, of)
    };
    let counts = |side: &[Said]| find(side).map(|at| side[at].counts.clone()).unwrap_or_default();
    let (first_a, first_b) = &said[0];
    PromiseRow {
        mode: name.0.clone(),
        promise: name.1.clone(),
        scope: name.2.clone(),
        a: sum(said.iter().map(|(a, _)| kept(a)).collect()),
        b: sum(said.iter().map(|(_, b)| kept(b)).collect()),
        a_counts: counts(first_a),
        b_counts: counts(first_b),
        same: said.iter().all(|(a, b)| kept(a) == kept(b)),
    }
}

fn said(run: &Recorded) -> Vec<Said> {
    let promises = run.manifest.promises.as_ref().and_then(Value::as_array);
    promises.into_iter().flatten().map(one).collect()
}

fn one(verdict: &Value) -> Said {
    let text = |name: &str| verdict.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let causes = verdict.get("causes").and_then(Value::as_object);
    let mut counts: Vec<(String, u64)> = causes
        .into_iter()
        .flatten()
        .map(|(cause, count)| (cause.clone(), count.as_u64().unwrap_or_default()))
        .collect();
    if let Some(count) = verdict.get("count").and_then(Value::as_u64).filter(|_| counts.is_empty()) {
        counts.push((String::new(), count));
    }
    Said {
        name: (text("mode"), text("promise"), text("scope")),
        kept: verdict.get("kept").and_then(Value::as_bool).unwrap_or(false),
        counts,
    }
}
