//! From TOML to a system: the file as written, the scenario as meant, and what is wrong with it.

pub mod error;
pub mod file;
mod judge;
mod language;
mod meaning;
mod read;
pub mod scenario;
mod sense;
pub mod units;
