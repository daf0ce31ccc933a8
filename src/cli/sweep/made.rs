//! The runs of a sweep, made side by side, kept and told.

#![expect(clippy::disallowed_types, reason = "a person waits in wall time")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::observe::summary::Summary;
use crate::scenario::Scenario;
use crate::scenario::wiring::{Wired, wire};
use crate::sweep::{
    Done, MEASURES, Order, Plan, Report, Row, Shard, State, TABLE, check_names, checks, side_by_side,
    write_part, write_whole,
};

use super::super::Exit;
use super::super::failure::Failure;
use super::super::load::Loaded;
use super::super::session::Session;
use super::progress::Progress;
use super::{SweepArguments, exit, print};

/// The scenario with one combination of settings.
pub(super) struct Setting {
    pub(super) loaded: Loaded,
    /// What its runs are asked.
    pub(super) checks: Vec<String>,
}

impl Setting {
    pub(super) fn new(loaded: Loaded) -> Self {
        let Wired { expected, stage, .. } = wire(&loaded.scenario);
        Self { checks: check_names(&expected, &stage), loaded }
    }
}

/// The runs of a sweep, or of a part of one.
pub(super) struct Made {
    rows: Vec<Row>,
    walls: Vec<(u64, f64)>,
    interrupted: bool,
    /// Why the run after the last could not be made.
    failure: Option<Failure>,
}

impl Made {
    pub(super) fn of(
        arguments: &SweepArguments,
        (order, plan): (&Order, &Plan),
        settings: &[Setting],
        shard: Option<Shard>,
        stop: &AtomicBool,
    ) -> Self {
        let indexes = shard.map_or(0..plan.runs(), |shard| shard.slice(plan.runs()));
        let mut progress = Progress::new(arguments.quiet, indexes.end - indexes.start);
        let run = |index| {
            let begun = Instant::now();
            let made = make(order, plan, settings, index, stop)?;
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
    pub(super) fn keep(
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
            arguments.say(&format!("the table of all runs is {}", dir.join(TABLE).display()));
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

/// One run; none when it was stopped on the way.
fn make(
    order: &Order,
    plan: &Plan,
    settings: &[Setting],
    index: u64,
    stop: &AtomicBool,
) -> Option<Result<Row, Failure>> {
    let (seed, setting) = plan.run(index);
    let names = &settings[setting].checks;
    let loaded = settings[setting].loaded.with_seed(seed);
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
    let found = checks(&summary);
    assert_eq!(names.len(), found.len(), "a run is judged by what its scenario expects");
    let at = |name: &String| names.iter().position(|mine| mine == name).map(|at| found[at]);
    let checks = order.checks.iter().map(at).collect();
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
        let overrides = self.overrides.clone();
        let (text, file) = (self.text.clone(), self.file.clone());
        Self { text, scenario, traces: self.traces.clone(), overrides, file }
    }
}
