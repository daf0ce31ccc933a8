//! From a description to a system of actors: seats are reserved, addresses handed out, actors installed.
//!
//! Addresses come only from a reserved seat whose actor understands the type, so a message that nobody
//! would understand does not compile:
//!
//! ```compile_fail
//! # use brokersim::kernel::*;
//! # fn wrong<A: Actor>(seat: &Seat<A>) {
//! let _: Addr<String> = seat.addr();   // A::Msg is not From<String>
//! # }
//! ```

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::actor::{Actor, ActorId, Addr, Lodger, NodeId, Resident, Vocabulary};
use super::chance::Rng;
use super::network::Network;

/// Who plays: the names of nodes and actors, for people and files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cast {
    /// Names of nodes by [`NodeId`].
    pub nodes: Vec<String>,
    /// Names of actors by [`ActorId`], and the node each lives on.
    pub actors: Vec<(String, NodeId)>,
}

impl Cast {
    /// The name of a node.
    pub fn node(&self, id: NodeId) -> &str {
        self.nodes.get(id.0 as usize).map_or("?", |name| name)
    }

    /// The name of an actor.
    pub fn actor(&self, id: ActorId) -> &str {
        self.actors.get(id.0 as usize).map_or("?", |(name, _)| name)
    }
}

/// A place in the system, reserved for an actor of type `A` before it exists.
#[derive(Debug)]
pub struct Seat<A> {
    id: ActorId,
    node: NodeId,
    awaits: PhantomData<fn() -> A>,
}

impl<A: Actor> Seat<A> {
    /// An address for messages of a type that the actor understands.
    pub fn addr<M>(&self) -> Addr<M>
    where
        A::Msg: From<M>,
    {
        Addr::new(self.id)
    }

    /// The number of the seat.
    pub fn id(&self) -> ActorId {
        self.id
    }

    /// The node it stands on.
    pub fn node(&self) -> NodeId {
        self.node
    }
}

/// How many inputs an actor works on at a time: the threads behind one desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Desk {
    /// Inputs in work at once; the others wait in the order in which they came.
    pub servers: u32,
}

impl Default for Desk {
    fn default() -> Self {
        Self { servers: 1 }
    }
}

/// An actor at its desk.
pub type Seated<V> = (Box<dyn Resident<V>>, Desk);

/// A system under construction.
pub struct Builder<V: Vocabulary> {
    seed: u64,
    cast: Cast,
    residents: Vec<Option<Seated<V>>>,
    /// The medium, for shapes of single paths.
    pub network: Network,
}

/// A finished system, for a host to run.
pub struct Parts<V: Vocabulary> {
    /// The scenario's seed.
    pub seed: u64,
    /// Names.
    pub cast: Cast,
    /// Actors by [`ActorId`].
    pub residents: Vec<Seated<V>>,
    /// The medium.
    pub network: Network,
}

impl<V: Vocabulary> Builder<V> {
    /// An empty system.
    pub fn new(seed: u64, network: Network) -> Self {
        Self { seed, cast: Cast::default(), residents: Vec::new(), network }
    }

    /// A new node.
    pub fn node(&mut self, name: impl Into<String>) -> NodeId {
        self.cast.nodes.push(name.into());
        NodeId(u32::try_from(self.cast.nodes.len() - 1).expect("fewer than 2^32 nodes"))
    }

    /// A seat for an actor that will be installed later. Its name decides its stream of chance.
    pub fn reserve<A: Actor<Vocab = V>>(&mut self, node: NodeId, name: impl Into<String>) -> Seat<A> {
        let id = ActorId(u32::try_from(self.residents.len()).expect("fewer than 2^32 actors"));
        self.cast.actors.push((name.into(), node));
        self.residents.push(None);
        Seat { id, node, awaits: PhantomData }
    }

    /// Puts the actor into its seat.
    pub fn install<A: Actor<Vocab = V>>(&mut self, seat: Seat<A>, actor: A, desk: Desk) {
        assert!(desk.servers > 0, "a desk has at least one server");
        let rng = Rng::named(self.seed, self.cast.actor(seat.id));
        self.residents[seat.id.0 as usize] = Some((Box::new(Lodger::new(actor, rng)), desk));
    }

    /// The names so far.
    pub fn cast(&self) -> &Cast {
        &self.cast
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The finished system.
    ///
    /// # Panics
    /// When a seat was reserved and stayed empty, or two actors share a name.
    pub fn finish(self) -> Parts<V> {
        let Self { seed, cast, residents, network } = self;
        let mut names: Vec<&str> = cast.actors.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        // Two of one name would draw the same chances.
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "every actor has a name of its own");
        let residents = residents
            .into_iter()
            .enumerate()
            .map(|(id, resident)| {
                resident.unwrap_or_else(|| panic!("nobody sits at {}", cast.actor(ActorId(id as u32))))
            })
            .collect();
        Parts { seed, cast, residents, network }
    }
}
