//! The hours above lanes: round parts of the run, and where it stands.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::words::tick;
use crate::kernel::Time;
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::timeline::part_of;

const NOW: &str = " now ";

/// Draws it, with a mark about every so many columns; a mark that would touch the present is left out.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect, every: u16) {
    let (now, end) = (model.snapshot().now, model.snapshot().end);
    let columns = usize::from(area.width);
    let here = part_of(now, end, columns).saturating_sub(2).min(columns.saturating_sub(NOW.len()));
    let marks = usize::from(area.width / every.max(1)).max(1);
    for mark in 0..marks {
        let text = tick(Time::ZERO + end.since(Time::ZERO) * mark as u64 / marks as u64);
        let column = mark * columns / marks;
        if column + text.len() <= here || column >= here + NOW.len() {
            canvas.text(area, column, &text, Role::Muted);
        }
    }
    canvas.text(area, here, NOW, Role::Accent);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ratatui::buffer::Buffer;

    use super::*;
    use crate::tui::{Palette, Theme};

    fn drawn(now: u64) -> String {
        let theme = Theme::new(Palette::Mono, false);
        let mut model = Model::new("test", 1, theme, Time::from_secs(45));
        let snapshot = crate::observe::Snapshot { now: Time::from_secs(now), ..model.snapshot().clone() };
        model.report.snapshot = Arc::new(snapshot);
        let area = Rect::new(0, 0, 48, 1);
        let mut buffer = Buffer::empty(area);
        draw(&model, &mut Canvas::new(&mut buffer, theme), area, 8);
        buffer.content.iter().map(|cell| cell.symbol()).collect()
    }

    #[test]
    fn the_present_is_whole_at_both_ends_and_cuts_no_other_mark() {
        assert_eq!(drawn(0), " now    7.5 s   15 s    22.5 s  30 s    37.5 s  ");
        assert_eq!(drawn(45), "0 s     7.5 s   15 s    22.5 s  30 s        now ");
        assert_eq!(drawn(24), "0 s     7.5 s   15 s    now     30 s    37.5 s  ");
    }
}
