//! From a setting's name and value to the typed field it is.
//!
//! **Invariant.** Each modelled setting has a field, and its default in the catalogue is the one of
//! `kafka::config` in every version; a test holds both.

use crate::kernel::Duration;

use super::super::config::{
    Acks, AssignorName, BrokerConfig, ConsumerConfig, GroupProtocol, OffsetReset, ProducerConfig, TopicConfig,
};

/// A checked value of a setting: of its kind and within its bounds.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// A number in the setting's own unit.
    Number(i64),
    /// A number with a fraction.
    Fraction(f64),
    /// True or false.
    Flag(bool),
    /// A text or a choice.
    Text(String),
    /// Names in order.
    Words(Vec<String>),
}

impl Given {
    fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            Self::Fraction(_) | Self::Flag(_) | Self::Text(_) | Self::Words(_) => {
                unreachable!("the value was checked to be a number")
            }
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Number(_) | Self::Fraction(_) | Self::Flag(_) | Self::Words(_) => {
                unreachable!("the value was checked to be a text")
            }
        }
    }

    fn words(&self) -> &[String] {
        match self {
            Self::Words(words) => words,
            Self::Number(_) | Self::Fraction(_) | Self::Flag(_) | Self::Text(_) => {
                unreachable!("the value was checked to be a list")
            }
        }
    }

    fn flag(&self) -> bool {
        *self == Self::Flag(true)
    }

    fn count(&self) -> u32 {
        u32::try_from(self.number()).expect("counts are bounded by 2^31")
    }

    fn whole(&self) -> u64 {
        u64::try_from(self.number()).expect("the least value is zero")
    }

    fn millis(&self) -> Duration {
        Duration::from_millis(self.whole())
    }

    /// -1 is without bound.
    fn unless_negative(&self) -> Option<u64> {
        u64::try_from(self.number()).ok()
    }

    /// Kafka's way to say never.
    fn unless_greatest(&self) -> Option<u64> {
        (self.number() != i64::MAX).then(|| self.whole())
    }
}

impl std::fmt::Display for Given {
    /// As Kafka's own files write it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Fraction(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Text(text) => f.write_str(text),
            Self::Words(words) => f.write_str(&words.join(",")),
        }
    }
}

impl ProducerConfig {
    /// Sets the field of a modelled setting; false when there is none of this name.
    pub fn set(&mut self, name: &str, value: &Given) -> bool {
        match name {
            "acks" => self.acks = acks(value.text()),
            "enable.idempotence" => self.idempotence = value.flag(),
            "linger.ms" => self.linger = value.millis(),
            "batch.size" => self.batch_size = value.count(),
            "buffer.memory" => self.buffer_memory = value.whole(),
            "max.block.ms" => self.max_block = value.millis(),
            "delivery.timeout.ms" => self.delivery_timeout = value.millis(),
            "request.timeout.ms" => self.request_timeout = value.millis(),
            "retries" => self.retries = value.count(),
            "retry.backoff.ms" => self.retry_backoff = value.millis(),
            "retry.backoff.max.ms" => self.retry_backoff_max = value.millis(),
            "max.in.flight.requests.per.connection" => self.max_in_flight = value.count(),
            "max.request.size" => self.max_request_size = value.count(),
            "metadata.max.age.ms" => self.metadata_max_age = value.millis(),
            "reconnect.backoff.ms" => self.reconnect_backoff = value.millis(),
            "reconnect.backoff.max.ms" => self.reconnect_backoff_max = value.millis(),
            "partitioner.adaptive.partitioning.enable" => self.adaptive_partitioning = value.flag(),
            "partitioner.availability.timeout.ms" => self.partitioner_availability_timeout = value.millis(),
            "partitioner.ignore.keys" => self.partitioner_ignore_keys = value.flag(),
            _ => return false,
        }
        true
    }
}

impl ConsumerConfig {
    /// Sets the field of a modelled setting; false when there is none of this name.
    pub fn set(&mut self, name: &str, value: &Given) -> bool {
        match name {
            "fetch.min.bytes" => self.fetch_min_bytes = value.count(),
            "fetch.max.wait.ms" => self.fetch_max_wait = value.millis(),
            "fetch.max.bytes" => self.fetch_max_bytes = value.count(),
            "max.partition.fetch.bytes" => self.max_partition_fetch_bytes = value.count(),
            "max.poll.records" => self.max_poll_records = value.count(),
            "max.poll.interval.ms" => self.max_poll_interval = value.millis(),
            "enable.auto.commit" => self.auto_commit = value.flag(),
            "auto.commit.interval.ms" => self.auto_commit_interval = value.millis(),
            "auto.offset.reset" => self.offset_reset = offset_reset(value.text()),
            "session.timeout.ms" => self.session_timeout = value.millis(),
            "heartbeat.interval.ms" => self.heartbeat_interval = value.millis(),
            "partition.assignment.strategy" => {
                self.assignors = value.words().iter().map(|name| assignor(name)).collect();
            }
            "group.instance.id" => self.static_membership = true,
            "group.protocol" => self.protocol = protocol(value.text()),
            "client.rack" => self.rack = Some(value.text().to_owned()),
            "request.timeout.ms" => self.request_timeout = value.millis(),
            "default.api.timeout.ms" => self.api_timeout = value.millis(),
            "retry.backoff.ms" => self.retry_backoff = value.millis(),
            "retry.backoff.max.ms" => self.retry_backoff_max = value.millis(),
            "metadata.max.age.ms" => self.metadata_max_age = value.millis(),
            "reconnect.backoff.ms" => self.reconnect_backoff = value.millis(),
            "reconnect.backoff.max.ms" => self.reconnect_backoff_max = value.millis(),
            _ => return false,
        }
        true
    }
}

impl TopicConfig {
    /// Sets the field of a modelled setting; false when there is none of this name.
    pub fn set(&mut self, name: &str, value: &Given) -> bool {
        match name {
            "min.insync.replicas" => self.min_insync_replicas = value.count(),
            "unclean.leader.election.enable" => self.unclean_leader_election = value.flag(),
            "segment.bytes" => self.segment_bytes = value.whole(),
            "segment.ms" => self.segment_ms = value.millis(),
            "retention.ms" => self.retention_ms = value.unless_negative().map(Duration::from_millis),
            "retention.bytes" => self.retention_bytes = value.unless_negative(),
            "flush.messages" => self.flush_messages = value.unless_greatest(),
            "flush.ms" => self.flush_ms = value.unless_greatest().map(Duration::from_millis),
            "max.message.bytes" => self.max_message_bytes = value.count(),
            "message.timestamp.after.max.ms" => {
                self.timestamp_after_max = value.unless_greatest().map(Duration::from_millis);
            }
            "message.timestamp.before.max.ms" => {
                self.timestamp_before_max = value.unless_greatest().map(Duration::from_millis);
            }
            "message.timestamp.type" => self.log_append_time = value.text() == "LogAppendTime",
            // The only policy that is modelled.
            "cleanup.policy" => {}
            _ => return false,
        }
        true
    }
}

impl BrokerConfig {
    /// Sets the field of a modelled setting; false when there is none of this name.
    pub fn set(&mut self, name: &str, value: &Given) -> bool {
        if let Some(topic) = super::of(super::Scope::Topic).into_iter().find(|setting| {
            setting.treatment == super::Treatment::Modelled && setting.inherited_from() == Some(name)
        }) {
            return self.topic.set(topic.name, value);
        }
        self.set_replication(name, value) || self.set_coordination(name, value)
    }

    fn set_replication(&mut self, name: &str, value: &Given) -> bool {
        match name {
            "num.io.threads" => self.num_io_threads = value.count(),
            "num.partitions" => self.num_partitions = value.count(),
            "default.replication.factor" => self.default_replication_factor = value.count(),
            "replica.lag.time.max.ms" => self.replica_lag_time_max = value.millis(),
            "replica.fetch.wait.max.ms" => self.replica_fetch_wait_max = value.millis(),
            "replica.fetch.min.bytes" => self.replica_fetch_min_bytes = value.count(),
            "replica.fetch.max.bytes" => self.replica_fetch_max_bytes = value.count(),
            "replica.fetch.response.max.bytes" => self.replica_fetch_response_max_bytes = value.count(),
            "replica.fetch.backoff.ms" => self.replica_fetch_backoff = value.millis(),
            "replica.high.watermark.checkpoint.interval.ms" => {
                self.high_watermark_checkpoint_interval = value.millis();
            }
            "log.retention.check.interval.ms" => self.log_retention_check_interval = value.millis(),
            "fetch.max.bytes" => self.fetch_max_bytes = value.count(),
            _ => return false,
        }
        true
    }

    fn set_coordination(&mut self, name: &str, value: &Given) -> bool {
        match name {
            "broker.heartbeat.interval.ms" => self.broker_heartbeat_interval = value.millis(),
            "broker.session.timeout.ms" => self.broker_session_timeout = value.millis(),
            "auto.leader.rebalance.enable" => self.auto_leader_rebalance = value.flag(),
            "leader.imbalance.check.interval.seconds" => {
                self.leader_imbalance_check_interval = Duration::from_secs(value.whole());
            }
            "controller.quorum.election.timeout.ms" => self.controller_election_timeout = value.millis(),
            "controller.quorum.fetch.timeout.ms" => self.controller_fetch_timeout = value.millis(),
            "controller.quorum.append.linger.ms" => self.controller_append_linger = value.millis(),
            "unclean.leader.election.interval.ms" => self.unclean_leader_election_interval = value.millis(),
            "eligible.leader.replicas.version" => self.eligible_leader_replicas = value.text() == "1",
            "offsets.topic.num.partitions" => self.offsets_topic_num_partitions = value.count(),
            "offsets.topic.replication.factor" => self.offsets_topic_replication_factor = value.count(),
            "offsets.retention.minutes" => self.offsets_retention = Duration::from_secs(60) * value.whole(),
            "offsets.retention.check.interval.ms" => self.offsets_retention_check_interval = value.millis(),
            "offset.commit.timeout.ms" => self.offset_commit_timeout = value.millis(),
            "group.initial.rebalance.delay.ms" => self.group_initial_rebalance_delay = value.millis(),
            "group.min.session.timeout.ms" => self.group_min_session_timeout = value.millis(),
            "group.max.session.timeout.ms" => self.group_max_session_timeout = value.millis(),
            "group.max.size" => self.group_max_size = value.count(),
            "producer.id.expiration.ms" => self.producer_id_expiration = value.millis(),
            _ => return false,
        }
        true
    }
}

fn acks(text: &str) -> Acks {
    match text {
        "0" => Acks::None,
        "1" => Acks::Leader,
        "all" | "-1" => Acks::All,
        other => unreachable!("acks = {other} was checked"),
    }
}

fn assignor(name: &str) -> AssignorName {
    match name {
        "range" => AssignorName::Range,
        "roundrobin" => AssignorName::RoundRobin,
        "sticky" => AssignorName::Sticky,
        "cooperative-sticky" => AssignorName::CooperativeSticky,
        other => unreachable!("the assignor {other} was checked"),
    }
}

fn protocol(name: &str) -> GroupProtocol {
    match name {
        "classic" => GroupProtocol::Classic,
        "consumer" => GroupProtocol::Consumer,
        other => unreachable!("the protocol {other} was checked"),
    }
}

fn offset_reset(text: &str) -> OffsetReset {
    match text {
        "earliest" => OffsetReset::Earliest,
        "latest" => OffsetReset::Latest,
        "none" => OffsetReset::None,
        other => {
            let duration = other.strip_prefix("by_duration:").and_then(iso_duration);
            OffsetReset::ByDuration(duration.expect("the duration was checked"))
        }
    }
}

/// Reads an ISO 8601 duration of days, hours, minutes and seconds, as Java's `Duration.parse` does:
/// `P1D`, `PT1H30M`, `PT0.5S`.
pub(crate) fn iso_duration(text: &str) -> Option<Duration> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (rest, ""),
    };
    let mut nanos = 0u64;
    let mut parts = 0;
    for (mut text, units) in [(days, "D"), (time, "HMS")] {
        let mut units = units;
        while !text.is_empty() {
            let end = text.find(|c: char| c.is_ascii_uppercase())?;
            let unit = text[end..].chars().next()?;
            units = &units[units.find(unit)? + 1..];
            nanos = nanos.checked_add(iso_part(&text[..end], unit)?)?;
            text = &text[end + 1..];
            parts += 1;
        }
    }
    (parts > 0).then_some(Duration::from_nanos(nanos))
}

fn iso_part(number: &str, unit: char) -> Option<u64> {
    let seconds: u64 = match unit {
        'D' => 86_400,
        'H' => 3_600,
        'M' => 60,
        'S' => 1,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 9 || (!fraction.is_empty() && unit != 'S') {
        return None;
    }
    let billionths: u64 = format!("{fraction:0<9}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(seconds)?.checked_mul(1_000_000_000)?.checked_add(billionths)
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Scope, Setting, Treatment, Version, of};
    use super::*;

    fn given(setting: &Setting, text: &str) -> Given {
        match setting.kind {
            Kind::Millis | Kind::Seconds | Kind::Minutes | Kind::Hours | Kind::Bytes | Kind::Count => {
                Given::Number(text.parse().expect("a number"))
            }
            Kind::Fraction => Given::Fraction(text.parse().expect("a fraction")),
            Kind::Flag => Given::Flag(text == "true"),
            Kind::Choice(_) | Kind::Text => Given::Text(text.to_owned()),
            Kind::Choices(_) | Kind::List => Given::Words(text.split(',').map(str::to_owned).collect()),
        }
    }

    fn modelled(scope: Scope, version: Version, mut set: impl FnMut(&str, &Given) -> bool) {
        for setting in of(scope) {
            if let (Treatment::Modelled, Some(default)) = (setting.treatment, setting.default(version)) {
                assert!(set(setting.name, &given(&setting, default)), "{} has no field", setting.name);
            }
        }
    }

    #[test]
    fn every_modelled_setting_has_a_field_whose_default_is_the_catalogues() {
        for version in Version::ALL {
            let (mut broker, mut topic) = (BrokerConfig::of(version), TopicConfig::of(version));
            let (mut producer, mut consumer) = (ProducerConfig::of(version), ConsumerConfig::of(version));
            modelled(Scope::Cluster, version, |name, value| broker.set(name, value));
            modelled(Scope::Topic, version, |name, value| topic.set(name, value));
            modelled(Scope::Producer, version, |name, value| producer.set(name, value));
            modelled(Scope::Consumer, version, |name, value| consumer.set(name, value));
            assert_eq!(broker, BrokerConfig::of(version));
            assert_eq!(topic, TopicConfig::of(version));
            assert_eq!(producer, ProducerConfig::of(version));
            assert_eq!(consumer, ConsumerConfig::of(version));
        }
    }

    #[test]
    fn what_is_not_modelled_has_no_field() {
        let number = Given::Number(1);
        for setting in of(Scope::Producer) {
            if setting.treatment != Treatment::Modelled {
                assert!(!ProducerConfig::of(Version::V4_1).set(setting.name, &number), "{}", setting.name);
            }
        }
        for setting in of(Scope::Cluster) {
            if setting.treatment != Treatment::Modelled {
                assert!(!BrokerConfig::of(Version::V4_1).set(setting.name, &number), "{}", setting.name);
            }
        }
    }

    #[test]
    fn iso_durations_are_read_as_java_reads_them() {
        assert_eq!(iso_duration("PT1H30M"), Some(Duration::from_secs(5_400)));
        assert_eq!(iso_duration("P1D"), Some(Duration::from_secs(86_400)));
        assert_eq!(iso_duration("PT0.5S"), Some(Duration::from_millis(500)));
        for wrong in ["", "P", "PT", "1H", "PT1D", "PT1M1H", "P1M", "PTS", "PT1.5H"] {
            assert_eq!(iso_duration(wrong), None, "{wrong}");
        }
    }
}
