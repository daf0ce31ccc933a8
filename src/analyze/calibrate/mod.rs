//! What the machines of a real system cost, from a few short runs on it.
//!
//! The model's costs are fitted, not measured directly: each [`Probe`] is a scenario whose recorded runs depend on few
//! of them, and [`fit()`](fit::fit) solves for these. `docs/compare.md` derives every equation.
//!
//! **Invariant.** Each number comes with its uncertainty; what cannot be told from outside stays at the default and is
//! named.

mod fit;
mod lognormal;
mod probe;
mod reading;
mod write;

pub use fit::{Fitted, Parameter, Quantity, Usual, fit};
pub use probe::{PROBES, Probe};
pub use reading::{Reading, Readings, median, quantile};
pub use write::{Check, page, to_toml};
