//! `[kafka]`, its costs and its topics.

use crate::kafka::config::{BrokerConfig, Costs, TopicConfig, Version};
use crate::kafka::settings::{self, Scope, Treatment};

use super::super::file::{Node, Setting, Table};
use super::super::read::all_given;
use super::super::scenario::{Kafka, PassedOn, Topic};
use super::{count, duration};

pub(super) fn kafka(table: &Table, notes: &mut Vec<String>) -> Kafka {
    let version =
        table.value("version").and_then(Node::text).and_then(Version::named).unwrap_or(Version::V4_1);
    let brokers = count(table, "brokers").unwrap_or(3).max(1);
    let mut passed_on = Vec::new();
    let mut config = BrokerConfig::of(version);
    let written: Vec<_> = table.flatten().into_iter().filter(is_setting).collect();
    set(Scope::Cluster, "", &written, &mut passed_on, notes, |name, value| config.set(name, value));
    if !written.iter().any(|setting| setting.name == "offsets.topic.replication.factor") {
        config.offsets_topic_replication_factor = config.offsets_topic_replication_factor.min(brokers);
    }
    if let Some(costs) = table.value("costs").and_then(Node::table) {
        fill_costs(&mut config.costs, costs);
    }
    let topics = table.value("topics").and_then(Node::table).map_or(&[][..], |topics| &topics.entries);
    let topics = topics
        .iter()
        .filter_map(|entry| Some((entry.name.as_str(), entry.node.table()?)))
        .map(|(name, table)| topic(name, table, &config, &mut passed_on, notes))
        .collect();
    let controllers = count(table, "controllers").unwrap_or(3).max(1);
    Kafka { version, brokers, controllers, racks: racks(table, brokers), config, topics, passed_on }
}

fn is_setting(setting: &Setting<'_>) -> bool {
    settings::find(Scope::Cluster, &setting.name).is_some()
}

/// Brokers take the racks in turn.
fn racks(table: &Table, brokers: u32) -> Vec<String> {
    let racks = table.value("racks").and_then(Node::words).unwrap_or_default();
    racks.iter().cycle().take(if racks.is_empty() { 0 } else { brokers as usize }).cloned().collect()
}

fn fill_costs(costs: &mut Costs, table: &Table) {
    let fields = [
        ("request-cpu", &mut costs.request_cpu),
        ("cpu-per-kib", &mut costs.cpu_per_kib),
        ("page-cache-append", &mut costs.append),
        ("fsync", &mut costs.fsync),
        ("page-cache-writeback", &mut costs.page_cache_writeback),
    ];
    for (name, field) in fields {
        *field = duration(table, name).unwrap_or(*field);
    }
    if let Some(bandwidth) = table.value("disk-bandwidth").and_then(Node::bandwidth) {
        costs.disk_bandwidth = bandwidth;
    }
}

fn topic(
    name: &str,
    table: &Table,
    cluster: &BrokerConfig,
    passed_on: &mut Vec<PassedOn>,
    notes: &mut Vec<String>,
) -> Topic {
    let mut config: TopicConfig = cluster.topic.clone();
    let written = table.flatten();
    set(Scope::Topic, name, &written, passed_on, notes, |name, value| config.set(name, value));
    let own = |name: &str| {
        let written = written.iter().find(|setting| setting.name == name)?;
        written.node.integer().and_then(|number| u32::try_from(number).ok())
    };
    Topic {
        name: name.to_owned(),
        partitions: own("partitions").unwrap_or(cluster.num_partitions),
        replication_factor: own("replication.factor").unwrap_or(cluster.default_replication_factor),
        config,
    }
}

/// Gives each modelled setting to `fill` and keeps those that are passed on.
pub(super) fn set(
    scope: Scope,
    of: &str,
    written: &[Setting<'_>],
    passed_on: &mut Vec<PassedOn>,
    notes: &mut Vec<String>,
    mut fill: impl FnMut(&str, &settings::Given) -> bool,
) {
    for (setting, given) in all_given(scope, written) {
        match setting.treatment {
            Treatment::Modelled => assert!(fill(setting.name, &given), "{} has a field", setting.name),
            Treatment::PassedOn => {
                let note = format!("`{}` changes nothing in the simulation: {}", setting.name, setting.note);
                if !notes.contains(&note) {
                    notes.push(note);
                }
                passed_on.push(PassedOn {
                    scope,
                    of: of.to_owned(),
                    name: setting.name.to_owned(),
                    value: given.to_string(),
                });
            }
            // The judge refused it by name.
            Treatment::Refused => {}
        }
    }
}
