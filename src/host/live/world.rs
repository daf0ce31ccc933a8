//! Everything but the actors: what is still to happen, the medium, who is down, and the stream of facts.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use actix::Addr;
use tokio::sync::Notify;

use super::Hands;
use super::alarm::{Alarm, TICK};
use super::place::{Arrival, Blow, Place, What};
use super::steward::{Ring, Steward};
use crate::host::door::Clock;
use crate::kernel::{
    ActorId, Cast, Command, Crash, Duration, Event, Fate, Input, Machine, Network, NodeId, Payload, Physics,
    Time, Vocabulary,
};

/// Facts, and the time up to which there are no others.
pub(super) struct Slice<F> {
    pub(super) events: Vec<Event<F>>,
    pub(super) until: Time,
}

/// How many facts are shown at a time, at most.
const SLICE: usize = 512;

/// The state of a node.
#[derive(Clone, Copy, Default)]
pub(super) struct Node {
    /// Counts crashes: what was under way to an earlier life does not reach a later one.
    pub(super) epoch: u32,
    pub(super) down: bool,
    /// Went down without a word: who talks to it hears nothing, instead of being refused.
    silent: bool,
    pub(super) paused: bool,
}

/// What is still to happen; in the order of times, and for one time in the order in which it was put in.
struct Later<M> {
    number: u64,
    actor: ActorId,
    arrival: Arrival<M>,
}

impl<M> Later<M> {
    fn rank(&self) -> (Time, u64) {
        (self.arrival.at, self.number)
    }
}

impl<M> PartialEq for Later<M> {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}
impl<M> Eq for Later<M> {}
impl<M> PartialOrd for Later<M> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<M> Ord for Later<M> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// Everything but the actors.
pub(super) struct World<V: Vocabulary> {
    clock: Clock,
    places: Vec<Addr<Place<V>>>,
    steward: Option<Addr<Steward<V>>>,
    agenda: BinaryHeap<Reverse<Later<V::Msg>>>,
    put: u64,
    alarm: Arc<Alarm>,
    /// When the alarm is set for.
    set: Time,
    network: Network,
    /// The medium's time: that of the latest message.
    carried: Time,
    homes: Vec<NodeId>,
    nodes: Vec<Node>,
    houses: Vec<Vec<ActorId>>,
    /// Nodes whose work takes longer, and how many times, in thousandths; empty as a rule.
    paces: Vec<(NodeId, u32)>,
    hands: Box<dyn Hands>,
    facts: Vec<Event<V::Fact>>,
    serial: u64,
    /// When the last fact happened, or the last slice was shown.
    told: Time,
    shown: Time,
    show: SyncSender<Slice<V::Fact>>,
    ended: Arc<Notify>,
    broken: bool,
}

impl<V: Vocabulary> World<V> {
    pub(super) fn new(
        cast: &Cast,
        network: Network,
        clock: Clock,
        hands: Box<dyn Hands>,
        show: SyncSender<Slice<V::Fact>>,
        alarm: Arc<Alarm>,
        ended: Arc<Notify>,
    ) -> Self {
        let homes: Vec<NodeId> = cast.actors.iter().map(|(_, node)| *node).collect();
        let mut houses = vec![Vec::new(); cast.nodes.len()];
        for (id, home) in homes.iter().enumerate() {
            houses[home.0 as usize].push(ActorId(id as u32));
        }
        Self {
            clock,
            places: Vec::new(),
            steward: None,
            agenda: BinaryHeap::new(),
            put: 0,
            alarm,
            set: Time::NEVER,
            network,
            carried: Time::ZERO,
            homes,
            nodes: vec![Node::default(); houses.len()],
            houses,
            paces: Vec::new(),
            hands,
            facts: Vec::with_capacity(SLICE),
            serial: 0,
            told: Time::ZERO,
            shown: Time::ZERO,
            show,
            ended,
            broken: false,
        }
    }

    /// Everybody starts.
    pub(super) fn open(&mut self, places: Vec<Addr<Place<V>>>, steward: Addr<Steward<V>>) {
        for place in &places {
            place.do_send(Arrival { at: Time::ZERO, epoch: 0, what: What::Start });
        }
        (self.places, self.steward) = (places, Some(steward));
    }

    /// Shows what is left; nothing happens any more.
    pub(super) fn end(&mut self) {
        self.flush();
        self.ended.notify_one();
    }

    /// An actor broke an invariant: the run is over.
    pub(super) fn break_down(&mut self) {
        self.broken = true;
        self.ended.notify_one();
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    pub(super) fn clock(&self) -> Time {
        self.clock.now()
    }

    pub(super) fn node(&self, node: NodeId) -> Node {
        self.nodes[node.0 as usize]
    }

    /// Hands out all that is due; when the next thing will be.
    pub(super) fn hand_out(&mut self) -> Time {
        let now = self.clock.now();
        while self.agenda.peek().is_some_and(|Reverse(next)| next.arrival.at <= now) {
            let Reverse(Later { actor, arrival, .. }) = self.agenda.pop().expect("it was seen");
            self.places[actor.0 as usize].do_send(arrival);
        }
        if now.since(self.shown) >= TICK {
            self.flush();
        }
        self.set = self.agenda.peek().map_or(Time::NEVER, |Reverse(next)| next.arrival.at);
        self.set
    }

    /// Has it arrive when it is due.
    pub(super) fn put_off(&mut self, actor: ActorId, arrival: Arrival<V::Msg>) {
        let at = arrival.at;
        self.put += 1;
        self.agenda.push(Reverse(Later { number: self.put, actor, arrival }));
        if at >= self.set {
            return;
        }
        self.set = at;
        match &self.steward {
            // Due already: a detour by the alarm would only take longer.
            Some(steward) if at <= self.clock.now() => steward.do_send(Ring),
            Some(_) | None => self.alarm.set(at),
        }
    }

    pub(super) fn send(
        &mut self,
        now: Time,
        (from, here): (ActorId, NodeId),
        to: ActorId,
        cause: u64,
        msg: V::Msg,
    ) {
        let there = self.homes[to.0 as usize];
        let what = |msg| What::Letter { cause, input: Input::Message(from, msg) };
        let epoch = self.node(there).epoch;
        if here == there {
            return self.places[to.0 as usize].do_send(Arrival { at: now, epoch, what: what(msg) });
        }
        match self.carry(now, here, there, msg.bytes()) {
            Fate::Arrives(at) => self.put_off(to, Arrival { at, epoch, what: what(msg) }),
            Fate::Lost => {}
            Fate::Refused => self.hang_up_on(there, here, now, cause),
        }
    }

    /// The medium's clock does not go back, though those of actors differ by what they are behind.
    fn carry(&mut self, now: Time, from: NodeId, to: NodeId, bytes: u32) -> Fate {
        self.carried = self.carried.max(now);
        self.network.carry(self.carried, from, to, bytes)
    }

    /// Somebody outside says something; a dead process hears nothing.
    pub(super) fn hear(&mut self, from: ActorId, to: ActorId, msg: V::Msg) {
        let Node { epoch, down, .. } = self.node(self.homes[to.0 as usize]);
        if down {
            return;
        }
        let what = What::Letter { cause: 0, input: Input::Message(from, msg) };
        self.places[to.0 as usize].do_send(Arrival { at: self.clock.now(), epoch, what });
    }

    /// Somebody outside saw something.
    pub(super) fn see(&mut self, at: Time, actor: ActorId, fact: V::Fact) {
        let at = at.min(self.clock.now());
        self.tell(at, actor, 0, fact);
    }

    /// How long work takes on a machine.
    pub(super) fn stretched(&self, home: NodeId, cost: Duration) -> Duration {
        let pace = self.paces.iter().find(|(node, _)| *node == home).map_or(1_000, |(_, pace)| *pace);
        Duration::from_nanos((u128::from(cost.as_nanos()) * u128::from(pace) / 1_000) as u64)
    }

    pub(super) fn emit(&mut self, actor: ActorId, cause: u64, fact: V::Fact) -> u64 {
        self.tell(self.clock.now(), actor, cause, fact)
    }

    fn tell(&mut self, at: Time, actor: ActorId, cause: u64, fact: V::Fact) -> u64 {
        self.serial += 1;
        self.told = self.told.max(at);
        self.facts.push(Event { at: self.told, serial: self.serial, cause, actor, fact });
        if self.facts.len() >= SLICE {
            self.flush();
        }
        self.serial
    }

    /// Shows what there is. Waits when the observer does not follow.
    fn flush(&mut self) {
        self.shown = self.clock.now();
        self.told = self.told.max(self.shown);
        let events = std::mem::replace(&mut self.facts, Vec::with_capacity(SLICE));
        // An observer who is gone sees nothing.
        let _ = self.show.send(Slice { events, until: self.told });
    }

    /// A message found nobody.
    #[cold]
    pub(super) fn undelivered(&mut self, at: Time, from: ActorId, to: NodeId, cause: u64) {
        let home = self.homes[from.0 as usize];
        let cause = self.emit(from, cause, Physics::Undelivered { from: home, to }.into());
        let state = self.node(to);
        if state.down && !state.silent {
            self.reset(to, home, at, cause);
        }
    }

    #[cold]
    pub(super) fn obey(&mut self, now: Time, command: Command, by: ActorId, cause: u64) {
        let done = self.hands.obey(&command);
        match command {
            Command::Crash(node, how) => self.crash(now, node, how, by, cause),
            Command::Restart(node) => self.restart(now, node, by, cause),
            Command::Pause(node) => self.pause(node, by, cause),
            Command::Resume(node) => self.resume(now, node, by, cause),
            Command::Cut(from, to) => {
                if !done {
                    self.network.cut(from, to);
                }
                self.emit(by, cause, Physics::Cut { from, to }.into());
            }
            Command::Heal(from, to) => {
                if !done {
                    self.network.heal(from, to);
                }
                self.emit(by, cause, Physics::Healed { from, to }.into());
            }
            Command::Refuse(from, to) => self.refuse(now, (from, to), done, by, cause),
            Command::Accept(from, to) => {
                if !done {
                    self.network.accept(from, to);
                }
                self.emit(by, cause, Physics::Healed { from, to }.into());
            }
            Command::Burden(from, to, burden) if !done => self.network.burden(from, to, burden),
            Command::Relieve(from, to, burden) if !done => self.network.relieve(from, to, burden),
            Command::Burden(..) | Command::Relieve(..) => {}
            Command::Machine(node, machine) => self.machine(now, node, machine),
        }
    }

    fn crash(&mut self, now: Time, node: NodeId, how: Crash, by: ActorId, cause: u64) {
        let Node { epoch, down, .. } = self.node(node);
        let blow = Blow::Crash { at: now, how, first: !down };
        if down {
            // What is left of a process that is dead already: a disk and its page cache.
            if matches!(how, Crash::Power | Crash::DiskLoss) {
                self.strike(node, blow);
            }
            return;
        }
        let silent = how == Crash::Power;
        self.nodes[node.0 as usize] = Node { epoch: epoch + 1, down: true, silent, paused: false };
        self.strike(node, blow);
        let cause = self.emit(by, cause, Physics::Crashed { node, how }.into());
        if how != Crash::Power {
            self.hang_up(node, now, cause);
        }
    }

    fn restart(&mut self, now: Time, node: NodeId, by: ActorId, cause: u64) {
        let state = self.node(node);
        if !state.down {
            return;
        }
        self.nodes[node.0 as usize] = Node { down: false, silent: false, ..state };
        let cause = self.emit(by, cause, Physics::Restarted { node }.into());
        if state.silent {
            // Its peers still talk on connections that it knows nothing of.
            self.hang_up(node, now, cause);
        }
        self.rouse(node, now, || What::Start);
    }

    fn pause(&mut self, node: NodeId, by: ActorId, cause: u64) {
        let state = self.node(node);
        if !state.paused {
            self.nodes[node.0 as usize] = Node { paused: true, ..state };
            self.emit(by, cause, Physics::Paused { node }.into());
        }
    }

    fn resume(&mut self, now: Time, node: NodeId, by: ActorId, cause: u64) {
        let state = self.node(node);
        if state.paused {
            self.nodes[node.0 as usize] = Node { paused: false, ..state };
            self.rouse(node, now, || What::GoOn);
            self.emit(by, cause, Physics::Resumed { node }.into());
        }
    }

    /// Both ends of what there is between the two see their connections reset, and so does the first whenever it
    /// tries again.
    fn refuse(&mut self, now: Time, (from, to): (NodeId, NodeId), done: bool, by: ActorId, cause: u64) {
        let cause = self.emit(by, cause, Physics::Refused { from, to }.into());
        if !done {
            self.hang_up_on(from, to, now, cause);
            self.hang_up_on(to, from, now, cause);
            self.network.refuse(from, to);
        }
    }

    fn machine(&mut self, now: Time, node: NodeId, machine: Machine) {
        self.paces.retain(|(other, _)| *other != node);
        if machine.cpu != Machine::SOUND.cpu {
            self.paces.push((node, machine.cpu));
        }
        self.strike(node, Blow::Machine { at: now, machine });
    }

    fn strike(&self, node: NodeId, blow: Blow) {
        for actor in &self.houses[node.0 as usize] {
            self.places[actor.0 as usize].do_send(blow);
        }
    }

    fn rouse(&self, node: NodeId, at: Time, what: impl Fn() -> What<V::Msg>) {
        let epoch = self.node(node).epoch;
        for actor in &self.houses[node.0 as usize] {
            self.places[actor.0 as usize].do_send(Arrival { at, epoch, what: what() });
        }
    }

    fn hang_up(&mut self, node: NodeId, now: Time, cause: u64) {
        for peer in self.network.hang_up(node) {
            self.reset(node, peer, now, cause);
        }
    }

    /// Tells everybody on node `to` that the connection with `from` is gone, if the network carries it.
    fn reset(&mut self, from: NodeId, to: NodeId, now: Time, cause: u64) {
        if let Fate::Arrives(at) = self.carry(now, from, to, RESET_BYTES) {
            self.hang_up_on(from, to, at, cause);
        }
    }

    fn hang_up_on(&mut self, from: NodeId, to: NodeId, at: Time, cause: u64) {
        let epoch = self.node(to).epoch;
        for index in 0..self.houses[to.0 as usize].len() {
            let actor = self.houses[to.0 as usize][index];
            let what = What::Letter { cause, input: Input::Disconnected(from) };
            self.put_off(actor, Arrival { at, epoch, what });
        }
    }
}

/// What a TCP reset takes on the wire.
const RESET_BYTES: u32 = 40;
