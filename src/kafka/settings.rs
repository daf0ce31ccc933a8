//! The catalogue of Kafka's settings: every name a user may meet, by scope, with its kind, its default in
//! each version, its bounds, and what becomes of it here.
//!
//! **Invariant.** A setting that is written is modelled, or passed on to real brokers and said so, or refused
//! by name with a reason. None is silently ignored.
//!
//! Sources: `../shared/oracles/kafka/00_behaviour.md` A1 to A9, Kafka 4.x `ProducerConfig`, `ConsumerConfig`,
//! `TopicConfig`, `ServerLogConfigs`, `ReplicationConfigs`, `GroupCoordinatorConfig`, `KRaftConfigs`.
//!
//! **Not modelled:** ZooKeeper-era clusters; their settings are refused by name.

mod cluster;
mod consumer;
mod fill;
mod producer;
mod show;
mod topic;

pub use fill::Given;
pub(crate) use fill::iso_duration;
pub use show::{to_json, to_table};

pub use super::config::Version;

/// Presets of defaults and behaviours (A9). KRaft only.
impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 4] = [Self::V3_9, Self::V4_0, Self::V4_1, Self::V4_2];

    /// The name in a scenario file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V3_9 => "3.9",
            Self::V4_0 => "4.0",
            Self::V4_1 => "4.1",
            Self::V4_2 => "4.2",
        }
    }

    /// The version of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }
}

/// Where a setting is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `[kafka]`: for every broker, controller and coordinator.
    Cluster,
    /// `[kafka.topics.NAME]`.
    Topic,
    /// `producer.*` of a generator or processor.
    Producer,
    /// `consumer.*` of a processor or sink.
    Consumer,
}

impl Scope {
    /// All of them, in the order of a file.
    pub const ALL: [Self; 4] = [Self::Cluster, Self::Topic, Self::Producer, Self::Consumer];

    /// The word used in messages and listings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Topic => "topic",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// Where to write a setting of this scope.
    pub const fn place(self) -> &'static str {
        match self {
            Self::Cluster => "in [kafka]",
            Self::Topic => "in [kafka.topics.NAME]",
            Self::Producer => "with `producer.` before it in a [[generator]] or [[processor]]",
            Self::Consumer => "with `consumer.` before it in a [[processor]] or [[sink]]",
        }
    }
}

/// What a setting's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A length of time in whole milliseconds.
    Millis,
    /// A length of time in whole seconds.
    Seconds,
    /// A length of time in whole minutes.
    Minutes,
    /// A length of time in whole hours.
    Hours,
    /// A size in bytes.
    Bytes,
    /// A whole number.
    Count,
    /// A number with a fraction.
    Fraction,
    /// True or false.
    Flag,
    /// One of these; a choice that ends in a colon takes what follows it.
    Choice(&'static [&'static str]),
    /// Some of these, in order of preference.
    Choices(&'static [&'static str]),
    /// Names separated by commas.
    List,
    /// Anything.
    Text,
}

impl Kind {
    /// The unit in listings.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Millis => "ms",
            Self::Seconds => "s",
            Self::Minutes => "min",
            Self::Hours => "h",
            Self::Bytes => "bytes",
            Self::Count => "count",
            Self::Fraction => "fraction",
            Self::Flag => "true or false",
            Self::Choice(_) => "choice",
            Self::Choices(_) | Self::List => "list",
            Self::Text => "text",
        }
    }

    /// Nanoseconds in the unit of a length of time.
    pub const fn nanos(self) -> Option<u64> {
        match self {
            Self::Millis => Some(1_000_000),
            Self::Seconds => Some(1_000_000_000),
            Self::Minutes => Some(60_000_000_000),
            Self::Hours => Some(3_600_000_000_000),
            Self::Bytes
            | Self::Count
            | Self::Fraction
            | Self::Flag
            | Self::Choice(_)
            | Self::Choices(_)
            | Self::List
            | Self::Text => None,
        }
    }
}

/// What becomes of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It changes the simulated behaviour.
    Modelled,
    /// It goes to real brokers only; the simulation behaves the same whatever it is.
    PassedOn,
    /// It cannot be written.
    Refused,
}

impl Treatment {
    /// The word used in listings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Modelled => "modelled",
            Self::PassedOn => "passed on",
            Self::Refused => "refused",
        }
    }
}

/// One setting of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Kafka's own name.
    pub name: &'static str,
    /// Where it is written.
    pub scope: Scope,
    /// What its value is.
    pub kind: Kind,
    /// What becomes of it.
    pub treatment: Treatment,
    /// The least number allowed.
    pub least: i64,
    /// The greatest number allowed.
    pub most: i64,
    /// What it does, or why it is passed on or refused.
    pub note: &'static str,
    default: &'static str,
    /// Another default up to and including a version.
    formerly: Option<(Version, &'static str)>,
    /// The cluster setting that gives a topic setting its default.
    inherits: Option<&'static str>,
}

impl Setting {
    const fn new(name: &'static str, kind: Kind, default: &'static str, treatment: Treatment) -> Self {
        let (least, most) = match kind {
            Kind::Count => (0, i32::MAX as i64),
            Kind::Millis
            | Kind::Seconds
            | Kind::Minutes
            | Kind::Hours
            | Kind::Bytes
            | Kind::Fraction
            | Kind::Flag
            | Kind::Choice(_)
            | Kind::Choices(_)
            | Kind::List
            | Kind::Text => (0, i64::MAX),
        };
        Self {
            name,
            scope: Scope::Cluster,
            kind,
            treatment,
            least,
            most,
            note: "",
            default,
            formerly: None,
            inherits: None,
        }
    }

    const fn modelled(name: &'static str, kind: Kind, default: &'static str, note: &'static str) -> Self {
        Self { note, ..Self::new(name, kind, default, Treatment::Modelled) }
    }

    const fn passed_on(name: &'static str, kind: Kind, default: &'static str) -> Self {
        Self { note: "real brokers only", ..Self::new(name, kind, default, Treatment::PassedOn) }
    }

    const fn refused(name: &'static str, note: &'static str) -> Self {
        Self { note, ..Self::new(name, Kind::Text, "", Treatment::Refused) }
    }

    const fn bounds(mut self, least: i64, most: i64) -> Self {
        self.least = least;
        self.most = most;
        self
    }

    /// The least number allowed; without an upper bound of its own.
    const fn least(mut self, least: i64) -> Self {
        self.least = least;
        self
    }

    const fn until(mut self, version: Version, default: &'static str) -> Self {
        self.formerly = Some((version, default));
        self
    }

    const fn inherits(mut self, name: &'static str) -> Self {
        self.inherits = Some(name);
        self
    }

    const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }

    /// The default in a version, in the setting's own unit; none when Kafka has none (null).
    pub fn default(&self, version: Version) -> Option<&'static str> {
        let default = match self.formerly {
            Some((last, formerly)) if version <= last => formerly,
            Some(_) | None => self.default,
        };
        (!default.is_empty()).then_some(default)
    }

    /// The cluster setting that gives a topic setting its default, as `log.retention.ms` for `retention.ms`.
    pub const fn inherited_from(&self) -> Option<&'static str> {
        self.inherits
    }
}

/// The settings of a scope in the order of the alphabet.
pub fn of(scope: Scope) -> Vec<Setting> {
    let mut settings: Vec<_> = all(scope).collect();
    settings.sort_by_key(|setting| setting.name);
    settings
}

fn all(scope: Scope) -> impl Iterator<Item = Setting> {
    let table = match scope {
        Scope::Cluster => cluster::SETTINGS,
        Scope::Topic => topic::SETTINGS,
        Scope::Producer => producer::SETTINGS,
        Scope::Consumer => consumer::SETTINGS,
    };
    let client = match scope {
        Scope::Producer | Scope::Consumer => CLIENT,
        Scope::Cluster | Scope::Topic => &[],
    };
    table.iter().chain(client).map(move |setting| Setting { scope, ..*setting })
}

/// The setting of this name in this scope.
pub fn find(scope: Scope, name: &str) -> Option<Setting> {
    all(scope).find(|setting| setting.name == name)
}

const SECURITY: &str = "real brokers only; a simulated connection costs no handshake";
const CLASS: &str = "a Java class: neither the simulation nor the real clients here can load it";
const WIRED: &str = "the scenario decides it";

/// Settings that producers and consumers share. Those whose treatment differs stand in their own tables.
const CLIENT: &[Setting] = &[
    Setting::modelled(
        "metadata.max.age.ms",
        Kind::Millis,
        "300000",
        "metadata is asked for again at the latest after this",
    ),
    Setting::modelled(
        "reconnect.backoff.ms",
        Kind::Millis,
        "50",
        "the first wait before a connection is tried again",
    ),
    Setting::modelled(
        "reconnect.backoff.max.ms",
        Kind::Millis,
        "1000",
        "the longest wait before a connection is tried again",
    ),
    Setting::modelled(
        "request.timeout.ms",
        Kind::Millis,
        "30000",
        "how long one attempt waits for its reply",
    )
    .least(1),
    Setting::modelled(
        "retry.backoff.ms",
        Kind::Millis,
        "100",
        "the first wait before a request is tried again; doubles, with 20 % jitter",
    ),
    Setting::modelled(
        "retry.backoff.max.ms",
        Kind::Millis,
        "1000",
        "the longest wait before a request is tried again",
    ),
    Setting::passed_on(
        "client.dns.lookup",
        Kind::Choice(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]),
        "use_all_dns_ips",
    ),
    Setting::passed_on("client.id", Kind::Text, ""),
    Setting::passed_on("connections.max.idle.ms", Kind::Millis, "540000").least(-1),
    Setting::passed_on("enable.metrics.push", Kind::Flag, "true"),
    Setting::passed_on("metadata.recovery.rebootstrap.trigger.ms", Kind::Millis, "300000"),
    Setting::passed_on("metadata.recovery.strategy", Kind::Choice(&["rebootstrap", "none"]), "rebootstrap")
        .until(Version::V3_9, "none"),
    Setting::passed_on("metrics.num.samples", Kind::Count, "2"),
    Setting::passed_on("metrics.recording.level", Kind::Choice(&["INFO", "DEBUG", "TRACE"]), "INFO"),
    Setting::passed_on("metrics.sample.window.ms", Kind::Millis, "30000"),
    Setting::passed_on("receive.buffer.bytes", Kind::Bytes, "65536").least(-1),
    Setting::passed_on("send.buffer.bytes", Kind::Bytes, "131072").least(-1),
    Setting::passed_on("socket.connection.setup.timeout.ms", Kind::Millis, "10000"),
    Setting::passed_on("socket.connection.setup.timeout.max.ms", Kind::Millis, "30000"),
    Setting::passed_on("sasl.client.callback.handler.class", Kind::Text, "").note(SECURITY),
    Setting::passed_on("sasl.jaas.config", Kind::Text, "").note(SECURITY),
    Setting::passed_on("sasl.kerberos.kinit.cmd", Kind::Text, "/usr/bin/kinit").note(SECURITY),
    Setting::passed_on("sasl.kerberos.min.time.before.relogin", Kind::Millis, "60000").note(SECURITY),
    Setting::passed_on("sasl.kerberos.service.name", Kind::Text, "").note(SECURITY),
    Setting::passed_on("sasl.kerberos.ticket.renew.jitter", Kind::Fraction, "0.05").note(SECURITY),
    Setting::passed_on("sasl.kerberos.ticket.renew.window.factor", Kind::Fraction, "0.8").note(SECURITY),
    Setting::passed_on("sasl.login.callback.handler.class", Kind::Text, "").note(SECURITY),
    Setting::passed_on("sasl.login.class", Kind::Text, "").note(SECURITY),
    Setting::passed_on("sasl.login.connect.timeout.ms", Kind::Millis, "").note(SECURITY),
    Setting::passed_on("sasl.login.read.timeout.ms", Kind::Millis, "").note(SECURITY),
    Setting::passed_on("sasl.login.refresh.buffer.seconds", Kind::Seconds, "300").note(SECURITY),
    Setting::passed_on("sasl.login.refresh.min.period.seconds", Kind::Seconds, "60").note(SECURITY),
    Setting::passed_on("sasl.login.refresh.window.factor", Kind::Fraction, "0.8").note(SECURITY),
    Setting::passed_on("sasl.login.refresh.window.jitter", Kind::Fraction, "0.05").note(SECURITY),
    Setting::passed_on("sasl.login.retry.backoff.max.ms", Kind::Millis, "10000").note(SECURITY),
    Setting::passed_on("sasl.login.retry.backoff.ms", Kind::Millis, "100").note(SECURITY),
    Setting::passed_on("sasl.mechanism", Kind::Text, "GSSAPI").note(SECURITY),
    Setting::passed_on("sasl.oauthbearer.clock.skew.seconds", Kind::Seconds, "30").note(SECURITY),
    Setting::passed_on("sasl.oauthbearer.expected.audience", Kind::List, "").note(SECURITY),
    Setting::passed_on("sasl.oauthbearer.expected.issuer", Kind::Text, "").note(SECURITY),
    Setting::passed_on("sasl.oauthbearer.jwks.endpoint.url", Kind::Text, "").note(SECURITY),
    Setting::passed_on("sasl.oauthbearer.scope.claim.name", Kind::Text, "scope").note(SECURITY),
    Setting::passed_on("sasl.oauthbearer.sub.claim.name", Kind::Text, "sub").note(SECURITY),
    Setting::passed_on("sasl.oauthbearer.token.endpoint.url", Kind::Text, "").note(SECURITY),
    Setting::passed_on(
        "security.protocol",
        Kind::Choice(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]),
        "PLAINTEXT",
    )
    .note(SECURITY),
    Setting::passed_on("security.providers", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.cipher.suites", Kind::List, "").note(SECURITY),
    Setting::passed_on("ssl.enabled.protocols", Kind::List, "TLSv1.2,TLSv1.3").note(SECURITY),
    Setting::passed_on("ssl.endpoint.identification.algorithm", Kind::Text, "https").note(SECURITY),
    Setting::passed_on("ssl.engine.factory.class", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.key.password", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.keymanager.algorithm", Kind::Text, "SunX509").note(SECURITY),
    Setting::passed_on("ssl.keystore.certificate.chain", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.keystore.key", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.keystore.location", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.keystore.password", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.keystore.type", Kind::Text, "JKS").note(SECURITY),
    Setting::passed_on("ssl.protocol", Kind::Text, "TLSv1.3").note(SECURITY),
    Setting::passed_on("ssl.provider", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.secure.random.implementation", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.trustmanager.algorithm", Kind::Text, "PKIX").note(SECURITY),
    Setting::passed_on("ssl.truststore.certificates", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.truststore.location", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.truststore.password", Kind::Text, "").note(SECURITY),
    Setting::passed_on("ssl.truststore.type", Kind::Text, "JKS").note(SECURITY),
    Setting::refused("auto.include.jmx.reporter", "removed in Kafka 4.0; leave it out"),
    Setting::refused(
        "bootstrap.servers",
        "the scenario's own brokers are used; in real mode they are given on the command line",
    ),
    Setting::refused("interceptor.classes", CLASS),
    Setting::refused("metric.reporters", CLASS),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice_in_a_scope() {
        for scope in Scope::ALL {
            let settings = of(scope);
            for pair in settings.windows(2) {
                assert!(pair[0].name < pair[1].name, "{} twice in {}", pair[1].name, scope.name());
            }
        }
    }

    #[test]
    fn every_default_is_a_value_of_its_kind_within_its_bounds() {
        for setting in Scope::ALL.into_iter().flat_map(of) {
            for version in Version::ALL {
                let Some(default) = setting.default(version) else { continue };
                assert!(fits(&setting, default), "{} = {default}", setting.name);
            }
        }
    }

    fn fits(setting: &Setting, text: &str) -> bool {
        match setting.kind {
            Kind::Flag => matches!(text, "true" | "false"),
            Kind::Choice(choices) => choices.contains(&text),
            Kind::Choices(choices) => text.split(',').all(|part| choices.contains(&part)),
            Kind::Fraction => text.parse::<f64>().is_ok(),
            Kind::Text | Kind::List => true,
            Kind::Millis | Kind::Seconds | Kind::Minutes | Kind::Hours | Kind::Bytes | Kind::Count => {
                text.parse().is_ok_and(|number: i64| (setting.least..=setting.most).contains(&number))
            }
        }
    }

    #[test]
    fn what_is_refused_says_why() {
        for setting in Scope::ALL.into_iter().flat_map(of) {
            assert!(!setting.note.is_empty(), "{} has no note", setting.name);
        }
    }

    #[test]
    fn linger_became_five_with_4_0() {
        let linger = find(Scope::Producer, "linger.ms").expect("it is a producer's");
        assert_eq!(linger.default(Version::V3_9), Some("0"));
        assert_eq!(linger.default(Version::V4_0), Some("5"));
    }

    #[test]
    fn what_a_topic_inherits_is_a_cluster_setting_with_the_same_default() {
        for topic in of(Scope::Topic) {
            let Some(from) = topic.inherited_from() else { continue };
            let cluster = find(Scope::Cluster, from).unwrap_or_else(|| panic!("{from} is unknown"));
            for version in Version::ALL {
                assert_eq!(topic.default(version), cluster.default(version), "{}", topic.name);
            }
        }
    }
}
