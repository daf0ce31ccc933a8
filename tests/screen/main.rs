//! The screen as a whole: every key, the mouse, sizes, scripts, a real terminal. What the pages look like is held by
//! `tests/tui_screens.rs`.
//!
//! Nothing here names a key or a context that it could have asked the keymap for: new ones are covered as they come.

mod by_hand;
#[path = "../../benches/screen/crowd.rs"]
mod crowd;
mod keys;
mod pointer;
#[cfg(unix)]
mod pty;
mod script;
mod sizes;

use std::sync::OnceLock;

use brokersim::cli::Driven;
use brokersim::kernel::Time;
use brokersim::tui::{Clock, pace::Speed};
use brokersim::tui::{Model, Msg, Palette, Report, Theme, update};

/// A broker dies, a consumer is paused, records are lost.
const SCENARIO: &str = include_str!("../../tui-screenshots/orders-loss.toml");

fn theme() -> Theme {
    Theme::new(Palette::Dark, false)
}

/// A screen on which nothing has happened.
fn empty() -> Model {
    Model::new("empty", 1, theme(), Time::from_secs(10))
}

/// A small run at an instant at which much is wrong.
fn small() -> Model {
    static SMALL: OnceLock<std::sync::Mutex<Model>> = OnceLock::new();
    let made = || {
        let mut driven = Driven::on_screen(SCENARIO, "orders-loss.toml").expect("it makes sense");
        let mut model = driven.model(theme());
        let pilot = driven.pilot();
        pilot.advance(Time::from_millis(16_300));
        for _ in 0..3 {
            pilot.look(model.look());
            let report = Report {
                snapshot: pilot.snapshot().into(),
                detail: pilot.detail().into(),
                front: pilot.front(),
                clock: Clock::Paused,
                seeking: None,
                speed: Speed::REAL,
                reached: None,
                said: None,
                note: None,
                courses: std::sync::Arc::default(),
                about: None,
                diff: None,
            };
            update(&mut model, Msg::Tick(report));
        }
        model.into()
    };
    SMALL.get_or_init(made).lock().expect("nobody panics with it").clone()
}

/// Ten thousand partitions, a thousand groups.
fn large() -> Model {
    crowd::Crowd::new(crowd::Shape::OneTopic).model()
}
