//! What ails a cluster, or the way to it: looked at in the order in which a client needs it.
//!
//! The version is asked of a broker by its own protocol (ApiVersions), because librdkafka keeps it to itself; over
//! TLS it is not asked. Clocks are compared by a record that the broker stamps, on a topic of its own that is
//! removed again.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message, Timestamp};
use rdkafka::metadata::{Metadata, MetadataBroker};
use rdkafka::producer::{BaseProducer, BaseRecord, ProducerContext};

use crate::gateway::doctor::{Finding, State, knock};

use super::admin::{Admin, PATIENCE, Plan, silence};
use super::api_versions::{self, Told};
use super::embedded::Embedded;
use super::{Settings, Topic, settings};

/// Whom to examine.
#[derive(Clone, Debug)]
pub struct Visit {
    /// `host:port` each; empty for the cluster within this process.
    pub servers: Vec<String>,
    /// librdkafka properties of the connection.
    pub connection: Settings,
    /// Whether a record may be written, to compare clocks.
    pub may_write: bool,
    /// The scenario that is to run there.
    pub patient: Option<Patient>,
}

/// What of a scenario is of interest to a cluster.
#[derive(Clone, Debug)]
pub struct Patient {
    /// How many brokers it has.
    pub brokers: u32,
    /// What it says of security, by the names of Java's clients.
    pub security: Settings,
    /// Its topics.
    pub topics: Vec<(String, Topic)>,
    /// What it says of brokers, which only their administrator can set.
    pub settings: Settings,
    /// The settings of each entry's producer.
    pub producers: Vec<(String, Settings)>,
    /// The settings of each entry's consumer.
    pub consumers: Vec<(String, Settings)>,
}

/// What starts such brokers.
pub(super) const START: &str = "scripts/brokers up kafka";

/// Collects what librdkafka complains of.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<String>>>);

impl ClientContext for Listener {
    fn error(&self, _: KafkaError, reason: &str) {
        self.0.lock().expect("nobody panics with it in hand").push(reason.to_owned());
    }
}

impl ConsumerContext for Listener {}

/// What librdkafka complains of when it connects.
pub(super) fn complaints(config: &ClientConfig) -> Vec<String> {
    let listener = Listener::default();
    let made: Result<BaseConsumer<Listener>, _> = config.create_with_context(listener.clone());
    if let Ok(client) = made {
        let _ = client.fetch_metadata(None, Duration::from_secs(3));
        client.poll(Duration::from_millis(100));
    }
    let heard = listener.0.lock().expect("nobody panics with it in hand");
    heard.clone()
}

/// Looks at everything, as far as it gets.
pub fn examine(visit: &Visit) -> Vec<Finding> {
    if visit.servers.is_empty() {
        return examine_embedded(visit);
    }
    let security = visit.patient.as_ref().map_or(&[][..], |patient| &patient.security);
    let (secured, said) = settings::secured(security, &visit.connection);
    let visit = &Visit { connection: secured, ..visit.clone() };
    let note = |says| Finding { about: "client", state: State::Odd, says, remedy: None };
    let mut findings: Vec<_> = said.into_iter().map(note).collect();
    if let Some(why) = settings::beyond_this_build(&visit.connection) {
        findings.push(Finding::bad("client", why, "see above"));
        return findings;
    }
    if !reach(&visit.servers, &mut findings) {
        return findings;
    }
    let config = connection(visit);
    let Some((admin, metadata)) = meet(visit, &config, &mut findings) else { return findings };
    findings.push(version(visit));
    look_at_brokers(&metadata, &mut findings);
    if let Some(patient) = &visit.patient {
        look_at_scenario(patient, &admin, &metadata, &mut findings);
    }
    findings.push(compare_clocks(visit, &config, &admin, &metadata));
    findings
}

fn examine_embedded(visit: &Visit) -> Vec<Finding> {
    let mut findings = vec![match Embedded::start(1) {
        Ok(cluster) => {
            Finding::good("cluster", format!("librdkafka's mock cluster starts, on {}", cluster.bootstrap()))
        }
        Err(trouble) => {
            Finding::bad("cluster", trouble.to_string(), "it needs a free port on the loopback interface")
        }
    }];
    if let Some(patient) = &visit.patient {
        findings.extend(clients(patient));
    }
    findings
}

fn connection(visit: &Visit) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (name, value) in &visit.connection {
        config.set(name, value);
    }
    config.set("bootstrap.servers", visit.servers.join(",")).set("log.connection.close", "false");
    config
}

/// Whether anybody listens at all.
fn reach(servers: &[String], findings: &mut Vec<Finding>) -> bool {
    let mut reached = false;
    for server in servers {
        match knock(server, START) {
            Ok(()) => {
                reached = true;
                findings.push(Finding::good("reach", format!("{server} takes connections")));
            }
            Err((says, remedy)) => findings.push(Finding::bad("reach", says, remedy)),
        }
    }
    reached
}

fn meet(visit: &Visit, config: &ClientConfig, findings: &mut Vec<Finding>) -> Option<(Admin, Metadata)> {
    let admin = match Admin::new(config) {
        Ok(admin) => admin,
        Err(error) => {
            findings.push(Finding::bad(
                "client",
                error.to_string(),
                "look at the values of --client-property",
            ));
            return None;
        }
    };
    match admin.metadata(None, PATIENCE) {
        Ok(metadata) => Some((admin, metadata)),
        Err(error) => {
            let whole = silence(&visit.servers.join(","), &error, &complaints(config));
            let (says, remedy) = whole.rsplit_once("; ").unwrap_or((whole.as_str(), ""));
            findings.push(Finding::bad("talk", says, remedy));
            None
        }
    }
}

fn version(visit: &Visit) -> Finding {
    let encrypted = visit
        .connection
        .iter()
        .any(|(name, value)| name == "security.protocol" && !value.eq_ignore_ascii_case("plaintext"));
    if encrypted {
        return Finding::odd(
            "version",
            "not asked over a secured connection",
            "ask the cluster's administrator",
        );
    }
    let told = visit.servers.iter().find_map(|server| api_versions::ask(server).ok());
    match told {
        Some(Told { metadata_version: Some(level), .. }) => {
            let release = api_versions::release(level);
            Finding::good("version", format!("Kafka {release} (metadata.version {level})"))
        }
        Some(Told { apis, .. }) => Finding::odd(
            "version",
            format!("it does not say; it knows {apis} kinds of requests"),
            "an old broker, or another product that talks Kafka: trust the other lines",
        ),
        None => Finding::odd("version", "it does not answer ApiVersions", "trust the other lines"),
    }
}

fn look_at_brokers(metadata: &Metadata, findings: &mut Vec<Finding>) {
    let address = |broker: &MetadataBroker| format!("{}:{}", broker.host(), broker.port());
    let all: Vec<_> = metadata.brokers().iter().map(|it| format!("{} at {}", it.id(), address(it))).collect();
    findings.push(Finding::good("brokers", format!("{}: {}", all.len(), all.join(", "))));
    let left = metadata.topics().iter().filter(|topic| topic.name().starts_with("brokersim-"));
    let left: Vec<_> = left.map(rdkafka::metadata::MetadataTopic::name).collect();
    if !left.is_empty() {
        let says = format!("{} topics of other runs are there: {}", left.len(), left.join(", "));
        findings.push(Finding::odd(
            "brokers",
            says,
            "if none of these runs goes on, remove them: kafka-topics.sh --delete",
        ));
    }
    for broker in metadata.brokers() {
        if let Err((why, _)) = knock(&address(broker), START) {
            let says = format!("broker {} names itself {}, and {why}", broker.id(), address(broker));
            findings.push(Finding::bad(
                "brokers",
                says,
                "let its advertised.listeners be an address that is reached from here",
            ));
        }
    }
}

fn look_at_scenario(patient: &Patient, admin: &Admin, metadata: &Metadata, findings: &mut Vec<Finding>) {
    let (there, wanted) = (metadata.brokers().len() as u32, patient.brokers);
    if there != wanted {
        findings.push(Finding::odd(
            "scenario",
            format!("it has {wanted} brokers, the cluster {there}"),
            format!("write brokers = {there} to compare like with like"),
        ));
    }
    let before = findings.len();
    for (name, topic) in &patient.topics {
        findings.extend(look_at_topic(name, topic, admin));
    }
    if findings.len() == before {
        findings
            .push(Finding::good("topics", format!("all {} can be made as written", patient.topics.len())));
    }
    if let Some(broker) = metadata.brokers().first() {
        findings.extend(look_at_settings(patient, admin, broker.id()));
    }
    findings.extend(clients(patient));
}

fn plan(topic: &Topic, settings: Settings) -> Plan {
    let (partitions, replication_factor) = (topic.partitions, topic.replication_factor);
    Plan {
        topic: format!("brokersim-doctor-{:08x}", super::new_run()),
        partitions,
        replication_factor,
        settings,
    }
}

/// Whether a topic could be made, or which of its settings is in the way.
fn look_at_topic(name: &str, topic: &Topic, admin: &Admin) -> Option<Finding> {
    let refusal = |settings: Settings| match admin.create(&[plan(topic, settings)], true) {
        Ok(outcome) => outcome.first().copied().flatten().map(|code| (code, code.to_string())),
        Err(error) => Some((RDKafkaErrorCode::Fail, error.to_string())),
    };
    let (code, why) = refusal(topic.settings.clone())?;
    if code == RDKafkaErrorCode::InvalidReplicationFactor {
        let says = format!("{name}: replication.factor = {}: {why}", topic.replication_factor);
        return Some(Finding::bad(
            "topics",
            says,
            "start more brokers, or let the scenario have a smaller one",
        ));
    }
    let one = |setting: &&(String, String)| refusal(vec![(*setting).clone()]).is_some();
    let culprits = topic.settings.iter().filter(one).map(|(name, value)| format!("{name} = {value}"));
    let culprits: Vec<_> = culprits.collect();
    Some(if culprits.is_empty() {
        Finding::bad(
            "topics",
            format!("{name} cannot be made: {why}"),
            "may this user make topics? else --use-existing",
        )
    } else {
        let says = format!("{name}: the cluster does not take {}", culprits.join(", "));
        Finding::bad("topics", says, "write another value, or leave it to the cluster")
    })
}

/// What a broker is set to, where the scenario says something else.
fn look_at_settings(patient: &Patient, admin: &Admin, broker: i32) -> Vec<Finding> {
    let told = match admin.broker_settings(broker) {
        Ok(told) => told,
        Err(error) => {
            let says = format!("broker {broker} does not tell its settings: {error}");
            return vec![Finding::odd("settings", says, "this user needs DescribeConfigs on the cluster")];
        }
    };
    let differs = |(name, wanted): &(String, String)| {
        let there = told.get(name)?.value.as_ref()?;
        (there != wanted).then(|| {
            let remedy = format!("write {name} = {there} in [kafka], or set it on the brokers");
            Finding::odd("settings", format!("{name} is {there} there, {wanted} in the scenario"), remedy)
        })
    };
    let found: Vec<_> = patient.settings.iter().filter_map(differs).collect();
    if found.is_empty() {
        return vec![Finding::good(
            "settings",
            "the brokers are set as the scenario says, as far as it matters",
        )];
    }
    found
}

/// What librdkafka does not do as the scenario writes it. Clients are only made, and not connected, to hear
/// whether their settings go together.
fn clients(patient: &Patient) -> Vec<Finding> {
    let nowhere = [("bootstrap.servers".to_owned(), "127.0.0.1:1".to_owned())];
    let mut findings = Vec::new();
    for (name, given) in &patient.producers {
        let properties = settings::producer(given);
        let made = properties.config(&nowhere).create::<BaseProducer>().err();
        findings.extend(client(name, &properties.notes, made));
    }
    for (name, given) in &patient.consumers {
        let properties = settings::consumer(given);
        let made = properties.config(&nowhere).set("group.id", "doctor").create::<BaseConsumer>().err();
        findings.extend(client(name, &properties.notes, made));
    }
    if findings.is_empty() {
        findings.push(Finding::good("clients", "librdkafka takes all settings of producers and consumers"));
    }
    findings
}

fn client(name: &str, notes: &[String], error: Option<KafkaError>) -> Vec<Finding> {
    let note =
        |note| Finding::odd("clients", format!("{name}: {note}"), "nothing, if that is of no matter to you");
    let notes = notes.iter().map(note);
    let error = error.map(|error| Finding::bad("clients", format!("{name}: {error}"), "write another value"));
    notes.chain(error).collect()
}

/// A record that the broker stamps, and when it was sent and acknowledged.
#[derive(Clone, Default)]
struct Stamp(Arc<Mutex<Option<i64>>>);

impl ClientContext for Stamp {
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Stamp {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Ok(message) = result
            && let Timestamp::LogAppendTime(at) = message.timestamp()
        {
            *self.0.lock().expect("nobody panics with it in hand") = Some(at);
        }
    }
}

fn millis() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

fn compare_clocks(visit: &Visit, config: &ClientConfig, admin: &Admin, metadata: &Metadata) -> Finding {
    if !visit.may_write {
        return Finding::odd(
            "clock",
            "not compared: that takes a record on a topic of its own",
            "allow it with --yes",
        );
    }
    let setting = ("message.timestamp.type".to_owned(), "LogAppendTime".to_owned());
    let topic = Topic { partitions: 1, replication_factor: 1, settings: Vec::new() };
    let plan = plan(&topic, vec![setting]);
    let made = admin.create(std::slice::from_ref(&plan), false);
    if !matches!(made.as_deref(), Ok([None])) || !admin.await_leaders(&plan.topic, 1, PATIENCE) {
        return Finding::odd(
            "clock",
            "not compared: this user may not make a topic",
            "nothing; promises do not need it",
        );
    }
    let measured = measure(config, &plan.topic);
    let removed = admin.delete(std::slice::from_ref(&plan.topic));
    let mut finding = match measured {
        Some((ahead, round_trip)) => judge_clock(ahead, round_trip, metadata),
        None => Finding::odd(
            "clock",
            "not compared: the record was not acknowledged within 10 s",
            "look at the lines above",
        ),
    };
    if !matches!(removed.as_deref(), Ok([])) {
        finding.says.push_str(&format!("; topic {} could not be removed", plan.topic));
    }
    finding
}

/// How far ahead the broker's clock is, and how long the question took, both in ms; the second of two records
/// counts, when connections are there.
fn measure(config: &ClientConfig, topic: &str) -> Option<(i64, i64)> {
    let stamp = Stamp::default();
    let mut config = config.clone();
    config.set("linger.ms", "0").set("message.timeout.ms", "10000");
    let producer: BaseProducer<Stamp> = config.create_with_context(stamp.clone()).ok()?;
    let mut last = None;
    for _ in 0..2 {
        let sent = millis();
        producer.send(BaseRecord::<(), str>::to(topic).payload("what time is it?")).ok()?;
        let deadline = sent + PATIENCE.as_millis() as i64;
        let at = loop {
            producer.poll(Duration::from_millis(1));
            let stamped = stamp.0.lock().expect("nobody panics with it in hand").take();
            if stamped.is_some() || millis() > deadline {
                break stamped;
            }
        };
        let (at, answered) = (at?, millis());
        last = Some((at - i64::midpoint(sent, answered), answered - sent));
    }
    last
}

fn judge_clock(ahead: i64, round_trip: i64, metadata: &Metadata) -> Finding {
    let direction = if ahead < 0 { "behind" } else { "ahead of" };
    let who = metadata.brokers().first().map_or(0, MetadataBroker::id);
    let says = format!(
        "the brokers' is {} ms {direction} this one, give or take {} ms (broker {who} and others not told apart)",
        ahead.abs(),
        round_trip / 2 + 1
    );
    if ahead.abs() <= round_trip / 2 + 100 {
        return Finding::good("clock", says);
    }
    Finding::odd(
        "clock",
        says,
        "synchronise both (NTP): timestamps, retention and by_duration go by the brokers' clock",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_where_nobody_listens_is_told_with_what_to_do() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        drop(listener);
        let visit = Visit { servers: vec![address], connection: Vec::new(), may_write: false, patient: None };
        let findings = examine(&visit);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].about, findings[0].state), ("reach", State::Bad));
        assert!(findings[0].remedy.as_ref().is_some_and(|remedy| remedy.contains("start the broker")));
    }

    #[test]
    fn the_embedded_cluster_answers_as_a_broker_does() {
        let cluster = Embedded::start(2).expect("the mock cluster starts");
        let servers = cluster.bootstrap().split(',').map(str::to_owned).collect();
        let visit = Visit { servers, connection: Vec::new(), may_write: false, patient: None };
        let findings = examine(&visit);
        assert!(findings.iter().all(|finding| finding.state != State::Bad), "{findings:?}");
        assert!(findings.iter().any(|finding| finding.says.starts_with("2: ")), "{findings:?}");
    }
}
