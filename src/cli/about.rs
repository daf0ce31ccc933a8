//! What a screen shows of the scenario itself: names, and the settings that matter.

use std::path::PathBuf;
use std::sync::Arc;

use crate::scenario::origin::{Bearer, InForce, in_force};
use crate::scenario::{Overrides, World};
use crate::tui::{About, Named, Setting};

use super::load::{Loaded, ScenarioArguments};

/// Settings that are shown although nobody wrote them.
const MATTER: &[&str] = &[
    "replication.factor",
    "min.insync.replicas",
    "unclean.leader.election.enable",
    "cleanup.policy",
    "retention.ms",
    "replica.lag.time.max.ms",
    "producer.acks",
    "producer.enable.idempotence",
    "producer.delivery.timeout.ms",
    "consumer.auto.offset.reset",
    "consumer.session.timeout.ms",
    "consumer.max.poll.interval.ms",
    "commit",
];

/// Names and settings of a scenario under these overrides, and where it runs.
pub fn about(loaded: &Loaded, file: &str, overrides: &Overrides, world: &World) -> Arc<About> {
    let stage = crate::scenario::wiring::stage_of(&loaded.scenario);
    let channels = stage.channels.iter().map(|channel| Named {
        name: channel.name.clone(),
        first_place: channel.first_place.0,
        places: channel.places,
        internal: channel.internal,
    });
    let settings = in_force(&loaded.text, file, overrides, &loaded.scenario);
    let matters = |one: &InForce| one.origin.is_written() || MATTER.contains(&one.name.as_str());
    Arc::new(About {
        badge: badge(world),
        channels: channels.collect(),
        groups: stage.groups.iter().map(|group| group.name.clone()).collect(),
        sources: stage.sources.clone(),
        settings: settings.iter().filter(|one| matters(one)).filter_map(setting).collect(),
        arguments: file.to_owned(),
        folder: PathBuf::new(),
    })
}

/// The same, with how it is asked for on the command line and where what is exported goes.
pub fn shared(about: Arc<About>, arguments: &ScenarioArguments, on: &World, folder: PathBuf) -> Arc<About> {
    let path = arguments.scenario.display().to_string();
    let mut words = vec![path];
    for setting in &arguments.set {
        words.extend(["--set".to_owned(), setting.clone()]);
    }
    words.extend(arguments.seed.iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]));
    words.extend(arguments.duration.iter().flat_map(|length| ["--duration".to_owned(), length.clone()]));
    let calibration = arguments.calibration.iter();
    words.extend(calibration.flat_map(|file| ["--calibration".to_owned(), file.display().to_string()]));
    if on.is_real_time() {
        words.extend(["--on".to_owned(), on.to_string()]);
    }
    let arguments = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    Arc::new(About { arguments, folder, ..Arc::unwrap_or_clone(about) })
}

/// As a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./=:,@+".contains(letter);
    if word.chars().all(plain) && !word.is_empty() {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn badge(world: &World) -> &'static str {
    match world {
        World::Simulated => "SIM",
        World::Live => "LIVE",
        World::Kafka(_) | World::Mqtt(_) | World::Embedded => "REAL",
    }
}

fn setting(one: &InForce) -> Option<Setting> {
    let of = match &one.bearer {
        Bearer::Cluster => String::new(),
        Bearer::Topic(name) | Bearer::Entry(name) => name.clone(),
        Bearer::Fault(_) => return None,
    };
    Some(Setting { of, name: one.name.clone(), value: one.value.clone(), written: one.origin.is_written() })
}
