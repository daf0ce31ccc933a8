//! What an acknowledgement is worth when brokers die.

use brokersim::trace::kafka::{BrokerId, Kafka};
use brokersim::trace::{Life, Reason};

use super::{SHOP, Told, seconds, tell, tell_with};

/// The leader is killed at 20 s and back at 40 s.
fn killed() -> String {
    killed_at(20_000)
}

fn killed_at(ms: u32) -> String {
    format!("{SHOP}[[fault]]\nat = \"{ms}ms\"\nkill = \"leader of orders-0\"\nfor = \"20s\"\n")
}

#[test]
fn a_killed_leader_loses_nothing_that_all_in_sync_replicas_had() {
    let told = tell(&killed());
    told.assert_all_settled();
    assert_eq!(told.books.lost_total(), 0);
    assert_eq!((told.tally.stored_twice, told.tally.duplicates, told.tally.reordered), (0, 0, 0));
    assert_eq!(told.tally.accepted, told.books.offered);
}

#[test]
fn a_dead_leader_is_replaced_when_its_session_ends_and_not_before() {
    let told = tell(&killed());
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
    let told = tell(&killed());
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
    let told = tell(&killed());
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

/// As above, acknowledged by the leader alone, over a slow network, a record each millisecond.
const LEADER_ONLY: &[&str] = &[
    "network.latency={ constant = \"20ms\" }",
    "generator.shop.arrivals={ constant = \"1k/s\" }",
    "generator.shop.producer.acks=1",
    "generator.shop.producer.linger.ms=0",
    "generator.shop.producer.max.in.flight.requests.per.connection=1000",
    "run.duration=40s",
];

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

/// Oracle 13, row 2.
#[test]
fn a_leader_that_acknowledges_alone_takes_its_tail_with_it() {
    // A follower asks again each 40 ms, the way there and back; between two questions the tail grows by a record
    // each millisecond.
    for (ms, tail) in [(19_975, 13), (19_985, 23), (19_995, 33), (20_001, 39), (20_008, 5), (20_018, 15)] {
        let told = tell_with(&killed_at(ms), LEADER_ONLY, &[]);
        assert_eq!(unreplicated(&told), tail, "killed at {ms} ms");
        // A reset does not overtake the answers that were sent before it: all of the tail had been promised.
        assert_eq!(told.lost(Reason::LeaderElection), tail, "{:?}", told.books);
        assert_eq!((told.books.lost_total(), told.tally.stored_twice), (tail, 0), "{:?}", told.books);
        assert_eq!(told.books.settled + tail, told.books.offered);
    }
}

#[test]
fn at_the_same_moments_nothing_is_lost_when_all_have_to_acknowledge() {
    let all = [
        "generator.shop.producer.acks=all",
        "generator.shop.producer.max.in.flight.requests.per.connection=5",
    ];
    for ms in [19_975, 19_985, 19_995] {
        let told = tell_with(&killed_at(ms), &[LEADER_ONLY, &all].concat(), &[]);
        told.assert_all_settled();
        assert_eq!((told.books.lost_total(), told.tally.stored_twice), (0, 0), "{:?}", told.books);
    }
}

#[test]
fn without_acknowledgements_a_dead_leader_loses_what_is_sent_to_it() {
    let told = tell_with(&killed(), &["generator.shop.producer.acks=0"], &[]);
    let lost = told.lost(Reason::NotAcknowledged);
    assert!(lost > 0, "{:?}", told.books);
    assert_eq!(told.books.settled + told.books.lost_total(), told.books.offered, "{:?}", told.books);
    assert!(told.tally.accepted == told.books.offered, "all were promised");
}

/// One broker that has stored at 10.01 s what was offered at 10 s. Each record is a batch of its own.
const LOST_ANSWERS: &str = r#"
[run]
seed = 13
duration = "20s"
drain = "20s"
[network]
latency = { constant = "20ms" }
[kafka]
brokers = 1
offsets.topic.replication.factor = 1
[kafka.topics.orders]
partitions = 1
replication.factor = 1
[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "10/s" }
producer.linger.ms = 0
producer.request.timeout.ms = 1050
[[sink]]
name = "billing"
from = "orders"
consumer.auto.offset.reset = "earliest"
"#;

/// The answers are lost from then on, for so long; nobody is told.
fn answers_cut(at_ms: u64, for_ms: u64) -> String {
    let whom = "blackhole = \"shop\"\npeers = [\"broker-1\"]\ndirection = \"in\"";
    format!("{LOST_ANSWERS}[[fault]]\nat = \"{at_ms}ms\"\n{whom}\nfor = \"{for_ms}ms\"\n")
}

/// Oracle 13, row 14.
#[test]
fn a_lost_acknowledgement_duplicates_what_was_in_flight_unless_the_producer_is_idempotent() {
    for in_flight in [1, 2, 5] {
        let bound = format!("generator.shop.producer.max.in.flight.requests.per.connection={in_flight}");
        let plain = "generator.shop.producer.enable.idempotence=false";
        let told = tell_with(&answers_cut(10_010, 900), &[plain, &bound], &[]);
        told.assert_all_settled();
        assert_eq!(told.tally.accepted, told.books.offered);
        assert_eq!((told.tally.stored_twice, told.tally.duplicates), (in_flight, in_flight));
        let twice = told.processed().into_values().filter(|times| *times == 2).count();
        assert_eq!(twice as u64, in_flight, "whoever reads sees both copies");

        let told = tell_with(&answers_cut(10_010, 900), &[&bound], &[]);
        told.assert_all_settled();
        assert_eq!((told.tally.stored_twice, told.tally.duplicates), (0, 0));
        let recognised = told.kafka().filter_map(|(_, _, fact)| match fact {
            Kafka::Deduplicated { ids, .. } => Some(u64::from(ids.len())),
            _ => None,
        });
        assert_eq!(recognised.sum::<u64>(), in_flight, "by their sequence numbers (KIP-98)");
    }
}

#[test]
fn an_acknowledgement_that_has_left_before_the_cut_arrives() {
    let plain = "generator.shop.producer.enable.idempotence=false";
    // It leaves 20 ms after the record was offered, and the next one 100 ms later.
    for (at, lost) in [(10_010, 1), (10_030, 0)] {
        let told = tell_with(&answers_cut(at, 10_110 - at), &[plain], &[]);
        told.assert_all_settled();
        assert_eq!(told.tally.stored_twice, lost, "{at} ms");
    }
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
    format!("{SHOP}{}", DARK.replace("STRIKE", strike))
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
