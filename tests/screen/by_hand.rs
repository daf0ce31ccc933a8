//! What tests of the screen share: a terminal that takes every frame, and every key there is.

use brokersim::tui::{Model, Msg, update, view};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

const MODIFIERS: [KeyModifiers; 4] =
    [KeyModifiers::NONE, KeyModifiers::SHIFT, KeyModifiers::CONTROL, KeyModifiers::ALT];

/// Every printable character, and every key of its own.
pub fn every_key() -> Vec<KeyEvent> {
    use KeyCode::{
        BackTab, Backspace, Delete, Down, End, Enter, Esc, F, Home, Insert, Left, PageDown, PageUp, Right,
    };
    use KeyCode::{CapsLock, Menu, Null, Tab, Up};
    let special = [
        BackTab,
        Backspace,
        CapsLock,
        Delete,
        Down,
        End,
        Enter,
        Esc,
        F(1),
        F(35),
        Home,
        Insert,
        Left,
        Menu,
        Null,
        PageDown,
        PageUp,
        Right,
        Tab,
        Up,
    ];
    let letters = (' '..='~').chain("äß中\u{301}".chars()).map(KeyCode::Char);
    let codes: Vec<KeyCode> = letters.chain(special).collect();
    codes.into_iter().flat_map(|code| MODIFIERS.map(|held| KeyEvent::new(code, held))).collect()
}

/// A key goes down.
pub fn press(model: &mut Model, key: KeyEvent) {
    update(model, Msg::Key(key));
}

/// A frame of this size.
pub fn drawn(model: &Model, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a backend for tests");
    terminal.draw(|frame| view(model, frame)).expect("it takes every frame");
    terminal.backend().buffer().clone()
}
