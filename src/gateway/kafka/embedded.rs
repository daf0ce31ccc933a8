//! The cluster within this process: librdkafka's mock cluster, for runs that need nothing installed.
//!
//! **Not modelled** by it, and so refused or said: replication, elections, in-sync sets, retention; sequence
//! numbers are not checked, so retries may duplicate; topics have no settings; each partition keeps its last 5 MiB.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
#[cfg(test)]
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::gateway::Trouble;
use crate::kernel::NodeId;

use super::admin::Plan;
use super::consumer::Vanish;

/// What is asked of the cluster's thread.
pub enum Ask {
    /// Make a topic; the answer says why not.
    Create(Plan, Sender<Result<(), String>>),
    /// Break the connection of the next member that says goodbye instead of hearing it.
    IgnoreGoodbye(Sender<()>),
    /// The next requests of this kind fail with these errors.
    #[cfg(test)]
    Fail(RDKafkaApiKey, Vec<RDKafkaRespErr>, Sender<()>),
    /// Requests take so long.
    #[cfg(test)]
    Slow(Duration, Sender<()>),
    /// It is over.
    End,
}

/// A cluster within this process; gone when it is dropped.
pub struct Embedded {
    bootstrap: String,
    asks: Option<Sender<Ask>>,
    thread: Option<JoinHandle<()>>,
}

impl Embedded {
    /// A cluster of so many brokers.
    ///
    /// # Errors
    /// When librdkafka cannot open its ports.
    pub fn start(brokers: u32) -> Result<Self, Trouble> {
        let (asks, asked) = channel();
        let (ready, started) = channel();
        let thread = std::thread::spawn(move || serve(brokers, &ready, &asked));
        let wrong = |why: String| Trouble::Outside(format!("the embedded cluster cannot start: {why}"));
        let bootstrap = started.recv().map_err(|error| wrong(error.to_string()))?.map_err(wrong)?;
        Ok(Self { bootstrap, asks: Some(asks), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Makes a topic. Its settings are left out: the cluster has none.
    ///
    /// # Errors
    /// When it cannot.
    pub fn create(&self, plan: &Plan) -> Result<(), Trouble> {
        let plan = plan.clone();
        let topic = plan.topic.clone();
        let done = self.ask(|reply| Ask::Create(plan, reply));
        done.map_err(|why| Trouble::Outside(format!("the embedded cluster does not make {topic}: {why}")))
    }

    /// Who can make its members disappear.
    pub fn asks(&self) -> Sender<Ask> {
        self.asks.clone().expect("it runs")
    }

    /// The next requests of this kind fail with these errors.
    #[cfg(test)]
    pub(super) fn fail(&self, key: RDKafkaApiKey, errors: Vec<RDKafkaRespErr>) {
        self.ask(|reply| Ask::Fail(key, errors, reply));
    }

    /// Requests take so long.
    #[cfg(test)]
    pub(super) fn slow(&self, by: Duration) {
        self.ask(|reply| Ask::Slow(by, reply));
    }

    fn ask<T>(&self, ask: impl FnOnce(Sender<T>) -> Ask) -> T {
        let (reply, answer) = channel();
        self.asks.as_ref().expect("it runs").send(ask(reply)).expect("its thread runs");
        answer.recv().expect("its thread answers")
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some(asks) = self.asks.take() {
            let _ = asks.send(Ask::End);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(brokers: u32, ready: &Sender<Result<String, String>>, asked: &Receiver<Ask>) {
    let cluster = match MockCluster::new(brokers as i32) {
        Ok(cluster) => cluster,
        Err(error) => {
            let _ = ready.send(Err(error.to_string()));
            return;
        }
    };
    let _ = ready.send(Ok(cluster.bootstrap_servers()));
    while let Ok(ask) = asked.recv() {
        match ask {
            Ask::Create(plan, reply) => {
                let (partitions, replicas) = (plan.partitions as i32, plan.replication_factor as i32);
                let made = cluster.create_topic(&plan.topic, partitions, replicas);
                let _ = reply.send(made.map_err(|error| error.to_string()));
            }
            Ask::IgnoreGoodbye(reply) => {
                let lost = [RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT];
                cluster.request_errors(RDKafkaApiKey::LeaveGroup, &lost);
                let _ = reply.send(());
            }
            #[cfg(test)]
            Ask::Fail(key, errors, reply) => {
                cluster.request_errors(key, &errors);
                let _ = reply.send(());
            }
            #[cfg(test)]
            Ask::Slow(by, reply) => {
                for broker in 1..=brokers {
                    let _ = cluster.broker_round_trip_time(broker as i32, by);
                }
                let _ = reply.send(());
            }
            Ask::End => return,
        }
    }
}

/// Members of the embedded cluster disappear: it breaks the connection on which they say goodbye.
#[derive(Clone, Default)]
pub struct Silence {
    cluster: Arc<Mutex<Option<Sender<Ask>>>>,
}

impl Silence {
    /// The cluster runs.
    pub fn over(&self, asks: Sender<Ask>) {
        *self.cluster.lock().expect("nobody panics with it in hand") = Some(asks);
    }

    /// The cluster is gone.
    pub fn end(&self) {
        *self.cluster.lock().expect("nobody panics with it in hand") = None;
    }
}

impl Vanish for Silence {
    fn silence(&self, _: NodeId) -> bool {
        let cluster = self.cluster.lock().expect("nobody panics with it in hand");
        let Some(asks) = &*cluster else { return false };
        let (reply, done) = channel();
        asks.send(Ask::IgnoreGoodbye(reply)).is_ok() && done.recv().is_ok()
    }

    fn restore(&self, _: NodeId) {}

    fn stands_still(&self, _: NodeId) -> bool {
        false
    }
}
