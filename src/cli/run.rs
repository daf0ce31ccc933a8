//! `brokersim run`: from a file to a verdict.

#![expect(clippy::disallowed_types, reason = "a person waits in wall time")]

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::analyze::junit::junit;
use crate::analyze::report::report;
use crate::analyze::why::is_worth_asking;
use crate::gateway::{Options, Profile};
use crate::observe::summary::Summary;
use crate::scenario::World;
use crate::tape::{Manifest, State};
use crate::tui::keymap::Keymap;
use crate::tui::pace::Speed;
use crate::tui::{self, About, Palette, ScreenOptions, Theme};

use super::Exit;
use super::about::{about_in, shared};
use super::failure::{Failure, to_stderr};
use super::keys::HandArguments;
use super::load::{Loaded, ScenarioArguments};
use super::output;
use super::session::{Recording, Session};
use super::ui::LookArguments;
use super::why::Target;

/// Arguments of `run`.
#[derive(Args, Debug)]
pub struct RunArguments {
    #[command(flatten)]
    scenario: ScenarioArguments,
    #[command(flatten)]
    world: WorldArguments,
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
    #[command(flatten)]
    hands: HandArguments,
    /// No progress bar.
    #[arg(long, short)]
    quiet: bool,
    /// Whether the tour is taken on it.
    #[arg(skip)]
    tour: bool,
    /// Whether it is recorded beside a run of the same name that has not ended.
    #[arg(skip)]
    beside: bool,
}

/// Where a scenario runs.
#[derive(Args, Clone, Debug)]
pub struct WorldArguments {
    /// Where it runs: `simulation`, `live` (the same system in real time), `kafka://HOST:PORT[,HOST:PORT]`,
    /// `mqtt://[USER:PASSWORD@]HOST:PORT` (`mqtts://` with TLS), or `embedded` (a real client, a broker within this process).
    #[arg(long, value_name = "WORLD", default_value = "simulation")]
    pub on: World,
    /// Use topics and groups that exist, under their own names.
    #[arg(long)]
    pub use_existing: bool,
    /// Keep what the run made in a real broker.
    #[arg(long)]
    pub keep: bool,
    /// Write to brokers that are not on this machine without asking.
    #[arg(long, short)]
    pub yes: bool,
    /// Leave out the faults that cannot strike there, instead of refusing to begin.
    #[arg(long)]
    pub skip_faults: bool,
    /// A proxy stands between real clients and brokers, although the scenario breaks no path: faults by hand can, then.
    #[arg(long)]
    pub proxy: bool,
    /// How faults end, start and stop brokers, where [real.commands] of the scenario does not say it.
    #[arg(long, value_enum)]
    pub profile: Option<ProfileName>,
    /// A property of every real client, by the client library's name: `sasl.username=me`. Again for more.
    #[arg(long = "client-property", value_name = "NAME=VALUE", value_parser = property)]
    pub client_properties: Vec<(String, String)>,
}

/// Ready commands for brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileName {
    /// Brokers that `scripts/brokers` has started.
    Native,
    /// Brokers of `compose/compose.yaml`.
    Compose,
}

impl ProfileName {
    fn profile(self) -> Profile {
        match self {
            Self::Native => Profile::Native,
            Self::Compose => Profile::Compose,
        }
    }
}

pub(super) fn property(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is wanted")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

impl WorldArguments {
    /// This world, and nothing else said.
    pub fn only(on: World) -> Self {
        Self {
            on,
            use_existing: false,
            keep: false,
            yes: false,
            skip_faults: false,
            proxy: false,
            profile: None,
            client_properties: Vec::new(),
        }
    }

    /// Whether what is said of real brokers is said where there are some.
    fn check(&self) -> Result<(), Failure> {
        let said = [(self.use_existing, "--use-existing"), (self.keep, "--keep"), (self.proxy, "--proxy")];
        match (&self.on, said.iter().find(|(said, _)| *said)) {
            (World::Simulated | World::Live, Some((_, flag))) => {
                let what =
                    format!("{flag} is about real brokers: leave it out, or say where they are with --on");
                Err(Failure::Usage(what))
            }
            (World::Simulated | World::Live, None)
            | (World::Kafka(_) | World::Mqtt(_) | World::Embedded, _) => Ok(()),
        }
    }

    /// Asks before a run writes to brokers that are not on this machine.
    pub fn ask(&self) -> Result<(), Failure> {
        let strange: Vec<_> = self.on.servers().iter().filter(|server| !server.is_here()).collect();
        let Some(first) = strange.first().filter(|_| !self.yes) else { return Ok(()) };
        if !std::io::stdin().is_terminal() {
            let what = format!("{first} is not on this machine: say that you want to write there with --yes");
            return Err(Failure::Usage(what));
        }
        eprint!("{first} is not on this machine. Write to it? [y/N] ");
        std::io::stderr().flush().ok();
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).ok();
        let agreed = matches!(answer.trim(), "y" | "Y" | "yes");
        if agreed { Ok(()) } else { Err(Failure::Usage("nothing was written".to_owned())) }
    }

    /// How the run treats what is not its own.
    pub fn options(&self) -> Options {
        let client_properties = self.client_properties.clone();
        Options {
            use_existing: self.use_existing,
            keep: self.keep,
            yes: self.yes,
            skip_faults: self.skip_faults,
            proxy: self.proxy,
            profile: self.profile.map(ProfileName::profile),
            client_properties,
        }
    }
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

/// A speed on the command line.
pub fn speed(text: &str) -> Result<Speed, String> {
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
    run_until_told(arguments, &stop_on_signal())
}

/// The same, until `stop` is raised.
pub fn run_until_told(arguments: &RunArguments, stop: &AtomicBool) -> Result<Exit, Failure> {
    let made = make(arguments, stop, None)?;
    conclude(&made, arguments)
}

/// A run that was made.
pub struct Made {
    /// What came of it.
    pub summary: Summary,
    /// Where it is recorded.
    pub recorded: Option<PathBuf>,
}

/// Makes a run: on the screen, where one is wanted, or without.
pub fn make(arguments: &RunArguments, stop: &AtomicBool, said: Option<String>) -> Result<Made, Failure> {
    let mut loaded = arguments.scenario.load()?;
    let world = &arguments.world.on;
    loaded.scenario.suit(world, &arguments.world.options())?;
    if world.is_real_time() && arguments.speed.is_some() {
        return Err(Failure::Usage(format!("on {world} time passes by the clock: leave --speed out")));
    }
    arguments.world.check()?;
    arguments.world.ask()?;
    let recording = (!arguments.no_tape).then(|| recording(arguments, &loaded));
    // Before anything is made ready: a file of keys can be wrong.
    let keys = shows_screen(arguments).then(|| arguments.hands.keymap()).transpose()?;
    let (options, recorded) = (arguments.world.options(), recording.as_ref());
    let summary = if let Some(keys) = keys {
        let mut session = Session::on_screen_in(&loaded, recorded, world, &options)?;
        session.made_from(Target::open(&arguments.scenario)?.recipe);
        let file = arguments.scenario.scenario.display().to_string();
        let look = Shown {
            title: loaded.scenario.name.clone(),
            about: shared(
                about_in(&loaded, &file, &arguments.scenario.overrides(), (world, &options)),
                &arguments.scenario,
                world,
                recorded.map_or_else(PathBuf::new, |recording| recording.dir.clone()),
            ),
            theme: arguments.look().theme(),
            keys,
            mouse: arguments.hands.mouse(),
            speed: arguments.speed,
            said,
            tour: arguments.tour,
            recorded: recording.as_ref().map(|recording| recording.dir.clone()),
        };
        on_screen(session, stop, look, loaded.scenario.run.seed)?
    } else {
        headless(Session::new_in(&loaded, recorded, world, &options)?, stop, arguments)?
    };
    Ok(Made { summary, recorded: recording.map(|recording| recording.dir) })
}

/// Prints what a run came to; the exit code.
fn conclude(made: &Made, arguments: &RunArguments) -> Result<Exit, Failure> {
    let summary = &made.summary;
    print(summary, arguments.format)?;
    let asks = !arguments.world.on.is_real_time() && is_worth_asking(&summary.promises);
    if arguments.format == SummaryFormat::Text && asks {
        output::print(&format!("  why: {}\n", next_step(arguments, made.recorded.as_deref())))?;
    }
    if let Some(dir) = made.recorded.as_ref().filter(|_| !arguments.quiet) {
        to_stderr(&format!("recorded in {}\n", dir.display()));
    }
    Ok(exit(summary))
}

/// The folder that a run is recorded into unless something else is said.
pub fn folder(name: &str, seed: u64, world: &World) -> PathBuf {
    let suffix = match world {
        World::Simulated => "",
        World::Live => "-live",
        World::Kafka(_) => "-kafka",
        World::Mqtt(_) => "-mqtt",
        World::Embedded => "-embedded",
    };
    PathBuf::from("runs").join(format!("{name}-{seed}{suffix}"))
}

/// The folder, or one beside it where no run is that has not ended.
fn ended(folder: PathBuf) -> PathBuf {
    let name = folder.display().to_string();
    let beside = (2..100).map(|number| PathBuf::from(format!("{name}-{number}")));
    let runs =
        |folder: &PathBuf| Manifest::read(folder).is_ok_and(|manifest| manifest.state == State::Running);
    std::iter::once(folder.clone()).chain(beside).find(|folder| !runs(folder)).unwrap_or(folder)
}

impl RunArguments {
    /// A run on the screen, recorded where runs are.
    pub fn on_screen(scenario: PathBuf, on: World, look: &LookArguments) -> Self {
        let LookArguments { speed, theme, ascii, hands } = look.clone();
        Self {
            scenario: ScenarioArguments { scenario, ..ScenarioArguments::default() },
            // A run by the clock goes at its own speed.
            speed: speed.filter(|_| !on.is_real_time()),
            world: WorldArguments::only(on),
            headless: false,
            format: SummaryFormat::Text,
            out: None,
            no_tape: false,
            force: false,
            theme,
            ascii,
            hands,
            quiet: false,
            tour: false,
            beside: false,
        }
    }

    /// Records beside a run of the same name that has not ended, or was killed, instead of refusing.
    #[must_use]
    pub fn beside_unfinished(self) -> Self {
        Self { beside: true, ..self }
    }

    /// The tour: on the screen, not recorded.
    pub fn of_tour(scenario: PathBuf, look: &LookArguments) -> Self {
        Self { no_tape: true, tour: true, ..Self::on_screen(scenario, World::Simulated, look) }
    }

    fn look(&self) -> LookArguments {
        LookArguments { speed: self.speed, theme: self.theme, ascii: self.ascii, hands: self.hands.clone() }
    }
}

/// What to type to learn why a promise is broken.
fn next_step(arguments: &RunArguments, recorded: Option<&Path>) -> String {
    if let Some(dir) = recorded {
        return format!("brokersim why {}", dir.display());
    }
    let scenario = arguments.scenario.scenario.display();
    let set = arguments.scenario.as_settings();
    let set: String = set.iter().map(|setting| format!(" --set '{setting}'")).collect();
    let calibration = arguments.scenario.calibration.as_ref();
    let calibration =
        calibration.map(|file| format!(" --calibration '{}'", file.display())).unwrap_or_default();
    format!("brokersim why {scenario}{set}{calibration}")
}

fn recording(arguments: &RunArguments, loaded: &Loaded) -> Recording {
    let usual = folder(&loaded.scenario.name, loaded.scenario.run.seed, &arguments.world.on);
    let usual = if arguments.beside { ended(usual) } else { usual };
    Recording {
        dir: arguments.out.clone().unwrap_or(usual),
        force: arguments.force,
        file: arguments.scenario.scenario.display().to_string(),
        overrides: loaded.overrides.clone(),
    }
}

/// A flag that Ctrl-C or a polite signal raises; a second one ends the program at once.
pub fn stop_on_signal() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    let handler = ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            tui::terminal::give_back();
            std::process::exit(130);
        }
    });
    if let Err(error) = handler {
        eprintln!("warning: Ctrl-C will not end the run in good order: {error}");
    }
    #[cfg(target_os = "linux")]
    outlive_file_limits();
    stop
}

/// A file that grows beyond `ulimit -f` is an error of the tape then, as a full disk is, and not the end of the process,
/// which would leave behind what the run made elsewhere.
#[cfg(target_os = "linux")]
fn outlive_file_limits() {
    use tokio::signal::unix::{SignalKind, signal};
    /// Linux on everything but MIPS.
    const SIGXFSZ: i32 = 25;
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() {
        let _inside = runtime.enter();
        // Whoever has once asked to hear of a signal is not ended by it any more.
        drop(signal(SignalKind::from_raw(SIGXFSZ)));
    }
}

fn shows_screen(arguments: &RunArguments) -> bool {
    !arguments.headless && arguments.format == SummaryFormat::Text && std::io::stdout().is_terminal()
}

/// What a screen shows beside the run, and how.
pub struct Shown {
    /// The scenario's name.
    pub title: String,
    /// Names and settings.
    pub about: Arc<About>,
    /// Colours and glyphs.
    pub theme: Theme,
    /// The keys.
    pub keys: Arc<Keymap>,
    /// Whether the mouse is listened to.
    pub mouse: bool,
    /// How fast; none for about 20 s a run.
    pub speed: Option<Speed>,
    /// A first word to the person.
    pub said: Option<String>,
    /// Whether the tour begins at once.
    pub tour: bool,
    /// Where the run is recorded.
    pub recorded: Option<PathBuf>,
}

impl Shown {
    /// For the driver of the screen.
    pub fn options(self, seed: u64, stop: &AtomicBool) -> ScreenOptions<'_> {
        let last_words = self.recorded.as_ref().map(|dir| {
            format!("What was recorded until then is in {}: `brokersim ui {0}` opens it.", dir.display())
        });
        ScreenOptions {
            title: self.title,
            seed,
            about: self.about,
            theme: self.theme,
            keys: self.keys,
            mouse: self.mouse,
            speed: self.speed,
            stop: Some(stop),
            said: self.said,
            tour: self.tour,
            last_words: last_words.unwrap_or_default(),
        }
    }
}

fn on_screen(mut session: Session, stop: &AtomicBool, shown: Shown, seed: u64) -> Result<Summary, Failure> {
    let recorded = shown.recorded.clone();
    if let Err(error) = tui::run(&mut session, shown.options(seed, stop)) {
        // The terminal is gone, not the run: its tape ends in good order, as far as it came.
        let kept = finish(session).ok().and(recorded);
        let kept = kept.map(|dir| format!("; the run is recorded in {}, as far as it came", dir.display()));
        let error = format!("{error}{}", kept.unwrap_or_default());
        return Err(Failure::outside("show the run on", "the terminal", error));
    }
    if let Some(farewell) = session.farewell() {
        eprintln!("note: {farewell}");
    }
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
    let mut progress = Progress::new(shows, !arguments.quiet, session.notes().len());
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
    /// Whether what comes up in mid-run is told at once.
    tells: bool,
    /// So many notes are known.
    known: usize,
    begun: Instant,
    drawn: Option<Instant>,
}

impl Progress {
    const PATIENCE: f64 = 0.7;
    const WIDTH: usize = 30;

    fn new(shows: bool, tells: bool, known: usize) -> Self {
        Self { shows, tells, known, begun: Instant::now(), drawn: None }
    }

    fn show(&mut self, session: &Session) {
        self.tell(session.notes());
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

    /// What has come up: a broker that is gone is not a matter for the end.
    fn tell(&mut self, notes: &[String]) {
        for note in notes.iter().skip(self.known).filter(|_| self.tells) {
            self.clear();
            eprintln!("note: {note}");
        }
        self.known = notes.len();
    }

    fn clear(&self) {
        if self.drawn.is_some() {
            eprint!("\r{:80}\r", "");
        }
    }
}
