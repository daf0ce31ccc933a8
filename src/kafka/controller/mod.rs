//! The KRaft controller.

mod placement;

use std::sync::Arc;

use crate::hears;
use crate::kafka::config::BrokerConfig;
use crate::kernel::{Actor, ActorId, Cx};
use crate::trace::kafka::BrokerId;
use crate::wire::Brokersim;
use crate::wire::kafka::ToController;

pub use placement::placement;

/// A partition to create once its brokers are up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionPlan {
    /// Who holds it, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// `min.insync.replicas` of its topic.
    pub min_insync_replicas: u32,
    /// `unclean.leader.election.enable` of its topic.
    pub unclean: bool,
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
}

/// The controller as an actor.
#[derive(Clone, Debug)]
pub struct Controller {}

impl Controller {
    /// A controller whose partitions, by [`crate::trace::PlaceId`], are created when their brokers are up.
    pub fn new(config: Arc<BrokerConfig>, partitions: Vec<PartitionPlan>) -> Self {
        let _ = (config, partitions);
        Self {}
    }
}

impl Actor for Controller {
    type Vocab = Brokersim;
    type Msg = ControllerHears;
    type Timer = ControllerTimer;

    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, _: ControllerHears) {}
}
