//! What the parts of a scenario mean together: names refer to what is there, combinations are possible.
//!
//! **Invariant.** Each complaint points to the places that together make no sense, and says how to mend them.

mod expect;
mod faults;
mod growth;
mod kafka;
mod mishaps;
mod mqtt;
mod payloads;
mod recorded;
mod zeromq;

use std::collections::BTreeMap;

use crate::kernel::{Duration, Time};

use super::error::{Finding, Findings, Span, did_you_mean};
use super::file::{Node, Table, Tree, Value};
use super::scenario::{Presence, Reader, Scenario, System};

pub use recorded::check as recorded;

/// Checks the scenario against itself; `tree` says where things stand.
pub fn check(scenario: &Scenario, tree: &Tree, findings: &mut Findings) {
    let mut cx = Check { scenario, root: &tree.root, findings };
    cx.one_system();
    cx.times();
    cx.names();
    if cx.root.get("kafka").or(cx.root.get("zeromq")).is_some() {
        cx.topics();
    }
    cx.loops();
    faults::check(&mut cx);
    growth::check(&mut cx);
    mishaps::check(&mut cx);
    payloads::check(&mut cx);
    expect::check(&mut cx);
    match &scenario.system {
        System::Kafka(kafka) => kafka::check(&mut cx, kafka),
        System::Zeromq(_) => zeromq::check(&mut cx),
        System::Mqtt(_) => mqtt::check(&mut cx),
    }
    if !matches!(scenario.system, System::Mqtt(_)) {
        mqtt::foreign(&mut cx);
    }
}

/// Topics that nobody writes to or nobody reads: no mistake, but worth a word.
pub fn idle(scenario: &Scenario) -> Vec<String> {
    let written = |name: &str| {
        scenario.generators.iter().any(|generator| generator.topic == name)
            || scenario.processors.iter().any(|processor| processor.to == name)
    };
    let read = |name: &str| scenario.readers().any(|(_, reader)| scenario.reads(reader, name));
    let notes = scenario.channels().into_iter().filter_map(|name| match (written(name), read(name)) {
        (true, true) => None,
        (true, false) => Some(format!("nobody reads `{name}`")),
        (false, true) => Some(format!("nobody writes to `{name}`")),
        (false, false) => Some(format!("nobody uses `{name}`")),
    });
    notes.chain(mqtt::notes(scenario)).collect()
}

struct Check<'a> {
    scenario: &'a Scenario,
    root: &'a Table,
    findings: &'a mut Findings,
}

/// An entry or a section of the file: where its values stand.
#[derive(Clone, Copy)]
struct Written<'a> {
    table: Option<&'a Table>,
    header: Span,
}

impl<'a> Written<'a> {
    /// Where the value of this dotted name stands, if it is written.
    fn set(self, name: &str) -> Option<Span> {
        self.table?.place(&name.split('.').collect::<Vec<_>>())
    }

    /// Where the value of this dotted name stands, or else the entry.
    fn at(self, name: &str) -> Span {
        self.set(name).unwrap_or(self.header)
    }

    fn value(self, name: &str) -> Option<&'a Node> {
        self.table?.value(name)
    }
}

impl<'a> Check<'a> {
    /// Reports, unless the place was complained about already.
    fn report(&mut self, finding: Finding) {
        self.findings.report_once(finding);
    }

    fn section(&self, path: &[&str]) -> Written<'a> {
        let mut table = self.root;
        let mut header = Span::new(0, 0);
        for name in path {
            let Some(entry) = table.get(name) else { return Written { table: None, header } };
            let Some(below) = entry.node.table() else { return Written { table: None, header: entry.place } };
            (table, header) = (below, entry.node.place);
        }
        Written { table: Some(table), header }
    }

    /// The tables of `[[name]]`, as many as the scenario has of them.
    fn entries(&self, name: &str) -> Vec<Written<'a>> {
        let list = self.root.value(name).and_then(Node::list).unwrap_or_default();
        let written = |node: &'a Node| Some(Written { table: Some(node.table()?), header: node.place });
        list.iter().filter_map(written).collect()
    }

    /// Whether the file makes anything go wrong.
    fn has_faults(&self) -> bool {
        self.root.get("fault").or(self.root.get("faults")).is_some()
    }

    fn one_system(&mut self) {
        let systems = ["kafka", "zeromq", "mqtt"].into_iter().filter_map(|name| self.root.get(name));
        let systems: Vec<_> = systems.collect();
        match systems[..] {
            [one, second, ..] => self.report(
                Finding::new("scenario::system", "a scenario has one messaging system")
                    .at(second.place, "a second one")
                    .at(one.place, "one")
                    .help("make two files of it and compare their runs"),
            ),
            [] => self.report(
                Finding::new("scenario::system", "there is no messaging system")
                    .at(Span::new(0, 0), "neither [kafka] nor [zeromq] nor [mqtt]")
                    .help(
                        "add a section [kafka] with [kafka.topics.NAME], or [zeromq] with [zeromq.channels.NAME], \
                         or [mqtt]",
                    ),
            ),
            [_] => {}
        }
        if self.root.get("generator").is_none() {
            self.report(
                Finding::new("scenario::missing", "nothing is ever sent")
                    .at(Span::new(0, 0), "no [[generator]] in this file")
                    .help("add [[generator]] with name, topic and arrivals"),
            );
        }
    }

    fn times(&mut self) {
        let run = &self.scenario.run;
        let written = self.section(&["run"]);
        if run.warm_up >= run.duration {
            self.report(
                Finding::new("scenario::run", "the warm-up is as long as the run")
                    .at(written.at("warm-up"), format!("{} are left out of the statistics", run.warm_up))
                    .at(written.at("duration"), format!("the run takes {}", run.duration))
                    .help("shorten the warm-up or lengthen the run"),
            );
        }
        let end = Time::ZERO + run.duration;
        let drained = end + run.drain;
        for (written, presence) in self.presences("generator") {
            self.presence(written, presence, end, "after the generators stopped");
        }
        for kind in ["processor", "sink"] {
            for (written, presence) in self.presences(kind) {
                self.presence(written, presence, drained, "after the run ended");
            }
        }
    }

    fn presences(&self, kind: &str) -> Vec<(Written<'a>, Presence)> {
        let presences: Vec<_> = match kind {
            "generator" => self.scenario.generators.iter().map(|entry| entry.presence).collect(),
            "processor" => self.scenario.processors.iter().map(|entry| entry.presence).collect(),
            _ => self.scenario.sinks.iter().map(|entry| entry.presence).collect(),
        };
        self.entries(kind).into_iter().zip(presences).collect()
    }

    fn presence(&mut self, written: Written<'_>, presence: Presence, end: Time, when: &str) {
        let since = |time: Time| time.since(Time::ZERO);
        if presence.start >= end {
            let run = self.section(&["run"]);
            self.report(
                Finding::new("scenario::run", format!("it begins {when}"))
                    .at(written.at("start"), format!("at {}", since(presence.start)))
                    .at_some(run.set("duration"), "the end")
                    .help("begin earlier or lengthen `duration` in [run]"),
            );
        }
        if let Some(stop) = presence.stop.filter(|stop| *stop <= presence.start) {
            self.report(
                Finding::new("scenario::run", "it stops before it begins")
                    .at(written.at("stop"), format!("stops at {}", since(stop)))
                    .at(written.at("start"), format!("begins at {}", since(presence.start)))
                    .help("`start` and `stop` both count from the beginning of the run"),
            );
        }
    }

    fn names(&mut self) {
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        for kind in ["generator", "processor", "sink"] {
            for written in self.entries(kind) {
                let Some(name) = written.value("name").and_then(Node::text) else { continue };
                let place = written.at("name");
                if let Some(first) = seen.get(name) {
                    self.report(
                        Finding::new("scenario::name", format!("two entries are called `{name}`"))
                            .at(place, "the second")
                            .at(*first, "the first")
                            .help("give each a name of its own; `instances = 2` makes two of the same"),
                    );
                } else {
                    seen.insert(name.to_owned(), place);
                }
            }
        }
    }

    fn topics(&mut self) {
        let fields = [("generator", "topic"), ("processor", "from"), ("processor", "to"), ("sink", "from")];
        for (kind, field) in fields {
            for written in self.entries(kind) {
                if let Some(topic) = written.value(field) {
                    self.known_topic(topic);
                }
            }
        }
    }

    fn known_topic(&mut self, node: &Node) {
        let channels = self.scenario.channels();
        let Some(name) = node.text().filter(|name| !name.is_empty() && !channels.contains(name)) else {
            return;
        };
        let (what, section) = match &self.scenario.system {
            System::Kafka(_) => ("topic", "kafka.topics"),
            System::Zeromq(_) => ("channel", "zeromq.channels"),
            System::Mqtt(_) => unreachable!("MQTT's topics are not declared"),
        };
        let help = if channels.is_empty() {
            format!("add a section [{section}.{name}]")
        } else {
            format!("{}\nor add a section [{section}.{name}]", did_you_mean(name, channels))
        };
        self.report(
            Finding::new("scenario::unknown_topic", format!("there is no {what} `{name}`"))
                .at(node.place, format!("no such {what}"))
                .help(help),
        );
    }

    /// A record that comes back to where it was would go round for ever.
    fn loops(&mut self) {
        for (at, processor) in self.scenario.processors.iter().enumerate() {
            let written = self.entries("processor")[at];
            if processor.to.is_empty() || !self.leads(&processor.to, &processor.reader) {
                continue;
            }
            let (message, help) = if self.scenario.reads(&processor.reader, &processor.to) {
                ("a processor writes to the topic that it reads", "write to another topic, or use a [[sink]]")
            } else {
                ("processors pass their records round in a circle", "let the last of them write elsewhere")
            };
            self.report(
                Finding::new("scenario::loop", message)
                    .at(written.at("to"), "each record would come back")
                    .at(written.at("from"), "here")
                    .help(help),
            );
            return;
        }
    }

    /// Whether records of a topic reach a reader, at once or through processors.
    fn leads(&self, from: &str, to: &Reader) -> bool {
        let mut reached = vec![from];
        let mut next = 0;
        while let Some(topic) = reached.get(next).copied() {
            if self.scenario.reads(to, topic) {
                return true;
            }
            next += 1;
            let onward = self
                .scenario
                .processors
                .iter()
                .filter(|processor| self.scenario.reads(&processor.reader, topic));
            for processor in onward {
                if !reached.contains(&processor.to.as_str()) {
                    reached.push(&processor.to);
                }
            }
        }
        false
    }
}

/// The place of the first text `said` below a value, or of the value itself.
fn place_of(node: &Node, said: &str) -> Span {
    let found = |node: &Node| match &node.value {
        Value::Text(text) if text == said => Some(node.place),
        Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Flag(_) | Value::Date(_) => None,
        Value::List(list) => list.iter().map(|node| place_of(node, said)).find(|place| *place != node.place),
        Value::Table(_) => None,
    };
    let Some(table) = node.table() else { return found(node).unwrap_or(node.place) };
    let mut places = table.flatten().into_iter().filter_map(|setting| match &setting.node.value {
        Value::List(list) => {
            list.iter().find_map(|inner| Some(place_of(inner, said)).filter(|place| *place != inner.place))
        }
        Value::Text(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Flag(_)
        | Value::Date(_)
        | Value::Table(_) => found(setting.node),
    });
    places.next().unwrap_or(node.place)
}

/// A length of time as a file writes it.
fn shown(duration: Duration) -> String {
    duration.to_string()
}
