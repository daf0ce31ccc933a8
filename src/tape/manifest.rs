//! `manifest.json`: what a run was, and how it ended.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::kernel::{Cast, Digest, Time};
use crate::trace::{SkippedFault, Stage};

use super::error::TapeError;
use super::folder::TRACES;
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

/// A trace file that the scenario replays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceFile {
    /// As the scenario names it.
    pub file: PathBuf,
    /// Where it lies.
    pub lies: PathBuf,
}

/// A trace file in the run's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTrace {
    /// As the scenario names it.
    pub file: String,
    /// Where it is, seen from the run's folder: `traces/0/NAME`.
    pub kept: String,
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
    /// Trace files that it replays: they are copied, so that the folder holds all that a replay needs.
    pub traces: Vec<TraceFile>,
    /// Whether a run that says that it has not ended may be written over too.
    pub force: bool,
    /// The world in which it runs, as on the command line: `simulation`, `live`, `kafka://HOST:PORT`.
    pub world: String,
    /// Faults of the scenario that were left out because they cannot strike there.
    pub skipped_faults: Vec<SkippedFault>,
}

/// What is known when it has ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// How it ended; not [`State::Running`].
    pub state: State,
    /// What broke, in words, for [`State::Failed`].
    pub failure: Option<String>,
    /// The digest of all facts; none of a run that cannot be repeated.
    pub digest: Option<Digest>,
    /// The simulated time at which it ended.
    pub at: Time,
    /// The balance of the ledger, as JSON.
    pub balance: serde_json::Value,
    /// What came of each promise of the scenario, as a JSON list.
    pub promises: serde_json::Value,
    /// The run in numbers, as `run --format json` prints it, without wall time.
    pub summary: serde_json::Value,
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
    /// The world in which it ran: `simulation`, or one in which a run cannot be repeated.
    #[serde(default = "simulation")]
    pub world: String,
    /// Faults of the scenario that were left out because they cannot strike in that world.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped_faults: Vec<SkippedFault>,
    /// The digest of all facts; none before the end, and none in real time.
    pub digest: Option<String>,
    /// The simulated time reached, in nanoseconds; none before the end.
    pub ended_at_ns: Option<u64>,
    /// Rows written.
    pub counts: Counts,
    /// The ledger's balance; none before the end.
    pub balance: Option<serde_json::Value>,
    /// The verdicts on the scenario's promises; none before the end.
    #[serde(default)]
    pub promises: Option<serde_json::Value>,
    /// The run in numbers; none before the end.
    #[serde(default)]
    pub summary: Option<serde_json::Value>,
    /// Digests along the way.
    pub checkpoints: Vec<Checkpoint>,
    /// The scenario.
    pub scenario: ScenarioText,
    /// Copies of the trace files that it replays.
    #[serde(default)]
    pub traces: Vec<KeptTrace>,
    /// Names of channels, groups and sources.
    pub stage: Arc<Stage>,
    /// Names of nodes and actors.
    pub cast: Cast,
    /// Wall time.
    pub wall: Wall,
}

/// The world of runs that do not say: they are of earlier builds.
fn simulation() -> String {
    "simulation".to_owned()
}

/// The manifest's name in the folder.
pub(super) const MANIFEST: &str = "manifest.json";
/// Its name while it is written.
pub(super) const MANIFEST_TEMPORARY: &str = ".manifest.json.tmp";

impl Manifest {
    /// The manifest of the run in this folder.
    ///
    /// # Errors
    /// When there is none that this version can read.
    pub fn read(dir: &Path) -> Result<Self, TapeError> {
        let path = dir.join(MANIFEST);
        let text = fs::read(&path).map_err(|error| TapeError::io("read", &path, error))?;
        let not_a_tape = |reason| TapeError::NotATape { path: path.clone(), reason };
        let json: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| not_a_tape(error.to_string()))?;
        // Asked first: another version may have other fields.
        let version = json.get("tape_version").and_then(serde_json::Value::as_u64);
        if version != Some(u64::from(TAPE_VERSION)) {
            let found = version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            return Err(not_a_tape(format!("tape_version is {found}, and has to be {TAPE_VERSION}")));
        }
        serde_json::from_value(json).map_err(|error| not_a_tape(error.to_string()))
    }

    /// Whether the same scenario and seed give the same run.
    pub fn can_be_repeated(&self) -> bool {
        self.world == simulation()
    }

    /// The manifest of a run that begins.
    pub(super) fn new(header: &Header) -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            tape_version: TAPE_VERSION,
            brokersim_version: env!("CARGO_PKG_VERSION").to_owned(),
            name: header.name.clone(),
            state: State::Running,
            failure: None,
            seed: header.seed,
            world: header.world.clone(),
            skipped_faults: header.skipped_faults.clone(),
            digest: None,
            ended_at_ns: None,
            counts: Counts::default(),
            balance: None,
            promises: None,
            summary: None,
            checkpoints: Vec::new(),
            scenario: header.scenario.clone(),
            traces: header.traces.iter().enumerate().map(kept).collect(),
            stage: Arc::clone(&header.stage),
            cast: header.cast.clone(),
            wall: Wall { started_unix_ms: since_epoch.as_millis() as u64, seconds: 0.0 },
        }
    }

    /// Where the copy of a trace file is that the scenario names so; none when there is no copy.
    pub fn kept_trace(&self, dir: &Path, file: &Path) -> Option<PathBuf> {
        let name = file.display().to_string();
        self.traces.iter().find(|trace| trace.file == name).map(|trace| dir.join(&trace.kept))
    }

    /// Takes in how the run ended.
    pub(super) fn end(&mut self, ending: Ending) {
        self.state = ending.state;
        self.failure = ending.failure;
        self.digest = ending.digest.map(|digest| digest.to_string());
        self.ended_at_ns = Some(ending.at.as_nanos());
        self.balance = Some(ending.balance);
        self.promises = Some(ending.promises);
        self.summary = Some(ending.summary);
    }

    /// Writes it beside the old one, and puts it in its place.
    pub(super) fn save(&self, dir: &Path) -> Result<(), TapeError> {
        let (path, temporary) = (dir.join(MANIFEST), dir.join(MANIFEST_TEMPORARY));
        let mut text = serde_json::to_string_pretty(self).expect("a manifest is JSON");
        text.push('\n');
        fs::write(&temporary, text).map_err(|error| TapeError::io("write", &temporary, error))?;
        fs::rename(&temporary, &path).map_err(|error| TapeError::io("rename", &temporary, error))
    }
}

/// A trace keeps its name, which is that of its rows.
fn kept((index, trace): (usize, &TraceFile)) -> KeptTrace {
    let name = trace.file.file_name().unwrap_or_default().to_string_lossy();
    KeptTrace { file: trace.file.display().to_string(), kept: format!("{TRACES}/{index}/{name}") }
}
