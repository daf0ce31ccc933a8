use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Sender};

use super::*;
use crate::observe::Snapshot;
use crate::tui::{Model, Palette, Theme};

/// A run of ten seconds that counts what is asked of it, and leaves when it is told to.
struct Fake {
    now: Time,
    steps: u32,
    advanced: u32,
    snapshots: Cell<u32>,
    leave_at: Time,
    orders: Sender<Order>,
    live: bool,
}

const END: Time = Time::from_secs(10);

impl Pilot for Fake {
    fn now(&self) -> Time {
        self.now
    }

    fn end(&self) -> Time {
        END
    }

    fn advance(&mut self, until: Time) -> Progress {
        assert!(until > self.now && until <= END, "{until}");
        self.advanced += 1;
        self.now = until;
        if until >= self.leave_at {
            self.orders.send(Order::Quit).expect("the conductor listens");
        }
        if until == END { Progress::Finished } else { Progress::Running }
    }

    fn step(&mut self) -> Progress {
        self.steps += 1;
        Progress::Running
    }

    fn snapshot(&self) -> Snapshot {
        self.snapshots.set(self.snapshots.get() + 1);
        let model = Model::new("", 0, Theme::new(Palette::Mono, true), END);
        Snapshot { now: self.now, ..model.snapshot().clone() }
    }

    fn is_live(&self) -> bool {
        self.live
    }
}

/// Conducts a fake run under a clock that goes on by `tick` at each reading.
fn conduct(speed: Speed, orders: &[Order], leave_at: Time, tick: Wall) -> (Left, Fake, Wall, Report) {
    conduct_in(false, speed, orders, leave_at, tick)
}

fn conduct_in(
    live: bool,
    speed: Speed,
    orders: &[Order],
    leave_at: Time,
    tick: Wall,
) -> (Left, Fake, Wall, Report) {
    let (send, receive) = mpsc::channel();
    orders.iter().for_each(|order| send.send(*order).expect("the other end is here"));
    let snapshots = Cell::new(0);
    let mut fake = Fake { now: Time::ZERO, steps: 0, advanced: 0, snapshots, leave_at, orders: send, live };
    let mailbox = Mailbox::default();
    let wall = Cell::new(Wall::ZERO);
    let read = || {
        wall.set(wall.get() + tick);
        wall.get()
    };
    let left = Conductor::new(&mut fake, speed, &mailbox, read).conduct(&receive);
    assert!(mailbox.is_closed());
    let report = mailbox.take().expect("a report");
    (left, fake, wall.get(), report)
}

#[test]
fn a_run_at_full_speed_ends_and_stays_until_it_is_left() {
    let (left, fake, _, report) = conduct(Speed::Max, &[], END, Wall::from_micros(10));
    assert_eq!((left, fake.now), (Left::Finished, END));
    assert_eq!((report.clock, report.snapshot.now), (Clock::Finished, END));
}

#[test]
fn a_run_that_is_left_early_stays_as_far_as_it_came() {
    let middle = Time::from_secs(5);
    let (left, fake, _, report) = conduct(Speed::Max, &[], middle, Wall::from_micros(10));
    assert_eq!(left, Left::Quit);
    assert!(fake.now >= middle && fake.now < END);
    assert_eq!(report.clock, Clock::Running);
}

#[test]
fn a_step_pauses_and_takes_one_event() {
    let step = Order::Seek(Seek::Event);
    let orders = [step, step, Order::Seek(Seek::By(Duration::from_millis(100))), Order::Quit];
    let (left, fake, _, report) = conduct(Speed::REAL, &orders, END, Wall::ZERO);
    assert_eq!((left, fake.steps, fake.advanced), (Left::Quit, 2, 1));
    assert_eq!(fake.now, Time::from_millis(100));
    assert_eq!((report.clock, report.snapshot.now), (Clock::Paused, Time::from_millis(100)));
}

#[test]
fn pausing_a_run_by_the_clock_stops_the_screen_only() {
    let middle = Time::from_secs(5);
    let (left, fake, _, report) =
        conduct_in(true, Speed::REAL, &[Order::Toggle], middle, Wall::from_millis(1));
    assert_eq!((left, report.clock), (Left::Quit, Clock::Paused));
    assert!(fake.now >= middle, "the run went on to {}", fake.now);
    assert!(report.snapshot.now < Time::from_secs(1), "the screen stood still at {}", report.snapshot.now);
}

#[test]
fn a_run_by_the_clock_can_be_neither_hurried_nor_stepped() {
    let orders = [
        Order::Faster,
        Order::Seek(Seek::Event),
        Order::FullSpeed,
        Order::Seek(Seek::By(Duration::from_secs(3))),
        Order::Seek(Seek::Start),
    ];
    let (left, fake, _, report) = conduct_in(true, Speed::REAL, &orders, END, Wall::from_millis(1));
    assert_eq!((left, fake.steps, report.speed), (Left::Finished, 0, Speed::REAL));
    assert!(u64::from(fake.advanced) >= END.as_millis() / 34, "a slice is a frame: {}", fake.advanced);
}

#[test]
fn skipping_past_the_end_ends_the_run() {
    let by = Order::Seek(Seek::By(Duration::from_secs(99)));
    let orders = [by, Order::Toggle, Order::Seek(Seek::Event), Order::Faster];
    let (left, fake, _, report) = conduct(Speed::REAL, &orders, END, Wall::ZERO);
    assert_eq!((left, fake.now, fake.steps), (Left::Finished, END, 0));
    assert_eq!((report.clock, report.speed), (Clock::Finished, Speed::Times(2_000)));
}

/// The reports of a fake run that is told to go to 8 s, then whatever `order` says; the last one.
fn sought(order: Option<Order>) -> (Option<Seeking>, Report) {
    let (orders, _hold) = mpsc::channel();
    let snapshots = Cell::new(0);
    let leave_at = Time::NEVER;
    let mut fake = Fake { now: Time::ZERO, steps: 0, advanced: 0, snapshots, leave_at, orders, live: false };
    let mailbox = Mailbox::default();
    let wall = Cell::new(Wall::ZERO);
    let read = || {
        wall.set(wall.get() + Wall::from_millis(1));
        wall.get()
    };
    let mut conductor = Conductor::new(&mut fake, Speed::REAL, &mailbox, read);
    conductor.obey(Order::Seek(Seek::To(Time::from_secs(8))));
    conductor.turn();
    let on_the_way = mailbox.take().and_then(|report| report.seeking);
    order.into_iter().for_each(|order| conductor.obey(order));
    while conductor.is_under_way() {
        conductor.turn();
    }
    conductor.turn();
    (on_the_way, mailbox.take().expect("a report"))
}

#[test]
fn a_seek_is_told_until_it_is_there() {
    let (on_the_way, there) = sought(None);
    assert_eq!(on_the_way, Some(Seeking::To(Time::from_secs(8))));
    assert_eq!((there.seeking, there.clock), (None, Clock::Paused));
    assert_eq!(there.snapshot.now, Time::from_secs(8));
}

#[test]
fn a_seek_is_stopped_where_it_is() {
    for order in [Order::Toggle, Order::Stand] {
        let (on_the_way, stopped) = sought(Some(order));
        assert!(on_the_way.is_some());
        assert_eq!((stopped.seeking, stopped.clock), (None, Clock::Paused), "{order:?}");
        assert!(stopped.snapshot.now < Time::from_secs(8), "{}", stopped.snapshot.now);
    }
}

#[test]
fn giving_up_what_is_there_already_does_not_set_time_going() {
    let orders = [Order::Seek(Seek::Event), Order::Stand, Order::Quit];
    let (_, fake, _, report) = conduct(Speed::REAL, &orders, END, Wall::ZERO);
    assert_eq!((report.clock, fake.steps, fake.advanced), (Clock::Paused, 1, 0));
}

#[test]
fn snapshots_are_taken_thirty_times_a_second_at_most() {
    let (_, fake, wall, _) = conduct(Speed::Max, &[], END, Wall::from_millis(1));
    assert!(u64::from(fake.advanced) >= SLICES, "{}", fake.advanced);
    let most = wall.as_millis() as u32 / 33 + 3;
    assert!((20..=most).contains(&fake.snapshots.get()), "{} of {most}", fake.snapshots.get());
    assert!(fake.snapshots.get() < fake.advanced / 2);
}

#[test]
fn the_screen_hears_of_a_run_that_panics() {
    let mailbox = Mailbox::default();
    let (send, receive) = mpsc::channel();
    send.send(Order::Seek(Seek::Event)).expect("the other end is here");
    let fake = &mut Fake {
        now: Time::ZERO,
        steps: 0,
        advanced: 0,
        snapshots: Cell::new(0),
        leave_at: END,
        orders: send,
        live: false,
    };
    let broken = &mut Broken(fake);
    let conductor = Conductor::new(broken, Speed::REAL, &mailbox, || Wall::ZERO);
    assert!(catch_unwind(AssertUnwindSafe(|| conductor.conduct(&receive))).is_err());
    assert!(mailbox.is_closed());
}

struct Broken<'a>(&'a mut Fake);

impl Pilot for Broken<'_> {
    fn now(&self) -> Time {
        self.0.now()
    }

    fn end(&self) -> Time {
        END
    }

    fn advance(&mut self, until: Time) -> Progress {
        self.0.advance(until)
    }

    fn step(&mut self) -> Progress {
        panic!("a bug in the run")
    }

    fn snapshot(&self) -> Snapshot {
        self.0.snapshot()
    }
}
