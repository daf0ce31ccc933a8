//! The last row: keys that do something now, cut at a whole hint.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece};
use crate::tui::keys::hints;
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::update::context_of;

/// Draws it.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let mut column = 1;
    for (key, hint) in hints(context_of(model), model.report.clock) {
        let pieces = [piece(key, Role::Accent), piece(format!(" {hint}"), Role::Muted)];
        let width: usize = pieces.iter().map(Piece::width).sum();
        if column + width > usize::from(area.width) {
            return;
        }
        column = canvas.pieces(area, column, &pieces) + 2;
    }
}
