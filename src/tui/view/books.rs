//! The counters: what became of the records, and why some are not there.

use std::collections::BTreeMap;

use ratatui::layout::Rect;

use super::canvas::{Canvas, piece, rows as rows_of};
use super::words::{count, count_in, cut, wrap};
use crate::observe::Snapshot;
use crate::trace::Reason;
use crate::tui::model::Model;
use crate::tui::theme::Role;

struct Counter {
    name: &'static str,
    of: fn(&Snapshot) -> u64,
    /// How it looks when it is not zero.
    role: Role,
}

const fn counter(name: &'static str, of: fn(&Snapshot) -> u64, role: Role) -> Counter {
    Counter { name, of, role }
}

/// The way of a record, and what may go wrong on it.
const COUNTERS: [[Counter; 5]; 2] = [
    [
        counter("offered", |snapshot| snapshot.tally.offered, Role::Plain),
        counter("accepted", |snapshot| snapshot.tally.accepted, Role::Plain),
        counter("stored", |snapshot| snapshot.tally.stored, Role::Plain),
        counter("delivered", |snapshot| snapshot.tally.delivered, Role::Plain),
        counter("processed", |snapshot| snapshot.tally.processed, Role::Plain),
    ],
    [
        counter("in flight", |snapshot| snapshot.books.in_flight.values().sum(), Role::Plain),
        counter("lost", |snapshot| snapshot.lost, Role::Error),
        counter("duplicates", |snapshot| snapshot.tally.duplicates, Role::Warn),
        counter("rejected", |snapshot| snapshot.tally.rejected, Role::Error),
        counter("unknown", |snapshot| snapshot.tally.unknown, Role::Error),
    ],
];

/// Draws it.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let half = area.width / 2;
    let mut places = rows_of(area);
    let [way, wrong] = &COUNTERS;
    for ((left, right), place) in way.iter().zip(wrong).zip(places.by_ref()) {
        draw_counter(model, canvas, Rect { width: half.saturating_sub(1), ..place }, left);
        draw_counter(model, canvas, Rect { x: place.x + half, width: place.width - half, ..place }, right);
    }
    let mut why = causes(model.snapshot());
    if why.is_empty() && model.snapshot().tally.reordered == 0 {
        return;
    }
    if model.snapshot().tally.reordered > 0 {
        why.push((model.snapshot().tally.reordered, "processed out of order".to_owned(), Role::Warn));
    }
    let spare = places.len() > why.len();
    let mut places = places.skip(usize::from(spare));
    for (number, text, role) in why {
        draw_cause(canvas, &mut places, &count(number), &text, role);
    }
}

fn draw_counter(model: &Model, canvas: &mut Canvas<'_>, area: Rect, counter: &Counter) {
    let (now, then) = ((counter.of)(model.snapshot()), (counter.of)(&model.before));
    let role = if now > 0 { counter.role } else { Role::Muted };
    let room = usize::from(area.width);
    let number = count_in(now, room.saturating_sub(counter.name.len() + 1));
    let column = room.saturating_sub(number.chars().count());
    let name = cut(counter.name, column.saturating_sub(1), canvas.glyphs().cut);
    canvas.text(area, 0, &name, Role::Muted);
    canvas.pieces(area, column, &[piece(number, role).moved(now != then)]);
}

/// In as many rows as it takes, as long as there are any.
fn draw_cause(
    canvas: &mut Canvas<'_>,
    places: &mut impl Iterator<Item = Rect>,
    number: &str,
    text: &str,
    role: Role,
) {
    let glyph = if role == Role::Error { canvas.glyphs().error } else { canvas.glyphs().up };
    let Some(first) = places.next() else { return };
    let indent = canvas.text(first, 0, &format!("{glyph} {number} "), role);
    let lines = wrap(text, usize::from(first.width).saturating_sub(indent));
    // Rows are taken only for the lines that there are.
    let places = std::iter::once(first).chain(places.take(lines.len().saturating_sub(1)));
    for (line, place) in lines.iter().zip(places) {
        canvas.text(place, indent, line, Role::Plain);
    }
}

/// Why records are gone, most first.
fn causes(snapshot: &Snapshot) -> Vec<(u64, String, Role)> {
    let books = &snapshot.books;
    let by = |word: &'static str, map: &BTreeMap<Reason, u64>, role| -> Vec<(u64, String, Role)> {
        map.iter().map(|(why, number)| (*number, format!("{word}: {}", why.means()), role)).collect()
    };
    let mut causes = [
        by("lost", &books.lost, Role::Error),
        by("dropped", &books.dropped, Role::Error),
        by("rejected", &books.rejected, Role::Error),
        by("put aside", &books.dead_lettered, Role::Warn),
    ]
    .concat();
    causes.retain(|(number, _, _)| *number > 0);
    causes.sort_by_key(|(number, _, _)| std::cmp::Reverse(*number));
    causes
}
