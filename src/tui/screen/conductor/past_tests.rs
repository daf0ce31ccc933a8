//! A run by the clock whose past is looked at.

use std::cell::Cell;
use std::sync::mpsc::{self, Sender};

use super::*;
use crate::observe::Snapshot;
use crate::tui::{Model, Palette, Theme};

const END: Time = Time::from_secs(10);

/// A run of ten seconds by the clock that keeps what has passed. Orders come when it has come so far.
struct Clocked {
    front: Time,
    here: Option<Time>,
    orders: Sender<Order>,
    script: Vec<(Time, Order)>,
    /// Where the screen stood when each order came, and where the run was.
    stood: Vec<(Time, Time)>,
}

impl Pilot for Clocked {
    fn now(&self) -> Time {
        self.here.unwrap_or(self.front)
    }

    fn end(&self) -> Time {
        END
    }

    fn advance(&mut self, until: Time) -> Progress {
        self.here = self.here.map(|_| until).filter(|here| *here < self.front);
        Progress::Running
    }

    fn attend(&mut self, slice: Duration) -> Progress {
        self.front = (self.front + slice).min(END);
        if self.script.first().is_some_and(|(at, _)| *at <= self.front) {
            self.stood.push((self.now(), self.front));
            self.orders.send(self.script.remove(0).1).expect("the conductor listens");
        }
        if self.front == END { Progress::Finished } else { Progress::Running }
    }

    fn step(&mut self) -> Progress {
        self.here = self.here.map(|here| here + Duration::from_millis(1));
        Progress::Running
    }

    fn snapshot(&self) -> Snapshot {
        let model = Model::new("", 0, Theme::new(Palette::Mono, true), END);
        Snapshot { now: self.now(), ..model.snapshot().clone() }
    }

    fn is_live(&self) -> bool {
        self.front < END
    }

    fn has_past(&self) -> bool {
        true
    }

    fn front(&self) -> Time {
        self.front
    }

    fn go(&mut self, spot: Spot) -> bool {
        self.here = match spot {
            Spot::At(time) => Some(time.min(self.front)),
            Spot::Front => None,
            Spot::Fact(..) | Spot::OneBack => return false,
        };
        true
    }
}

/// Conducts it under a clock that goes on by a millisecond at each reading.
fn conduct(script: &[(u64, Order)]) -> (Left, Clocked, Report) {
    let (orders, receive) = mpsc::channel();
    let script = script.iter().map(|(millis, order)| (Time::from_millis(*millis), *order)).collect();
    let mut run = Clocked { front: Time::ZERO, here: None, orders, script, stood: Vec::new() };
    let mailbox = Mailbox::default();
    let wall = Cell::new(Wall::ZERO);
    let read = || {
        wall.set(wall.get() + Wall::from_millis(1));
        wall.get()
    };
    let left = Conductor::new(&mut run, Speed::REAL, &mailbox, read).conduct(&receive);
    let report = mailbox.take().expect("a report");
    (left, run, report)
}

#[test]
fn while_the_screen_stands_still_the_run_goes_on_and_one_can_go_back_in_it() {
    let to = |millis| Order::Seek(Seek::To(Time::from_millis(millis)));
    let (_, run, report) = conduct(&[
        (2_000, Order::Toggle),
        (4_000, to(1_000)),
        (5_000, Order::Seek(Seek::Event)),
        (6_000, to(9_000)),
        (7_000, Order::Quit),
    ]);
    let stood: Vec<u64> = run.stood.iter().map(|(here, _)| here.as_millis()).collect();
    assert!((1_990..2_100).contains(&stood[1]), "it stood where it was paused: {stood:?}");
    assert_eq!((stood[2], stood[3], stood[4]), (1_000, 1_001, 1_001));
    assert_eq!((report.clock, report.snapshot.now), (Clock::Paused, Time::from_millis(1_001)));
    assert!(report.front >= Time::from_secs(6), "both times are told: {}", report.front);
}

#[test]
fn the_past_passes_at_any_speed_and_the_present_only_at_its_own() {
    let (_, run, _) = conduct(&[
        (1_000, Order::FullSpeed),
        (4_000, Order::Seek(Seek::Start)),
        (4_200, Order::FullSpeed),
        (4_400, Order::Toggle),
        (5_000, Order::Quit),
    ]);
    let (here, front) = run.stood[4];
    assert_eq!(here, front, "as fast as it goes it is soon the present again");
    assert_eq!(run.stood[2].0, Time::ZERO);
}

#[test]
fn the_end_key_follows_the_run_again() {
    let (left, run, report) = conduct(&[
        (2_000, Order::Seek(Seek::Back(Duration::from_secs(1)))),
        (3_000, Order::Seek(Seek::Front)),
        (10_000, Order::Quit),
    ]);
    assert_eq!((left, run.here), (Left::Finished, None));
    assert_eq!((report.clock, report.snapshot.now), (Clock::Finished, END));
    assert_eq!(run.stood[1].0.as_millis() / 100, 10);
}
