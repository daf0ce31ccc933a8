//! Why: the story over the screen, with a chosen line.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece, rows as rows_of};
use super::words::{at, behind, wrap};
use crate::kernel::Time;
use crate::observe::lens::{Part, Telling, ToldLine, Tone};
use crate::tui::keys::Context;
use crate::tui::model::Model;
use crate::tui::rows::first_shown;
use crate::tui::theme::{Glyphs, Role};
use crate::tui::update::why as story;

/// Draws it over `area`.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    canvas.clear(area);
    let told = story::told(model);
    let note = match told.map(|told| (told.telling, told.upto)) {
        None => String::new(),
        Some((Telling::Asking, upto)) if told.is_some_and(|told| !told.lines.is_empty()) => {
            format!("up to {upto}; it is asked again beside the run")
        }
        Some((Telling::Asking, _)) => "asking".to_owned(),
        Some((Telling::Trying, upto)) => format!("up to {upto}; trying what may help"),
        Some((Telling::Done, upto)) => format!("up to {upto}"),
    };
    let inner = canvas.pane(area, "Why", &note, true);
    let Some(answer) = told.filter(|told| !told.lines.is_empty()) else {
        let waiting = if told.is_some() {
            format!(
                "The run is made again beside this one, up to where it has come, and asked what happened. {} leaves.",
                model.keys.hints_of(Context::Why).last().map_or("Esc", |(key, _)| key)
            )
        } else {
            "no answer: what is only told from a recording cannot be explained here".to_owned()
        };
        super::list::wrapped(canvas, inner, 0, false, &waiting, Role::Muted);
        return;
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
