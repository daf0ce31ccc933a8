//! The medium between nodes: latency, bandwidth, buffer, cuts.
//!
//! Transports are TCP, so a path never reorders: what is sent later from one node to another arrives
//! later, also when the connection broke in between: a reset does not overtake what its sender had sent, and
//! nothing overtakes a reset. A cut is a black hole: messages vanish and nobody is told.
//!
//! **Not modelled:** loss inside a connection (TCP repairs it; its cost is part of the latency law) and
//! slow start.

use std::collections::BTreeMap;

use super::actor::NodeId;
use super::chance::{Law, Rng};
use super::time::{Duration, Time};

mod connections;
mod promises;

use connections::Connections;
use promises::Promises;

/// How a path behaves.
#[derive(Clone, Debug)]
pub struct Shape {
    /// One-way delay of each message.
    pub latency: Law,
    /// Bytes per second out of each node; 0 is without bound.
    pub bandwidth: u64,
    /// Bytes that may wait to leave a node before [`Network::carry`] reports congestion; 0 is without bound.
    pub buffer: u64,
}

impl Shape {
    /// No delay and no bound.
    pub const IDEAL: Self = Self { latency: Law::ZERO, bandwidth: 0, buffer: 0 };

    /// When `bytes` have left a node whose interface is busy until `free`; never when its buffer is full.
    fn queue_up(&self, now: Time, free: Time, bytes: u32) -> Option<Time> {
        let waiting = u128::from(free.since(now).as_nanos()) * u128::from(self.bandwidth) / 1_000_000_000;
        if self.buffer > 0 && waiting + u128::from(bytes) > u128::from(self.buffer) {
            return None;
        }
        let sending = u128::from(bytes) * 1_000_000_000 / u128::from(self.bandwidth);
        Some(free.max(now) + Duration::from_nanos(sending as u64))
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Arrives(Time),
    /// The path is cut, or the sender's buffer overflowed and the connection with it.
    Lost,
}

/// The state of every path. Consulted at every send between nodes.
#[derive(Clone, Debug)]
pub struct Network {
    shape: Shape,
    rng: Rng,
    promises: Promises,
    connections: Connections,
    /// When each node's interface has sent all that it was given.
    departures: Vec<Time>,
    /// Paths with a shape of their own, by the node where they begin.
    shapes: Vec<BTreeMap<NodeId, Shape>>,
    cuts: BTreeMap<(NodeId, NodeId), u32>,
}

impl Network {
    /// A network in which every path has the same shape.
    pub fn new(shape: Shape, seed: u64) -> Self {
        Self {
            shape,
            rng: Rng::named(seed, "network"),
            promises: Promises::default(),
            connections: Connections::default(),
            departures: Vec::new(),
            shapes: Vec::new(),
            cuts: BTreeMap::new(),
        }
    }

    /// Decides what becomes of `bytes` sent now.
    #[inline]
    pub fn carry(&mut self, now: Time, from: NodeId, to: NodeId, bytes: u32) -> Fate {
        if !self.cuts.is_empty() && self.cuts.contains_key(&(from, to)) {
            return Fate::Lost;
        }
        let own = self.shapes.get(from.0 as usize).and_then(|own| own.get(&to));
        let shape = own.unwrap_or(&self.shape);
        let departs = if shape.bandwidth == 0 {
            now
        } else {
            let free = room(&mut self.departures, from.0 as usize, Time::ZERO);
            match shape.queue_up(now, *free, bytes) {
                Some(departs) => *free = departs,
                None => return Fate::Lost,
            }
            *free
        };
        let arrives = departs + shape.latency.sample(&mut self.rng);
        self.connections.connect(from, to);
        Fate::Arrives(self.promises.keep(now, from, to, arrives))
    }

    /// The nodes that have exchanged something with `node`: those that a reset reaches. Forgets them.
    pub fn hang_up(&mut self, node: NodeId) -> Vec<NodeId> {
        self.connections.hang_up(node)
    }

    /// One more reason why nothing passes in this direction.
    pub fn cut(&mut self, from: NodeId, to: NodeId) {
        *self.cuts.entry((from, to)).or_default() += 1;
    }

    /// One reason less.
    pub fn heal(&mut self, from: NodeId, to: NodeId) {
        if let Some(reasons) = self.cuts.get_mut(&(from, to)) {
            *reasons -= 1;
            if *reasons == 0 {
                self.cuts.remove(&(from, to));
            }
        }
    }

    /// Gives one direction of one path a shape of its own.
    pub fn reshape(&mut self, from: NodeId, to: NodeId, shape: Shape) {
        room(&mut self.shapes, from.0 as usize, BTreeMap::new()).insert(to, shape);
    }
}

/// The place `index`, growing the vector to reach it.
#[inline]
fn room<T: Clone>(vector: &mut Vec<T>, index: usize, fill: T) -> &mut T {
    if index >= vector.len() {
        vector.resize(index + 1, fill);
    }
    &mut vector[index]
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeId = NodeId(0);
    const B: NodeId = NodeId(1);

    fn arrival(fate: Fate) -> Time {
        match fate {
            Fate::Arrives(at) => at,
            Fate::Lost => panic!("lost"),
        }
    }

    #[test]
    fn a_path_never_reorders() {
        let latency = Law::lognormal(Duration::from_micros(150), Duration::from_millis(10));
        let mut network = Network::new(Shape { latency, ..Shape::IDEAL }, 1);
        let arrivals: Vec<_> =
            (0..1_000).map(|i| arrival(network.carry(Time::from_nanos(i * 1_000), A, B, 1))).collect();
        assert!(arrivals.is_sorted());
    }

    /// Few ends or many, against a plain map of the last arrivals.
    #[test]
    fn no_path_of_many_reorders() {
        let latency = Law::Exponential { mean: Duration::from_millis(20) };
        for ends in [2, 12, 200, 3_000] {
            let mut network = Network::new(Shape { latency: latency.clone(), ..Shape::IDEAL }, ends);
            let (mut rng, mut latest) = (Rng::named(ends, "ends"), BTreeMap::new());
            let mut bare = Rng::named(ends, "network");
            for i in 0..5_000 {
                let (now, to) = (Time::from_nanos(i * 30_000), NodeId(1 + rng.below(ends) as u32));
                let last = latest.entry(to).or_insert(Time::ZERO);
                *last = (now + latency.sample(&mut bare)).max(*last);
                assert_eq!(network.carry(now, A, to, 1), Fate::Arrives(*last), "{ends} ends");
            }
        }
    }

    #[test]
    fn bandwidth_is_shared_by_all_that_leaves_a_node() {
        let mut network = Network::new(Shape { bandwidth: 1_000_000, ..Shape::IDEAL }, 1);
        assert_eq!(arrival(network.carry(Time::ZERO, A, B, 1_000)), Time::from_millis(1));
        assert_eq!(arrival(network.carry(Time::ZERO, A, NodeId(2), 1_000)), Time::from_millis(2));
        assert_eq!(arrival(network.carry(Time::ZERO, B, A, 1_000)), Time::from_millis(1));
    }

    #[test]
    fn a_full_buffer_loses() {
        let shape = Shape { bandwidth: 1_000, buffer: 2_000, ..Shape::IDEAL };
        let mut network = Network::new(shape, 1);
        assert_ne!(network.carry(Time::ZERO, A, B, 1_000), Fate::Lost);
        assert_ne!(network.carry(Time::ZERO, A, B, 1_000), Fate::Lost, "exactly full");
        assert_eq!(network.carry(Time::ZERO, A, B, 1), Fate::Lost, "one byte too many");
    }

    #[test]
    fn a_cut_is_one_way_and_counts_its_reasons() {
        let mut network = Network::new(Shape::IDEAL, 1);
        network.cut(A, B);
        network.cut(A, B);
        assert_eq!(network.carry(Time::ZERO, A, B, 1), Fate::Lost);
        assert_eq!(network.carry(Time::ZERO, B, A, 1), Fate::Arrives(Time::ZERO));
        network.heal(A, B);
        assert_eq!(network.carry(Time::ZERO, A, B, 1), Fate::Lost);
        network.heal(A, B);
        assert_ne!(network.carry(Time::ZERO, A, B, 1), Fate::Lost);
    }

    #[test]
    fn connections_survive_the_growth_of_the_network() {
        let mut network = Network::new(Shape::IDEAL, 1);
        for other in 1..=3_000 {
            network.carry(Time::ZERO, NodeId(other), A, 1);
        }
        assert_eq!(network.hang_up(NodeId(70)), [A]);
        let rest: Vec<_> = (1..=3_000).filter(|other| *other != 70).map(NodeId).collect();
        assert_eq!(network.hang_up(A), rest);
    }

    #[test]
    fn only_those_who_talked_are_hung_up() {
        let mut network =
            Network::new(Shape { latency: Law::Constant(Duration::from_millis(1)), ..Shape::IDEAL }, 1);
        network.carry(Time::ZERO, A, B, 1);
        network.carry(Time::ZERO, NodeId(3), A, 1);
        assert_eq!(network.hang_up(A), [B, NodeId(3)]);
        assert_eq!(network.hang_up(A), []);
    }
}
