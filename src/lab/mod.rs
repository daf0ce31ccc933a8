//! The laboratory: a scenario run again, as it is or with something changed.
//!
//! **Invariant.** Every run here is a function of its recipe; how many threads work makes no difference to what is
//! reported, or in which order.

mod ask;
pub mod edit;
mod minimise;
mod needed;
mod page;
mod rerun;
mod trial;
mod what_if;

pub use ask::{Head, Question, Seen, USUAL, Unknown, ask, tell};
pub use minimise::{Minimal, minimise};
pub use needed::{Cause, needed};
pub use page::{needed_page, what_if_page};
pub use rerun::{Limit, Looked, Recipe, TraceReader};
pub use trial::{Measured, side_by_side};
pub use what_if::{Trial, WhatIf, meaning, what_if};
