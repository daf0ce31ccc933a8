//! Whole screens, text and style, against `tests/screens/`. `UPDATE_EXPECT=1` writes them anew.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use brokersim::kernel::{Duration, Time};
use brokersim::observe::histogram::Histogram;
use brokersim::observe::{ChannelView, GroupView, Line, NodeState, NodeView, Rebalance, Snapshot};
use brokersim::trace::kafka::{GroupReason, GroupState};
use brokersim::trace::{Reason, Weight};
use brokersim::tui::pace::Speed;
use brokersim::tui::{Clock, Model, Msg, Palette, Pane, Report, Theme, update, view};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// A bad day: a broker is down, one is paused, records are lost, a group rebalances.
fn bad_day() -> Snapshot {
    let at = Time::from_millis;
    let mut snapshot = empty();
    snapshot.now = at(42_318);
    snapshot.facts = 481_200;
    snapshot.tally.offered = 10_415;
    snapshot.tally.accepted = 10_402;
    snapshot.tally.stored = 10_399;
    snapshot.tally.delivered = 8_447;
    snapshot.tally.processed = 8_445;
    snapshot.tally.duplicates = 2;
    snapshot.tally.unknown = 4;
    snapshot.tally.reordered = 7;
    snapshot.lost = 3;
    snapshot.books.lost.insert(Reason::LeaderElection, 3);
    snapshot.books.in_flight.insert(brokersim::observe::ledger::Whereabouts::Undelivered, 1_954);
    snapshot.channels = vec![channel("orders", 412), channel("payments", 0)];
    let node = |name: &str, state, leads| NodeView { name: name.to_owned(), state, leads };
    snapshot.nodes = vec![
        node("controller", NodeState::Up, 0),
        node("broker-1", NodeState::Up, 5),
        node("broker-2", NodeState::Down, 0),
        node("broker-3", NodeState::Paused, 3),
        node("shop-1", NodeState::Up, 0),
        node("billing-3", NodeState::Down, 0),
    ];
    snapshot.groups = vec![billing(), audit()];
    snapshot.lines = lines();
    snapshot
}

fn empty() -> Snapshot {
    model(Palette::Dark, false).snapshot().clone()
}

fn channel(name: &str, rate: u64) -> ChannelView {
    ChannelView { name: name.to_owned(), places: 6, offered: rate * 42, rate, committed: rate * 40 }
}

fn group(name: &str) -> GroupView {
    GroupView {
        name: name.to_owned(),
        state: Some(GroupState::Stable),
        generation: 2,
        members: 1,
        lag: 3,
        behind: Duration::from_millis(7),
        lag_max: (12, Time::from_millis(1_200)),
        processed: 5_000,
        rate: 410,
        series: (1..=42).map(|second| (Time::from_secs(second), 3 + second % 5)).collect(),
        rebalances: Vec::new(),
        latency: Histogram::default(),
    }
}

fn audit() -> GroupView {
    group("audit")
}

fn billing() -> GroupView {
    let rebalance = |began, took| Rebalance {
        began: Time::from_millis(began),
        took,
        why: GroupReason::MemberLeft,
        generation: 7,
        members: 2,
    };
    let lag = |tenth: u64| if tenth < 284 { tenth % 40 } else { (tenth - 284) * 14 };
    GroupView {
        state: Some(GroupState::PreparingRebalance),
        generation: 7,
        members: 2,
        lag: 1_954,
        behind: Duration::from_millis(13_870),
        lag_max: (1_954, Time::from_millis(42_300)),
        rate: 118,
        series: (1..=423).map(|tenth| (Time::from_millis(tenth * 100), lag(tenth))).collect(),
        rebalances: vec![rebalance(3_000, Some(Duration::from_millis(3_012))), rebalance(42_204, None)],
        ..group("billing")
    }
}

fn lines() -> Vec<Line> {
    use Weight::{Error, Fault, Info, Warning};
    let told = [
        (3_086, Info, "group", "billing Stable g6 3 members: the assignment arrived"),
        (28_400, Fault, "fault", "on billing-3"),
        (42_100, Fault, "crash", "broker-2: process killed"),
        (42_204, Warning, "left", "billing: no poll within max.poll.interval.ms"),
        (42_310, Warning, "isr", "orders-4 shrinks to {1,3}"),
        (42_311, Info, "elect", "orders-4 leader 1 epoch 4 isr {1,3}"),
        (42_318, Error, "unknown", "4 records: the request timed out; perhaps in the log"),
        (42_318, Warning, "truncate", "broker-2 orders-4 from 1844 to 1841"),
    ];
    let line = |(serial, (at, weight, tag, text)): (usize, (u64, Weight, &'static str, &str))| Line {
        at: Time::from_millis(at),
        serial: 1 + serial as u64,
        weight,
        tag,
        text: text.to_owned(),
    };
    told.into_iter().enumerate().map(line).collect()
}

fn model(palette: Palette, ascii: bool) -> Model {
    Model::new("orders-loss", 5, Theme::new(palette, ascii), Time::from_secs(120))
}

fn report(snapshot: Snapshot, clock: Clock) -> Msg {
    let reached = Some(Speed::Times(6_123));
    Msg::Tick(Report { snapshot: Arc::new(snapshot), clock, speed: Speed::Times(8_000), reached })
}

/// A model on a bad day, with a moment before it, so that some numbers have moved.
fn on_a_bad_day(palette: Palette, ascii: bool, clock: Clock) -> Model {
    let mut model = model(palette, ascii);
    let mut before = bad_day();
    before.facts -= 1;
    before.tally.offered -= 5;
    before.lost = 0;
    before.groups[0].lag -= 20;
    update(&mut model, report(before, Clock::Running));
    update(&mut model, report(bad_day(), clock));
    model
}

fn drawn(model: &Model, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a backend for tests");
    terminal.draw(|frame| view(model, frame)).expect("it takes every frame");
    terminal.backend().buffer().clone()
}

fn told(buffer: &Buffer) -> String {
    let mut text = String::new();
    for of_cell in [symbol as fn(&Cell) -> char, letter] {
        for row in buffer.content.chunks(usize::from(buffer.area.width)) {
            let line: String = row.iter().map(of_cell).collect();
            writeln!(text, "{}", line.trim_end()).expect("a string takes everything");
        }
    }
    text
}

fn symbol(cell: &Cell) -> char {
    let mut symbol = cell.symbol().chars();
    let only = symbol.next().expect("a cell holds something");
    assert!(symbol.next().is_none(), "{:?} is more than a column wide", cell.symbol());
    only
}

/// A letter for the look of a cell: ok, warn, error, fault, accent (leader), muted, selection; capital when it is
/// bold beside that; `b` when bold only.
fn letter(cell: &Cell) -> char {
    let bold = cell.modifier.contains(Modifier::BOLD);
    let colour = match cell.fg {
        Color::Indexed(80) => 'o',
        Color::Indexed(228) => 'w',
        Color::Indexed(202) => return 'e',
        Color::Indexed(135) => return 'f',
        Color::Indexed(255) => return 'l',
        Color::Indexed(244) => 'm',
        Color::Reset => return modifier_letter(cell.modifier),
        other => panic!("{other:?} is in no palette"),
    };
    if bold { colour.to_ascii_uppercase() } else { colour }
}

fn modifier_letter(modifier: Modifier) -> char {
    const LOOKS: [(Modifier, char); 8] = [
        (Modifier::empty(), '.'),
        (Modifier::UNDERLINED, 'w'),
        (Modifier::REVERSED.union(Modifier::BOLD), 'e'),
        (Modifier::UNDERLINED.union(Modifier::BOLD), 'f'),
        (Modifier::BOLD, 'b'),
        (Modifier::DIM, 'm'),
        (Modifier::DIM.union(Modifier::BOLD), 'M'),
        (Modifier::REVERSED, 's'),
    ];
    LOOKS.into_iter().find(|(look, _)| *look == modifier).expect("a look of the theme").1
}

fn compare(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, text).expect("the folder of expected screens can be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{name} looks different; UPDATE_EXPECT=1 writes it anew:\n{text}");
}

const SIZES: [(u16, u16); 4] = [(120, 36), (80, 24), (60, 20), (20, 5)];
const CLOCKS: [Clock; 3] = [Clock::Running, Clock::Paused, Clock::Finished];

#[test]
fn a_bad_day_looks_as_it_should_at_every_size_with_and_without_colour() {
    for (palette, name) in [(Palette::Dark, "dark"), (Palette::Mono, "mono")] {
        let model = on_a_bad_day(palette, false, Clock::Running);
        for (width, height) in SIZES {
            compare(&format!("{name}_{width}x{height}"), &told(&drawn(&model, width, height)));
        }
    }
}

#[test]
fn ascii_help_and_a_finished_run_look_as_they_should() {
    let ascii = on_a_bad_day(Palette::Mono, true, Clock::Paused);
    let buffer = drawn(&ascii, 120, 36);
    assert!(buffer.content.iter().all(|cell| cell.symbol().is_ascii()), "{}", told(&buffer));
    compare("ascii_120x36", &told(&buffer));
    let mut finished = on_a_bad_day(Palette::Dark, false, Clock::Finished);
    compare("finished_80x24", &told(&drawn(&finished, 80, 24)));
    finished.help = Some(0);
    compare("help_120x36", &told(&drawn(&finished, 120, 36)));
}

#[test]
fn a_run_of_which_nothing_is_known_yet_can_be_drawn() {
    let model = model(Palette::Dark, false);
    compare("empty_80x24", &told(&drawn(&model, 80, 24)));
}

#[test]
fn no_size_is_too_small_or_too_large() {
    let mut crowded = bad_day();
    crowded.nodes =
        (0..300).map(|id| NodeView { name: format!("broker-{id}"), ..crowded.nodes[1].clone() }).collect();
    crowded.groups = (0..200).map(|id| group(&format!("group-with-a-long-name-{id}"))).collect();
    let mut models = [
        model(Palette::Dark, false),
        on_a_bad_day(Palette::Light, false, Clock::Running),
        on_a_bad_day(Palette::Mono, true, Clock::Finished),
    ];
    update(&mut models[0], report(crowded, Clock::Paused));
    models[2].help = Some(usize::MAX);
    for height in 1..=60 {
        for part in 0..16 {
            let width = 1 + part * 12 + height * 5 % 12;
            let model = &mut models[usize::from((part + height) % 3)];
            model.focus = Pane::ALL[usize::from((width + height) % 4)];
            model.zoomed = width % 5 == 0;
            drawn(model, width, height);
        }
    }
}

#[test]
fn no_key_in_any_mode_panics() {
    use KeyCode::{
        BackTab, Backspace, Delete, Down, End, Enter, Esc, F, Home, Insert, Left, PageDown, PageUp,
    };
    use KeyCode::{Right, Tab, Up};
    let special = [
        BackTab,
        Backspace,
        Delete,
        Down,
        End,
        Enter,
        Esc,
        F(1),
        Home,
        Insert,
        Left,
        PageDown,
        PageUp,
        Right,
        Tab,
        Up,
    ];
    let letters = (' '..='~').chain("äß中".chars()).map(KeyCode::Char);
    let keys: Vec<KeyCode> = letters.chain(special).collect();
    for clock in CLOCKS {
        for (help, empty) in [(None, false), (Some(3), false), (None, true)] {
            let mut model =
                if empty { model(Palette::Dark, false) } else { on_a_bad_day(Palette::Dark, false, clock) };
            for modifiers in
                [KeyModifiers::NONE, KeyModifiers::SHIFT, KeyModifiers::CONTROL, KeyModifiers::ALT]
            {
                for &code in &keys {
                    model.help = help;
                    update(&mut model, Msg::Key(KeyEvent::new(code, modifiers)));
                    if modifiers == KeyModifiers::NONE {
                        drawn(&model, 42, 12);
                    }
                }
                drawn(&model, 80, 24);
            }
        }
    }
}

#[test]
fn the_monochrome_theme_sends_no_colour() {
    for ascii in [false, true] {
        let mut model = on_a_bad_day(Palette::Mono, ascii, Clock::Running);
        for help in [None, Some(0)] {
            model.help = help;
            let buffer = drawn(&model, 120, 36);
            assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
        }
    }
}

#[test]
fn what_is_wrong_is_in_the_header_and_what_is_fine_is_not() {
    let header = |model: &Model, width| {
        let text = told(&drawn(model, width, 24));
        text.lines().next().unwrap_or_default().to_owned()
    };
    let wrong = header(&on_a_bad_day(Palette::Dark, false, Clock::Running), 120);
    assert!(
        wrong.contains("✗ 2 down") && wrong.contains("✗ 3 lost") && wrong.contains("2x 2 dup"),
        "{wrong}"
    );
    let fine = header(&model(Palette::Dark, false), 120);
    assert!(!fine.contains("lost") && !fine.contains("dup") && !fine.contains("down"), "{fine}");
}
