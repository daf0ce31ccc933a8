//! Going back: the run's state as plain data, checkpoints of it, and where along the run something happened.
//!
//! **Invariant.** A state is a function of how much was taken off the agenda: one that was restored from a checkpoint
//! and replayed equals the one on the first way, its digest, its snapshot and its detail. Memory is bounded: at most
//! [`KEPT`] checkpoints, which lie evenly along what there was to do in the run: the way to any instant is about as long
//! as to any other, whatever else the machine did meanwhile.

use std::rc::Rc;

use crate::analyze::calibrate::median;
use crate::host::Simulation;
use crate::kernel::{Addr, Duration, Event, Observer, Time};
use crate::observe::Watch;
use crate::observe::lens::{Lens, Scheduled};
use crate::trace::Fact;
use crate::tui::{Direction, Moment, Spot};
use crate::wire::Brokersim;
use crate::wire::fault::{Plan, ToInjector};

use super::moments::Moments;

/// Checkpoints kept at most.
const KEPT: usize = 192;
/// Entries of the agenda between two checkpoints, at first: about a millisecond.
const APART: u64 = 2_000;
/// The same of a run that is run up to a branch: a fraction of a second.
const QUICKLY: u64 = 200_000;
/// Checkpoints may cost this part of the time that the run takes.
const PART: f64 = 0.03;
/// One that took more than so many times as long as the last ones usually did was held up by something else.
const DEAR: f64 = 3.0;

/// A run at an instant: a clone goes on exactly as the original would.
#[derive(Clone)]
pub struct State {
    pub simulation: Simulation<Brokersim>,
    pub watch: Watch,
    pub lens: Option<Box<Lens>>,
    /// How many things have been taken off the agenda.
    pub entries: u64,
    /// How many faults its injector has been told of by hand.
    pub told: usize,
}

impl State {
    /// A run that has not begun.
    pub fn new(simulation: Simulation<Brokersim>, watch: Watch) -> Self {
        Self { simulation, watch, lens: None, entries: 0, told: 0 }
    }

    /// The same, seen through a lens.
    pub fn look_through(&mut self, lens: Lens) {
        self.watch.remember();
        self.lens = Some(Box::new(lens));
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
        self.watch.take_ready();
    }
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

/// Faults that a person injected into a run, in their order.
#[derive(Clone)]
pub struct Injections {
    /// Whoever carries them out.
    pub injector: Addr<ToInjector>,
    /// Each with what a screen is told of it.
    pub faults: Vec<(Plan, Scheduled)>,
}

impl Injections {
    /// Tells a state of those that it has not heard of. All of them lie ahead of it: a state that lies behind one has heard
    /// of it.
    pub fn tell(&self, state: &mut State) {
        for (plan, scheduled) in &self.faults[state.told..] {
            assert!(plan.at > state.now(), "what has passed is not changed");
            state.simulation.tell(self.injector, ToInjector::Also(Box::new(plan.clone())));
            if let Some(lens) = &mut state.lens {
                lens.expect(scheduled.clone());
            }
            state.told += 1;
        }
    }
}

/// Checkpoints and moments of a run.
pub struct Rewind {
    /// Shared with the branches that began later.
    kept: Vec<Rc<State>>,
    /// Those before the last injection have not heard of it yet.
    injections: Injections,
    /// What they have cost by now, in seconds: one during which the machine did something else counts as [`DEAR`] at most.
    spent: f64,
    /// How long it took to make the last ones, in seconds: the middle one counts, as in the longest the machine may have done
    /// something else as well.
    took: [f64; 3],
    /// As [`APART`], now: twice as much each time that every other one was dropped.
    apart: u64,
    moments: Moments,
}

impl Rewind {
    /// Of a run that has not begun.
    pub fn new(state: &State, injector: Addr<ToInjector>) -> Self {
        let injections = Injections { injector, faults: Vec::new() };
        let kept = vec![Rc::new(state.clone())];
        Self { kept, injections, spent: 0.0, took: [0.0; 3], apart: APART, moments: Moments::default() }
    }

    /// That of a branch which begins at `here`, with other injections.
    pub fn branch(&self, here: &State, injections: Injections) -> Self {
        let kept = self.kept.iter().filter(|state| state.entries <= here.entries).cloned().collect();
        let moments = self.moments.upto(here.simulation.facts());
        Self { kept, injections, spent: self.spent, took: self.took, apart: self.apart, moments }
    }

    /// What a person injected.
    pub fn injections(&self) -> &Injections {
        &self.injections
    }

    /// The run has come to here, after so many seconds of simulating; `wall` is a clock.
    pub fn note(&mut self, state: &State, simulated: f64, wall: impl Fn() -> f64) {
        self.moments.note(&state.watch);
        if self.ahead(state) < self.apart || self.spent + self.usual() > simulated * PART {
            return;
        }
        let begun = wall();
        self.add(state);
        self.took.rotate_left(1);
        self.took[2] = wall() - begun;
        self.spent += self.took[2].min(self.usual() * DEAR);
    }

    /// How long the last ones took to make.
    fn usual(&self) -> f64 {
        median(&self.took).unwrap_or(0.0)
    }

    /// The run has come to here, quickly: it was run up to a branch.
    pub fn keep(&mut self, state: &State) {
        self.moments.note(&state.watch);
        if self.ahead(state) >= self.apart.max(QUICKLY) {
            self.add(state);
        }
    }

    /// How many entries a state lies ahead of the last checkpoint.
    fn ahead(&self, state: &State) -> u64 {
        state.entries - self.kept.last().map_or(0, |last| last.entries)
    }

    fn add(&mut self, state: &State) {
        if self.kept.len() == KEPT {
            thin_out(&mut self.kept);
            self.apart *= 2;
        }
        self.kept.push(Rc::new(state.clone()));
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
        self.injections.tell(&mut state);
        state.go_forward(target, end, &mut ());
        Gone::To(Box::new(state))
    }

    fn nearest<'s>(&'s self, target: Target, here: &'s State, front: &'s State) -> &'s State {
        let found =
            self.kept.iter().map(Rc::as_ref).chain([here, front]).filter(|state| target.is_ahead_of(state));
        found.max_by_key(|state| state.entries).expect("the first checkpoint is before everything")
    }

    /// The last checkpoint not after an instant.
    pub fn before(&self, time: Time) -> State {
        let found = self.kept.iter().rev().find(|state| state.now() <= time);
        let mut state = State::clone(found.unwrap_or(&self.kept[0]));
        self.injections.tell(&mut state);
        state
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
fn thin_out(kept: &mut Vec<Rc<State>>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::session::tests::on_screen;

    /// A run whose checkpoints take so long, the how-manieth says; how many entries lie between them, at least and at most.
    fn gaps(took: impl Fn(usize) -> f64) -> (u64, u64) {
        let session = on_screen(None);
        let mut state = session.engine.state().expect("it is simulated").clone();
        let rewind = session.sight.as_ref().and_then(|sight| sight.rewind.as_ref()).expect("it can go back");
        let mut rewind = Rewind::new(&state, rewind.injections().injector);
        rewind.apart = 100;
        let (mut simulated, wall) = (0.0, std::cell::Cell::new(0.0));
        while state.now() < Time::from_secs(4) {
            let until = state.now() + Duration::from_millis(5);
            state.run_until(until, &mut ());
            simulated += 0.001;
            let number = rewind.kept.len();
            rewind.note(&state, simulated, || wall.replace(wall.get() + took(number)));
        }
        let gaps = rewind.kept.windows(2).map(|pair| pair[1].entries - pair[0].entries);
        assert!(rewind.kept.len() > 5, "{}", rewind.kept.len());
        (gaps.clone().min().expect("there are some"), gaps.max().expect("there are some"))
    }

    #[test]
    fn checkpoints_lie_evenly_even_when_something_else_held_one_of_them_up() {
        let (least, most) = gaps(|number| if number % 4 == 3 { 1.0 } else { 0.0 });
        assert!(least >= 100 && most < 300, "{least} to {most}");
        let (_, seldom) = gaps(|_| 0.002);
        assert!(seldom > most, "what always takes long is done less often: {seldom} and {most}");
    }
}
