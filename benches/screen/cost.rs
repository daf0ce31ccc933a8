//! What the screen costs the simulation.

use std::time::{Duration as Wall, Instant};

use brokersim::cli::Driven;
use brokersim::kernel::Duration;
use brokersim::observe::lens::{Look, Query};
use brokersim::trace::{GroupId, PlaceId};

use super::{median, on_processor};

/// Runs of each kind, in turns; which is first changes.
const ROUNDS: usize = 11;
/// At most thirty reports a second, and at most one part in so many of the run's time, as the conductor has it.
const FRAME: Wall = Wall::from_nanos(1_000_000_000 / 30);
const REPORTS: u32 = 50;
/// What is computed at a time, as the conductor does.
const SLICE: Wall = Wall::from_millis(8);

/// The scenarios: many records a batch, and one.
const SCENARIOS: [(&str, &str); 3] = [
    ("full batches", include_str!("../kafka/full-batches.toml")),
    ("one record a batch", include_str!("../kafka/one-record-a-batch.toml")),
    ("zipf keys", include_str!("../kafka/zipf-keys.toml")),
];

/// Measures every scenario.
pub fn measure() {
    println!("what the screen costs the simulation, in seconds of a processor, medians of {ROUNDS} turns:");
    println!("  {:<24} {:>9} {:>9} {:>7}   least to most, reports", "", "without", "with", "ratio");
    for (name, text) in SCENARIOS {
        let turns: Vec<Turn> = (0..ROUNDS).map(|round| Turn::take(text, name, round % 2 == 0)).collect();
        let seconds = |of: fn(&Turn) -> Wall| median(turns.iter().map(of).collect()).as_secs_f64();
        let mut ratios: Vec<f64> = turns.iter().map(Turn::ratio).collect();
        ratios.sort_by(f64::total_cmp);
        println!(
            "  {name:<24} {:>9.3} {:>9.3} {:>7.3}   {:.3} to {:.3}, {}",
            seconds(|turn| turn.without),
            seconds(|turn| turn.with),
            ratios[ROUNDS / 2],
            ratios[0],
            ratios[ROUNDS - 1],
            turns[0].reports
        );
    }
    println!("  goal: 1.1");
}

/// The same run without a screen and with one, one right after the other: a machine is seldom as fast a minute later.
struct Turn {
    without: Wall,
    with: Wall,
    reports: u32,
}

impl Turn {
    fn take(text: &str, name: &str, screen_last: bool) -> Self {
        let before = screen_last.then(|| headless(text, name));
        let (with, reports) = on_screen(text, name);
        let without = before.unwrap_or_else(|| headless(text, name));
        Self { without, with, reports }
    }

    fn ratio(&self) -> f64 {
        self.with.as_secs_f64() / self.without.as_secs_f64()
    }
}

fn headless(text: &str, name: &str) -> Wall {
    let mut driven = Driven::headless(text, name).expect("a scenario that makes sense");
    let pilot = driven.pilot();
    let busy = on_processor();
    let mut slice = Duration::from_millis(1);
    while pilot.now() < pilot.end() {
        let began = Instant::now();
        pilot.advance((pilot.now() + slice).min(pilot.end()));
        slice = fitting(slice, began.elapsed());
    }
    on_processor() - busy
}

/// The same with reports as often as the conductor makes them, each second of another page.
fn on_screen(text: &str, name: &str) -> (Wall, u32) {
    let mut driven = Driven::on_screen(text, name).expect("a scenario that makes sense");
    let pilot = driven.pilot();
    let busy = on_processor();
    let mut slice = Duration::from_millis(1);
    let (mut reported, mut took, mut reports) = (busy, Wall::ZERO, 0);
    while pilot.now() < pilot.end() {
        let began = Instant::now();
        pilot.advance((pilot.now() + slice).min(pilot.end()));
        slice = fitting(slice, began.elapsed());
        let now = on_processor();
        if now - reported >= FRAME.max(took * REPORTS) {
            reported = now;
            pilot.look(look(reports / 30));
            drop((pilot.snapshot(), pilot.detail()));
            took = on_processor() - now;
            reports += 1;
        }
    }
    (on_processor() - busy, reports)
}

fn fitting(slice: Duration, took: Wall) -> Duration {
    if took < SLICE / 2 {
        slice * 2
    } else if took > SLICE * 2 {
        (slice / 2).max(Duration::from_micros(1))
    } else {
        slice
    }
}

/// Somebody turns to another page each second.
fn look(second: u32) -> Look {
    let none = Look::default();
    match second % 4 {
        0 => none,
        1 => Look { place: Some(PlaceId(0)), ..none },
        2 => Look { group: Some(GroupId(0)), ..none },
        _ => Look { records: Some(Query::default()), ..none },
    }
}
