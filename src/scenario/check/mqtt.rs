//! What makes sense with MQTT: topics can be published to, filters match something, sessions and wills last as they
//! say. And what belongs to MQTT alone.

use std::collections::BTreeMap;

use crate::kernel::Duration;
use crate::mqtt::{Client, topic};
use crate::trace::mqtt::Qos;

use super::super::error::{Finding, Span, did_you_mean};
use super::super::file::Node;
use super::super::scenario::{Commit, Reader};
use super::{Check, Written};

pub(super) fn check(cx: &mut Check<'_>) {
    for kind in ["generator", "processor", "sink"] {
        for written in cx.entries(kind) {
            kafkas(cx, written);
        }
    }
    seconds(cx, cx.section(&["mqtt"]));
    let scenario = cx.scenario;
    for (written, entry) in cx.entries("generator").into_iter().zip(&scenario.generators) {
        name(cx, written, "topic");
        client(cx, written, entry.client.as_ref());
    }
    for (written, entry) in cx.entries("processor").into_iter().zip(&scenario.processors) {
        name(cx, written, "to");
        client(cx, written, entry.client.as_ref());
        acknowledges(cx, written, &entry.reader);
    }
    for (written, entry) in cx.entries("sink").into_iter().zip(&scenario.sinks) {
        client(cx, written, entry.reader.client.as_ref());
        acknowledges(cx, written, &entry.reader);
    }
    filters(cx);
}

/// Keys that only MQTT's clients have, in a scenario of another system.
pub(super) fn foreign(cx: &mut Check<'_>) {
    let keys = [
        "qos",
        "retain",
        "message-expiry-interval",
        "max-inflight-messages",
        "receive-maximum",
        "retain-handling",
        "clean-start",
        "session-expiry-interval",
        "keep-alive",
        "will",
    ];
    let system = cx.scenario.system_name();
    for kind in ["generator", "processor", "sink"] {
        for written in cx.entries(kind) {
            for key in keys {
                let Some(entry) = written.table.and_then(|table| table.get(key)) else { continue };
                cx.report(
                    Finding::new("mqtt::foreign", format!("`{key}` has no meaning with {system}"))
                        .at(entry.place, "a setting of MQTT's clients")
                        .help("leave it out, or describe an MQTT broker: [mqtt]"),
                );
            }
        }
    }
}

fn kafkas(cx: &mut Check<'_>, written: Written<'_>) {
    for key in ["consumer", "producer"] {
        let Some(entry) = written.table.and_then(|table| table.get(key)) else { continue };
        cx.report(
            Finding::new("mqtt::kafka", format!("`{key}` has no meaning with MQTT"))
                .at(entry.place, "these are Kafka's settings")
                .help("MQTT's stand in the entry itself: qos = 1, clean-start = false, receive-maximum = 20"),
        );
    }
}

/// A name that is published to.
fn name(cx: &mut Check<'_>, written: Written<'_>, key: &str) {
    let Some(node) = written.value(key) else { return };
    published(cx, node);
}

fn published(cx: &mut Check<'_>, node: &Node) {
    let Some(text) = node.text() else { return };
    if let Err(error) = topic::check_name(text) {
        cx.report(
            Finding::new("mqtt::topic", format!("`{}` cannot be published to", shown(text)))
                .at(node.place, error.to_string())
                .help(
                    "a topic name has levels between slashes and no wildcards: \"plant/line-1/temperature\"",
                ),
        );
    }
}

/// A text that may be very long.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}...") } else { short.escape_debug().to_string() }
}

fn client(cx: &mut Check<'_>, written: Written<'_>, client: Option<&Client>) {
    seconds(cx, written);
    let (Some(will), Some(client)) = (written.value("will"), client) else { return };
    let (Some(table), Some(meant)) = (will.table(), &client.will) else { return };
    if let Some(topic) = table.value("topic") {
        published(cx, topic);
    }
    let delay = table.get("delay-interval").map(|entry| entry.node.place);
    if meant.delay > client.session_expiry {
        let place = delay.unwrap_or(will.place);
        cx.report(
            Finding::new("mqtt::will", "the session ends before the will is due")
                .at(place, format!("due after {}", meant.delay))
                .at_some(written.set("session-expiry-interval"), format!("ends after {}", client.session_expiry))
                .help("the broker publishes a will when the session ends, at the latest: lengthen session-expiry-interval"),
        );
    }
}

/// MQTT counts whole seconds, in 32 bits; keep-alive in 16.
fn seconds(cx: &mut Check<'_>, written: Written<'_>) {
    let will = written.value("will").and_then(Node::table);
    let delay = will.and_then(|will| will.value("delay-interval"));
    let keys = ["session-expiry-interval", "message-expiry-interval", "keep-alive"];
    let values = keys.into_iter().filter_map(|key| Some((key, written.value(key)?)));
    for (key, node) in values.chain(delay.map(|node| ("delay-interval", node))) {
        let Some(said) = node.duration() else { continue };
        let most = if key == "keep-alive" { u64::from(u16::MAX) } else { u64::from(u32::MAX) - 1 };
        let finding = Finding::new("mqtt::seconds", format!("`{key}` counts whole seconds"));
        if said.as_nanos() % 1_000_000_000 != 0 {
            cx.report(finding.at(node.place, "finer than that").help("round it to seconds"));
        } else if said > Duration::from_secs(most) {
            cx.report(
                finding.at(node.place, "too many").help(format!("{most} s is the most that MQTT can say")),
            );
        }
    }
}

/// At QoS 0 there is nothing to acknowledge.
fn acknowledges(cx: &mut Check<'_>, written: Written<'_>, reader: &Reader) {
    let qos = reader.client.as_ref().map(|client| client.qos);
    let Some(place) = written.set("commit") else { return };
    if qos == Some(Qos::AtMostOnce) && reader.commit != Commit::Auto {
        cx.report(
            Finding::new("mqtt::commit", "at QoS 0 a reader acknowledges nothing")
                .at(place, "when it acknowledges")
                .at_some(written.set("qos"), "its QoS")
                .help("set qos = 1 or 2, or leave `commit` out"),
        );
    }
}

/// What readers subscribe to, and whether that is anything.
fn filters(cx: &mut Check<'_>) {
    let scenario = cx.scenario;
    let mut shared: BTreeMap<&str, (&str, Span)> = BTreeMap::new();
    let written = cx.entries("processor").into_iter().chain(cx.entries("sink"));
    for (written, (_, reader)) in written.zip(scenario.readers()) {
        let Some(node) = written.value("from") else { continue };
        if !filter(cx, node, reader) || !reader.is_shared {
            continue;
        }
        let (other, place) = *shared.entry(&reader.group).or_insert((&reader.from, node.place));
        if other != reader.from {
            cx.report(
                Finding::new("mqtt::group", format!("group `{}` shares two subscriptions", reader.group))
                    .at(node.place, "one")
                    .at(place, "the other")
                    .help("$share/GROUP/FILTER is one subscription: give each filter a group of its own"),
            );
        }
    }
}

/// Whether the filter is valid and matches something; complains when it does not.
fn filter(cx: &mut Check<'_>, node: &Node, reader: &Reader) -> bool {
    let from = reader.from.as_str();
    if from.starts_with("$share") {
        let parts: Vec<_> = from.splitn(3, '/').collect();
        let (group, filter) = (parts.get(1).unwrap_or(&"GROUP"), parts.get(2).unwrap_or(&"FILTER"));
        cx.report(
            Finding::new("mqtt::share", "a shared subscription is written as a group")
                .at(node.place, "MQTT's own way to write it")
                .help(format!("write from = \"{filter}\" and group = \"{group}\"")),
        );
        return false;
    }
    if let Err(error) = topic::check_filter(from) {
        cx.report(
            Finding::new("mqtt::filter", format!("`{}` cannot be subscribed to", shown(from)))
                .at(node.place, error.to_string())
                .help(
                    "`+` stands for one level, `#` for all that follow: \"plant/+/temperature\", \"plant/#\"",
                ),
        );
        return false;
    }
    let topics = cx.scenario.channels();
    if cx.scenario.read_by(reader).is_empty() && !topics.is_empty() {
        cx.report(
            Finding::new("scenario::unknown_topic", format!("nobody publishes to `{from}`"))
                .at(node.place, "matches no topic of this scenario")
                .help(did_you_mean(from, topics)),
        );
        return false;
    }
    true
}

/// What is no mistake with MQTT, but worth a word.
pub(super) fn notes(scenario: &super::super::scenario::Scenario) -> Vec<String> {
    let mut notes = Vec::new();
    let generators = scenario.generators.iter().map(|entry| (entry.name.as_str(), &entry.client));
    let readers = scenario.readers().map(|(name, reader)| (name, &reader.client));
    for (name, client) in generators.chain(readers) {
        let Some(client) = client else { continue };
        if client.clean_start && !client.session_expiry.is_zero() {
            notes.push(format!(
                "the broker keeps the session of `{name}`, and its next connection throws it away (clean-start)"
            ));
        }
    }
    notes
}
