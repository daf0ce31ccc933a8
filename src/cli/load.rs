//! Scenario files from disk, with the overrides of the command line.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::scenario::{Overrides, Scenario, templates};
use crate::tape::TraceFile;
use crate::workload::load_trace;

use super::bundled::BUNDLED;
use super::failure::Failure;

/// Which scenario, and what to change in it.
#[derive(Args, Clone, Debug)]
pub struct ScenarioArguments {
    /// The scenario file.
    pub scenario: PathBuf,
    /// Set something else than the file does, e.g. `kafka.topics.orders.partitions=12` or
    /// `generator.shop.producer.acks=1`.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Another seed than the file's.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Another duration than the file's, e.g. `10m`.
    #[arg(long, value_name = "TIME")]
    pub duration: Option<String>,
}

/// A scenario and the text it was read from.
pub struct Loaded {
    /// The file's text.
    pub text: String,
    /// As meant, traces loaded.
    pub scenario: Scenario,
    /// The trace files that it replays.
    pub traces: Vec<TraceFile>,
}

impl ScenarioArguments {
    /// The overrides.
    pub fn overrides(&self) -> Overrides {
        Overrides { set: self.set.clone(), seed: self.seed, duration: self.duration.clone() }
    }

    /// The overrides as `path=value`, all alike.
    pub fn as_settings(&self) -> Vec<String> {
        let seed = self.seed.map(|seed| format!("run.seed={seed}"));
        let duration = self.duration.as_ref().map(|duration| format!("run.duration={duration}"));
        self.set.iter().cloned().chain(seed).chain(duration).collect()
    }

    /// Reads, checks, and loads what it names: a file, or a bundled scenario by its name.
    pub fn load(&self) -> Result<Loaded, Failure> {
        load_text(self.text()?, &self.scenario, &self.overrides())
    }

    /// The text of the file, or of a bundled scenario of that name.
    pub fn text(&self) -> Result<String, Failure> {
        let path = &self.scenario;
        let bundled = path.to_str().and_then(|name| templates::find(BUNDLED, name).ok());
        match (std::fs::read_to_string(path), bundled) {
            (Ok(text), _) => Ok(text),
            (Err(_), Some(bundled)) => Ok(bundled.text.to_owned()),
            (Err(error), None) => Err(Failure::outside("read the scenario", path.display(), error)),
        }
    }
}

/// Checks a text and loads what it names, seen from the folder of `path`.
pub fn load_text(text: String, path: &Path, overrides: &Overrides) -> Result<Loaded, Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    load_text_with(text, path, overrides, |file| folder.join(file))
}

/// Checks a text and loads what it names; `find` says where a file lies that the text names.
pub fn load_text_with(
    text: String,
    path: &Path,
    overrides: &Overrides,
    find: impl Fn(&Path) -> PathBuf,
) -> Result<Loaded, Failure> {
    let mut scenario = Scenario::load(&text, &path.display().to_string(), overrides)?;
    let named = scenario.trace_files();
    let traces = named.into_iter().map(|file| TraceFile { lies: find(&file), file }).collect();
    scenario.load_traces(Path::new(""), |file, options| load_trace(&find(file), options))?;
    Ok(Loaded { text, scenario, traces })
}
