//! A run by the clock that is looked at where it has been, while it goes on.

use std::sync::Arc;

use crate::kernel::Time;
use crate::tui::Spot;

use super::moments::Moments;
use super::past::{Frame, Past};
use super::sight::Sight;
use crate::cli::engine::Engine;

/// What has passed, and where it is looked at.
pub(super) struct Passed {
    pub(super) past: Past,
    pub(super) moments: Moments,
    /// Where it is looked at; none when that is the present.
    pub(super) here: Option<Box<Frame>>,
}

impl Passed {
    /// Of a run by the clock that has not begun; none of a simulation, which can be run again.
    pub(super) fn of(engine: &Engine, sight: &Sight) -> Option<Self> {
        let first = present(engine)?;
        let past = Past::new(first, Arc::clone(&sight.stage), Arc::clone(&sight.cast));
        Some(Self { past, moments: Moments::default(), here: None })
    }

    /// Takes note of what the front has seen.
    pub(super) fn note(&mut self, engine: &Engine) {
        self.moments.note(engine.watch());
        if let Some(lens) = engine.lens() {
            self.past.note(engine.watch(), lens);
        }
    }

    /// Looks at a spot; false when there is none, or it is forgotten.
    pub(super) fn go(&mut self, spot: Spot, engine: &Engine) -> bool {
        if spot == Spot::Front {
            self.here = None;
            return true;
        }
        let present = if self.here.is_none() { present(engine) } else { None };
        let Some(here) = self.here.as_deref().or(present.as_ref()) else { return false };
        let spot = match spot {
            Spot::At(time) => Spot::At(time.min(engine.now())),
            Spot::Fact(..) | Spot::OneBack | Spot::Front => spot,
        };
        let found = self.past.at(spot, here);
        let went = found.is_some();
        if let Some(frame) = found {
            self.here = Some(Box::new(frame));
        }
        went
    }

    /// Shows what came next up to `until`; from the front on the present is looked at. False when it is already.
    pub(super) fn advance(&mut self, until: Time, front: Time) -> bool {
        match &mut self.here {
            None => false,
            Some(_) if until >= front => {
                self.here = None;
                true
            }
            Some(here) => {
                self.past.forward(here, until);
                true
            }
        }
    }

    /// Shows one fact more; false when the present is looked at.
    pub(super) fn step(&mut self) -> bool {
        let Some(here) = &mut self.here else { return false };
        if !self.past.step(here) {
            self.here = None;
        }
        true
    }

    /// For the header: where the run itself is, and how far back one can go when not to the beginning.
    pub(super) fn told(&self, front: Time, goes_on: bool) -> String {
        let begins = self.past.begins();
        let goes_on = if goes_on { "live" } else { "ended" };
        let kept = if begins > Time::ZERO { format!(", kept from {begins}") } else { String::new() };
        format!("{goes_on} {front}{kept}")
    }
}

/// The run as it is seen at the front; none of a simulation.
fn present(engine: &Engine) -> Option<Frame> {
    if engine.state().is_some() {
        return None;
    }
    let (watch, lens) = (engine.watch().clone(), Box::new(engine.lens()?.clone()));
    Some(Frame { watch, lens, facts: engine.facts() })
}
