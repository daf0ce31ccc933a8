//! A scenario's settings as Kafka's own clients and brokers take them: by name, as text.
//!
//! Made from the typed settings, so that a real cluster is told what the simulation does, defaults of the
//! scenario's release included; and what the simulation only passes on is passed on.

use std::time::Duration as Real;

use crate::gateway::kafka::{Reset, Settings};
use crate::kafka::config::{
    Acks, AssignorName, BrokerConfig, ConsumerConfig, GroupProtocol, OffsetReset, ProducerConfig, TopicConfig,
};
use crate::kafka::settings::Scope;
use crate::kernel::Duration;

use super::super::super::scenario::Kafka;

fn pair(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

fn millis(name: &str, value: Duration) -> (String, String) {
    pair(name, value.as_millis())
}

/// As the clocks of this machine count it.
pub(super) fn real(duration: Duration) -> Real {
    Real::from_nanos(duration.as_nanos())
}

/// What is passed on to this entry or topic.
fn passed_on(kafka: &Kafka, scope: Scope, of: &str) -> impl Iterator<Item = (String, String)> {
    let passed = kafka.passed_on.iter().filter(move |setting| setting.scope == scope && setting.of == of);
    passed.map(|setting| pair(&setting.name, &setting.value))
}

/// What is passed on to clients, whichever.
pub(super) fn passed_to_clients(kafka: &Kafka) -> Settings {
    let of_client = |scope: Scope| matches!(scope, Scope::Producer | Scope::Consumer);
    let passed = kafka.passed_on.iter().filter(|setting| of_client(setting.scope));
    passed.map(|setting| pair(&setting.name, &setting.value)).collect()
}

/// The settings of an entry's producer.
pub(super) fn producer(kafka: &Kafka, entry: &str, config: &ProducerConfig) -> Settings {
    let acks = match config.acks {
        Acks::All => "all",
        Acks::Leader => "1",
        Acks::None => "0",
    };
    let mut settings = vec![
        pair("acks", acks),
        pair("enable.idempotence", config.idempotence),
        millis("linger.ms", config.linger),
        pair("batch.size", config.batch_size),
        pair("buffer.memory", config.buffer_memory),
        millis("max.block.ms", config.max_block),
        millis("delivery.timeout.ms", config.delivery_timeout),
        millis("request.timeout.ms", config.request_timeout),
        pair("retries", config.retries),
        millis("retry.backoff.ms", config.retry_backoff),
        millis("retry.backoff.max.ms", config.retry_backoff_max),
        pair("max.in.flight.requests.per.connection", config.max_in_flight),
        pair("max.request.size", config.max_request_size),
        millis("metadata.max.age.ms", config.metadata_max_age),
        millis("reconnect.backoff.ms", config.reconnect_backoff),
        millis("reconnect.backoff.max.ms", config.reconnect_backoff_max),
        pair("partitioner.ignore.keys", config.partitioner_ignore_keys),
    ];
    let release = ProducerConfig::of(kafka.version);
    // The defaults that librdkafka has no counterpart of are said once, in the manual; what is written is said here.
    if config.adaptive_partitioning != release.adaptive_partitioning {
        settings.push(pair("partitioner.adaptive.partitioning.enable", config.adaptive_partitioning));
    }
    if !config.partitioner_availability_timeout.is_zero() {
        settings.push(millis("partitioner.availability.timeout.ms", config.partitioner_availability_timeout));
    }
    settings.extend(passed_on(kafka, Scope::Producer, entry));
    settings
}

/// The settings of an entry's consumer.
pub(super) fn consumer(kafka: &Kafka, entry: &str, config: &ConsumerConfig) -> Settings {
    let mut settings = vec![
        pair("fetch.min.bytes", config.fetch_min_bytes),
        millis("fetch.max.wait.ms", config.fetch_max_wait),
        pair("fetch.max.bytes", config.fetch_max_bytes),
        pair("max.partition.fetch.bytes", config.max_partition_fetch_bytes),
        pair("max.poll.records", config.max_poll_records),
        millis("max.poll.interval.ms", config.max_poll_interval),
        pair("auto.offset.reset", reset_name(config.offset_reset)),
        millis("request.timeout.ms", config.request_timeout),
        millis("retry.backoff.ms", config.retry_backoff),
        millis("retry.backoff.max.ms", config.retry_backoff_max),
        millis("metadata.max.age.ms", config.metadata_max_age),
        millis("reconnect.backoff.ms", config.reconnect_backoff),
        millis("reconnect.backoff.max.ms", config.reconnect_backoff_max),
    ];
    settings.extend(membership(config));
    settings.extend(config.rack.as_ref().map(|rack| pair("client.rack", rack)));
    if config.api_timeout != ConsumerConfig::of(kafka.version).api_timeout {
        settings.push(millis("default.api.timeout.ms", config.api_timeout));
    }
    settings.extend(passed_on(kafka, Scope::Consumer, entry));
    settings
}

/// How it is a member: with the protocol of KIP-848 the coordinator decides the rest.
fn membership(config: &ConsumerConfig) -> Settings {
    let assignor = |name: &AssignorName| match name {
        AssignorName::Range => "range",
        AssignorName::RoundRobin => "roundrobin",
        AssignorName::Sticky => "sticky",
        AssignorName::CooperativeSticky => "cooperative-sticky",
    };
    let assignors: Vec<_> = config.assignors.iter().map(assignor).collect();
    match config.protocol {
        GroupProtocol::Classic => vec![
            millis("session.timeout.ms", config.session_timeout),
            millis("heartbeat.interval.ms", config.heartbeat_interval),
            pair("partition.assignment.strategy", assignors.join(",")),
        ],
        GroupProtocol::Consumer => vec![pair("group.protocol", "consumer")],
    }
}

fn reset_name(reset: OffsetReset) -> &'static str {
    match reset {
        OffsetReset::Earliest | OffsetReset::ByDuration(_) => "earliest",
        OffsetReset::Latest => "latest",
        OffsetReset::None => "none",
    }
}

/// `auto.offset.reset`
pub(super) fn reset(reset: OffsetReset) -> Reset {
    match reset {
        OffsetReset::Earliest => Reset::Earliest,
        OffsetReset::Latest => Reset::Latest,
        OffsetReset::None => Reset::None,
        OffsetReset::ByDuration(ago) => Reset::Since(real(ago)),
    }
}

/// The settings of a topic.
pub(super) fn topic(kafka: &Kafka, name: &str, config: &TopicConfig) -> Settings {
    let or_never = |value: Option<u64>| value.map_or("-1".to_owned(), |value| value.to_string());
    let or_ever =
        |value: Option<Duration>| value.map_or(i64::MAX.to_string(), |it| it.as_millis().to_string());
    let stamp = if config.log_append_time { "LogAppendTime" } else { "CreateTime" };
    let mut settings = vec![
        pair("min.insync.replicas", config.min_insync_replicas),
        pair("unclean.leader.election.enable", config.unclean_leader_election),
        pair("segment.bytes", config.segment_bytes),
        millis("segment.ms", config.segment_ms),
        pair("retention.ms", or_never(config.retention_ms.map(|it| it.as_millis()))),
        pair("retention.bytes", or_never(config.retention_bytes)),
        pair("max.message.bytes", config.max_message_bytes),
        pair("message.timestamp.after.max.ms", or_ever(config.timestamp_after_max)),
        pair("message.timestamp.before.max.ms", or_ever(config.timestamp_before_max)),
        pair("message.timestamp.type", stamp),
    ];
    settings.extend(config.flush_messages.map(|records| pair("flush.messages", records)));
    settings.extend(config.flush_ms.map(|period| millis("flush.ms", period)));
    settings.extend(passed_on(kafka, Scope::Topic, name));
    settings
}

/// The settings of brokers that decide how fast a cluster notices and recovers: nobody but its administrator can
/// set them, so they are compared.
pub(in super::super::super) fn brokers(config: &BrokerConfig) -> Settings {
    vec![
        millis("replica.lag.time.max.ms", config.replica_lag_time_max),
        millis("replica.fetch.wait.max.ms", config.replica_fetch_wait_max),
        millis("broker.heartbeat.interval.ms", config.broker_heartbeat_interval),
        millis("broker.session.timeout.ms", config.broker_session_timeout),
        pair("auto.leader.rebalance.enable", config.auto_leader_rebalance),
        millis("group.initial.rebalance.delay.ms", config.group_initial_rebalance_delay),
        millis("group.min.session.timeout.ms", config.group_min_session_timeout),
        millis("group.max.session.timeout.ms", config.group_max_session_timeout),
        pair("num.io.threads", config.num_io_threads),
        pair("offsets.topic.num.partitions", config.offsets_topic_num_partitions),
        pair("offsets.topic.replication.factor", config.offsets_topic_replication_factor),
        millis("offset.commit.timeout.ms", config.offset_commit_timeout),
    ]
}
