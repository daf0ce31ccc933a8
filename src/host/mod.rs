//! Ways to run one system: under virtual time, and in real time.

mod door;
mod entry;
mod outbox;
mod simulated;
mod slab;
#[cfg(test)]
mod tests;
mod timers;

pub use door::{Clock, Door, Knock};
pub use entry::Entry;
pub use simulated::{Simulation, Stop};
