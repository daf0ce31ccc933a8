//! The door between the real world and a system that runs in real time: how gateways, with their threads and
//! their sockets, speak to actors and tell what they see.
//!
//! Going out, a gateway's actor is an actor like any other that hands what it hears to its threads. Coming in,
//! the threads knock here, and the live host takes the knocks one after the other.
//!
//! **Invariant.** What one thread says to one actor arrives in the order in which it was said.

#![expect(clippy::disallowed_types, reason = "the real world has a clock")]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::kernel::{ActorId, Addr, Time, Vocabulary};

/// Real time since the run began; zero until it begins.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    began: Arc<OnceLock<Instant>>,
}

impl Clock {
    /// The run begins now; later calls change nothing.
    pub fn begin(&self) {
        self.began.get_or_init(Instant::now);
    }

    /// How long it has run.
    pub fn now(&self) -> Time {
        let nanos = self.began.get().map_or(0, |began| began.elapsed().as_nanos());
        Time::from_nanos(u64::try_from(nanos).expect("a run is shorter than 584 years"))
    }
}

/// What comes through the door.
#[derive(Debug)]
pub enum Knock<V: Vocabulary> {
    /// An actor says something to another.
    Said {
        /// In whose name: the gateway's actor.
        from: ActorId,
        /// To whom.
        to: ActorId,
        /// What.
        msg: V::Msg,
    },
    /// Something was seen.
    Seen {
        /// When.
        at: Time,
        /// By whom: the gateway's actor.
        actor: ActorId,
        /// What.
        fact: V::Fact,
    },
}

/// A way in, for any thread.
#[derive(Clone, Debug)]
pub struct Door<V: Vocabulary> {
    clock: Clock,
    knocks: Sender<Knock<V>>,
}

impl<V: Vocabulary> Door<V> {
    /// A door, and the side of it on which the host listens.
    pub fn new() -> (Self, Receiver<Knock<V>>) {
        let (knocks, heard) = channel();
        (Self { clock: Clock::default(), knocks }, heard)
    }

    /// The run's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Says something to an actor in the name of `from`. Nothing when the run is over.
    pub fn say<M: Into<V::Msg>>(&self, from: ActorId, to: Addr<M>, msg: M) {
        let _ = self.knocks.send(Knock::Said { from, to: to.id(), msg: msg.into() });
    }

    /// Tells the observers what `actor` has seen just now. Nothing when the run is over.
    pub fn emit(&self, actor: ActorId, fact: impl Into<V::Fact>) {
        let at = self.clock.now();
        let _ = self.knocks.send(Knock::Seen { at, actor, fact: fact.into() });
    }
}
