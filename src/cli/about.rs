//! What a screen shows of the scenario itself: names, and the settings that matter.

use std::path::PathBuf;
use std::sync::Arc;

use crate::fault::catalogue::{self, KINDS, Lasts, Side, Sort};
use crate::gateway::Options;
use crate::scenario::origin::{Bearer, InForce, in_force};
use crate::scenario::{Overrides, Scenario, World};
use crate::tui::hands::{Cannot, Entry, Kind, Strikes};
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

/// Names and settings of a scenario under these overrides, in the simulation.
pub fn about(loaded: &Loaded, file: &str, overrides: &Overrides) -> Arc<About> {
    about_in(loaded, file, overrides, (&World::Simulated, &Options::default()))
}

/// The same where it runs in this world.
pub fn about_in(
    loaded: &Loaded,
    file: &str,
    overrides: &Overrides,
    (world, options): (&World, &Options),
) -> Arc<About> {
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
        entries: entries(&loaded.scenario),
        kinds: KINDS.iter().map(|one| kind(one, &loaded.scenario, (world, options))).collect(),
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

/// Who publishes and reads.
fn entries(scenario: &Scenario) -> Vec<Entry> {
    let generators = scenario.generators.iter();
    let generators = generators.map(|one| Entry {
        name: one.name.clone(),
        publishes_to: Some(one.topic.clone()),
        group: None,
    });
    let processors = scenario.processors.iter().map(|one| Entry {
        name: one.name.clone(),
        publishes_to: Some(one.to.clone()),
        group: Some(one.reader.group.clone()),
    });
    let sinks = scenario.sinks.iter().map(|one| Entry {
        name: one.name.clone(),
        publishes_to: None,
        group: Some(one.reader.group.clone()),
    });
    generators.chain(processors).chain(sinks).collect()
}

/// What keys need to know of a kind of fault.
fn kind(kind: &'static catalogue::Kind, scenario: &Scenario, on: (&World, &Options)) -> Kind {
    let has = |sort: Sort| kind.takes.contains(&sort);
    let strikes = match kind.side {
        Side::Generators => Strikes::Generators,
        Side::Readers => Strikes::Readers,
        Side::Any if has(Sort::Everything) => Strikes::Everything,
        Side::Any if has(Sort::Group) => Strikes::Groups,
        Side::Any if has(Sort::Topic) => Strikes::Topics,
        Side::Any if has(Sort::Entry) => Strikes::Entries,
        Side::Any if has(Sort::Broker) && has(Sort::Instance) => Strikes::Nodes,
        Side::Any if has(Sort::Broker) => Strikes::Brokers,
        Side::Any => Strikes::Instances,
    };
    let asks = kind.needs.iter().any(|need| ["rate", "position"].contains(need));
    let between = scenario.breaks_paths() || on.1.proxy;
    let cannot = |broker| scenario.hinders_by_hand(kind, broker, on, between);
    let cannot = Cannot { brokers: cannot(true), others: cannot(false) };
    Kind { name: kind.name, about: kind.about, strikes, usual: usual(kind), asks, cannot }
}

/// What is said of a fault that is injected by a key.
fn usual(kind: &catalogue::Kind) -> &'static str {
    let needs = |name: &str| kind.needs.contains(&name);
    match kind.name {
        "restart" | "rolling-restart" => "",
        "clock-ahead" | "clock-behind" => " by 2h for 10s",
        _ if needs("factor") => " factor 10 for 10s",
        _ if needs("by") => " by 200ms for 10s",
        _ if needs("limit") => " limit 100KB/s for 10s",
        _ if needs("rate") => " rate 1k/s",
        _ if needs("position") => " position earliest",
        _ if kind.lasts == Lasts::Never => "",
        _ => " for 10s",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keys::{Action, Context, bindings_of};
    use crate::tui::update::hands::Hand;

    #[test]
    fn every_kind_of_fault_has_a_key_and_no_key_another() {
        let mut by_key: Vec<&str> = bindings_of(Context::Fault)
            .filter_map(|binding| match binding.action {
                Action::Hand(Hand::Strike(kind)) => Some(kind),
                _ => None,
            })
            .collect();
        let mut kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        by_key.sort_unstable();
        kinds.sort_unstable();
        assert_eq!(by_key, kinds);
    }

    #[test]
    fn what_is_said_of_a_fault_by_key_has_what_it_needs() {
        for kind in KINDS {
            let usual = usual(kind);
            let said = |word: &str| usual.split_whitespace().any(|said| said == word);
            // Partitions are counted when it is known of which topic.
            let needs = kind.needs.iter().filter(|need| **need != "to");
            assert!(needs.clone().all(|need| said(need)), "{}: {usual}", kind.name);
            assert!(kind.lasts != Lasts::Never || !said("for"), "{}", kind.name);
            assert!(kind.lasts != Lasts::Must || said("for"), "{}", kind.name);
        }
    }
}
