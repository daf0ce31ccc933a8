//! `brokersim why`: from an outcome back to its causes.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::analyze::why::{Trouble, page};
use crate::kernel::Duration;
use crate::lab::{Question, Recipe, Unknown, ask};
use crate::scenario::{Overrides, units};
use crate::tape::{Manifest, State};

use super::failure::Failure;
use super::load::ScenarioArguments;
use super::run::Format;
use super::{Exit, output};

/// Arguments of `why`.
#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct WhyArguments {
    /// The folder of a recorded run, a scenario file, or a bundled scenario's name; and what to change in it.
    #[command(flatten)]
    run: ScenarioArguments,
    /// Records to explain: `shop:1841` (the source and its how-manieth), or `orders-0@17` (where it lay).
    records: Vec<String>,
    /// Explain the records that are gone.
    #[arg(long)]
    lost: bool,
    /// Explain the records that were processed more than once.
    #[arg(long)]
    duplicated: bool,
    /// Explain the records that were processed after younger ones of their key.
    #[arg(long)]
    reordered: bool,
    /// Explain the records that were processed later than this after they were offered; 1s unless given.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "1s", value_parser = time)]
    late: Option<Duration>,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const AFTER: &str = "\
Without a question, all that went wrong is explained (late records only when asked for).

Exit codes: 0 there was something to explain, or gladly nothing; 1 the run is not the one that was recorded;
2 no such record, or a scenario that makes no sense; 3 a folder without a manifest.";

fn time(text: &str) -> Result<Duration, String> {
    units::duration(text).map_err(|error| error.message)
}

/// A run to explain, and the digest that it should have.
pub struct Target {
    /// What it is made from.
    pub recipe: Recipe,
    /// The recorded digest, when its run ended.
    pub digest: Option<String>,
}

impl Target {
    /// A recorded run's folder, a file, or a bundled scenario.
    pub fn open(arguments: &ScenarioArguments) -> Result<Self, Failure> {
        let path = &arguments.scenario;
        if path.is_dir() {
            return Self::recorded(path, arguments);
        }
        let loaded = arguments.load()?;
        let file = if path.extension().is_some() { path.clone() } else { path.with_extension("toml") };
        Ok(Self {
            recipe: Recipe { text: loaded.text, file, overrides: arguments.overrides() },
            digest: None,
        })
    }

    fn recorded(path: &Path, arguments: &ScenarioArguments) -> Result<Self, Failure> {
        let manifest = Manifest::read(path)?;
        let changed = arguments.overrides() != Overrides::default();
        let mut set = manifest.scenario.overrides.clone();
        set.extend(arguments.as_settings());
        let overrides = Overrides { set, ..Overrides::default() };
        let file = PathBuf::from(&manifest.scenario.file);
        let file = if file.extension().is_some() { file } else { file.with_extension("toml") };
        let finished = manifest.state == State::Finished && !changed;
        let digest = manifest.digest.clone().filter(|_| finished);
        Ok(Self { recipe: Recipe { text: manifest.scenario.text, file, overrides }, digest })
    }
}

/// Explains a run.
pub fn why(arguments: &WhyArguments) -> Result<Exit, Failure> {
    let target = Target::open(&arguments.run)?;
    let question = question(arguments);
    let (mut why, _) = ask(&target.recipe, &question)?;
    let differs = target.digest.as_ref().is_some_and(|recorded| *recorded != why.digest);
    if let Some(recorded) = target.digest.filter(|_| differs) {
        why.warnings.push(format!(
            "THIS IS NOT THE RUN THAT WAS RECORDED: its digest is {}, and {recorded} was recorded. Another version of brokersim, perhaps; what follows explains the run as it is now",
            why.digest
        ));
    }
    match arguments.format {
        Format::Text => output::print(&page(&why))?,
        Format::Json => output::print_json(&why)?,
    }
    Ok(if differs { Exit::Broken } else { Exit::Ok })
}

fn question(arguments: &WhyArguments) -> Question {
    let asked = [
        (Trouble::Lost, arguments.lost),
        (Trouble::Duplicated, arguments.duplicated),
        (Trouble::Reordered, arguments.reordered),
        (Trouble::Late, arguments.late.is_some()),
    ];
    let mut troubles: Vec<_> =
        asked.into_iter().filter(|(_, asked)| *asked).map(|(trouble, _)| trouble).collect();
    if troubles.is_empty() && arguments.records.is_empty() {
        troubles = vec![Trouble::Lost, Trouble::Duplicated, Trouble::Reordered];
    }
    Question {
        records: arguments.records.clone(),
        troubles,
        late: arguments.late.unwrap_or(Duration::from_secs(1)),
    }
}

impl From<Unknown> for Failure {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Scenario(error) => error.into(),
            Unknown::Record(text) => Self::Usage(text),
        }
    }
}
