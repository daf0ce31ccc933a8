//! Pairs of runs made for a comparison: A simulated; B simulated with something set otherwise, or on a real system.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::analyze::compare::Recorded;
use crate::gateway::Options;
use crate::scenario::World;

use super::super::failure::Failure;
use super::super::load::ScenarioArguments;
use super::super::made_run::run_in;
use super::super::run::stop_on_signal;
use super::super::session::Recording;
use super::CompareArguments;

/// Pairs of runs, and what all A and all B are called.
pub(super) type Pairs = (Vec<(Recorded, Recorded)>, (String, String));

/// One side of all pairs.
struct Side {
    letter: &'static str,
    world: World,
    options: Options,
    scenario: ScenarioArguments,
    /// Of its first run.
    seed: u64,
    label: String,
}

/// Makes the runs; none when it was ended early.
pub(super) fn make(arguments: &CompareArguments) -> Result<Option<Pairs>, Failure> {
    let (a, b) = sides(arguments)?;
    let name = a.scenario.load()?.scenario.name;
    let dir = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(format!("compare-{name}")));
    let stop = stop_on_signal();
    let mut pairs = Vec::new();
    for number in 0..u64::from(arguments.runs) {
        let run = |side: &Side| side.run(number, &dir, arguments.force, &stop);
        let (Some(dir_a), Some(dir_b)) = (run(&a)?, run(&b)?) else { return Ok(None) };
        pairs.push((Recorded::read(&dir_a, "A")?, Recorded::read(&dir_b, "B")?));
    }
    Ok(Some((pairs, (a.label, b.label))))
}

fn sides(arguments: &CompareArguments) -> Result<(Side, Side), Failure> {
    let world = arguments.on.clone().unwrap_or_default();
    let against = &arguments.against;
    if against.is_empty() && world == World::Simulated {
        return Err(Failure::Usage(
            "--scenario needs something to compare with: --on kafka://HOST:PORT, or --against PATH=VALUE, as in `--against run.seed=7`"
                .to_owned(),
        ));
    }
    let scenario = ScenarioArguments {
        scenario: arguments.scenario.clone().expect("clap asks for it"),
        set: arguments.set.clone(),
        seed: arguments.seed,
        duration: arguments.duration.clone(),
        calibration: arguments.calibration.clone(),
    };
    let mut otherwise = scenario.clone();
    otherwise.set.extend(against.iter().cloned());
    let with = if against.is_empty() { String::new() } else { format!(" with {}", against.join(", ")) };
    let name = if world == World::Simulated { "simulated".to_owned() } else { world.to_string() };
    let real = arguments.real.of(&world);
    let a = Side::new("A", (World::Simulated, Options::default()), scenario, "simulated".to_owned())?;
    let b = Side::new("B", (world, real.options()), otherwise, name + &with)?;
    real.ask()?;
    Ok((a, b))
}

impl Side {
    fn new(
        letter: &'static str,
        (world, options): (World, Options),
        scenario: ScenarioArguments,
        label: String,
    ) -> Result<Self, Failure> {
        let mut loaded = scenario.load()?;
        // What cannot go wrong there is named before anything begins.
        loaded.scenario.suit(&world, &options)?;
        let seed = loaded.scenario.run.seed;
        Ok(Self { letter, world, options, scenario, seed, label })
    }

    /// The how-manieth run; its folder, or none when it was ended early.
    fn run(
        &self,
        number: u64,
        dir: &Path,
        force: bool,
        stop: &AtomicBool,
    ) -> Result<Option<PathBuf>, Failure> {
        let mut scenario = self.scenario.clone();
        let seed = self.seed.wrapping_add(number);
        scenario.set.retain(|set| !set.starts_with("run.seed="));
        scenario.seed = Some(seed);
        let loaded = scenario.load()?;
        let dir = dir.join(format!("{}-{seed}", self.letter));
        let file = scenario.scenario.display().to_string();
        let recording = Recording { dir: dir.clone(), force, file, overrides: loaded.overrides.clone() };
        eprintln!("{} {}, seed {seed}", self.letter, self.label);
        run_in((&self.world, &self.options), loaded, &recording, stop)?;
        Ok((!stop.load(Ordering::Relaxed)).then_some(dir))
    }
}
