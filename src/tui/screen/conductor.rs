//! The run's side of the driver: when what happens, and what the screen is told of it.
//!
//! **Invariant.** However a run is sliced, what happens in it is the same.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration as Wall;

use crate::kernel::{Duration, Time};

use super::super::model::{Clock, Report};
use super::super::pace::{Pacer, Speed};
use super::super::update::Order;
use super::{FRAME, Left, Pilot, Progress};

/// Where the run leaves its last report.
#[derive(Default)]
pub struct Mailbox(Mutex<Slot>);

#[derive(Default)]
struct Slot {
    report: Option<Report>,
    closed: bool,
}

impl Mailbox {
    /// Puts a report in the place of the one before.
    fn put(&self, report: Report) {
        self.slot().report = Some(report);
    }

    /// Takes the report, if there is a new one.
    pub fn take(&self) -> Option<Report> {
        self.slot().report.take()
    }

    /// Says that no more will come.
    fn close(&self) {
        self.slot().closed = true;
    }

    /// Whether no more will come.
    pub fn is_closed(&self) -> bool {
        self.slot().closed
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slice of simulated time should take about this long, so that orders are soon heard.
const SLICE: Wall = Wall::from_millis(8);
/// A run is cut into so many slices at least, but a slice can always be [`SHORT`].
const SLICES: u64 = 256;
const SHORT: Duration = Duration::from_millis(1);
/// A run by the clock is shown in slices of this length: a frame.
const LIVE_SLICE: Duration = Duration::from_nanos(1_000_000_000 / super::FRAMES as u64);
/// How long speed is measured.
const MEASURE: Wall = Wall::from_millis(500);

/// Drives a run.
pub struct Conductor<'a, W> {
    pilot: &'a mut dyn Pilot,
    mailbox: &'a Mailbox,
    /// Wall time since some beginning.
    wall: W,
    clock: Clock,
    speed: Speed,
    home: Speed,
    pacer: Pacer,
    slice: Duration,
    /// A slice is at most this part of the run, or what lies ahead could take long.
    longest: Duration,
    /// When the last report was made; none when what it said no longer holds.
    reported: Option<Wall>,
    measured_from: (Wall, Time),
    reached: Option<Speed>,
}

impl<W> Drop for Conductor<'_, W> {
    /// Also when the run panics: the screen must not wait for it.
    fn drop(&mut self) {
        self.mailbox.close();
    }
}

impl<'a, W: Fn() -> Wall> Conductor<'a, W> {
    /// Drives a run at speed `home`, from now on.
    pub fn new(pilot: &'a mut dyn Pilot, home: Speed, mailbox: &'a Mailbox, wall: W) -> Self {
        let (at, now, end) = (wall(), pilot.now(), pilot.end());
        Self {
            pilot,
            mailbox,
            wall,
            clock: Clock::Running,
            speed: home,
            home,
            pacer: Pacer::new(home, at, now),
            slice: SHORT,
            longest: (end.since(now) / SLICES).max(SHORT),
            reported: None,
            measured_from: (at, now),
            reached: None,
        }
    }

    /// Until told to leave.
    pub fn conduct(mut self, orders: &Receiver<Order>) -> Left {
        loop {
            let ahead = self.clock != Clock::Running || self.go_on();
            if self.clock == Clock::Paused && self.pilot.is_live() {
                self.go_on_unseen();
            }
            self.report(ahead && self.clock != Clock::Running);
            match self.hear(orders, ahead) {
                Heard::Nothing => {}
                Heard::Order(order) => self.obey(order),
                Heard::Leave if self.clock == Clock::Finished => return Left::Finished,
                Heard::Leave => return Left::Quit,
            }
        }
    }

    /// The screen stands still; a run by the clock does not.
    fn go_on_unseen(&mut self) {
        let until = (self.pilot.now() + LIVE_SLICE).min(self.pilot.end());
        let progress = self.pilot.advance(until);
        self.note(progress);
    }

    /// Lets a slice of what is due happen; whether the run is ahead of its time now.
    fn go_on(&mut self) -> bool {
        let (begun, now) = ((self.wall)(), self.pilot.now());
        let due = if self.pilot.is_live() { now + LIVE_SLICE } else { self.pacer.due(begun, now) };
        if due > now {
            let slice = if self.pilot.is_live() { LIVE_SLICE } else { self.slice };
            let until = due.min(now + slice).min(self.pilot.end());
            let progress = self.pilot.advance(until);
            self.note(progress);
            self.fit_slice((self.wall)().saturating_sub(begun));
        }
        self.measure();
        self.pilot.now() >= due && !self.pilot.is_live()
    }

    fn fit_slice(&mut self, took: Wall) {
        if took < SLICE / 2 {
            self.slice = (self.slice * 2).min(self.longest);
        } else if took > SLICE * 2 {
            self.slice = (self.slice / 2).max(Duration::from_micros(1));
        }
    }

    fn measure(&mut self) {
        let ((from, then), wall) = (self.measured_from, (self.wall)());
        let took = wall.saturating_sub(from);
        if took >= MEASURE {
            self.reached = Some(Speed::measured(self.pilot.now().since(then), took));
            self.measured_from = (wall, self.pilot.now());
        }
    }

    fn note(&mut self, progress: Progress) {
        if progress == Progress::Finished {
            self.stand(Clock::Finished);
        }
    }

    fn stand(&mut self, clock: Clock) {
        if self.clock != Clock::Finished {
            self.clock = clock;
        }
        self.reported = None;
        self.start_pace();
    }

    /// Time is measured from here on, at the speed there is now.
    fn start_pace(&mut self) {
        let (wall, now) = ((self.wall)(), self.pilot.now());
        self.pacer = Pacer::new(self.speed, wall, now);
        self.measured_from = (wall, now);
        self.reached = None;
    }

    /// Tells the screen, unless it was told lately, or, while time stands still, when nothing changed.
    fn report(&mut self, still: bool) {
        let wall = (self.wall)();
        let due = self.reported.is_none_or(|last| !still && wall.saturating_sub(last) >= FRAME);
        if !due {
            return;
        }
        self.reported = Some(wall);
        self.mailbox.put(Report {
            snapshot: Arc::new(self.pilot.snapshot()),
            clock: self.clock,
            speed: self.speed,
            reached: self.reached,
        });
    }

    /// Waits as long as there is nothing to do.
    fn hear(&self, orders: &Receiver<Order>, ahead: bool) -> Heard {
        let unseen = self.clock == Clock::Paused && self.pilot.is_live();
        let heard = match if unseen { (Clock::Running, false) } else { (self.clock, ahead) } {
            (Clock::Running, false) => match orders.try_recv() {
                Err(TryRecvError::Empty) => return Heard::Nothing,
                Err(TryRecvError::Disconnected) => None,
                Ok(order) => Some(order),
            },
            (Clock::Running, true) => match orders.recv_timeout(FRAME / 2) {
                Err(RecvTimeoutError::Timeout) => return Heard::Nothing,
                Err(RecvTimeoutError::Disconnected) => None,
                Ok(order) => Some(order),
            },
            (Clock::Paused | Clock::Finished, _) => orders.recv().ok(),
        };
        heard.filter(|order| *order != Order::Quit).map_or(Heard::Leave, Heard::Order)
    }

    fn obey(&mut self, order: Order) {
        let drives = match order {
            Order::Step
            | Order::Skip(_)
            | Order::Faster
            | Order::Slower
            | Order::RealTime
            | Order::FullSpeed => true,
            Order::Toggle | Order::Quit => false,
        };
        if drives && self.pilot.is_live() {
            return;
        }
        match order {
            Order::Toggle if self.clock == Clock::Running => self.stand(Clock::Paused),
            Order::Toggle => self.stand(Clock::Running),
            Order::Step => self.halt_and(|pilot| pilot.step()),
            Order::Skip(by) => self.halt_and(|pilot| {
                let until = pilot.now() + by;
                pilot.advance(until.min(pilot.end()))
            }),
            Order::Faster => self.run_at(self.speed.faster()),
            Order::Slower => self.run_at(self.speed.slower(self.home)),
            Order::RealTime => self.run_at(Speed::REAL),
            Order::FullSpeed => self.run_at(Speed::Max),
            Order::Quit => unreachable!("leaving is heard before"),
        }
    }

    fn halt_and(&mut self, act: impl FnOnce(&mut dyn Pilot) -> Progress) {
        self.stand(Clock::Paused);
        if self.clock == Clock::Paused {
            let progress = act(self.pilot);
            self.note(progress);
            self.start_pace();
        }
    }

    fn run_at(&mut self, speed: Speed) {
        self.speed = speed;
        self.reported = None;
        self.start_pace();
    }
}

enum Heard {
    Nothing,
    Order(Order),
    Leave,
}

#[cfg(test)]
mod tests {
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
        let mut fake =
            Fake { now: Time::ZERO, steps: 0, advanced: 0, snapshots, leave_at, orders: send, live };
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
        let orders = [Order::Step, Order::Step, Order::Skip(Duration::from_millis(100)), Order::Quit];
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
        assert!(
            report.snapshot.now < Time::from_secs(1),
            "the screen stood still at {}",
            report.snapshot.now
        );
    }

    #[test]
    fn a_run_by_the_clock_can_be_neither_hurried_nor_stepped() {
        let orders = [Order::Faster, Order::Step, Order::FullSpeed, Order::Skip(Duration::from_secs(3))];
        let (left, fake, _, report) = conduct_in(true, Speed::REAL, &orders, END, Wall::from_millis(1));
        assert_eq!((left, fake.steps, report.speed), (Left::Finished, 0, Speed::REAL));
        assert!(u64::from(fake.advanced) >= END.as_millis() / 34, "a slice is a frame: {}", fake.advanced);
    }

    #[test]
    fn skipping_past_the_end_ends_the_run() {
        let orders = [Order::Skip(Duration::from_secs(99)), Order::Toggle, Order::Step, Order::Faster];
        let (left, fake, _, report) = conduct(Speed::REAL, &orders, END, Wall::ZERO);
        assert_eq!((left, fake.now, fake.steps), (Left::Finished, END, 0));
        assert_eq!((report.clock, report.speed), (Clock::Finished, Speed::Times(2_000)));
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
        send.send(Order::Step).expect("the other end is here");
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
}
