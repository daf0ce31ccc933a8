//! `brokersim why`: from an outcome back to its causes.

use std::path::{Path, PathBuf};

use clap::Args;

use serde::Serialize;

use crate::analyze::why::{Trouble, Why, page};
use crate::kernel::Duration;
use crate::lab::{
    Cause, Limit, Measured, Question, Recipe, Unknown, WhatIf, ask, needed, needed_page, what_if,
    what_if_page,
};
use crate::scenario::{Overrides, units};
use crate::tape::{Manifest, State};

use super::calibration;
use super::failure::Failure;
use super::load::{ScenarioArguments, beside, kept, trace_reader};
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
    /// Explain the largest rise of lag, of all groups or of this one.
    #[arg(long, value_name = "GROUP", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    lag: Option<String>,
    /// Run the same seed with one change each: which of them keep the promise, and what do they cost?
    #[arg(long)]
    what_if: bool,
    /// Take each fault and each setting out in turn: which of them are necessary?
    #[arg(long)]
    necessary: bool,
    /// Do not try on the same seed what the explanation proposes.
    #[arg(long)]
    untried: bool,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const AFTER: &str = "\
Without a question, the broken promises of [expect] are explained; where none is broken, all records that were lost,
repeated or overtaken.

Exit codes: 0 there was something to explain, or gladly nothing; 1 the run is not the one that was recorded;
2 no such record, or a scenario that makes no sense; 3 a folder without a manifest.";

/// A length of time on the command line.
pub fn time(text: &str) -> Result<Duration, String> {
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
        let traces = trace_reader(&beside(&file));
        let overrides = Overrides { set: loaded.overrides, ..Overrides::default() };
        let recipe = Recipe { text: loaded.text, file, overrides, traces, limit: Limit::default() };
        Ok(Self { recipe, digest: None })
    }

    fn recorded(path: &Path, arguments: &ScenarioArguments) -> Result<Self, Failure> {
        if !path.join("manifest.json").exists() {
            return Err(Failure::Outside(format!(
                "{} has no manifest.json: it is not the folder of a recorded run. Give one, or a scenario file",
                path.display()
            )));
        }
        let manifest = Manifest::read(path)?;
        if !manifest.can_be_repeated() {
            return Err(Failure::Usage(format!(
                "{} was a run in real time on {}: it cannot be run again, and that is how causes are found. `brokersim why {}` explains the same scenario in simulation",
                path.display(),
                manifest.world,
                manifest.scenario.file
            )));
        }
        // The calibration that a scenario names is in the manifest.
        let calibration = arguments.calibration.as_deref();
        let calibration = calibration.map(|file| calibration::settings("", path, Some(file))).transpose()?;
        let changed = arguments.overrides() != Overrides::default() || calibration.is_some();
        let mut set = manifest.scenario.overrides.clone();
        set.extend(calibration.unwrap_or_default());
        set.extend(arguments.as_settings());
        let overrides = Overrides { set, ..Overrides::default() };
        let file = PathBuf::from(&manifest.scenario.file);
        let file = if file.extension().is_some() { file } else { file.with_extension("toml") };
        let finished = manifest.state == State::Finished && !changed;
        let digest = manifest.digest.clone().filter(|_| finished);
        let traces = trace_reader(&kept(path, &manifest));
        let recipe =
            Recipe { text: manifest.scenario.text, file, overrides, traces, limit: Limit::default() };
        Ok(Self { recipe, digest })
    }
}

/// All that was asked for, for a script.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    why: Why,
    #[serde(skip_serializing_if = "Option::is_none")]
    what_if: Option<WhatIf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causes: Option<Vec<Cause>>,
}

/// Explains a run.
pub fn why(arguments: &WhyArguments) -> Result<Exit, Failure> {
    let target = Target::open(&arguments.run)?;
    let question = question(arguments);
    let (mut why, looked) = ask(&target.recipe, &question)?;
    let differs = target.digest.as_ref().is_some_and(|recorded| *recorded != why.digest);
    if let Some(recorded) = target.digest.as_ref().filter(|_| differs) {
        why.warnings.push(format!(
            "THIS IS NOT THE RUN THAT WAS RECORDED: its digest is {}, and {recorded} was recorded. Another version of brokersim, perhaps; what follows explains the run as it is now",
            why.digest
        ));
    }
    let (recipe, late) = (&target.recipe, question.late);
    let troubles: Vec<_> = why.asked.iter().map(|asked| asked.trouble).collect();
    let what_if =
        arguments.what_if.then(|| what_if(recipe, &looked.scene, &why, Measured::of(&looked), late));
    let causes = arguments.necessary.then(|| needed(recipe, &troubles, late));
    print(Answer { why, what_if, causes }, arguments.format)?;
    Ok(if differs { Exit::Broken } else { Exit::Ok })
}

fn print(answer: Answer, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        return output::print_json(&answer);
    }
    let mut text = page(&answer.why);
    text.extend(answer.what_if.as_ref().map(what_if_page));
    text.extend(answer.causes.as_deref().map(needed_page));
    output::print(&text)
}

fn question(arguments: &WhyArguments) -> Question {
    let lag = arguments.lag.clone().map(|group| if group.is_empty() { Vec::new() } else { vec![group] });
    let troubles = asked(arguments.lost, arguments.duplicated, arguments.reordered, arguments.late.is_some());
    Question {
        records: arguments.records.clone(),
        troubles,
        lag,
        late: arguments.late.unwrap_or(LATE),
        try_remedies: !arguments.untried,
    }
}

/// When a record is late unless somebody says so.
pub const LATE: Duration = Duration::from_secs(1);

/// The kinds of trouble that flags ask for.
pub fn asked(lost: bool, duplicated: bool, reordered: bool, late: bool) -> Vec<Trouble> {
    let flags = [lost, duplicated, reordered, late];
    Trouble::ALL.into_iter().zip(flags).filter(|(_, asked)| *asked).map(|(trouble, _)| trouble).collect()
}

impl From<Unknown> for Failure {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Scenario(error) => error.into(),
            Unknown::Record(text) => Self::Usage(text),
        }
    }
}
