//! How fast a simulated Kafka runs, and how much memory it takes: records for each second of the wall clock, with
//! the ledger on.
//!
//! `cargo bench --bench kafka` runs the speed cases; `cargo bench --bench kafka -- NAME...` runs the cases whose
//! names contain one of the words, once each (`hour`: an hour of simulated time, to see what stays in memory). Each
//! case runs in a process of its own, so that the peak of memory is its own.
//!
//! **Not measured:** reading the scenario and wiring it.

// A measurement reads the clock.
#![allow(clippy::disallowed_types)]

mod cases;
mod measure;

use std::process::Command;

use cases::{CASES, Case};

/// Runs of a case; the median counts.
const RUNS: usize = 3;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let [flag, name] = &words[..]
        && flag == "case"
    {
        let case = CASES.iter().find(|case| case.name == name).expect("a case of this name");
        return println!("{}", measure::run(case));
    }
    println!("{}", measure::HEAD);
    for case in CASES.iter().filter(|case| is_wanted(case, &words)) {
        println!("{}", median(case));
    }
}

fn is_wanted(case: &Case, words: &[String]) -> bool {
    if words.is_empty() { !case.long } else { words.iter().any(|word| case.name.contains(word.as_str())) }
}

/// The median run of a case, by processor time.
fn median(case: &Case) -> String {
    let runs = if case.long { 1 } else { RUNS };
    let mut rows: Vec<(u64, String)> = (0..runs).map(|_| in_a_process_of_its_own(case)).collect();
    rows.sort();
    rows.swap_remove(runs / 2).1
}

fn in_a_process_of_its_own(case: &Case) -> (u64, String) {
    let me = std::env::current_exe().expect("the path of this program");
    let output = Command::new(me).args(["case", case.name]).output().expect("a process for the case");
    assert!(output.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&output.stderr));
    let row = String::from_utf8(output.stdout).expect("a row of text").trim_end().to_owned();
    (measure::speed_of(&row), row)
}
