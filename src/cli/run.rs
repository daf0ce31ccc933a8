//! `brokersim run`
use clap::Args;
use std::sync::Arc;
use std::time::Instant;

use crate::analyze::report::report;
use crate::host::Simulation;
use crate::kernel::{Duration, Time};
use crate::observe::summary::{RunFacts, Summary};
use crate::observe::{Watch, WatchSetup};
use crate::scenario::wiring::wire;

use super::Exit;
use super::failure::Failure;
use super::load::ScenarioArguments;

/// Arguments of `run`.
#[derive(Args, Debug)]
pub struct RunArguments {
    #[command(flatten)]
    scenario: ScenarioArguments,
}

/// Runs.
pub fn run(arguments: &RunArguments) -> Result<Exit, Failure> {
    let loaded = arguments.scenario.load()?;
    let wired = wire(&loaded.scenario);
    let mut simulation = Simulation::new(wired.parts);
    let mut watch = Watch::new(WatchSetup {
        stage: Arc::clone(&wired.stage),
        cast: Arc::new(simulation.cast().clone()),
        warm_up: Time::ZERO + loaded.scenario.run.warm_up,
        end: wired.end,
        sample_every: Duration::from_millis(100),
        for_tape: false,
    });
    let started = Instant::now();
    simulation.run_until(wired.end, &mut watch);
    watch.close(simulation.now());
    let summary = Summary::new(
        &watch,
        RunFacts {
            scenario: loaded.scenario.name.clone(),
            question: loaded.scenario.question.clone(),
            seed: loaded.scenario.run.seed,
            finished: true,
            stop: wired.stop,
            now: simulation.now(),
            digest: simulation.digest().to_string(),
            inputs: simulation.inputs(),
            facts: simulation.facts(),
            wall_seconds: started.elapsed().as_secs_f64(),
            notes: loaded.scenario.notes.clone(),
        },
    );
    print!("{}", report(&summary));
    if std::env::var("LINES_OUT").is_ok() {
        for line in watch.snapshot().lines {
            eprintln!("{} {} {}", line.at, line.tag, line.text);
        }
    }
    Ok(if summary.books_balance { Exit::Ok } else { Exit::Bug })
}
