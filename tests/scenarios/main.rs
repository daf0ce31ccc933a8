//! Stories of whole systems: a scenario as text, what happened in it, and what must be true of that.
//!
//! Every story is told twice, in one go and in slices, and its digests are equal.

#![allow(missing_docs, reason = "a harness of tests")]

mod acknowledgements;
mod books;
mod brokers;
mod clients;
mod compaction;
mod consumers;
mod faults;
mod groups;
mod library;
mod pipelines;
mod promises;
mod properties;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use brokersim::host::Simulation;
use brokersim::kernel::{Cast, Duration, Event, Physics, Time};
use brokersim::observe::ledger::{Balance, Tally};
use brokersim::observe::{Watch, WatchSetup};
use brokersim::scenario::wiring::{Wired, wire};
use brokersim::scenario::{Overrides, Scenario};
use brokersim::trace::kafka::{BrokerId, Kafka};
use brokersim::trace::{Fact, Ids, Life, PlaceId, Reason, RecordId, Stage};

/// One partition on three brokers, 50 records a second, one reader.
pub const SHOP: &str = r#"
[run]
seed = 7
duration = "60s"
drain = "20s"
[network]
latency = { constant = "500us" }
[kafka]
brokers = 3
min.insync.replicas = 2
[kafka.topics.orders]
partitions = 1
replication.factor = 3
[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "50/s" }
[[sink]]
name = "billing"
from = "orders"
consumer.auto.offset.reset = "earliest"
"#;

/// A story that has been told.
pub struct Told {
    pub events: Vec<Event<Fact>>,
    pub books: Balance,
    pub tally: Tally,
    pub stage: Arc<Stage>,
    pub cast: Cast,
    pub watch: Watch,
}

/// A fault of one node, as its `[[fault]]` reads.
#[derive(Clone, Copy)]
pub struct Blow {
    pub fault: &'static str,
    pub node: &'static str,
    pub at: f64,
    pub lasts: Option<f64>,
}

/// Tells a scenario.
pub fn tell(text: &str) -> Told {
    tell_with(text, &[], &[])
}

/// Tells a scenario with settings laid over it and more that goes wrong.
pub fn tell_with(text: &str, set: &[&str], blows: &[Blow]) -> Told {
    let blows: String = blows.iter().map(Blow::to_string).collect();
    let scenario = load(&format!("{text}{blows}"), set);
    let (told, digest) = tell_once(wire(&scenario));
    assert_eq!(in_slices(wire(&scenario)), digest, "the same scenario is the same run");
    told
}

pub fn load(text: &str, set: &[&str]) -> Scenario {
    let set = set.iter().map(|text| (*text).to_owned()).collect();
    let overrides = Overrides { set, ..Overrides::default() };
    Scenario::load(text, "story.toml", &overrides)
        .unwrap_or_else(|error| panic!("{}", error.render(false, 100)))
}

fn tell_once(wired: Wired) -> (Told, String) {
    let stage = Arc::clone(&wired.stage);
    let mut simulation = Simulation::new(wired.parts);
    let cast = simulation.cast().clone();
    let watch = Watch::new(WatchSetup {
        stage: Arc::clone(&stage),
        cast: Arc::new(cast.clone()),
        warm_up: Time::ZERO,
        end: wired.end,
        sample_every: Duration::from_millis(500),
        for_tape: false,
    })
    .expecting(wired.expected.clone());
    let mut observer = (watch, Vec::new());
    simulation.run_until(wired.end, &mut observer);
    let (mut watch, events) = observer;
    assert!(watch.balance().holds(), "the books balance before they are closed: {:?}", watch.balance());
    watch.close(simulation.now());
    let books = watch.balance();
    assert!(books.holds(), "the books balance: {books:?}");
    let told = Told { events, books, tally: watch.tally(), stage, cast, watch };
    (told, simulation.digest().to_string())
}

/// The digest of a run that is stopped and looked at again and again.
fn in_slices(wired: Wired) -> String {
    let mut simulation = Simulation::new(wired.parts);
    let mut until = Time::ZERO;
    while until < wired.end {
        until = (until + Duration::from_millis(1_703)).min(wired.end);
        simulation.run_until(until, &mut ());
    }
    simulation.digest().to_string()
}

impl Blow {
    pub fn kill(node: &'static str, at: f64, lasts: Option<f64>) -> Self {
        Self { fault: "kill", node, at, lasts }
    }

    pub fn pause(node: &'static str, at: f64, lasts: f64) -> Self {
        Self { fault: "pause", node, at, lasts: Some(lasts) }
    }
}

impl fmt::Display for Blow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, node, at, lasts } = self;
        writeln!(f, "[[fault]]\nat = \"{}ns\"\n{fault} = \"{node}\"", seconds(*at).as_nanos())?;
        lasts.map_or(Ok(()), |lasts| writeln!(f, "for = \"{}ns\"", seconds(lasts).as_nanos()))
    }
}

/// A time in seconds.
pub fn seconds(seconds: f64) -> Time {
    Time::from_nanos((seconds * 1e9) as u64)
}

impl Told {
    pub fn lost(&self, why: Reason) -> u64 {
        self.books.lost.get(&why).copied().unwrap_or(0)
    }

    pub fn dropped(&self, why: Reason) -> u64 {
        self.books.dropped.get(&why).copied().unwrap_or(0)
    }

    pub fn rejected(&self, why: Reason) -> u64 {
        self.books.rejected.get(&why).copied().unwrap_or(0)
    }

    /// Every record was processed and settled by every group.
    #[track_caller]
    pub fn assert_all_settled(&self) {
        assert!(self.books.offered > 0, "something was offered");
        assert_eq!(self.books.settled, self.books.offered, "{:?}", self.books);
    }

    pub fn kafka(&self) -> impl Iterator<Item = (Time, &Event<Fact>, &Kafka)> {
        self.events.iter().filter_map(|event| match &event.fact {
            Fact::Kafka(kafka) => Some((event.at, event, kafka)),
            _ => None,
        })
    }

    pub fn life(&self) -> impl Iterator<Item = (Time, &Event<Fact>, &Life)> {
        self.events.iter().filter_map(|event| match &event.fact {
            Fact::Life(life) => Some((event.at, event, life)),
            _ => None,
        })
    }

    /// The name of who reports an event.
    pub fn who(&self, event: &Event<Fact>) -> &str {
        self.cast.actor(event.actor)
    }

    /// The place of a channel's partition.
    pub fn place(&self, channel: &str, partition: u32) -> PlaceId {
        let channel = self.stage.channel_named(channel).expect("the channel exists");
        PlaceId(self.stage.channels[channel.index()].first_place.0 + partition)
    }

    /// When nodes crashed, and which.
    pub fn crashes(&self) -> Vec<(Time, String)> {
        let crashed = |event: &Event<Fact>| match event.fact {
            Fact::Physics(Physics::Crashed { node, .. }) => Some((event.at, self.cast.node(node).to_owned())),
            _ => None,
        };
        self.events.iter().filter_map(crashed).collect()
    }

    /// Leaders of a place in the order in which the controller named them: when, who, epoch, in-sync set.
    pub fn leaders(&self, place: PlaceId) -> Vec<(Time, Option<BrokerId>, u32, Vec<BrokerId>)> {
        let changed = self.kafka().filter_map(|(at, _, fact)| match fact {
            Kafka::PartitionChanged { place: of, leader, leader_epoch, isr, .. } if *of == place => {
                Some((at, *leader, *leader_epoch, isr.to_vec()))
            }
            _ => None,
        });
        changed.collect()
    }

    /// How often each record was processed by anybody.
    pub fn processed(&self) -> BTreeMap<RecordId, u32> {
        let mut counts = BTreeMap::new();
        for (_, _, life) in self.life() {
            if let Life::Processed { ids, .. } = life {
                ids.iter().for_each(|id| *counts.entry(id).or_default() += 1);
            }
        }
        counts
    }

    /// The records of a fact.
    pub fn accepted(&self) -> u64 {
        self.tally.accepted
    }

    /// Ids with their places and offsets as they were stored, last copy wins.
    pub fn stored(&self) -> Vec<(Time, Ids, PlaceId, u64)> {
        let stored = self.life().filter_map(|(at, _, life)| match life {
            Life::Stored { ids, place, offset } => Some((at, ids.clone(), *place, *offset)),
            _ => None,
        });
        stored.collect()
    }
}

#[test]
#[ignore = "a tool: SHOW=file FROM=seconds TO=seconds"]
fn show() {
    let text = std::fs::read_to_string(std::env::var("SHOW").expect("SHOW")).expect("file");
    let number = |name: &str, or: f64| std::env::var(name).map_or(or, |text| text.parse().expect("a number"));
    let (from, to) = (seconds(number("FROM", 0.0)), seconds(number("TO", 1e6)));
    let wired = wire(&load(&text, &[]));
    let mut simulation = Simulation::new(wired.parts);
    let mut events: Vec<Event<Fact>> = Vec::new();
    simulation.run_until(wired.end, &mut events);
    for event in events.iter().filter(|event| (from..=to).contains(&event.at)) {
        println!("{} {} {:?}", event.at, simulation.cast().actor(event.actor), event.fact);
    }
}
