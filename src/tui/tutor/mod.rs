//! The tour: what the tool can do, learnt by breaking a cluster, on the screen itself.
//!
//! It is a row of steps, each a text with the keys it is about. A step waits until what it asks for was really done:
//! that is read off the model and the orders that keys give, never off a clock. A step can be skipped, the tour be left
//! and begun again at any time; nothing of the screen is locked meanwhile.
//!
//! **Invariant.** Keys are named as the table of keys has them.

mod steps;
#[cfg(test)]
mod tests;

use super::keys::{Action, key_for};
use super::model::Model;
use super::update::Order;

pub use steps::STEPS;

/// A step of the tour.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What it is about, in a few words.
    pub title: &'static str,
    /// What is to be seen and done. `{0}` stands for the first key of [`Step::keys`], and so on.
    pub text: &'static str,
    /// The keys that the text names.
    pub keys: &'static [Action],
    /// Whether what it asks for was done.
    pub done: fn(&Scene<'_>) -> bool,
}

/// What a step judges by.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The screen after what came in.
    pub model: &'a Model,
    /// What a key asked the run for just now.
    pub order: Option<Order>,
}

impl Step {
    /// Its text, with the names of the keys.
    pub fn told(&self) -> String {
        self.keys.iter().enumerate().fold(self.text.to_owned(), |text, (index, action)| {
            let key = key_for(*action).unwrap_or_else(|| "(no key)".to_owned());
            text.replace(&format!("{{{index}}}"), &key)
        })
    }
}

/// How far somebody has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tutor {
    /// The number of the step, from 0; past the last one all is done.
    pub step: usize,
    /// How many steps were done, not skipped.
    pub done: usize,
}

impl Tutor {
    /// The step that waits; none when all is done.
    pub fn waiting(&self) -> Option<&'static Step> {
        STEPS.get(self.step)
    }
}

/// Looks whether the step that waits was done.
pub fn attend(model: &mut Model, order: Option<Order>) {
    let Some(tutor) = model.tutor else { return };
    let done = |step: &Step| (step.done)(&Scene { model, order });
    if tutor.waiting().is_some_and(done) {
        model.tutor = Some(Tutor { step: tutor.step + 1, done: tutor.done + 1 });
    }
}

/// Goes past the step that waits; past the last one the tour is over.
pub fn skip(model: &mut Model) {
    match model.tutor {
        Some(tutor) if tutor.waiting().is_some() => {
            model.tutor = Some(Tutor { step: tutor.step + 1, ..tutor });
        }
        Some(_) => model.tutor = None,
        None => model.said = Some("there is no tour: :tutor begins it".to_owned()),
    }
}

/// Begins the tour, or ends it.
pub fn toggle(model: &mut Model) {
    model.tutor = if model.tutor.is_some() { None } else { Some(Tutor::default()) };
}
