//! How far the run has come, with marks where something happened; above it, where there is room, the last of
//! each.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, inset, piece, rows as rows_of};
use super::words::{at, cut};
use crate::observe::{Line, Snapshot};
use crate::trace::Weight;
use crate::tui::model::Model;
use crate::tui::mouse::Under;
use crate::tui::theme::{Glyphs, Role};
use crate::tui::timeline::{Mark, part_of};

/// Draws it.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let mut places = rows_of(inset(area, 1, 0)).rev();
    if let Some(place) = places.next() {
        marks(model, canvas, place);
    }
    if let Some(place) = places.next() {
        latest(model, canvas, place);
    }
}

fn marks(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let (snapshot, glyphs) = (model.snapshot(), canvas.glyphs());
    canvas.shows(area, Under::Timeline);
    let columns = usize::from(area.width);
    let here = part_of(snapshot.now, snapshot.end, columns);
    for (column, mark) in model.timeline.columns(columns).into_iter().enumerate() {
        let (glyph, role) = match mark {
            Some(mark) => look(mark, glyphs),
            None if column == here => (glyphs.ok, Role::Accent),
            None if column < here => (glyphs.passed, Role::Muted),
            None => (glyphs.idle, Role::Muted),
        };
        canvas.text(area, column, glyph, role);
    }
}

fn look(mark: Mark, glyphs: Glyphs) -> (&'static str, Role) {
    match mark {
        Mark::Rebalance => (glyphs.rebalance, Role::Plain),
        Mark::Warning => (glyphs.up, Role::Warn),
        Mark::Error => (glyphs.error, Role::Error),
        Mark::Fault => (glyphs.fault, Role::Fault),
    }
}

/// The last fault, error and rebalance.
fn latest(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let (snapshot, glyphs) = (model.snapshot(), canvas.glyphs());
    let last = |weight| snapshot.lines.iter().rev().find(|line| line.weight == weight);
    let line = |line: &Line, mark| {
        let (glyph, role) = look(mark, glyphs);
        let text = format!("{glyph} {} {} {}", at(line.at), line.tag, line.text);
        piece(cut(&text, 40, glyphs.cut), role)
    };
    let found = [
        last(Weight::Fault).map(|found| line(found, Mark::Fault)),
        last(Weight::Error).map(|found| line(found, Mark::Error)),
        last_rebalance(snapshot, glyphs),
    ];
    let mut column = 0;
    for piece in found.into_iter().flatten() {
        if column + piece.width() <= usize::from(area.width) {
            column = canvas.pieces(area, column, &[piece]) + 3;
        }
    }
}

fn last_rebalance(snapshot: &Snapshot, glyphs: Glyphs) -> Option<Piece> {
    let all = snapshot
        .groups
        .iter()
        .flat_map(|group| group.rebalances.iter().map(move |rebalance| (rebalance, group)));
    let (rebalance, group) = all.max_by_key(|(rebalance, _)| rebalance.began)?;
    let took = rebalance.took.map_or_else(|| "not over".to_owned(), |took| format!("took {took}"));
    let glyph = look(Mark::Rebalance, glyphs).0;
    let text = format!("{glyph} {} rebalance {} {took}", at(rebalance.began), group.name);
    Some(piece(cut(&text, 44, glyphs.cut), Role::Plain))
}
