//! Settings of consumers (A5, A6).

use super::{CLASS, Kind, Setting, WIRED};

/// The assignors by short name. Kafka's class names are understood as well.
const ASSIGNORS: &[&str] = &["range", "roundrobin", "sticky", "cooperative-sticky"];

pub(super) const SETTINGS: &[Setting] = &[
    Setting::modelled(
        "auto.commit.interval.ms",
        Kind::Millis,
        "5000",
        "how often poll() commits what earlier polls returned",
    ),
    Setting::modelled(
        "auto.offset.reset",
        Kind::Choice(&["latest", "earliest", "none", "by_duration:"]),
        "latest",
        "where to begin without a committed offset; by_duration:PT1H since 4.0 (KIP-1106)",
    ),
    Setting::modelled("client.rack", Kind::Text, "", "where the member stands, for rack-aware assignment"),
    Setting::modelled(
        "default.api.timeout.ms",
        Kind::Millis,
        "60000",
        "how long commits and look-ups may take",
    ),
    Setting::modelled(
        "enable.auto.commit",
        Kind::Flag,
        "true",
        "whether poll() commits; `commit = \"auto\"` sets it too",
    ),
    Setting::modelled("fetch.max.bytes", Kind::Bytes, "52428800", "bytes of one fetch")
        .bounds(0, i32::MAX as i64),
    Setting::modelled(
        "fetch.max.wait.ms",
        Kind::Millis,
        "500",
        "how long a broker waits for fetch.min.bytes",
    )
    .bounds(0, i32::MAX as i64),
    Setting::modelled("fetch.min.bytes", Kind::Bytes, "1", "a broker answers a fetch when it has this much")
        .bounds(0, i32::MAX as i64),
    Setting::modelled(
        "group.instance.id",
        Kind::Text,
        "",
        "static membership: a restart within the session moves nothing; the instance's number is appended",
    ),
    Setting::modelled(
        "group.protocol",
        Kind::Choice(&["classic", "consumer"]),
        "classic",
        "consumer is KIP-848: for runs on real brokers and on `embedded`, not simulated yet",
    ),
    Setting::modelled(
        "heartbeat.interval.ms",
        Kind::Millis,
        "3000",
        "how often a member shows that it lives",
    )
    .least(1),
    Setting::modelled(
        "max.partition.fetch.bytes",
        Kind::Bytes,
        "1048576",
        "bytes of one partition in one fetch",
    )
    .bounds(0, i32::MAX as i64),
    Setting::modelled(
        "max.poll.interval.ms",
        Kind::Millis,
        "300000",
        "a member that does not poll for this long leaves its group",
    )
    .bounds(1, i32::MAX as i64),
    Setting::modelled("max.poll.records", Kind::Count, "500", "records that one poll() returns").least(1),
    Setting::modelled(
        "partition.assignment.strategy",
        Kind::Choices(ASSIGNORS),
        "range,cooperative-sticky",
        "assignors by preference; the group takes one that all members share",
    ),
    Setting::modelled(
        "session.timeout.ms",
        Kind::Millis,
        "45000",
        "a member without heartbeats for this long is expelled",
    )
    .bounds(1, i32::MAX as i64),
    Setting::passed_on("allow.auto.create.topics", Kind::Flag, "true"),
    Setting::passed_on("check.crcs", Kind::Flag, "true"),
    Setting::passed_on("exclude.internal.topics", Kind::Flag, "true"),
    Setting::passed_on("group.remote.assignor", Kind::Choice(&["uniform", "range"]), "")
        .note("real brokers only; with group.protocol = consumer, which of the coordinator's assignors"),
    Setting::passed_on(
        "isolation.level",
        Kind::Choice(&["read_uncommitted", "read_committed"]),
        "read_uncommitted",
    )
    .note("real brokers only; without transactions both read the same"),
    Setting::refused("group.id", "write group = \"NAME\" in the [[processor]] or [[sink]]"),
    Setting::refused("key.deserializer", WIRED),
    Setting::refused("max.poll.batches", "there is none; write max.poll.records"),
    Setting::refused("share.acknowledgement.mode", "share groups are not modelled yet"),
    Setting::refused("share.auto.offset.reset", "share groups are not modelled yet"),
    Setting::refused("value.deserializer", "the codec of the topic's generator decides it"),
    Setting::refused("zookeeper.connect", "consumers have not used ZooKeeper since Kafka 0.9; leave it out"),
    Setting::refused("config.providers", CLASS),
];
