//! Scenarios on a real Kafka cluster of three brokers, and what must come of them in the simulation too.
//!
//! They need a cluster that `scripts/brokers` has started, and its address:
//!
//! ```text
//! scripts/brokers up kafka --brokers 3
//! BROKERSIM_KAFKA=kafka://127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094 cargo test --test real_kafka
//! ```
//!
//! Without `BROKERSIM_KAFKA` those that need one say that they are skipped. `.ci/real` runs them all.

#![cfg(feature = "real-kafka")]
#![allow(missing_docs, reason = "tests")]
#![expect(clippy::disallowed_types, reason = "real brokers live in real time")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::Value;

/// One scenario at a time: they break the brokers that all of them use.
static BROKERS: Mutex<()> = Mutex::new(());

/// A real cluster, for one test.
struct Cluster {
    url: String,
    before: BTreeSet<String>,
    _alone: MutexGuard<'static, ()>,
}

impl Cluster {
    /// None when there is none to test with.
    fn find(test: &str) -> Option<Self> {
        let Ok(url) = std::env::var("BROKERSIM_KAFKA") else {
            eprintln!("{test}: skipped, BROKERSIM_KAFKA is not set");
            return None;
        };
        let alone = BROKERS.lock().unwrap_or_else(PoisonError::into_inner);
        await_brokers(&url, 3);
        Some(Self { before: topics(&url), url, _alone: alone })
    }

    /// What the run has left behind.
    fn orphans(&self) -> Vec<String> {
        topics(&self.url).difference(&self.before).cloned().collect()
    }
}

fn client(url: &str) -> BaseConsumer {
    let servers = url.strip_prefix("kafka://").expect("a cluster's address begins so");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).create().expect("a client can be made")
}

/// Polls until so many brokers are in service and every partition has its in-sync replicas.
fn await_brokers(url: &str, wanted: usize) {
    let (client, begun) = (client(url), Instant::now());
    loop {
        if let Ok(metadata) = client.fetch_metadata(None, Duration::from_secs(5)) {
            let whole = |topic: &rdkafka::metadata::MetadataTopic| {
                topic.partitions().iter().all(|partition| partition.isr().len() == partition.replicas().len())
            };
            if metadata.brokers().len() == wanted && metadata.topics().iter().all(whole) {
                return;
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{wanted} brokers at {url}, all in sync");
    }
}

/// The topics of users.
fn topics(url: &str) -> BTreeSet<String> {
    let metadata = client(url).fetch_metadata(None, Duration::from_secs(20)).expect("the cluster answers");
    let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
    names.filter(|name| !name.starts_with("__")).collect()
}

fn scenario(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real").join(name)
}

/// The program, from the project's folder: profiles name files from there.
fn program(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brokersim"));
    command.args(words).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// A run, in JSON, without a tape.
fn run(file: &Path, words: &[&str]) -> Ran {
    let file = file.to_str().expect("a path is text");
    let words = [&["run", file, "--headless", "--quiet", "--no-tape", "--format", "json"], words].concat();
    Ran::from(program(&words).output().expect("the program runs"))
}

struct Ran {
    code: Option<i32>,
    summary: Value,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let summary = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { code: output.status.code(), summary, err }
    }
}

impl Ran {
    /// What came of each expectation: the promise, and whether it came as expected.
    fn verdicts(&self) -> Vec<(String, bool)> {
        let promises =
            self.summary["promises"].as_array().unwrap_or_else(|| panic!("no verdicts: {}", self.err));
        let verdict = |it: &Value| {
            let promise = it["promise"].as_str().expect("a verdict is about a promise");
            (promise.to_owned(), it["kept"].as_bool().expect("a verdict is one"))
        };
        promises.iter().map(verdict).collect()
    }

    fn count(&self, of: &str) -> u64 {
        self.summary["tally"][of].as_u64().unwrap_or_else(|| panic!("no {of}: {} {}", self.summary, self.err))
    }

    /// How many records were lost, by cause.
    fn lost(&self) -> BTreeMap<String, u64> {
        let lost =
            self.summary["books"]["lost"].as_object().unwrap_or_else(|| panic!("no books: {}", self.err));
        lost.iter().map(|(cause, count)| (cause.clone(), count.as_u64().expect("a count"))).collect()
    }

    fn balances(&self) -> bool {
        self.summary["books_balance"].as_bool().unwrap_or_else(|| panic!("no books: {}", self.err))
    }

    fn notes(&self) -> Vec<&str> {
        self.summary["notes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

/// One scenario, two worlds: the same verdicts, and every one as expected.
fn both_worlds_agree(name: &str, settings: &[&str]) -> Option<(Ran, Ran)> {
    let cluster = Cluster::find(name)?;
    let file = scenario(name);
    let simulated = run(&file, settings);
    let real = run(&file, &[settings, &["--on", &cluster.url, "--profile", "native"]].concat());
    assert_eq!(simulated.code, Some(0), "simulated: {:#} {}", simulated.summary["promises"], simulated.err);
    assert_eq!(real.code, Some(0), "real: {:#} {:?} {}", real.summary["promises"], real.notes(), real.err);
    assert_eq!(real.verdicts(), simulated.verdicts());
    assert!(real.balances() && simulated.balances());
    assert_eq!(cluster.orphans(), Vec::<String>::new());
    Some((simulated, real))
}

#[test]
fn a_pipeline_whose_groups_change_brings_every_record_through_in_both_worlds() {
    let Some((simulated, real)) = both_worlds_agree("pipeline.toml", &[]) else { return };
    // 150 records a second for 15 s; both worlds draw the same arrivals.
    assert!(real.count("offered") > 2_000, "{}", real.summary["tally"]);
    let (real, simulated) = (real.count("offered"), simulated.count("offered"));
    assert!(real.abs_diff(simulated) <= simulated / 100, "{real} offered really, {simulated} simulated");
}

#[test]
fn a_broker_that_is_killed_loses_no_record_that_was_accepted_with_acks_all() {
    let Some((_, real)) = both_worlds_agree("broker-killed.toml", &[]) else { return };
    assert_eq!(real.lost(), BTreeMap::new());
    assert!(real.count("offered") > 3_000, "{}", real.summary["tally"]);
}

/// A leader that a SIGSTOP keeps from saying goodbye loses its session, and comes back to a world that went on.
#[test]
fn a_leader_that_stands_still_for_longer_than_its_session_loses_no_record_that_was_accepted() {
    let Some((_, real)) = both_worlds_agree("broker-paused.toml", &[]) else { return };
    assert_eq!(real.lost(), BTreeMap::new());
    let failed: Vec<_> = real.notes().into_iter().filter(|note| note.contains("failed")).collect();
    assert_eq!(failed, Vec::<&str>::new(), "it was stopped, and let go on");
    assert!(real.count("offered") > 2_000, "{}", real.summary["tally"]);
}

#[test]
fn slow_narrow_cut_and_reset_ways_to_the_brokers_cost_time_and_no_record() {
    let Some((_, real)) = both_worlds_agree("network.toml", &[]) else { return };
    assert_eq!(real.lost(), BTreeMap::new());
    assert!(real.count("offered") > 3_000, "{}", real.summary["tally"]);
}

#[test]
fn zombies_and_members_that_hang_leave_and_come_skip_nothing() {
    let Some((simulated, real)) = both_worlds_agree("people.toml", &[]) else { return };
    // A burst of five times 150 a second for two seconds is in it, in both.
    let (real, simulated) = (real.count("offered"), simulated.count("offered"));
    assert!(real > 6_500 && simulated > 6_500, "{real} offered really, {simulated} simulated");
}

/// The protocol of KIP-848 is not simulated yet: the real cluster keeps the same promises with it.
#[test]
fn members_of_the_newer_protocol_keep_the_promises_of_the_older_one() {
    let Some(cluster) = Cluster::find("people, KIP-848") else { return };
    let newer = ["--client-property", "group.protocol=consumer"];
    let ran = run(&scenario("people.toml"), &[&["--on", &cluster.url], &newer[..]].concat());
    assert_eq!(ran.code, Some(0), "{:#} {:?} {}", ran.summary["promises"], ran.notes(), ran.err);
    assert!(ran.balances());
    assert_eq!(cluster.orphans(), Vec::<String>::new());
}

#[test]
fn topics_that_were_kept_are_used_again_from_where_they_end_and_left_alone() {
    let Some(cluster) = Cluster::find("--use-existing") else { return };
    let topic = format!("kept-{}", std::process::id());
    let text = KEPT.replace("TOPIC", &topic);
    let file = std::env::temp_dir().join(format!("brokersim-{topic}.toml"));
    std::fs::write(&file, text).expect("a file can be written");
    let url = cluster.url.as_str();
    let first = run(&file, &["--on", url, "--use-existing", "--keep"]);
    assert_eq!(first.code, Some(0), "{:?} {}", first.notes(), first.err);
    assert!(first.notes().iter().any(|note| note.contains("kept on the cluster")), "{:?}", first.notes());
    assert_eq!(cluster.orphans(), std::slice::from_ref(&topic));
    let second = run(&file, &["--on", url, "--use-existing"]);
    assert_eq!(second.code, Some(0), "{:?} {}", second.notes(), second.err);
    assert_eq!(second.count("offered"), first.count("offered"));
    assert_eq!(second.lost(), BTreeMap::new());
    let fewer =
        run(&file, &["--on", url, "--use-existing", "--set", &format!("kafka.topics.{topic}.partitions=2")]);
    std::fs::remove_file(&file).expect("it was written");
    assert_eq!(fewer.code, Some(2), "{}", fewer.err);
    assert!(fewer.err.contains("has 3 partitions"), "{}", fewer.err);
    assert_eq!(cluster.orphans(), std::slice::from_ref(&topic), "what was there before is left alone");
    remove(url, &topic);
}

const KEPT: &str = r#"# Do two runs share a topic?
[run]
seed = 5
duration = "3s"
drain = "30s"

[kafka]
brokers = 3

[kafka.topics.TOPIC]
partitions = 3
replication.factor = 3
min.insync.replicas = 2

[[generator]]
name = "shop"
topic = "TOPIC"
payload = { kind = "bytes", size = "200B" }
arrivals = { constant = "100/s" }
producer.acks = "all"
producer.compression.type = "lz4"

[[sink]]
name = "billing-of-TOPIC"
from = "TOPIC"
commit = "after"
consumer.auto.offset.reset = "earliest"
consumer.group.instance.id = "kept"
consumer.partition.assignment.strategy = ["cooperative-sticky"]

[expect]
always = ["accepted-is-not-lost", "nothing-skipped", "nothing-refused", "nothing-stored-twice"]
eventually = ["caught-up"]
"#;

fn remove(url: &str, topic: &str) {
    let servers = url.strip_prefix("kafka://").expect("a cluster's address begins so");
    let admin: rdkafka::admin::AdminClient<_> =
        ClientConfig::new().set("bootstrap.servers", servers).create().expect("a client can be made");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let gone = runtime.block_on(admin.delete_topics(&[topic], &rdkafka::admin::AdminOptions::new()));
    assert!(gone.is_ok_and(|gone| gone.iter().all(Result::is_ok)), "{topic} can be removed");
}

/// With acks=1 the dead leader's last records may be lost or not: what is lost has one cause, and the books say so.
#[test]
fn a_broker_that_is_killed_may_lose_the_last_records_accepted_with_acks_1_and_nothing_else() {
    let Some(cluster) = Cluster::find("broker-killed, acks=1") else { return };
    let file = scenario("broker-killed.toml");
    let settings = [
        "--set",
        "generator.shop.producer.acks=1",
        "--set",
        "generator.shop.producer.enable.idempotence=false",
    ];
    let simulated = run(&file, &settings);
    let real = run(&file, &[&settings[..], &["--on", &cluster.url, "--profile", "native"]].concat());
    for ran in [&simulated, &real] {
        assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.err);
        assert!(ran.balances());
        let lost = ran.lost();
        assert!(lost.keys().all(|cause| cause == "leader-election"), "{lost:?}");
        // At 200 a second no more than a moment's worth.
        assert!(lost.values().sum::<u64>() < 200, "{lost:?}");
    }
    let others = |ran: &Ran| -> Vec<_> {
        ran.verdicts().into_iter().filter(|(promise, _)| promise != "accepted-is-not-lost").collect()
    };
    assert_eq!(others(&real), others(&simulated));
    assert!(others(&real).contains(&("leader-changed".to_owned(), true)), "{:?}", real.verdicts());
    assert_eq!(cluster.orphans(), Vec::<String>::new());
}

#[test]
fn when_every_broker_dies_the_run_ends_and_mends_what_it_broke() {
    let Some(cluster) = Cluster::find("all brokers die") else { return };
    let text = std::fs::read_to_string(scenario("broker-killed.toml")).expect("it is there");
    let text = text
        .replace("kill = \"leader of orders-0\"\nfor = \"5s\"", "kill = \"all brokers\"")
        .replace("duration = \"20s\"\ndrain = \"30s\"", "duration = \"8s\"\ndrain = \"2s\"");
    let file = std::env::temp_dir().join(format!("brokersim-all-die-{}.toml", std::process::id()));
    std::fs::write(&file, text).expect("a file can be written");
    // Clients that find no coordinator wait for as long as their sessions last.
    let short = ["--set", "sink.billing.consumer.session.timeout.ms=6000"];
    let ran = run(&file, &[&["--on", &cluster.url, "--profile", "native"], &short[..]].concat());
    std::fs::remove_file(&file).expect("it was written");
    assert_eq!(ran.code, Some(1), "nobody could catch up: {}", ran.err);
    assert!(ran.balances());
    assert!(ran.notes().iter().any(|note| note.contains("broker-1 was started again")), "{:?}", ran.notes());
    await_brokers(&cluster.url, 3);
    assert_eq!(cluster.orphans(), Vec::<String>::new());
}

#[test]
fn ctrl_c_ends_a_run_in_good_order_and_leaves_nothing_behind() {
    let Some(cluster) = Cluster::find("Ctrl-C") else { return };
    let file = scenario("pipeline.toml");
    let file = file.to_str().expect("a path is text");
    let words = ["run", file, "--headless", "--quiet", "--no-tape", "--format", "json", "--on", &cluster.url];
    let child = program(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let begun = Instant::now();
    while cluster.orphans().len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "its topics are made");
    }
    interrupt(&child);
    let ran = Ran::from(child.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    assert!(ran.summary.is_null() || ran.balances());
    assert_eq!(cluster.orphans(), Vec::<String>::new());
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("there is a kill command").success());
}

#[test]
fn a_fault_that_no_real_cluster_can_suffer_is_named_before_anything_begins() {
    let Some(cluster) = Cluster::find("impossible faults") else { return };
    let text = std::fs::read_to_string(scenario("broker-killed.toml")).expect("it is there");
    let text = text
        .replace("kill = \"leader of orders-0\"\nfor", "slow-disk = \"leader of orders-0\"\nfactor = 10\nfor")
        .replace("duration = \"20s\"\ndrain = \"30s\"", "duration = \"3s\"\ndrain = \"20s\"")
        .replace("sometimes = [\"leader-changed\"]\n", "");
    let file = std::env::temp_dir().join(format!("brokersim-impossible-{}.toml", std::process::id()));
    std::fs::write(&file, text).expect("a file can be written");
    let refused = run(&file, &["--on", &cluster.url]);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(refused.err.contains("slow-disk of leader of orders-0"), "{}", refused.err);
    assert!(refused.err.contains("--skip-faults"), "{}", refused.err);
    let skipped = run(&file, &["--on", &cluster.url, "--skip-faults"]);
    std::fs::remove_file(&file).expect("it was written");
    assert_eq!(skipped.code, Some(0), "{}", skipped.err);
    assert!(skipped.notes().iter().any(|note| note.contains("slow-disk")), "{:?}", skipped.notes());
}

// --- where there is no cluster ---------------------------------------------------------------------------------

fn on(address: &str, out: &Path) -> Ran {
    let file = scenario("pipeline.toml");
    let words =
        ["run", file.to_str().expect("a path is text"), "--headless", "--quiet", "--on", address, "--out"];
    Ran::from(program(&words).arg(out).output().expect("the program runs"))
}

#[test]
fn a_broker_that_is_not_there_is_named_and_nothing_is_recorded() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let out = std::env::temp_dir().join(format!("brokersim-nobody-{}", std::process::id()));
    let ran = on(&format!("kafka://{free}"), &out);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains(&free.to_string()), "{}", ran.err);
    assert!(!out.exists(), "nothing half-written");
}

#[test]
fn a_port_where_somebody_else_listens_is_named_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it has an address");
    // It takes connections, and never says a word.
    let keep = std::thread::spawn(move || listener.incoming().take(1).collect::<Vec<_>>());
    let out = std::env::temp_dir().join(format!("brokersim-mute-{}", std::process::id()));
    let begun = Instant::now();
    let ran = on(&format!("kafka://{address}"), &out);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains(&address.to_string()), "{}", ran.err);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(!out.exists(), "nothing half-written");
    drop(keep);
}
