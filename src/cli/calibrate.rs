//! `brokersim calibrate`: what do the machines of a real system cost? A few short runs, a fit, a file.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use clap::Args;
use serde::Serialize;

use crate::analyze::calibrate::{
    Check, Fitted, PROBES, Probe, Reading, Readings, Usual, fit, median, page, quantile, to_toml,
};
use crate::kafka::config::Costs;
use crate::scenario::{Overrides, World};
use crate::tape::write_text;

use super::failure::Failure;
use super::load::load_text;
use super::made_run::{RealArguments, run_in};
use super::run::{Format, stop_on_signal};
use super::session::Recording;
use super::{Exit, calibration, output};

/// Arguments of `calibrate`.
#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct CalibrateArguments {
    /// The system to measure: `kafka://HOST:PORT[,HOST:PORT]` or `embedded`; `simulation` and `live` measure the model.
    #[arg(long, value_name = "WORLD")]
    on: World,
    /// The file to write.
    #[arg(long, value_name = "FILE", default_value = "calibration.toml")]
    out: PathBuf,
    /// Replace the file when it is there.
    #[arg(long)]
    force: bool,
    /// How often each short run is made; the median counts.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=99))]
    runs: u8,
    /// How many floods come before anything is measured: a broker that has just started is slow.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(0..=99))]
    warm_up: u8,
    /// Set something in the short runs, e.g. `kafka.version=4.0`.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Keep the recorded runs in this folder.
    #[arg(long, value_name = "DIR")]
    keep_runs: Option<PathBuf>,
    #[command(flatten)]
    real: RealArguments,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const AFTER: &str = "\
A scenario takes the file in with `calibration = \"FILE\"` at its top, or on the command line with --calibration FILE.
What cannot be told from outside stays at its default, and is named. docs/compare.md says how each number is fitted.

Exit codes: 0 the file is written; 2 wrong usage, or a system without costs; 3 the system cannot be reached, or the file
not be written; 130 ended early by Ctrl-C, without a file.";

/// How often the law of the network is moved, at most.
const TRIES: usize = 12;

/// The result, for a script.
#[derive(Serialize)]
struct Calibrated<'a> {
    schema: &'static str,
    on: String,
    repetitions: usize,
    file: &'a Path,
    #[serde(flatten)]
    fitted: &'a Fitted,
    checks: &'a [Check],
}

/// Measures a system and writes what it costs.
pub fn calibrate(arguments: &CalibrateArguments) -> Result<Exit, Failure> {
    if let World::Mqtt(_) = arguments.on {
        return Err(Failure::Usage(
            "only Kafka's machines have costs in the model: --on kafka://HOST:PORT".to_owned(),
        ));
    }
    let out = &arguments.out;
    if out.exists() && !arguments.force {
        return Err(Failure::Usage(format!("{} is there already; --force replaces it", out.display())));
    }
    arguments.real.of(&arguments.on).ask()?;
    let folder = Folder::new(arguments.keep_runs.as_deref())?;
    let stop = stop_on_signal();
    let prober = Prober { arguments, folder: &folder.path, stop: &stop };
    let Some(measured) = prober.repetitions()? else { return Ok(Exit::Interrupted) };
    let costs = Costs::default();
    let (request_ns, append_ns) = (costs.request_cpu.as_nanos() as f64, costs.append.as_nanos() as f64);
    let mut fitted = fit(&measured, Usual { request_ns, append_ns });
    if !prober.bring_near(&mut fitted, &measured)? {
        return Ok(Exit::Interrupted);
    }
    write_text(out, &prober.written(&fitted, measured.len()))?;
    let Some(predicted) = prober.predicted(out)? else { return Ok(Exit::Interrupted) };
    let checks = checks(&predicted, &measured);
    let repetitions = measured.len();
    match arguments.format {
        Format::Text => output::print(&page(&fitted, &checks))?,
        Format::Json => output::print_json(&Calibrated {
            schema: "brokersim.calibrate/1",
            on: arguments.on.to_string(),
            repetitions,
            file: out,
            fitted: &fitted,
            checks: &checks,
        })?,
    }
    eprintln!("written to {}", out.display());
    Ok(Exit::Ok)
}

/// Makes short runs.
struct Prober<'a> {
    arguments: &'a CalibrateArguments,
    folder: &'a Path,
    stop: &'a AtomicBool,
}

impl Prober<'_> {
    /// All repetitions on the system; none when it was ended early.
    fn repetitions(&self) -> Result<Option<Vec<Readings>>, Failure> {
        if !self.warmed()? {
            return Ok(None);
        }
        let mut repetitions = Vec::new();
        for repetition in 0..u64::from(self.arguments.runs) {
            let mut readings = Readings::new();
            for probe in PROBES {
                eprintln!("{} of {}: {}", repetition + 1, self.arguments.runs, probe.name());
                let Some(reading) = self.run(&self.arguments.on, probe, repetition, &self.arguments.set)?
                else {
                    return Ok(None);
                };
                readings.insert(probe, reading);
            }
            repetitions.push(readings);
        }
        Ok(Some(repetitions))
    }

    /// Keeps a real system busy for a while, for its machine code to be made: nothing of it counts. False when it was
    /// ended early.
    fn warmed(&self) -> Result<bool, Failure> {
        let rounds = if self.arguments.on.is_real_time() { self.arguments.warm_up } else { 0 };
        for round in 0..rounds {
            eprintln!("warm-up {} of {rounds}", round + 1);
            if self.run(&self.arguments.on, Probe::Flood, u64::from(round), &self.arguments.set)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The calibration file.
    fn written(&self, fitted: &Fitted, repetitions: usize) -> String {
        to_toml(fitted, &self.arguments.on.to_string(), &today(), repetitions)
    }

    /// Moves the law of the network until the simulated round trip is the measured one. False when it was ended early.
    fn bring_near(&self, fitted: &mut Fitted, measured: &[Readings]) -> Result<bool, Failure> {
        let file = self.folder.join("fitted.toml");
        for _ in 0..TRIES {
            write_text(&file, &self.written(fitted, measured.len()))?;
            let set = self.simulated_with(&file)?;
            let Some(reading) = self.run(&World::Simulated, Probe::Request, 0, &set)? else {
                return Ok(false);
            };
            if !fitted.nearer(&reading, measured) {
                break;
            }
        }
        Ok(true)
    }

    /// The settings of a simulated run with the costs in `file`.
    fn simulated_with(&self, file: &Path) -> Result<Vec<String>, Failure> {
        let mut set = calibration::settings("", file, Some(file))?;
        set.extend(self.arguments.set.iter().filter(|set| !set.starts_with("kafka.costs.")).cloned());
        Ok(set)
    }

    /// What the simulation says with the costs in `file`.
    fn predicted(&self, file: &Path) -> Result<Option<Readings>, Failure> {
        let set = self.simulated_with(file)?;
        let mut readings = Readings::new();
        for probe in [Probe::Request, Probe::Read] {
            let Some(reading) = self.run(&World::Simulated, probe, 0, &set)? else { return Ok(None) };
            readings.insert(probe, reading);
        }
        Ok(Some(readings))
    }

    fn run(
        &self,
        world: &World,
        probe: Probe,
        number: u64,
        set: &[String],
    ) -> Result<Option<Reading>, Failure> {
        let file = format!("probe-{}.toml", probe.name());
        let overrides = Overrides { set: set.to_vec(), seed: Some(number + 1), duration: None };
        let loaded = load_text(probe.scenario(), Path::new(&file), &overrides)?;
        let kind = if *world == self.arguments.on { "measured" } else { "predicted" };
        let dir = self.folder.join(format!("{kind}-{}-{number}", probe.name()));
        let recording =
            Recording { dir: dir.clone(), force: true, file, overrides: loaded.overrides.clone() };
        let options = self.arguments.real.of(world).options();
        run_in((world, &options), loaded, &recording, self.stop)?;
        if self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        Ok(Some(Reading::of(probe, &dir)?))
    }
}

/// Numbers that the costs predict, beside the medians of what was measured.
fn checks(predicted: &Readings, measured: &[Readings]) -> Vec<Check> {
    type Of = fn(&Reading) -> &Vec<u64>;
    let rows: [(&'static str, Probe, Of, u64); 6] = [
        ("acknowledged p50", Probe::Request, |reading| &reading.acknowledge, 500),
        ("acknowledged p99", Probe::Request, |reading| &reading.acknowledge, 990),
        ("read: offered to processed p50", Probe::Read, |reading| &reading.processed, 500),
        ("read: offered to processed p99", Probe::Read, |reading| &reading.processed, 990),
        ("read: processed to committed p50", Probe::Read, |reading| &reading.settled, 500),
        ("read: processed to committed p99", Probe::Read, |reading| &reading.settled, 990),
    ];
    let row = |(name, probe, of, per_mille): (&'static str, Probe, Of, u64)| {
        let number = |readings: &Readings| quantile(of(readings.get(&probe)?), per_mille);
        let all: Vec<f64> = measured.iter().filter_map(number).collect();
        Some(Check { name, simulated_ns: number(predicted)?, measured_ns: median(&all)? })
    };
    rows.into_iter().filter_map(row).collect()
}

/// The day, as `2026-11-22`, in UTC.
fn today() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    date(since.as_secs() / 86_400)
}

/// The date of a day, counted from 1970-01-01: Fliegel and Van Flandern's way round.
fn date(days: u64) -> String {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + u64::from(month <= 2))
}

/// Where the runs are: kept, or gone when this is.
struct Folder {
    path: PathBuf,
    goes: bool,
}

impl Folder {
    fn new(keep: Option<&Path>) -> Result<Self, Failure> {
        let path = match keep {
            Some(folder) => folder.to_owned(),
            None => std::env::temp_dir().join(format!("brokersim-calibrate-{}", std::process::id())),
        };
        std::fs::create_dir_all(&path).map_err(|error| Failure::outside("create", path.display(), error))?;
        Ok(Self { path, goes: keep.is_none() })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.goes {
            // What is left of it is in the folder for what may go.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn a_day_has_its_date() {
        let known =
            [(0, "1970-01-01"), (11_016, "2000-02-29"), (11_017, "2000-03-01"), (20_454, "2026-01-01")];
        for (days, written) in known {
            assert_eq!(date(days), written);
        }
    }
}
