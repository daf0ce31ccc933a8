//! The panel of the tour: the step that waits.

use ratatui::layout::Rect;

use super::canvas::{Canvas, rows};
use super::words::wrap;
use crate::tui::keys::{Action, key_for};
use crate::tui::theme::Role;
use crate::tui::tutor::{STEPS, Tutor};

/// What stands there when all is done.
const OVER: &str = "That was the tour. To see what keeps the records: leave, press e in the picker to copy broker-loss to a \
                    file, change producer.acks to \"all\" there, and run the file. The sixty loss scenarios each answer a \
                    question of that kind.";

/// How many rows it takes in a body of so many columns.
pub fn height(columns: u16) -> u16 {
    if columns >= 100 { 5 } else { 6 }
}

/// Draws it.
pub fn draw(tutor: Tutor, canvas: &mut Canvas<'_>, area: Rect) {
    let skips = key_for(Action::SkipStep).unwrap_or_default();
    let (title, text, note) = match tutor.waiting() {
        Some(step) => {
            let title = format!("Tour {} of {}: {}", tutor.step + 1, STEPS.len(), step.title);
            (title, step.told(), format!("{skips} skips it, :tutor ends"))
        }
        None => ("Tour: done".to_owned(), OVER.to_owned(), format!("{skips} closes it")),
    };
    canvas.clear(area);
    let inner = canvas.pane(area, &title, &note, true);
    for (line, place) in wrap(&text, usize::from(inner.width)).iter().zip(rows(inner)) {
        canvas.text(place, 0, line, Role::Plain);
    }
}
