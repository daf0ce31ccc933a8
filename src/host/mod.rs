//! Ways to run one system: under virtual time, and later in real time.

mod entry;
mod simulated;
mod slab;
#[cfg(test)]
mod tests;
mod timers;

pub use entry::Entry;
pub use simulated::{Simulation, Stop};
