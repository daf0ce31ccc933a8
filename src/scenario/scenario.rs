//! The scenario as meant: plain typed values, checked, with every default filled in.
//!
//! **Invariant.** A [`Scenario`] that exists makes sense: names refer to what is there, numbers are within
//! their bounds, combinations are possible. Wiring it does not fail.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::fault::catalogue::Kind;
use crate::fault::{Again, Strike};
use crate::gateway::Commands;
use crate::kafka::config::{BrokerConfig, ConsumerConfig, ProducerConfig, TopicConfig, Version};
use crate::kafka::settings::Scope;
use crate::kernel::{Duration, Law, Shape, Time};
use crate::observe::promise::{Mode, Promise};
use crate::trace::{Reason, SkippedFault};
use crate::workload::generator::WhenBlocked;
use crate::workload::reader::{CrashPlan, OnError};
use crate::workload::{
    Arrivals, Codec, Keys, Operation, Pattern, PayloadKind, Schema, Trace, TraceError, TraceOptions,
};

use crate::mqtt;
use crate::zeromq;

use super::error::{Finding, Findings, ScenarioError, Sources, Span};
pub use super::random::RandomFaults;
pub use super::target::Target;

/// What one file describes.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file's name without its ending.
    pub name: String,
    /// The first comment of the file: the question it answers.
    pub question: Option<String>,
    /// How long, and with which seed.
    pub run: Run,
    /// What lies between the nodes.
    pub network: Shape,
    /// The messaging system.
    pub system: System,
    /// Applications that publish.
    pub generators: Vec<Generator>,
    /// Applications that read, work and publish again.
    pub processors: Vec<Processor>,
    /// Applications that read.
    pub sinks: Vec<Sink>,
    /// What goes wrong, in the order of the file.
    pub faults: Vec<Fault>,
    /// What goes wrong by chance; [`Scenario::drawn_faults`] draws it.
    pub random_faults: Option<RandomFaults>,
    /// `[real.commands]`: what ends and starts real brokers.
    pub commands: Commands,
    /// What must come of it, in the order of the file.
    pub expect: Vec<Expect>,
    /// What was left out of `faults` because it cannot strike where it is to run; [`Scenario::suit`] leaves it out.
    pub skipped_faults: Vec<SkippedFault>,
    /// What a person should know although it is no mistake, a sentence each.
    pub notes: Vec<String>,
    /// Whether the contents of all records are kept, not only of those that somebody reads: for a screen. It changes
    /// nothing that happens.
    pub keep_contents: bool,
    pub(super) sources: Sources,
}

/// `[run]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The same seed gives the same run.
    pub seed: u64,
    /// How long generators send.
    pub duration: Duration,
    /// How much of the beginning is left out of the summary's statistics; less than `duration`.
    pub warm_up: Duration,
    /// How long consumers may catch up after `duration`.
    pub drain: Duration,
}

/// The messaging system of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum System {
    /// A Kafka cluster.
    Kafka(Box<Kafka>),
    /// ZeroMQ sockets.
    Zeromq(Zeromq),
    /// An MQTT broker.
    Mqtt(Mqtt),
}

/// `[kafka]`
#[derive(Clone, Debug, PartialEq)]
pub struct Kafka {
    /// Whose defaults and behaviours are followed.
    pub version: Version,
    /// How many brokers, at least 1. The k-th, counted from 1, is called `broker-k`.
    pub brokers: u32,
    /// How many controllers vote, at least 1.
    pub controllers: u32,
    /// The rack of each broker; empty when none is given.
    pub racks: Vec<String>,
    /// The cluster's settings and the costs of its machines.
    pub config: BrokerConfig,
    /// The topics in the order of the file.
    pub topics: Vec<Topic>,
    /// Settings for real brokers only.
    pub passed_on: Vec<PassedOn>,
}

/// `[kafka.topics.NAME]`
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// At least 1.
    pub partitions: u32,
    /// At least 1, at most the number of brokers.
    pub replication_factor: u32,
    /// Its settings.
    pub config: TopicConfig,
}

/// A setting that only real brokers and clients get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOn {
    /// Its kind of bearer.
    pub scope: Scope,
    /// The topic or entry that it was written in; the empty text for the cluster.
    pub of: String,
    /// Kafka's own name.
    pub name: String,
    /// As Kafka's files write it.
    pub value: String,
}

/// `[zeromq]`
#[derive(Clone, Debug, PartialEq)]
pub struct Zeromq {
    /// How messages travel.
    pub transport: Transport,
    /// The channels in the order of the file.
    pub channels: Vec<Channel>,
}

/// A transport of ZeroMQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Through the network.
    Tcp,
    /// Within one process: no network, and one queue of both high-water marks.
    Inproc,
}

/// `[zeromq.channels.NAME]`: PUSH sockets on one side, PULL sockets on the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// Which end binds, and the options of its sockets.
    pub config: zeromq::Config,
}

/// `[mqtt]`: what clients share is in each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    pub(super) place: Span,
    /// The names that are published to, each once, in the order of the file.
    pub topics: Vec<String>,
}

/// When an entry is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// When it begins.
    pub start: Time,
    /// When it ends, in good order; `None` when it stays.
    pub stop: Option<Time>,
}

/// `[[generator]]`
#[derive(Clone, Debug, PartialEq)]
pub struct Generator {
    /// Its name, unique among all entries.
    pub name: String,
    /// The topic or channel it writes to.
    pub topic: String,
    /// How many of it, at least 1.
    pub instances: u32,
    /// What its records say.
    pub payload: Payload,
    /// How records look on the wire.
    pub codec: Codec,
    /// Which key a record carries. A replay with a key column has its own.
    pub keys: Keys,
    /// When records are offered, by each instance.
    pub arrivals: Schedule,
    /// Records of each instance at most.
    pub stop_after: Option<u64>,
    /// Whether it offers again after a restart what it never heard of.
    pub outbox: bool,
    /// What becomes of records that are due while `send()` blocks.
    pub when_blocked: WhenBlocked,
    /// Which of its records, from 0, is poison.
    pub poison: Option<u64>,
    /// When it is there.
    pub presence: Presence,
    /// Its producer, when the system is Kafka.
    pub producer: Option<ProducerConfig>,
    /// Its client, when the system is MQTT.
    pub client: Option<mqtt::Client>,
}

/// Where a generator's payloads come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// They are made.
    Made(PayloadKind),
    /// They are in the trace that is replayed.
    Recorded,
}

/// When a generator offers records.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// Ready to be used.
    Ready(Arrivals),
    /// From a trace that is still to be loaded: [`Scenario::load_traces`].
    Recorded(Recording),
}

/// A trace to load.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The file, seen from the scenario file.
    pub file: PathBuf,
    /// How to read it.
    pub options: TraceOptions,
    /// How many times faster than recorded, above zero.
    pub speed: f64,
    pub(super) place: Span,
}

/// What a reading application has in common: `[[processor]]` and `[[sink]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reader {
    /// The topic or channel it reads.
    pub from: String,
    /// Its consumer group; unused with ZeroMQ. With MQTT a shared subscription, if `is_shared`.
    pub group: String,
    /// Whether the group was written.
    pub is_shared: bool,
    /// How long a record takes.
    pub service: Law,
    /// When offsets are committed, or messages acknowledged; unused with ZeroMQ.
    pub commit: Commit,
    /// Its consumer, when the system is Kafka.
    pub consumer: Option<ConsumerConfig>,
    /// Its client, when the system is MQTT.
    pub client: Option<mqtt::Client>,
    /// Where the group protocol of KIP-848 is asked for, which is not simulated yet; none: it is not.
    pub newer_protocol: Option<Span>,
    /// What can go wrong in it by itself.
    pub mishaps: Mishaps,
}

/// What can go wrong in a reading application by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mishaps {
    /// Threads that records are handed to while the loop polls on; 0: the loop does the work.
    pub workers: u32,
    /// What it does about exceptions.
    pub on_error: OnError,
    /// When its process exits by itself.
    pub crash: Option<CrashPlan>,
    /// When it is started again after that; `None`: never.
    pub restart_after: Option<Duration>,
}

/// When a reading application commits its offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// The consumer does so itself, every so often.
    Auto,
    /// After the records are processed: at least once.
    After,
    /// Before they are processed: at most once.
    Before,
}

impl Generator {
    /// The fields of what it publishes, if that has fields: JSON objects when it replays a trace that is loaded.
    pub fn schema(&self) -> Option<Schema> {
        match (&self.payload, &self.arrivals) {
            (Payload::Made(PayloadKind::Bytes(_)), _) | (Payload::Recorded, Schedule::Recorded(_)) => None,
            (Payload::Made(kind), _) => Some(kind.schema()),
            (Payload::Recorded, Schedule::Ready(arrivals)) => arrivals.pattern.trace()?.schema.clone(),
        }
    }
}

/// `[[processor]]`
#[derive(Clone, Debug, PartialEq)]
pub struct Processor {
    /// Its name, unique among all entries.
    pub name: String,
    /// How many of it, at least 1.
    pub instances: u32,
    /// What it reads, and how.
    pub reader: Reader,
    /// What it does with each record.
    pub work: Operation,
    /// Where that is written, when it is.
    pub(super) work_place: Option<Span>,
    /// The topic or channel it writes to.
    pub to: String,
    /// When it is there.
    pub presence: Presence,
    /// Its producer, when the system is Kafka.
    pub producer: Option<ProducerConfig>,
    /// The client that it publishes through, when the system is MQTT; it reads through another one.
    pub client: Option<mqtt::Client>,
}

/// `[[sink]]`
#[derive(Clone, Debug, PartialEq)]
pub struct Sink {
    /// Its name, unique among all entries.
    pub name: String,
    /// How many of it, at least 1.
    pub instances: u32,
    /// What it reads, and how.
    pub reader: Reader,
    /// The files it writes.
    pub write: Vec<FileFormat>,
    /// When it is there.
    pub presence: Presence,
}

/// A format that a sink writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileFormat {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values.
    Csv,
}

/// `[[fault]]`
#[derive(Clone, Debug)]
pub struct Fault {
    /// When it happens first.
    pub at: Time,
    /// Its row in the catalogue.
    pub kind: &'static Kind,
    /// What happens.
    pub strike: Strike,
    /// To whom; at least one.
    pub targets: Vec<Target>,
    /// The other ends of paths; empty is everybody else.
    pub peers: Vec<Target>,
    /// How long until it is undone; `None` when it never is.
    pub lasts: Option<Duration>,
    /// How often it happens again.
    pub again: Option<Again>,
    /// Each time it happens later by anything up to this.
    pub jitter: Duration,
    /// Whether a person injected it.
    pub by_hand: bool,
}

/// `20 s: kill of broker-2 for 10 s`
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let targets: Vec<_> = self.targets.iter().map(Target::to_string).collect();
        write!(f, "{}: {} of {}", self.at.since(Time::ZERO), self.kind.name, targets.join(", "))?;
        self.lasts.map_or(Ok(()), |lasts| write!(f, " for {lasts}"))
    }
}

impl Fault {
    /// Whether this is the name that it strikes.
    fn names(&self, name: &str) -> bool {
        self.targets.iter().any(|target| matches!(target, Target::Instance(said) if said == name))
    }

    /// How often it strikes before `end`.
    fn times(&self, end: Time) -> u32 {
        let Some(again) = self.again else { return 1 };
        let most = end.since(self.at).as_nanos() / again.every.as_nanos().max(1) + 1;
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        again.times.map_or(most, |times| times.min(most))
    }
}

/// An entry of `[expect]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// Which promise.
    pub promise: Promise,
    /// Under which word it stands.
    pub mode: Mode,
    /// Only this topic or channel.
    pub topic: Option<String>,
    /// Only this group.
    pub group: Option<String>,
    /// Its bound in time.
    pub time: Option<Duration>,
    /// Its bound in records.
    pub records: Option<u64>,
    /// Under `broken`: how many times, or records, exactly.
    pub count: Option<u64>,
    /// Under `broken`: how many records for each of these causes, exactly.
    pub causes: BTreeMap<Reason, u64>,
    pub(super) place: Span,
}

impl Scenario {
    /// The trace files that are still to be loaded, as the file names them, each once.
    pub fn trace_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for generator in &self.generators {
            if let Schedule::Recorded(recording) = &generator.arrivals
                && !files.contains(&recording.file)
            {
                files.push(recording.file.clone());
            }
        }
        files
    }

    /// Loads the traces that are replayed. `folder` is that of the scenario file; `load` reads one trace.
    ///
    /// # Errors
    /// Every trace that cannot be loaded, with the place where it is asked for; else every processor whose work
    /// does not fit what was recorded.
    pub fn load_traces(
        &mut self,
        folder: &Path,
        mut load: impl FnMut(&Path, &TraceOptions) -> Result<Trace, TraceError>,
    ) -> Result<(), ScenarioError> {
        let mut findings = Findings::new();
        let mut places = Vec::new();
        for generator in &mut self.generators {
            let Schedule::Recorded(recording) = &generator.arrivals else { continue };
            match load(&folder.join(&recording.file), &recording.options) {
                Ok(trace) => {
                    places.push((generator.topic.clone(), recording.place));
                    let pattern = Pattern::Replay { trace: Arc::new(trace), speed: recording.speed };
                    generator.arrivals = Schedule::Ready(Arrivals { pattern, batch: 1 });
                }
                Err(error) => findings.report(
                    Finding::new("scenario::trace", "the trace cannot be replayed")
                        .at(recording.place, error.to_string())
                        .help("file names are seen from the folder of the scenario file"),
                ),
            }
        }
        if findings.is_empty() {
            super::check::recorded(self, &places, &mut findings);
        }
        if findings.is_empty() { Ok(()) } else { Err(findings.into_error(&self.sources)) }
    }

    /// The Kafka cluster, if that is the system.
    pub fn kafka(&self) -> Option<&Kafka> {
        match &self.system {
            System::Kafka(kafka) => Some(kafka),
            System::Zeromq(_) | System::Mqtt(_) => None,
        }
    }

    /// The names of the topics or channels, in the order of the file.
    pub fn channels(&self) -> Vec<&str> {
        match &self.system {
            System::Kafka(kafka) => kafka.topics.iter().map(|topic| topic.name.as_str()).collect(),
            System::Zeromq(zeromq) => zeromq.channels.iter().map(|channel| channel.name.as_str()).collect(),
            System::Mqtt(mqtt) => mqtt.topics.iter().map(String::as_str).collect(),
        }
    }

    /// What the system is called.
    pub fn system_name(&self) -> &'static str {
        match self.system {
            System::Kafka(_) => "Kafka",
            System::Zeromq(_) => "ZeroMQ",
            System::Mqtt(_) => "MQTT",
        }
    }

    /// Whether a reader reads this topic or channel.
    pub fn reads(&self, reader: &Reader, channel: &str) -> bool {
        match self.system {
            System::Kafka(_) | System::Zeromq(_) => reader.from == channel,
            System::Mqtt(_) => mqtt::topic::matches(&reader.from, channel),
        }
    }

    /// The topics or channels that a reader reads, in the order of the file.
    pub fn read_by<'s>(&'s self, reader: &Reader) -> Vec<&'s str> {
        self.channels().into_iter().filter(|channel| self.reads(reader, channel)).collect()
    }

    /// The first topic or channel that a reader reads: what it says is what all of them say.
    pub fn first_read<'s>(&'s self, reader: &'s Reader) -> &'s str {
        self.read_by(reader).first().copied().unwrap_or(&reader.from)
    }

    /// Whether it can run under virtual time.
    ///
    /// # Errors
    /// When it cannot: why, and what to do.
    pub fn is_simulated(&self) -> Result<(), ScenarioError> {
        let newer = self.readers().find_map(|(_, reader)| reader.newer_protocol);
        let finding = match (&self.system, newer) {
            (System::Mqtt(mqtt), _) => Finding::new("scenario::not_simulated", super::wiring::NOT_SIMULATED)
                .at(mqtt.place, "the system of this scenario")
                .help(format!("run it on a real broker: {}", super::wiring::RUN_IT)),
            (System::Kafka(_), Some(place)) => {
                let what = "the group protocol of KIP-848 is not simulated yet";
                Finding::new("scenario::not_simulated", what).at(place, "asked for here").help(
                    "run it with --on kafka://HOST:PORT or --on embedded, or leave group.protocol out for the classic \
                     one",
                )
            }
            (System::Kafka(_) | System::Zeromq(_), _) => return Ok(()),
        };
        let mut findings = Findings::new();
        findings.report(finding);
        Err(findings.into_error(&self.sources))
    }

    /// The groups of a reading entry: one, unless its instances are independent subscribers, which count for
    /// themselves.
    pub fn groups_of(&self, name: &str, reader: &Reader) -> Vec<String> {
        match self.system {
            System::Kafka(_) => vec![reader.group.clone()],
            System::Zeromq(_) => vec![reader.from.clone()],
            System::Mqtt(_) if reader.is_shared => vec![reader.group.clone()],
            System::Mqtt(_) => {
                let instances = self.entries().find(|(entry, _)| *entry == name).map_or(1, |(_, of)| of);
                let all = instances + self.added_members(name);
                (0..all).map(|instance| instance_name(name, all, instance)).collect()
            }
        }
    }

    /// All entries: name, and how many instances there are in the beginning.
    pub fn entries(&self) -> impl Iterator<Item = (&str, u32)> {
        let generators = self.generators.iter().map(|entry| (entry.name.as_str(), entry.instances));
        let processors = self.processors.iter().map(|entry| (entry.name.as_str(), entry.instances));
        let sinks = self.sinks.iter().map(|entry| (entry.name.as_str(), entry.instances));
        generators.chain(processors).chain(sinks)
    }

    /// How many instances of an entry are added in the course of the run, at most.
    pub fn added_members(&self, entry: &str) -> u32 {
        let end = Time::ZERO + self.run.duration + self.run.drain;
        let adds = self.faults.iter().filter(|fault| fault.strike == Strike::AddMember);
        adds.filter(|fault| fault.names(entry)).map(|fault| fault.times(end)).sum()
    }

    /// How many partitions a topic has at the end of the run.
    pub fn partitions_in_time(&self, topic: &Topic) -> u32 {
        let added = self.faults.iter().filter(|fault| fault.names(&topic.name));
        let to = |fault: &Fault| if let Strike::AddPartitions(to) = fault.strike { to } else { 0 };
        added.map(to).fold(topic.partitions, u32::max)
    }

    /// All reading entries: name, what they read and how.
    pub fn readers(&self) -> impl Iterator<Item = (&str, &Reader)> {
        let processors = self.processors.iter().map(|processor| (processor.name.as_str(), &processor.reader));
        processors.chain(self.sinks.iter().map(|sink| (sink.name.as_str(), &sink.reader)))
    }
}

/// `billing` when there is one of it, else `billing-1`, `billing-2`, ...
pub(super) fn instance_name(name: &str, instances: u32, instance: u32) -> String {
    if instances == 1 { name.to_owned() } else { format!("{name}-{}", instance + 1) }
}
