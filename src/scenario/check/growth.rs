//! Faults of applications and topics: whom they may strike, and that what grows grows.

use crate::fault::catalogue::{Kind, Side, Sort};

use super::super::error::{Finding, did_you_mean};
use super::super::file::Node;
use super::super::meaning::kinds;
use super::super::scenario::{Generator, Schedule, System};
use super::super::target::Target;
use super::{Check, Written};

/// An entry or a topic, by its name.
pub(super) fn target(cx: &mut Check<'_>, kind: &Kind, node: &Node, text: &str) {
    let scenario = cx.scenario;
    if scenario.kafka().is_none() {
        return needs_kafka(cx, kind, node);
    }
    let (what, names) = if kind.takes.contains(&Sort::Topic) {
        ("topic", scenario.channels())
    } else {
        ("generator, processor or sink", scenario.entries().map(|(name, ..)| name).collect())
    };
    if !names.contains(&text) {
        cx.report(
            Finding::new("scenario::fault", format!("there is no {what} `{text}`"))
                .at(node.place, format!("`{}` wants the name of one", kind.name))
                .help(did_you_mean(text, names)),
        );
    }
}

/// A group, by its name.
pub(super) fn group(cx: &mut Check<'_>, kind: &Kind, node: &Node, text: &str) {
    match cx.scenario.kafka() {
        Some(_) => super::faults::group_of(cx, node, text),
        None => needs_kafka(cx, kind, node),
    }
}

fn needs_kafka(cx: &mut Check<'_>, kind: &Kind, node: &Node) {
    cx.report(
        Finding::new("scenario::fault", format!("`{}` is modelled for Kafka only", kind.name))
            .at(node.place, format!("the system is {}", cx.scenario.system_name()))
            .help("leave the fault out, or kill and pause instances instead"),
    );
}

/// An instance that has nothing to do with what the fault is about.
pub(super) fn side(cx: &mut Check<'_>, kind: &Kind, node: &Node, target: &Target) {
    let (Target::Instance(name) | Target::MemberOf(name)) = target else { return };
    let scenario = cx.scenario;
    if matches!(scenario.system, System::Zeromq(_)) && kind.name == "close" {
        // A socket that was closed does not open again.
        return needs_kafka(cx, kind, node);
    }
    if kind.has("rate") {
        has_a_rate(cx, kind, node, name);
    }
    let publishes = scenario.generators.iter().any(|entry| is_instance(name, &entry.name));
    let wrong = match kind.side {
        Side::Any => false,
        Side::Readers => publishes,
        Side::Generators => !publishes,
    };
    if wrong {
        let help = match kind.side {
            Side::Generators => {
                did_you_mean(name, scenario.generators.iter().map(|entry| entry.name.as_str()))
            }
            Side::Any | Side::Readers => {
                let readers: Vec<_> = scenario.readers().map(|(name, _)| name).collect();
                did_you_mean(name, readers)
            }
        };
        cx.report(
            Finding::new("scenario::fault", format!("`{}` is for {}", kind.name, kind.side.means()))
                .at(node.place, if publishes { "a generator" } else { "it makes no records" })
                .help(help),
        );
    }
}

/// A generator without one rate on average has none that could be changed.
fn has_a_rate(cx: &mut Check<'_>, kind: &Kind, node: &Node, name: &str) {
    let has_none = |entry: &&Generator| match &entry.arrivals {
        Schedule::Ready(arrivals) => arrivals.pattern.usual().is_none(),
        Schedule::Recorded(_) => true,
    };
    let generators = cx.scenario.generators.iter();
    let concerned = generators.filter(|entry| is_instance(name, &entry.name)).find(has_none);
    if let Some(entry) = concerned.map(|entry| entry.name.clone()) {
        cx.report(
            Finding::new("scenario::fault", format!("`{}` cannot strike `{entry}`", kind.name))
                .at(node.place, "its arrivals have no one rate")
                .help(format!("ramps and replays go faster with burst = \"{entry}\" and factor = 2")),
        );
    }
}

fn is_instance(name: &str, entry: &str) -> bool {
    let number = name.strip_prefix(entry).and_then(|rest| rest.strip_prefix('-'));
    name == entry || number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Topics never have fewer partitions than before (`InvalidPartitionsException`).
pub(super) fn check(cx: &mut Check<'_>) {
    let Some(kafka) = cx.scenario.kafka() else { return };
    let mut grown: Vec<_> =
        kafka.topics.iter().map(|topic| (topic.name.as_str(), topic.partitions)).collect();
    for written in cx.entries("fault") {
        let Some((topic, to)) = added(written) else { continue };
        let Some((_, partitions)) = grown.iter_mut().find(|(name, _)| *name == topic) else { continue };
        if to <= *partitions {
            let has = *partitions;
            let section = cx.section(&["kafka", "topics", topic]);
            cx.report(
                Finding::new("scenario::fault", format!("`{topic}` has {has} partitions already"))
                    .at(written.at("to"), "no more than before")
                    .at_some(section.set("partitions"), "in the beginning")
                    .help(format!("partitions can only be added: let `to` be at least {}", has + 1)),
            );
        }
        *partitions = to.max(*partitions);
    }
}

fn added<'a>(written: Written<'a>) -> Option<(&'a str, u32)> {
    let (kind, node) = kinds(written.table?).next().filter(|(kind, _)| kind.takes.contains(&Sort::Topic))?;
    assert!(kind.needs.contains(&"to"), "topics grow to something");
    let to = written.value("to").and_then(Node::integer)?;
    Some((node.text()?, u32::try_from(to).ok()?))
}
