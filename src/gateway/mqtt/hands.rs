//! What commands about nodes do here: a client's process stands still, the broker within this process ends and begins.
//! Everything else goes on to the [reach](super::super::Reach): the way to the broker, and the process of a real one.
//!
//! **Invariant.** A client that stands still takes nothing from its socket and puts nothing there until it goes on, or its
//! process begins anew: its keep-alive lapses as that of a process which was stopped.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::host::Hands;
use crate::kernel::{Command, NodeId};

use super::super::Reach;
use super::backend::Shared;
use super::embedded::Embedded;

/// The broker within this process, once it is there.
#[derive(Clone, Default)]
pub(super) struct Within(Arc<Mutex<Option<Embedded>>>);

impl Within {
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Embedded>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything in its memory is gone when it ends.
    fn obey(&self, command: &Command) {
        let broker = self.lock();
        let Some(broker) = broker.as_ref() else { return };
        match command {
            Command::Crash(..) => broker.kill(),
            Command::Restart(_) => broker.start(),
            Command::Pause(_) => broker.pause(),
            Command::Resume(_) => broker.resume(),
            Command::Cut(..)
            | Command::Heal(..)
            | Command::Refuse(..)
            | Command::Accept(..)
            | Command::Burden(..)
            | Command::Relieve(..)
            | Command::Machine(..) => {}
        }
    }
}

/// The hands of a run on MQTT.
pub(super) struct MqttHands {
    broker: NodeId,
    within: Option<Within>,
    shared: Arc<Shared>,
    reach: Box<dyn Hands>,
}

impl MqttHands {
    pub(super) fn new(
        broker: NodeId,
        within: Option<Within>,
        shared: Arc<Shared>,
        reach: &Arc<Reach>,
    ) -> Self {
        Self { broker, within, shared, reach: reach.hands() }
    }
}

impl Hands for MqttHands {
    fn obey(&mut self, command: &Command) -> bool {
        if let (Some(within), Some(node)) = (&self.within, process(command))
            && node == self.broker
        {
            within.obey(command);
            return true;
        }
        self.shared.standing.obey(command);
        self.reach.obey(command)
    }
}

/// The node whose process is commanded.
fn process(command: &Command) -> Option<NodeId> {
    match *command {
        Command::Crash(node, _) | Command::Restart(node) | Command::Pause(node) | Command::Resume(node) => {
            Some(node)
        }
        Command::Cut(..)
        | Command::Heal(..)
        | Command::Refuse(..)
        | Command::Accept(..)
        | Command::Burden(..)
        | Command::Relieve(..)
        | Command::Machine(..) => None,
    }
}

/// Nodes whose processes stand still.
pub(super) struct Standing(watch::Sender<BTreeSet<NodeId>>);

impl Default for Standing {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeSet::new()))
    }
}

impl Standing {
    fn obey(&self, command: &Command) {
        match *command {
            Command::Pause(node) => _ = self.0.send_if_modified(|nodes| nodes.insert(node)),
            Command::Resume(node) | Command::Restart(node) => {
                self.0.send_if_modified(|nodes| nodes.remove(&node));
            }
            // Who is killed while it stands still does nothing more.
            Command::Crash(..)
            | Command::Cut(..)
            | Command::Heal(..)
            | Command::Refuse(..)
            | Command::Accept(..)
            | Command::Burden(..)
            | Command::Relieve(..)
            | Command::Machine(..) => {}
        }
    }

    /// For a client on this node.
    pub(super) fn of(&self, node: NodeId) -> Still {
        Still { node, nodes: self.0.subscribe() }
    }
}

/// Whether a client stands still.
pub(super) struct Still {
    node: NodeId,
    nodes: watch::Receiver<BTreeSet<NodeId>>,
}

impl Still {
    /// Now.
    pub(super) fn is_so(&self) -> bool {
        self.nodes.borrow().contains(&self.node)
    }

    /// Waits until somebody begins or ends to stand still. May be given up and called again.
    pub(super) async fn changes(&mut self) {
        if self.nodes.changed().await.is_err() {
            // The run is over, and that is told otherwise.
            std::future::pending().await
        }
    }
}
