//! A run in progress: the simulation, the watch, the tape, and how far they have come.
//!
//! However a run is sliced, what happens in it is the same: slices are for progress, Ctrl-C and the screen.
//!
//! Before a screen a run can go back: then a state behind the front is looked at, and what is recorded stays as it is
//! until that state comes to the front again.

#![expect(clippy::disallowed_types, reason = "a person waits in wall time")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::kernel::{Digest, Duration, Event, Observer, Time};
use crate::observe::lens::Lens;
use crate::observe::summary::{RunFacts, Summary};
use crate::observe::{LagSample, Watch};
use crate::scenario::World;
use crate::tape::{self, Ending, LagRow, Tape};
use crate::trace::{Fact, SkippedFault};
use crate::tui::Progress;

use super::engine::Engine;
use super::failure::Failure;
use super::offers::Offers;

mod armed;
#[cfg(test)]
mod asked_tests;
mod branch;
mod diff;
pub(super) mod inquiry;
mod making;
pub(super) mod memory;
pub(super) mod moments;
mod passed;
pub(super) mod past;
mod quiet;
mod recorded;
pub(super) mod rewind;
mod sight;
#[cfg(test)]
mod tests;

use armed::Reins;
pub(super) use armed::first_by_hand;
use branch::Courses;
pub use making::Recording;
pub(super) use making::scene;
use passed::Passed;
use past::{Frame, Past};
use quiet::{Quiet, under_way};
use recorded::Recorded;
use rewind::State;
pub(super) use sight::scheduled;
use sight::{Following, Sight};

/// A run in progress.
pub struct Session {
    /// As far as it has come.
    engine: Engine,
    /// Where it is looked at, when that is not as far as it has come.
    behind: Option<Box<State>>,
    /// By the clock: what has passed, and where it is looked at.
    passed: Option<Box<Passed>>,
    /// What a screen needs; none without one.
    sight: Option<Sight>,
    /// Its branches; none where it can have none.
    courses: Option<Courses>,
    /// By the clock: how somebody at the screen reaches into it.
    reins: Option<Box<Reins>>,
    world: World,
    tape: Option<Tape>,
    name: String,
    question: Option<String>,
    seed: u64,
    skipped_faults: Vec<SkippedFault>,
    notes: Vec<String>,
    stop: Time,
    end: Time,
    wall: f64,
    /// By the clock: when nothing more will happen.
    quiet: Quiet,
    /// By the clock: what generators came to.
    offers: Option<Offers>,
    /// What was recorded of the run that this one repeats.
    recorded: Option<Recorded>,
}

impl Session {
    /// Waits until what the screen asked is answered; until what may help was tried as well, when `all` is wanted.
    pub fn wait_for_answer(&mut self, all: bool) {
        if let Some(sight) = &mut self.sight {
            sight.inquiry.wait(all);
        }
    }

    /// The state that is looked at; none by the clock.
    fn here(&self) -> Option<&State> {
        self.behind.as_deref().or_else(|| self.engine.state())
    }

    /// By the clock: what is looked at of what has passed; none when that is the present.
    fn frame(&self) -> Option<&Frame> {
        self.passed.as_ref().and_then(|passed| passed.here.as_deref())
    }

    /// The watch of what is looked at.
    fn watch(&self) -> &Watch {
        if let Some(frame) = self.frame() {
            return &frame.watch;
        }
        self.behind.as_ref().map_or_else(|| self.engine.watch(), |behind| &behind.watch)
    }

    /// The lens of what is looked at; none without a screen.
    fn lens(&self) -> Option<&Lens> {
        if let Some(frame) = self.frame() {
            return Some(&frame.lens);
        }
        self.behind.as_ref().map_or_else(|| self.engine.lens(), |behind| behind.lens.as_deref())
    }

    /// The simulated time that is looked at, or that of the clock.
    pub fn now(&self) -> Time {
        if let Some(frame) = self.frame() {
            return frame.now();
        }
        self.behind.as_ref().map_or_else(|| self.engine.now(), |behind| behind.now())
    }

    /// When the run ends.
    pub fn end(&self) -> Time {
        self.end
    }

    /// The digest of all facts so far; none of a run by the clock.
    pub fn digest(&self) -> Option<Digest> {
        self.here().map(|state| state.simulation.digest())
    }

    /// How many facts there were.
    pub fn facts(&self) -> u64 {
        if let Some(frame) = self.frame() {
            return frame.facts;
        }
        self.behind.as_ref().map_or_else(|| self.engine.facts(), |behind| behind.simulation.facts())
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
        let until = until.min(self.end);
        if self.advance_behind(until) || self.advance_passed(Some(until)) {
            return;
        }
        if !self.is_recorded() {
            return self.advance_front(until, also);
        }
        // A repetition is compared where digests were recorded.
        while let Some(at) = self.recorded.as_ref().and_then(|recorded| recorded.next_before(until)) {
            self.advance_front(at, also);
            self.compare();
        }
        self.advance_front(until, also);
        self.compare();
    }

    fn advance_front(&mut self, until: Time, also: &mut dyn Observer<Fact>) {
        let begun = Instant::now();
        // Who looks at the past follows a record there.
        let (present, recorded) = (self.frame().is_none(), self.is_recorded());
        let mut follow = Following::of(self.sight.as_mut().filter(|_| present));
        let (tape, offers) = (self.tape.as_mut().filter(|_| recorded), self.offers.as_mut());
        let past = self.passed.as_mut().map(|passed| &mut passed.past);
        self.engine.advance(until, self.end, &mut Both { tape, offers, past, follow: &mut follow, also });
        self.hand_over();
        self.note_passed();
        let news = self.engine.news();
        self.notes.extend(news);
        self.end_when_quiet();
        self.wall += begun.elapsed().as_secs_f64();
        self.note_checkpoint(begun);
        if present {
            self.followed_upto(until);
        }
    }

    fn compare(&mut self) {
        if let (Some(recorded), Some(front)) = (&mut self.recorded, self.engine.state()) {
            recorded.compare(front.now(), front.simulation.facts(), || front.simulation.digest());
        }
    }

    /// Whether what goes on is what is recorded: a branch is not.
    fn is_recorded(&self) -> bool {
        self.courses.as_ref().is_none_or(Courses::is_first)
    }

    fn note_checkpoint(&mut self, begun: Instant) {
        let rewind = self.sight.as_mut().and_then(|sight| sight.rewind.as_mut());
        if let (Some(rewind), Some(front)) = (rewind, self.engine.state()) {
            rewind.note(front, self.wall, || begun.elapsed().as_secs_f64());
        }
    }

    /// Runs on behind the front; whether that is all that there is to do. What is seen there was recorded before.
    fn advance_behind(&mut self, until: Time) -> bool {
        let Some(behind) = &mut self.behind else { return false };
        let front = self.engine.now();
        if until >= front {
            self.behind = None;
            self.follow_again();
            return until == front;
        }
        let mut follow = Following::of(self.sight.as_mut());
        behind.run_until(until, &mut follow);
        behind.watch.take_ready();
        self.followed_upto(until);
        true
    }

    /// Takes one thing off the agenda; by the clock there is nothing to take.
    fn step_once(&mut self) {
        let recorded = self.is_recorded();
        if self.advance_passed(None) {
            return;
        }
        let mut follow = Following::of(self.sight.as_mut());
        if let Some(behind) = &mut self.behind {
            behind.step(1, self.end, &mut follow);
            behind.watch.take_ready();
            if self.engine.state().is_some_and(|front| behind.entries >= front.entries) {
                self.behind = None;
            }
        } else {
            let (tape, offers) = (self.tape.as_mut().filter(|_| recorded), self.offers.as_mut());
            let also = &mut Both { tape, offers, past: None, follow: &mut follow, also: &mut () };
            self.engine.step(1, self.end, also);
            self.hand_over();
        }
        let now = self.now();
        self.followed_upto(now);
    }

    /// What a person should know who leaves the screen: that there are branches, which nobody keeps.
    pub fn farewell(&self) -> Option<String> {
        self.courses.as_ref().and_then(Courses::farewell)
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
        // Whatever was looked at last: the run is the first course, as far as it came.
        self.back_to_first();
        self.passed = None;
        let finished = self.now() >= self.end;
        self.end_engine();
        let now = self.now();
        self.engine.watch_mut().close(now);
        self.hand_over();
        self.notes.extend(self.offers.iter().flat_map(|offers| offers.notes(now)));
        let summary = Summary::new(
            self.engine.watch(),
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
                skipped_faults: self.skipped_faults,
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
        if self.world.is_real_time() && self.engine.now() < self.end {
            let (now, watch) = (self.engine.now(), self.engine.watch());
            if self.quiet.is_over(now, || watch.tally().offered, || under_way(&watch.balance())) {
                self.end = now;
            }
        }
        if self.engine.now() >= self.end {
            self.end_engine();
        }
    }

    fn end_engine(&mut self) {
        let mut follow = Following::of(self.sight.as_mut());
        let (tape, offers) = (self.tape.as_mut(), self.offers.as_mut());
        let past = self.passed.as_mut().map(|passed| &mut passed.past);
        let also = &mut Both { tape, offers, past, follow: &mut follow, also: &mut () };
        self.notes.extend(self.engine.end(also));
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
        let recorded = self.is_recorded();
        let memory = self.sight.as_mut().and_then(|sight| sight.memory.as_mut());
        if memory.is_none() && (self.tape.is_none() || !recorded) {
            self.engine.take_ready();
            return;
        }
        let (closed, samples) = self.engine.take_ready();
        if let Some(memory) = memory {
            memory.closed(&closed);
        }
        let Some(tape) = self.tape.as_mut().filter(|_| recorded) else { return };
        tape.records(closed);
        tape.lag(samples.into_iter().map(lag_row).collect());
        if let Some(digest) = self.engine.digest() {
            tape.checkpoint(self.engine.facts(), self.engine.now(), digest);
        }
    }
}

fn lag_row(sample: LagSample) -> LagRow {
    let LagSample { at, group, place, log_end, committed, lag, behind } = sample;
    LagRow { at, group, place, log_end, committed, lag, behind }
}

/// Those who watch the front beside the watch and the lens.
struct Both<'a> {
    tape: Option<&'a mut Tape>,
    offers: Option<&'a mut Offers>,
    past: Option<&'a mut Past>,
    follow: &'a mut Following<'a>,
    also: &'a mut dyn Observer<Fact>,
}

impl Observer<Fact> for Both<'_> {
    fn observe(&mut self, events: &[Event<Fact>]) {
        if let Some(tape) = &mut self.tape {
            tape.observe(events);
        }
        if let Some(offers) = &mut self.offers {
            offers.observe(events);
        }
        if let Some(past) = &mut self.past {
            past.keep(events);
        }
        self.follow.observe(events);
        self.also.observe(events);
    }
}
