//! Stories of misfortune: what `why` says about runs whose causes are known, asserted on its structure; and what it
//! proposes, tried.

#[path = "why/library.rs"]
mod library;

use std::path::{Path, PathBuf};

use brokersim::analyze::why::{
    Annals, Blow, Evidence, Focus, Incident, LagCause, Legality, Mechanism, Step, Trouble, What, Why,
    clusters, merge, page, story, to_follow,
};
use brokersim::kernel::{Duration, Event, Time};
use brokersim::lab::{Looked, Measured, Question, Recipe, Unknown, ask, minimise, needed, what_if};
use brokersim::scenario::Overrides;
use brokersim::scenario::origin::{Bearer, Origin};
use brokersim::trace::kafka::{BrokerId, PositionReason};
use brokersim::trace::{Fact, Reason};

const BROKER_LOSS: &str = include_str!("../sim-configs/kafka/broker-loss.toml");
const LATE: Duration = Duration::from_secs(1);

/// One partition whose leader is killed between two fetches of its followers; acknowledged by the leader alone.
const SMALL: &str = r#"# Which records does a killed leader take with it?
[run]
seed = 4
duration = "16s"
drain = "8s"

[network]
latency = { constant = "20ms" }

[kafka]
brokers = 3
min.insync.replicas = 2

[kafka.topics.orders]
partitions = 2
replication.factor = 3

[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "200/s" }
producer.acks = "1" # the leader alone
producer.linger.ms = 0

[[sink]]
name = "billing"
from = "orders"
consumer.auto.offset.reset = "earliest"

[[sink]]
name = "audit"
from = "orders"
consumer.auto.offset.reset = "earliest"

[[fault]]
at = "5s"
kill = "leader of orders-0"
for = "5s"
"#;

fn recipe(text: &str, file: &str, set: &[&str]) -> Recipe {
    let set = set.iter().map(|text| (*text).to_owned()).collect();
    Recipe::new(text.to_owned(), PathBuf::from(file), Overrides { set, ..Overrides::default() })
}

fn question(troubles: &[Trouble]) -> Question {
    Question { records: Vec::new(), troubles: troubles.to_vec(), lag: None, late: LATE, try_remedies: false }
}

fn answer(recipe: &Recipe, question: &Question) -> Why {
    ask(recipe, question).unwrap_or_else(|error| panic!("{error}")).0
}

/// The only incident of a kind.
#[track_caller]
fn only(why: &Why) -> &Incident {
    assert_eq!(why.asked[0].incidents.len(), 1, "one cause: {:#?}", why.asked[0].incidents);
    &why.asked[0].incidents[0]
}

/// A step that has to be there: its name in messages, and what it is.
type Wanted<'a> = (&'a str, &'a dyn Fn(&What) -> bool);

/// The steps that hold, in their order: each looked for behind the last.
#[track_caller]
fn assert_in_order(steps: &[Step], wanted: &[Wanted<'_>]) {
    let mut rest = steps.iter();
    for (name, holds) in wanted {
        assert!(rest.any(|step| holds(&step.what)), "no `{name}` in its place: {steps:#?}");
    }
}

/// The only reader's process is killed between two commits, and started again a second later.
fn killed() -> String {
    format!("{READER}\n[[fault]]\nat = \"20017ms\"\nkill = \"billing\"\nfor = \"1s\"\n")
}

/// The incidents of a run: the two looks, by hand.
fn incidents(recipe: &Recipe) -> Vec<Incident> {
    let Looked { scene, outcomes, .. } = recipe.look(LATE).unwrap_or_else(|error| panic!("{error}"));
    let annals = Annals { scene: &scene, events: outcomes.annals() };
    let clusters = clusters(outcomes.victims(), annals);
    let evidence = recipe.follow(to_follow(&clusters)).expect("it has run before");
    let events = merge(outcomes.annals(), evidence);
    clusters.iter().map(|cluster| cluster.tell(&scene, &events)).collect()
}

#[test]
fn acks_1_is_told_from_the_promise_to_the_cut_and_what_was_retried_out_of_order_with_the_retry() {
    let recipe = recipe(BROKER_LOSS, "broker-loss.toml", &[]);
    let both = [Trouble::Lost, Trouble::Reordered];
    let why = answer(&recipe, &Question { try_remedies: true, ..question(&both) });
    assert_out_of_order(&why.asked[1].incidents);
    let incident = only(&why);
    assert_eq!((incident.records, incident.mechanism), (3, Mechanism::LeaderLost));
    assert_eq!(incident.ranges.len(), 1);
    assert_eq!(incident.ranges[0].last - incident.ranges[0].first, 2, "three offsets side by side");
    assert_in_order(
        &incident.steps,
        &[
            ("offered", &|what| matches!(what, What::Offered)),
            ("stored", &|what| matches!(what, What::Stored { again: false, .. })),
            ("killed", &|what| matches!(what, What::Struck { how: Blow::Killed, fault: Some(0), .. })),
            ("its yes was under way", &|what| matches!(what, What::Accepted { committed: false, .. })),
            ("elected cleanly", &|what| matches!(what, What::Elected { legality: Legality::InSync, .. })),
            ("another follower has it", &|what| matches!(what, What::Follows { has_it: true, .. })),
            ("takes over without it", &|what| matches!(what, What::TookOver { has_it: false, .. })),
            ("cut", &|what| matches!(what, What::Cut { why: Reason::LeaderElection, .. })),
            ("replaced", &|what| matches!(what, What::Replaced { .. })),
            ("the old leader lets go of it", &|what| matches!(what, What::Truncated { .. })),
        ],
    );
    let acks = incident.allowed_by.iter().find(|one| one.name == "producer.acks").expect("it allowed it");
    let line =
        BROKER_LOSS.lines().position(|line| line.starts_with("producer.acks")).expect("it is there") + 1;
    assert_eq!(acks.origin, Origin::File { file: "broker-loss.toml".to_owned(), line });
    let tried = incident.tried.as_ref().expect("acks=all keeps them");
    assert_eq!(tried.set, ["generator.shop.producer.acks=all"]);
    assert!(incident.headline.contains("`producer.acks = \"all\"`"), "{}", incident.headline);
    assert!(incident.headline.contains("before all followers had a copy"), "{}", incident.headline);
}

#[track_caller]
fn assert_out_of_order(incidents: &[Incident]) {
    assert_eq!(incidents.len(), 1, "one cause: {incidents:#?}");
    let incident = &incidents[0];
    assert_eq!((incident.records, incident.mechanism), (4, Mechanism::RetriedOutOfOrder));
    assert_in_order(
        &incident.steps,
        &[
            ("retried", &|what| matches!(what, What::Retried { .. })),
            ("stored", &|what| matches!(what, What::Stored { .. })),
            ("processed", &|what| matches!(what, What::Processed { time: 1 })),
        ],
    );
    let tried = incident.tried.as_ref().expect("idempotence keeps the order");
    assert!(tried.set.contains(&"generator.shop.producer.enable.idempotence=true".to_owned()), "{tried:?}");
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
unclean.leader.election.enable = true
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
fn an_unclean_election_is_called_so_and_its_switch_is_named() {
    let why = answer(&recipe(UNCLEAN, "unclean.toml", &[]), &question(&[Trouble::Lost]));
    let incident = only(&why);
    assert_eq!(incident.mechanism, Mechanism::UncleanElection);
    assert!((380..=405).contains(&incident.records), "{}", incident.records);
    assert_in_order(
        &incident.steps,
        &[
            (
                "the follower dies first",
                &|what| matches!(what, What::Struck { node, fault: Some(0), .. } if node == "broker-2"),
            ),
            (
                "the set shrinks to the leader",
                &|what| matches!(what, What::InSync { isr, .. } if *isr == [BrokerId(1)]),
            ),
            (
                "the leader dies",
                &|what| matches!(what, What::Struck { node, fault: Some(1), .. } if node == "broker-1"),
            ),
            ("unclean", &|what| {
                matches!(what, What::Elected { legality: Legality::Unclean, leader: BrokerId(2), .. })
            }),
            ("cut", &|what| matches!(what, What::Cut { why: Reason::UncleanElection, .. })),
        ],
    );
    let switch = incident.allowed_by.iter().find(|one| one.name == "unclean.leader.election.enable");
    let switch = switch.expect("the switch allowed it");
    assert_eq!((switch.value.as_str(), switch.bearer.clone()), ("true", Bearer::Topic("orders".to_owned())));
    assert_eq!(incident.remedies[0].set, ["kafka.topics.orders.unclean.leader.election.enable=false"]);
}

#[test]
fn power_loss_of_all_replicas_is_one_cause_and_flushing_keeps_the_records() {
    let dark: String = (1..=3)
        .map(|broker| {
            format!("[[fault]]\nat = \"12500ms\"\npower-loss = \"broker-{broker}\"\nfor = \"10s\"\n")
        })
        .collect();
    let calm = SMALL.split("[[fault]]").next().expect("there is a beginning");
    let text = format!("{calm}{dark}");
    let set = ["generator.shop.producer.acks=all", "run.duration=30s"];
    let why = answer(
        &recipe(&text, "dark.toml", &set),
        &Question { try_remedies: true, ..question(&[Trouble::Lost]) },
    );
    let incident = only(&why);
    assert_eq!(incident.mechanism, Mechanism::PowerLoss);
    assert!(incident.records > 100, "{}", incident.records);
    let dark =
        incident.steps.iter().filter(|step| matches!(step.what, What::Struck { how: Blow::PowerLost, .. }));
    assert_eq!(dark.count(), 3, "{:#?}", incident.steps);
    let tried = incident.tried.as_ref().expect("flushing keeps them");
    assert_eq!(tried.set, ["kafka.topics.orders.flush.messages=1"]);
}

/// Two partitions and one reader that takes 9 ms for a record.
const READER: &str = r#"
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
fn committing_before_the_work_and_then_dying_is_told_in_that_order() {
    let told = incidents(&recipe(&killed(), "story.toml", &["sink.billing.commit=before"]));
    let lost: Vec<_> = told.iter().filter(|incident| incident.trouble == Trouble::Lost).collect();
    assert_eq!(lost.len(), 1, "{lost:#?}");
    assert_eq!(lost[0].mechanism, Mechanism::CommittedUnprocessed);
    assert_in_order(
        &lost[0].steps,
        &[
            ("handed over", &|what| matches!(what, What::Delivered { attempt: 1 })),
            ("committed before it was processed", &|what| {
                matches!(what, What::Settled { processed: false, .. })
            }),
            ("killed", &|what| matches!(what, What::Struck { how: Blow::Killed, .. })),
            ("goes on behind it", &|what| {
                matches!(what, What::Positioned { why: PositionReason::Committed, .. })
            }),
        ],
    );
    assert!(
        !lost[0].steps.iter().any(|step| matches!(step.what, What::Processed { .. })),
        "{:#?}",
        lost[0].steps
    );
    assert_eq!(lost[0].remedies[0].set, ["sink.billing.commit=after"]);
    let commit = lost[0].allowed_by.iter().find(|one| one.name == "commit").expect("it allowed it");
    assert_eq!((commit.value.as_str(), &commit.origin), ("before", &Origin::CommandLine));
}

#[test]
fn a_fault_that_neither_kills_nor_cuts_is_told_with_its_line_while_it_lasts() {
    let calm = SMALL.split("[[fault]]").next().expect("there is a beginning");
    let faults = "[[fault]]\nat = \"2s\"\nslow-disk = \"leader of orders-0\"\nfactor = 3\nfor = \"20s\"\n\n\
        [[fault]]\nat = \"9s\"\nslow-handler = \"billing\"\nfactor = 2\nfor = \"100ms\"\n\n\
        [[fault]]\nat = \"9500ms\"\nshutdown = \"leader of orders-0\"\nfor = \"4s\"\n\n\
        [[fault]]\nat = \"9600ms\"\nadd-partitions = \"orders\"\nto = 4\n\n\
        [[fault]]\nat = \"10s\"\nslow-handler = \"audit\"\nfactor = 2\n";
    let recipe = recipe(&format!("{calm}{faults}"), "faults.toml", &[]);
    let why = answer(&recipe, &Question { records: vec!["shop:1910".to_owned()], ..question(&[]) });
    let steps = &why.records[0].steps;
    assert_in_order(
        steps,
        &[
            ("slow disk, long before", &|what| {
                matches!(what, What::Injected { fault: 0, fault_kind: "slow-disk", .. })
            }),
            ("slow handler", &|what| {
                matches!(what, What::Injected { fault: 1, fault_kind: "slow-handler", .. })
            }),
            ("and its end", &|what| matches!(what, What::Relieved { fault: 1, .. })),
            ("asked to end", &|what| matches!(what, What::Injected { fault: 2, fault_kind: "shutdown", .. })),
            ("offered", &|what| matches!(what, What::Offered)),
        ],
    );
    let has = |holds: &dyn Fn(&What) -> bool| steps.iter().any(|step| holds(&step.what));
    assert!(
        has(&|what| matches!(what, What::Injected { fault: 3, fault_kind: "add-partitions", .. })),
        "{steps:#?}"
    );
    assert!(
        !has(&|what| matches!(what, What::Injected { fault: 4, .. })),
        "audit is another story: {steps:#?}"
    );
    let slow = steps.iter().find(|step| matches!(step.what, What::Injected { fault: 0, .. })).expect("above");
    assert!(matches!(slow.because[0].bearer, Bearer::Fault(0)), "{slow:#?}");
    assert!(page(&why).contains("fault 1 begins: slow-disk"), "{}", page(&why));
    let ended = steps.iter().find(|step| matches!(step.what, What::Struck { how: Blow::Ended, .. }));
    assert!(ended.is_none_or(|step| matches!(step.what, What::Struck { fault: Some(2), .. })), "{steps:#?}");
}

#[test]
fn a_redelivery_is_told_with_the_crash_and_the_offset_it_goes_back_to() {
    let told = incidents(&recipe(&killed(), "story.toml", &["sink.billing.commit=after"]));
    let again: Vec<_> = told.iter().filter(|incident| incident.trouble == Trouble::Duplicated).collect();
    assert_eq!(again.len(), 1, "both partitions share the cause: {again:#?}");
    assert_eq!(again[0].mechanism, Mechanism::Redelivered);
    assert_in_order(
        &again[0].steps,
        &[
            ("processed", &|what| matches!(what, What::Processed { time: 1 })),
            ("killed", &|what| matches!(what, What::Struck { .. })),
            ("goes back", &|what| matches!(what, What::Positioned { why: PositionReason::Committed, .. })),
            ("handed over again", &|what| matches!(what, What::Delivered { attempt: 2 })),
            ("processed again", &|what| matches!(what, What::Processed { time: 2 })),
        ],
    );
    assert!(again[0].sentence.contains("billing was killed"), "{}", again[0].sentence);
    assert!(!told.iter().any(|incident| incident.trouble == Trouble::Lost));
}

#[test]
fn a_reset_to_the_end_names_the_setting_and_the_first_position() {
    let set = ["sink.billing.start=20s", "sink.billing.consumer.auto.offset.reset=latest"];
    let why = answer(
        &recipe(READER, "reset.toml", &set),
        &Question { try_remedies: true, ..question(&[Trouble::Lost]) },
    );
    let incident = only(&why);
    assert_eq!(incident.mechanism, Mechanism::OffsetReset);
    assert_in_order(
        &incident.steps,
        &[
            ("positioned", &|what| matches!(what, What::Positioned { why: PositionReason::Reset, .. })),
            ("skipped", &|what| matches!(what, What::Skipped { why: Reason::OffsetReset, .. })),
        ],
    );
    assert!(
        incident
            .allowed_by
            .iter()
            .any(|one| one.name == "consumer.auto.offset.reset" && one.value == "latest")
    );
    let tried = incident.tried.as_ref().expect("earliest keeps them");
    assert_eq!(tried.set, ["sink.billing.consumer.auto.offset.reset=earliest"]);
}

#[test]
fn retention_that_passes_a_slow_reader_names_what_was_kept_and_what_was_not() {
    let set = [
        "kafka.topics.orders.retention.bytes=20000",
        "kafka.topics.orders.segment.ms=1000",
        "kafka.log.retention.check.interval.ms=5000",
        "sink.billing.service={ constant = \"100ms\" }",
        "sink.billing.consumer.max.poll.records=5",
        "sink.billing.consumer.max.partition.fetch.bytes=1000",
    ];
    let why = answer(&recipe(READER, "retention.toml", &set), &question(&[Trouble::Lost]));
    let incident = only(&why);
    assert_eq!(incident.mechanism, Mechanism::Retention);
    assert!(
        incident.steps.iter().any(|step| matches!(step.what, What::Expired { .. })),
        "{:#?}",
        incident.steps
    );
    assert!(incident.allowed_by.iter().any(|one| one.name == "retention.bytes" && one.value == "20000"));
    assert_eq!(incident.remedies[0].set, ["kafka.topics.orders.retention.bytes=-1"]);
}

#[test]
fn what_the_second_look_keeps_tells_the_same_story_as_the_whole_stream() {
    let small = recipe(SMALL, "story.toml", &[]);
    let Looked { scene, outcomes, .. } = small.look(LATE).expect("it makes sense");
    let annals = Annals { scene: &scene, events: outcomes.annals() };
    let found = clusters(outcomes.victims(), annals);
    let example = found[0].example().id;
    let mut evidence = Evidence::new([example]);
    let mut whole: Vec<Event<Fact>> = Vec::new();
    small.watch(&mut evidence).expect("it has run before");
    small.watch(&mut whole).expect("it has run before");
    let kept = merge(outcomes.annals(), evidence.into_events());
    let focus = Focus { id: example, group: None, struck: None, long: false, until: Time::NEVER };
    assert!(kept.len() * 4 < whole.len(), "{} of {} facts are kept", kept.len(), whole.len());
    assert_eq!(story(&scene, &kept, focus), story(&scene, &whole, focus));
}

#[test]
fn nothing_lost_is_said_gladly() {
    let recipe = recipe(SMALL, "small.toml", &["generator.shop.producer.acks=all"]);
    let why = answer(&recipe, &question(&[Trouble::Lost]));
    assert_eq!((why.asked[0].records, why.asked[0].incidents.len()), (0, 0));
    assert!(page(&why).contains("No record is lost"), "{}", page(&why));
}

#[test]
fn a_record_is_found_by_name_number_and_place_and_one_that_is_not_there_is_answered_with_those_that_are() {
    let recipe = recipe(SMALL, "small.toml", &[]);
    let asking = |record: &str| Question { records: vec![record.to_owned()], ..question(&[]) };
    for record in ["shop:17", "0.17"] {
        let why = answer(&recipe, &asking(record));
        assert_eq!(why.records[0].record, "shop:17");
        assert!(why.records[0].steps.iter().any(|step| matches!(step.what, What::Processed { time: 1 })));
    }
    let by_place = answer(&recipe, &asking("orders-1@3"));
    assert!(
        by_place.records[0].steps.iter().any(|step| {
            matches!(&step.what, What::Stored { place, offset: 3, .. } if place == "orders-1")
        })
    );
    for record in ["shop:999999", "nobody:1", "orders-9@0", "orders-0@999999", "what"] {
        let error = ask(&recipe, &asking(record)).err().expect("there is no such record");
        let Unknown::Record(text) = error else { panic!("{error}") };
        assert!(text.contains("shop:0 to shop:3200") && text.contains("orders-0@0 to"), "{text}");
    }
}

#[test]
fn acks_all_is_among_what_would_have_kept_the_records_and_costs_are_told() {
    let recipe = recipe(SMALL, "small.toml", &[]);
    let (why, looked) = ask(&recipe, &question(&[Trouble::Lost])).unwrap_or_else(|error| panic!("{error}"));
    let tried = what_if(&recipe, &looked.scene, &why, Measured::of(&looked), LATE);
    assert!(tried.as_it_is.total(&[Trouble::Lost]) > 0);
    let acks = tried.trials.iter().find(|trial| trial.change.set == ["generator.shop.producer.acks=all"]);
    let acks = acks.expect("it is tried");
    assert!(acks.keeps && acks.by_rule);
    let by_luck = tried.trials.iter().filter(|trial| trial.keeps && !trial.by_rule);
    assert!(by_luck.into_iter().all(|trial| !trial.change.name.contains("producer.acks")));
    assert!(acks.measured.acknowledged_p50 > tried.as_it_is.acknowledged_p50, "waiting for followers costs");
    let assignor =
        |trial: &&brokersim::lab::Trial| trial.change.name.contains("partition.assignment.strategy");
    let assignor = tried.trials.iter().find(assignor).expect("it changes something");
    assert!(!assignor.keeps, "assignors have nothing to do with it");
    let earliest = |name: &String| name.contains("auto.offset.reset");
    assert!(!tried.trials.iter().any(|trial| earliest(&trial.change.name)), "it is so already");
    let again = what_if(&recipe, &looked.scene, &why, Measured::of(&looked), LATE);
    let digests = |trials: &[brokersim::lab::Trial]| -> Vec<_> {
        trials.iter().map(|trial| trial.measured.digest.clone()).collect()
    };
    assert_eq!(digests(&tried.trials), digests(&again.trials), "whatever the threads do");
}

#[test]
fn the_fault_and_acks_1_are_necessary_and_a_fault_elsewhere_is_not() {
    let all = needed(&recipe(BROKER_LOSS, "broker-loss.toml", &[]), &[Trouble::Lost], LATE);
    let fault = all.iter().find(|cause| cause.is_fault).expect("expectations about faults do not hide it");
    assert!(fault.necessary, "{all:#?}");
    let text = format!("{SMALL}\n[[fault]]\nat = \"14s\"\npause = \"broker-1\"\nfor = \"100ms\"\n");
    let causes = needed(&recipe(&text, "small.toml", &[]), &[Trouble::Lost], LATE);
    let find = |name: &str| {
        causes.iter().find(|cause| cause.name.contains(name)).unwrap_or_else(|| panic!("{name}: {causes:#?}"))
    };
    assert!(find("kill = \"leader of orders-0\"").necessary);
    assert!(find("producer.acks = \"1\"").necessary);
    assert!(!find("pause = \"broker-1\"").necessary);
    assert!(!find("min.insync.replicas = 2").necessary);
}

#[test]
fn the_smallest_file_breaks_the_same_promise_in_the_same_way_by_itself() {
    let whole = recipe(SMALL, "small.toml", &["kafka.topics.orders.partitions=3"]);
    let minimal = minimise(&whole, &[Trouble::Lost], LATE).expect("records are lost");
    assert!(minimal.lines.1 < minimal.lines.0, "{:?}", minimal.lines);
    assert!(!minimal.text.contains("audit") && !minimal.text.contains("billing"), "{}", minimal.text);
    assert!(
        minimal.text.contains("producer.acks = \"1\"") && minimal.text.contains("[[fault]]"),
        "{}",
        minimal.text
    );
    let alone = recipe(&minimal.text, "minimal.toml", &[]).measure(LATE).expect("it makes sense");
    assert_eq!(alone.digest, minimal.measured.digest);
    assert!(alone.ways.contains(&(Trouble::Lost, Mechanism::LeaderLost)), "{:?}", alone.ways);
    let calm = recipe(SMALL, "small.toml", &["generator.shop.producer.acks=all"]);
    assert!(minimise(&calm, &[Trouble::Lost], LATE).is_none(), "nothing goes wrong there");
}

/// A file that is kept as a test says what it comes to itself.
#[test]
fn the_smallest_file_expects_its_own_number_and_not_that_of_the_whole() {
    let text = include_str!("../sim-configs/kafka/loss-02-acks-1.toml");
    let minimal = minimise(&recipe(text, "loss-02.toml", &[]), &[], LATE).expect("records are lost");
    let lost = minimal.measured.total(&[Trouble::Lost]);
    assert_ne!(lost, 3, "it would be no test");
    let expected = format!("records = {lost}, causes = {{ leader-election = {lost} }}");
    assert!(minimal.text.contains(&expected), "{}", minimal.text);
    let alone = recipe(&minimal.text, "minimal.toml", &[]).look(LATE).expect("it makes sense");
    assert!(alone.summary.is_as_expected(), "{}", minimal.text);
}

/// A reader that is slower than what arrives.
#[test]
fn lag_is_explained_by_arrivals_against_capacity_and_by_a_hot_partition() {
    let slow = ["sink.billing.service={ constant = \"15ms\" }"];
    let asking = Question { lag: Some(Vec::new()), ..question(&[]) };
    let why = answer(&recipe(READER, "slow.toml", &slow), &asking);
    let rise = why.rises.first().expect("it falls behind");
    assert!((90.0..110.0).contains(&rise.arrivals_per_second), "{rise:#?}");
    assert!((55.0..70.0).contains(&rise.processed_per_second), "1/15 ms: {rise:#?}");
    assert!(
        rise.causes
            .iter()
            .any(|cause| matches!(cause, LagCause::Overload { .. } | LagCause::Rebalance { .. }))
    );
    let hot = [
        "sink.billing.instances=2",
        "sink.billing.service={ constant = \"12ms\" }",
        "generator.shop.key={ zipf = 3.0, keys = 50 }",
    ];
    let why = answer(&recipe(READER, "hot.toml", &hot), &asking);
    let rise = why.rises.first().expect("it falls behind");
    assert!(rise.causes.iter().any(|cause| matches!(cause, LagCause::HotPartition { .. })), "{rise:#?}");
}

/// What a person reads. `UPDATE_EXPECT=1` writes it anew; look at it then.
#[track_caller]
fn assert_reads(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/why").join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        std::fs::write(&path, text).expect("it can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{} reads differently; UPDATE_EXPECT=1 writes it anew\n{text}", path.display());
}

/// Without the digest: the stories of this page change with what they tell only.
fn told(why: &Why) -> String {
    page(why).replace(&why.digest, "DIGEST")
}

#[test]
fn the_page_of_a_lost_tail_reads_well() {
    let small = recipe(SMALL, "small.toml", &[]);
    let why = answer(&small, &Question { try_remedies: true, ..question(&[Trouble::Lost]) });
    assert_reads("lost-tail.txt", &told(&why));
}

#[test]
fn the_page_of_a_reset_reads_well() {
    let set = ["sink.billing.start=20s", "sink.billing.consumer.auto.offset.reset=latest"];
    let why = answer(
        &recipe(READER, "reset.toml", &set),
        &Question { try_remedies: true, ..question(&[Trouble::Lost]) },
    );
    assert_reads("reset-to-the-end.txt", &told(&why));
}

/// What `hot-key` shows comes from its keys, and not from how the group begins or how seldom it commits.
#[test]
fn a_group_stays_close_when_no_key_is_hot() {
    let text = include_str!("../sim-configs/kafka/hot-key.toml");
    let broken = |set: &[&str]| {
        let set: Vec<&str> = std::iter::once("run.duration=65s").chain(set.iter().copied()).collect();
        recipe(text, "hot-key.toml", &set).measure(LATE).expect("it makes sense").lags()
    };
    assert!(broken(&[]));
    assert!(!broken(&["generator.web.key={ uniform = 1000 }"]));
}
