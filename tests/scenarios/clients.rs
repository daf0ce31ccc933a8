//! What goes wrong in applications: crashes between two lines of a loop, poison, handlers that hang, workers.
//!
//! Counts are exact: one partition, 200 records that are there before anybody reads, polls of 50.

use brokersim::trace::kafka::{ErrorCode, GroupReason, Kafka, PositionReason};
use brokersim::trace::{Life, Reason};

use super::{Blow, Told, seconds, tell, tell_with};

/// 200 records in the first two seconds; a reader from second 5 on, 50 at a time, 10 ms each.
const BACKLOG: &str = r#"
[run]
seed = 5
duration = "10s"
drain = "110s"
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
payload = { kind = "bytes", size = "50B" }
arrivals = { constant = "100/s" }
stop-after = 200
[[sink]]
name = "billing"
from = "orders"
start = "5s"
service = { constant = "10ms" }
consumer.auto.offset.reset = "earliest"
consumer.max.poll.records = 50
"#;

/// Billing exits when it has processed so many, there in its loop, and is back after 2 s.
fn exits(commit: &str, after: u32, point: &str) -> Told {
    let set = [
        format!("sink.billing.commit={commit}"),
        format!("sink.billing.crash-after={after}"),
        format!("sink.billing.crash-point={point}"),
        "sink.billing.restart-after=2s".to_owned(),
    ];
    tell_with(BACKLOG, &set.each_ref().map(String::as_str), &[])
}

/// Records skipped, and processed twice.
fn skipped_and_repeated(told: &Told) -> (u64, u64) {
    let skipped = told.lost(Reason::CommittedUnprocessed);
    assert_eq!(told.books.settled + skipped, 200, "{:?}", told.books);
    (skipped, told.tally.duplicates)
}

fn failures(told: &Told) -> usize {
    told.life().filter(|(_, _, life)| matches!(life, Life::Failed { .. })).count()
}

/// Who left the group, when, and why.
fn leavings(told: &Told) -> Vec<(brokersim::kernel::Time, GroupReason)> {
    let left = told.kafka().filter_map(|(at, _, fact)| match fact {
        Kafka::MemberLeft { why, .. } => Some((at, *why)),
        _ => None,
    });
    left.collect()
}

// Oracle 13, rows 21 to 24.

#[test]
fn row_21_a_crash_after_the_commit_skips_what_was_committed_and_not_processed() {
    // 37 of the first 50, all committed; the second batch of 50 likewise.
    assert_eq!(skipped_and_repeated(&exits("before", 37, "at-once")), (13, 0));
    assert_eq!(skipped_and_repeated(&exits("before", 50, "at-once")), (0, 0));
    // The commit of the second batch is confirmed, and none of it is processed.
    assert_eq!(skipped_and_repeated(&exits("before", 50, "after-commit")), (50, 0));
    assert_eq!(skipped_and_repeated(&exits("before", 50, "before-commit")), (0, 0));
}

#[test]
fn row_22_a_crash_between_the_work_and_its_commit_repeats_the_work() {
    assert_eq!(skipped_and_repeated(&exits("after", 37, "at-once")), (0, 37));
    assert_eq!(skipped_and_repeated(&exits("after", 37, "before-commit")), (0, 50));
    assert_eq!(skipped_and_repeated(&exits("after", 37, "after-commit")), (0, 0));
    assert_eq!(skipped_and_repeated(&exits("after", 87, "at-once")), (0, 37));
}

#[test]
fn row_23_automatic_commits_cover_what_was_handed_over_by_earlier_polls_only() {
    // No interval has passed: nothing is committed, and all of it comes again.
    assert_eq!(skipped_and_repeated(&exits("auto", 137, "at-once")), (0, 137));
    let often = [
        "sink.billing.crash-after=137",
        "sink.billing.restart-after=2s",
        "sink.billing.consumer.auto.commit.interval.ms=100",
    ];
    // Two polls are behind it, 100 records; of the third 37 are processed.
    assert_eq!(skipped_and_repeated(&tell_with(BACKLOG, &often, &[])), (0, 37));
}

#[test]
fn row_24_a_loop_that_hands_records_to_workers_commits_what_nobody_has_processed() {
    let workers = [
        "sink.billing.workers=1",
        "sink.billing.crash-after=37",
        "sink.billing.restart-after=2s",
        "sink.billing.consumer.auto.commit.interval.ms=100",
    ];
    // All 200 are handed to the queue within a few milliseconds, and committed 100 ms after.
    assert_eq!(skipped_and_repeated(&tell_with(BACKLOG, &workers, &[])), (163, 0));
    // Without a commit in between they come again.
    let seldom = [&workers[..3], &["sink.billing.consumer.auto.commit.interval.ms=60000"]].concat();
    assert_eq!(skipped_and_repeated(&tell_with(BACKLOG, &seldom, &[])), (0, 37));
    let calm = tell_with(BACKLOG, &workers[..1], &[]);
    calm.assert_all_settled();
    assert_eq!(calm.tally.duplicates, 0);
}

#[test]
fn four_workers_are_done_four_times_as_early() {
    let last = |workers: u32| {
        let told = tell_with(BACKLOG, &[&format!("sink.billing.workers={workers}")], &[]);
        told.assert_all_settled();
        let mut processed = told.life().filter(|(_, _, life)| matches!(life, Life::Processed { .. }));
        let first = processed.next().expect("something is processed").0;
        processed.last().expect("more than one").0.since(first).as_millis()
    };
    assert_eq!((last(1), last(4)), (1_990, 490));
}

// Poison.

const POISON: &str = "generator.shop.poison-at=60";

#[test]
fn poison_that_is_skipped_is_lost_alone() {
    let told = tell_with(BACKLOG, &[POISON, "sink.billing.on-error=skip", "sink.billing.commit=after"], &[]);
    assert_eq!((failures(&told), told.lost(Reason::HandlerFailed)), (1, 1), "{:?}", told.books);
    assert_eq!((told.books.settled, told.tally.duplicates), (199, 0));
}

#[test]
fn poison_that_is_put_aside_is_accounted_for() {
    let set = [POISON, "sink.billing.on-error=dead-letter", "sink.billing.commit=after"];
    let told = tell_with(BACKLOG, &set, &[]);
    assert_eq!(told.books.dead_lettered.get(&Reason::HandlerFailed), Some(&1), "{:?}", told.books);
    assert_eq!((told.books.settled, told.books.lost_total()), (199, 0));
}

#[test]
fn poison_that_ends_the_process_ends_it_again_and_again_and_nothing_moves_on() {
    let set = [POISON, "sink.billing.commit=after", "sink.billing.restart-after=10s"];
    let told = tell_with(BACKLOG, &set, &[]);
    let crashes = told.crashes();
    assert!(crashes.len() > 1 && crashes.iter().all(|(_, who)| who == "billing"), "{crashes:?}");
    assert_eq!(failures(&told), crashes.len(), "each time by the same record");
    // The first batch was committed; of the second nine are processed each time.
    assert_eq!((told.books.settled, told.books.lost_total()), (50, 0), "{:?}", told.books);
    assert_eq!(told.tally.duplicates, 9 * (crashes.len() as u64 - 1));
    assert_eq!(told.tally.processed, 59);
}

#[test]
fn a_loop_that_ends_with_close_in_finally_commits_what_it_did_not_process() {
    // Row 24: the exception leaves 50 handed over, 9 processed; close() commits all 100 positions.
    let told = tell_with(BACKLOG, &[POISON, "sink.billing.on-error=stop"], &[]);
    assert_eq!(failures(&told), 1);
    assert_eq!(leavings(&told).iter().map(|(_, why)| *why).collect::<Vec<_>>(), [GroupReason::MemberLeft]);
    let settled = told.life().filter_map(|(_, _, life)| match life {
        Life::Settled { upto, .. } => Some(*upto),
        _ => None,
    });
    assert_eq!(settled.last(), Some(100));
    assert_eq!(told.tally.processed, 59);
    // Who commits by itself after the work does not: the batch waits for another member.
    let told = tell_with(BACKLOG, &[POISON, "sink.billing.on-error=stop", "sink.billing.commit=after"], &[]);
    assert_eq!((told.books.settled, told.tally.processed), (50, 59), "{:?}", told.books);
}

// Producers.

#[test]
fn a_producer_that_dies_takes_its_buffer_with_it() {
    // linger.ms is 5 s: what was offered since the last batch is in memory only.
    let set = ["generator.shop.producer.linger.ms=5000", "generator.shop.producer.delivery.timeout.ms=60000"];
    let told = tell_with(BACKLOG, &set, &[Blow::kill("shop", 1.005, Some(1.0))]);
    let unsent = told.books.in_flight.values().sum::<u64>();
    assert_eq!((unsent, told.books.settled), (101, 99), "{:?}", told.books);
    assert_eq!(told.tally.stored_twice, 0);
}

#[test]
fn row_17_an_outbox_offers_again_what_it_never_heard_of_and_no_broker_recognises_it() {
    // Acknowledgements take 300 ms to come: what is under way when the process dies is in the log already.
    let set = ["generator.shop.outbox=true", "network.latency={ constant = \"150ms\" }"];
    let told = tell_with(BACKLOG, &set, &[Blow::kill("shop", 1.505, Some(1.0))]);
    told.assert_all_settled();
    let resent = told.life().filter(|(_, _, life)| matches!(life, Life::Resent { .. })).count() as u64;
    assert!(resent > 0 && told.tally.stored_twice > 0, "{resent} {:?}", told.tally);
    assert!(told.tally.stored_twice <= resent, "what was on its way is there twice, what was not is there once");
    assert_eq!(told.tally.duplicates, told.tally.stored_twice, "each copy is processed");
    let without = tell_with(BACKLOG, &set[1..], &[Blow::kill("shop", 1.505, Some(1.0))]);
    assert_eq!(without.tally.stored_twice, 0);
    assert!(without.books.in_flight.values().sum::<u64>() > 0, "{:?}", without.books);
}

#[test]
fn an_outbox_repeats_nothing_that_was_acknowledged() {
    let told = tell_with(BACKLOG, &["generator.shop.outbox=true"], &[Blow::kill("shop", 5.0, Some(1.0))]);
    told.assert_all_settled();
    assert_eq!((told.tally.stored_twice, told.tally.duplicates), (0, 0));
}

// Zombies.

/// A member that stands still for longer than its session, next to one that goes on.
const TWO: &str = r#"
[run]
seed = 8
duration = "40s"
drain = "60s"
[network]
latency = { constant = "300us" }
[kafka]
brokers = 1
[kafka.topics.orders]
partitions = 2
replication.factor = 1
[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "50B" }
arrivals = { constant = "50/s" }
[[sink]]
name = "billing"
from = "orders"
instances = 2
service = { constant = "10ms" }
commit = "after"
consumer.auto.offset.reset = "earliest"
consumer.session.timeout.ms = 6000
consumer.heartbeat.interval.ms = 2000
"#;

fn commits_refused(told: &Told) -> Vec<(brokersim::kernel::Time, String, ErrorCode)> {
    let refused = told.kafka().filter_map(|(at, event, fact)| match fact {
        Kafka::CommitFailed { error, .. } => Some((at, told.who(event).to_owned(), *error)),
        _ => None,
    });
    refused.collect()
}

#[test]
fn rows_27_and_33_a_zombie_finishes_its_work_and_is_not_allowed_to_commit_it() {
    let told = tell_with(TWO, &[], &[Blow::pause("billing-1", 20.005, 15.0)]);
    told.assert_all_settled();
    let left = leavings(&told);
    assert_eq!(left.iter().map(|(_, why)| *why).collect::<Vec<_>>(), [GroupReason::SessionTimeout], "{left:?}");
    assert!((seconds(24.0)..=seconds(26.1)).contains(&left[0].0), "{left:?}");
    let refused = commits_refused(&told);
    assert!(refused.iter().all(|(at, who, _)| *at >= seconds(35.0) && who == "billing-1/consumer"));
    assert_eq!(refused.len(), 1, "CommitFailedException, once: {refused:?}");
    // What it held was handed to the other, too.
    assert!(told.tally.duplicates > 0, "{:?}", told.tally);
    let brief = tell_with(TWO, &[], &[Blow::pause("billing-1", 20.005, 3.0)]);
    brief.assert_all_settled();
    assert!(leavings(&brief).is_empty() && commits_refused(&brief).is_empty());
    assert_eq!(brief.tally.duplicates, 0, "just in time");
}

#[test]
fn a_member_that_dies_is_missed_after_its_session_and_joins_again_when_it_is_back() {
    let told = tell_with(TWO, &[], &[Blow::kill("billing-1", 20.005, Some(15.0))]);
    told.assert_all_settled();
    let left = leavings(&told);
    assert_eq!(left.iter().map(|(_, why)| *why).collect::<Vec<_>>(), [GroupReason::SessionTimeout], "{left:?}");
    assert!((seconds(24.0)..=seconds(26.1)).contains(&left[0].0), "{left:?}");
    let joined = told.kafka().any(|(at, event, fact)| {
        let own = matches!(fact, Kafka::Assigned { places, .. } if places.len() == 1);
        own && at > seconds(35.0) && told.who(event) == "billing-1/consumer"
    });
    assert!(joined, "it has a partition again");
    let positioned = told.kafka().filter(|(at, _, fact)| {
        matches!(fact, Kafka::Positioned { why: PositionReason::Committed, .. }) && *at > seconds(20.0)
    });
    assert!(positioned.count() >= 2, "everybody goes on where the group had committed");
    let _ = tell(TWO);
}
