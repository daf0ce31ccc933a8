//! Faults strike something that is there, while it is there, with what they need to know.

use std::collections::BTreeMap;

use crate::fault::Strike;
use crate::fault::catalogue::{self, Kind, Lasts, PARAMETERS, Sort};
use crate::kernel::{Duration, Time};

use super::super::error::{Finding, closest, did_you_mean, one_of};
use super::super::file::{Node, Value};
use super::super::meaning::kinds;
use super::super::scenario::{Fault, Kafka, System};
use super::super::target::{ROLES, Target, WORDS};
use super::{Check, Written, shown};

pub(super) fn check(cx: &mut Check<'_>) {
    for written in cx.entries("fault") {
        when(cx, written);
        if let Some((kind, node)) = what(cx, written) {
            ending(cx, written, kind);
            parameters(cx, written, kind);
            each_target(cx, kind, node);
            if let Some(peers) = written.value("peers") {
                each_target(cx, kind, peers);
            }
        }
    }
    overlaps(cx);
    random(cx);
}

fn end_of_run(cx: &Check<'_>) -> Duration {
    cx.scenario.run.duration + cx.scenario.run.drain
}

fn when(cx: &mut Check<'_>, written: Written<'_>) {
    let end = end_of_run(cx);
    let Some(at) = written.value("at").and_then(Node::duration) else { return };
    if Time::ZERO + at >= Time::ZERO + end {
        let section = cx.section(&["run"]);
        cx.report(
            Finding::new("scenario::fault", "the fault comes after the end of the run")
                .at(written.at("at"), format!("at {at}"))
                .at_some(section.set("duration"), format!("the run ends after {end}, drain included"))
                .help("let it happen earlier or lengthen `duration` in [run]"),
        );
    }
    again(cx, written);
}

fn again(cx: &mut Check<'_>, written: Written<'_>) {
    let every = written.value("every").and_then(Node::duration);
    if let (None, Some(times)) = (every, written.set("times")) {
        cx.report(
            Finding::new("scenario::fault", "the fault does not say how often it happens again")
                .at(times, "so many times")
                .help("add every = \"30s\", or leave `times` out"),
        );
    }
    let jitter = written.value("jitter").and_then(Node::duration);
    if let (Some(every), Some(jitter)) = (every, jitter)
        && jitter > every
    {
        cx.report(
            Finding::new("scenario::fault", "one time could come after the next")
                .at(written.at("jitter"), format!("up to {} late", shown(jitter)))
                .at(written.at("every"), format!("every {}", shown(every)))
                .help("let `jitter` be at most `every`"),
        );
    }
}

fn what<'a>(cx: &mut Check<'_>, written: Written<'a>) -> Option<(&'static Kind, &'a Node)> {
    let table = written.table?;
    let said: Vec<_> = kinds(table).collect();
    match said.as_slice() {
        [only] => Some(*only),
        // A key that nobody knows was meant to say it.
        [] if table.entries.iter().any(|entry| !is_known(&entry.name)) => None,
        [] => {
            cx.report(
                Finding::new("scenario::missing", "the fault does not say what happens")
                    .at(written.header, "no kind of fault")
                    .help(
                        "add kill = \"broker-2\" or pause = \"leader of orders-0\"; \
                         `brokersim faults` lists all kinds",
                    ),
            );
            None
        }
        [first, second, ..] => {
            let place = |kind: &Kind| table.get(kind.name).map_or(written.header, |entry| entry.place);
            let (first, second) = (place(first.0), place(second.0));
            cx.report(
                Finding::new("scenario::conflict", "one fault, one thing that happens")
                    .at(first.max(second), "the second")
                    .at(first.min(second), "the first")
                    .help("make two [[fault]] entries of it"),
            );
            None
        }
    }
}

fn is_known(key: &str) -> bool {
    ["at", "for", "every", "times", "jitter", "by-hand"].contains(&key) || catalogue::parameter(key).is_some()
}

fn ending(cx: &mut Check<'_>, written: Written<'_>, kind: &Kind) {
    let place = written.table.and_then(|table| table.get("for")).map(|entry| entry.place);
    let name = kind.name;
    match (kind.lasts, place) {
        (Lasts::Never, Some(place)) => cx.report(
            Finding::new("scenario::fault", format!("`{name}` has no end"))
                .at(place, "nothing to take back")
                .help("leave `for` out: it is over when it has happened"),
        ),
        (Lasts::Must, None) => cx.report(
            Finding::new("scenario::missing", format!("`{name}` does not say for how long"))
                .at(written.at(name), "no `for`")
                .help("add for = \"10s\""),
        ),
        (Lasts::Never, None) | (Lasts::Must, Some(_)) | (Lasts::May, _) => {}
    }
}

fn parameters(cx: &mut Check<'_>, written: Written<'_>, kind: &Kind) {
    let name = kind.name;
    for parameter in PARAMETERS {
        let entry = written.table.and_then(|table| table.get(parameter.name));
        match entry {
            Some(entry) if !kind.has(parameter.name) => {
                let fitting: Vec<_> = catalogue::KINDS
                    .iter()
                    .filter(|kind| kind.has(parameter.name))
                    .map(|kind| kind.name)
                    .collect();
                cx.report(
                    Finding::new("scenario::fault", format!("`{name}` takes no `{}`", parameter.name))
                        .at(entry.place, "means nothing here")
                        .help(format!("leave it out; it belongs to `{}`", fitting.join("`, `"))),
                );
            }
            None if kind.needs.contains(&parameter.name) => cx.report(
                Finding::new("scenario::missing", format!("`{name}` has no `{}`", parameter.name))
                    .at(written.at(name), "needed here")
                    .help(format!("add {}: {}", example(parameter.name), parameter.about)),
            ),
            Some(_) | None => {}
        }
    }
}

fn example(parameter: &str) -> &'static str {
    match catalogue::parameter(parameter).map(|parameter| parameter.value) {
        Some(catalogue::Value::Factor) => "factor = 10",
        Some(catalogue::Value::Period) => "by = \"100ms\"",
        Some(catalogue::Value::Bandwidth) => "limit = \"1MiB/s\"",
        Some(catalogue::Value::Direction) => "direction = \"out\"",
        Some(catalogue::Value::Count) => "to = 6",
        Some(catalogue::Value::Position) => "position = \"earliest\"",
        Some(catalogue::Value::Rate) => "rate = \"2k/s\"",
        Some(catalogue::Value::Targets) | None => "peers = \"broker-2\"",
    }
}

fn each_target(cx: &mut Check<'_>, kind: &Kind, node: &Node) {
    match &node.value {
        Value::List(nodes) => nodes.iter().for_each(|node| one_target(cx, kind, node)),
        Value::Text(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Flag(_)
        | Value::Date(_)
        | Value::Table(_) => one_target(cx, kind, node),
    }
}

fn one_target(cx: &mut Check<'_>, kind: &Kind, node: &Node) {
    let Some(text) = node.text().filter(|text| !text.is_empty()) else { return };
    if kind.takes.contains(&Sort::Group) {
        return super::growth::group(cx, kind, node, text);
    }
    if kind.takes.contains(&Sort::Entry) || kind.takes.contains(&Sort::Topic) {
        return super::growth::target(cx, kind, node, text);
    }
    let Some(target) = Target::read(text) else { return unknown(cx, node, text) };
    if !exists(cx, node, text, &target) {
        return;
    }
    if !kind.takes.contains(&target.sort()) {
        let takes: Vec<_> = kind.takes.iter().map(|sort| sort.means()).collect();
        let examples: Vec<_> = kind.takes.iter().map(|sort| sort.examples()).collect();
        cx.report(
            Finding::new(
                "scenario::fault",
                format!("`{}` cannot strike {}", kind.name, target.sort().means()),
            )
            .at(node.place, target.sort().means())
            .help(format!("it strikes {}: {}", takes.join(" or "), examples.join(", "))),
        );
    }
    super::growth::side(cx, kind, node, &target);
}

fn unknown(cx: &mut Check<'_>, node: &Node, text: &str) {
    let role = text.rsplit_once(" of ").map(|(role, _)| format!("{role} of"));
    let near = match &role {
        Some(role) => closest(role, ROLES.iter().copied()),
        None => closest(text, WORDS.iter().copied()),
    };
    let help = match near {
        Some(near) if role.is_some() => format!("did you mean `{near} ...`?"),
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write a name, or a role: {}", Sort::Broker.examples()),
    };
    cx.report(
        Finding::new("scenario::fault", format!("`{text}` cannot be struck"))
            .at(node.place, "neither a name nor a role")
            .help(format!("{help}\npartitions are written topic, dash, number: \"leader of orders-0\"")),
    );
}

/// Whether what a target names is there; complains when it is not.
fn exists(cx: &mut Check<'_>, node: &Node, text: &str, target: &Target) -> bool {
    let before = cx.findings.count();
    let kafka = cx.scenario.kafka();
    match (target, kafka) {
        (Target::Instance(name), _) => instance(cx, node, name),
        (Target::MemberOf(of), _) => member(cx, node, of),
        (Target::Everything, _) => {}
        (_, None) if matches!(cx.scenario.system, System::Mqtt(_)) => the_one_broker(cx, node, text, target),
        (_, None) => cx.report(
            Finding::new("scenario::fault", "there is no broker that could fail")
                .at(node.place, "ZeroMQ has none")
                .help("strike an instance: a generator, processor or sink by its name"),
        ),
        (Target::Broker(number), Some(kafka)) => broker(cx, kafka, node, text, *number),
        (Target::LeaderOf { topic, partition } | Target::FollowerOf { topic, partition }, Some(kafka)) => {
            place(cx, kafka, node, text, (topic, *partition))
        }
        (Target::CoordinatorOf(group), Some(_)) => group_of(cx, node, group),
        (Target::AllBrokers | Target::RandomBroker | Target::Controller | Target::Quorum, Some(_)) => {}
    }
    cx.findings.count() == before
}

/// An MQTT scenario has one broker, and no roles.
fn the_one_broker(cx: &mut Check<'_>, node: &Node, text: &str, target: &Target) {
    if !matches!(target, Target::Broker(1) | Target::AllBrokers | Target::RandomBroker) {
        cx.report(
            Finding::new("scenario::fault", format!("`{text}` cannot be struck"))
                .at(node.place, "MQTT has one broker, which leads and coordinates nothing")
                .help("it is called broker-1"),
        );
    }
}

fn broker(cx: &mut Check<'_>, kafka: &Kafka, node: &Node, text: &str, number: u32) {
    if !(1..=kafka.brokers).contains(&number) {
        let section = cx.section(&["kafka"]);
        let last = kafka.brokers;
        cx.report(
            Finding::new("scenario::fault", format!("`{text}` cannot be struck"))
                .at(node.place, "no such broker")
                .at_some(section.set("brokers"), "this many")
                .help(format!("brokers are called broker-1 to broker-{last}")),
        );
    }
}

fn place(cx: &mut Check<'_>, kafka: &Kafka, node: &Node, text: &str, (topic, partition): (&str, u32)) {
    let finding = Finding::new("scenario::fault", format!("`{text}` cannot be struck"));
    match kafka.topics.iter().find(|known| known.name == topic) {
        None => cx.report(
            finding
                .at(node.place, format!("there is no topic `{topic}`"))
                .help(did_you_mean(topic, kafka.topics.iter().map(|topic| topic.name.as_str()))),
        ),
        Some(known) if partition >= cx.scenario.partitions_in_time(known) => {
            let section = cx.section(&["kafka", "topics", topic]);
            let last = cx.scenario.partitions_in_time(known) - 1;
            cx.report(
                finding
                    .at(node.place, "no such partition")
                    .at_some(section.set("partitions"), "this many")
                    .help(format!("partitions of `{topic}` are {topic}-0 to {topic}-{last}")),
            );
        }
        Some(_) => {}
    }
}

/// Every entry with the number of its instances, those that are added included.
fn instances(cx: &Check<'_>) -> BTreeMap<String, u32> {
    let scenario = cx.scenario;
    let in_time =
        |(name, instances): (&str, u32)| (name.to_owned(), instances + scenario.added_members(name));
    scenario.entries().map(in_time).collect()
}

fn instance(cx: &mut Check<'_>, node: &Node, name: &str) {
    let entries = instances(cx);
    let numbered = |entry: &str, instances: u32| {
        let number = name.strip_prefix(entry).and_then(|rest| rest.strip_prefix('-'));
        number.map(|number| number.parse().is_ok_and(|number| (1..=instances).contains(&number)))
    };
    if entries.contains_key(name) || entries.iter().any(|(entry, of)| numbered(entry, *of) == Some(true)) {
        return;
    }
    let finding = Finding::new("scenario::fault", format!("`{name}` cannot be struck"));
    let wrong = entries.iter().find(|(entry, of)| {
        let digits = name.rsplit_once('-').is_some_and(|(_, number)| number.parse::<u32>().is_ok());
        digits && numbered(entry, **of) == Some(false)
    });
    let (label, help) = match wrong {
        Some((entry, 1)) => ("no such instance", format!("there is one `{entry}`: write \"{entry}\"")),
        Some((entry, of)) => {
            ("no such instance", format!("instances of `{entry}` are {entry}-1 to {entry}-{of}"))
        }
        None => ("nothing is called so", nearest(cx, name, &entries)),
    };
    cx.report(finding.at(node.place, label).help(help));
}

fn nearest(cx: &Check<'_>, name: &str, entries: &BTreeMap<String, u32>) -> String {
    let brokers = match &cx.scenario.system {
        System::Kafka(kafka) => kafka.brokers,
        System::Mqtt(_) => 1,
        System::Zeromq(_) => 0,
    };
    let brokers: Vec<_> = (1..=brokers.min(9)).map(|number| format!("broker-{number}")).collect();
    let words = if brokers.is_empty() { &[][..] } else { WORDS };
    let names = entries.keys().map(String::as_str).chain(brokers.iter().map(String::as_str));
    match closest(name, names.clone().chain(words.iter().copied())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => one_of(names),
    }
}

fn groups<'c>(cx: &'c Check<'_>) -> Vec<&'c str> {
    let mut groups: Vec<_> = cx.scenario.readers().map(|(_, reader)| reader.group.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

pub(super) fn group_of(cx: &mut Check<'_>, node: &Node, group: &str) {
    let groups = groups(cx);
    if !groups.contains(&group) {
        let help = did_you_mean(group, groups);
        cx.report(
            Finding::new("scenario::fault", format!("there is no group `{group}`"))
                .at(node.place, "nobody reads as such a group")
                .help(help),
        );
    }
}

fn member(cx: &mut Check<'_>, node: &Node, of: &str) {
    let entries = instances(cx);
    let groups = groups(cx);
    if !entries.contains_key(of) && !groups.contains(&of) {
        let help = did_you_mean(of, entries.keys().map(String::as_str).chain(groups));
        cx.report(
            Finding::new("scenario::fault", format!("there is no group or entry `{of}`"))
                .at(node.place, "nobody is a member of it")
                .help(help),
        );
    }
}

/// A node asked to end while another fault holds it down. Kills and losses of one node may overlap.
fn overlaps(cx: &mut Check<'_>) {
    let entries = cx.entries("fault");
    if entries.len() != cx.scenario.faults.len() {
        return;
    }
    let once: Vec<_> = cx.scenario.faults.iter().zip(entries).filter(|(fault, _)| is_plain(fault)).collect();
    let mut found = Vec::new();
    for (index, (fault, written)) in once.iter().enumerate().filter(|(_, (fault, _))| fault.strike.asks()) {
        let holds = |(other, _): &&(&Fault, Written<'_>)| {
            let since = other.at <= fault.at && other.targets == fault.targets;
            since && other.lasts.is_none_or(|lasts| fault.at < other.at + lasts)
        };
        let others = once.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, other)| other);
        if let Some((other, first)) = others.filter(|(other, _)| other.strike != Strike::Restart).find(holds)
        {
            let (target, name, first) = (&fault.targets[0], fault.kind.name, first.at(other.kind.name));
            found.push(
                Finding::new("scenario::conflict", format!("`{target}` is down already"))
                    .at(written.at(name), format!("{name} at {}", shown(fault.at.since(Time::ZERO))))
                    .at(first, format!("{}, and not back yet", other.kind.name))
                    .help("let the first be over before: give it a shorter `for`, or strike later"),
            );
        }
    }
    found.into_iter().for_each(|finding| cx.report(finding));
}

/// Whether a fault takes down one node with a name, once, at a time that is known.
fn is_plain(fault: &Fault) -> bool {
    let named = matches!(fault.targets.as_slice(), [Target::Broker(_) | Target::Instance(_)]);
    named && fault.strike.restarts() && fault.again.is_none() && fault.jitter.is_zero()
}

fn random(cx: &mut Check<'_>) {
    let Some(random) = cx.scenario.random_faults.clone() else { return };
    let written = cx.section(&["faults", "random"]);
    for target in written.value("targets").into_iter().flat_map(each) {
        let Some(text) = target.text().filter(|text| !text.is_empty()) else { continue };
        match Target::read(text) {
            Some(read) => drop(exists(cx, target, text, &read)),
            None => unknown(cx, target, text),
        }
    }
    if matches!(cx.scenario.system, System::Zeromq(_)) && written.set("targets").is_none() {
        cx.report(
            Finding::new("scenario::missing", "random faults of ZeroMQ need targets")
                .at(written.header, "there is no broker that could fail")
                .help("add targets = [\"NAME\"]: a generator, processor or sink"),
        );
    }
    for name in written.value("kinds").into_iter().flat_map(each) {
        let Some(kind) = name.text().and_then(catalogue::find) else { continue };
        let strikes = |target: &Target| kind.takes.contains(&target.sort());
        let finding = Finding::new("scenario::fault", format!("`{}` cannot be drawn", kind.name));
        if !kind.random {
            let kinds = catalogue::KINDS.iter().filter(|kind| kind.random).map(|kind| kind.name);
            cx.report(finding.at(name.place, "not by chance").help(one_of(kinds)));
        } else if !random.targets.iter().any(strikes) {
            let examples: Vec<_> = kind.takes.iter().map(|sort| sort.examples()).collect();
            cx.report(
                finding
                    .at(name.place, "strikes none of the targets")
                    .at_some(written.set("targets"), "the targets")
                    .help(format!("add a target: {}", examples.join(", "))),
            );
        }
    }
    random_times(cx, written);
}

fn random_times(cx: &mut Check<'_>, written: Written<'_>) {
    let Some(random) = cx.scenario.random_faults.clone() else { return };
    let end = Time::ZERO + end_of_run(cx);
    if let Some(at) = random.heal_at.filter(|at| *at >= end) {
        cx.report(
            Finding::new("scenario::fault", "everything heals after the end of the run")
                .at(written.at("heal-at"), format!("at {}", shown(at.since(Time::ZERO))))
                .help("heal earlier, or lengthen `duration` or `drain` in [run]"),
        );
    }
    if random.heal_at.is_some_and(|at| at < random.until) {
        cx.report(
            Finding::new("scenario::fault", "faults strike after everything has healed")
                .at(written.at("until"), "until then")
                .at(written.at("heal-at"), "healed by then")
                .help("let `until` be at most `heal-at`"),
        );
    }
    if random.from >= random.until {
        cx.report(
            Finding::new("scenario::fault", "there is no time for random faults")
                .at(written.at("from"), "from then on")
                .at_some(written.set("until"), "until then")
                .help("let `from` be before `until`"),
        );
    }
}

fn each(node: &Node) -> &[Node] {
    node.list().unwrap_or(std::slice::from_ref(node))
}
