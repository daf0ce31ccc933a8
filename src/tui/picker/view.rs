//! Draws the picker: a list by groups, the preview of the chosen entry, the keys.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Position, Rect, Size};

use super::{Paragraph, Picker};
use crate::tui::rows::first_shown;
use crate::tui::theme::Role;
use crate::tui::view::canvas::{Canvas, piece, rows};
use crate::tui::view::hints;
use crate::tui::view::words::{cut, wrap};

/// From so many columns on the preview has room beside the list.
const WIDE: u16 = 80;
/// Under so many columns and rows nothing can be shown.
const LEAST: (u16, u16) = (40, 10);
/// Columns of the list beside a preview, at most.
const LIST: u16 = 58;

/// Draws a frame.
pub fn view(picker: &Picker, frame: &mut Frame<'_>) {
    let area = frame.area();
    let canvas = &mut Canvas::new(frame.buffer_mut(), picker.theme);
    if area.width < LEAST.0 || area.height < LEAST.1 {
        canvas.text(area, 0, &format!("needs {}x{} or more", LEAST.0, LEAST.1), Role::Plain);
        return;
    }
    let [head, list, told, foot] = layout(area);
    header(canvas, head);
    entries(picker, canvas, list);
    if area.width >= WIDE {
        preview(picker, canvas, told);
    } else {
        question(picker, canvas, told);
    }
    footer(picker, canvas, foot);
}

/// The header, the list, what is told of the chosen one, the keys.
fn layout(area: Rect) -> [Rect; 4] {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)]).areas(area);
    let [list, told] = if area.width >= WIDE {
        let list = (area.width / 2 - 4).min(LIST);
        Layout::horizontal([Constraint::Length(list), Constraint::Fill(1)]).areas(body)
    } else {
        Layout::vertical([Constraint::Fill(1), Constraint::Length(3)]).areas(body)
    };
    [head, list, told, foot]
}

/// The entry that is seen at a point of a screen of this size, by its number.
pub(super) fn entry_at(picker: &Picker, size: Size, at: Position) -> Option<usize> {
    if size.width < LEAST.0 || size.height < LEAST.1 {
        return None;
    }
    let [_, list, _, _] = layout(Rect::from(size));
    let inner = list.inner(Margin::new(1, 1));
    if !inner.contains(at) {
        return None;
    }
    let (all, chosen) = list_rows(picker);
    let first = first_shown(chosen, all.len(), usize::from(inner.height));
    match all.get(first + usize::from(at.y - inner.y))? {
        Row::Entry(number) => Some(*number),
        Row::Heading(_) => None,
    }
}

fn header(canvas: &mut Canvas<'_>, area: Rect) {
    let pieces =
        [piece(" brokersim ", Role::Selection), piece(" what happens to my messages?", Role::Accent)];
    canvas.pieces(area, 0, &pieces);
    let version = concat!("version ", env!("CARGO_PKG_VERSION"), " ");
    if usize::from(area.width) > 44 + version.len() {
        canvas.text(area, usize::from(area.width) - version.len(), version, Role::Muted);
    }
}

/// A row of the list: a heading, or an entry by its number.
enum Row {
    Heading(&'static str),
    Entry(usize),
}

/// The rows of those that are listed, and in which of them the chosen one stands.
fn list_rows(picker: &Picker) -> (Vec<Row>, usize) {
    let (mut all, mut chosen, mut group) = (Vec::new(), 0, "");
    for index in picker.listed() {
        let entry = &picker.entries[index];
        if entry.group != group {
            group = entry.group;
            all.push(Row::Heading(group));
        }
        if picker.chosen == Some(index) {
            chosen = all.len();
        }
        all.push(Row::Entry(index));
    }
    (all, chosen)
}

fn entries(picker: &Picker, canvas: &mut Canvas<'_>, area: Rect) {
    let (all, chosen) = list_rows(picker);
    let listed = all.iter().filter(|row| matches!(row, Row::Entry(_))).count();
    let note = format!("{listed} of {}", picker.entries.len());
    let inner = canvas.pane(area, "What to run", &note, true);
    if all.is_empty() {
        let text = format!("nothing has all of these words: {}", picker.filter);
        canvas.text(inner, 0, &cut(&text, usize::from(inner.width), canvas.glyphs().cut), Role::Muted);
    }
    let first = first_shown(chosen, all.len(), usize::from(inner.height));
    for ((index, row), place) in all.iter().enumerate().skip(first).zip(rows(inner)) {
        match row {
            Row::Heading(heading) => {
                canvas.text(place, 0, heading, Role::Muted);
            }
            Row::Entry(number) => entry(picker, canvas, place, *number, index == chosen),
        }
    }
}

fn entry(picker: &Picker, canvas: &mut Canvas<'_>, area: Rect, number: usize, chosen: bool) {
    let entry = &picker.entries[number];
    let glyphs = canvas.glyphs();
    let role = if chosen { Role::Accent } else { Role::Plain };
    let mark = if chosen { glyphs.cursor } else { " " };
    let columns = usize::from(area.width);
    let name = cut(&entry.name, columns.saturating_sub(2), glyphs.cut);
    let after = canvas.pieces(area, 0, &[piece(mark, Role::Accent), piece(" ", role), piece(name, role)]);
    if !entry.needs.is_empty() && after + 2 + entry.needs.len() <= columns {
        canvas.text(area, columns - entry.needs.len(), entry.needs, Role::Muted);
        return;
    }
    // Where there is room, the beginning of the question stands behind a short name.
    if columns >= NAME + QUESTION && after <= NAME {
        let question = cut(&entry.question, columns - NAME - 1, glyphs.cut);
        canvas.text(area, NAME + 1, &question, Role::Muted);
    }
}

/// Columns that names are given before questions begin, and that a question needs.
const NAME: usize = 18;
const QUESTION: usize = 30;

fn preview(picker: &Picker, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(chosen) = picker.chosen else {
        canvas.pane(area, "", "", false);
        return;
    };
    let entry = &picker.entries[chosen];
    let inner = canvas.pane(area, &entry.name, entry.needs, false);
    let columns = usize::from(inner.width);
    let mut places = rows(inner);
    for line in lines(&entry.question, &picker.preview, columns) {
        let Some(place) = places.next() else { return };
        canvas.text(place, 0, &known(canvas, &line.1), line.0);
    }
}

/// Every line of the preview, wrapped.
fn lines(question: &str, preview: &[Paragraph], columns: usize) -> Vec<(Role, String)> {
    let mut found: Vec<(Role, String)> =
        wrap(question, columns).into_iter().map(|line| (Role::Accent, line)).collect();
    for paragraph in preview {
        found.push((Role::Plain, String::new()));
        if !paragraph.heading.is_empty() {
            found.push((Role::Muted, paragraph.heading.clone()));
        }
        for (role, text) in &paragraph.lines {
            let wrapped = wrap(text, columns.saturating_sub(4));
            let indented = wrapped.into_iter().enumerate().map(|(index, line)| {
                let indent = if index == 0 { "  " } else { "    " };
                (*role, format!("{indent}{line}"))
            });
            found.extend(indented);
        }
    }
    found
}

/// The text in glyphs that the theme has.
fn known(canvas: &Canvas<'_>, text: &str) -> String {
    let glyphs = canvas.glyphs();
    let swaps =
        [("→", glyphs.to), ("·", glyphs.idle), ("↯", glyphs.fault), ("✗", glyphs.error), ("✓", glyphs.held)];
    swaps.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn question(picker: &Picker, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(chosen) = picker.chosen else { return };
    let wrapped = wrap(&picker.entries[chosen].question, usize::from(area.width).saturating_sub(2));
    for (line, place) in wrapped.iter().zip(rows(area)) {
        canvas.text(place, 1, line, Role::Accent);
    }
}

fn footer(picker: &Picker, canvas: &mut Canvas<'_>, area: Rect) {
    if let Some(said) = &picker.said {
        let said = cut(said, usize::from(area.width).saturating_sub(2), canvas.glyphs().cut);
        canvas.text(area, 1, &said, Role::Warn);
        return;
    }
    let mut column = 1;
    if picker.typing {
        column = canvas.pieces(
            area,
            1,
            &[
                piece("/", Role::Accent),
                piece(picker.filter.as_str(), Role::Plain),
                piece(" ", Role::Selection),
            ],
        ) + 2;
    }
    hints::keys(canvas, area, column, picker.keys.hints_of(picker.context()));
}
