//! What an acknowledgement is worth when brokers die.

use brokersim::trace::kafka::{BrokerId, Kafka};
use brokersim::trace::{Life, Reason};

use super::{Told, seconds, tell, tell_with};

/// One partition on three brokers, its leader killed at 20 s and back at 40 s.
const KILLED: &str = r#"
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
commit = "auto"
consumer.auto.offset.reset = "earliest"
[[fault]]
at = "20s"
kill = "leader of orders-0"
for = "20s"
"#;

#[test]
fn a_killed_leader_loses_nothing_that_all_in_sync_replicas_had() {
    let told = tell(KILLED);
    told.assert_all_settled();
    assert_eq!(told.books.lost_total(), 0);
    assert_eq!((told.tally.stored_twice, told.tally.duplicates, told.tally.reordered), (0, 0, 0));
    assert_eq!(told.tally.accepted, told.books.offered);
}

#[test]
fn a_dead_leader_is_replaced_when_its_session_ends_and_not_before() {
    let told = tell(KILLED);
    let place = told.place("orders", 0);
    let changes = told.leaders(place);
    let (first, second) = (&changes[0], &changes[1]);
    assert_eq!((first.2, second.2), (0, 1), "leader epochs");
    assert_ne!(first.1, second.1);
    // Heartbeats come every 2 s, so the session of 9 s had run for up to 2 s.
    assert!((seconds(27.0)..=seconds(29.1)).contains(&second.0), "{}", second.0);
    assert_eq!(second.3.len(), 2, "the dead one is out of the in-sync set");
}

#[test]
fn the_producer_tries_again_until_there_is_a_new_leader() {
    let told = tell(KILLED);
    let elected = told.leaders(told.place("orders", 0))[1].0;
    let tries: Vec<_> = told.kafka().filter(|(_, _, fact)| matches!(fact, Kafka::Retried { .. })).collect();
    assert!(!tries.is_empty());
    assert!(tries.iter().all(|(at, ..)| (seconds(20.0)..seconds(30.0)).contains(at)));
    let accepted: Vec<_> =
        told.life().filter(|(_, _, life)| matches!(life, Life::Accepted { .. })).map(|(at, ..)| at).collect();
    let gap = accepted.windows(2).max_by_key(|pair| pair[1].since(pair[0])).expect("there are some");
    assert!(gap[0] <= seconds(20.1) && gap[1] >= elected, "{gap:?}");
    assert!(gap[1] <= elected + brokersim::kernel::Duration::from_millis(1_200), "{gap:?}, {elected}");
}

#[test]
fn a_broker_that_comes_back_joins_the_in_sync_set_again() {
    let told = tell(KILLED);
    let place = told.place("orders", 0);
    let dead = told.leaders(place)[0].1.expect("it had a leader");
    let back = told.leaders(place).into_iter().find(|(at, _, _, isr)| *at > seconds(40.0) && isr.len() == 3);
    let (at, leader, ..) = back.expect("three are in sync again");
    assert!(at < seconds(45.0), "{at}");
    assert_ne!(leader, Some(dead), "leadership comes back with the next balancing only");
    let followed = told.kafka().any(|(at, event, fact)| {
        matches!(fact, Kafka::BecameFollower { place: of, .. } if *of == place)
            && at > seconds(40.0)
            && told.who(event) == format!("broker-{}", dead.0)
    });
    assert!(followed);
}

/// As above, acknowledged by the leader alone, over a slow network, fast.
const LEADER_ONLY: &[&str] = &[
    "network.latency={ constant = \"20ms\" }",
    "generator.shop.arrivals={ constant = \"1k/s\" }",
    "generator.shop.producer.acks=1",
    "generator.shop.producer.linger.ms=0",
    "run.duration=40s",
];

/// The moment between two fetches of the followers.
fn at_a_bad_moment() -> String {
    KILLED.replace("at = \"20s\"", "at = \"19989ms\"")
}

/// How far the log of the old leader was ahead of the new one's when that took over.
fn unreplicated(told: &Told) -> u64 {
    let place = told.place("orders", 0);
    let stored = told.stored();
    let taken_over = told.kafka().find_map(|(at, _, fact)| match fact {
        Kafka::BecameLeader { place: of, leader_epoch: 1, log_end, .. } if *of == place => {
            Some((at, *log_end))
        }
        _ => None,
    });
    let (at, new_end) = taken_over.expect("somebody took over");
    let old_end = stored
        .iter()
        .filter(|(stored, ..)| *stored < at)
        .map(|(_, ids, _, offset)| offset + u64::from(ids.len()));
    old_end.max().expect("something was stored") - new_end
}

#[test]
fn a_leader_that_acknowledges_alone_takes_its_tail_with_it() {
    let told = tell_with(&at_a_bad_moment(), LEADER_ONLY, &[]);
    let tail = unreplicated(&told);
    assert!(tail > 0, "followers are 20 ms behind");
    let lost = told.lost(Reason::LeaderElection);
    // Of the tail, what was on its way back to the client had not been promised and was sent again.
    assert!(lost > 0 && lost <= tail, "{lost} of {tail}");
    let cut: u64 = told.books.lost.values().sum();
    assert_eq!(cut, lost, "{:?}", told.books);
}

#[test]
fn the_same_tail_is_kept_when_all_have_to_acknowledge() {
    let mut set = LEADER_ONLY.to_vec();
    set.push("generator.shop.producer.acks=all");
    let told = tell_with(&at_a_bad_moment(), &set, &[]);
    assert_eq!(told.books.lost_total(), 0, "{:?}", told.books);
    told.assert_all_settled();
    assert_eq!(told.tally.stored_twice, 0);
}

#[test]
fn without_acknowledgements_a_dead_leader_loses_what_is_sent_to_it() {
    let told = tell_with(KILLED, &["generator.shop.producer.acks=0"], &[]);
    let lost = told.lost(Reason::NotAcknowledged);
    assert!(lost > 0, "{:?}", told.books);
    assert_eq!(told.books.settled + told.books.lost_total(), told.books.offered, "{:?}", told.books);
    assert!(told.tally.accepted == told.books.offered, "all were promised");
}

/// All three brokers lose power at 30.5 s, within one instant.
const DARK: &str = r#"
[[fault]]
at = "30500ms"
STRIKE = "broker-1"
for = "10s"
[[fault]]
at = "30500ms"
STRIKE = "broker-2"
for = "10s"
[[fault]]
at = "30500ms"
STRIKE = "broker-3"
for = "10s"
"#;

fn dark(strike: &str) -> String {
    let calm = KILLED.split("[[fault]]").next().expect("there is a beginning");
    format!("{calm}{}", DARK.replace("STRIKE", strike))
}

#[test]
fn when_all_replicas_lose_power_what_was_not_flushed_is_gone() {
    let told = tell(&dark("power-loss"));
    let lost = told.lost(Reason::PowerLoss);
    // Pages are written back after 30 s by themselves; 50 records a second for 30 s at most.
    assert!(lost > 0 && lost <= 1_530, "{:?}", told.books);
    assert_eq!(told.books.lost_total(), lost, "{:?}", told.books);
}

#[test]
fn when_all_processes_are_killed_the_page_cache_keeps_everything() {
    let told = tell(&dark("kill"));
    assert_eq!(told.books.lost_total(), 0, "{:?}", told.books);
    told.assert_all_settled();
}

#[test]
fn when_every_record_is_flushed_power_loss_loses_nothing() {
    let told = tell_with(&dark("power-loss"), &["kafka.topics.orders.flush.messages=1"], &[]);
    assert_eq!(told.books.lost_total(), 0, "{:?}", told.books);
    assert_eq!(told.tally.accepted, told.books.offered);
}

/// Two of three brokers dead for a minute, and a producer that gives up after 20 s.
const TWO_DEAD: &str = r#"
[run]
seed = 3
duration = "80s"
drain = "30s"
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
arrivals = { constant = "20/s" }
producer.delivery.timeout.ms = 20000
producer.request.timeout.ms = 5000
[[sink]]
name = "billing"
from = "orders"
consumer.auto.offset.reset = "earliest"
[[fault]]
at = "10s"
kill = "broker-2"
for = "60s"
[[fault]]
at = "10s"
kill = "broker-3"
for = "60s"
"#;

#[test]
fn fewer_in_sync_replicas_than_demanded_take_no_records_from_those_who_want_all() {
    let told = tell(TWO_DEAD);
    let refused = told.books.rejected.values().sum::<u64>();
    assert!(refused > 400, "{:?}", told.books);
    assert_eq!(told.books.lost_total(), 0, "{:?}", told.books);
    assert_eq!(told.books.settled + refused, told.books.offered, "{:?}", told.books);
    let told_why = told.kafka().any(|(_, _, fact)| {
        use brokersim::trace::kafka::ErrorCode::NotEnoughReplicas;
        matches!(fact, Kafka::Retried { error: NotEnoughReplicas, .. })
    });
    assert!(told_why);
}

#[test]
fn exactly_as_many_in_sync_replicas_as_demanded_are_enough() {
    let told = tell_with(TWO_DEAD, &["kafka.min.insync.replicas=1"], &[]);
    assert_eq!(told.books.rejected.values().sum::<u64>(), 0, "{:?}", told.books);
    assert_eq!(told.tally.accepted, told.books.offered);
}

#[test]
fn one_acknowledgement_does_not_ask_for_in_sync_replicas() {
    let told = tell_with(TWO_DEAD, &["generator.shop.producer.acks=1"], &[]);
    assert_eq!(told.books.rejected.values().sum::<u64>(), 0, "{:?}", told.books);
    assert_eq!(told.tally.accepted, told.books.offered);
}

/// Broker 2 falls out of the in-sync set, then broker 1 dies for good, then broker 2 comes back.
const UNCLEAN: &str = r#"
[run]
seed = 5
duration = "90s"
drain = "60s"
[kafka]
brokers = 2
eligible.leader.replicas.version = 0
[kafka.topics.orders]
partitions = 1
replication.factor = 2
[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "20/s" }
stop-after = 600
[[sink]]
name = "billing"
from = "orders"
consumer.auto.offset.reset = "earliest"
start = "100s"
[[fault]]
at = "10s"
kill = "broker-2"
for = "40s"
[[fault]]
at = "40s"
kill = "broker-1"
"#;

#[test]
fn an_unclean_election_loses_what_only_the_dead_leader_had() {
    let told = tell_with(UNCLEAN, &["kafka.unclean.leader.election.enable=true"], &[]);
    let lost = told.lost(Reason::UncleanElection);
    // From the death of broker 2 on, only broker 1 had them: 20 a second from 10 s to 30 s.
    assert!((380..=405).contains(&lost), "{:?}", told.books);
    let place = told.place("orders", 0);
    let last = told.leaders(place).last().expect("it changed").clone();
    assert_eq!(last.1, Some(BrokerId(2)));
}

#[test]
fn without_unclean_elections_the_partition_waits_for_its_leader() {
    let told = tell_with(UNCLEAN, &["kafka.unclean.leader.election.enable=false"], &[]);
    assert_eq!(told.books.lost_total(), 0, "{:?}", told.books);
    let last = told.leaders(told.place("orders", 0)).last().expect("it changed").clone();
    assert_eq!(last.1, None, "nobody may lead");
}
