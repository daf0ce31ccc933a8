//! What the gateway is told: the broker, the topics, and the applications with their clients' settings.

use std::path::PathBuf;

use crate::host::Hands;
use crate::kernel::{Addr, NodeId};
use crate::trace::kafka::BrokerId;
use crate::trace::mqtt::Qos;
use crate::trace::{ChannelId, GroupId, PlaceId};
use crate::wire::kafka::ToBroker;
use crate::wire::port;

use super::super::{Means, Options};

/// Where the broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broker {
    /// On a server.
    At {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
        /// Whether it is on this machine.
        is_here: bool,
        /// As whom.
        login: Option<Login>,
        /// How connections are kept secret; none: they are not.
        tls: Option<Tls>,
    },
    /// Within this process, for the time of the run.
    Embedded,
}

/// Who somebody says to be.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The password; may be empty.
    pub password: String,
}

/// A password is not shown.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// How connections are kept secret. Files are in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of the authorities that a run trusts; else those that this machine trusts.
    pub authorities: Option<PathBuf>,
    /// The certificate that clients show, and its private key, where the broker asks for one.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// A topic of the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The channel.
    pub channel: ChannelId,
    /// Its one place.
    pub place: PlaceId,
    /// Its name in the scenario.
    pub name: String,
    /// Who reads it.
    pub readers: Vec<GroupId>,
}

/// What the gateway is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The broker.
    pub broker: Broker,
    /// How the run treats what is not its own.
    pub options: Options,
    /// Stands before topics and client identifiers: `name-seed`, made unique by the gateway.
    pub run: String,
    /// The topics that are published to, by [`ChannelId`].
    pub topics: Vec<Topic>,
    /// How many groups there are.
    pub groups: u32,
    /// What the run can do to the broker, and to the way there, for its faults.
    pub means: Means,
}

impl Config {
    /// As whom clients connect.
    pub fn login(&self) -> Option<&Login> {
        match &self.broker {
            Broker::At { login, .. } => login.as_ref(),
            Broker::Embedded => None,
        }
    }

    /// How connections are kept secret.
    pub fn tls(&self) -> Option<&Tls> {
        match &self.broker {
            Broker::At { tls, .. } => tls.as_ref(),
            Broker::Embedded => None,
        }
    }
}

/// A client's settings, in MQTT 5's words. Times are in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The QoS of what it publishes, or the highest that it subscribes for.
    pub qos: Qos,
    /// RETAIN of what it publishes.
    pub retain: bool,
    /// Clean Start, at each connection.
    pub clean_start: bool,
    /// Session Expiry Interval.
    pub session_expiry: u32,
    /// Receive Maximum; at least 1.
    pub receive_maximum: u16,
    /// Keep Alive; 0 turns it off.
    pub keep_alive: u16,
    /// QoS 1 and 2 messages sent and not answered at a time; at least 1.
    pub max_inflight: u16,
    /// Message Expiry Interval of what it publishes.
    pub message_expiry: Option<u32>,
    /// Retain Handling of its subscription: 0, 1 or 2.
    pub retain_handling: u8,
    /// Its will.
    pub will: Option<Will>,
}

/// A will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// Its topic, in the scenario.
    pub topic: String,
    /// What it says.
    pub payload: String,
    /// Its QoS.
    pub qos: Qos,
    /// Whether it is retained.
    pub retain: bool,
    /// Will Delay Interval.
    pub delay: u32,
}

/// When a subscriber acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledges {
    /// When the message is handed to the application.
    AtOnce,
    /// When the application says so.
    WhenTold,
}

/// An application that publishes, and its client.
#[derive(Clone, Debug)]
pub struct Publisher {
    /// The client's name in the cast.
    pub name: String,
    /// The node both live on.
    pub node: NodeId,
    /// The application.
    pub app: Addr<port::FromPublisher>,
    /// The client's settings.
    pub client: Client,
    /// Whether the application is told the outcome of each record.
    pub callbacks: bool,
}

/// An application that reads, and its client.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// The client's name in the cast.
    pub name: String,
    /// The node both live on.
    pub node: NodeId,
    /// The application.
    pub app: Addr<port::FromSubscriber>,
    /// The client's settings.
    pub client: Client,
    /// The group that its deliveries count for.
    pub group: GroupId,
    /// The group's name, when it is a shared subscription.
    pub shared: Option<String>,
    /// Its filter, in the scenario.
    pub filter: String,
    /// When it acknowledges.
    pub acknowledges: Acknowledges,
    /// Whether it is there from the beginning: publishers wait for its first subscription.
    pub at_start: bool,
}

/// The applications.
#[derive(Clone, Debug, Default)]
pub struct Applications {
    /// Those who publish.
    pub publishers: Vec<Publisher>,
    /// Those who read.
    pub subscribers: Vec<Subscriber>,
}

/// Where the applications find their clients, in the order in which the applications were given; and faults the broker.
pub struct Ports {
    /// Publishers.
    pub publishers: Vec<Addr<port::ToPublisher>>,
    /// Subscribers.
    pub subscribers: Vec<Addr<port::ToSubscriber>>,
    /// The broker's seat.
    pub broker: (BrokerId, NodeId, Addr<ToBroker>),
    /// For faults that strike the broker, the way there, and clients.
    pub hands: Vec<Box<dyn Hands>>,
}
