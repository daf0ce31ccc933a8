//! `brokersim sweep`: many seeds and settings side by side.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::sweep::{
    Order, Plan, Report, SCHEMA, Seeds, Shard, State, SweepError, Vary, Written, merge, prepare,
};
use crate::tape::ScenarioText;

use super::calibration;
use super::failure::Failure;
use super::load::{ScenarioArguments, load_text};
use super::run::{Format, stop_on_signal};
use super::{Exit, output};

mod made;
mod progress;

use made::{Made, Setting};

/// Arguments of `sweep`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct SweepArguments {
    #[command(subcommand)]
    command: Option<SweepCommand>,
    /// The scenario file, or the name of a bundled one.
    #[arg(required = true)]
    scenario: Option<PathBuf>,
    /// The seeds: `0..1000` is a thousand of them.
    #[arg(long, value_name = "FROM..TO", default_value = "0..100")]
    seeds: Seeds,
    /// Run every seed with each of these values, e.g. `generator.shop.producer.acks=0,1,all`; with several --vary,
    /// with every combination.
    #[arg(long, value_name = "PATH=A,B,...")]
    vary: Vec<Vary>,
    /// Set something else than the file does, in every run.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Another duration than the file's, e.g. `10m`.
    #[arg(long, value_name = "TIME")]
    duration: Option<String>,
    /// A calibration file: what the machines of a real system cost.
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// Runs side by side; as many as this machine has processors unless given. Results are the same.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// The folder of the table, instead of sweeps/NAME.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// End at the first run, by its index, in which a promise is broken: any, or this one.
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "any")]
    until_broken: Option<String>,
    /// Make only part I of N, counted from 0, into DIR/part=I. Taken from SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX
    /// or HQ_TASK_ID unless given.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// How many parts there are, where only I comes from the environment; also BROKERSIM_SHARDS.
    #[arg(long, value_name = "N", conflicts_with = "shard")]
    shards: Option<u64>,
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// No progress bar.
    #[arg(long, short)]
    quiet: bool,
}

/// What can be done with a sweep that was made in parts.
#[derive(Subcommand, Debug)]
enum SweepCommand {
    /// Put the parts of a sweep together into the table that one machine would have made
    Merge(MergeArguments),
}

/// Arguments of `sweep merge`.
#[derive(Args, Debug)]
struct MergeArguments {
    /// The folder that holds the parts.
    dir: PathBuf,
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl From<SweepError> for Failure {
    fn from(error: SweepError) -> Self {
        Self::Outside(error.to_string())
    }
}

/// Makes a sweep, a part of one, or puts parts together.
pub fn sweep(arguments: &SweepArguments) -> Result<Exit, Failure> {
    if let Some(SweepCommand::Merge(arguments)) = &arguments.command {
        return merged(arguments);
    }
    let plan = Plan::new(arguments.seeds, arguments.vary.clone()).map_err(Failure::Usage)?;
    let shard = Shard::find(arguments.shard, arguments.shards, |name| std::env::var(name).ok())
        .map_err(Failure::Usage)?;
    let settings = arguments.load(&plan)?;
    let order = arguments.order(&plan, &settings, shard)?;
    let dir = arguments.out.clone().unwrap_or_else(|| Path::new("sweeps").join(&order.name));
    if prepare(&dir, &order, shard)? == Written::AlreadyThere {
        let part = shard.expect("only a part can be there already").index;
        eprintln!("{}/part={part} is there already: nothing to do", dir.display());
        return Ok(Exit::Ok);
    }
    let stop = stop_on_signal();
    let made = Made::of(arguments, (&order, &plan), &settings, shard, &stop);
    made.keep(&dir, (&order, &plan), shard, arguments)
}

fn merged(arguments: &MergeArguments) -> Result<Exit, Failure> {
    let (order, plan, rows) = merge(&arguments.dir)?;
    let report = Report::new(&order, &plan, &rows, false);
    print(&report, arguments.format)?;
    Ok(exit(&report))
}

fn print(report: &Report, format: Format) -> Result<(), Failure> {
    match format {
        Format::Text => output::print(&report.text()),
        Format::Json => output::print_json(report),
    }
}

fn exit(report: &Report) -> Exit {
    match report.state {
        State::Interrupted => Exit::Interrupted,
        State::Broken => Exit::Broken,
        State::Finished if report.as_expected => Exit::Ok,
        State::Finished => Exit::Broken,
    }
}

impl SweepArguments {
    /// The scenario once for each combination of settings.
    fn load(&self, plan: &Plan) -> Result<Vec<Setting>, Failure> {
        let base = ScenarioArguments {
            scenario: self.scenario.clone().expect("clap asks for it"),
            set: self.set.clone(),
            seed: None,
            duration: self.duration.clone(),
            calibration: self.calibration.clone(),
        };
        let text = base.text()?;
        let load = |setting| {
            let mut overrides = base.overrides_of(&text)?;
            overrides.set.extend(plan.overrides(setting));
            let loaded = load_text(text.clone(), &base.scenario, &overrides)?;
            loaded.scenario.is_simulated()?;
            Ok(Setting::new(loaded))
        };
        (0..plan.settings()).map(load).collect()
    }

    fn order(&self, plan: &Plan, settings: &[Setting], shard: Option<Shard>) -> Result<Order, Failure> {
        let duration = self.duration.as_ref().map(|duration| format!("run.duration={duration}"));
        let first = &settings[0].loaded;
        let file = self.scenario.as_ref().expect("clap asks for it");
        let calibration = calibration::settings(&first.text, file, self.calibration.as_deref())?;
        let mut checks: Vec<String> = Vec::new();
        for name in settings.iter().flat_map(|setting| &setting.checks) {
            if !checks.contains(name) {
                checks.push(name.clone());
            }
        }
        Ok(Order {
            schema: SCHEMA.to_owned(),
            brokersim_version: env!("CARGO_PKG_VERSION").to_owned(),
            name: first.scenario.name.clone(),
            question: first.scenario.question.clone(),
            scenario: ScenarioText {
                file: file.display().to_string(),
                text: first.text.clone(),
                overrides: calibration.into_iter().chain(self.set.iter().cloned()).chain(duration).collect(),
            },
            seeds: self.seeds,
            vary: self.vary.clone(),
            runs: plan.runs(),
            until_broken: self.until_broken.as_deref().map(|name| asked_for(name, &checks)).transpose()?,
            checks,
            shards: shard.map(|shard| shard.of),
        })
    }

    fn jobs(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.map_or_else(processors, usize::from)
    }
}

/// The check of this name, with or without its kind.
fn asked_for(name: &str, checks: &[String]) -> Result<String, Failure> {
    if name == "any" {
        return Ok(name.to_owned());
    }
    let is_it =
        |check: &&String| *check == name || check.split_once('.').is_some_and(|(_, short)| short == name);
    checks.iter().find(is_it).cloned().ok_or_else(|| {
        let known = checks.join(", ");
        Failure::Usage(format!("--until-broken={name}: this scenario has no such promise; it has {known}"))
    })
}

impl SweepArguments {
    fn say(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }
}
