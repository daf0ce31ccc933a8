//! What is expected is about something that is there, and does not contradict itself.

use crate::observe::promise::{Mode, Promise, System as Speaks};

use super::super::error::{Finding, did_you_mean};
use super::super::file::{Node, Table};
use super::super::scenario::{Expect, System};
use super::Check;

pub(super) fn check(cx: &mut Check<'_>) {
    let scenario = cx.scenario;
    for (at, expect) in scenario.expect.iter().enumerate() {
        if speaks(cx, expect) {
            names(cx, expect);
            faults(cx, expect);
            sums(cx, expect);
            said_before(cx, &scenario.expect[..at], expect);
        }
    }
}

/// The value of a key of the expectation, where it is written.
fn value<'a>(cx: &Check<'a>, expect: &Expect, name: &str) -> Option<&'a Node> {
    let section = cx.root.value("expect").and_then(Node::table)?;
    let list = section.value(expect.mode.name()).and_then(Node::list)?;
    let node = list.iter().find(|node| node.place == expect.place)?;
    node.table().and_then(|table: &Table| table.value(name))
}

fn speaks(cx: &mut Check<'_>, expect: &Expect) -> bool {
    let entry = expect.promise.entry();
    let means_something = match entry.system {
        Speaks::Any => true,
        Speaks::Settling => !matches!(cx.scenario.system, System::Zeromq(_)),
        Speaks::Kafka => matches!(cx.scenario.system, System::Kafka(_)),
    };
    if !means_something {
        cx.report(
            Finding::new("expect::system", format!("`{}` is about Kafka", entry.name))
                .at(expect.place, format!("{} has no logs, leaders or groups", cx.scenario.system_name()))
                .help("leave it out; accepted-is-not-lost and nothing-duplicated are about every system"),
        );
    }
    means_something
}

fn names(cx: &mut Check<'_>, expect: &Expect) {
    let scenario = cx.scenario;
    if let Some(topic) = &expect.topic {
        let channels = scenario.channels();
        if !channels.contains(&topic.as_str()) {
            let place = value(cx, expect, "topic").map_or(expect.place, |node| node.place);
            cx.report(
                Finding::new("expect::topic", format!("there is no topic or channel `{topic}`"))
                    .at(place, "nothing of that name")
                    .help(did_you_mean(topic, channels)),
            );
        }
    }
    let groups = groups(cx);
    if let Some(group) = &expect.group
        && !groups.contains(group)
    {
        let place = value(cx, expect, "group").map_or(expect.place, |node| node.place);
        cx.report(
            Finding::new("expect::group", format!("there is no group `{group}`"))
                .at(place, "nobody reads in it")
                .help(did_you_mean(group, groups.iter().map(String::as_str))),
        );
    } else if needs_group(expect.promise) && groups.is_empty() {
        cx.report(
            Finding::new("expect::group", format!("nobody could break `{}`", expect.promise.name()))
                .at(expect.place, "no group reads anything")
                .help("add a [[sink]], or leave the promise out"),
        );
    } else if let (Some(group), Some(topic)) = (&expect.group, &expect.topic)
        && !reads(cx, group, topic)
    {
        cx.report(
            Finding::new("expect::group", format!("group `{group}` does not read `{topic}`"))
                .at(expect.place, "so nothing can come of it")
                .help("name a topic that the group reads, or leave one of both out"),
        );
    }
}

/// The names of groups: with ZeroMQ those of the channels that are read, with MQTT also those of subscribers that are
/// in none.
fn groups(cx: &Check<'_>) -> Vec<String> {
    let scenario = cx.scenario;
    let mut names: Vec<_> =
        scenario.readers().flat_map(|(name, reader)| scenario.groups_of(name, reader)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn reads(cx: &Check<'_>, group: &str, topic: &str) -> bool {
    let scenario = cx.scenario;
    scenario.readers().any(|(name, reader)| {
        scenario.reads(reader, topic) && scenario.groups_of(name, reader).iter().any(|of| of == group)
    })
}

/// Whether nothing can come of it without a group.
fn needs_group(promise: Promise) -> bool {
    let entry = promise.entry();
    entry.has(crate::observe::promise::Parameter::Group) && promise != Promise::RecoversWithin
}

fn faults(cx: &mut Check<'_>, expect: &Expect) {
    let about_faults = matches!(expect.promise, Promise::RecoversWithin | Promise::FaultStruck);
    if about_faults && !cx.has_faults() {
        cx.report(
            Finding::new(
                "expect::fault",
                format!("nothing goes wrong, so `{}` means nothing", expect.promise.name()),
            )
            .at(expect.place, "there is no fault in this file")
            .help("add a [[fault]], or leave the promise out"),
        );
    }
}

/// Causes are part of the number.
fn sums(cx: &mut Check<'_>, expect: &Expect) {
    let (Some(count), sum) = (expect.count, expect.causes.values().sum::<u64>()) else { return };
    if sum > count {
        let place = value(cx, expect, "causes").map_or(expect.place, |node| node.place);
        let records = value(cx, expect, "records").map(|node| node.place);
        cx.report(
            Finding::new("expect::cause", "there are more records with a cause than records")
                .at(place, format!("{sum} together"))
                .at_some(records, format!("{count} in all"))
                .help("leave `records` out, or make the numbers fit"),
        );
    }
}

/// The same promise about the same thing is expected once; to hold or to break, not both.
fn said_before(cx: &mut Check<'_>, before: &[Expect], expect: &Expect) {
    let same = |other: &&Expect| {
        let about = |expect: &Expect| {
            (expect.promise, expect.topic.clone(), expect.group.clone(), expect.time, expect.records)
        };
        about(other) == about(expect)
    };
    let name = expect.promise.name();
    let finding = |text: String| Finding::new("expect::conflict", text);
    if let Some(other) = before.iter().filter(same).find(|other| other.mode == expect.mode) {
        cx.report(
            finding(format!("`{name}` is expected twice under `{}`", expect.mode.name()))
                .at(expect.place, "the second")
                .at(other.place, "the first")
                .help("leave one of them out"),
        );
    } else if let Some(other) =
        before.iter().filter(same).find(|other| contradicts(expect.promise, other.mode, expect.mode))
    {
        cx.report(
            finding(format!("`{name}` is expected to break and to hold"))
                .at(expect.place, format!("under `{}`", expect.mode.name()))
                .at(other.place, format!("under `{}`", other.mode.name()))
                .help("a run has one outcome: keep the one that you expect"),
        );
    }
}

/// What is broken may still mend until the end, unless it is judged there alone.
fn contradicts(promise: Promise, one: Mode, other: Mode) -> bool {
    let holds = if promise.entry().takes(Mode::Always) { Mode::Always } else { Mode::Eventually };
    one != other && [one, other].contains(&Mode::Broken) && [one, other].contains(&holds)
}
