//! Records, and the way of one of them.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece, rows as rows_of};
use super::list::{self, cell, wrapped};
use super::words::{at, behind, count};
use crate::observe::ledger::{Fate, Whereabouts};
use crate::observe::lens::RecordLine;
use crate::tui::keys::Action;
use crate::tui::model::{Model, Pane};
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
    let found = model.detail().records.as_ref().map_or_else(String::new, |page| {
        format!("   {} of {} remembered", count(page.matching), count(page.remembered))
    });
    let follows =
        model.followed.map_or_else(String::new, |id| format!("   following {}", model.about.record_name(id)));
    let key = |action| model.keys.name_of(action);
    let pieces = [
        piece("filter  ", Role::Muted),
        piece(place, Role::Accent),
        piece("  fate ", Role::Muted),
        piece(model.fate.name(), Role::Accent),
        piece(found, Role::Muted),
        piece(follows, Role::Warn),
        piece(format!("   {} fate  {} all partitions", key(Action::View), key(Action::Records)), Role::Muted),
    ];
    canvas.pieces(area, 1, &pieces);
}

/// The records.
pub fn records(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let glyphs = canvas.glyphs();
    let head = |text: &str, columns, right| cell(text, columns, right, glyphs.cut);
    let wide = area.width >= 64;
    let heading = [
        head("P", 3, true),
        head("OFFSET", if wide { 9 } else { 7 }, true),
        head("OFFERED", if wide { 10 } else { 9 }, true),
        head("RECORD", if wide { 14 } else { 10 }, false),
        if wide { head("BYTES", 6, true) } else { String::new() },
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
        index.get(&key).map_or_else(Vec::new, |at| record(model, &page.lines[*at], wide, glyphs))
    });
}

fn record(model: &Model, line: &RecordLine, wide: bool, glyphs: Glyphs) -> Vec<Piece> {
    let text = |text: &str, columns, right| cell(text, columns, right, glyphs.cut);
    let place = line
        .place
        .and_then(|place| rows::place(model, place))
        .map_or_else(|| "-".to_owned(), |place| place.number.to_string());
    let offset = if line.place.is_some() { count(line.offset) } else { "-".to_owned() };
    let mut pieces = vec![
        piece(text(&place, 3, true), Role::Plain),
        piece(text(&offset, if wide { 9 } else { 7 }, true), Role::Plain),
        piece(text(&at(line.offered), if wide { 10 } else { 9 }, true), Role::Muted),
        piece(text(&model.about.record_name(line.id), if wide { 14 } else { 10 }, false), Role::Plain),
        piece(if wide { text(&line.bytes.to_string(), 6, true) } else { String::new() }, Role::Muted),
    ];
    pieces.extend(fate(model, line, glyphs));
    pieces
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
                "not settled"
            };
            say(
                canvas,
                "group",
                format!(
                    "{}: handed {}x, processed {}x, {done}",
                    model.about.group_name(leg.group),
                    leg.attempts,
                    leg.times_processed
                ),
                if leg.times_processed > 1 { Role::Warn } else { Role::Plain },
            );
        }
    }
    if let Some(trace) = model.detail().trace.as_ref().filter(|trace| trace.id == id) {
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes)
                .chars()
                .map(|letter| if letter.is_control() { '.' } else { letter })
                .collect::<String>()
        };
        if let Some(key) = &trace.key {
            say(canvas, "key", text(key), Role::Plain);
        }
        if let Some(value) = &trace.value {
            let rest: u16 = places.len() as u16;
            let area = Rect { y: area.y + area.height - rest, height: rest, ..area };
            wrapped(canvas, area, 0, false, &text(value), Role::Plain);
        }
    }
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
