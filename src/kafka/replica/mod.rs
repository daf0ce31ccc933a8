//! Replication of a partition: what its leader and its followers keep and decide.

mod follower;
mod leader;

pub use follower::{Follower, Taken, truncation_target};
pub use leader::{Altered, Leader, Progress, Standing};
