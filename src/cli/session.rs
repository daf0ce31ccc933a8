//! A run in progress: the simulation, the watch, the tape, and how far they have come.
//!
//! However a run is sliced, what happens in it is the same: slices are for progress, Ctrl-C and the screen.
//!
//! Before a screen a run can go back: then a state behind the front is looked at, and what is recorded stays as it is
//! until that state comes to the front again.

#![expect(clippy::disallowed_types, reason = "a person waits in wall time")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::host::Simulation;
use crate::kernel::{Cast, Digest, Duration, Event, Observer, Time};
use crate::observe::lens::{Detail, Follow, Lens, LensSetup, Look, Scheduled};
use crate::observe::summary::{RunFacts, Summary};
use crate::observe::{LagSample, Snapshot, Watch, WatchSetup};
use crate::scenario::wiring::{SinkPlan, Wired, wire};
use crate::tape::{self, Ending, Header, LagRow, ScenarioText, SinkSpec, Tape};
use crate::trace::{Fact, RecordId, Stage};
use crate::tui::{Direction, Moment, Pilot, Progress, Spot};

use super::failure::Failure;
use super::load::Loaded;
use super::rows::Rows;

mod rewind;
#[cfg(test)]
mod tests;

use rewind::{Gone, Rewind, State};

/// A run in progress.
pub struct Session {
    /// As far as it has come.
    front: State,
    /// Where it is looked at, when that is not the front.
    behind: Option<Box<State>>,
    /// What a screen needs; none without one.
    sight: Option<Sight>,
    tape: Option<Tape>,
    name: String,
    question: Option<String>,
    seed: u64,
    notes: Vec<String>,
    stop: Time,
    end: Time,
    wall: f64,
}

/// What a screen needs beyond the run.
struct Sight {
    rewind: Rewind,
    look: Look,
    stage: Arc<Stage>,
    cast: Arc<Cast>,
    followed: Option<Followed>,
}

/// A record that is followed.
struct Followed {
    id: RecordId,
    /// When it was offered, or earlier.
    since: Time,
    follow: Follow,
    /// Up to where it was.
    upto: Time,
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
        Self::build(loaded, recording, false)
    }

    /// The same for a screen: it shows more, and can go back.
    pub fn on_screen(loaded: &Loaded, recording: Option<&Recording>) -> Result<Self, Failure> {
        Self::build(loaded, recording, true)
    }

    fn build(loaded: &Loaded, recording: Option<&Recording>, screen: bool) -> Result<Self, Failure> {
        let scenario = &loaded.scenario;
        let Wired { parts, stage, sinks, expected, stop, end } = wire(scenario);
        let simulation = Simulation::new(parts);
        let every = (end.since(Time::ZERO) / SAMPLES).max(SAMPLE_LEAST);
        let cast = Arc::new(simulation.cast().clone());
        let watch = Watch::new(WatchSetup {
            stage: Arc::clone(&stage),
            cast: Arc::clone(&cast),
            warm_up: Time::ZERO + scenario.run.warm_up,
            end,
            sample_every: every,
            for_tape: recording.is_some() || screen,
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
        let mut front = State::new(simulation, watch);
        let sight = screen.then(|| {
            let (stage, cast) = (Arc::clone(&stage), Arc::clone(&cast));
            let setup = LensSetup {
                stage: Arc::clone(&stage),
                cast: Arc::clone(&cast),
                scheduled: scheduled(loaded),
            };
            front.lens = Some(Box::new(Lens::new(setup)));
            Sight { rewind: Rewind::new(&front), look: Look::default(), stage, cast, followed: None }
        });
        Ok(Self {
            front,
            behind: None,
            sight,
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

    /// What is looked at.
    fn here(&self) -> &State {
        self.behind.as_deref().unwrap_or(&self.front)
    }

    /// The simulated time that is looked at.
    pub fn now(&self) -> Time {
        self.here().now()
    }

    /// When the run ends.
    pub fn end(&self) -> Time {
        self.end
    }

    /// The digest of all facts so far.
    pub fn digest(&self) -> Digest {
        self.here().simulation.digest()
    }

    /// How many facts there were.
    pub fn facts(&self) -> u64 {
        self.here().simulation.facts()
    }

    /// Wall time spent simulating, in seconds.
    pub fn wall_seconds(&self) -> f64 {
        self.wall
    }

    /// Runs on to `until`, or to the end.
    pub fn advance(&mut self, until: Time, also: &mut dyn Observer<Fact>) {
        let begun = Instant::now();
        let until = until.min(self.end);
        if self.advance_behind(until) {
            return;
        }
        let mut follow = Following::of(self.sight.as_mut());
        let also = &mut Both { tape: self.tape.as_mut(), follow: &mut follow, also };
        self.front.run_until(until, also);
        self.hand_over();
        self.wall += begun.elapsed().as_secs_f64();
        if let Some(sight) = &mut self.sight {
            sight.rewind.note(&self.front, self.wall, || begun.elapsed().as_secs_f64());
        }
        self.followed_upto(until);
    }

    /// Runs on behind the front; whether that is all that there is to do. What is seen there was recorded before.
    fn advance_behind(&mut self, until: Time) -> bool {
        let Some(behind) = &mut self.behind else { return false };
        if until >= self.front.now() {
            self.behind = None;
            self.follow_again();
            return until == self.front.now();
        }
        let mut follow = Following::of(self.sight.as_mut());
        behind.run_until(until, &mut follow);
        behind.take_ready();
        self.followed_upto(until);
        true
    }

    /// Takes one thing off the agenda.
    fn step_once(&mut self) {
        let mut follow = Following::of(self.sight.as_mut());
        if let Some(behind) = &mut self.behind {
            behind.step(1, self.end, &mut follow);
            behind.take_ready();
            if behind.entries >= self.front.entries {
                self.behind = None;
            }
        } else {
            let also = &mut Both { tape: self.tape.as_mut(), follow: &mut follow, also: &mut () };
            self.front.step(1, self.end, also);
            self.hand_over();
        }
        let now = self.now();
        self.followed_upto(now);
    }

    fn followed_upto(&mut self, now: Time) {
        if let Some(followed) = self.sight.as_mut().and_then(|sight| sight.followed.as_mut()) {
            followed.upto = now;
        }
    }

    /// Follows the record that is looked at from before it was offered to here.
    fn follow_again(&mut self) {
        let Some(sight) = &self.sight else { return };
        let Some(id) = sight.look.record else { return self.follow_nobody() };
        let known =
            sight.followed.as_ref().filter(|followed| followed.id == id).map(|followed| followed.since);
        let Some(since) = known.or_else(|| self.offered_at(id)) else { return self.follow_nobody() };
        let mut follow = Follow::new(id, Arc::clone(&sight.stage), Arc::clone(&sight.cast));
        let now = self.now();
        if since <= now {
            let before = Time::ZERO + since.since(Time::ZERO).saturating_sub(Duration::from_nanos(1));
            let mut state = sight.rewind.before(before).clone();
            let entries = self.here().entries;
            // The way to where it was offered is not what is bounded.
            state.run_until(before.max(state.now()), &mut ());
            let mut left = FOLLOWED_MOST;
            while state.now() < now && left > 0 {
                let until = (state.now() + FOLLOWED).min(now);
                // The instant that is looked at may have happened in part.
                if until == now {
                    state.step_to(entries, now, &mut follow);
                    break;
                }
                let entries = state.entries;
                state.run_until(until, &mut follow);
                left = left.saturating_sub(state.entries - entries);
            }
        }
        let followed = Some(Followed { id, since, follow, upto: now });
        if let Some(sight) = &mut self.sight {
            sight.followed = followed;
        }
    }

    fn follow_nobody(&mut self) {
        if let Some(sight) = &mut self.sight {
            sight.followed = None;
        }
    }

    fn offered_at(&self, id: RecordId) -> Option<Time> {
        let state = self.here();
        let in_album = state.lens.as_ref().and_then(|lens| lens.offered_at(id));
        in_album.or_else(|| {
            let mut open = state.watch.in_flight();
            open.find(|(open, ..)| *open == id).map(|(_, line, ..)| line.offered)
        })
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
        let finished = self.front.now() >= self.end;
        // Whatever was looked at last: the run is as far as it came.
        self.behind = None;
        let now = self.now();
        self.front.watch.close(now);
        self.hand_over();
        let summary = Summary::new(
            &self.front.watch,
            RunFacts {
                scenario: self.name,
                question: self.question,
                seed: self.seed,
                finished,
                stop: self.stop,
                now,
                digest: self.front.simulation.digest().to_string(),
                inputs: self.front.simulation.inputs(),
                facts: self.front.simulation.facts(),
                wall_seconds: self.wall,
                notes: self.notes,
            },
        );
        if let Some(tape) = self.tape {
            let state = if finished { tape::State::Finished } else { tape::State::Interrupted };
            tape.finish(Ending {
                state,
                failure: None,
                digest: self.front.simulation.digest(),
                at: now,
                balance: serde_json::to_value(&summary.books).expect("a balance is plain data"),
                promises: serde_json::to_value(&summary.promises).expect("verdicts are plain data"),
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
        if self.tape.is_none() && self.sight.is_none() {
            return;
        }
        let (closed, samples) = self.front.take_ready();
        let Some(tape) = &mut self.tape else { return };
        let simulation = &self.front.simulation;
        tape.records(closed);
        tape.lag(samples.into_iter().map(lag_row).collect());
        tape.checkpoint(simulation.facts(), simulation.now(), simulation.digest());
    }
}

/// How much is replayed at a time for a record that is followed, and how many entries of the agenda at most: about a
/// second of a person's time.
const FOLLOWED: Duration = Duration::from_millis(200);
const FOLLOWED_MOST: u64 = 3_000_000;

/// What the scenario says will go wrong.
fn scheduled(loaded: &Loaded) -> Vec<Scheduled> {
    let view = |(fault, one): (u32, &crate::scenario::scenario::Fault)| {
        let targets: Vec<_> = one.targets.iter().map(ToString::to_string).collect();
        let text = format!("{} {}", one.kind.name, targets.join(", "));
        Scheduled { fault, at: one.at, lasts: one.lasts, text }
    };
    (0..).zip(&loaded.scenario.faults).map(view).collect()
}

/// A screen drives a run.
impl Pilot for Session {
    fn now(&self) -> Time {
        Session::now(self)
    }

    fn end(&self) -> Time {
        self.end
    }

    fn advance(&mut self, until: Time) -> Progress {
        Session::advance(self, until, &mut ());
        self.progress()
    }

    fn step(&mut self) -> Progress {
        self.step_once();
        self.progress()
    }

    fn snapshot(&self) -> Snapshot {
        self.here().watch.snapshot()
    }

    fn front(&self) -> Time {
        self.front.now()
    }

    fn facts(&self) -> u64 {
        Session::facts(self)
    }

    fn go(&mut self, spot: Spot) -> bool {
        let Some(sight) = &self.sight else { return false };
        match sight.rewind.go(spot, self.here(), &self.front, self.end) {
            Gone::Nowhere => return false,
            Gone::ToFront => self.behind = None,
            Gone::To(state) if state.entries >= self.front.entries => self.behind = None,
            Gone::To(state) => self.behind = Some(state),
        }
        self.follow_again();
        true
    }

    fn moment(&self, from: u64, moment: Moment, direction: Direction) -> Option<Spot> {
        self.sight.as_ref().and_then(|sight| sight.rewind.moment(from, moment, direction))
    }

    fn look(&mut self, look: Look) {
        let Some(sight) = &mut self.sight else { return };
        let other = look.record != sight.look.record;
        sight.look = look;
        if other {
            self.follow_again();
        }
    }

    fn detail(&self) -> Detail {
        let (Some(sight), Some(lens)) = (&self.sight, &self.here().lens) else { return Detail::default() };
        let trace = sight.followed.as_ref().map(|followed| followed.follow.trace());
        Detail { trace, ..lens.detail(&self.here().watch, &sight.look) }
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

/// Those who watch the front beside the watch and the lens.
struct Both<'a> {
    tape: Option<&'a mut Tape>,
    follow: &'a mut Following<'a>,
    also: &'a mut dyn Observer<Fact>,
}

impl Observer<Fact> for Both<'_> {
    fn observe(&mut self, events: &[Event<Fact>]) {
        if let Some(tape) = &mut self.tape {
            tape.observe(events);
        }
        self.follow.observe(events);
        self.also.observe(events);
    }
}

/// The record that is followed, when one is.
struct Following<'a>(Option<&'a mut Follow>);

impl<'a> Following<'a> {
    fn of(sight: Option<&'a mut Sight>) -> Self {
        Self(sight.and_then(|sight| sight.followed.as_mut()).map(|followed| &mut followed.follow))
    }
}

impl Observer<Fact> for Following<'_> {
    fn observe(&mut self, events: &[Event<Fact>]) {
        if let Some(follow) = &mut self.0 {
            follow.observe(events);
        }
    }
}
