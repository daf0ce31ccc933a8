//! What an actor is, what it may ask for, and the one place where types are erased and restored.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::chance::Rng;
use super::digest::Digest;
use super::event::Physics;
use super::time::{Duration, Time};

/// The number of an actor's seat; dense from zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActorId(pub u32);

/// The number of a node: a process on a machine, with a network between it and every other one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

/// Where a message of type `M` may be sent. Plain data: it may travel in messages.
pub struct Addr<M> {
    id: ActorId,
    understands: PhantomData<fn(M)>,
}

impl<M> Addr<M> {
    pub(super) fn new(id: ActorId) -> Self {
        Self { id, understands: PhantomData }
    }

    /// The seat behind the address.
    pub fn id(self) -> ActorId {
        self.id
    }
}

impl<M> Clone for Addr<M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M> Copy for Addr<M> {}
impl<M> PartialEq for Addr<M> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
impl<M> Eq for Addr<M> {}
impl<M> PartialOrd for Addr<M> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<M> Ord for Addr<M> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id.cmp(&other.id)
    }
}
impl<M> fmt::Debug for Addr<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.id.0)
    }
}

/// A message as the network sees it.
pub trait Payload: Clone + fmt::Debug + Send + 'static {
    /// Bytes on the wire, headers included; asked only when a message crosses between nodes.
    fn bytes(&self) -> u32;
}

/// The two alphabets: what may be said, what may be seen. The kernel is generic over them.
pub trait Vocabulary: Sized + Clone + fmt::Debug + 'static {
    /// Everything that may be said.
    type Msg: Payload;
    /// Everything that may be seen.
    type Fact: Clone + fmt::Debug + Send + Serialize + From<Physics> + 'static;

    /// Takes a fact into the digest of a run: by its serialised form, or by a shorter way to the same words.
    #[inline]
    fn digest(fact: &Self::Fact, digest: &mut Digest) {
        digest.feed(fact);
    }
}

/// How a process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Crash {
    /// The process is killed; what it wrote stays in the machine's page cache. Its peers see their
    /// connections reset at once.
    Process,
    /// The machine loses power; what was not flushed to disk is gone. Its peers hear nothing.
    Power,
    /// It was asked to end, and ended in good order: all that it wrote is kept. Its connections are closed.
    Exit,
    /// Its disk is gone with everything on it, and the process with that. Its peers see their connections
    /// reset at once.
    DiskLoss,
}

/// The state of a machine, as far as it can be out of order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// How many times longer work takes, in thousandths: 1,000 and above.
    pub cpu: u32,
    /// How many times longer the disk takes, in thousandths: 1,000 and above.
    pub disk: u32,
    /// Whether nothing more can be written to the disk.
    pub disk_full: bool,
}

impl Machine {
    /// In order.
    pub const SOUND: Self = Self { cpu: 1_000, disk: 1_000, disk_full: false };
}

impl Default for Machine {
    fn default() -> Self {
        Self::SOUND
    }
}

/// What makes a path between two nodes worse than it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Burden {
    /// Each message takes so much longer.
    Delay(Duration),
    /// Each message takes longer by anything up to this.
    Jitter(Duration),
    /// No more than so many bytes a second, above zero.
    Bandwidth(u64),
}

/// A state machine without I/O. `Clone`, because a run can be snapshotted, rewound and branched.
pub trait Actor: Clone + Send + 'static {
    /// The alphabets it speaks.
    type Vocab: Vocabulary;
    /// What it hears, by speaker.
    type Msg: TryFrom<<Self::Vocab as Vocabulary>::Msg>;
    /// Its timers, keyed: arming one again moves it.
    type Timer: Copy + Ord + Send + fmt::Debug + 'static;

    /// Called once at the beginning, and again after a restart.
    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        let _ = cx;
    }
    /// A message has arrived.
    fn receive(&mut self, cx: &mut Cx<'_, Self>, from: ActorId, msg: Self::Msg);
    /// A timer that was armed has run out.
    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: Self::Timer) {
        let _ = (cx, timer);
    }
    /// The connection with everything on node `peer` was reset. What was under way is lost.
    fn disconnected(&mut self, cx: &mut Cx<'_, Self>, peer: NodeId) {
        let _ = (cx, peer);
    }
    /// The process died. Keep in `self` what survives on disk; timers and inputs are gone already.
    fn crash(&mut self, now: Time, how: Crash) {
        let _ = (now, how);
    }
    /// The machine under the actor is in this state from now on; told also while the process is down. Work is
    /// stretched by the host, disks are the actor's own.
    fn machine(&mut self, now: Time, machine: Machine) {
        let _ = (now, machine);
    }
}

/// What an actor asks of its host. Plain data, in the order in which it was asked.
#[derive(Clone, Debug)]
pub enum Effect<V: Vocabulary> {
    /// Hand a message to another actor.
    Send(ActorId, V::Msg),
    /// Wake me at this time with the timer in this slot; moves it when it was armed.
    Arm(u32, Time),
    /// The same, before anything else that happens at that time.
    ArmFirst(u32, Time),
    /// Forget the timer in this slot.
    Disarm(u32),
    /// Stay busy this long; what follows in the list happens after.
    Work(Duration),
    /// Tell the observers.
    Emit(V::Fact),
    /// Change the physics of the world: the fault injector's privilege, and a process's own end.
    Command(Command),
}

impl<V: Vocabulary> Effect<V> {
    /// Whether it arms or disarms a timer.
    #[inline]
    pub fn is_about_a_timer(&self) -> bool {
        match self {
            Self::Arm(..) | Self::ArmFirst(..) | Self::Disarm(_) => true,
            Self::Send(..) | Self::Work(_) | Self::Emit(_) | Self::Command(_) => false,
        }
    }
}

/// A change of the physical world.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Command {
    /// End a node's process.
    Crash(NodeId, Crash),
    /// Start it again from what is on its disk.
    Restart(NodeId),
    /// Stop it in its tracks (SIGSTOP, a long collection): inputs wait.
    Pause(NodeId),
    /// Let it go on.
    Resume(NodeId),
    /// Nothing passes from the first node to the second any more; nobody is told.
    Cut(NodeId, NodeId),
    /// It passes again.
    Heal(NodeId, NodeId),
    /// What the first node sends to the second is refused: the sender's connections with it are reset. Those
    /// that there are break at once.
    Refuse(NodeId, NodeId),
    /// It is taken again.
    Accept(NodeId, NodeId),
    /// The path from the first node to the second is worse by this. Burdens add up.
    Burden(NodeId, NodeId, Burden),
    /// One such burden less.
    Relieve(NodeId, NodeId, Burden),
    /// A node's machine is in this state from now on.
    Machine(NodeId, Machine),
}

/// The actor's window on the world, valid for one input; what it asks for is a list of effects.
pub struct Cx<'a, A: Actor> {
    pub(super) now: Time,
    pub(super) me: ActorId,
    pub(super) rng: &'a mut Rng,
    pub(super) timers: &'a mut TimerKeys<A::Timer>,
    pub(super) effects: &'a mut Vec<Effect<A::Vocab>>,
}

impl<A: Actor> Cx<'_, A> {
    /// The time at which the input arrived at the desk and was taken up.
    pub fn now(&self) -> Time {
        self.now
    }

    /// My own seat.
    pub fn me(&self) -> ActorId {
        self.me
    }

    /// My own address, for replies.
    pub fn addr<M>(&self) -> Addr<M>
    where
        A::Msg: From<M>,
    {
        Addr::new(self.me)
    }

    /// This actor's own named stream.
    pub fn rng(&mut self) -> &mut Rng {
        self.rng
    }

    /// Sends a message: at once to an actor on the same node, else through the network.
    pub fn send<M>(&mut self, to: Addr<M>, msg: M)
    where
        M: Into<<A::Vocab as Vocabulary>::Msg>,
    {
        self.effects.push(Effect::Send(to.id, msg.into()));
    }

    /// Wakes me with `timer` after this long. Arming again moves it.
    pub fn arm(&mut self, timer: A::Timer, after: Duration) {
        self.arm_at(timer, self.now + after);
    }

    /// Wakes me with `timer` at this time, or now when it has passed.
    pub fn arm_at(&mut self, timer: A::Timer, at: Time) {
        let slot = self.timers.slot(timer);
        self.effects.push(Effect::Arm(slot, at.max(self.now)));
    }

    /// The same, before anything else that happens at that time, whenever this was asked for: what is planned long
    /// before and what is planned a moment before strike alike. One timer of one actor at a time may be such. By the
    /// clock it is a timer like any other.
    pub fn arm_first(&mut self, timer: A::Timer, at: Time) {
        let slot = self.timers.slot(timer);
        self.effects.push(Effect::ArmFirst(slot, at.max(self.now)));
    }

    /// Forgets `timer`; nothing when it is not armed.
    pub fn disarm(&mut self, timer: A::Timer) {
        if let Some(slot) = self.timers.release(timer) {
            self.effects.push(Effect::Disarm(slot));
        }
    }

    /// Busy for `cost`: what is asked for after this call happens after it; inputs wait at the desk.
    pub fn work(&mut self, cost: Duration) {
        if !cost.is_zero() {
            self.effects.push(Effect::Work(cost));
        }
    }

    /// Tells the observers.
    pub fn emit(&mut self, fact: impl Into<<A::Vocab as Vocabulary>::Fact>) {
        self.effects.push(Effect::Emit(fact.into()));
    }

    /// Tells the observers what has changed in this actor already: at this instant, whatever work was asked for
    /// before. An actor with several servers changes its state when it takes an input up; facts about that
    /// must keep the order of the changes, and must not be lost when it dies at work.
    pub fn emit_at_once(&mut self, fact: impl Into<<A::Vocab as Vocabulary>::Fact>) {
        let work = self.effects.iter().position(|effect| matches!(effect, Effect::Work(_)));
        let index = work.unwrap_or(self.effects.len());
        self.effects.insert(index, Effect::Emit(fact.into()));
    }

    /// Changes the physics of the world. For the fault injector, and for a process that ends itself: nothing that
    /// it asks for after that is done.
    pub fn command(&mut self, command: Command) {
        self.effects.push(Effect::Command(command));
    }
}

/// Which timer sits in which slot: sorted by key, so that a handful of timers is a short search.
#[derive(Clone, Debug)]
pub(super) struct TimerKeys<T> {
    sorted: Vec<(T, u32)>,
    keys: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T: Copy + Ord> TimerKeys<T> {
    fn new() -> Self {
        Self { sorted: Vec::new(), keys: Vec::new(), free: Vec::new() }
    }

    fn slot(&mut self, key: T) -> u32 {
        match self.sorted.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(found) => self.sorted[found].1,
            Err(place) => {
                let slot = self.free.pop().unwrap_or_else(|| {
                    self.keys.push(None);
                    u32::try_from(self.keys.len() - 1).expect("fewer than 2^32 timers")
                });
                self.keys[slot as usize] = Some(key);
                self.sorted.insert(place, (key, slot));
                slot
            }
        }
    }

    fn release(&mut self, key: T) -> Option<u32> {
        let found = self.sorted.binary_search_by(|(other, _)| other.cmp(&key)).ok()?;
        let (_, slot) = self.sorted.remove(found);
        self.keys[slot as usize] = None;
        self.free.push(slot);
        Some(slot)
    }

    pub(super) fn armed(&self, key: T) -> Option<u32> {
        self.sorted.binary_search_by(|(other, _)| other.cmp(&key)).ok().map(|found| self.sorted[found].1)
    }

    pub(super) fn key(&self, slot: u32) -> Option<T> {
        self.keys[slot as usize]
    }

    fn clear(&mut self) {
        *self = Self::new();
    }
}

/// One input of an actor.
#[derive(Clone, Debug)]
pub enum Input<M> {
    /// The run, or the process, begins.
    Start,
    /// A message and who sent it.
    Message(ActorId, M),
    /// The timer in this slot has run out.
    Wake(u32),
    /// The connection with this node was reset.
    Disconnected(NodeId),
}

/// An actor whose type has been erased: what a host keeps at each seat.
pub trait Resident<V: Vocabulary>: Send {
    /// Handles one input as the actor in seat `me` and appends the effects that it asks for.
    ///
    /// # Panics
    /// When the message is not one that the actor understands: typed addresses make that impossible.
    fn handle(&mut self, me: ActorId, now: Time, input: Input<V::Msg>, effects: &mut Vec<Effect<V>>);
    /// Looks at what most inputs touch, and brings it into the CPU's cache by that. What it says means nothing.
    fn glance(&self) -> u64 {
        0
    }
    /// The process died.
    fn crash(&mut self, now: Time, how: Crash);
    /// The machine is in this state from now on.
    fn machine(&mut self, now: Time, machine: Machine);
    /// A copy, with all its state.
    fn duplicate(&self) -> Box<dyn Resident<V>>;
}

/// An actor with its private stream and its timers' names: the state that travels with it.
///
/// What most inputs touch comes first, in as few lines of the CPU's cache as possible.
#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Lodger<A: Actor> {
    pub(super) rng: Rng,
    pub(super) actor: A,
    pub(super) timers: TimerKeys<A::Timer>,
}

impl<A: Actor> Lodger<A> {
    pub(super) fn new(actor: A, rng: Rng) -> Self {
        Self { rng, actor, timers: TimerKeys::new() }
    }
}

impl<A: Actor> Resident<A::Vocab> for Lodger<A> {
    #[inline]
    fn handle(
        &mut self,
        me: ActorId,
        now: Time,
        input: Input<<A::Vocab as Vocabulary>::Msg>,
        effects: &mut Vec<Effect<A::Vocab>>,
    ) {
        let woken = match input {
            Input::Wake(slot) => {
                let key = self.timers.key(slot).expect("a timer that fires is armed");
                self.timers.release(key);
                Some(key)
            }
            _ => None,
        };
        let Self { rng, actor, timers } = self;
        let mut cx = Cx { now, me, rng, timers, effects };
        match input {
            Input::Start => actor.start(&mut cx),
            Input::Message(from, msg) => match A::Msg::try_from(msg) {
                Ok(msg) => actor.receive(&mut cx, from, msg),
                Err(_) => unreachable!("a typed address only takes what its actor understands"),
            },
            Input::Wake(_) => actor.wake(&mut cx, woken.expect("taken above")),
            Input::Disconnected(peer) => actor.disconnected(&mut cx, peer),
        }
    }

    #[inline]
    fn glance(&self) -> u64 {
        self.rng.clone().bits()
    }

    fn crash(&mut self, now: Time, how: Crash) {
        self.timers.clear();
        self.actor.crash(now, how);
    }

    fn machine(&mut self, now: Time, machine: Machine) {
        self.actor.machine(now, machine);
    }

    fn duplicate(&self) -> Box<dyn Resident<A::Vocab>> {
        Box::new(self.clone())
    }
}
