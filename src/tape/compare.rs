//! A run beside its recording: where do they first differ?

use std::path::Path;
use std::sync::Arc;

use crate::kernel::{Cast, Event, Observer};
use crate::trace::{Fact, Stage};

use super::error::TapeError;

/// Where a run and its recording first differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Both have a fact of this number, and they are not the same.
    Facts {
        /// The number.
        serial: u64,
        /// The columns in which they differ.
        columns: Vec<String>,
        /// The recorded one, in words.
        recorded: String,
        /// The other, in words.
        rerun: String,
    },
    /// The run ended; the recording goes on.
    RerunEnded {
        /// The first that is missing.
        serial: u64,
        /// In words.
        recorded: String,
    },
    /// The recording, which is complete, ends; the run goes on.
    RecordingEnded {
        /// The first that is not recorded.
        serial: u64,
        /// In words.
        rerun: String,
    },
}

/// Watches a run and compares each fact with the recorded one. Stops comparing at the first difference.
pub struct Comparison {}

impl Comparison {
    /// Opens the recording in `dir`, to be compared with a run with these names.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(_dir: &Path, _stage: Arc<Stage>, _cast: Cast) -> Result<Self, TapeError> {
        todo!()
    }

    /// The difference, once there is one.
    pub fn found(&self) -> Option<&Difference> {
        todo!()
    }

    /// After the run: the first difference, if there is one. A recording that did not end is not expected to
    /// reach as far as the run.
    ///
    /// # Errors
    /// When the recording could not be read to its end.
    pub fn finish(self) -> Result<Option<Difference>, TapeError> {
        todo!()
    }
}

impl Observer<Fact> for Comparison {
    fn observe(&mut self, _events: &[Event<Fact>]) {
        todo!()
    }
}
