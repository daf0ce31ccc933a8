//! Ways to run one system: under virtual time, and later in real time.

mod simulated;

pub use simulated::{Simulation, Stop};
