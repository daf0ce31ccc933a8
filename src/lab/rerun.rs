//! A run made again for its own sake: no screen, no tape, no clock.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::analyze::why::{Evidence, Flow, Outcomes, Scene};
use crate::host::Simulation;
use crate::kernel::{Duration, Event, Observer, Time};
use crate::observe::summary::{RunFacts, Summary};
use crate::scenario::origin::in_force;
use crate::scenario::wiring::{Wired, wire};
use crate::scenario::{Overrides, Scenario, ScenarioError};
use crate::trace::{Fact, RecordId};
use crate::wire::Brokersim;
use crate::workload::{Trace, TraceError, TraceOptions, load_trace};

/// What a run is made from.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The scenario's text.
    pub text: String,
    /// The file's name, with its folder: what it names is seen from there.
    pub file: PathBuf,
    /// What is laid over it.
    pub overrides: Overrides,
    /// Who reads the traces that it replays.
    pub traces: TraceReader,
    /// How far it is made.
    pub limit: Limit,
}

/// How far a run is made: to its end, unless something is said.
#[derive(Clone, Debug, Default)]
pub struct Limit {
    /// To this instant.
    pub until: Option<Time>,
    /// Until this is raised: whoever does so has no use for what came of it.
    pub stop: Option<Arc<AtomicBool>>,
    /// Where the nanoseconds of simulated time are counted that were gone through, in all runs under this limit.
    pub gone: Option<Arc<AtomicU64>>,
}

impl Limit {
    /// Whether nobody wants it any more.
    pub fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    fn end(&self, end: Time) -> Time {
        self.until.map_or(end, |until| until.min(end))
    }

    /// Lets a slice of a run happen, and counts it; says where it ends.
    fn go_on(
        &self,
        simulation: &mut Simulation<Brokersim>,
        end: Time,
        observer: &mut dyn Observer<Fact>,
    ) -> Time {
        let before = simulation.now();
        let until = (before + SLICE).min(end);
        simulation.run_until(until, observer);
        if let Some(gone) = &self.gone {
            gone.fetch_add(until.since(before).as_nanos(), Ordering::Relaxed);
        }
        until
    }
}

/// Reads a trace by the name that a scenario gives it.
type Read = dyn Fn(&Path, &TraceOptions) -> Result<Trace, TraceError> + Send + Sync;

/// Reads the traces that a scenario names, wherever they lie: beside its file, in the folder of a recorded run, or in
/// the program.
#[derive(Clone)]
pub struct TraceReader(Arc<Read>);

impl TraceReader {
    /// One that reads so.
    pub fn new(
        read: impl Fn(&Path, &TraceOptions) -> Result<Trace, TraceError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(read))
    }

    /// Reads a trace.
    ///
    /// # Errors
    /// When it is not there, or no trace.
    pub fn read(&self, name: &Path, options: &TraceOptions) -> Result<Trace, TraceError> {
        (self.0)(name, options)
    }
}

impl fmt::Debug for TraceReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TraceReader")
    }
}

/// A run that has been looked at.
pub struct Looked {
    /// Names and settings.
    pub scene: Scene,
    /// Who came to grief.
    pub outcomes: Outcomes,
    /// What arrived and what was worked off.
    pub flow: Flow,
    /// The run in numbers.
    pub summary: Summary,
}

impl Recipe {
    /// A recipe whose traces lie beside its file.
    pub fn new(text: String, file: PathBuf, overrides: Overrides) -> Self {
        let folder = file.parent().unwrap_or(Path::new(".")).to_owned();
        let traces = TraceReader::new(move |name, options| load_trace(&folder.join(name), options));
        Self { text, file, overrides, traces, limit: Limit::default() }
    }

    /// The same with more laid over it.
    #[must_use]
    pub fn with(&self, set: &[String]) -> Self {
        let mut recipe = self.clone();
        recipe.overrides.set.extend_from_slice(set);
        recipe
    }

    /// The scenario that it gives, traces loaded.
    ///
    /// # Errors
    /// All problems of the text and the overrides, and of traces that cannot be loaded.
    pub fn load(&self) -> Result<Scenario, ScenarioError> {
        let mut scenario = Scenario::load(&self.text, &self.name(), &self.overrides)?;
        scenario.load_traces(Path::new(""), |name, options| self.traces.read(name, options))?;
        Ok(scenario)
    }

    /// The file's name without its folder, as the settings' lines are told.
    fn name(&self) -> String {
        self.file
            .file_name()
            .map_or_else(|| "scenario".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// Runs it and notes who came to grief. A record is late when it takes longer than `late`.
    ///
    /// # Errors
    /// As [`Recipe::load`].
    pub fn look(&self, late: Duration) -> Result<Looked, ScenarioError> {
        let scenario = self.load()?;
        scenario.is_simulated()?;
        let settings = in_force(&self.text, &self.name(), &self.overrides, &scenario);
        let wired = wire(&scenario);
        let watch = wired.watch(&scenario, true);
        let Wired { parts, stage, stop, end, .. } = wired;
        let end = self.limit.end(end);
        let mut simulation = Simulation::new(parts);
        let cast = simulation.cast().clone();
        let outcomes = Outcomes::new(Arc::clone(&stage), late);
        let flow = Flow::new(Arc::clone(&stage), end.since(Time::ZERO));
        let mut observer = (watch, (outcomes, flow));
        // What has left the ledger is taken in as the run goes, so that memory does not follow its length.
        while simulation.now() < end && !self.limit.is_stopped() {
            let until = self.limit.go_on(&mut simulation, end, &mut observer);
            let (watch, (outcomes, _)) = &mut observer;
            watch.catch_up(until);
            watch.take_samples();
            outcomes.closed(watch.take_closed());
        }
        let (mut watch, (mut outcomes, flow)) = observer;
        watch.close(simulation.now());
        outcomes.closed(watch.take_closed());
        let facts = RunFacts {
            scenario: scenario.name.clone(),
            question: scenario.question.clone(),
            seed: scenario.run.seed,
            finished: true,
            stop,
            now: simulation.now(),
            world: "simulation".to_owned(),
            digest: simulation.digest().to_string(),
            inputs: simulation.inputs(),
            facts: simulation.facts(),
            wall_seconds: 0.0,
            skipped_faults: scenario.skipped_faults.clone(),
            notes: scenario.notes.clone(),
        };
        let summary = Summary::new(&watch, facts);
        Ok(Looked { scene: Scene::new(&scenario, stage, cast, settings), outcomes, flow, summary })
    }

    /// Runs it before somebody's eyes.
    ///
    /// # Errors
    /// As [`Recipe::load`].
    pub fn watch(&self, observer: &mut dyn Observer<Fact>) -> Result<(), ScenarioError> {
        let scenario = self.load()?;
        scenario.is_simulated()?;
        let Wired { parts, end, .. } = wire(&scenario);
        let (mut simulation, end) = (Simulation::new(parts), self.limit.end(end));
        while simulation.now() < end && !self.limit.is_stopped() {
            self.limit.go_on(&mut simulation, end, observer);
        }
        Ok(())
    }

    /// Runs it again and gathers the lives of some records.
    ///
    /// # Errors
    /// As [`Recipe::load`].
    pub fn follow(&self, ids: impl IntoIterator<Item = RecordId>) -> Result<Vec<Event<Fact>>, ScenarioError> {
        let mut evidence = Evidence::new(ids);
        self.watch(&mut evidence)?;
        Ok(evidence.into_events())
    }
}

/// How much is simulated between two looks at the ledger's exit.
const SLICE: Duration = Duration::from_millis(500);
