//! What can be seen: events, and those who watch them.

use serde::{Deserialize, Serialize};

use super::actor::{ActorId, Crash, NodeId};
use super::time::Time;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event<F> {
    /// When.
    pub at: Time,
    /// Its number in the stream, from 1, without gaps.
    pub serial: u64,
    /// The serial of the event that led to it most directly; 0 when it had no cause in the stream.
    /// Causes always come earlier in the stream, so every chain can be walked back to its beginning.
    pub cause: u64,
    /// Who reports it.
    pub actor: ActorId,
    /// What it is.
    pub fact: F,
}

/// Something that watches. It cannot change a run: it is only ever shown what has happened.
pub trait Observer<F> {
    /// The next events, in order. Slices rather than single events, because there are many.
    fn observe(&mut self, events: &[Event<F>]);
}

/// Watches nothing.
impl<F> Observer<F> for () {
    fn observe(&mut self, _: &[Event<F>]) {}
}

impl<F, A: Observer<F> + ?Sized> Observer<F> for &mut A {
    fn observe(&mut self, events: &[Event<F>]) {
        (**self).observe(events);
    }
}

impl<F, A: Observer<F>, B: Observer<F>> Observer<F> for (A, B) {
    fn observe(&mut self, events: &[Event<F>]) {
        self.0.observe(events);
        self.1.observe(events);
    }
}

/// Keeps everything: for tests and small runs.
impl<F: Clone> Observer<F> for Vec<Event<F>> {
    fn observe(&mut self, events: &[Event<F>]) {
        self.extend_from_slice(events);
    }
}

/// What the kernel itself reports.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Physics {
    /// A node's process ended.
    Crashed {
        /// Which node.
        node: NodeId,
        /// Whether its page cache survives.
        how: Crash,
    },
    /// It runs again.
    Restarted {
        /// Which node.
        node: NodeId,
    },
    /// It was stopped in its tracks.
    Paused {
        /// Which node.
        node: NodeId,
    },
    /// It goes on.
    Resumed {
        /// Which node.
        node: NodeId,
    },
    /// Nothing passes from one node to another any more.
    Cut {
        /// The sending side.
        from: NodeId,
        /// The receiving side.
        to: NodeId,
    },
    /// It passes again.
    Healed {
        /// The sending side.
        from: NodeId,
        /// The receiving side.
        to: NodeId,
    },
    /// What one node sends to another is refused from now on.
    Refused {
        /// The sending side.
        from: NodeId,
        /// The refusing side.
        to: NodeId,
    },
    /// A message found nobody: the node was down, or the connection it was sent on is gone.
    Undelivered {
        /// The sending side.
        from: NodeId,
        /// The receiving side.
        to: NodeId,
    },
}
