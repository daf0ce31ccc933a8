//! A list with a heading and a chosen row. Only the rows in the window are made, however many there are.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece, rows as rows_of};
use crate::tui::model::{Model, Pane};
use crate::tui::mouse::Under;
use crate::tui::rows;
use crate::tui::theme::Role;

/// Draws the rows of a pane below a heading. `row` makes one from its key, in so many columns.
pub fn draw(
    model: &Model,
    canvas: &mut Canvas<'_>,
    area: Rect,
    pane: Pane,
    heading: &str,
    mut row: impl FnMut(u64) -> Vec<Piece>,
) {
    let keys = rows::keys(model, pane);
    let mut places = rows_of(area);
    if !heading.is_empty()
        && let Some(place) = places.next()
    {
        canvas.text(place, 2, heading, Role::Muted);
    }
    let (height, chosen) = (places.len(), rows::row_of(model, pane, &keys));
    let first = rows::first_shown(chosen, keys.len(), height);
    let cursor = canvas.glyphs().cursor;
    for ((index, key), place) in keys.iter().enumerate().skip(first).zip(places) {
        let mark = if index == chosen { cursor } else { " " };
        canvas.shows(place, Under::Row(pane, *key));
        canvas.text(place, 0, mark, Role::Accent);
        canvas.pieces(place, 2, &row(*key));
    }
}

/// What a pane's border says of its list: the filter, the order, and how many rows there are.
pub fn note(model: &Model, pane: Pane) -> String {
    let list = model.list(pane);
    let count = rows::keys(model, pane).len();
    let filter = if list.filter.is_empty() { String::new() } else { format!("/{} ", list.filter) };
    let order = pane.orders()[list.order.min(pane.orders().len() - 1)];
    let arrow = if list.reversed { " reversed" } else { "" };
    let order = if order.is_empty() { String::new() } else { format!("sort {order}{arrow} · ") };
    format!("{filter}{order}{count}")
}

/// A word in so many columns, cut or filled up; to the right when it is a number.
pub fn cell(text: &str, columns: usize, right: bool, cut: &str) -> String {
    let text = super::words::cut(text, columns, cut);
    if right { format!("{text:>columns$} ") } else { format!("{text:<columns$} ") }
}

/// A line over several rows of an area, from a row on; the row after it.
pub fn wrapped(canvas: &mut Canvas<'_>, area: Rect, from: usize, bar: bool, text: &str, role: Role) -> usize {
    let indent = if bar { 2 } else { 0 };
    let lines = super::words::wrap(text, usize::from(area.width).saturating_sub(indent));
    let cursor = canvas.glyphs().cursor;
    for (line, place) in lines.iter().zip(rows_of(area).skip(from)) {
        if bar {
            canvas.text(place, 0, cursor, role);
        }
        canvas.pieces(place, indent, &[piece(line.as_str(), Role::Plain)]);
    }
    from + lines.len()
}
