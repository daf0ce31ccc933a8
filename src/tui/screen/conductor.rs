//! The run's side of the driver: when what happens, and what the screen is told of it.
//!
//! **Invariant.** However a run is sliced, what happens in it is the same.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration as Wall;

use crate::kernel::{Duration, Time};

use super::super::courses::Diff;
use super::super::model::{Clock, Report, Seeking};
use super::super::pace::{Pacer, Speed};
use super::super::update::{Order, Seek};
use super::{Direction, FRAME, Left, Moment, Pilot, Progress, Spot};

mod hands;
mod mailbox;

pub use mailbox::Mailbox;

/// A slice of simulated time should take about this long, so that orders are soon heard.
const SLICE: Wall = Wall::from_millis(8);
/// A run is cut into so many slices at least, but a slice can always be [`SHORT`].
const SLICES: u64 = 256;
const SHORT: Duration = Duration::from_millis(1);
/// A run by the clock is shown in slices of this length: a frame.
const LIVE_SLICE: Duration = Duration::from_nanos(1_000_000_000 / super::FRAMES as u64);
/// Reports take at most one part in so many of the run's time, while it runs.
const REPORTS: u32 = 50;
/// What is said on arrival: nothing, in the place of that one is on the way.
const ARRIVED: &str = "";
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
    /// How long it took to make.
    report_took: Wall,
    measured_from: (Wall, Time),
    reached: Option<Speed>,
    /// What lies beyond the front and is run to as fast as it goes.
    quest: Option<Quest>,
    /// The fact that the run was sent to and stands at: one that came with it is not before it.
    stands_at: Option<u64>,
    said: Option<String>,
    /// How two branches differ, when that was asked.
    diff: Option<Arc<Diff>>,
}

/// What is run to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quest {
    Time(Time),
    /// Of this kind, after this fact.
    Moment(u64, Moment),
}

impl Quest {
    /// What the screen is told of it.
    fn seeking(self) -> Seeking {
        match self {
            Self::Time(time) => Seeking::To(time),
            Self::Moment(_, moment) => Seeking::Next(moment),
        }
    }
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
            report_took: Wall::ZERO,
            measured_from: (at, now),
            reached: None,
            quest: None,
            stands_at: None,
            said: None,
            diff: None,
        }
    }

    /// Until told to leave.
    pub fn conduct(mut self, orders: &Receiver<Order>) -> Left {
        loop {
            let ahead = self.turn();
            match self.hear(orders, ahead) {
                Heard::Nothing => {}
                Heard::Order(order) => self.obey(order),
                Heard::Leave if self.clock == Clock::Finished => return Left::Finished,
                Heard::Leave => return Left::Quit,
            }
        }
    }

    /// Lets happen what is due now, and tells the screen; whether there is nothing to do before the next order or frame.
    pub fn turn(&mut self) -> bool {
        let ahead = match self.quest {
            Some(quest) => self.seek_on(quest),
            None => self.clock != Clock::Running || self.go_on(),
        };
        if self.clock == Clock::Paused && self.pilot.is_live() {
            self.attend();
        }
        if self.pilot.has_news() {
            self.reported = None;
        }
        self.report(ahead && self.clock != Clock::Running);
        ahead
    }

    /// Whether something that was asked for is still on its way.
    pub fn is_under_way(&self) -> bool {
        self.quest.is_some()
    }

    /// Whatever is looked at, a run by the clock goes on.
    fn attend(&mut self) {
        let progress = self.pilot.attend(LIVE_SLICE);
        // While the past is looked at, the end is not reached there.
        if !self.is_behind() {
            self.note(progress);
        }
    }

    fn is_behind(&self) -> bool {
        self.pilot.now() < self.pilot.front()
    }

    /// Lets a slice of what is due happen; whether the run is ahead of its time now.
    fn go_on(&mut self) -> bool {
        if self.pilot.is_live() {
            self.attend();
            if !self.is_behind() {
                self.follow();
                return false;
            }
        }
        let (begun, now) = ((self.wall)(), self.pilot.now());
        let due = self.pacer.due(begun, now);
        if due > now {
            // What has passed by the clock is there already: it is shown, not computed.
            let slice = if self.pilot.is_live() { Duration::MAX } else { self.slice };
            let until = due.min(now + slice).min(self.pilot.end());
            let progress = self.pilot.advance(until);
            self.note(progress);
            self.fit_slice((self.wall)().saturating_sub(begun));
        }
        self.measure();
        self.pilot.now() >= due && !self.pilot.is_live()
    }

    /// By the clock, at the front: time passes as it does.
    fn follow(&mut self) {
        if self.speed != Speed::REAL {
            self.run_at(Speed::REAL);
        }
        self.measure();
    }

    /// Runs on towards what is sought; whether it is reached, or cannot be.
    fn seek_on(&mut self, quest: Quest) -> bool {
        let (begun, now) = ((self.wall)(), self.pilot.now());
        let wanted = match quest {
            Quest::Time(time) => time.min(self.pilot.end()),
            Quest::Moment(..) => self.pilot.end(),
        };
        if wanted > now {
            let until = wanted.min(now + self.slice);
            let progress = self.pilot.advance(until);
            self.note(progress);
            self.fit_slice((self.wall)().saturating_sub(begun));
            if let Quest::Moment(from, moment) = quest
                && let Some(spot) = self.pilot.moment(from, moment, Direction::Forward)
            {
                self.quest = None;
                self.say(ARRIVED);
                self.go(spot);
                return true;
            }
        }
        let over = self.pilot.now() >= wanted || self.clock == Clock::Finished;
        if over {
            self.quest = None;
            self.start_pace();
            self.say(match quest {
                Quest::Moment(..) => "there was none before the end",
                Quest::Time(_) => ARRIVED,
            });
        }
        over
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
        // A report of a large run takes its time: the run has the most of it all the same.
        let apart = FRAME.max(self.report_took * REPORTS);
        // A run by the clock goes on while its past stands still on the screen: its header says how far.
        let every = match (still, self.pilot.is_live() && self.pilot.has_past()) {
            (false, _) => Some(apart),
            (true, true) => Some(apart * 8),
            (true, false) => None,
        };
        let since = |last| wall.saturating_sub(last);
        let due = self.reported.is_none_or(|last| every.is_some_and(|every| since(last) >= every));
        if !due {
            return;
        }
        self.reported = Some(wall);
        self.mailbox.put(Report {
            snapshot: Arc::new(self.pilot.snapshot()),
            detail: Arc::new(self.pilot.detail()),
            front: self.pilot.front(),
            clock: self.clock,
            seeking: self.quest.map(Quest::seeking),
            speed: self.speed,
            reached: self.reached,
            said: self.said.take(),
            courses: Arc::new(self.pilot.courses()),
            about: self.pilot.about(),
            diff: self.diff.take(),
            note: self.pilot.note(),
        });
        self.report_took = (self.wall)().saturating_sub(wall);
    }

    /// Waits as long as there is nothing to do.
    fn hear(&self, orders: &Receiver<Order>, ahead: bool) -> Heard {
        let unseen = self.clock == Clock::Paused && self.pilot.is_live();
        let busy = self.clock == Clock::Running || self.quest.is_some() || unseen || self.pilot.is_asking();
        let heard = match (busy, ahead && !unseen) {
            (true, false) => match orders.try_recv() {
                Err(TryRecvError::Empty) => return Heard::Nothing,
                Err(TryRecvError::Disconnected) => None,
                Ok(order) => Some(order),
            },
            (true, true) => match orders.recv_timeout(FRAME / 2) {
                Err(RecvTimeoutError::Timeout) => return Heard::Nothing,
                Err(RecvTimeoutError::Disconnected) => None,
                Ok(order) => Some(order),
            },
            (false, _) => orders.recv().ok(),
        };
        heard.filter(|order| *order != Order::Quit).map_or(Heard::Leave, Heard::Order)
    }

    /// Does what the screen asks for, other than to leave.
    pub fn obey(&mut self, order: Order) {
        if self.pilot.is_live() {
            if let Some(why) = self.cannot(order) {
                return self.say(why);
            }
            // What stands still is an instant that has passed by the next.
            if order == Order::Toggle && self.clock == Clock::Running && !self.is_behind() {
                self.pilot.go(Spot::At(self.pilot.now()));
            }
        }
        let sought = if order == Order::Look { None } else { self.quest.take() };
        match order {
            // What stops time stops it on its way, too.
            Order::Toggle | Order::Stand if sought.is_some() => self.stand(Clock::Paused),
            Order::Stand => {}
            Order::Toggle if self.clock == Clock::Running => self.stand(Clock::Paused),
            Order::Toggle => {
                self.stands_at = None;
                self.stand(Clock::Running);
            }
            Order::Seek(seek) => self.seek(seek),
            Order::Faster => self.run_at(self.speed.faster()),
            Order::Slower => self.run_at(self.speed.slower(self.home)),
            Order::RealTime => self.run_at(Speed::REAL),
            Order::FullSpeed => self.run_at(Speed::Max),
            Order::Speed(speed) => self.run_at(speed),
            Order::Look => {
                if let Some(look) = self.mailbox.take_look() {
                    self.pilot.look(look);
                }
                self.reported = None;
            }
            Order::Hand => self.hand(),
            Order::Quit => unreachable!("leaving is heard before"),
        }
    }

    /// By the clock: why an order cannot be obeyed; none when it can.
    fn cannot(&self, order: Order) -> Option<&'static str> {
        const NOT_YET: &str = "that has not happened yet: this run goes by the clock";
        if drives_time(order) && !self.pilot.has_past() {
            return Some("this run goes by the clock: it can be neither hurried nor sent back");
        }
        let (behind, front) = (self.is_behind(), self.pilot.front());
        match order {
            Order::Seek(Seek::Event | Seek::By(_) | Seek::Notable | Seek::Fault) if !behind => Some(NOT_YET),
            Order::Seek(Seek::To(time)) if time > front => Some(NOT_YET),
            Order::Seek(_) => None,
            Order::Faster | Order::Slower | Order::RealTime | Order::FullSpeed | Order::Speed(_)
                if !behind =>
            {
                Some("this run goes by the clock: only its past can be seen faster or slower")
            }
            Order::Faster | Order::Slower | Order::RealTime | Order::FullSpeed | Order::Speed(_) => None,
            Order::Toggle | Order::Stand | Order::Look | Order::Hand | Order::Quit => None,
        }
    }

    fn seek(&mut self, seek: Seek) {
        let now = self.pilot.now();
        match seek {
            Seek::Event => self.halt_and(|pilot| pilot.step()),
            Seek::By(by) => self.halt_and(|pilot| {
                let until = pilot.now() + by;
                pilot.advance(until.min(pilot.end()))
            }),
            Seek::EventBack => self.go(Spot::OneBack),
            Seek::Back(by) => self.go(Spot::At(earlier(now, by))),
            Seek::Start => self.go(Spot::At(Time::ZERO)),
            Seek::Front => self.go(Spot::Front),
            Seek::Fact(serial, at) => self.go(Spot::Fact(serial, at)),
            Seek::To(time) if time <= self.pilot.front() => self.go(Spot::At(time)),
            Seek::To(time) => self.set_out(Quest::Time(time)),
            Seek::Notable => self.next(Moment::Notable),
            Seek::Fault => self.next(Moment::Fault),
            Seek::NotableBack => self.previous(Moment::Notable),
            Seek::FaultBack => self.previous(Moment::Fault),
        }
    }

    fn next(&mut self, moment: Moment) {
        let from = self.pilot.facts();
        match self.pilot.moment(from, moment, Direction::Forward) {
            Some(spot) => self.go(spot),
            None if self.pilot.is_live() => self.say("nothing of that kind has happened since"),
            None => self.set_out(Quest::Moment(from, moment)),
        }
    }

    fn previous(&mut self, moment: Moment) {
        let from = self.stands_at.unwrap_or(self.pilot.facts() + 1);
        match self.pilot.moment(from, moment, Direction::Back) {
            Some(spot) => self.go(spot),
            None => self.say("nothing of that kind before"),
        }
    }

    /// Beyond the front: as fast as it goes.
    fn set_out(&mut self, quest: Quest) {
        if self.pilot.front() > self.pilot.now() {
            self.go(Spot::Front);
        }
        self.stands_at = None;
        self.stand(Clock::Paused);
        self.quest = (self.clock != Clock::Finished).then_some(quest);
        if self.quest.is_some() {
            self.say("on the way, as fast as it goes; any key of time stops it");
        }
    }

    fn go(&mut self, spot: Spot) {
        if self.pilot.go(spot) {
            self.stands_at = match spot {
                Spot::Fact(serial, _) => Some(serial),
                Spot::At(_) | Spot::OneBack | Spot::Front => None,
            };
            let over = self.pilot.now() >= self.pilot.end();
            self.clock = match (over, self.pilot.is_live() && !self.is_behind()) {
                (true, _) => Clock::Finished,
                // By the clock the present does not stand still.
                (false, true) => Clock::Running,
                (false, false) => Clock::Paused,
            };
            self.reported = None;
            self.start_pace();
        } else {
            self.say("this run cannot go there");
        }
    }

    fn say(&mut self, text: impl Into<String>) {
        self.said = Some(text.into());
        self.reported = None;
    }

    fn halt_and(&mut self, act: impl FnOnce(&mut dyn Pilot) -> Progress) {
        self.stand(Clock::Paused);
        self.stands_at = None;
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

/// Whether an order is about time, other than to stand and to go on.
fn drives_time(order: Order) -> bool {
    match order {
        Order::Seek(_)
        | Order::Faster
        | Order::Slower
        | Order::RealTime
        | Order::FullSpeed
        | Order::Speed(_) => true,
        Order::Toggle | Order::Stand | Order::Look | Order::Hand | Order::Quit => false,
    }
}

fn earlier(now: Time, by: Duration) -> Time {
    Time::ZERO + now.since(Time::ZERO).saturating_sub(by)
}

enum Heard {
    Nothing,
    Order(Order),
    Leave,
}

#[cfg(test)]
mod past_tests;
#[cfg(test)]
mod tests;
