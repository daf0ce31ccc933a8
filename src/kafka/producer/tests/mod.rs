//! The producer alone, its brokers played by hand. Rows of the oracles' sheet 15a carry their names.

mod identity;
mod limits;
mod rig;
mod sheet_15a;
