//! The applications of a scenario, installed on the seats that were reserved for them.

use std::sync::Arc;

use crate::kafka::partitioner::murmur2;
use crate::kernel::{Addr, Builder, Desk, NodeId, Rng, Seat, Shape, Time};
use crate::trace::{GroupId, KeyNames, Stage};
use crate::wire::Brokersim;
use crate::wire::operator::ToSupervisor;
use crate::wire::port::{ToPublisher, ToSubscriber};
use crate::workload::generator::{Generator as Publishes, GeneratorSetup};
use crate::workload::processor::{Processor as Works, ProcessorSetup};
use crate::workload::reader::{Commit as When, Reader as Reads, ReaderSetup};
use crate::workload::sink::Sink as Consumes;
use crate::workload::supervisor::Supervisor;
use crate::workload::{Codec, KeyState, Operation, PayloadKind, Schema};

use super::super::scenario::{Commit, Generator, Payload, Presence, Processor, Reader, Scenario, Schedule};
use super::{App, Clients, Content, named};

pub(super) fn install(
    scenario: &Scenario,
    builder: &mut Builder<Brokersim>,
    stage: &Stage,
    app: App<'_>,
    clients: Clients,
    supervisor: Option<Addr<ToSupervisor>>,
) {
    let (node, presence) = (app.node(), app.presence());
    let group = app.group(scenario, stage);
    let loop_of = |entry: &Reader| {
        let subscriber = clients.subscriber.expect("who reads has a client");
        let group = group.expect("who reads has a group");
        let settles = stage.groups[group.index()].reads.iter().all(|of| stage.channels[of.index()].settles);
        let mut setup = reader(entry, group, settles, presence, subscriber, node);
        setup.supervisor = supervisor.zip(entry.mishaps.restart_after);
        Reads::new(setup)
    };
    match app {
        App::Generator { entry, seat, source, instance } => {
            let publisher = clients.publisher.expect("who publishes has a client");
            let setup = GeneratorSetup {
                start: presence.start,
                ..generator(scenario, stage, entry, (source, instance), publisher)
            };
            builder.install(seat, Publishes::new(setup), Desk::default());
        }
        App::Processor { entry, seat, source, .. } => {
            let reader = loop_of(&entry.reader);
            let setup = processor(scenario, stage, entry, source, clients);
            builder.install(seat, Works::new(reader, setup), Desk::default());
        }
        App::Sink { entry, seat, .. } => {
            let reader = loop_of(&entry.reader);
            builder.install(seat, Consumes::new(reader), Desk::default());
        }
    }
}

/// The node of whoever starts processes again.
pub(super) const SUPERVISOR: &str = "supervisor";

/// Whoever starts processes again that have exited, when some of them are to be.
pub(super) fn install_supervisor(
    scenario: &Scenario,
    builder: &mut Builder<Brokersim>,
    apps: &[App<'_>],
) -> Option<Addr<ToSupervisor>> {
    let mut readers = scenario.readers();
    readers.find(|(_, reader)| reader.mishaps.restart_after.is_some())?;
    let node = builder.node(SUPERVISOR);
    let seat: Seat<Supervisor> = builder.reserve(node, SUPERVISOR);
    // A process's own machine starts it again: that is nothing that the network could hold up.
    for app in apps {
        builder.network.reshape(app.node(), node, Shape::IDEAL);
    }
    let address = seat.addr();
    builder.install(seat, Supervisor, Desk::default());
    Some(address)
}

fn generator(
    scenario: &Scenario,
    stage: &Stage,
    entry: &Generator,
    (source, instance): (u32, u32),
    publisher: Addr<ToPublisher>,
) -> GeneratorSetup {
    let Schedule::Ready(arrivals) = entry.arrivals.clone() else { panic!("traces are loaded before wiring") };
    let end = Time::ZERO + scenario.run.duration;
    let mut rng = Rng::named(scenario.run.seed, &format!("{}-{instance}/payload", entry.name));
    let (payload, schema) = match &entry.payload {
        Payload::Made(kind) => (Some(kind.state(instance, &mut rng)), kind.schema()),
        Payload::Recorded => (None, Schema::of("recorded", &[])),
    };
    let keys = KeyState::new(&entry.keys, &schema).expect("the scenario was checked: its key field exists");
    GeneratorSetup {
        source,
        channel: named(stage, &entry.topic),
        publisher,
        arrivals,
        payload,
        schema: Arc::new(schema),
        codec: entry.codec,
        keys,
        hash: murmur2,
        keep_bodies: is_read(scenario, &entry.topic, 0) || scenario.keep_contents && has_contents(entry),
        when_blocked: entry.when_blocked,
        outbox: entry.outbox,
        poison: entry.poison,
        start: entry.presence.start,
        stop: entry.presence.stop.unwrap_or(end).min(end),
        stop_after: entry.stop_after.unwrap_or(u64::MAX),
    }
}

fn processor(
    scenario: &Scenario,
    stage: &Stage,
    entry: &Processor,
    source: u32,
    clients: Clients,
) -> ProcessorSetup {
    let input = content(scenario, scenario.first_read(&entry.reader), 0);
    let output = content(scenario, &entry.to, 0);
    let empty = || Arc::new(Schema::of("bytes", &[]));
    let operation = match (&entry.work, &input.schema) {
        (Operation::Pass, _) | (_, None) => None,
        (work, Some(schema)) => Some(work.state(schema).expect("the scenario was checked: its fields exist")),
    };
    ProcessorSetup {
        source,
        channel: named(stage, &entry.to),
        publisher: clients.publisher.expect("who publishes has a client"),
        operation,
        input: (input.schema.unwrap_or_else(empty), input.codec),
        output: (output.schema.unwrap_or_else(empty), output.codec),
        hash: murmur2,
        keep_bodies: is_read(scenario, &entry.to, 0) || scenario.keep_contents,
    }
}

fn reader(
    entry: &Reader,
    group: GroupId,
    settles: bool,
    presence: Presence,
    subscriber: Addr<ToSubscriber>,
    node: NodeId,
) -> ReaderSetup {
    ReaderSetup {
        group,
        settles,
        subscriber,
        service: entry.service.clone(),
        commit: match entry.commit {
            Commit::Auto => When::Auto,
            Commit::After => When::After,
            Commit::Before => When::Before,
        },
        start: presence.start,
        stop: presence.stop.unwrap_or(Time::NEVER),
        workers: entry.mishaps.workers,
        on_error: entry.mishaps.on_error,
        crash: entry.mishaps.crash,
        node,
        supervisor: None,
    }
}

/// Pipelines longer than this are not followed: a loop of topics has no first one.
const LONGEST_PIPELINE: u32 = 64;

/// What the records of a channel say: decided by the first entry that writes to it.
pub(super) fn content(scenario: &Scenario, channel: &str, depth: u32) -> Content {
    let bytes = Content { schema: None, codec: Codec::Json };
    if let Some(entry) = scenario.generators.iter().find(|entry| entry.topic == channel) {
        return Content { schema: entry.schema().map(Arc::new), codec: entry.codec };
    }
    let writer = scenario.processors.iter().find(|entry| entry.to == channel);
    let Some(entry) = writer.filter(|_| depth < LONGEST_PIPELINE) else { return bytes };
    let input = content(scenario, scenario.first_read(&entry.reader), depth + 1);
    let schema = input.schema.as_deref().and_then(|schema| entry.work.output_schema(schema).ok());
    Content { schema: schema.map(Arc::new), codec: input.codec }
}

/// What the records of a source say: their fields and how they are encoded; none when they are bytes without meaning.
pub fn contents_of(scenario: &Scenario, source: &str) -> Option<(Arc<Schema>, Codec)> {
    if let Some(entry) = scenario.generators.iter().find(|entry| is_instance(&entry.name, source)) {
        return entry.schema().map(|schema| (Arc::new(schema), entry.codec));
    }
    let entry = scenario.processors.iter().find(|entry| is_instance(&entry.name, source))?;
    let Content { schema, codec } = content(scenario, &entry.to, 0);
    schema.map(|schema| (schema, codec))
}

/// Whether a source is this entry, or an instance of it.
fn is_instance(name: &str, source: &str) -> bool {
    let number = source.strip_prefix(name).map(|rest| rest.strip_prefix('-').unwrap_or(rest));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The keys of a source by the hash that its records carry, where they are known beforehand.
pub fn keys_of(scenario: &Scenario, source: &str) -> Option<KeyNames> {
    scenario.generators.iter().find(|entry| is_instance(&entry.name, source)).and_then(known_keys)
}

/// What is replayed may bring keys of its own.
fn known_keys(entry: &Generator) -> Option<KeyNames> {
    let replays = matches!(&entry.arrivals, Schedule::Ready(arrivals) if arrivals.pattern.trace().is_some());
    if replays { None } else { entry.keys.by_hash(murmur2) }
}

/// Whether there is anything in its records that their size and the hash of their key do not say.
fn has_contents(entry: &Generator) -> bool {
    !matches!(entry.payload, Payload::Made(PayloadKind::Bytes(_))) || known_keys(entry).is_none()
}

/// Whether anybody looks at the contents of a channel's records.
fn is_read(scenario: &Scenario, channel: &str, depth: u32) -> bool {
    let written =
        scenario.sinks.iter().any(|sink| scenario.reads(&sink.reader, channel) && !sink.write.is_empty());
    let mut processors = scenario.processors.iter().filter(|entry| scenario.reads(&entry.reader, channel));
    let worked_on = |entry: &Processor| {
        entry.work != Operation::Pass || (depth < LONGEST_PIPELINE && is_read(scenario, &entry.to, depth + 1))
    };
    written || processors.any(worked_on)
}
