//! Notable lines, the newest last.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece, rows as rows_of};
use super::words::at;
use crate::observe::Line;
use crate::trace::Weight;
use crate::tui::model::{Model, Pane};
use crate::tui::mouse::Under;
use crate::tui::rows;
use crate::tui::theme::{Glyphs, Role};

/// Draws it.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let lines: Vec<&Line> = rows::events(model).collect();
    if lines.is_empty() {
        canvas.text(area, 0, "nothing of note yet", Role::Muted);
        return;
    }
    let keys: Vec<u64> = lines.iter().map(|line| line.serial).collect();
    let chosen = model.list(Pane::Events).chosen.map(|_| rows::row_of(model, Pane::Events, &keys));
    let height = usize::from(area.height);
    // A feed that follows ends with the newest line; one that is held has its line in the window.
    let first = chosen
        .map_or(lines.len().saturating_sub(height), |chosen| rows::first_shown(chosen, lines.len(), height));
    let glyphs = canvas.glyphs();
    for ((index, line), place) in lines.iter().enumerate().skip(first).zip(rows_of(area)) {
        canvas.shows(place, Under::Row(Pane::Events, line.serial));
        let cursor = if chosen == Some(index) { glyphs.cursor } else { " " };
        let column = canvas.text(place, 0, cursor, Role::Accent);
        canvas.pieces(place, column, &row(line, glyphs));
    }
}

fn row(line: &Line, glyphs: Glyphs) -> Vec<Piece> {
    let (glyph, role) = look(line.weight, line.tag, glyphs);
    vec![
        piece(format!("{:>9} ", at(line.at)), Role::Muted),
        piece(format!("{glyph} "), role),
        piece(format!("{:<8} ", line.tag), role),
        piece(line.text.as_str(), Role::Plain),
    ]
}

/// Glyph and look of a line.
pub fn look(weight: Weight, tag: &str, glyphs: Glyphs) -> (&'static str, Role) {
    match weight {
        Weight::Fault => (glyphs.fault, Role::Fault),
        Weight::Error => (glyphs.error, Role::Error),
        Weight::Warning => (glyphs.up, Role::Warn),
        Weight::Info => match tag {
            "group" => (glyphs.rebalance, Role::Plain),
            "elect" => (glyphs.leader, Role::Accent),
            _ => (glyphs.ok, Role::Ok),
        },
    }
}
