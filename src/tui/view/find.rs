//! Finding anything: what is typed, and what fits.

use ratatui::layout::Rect;

use super::canvas::{Canvas, piece, rows as rows_of};
use super::list::cell;
use crate::tui::find::Found;
use crate::tui::rows::first_shown;
use crate::tui::theme::Role;

/// Draws it over the middle of `area`.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, typed: &str, found: &[Found], row: usize) {
    let width = area.width.saturating_sub(8).clamp(area.width.min(40), 90);
    let height = (found.len() as u16 + 4).clamp(6, area.height.max(6)).min(area.height);
    let over = Rect { x: area.x + (area.width - width) / 2, width, height, ..area };
    canvas.clear(over);
    let inner = canvas.pane(over, "Find anything", &format!("{} found", found.len()), true);
    let mut places = rows_of(inner);
    if let Some(place) = places.next() {
        let column = canvas.text(place, 0, typed, Role::Plain);
        canvas.text(place, column, " ", Role::Selection);
    }
    places.next();
    if found.is_empty()
        && let Some(place) = places.next()
    {
        canvas.text(place, 0, "nothing has these letters in this order", Role::Muted);
    }
    let first = first_shown(row, found.len(), places.len());
    let (cursor, cut) = (canvas.glyphs().cursor, canvas.glyphs().cut);
    for ((index, one), place) in found.iter().enumerate().skip(first).zip(places) {
        let mark = if index == row { cursor } else { " " };
        let name = usize::from(place.width).saturating_sub(14);
        let pieces = [
            piece(format!("{mark} "), Role::Accent),
            piece(cell(&one.name, name, false, cut), if index == row { Role::Accent } else { Role::Plain }),
            piece(one.kind, Role::Muted),
        ];
        canvas.pieces(place, 0, &pieces);
    }
}
