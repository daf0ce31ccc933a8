//! The mouse. A click gives a pane the focus and chooses the row under it, opens a page by its tab, and goes to an
//! instant by the timeline; a double click is Enter; the wheel moves in the pane under it.
//!
//! What lies under a point is what drawing put there: the view is asked, so that it is never another thing than the one
//! that is seen. There is no clock here either: whoever reads the mouse brings the time of a click.
//!
//! **Not modelled:** dragging; the right and the middle button. While something is typed, or a key is waited for, the
//! mouse does nothing.

use std::time::Duration as Wall;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect, Size};

use crate::kernel::Time;

use super::keys::{Action, Context};
use super::model::{Mode, Model, Pane};
use super::update::{Order, Seek, act, choose_row, context_of, leap, move_by, move_in};
use super::view::shown;

/// What was done with the mouse, and where on a screen of which size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mouse {
    /// What.
    pub gesture: Gesture,
    /// Where.
    pub at: Position,
    /// Columns and rows of the screen.
    pub size: Size,
}

/// What can be done with a mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gesture {
    /// The left button.
    Click,
    /// The left button again, at once and at the same place.
    DoubleClick,
    /// The wheel, so many rows down or up.
    Wheel(isize),
}

/// What a point of the screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Under {
    /// The tab of the how-manieth page, from 0.
    Page(usize),
    /// The tab of the help.
    Help,
    /// A pane.
    Pane(Pane),
    /// A row of a pane, by its key.
    Row(Pane, u64),
    /// The timeline.
    Timeline,
}

/// Rows that a notch of the wheel passes over.
const NOTCH: isize = 3;
/// Two clicks within this time are a double click.
const DOUBLE: Wall = Wall::from_millis(400);

/// Tells double clicks from single ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clicks {
    last: Option<(Wall, Position)>,
}

impl Clicks {
    /// What an event of the terminal means, that came at `now`; none when nothing.
    pub fn take(&mut self, event: MouseEvent, now: Wall, size: Size) -> Option<Mouse> {
        let at = Position::new(event.column, event.row);
        let gesture = match event.kind {
            MouseEventKind::Down(MouseButton::Left) => self.click(now, at),
            MouseEventKind::ScrollDown => Gesture::Wheel(NOTCH),
            MouseEventKind::ScrollUp => Gesture::Wheel(-NOTCH),
            MouseEventKind::Down(MouseButton::Right | MouseButton::Middle)
            | MouseEventKind::Up(_)
            | MouseEventKind::Drag(_)
            | MouseEventKind::Moved
            | MouseEventKind::ScrollLeft
            | MouseEventKind::ScrollRight => return None,
        };
        Some(Mouse { gesture, at, size })
    }

    fn click(&mut self, now: Wall, at: Position) -> Gesture {
        let again = self.last.is_some_and(|(then, place)| place == at && now.saturating_sub(then) <= DOUBLE);
        // A third click begins anew.
        self.last = (!again).then_some((now, at));
        if again { Gesture::DoubleClick } else { Gesture::Click }
    }
}

/// Does what the mouse says.
pub(super) fn obey(model: &mut Model, mouse: Mouse) -> Option<Order> {
    model.said = None;
    let context = context_of(model);
    let shown = shown(model, mouse.size);
    let found = shown.into_iter().rev().find(|(area, _)| area.contains(mouse.at));
    if context == Context::Help {
        over_help(model, mouse.gesture, found.map(|(_, found)| found));
        return None;
    }
    let (area, found) = found.filter(|_| context == Context::Screen)?;
    match (mouse.gesture, found) {
        (Gesture::Wheel(by), Under::Pane(pane) | Under::Row(pane, _)) => {
            move_in(model, pane, by);
            None
        }
        (Gesture::Wheel(_), Under::Page(_) | Under::Help | Under::Timeline) => None,
        (Gesture::Click | Gesture::DoubleClick, Under::Page(number)) => act(model, Action::Page(number)),
        (Gesture::Click | Gesture::DoubleClick, Under::Help) => act(model, Action::Help),
        (Gesture::Click | Gesture::DoubleClick, Under::Pane(pane)) => {
            model.focus.insert(model.page, pane);
            None
        }
        (Gesture::Click, Under::Row(pane, key)) => {
            choose(model, pane, key);
            None
        }
        (Gesture::DoubleClick, Under::Row(pane, key)) => {
            choose(model, pane, key);
            act(model, Action::Open)
        }
        (Gesture::Click | Gesture::DoubleClick, Under::Timeline) => {
            leap(model, Seek::To(time_at(model, mouse.at, area)))
        }
    }
}

fn over_help(model: &mut Model, gesture: Gesture, found: Option<Under>) {
    match (gesture, found) {
        (Gesture::Wheel(by), _) => move_by(model, by),
        (Gesture::Click | Gesture::DoubleClick, Some(Under::Page(number))) => {
            model.mode = Mode::Screen;
            act(model, Action::Page(number));
        }
        (Gesture::Click | Gesture::DoubleClick, Some(Under::Help)) => model.mode = Mode::Screen,
        (
            Gesture::Click | Gesture::DoubleClick,
            None | Some(Under::Pane(_) | Under::Row(..) | Under::Timeline),
        ) => {}
    }
}

fn choose(model: &mut Model, pane: Pane, key: u64) {
    model.focus.insert(model.page, pane);
    choose_row(model, pane, key);
}

/// The instant that a column of the timeline stands for: where its part of the run begins.
fn time_at(model: &Model, at: Position, area: Rect) -> Time {
    let part = u128::from(at.x - area.x) * u128::from(model.snapshot().end.as_nanos())
        / u128::from(area.width.max(1));
    Time::from_nanos(part as u64)
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyModifiers;

    use super::*;
    use crate::tui::{Msg, Page, Palette, Theme, update};

    const SIZE: Size = Size::new(120, 36);

    fn model() -> Model {
        Model::new("test", 1, Theme::new(Palette::Mono, true), Time::from_secs(100))
    }

    fn at(model: &mut Model, gesture: Gesture, x: u16, y: u16) -> Option<Order> {
        update(model, Msg::Mouse(Mouse { gesture, at: Position::new(x, y), size: SIZE }))
    }

    /// Where the view shows something, and the area of it.
    fn find(model: &Model, wanted: Under) -> (Position, Rect) {
        let found = shown(model, SIZE).into_iter().find(|(_, found)| *found == wanted);
        found.map_or_else(|| panic!("{wanted:?} is nowhere"), |(area, _)| (area.as_position(), area))
    }

    #[test]
    fn two_clicks_are_a_double_click_only_at_once_and_at_one_place() {
        let mut clicks = Clicks::default();
        let mut click = |millis, column| {
            let kind = MouseEventKind::Down(MouseButton::Left);
            let event = MouseEvent { kind, column, row: 3, modifiers: KeyModifiers::NONE };
            clicks.take(event, Wall::from_millis(millis), SIZE).expect("a click").gesture
        };
        assert_eq!(
            [click(0, 1), click(100, 1), click(150, 1)],
            [Gesture::Click, Gesture::DoubleClick, Gesture::Click]
        );
        assert_eq!([click(700, 1), click(800, 2), click(1_201, 2)], [Gesture::Click; 3]);
    }

    #[test]
    fn a_click_gives_a_pane_the_focus_and_tabs_open_pages() {
        let mut model = model();
        let (events, _) = find(&model, Under::Pane(Pane::Events));
        assert_eq!(at(&mut model, Gesture::Click, events.x, events.y), None);
        assert_eq!(model.pane(), Pane::Events);
        let (help, _) = find(&model, Under::Help);
        at(&mut model, Gesture::Click, help.x, help.y);
        assert!(matches!(model.mode, Mode::Help { .. }));
        at(&mut model, Gesture::Wheel(3), 50, 10);
        assert!(matches!(model.mode, Mode::Help { scrolled: 3, .. }), "{:?}", model.mode);
        let (page, _) = find(&model, Under::Page(0));
        at(&mut model, Gesture::Click, page.x, page.y);
        assert_eq!((model.mode.clone(), model.page), (Mode::Screen, Page::Overview));
    }

    #[test]
    fn the_timeline_goes_from_the_beginning_to_the_end_of_the_run() {
        let mut model = model();
        let (first, area) = find(&model, Under::Timeline);
        assert_eq!(at(&mut model, Gesture::Click, first.x, first.y), Some(Order::Seek(Seek::To(Time::ZERO))));
        let last = area.x + area.width - 1;
        let Some(Order::Seek(Seek::To(time))) = at(&mut model, Gesture::Click, last, first.y) else {
            panic!("no seek")
        };
        assert!(time > Time::from_secs(98) && time < Time::from_secs(100), "{time}");
        assert_eq!(model.jumps.back.len(), 1, "one can come back");
    }

    #[test]
    fn while_something_is_typed_the_mouse_does_nothing() {
        let mut model = model();
        let (events, _) = find(&model, Under::Pane(Pane::Events));
        for mode in [Mode::Command("goto".to_owned()), Mode::Go] {
            model.mode = mode.clone();
            for gesture in [Gesture::Click, Gesture::DoubleClick, Gesture::Wheel(3)] {
                assert_eq!(at(&mut model, gesture, events.x, events.y), None);
                assert_eq!((&model.mode, model.pane()), (&mode, Pane::Flow));
            }
        }
    }
}
