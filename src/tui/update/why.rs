//! Reading why.

use std::sync::Arc;

use crate::observe::lens::{Asked, Told};
use crate::trace::GroupId;
use crate::tui::model::{Mode, Model, Page, Pane, Story};

use super::{Order, Seek, leap};

/// Opens the story of what is looked at.
pub(super) fn read(model: &mut Model) {
    let Some(asked) = about(model) else {
        model.said = Some("there is nothing chosen here that can be explained".to_owned());
        return;
    };
    if model.story.asked != Some(asked) {
        model.story = Story { asked: Some(asked), row: None };
    }
    model.mode = Mode::Why;
}

/// What is looked at: a record, a group's lag, a broken promise; else the worst that happened.
fn about(model: &Model) -> Option<Asked> {
    match (model.page, model.pane()) {
        (Page::Messages, _) => model.record().map(Asked::Record),
        (Page::Groups, _) => model.group().map(|GroupId(group)| Asked::Lag(GroupId(group))),
        (Page::Faults, Pane::Causes) => model.chosen(Pane::Causes).map(|index| Asked::Promise(index as u32)),
        (Page::Overview | Page::Topics | Page::Faults, _) => Some(Asked::Worst { tried: true }),
    }
}

/// The answer to what is read, as far as it is known.
pub fn told(model: &Model) -> Option<&Arc<Told>> {
    model.detail().why.as_ref().filter(|told| Some(told.asked) == model.story.asked)
}

/// The chosen line: the first step until one was chosen.
pub fn row(model: &Model) -> usize {
    let Some(told) = told(model) else { return 0 };
    let first_step = || told.lines.iter().position(|line| line.fact.is_some()).unwrap_or(0);
    model.story.row.unwrap_or_else(first_step).min(told.lines.len().saturating_sub(1))
}

pub(super) fn move_by(model: &mut Model, by: isize) {
    let last = told(model).map_or(0, |told| told.lines.len().saturating_sub(1));
    model.story.row = Some(row(model).saturating_add_signed(by).min(last));
}

/// Goes to the chosen step.
pub(super) fn open(model: &mut Model) -> Option<Order> {
    let fact = told(model).and_then(|told| told.lines.get(row(model))?.fact);
    let Some((serial, at)) = fact else {
        model.said = Some("this line is about no instant: choose a step of the story".to_owned());
        return None;
    };
    model.story.row = Some(row(model));
    model.mode = Mode::Screen;
    leap(model, if serial == 0 { Seek::To(at) } else { Seek::Fact(serial, at) })
}
