//! `brokersim sweep`: many seeds and settings side by side.

#![expect(clippy::disallowed_types, reason = "a person waits in wall time")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::{Args, Subcommand};

use crate::observe::summary::Summary;
use crate::scenario::Scenario;
use crate::sweep::{
    Done, MEASURES, Order, Plan, Report, Row, SCHEMA, Seeds, Shard, State, SweepError, Vary, Written, merge,
    outcome_names, outcomes, prepare, side_by_side, write_part, write_whole,
};
use crate::tape::ScenarioText;

use super::failure::Failure;
use super::load::{Loaded, ScenarioArguments, load_text};
use super::run::{Format, stop_on_signal};
use super::session::Session;
use super::{Exit, output};

mod progress;

use progress::Progress;

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
    let loaded = arguments.load(&plan)?;
    let order = arguments.order(&plan, &loaded, shard)?;
    let dir = arguments.out.clone().unwrap_or_else(|| Path::new("sweeps").join(&order.name));
    if prepare(&dir, &order, shard)? == Written::AlreadyThere {
        let part = shard.expect("only a part can be there already").index;
        eprintln!("{}/part={part} is there already: nothing to do", dir.display());
        return Ok(Exit::Ok);
    }
    let stop = stop_on_signal();
    let made = Made::of(arguments, (&order, &plan), &loaded, shard, &stop);
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
    fn load(&self, plan: &Plan) -> Result<Vec<Loaded>, Failure> {
        let base = ScenarioArguments {
            scenario: self.scenario.clone().expect("clap asks for it"),
            set: self.set.clone(),
            seed: None,
            duration: self.duration.clone(),
        };
        let text = base.text()?;
        let load = |setting| {
            let mut overrides = base.overrides();
            overrides.set.extend(plan.overrides(setting));
            load_text(text.clone(), &base.scenario, &overrides)
        };
        (0..plan.settings()).map(load).collect()
    }

    fn order(&self, plan: &Plan, loaded: &[Loaded], shard: Option<Shard>) -> Result<Order, Failure> {
        let duration = self.duration.as_ref().map(|duration| format!("run.duration={duration}"));
        let first = &loaded[0];
        let checks = outcome_names();
        Ok(Order {
            schema: SCHEMA.to_owned(),
            brokersim_version: env!("CARGO_PKG_VERSION").to_owned(),
            name: first.scenario.name.clone(),
            question: first.scenario.question.clone(),
            scenario: ScenarioText {
                file: self.scenario.as_ref().expect("clap asks for it").display().to_string(),
                text: first.text.clone(),
                overrides: self.set.iter().cloned().chain(duration).collect(),
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

/// The runs of a sweep, or of a part of one.
struct Made {
    rows: Vec<Row>,
    walls: Vec<(u64, f64)>,
    interrupted: bool,
    /// Why the run after the last could not be made.
    failure: Option<Failure>,
}

impl Made {
    fn of(
        arguments: &SweepArguments,
        (order, plan): (&Order, &Plan),
        loaded: &[Loaded],
        shard: Option<Shard>,
        stop: &AtomicBool,
    ) -> Self {
        let indexes = shard.map_or(0..plan.runs(), |shard| shard.slice(plan.runs()));
        let mut progress = Progress::new(arguments.quiet, indexes.end - indexes.start);
        let run = |index| {
            let begun = Instant::now();
            let made = make(order, plan, loaded, index, stop)?;
            let ends = made.as_ref().map_or(true, |row| order.ends_at(row));
            let value = made.map(|row| (row, begun.elapsed().as_secs_f64()));
            Some(Done { index, value, ends })
        };
        let done = side_by_side(indexes, arguments.jobs(), stop, run, |done| progress.show(done));
        progress.end(done.len() as u64, arguments.jobs());
        let interrupted = stop.load(Ordering::Relaxed);
        let mut made = Self { rows: Vec::new(), walls: Vec::new(), interrupted, failure: None };
        for Done { index, value, .. } in done {
            match value {
                Ok((row, wall)) => {
                    made.rows.push(row);
                    made.walls.push((index, wall));
                }
                Err(failure) => made.failure = Some(failure),
            }
        }
        made
    }

    /// Writes and tells what was made.
    fn keep(
        self,
        dir: &Path,
        (order, plan): (&Order, &Plan),
        shard: Option<Shard>,
        arguments: &SweepArguments,
    ) -> Result<Exit, Failure> {
        let report = Report::new(order, plan, &self.rows, self.interrupted);
        let Some(shard) = shard else {
            write_whole(dir, order, plan, &self.rows, &self.walls)?;
            print(&report, arguments.format)?;
            arguments.say(&format!("the table of all runs is {}", dir.join(crate::sweep::TABLE).display()));
            return self.failure.map_or_else(|| Ok(exit(&report)), Err);
        };
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if report.state == State::Interrupted {
            eprintln!("interrupted: nothing is written for part {}; run it again", shard.index);
            return Ok(Exit::Interrupted);
        }
        write_part(dir, (order, plan), shard, &self.rows, &self.walls)?;
        arguments.say(&format!(
            "part {} of {}: {} runs; when all parts are there: brokersim sweep merge {}",
            shard.index,
            shard.of,
            self.rows.len(),
            dir.display()
        ));
        // A broken promise is a result, not a failure of the task: an engine would run it again.
        Ok(Exit::Ok)
    }
}

impl SweepArguments {
    fn say(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }
}

/// One run; none when it was stopped on the way.
fn make(
    order: &Order,
    plan: &Plan,
    loaded: &[Loaded],
    index: u64,
    stop: &AtomicBool,
) -> Option<Result<Row, Failure>> {
    let (seed, setting) = plan.run(index);
    let loaded = loaded[setting].with_seed(seed);
    let bug = |what: &str, order: &Order| {
        Failure::Bug(format!("{what}; please report: {}", order.command(plan, seed, setting)))
    };
    let made = catch_unwind(AssertUnwindSafe(|| run_to_the_end(&loaded, stop)));
    let summary = match made.unwrap_or_else(|_| Err(bug("a run crashed", order))) {
        Ok(summary) => summary?,
        Err(failure) => return Some(Err(failure)),
    };
    if !summary.books_balance {
        return Some(Err(bug("the books do not balance", order)));
    }
    let measures = MEASURES.iter().map(|measure| (measure.of)(&summary)).collect();
    let checks = outcomes(&summary);
    Some(Ok(Row { index, seed, setting, digest: summary.digest, measures, checks }))
}

fn run_to_the_end(loaded: &Loaded, stop: &AtomicBool) -> Result<Option<Summary>, Failure> {
    let mut session = Session::new(loaded, None)?;
    session.run(stop, |_| {}, &mut ());
    if session.now() < session.end() { Ok(None) } else { session.finish().map(Some) }
}

impl Loaded {
    /// The same with another seed: as if it had been read with `--seed`.
    fn with_seed(&self, seed: u64) -> Self {
        let mut scenario: Scenario = self.scenario.clone();
        scenario.run.seed = seed;
        Self { text: self.text.clone(), scenario, traces: self.traces.clone() }
    }
}
