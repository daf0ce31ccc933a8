//! Notable lines, the newest last.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece, rows as rows_of};
use super::words::at;
use crate::observe::Line;
use crate::trace::Weight;
use crate::tui::model::Model;
use crate::tui::theme::{Glyphs, Role};

/// Draws it.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let lines = &model.snapshot().lines;
    if lines.is_empty() {
        canvas.text(area, 0, "nothing of note yet", Role::Muted);
        return;
    }
    let shown = model.lines_shown();
    let first = shown.saturating_sub(usize::from(area.height));
    // A feed held near its beginning still fills the pane.
    let last = (first + usize::from(area.height)).min(lines.len());
    let glyphs = canvas.glyphs();
    for (line, place) in lines[first..last].iter().zip(rows_of(area)) {
        canvas.pieces(place, 0, &row(line, glyphs));
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
