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
    // One more record comes when the process is back, so that it is seen to have gone on.
    let one_more = format!(
        "{BACKLOG}[[generator]]\nname = \"late\"\ntopic = \"orders\"\nstart = \"9500ms\"\n\
         payload = {{ kind = \"bytes\", size = \"50B\" }}\narrivals = {{ constant = \"1/s\" }}\nstop-after = 1\n"
    );
    // All 200 are handed to the queue within a few milliseconds, and committed 100 ms after.
    let told = tell_with(&one_more, &workers, &[]);
    assert_eq!(told.lost(Reason::CommittedUnprocessed), 163, "{:?}", told.books);
    assert_eq!((told.books.settled, told.tally.duplicates), (38, 0));
    // Without a commit in between they come again.
    let seldom = [&workers[..3], &["sink.billing.consumer.auto.commit.interval.ms=60000"]].concat();
    let told = tell_with(&one_more, &seldom, &[]);
    told.assert_all_settled();
    assert_eq!(told.tally.duplicates, 37);
    let calm = tell_with(&one_more, &workers[..1], &[]);
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
    let gone = told.rejected(Reason::ProducerClosed);
    assert_eq!((gone, told.books.settled), (101, 99), "{:?}", told.books);
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
    assert!(
        told.tally.stored_twice <= resent,
        "what was on its way is there twice, what was not is there once"
    );
    assert_eq!(told.tally.duplicates, told.tally.stored_twice, "each copy is processed");
    let without = tell_with(BACKLOG, &set[1..], &[Blow::kill("shop", 1.505, Some(1.0))]);
    assert_eq!(without.tally.stored_twice, 0);
    assert!(without.rejected(Reason::ProducerClosed) > 0, "{:?}", without.books);
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
    assert_eq!(
        left.iter().map(|(_, why)| *why).collect::<Vec<_>>(),
        [GroupReason::SessionTimeout],
        "{left:?}"
    );
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
    assert_eq!(
        left.iter().map(|(_, why)| *why).collect::<Vec<_>>(),
        [GroupReason::SessionTimeout],
        "{left:?}"
    );
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
}

// Faults of applications.

fn fault(text: &str, what: &str) -> String {
    format!("{text}[[fault]]\n{what}")
}

fn processed_between(told: &Told, who: &str, from: f64, to: f64) -> u64 {
    let within = told.life().filter(|(at, event, life)| {
        let processed = matches!(life, Life::Processed { .. });
        processed && (seconds(from)..seconds(to)).contains(at) && told.who(event) == who
    });
    within.count() as u64
}

fn offered_between(told: &Told, from: f64, to: f64) -> u64 {
    let offered = told.life().filter_map(|(at, _, life)| match life {
        Life::Offered { records, .. } if (seconds(from)..seconds(to)).contains(&at) => {
            Some(u64::from(*records))
        }
        _ => None,
    });
    offered.sum()
}

#[test]
fn a_slow_handler_takes_as_many_times_as_long_and_then_no_more() {
    // 25 records a second for each member, 10 ms each: four times as slow is just enough, five is not.
    let slow = |factor: u32| {
        let what = format!("at = \"10s\"\nslow-handler = \"billing-1\"\nfactor = {factor}\nfor = \"20s\"\n");
        tell_with(&fault(TWO, &what), &["generator.shop.key={ uniform = 1000 }"], &[])
    };
    let told = slow(40);
    told.assert_all_settled();
    let during = processed_between(&told, "billing-1", 12.0, 28.0);
    assert!((39..=41).contains(&during), "400 ms each: {during}");
    assert!(processed_between(&told, "billing-1", 30.5, 40.0) > 500, "it catches up afterwards");
    assert!(processed_between(&slow(1), "billing-1", 12.0, 28.0) > 300);
}

#[test]
fn row_27_a_stuck_handler_is_noticed_by_the_poll_interval_and_by_nothing_else() {
    let stuck = "at = \"10s\"\nstuck-handler = \"billing-1\"\nfor = \"25s\"\n";
    let polls = "sink.billing.consumer.max.poll.interval.ms";
    let told = tell_with(&fault(TWO, stuck), &[&format!("{polls}=10000")], &[]);
    told.assert_all_settled();
    let left = leavings(&told);
    // The member itself says goodbye, 10 s after its last poll; sessions of 6 s never end.
    assert_eq!(left.iter().map(|(_, why)| *why).collect::<Vec<_>>(), [GroupReason::PollTimeout], "{left:?}");
    assert!((seconds(19.0)..=seconds(20.1)).contains(&left[0].0), "{left:?}");
    let refused = commits_refused(&told);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].0 >= seconds(35.0) && refused[0].1 == "billing-1/consumer", "{refused:?}");
    assert_eq!(refused[0].2, ErrorCode::UnknownMemberId);
    assert!(told.tally.duplicates > 0, "what hung is done twice");
    // With more patience nobody leaves; the group waits.
    let patient = tell_with(&fault(TWO, stuck), &[&format!("{polls}=60000")], &[]);
    patient.assert_all_settled();
    assert!(leavings(&patient).is_empty(), "{:?}", leavings(&patient));
    assert_eq!((patient.tally.duplicates, commits_refused(&patient).len()), (0, 0));
}

#[test]
fn a_burst_is_so_many_times_as_many_records() {
    let what = "at = \"10s\"\nburst = \"shop\"\nfactor = 3\nfor = \"10s\"\n";
    let told = tell(&fault(TWO, what));
    told.assert_all_settled();
    assert_eq!(offered_between(&told, 0.0, 10.0), 500);
    assert!(
        (1_499..=1_501).contains(&offered_between(&told, 10.0, 20.0)),
        "{}",
        offered_between(&told, 10.0, 20.0)
    );
    assert!((499..=501).contains(&offered_between(&told, 20.0, 30.0)));
    // The last is offered at the very end.
    assert_eq!(told.books.offered, 50 * 40 + 1 + 1_000);
}

#[test]
fn bursts_that_overlap_do_not_end_each_other() {
    let one = "at = \"10s\"\nburst = \"shop\"\nfactor = 3\nfor = \"10s\"\n";
    let other = "[[fault]]\nat = \"15s\"\nburst = \"shop\"\nfactor = 2\nfor = \"10s\"\n";
    let told = tell(&fault(TWO, &format!("{one}{other}")));
    assert!(
        (999..=1_001).contains(&offered_between(&told, 15.0, 25.0)),
        "twice as many until the second ends"
    );
    assert!((499..=501).contains(&offered_between(&told, 25.0, 35.0)));
}

#[test]
fn row_35_a_clock_that_is_ahead_is_refused_by_4_and_taken_by_3() {
    let ahead = |by: &str| format!("at = \"10s\"\nclock-ahead = \"shop\"\nby = \"{by}\"\nfor = \"10s\"\n");
    // message.timestamp.after.max.ms is 1 h since 4.0.
    let told = tell(&fault(TWO, &ahead("61min")));
    assert_eq!(told.rejected(Reason::InvalidTimestamp), 500, "{:?}", told.books);
    assert_eq!(told.books.settled, 1_501);
    tell(&fault(TWO, &ahead("59min"))).assert_all_settled();
    tell_with(&fault(TWO, &ahead("61min")), &["kafka.version=\"3.9\""], &[]).assert_all_settled();
}

#[test]
fn a_clock_that_is_behind_makes_records_old() {
    let what = "at = \"20s\"\nclock-behind = \"shop\"\nby = \"15s\"\nfor = \"10s\"\n";
    let set = &["kafka.topics.orders.message.timestamp.before.max.ms=10000"];
    let told = tell_with(&fault(TWO, what), set, &[]);
    assert_eq!(told.rejected(Reason::InvalidTimestamp), 500, "{:?}", told.books);
    tell_with(&fault(TWO, what), &["kafka.topics.orders.message.timestamp.before.max.ms=20000"], &[])
        .assert_all_settled();
}

#[test]
fn poison_by_a_fault_is_what_is_offered_next() {
    let what = "at = \"10s\"\npoison = \"shop\"\nrecords = 3\n";
    let told = tell_with(&fault(TWO, what), &["sink.billing.on-error=dead-letter"], &[]);
    assert_eq!(told.books.dead_lettered.get(&Reason::HandlerFailed), Some(&3), "{:?}", told.books);
    let failed = told.life().filter_map(|(at, _, life)| match life {
        Life::Failed { .. } => Some(at),
        _ => None,
    });
    let failed: Vec<_> = failed.collect();
    assert!(failed.iter().all(|at| (seconds(10.0)..seconds(10.5)).contains(at)), "{failed:?}");
}

#[test]
fn who_is_closed_leaves_at_once_and_joins_again_as_somebody_new() {
    let what = "at = \"15s\"\nclose = \"billing-1\"\nfor = \"10s\"\n";
    let told = tell(&fault(TWO, what));
    told.assert_all_settled();
    assert_eq!(told.tally.duplicates, 0, "in good order");
    let left = leavings(&told);
    assert_eq!(left.iter().map(|(_, why)| *why).collect::<Vec<_>>(), [GroupReason::MemberLeft], "{left:?}");
    assert!((seconds(15.0)..seconds(15.1)).contains(&left[0].0), "{left:?}");
    assert_eq!(processed_between(&told, "billing-1", 15.1, 25.0), 0);
    assert!(processed_between(&told, "billing-1", 30.0, 40.0) > 0, "it has its share again");
}

#[test]
fn a_generator_that_is_closed_flushes_and_begins_again_with_a_new_producer() {
    let what = "at = \"15.005s\"\nclose = \"shop\"\nfor = \"10s\"\n";
    let set =
        &["generator.shop.producer.linger.ms=3000", "generator.shop.producer.delivery.timeout.ms=60000"];
    let told = tell_with(&fault(TWO, what), set, &[]);
    told.assert_all_settled();
    assert_eq!(offered_between(&told, 15.01, 25.0), 0);
    assert_eq!((told.books.offered, told.tally.stored_twice), (1_501, 0));
    let killed = tell_with(&fault(TWO, &what.replace("close", "kill")), set, &[]);
    assert!(killed.rejected(Reason::ProducerClosed) > 0, "what lingered is gone: {:?}", killed.books);
}

#[test]
fn members_come_and_go() {
    let add = "at = \"10s\"\nadd-member = \"billing\"\n";
    let remove = "[[fault]]\nat = \"25s\"\nremove-member = \"billing\"\n";
    let set = &["kafka.topics.orders.partitions=6", "generator.shop.key={ uniform = 1000 }"];
    let told = tell_with(&fault(TWO, &format!("{add}{remove}")), set, &[]);
    told.assert_all_settled();
    assert_eq!(told.tally.duplicates, 0);
    assert_eq!(processed_between(&told, "billing-3", 0.0, 10.0), 0);
    let share = processed_between(&told, "billing-3", 15.0, 25.0);
    assert!((100..=240).contains(&share), "a third of 500: {share}");
    assert_eq!(processed_between(&told, "billing-3", 25.1, 100.0), 0, "the newest goes first");
    let left = leavings(&told);
    assert_eq!(left.len(), 1, "{left:?}");
    let owned = |at: f64| -> Vec<usize> {
        ["billing-1", "billing-2", "billing-3"]
            .map(|name| {
                let last = told.kafka().filter_map(|(when, event, fact)| match fact {
                    Kafka::Assigned { places, .. } if when < seconds(at) => {
                        (told.who(event) == format!("{name}/consumer")).then_some(places.len())
                    }
                    _ => None,
                });
                last.last().unwrap_or(0)
            })
            .to_vec()
    };
    assert_eq!(owned(9.0), [3, 3, 0]);
    assert_eq!(owned(24.0), [2, 2, 2]);
    assert_eq!(owned(39.0)[..2], [3, 3]);
}

// Row 25: added partitions.

/// Keyed records all the time; the topic grows at 20 s, and the producer knows at once, the readers seconds later.
const GROWING: &[&str] = &[
    "generator.shop.key={ uniform = 1000 }",
    "generator.shop.producer.metadata.max.age.ms=1000",
    "sink.billing.consumer.metadata.max.age.ms=8000",
];
const GROW: &str = "at = \"20s\"\nadd-partitions = \"orders\"\nto = 4\n";

fn stored_at(told: &Told, partition: u32) -> u64 {
    let place = told.place("orders", partition);
    told.stored().iter().filter(|(_, _, at, _)| *at == place).map(|(_, ids, ..)| u64::from(ids.len())).sum()
}

#[test]
fn row_25_added_partitions_are_written_when_producers_know_and_read_when_the_group_does() {
    let told = tell_with(&fault(TWO, GROW), GROWING, &[]);
    told.assert_all_settled();
    let created = told.leaders(told.place("orders", 3));
    assert!((seconds(20.0)..seconds(20.1)).contains(&created[0].0), "{created:?}");
    let first = told.stored().into_iter().find(|(_, _, place, _)| *place == told.place("orders", 3));
    let first = first.expect("keys go there now").0;
    assert!((seconds(20.0)..seconds(21.2)).contains(&first), "{first}");
    let assigned = told.kafka().find_map(|(at, _, fact)| match fact {
        Kafka::Assigned { places, .. } if places.contains(&told.place("orders", 3)) => Some(at),
        _ => None,
    });
    let assigned = assigned.expect("somebody reads it in the end");
    assert!((seconds(20.0)..=seconds(34.0)).contains(&assigned), "{assigned}");
    assert!(stored_at(&told, 2) > 100 && stored_at(&told, 3) > 100, "a quarter each of what comes later");
    assert!(leavings(&told).is_empty(), "nobody leaves: the leader joins again");
}

#[test]
fn row_25_with_latest_what_was_written_before_the_group_knew_is_skipped() {
    let latest = [GROWING, &["sink.billing.consumer.auto.offset.reset=latest"]].concat();
    let told = tell_with(&fault(TWO, GROW), &latest, &[]);
    let new = [told.place("orders", 2), told.place("orders", 3)];
    let skipped = |told: &Told| -> u64 {
        let to = told.life().filter_map(|(_, _, life)| match life {
            Life::Skipped { place, to, why: Reason::OffsetReset, .. } if new.contains(place) => Some(*to),
            _ => None,
        });
        to.sum()
    };
    let lost = skipped(&told);
    assert!(lost > 0, "{:?}", told.books);
    // Nothing else is skipped: the group had begun before the first record came, or with its first fetch.
    let before = told.lost(Reason::OffsetReset) - lost;
    assert_eq!(told.books.settled + lost + before, told.books.offered, "{:?}", told.books);
    let earliest = tell_with(&fault(TWO, GROW), GROWING, &[]);
    assert_eq!((skipped(&earliest), earliest.books.lost_total()), (0, 0));
    // Readers that look more often skip less.
    let often = [&latest[..], &["sink.billing.consumer.metadata.max.age.ms=500"]].concat();
    let told = tell_with(&fault(TWO, GROW), &often, &[]);
    assert!(skipped(&told) < lost, "{} {lost}", skipped(&told));
}

#[test]
fn row_25_a_key_that_moves_to_another_partition_may_be_overtaken_by_itself() {
    // The old partition has a backlog, the new one none.
    let behind = [GROWING, &[
        "sink.billing.service={ constant = \"60ms\" }",
        "sink.billing.consumer.max.poll.records=5",
        "run.drain=200s",
    ]].concat();
    let told = tell_with(&fault(TWO, GROW), &behind, &[]);
    told.assert_all_settled();
    let mut youngest = std::collections::BTreeMap::new();
    let mut overtaken = 0;
    for (_, _, life) in told.life() {
        let Life::Processed { ids: brokersim::trace::Ids::Span(span), .. } = life else { continue };
        for record in span.records() {
            let last = youngest.entry(record.key_hash()).or_insert(record.id);
            overtaken += u32::from(record.id < *last);
            *last = record.id.max(*last);
        }
    }
    assert!(overtaken > 0, "order per key holds only while the number of partitions does");
    let mut still = std::collections::BTreeMap::new();
    for (_, _, life) in tell_with(TWO, &behind, &[]).life() {
        let Life::Processed { ids: brokersim::trace::Ids::Span(span), .. } = life else { continue };
        for record in span.records() {
            assert!(still.insert(record.key_hash(), record.id).is_none_or(|last| last < record.id));
        }
    }
}
