//! The real broker for the time of a run: the gateway's thread, what its tasks share, and what is cleaned up.
//!
//! **Invariant.** After `tear_down` the thread is gone, and nothing of the run is left in the broker unless it is to
//! stay: no retained message, no session.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration as Wall;

use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::host::Door;
use crate::kernel::{ActorId, NodeId};
use crate::trace::ChannelId;
use crate::wire::Brokersim;
use crate::wire::port::{ToPublisher, ToSubscriber};

use super::super::{Backend, Reach, Trouble};
use super::actors::Orders;
use super::books::{Books, SharedBooks};
use super::config::{Broker, Client, Config, Login, Subscriber, Topic};
use super::embedded::{Embedded, LIMITS};
use super::hands::{Standing, Within};
use super::line::{self, Call, Heard};
use super::tls::Connector;
use super::{publisher, subscriber};

/// A task that is still to begin.
pub(super) enum Job {
    Publish(publisher::Task, Orders<ToPublisher>),
    Subscribe(subscriber::Task, Orders<ToSubscriber>),
}

/// What all tasks share.
pub(super) struct Shared {
    pub(super) door: Door<Brokersim>,
    books: SharedBooks,
    topics: Vec<Topic>,
    /// Stands before topics; empty where existing ones are used.
    prefix: String,
    /// Stands before client identifiers and groups.
    run: String,
    address: Mutex<(String, u16)>,
    login: Option<Login>,
    /// What makes connections secret, since the run was prepared.
    connector: OnceLock<Connector>,
    reach: Arc<Reach>,
    pub(super) standing: Standing,
    notes: Mutex<BTreeSet<String>>,
    /// Subscribers that publishers wait for.
    awaited: watch::Sender<BTreeSet<ActorId>>,
}

/// How long publishers wait for the first subscriptions at most.
const PATIENCE: Wall = Wall::from_secs(5);

/// Opens when everybody who reads from the beginning has subscribed, or when that takes too long.
pub(super) struct Ready(watch::Receiver<BTreeSet<ActorId>>);

impl Ready {
    /// May be given up and called again.
    pub(super) async fn wait(&mut self) {
        // Without a sender the run is over.
        let _ = self.0.wait_for(BTreeSet::is_empty).await;
    }
}

impl Shared {
    pub(super) fn new(config: &Config, door: Door<Brokersim>, reach: Arc<Reach>) -> Self {
        let run = unique(&config.run);
        let prefix = if config.options.use_existing { String::new() } else { format!("{run}/") };
        let books = Books::new(door.clone(), &config.topics, config.groups);
        Self {
            door,
            books: Arc::new(Mutex::new(books)),
            topics: config.topics.clone(),
            prefix,
            run,
            address: Mutex::new((String::new(), 0)),
            login: config.login().cloned(),
            connector: OnceLock::new(),
            reach,
            standing: Standing::default(),
            notes: Mutex::new(BTreeSet::new()),
            awaited: watch::Sender::new(BTreeSet::new()),
        }
    }

    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("no task panics while it changes the books")
    }

    /// The name of a channel's topic at the broker.
    pub(super) fn topic(&self, channel: ChannelId) -> String {
        format!("{}{}", self.prefix, self.topics[channel.index()].name)
    }

    /// The topic of this name at the broker.
    pub(super) fn topic_named(&self, name: &[u8]) -> Option<&Topic> {
        let name = std::str::from_utf8(name).ok()?.strip_prefix(self.prefix.as_str())?;
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// The scenario's name of a topic at the broker.
    pub(super) fn own_name(&self, name: &[u8]) -> String {
        let name = String::from_utf8_lossy(name);
        name.strip_prefix(self.prefix.as_str()).unwrap_or(&name).to_owned()
    }

    /// What a subscriber subscribes to.
    pub(super) fn filter(&self, setup: &Subscriber) -> String {
        let filter = format!("{}{}", self.prefix, setup.filter);
        match &setup.shared {
            Some(group) if self.prefix.is_empty() => format!("$share/{group}/{filter}"),
            Some(group) => format!("$share/{}-{group}/{filter}", self.run),
            None => filter,
        }
    }

    /// Where the broker is.
    fn address(&self) -> (String, u16) {
        self.address.lock().expect("nobody panics with the address").clone()
    }

    /// Where a client finds the broker: at a port of the proxy, when there is one.
    fn way(&self, node: NodeId) -> (String, u16) {
        let way = self.reach.way(node);
        let through = way.as_deref().and_then(|way| way.rsplit_once(':'));
        let through = through.and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
        through.unwrap_or_else(|| self.address())
    }

    /// How a client calls the broker. The identifier is that of the seat: the same in each of its lives.
    pub(super) fn call<'a>(
        &'a self,
        (actor, node): (ActorId, NodeId),
        name: &'a str,
        client: &'a Client,
    ) -> OwnedCall<'a> {
        let id = format!("{}-{}", self.run, actor.0);
        OwnedCall {
            id,
            address: self.way(node),
            login: self.login.as_ref(),
            connector: self.connector.get(),
            client,
            prefix: &self.prefix,
            name,
        }
    }

    pub(super) fn ready(&self) -> Ready {
        Ready(self.awaited.subscribe())
    }

    pub(super) fn subscribed(&self, actor: ActorId) {
        self.awaited.send_if_modified(|awaited| awaited.remove(&actor));
    }

    /// Something that a person should know, once.
    pub(super) fn note(&self, text: String) {
        self.notes.lock().expect("nobody panics with the notes").insert(text);
    }
}

/// A [`Call`] with its address.
pub(super) struct OwnedCall<'a> {
    id: String,
    address: (String, u16),
    login: Option<&'a Login>,
    connector: Option<&'a Connector>,
    client: &'a Client,
    prefix: &'a str,
    name: &'a str,
}

impl OwnedCall<'_> {
    /// As [`line::open`] takes it.
    pub(super) fn borrow(&self) -> Call<'_> {
        let Self { id, address: (host, port), login, connector, client, prefix, name } = self;
        Call { id: id.clone(), host, port: *port, login: *login, connector: *connector, client, prefix, name }
    }
}

/// The name and what no other run has: this process and the moment.
fn unique(run: &str) -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let moment = since.map_or(0, |since| since.as_micros());
    format!("brokersim-{run}-{:x}-{moment:x}", std::process::id())
}

/// The real broker, as far as a run has to do with it.
pub struct MqttBackend {
    config: Config,
    shared: Arc<Shared>,
    jobs: Vec<Job>,
    traces: Traces,
    at_start: BTreeSet<ActorId>,
    thread: Option<JoinHandle<()>>,
    told: BTreeSet<String>,
    /// Where the broker within this process is to be, if it is one.
    within: Option<Within>,
}

/// What a run leaves in a broker unless it is cleaned up.
#[derive(Default)]
struct Traces {
    /// Topics with a retained message, perhaps.
    retained: BTreeSet<String>,
    /// Clients whose sessions outlive them.
    sessions: BTreeSet<String>,
}

impl Traces {
    fn of(shared: &Shared, jobs: &[Job]) -> Self {
        let mut traces = Self::default();
        let mut client = |id: ActorId, client: &Client| {
            if client.session_expiry > 0 {
                traces.sessions.insert(format!("{}-{}", shared.run, id.0));
            }
            if let Some(will) = client.will.as_ref().filter(|will| will.retain) {
                traces.retained.insert(format!("{}{}", shared.prefix, will.topic));
            }
        };
        for job in jobs {
            match job {
                Job::Publish(task, _) => client(task.id(), task.client()),
                Job::Subscribe(task, _) => client(task.id(), task.client()),
            }
        }
        let retains = jobs.iter().any(|job| matches!(job, Job::Publish(task, _) if task.client().retain));
        if retains {
            traces.retained.extend(shared.topics.iter().map(|topic| shared.topic(topic.channel)));
        }
        traces
    }
}

impl MqttBackend {
    pub(super) fn new(config: Config, shared: Arc<Shared>, jobs: Vec<Job>, within: Option<Within>) -> Self {
        let at_start = jobs.iter().filter_map(|job| match job {
            Job::Subscribe(task, _) if task.is_at_start() => Some(task.id()),
            Job::Subscribe(..) | Job::Publish(..) => None,
        });
        let at_start = at_start.collect();
        let traces = Traces::of(&shared, &jobs);
        Self { config, shared, jobs, traces, at_start, thread: None, told: BTreeSet::new(), within }
    }

    fn address(&mut self) -> Result<(String, u16), Trouble> {
        match &self.config.broker {
            Broker::At { host, port, is_here, login: _, tls: _ } => {
                if !is_here && !self.config.options.yes {
                    return Err(Trouble::Usage(format!(
                        "{host}:{port} is not on this machine, and the run would write to it: say so with --yes"
                    )));
                }
                Ok((host.clone(), *port))
            }
            Broker::Embedded => self.embedded(),
        }
    }

    fn embedded(&mut self) -> Result<(String, u16), Trouble> {
        let embedded = Embedded::start_new();
        let embedded = embedded
            .map_err(|error| Trouble::Outside(format!("the embedded MQTT broker cannot start: {error}")))?;
        LIMITS.iter().for_each(|limit| self.shared.note((*limit).to_owned()));
        let port = embedded.port();
        *self.within.as_ref().expect("there is a place for it").lock() = Some(embedded);
        Ok(("127.0.0.1".to_owned(), port))
    }

    fn begin(&mut self) {
        self.shared.awaited.send_replace(std::mem::take(&mut self.at_start));
        let (shared, jobs) = (Arc::clone(&self.shared), std::mem::take(&mut self.jobs));
        let thread = std::thread::Builder::new().name("mqtt".to_owned());
        let thread = thread.spawn(move || run(&shared, jobs)).expect("the machine has a thread for MQTT");
        self.thread = Some(thread);
    }

    /// Removes retained messages and sessions.
    fn clean_up(&self) {
        let Traces { retained, sessions } = &self.traces;
        let address = self.shared.address();
        let runtime = runtime();
        runtime.block_on(async {
            if !retained.is_empty() && !clear(&self.shared, &address, retained).await {
                self.shared.note(format!(
                    "retained messages of the run could not be removed: they are on topics below {}",
                    self.shared.prefix
                ));
            }
            for id in sessions {
                if connect(&self.shared, &address, id).await.is_err() {
                    self.shared.note(format!("the session of client {id} could not be removed"));
                }
            }
        });
    }
}

impl Backend for MqttBackend {
    fn prepare(&mut self) -> Result<(), Trouble> {
        let address = self.address()?;
        if let Some(tls) = self.config.tls() {
            let connector = Connector::new(tls, &address.0)?;
            self.shared.connector.set(connector).expect("a run is prepared once");
        }
        let probe = format!("{}-probe", self.shared.run);
        let url = line::url(&address.0, address.1);
        runtime().block_on(connect(&self.shared, &address, &probe)).map_err(|why| {
            let scheme = if self.config.tls().is_some() { "mqtts" } else { "mqtt" };
            Trouble::Outside(format!(
                "no MQTT 5 broker answers at {url}: {why}; is it there, and does it let you in? `brokersim doctor --on \
                 {scheme}://{url}` says more"
            ))
        })?;
        self.shared.reach.begin(&[(1, url)])?;
        *self.shared.address.lock().expect("nobody panics with the address") = address;
        self.begin();
        Ok(())
    }

    fn notes(&mut self) -> Vec<String> {
        let mut notes = self.shared.notes.lock().expect("nobody panics with the notes").clone();
        notes.extend(self.shared.reach.notes());
        notes.into_iter().filter(|note| self.told.insert(note.clone())).collect()
    }

    fn tear_down(&mut self) {
        self.jobs.clear();
        if let Some(thread) = self.thread.take() {
            // Clients say goodbye to, and what the run left is removed from, a broker that is there.
            self.shared.reach.mend();
            if thread.join().is_err() {
                self.shared.note("the thread of the MQTT clients broke down: see above".to_owned());
            }
            self.shared.reach.end();
            // What is in the memory of this process goes with it.
            if !self.config.options.keep && self.within.is_none() {
                self.clean_up();
            }
        }
        if let Some(within) = &self.within {
            *within.lock() = None;
        }
    }
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("the machine has what a runtime needs")
}

/// How often what follows from the books is told.
const SWEEP: Wall = Wall::from_millis(250);

/// Runs all tasks until the last actor is gone.
fn run(shared: &Arc<Shared>, jobs: Vec<Job>) {
    let runtime = runtime();
    let tasks = LocalSet::new();
    let first = jobs.iter().find_map(|job| match job {
        Job::Subscribe(task, _) => Some(task.id()),
        Job::Publish(..) => None,
    });
    let all: Vec<_> = jobs
        .into_iter()
        .map(|job| match job {
            Job::Publish(task, orders) => tasks.spawn_local(task.run(orders)),
            Job::Subscribe(task, orders) => tasks.spawn_local(task.run(orders)),
        })
        .collect();
    let waiting = Arc::clone(shared);
    tasks.spawn_local(async move {
        tokio::time::sleep(PATIENCE).await;
        waiting.awaited.send_replace(BTreeSet::new());
    });
    if let Some(teller) = first {
        let shared = Arc::clone(shared);
        tasks.spawn_local(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                shared.books().sweep(teller, shared.door.clock().now());
            }
        });
    }
    let ended = tasks.block_on(&runtime, async {
        let mut ended = Ok(());
        for task in all {
            ended = ended.and(task.await);
        }
        ended
    });
    if let Err(error) = ended {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Connects anew, which ends the session that there was, and leaves at once; or why not.
async fn connect(shared: &Shared, (host, port): &(String, u16), id: &str) -> Result<(), String> {
    let client = plain();
    let (login, connector) = (shared.login.as_ref(), shared.connector.get());
    let call = Call {
        id: id.to_owned(),
        host,
        port: *port,
        login,
        connector,
        client: &client,
        prefix: "",
        name: id,
    };
    let (client, mut line) = line::open(&call);
    let connected = async {
        loop {
            match line.next().await {
                Heard::Connected { .. } => return Ok(line),
                Heard::Broken { why, .. } => return Err(why),
                Heard::In(_) | Heard::Out(_) => {}
            }
        }
    };
    let line = connected.await?;
    line::leave(&client, line).await;
    Ok(())
}

/// Publishes nothing, retained, to each topic: whether the broker said that it took that.
async fn clear(shared: &Shared, (host, port): &(String, u16), topics: &BTreeSet<String>) -> bool {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::Packet;
    let setup = plain();
    let id = format!("{}-broom", shared.run);
    let (login, connector) = (shared.login.as_ref(), shared.connector.get());
    let call = Call { id, host, port: *port, login, connector, client: &setup, prefix: "", name: "broom" };
    let (client, mut line) = line::open(&call);
    let mut left = topics.len();
    let cleared = async {
        while left > 0 {
            match line.next().await {
                Heard::Connected { .. } => {
                    for topic in topics {
                        if client.try_publish(topic.as_str(), QoS::AtLeastOnce, true, "").is_err() {
                            return false;
                        }
                    }
                }
                Heard::In(Packet::PubAck(_)) => left -= 1,
                Heard::Broken { .. } => return false,
                Heard::In(_) | Heard::Out(_) => {}
            }
        }
        true
    };
    let cleared = tokio::time::timeout(PATIENCE, cleared).await.unwrap_or(false);
    line::leave(&client, line).await;
    cleared
}

/// A client that wants nothing in particular.
pub(super) fn plain() -> Client {
    Client {
        qos: crate::trace::mqtt::Qos::AtLeastOnce,
        retain: false,
        clean_start: true,
        session_expiry: 0,
        receive_maximum: u16::MAX,
        keep_alive: 30,
        max_inflight: 100,
        message_expiry: None,
        retain_handling: 0,
        will: None,
    }
}
