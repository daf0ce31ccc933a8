//! Many runs of one scenario side by side: which seeds and settings, who runs which, the table of all of them, and
//! what it says.
//!
//! ```text
//! Plan      seeds x settings: every run has an index
//! Shard     a slice of the indexes, for one task of many
//! side_by_side   the runs of a slice on threads
//! Row, table     a run as a row; rows as Parquet
//! folder    the table in its folder; parts of it, and how they become one
//! Report    the odds of each broken promise, for a person or a script
//! ```
//!
//! **Invariant.** A row is a function of the version, the order ([`Order`]) and the index alone. Rows are gathered in
//! the order of their indexes, so table and report are the same bytes whatever the number of threads or shards.
//!
//! **Left out.** How a scenario is run: that is handed in.

mod folder;
mod odds;
mod order;
mod plan;
mod pool;
mod report;
mod row;
mod shard;
mod table;

pub use folder::{PARTS, SweepError, TABLE, Written, merge, prepare, write_part, write_whole};
pub use odds::{Odds, Spread};
pub use order::{Order, SCHEMA};
pub use plan::{Plan, Seeds, Vary};
pub use pool::{Done, side_by_side};
pub use report::{CheckReport, REPORT_SCHEMA, Report, SettingReport, State, Worst};
pub use row::{Check, Demand, MEASURES, Measure, Number, Row, check_names, checks};
pub use shard::{SHARDS_VARIABLE, Shard};
