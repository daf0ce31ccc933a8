//! `brokersim run`: from a file to a verdict.

#![expect(clippy::disallowed_types, reason = "a person waits in wall time")]

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::analyze::junit::junit;
use crate::analyze::report::report;
use crate::analyze::why::is_worth_asking;
use crate::observe::summary::Summary;
use crate::tui::pace::Speed;
use crate::tui::{self, Palette, ScreenOptions, Theme};

use super::Exit;
use super::about::about;
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
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text)]
    format: SummaryFormat,
    /// The folder to record into, instead of runs/NAME-SEED.
    #[arg(long, value_name = "DIR", conflicts_with = "no_tape")]
    out: Option<PathBuf>,
    /// Record nothing.
    #[arg(long)]
    no_tape: bool,
    /// Replace a recording that has not ended.
    #[arg(long)]
    force: bool,
    /// How fast the screen runs: 0.01 to 1000000 times real time, or `max`; about 20 s a run unless given.
    #[arg(long, value_name = "TIMES", value_parser = speed)]
    speed: Option<Speed>,
    /// The colours of the screen.
    #[arg(long, value_enum, default_value_t = Colours::Dark)]
    theme: Colours,
    /// No characters on the screen but ASCII.
    #[arg(long)]
    ascii: bool,
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

/// How the summary of a run is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SummaryFormat {
    /// For a person.
    Text,
    /// For a script: one JSON object, `schema` says which.
    Json,
    /// For CI: the promises as JUnit XML, one test case each.
    Junit,
}

/// The colours of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colours {
    /// On a dark background.
    Dark,
    /// On a light background.
    Light,
    /// None; also when NO_COLOR is set.
    Mono,
}

impl Colours {
    /// As the screen calls them.
    pub fn palette(self) -> Palette {
        match self {
            Self::Dark => Palette::Dark,
            Self::Light => Palette::Light,
            Self::Mono => Palette::Mono,
        }
    }
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    let times: f64 = text.trim_end_matches('x').parse().map_err(|_| "a number, or `max`".to_owned())?;
    if !(0.01..=1e6).contains(&times) {
        return Err("0.01 to 1000000, or `max`".to_owned());
    }
    Ok(Speed::Times((times * 1e3).round() as u64))
}

/// Runs a scenario.
pub fn run(arguments: &RunArguments) -> Result<Exit, Failure> {
    let loaded = arguments.scenario.load()?;
    let recording = (!arguments.no_tape).then(|| recording(arguments, &loaded));
    let stop = stop_on_signal();
    let summary = if shows_screen(arguments) {
        on_screen(Session::on_screen(&loaded, recording.as_ref())?, &stop, arguments, &loaded)?
    } else {
        headless(Session::new(&loaded, recording.as_ref())?, &stop, arguments)?
    };
    print(&summary, arguments.format)?;
    if arguments.format == SummaryFormat::Text && is_worth_asking(&summary.promises) {
        output::print(&format!("  why: {}\n", next_step(arguments, recording.as_ref())))?;
    }
    if let Some(recording) = &recording
        && !arguments.quiet
    {
        eprintln!("recorded in {}", recording.dir.display());
    }
    Ok(exit(&summary))
}

/// What to type to learn why a promise is broken.
fn next_step(arguments: &RunArguments, recording: Option<&Recording>) -> String {
    if let Some(recording) = recording {
        return format!("brokersim why {}", recording.dir.display());
    }
    let scenario = arguments.scenario.scenario.display();
    let set = arguments.scenario.as_settings();
    let set: String = set.iter().map(|setting| format!(" --set '{setting}'")).collect();
    format!("brokersim why {scenario}{set}")
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

fn shows_screen(arguments: &RunArguments) -> bool {
    !arguments.headless && arguments.format == SummaryFormat::Text && std::io::stdout().is_terminal()
}

fn on_screen(
    mut session: Session,
    stop: &AtomicBool,
    arguments: &RunArguments,
    loaded: &Loaded,
) -> Result<Summary, Failure> {
    let colourless = std::env::var_os("NO_COLOR").is_some();
    let palette = if colourless { Palette::Mono } else { arguments.theme.palette() };
    let file = arguments.scenario.scenario.display().to_string();
    let options = ScreenOptions {
        title: loaded.scenario.name.clone(),
        seed: loaded.scenario.run.seed,
        about: about(loaded, &file, &arguments.scenario.overrides()),
        theme: Theme::new(palette, arguments.ascii),
        speed: arguments.speed,
        stop: Some(stop),
    };
    tui::run(&mut session, options)
        .map_err(|error| Failure::outside("show the run on", "the terminal", error))?;
    finish(session)
}

fn finish(session: Session) -> Result<Summary, Failure> {
    if let Some(failure) = session.failed() {
        session.finish().ok();
        return Err(failure);
    }
    session.finish()
}

fn headless(mut session: Session, stop: &AtomicBool, arguments: &RunArguments) -> Result<Summary, Failure> {
    let shows = !arguments.quiet && std::io::stderr().is_terminal();
    let mut progress = Progress::new(shows);
    session.run(stop, |session| progress.show(session), &mut ());
    progress.clear();
    finish(session)
}

fn print(summary: &Summary, format: SummaryFormat) -> Result<(), Failure> {
    match format {
        SummaryFormat::Text => output::print(&report(summary)),
        SummaryFormat::Json => output::print_json(summary),
        SummaryFormat::Junit => output::print(&junit(summary)),
    }
}

fn exit(summary: &Summary) -> Exit {
    if !summary.books_balance {
        Exit::Bug
    } else if summary.state == "interrupted" {
        Exit::Interrupted
    } else if !summary.is_as_expected() {
        Exit::Broken
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
