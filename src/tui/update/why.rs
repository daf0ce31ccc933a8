//! Reading why.

use std::sync::Arc;

use crate::observe::lens::{Asked, Telling, Told};
use crate::trace::GroupId;
use crate::tui::keys::Action;
use crate::tui::model::{Mode, Model, Page, Pane, Story};

use super::{Order, Seek, leap};

/// Opens the story of what is looked at.
pub(super) fn read(model: &mut Model) {
    let Some(asked) = about(model) else {
        model.said = Some("there is nothing chosen here that can be explained".to_owned());
        return;
    };
    if model.story.asked != Some(asked) {
        model.story = Story { asked: Some(asked), ..Story::default() };
    }
    model.story.given_up = None;
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

/// Gives up a story that is being made, so that it does not go on unseen; whether there was one.
pub(super) fn give_up(model: &mut Model) -> bool {
    let asked = model.detail().why.as_ref().filter(|told| told.telling == Telling::Asking);
    let worst = asked.is_some_and(|told| matches!(told.asked, Asked::Worst { .. }));
    if worst && model.story.given_up != Some(model.report.front) {
        model.story.given_up = Some(model.report.front);
        model.said = Some(format!("the story is given up: {} asks again", model.keys.name_of(Action::Why)));
        return true;
    }
    false
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

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;
    use crate::kernel::Time;
    use crate::observe::lens::Detail;
    use crate::observe::promise::{Counts, Mode as Kept, Outcome, Promise, Verdict};
    use crate::tui::model::{Clock, Report};
    use crate::tui::{Msg, Palette, Theme, update};

    /// A promise is broken, time stands still, and the story of the worst is so far.
    fn model(telling: Telling) -> Model {
        let mut model = Model::new("test", 1, Theme::new(Palette::Mono, false), Time::from_secs(9));
        let verdict = Verdict {
            promise: Promise::NothingSkipped,
            mode: Kept::Always,
            scope: String::new(),
            kept: false,
            expected: String::new(),
            counts: Counts::Records,
            outcome: Outcome::Broken { count: 1, causes: Default::default(), witnesses: Vec::new() },
        };
        let (asked, upto) = (Asked::Worst { tried: true }, Time::from_secs(3));
        let (lines, short) = (Vec::new(), Vec::new());
        let why = Some(Arc::new(Told { asked, upto, telling, percent: Some(35), lines, short }));
        let detail = Arc::new(Detail { verdicts: vec![verdict], why, ..Detail::default() });
        tick(&mut model, Report { detail, clock: Clock::Paused, front: upto, ..nothing() });
        model
    }

    fn nothing() -> Report {
        Model::new("test", 1, Theme::new(Palette::Mono, false), Time::from_secs(9)).report
    }

    fn tick(model: &mut Model, report: Report) {
        update(model, Msg::Tick(report));
    }

    fn press(model: &mut Model, code: KeyCode) {
        update(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    #[test]
    fn leaving_a_story_that_is_being_made_gives_it_up_until_the_run_has_gone_on_or_it_is_asked_again() {
        let mut model = model(Telling::Asking);
        assert_eq!(model.look().why, Some(Asked::Worst { tried: false }));
        press(&mut model, KeyCode::Char('w'));
        assert_eq!(model.look().why, Some(Asked::Worst { tried: true }));
        press(&mut model, KeyCode::Esc);
        assert_eq!((model.mode.clone(), model.look().why), (Mode::Screen, None));
        assert!(model.said.as_deref().is_some_and(|said| said.contains("given up: w asks again")));
        let later = Report { front: Time::from_secs(4), ..model.report.clone() };
        let mut on = model.clone();
        tick(&mut on, later);
        assert_eq!(on.look().why, Some(Asked::Worst { tried: false }));
        press(&mut model, KeyCode::Char('w'));
        assert_eq!(model.look().why, Some(Asked::Worst { tried: true }));
    }

    #[test]
    fn while_a_seek_is_under_way_the_story_of_the_worst_waits() {
        let mut model = model(Telling::Asking);
        let seeking = Some(crate::tui::model::Seeking::To(Time::from_secs(8)));
        let report = Report { seeking, ..model.report.clone() };
        tick(&mut model, report);
        assert_eq!(model.look().why, None);
    }

    #[test]
    fn on_the_overview_esc_gives_up_the_story_of_its_box_and_one_that_is_told_stays() {
        let mut making = model(Telling::Asking);
        press(&mut making, KeyCode::Esc);
        assert_eq!(making.look().why, None);
        let mut told = model(Telling::Done);
        press(&mut told, KeyCode::Esc);
        assert_eq!(told.look().why, Some(Asked::Worst { tried: false }));
    }
}
