//! A real Kafka cluster behind the same ports, through librdkafka; or librdkafka's own within this process.
//!
//! ```text
//! applications -> producer.rs, consumer.rs (an actor and a thread each) -> librdkafka -> brokers
//!                        |          |                                                      ^
//!                        +-> books.rs, groups.rs (what is stored, who is in) <- watch.rs --+
//! ```
//!
//! **Invariant.** The facts are those of the simulation, in the same words: the ledger, the promises and the
//! screen do not know the difference. What the run makes on the cluster bears its prefix, and is removed at its
//! end unless it is to stay; what was there before is not touched unless that is asked for.
//!
//! **Not modelled:** transactions; what the brokers do inside.

#![expect(clippy::disallowed_types, reason = "real clients run in real time")]

mod actors;
mod admin;
mod api_versions;
mod backend;
mod books;
mod consumer;
pub mod doctor;
mod embedded;
mod groups;
mod header;
mod member;
mod names;
mod notes;
mod producer;
mod settings;
#[cfg(test)]
mod tests;
mod verdict;
mod watch;

use std::collections::BTreeSet;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;

use crate::host::{Door, Hands};
use crate::kernel::{ActorId, Addr, Builder, Desk, NodeId, Seat};
use crate::trace::kafka::BrokerId;
use crate::trace::{ChannelId, GroupId, Stage};
use crate::wire::Brokersim;
use crate::wire::kafka::{ToBroker, ToController};
use crate::wire::port::{FromPublisher, FromSubscriber, ToPublisher, ToSubscriber};

use super::seat::{BrokerSeat, Shared};
use super::{Backend, Means, Options, Reach, ReachSetup};

use actors::ControllerSeat;
use backend::Outside;
use books::Books;
pub use consumer::Vanish;
use embedded::Silence;
use groups::Groups;
pub use member::Reset;
use names::Names;
use notes::Notes;

/// Settings by Kafka's names, as the Java clients know them.
pub type Settings = Vec<(String, String)>;

/// Which cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// One that listens at these `host:port`.
    At(Vec<String>),
    /// librdkafka's mock cluster, with so many brokers.
    Embedded(u32),
}

/// A topic of the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// How many partitions it begins with.
    pub partitions: u32,
    /// How many replicas each.
    pub replication_factor: u32,
    /// Its settings.
    pub settings: Settings,
}

/// A run on a cluster.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which cluster.
    pub cluster: Cluster,
    /// How many brokers the scenario has: as many seats there are for them.
    pub brokers: u32,
    /// librdkafka properties of every client (`--client-property`): security, above all.
    pub connection: Settings,
    /// What the scenario's clients are told of security, by the names of Java: it goes for every connection.
    pub security: Settings,
    /// All names and numbers.
    pub stage: Arc<Stage>,
    /// The topics of the channels of users, in the order of the stage.
    pub topics: Vec<Topic>,
    /// How it treats what is not its own.
    pub options: Options,
    /// A number that no other run has.
    pub run: u32,
    /// What the run can do to the cluster for its faults.
    pub means: Means,
}

/// A number that hardly any other run has: for prefixes and headers.
pub fn new_run() -> u32 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let mixed =
        (now.as_nanos() as u64 ^ u64::from(std::process::id()) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
}

/// An application that publishes.
#[derive(Clone, Debug)]
pub struct Publisher {
    /// The name of its client in the cast.
    pub name: String,
    /// The node both live on.
    pub node: NodeId,
    /// The application.
    pub app: Addr<FromPublisher>,
    /// Its producer's settings.
    pub settings: Settings,
    /// `max.block.ms`
    pub max_block: Duration,
    /// Whether it is told the outcome of each record.
    pub callbacks: bool,
}

/// An application that reads.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// The name of its client in the cast.
    pub name: String,
    /// The node both live on.
    pub node: NodeId,
    /// The application.
    pub app: Addr<FromSubscriber>,
    /// Its consumer's settings.
    pub settings: Settings,
    /// Its group.
    pub group: GroupId,
    /// Its `group.instance.id`, when it is a static member.
    pub instance: Option<u32>,
    /// What it reads.
    pub channels: Vec<ChannelId>,
    /// `max.poll.records`
    pub max_poll_records: u32,
    /// `auto.commit.interval.ms`; none without `enable.auto.commit`.
    pub auto_commit: Option<Duration>,
    /// `auto.offset.reset`
    pub reset: Reset,
}

/// All applications of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Applications {
    /// Those that publish.
    pub publishers: Vec<Publisher>,
    /// Those that read.
    pub subscribers: Vec<Subscriber>,
}

/// Where applications find their clients, in the order in which the applications were given; and what there is to
/// do before and after.
pub struct Ports {
    /// Producers.
    pub publishers: Vec<Addr<ToPublisher>>,
    /// Consumers.
    pub subscribers: Vec<Addr<ToSubscriber>>,
    /// The controller.
    pub controller: Addr<ToController>,
    /// Brokers: id, node, address.
    pub brokers: Vec<(BrokerId, NodeId, Addr<ToBroker>)>,
    /// The cluster itself.
    pub backend: Box<dyn Backend>,
    /// For faults that strike it.
    pub hands: Vec<Box<dyn Hands>>,
}

/// What clients share.
#[derive(Clone)]
struct Common {
    run: u32,
    connection: Arc<Settings>,
    names: Arc<Names>,
    books: Arc<Books>,
    groups: Arc<Groups>,
    notes: Arc<Notes>,
    door: Door<Brokersim>,
    /// How clients disappear without a word, where something between them and the brokers can see to that.
    vanish: Option<Arc<dyn Vanish>>,
}

/// How to end a client's thread.
enum Ending {
    Producer(Sender<producer::Work>),
    Consumer(Sender<consumer::Work>),
}

impl Ending {
    fn tell(&self) {
        match self {
            Self::Producer(thread) => drop(thread.send(producer::Work::End)),
            Self::Consumer(thread) => drop(thread.send(consumer::Work::End)),
        }
    }
}

/// Installs the clients of real brokers. Nothing real happens before the [`Backend`] is told to prepare.
pub fn install(
    config: Config,
    door: &Door<Brokersim>,
    builder: &mut Builder<Brokersim>,
    apps: &Applications,
) -> Ports {
    let node = builder.node("controller");
    let controller: Seat<ControllerSeat> = builder.reserve(node, "controller");
    let (teller, stage) = (controller.id(), Arc::clone(&config.stage));
    let view = Shared::default();
    let brokers = install_brokers(config.brokers, builder, &view);
    let reach = reach(&config, apps, &brokers, (door, teller));
    let embedded = matches!(config.cluster, Cluster::Embedded(_)).then(Silence::default);
    let silence = embedded.clone().map(|silence| Arc::new(silence) as Arc<dyn Vanish>);
    let prefix =
        if config.options.use_existing { String::new() } else { format!("brokersim-{:08x}-", config.run) };
    let notes = Arc::new(Notes::default());
    // Within this process nothing is secret.
    let security = if embedded.is_some() { &[][..] } else { &config.security };
    let (connection, said) = settings::secured(security, &config.connection);
    said.into_iter().for_each(|note| notes.say(note));
    let common = Common {
        run: config.run,
        connection: Arc::new(connection),
        names: Arc::new(Names::new(Arc::clone(&stage), prefix)),
        books: Arc::new(Books::new(door.clone(), teller, stage.places())),
        groups: Arc::new(Groups::new(door.clone(), teller, stage.groups.len())),
        notes,
        door: door.clone(),
        vanish: reach.clone().map(|reach| reach as Arc<dyn Vanish>).or(silence),
    };
    let is_embedded = embedded.is_some();
    let mut clients =
        Clients { common: common.clone(), embedded: is_embedded, endings: Vec::new(), threads: Vec::new() };
    let publishers = apps.publishers.iter().map(|app| clients.publisher(builder, app)).collect();
    let subscribers = apps.subscribers.iter().map(|app| clients.subscriber(builder, app)).collect();
    let (orders, ordered) = channel();
    let addr = controller.addr();
    builder.install(controller, ControllerSeat { watch: orders.clone() }, Desk::default());
    let may_lose = apps.publishers.iter().any(|app| !acks_all(&app.settings));
    let hands = reach.iter().map(Reach::hands).collect();
    let backend = Outside {
        config,
        reach,
        common,
        teller,
        view,
        may_lose,
        clients,
        embedded: None,
        silence: embedded,
        orders,
        ordered: Some(ordered),
        closed: None,
        watch: None,
        made: Vec::new(),
        told: BTreeSet::new(),
        over: false,
    };
    Ports { publishers, subscribers, controller: addr, brokers, backend: Box::new(backend), hands }
}

/// What the run can do to a cluster that is not within this process.
fn reach(
    config: &Config,
    apps: &Applications,
    brokers: &[(BrokerId, NodeId, Addr<ToBroker>)],
    (door, teller): (&Door<Brokersim>, ActorId),
) -> Option<Arc<Reach>> {
    let publishers = apps.publishers.iter().map(|app| app.node);
    let clients: BTreeSet<_> = publishers.chain(apps.subscribers.iter().map(|app| app.node)).collect();
    let setup = ReachSetup {
        clients: clients.into_iter().collect(),
        brokers: brokers.iter().map(|(_, node, _)| *node).collect(),
        means: config.means.clone(),
        door: door.clone(),
        teller,
    };
    matches!(config.cluster, Cluster::At(_)).then(|| Reach::new(setup))
}

fn install_brokers(
    count: u32,
    builder: &mut Builder<Brokersim>,
    view: &Shared,
) -> Vec<(BrokerId, NodeId, Addr<ToBroker>)> {
    let one = |number| {
        let (id, name) = (BrokerId(number), format!("broker-{number}"));
        let node = builder.node(name.clone());
        let seat: Seat<BrokerSeat> = builder.reserve(node, name);
        let addr = seat.addr();
        builder.install(seat, BrokerSeat { id, node, view: Arc::clone(view) }, Desk::default());
        (id, node, addr)
    };
    (1..=count).map(one).collect()
}

fn acks_all(settings: &Settings) -> bool {
    let acks = settings.iter().find(|(name, _)| name == "acks");
    acks.is_none_or(|(_, acks)| acks == "all" || acks == "-1")
}

fn is_set(settings: &Settings, name: &str) -> bool {
    settings.iter().any(|(given, value)| given == name && value == "true")
}

/// The clients of a run.
struct Clients {
    common: Common,
    embedded: bool,
    endings: Vec<Ending>,
    threads: Vec<JoinHandle<()>>,
}

impl Clients {
    fn publisher(&mut self, builder: &mut Builder<Brokersim>, app: &Publisher) -> Addr<ToPublisher> {
        let seat: Seat<producer::Front> = builder.reserve(app.node, app.name.as_str());
        let addr = seat.addr();
        let properties = settings::producer(&app.settings);
        properties.notes.iter().for_each(|note| self.common.notes.say(format!("producers: {note}")));
        let Common { run, connection, names, books, notes, door, .. } = self.common.clone();
        let setup = producer::Setup {
            me: seat.id(),
            node: app.node,
            app: app.app,
            config: named(properties.config(&connection), &app.name),
            max_block: app.max_block,
            acks_all: acks_all(&app.settings),
            ignore_keys: is_set(&app.settings, "partitioner.ignore.keys"),
            callbacks: app.callbacks,
            run,
            names,
            books,
            notes,
            door,
        };
        let (thread, work) = channel();
        let worker = producer::Worker::new(setup, work, thread.clone());
        self.threads.push(std::thread::spawn(|| worker.run()));
        self.endings.push(Ending::Producer(thread.clone()));
        builder.install(seat, producer::Front { thread }, Desk::default());
        addr
    }

    fn subscriber(&mut self, builder: &mut Builder<Brokersim>, app: &Subscriber) -> Addr<ToSubscriber> {
        let seat: Seat<consumer::Front> = builder.reserve(app.node, app.name.as_str());
        let addr = seat.addr();
        // The protocol of groups decides which other settings there are.
        let protocol = self.common.connection.iter().filter(|(name, _)| name == "group.protocol");
        let given: Vec<_> = app.settings.iter().chain(protocol).cloned().collect();
        let mut properties = settings::consumer(&given);
        if self.embedded {
            // It answers a fetch when its time is over, whatever has come meanwhile.
            properties.values.insert("fetch.wait.max.ms".to_owned(), "10".to_owned());
        }
        properties.notes.iter().for_each(|note| self.common.notes.say(format!("consumers: {note}")));
        let is_newer = given.iter().any(|(name, value)| name == "group.protocol" && value == "consumer");
        let Common { run, connection, names, books, groups, notes, door, vanish } = self.common.clone();
        // Goodbyes of the newer protocol are heartbeats, and the embedded cluster cannot tell one from the other.
        let vanish = vanish.filter(|_| !(self.embedded && is_newer));
        let mut config = named(properties.config(&connection), &app.name);
        config.set("group.id", names.group(app.group));
        if let Some(instance) = app.instance {
            config.set("group.instance.id", format!("{}-{instance}", names.group(app.group)));
        }
        let topics = app.channels.iter().map(|channel| names.topic(*channel)).collect();
        let member = member::Member {
            me: seat.id(),
            app: app.app,
            group: app.group,
            run,
            reset: app.reset,
            auto_commit: app.auto_commit.is_some(),
            names,
            books,
            groups,
            notes,
            door,
            gone: false.into(),
            state: Mutex::default(),
        };
        let setup = consumer::Setup {
            member: Arc::new(member),
            node: app.node,
            config,
            topics,
            max_poll_records: app.max_poll_records as usize,
            auto_commit: app.auto_commit,
            is_static: app.instance.is_some(),
            vanish,
        };
        let (thread, work) = channel();
        let worker = consumer::Worker::new(setup, work);
        self.threads.push(std::thread::spawn(|| worker.run()));
        self.endings.push(Ending::Consumer(thread.clone()));
        builder.install(seat, consumer::Front { thread }, Desk::default());
        addr
    }

    /// Ends them. Who waits for an answer that no broker gives is let go after a while.
    fn end(&mut self) {
        self.endings.drain(..).for_each(|ending| ending.tell());
        let begun = Instant::now();
        while self.threads.iter().any(|thread| !thread.is_finished()) && begun.elapsed() < ENDING {
            std::thread::sleep(Duration::from_millis(5));
        }
        let (ended, stuck): (Vec<_>, Vec<_>) = self.threads.drain(..).partition(JoinHandle::is_finished);
        ended.into_iter().for_each(|thread| drop(thread.join()));
        if !stuck.is_empty() {
            let note =
                format!("{} clients wait for brokers that do not answer, and were let go", stuck.len());
            self.common.notes.say(note);
        }
    }
}

/// How long clients may take to end: librdkafka's requests give up after a minute (`socket.timeout.ms`).
const ENDING: Duration = Duration::from_secs(75);

/// A client that says who it is to the brokers, unless it was given another name.
fn named(mut config: ClientConfig, name: &str) -> ClientConfig {
    if config.get("client.id").is_none() {
        config.set("client.id", name);
    }
    config
}
