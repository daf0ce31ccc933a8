//! What goes wrong, and what follows from it: one story a kind.

use brokersim::host::Simulation;
use brokersim::kernel::{Crash, Physics, Time};
use brokersim::scenario::wiring::wire;
use brokersim::trace::kafka::{Kafka, PositionReason};
use brokersim::trace::{Fact, Injected, Life, Missed, Phase, Reason, Whom};

use super::{Told, seconds, tell, tell_with};

const CLUSTER: &str = r#"
[run]
seed = 7
duration = "60s"
drain = "30s"
[network]
latency = { constant = "300us" }
[kafka]
brokers = 3
min.insync.replicas = 2
[kafka.topics.orders]
partitions = 3
replication.factor = 3
[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "50/s" }
[[sink]]
name = "billing"
from = "orders"
instances = 2
consumer.auto.offset.reset = "earliest"
"#;

fn with(faults: &str) -> String {
    format!("{CLUSTER}{faults}")
}

fn injected(told: &Told) -> Vec<(Time, &Injected)> {
    let injected = told.events.iter().filter_map(|event| match &event.fact {
        Fact::Injected(injected) => Some((event.at, injected)),
        _ => None,
    });
    injected.collect()
}

fn physics(told: &Told) -> Vec<(Time, Physics)> {
    let physics = told.events.iter().filter_map(|event| match &event.fact {
        Fact::Physics(physics) => Some((event.at, *physics)),
        _ => None,
    });
    physics.filter(|(_, physics)| !matches!(physics, Physics::Undelivered { .. })).collect()
}

fn struck(told: &Told, injected: &Injected) -> Vec<String> {
    match &injected.whom {
        Whom::Nodes(nodes) => nodes.iter().map(|node| told.cast.node(*node).to_owned()).collect(),
        _ => Vec::new(),
    }
}

fn committed_between(told: &Told, from: f64, to: f64) -> usize {
    let committed = told.life().filter(|(_, _, life)| matches!(life, Life::Committed { .. }));
    committed.filter(|(at, ..)| (seconds(from)..seconds(to)).contains(at)).count()
}

/// When what was accepted was accepted.
fn accepted_between(told: &Told, from: f64, to: f64) -> usize {
    let accepted = told.life().filter(|(_, _, life)| matches!(life, Life::Accepted { .. }));
    accepted.filter(|(at, ..)| (seconds(from)..seconds(to)).contains(at)).count()
}

#[test]
fn a_fault_strikes_as_often_as_it_says_and_each_time_within_its_jitter() {
    let told = tell(&with(
        "[[fault]]\nat = \"10s\"\npause = \"a random broker\"\nfor = \"1s\"\nevery = \"10s\"\ntimes = 4\njitter = \"3s\"\n",
    ));
    let begins: Vec<_> =
        injected(&told).into_iter().filter(|(_, injected)| injected.phase == Phase::Begins).collect();
    assert_eq!(begins.iter().map(|(_, injected)| injected.round).collect::<Vec<_>>(), [0, 1, 2, 3]);
    for (at, injected) in &begins {
        let due = seconds(10.0 + 10.0 * f64::from(injected.round));
        assert!((due..=due + seconds(3.0).since(Time::ZERO)).contains(at), "{at}");
    }
    assert!(begins.iter().any(|(at, _)| *at != seconds(10.0)), "it is late at least once");
    assert_eq!(injected(&told).len(), 8, "and each is taken back");
    told.assert_all_settled();
}

#[test]
fn a_role_that_nobody_holds_is_missed_and_says_so() {
    let told = tell(&with(
        "[[fault]]\nat = \"20s\"\nkill = \"all brokers\"\nfor = \"15s\"\n\
         [[fault]]\nat = \"25s\"\nkill = \"a random broker\"\n",
    ));
    let all = injected(&told);
    let (at, missed) = all[1];
    assert_eq!((at, missed.phase), (seconds(25.0), Phase::Missed(Missed::AllDown)));
    assert_eq!((missed.fault, &missed.whom), (1, &Whom::Nobody));
    assert_eq!(all.len(), 3);
    told.assert_all_settled();
}

#[test]
fn a_follower_is_not_the_leader_and_the_coordinator_is_who_the_group_talks_to() {
    let told = tell(&with(
        "[[fault]]\nat = \"20s\"\npause = \"leader of orders-1\"\nfor = \"1s\"\n\
         [[fault]]\nat = \"20s\"\npause = \"a follower of orders-1\"\nfor = \"1s\"\n\
         [[fault]]\nat = \"20s\"\npause = \"coordinator of billing\"\nfor = \"1s\"\n",
    ));
    let whom: Vec<_> = injected(&told).iter().map(|(_, injected)| struck(&told, injected)).collect();
    let leader = told.leaders(told.place("orders", 1))[0].1.expect("it has a leader");
    assert_eq!(whom[0], [format!("broker-{}", leader.0)]);
    assert_ne!(whom[1], whom[0]);
    let ready = told.kafka().find_map(|(_, event, fact)| match fact {
        Kafka::CoordinatorReady { groups, .. } if *groups > 0 => Some(told.who(event).to_owned()),
        _ => None,
    });
    if let Some(ready) = ready {
        assert_eq!(whom[2], [ready]);
    }
    assert!(whom[2][0].starts_with("broker-"));
}

#[test]
fn overlapping_faults_of_a_node_do_not_undo_each_other() {
    let told = tell(&with(
        "[[fault]]\nat = \"20s\"\nkill = \"all brokers\"\nfor = \"5s\"\n\
         [[fault]]\nat = \"22s\"\npower-loss = \"broker-2\"\nfor = \"10s\"\n",
    ));
    let back: Vec<_> = physics(&told)
        .into_iter()
        .filter_map(|(at, physics)| match physics {
            Physics::Restarted { node } => Some((at, told.cast.node(node).to_owned())),
            _ => None,
        })
        .collect();
    assert_eq!(back[..2].iter().map(|(at, _)| *at).collect::<Vec<_>>(), [seconds(25.0); 2]);
    assert_eq!(back[2..], [(seconds(32.0), "broker-2".to_owned())]);
}

#[test]
fn healing_takes_back_what_lasts_and_nothing_else() {
    let told = tell(&with(
        "[[fault]]\nat = \"20s\"\nkill = \"broker-1\"\n\
         [[fault]]\nat = \"21s\"\npartition = \"broker-2\"\nfor = \"5s\"\n\
         [[fault]]\nat = \"30s\"\nheal = \"broker-1\"\n\
         [[fault]]\nat = \"31s\"\nheal = \"everything\"\n",
    ));
    let phases: Vec<_> =
        injected(&told).iter().map(|(at, it)| (at.as_nanos() / 1_000_000_000, it.kind, it.phase)).collect();
    let missed = Phase::Missed(Missed::NothingLasts);
    let expected = [
        (20, "kill", Phase::Begins),
        (21, "partition", Phase::Begins),
        (26, "partition", Phase::Ends),
        (30, "heal", Phase::Begins),
        (30, "kill", Phase::Ends),
        (31, "heal", missed),
    ];
    assert_eq!(phases, expected);
    told.assert_all_settled();
}

/// The client's only broker, cut off for ten seconds in two ways.
const ONE: &str = r#"
[run]
seed = 3
duration = "60s"
drain = "60s"
[network]
latency = { constant = "300us" }
[kafka]
brokers = 1
[kafka.topics.orders]
partitions = 1
replication.factor = 1
[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "50/s" }
producer.request.timeout.ms = "20s"
producer.delivery.timeout.ms = "100s"
[[sink]]
name = "billing"
from = "orders"
consumer.auto.offset.reset = "earliest"
"#;

fn first_accepted_after(told: &Told, from: f64) -> Time {
    let accepted = told.life().filter(|(_, _, life)| matches!(life, Life::Accepted { .. }));
    accepted.map(|(at, ..)| at).find(|at| *at > seconds(from)).expect("something is accepted again")
}

#[test]
fn who_talks_into_a_black_hole_waits_for_its_timeout_and_who_is_refused_does_not() {
    let cut = |kind: &str| {
        tell(&format!(
            "{ONE}[[fault]]\nat = \"20s\"\n{kind} = \"shop\"\npeers = \"broker-1\"\nfor = \"5s\"\n"
        ))
    };
    let (silent, refused) = (cut("blackhole"), cut("reset"));
    let (late, soon) = (first_accepted_after(&silent, 21.0), first_accepted_after(&refused, 21.0));
    // What was under way when the hole opened is given up after request.timeout.ms, long after it closed.
    assert!((seconds(39.9)..seconds(41.5)).contains(&late), "{late}");
    // A refused client tries again within reconnect.backoff.max.ms.
    assert!((seconds(25.0)..seconds(26.3)).contains(&soon), "{soon}");
    silent.assert_all_settled();
    refused.assert_all_settled();
}

#[test]
fn a_partition_leaves_both_sides_talking_among_themselves() {
    let told = tell(&with("[[fault]]\nat = \"20s\"\npartition = [\"broker-1\", \"shop\"]\nfor = \"20s\"\n"));
    let cuts: Vec<_> = physics(&told)
        .into_iter()
        .filter_map(|(_, physics)| match physics {
            Physics::Cut { from, to } => Some((told.cast.node(from), told.cast.node(to))),
            _ => None,
        })
        .collect();
    assert!(cuts.contains(&("broker-1", "broker-2")) && cuts.contains(&("broker-2", "broker-1")));
    assert!(cuts.contains(&("shop", "broker-3")) && cuts.contains(&("broker-1", "controller")));
    assert!(!cuts.contains(&("shop", "broker-1")) && !cuts.contains(&("broker-2", "broker-3")));
    told.assert_all_settled();
}

#[test]
fn one_direction_is_enough_to_be_fenced() {
    let told = tell(&with(
        "[[fault]]\nat = \"20s\"\nblackhole = \"broker-2\"\npeers = \"controller\"\ndirection = \"out\"\nfor = \"20s\"\n",
    ));
    let fenced = told.kafka().any(|(_, _, fact)| matches!(fact, Kafka::Fenced { broker } if broker.0 == 2));
    assert!(fenced, "its heartbeats do not arrive");
    let told = tell(&with(
        "[[fault]]\nat = \"20s\"\nblackhole = \"broker-2\"\npeers = \"broker-3\"\nfor = \"20s\"\n",
    ));
    let fenced = told.kafka().any(|(_, _, fact)| matches!(fact, Kafka::Fenced { .. }));
    assert!(!fenced, "the controller hears of all three");
}

/// The 99th percentile of the time from offering to acceptance, in milliseconds, by records' numbers.
fn p99_ms(told: &Told) -> u64 {
    let mut offered = std::collections::BTreeMap::new();
    let mut waits = Vec::new();
    for (at, _, life) in told.life().filter(|(at, ..)| (seconds(20.0)..seconds(60.0)).contains(at)) {
        match life {
            Life::Offered { first, records, .. } => {
                offered.extend((0..u64::from(*records)).map(|n| (first.to_bits() + n, at)));
            }
            Life::Accepted { ids, .. } => waits
                .extend(ids.iter().filter_map(|id| offered.get(&id.to_bits()).map(|since| at.since(*since)))),
            _ => {}
        }
    }
    waits.sort_unstable();
    waits[waits.len() * 99 / 100].as_millis()
}

#[test]
fn latency_jitter_and_a_thin_line_are_felt() {
    let calm = p99_ms(&tell(CLUSTER));
    let felt = |fault: &str| p99_ms(&tell(&with(&format!("[[fault]]\nat = \"15s\"\n{fault}\n"))));
    assert!(calm < 10, "{calm}");
    let late = felt("latency = \"shop\"\nby = \"50ms\"");
    assert!((100..130).contains(&late), "there and back: {late}");
    let late = felt("latency = \"shop\"\nby = \"50ms\"\ndirection = \"out\"");
    assert!((50..70).contains(&late), "one way: {late}");
    let jittery = felt("network-jitter = \"shop\"\nby = \"50ms\"");
    assert!((50..130).contains(&jittery), "{jittery}");
    let thin = felt("bandwidth = \"shop\"\nlimit = \"2KiB/s\"");
    assert!(thin > 500, "{thin}");
}

#[test]
fn a_slow_processor_works_slowly() {
    let busy = CLUSTER.replace("from = \"orders\"\n", "from = \"orders\"\nservice = \"5ms\"\n");
    let calm = tell(&busy);
    let slow =
        tell(&format!("{busy}[[fault]]\nat = \"15s\"\nslow-cpu = \"billing\"\nfactor = 20\nfor = \"20s\"\n"));
    let processed = |told: &Told| {
        let within = told.life().filter(|(at, _, life)| {
            matches!(life, Life::Processed { .. }) && (seconds(20.0)..seconds(35.0)).contains(at)
        });
        within.count()
    };
    let (fast, slow_count) = (processed(&calm), processed(&slow));
    assert!(slow_count * 2 < fast, "{slow_count} of {fast}");
    slow.assert_all_settled();
}

#[test]
fn without_a_controller_nobody_is_elected_until_another_one_leads() {
    let leader_dies = "[[fault]]\nat = \"20s\"\nkill = \"leader of orders-0\"\nfor = \"20s\"\n";
    let served = tell(&with(leader_dies));
    let deserted = tell(&with(&format!("{leader_dies}[[fault]]\nat = \"20s\"\nkill = \"controller\"\n")));
    let elected = |told: &Told| {
        let changes = told.leaders(told.place("orders", 0));
        changes.iter().find(|(at, leader, ..)| *at > seconds(20.0) && leader.is_some()).expect("one").0
    };
    let back = physics(&deserted)
        .into_iter()
        .find_map(|(at, physics)| match physics {
            Physics::Restarted { node } if deserted.cast.node(node) == "controller" => Some(at),
            _ => None,
        })
        .expect("another controller leads");
    assert!((seconds(21.5)..=seconds(23.0)).contains(&back), "fetch and election timeout: {back}");
    assert!(elected(&served) < elected(&deserted), "sessions begin anew with a new controller");
    assert!(elected(&deserted) >= back + seconds(8.9).since(Time::ZERO));
    deserted.assert_all_settled();
}

#[test]
fn without_a_quorum_brokers_serve_on_and_nothing_changes() {
    let told = tell(&with(
        "[[fault]]\nat = \"20s\"\nkill = \"controller quorum\"\nfor = \"25s\"\n\
         [[fault]]\nat = \"25s\"\nkill = \"broker-3\"\nfor = \"10s\"\n",
    ));
    let changed = told.kafka().any(|(at, _, fact)| {
        matches!(fact, Kafka::PartitionChanged { .. }) && (seconds(20.0)..seconds(45.0)).contains(&at)
    });
    assert!(!changed, "no leader is elected, no in-sync set shrinks");
    assert!(committed_between(&told, 20.0, 25.0) > 100, "brokers serve on");
    told.assert_all_settled();
}

#[test]
fn a_single_controller_has_no_successor() {
    let alone = CLUSTER.replace("brokers = 3\n", "brokers = 3\ncontrollers = 1\n");
    let told = tell(&format!("{alone}[[fault]]\nat = \"20s\"\nkill = \"controller\"\nfor = \"12s\"\n"));
    let back: Vec<_> =
        physics(&told).into_iter().filter(|(_, it)| matches!(it, Physics::Restarted { .. })).collect();
    assert_eq!(back[0].0, seconds(32.0), "when it is started again, and not before");
    let crashed = |it: &(Time, Physics)| matches!(it.1, Physics::Crashed { how: Crash::Process, .. });
    assert_eq!(physics(&told).iter().filter(|it| crashed(it)).count(), 1);
}

/// When the process on a node ended, and how.
fn ended(told: &Told, name: &str) -> Vec<(Time, Crash)> {
    let ended = physics(told).into_iter().filter_map(|(at, physics)| match physics {
        Physics::Crashed { node, how } if told.cast.node(node) == name => Some((at, how)),
        _ => None,
    });
    ended.collect()
}

fn started(told: &Told, name: &str) -> Vec<Time> {
    let started = physics(told).into_iter().filter_map(|(at, physics)| match physics {
        Physics::Restarted { node } if told.cast.node(node) == name => Some(at),
        _ => None,
    });
    started.collect()
}

/// The longest time between two acceptances.
fn longest_silence_ms(told: &Told) -> u64 {
    let accepted = told.life().filter(|(_, _, life)| matches!(life, Life::Accepted { .. }));
    let times: Vec<_> = accepted.map(|(at, ..)| at).filter(|at| *at > seconds(10.0)).collect();
    times.windows(2).map(|pair| pair[1].since(pair[0]).as_millis()).max().expect("some were accepted")
}

#[test]
fn a_shutdown_hands_its_leaderships_over_and_nobody_waits_for_a_session() {
    let asked = tell(&with("[[fault]]\nat = \"20s\"\nshutdown = \"leader of orders-0\"\nfor = \"10s\"\n"));
    let killed = tell(&with("[[fault]]\nat = \"20s\"\nkill = \"leader of orders-0\"\nfor = \"10s\"\n"));
    let (_, begun) = injected(&asked)[0];
    let name = struck(&asked, begun).remove(0);
    let ends = ended(&asked, &name);
    assert_eq!(ends.len(), 1);
    let (at, how) = ends[0];
    assert_eq!(how, Crash::Exit);
    assert!((seconds(20.0)..seconds(25.0)).contains(&at), "two heartbeats at most: {at}");
    let back = started(&asked, &name)[0].since(at);
    assert!((10_000..10_002).contains(&back.as_millis()), "`for` counts from its end: {back}");
    let moved = asked.leaders(asked.place("orders", 0))[1].clone();
    assert!(moved.0 < at && moved.1.is_some(), "moved before it ends: {moved:?}");
    let (gentle, rough) = (longest_silence_ms(&asked), longest_silence_ms(&killed));
    assert!(gentle < 2_000 && rough > 6_000, "{gentle} ms, {rough} ms");
    asked.assert_all_settled();
    assert_eq!((asked.books.lost_total(), asked.tally.stored_twice), (0, 0));
    let recovered = asked.kafka().any(|(_, _, fact)| matches!(fact, Kafka::Recovered { .. }));
    assert!(!recovered, "there is nothing to recover");
}

#[test]
fn a_restart_comes_back_at_once() {
    let told = tell(&with("[[fault]]\nat = \"20s\"\nrestart = \"broker-2\"\n"));
    let at = ended(&told, "broker-2")[0].0;
    assert!(started(&told, "broker-2")[0].since(at).as_millis() < 5);
    assert_eq!(injected(&told).len(), 2);
    told.assert_all_settled();
}

#[test]
fn a_rolling_restart_waits_for_each_broker_to_be_back_in_sync() {
    let told = tell(&with("[[fault]]\nat = \"15s\"\nrolling-restart = \"all brokers\"\nfor = \"3s\"\n"));
    let mut last = Time::ZERO;
    for name in ["broker-1", "broker-2", "broker-3"] {
        let (ended, started) = (ended(&told, name), started(&told, name));
        assert_eq!((ended.len(), started.len()), (1, 1), "{name}");
        assert!(ended[0].0 > last, "one after the other");
        let full = told.kafka().find_map(|(at, _, fact)| match fact {
            Kafka::PartitionChanged { isr, .. } if at > started[0] && isr.len() == 3 => Some(at),
            _ => None,
        });
        last = full.expect("it comes back into the in-sync sets");
    }
    assert_eq!(injected(&told).last().expect("it is over").1.phase, Phase::Ends);
    told.assert_all_settled();
    assert_eq!((told.books.lost_total(), told.tally.stored_twice), (0, 0));
}

#[test]
fn a_slow_disk_raises_the_tail() {
    let flushing = CLUSTER.replace("partitions = 3\n", "partitions = 3\nflush.messages = 1\n");
    let calm = p99_ms(&tell(&flushing));
    let fault = "[[fault]]\nat = \"15s\"\nslow-disk = \"leader of orders-0\"\nfactor = 40\n";
    let slow = p99_ms(&tell(&format!("{flushing}{fault}")));
    assert!(calm < 15 && slow > 30, "{calm} ms, {slow} ms");
}

#[test]
fn a_full_disk_halts_the_broker_and_it_cannot_start_until_there_is_room() {
    let told = tell(&with(
        "[[fault]]\nat = \"20s\"\nfull-disk = \"broker-2\"\nfor = \"20s\"\n\
         [[fault]]\nat = \"25s\"\nkill = \"broker-2\"\nfor = \"5s\"\n",
    ));
    let failed: Vec<_> = told
        .kafka()
        .filter(|(_, _, fact)| matches!(fact, Kafka::StorageFailed))
        .map(|(at, event, _)| (at, told.who(event).to_owned()))
        .collect();
    assert!(failed.iter().all(|(_, who)| who == "broker-2"));
    let ends = ended(&told, "broker-2");
    assert!((seconds(20.0)..seconds(20.2)).contains(&ends[0].0), "at its first append: {ends:?}");
    assert_eq!(ends[1].0, seconds(30.0), "a start fails while there is no room");
    assert_eq!(started(&told, "broker-2"), [seconds(30.0), seconds(40.0)]);
    assert_eq!(failed.len(), 2);
    told.assert_all_settled();
    assert_eq!(told.books.lost_total(), 0);
}

/// One replica in sync, the other far behind: a lost disk of the first is a loss of records.
#[test]
fn a_lost_disk_of_the_only_in_sync_replica_loses_what_only_it_had() {
    let single = CLUSTER.replace("replication.factor = 3", "replication.factor = 1");
    let single = single.replace("min.insync.replicas = 2", "min.insync.replicas = 1");
    let fault = "[[fault]]\nat = \"30s\"\nlost-disk = \"leader of orders-0\"\nfor = \"5s\"\n";
    let told = tell(&format!("{single}{fault}"));
    let cut = told.life().find_map(|(at, _, life)| match life {
        Life::Cut { place, from: 0, why: Reason::PowerLoss, .. } => Some((at, *place)),
        _ => None,
    });
    assert!(cut.is_some(), "the log begins anew");
    let copied = tell(&with(fault));
    copied.assert_all_settled();
    assert_eq!(copied.books.lost_total(), 0, "where there are copies nothing is lost");
    let (_, begun) = injected(&copied)[0];
    let name = struck(&copied, begun).remove(0);
    assert_eq!(ended(&copied, &name), [(seconds(30.0), Crash::DiskLoss)]);
}

#[test]
fn a_lost_disk_under_unread_records_loses_them() {
    let unread = CLUSTER
        .replace("replication.factor = 3", "replication.factor = 1")
        .replace("min.insync.replicas = 2", "min.insync.replicas = 1")
        .replace("instances = 2", "instances = 1\nstart = \"40s\"");
    let calm = tell(&unread);
    assert_eq!(calm.books.lost_total(), 0);
    let told =
        tell(&format!("{unread}[[fault]]\nat = \"30s\"\nlost-disk = \"leader of orders-0\"\nfor = \"5s\"\n"));
    assert!(told.lost(Reason::PowerLoss) > 300, "{:?}", told.books);
}

#[test]
fn an_in_sync_set_that_could_not_shrink_shrinks_when_there_is_a_controller_again() {
    // A follower that is cut off from its leader lags; the change waits for a controller.
    let told = tell(&with(
        "[[fault]]\nat = \"15s\"\nkill = \"controller quorum\"\nfor = \"50s\"\n\
         [[fault]]\nat = \"16s\"\nblackhole = \"broker-1\"\npeers = [\"broker-2\", \"broker-3\"]\n",
    ));
    let asked = told.kafka().find_map(|(at, _, fact)| match fact {
        Kafka::IsrShrinking { .. } => Some(at),
        _ => None,
    });
    let changed = told.kafka().find_map(|(at, _, fact)| match fact {
        Kafka::PartitionChanged { isr, .. } if at > seconds(16.0) && isr.len() < 3 => Some(at),
        _ => None,
    });
    let (asked, changed) = (asked.expect("asked for"), changed.expect("done"));
    assert!((seconds(45.0)..seconds(63.0)).contains(&asked), "{asked}");
    assert!((seconds(65.0)..seconds(69.0)).contains(&changed), "soon after there is one: {changed}");
}

#[test]
fn disks_that_are_lost_one_after_the_other_lose_nothing_that_has_copies() {
    let long = CLUSTER
        .replace("duration = \"60s\"", "duration = \"170s\"")
        .replace("min.insync.replicas = 2", "min.insync.replicas = 2\noffsets.topic.num.partitions = 1")
        .replace("instances = 2", "instances = 2\ncommit = \"after\"");
    let lost = |at: u32, broker: u32| {
        format!("[[fault]]\nat = \"{at}s\"\nlost-disk = \"broker-{broker}\"\nfor = \"2s\"\n")
    };
    let told = tell(&format!("{long}{}{}{}", lost(100, 1), lost(125, 2), lost(150, 3)));
    told.assert_all_settled();
    assert_eq!(told.books.lost_total(), 0);
    let reset = told.kafka().find(|(at, _, fact)| {
        *at > seconds(20.0) && matches!(fact, Kafka::Positioned { why: PositionReason::Reset, .. })
    });
    assert!(reset.is_none(), "the group's offsets were copied too: {reset:?}");
}

const RANDOM: &str = r#"
[faults.random]
kinds = ["kill", "pause", "latency", "partition"]
targets = ["a random broker", "leader of orders-0", "controller"]
every = "4s"
for = { exponential = "3s" }
at-most = 2
from = "10s"
heal-at = "55s"
"#;

#[test]
fn random_faults_are_drawn_from_the_seed_and_heal_in_the_end() {
    let told = tell_with(&with(RANDOM), &["run.seed=8"], &[]);
    let faults = injected(&told);
    let begun = faults.iter().filter(|(_, it)| it.phase == Phase::Begins && it.kind != "heal").count();
    assert!(begun >= 5, "{begun} struck");
    let over = faults.iter().filter(|(_, it)| it.phase == Phase::Ends).count();
    assert_eq!(begun, over, "everything is taken back");
    assert!(faults.iter().all(|(at, _)| *at <= seconds(55.0)));
    assert!(accepted_between(&told, 56.0, 60.0) > 0);
    told.assert_all_settled();
    let other = tell_with(&with(RANDOM), &["run.seed=9"], &[]);
    let times = |told: &Told| injected(told).iter().map(|(at, _)| *at).collect::<Vec<_>>();
    assert_ne!(times(&told), times(&other));
}

#[test]
fn a_copy_taken_amid_faults_goes_on_as_the_original_does() {
    let faults = "[[fault]]\nat = \"12s\"\nrolling-restart = \"all brokers\"\nfor = \"2s\"\n\
                  [[fault]]\nat = \"14s\"\nlatency = \"shop\"\nby = \"20ms\"\nfor = \"20s\"\n\
                  [[fault]]\nat = \"20s\"\nreset = \"billing-1\"\nfor = \"6s\"\n\
                  [[fault]]\nat = \"40s\"\nslow-disk = \"broker-1\"\nfactor = 5\nfor = \"6s\"\n";
    let scenario = super::load(&with(&format!("{faults}{RANDOM}")), &[]);
    let wired = wire(&scenario);
    let end = wired.end;
    let mut run = Simulation::new(wired.parts);
    let mut whole = run.clone();
    whole.run_until(end, &mut ());
    for second in 1..90 {
        run.run_until(seconds(f64::from(second)).min(end), &mut ());
        let copy = run.clone();
        drop(std::mem::replace(&mut run, copy));
    }
    run.run_until(end, &mut ());
    assert_eq!((run.digest(), run.facts()), (whole.digest(), whole.facts()));
}
