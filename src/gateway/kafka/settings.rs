//! From Kafka's settings, by the names of the Java clients, to librdkafka's.
//!
//! **Invariant.** Each setting that is given has become a property of librdkafka, or is done by brokersim itself,
//! or a note says by name that it is left out and why.
//!
//! Source: librdkafka 2.12, `CONFIGURATION.md`; Kafka 4.1, `ProducerConfig` and `ConsumerConfig`.

use std::collections::BTreeMap;

use rdkafka::config::ClientConfig;

/// A client's properties as librdkafka takes them, and what there is to say about that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// By librdkafka's names.
    pub values: BTreeMap<String, String>,
    /// What could not be done as written, once each.
    pub notes: Vec<String>,
}

impl Properties {
    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
    }

    fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// As librdkafka's own configuration, over the properties of the connection.
    pub fn config(&self, connection: &[(String, String)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in connection {
            config.set(name, value);
        }
        for (name, value) in &self.values {
            config.set(name, value);
        }
        config
    }
}

/// What becomes of a setting.
enum Becomes {
    /// The same name.
    Same,
    /// Another name.
    Called(&'static str),
    /// brokersim does it, as the Java client does.
    Ours,
    /// Nothing: why.
    Nothing(&'static str),
}

const JAVA: &str = "it belongs to the Java client";
const KEYSTORE: &str = "librdkafka reads PEM files: give --client-property ssl.ca.location=FILE instead";

/// Settings that both kinds of client share, and any that are not named elsewhere: the same name when librdkafka
/// knows it.
fn shared(name: &str) -> Becomes {
    match name {
        "metadata.max.age.ms" => Becomes::Called("topic.metadata.refresh.interval.ms"),
        "send.buffer.bytes" => Becomes::Called("socket.send.buffer.bytes"),
        "receive.buffer.bytes" => Becomes::Called("socket.receive.buffer.bytes"),
        "sasl.mechanism" => Becomes::Called("sasl.mechanisms"),
        "socket.connection.setup.timeout.max.ms" => {
            Becomes::Nothing("librdkafka has one time-out for all attempts")
        }
        "ssl.truststore.location" | "ssl.truststore.certificates" | "ssl.truststore.type" => {
            Becomes::Nothing(KEYSTORE)
        }
        "ssl.truststore.password" | "ssl.keystore.type" => Becomes::Nothing(KEYSTORE),
        "sasl.jaas.config" => Becomes::Nothing(
            "librdkafka takes sasl.username and sasl.password: give them with --client-property",
        ),
        _ => Becomes::Same,
    }
}

fn of_producer(name: &str) -> Becomes {
    match name {
        "max.request.size" => Becomes::Called("message.max.bytes"),
        "max.block.ms" => Becomes::Ours,
        "partitioner.adaptive.partitioning.enable" => {
            Becomes::Nothing("librdkafka picks partitions for records without keys evenly")
        }
        "partitioner.availability.timeout.ms" => Becomes::Nothing("librdkafka does not shun slow partitions"),
        "metadata.max.idle.ms" => Becomes::Nothing("librdkafka keeps what it knows of a topic"),
        "compression.gzip.level" | "compression.lz4.level" | "compression.zstd.level" => {
            Becomes::Called("compression.level")
        }
        _ => shared(name),
    }
}

fn of_consumer(name: &str) -> Becomes {
    match name {
        "fetch.max.wait.ms" => Becomes::Called("fetch.wait.max.ms"),
        "request.timeout.ms" => Becomes::Called("socket.timeout.ms"),
        "max.poll.records"
        | "enable.auto.commit"
        | "auto.commit.interval.ms"
        | "auto.offset.reset"
        | "partition.assignment.strategy" => Becomes::Ours,
        "default.api.timeout.ms" => {
            Becomes::Nothing("librdkafka's commits last as long as their requests do")
        }
        "exclude.internal.topics" => Becomes::Nothing("topics are subscribed to by name"),
        _ => shared(name),
    }
}

fn number(given: &[(String, String)], name: &str) -> Option<u64> {
    let (_, value) = given.iter().find(|(given, _)| given == name)?;
    value.parse().ok()
}

fn text<'a>(given: &'a [(String, String)], name: &str) -> Option<&'a str> {
    given.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
}

/// Whether librdkafka, as it was built, knows the property and takes the value.
fn takes(name: &str, value: &str) -> Result<(), String> {
    let mut config = ClientConfig::new();
    config.set(name, value);
    config.create_native_config().map(|_| ()).map_err(|error| match error {
        rdkafka::error::KafkaError::ClientConfig(_, why, ..) => why,
        other => other.to_string(),
    })
}

fn take(properties: &mut Properties, given: &[(String, String)], becomes: fn(&str) -> Becomes) {
    for (name, value) in given.iter().filter(|(name, _)| !secures(name)) {
        match becomes(name) {
            Becomes::Ours => {}
            Becomes::Nothing(why) => properties.note(format!("`{name}` is left out: {why}")),
            Becomes::Same => try_take(properties, name, name, value),
            Becomes::Called(called) => try_take(properties, name, called, value),
        }
    }
}

fn try_take(properties: &mut Properties, name: &str, called: &str, value: &str) {
    match takes(called, value) {
        Ok(()) => properties.set(called, value),
        Err(_) if takes(called, "").is_err_and(|why| why.contains("No such")) => {
            properties.note(format!("`{name}` is left out: {JAVA}, and librdkafka has no counterpart"));
        }
        Err(why) => properties.note(format!("`{name}` = {value} is left out: librdkafka says: {why}")),
    }
}

/// The properties of a producer with these settings.
pub fn producer(given: &[(String, String)]) -> Properties {
    let mut properties = Properties::default();
    let special =
        ["buffer.memory", "batch.size", "request.timeout.ms", "retry.backoff.ms", "partitioner.ignore.keys"];
    let plain: Vec<_> = given.iter().filter(|(name, _)| !special.contains(&name.as_str())).cloned().collect();
    take(&mut properties, &plain, of_producer);
    properties.set("queue.buffering.max.messages", "0");
    // Topics are there before producers are; one that lingers must not make anew what has been removed.
    properties.set("allow.auto.create.topics", "false");
    if let Some(bytes) = number(given, "buffer.memory") {
        properties
            .set("queue.buffering.max.kbytes", bytes.div_ceil(1024).clamp(1, 2_147_483_647).to_string());
    }
    match number(given, "batch.size") {
        Some(0) => properties.set("batch.num.messages", "1"),
        Some(bytes) => {
            properties.set("batch.size", bytes.to_string());
            properties.set("batch.num.messages", "1000000");
        }
        None => {}
    }
    if let Some(millis) = number(given, "request.timeout.ms") {
        properties.set("request.timeout.ms", millis.clamp(1, 900_000).to_string());
        properties.set("socket.timeout.ms", millis.clamp(10, 300_000).to_string());
    }
    if let Some(millis) = number(given, "retry.backoff.ms") {
        properties.set("retry.backoff.ms", millis.max(1).to_string());
    }
    // Records with keys are given their partition here, by Java's murmur2; the others are left to librdkafka.
    let ignore_keys = text(given, "partitioner.ignore.keys") == Some("true");
    properties.set("partitioner", if ignore_keys { "random" } else { "murmur2_random" });
    finish(&mut properties);
    properties
}

/// The properties of a consumer with these settings.
pub fn consumer(given: &[(String, String)]) -> Properties {
    let mut properties = Properties::default();
    let modern = text(given, "group.protocol") == Some("consumer");
    let classic_only = ["session.timeout.ms", "heartbeat.interval.ms"];
    let special = ["fetch.min.bytes", "fetch.max.bytes", "retry.backoff.ms"];
    let plain = given.iter().filter(|(name, _)| {
        !(special.contains(&name.as_str()) || modern && classic_only.contains(&name.as_str()))
    });
    let plain: Vec<_> = plain.cloned().collect();
    take(&mut properties, &plain, of_consumer);
    properties.set("fetch.min.bytes", number(given, "fetch.min.bytes").unwrap_or(1).max(1).to_string());
    if let Some(bytes) = number(given, "fetch.max.bytes") {
        let bytes = bytes.clamp(1_000, 2_147_483_135);
        properties.set("fetch.max.bytes", bytes.to_string());
        properties.set("receive.message.max.bytes", (bytes + 512).max(100_000_000).to_string());
        if bytes < 1_000_000 {
            properties.set("message.max.bytes", bytes.to_string());
        }
    }
    if let Some(millis) = number(given, "retry.backoff.ms") {
        properties.set("retry.backoff.ms", millis.max(1).to_string());
    }
    if modern {
        properties.note("`group.protocol` = consumer: the broker decides about sessions and heartbeats");
    } else {
        let assignors = assignors(text(given, "partition.assignment.strategy"), &mut properties);
        properties.set("partition.assignment.strategy", assignors);
    }
    // Java's consumer polls and commits in one thread, and so does brokersim on librdkafka's.
    properties.set("enable.auto.commit", "false");
    properties.set("enable.auto.offset.store", "false");
    // Where nothing is committed brokersim says where to begin; this is for positions that are out of range.
    properties.set(
        "auto.offset.reset",
        match text(given, "auto.offset.reset") {
            Some("none") => "error",
            Some("latest") | None => "latest",
            Some(_) => "earliest",
        },
    );
    // Defaults in which the two clients differ.
    for (name, value) in [("isolation.level", "read_uncommitted"), ("check.crcs", "true")] {
        properties.values.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    // Prefetch like Java's: the next fetch of a partition goes out when the last one has been handed over.
    let records = number(given, "max.poll.records").unwrap_or(500).clamp(1, 10_000_000);
    properties.set("queued.min.messages", records.to_string());
    properties.set("fetch.queue.backoff.ms", "5");
    properties.set("fetch.error.backoff.ms", "100");
    finish(&mut properties);
    properties
}

/// librdkafka's assignors: those of one protocol, in the order of preference.
fn assignors(given: Option<&str>, properties: &mut Properties) -> String {
    let mut known = Vec::new();
    for name in given.unwrap_or("range").split(',').map(str::trim) {
        match name {
            "sticky" => {
                properties.note(
                    "`partition.assignment.strategy`: librdkafka has no `sticky`; cooperative-sticky moves as \
                     little, without stopping everything",
                );
                known.push("cooperative-sticky");
            }
            other => known.push(other),
        }
    }
    // Java joins with the eager protocol while any of its assignors is eager.
    let eager = |name: &&str| *name != "cooperative-sticky";
    if known.iter().any(eager) {
        known.retain(eager);
    }
    known.join(",")
}

fn finish(properties: &mut Properties) {
    properties.set("log.connection.close", "false");
    properties.set("topic.metadata.refresh.sparse", "true");
    if !properties.values.contains_key("enable.metrics.push") {
        properties.set("enable.metrics.push", "false");
    }
}

/// The connection that these settings of clients ask for: who they are, and how that is kept secret. Brokers are asked
/// for topics and watermarks with the same.
pub fn connection(given: &[(String, String)]) -> Properties {
    let mut properties = Properties::default();
    for (name, value) in given.iter().filter(|(name, _)| secures(name)) {
        match shared(name) {
            Becomes::Same => properties.set(name, value.as_str()),
            Becomes::Called(called) => properties.set(called, value.as_str()),
            Becomes::Nothing(why) => properties.note(format!("`{name}` is left out: {why}")),
            Becomes::Ours => unreachable!("security is librdkafka's"),
        }
    }
    properties
}

/// Whether it is about security: then it goes for the connection, and not for one client.
fn secures(name: &str) -> bool {
    ["security.", "sasl.", "ssl."].iter().any(|begin| name.starts_with(begin))
}

/// What the file says of security, and over it what the command line says of connections; and what there is to say
/// about that.
pub fn secured(
    security: &[(String, String)],
    said: &[(String, String)],
) -> (Vec<(String, String)>, Vec<String>) {
    let Properties { values, notes } = connection(security);
    let is_unsaid = |name: &String| !said.iter().any(|(other, _)| other == name);
    let from_file = values.into_iter().filter(|(name, _)| is_unsaid(name));
    (from_file.chain(said.iter().cloned()).collect(), notes)
}

/// Settings of a connection that this build of librdkafka cannot do, with what to do about it.
pub fn beyond_this_build(connection: &[(String, String)]) -> Option<String> {
    if let Some(asked) = needs_tls(connection).filter(|_| !cfg!(feature = "real-kafka-tls")) {
        return Some(format!(
            "{asked} needs OpenSSL, and this build was made without it: build with `cargo build --features \
             real-kafka-tls` (OpenSSL's headers have to be there: libssl-dev, openssl-devel)"
        ));
    }
    let bad = connection.iter().find_map(|(name, value)| Some((name, takes(name, value).err()?)));
    bad.map(|(name, why)| {
        format!("librdkafka does not take {name} (from --client-property or the file): {why}")
    })
}

/// What of a connection needs OpenSSL, if anything does.
fn needs_tls(connection: &[(String, String)]) -> Option<String> {
    let value = |name: &str| text(connection, name).map(|value| (name.to_owned(), value.to_owned()));
    let enciphered = value("security.protocol").filter(|(_, it)| it.to_ascii_lowercase().ends_with("ssl"));
    let mechanism = value("sasl.mechanism").or_else(|| value("sasl.mechanisms"));
    let hashed =
        |it: &str| it.to_ascii_lowercase().starts_with("scram") || it.eq_ignore_ascii_case("oauthbearer");
    let (name, value) = enciphered.or_else(|| mechanism.filter(|(_, it)| hashed(it)))?;
    Some(format!("{name} = {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn settings_have_librdkafkas_names() {
        let properties = producer(&given(&[
            ("buffer.memory", "33554432"),
            ("max.request.size", "1048576"),
            ("linger.ms", "5"),
            ("acks", "all"),
            ("max.block.ms", "60000"),
        ]));
        let value = |name: &str| properties.values.get(name).map(String::as_str);
        assert_eq!(value("queue.buffering.max.kbytes"), Some("32768"));
        assert_eq!(value("message.max.bytes"), Some("1048576"));
        assert_eq!((value("linger.ms"), value("acks")), (Some("5"), Some("all")));
        assert_eq!(value("max.block.ms"), None);
        assert_eq!(properties.notes, Vec::<String>::new());
    }

    #[test]
    fn what_librdkafka_cannot_do_is_said_by_name() {
        let properties = producer(&given(&[
            ("partitioner.adaptive.partitioning.enable", "true"),
            ("metrics.num.samples", "3"),
        ]));
        let named = |name: &str| properties.notes.iter().any(|note| note.contains(name));
        assert!(named("`partitioner.adaptive.partitioning.enable`"), "{:?}", properties.notes);
        assert!(named("`metrics.num.samples`"), "{:?}", properties.notes);
        let connection = connection(&given(&[("ssl.truststore.location", "/tmp/a.jks")]));
        assert!(connection.notes[0].contains("ssl.ca.location"), "{:?}", connection.notes);
    }

    #[test]
    fn a_mixed_list_of_assignors_is_eager_as_it_is_in_java() {
        let strategy = |list| {
            let properties = consumer(&given(&[("partition.assignment.strategy", list)]));
            (properties.values["partition.assignment.strategy"].clone(), properties.notes.len())
        };
        assert_eq!(strategy("range,cooperative-sticky"), ("range".to_owned(), 0));
        assert_eq!(strategy("cooperative-sticky"), ("cooperative-sticky".to_owned(), 0));
        assert_eq!(strategy("sticky"), ("cooperative-sticky".to_owned(), 1));
    }

    #[test]
    fn every_default_of_the_java_clients_makes_a_client() {
        let one = consumer(&given(&[("fetch.max.bytes", "52428800"), ("session.timeout.ms", "45000")]));
        let mut config = one.config(&given(&[("bootstrap.servers", "127.0.0.1:1")]));
        config.set("group.id", "g");
        assert!(config.create::<rdkafka::consumer::BaseConsumer>().is_ok());
    }

    #[test]
    fn what_a_file_says_of_security_is_for_every_connection() {
        let properties = connection(&given(&[
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.jaas.config", "..."),
            ("linger.ms", "5"),
        ]));
        let values: Vec<_> =
            properties.values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(values, [("sasl.mechanisms", "PLAIN"), ("security.protocol", "SASL_PLAINTEXT")]);
        assert!(properties.notes[0].contains("sasl.username"), "{:?}", properties.notes);
    }

    #[test]
    #[cfg(not(feature = "real-kafka-tls"))]
    fn tls_without_openssl_says_which_feature_it_needs() {
        for (name, value) in [
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.mechanisms", "OAUTHBEARER"),
        ] {
            let why = beyond_this_build(&given(&[(name, value)])).expect("it is refused");
            assert!(why.contains("real-kafka-tls") && why.starts_with(&format!("{name} = {value}")), "{why}");
        }
        assert_eq!(beyond_this_build(&given(&[("sasl.mechanism", "PLAIN")])), None);
        assert_eq!(beyond_this_build(&given(&[("client.id", "me")])), None);
        assert!(beyond_this_build(&given(&[("clientid", "me")])).is_some());
    }
}
