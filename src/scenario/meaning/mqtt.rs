//! `[mqtt]`, and the clients of the entries.

use crate::kernel::Duration;
use crate::mqtt::{Client, RetainHandling, Will};
use crate::trace::mqtt::Qos;

use super::super::file::{Node, Table};
use super::super::scenario::{Scenario, System};
use super::{duration, text, whole};

/// What clients have that say nothing else.
pub(super) fn defaults(table: &Table) -> Client {
    client(table, &Client::default())
}

/// The client of an entry.
pub(super) fn client(table: &Table, defaults: &Client) -> Client {
    let number = |name: &str| whole(table, name).and_then(|number| u16::try_from(number).ok());
    let flag = |name: &str| table.value(name).and_then(Node::flag);
    Client {
        qos: qos(table).unwrap_or(defaults.qos),
        retain: flag("retain").unwrap_or(defaults.retain),
        clean_start: flag("clean-start").unwrap_or(defaults.clean_start),
        session_expiry: duration(table, "session-expiry-interval").unwrap_or(defaults.session_expiry),
        receive_maximum: number("receive-maximum").unwrap_or(defaults.receive_maximum),
        keep_alive: duration(table, "keep-alive").unwrap_or(defaults.keep_alive),
        max_inflight: number("max-inflight-messages").unwrap_or(defaults.max_inflight),
        message_expiry: duration(table, "message-expiry-interval").or(defaults.message_expiry),
        retain_handling: match whole(table, "retain-handling") {
            Some(1) => RetainHandling::SendIfNew,
            Some(2) => RetainHandling::Never,
            Some(_) | None => defaults.retain_handling,
        },
        will: table.value("will").and_then(Node::table).map(|will| self::will(table, will)),
    }
}

fn qos(table: &Table) -> Option<Qos> {
    whole(table, "qos").and_then(|level| u8::try_from(level).ok()).and_then(Qos::of)
}

fn will(entry: &Table, table: &Table) -> Will {
    Will {
        topic: text(table, "topic").unwrap_or_default(),
        payload: text(table, "payload").or_else(|| text(entry, "name")).unwrap_or_default(),
        qos: qos(table).unwrap_or_default(),
        retain: table.value("retain").and_then(Node::flag).unwrap_or(false),
        delay: duration(table, "delay-interval").unwrap_or(Duration::ZERO),
    }
}

/// The topics of an MQTT scenario are those that somebody publishes to.
pub(super) fn topics(scenario: &mut Scenario) {
    let Scenario { system: System::Mqtt(mqtt), generators, processors, .. } = scenario else { return };
    let written = generators.iter().map(|entry| &entry.topic);
    for topic in written.chain(processors.iter().map(|entry| &entry.to)) {
        if !topic.is_empty() && !mqtt.topics.contains(topic) {
            mqtt.topics.push(topic.clone());
        }
    }
}
