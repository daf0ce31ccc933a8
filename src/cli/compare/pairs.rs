//! Pairs of runs made for a comparison: A simulated; B simulated with something set otherwise, or on a real system.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::analyze::compare::Recorded;

use super::super::failure::Failure;
use super::super::load::ScenarioArguments;
use super::super::run::stop_on_signal;
use super::super::session::Recording;
use super::super::world::World;
use super::CompareArguments;

/// Pairs of runs, and what all A and all B are called.
pub(super) type Pairs = (Vec<(Recorded, Recorded)>, (String, String));

/// One side of all pairs.
struct Side {
    letter: &'static str,
    world: World,
    scenario: ScenarioArguments,
    label: String,
}

/// Makes the runs; none when it was ended early.
pub(super) fn make(arguments: &CompareArguments) -> Result<Option<Pairs>, Failure> {
    let (a, b) = sides(arguments)?;
    let loaded = a.scenario.load()?;
    let (name, seed) = (loaded.scenario.name, loaded.scenario.run.seed);
    let folder = || Path::new("runs").join(format!("compare-{name}"));
    let dir = arguments.out.clone().unwrap_or_else(folder);
    let stop = stop_on_signal();
    let mut pairs = Vec::new();
    for seed in (0..u64::from(arguments.runs)).map(|run| seed.wrapping_add(run)) {
        let run = |side: &Side| side.run(seed, &dir, arguments.force, &stop);
        let (Some(dir_a), Some(dir_b)) = (run(&a)?, run(&b)?) else { return Ok(None) };
        pairs.push((Recorded::read(&dir_a, "A")?, Recorded::read(&dir_b, "B")?));
    }
    Ok(Some((pairs, (a.label, b.label))))
}

fn sides(arguments: &CompareArguments) -> Result<(Side, Side), Failure> {
    let scenario = ScenarioArguments {
        scenario: arguments.scenario.clone().expect("clap asks for it"),
        set: arguments.set.clone(),
        seed: arguments.seed,
        duration: arguments.duration.clone(),
        calibration: arguments.calibration.clone(),
    };
    let a = Side { letter: "A", world: World::Simulated, scenario: scenario.clone(), label: World::Simulated.label() };
    if arguments.against.is_empty() {
        return Err(Failure::Usage(
            "--scenario needs something to compare with: --against PATH=VALUE, for instance `--against run.seed=7`"
                .to_owned(),
        ));
    }
    let mut scenario = scenario;
    scenario.set.extend(arguments.against.iter().cloned());
    let label = format!("simulated with {}", arguments.against.join(", "));
    Ok((a, Side { letter: "B", world: World::Simulated, scenario, label }))
}

impl Side {
    /// One run with this seed; its folder, or none when it was ended early.
    fn run(&self, seed: u64, dir: &Path, force: bool, stop: &AtomicBool) -> Result<Option<PathBuf>, Failure> {
        let mut scenario = self.scenario.clone();
        // Another seed that was asked for stays.
        if !scenario.set.iter().any(|set| set.starts_with("run.seed=")) {
            scenario.seed = Some(seed);
        }
        let loaded = scenario.load()?;
        let dir = dir.join(format!("{}-{seed}", self.letter));
        let file = scenario.scenario.display().to_string();
        let recording = Recording { dir: dir.clone(), force, file, overrides: loaded.overrides.clone() };
        eprintln!("{} {}, seed {seed}", self.letter, self.label);
        self.world.run(&loaded, &recording, stop)?;
        Ok((!stop.load(Ordering::Relaxed)).then_some(dir))
    }
}
