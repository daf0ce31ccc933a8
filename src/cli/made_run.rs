//! A run from its beginning to its end, without a screen: for commands that make several.

use std::sync::atomic::AtomicBool;

use crate::gateway::Options;
use crate::observe::summary::Summary;
use crate::scenario::World;

use super::failure::Failure;
use super::load::Loaded;
use super::session::{Recording, Session};

/// Runs a scenario in a world to its end, or until `stop`, and records it.
///
/// # Errors
/// When it cannot be run there, or not be recorded.
pub fn run_in(
    (world, options): (&World, &Options),
    loaded: &Loaded,
    recording: &Recording,
    stop: &AtomicBool,
) -> Result<Summary, Failure> {
    let mut session = Session::new_in(loaded, Some(recording), world, options)?;
    session.run(stop, |_| {}, &mut ());
    match session.failed() {
        Some(failure) => {
            session.finish().ok();
            Err(failure)
        }
        None => session.finish(),
    }
}
