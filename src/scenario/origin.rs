//! Which line of which file decides a setting: what is in force, and why.
//!
//! Every modelled setting of a Kafka scenario is listed for each of its bearers, written or not, with the path
//! that overrides it.
//!
//! **Not modelled:** the options of ZeroMQ's sockets are listed only where they are written.

use std::fmt;

use serde::Serialize;

use crate::kafka::settings::{self, Scope, Treatment};

use super::error::{Findings, Sources, Span};
use super::file::{Node, Overrides, Table, Tree};
use super::meaning::entries;
use super::scenario::{Commit, Scenario};

/// Who bears a setting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bearer {
    /// All brokers: `[kafka]`.
    Cluster,
    /// The topic or channel of this name.
    Topic(String),
    /// The `[[generator]]`, `[[processor]]` or `[[sink]]` of this name.
    Entry(String),
    /// The how-manieth `[[fault]]` of the file, from 0.
    Fault(u32),
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// It is written in the file.
    File {
        /// The file's name.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// It was given on the command line.
    CommandLine,
    /// Nobody wrote it: what Kafka of this version does.
    Default {
        /// `4.1`
        version: String,
    },
    /// It follows from another setting.
    Follows {
        /// From which.
        from: String,
    },
}

impl Origin {
    /// Whether somebody wrote it.
    pub fn is_written(&self) -> bool {
        match self {
            Self::File { .. } | Self::CommandLine => true,
            Self::Default { .. } | Self::Follows { .. } => false,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::CommandLine => f.write_str("command line"),
            Self::Default { version } => write!(f, "default of Kafka {version}"),
            Self::Follows { from } => write!(f, "follows from {from}"),
        }
    }
}

/// A setting in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InForce {
    /// Whose it is.
    pub bearer: Bearer,
    /// As the file writes it: `producer.acks`, `commit`, `min.insync.replicas`.
    pub name: String,
    /// As it is written, without quotes; as Kafka's documents write it when it is a default.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What `--set` calls it: `generator.shop.producer.acks`. The empty text for faults.
    pub path: String,
}

/// The settings in force in a scenario that loads, in the order of bearers and names.
pub fn in_force(text: &str, name: &str, overrides: &Overrides, scenario: &Scenario) -> Vec<InForce> {
    let tree = Tree::parse(text, name, overrides, &mut Findings::new());
    let version = scenario.kafka().map(|kafka| kafka.version.name().to_owned());
    let mut all = Register { sources: &tree.sources, version, found: Vec::new() };
    all.cluster(&tree, scenario);
    all.publishers(&tree, scenario);
    all.readers(&tree, scenario);
    all.faults(&tree);
    all.found.sort_by(|one, other| (&one.bearer, &one.name).cmp(&(&other.bearer, &other.name)));
    all.found
}

struct Register<'t> {
    sources: &'t Sources,
    /// Of Kafka; none with another system.
    version: Option<String>,
    found: Vec<InForce>,
}

impl Register<'_> {
    fn cluster(&mut self, tree: &Tree, scenario: &Scenario) {
        let Some(kafka) = scenario.kafka() else { return };
        let empty = Table::default();
        let table = tree.root.value("kafka").and_then(Node::table).unwrap_or(&empty);
        self.own(&Bearer::Cluster, table, "kafka", "brokers", &kafka.brokers.to_string());
        self.scope(&Bearer::Cluster, Scope::Cluster, table, "kafka", "");
        let topics = table.value("topics").and_then(Node::table).unwrap_or(&empty);
        for topic in &kafka.topics {
            let (bearer, path) = (Bearer::Topic(topic.name.clone()), topic_path(&topic.name));
            let written = topics.value(&topic.name).and_then(Node::table).unwrap_or(&empty);
            self.own(&bearer, written, &path, "partitions", &topic.partitions.to_string());
            self.own(&bearer, written, &path, "replication.factor", &topic.replication_factor.to_string());
            self.topic(&bearer, written, &path, table);
        }
    }

    /// A topic's settings: its own, else the cluster's, else Kafka's.
    fn topic(&mut self, bearer: &Bearer, written: &Table, path: &str, cluster: &Table) {
        for setting in modelled(Scope::Topic) {
            let inherited = setting.inherited_from().and_then(|name| value_of(cluster, name));
            let node = value_of(written, setting.name).or(inherited);
            self.put(bearer, setting.name, node, path, self.default_of(&setting));
        }
    }

    fn publishers(&mut self, tree: &Tree, scenario: &Scenario) {
        let generators = scenario.generators.iter().map(|one| ("generator", &one.name, &one.producer));
        let processors = scenario.processors.iter().map(|one| ("processor", &one.name, &one.producer));
        for (kind, name, producer) in generators.chain(processors) {
            let (bearer, path) = (Bearer::Entry(name.clone()), format!("{kind}.{name}"));
            let empty = Table::default();
            let table = entry_named(tree, kind, name).unwrap_or(&empty);
            if kind == "generator" {
                self.own(&bearer, table, &path, "outbox", "false");
                self.own(&bearer, table, &path, "poison-at", "none");
                self.own(&bearer, table, &path, "when-blocked", "wait");
            }
            if let Some(producer) = producer {
                let settings = table.value("producer").and_then(Node::table).unwrap_or(&empty);
                self.scope(&bearer, Scope::Producer, settings, &format!("{path}.producer"), "producer.");
                self.follows_from_acks(&bearer, producer.idempotence);
            }
        }
    }

    /// Kafka turns idempotence off by itself where acks, retries or requests in flight forbid it.
    fn follows_from_acks(&mut self, bearer: &Bearer, idempotent: bool) {
        let acks = self.value(bearer, "producer.acks").unwrap_or_default();
        let from = if acks == "all" || acks == "-1" {
            "producer.retries and requests in flight".to_owned()
        } else {
            format!("producer.acks = {acks}")
        };
        let Some(found) = self
            .found
            .iter_mut()
            .find(|one| one.bearer == *bearer && one.name == "producer.enable.idempotence")
        else {
            return;
        };
        if !idempotent && !found.origin.is_written() {
            found.value = "false".to_owned();
            found.origin = Origin::Follows { from };
        }
    }

    fn value(&self, bearer: &Bearer, name: &str) -> Option<String> {
        let found = self.found.iter().find(|one| one.bearer == *bearer && one.name == name)?;
        Some(found.value.clone())
    }

    fn readers(&mut self, tree: &Tree, scenario: &Scenario) {
        let processors =
            scenario.processors.iter().map(|one| ("processor", &one.name, one.instances, &one.reader));
        let sinks = scenario.sinks.iter().map(|one| ("sink", &one.name, one.instances, &one.reader));
        for (kind, name, instances, reader) in processors.chain(sinks) {
            let (bearer, path) = (Bearer::Entry(name.clone()), format!("{kind}.{name}"));
            let empty = Table::default();
            let table = entry_named(tree, kind, name).unwrap_or(&empty);
            self.own(&bearer, table, &path, "instances", &instances.to_string());
            self.own(&bearer, table, &path, "service", "0s");
            self.own(&bearer, table, &path, "on-error", "crash");
            self.own(&bearer, table, &path, "workers", "0");
            self.own(&bearer, table, &path, "crash-after", "none");
            if reader.consumer.is_some() {
                let commit = match reader.commit {
                    Commit::Auto => "auto",
                    Commit::After => "after",
                    Commit::Before => "before",
                };
                self.own(&bearer, table, &path, "commit", commit);
                let settings = table.value("consumer").and_then(Node::table).unwrap_or(&empty);
                self.scope(&bearer, Scope::Consumer, settings, &format!("{path}.consumer"), "consumer.");
            }
        }
    }

    fn faults(&mut self, tree: &Tree) {
        for (index, table) in entries(tree, "fault").enumerate() {
            let Some(first) = table.entries.first() else { continue };
            let words: Vec<_> =
                table.flatten().iter().map(|one| self.as_written(one.name.as_str(), one.node)).collect();
            let origin = self.origin(first.place);
            let (bearer, name) = (Bearer::Fault(index as u32), "fault".to_owned());
            self.found.push(InForce { bearer, name, value: words.join(", "), origin, path: String::new() });
        }
    }

    fn as_written(&self, name: &str, node: &Node) -> String {
        format!("{name} = {}", self.sources.text(node.place))
    }

    /// All modelled settings of a scope.
    fn scope(&mut self, bearer: &Bearer, scope: Scope, table: &Table, path: &str, prefix: &str) {
        for setting in modelled(scope) {
            let name = format!("{prefix}{}", setting.name);
            let node = value_of(table, setting.name);
            let origin = match node {
                Some(node) => self.origin(node.place),
                None => self.default_origin(),
            };
            let value = node.map_or_else(|| self.default_of(&setting), |node| self.plain(node));
            let path = format!("{path}.{}", setting.name);
            self.found.push(InForce { bearer: bearer.clone(), name, value, origin, path });
        }
    }

    /// A key of the scenario language itself.
    fn own(&mut self, bearer: &Bearer, table: &Table, path: &str, name: &str, otherwise: &str) {
        self.put(bearer, name, value_of(table, name), path, otherwise.to_owned());
    }

    fn put(&mut self, bearer: &Bearer, name: &str, node: Option<&Node>, path: &str, otherwise: String) {
        let (value, origin) = match node {
            Some(node) => (self.plain(node), self.origin(node.place)),
            None => (otherwise, self.default_origin()),
        };
        let path = format!("{path}.{name}");
        self.found.push(InForce { bearer: bearer.clone(), name: name.to_owned(), value, origin, path });
    }

    fn plain(&self, node: &Node) -> String {
        node.word().unwrap_or_else(|| self.sources.text(node.place).to_owned())
    }

    fn default_of(&self, setting: &settings::Setting) -> String {
        let version = self.version.as_deref().and_then(settings::Version::named);
        version.and_then(|version| setting.default(version)).unwrap_or("none").to_owned()
    }

    fn origin(&self, place: Span) -> Origin {
        match self.sources.line(place) {
            Some((file, line)) => Origin::File { file: file.to_owned(), line },
            None => Origin::CommandLine,
        }
    }

    fn default_origin(&self) -> Origin {
        Origin::Default { version: self.version.clone().unwrap_or_default() }
    }
}

fn modelled(scope: Scope) -> impl Iterator<Item = settings::Setting> {
    settings::of(scope).into_iter().filter(|setting| setting.treatment == Treatment::Modelled)
}

/// The value under a dotted name, however it is nested.
fn value_of<'t>(table: &'t Table, name: &str) -> Option<&'t Node> {
    table
        .flatten()
        .into_iter()
        .find(|setting| setting.name == name)
        .map(|setting| setting.node)
        .or_else(|| table.value(name))
}

fn entry_named<'t>(tree: &'t Tree, kind: &str, name: &str) -> Option<&'t Table> {
    entries(tree, kind).find(|table| table.value("name").and_then(Node::text) == Some(name))
}

fn topic_path(topic: &str) -> String {
    let bare = topic.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if bare { format!("kafka.topics.{topic}") } else { format!("kafka.topics.\"{topic}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../../sim-configs/kafka/broker-loss.toml");

    fn find(set: &[&str], bearer: &Bearer, name: &str) -> InForce {
        let overrides =
            Overrides { set: set.iter().map(|text| (*text).to_owned()).collect(), ..Overrides::default() };
        let scenario = Scenario::load(TEXT, "broker-loss.toml", &overrides).expect("it loads");
        let all = in_force(TEXT, "broker-loss.toml", &overrides, &scenario);
        all.into_iter().find(|one| one.bearer == *bearer && one.name == name).expect("it is in force")
    }

    #[test]
    fn a_written_setting_has_its_line_and_a_default_its_version() {
        let shop = Bearer::Entry("shop".to_owned());
        let acks = find(&[], &shop, "producer.acks");
        let line = TEXT.lines().position(|line| line.starts_with("producer.acks")).expect("it is there") + 1;
        assert_eq!(acks.value, "1");
        assert_eq!(acks.origin, Origin::File { file: "broker-loss.toml".to_owned(), line });
        assert_eq!(acks.path, "generator.shop.producer.acks");
        let retries = find(&[], &shop, "producer.delivery.timeout.ms");
        assert_eq!(retries.origin, Origin::Default { version: "4.1".to_owned() });
        assert_eq!(retries.value, "120000");
    }

    #[test]
    fn an_override_wins_and_idempotence_follows_from_acks() {
        let shop = Bearer::Entry("shop".to_owned());
        let acks = find(&["generator.shop.producer.acks=all"], &shop, "producer.acks");
        assert_eq!((acks.value.as_str(), acks.origin), ("all", Origin::CommandLine));
        let idempotence = find(&[], &shop, "producer.enable.idempotence");
        assert_eq!(idempotence.value, "false");
        assert_eq!(idempotence.origin.to_string(), "follows from producer.acks = 1");
    }

    #[test]
    fn a_topic_inherits_from_its_cluster() {
        let orders = Bearer::Topic("orders".to_owned());
        let unclean =
            find(&["kafka.unclean.leader.election.enable=true"], &orders, "unclean.leader.election.enable");
        assert_eq!((unclean.value.as_str(), unclean.origin), ("true", Origin::CommandLine));
        assert_eq!(find(&[], &orders, "min.insync.replicas").value, "2");
    }

    #[test]
    fn a_fault_is_told_as_it_is_written() {
        let fault = find(&[], &Bearer::Fault(0), "fault");
        assert_eq!(fault.value, "at = \"30s\", kill = \"leader of orders-0\", for = \"20s\"");
    }
}
