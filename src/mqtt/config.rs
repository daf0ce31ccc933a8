//! What an MQTT client asks of its server: typed, under MQTT 5's own names.

use crate::kernel::Duration;
use crate::trace::mqtt::Qos;

/// A client's settings. Each application instance has clients of its own with these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The QoS of what it publishes, and the highest that it subscribes for.
    pub qos: Qos,
    /// RETAIN of what it publishes: the server keeps the last message of each topic for new subscriptions.
    pub retain: bool,
    /// Clean Start: each connection begins a new session.
    pub clean_start: bool,
    /// Session Expiry Interval: how long the server keeps the session of a client that is gone, in whole seconds;
    /// zero: not at all; [`Duration::MAX`]: for ever.
    pub session_expiry: Duration,
    /// Receive Maximum: how many QoS 1 and 2 messages the server may send before the client answers one; at least 1.
    pub receive_maximum: u16,
    /// Keep Alive, in whole seconds; zero turns it off.
    pub keep_alive: Duration,
    /// How many QoS 1 and 2 messages the client sends before the server answers one, at most; the server's own
    /// Receive Maximum may be lower. At least 1.
    pub max_inflight: u16,
    /// Message Expiry Interval of what it publishes, in whole seconds.
    pub message_expiry: Option<Duration>,
    /// Retain Handling of its subscription.
    pub retain_handling: RetainHandling,
    /// What the server publishes when the client is gone without a word.
    pub will: Option<Will>,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            qos: Qos::AtMostOnce,
            retain: false,
            clean_start: true,
            session_expiry: Duration::ZERO,
            receive_maximum: u16::MAX,
            keep_alive: Duration::from_secs(60),
            max_inflight: 100,
            message_expiry: None,
            retain_handling: RetainHandling::Send,
            will: None,
        }
    }
}

/// Whether the server sends retained messages when a subscription is made. MQTT 5, 3.8.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetainHandling {
    /// 0: each time.
    Send,
    /// 1: only when the session did not have the subscription.
    SendIfNew,
    /// 2: never.
    Never,
}

/// A will. MQTT 5, 3.1.2.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// Where it is published.
    pub topic: String,
    /// What it says.
    pub payload: String,
    /// At which QoS.
    pub qos: Qos,
    /// Whether it is retained.
    pub retain: bool,
    /// Will Delay Interval, in whole seconds: a client that is back before does not die.
    pub delay: Duration,
}
