//! A run by the clock that is looked at where it has been, while it goes on.

use std::sync::Arc;

use crate::kernel::Time;
use crate::observe::lens::Follow;
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

    /// Whether the past is looked at.
    pub(super) fn is_looked_at(&self) -> bool {
        self.here.is_some()
    }

    /// Shows what came next up to `until`, and to who follows a record; from the front on the present is looked at.
    pub(super) fn advance(&mut self, until: Time, front: Time, follow: Option<&mut Follow>) {
        if until >= front {
            self.here = None;
        }
        self.show(follow, |past, here| {
            past.forward(here, until);
            true
        });
    }

    /// Shows one fact more; the present when there is none.
    pub(super) fn step(&mut self, follow: Option<&mut Follow>) {
        if !self.show(follow, Past::step) {
            self.here = None;
        }
    }

    fn show(&mut self, follow: Option<&mut Follow>, on: impl FnOnce(&Past, &mut Frame) -> bool) -> bool {
        let Some(here) = &mut self.here else { return false };
        let before = here.facts;
        let went = on(&self.past, here);
        if let Some(follow) = follow {
            self.past.follow_on(follow, before, here.facts);
        }
        went
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
