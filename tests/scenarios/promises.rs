//! Promises kept and broken by the model itself, and that their numbers are those of the books.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use brokersim::observe::promise::{CATALOGUE, Mode, Outcome, Promise, Verdict};
use brokersim::trace::kafka::Kafka;
use brokersim::trace::{Fact, Reason};

use super::{Blow, Told, tell, tell_with};

/// The verdict on a promise under a word.
#[track_caller]
fn verdict(told: &Told, mode: Mode, promise: Promise) -> Verdict {
    let found = told.watch.verdicts().into_iter().find(|v| v.mode == mode && v.promise == promise);
    found.unwrap_or_else(|| panic!("{} is expected", promise.name()))
}

/// Each verdict is as expected, or which are not.
#[track_caller]
fn assert_as_expected(told: &Told) {
    let verdicts = told.watch.verdicts();
    assert!(!verdicts.is_empty());
    let wrong: Vec<_> = verdicts.iter().filter(|verdict| !verdict.kept).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// How much broke it, and by which causes.
#[track_caller]
fn broken(told: &Told, promise: Promise) -> (u64, BTreeMap<Reason, u64>) {
    let verdict = verdict(told, Mode::Broken, promise);
    let Outcome::Broken { count, causes, witnesses } = verdict.outcome else { panic!("{verdict:?}") };
    assert!(!witnesses.is_empty() && witnesses.iter().all(|witness| witness.serial > 0));
    (count, causes)
}

/// The leader dies between two fetches of its followers.
const LEADER_DIES: &str = r#"
[run]
seed = 7
duration = "40s"
drain = "20s"
[network]
latency = { constant = "20ms" }
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
arrivals = { constant = "1k/s" }
producer.linger.ms = 0
producer.acks = 1
[[sink]]
name = "billing"
from = "orders"
commit = "after"
consumer.auto.offset.reset = "earliest"
[[fault]]
at = "20005ms"
kill = "leader of orders-0"
for = "20s"
"#;

/// What Kafka itself keeps, whatever its clients ask for.
const KAFKA_KEEPS: &str = r#"
[expect]
always = [
    "one-leader-per-epoch", "high-watermark-monotone", "logs-agree", "no-dirty-read", "no-poll-skip",
    "no-nonmonotonic-poll", "one-owner-per-partition", "committed-offset-below-high-watermark",
    "nothing-skipped", "nothing-refused",
    { promise = "recovers-within", time = "20s" },
]
sometimes = ["leader-changed", "isr-shrank", "produce-retried", "broker-fenced", "fault-struck"]
eventually = ["caught-up", "one-owner-per-partition"]
"#;

#[test]
fn a_leader_that_acknowledges_alone_breaks_the_promise_by_as_many_as_the_books_say() {
    let text = format!("{LEADER_DIES}{KAFKA_KEEPS}broken = [\"accepted-is-not-lost\"]\n");
    let told = tell(&text);
    assert_as_expected(&told);
    let (count, causes) = broken(&told, Promise::AcceptedIsNotLost);
    assert!(count > 0);
    assert_eq!((count, &causes), (told.books.lost_total(), &told.books.lost));
    let verdict = verdict(&told, Mode::Broken, Promise::AcceptedIsNotLost);
    let witness = &verdict.witnesses()[0];
    let event = told.events.iter().find(|event| event.serial == witness.serial).expect("the event is there");
    assert_eq!(event.at, witness.at);
    let shown: u64 = verdict.witnesses().iter().map(|witness| witness.records).sum();
    assert_eq!(shown, count, "all of them are shown, in runs");
}

#[test]
fn the_promise_is_broken_by_that_number_and_no_other_and_kept_when_all_acknowledge() {
    let lost = tell(LEADER_DIES).books.lost_total();
    let expect = |records| {
        let entry = format!("{{ promise = \"accepted-is-not-lost\", records = {records} }}");
        format!("{LEADER_DIES}[expect]\nbroken = [{entry}]\n")
    };
    assert!(verdict(&tell(&expect(lost)), Mode::Broken, Promise::AcceptedIsNotLost).kept);
    assert!(!verdict(&tell(&expect(lost + 1)), Mode::Broken, Promise::AcceptedIsNotLost).kept);
    let all = tell_with(&expect(lost), &["generator.shop.producer.acks=all"], &[]);
    let verdict = verdict(&all, Mode::Broken, Promise::AcceptedIsNotLost);
    assert!(!verdict.kept && verdict.outcome == Outcome::Held, "{verdict:?}");
}

#[test]
fn fingerprints_are_told_by_several_replicas_and_change_nothing_else() {
    let asked = tell(&format!("{LEADER_DIES}[expect]\nalways = [\"logs-agree\"]\n"));
    let plain = tell(LEADER_DIES);
    let is_digest = |fact: &Fact| matches!(fact, Fact::Kafka(Kafka::LogDigest { .. }));
    let rest = |told: &Told| -> Vec<_> {
        let facts = told.events.iter().filter(|event| !is_digest(&event.fact));
        facts.map(|event| (event.at, event.actor, event.fact.clone())).collect()
    };
    assert!(rest(&asked) == rest(&plain), "an audited run is the same run");
    assert!(!plain.events.iter().any(|event| is_digest(&event.fact)));
    let mut tellers: BTreeMap<(u64, u64), Vec<(u32, u64)>> = BTreeMap::new();
    for (_, _, fact) in asked.kafka() {
        if let Kafka::LogDigest { broker, from, upto, digest, .. } = fact {
            tellers.entry((*from, *upto)).or_default().push((broker.0, *digest));
        }
    }
    let compared = |claims: &&Vec<(u32, u64)>| claims.iter().any(|(broker, _)| *broker != claims[0].0);
    assert!(tellers.values().filter(compared).count() > 100, "there is something to compare");
}

/// Two members; one stands still for longer than its session while it has work.
const ZOMBIE: &str = r#"
[run]
seed = 11
duration = "60s"
drain = "60s"
[network]
latency = { constant = "300us" }
[kafka]
brokers = 3
[kafka.topics.orders]
partitions = 4
replication.factor = 3
[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "50B" }
arrivals = { constant = "100/s" }
[[sink]]
name = "billing"
from = "orders"
instances = 2
service = "5ms"
commit = "after"
consumer.auto.offset.reset = "earliest"
consumer.session.timeout.ms = "10s"
[expect]
always = ["accepted-is-not-lost", "nothing-skipped", "no-poll-skip", "no-nonmonotonic-poll", "nothing-stored-twice"]
sometimes = ["consumer-timed-out", "rebalance-happened", "record-redelivered", "duplicate-processed"]
eventually = ["one-owner-per-partition", "caught-up"]
broken = ["one-owner-per-partition", "nothing-duplicated"]
"#;

#[test]
fn a_zombie_owns_what_another_owns_and_repeats_what_it_did() {
    let told = tell_with(ZOMBIE, &[], &[Blow::pause("billing-1", 20.0, 20.0)]);
    assert_as_expected(&told);
    assert_eq!(broken(&told, Promise::NothingDuplicated).0, told.tally.duplicates);
    let owners = verdict(&told, Mode::Broken, Promise::OneOwnerPerPartition);
    let text = &owners.witnesses()[0].text;
    assert!(text.contains("billing-1/consumer") && text.contains("billing-2/consumer"), "{text}");
}

#[test]
fn a_pause_within_the_session_breaks_neither() {
    let told = tell_with(ZOMBIE, &[], &[Blow::pause("billing-1", 20.0, 5.0)]);
    for promise in [Promise::OneOwnerPerPartition, Promise::NothingDuplicated] {
        let verdict = verdict(&told, Mode::Broken, promise);
        assert!(!verdict.kept && verdict.outcome == Outcome::Held, "{verdict:?}");
    }
    let sign = verdict(&told, Mode::Sometimes, Promise::ConsumerTimedOut);
    assert!(!sign.kept && sign.outcome == Outcome::NeverHappened);
}

/// Broker 2 falls out of the in-sync set, then broker 1 dies for good, then broker 2 comes back.
const UNCLEAN: &str = r#"
[run]
seed = 5
duration = "90s"
drain = "60s"
[kafka]
brokers = 2
unclean.leader.election.enable = true
eligible.leader.replicas.version = 0
[kafka.topics.orders]
partitions = 1
replication.factor = 2
[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "20/s" }
[[sink]]
name = "billing"
from = "orders"
commit = "after"
consumer.auto.offset.reset = "earliest"
[[fault]]
at = "10s"
kill = "broker-2"
for = "40s"
[[fault]]
at = "40s"
kill = "broker-1"
[expect]
always = ["one-leader-per-epoch", "logs-agree", "high-watermark-monotone", "no-dirty-read"]
sometimes = ["unclean-election", "leader-changed", "isr-shrank"]
broken = ["committed-offset-below-high-watermark"]
"#;

#[test]
fn an_unclean_election_leaves_commits_beyond_the_log() {
    let told = tell(UNCLEAN);
    assert_as_expected(&told);
    assert_eq!(verdict(&told, Mode::Sometimes, Promise::UncleanElection).count(), 1);
    let clean = tell_with(UNCLEAN, &["kafka.unclean.leader.election.enable=false"], &[]);
    let offsets = verdict(&clean, Mode::Broken, Promise::CommittedOffsetBelowHighWatermark);
    assert!(!offsets.kept && offsets.outcome == Outcome::Held, "{offsets:?}");
}

/// One reader.
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

#[test]
fn who_commits_before_the_work_skips_it_and_who_commits_after_repeats_it() {
    let crash = [Blow::kill("billing", 20.017, Some(1.0))];
    let before = format!(
        "{ONE}commit = \"before\"\n[expect]\nalways = [\"accepted-is-not-lost\", \"nothing-duplicated\"]\nbroken = [\"nothing-skipped\"]\n"
    );
    let told = tell_with(&before, &[], &crash);
    assert_as_expected(&told);
    let (count, causes) = broken(&told, Promise::NothingSkipped);
    assert_eq!((count, causes), (told.books.lost_total(), told.books.lost.clone()));
    assert_eq!(told.lost(Reason::CommittedUnprocessed), count);
    let after = format!(
        "{ONE}commit = \"after\"\n[expect]\nalways = [\"accepted-is-not-lost\", \"nothing-skipped\"]\nbroken = [\"nothing-duplicated\"]\n"
    );
    let told = tell_with(&after, &[], &crash);
    assert_as_expected(&told);
    assert_eq!(broken(&told, Promise::NothingDuplicated).0, told.tally.duplicates);
}

#[test]
fn a_late_group_that_begins_at_the_end_skips_what_was_there() {
    let text = format!("{ONE}start = \"20s\"\n[expect]\nbroken = [\"nothing-skipped\"]\n");
    let told = tell_with(&text, &["sink.billing.consumer.auto.offset.reset=latest"], &[]);
    assert_as_expected(&told);
    let (count, _) = broken(&told, Promise::NothingSkipped);
    assert_eq!(count, told.lost(Reason::OffsetReset));
}

#[test]
fn bounds_hold_on_one_side_and_break_on_the_other() {
    // The group forms for 3 s while 300 records come; with a commit every 5 s its lag is a saw.
    let expect = |bound: &str| format!("{ONE}[expect]\nalways = [{{ promise = \"lag-below\", {bound} }}]\n");
    for (bound, kept) in [
        ("records = 2000", true),
        ("records = 100", false),
        ("time = \"30s\"", true),
        ("time = \"2s\"", false),
    ] {
        let told = tell(&expect(bound));
        assert_eq!(verdict(&told, Mode::Always, Promise::LagBelow).kept, kept, "{bound}");
    }
    let caught_up = format!("{ONE}[expect]\neventually = [\"caught-up\"]\n");
    assert!(verdict(&tell(&caught_up), Mode::Eventually, Promise::CaughtUp).kept);
    let no_drain = tell_with(&caught_up, &["run.drain=0s"], &[]);
    assert!(
        !verdict(&no_drain, Mode::Eventually, Promise::CaughtUp).kept,
        "the last commit is still to come"
    );
}

#[test]
fn recovery_takes_as_long_as_it_takes_to_find_out_and_catch_up() {
    let expect = |seconds: u32| {
        format!(
            "{LEADER_DIES}[expect]\nalways = [{{ promise = \"recovers-within\", time = \"{seconds}s\" }}]\n"
        )
    };
    // It never comes back: 7 s to 9 s until it is fenced, and a backlog after that.
    let kept = |seconds| {
        let told = tell(&expect(seconds).replace("for = \"20s\"\n", ""));
        verdict(&told, Mode::Always, Promise::RecoversWithin).kept
    };
    assert!(kept(20) && !kept(5));
}

#[test]
fn a_slow_member_makes_a_rebalance_long() {
    let text = r#"
[expect]
always = [{ promise = "rebalance-pause-below", group = "billing", time = "3s" }]
sometimes = ["rebalance-happened"]
[[sink]]
name = "second"
from = "orders"
group = "billing"
start = "20s"
consumer.auto.offset.reset = "earliest"
"#;
    let quick = tell(&format!("{ONE}{text}"));
    assert_as_expected(&quick);
    // A poll that works for longer than that keeps the others waiting.
    let slow = tell_with(&format!("{ONE}{text}"), &["sink.billing.service={ constant = \"100ms\" }"], &[]);
    let pause = verdict(&slow, Mode::Always, Promise::RebalancePauseBelow);
    assert!(!pause.kept, "{pause:?}");
}

#[test]
fn without_idempotence_a_lost_answer_is_a_record_twice() {
    let fault = "[[fault]]\nat = \"20s\"\npause = \"leader of orders-0\"\nfor = \"6s\"\n";
    let expect = "[expect]\nalways = [\"accepted-is-not-lost\"]\n";
    let set = |idempotence: &'static str| {
        vec![
            "generator.shop.producer.request.timeout.ms=2000",
            "generator.shop.producer.delivery.timeout.ms=60000",
            idempotence,
        ]
    };
    let text = format!("{ONE}{fault}{expect}broken = [\"nothing-stored-twice\"]\n");
    let told = tell_with(&text, &set("generator.shop.producer.enable.idempotence=false"), &[]);
    assert_as_expected(&told);
    assert_eq!(broken(&told, Promise::NothingStoredTwice).0, told.tally.stored_twice);
    let text = format!("{ONE}{fault}{expect}sometimes = [\"duplicate-refused\"]\n");
    let text = text
        .replace("always = [", "always = [\"nothing-stored-twice\", \"order-per-partition-and-producer\", ");
    let told = tell_with(&text, &set("generator.shop.producer.enable.idempotence=true"), &[]);
    assert_as_expected(&told);
}

#[test]
fn order_is_broken_by_as_many_as_the_tally_says() {
    let text = format!(
        "{LEADER_DIES}[expect]\nbroken = [\"order-per-key\", \"order-per-partition-and-producer\"]\n"
    );
    let told = tell_with(&text, &["generator.shop.producer.acks=1", "run.seed=12"], &[]);
    let counted = verdict(&told, Mode::Broken, Promise::OrderPerKey).count();
    assert_eq!(counted, told.tally.reordered);
    assert!(counted > 0, "five in flight, and a broken connection");
    assert!(verdict(&told, Mode::Broken, Promise::OrderPerPartitionAndProducer).count() > 0);
}

#[test]
fn every_example_of_the_catalogue_is_a_line_that_a_file_may_have() {
    for entry in CATALOGUE {
        let faults = "[[fault]]\nat = \"1s\"\nkill = \"broker-1\"\n";
        super::load(&format!("{ONE}{faults}[expect]\n{}\n", entry.example), &[]);
    }
}

// --- the command line

fn brokersim(arguments: &[&str]) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_brokersim"));
    command.current_dir(folder).args(arguments).output().expect("brokersim can be run")
}

const BROKER_LOSS: [&str; 5] =
    ["run", "sim-configs/kafka/broker-loss.toml", "--headless", "--no-tape", "--quiet"];

#[test]
fn the_exit_code_says_whether_the_run_is_as_expected() {
    let all = brokersim(&[&BROKER_LOSS[..], &["--set", "generator.shop.producer.acks=all"]].concat());
    assert_eq!(all.status.code(), Some(0), "{}", String::from_utf8_lossy(&all.stdout));
    let as_written = brokersim(&[&BROKER_LOSS[..], &["--format", "json"]].concat());
    assert_eq!(as_written.status.code(), Some(1), "the leader alone knows three records when it dies");
    let json: serde_json::Value = serde_json::from_slice(&as_written.stdout).expect("JSON");
    assert_eq!(json["schema"], "brokersim.summary/2");
    let wrong: Vec<_> =
        json["promises"].as_array().expect("a list").iter().filter(|v| v["kept"] == false).collect();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    let told = (&wrong[0]["promise"], &wrong[0]["outcome"], &wrong[0]["count"]);
    assert_eq!(told, (&"accepted-is-not-lost".into(), &"broken".into(), &3.into()));
}

/// Element names in the order in which they open, by a reader that knows what well-formed means.
fn elements(xml: &str) -> Vec<String> {
    let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").expect("a declaration");
    let (mut open, mut seen): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    while let Some((before, tag)) = rest.split_once('<') {
        assert!(!before.contains('>') && (!open.is_empty() || before.trim().is_empty()), "{before}");
        let (tag, after) = tag.split_once('>').expect("a tag ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "tags close in order");
            continue;
        }
        let (tag, closes) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(attributes.matches('"').count().is_multiple_of(2), "{attributes}");
        seen.push(name.to_owned());
        if !closes {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "everything is closed");
    seen
}

#[test]
fn junit_has_a_test_case_for_each_promise_and_a_failure_with_its_witnesses() {
    let set = [
        "--set",
        "expect.always=[\"nothing-skipped\"]",
        "--set",
        "expect.broken=[{ promise = \"accepted-is-not-lost\", records = 999 }]",
        "--format",
        "junit",
    ];
    let output = brokersim(&[&BROKER_LOSS[..], &set].concat());
    assert_eq!(output.status.code(), Some(1));
    let xml = String::from_utf8(output.stdout).expect("UTF-8");
    let elements = elements(&xml);
    let count = |name: &str| elements.iter().filter(|element| *element == name).count();
    assert_eq!(elements[..4], ["testsuites", "testsuite", "properties", "property"]);
    assert_eq!((count("failure"), count("error")), (1, 0));
    assert!(xml.contains(&format!("tests=\"{}\" failures=\"1\" errors=\"0\"", count("testcase"))), "{xml}");
    assert!(
        xml.contains("<testcase name=\"broken accepted-is-not-lost\" classname=\"broker-loss\""),
        "{xml}"
    );
    assert!(
        xml.contains("exactly 999 records; broken for") && xml.contains("(orders-0 from offset"),
        "{xml}"
    );
}

#[test]
fn explain_tells_what_a_name_means_and_what_was_meant_by_another() {
    let known = brokersim(&["explain", "accepted-is-not-lost"]);
    let text = String::from_utf8(known.stdout).expect("UTF-8");
    assert!(known.status.success() && text.contains("acks=all") && text.contains("[expect]"), "{text}");
    let unknown = brokersim(&["explain", "accepted-is-not-lots"]);
    let text = String::from_utf8(unknown.stderr).expect("UTF-8");
    assert!(
        unknown.status.code() == Some(2) && text.contains("did you mean `accepted-is-not-lost`?"),
        "{text}"
    );
}
