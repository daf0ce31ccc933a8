//! The laws: time, addresses, chance, effects, network, crash.
//!
//! An actor is a state machine without I/O. It receives a message, a timer or a broken connection, and
//! asks its host for effects: send, arm, disarm, work, emit. The kernel knows no messaging system; it is
//! generic over a [`Vocabulary`] of what may be said and what may be seen.
//!
//! **Invariant.** Nothing in this room, nor in an actor, reads a clock, starts a thread, opens a socket,
//! keeps a global or depends on the order of a hash map.

mod actor;
pub mod alone;
mod builder;
mod chance;
mod digest;
mod event;
mod network;
pub mod queue;
mod time;

pub use actor::{
    Actor, ActorId, Addr, Burden, Command, Crash, Cx, Effect, Input, Machine, NodeId, Payload, Resident,
    Vocabulary,
};
pub use builder::{Builder, Cast, Desk, Parts, Seat, Seated};
pub use chance::{Law, Rng};
pub use digest::Digest;
pub use event::{Event, Observer, Physics};
pub use network::{Fate, Network, Shape};
pub use time::{Duration, Time};
