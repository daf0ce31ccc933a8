//! The stream on disk: a run's folder of Parquet part files, written in the background and read again.
//!
//! ```text
//! facts/ records/ lag/ sinks/NAME/     part-00000.parquet, part-00001.parquet, ...
//! traces/0/NAME                        copies of the trace files that the scenario replays
//! manifest.json                        what the run was, and how it ended
//! ```
//!
//! `docs/tape.md` describes every column.
//!
//! **Invariant.** A run that is killed at any moment leaves everything but its last parts readable, and a manifest
//! that says that it did not end. Nothing that brokersim did not write is ever written over.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::kernel::{Digest, Event, Observer, Time};
use crate::trace::{Fact, RecordRow};

mod columnar;
mod columns;
mod compare;
mod error;
mod facts;
mod folder;
mod lag;
mod manifest;
mod part;
mod past;
mod recall;
mod records;
mod sink;
mod table;
#[cfg(test)]
mod tests;
mod writer;

pub use compare::{Comparison, Difference};
pub use error::TapeError;
pub use lag::LagRow;
pub use manifest::{
    Checkpoint, Counts, Ending, Header, KeptTrace, Manifest, ScenarioText, SinkCounts, State, TAPE_VERSION,
    TraceFile, Wall,
};
pub use past::{LagSeries, PastLeg, PastRecord, each_record, has_table, read_lag};
pub use recall::recall;
pub use sink::{Cell, CellKind, RowSource, SinkColumn, SinkSpec};
pub use table::{read_table, write_table, write_text};

use writer::{Message, Pace, Status, Writer};

/// Facts that are handed over at once.
const CHUNK: usize = 4096;
/// How much may wait for the writer before the run waits for it.
const WAITING: usize = 16;

/// A run that is being recorded. Dropped without [`Tape::finish`], it leaves a run that did not end.
pub struct Tape {
    dir: PathBuf,
    to_writer: Option<SyncSender<Message>>,
    writer: Option<JoinHandle<Result<Manifest, TapeError>>>,
    status: Arc<Status>,
    /// Facts that are not handed over yet.
    pending: Vec<Event<Fact>>,
    /// Empty vectors that come back.
    spare: Receiver<Vec<Event<Fact>>>,
}

impl Tape {
    /// Begins a recording in `dir`, which is created. An earlier run there is replaced; nothing else ever is.
    ///
    /// # Errors
    /// When the folder holds anything else, or a run that has not ended (unless [`Header::force`]), or when it
    /// cannot be written.
    pub fn create(dir: &Path, header: Header) -> Result<Self, TapeError> {
        Self::with_pace(dir, header, Pace::USUAL)
    }

    fn with_pace(dir: &Path, header: Header, pace: Pace) -> Result<Self, TapeError> {
        let writer = Writer::create(dir, header, pace)?;
        let (to_writer, messages) = sync_channel(WAITING);
        let (to_spare, spare) = sync_channel(WAITING);
        let status = writer.status();
        let thread = thread::Builder::new()
            .name("tape".to_owned())
            .spawn(move || writer.run(&messages, &to_spare))
            .map_err(|error| TapeError::io("start the writer of", dir, error))?;
        Ok(Self {
            dir: dir.to_owned(),
            to_writer: Some(to_writer),
            writer: Some(thread),
            status,
            pending: Vec::with_capacity(CHUNK),
            spare,
        })
    }

    /// Records whose life is over, or as it stands at the end of the run.
    pub fn records<R>(&mut self, records: Vec<R>)
    where
        R: Into<RecordRow> + Send + 'static,
    {
        if !records.is_empty() {
            // What was offered has to be known before what became of it.
            self.hand_over();
            self.send(Message::Records(Box::new(records.into_iter().map(Into::into))));
        }
    }

    /// Points of the lag series.
    pub fn lag(&mut self, rows: Vec<LagRow>) {
        if !rows.is_empty() {
            self.send(Message::Lag(rows));
        }
    }

    /// Notes the digest of all facts up to and including `serial`.
    pub fn checkpoint(&mut self, serial: u64, at: Time, digest: Digest) {
        let checkpoint = Checkpoint { serial, at_ns: at.as_nanos(), digest: digest.to_string() };
        self.send(Message::Checkpoint(checkpoint));
    }

    /// Closes all parts and waits until everything recorded so far can be read.
    ///
    /// # Errors
    /// What stopped the writer.
    pub fn flush(&mut self) -> Result<(), TapeError> {
        self.hand_over();
        let (answer, answered) = sync_channel(1);
        self.send(Message::Flush(answer));
        answered.recv().unwrap_or(Err(TapeError::WriterGone))
    }

    /// Writes what is left and says how the run ended.
    ///
    /// # Errors
    /// What stopped the writer, now or earlier.
    ///
    /// # Panics
    /// When the ending says that the run goes on.
    pub fn finish(mut self, ending: Ending) -> Result<Manifest, TapeError> {
        assert!(ending.state != State::Running, "a run that is finished has ended");
        self.hand_over();
        self.send(Message::Finish(Box::new(ending)));
        self.join()
    }

    /// What stopped the writer, if anything did. The run may go on; nothing more is recorded.
    pub fn failed(&self) -> Option<TapeError> {
        self.status.has_failed().then(|| self.status.why()).flatten()
    }

    /// The run's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn hand_over(&mut self) {
        if !self.pending.is_empty() {
            let empty = self.spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(CHUNK));
            let events = std::mem::replace(&mut self.pending, empty);
            self.send(Message::Facts(events));
        }
    }

    /// Waits while the writer has too much to do.
    fn send(&mut self, message: Message) {
        let sent = self.to_writer.as_ref().is_some_and(|to_writer| to_writer.send(message).is_ok());
        if !sent {
            self.status.fail(TapeError::WriterGone);
        }
    }

    fn join(&mut self) -> Result<Manifest, TapeError> {
        self.to_writer = None;
        let writer = self.writer.take().expect("a tape is joined once");
        writer.join().unwrap_or(Err(TapeError::WriterGone))
    }
}

/// Copies facts and comes back; all else happens on the writer's thread.
impl Observer<Fact> for Tape {
    fn observe(&mut self, events: &[Event<Fact>]) {
        if self.status.has_failed() {
            return;
        }
        self.pending.extend_from_slice(events);
        if self.pending.len() >= CHUNK {
            self.hand_over();
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        if self.writer.is_some() {
            self.hand_over();
            // Nobody is left to be told; the manifest does not say that the run ended.
            let _ = self.join();
        }
    }
}
