use crossterm::event::{KeyCode, KeyModifiers};

use super::*;
use crate::observe::{Line, Snapshot};
use crate::trace::Weight;
use crate::tui::{Clock, Palette, Seeking, Theme};

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
fn escape_gives_up_what_is_sought_before_anything_else() {
    let mut model = on_events();
    tick_with_lines(&mut model, 0..10);
    type_text(&mut model, "/isr\n");
    model.report.seeking = Some(Seeking::To(Time::from_secs(8)));
    assert_eq!(press(&mut model, KeyCode::Esc), Some(Order::Stand));
    assert_eq!(model.list(Pane::Events).filter, "isr");
    model.report.seeking = None;
    assert_eq!(press(&mut model, KeyCode::Esc), None);
    assert_eq!(model.list(Pane::Events).filter, "");
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

fn with_kinds() -> Model {
    use crate::tui::hands::{Entry, Kind, Strikes};
    let kind = |name, strikes, usual, asks| Kind {
        name,
        about: "",
        strikes,
        usual,
        asks,
        cannot: Default::default(),
    };
    let entry = |name: &str, to: Option<&str>, group: Option<&str>| Entry {
        name: name.to_owned(),
        publishes_to: to.map(str::to_owned),
        group: group.map(str::to_owned),
    };
    let about = crate::tui::About {
        groups: vec!["billing".to_owned()],
        entries: vec![entry("shop", Some("orders"), None), entry("invoices", None, Some("billing"))],
        kinds: vec![
            kind("stuck-handler", Strikes::Readers, " for 10s", false),
            kind("change-rate", Strikes::Generators, " rate 1k/s", true),
            kind("kill", Strikes::Nodes, " for 10s", false),
            kind("slow-disk", Strikes::Brokers, " factor 10 for 10s", false),
        ],
        ..crate::tui::About::default()
    };
    model().about(Arc::new(about))
}

fn injected(model: &mut Model) -> Option<String> {
    match model.deed.take() {
        Some(crate::tui::Deed::Inject(line)) => Some(line),
        Some(_) | None => None,
    }
}

#[test]
fn f_and_a_key_inject_what_the_popup_says() {
    let mut model = with_kinds();
    assert_eq!(type_text(&mut model, "fi"), Some(Order::Hand));
    assert_eq!(injected(&mut model), Some("stuck-handler invoices for 10s".to_owned()));
    assert_eq!(model.mode, Mode::Screen);
    // Nobody looks at a broker, and there is none.
    assert_eq!(type_text(&mut model, "fk"), Some(Order::Hand));
    assert_eq!(injected(&mut model), Some("kill invoices for 10s".to_owned()));
    assert_eq!(type_text(&mut model, "fd"), None);
    assert!(model.said.as_ref().is_some_and(|said| said.contains("slow-disk")), "{:?}", model.said);
    assert_eq!(
        (type_text(&mut model, "f "), injected(&mut model)),
        (None, None),
        "a key that is none of a fault"
    );
    assert_eq!(model.mode, Mode::Screen);
}

#[test]
fn a_fault_can_be_changed_before_it_strikes() {
    let mut model = with_kinds();
    assert_eq!(type_text(&mut model, "f:i"), None);
    assert_eq!(model.mode, Mode::Command("fault stuck-handler invoices for 10s".to_owned()));
    press(&mut model, KeyCode::Backspace);
    assert_eq!(type_text(&mut model, "m\n"), Some(Order::Hand));
    assert_eq!(injected(&mut model), Some("stuck-handler invoices for 10m".to_owned()));
    // A rate is for a person to say.
    assert_eq!(type_text(&mut model, "fv"), None);
    assert_eq!(model.mode, Mode::Command("fault change-rate shop rate 1k/s".to_owned()));
}

#[test]
fn offsets_of_a_group_with_members_are_not_reset_by_key() {
    let mut model = with_kinds();
    let mut group = crate::observe::GroupView::new("billing");
    group.members = 2;
    let with = |model: &Model, group: &crate::observe::GroupView| {
        let snapshot = Snapshot { groups: vec![group.clone()], ..model.snapshot().clone() };
        Report { snapshot: Arc::new(snapshot), ..model.report.clone() }
    };
    let report = with(&model, &group);
    update(&mut model, Msg::Tick(report));
    assert_eq!(type_text(&mut model, "R"), None);
    assert!(
        model.said.as_ref().is_some_and(|said| said.contains(":fault close invoices")),
        "{:?}",
        model.said
    );
    assert_eq!(model.mode, Mode::Screen);
    group.members = 0;
    let report = with(&model, &group);
    update(&mut model, Msg::Tick(report));
    assert_eq!(type_text(&mut model, "Rl"), Some(Order::Hand));
    assert_eq!(injected(&mut model), Some("reset-offsets billing position latest".to_owned()));
}

#[test]
fn branches_are_listed_when_there_are_some() {
    use crate::tui::{Course, Courses, Deed};
    let mut model = with_kinds();
    type_text(&mut model, "B");
    assert!(model.said.is_some() && model.mode == Mode::Screen);
    let course = |parent| Course {
        parent,
        at: Time::ZERO,
        front: Time::ZERO,
        injected: None,
        taken_back: false,
        saved: None,
    };
    let courses =
        Courses { all: vec![course(None), course(Some(0)), course(Some(1))], here: 2, ..Courses::default() };
    let report = Report { courses: Arc::new(courses), ..model.report.clone() };
    update(&mut model, Msg::Tick(report));
    type_text(&mut model, "B");
    assert_eq!(model.mode, Mode::Branches(2));
    assert_eq!(
        (type_text(&mut model, "jkk\n"), model.deed.take()),
        (Some(Order::Hand), Some(Deed::Switch(0)))
    );
    assert_eq!(
        (type_text(&mut model, "D"), model.deed.take()),
        (Some(Order::Hand), Some(Deed::Differ(None)))
    );
    assert_eq!(
        (type_text(&mut model, "BkD"), model.deed.take()),
        (Some(Order::Hand), Some(Deed::Differ(Some(1))))
    );
    assert_eq!((type_text(&mut model, "u"), model.deed.take()), (Some(Order::Hand), Some(Deed::TakeBack)));
}

#[test]
fn a_key_that_does_nothing_here_says_what_to_do() {
    for key in ["x", "s", "S", "v", "o", "t", "j", "\n", "5"] {
        let mut model = model();
        assert_eq!(type_text(&mut model, key), None);
        assert!(model.said.is_some(), "{key:?} was pressed, and nothing was said");
        press(&mut model, KeyCode::Tab);
        assert_eq!(model.said, None, "it is said until the next key");
    }
}
