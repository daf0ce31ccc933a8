use crossterm::event::{KeyCode, KeyModifiers};

use super::*;
use crate::observe::{Line, Snapshot};
use crate::trace::Weight;
use crate::tui::{Clock, Palette, Theme};

fn model() -> Model {
    Model::new("test", 1, Theme::new(Palette::Mono, false), Time::from_secs(10))
}

fn tick_with_lines(model: &mut Model, serials: std::ops::Range<u64>) {
    let line = |serial| Line {
        at: Time::from_millis(serial),
        serial,
        weight: Weight::Info,
        tag: if serial.is_multiple_of(2) { "group" } else { "isr" },
        text: String::new(),
    };
    let lines: Vec<Line> = serials.map(line).collect();
    let facts = lines.last().map_or(0, |line| line.serial);
    let now = lines.last().map_or(Time::ZERO, |line| line.at);
    let snapshot = Arc::new(Snapshot { facts, lines, now, ..model.snapshot().clone() });
    let report = Report { snapshot, clock: Clock::Running, ..model.report.clone() };
    assert_eq!(update(model, Msg::Tick(report)), None);
}

fn press(model: &mut Model, code: KeyCode) -> Option<Order> {
    update(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn type_text(model: &mut Model, text: &str) -> Option<Order> {
    text.chars().fold(None, |_, letter| {
        press(model, if letter == '\n' { KeyCode::Enter } else { KeyCode::Char(letter) })
    })
}

fn on_events() -> Model {
    let mut model = model();
    model.focus.insert(Page::Overview, Pane::Events);
    model
}

#[test]
fn a_feed_that_is_held_stays_where_it_is_when_lines_come() {
    let mut model = on_events();
    tick_with_lines(&mut model, 0..50);
    press(&mut model, KeyCode::Char('k'));
    press(&mut model, KeyCode::PageUp);
    assert_eq!(model.list(Pane::Events).chosen, Some(38));
    tick_with_lines(&mut model, 20..80);
    assert_eq!(model.list(Pane::Events).chosen, Some(38));
    press(&mut model, KeyCode::Down);
    assert_eq!(model.list(Pane::Events).chosen, Some(39));
    press(&mut model, KeyCode::Char('G'));
    assert_eq!(model.list(Pane::Events).chosen, None);
}

#[test]
fn enter_on_an_event_goes_there_and_ctrl_o_comes_back() {
    let mut model = on_events();
    tick_with_lines(&mut model, 0..50);
    press(&mut model, KeyCode::Char('k'));
    let there = Order::Seek(Seek::Fact(48, Time::from_millis(48)));
    assert_eq!(press(&mut model, KeyCode::Enter), Some(there));
    let back = update(&mut model, Msg::Key(KeyEvent::new(KeyCode::Char('o'), KeyModifiers::CONTROL)));
    assert_eq!(back, Some(Order::Seek(Seek::To(Time::from_millis(49)))));
    assert_eq!(model.jumps.back, []);
}

#[test]
fn a_filter_is_put_back_when_it_is_left() {
    let mut model = on_events();
    tick_with_lines(&mut model, 0..10);
    type_text(&mut model, "/isr\n");
    assert_eq!(rows::keys(&model, Pane::Events), [1, 3, 5, 7, 9]);
    type_text(&mut model, "/ no");
    assert!(rows::keys(&model, Pane::Events).is_empty());
    press(&mut model, KeyCode::Esc);
    assert_eq!(model.list(Pane::Events).filter, "isr");
    press(&mut model, KeyCode::Esc);
    assert_eq!(rows::keys(&model, Pane::Events).len(), 10);
}

#[test]
fn marks_keep_an_instant_under_a_letter() {
    let mut model = on_events();
    tick_with_lines(&mut model, 0..30);
    type_text(&mut model, "mx");
    tick_with_lines(&mut model, 0..60);
    assert_eq!(type_text(&mut model, "'y"), None);
    assert!(model.said.as_ref().is_some_and(|said| said.contains("no mark y")), "{:?}", model.said);
    assert_eq!(type_text(&mut model, "'x"), Some(Order::Seek(Seek::To(Time::from_millis(29)))));
}

#[test]
fn a_command_goes_to_a_time_and_one_that_is_none_says_so() {
    let mut model = model();
    assert_eq!(type_text(&mut model, ":goto 4.2s\n"), Some(Order::Seek(Seek::To(Time::from_millis(4_200)))));
    assert_eq!(type_text(&mut model, ":fly\n"), None);
    assert!(model.said.is_some() && model.mode == Mode::Screen);
}

#[test]
fn numbers_are_compared_with_the_last_snapshot_that_differed() {
    let mut model = model();
    tick_with_lines(&mut model, 0..5);
    tick_with_lines(&mut model, 0..9);
    tick_with_lines(&mut model, 0..9);
    assert_eq!((model.before.facts, model.snapshot().facts), (4, 8));
}

#[test]
fn the_help_takes_letters_while_it_is_open() {
    let mut model = model();
    assert_eq!(press(&mut model, KeyCode::Char(' ')), Some(Order::Toggle));
    assert_eq!(type_text(&mut model, "?q f"), None);
    assert_eq!(model.mode, Mode::Help { filter: "q f".to_owned(), scrolled: 0 });
    press(&mut model, KeyCode::Esc);
    assert_eq!(press(&mut model, KeyCode::Char('q')), Some(Order::Quit));
}

#[test]
fn letting_a_key_go_does_nothing() {
    let release = KeyEvent::new_with_kind(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Release);
    assert_eq!(update(&mut model(), Msg::Key(release)), None);
}
