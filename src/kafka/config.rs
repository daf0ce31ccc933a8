//! Kafka's settings as the model reads them: typed, in Kafka's words, with the defaults of 4.1.
//!
//! Names follow Kafka's (`linger.ms` is [`ProducerConfig::linger`]); units live in the types. Where a file
//! writes a setting that is not here, `kafka::settings` says whether it is passed on or refused.
//! Source: behaviour sheet sections A1 to A6 of the oracles.

use crate::kernel::Duration;
pub use crate::wire::kafka::{Acks, AssignorName};

/// A Kafka release whose defaults and switches a scenario follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 3.9 in KRaft mode: `linger.ms` 0, no eligible leader replicas.
    V3_9,
    /// 4.0: `linger.ms` 5, eligible leader replicas off.
    V4_0,
    /// 4.1: eligible leader replicas on for new clusters.
    V4_1,
    /// 4.2.
    V4_2,
}

/// Settings of brokers and of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerConfig {
    /// `num.io.threads`: request handlers of a broker.
    pub num_io_threads: u32,
    /// `num.partitions` of a topic that does not say.
    pub num_partitions: u32,
    /// `default.replication.factor` of a topic that does not say.
    pub default_replication_factor: u32,
    /// `replica.lag.time.max.ms`
    pub replica_lag_time_max: Duration,
    /// `replica.fetch.wait.max.ms`
    pub replica_fetch_wait_max: Duration,
    /// `replica.fetch.min.bytes`
    pub replica_fetch_min_bytes: u32,
    /// `replica.fetch.max.bytes`, a partition
    pub replica_fetch_max_bytes: u32,
    /// `replica.fetch.response.max.bytes`
    pub replica_fetch_response_max_bytes: u32,
    /// `replica.fetch.backoff.ms`
    pub replica_fetch_backoff: Duration,
    /// `replica.high.watermark.checkpoint.interval.ms`
    pub high_watermark_checkpoint_interval: Duration,
    /// `log.retention.check.interval.ms`
    pub log_retention_check_interval: Duration,
    /// `fetch.max.bytes` of the broker: the most that one fetch response holds.
    pub fetch_max_bytes: u32,
    /// `broker.heartbeat.interval.ms`
    pub broker_heartbeat_interval: Duration,
    /// `broker.session.timeout.ms`
    pub broker_session_timeout: Duration,
    /// `auto.leader.rebalance.enable`
    pub auto_leader_rebalance: bool,
    /// `leader.imbalance.check.interval.seconds`
    pub leader_imbalance_check_interval: Duration,
    /// `controller.quorum.append.linger.ms`: how long the controller gathers changes before it writes them.
    pub controller_append_linger: Duration,
    /// `controller.quorum.election.timeout.ms`: how long a voter waits for a vote to be decided, and up to as much
    /// again.
    pub controller_election_timeout: Duration,
    /// `controller.quorum.fetch.timeout.ms`: how long a voter does without its leader.
    pub controller_fetch_timeout: Duration,
    /// `unclean.leader.election.interval.ms`: how often KRaft looks for leaderless partitions.
    pub unclean_leader_election_interval: Duration,
    /// Whether eligible leader replicas are on (`eligible.leader.replicas.version` = 1; KIP-966).
    pub eligible_leader_replicas: bool,
    /// `offsets.topic.num.partitions`
    pub offsets_topic_num_partitions: u32,
    /// `offsets.topic.replication.factor`
    pub offsets_topic_replication_factor: u32,
    /// `offsets.retention.minutes`
    pub offsets_retention: Duration,
    /// `offsets.retention.check.interval.ms`
    pub offsets_retention_check_interval: Duration,
    /// `offset.commit.timeout.ms`
    pub offset_commit_timeout: Duration,
    /// `group.initial.rebalance.delay.ms`
    pub group_initial_rebalance_delay: Duration,
    /// `group.min.session.timeout.ms`
    pub group_min_session_timeout: Duration,
    /// `group.max.session.timeout.ms`
    pub group_max_session_timeout: Duration,
    /// `group.max.size`
    pub group_max_size: u32,
    /// `producer.id.expiration.ms`
    pub producer_id_expiration: Duration,
    /// Defaults for topics that do not say.
    pub topic: TopicConfig,
    /// What things cost on the simulated machines.
    pub costs: Costs,
}

/// Settings of a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicConfig {
    /// `min.insync.replicas`
    pub min_insync_replicas: u32,
    /// `unclean.leader.election.enable`
    pub unclean_leader_election: bool,
    /// `segment.bytes`
    pub segment_bytes: u64,
    /// `segment.ms`
    pub segment_ms: Duration,
    /// `retention.ms`; `None` keeps for ever (-1).
    pub retention_ms: Option<Duration>,
    /// `retention.bytes`; `None` keeps all (-1).
    pub retention_bytes: Option<u64>,
    /// `flush.messages`; `None` leaves flushing to the operating system.
    pub flush_messages: Option<u64>,
    /// `flush.ms`; `None` leaves flushing to the operating system.
    pub flush_ms: Option<Duration>,
    /// `max.message.bytes`
    pub max_message_bytes: u32,
    /// `message.timestamp.after.max.ms`; `None` is without bound.
    pub timestamp_after_max: Option<Duration>,
    /// `message.timestamp.before.max.ms`; `None` is without bound.
    pub timestamp_before_max: Option<Duration>,
    /// `message.timestamp.type` is LogAppendTime instead of CreateTime.
    pub log_append_time: bool,
}

/// Settings of a producer.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerConfig {
    /// `acks`
    pub acks: Acks,
    /// `enable.idempotence`
    pub idempotence: bool,
    /// `linger.ms`
    pub linger: Duration,
    /// `batch.size`; 0 gives each record a batch of its own.
    pub batch_size: u32,
    /// `buffer.memory`
    pub buffer_memory: u64,
    /// `max.block.ms`
    pub max_block: Duration,
    /// `delivery.timeout.ms`
    pub delivery_timeout: Duration,
    /// `request.timeout.ms`
    pub request_timeout: Duration,
    /// `retries`
    pub retries: u32,
    /// `retry.backoff.ms`
    pub retry_backoff: Duration,
    /// `retry.backoff.max.ms`
    pub retry_backoff_max: Duration,
    /// `max.in.flight.requests.per.connection`
    pub max_in_flight: u32,
    /// `max.request.size`
    pub max_request_size: u32,
    /// `metadata.max.age.ms`
    pub metadata_max_age: Duration,
    /// `reconnect.backoff.ms`
    pub reconnect_backoff: Duration,
    /// `reconnect.backoff.max.ms`
    pub reconnect_backoff_max: Duration,
    /// `partitioner.adaptive.partitioning.enable`
    pub adaptive_partitioning: bool,
    /// `partitioner.availability.timeout.ms`; zero is off.
    pub partitioner_availability_timeout: Duration,
    /// `partitioner.ignore.keys`
    pub partitioner_ignore_keys: bool,
}

/// `group.protocol`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupProtocol {
    /// Members join and sync, one of them assigns.
    #[default]
    Classic,
    /// The coordinator assigns (KIP-848). Real brokers know it; it is not simulated yet.
    Consumer,
}

/// `auto.offset.reset`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    /// The log's start.
    Earliest,
    /// The high watermark.
    Latest,
    /// An error to the application.
    None,
    /// `by_duration:`: the first record not older than this (KIP-1106).
    ByDuration(Duration),
}

/// Settings of a consumer.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerConfig {
    /// `group.protocol`
    pub protocol: GroupProtocol,
    /// `fetch.min.bytes`
    pub fetch_min_bytes: u32,
    /// `fetch.max.wait.ms`
    pub fetch_max_wait: Duration,
    /// `fetch.max.bytes`
    pub fetch_max_bytes: u32,
    /// `max.partition.fetch.bytes`
    pub max_partition_fetch_bytes: u32,
    /// `max.poll.records`
    pub max_poll_records: u32,
    /// `max.poll.interval.ms`
    pub max_poll_interval: Duration,
    /// `enable.auto.commit`
    pub auto_commit: bool,
    /// `auto.commit.interval.ms`
    pub auto_commit_interval: Duration,
    /// `auto.offset.reset`
    pub offset_reset: OffsetReset,
    /// `session.timeout.ms`
    pub session_timeout: Duration,
    /// `heartbeat.interval.ms`
    pub heartbeat_interval: Duration,
    /// `partition.assignment.strategy`, in order of preference.
    pub assignors: Vec<AssignorName>,
    /// `group.instance.id` is set: static members, one id an instance.
    pub static_membership: bool,
    /// `client.rack`
    pub rack: Option<String>,
    /// `request.timeout.ms`
    pub request_timeout: Duration,
    /// `default.api.timeout.ms`
    pub api_timeout: Duration,
    /// `retry.backoff.ms`
    pub retry_backoff: Duration,
    /// `retry.backoff.max.ms`
    pub retry_backoff_max: Duration,
    /// `metadata.max.age.ms`
    pub metadata_max_age: Duration,
    /// `reconnect.backoff.ms`
    pub reconnect_backoff: Duration,
    /// `reconnect.backoff.max.ms`
    pub reconnect_backoff_max: Duration,
}

/// What things cost on the simulated machines. Defaults are the estimates of the oracles' sheet 14.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    /// Processor time of a request, whatever its size.
    pub request_cpu: Duration,
    /// Processor time a KiB of request or response.
    pub cpu_per_kib: Duration,
    /// Appending a batch to the page cache.
    pub append: Duration,
    /// Forcing the log to disk.
    pub fsync: Duration,
    /// Bytes per second that a disk takes; 0 is without bound.
    pub disk_bandwidth: u64,
    /// How long the operating system leaves dirty pages unwritten (Linux: 30 s expiry, 5 s wake-up).
    pub page_cache_writeback: Duration,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            request_cpu: Duration::from_micros(50),
            cpu_per_kib: Duration::from_micros(5),
            append: Duration::from_micros(20),
            fsync: Duration::from_micros(900),
            disk_bandwidth: 500 << 20,
            page_cache_writeback: Duration::from_secs(30),
        }
    }
}

impl BrokerConfig {
    /// The defaults of a release.
    pub fn of(version: Version) -> Self {
        let ms = Duration::from_millis;
        Self {
            num_io_threads: 8,
            num_partitions: 1,
            default_replication_factor: 1,
            replica_lag_time_max: ms(30_000),
            replica_fetch_wait_max: ms(500),
            replica_fetch_min_bytes: 1,
            replica_fetch_max_bytes: 1 << 20,
            replica_fetch_response_max_bytes: 10 << 20,
            replica_fetch_backoff: ms(1_000),
            high_watermark_checkpoint_interval: ms(5_000),
            log_retention_check_interval: ms(300_000),
            fetch_max_bytes: 55 << 20,
            broker_heartbeat_interval: ms(2_000),
            broker_session_timeout: ms(9_000),
            auto_leader_rebalance: true,
            leader_imbalance_check_interval: ms(300_000),
            controller_append_linger: ms(25),
            controller_election_timeout: ms(1_000),
            controller_fetch_timeout: ms(2_000),
            unclean_leader_election_interval: ms(300_000),
            eligible_leader_replicas: version >= Version::V4_1,
            offsets_topic_num_partitions: 50,
            offsets_topic_replication_factor: 3,
            offsets_retention: ms(10_080 * 60_000),
            offsets_retention_check_interval: ms(600_000),
            offset_commit_timeout: ms(5_000),
            group_initial_rebalance_delay: ms(3_000),
            group_min_session_timeout: ms(6_000),
            group_max_session_timeout: ms(1_800_000),
            group_max_size: i32::MAX as u32,
            producer_id_expiration: ms(86_400_000),
            topic: TopicConfig::of(version),
            costs: Costs::default(),
        }
    }
}

impl TopicConfig {
    /// The defaults of a release.
    pub fn of(version: Version) -> Self {
        let hour = Duration::from_secs(3_600);
        Self {
            min_insync_replicas: 1,
            unclean_leader_election: false,
            segment_bytes: 1 << 30,
            segment_ms: hour * 168,
            retention_ms: Some(hour * 168),
            retention_bytes: None,
            flush_messages: None,
            flush_ms: None,
            max_message_bytes: 1_048_588,
            timestamp_after_max: (version >= Version::V4_0).then_some(hour),
            timestamp_before_max: None,
            log_append_time: false,
        }
    }
}

impl ProducerConfig {
    /// The defaults of a release.
    pub fn of(version: Version) -> Self {
        let ms = Duration::from_millis;
        Self {
            acks: Acks::All,
            idempotence: true,
            linger: ms(if version >= Version::V4_0 { 5 } else { 0 }),
            batch_size: 16_384,
            buffer_memory: 33_554_432,
            max_block: ms(60_000),
            delivery_timeout: ms(120_000),
            request_timeout: ms(30_000),
            retries: i32::MAX as u32,
            retry_backoff: ms(100),
            retry_backoff_max: ms(1_000),
            max_in_flight: 5,
            max_request_size: 1_048_576,
            metadata_max_age: ms(300_000),
            reconnect_backoff: ms(50),
            reconnect_backoff_max: ms(1_000),
            adaptive_partitioning: true,
            partitioner_availability_timeout: Duration::ZERO,
            partitioner_ignore_keys: false,
        }
    }
}

impl ConsumerConfig {
    /// The defaults of a release.
    pub fn of(_version: Version) -> Self {
        let ms = Duration::from_millis;
        Self {
            protocol: GroupProtocol::Classic,
            fetch_min_bytes: 1,
            fetch_max_wait: ms(500),
            fetch_max_bytes: 50 << 20,
            max_partition_fetch_bytes: 1 << 20,
            max_poll_records: 500,
            max_poll_interval: ms(300_000),
            auto_commit: true,
            auto_commit_interval: ms(5_000),
            offset_reset: OffsetReset::Latest,
            session_timeout: ms(45_000),
            heartbeat_interval: ms(3_000),
            assignors: vec![AssignorName::Range, AssignorName::CooperativeSticky],
            static_membership: false,
            rack: None,
            request_timeout: ms(30_000),
            api_timeout: ms(60_000),
            retry_backoff: ms(100),
            retry_backoff_max: ms(1_000),
            metadata_max_age: ms(300_000),
            reconnect_backoff: ms(50),
            reconnect_backoff_max: ms(1_000),
        }
    }
}
