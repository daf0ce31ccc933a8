//! A recorded run on the screen: one that can be repeated is run again from its scenario and its seed, one that cannot is
//! told from its facts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::scenario::Overrides;
use crate::scenario::wiring::stage_of;
use crate::tape::{Manifest, State};
use crate::tui::hands::Cannot;
use crate::tui::{self, About, Pilot};

use super::Exit;
use super::about::about;
use super::failure::{Failure, to_stderr};
use super::load::{Loaded, ScenarioArguments, kept, load_text_with};
use super::run::Shown;
use super::session::Session;
use super::ui::LookArguments;
use super::why::Target;

mod told;

use told::Told;

/// Shows a recorded run until the screen is left.
///
/// # Errors
/// When there is no run that this version can read, or it makes no sense any more.
pub fn show(dir: &Path, look: &LookArguments, stop: &AtomicBool) -> Result<Exit, Failure> {
    let manifest = open(dir)?;
    let loaded = load(dir, &manifest)?;
    let said = warning(&manifest);
    if !manifest.can_be_repeated() {
        return tell(dir, &manifest, &loaded, look, stop);
    }
    let mut session = Session::on_screen(&loaded, None)?.repeating(&manifest);
    session.made_from(
        Target::open(&ScenarioArguments { scenario: dir.to_owned(), ..Default::default() })?.recipe,
    );
    let shown = shown(dir, &loaded, &manifest, "REPLAY", look, said)?;
    on_screen(&mut session, shown, manifest.seed, stop)?;
    if let Some(farewell) = session.farewell() {
        to_stderr(&format!("note: {farewell}\n"));
    }
    if session.differs() {
        let what = "what was shown is not the run that was recorded: `brokersim replay` says where they part";
        to_stderr(&format!("{}: {what}\n", dir.display()));
        return Ok(Exit::Broken);
    }
    Ok(Exit::Ok)
}

/// Shows what was recorded of a run that cannot be repeated.
fn tell(
    dir: &Path,
    manifest: &Manifest,
    loaded: &Loaded,
    look: &LookArguments,
    stop: &AtomicBool,
) -> Result<Exit, Failure> {
    if *manifest.stage != stage_of(&loaded.scenario) {
        return Err(Failure::Outside(format!(
            "{}: the topics and groups of its manifest are not those of its scenario: another version of brokersim wrote it, or somebody changed it",
            dir.join("manifest.json").display()
        )));
    }
    to_stderr(&format!("reading {} facts of {}\n", manifest.counts.facts, dir.display()));
    let mut told = Told::read(dir, manifest, loaded)?;
    let mut shown = shown(dir, loaded, manifest, "REPLAY REAL", look, warning(manifest))?;
    let why = "what is shown was recorded of real brokers, and has happened";
    Arc::make_mut(&mut shown.about).kinds.iter_mut().for_each(|kind| kind.cannot = Cannot::ever(why));
    on_screen(&mut told, shown, manifest.seed, stop)?;
    Ok(Exit::Ok)
}

fn on_screen(pilot: &mut dyn Pilot, shown: Shown, seed: u64, stop: &AtomicBool) -> Result<(), Failure> {
    let left = tui::run(pilot, shown.options(seed, stop));
    left.map(|_| ()).map_err(|error| Failure::outside("show the run on", "the terminal", error))
}

/// The manifest of a run's folder.
fn open(dir: &Path) -> Result<Manifest, Failure> {
    if !dir.exists() {
        return Err(Failure::Outside(format!(
            "there is no folder {}: runs are recorded in runs/",
            dir.display()
        )));
    }
    if !dir.join("manifest.json").exists() {
        return Err(Failure::Outside(format!(
            "{} has no manifest.json: it is not the folder of a recorded run. Give one, or a scenario file",
            dir.display()
        )));
    }
    Ok(Manifest::read(dir)?)
}

/// The scenario of a run, from what its folder holds.
pub fn load(dir: &Path, manifest: &Manifest) -> Result<Loaded, Failure> {
    let overrides = Overrides { set: manifest.scenario.overrides.clone(), ..Overrides::default() };
    let file = PathBuf::from(&manifest.scenario.file);
    load_text_with(manifest.scenario.text.clone(), &file, &overrides, &kept(dir, manifest))
}

/// What a person should know of the recording before anything else.
fn warning(manifest: &Manifest) -> Option<String> {
    let (theirs, ours) = (&manifest.brokersim_version, env!("CARGO_PKG_VERSION"));
    if theirs != ours {
        return Some(format!("recorded by brokersim {theirs}, shown by {ours}: what happens may differ"));
    }
    match manifest.state {
        State::Running => {
            Some("this run did not end, or was killed: it goes as far as is known of it".to_owned())
        }
        State::Interrupted => Some("this run was left early: it stops where it was left".to_owned()),
        State::Failed => Some("this run broke: it stops where it broke".to_owned()),
        State::Finished => None,
    }
}

fn shown(
    dir: &Path,
    loaded: &Loaded,
    manifest: &Manifest,
    badge: &'static str,
    look: &LookArguments,
    said: Option<String>,
) -> Result<Shown, Failure> {
    let overrides = Overrides { set: manifest.scenario.overrides.clone(), ..Overrides::default() };
    let about = about(loaded, &manifest.scenario.file, &overrides);
    Ok(Shown {
        title: manifest.name.clone(),
        about: Arc::new(About {
            badge,
            arguments: dir.display().to_string(),
            folder: dir.to_owned(),
            ..About::clone(&about)
        }),
        theme: look.theme(),
        keys: look.hands.keymap()?,
        mouse: look.hands.mouse(),
        speed: look.speed,
        said,
        tour: false,
        recorded: None,
    })
}
