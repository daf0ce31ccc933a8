//! Faults strike something that is there, while it is there.

use crate::kernel::Time;

use super::super::error::{Finding, did_you_mean};
use super::super::file::Node;
use super::super::language::FAULTS;
use super::super::meaning::target;
use super::super::scenario::{Kafka, Target};
use super::{Check, Written};

pub(super) fn check(cx: &mut Check<'_>) {
    for written in cx.entries("fault") {
        when(cx, written);
        match cx.scenario.kafka() {
            Some(kafka) => {
                if let Some(node) = what(cx, written) {
                    whom(cx, kafka, node);
                }
            }
            None => cx.report(
                Finding::new("scenario::fault", "there is no broker that could fail")
                    .at(written.header, "ZeroMQ has none")
                    .help("leave the fault out; only brokers fail so far"),
            ),
        }
    }
}

fn when(cx: &mut Check<'_>, written: Written<'_>) {
    let run = &cx.scenario.run;
    let end = run.duration + run.drain;
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
}

fn what<'a>(cx: &mut Check<'_>, written: Written<'a>) -> Option<&'a Node> {
    let said: Vec<_> = FAULTS.iter().filter_map(|name| written.table?.get(name)).collect();
    match said.as_slice() {
        [only] => Some(&only.node),
        [] => {
            cx.report(
                Finding::new("scenario::missing", "the fault does not say what happens")
                    .at(written.header, "neither kill nor power-loss nor pause")
                    .help("add kill = \"broker-2\", power-loss = \"broker-2\" or pause = \"leader of orders-0\""),
            );
            None
        }
        [first, second, ..] => {
            cx.report(
                Finding::new("scenario::conflict", "one fault, one thing that happens")
                    .at(second.place, "the second")
                    .at(first.place, "the first")
                    .help("make two [[fault]] entries of it"),
            );
            None
        }
    }
}

fn whom(cx: &mut Check<'_>, kafka: &Kafka, node: &Node) {
    let Some(text) = node.text() else { return };
    let finding = Finding::new("scenario::fault", format!("`{text}` cannot be struck"));
    match target(text) {
        None => cx.report(
            finding
                .at(node.place, "neither a broker nor the leader of a partition")
                .help("write \"broker-2\" or \"leader of orders-0\" (topic, dash, partition)"),
        ),
        Some(Target::Broker(number)) => {
            if !(1..=kafka.brokers).contains(&number) {
                let section = cx.section(&["kafka"]);
                let last = kafka.brokers;
                cx.report(
                    finding
                        .at(node.place, "no such broker")
                        .at_some(section.set("brokers"), "this many")
                        .help(format!("brokers are called broker-1 to broker-{last}")),
                );
            }
        }
        Some(Target::LeaderOf { topic, partition }) => {
            match kafka.topics.iter().find(|known| known.name == topic) {
                None => cx.report(
                    finding
                        .at(node.place, format!("there is no topic `{topic}`"))
                        .help(did_you_mean(&topic, kafka.topics.iter().map(|topic| topic.name.as_str()))),
                ),
                Some(known) if partition >= known.partitions => {
                    let section = cx.section(&["kafka", "topics", &topic]);
                    let last = known.partitions - 1;
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
    }
}
