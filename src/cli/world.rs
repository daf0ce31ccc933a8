//! Where a scenario runs: simulated, or on a real system.

use std::sync::atomic::AtomicBool;

use crate::observe::summary::Summary;

use super::failure::Failure;
use super::load::Loaded;
use super::session::{Recording, Session};

/// Where a scenario runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum World {
    /// Under virtual time.
    Simulated,
}

impl World {
    /// What runs there are called in a comparison.
    pub fn label(&self) -> String {
        match self {
            Self::Simulated => "simulated".to_owned(),
        }
    }

    /// Runs a scenario to its end, or until `stop`, and records it.
    ///
    /// # Errors
    /// When it cannot be run there, or not be recorded.
    pub fn run(&self, loaded: &Loaded, recording: &Recording, stop: &AtomicBool) -> Result<Summary, Failure> {
        match self {
            Self::Simulated => simulated(loaded, recording, stop),
        }
    }
}

fn simulated(loaded: &Loaded, recording: &Recording, stop: &AtomicBool) -> Result<Summary, Failure> {
    let mut session = Session::new(loaded, Some(recording))?;
    session.run(stop, |_| {}, &mut ());
    match session.failed() {
        Some(failure) => {
            session.finish().ok();
            Err(failure)
        }
        None => session.finish(),
    }
}
