//! What moves a run on: virtual time, or the clock.

use crate::gateway::{Backend, Trouble};
use crate::host::{Door, Hands, Knock, Live, LiveSetup, NoHands, Simulation};
use crate::kernel::{Cast, Digest, Observer, Parts, Time};
use crate::trace::Fact;
use crate::wire::Brokersim;

use super::failure::Failure;

use std::sync::mpsc::Receiver;

/// What moves a run on.
pub(super) enum Engine {
    /// Under virtual time.
    Simulated(Box<Simulation<Brokersim>>),
    /// By the clock.
    Live(Box<Course>),
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
            Self::Simulated(simulation) => simulation.now(),
            Self::Live(course) => course.now(),
        }
    }

    /// The digest of all facts so far; none where a run cannot be repeated.
    pub(super) fn digest(&self) -> Option<Digest> {
        match self {
            Self::Simulated(simulation) => Some(simulation.digest()),
            Self::Live(_) => None,
        }
    }

    pub(super) fn facts(&self) -> u64 {
        match self {
            Self::Simulated(simulation) => simulation.facts(),
            Self::Live(course) => course.facts,
        }
    }

    pub(super) fn inputs(&self) -> u64 {
        match self {
            Self::Simulated(simulation) => simulation.inputs(),
            Self::Live(course) => course.inputs,
        }
    }

    pub(super) fn cast(&self) -> &Cast {
        match self {
            Self::Simulated(simulation) => simulation.cast(),
            Self::Live(course) => &course.cast,
        }
    }

    /// Lets everything up to and including `until` happen.
    pub(super) fn advance(&mut self, until: Time, observer: &mut dyn Observer<Fact>) {
        match self {
            Self::Simulated(simulation) => {
                simulation.run_until(until, observer);
            }
            Self::Live(course) => course.advance(until, observer),
        }
    }

    /// Ends what has to be ended: nothing in a simulation. What a person should know of it.
    pub(super) fn end(&mut self, observer: &mut dyn Observer<Fact>) -> Vec<String> {
        match self {
            Self::Simulated(_) => Vec::new(),
            Self::Live(course) => course.end(observer),
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
            live.observe_until(until, observer);
            (self.now, self.facts, self.inputs) = (live.now(), live.facts(), live.inputs());
        }
    }

    fn end(&mut self, observer: &mut dyn Observer<Fact>) -> Vec<String> {
        if let Stands::Runs(live) = std::mem::replace(&mut self.stands, Stands::Over) {
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
