//! From a scenario to a system: seats for the applications, the system behind them, what goes wrong.
//!
//! Here, and only here, it is decided which system stands behind the port.

use std::sync::Arc;

use crate::gateway::{Backend, Options, Trouble};
use crate::host::{Door, Hands};
use crate::kafka::cluster;
use crate::kafka::config::{ConsumerConfig, ProducerConfig};
use crate::kernel::{ActorId, Addr, Builder, Cast, Duration, Network, NodeId, Parts, Seat, Time};
use crate::observe::promise::{Expectation, Promise};
use crate::observe::{Watch, WatchSetup};
use crate::trace::kafka::BrokerId;
use crate::trace::{ChannelId, GroupId, Stage};
use crate::wire::Brokersim;
use crate::wire::kafka::{ToBroker, ToController};
use crate::wire::operator::ToApplication;
use crate::wire::port::{FromPublisher, FromSubscriber, ToPublisher, ToSubscriber};
use crate::workload::generator::Generator as Publishes;
use crate::workload::processor::Processor as Works;
use crate::workload::sink::Sink as Consumes;
use crate::workload::{Codec, Schema};
use crate::zeromq;

use super::scenario::{
    Channel, Expect, Generator, Kafka, Presence, Processor, Reader, Scenario, Sink, System, Transport,
    Zeromq, instance_name,
};
use super::world::World;

mod applications;
mod faults;
pub mod real;

pub use applications::{contents_of, keys_of};
pub use faults::Planner;

use applications::{content, install, install_supervisor};

/// A system ready to run, and what observers need to know of it.
pub struct Wired {
    /// For a host.
    pub parts: Parts<Brokersim>,
    /// Names and numbers.
    pub stage: Arc<Stage>,
    /// What each sink that writes files reads.
    pub sinks: Vec<SinkPlan>,
    /// What is expected of the run.
    pub expected: Vec<Expectation>,
    /// When generators stop.
    pub stop: Time,
    /// When the run ends.
    pub end: Time,
    /// The real system that the applications are bound to; none where it is simulated.
    pub backend: Option<Box<dyn Backend>>,
    /// What obeys commands about the real world.
    pub hands: Vec<Box<dyn Hands>>,
    /// How more can be made to go wrong; none where nobody is there to do it.
    pub planner: Option<Planner>,
}

/// Where a scenario is wired to.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// The world.
    pub world: &'a World,
    /// How gateways speak to actors.
    pub door: &'a Door<Brokersim>,
    /// How the run treats what is not its own.
    pub options: &'a Options,
}

/// Lag is sampled this many times in a run, but not more often than every [`SAMPLE_LEAST`].
const SAMPLES: u64 = 1_000;
const SAMPLE_LEAST: Duration = Duration::from_millis(100);

impl Wired {
    /// Who watches the run of `scenario` that this is.
    pub fn watch(&self, scenario: &Scenario, for_tape: bool) -> Watch {
        watch_of(scenario, &self.stage, Arc::new(self.parts.cast.clone()), for_tape)
    }
}

/// Who watches a run of a scenario with these names, wherever it runs.
pub fn watch_of(scenario: &Scenario, stage: &Arc<Stage>, cast: Arc<Cast>, for_tape: bool) -> Watch {
    let end = Time::ZERO + scenario.run.duration + scenario.run.drain;
    let setup = WatchSetup {
        stage: Arc::clone(stage),
        cast,
        warm_up: Time::ZERO + scenario.run.warm_up,
        end,
        sample_every: (end.since(Time::ZERO) / SAMPLES).max(SAMPLE_LEAST),
        for_tape,
    };
    Watch::new(setup).expecting(expected(scenario, stage))
}

/// Names and numbers of a scenario, in whichever world.
pub fn stage_of(scenario: &Scenario) -> Stage {
    let mut builder =
        Builder::new(scenario.run.seed, Network::new(scenario.network.clone(), scenario.run.seed));
    let mut stage = stage(scenario);
    reserve(scenario, &mut builder, &mut stage);
    stage
}

fn expected(scenario: &Scenario, stage: &Stage) -> Vec<Expectation> {
    scenario.expect.iter().map(|expect| expectation(expect, stage)).collect()
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
    Processor { entry: &'a Processor, seat: Seat<Works>, source: u32, instance: u32 },
    Sink { entry: &'a Sink, seat: Seat<Consumes>, instance: u32 },
}

impl App<'_> {
    fn node(&self) -> NodeId {
        match self {
            Self::Generator { seat, .. } => seat.node(),
            Self::Processor { seat, .. } => seat.node(),
            Self::Sink { seat, .. } => seat.node(),
        }
    }

    /// What tells it what to do from outside.
    fn operator(&self) -> Addr<ToApplication> {
        match self {
            Self::Generator { seat, .. } => seat.addr(),
            Self::Processor { seat, .. } => seat.addr(),
            Self::Sink { seat, .. } => seat.addr(),
        }
    }

    /// Whether it begins only when it is added.
    fn is_to_come(&self) -> bool {
        match self {
            Self::Generator { entry, instance, .. } => *instance >= entry.instances,
            Self::Processor { entry, instance, .. } => *instance >= entry.instances,
            Self::Sink { entry, instance, .. } => *instance >= entry.instances,
        }
    }

    /// When it is there.
    fn presence(&self) -> Presence {
        let presence = match self {
            Self::Generator { entry, .. } => entry.presence,
            Self::Processor { entry, .. } => entry.presence,
            Self::Sink { entry, .. } => entry.presence,
        };
        let start = if self.is_to_come() { Time::NEVER } else { presence.start };
        Presence { start, ..presence }
    }

    fn entry(&self) -> &str {
        match self {
            Self::Generator { entry, .. } => &entry.name,
            Self::Processor { entry, .. } => &entry.name,
            Self::Sink { entry, .. } => &entry.name,
        }
    }

    fn actor(&self) -> ActorId {
        match self {
            Self::Generator { seat, .. } => seat.id(),
            Self::Processor { seat, .. } => seat.id(),
            Self::Sink { seat, .. } => seat.id(),
        }
    }

    fn reader(&self) -> Option<&Reader> {
        match self {
            Self::Generator { .. } => None,
            Self::Processor { entry, .. } => Some(&entry.reader),
            Self::Sink { entry, .. } => Some(&entry.reader),
        }
    }

    /// The group that it reads for, if it reads.
    fn group(&self, scenario: &Scenario, stage: &Stage) -> Option<GroupId> {
        let instance = match self {
            Self::Generator { instance, .. }
            | Self::Processor { instance, .. }
            | Self::Sink { instance, .. } => *instance,
        };
        Some(group_of(scenario, stage, self.entry(), self.reader()?, instance))
    }

    /// Where it hears from the client that publishes for it, and whether it is told the outcome of each record.
    fn publishes(&self) -> Option<(Addr<FromPublisher>, bool)> {
        match self {
            Self::Generator { entry, seat, .. } => Some((seat.addr(), entry.outbox)),
            Self::Processor { seat, .. } => Some((seat.addr(), false)),
            Self::Sink { .. } => None,
        }
    }

    /// The settings of the Kafka producer that publishes for it.
    fn producer(&self) -> Option<&ProducerConfig> {
        match self {
            Self::Generator { entry, .. } => entry.producer.as_ref(),
            Self::Processor { entry, .. } => entry.producer.as_ref(),
            Self::Sink { .. } => None,
        }
    }

    /// Where it hears from the client that reads for it.
    fn reads(&self) -> Option<Addr<FromSubscriber>> {
        match self {
            Self::Generator { .. } => None,
            Self::Processor { seat, .. } => Some(seat.addr()),
            Self::Sink { seat, .. } => Some(seat.addr()),
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

impl Clients {
    /// Gives each application its own; they come in the order of the applications.
    fn deal(
        apps: &[App<'_>],
        publishers: Vec<Addr<ToPublisher>>,
        subscribers: Vec<Addr<ToSubscriber>>,
    ) -> Vec<Self> {
        let (mut publishers, mut subscribers) = (publishers.into_iter(), subscribers.into_iter());
        let deal = |app: &App<'_>| Self {
            publisher: app.publishes().and_then(|_| publishers.next()),
            subscriber: app.reads().and_then(|_| subscribers.next()),
        };
        apps.iter().map(deal).collect()
    }
}

/// What was put behind the port.
struct Behind {
    /// For each application.
    clients: Vec<Clients>,
    cluster: Cluster,
    backend: Option<Box<dyn Backend>>,
    hands: Vec<Box<dyn Hands>>,
}

impl Behind {
    fn simulated(clients: Vec<Clients>, cluster: Cluster) -> Self {
        Self { clients, cluster, backend: None, hands: Vec::new() }
    }
}

/// Makes the system that a scenario describes. Its traces are loaded.
///
/// # Panics
/// When a trace is not loaded ([`Scenario::load_traces`]): everything else was checked before.
pub fn wire(scenario: &Scenario) -> Wired {
    build(scenario, None, false).expect("a simulation can always be built")
}

/// As [`wire`], with somebody who can make things go wrong although nothing is planned: the same run, into which a person
/// may reach.
///
/// # Panics
/// As [`wire`].
pub fn wire_for_hands(scenario: &Scenario) -> Wired {
    build(scenario, None, true).expect("a simulation can always be built")
}

/// As [`wire`], in any world. Nothing real happens before the [`Backend`] is told to prepare.
///
/// # Errors
/// When that world and this scenario, or this build, do not go together.
///
/// # Panics
/// As [`wire`].
pub fn wire_in(scenario: &Scenario, outside: Outside<'_>) -> Result<Wired, Trouble> {
    build(scenario, Some(outside), false)
}

/// As [`wire_in`], with somebody who can make things go wrong, as [`wire_for_hands`].
///
/// # Errors
/// As [`wire_in`].
///
/// # Panics
/// As [`wire`].
pub fn wire_in_for_hands(scenario: &Scenario, outside: Outside<'_>) -> Result<Wired, Trouble> {
    build(scenario, Some(outside), true)
}

fn build(scenario: &Scenario, outside: Option<Outside<'_>>, by_hand: bool) -> Result<Wired, Trouble> {
    let network = Network::new(scenario.network.clone(), scenario.run.seed);
    let mut builder = Builder::new(scenario.run.seed, network);
    let mut stage = stage(scenario);
    let apps = reserve(scenario, &mut builder, &mut stage);
    let stage = Arc::new(stage);
    let real = outside.filter(|outside| !matches!(outside.world, World::Simulated | World::Live));
    let Behind { clients, cluster, backend, hands } = match (&scenario.system, real) {
        (System::Kafka(kafka), None) => install_kafka(scenario, kafka, &mut builder, &stage, &apps),
        (System::Zeromq(zeromq), None) => {
            Behind::simulated(install_zeromq(zeromq, &mut builder, &stage, &apps), Cluster::default())
        }
        (System::Mqtt(_), None) => return Err(not_simulated(outside)),
        (_, Some(outside)) => real::install(scenario, outside, &mut builder, &stage, &apps)?,
    };
    let sinks = sink_plans(scenario, &apps);
    let supervisor = install_supervisor(scenario, &mut builder, &apps);
    let instances = faults::instances(&apps, builder.cast());
    for (app, clients) in apps.into_iter().zip(clients) {
        install(scenario, &mut builder, &stage, app, clients, supervisor);
    }
    let planner = faults::install(scenario, &mut builder, &stage, cluster, instances, by_hand);
    let stop = Time::ZERO + scenario.run.duration;
    let expected = expected(scenario, &stage);
    let end = stop + scenario.run.drain;
    let parts = builder.finish();
    Ok(Wired { parts, stage, sinks, expected, stop, end, backend, hands, planner })
}

/// MQTT has no simulation yet.
fn not_simulated(outside: Option<Outside<'_>>) -> Trouble {
    let world = outside.map_or(&World::Simulated, |outside| outside.world);
    Trouble::Usage(format!("{NOT_SIMULATED}, so it cannot run on {world}; run it on a real broker: {RUN_IT}"))
}

/// What a person is told who wants to simulate MQTT.
pub(super) const NOT_SIMULATED: &str = "MQTT is not simulated yet";
/// And what to do.
pub(super) const RUN_IT: &str = "brokersim run FILE --on mqtt://HOST:PORT, or --on embedded";

fn stage(scenario: &Scenario) -> Stage {
    let mut stage = Stage::default();
    match &scenario.system {
        System::Kafka(kafka) => {
            for topic in &kafka.topics {
                stage.add_channel(topic.name.as_str(), scenario.partitions_in_time(topic), false, true);
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
        System::Mqtt(mqtt) => {
            for topic in &mqtt.topics {
                let id = stage.add_channel(topic.as_str(), 1, false, true);
                stage.channels[id.index()].one_by_one = true;
            }
            for (name, reader) in scenario.readers() {
                for group in scenario.groups_of(name, reader) {
                    for channel in scenario.read_by(reader) {
                        let channel = named(&stage, channel);
                        join_group(&mut stage, &group, channel);
                    }
                }
            }
        }
    }
    stage
}

fn expectation(expect: &Expect, stage: &Stage) -> Expectation {
    let group = |name: &String| {
        let index = stage.groups.iter().position(|group| group.name == *name);
        GroupId(index.expect("the scenario was checked: its groups exist") as u32)
    };
    Expectation {
        topic: expect.topic.as_deref().map(|topic| named(stage, topic)),
        group: expect.group.as_ref().map(group),
        time: expect.time,
        records: expect.records,
        count: expect.count,
        causes: expect.causes.clone(),
        ..Expectation::new(expect.promise, expect.mode)
    }
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

/// The group that an instance of a reading entry counts for.
fn group_of(scenario: &Scenario, stage: &Stage, entry: &str, reader: &Reader, instance: u32) -> GroupId {
    let names = scenario.groups_of(entry, reader);
    let name = names.get(instance as usize).unwrap_or(&names[0]);
    let index = stage.groups.iter().position(|group| group.name == *name);
    GroupId(index.expect("every reader has its group") as u32)
}

/// A node and a seat for every instance of every entry, in the order of the file.
fn reserve<'a>(scenario: &'a Scenario, builder: &mut Builder<Brokersim>, stage: &mut Stage) -> Vec<App<'a>> {
    // Sockets that talk inproc live in one process.
    let shared = match &scenario.system {
        System::Zeromq(zeromq) if zeromq.transport == Transport::Inproc => Some(builder.node("process")),
        System::Zeromq(_) | System::Kafka(_) | System::Mqtt(_) => None,
    };
    let node = |builder: &mut Builder<Brokersim>, name: &str| shared.unwrap_or_else(|| builder.node(name));
    let names = |name: &str, instances: u32| {
        let all = instances + scenario.added_members(name);
        let name = name.to_owned();
        (0..all).map(move |instance| (instance, instance_name(&name, all, instance)))
    };
    let mut apps = Vec::new();
    for entry in &scenario.generators {
        for (instance, name) in names(&entry.name, entry.instances) {
            let node = node(builder, &name);
            let seat = builder.reserve(node, name.as_str());
            apps.push(App::Generator { entry, seat, source: stage.add_source(name), instance });
        }
    }
    for entry in &scenario.processors {
        for (instance, name) in names(&entry.name, entry.instances) {
            let node = node(builder, &name);
            let seat = builder.reserve(node, name.as_str());
            apps.push(App::Processor { entry, seat, source: stage.add_source(name), instance });
        }
    }
    for entry in &scenario.sinks {
        for (instance, name) in names(&entry.name, entry.instances) {
            let node = node(builder, &name);
            apps.push(App::Sink { entry, seat: builder.reserve(node, name), instance });
        }
    }
    apps
}

fn install_kafka(
    scenario: &Scenario,
    kafka: &Kafka,
    builder: &mut Builder<Brokersim>,
    stage: &Arc<Stage>,
    apps: &[App<'_>],
) -> Behind {
    let mut topics: Vec<_> = kafka
        .topics
        .iter()
        .map(|topic| (topic.config.clone(), topic.replication_factor, topic.partitions))
        .collect();
    let replication = kafka.config.offsets_topic_replication_factor.min(kafka.brokers);
    let offsets = stage.channels.last().expect("the offsets topic is the last").places;
    topics.push((kafka.config.topic.clone(), replication, offsets));
    let rack = |index: u32| kafka.racks.get(index as usize).cloned();
    let config = cluster::Config {
        brokers: kafka.config.clone(),
        racks: (0..kafka.brokers).map(rack).collect(),
        topics,
        stage: Arc::clone(stage),
        audits: scenario.expect.iter().any(|expect| expect.promise == Promise::LogsAgree),
    };
    let applications = kafka_applications(scenario, stage, builder, apps);
    let ports = cluster::install(&config, builder, &applications);
    let clients = Clients::deal(apps, ports.publishers, ports.subscribers);
    let cluster = Cluster { brokers: ports.brokers, controller: Some(ports.controller) };
    Behind::simulated(clients, cluster)
}

fn kafka_applications(
    scenario: &Scenario,
    stage: &Stage,
    builder: &Builder<Brokersim>,
    apps: &[App<'_>],
) -> cluster::Applications {
    let mut applications = cluster::Applications::default();
    let mut instances = vec![0; stage.groups.len()];
    for app in apps {
        let node = app.node();
        let name = builder.cast().node(node);
        if let Some((address, callbacks)) = app.publishes() {
            let config = app.producer().expect("a Kafka entry that publishes has a producer");
            applications.publishers.push(cluster::Publisher {
                name: format!("{name}/producer"),
                node,
                app: address,
                config: Arc::new(config.clone()),
                callbacks,
            });
        }
        if let (Some(reader), Some(address)) = (app.reader(), app.reads()) {
            let config = Arc::new(reader.consumer.clone().expect("a Kafka entry that reads has a consumer"));
            let group = app.group(scenario, stage).expect("who reads has a group");
            let instance = instance_id(&config, group, &mut instances);
            applications.subscribers.push(cluster::Subscriber {
                name: format!("{name}/consumer"),
                node,
                app: address,
                config,
                group,
                instance,
                channels: vec![named(stage, &reader.from)],
            });
        }
    }
    applications
}

/// The `group.instance.id` of the next member of a group, of which so many were `given`; none for dynamic members.
fn instance_id(config: &ConsumerConfig, group: GroupId, given: &mut [u32]) -> Option<u32> {
    config.static_membership.then(|| {
        given[group.index()] += 1;
        given[group.index()]
    })
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
    let (address, _) = app.publishes().expect("who writes to a channel publishes");
    let name = format!("{}/push", builder.cast().actor(app.actor()));
    zeromq::Publisher { name, node: app.node(), app: address }
}

fn pull_for(
    builder: &Builder<Brokersim>,
    stage: &Stage,
    app: &App<'_>,
    channel: &Channel,
) -> zeromq::Subscriber {
    let address = app.reads().expect("who reads from a channel has somewhere to hear it");
    let group =
        stage.groups.iter().position(|group| group.name == channel.name).expect("a channel that is read");
    let name = format!("{}/pull", builder.cast().actor(app.actor()));
    zeromq::Subscriber { name, node: app.node(), app: address, group: GroupId(group as u32) }
}

fn sink_plans(scenario: &Scenario, apps: &[App<'_>]) -> Vec<SinkPlan> {
    use super::scenario::FileFormat;
    let writing = scenario.sinks.iter().filter(|sink| !sink.write.is_empty());
    let plans = writing.map(|sink| {
        let actors = apps.iter().filter_map(|app| match app {
            App::Sink { entry, seat, .. } if entry.name == sink.name => Some(seat.id()),
            App::Sink { .. } | App::Generator { .. } | App::Processor { .. } => None,
        });
        let Content { schema, codec } = content(scenario, scenario.first_read(&sink.reader), 0);
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

/// Where an operator finds the cluster; empty where there is none.
#[derive(Default)]
struct Cluster {
    brokers: Vec<(BrokerId, NodeId, Addr<ToBroker>)>,
    controller: Option<Addr<ToController>>,
}
