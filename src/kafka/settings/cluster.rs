//! Settings of brokers, controllers and coordinators (A2, A3, A4, A6, A8).

use super::{CLASS, Kind, SECURITY, Setting, Version, WIRED};

const ZOOKEEPER: &str = "ZooKeeper-era clusters are not modelled; brokers here run KRaft";
const COMPACTION: &str = "compaction is not modelled yet; leave it out";
const TRANSACTIONS: &str = "transactions are not modelled yet; leave it out";
const KIP_848: &str = "the consumer group protocol of KIP-848 is not modelled yet; leave it out";
const SHARE: &str = "share groups are not modelled yet; leave it out";
const QUOTAS: &str = "quotas are not modelled yet; leave it out";
const TIERED: &str = "tiered storage is not modelled; leave it out";
const QUORUM: &str = "real brokers only; the simulated controller quorum is one logical controller";
const THREADS: &str = "real brokers only; request handlers (num.io.threads) are the only simulated threads";

pub(super) const SETTINGS: &[Setting] = &[
    // The cluster's defaults for topics.
    Setting::modelled(
        "log.cleanup.policy",
        Kind::Choices(&["delete"]),
        "delete",
        "old segments are deleted; compaction is not modelled yet",
    ),
    Setting::modelled(
        "log.flush.interval.messages",
        Kind::Count,
        "9223372036854775807",
        "records after which a log is flushed to disk",
    )
    .bounds(1, i64::MAX),
    Setting::modelled(
        "log.flush.interval.ms",
        Kind::Millis,
        "9223372036854775807",
        "time after which a log is flushed to disk",
    ),
    Setting::modelled(
        "log.message.timestamp.after.max.ms",
        Kind::Millis,
        "3600000",
        "a record further in the future is refused",
    )
    .until(Version::V3_9, "9223372036854775807"),
    Setting::modelled(
        "log.message.timestamp.before.max.ms",
        Kind::Millis,
        "9223372036854775807",
        "a record further in the past is refused",
    ),
    Setting::modelled(
        "log.message.timestamp.type",
        Kind::Choice(&["CreateTime", "LogAppendTime"]),
        "CreateTime",
        "whose clock stamps a record",
    ),
    Setting::modelled(
        "log.retention.bytes",
        Kind::Bytes,
        "-1",
        "older segments of a larger partition are deleted; -1 never",
    )
    .least(-1),
    Setting::modelled(
        "log.retention.ms",
        Kind::Millis,
        "604800000",
        "segments whose newest record is older are deleted; -1 never",
    )
    .least(-1),
    Setting::modelled("log.roll.ms", Kind::Millis, "604800000", "a segment this old is closed").least(1),
    Setting::modelled("log.segment.bytes", Kind::Bytes, "1073741824", "a segment this large is closed")
        .bounds(1_048_576, i32::MAX as i64),
    Setting::modelled("message.max.bytes", Kind::Bytes, "1048588", "a larger batch is refused")
        .bounds(0, i32::MAX as i64),
    Setting::modelled(
        "min.insync.replicas",
        Kind::Count,
        "1",
        "acks=all succeeds only with this many in-sync replicas",
    )
    .least(1),
    Setting::modelled(
        "unclean.leader.election.enable",
        Kind::Flag,
        "false",
        "a replica that is not in sync may lead when no other lives, and records are lost",
    ),
    // Brokers.
    Setting::modelled(
        "auto.leader.rebalance.enable",
        Kind::Flag,
        "true",
        "leadership returns to the preferred replica",
    ),
    Setting::modelled(
        "default.replication.factor",
        Kind::Count,
        "1",
        "replicas of a topic that does not say",
    )
    .bounds(1, 32_767),
    Setting::modelled("fetch.max.bytes", Kind::Bytes, "57671680", "the most that one fetch response holds")
        .bounds(1024, i32::MAX as i64),
    Setting::modelled(
        "leader.imbalance.check.interval.seconds",
        Kind::Seconds,
        "300",
        "how often leadership is balanced",
    )
    .least(1),
    Setting::modelled(
        "log.retention.check.interval.ms",
        Kind::Millis,
        "300000",
        "how often old segments are looked for",
    )
    .least(1),
    Setting::modelled("num.io.threads", Kind::Count, "8", "request handlers of a broker").least(1),
    Setting::modelled("num.partitions", Kind::Count, "1", "partitions of a topic that does not say").least(1),
    Setting::modelled(
        "replica.fetch.backoff.ms",
        Kind::Millis,
        "1000",
        "a follower's wait after a failed fetch",
    ),
    Setting::modelled(
        "replica.fetch.max.bytes",
        Kind::Bytes,
        "1048576",
        "bytes of one partition in a follower's fetch",
    )
    .bounds(0, i32::MAX as i64),
    Setting::modelled(
        "replica.fetch.min.bytes",
        Kind::Bytes,
        "1",
        "a leader answers a follower's fetch when it has this much",
    )
    .bounds(0, i32::MAX as i64),
    Setting::modelled(
        "replica.fetch.response.max.bytes",
        Kind::Bytes,
        "10485760",
        "bytes of a follower's fetch",
    )
    .bounds(0, i32::MAX as i64),
    Setting::modelled(
        "replica.fetch.wait.max.ms",
        Kind::Millis,
        "500",
        "how long a leader waits for replica.fetch.min.bytes",
    ),
    Setting::modelled(
        "replica.high.watermark.checkpoint.interval.ms",
        Kind::Millis,
        "5000",
        "how often high watermarks are written to disk",
    )
    .least(1),
    Setting::modelled(
        "replica.lag.time.max.ms",
        Kind::Millis,
        "30000",
        "a follower that is behind for longer leaves the in-sync replicas",
    )
    .least(1),
    // The controller.
    Setting::modelled(
        "broker.heartbeat.interval.ms",
        Kind::Millis,
        "2000",
        "how often a broker shows the controller that it lives",
    )
    .least(1),
    Setting::modelled(
        "broker.session.timeout.ms",
        Kind::Millis,
        "9000",
        "a broker without heartbeats for this long is fenced",
    )
    .least(1),
    Setting::modelled(
        "controller.quorum.append.linger.ms",
        Kind::Millis,
        "25",
        "how long the controller gathers changes before it writes them",
    ),
    Setting::modelled(
        "controller.quorum.election.timeout.ms",
        Kind::Millis,
        "1000",
        "how long voters wait for a vote to be decided, and up to as much again, when a controller has failed",
    )
    .least(1),
    Setting::modelled(
        "controller.quorum.fetch.timeout.ms",
        Kind::Millis,
        "2000",
        "how long voters do without their leader before they elect another controller",
    )
    .least(1),
    Setting::modelled(
        "eligible.leader.replicas.version",
        Kind::Choice(&["0", "1"]),
        "1",
        "eligible leader replicas (KIP-966) are on; a feature level rather than a setting",
    )
    .until(Version::V4_0, "0"),
    Setting::modelled(
        "unclean.leader.election.interval.ms",
        Kind::Millis,
        "300000",
        "how often leaderless partitions are looked for",
    )
    .least(1),
    // The group coordinator and the producers' state.
    Setting::modelled(
        "group.initial.rebalance.delay.ms",
        Kind::Millis,
        "3000",
        "how long a new group waits for more members",
    ),
    Setting::modelled(
        "group.max.session.timeout.ms",
        Kind::Millis,
        "1800000",
        "the longest session a consumer may ask for",
    ),
    Setting::modelled("group.max.size", Kind::Count, "2147483647", "members of a group at most").least(1),
    Setting::modelled(
        "group.min.session.timeout.ms",
        Kind::Millis,
        "6000",
        "the shortest session a consumer may ask for",
    ),
    Setting::modelled(
        "offset.commit.timeout.ms",
        Kind::Millis,
        "5000",
        "how long a commit waits for its replicas",
    )
    .least(1),
    Setting::modelled(
        "offsets.retention.check.interval.ms",
        Kind::Millis,
        "600000",
        "how often expired offsets are looked for",
    )
    .least(1),
    Setting::modelled(
        "offsets.retention.minutes",
        Kind::Minutes,
        "10080",
        "offsets of an empty group are kept for this long",
    )
    .least(1),
    Setting::modelled("offsets.topic.num.partitions", Kind::Count, "50", "partitions of __consumer_offsets")
        .least(1),
    Setting::modelled(
        "offsets.topic.replication.factor",
        Kind::Count,
        "3",
        "replicas of __consumer_offsets; at most the number of brokers unless written",
    )
    .bounds(1, 32_767),
    Setting::modelled(
        "producer.id.expiration.ms",
        Kind::Millis,
        "86400000",
        "an idle producer's sequence numbers are forgotten after this",
    )
    .least(1),
    // Passed on.
    Setting::passed_on("auto.create.topics.enable", Kind::Flag, "true"),
    Setting::passed_on("background.threads", Kind::Count, "10").note(THREADS),
    Setting::passed_on(
        "compression.type",
        Kind::Choice(&["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"]),
        "producer",
    ),
    Setting::passed_on("connections.max.idle.ms", Kind::Millis, "600000").least(-1),
    Setting::passed_on("controlled.shutdown.enable", Kind::Flag, "true"),
    Setting::passed_on("controller.quorum.election.backoff.max.ms", Kind::Millis, "1000").note(QUORUM),
    Setting::passed_on("controller.quorum.request.timeout.ms", Kind::Millis, "2000").note(QUORUM),
    Setting::passed_on("controller.quorum.retry.backoff.ms", Kind::Millis, "20").note(QUORUM),
    Setting::passed_on("delete.topic.enable", Kind::Flag, "true"),
    Setting::passed_on("fetch.purgatory.purge.interval.requests", Kind::Count, "1000"),
    Setting::passed_on("group.coordinator.append.linger.ms", Kind::Millis, "5").least(-1),
    Setting::passed_on("group.coordinator.threads", Kind::Count, "4").note(THREADS),
    Setting::passed_on("initial.broker.registration.timeout.ms", Kind::Millis, "60000"),
    Setting::passed_on("log.flush.offset.checkpoint.interval.ms", Kind::Millis, "60000"),
    Setting::passed_on("log.flush.scheduler.interval.ms", Kind::Millis, "9223372036854775807"),
    Setting::passed_on("log.flush.start.offset.checkpoint.interval.ms", Kind::Millis, "60000"),
    Setting::passed_on("log.index.interval.bytes", Kind::Bytes, "4096"),
    Setting::passed_on("log.index.size.max.bytes", Kind::Bytes, "10485760"),
    Setting::passed_on("log.preallocate", Kind::Flag, "false"),
    Setting::passed_on("log.roll.jitter.ms", Kind::Millis, "0"),
    Setting::passed_on("log.segment.delete.delay.ms", Kind::Millis, "60000"),
    Setting::passed_on("max.connections", Kind::Count, "2147483647"),
    Setting::passed_on("max.connections.per.ip", Kind::Count, "2147483647"),
    Setting::passed_on("max.incremental.fetch.session.cache.slots", Kind::Count, "1000"),
    Setting::passed_on("metadata.log.max.record.bytes.between.snapshots", Kind::Bytes, "20971520")
        .note(QUORUM),
    Setting::passed_on("metadata.log.segment.bytes", Kind::Bytes, "1073741824").note(QUORUM),
    Setting::passed_on("metadata.max.idle.interval.ms", Kind::Millis, "500").note(QUORUM),
    Setting::passed_on("metadata.max.retention.ms", Kind::Millis, "604800000").note(QUORUM),
    Setting::passed_on("num.network.threads", Kind::Count, "3").note(THREADS),
    Setting::passed_on("num.recovery.threads.per.data.dir", Kind::Count, "2")
        .until(Version::V3_9, "1")
        .note(THREADS),
    Setting::passed_on("num.replica.alter.log.dirs.threads", Kind::Count, "").note(THREADS),
    Setting::passed_on("num.replica.fetchers", Kind::Count, "1").note(THREADS),
    Setting::passed_on("offset.metadata.max.bytes", Kind::Bytes, "4096"),
    Setting::passed_on("offsets.load.buffer.size", Kind::Bytes, "5242880"),
    Setting::passed_on("offsets.topic.compression.codec", Kind::Count, "0"),
    Setting::passed_on("offsets.topic.segment.bytes", Kind::Bytes, "104857600"),
    Setting::passed_on("producer.id.expiration.check.interval.ms", Kind::Millis, "600000"),
    Setting::passed_on("producer.purgatory.purge.interval.requests", Kind::Count, "1000"),
    Setting::passed_on("queued.max.request.bytes", Kind::Bytes, "-1").least(-1),
    Setting::passed_on("queued.max.requests", Kind::Count, "500"),
    Setting::passed_on("replica.socket.receive.buffer.bytes", Kind::Bytes, "65536"),
    Setting::passed_on("replica.socket.timeout.ms", Kind::Millis, "30000"),
    Setting::passed_on("request.timeout.ms", Kind::Millis, "30000"),
    Setting::passed_on(
        "security.inter.broker.protocol",
        Kind::Choice(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]),
        "PLAINTEXT",
    )
    .note(SECURITY),
    Setting::passed_on("sasl.enabled.mechanisms", Kind::List, "GSSAPI").note(SECURITY),
    Setting::passed_on("sasl.mechanism.inter.broker.protocol", Kind::Text, "GSSAPI").note(SECURITY),
    Setting::passed_on("ssl.client.auth", Kind::Choice(&["none", "requested", "required"]), "none")
        .note(SECURITY),
    Setting::passed_on("ssl.keystore.location", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.keystore.password", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.truststore.location", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.truststore.password", Kind::Text, "").note(SECURITY),
    Setting::passed_on("socket.listen.backlog.size", Kind::Count, "50"),
    Setting::passed_on("socket.receive.buffer.bytes", Kind::Bytes, "102400").least(-1),
    Setting::passed_on("socket.request.max.bytes", Kind::Bytes, "104857600"),
    Setting::passed_on("socket.send.buffer.bytes", Kind::Bytes, "102400").least(-1),
    Setting::passed_on("socket.connection.setup.timeout.ms", Kind::Millis, "10000"),
    Setting::passed_on("socket.connection.setup.timeout.max.ms", Kind::Millis, "30000"),
    // Refused.
    Setting::refused("advertised.listeners", WIRED),
    Setting::refused("authorizer.class.name", CLASS),
    Setting::refused("broker.id", "brokers are called broker-1, broker-2, ...; `brokers` says how many"),
    Setting::refused("broker.rack", "write racks = [\"a\", \"b\"]; brokers take them in turn"),
    Setting::refused("cluster.id", WIRED),
    Setting::refused("control.plane.listener.name", ZOOKEEPER),
    Setting::refused("controlled.shutdown.max.retries", ZOOKEEPER),
    Setting::refused("controlled.shutdown.retry.backoff.ms", ZOOKEEPER),
    Setting::refused("controller.listener.names", WIRED),
    Setting::refused("controller.quorum.bootstrap.servers", WIRED),
    Setting::refused("controller.quorum.voters", WIRED),
    Setting::refused("controller.socket.timeout.ms", ZOOKEEPER),
    Setting::refused("group.consumer.assignors", KIP_848),
    Setting::refused("group.consumer.heartbeat.interval.ms", KIP_848),
    Setting::refused("group.consumer.max.heartbeat.interval.ms", KIP_848),
    Setting::refused("group.consumer.max.session.timeout.ms", KIP_848),
    Setting::refused("group.consumer.max.size", KIP_848),
    Setting::refused("group.consumer.migration.policy", KIP_848),
    Setting::refused("group.consumer.min.heartbeat.interval.ms", KIP_848),
    Setting::refused("group.consumer.min.session.timeout.ms", KIP_848),
    Setting::refused("group.consumer.session.timeout.ms", KIP_848),
    Setting::refused("group.coordinator.rebalance.protocols", KIP_848),
    Setting::refused("group.share.delivery.count.limit", SHARE),
    Setting::refused("group.share.enable", SHARE),
    Setting::refused("group.share.heartbeat.interval.ms", SHARE),
    Setting::refused("group.share.max.size", SHARE),
    Setting::refused("group.share.partition.max.record.locks", SHARE),
    Setting::refused("group.share.record.lock.duration.ms", SHARE),
    Setting::refused("group.share.session.timeout.ms", SHARE),
    Setting::refused("inter.broker.listener.name", WIRED),
    Setting::refused(
        "inter.broker.protocol.version",
        "removed in Kafka 4.0; `version` names the release that is followed",
    ),
    Setting::refused(
        "leader.imbalance.per.broker.percentage",
        "KRaft moves every partition whose preferred replica does not lead; leave it out",
    ),
    Setting::refused("listener.security.protocol.map", WIRED),
    Setting::refused("listeners", WIRED),
    Setting::refused("log.cleaner.backoff.ms", COMPACTION),
    Setting::refused("log.cleaner.dedupe.buffer.size", COMPACTION),
    Setting::refused("log.cleaner.delete.retention.ms", COMPACTION),
    Setting::refused("log.cleaner.enable", COMPACTION),
    Setting::refused("log.cleaner.max.compaction.lag.ms", COMPACTION),
    Setting::refused("log.cleaner.min.cleanable.ratio", COMPACTION),
    Setting::refused("log.cleaner.min.compaction.lag.ms", COMPACTION),
    Setting::refused("log.cleaner.threads", COMPACTION),
    Setting::refused("log.dir", WIRED),
    Setting::refused("log.dirs", "a simulated broker has one disk; its costs stand in [kafka.costs]"),
    Setting::refused("log.message.format.version", "removed in Kafka 4.0; leave it out"),
    Setting::refused(
        "log.message.timestamp.difference.max.ms",
        "removed in Kafka 4.0; write log.message.timestamp.after.max.ms",
    ),
    Setting::refused("log.retention.hours", "write it with its unit: log.retention.ms = \"168h\""),
    Setting::refused("log.retention.minutes", "write it with its unit: log.retention.ms = \"90min\""),
    Setting::refused("log.roll.hours", "write it with its unit: log.roll.ms = \"168h\""),
    Setting::refused("log.roll.jitter.hours", "write it with its unit: log.roll.jitter.ms = \"1h\""),
    Setting::refused("metadata.log.dir", WIRED),
    Setting::refused("node.id", "brokers are called broker-1, broker-2, ...; `brokers` says how many"),
    Setting::refused("process.roles", WIRED),
    Setting::refused("quota.consumer.default", QUOTAS),
    Setting::refused("quota.producer.default", QUOTAS),
    Setting::refused("quota.window.num", QUOTAS),
    Setting::refused("quota.window.size.seconds", QUOTAS),
    Setting::refused("remote.log.storage.system.enable", TIERED),
    Setting::refused(
        "replica.selector.class",
        "reading from followers (KIP-392) is not modelled yet; leave it out",
    ),
    Setting::refused("share.coordinator.state.topic.replication.factor", SHARE),
    Setting::refused("transaction.abort.timed.out.transaction.cleanup.interval.ms", TRANSACTIONS),
    Setting::refused("transaction.max.timeout.ms", TRANSACTIONS),
    Setting::refused("transaction.partition.verification.enable", TRANSACTIONS),
    Setting::refused("transaction.remove.expired.transaction.cleanup.interval.ms", TRANSACTIONS),
    Setting::refused("transaction.state.log.min.isr", TRANSACTIONS),
    Setting::refused("transaction.state.log.num.partitions", TRANSACTIONS),
    Setting::refused("transaction.state.log.replication.factor", TRANSACTIONS),
    Setting::refused("transactional.id.expiration.ms", TRANSACTIONS),
    Setting::refused("zookeeper.connect", ZOOKEEPER),
    Setting::refused("zookeeper.connection.timeout.ms", ZOOKEEPER),
    Setting::refused("zookeeper.max.in.flight.requests", ZOOKEEPER),
    Setting::refused("zookeeper.metadata.migration.enable", ZOOKEEPER),
    Setting::refused(
        "zookeeper.session.timeout.ms",
        "ZooKeeper-era clusters are not modelled; in KRaft it is broker.session.timeout.ms",
    ),
    Setting::refused("zookeeper.set.acl", ZOOKEEPER),
];
