//! The time of a frame.

use std::time::{Duration, Instant};

use brokersim::tui::{Mode, Model, Msg, Page, Pane, update, view};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::crowd::{Crowd, Shape};
use super::{median, millis};

/// A frame is drawn in this time.
const GOAL: Duration = Duration::from_millis(16);
/// Frames of each kind.
const FRAMES: usize = 40;

/// What is done to a list before it is scrolled, as keys.
const WAYS: [(&str, &str); 3] = [("", ""), ("sorted", "s"), ("filtered", "/2\n")];

/// Measures every page in both shapes.
pub fn measure() {
    println!(
        "a frame of 120x36, with the report and the key before it, 10,000 partitions, 1,000 groups, in milliseconds:"
    );
    println!("  {:<44} {:>8} {:>8} {:>8}", "", "median", "longest", "report");
    let mut longest = Duration::ZERO;
    for shape in [Shape::OneTopic, Shape::ManyTopics] {
        let crowd = Crowd::new(shape);
        for page in Page::ALL {
            for pane in page.panes() {
                longest = longest.max(of_pane(&crowd, shape, page, *pane));
            }
        }
    }
    println!("  longest {:.2}, goal {:.0}", millis(longest), millis(GOAL));
}

fn of_pane(crowd: &Crowd, shape: Shape, page: Page, pane: Pane) -> Duration {
    let mut longest = Duration::ZERO;
    for (way, keys) in WAYS {
        let mut model = crowd.model();
        model.page = page;
        model.focus.insert(page, pane);
        keys.chars().for_each(|letter| press(&mut model, code(letter)));
        model.mode = Mode::Screen;
        crowd.look(&mut model);
        let began = Instant::now();
        drop(crowd.report(&model.look()));
        let report = began.elapsed();
        let frames = frames(&mut model, crowd);
        let most = frames.iter().copied().max().unwrap_or_default();
        longest = longest.max(most);
        let name = format!("{shape:?} {} {pane:?} {way}", page.name());
        println!(
            "  {name:<44} {:>8.2} {:>8.2} {:>8.2}",
            millis(median(frames)),
            millis(most),
            millis(report)
        );
    }
    longest
}

/// The times of frames while the run goes on, and the list is scrolled down, up, and to its ends.
fn frames(model: &mut Model, crowd: &Crowd) -> Vec<Duration> {
    const KEYS: [KeyCode; 8] = [
        KeyCode::PageDown,
        KeyCode::Down,
        KeyCode::PageDown,
        KeyCode::Up,
        KeyCode::Char('G'),
        KeyCode::PageUp,
        KeyCode::Up,
        KeyCode::PageUp,
    ];
    let mut terminal = Terminal::new(TestBackend::new(120, 36)).expect("a backend for measurements");
    let mut frame = |key| {
        let report = crowd.report(&model.look());
        let began = Instant::now();
        update(model, Msg::Tick(report));
        press(model, key);
        terminal.draw(|frame| view(model, frame)).expect("it takes every frame");
        began.elapsed()
    };
    for key in KEYS {
        frame(key);
    }
    KEYS.iter().cycle().take(FRAMES).map(|key| frame(*key)).collect()
}

fn press(model: &mut Model, code: KeyCode) {
    update(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
}

fn code(letter: char) -> KeyCode {
    if letter == '\n' { KeyCode::Enter } else { KeyCode::Char(letter) }
}
