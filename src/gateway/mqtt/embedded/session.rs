//! A session: subscriptions, what waits, what is in flight.
//!
//! **Invariant.** At most as many messages are in flight as the client's Receive Maximum and [`IN_FLIGHT`] allow; at
//! most [`QUEUE`] wait, and the newest is let go when one more comes.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration as Wall;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, LastWill, Packet, PubRel, Publish};

use super::server::ConnectionId;

/// Mosquitto's `max_inflight_messages`.
pub(super) const IN_FLIGHT: u16 = 20;
/// Mosquitto's `max_queued_messages`.
pub(super) const QUEUE: usize = 1_000;

/// A client's session.
#[derive(Default)]
pub(super) struct Session {
    /// Where the client is.
    pub(super) connection: Option<ConnectionId>,
    /// When the client was last heard.
    pub(super) heard: Wall,
    /// How long it may be silent; none: for ever.
    pub(super) silence: Option<Wall>,
    /// Session Expiry Interval.
    pub(super) expiry: u32,
    /// When it ends, while the client is away; none: never.
    pub(super) ends: Option<Wall>,
    pub(super) will: Option<LastWill>,
    /// When the will is published, while the client is away.
    pub(super) will_due: Option<Wall>,
    pub(super) subscriptions: Vec<Subscription>,
    /// QoS 2 messages received and not released.
    pub(super) unreleased: BTreeSet<u16>,
    pub(super) receive_maximum: u16,
    last_packet: u16,
    flights: VecDeque<Flight>,
    queue: VecDeque<Publish>,
}

/// A subscription.
pub(super) struct Subscription {
    pub(super) filter: Filter,
    /// What is matched: the filter without `$share/GROUP/`.
    pub(super) path: String,
    pub(super) group: Option<String>,
}

/// A message that was sent and is not answered for good.
struct Flight {
    packet: u16,
    /// None when only its release is waited for.
    publish: Option<Publish>,
}

impl Session {
    /// The connection of a client that has been silent for too long.
    pub(super) fn is_silent(&self, now: Wall) -> Option<ConnectionId> {
        let silence = self.silence?;
        self.connection.filter(|_| now.saturating_sub(self.heard) > silence)
    }

    /// Takes a message for the client; what is to be sent now.
    pub(super) fn take(&mut self, publish: Publish) -> Option<Packet> {
        if publish.qos == QoS::AtMostOnce {
            return self.connection.is_some().then_some(Packet::Publish(publish));
        }
        if self.queue.len() >= QUEUE {
            return None;
        }
        self.queue.push_back(publish);
        self.next()
    }

    /// The next message that may be sent.
    pub(super) fn next(&mut self) -> Option<Packet> {
        let room = usize::from(self.receive_maximum.min(IN_FLIGHT)) > self.flights.len();
        if !room || self.connection.is_none() {
            return None;
        }
        let mut publish = self.queue.pop_front()?;
        publish.pkid = self.free_packet();
        self.flights.push_back(Flight { packet: publish.pkid, publish: Some(publish.clone()) });
        Some(Packet::Publish(publish))
    }

    fn free_packet(&mut self) -> u16 {
        loop {
            self.last_packet = self.last_packet.checked_add(1).unwrap_or(1);
            if !self.flights.iter().any(|flight| flight.packet == self.last_packet) {
                return self.last_packet;
            }
        }
    }

    /// PUBACK or PUBCOMP.
    pub(super) fn done(&mut self, packet: u16) {
        self.flights.retain(|flight| flight.packet != packet);
    }

    /// PUBREC.
    pub(super) fn half_done(&mut self, packet: u16) -> Packet {
        if let Some(flight) = self.flights.iter_mut().find(|flight| flight.packet == packet) {
            flight.publish = None;
        }
        Packet::PubRel(PubRel::new(packet, None))
    }

    /// What is sent again when the client is back. MQTT 5, 4.4.
    pub(super) fn resend(&self) -> Vec<Packet> {
        let again = |flight: &Flight| match flight.publish.clone() {
            Some(publish) => Packet::Publish(Publish { dup: true, ..publish }),
            None => Packet::PubRel(PubRel::new(flight.packet, None)),
        };
        self.flights.iter().map(again).collect()
    }
}
