//! Why: the story over the screen, with a chosen line.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece, rows as rows_of};
use super::words::{at, behind, wrap};
use crate::kernel::Time;
use crate::observe::lens::{Part, Telling, Told, ToldLine, Tone};
use crate::tui::keys::Context;
use crate::tui::model::Model;
use crate::tui::rows::first_shown;
use crate::tui::theme::{Glyphs, Role};
use crate::tui::update::why as story;

/// Draws it over `area`.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    canvas.clear(area);
    let told = story::told(model);
    let note = told.map_or_else(String::new, |told| note(told));
    let inner = canvas.pane(area, "Why", &note, true);
    let Some(answer) = told.filter(|told| !told.lines.is_empty()) else {
        return wait(model, canvas, inner);
    };
    let glyphs = canvas.glyphs();
    let mut before = None;
    let (mut drawn, mut first_of) = (Vec::new(), Vec::new());
    for line in &answer.lines {
        let blank = !drawn.is_empty() && matches!(line.part, Part::Headline | Part::Heading);
        if blank {
            drawn.push(Vec::new());
        }
        first_of.push(drawn.len());
        drawn.extend(lines(line, before, usize::from(inner.width), glyphs));
        before = line.fact.map(|(_, at)| at).or(before);
    }
    let chosen = story::row(model);
    let cursor_row = first_of.get(chosen).copied().unwrap_or(0);
    let height = usize::from(inner.height);
    let first = first_shown(cursor_row, drawn.len(), height);
    let last = first_of.get(chosen + 1).copied().unwrap_or(drawn.len());
    let last = cursor_row + drawn[cursor_row..last].iter().take_while(|row| !row.is_empty()).count();
    for ((index, pieces), place) in drawn.iter().enumerate().skip(first).zip(rows_of(inner)) {
        if (cursor_row..last).contains(&index) {
            canvas.text(place, 0, glyphs.cursor, Role::Accent);
        }
        canvas.pieces(place, 2, pieces);
    }
}

/// How far the answer is.
fn note(told: &Told) -> String {
    let done = told.percent.map(|percent| format!(", {percent} %")).unwrap_or_default();
    match told.telling {
        Telling::Asking if told.lines.is_empty() => format!("asking{done}"),
        Telling::Asking => format!("up to {}; asked again beside the run{done}", told.upto),
        Telling::Trying => format!("up to {}; trying what may help{done}", told.upto),
        Telling::Done => format!("up to {}", told.upto),
    }
}

/// In the place of an answer that is being looked for: what is done for it, and how far that is.
fn wait(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(told) = story::told(model) else {
        let none = "no answer: what is only told from a recording cannot be explained here";
        super::list::wrapped(canvas, area, 0, false, none, Role::Muted);
        return;
    };
    let hints = model.keys.hints_of(Context::Why);
    let leaves = hints.last().map_or("Esc", |(key, _)| key);
    let waiting = format!(
        "The run is made again beside this one, up to where it has come ({}), and asked what happened. {leaves} gives up.",
        told.upto
    );
    let below = super::list::wrapped(canvas, area, 0, false, &waiting, Role::Muted);
    if let Some((percent, place)) = told.percent.zip(rows_of(area).nth(below + 1)) {
        let columns = usize::from(place.width).saturating_sub(8).min(40);
        let filled = columns * usize::from(percent) / 100;
        let (full, rest) =
            (canvas.glyphs().bars[7].repeat(filled), canvas.glyphs().idle.repeat(columns - filled));
        let pieces =
            [piece(full, Role::Ok), piece(rest, Role::Muted), piece(format!(" {percent} %"), Role::Plain)];
        canvas.pieces(place, 0, &pieces);
    }
}

/// A line over as many rows as it takes.
fn lines(line: &ToldLine, before: Option<Time>, width: usize, glyphs: Glyphs) -> Vec<Vec<Piece>> {
    let width = width.saturating_sub(2).max(8);
    let role = role(line.tone);
    let (lead, indent) = match &line.part {
        Part::Headline | Part::Heading => (Vec::new(), 0),
        Part::Plain => (vec![piece("  ", Role::Plain)], 2),
        Part::Because => (vec![piece(" ".repeat(lead_width(width)), Role::Plain)], lead_width(width)),
        Part::Step { who } => (step_lead(line, who, before, width, glyphs), lead_width(width)),
    };
    let text_role = match line.part {
        Part::Headline if line.tone == Tone::Plain => Role::Accent,
        Part::Headline | Part::Heading | Part::Plain | Part::Because | Part::Step { .. } => role,
    };
    let mut rows: Vec<Vec<Piece>> = Vec::new();
    for (index, text) in wrap(&line.text, width.saturating_sub(indent).max(8)).into_iter().enumerate() {
        let mut row = if index == 0 { lead.clone() } else { vec![piece(" ".repeat(indent), Role::Plain)] };
        row.push(piece(text, text_role));
        rows.push(row);
    }
    rows
}

/// Columns before the words of a step.
fn lead_width(width: usize) -> usize {
    if width >= 90 { 2 + 11 + 9 + 18 } else { 2 + 11 + 14 }
}

fn step_lead(line: &ToldLine, who: &str, before: Option<Time>, width: usize, glyphs: Glyphs) -> Vec<Piece> {
    let (glyph, role) = (glyph(line.tone, glyphs), role(line.tone));
    let time = line.fact.map_or_else(String::new, |(_, time)| at(time));
    let gap = line.fact.zip(before).map_or_else(String::new, |((_, time), before)| {
        let gap = time.since(before);
        if gap.is_zero() {
            String::new()
        } else if gap.as_millis() >= 1_000 {
            format!("+{}", behind(gap))
        } else {
            format!("+{gap}")
        }
    });
    let cut = |text: &str, columns| super::list::cell(text, columns, false, glyphs.cut);
    let mut lead = vec![piece(format!("{glyph} "), role), piece(format!("{time:>10} "), Role::Muted)];
    if width >= 90 {
        lead.push(piece(format!("{gap:>8} "), Role::Muted));
        lead.push(piece(cut(who, 17), Role::Plain));
    } else {
        lead.push(piece(cut(who, 13), Role::Plain));
    }
    lead
}

fn glyph(tone: Tone, glyphs: Glyphs) -> &'static str {
    match tone {
        Tone::Fault => glyphs.fault,
        Tone::Leader => glyphs.leader,
        Tone::Harm => glyphs.error,
        Tone::Warn => glyphs.up,
        Tone::Group => glyphs.rebalance,
        Tone::Plain | Tone::Good | Tone::Muted => glyphs.idle,
    }
}

fn role(tone: Tone) -> Role {
    match tone {
        Tone::Plain | Tone::Group => Role::Plain,
        Tone::Fault => Role::Fault,
        Tone::Leader => Role::Accent,
        Tone::Harm => Role::Error,
        Tone::Warn => Role::Warn,
        Tone::Good => Role::Ok,
        Tone::Muted => Role::Muted,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::observe::lens::{Asked, Detail};
    use crate::tui::model::{Mode, Report, Story};
    use crate::tui::shot::Shot;
    use crate::tui::{Msg, Palette, Theme, update};

    /// The story of the worst, so far.
    fn drawn(ascii: bool, telling: Telling, percent: Option<u8>, lines: Vec<ToldLine>) -> String {
        let mut model = Model::new("test", 1, Theme::new(Palette::Mono, ascii), Time::from_secs(9));
        let asked = Asked::Worst { tried: true };
        let told = Told { asked, upto: Time::from_secs(3), telling, percent, lines, short: Vec::new() };
        let detail = Arc::new(Detail { why: Some(Arc::new(told)), ..Detail::default() });
        let report = Report { detail, ..model.report.clone() };
        update(&mut model, Msg::Tick(report));
        (model.mode, model.story) = (Mode::Why, Story { asked: Some(asked), ..Story::default() });
        Shot::of(&model, 80, 24).text()
    }

    #[test]
    fn a_story_that_is_being_made_says_how_far_that_is_and_which_key_gives_it_up() {
        for ascii in [false, true] {
            let text = drawn(ascii, Telling::Asking, Some(25), Vec::new());
            let filled =
                if ascii { "##########......" } else { "██████████······" };
            assert!(text.contains(filled) && text.contains("25 %"), "{text}");
            assert!(text.contains("Esc gives up") && text.contains("(00:03.000)"), "{text}");
        }
    }

    #[test]
    fn what_is_tried_is_told_with_how_far_it_is_and_a_story_that_is_told_without() {
        let lines = || vec![ToldLine::new(Part::Headline, Tone::Plain, "it was lost")];
        assert!(drawn(false, Telling::Trying, Some(50), lines()).contains("trying what may help, 50 %"));
        assert!(!drawn(false, Telling::Done, None, lines()).contains('%'));
    }
}
