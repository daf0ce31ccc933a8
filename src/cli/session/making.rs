//! How a session is made: wired, with a tape when it is recorded, and with a lens and a way back when it is looked at.

use std::path::PathBuf;
use std::sync::Arc;

use super::armed::{Reins, first_by_hand};
use super::branch::Courses;
use super::inquiry::Inquiry;
use super::memory::Memory;
use super::passed::Passed;
use super::quiet::Quiet;
use super::recorded::Recorded;
use super::rewind::{Rewind, State};
use super::sight::{Sight, scheduled};
use super::{Engine, Session};
use crate::analyze::why::Scene;
use crate::cli::contents::{Decoders, known_keys};
use crate::cli::engine::{Course, Timed};
use crate::cli::failure::Failure;
use crate::cli::load::Loaded;
use crate::cli::offers::Offers;
use crate::cli::rows::Rows;
use crate::gateway::Options;
use crate::host::{Door, Simulation};
use crate::kafka::partitioner::murmur2;
use crate::kernel::{Cast, Time};
use crate::lab::Recipe;
use crate::observe::lens::{Lens, LensSetup, Look};
use crate::scenario::origin::in_force;
use crate::scenario::wiring::{
    Outside, Planner, SinkPlan, Wired, wire, wire_for_hands, wire_in, wire_in_for_hands,
};
use crate::scenario::{Overrides, World};
use crate::tape::{Header, Manifest, ScenarioText, SinkSpec, Tape};
use crate::trace::Stage;

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

/// What is known of a run before it begins.
struct Plot {
    stage: Arc<Stage>,
    sinks: Vec<SinkPlan>,
    stop: Time,
    end: Time,
    /// How faults are injected by hand; none where nobody can.
    planner: Option<Planner>,
}

/// Whether anybody looks on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looked {
    /// On a screen: it shows more, and can go back.
    OnScreen,
    /// Nobody.
    Headless,
}

impl Session {
    /// A run that has not begun.
    pub fn new(loaded: &Loaded, recording: Option<&Recording>) -> Result<Self, Failure> {
        Self::simulated(loaded, recording, Looked::Headless)
    }

    /// The same for a screen: it shows more, and can go back.
    pub fn on_screen(loaded: &Loaded, recording: Option<&Recording>) -> Result<Self, Failure> {
        Self::simulated(loaded, recording, Looked::OnScreen)
    }

    /// A run that has not begun, in any world. What is real is made ready for it.
    pub fn new_in(
        loaded: &Loaded,
        recording: Option<&Recording>,
        world: &World,
        options: &Options,
    ) -> Result<Self, Failure> {
        Self::build(loaded, recording, (world, options), Looked::Headless)
    }

    /// The same for a screen: it shows more, and a simulation can go back.
    pub fn on_screen_in(
        loaded: &Loaded,
        recording: Option<&Recording>,
        world: &World,
        options: &Options,
    ) -> Result<Self, Failure> {
        Self::build(loaded, recording, (world, options), Looked::OnScreen)
    }

    fn build(
        loaded: &Loaded,
        recording: Option<&Recording>,
        (world, options): (&World, &Options),
        looked: Looked,
    ) -> Result<Self, Failure> {
        if world.is_real_time() {
            Self::live(loaded, recording, (world, options), looked)
        } else {
            Self::simulated(loaded, recording, looked)
        }
    }

    fn simulated(loaded: &Loaded, recording: Option<&Recording>, looked: Looked) -> Result<Self, Failure> {
        loaded.scenario.is_simulated()?;
        // On a screen somebody may look at any record, and lend a hand.
        let by_hand = looked == Looked::OnScreen;
        let mut scenario = loaded.scenario.clone();
        scenario.keep_contents = by_hand;
        let wired = if by_hand { wire_for_hands(&scenario) } else { wire(&scenario) };
        let watch = wired.watch(&loaded.scenario, recording.is_some());
        let Wired { parts, stage, sinks, stop, end, planner, .. } = wired;
        let engine = Engine::Simulated(Box::new(State::new(Simulation::new(parts), watch)));
        let plot = Plot { stage, sinks, stop, end, planner };
        Self::with_engine(loaded, recording, (World::Simulated, looked), plot, engine)
    }

    fn live(
        loaded: &Loaded,
        recording: Option<&Recording>,
        (world, options): (&World, &Options),
        looked: Looked,
    ) -> Result<Self, Failure> {
        if *world == World::Live {
            loaded.scenario.is_simulated()?;
        }
        let (door, knocks) = Door::new();
        let outside = Outside { world, door: &door, options };
        let wired = match looked {
            Looked::OnScreen => wire_in_for_hands(&loaded.scenario, outside)?,
            Looked::Headless => wire_in(&loaded.scenario, outside)?,
        };
        let watch = wired.watch(&loaded.scenario, recording.is_some() || looked == Looked::OnScreen);
        let Wired { parts, stage, sinks, stop, end, backend, hands, planner, .. } = wired;
        let course = Course::new(parts, (&door, knocks), backend, hands)?;
        let engine = Engine::Live(Box::new(Timed { course, watch, lens: None }));
        let reins = planner.clone().filter(|_| looked == Looked::OnScreen);
        let reins = reins.map(|planner| Box::new(Reins::new(loaded, planner, door, (world, options))));
        let plot = Plot { stage, sinks, stop, end, planner };
        let session = Self::with_engine(loaded, recording, (world.clone(), looked), plot, engine)?;
        Ok(Self { reins, ..session })
    }

    fn with_engine(
        loaded: &Loaded,
        recording: Option<&Recording>,
        (world, looked): (World, Looked),
        plot: Plot,
        mut engine: Engine,
    ) -> Result<Self, Failure> {
        let scenario = &loaded.scenario;
        let Plot { stage, sinks, stop, end, planner } = plot;
        let known = (&stage, engine.cast());
        let tape = recording
            .map(|recording| {
                let header = header(loaded, recording, &world, known);
                let sinks = sinks.iter().map(sink_spec).collect();
                Tape::create(&recording.dir, Header { sinks, ..header })
            })
            .transpose()?;
        let offers = world.is_real_time().then(|| Offers::new(scenario, engine.cast()));
        let mut notes = scenario.notes.clone();
        if tape.is_none() && !sinks.is_empty() {
            notes.push("nothing is recorded, so sinks write no files".to_owned());
        }
        let mut sight =
            (looked == Looked::OnScreen).then(|| Self::sight(loaded, &stage, &mut engine, planner.as_ref()));
        if let Some(sight) = sight.as_mut().filter(|_| world.is_real_time()) {
            let file = recording.map_or("scenario", |recording| recording.file.as_str());
            let scene = scene(loaded, file, &stage, engine.cast());
            let length = end.since(Time::ZERO);
            sight.memory = Some(Memory::new(scene, &scenario.name, scenario.run.seed, &stage, length));
        }
        let passed = sight.as_ref().and_then(|sight| Passed::of(&engine, sight)).map(Box::new);
        let branches = sight.as_ref().zip(planner).filter(|(sight, _)| sight.rewind.is_some());
        let courses = branches.map(|(sight, planner)| Courses::new(loaded, planner, &stage, &sight.cast));
        Ok(Self {
            engine,
            behind: None,
            passed,
            sight,
            courses,
            reins: None,
            quiet: Quiet::from(stop),
            offers,
            recorded: None,
            world,
            tape,
            name: scenario.name.clone(),
            question: scenario.question.clone(),
            seed: scenario.run.seed,
            skipped_faults: scenario.skipped_faults.clone(),
            notes,
            stop,
            end,
            wall: 0.0,
        })
    }

    /// The same as a repetition of a recorded run: it is compared with what is recorded of it, and ends where that did.
    #[must_use]
    pub fn repeating(mut self, manifest: &Manifest) -> Self {
        let recorded = Recorded::of(manifest, self.end);
        self.end = recorded.ends();
        self.recorded = Some(recorded);
        self
    }

    /// Whether a repetition is known not to be what was recorded.
    pub fn differs(&self) -> bool {
        self.recorded.as_ref().is_some_and(Recorded::differs)
    }

    /// Gives the engine a lens, and a simulation a way back.
    fn sight(loaded: &Loaded, stage: &Arc<Stage>, engine: &mut Engine, planner: Option<&Planner>) -> Sight {
        let (stage, cast) = (Arc::clone(stage), Arc::new(engine.cast().clone()));
        let scheduled = scheduled(loaded);
        let setup = LensSetup { stage: Arc::clone(&stage), cast: Arc::clone(&cast), scheduled };
        let by_hand = first_by_hand(loaded);
        let keys = known_keys(&loaded.scenario, &stage.sources);
        let mut lens = Lens::new(setup).hashing(murmur2).knowing(keys);
        if engine.state().is_none() {
            lens = lens.by_hand_from(by_hand);
        }
        engine.look_through(lens);
        let decoders = Decoders::of(&loaded.scenario, &stage.sources);
        let way_back = engine.state().zip(planner);
        let rewind = way_back.map(|(state, planner)| Rewind::new(state, planner.injector()));
        Sight {
            rewind,
            look: Look::default(),
            stage,
            cast,
            followed: None,
            decoders,
            inquiry: Inquiry::default(),
            memory: None,
        }
    }

    /// The run is made from this: with it, a screen can be told why something happened.
    pub fn made_from(&mut self, recipe: Recipe) {
        if let Some(courses) = &mut self.courses {
            courses.made_from(recipe.clone());
        }
        if let Some(sight) = self.sight.as_mut().filter(|_| !self.world.is_real_time()) {
            sight.inquiry.made_from(recipe);
        }
    }
}

/// What a tape begins with, but for its sinks.
fn header(
    loaded: &Loaded,
    recording: &Recording,
    world: &World,
    (stage, cast): (&Arc<Stage>, &Cast),
) -> Header {
    let scenario = &loaded.scenario;
    Header {
        name: scenario.name.clone(),
        scenario: ScenarioText {
            file: recording.file.clone(),
            text: loaded.text.clone(),
            overrides: recording.overrides.clone(),
        },
        seed: scenario.run.seed,
        stage: Arc::clone(stage),
        cast: cast.clone(),
        sinks: Vec::new(),
        traces: loaded.traces.clone(),
        force: recording.force,
        world: world.to_string(),
        skipped_faults: scenario.skipped_faults.clone(),
    }
}

/// Names and settings, for stories.
pub fn scene(loaded: &Loaded, file: &str, stage: &Arc<Stage>, cast: &Cast) -> Scene {
    let overrides = Overrides { set: loaded.overrides.clone(), ..Overrides::default() };
    let settings = in_force(&loaded.text, file, &overrides, &loaded.scenario);
    Scene::new(&loaded.scenario, Arc::clone(stage), cast.clone(), settings)
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
