//! The KRaft controller: who is alive, who leads, who is in sync.
//!
//! **Promises.** Brokers hear of a change only after it is written, `controller.quorum.append.linger.ms`
//! after the first of a bundle; answers that tell of a change wait for it too. A broker that is not heard of
//! for `broker.session.timeout.ms` is fenced: out of every in-sync set, its leaderships moved.
//!
//! **Invariant.** Only the inner state decides; the actor keeps addresses, timers and what waits to be
//! written. The state survives a crash, because the metadata log does.
//!
//! One logical controller stands for the quorum: when its leader fails it is out of service as long as an election
//! takes, and without a majority until there is one again (`fault/quorum.rs`).
//!
//! **Not modelled:** the voters one by one, metadata snapshots, the
//! broker's backoff when it is refused as a duplicate (a new incarnation is answered when the session of the
//! last one ends), log directories, reassignments. Brokers do not fetch the metadata log, they are sent it: at
//! once when something is written, and again with a heartbeat's answer when they lag.
//!
//! Source: oracle sheets 00 (A4), 06, 07 (7e).

mod election;
mod liveness;
mod placement;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::hears;
use crate::kafka::config::BrokerConfig;
use crate::kernel::{Actor, ActorId, Addr, Crash, Cx, Duration, Time};
use crate::trace::kafka::BrokerId;
use crate::wire::Brokersim;
use crate::wire::kafka::{FromController, Image, ToController};

use election::Rules;
use liveness::Beat;
use state::{PRODUCER_IDS, State};

pub use placement::placement;

/// A partition to create once its brokers are up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionPlan {
    /// Who holds it, the preferred leader first; at least one.
    pub replicas: Vec<BrokerId>,
    /// `min.insync.replicas` of its topic.
    pub min_insync_replicas: u32,
    /// `unclean.leader.election.enable` of its topic.
    pub unclean: bool,
    /// Whether it is created only when it is asked for ([`ToController::CreatePartitions`]).
    pub later: bool,
}

hears! {
    /// What the controller hears.
    ControllerHears {
        /// From brokers.
        Broker(ToController),
    }
}

/// The controller's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ControllerTimer {
    /// Changes have been gathered long enough.
    Append,
    /// A session may have ended.
    Session,
    /// Look for preferred leaders that do not lead.
    Balance,
    /// Look for leaderless partitions.
    Unclean,
    /// Waited long enough for brokers that are to hold partitions.
    Create,
}

/// The controller as an actor.
#[derive(Clone, Debug)]
pub struct Controller {
    config: Arc<BrokerConfig>,
    state: State,
    /// Every broker's latest incarnation.
    brokers: BTreeMap<BrokerId, Addr<FromController>>,
    /// New incarnations that wait until the session of the last one ends, and whether that one shut down in
    /// good order.
    duplicates: BTreeMap<BrokerId, bool>,
    /// The metadata that are written and told.
    written: Arc<Image>,
    /// Answers that wait until what they tell is written.
    answers: Vec<(Addr<FromController>, FromController)>,
}

impl Controller {
    /// A controller whose partitions, by [`crate::trace::PlaceId`], are created when all brokers that are to
    /// hold one are in service, or, when some stay away, a session timeout after the start.
    ///
    /// # Panics
    /// When a partition has no replica.
    pub fn new(config: Arc<BrokerConfig>, partitions: Vec<PartitionPlan>) -> Self {
        let elr = config.eligible_leader_replicas;
        let rules = Rules { elr, balanced_recovery: true, bump_on_shrink: false };
        let state = State::new(rules, config.broker_session_timeout, partitions);
        let (brokers, duplicates) = (BTreeMap::new(), BTreeMap::new());
        Self { config, state, brokers, duplicates, written: Arc::default(), answers: Vec::new() }
    }

    fn register(&mut self, now: Time, broker: BrokerId, clean: bool) {
        match self.state.register(now, broker, clean) {
            Some(epoch) => self.answer(broker, FromController::Registered(epoch)),
            None => drop(self.duplicates.insert(broker, clean)),
        }
    }

    fn heartbeat(&mut self, now: Time, broker: BrokerId, epoch: u64, beat: Beat) {
        // A message from an incarnation that is gone has nobody to answer to.
        if let Some(verdict) = self.state.heartbeat(now, broker, epoch, beat) {
            let (fenced, may_shut_down) = (verdict.fenced, verdict.may_shut_down);
            self.answer(broker, FromController::Heartbeat { fenced, may_shut_down });
            if beat.metadata_version < self.written.version {
                // Real brokers fetch the log until they have all of it; ours say here how far they are.
                self.answer(broker, FromController::Metadata(Arc::clone(&self.written)));
            }
        }
    }

    fn answer(&mut self, broker: BrokerId, answer: FromController) {
        let to = *self.brokers.get(&broker).expect("who asks has registered");
        self.answers.push((to, answer));
    }

    /// Sessions that have ended, and those who waited for that.
    fn end_sessions(&mut self, now: Time) {
        self.state.fence_stale(now);
        for (broker, clean) in std::mem::take(&mut self.duplicates) {
            self.register(now, broker, clean);
        }
    }

    fn create_if_complete(&mut self) {
        if !self.state.is_created() && self.state.is_complete() {
            self.state.create();
        }
    }

    /// Tells what was seen, and sees to it that changes are written and sessions watched.
    fn settle(&mut self, cx: &mut Cx<'_, Self>, before: u64) {
        self.create_if_complete();
        self.state.take_facts().into_iter().for_each(|fact| cx.emit(fact));
        if self.state.version() == self.written.version {
            self.send_answers(cx);
        } else if before == self.written.version {
            cx.arm(ControllerTimer::Append, self.config.controller_append_linger);
        }
        if let Some(end) = self.state.next_check() {
            // A session lasts up to and including this instant.
            cx.arm_at(ControllerTimer::Session, end + Duration::from_nanos(1));
        } else {
            cx.disarm(ControllerTimer::Session);
        }
    }

    fn write(&mut self, cx: &mut Cx<'_, Self>) {
        self.written = Arc::new(self.state.image());
        self.send_answers(cx);
        for broker in self.brokers.values() {
            cx.send(*broker, FromController::Metadata(Arc::clone(&self.written)));
        }
    }

    fn send_answers(&mut self, cx: &mut Cx<'_, Self>) {
        self.answers.drain(..).for_each(|(to, answer)| cx.send(to, answer));
    }

    fn hear(&mut self, now: Time, msg: ToController) {
        match msg {
            ToController::Register { broker, reply_to, clean } => {
                self.brokers.insert(broker, reply_to);
                self.register(now, broker, clean);
            }
            ToController::Heartbeat { broker, epoch, metadata_version, want_shutdown } => {
                self.heartbeat(now, broker, epoch, Beat { metadata_version, want_shutdown });
            }
            ToController::AlterPartition { broker, epoch, changes } => {
                let results = self.state.alter(broker, epoch, &changes);
                self.answer(broker, FromController::AlterPartition(results.into()));
            }
            ToController::CreatePartitions { first, count } => self.state.add(first, count),
            ToController::AllocateProducerIds { broker, epoch } => {
                if let Some(first) = self.state.allocate_producer_ids(broker, epoch) {
                    self.answer(broker, FromController::ProducerIds { first, count: PRODUCER_IDS });
                }
            }
        }
    }
}

impl Actor for Controller {
    type Vocab = Brokersim;
    type Msg = ControllerHears;
    type Timer = ControllerTimer;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        self.state.touch_all(cx.now());
        if self.config.auto_leader_rebalance {
            cx.arm(ControllerTimer::Balance, self.config.leader_imbalance_check_interval);
        }
        cx.arm(ControllerTimer::Unclean, self.config.unclean_leader_election_interval);
        if !self.state.is_created() {
            cx.arm(ControllerTimer::Create, self.config.broker_session_timeout);
        }
        self.settle(cx, self.written.version);
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, ControllerHears::Broker(msg): ControllerHears) {
        let before = self.state.version();
        self.hear(cx.now(), msg);
        self.settle(cx, before);
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: ControllerTimer) {
        let before = self.state.version();
        match timer {
            ControllerTimer::Append => self.write(cx),
            ControllerTimer::Session => self.end_sessions(cx.now()),
            ControllerTimer::Balance => {
                self.state.balance();
                cx.arm(timer, self.config.leader_imbalance_check_interval);
            }
            ControllerTimer::Unclean => {
                self.state.elect_unclean();
                cx.arm(timer, self.config.unclean_leader_election_interval);
            }
            ControllerTimer::Create if self.state.is_created() => {}
            ControllerTimer::Create => self.state.create(),
        }
        self.settle(cx, before);
    }

    fn crash(&mut self, _: Time, _: Crash) {
        // What was decided is in the metadata log; whoever waited for an answer asks again. Refused
        // incarnations stay: they stand for brokers that go on trying.
        self.answers.clear();
    }
}
