//! An actor of a simulation as an actix actor: its desk, its timers, and what it does when its work is done.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix::{Context, Handler, Message};

use super::BEHIND;
use super::steward::{Shared, Watch};
use super::world::Node;
use crate::host::slab::Slab;
use crate::host::timers::{Ring, Timers};
use crate::kernel::{
    ActorId, Command, Crash, Desk, Duration, Effect, Input, Machine, NodeId, Resident, Time, Vocabulary,
};

/// Something that comes to a place.
#[derive(Debug)]
pub(super) struct Arrival<M> {
    /// When it was due.
    pub(super) at: Time,
    /// The life of the node for which it is meant.
    pub(super) epoch: u32,
    pub(super) what: What<M>,
}

/// What it is.
#[derive(Debug)]
pub(super) enum What<M> {
    Start,
    Letter { cause: u64, input: Input<M> },
    Timer(u32),
    Finished(u32),
    GoOn,
}

impl<M: Send> Message for Arrival<M> {
    type Result = ();
}

/// What befalls the machine under a place, whatever state its process is in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Blow {
    /// The process ends, if `first`; or its disk suffers once more.
    Crash {
        at: Time,
        how: Crash,
        first: bool,
    },
    Machine {
        at: Time,
        machine: Machine,
    },
}

impl Message for Blow {
    type Result = ();
}

/// An input that waits at the desk.
struct Waiting<M> {
    /// When it came, or was due.
    at: Time,
    cause: u64,
    /// For a timer: which arming of it rang.
    arming: u32,
    input: Input<M>,
}

/// What an actor that is at work will do when it has finished; the first one last.
struct Deferred<V: Vocabulary> {
    cause: u64,
    effects: Vec<Effect<V>>,
}

/// A seat with its actor and its desk.
pub(super) struct Place<V: Vocabulary> {
    me: ActorId,
    home: NodeId,
    resident: Box<dyn Resident<V>>,
    servers: u32,
    busy: u32,
    /// The actor's time: when what it has taken up last was due.
    now: Time,
    timers: Timers,
    waiting: VecDeque<Waiting<V::Msg>>,
    deferred: Slab<Deferred<V>>,
    /// Work that ended while the node was paused.
    frozen: Vec<u32>,
    /// Where the actor writes what it asks for; kept, so that most inputs allocate nothing.
    scratch: Vec<Effect<V>>,
    world: Shared<V>,
    inputs: Arc<AtomicU64>,
}

impl<V: Vocabulary> Unpin for Place<V> {}

impl<V: Vocabulary> actix::Actor for Place<V> {
    type Context = Context<Self>;
}

impl<V: Vocabulary> Handler<Arrival<V::Msg>> for Place<V> {
    type Result = ();

    fn handle(&mut self, arrival: Arrival<V::Msg>, _: &mut Self::Context) {
        let _watch = Watch::over(&self.world);
        self.take(arrival);
    }
}

impl<V: Vocabulary> Handler<Blow> for Place<V> {
    type Result = ();

    fn handle(&mut self, blow: Blow, _: &mut Self::Context) {
        let _watch = Watch::over(&self.world);
        match blow {
            Blow::Crash { at, how, first } => self.crash(at, how, first),
            Blow::Machine { at, machine } => {
                self.pass(at);
                self.resident.machine(self.now, machine);
            }
        }
    }
}

impl<V: Vocabulary> Place<V> {
    pub(super) fn new(
        id: u32,
        home: NodeId,
        resident: Box<dyn Resident<V>>,
        desk: Desk,
        world: Shared<V>,
        inputs: Arc<AtomicU64>,
    ) -> Self {
        Self {
            me: ActorId(id),
            home,
            resident,
            servers: desk.servers,
            busy: 0,
            now: Time::ZERO,
            timers: Timers::default(),
            waiting: VecDeque::new(),
            deferred: Slab::default(),
            frozen: Vec::new(),
            scratch: Vec::new(),
            world,
            inputs,
        }
    }

    fn take(&mut self, arrival: Arrival<V::Msg>) {
        let Arrival { at, epoch, what } = arrival;
        let node = self.node();
        if node.epoch != epoch || node.down {
            return self.miss(at, what);
        }
        let waiting = match what {
            What::Letter { cause, input } => Waiting { at, cause, arming: 0, input },
            What::Timer(slot) => match self.timers.ring(slot, at) {
                Ring::Fires { cause, arming } => Waiting { at, cause, arming, input: Input::Wake(slot) },
                Ring::Later(later) => return self.come_back(later, What::Timer(slot)),
                Ring::Stale => return,
            },
            What::Start => Waiting { at, cause: 0, arming: 0, input: Input::Start },
            What::Finished(slot) if node.paused => return self.frozen.push(slot),
            What::Finished(slot) => return self.finish(at, slot),
            What::GoOn => return self.go_on(at),
        };
        if self.waiting.is_empty() && self.is_free() {
            self.handle(waiting);
        } else {
            self.waiting.push_back(waiting);
        }
    }

    /// The actor's time passes, to `at` or to what is not too far behind the clock.
    fn pass(&mut self, at: Time) {
        let least = Time::ZERO + self.world.borrow().clock().since(Time::ZERO + BEHIND);
        self.now = self.now.max(at).max(least);
    }

    fn node(&self) -> Node {
        self.world.borrow().node(self.home)
    }

    /// Whether something could be taken up at once.
    fn is_free(&self) -> bool {
        self.busy < self.servers && !self.node().paused
    }

    /// Something that was meant for an earlier life, or comes to a dead one.
    #[cold]
    fn miss(&self, at: Time, what: What<V::Msg>) {
        let What::Letter { cause, input: Input::Message(from, _) } = what else { return };
        self.world.borrow_mut().undelivered(at, from, self.home, cause);
    }

    fn handle(&mut self, waiting: Waiting<V::Msg>) {
        let Waiting { at, cause, arming, input } = waiting;
        if let Input::Wake(slot) = input
            && !self.timers.fire(slot, arming)
        {
            return;
        }
        self.pass(at);
        self.inputs.fetch_add(1, Ordering::Relaxed);
        let mut effects = std::mem::take(&mut self.scratch);
        self.resident.handle(self.me, self.now, input, &mut effects);
        effects.reverse();
        self.carry_out(cause, effects, true);
    }

    /// Does what was asked, the last of the list first, up to work; what comes after that is put aside.
    fn carry_out(&mut self, mut cause: u64, mut effects: Vec<Effect<V>>, first: bool) {
        let epoch = self.node().epoch;
        while let Some(effect) = effects.pop() {
            if let Some(cost) = self.perform(&mut cause, effect) {
                if first {
                    self.set_timers(cause, &mut effects);
                }
                return self.put_aside(cost, Deferred { cause, effects });
            }
            // One that ended its own process asks for nothing any more.
            if self.node().epoch != epoch {
                effects.clear();
            }
        }
        self.scratch = effects;
    }

    /// Does what is asked of timers and leaves the rest. An actor knows at once what it armed and disarmed, and
    /// with several servers its next input may come before this work is done.
    fn set_timers(&mut self, cause: u64, effects: &mut Vec<Effect<V>>) {
        let mut rest = Vec::with_capacity(effects.len());
        while let Some(effect) = effects.pop() {
            match effect {
                Effect::Arm(slot, at) | Effect::ArmFirst(slot, at) => self.arm(slot, at, cause),
                Effect::Disarm(slot) => self.timers.disarm(slot),
                Effect::Send(..) | Effect::Work(_) | Effect::Emit(_) | Effect::Command(_) => {
                    rest.push(effect)
                }
            }
        }
        rest.reverse();
        *effects = rest;
    }

    /// Does one thing; when that is work, says how much.
    fn perform(&mut self, cause: &mut u64, effect: Effect<V>) -> Option<Duration> {
        match effect {
            Effect::Send(to, msg) => {
                self.world.borrow_mut().send(self.now, (self.me, self.home), to, *cause, msg)
            }
            Effect::Arm(slot, at) | Effect::ArmFirst(slot, at) => self.arm(slot, at, *cause),
            Effect::Disarm(slot) => self.timers.disarm(slot),
            Effect::Emit(fact) => *cause = self.world.borrow_mut().emit(self.me, *cause, fact),
            Effect::Command(command) => self.command(command, *cause),
            Effect::Work(cost) => return Some(cost),
        }
        None
    }

    #[cold]
    fn command(&self, command: Command, cause: u64) {
        self.world.borrow_mut().obey(self.now, command, self.me, cause);
    }

    fn arm(&mut self, slot: u32, at: Time, cause: u64) {
        if let Some(at) = self.timers.arm(slot, at.max(self.now), cause) {
            self.come_back(at, What::Timer(slot));
        }
    }

    /// Something that this place will have to do then.
    fn come_back(&self, at: Time, what: What<V::Msg>) {
        let mut world = self.world.borrow_mut();
        let epoch = world.node(self.home).epoch;
        world.put_off(self.me, Arrival { at, epoch, what });
    }

    /// Keeps what the actor will do when its work is done.
    fn put_aside(&mut self, cost: Duration, rest: Deferred<V>) {
        self.busy += 1;
        let slot = self.deferred.put(rest);
        let done = self.now + self.world.borrow().stretched(self.home, cost);
        self.come_back(done, What::Finished(slot));
    }

    fn finish(&mut self, at: Time, slot: u32) {
        self.pass(at);
        let Deferred { cause, effects } = self.deferred.take(slot);
        self.busy -= 1;
        self.carry_out(cause, effects, false);
        self.clear_desk();
    }

    /// Takes up what waits, as long as there is a free server.
    fn clear_desk(&mut self) {
        while self.is_free()
            && let Some(waiting) = self.waiting.pop_front()
        {
            self.handle(waiting);
        }
    }

    fn go_on(&mut self, at: Time) {
        self.pass(at);
        for slot in std::mem::take(&mut self.frozen) {
            self.finish(at, slot);
        }
        self.clear_desk();
    }

    fn crash(&mut self, at: Time, how: Crash, first: bool) {
        self.pass(at);
        self.resident.crash(self.now, how);
        if first {
            self.busy = 0;
            self.timers = Timers::default();
            self.waiting.clear();
            self.deferred = Slab::default();
            self.frozen.clear();
        }
    }
}
