//! The medium between nodes: latency, bandwidth, buffer, cuts.
//!
//! Transports are TCP, so a path never reorders: what is sent later from one node to another arrives
//! later, also when the connection broke in between: a reset does not overtake what its sender had sent, and
//! nothing overtakes a reset. A cut is a black hole: messages vanish and nobody is told.
//!
//! **Not modelled:** loss inside a connection (TCP repairs it; its cost is part of the latency law) and
//! slow start.

use std::collections::BTreeMap;

use super::actor::{Burden, NodeId};
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
    /// The other side refuses it: the sender's connection is reset.
    Refused,
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
    shapes: BTreeMap<(NodeId, NodeId), Shape>,
    cuts: BTreeMap<(NodeId, NodeId), u32>,
    refusals: BTreeMap<(NodeId, NodeId), u32>,
    burdens: Burdens,
}

impl Network {
    /// A network in which every path has the same shape.
    pub fn new(shape: Shape, seed: u64) -> Self {
        Self {
            shape,
            rng: Rng::named(seed, "network"),
            promises: Promises::new(),
            connections: Connections::default(),
            departures: Vec::new(),
            shapes: BTreeMap::new(),
            cuts: BTreeMap::new(),
            refusals: BTreeMap::new(),
            burdens: Burdens { carried: BTreeMap::new(), rng: Rng::named(seed, "network/burdens") },
        }
    }

    /// Decides what becomes of `bytes` sent now.
    #[inline]
    pub fn carry(&mut self, now: Time, from: NodeId, to: NodeId, bytes: u32) -> Fate {
        if !self.cuts.is_empty() && self.cuts.contains_key(&(from, to)) {
            return Fate::Lost;
        }
        if !self.refusals.is_empty() && self.refusals.contains_key(&(from, to)) {
            return Fate::Refused;
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
        let mut arrives = departs + shape.latency.sample(&mut self.rng);
        if !self.burdens.carried.is_empty() {
            arrives = self.burdens.delay(from, to, bytes, arrives);
        }
        self.connections.connect(from, to);
        let last = self.promises.latest(now, u64::from(from.0) << 32 | u64::from(to.0));
        *last = arrives.max(*last);
        Fate::Arrives(*last)
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
        one_less(&mut self.cuts, (from, to));
    }

    /// One more reason why what is sent in this direction is refused.
    pub fn refuse(&mut self, from: NodeId, to: NodeId) {
        *self.refusals.entry((from, to)).or_default() += 1;
    }

    /// One reason less.
    pub fn accept(&mut self, from: NodeId, to: NodeId) {
        one_less(&mut self.refusals, (from, to));
    }

    /// Makes one direction of a path worse.
    pub fn burden(&mut self, from: NodeId, to: NodeId, burden: Burden) {
        self.burdens.carried.entry((from, to)).or_default().push((burden, Time::ZERO));
    }

    /// Takes one such burden back; nothing when there is none.
    pub fn relieve(&mut self, from: NodeId, to: NodeId, burden: Burden) {
        let Some(carried) = self.burdens.carried.get_mut(&(from, to)) else { return };
        if let Some(index) = carried.iter().position(|(other, _)| *other == burden) {
            carried.remove(index);
        }
        if carried.is_empty() {
            self.burdens.carried.remove(&(from, to));
        }
    }

    /// Gives one direction of one path a shape of its own.
    pub fn reshape(&mut self, from: NodeId, to: NodeId, shape: Shape) {
        self.shapes.insert((from, to), shape);
    }
}

fn one_less(reasons: &mut BTreeMap<(NodeId, NodeId), u32>, path: (NodeId, NodeId)) {
    if let Some(count) = reasons.get_mut(&path) {
        *count -= 1;
        if *count == 0 {
            reasons.remove(&path);
        }
    }
}

/// What makes paths worse than they are. Chance comes from a stream of its own, so that burdened and other paths
/// keep their latencies.
#[derive(Clone, Debug)]
struct Burdens {
    /// For each path its burdens; with a bound on bandwidth, when all that was given to it has passed.
    carried: BTreeMap<(NodeId, NodeId), Vec<(Burden, Time)>>,
    rng: Rng,
}

impl Burdens {
    /// When what would arrive at `arrives` does so.
    fn delay(&mut self, from: NodeId, to: NodeId, bytes: u32, mut arrives: Time) -> Time {
        for (burden, free) in self.carried.get_mut(&(from, to)).into_iter().flatten() {
            match *burden {
                Burden::Delay(by) => arrives += by,
                Burden::Jitter(by) => arrives += Duration::from_nanos(self.rng.below(by.as_nanos() + 1)),
                Burden::Bandwidth(limit) => {
                    let passing = u128::from(bytes) * 1_000_000_000 / u128::from(limit.max(1));
                    *free = arrives.max(*free) + Duration::from_nanos(passing as u64);
                    arrives = *free;
                }
            }
        }
        arrives
    }
}

/// The latest arrival promised on each path, as long as it is still to come: what has arrived cannot be
/// overtaken. A table with open addressing whose slots are used again when their promise has been kept, so
/// it grows with what is under way and not with the number of paths.
#[derive(Clone, Debug)]
struct Promises {
    /// A power of two of them where a search may begin, and a few for the last to end in.
    slots: Vec<(u64, Time)>,
}

/// How many slots are looked through for a path before the table is doubled.
const PROBES: usize = 8;

impl Promises {
    fn new() -> Self {
        Self { slots: vec![(0, Time::ZERO); 64 + PROBES] }
    }

    /// The latest arrival promised on this path; any time up to `now` when all have been kept.
    #[inline]
    fn latest(&mut self, now: Time, path: u64) -> &mut Time {
        loop {
            if let Some(slot) = self.find(now, path) {
                return &mut self.slots[slot].1;
            }
            self.grow(now);
        }
    }

    /// The slot of this path, taken over from a kept promise when it has none; none when all are in use.
    #[inline]
    fn find(&mut self, now: Time, path: u64) -> Option<usize> {
        let hash = path.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let begin = hash as usize & (self.slots.len() - PROBES - 1);
        let window = &mut self.slots[begin..begin + PROBES];
        let mut kept = PROBES;
        for (probe, (other, at)) in window.iter().enumerate() {
            if *at <= now {
                kept = kept.min(probe);
            } else if *other == path {
                return Some(begin + probe);
            }
        }
        *window.get_mut(kept)? = (path, now);
        Some(begin + kept)
    }

    fn grow(&mut self, now: Time) {
        let doubled = vec![(0, Time::ZERO); 2 * (self.slots.len() - PROBES) + PROBES];
        for (path, at) in std::mem::replace(&mut self.slots, doubled) {
            if at > now {
                *self.latest(now, path) = at;
            }
        }
    }
}

/// Which pairs of nodes are connected: something was sent between them since the last reset.
#[derive(Clone, Debug, Default)]
struct Connections {
    /// By node, the bits of the nodes with smaller numbers.
    bits: Vec<Vec<u64>>,
    /// Paths used lately whose bits are still to be set: many at a time, because each is far from the last.
    used: Vec<(NodeId, NodeId)>,
}

/// How many bits are set at a time.
const BATCH: usize = 256;

impl Connections {
    #[inline]
    fn connect(&mut self, from: NodeId, to: NodeId) {
        self.used.push((from, to));
        if self.used.len() >= BATCH {
            self.settle();
        }
    }

    fn settle(&mut self) {
        for (from, to) in self.used.drain(..) {
            let (row, column) = (from.max(to).0 as usize, from.min(to).0 as usize);
            *room(room(&mut self.bits, row, Vec::new()), column / 64, 0) |= 1 << (column % 64);
        }
    }

    /// Ends what there is between `node` and all others; who those were.
    fn hang_up(&mut self, node: NodeId) -> Vec<NodeId> {
        self.settle();
        let others = (0..self.bits.len() as u32).map(NodeId);
        others.filter(|other| self.disconnect(node, *other) && *other != node).collect()
    }

    /// Ends a connection; whether there was one.
    fn disconnect(&mut self, one: NodeId, other: NodeId) -> bool {
        let (row, column) = (one.max(other).0 as usize, one.min(other).0 as usize);
        let word = self.bits.get_mut(row).and_then(|row| row.get_mut(column / 64));
        word.is_some_and(|word| {
            let was = *word >> (column % 64) & 1 == 1;
            *word &= !(1 << (column % 64));
            was
        })
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
            Fate::Lost | Fate::Refused => panic!("lost"),
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
    fn burdens_add_up_and_go_one_by_one() {
        let ms = Duration::from_millis;
        let mut network = Network::new(Shape::IDEAL, 1);
        let slow = Burden::Delay(ms(10));
        network.burden(A, B, slow);
        network.burden(A, B, slow);
        network.burden(A, B, Burden::Bandwidth(1_000));
        assert_eq!(arrival(network.carry(Time::ZERO, A, B, 100)), Time::from_millis(120));
        assert_eq!(arrival(network.carry(Time::ZERO, A, B, 100)), Time::from_millis(220), "behind the first");
        assert_eq!(arrival(network.carry(Time::ZERO, B, A, 100)), Time::ZERO, "one way");
        network.relieve(A, B, Burden::Bandwidth(1_000));
        network.relieve(A, B, slow);
        assert_eq!(arrival(network.carry(Time::from_secs(1), A, B, 1)), Time::from_millis(1_010));
        network.relieve(A, B, slow);
        network.relieve(A, B, slow);
        assert_eq!(arrival(network.carry(Time::from_secs(2), A, B, 1)), Time::from_secs(2));
    }

    #[test]
    fn a_refusal_counts_its_reasons_and_a_cut_hides_it() {
        let mut network = Network::new(Shape::IDEAL, 1);
        network.refuse(A, B);
        network.refuse(A, B);
        network.accept(A, B);
        assert_eq!(network.carry(Time::ZERO, A, B, 1), Fate::Refused);
        network.cut(A, B);
        assert_eq!(network.carry(Time::ZERO, A, B, 1), Fate::Lost, "what does not arrive is not refused");
        network.heal(A, B);
        network.accept(A, B);
        assert_ne!(network.carry(Time::ZERO, A, B, 1), Fate::Refused);
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
