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

mod actors;
mod api_versions;
mod admin;
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
mod watch;

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;

use crate::host::{Door, Hands};
use crate::kernel::{Addr, Builder, Desk, NodeId, Seat};
use crate::trace::kafka::BrokerId;
use crate::trace::{ChannelId, GroupId, Stage};
use crate::wire::Brokersim;
use crate::wire::kafka::{ToBroker, ToController};
use crate::wire::port::{FromPublisher, FromSubscriber, ToPublisher, ToSubscriber};

use super::{Backend, Means, Options, Reach, ReachSetup, Trouble};

use actors::{BrokerSeat, ControllerSeat, Order, Shared};
use admin::{Admin, PATIENCE, Plan, knock, silence};
use books::Books;
pub use consumer::Vanish;
use embedded::{Embedded, Silence};
use groups::Groups;
pub use member::Reset;
use names::Names;
use notes::Notes;
use watch::Watch;

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
    let mixed = (now.as_nanos() as u64 ^ u64::from(std::process::id()) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
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
///
/// `vanish`: how clients disappear without a word, where something between them and the brokers can see to that.
pub fn install(
    config: Config,
    door: &Door<Brokersim>,
    builder: &mut Builder<Brokersim>,
    apps: &Applications,
    vanish: Option<Arc<dyn Vanish>>,
) -> Ports {
    let node = builder.node("controller");
    let controller: Seat<ControllerSeat> = builder.reserve(node, "controller");
    let (teller, stage) = (controller.id(), Arc::clone(&config.stage));
    let view = Shared::default();
    let brokers = install_brokers(config.brokers, builder, &view);
    let reach = reach(&config, apps, &brokers);
    let embedded = matches!(config.cluster, Cluster::Embedded(_)).then(Silence::default);
    let silence = embedded.clone().map(|silence| Arc::new(silence) as Arc<dyn Vanish>);
    let prefix =
        if config.options.use_existing { String::new() } else { format!("brokersim-{:08x}-", config.run) };
    let common = Common {
        run: config.run,
        connection: Arc::new(config.connection.clone()),
        names: Arc::new(Names::new(Arc::clone(&stage), prefix)),
        books: Arc::new(Books::new(door.clone(), teller, stage.places())),
        groups: Arc::new(Groups::new(door.clone(), teller, stage.groups.len())),
        notes: Arc::new(Notes::default()),
        door: door.clone(),
        vanish: reach.clone().map(|reach| reach as Arc<dyn Vanish>).or(vanish).or(silence),
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
) -> Option<Arc<Reach>> {
    let publishers = apps.publishers.iter().map(|app| app.node);
    let clients: BTreeSet<_> = publishers.chain(apps.subscribers.iter().map(|app| app.node)).collect();
    let setup = ReachSetup {
        clients: clients.into_iter().collect(),
        brokers: brokers.iter().map(|(_, node, _)| *node).collect(),
        means: config.means.clone(),
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
        let Common { run, connection, names, books, groups, notes, door, vanish } = self.common.clone();
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

    fn end(&mut self) {
        self.endings.drain(..).for_each(|ending| ending.tell());
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// A client that says who it is to the brokers, unless it was given another name.
fn named(mut config: ClientConfig, name: &str) -> ClientConfig {
    if config.get("client.id").is_none() {
        config.set("client.id", name);
    }
    config
}

/// The cluster for the time of a run.
struct Outside {
    config: Config,
    reach: Option<Arc<Reach>>,
    common: Common,
    teller: crate::kernel::ActorId,
    view: Shared,
    may_lose: bool,
    clients: Clients,
    embedded: Option<Embedded>,
    silence: Option<Silence>,
    orders: Sender<Order>,
    ordered: Option<Receiver<Order>>,
    closed: Option<Receiver<()>>,
    watch: Option<JoinHandle<()>>,
    /// Topics that this run made.
    made: Vec<String>,
    /// What was told of the reach.
    told: BTreeSet<String>,
    over: bool,
}

/// How long the books may take to be closed.
const CLOSING: Duration = Duration::from_secs(30);

impl Outside {
    fn connection(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in self.common.connection.iter() {
            config.set(name, value);
        }
        config.set("bootstrap.servers", self.common.names.bootstrap()).set("log.connection.close", "false");
        config
    }

    fn begin_embedded(&mut self, brokers: u32) -> Result<(), Trouble> {
        let cluster = Embedded::start(brokers)?;
        self.common.names.set_bootstrap(cluster.bootstrap());
        self.common.names.set_brokers((1..=brokers as i32).collect());
        for plan in self.plans() {
            cluster.create(&plan)?;
            self.made.push(plan.topic);
        }
        if let Some(silence) = &self.silence {
            silence.over(cluster.asks());
        }
        self.embedded = Some(cluster);
        self.common.notes.say(EMBEDDED);
        Ok(())
    }

    fn begin_at(&mut self, servers: &[String]) -> Result<(), Trouble> {
        if let Some(why) = settings::beyond_this_build(&self.common.connection) {
            return Err(Trouble::Usage(why));
        }
        self.common.names.set_bootstrap(&servers.join(","));
        let refused: Vec<_> = servers.iter().filter_map(|server| knock(server).err()).collect();
        if refused.len() == servers.len() {
            return Err(Trouble::Outside(refused.join("; ")));
        }
        let (admin, brokers) = self.meet(&servers.join(","))?;
        self.common.names.set_brokers(brokers.iter().map(|(id, _)| *id).collect());
        if let Some(reach) = &self.reach {
            reach.begin(&brokers)?;
            self.common.names.set_reach(Arc::clone(reach));
        }
        self.make_topics(&admin)
    }

    /// Who is there? Ids in ascending order, and where each says it listens.
    fn meet(&self, servers: &str) -> Result<(Admin, Vec<(i32, String)>), Trouble> {
        let wrong = |error: &dyn std::fmt::Display| Trouble::Usage(format!("librdkafka says: {error}"));
        let admin = Admin::new(&self.connection()).map_err(|error| wrong(&error))?;
        let metadata = admin.metadata(None, PATIENCE).map_err(|error| {
            Trouble::Outside(silence(servers, &error, &doctor::complaints(&self.connection())))
        })?;
        let told = metadata.brokers().iter();
        let mut brokers: Vec<_> =
            told.map(|broker| (broker.id(), format!("{}:{}", broker.host(), broker.port()))).collect();
        brokers.sort();
        let (there, wanted) = (brokers.len() as u32, self.config.brokers);
        if there != wanted {
            let note = format!("the cluster has {there} brokers, the scenario {wanted}");
            self.common.notes.say(note);
        }
        Ok((admin, brokers))
    }

    fn plans(&self) -> Vec<Plan> {
        let plan = |(channel, topic): (ChannelId, &Topic)| Plan {
            topic: self.common.names.topic(channel),
            partitions: topic.partitions,
            replication_factor: topic.replication_factor,
            settings: topic.settings.clone(),
        };
        self.common.names.channels().zip(&self.config.topics).map(plan).collect()
    }

    fn make_topics(&mut self, admin: &Admin) -> Result<(), Trouble> {
        let channels: Vec<_> = self.common.names.channels().collect();
        let mut missing = Vec::new();
        for (channel, plan) in channels.into_iter().zip(self.plans()) {
            let known = self.config.options.use_existing && self.take_existing(admin, channel, &plan)?;
            if !known {
                missing.push(plan);
            }
        }
        let refused = if missing.is_empty() { Vec::new() } else { create(admin, &missing)? };
        let made = missing.iter().zip(&refused).filter(|(_, why)| why.is_none());
        self.made.extend(made.map(|(plan, _)| plan.topic.clone()));
        let first = missing.iter().zip(&refused).find_map(|(plan, why)| Some((plan, (*why)?)));
        if let Some((plan, code)) = first {
            return Err(self.not_made(plan, code));
        }
        self.await_leaders(admin)
    }

    /// Whether the topic is there already; then where it stands is where the run begins.
    fn take_existing(&self, admin: &Admin, channel: ChannelId, plan: &Plan) -> Result<bool, Trouble> {
        let told = admin.metadata(Some(&plan.topic), PATIENCE);
        let told = told.map_err(|error| Trouble::Outside(format!("{}: {error}", plan.topic)))?;
        let topic = told.topics().first().filter(|topic| topic.error().is_none());
        let Some(topic) = topic.filter(|topic| !topic.partitions().is_empty()) else { return Ok(false) };
        let (there, wanted) = (topic.partitions().len() as u32, plan.partitions);
        if there != wanted {
            return Err(Trouble::Usage(format!(
                "topic {} has {there} partitions, the scenario says {wanted}: write partitions = {there} there",
                plan.topic
            )));
        }
        for partition in 0..there as i32 {
            let ends = admin.watermarks(&plan.topic, partition);
            let (_, high) = ends.map_err(|error| Trouble::Outside(format!("{}: {error}", plan.topic)))?;
            if let (Some(place), Ok(high)) = (self.common.names.place(channel, partition), u64::try_from(high)) {
                self.common.books.begin(place, high);
            }
        }
        Ok(true)
    }

    fn not_made(&self, plan: &Plan, code: RDKafkaErrorCode) -> Trouble {
        let what = format!("the cluster does not make topic {}: {code}", plan.topic);
        let do_about_it = match code {
            RDKafkaErrorCode::InvalidReplicationFactor => format!(
                "it has {} brokers in service, and replication.factor is {}",
                self.common.names.brokers(),
                plan.replication_factor
            ),
            RDKafkaErrorCode::TopicAlreadyExists => "say --use-existing to use it".to_owned(),
            RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed => {
                "this user may not make topics: let an administrator do it, and say --use-existing".to_owned()
            }
            RDKafkaErrorCode::InvalidConfig => {
                "it does not take one of the topic's settings; `brokersim doctor --on` says which".to_owned()
            }
            _ => "`brokersim doctor --on` says more".to_owned(),
        };
        Trouble::Outside(format!("{what}; {do_about_it}"))
    }

    /// A topic can be written to when each of its partitions has a leader.
    fn await_leaders(&self, admin: &Admin) -> Result<(), Trouble> {
        for (channel, plan) in self.common.names.channels().zip(self.plans()) {
            if !admin.await_leaders(&plan.topic, plan.partitions, PATIENCE) {
                let topic = plan.topic;
                return Err(Trouble::Outside(format!("topic {topic} has partitions without a leader after 10 s")));
            }
            self.common.names.set_partitions(channel, plan.partitions);
        }
        Ok(())
    }

    fn begin_watch(&mut self) -> Result<(), Trouble> {
        let Common { run, names, books, notes, door, .. } = self.common.clone();
        for (channel, topic) in names.channels().zip(&self.config.topics) {
            names.set_partitions(channel, topic.partitions);
        }
        let (config, view, may_lose) = (self.connection(), Arc::clone(&self.view), self.may_lose);
        let setup = watch::Setup { me: self.teller, run, config, names, books, notes, view, may_lose, door };
        let watch = Watch::new(setup).map_err(|error| Trouble::Outside(error.to_string()))?;
        let orders = self.ordered.take().expect("a run is prepared once");
        let (close, closed) = channel();
        self.watch = Some(std::thread::spawn(move || watch.run(&orders, &close)));
        self.closed = Some(closed);
        Ok(())
    }

    fn remove_what_was_made(&mut self) {
        if matches!(self.config.cluster, Cluster::Embedded(_)) || self.made.is_empty() {
            return;
        }
        if self.config.options.keep {
            let note = format!("kept on the cluster: {}", self.made.join(", "));
            return self.common.notes.say(note);
        }
        let names = &self.common.names;
        let groups = (0..names.stage().groups.len() as u32).map(|group| names.group(GroupId(group)));
        let groups: Vec<_> = groups.collect();
        let left = Admin::new(&self.connection()).and_then(|admin| {
            let mut left = admin.delete(&self.made)?;
            if !self.config.options.use_existing && !groups.is_empty() {
                left.extend(admin.delete_groups(&groups)?);
            }
            Ok(left)
        });
        match left {
            Ok(left) => left.iter().for_each(|(name, code)| {
                self.common.notes.say(format!("left behind on the cluster: {name} ({code})"));
            }),
            Err(error) => {
                let made = self.made.join(", ");
                self.common.notes.say(format!("left behind on the cluster: {made}: {error}; remove them by hand"));
            }
        }
    }

    /// What the books have to say.
    fn sum_up(&self) {
        let (books, notes) = (&self.common.books, &self.common.notes);
        if books.strangers() > 0 {
            notes.say(format!("{} records of others lie in these topics and were passed over", books.strangers()));
        }
        if books.cuts() > 0 {
            notes.say(format!("{} times another record lay where one had been told: a log had been cut", books.cuts()));
        }
        if books.holes() > 0 {
            notes.say(format!("of {} offsets nobody could say in time what lies there", books.holes()));
        }
    }
}

const EMBEDDED: &str = "on the embedded cluster (librdkafka's mock) nothing is replicated, no leader is elected, \
                        sequence numbers are not checked, topic settings are left out, a partition keeps 5 MiB, and fetches wait for 10 ms, \
                        whatever fetch.max.wait.ms says";

fn create(admin: &Admin, plans: &[Plan]) -> Result<Vec<Option<RDKafkaErrorCode>>, Trouble> {
    let made = admin.create(plans, false);
    made.map_err(|error| Trouble::Outside(format!("the cluster does not make topics: {error}")))
}

impl Backend for Outside {
    fn prepare(&mut self) -> Result<(), Trouble> {
        match self.config.cluster.clone() {
            Cluster::Embedded(brokers) => self.begin_embedded(brokers)?,
            Cluster::At(servers) => self.begin_at(&servers)?,
        }
        self.begin_watch()
    }

    fn close_books(&mut self) {
        if let (Some(closed), Ok(())) = (&self.closed, self.orders.send(Order::CloseBooks)) {
            let _ = closed.recv_timeout(CLOSING);
        }
        self.sum_up();
    }

    fn notes(&mut self) -> Vec<String> {
        let mut notes = self.common.notes.take();
        let of_reach = self.reach.iter().flat_map(|reach| reach.notes());
        notes.extend(of_reach.filter(|note| self.told.insert(note.clone())));
        notes
    }

    fn tear_down(&mut self) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        self.clients.end();
        let _ = self.orders.send(Order::End);
        if let Some(watch) = self.watch.take() {
            let _ = watch.join();
        }
        // Topics are removed from a cluster that is whole.
        if let Some(reach) = &self.reach {
            reach.mend();
            reach.end();
        }
        self.remove_what_was_made();
        if let Some(silence) = &self.silence {
            silence.end();
        }
        self.embedded = None;
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.tear_down();
    }
}
