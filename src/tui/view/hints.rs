//! The last row: what is typed, a word to the person, or the keys that do something now, cut at a whole hint.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece, rows};
use super::words::{cut, wrap};
use crate::tui::completion;
use crate::tui::keys::{Action, Context};
use crate::tui::model::{Mode, Model, Pane};
use crate::tui::theme::Role;
use crate::tui::update::context_of;
use crate::tui::update::hands::Hand;

/// Draws it.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let room = usize::from(area.width).saturating_sub(2);
    match (&model.mode, &model.said) {
        (Mode::Command(text), _) => {
            let column = typed(canvas, area, ":", text) + 2;
            let hint = completion::candidates(model, text).join(" ");
            let room = room.saturating_sub(column);
            canvas.text(area, column, &cut(&hint, room, canvas.glyphs().cut), Role::Muted);
        }
        (Mode::Filter { .. }, _) => {
            let column = typed(canvas, area, "/", &model.list(model.pane()).filter);
            if model.pane() == Pane::Records {
                let (hint, role) = super::messages::while_typing(model);
                let room = room.saturating_sub(column + 2);
                canvas.text(area, column + 2, &cut(&hint, room, canvas.glyphs().cut), role);
            }
        }
        (Mode::Go, _) => prefix(model, canvas, area, &after(model, Action::Go, ""), Context::Go),
        (Mode::SetMark, _) => {
            let said = after(model, Action::SetMark, " a letter names this instant");
            prefix(model, canvas, area, &said, Context::SetMark);
        }
        (Mode::ToMark, _) => marks(model, canvas, area),
        (Mode::Fault { .. }, _) => {
            prefix(
                model,
                canvas,
                area,
                &after(model, Action::Hand(Hand::Faults), " the key of a fault"),
                Context::Fault,
            );
        }
        (Mode::Reset, _) => {
            let group = crate::tui::hands::group(model).unwrap_or_default();
            let said = after(model, Action::Hand(Hand::Reset), &format!(" where {group} goes on"));
            prefix(model, canvas, area, &said, Context::Reset);
        }
        (
            Mode::Screen
            | Mode::Help { .. }
            | Mode::Why
            | Mode::Find { .. }
            | Mode::Branches(_)
            | Mode::Diff(..),
            said,
        ) => match said {
            Some(said) => say(canvas, area, said, room),
            None => {
                let all = model.keys.hints(context_of(model), model.report.clock, model.page, model.pane());
                keys(canvas, area, 1, all);
            }
        },
    }
}

/// A word to the person; what does not fit into a row takes the rows above it, as far as there are any.
fn say(canvas: &mut Canvas<'_>, area: Rect, said: &str, room: usize) {
    let lines = wrap(said, room);
    let more = (lines.len().saturating_sub(1) as u16).min(3).min(area.y);
    let area = Rect { y: area.y - more, height: more + 1, ..area };
    if more > 0 {
        canvas.clear(area);
    }
    for (line, place) in lines.iter().zip(rows(area)) {
        canvas.text(place, 1, &cut(line, room, canvas.glyphs().cut), Role::Warn);
    }
}

/// Keys with their hints, from a column on, as many as there is room for.
pub fn keys(canvas: &mut Canvas<'_>, area: Rect, from: usize, all: Vec<(String, String)>) {
    let mut column = from;
    for (key, hint) in all {
        let pieces = [piece(key, Role::Accent), piece(format!(" {hint}"), Role::Muted)];
        let width: usize = pieces.iter().map(Piece::width).sum();
        if column + width > usize::from(area.width) {
            return;
        }
        column = canvas.pieces(area, column, &pieces) + 2;
    }
}

/// What is typed, its end where there is not room for all of it, and a cursor.
fn typed(canvas: &mut Canvas<'_>, area: Rect, sign: &str, text: &str) -> usize {
    let room = usize::from(area.width).saturating_sub(4);
    let skipped = text.chars().count().saturating_sub(room);
    let shown: String = text.chars().skip(skipped).collect();
    let column = canvas.pieces(area, 1, &[piece(sign, Role::Accent), piece(shown, Role::Plain)]);
    canvas.text(area, column, " ", Role::Selection)
}

/// What was pressed, and what is waited for.
fn after(model: &Model, action: Action, what: &str) -> String {
    format!("{} then{what}", model.keys.name_of(action))
}

fn prefix(model: &Model, canvas: &mut Canvas<'_>, area: Rect, said: &str, context: Context) {
    let column = canvas.text(area, 1, said, Role::Accent) + 2;
    keys(canvas, area, column, model.keys.hints_of(context));
}

fn marks(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if model.marks.is_empty() {
        let what = format!(" a mark; there is none yet: {} a sets one", model.keys.name_of(Action::SetMark));
        return prefix(model, canvas, area, &after(model, Action::ToMark, &what), Context::ToMark);
    }
    let mut column = canvas.text(area, 1, &after(model, Action::ToMark, ""), Role::Accent) + 1;
    for (letter, time) in &model.marks {
        let mark = [piece(format!(" {letter}"), Role::Accent), piece(format!(" {time}"), Role::Muted)];
        column = canvas.pieces(area, column, &mark) + 1;
    }
}
