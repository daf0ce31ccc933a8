//! The server's state, without I/O: it hears packets and has letters to send.
//!
//! **Invariant.** Those of one publisher, topic and QoS reach a subscription in their order.
//!
//! **Not modelled:** message expiry, topic aliases, subscription identifiers, authentication, `$SYS`.

use std::collections::BTreeMap;
use std::time::Duration as Wall;

use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnAckProperties, Connect, ConnectReturnCode, Disconnect, DisconnectReasonCode, Filter,
    LastWill, Packet, PingResp, PubAck, PubAckReason, PubComp, PubRec, PubRecReason, Publish,
    RetainForwardRule, SubAck, Subscribe, SubscribeReasonCode,
};
use rumqttc::v5::mqttbytes::{QoS, matches, valid_filter};

use super::session::{IN_FLIGHT, Session, Subscription};

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConnectionId(pub(super) u64);

/// What a connection is told.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are packets")]
pub(super) enum Says {
    Packet(Packet),
    Close,
}

/// The server.
#[derive(Default)]
pub(super) struct Server {
    /// By client identifier.
    sessions: BTreeMap<String, Session>,
    clients: BTreeMap<ConnectionId, String>,
    /// By topic.
    retained: BTreeMap<String, Publish>,
    /// Whose turn it is: by group and filter.
    turns: BTreeMap<(String, String), usize>,
    letters: Vec<(ConnectionId, Says)>,
}

/// Never expires. MQTT 5, 3.1.2.11.2.
const FOR_EVER: u32 = u32::MAX;

impl Server {
    /// What is to be sent, in order.
    pub(super) fn take_letters(&mut self) -> Vec<(ConnectionId, Says)> {
        std::mem::take(&mut self.letters)
    }

    /// Hears a packet; false when the connection ends with it.
    pub(super) fn hear(&mut self, now: Wall, from: ConnectionId, packet: Packet) -> bool {
        if let Packet::Connect(connect, will, _) = packet {
            return self.connect(now, from, &connect, will);
        }
        let Some(client) = self.clients.get(&from).cloned() else { return false };
        self.session(&client).heard = now;
        match packet {
            Packet::Publish(publish) => self.publish(from, &client, publish),
            Packet::PubRel(release) => {
                self.session(&client).unreleased.remove(&release.pkid);
                self.say(from, Packet::PubComp(PubComp::new(release.pkid, None)));
            }
            Packet::PubAck(ack) => self.done(from, &client, ack.pkid),
            Packet::PubRec(received) => {
                let release = self.session(&client).half_done(received.pkid);
                self.say(from, release);
            }
            Packet::PubComp(completed) => self.done(from, &client, completed.pkid),
            Packet::Subscribe(subscribe) => self.subscribe(from, &client, subscribe),
            Packet::PingReq(_) => self.say(from, Packet::PingResp(PingResp)),
            Packet::Disconnect(goodbye) => {
                if goodbye.reason_code == DisconnectReasonCode::NormalDisconnection {
                    self.session(&client).will = None;
                }
                return false;
            }
            _ => return false,
        }
        true
    }

    fn session(&mut self, client: &str) -> &mut Session {
        self.sessions.get_mut(client).expect("who is connected has a session")
    }

    fn say(&mut self, to: ConnectionId, packet: Packet) {
        self.letters.push((to, Says::Packet(packet)));
    }

    fn connect(&mut self, now: Wall, from: ConnectionId, connect: &Connect, will: Option<LastWill>) -> bool {
        let id = connect.client_id.clone();
        if self.clients.contains_key(&from) {
            return false;
        }
        if let Some(old) = self.sessions.get(&id).and_then(|session| session.connection) {
            self.letters.push((old, Says::Close));
            self.hung_up(now, old);
        }
        if connect.clean_start {
            self.end_session(&id);
        }
        let present = self.sessions.contains_key(&id);
        let properties = connect.properties.as_ref();
        let session = self.sessions.entry(id.clone()).or_default();
        (session.connection, session.heard) = (Some(from), now);
        // MQTT 5, 3.1.2.10: one and a half times the Keep Alive.
        let silence = Wall::from_millis(u64::from(connect.keep_alive) * 1_500);
        session.silence = (!silence.is_zero()).then_some(silence);
        session.expiry = properties.and_then(|all| all.session_expiry_interval).unwrap_or(0);
        session.receive_maximum = properties.and_then(|all| all.receive_maximum).unwrap_or(u16::MAX);
        // Who is back before its will is due has not died.
        (session.ends, session.will_due, session.will) = (None, None, will);
        let again = session.resend();
        self.clients.insert(from, id.clone());
        self.say(from, Packet::ConnAck(welcome(present)));
        again.into_iter().for_each(|packet| self.say(from, packet));
        self.pump(from, &id);
        true
    }

    /// The connection is gone, whoever ended it.
    pub(super) fn hung_up(&mut self, now: Wall, from: ConnectionId) {
        let Some(client) = self.clients.remove(&from) else { return };
        let session = self.session(&client);
        if session.connection != Some(from) {
            return;
        }
        session.connection = None;
        let after = |seconds: u32| now + Wall::from_secs(u64::from(seconds));
        session.ends = (session.expiry != FOR_EVER).then(|| after(session.expiry));
        let delay = session.will.as_ref().map(|will| {
            let delay = will.properties.as_ref().and_then(|all| all.delay_interval).unwrap_or(0);
            delay.min(session.expiry)
        });
        session.will_due = delay.map(after);
        self.pass(now);
    }

    /// Time has passed: who is silent is hung up on, wills are published, sessions end.
    pub(super) fn pass(&mut self, now: Wall) {
        for silent in self.sessions.values().filter_map(|session| session.is_silent(now)).collect::<Vec<_>>()
        {
            let (reason_code, properties) = (DisconnectReasonCode::KeepAliveTimeout, None);
            self.say(silent, Packet::Disconnect(Disconnect { reason_code, properties }));
            self.letters.push((silent, Says::Close));
            self.hung_up(now, silent);
        }
        let due = |when: Option<Wall>| when.is_some_and(|when| when <= now);
        let mut wills = Vec::new();
        for session in self.sessions.values_mut().filter(|session| due(session.will_due)) {
            session.will_due = None;
            wills.extend(session.will.take());
        }
        wills.into_iter().for_each(|will| _ = self.route(&of_will(will)));
        self.sessions.retain(|_, session| session.connection.is_some() || !due(session.ends));
    }

    /// A session that ends publishes its will, if that was not done yet.
    fn end_session(&mut self, client: &str) {
        let will = self.sessions.remove(client).filter(|session| session.will_due.is_some());
        if let Some(will) = will.and_then(|session| session.will) {
            self.route(&of_will(will));
        }
    }

    fn publish(&mut self, from: ConnectionId, client: &str, publish: Publish) {
        let packet = publish.pkid;
        match publish.qos {
            QoS::AtMostOnce => _ = self.route(&publish),
            QoS::AtLeastOnce => {
                let mut ack = PubAck::new(packet, None);
                if !self.route(&publish) {
                    ack.reason = PubAckReason::NoMatchingSubscribers;
                }
                self.say(from, Packet::PubAck(ack));
            }
            QoS::ExactlyOnce => {
                let mut ack = PubRec::new(packet, None);
                // It was routed when it came first.
                if self.session(client).unreleased.insert(packet) && !self.route(&publish) {
                    ack.reason = PubRecReason::NoMatchingSubscribers;
                }
                self.say(from, Packet::PubRec(ack));
            }
        }
    }

    /// Gives a message to who has subscribed; whether anybody has.
    fn route(&mut self, publish: &Publish) -> bool {
        let topic = String::from_utf8_lossy(&publish.topic).into_owned();
        if publish.retain {
            self.retain(&topic, publish);
        }
        let (mut alone, mut shared) = (Vec::new(), BTreeMap::<_, Vec<_>>::new());
        for (client, session) in &self.sessions {
            for subscription in session.subscriptions.iter().filter(|of| matches(&topic, &of.path)) {
                let share = (client.clone(), subscription.filter.qos, session.connection.is_some());
                match &subscription.group {
                    None => alone.push(share),
                    Some(group) => {
                        shared.entry((group.clone(), subscription.path.clone())).or_default().push(share);
                    }
                }
            }
        }
        let matched = !alone.is_empty() || !shared.is_empty();
        alone.extend(shared.into_iter().map(|(of, members)| self.turn(of, members)));
        for (client, qos, _) in alone {
            let qos = if (qos as u8) < publish.qos as u8 { qos } else { publish.qos };
            let copy = Publish { qos, pkid: 0, dup: false, retain: false, ..publish.clone() };
            self.give(&client, copy);
        }
        matched
    }

    fn retain(&mut self, topic: &str, publish: &Publish) {
        if publish.payload.is_empty() {
            self.retained.remove(topic);
        } else {
            self.retained.insert(topic.to_owned(), publish.clone());
        }
    }

    /// Round and round those who are there; those who are not, when nobody is.
    fn turn(&mut self, of: (String, String), members: Vec<(String, QoS, bool)>) -> (String, QoS, bool) {
        let there: Vec<_> = members.iter().filter(|(.., online)| *online).cloned().collect();
        let members = if there.is_empty() { members } else { there };
        let turn = self.turns.entry(of).or_default();
        *turn += 1;
        members[*turn % members.len()].clone()
    }

    fn give(&mut self, client: &str, publish: Publish) {
        let session = self.session(client);
        if let (Some(packet), Some(to)) = (session.take(publish), session.connection) {
            self.say(to, packet);
        }
    }

    fn done(&mut self, from: ConnectionId, client: &str, packet: u16) {
        self.session(client).done(packet);
        self.pump(from, client);
    }

    fn pump(&mut self, to: ConnectionId, client: &str) {
        while let Some(packet) = self.session(client).next() {
            self.say(to, packet);
        }
    }

    fn subscribe(&mut self, from: ConnectionId, client: &str, subscribe: Subscribe) {
        let mut codes = Vec::new();
        let mut retained = Vec::new();
        for filter in subscribe.filters {
            let (group, path) = shared(&filter.path);
            if !valid_filter(&path) {
                codes.push(SubscribeReasonCode::TopicFilterInvalid);
                continue;
            }
            codes.push(SubscribeReasonCode::Success(filter.qos));
            let known = &mut self.session(client).subscriptions;
            let is_new = !known.iter().any(|other| other.filter.path == filter.path);
            known.retain(|other| other.filter.path != filter.path);
            if group.is_none() && wants_retained(&filter, is_new) {
                let found = self.retained.iter().filter(|(topic, _)| matches(topic, &path));
                retained.extend(found.map(|(_, publish)| (publish.clone(), filter.qos)));
            }
            self.session(client).subscriptions.push(Subscription { filter, path, group });
        }
        self.say(
            from,
            Packet::SubAck(SubAck { pkid: subscribe.pkid, return_codes: codes, properties: None }),
        );
        for (publish, qos) in retained {
            let qos = if (qos as u8) < publish.qos as u8 { qos } else { publish.qos };
            self.give(client, Publish { qos, pkid: 0, dup: false, retain: true, ..publish });
        }
    }
}

fn wants_retained(filter: &Filter, is_new: bool) -> bool {
    match filter.retain_forward_rule {
        RetainForwardRule::OnEverySubscribe => true,
        RetainForwardRule::OnNewSubscribe => is_new,
        RetainForwardRule::Never => false,
    }
}

/// The group of a shared subscription, and what it is matched by.
fn shared(path: &str) -> (Option<String>, String) {
    match path.strip_prefix("$share/").and_then(|rest| rest.split_once('/')) {
        Some((group, filter)) => (Some(group.to_owned()), filter.to_owned()),
        None => (None, path.to_owned()),
    }
}

fn of_will(will: LastWill) -> Publish {
    let user_properties = will.properties.map(|all| all.user_properties).unwrap_or_default();
    let properties = rumqttc::v5::mqttbytes::v5::PublishProperties {
        user_properties,
        ..rumqttc::v5::mqttbytes::v5::PublishProperties::default()
    };
    let (qos, retain, topic, payload) = (will.qos, will.retain, will.topic, will.message);
    Publish { dup: false, qos, retain, topic, pkid: 0, payload, properties: Some(properties) }
}

fn welcome(session_present: bool) -> ConnAck {
    let properties = ConnAckProperties {
        session_expiry_interval: None,
        receive_max: Some(IN_FLIGHT),
        max_qos: None,
        retain_available: None,
        max_packet_size: None,
        assigned_client_identifier: None,
        topic_alias_max: None,
        reason_string: None,
        user_properties: Vec::new(),
        wildcard_subscription_available: None,
        subscription_identifiers_available: None,
        shared_subscription_available: None,
        server_keep_alive: None,
        response_information: None,
        server_reference: None,
        authentication_method: None,
        authentication_data: None,
    };
    ConnAck { session_present, code: ConnectReturnCode::Success, properties: Some(properties) }
}
