//! What the picker offers: the bundled scenarios by what they are about, the scenario files of a folder, and the runs
//! that were recorded there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::scenario::World;
use crate::scenario::templates::{Template, question_of};
use crate::tape::{Manifest, State};
use crate::tui::keymap::Keymap;
use crate::tui::keys::Action;
use crate::tui::picker::Entry;
use crate::tui::{Order, Seek};

use crate::cli::bundled::BUNDLED;
use crate::cli::load::ScenarioArguments;

/// Something to run or to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// A scenario that comes with the program.
    Bundled { name: &'static str, group: &'static str, question: String, world: World },
    /// The tour.
    Tour,
    /// A scenario file.
    File { path: PathBuf, question: String, world: World },
    /// A recorded run.
    Run { dir: PathBuf, about: String },
}

/// The scenario that is offered first.
pub(super) const FIRST: &str = "broker-loss";

const START: &str = "START HERE";
const FILES: &str = "SCENARIO FILES IN THIS FOLDER";
const RUNS: &str = "RECORDED RUNS";
const LOAD: &str = "KAFKA: CALM AND LOAD";
const LOSSES: &str = "KAFKA: DOCUMENTED LOSSES";
const MQTT: &str = "MQTT";
const ZEROMQ: &str = "ZEROMQ";

/// Files and runs of a folder are listed up to so many each; the newest runs.
const MOST: usize = 40;
/// Runs that are listed.
const RUNS_MOST: usize = 12;

/// All that is offered in a folder.
pub(super) fn offers(folder: &Path) -> Vec<Offer> {
    let bundled =
        |wanted: &'static str| BUNDLED.iter().filter_map(move |template| of_group(template, wanted));
    let mut found: Vec<Offer> = bundled(START).collect();
    found.push(Offer::Tour);
    found.extend(files(folder));
    found.extend(runs(&folder.join("runs")));
    for group in [LOAD, LOSSES, MQTT, ZEROMQ] {
        found.extend(bundled(group));
    }
    found
}

fn of_group(template: &Template, wanted: &'static str) -> Option<Offer> {
    let world = world_of(template.text);
    let group = match &world {
        _ if template.name == FIRST => START,
        World::Embedded => MQTT,
        _ if has_table(template.text, "zeromq") => ZEROMQ,
        _ if template.name.starts_with("loss-") => LOSSES,
        _ => LOAD,
    };
    let question = template.question().unwrap_or_default();
    (group == wanted).then_some(Offer::Bundled { name: template.name, group, question, world })
}

/// Where a scenario runs without anything else: MQTT is not simulated, but there is a broker within the process.
fn world_of(text: &str) -> World {
    if has_table(text, "mqtt") { World::Embedded } else { World::Simulated }
}

/// The same for a scenario that is named on the command line; what cannot be read is said when it is loaded.
pub(super) fn world_of_file(file: &Path) -> World {
    let arguments = ScenarioArguments { scenario: file.to_owned(), ..ScenarioArguments::default() };
    arguments.text().map_or(World::Simulated, |text| world_of(&text))
}

fn has_table(text: &str, name: &str) -> bool {
    let table = format!("[{name}");
    let heads = |line: &str| {
        line.trim_start()
            .strip_prefix(&table)
            .is_some_and(|rest| rest.starts_with(']') || rest.starts_with('.'))
    };
    text.lines().any(heads)
}

/// The scenario files of a folder, by name.
fn files(folder: &Path) -> Vec<Offer> {
    let mut paths: Vec<PathBuf> = listed(folder)
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .map(|path| path.strip_prefix(".").map_or(path.clone(), Path::to_owned))
        .collect();
    paths.sort();
    let offer = |path: PathBuf| {
        let text = fs::read_to_string(&path).ok()?;
        // Other TOML files, Cargo's for one, have no generator.
        let is_scenario = text.lines().any(|line| line.trim_start().starts_with("[[generator]]"));
        let question = question_of(&text).unwrap_or_default();
        is_scenario.then(|| Offer::File { world: world_of(&text), path, question })
    };
    paths.into_iter().filter_map(offer).take(MOST).collect()
}

/// The newest recorded runs of a folder, the newest first.
fn runs(folder: &Path) -> Vec<Offer> {
    let written = |dir: &Path| fs::metadata(dir.join("manifest.json")).and_then(|file| file.modified()).ok();
    let mut dirs: Vec<(SystemTime, PathBuf)> =
        listed(folder).filter_map(|dir| Some((written(&dir)?, dir))).collect();
    dirs.sort_by(|one, other| other.cmp(one));
    dirs.into_iter().take(RUNS_MOST).map(|(_, dir)| run(&dir)).collect()
}

fn run(dir: &Path) -> Offer {
    let about = match Manifest::read(dir) {
        Ok(manifest) => format!("{} on {}, {}", manifest.name, manifest.world, state(manifest.state)),
        Err(error) => error.to_string(),
    };
    let dir = dir.strip_prefix(".").unwrap_or(dir).to_owned();
    Offer::Run { dir, about }
}

/// How a run stands, in words.
pub(super) fn state(state: State) -> &'static str {
    match state {
        State::Running => "did not end",
        State::Finished => "finished",
        State::Interrupted => "left early",
        State::Failed => "broke",
    }
}

fn listed(folder: &Path) -> impl Iterator<Item = PathBuf> {
    // A folder that is not there, or cannot be read, offers nothing.
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

impl Offer {
    /// As the picker lists it.
    pub(super) fn entry(&self) -> Entry {
        let needs = |world: &World| if *world == World::Embedded { "needs a broker" } else { "" };
        match self {
            Self::Bundled { name, group, question, world } => Entry {
                group,
                name: (*name).to_owned(),
                question: question.clone(),
                needs: needs(world),
                can_copy: true,
            },
            Self::Tour => Entry {
                group: START,
                name: "the tour".to_owned(),
                question: "Ten minutes, in which you learn the screen by breaking a cluster.".to_owned(),
                needs: "",
                can_copy: false,
            },
            Self::File { path, question, world } => Entry {
                group: FILES,
                name: path.display().to_string(),
                question: question.clone(),
                needs: needs(world),
                can_copy: false,
            },
            Self::Run { dir, about } => Entry {
                group: RUNS,
                name: dir.display().to_string(),
                question: about.clone(),
                needs: "",
                can_copy: false,
            },
        }
    }

    /// What somebody who has never seen the screen should press first; none for those who have gone further.
    pub(super) fn hint(&self, keys: &Keymap) -> Option<String> {
        let Self::Bundled { name, .. } = self else { return None };
        let [fault, back, run, why] = first_keys(keys);
        (*name == FIRST).then(|| {
            format!("press {fault}: a broker is killed   {back}: back to just before   {run}: on   {why}: why records were lost")
        })
    }
}

/// The keys of the first minute: to the fault, a step back, run on, why.
pub(super) fn first_keys(keys: &Keymap) -> [String; 4] {
    let actions = [
        Action::Leap(Seek::Fault),
        Action::Order(Order::Seek(Seek::EventBack)),
        Action::Order(Order::Toggle),
        Action::Why,
    ];
    actions.map(|action| keys.name_of(action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_scenario_is_offered_once_and_the_first_is_that_of_the_broker_that_dies() {
        let offers = offers(Path::new("no/such/folder"));
        let entries: Vec<Entry> = offers.iter().map(Offer::entry).collect();
        assert_eq!(entries[0].name, FIRST);
        let mut names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names.len(), BUNDLED.len() + 1);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), BUNDLED.len() + 1);
        let mut groups: Vec<&str> = entries.iter().map(|entry| entry.group).collect();
        groups.dedup();
        assert_eq!(groups, [START, LOAD, LOSSES, MQTT, ZEROMQ], "each group stands together");
        assert!(entries.iter().all(|entry| !entry.question.is_empty()));
    }

    #[test]
    fn only_mqtt_runs_on_the_broker_within_the_process() {
        for offer in offers(Path::new("no/such/folder")) {
            let Offer::Bundled { group, world, .. } = offer else { continue };
            assert_eq!(world == World::Embedded, group == MQTT);
        }
    }

    #[test]
    fn the_files_and_runs_of_a_folder_are_offered_and_other_files_are_not() {
        let folder = std::env::temp_dir().join(format!("brokersim-offer-{}", std::process::id()));
        fs::create_dir_all(folder.join("runs/old")).expect("a folder for tests");
        fs::write(folder.join("mine.toml"), "# Mine?\n[mqtt]\n[[generator]]\n").expect("it is written");
        fs::write(folder.join("Cargo.toml"), "[package]\nname = \"x\"\n").expect("it is written");
        fs::write(folder.join("runs/old/manifest.json"), "{}").expect("it is written");
        let found = offers(&folder);
        fs::remove_dir_all(&folder).expect("it is removed");
        let files: Vec<&Offer> = found.iter().filter(|offer| matches!(offer, Offer::File { .. })).collect();
        let [Offer::File { question, world, .. }] = files.as_slice() else { panic!("{files:?}") };
        assert_eq!((question.as_str(), world), ("Mine?", &World::Embedded));
        let broken = found.iter().find_map(|offer| match offer {
            Offer::Run { about, .. } => Some(about),
            Offer::Bundled { .. } | Offer::Tour | Offer::File { .. } => None,
        });
        assert!(broken.is_some_and(|about| about.contains("tape_version")), "{broken:?}");
    }
}
