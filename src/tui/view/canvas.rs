//! Puts text into cells: always inside its area, whatever the area.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Span;
use ratatui::widgets::{Block, Clear, Widget};

use crate::tui::mouse::Under;
use crate::tui::theme::{Glyphs, Role, Theme};

/// Where a frame is drawn.
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    theme: Theme,
    /// What lies where, the uppermost last.
    drawn: Vec<(Rect, Under)>,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// How it looks.
    pub role: Role,
    /// Whether it has changed: bold.
    pub moved: bool,
}

/// A piece that has not changed.
pub fn piece(text: impl Into<String>, role: Role) -> Piece {
    Piece { text: text.into(), role, moved: false }
}

impl Piece {
    /// The same, bold when it has changed.
    pub fn moved(mut self, moved: bool) -> Self {
        self.moved = moved;
        self
    }

    /// How many columns it takes.
    pub fn width(&self) -> usize {
        Span::raw(self.text.as_str()).width()
    }
}

impl<'a> Canvas<'a> {
    /// Draws into `buffer`.
    pub fn new(buffer: &'a mut Buffer, theme: Theme) -> Self {
        Self { buffer, theme, drawn: Vec::new() }
    }

    /// The glyphs.
    pub fn glyphs(&self) -> Glyphs {
        self.theme.glyphs
    }

    /// A frame with a title and a note at its upper right; what it encloses, a column of air at both sides.
    pub fn pane(&mut self, area: Rect, title: &str, note: &str, focused: bool) -> Rect {
        let glyphs = self.glyphs();
        let set = if focused { glyphs.focus } else { glyphs.border };
        Block::bordered().border_set(set).render(area, self.buffer);
        let top = Rect { height: area.height.min(1), ..inset(area, 2, 0) };
        let title = format!(" {} ", self.known(title));
        let used = self.text(top, 0, &title, Role::Accent);
        let note = format!(" {} ", self.known(note));
        if note.trim().is_empty() || usize::from(top.width) < used + note.len() + 1 {
            return inset(area, 2, 1);
        }
        self.text(top, usize::from(top.width) - note.chars().count(), &note, Role::Muted);
        inset(area, 2, 1)
    }

    /// Says what an area shows, for the mouse; what is said later lies above.
    pub fn shows(&mut self, area: Rect, what: Under) {
        self.drawn.push((area, what));
    }

    /// What lies where, the uppermost last.
    pub fn into_shown(self) -> Vec<(Rect, Under)> {
        self.drawn
    }

    /// Empties an area.
    pub fn clear(&mut self, area: Rect) {
        Clear.render(area.intersection(self.buffer.area), self.buffer);
    }

    /// A text in the first row of `area`, from `column` on, cut at its edge; the column after it.
    pub fn text(&mut self, area: Rect, column: usize, text: &str, role: Role) -> usize {
        self.pieces(area, column, &[piece(text, role)])
    }

    /// Pieces side by side; the column after the last.
    pub fn pieces(&mut self, area: Rect, column: usize, pieces: &[Piece]) -> usize {
        let mut column = column;
        let area = area.intersection(self.buffer.area);
        for piece in pieces {
            let room = usize::from(area.width).saturating_sub(column);
            if room == 0 || area.height == 0 {
                return column;
            }
            let (style, width) = (self.style(piece), piece.width());
            let at = area.x + column as u16;
            let text = if width > room {
                self.clipped(&piece.text, room)
            } else {
                Cow::Borrowed(piece.text.as_str())
            };
            self.buffer.set_stringn(at, area.y, text, room, style);
            column += width;
        }
        column
    }

    /// A text that does not fit: its last column says so, unless what is missing is blank.
    fn clipped<'t>(&self, text: &'t str, room: usize) -> Cow<'t, str> {
        if text.chars().skip(room).all(char::is_whitespace) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(super::words::cut(text, room, self.glyphs().cut))
    }

    fn style(&self, piece: &Piece) -> Style {
        let style = self.theme.style(piece.role);
        if piece.moved { style.add_modifier(Modifier::BOLD) } else { style }
    }

    /// The text without glyphs that the glyph set does not have.
    fn known(&self, text: &str) -> String {
        if self.glyphs().idle.is_ascii() { text.replace('·', "-") } else { text.to_owned() }
    }
}

/// The area without so many columns at both sides and so many rows above and below.
pub fn inset(area: Rect, columns: u16, rows: u16) -> Rect {
    let (columns, rows) = (columns.min(area.width / 2), rows.min(area.height / 2));
    Rect {
        x: area.x + columns,
        y: area.y + rows,
        width: area.width - 2 * columns,
        height: area.height - 2 * rows,
    }
}

/// The rows of an area from the top, each one row high.
pub fn rows(area: Rect) -> impl DoubleEndedIterator<Item = Rect> + ExactSizeIterator {
    (0..area.height).map(move |row| Rect { y: area.y + row, height: 1, ..area })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::Palette;

    fn drawn(columns: u16, pieces: &[Piece]) -> String {
        let area = Rect::new(0, 0, columns, 1);
        let mut buffer = Buffer::empty(area);
        Canvas::new(&mut buffer, Theme::new(Palette::Mono, false)).pieces(area, 0, pieces);
        buffer.content.iter().map(|cell| cell.symbol()).collect()
    }

    #[test]
    fn a_word_that_is_clipped_says_so_and_blanks_do_not() {
        let pieces = [piece("orders ", Role::Plain), piece("catches up", Role::Plain)];
        assert_eq!(drawn(17, &pieces), "orders catches up");
        assert_eq!(drawn(14, &pieces), "orders catche…");
        assert_eq!(drawn(6, &pieces[..1]), "orders");
    }
}
