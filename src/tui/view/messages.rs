//! Records, and the way of one of them.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece, rows as rows_of};
use super::list::{self, cell, wrapped};
use super::words::{at, behind, count, wrap};
use crate::kernel::{Duration, Time};
use crate::observe::ledger::{Fate, Whereabouts};
use crate::observe::lens::{Contents, FateFilter, RecordLeg, RecordLine, Trace};
use crate::trace::Reason;
use crate::tui::keys::Action;
use crate::tui::model::{Clock, Model, Pane};
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
        if room.key > 0 { head("KEY", room.key, false) } else { String::new() },
        if room.more { head("BYTES", 6, true) + &head("LATE", 8, true) } else { String::new() },
        "FATE".to_owned(),
    ];
    let Some(page) = &model.detail().records else {
        canvas.text(area, 0, "the records are being looked up", Role::Muted);
        return;
    };
    if page.lines.is_empty() {
        canvas.text(area, 0, "no record that is remembered fits", Role::Muted);
        return;
    }
    let index: std::collections::BTreeMap<u64, usize> =
        page.lines.iter().enumerate().map(|(at, line)| (line.id.to_bits(), at)).collect();
    list::draw(model, canvas, area, Pane::Records, &heading.concat(), |key| {
        index.get(&key).map_or_else(Vec::new, |at| record(model, &page.lines[*at], room, area.width, glyphs))
    });
}

/// How many columns each part of a record's row has.
#[derive(Clone, Copy)]
struct Room {
    offset: usize,
    offered: usize,
    record: usize,
    /// None where what became of a record needs it.
    key: usize,
    /// There is room for size and lateness.
    more: bool,
}

impl Room {
    fn of(width: u16) -> Self {
        match width {
            0..60 => Self { offset: 7, offered: 9, record: 10, key: 0, more: false },
            60..100 => Self { offset: 8, offered: 9, record: 11, key: 8, more: false },
            100.. => Self { offset: 9, offered: 10, record: 16, key: 14, more: true },
        }
    }

    /// Columns that are left for what became of a record, the cursor and the gaps taken off.
    fn left(self, width: u16) -> usize {
        let key = if self.key > 0 { self.key + 1 } else { 0 };
        let more = if self.more { 16 } else { 0 };
        usize::from(width).saturating_sub(2 + 4 + self.offset + self.offered + self.record + 3 + key + more)
    }
}

fn record(model: &Model, line: &RecordLine, room: Room, width: u16, glyphs: Glyphs) -> Vec<Piece> {
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
        piece(
            if room.key > 0 { text(&key, room.key, false) } else { String::new() },
            if line.key.is_some() { Role::Plain } else { Role::Muted },
        ),
    ];
    if room.more {
        let late = late(line).map_or_else(|| "-".to_owned(), behind);
        pieces.push(piece(text(&line.bytes.to_string(), 6, true) + &text(&late, 8, true), Role::Muted));
    }
    pieces.extend(fate(model, line, glyphs, room.left(width)));
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

/// What became of a record, in as many words as there are columns for: the first say most.
fn fate_words(line: &RecordLine, glyphs: Glyphs) -> (Vec<String>, Role) {
    let accepted = if line.accepted.is_some() { " (accepted)" } else { "" };
    let because = |glyph: &str, word: &str, more: &str, why: Reason| {
        let first = format!("{glyph} {word}{more}");
        vec![format!("{first}: {}", why.name()), first, format!("{glyph} {word}")]
    };
    match line.fate {
        Fate::Settled => (vec![format!("{} settled", glyphs.held)], Role::Ok),
        Fate::Lost(why) => (because(glyphs.error, "LOST", accepted, why), Role::Error),
        Fate::Dropped(why) => (because(glyphs.error, "dropped", "", why), Role::Error),
        Fate::Rejected(why) => (because(glyphs.error, "refused", "", why), Role::Error),
        Fate::DeadLettered(why) => (because(glyphs.warn, "put aside", "", why), Role::Warn),
        Fate::InFlight(how_far) => {
            let words = whereabouts(how_far).into_iter();
            (words.map(|words| format!("{} {words}", glyphs.idle)).collect(), Role::Muted)
        }
    }
}

fn fate(model: &Model, line: &RecordLine, glyphs: Glyphs, columns: usize) -> Vec<Piece> {
    let (mut words, role) = fate_words(line, glyphs);
    let shortest = words.pop().expect("a fate has a word");
    let chosen = words.into_iter().find(|text| text.chars().count() <= columns).unwrap_or(shortest);
    let mut pieces = vec![piece(chosen, role)];
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

/// In words, and in fewer.
fn whereabouts(how_far: Whereabouts) -> [&'static str; 2] {
    match how_far {
        Whereabouts::Unsent => ["in the client", "in client"],
        Whereabouts::Stored => ["stored, not committed", "stored"],
        Whereabouts::Undelivered => ["committed, not read", "committed"],
        Whereabouts::Unsettled => ["read, not settled", "read"],
        Whereabouts::Kept => ["kept, nobody reads", "kept"],
    }
}

/// Why it went wrong, if it did.
fn reason_of(line: &RecordLine) -> Option<Reason> {
    match line.fate {
        Fate::Lost(why) | Fate::Dropped(why) | Fate::Rejected(why) | Fate::DeadLettered(why) => Some(why),
        Fate::Settled | Fate::InFlight(_) => None,
    }
}

/// From this height on all that is known of a record is told; below it its contents matter more, as when what happened to
/// it stands below, in its way.
const WHOLE: u16 = 12;
/// Columns before what is told of a record.
const NAMES: usize = 10;

/// A name, what is told, and how it looks; without a name it goes on from the row before.
type Row = (&'static str, String, Role);

/// The record that is followed or chosen.
pub fn one(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(id) = model.record() else { return };
    let line = model.detail().records.as_ref().and_then(|page| page.lines.iter().find(|line| line.id == id));
    let mut told: Vec<Row> = vec![("record", model.about.record_name(id), Role::Accent)];
    if let Some(line) = line {
        let room = usize::from(area.width).saturating_sub(NAMES);
        let whole = area.height >= WHOLE;
        told.extend(what_and_where(model, line, room, whole, canvas.glyphs()));
        if whole {
            told.extend(times(line, room));
            told.extend(line.legs.iter().flat_map(|leg| leg_rows(model, leg, room)));
        }
    }
    let trace = model.detail().trace.as_ref().filter(|trace| trace.id == id);
    let way = Pane::Record.orders()[model.list(Pane::Record).order.min(2)];
    told.extend(trace.into_iter().flat_map(|trace| key_and_value(trace, way)));
    for ((name, text, role), place) in told.iter().zip(rows_of(area)) {
        canvas.text(place, 0, name, Role::Muted);
        canvas.text(place, NAMES, text, *role);
    }
    let used = (told.len() as u16).min(area.height);
    let below = Rect { y: area.y + used, height: area.height - used, ..area };
    if let Some((trace, value)) = trace.and_then(|trace| Some((trace, trace.value.as_ref()?))) {
        contents(canvas, below, way, trace.decoded.as_ref(), value);
    }
}

fn what_and_where(model: &Model, line: &RecordLine, room: usize, whole: bool, glyphs: Glyphs) -> Vec<Row> {
    let place = line.place.map_or_else(
        || "no log had it".to_owned(),
        |place| format!("{} @ {}", model.about.place_name(place), count(line.offset)),
    );
    let (words, role) = fate_words(line, glyphs);
    let fate = match reason_of(line) {
        Some(why) if whole => format!("{}: {}", words[1], why.means()),
        Some(_) => words.into_iter().skip(1).find(|text| text.chars().count() <= room).unwrap_or_default(),
        None => words.into_iter().next().unwrap_or_default(),
    };
    std::iter::once(("place", place, Role::Plain)).chain(over_rows("fate", &fate, room, role)).collect()
}

/// A text in as many rows as it takes.
fn over_rows(name: &'static str, text: &str, room: usize, role: Role) -> Vec<Row> {
    let lines = wrap(text, room).into_iter().enumerate();
    lines.map(|(index, text)| (if index == 0 { name } else { "" }, text, role)).collect()
}

fn times(line: &RecordLine, room: usize) -> Vec<Row> {
    let known = |time: Option<Time>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let accepted = known(line.accepted);
    let took = line.accepted.map(|time| format!("{accepted}  after {}", time.since(line.offered)));
    let accepted = took.filter(|text| text.chars().count() <= room).unwrap_or(accepted);
    // What has its bytes below needs no hash.
    let hash = line.key_hash.filter(|_| line.key.is_none());
    let hash = hash.map(|hash| ("key hash", format!("{:#010x}", hash as u32), Role::Plain));
    [
        ("offered", line.offered.to_string(), Role::Plain),
        ("stored", known(line.stored), Role::Plain),
        ("accepted", accepted, Role::Plain),
        ("committed", known(line.committed), Role::Plain),
        ("copies", line.copies.to_string(), Role::Plain),
    ]
    .into_iter()
    .chain(hash)
    .collect()
}

/// How it went with a group.
fn leg_rows(model: &Model, leg: &RecordLeg, room: usize) -> Vec<Row> {
    let done = match (leg.settled, leg.skipped) {
        (true, _) => "settled",
        (false, true) => "skipped",
        (false, false) => "open",
    };
    let role = if leg.times_processed > 1 { Role::Warn } else { Role::Plain };
    let name = model.about.group_name(leg.group);
    let text = format!("{name}: handed {}x, done {}x, {done}", leg.attempts, leg.times_processed);
    over_rows("group", &text, room, role)
}

fn key_and_value(trace: &Trace, way: &str) -> Vec<Row> {
    let key = trace.key.as_ref().map(|key| ("key", printable(key), Role::Plain));
    let format = trace.decoded.as_ref().map_or("bytes", |decoded| decoded.format);
    let value = match (&trace.value, way) {
        (Some(value), "DECODED") => format!("{} bytes as {format}: v another way", value.len()),
        (Some(value), "TEXT") => format!("{} bytes as text: v another way", value.len()),
        (Some(value), _) => format!("{} bytes as bytes: v another way", value.len()),
        (None, _) if key.is_some() => "this payload has a size alone".to_owned(),
        (None, _) => return Vec::new(),
    };
    key.into_iter().chain([("value", value, Role::Muted)]).collect()
}

fn contents(canvas: &mut Canvas<'_>, area: Rect, way: &str, decoded: Option<&Contents>, value: &[u8]) {
    match (way, decoded) {
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

/// Whether the way that is known is still that of another record than the chosen one, while time stands still: while it
/// runs, the newest record is another one at every look, and the way says whose it is.
pub fn is_of_another(model: &Model) -> bool {
    let trace = model.detail().trace.as_ref();
    model.report.clock != Clock::Running && trace.is_some_and(|trace| Some(trace.id) != model.record())
}

/// The way of the record.
pub fn trace(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(trace) = &model.detail().trace else {
        let said = match (&model.detail().records, model.record()) {
            (None, _) => "the records are being looked up",
            (Some(_), None) => "no record is chosen",
            (Some(_), Some(_)) => "its way is looked up",
        };
        canvas.text(area, 0, said, Role::Muted);
        return;
    };
    if is_of_another(model) {
        canvas.text(area, 0, "its way is looked up", Role::Muted);
        return;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_record_has_room_on_every_screen() {
        // From the list's inner width at 80 columns on. `○ put aside` is the longest of the shortest words.
        for width in 46..300 {
            assert!(Room::of(width).left(width) >= 11, "{width}: {}", Room::of(width).left(width));
        }
        assert!(Room::of(66).left(66) >= "✗ LOST (accepted)".chars().count(), "at 120 columns");
    }
}
