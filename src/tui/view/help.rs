//! The help: every key, and what the glyphs mean.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, inset, piece, rows as rows_of};
use crate::tui::keys::{Context, Topic, bindings_of};
use crate::tui::theme::{Glyphs, Role};

/// Its widest line.
const COLUMNS: u16 = 64;

/// Draws it in the middle of `area`.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, scrolled: usize) {
    let lines = lines(canvas.glyphs());
    let height = area.height.min(lines.len() as u16 + 2);
    let around = |whole: u16, part: u16| whole.saturating_sub(part) / 2;
    let area = inset(area, around(area.width, COLUMNS), around(area.height, height));
    canvas.clear(area);
    let inner = canvas.pane(area, "Keys", "", true);
    let first = scrolled.min(lines.len().saturating_sub(usize::from(inner.height)));
    for (line, place) in lines[first..].iter().zip(rows_of(inner)) {
        canvas.pieces(place, 0, line);
    }
}

fn lines(glyphs: Glyphs) -> Vec<Vec<Piece>> {
    let mut lines = Vec::new();
    for topic in Topic::ALL {
        lines.push(vec![piece(topic.title(), Role::Accent)]);
        for binding in bindings_of(Context::Screen).filter(|binding| binding.topic == topic) {
            let keys: Vec<String> = binding.keys.iter().map(|key| key.name()).collect();
            lines.push(vec![
                piece(format!("{:<16}", keys.join("  ")), Role::Plain),
                piece(binding.help, Role::Plain),
            ]);
        }
    }
    lines.push(vec![piece("GLYPHS; colour only repeats them", Role::Accent)]);
    lines.extend(legend(glyphs));
    lines
}

fn legend(glyphs: Glyphs) -> [Vec<Piece>; 2] {
    let entry =
        |glyph: &str, word: &str, role| [piece(glyph, role), piece(format!(" {word}   "), Role::Plain)];
    [
        [
            entry(glyphs.ok, "up, stable", Role::Ok),
            entry(glyphs.leader, "leader", Role::Accent),
            entry(glyphs.rebalance, "rebalance", Role::Plain),
        ]
        .concat(),
        [
            entry(glyphs.warn, "paused, empty", Role::Warn),
            entry(glyphs.up, "look at this", Role::Warn),
            entry(glyphs.error, "down, lost", Role::Error),
            entry(glyphs.fault, "fault", Role::Fault),
        ]
        .concat(),
    ]
}
