//! The cluster for the time of a run: met, made ready, watched, and left as it was.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;

use crate::gateway::doctor::knock;
use crate::gateway::seat::Shared;
use crate::gateway::{Backend, Reach, Trouble};
use crate::kernel::ActorId;
use crate::trace::{ChannelId, GroupId};

use super::actors::Order;
use super::admin::{Admin, PATIENCE, Plan, silence};
use super::embedded::{Embedded, Silence};
use super::watch::Watch;
use super::{Clients, Cluster, Common, Config, Topic, doctor, settings, watch};

/// The cluster for the time of a run.
pub(super) struct Outside {
    pub(super) config: Config,
    pub(super) reach: Option<Arc<Reach>>,
    pub(super) common: Common,
    pub(super) teller: ActorId,
    pub(super) view: Shared,
    pub(super) may_lose: bool,
    pub(super) clients: Clients,
    pub(super) embedded: Option<Embedded>,
    pub(super) silence: Option<Silence>,
    pub(super) orders: Sender<Order>,
    pub(super) ordered: Option<Receiver<Order>>,
    pub(super) closed: Option<Receiver<()>>,
    pub(super) watch: Option<JoinHandle<()>>,
    /// Topics that this run made.
    pub(super) made: Vec<String>,
    /// What was told of the reach.
    pub(super) told: BTreeSet<String>,
    pub(super) over: bool,
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
        let asks = |(name, value): &&(String, String)| {
            name == "security.protocol" && !value.eq_ignore_ascii_case("plaintext")
        };
        if let Some((_, value)) = self.common.connection.iter().find(asks) {
            return Err(Trouble::Usage(format!(
                "the embedded cluster keeps nothing secret: leave --client-property security.protocol={value} out"
            )));
        }
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
        self.common.names.set_bootstrap(&servers.join(","));
        let refused = servers.iter().filter_map(|server| knock(server, doctor::START).err());
        let refused: Vec<_> = refused.map(|(says, remedy)| format!("{says}; {remedy}")).collect();
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
            if let (Some(place), Ok(high)) =
                (self.common.names.place(channel, partition), u64::try_from(high))
            {
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
                return Err(Trouble::Outside(format!(
                    "topic {topic} has partitions without a leader after 10 s"
                )));
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
                self.common
                    .notes
                    .say(format!("left behind on the cluster: {made}: {error}; remove them by hand"));
            }
        }
    }

    /// What the books have to say.
    fn sum_up(&self) {
        let (books, notes) = (&self.common.books, &self.common.notes);
        if books.strangers() > 0 {
            notes.say(format!(
                "{} records of others lie in these topics and were passed over",
                books.strangers()
            ));
        }
        if books.cuts() > 0 {
            notes.say(format!(
                "{} times another record lay where one had been told: a log had been cut",
                books.cuts()
            ));
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
        if let Some(why) = settings::beyond_this_build(&self.common.connection) {
            return Err(Trouble::Usage(why));
        }
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
        // Clients say goodbye to, and topics are removed from, a cluster that is whole.
        if let Some(reach) = &self.reach {
            reach.mend();
        }
        self.clients.end();
        let _ = self.orders.send(Order::End);
        if let Some(watch) = self.watch.take() {
            let _ = watch.join();
        }
        if let Some(reach) = &self.reach {
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
