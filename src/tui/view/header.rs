//! The first row: which run, how its clock stands, and what is wrong.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece};
use super::words::count;
use crate::observe::NodeState;
use crate::tui::model::{Clock, Model};
use crate::tui::pace::Speed;
use crate::tui::theme::{Glyphs, Role};

/// Draws it.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let glyphs = canvas.glyphs();
    let room = usize::from(area.width);
    let mut right = clock(model, glyphs);
    right.extend(wrong(model, glyphs));
    let width: usize = right.iter().map(Piece::width).sum();
    let start = canvas.text(area, 0, " SIM ", Role::Selection);
    let start = canvas.text(area, start + 1, "", Role::Plain);
    let left = room.saturating_sub(width + 1);
    let seed = format!("  seed {}", model.seed);
    let title = super::words::cut(&model.title, left.saturating_sub(start + 1), ".");
    let after = canvas.text(area, start, &title, Role::Accent);
    if after + seed.len() < left {
        canvas.text(area, after, &seed, Role::Muted);
    }
    canvas.pieces(area, left, &right);
}

fn clock(model: &Model, glyphs: Glyphs) -> Vec<Piece> {
    let snapshot = model.snapshot();
    let (glyph, state, role) = match model.report.clock {
        Clock::Running => (glyphs.running, "running", Role::Ok),
        Clock::Paused => (glyphs.paused, "PAUSED", Role::Accent),
        Clock::Finished => (glyphs.ok, "FINISHED", Role::Selection),
    };
    let mut pieces = vec![
        piece(format!("{glyph} {state}"), role),
        piece(format!("  {} / {}", snapshot.now, snapshot.end), Role::Plain),
    ];
    if model.report.clock != Clock::Finished {
        pieces.push(piece(format!("  {}", speed(model)), Role::Plain));
    }
    pieces
}

/// The speed that is wanted, and the one that is reached where that is much less, or wanted as high as possible.
fn speed(model: &Model) -> String {
    let report = &model.report;
    match (report.speed, report.reached) {
        (Speed::Max, Some(reached)) => format!("max ({reached})"),
        (Speed::Times(wanted), Some(Speed::Times(reached))) if reached < wanted / 10 * 9 => {
            format!("{} (only {})", report.speed, rounded(reached))
        }
        (_, _) => report.speed.to_string(),
    }
}

fn rounded(speed: u64) -> Speed {
    Speed::Times(if speed >= 10_000 { speed / 1_000 * 1_000 } else { speed / 100 * 100 })
}

/// What is wrong; nothing when all is well.
fn wrong(model: &Model, glyphs: Glyphs) -> Vec<Piece> {
    let (snapshot, before) = (model.snapshot(), &model.before);
    let down = snapshot.nodes.iter().filter(|node| node.state == NodeState::Down).count() as u64;
    let down_before = before.nodes.iter().filter(|node| node.state == NodeState::Down).count() as u64;
    let tally = |value: u64, then: u64, glyph: &str, word: &str, role| {
        (value > 0).then(|| piece(format!("{glyph} {} {word}", count(value)), role).moved(value != then))
    };
    let found = [
        tally(down, down_before, glyphs.error, "down", Role::Error),
        tally(snapshot.lost, before.lost, glyphs.error, "lost", Role::Error),
        tally(snapshot.tally.duplicates, before.tally.duplicates, "2x", "dup", Role::Warn),
    ];
    found.into_iter().flatten().flat_map(|found| [piece("  ", Role::Plain), found]).collect()
}
