//! Replication of a partition: what its leader and its followers keep and decide.
//!
//! Plain values over a [`super::log::Log`]: they are told the time and what was said, and return what to do.
//!
//! **Invariant.** What lies below the high watermark of a leader is the same on every in-sync replica
//! (`StrongIsr` of oracle sheet 12; held by a randomised test in `follower`).

mod follower;
mod leader;
#[cfg(test)]
mod model_tests;

pub use follower::{Follower, Taken, truncation_target};
pub use leader::{Altered, Leader, Progress, Standing};
