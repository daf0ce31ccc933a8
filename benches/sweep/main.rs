//! How fast a sweep is, whether it uses every processor, and what a run costs besides its simulation.
//!
//! `cargo bench --bench sweep [-- RUNS [ROUNDS]]` sweeps `minute.toml` with one thread and with two, in turns, because a
//! machine that does other things too does so at different times; the best of the rounds counts, and the processor time
//! of each is told beside it. Then it times the parts of a run.

// A measurement reads the clock.
#![allow(clippy::disallowed_types)]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use brokersim::host::Simulation;
use brokersim::kernel::Time;
use brokersim::observe::summary::{RunFacts, Summary};
use brokersim::observe::{Watch, WatchSetup};
use brokersim::scenario::wiring::{Wired, wire};
use brokersim::scenario::{Overrides, Scenario};

const SCENARIO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/sweep/minute.toml");

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let runs = numbers.first().copied().unwrap_or(1_000);
    let rounds = numbers.get(1).copied().unwrap_or(3);
    println!("{runs} runs of {SCENARIO}, best of {rounds}");
    let mut best = [f64::INFINITY; 2];
    for _ in 0..rounds {
        for (best, jobs) in best.iter_mut().zip([1, 2]) {
            let (wall, cpu) = sweep(runs, jobs);
            println!("  {jobs} side by side: {wall:6.1} s, {cpu:6.1} s of processor time");
            *best = best.min(wall);
        }
    }
    println!(
        "two are {:.2} times as fast as one; 1,000 runs on two: {:.1} s",
        best[0] / best[1],
        best[1] * 1e3 / runs as f64
    );
    parts();
}

/// Wall and processor time of a sweep, in seconds.
fn sweep(runs: u64, jobs: u32) -> (f64, f64) {
    let out = std::env::temp_dir().join(format!("brokersim-bench-{}", std::process::id()));
    let (begun, before) = (Instant::now(), children());
    let status = Command::new(env!("CARGO_BIN_EXE_brokersim"))
        .args([
            "sweep",
            SCENARIO,
            "--quiet",
            "--seeds",
            &format!("0..{runs}"),
            "--jobs",
            &jobs.to_string(),
            "--out",
        ])
        .arg(&out)
        .stdout(Stdio::null())
        .status()
        .expect("the program starts");
    let took = (begun.elapsed().as_secs_f64(), children() - before);
    assert!(status.code().is_some_and(|code| code < 2), "the sweep went wrong: {status}");
    let _ = std::fs::remove_dir_all(out);
    took
}

/// Processor time of all children that have ended, in seconds; 0 where the system does not say.
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which may hold blanks: user and system time of children are fields 16 and 17, in hundredths.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |at: usize| fields.get(at - 3).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (field(16) + field(17)) / 100.0
}

/// Runs whose parts are timed.
const TIMED: u32 = 20;

/// What a run is made of, each part in milliseconds, the mean of some runs.
fn parts() {
    let text = std::fs::read_to_string(SCENARIO).expect("the scenario");
    let load = || Scenario::load(&text, SCENARIO, &Overrides::default()).expect("it makes sense");
    let mut spent = [0.0; 6];
    for seed in 0..u64::from(TIMED) {
        let mut clock = Instant::now();
        let mut lap = |part: usize| {
            spent[part] += clock.elapsed().as_secs_f64();
            clock = Instant::now();
        };
        let mut scenario = load();
        lap(0);
        scenario = scenario.clone();
        scenario.run.seed = seed;
        let Wired { parts, stage, expected, end, stop, .. } = wire(&scenario);
        lap(1);
        let mut simulation = Simulation::new(parts);
        let cast = Arc::new(simulation.cast().clone());
        let sample_every = end.since(Time::ZERO) / 1_000;
        let setup = WatchSetup { stage, cast, warm_up: Time::ZERO, end, sample_every, for_tape: false };
        let mut watch = Watch::new(setup).expecting(expected);
        lap(2);
        simulation.run_until(end, &mut watch);
        lap(3);
        watch.close(end);
        let facts = RunFacts {
            world: "simulation".to_owned(),
            scenario: scenario.name.clone(),
            question: None,
            seed,
            finished: true,
            stop,
            now: end,
            digest: simulation.digest().to_string(),
            inputs: simulation.inputs(),
            facts: simulation.facts(),
            wall_seconds: 0.0,
            notes: Vec::new(),
            skipped_faults: Vec::new(),
        };
        let summary = Summary::new(&watch, facts);
        lap(4);
        assert!(summary.books_balance, "the books balance");
        drop((scenario, simulation, watch, summary));
        lap(5);
    }
    println!("a run, in milliseconds:");
    let names = [
        "reading the scenario (once for each setting)",
        "wiring",
        "host and watch",
        "simulating",
        "closing the books",
        "dropping",
    ];
    for (name, seconds) in names.iter().zip(spent) {
        println!("  {name:<46} {:8.3}", seconds * 1e3 / f64::from(TIMED));
    }
}
