//! Random scenarios: what must be true of every one of them. A seed that failed once stays below.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use brokersim::host::Simulation;
use brokersim::kernel::{Observer, Rng, Time};
use brokersim::observe::ledger::Ledger;
use brokersim::scenario::wiring::wire;
use brokersim::trace::kafka::{BrokerId, Kafka};
use brokersim::trace::{Fact, GroupId, Life, PlaceId};

use super::{Told, load, tell};

/// Seeds that once led to a bug.
const REGRESSIONS: &[u64] = &[3, 23];

/// Whether faults may meet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// One broker at a time, and time to come back in between; everything is replicated and awaited.
    Rough,
    /// Anything.
    Wild,
}

fn one<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    of[rng.below(of.len() as u64) as usize]
}

/// A scenario of its own for every seed.
fn scenario(seed: u64, weather: Weather) -> String {
    let rng = &mut Rng::named(seed, "scenario");
    let wild = weather == Weather::Wild;
    let brokers = if wild { 1 + rng.below(4) } else { 3 + rng.below(2) };
    let replicas = if wild { 1 + rng.below(brokers.min(3)) } else { 3 };
    let min_isr = if wild { 1 + rng.below(replicas) } else { 2 };
    let duration = if wild { 20 + rng.below(20) } else { 90 };
    let mut text = format!("[run]\nseed = {seed}\nduration = \"{duration}s\"\ndrain = \"80s\"\n[network]\n");
    writeln!(text, "latency = {}", one(rng, LATENCIES)).expect("a string takes everything");
    write!(text, "[kafka]\nbrokers = {brokers}\nmin.insync.replicas = {min_isr}\n").expect("as above");
    writeln!(text, "offsets.topic.num.partitions = 3").expect("as above");
    if wild {
        writeln!(text, "unclean.leader.election.enable = {}", one(rng, &["true", "false"]))
            .expect("as above");
        writeln!(text, "eligible.leader.replicas.version = {}", rng.below(2)).expect("as above");
    }
    for topic in ["orders", "results"] {
        let partitions = 1 + rng.below(4);
        write!(text, "[kafka.topics.{topic}]\npartitions = {partitions}\nreplication.factor = {replicas}\n")
            .expect("as above");
    }
    generators(&mut text, rng, weather);
    readers(&mut text, rng);
    faults(&mut text, rng, weather, brokers, duration);
    text
}

const LATENCIES: &[&str] =
    &["{ constant = \"500us\" }", "{ constant = \"15ms\" }", "{ median = \"300us\", p99 = \"20ms\" }"];

fn generators(text: &mut String, rng: &mut Rng, weather: Weather) {
    for number in 0..1 + rng.below(2) {
        let acks = if weather == Weather::Rough { "\"all\"" } else { one(rng, &["\"all\"", "1", "0"]) };
        let rate = 5 + rng.below(60);
        write!(
            text,
            "[[generator]]\nname = \"g{number}\"\ntopic = \"orders\"\ninstances = {}\n\
             payload = {{ kind = \"bytes\", size = \"100B\" }}\narrivals = {{ poisson = \"{rate}/s\" }}\n\
             producer.acks = {acks}\nproducer.linger.ms = {}\n",
            1 + rng.below(2),
            rng.below(20)
        )
        .expect("a string takes everything");
        if rng.below(2) == 0 {
            text.push_str("key = { uniform = 7 }\n");
        }
        if acks == "\"all\"" && weather == Weather::Wild {
            writeln!(text, "producer.enable.idempotence = {}", one(rng, &["true", "false"]))
                .expect("as above");
        }
        if rng.below(3) == 0 && weather == Weather::Wild {
            text.push_str("producer.delivery.timeout.ms = 12000\nproducer.request.timeout.ms = 5000\n");
        }
    }
}

fn readers(text: &mut String, rng: &mut Rng) {
    let assignor = one(rng, &["range", "cooperative-sticky", "roundrobin"]);
    if rng.below(2) == 0 {
        write!(
            text,
            "[[processor]]\nname = \"worker\"\nfrom = \"orders\"\nto = \"results\"\ninstances = {}\n\
             commit = \"{}\"\nservice = {{ exponential = \"1ms\" }}\nconsumer.auto.offset.reset = \"earliest\"\n",
            1 + rng.below(2),
            one(rng, &["auto", "after", "before"])
        )
        .expect("a string takes everything");
        text.push_str(
            "[[sink]]\nname = \"archive\"\nfrom = \"results\"\nconsumer.auto.offset.reset = \"earliest\"\n",
        );
    }
    for number in 0..1 + rng.below(2) {
        write!(
            text,
            "[[sink]]\nname = \"s{number}\"\nfrom = \"orders\"\ngroup = \"readers\"\ninstances = {}\n\
             commit = \"{}\"\nservice = {{ exponential = \"2ms\" }}\nstart = \"{}s\"\n\
             consumer.auto.offset.reset = \"{}\"\nconsumer.partition.assignment.strategy = \"{assignor}\"\n",
            1 + rng.below(2),
            one(rng, &["auto", "after", "before"]),
            rng.below(10),
            one(rng, &["earliest", "latest"])
        )
        .expect("a string takes everything");
        if rng.below(3) == 0 {
            writeln!(text, "stop = \"{}s\"", 12 + rng.below(10)).expect("as above");
        }
    }
}

fn faults(text: &mut String, rng: &mut Rng, weather: Weather, brokers: u64, duration: u64) {
    match weather {
        Weather::Rough => {
            let mut at = 5_000 + rng.below(10_000);
            while at < duration * 1_000 {
                let down = 1_000 + rng.below(20_000);
                fault(text, rng, at, down, brokers);
                at += down + 20_000 + rng.below(10_000);
            }
        }
        Weather::Wild => {
            for _ in 0..rng.below(6) {
                let (at, down) = (rng.below(duration * 1_000), 100 + rng.below(25_000));
                fault(text, rng, at, down, brokers);
            }
        }
    }
}

fn fault(text: &mut String, rng: &mut Rng, at: u64, lasts: u64, brokers: u64) {
    let strike = one(rng, &["kill", "kill", "power-loss", "pause"]);
    let broker = 1 + rng.below(brokers);
    let whom = if rng.below(3) == 0 { "leader of orders-0".to_owned() } else { format!("broker-{broker}") };
    write!(text, "[[fault]]\nat = \"{at}ms\"\n{strike} = \"{whom}\"\nfor = \"{lasts}ms\"\n")
        .expect("a string takes everything");
}

/// What holds whatever happens.
fn assert_sound(told: &Told) {
    let mut leaders: BTreeMap<(PlaceId, u32), BrokerId> = BTreeMap::new();
    let mut high: BTreeMap<PlaceId, u64> = BTreeMap::new();
    let mut ends: BTreeMap<PlaceId, u64> = BTreeMap::new();
    let mut delivered: BTreeMap<(GroupId, PlaceId), u64> = BTreeMap::new();
    let mut tellers: BTreeMap<PlaceId, brokersim::kernel::ActorId> = BTreeMap::new();
    for event in &told.events {
        let is_zombie = |place: &PlaceId| tellers.get(place).is_some_and(|teller| *teller != event.actor);
        match &event.fact {
            Fact::Life(Life::Stored { place, .. } | Life::Committed { place, .. }) if is_zombie(place) => {}
            Fact::Kafka(Kafka::PartitionChanged {
                place, leader: Some(leader), leader_epoch, isr, ..
            }) => {
                let first = *leaders.entry((*place, *leader_epoch)).or_insert(*leader);
                assert_eq!(first, *leader, "one leader for an epoch");
                assert!(isr.contains(leader), "a leader is in sync");
            }
            Fact::Life(Life::Stored { ids, place, offset }) => {
                let end = ends.entry(*place).or_default();
                assert_eq!(*end, *offset, "a log has no gaps at {}", event.at);
                *end += u64::from(ids.len());
            }
            Fact::Life(Life::Cut { place, from, .. }) => {
                tellers.insert(*place, event.actor);
                let end = ends.entry(*place).or_default();
                assert!(*from <= *end, "a leader has nothing that was never stored");
                *end = *from;
                let high = high.entry(*place).or_default();
                *high = (*high).min(*from);
            }
            Fact::Life(Life::Committed { place, upto }) => {
                let high = high.entry(*place).or_default();
                assert!(*upto >= *high, "a high watermark does not fall: {place:?} {}", event.at);
                assert!(
                    *upto <= ends.get(place).copied().unwrap_or(0),
                    "nothing is committed that is not stored"
                );
                *high = *upto;
            }
            Fact::Life(Life::Delivered { ids, group, place, offset }) => {
                let end = offset + u64::from(ids.len());
                let far = delivered.entry((*group, *place)).or_default();
                *far = (*far).max(end);
            }
            Fact::Life(Life::Settled { group, place, upto }) => {
                let handed = delivered.get(&(*group, *place)).copied().unwrap_or(0);
                let begins = told_begin(told, *group, *place);
                assert!(*upto <= handed.max(begins), "nobody settles what was not handed over");
            }
            _ => {}
        }
    }
}

/// The furthest at which a group was ever positioned.
fn told_begin(told: &Told, group: GroupId, place: PlaceId) -> u64 {
    let positions = told.kafka().filter_map(|(_, _, fact)| match fact {
        Kafka::Positioned { group: of, place: at, offset, .. } if *of == group && *at == place => {
            Some(*offset)
        }
        _ => None,
    });
    positions.max().unwrap_or(0)
}

fn check(seed: u64, weather: Weather) {
    let text = scenario(seed, weather);
    let told = std::panic::catch_unwind(|| {
        let told = tell(&text);
        assert_sound(&told);
        told
    });
    let told = told.unwrap_or_else(|_| panic!("seed {seed}\n{text}"));
    if weather == Weather::Rough {
        use brokersim::trace::Reason::{LeaderElection, PowerLoss, UncleanElection};
        for why in [LeaderElection, PowerLoss, UncleanElection] {
            assert_eq!(told.lost(why), 0, "seed {seed}: {:?}\n{text}", told.books);
        }
        assert_eq!(told.tally.stored_twice, 0, "seed {seed}\n{text}");
    }
}

#[test]
fn one_broker_at_a_time_never_costs_an_awaited_record() {
    (0..8).for_each(|seed| check(seed, Weather::Rough));
}

#[test]
fn whatever_happens_the_books_balance_and_logs_have_one_story() {
    (0..30).for_each(|seed| check(seed, Weather::Wild));
}

#[test]
fn seeds_that_failed_once_do_not_fail_again() {
    for &seed in REGRESSIONS {
        check(seed, Weather::Rough);
        check(seed, Weather::Wild);
    }
}

#[test]
fn a_copy_of_a_run_goes_on_as_the_original_does() {
    for seed in 0..4 {
        let scenario = load(&scenario(seed, Weather::Wild), &[]);
        let wired = wire(&scenario);
        let mut original = Simulation::new(wired.parts);
        original.run_until(Time::from_millis(11_111), &mut ());
        let mut copy = original.clone();
        original.run_until(wired.end, &mut ());
        copy.step(u64::MAX, wired.end, &mut ());
        assert_eq!(original.digest(), copy.digest());
    }
}

#[test]
fn a_ledger_that_watches_changes_nothing() {
    let scenario = load(&scenario(3, Weather::Wild), &[]);
    let run = |observer: &mut dyn Observer<Fact>| {
        let wired = wire(&scenario);
        let mut simulation = Simulation::new(wired.parts);
        simulation.run_until(wired.end, observer);
        simulation.digest()
    };
    let stage = wire(&scenario).stage;
    assert_eq!(run(&mut ()), run(&mut Ledger::new(stage, (), true)));
}
