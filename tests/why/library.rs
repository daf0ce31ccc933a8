//! What `why` says about the bundled failures: of each row what is particular to it.

use brokersim::analyze::why::{Blow, Incident, Legality, Mechanism, Step, Trouble, What};
use brokersim::lab::{Question, Recipe};
use brokersim::trace::Reason;
use brokersim::trace::kafka::BrokerId;

use super::{UNCLEAN, answer, assert_in_order, only, question, recipe};

/// Scenarios of the library, by the number of their row in the list of documented failures.
macro_rules! bundled {
    ($name:literal) => {
        recipe(
            include_str!(concat!("../../sim-configs/kafka/loss-", $name, ".toml")),
            concat!($name, ".toml"),
            &[],
        )
    };
}

/// The first incident of a bundled scenario, its remedies tried.
#[track_caller]
fn first(recipe: &Recipe) -> Incident {
    let why = answer(recipe, &Question { try_remedies: true, ..question(&[]) });
    let incident = why.asked.iter().flat_map(|asked| &asked.incidents).next();
    incident.unwrap_or_else(|| panic!("nothing to explain: {why:#?}")).clone()
}

fn allowed(incident: &Incident) -> Vec<&str> {
    incident.allowed_by.iter().map(|one| one.name.as_str()).collect()
}

#[track_caller]
fn assert_allowed(incident: &Incident, names: &[&str]) {
    let allowed = allowed(incident);
    assert!(names.iter().all(|name| allowed.contains(name)), "{names:?} in {allowed:?}");
}

fn proposed(incident: &Incident) -> Vec<&str> {
    incident.remedies.iter().flat_map(|remedy| &remedy.set).map(String::as_str).collect()
}

#[test]
fn a_lost_disk_is_told_as_one_and_flushing_is_not_proposed_against_it() {
    let incident = first(&bundled!("07-last-disk"));
    assert_eq!(incident.mechanism, Mechanism::PowerLoss, "{}", incident.sentence);
    assert!(incident.sentence.contains("broker-1 lost the disk"), "{}", incident.sentence);
    assert!(!incident.sentence.contains("power"), "{}", incident.sentence);
    assert!(!proposed(&incident).iter().any(|set| set.contains("flush")), "{:?}", proposed(&incident));
    let dark = first(&bundled!("12-all-lose-power"));
    assert!(dark.sentence.contains("broker-1, broker-2 and broker-3 lost power"), "{}", dark.sentence);
    assert_eq!(proposed(&dark), ["kafka.topics.orders.flush.messages=1"]);
}

#[test]
fn the_last_known_leader_is_not_told_as_an_unclean_one() {
    for recipe in [bundled!("07-last-disk"), bundled!("12-all-lose-power"), bundled!("11c-elr-min-isr-1")] {
        let incident = first(&recipe);
        assert_in_order(
            &incident.steps,
            &[("last known", &|what| matches!(what, What::Elected { legality: Legality::LastKnown, .. }))],
        );
        let unclean = |step: &Step| matches!(step.what, What::Elected { legality: Legality::Unclean, .. });
        assert!(!incident.steps.iter().any(unclean), "{:#?}", incident.steps);
        assert_allowed(&incident, &["eligible.leader.replicas.version"]);
        assert!(!allowed(&incident).contains(&"unclean.leader.election.enable"), "{:?}", incident.allowed_by);
    }
    let unclean = first(&bundled!("04-unclean-three-logs"));
    assert_allowed(&unclean, &["unclean.leader.election.enable"]);
}

#[test]
fn a_broker_that_asked_to_be_let_go_is_not_told_to_have_fallen_silent() {
    let incident = first(&bundled!("11b-last-replica-standing-without-elr"));
    let fenced: Vec<_> = incident
        .steps
        .iter()
        .filter_map(|step| match step.what {
            What::Fenced { broker, asked } => Some((broker, asked, step.because.len())),
            _ => None,
        })
        .collect();
    assert_eq!(fenced, [(BrokerId(2), true, 0), (BrokerId(3), true, 0), (BrokerId(1), false, 1)]);
}

#[test]
fn an_unclean_election_names_who_had_the_records_also_when_nobody_is_in_sync_any_more() {
    for recipe in [
        bundled!("04-unclean-three-logs"),
        bundled!("05-unclean-first-third"),
        bundled!("11d-elr-two-unclean"),
    ] {
        let incident = first(&recipe);
        assert!(!incident.sentence.contains("{}"), "{}", incident.sentence);
    }
    let text = UNCLEAN.replace("eligible.leader.replicas.version = 0\n", "");
    let incident = first(&recipe(&text, "unclean.toml", &[]));
    assert!(incident.sentence.contains("only {1} had them"), "{}", incident.sentence);
}

#[test]
fn what_comes_back_with_an_old_leader_and_goes_again_is_told_so() {
    let incident = first(&bundled!("10b-fail-over-chain"));
    assert_eq!((incident.records, incident.mechanism), (2, Mechanism::UncleanElection));
    assert_in_order(
        &incident.steps,
        &[
            ("stored", &|what| matches!(what, What::Stored { leader_epoch: 1, .. })),
            ("gone", &|what| matches!(what, What::Cut { from: 1, .. })),
            ("its owner has it", &|what| matches!(what, What::TookOver { log_end: 2, has_it: true })),
            ("back", &|what| matches!(what, What::Restored { log_end: 2 })),
            ("a longer log without it", &|what| matches!(what, What::TookOver { log_end: 4, has_it: false })),
            ("gone for good", &|what| matches!(what, What::Cut { from: 4, .. })),
        ],
    );
}

#[test]
fn a_leader_that_has_not_heard_of_its_successor_appends_in_its_own_epoch() {
    let incident = first(&bundled!("03-planned-move"));
    assert_in_order(
        &incident.steps,
        &[
            ("elected", &|what| matches!(what, What::Elected { leader_epoch: 1, .. })),
            ("stored", &|what| matches!(what, What::Stored { leader_epoch: 0, isr, .. } if isr.len() == 3)),
        ],
    );
}

#[test]
fn one_request_at_a_time_is_proposed_against_disorder_and_not_against_copies() {
    let copies = first(&bundled!("20-too-few-after-append"));
    assert_eq!(copies.mechanism, Mechanism::StoredTwice);
    assert_eq!(proposed(&copies), ["generator.shop.producer.enable.idempotence=true"]);
    assert_allowed(
        &copies,
        &["min.insync.replicas", "producer.request.timeout.ms", "producer.enable.idempotence"],
    );
    assert!(!allowed(&copies).contains(&IN_FLIGHT), "{:?}", allowed(&copies));
    let disorder = first(&bundled!("15-five-in-flight"));
    assert_eq!(disorder.mechanism, Mechanism::RetriedOutOfOrder);
    assert!(proposed(&disorder).iter().any(|set| set.contains(IN_FLIGHT)), "{:?}", proposed(&disorder));
    assert_allowed(
        &disorder,
        &["fault", IN_FLIGHT, "producer.enable.idempotence", "producer.request.timeout.ms"],
    );
}

const IN_FLIGHT: &str = "producer.max.in.flight.requests.per.connection";

#[test]
fn an_outbox_is_named_where_idempotence_does_not_outlive_the_process() {
    let incident = first(&bundled!("17-outbox-restarts"));
    assert!(incident.sentence.contains("new producer id"), "{}", incident.sentence);
    assert!(!incident.sentence.contains("without idempotence"), "{}", incident.sentence);
    assert_allowed(&incident, &["fault", "outbox"]);
    assert_eq!(proposed(&incident), Vec::<&str>::new(), "{}", incident.headline);
}

#[test]
fn worker_threads_and_a_close_in_finally_are_named_where_commits_are_automatic() {
    let threads = first(&bundled!("24-auto-commit-workers"));
    assert!(threads.sentence.contains("`commit = \"auto\"`, `workers = 1`"), "{}", threads.sentence);
    assert_allowed(&threads, &["commit", "workers", "crash-after", "consumer.auto.commit.interval.ms"]);
    assert!(!allowed(&threads).contains(&"consumer.auto.offset.reset"), "{:?}", allowed(&threads));
    let tried = threads.tried.as_ref().expect("without threads none is skipped");
    assert_eq!(tried.set, ["sink.billing.workers=0"]);
    let closed = first(&bundled!("24c-close-in-finally"));
    assert!(closed.sentence.contains("because they were handed over"), "{}", closed.sentence);
    assert_allowed(&closed, &["commit", "on-error"]);
}

#[test]
fn a_member_that_works_too_long_and_one_that_stands_still_need_different_remedies() {
    let slow = first(&bundled!("27-poll-interval-exceeded"));
    assert_allowed(
        &slow,
        &["fault", "consumer.max.poll.interval.ms", "consumer.max.poll.records", "service"],
    );
    assert!(slow.allowed_by.iter().any(|one| one.value.contains("slow-handler")), "{:?}", slow.allowed_by);
    assert_eq!(
        slow.tried.as_ref().expect("fewer records a poll").set,
        ["sink.billing.consumer.max.poll.records=5"]
    );
    for recipe in [bundled!("33-eager-zombie"), bundled!("33d-cooperative-zombie")] {
        let zombie = first(&recipe);
        assert_allowed(&zombie, &["fault", "consumer.session.timeout.ms", "commit"]);
        assert_eq!(proposed(&zombie), ["sink.billing.consumer.session.timeout.ms=60000"]);
        assert!(zombie.tried.is_some(), "{}", zombie.headline);
    }
}

#[test]
fn offsets_that_expired_are_not_told_as_offsets_that_never_were() {
    let away = first(&bundled!("26-offsets-expired-latest"));
    assert!(away.sentence.contains("its committed offsets had expired"), "{}", away.sentence);
    assert_allowed(&away, &["offsets.retention.minutes", "consumer.auto.offset.reset"]);
    assert!(proposed(&away).contains(&"kafka.offsets.retention.minutes=10080"), "{:?}", proposed(&away));
    let new = first(&bundled!("25-latest-new-group"));
    assert!(new.sentence.contains("had no committed offset when it began"), "{}", new.sentence);
}

#[test]
fn a_longer_session_is_not_proposed_for_a_process_that_is_dead() {
    for recipe in [bundled!("22-commit-after"), bundled!("23-auto-commit-loop")] {
        let dead = first(&recipe);
        let proposed = proposed(&dead);
        assert!(!proposed.iter().any(|set| set.contains("session.timeout")), "{proposed:?}");
        assert!(proposed.iter().any(|set| set.contains("max.poll.records")), "{proposed:?}");
    }
}

#[test]
fn acks_0_is_told_with_what_keeps_the_records() {
    let unseen = first(&bundled!("01-acks-0"));
    let tried = unseen.tried.as_ref().expect("asking whether it arrived keeps them");
    assert_eq!(tried.set, ["generator.shop.producer.acks=all"]);
}

#[test]
fn what_was_refused_is_counted_by_reason_and_one_of_them_is_not_said_to_have_fared_well() {
    let ahead = bundled!("35-clock-ahead-refused");
    let why = answer(&ahead, &question(&[]));
    assert!(why.asked.is_empty(), "nothing was lost: nobody asks for that");
    let refused: Vec<_> = why.refused.iter().map(|refused| refused.sentence()).collect();
    assert_eq!(refused, ["500 records refused: timestamp outside the topic's bounds; the first is shop:501"]);
    let told = answer(&ahead, &Question { records: vec!["shop:700".to_owned()], ..question(&[]) });
    assert_eq!(told.records[0].headline, "shop:700 was refused: timestamp outside the topic's bounds.");
    let late = bundled!("18-delivery-timeout");
    let told = answer(&late, &Question { records: vec!["shop:11".to_owned()], ..question(&[]) });
    assert!(told.records[0].headline.contains("but it was in the log"), "{}", told.records[0].headline);
}

#[test]
fn what_goes_with_a_peer_is_told_with_the_blow_whether_it_lay_in_the_pipe_or_in_its_hands() {
    let text = include_str!("../../sim-configs/zeromq/worker-killed.toml");
    let why = answer(&recipe(text, "worker-killed.toml", &[]), &question(&[Trouble::Lost]));
    let incident = only(&why);
    assert_eq!((incident.mechanism, incident.records), (Mechanism::PeerDied, 5));
    assert!(incident.sentence.contains("worker-2 was killed"), "{}", incident.sentence);
    assert!(!incident.sentence.contains("acks"), "{}", incident.sentence);
    assert_in_order(
        &incident.steps,
        &[
            ("handed over", &|what| matches!(what, What::Delivered { attempt: 1 })),
            ("the blow", &|what| matches!(what, What::Struck { how: Blow::Killed, fault: Some(0), .. })),
            ("back", &|what| matches!(what, What::Back { .. })),
            ("gone", &|what| matches!(what, What::Dropped { why: Reason::PeerDied })),
        ],
    );
}

#[test]
fn power_that_goes_without_a_word_is_told_when_the_peer_is_back() {
    let text = include_str!("../../sim-configs/zeromq/worker-killed.toml").replace("kill =", "power-loss =");
    let why = answer(&recipe(&text, "power.toml", &[]), &question(&[Trouble::Lost]));
    let incident = only(&why);
    assert!(
        incident.sentence.contains("worker-2 lost power") && incident.records > 5,
        "{}",
        incident.sentence
    );
}

/// One of two workers is killed with messages in its pipe, and others under way to it.
const SOCKETS: &str = r#"
[run]
duration = "20s"
drain = "10s"
[zeromq.channels.tasks]
bind = "push"
[[generator]]
name = "ventilator"
topic = "tasks"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "60/s" }
[[sink]]
name = "worker"
from = "tasks"
instances = 2
service = { uniform = ["1ms", "100ms"] }
[[fault]]
at = "10s"
kill = "worker-1"
"#;

/// What still waits for the other worker when the run ends is no victim.
#[test]
fn a_socket_is_not_told_in_kafkas_words() {
    let why = answer(&recipe(SOCKETS, "sockets.toml", &[]), &question(&[]));
    let incidents = why.asked.iter().flat_map(|asked| &asked.incidents);
    let sentences: Vec<_> = incidents.map(|incident| incident.sentence.as_str()).collect();
    assert!(
        sentences.iter().any(|sentence| sentence.contains("in the pipe to a peer a message")),
        "{sentences:?}"
    );
    assert!(sentences.iter().all(|sentence| sentence.contains("worker-1 was killed")), "{sentences:?}");
    assert!(!sentences.iter().any(|sentence| sentence.contains("acks")), "{sentences:?}");
}
