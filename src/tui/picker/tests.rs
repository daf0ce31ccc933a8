use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::{Position, Size};

use super::*;
use crate::tui::keys::bindings_of;
use crate::tui::{Palette, Theme};

fn entry(group: &'static str, name: &str, question: &str) -> Entry {
    Entry {
        group,
        name: name.to_owned(),
        question: question.to_owned(),
        needs: "",
        can_copy: group != "FILES",
    }
}

fn picker() -> Picker {
    let entries = vec![
        entry("START HERE", "broker-loss", "A broker dies: which records are lost?"),
        entry("KAFKA", "calm", "What does a calm day look like?"),
        entry("KAFKA", "queue-jam", "Where does it jam?"),
        entry("FILES", "mine.toml", "Mine?"),
    ];
    Picker::new(entries, Theme::new(Palette::Mono, true))
}

fn press(picker: &mut Picker, code: KeyCode) -> Option<Picked> {
    picker.key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn type_text(picker: &mut Picker, text: &str) -> Option<Picked> {
    text.chars().fold(None, |_, letter| press(picker, KeyCode::Char(letter)))
}

fn drawn(picker: &Picker, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a backend for tests");
    terminal.draw(|frame| view(picker, frame)).expect("it takes every frame");
    let buffer = terminal.backend().buffer().clone();
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol().to_owned()).collect::<String>();
    (0..height).map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn enter_opens_the_chosen_one_and_the_first_is_chosen() {
    let mut picker = picker();
    assert_eq!(press(&mut picker, KeyCode::Enter), Some(Picked::Open(0)));
    press(&mut picker, KeyCode::Down);
    assert_eq!(press(&mut picker, KeyCode::Enter), Some(Picked::Open(1)));
    press(&mut picker, KeyCode::End);
    assert_eq!(press(&mut picker, KeyCode::Char('q')), Some(Picked::Leave));
    assert_eq!(picker.chosen(), Some(3));
}

#[test]
fn typing_filters_and_what_is_chosen_always_passes() {
    let mut picker = picker();
    type_text(&mut picker, "day");
    assert_eq!((picker.listed(), picker.chosen()), (vec![1], Some(1)));
    assert_eq!(press(&mut picker, KeyCode::Char('q')), None, "in a filter q is a letter");
    assert_eq!((picker.listed(), picker.chosen()), (Vec::new(), None));
    assert_eq!(press(&mut picker, KeyCode::Enter), None);
    press(&mut picker, KeyCode::Backspace);
    assert_eq!(press(&mut picker, KeyCode::Enter), Some(Picked::Open(1)));
    press(&mut picker, KeyCode::Esc);
    assert_eq!((picker.listed().len(), picker.context()), (4, Context::Picker));
}

#[test]
fn a_name_that_begins_with_a_bound_letter_is_found_after_a_slash() {
    let mut picker = picker();
    type_text(&mut picker, "/que");
    assert_eq!(picker.listed(), [2]);
    for _ in 0..3 {
        press(&mut picker, KeyCode::Backspace);
    }
    assert_eq!(picker.context(), Context::Picker, "an empty filter is none");
}

#[test]
fn only_what_is_bundled_is_copied() {
    let mut picker = picker();
    assert_eq!(press(&mut picker, KeyCode::Char('e')), Some(Picked::Copy(0)));
    press(&mut picker, KeyCode::Char('G'));
    assert_eq!(press(&mut picker, KeyCode::Char('e')), None);
    assert!(drawn(&picker, 100, 24).contains("only a bundled scenario is copied"));
}

#[test]
fn what_was_chosen_stays_chosen_when_others_come() {
    let mut picker = picker();
    press(&mut picker, KeyCode::Down);
    picker.take_preview(1, Vec::new());
    let mut entries = picker.entries.clone();
    entries.insert(0, entry("FILES", "new.toml", "New?"));
    picker.renew(entries);
    assert_eq!((picker.chosen(), picker.wants_preview()), (Some(2), Some(2)));
}

#[test]
fn every_key_of_the_table_does_something_in_the_picker_at_every_size() {
    for context in [Context::Picker, Context::PickerFilter] {
        for binding in bindings_of(context) {
            let mut picker = picker();
            picker.typing = context == Context::PickerFilter;
            picker.act(binding.action);
            for (width, height) in [(120, 36), (80, 24), (60, 20), (40, 10), (20, 5), (1, 1)] {
                drawn(&picker, width, height);
            }
        }
    }
}

#[test]
fn the_preview_stands_beside_the_list_where_there_is_room_and_the_question_below_it_where_not() {
    let mut picker = picker();
    let lines = vec![(Role::Plain, "shop → orders → billing".to_owned())];
    picker.take_preview(0, vec![Paragraph { heading: "WHAT IT DOES".to_owned(), lines }]);
    let wide = drawn(&picker, 120, 36);
    assert!(wide.contains("WHAT IT DOES") && wide.contains("shop > orders > billing"), "{wide}");
    assert!(wide.is_ascii(), "{wide}");
    let small = drawn(&picker, 60, 20);
    assert!(small.contains("A broker dies: which records are lost?") && !small.contains("WHAT IT DOES"));
}

/// Where a text is seen.
fn seen(picker: &Picker, text: &str, (width, height): (u16, u16)) -> Position {
    let drawn = drawn(picker, width, height);
    // In the list: what is told of the chosen one stands beside it.
    let row = |(y, line): (usize, &str)| {
        let list: String = line.chars().take(40).collect();
        list.find(text).map(|byte| (list[..byte].chars().count() as u16, y as u16))
    };
    let found = drawn.lines().enumerate().find_map(row);
    found.map(Position::from).unwrap_or_else(|| panic!("{text} is nowhere in\n{drawn}"))
}

fn point(picker: &mut Picker, gesture: Gesture, at: Position, (width, height): (u16, u16)) -> Option<Picked> {
    picker.point(Mouse { gesture, at, size: Size::new(width, height) })
}

#[test]
fn a_click_chooses_what_is_seen_there_and_another_one_on_it_runs_it() {
    for size in [(120, 36), (80, 24), (60, 20)] {
        let mut picker = picker();
        let jam = seen(&picker, "queue-jam", size);
        assert_eq!(point(&mut picker, Gesture::Click, jam, size), None);
        assert_eq!(picker.chosen(), Some(2), "{size:?}");
        let jam = seen(&picker, "queue-jam", size);
        assert_eq!(point(&mut picker, Gesture::Click, jam, size), Some(Picked::Open(2)));
        let mine = seen(&picker, "mine.toml", size);
        assert_eq!(point(&mut picker, Gesture::Click, mine, size), None);
        assert_eq!(point(&mut picker, Gesture::DoubleClick, mine, size), Some(Picked::Open(3)));
    }
}

#[test]
fn the_wheel_moves_and_a_click_beside_the_entries_does_nothing() {
    let (mut picker, size) = (picker(), (120, 36));
    let heading = seen(&picker, "KAFKA", size);
    for (gesture, at) in
        [(Gesture::Click, heading), (Gesture::DoubleClick, heading), (Gesture::Click, Position::ORIGIN)]
    {
        assert_eq!(point(&mut picker, gesture, at, size), None);
        assert_eq!(picker.chosen(), Some(0));
    }
    point(&mut picker, Gesture::Wheel(3), heading, size);
    assert_eq!(picker.chosen(), Some(3));
    point(&mut picker, Gesture::Wheel(-3), heading, size);
    assert_eq!(picker.chosen(), Some(0));
    let outside = Position::new(500, 500);
    assert_eq!(point(&mut picker, Gesture::Click, outside, (20, 5)), None, "nothing is seen there");
}
