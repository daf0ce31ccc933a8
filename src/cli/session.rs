//! A run in progress: the simulation, the watch, the tape, and how far they have come.
//!
//! However a run is sliced, what happens in it is the same: slices are for progress, Ctrl-C and the screen.

#![expect(clippy::disallowed_types, reason = "a person waits in wall time")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::gateway::Options;
use crate::host::{Door, Simulation};
use crate::kernel::{Digest, Duration, Event, Observer, Time};
use crate::observe::ledger::{Balance, Whereabouts};
use crate::observe::summary::{RunFacts, Summary};
use crate::observe::{LagSample, Snapshot, Watch};
use crate::scenario::World;
use crate::scenario::wiring::{Outside, SinkPlan, Wired, wire, wire_in};
use crate::tape::{self, Ending, Header, LagRow, ScenarioText, SinkSpec, Tape};
use crate::trace::{Fact, Stage};
use crate::tui::{Pilot, Progress};

use super::engine::{Course, Engine};
use super::failure::Failure;
use super::load::Loaded;
use super::offers::Offers;
use super::rows::Rows;

/// A run in progress.
pub struct Session {
    engine: Engine,
    world: World,
    watch: Watch,
    tape: Option<Tape>,
    name: String,
    question: Option<String>,
    seed: u64,
    notes: Vec<String>,
    stop: Time,
    end: Time,
    wall: f64,
    /// By the clock: when nothing more will happen.
    quiet: Quiet,
    /// By the clock: what generators came to.
    offers: Option<Offers>,
}

/// What observers need to know of a run.
struct Plot {
    watch: Watch,
    stage: Arc<Stage>,
    sinks: Vec<SinkPlan>,
    stop: Time,
    end: Time,
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

impl Session {
    /// A run that has not begun.
    pub fn new(loaded: &Loaded, recording: Option<&Recording>) -> Result<Self, Failure> {
        loaded.scenario.is_simulated()?;
        let wired = wire(&loaded.scenario);
        let watch = wired.watch(&loaded.scenario, recording.is_some());
        let Wired { parts, stage, sinks, stop, end, .. } = wired;
        let engine = Engine::Simulated(Box::new(Simulation::new(parts)));
        let plot = Plot { watch, stage, sinks, stop, end };
        Self::with_engine(loaded, recording, World::Simulated, plot, engine)
    }

    /// A run that has not begun, in any world. What is real is made ready for it.
    pub fn new_in(
        loaded: &Loaded,
        recording: Option<&Recording>,
        world: &World,
        options: &Options,
    ) -> Result<Self, Failure> {
        if !world.is_real_time() {
            return Self::new(loaded, recording);
        }
        let (door, knocks) = Door::new();
        let wired = wire_in(&loaded.scenario, Outside { world, door: &door, options })?;
        let watch = wired.watch(&loaded.scenario, recording.is_some());
        let Wired { parts, stage, sinks, stop, end, backend, hands, .. } = wired;
        let course = Course::new(parts, (&door, knocks), backend, hands)?;
        let plot = Plot { watch, stage, sinks, stop, end };
        Self::with_engine(loaded, recording, world.clone(), plot, Engine::Live(Box::new(course)))
    }

    fn with_engine(
        loaded: &Loaded,
        recording: Option<&Recording>,
        world: World,
        plot: Plot,
        engine: Engine,
    ) -> Result<Self, Failure> {
        let scenario = &loaded.scenario;
        let Plot { watch, stage, sinks, stop, end } = plot;
        let header = |recording: &Recording| Header {
            name: scenario.name.clone(),
            scenario: ScenarioText {
                file: recording.file.clone(),
                text: loaded.text.clone(),
                overrides: recording.overrides.clone(),
            },
            seed: scenario.run.seed,
            stage: Arc::clone(&stage),
            cast: engine.cast().clone(),
            sinks: sinks.iter().map(sink_spec).collect(),
            traces: loaded.traces.clone(),
            force: recording.force,
            world: world.to_string(),
        };
        let tape = recording.map(|recording| Tape::create(&recording.dir, header(recording))).transpose()?;
        let offers = world.is_real_time().then(|| Offers::new(scenario, engine.cast()));
        let mut notes = scenario.notes.clone();
        if tape.is_none() && !sinks.is_empty() {
            notes.push("nothing is recorded, so sinks write no files".to_owned());
        }
        Ok(Self {
            engine,
            quiet: Quiet::from(stop),
            offers,
            world,
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

    /// The simulated time, or that of the clock.
    pub fn now(&self) -> Time {
        self.engine.now()
    }

    /// When the run ends.
    pub fn end(&self) -> Time {
        self.end
    }

    /// The digest of all facts so far; none of a run by the clock.
    pub fn digest(&self) -> Option<Digest> {
        self.engine.digest()
    }

    /// How many facts there were.
    pub fn facts(&self) -> u64 {
        self.engine.facts()
    }

    /// What a person should know, so far.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Wall time spent simulating, in seconds.
    pub fn wall_seconds(&self) -> f64 {
        self.wall
    }

    /// Runs on to `until`, or to the end.
    pub fn advance(&mut self, until: Time, also: &mut dyn Observer<Fact>) {
        let begun = Instant::now();
        let until = until.min(self.end);
        self.engine.advance(
            until,
            &mut Both {
                watch: &mut self.watch,
                tape: self.tape.as_mut(),
                offers: self.offers.as_mut(),
                also,
            },
        );
        // By the clock, what happened until now may be later than what was asked for.
        self.watch.catch_up(until.max(self.now().min(self.end)));
        self.hand_over();
        let news = self.engine.news();
        self.notes.extend(news);
        self.end_when_quiet();
        self.wall += begun.elapsed().as_secs_f64();
    }

    /// Runs on by so many things on the agenda.
    fn step_by(&mut self, entries: u64) {
        let observer = &mut Both {
            watch: &mut self.watch,
            tape: self.tape.as_mut(),
            offers: self.offers.as_mut(),
            also: &mut (),
        };
        if let Engine::Simulated(simulation) = &mut self.engine {
            simulation.step(entries, self.end, observer);
        }
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
        let mut slice = Duration::from_millis(10);
        // The end of a run by the clock may come earlier than was thought.
        while self.now() < until.min(self.end) && !stop.load(Ordering::Relaxed) && self.failed().is_none() {
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
        self.end_engine();
        self.watch.close(self.now());
        self.hand_over();
        let now = self.now();
        self.notes.extend(self.offers.iter().flat_map(|offers| offers.notes(now)));
        let summary = Summary::new(
            &self.watch,
            RunFacts {
                scenario: self.name,
                question: self.question,
                seed: self.seed,
                finished,
                stop: self.stop,
                now,
                world: self.world.to_string(),
                digest: self.engine.digest().map(|digest| digest.to_string()).unwrap_or_default(),
                inputs: self.engine.inputs(),
                facts: self.engine.facts(),
                wall_seconds: self.wall,
                notes: self.notes,
            },
        );
        if let Some(tape) = self.tape {
            let state = if finished { tape::State::Finished } else { tape::State::Interrupted };
            tape.finish(Ending {
                state,
                failure: None,
                digest: self.engine.digest(),
                at: now,
                balance: serde_json::to_value(&summary.books).expect("a balance is plain data"),
                promises: serde_json::to_value(&summary.promises).expect("verdicts are plain data"),
                summary: summary.to_kept(),
            })?;
        }
        Ok(summary)
    }

    /// By the clock time is precious: a run ends when nothing is in flight any more and nobody offers.
    fn end_when_quiet(&mut self) {
        if self.world.is_real_time() && self.now() < self.end {
            let (now, watch) = (self.now(), &self.watch);
            if self.quiet.is_over(now, || watch.tally().offered, || under_way(&watch.balance())) {
                self.end = now;
            }
        }
        if self.now() >= self.end {
            self.end_engine();
        }
    }

    fn end_engine(&mut self) {
        let observer = &mut Both {
            watch: &mut self.watch,
            tape: self.tape.as_mut(),
            offers: self.offers.as_mut(),
            also: &mut (),
        };
        self.notes.extend(self.engine.end(observer));
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
        if let Some(digest) = self.engine.digest() {
            tape.checkpoint(self.engine.facts(), self.engine.now(), digest);
        }
    }
}

/// Records that may still get somewhere.
fn under_way(books: &Balance) -> u64 {
    let moving = books.in_flight.iter().filter(|(place, _)| **place != Whereabouts::Kept);
    moving.map(|(_, records)| records).sum()
}

/// A screen drives a run.
impl Pilot for Session {
    fn now(&self) -> Time {
        self.engine.now()
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

    fn is_live(&self) -> bool {
        self.world.is_real_time()
    }
}

/// How long nothing has been in flight, after the generators have stopped.
struct Quiet {
    from: Time,
    since: Option<(Time, u64)>,
}

impl Quiet {
    /// Nothing in flight for so long is the end: a client that made room, or a process that starts again, may
    /// still offer something.
    const LASTS: Duration = Duration::from_millis(500);

    fn from(stop: Time) -> Self {
        Self { from: stop, since: None }
    }

    fn is_over(&mut self, now: Time, offered: impl Fn() -> u64, in_flight: impl Fn() -> u64) -> bool {
        if now < self.from || in_flight() > 0 {
            self.since = None;
            return false;
        }
        let offered = offered();
        match self.since {
            Some((since, then)) if then == offered => now.since(since) >= Self::LASTS,
            Some(_) | None => {
                self.since = Some((now, offered));
                false
            }
        }
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
    offers: Option<&'a mut Offers>,
    also: &'a mut dyn Observer<Fact>,
}

impl Observer<Fact> for Both<'_> {
    fn observe(&mut self, events: &[Event<Fact>]) {
        self.watch.observe(events);
        if let Some(tape) = &mut self.tape {
            tape.observe(events);
        }
        if let Some(offers) = &mut self.offers {
            offers.observe(events);
        }
        self.also.observe(events);
    }
}
