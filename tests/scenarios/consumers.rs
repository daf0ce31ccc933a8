//! What applications that read see: at least once, at most once, resets, retention.

use brokersim::trace::kafka::{Kafka, PositionReason};
use brokersim::trace::{Fact, Life, Reason, tell as tell_fact};

use super::{Blow, Told, seconds, tell, tell_with};

const ONE: &str = r#"
[run]
seed = 21
duration = "40s"
drain = "60s"
[kafka]
brokers = 3
min.insync.replicas = 2
[kafka.topics.orders]
partitions = 2
replication.factor = 3
[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "50B" }
arrivals = { poisson = "100/s" }
[[sink]]
name = "billing"
from = "orders"
service = { constant = "9ms" }
consumer.auto.offset.reset = "earliest"
"#;

fn crashed(commit: &str) -> Told {
    tell_with(ONE, &[&format!("sink.billing.commit={commit}")], &[Blow::kill("billing", 20.017, Some(1.0))])
}

#[test]
fn who_commits_after_the_work_repeats_it_and_loses_nothing() {
    let told = crashed("after");
    told.assert_all_settled();
    assert!(told.tally.duplicates > 0, "the batch in work comes again");
    let most = told.processed().into_values().max().expect("something was processed");
    assert_eq!(most, 2, "one crash, one repetition");
}

#[test]
fn who_commits_before_the_work_loses_it_and_repeats_nothing() {
    let told = crashed("before");
    let lost = told.lost(Reason::CommittedUnprocessed);
    assert!(lost > 0 && lost <= 500, "{:?}", told.books);
    assert_eq!(told.tally.duplicates, 0);
    assert_eq!(told.books.settled + lost, told.books.offered, "{:?}", told.books);
}

#[test]
fn automatic_commits_repeat_up_to_an_interval_of_work() {
    let told = crashed("auto");
    told.assert_all_settled();
    // auto.commit.interval.ms is 5 s: at most that much, and what was handed over since.
    assert!(told.tally.duplicates > 0 && told.tally.duplicates <= 600, "{:?}", told.tally);
    let often = tell_with(
        ONE,
        &["sink.billing.commit=auto", "sink.billing.consumer.auto.commit.interval.ms=100"],
        &[Blow::kill("billing", 20.017, Some(1.0))],
    );
    assert!(often.tally.duplicates < told.tally.duplicates);
}

#[test]
fn a_calm_reader_commits_once_and_repeats_nothing_whatever_its_policy() {
    for commit in ["auto", "after", "before"] {
        let told = tell_with(ONE, &[&format!("sink.billing.commit={commit}")], &[]);
        told.assert_all_settled();
        assert_eq!(told.tally.duplicates, 0, "{commit}");
    }
}

#[test]
fn a_late_group_begins_at_the_end_unless_it_asks_for_the_beginning() {
    let earliest = tell_with(ONE, &["sink.billing.start=20s"], &[]);
    earliest.assert_all_settled();
    let latest =
        tell_with(ONE, &["sink.billing.start=20s", "sink.billing.consumer.auto.offset.reset=latest"], &[]);
    let skipped = latest.lost(Reason::OffsetReset);
    // It needs 3 s and a little to join (group.initial.rebalance.delay.ms).
    let stored = latest.stored();
    let before = stored.iter().filter(|(at, ..)| *at < seconds(23.0)).map(|(_, ids, ..)| ids.len());
    let before: u64 = before.map(u64::from).sum();
    assert!(skipped >= before, "{skipped} {before} {:?}", latest.books);
    assert_eq!(latest.books.settled + skipped, latest.books.offered, "{:?}", latest.books);
    let resets = latest
        .kafka()
        .filter(|(_, _, fact)| matches!(fact, Kafka::Positioned { why: PositionReason::Reset, .. }));
    assert_eq!(resets.count(), 2, "once a partition");
}

#[test]
fn a_group_without_a_reset_policy_stops_and_says_why() {
    let told = tell_with(ONE, &["sink.billing.consumer.auto.offset.reset=none"], &[]);
    let stops: Vec<_> = told
        .events
        .iter()
        .filter(|event| matches!(event.fact, Fact::Kafka(Kafka::ConsumerFailed { .. })))
        .map(|event| tell_fact(event, &told.stage, &told.cast).expect("notable").text)
        .collect();
    assert_eq!(
        stops,
        ["billing/consumer (billing) threw NoOffsetForPartitionException at orders-0, orders-1"]
    );
    assert_eq!(told.processed().len(), 0);
}

#[test]
fn retention_passes_a_reader_that_is_too_slow() {
    let set = &[
        "kafka.topics.orders.retention.bytes=20000",
        "kafka.topics.orders.segment.ms=1000",
        "kafka.log.retention.check.interval.ms=5000",
        "sink.billing.service={ constant = \"100ms\" }",
        "sink.billing.consumer.max.poll.records=5",
        "sink.billing.consumer.max.partition.fetch.bytes=1000",
    ];
    let told = tell_with(ONE, set, &[]);
    let passed = told.dropped(Reason::Retention);
    assert!(passed > 0, "{:?}", told.books);
    assert_eq!(told.books.lost_total(), 0, "{:?}", told.books);
    let skipped =
        told.life().any(|(_, _, life)| matches!(life, Life::Skipped { why: Reason::Retention, .. }));
    assert!(skipped, "it goes on where the log begins now");
    let quick = tell_with(ONE, &set[..3], &[]);
    quick.assert_all_settled();
}

fn last_offer(told: &Told) -> brokersim::kernel::Time {
    let offers = told.life().filter(|(_, _, life)| matches!(life, Life::Offered { .. }));
    offers.last().expect("something was offered").0
}

#[test]
fn a_full_buffer_makes_the_application_wait_and_loses_nothing() {
    let set = &[
        "generator.shop.producer.buffer.memory=40000",
        "generator.shop.arrivals={ constant = \"1k/s\" }",
        "sink.billing.service={ constant = \"0s\" }",
        "network.latency={ constant = \"20ms\" }",
        "generator.shop.producer.linger.ms=0",
        "generator.shop.producer.batch.size=1000",
    ];
    let told = tell_with(ONE, set, &[]);
    assert!(last_offer(&told) > seconds(41.0), "it is late with what it had to offer");
    assert_eq!((told.tally.rejected, told.books.lost_total()), (0, 0));
    assert_eq!(told.tally.accepted, told.books.offered);
    let roomy = tell_with(ONE, &set[1..3], &[]);
    assert!(last_offer(&roomy) <= seconds(40.0));
}

#[test]
fn records_of_a_key_keep_their_order_when_their_leader_dies() {
    let fault = "[[fault]]\nat = \"15s\"\nkill = \"leader of orders-0\"\nfor = \"15s\"\n";
    let set = &["generator.shop.key={ uniform = 10 }"];
    let told = tell_with(&format!("{ONE}{fault}"), set, &[]);
    told.assert_all_settled();
    assert_eq!((told.tally.reordered, told.tally.stored_twice), (0, 0), "{:?}", told.tally);
    let told = tell(&format!("{ONE}{fault}"));
    assert_eq!((told.tally.reordered, told.tally.stored_twice), (0, 0), "{:?}", told.tally);
}
