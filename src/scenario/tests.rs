//! Whole files, read.

use super::scenario::{Commit, FileFormat, Payload, Schedule, System, Target};
use super::*;
use crate::fault::Strike;
use crate::kafka::config::Acks;
use crate::kernel::{Duration, Law, Time};
use crate::workload::{Keys, Operation, Pattern};

fn load(text: &str) -> Scenario {
    set(text, &[])
}

fn set(text: &str, set: &[&str]) -> Scenario {
    let overrides =
        Overrides { set: set.iter().map(|text| (*text).to_owned()).collect(), ..Overrides::default() };
    Scenario::load(text, "a/shop.toml", &overrides)
        .unwrap_or_else(|error| panic!("{}", error.render(false, 100)))
}

fn refuse(text: &str, set: &[&str]) -> String {
    let overrides =
        Overrides { set: set.iter().map(|text| (*text).to_owned()).collect(), ..Overrides::default() };
    let error = Scenario::load(text, "a/shop.toml", &overrides).expect_err("the file is wrong");
    error.render(false, 100)
}

const SHOP: &str = include_str!("tests/shop.toml");
const JOBS: &str = include_str!("tests/jobs.toml");

#[test]
fn a_kafka_scenario_is_read_whole() {
    let scenario = load(SHOP);
    assert_eq!(scenario.name, "shop");
    assert_eq!(scenario.question.as_deref(), Some("Does the shop keep up when a broker dies?"));
    assert_eq!(scenario.run.seed, 7);
    assert_eq!(scenario.run.warm_up, Duration::from_secs(5));
    let kafka = scenario.kafka().expect("it is Kafka");
    assert_eq!((kafka.brokers, kafka.racks.join("")), (3, "abc".to_owned()));
    let orders = &kafka.topics[0];
    assert_eq!((orders.name.as_str(), orders.partitions, orders.replication_factor), ("orders", 6, 3));
    assert_eq!(orders.config.min_insync_replicas, 2, "the cluster's default holds");
    assert_eq!(orders.config.retention_ms, Some(Duration::from_secs(3_600)));
    assert_eq!(kafka.topics[1].config.min_insync_replicas, 1, "the topic's own value holds");
    assert_eq!(kafka.config.costs.fsync, Duration::from_millis(2));
    assert_eq!(kafka.config.num_io_threads, 4);
    let passed_on: Vec<_> =
        kafka.passed_on.iter().map(|passed| (passed.of.as_str(), passed.name.as_str())).collect();
    assert_eq!(passed_on, [("shop", "compression.type")]);
    assert_eq!(scenario.notes.len(), 2, "{:?}", scenario.notes);
    assert_eq!(scenario.notes[1], "nobody reads `averages`");
}

#[test]
fn entries_are_read_whole() {
    let scenario = load(SHOP);
    let shop = &scenario.generators[0];
    let producer = shop.producer.as_ref().expect("Kafka's generators have producers");
    assert_eq!((producer.acks, producer.linger), (Acks::All, Duration::from_millis(20)));
    assert_eq!(shop.keys, Keys::Field("user".to_owned()));
    let Schedule::Ready(arrivals) = &shop.arrivals else { panic!("nothing is to be loaded") };
    assert_eq!((&arrivals.pattern, arrivals.batch), (&Pattern::Poisson { rate: 500.0 }, 10));
    assert_eq!(shop.presence.stop, Some(Time::from_secs(50)));

    let averages = &scenario.processors[0];
    assert!(matches!(&averages.work, Operation::Tumbling(window) if window.aggregates.len() == 2));
    assert_eq!(averages.reader.group, "averages");
    assert_eq!(averages.reader.commit, Commit::After);
    assert!(!averages.reader.consumer.as_ref().expect("it reads Kafka").auto_commit);
    assert_eq!(averages.reader.service, Law::Exponential { mean: Duration::from_millis(2) });

    let audit = &scenario.sinks[0];
    assert_eq!(audit.write, [FileFormat::Parquet, FileFormat::Csv]);
    assert_eq!(audit.presence.start, Time::from_secs(20));

    assert_eq!(scenario.faults[0].targets, [Target::Broker(2)]);
    assert_eq!(scenario.faults[0].lasts, Some(Duration::from_secs(10)));
    assert_eq!(scenario.faults[1].strike, Strike::Pause);
    let leader = Target::LeaderOf { topic: "orders".to_owned(), partition: 0 };
    assert_eq!(scenario.faults[1].targets, [leader]);
}

#[test]
fn a_zeromq_scenario_is_read_whole() {
    let scenario = load(JOBS);
    let System::Zeromq(zeromq) = &scenario.system else { panic!("it is ZeroMQ") };
    let jobs = &zeromq.channels[0];
    assert_eq!((jobs.config.push.sndhwm, jobs.config.pull.rcvhwm), (20, 1_000));
    assert_eq!(jobs.config.push.linger, Some(Duration::ZERO));
    let results = &zeromq.channels[1].config;
    assert_eq!((results.push.sndhwm, results.push.linger), (500, None), "[zeromq] gives the default");
    assert!(scenario.generators[0].producer.is_none());
}

#[test]
fn overrides_change_what_is_meant() {
    let scenario = set(
        SHOP,
        &["kafka.topics.orders.min.insync.replicas=1", "generator.shop.producer.acks=1", "run.duration=90s"],
    );
    assert_eq!(scenario.kafka().expect("it is Kafka").topics[0].config.min_insync_replicas, 1);
    let producer = scenario.generators[0].producer.as_ref().expect("it has one");
    assert_eq!(producer.acks, Acks::Leader);
    assert!(!producer.idempotence, "acks=1 turns it off unless it was asked for");
    assert_eq!(scenario.run.duration, Duration::from_secs(90));
}

#[test]
fn a_mistake_in_an_override_points_to_the_command_line() {
    let text = refuse(SHOP, &["kafka.brokers=2"]);
    assert!(text.contains("3 replicas do not fit on 2 brokers"), "{text}");
    let text = refuse(SHOP, &["run.duraton=2s"]);
    assert!(text.contains("command line") && text.contains("did you mean `duration`?"), "{text}");
}

#[test]
fn seed_and_duration_have_options_of_their_own() {
    let overrides = Overrides { seed: Some(9), duration: Some("2min".to_owned()), ..Overrides::default() };
    let scenario = Scenario::load(SHOP, "shop.toml", &overrides).expect("it is fine");
    assert_eq!((scenario.run.seed, scenario.run.duration), (9, Duration::from_secs(120)));
    let overrides = Overrides { duration: Some("soon".to_owned()), ..Overrides::default() };
    let text = Scenario::load(SHOP, "shop.toml", &overrides).expect_err("soon is no time").render(false, 100);
    assert!(text.contains("--duration soon"), "{text}");
}

#[test]
fn every_problem_is_reported_at_once() {
    let text =
        "[run]\nduration = 60\nseeds = 1\n[kafka]\nbrokers = 0\nfoo.bar = 1\n[[generator]]\nname = \"a\"\n";
    let overrides = Overrides::default();
    let error = Scenario::load(text, "x.toml", &overrides).expect_err("nothing is right");
    assert!(error.problems().len() >= 6, "{}", error.render(false, 100));
}

#[test]
fn a_delivery_timeout_that_is_not_written_gives_way() {
    let scenario = set(SHOP, &["generator.shop.producer.linger.ms=100s"]);
    let producer = scenario.generators[0].producer.as_ref().expect("it has one");
    assert_eq!(producer.delivery_timeout, Duration::from_secs(130));
}

#[test]
fn a_trace_is_loaded_from_beside_the_file() {
    let text = SHOP.replace(
        "{ poisson = \"500/s\" }",
        "{ replay = { file = \"data/x.csv\", time = \"t\", speed = 10 } }",
    );
    let text = text
        .replace("payload = \"events\"", "")
        .replace("batch = 10", "")
        .replace("key = { field = \"user\" }", "");
    let text = text.replace("codec = \"json\"", "");
    let mut scenario = load(&text);
    assert_eq!(scenario.generators[0].payload, Payload::Recorded);
    let mut asked = Vec::new();
    let error = scenario.load_traces(std::path::Path::new("folder"), |path, options| {
        asked.push((path.to_owned(), options.time.clone()));
        Err(crate::workload::TraceError::Empty)
    });
    assert_eq!(asked, [(std::path::PathBuf::from("folder/data/x.csv"), "t".to_owned())]);
    let text = error.expect_err("the trace is empty").render(false, 100);
    assert!(text.contains("the trace has no records"), "{text}");
    // The shop's processors work on the fields of its events.
    let schema = load(SHOP).generators[0].schema();
    let trace = crate::workload::Trace { entries: Vec::new(), schema };
    scenario.load_traces(std::path::Path::new("folder"), |_, _| Ok(trace.clone())).expect("it loads");
    assert!(matches!(&scenario.generators[0].arrivals, Schedule::Ready(_)));
}

/// A replayed trace of two columns, and a processor that works on it.
fn replayed(work: &str) -> Result<Scenario, String> {
    let text = format!(
        r#"
[run]
duration = "60s"
[kafka]
brokers = 1
offsets.topic.replication.factor = 1
[kafka.topics.quakes]
[kafka.topics.strong]
[[generator]]
name = "usgs"
topic = "quakes"
arrivals = {{ replay = {{ file = "x.csv", time = "t" }} }}
[[processor]]
name = "worth-a-word"
from = "quakes"
to = "strong"
work = {work}
[[sink]]
name = "archive"
from = "strong"
"#
    );
    let mut scenario = load(&text);
    let csv = "t,magnitude,where\n1,2.5,sea\n2,6.5,land\n";
    let read =
        |path: &std::path::Path, options: &_| crate::workload::read_trace(path, csv.as_bytes(), options);
    let loaded = scenario.load_traces(std::path::Path::new("."), read);
    loaded.map(|()| scenario).map_err(|error| error.render(false, 100))
}

#[test]
fn work_on_what_was_recorded_is_checked_when_the_trace_is_there() {
    let scenario =
        replayed("{ filter = { field = \"magnitude\", above = 5 } }").expect("it has such a field");
    drop(super::wiring::wire(&scenario));
    let text = replayed("{ filter = { field = \"magnitud\", above = 5 } }").expect_err("it has none");
    assert!(text.contains("`worth-a-word`: what it reads has no field `magnitud`"), "{text}");
    assert!(text.contains("did you mean `magnitude`?") && text.contains("this work"), "{text}");
    let text = replayed("{ sentiment = \"magnitude\" }").expect_err("a number has no mood");
    assert!(text.contains("`magnitude` holds numbers"), "{text}");
}

#[test]
fn a_fault_is_set_by_its_number_and_one_that_is_not_there_is_refused() {
    let text = format!("{SHOP}\n[[fault]]\nat = \"10s\"\nkill = \"broker-1\"\n");
    let number = text.matches("[[fault]]").count();
    let moved = set(&text, &[&format!("fault.{number}.at=12s")]);
    assert_eq!(moved.faults.last().expect("it is there").at, Time::from_secs(12));
    let beyond = format!("fault.{}.at=12s", number + 1);
    let said = refuse(&text, &[&beyond]);
    assert!(
        said.contains(&format!("there is no fault {}", number + 1)) && said.contains("counted from 1"),
        "{said}"
    );
    assert!(refuse(&text, &["fault.1=12s"]).contains("--set fault.1.at=20s"));
}
