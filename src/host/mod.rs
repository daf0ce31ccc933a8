//! Ways to run one system: under virtual time, and later in real time.

mod simulated;
mod slab;
#[cfg(test)]
mod tests;
mod timers;

pub use simulated::{Entry, Simulation, Stop};
