//! What goes wrong and when: the catalogue of faults, the plans of a scenario, and the actor that carries
//! them out.

pub mod catalogue;
mod holds;
mod injector;
mod quorum;
mod roles;
mod rolling;
mod strike;

pub use injector::{Injector, InjectorSetup, InjectorTimer};
pub use quorum::QuorumSetup;
pub use strike::{Again, Direction, Plan, Severing, Strike, Target};
