//! Combinations of Kafka's settings that Kafka refuses, or that can never work.

use std::collections::BTreeMap;

use crate::kafka::config::{
    Acks, AssignorName, ConsumerConfig, GroupProtocol, OffsetReset, ProducerConfig, Version,
};

use super::super::error::{Finding, Span};
use super::super::file::Node;
use super::super::scenario::{Commit, Kafka, Payload, Reader, Topic};
use super::{Check, Written, shown};
use crate::workload::{PayloadKind, SizeLaw};

pub(super) fn check(cx: &mut Check<'_>, kafka: &Kafka) {
    cluster(cx, kafka);
    for topic in &kafka.topics {
        internal(cx, topic);
        replication(cx, kafka, topic);
    }
    let scenario = cx.scenario;
    for (written, generator) in cx.entries("generator").into_iter().zip(&scenario.generators) {
        if let Some(config) = &generator.producer {
            producer(cx, written, config);
            acknowledged(cx, kafka, written, config, &generator.topic);
            if let Payload::Made(PayloadKind::Bytes(bytes)) = &generator.payload {
                fits(cx, written, config, &bytes.size);
            }
        }
    }
    for (written, processor) in cx.entries("processor").into_iter().zip(&scenario.processors) {
        if let Some(config) = &processor.producer {
            producer(cx, written, config);
            acknowledged(cx, kafka, written, config, &processor.to);
        }
        reader(cx, kafka, written, &processor.reader);
    }
    for (written, sink) in cx.entries("sink").into_iter().zip(&scenario.sinks) {
        reader(cx, kafka, written, &sink.reader);
    }
    groups(cx);
}

/// Topics that a cluster makes for itself; a client may not write to them.
const INTERNAL: [&str; 4] =
    ["__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"];

fn internal(cx: &mut Check<'_>, topic: &Topic) {
    if !INTERNAL.contains(&topic.name.as_str()) {
        return;
    }
    let place = cx.section(&["kafka", "topics", &topic.name]).header;
    cx.report(
        Finding::new("kafka::topic", format!("`{}` belongs to Kafka itself", topic.name))
            .at(place, "applications neither make it nor write to it")
            .help("choose another name"),
    );
}

fn cluster(cx: &mut Check<'_>, kafka: &Kafka) {
    let written = cx.section(&["kafka"]);
    let config = &kafka.config;
    let racks = written.value("racks").and_then(Node::list).map_or(0, <[_]>::len);
    if racks > kafka.brokers as usize {
        cx.report(
            Finding::new("kafka::racks", "there are more racks than brokers")
                .at(written.at("racks"), format!("{racks} racks"))
                .at(written.at("brokers"), format!("{} brokers", kafka.brokers))
                .help("leave out the empty racks or add brokers"),
        );
    }
    if config.offsets_topic_replication_factor > kafka.brokers {
        too_many_replicas(
            cx,
            kafka,
            written.at("offsets.topic.replication.factor"),
            config.offsets_topic_replication_factor,
        );
    }
    if config.group_min_session_timeout > config.group_max_session_timeout {
        cx.report(
            Finding::new("kafka::session", "the shortest session is longer than the longest")
                .at(written.at("group.min.session.timeout.ms"), shown(config.group_min_session_timeout))
                .at_some(written.set("group.max.session.timeout.ms"), shown(config.group_max_session_timeout))
                .help("no consumer could join; lower group.min.session.timeout.ms"),
        );
    }
    if config.broker_heartbeat_interval >= config.broker_session_timeout {
        cx.report(
            Finding::new("kafka::session", "brokers are fenced between two of their heartbeats")
                .at(
                    written.at("broker.heartbeat.interval.ms"),
                    format!("a heartbeat every {}", config.broker_heartbeat_interval),
                )
                .at_some(
                    written.set("broker.session.timeout.ms"),
                    format!("fenced after {}", config.broker_session_timeout),
                )
                .help(format!(
                    "keep it under a third of broker.session.timeout.ms, {}",
                    config.broker_session_timeout
                )),
        );
    }
    if config.replica_fetch_wait_max > config.replica_lag_time_max {
        cx.report(
            Finding::new("kafka::replication", "followers wait for longer than they may lag")
                .at(written.at("replica.fetch.wait.max.ms"), format!("a fetch waits up to {}", config.replica_fetch_wait_max))
                .at_some(written.set("replica.lag.time.max.ms"), format!("out of sync after {}", config.replica_lag_time_max))
                .help("replica.fetch.wait.max.ms must be at most replica.lag.time.max.ms, or idle topics lose their in-sync replicas"),
        );
    }
    if kafka.version < Version::V4_0 && config.eligible_leader_replicas {
        cx.report(
            Finding::new("kafka::version", "Kafka 3.9 has no eligible leader replicas")
                .at(written.at("eligible.leader.replicas.version"), "since 4.0 (KIP-966)")
                .at(written.at("version"), "the version")
                .help("leave it out or choose version = \"4.0\" or later"),
        );
    }
}

fn too_many_replicas(cx: &mut Check<'_>, kafka: &Kafka, place: Span, replicas: u32) {
    let written = cx.section(&["kafka"]);
    let brokers = kafka.brokers;
    cx.report(
        Finding::new(
            "kafka::replication",
            format!("{replicas} replicas do not fit on {brokers} broker{}", plural(brokers)),
        )
        .at(place, "the replication factor")
        .at_some(written.set("brokers"), "the number of brokers")
        .help(format!("each replica needs a broker of its own: at most {brokers}, or brokers = {replicas}")),
    );
}

fn plural(count: u32) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn replication(cx: &mut Check<'_>, kafka: &Kafka, topic: &Topic) {
    if topic.replication_factor > kafka.brokers {
        let written = cx.section(&["kafka", "topics", &topic.name]);
        let cluster = cx.section(&["kafka"]);
        let place = written.set("replication.factor").or(cluster.set("default.replication.factor"));
        too_many_replicas(cx, kafka, place.unwrap_or(written.header), topic.replication_factor);
    }
}

/// `min.insync.replicas` above the replication factor is legal, but no `acks=all` write ever succeeds.
fn acknowledged(
    cx: &mut Check<'_>,
    kafka: &Kafka,
    client: Written<'_>,
    config: &ProducerConfig,
    topic: &str,
) {
    let Some(topic) = kafka.topics.iter().find(|known| known.name == topic) else { return };
    if config.acks != Acks::All || topic.config.min_insync_replicas <= topic.replication_factor {
        return;
    }
    let written = cx.section(&["kafka", "topics", &topic.name]);
    let cluster = cx.section(&["kafka"]);
    let name = "min.insync.replicas";
    let place = written.set(name).or(cluster.set(name)).unwrap_or(written.header);
    let (least, factor) = (topic.config.min_insync_replicas, topic.replication_factor);
    let factor_place = written.set("replication.factor").or(cluster.set("default.replication.factor"));
    cx.report(
        Finding::new("kafka::replication", format!("no write to `{}` can ever succeed", topic.name))
            .at(place, format!("acks=all wants {least} in-sync replicas"))
            .at_some(factor_place, format!("there {} {factor}", if factor == 1 { "is" } else { "are" }))
            .at(
                client.set("producer.acks").unwrap_or(client.at("name")),
                "this producer writes with acks=all",
            )
            .help(format!(
                "set replication.factor to at least {least}, or min.insync.replicas to at most {factor}"
            )),
    );
}

fn producer(cx: &mut Check<'_>, written: Written<'_>, config: &ProducerConfig) {
    let asked = written.set("producer.enable.idempotence").filter(|_| config.idempotence);
    if let Some(asked) = asked {
        idempotent(cx, written, config, asked);
    }
    if config.idempotence && config.max_in_flight > 5 {
        cx.report(
            Finding::new("kafka::idempotence", "an idempotent producer has at most 5 requests in flight")
                .at(written.at("producer.max.in.flight.requests.per.connection"), "more than brokers remember")
                .at_some(asked, "asked for here")
                .help("idempotence is on unless said otherwise: lower this to 5, or set producer.enable.idempotence = false"),
        );
    }
    let needed = config.linger + config.request_timeout;
    if let Some(place) =
        written.set("producer.delivery.timeout.ms").filter(|_| config.delivery_timeout < needed)
    {
        cx.report(
            Finding::new("kafka::delivery_timeout", "a record is given up before its first attempt can end")
                .at(place, format!("given up after {}", config.delivery_timeout))
                .at_some(written.set("producer.linger.ms"), format!("it may wait {}", config.linger))
                .at_some(
                    written.set("producer.request.timeout.ms"),
                    format!("an attempt may take {}", config.request_timeout),
                )
                .help(format!(
                    "delivery.timeout.ms must be at least linger.ms + request.timeout.ms: {}",
                    shown(needed)
                )),
        );
    }
    if config.buffer_memory < u64::from(config.batch_size) {
        cx.report(
            Finding::new("kafka::buffer", "not even one batch fits into the buffer")
                .at(written.at("producer.buffer.memory"), format!("{} bytes", config.buffer_memory))
                .at_some(written.set("producer.batch.size"), format!("{} bytes", config.batch_size))
                .help(format!(
                    "every send() would fail: buffer.memory must be at least batch.size, {} bytes",
                    config.batch_size
                )),
        );
    }
}

fn idempotent(cx: &mut Check<'_>, written: Written<'_>, config: &ProducerConfig, asked: Span) {
    if config.acks != Acks::All {
        cx.report(
            Finding::new("kafka::idempotence", "an idempotent producer needs acks=all")
                .at(written.at("producer.acks"), "too few acknowledgements")
                .at(asked, "idempotence is asked for")
                .help(
                    "set producer.acks = \"all\", or leave enable.idempotence out: Kafka then turns it off",
                ),
        );
    }
    if config.retries == 0 {
        cx.report(
            Finding::new("kafka::idempotence", "an idempotent producer must be able to retry")
                .at(written.at("producer.retries"), "no retries")
                .at(asked, "idempotence is asked for")
                .help("leave producer.retries out; delivery.timeout.ms bounds the attempts"),
        );
    }
}

/// Keys, headers and the batch around a record come on top of its payload.
fn fits(cx: &mut Check<'_>, written: Written<'_>, config: &ProducerConfig, size: &SizeLaw) {
    let SizeLaw::Constant(size) = size else { return };
    if *size >= config.max_request_size {
        cx.report(
            Finding::new("kafka::size", "no record is small enough to be sent")
                .at(written.at("payload"), format!("{size} bytes each"))
                .at_some(written.set("producer.max.request.size"), "the limit")
                .help(format!(
                    "max.request.size is {} bytes; make payloads smaller or raise it",
                    config.max_request_size
                )),
        );
    }
}

fn reader(cx: &mut Check<'_>, kafka: &Kafka, written: Written<'_>, reader: &Reader) {
    let Some(config) = &reader.consumer else { return };
    match config.protocol {
        GroupProtocol::Classic => sessions(cx, kafka, written, config),
        GroupProtocol::Consumer => protocol(cx, kafka, written),
    }
    if let Some(place) = written.set("consumer.group.remote.assignor")
        && config.protocol == GroupProtocol::Classic
    {
        cx.report(
            Finding::new("kafka::protocol", "`group.remote.assignor` cannot be set here")
                .at(place, "with the classic protocol, members assign")
                .help("write partition.assignment.strategy, or group.protocol = \"consumer\" (KIP-848)"),
        );
    }
    fetches(cx, written, config);
    let automatic = written.table.and_then(|table| table.value("consumer")).and_then(Node::table);
    let automatic = automatic.map(super::Table::flatten).unwrap_or_default();
    let automatic = automatic.iter().find(|setting| setting.name == "enable.auto.commit");
    if let (Some(commit), Some(automatic)) = (written.set("commit"), automatic)
        && automatic.node.flag() != Some(reader.commit == Commit::Auto)
    {
        cx.report(
            Finding::new("kafka::commit", "two answers to who commits")
                .at(commit, "one answer")
                .at(automatic.node.place, "the other")
                .help(
                    "`commit` decides: auto sets enable.auto.commit = true, after and before set it to false",
                ),
        );
    }
    if matches!(config.offset_reset, OffsetReset::ByDuration(_)) && kafka.version < Version::V4_0 {
        let section = cx.section(&["kafka"]);
        cx.report(
            Finding::new("kafka::version", "Kafka 3.9 cannot reset offsets by duration")
                .at(written.at("consumer.auto.offset.reset"), "since 4.0 (KIP-1106)")
                .at_some(section.set("version"), "the version")
                .help("choose earliest or latest, or version = \"4.0\" or later"),
        );
    }
}

/// What Kafka's own consumer refuses with the protocol of KIP-848: there the coordinator decides it.
fn protocol(cx: &mut Check<'_>, kafka: &Kafka, written: Written<'_>) {
    let asked = written.at("consumer.group.protocol");
    let decided = [
        (
            "partition.assignment.strategy",
            "the coordinator assigns: write group.remote.assignor, or leave it out",
        ),
        ("session.timeout.ms", "the group's own group.consumer.session.timeout.ms counts; leave it out"),
        (
            "heartbeat.interval.ms",
            "the group's own group.consumer.heartbeat.interval.ms counts; leave it out",
        ),
    ];
    for (name, help) in decided {
        if let Some(place) = written.set(&format!("consumer.{name}")) {
            cx.report(
                Finding::new(
                    "kafka::protocol",
                    format!("`{name}` cannot be set with group.protocol = consumer"),
                )
                .at(place, "not for a member to say")
                .at(asked, "the protocol of KIP-848")
                .help(help),
            );
        }
    }
    if kafka.version < Version::V4_0 {
        let section = cx.section(&["kafka"]);
        cx.report(
            Finding::new("kafka::version", "Kafka 3.9 has the consumer group protocol only as a preview")
                .at(asked, "since 4.0 (KIP-848)")
                .at_some(section.set("version"), "the version")
                .help("choose version = \"4.0\" or later, or leave group.protocol out"),
        );
    }
}

fn sessions(cx: &mut Check<'_>, kafka: &Kafka, written: Written<'_>, config: &ConsumerConfig) {
    let (least, most) = (kafka.config.group_min_session_timeout, kafka.config.group_max_session_timeout);
    let session = config.session_timeout;
    let cluster = cx.section(&["kafka"]);
    if session < least || session > most {
        let (bound, name) = if session < least {
            (least, "group.min.session.timeout.ms")
        } else {
            (most, "group.max.session.timeout.ms")
        };
        cx.report(
            Finding::new("kafka::session", "the coordinator would not let it join")
                .at(written.at("consumer.session.timeout.ms"), format!("a session of {session}"))
                .at_some(cluster.set(name), "the cluster's bound")
                .help(format!(
                    "sessions last {least} to {most} here; change it, or {name} (now {bound}) in [kafka]"
                )),
        );
    }
    if config.heartbeat_interval >= session {
        cx.report(
            Finding::new("kafka::session", "the session ends between two heartbeats")
                .at(
                    written.at("consumer.heartbeat.interval.ms"),
                    format!("a heartbeat every {}", config.heartbeat_interval),
                )
                .at_some(written.set("consumer.session.timeout.ms"), format!("a session of {session}"))
                .help(format!("Kafka refuses it; keep it under a third of session.timeout.ms, {session}")),
        );
    }
}

fn fetches(cx: &mut Check<'_>, written: Written<'_>, config: &ConsumerConfig) {
    if config.fetch_min_bytes > config.fetch_max_bytes {
        cx.report(
            Finding::new("kafka::fetch", "a fetch waits for more than it may carry")
                .at(
                    written.at("consumer.fetch.min.bytes"),
                    format!("waits for {} bytes", config.fetch_min_bytes),
                )
                .at_some(
                    written.set("consumer.fetch.max.bytes"),
                    format!("carries {} bytes", config.fetch_max_bytes),
                )
                .help(format!("every fetch would take the whole of fetch.max.wait.ms; keep it under fetch.max.bytes, {}", config.fetch_max_bytes)),
        );
    }
    if config.fetch_max_wait >= config.request_timeout {
        cx.report(
            Finding::new("kafka::fetch", "fetches time out while the broker still waits for records")
                .at(
                    written.at("consumer.fetch.max.wait.ms"),
                    format!("the broker waits up to {}", config.fetch_max_wait),
                )
                .at_some(
                    written.set("consumer.request.timeout.ms"),
                    format!("the client gives up after {}", config.request_timeout),
                )
                .help(format!("keep it below request.timeout.ms, {}", config.request_timeout)),
        );
    }
}

/// All members of a group must share an assignor (A6).
fn groups(cx: &mut Check<'_>) {
    let scenario = cx.scenario;
    let written = cx.entries("processor").into_iter().chain(cx.entries("sink"));
    let mut groups: BTreeMap<&str, Vec<(Span, &[AssignorName])>> = BTreeMap::new();
    for (written, (_, reader)) in written.zip(scenario.readers()) {
        let Some(config) = &reader.consumer else { continue };
        if config.protocol == GroupProtocol::Consumer {
            // The coordinator assigns.
            continue;
        }
        let place = written.set("consumer.partition.assignment.strategy").unwrap_or(written.at("name"));
        groups.entry(&reader.group).or_default().push((place, &config.assignors));
    }
    for (group, members) in groups {
        let (first_place, first) = members[0];
        let shared = |name: &AssignorName| members.iter().all(|(_, names)| names.contains(name));
        if first.iter().any(shared) {
            continue;
        }
        let other = members.iter().find(|(_, names)| !first.iter().any(|name| names.contains(name)));
        let (place, names) = other.copied().unwrap_or(members[members.len() - 1]);
        cx.report(
            Finding::new("kafka::assignors", format!("the members of group `{group}` share no assignor"))
                .at(place, listed(names))
                .at(first_place, listed(first))
                .help("they could never agree on an assignment; give all of them one in common"),
        );
    }
}

fn listed(names: &[AssignorName]) -> String {
    let names: Vec<_> = names
        .iter()
        .map(|name| match name {
            AssignorName::Range => "range",
            AssignorName::RoundRobin => "roundrobin",
            AssignorName::Sticky => "sticky",
            AssignorName::CooperativeSticky => "cooperative-sticky",
        })
        .collect();
    names.join(", ")
}
