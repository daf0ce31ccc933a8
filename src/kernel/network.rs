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
    /// What leaves each node.
    lines: Vec<Lines>,
    /// When each node's interface has sent all that it was given.
    departures: Vec<Time>,
    shapes: BTreeMap<(NodeId, NodeId), Shape>,
    cuts: BTreeMap<(NodeId, NodeId), u32>,
}

impl Network {
    /// A network in which every path has the same shape.
    pub fn new(shape: Shape, seed: u64) -> Self {
        Self {
            shape,
            rng: Rng::named(seed, "network"),
            lines: Vec::new(),
            departures: Vec::new(),
            shapes: BTreeMap::new(),
            cuts: BTreeMap::new(),
        }
    }

    /// Decides what becomes of `bytes` sent now.
    #[inline]
    pub fn carry(&mut self, now: Time, from: NodeId, to: NodeId, bytes: u32) -> Fate {
        if !self.cuts.is_empty() && self.cuts.contains_key(&(from, to)) {
            return Fate::Lost;
        }
        let shape = if self.shapes.is_empty() {
            &self.shape
        } else {
            self.shapes.get(&(from, to)).unwrap_or(&self.shape)
        };
        let mut departs = now;
        if shape.bandwidth > 0 {
            let free = room(&mut self.departures, from.0 as usize, Time::ZERO);
            let waiting =
                u128::from(free.since(now).as_nanos()) * u128::from(shape.bandwidth) / 1_000_000_000;
            if shape.buffer > 0 && waiting + u128::from(bytes) > u128::from(shape.buffer) {
                return Fate::Lost;
            }
            let sending = u128::from(bytes) * 1_000_000_000 / u128::from(shape.bandwidth);
            departs = (*free).max(now) + Duration::from_nanos(sending as u64);
            *free = departs;
        }
        let arrives = departs + shape.latency.sample(&mut self.rng);
        let lines = room(&mut self.lines, from.0 as usize, Lines::default());
        lines.connect(to.0 as usize);
        let last = lines.last_arrival(now, to.0);
        *last = arrives.max(*last);
        Fate::Arrives(*last)
    }

    /// The nodes that have exchanged something with `node`: those that a reset reaches. Forgets them.
    pub fn hang_up(&mut self, node: NodeId) -> Vec<NodeId> {
        let mut peers = Vec::new();
        let reached = self.lines.iter().map(|lines| lines.connected.len() * 64).max().unwrap_or(0);
        let nodes = reached.max(self.lines.len());
        for peer in 0..nodes {
            let out = self.forget(node.0 as usize, peer);
            let back = self.forget(peer, node.0 as usize);
            if (out || back) && peer != node.0 as usize {
                peers.push(NodeId(peer as u32));
            }
        }
        peers
    }

    fn forget(&mut self, from: usize, to: usize) -> bool {
        self.lines.get_mut(from).is_some_and(|lines| lines.disconnect(to))
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
        self.shapes.insert((from, to), shape);
    }
}

/// The paths that begin at one node, kept small: most messages have arrived, and only a promise that is
/// still to be kept can be overtaken.
#[derive(Clone, Debug, Default)]
struct Lines {
    /// By bit of the other end: whether there is a connection, that is, something was sent since the last
    /// reset.
    connected: Vec<u64>,
    /// The latest arrival promised at each other end, where that may be still to come; no end twice.
    recent: Vec<(u32, Time)>,
    /// The same by number of the end, once there were too many to look through.
    dense: Vec<Time>,
}

/// How many promises are looked through one by one.
const FEW: usize = 12;

impl Lines {
    /// The latest arrival promised at `to`; any time up to `now` when all have been kept.
    #[inline]
    fn last_arrival(&mut self, now: Time, to: u32) -> &mut Time {
        if self.dense.is_empty() {
            if let Some(known) = self.recent.iter().position(|(end, _)| *end == to) {
                return &mut self.recent[known].1;
            }
            let kept = self.recent.iter().position(|(_, at)| *at <= now).unwrap_or(self.recent.len());
            if kept < FEW {
                let promise = room(&mut self.recent, kept, (to, Time::ZERO));
                promise.0 = to;
                return &mut promise.1;
            }
            self.spread();
        }
        room(&mut self.dense, to as usize, Time::ZERO)
    }

    fn spread(&mut self) {
        for (end, at) in std::mem::take(&mut self.recent) {
            *room(&mut self.dense, end as usize, Time::ZERO) = at;
        }
    }

    #[inline]
    fn connect(&mut self, to: usize) {
        let word = room(&mut self.connected, to / 64, 0);
        *word |= 1 << (to % 64);
    }

    fn disconnect(&mut self, to: usize) -> bool {
        let Some(word) = self.connected.get_mut(to / 64) else { return false };
        let was = *word >> (to % 64) & 1 == 1;
        *word &= !(1 << (to % 64));
        was
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

    /// Few ends or many, looked through or by number: against a plain map of the last arrivals.
    #[test]
    fn no_path_of_many_reorders() {
        let latency = Law::Exponential { mean: Duration::from_millis(1) };
        for ends in [2, FEW as u64, 3 * FEW as u64, 200] {
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
    fn only_those_who_talked_are_hung_up() {
        let mut network =
            Network::new(Shape { latency: Law::Constant(Duration::from_millis(1)), ..Shape::IDEAL }, 1);
        network.carry(Time::ZERO, A, B, 1);
        network.carry(Time::ZERO, NodeId(3), A, 1);
        assert_eq!(network.hang_up(A), [B, NodeId(3)]);
        assert_eq!(network.hang_up(A), []);
    }
}
