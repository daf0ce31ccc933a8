//! A thread that watches the clock: it rings when the next thing is due, to a few dozen microseconds, and every
//! [`TICK`] in any case.
//!
//! When things are due more often than every [`GAP`], what is due within one is rung for together: a ring wakes two
//! threads, which costs more than most of what it is for. Whatever is due keeps its own time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration as Wall;

use actix::Addr;

use super::steward::{Ring, Steward};
use crate::host::door::Clock;
use crate::kernel::{Duration, Time, Vocabulary};

/// Facts reach the observer at least this often.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// No two rings are closer than this.
const GAP: Duration = Duration::from_millis(1);

/// When to ring.
pub(super) struct Alarm {
    clock: Clock,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy)]
struct State {
    due: Time,
    tick: Time,
    /// Not before.
    least: Time,
    /// When the thread looks again by itself: it need not be woken for what comes later.
    looks: Time,
    /// It has rung, and nobody has come yet.
    ringing: bool,
    over: bool,
}

impl Alarm {
    pub(super) fn new(clock: Clock) -> Self {
        let state = State {
            due: Time::NEVER,
            tick: Time::ZERO,
            least: Time::ZERO,
            looks: Time::ZERO,
            ringing: false,
            over: false,
        };
        Self { clock, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Ring then, or earlier if that was asked for.
    pub(super) fn set(&self, at: Time) {
        let mut state = self.state();
        state.due = state.due.min(at);
        self.look(&state);
    }

    /// The ring was heard; the next thing is due then.
    pub(super) fn heard(&self, next: Time) {
        let mut state = self.state();
        (state.due, state.ringing) = (next, false);
        self.look(&state);
    }

    /// Wakes the thread when it would look too late.
    fn look(&self, state: &State) {
        if !state.ringing && state.next() < state.looks {
            self.changed.notify_one();
        }
    }

    /// Rings a last time.
    pub(super) fn end(&self) {
        self.state().over = true;
        self.changed.notify_one();
    }

    pub(super) fn is_over(&self) -> bool {
        self.state().over
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is time to ring; false when that is the last time.
    fn wait(&self) -> bool {
        let mut state = self.state();
        loop {
            if state.over {
                return false;
            }
            let (now, next) = (self.clock.now(), state.next());
            if state.ringing {
                state.looks = Time::NEVER;
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else if now >= next {
                (state.tick, state.least) = (now + TICK, now + GAP);
                state.ringing = true;
                return true;
            } else {
                state.looks = next;
                let wait = Wall::from_nanos(next.since(now).as_nanos());
                state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

impl State {
    fn next(&self) -> Time {
        self.due.min(self.tick).max(self.least)
    }
}

/// Starts the thread.
pub(super) fn watch<V: Vocabulary>(alarm: Arc<Alarm>, steward: Addr<Steward<V>>) -> JoinHandle<()> {
    let watch = move || {
        while alarm.wait() {
            steward.do_send(Ring);
        }
        steward.do_send(Ring);
    };
    thread::Builder::new()
        .name("alarm".to_owned())
        .spawn(watch)
        .expect("the machine has a thread for the clock")
}
