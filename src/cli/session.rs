//! A run in progress: the simulation, the watch, the tape, and how far they have come.
//!
//! However a run is sliced, what happens in it is the same: slices are for progress, Ctrl-C and the screen.

#![expect(clippy::disallowed_types, reason = "a person waits in wall time")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::host::Simulation;
use crate::kernel::{Digest, Duration, Event, Observer, Time};
use crate::observe::summary::{RunFacts, Summary};
use crate::observe::{LagSample, Snapshot, Watch, WatchSetup};
use crate::scenario::wiring::{SinkPlan, Wired, wire};
use crate::tape::{self, Ending, Header, LagRow, ScenarioText, SinkSpec, Tape};
use crate::trace::Fact;
use crate::tui::{Pilot, Progress};
use crate::wire::Brokersim;

use super::failure::Failure;
use super::load::Loaded;
use super::rows::Rows;

/// A run in progress.
pub struct Session {
    simulation: Simulation<Brokersim>,
    watch: Watch,
    tape: Option<Tape>,
    name: String,
    question: Option<String>,
    seed: u64,
    notes: Vec<String>,
    stop: Time,
    end: Time,
    wall: f64,
}

/// Where a run is recorded.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The folder.
    pub dir: PathBuf,
    /// Whether a run there that says it has not ended may be replaced.
    pub force: bool,
    /// The scenario file's name.
    pub file: String,
    /// What overrode it.
    pub overrides: Vec<String>,
}

/// Lag is sampled this many times in a run, but not more often than every [`SAMPLE_LEAST`].
const SAMPLES: u64 = 1_000;
const SAMPLE_LEAST: Duration = Duration::from_millis(100);

impl Session {
    /// A run that has not begun.
    pub fn new(loaded: &Loaded, recording: Option<&Recording>) -> Result<Self, Failure> {
        let scenario = &loaded.scenario;
        let Wired { parts, stage, sinks, expected, stop, end } = wire(scenario);
        let simulation = Simulation::new(parts);
        let every = (end.since(Time::ZERO) / SAMPLES).max(SAMPLE_LEAST);
        let watch = Watch::new(WatchSetup {
            stage: Arc::clone(&stage),
            cast: Arc::new(simulation.cast().clone()),
            warm_up: Time::ZERO + scenario.run.warm_up,
            end,
            sample_every: every,
            for_tape: recording.is_some(),
        })
        .expecting(expected);
        let header = |recording: &Recording| Header {
            name: scenario.name.clone(),
            scenario: ScenarioText {
                file: recording.file.clone(),
                text: loaded.text.clone(),
                overrides: recording.overrides.clone(),
            },
            seed: scenario.run.seed,
            stage: Arc::clone(&stage),
            cast: simulation.cast().clone(),
            sinks: sinks.iter().map(sink_spec).collect(),
            traces: loaded.traces.clone(),
            force: recording.force,
        };
        let tape = recording.map(|recording| Tape::create(&recording.dir, header(recording))).transpose()?;
        let mut notes = scenario.notes.clone();
        if tape.is_none() && !sinks.is_empty() {
            notes.push("nothing is recorded, so sinks write no files".to_owned());
        }
        Ok(Self {
            simulation,
            watch,
            tape,
            name: scenario.name.clone(),
            question: scenario.question.clone(),
            seed: scenario.run.seed,
            notes,
            stop,
            end,
            wall: 0.0,
        })
    }

    /// The simulated time.
    pub fn now(&self) -> Time {
        self.simulation.now()
    }

    /// When the run ends.
    pub fn end(&self) -> Time {
        self.end
    }

    /// The digest of all facts so far.
    pub fn digest(&self) -> Digest {
        self.simulation.digest()
    }

    /// How many facts there were.
    pub fn facts(&self) -> u64 {
        self.simulation.facts()
    }

    /// Wall time spent simulating, in seconds.
    pub fn wall_seconds(&self) -> f64 {
        self.wall
    }

    /// Runs on to `until`, or to the end.
    pub fn advance(&mut self, until: Time, also: &mut dyn Observer<Fact>) {
        let begun = Instant::now();
        let until = until.min(self.end);
        self.simulation
            .run_until(until, &mut Both { watch: &mut self.watch, tape: self.tape.as_mut(), also });
        self.watch.catch_up(until);
        self.hand_over();
        self.wall += begun.elapsed().as_secs_f64();
    }

    /// Runs on by so many things on the agenda.
    fn step_by(&mut self, entries: u64) {
        let observer = &mut Both { watch: &mut self.watch, tape: self.tape.as_mut(), also: &mut () };
        self.simulation.step(entries, self.end, observer);
        self.hand_over();
    }

    /// Runs to the end, or until told to stop. Calls `progress` a few times a second of wall time.
    pub fn run(&mut self, stop: &AtomicBool, progress: impl FnMut(&Self), also: &mut dyn Observer<Fact>) {
        self.run_until(self.end, stop, progress, also);
    }

    /// As [`Session::run`], to `until`.
    pub fn run_until(
        &mut self,
        until: Time,
        stop: &AtomicBool,
        mut progress: impl FnMut(&Self),
        also: &mut dyn Observer<Fact>,
    ) {
        let until = until.min(self.end);
        let mut slice = Duration::from_millis(10);
        while self.now() < until && !stop.load(Ordering::Relaxed) && self.failed().is_none() {
            let before = self.wall;
            self.advance((self.now() + slice).min(until), also);
            let took = self.wall - before;
            slice = if took < 0.05 {
                slice * 2
            } else if took > 0.2 {
                slice / 2
            } else {
                slice
            };
            slice = slice.max(Duration::from_micros(100));
            progress(self);
        }
    }

    /// What stopped the tape.
    pub fn failed(&self) -> Option<Failure> {
        self.tape.as_ref().and_then(Tape::failed).map(Failure::from)
    }

    /// Ends the run where it is: closes the books and the tape.
    pub fn finish(mut self) -> Result<Summary, Failure> {
        let finished = self.now() >= self.end;
        self.watch.close(self.now());
        self.hand_over();
        let now = self.now();
        let summary = Summary::new(
            &self.watch,
            RunFacts {
                scenario: self.name,
                question: self.question,
                seed: self.seed,
                finished,
                stop: self.stop,
                now,
                digest: self.simulation.digest().to_string(),
                inputs: self.simulation.inputs(),
                facts: self.simulation.facts(),
                wall_seconds: self.wall,
                notes: self.notes,
            },
        );
        if let Some(tape) = self.tape {
            let state = if finished { tape::State::Finished } else { tape::State::Interrupted };
            tape.finish(Ending {
                state,
                failure: None,
                digest: self.simulation.digest(),
                at: now,
                balance: serde_json::to_value(&summary.books).expect("a balance is plain data"),
                promises: serde_json::to_value(&summary.promises).expect("verdicts are plain data"),
                summary: summary.to_kept(),
            })?;
        }
        Ok(summary)
    }

    fn progress(&self) -> Progress {
        // A tape that cannot be written ends the run: what is not recorded cannot be explained.
        if self.now() >= self.end || self.failed().is_some() { Progress::Finished } else { Progress::Running }
    }

    /// Gives the tape what the watch has ready for it.
    fn hand_over(&mut self) {
        let Some(tape) = &mut self.tape else { return };
        tape.records(self.watch.take_closed());
        tape.lag(self.watch.take_samples().into_iter().map(lag_row).collect());
        tape.checkpoint(self.simulation.facts(), self.simulation.now(), self.simulation.digest());
    }
}

/// A screen drives a run.
impl Pilot for Session {
    fn now(&self) -> Time {
        self.simulation.now()
    }

    fn end(&self) -> Time {
        self.end
    }

    fn advance(&mut self, until: Time) -> Progress {
        Session::advance(self, until, &mut ());
        self.progress()
    }

    fn step(&mut self) -> Progress {
        self.step_by(1);
        self.progress()
    }

    fn snapshot(&self) -> Snapshot {
        self.watch.snapshot()
    }
}

fn lag_row(sample: LagSample) -> LagRow {
    let LagSample { at, group, place, log_end, committed, lag, behind } = sample;
    LagRow { at, group, place, log_end, committed, lag, behind }
}

fn sink_spec(plan: &SinkPlan) -> SinkSpec {
    SinkSpec {
        name: plan.name.clone(),
        actors: plan.actors.clone(),
        parquet: plan.parquet,
        csv: plan.csv,
        rows: Box::new(Rows::new(plan)),
    }
}

/// Everybody who watches a run.
struct Both<'a> {
    watch: &'a mut Watch,
    tape: Option<&'a mut Tape>,
    also: &'a mut dyn Observer<Fact>,
}

impl Observer<Fact> for Both<'_> {
    fn observe(&mut self, events: &[Event<Fact>]) {
        self.watch.observe(events);
        if let Some(tape) = &mut self.tape {
            tape.observe(events);
        }
        self.also.observe(events);
    }
}
