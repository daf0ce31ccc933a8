//! The driver: the run on the caller's thread, the screen on one of its own.
//!
//! The two share a mailbox, in which the run leaves its last report, and a queue of orders the other way. The run
//! never waits for the screen: it takes a snapshot at most [`FRAMES`] times a second and goes on. Here, and only
//! here, the wall clock is read.
//!
//! What a person does to the run by hand goes with the mailbox, too: [`Pilot::hand`].

#![expect(clippy::disallowed_types, reason = "a person's time is wall time")]

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration as Wall, Instant};

use crossterm::event::{self, Event};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::kernel::{Duration, Time};
use crate::observe::Snapshot;
use crate::observe::lens::{Detail, Look};

use super::courses::{Courses, Deed, Done};
use super::keymap::Keymap;
use super::model::{About, Model};
use super::mouse::Clicks;
use super::pace::Speed;
use super::share::{Share, to_clipboard};
use super::shot::Shot;
use super::terminal::{A_LOOK, Guard, Screenful, Stdout, await_input};
use super::theme::Theme;
use super::tutor::Tutor;
use super::update::{Msg, Order, update};
use super::view::view;

mod conductor;
pub mod player;

use conductor::{Conductor, Mailbox};

/// A run that can be driven.
pub trait Pilot {
    /// The simulated time it has come to.
    fn now(&self) -> Time;
    /// When it ends.
    fn end(&self) -> Time;
    /// Lets everything up to and including `until`, or up to the end, happen.
    fn advance(&mut self, until: Time) -> Progress;
    /// Lets one thing happen.
    fn step(&mut self) -> Progress;
    /// What a screen draws.
    fn snapshot(&self) -> Snapshot;
    /// Whether time is that of the clock: it cannot be stopped, nor made to go faster, and `advance` returns when
    /// it has passed.
    fn is_live(&self) -> bool {
        false
    }

    /// By the clock: lets what is due within so long happen, whatever is looked at.
    fn attend(&mut self, slice: Duration) -> Progress {
        let until = (self.now() + slice).min(self.end());
        self.advance(until)
    }

    /// By the clock: whether what has happened can be looked at again while the run goes on.
    fn has_past(&self) -> bool {
        false
    }

    /// The furthest instant it has come to; later than now when it went back.
    fn front(&self) -> Time {
        self.now()
    }

    /// Goes to an instant between the beginning and [`Pilot::front`]; false when it cannot.
    fn go(&mut self, _: Spot) -> bool {
        false
    }

    /// How many facts there were.
    fn facts(&self) -> u64 {
        0
    }

    /// What is to be known of the run as a whole, for the header: that it is the recorded one, that it goes on
    /// elsewhere.
    fn note(&self) -> Option<String> {
        None
    }

    /// The first moment of a kind after that fact, as far as the run has come, or the last one before it.
    fn moment(&self, _from: u64, _: Moment, _: Direction) -> Option<Spot> {
        None
    }

    /// What to show in [`Pilot::detail`] from now on.
    fn look(&mut self, _: Look) {}

    /// Whether an answer is being looked for.
    fn is_asking(&self) -> bool {
        false
    }

    /// Whether something is known that was not when this was asked last: the screen has to be told.
    fn has_news(&mut self) -> bool {
        false
    }

    /// Does something to the run by hand.
    ///
    /// # Errors
    /// In a sentence, when that cannot be done: the run is as it was.
    fn hand(&mut self, _: Deed) -> Result<Done, String> {
        Err("nothing can be changed in this run".to_owned())
    }

    /// The courses that it has taken.
    fn courses(&self) -> Courses {
        Courses::default()
    }

    /// Names and settings, where they are others than in the beginning.
    fn about(&self) -> Option<Arc<About>> {
        None
    }

    /// What a screen draws beyond the snapshot.
    fn detail(&self) -> Detail {
        Detail::default()
    }
}

/// An instant that a run has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// Everything up to and including this instant has happened.
    At(Time),
    /// This fact has just happened, at that instant.
    Fact(u64, Time),
    /// The last thing that was taken off the agenda has not been.
    OneBack,
    /// As far as the run has come.
    Front,
}

/// What is looked for along a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A fact that is told in a line.
    Notable,
    /// A fault that strikes.
    Fault,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards the end.
    Forward,
    /// Towards the beginning.
    Back,
}

/// Whether a run can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It can.
    Running,
    /// It has ended.
    Finished,
}

/// What a screen needs to know beside the run.
#[derive(Clone, Debug)]
pub struct ScreenOptions<'a> {
    /// The scenario's name.
    pub title: String,
    /// The run's seed.
    pub seed: u64,
    /// Names and settings.
    pub about: Arc<About>,
    /// Colours and glyphs.
    pub theme: Theme,
    /// The keys.
    pub keys: Arc<Keymap>,
    /// Whether the mouse is listened to.
    pub mouse: bool,
    /// How fast; none for a run that takes about 20 s of wall time.
    pub speed: Option<Speed>,
    /// Set from outside to leave, as by a signal.
    pub stop: Option<&'a AtomicBool>,
    /// A first word to the person.
    pub said: Option<String>,
    /// Whether the tour begins at once.
    pub tour: bool,
    /// What is said when a bug ends the program: where the run is recorded.
    pub last_words: String,
}

/// How the screen was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// After the run had ended.
    Finished,
    /// Before.
    Quit,
}

/// Frames, and snapshots, a second at most.
pub const FRAMES: u32 = 30;
/// How long a run takes whose speed is not given, about.
pub const AUTO: Duration = Duration::from_secs(20);

const FRAME: Wall = Wall::from_nanos(1_000_000_000 / FRAMES as u64);

/// Shows a run on the terminal and lets a person drive it, until that person leaves.
///
/// # Errors
/// When standard output is no terminal or cannot be written; the run has come as far as `pilot.now()` then.
pub fn run(pilot: &mut dyn Pilot, options: ScreenOptions<'_>) -> io::Result<Left> {
    let home = if pilot.is_live() {
        Speed::REAL
    } else {
        options.speed.unwrap_or_else(|| Speed::fitting(pilot.end().since(pilot.now()), AUTO))
    };
    let mut model = Model::new(options.title, options.seed, options.theme, pilot.end()).about(options.about);
    model = model.bound(options.keys);
    model.said = options.said;
    model.tutor = options.tour.then(Tutor::default);
    let guard = Guard::take_with(Stdout { mouse: options.mouse }, options.last_words)?;
    // The guard shows the cursor again: a terminal that tells why it cannot panics where nobody can be told.
    let terminal = ManuallyDrop::new(Terminal::new(CrosstermBackend::new(io::stdout()))?);
    let mailbox = Mailbox::default();
    let (send, orders) = mpsc::channel();
    thread::scope(|scope| {
        let look = Look::default();
        let (mailbox, stop) = (&mailbox, options.stop);
        let (clicks, began) = (Clicks::default(), Instant::now());
        let screen = Screen { model, look, terminal, mailbox, orders: send, stop, guard, clicks, began };
        let shown = thread::Builder::new().name("screen".to_owned()).spawn_scoped(scope, || screen.show())?;
        let left = conduct(pilot, home, &orders, mailbox);
        shown.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).map(|()| left)
    })
}

fn conduct(pilot: &mut dyn Pilot, home: Speed, orders: &Receiver<Order>, mailbox: &Mailbox) -> Left {
    let began = Instant::now();
    Conductor::new(pilot, home, mailbox, || began.elapsed()).conduct(orders)
}

/// The screen's side.
struct Screen<'a> {
    model: Model,
    /// What the run was last told to show.
    look: Look,
    terminal: ManuallyDrop<Screenful>,
    mailbox: &'a Mailbox,
    orders: Sender<Order>,
    stop: Option<&'a AtomicBool>,
    guard: Guard,
    clicks: Clicks,
    /// What the time of clicks is counted from.
    began: Instant,
}

impl Screen<'_> {
    /// Shows the run until it is left. The guard goes with it: the terminal is given back before the driver
    /// returns.
    fn show(mut self) -> io::Result<()> {
        let mut drawn: Option<Instant> = None;
        while self.guard.held() && !self.mailbox.is_closed() && !self.stopped() {
            let since = drawn.map_or(FRAME, |drawn| drawn.elapsed());
            if self.model.stale && since >= FRAME {
                self.draw()?;
                drawn = Some(Instant::now());
            }
            let wait = if self.model.stale { FRAME.saturating_sub(since) } else { FRAME };
            if self.take_keys(wait)? {
                break;
            }
            if let Some(report) = self.mailbox.take() {
                update(&mut self.model, Msg::Tick(report));
                self.look();
            }
        }
        Ok(())
    }

    /// Tells the run what is looked at, when that is something else than before.
    fn look(&mut self) {
        let look = self.model.look();
        if look != self.look {
            self.mailbox.look(look.clone());
            self.look = look;
            // When nobody listens any more, the next key says so.
            self.orders.send(Order::Look).ok();
        }
    }

    fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// Takes what was typed, waiting for the first so long; whether to leave.
    fn take_keys(&mut self, wait: Wall) -> io::Result<bool> {
        if !await_input(wait)? {
            self.orders.send(Order::Quit).ok();
            return Ok(true);
        }
        while event::poll(A_LOOK)? {
            let msg = match event::read()? {
                Event::Key(key) => Msg::Key(key),
                Event::Resize(..) | Event::FocusGained => Msg::Redraw,
                Event::Mouse(event) => {
                    let size = self.terminal.size()?;
                    match self.clicks.take(event, self.began.elapsed(), size) {
                        Some(mouse) => Msg::Mouse(mouse),
                        None => continue,
                    }
                }
                Event::FocusLost | Event::Paste(_) => continue,
            };
            if let Some(order) = update(&mut self.model, msg) {
                if let Some(deed) = self.model.deed.take() {
                    self.mailbox.hand_in(deed);
                }
                // Nobody listens any more: the run is over.
                if self.orders.send(order).is_err() || order == Order::Quit {
                    return Ok(true);
                }
            }
            self.hand_out()?;
            self.look();
        }
        Ok(false)
    }

    /// Hands out what was asked for; the last row says what came of it.
    fn hand_out(&mut self) -> io::Result<()> {
        match self.model.share.take() {
            None => {}
            Some(Share::Copy(text)) => {
                let copied = self.guard.draw(|| {
                    io::stdout().write_all(to_clipboard(&text).as_bytes())?;
                    io::stdout().flush()
                });
                copied.unwrap_or(Ok(()))?;
            }
            Some(Share::Export(name)) => {
                let size = self.terminal.size()?;
                let shot = Shot::of(&self.model, size.width, size.height);
                let written = export(&views(&self.model.about.folder), &name, &shot);
                self.model.said = Some(match written {
                    Ok(path) => format!("written: {} and .svg", path.display()),
                    Err(error) => format!("the view could not be written: {error}"),
                });
                self.model.stale = true;
            }
        }
        Ok(())
    }

    fn draw(&mut self) -> io::Result<()> {
        let model = &self.model;
        self.guard.frame(&mut self.terminal, |frame| view(model, frame))?;
        self.model.stale = false;
        Ok(())
    }
}

/// Where the views of a run go: beside its folder, which holds a recording and nothing else, and is made anew when the
/// run is repeated. Here, where there is no recording.
fn views(recording: &Path) -> PathBuf {
    recording.file_name().map_or_else(PathBuf::new, |name| {
        let mut beside = name.to_owned();
        beside.push("-views");
        recording.with_file_name(beside)
    })
}

/// Writes a picture as text and SVG into a folder; the text's path. What is there already is left alone.
fn export(folder: &Path, name: &str, shot: &Shot) -> io::Result<PathBuf> {
    if !folder.as_os_str().is_empty() {
        std::fs::create_dir_all(folder)?;
    }
    for number in 1.. {
        let name = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
        let path = folder.join(format!("{name}.txt"));
        let mut text = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1_000 => continue,
            opened => opened?,
        };
        text.write_all(shot.text().as_bytes())?;
        std::fs::write(folder.join(format!("{name}.svg")), shot.svg())?;
        return Ok(path);
    }
    unreachable!("there are numbers enough")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_does_not_lie_in_the_folder_of_the_recording() {
        assert_eq!(views(Path::new("runs/calm-7")), Path::new("runs/calm-7-views"));
        assert_eq!(views(Path::new("calm-7")), Path::new("calm-7-views"));
        assert_eq!(views(Path::new("")), Path::new(""));
    }
}
