//! `brokersim run`: from a file to a verdict.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::analyze::report::report;
use crate::observe::summary::Summary;

use super::Exit;
use super::failure::Failure;
use super::load::{Loaded, ScenarioArguments};
use super::output;
use super::session::{Recording, Session};

/// Arguments of `run`.
#[derive(Args, Debug)]
pub struct RunArguments {
    #[command(flatten)]
    scenario: ScenarioArguments,
    /// No screen, even on a terminal.
    #[arg(long)]
    headless: bool,
    /// How the summary is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The folder to record into, instead of runs/NAME-SEED.
    #[arg(long, value_name = "DIR", conflicts_with = "no_tape")]
    out: Option<PathBuf>,
    /// Record nothing.
    #[arg(long)]
    no_tape: bool,
    /// Replace a recording that has not ended.
    #[arg(long)]
    force: bool,
    /// No progress bar.
    #[arg(long, short)]
    quiet: bool,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    Text,
    /// For a script: one JSON object, `schema` says which.
    Json,
}

/// Runs a scenario.
pub fn run(arguments: &RunArguments) -> Result<Exit, Failure> {
    let loaded = arguments.scenario.load()?;
    let recording = (!arguments.no_tape).then(|| recording(arguments, &loaded));
    let session = Session::new(&loaded, recording.as_ref())?;
    let stop = stop_on_signal();
    let summary = headless(session, &stop, arguments)?;
    print(&summary, arguments.format)?;
    if let Some(recording) = &recording
        && !arguments.quiet
    {
        eprintln!("recorded in {}", recording.dir.display());
    }
    Ok(exit(&summary))
}

fn recording(arguments: &RunArguments, loaded: &Loaded) -> Recording {
    let name = format!("{}-{}", loaded.scenario.name, loaded.scenario.run.seed);
    Recording {
        dir: arguments.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(name)),
        force: arguments.force,
        file: arguments.scenario.scenario.display().to_string(),
        overrides: arguments.scenario.as_settings(),
    }
}

/// A flag that Ctrl-C or a polite signal raises; a second one ends the program at once.
pub fn stop_on_signal() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    let handler = ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    if let Err(error) = handler {
        eprintln!("warning: Ctrl-C will not end the run in good order: {error}");
    }
    stop
}

fn headless(mut session: Session, stop: &AtomicBool, arguments: &RunArguments) -> Result<Summary, Failure> {
    let shows = !arguments.quiet && std::io::stderr().is_terminal();
    let mut progress = Progress::new(shows);
    session.run(stop, |session| progress.show(session), &mut ());
    progress.clear();
    if let Some(failure) = session.failed() {
        session.finish().ok();
        return Err(failure);
    }
    session.finish()
}

fn print(summary: &Summary, format: Format) -> Result<(), Failure> {
    match format {
        Format::Text => output::print(&report(summary)),
        Format::Json => output::print_json(summary),
    }
}

fn exit(summary: &Summary) -> Exit {
    if !summary.books_balance {
        Exit::Bug
    } else if summary.state == "interrupted" {
        Exit::Interrupted
    } else {
        Exit::Ok
    }
}

/// A bar on stderr for runs that take their time.
struct Progress {
    shows: bool,
    begun: Instant,
    drawn: Option<Instant>,
}

impl Progress {
    const PATIENCE: f64 = 0.7;
    const WIDTH: usize = 30;

    fn new(shows: bool) -> Self {
        Self { shows, begun: Instant::now(), drawn: None }
    }

    fn show(&mut self, session: &Session) {
        let due = self.drawn.is_none_or(|drawn| drawn.elapsed().as_secs_f64() > 0.1);
        if !self.shows || !due || self.begun.elapsed().as_secs_f64() < Self::PATIENCE {
            return;
        }
        self.drawn = Some(Instant::now());
        let (now, end) = (session.now().as_secs_f64(), session.end().as_secs_f64());
        let part = now / end.max(1e-9);
        let filled = (part * Self::WIDTH as f64) as usize;
        let bar: String = (0..Self::WIDTH).map(|cell| if cell < filled { '█' } else { '·' }).collect();
        let speed = now / session.wall_seconds().max(1e-9);
        eprint!("\r{bar} {:>3.0} %  {} / {}  {speed:.0}x ", part * 100.0, session.now(), session.end());
        std::io::stderr().flush().ok();
    }

    fn clear(&self) {
        if self.drawn.is_some() {
            eprint!("\r{:80}\r", "");
        }
    }
}
