//! Going back: the run's state as plain data, checkpoints of it, and where along the run something happened.
//!
//! **Invariant.** A state is a function of how much was taken off the agenda: one that was restored from a checkpoint
//! and replayed equals the one on the first way, its digest, its snapshot and its detail. Memory is bounded: at most
//! [`KEPT`] checkpoints, which lie evenly along the time that it took to simulate the run: the way to any instant is
//! about as long as to any other.

use crate::host::Simulation;
use crate::kernel::{Duration, Event, Observer, Time};
use crate::observe::ledger::Closed;
use crate::observe::lens::Lens;
use crate::observe::{LagSample, Watch};
use crate::trace::Fact;
use crate::tui::{Direction, Moment, Spot};
use crate::wire::Brokersim;

use super::moments::Moments;

/// Checkpoints kept at most.
const KEPT: usize = 192;
/// Wall time of simulating between two checkpoints, in seconds, at first.
const APART: f64 = 0.04;
/// Checkpoints may cost this part of the time that the run takes.
const PART: f64 = 0.03;

/// A run at an instant: a clone goes on exactly as the original would.
#[derive(Clone)]
pub struct State {
    pub simulation: Simulation<Brokersim>,
    pub watch: Watch,
    pub lens: Option<Box<Lens>>,
    /// How many things have been taken off the agenda.
    pub entries: u64,
}

impl State {
    /// A run that has not begun.
    pub fn new(simulation: Simulation<Brokersim>, watch: Watch) -> Self {
        Self { simulation, watch, lens: None, entries: 0 }
    }

    pub fn now(&self) -> Time {
        self.simulation.now()
    }

    /// Runs on to `until`.
    pub fn run_until(&mut self, until: Time, also: &mut dyn Observer<Fact>) {
        let observer = &mut Eyes { watch: &mut self.watch, lens: self.lens.as_deref_mut(), also };
        self.entries += self.simulation.step(u64::MAX, until, observer);
        // Nothing is left before then; time passes all the same.
        self.simulation.run_until(until, observer);
        self.catch_up();
    }

    /// Takes so many things off the agenda.
    pub fn step(&mut self, entries: u64, end: Time, also: &mut dyn Observer<Fact>) {
        let observer = &mut Eyes { watch: &mut self.watch, lens: self.lens.as_deref_mut(), also };
        self.entries += self.simulation.step(entries, end, observer);
        self.catch_up();
    }

    /// Runs on until so many things have been taken off the agenda, none of them after `now`.
    pub fn step_to(&mut self, entries: u64, now: Time, also: &mut dyn Observer<Fact>) {
        self.step(entries.saturating_sub(self.entries), now, also);
    }

    fn catch_up(&mut self) {
        let now = self.simulation.now();
        self.watch.catch_up(now);
        if let Some(lens) = &mut self.lens {
            lens.catch_up(now);
        }
    }

    /// What the watch has ready for others; the lens has seen it then.
    pub fn take_ready(&mut self) -> (Vec<Closed>, Vec<LagSample>) {
        take_ready(&mut self.watch, self.lens.as_deref_mut())
    }

    /// Gives the lens what the watch has ready, when nobody else wants it.
    pub fn pass_on(&mut self) {
        pass_on(&mut self.watch, self.lens.as_deref_mut());
    }

    /// Goes forward to a spot at or after here.
    fn go_forward(&mut self, to: Target, end: Time, also: &mut dyn Observer<Fact>) {
        match to {
            Target::Time(time) => self.run_until(time, also),
            Target::Entries(entries) => self.step(entries - self.entries, end, also),
            Target::Fact(serial, at) => {
                let before = Time::ZERO + at.since(Time::ZERO).saturating_sub(Duration::from_nanos(1));
                if self.now() < before {
                    self.run_until(before, also);
                }
                while self.simulation.facts() < serial && self.now() <= at && self.simulation.pending() > 0 {
                    self.step(1, end, also);
                }
            }
        }
        self.pass_on();
    }
}

/// Gives the lens what the watch has ready, when nobody else wants it.
pub fn pass_on(watch: &mut Watch, lens: Option<&mut Lens>) {
    let closed = watch.take_closed();
    if let Some(lens) = lens {
        lens.take(closed);
    }
    watch.take_samples();
}

/// What a watch has ready for others; the lens has seen it then.
pub fn take_ready(watch: &mut Watch, lens: Option<&mut Lens>) -> (Vec<Closed>, Vec<LagSample>) {
    let closed = watch.take_closed();
    if let Some(lens) = lens {
        lens.closed(&closed);
    }
    (closed, watch.take_samples())
}

/// Where to go, in terms of a state.
#[derive(Clone, Copy, Debug)]
enum Target {
    Time(Time),
    Entries(u64),
    Fact(u64, Time),
}

impl Target {
    /// Whether a state lies before it, or there.
    fn is_ahead_of(self, state: &State) -> bool {
        match self {
            Self::Time(time) => state.now() <= time,
            Self::Entries(entries) => state.entries <= entries,
            Self::Fact(serial, _) => state.simulation.facts() < serial,
        }
    }
}

/// Checkpoints and moments of a run.
pub struct Rewind {
    kept: Vec<State>,
    /// Wall time of the run, in seconds, when the last one was kept, and how long that took.
    last: (f64, f64),
    /// As [`APART`], now: twice as much each time that every other one was dropped.
    apart: f64,
    moments: Moments,
}

impl Rewind {
    /// Of a run that has not begun.
    pub fn new(state: &State) -> Self {
        Self { kept: vec![state.clone()], last: (0.0, 0.0), apart: APART, moments: Moments::default() }
    }

    /// The run has come to here, after so many seconds of simulating; `wall` is a clock.
    pub fn note(&mut self, state: &State, simulated: f64, wall: impl Fn() -> f64) {
        self.moments.note(&state.watch);
        let (last, cost) = self.last;
        if simulated - last < self.apart.max(cost / PART) {
            return;
        }
        let begun = wall();
        if self.kept.len() == KEPT {
            thin_out(&mut self.kept);
            self.apart *= 2.0;
        }
        self.kept.push(state.clone());
        self.last = (simulated, wall() - begun);
    }

    /// The state at a spot before the front, or none when that is the front itself or there is no such spot. `here` is
    /// where the run stands.
    pub fn go(&self, spot: Spot, here: &State, front: &State, end: Time) -> Gone {
        let target = match spot {
            Spot::Front => return Gone::ToFront,
            Spot::At(time) if time >= front.now() => return Gone::ToFront,
            Spot::At(time) => Target::Time(time),
            Spot::Fact(serial, at) => Target::Fact(serial, at),
            Spot::OneBack => match here.entries.checked_sub(1) {
                Some(entries) => Target::Entries(entries),
                None => return Gone::Nowhere,
            },
        };
        let mut state = self.nearest(target, here, front).clone();
        state.go_forward(target, end, &mut ());
        Gone::To(Box::new(state))
    }

    fn nearest<'s>(&'s self, target: Target, here: &'s State, front: &'s State) -> &'s State {
        let found = self.kept.iter().chain([here, front]).filter(|state| target.is_ahead_of(state));
        found.max_by_key(|state| state.entries).expect("the first checkpoint is before everything")
    }

    /// The last checkpoint not after an instant.
    pub fn before(&self, time: Time) -> &State {
        let found = self.kept.iter().rev().find(|state| state.now() <= time);
        found.unwrap_or(&self.kept[0])
    }

    /// The nearest moment of a kind after a fact, or before it.
    pub fn moment(&self, from: u64, wanted: Moment, direction: Direction) -> Option<Spot> {
        self.moments.find(from, wanted, direction)
    }
}

/// Where a way back led.
pub enum Gone {
    /// To this state.
    To(Box<State>),
    /// As far as the run has come.
    ToFront,
    /// There is no such spot.
    Nowhere,
}

/// Drops every other checkpoint, the first one never.
fn thin_out(kept: &mut Vec<State>) {
    let mut index = 0;
    kept.retain(|_| {
        index += 1;
        index % 2 == 1
    });
}

/// Everybody who watches a run, and somebody beside.
pub struct Eyes<'a> {
    pub watch: &'a mut Watch,
    pub lens: Option<&'a mut Lens>,
    pub also: &'a mut dyn Observer<Fact>,
}

impl Observer<Fact> for Eyes<'_> {
    fn observe(&mut self, events: &[Event<Fact>]) {
        self.watch.observe(events);
        if let Some(lens) = &mut self.lens {
            lens.observe(events);
        }
        self.also.observe(events);
    }
}
