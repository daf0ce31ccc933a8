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
    /// The other side refuses it: the sender's connection is reset.
    Refused,
}

/// The state of every path. Consulted at every send between nodes.
#[derive(Clone, Debug)]
pub struct Network {
    /// Every path has the same shape without a bound, and none is cut, refused or burdened.
    is_plain: bool,
    shape: Shape,
    rng: Rng,
    promises: Promises,
    connections: Connections,
    /// When each node's interface has sent all that it was given.
    departures: Vec<Time>,
    /// Paths with a shape of their own, by the node where they begin.
    shapes: Vec<BTreeMap<NodeId, Shape>>,
    cuts: BTreeMap<(NodeId, NodeId), u32>,
    refusals: BTreeMap<(NodeId, NodeId), u32>,
    burdens: Burdens,
}

impl Network {
    /// A network in which every path has the same shape.
    pub fn new(shape: Shape, seed: u64) -> Self {
        Self {
            is_plain: shape.bandwidth == 0,
            shape,
            rng: Rng::named(seed, "network"),
            promises: Promises::default(),
            connections: Connections::default(),
            departures: Vec::new(),
            shapes: Vec::new(),
            cuts: BTreeMap::new(),
            refusals: BTreeMap::new(),
            burdens: Burdens { carried: BTreeMap::new(), rng: Rng::named(seed, "network/burdens") },
        }
    }

    /// Decides what becomes of `bytes` sent now.
    pub fn carry(&mut self, now: Time, from: NodeId, to: NodeId, bytes: u32) -> Fate {
        match self.depart(now, from, to, || bytes) {
            Fate::Arrives(soonest) => Fate::Arrives(self.promise(now, from, to, soonest)),
            fate @ (Fate::Lost | Fate::Refused) => fate,
        }
    }

    /// The first half of [`Self::carry`]: what becomes of `bytes` sent now, but for having to wait for what is under
    /// way on the same path: that is for [`Self::promise`], which has to be called in the order of departures.
    /// Where there is no bound nobody asks for the bytes.
    #[inline(always)]
    pub fn depart(&mut self, now: Time, from: NodeId, to: NodeId, bytes: impl FnOnce() -> u32) -> Fate {
        let fate = if self.is_plain {
            Fate::Arrives(now + self.shape.latency.sample(&mut self.rng))
        } else {
            self.depart_with_care(now, from, to, bytes())
        };
        if let Fate::Arrives(_) = fate {
            self.connections.connect(from, to);
        }
        fate
    }

    /// The same where paths differ, or are bounded.
    #[inline(never)]
    fn depart_with_care(&mut self, now: Time, from: NodeId, to: NodeId, bytes: u32) -> Fate {
        if !self.cuts.is_empty() && self.cuts.contains_key(&(from, to)) {
            return Fate::Lost;
        }
        if !self.refusals.is_empty() && self.refusals.contains_key(&(from, to)) {
            return Fate::Refused;
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
        let mut arrives = departs + shape.latency.sample(&mut self.rng);
        if !self.burdens.carried.is_empty() {
            arrives = self.burdens.delay(from, to, bytes, arrives);
        }
        Fate::Arrives(arrives)
    }

    /// Looks at each path anew.
    fn look_around(&mut self) {
        self.is_plain = self.shape.bandwidth == 0
            && self.shapes.is_empty()
            && self.cuts.is_empty()
            && self.refusals.is_empty()
            && self.burdens.carried.is_empty();
    }

    /// The second half: what left at `now` and would arrive at `soonest` arrives then, or when all that left before it
    /// on its path has arrived.
    #[inline(always)]
    pub fn promise(&mut self, now: Time, from: NodeId, to: NodeId, soonest: Time) -> Time {
        self.promises.keep(now, from, to, soonest)
    }

    /// Where [`Self::promise`] will look first. For a group of paths one after the other this costs little more than
    /// for one, and leaves them in the CPU's cache, where promising one by one would wait for each.
    #[inline]
    pub fn promised(&self, from: NodeId, to: NodeId) -> Time {
        self.promises.look(from, to)
    }

    /// Whether there are so many promises that looking at one may wait for memory.
    #[inline]
    pub fn is_wide(&self) -> bool {
        self.promises.many
    }

    /// The nodes that have exchanged something with `node`: those that a reset reaches. Forgets them.
    pub fn hang_up(&mut self, node: NodeId) -> Vec<NodeId> {
        self.connections.hang_up(node)
    }

    /// One more reason why nothing passes in this direction.
    pub fn cut(&mut self, from: NodeId, to: NodeId) {
        *self.cuts.entry((from, to)).or_default() += 1;
        self.look_around();
    }

    /// One reason less.
    pub fn heal(&mut self, from: NodeId, to: NodeId) {
        one_less(&mut self.cuts, (from, to));
        self.look_around();
    }

    /// One more reason why what is sent in this direction is refused.
    pub fn refuse(&mut self, from: NodeId, to: NodeId) {
        *self.refusals.entry((from, to)).or_default() += 1;
        self.look_around();
    }

    /// One reason less.
    pub fn accept(&mut self, from: NodeId, to: NodeId) {
        one_less(&mut self.refusals, (from, to));
        self.look_around();
    }

    /// Makes one direction of a path worse.
    pub fn burden(&mut self, from: NodeId, to: NodeId, burden: Burden) {
        self.burdens.carried.entry((from, to)).or_default().push((burden, Time::ZERO));
        self.look_around();
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
        self.look_around();
    }

    /// Gives one direction of one path a shape of its own.
    pub fn reshape(&mut self, from: NodeId, to: NodeId, shape: Shape) {
        room(&mut self.shapes, from.0 as usize, BTreeMap::new()).insert(to, shape);
        self.look_around();
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
