//! The simulated host: a loop over what is still to happen, under virtual time.
//!
//! **Invariant.** A run is a function of the parts it was given. Pausing, cloning and resuming a
//! [`Simulation`] anywhere changes nothing of what it goes on to do: digests are equal.

use std::collections::VecDeque;

use super::slab::Slab;
use super::timers::{Ring, Timers};
use crate::kernel::queue::{Agenda, Ladder};
use crate::kernel::{
    ActorId, Cast, Command, Crash, Desk, Digest, Duration, Effect, Event, Fate, Input, Machine, Network,
    NodeId, Observer, Parts, Payload, Physics, Resident, Time, Vocabulary,
};

/// Why [`Simulation::run_until`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The time was reached.
    Reached,
    /// Nothing is left to happen.
    Idle,
}

/// How many facts are shown to the observers at a time.
const SLICE: usize = 512;

/// A system under virtual time. Its agenda may be of any kind: a run does the same on each.
pub struct Simulation<V: Vocabulary, Q = Ladder<Entry>> {
    seats: Vec<Place<V>>,
    timers: Vec<Timers>,
    deferred: Vec<Slab<Deferred<V>>>,
    world: World<V, Q>,
    /// Where actors write what they ask for; kept, so that no input allocates.
    scratch: Vec<Effect<V>>,
}

/// A seat, its desk, and what waits there: what every input touches, in one line of the CPU's cache.
#[repr(align(64))]
struct Place<V: Vocabulary> {
    resident: Box<dyn Resident<V>>,
    servers: u32,
    busy: u32,
    waiting: VecDeque<Waiting<V::Msg>>,
}

/// An input that waits at the desk.
#[derive(Clone)]
struct Waiting<M> {
    cause: u64,
    /// For a timer: which arming of it rang.
    arming: u32,
    input: Input<M>,
}

/// What an actor that is at work will do when it has finished.
#[derive(Clone)]
struct Deferred<V: Vocabulary> {
    cause: u64,
    effects: std::vec::IntoIter<Effect<V>>,
}

/// Everything but the actors.
#[derive(Clone)]
struct World<V: Vocabulary, Q> {
    now: Time,
    agenda: Q,
    letters: Slab<Letter<V::Msg>>,
    network: Network,
    /// The node of each actor, and what is asked of nodes at every send, apart from the rest: they are
    /// read for actors that are otherwise not touched.
    homes: Vec<NodeId>,
    nodes: Vec<Node>,
    houses: Vec<House>,
    /// Nodes whose work takes longer, and how many times, in thousandths; empty as a rule.
    paces: Vec<(NodeId, u32)>,
    cast: Cast,
    facts: Vec<Event<V::Fact>>,
    serial: u64,
    inputs: u64,
    digest: Digest,
}

/// The state of a node.
#[derive(Clone, Copy, Default)]
struct Node {
    /// Counts crashes: what was under way to an earlier life does not reach a later one.
    epoch: u32,
    down: bool,
    /// Went down without a word: who talks to it hears nothing, instead of being refused.
    silent: bool,
    paused: bool,
}

/// Who lives on a node.
#[derive(Clone, Default)]
struct House {
    /// Work that ended while the node was paused.
    frozen: Vec<Entry>,
    actors: Vec<ActorId>,
}

/// Something under way to an actor.
#[derive(Clone)]
struct Letter<M> {
    from: ActorId,
    cause: u64,
    body: Body<M>,
}

#[derive(Clone)]
enum Body<M> {
    Message(M),
    Reset(NodeId),
}

/// One thing that is still to happen: what a simulation keeps in its agenda.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    actor: ActorId,
    epoch: u32,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Start,
    Letter(u32),
    Timer(u32),
    Finished(u32),
    GoOn,
}

impl<V: Vocabulary> Clone for Place<V> {
    fn clone(&self) -> Self {
        Self {
            resident: self.resident.duplicate(),
            servers: self.servers,
            busy: self.busy,
            waiting: self.waiting.clone(),
        }
    }
}

/// A run is plain data: a clone goes on exactly as the original would.
impl<V: Vocabulary, Q: Clone> Clone for Simulation<V, Q> {
    fn clone(&self) -> Self {
        Self {
            seats: self.seats.clone(),
            timers: self.timers.clone(),
            deferred: self.deferred.clone(),
            world: self.world.clone(),
            scratch: Vec::new(),
        }
    }
}

impl<V: Vocabulary> Simulation<V> {
    /// The system at time zero; every actor starts when the run begins.
    pub fn new(parts: Parts<V>) -> Self {
        Self::with_agenda(parts)
    }
}

impl<V: Vocabulary, Q: Agenda<Entry>> Simulation<V, Q> {
    /// The same on another kind of agenda, to hold the two against each other.
    pub fn with_agenda(parts: Parts<V>) -> Self {
        let Parts { seed: _, cast, residents, network } = parts;
        let homes: Vec<NodeId> = cast.actors.iter().map(|(_, node)| *node).collect();
        let mut houses = vec![House::default(); cast.nodes.len()];
        let mut seats = Vec::with_capacity(residents.len());
        let mut agenda = Q::default();
        for (id, (resident, desk)) in residents.into_iter().enumerate() {
            let actor = ActorId(id as u32);
            houses[homes[id].0 as usize].actors.push(actor);
            seats.push(Place::new(resident, desk));
            agenda.push(Time::ZERO, Entry { actor, epoch: 0, what: What::Start });
        }
        let world = World {
            now: Time::ZERO,
            agenda,
            letters: Slab::default(),
            network,
            homes,
            nodes: vec![Node::default(); houses.len()],
            houses,
            paces: Vec::new(),
            cast,
            facts: Vec::with_capacity(SLICE),
            serial: 0,
            inputs: 0,
            digest: Digest::default(),
        };
        let timers = seats.iter().map(|_| Timers::default()).collect();
        let deferred = seats.iter().map(|_| Slab::default()).collect();
        Self { seats, timers, deferred, world, scratch: Vec::new() }
    }

    /// Runs until everything up to and including `until` has happened.
    pub fn run_until(&mut self, until: Time, observer: &mut (impl Observer<V::Fact> + ?Sized)) -> Stop {
        self.step(u64::MAX, until, observer);
        if self.world.agenda.is_empty() {
            return Stop::Idle;
        }
        self.world.now = self.world.now.max(until);
        Stop::Reached
    }

    /// Takes up to `entries` things off the agenda, none after `until`; how many it took.
    pub fn step(
        &mut self,
        entries: u64,
        until: Time,
        observer: &mut (impl Observer<V::Fact> + ?Sized),
    ) -> u64 {
        let mut taken = 0;
        while taken < entries
            && let Some((at, entry)) = self.world.agenda.pop_until(until)
        {
            self.world.now = at;
            self.world.look_ahead();
            self.take(entry);
            taken += 1;
            if self.world.facts.len() >= SLICE {
                self.world.show(observer);
            }
        }
        self.world.show(observer);
        taken
    }

    /// The time of the last thing that happened, or the time that was run to.
    pub fn now(&self) -> Time {
        self.world.now
    }

    /// The digest of all facts so far.
    pub fn digest(&self) -> Digest {
        self.world.digest
    }

    /// How many facts there were.
    pub fn facts(&self) -> u64 {
        self.world.serial
    }

    /// How many inputs the actors have handled.
    pub fn inputs(&self) -> u64 {
        self.world.inputs
    }

    /// How many things are still to happen.
    pub fn pending(&self) -> usize {
        self.world.agenda.len()
    }

    /// Names.
    pub fn cast(&self) -> &Cast {
        &self.world.cast
    }

    #[inline]
    fn take(&mut self, entry: Entry) {
        let Entry { actor, epoch, what } = entry;
        let place = &mut self.seats[actor.0 as usize];
        let home = self.world.homes[actor.0 as usize];
        let node = self.world.nodes[home.0 as usize];
        if node.epoch != epoch || node.down {
            return self.miss(home, what);
        }
        let mut arming = 0;
        let (cause, input) = match what {
            What::Start => (0, Input::Start),
            What::Letter(slot) => self.world.letters.take(slot).open(),
            What::Timer(slot) => match self.timers[actor.0 as usize].ring(slot, self.world.now) {
                Ring::Fires { cause, arming: which } => {
                    arming = which;
                    (cause, Input::Wake(slot))
                }
                Ring::Later(at) => return self.world.agenda.push(at, entry),
                Ring::Stale => return,
            },
            What::Finished(_) if node.paused => {
                return self.world.houses[home.0 as usize].frozen.push(entry);
            }
            What::Finished(slot) => return self.finish(actor, slot),
            What::GoOn => return self.clear_desk(actor),
        };
        if place.busy >= place.servers || !place.waiting.is_empty() || node.paused {
            place.waiting.push_back(Waiting { cause, arming, input });
            return;
        }
        self.handle(actor, Waiting { cause, arming, input });
    }

    /// An entry whose actor died before its time came.
    fn miss(&mut self, node: NodeId, what: What) {
        let What::Letter(slot) = what else { return };
        let letter = self.world.letters.take(slot);
        let from = self.world.homes[letter.from.0 as usize];
        if matches!(letter.body, Body::Reset(_)) {
            return;
        }
        let cause =
            self.world.emit(letter.from, letter.cause, Physics::Undelivered { from, to: node }.into());
        let state = &self.world.nodes[node.0 as usize];
        if state.down && !state.silent {
            self.world.reset(node, from, cause);
        }
    }

    #[inline]
    fn handle(&mut self, actor: ActorId, Waiting { cause, arming, input }: Waiting<V::Msg>) {
        if let Input::Wake(slot) = input
            && !self.timers[actor.0 as usize].fire(slot, arming)
        {
            return;
        }
        self.world.inputs += 1;
        let mut effects = std::mem::take(&mut self.scratch);
        self.seats[actor.0 as usize].resident.handle(self.world.now, input, &mut effects);
        let mut asked = effects.drain(..);
        if let Some((cost, cause)) = self.apply(actor, cause, &mut asked) {
            let effects = self.set_timers(actor, cause, asked).into_iter();
            self.put_aside(actor, cost, Deferred { cause, effects });
        } else {
            drop(asked);
        }
        self.scratch = effects;
    }

    fn finish(&mut self, actor: ActorId, slot: u32) {
        let Deferred { cause, mut effects } = self.deferred[actor.0 as usize].take(slot);
        self.seats[actor.0 as usize].busy -= 1;
        match self.apply(actor, cause, &mut effects) {
            Some((cost, cause)) => self.put_aside(actor, cost, Deferred { cause, effects }),
            None => self.clear_desk(actor),
        }
    }

    /// Does what is asked of timers and returns the rest, to be put aside. An actor knows at once what it armed
    /// and disarmed, and with several servers its next input may come before this work is done.
    fn set_timers(
        &mut self,
        actor: ActorId,
        cause: u64,
        asked: impl Iterator<Item = Effect<V>>,
    ) -> Vec<Effect<V>> {
        let mut rest = Vec::new();
        for effect in asked {
            match effect {
                Effect::Arm(slot, at) => self.arm(actor, slot, at, cause),
                Effect::Disarm(slot) => self.timers[actor.0 as usize].disarm(slot),
                Effect::Send(..) | Effect::Work(_) | Effect::Emit(_) | Effect::Command(_) => {
                    rest.push(effect);
                }
            }
        }
        rest
    }

    #[inline]
    fn arm(&mut self, actor: ActorId, slot: u32, at: Time, cause: u64) {
        let timers = &mut self.timers[actor.0 as usize];
        if let Some(at) = timers.arm(slot, at.max(self.world.now), cause) {
            let epoch = self.world.epoch(actor);
            self.world.agenda.push(at, Entry { actor, epoch, what: What::Timer(slot) });
        }
    }

    /// Keeps what an actor will do when its work is done.
    fn put_aside(&mut self, actor: ActorId, cost: Duration, rest: Deferred<V>) {
        self.seats[actor.0 as usize].busy += 1;
        let slot = self.deferred[actor.0 as usize].put(rest);
        let epoch = self.world.epoch(actor);
        let done = self.world.now + self.world.stretched(actor, cost);
        self.world.agenda.push(done, Entry { actor, epoch, what: What::Finished(slot) });
    }

    /// Takes up what waits, as long as there is a free server.
    fn clear_desk(&mut self, actor: ActorId) {
        loop {
            let place = &mut self.seats[actor.0 as usize];
            let home = self.world.homes[actor.0 as usize];
            if place.busy >= place.servers || self.world.nodes[home.0 as usize].paused {
                return;
            }
            let Some(next) = place.waiting.pop_front() else { return };
            self.handle(actor, next);
        }
    }

    /// Does what was asked, in order, until work is asked for: then how much, and the cause of the rest.
    #[inline]
    fn apply(
        &mut self,
        actor: ActorId,
        mut cause: u64,
        asked: &mut impl Iterator<Item = Effect<V>>,
    ) -> Option<(Duration, u64)> {
        for effect in asked {
            match effect {
                Effect::Send(to, msg) => {
                    self.world.send(actor, to, cause, msg);
                }
                Effect::Arm(slot, at) => self.arm(actor, slot, at, cause),
                Effect::Disarm(slot) => self.timers[actor.0 as usize].disarm(slot),
                Effect::Emit(fact) => cause = self.world.emit(actor, cause, fact),
                Effect::Command(command) => self.obey(command, actor, cause),
                Effect::Work(cost) => return Some((cost, cause)),
            }
        }
        None
    }

    fn obey(&mut self, command: Command, by: ActorId, cause: u64) {
        match command {
            Command::Crash(node, how) => self.crash(node, how, by, cause),
            Command::Restart(node) => self.restart(node, by, cause),
            Command::Pause(node) => {
                if !std::mem::replace(&mut self.world.nodes[node.0 as usize].paused, true) {
                    self.world.emit(by, cause, Physics::Paused { node }.into());
                }
            }
            Command::Resume(node) => self.resume(node, by, cause),
            Command::Cut(from, to) => {
                self.world.network.cut(from, to);
                self.world.emit(by, cause, Physics::Cut { from, to }.into());
            }
            Command::Heal(from, to) => {
                self.world.network.heal(from, to);
                self.world.emit(by, cause, Physics::Healed { from, to }.into());
            }
            Command::Refuse(from, to) => self.refuse(from, to, by, cause),
            Command::Accept(from, to) => {
                self.world.network.accept(from, to);
                self.world.emit(by, cause, Physics::Healed { from, to }.into());
            }
            Command::Burden(from, to, burden) => self.world.network.burden(from, to, burden),
            Command::Relieve(from, to, burden) => self.world.network.relieve(from, to, burden),
            Command::Machine(node, machine) => self.machine(node, machine),
        }
    }

    /// Both ends of what there is between the two see their connections reset, and so does the first whenever it
    /// tries again.
    fn refuse(&mut self, from: NodeId, to: NodeId, by: ActorId, cause: u64) {
        let cause = self.world.emit(by, cause, Physics::Refused { from, to }.into());
        self.world.disconnect(from, to, cause);
        self.world.disconnect(to, from, cause);
        self.world.network.refuse(from, to);
    }

    fn machine(&mut self, node: NodeId, machine: Machine) {
        self.world.paces.retain(|(other, _)| *other != node);
        if machine.cpu != Machine::SOUND.cpu {
            self.world.paces.push((node, machine.cpu));
        }
        for &actor in &self.world.houses[node.0 as usize].actors {
            self.seats[actor.0 as usize].resident.machine(self.world.now, machine);
        }
    }

    fn crash(&mut self, node: NodeId, how: Crash, by: ActorId, cause: u64) {
        let state = &mut self.world.nodes[node.0 as usize];
        if state.down {
            return self.crash_again(node, how);
        }
        *state = Node { down: true, silent: how == Crash::Power, paused: false, epoch: state.epoch + 1 };
        let house = &mut self.world.houses[node.0 as usize];
        house.frozen.clear();
        for &actor in &house.actors {
            self.seats[actor.0 as usize].crash(self.world.now, how);
            self.timers[actor.0 as usize] = Timers::default();
            self.deferred[actor.0 as usize] = Slab::default();
        }
        let cause = self.world.emit(by, cause, Physics::Crashed { node, how }.into());
        if how != Crash::Power {
            self.hang_up(node, cause);
        }
    }

    /// What is left of a process that is dead already: a disk and its page cache.
    fn crash_again(&mut self, node: NodeId, how: Crash) {
        if matches!(how, Crash::Power | Crash::DiskLoss) {
            for &actor in &self.world.houses[node.0 as usize].actors {
                self.seats[actor.0 as usize].crash(self.world.now, how);
            }
        }
    }

    fn restart(&mut self, node: NodeId, by: ActorId, cause: u64) {
        let state = &mut self.world.nodes[node.0 as usize];
        if !std::mem::replace(&mut state.down, false) {
            return;
        }
        let silent = std::mem::replace(&mut state.silent, false);
        let epoch = state.epoch;
        let cause = self.world.emit(by, cause, Physics::Restarted { node }.into());
        if silent {
            // Its peers still talk on connections that it knows nothing of.
            self.hang_up(node, cause);
        }
        for &actor in &self.world.houses[node.0 as usize].actors {
            self.world.agenda.push(self.world.now, Entry { actor, epoch, what: What::Start });
        }
    }

    fn resume(&mut self, node: NodeId, by: ActorId, cause: u64) {
        let state = &mut self.world.nodes[node.0 as usize];
        if !std::mem::replace(&mut state.paused, false) {
            return;
        }
        let epoch = state.epoch;
        let House { frozen, actors } = &mut self.world.houses[node.0 as usize];
        let go_on = actors.iter().map(|&actor| Entry { actor, epoch, what: What::GoOn });
        for entry in frozen.drain(..).chain(go_on) {
            self.world.agenda.push(self.world.now, entry);
        }
        self.world.emit(by, cause, Physics::Resumed { node }.into());
    }

    fn hang_up(&mut self, node: NodeId, cause: u64) {
        for peer in self.world.network.hang_up(node) {
            self.world.reset(node, peer, cause);
        }
    }
}

/// What a TCP reset takes on the wire.
const RESET_BYTES: u32 = 40;

impl<V: Vocabulary> Place<V> {
    fn new(resident: Box<dyn Resident<V>>, desk: Desk) -> Self {
        Self { resident, servers: desk.servers, busy: 0, waiting: VecDeque::new() }
    }

    fn crash(&mut self, now: Time, how: Crash) {
        self.resident.crash(now, how);
        self.busy = 0;
        self.waiting.clear();
    }
}

impl<V: Vocabulary, Q: Agenda<Entry>> World<V, Q> {
    #[inline]
    fn send(&mut self, from: ActorId, to: ActorId, cause: u64, msg: V::Msg) {
        let (here, there) = (self.homes[from.0 as usize], self.homes[to.0 as usize]);
        let at = if here == there {
            self.now
        } else {
            match self.network.carry(self.now, here, there, msg.bytes()) {
                Fate::Arrives(at) => at,
                Fate::Lost => return,
                Fate::Refused => return self.disconnect(there, here, cause),
            }
        };
        let epoch = self.nodes[there.0 as usize].epoch;
        let slot = self.letters.put(Letter { from, cause, body: Body::Message(msg) });
        self.agenda.push(at, Entry { actor: to, epoch, what: What::Letter(slot) });
    }

    /// Tells everybody on node `to` that the connection with `from` is gone, if the network carries it.
    fn reset(&mut self, from: NodeId, to: NodeId, cause: u64) {
        if let Fate::Arrives(at) = self.network.carry(self.now, from, to, RESET_BYTES) {
            self.hang_up(from, to, at, cause);
        }
    }

    /// Tells everybody on node `to` at once that there is no connection with `from`: what lies between them says so.
    fn disconnect(&mut self, from: NodeId, to: NodeId, cause: u64) {
        self.hang_up(from, to, self.now, cause);
    }

    fn hang_up(&mut self, from: NodeId, to: NodeId, at: Time, cause: u64) {
        let epoch = self.nodes[to.0 as usize].epoch;
        for &actor in &self.houses[to.0 as usize].actors {
            let slot = self.letters.put(Letter { from: actor, cause, body: Body::Reset(from) });
            self.agenda.push(at, Entry { actor, epoch, what: What::Letter(slot) });
        }
    }

    /// How long an actor's work takes on its machine.
    #[inline]
    fn stretched(&self, actor: ActorId, cost: Duration) -> Duration {
        if self.paces.is_empty() {
            return cost;
        }
        let home = self.homes[actor.0 as usize];
        let pace = self.paces.iter().find(|(node, _)| *node == home).map_or(1_000, |(_, pace)| *pace);
        Duration::from_nanos((u128::from(cost.as_nanos()) * u128::from(pace) / 1_000) as u64)
    }

    /// Has the letters that come next at hand.
    #[inline]
    fn look_ahead(&mut self) {
        for entry in self.agenda.brought_up() {
            if let What::Letter(slot) = entry.what {
                assert!(self.letters.holds(slot), "what is under way lies in its slot");
            }
        }
    }

    /// The life that an actor's node is in.
    #[inline]
    fn epoch(&self, actor: ActorId) -> u32 {
        self.nodes[self.homes[actor.0 as usize].0 as usize].epoch
    }

    #[inline]
    fn emit(&mut self, actor: ActorId, cause: u64, fact: V::Fact) -> u64 {
        self.serial += 1;
        let event = Event { at: self.now, serial: self.serial, cause, actor, fact };
        self.digest.word(event.at.as_nanos());
        self.digest.word(event.cause ^ u64::from(event.actor.0).rotate_left(40));
        self.digest.feed(&event.fact);
        self.facts.push(event);
        self.serial
    }

    fn show(&mut self, observer: &mut (impl Observer<V::Fact> + ?Sized)) {
        if !self.facts.is_empty() {
            observer.observe(&self.facts);
            self.facts.clear();
        }
    }
}

impl<M> Letter<M> {
    fn open(self) -> (u64, Input<M>) {
        match self.body {
            Body::Message(msg) => (self.cause, Input::Message(self.from, msg)),
            Body::Reset(peer) => (self.cause, Input::Disconnected(peer)),
        }
    }
}
