//! `[[generator]]`, `[[processor]]` and `[[sink]]`.

use std::path::PathBuf;

use crate::kafka::config::{Acks, ConsumerConfig, GroupProtocol, ProducerConfig, Version};
use crate::kafka::settings::Scope;
use crate::kernel::{Duration, Law, Time};
use crate::mqtt::Client;
use crate::workload::generator::WhenBlocked;
use crate::workload::payload::{Bytes, Cpu, Events, Gps, Posts, Sensor, Sensors, Ticks};
use crate::workload::reader::{CrashPlan, CrashPoint, OnError};
use crate::workload::{
    Arrivals, Codec, Keys, Operation, Pattern, PayloadKind, SizeLaw, TimeUnit, TraceOptions,
};

use super::super::error::Span;
use super::super::file::{Node, Table};
use super::super::scenario::{
    Commit, FileFormat, Generator, Mishaps, PassedOn, Payload, Presence, Processor, Reader, Recording,
    Schedule, Sink, System,
};
use super::super::units::Rate;
use super::kafka::set;
use super::mqtt;
use super::work::operation;
use super::{count, duration, text, whole};

/// Reads the entries and gives them the clients of the system.
pub(super) struct Clients<'s> {
    /// None when the system is not Kafka.
    kafka: Option<(Version, &'s mut Vec<PassedOn>)>,
    /// What MQTT's clients have that say nothing else; none when the system is not MQTT.
    mqtt: Option<Client>,
    notes: &'s mut Vec<String>,
}

impl<'s> Clients<'s> {
    pub(super) fn of(system: &'s mut System, mqtt: Option<Client>, notes: &'s mut Vec<String>) -> Self {
        let mqtt = mqtt.filter(|_| matches!(system, System::Mqtt(_)));
        let kafka = match system {
            System::Kafka(kafka) => Some((kafka.version, &mut kafka.passed_on)),
            System::Zeromq(_) | System::Mqtt(_) => None,
        };
        Self { kafka, mqtt, notes }
    }

    pub(super) fn generator(&mut self, table: &Table) -> Generator {
        let arrivals = schedule(table);
        let recorded = matches!(arrivals, Schedule::Recorded(_)) && table.value("payload").is_none();
        Generator {
            name: text(table, "name").unwrap_or_default(),
            topic: text(table, "topic").unwrap_or_default(),
            instances: count(table, "instances").unwrap_or(1),
            payload: if recorded {
                Payload::Recorded
            } else {
                Payload::Made(payload(table.value("payload")))
            },
            codec: codec(table),
            keys: table.value("key").and_then(Node::table).map_or(Keys::None, keys),
            arrivals,
            stop_after: whole(table, "stop-after"),
            outbox: table.value("outbox").and_then(Node::flag).unwrap_or(false),
            when_blocked: match text(table, "when-blocked").as_deref() {
                Some("skip") => WhenBlocked::Skip,
                Some(_) | None => WhenBlocked::Wait,
            },
            poison: whole(table, "poison-at").map(|number| number.saturating_sub(1)),
            presence: presence(table),
            producer: self.producer(table),
            client: self.client(table),
        }
    }

    pub(super) fn processor(&mut self, table: &Table) -> Processor {
        Processor {
            name: text(table, "name").unwrap_or_default(),
            instances: count(table, "instances").unwrap_or(1),
            reader: self.reader(table),
            work: table.value("work").map_or(Operation::Pass, operation),
            work_place: table.value("work").map(|work| work.place),
            to: text(table, "to").unwrap_or_default(),
            presence: presence(table),
            producer: self.producer(table),
            client: self.client(table),
        }
    }

    pub(super) fn sink(&mut self, table: &Table) -> Sink {
        Sink {
            name: text(table, "name").unwrap_or_default(),
            instances: count(table, "instances").unwrap_or(1),
            reader: self.reader(table),
            write: table.value("write").and_then(Node::words).map_or_else(Vec::new, |words| formats(&words)),
            presence: presence(table),
        }
    }

    fn reader(&mut self, table: &Table) -> Reader {
        let name = text(table, "name").unwrap_or_default();
        let commit = commit(table);
        let consumer = self.consumer(table, commit);
        let newer = consumer.as_ref().filter(|config| config.protocol == GroupProtocol::Consumer);
        Reader {
            from: text(table, "from").unwrap_or_default(),
            is_shared: table.value("group").is_some(),
            group: text(table, "group").unwrap_or(name),
            service: table.value("service").and_then(Node::law).unwrap_or(Law::ZERO),
            commit,
            newer_protocol: newer.and_then(|_| protocol_place(table)),
            consumer,
            client: self.client(table),
            mishaps: mishaps(table),
        }
    }

    fn client(&self, table: &Table) -> Option<Client> {
        self.mqtt.as_ref().map(|defaults| mqtt::client(table, defaults))
    }

    fn producer(&mut self, table: &Table) -> Option<ProducerConfig> {
        let (version, passed_on) = self.kafka.as_mut()?;
        let mut config = ProducerConfig::of(*version);
        let settings = settings(table, "producer");
        // Kafka turns idempotence off by itself when acks or retries forbid it and it was not asked for.
        let asked = settings.iter().any(|setting| setting.name == "enable.idempotence");
        let name = text(table, "name").unwrap_or_default();
        set(Scope::Producer, &name, &settings, passed_on, self.notes, |name, value| config.set(name, value));
        let mut allowed = config.acks == Acks::All && config.retries > 0;
        // 3.x falls back here too; 4.0 refuses instead.
        allowed &= *version >= Version::V4_0 || config.max_in_flight <= 5;
        config.idempotence &= asked || allowed;
        // KIP-91: a delivery timeout that is not written gives way.
        if !settings.iter().any(|setting| setting.name == "delivery.timeout.ms") {
            config.delivery_timeout = config.delivery_timeout.max(config.linger + config.request_timeout);
        }
        Some(config)
    }

    fn consumer(&mut self, table: &Table, commit: Commit) -> Option<ConsumerConfig> {
        let (version, passed_on) = self.kafka.as_mut()?;
        let mut config = ConsumerConfig::of(*version);
        let name = text(table, "name").unwrap_or_default();
        let settings = settings(table, "consumer");
        set(Scope::Consumer, &name, &settings, passed_on, self.notes, |name, value| config.set(name, value));
        config.auto_commit = commit == Commit::Auto;
        Some(config)
    }
}

fn settings<'t>(table: &'t Table, name: &str) -> Vec<super::super::file::Setting<'t>> {
    table.value(name).and_then(Node::table).map(Table::flatten).unwrap_or_default()
}

/// Where `consumer.group.protocol` is written.
fn protocol_place(table: &Table) -> Option<Span> {
    settings(table, "consumer").iter().find(|one| one.name == "group.protocol").map(|one| one.key)
}

/// What is not written follows `consumer.enable.auto.commit`.
fn commit(table: &Table) -> Commit {
    match text(table, "commit").as_deref() {
        Some("after") => Commit::After,
        Some("before") => Commit::Before,
        Some(_) => Commit::Auto,
        None => {
            let settings = settings(table, "consumer");
            let own = settings.iter().find(|setting| setting.name == "enable.auto.commit");
            if own.and_then(|own| own.node.flag()) == Some(false) { Commit::After } else { Commit::Auto }
        }
    }
}

fn mishaps(table: &Table) -> Mishaps {
    let point = match text(table, "crash-point").as_deref() {
        Some("before-commit") => CrashPoint::BeforeCommit,
        Some("after-commit") => CrashPoint::AfterCommit,
        Some(_) | None => CrashPoint::AtOnce,
    };
    Mishaps {
        workers: count(table, "workers").unwrap_or(0),
        // An exception that nobody catches ends the process.
        on_error: match text(table, "on-error").as_deref() {
            Some("skip") => OnError::Skip,
            Some("stop") => OnError::Stop,
            Some("dead-letter") => OnError::DeadLetter,
            Some(_) | None => OnError::Crash,
        },
        crash: whole(table, "crash-after").map(|after| CrashPlan { after, point }),
        restart_after: duration(table, "restart-after"),
    }
}

fn presence(table: &Table) -> Presence {
    Presence {
        start: Time::ZERO + duration(table, "start").unwrap_or_default(),
        stop: duration(table, "stop").map(|stop| Time::ZERO + stop),
    }
}

fn codec(table: &Table) -> Codec {
    match text(table, "codec").as_deref() {
        Some("csv") => Codec::Csv,
        Some("bincode") => Codec::Bincode,
        Some(_) | None => Codec::Json,
    }
}

fn formats(words: &[String]) -> Vec<FileFormat> {
    let mut formats: Vec<_> =
        words.iter().map(|word| if word == "csv" { FileFormat::Csv } else { FileFormat::Parquet }).collect();
    formats.sort_unstable();
    formats.dedup();
    formats
}

fn keys(table: &Table) -> Keys {
    if let Some(field) = text(table, "field") {
        return Keys::Field(field);
    }
    if let Some(n) = count(table, "uniform") {
        return Keys::Uniform { n };
    }
    let exponent = table.value("zipf").and_then(Node::number).unwrap_or(1.0);
    Keys::Zipf { n: count(table, "keys").unwrap_or(1), exponent }
}

fn payload(node: Option<&Node>) -> PayloadKind {
    let empty = Table::default();
    let table = node.and_then(Node::table).unwrap_or(&empty);
    let kind = node.and_then(Node::text).map(str::to_owned).or_else(|| text(table, "kind"));
    let words = |name: &str| table.value(name).and_then(Node::words);
    let number = |name: &str| table.value(name).and_then(Node::number);
    match kind.as_deref() {
        Some("ticks") => {
            let plain = Ticks::default();
            PayloadKind::Ticks(Ticks {
                assets: words("assets").unwrap_or(plain.assets),
                volatility: number("volatility").unwrap_or(plain.volatility),
            })
        }
        Some("posts") => {
            let plain = Posts::default();
            PayloadKind::Posts(Posts {
                assets: words("assets").unwrap_or(plain.assets),
                authors: count(table, "authors").unwrap_or(plain.authors),
            })
        }
        Some("sensors") => PayloadKind::Sensors(Sensors {
            sensor: sensor(text(table, "sensor").as_deref()),
            devices: count(table, "devices").unwrap_or(1),
        }),
        Some("cpu") => PayloadKind::Cpu(Cpu { cores: count(table, "cores").unwrap_or(8) }),
        Some("gps") => {
            let plain = Gps::default();
            PayloadKind::Gps(Gps {
                devices: count(table, "devices").unwrap_or(plain.devices),
                latitude: number("latitude").unwrap_or(plain.latitude),
                longitude: number("longitude").unwrap_or(plain.longitude),
            })
        }
        Some("bytes") => {
            let size = table.value("size").and_then(Node::size_law);
            PayloadKind::Bytes(Bytes { size: size.unwrap_or(SizeLaw::Constant(100)) })
        }
        Some(_) | None => {
            let plain = Events::default();
            PayloadKind::Events(Events {
                users: count(table, "users").unwrap_or(plain.users),
                items: count(table, "items").unwrap_or(plain.items),
            })
        }
    }
}

fn sensor(name: Option<&str>) -> Sensor {
    match name {
        Some("gyroscope") => Sensor::Gyroscope,
        Some("magnetometer") => Sensor::Magnetometer,
        Some("gravity") => Sensor::Gravity,
        Some("linear-acceleration") => Sensor::LinearAcceleration,
        Some("light") => Sensor::Light,
        Some("pressure") => Sensor::Pressure,
        Some("proximity") => Sensor::Proximity,
        Some("temperature") => Sensor::Temperature,
        Some("humidity") => Sensor::Humidity,
        Some(_) | None => Sensor::Accelerometer,
    }
}

fn schedule(table: &Table) -> Schedule {
    let Some(node) = table.value("arrivals") else { return idle() };
    if let Some(replay) = node.table().and_then(|table| table.value("replay")).and_then(Node::table) {
        return recording(replay);
    }
    let natural = || payload(table.value("payload")).natural_rate().map(|rate| Pattern::Constant { rate });
    let pattern = match node.table() {
        Some(table) => pattern(table),
        None => natural(),
    };
    let Some(pattern) = pattern else { return idle() };
    Schedule::Ready(Arrivals { pattern, batch: count(table, "batch").unwrap_or(1).max(1) })
}

/// Stands for arrivals that the judge did not understand.
fn idle() -> Schedule {
    Schedule::Ready(Arrivals { pattern: Pattern::Constant { rate: 1.0 }, batch: 1 })
}

fn recording(table: &Table) -> Schedule {
    let unit = text(table, "unit").map(|unit| match unit.as_str() {
        "ns" => TimeUnit::Nanoseconds,
        "us" => TimeUnit::Microseconds,
        "ms" => TimeUnit::Milliseconds,
        _ => TimeUnit::Seconds,
    });
    let file = table.value("file");
    Schedule::Recorded(Recording {
        file: PathBuf::from(file.and_then(Node::text).unwrap_or_default()),
        options: TraceOptions {
            time: text(table, "time").unwrap_or_default(),
            unit,
            key: text(table, "key"),
            payload: text(table, "payload"),
        },
        speed: table.value("speed").and_then(Node::number).unwrap_or(1.0),
        place: file.map_or(super::super::error::Span::new(0, 0), |file| file.place),
    })
}

fn pattern(table: &Table) -> Option<Pattern> {
    let rate = |table: &Table, name: &str| table.value(name).and_then(Node::rate).map(Rate::per_second);
    let part = |name: &str| table.value(name).and_then(Node::table);
    if let Some(rate) = rate(table, "constant") {
        return Some(Pattern::Constant { rate });
    }
    if let Some(rate) = rate(table, "poisson") {
        return Some(Pattern::Poisson { rate });
    }
    if let Some(bursts) = part("bursts") {
        let law = |name: &str| bursts.value(name).and_then(Node::law);
        return Some(Pattern::OnOff { rate: rate(bursts, "rate")?, on: law("on")?, off: law("off")? });
    }
    if let Some(ramp) = part("ramp") {
        return Some(Pattern::Ramp {
            from: rate(ramp, "from")?,
            to: rate(ramp, "to")?,
            over: duration(ramp, "over")?,
        });
    }
    let daily = part("daily")?;
    let period: Duration = duration(daily, "period").unwrap_or(Pattern::DAY);
    Some(Pattern::Daily {
        mean: rate(daily, "mean")?,
        peak_to_trough: daily.value("peak-to-trough").and_then(Node::number).unwrap_or(4.0),
        period,
        peak_at: duration(daily, "peak-at").unwrap_or(period / 2),
    })
}
