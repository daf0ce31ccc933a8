//! What goes wrong and when: the catalogue of faults, the plans of a scenario, and the actor that carries
//! them out.

pub mod catalogue;
mod holds;
mod injector;
mod quorum;
mod resets;
mod roles;
mod rolling;
mod victims;

pub use crate::wire::fault::{Again, Direction, Plan, Position, Severing, Strike, Target};
pub use injector::{Injector, InjectorMail, InjectorSetup, InjectorTimer, LOOK_BEFORE};
pub use quorum::QuorumSetup;
