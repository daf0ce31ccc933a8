//! PUSH.
use super::{Endpoint, Side, SocketOptions};
use crate::hears;
use crate::kernel::{Actor, ActorId, Addr, Cx, NodeId};
use crate::trace::{ChannelId, PlaceId};
use crate::wire::{Brokersim, port, zeromq::Frame};

/// What a PUSH socket is told at its birth.
#[derive(Clone, Debug)]
pub struct PushSetup {
    /// The application that publishes through it; on the same node.
    pub app: Addr<port::FromPublisher>,
    /// The node it lives on.
    pub node: NodeId,
    /// The channel it writes to.
    pub channel: ChannelId,
    /// That channel's one place.
    pub place: PlaceId,
    /// Whether it binds or connects.
    pub side: Side,
    /// The PULL sockets it connects to, or that may connect to it.
    pub peers: Vec<Endpoint>,
    /// Its options.
    pub options: SocketOptions,
    /// `RCVBUF` of the peers: the receiving half of a TCP connection's buffer, in bytes.
    pub peer_rcvbuf: u32,
}

hears! {
    /// What a PUSH socket hears.
    ToPush {
        /// From its application.
        App(port::ToPublisher),
        /// From a PULL socket.
        Peer(Frame),
    }
}

/// A PUSH socket.
#[derive(Clone)]
pub struct Push {
    _setup: PushSetup,
}
impl Push {
    /// A socket that has not been started.
    pub fn new(setup: PushSetup) -> Self {
        Self { _setup: setup }
    }
}
impl Actor for Push {
    type Vocab = Brokersim;
    type Msg = ToPush;
    type Timer = u32;
    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, _: ToPush) {}
}
