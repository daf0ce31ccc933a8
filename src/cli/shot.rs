//! `brokersim shot`: a picture of a screen of a scenario at an instant.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::sync::Arc;

use crate::kernel::{Duration, Time};
use crate::scenario::World;
use crate::tui::pace::Speed;
use crate::tui::shot::Shot;
use crate::tui::{Clock, Mode, Model, Msg, Order, Page, Palette, Pilot, Report, Theme, command, update};

use super::about::{about, shared};
use super::failure::Failure;
use super::load::ScenarioArguments;
use super::run::Colours;
use super::session::Session;
use super::why::Target;
use super::{Exit, output};

/// Arguments of `shot`.
#[derive(Args, Debug)]
pub struct ShotArguments {
    #[command(flatten)]
    scenario: ScenarioArguments,
    /// Which screen: overview, topics, groups, messages, faults, help.
    #[arg(long, default_value = "overview")]
    screen: String,
    /// When, e.g. `42.3s`; the end of the run unless given.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Columns and rows.
    #[arg(long, default_value = "120x36", value_parser = size)]
    size: (u16, u16),
    /// Text, SVG, PNG or JSON.
    #[arg(long, value_enum, default_value_t = ShotFormat::Txt)]
    format: ShotFormat,
    /// The colours.
    #[arg(long, value_enum, default_value_t = Colours::Dark)]
    theme: Colours,
    /// No characters but ASCII.
    #[arg(long)]
    ascii: bool,
    /// Keys that are pressed before the picture is taken: `jj` chooses the third row.
    #[arg(long, default_value = "")]
    keys: String,
    /// The file to write; standard output unless given.
    #[arg(long, short, value_name = "FILE", conflicts_with = "all")]
    out: Option<PathBuf>,
    /// Write every screen, in dark and light, at 120x36 and 80x24, as SVG and text into this folder.
    #[arg(long, value_name = "DIR")]
    all: Option<PathBuf>,
    /// With --all: write nothing, and fail when a picture there is another one.
    #[arg(long, requires = "all")]
    check: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ShotFormat {
    /// The glyphs.
    Txt,
    /// A picture.
    Svg,
    /// A picture of dots, twice as large.
    Png,
    /// Glyphs and looks, and what it is a picture of.
    Json,
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let (columns, rows) = text.split_once('x').ok_or("as 120x36")?;
    let number = |text: &str| text.parse::<u16>().ok().filter(|number| (1..=500).contains(number));
    number(columns).zip(number(rows)).ok_or_else(|| "1x1 to 500x500, as 120x36".to_owned())
}

/// Takes a picture, or all of them.
pub fn shot(arguments: &ShotArguments) -> Result<Exit, Failure> {
    let loaded = arguments.scenario.load()?;
    let mut session = Session::on_screen(&loaded, None)?;
    let at = match &arguments.at {
        Some(text) => command::instant(text)
            .ok_or_else(|| Failure::Usage(format!("--at wants a time, as 42.1s or 1:30; not `{text}`")))?,
        None => session.end(),
    };
    if at > session.end() {
        return Err(Failure::Usage(format!("the run ends at {}, before --at {at}", session.end())));
    }
    session.made_from(Target::open(&arguments.scenario)?.recipe);
    let file = arguments.scenario.scenario.display().to_string();
    let about = about(&loaded, &file, &arguments.scenario.overrides());
    let about = shared(about, &arguments.scenario, &World::Simulated, PathBuf::new());
    // In slices, as on a screen: checkpoints lie between them.
    while session.now() < at {
        let until = (session.now() + SLICE).min(at);
        session.advance(until, &mut ());
    }
    let theme = Theme::new(arguments.theme.palette(), arguments.ascii);
    let mut model =
        Model::new(loaded.scenario.name.clone(), loaded.scenario.run.seed, theme, session.end()).about(about);
    show(&mut model, &mut session);
    match &arguments.all {
        Some(folder) => all(&model, &mut session, folder, arguments.check),
        None => one(model, &mut session, arguments),
    }
}

fn one(mut model: Model, session: &mut Session, arguments: &ShotArguments) -> Result<Exit, Failure> {
    turn_to(&mut model, session, &arguments.screen)?;
    for letter in arguments.keys.chars() {
        press(&mut model, session, letter);
    }
    let (width, height) = arguments.size;
    let shot = Shot::of(&model, width, height);
    let bytes = match arguments.format {
        ShotFormat::Txt => shot.text().into_bytes(),
        ShotFormat::Svg => shot.svg().into_bytes(),
        ShotFormat::Png => shot.png(),
        ShotFormat::Json => shot.json(&model).into_bytes(),
    };
    match &arguments.out {
        Some(path) => write(path, &bytes)?,
        None if arguments.format == ShotFormat::Png && std::io::stdout().is_terminal() => {
            return Err(Failure::Usage(
                "a PNG is no text for a terminal: say where it goes with --out FILE".to_owned(),
            ));
        }
        None => output::print_bytes(&bytes)?,
    }
    Ok(Exit::Ok)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| Failure::outside("write the picture", path.display(), error))
}

/// How much of the run is computed at a time.
const SLICE: Duration = Duration::from_millis(500);

const SCREENS: [&str; 6] = ["overview", "topics", "groups", "messages", "faults", "help"];

/// All pictures of a folder, written or compared.
fn all(model: &Model, session: &mut Session, folder: &Path, check: bool) -> Result<Exit, Failure> {
    let mut stale = Vec::new();
    if !check {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::outside("make the folder", folder.display(), error))?;
    }
    for screen in SCREENS {
        let mut model = model.clone();
        turn_to(&mut model, session, screen)?;
        for (palette, colours) in [(Palette::Dark, "dark"), (Palette::Light, "light")] {
            model.theme.palette = palette;
            for (width, height) in [(120, 36), (80, 24)] {
                let shot = Shot::of(&model, width, height);
                let name = format!("{screen}_{colours}_{width}x{height}");
                let mut files = vec![(format!("{name}.svg"), shot.svg())];
                if palette == Palette::Dark {
                    files.push((format!("{screen}_{width}x{height}.txt"), shot.text()));
                }
                for (file, text) in files {
                    let path = folder.join(file);
                    if !check {
                        write(&path, text.as_bytes())?;
                    } else if std::fs::read_to_string(&path).ok().as_ref() != Some(&text) {
                        stale.push(path.display().to_string());
                    }
                }
            }
        }
    }
    if stale.is_empty() {
        return Ok(Exit::Ok);
    }
    eprintln!("these pictures are not what the screens look like now; scripts/shots writes them anew:");
    stale.iter().for_each(|path| eprintln!("  {path}"));
    Ok(Exit::Broken)
}

fn turn_to(model: &mut Model, session: &mut Session, screen: &str) -> Result<(), Failure> {
    match Page::named(screen) {
        Some(page) => model.page = page,
        None if screen == "help" => press(model, session, '?'),
        None => {
            return Err(Failure::Usage(format!("no screen is called `{screen}`: {}", SCREENS.join(", "))));
        }
    }
    // What is chosen on one list decides what is shown in the next.
    for _ in 0..3 {
        show(model, session);
    }
    Ok(())
}

/// Brings the run as it is to the model, and what the model looks at to the run.
fn show(model: &mut Model, session: &mut Session) {
    session.look(model.look());
    session.wait_for_answer(model.reads_a_story());
    let finished = session.now() >= session.end();
    let report = Report {
        snapshot: Arc::new(session.snapshot()),
        detail: Arc::new(session.detail()),
        front: session.front(),
        clock: if finished { Clock::Finished } else { Clock::Paused },
        seeking: None,
        speed: Speed::REAL,
        reached: None,
        said: None,
        courses: Arc::new(session.courses()),
        about: session.about(),
        diff: None,
        note: None,
    };
    update(model, Msg::Tick(report));
    model.before = Arc::clone(&model.report.snapshot);
}

fn press(model: &mut Model, session: &mut Session, letter: char) {
    let code = match letter {
        '\n' => KeyCode::Enter,
        '\t' => KeyCode::Tab,
        '\u{1b}' => KeyCode::Esc,
        letter => KeyCode::Char(letter),
    };
    let order = update(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    match order {
        Some(Order::Seek(seek)) => seek_to(session, seek),
        Some(Order::Hand) => hand(model, session),
        Some(_) | None => {}
    }
    for _ in 0..2 {
        show(model, session);
    }
}

/// What is done to the run by hand is in the next picture; what cannot be done is said in it.
fn hand(model: &mut Model, session: &mut Session) {
    let Some(deed) = model.deed.take() else { return };
    match session.hand(deed) {
        Ok(done) => {
            if let Some(diff) = done.diff {
                model.mode = Mode::Diff(Arc::new(diff), 0);
            }
            model.said = Some(done.said).filter(|said| !said.is_empty());
        }
        Err(why) => model.said = Some(why),
    }
}

/// A picture is of an instant that was reached: only the way back is open.
fn seek_to(session: &mut Session, seek: crate::tui::Seek) {
    use crate::tui::{Seek, Spot};
    let now = session.now();
    let spot = match seek {
        Seek::To(time) => Spot::At(time),
        Seek::Fact(serial, at) => Spot::Fact(serial, at),
        Seek::Back(by) => Spot::At(Time::ZERO + now.since(Time::ZERO).saturating_sub(by)),
        Seek::Start => Spot::At(Time::ZERO),
        Seek::EventBack => Spot::OneBack,
        Seek::Front => Spot::Front,
        Seek::Event | Seek::By(_) | Seek::Notable | Seek::NotableBack | Seek::Fault | Seek::FaultBack => {
            return;
        }
    };
    session.go(spot);
}
