//! What moves a run on: virtual time, or the clock.

use crate::gateway::{Backend, Trouble};
use crate::host::{Door, Hands, Knock, Live, LiveSetup, NoHands, Stop};
use crate::kernel::{Cast, Digest, Observer, Parts, Time};
use crate::observe::ledger::Closed;
use crate::observe::lens::{Lens, Scheduled};
use crate::observe::{LagSample, Watch};
use crate::trace::Fact;
use crate::wire::Brokersim;

use super::failure::Failure;
use super::session::rewind::{Eyes, State};

use std::sync::mpsc::Receiver;

/// What moves a run on, and who watches it.
pub(super) enum Engine {
    /// Under virtual time.
    Simulated(Box<State>),
    /// By the clock.
    Live(Box<Timed>),
}

/// A run by the clock, and who watches it: there is no way back.
pub(super) struct Timed {
    pub(super) course: Course,
    pub(super) watch: Watch,
    pub(super) lens: Option<Box<Lens>>,
}

impl Timed {
    fn advance(&mut self, until: Time, end: Time, also: &mut dyn Observer<Fact>) {
        let eyes = &mut Eyes { watch: &mut self.watch, lens: self.lens.as_deref_mut(), also };
        self.course.advance(until, eyes);
        // By the clock, what happened until now may be later than what was asked for.
        let now = until.max(self.course.now().min(end));
        self.watch.catch_up(now);
        if let Some(lens) = &mut self.lens {
            lens.catch_up(now);
        }
    }

    fn end(&mut self, also: &mut dyn Observer<Fact>) -> Vec<String> {
        self.course.end(&mut Eyes { watch: &mut self.watch, lens: self.lens.as_deref_mut(), also })
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Usage(text) => Self::Usage(text),
            Trouble::Outside(text) => Self::Outside(text),
        }
    }
}

impl Engine {
    pub(super) fn now(&self) -> Time {
        match self {
            Self::Simulated(state) => state.now(),
            Self::Live(timed) => timed.course.now(),
        }
    }

    /// The state, where it can be kept and gone back to.
    pub(super) fn state(&self) -> Option<&State> {
        match self {
            Self::Simulated(state) => Some(state),
            Self::Live(_) => None,
        }
    }

    pub(super) fn watch(&self) -> &Watch {
        match self {
            Self::Simulated(state) => &state.watch,
            Self::Live(timed) => &timed.watch,
        }
    }

    pub(super) fn watch_mut(&mut self) -> &mut Watch {
        match self {
            Self::Simulated(state) => &mut state.watch,
            Self::Live(timed) => &mut timed.watch,
        }
    }

    pub(super) fn lens(&self) -> Option<&Lens> {
        match self {
            Self::Simulated(state) => state.lens.as_deref(),
            Self::Live(timed) => timed.lens.as_deref(),
        }
    }

    /// Sees more from now on.
    pub(super) fn look_through(&mut self, lens: Lens) {
        match self {
            Self::Simulated(state) => state.look_through(lens),
            Self::Live(timed) => {
                timed.watch.remember();
                timed.lens = Some(Box::new(lens));
            }
        }
    }

    /// By the clock: one more fault is to come.
    pub(super) fn expect(&mut self, fault: Scheduled) {
        if let Self::Live(timed) = self
            && let Some(lens) = &mut timed.lens
        {
            lens.expect(fault);
        }
    }

    /// The digest of all facts so far; none where a run cannot be repeated.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.state().map(|state| state.simulation.digest())
    }

    pub(super) fn facts(&self) -> u64 {
        match self {
            Self::Simulated(state) => state.simulation.facts(),
            Self::Live(timed) => timed.course.facts,
        }
    }

    pub(super) fn inputs(&self) -> u64 {
        match self {
            Self::Simulated(state) => state.simulation.inputs(),
            Self::Live(timed) => timed.course.inputs,
        }
    }

    pub(super) fn cast(&self) -> &Cast {
        match self {
            Self::Simulated(state) => state.simulation.cast(),
            Self::Live(timed) => &timed.course.cast,
        }
    }

    /// Lets everything up to and including `until` happen, in a run that ends at `end`.
    pub(super) fn advance(&mut self, until: Time, end: Time, also: &mut dyn Observer<Fact>) {
        match self {
            Self::Simulated(state) => state.run_until(until, also),
            Self::Live(timed) => timed.advance(until, end, also),
        }
    }

    /// Takes so many things off the agenda, where there is one.
    pub(super) fn step(&mut self, entries: u64, end: Time, also: &mut dyn Observer<Fact>) {
        match self {
            Self::Simulated(state) => state.step(entries, end, also),
            Self::Live(_) => {}
        }
    }

    /// What the watch has ready for others.
    pub(super) fn take_ready(&mut self) -> (Vec<Closed>, Vec<LagSample>) {
        self.watch_mut().take_ready()
    }

    /// What a person should know of what is real, since the last call.
    pub(super) fn news(&mut self) -> Vec<String> {
        match self {
            Self::Simulated(_) => Vec::new(),
            Self::Live(timed) => {
                timed.course.backend.as_mut().map_or_else(Vec::new, |backend| backend.notes())
            }
        }
    }

    /// Ends what has to be ended: nothing in a simulation. What a person should know of it.
    pub(super) fn end(&mut self, also: &mut dyn Observer<Fact>) -> Vec<String> {
        match self {
            Self::Simulated(_) => Vec::new(),
            Self::Live(timed) => timed.end(also),
        }
    }
}

/// A run by the clock: the system before, while and after it runs.
pub(super) struct Course {
    cast: Cast,
    stands: Stands,
    now: Time,
    facts: u64,
    inputs: u64,
    backend: Option<Box<dyn Backend>>,
}

enum Stands {
    Ready(Box<LiveSetup<Brokersim>>),
    Runs(Box<Live<Brokersim>>),
    Over,
}

impl Course {
    /// A run that has not begun; what is real is made ready for it.
    pub(super) fn new(
        parts: Parts<Brokersim>,
        (door, knocks): (&Door<Brokersim>, Receiver<Knock<Brokersim>>),
        backend: Option<Box<dyn Backend>>,
        hands: Vec<Box<dyn Hands>>,
    ) -> Result<Self, Trouble> {
        let cast = parts.cast.clone();
        let hands: Box<dyn Hands> = if hands.is_empty() { Box::new(NoHands) } else { Box::new(hands) };
        let setup = LiveSetup { parts, clock: door.clock().clone(), knocks, hands };
        let stands = Stands::Ready(Box::new(setup));
        let mut course = Self { cast, stands, now: Time::ZERO, facts: 0, inputs: 0, backend };
        // On failure the course is let go, and that tears down what there is.
        course.backend.as_mut().map_or(Ok(()), |backend| backend.prepare())?;
        Ok(course)
    }

    fn now(&self) -> Time {
        self.now
    }

    fn advance(&mut self, until: Time, observer: &mut dyn Observer<Fact>) {
        if matches!(self.stands, Stands::Ready(_)) {
            let Stands::Ready(setup) = std::mem::replace(&mut self.stands, Stands::Over) else {
                unreachable!("it was seen to be ready")
            };
            self.stands = Stands::Runs(Box::new(Live::begin(*setup)));
        }
        if let Stands::Runs(live) = &mut self.stands {
            let stop = live.observe_until(until, observer);
            (self.now, self.facts, self.inputs) = (live.now(), live.facts(), live.inputs());
            if stop == Stop::Idle {
                // An actor broke an invariant: this is where its panic comes out.
                self.end(observer);
                unreachable!("actors that are in order go on until they are told to stop");
            }
        }
    }

    fn end(&mut self, observer: &mut dyn Observer<Fact>) -> Vec<String> {
        if let Stands::Runs(live) = std::mem::replace(&mut self.stands, Stands::Over) {
            if let Some(backend) = &mut self.backend {
                backend.close_books();
            }
            let ended = live.end(observer);
            (self.now, self.facts, self.inputs) = (ended.now, ended.facts, ended.inputs);
        }
        self.backend.take().map_or_else(Vec::new, |mut backend| {
            backend.tear_down();
            backend.notes()
        })
    }
}

/// Nothing is left behind in the real world, whatever becomes of the run.
impl Drop for Course {
    fn drop(&mut self) {
        self.end(&mut ());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::kernel::{Builder, Network, Shape};

    type Log = Arc<Mutex<Vec<&'static str>>>;

    /// Notes what it is told.
    struct Fake {
        log: Log,
        trouble: Option<Trouble>,
    }

    impl Fake {
        fn note(&self, what: &'static str) {
            self.log.lock().expect("nobody panics").push(what);
        }
    }

    impl Backend for Fake {
        fn prepare(&mut self) -> Result<(), Trouble> {
            self.note("prepare");
            self.trouble.take().map_or(Ok(()), Err)
        }

        fn notes(&mut self) -> Vec<String> {
            vec!["a topic is left".to_owned()]
        }

        fn tear_down(&mut self) {
            self.note("tear down");
        }
    }

    fn course(trouble: Option<Trouble>) -> (Result<Course, Trouble>, Log) {
        let log = Log::default();
        let backend = Box::new(Fake { log: Arc::clone(&log), trouble });
        let parts = Builder::new(1, Network::new(Shape::IDEAL, 1)).finish();
        let (door, knocks) = Door::new();
        (Course::new(parts, (&door, knocks), Some(backend), Vec::new()), log)
    }

    fn told(log: &Log) -> Vec<&'static str> {
        log.lock().expect("nobody panics").clone()
    }

    #[test]
    fn what_is_real_is_made_ready_before_and_removed_after_once() {
        let (course, log) = course(None);
        let mut course = course.expect("it is ready");
        assert_eq!(told(&log), ["prepare"]);
        course.advance(Time::from_millis(20), &mut ());
        assert!(course.now() >= Time::from_millis(20));
        assert_eq!(course.end(&mut ()), ["a topic is left"]);
        assert!(course.end(&mut ()).is_empty(), "it has ended");
        drop(course);
        assert_eq!(told(&log), ["prepare", "tear down"]);
    }

    #[test]
    fn a_run_that_cannot_begin_leaves_nothing_behind() {
        let (course, log) = course(Some(Trouble::Outside("nobody answers".into())));
        assert_eq!(course.err(), Some(Trouble::Outside("nobody answers".into())));
        assert_eq!(told(&log), ["prepare", "tear down"]);
    }

    #[test]
    fn a_run_that_is_given_up_leaves_nothing_behind() {
        for runs in [false, true] {
            let (course, log) = course(None);
            let mut course = course.expect("it is ready");
            if runs {
                course.advance(Time::from_millis(1), &mut ());
            }
            drop(course);
            assert_eq!(told(&log), ["prepare", "tear down"]);
        }
    }
}
