//! A third host, for tests: one actor alone, called by hand, its effects returned.

use super::actor::{Actor, ActorId, Crash, Effect, Input, Lodger, NodeId, Resident, Vocabulary};
use super::chance::Rng;
use super::time::{Duration, Time};

/// What an actor asked for, with its timers by name.
pub enum Asked<A: Actor> {
    /// A message.
    Send(ActorId, <A::Vocab as Vocabulary>::Msg),
    /// A timer, and when it runs out.
    Arm(A::Timer, Time),
    /// A timer to forget.
    Disarm,
    /// Work.
    Work(Duration),
    /// A fact.
    Emit(<A::Vocab as Vocabulary>::Fact),
    /// A change of physics.
    Command(super::actor::Command),
}

impl<A: Actor> std::fmt::Debug for Asked<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Send(to, msg) => write!(f, "send to #{}: {msg:?}", to.0),
            Self::Arm(timer, at) => write!(f, "arm {timer:?} for {at}"),
            Self::Disarm => f.write_str("disarm"),
            Self::Work(cost) => write!(f, "work {cost}"),
            Self::Emit(fact) => write!(f, "emit {fact:?}"),
            Self::Command(command) => write!(f, "{command:?}"),
        }
    }
}

/// An actor alone in the world.
pub struct Alone<A: Actor> {
    lodger: Lodger<A>,
    now: Time,
}

impl<A: Actor> Alone<A> {
    /// The actor at time zero in seat 0, with the stream of seed 0. Not started yet.
    pub fn new(actor: A) -> Self {
        Self { lodger: Lodger::new(actor, Rng::named(0, "alone")), now: Time::ZERO }
    }

    /// Sets the clock.
    pub fn at(&mut self, now: Time) -> &mut Self {
        self.now = now;
        self
    }

    /// The actor itself.
    pub fn actor(&self) -> &A {
        &self.lodger.actor
    }

    /// Starts it.
    pub fn start(&mut self) -> Vec<Asked<A>> {
        self.input(Input::Start)
    }

    /// Hands it a message.
    pub fn receive(&mut self, from: ActorId, msg: impl Into<<A::Vocab as Vocabulary>::Msg>) -> Vec<Asked<A>> {
        self.input(Input::Message(from, msg.into()))
    }

    /// Lets a timer run out.
    ///
    /// # Panics
    /// When the timer is not armed.
    pub fn wake(&mut self, timer: A::Timer) -> Vec<Asked<A>> {
        let slot = self.lodger.timers.armed(timer).expect("the timer is armed");
        self.input(Input::Wake(slot))
    }

    /// Resets its connection with a node.
    pub fn disconnect(&mut self, peer: NodeId) -> Vec<Asked<A>> {
        self.input(Input::Disconnected(peer))
    }

    /// Kills it.
    pub fn crash(&mut self, how: Crash) {
        Resident::crash(&mut self.lodger, self.now, how);
    }

    fn input(&mut self, input: Input<<A::Vocab as Vocabulary>::Msg>) -> Vec<Asked<A>> {
        let mut effects = Vec::new();
        self.lodger.handle(ActorId(0), self.now, input, &mut effects);
        effects.into_iter().map(|effect| self.name(effect)).collect()
    }

    fn name(&self, effect: Effect<A::Vocab>) -> Asked<A> {
        match effect {
            Effect::Send(to, msg) => Asked::Send(to, msg),
            Effect::Arm(slot, at) | Effect::ArmFirst(slot, at) => {
                self.lodger.timers.key(slot).map_or(Asked::Disarm, |timer| Asked::Arm(timer, at))
            }
            Effect::Disarm(_) => Asked::Disarm,
            Effect::Work(cost) => Asked::Work(cost),
            Effect::Emit(fact) => Asked::Emit(fact),
            Effect::Command(command) => Asked::Command(command),
        }
    }
}
