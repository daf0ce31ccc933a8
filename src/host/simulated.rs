//! The simulated host: a loop over what is still to happen, under virtual time.
//!
//! **Invariant.** A run is a function of the parts it was given. Pausing, cloning and resuming a
//! [`Simulation`] anywhere changes nothing of what it goes on to do: digests are equal.

use std::collections::VecDeque;

use super::entry::{Entry, What};
use super::outbox::{Departure, Outbox};
use super::slab::Slab;
use super::timers::{Ring, Timers};
use crate::kernel::queue::{Agenda, Ladder};
use crate::kernel::{
    ActorId, Addr, Cast, Command, Crash, Desk, Digest, Duration, Effect, Event, Fate, Input, Machine,
    Network, NodeId, Observer, Parts, Payload, Physics, Resident, Time, Vocabulary,
};

/// Why [`Simulation::run_until`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The time was reached.
    Reached,
    /// Nothing is left to happen.
    Idle,
}

/// With as many actors or letters, looking ahead is worth while: fewer are in the CPU's cache anyway.
const CROWD: usize = 256;

/// How many facts are shown to the observers at a time.
const SLICE: usize = 512;

/// A system under virtual time. Its agenda may be of any kind: a run does the same on each.
pub struct Simulation<V: Vocabulary, Q = Ladder<Entry>> {
    seats: Vec<Place<V>>,
    timers: Vec<Timers>,
    waiting: Vec<VecDeque<Waiting<V::Msg>>>,
    deferred: Vec<Slab<Deferred<V>>>,
    world: World<V, Q>,
    /// Where actors write what they ask for; kept, so that no input allocates.
    scratch: Vec<Effect<V>>,
    /// Empty lists for what is put aside, to be used again.
    spare: Vec<Vec<Effect<V>>>,
}

/// A seat and its desk: what every input touches, in half a line of the CPU's cache.
#[repr(align(32))]
struct Place<V: Vocabulary> {
    resident: Box<dyn Resident<V>>,
    servers: u32,
    busy: u32,
    /// Of the actor's node, copied from there, like the next two.
    epoch: u32,
    down: bool,
    paused: bool,
    /// Whether an input waits at the desk.
    crowded: bool,
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
    /// The first one last.
    effects: Vec<Effect<V>>,
}

/// Everything but the actors.
#[derive(Clone)]
struct World<V: Vocabulary, Q> {
    now: Time,
    agenda: Q,
    /// What comes before everything else of its instant, the next first: a handful at most.
    first: VecDeque<(Time, Entry)>,
    /// What was sent last, in a wide network; empty between steps.
    outbox: Outbox,
    letters: Slab<Letter<V::Msg>>,
    network: Network,
    /// Where actors live, apart from their seats: read at every send for actors that are otherwise not touched.
    homes: Vec<Home>,
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

/// The node of an actor, and the life that it is in, copied from there.
#[derive(Clone, Copy)]
struct Home {
    node: NodeId,
    epoch: u32,
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

/// Something under way to an actor: a message or a reset.
#[derive(Clone)]
struct Letter<M> {
    cause: u64,
    input: Input<M>,
}

impl<V: Vocabulary> Clone for Place<V> {
    fn clone(&self) -> Self {
        Self {
            resident: self.resident.duplicate(),
            servers: self.servers,
            busy: self.busy,
            epoch: self.epoch,
            down: self.down,
            paused: self.paused,
            crowded: self.crowded,
        }
    }
}

/// A run is plain data: a clone goes on exactly as the original would.
impl<V: Vocabulary, Q: Clone> Clone for Simulation<V, Q> {
    fn clone(&self) -> Self {
        Self {
            seats: self.seats.clone(),
            timers: self.timers.clone(),
            waiting: self.waiting.clone(),
            deferred: self.deferred.clone(),
            world: self.world.clone(),
            scratch: Vec::new(),
            spare: Vec::new(),
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
        let homes: Vec<Home> = cast.actors.iter().map(|(_, node)| Home { node: *node, epoch: 0 }).collect();
        let mut houses = vec![House::default(); cast.nodes.len()];
        let mut seats = Vec::with_capacity(residents.len());
        let mut agenda = Q::default();
        for (id, (resident, desk)) in residents.into_iter().enumerate() {
            let actor = ActorId(id as u32);
            houses[homes[id].node.0 as usize].actors.push(actor);
            seats.push(Place::new(resident, desk));
            agenda.push(Time::ZERO, Entry::new(actor, 0, What::Start));
        }
        let world = World {
            now: Time::ZERO,
            agenda,
            first: VecDeque::new(),
            outbox: Outbox::default(),
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
        let waiting = seats.iter().map(|_| VecDeque::new()).collect();
        let deferred = seats.iter().map(|_| Slab::default()).collect();
        Self { seats, timers, waiting, deferred, world, scratch: Vec::new(), spare: Vec::new() }
    }

    /// Runs until everything up to and including `until` has happened.
    pub fn run_until(&mut self, until: Time, observer: &mut (impl Observer<V::Fact> + ?Sized)) -> Stop {
        self.step(u64::MAX, until, observer);
        if self.world.agenda.is_empty() && self.world.first.is_empty() {
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
            && let Some((at, entry)) = self.world.next(until)
        {
            self.world.now = at;
            self.look_ahead();
            self.take(entry);
            taken += 1;
            if self.world.facts.len() >= SLICE {
                self.world.show(observer);
            }
        }
        self.world.post();
        self.world.show(observer);
        taken
    }

    /// Tells an actor something from outside of the run, at once, whatever it is at. Nothing in the run led to it, and it
    /// counts as no input: what the actor asks for is all that comes of it.
    pub fn tell<M: Into<V::Msg>>(&mut self, to: Addr<M>, msg: M) {
        let inputs = self.world.inputs;
        self.handle(to.id(), 0, 0, Input::Message(to.id(), msg.into()));
        self.world.inputs = inputs;
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
        self.world.agenda.len() + self.world.first.len()
    }

    /// Whether what is sent is looked up in groups.
    #[cfg(test)]
    pub(super) fn is_wide(&self) -> bool {
        self.world.network.is_wide()
    }

    /// Names.
    pub fn cast(&self) -> &Cast {
        &self.world.cast
    }

    /// Has what comes next at hand: letters, and who they are for. Looked at one after the other, they cost little
    /// more than one, and are in the CPU's cache then, where taking them one by one would wait for each.
    #[inline]
    fn look_ahead(&mut self) {
        let Self { seats, world: World { agenda, letters, .. }, .. } = self;
        if seats.len().max(letters.len()) < CROWD {
            return;
        }
        agenda.announce(|entry| {
            if let What::Letter(slot) = entry.what() {
                assert!(letters.holds(slot), "what is under way lies in its slot");
            }
            // Nobody needs what it says.
            std::hint::black_box(seats[entry.actor().0 as usize].resident.glance());
        });
    }

    #[inline]
    fn take(&mut self, entry: Entry) {
        let (actor, what) = (entry.actor(), entry.what());
        let place = &mut self.seats[actor.0 as usize];
        if place.epoch != entry.epoch() || place.down {
            return self.miss(actor, what);
        }
        let Waiting { cause, arming, input } = match what {
            What::Letter(slot) => {
                let Letter { cause, input } = self.world.letters.take(slot);
                Waiting { cause, arming: 0, input }
            }
            What::Timer(slot) => match self.timers[actor.0 as usize].ring(slot, self.world.now) {
                Ring::Fires { cause, arming } => Waiting { cause, arming, input: Input::Wake(slot) },
                Ring::Later(at) => return self.world.push(at, entry),
                Ring::Stale => return,
            },
            What::First(slot) => match self.timers[actor.0 as usize].ring(slot, self.world.now) {
                Ring::Fires { cause, arming } => Waiting { cause, arming, input: Input::Wake(slot) },
                Ring::Later(at) => return self.world.push_first(at, entry),
                Ring::Stale => return,
            },
            What::Start => Waiting { cause: 0, arming: 0, input: Input::Start },
            What::Finished(_) if place.paused => {
                let node = self.world.homes[actor.0 as usize].node;
                return self.world.houses[node.0 as usize].frozen.push(entry);
            }
            What::Finished(slot) => return self.finish(actor, slot),
            What::GoOn => return self.clear_desk(actor),
        };
        if place.is_free() && !place.crowded {
            self.handle(actor, cause, arming, input);
        } else {
            place.crowded = true;
            self.waiting[actor.0 as usize].push_back(Waiting { cause, arming, input });
        }
    }

    /// An entry whose actor died before its time came.
    #[cold]
    fn miss(&mut self, actor: ActorId, what: What) {
        let What::Letter(slot) = what else { return };
        let Letter { cause, input: Input::Message(from, _) } = self.world.letters.take(slot) else { return };
        let (home, node) = (self.world.homes[from.0 as usize].node, self.world.homes[actor.0 as usize].node);
        let cause = self.world.emit(from, cause, Physics::Undelivered { from: home, to: node }.into());
        let state = self.world.nodes[node.0 as usize];
        if state.down && !state.silent {
            self.world.reset(node, home, cause);
        }
    }

    #[inline(always)]
    fn handle(&mut self, actor: ActorId, mut cause: u64, arming: u32, input: Input<V::Msg>) {
        if let Input::Wake(slot) = input
            && !self.timers[actor.0 as usize].fire(slot, arming)
        {
            return;
        }
        self.world.inputs += 1;
        self.seats[actor.0 as usize].resident.handle(actor, self.world.now, input, &mut self.scratch);
        if self.scratch.len() > 1 {
            self.scratch.reverse();
        }
        loop {
            if self.send_next(actor, cause) {
                continue;
            }
            let Some(effect) = self.scratch.pop() else { return };
            if let Some(cost) = self.perform(actor, &mut cause, effect) {
                let effects = self.set_timers(actor, cause);
                return self.put_aside(actor, cost, Deferred { cause, effects });
            }
        }
    }

    /// Does what is asked for next if it is to send something, as it is most of the time. It is looked at where it lies: what
    /// was written piece by piece a moment ago the CPU can read again piece by piece at once, but not as a whole.
    #[inline(always)]
    fn send_next(&mut self, actor: ActorId, cause: u64) -> bool {
        let Some(&Effect::Send(to, _)) = self.scratch.last() else { return false };
        let Some(Effect::Send(_, msg)) = self.scratch.pop() else { unreachable!("it was looked at") };
        self.world.send(actor, to, cause, msg);
        true
    }

    #[inline(never)]
    fn finish(&mut self, actor: ActorId, slot: u32) {
        let Deferred { mut cause, mut effects } = self.deferred[actor.0 as usize].take(slot);
        self.seats[actor.0 as usize].busy -= 1;
        while let Some(effect) = effects.pop() {
            if let Some(cost) = self.perform(actor, &mut cause, effect) {
                return self.put_aside(actor, cost, Deferred { cause, effects });
            }
        }
        self.spare.push(effects);
        self.clear_desk(actor);
    }

    /// Does what is asked of timers and returns the rest, to be put aside. An actor knows at once what it armed
    /// and disarmed, and with several servers its next input may come before this work is done.
    #[inline(never)]
    fn set_timers(&mut self, actor: ActorId, cause: u64) -> Vec<Effect<V>> {
        let mut rest = self.spare.pop().unwrap_or_default();
        if !self.scratch.iter().any(Effect::is_about_a_timer) {
            std::mem::swap(&mut rest, &mut self.scratch);
            return rest;
        }
        while let Some(effect) = self.scratch.pop() {
            match effect {
                Effect::Arm(slot, at) => self.arm(actor, slot, at, cause),
                Effect::ArmFirst(slot, at) => self.arm_first(actor, slot, at, cause),
                Effect::Disarm(slot) => self.timers[actor.0 as usize].disarm(slot),
                Effect::Send(..) | Effect::Work(_) | Effect::Emit(_) | Effect::Command(_) => {
                    rest.push(effect);
                }
            }
        }
        rest.reverse();
        rest
    }

    #[inline]
    fn arm(&mut self, actor: ActorId, slot: u32, at: Time, cause: u64) {
        let timers = &mut self.timers[actor.0 as usize];
        if let Some(at) = timers.arm(slot, at.max(self.world.now), cause) {
            let epoch = self.world.epoch(actor);
            self.world.push(at, Entry::new(actor, epoch, What::Timer(slot)));
        }
    }

    #[cold]
    fn arm_first(&mut self, actor: ActorId, slot: u32, at: Time, cause: u64) {
        if let Some(at) = self.timers[actor.0 as usize].arm(slot, at.max(self.world.now), cause) {
            let epoch = self.world.epoch(actor);
            self.world.push_first(at, Entry::new(actor, epoch, What::First(slot)));
        }
    }

    /// Keeps what an actor will do when its work is done.
    fn put_aside(&mut self, actor: ActorId, cost: Duration, rest: Deferred<V>) {
        self.seats[actor.0 as usize].busy += 1;
        let slot = self.deferred[actor.0 as usize].put(rest);
        let epoch = self.world.epoch(actor);
        let done = self.world.now + self.world.stretched(actor, cost);
        self.world.push(done, Entry::new(actor, epoch, What::Finished(slot)));
    }

    /// Takes up what waits, as long as there is a free server.
    #[inline(never)]
    fn clear_desk(&mut self, actor: ActorId) {
        loop {
            let place = &mut self.seats[actor.0 as usize];
            if !place.crowded || !place.is_free() {
                return;
            }
            let waiting = &mut self.waiting[actor.0 as usize];
            let Waiting { cause, arming, input } = waiting.pop_front().expect("a crowd is somebody");
            place.crowded = !waiting.is_empty();
            self.handle(actor, cause, arming, input);
        }
    }

    /// Does what was asked; when that is work, says how much: what follows comes after it.
    #[inline(always)]
    fn perform(&mut self, actor: ActorId, cause: &mut u64, effect: Effect<V>) -> Option<Duration> {
        match effect {
            Effect::Send(to, msg) => self.world.send(actor, to, *cause, msg),
            Effect::Arm(slot, at) => self.arm(actor, slot, at, *cause),
            Effect::ArmFirst(slot, at) => self.arm_first(actor, slot, at, *cause),
            Effect::Disarm(slot) => self.timers[actor.0 as usize].disarm(slot),
            Effect::Emit(fact) => *cause = self.world.emit(actor, *cause, fact),
            Effect::Command(command) => self.obey(command, actor, *cause),
            Effect::Work(cost) => return Some(cost),
        }
        None
    }

    #[cold]
    fn obey(&mut self, command: Command, by: ActorId, cause: u64) {
        match command {
            Command::Crash(node, how) => self.crash(node, how, by, cause),
            Command::Restart(node) => self.restart(node, by, cause),
            Command::Pause(node) => self.pause(node, by, cause),
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
        let Node { epoch, down, .. } = self.world.nodes[node.0 as usize];
        if down {
            return self.crash_again(node, how);
        }
        let silent = how == Crash::Power;
        self.turn(node, Node { epoch: epoch + 1, down: true, silent, paused: false });
        let house = &mut self.world.houses[node.0 as usize];
        house.frozen.clear();
        for &actor in &house.actors {
            self.seats[actor.0 as usize].crash(self.world.now, how);
            self.timers[actor.0 as usize] = Timers::default();
            self.waiting[actor.0 as usize].clear();
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
        let state = self.world.nodes[node.0 as usize];
        if !state.down {
            return;
        }
        self.turn(node, Node { down: false, silent: false, ..state });
        let cause = self.world.emit(by, cause, Physics::Restarted { node }.into());
        if state.silent {
            // Its peers still talk on connections that it knows nothing of.
            self.hang_up(node, cause);
        }
        let Node { epoch, .. } = state;
        self.world.post();
        for &actor in &self.world.houses[node.0 as usize].actors {
            self.world.agenda.push(self.world.now, Entry::new(actor, epoch, What::Start));
        }
    }

    fn pause(&mut self, node: NodeId, by: ActorId, cause: u64) {
        let state = self.world.nodes[node.0 as usize];
        if !state.paused {
            self.turn(node, Node { paused: true, ..state });
            self.world.emit(by, cause, Physics::Paused { node }.into());
        }
    }

    fn resume(&mut self, node: NodeId, by: ActorId, cause: u64) {
        let state = self.world.nodes[node.0 as usize];
        if !state.paused {
            return;
        }
        self.turn(node, Node { paused: false, ..state });
        let Node { epoch, .. } = state;
        self.world.post();
        let House { frozen, actors } = &mut self.world.houses[node.0 as usize];
        let go_on = actors.iter().map(|&actor| Entry::new(actor, epoch, What::GoOn));
        for entry in frozen.drain(..).chain(go_on) {
            self.world.agenda.push(self.world.now, entry);
        }
        self.world.emit(by, cause, Physics::Resumed { node }.into());
    }

    /// Changes the state of a node, also where inputs and sends look it up.
    fn turn(&mut self, node: NodeId, to: Node) {
        self.world.nodes[node.0 as usize] = to;
        for &actor in &self.world.houses[node.0 as usize].actors {
            let Node { epoch, down, paused, .. } = to;
            let place = &mut self.seats[actor.0 as usize];
            (place.epoch, place.down, place.paused) = (epoch, down, paused);
            self.world.homes[actor.0 as usize].epoch = to.epoch;
        }
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
        let Node { epoch, down, paused, .. } = Node::default();
        Self { resident, servers: desk.servers, busy: 0, epoch, down, paused, crowded: false }
    }

    /// Whether something could be taken up at once.
    #[inline]
    fn is_free(&self) -> bool {
        self.busy < self.servers && !self.paused
    }

    fn crash(&mut self, now: Time, how: Crash) {
        self.resident.crash(now, how);
        self.busy = 0;
        self.crowded = false;
    }
}

impl<V: Vocabulary, Q: Agenda<Entry>> World<V, Q> {
    #[inline]
    fn send(&mut self, from: ActorId, to: ActorId, cause: u64, msg: V::Msg) {
        let here = self.homes[from.0 as usize].node;
        let Home { node: there, epoch } = self.homes[to.0 as usize];
        let soonest = if here == there {
            self.now
        } else {
            match self.network.depart(self.now, here, there, || msg.bytes()) {
                Fate::Arrives(soonest) => soonest,
                Fate::Lost => return,
                Fate::Refused => return self.disconnect(there, here, cause),
            }
        };
        let slot = self.letters.put(Letter { cause, input: Input::Message(from, msg) });
        let entry = Entry::new(to, epoch, What::Letter(slot));
        if here == there {
            self.push(soonest, entry);
        } else if soonest > self.now && self.network.is_wide() {
            self.outbox.put(Departure { now: self.now, soonest, from: here, to: there, entry });
        } else {
            let at = self.network.promise(self.now, here, there, soonest);
            self.push(at, entry);
        }
    }

    /// Puts something into the agenda.
    #[inline]
    fn push(&mut self, at: Time, entry: Entry) {
        self.post();
        self.agenda.push(at, entry);
    }

    #[cold]
    fn push_first(&mut self, at: Time, entry: Entry) {
        let place = self.first.partition_point(|(other, _)| *other <= at);
        self.first.insert(place, (at, entry));
    }

    /// Takes the next thing to come, unless it comes after `until`.
    #[inline(always)]
    fn next(&mut self, until: Time) -> Option<(Time, Entry)> {
        match self.first.front() {
            Some((at, _)) if *at <= until => self.next_or_first(*at),
            _ => self.next_of_agenda(until),
        }
    }

    /// What comes before everything else of this instant, or what comes before the instant.
    #[inline(never)]
    fn next_or_first(&mut self, at: Time) -> Option<(Time, Entry)> {
        let before = at.as_nanos().checked_sub(1).map(Time::from_nanos);
        before.and_then(|before| self.next_of_agenda(before)).or_else(|| self.first.pop_front())
    }

    /// Takes the next thing off the agenda, unless it comes after `until`.
    #[inline(always)]
    fn next_of_agenda(&mut self, until: Time) -> Option<(Time, Entry)> {
        if !self.outbox.is_empty() {
            if !self.outbox.is_full()
                && let Some(next) = self.agenda.pop_until(until.min(self.outbox.quiet_until()))
            {
                return Some(next);
            }
            self.post();
        }
        self.agenda.pop_until(until)
    }

    /// Puts what was sent into the agenda.
    #[inline]
    fn post(&mut self) {
        if !self.outbox.is_empty() {
            self.outbox.empty(&mut self.network, &mut self.agenda);
        }
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
        self.post();
        for &actor in &self.houses[to.0 as usize].actors {
            let slot = self.letters.put(Letter { cause, input: Input::Disconnected(from) });
            self.agenda.push(at, Entry::new(actor, epoch, What::Letter(slot)));
        }
    }

    /// How long an actor's work takes on its machine.
    #[inline]
    fn stretched(&self, actor: ActorId, cost: Duration) -> Duration {
        if self.paces.is_empty() {
            return cost;
        }
        let home = self.homes[actor.0 as usize].node;
        let pace = self.paces.iter().find(|(node, _)| *node == home).map_or(1_000, |(_, pace)| *pace);
        Duration::from_nanos((u128::from(cost.as_nanos()) * u128::from(pace) / 1_000) as u64)
    }

    /// The life that an actor's node is in.
    #[inline]
    fn epoch(&self, actor: ActorId) -> u32 {
        self.homes[actor.0 as usize].epoch
    }

    #[inline]
    fn emit(&mut self, actor: ActorId, cause: u64, fact: V::Fact) -> u64 {
        self.serial += 1;
        let event = Event { at: self.now, serial: self.serial, cause, actor, fact };
        let who = event.cause ^ u64::from(event.actor.0).rotate_left(40);
        self.digest.words([event.at.as_nanos(), who]);
        V::digest(&event.fact, &mut self.digest);
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
