//! The help: every key, and what the glyphs mean. Typing filters it.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, inset, piece, rows as rows_of};
use super::words::{cut, wrap};
use crate::tui::keymap::Keymap;
use crate::tui::keys::{Action, Binding, Context, Topic};
use crate::tui::theme::{Glyphs, Role};
use crate::tui::update::hands::Hand;

/// From this width on there are two columns.
const WIDE: u16 = 100;
/// Columns for the keys.
const KEYS: usize = 18;

/// Draws it over `area`.
pub fn draw(keymap: &Keymap, canvas: &mut Canvas<'_>, area: Rect, filter: &str, scrolled: usize) {
    canvas.clear(area);
    let title = format!("Help {} type to filter: {filter}_", canvas.glyphs().idle);
    let note = format!("{} of {} keys", count(keymap, filter), count(keymap, ""));
    let inner = canvas.pane(area, &title, &note, true);
    let legend = legend(canvas.glyphs());
    let rows = inner.height.saturating_sub(legend.len() as u16 + 1);
    let body = Rect { height: rows, ..inner };
    let (left, right) = columns(keymap, filter, inner.width);
    if right.is_empty() {
        list(canvas, body, &left, scrolled);
    } else {
        let half = Rect { width: body.width / 2, ..body };
        list(canvas, Rect { width: half.width.saturating_sub(2), ..half }, &left, scrolled);
        list(
            canvas,
            Rect { x: body.x + half.width, width: body.width - half.width, ..body },
            &right,
            scrolled,
        );
    }
    let below = Rect { y: inner.y + rows, height: inner.height - rows, ..inner };
    for (line, place) in legend.iter().zip(rows_of(inset(below, 0, 0)).skip(1)) {
        canvas.pieces(place, 0, line);
    }
}

fn list(canvas: &mut Canvas<'_>, area: Rect, lines: &[Vec<Piece>], scrolled: usize) {
    let first = scrolled.min(lines.len().saturating_sub(usize::from(area.height)));
    for (line, place) in lines.iter().skip(first).zip(rows_of(area)) {
        canvas.pieces(place, 0, line);
    }
    if let Some(last) = rows_of(area).last().filter(|_| lines.len() > first + usize::from(area.height)) {
        let more = format!("{:<1$}", "more: Down", usize::from(area.width));
        canvas.text(last, 0, &cut(&more, usize::from(area.width), ""), Role::Muted);
    }
}

/// Keys that work after another key, or in what lies over the screen: under which heading, after which key, and whether
/// in the second column.
const ELSEWHERE: [(Context, &str, Option<Action>, bool); 8] = [
    (Context::Fault, "FAULTS", Some(Action::Hand(Hand::Faults)), false),
    (Context::Go, "GO", Some(Action::Go), true),
    (Context::Reset, "RESET OFFSETS", Some(Action::Hand(Hand::Reset)), true),
    (Context::Why, "IN A STORY", None, true),
    (Context::Branches, "IN THE LIST OF BRANCHES", None, true),
    (Context::Diff, "IN WHAT DIFFERS", None, true),
    (Context::Find, "WHILE FINDING", None, true),
    (Context::Typing, "WHILE TYPING", None, true),
];

/// How many keys a filter leaves.
fn count(keymap: &Keymap, filter: &str) -> usize {
    let elsewhere =
        ELSEWHERE.iter().map(|(context, heading, ..)| keymap.matching_in(*context, heading, filter).count());
    keymap.matching(filter).count() + elsewhere.sum::<usize>()
}

/// The keys by topic; in a second column what does not fit side by side.
fn columns(keymap: &Keymap, filter: &str, width: u16) -> (Vec<Vec<Piece>>, Vec<Vec<Piece>>) {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let wide = width >= WIDE;
    let room = usize::from(if wide { width / 2 - 2 } else { width });
    for topic in Topic::ALL {
        let found = keymap.matching(filter).filter(|binding| binding.topic == topic);
        let lines = lines(topic.title(), "", found, room);
        let second = wide && matches!(topic, Topic::Move | Topic::Change | Topic::Other);
        if second { right.extend(lines) } else { left.extend(lines) }
    }
    for (context, heading, prefix, second) in ELSEWHERE {
        let prefix = prefix.map_or_else(String::new, |action| keymap.name_of(action) + " ");
        let found = keymap.matching_in(context, heading, filter);
        let lines = lines(heading, &prefix, found, room);
        if second && wide { right.extend(lines) } else { left.extend(lines) }
    }
    if left.is_empty() && right.is_empty() {
        left.push(vec![piece("no key has all of these words", Role::Muted)]);
    }
    (left, right)
}

/// A heading and its keys; what does not fit goes on below.
fn lines<'k>(
    heading: &str,
    prefix: &str,
    found: impl Iterator<Item = &'k Binding>,
    room: usize,
) -> Vec<Vec<Piece>> {
    let line = |binding: &Binding| {
        let keys: Vec<String> = binding.keys.iter().map(|key| key.name()).collect();
        let keys = format!("{prefix}{}", keys.join(" "));
        let said = wrap(binding.help, room.saturating_sub(KEYS + 2).max(10));
        let rows = said.into_iter().enumerate().map(move |(index, text)| {
            let keys = if index == 0 { keys.as_str() } else { "" };
            vec![piece(format!("  {keys:<KEYS$}"), Role::Plain), piece(text, Role::Plain)]
        });
        rows.collect::<Vec<_>>()
    };
    let lines: Vec<Vec<Piece>> = found.flat_map(line).collect();
    let heading = (!lines.is_empty()).then(|| vec![piece(heading, Role::Accent)]);
    heading.into_iter().chain(lines).collect()
}

fn legend(glyphs: Glyphs) -> [Vec<Piece>; 2] {
    let entry =
        |glyph: &str, word: &str, role| [piece(glyph, role), piece(format!(" {word}   "), Role::Plain)];
    [
        [
            entry(glyphs.leader, "leader", Role::Accent),
            entry(glyphs.ok, "in sync, up", Role::Ok),
            entry(glyphs.warn, "lagging, empty", Role::Warn),
            entry(glyphs.error, "down, lost", Role::Error),
            entry(glyphs.rebalance, "rebalance", Role::Plain),
        ]
        .concat(),
        [
            entry(glyphs.fault, "injected fault", Role::Fault),
            entry(glyphs.up, "look at this", Role::Warn),
            entry("2x", "twice", Role::Warn),
            [piece("colour only repeats the glyph", Role::Muted), piece("", Role::Plain)],
        ]
        .concat(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(filter: &str, width: u16) -> Vec<String> {
        let (left, right) = columns(&Keymap::shipped(), filter, width);
        let text = |row: &Vec<Piece>| row.iter().map(|piece| piece.text.as_str()).collect();
        left.iter().chain(&right).map(text).collect()
    }

    #[test]
    fn keys_after_a_prefix_and_in_what_lies_over_the_screen_are_told_too() {
        let rows = told("rolling", 116);
        assert_eq!(rows, ["FAULTS", &format!("  {:<KEYS$}rolling-restart", "f R")]);
        assert!(told("story", 116).iter().any(|row| row == "IN A STORY"));
        assert_eq!(count(&Keymap::shipped(), "rolling"), 1);
    }

    #[test]
    fn what_a_key_does_is_told_in_whole_words_at_every_width() {
        for width in [38, 76, 116] {
            let room = usize::from(if width >= WIDE { width / 2 - 2 } else { width });
            for row in told("", width) {
                assert!(row.trim_end().chars().count() <= room, "{width}: {row}");
            }
        }
    }
}
