//! The last row: what is typed, a word to the person, or the keys that do something now, cut at a whole hint.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece};
use super::words::cut;
use crate::tui::keys::{Context, bindings_of, hints};
use crate::tui::model::{Mode, Model};
use crate::tui::theme::Role;
use crate::tui::update::context_of;

/// Draws it.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let room = usize::from(area.width).saturating_sub(2);
    match (&model.mode, &model.said) {
        (Mode::Command(text), _) => typed(canvas, area, ":", text),
        (Mode::Filter { .. }, _) => typed(canvas, area, "/", &model.list(model.pane()).filter),
        (Mode::Go, _) => prefix(canvas, area, "g then", Context::Go),
        (Mode::SetMark, _) => prefix(canvas, area, "m then a letter names this instant", Context::SetMark),
        (Mode::ToMark, _) => marks(model, canvas, area),
        (Mode::Fault { .. }, _) => prefix(canvas, area, "f then the key of a fault", Context::Fault),
        (Mode::Reset, _) => {
            let group = crate::tui::hands::group(model).unwrap_or_default();
            prefix(canvas, area, &format!("R then where {group} goes on"), Context::Reset);
        }
        (Mode::Screen | Mode::Help { .. } | Mode::Branches(_) | Mode::Diff(..), Some(said)) => {
            let said = cut(said, room, canvas.glyphs().cut);
            canvas.text(area, 1, &said, Role::Warn);
        }
        (Mode::Screen | Mode::Help { .. } | Mode::Branches(_) | Mode::Diff(..), None) => {
            let all = hints(context_of(model), model.report.clock, model.page, model.pane());
            keys(canvas, area, 1, all);
        }
    }
}

/// Keys with their hints, from a column on, as many as there is room for.
pub fn keys(canvas: &mut Canvas<'_>, area: Rect, from: usize, all: Vec<(String, &'static str)>) {
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
fn typed(canvas: &mut Canvas<'_>, area: Rect, sign: &str, text: &str) {
    let room = usize::from(area.width).saturating_sub(4);
    let skipped = text.chars().count().saturating_sub(room);
    let shown: String = text.chars().skip(skipped).collect();
    let column = canvas.pieces(area, 1, &[piece(sign, Role::Accent), piece(shown, Role::Plain)]);
    canvas.text(area, column, " ", Role::Selection);
}

fn prefix(canvas: &mut Canvas<'_>, area: Rect, said: &str, context: Context) {
    let column = canvas.text(area, 1, said, Role::Accent) + 2;
    let named = bindings_of(context).filter(|binding| !binding.hint.is_empty());
    keys(canvas, area, column, named.map(|binding| (binding.keys[0].name(), binding.hint)).collect());
}

fn marks(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if model.marks.is_empty() {
        return prefix(canvas, area, "' then a mark; there is none yet: m a sets one", Context::ToMark);
    }
    let mut column = canvas.text(area, 1, "' then", Role::Accent) + 1;
    for (letter, time) in &model.marks {
        let mark = [piece(format!(" {letter}"), Role::Accent), piece(format!(" {time}"), Role::Muted)];
        column = canvas.pieces(area, column, &mark) + 1;
    }
}
