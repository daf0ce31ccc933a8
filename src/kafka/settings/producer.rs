//! Settings of producers (A1).

use super::{CLASS, Kind, Setting, Version};

const LATER: &str = "transactions are not modelled yet; leave it out";

pub(super) const SETTINGS: &[Setting] = &[
    Setting::modelled(
        "acks",
        Kind::Choice(&["all", "-1", "1", "0"]),
        "all",
        "how many replicas have the record before it counts as written",
    ),
    Setting::modelled(
        "batch.size",
        Kind::Bytes,
        "16384",
        "a batch is sent when it is this full; 0 sends each record by itself",
    )
    .bounds(0, i32::MAX as i64),
    Setting::modelled("buffer.memory", Kind::Bytes, "33554432", "unsent records at most; then send() blocks"),
    Setting::modelled(
        "delivery.timeout.ms",
        Kind::Millis,
        "120000",
        "from send() to the final result, retries included",
    ),
    Setting::modelled(
        "enable.idempotence",
        Kind::Flag,
        "true",
        "retries neither duplicate nor reorder within a partition",
    ),
    Setting::modelled("linger.ms", Kind::Millis, "5", "how long a batch waits for more records")
        .until(Version::V3_9, "0"),
    Setting::modelled(
        "max.block.ms",
        Kind::Millis,
        "60000",
        "how long send() waits for metadata and buffer memory",
    ),
    Setting::modelled(
        "max.in.flight.requests.per.connection",
        Kind::Count,
        "5",
        "unanswered requests to one broker",
    )
    .least(1),
    Setting::modelled("max.request.size", Kind::Bytes, "1048576", "a larger request or record is refused")
        .bounds(1, i32::MAX as i64),
    Setting::modelled(
        "partitioner.adaptive.partitioning.enable",
        Kind::Flag,
        "true",
        "slow brokers' partitions get fewer keyless records (KIP-794)",
    ),
    Setting::modelled(
        "partitioner.availability.timeout.ms",
        Kind::Millis,
        "0",
        "a partition whose broker is this slow gets no keyless records; 0 never",
    ),
    Setting::modelled(
        "partitioner.ignore.keys",
        Kind::Flag,
        "false",
        "records with keys are spread like those without",
    ),
    Setting::modelled(
        "retries",
        Kind::Count,
        "2147483647",
        "attempts after the first; the delivery timeout ends them earlier",
    ),
    Setting::passed_on("compression.gzip.level", Kind::Count, "-1").least(-1),
    Setting::passed_on("compression.lz4.level", Kind::Count, "9").least(1),
    Setting::passed_on("compression.type", Kind::Choice(&["none", "gzip", "snappy", "lz4", "zstd"]), "none")
        .note("real brokers only; simulated batches have the size of their records"),
    Setting::passed_on("compression.zstd.level", Kind::Count, "3").least(-131_072),
    Setting::passed_on("metadata.max.idle.ms", Kind::Millis, "300000"),
    Setting::refused("key.serializer", "keys are bytes; `key` of the [[generator]] decides them"),
    Setting::refused(
        "partitioner.class",
        "only the built-in partitioner is modelled; leave it out, or use partitioner.ignore.keys",
    ),
    Setting::refused("transaction.timeout.ms", LATER),
    Setting::refused("transaction.two.phase.commit.enable", LATER),
    Setting::refused("transactional.id", LATER),
    Setting::refused("value.serializer", "`codec` of the [[generator]] decides it"),
    Setting::refused("queue.buffering.max.ms", "librdkafka's name; write linger.ms"),
    Setting::refused("request.required.acks", "librdkafka's name; write acks"),
    Setting::refused("message.send.max.retries", "librdkafka's name; write retries"),
    Setting::refused("block.on.buffer.full", "removed in Kafka 0.11; write max.block.ms"),
    Setting::refused("config.providers", CLASS),
];
