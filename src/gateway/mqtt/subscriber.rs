//! The task of a subscribing client.
//!
//! What arrives waits here until the application asks, as in the channel of a client whose callback is busy. It is
//! acknowledged when it is handed over, or when the application says so; QoS 1 and 2 messages in flight are bounded
//! by the Receive Maximum, and at QoS 0 a client that has [`BUFFER`] of them reads no more until there is room.
//!
//! **Invariant.** A QoS 2 message is handed over once in the life of this client and its session, however often it
//! is sent. What the server will send again is handed over from what it sends again.
//!
//! **Not modelled:** a client that keeps the identifiers of QoS 2 messages on its disk: one that dies between the work
//! and PUBREC gets the message again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rumqttc::Outgoing;
use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish, SubAck, SubscribeReasonCode};

use crate::kernel::ActorId;
use crate::trace::mqtt::{Answer, Mqtt, Parting, Qos};
use crate::trace::{Batch, Body, Life, PlaceId, Record, RecordId};
use crate::wire::port::{Delivery, FromSubscriber, ToSubscriber};

use super::actors::{Order, Orders};
use super::backend::Shared;
use super::config::{Acknowledges, Client, Subscriber};
use super::header;
use super::line::{self, End, Heard, Line};

/// Messages that wait for the application at most before the client stops reading.
const BUFFER: usize = 100_000;

/// Messages handed over at a time at most.
const BATCH: usize = 100;

/// A message that arrived.
struct Message {
    record: Record,
    body: Option<Body>,
    place: PlaceId,
    /// For its acknowledgement; none at QoS 0, and when the server does not wait for one any more.
    publish: Option<Publish>,
}

/// A message that the application has.
struct Handed {
    record: RecordId,
    publish: Option<Publish>,
}

/// A QoS 2 message in its handshake.
struct Taken {
    record: RecordId,
    publish: Publish,
    /// Whether the application is done with it.
    done: bool,
    /// Since the connection was made again, the server has not sent it again yet: until then it is not answered, for two
    /// answers would be released twice.
    to_come: bool,
}

/// The task.
pub(super) struct Task {
    me: ActorId,
    setup: Subscriber,
    shared: Arc<Shared>,
    buffer: VecDeque<Message>,
    /// The application waits.
    wanted: bool,
    /// With the application since it last asked.
    working: Vec<(RecordId, PlaceId)>,
    /// With the application, and not acknowledged.
    handed: Vec<Handed>,
    /// To be acknowledged: what rumqttc had no room for.
    acks: VecDeque<Publish>,
    /// Acknowledgements said and not seen to be written, while the application waits for them.
    unwritten: usize,
    settling: bool,
    /// Acknowledged without a connection: they come again, unless the session ends.
    void: Vec<RecordId>,
    /// By packet identifier.
    taken: BTreeMap<u16, Taken>,
    /// QoS 1 messages in the hands of rumqttc's acknowledgements: by packet identifier.
    replying: BTreeMap<u16, RecordId>,
    connected: bool,
    subscribed_once: bool,
    told_unreachable: bool,
}

impl Task {
    pub(super) fn new(me: ActorId, setup: Subscriber, shared: Arc<Shared>) -> Self {
        shared.books().reads(setup.group, setup.client.qos, setup.shared.is_some());
        Self {
            me,
            setup,
            shared,
            buffer: VecDeque::new(),
            wanted: false,
            working: Vec::new(),
            handed: Vec::new(),
            acks: VecDeque::new(),
            unwritten: 0,
            settling: false,
            void: Vec::new(),
            taken: BTreeMap::new(),
            replying: BTreeMap::new(),
            connected: false,
            subscribed_once: false,
            told_unreachable: false,
        }
    }

    pub(super) fn id(&self) -> ActorId {
        self.me
    }

    pub(super) fn client(&self) -> &Client {
        &self.setup.client
    }

    pub(super) fn is_at_start(&self) -> bool {
        self.setup.at_start
    }

    /// One life after the other, until the run is over. A client begins when its application first asks.
    pub(super) async fn run(mut self, mut orders: Orders<ToSubscriber>) {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Said(ToSubscriber::Next) => {
                    self.wanted = true;
                    if matches!(self.live(&mut orders).await, End::Over) {
                        return;
                    }
                }
                Order::Said(ToSubscriber::Settle) => self.say(FromSubscriber::Settled { accepted: false }),
                Order::Said(ToSubscriber::Close | ToSubscriber::Leave) | Order::Begin | Order::End { .. } => {
                }
            }
        }
    }

    async fn live(&mut self, orders: &mut Orders<ToSubscriber>) -> End {
        let (client, mut line) = {
            let me = (self.me, self.setup.node);
            let call = self.shared.call(me, &self.setup.name, &self.setup.client);
            line::open(&call.borrow())
        };
        self.connected = false;
        let mut still = self.shared.standing.of(self.setup.node);
        let end = loop {
            let heard = {
                let next = line.next();
                tokio::pin!(next);
                loop {
                    let goes = !still.is_so();
                    self.acknowledge_more(&client);
                    tokio::select! {
                        order = orders.recv() => match order {
                            None => break Err(End::Over),
                            Some(Order::Said(ToSubscriber::Close | ToSubscriber::Leave)) => {
                                break Err(End::Left);
                            }
                            Some(Order::Said(said)) => self.hear(said, &client),
                            Some(Order::End { in_order: true }) => break Err(End::Left),
                            Some(Order::End { in_order: false }) => break Err(End::Died),
                            Some(Order::Begin) => {}
                        },
                        () = still.changes() => {}
                        heard = &mut next, if goes && self.buffer.len() < BUFFER => break Ok(heard),
                    }
                }
            };
            match heard {
                Ok(heard) => {
                    self.connected &= line.is_connected();
                    self.take(heard, &client);
                }
                Err(end) => break end,
            }
            self.deliver(&client);
        };
        self.part(end, client, line).await
    }

    async fn part(&mut self, end: End, client: AsyncClient, line: Line) -> End {
        if std::mem::replace(&mut self.connected, false) {
            let how = end.hang_up(&client, line).await;
            self.emit(Mqtt::Disconnected { how });
        }
        self.bury(matches!(end, End::Died));
        end
    }

    /// What the process held is gone with it.
    fn bury(&mut self, died: bool) {
        let mut books = self.shared.books();
        let mut buffered = Vec::new();
        for message in self.buffer.drain(..) {
            match message.publish {
                None => books.dropped_at_qos_0(self.me, self.setup.group, message.record.id),
                Some(_) => buffered.push(message.record.id),
            }
        }
        if died {
            books.died_with(self.me, self.setup.group, &self.working);
        }
        if self.setup.client.session_expiry == 0 || self.setup.client.clean_start {
            let unanswered = self.working.iter().map(|(id, _)| *id);
            books.fell(self.setup.group, unanswered.chain(buffered));
        }
        drop(books);
        self.working.clear();
        self.handed.clear();
        self.acks.clear();
        self.void.clear();
        self.taken.clear();
        self.replying.clear();
        (self.wanted, self.settling, self.unwritten) = (false, false, 0);
    }

    fn hear(&mut self, said: ToSubscriber, client: &AsyncClient) {
        match said {
            ToSubscriber::Next => {
                self.working.clear();
                self.wanted = true;
                self.deliver(client);
            }
            ToSubscriber::Settle => {
                for handed in std::mem::take(&mut self.handed) {
                    self.acknowledge(handed.record, handed.publish);
                }
                if !self.connected {
                    return self.say(FromSubscriber::Settled { accepted: false });
                }
                self.settling = true;
                self.acknowledge_more(client);
                self.answer_settle();
            }
            ToSubscriber::Close | ToSubscriber::Leave => unreachable!("its caller leaves"),
        }
    }

    /// Hands over what is there, if it is wanted.
    fn deliver(&mut self, client: &AsyncClient) {
        if !self.wanted || self.buffer.is_empty() {
            return;
        }
        self.wanted = false;
        let count = self.buffer.len().min(BATCH);
        let messages: Vec<_> = self.buffer.drain(..count).collect();
        let mut deliveries = Vec::new();
        let mut messages = messages.into_iter().peekable();
        while let Some(first) = messages.next() {
            let place = first.place;
            let mut run = vec![first];
            while let Some(same) = messages.next_if(|message| message.place == place) {
                run.push(same);
            }
            deliveries.push(self.hand_over(place, run));
        }
        self.say(FromSubscriber::Deliver(deliveries.into()));
        self.acknowledge_more(client);
    }

    fn hand_over(&mut self, place: PlaceId, run: Vec<Message>) -> Delivery {
        let span = batch(&run).span();
        let group = self.setup.group;
        self.emit(Life::Delivered { ids: span.clone().into(), group, place, offset: 0 });
        for Message { record, publish, place, .. } in run {
            let record = record.id;
            self.working.push((record, place));
            match self.setup.acknowledges {
                Acknowledges::WhenTold if publish.is_some() => {
                    self.handed.push(Handed { record, publish });
                }
                Acknowledges::WhenTold | Acknowledges::AtOnce => self.acknowledge(record, publish),
            }
        }
        Delivery { place, offset: 0, span }
    }

    /// Answers, or has nothing to answer.
    fn acknowledge(&mut self, record: RecordId, publish: Option<Publish>) {
        let Some(publish) = publish else {
            return self.shared.books().acknowledged(self.me, self.setup.group, record);
        };
        if line::level(publish.qos) == Qos::ExactlyOnce {
            let Some(taken) = self.taken.get_mut(&publish.pkid) else { return };
            taken.done = true;
            if taken.to_come || !self.connected {
                return;
            }
        } else if self.connected {
            self.replying.insert(publish.pkid, record);
        } else {
            return self.void.push(record);
        }
        self.answer_at_once(publish);
    }

    fn acknowledge_more(&mut self, client: &AsyncClient) {
        while self.connected
            && let Some(publish) = self.acks.front()
            && client.try_ack(publish).is_ok()
        {
            self.acks.pop_front();
        }
    }

    fn answer_settle(&mut self) {
        if self.settling && self.unwritten == 0 {
            self.settling = false;
            self.say(FromSubscriber::Settled { accepted: true });
        }
    }

    fn take(&mut self, heard: Heard, client: &AsyncClient) {
        match heard {
            Heard::Connected { session_present, receive_maximum, .. } => {
                self.connected(session_present, receive_maximum, client);
            }
            Heard::Broken { why, was_connected } => self.broken(&why, was_connected),
            Heard::In(Packet::SubAck(ack)) => self.subscribed(&ack),
            Heard::In(Packet::Publish(publish)) => self.arrived(publish),
            Heard::Out(Outgoing::PubAck(packet)) => self.replied(packet, Answer::PubAck),
            Heard::Out(Outgoing::PubRec(packet)) => self.replied(packet, Answer::PubRec),
            Heard::Out(Outgoing::PubComp(packet)) => self.replied(packet, Answer::PubComp),
            Heard::In(_) | Heard::Out(_) => {}
        }
    }

    fn connected(&mut self, session_present: bool, receive_maximum: u16, client: &AsyncClient) {
        (self.connected, self.told_unreachable) = (true, false);
        self.emit(Mqtt::Connected { session_present, receive_maximum });
        if session_present {
            // What was received and not handed over will be sent again, except at QoS 2 what is recognised.
            let resent = |publish: &Publish| line::level(publish.qos) == Qos::AtLeastOnce;
            self.buffer.retain(|message| !message.publish.as_ref().is_some_and(resent));
            self.handed.retain(|handed| !handed.publish.as_ref().is_some_and(resent));
            self.taken.values_mut().for_each(|taken| taken.to_come = true);
            self.void.clear();
        } else {
            self.forget_session();
        }
        let filter = line::filter(&self.shared.filter(&self.setup), &self.setup.client);
        let asked = client.try_subscribe_many([filter]);
        assert!(asked.is_ok(), "a new connection has room for a subscription");
    }

    /// Nobody waits for acknowledgements of what was received: it is this client's alone.
    fn forget_session(&mut self) {
        self.buffer.iter_mut().for_each(|message| message.publish = None);
        self.handed.iter_mut().for_each(|handed| handed.publish = None);
        let done = std::mem::take(&mut self.taken).into_values().filter(|taken| taken.done);
        let void: Vec<_> = self.void.drain(..).chain(done.map(|taken| taken.record)).collect();
        for record in void {
            self.shared.books().acknowledged(self.me, self.setup.group, record);
        }
        let is_first = !self.subscribed_once;
        self.shared.books().begins_anew(self.me, self.setup.group, is_first);
    }

    fn broken(&mut self, why: &str, was_connected: bool) {
        self.connected = false;
        if was_connected {
            self.emit(Mqtt::Disconnected { how: Parting::Broken(why.into()) });
        } else if !std::mem::replace(&mut self.told_unreachable, true) {
            self.emit(Mqtt::Unreachable { why: why.into() });
        }
        // Answers that were not written are void: the messages will come again.
        self.void.extend(std::mem::take(&mut self.replying).into_values());
        self.acks.clear();
        self.unwritten = 0;
        if std::mem::take(&mut self.settling) {
            self.say(FromSubscriber::Settled { accepted: false });
        }
    }

    fn subscribed(&mut self, ack: &SubAck) {
        let granted = ack.return_codes.first().and_then(|code| match code {
            SubscribeReasonCode::Success(qos) => Some(line::level(*qos)),
            _ => None,
        });
        let filter = self.shared.filter(&self.setup).into();
        self.emit(Mqtt::Subscribed { filter, granted });
        if granted.is_none() {
            self.shared.note(format!("the broker refuses the subscription of {}", self.setup.name));
        }
        self.subscribed_once = true;
        if self.setup.at_start {
            self.shared.subscribed(self.me);
        }
    }

    fn arrived(&mut self, publish: Publish) {
        let properties = publish.properties.as_ref().map_or(&[][..], |all| &all.user_properties);
        if let Some(of) = header::value(properties, header::WILL) {
            let topic = self.shared.own_name(&publish.topic);
            let fact = Mqtt::Will { of: of.into(), topic: topic.into(), retain: publish.retain };
            self.emit(fact);
            return self.answer_at_once(publish);
        }
        let known = header::decode(properties, &publish.payload);
        let Some(((record, body), topic)) = known.zip(self.shared.topic_named(&publish.topic)) else {
            self.shared
                .note("messages that are not of this run were received, acknowledged and ignored".into());
            return self.answer_at_once(publish);
        };
        let (channel, place) = (topic.channel, topic.place);
        let (qos, packet) = (line::level(publish.qos), publish.pkid);
        let (dup, retain, group) = (publish.dup, publish.retain, self.setup.group);
        self.emit(Mqtt::Received { record: record.id, group, packet, qos, dup, retain });
        if qos == Qos::ExactlyOnce && self.is_taken(packet, record.id) {
            return;
        }
        let mut books = self.shared.books();
        books.reached(self.me, record, channel, qos);
        books.received(group, record.id);
        drop(books);
        if qos == Qos::ExactlyOnce {
            let taken = Taken { record: record.id, publish: publish.clone(), done: false, to_come: false };
            self.taken.insert(packet, taken);
        }
        let publish = (qos > Qos::AtMostOnce).then_some(publish);
        self.buffer.push_back(Message { record, body, place, publish });
    }

    /// Whether a QoS 2 message was received before and not released: then it is answered again, if it was.
    fn is_taken(&mut self, packet: u16, record: RecordId) -> bool {
        let Some(taken) = self.taken.get_mut(&packet).filter(|taken| taken.record == record) else {
            return false;
        };
        taken.to_come = false;
        if taken.done {
            let publish = taken.publish.clone();
            self.answer_at_once(publish);
        }
        self.emit(Mqtt::Recognised { record, packet });
        true
    }

    fn answer_at_once(&mut self, publish: Publish) {
        if line::level(publish.qos) > Qos::AtMostOnce {
            self.acks.push_back(publish);
            self.unwritten += 1;
        }
    }

    fn replied(&mut self, packet: u16, with: Answer) {
        let record = match with {
            Answer::PubAck => {
                let record = self.replying.remove(&packet);
                if let Some(record) = record {
                    self.shared.books().acknowledged(self.me, self.setup.group, record);
                }
                record
            }
            Answer::PubRec => self.half_replied(packet),
            Answer::PubComp => {
                self.taken.remove(&packet);
                self.shared.books().completed(self.me, packet)
            }
        };
        self.emit(Mqtt::Replied { record, packet, with });
        if with != Answer::PubComp {
            self.unwritten = self.unwritten.saturating_sub(1);
            self.answer_settle();
        }
    }

    fn half_replied(&mut self, packet: u16) -> Option<RecordId> {
        let record = self.taken.get(&packet)?.record;
        self.shared.books().half_acknowledged(self.me, packet, self.setup.group, record);
        Some(record)
    }

    fn say(&self, msg: FromSubscriber) {
        self.shared.door.say(self.me, self.setup.app, msg);
    }

    fn emit(&self, fact: impl Into<crate::trace::Fact>) {
        self.shared.door.emit(self.me, fact);
    }
}

/// What is handed over at once; contents are kept when one of them has any.
fn batch(messages: &[Message]) -> Arc<Batch> {
    let records: Vec<_> = messages.iter().map(|message| message.record).collect();
    let bytes = records.iter().map(Record::bytes).fold(0, u32::saturating_add);
    let carried = messages.iter().any(|message| message.body.is_some());
    let bodies = messages.iter().map(|message| message.body.clone().unwrap_or_default());
    Batch::new(records, if carried { bodies.collect() } else { Vec::new() }, bytes)
}
