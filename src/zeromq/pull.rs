//! A PULL socket: reads one message from each pipe in turn.
//!
//! **Invariant.** Each message that arrived is handed to the application once, those of one peer in their
//! order. What a peer had sent before it died is still handed over; what lies here when this process ends
//! is lost, and the writer tells (this socket does when the writer cannot: it is gone, or died too).
//!
//! **Not modelled:** RCVTIMEO; the application waits as long as it takes.

use std::collections::VecDeque;

use super::config::{Side, SocketOptions};
use super::link::Link;
use super::pipe::Message;
use super::push::drop_records;
use super::{Endpoint, peer_named};
use crate::hears;
use crate::kernel::{Actor, ActorId, Addr, Crash, Cx, NodeId, Time};
use crate::trace::zeromq::ZeroMq;
use crate::trace::{Batch, Body, GroupId, Life, PlaceId, Reason, Record};
use crate::wire::port::{Delivery, FromSubscriber, ToSubscriber};
use crate::wire::{Brokersim, zeromq::Frame};

/// What a PULL socket is told at its birth.
#[derive(Clone, Debug)]
pub struct PullSetup {
    /// The application that reads from it; on the same node.
    pub app: Addr<FromSubscriber>,
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
        App(ToSubscriber),
        /// From a PUSH socket.
        Peer(Frame),
    }
}

/// The timers of a PULL socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PullTimer {
    /// Call the peer with this number again.
    Redial(u32),
}

/// A PULL socket.
#[derive(Clone, Debug)]
pub struct Pull {
    setup: PullSetup,
    /// One for each peer, in the order of the setup.
    lanes: Vec<Lane>,
    /// Whose turn it is.
    turn: usize,
    /// The application waits for something.
    wanted: bool,
    closed: bool,
    /// What died with the last life of the process and that no writer tells of.
    buried: Vec<Record>,
    incarnation: u32,
}

/// The reader's end of a pipe.
#[derive(Clone, Debug)]
struct Lane {
    link: Link,
    queue: VecDeque<Message>,
    /// How many of the queue, the oldest, came over a connection that is gone: no writer counts them.
    orphans: u32,
    /// Taken by the application and not told to the writer yet.
    taken: u32,
}

impl Lane {
    const NEW: Self = Self { link: Link::ABSENT, queue: VecDeque::new(), orphans: 0, taken: 0 };

    fn pop(&mut self) -> Option<Message> {
        let message = self.queue.pop_front()?;
        if self.orphans > 0 {
            self.orphans -= 1;
        } else {
            self.taken += 1;
        }
        Some(message)
    }

    /// The connection is gone; what it brought stays.
    fn orphan(&mut self) {
        self.orphans = self.queue.len() as u32;
        self.taken = 0;
    }
}

impl Pull {
    /// A socket that has not been started.
    pub fn new(setup: PullSetup) -> Self {
        assert!(setup.receive_batch > 0, "something is handed over at a time");
        let lanes = vec![Lane::NEW; setup.peers.len()];
        Self { setup, lanes, turn: 0, wanted: false, closed: false, buried: Vec::new(), incarnation: 0 }
    }

    fn hear(&mut self, cx: &mut Cx<'_, Self>, lane: usize, frame: Frame) {
        match frame {
            Frame::Hello { incarnation, .. } => self.accept(cx, lane, incarnation),
            Frame::Welcome { .. } => self.welcomed(cx, lane),
            Frame::Message(record, body) => self.enqueue(cx, lane, (record, body)),
            Frame::Bye => self.broken(cx, lane),
            Frame::Taken(_) => unreachable!("nobody takes from a PULL socket's peer"),
        }
    }

    fn accept(&mut self, cx: &mut Cx<'_, Self>, lane: usize, incarnation: u32) {
        if self.closed {
            return;
        }
        if self.lanes[lane].link.accept(incarnation) {
            self.lanes[lane].orphan();
            cx.emit(ZeroMq::Connected { peer: self.setup.peers[lane].addr.id() });
        }
        cx.send(self.setup.peers[lane].addr, Frame::Welcome { receive_hwm: self.receive_hwm() });
    }

    fn welcomed(&mut self, cx: &mut Cx<'_, Self>, lane: usize) {
        if !self.closed && self.lanes[lane].link.welcome() {
            cx.disarm(PullTimer::Redial(lane as u32));
            cx.emit(ZeroMq::Connected { peer: self.setup.peers[lane].addr.id() });
        }
    }

    fn enqueue(&mut self, cx: &mut Cx<'_, Self>, lane: usize, message: Message) {
        if self.closed {
            return;
        }
        if !self.lanes[lane].link.is_open() {
            // The writer believes in a connection that this process never had: TCP would reset it.
            return cx.send(self.setup.peers[lane].addr, Frame::Bye);
        }
        if self.setup.options.conflate
            && let Some((old, _)) = self.lanes[lane].pop()
        {
            drop_records(cx, vec![old], Reason::HighWaterMark);
        }
        self.lanes[lane].queue.push_back(message);
    }

    /// Hands over what is there, if it is wanted.
    fn deliver(&mut self, cx: &mut Cx<'_, Self>) {
        let messages = if self.wanted { self.take() } else { Vec::new() };
        if !messages.is_empty() {
            self.wanted = false;
            let batch = batch(messages);
            let PullSetup { group, place, app, .. } = self.setup;
            cx.emit(Life::Delivered { ids: batch.span().into(), group, place, offset: 0 });
            let delivery = Delivery { place, offset: 0, span: batch.span() };
            cx.send(app, FromSubscriber::Deliver([delivery].into()));
        }
        for (lane, peer) in self.lanes.iter_mut().zip(&self.setup.peers) {
            let taken = std::mem::take(&mut lane.taken);
            if taken > 0 {
                cx.send(peer.addr, Frame::Taken(taken));
            }
        }
    }

    /// One message from each pipe in turn, up to the bound.
    fn take(&mut self) -> Vec<Message> {
        let lanes = self.lanes.len();
        let mut messages = Vec::new();
        while messages.len() < self.setup.receive_batch as usize
            && let Some(lane) =
                (0..lanes).map(|by| (self.turn + by) % lanes).find(|&lane| !self.lanes[lane].queue.is_empty())
        {
            messages.extend(self.lanes[lane].pop());
            self.turn = (lane + 1) % lanes;
        }
        messages
    }

    fn call(&mut self, cx: &mut Cx<'_, Self>, lane: usize) {
        self.lanes[lane].link.call();
        let receive_hwm = self.receive_hwm();
        let hello = Frame::Hello { from: cx.addr(), incarnation: self.incarnation, receive_hwm };
        cx.send(self.setup.peers[lane].addr, hello);
        cx.arm(PullTimer::Redial(lane as u32), self.setup.options.handshake_ivl);
    }

    /// The connection broke, or the call was refused.
    fn broken(&mut self, cx: &mut Cx<'_, Self>, lane: usize) {
        let Lane { link, .. } = &mut self.lanes[lane];
        if self.closed || link.is_absent() {
            return;
        }
        let was_open = link.is_open();
        if let Some(pause) = link.broken(self.setup.side, &self.setup.options) {
            cx.arm(PullTimer::Redial(lane as u32), pause);
        }
        if was_open {
            self.lanes[lane].orphan();
            cx.emit(ZeroMq::Disconnected { peer: self.setup.peers[lane].addr.id(), lost: 0 });
        }
    }

    /// What lies here is lost: the writers tell of theirs when they hear it.
    fn close(&mut self, cx: &mut Cx<'_, Self>) {
        self.closed = true;
        self.wanted = false;
        let mut orphans = Vec::new();
        for (at, lane) in self.lanes.iter_mut().enumerate() {
            orphans.extend(lane.queue.drain(..).take(lane.orphans as usize).map(|(record, _)| record));
            cx.disarm(PullTimer::Redial(at as u32));
            if lane.link.is_open() {
                cx.send(self.setup.peers[at].addr, Frame::Bye);
            }
        }
        drop_records(cx, orphans, Reason::PeerDied);
    }

    /// What the writers are told; with CONFLATE marks do not count.
    fn receive_hwm(&self) -> u32 {
        if self.setup.options.conflate { 0 } else { self.setup.options.rcvhwm }
    }

    /// How many of a pipe's messages no writer will tell of when this process dies now.
    fn unwatched(&self, lane: usize) -> usize {
        let Lane { link, queue, orphans, .. } = &self.lanes[lane];
        let dies_too = self.setup.peers[lane].node == self.setup.node;
        if dies_too || !link.is_open() { queue.len() } else { *orphans as usize }
    }
}

impl Actor for Pull {
    type Vocab = Brokersim;
    type Msg = ToPull;
    type Timer = PullTimer;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        self.incarnation += 1;
        drop_records(cx, std::mem::take(&mut self.buried), Reason::PeerDied);
        if self.setup.side == Side::Connect {
            (0..self.lanes.len()).for_each(|lane| self.call(cx, lane));
        }
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, from: ActorId, msg: ToPull) {
        match msg {
            ToPull::App(ToSubscriber::Next) => self.wanted = !self.closed,
            // There is nothing to settle: what was handed over is gone from here.
            ToPull::App(ToSubscriber::Settle) => {
                cx.send(self.setup.app, FromSubscriber::Settled { accepted: true });
            }
            ToPull::App(ToSubscriber::Close | ToSubscriber::Leave) => self.close(cx),
            ToPull::Peer(frame) => self.hear(cx, peer_named(&self.setup.peers, from), frame),
        }
        self.deliver(cx);
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, PullTimer::Redial(lane): PullTimer) {
        self.call(cx, lane as usize);
    }

    fn disconnected(&mut self, cx: &mut Cx<'_, Self>, peer: NodeId) {
        for lane in 0..self.lanes.len() {
            if self.setup.peers[lane].node == peer {
                self.broken(cx, lane);
            }
        }
    }

    fn crash(&mut self, _: Time, _: Crash) {
        let mut buried = std::mem::take(&mut self.buried);
        for lane in 0..self.lanes.len() {
            let unwatched = self.unwatched(lane);
            buried.extend(self.lanes[lane].queue.drain(..).take(unwatched).map(|(record, _)| record));
        }
        *self = Self { buried, incarnation: self.incarnation, ..Self::new(self.setup.clone()) };
    }
}

/// What is handed over at once; contents are kept when one of them has any.
fn batch(messages: Vec<Message>) -> std::sync::Arc<Batch> {
    let bytes = messages.iter().map(|(record, _)| record.bytes()).fold(0, u32::saturating_add);
    let carried = messages.iter().any(|(_, body)| body.is_some());
    let (records, bodies): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
    let content =
        |body: Option<std::sync::Arc<Body>>| body.map_or_else(Body::default, |body| (*body).clone());
    let bodies = if carried { bodies.into_iter().map(content).collect() } else { Vec::new() };
    Batch::new(records, bodies, bytes)
}
