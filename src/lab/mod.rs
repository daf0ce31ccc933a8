//! The laboratory: a scenario run again, as it is or with something changed.
//!
//! **Invariant.** Every run here is a function of its recipe; how many threads work makes no difference to what is
//! reported, or in which order.

mod ask;
mod rerun;

pub use ask::{Question, Unknown, ask};
pub use rerun::{Looked, Recipe};
