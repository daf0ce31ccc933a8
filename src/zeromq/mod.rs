//! How ZeroMQ behaves: PUSH and PULL sockets behind the port that every system shares.
//!
//! A socket keeps one pipe for each peer. PUSH writes round robin to the pipes that have room, PULL reads one
//! message from each pipe in turn. No broker, no acknowledgement: a record is accepted when it lies in a pipe,
//! and delivered when the reading application has it.
//!
//! **Invariant.** Every record that the application offered is accepted, dropped with a reason, or still waits
//! at the socket; an accepted one is delivered, dropped with a reason, or still lies in a pipe.
//!
//! **Not modelled:** the other socket patterns, multipart messages, heartbeats (off by default), the identity
//! of connections, and TCP's repair of what a cut swallowed: see [`Push`].
//!
//! Sources: `../shared/oracles/rabbitmq-mqtt-zeromq.md` A3, `../shared/oracles/zeromq/`.

mod config;
mod link;
mod pipe;
mod pull;
mod push;
pub mod settings;

pub use config::{Config, Side, SocketOptions};
pub use pull::{Pull, PullSetup, PullTimer, ToPull};
pub use push::{Push, PushSetup, PushTimer, ToPush};

use crate::kernel::{ActorId, Addr, Builder, Desk, NodeId, Seat};
use crate::trace::{ChannelId, GroupId, PlaceId};
use crate::wire::{Brokersim, port, zeromq::Frame};

/// A socket as its peers know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where its frames go.
    pub addr: Addr<Frame>,
    /// The node it lives on. Sockets of one node talk inproc, those of different nodes over TCP.
    pub node: NodeId,
}

/// An application that publishes, and the name that its socket gets.
#[derive(Clone, Debug)]
pub struct Publisher {
    /// The socket's name in the cast.
    pub name: String,
    /// The node both live on.
    pub node: NodeId,
    /// The application.
    pub app: Addr<port::FromPublisher>,
}

/// An application that reads, and the name that its socket gets.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// The socket's name in the cast.
    pub name: String,
    /// The node both live on.
    pub node: NodeId,
    /// The application.
    pub app: Addr<port::FromSubscriber>,
    /// The group that its deliveries count for.
    pub group: GroupId,
}

/// The applications of one PUSH/PULL channel.
#[derive(Clone, Debug)]
pub struct Applications {
    /// The channel.
    pub channel: ChannelId,
    /// Its one place.
    pub place: PlaceId,
    /// Those who publish to it.
    pub publishers: Vec<Publisher>,
    /// Those who read from it.
    pub subscribers: Vec<Subscriber>,
}

/// Where the applications find their sockets, in the order in which the applications were given.
#[derive(Clone, Debug)]
pub struct Ports {
    /// PUSH sockets.
    pub publishers: Vec<Addr<port::ToPublisher>>,
    /// PULL sockets.
    pub subscribers: Vec<Addr<port::ToSubscriber>>,
}

/// Puts a PUSH socket beside every publisher and a PULL socket beside every subscriber, each connected with
/// all sockets of the other kind.
pub fn install(config: &Config, builder: &mut Builder<Brokersim>, apps: &Applications) -> Ports {
    let pushes: Vec<Seat<Push>> =
        apps.publishers.iter().map(|app| builder.reserve(app.node, app.name.as_str())).collect();
    let pulls: Vec<Seat<Pull>> =
        apps.subscribers.iter().map(|app| builder.reserve(app.node, app.name.as_str())).collect();
    let writers: Vec<_> =
        pushes.iter().map(|seat| Endpoint { addr: seat.addr(), node: seat.node() }).collect();
    let readers: Vec<_> =
        pulls.iter().map(|seat| Endpoint { addr: seat.addr(), node: seat.node() }).collect();
    let ports = Ports {
        publishers: pushes.iter().map(Seat::addr).collect(),
        subscribers: pulls.iter().map(Seat::addr).collect(),
    };
    for (seat, app) in pushes.into_iter().zip(&apps.publishers) {
        let setup = PushSetup {
            app: app.app,
            node: app.node,
            channel: apps.channel,
            place: apps.place,
            side: config.push_side,
            peers: readers.clone(),
            options: config.push.clone(),
            peer_rcvbuf: config.pull.rcvbuf,
        };
        builder.install(seat, Push::new(setup), Desk::default());
    }
    for (seat, app) in pulls.into_iter().zip(&apps.subscribers) {
        let setup = PullSetup {
            app: app.app,
            node: app.node,
            group: app.group,
            place: apps.place,
            side: config.push_side.other(),
            peers: writers.clone(),
            options: config.pull.clone(),
            receive_batch: config.receive_batch,
        };
        builder.install(seat, Pull::new(setup), Desk::default());
    }
    ports
}

/// The number of the peer in this seat.
///
/// # Panics
/// When it is none of them: wiring hands addresses only to those who are meant to have them.
fn peer_named(peers: &[Endpoint], id: ActorId) -> usize {
    peers.iter().position(|peer| peer.addr.id() == id).expect("frames come from peers")
}

#[cfg(test)]
mod scenarios;
