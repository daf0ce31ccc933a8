//! A PUSH socket: writes round robin to the pipes that have room, and blocks when none has.
//!
//! **Invariant.** Records leave in the order in which they were offered, each into exactly one pipe. What was
//! under way to a reader that died is lost; what was not sent survives on the connecting side and dies with
//! the pipe on the binding side (and with IMMEDIATE). The application is told `Blocked` once, then `Ready`.
//!
//! A record that blocks waits here, outside every pipe, as it waits in `zmq_send`; what the application offers
//! meanwhile waits behind it.
//!
//! **Not modelled:** TCP's repair of what a cut swallowed: a message sent into a cut stays under way until
//! the connection breaks. Records under way to a reader that dies together with this socket are in no fact.

use std::collections::VecDeque;
use std::sync::Arc;

use super::config::{Side, SocketOptions};
use super::link::Link;
use super::pipe::{Message, Pipe, Transport, ids};
use super::{Endpoint, peer_named};
use crate::hears;
use crate::kernel::{Actor, ActorId, Addr, Crash, Cx, Duration, NodeId, Time};
use crate::trace::zeromq::ZeroMq;
use crate::trace::{Body, ChannelId, Life, PlaceId, Reason, Record};
use crate::wire::port::{FromPublisher, ToPublisher};
use crate::wire::{Brokersim, zeromq::Frame};

/// What a PUSH socket is told at its birth.
#[derive(Clone, Debug)]
pub struct PushSetup {
    /// The application that publishes through it; on the same node.
    pub app: Addr<FromPublisher>,
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
        App(ToPublisher),
        /// From a PULL socket.
        Peer(Frame),
    }
}

/// The timers of a PUSH socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PushTimer {
    /// Call the peer with this number again.
    Redial(u32),
    /// SNDTIMEO of the record that blocks.
    SendTimeout,
    /// LINGER after close.
    Linger,
}

/// A PUSH socket.
#[derive(Clone, Debug)]
pub struct Push {
    setup: PushSetup,
    /// One for each peer, in the order of the setup.
    lanes: Vec<Lane>,
    /// Whose turn it is.
    turn: usize,
    /// Offered, and in no pipe yet.
    blocked: VecDeque<Message>,
    told_blocked: bool,
    phase: Phase,
    /// Records offered so far, and those of them that have an outcome.
    offered: u64,
    settled: u64,
    /// Of the latter, since the last flush, those that were not accepted.
    failed: u32,
    /// Each flush under way: how many records must have an outcome.
    flushes: VecDeque<u64>,
    /// What died with the last life of the process.
    buried: Vec<Record>,
    incarnation: u32,
}

/// A pipe and its connection.
#[derive(Clone, Debug)]
struct Lane {
    link: Link,
    pipe: Pipe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Close was said; something still blocks.
    Closing,
    /// Every record is in a pipe; what is unsent has LINGER to leave.
    Lingering,
    Closed,
}

impl Push {
    /// A socket that has not been started.
    pub fn new(setup: PushSetup) -> Self {
        Self {
            lanes: lanes(&setup),
            setup,
            turn: 0,
            blocked: VecDeque::new(),
            told_blocked: false,
            phase: Phase::Open,
            offered: 0,
            settled: 0,
            failed: 0,
            flushes: VecDeque::new(),
            buried: Vec::new(),
            incarnation: 0,
        }
    }

    fn offer(&mut self, channel: ChannelId, messages: impl IntoIterator<Item = Message>) {
        assert_eq!(channel, self.setup.channel, "a PUSH socket has one channel");
        assert_eq!(self.phase, Phase::Open, "nothing is offered after close");
        let before = self.blocked.len();
        self.blocked.extend(messages);
        self.offered += (self.blocked.len() - before) as u64;
    }

    /// Moves what can move, and tells everybody who has to know.
    fn advance(&mut self, cx: &mut Cx<'_, Self>) {
        let mut outbox = Vec::new();
        (0..self.lanes.len()).for_each(|lane| self.pump(lane, &mut outbox));
        let (accepted, displaced) = self.place_blocked(&mut outbox);
        let progressed = !accepted.is_empty();
        if progressed {
            self.settled += accepted.len() as u64;
            cx.emit(Life::Accepted { ids: ids(accepted), place: Some(self.setup.place), offset: None });
        }
        drop_records(cx, displaced, Reason::HighWaterMark);
        for (lane, (record, body)) in outbox {
            cx.send(self.setup.peers[lane].addr, Frame::Message(record, body));
        }
        self.tell_blocking(cx, progressed);
        self.answer_flushes(cx);
        self.advance_close(cx);
    }

    /// Hands to the connection what it takes.
    fn pump(&mut self, lane: usize, outbox: &mut Vec<(usize, Message)>) {
        while let Some(message) = self.lanes[lane].pipe.next() {
            outbox.push((lane, message));
        }
    }

    /// Puts what blocks into pipes, as far as they have room: those accepted, and those that they displaced.
    fn place_blocked(&mut self, outbox: &mut Vec<(usize, Message)>) -> (Vec<Record>, Vec<Record>) {
        let (mut accepted, mut displaced) = (Vec::new(), Vec::new());
        while !self.blocked.is_empty()
            && let Some(lane) = self.next_with_room()
        {
            let message = self.blocked.pop_front().expect("something blocks");
            accepted.push(message.0);
            displaced.extend(self.lanes[lane].pipe.push(message));
            self.pump(lane, outbox);
        }
        (accepted, displaced)
    }

    /// Round robin over the pipes that have room.
    fn next_with_room(&mut self) -> Option<usize> {
        let lanes = self.lanes.len();
        let lane = (0..lanes).map(|by| (self.turn + by) % lanes).find(|&lane| self.takes(lane))?;
        self.turn = (lane + 1) % lanes;
        Some(lane)
    }

    fn takes(&self, lane: usize) -> bool {
        self.has_pipe(lane) && self.lanes[lane].pipe.has_room()
    }

    /// A pipe exists on the binding side while the peer is there, on the connecting side from the first call
    /// on; with IMMEDIATE only while there is a connection.
    fn has_pipe(&self, lane: usize) -> bool {
        let link = self.lanes[lane].link;
        if self.setup.options.immediate { link.is_open() } else { !link.is_absent() }
    }

    fn tell_blocking(&mut self, cx: &mut Cx<'_, Self>, progressed: bool) {
        if self.blocked.is_empty() {
            if std::mem::take(&mut self.told_blocked) {
                cx.disarm(PushTimer::SendTimeout);
                cx.emit(ZeroMq::Unblocked);
                cx.send(self.setup.app, FromPublisher::Ready);
            }
            return;
        }
        if self.setup.options.sndtimeo == Some(Duration::ZERO) {
            let all = self.blocked.len();
            return self.fail(cx, all);
        }
        let fresh = !std::mem::replace(&mut self.told_blocked, true);
        if fresh {
            cx.emit(ZeroMq::Blocked);
            cx.send(self.setup.app, FromPublisher::Blocked);
        }
        if let Some(timeout) = self.setup.options.sndtimeo
            && (fresh || progressed)
        {
            cx.arm(PushTimer::SendTimeout, timeout);
        }
    }

    /// EAGAIN for the oldest of those that block.
    fn fail(&mut self, cx: &mut Cx<'_, Self>, count: usize) {
        let pipes = (0..self.lanes.len()).any(|lane| self.has_pipe(lane));
        let why = if pipes { Reason::HighWaterMark } else { Reason::NoPeer };
        self.settled += count as u64;
        self.failed += count as u32;
        drop_records(cx, self.blocked.drain(..count).map(|(record, _)| record).collect(), why);
    }

    fn answer_flushes(&mut self, cx: &mut Cx<'_, Self>) {
        while self.flushes.front().is_some_and(|upto| *upto <= self.settled) {
            self.flushes.pop_front();
            let failed = std::mem::take(&mut self.failed);
            cx.send(self.setup.app, FromPublisher::Flushed { failed });
        }
    }

    fn advance_close(&mut self, cx: &mut Cx<'_, Self>) {
        if self.phase == Phase::Closing && self.blocked.is_empty() {
            self.phase = Phase::Lingering;
            match self.setup.options.linger {
                Some(Duration::ZERO) => return self.close(cx),
                Some(linger) => cx.arm(PushTimer::Linger, linger),
                None => {}
            }
        }
        if self.phase == Phase::Lingering && self.lanes.iter().all(|lane| lane.pipe.is_sent()) {
            self.close(cx);
        }
    }

    /// What is unsent is dropped; what has left still arrives.
    fn close(&mut self, cx: &mut Cx<'_, Self>) {
        assert_eq!(self.phase, Phase::Lingering, "a socket lingers before it is closed");
        self.phase = Phase::Closed;
        cx.disarm(PushTimer::Linger);
        let unsent: Vec<_> = self.lanes.iter_mut().flat_map(|lane| lane.pipe.destroy_unsent()).collect();
        self.failed += unsent.len() as u32;
        drop_records(cx, unsent, Reason::Linger);
        for lane in 0..self.lanes.len() {
            cx.disarm(PushTimer::Redial(lane as u32));
            if self.lanes[lane].link.is_open() {
                cx.send(self.setup.peers[lane].addr, Frame::Bye);
            }
        }
        cx.send(self.setup.app, FromPublisher::Flushed { failed: std::mem::take(&mut self.failed) });
    }

    fn hear(&mut self, cx: &mut Cx<'_, Self>, lane: usize, frame: Frame) {
        match frame {
            Frame::Hello { incarnation, receive_hwm, .. } => self.accept(cx, lane, incarnation, receive_hwm),
            Frame::Welcome { receive_hwm } => self.welcomed(cx, lane, receive_hwm),
            Frame::Taken(count) if self.lanes[lane].link.is_open() => self.lanes[lane].pipe.taken(count),
            // From a connection that is gone.
            Frame::Taken(_) => {}
            Frame::Bye => self.broken(cx, lane),
            Frame::Message(..) => unreachable!("nobody writes to a PUSH socket"),
        }
    }

    fn accept(&mut self, cx: &mut Cx<'_, Self>, lane: usize, incarnation: u32, receive_hwm: u32) {
        if self.phase == Phase::Closed {
            return;
        }
        let was_open = self.lanes[lane].link.is_open();
        if self.lanes[lane].link.accept(incarnation) {
            if was_open {
                self.lose(cx, lane);
            }
            self.lanes[lane].pipe.open(receive_hwm);
            cx.emit(ZeroMq::Connected { peer: self.setup.peers[lane].addr.id() });
        }
        cx.send(self.setup.peers[lane].addr, Frame::Welcome { receive_hwm: self.setup.options.rcvhwm });
    }

    fn welcomed(&mut self, cx: &mut Cx<'_, Self>, lane: usize, receive_hwm: u32) {
        if self.phase == Phase::Closed || !self.lanes[lane].link.welcome() {
            return;
        }
        cx.disarm(PushTimer::Redial(lane as u32));
        self.lanes[lane].pipe.open(receive_hwm);
        cx.emit(ZeroMq::Connected { peer: self.setup.peers[lane].addr.id() });
    }

    fn call(&mut self, cx: &mut Cx<'_, Self>, lane: usize) {
        self.lanes[lane].link.call();
        let receive_hwm = self.setup.options.rcvhwm;
        let hello = Frame::Hello { from: cx.addr(), incarnation: self.incarnation, receive_hwm };
        cx.send(self.setup.peers[lane].addr, hello);
        cx.arm(PushTimer::Redial(lane as u32), self.setup.options.handshake_ivl);
    }

    /// The connection broke, or the call was refused.
    fn broken(&mut self, cx: &mut Cx<'_, Self>, lane: usize) {
        if self.lanes[lane].link.is_absent() {
            return;
        }
        if self.lanes[lane].link.is_open() {
            self.lose(cx, lane);
        }
        if let Some(pause) = self.lanes[lane].link.broken(self.setup.side, &self.setup.options)
            && self.phase != Phase::Closed
        {
            cx.arm(PushTimer::Redial(lane as u32), pause);
        }
    }

    /// The peer died: what was under way to it is gone, and where the pipe dies too, what was unsent.
    fn lose(&mut self, cx: &mut Cx<'_, Self>, lane: usize) {
        let pipe = &mut self.lanes[lane].pipe;
        let mut lost = pipe.disconnect();
        if self.setup.side == Side::Bind || self.setup.options.immediate {
            lost.append(&mut pipe.destroy_unsent());
        }
        let peer = self.setup.peers[lane].addr.id();
        cx.emit(ZeroMq::Disconnected { peer, lost: lost.len() as u32 });
        drop_records(cx, lost, Reason::PeerDied);
    }
}

impl Actor for Push {
    type Vocab = Brokersim;
    type Msg = ToPush;
    type Timer = PushTimer;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        self.incarnation += 1;
        drop_records(cx, std::mem::take(&mut self.buried), Reason::ProducerClosed);
        if self.setup.side == Side::Connect {
            (0..self.lanes.len()).for_each(|lane| self.call(cx, lane));
        }
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, from: ActorId, msg: ToPush) {
        match msg {
            ToPush::App(ToPublisher::Publish(channel, record, body)) => self.offer(channel, [(record, body)]),
            ToPush::App(ToPublisher::PublishAll(channel, records, bodies)) => {
                self.offer(channel, messages(&records, &bodies));
            }
            ToPush::App(ToPublisher::Flush) => self.flushes.push_back(self.offered),
            ToPush::App(ToPublisher::Close) if self.phase == Phase::Open => self.phase = Phase::Closing,
            ToPush::App(ToPublisher::Close) => {}
            ToPush::Peer(frame) => self.hear(cx, peer_named(&self.setup.peers, from), frame),
        }
        self.advance(cx);
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: PushTimer) {
        match timer {
            PushTimer::Redial(lane) => self.call(cx, lane as usize),
            PushTimer::SendTimeout => {
                self.fail(cx, 1);
                if !self.blocked.is_empty() {
                    // The next `send` begins to wait.
                    cx.arm(timer, self.setup.options.sndtimeo.expect("it ran out"));
                }
            }
            PushTimer::Linger => self.close(cx),
        }
        self.advance(cx);
    }

    fn disconnected(&mut self, cx: &mut Cx<'_, Self>, peer: NodeId) {
        for lane in 0..self.lanes.len() {
            if self.setup.peers[lane].node == peer {
                self.broken(cx, lane);
            }
        }
        self.advance(cx);
    }

    /// All is in memory. What had left is the readers' to account for.
    fn crash(&mut self, _: Time, _: Crash) {
        let mut buried = std::mem::take(&mut self.buried);
        buried.extend(self.lanes.iter_mut().flat_map(|lane| lane.pipe.destroy_unsent()));
        buried.extend(self.blocked.drain(..).map(|(record, _)| record));
        *self = Self { buried, incarnation: self.incarnation, ..Self::new(self.setup.clone()) };
    }
}

fn lanes(setup: &PushSetup) -> Vec<Lane> {
    let options = &setup.options;
    let buffer = u64::from(options.sndbuf) + u64::from(setup.peer_rcvbuf);
    let lane = |peer: &Endpoint| {
        let transport = if peer.node == setup.node { Transport::Inproc } else { Transport::Tcp { buffer } };
        Lane { link: Link::ABSENT, pipe: Pipe::new(transport, options.sndhwm, options.conflate) }
    };
    setup.peers.iter().map(lane).collect()
}

/// The messages of records that were offered together.
fn messages<'a>(records: &'a [Record], bodies: &'a [Body]) -> impl Iterator<Item = Message> + 'a {
    records
        .iter()
        .enumerate()
        .map(|(at, record)| (*record, bodies.get(at).map(|body| Arc::new(body.clone()))))
}

/// Says that these are gone, if there are any.
pub(super) fn drop_records<A>(cx: &mut Cx<'_, A>, records: Vec<Record>, why: Reason)
where
    A: Actor<Vocab = Brokersim>,
{
    if !records.is_empty() {
        cx.emit(Life::Dropped { ids: ids(records), why });
    }
}
