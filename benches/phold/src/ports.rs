//! PHOLD in nexosim 1.0 on one thread, in the two ways in which it can be said there.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use brokersim::kernel::Rng;
use nexosim::model::{BuildContext, Context, Model, ProtoModel, schedulable};
use nexosim::ports::{EventSource, Output};
use nexosim::simulation::{EventId, Mailbox, Scheduler, SimInit, Simulation};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};

use crate::by_hand::another;
use crate::{Engine, SITES};

fn delay(rng: &mut Rng) -> Duration {
    Duration::from_nanos((rng.exponential() * 1e9 + 1.0) as u64)
}

/// What a site needs beside its state.
struct Env {
    here: u32,
    rng: Rng,
    hops: Arc<AtomicU64>,
    world: Arc<OnceLock<World>>,
}

/// The scheduler, and the arrival at each site.
struct World {
    scheduler: Scheduler,
    arrivals: Vec<EventId<u32>>,
}

/// A site that schedules the arrival at the next one through a handle on the global scheduler: one event a
/// hop, and no message. Not how models are meant to speak with each other, but the fastest that there is.
#[derive(Serialize, Deserialize)]
struct Direct {}

#[Model(type Env = Env)]
impl Direct {
    async fn arrive(&mut self, token: u32, _: &Context<Self>, env: &mut Env) {
        env.hops.fetch_add(1, Relaxed);
        let world = env.world.get().expect("set before the run");
        let target = another(&mut env.rng, env.here);
        world
            .scheduler
            .schedule_event(delay(&mut env.rng), &world.arrivals[target as usize], token)
            .expect("the future");
    }
}

struct DirectProto(Env);

impl ProtoModel for DirectProto {
    type Model = Direct;
    fn build(self, _: &mut BuildContext<Self>) -> (Direct, Env) {
        (Direct {}, self.0)
    }
}

/// A run, and how far it has come.
struct Run {
    simulation: Simulation,
    hops: Arc<AtomicU64>,
    tokens: u64,
}

impl Run {
    fn hop(&mut self, hops: u64) -> u64 {
        let before = self.hops.load(Relaxed);
        // A token hops once a second on average.
        let span = Duration::from_nanos((hops as f64 / self.tokens as f64 * 1e9) as u64);
        self.simulation.step_until(span).expect("the models do not fail");
        self.hops.load(Relaxed) - before
    }
}

/// Sites that schedule on each other.
pub struct Scheduled(Run);

impl Scheduled {
    pub fn new(tokens_per_site: u32) -> Self {
        let (hops, world) = (Arc::new(AtomicU64::new(0)), Arc::new(OnceLock::new()));
        let mut bench = SimInit::with_num_threads(1);
        let mut arrivals = Vec::new();
        for here in 0..SITES {
            let mailbox = Mailbox::new();
            arrivals.push(EventSource::new().connect(Direct::arrive, &mailbox).register(&mut bench));
            let rng = Rng::named(1, &format!("site-{here}"));
            let proto = DirectProto(Env { here, rng, hops: hops.clone(), world: world.clone() });
            bench = bench.add_model(proto, mailbox, &format!("site-{here}"));
        }
        let simulation = bench.init(MonotonicTime::EPOCH).expect("a sound bench");
        let scheduler = simulation.scheduler();
        let mut rng = Rng::named(1, "beginning");
        for arrival in arrivals.iter().cycle().take((SITES * tokens_per_site) as usize) {
            scheduler.schedule_event(delay(&mut rng), arrival, 0).expect("the future");
        }
        assert!(world.set(World { scheduler, arrivals }).is_ok(), "set once");
        Self(Run { simulation, hops, tokens: u64::from(SITES * tokens_per_site) })
    }
}

impl Engine for Scheduled {
    fn hop(&mut self, hops: u64) -> u64 {
        self.0.hop(hops)
    }
}

/// A site as nexosim's documentation would write it: what arrives is scheduled on the site itself, and
/// leaves through an output port when its time has come.
#[derive(Serialize, Deserialize)]
struct Site {
    outputs: Vec<Output<u32>>,
    tokens: u32,
}

#[Model(type Env = Env)]
impl Site {
    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>, env: &mut Env) {
        for token in 0..self.tokens {
            cx.schedule_event(delay(&mut env.rng), schedulable!(Self::leave), token).expect("the future");
        }
    }

    async fn arrive(&mut self, token: u32, cx: &Context<Self>, env: &mut Env) {
        env.hops.fetch_add(1, Relaxed);
        cx.schedule_event(delay(&mut env.rng), schedulable!(Self::leave), token).expect("the future");
    }

    #[nexosim(schedulable)]
    async fn leave(&mut self, token: u32, _: &Context<Self>, env: &mut Env) {
        let target = another(&mut env.rng, env.here);
        self.outputs[target as usize].send(token).await;
    }
}

struct SiteProto(Site, Env);

impl ProtoModel for SiteProto {
    type Model = Site;
    fn build(self, _: &mut BuildContext<Self>) -> (Site, Env) {
        (self.0, self.1)
    }
}

/// Sites that send to each other.
pub struct Sent(Run);

impl Sent {
    pub fn new(tokens: u32) -> Self {
        let (hops, world) = (Arc::new(AtomicU64::new(0)), Arc::new(OnceLock::new()));
        let mailboxes: Vec<Mailbox<Site>> = (0..SITES).map(|_| Mailbox::new()).collect();
        let addresses: Vec<_> = mailboxes.iter().map(Mailbox::address).collect();
        let mut bench = SimInit::with_num_threads(1);
        for (here, mailbox) in (0..SITES).zip(mailboxes) {
            let outputs = addresses.iter().map(|address| {
                let mut output = Output::new();
                output.connect(Site::arrive, address);
                output
            });
            let site = Site { outputs: outputs.collect(), tokens };
            let rng = Rng::named(1, &format!("site-{here}"));
            let proto = SiteProto(site, Env { here, rng, hops: hops.clone(), world: world.clone() });
            bench = bench.add_model(proto, mailbox, &format!("site-{here}"));
        }
        let simulation = bench.init(MonotonicTime::EPOCH).expect("a sound bench");
        Self(Run { simulation, hops, tokens: u64::from(SITES * tokens) })
    }
}

impl Engine for Sent {
    fn hop(&mut self, hops: u64) -> u64 {
        self.0.hop(hops)
    }
}
