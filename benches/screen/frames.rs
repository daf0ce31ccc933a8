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
/// Each is drawn so often, and the fastest counts: the work is the same, a machine that is busy is not the screen's
/// fault.
const ROUNDS: usize = 3;

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
        let rounds = [(); ROUNDS].map(|()| walk(model.clone(), crowd));
        let fastest =
            |step: usize| rounds.iter().map(|round| round[step]).reduce(|one, other| one.fastest(other));
        let walked: Vec<Step> = (0..FRAMES).filter_map(fastest).collect();
        let frames: Vec<Duration> = walked.iter().map(|step| step.frame).collect();
        let report = median(walked.iter().map(|step| step.report).collect());
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

/// What a step of a walk through a list took.
#[derive(Clone, Copy)]
struct Step {
    /// The run's side of it.
    report: Duration,
    /// The screen's.
    frame: Duration,
}

impl Step {
    fn fastest(self, other: Self) -> Self {
        Self { report: self.report.min(other.report), frame: self.frame.min(other.frame) }
    }
}

/// The run goes on, and the list is scrolled down, up, and to its ends.
fn walk(mut model: Model, crowd: &Crowd) -> Vec<Step> {
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
    let mut step = |key| {
        let began = Instant::now();
        let told = crowd.report(&model.look());
        let report = began.elapsed();
        let began = Instant::now();
        update(&mut model, Msg::Tick(told));
        press(&mut model, key);
        terminal.draw(|frame| view(&model, frame)).expect("it takes every frame");
        Step { report, frame: began.elapsed() }
    };
    for key in KEYS {
        step(key);
    }
    KEYS.iter().cycle().take(FRAMES).map(|key| step(*key)).collect()
}

fn press(model: &mut Model, code: KeyCode) {
    update(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
}

fn code(letter: char) -> KeyCode {
    if letter == '\n' { KeyCode::Enter } else { KeyCode::Char(letter) }
}
