//! The lens: a second observer beside the watch, for somebody who looks. It keeps what a screen shows and a summary
//! does not: replicas and their logs, owners of partitions, rebalances with who had what, faults, states over time.
//!
//! Only facts go in. What no fact tells is not guessed: the log end of a follower is known when it takes its role or
//! cuts its log, and is at least the high watermark while it is in sync; a [`LogEnd`] says which of both it is.
//!
//! **Invariant.** What a lens shows is a function of the facts so far and the instant, however the run was sliced, so
//! that a run that went back shows what it showed on the first way. Memory is bounded: see the limits of each list.
//! A run without a screen has no lens and pays nothing for it.
//!
//! **Not modelled:** the assigned replicas of a partition. Those that were in sync, led or followed once are shown.

mod album;
mod detail;
mod filter;
mod follow;
mod groups;
mod lanes;
mod logs;
mod shelf;
mod told;

use std::sync::Arc;

use crate::kernel::{ActorId, Cast, Duration, Event, Observer, Time};
use crate::trace::kafka::{BrokerId, Kafka};
use crate::trace::{Fact, Life, RecordId, Stage};

use super::watch::Watch;

pub use album::{Album, Around, Query, RecordLeg, RecordLine, RecordOrder, RecordPage, SourceKeys};
pub use detail::{
    BrokerView, CutLink, Detail, Epoch, FaultState, FaultView, GroupDetail, Health, LogEnd, Look,
    MemberState, MemberView, NodeLane, Ownership, PlaceCloseUp, PlaceDetail, Rates, RebalanceView,
    ReplicaView, RoleChange, Scheduled, Tail,
};
pub use filter::{Bounds, FateFilter, Filter, KeyHash, Term, Test};
pub use follow::{Contents, Follow, Trace, TraceLine};
pub use told::{Asked, Part, Telling, Told, ToldLine, Tone};

use groups::Groups;
use lanes::Lanes;
use logs::Logs;

/// How often rates are taken.
const TICK: Duration = Duration::from_secs(1);
/// Rates of so many ticks are kept.
const TICKS: usize = 120;

/// What a lens is told at the beginning.
#[derive(Clone, Debug)]
pub struct LensSetup {
    /// Names and numbers.
    pub stage: Arc<Stage>,
    /// Names of nodes and actors.
    pub cast: Arc<Cast>,
    /// What the scenario says will go wrong.
    pub scheduled: Vec<Scheduled>,
}

/// The observer behind the screens.
#[derive(Clone, Debug)]
pub struct Lens {
    stage: Arc<Stage>,
    /// The broker that an actor is a part of, by actor.
    brokers: Arc<[Option<BrokerId>]>,
    scheduled: Arc<[Scheduled]>,
    /// Faults from this number on were injected by hand.
    by_hand_from: u32,
    logs: Logs,
    groups: Groups,
    lanes: Lanes,
    rates: Rates,
    /// What is known of records beyond what the ledger says of them.
    album: Album,
    next_tick: Time,
}

impl Lens {
    /// A lens before the first event.
    pub fn new(setup: LensSetup) -> Self {
        let LensSetup { stage, cast, scheduled } = setup;
        let brokers = cast.actors.iter().map(|(_, node)| broker_named(cast.node(*node))).collect();
        Self {
            logs: Logs::new(&stage),
            groups: Groups::new(&stage, Arc::clone(&cast)),
            lanes: Lanes::new(Arc::clone(&cast), Arc::clone(&stage)),
            album: Album::new(Arc::clone(&stage)),
            stage,
            brokers,
            scheduled: scheduled.into(),
            by_hand_from: u32::MAX,
            rates: Rates::default(),
            next_tick: Time::ZERO + TICK,
        }
    }

    /// The same, finding keys by this hash where their bytes are not kept.
    #[must_use]
    pub fn hashing(mut self, hash: KeyHash) -> Self {
        self.album.hash_with(hash);
        self
    }

    /// The same, knowing keys by their hash where contents are not kept.
    #[must_use]
    pub fn knowing(mut self, keys: SourceKeys) -> Self {
        self.album.know(keys);
        self
    }

    /// The key of a record with this hash, where the keys of its source are known beforehand.
    pub fn key_of(&self, id: RecordId, hash: Option<i32>) -> Option<&Arc<[u8]>> {
        self.album.key_of(id, hash)
    }

    /// The same for a run in which faults from this number on are injected by hand: nobody knows of them before.
    #[must_use]
    pub fn by_hand_from(mut self, number: u32) -> Self {
        self.by_hand_from = number;
        self
    }

    /// The leader epoch of every partition.
    pub fn epochs(&self) -> Vec<u32> {
        self.logs.rows().iter().map(|place| place.epoch).collect()
    }

    /// One more fault is to come.
    pub fn expect(&mut self, fault: Scheduled) {
        self.scheduled = self.scheduled.iter().cloned().chain([fault]).collect();
    }

    /// Lets time pass without events.
    pub fn catch_up(&mut self, now: Time) {
        while self.next_tick <= now {
            let at = self.next_tick;
            self.logs.tick();
            self.groups.tick();
            self.rates.tick(self.logs.under_replicated(), TICKS);
            self.next_tick = at + TICK;
        }
    }

    /// What is seen when somebody looks there. `watch` has seen the same events, and remembers who has left
    /// ([`Watch::remember`]).
    pub fn detail(&self, watch: &Watch, look: &Look) -> Detail {
        let now = watch.now();
        let stage = &self.stage;
        Detail {
            places: self.logs.rows(),
            close_up: look
                .place
                .filter(|place| place.0 < stage.places())
                .map(|place| self.logs.close_up(place)),
            groups: self.groups.all(watch, look.group),
            brokers: self.lanes.brokers(),
            nodes: self.lanes.nodes(),
            links: self.lanes.links(),
            faults: self.lanes.faults(&self.scheduled, self.by_hand_from, now),
            rates: self.rates.clone(),
            verdicts: watch.verdicts(),
            records: look.records.as_ref().map(|query| self.album.page(watch, query)),
            trace: None,
            why: None,
        }
    }

    fn see(&mut self, event: &Event<Fact>) {
        if event.at >= self.next_tick {
            self.catch_up(event.at);
        }
        let broker = self.brokers.get(event.actor.0 as usize).copied().flatten();
        match &event.fact {
            Fact::Life(life) => self.life(event.at, event.actor, broker, life),
            Fact::Kafka(kafka) => self.kafka(event, broker, kafka),
            Fact::Physics(physics) => {
                self.lanes.physics(event.at, physics);
                self.groups.physics(physics);
            }
            Fact::Injected(injected) => self.lanes.injected(event.at, injected),
            Fact::Mqtt(_) | Fact::ZeroMq(_) | Fact::Commanded(_) => {}
        }
    }

    fn life(&mut self, at: Time, actor: ActorId, broker: Option<BrokerId>, life: &Life) {
        match life {
            Life::Offered { records, .. } => self.rates.offered_now += u64::from(*records),
            Life::Stored { ids, place, offset } => {
                self.logs.stored(*place, broker, *offset, ids.len());
                self.album.stored(ids);
            }
            Life::Committed { place, upto } => self.logs.committed(*place, broker, *upto),
            Life::Cut { place, from, .. } => self.logs.cut(*place, *from),
            Life::Expired { place, below, .. } => self.logs.expired(*place, *below),
            Life::Delivered { group, .. } => self.groups.delivered(at, *group, actor),
            Life::Processed { ids, group, .. } => {
                self.rates.processed_now += u64::from(ids.len());
                self.groups.processed(*group, actor, ids.len());
            }
            Life::Accepted { .. }
            | Life::Rejected { .. }
            | Life::Unknown { .. }
            | Life::Dropped { .. }
            | Life::DeadLettered { .. }
            | Life::Settled { .. }
            | Life::Skipped { .. }
            | Life::Failed { .. }
            | Life::Acknowledged { .. }
            | Life::Missed { .. }
            | Life::Withheld { .. }
            | Life::Ignored { .. }
            | Life::Resent { .. } => {}
        }
    }

    fn kafka(&mut self, event: &Event<Fact>, broker: Option<BrokerId>, kafka: &Kafka) {
        self.logs.kafka(event.at, broker, kafka);
        self.groups.kafka(event.at, event.actor, kafka);
    }
}

impl Observer<Fact> for Lens {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events {
            self.see(event);
        }
    }
}

/// The broker of a node's name: `broker-2`.
fn broker_named(node: &str) -> Option<BrokerId> {
    node.strip_prefix("broker-").and_then(|number| number.parse().ok()).map(BrokerId)
}
