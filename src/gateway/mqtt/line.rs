//! A rumqttc connection that keeps its session as MQTT 5 wants.
//!
//! rumqttc 0.25 reconnects and resends by itself; where it departs from the specification, it is helped here:
//!
//! - What it resends has no DUP, and is in the order of packet identifiers, not of sending (MQTT 5, 3.3.1.1, 4.6).
//! - It forgets which QoS 2 messages it has received when a connection breaks, and takes the server's PUBREL for an
//!   error then, again and again (4.3.3).
//! - It throws away what was handed to it and never sent, when the server has no session any more.
//! - What happened before a connection broke is told after the next one is there.

use std::collections::VecDeque;
use std::time::Duration;

use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, LastWill, LastWillProperties, Packet, Publish, RetainForwardRule};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Request};

use crate::trace::mqtt::{Parting, Qos};

use super::config::{Client, Login, Will};
use super::header;
use super::tls::Connector;

/// What is heard on a line.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken up at once")]
pub(super) enum Heard {
    /// CONNACK.
    Connected {
        session_present: bool,
        /// The server's Receive Maximum.
        receive_maximum: u16,
        /// The largest packet that the server takes.
        max_packet: u32,
    },
    /// The connection broke, or could not be made.
    Broken {
        why: String,
        /// Whether there was one.
        was_connected: bool,
    },
    /// A packet came.
    In(Packet),
    /// A packet went.
    Out(Outgoing),
}

/// A connection, and what makes it again.
pub(super) struct Line {
    events: EventLoop,
    connected: bool,
    /// Before the next attempt.
    pause: Duration,
    heard: VecDeque<Heard>,
}

/// The pause after the first failure and the longest one.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MOST: Duration = Duration::from_secs(2);

/// Requests that rumqttc holds at most and has not looked at.
pub(super) const REQUESTS: usize = 4_096;

/// How long a connection may take to be made, in seconds.
const CONNECT_SECONDS: u64 = 3;

/// Who connects to whom.
pub(super) struct Call<'a> {
    pub(super) id: String,
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) login: Option<&'a Login>,
    /// What makes it secret.
    pub(super) connector: Option<&'a Connector>,
    pub(super) client: &'a Client,
    /// Stands before the will's topic.
    pub(super) prefix: &'a str,
    /// Whose will it is.
    pub(super) name: &'a str,
}

/// A line that is not connected yet, and the way to say something on it.
pub(super) fn open(call: &Call<'_>) -> (AsyncClient, Line) {
    let (client, events) = AsyncClient::new(options(call), REQUESTS);
    (client, Line { events, connected: false, pause: Duration::ZERO, heard: VecDeque::new() })
}

fn options(call: &Call<'_>) -> MqttOptions {
    let Call { id, host, port, login, connector, client, prefix, name } = call;
    let mut options = MqttOptions::new(id.clone(), bracketed(host), *port);
    if let Some(Login { user, password }) = login {
        options.set_credentials(user.as_str(), password.as_str());
    }
    if let Some(connector) = connector {
        options.set_transport(connector.transport());
    }
    options.set_clean_start(client.clean_start);
    options.set_session_expiry_interval(Some(client.session_expiry));
    options.set_receive_maximum(Some(client.receive_maximum));
    // rumqttc's pings are driven by this even where the server is told that there are none.
    options.set_keep_alive(Duration::from_secs(u64::from(client.keep_alive)));
    if client.keep_alive == 0 {
        options.set_keep_alive(Duration::from_secs(u64::from(u16::MAX)));
    }
    options.set_manual_acks(true);
    options.set_outgoing_inflight_upper_limit(client.max_inflight);
    options.set_connection_timeout(CONNECT_SECONDS);
    if let Some(will) = &client.will {
        options.set_last_will(last_will(will, prefix, name));
    }
    options
}

/// A host as it stands before a port: an IPv6 address in brackets.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// `host:port`
pub(super) fn url(host: &str, port: u16) -> String {
    format!("{}:{port}", bracketed(host))
}

fn last_will(will: &Will, prefix: &str, name: &str) -> LastWill {
    let properties = LastWillProperties {
        delay_interval: Some(will.delay),
        payload_format_indicator: None,
        message_expiry_interval: None,
        content_type: None,
        response_topic: None,
        correlation_data: None,
        user_properties: vec![(header::WILL.to_owned(), name.to_owned())],
    };
    let topic = format!("{prefix}{}", will.topic);
    LastWill::new(topic, will.payload.clone(), qos(will.qos), will.retain, Some(properties))
}

/// rumqttc's word for it.
pub(super) fn qos(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
        Qos::ExactlyOnce => QoS::ExactlyOnce,
    }
}

/// Our word for rumqttc's.
pub(super) fn level(qos: QoS) -> Qos {
    match qos {
        QoS::AtMostOnce => Qos::AtMostOnce,
        QoS::AtLeastOnce => Qos::AtLeastOnce,
        QoS::ExactlyOnce => Qos::ExactlyOnce,
    }
}

/// A subscription.
pub(super) fn filter(path: &str, client: &Client) -> Filter {
    let mut filter = Filter::new(path, qos(client.qos));
    filter.retain_forward_rule = match client.retain_handling {
        1 => RetainForwardRule::OnNewSubscribe,
        2 => RetainForwardRule::Never,
        _ => RetainForwardRule::OnEverySubscribe,
    };
    filter
}

impl Line {
    /// Whether what is said now is said on the connection of which something was heard last: after it broke, what was heard
    /// on it is still told, but rumqttc keeps what it is handed for the next one.
    pub(super) fn is_connected(&self) -> bool {
        self.connected
    }

    /// Waits for what is heard next; connects first, and again, as often as it takes.
    ///
    /// What is heard is lost when the caller stops waiting in the middle: only one who hangs up does so.
    pub(super) async fn next(&mut self) -> Heard {
        if let Some(heard) = self.heard.pop_front() {
            return heard;
        }
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        match self.events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(ack))) => self.connected(&ack),
            Ok(Event::Incoming(packet)) => Heard::In(packet),
            Ok(Event::Outgoing(outgoing)) => Heard::Out(outgoing),
            Err(error) => self.broken(&error),
        }
    }

    fn connected(&mut self, ack: &rumqttc::v5::mqttbytes::v5::ConnAck) -> Heard {
        (self.connected, self.pause) = (true, Duration::ZERO);
        if ack.session_present {
            self.expect_releases();
        }
        let properties = ack.properties.as_ref();
        Heard::Connected {
            session_present: ack.session_present,
            receive_maximum: properties.and_then(|all| all.receive_max).unwrap_or(u16::MAX),
            max_packet: properties.and_then(|all| all.max_packet_size).unwrap_or(u32::MAX),
        }
    }

    /// A PUBREL is always answered, whether or not this process knows what it releases.
    fn expect_releases(&mut self) {
        for packet in 1..=u16::MAX {
            let mut publish = Publish::new("", QoS::ExactlyOnce, "", None);
            publish.pkid = packet;
            let told = self.events.state.handle_incoming_packet(Packet::Publish(publish));
            assert!(matches!(told, Ok(None)), "acknowledgements are manual");
            self.events.state.events.pop_back();
        }
    }

    fn broken(&mut self, error: &ConnectionError) -> Heard {
        let was_connected = std::mem::replace(&mut self.connected, false);
        self.pause = if was_connected { PAUSE } else { (self.pause * 2).clamp(PAUSE, PAUSE_MOST) };
        self.events.pending.retain_mut(|request| match request {
            Request::Publish(publish) => {
                publish.dup = true;
                publish.pkid != 0
            }
            Request::PubRel(_) => true,
            _ => false,
        });
        self.events.state.collision = None;
        let stale = std::mem::take(&mut self.events.state.events);
        self.heard.extend(stale.into_iter().map(|event| match event {
            Event::Incoming(packet) => Heard::In(packet),
            Event::Outgoing(outgoing) => Heard::Out(outgoing),
        }));
        self.heard.push_back(Heard::Broken { why: error.to_string(), was_connected });
        self.heard.pop_front().expect("pushed just now")
    }

    /// What is resent at the next connection goes in this order of packet identifiers; unknown ones last.
    pub(super) fn resend_in_order(&mut self, order: impl Fn(u16) -> u64) {
        self.events.pending.make_contiguous().sort_by_key(|request| match request {
            Request::Publish(publish) => order(publish.pkid),
            Request::PubRel(release) => order(release.pkid),
            _ => u64::MAX,
        });
    }
}

/// How a life of the client ended.
pub(super) enum End {
    /// Its process died.
    Died,
    /// It left in good order.
    Left,
    /// The run is over.
    Over,
}

impl End {
    /// Ends a connection in this way; what there is to tell of it.
    pub(super) async fn hang_up(&self, client: &AsyncClient, line: Line) -> Parting {
        match self {
            Self::Died => Parting::Died,
            Self::Left | Self::Over => {
                leave(client, line).await;
                Parting::Asked
            }
        }
    }
}

/// Says DISCONNECT and waits until that is written, for a moment.
pub(super) async fn leave(client: &AsyncClient, mut line: Line) {
    const MOMENT: std::time::Duration = std::time::Duration::from_millis(500);
    let written = async {
        loop {
            match line.next().await {
                // What is heard after that was flushed with it.
                Heard::Out(Outgoing::Disconnect) | Heard::Broken { .. } => return,
                Heard::Connected { .. } | Heard::In(_) | Heard::Out(_) => {}
            }
        }
    };
    if client.try_disconnect().is_ok() {
        let _ = tokio::time::timeout(MOMENT, written).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::mqtt::backend::plain;

    #[test]
    fn what_was_heard_before_a_connection_broke_is_told_first_and_nothing_more_can_be_said_on_it_meanwhile() {
        let client = plain();
        let (host, id, name) = ("localhost", "shop".to_owned(), "shop");
        let call =
            Call { id, host, port: 1883, login: None, connector: None, client: &client, prefix: "", name };
        let (_client, mut line) = open(&call);
        line.connected = true;
        line.events.state.events.push_back(Event::Outgoing(Outgoing::PubAck(1)));
        let first = line.broken(&ConnectionError::RequestsDone);
        assert!(matches!(first, Heard::Out(Outgoing::PubAck(1))), "{first:?}");
        assert!(!line.is_connected());
        assert!(matches!(line.heard.pop_front(), Some(Heard::Broken { was_connected: true, .. })));
    }
}
