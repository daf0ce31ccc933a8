//! What is typed: a filter, a command, a name that is looked for, the letter of a mark.

use crate::tui::command::{self, Command};
use crate::tui::model::{Mode, Model};
use crate::tui::tutor;

use super::{Order, Seek, find, hands, leap};

/// Takes in a letter that is bound to nothing.
pub(super) fn letter(model: &mut Model, letter: char) -> Option<Order> {
    if model.mode == Mode::SetMark {
        set_mark(model, letter);
    } else if model.mode == Mode::ToMark {
        return to_mark(model, letter);
    } else {
        edit(model, |text| text.push(letter));
        if let Mode::Help { scrolled, .. } = &mut model.mode {
            *scrolled = 0;
        }
    }
    None
}

fn set_mark(model: &mut Model, letter: char) {
    let now = model.snapshot().now;
    model.marks.insert(letter, now);
    model.said = Some(format!("mark {letter} is at {now}"));
    model.mode = Mode::Screen;
}

fn to_mark(model: &mut Model, letter: char) -> Option<Order> {
    model.mode = Mode::Screen;
    match model.marks.get(&letter).copied() {
        Some(time) => leap(model, Seek::To(time)),
        None => {
            model.said = Some(format!("there is no mark {letter}: m {letter} sets it"));
            None
        }
    }
}

/// Changes what is typed, where something is.
fn edit(model: &mut Model, change: impl FnOnce(&mut String)) {
    if let Mode::Help { filter: text, .. } | Mode::Command(text) = &mut model.mode {
        change(text);
    } else if let Mode::Filter { .. } = model.mode {
        change_filter(model, change);
    } else {
        find::typed(model, change);
    }
}

/// Changes the filter of the focused pane.
pub(super) fn change_filter(model: &mut Model, change: impl FnOnce(&mut String)) {
    let pane = model.pane();
    change(&mut model.lists.entry(pane).or_default().filter);
}

/// Takes the last letter back; a command without one is left.
pub(super) fn erase(model: &mut Model) {
    if model.mode == Mode::Command(String::new()) {
        model.mode = Mode::Screen;
    }
    edit(model, |text| {
        text.pop();
    });
}

/// Takes back all that is typed.
pub(super) fn erase_all(model: &mut Model) {
    edit(model, String::clear);
}

/// Ends what is typed, and does it.
pub(super) fn enter(model: &mut Model) -> Option<Order> {
    let mode = std::mem::replace(&mut model.mode, Mode::Screen);
    let text = match mode {
        Mode::Command(text) => text,
        Mode::Find { found, row, .. } => return find::go(model, found.get(row)?.goal.clone()),
        _ => return None,
    };
    if let Some(done) = find::command(model, &text) {
        return done;
    }
    match command::parse(&text) {
        Ok(Command::Goto(time)) => leap(model, Seek::To(time.min(model.snapshot().end))),
        Ok(Command::Speed(speed)) => Some(Order::Speed(speed)),
        Ok(Command::Theme(palette)) => {
            model.theme.palette = palette;
            None
        }
        Ok(Command::Page(page)) => {
            if model.pages().contains(&page) {
                model.page = page;
            }
            None
        }
        Ok(Command::Hand(deed)) => hands::hand(model, deed),
        Ok(Command::Branches) => {
            hands::show_branches(model);
            None
        }
        Ok(Command::Help) => {
            model.mode = Mode::Help { filter: String::new(), scrolled: 0 };
            None
        }
        Ok(Command::Tutor) => {
            tutor::toggle(model);
            None
        }
        Ok(Command::Quit) => Some(Order::Quit),
        Ok(Command::Nothing) => None,
        Err(message) => {
            model.said = Some(message);
            None
        }
    }
}
