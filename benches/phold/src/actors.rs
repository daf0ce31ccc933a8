//! PHOLD through brokersim's actor API.

use std::sync::Arc;

use brokersim::host::Simulation;
use brokersim::kernel::{
    self, Actor, ActorId, Addr, Builder, Cx, Desk, Duration, Law, Payload, Physics, Seat, Shape, Time,
    Vocabulary,
};
use serde::Serialize;

use crate::by_hand::another;
use crate::{Engine, SITES};

/// What is said and seen here.
#[derive(Clone, Debug)]
struct Phold;

#[derive(Clone, Copy, Debug)]
struct Token;

impl Payload for Token {
    fn bytes(&self) -> u32 {
        100
    }
}

#[derive(Clone, Debug, Serialize)]
enum Fact {
    Hopped { visits: u64 },
    Physics(Physics),
}

impl From<Physics> for Fact {
    fn from(physics: Physics) -> Self {
        Self::Physics(physics)
    }
}

impl Vocabulary for Phold {
    type Msg = Token;
    type Fact = Fact;
}

const MEAN: Law = Law::Exponential { mean: Duration::from_nanos(1_000_000_000) };

/// Sends every token on at once; the network takes its time.
#[derive(Clone)]
struct Relay {
    peers: Arc<[Addr<Token>]>,
    tokens: u32,
    visits: u64,
    talks: bool,
}

impl Relay {
    fn send_on(&self, cx: &mut Cx<'_, Self>, token: Token) {
        let here = cx.me().0;
        let target = another(cx.rng(), here);
        cx.send(self.peers[target as usize], token);
    }
}

impl Actor for Relay {
    type Vocab = Phold;
    type Msg = Token;
    type Timer = ();

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        (0..self.tokens).for_each(|_| self.send_on(cx, Token));
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, token: Token) {
        self.visits += 1;
        if self.talks {
            cx.emit(Fact::Hopped { visits: self.visits });
        }
        self.send_on(cx, token);
    }
}

/// Keeps every token for a while by a timer of its own, then sends it to an actor on the same node.
#[derive(Clone)]
struct Keeper {
    peers: Arc<[Addr<Token>]>,
    tokens: u32,
    /// Numbers of timers that are not in use.
    free: Vec<u32>,
}

impl Keeper {
    fn keep(&mut self, cx: &mut Cx<'_, Self>) {
        let timer = self.free.pop().unwrap_or(self.tokens);
        self.tokens = self.tokens.max(timer + 1);
        let delay = MEAN.sample(cx.rng());
        cx.arm(timer, delay);
    }
}

impl Actor for Keeper {
    type Vocab = Phold;
    type Msg = Token;
    type Timer = u32;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        let tokens = std::mem::take(&mut self.tokens);
        (0..tokens).for_each(|_| self.keep(cx));
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, _: Token) {
        self.keep(cx);
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: u32) {
        self.free.push(timer);
        let here = cx.me().0;
        let target = another(cx.rng(), here);
        cx.send(self.peers[target as usize], Token);
    }
}

/// Relays on a node each, with a network of exponential latency between them.
pub struct Network(Simulation<Phold>);

impl Network {
    pub fn silent(tokens: u32) -> Self {
        Self::new(tokens, false)
    }

    pub fn talking(tokens: u32) -> Self {
        Self::new(tokens, true)
    }

    fn new(tokens: u32, talks: bool) -> Self {
        let mut builder = builder();
        let seats: Vec<Seat<Relay>> = (0..SITES)
            .map(|i| {
                let node = builder.node(format!("node-{i}"));
                builder.reserve(node, format!("site-{i}"))
            })
            .collect();
        let peers: Arc<[Addr<Token>]> = seats.iter().map(Seat::addr).collect();
        for seat in seats {
            let relay = Relay { peers: peers.clone(), tokens, visits: 0, talks };
            builder.install(seat, relay, Desk::default());
        }
        Self(started(builder))
    }
}

impl Engine for Network {
    fn hop(&mut self, hops: u64) -> u64 {
        self.0.step(hops, Time::NEVER, &mut ())
    }
}

/// Keepers on one node.
pub struct Timers(Simulation<Phold>);

impl Timers {
    pub fn new(tokens: u32) -> Self {
        let mut builder = builder();
        let node = builder.node("node");
        let seats: Vec<Seat<Keeper>> =
            (0..SITES).map(|i| builder.reserve(node, format!("site-{i}"))).collect();
        let peers: Arc<[Addr<Token>]> = seats.iter().map(Seat::addr).collect();
        for seat in seats {
            let keeper = Keeper { peers: peers.clone(), tokens, free: Vec::new() };
            builder.install(seat, keeper, Desk::default());
        }
        Self(started(builder))
    }
}

impl Engine for Timers {
    fn hop(&mut self, hops: u64) -> u64 {
        self.0.step(2 * hops, Time::NEVER, &mut ()) / 2
    }
}

fn builder() -> Builder<Phold> {
    Builder::new(1, kernel::Network::new(Shape { latency: MEAN, ..Shape::IDEAL }, 1))
}

fn started(builder: Builder<Phold>) -> Simulation<Phold> {
    let mut simulation = Simulation::new(builder.finish());
    simulation.step(u64::from(SITES), Time::NEVER, &mut ());
    simulation
}
