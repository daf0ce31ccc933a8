//! `brokersim ui`, and `brokersim` alone: the picker, a scenario or a recorded run on the screen, the tour.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;

use crate::observe::summary::Summary;
use crate::scenario::{World, templates};
use crate::tui::keymap::Keymap;
use crate::tui::pace::Speed;
use crate::tui::picker::{Picked, Picker, pick};
use crate::tui::{Palette, Theme};

use super::Exit;
use super::bundled::BUNDLED;
use super::failure::{Failure, to_stderr};
use super::keys::HandArguments;
use super::recorded;
use super::run::{self, Colours, RunArguments, stop_on_signal};
use super::scenarios::copy_to;

mod offer;
mod preview;

use offer::{Offer, offers};

/// How a screen looks, and how fast time passes on it.
#[derive(Args, Clone, Debug)]
pub struct LookArguments {
    /// How fast the screen runs: 0.01 to 1000000 times real time, or `max`; about 20 s a run unless given.
    #[arg(long, value_name = "TIMES", value_parser = run::speed)]
    pub speed: Option<Speed>,
    /// The colours of the screen.
    #[arg(long, value_enum, default_value_t = Colours::Dark)]
    pub theme: Colours,
    /// No characters on the screen but ASCII.
    #[arg(long)]
    pub ascii: bool,
    /// Keys and mouse.
    #[command(flatten)]
    pub hands: HandArguments,
}

impl LookArguments {
    /// Colours and glyphs; none but the terminal's own where NO_COLOR is set.
    pub fn theme(&self) -> Theme {
        let colourless = std::env::var_os("NO_COLOR").is_some();
        let palette = if colourless { Palette::Mono } else { self.theme.palette() };
        Theme::new(palette, self.ascii)
    }
}

/// As the command line has them unless something is said.
impl Default for LookArguments {
    fn default() -> Self {
        Self { speed: None, theme: Colours::Dark, ascii: false, hands: HandArguments::default() }
    }
}

/// Arguments of `ui`.
#[derive(Args, Debug, Default)]
pub struct UiArguments {
    /// The folder of a recorded run, a scenario file, or a bundled scenario's name; the picker unless given.
    target: Option<PathBuf>,
    #[command(flatten)]
    look: LookArguments,
}

/// Arguments of `tutor`.
#[derive(Args, Debug)]
pub struct TutorArguments {
    #[command(flatten)]
    look: LookArguments,
}

/// Shows a run, or the picker.
pub fn ui(arguments: &UiArguments) -> Result<Exit, Failure> {
    needs_terminal()?;
    let stop = stop_on_signal();
    match &arguments.target {
        Some(target) if is_recorded(target) => recorded::show(target, &arguments.look, &stop),
        Some(target) => {
            let world = offer::world_of_file(target);
            run::run_until_told(&RunArguments::on_screen(target.clone(), world, &arguments.look), &stop)
        }
        None => {
            let (look, keys) = (arguments.look.clone(), arguments.look.hands.keymap()?);
            Front { look, keys, stop: &stop, told: Vec::new() }.open()
        }
    }
}

/// The tour.
pub fn tutor(arguments: &TutorArguments) -> Result<Exit, Failure> {
    needs_terminal()?;
    let stop = stop_on_signal();
    take_tour(&arguments.look, &stop)?;
    Ok(Exit::Ok)
}

/// What the tour is taken on.
const TOUR: &str = "broker-loss";

fn take_tour(look: &LookArguments, stop: &AtomicBool) -> Result<(), Failure> {
    let arguments = RunArguments::of_tour(PathBuf::from(TOUR), look);
    run::make(&arguments, stop, None).map(|_| ())
}

fn needs_terminal() -> Result<(), Failure> {
    if std::io::stdout().is_terminal() {
        return Ok(());
    }
    let what = "the screen needs a terminal on standard output: `brokersim run FILE` and `brokersim shot FILE` do without";
    Err(Failure::Usage(what.to_owned()))
}

/// Whether a path is meant as the folder of a recorded run: a folder, or something that no scenario file is called.
fn is_recorded(path: &Path) -> bool {
    let bundled = path.to_str().is_some_and(|name| templates::find(BUNDLED, name).is_ok());
    path.is_dir() || (!bundled && path.extension().is_none_or(|ending| ending != "toml"))
}

fn scenario(
    file: &Path,
    world: World,
    look: &LookArguments,
    stop: &AtomicBool,
    said: Option<String>,
) -> Result<run::Made, Failure> {
    run::make(&RunArguments::on_screen(file.to_owned(), world, look).beside_unfinished(), stop, said)
}

/// The picker, again after each run.
struct Front<'a> {
    look: LookArguments,
    keys: Arc<Keymap>,
    stop: &'a AtomicBool,
    /// What is said of the runs once the picker is left.
    told: Vec<String>,
}

impl Front<'_> {
    fn open(mut self) -> Result<Exit, Failure> {
        let mut offers = offers(Path::new("."));
        let keys = Arc::clone(&self.keys);
        let mut picker = Picker::new(entries(&offers), self.look.theme())
            .bound(Arc::clone(&keys))
            .pointed(self.look.hands.mouse());
        let left = loop {
            let shown = &offers;
            let picked = pick(&mut picker, &mut |index| preview::of(&shown[index], &keys), self.stop);
            match picked {
                Ok(Picked::Leave) => break Ok(()),
                Ok(Picked::Open(index)) => self.run(&offers[index], &mut picker),
                Ok(Picked::Copy(index)) => copy(&offers[index], &mut picker),
                Err(error) => break Err(Failure::outside("show the picker on", "the terminal", error)),
            }
            if self.stop.load(Ordering::Relaxed) {
                break Ok(());
            }
            offers = offer::offers(Path::new("."));
            picker.renew(entries(&offers));
        };
        // What was recorded is said even when the terminal went away.
        to_stderr(&self.told.concat());
        left?;
        Ok(if self.stop.load(Ordering::Relaxed) { Exit::Interrupted } else { Exit::Ok })
    }

    /// Runs, or opens, what was picked. What goes wrong is said in the picker.
    fn run(&mut self, offer: &Offer, picker: &mut Picker) {
        match self.show(offer) {
            Ok(said) => picker.say(said),
            Err(failure) => picker.say(failure.in_a_line()),
        }
    }

    fn show(&mut self, offer: &Offer) -> Result<String, Failure> {
        match offer {
            Offer::Tour => {
                take_tour(&self.look, self.stop).map(|()| "the tour can be taken again".to_owned())
            }
            Offer::Run { dir, .. } => {
                recorded::show(dir, &self.look, self.stop).map(|_| format!("{} was opened", dir.display()))
            }
            Offer::Bundled { name, world, .. } => {
                let said = offer.hint(&self.keys);
                let made = scenario(Path::new(name), world.clone(), &self.look, self.stop, said)?;
                Ok(self.tell(&made))
            }
            Offer::File { path, world, .. } => {
                let made = scenario(path, world.clone(), &self.look, self.stop, None)?;
                Ok(self.tell(&made))
            }
        }
    }

    /// One line on a run, for now and for when the picker is left.
    fn tell(&mut self, made: &run::Made) -> String {
        let said = in_a_line(&made.summary);
        let Some(dir) = &made.recorded else { return said };
        self.told.push(format!("{said}; recorded in {}\n", dir.display()));
        format!("{said}; its run is in {}", dir.display())
    }
}

fn entries(offers: &[Offer]) -> Vec<crate::tui::picker::Entry> {
    offers.iter().map(Offer::entry).collect()
}

fn copy(offer: &Offer, picker: &mut Picker) {
    let Offer::Bundled { name, .. } = offer else { return };
    let path = PathBuf::from(format!("{name}.toml"));
    let copied =
        templates::find(BUNDLED, name).map_err(Failure::Usage).and_then(|found| copy_to(found, &path));
    match copied {
        Ok(()) => picker.say(format!(
            "wrote {0}: edit it, and run it from here or with brokersim run {0}",
            path.display()
        )),
        Err(failure) => picker.say(failure.in_a_line()),
    }
}

/// A run in a line.
fn in_a_line(summary: &Summary) -> String {
    let broken: Vec<String> = summary
        .promises
        .iter()
        .filter(|verdict| !verdict.kept)
        .map(|verdict| format!("{} {}", verdict.title(), verdict.happened()))
        .collect();
    let state = if summary.state == "interrupted" { ", left early" } else { "" };
    let verdict = match (summary.promises.len(), broken.as_slice()) {
        (0, _) => "nothing was promised".to_owned(),
        (all, []) => format!("all {all} promises as expected"),
        (_, broken) => broken.join(", "),
    };
    format!("{}{state}: {verdict}", summary.scenario)
}

/// Without a subcommand: the picker on a terminal, or else the help, as wrong usage.
pub fn front(help: impl FnOnce() -> String) -> Result<Exit, Failure> {
    if std::io::stdout().is_terminal() && std::io::stdin().is_terminal() {
        return ui(&UiArguments::default());
    }
    to_stderr(&help());
    Ok(Exit::Usage)
}
