//! Records, and the way of one of them.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece, rows as rows_of};
use super::list::{self, cell, wrapped};
use super::words::{at, behind, count};
use crate::kernel::Duration;
use crate::observe::ledger::{Fate, Whereabouts};
use crate::observe::lens::{Contents, FateFilter, RecordLine};
use crate::tui::keys::Action;
use crate::tui::model::{Model, Pane};
use crate::tui::query::{self, Problem};
use crate::tui::rows;
use crate::tui::theme::{Glyphs, Role};

/// The line above the panes: which records are listed.
pub fn filter(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let query = model.query();
    let place = match (query.place, query.channel) {
        (Some(place), _) => model.about.place_name(place),
        (None, Some(channel)) => {
            model.about.channels.get(channel.index()).map_or_else(String::new, |channel| channel.name.clone())
        }
        (None, None) => "everywhere".to_owned(),
    };
    let mut pieces = vec![piece("filter  ", Role::Muted), piece(place, Role::Accent)];
    if model.fate != FateFilter::All {
        pieces.extend([piece("  fate ", Role::Muted), piece(model.fate.name(), Role::Accent)]);
    }
    pieces.extend(typed_filter(model));
    if let Some(id) = model.followed {
        pieces.push(piece(format!("  following {}", model.about.record_name(id)), Role::Warn));
    }
    if let Some(page) = &model.detail().records {
        let found = format!("  {} of {} remembered", count(page.matching), count(page.remembered));
        pieces.push(piece(found, Role::Muted));
        if page.forgotten > 0 {
            pieces.push(piece(format!("; {} older are not kept", count(page.forgotten)), Role::Warn));
        }
    }
    let key = |action| model.keys.name_of(action);
    let (filter, fate, all) = (key(Action::Filter), key(Action::View), key(Action::Records));
    pieces.push(piece(format!("   {filter} filter  {fate} fate  {all} all partitions"), Role::Muted));
    canvas.pieces(area, 1, &pieces);
}

/// The filter as it was typed, what is no test in it marked and explained.
fn typed_filter(model: &Model) -> Vec<Piece> {
    let text = &model.list(Pane::Records).filter;
    if text.is_empty() {
        return Vec::new();
    }
    let mut pieces = vec![piece("  /", Role::Muted)];
    match query::read(text, &model.about).problem {
        None => pieces.push(piece(text.as_str(), Role::Accent)),
        Some(Problem { at: (from, columns), message }) => {
            let part =
                |from: usize, columns: usize| text.chars().skip(from).take(columns).collect::<String>();
            pieces.push(piece(part(0, from), Role::Accent));
            pieces.push(piece(part(from, columns), Role::Error));
            pieces.push(piece(part(from + columns, usize::MAX), Role::Accent));
            pieces.push(piece(format!("  {message}"), Role::Warn));
        }
    }
    pieces
}

/// What can be typed next, or what is wrong with what was typed: beside the filter while it is typed.
pub fn while_typing(model: &Model) -> (String, Role) {
    let text = &model.list(Pane::Records).filter;
    let ended = text.is_empty() || text.ends_with(char::is_whitespace);
    match query::read(text, &model.about).problem {
        // The last word may still become one.
        Some(problem) if ended || problem.at.0 + problem.at.1 < text.chars().count() => {
            (problem.message, Role::Warn)
        }
        problem => match (query::hint(text, &model.about), problem) {
            (hint, Some(problem)) if hint.is_empty() => (problem.message, Role::Warn),
            (hint, _) => (hint, Role::Muted),
        },
    }
}

/// The records.
pub fn records(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let glyphs = canvas.glyphs();
    let head = |text: &str, columns, right| cell(text, columns, right, glyphs.cut);
    let room = Room::of(area.width);
    let heading = [
        head("P", 3, true),
        head("OFFSET", room.offset, true),
        head("OFFERED", room.offered, true),
        head("RECORD", room.record, false),
        head("KEY", room.key, false),
        if room.more { head("BYTES", 6, true) + &head("LATE", 8, true) } else { String::new() },
        "FATE".to_owned(),
    ];
    let Some(page) = &model.detail().records else {
        canvas.text(area, 0, "this run remembers no records", Role::Muted);
        return;
    };
    if page.lines.is_empty() {
        canvas.text(area, 0, "no record that is remembered fits", Role::Muted);
        return;
    }
    let index: std::collections::BTreeMap<u64, usize> =
        page.lines.iter().enumerate().map(|(at, line)| (line.id.to_bits(), at)).collect();
    list::draw(model, canvas, area, Pane::Records, &heading.concat(), |key| {
        index.get(&key).map_or_else(Vec::new, |at| record(model, &page.lines[*at], room, glyphs))
    });
}

/// How many columns each part of a record's row has.
#[derive(Clone, Copy)]
struct Room {
    offset: usize,
    offered: usize,
    record: usize,
    key: usize,
    /// There is room for size and lateness.
    more: bool,
}

impl Room {
    fn of(width: u16) -> Self {
        match width {
            0..64 => Self { offset: 7, offered: 9, record: 10, key: 7, more: false },
            64..100 => Self { offset: 9, offered: 9, record: 12, key: 9, more: false },
            100.. => Self { offset: 9, offered: 10, record: 16, key: 14, more: true },
        }
    }
}

fn record(model: &Model, line: &RecordLine, room: Room, glyphs: Glyphs) -> Vec<Piece> {
    let text = |text: &str, columns, right| cell(text, columns, right, glyphs.cut);
    let place = line
        .place
        .and_then(|place| rows::place(model, place))
        .map_or_else(|| "-".to_owned(), |place| place.number.to_string());
    let offset = if line.place.is_some() { count(line.offset) } else { "-".to_owned() };
    let key = key_of(line).unwrap_or_else(|| "-".to_owned());
    let mut pieces = vec![
        piece(text(&place, 3, true), Role::Plain),
        piece(text(&offset, room.offset, true), Role::Plain),
        piece(text(&at(line.offered), room.offered, true), Role::Muted),
        piece(text(&model.about.record_name(line.id), room.record, false), Role::Plain),
        piece(text(&key, room.key, false), if line.key.is_some() { Role::Plain } else { Role::Muted }),
    ];
    if room.more {
        let late = late(line).map_or_else(|| "-".to_owned(), behind);
        pieces.push(piece(text(&line.bytes.to_string(), 6, true) + &text(&late, 8, true), Role::Muted));
    }
    pieces.extend(fate(model, line, glyphs));
    pieces
}

/// A key in letters, or its hash where its bytes are not kept.
fn key_of(line: &RecordLine) -> Option<String> {
    match (&line.key, line.key_hash) {
        (Some(key), _) => Some(printable(key)),
        (None, Some(hash)) => Some(format!("#{:08x}", hash as u32)),
        (None, None) => None,
    }
}

/// How long until the last group had processed it.
fn late(line: &RecordLine) -> Option<Duration> {
    let last = line.legs.iter().map(|leg| leg.processed).max();
    last.unwrap_or(line.accepted).map(|last| last.since(line.offered))
}

/// What became of a record, in words.
fn fate(model: &Model, line: &RecordLine, glyphs: Glyphs) -> Vec<Piece> {
    let accepted = if line.accepted.is_some() { " (accepted)" } else { "" };
    let mut pieces = vec![match line.fate {
        Fate::Settled => piece(format!("{} settled", glyphs.held), Role::Ok),
        Fate::Lost(why) => piece(format!("{} LOST{accepted}: {}", glyphs.error, why.name()), Role::Error),
        Fate::Dropped(why) => piece(format!("{} dropped: {}", glyphs.error, why.name()), Role::Error),
        Fate::Rejected(why) => piece(format!("{} refused: {}", glyphs.error, why.name()), Role::Error),
        Fate::DeadLettered(why) => piece(format!("{} put aside: {}", glyphs.warn, why.name()), Role::Warn),
        Fate::InFlight(how_far) => piece(format!("{} {}", glyphs.idle, whereabouts(how_far)), Role::Muted),
    }];
    for leg in &line.legs {
        let name = model.about.group_name(leg.group);
        match leg.times_processed {
            2.. => pieces.push(piece(format!("  {}x {name}", leg.times_processed), Role::Warn)),
            1 if line.fate != Fate::Settled => {
                pieces.push(piece(format!("  {} {name}", glyphs.held), Role::Plain))
            }
            0 | 1 => {}
        }
    }
    pieces
}

fn whereabouts(how_far: Whereabouts) -> &'static str {
    match how_far {
        Whereabouts::Unsent => "in the client",
        Whereabouts::Stored => "stored, not committed",
        Whereabouts::Undelivered => "committed, not read",
        Whereabouts::Unsettled => "read, not settled",
        Whereabouts::Kept => "kept, nobody reads",
    }
}

/// The record that is followed or chosen.
pub fn one(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(id) = model.record() else { return };
    let line = model.detail().records.as_ref().and_then(|page| page.lines.iter().find(|line| line.id == id));
    let mut places = rows_of(area);
    let mut say = |canvas: &mut Canvas<'_>, name: &str, text: String, role| {
        if let Some(place) = places.next() {
            let column = canvas.text(place, 0, &format!("{name:<10}"), Role::Muted);
            canvas.text(place, column, &text, role);
        }
    };
    let known =
        |time: Option<crate::kernel::Time>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    say(canvas, "record", model.about.record_name(id), Role::Accent);
    if let Some(line) = line {
        let place = line.place.map_or_else(
            || "no log had it".to_owned(),
            |place| format!("{} @ {}", model.about.place_name(place), count(line.offset)),
        );
        say(canvas, "place", place, Role::Plain);
        say(canvas, "offered", line.offered.to_string(), Role::Plain);
        say(canvas, "stored", known(line.stored), Role::Plain);
        let took =
            line.accepted.map_or_else(String::new, |time| format!("  after {}", time.since(line.offered)));
        say(canvas, "accepted", format!("{}{took}", known(line.accepted)), Role::Plain);
        say(canvas, "committed", known(line.committed), Role::Plain);
        say(canvas, "copies", line.copies.to_string(), Role::Plain);
        if let Some(hash) = line.key_hash {
            say(canvas, "key hash", format!("{:#010x}", hash as u32), Role::Plain);
        }
        for leg in &line.legs {
            let done = if leg.settled {
                "settled"
            } else if leg.skipped {
                "skipped"
            } else {
                "open"
            };
            say(
                canvas,
                "group",
                format!(
                    "{} handed {}x, done {}x, {done}",
                    model.about.group_name(leg.group),
                    leg.attempts,
                    leg.times_processed
                ),
                if leg.times_processed > 1 { Role::Warn } else { Role::Plain },
            );
        }
    }
    let Some(trace) = model.detail().trace.as_ref().filter(|trace| trace.id == id) else { return };
    if let Some(key) = &trace.key {
        say(canvas, "key", printable(key), Role::Plain);
    }
    let Some(value) = &trace.value else {
        if trace.key.is_some() {
            say(canvas, "value", "this payload has a size alone".to_owned(), Role::Muted);
        }
        return;
    };
    let way = Pane::Record.orders()[model.list(Pane::Record).order.min(2)];
    let format = trace.decoded.as_ref().map_or("bytes", |decoded| decoded.format);
    let shown = match way {
        "DECODED" => format!("as {format}"),
        "TEXT" => "as text".to_owned(),
        _ => "as bytes".to_owned(),
    };
    say(canvas, "value", format!("{} bytes {shown}: v another way", value.len()), Role::Muted);
    let rest: u16 = places.len() as u16;
    let area = Rect { y: area.y + area.height - rest, height: rest, ..area };
    match (way, &trace.decoded) {
        ("DECODED", Some(decoded)) => fields(canvas, area, decoded),
        ("TEXT", _) => {
            wrapped(canvas, area, 0, false, &printable(value), Role::Plain);
        }
        (_, _) => hex(canvas, area, value),
    }
}

/// Names and values of a payload, a row each; the last values go on as far as there is room.
fn fields(canvas: &mut Canvas<'_>, area: Rect, decoded: &Contents) {
    let names = decoded.fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).min(16);
    let mut row = 0;
    for (name, value) in &decoded.fields {
        let Some(place) = rows_of(area).nth(row) else { return };
        let from = if names == 0 { 0 } else { names + 1 };
        canvas.text(place, 0, &cell(name, names, false, canvas.glyphs().cut), Role::Muted);
        let rest = Rect { x: area.x + from.min(usize::from(area.width)) as u16, ..area };
        let rest = Rect { width: area.width.saturating_sub(from as u16), ..rest };
        row = wrapped(canvas, rest, row, false, value, Role::Plain).max(row + 1);
    }
}

/// Sixteen bytes a row, or eight where there is less room: where, in hexadecimal, as letters.
fn hex(canvas: &mut Canvas<'_>, area: Rect, value: &[u8]) {
    let each = if area.width >= 70 { 16 } else { 8 };
    for (row, (bytes, place)) in value.chunks(each).zip(rows_of(area)).enumerate() {
        let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = [
            piece(format!("{:04x}  ", row * each), Role::Muted),
            piece(format!("{:<1$}  ", digits.join(" "), each * 3 - 1), Role::Plain),
            piece(bytes.iter().map(|byte| letter(*byte)).collect::<String>(), Role::Muted),
        ];
        canvas.pieces(place, 0, &line);
    }
}

fn letter(byte: u8) -> char {
    if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' }
}

fn printable(bytes: &[u8]) -> String {
    let letters = String::from_utf8_lossy(bytes);
    letters.chars().map(|letter| if letter.is_control() { '.' } else { letter }).collect()
}

/// The way of the record.
pub fn trace(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(trace) = &model.detail().trace else {
        let said = match (&model.detail().records, model.record()) {
            (None, _) => "the way of a record is known in simulated runs alone",
            (Some(_), None) => "no record is chosen",
            (Some(_), Some(_)) => "its way is looked up",
        };
        canvas.text(area, 0, said, Role::Muted);
        return;
    };
    if trace.lines.is_empty() {
        // By the clock a record is followed from when it was chosen.
        canvas.text(area, 0, "nothing has happened to it since it was chosen", Role::Muted);
        return;
    }
    let glyphs = canvas.glyphs();
    let heading = format!("{:>10} {:>9}  {:<14} {}", "TIME", "AFTER", "WHERE", "WHAT");
    list::draw(model, canvas, area, Pane::Trace, &heading, |key| {
        let Some(index) = trace.lines.iter().position(|line| line.serial == key) else { return Vec::new() };
        let line = &trace.lines[index];
        let before = index.checked_sub(1).map(|before| line.at.since(trace.lines[before].at));
        let after = before.map_or_else(
            || "-".to_owned(),
            |after| if after.as_millis() >= 1_000 { behind(after) } else { after.to_string() },
        );
        let role = if line.harm {
            Role::Error
        } else if line.aside {
            Role::Warn
        } else {
            Role::Plain
        };
        let glyph = if line.harm {
            glyphs.error
        } else if line.aside {
            glyphs.fault
        } else {
            glyphs.idle
        };
        vec![
            piece(format!("{:>10} ", at(line.at)), Role::Muted),
            piece(format!("{after:>9}  "), Role::Muted),
            piece(cell(&line.who, 14, false, glyphs.cut), Role::Plain),
            piece(format!("{glyph} {}", line.text), role),
        ]
    });
}
