//! The stream on disk: a run's folder of Parquet part files, written in the background and read again.

use std::path::{Path, PathBuf};

use crate::kernel::{Digest, Event, Observer, Time};
use crate::trace::{Fact, RecordRow};

mod compare;
mod error;
mod lag;
mod manifest;
mod sink;

pub use compare::{Comparison, Difference};
pub use error::TapeError;
pub use lag::LagRow;
pub use manifest::{
    Checkpoint, Counts, Ending, Header, Manifest, ScenarioText, SinkCounts, State, TAPE_VERSION, Wall,
};
pub use sink::{Cell, CellKind, RowSource, SinkColumn, SinkSpec};

/// A run that is being recorded.
pub struct Tape {
    dir: PathBuf,
}

impl Tape {
    /// Begins a recording in `dir`. An earlier run there is replaced; nothing else ever is.
    ///
    /// # Errors
    /// When the folder holds anything else, or cannot be written.
    pub fn create(_dir: &Path, _header: Header) -> Result<Self, TapeError> {
        todo!()
    }

    /// Records whose life is over (or, at the end of the run, as it stands).
    pub fn records<R>(&mut self, _records: Vec<R>)
    where
        R: Into<RecordRow> + Send + 'static,
    {
        todo!()
    }

    /// Points of the lag series.
    pub fn lag(&mut self, _rows: Vec<LagRow>) {
        todo!()
    }

    /// Notes the digest of all facts up to and including `serial`.
    pub fn checkpoint(&mut self, _serial: u64, _at: Time, _digest: Digest) {
        todo!()
    }

    /// Closes all parts and waits until everything recorded so far can be read.
    ///
    /// # Errors
    /// What stopped the writer.
    pub fn flush(&mut self) -> Result<(), TapeError> {
        todo!()
    }

    /// Writes what is left and says how the run ended.
    ///
    /// # Errors
    /// What stopped the writer, now or earlier.
    pub fn finish(self, _ending: Ending) -> Result<Manifest, TapeError> {
        todo!()
    }

    /// What stopped the writer, if anything did. The run may go on; nothing more is recorded.
    pub fn failed(&self) -> Option<TapeError> {
        todo!()
    }

    /// The run's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Observer<Fact> for Tape {
    fn observe(&mut self, _events: &[Event<Fact>]) {
        todo!()
    }
}
