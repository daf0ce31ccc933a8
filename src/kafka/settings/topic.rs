//! Settings of topics (A2, A3).

use super::{Kind, Setting, Version};

const COMPACTION: &str = "compaction is not modelled yet; leave it out";
const TIERED: &str = "tiered storage is not modelled; leave it out";
const THROTTLE: &str = "replication throttles are not modelled; leave it out";

pub(super) const SETTINGS: &[Setting] = &[
    Setting::passed_on("file.delete.delay.ms", Kind::Millis, "60000"),
    Setting::modelled(
        "flush.messages",
        Kind::Count,
        "9223372036854775807",
        "records after which the log is flushed to disk",
    )
    .bounds(1, i64::MAX)
    .inherits("log.flush.interval.messages"),
    Setting::modelled(
        "flush.ms",
        Kind::Millis,
        "9223372036854775807",
        "time after which the log is flushed to disk",
    )
    .inherits("log.flush.interval.ms"),
    Setting::modelled("max.message.bytes", Kind::Bytes, "1048588", "a larger batch is refused")
        .bounds(0, i32::MAX as i64)
        .inherits("message.max.bytes"),
    Setting::modelled(
        "message.timestamp.after.max.ms",
        Kind::Millis,
        "3600000",
        "a record further in the future is refused",
    )
    .until(Version::V3_9, "9223372036854775807")
    .inherits("log.message.timestamp.after.max.ms"),
    Setting::modelled(
        "message.timestamp.before.max.ms",
        Kind::Millis,
        "9223372036854775807",
        "a record further in the past is refused",
    )
    .inherits("log.message.timestamp.before.max.ms"),
    Setting::modelled(
        "message.timestamp.type",
        Kind::Choice(&["CreateTime", "LogAppendTime"]),
        "CreateTime",
        "whose clock stamps a record",
    )
    .inherits("log.message.timestamp.type"),
    Setting::modelled(
        "min.insync.replicas",
        Kind::Count,
        "1",
        "acks=all succeeds only with this many in-sync replicas",
    )
    .least(1)
    .inherits("min.insync.replicas"),
    Setting::modelled(
        "retention.bytes",
        Kind::Bytes,
        "-1",
        "older segments of a larger partition are deleted; -1 never",
    )
    .least(-1)
    .inherits("log.retention.bytes"),
    Setting::modelled(
        "retention.ms",
        Kind::Millis,
        "604800000",
        "segments whose newest record is older are deleted; -1 never",
    )
    .least(-1)
    .inherits("log.retention.ms"),
    Setting::modelled("segment.bytes", Kind::Bytes, "1073741824", "a segment this large is closed")
        .bounds(1_048_576, i32::MAX as i64)
        .inherits("log.segment.bytes"),
    Setting::modelled("segment.ms", Kind::Millis, "604800000", "a segment this old is closed")
        .least(1)
        .inherits("log.roll.ms"),
    Setting::modelled(
        "unclean.leader.election.enable",
        Kind::Flag,
        "false",
        "a replica that is not in sync may lead when no other lives, and records are lost",
    )
    .inherits("unclean.leader.election.enable"),
    Setting::passed_on("compression.gzip.level", Kind::Count, "-1").least(-1),
    Setting::passed_on("compression.lz4.level", Kind::Count, "9").least(1),
    Setting::passed_on(
        "compression.type",
        Kind::Choice(&["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"]),
        "producer",
    ),
    Setting::passed_on("compression.zstd.level", Kind::Count, "3").least(-131_072),
    Setting::passed_on("index.interval.bytes", Kind::Bytes, "4096"),
    Setting::passed_on("preallocate", Kind::Flag, "false"),
    Setting::passed_on("segment.index.bytes", Kind::Bytes, "10485760"),
    Setting::modelled(
        "cleanup.policy",
        Kind::Choices(&["delete"]),
        "delete",
        "old segments are deleted; compaction is not modelled yet",
    )
    .inherits("log.cleanup.policy"),
    Setting::passed_on("segment.jitter.ms", Kind::Millis, "0"),
    Setting::refused("delete.retention.ms", COMPACTION),
    Setting::refused("follower.replication.throttled.replicas", THROTTLE),
    Setting::refused("leader.replication.throttled.replicas", THROTTLE),
    Setting::refused("local.retention.bytes", TIERED),
    Setting::refused("local.retention.ms", TIERED),
    Setting::refused("max.compaction.lag.ms", COMPACTION),
    Setting::refused("min.cleanable.dirty.ratio", COMPACTION),
    Setting::refused("min.compaction.lag.ms", COMPACTION),
    Setting::refused("remote.log.copy.disable", TIERED),
    Setting::refused("remote.log.delete.on.disable", TIERED),
    Setting::refused("remote.storage.enable", TIERED),
    Setting::refused("message.downconversion.enable", "removed in Kafka 4.0; leave it out"),
    Setting::refused("message.format.version", "removed in Kafka 4.0; leave it out"),
    Setting::refused(
        "message.timestamp.difference.max.ms",
        "removed in Kafka 4.0; write message.timestamp.before.max.ms and message.timestamp.after.max.ms",
    ),
];
