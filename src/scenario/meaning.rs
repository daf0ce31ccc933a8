//! From the file as written to the scenario as meant.
//!
//! **Invariant.** Nothing is complained about here. What does not fit was reported by the judge and is filled
//! with a default, so that the rest can still be checked; a scenario with findings never leaves this room.

mod entries;
mod expect;
mod faults;
mod kafka;
mod mqtt;
mod work;
mod zeromq;

use crate::gateway::{Act, Commands};
use crate::kernel::{Duration, Law, Shape};

pub use faults::kinds;

use super::error::Span;
use super::file::{Node, Table, Tree};
use super::scenario::{Mqtt, Run, Scenario, System};

/// What the tree means.
pub fn scenario(tree: &Tree, name: &str) -> Scenario {
    let empty = Table::default();
    let section = |name: &str| tree.root.value(name).and_then(Node::table);
    let mut notes = Vec::new();
    let system = match (section("kafka"), section("zeromq"), section("mqtt")) {
        (None, Some(table), _) => System::Zeromq(zeromq::zeromq(table, &mut notes)),
        (None, None, Some(_)) => {
            let place = tree.root.get("mqtt").map_or(Span::new(0, 0), |entry| entry.place);
            System::Mqtt(Mqtt { place, topics: Vec::new() })
        }
        (table, _, _) => System::Kafka(Box::new(kafka::kafka(table.unwrap_or(&empty), &mut notes))),
    };
    let mut scenario = Scenario {
        name: std::path::Path::new(name)
            .file_stem()
            .map_or(name.into(), |stem| stem.to_string_lossy())
            .into_owned(),
        question: tree.question.clone(),
        run: run(section("run").unwrap_or(&empty)),
        network: network(section("network").unwrap_or(&empty)),
        system,
        generators: Vec::new(),
        processors: Vec::new(),
        sinks: Vec::new(),
        faults: entries(tree, "fault").filter_map(faults::fault).collect(),
        random_faults: None,
        commands: commands(section("real")),
        expect: expect::expect(section("expect")),
        skipped_faults: Vec::new(),
        notes,
        sources: tree.sources.clone(),
    };
    let random = section("faults").and_then(|faults| faults.value("random")).and_then(Node::table);
    scenario.random_faults = random.map(|random| faults::random(random, &scenario.run));
    let mqtt = section("mqtt").map(mqtt::defaults);
    let mut clients = entries::Clients::of(&mut scenario.system, mqtt, &mut scenario.notes);
    scenario.generators = entries(tree, "generator").map(|table| clients.generator(table)).collect();
    scenario.processors = entries(tree, "processor").map(|table| clients.processor(table)).collect();
    scenario.sinks = entries(tree, "sink").map(|table| clients.sink(table)).collect();
    mqtt::topics(&mut scenario);
    scenario
}

/// The `[[name]]` tables in order.
pub fn entries<'t>(tree: &'t Tree, name: &str) -> impl Iterator<Item = &'t Table> {
    let list = tree.root.value(name).and_then(Node::list).unwrap_or_default();
    list.iter().filter_map(Node::table)
}

fn run(table: &Table) -> Run {
    Run {
        seed: whole(table, "seed").unwrap_or(42),
        duration: duration(table, "duration").unwrap_or(Duration::MAX),
        warm_up: duration(table, "warm-up").unwrap_or_default(),
        drain: duration(table, "drain").unwrap_or_default(),
    }
}

fn network(table: &Table) -> Shape {
    Shape {
        latency: table.value("latency").and_then(Node::law).unwrap_or(Law::ZERO),
        bandwidth: table.value("bandwidth").and_then(Node::bandwidth).unwrap_or(0),
        buffer: table.value("buffer").and_then(Node::size).unwrap_or(0),
    }
}

/// `[real.commands]`
fn commands(real: Option<&Table>) -> Commands {
    let mut commands = Commands::default();
    if let Some(table) = real.and_then(|real| real.value("commands")).and_then(Node::table) {
        for act in Act::ALL {
            text(table, act.key()).into_iter().for_each(|line| commands.set(act, line));
        }
    }
    commands
}

fn duration(table: &Table, name: &str) -> Option<Duration> {
    table.value(name).and_then(Node::duration)
}

fn text(table: &Table, name: &str) -> Option<String> {
    table.value(name).and_then(Node::text).map(str::to_owned)
}

fn whole(table: &Table, name: &str) -> Option<u64> {
    table.value(name).and_then(Node::integer).and_then(|number| u64::try_from(number).ok())
}

fn count(table: &Table, name: &str) -> Option<u32> {
    whole(table, name).and_then(|number| u32::try_from(number).ok())
}
