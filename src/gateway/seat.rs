//! The seats of real brokers, as far as faults and operators speak to them.
//!
//! A broker answers who leads what, from what the gateway knows. What it is told to do to itself becomes a command about
//! its node, for whoever has a hand on the real process.

use std::sync::{Arc, Mutex};

use crate::kernel::{Actor, ActorId, Command, Crash, Cx, NodeId};
use crate::trace::GroupId;
use crate::trace::kafka::{BrokerId, ErrorCode};
use crate::wire::Brokersim;
use crate::wire::kafka::{FromBroker, Image, Request, Response, ToBroker};

/// What is known of the brokers.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Leaders, replicas, who is alive.
    pub image: Arc<Image>,
    /// By [`GroupId`].
    pub coordinators: Vec<Option<BrokerId>>,
}

impl View {
    /// One broker that is always there, and leads nothing.
    pub fn of_one(broker: BrokerId) -> Self {
        let image = Image { version: 1, alive: vec![broker], epochs: vec![0], partitions: Vec::new() };
        Self { image: Arc::new(image), coordinators: Vec::new() }
    }
}

/// What is known of the brokers, shared.
pub type Shared = Arc<Mutex<View>>;

/// The seat of a broker.
#[derive(Clone, Debug)]
pub struct BrokerSeat {
    /// Which.
    pub id: BrokerId,
    /// Its node.
    pub node: NodeId,
    /// What is known.
    pub view: Shared,
}

impl BrokerSeat {
    fn answer(&self, request: &Request) -> Response {
        let view = self.view.lock().expect("nobody panics with the view in hand");
        match request {
            Request::Metadata => Response::Metadata(Arc::clone(&view.image)),
            Request::FindCoordinator(GroupId(group)) => {
                let known = view.coordinators.get(*group as usize).copied().flatten();
                Response::FindCoordinator(known.ok_or(ErrorCode::CoordinatorNotAvailable))
            }
            Request::Produce(_)
            | Request::Fetch(_)
            | Request::InitProducerId(_)
            | Request::ListOffsets(_)
            | Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::Heartbeat(..)
            | Request::LeaveGroup(..)
            | Request::OffsetCommit(_)
            | Request::OffsetFetch(..)
            | Request::EpochEnd(_)
            | Request::Terminate => Response::Refused,
        }
    }
}

impl Actor for BrokerSeat {
    type Vocab = Brokersim;
    type Msg = ToBroker;
    type Timer = ();

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, msg: ToBroker) {
        let ToBroker { correlation, reply_to, request } = msg;
        if matches!(request, Request::Terminate) {
            return cx.command(Command::Crash(self.node, Crash::Exit));
        }
        let response = self.answer(&request);
        cx.send(reply_to, FromBroker { broker: self.id, correlation, response });
    }
}
