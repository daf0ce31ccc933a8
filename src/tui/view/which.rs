//! Over the screen: which fault a key injects and whom it would strike, the branches, and how two of them differ.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece, rows as rows_of};
use super::words::{at, cut};
use crate::tui::courses::{Course, Diff, DiffRow};
use crate::tui::hands::{hindrance, line, target};
use crate::tui::keys::{Action, Context};
use crate::tui::model::{Mode, Model};
use crate::tui::theme::{Glyphs, Role};
use crate::tui::update::Order;
use crate::tui::update::hands::Hand;

/// Columns for a fault: key, name, whom.
const CELL: usize = 38;
/// Columns for the name of one.
const NAME: usize = 16;
/// What a fault needs at least: its key and its name.
const LEAST: usize = NAME + 2;

/// Draws what lies over the screen, if something does.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, body: Rect) {
    if let Mode::Fault { edits } = model.mode {
        faults(model, canvas, body, edits);
    } else if let Mode::Branches(chosen) = model.mode {
        branches(model, canvas, body, chosen);
    } else if let Mode::Diff(diff, scrolled) = &model.mode {
        differ(model, canvas, body, diff, *scrolled);
    }
}

/// How the kinds of faults lie in columns.
struct Table {
    columns: usize,
    /// Columns of the screen for each.
    wide: usize,
    rows: usize,
    /// How many there is room for.
    shown: usize,
}

impl Table {
    /// Of so many: where there are too few rows for them, whom they strike is told in less room.
    fn of(body: Rect, count: usize) -> Self {
        let width = usize::from(body.width).saturating_sub(4);
        // The frame, and who is struck.
        let height = usize::from(body.height).saturating_sub(3).max(1);
        let columns = (width / CELL).max(count.div_ceil(height)).min(width / LEAST).max(1);
        let rows = count.div_ceil(columns).min(height);
        Self { columns, wide: (width / columns).max(LEAST), rows, shown: rows * columns }
    }
}

/// The lower part of an area, framed, with room for so many rows; what it encloses.
fn over(canvas: &mut Canvas<'_>, body: Rect, rows: usize, title: &str, note: &str) -> Rect {
    let height = u16::try_from(rows + 2).unwrap_or(u16::MAX).min(body.height);
    let area = Rect { y: body.y + body.height - height, height, ..body };
    canvas.clear(area);
    canvas.pane(area, title, note, true)
}

fn faults(model: &Model, canvas: &mut Canvas<'_>, body: Rect, edits: bool) {
    let struck: Vec<(String, &'static str)> = model
        .keys
        .bindings_of(Context::Fault)
        .filter_map(|binding| match binding.action {
            Action::Hand(Hand::Strike(kind)) => Some((binding.keys[0].name(), kind)),
            _ => None,
        })
        .collect();
    let Table { columns, wide, rows, shown } = Table::of(body, struck.len());
    let when = at(model.snapshot().now);
    let another = model.keys.bindings_of(Context::Fault);
    let another =
        another.filter(|row| row.action == Action::Hand(Hand::Another)).map(|row| row.keys[0].name());
    let another = another.map(|key| format!(" ({key}: another)")).next().unwrap_or_default();
    let title = if edits {
        "Inject: the line is put up to be changed".to_owned()
    } else if model.report.courses.armed == Some(false) {
        format!("Inject, once the run is armed by {}{another}", model.keys.name_of(Action::Hand(Hand::Arm)))
    } else {
        format!("Inject, and whom it strikes{another}")
    };
    let inner = over(canvas, body, rows + 1, &title, &format!("after {when}"));
    let mut places = rows_of(inner);
    if let Some(place) = places.next() {
        let who = cut(&who(model, canvas.glyphs().error), usize::from(place.width), canvas.glyphs().cut);
        canvas.text(place, 0, &who, Role::Muted);
    }
    for (row, place) in places.enumerate() {
        for column in 0..columns {
            let index = column * rows + row;
            let pieces = match struck.get(index) {
                Some(_) if index + 1 == shown && shown < struck.len() => {
                    vec![piece(format!("and {} more", struck.len() - index), Role::Muted)]
                }
                Some((key, kind)) => fault(model, key, kind, wide - 1, canvas.glyphs()),
                None => continue,
            };
            canvas.pieces(place, column * wide, &pieces);
        }
    }
}

/// Who they are that are struck: `broker-2: leader of orders-0`; and how to know why others are not.
fn who(model: &Model, cross: &str) -> String {
    let mut known: Vec<String> = Vec::new();
    let (can, cannot): (Vec<_>, Vec<_>) =
        model.about.kinds.iter().partition(|kind| hindrance(model, kind).is_none());
    if !cannot.is_empty() {
        known.push(format!("{cross} not in this run: its key says why"));
    }
    for (target, who) in can.into_iter().filter_map(|kind| target(model, kind)) {
        let said = format!("{target}: {who}");
        if !who.is_empty() && !known.contains(&said) {
            known.push(said);
        }
    }
    known.join("   ")
}

fn fault(model: &Model, key: &str, name: &str, columns: usize, glyphs: Glyphs) -> Vec<Piece> {
    let more = glyphs.cut;
    let kind = model.about.kinds.iter().find(|kind| kind.name == name);
    let said = kind.and_then(|kind| line(model, kind).map(|said| (kind, said)));
    let head = |role| [piece(format!("{key} "), Role::Accent), piece(format!("{name:<NAME$}"), role)];
    let room = columns.saturating_sub(key.chars().count() + 1 + NAME);
    let not = |why: &str| {
        let why = piece(cut(why, room, more), Role::Muted);
        head(Role::Muted).into_iter().chain([why]).collect()
    };
    let Some((kind, (line, _))) = said else { return not("nobody") };
    if let Some(why) = hindrance(model, kind) {
        return not(&format!("{} {why}", glyphs.error));
    }
    let whom = line.strip_prefix(kind.name).unwrap_or(&line).trim();
    let asks = if kind.asks { " ..." } else { "" };
    let whom = cut(&format!("{whom}{asks}"), room, more);
    head(Role::Plain).into_iter().chain([piece(whom, Role::Fault)]).collect()
}

fn branches(model: &Model, canvas: &mut Canvas<'_>, body: Rect, chosen: usize) {
    let courses = &model.report.courses;
    let note = "the first one is recorded, :save FILE keeps another";
    let inner = over(canvas, body, courses.all.len() + 1, "Branches", note);
    let mut places = rows_of(inner);
    if let Some(place) = places.next() {
        canvas.text(place, 2, "   #  FROM  AT          COMPUTED TO  INJECTED", Role::Muted);
    }
    let height = places.len();
    let first = crate::tui::rows::first_shown(chosen, courses.all.len(), height);
    let glyphs = canvas.glyphs();
    for ((index, course), place) in courses.all.iter().enumerate().skip(first).zip(places) {
        let mark = if index == chosen { glyphs.cursor } else { " " };
        canvas.text(place, 0, mark, Role::Accent);
        let here = if index == courses.here { glyphs.running } else { " " };
        let from = course.parent.map_or_else(|| "-".to_owned(), |parent| (parent + 1).to_string());
        let said = injected(course);
        let role = if course.taken_back { Role::Muted } else { Role::Plain };
        let pieces = [
            piece(format!("{here} "), Role::Ok),
            piece(
                format!("{:>2}  {from:>4}  {:<10}  {:<11}  ", index + 1, at(course.at), at(course.front)),
                Role::Plain,
            ),
            piece(said, role),
        ];
        canvas.pieces(place, 2, &pieces);
    }
}

fn injected(course: &Course) -> String {
    let said = match (&course.injected, course.parent) {
        (Some(said), _) => said.clone(),
        (None, None) => "nothing: as the file says".to_owned(),
        (None, Some(_)) => "nothing yet".to_owned(),
    };
    let taken_back = if course.taken_back { ", taken back" } else { "" };
    let saved = course.saved.as_ref().map(|file| format!(", saved to {file}")).unwrap_or_default();
    format!("{said}{taken_back}{saved}")
}

fn differ(model: &Model, canvas: &mut Canvas<'_>, body: Rect, diff: &Diff, scrolled: usize) {
    let title = format!("What differs at {}", at(diff.at));
    let inner = over(canvas, body, diff.rows.len() + 9, &title, "left: it came from, right: here");
    let more = canvas.glyphs().cut;
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    let room = usize::from(inner.width);
    let heads = [("they part with", &diff.first), ("then", &diff.notable)];
    let same = heads.iter().all(|(_, sides)| sides.iter().all(Option::is_none));
    if same {
        let runs = model.keys.name_of(Action::Order(Order::Toggle));
        let again = model.keys.name_of(Action::Hand(Hand::Differ));
        let said = format!("nothing differs so far: let time run on ({runs}), then {again}");
        lines.push(vec![piece(cut(&said, room, more), Role::Plain)]);
    }
    for (head, sides) in heads.into_iter().filter(|_| !same) {
        lines.push(vec![piece(head, Role::Muted)]);
        for (side, said) in sides.iter().enumerate() {
            let said = said.as_deref().unwrap_or("nothing any more");
            let name = cut(&diff.sides[side], room / 3, more);
            let said = cut(said, room.saturating_sub(name.chars().count() + 4), more);
            lines.push(vec![piece(format!("  {name}  "), Role::Accent), piece(said, Role::Plain)]);
        }
    }
    let value = room.saturating_sub(2) / 3;
    let what = room - 2 * value;
    let cell =
        |text: &str, columns: usize| format!("{:<columns$}", cut(text, columns.saturating_sub(1), more));
    lines.push(Vec::new());
    let side = |text: &str| piece(cell(text, value), Role::Accent);
    lines.push(vec![piece(cell("", what), Role::Plain), side(&diff.sides[0]), side(&diff.sides[1])]);
    let head = lines.len();
    for (line, place) in lines.iter().zip(rows_of(inner)) {
        canvas.pieces(place, 0, line);
    }
    let shown = usize::from(inner.height).saturating_sub(head);
    let first = scrolled.min(diff.rows.len().saturating_sub(shown));
    for (row, place) in diff.rows.iter().skip(first).zip(rows_of(inner).skip(head)) {
        let pieces = difference(row, |text| cell(text, what), |text| cell(text, value));
        canvas.pieces(place, 0, &pieces);
    }
    if let Some(last) = rows_of(inner).last().filter(|_| diff.rows.len() > first + shown) {
        canvas.text(last, 0, &cell("more: j", room), Role::Muted);
    }
}

fn difference(row: &DiffRow, what: impl Fn(&str) -> String, value: impl Fn(&str) -> String) -> Vec<Piece> {
    let role = |side: usize| match row.worse {
        Some(worse) if worse == side => Role::Error,
        Some(_) | None => Role::Plain,
    };
    let differs = row.values[0] != row.values[1];
    let name = if differs { Role::Plain } else { Role::Muted };
    let side = |side: usize| {
        let role = if differs { role(side) } else { Role::Muted };
        piece(value(&row.values[side]), role)
    };
    vec![piece(what(&row.what), name), side(0), side(1)]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::kernel::Time;
    use crate::tui::shot::Shot;
    use crate::tui::{Palette, Theme};

    #[test]
    fn every_fault_has_its_place_where_there_is_room_and_what_has_none_is_counted() {
        let popup = |width, height| {
            let mut model = Model::new("test", 1, Theme::new(Palette::Mono, false), Time::from_secs(9));
            model.mode = Mode::Fault { edits: false };
            Shot::of(&model, width, height).text()
        };
        for (width, height) in [(120, 36), (80, 24), (60, 20)] {
            let text = popup(width, height);
            let names = crate::fault::catalogue::KINDS.iter().map(|kind| kind.name);
            let missing: Vec<_> = names.filter(|name| !text.contains(name)).collect();
            assert!(missing.is_empty() && !text.contains("more"), "{missing:?} at {width}x{height}\n{text}");
        }
        let small = popup(40, 10);
        assert!(small.contains("kill") && small.contains("and 2") && small.contains("more"), "{small}");
    }

    fn drawn(first: [Option<&str>; 2]) -> String {
        let mut model = Model::new("test", 1, Theme::new(Palette::Mono, false), Time::from_secs(9));
        let sides = ["1 as the file says", "2 kill broker-1"].map(str::to_owned);
        let (first, notable) = (first.map(|side| side.map(str::to_owned)), [None, None]);
        let diff = Diff { at: Time::from_secs(2), sides, first, notable, rows: Vec::new() };
        model.mode = Mode::Diff(Arc::new(diff), 0);
        Shot::of(&model, 120, 36).text()
    }

    #[test]
    fn branches_that_have_not_parted_yet_are_said_to_be_the_same_and_not_to_be_over() {
        let same = drawn([None, None]);
        assert!(same.contains("nothing differs so far: let time run on (Space)"), "{same}");
        assert!(!same.contains("nothing any more"), "{same}");
        let parted = drawn([Some("stored orders-0"), None]);
        assert!(parted.contains("they part with") && parted.contains("nothing any more"), "{parted}");
    }
}
