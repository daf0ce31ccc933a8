//! `manifest.json`: what a run was, and how it ended.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::kernel::{Cast, Digest, Time};
use crate::trace::Stage;

use super::error::TapeError;
use super::sink::SinkSpec;

/// The version of the layout of folders and columns that this build writes and reads.
pub const TAPE_VERSION: u32 = 1;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has not ended, or was killed.
    Running,
    /// It ran to its end.
    Finished,
    /// It was ended early; all up to then is recorded.
    Interrupted,
    /// It broke; all up to then is recorded.
    Failed,
}

/// The scenario as it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioText {
    /// The file's name.
    pub file: String,
    /// Its text, to the letter.
    pub text: String,
    /// What overrode it on the command line, each as `path=value`, in order.
    pub overrides: Vec<String>,
}

/// What is known before a run begins.
pub struct Header {
    /// The scenario's name.
    pub name: String,
    /// The scenario.
    pub scenario: ScenarioText,
    /// The seed.
    pub seed: u64,
    /// Names of channels, groups and sources.
    pub stage: Arc<Stage>,
    /// Names of nodes and actors.
    pub cast: Cast,
    /// Sinks whose rows are to be written.
    pub sinks: Vec<SinkSpec>,
    /// Whether a run that says that it has not ended may be written over too.
    pub force: bool,
}

/// What is known when it has ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// How it ended; not [`State::Running`].
    pub state: State,
    /// What broke, in words, for [`State::Failed`].
    pub failure: Option<String>,
    /// The digest of all facts.
    pub digest: Digest,
    /// The simulated time at which it ended.
    pub at: Time,
    /// The balance of the ledger, as JSON.
    pub balance: serde_json::Value,
}

/// The digest somewhere along the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The last fact that it covers.
    pub serial: u64,
    /// The simulated time, in nanoseconds.
    pub at_ns: u64,
    /// The digest, 32 hexadecimal digits.
    pub digest: String,
}

/// How many rows of each kind were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Facts.
    pub facts: u64,
    /// Records.
    pub records: u64,
    /// Records by fate and reason: `settled`, `lost/leader-election`.
    pub fates: BTreeMap<String, u64>,
    /// Points of the lag series.
    pub lag: u64,
    /// By sink.
    pub sinks: BTreeMap<String, SinkCounts>,
}

/// What a sink consumed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkCounts {
    /// Rows written.
    pub rows: u64,
    /// Records that carried no content.
    pub without_body: u64,
    /// Records whose content is not a row of the sink's schema.
    pub undecodable: u64,
    /// What was wrong with the first of these.
    pub first_error: Option<String>,
}

/// The only part that differs between two runs of the same scenario and seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wall {
    /// When the run was begun, in milliseconds since 1970-01-01 UTC.
    pub started_unix_ms: u64,
    /// How long it has taken, in seconds.
    pub seconds: f64,
}

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`TAPE_VERSION`] of the build that wrote it.
    pub tape_version: u32,
    /// The version of brokersim that wrote it.
    pub brokersim_version: String,
    /// The scenario's name.
    pub name: String,
    /// How far it has come.
    pub state: State,
    /// What broke.
    pub failure: Option<String>,
    /// The seed.
    pub seed: u64,
    /// The digest of all facts; none before the end.
    pub digest: Option<String>,
    /// The simulated time reached, in nanoseconds; none before the end.
    pub ended_at_ns: Option<u64>,
    /// Rows written.
    pub counts: Counts,
    /// The ledger's balance; none before the end.
    pub balance: Option<serde_json::Value>,
    /// Digests along the way.
    pub checkpoints: Vec<Checkpoint>,
    /// The scenario.
    pub scenario: ScenarioText,
    /// Names of channels, groups and sources.
    pub stage: Arc<Stage>,
    /// Names of nodes and actors.
    pub cast: Cast,
    /// Wall time.
    pub wall: Wall,
}

impl Manifest {
    /// The manifest of the run in this folder.
    ///
    /// # Errors
    /// When there is none that this version can read.
    pub fn read(_dir: &Path) -> Result<Self, TapeError> {
        todo!()
    }
}
