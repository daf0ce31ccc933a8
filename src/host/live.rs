//! The live host: the actors of a simulation, unchanged, in real time.
//!
//! Every seat is an actix actor ([`place`]); all of them run on one thread, so that facts have one order. What is to
//! happen later waits in one agenda ([`world`]); a thread of its own watches the clock and rings ([`alarm`]),
//! because the runtime's timers know milliseconds only. Another thread takes what comes through the door. Facts go
//! in slices through a bounded channel to whoever called [`Live::begin`], who observes them on their own thread.
//!
//! **Time.** A fact bears the time at which it happened by the clock. What an actor is told by `Cx::now()` is
//! when its input was *due*: a timer that rings late is late for the fact, not for the actor's schedule, and work
//! begins when the desk should have been free. So a generator of 10,000 records a second catches up instead of
//! drifting, and a desk keeps its capacity, whatever the resolution of the machine's timers. An actor's time never
//! goes back, and is never more than [`BEHIND`] behind the clock: a machine that is too slow loses time
//! instead of pretending.
//!
//! **Invariant.** What one actor says to another arrives in the order in which it was said. Nothing under way to
//! an earlier life of a node reaches a later one. Serials count facts without gaps, and neither they nor times go
//! back.
//!
//! **Bounds.** The mailboxes themselves have none: an actor that waited for room in the mailbox of another, on the
//! same thread, would wait for ever, and one that threw the message away would break the channel that the protocols
//! rely on. What bounds memory is what bounds it in the simulation: the port's `Blocked` and `Ready`, requests in
//! flight on a connection, credit and high-water marks, one `Next` for each delivery. Facts are bounded by
//! [`SLICES`]: when the observer does not follow, the system waits for it. What comes through the door is
//! taken in groups of [`KNOCKS`], the next one when the last has been taken up.
//!
//! **Not modelled:** a run that can be repeated: what comes first is for the machine to say.

mod alarm;
mod door;
mod place;
mod steward;
#[cfg(test)]
mod tests;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration as Wall;

use super::door::{Clock, Knock};
use super::simulated::Stop;
use crate::kernel::{Cast, Command, Duration, Observer, Parts, Time, Vocabulary};

use alarm::Alarm;
use world::Slice;

/// An actor's time is never further behind the clock than this.
pub const BEHIND: Duration = Duration::from_millis(100);

/// So many slices of facts, of up to 512 each, wait for the observer at most; then the system waits.
pub const SLICES: usize = 256;

/// So many things that come through the door are taken in at a time.
pub const KNOCKS: usize = 256;

/// Who can change the real world: brokers that are processes, paths that are sockets.
///
/// Asked first about every command, on the thread of the actors: a hand that takes its time does so on a thread of
/// its own. The host keeps the books of what was commanded (who is down, the facts about it), whoever did it.
pub trait Hands: Send {
    /// Does what is commanded. False when that is not about anything real: the host does it to its own actors
    /// and its simulated paths.
    fn obey(&mut self, command: &Command) -> bool;
}

/// Hands with nothing to lay them on.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHands;

impl Hands for NoHands {
    fn obey(&mut self, _: &Command) -> bool {
        false
    }
}

/// Several hands: the first that knows what to do does it.
impl Hands for Vec<Box<dyn Hands>> {
    fn obey(&mut self, command: &Command) -> bool {
        self.iter_mut().any(|hands| hands.obey(command))
    }
}

/// What a live run is made of.
pub struct LiveSetup<V: Vocabulary> {
    /// The system.
    pub parts: Parts<V>,
    /// The run's clock; it begins with the run.
    pub clock: Clock,
    /// The inside of the door.
    pub knocks: Receiver<Knock<V>>,
    /// For commands that the host cannot obey itself.
    pub hands: Box<dyn Hands>,
}

/// A system in real time, observed.
pub struct Live<V: Vocabulary> {
    cast: Cast,
    slices: Receiver<Slice<V::Fact>>,
    /// Everything up to then has been shown.
    now: Time,
    facts: u64,
    inputs: Arc<AtomicU64>,
    threads: Threads,
}

/// The threads of a run, and how to end them.
struct Threads {
    over: Arc<AtomicBool>,
    alarm: Arc<Alarm>,
    actors: Option<JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
}

impl<V: Vocabulary> Live<V> {
    /// Begins the run: the clock begins and every actor starts.
    ///
    /// # Panics
    /// When the machine has no more threads.
    pub fn begin(setup: LiveSetup<V>) -> Self {
        let LiveSetup { parts, clock, knocks, hands } = setup;
        let cast = parts.cast.clone();
        let (show, slices) = sync_channel(SLICES);
        let (over, inputs) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let alarm = Arc::new(Alarm::new(clock.clone()));
        let setup = steward::Setup {
            parts,
            clock,
            hands,
            show,
            inputs: Arc::clone(&inputs),
            alarm: Arc::clone(&alarm),
        };
        let (actors, steward) = steward::begin(setup);
        let others = vec![
            alarm::watch(Arc::clone(&alarm), steward.clone()),
            door::attend(knocks, steward, Arc::clone(&over)),
        ];
        let threads = Threads { over, alarm, actors: Some(actors), others };
        Self { cast, slices, now: Time::ZERO, facts: 0, inputs, threads }
    }

    /// The time up to which everything has been shown.
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many facts have been shown.
    pub fn facts(&self) -> u64 {
        self.facts
    }

    /// How many inputs the actors have handled.
    pub fn inputs(&self) -> u64 {
        self.inputs.load(Ordering::Relaxed)
    }

    /// Names.
    pub fn cast(&self) -> &Cast {
        &self.cast
    }

    /// Shows what happens up to `until`, as it happens; [`Stop::Idle`] when the system has ended.
    pub fn observe_until(&mut self, until: Time, observer: &mut (impl Observer<V::Fact> + ?Sized)) -> Stop {
        while self.now < until {
            match self.slices.recv_timeout(PATIENCE) {
                Ok(slice) => self.show(slice, observer),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Stop::Idle,
            }
        }
        Stop::Reached
    }

    /// Ends the run: shows what is left, and waits until all actors are gone.
    ///
    /// # Panics
    /// With the panic of an actor, if there was one.
    pub fn end(mut self, observer: &mut (impl Observer<V::Fact> + ?Sized)) -> Ended {
        self.threads.tell();
        while let Ok(slice) = self.slices.recv() {
            self.show(slice, observer);
        }
        self.threads.join();
        Ended { now: self.now, facts: self.facts, inputs: self.inputs() }
    }

    fn show(&mut self, slice: Slice<V::Fact>, observer: &mut (impl Observer<V::Fact> + ?Sized)) {
        let Slice { events, until } = slice;
        assert!(until >= self.now, "time does not go back");
        if !events.is_empty() {
            self.facts += events.len() as u64;
            observer.observe(&events);
        }
        self.now = until;
    }
}

/// How far a run had come when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// By the clock.
    pub now: Time,
    /// How many facts there were.
    pub facts: u64,
    /// How many inputs the actors handled.
    pub inputs: u64,
}

/// How long to wait for a sign of life before looking again.
const PATIENCE: Wall = Wall::from_millis(50);

impl Threads {
    /// Tells all that it is over.
    fn tell(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.alarm.end();
    }

    fn join(&mut self) {
        let all = self.actors.take().into_iter().chain(self.others.drain(..));
        let panics: Vec<_> = all.filter_map(|thread| thread.join().err()).collect();
        if let Some(panic) = panics.into_iter().next()
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

/// A run that is let go ends.
impl Drop for Threads {
    fn drop(&mut self) {
        self.tell();
    }
}
