//! What it means: the ledger, metrics, the snapshot that a screen draws.
//!
//! Observers read facts and cannot change a run. They know no messaging system, only what is in `trace`.

pub mod histogram;
mod lately;
pub mod ledger;
pub mod lens;
pub mod promise;
pub mod summary;
pub mod views;
pub mod watch;

pub use views::{
    ChannelView, GroupView, LagSample, Line, NodeState, NodeView, PlaceView, Rebalance, Snapshot,
};
pub use watch::{Watch, WatchSetup};
