//! The mouse, everywhere.

use brokersim::tui::mouse::{Gesture, Mouse, Under};
use brokersim::tui::{Model, Msg, Order, Page, Pane, shown, update};
use ratatui::layout::{Position, Size};

use super::by_hand::drawn;
use super::{empty, small};

const SIZE: Size = Size::new(120, 36);

fn at(model: &mut Model, gesture: Gesture, at: Position) -> Option<Order> {
    update(model, Msg::Mouse(Mouse { gesture, at, size: SIZE }))
}

/// Where something is shown.
fn find(model: &Model, wanted: impl Fn(Under) -> bool) -> Position {
    let found = shown(model, SIZE).into_iter().find(|(_, under)| wanted(*under));
    found.map(|(area, _)| area.as_position()).expect("it is on the screen")
}

#[test]
fn a_click_chooses_the_row_that_is_seen_there_and_a_double_click_opens_it() {
    let mut model = small();
    model.page = Page::Topics;
    let is_row = |under| matches!(under, Under::Row(Pane::Partitions, key) if key == 4);
    let fifth = find(&model, is_row);
    assert_eq!(at(&mut model, Gesture::Click, fifth), None);
    assert_eq!((model.pane(), model.chosen(Pane::Partitions)), (Pane::Partitions, Some(4)));
    at(&mut model, Gesture::DoubleClick, fifth);
    assert_eq!((model.page, model.pane()), (Page::Messages, Pane::Records));
}

#[test]
fn the_wheel_moves_in_the_pane_under_it_and_leaves_the_focus() {
    let mut model = small();
    model.page = Page::Topics;
    model.focus.insert(Page::Topics, Pane::Logs);
    let rows = find(&model, |under| matches!(under, Under::Row(Pane::Partitions, _)));
    at(&mut model, Gesture::Wheel(3), rows);
    assert_eq!((model.pane(), model.chosen(Pane::Partitions)), (Pane::Logs, Some(3)));
    at(&mut model, Gesture::Wheel(-3), rows);
    assert_eq!(model.chosen(Pane::Partitions), Some(0));
}

#[test]
fn every_gesture_anywhere_on_every_page_is_taken_and_drawn() {
    for model in [empty(), small()] {
        for page in Page::ALL {
            for (index, x) in (0..SIZE.width).step_by(11).enumerate() {
                for y in (index as u16 % 2..SIZE.height).step_by(2) {
                    let mut model = model.clone();
                    model.page = page;
                    for gesture in [Gesture::Wheel(3), Gesture::DoubleClick] {
                        at(&mut model, gesture, Position::new(x, y));
                    }
                    model.look();
                }
            }
            drawn(&model, SIZE.width, SIZE.height);
        }
    }
    // Out of the screen: the terminal was made smaller meanwhile.
    assert_eq!(at(&mut small(), Gesture::Click, Position::new(500, 500)), None);
}
