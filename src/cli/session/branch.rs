//! Branches: what a person injected, and the courses that the run has taken since.
//!
//! **Invariant.** A branch is the run of the file that `:save` writes for it: its digest at any instant is that of this file. A
//! fault that is injected strikes after the instant that is looked at, and what was before that stays as it was.
//!
//! As a rule nothing is run again for a branch: the state that is looked at is copied, and its injector is told of one more
//! fault. A fault that adds somebody (a member, partitions) needs a system that was made for it: that one is made, and run up
//! to here.
//!
//! **Not modelled:** a tape of a branch: what is recorded is the first course. Memory: [`MOST`] branches, each with the
//! checkpoints of its own part.

use std::path::Path;
use std::sync::Arc;

use super::diff;
use super::rewind::{Rewind, State};
use super::sight::{all_scheduled, one_scheduled};
use super::{Engine, Session};
use crate::cli::about::about;
use crate::cli::contents::known_keys;
use crate::cli::failure::Failure;
use crate::cli::load::{Loaded, load_text};
use crate::fault::{LOOK_BEFORE, Strike};
use crate::host::Simulation;
use crate::kafka::partitioner::murmur2;
use crate::kernel::{Cast, Duration, Time};
use crate::lab::edit::Draft;
use crate::lab::{Recipe, meaning};
use crate::observe::lens::{Lens, LensSetup};
use crate::scenario::scenario::{Fault, Schedule};
use crate::scenario::spoken::{Spoken, seconds};
use crate::scenario::wiring::{Planner, wire_for_hands};
use crate::scenario::{Overrides, Scenario};
use crate::trace::Stage;
use crate::tui::{About, Course as CourseView, Courses as CoursesView, Done, Spot};

/// Branches at most, the first course included.
const MOST: usize = 32;
/// A run that is made anew for a branch is run up to it in such slices: checkpoints lie between them.
const SLICE: Duration = Duration::from_millis(250);

/// The courses of a run, and the scenario that they began from.
pub(super) struct Courses {
    base: Base,
    all: Vec<Course>,
    here: usize,
}

/// What was run first.
pub(super) struct Base {
    /// What the first course is made from; none where that is not known.
    recipe: Option<Recipe>,
    file: String,
    overrides: Vec<String>,
    scenario: Scenario,
}

/// A course of the run.
struct Course {
    parent: Option<usize>,
    at: Time,
    injected: Option<String>,
    taken_back: bool,
    saved: Option<String>,
    /// The scenario's text with all that was injected.
    text: String,
    system: Arc<System>,
    /// None for the course that is driven: the session has it.
    away: Option<Away>,
}

/// A course that is not driven now.
struct Away {
    front: Box<State>,
    rewind: Rewind,
}

/// What a course is run on.
struct System {
    planner: Planner,
    stage: Arc<Stage>,
    cast: Arc<Cast>,
    /// Names, where they are others than those of the first course.
    about: Option<Arc<About>>,
}

impl Courses {
    pub(super) fn new(loaded: &Loaded, planner: Planner, stage: &Arc<Stage>, cast: &Arc<Cast>) -> Self {
        let system = System { planner, stage: Arc::clone(stage), cast: Arc::clone(cast), about: None };
        let base = Base::new(loaded);
        let first = Course {
            parent: None,
            at: Time::ZERO,
            injected: None,
            taken_back: false,
            saved: None,
            text: loaded.text.clone(),
            system: Arc::new(system),
            away: None,
        };
        Self { base, all: vec![first], here: 0 }
    }

    /// The first course is made from this.
    pub(super) fn made_from(&mut self, recipe: Recipe) {
        self.base.recipe = Some(recipe);
    }

    /// What the course that is driven is made from.
    fn recipe(&self) -> Option<Recipe> {
        let recipe = self.base.recipe.clone()?;
        Some(Recipe { text: self.current().text.clone(), ..recipe })
    }

    fn current(&self) -> &Course {
        &self.all[self.here]
    }

    /// Whether what is driven is what is recorded.
    pub(super) fn is_first(&self) -> bool {
        self.here == 0
    }

    /// What a person should know who leaves.
    pub(super) fn farewell(&self) -> Option<String> {
        let made = match self.all.len() - 1 {
            0 => return None,
            1 => "1 branch was made by hand".to_owned(),
            several => format!("{several} branches were made by hand"),
        };
        let saved = self.all.iter().filter_map(|course| course.saved.as_deref());
        let saved: Vec<_> = saved.map(|file| format!("brokersim run {file}")).collect();
        let kept = if saved.is_empty() {
            "none was kept: in a branch, `:save FILE` writes the scenario that repeats it".to_owned()
        } else {
            format!("kept: {}", saved.join(", "))
        };
        Some(format!("{made}; {kept}. This is the first course, as the scenario says it"))
    }

    /// The ancestors of a course, itself first.
    fn line(&self, of: usize) -> Vec<usize> {
        std::iter::successors(Some(of), |index| self.all[*index].parent).collect()
    }

    /// Where two courses part.
    fn parted(&self, one: usize, other: usize) -> Time {
        let (one, other) = (self.line(one), self.line(other));
        let shared = |index: &&usize| one.contains(index) && other.contains(index);
        let below = |line: &[usize]| line.iter().take_while(|index| !shared(index)).last().copied();
        let at = |index: Option<usize>| index.map(|index| self.all[index].at);
        at(below(&one)).into_iter().chain(at(below(&other))).min().unwrap_or(Time::ZERO)
    }

    fn name(&self, index: usize) -> String {
        let injected = self.all[index].injected.as_deref();
        let said = injected.map_or_else(
            || if index == 0 { "as the file says" } else { "a branch" }.to_owned(),
            str::to_owned,
        );
        format!("{} {said}", index + 1)
    }
}

impl Base {
    /// What this is.
    pub(super) fn new(loaded: &Loaded) -> Self {
        Self {
            recipe: None,
            file: loaded.file.display().to_string(),
            overrides: loaded.overrides.clone(),
            scenario: loaded.scenario.clone(),
        }
    }

    /// Judges a text; what was replayed is not read again.
    pub(super) fn load(&self, text: &str) -> Result<Scenario, String> {
        let overrides = Overrides { set: self.overrides.clone(), ..Overrides::default() };
        let mut scenario =
            Scenario::load(text, &self.file, &overrides).map_err(|error| Failure::from(error).in_a_line())?;
        scenario.keep_contents = true;
        for generator in &mut scenario.generators {
            let same = self.scenario.generators.iter().find(|known| known.name == generator.name);
            if let (Schedule::Recorded(_), Some(known)) = (&generator.arrivals, same) {
                generator.arrivals = known.arrivals.clone();
            }
        }
        Ok(scenario)
    }
}

/// When what is said at an instant can strike: at the next whole microsecond.
pub(super) fn next_instant(now: Time) -> Time {
    Time::from_nanos((now.as_nanos() / 1_000 + 1) * 1_000)
}

/// Whether a fault needs a system that was made for it.
fn adds(fault: &Fault) -> bool {
    matches!(fault.strike, Strike::AddMember | Strike::AddPartitions(_))
}

pub(super) fn with_entry(text: &str, now: Time, entry: &str) -> String {
    let gap = if text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{gap}\n# Injected by hand at {now}.\n{entry}")
}

/// What was said, ready to be injected.
struct Injection {
    said: String,
    text: String,
    scenario: Scenario,
    fault: Fault,
    /// The fault's number.
    number: u32,
}

impl Session {
    /// What a screen shows of the courses.
    pub(super) fn courses_view(&self) -> CoursesView {
        let Some(courses) = &self.courses else {
            return self.reins.as_ref().map_or_else(CoursesView::default, |reins| reins.view());
        };
        let view = |course: &Course| CourseView {
            parent: course.parent,
            at: course.at,
            front: course.away.as_ref().map_or(self.engine.now(), |away| away.front.now()),
            injected: course.injected.clone(),
            taken_back: course.taken_back,
            saved: course.saved.clone(),
        };
        CoursesView {
            all: courses.all.iter().map(view).collect(),
            here: courses.here,
            armed: None,
            removed: Vec::new(),
        }
    }

    /// Names, where they are others than those of the first course.
    pub(super) fn about_here(&self) -> Option<Arc<About>> {
        self.courses.as_ref().and_then(|courses| courses.current().system.about.clone())
    }

    /// Begins a branch in which a fault strikes.
    pub(super) fn inject(&mut self, line: &str) -> Result<Done, String> {
        let injection = self.injection(line)?;
        let courses = self.courses.as_ref().ok_or(NO_BRANCHES)?;
        let strikes = injection.fault.at;
        let (state, rewind, system) =
            if adds(&injection.fault) { self.made_anew(&injection)? } else { self.told(&injection) };
        // A branch in which nothing was done yet takes it.
        let current = courses.current();
        let is_new = current.parent.is_some()
            && current.injected.is_none()
            && self.here().is_some_and(|here| here.now() >= current.at);
        let past = self.here().map_or(0, |here| here.simulation.facts());
        let other_past = state.simulation.facts() != past;
        let Injection { said, text, .. } = injection;
        let at = self.now();
        let course = Course {
            parent: Some(courses.here),
            at,
            injected: Some(said.clone()),
            taken_back: false,
            saved: None,
            text,
            system,
            away: None,
        };
        if is_new && self.at_front() {
            let courses = self.courses.as_mut().expect("it was there");
            let Course { parent, at, .. } = courses.all[courses.here];
            courses.all[courses.here] = Course { parent, at, ..course };
            self.drive(state, rewind);
        } else {
            self.take_course(course, state, rewind);
        }
        let number = self.courses.as_ref().map_or(0, |courses| courses.here + 1);
        let past = if other_past { "; with its names the past is another one, too" } else { "" };
        let takes_back = "u takes it back, D tells what it changes";
        let said = format!("branch {number}: {said} strikes at {strikes}{past}; {takes_back}");
        Ok(Done { said, moved: true, ..Done::default() })
    }

    /// Whether what is looked at is as far as the course was computed.
    fn at_front(&self) -> bool {
        self.behind.is_none()
    }

    fn injection(&self, line: &str) -> Result<Injection, String> {
        let courses = self.courses.as_ref().ok_or(NO_BRANCHES)?;
        let spoken = Spoken::read(line)?;
        let now = self.now();
        let wait = if spoken.is_role { LOOK_BEFORE } else { Duration::ZERO };
        let soonest = next_instant(now) + wait;
        let at = match spoken.at {
            None => soonest,
            Some(at) if Time::ZERO + at >= soonest => Time::ZERO + at,
            Some(at) => {
                let asked = if spoken.is_role { ", as a role is asked for 50 ms before" } else { "" };
                return Err(format!(
                    "at {} it cannot strike any more: now is {now}{asked}; go back in time, or leave `at` out",
                    seconds(Time::ZERO + at)
                ));
            }
        };
        if at >= self.end {
            return Err(format!("the run is over at {}: go back in time, and inject it there", self.end));
        }
        let text = with_entry(&courses.current().text, now, &spoken.entry(at));
        let scenario = courses.base.load(&text)?;
        let faults = scenario.all_faults();
        let fault = faults.last().filter(|fault| fault.by_hand).cloned().ok_or("it is lost in the file")?;
        Ok(Injection { said: spoken.line(), text, scenario, fault, number: faults.len() as u32 - 1 })
    }

    /// The state that is looked at, told of one more fault.
    fn told(&self, injection: &Injection) -> (Box<State>, Rewind, Arc<System>) {
        let courses = self.courses.as_ref().expect("there are branches");
        let system = Arc::clone(&courses.current().system);
        let (here, rewind) = (self.here().expect("it is simulated"), self.rewind().expect("it can go back"));
        let plan = system.planner.plan(&injection.fault);
        let scheduled = one_scheduled(injection.number, &injection.fault);
        let mut injections = rewind.injections().clone();
        injections.faults.push((plan, scheduled));
        let mut state = Box::new(here.clone());
        injections.tell(&mut state);
        let rewind = rewind.branch(here, injections);
        (state, rewind, system)
    }

    /// A system that was made for the fault, run up to here.
    fn made_anew(&self, injection: &Injection) -> Result<(Box<State>, Rewind, Arc<System>), String> {
        let courses = self.courses.as_ref().ok_or(NO_BRANCHES)?;
        let scenario = &injection.scenario;
        let wired = wire_for_hands(scenario);
        let watch = wired.watch(scenario, false);
        let planner = wired.planner.ok_or(NO_BRANCHES)?;
        let (stage, cast) = (wired.stage, Arc::new(wired.parts.cast.clone()));
        let mut state = Box::new(State::new(Simulation::new(wired.parts), watch));
        let scheduled = all_scheduled(scenario);
        let setup = LensSetup { stage: Arc::clone(&stage), cast: Arc::clone(&cast), scheduled };
        let keys = known_keys(scenario, &stage.sources);
        state.look_through(Lens::new(setup).hashing(murmur2).knowing(keys));
        let mut rewind = Rewind::new(&state, planner.injector());
        let now = self.now();
        while state.now() < now {
            let until = (state.now() + SLICE).min(now);
            state.run_until(until, &mut ());
            state.watch.take_ready();
            rewind.keep(&state);
        }
        let loaded = Loaded {
            text: injection.text.clone(),
            scenario: scenario.clone(),
            traces: Vec::new(),
            overrides: courses.base.overrides.clone(),
            file: courses.base.file.clone().into(),
        };
        let overrides = Overrides { set: courses.base.overrides.clone(), ..Overrides::default() };
        let about = Some(about(&loaded, &courses.base.file, &overrides));
        Ok((state, rewind, Arc::new(System { planner, stage, cast, about })))
    }

    /// Drives this instead of what is driven; that is let go.
    fn drive(&mut self, state: Box<State>, rewind: Rewind) -> Option<Away> {
        self.behind = None;
        let Engine::Simulated(front) = std::mem::replace(&mut self.engine, Engine::Simulated(state)) else {
            unreachable!("only a simulation has branches")
        };
        let system = self.courses.as_ref().map(|courses| Arc::clone(&courses.current().system));
        let recipe = self.courses.as_ref().and_then(Courses::recipe);
        let sight = self.sight.as_mut()?;
        // What is told from now on is why something happened here.
        sight.inquiry.drop_question();
        if let Some(recipe) = recipe {
            sight.inquiry.made_from(recipe);
        }
        if let Some(system) = system {
            (sight.stage, sight.cast) = (Arc::clone(&system.stage), Arc::clone(&system.cast));
        }
        let rewind = sight.rewind.replace(rewind)?;
        sight.followed = None;
        self.follow_again();
        Some(Away { front, rewind })
    }

    fn take_course(&mut self, course: Course, state: Box<State>, rewind: Rewind) {
        let courses = self.courses.as_mut().expect("there are branches");
        let before = courses.here;
        courses.all.push(course);
        courses.here = courses.all.len() - 1;
        let away = self.drive(state, rewind);
        let courses = self.courses.as_mut().expect("there are branches");
        courses.all[before].away = away;
        self.forget_branches();
    }

    /// Beyond the bound the oldest branch that nothing came of goes.
    fn forget_branches(&mut self) {
        let Some(courses) = &mut self.courses else { return };
        let is_leaf =
            |courses: &Courses, index: usize| !courses.all.iter().any(|one| one.parent == Some(index));
        while courses.all.len() > MOST {
            let found =
                (1..courses.all.len()).find(|&index| index != courses.here && is_leaf(courses, index));
            let Some(gone) = found else { return };
            courses.all.remove(gone);
            let parents = courses.all.iter_mut().filter_map(|course| course.parent.as_mut());
            for index in parents.chain([&mut courses.here]).filter(|index| **index > gone) {
                *index -= 1;
            }
        }
    }

    /// Begins a branch in which nothing is done yet.
    pub(super) fn fork(&mut self) -> Result<Done, String> {
        let courses = self.courses.as_ref().ok_or(NO_BRANCHES)?;
        let (here, rewind) = (self.here().ok_or(NO_BRANCHES)?, self.rewind().ok_or(NO_BRANCHES)?);
        let state = Box::new(here.clone());
        let rewind = rewind.branch(here, rewind.injections().clone());
        let current = courses.current();
        let course = Course {
            parent: Some(courses.here),
            at: self.now(),
            injected: None,
            taken_back: false,
            saved: None,
            text: current.text.clone(),
            system: Arc::clone(&current.system),
            away: None,
        };
        self.take_course(course, state, rewind);
        let number = self.courses.as_ref().map_or(0, |courses| courses.here + 1);
        let said = format!("branch {number} begins at {}: what you inject now goes into it", self.now());
        Ok(Done { said, moved: true, ..Done::default() })
    }

    /// Back to the course without the last injection, at the instant of that.
    pub(super) fn take_back(&mut self) -> Result<Done, String> {
        let courses = self.courses.as_mut().ok_or(NO_BRANCHES)?;
        let line = courses.line(courses.here);
        let last = line.into_iter().find(|index| courses.all[*index].injected.is_some());
        let last = last.ok_or("nothing was injected in this course")?;
        courses.all[last].taken_back = true;
        let (at, parent) = (courses.all[last].at, courses.all[last].parent.unwrap_or(0));
        let taken_back = courses.all[last].injected.clone().unwrap_or_default();
        self.switch_to(parent)?;
        self.go_to(at);
        let said = format!("taken back: {taken_back}; this is branch {} at {at}, as it was", parent + 1);
        Ok(Done { said, moved: true, ..Done::default() })
    }

    /// To another course, at the same instant, as far as it was computed; where to go on to.
    pub(super) fn switch(&mut self, to: usize) -> Result<Done, String> {
        let courses = self.courses.as_ref().ok_or(NO_BRANCHES)?;
        let (now, several) = (self.now(), courses.all.len());
        if to >= several {
            return Err(format!("there is no branch {}: there are 1 to {several}", to + 1));
        }
        self.switch_to(to)?;
        let name = self.courses.as_ref().map_or_else(String::new, |courses| courses.name(to));
        Ok(Done { said: format!("branch {name}"), moved: true, seek: Some(now), ..Done::default() })
    }

    fn switch_to(&mut self, to: usize) -> Result<(), String> {
        let courses = self.courses.as_mut().ok_or(NO_BRANCHES)?;
        let Some(Away { front, rewind }) = courses.all[to].away.take() else { return Ok(()) };
        let before = std::mem::replace(&mut courses.here, to);
        let away = self.drive(front, rewind);
        if let Some(courses) = &mut self.courses {
            courses.all[before].away = away;
        }
        Ok(())
    }

    /// The course that is recorded, as far as it came.
    pub(super) fn back_to_first(&mut self) {
        self.switch_to(0).ok();
        self.behind = None;
    }

    fn go_to(&mut self, at: Time) {
        crate::tui::Pilot::go(self, Spot::At(at));
    }

    /// How this course and another one differ now.
    pub(super) fn differ(&mut self, other: Option<usize>) -> Result<Done, String> {
        let courses = self.courses.as_ref().ok_or(NO_BRANCHES)?;
        let here = courses.here;
        let latest = courses.all.len() - 1;
        let other = other.or(courses.current().parent).unwrap_or(latest);
        if courses.all.get(other).is_none() || other == here {
            return Err(
                "there is nothing to compare with: f injects a fault, and that is another branch".to_owned()
            );
        }
        let (now, parted) = (self.now(), courses.parted(here, other));
        let names = [other, here].map(|index| courses.name(index));
        let systems = [other, here].map(|index| Arc::clone(&courses.all[index].system));
        let end = self.end;
        let mine = (self.state_at(parted), self.state_at(now));
        let courses = self.courses.as_mut().ok_or(NO_BRANCHES)?;
        let away = courses.all[other].away.as_mut().ok_or(NO_BRANCHES)?;
        let theirs = (away.state_at(parted, end), away.state_at(now, end));
        let casts = systems.map(|system| (Arc::clone(&system.stage), Arc::clone(&system.cast)));
        let begins = [theirs.0, mine.0];
        let ends = [theirs.1, mine.1];
        let diff = diff::diff(names, casts, begins, &ends, now);
        Ok(Done { diff: Some(diff), ..Done::default() })
    }

    /// A copy of the state at an instant of the course that is driven, not after the one that is looked at.
    fn state_at(&self, at: Time) -> State {
        let here = self.here().expect("it is simulated");
        if here.now() <= at {
            return here.clone();
        }
        let mut state = self.rewind().expect("it can go back").before(at);
        state.run_until(at, &mut ());
        state.watch.take_ready();
        state
    }

    fn rewind(&self) -> Option<&Rewind> {
        self.sight.as_ref().and_then(|sight| sight.rewind.as_ref())
    }

    /// Writes the scenario with what was injected in this course.
    pub(super) fn save(&mut self, file: &str, replace: bool) -> Result<Done, String> {
        let courses = self.courses.as_mut().ok_or(NO_BRANCHES)?;
        save(Path::new(file), replace, |path| courses.base.to_be_saved(&courses.current().text, path))?;
        let here = courses.here;
        courses.all[here].saved = Some(file.to_owned());
        Ok(Done {
            said: format!("saved; `brokersim run {file}` is this run, to the same digest"),
            ..Done::default()
        })
    }
}

/// Writes a scenario into a file, unless there is one that is to stay.
pub(super) fn save(
    path: &Path,
    replace: bool,
    text: impl FnOnce(&Path) -> Result<String, String>,
) -> Result<(), String> {
    let file = path.display();
    if path.exists() && !replace {
        return Err(format!("{file} exists: `:save! {file}` replaces it"));
    }
    std::fs::write(path, text(path)?).map_err(|error| format!("{file} cannot be written: {error}"))
}

impl Base {
    /// The text that by itself says what is run, checked.
    pub(super) fn to_be_saved(&self, text: &str, path: &Path) -> Result<String, String> {
        let wanted = self.load(text)?;
        let mut draft = Draft::new(text).ok_or("the scenario is no TOML any more")?;
        for setting in &self.overrides {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            draft = draft.with(name.trim(), value.trim()).ok_or_else(|| {
                format!("`{setting}` cannot be written into the file: change the file itself")
            })?;
        }
        let text = draft.text();
        let saved = load_text(text.clone(), path, &Overrides::default());
        let saved = saved.map_err(|failure| failure.in_a_line())?.scenario;
        if meaning(&saved) == meaning(&wanted) {
            Ok(text)
        } else {
            Err("the file would not say the same: a --set of this run cannot be written into it".to_owned())
        }
    }
}

impl Away {
    /// A copy of the state at an instant; the course is computed up to there.
    fn state_at(&mut self, at: Time, end: Time) -> State {
        let at = at.min(end);
        while self.front.now() < at {
            let until = (self.front.now() + SLICE).min(at);
            self.front.run_until(until, &mut ());
            self.front.watch.take_ready();
            self.rewind.keep(&self.front);
        }
        if self.front.now() == at {
            return State::clone(&self.front);
        }
        let mut state = self.rewind.before(at);
        state.run_until(at, &mut ());
        state.watch.take_ready();
        state
    }
}

/// What is said where there are none.
const NO_BRANCHES: &str = "this run goes by the clock: it has no branches";
