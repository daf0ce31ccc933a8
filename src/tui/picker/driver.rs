//! The picker on the terminal.

#![expect(clippy::disallowed_types, reason = "two clicks are a double click in wall time")]

use std::io;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration as Wall, Instant};

use crossterm::event::{self, Event, MouseEvent};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::{Paragraph, Picked, Picker, view};
use crate::tui::mouse::{Clicks, Mouse};
use crate::tui::terminal::{A_LOOK, Guard, Stdout, await_input};

/// How soon a signal is heard.
const PATIENCE: Wall = Wall::from_millis(100);

/// Shows the picker until something is picked, or `stop` is raised from outside, which is to leave.
///
/// # Errors
/// When standard output is no terminal, or is lost.
pub fn pick(
    picker: &mut Picker,
    preview: &mut dyn FnMut(usize) -> Vec<Paragraph>,
    stop: &AtomicBool,
) -> io::Result<Picked> {
    let guard = Guard::take(Stdout { mouse: picker.mouse })?;
    let (mut clicks, began) = (Clicks::default(), Instant::now());
    // The guard shows the cursor again: a terminal that tells why it cannot panics where nobody can be told.
    let mut terminal = ManuallyDrop::new(Terminal::new(CrosstermBackend::new(io::stdout()))?);
    picker.stale = true;
    while guard.held() && !stop.load(Ordering::Relaxed) {
        if let Some(wanted) = picker.wants_preview() {
            picker.take_preview(wanted, preview(wanted));
        }
        if picker.stale {
            guard.frame(&mut terminal, |frame| view(picker, frame))?;
            picker.stale = false;
        }
        let size = terminal.size()?;
        let mut point = |event| clicks.take(event, began.elapsed(), size);
        if let Some(picked) = take_input(picker, &mut point)? {
            return Ok(picked);
        }
    }
    Ok(Picked::Leave)
}

/// Takes what was typed and pointed at, waiting for the first.
fn take_input(
    picker: &mut Picker,
    point: &mut dyn FnMut(MouseEvent) -> Option<Mouse>,
) -> io::Result<Option<Picked>> {
    if !await_input(PATIENCE)? {
        return Ok(Some(Picked::Leave));
    }
    while event::poll(A_LOOK)? {
        match event::read()? {
            Event::Key(key) => {
                if let Some(picked) = picker.key(key) {
                    return Ok(Some(picked));
                }
            }
            Event::Mouse(event) => {
                if let Some(picked) = point(event).and_then(|mouse| picker.point(mouse)) {
                    return Ok(Some(picked));
                }
            }
            Event::Resize(..) | Event::FocusGained => picker.stale = true,
            Event::FocusLost | Event::Paste(_) => {}
        }
    }
    Ok(None)
}
