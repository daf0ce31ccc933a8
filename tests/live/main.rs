//! One scenario under both hosts: what is the same, and what the clock must not change.

#![allow(missing_docs, reason = "a harness of tests")]

mod both_hosts;
mod pressure;
mod rate;

use std::collections::BTreeSet;
use std::sync::Arc;

use brokersim::gateway::Options;
use brokersim::host::{Door, Live, LiveSetup, NoHands, Simulation};
use brokersim::kernel::{Duration, Event, Observer, Time};
use brokersim::observe::ledger::{Balance, Fate, Tally, Whereabouts};
use brokersim::observe::{Watch, WatchSetup};
use brokersim::scenario::wiring::{Outside, Wired, wire, wire_in};
use brokersim::scenario::{Overrides, Scenario, World};
use brokersim::trace::{Fact, GroupId, Life, RecordId};

/// What came of a run.
pub struct Told {
    pub settled: BTreeSet<RecordId>,
    /// In the order of groups and records.
    pub processed: BTreeSet<(GroupId, RecordId)>,
    pub books: Balance,
    pub tally: Tally,
    /// What was offered while generators were to offer, with what was let go.
    pub offered_in_time: u64,
    /// The most records that were with a client or in a queue at any time.
    pub most_under_way: u64,
    pub ended: Time,
}

/// Watches a run.
struct Eyes {
    watch: Watch,
    stop: Time,
    told: Told,
}

impl Observer<Fact> for Eyes {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events {
            match &event.fact {
                Fact::Life(Life::Offered { records, .. }) if event.at <= self.stop => {
                    self.told.offered_in_time += u64::from(*records);
                }
                Fact::Life(Life::Processed { ids, group, .. }) => {
                    self.told.processed.extend(ids.iter().map(|id| (*group, id)));
                }
                _ => {}
            }
        }
        self.watch.observe(events);
        self.told.settled.extend(settled(&mut self.watch));
        self.told.most_under_way = self.told.most_under_way.max(under_way(&self.watch));
    }
}

fn settled(watch: &mut Watch) -> Vec<RecordId> {
    let closed = watch.take_closed().into_iter();
    let closed = closed.filter(|closed| closed.fate == Fate::Settled);
    closed.flat_map(|closed| closed.lives().map(|(id, _)| id).collect::<Vec<_>>()).collect()
}

fn under_way(watch: &Watch) -> u64 {
    let in_flight = watch.balance().in_flight;
    in_flight.iter().filter(|(place, _)| **place != Whereabouts::Kept).map(|(_, records)| records).sum()
}

impl Eyes {
    fn new(wired: &Wired) -> Self {
        let setup = WatchSetup {
            stage: Arc::clone(&wired.stage),
            cast: Arc::new(wired.parts.cast.clone()),
            warm_up: Time::ZERO,
            end: wired.end,
            sample_every: Duration::from_millis(100),
            for_tape: true,
        };
        let told = Told {
            settled: BTreeSet::new(),
            processed: BTreeSet::new(),
            books: Balance::default(),
            tally: Tally::default(),
            offered_in_time: 0,
            most_under_way: 0,
            ended: Time::ZERO,
        };
        Self { watch: Watch::new(setup), stop: wired.stop, told }
    }

    fn close(mut self, now: Time) -> Told {
        self.watch.close(now);
        self.told.settled.extend(settled(&mut self.watch));
        let (books, tally) = (self.watch.balance(), self.watch.tally());
        assert!(books.holds(), "the books balance: {books:?}");
        Told { books, tally, ended: now, ..self.told }
    }
}

pub fn scenario(text: &str, settings: &[&str]) -> Scenario {
    let set = settings.iter().map(|setting| (*setting).to_owned()).collect();
    let overrides = Overrides { set, ..Overrides::default() };
    Scenario::load(text, "story.toml", &overrides)
        .unwrap_or_else(|error| panic!("{}", error.render(false, 100)))
}

/// Under virtual time, to the end.
pub fn simulated(scenario: &Scenario) -> Told {
    let wired = wire(scenario);
    let (mut eyes, end) = (Eyes::new(&wired), wired.end);
    let mut simulation = Simulation::new(wired.parts);
    simulation.run_until(end, &mut eyes);
    eyes.close(end)
}

/// By the clock, until nothing is under way any more, or to the end.
pub fn live(scenario: &Scenario) -> Told {
    let (door, knocks) = Door::new();
    let outside = Outside { world: &World::Live, door: &door, options: &Options::default() };
    let wired = wire_in(scenario, outside).expect("nothing real is needed");
    let (mut eyes, stop, end) = (Eyes::new(&wired), wired.stop, wired.end);
    let clock = door.clock().clone();
    let mut live = Live::begin(LiveSetup { parts: wired.parts, clock, knocks, hands: Box::new(NoHands) });
    live.observe_until(stop, &mut eyes);
    // A machine that is busy elsewhere may be behind.
    let mut still = 0;
    while live.now() < end && still < 10 {
        let before = eyes.watch.tally().offered;
        live.observe_until(live.now() + Duration::from_millis(50), &mut eyes);
        let is_still = under_way(&eyes.watch) == 0 && eyes.watch.tally().offered == before;
        still = if is_still { still + 1 } else { 0 };
    }
    let ended = live.end(&mut eyes);
    eyes.close(ended.now)
}
