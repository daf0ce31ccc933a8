//! What can go wrong between the stream and the disk.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a tape cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TapeError {
    /// The folder holds what brokersim did not write.
    #[error("{} holds {found}, which is not part of a recorded run; choose another folder", dir.display())]
    Foreign {
        /// The folder.
        dir: PathBuf,
        /// The first thing in it that is not ours.
        found: String,
    },
    /// The folder holds a run that says that it has not ended.
    #[error("{} holds a run that has not ended; if it was killed, write over it with --force", dir.display())]
    Running {
        /// The folder.
        dir: PathBuf,
    },
    /// Two folders of the tape would be one.
    #[error("sink {name:?} cannot have a folder of its own: {reason}")]
    SinkName {
        /// The sink.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// The disk said no.
    #[error("cannot {doing} {}: {reason}", path.display())]
    Io {
        /// `write`, `read`, ...
        doing: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// The folder is not a tape, or of another version.
    #[error("{} is not a recorded run that this version can read: {reason}", path.display())]
    NotATape {
        /// The file that says so.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The background writer panicked.
    #[error("the writer of the tape ended unexpectedly; this is a bug")]
    WriterGone,
}

impl TapeError {
    pub(crate) fn io(doing: &'static str, path: &Path, reason: impl fmt::Display) -> Self {
        Self::Io { doing, path: path.to_owned(), reason: reason.to_string() }
    }
}
