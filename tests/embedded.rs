//! The program, as a person calls it, on the cluster within its own process.

#![cfg(feature = "real-kafka")]

use std::process::{Command, Output};

const PIPELINE: &str = r#"# Does everything that goes in come out, through a processor?
[run]
seed = 7
duration = "5s"
drain = "15s"

[kafka]
version = "4.1"
brokers = 2

[kafka.topics.orders]
partitions = 3
replication.factor = 2
[kafka.topics.bills]
partitions = 2
replication.factor = 2

[[generator]]
name = "shop"
topic = "orders"
payload = "events"
key = { field = "user" }
arrivals = { constant = "100/s" }

[[generator]]
name = "web"
topic = "orders"
payload = "events"
key = { field = "user" }
arrivals = { poisson = "100/s" }

[[processor]]
name = "billing"
from = "orders"
to = "bills"
work = { filter = { field = "kind", equals = "purchase" } }
commit = "after"
consumer.auto.offset.reset = "earliest"

[[sink]]
name = "archive"
from = "bills"
consumer.auto.offset.reset = "earliest"
consumer.auto.commit.interval.ms = 500

[[sink]]
name = "audit"
from = "orders"
instances = 2
commit = "after"
consumer.auto.offset.reset = "earliest"

[expect]
always = ["accepted-is-not-lost", "nothing-duplicated", "nothing-skipped", "order-per-key"]
eventually = ["caught-up"]
"#;

fn run(name: &str, text: &str, more: &[&str]) -> Output {
    let file = std::env::temp_dir().join(format!("brokersim-embedded-{name}-{}.toml", std::process::id()));
    std::fs::write(&file, text).expect("a scenario can be written");
    let output = Command::new(env!("CARGO_BIN_EXE_brokersim"))
        .arg("run")
        .arg(&file)
        .args(["--on", "embedded", "--headless", "--no-tape", "--quiet"])
        .args(more)
        .output()
        .expect("the program can be started");
    std::fs::remove_file(&file).expect("it is there");
    output
}

#[test]
fn a_pipeline_on_the_embedded_cluster_loses_and_repeats_nothing() {
    let output = run("pipeline", PIPELINE, &["--format", "json"]);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    let summary: serde_json::Value = serde_json::from_str(&out).expect("a summary is JSON");
    let books = &summary["books"];
    assert!(books["offered"].as_u64().is_some_and(|offered| offered > 900), "{books}");
    assert_eq!(books["lost"].as_object().map(serde_json::Map::len), Some(0), "{books}");
}

#[test]
fn what_the_embedded_cluster_cannot_do_is_refused_before_the_run() {
    let killed = format!("{PIPELINE}\n[[fault]]\nat = \"2s\"\nkill = \"broker-1\"\n");
    let output = run("killed", &killed, &[]);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("broker-1"), "{err}");
}
