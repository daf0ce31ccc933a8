//! Who holds which role, as an operator learns it: a moment before a fault the brokers are asked for metadata and
//! coordinators, and the newest answer counts.

use std::sync::Arc;

use crate::kernel::{Addr, NodeId};
use crate::trace::kafka::BrokerId;
use crate::trace::{GroupId, PlaceId};
use crate::wire::fault::Target;
use crate::wire::kafka::{FromBroker, Image, Request, Response, ToBroker};

/// Brokers that can be asked: id, node, address.
pub(super) type Brokers = [(BrokerId, NodeId, Addr<ToBroker>)];

/// What is known of roles.
#[derive(Clone, Debug, Default)]
pub(super) struct Roles {
    image: Arc<Image>,
    /// By [`GroupId`]: who says so last.
    coordinators: Vec<Option<BrokerId>>,
}

/// Questions about metadata have this number; those about a group its number and one.
const METADATA: u32 = 0;

impl Roles {
    /// What to ask, with the numbers of the questions, for these targets.
    pub fn questions<'t>(targets: impl Iterator<Item = &'t Target>) -> Vec<(u32, Request)> {
        let mut questions = vec![(METADATA, Request::Metadata)];
        for target in targets {
            if let Target::Coordinator(group) | Target::Group(group, _) = target {
                questions.push((group.0 + 1, Request::FindCoordinator(*group)));
            }
        }
        questions
    }

    /// Forgets who coordinates a group that is asked about: where nobody says it any more, nobody does.
    pub fn forget_coordinator(&mut self, target: &Target) {
        if let Target::Coordinator(group) | Target::Group(group, _) = target
            && let Some(known) = self.coordinators.get_mut(group.index())
        {
            *known = None;
        }
    }

    /// Takes in an answer.
    pub fn learn(&mut self, answer: FromBroker) {
        match answer.response {
            Response::Metadata(image) if image.version >= self.image.version => self.image = image,
            Response::FindCoordinator(Ok(broker)) => {
                let group = answer.correlation as usize - 1;
                if group >= self.coordinators.len() {
                    self.coordinators.resize(group + 1, None);
                }
                self.coordinators[group] = Some(broker);
            }
            Response::Metadata(_)
            | Response::FindCoordinator(Err(_))
            | Response::Produce(_)
            | Response::Fetch(_)
            | Response::InitProducerId(_)
            | Response::ListOffsets(_)
            | Response::JoinGroup(_)
            | Response::SyncGroup(_)
            | Response::Heartbeat(_)
            | Response::LeaveGroup(_)
            | Response::OffsetCommit(_)
            | Response::OffsetFetch(_)
            | Response::EpochEnd(_)
            | Response::Refused => {}
        }
    }

    /// Forgets what was learnt: only answers to later questions count.
    pub fn forget(&mut self) {
        self.image = Arc::default();
    }

    /// Whether a broker is in service and in every in-sync set that it belongs to.
    pub fn is_back(&self, broker: BrokerId) -> bool {
        let mut its = self.image.partitions.iter().filter(|partition| partition.replicas.contains(&broker));
        self.image.alive.contains(&broker) && its.all(|partition| partition.isr.contains(&broker))
    }

    /// Who leads a place.
    pub fn leader(&self, place: PlaceId) -> Option<BrokerId> {
        self.image.leader(place)
    }

    /// Who of those in service follows the leader of a place.
    pub fn followers(&self, place: PlaceId) -> Vec<BrokerId> {
        let Some(partition) = self.image.partitions.get(place.index()) else { return Vec::new() };
        let Some(leader) = partition.leader else { return Vec::new() };
        let follows = |broker: &BrokerId| *broker != leader && self.image.alive.contains(broker);
        partition.replicas.iter().copied().filter(follows).collect()
    }

    /// Who coordinates a group.
    pub fn coordinator(&self, group: GroupId) -> Option<BrokerId> {
        *self.coordinators.get(group.index())?
    }
}

/// The broker on a node.
pub(super) fn broker_on(brokers: &Brokers, node: NodeId) -> Option<(BrokerId, Addr<ToBroker>)> {
    brokers.iter().find(|(_, other, _)| *other == node).map(|(id, _, addr)| (*id, *addr))
}

/// The node of a broker.
pub(super) fn node_of(brokers: &Brokers, id: BrokerId) -> NodeId {
    let found = brokers.iter().find(|(other, ..)| *other == id);
    found.map(|(_, node, _)| *node).expect("whoever holds a role is a broker")
}
