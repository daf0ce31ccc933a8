//! Ways to run one system: under virtual time, and in real time.

mod door;
mod entry;
mod live;
mod outbox;
mod simulated;
mod slab;
#[cfg(test)]
mod tests;
mod timers;

pub use door::{Clock, Door, Knock};
pub use entry::Entry;
pub use live::{BEHIND, Ended, Hands, KNOCKS, Live, LiveSetup, NoHands, SLICES};
pub use simulated::{Simulation, Stop};
