//! Scenario files from disk, with the overrides of the command line.

use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;
use std::sync::Arc;

use clap::Args;

use crate::lab::TraceReader;
use crate::scenario::error::closest;
use crate::scenario::{Overrides, Scenario, templates};
use crate::tape::{Manifest, TraceFile};
use crate::workload::{load_trace, read_trace};

use super::bundled::{self, BUNDLED};
use super::calibration;
use super::failure::Failure;

/// Which scenario, and what to change in it.
#[derive(Args, Clone, Debug, Default)]
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
    /// A calibration file: what the machines of a real system cost.
    #[arg(long, value_name = "FILE")]
    pub calibration: Option<PathBuf>,
}

/// A scenario and the text it was read from.
pub struct Loaded {
    /// The file's text.
    pub text: String,
    /// As meant, traces loaded.
    pub scenario: Scenario,
    /// The trace files that it replays.
    pub traces: Vec<TraceFile>,
    /// What was laid over the text, each as `path=value`, in order: calibration first.
    pub overrides: Vec<String>,
    /// The file, as it was named.
    pub file: PathBuf,
}

impl ScenarioArguments {
    /// The overrides, without calibration.
    pub fn overrides(&self) -> Overrides {
        Overrides { set: self.set.clone(), seed: self.seed, duration: self.duration.clone() }
    }

    /// What is laid over this text: its calibration, then the overrides.
    pub fn overrides_of(&self, text: &str) -> Result<Overrides, Failure> {
        let mut overrides = self.overrides();
        let calibration = calibration::settings(text, &self.scenario, self.calibration.as_deref())?;
        overrides.set.splice(0..0, calibration);
        Ok(overrides)
    }

    /// The overrides as `path=value`, all alike, without calibration.
    pub fn as_settings(&self) -> Vec<String> {
        as_settings(&self.overrides())
    }

    /// Reads, checks, and loads what it names: a file, or a bundled scenario by its name.
    pub fn load(&self) -> Result<Loaded, Failure> {
        let text = self.text()?;
        let overrides = self.overrides_of(&text)?;
        load_text(text, &self.scenario, &overrides)
    }

    /// The text of the file, or of a bundled scenario of that name.
    pub fn text(&self) -> Result<String, Failure> {
        let path = &self.scenario;
        let bundled = path.to_str().and_then(|name| templates::find(BUNDLED, name).ok());
        match (std::fs::read(path), bundled) {
            (Ok(bytes), _) => String::from_utf8(bytes).map_err(|error| not_utf8(path, &error)),
            (Err(_), Some(bundled)) => Ok(bundled.text.to_owned()),
            (Err(error), None) => Err(no_such(path, error)),
        }
    }
}

/// A file that an editor has written in another encoding, or that is no text at all.
fn not_utf8(path: &Path, error: &FromUtf8Error) -> Failure {
    let (bytes, good) = (error.as_bytes(), error.utf8_error().valid_up_to());
    let line = 1 + bytes[..good].iter().filter(|byte| **byte == b'\n').count();
    let column =
        1 + String::from_utf8_lossy(&bytes[..good]).lines().last().map_or(0, |line| line.chars().count());
    let meant = if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        "it is UTF-16"
    } else {
        "TOML is UTF-8"
    };
    Failure::Usage(format!(
        "{}:{line}:{column}: byte 0x{:02x} is no UTF-8; {meant}: save the file as UTF-8 in your editor",
        path.display(),
        bytes[good]
    ))
}

/// Neither a file nor a bundled scenario: what was probably meant.
fn no_such(path: &Path, error: std::io::Error) -> Failure {
    let dir = path.display();
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let near = closest(&name, BUNDLED.iter().map(|template| template.name));
    let meant = match near {
        _ if path.is_dir() => format!(
            "that is a folder: of a recorded run, say `brokersim replay {dir}`, `why {dir}` or `ui {dir}`"
        ),
        Some(near) => {
            format!("did you mean the bundled scenario `{near}`? `brokersim list` shows them all")
        }
        None => "`brokersim list` shows what comes with the program".to_owned(),
    };
    Failure::outside("read the scenario", dir, format!("{error}; {meant}"))
}

/// Overrides as `path=value`, all alike.
fn as_settings(overrides: &Overrides) -> Vec<String> {
    let seed = overrides.seed.map(|seed| format!("run.seed={seed}"));
    let duration = overrides.duration.as_ref().map(|duration| format!("run.duration={duration}"));
    overrides.set.iter().cloned().chain(seed).chain(duration).collect()
}

/// Says where a file lies that a scenario names.
pub type Find = Arc<dyn Fn(&Path) -> PathBuf + Send + Sync>;

/// Files lie in the folder of a scenario file.
pub fn beside(file: &Path) -> Find {
    let folder = file.parent().unwrap_or(Path::new(".")).to_owned();
    Arc::new(move |name| folder.join(name))
}

/// Files lie in the folder of a recorded run. Runs of earlier builds hold no copies: beside the scenario then.
pub fn kept(dir: &Path, manifest: &Manifest) -> Find {
    let (dir, manifest) = (dir.to_owned(), manifest.clone());
    let beside = beside(Path::new(&manifest.scenario.file));
    Arc::new(move |name| manifest.kept_trace(&dir, name).unwrap_or_else(|| beside(name)))
}

/// Checks a text and loads what it names, seen from the folder of `path`.
pub fn load_text(text: String, path: &Path, overrides: &Overrides) -> Result<Loaded, Failure> {
    load_text_with(text, path, overrides, &beside(path))
}

/// Checks a text and loads what it names; `find` says where a file lies that the text names.
pub fn load_text_with(
    text: String,
    path: &Path,
    overrides: &Overrides,
    find: &Find,
) -> Result<Loaded, Failure> {
    let mut scenario = Scenario::load(&text, &path.display().to_string(), overrides)?;
    let named = scenario.trace_files().into_iter().map(|file| TraceFile { lies: find(&file), file });
    // What comes with the program need not be kept with a run.
    let traces = named.filter(|trace| bundled_instead(&trace.lies).is_none()).collect();
    let reader = trace_reader(find);
    scenario.load_traces(Path::new(""), |file, options| reader.read(file, options))?;
    Ok(Loaded { text, scenario, traces, overrides: as_settings(overrides), file: path.to_owned() })
}

/// Reads traces where `find` says that they lie. Data that come with the program are found by the name of their file
/// where there is no such file.
pub fn trace_reader(find: &Find) -> TraceReader {
    let find = Arc::clone(find);
    TraceReader::new(move |name, options| {
        let lies = find(name);
        match bundled_instead(&lies) {
            Some(text) => read_trace(&lies, text, options),
            None => load_trace(&lies, options),
        }
    })
}

fn bundled_instead(path: &Path) -> Option<&'static [u8]> {
    bundled::data(path).filter(|_| !path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::scenario::Schedule;
    use crate::workload::Pattern;

    fn load(text: &str, path: &str) -> Result<Scenario, Failure> {
        load_text(text.to_owned(), Path::new(path), &Overrides::default()).map(|loaded| loaded.scenario)
    }

    fn replayed(scenario: &Scenario) -> usize {
        let Schedule::Ready(arrivals) = &scenario.generators[0].arrivals else { panic!("it is not loaded") };
        let Pattern::Replay { trace, .. } = &arrivals.pattern else { panic!("no trace") };
        trace.entries.len()
    }

    #[test]
    fn a_name_that_is_no_scenario_gets_the_one_that_was_meant() {
        let said = |name: &str| {
            let arguments = ScenarioArguments { scenario: name.into(), ..Default::default() };
            arguments.text().expect_err("there is none").in_a_line()
        };
        assert!(said("brokerloss").contains("did you mean the bundled scenario `broker-loss`?"));
        assert!(said("sim-configs/kafka/broker-los.toml").contains("`broker-loss`?"));
        assert!(said("something-else").contains("`brokersim list`"));
        assert!(said("src").contains("`brokersim replay src`"));
    }

    #[test]
    fn a_file_that_is_no_utf_8_is_told_where_it_is_not() {
        let path = std::env::temp_dir().join(format!("brokersim-not-utf8-{}.toml", std::process::id()));
        let said = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("a file");
            let arguments = ScenarioArguments { scenario: path.clone(), ..Default::default() };
            arguments.text().expect_err("it is no text").in_a_line()
        };
        let latin = said(b"[run]\n# k\xe4se\n");
        assert!(
            latin.contains(".toml:2:4: byte 0xe4") && latin.contains("save the file as UTF-8"),
            "{latin}"
        );
        assert!(said(b"\xff\xfe[\0r\0").contains("it is UTF-16"));
        std::fs::remove_file(&path).expect("it was there");
    }

    #[test]
    fn every_bundled_scenario_loads_wherever_it_is_run() {
        for template in BUNDLED {
            let nowhere = format!("no/such/folder/{}", template.name);
            assert!(load(template.text, &nowhere).is_ok(), "{}", template.name);
        }
    }

    #[test]
    fn bundled_data_are_those_of_the_file() {
        let text = templates::find(BUNDLED, "trace-replay").expect("it is bundled").text;
        let bundled = load(text, "no/such/folder/trace-replay").expect("it loads");
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/sim-configs/kafka/trace-replay.toml");
        let beside = load(text, file).expect("it loads");
        assert!(replayed(&bundled) > 1_000);
        assert_eq!(replayed(&bundled), replayed(&beside));
    }
}
