//! What the picker shows of an offer: what the scenario does, what goes wrong in it, what it promises, and what came
//! of it the last time.

use std::path::Path;

use crate::analyze::report::count;
use crate::scenario::World;
use crate::scenario::scenario::{Expect, Scenario, System};
use crate::tape::{Manifest, State};
use crate::tui::Role;
use crate::tui::keymap::Keymap;
use crate::tui::picker::Paragraph;

use super::offer::{FIRST, Offer, first_keys, state};
use crate::cli::load::ScenarioArguments;

/// Lines of a list before the rest is counted.
const LISTED: usize = 8;

/// The preview of an offer.
pub(super) fn of(offer: &Offer, keys: &Keymap) -> Vec<Paragraph> {
    match offer {
        Offer::Tour => tour(),
        Offer::Run { dir, .. } => run(dir),
        Offer::Bundled { name, world, .. } => {
            let mut found = if *name == FIRST { vec![first_minute(keys)] } else { Vec::new() };
            found.extend(scenario(Path::new(name), world));
            found
        }
        Offer::File { path, world, .. } => scenario(path, world),
    }
}

fn paragraph(heading: &str, lines: Vec<(Role, String)>) -> Paragraph {
    Paragraph { heading: heading.to_owned(), lines }
}

fn plain(text: impl Into<String>) -> (Role, String) {
    (Role::Plain, text.into())
}

fn first_minute(keys: &Keymap) -> Paragraph {
    let [fault, back, run, why] = first_keys(keys);
    let lines = [
        "Enter  runs it, as fast as you can watch".to_owned(),
        format!("{fault}  goes to where a broker is killed"),
        format!("{back}  steps back to just before: what did each replica have?"),
        format!("{run}  lets time run on, until records are lost"),
        format!("{why}  says why they were"),
    ];
    paragraph("YOUR FIRST MINUTE", lines.into_iter().map(|line| (Role::Ok, line)).collect())
}

fn tour() -> Vec<Paragraph> {
    let lines = [
        "It runs on the real screen, with broker-loss. A panel says what to do next and waits until you did it.",
        "Stop time, take it back, watch a broker die, see what each replica had, find the records that were lost \
         and why.",
        "Nothing is recorded. :tutor begins it in any run.",
    ];
    vec![paragraph("WHAT IT IS", lines.into_iter().map(plain).collect())]
}

fn scenario(file: &Path, world: &World) -> Vec<Paragraph> {
    let arguments = ScenarioArguments { scenario: file.to_owned(), ..ScenarioArguments::default() };
    match arguments.load() {
        Ok(loaded) => {
            let scenario = &loaded.scenario;
            let mut found = vec![what_it_does(scenario, world), faults(scenario), promises(scenario)];
            found.retain(|paragraph| !paragraph.lines.is_empty());
            found.extend(last_run(scenario, world));
            found
        }
        Err(failure) => vec![paragraph("IT MAKES NO SENSE", vec![(Role::Error, failure.in_a_line())])],
    }
}

fn what_it_does(scenario: &Scenario, world: &World) -> Paragraph {
    let mut lines = vec![plain(system(scenario))];
    let many = |name: &str, instances: u32| {
        if instances == 1 { name.to_owned() } else { format!("{instances} × {name}") }
    };
    for generator in &scenario.generators {
        lines.push(plain(format!("{} → {}", many(&generator.name, generator.instances), generator.topic)));
    }
    for one in &scenario.processors {
        lines.push(plain(format!("{} → {} → {}", one.reader.from, many(&one.name, one.instances), one.to)));
    }
    for sink in &scenario.sinks {
        lines.push(plain(format!("{} → {}", sink.reader.from, many(&sink.name, sink.instances))));
    }
    let run = &scenario.run;
    let drain =
        if run.drain.is_zero() { String::new() } else { format!(", then up to {} to catch up", run.drain) };
    lines.push(plain(format!("{} of load{drain}; seed {}", run.duration, run.seed)));
    if *world == World::Embedded {
        let text = "MQTT needs a broker: a real client and a broker within this process are used, in real time. \
                    A broker of your own: brokersim run FILE --on mqtt://HOST:PORT";
        lines.push((Role::Warn, text.to_owned()));
    }
    paragraph("WHAT IT DOES", bounded(lines))
}

fn system(scenario: &Scenario) -> String {
    match &scenario.system {
        System::Kafka(kafka) => {
            let topics = kafka.topics.iter().map(|topic| {
                format!(
                    "{}: {} partitions, replication {}",
                    topic.name, topic.partitions, topic.replication_factor
                )
            });
            let brokers =
                if kafka.brokers == 1 { "1 broker".to_owned() } else { format!("{} brokers", kafka.brokers) };
            format!("Kafka, {brokers}; {}", topics.collect::<Vec<_>>().join("; "))
        }
        System::Zeromq(zeromq) => {
            let names: Vec<&str> = zeromq.channels.iter().map(|channel| channel.name.as_str()).collect();
            format!("ZeroMQ, PUSH and PULL; {}", names.join(", "))
        }
        System::Mqtt(mqtt) => format!("MQTT; {}", mqtt.topics.join(", ")),
    }
}

fn faults(scenario: &Scenario) -> Paragraph {
    let lines = scenario.faults.iter().map(|fault| (Role::Fault, format!("↯ {fault}")));
    let random =
        scenario.random_faults.iter().map(|_| (Role::Fault, "↯ faults drawn from the seed".to_owned()));
    paragraph("WHAT GOES WRONG", bounded(lines.chain(random).collect()))
}

fn promises(scenario: &Scenario) -> Paragraph {
    let line = |expect: &Expect| {
        let of = expect.group.as_ref().or(expect.topic.as_ref()).map(|of| format!(" ({of})"));
        plain(format!("{} {}{}", expect.mode.name(), expect.promise.name(), of.unwrap_or_default()))
    };
    let lines = scenario.expect.iter().map(line);
    paragraph("WHAT IS EXPECTED", bounded(lines.collect()))
}

/// The first lines of a list, and how many more there are.
fn bounded(mut lines: Vec<(Role, String)>) -> Vec<(Role, String)> {
    if lines.len() > LISTED {
        let more = lines.len() - (LISTED - 1);
        lines.truncate(LISTED - 1);
        lines.push((Role::Muted, format!("and {more} more")));
    }
    lines
}

/// What came of the scenario the last time, when the folder that `run` records it into is there.
fn last_run(scenario: &Scenario, world: &World) -> Option<Paragraph> {
    let dir = super::run::folder(&scenario.name, scenario.run.seed, world);
    let manifest = Manifest::read(&dir).ok()?;
    Some(paragraph("THE LAST TIME", verdict(&manifest, &dir)))
}

fn run(dir: &Path) -> Vec<Paragraph> {
    let manifest = match Manifest::read(dir) {
        Ok(manifest) => manifest,
        Err(error) => return vec![paragraph("IT CANNOT BE OPENED", vec![(Role::Error, error.to_string())])],
    };
    let how = if manifest.can_be_repeated() {
        "Enter runs it again from its seed: the same facts, time both ways."
    } else {
        "Enter shows what was recorded, time both ways: a real run cannot be run again."
    };
    let mut came = verdict(&manifest, dir);
    came.push((Role::Muted, format!("of {}", manifest.scenario.file)));
    vec![paragraph("WHAT CAME OF IT", came), paragraph("", vec![plain(how)])]
}

fn verdict(manifest: &Manifest, dir: &Path) -> Vec<(Role, String)> {
    let mut lines = vec![plain(format!("{}, in {}", state(manifest.state), dir.display()))];
    if let Some(fates) = Some(&manifest.counts.fates).filter(|fates| !fates.is_empty()) {
        let fates: Vec<String> = fates.iter().map(|(fate, records)| fate_of(fate, *records)).collect();
        lines.push(plain(fates.join(", ")));
    }
    let all = manifest.promises.as_ref().and_then(|promises| promises.as_array());
    let broken: Vec<String> = all.into_iter().flatten().filter_map(broken).collect();
    if manifest.state != State::Running && all.is_some_and(|all| !all.is_empty()) {
        let count = all.map_or(0, Vec::len);
        let (role, text) = match broken.len() {
            0 => (Role::Ok, format!("✓ all {count} promises as expected")),
            few => (Role::Error, format!("✗ {few} of {count} promises not as expected")),
        };
        lines.push((role, text));
    }
    lines.extend(bounded(broken.into_iter().map(|text| (Role::Error, text)).collect()));
    lines
}

/// `3 303 in flight (undelivered)`
fn fate_of(fate: &str, records: u64) -> String {
    let (fate, how) = fate.split_once('/').unwrap_or((fate, ""));
    let how = if how.is_empty() { String::new() } else { format!(" ({how})") };
    format!("{} {}{how}", count(records), if fate == "in-flight" { "in flight" } else { fate })
}

/// A verdict of a manifest that is not as expected, in words.
fn broken(verdict: &serde_json::Value) -> Option<String> {
    let word = |name: &str| verdict.get(name).and_then(|value| value.as_str());
    if verdict.get("kept")?.as_bool()? {
        return None;
    }
    let count = verdict.get("count").and_then(serde_json::Value::as_u64);
    let count =
        count.map_or_else(String::new, |count| format!(" for {count} {}", word("counts").unwrap_or("")));
    Some(format!("{}: {}{count}", word("promise")?, word("outcome")?))
}
