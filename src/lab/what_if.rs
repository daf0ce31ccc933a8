//! What if: the same seed with one change each, which of them keep the promise, and what they cost.

use serde::Serialize;

use crate::analyze::why::{
    Remedy, Scene, Trouble, Why, acks_all, idempotence, in_flight, more_members, more_replicas, one, reader,
};
use crate::kernel::Duration;
use crate::scenario::origin::Bearer;
use crate::scenario::{Scenario, scenario::System};
use crate::trace::GroupId;

use super::rerun::Recipe;
use super::trial::{Measured, side_by_side};

/// A change that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Trial {
    /// The change.
    pub change: Remedy,
    /// Whether nothing of the kind that was asked about happens with it.
    pub keeps: bool,
    /// Whether the rules say that it should: a change that only moves the timing may spare a record by luck.
    pub by_rule: bool,
    /// What came of it.
    pub measured: Measured,
}

/// The answer to `what if`.
#[derive(Clone, Debug, Serialize)]
pub struct WhatIf {
    /// What was asked about.
    pub troubles: Vec<Trouble>,
    /// The run as it is.
    pub as_it_is: Measured,
    /// The changes: those that keep the promise first, and of these those that do so by rule.
    pub trials: Vec<Trial>,
    /// Changes that change nothing here or are not possible here, by name.
    pub left_out: Vec<String>,
}

/// Tries what the explanation proposes, and the usual settings.
pub fn what_if(recipe: &Recipe, scene: &Scene, why: &Why, as_it_is: Measured, late: Duration) -> WhatIf {
    let of_records = why.records.iter().flat_map(|record| &record.incidents);
    let mut troubles: Vec<_> = why.asked.iter().map(|asked| asked.trouble).collect();
    troubles.extend(of_records.clone().map(|incident| incident.trouble));
    troubles.dedup();
    let mut changes: Vec<Remedy> = Vec::new();
    let told = why.asked.iter().flat_map(|asked| &asked.incidents).chain(of_records);
    let proposed: Vec<Remedy> = told.flat_map(|incident| incident.remedies.clone()).collect();
    for remedy in proposed.iter().cloned().chain(usual(scene)) {
        if !changes.iter().any(|other| same(other, &remedy)) {
            changes.push(remedy);
        }
    }
    let now = recipe.load().ok().map(|scenario| meaning(&scenario));
    let mut left_out = Vec::new();
    changes.retain(|change| {
        let then = recipe.with(&change.set).load().ok().map(|scenario| meaning(&scenario));
        let differs = then.is_some() && then != now;
        if !differs {
            left_out.push(change.name.clone());
        }
        differs
    });
    let measured = side_by_side(&changes, |change| recipe.with(&change.set).measure(late));
    let trials = changes.into_iter().zip(measured).filter_map(|(change, measured)| {
        let measured = measured?;
        let by_rule = proposed.iter().any(|remedy| remedy.set.iter().all(|set| change.set.contains(set)));
        let keeps = measured.total(&troubles) == 0 && (why.rises.is_empty() || !measured.lags());
        Some(Trial { keeps, by_rule, change, measured })
    });
    let mut trials: Vec<_> = trials.collect();
    trials.sort_by_key(|trial| (!trial.keeps, !trial.by_rule));
    WhatIf { troubles, as_it_is, trials, left_out }
}

fn same(one: &Remedy, other: &Remedy) -> bool {
    let sorted = |remedy: &Remedy| {
        let mut set = remedy.set.clone();
        set.sort();
        set
    };
    sorted(one) == sorted(other)
}

/// What decides a run, for comparison: two scenarios that say the same here run the same.
pub fn meaning(scenario: &Scenario) -> String {
    let Scenario { run, network, system, generators, processors, sinks, faults, .. } = scenario;
    let system = match system {
        System::Kafka(kafka) => format!("{kafka:?}"),
        System::Zeromq(zeromq) => format!("{zeromq:?}"),
        System::Mqtt(mqtt) => format!("{mqtt:?}"),
    };
    format!("{run:?} {network:?} {system} {generators:?} {processors:?} {sinks:?} {faults:?}")
}

/// The settings that people turn first, for everybody who bears them.
fn usual(scene: &Scene) -> Vec<Remedy> {
    let publishers: Vec<_> = bearers(scene, "producer.acks");
    let topics: Vec<_> = bearers(scene, "min.insync.replicas")
        .into_iter()
        .filter(|bearer| matches!(bearer, Bearer::Topic(_)))
        .collect();
    let groups: Vec<_> = (0..scene.stage.groups.len() as u32).map(|index| Some(GroupId(index))).collect();
    let for_topics =
        |name: &str, value: &str| together(topics.iter().map(|topic| one(scene, Some(topic), name, value)));
    let for_publishers = |name: &str, value: &str| {
        together(publishers.iter().map(|bearer| one(scene, Some(bearer), name, value)))
    };
    let for_groups =
        |name: &str, value: &str| together(groups.iter().map(|group| reader(scene, *group, name, value)));
    let pairs = publishers.iter().flat_map(|bearer| topics.iter().map(move |topic| (bearer, topic)));
    let all = [
        together(pairs.map(|(bearer, topic)| acks_all(scene, bearer, Some(topic)))),
        together(publishers.iter().map(|bearer| idempotence(scene, bearer))),
        together(publishers.iter().map(|bearer| in_flight(scene, bearer))),
        for_topics("unclean.leader.election.enable", "false"),
        together(topics.iter().map(|topic| more_replicas(scene, Some(topic)))),
        for_topics("flush.messages", "1"),
        for_publishers("producer.delivery.timeout.ms", "600000"),
        for_groups("commit", "after"),
        for_groups("consumer.auto.offset.reset", "earliest"),
        for_groups("consumer.partition.assignment.strategy", "cooperative-sticky"),
        for_groups("consumer.group.instance.id", "member"),
        for_groups("consumer.max.poll.interval.ms", "1800000"),
        for_groups("consumer.max.poll.records", "50"),
        for_groups("consumer.session.timeout.ms", "10000"),
        together(groups.iter().map(|group| more_members(scene, *group))),
    ];
    all.into_iter().flatten().collect()
}

fn bearers(scene: &Scene, name: &str) -> Vec<Bearer> {
    scene.settings.iter().filter(|one| one.name == name).map(|one| one.bearer.clone()).collect()
}

/// The same change for several bearers, as one.
fn together(changes: impl Iterator<Item = Option<Remedy>>) -> Option<Remedy> {
    changes.flatten().reduce(|mut all, change| {
        if change.name.len() > all.name.len() {
            all.name = change.name;
        }
        all.set.extend(change.set.into_iter().filter(|set| !all.set.contains(set)).collect::<Vec<_>>());
        all
    })
}
