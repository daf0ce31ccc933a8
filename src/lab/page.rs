//! Trials as text for a person.

use std::fmt::Write as _;

use crate::analyze::report::{count, rate};
use crate::analyze::why::Trouble;

use super::needed::Cause;
use super::trial::Measured;
use super::what_if::WhatIf;

/// The table of trials.
pub fn what_if_page(what_if: &WhatIf) -> String {
    let mut out =
        String::from("\nWhat if: each change alone, on the same seed (✓ keeps what was asked about)\n\n");
    let late = what_if.troubles.contains(&Trouble::Late);
    let heads = ["lost", "again", "order"].into_iter().chain(late.then_some("late"));
    let heads: String = heads.map(|head| format!("{head:>7}")).collect();
    writeln!(
        out,
        "    {heads}{:>10}{:>10}{:>10}{:>10}{:>9}",
        "ack p50", "ack p99", "read p50", "read p99", "acked/s"
    )
    .expect("a string takes everything");
    row(&mut out, ' ', &what_if.as_it_is, late, "as it is");
    for trial in &what_if.trials {
        let mark = match (trial.keeps, trial.by_rule) {
            (true, true) => '✓',
            (true, false) => '~',
            (false, _) => '✗',
        };
        // In a sentence a comma closes "as it is".
        row(&mut out, mark, &trial.measured, late, trial.change.alone());
    }
    if what_if.trials.iter().any(|trial| trial.keeps && !trial.by_rule) {
        out.push_str("\n  ~ keeps it here, but no rule says that it must: other timing may have been enough. Try other seeds.\n");
    }
    if what_if.trials.is_empty() {
        out.push_str("    nothing that is usually changed would change anything here\n");
    }
    out
}

fn row(out: &mut String, mark: char, measured: &Measured, late: bool, name: &str) {
    let shown = Trouble::ALL.into_iter().filter(|trouble| late || *trouble != Trouble::Late);
    let troubled: String = shown.map(|trouble| format!("{:>7}", count(measured.total(&[trouble])))).collect();
    let line = format!(
        "  {mark} {troubled}{:>10}{:>10}{:>10}{:>10}{:>9}  {name}",
        measured.acknowledged_p50.to_string(),
        measured.acknowledged_p99.to_string(),
        measured.end_to_end_p50.to_string(),
        measured.end_to_end_p99.to_string(),
        rate(measured.accepted_per_second),
    );
    out.push_str(line.trim_end());
    out.push('\n');
}

/// Which causes are necessary.
pub fn needed_page(causes: &[Cause]) -> String {
    let mut out =
        String::from("\nWhich causes are necessary: each fault and setting of the file taken out alone\n\n");
    let width = causes.iter().map(|cause| cause.name.chars().count()).max().unwrap_or(0).clamp(20, 90);
    for cause in causes {
        let verdict = if cause.necessary {
            "necessary: without it nothing of the kind happens".to_owned()
        } else {
            format!("not necessary: still {}", count(cause.without_it))
        };
        let mark = if cause.necessary { '●' } else { '·' };
        writeln!(out, "  {mark} {:<width$}  {verdict}", cause.name).expect("a string takes everything");
    }
    if causes.is_empty() {
        out.push_str("  there is nothing that could be taken out\n");
    } else if causes.iter().all(|cause| !cause.necessary) {
        out.push_str("  None of them alone: there is more than one way to the same end.\n");
    }
    out
}
