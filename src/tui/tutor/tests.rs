use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::kernel::Time;
use crate::observe::{NodeState, NodeView, Snapshot};
use crate::tui::keymap::Keymap;
use crate::tui::{Clock, Msg, Palette, Report, Seek, Theme, update};

fn model() -> Model {
    let mut model = Model::new("test", 1, Theme::new(Palette::Mono, false), Time::from_secs(10));
    toggle(&mut model);
    model.report.clock = Clock::Running;
    model
}

fn press(model: &mut Model, code: KeyCode) -> Option<Order> {
    update(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn step(model: &Model) -> &'static str {
    model.tutor.and_then(|tutor| tutor.waiting().map(|step| step.title)).unwrap_or("")
}

fn tick(model: &mut Model, clock: Clock, down: bool, now: Time) {
    let state = if down { NodeState::Down } else { NodeState::Up };
    let nodes = vec![NodeView { name: "broker-1".to_owned(), state, leads: 0 }];
    let snapshot = Arc::new(Snapshot { now, nodes, facts: 1 + now.as_millis(), ..model.snapshot().clone() });
    let report = Report { snapshot, clock, front: Time::from_secs(9), ..model.report.clone() };
    update(model, Msg::Tick(report));
}

#[test]
fn every_key_that_a_step_names_is_bound_and_every_placeholder_filled() {
    let keys = Keymap::shipped();
    for step in STEPS {
        assert!(step.keys.iter().all(|action| keys.name_of(*action) != "-"), "{}", step.title);
        let told = step.told(&keys);
        assert!(!told.contains('{') || step.keys.contains(&Action::Leap(Seek::FaultBack)), "{told}");
        assert!((0..step.keys.len()).all(|index| step.text.contains(&format!("{{{index}}}"))), "{told}");
    }
}

#[test]
fn who_stops_time_before_anything_has_happened_has_stopped_it() {
    let mut model = model();
    model.report.clock = Clock::Paused;
    press(&mut model, KeyCode::Char(' '));
    assert_eq!(step(&model), "One thing at a time");
}

#[test]
fn a_step_waits_until_it_was_done() {
    let mut model = model();
    assert_eq!(step(&model), "Stop time");
    press(&mut model, KeyCode::Char('2'));
    tick(&mut model, Clock::Running, false, Time::from_secs(1));
    assert_eq!(step(&model), "Stop time", "time still runs");
    tick(&mut model, Clock::Paused, false, Time::from_secs(1));
    assert_eq!(step(&model), "One thing at a time");
    press(&mut model, KeyCode::Char(','));
    assert_eq!(step(&model), "One thing at a time", "that was another key");
    press(&mut model, KeyCode::Char('.'));
    press(&mut model, KeyCode::Char(','));
    assert_eq!((step(&model), model.tutor.expect("it is taken").done), ("Look at the logs", 3));
}

#[test]
fn who_read_for_long_while_time_ran_is_told_how_to_get_back_to_where_the_broker_died() {
    let dies = STEPS.iter().find(|step| step.title == "A broker dies").expect("it is a step");
    let told = dies.told(&Keymap::shipped());
    assert!(told.contains("} to go there") && told.contains("{ goes back to it"), "{told}");
    let mut model = model();
    model.tutor = Some(Tutor { step: 4, done: 4 });
    tick(&mut model, Clock::Paused, false, Time::from_secs(8));
    assert_eq!(step(&model), "A broker dies");
    assert!(matches!(press(&mut model, KeyCode::Char('{')), Some(Order::Seek(Seek::FaultBack))));
    tick(&mut model, Clock::Paused, true, Time::from_secs(3));
    assert_eq!(step(&model), "The moment before");
}

#[test]
fn the_moment_before_is_one_in_which_the_broker_lives_and_the_run_has_been_further() {
    let mut model = model();
    model.tutor = Some(Tutor { step: 4, done: 4 });
    tick(&mut model, Clock::Paused, true, Time::from_secs(9));
    assert_eq!(step(&model), "The moment before");
    tick(&mut model, Clock::Paused, true, Time::from_secs(8));
    assert_eq!(step(&model), "The moment before", "it is still dead");
    tick(&mut model, Clock::Paused, false, Time::from_secs(7));
    assert_eq!(step(&model), "Remember this moment");
    press(&mut model, KeyCode::Char('m'));
    press(&mut model, KeyCode::Char('a'));
    assert_eq!(step(&model), "Until records are lost");
}

#[test]
fn steps_can_be_skipped_and_the_tour_left_at_any_time() {
    let mut model = model();
    for _ in STEPS {
        skip(&mut model);
    }
    assert_eq!(model.tutor, Some(Tutor { step: STEPS.len(), done: 0 }));
    skip(&mut model);
    assert_eq!(model.tutor, None);
    skip(&mut model);
    assert!(model.said.is_some_and(|said| said.contains(":tutor")));
    model.said = None;
    for letter in ":tutor".chars() {
        press(&mut model, KeyCode::Char(letter));
    }
    press(&mut model, KeyCode::Enter);
    assert_eq!(model.tutor, Some(Tutor::default()));
}
