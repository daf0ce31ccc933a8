//! What was promised and how it stands, then the counters.

use ratatui::layout::Rect;

use super::books;
use super::canvas::{Canvas, piece, rows as rows_of};
use super::words::{at, count, cut};
use crate::observe::promise::Standing;
use crate::observe::promise::{Mode, Outcome, Verdict};
use crate::tui::model::{Clock, Model};
use crate::tui::theme::{Glyphs, Role};

/// Rows that the counters want, and those that they get where there is not room for everything.
const COUNTERS: u16 = 6;
const FEWER_COUNTERS: u16 = 4;

/// Draws it.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let wanted = model.snapshot().promises.len() as u16;
    let counters = if area.height > wanted + COUNTERS { COUNTERS + 1 } else { FEWER_COUNTERS };
    let promised = wanted.min(area.height.saturating_sub(counters));
    for (line, place) in
        lines(model, usize::from(promised)).into_iter().zip(rows_of(Rect { height: promised, ..area }))
    {
        let (glyph, role, name, text) = line;
        let glyphs = canvas.glyphs();
        let column = canvas.text(place, 0, &format!("{glyph} "), role);
        let room = |text: &str| usize::from(place.width).saturating_sub(column + text.chars().count() + 1);
        // Where there is little of it, since when is said rather than how often.
        let since = text.rsplit(' ').next().filter(|_| text.starts_with("broken ")).unwrap_or(&text);
        let text = if room(&text) < name.chars().count() { since.to_owned() } else { text };
        let room = room(&text);
        canvas.text(place, column, &cut(&name, room, glyphs.cut), Role::Plain);
        let from = usize::from(place.width).saturating_sub(text.chars().count());
        canvas.pieces(place, from, &[piece(text, role)]);
    }
    let gap = u16::from(promised > 0 && area.height > promised + COUNTERS);
    let below =
        Rect { y: area.y + promised + gap, height: area.height.saturating_sub(promised + gap), ..area };
    books::draw(model, canvas, below);
}

type PromiseLine = (&'static str, Role, String, String);

/// Those that are not as expected first; the rest is counted when there is not room.
fn lines(model: &Model, room: usize) -> Vec<PromiseLine> {
    let glyphs = model.theme.glyphs;
    let detail = &model.detail().verdicts;
    let all = model.snapshot().promises.iter().enumerate();
    let mut lines: Vec<(u32, PromiseLine)> = all
        .map(|(index, view)| {
            let over = model.report.clock == Clock::Finished;
            let (gravity, glyph, role, text) = look(view.mode, view.state, detail.get(index), over, glyphs);
            (gravity, (glyph, role, view.title.clone(), text))
        })
        .collect();
    lines.sort_by_key(|(gravity, _)| *gravity);
    let left = lines.len().saturating_sub(room);
    let mut lines: Vec<PromiseLine> = lines.into_iter().map(|(_, line)| line).take(room).collect();
    if left > 0
        && let Some(last) = lines.last_mut()
    {
        *last = (glyphs.idle, Role::Muted, format!("+{} more", left + 1), String::new());
    }
    lines
}

fn look(
    mode: Mode,
    state: Standing,
    verdict: Option<&Verdict>,
    over: bool,
    glyphs: Glyphs,
) -> (u32, &'static str, Role, String) {
    let since = verdict.and_then(|verdict| match &verdict.outcome {
        Outcome::Broken { witnesses, .. } | Outcome::Happened { witnesses, .. } => witnesses.first(),
        Outcome::Held | Outcome::NeverHappened => None,
    });
    let since = since.map_or_else(String::new, |witness| at(witness.at));
    match (state, mode) {
        (Standing::Broken(times), Mode::Broken) => {
            (1, glyphs.up, Role::Warn, format!("broken {}x {since}", count(times)))
        }
        (Standing::Broken(times), Mode::Always | Mode::Sometimes | Mode::Eventually) => {
            (0, glyphs.error, Role::Error, format!("broken {}x {since}", count(times)))
        }
        (Standing::Waits, Mode::Sometimes) if over => {
            (0, glyphs.error, Role::Error, "never happened".to_owned())
        }
        (Standing::Holds, Mode::Broken) if over => (0, glyphs.error, Role::Error, "was kept".to_owned()),
        (Standing::Holds, Mode::Broken) => (2, glyphs.idle, Role::Muted, "not broken yet".to_owned()),
        (Standing::Happened(times), _) => (3, glyphs.held, Role::Ok, format!("{}x {since}", count(times))),
        (Standing::Waits, _) => (2, glyphs.idle, Role::Muted, "waits".to_owned()),
        (Standing::Holds, Mode::Always | Mode::Sometimes | Mode::Eventually) => {
            (4, glyphs.held, Role::Ok, "holds".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::{Palette, Theme};

    fn said(mode: Mode, state: Standing, over: bool) -> String {
        let (_, glyph, _, text) = look(mode, state, None, over, Theme::new(Palette::Mono, false).glyphs);
        format!("{glyph} {text}")
    }

    #[test]
    fn what_was_hoped_for_and_never_came_is_wrong_at_the_end_alone() {
        assert_eq!(said(Mode::Sometimes, Standing::Waits, false), "· waits");
        assert_eq!(said(Mode::Sometimes, Standing::Waits, true), "✗ never happened");
        assert_eq!(said(Mode::Broken, Standing::Holds, false), "· not broken yet");
        assert_eq!(said(Mode::Broken, Standing::Holds, true), "✗ was kept");
        assert_eq!(said(Mode::Eventually, Standing::Holds, true), "✓ holds");
    }
}
