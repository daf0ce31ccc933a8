//! The simulated host on both kinds of agenda, under everything that a world can do to actors.

use serde::Serialize;

use super::{Entry, Simulation};
use crate::kernel::queue::{Agenda, Heap, Ladder};
use crate::kernel::{
    Actor, ActorId, Addr, Builder, Burden, Command, Crash, Cx, Desk, Digest, Duration, Law, Machine, Network,
    NodeId, Payload, Physics, Shape, Time, Vocabulary,
};

#[derive(Clone, Debug)]
struct Gossip;

#[derive(Clone, Debug)]
struct Rumour(u64);

#[derive(Clone, Debug, Serialize)]
enum Fact {
    Heard(u64),
    Rang(u8),
    Lost(NodeId),
    Physics(Physics),
}

impl Payload for Rumour {
    fn bytes(&self) -> u32 {
        200
    }
}

impl From<Physics> for Fact {
    fn from(physics: Physics) -> Self {
        Self::Physics(physics)
    }
}

impl Vocabulary for Gossip {
    type Msg = Rumour;
    type Fact = Fact;
}

const PEERS: u32 = 12;

/// Passes rumours on, now and then to two; rings at once, soon and late; kills and stops others.
#[derive(Clone)]
struct Peer {
    others: Vec<Addr<Rumour>>,
}

impl Peer {
    fn tell(&self, cx: &mut Cx<'_, Self>, rumour: u64) {
        let other = cx.rng().below(u64::from(PEERS)) as usize;
        cx.send(self.others[other], Rumour(rumour));
    }

    fn harm(cx: &mut Cx<'_, Self>) {
        let node = NodeId(cx.rng().below(u64::from(PEERS) / 2) as u32);
        let other = NodeId((node.0 + 1) % (PEERS / 2));
        let command = match cx.rng().below(11) {
            0 => Command::Crash(node, Crash::Process),
            1 => Command::Crash(node, Crash::Power),
            2 | 3 => Command::Restart(node),
            4 => Command::Pause(node),
            5 => Command::Resume(node),
            6 => return [Command::Cut(node, other), Command::Heal(node, other)].map(|c| cx.command(c))[0],
            7 => Command::Refuse(node, other),
            8 => Command::Accept(node, other),
            9 => Command::Machine(node, Machine { cpu: 2_000, ..Machine::SOUND }),
            10 => Command::Burden(node, other, Burden::Jitter(Duration::from_micros(50))),
            which => unreachable!("{which} is not below 11"),
        };
        cx.command(command);
    }
}

impl Actor for Peer {
    type Vocab = Gossip;
    type Msg = Rumour;
    type Timer = u8;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        (0..4).for_each(|rumour| self.tell(cx, rumour));
        cx.arm(0, Duration::from_millis(1));
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, Rumour(rumour): Rumour) {
        cx.emit(Fact::Heard(rumour));
        if cx.rng().chance(0.2) {
            cx.work(Duration::from_micros(30));
        }
        self.tell(cx, rumour + 1);
        cx.arm(1, Duration::from_secs(30));
        if cx.rng().chance(0.1) {
            cx.disarm(1);
        }
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: u8) {
        cx.emit(Fact::Rang(timer));
        cx.arm(timer, Duration::from_millis(3));
        (0..2).for_each(|_| self.tell(cx, 0));
        if cx.me().0 == PEERS - 1 {
            Self::harm(cx);
        }
    }

    fn disconnected(&mut self, cx: &mut Cx<'_, Self>, peer: NodeId) {
        cx.emit(Fact::Lost(peer));
    }
}

/// Two peers a node; the one that does harm lives on a node of its own, which is spared.
fn gossip<Q: Agenda<Entry>>(seed: u64) -> Simulation<Gossip, Q> {
    let latency = Law::lognormal(Duration::from_micros(150), Duration::from_millis(2));
    let mut builder = Builder::new(seed, Network::new(Shape { latency, ..Shape::IDEAL }, seed));
    let nodes: Vec<_> = (0..=PEERS / 2).map(|i| builder.node(format!("node-{i}"))).collect();
    let home = |i: u32| nodes[if i == PEERS - 1 { PEERS as usize / 2 } else { i as usize / 2 }];
    let seats: Vec<_> = (0..PEERS).map(|i| builder.reserve::<Peer>(home(i), format!("peer-{i}"))).collect();
    let others: Vec<_> = seats.iter().map(|seat| seat.addr()).collect();
    for seat in seats {
        builder.install(seat, Peer { others: others.clone() }, Desk::default());
    }
    Simulation::with_agenda(builder.finish())
}

const END: Time = Time::from_millis(400);

fn at_the_end<Q: Agenda<Entry>>(mut run: Simulation<Gossip, Q>) -> (Digest, u64, u64) {
    run.run_until(END, &mut ());
    (run.digest(), run.facts(), run.inputs())
}

#[test]
fn a_run_is_the_same_on_both_kinds_of_agenda() {
    for seed in 0..6 {
        let heap = at_the_end(gossip::<Heap<Entry>>(seed));
        assert!(heap.1 > 2_000, "seed {seed} tells only {} facts", heap.1);
        assert_eq!(at_the_end(gossip::<Ladder<Entry>>(seed)), heap, "seed {seed}");
    }
}

#[test]
fn stopping_and_copying_change_nothing_on_either_agenda() {
    fn in_pieces<Q: Agenda<Entry>>() -> (Digest, u64, u64) {
        let mut run = gossip::<Q>(3);
        for millis in 0..END.as_millis() {
            run.run_until(Time::from_nanos(millis * 1_000_000 + 7), &mut ());
            run.step(5, END, &mut ());
            run = run.clone();
        }
        at_the_end(run)
    }
    let whole = at_the_end(gossip::<Ladder<Entry>>(3));
    assert_eq!(in_pieces::<Ladder<Entry>>(), whole);
    assert_eq!(in_pieces::<Heap<Entry>>(), whole);
}

/// Passes on what it gets to any of so many that their promises are looked up in groups, and rings on the way.
#[derive(Clone)]
struct Walker {
    all: Vec<Addr<Rumour>>,
}

impl Walker {
    fn tell(&self, cx: &mut Cx<'_, Self>, rumour: u64) {
        let to = cx.rng().below(self.all.len() as u64) as usize;
        cx.send(self.all[to], Rumour(rumour));
    }
}

impl Actor for Walker {
    type Vocab = Gossip;
    type Msg = Rumour;
    type Timer = u8;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        (0..60).for_each(|rumour| self.tell(cx, rumour));
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, Rumour(rumour): Rumour) {
        cx.emit(Fact::Heard(rumour));
        if rumour % 16 == 0 {
            let after = cx.rng().below(4_000);
            cx.arm(0, Duration::from_nanos(after));
        }
        self.tell(cx, rumour + 1);
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: u8) {
        cx.emit(Fact::Rang(timer));
    }
}

/// Hardly more instants than messages under way: many arrive together, and some before the next input.
fn walk() -> Simulation<Gossip> {
    let latency = Law::Uniform(Duration::from_nanos(1), Duration::from_micros(4));
    let mut builder = Builder::new(5, Network::new(Shape { latency, ..Shape::IDEAL }, 5));
    let nodes: Vec<_> = (0..500).map(|i| builder.node(format!("node-{i}"))).collect();
    let seats: Vec<_> =
        (0..).zip(nodes).map(|(i, node)| builder.reserve::<Walker>(node, format!("walker-{i}"))).collect();
    let all: Vec<_> = seats.iter().map(|seat| seat.addr()).collect();
    for seat in seats {
        builder.install(seat, Walker { all: all.clone() }, Desk::default());
    }
    Simulation::new(builder.finish())
}

#[test]
fn what_is_looked_up_together_arrives_as_if_looked_up_one_by_one() {
    let (mut together, mut one_by_one) = (walk(), walk());
    let inputs = together.step(100_000, Time::NEVER, &mut ());
    assert!(together.is_wide(), "else nothing is looked up together");
    assert_eq!((0..inputs).map(|_| one_by_one.step(1, Time::NEVER, &mut ())).sum::<u64>(), inputs);
    assert_eq!(together.digest(), one_by_one.digest());
    assert_eq!((together.now(), together.pending()), (one_by_one.now(), one_by_one.pending()));
}

#[test]
fn seeds_differ() {
    assert_ne!(at_the_end(gossip::<Ladder<Entry>>(1)).0, at_the_end(gossip::<Ladder<Entry>>(2)).0);
}
