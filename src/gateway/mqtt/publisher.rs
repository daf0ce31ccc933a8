//! The task of a publishing client.
//!
//! Records wait here until there is room in flight; at most [`ROOM`] of them before the application is told to wait. What
//! was sent and not answered when a connection breaks is sent again, with DUP, if the server still has the session;
//! where it has not, nobody knows what became of it.
//!
//! **Invariant.** Every record that was offered has one outcome, also when the process dies: accepted, rejected
//! (never sent), or unknown.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use rumqttc::Outgoing;
use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, PubRecReason, PublishProperties};

use crate::kernel::ActorId;
use crate::trace::mqtt::{Answer, Mqtt, Parting, Qos};
use crate::trace::{Body, ChannelId, Ids, Life, Reason, Record};
use crate::wire::port::{FromPublisher, ToPublisher};

use super::actors::{Order, Orders};
use super::backend::Shared;
use super::config::{Client, Publisher};
use super::header;
use super::line::{self, End, Heard, Line};

/// Records that wait to be sent before the application has to.
const ROOM: usize = 1_000;

/// Records handed to rumqttc and not sent yet at most: it writes and flushes one after the other.
const HANDED: usize = 64;

/// A record on its way.
#[derive(Clone, Debug)]
struct Item {
    /// The how-manieth that was offered.
    number: u64,
    channel: ChannelId,
    record: Record,
    body: Option<Arc<Body>>,
}

/// The task.
pub(super) struct Task {
    me: ActorId,
    setup: Publisher,
    shared: Arc<Shared>,
    offered: u64,
    /// Without an outcome, by number.
    open: BTreeSet<u64>,
    failed: u32,
    /// Each flush under way: the number behind the last record that it waits for.
    flushes: VecDeque<u64>,
    queue: VecDeque<Item>,
    handed: VecDeque<Item>,
    flying: BTreeMap<u16, Item>,
    told_blocked: bool,
    told_unreachable: bool,
    connected: bool,
    /// The server's Receive Maximum, or the client's own bound.
    window: usize,
    max_packet: usize,
    closing: bool,
}

impl Task {
    pub(super) fn new(me: ActorId, setup: Publisher, shared: Arc<Shared>) -> Self {
        let window = usize::from(setup.client.max_inflight);
        Self {
            me,
            setup,
            shared,
            offered: 0,
            open: BTreeSet::new(),
            failed: 0,
            flushes: VecDeque::new(),
            queue: VecDeque::new(),
            handed: VecDeque::new(),
            flying: BTreeMap::new(),
            told_blocked: false,
            told_unreachable: false,
            connected: false,
            window,
            max_packet: usize::MAX,
            closing: false,
        }
    }

    pub(super) fn id(&self) -> ActorId {
        self.me
    }

    pub(super) fn client(&self) -> &Client {
        &self.setup.client
    }

    /// One life after the other, until the run is over.
    pub(super) async fn run(mut self, mut orders: Orders<ToPublisher>) {
        while let Some(order) = orders.recv().await {
            let begins = match order {
                Order::Begin => true,
                // After a close: a new client.
                Order::Said(said @ (ToPublisher::Publish(..) | ToPublisher::PublishAll(..))) => {
                    self.offer(said);
                    true
                }
                Order::Said(ToPublisher::Flush) => {
                    self.flushes.push_back(self.offered);
                    self.answer_flushes();
                    false
                }
                Order::Said(ToPublisher::Close) | Order::End { .. } => false,
            };
            if begins && matches!(self.live(&mut orders).await, End::Over) {
                return;
            }
        }
    }

    async fn live(&mut self, orders: &mut Orders<ToPublisher>) -> End {
        let (client, mut line) = {
            let me = (self.me, self.setup.node);
            let call = self.shared.call(me, &self.setup.name, &self.setup.client);
            line::open(&call.borrow())
        };
        (self.connected, self.closing) = (false, false);
        let mut ready = self.shared.ready();
        let mut still = self.shared.standing.of(self.setup.node);
        let mut open = false;
        let end = loop {
            let heard = {
                let next = line.next();
                tokio::pin!(next);
                loop {
                    let goes = !still.is_so();
                    if open && goes && self.is_done() {
                        break Err(End::Left);
                    }
                    if open && goes {
                        self.fill(&client);
                    }
                    tokio::select! {
                        order = orders.recv() => match order {
                            None => break Err(End::Over),
                            Some(Order::Said(said)) => self.hear(said),
                            Some(Order::End { in_order: false }) => break Err(End::Died),
                            Some(Order::End { in_order: true }) => self.closing = true,
                            Some(Order::Begin) => {}
                        },
                        () = ready.wait(), if !open => open = true,
                        () = still.changes() => {}
                        heard = &mut next, if goes => break Ok(heard),
                    }
                }
            };
            match heard {
                Ok(heard) => {
                    self.connected &= line.is_connected();
                    self.take(heard, &mut line);
                }
                Err(end) => break end,
            }
        };
        self.part(end, client, line).await
    }

    async fn part(&mut self, end: End, client: AsyncClient, line: Line) -> End {
        if std::mem::replace(&mut self.connected, false) {
            let how = end.hang_up(&client, line).await;
            self.emit(Mqtt::Disconnected { how });
        }
        self.give_up();
        self.told_blocked = false;
        end
    }

    /// What has no outcome gets one.
    fn give_up(&mut self) {
        for item in std::mem::take(&mut self.flying).into_values() {
            self.unknown(&item);
        }
        let unsent: Vec<_> = self.handed.drain(..).chain(self.queue.drain(..)).collect();
        for item in unsent {
            self.reject(&item, Reason::ProducerClosed);
        }
        self.answer_flushes();
    }

    fn unknown(&mut self, item: &Item) {
        self.emit(Life::Unknown { ids: Ids::one(item.record.id), why: Reason::ConnectionLost });
        self.decide(item, false);
    }

    fn reject(&mut self, item: &Item, why: Reason) {
        self.emit(Life::Rejected { ids: Ids::one(item.record.id), why });
        self.decide(item, false);
    }

    fn is_done(&self) -> bool {
        self.closing && self.open.is_empty()
    }

    fn hear(&mut self, said: ToPublisher) {
        match said {
            ToPublisher::Flush => {
                self.flushes.push_back(self.offered);
                self.answer_flushes();
            }
            ToPublisher::Close => self.closing = true,
            said @ (ToPublisher::Publish(..) | ToPublisher::PublishAll(..)) => self.offer(said),
        }
        if self.queue.len() >= ROOM && !std::mem::replace(&mut self.told_blocked, true) {
            self.emit(Mqtt::Blocked);
            self.say(FromPublisher::Blocked);
        }
    }

    fn offer(&mut self, said: ToPublisher) {
        match said {
            ToPublisher::Publish(channel, record, body) => self.queue_up(channel, record, body),
            ToPublisher::PublishAll(channel, records, bodies) => {
                let mut bodies = bodies.iter().cloned();
                for record in records.iter() {
                    self.queue_up(channel, *record, bodies.next().map(Arc::new));
                }
            }
            ToPublisher::Flush | ToPublisher::Close => {}
        }
    }

    fn queue_up(&mut self, channel: ChannelId, record: Record, body: Option<Arc<Body>>) {
        self.open.insert(self.offered);
        self.queue.push_back(Item { number: self.offered, channel, record, body });
        self.offered += 1;
    }

    /// Hands to rumqttc what there is room for.
    fn fill(&mut self, client: &AsyncClient) {
        while self.connected && self.has_room() {
            let Some(item) = self.queue.pop_front() else { break };
            if !self.send(client, &item) {
                self.reject(&item, Reason::MessageTooLarge);
                continue;
            }
            self.shared.books().handed(item.record.id, self.setup.client.qos);
            self.handed.push_back(item);
        }
        if self.told_blocked && self.queue.len() <= ROOM / 2 {
            self.told_blocked = false;
            self.emit(Mqtt::Unblocked);
            self.say(FromPublisher::Ready);
        }
    }

    fn has_room(&self) -> bool {
        let in_flight = self.handed.len() + self.flying.len();
        let window =
            if self.setup.client.qos == Qos::AtMostOnce { HANDED } else { self.window.min(HANDED * 4) };
        self.handed.len() < HANDED && in_flight < window
    }

    /// False when the server does not take messages of this size.
    fn send(&self, client: &AsyncClient, item: &Item) -> bool {
        let (user_properties, payload) = header::encode(&item.record, item.body.as_deref());
        let topic = self.shared.topic(item.channel);
        // Fixed header, lengths, identifiers.
        const AROUND: usize = 32;
        let said: usize = user_properties.iter().map(|(name, value)| name.len() + value.len() + 5).sum();
        if topic.len() + payload.len() + said + AROUND > self.max_packet {
            return false;
        }
        let properties = PublishProperties {
            message_expiry_interval: self.setup.client.message_expiry,
            user_properties,
            ..PublishProperties::default()
        };
        let (qos, retain) = (line::qos(self.setup.client.qos), self.setup.client.retain);
        let handed = client.try_publish_with_properties(topic, qos, retain, payload, properties);
        assert!(handed.is_ok(), "the channel to rumqttc has room for {HANDED} requests");
        true
    }

    fn take(&mut self, heard: Heard, line: &mut Line) {
        match heard {
            Heard::Connected { session_present, receive_maximum, max_packet } => {
                self.connected(session_present, receive_maximum, max_packet);
            }
            Heard::Broken { why, was_connected } => self.broken(&why, was_connected, line),
            Heard::Out(Outgoing::Publish(packet)) => self.published(packet),
            Heard::In(Packet::PubAck(ack)) => {
                let matched = ack.reason != PubAckReason::NoMatchingSubscribers;
                let taken = !matched || ack.reason == PubAckReason::Success;
                self.answered(ack.pkid, Answer::PubAck, matched, taken);
            }
            Heard::In(Packet::PubRec(received)) => {
                let matched = received.reason != PubRecReason::NoMatchingSubscribers;
                let taken = !matched || received.reason == PubRecReason::Success;
                self.answered(received.pkid, Answer::PubRec, matched, taken);
            }
            Heard::In(Packet::PubComp(completed)) => {
                self.answered(completed.pkid, Answer::PubComp, true, true);
            }
            Heard::In(_) | Heard::Out(_) => {}
        }
    }

    fn connected(&mut self, session_present: bool, receive_maximum: u16, max_packet: u32) {
        (self.connected, self.told_unreachable) = (true, false);
        self.window = usize::from(receive_maximum.min(self.setup.client.max_inflight));
        self.max_packet = max_packet as usize;
        self.emit(Mqtt::Connected { session_present, receive_maximum });
        if !session_present {
            // rumqttc has forgotten them with the session.
            for item in std::mem::take(&mut self.flying).into_values() {
                self.unknown(&item);
            }
        }
    }

    fn broken(&mut self, why: &str, was_connected: bool, line: &mut Line) {
        self.connected = false;
        if was_connected {
            self.emit(Mqtt::Disconnected { how: Parting::Broken(why.into()) });
        } else if !std::mem::replace(&mut self.told_unreachable, true) {
            self.emit(Mqtt::Unreachable { why: why.into() });
        }
        while let Some(item) = self.handed.pop_back() {
            self.queue.push_front(item);
        }
        let flying = &self.flying;
        line.resend_in_order(|packet| flying.get(&packet).map_or(u64::MAX, |item| item.number));
    }

    fn published(&mut self, packet: u16) {
        let qos = self.setup.client.qos;
        if let Some(item) = self.flying.get(&packet) {
            let record = item.record.id;
            return self.emit(Mqtt::Published { record, packet, qos, dup: true });
        }
        let Some(item) = self.handed.pop_front() else { return };
        let record = item.record.id;
        self.emit(Mqtt::Published { record, packet, qos, dup: false });
        if qos == Qos::AtMostOnce {
            self.shared.books().sent(self.me, record, item.channel);
            self.decide(&item, true);
        } else {
            self.flying.insert(packet, item);
        }
    }

    fn answered(&mut self, packet: u16, with: Answer, matched: bool, taken: bool) {
        let Some(item) = self.flying.get(&packet).cloned() else { return };
        let record = item.record.id;
        self.emit(Mqtt::Answered { record, packet, with, matched });
        if !taken {
            self.flying.remove(&packet);
            self.shared.books().refused(record);
            return self.reject(&item, Reason::ServerRefused);
        }
        let mut books = self.shared.books();
        if !matched {
            books.accepted_by_nobody(self.me, record);
        } else if with != Answer::PubComp {
            books.reached(self.me, item.record, item.channel, self.setup.client.qos);
        }
        let is_last = with != Answer::PubRec || !matched;
        if is_last && matched {
            books.accepted(self.me, record, item.channel);
        }
        drop(books);
        if is_last {
            self.flying.remove(&packet);
            self.decide(&item, true);
        }
    }

    fn decide(&mut self, item: &Item, accepted: bool) {
        self.open.remove(&item.number);
        self.failed += u32::from(!accepted);
        if self.setup.callbacks {
            self.say(FromPublisher::Outcome { first: item.record.id, records: 1, accepted });
        }
        self.answer_flushes();
    }

    fn answer_flushes(&mut self) {
        while let Some(upto) = self.flushes.front().copied()
            && self.open.first().is_none_or(|first| *first >= upto)
        {
            self.flushes.pop_front();
            let failed = std::mem::take(&mut self.failed);
            self.say(FromPublisher::Flushed { failed });
        }
    }

    fn say(&self, msg: FromPublisher) {
        self.shared.door.say(self.me, self.setup.app, msg);
    }

    fn emit(&self, fact: impl Into<crate::trace::Fact>) {
        self.shared.door.emit(self.me, fact);
    }
}
