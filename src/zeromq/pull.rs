//! PULL.
use super::{Endpoint, Side, SocketOptions};
use crate::hears;
use crate::kernel::{Actor, ActorId, Addr, Cx, NodeId};
use crate::trace::{GroupId, PlaceId};
use crate::wire::{Brokersim, port, zeromq::Frame};

/// What a PULL socket is told at its birth.
#[derive(Clone, Debug)]
pub struct PullSetup {
    /// The application that reads from it; on the same node.
    pub app: Addr<port::FromSubscriber>,
    /// The node it lives on.
    pub node: NodeId,
    /// The group that its deliveries count for.
    pub group: GroupId,
    /// The channel's one place.
    pub place: PlaceId,
    /// Whether it binds or connects.
    pub side: Side,
    /// The PUSH sockets it connects to, or that may connect to it.
    pub peers: Vec<Endpoint>,
    /// Its options.
    pub options: SocketOptions,
    /// Messages handed to the application at a time, at most; at least 1.
    pub receive_batch: u32,
}

hears! {
    /// What a PULL socket hears.
    ToPull {
        /// From its application.
        App(port::ToSubscriber),
        /// From a PUSH socket.
        Peer(Frame),
    }
}

/// A PULL socket.
#[derive(Clone)]
pub struct Pull {
    _setup: PullSetup,
}
impl Pull {
    /// A socket that has not been started.
    pub fn new(setup: PullSetup) -> Self {
        Self { _setup: setup }
    }
}
impl Actor for Pull {
    type Vocab = Brokersim;
    type Msg = ToPull;
    type Timer = u32;
    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, _: ToPull) {}
}
