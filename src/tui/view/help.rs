//! The help: every key, and what the glyphs mean. Typing filters it.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, inset, piece, rows as rows_of};
use super::words::cut;
use crate::tui::keymap::Keymap;
use crate::tui::keys::Topic;
use crate::tui::theme::{Glyphs, Role};

/// From this width on there are two columns.
const WIDE: u16 = 100;
/// Columns for the keys.
const KEYS: usize = 18;

/// Draws it over `area`.
pub fn draw(keymap: &Keymap, canvas: &mut Canvas<'_>, area: Rect, filter: &str, scrolled: usize) {
    canvas.clear(area);
    let keys = keymap.matching(filter).count();
    let title = format!("Help {} type to filter: {filter}_", canvas.glyphs().idle);
    let note = format!("{keys} of {} keys", keymap.matching("").count());
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

/// The keys by topic; in a second column what does not fit side by side.
fn columns(keymap: &Keymap, filter: &str, width: u16) -> (Vec<Vec<Piece>>, Vec<Vec<Piece>>) {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for topic in Topic::ALL {
        let lines = lines(keymap, filter, topic);
        let second = width >= WIDE && matches!(topic, Topic::Move | Topic::Change | Topic::Other);
        if second { right.extend(lines) } else { left.extend(lines) }
    }
    if left.is_empty() && right.is_empty() {
        left.push(vec![piece("no key has all of these words", Role::Muted)]);
    }
    (left, right)
}

fn lines(keymap: &Keymap, filter: &str, topic: Topic) -> Vec<Vec<Piece>> {
    let bindings = keymap.matching(filter).filter(|binding| binding.topic == topic);
    let line = |binding: &crate::tui::keys::Binding| {
        let keys: Vec<String> = binding.keys.iter().map(|key| key.name()).collect();
        vec![piece(format!("  {:<KEYS$}", keys.join(" ")), Role::Plain), piece(binding.help, Role::Plain)]
    };
    let lines: Vec<Vec<Piece>> = bindings.map(line).collect();
    let heading = (!lines.is_empty()).then(|| vec![piece(topic.title(), Role::Accent)]);
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
