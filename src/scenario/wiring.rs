//! From a scenario to a system: seats for the applications, the system behind them, what goes wrong.
//!
//! Here, and only here, it is decided which system stands behind the port.

use std::sync::Arc;

use crate::fault::{Injector, InjectorSetup, Plan, Strike, Target as Victim};
use crate::kafka::{cluster, partitioner::murmur2};
use crate::kernel::{ActorId, Addr, Builder, Cast, Desk, Network, NodeId, Parts, Rng, Seat, Shape, Time};
use crate::trace::{ChannelId, GroupId, PlaceId, Stage};
use crate::wire::Brokersim;
use crate::wire::port::{ToPublisher, ToSubscriber};
use crate::workload::generator::{Generator as Publishes, GeneratorSetup, WhenBlocked};
use crate::workload::processor::{Processor as Works, ProcessorSetup};
use crate::workload::reader::{Commit as When, Reader as Reads};
use crate::workload::sink::Sink as Consumes;
use crate::workload::{Codec, KeyState, Operation, Schema};
use crate::zeromq;

use super::scenario::{
    Channel, Commit, FaultKind, Generator, Kafka, Payload, Presence, Processor, Reader, Scenario, Schedule,
    Sink, System, Target, Transport, Zeromq,
};

/// A system ready to run, and what observers need to know of it.
pub struct Wired {
    /// For a host.
    pub parts: Parts<Brokersim>,
    /// Names and numbers.
    pub stage: Arc<Stage>,
    /// What each sink that writes files reads.
    pub sinks: Vec<SinkPlan>,
    /// When generators stop.
    pub stop: Time,
    /// When the run ends.
    pub end: Time,
}

/// A sink that writes files.
#[derive(Clone, Debug)]
pub struct SinkPlan {
    /// The entry's name.
    pub name: String,
    /// Its instances.
    pub actors: Vec<ActorId>,
    /// The fields of what it reads; none when the contents are bytes without meaning.
    pub schema: Option<Arc<Schema>>,
    /// How they are encoded.
    pub codec: Codec,
    /// Whether it writes Parquet.
    pub parquet: bool,
    /// Whether it writes CSV.
    pub csv: bool,
}

/// What a channel's records say.
#[derive(Clone)]
struct Content {
    schema: Option<Arc<Schema>>,
    codec: Codec,
}

/// An application that is still to get its client.
enum App<'a> {
    Generator { entry: &'a Generator, seat: Seat<Publishes>, source: u32, instance: u32 },
    Processor { entry: &'a Processor, seat: Seat<Works>, source: u32 },
    Sink { entry: &'a Sink, seat: Seat<Consumes> },
}

impl App<'_> {
    fn node(&self) -> NodeId {
        match self {
            Self::Generator { seat, .. } => seat.node(),
            Self::Processor { seat, .. } => seat.node(),
            Self::Sink { seat, .. } => seat.node(),
        }
    }

    fn reader(&self) -> Option<&Reader> {
        match self {
            Self::Generator { .. } => None,
            Self::Processor { entry, .. } => Some(&entry.reader),
            Self::Sink { entry, .. } => Some(&entry.reader),
        }
    }

    fn writes_to(&self) -> Option<&str> {
        match self {
            Self::Generator { entry, .. } => Some(&entry.topic),
            Self::Processor { entry, .. } => Some(&entry.to),
            Self::Sink { .. } => None,
        }
    }
}

/// The clients of an application.
#[derive(Clone, Copy, Default)]
struct Clients {
    publisher: Option<Addr<ToPublisher>>,
    subscriber: Option<Addr<ToSubscriber>>,
}

/// Makes the system that a scenario describes. Its traces are loaded.
///
/// # Panics
/// When a trace is not loaded ([`Scenario::load_traces`]): everything else was checked before.
pub fn wire(scenario: &Scenario) -> Wired {
    wire_with(scenario, |_| Vec::new())
}

/// As [`wire`], with faults besides those of the scenario: `more` is told the names of all nodes. For faults
/// that strike what no file can name.
///
/// # Panics
/// As [`wire`].
pub fn wire_with(scenario: &Scenario, more: impl FnOnce(&Cast) -> Vec<Plan>) -> Wired {
    let network = Network::new(scenario.network.clone(), scenario.run.seed);
    let mut builder = Builder::new(scenario.run.seed, network);
    let mut stage = stage(scenario);
    let apps = reserve(scenario, &mut builder, &mut stage);
    let stage = Arc::new(stage);
    let (clients, brokers) = match &scenario.system {
        System::Kafka(kafka) => install_kafka(kafka, &mut builder, &stage, &apps),
        System::Zeromq(zeromq) => (install_zeromq(zeromq, &mut builder, &stage, &apps), Vec::new()),
    };
    let sinks = sink_plans(scenario, &apps);
    for (app, clients) in apps.into_iter().zip(clients) {
        install(scenario, &mut builder, &stage, app, clients);
    }
    let more = more(builder.cast());
    install_faults(scenario, &mut builder, &stage, brokers, more);
    let stop = Time::ZERO + scenario.run.duration;
    Wired { parts: builder.finish(), stage, sinks, stop, end: stop + scenario.run.drain }
}

fn stage(scenario: &Scenario) -> Stage {
    let mut stage = Stage::default();
    match &scenario.system {
        System::Kafka(kafka) => {
            for topic in &kafka.topics {
                stage.add_channel(topic.name.as_str(), topic.partitions, false, true);
            }
            let offsets = if scenario.readers().next().is_some() {
                kafka.config.offsets_topic_num_partitions
            } else {
                1
            };
            stage.add_channel(cluster::OFFSETS_TOPIC, offsets, true, true);
            for (_, reader) in scenario.readers() {
                let channel = named(&stage, &reader.from);
                join_group(&mut stage, &reader.group, channel);
            }
        }
        System::Zeromq(zeromq) => {
            for channel in &zeromq.channels {
                let id = stage.add_channel(channel.name.as_str(), 1, false, false);
                if scenario.readers().any(|(_, reader)| reader.from == channel.name) {
                    stage.add_group(channel.name.as_str(), vec![id]);
                }
            }
        }
    }
    stage
}

fn join_group(stage: &mut Stage, name: &str, channel: ChannelId) {
    match stage.groups.iter_mut().find(|group| group.name == name) {
        Some(group) if !group.reads.contains(&channel) => group.reads.push(channel),
        Some(_) => {}
        None => {
            stage.add_group(name, vec![channel]);
        }
    }
}

fn named(stage: &Stage, channel: &str) -> ChannelId {
    stage.channel_named(channel).expect("the scenario was checked: its channels exist")
}

fn group_of(scenario: &Scenario, stage: &Stage, reader: &Reader) -> GroupId {
    let name = if scenario.kafka().is_some() { &reader.group } else { &reader.from };
    let index =
        stage.groups.iter().position(|group| group.name == *name).expect("every reader has its group");
    GroupId(index as u32)
}

/// A node and a seat for every instance of every entry, in the order of the file.
fn reserve<'a>(scenario: &'a Scenario, builder: &mut Builder<Brokersim>, stage: &mut Stage) -> Vec<App<'a>> {
    // Sockets that talk inproc live in one process.
    let shared = match &scenario.system {
        System::Zeromq(zeromq) if zeromq.transport == Transport::Inproc => Some(builder.node("process")),
        System::Zeromq(_) | System::Kafka(_) => None,
    };
    let node = |builder: &mut Builder<Brokersim>, name: &str| shared.unwrap_or_else(|| builder.node(name));
    let mut apps = Vec::new();
    for entry in &scenario.generators {
        for instance in 0..entry.instances {
            let name = instance_name(&entry.name, entry.instances, instance);
            let seat = {
                let node = node(builder, &name);
                builder.reserve(node, name.as_str())
            };
            apps.push(App::Generator { entry, seat, source: stage.add_source(name), instance });
        }
    }
    for entry in &scenario.processors {
        for instance in 0..entry.instances {
            let name = instance_name(&entry.name, entry.instances, instance);
            let seat = {
                let node = node(builder, &name);
                builder.reserve(node, name.as_str())
            };
            apps.push(App::Processor { entry, seat, source: stage.add_source(name) });
        }
    }
    for entry in &scenario.sinks {
        for instance in 0..entry.instances {
            let name = instance_name(&entry.name, entry.instances, instance);
            let node = node(builder, &name);
            apps.push(App::Sink { entry, seat: builder.reserve(node, name) });
        }
    }
    apps
}

/// `billing` when there is one of it, else `billing-1`, `billing-2`, ...
fn instance_name(name: &str, instances: u32, instance: u32) -> String {
    if instances == 1 { name.to_owned() } else { format!("{name}-{}", instance + 1) }
}

fn install_kafka(
    kafka: &Kafka,
    builder: &mut Builder<Brokersim>,
    stage: &Arc<Stage>,
    apps: &[App<'_>],
) -> (Vec<Clients>, Brokers) {
    let mut topics: Vec<_> =
        kafka.topics.iter().map(|topic| (topic.config.clone(), topic.replication_factor)).collect();
    let replication = kafka.config.offsets_topic_replication_factor.min(kafka.brokers);
    topics.push((kafka.config.topic.clone(), replication));
    let rack = |index: u32| kafka.racks.get(index as usize).cloned();
    let config = cluster::Config {
        brokers: kafka.config.clone(),
        racks: (0..kafka.brokers).map(rack).collect(),
        topics,
        stage: Arc::clone(stage),
    };
    let applications = kafka_applications(stage, builder, apps);
    let ports = cluster::install(&config, builder, &applications);
    let (mut publishers, mut subscribers) = (ports.publishers.into_iter(), ports.subscribers.into_iter());
    let clients = apps.iter().map(|app| Clients {
        publisher: app.writes_to().and_then(|_| publishers.next()),
        subscriber: app.reader().and_then(|_| subscribers.next()),
    });
    (clients.collect(), ports.brokers)
}

fn kafka_applications(
    stage: &Stage,
    builder: &Builder<Brokersim>,
    apps: &[App<'_>],
) -> cluster::Applications {
    let mut applications = cluster::Applications::default();
    let mut instances = vec![0; stage.groups.len()];
    for app in apps {
        let node = app.node();
        let name = builder.cast().node(node);
        let publisher = match app {
            App::Generator { entry, seat, .. } => Some((seat.addr(), entry.producer.clone())),
            App::Processor { entry, seat, .. } => Some((seat.addr(), entry.producer.clone())),
            App::Sink { .. } => None,
        };
        if let Some((app, config)) = publisher {
            let config = Arc::new(config.expect("a Kafka entry that publishes has a producer"));
            applications.publishers.push(cluster::Publisher {
                name: format!("{name}/producer"),
                node,
                app,
                config,
            });
        }
        let subscriber = match app {
            App::Generator { .. } => None,
            App::Processor { seat, .. } => Some(seat.addr()),
            App::Sink { seat, .. } => Some(seat.addr()),
        };
        if let (Some(reader), Some(address)) = (app.reader(), subscriber) {
            let config = Arc::new(reader.consumer.clone().expect("a Kafka entry that reads has a consumer"));
            let group =
                stage.groups.iter().position(|group| group.name == reader.group).expect("its group exists");
            let instance = config.static_membership.then(|| {
                instances[group] += 1;
                instances[group]
            });
            applications.subscribers.push(cluster::Subscriber {
                name: format!("{name}/consumer"),
                node,
                app: address,
                config,
                group: GroupId(group as u32),
                instance,
                channels: vec![named(stage, &reader.from)],
            });
        }
    }
    applications
}

fn install_zeromq(
    zeromq: &Zeromq,
    builder: &mut Builder<Brokersim>,
    stage: &Stage,
    apps: &[App<'_>],
) -> Vec<Clients> {
    let mut clients = vec![Clients::default(); apps.len()];
    for channel in &zeromq.channels {
        let id = named(stage, &channel.name);
        let writers: Vec<usize> =
            (0..apps.len()).filter(|&index| apps[index].writes_to() == Some(channel.name.as_str())).collect();
        let readers: Vec<usize> = (0..apps.len())
            .filter(|&index| apps[index].reader().is_some_and(|reader| reader.from == channel.name))
            .collect();
        let applications = zeromq::Applications {
            channel: id,
            place: stage.channels[id.index()].first_place,
            publishers: writers.iter().map(|&index| push_for(builder, &apps[index])).collect(),
            subscribers: readers
                .iter()
                .map(|&index| pull_for(builder, stage, &apps[index], channel))
                .collect(),
        };
        let ports = zeromq::install(&channel.config, builder, &applications);
        for (index, publisher) in writers.into_iter().zip(ports.publishers) {
            clients[index].publisher = Some(publisher);
        }
        for (index, subscriber) in readers.into_iter().zip(ports.subscribers) {
            clients[index].subscriber = Some(subscriber);
        }
    }
    clients
}

fn push_for(builder: &Builder<Brokersim>, app: &App<'_>) -> zeromq::Publisher {
    let (node, address, id) = match app {
        App::Generator { seat, .. } => (seat.node(), seat.addr(), seat.id()),
        App::Processor { seat, .. } => (seat.node(), seat.addr(), seat.id()),
        App::Sink { .. } => unreachable!("a sink does not publish"),
    };
    zeromq::Publisher { name: format!("{}/push", builder.cast().actor(id)), node, app: address }
}

fn pull_for(
    builder: &Builder<Brokersim>,
    stage: &Stage,
    app: &App<'_>,
    channel: &Channel,
) -> zeromq::Subscriber {
    let (node, address, id) = match app {
        App::Processor { seat, .. } => (seat.node(), seat.addr(), seat.id()),
        App::Sink { seat, .. } => (seat.node(), seat.addr(), seat.id()),
        App::Generator { .. } => unreachable!("a generator does not read"),
    };
    let group =
        stage.groups.iter().position(|group| group.name == channel.name).expect("a channel that is read");
    let name = format!("{}/pull", builder.cast().actor(id));
    zeromq::Subscriber { name, node, app: address, group: GroupId(group as u32) }
}

fn install(
    scenario: &Scenario,
    builder: &mut Builder<Brokersim>,
    stage: &Stage,
    app: App<'_>,
    clients: Clients,
) {
    match app {
        App::Generator { entry, seat, source, instance } => {
            let publisher = clients.publisher.expect("who publishes has a client");
            let setup = generator(scenario, stage, entry, (source, instance), publisher);
            builder.install(seat, Publishes::new(setup), Desk::default());
        }
        App::Processor { entry, seat, source } => {
            let setup = processor(scenario, stage, entry, source, clients);
            builder.install(seat, Works::new(setup), Desk::default());
        }
        App::Sink { entry, seat } => {
            let subscriber = clients.subscriber.expect("who reads has a client");
            let reader = reader(scenario, stage, &entry.reader, entry.presence, subscriber);
            builder.install(seat, Consumes::new(reader), Desk::default());
        }
    }
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
        keep_bodies: is_read(scenario, &entry.topic, 0),
        when_blocked: WhenBlocked::Wait,
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
    let subscriber = clients.subscriber.expect("who reads has a client");
    let input = content(scenario, &entry.reader.from, 0);
    let output = content(scenario, &entry.to, 0);
    let empty = || Arc::new(Schema::of("bytes", &[]));
    let operation = match (&entry.work, &input.schema) {
        (Operation::Pass, _) | (_, None) => None,
        (work, Some(schema)) => Some(work.state(schema).expect("the scenario was checked: its fields exist")),
    };
    ProcessorSetup {
        reader: reader(scenario, stage, &entry.reader, entry.presence, subscriber),
        source,
        channel: named(stage, &entry.to),
        publisher: clients.publisher.expect("who publishes has a client"),
        operation,
        input: (input.schema.unwrap_or_else(empty), input.codec),
        output: (output.schema.unwrap_or_else(empty), output.codec),
        hash: murmur2,
        keep_bodies: is_read(scenario, &entry.to, 0),
    }
}

fn reader(
    scenario: &Scenario,
    stage: &Stage,
    entry: &Reader,
    presence: Presence,
    subscriber: Addr<ToSubscriber>,
) -> Reads {
    Reads {
        group: group_of(scenario, stage, entry),
        subscriber,
        service: entry.service.clone(),
        commit: match entry.commit {
            Commit::Auto => When::Auto,
            Commit::After => When::After,
            Commit::Before => When::Before,
        },
        start: presence.start,
        stop: presence.stop.unwrap_or(Time::NEVER),
    }
}

/// Pipelines longer than this are not followed: a loop of topics has no first one.
const LONGEST_PIPELINE: u32 = 64;

/// What the records of a channel say: decided by the first entry that writes to it.
fn content(scenario: &Scenario, channel: &str, depth: u32) -> Content {
    let bytes = Content { schema: None, codec: Codec::Json };
    if let Some(entry) = scenario.generators.iter().find(|entry| entry.topic == channel) {
        return Content { schema: entry.schema().map(Arc::new), codec: entry.codec };
    }
    let writer = scenario.processors.iter().find(|entry| entry.to == channel);
    let Some(entry) = writer.filter(|_| depth < LONGEST_PIPELINE) else { return bytes };
    let input = content(scenario, &entry.reader.from, depth + 1);
    let schema = input.schema.as_deref().and_then(|schema| entry.work.output_schema(schema).ok());
    Content { schema: schema.map(Arc::new), codec: input.codec }
}

/// Whether anybody looks at the contents of a channel's records.
fn is_read(scenario: &Scenario, channel: &str, depth: u32) -> bool {
    let written = scenario.sinks.iter().any(|sink| sink.reader.from == channel && !sink.write.is_empty());
    let mut processors = scenario.processors.iter().filter(|entry| entry.reader.from == channel);
    let worked_on = |entry: &Processor| {
        entry.work != Operation::Pass || (depth < LONGEST_PIPELINE && is_read(scenario, &entry.to, depth + 1))
    };
    written || processors.any(worked_on)
}

fn sink_plans(scenario: &Scenario, apps: &[App<'_>]) -> Vec<SinkPlan> {
    use super::scenario::FileFormat;
    let writing = scenario.sinks.iter().filter(|sink| !sink.write.is_empty());
    let plans = writing.map(|sink| {
        let actors = apps.iter().filter_map(|app| match app {
            App::Sink { entry, seat } if entry.name == sink.name => Some(seat.id()),
            App::Sink { .. } | App::Generator { .. } | App::Processor { .. } => None,
        });
        let Content { schema, codec } = content(scenario, &sink.reader.from, 0);
        SinkPlan {
            name: sink.name.clone(),
            actors: actors.collect(),
            schema,
            codec,
            parquet: sink.write.contains(&FileFormat::Parquet),
            csv: sink.write.contains(&FileFormat::Csv),
        }
    });
    plans.collect()
}

type Brokers = Vec<(crate::trace::kafka::BrokerId, NodeId, Addr<crate::wire::kafka::ToBroker>)>;

fn install_faults(
    scenario: &Scenario,
    builder: &mut Builder<Brokersim>,
    stage: &Stage,
    brokers: Brokers,
    more: Vec<Plan>,
) {
    if scenario.faults.is_empty() && more.is_empty() {
        return;
    }
    let node = builder.node("faults");
    let seat: Seat<Injector> = builder.reserve(node, "faults");
    let plans = scenario.faults.iter().map(|fault| Plan {
        at: fault.at,
        lasts: fault.lasts,
        strike: match fault.kind {
            FaultKind::Kill => Strike::Kill,
            FaultKind::PowerLoss => Strike::PowerLoss,
            FaultKind::Pause => Strike::Pause,
        },
        target: match &fault.target {
            Target::Broker(number) => Victim::Node(brokers[*number as usize - 1].1),
            Target::LeaderOf { topic, partition } => {
                let first = stage.channels[named(stage, topic).index()].first_place;
                Victim::Leader(PlaceId(first.0 + partition))
            }
        },
    });
    let plans = plans.chain(more).collect();
    // An operator's commands do not queue behind the cluster's traffic.
    for &(_, broker, _) in &brokers {
        builder.network.reshape(node, broker, Shape::IDEAL);
    }
    builder.install(seat, Injector::new(InjectorSetup { plans, brokers }), Desk::default());
}
