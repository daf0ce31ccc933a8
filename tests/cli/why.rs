//! `brokersim why` and `brokersim minimise`, from a recording as from a file.

use std::fs;

use super::{Scratch, call};

/// A leader that acknowledges alone dies with its tail.
const LOSS: &str = r#"# Which records does a killed leader take with it?
[run]
seed = 7
duration = "16s"
drain = "8s"

[network]
latency = { constant = "20ms" }

[kafka]
brokers = 3

[kafka.topics.orders]
partitions = 1
replication.factor = 3
min.insync.replicas = 2

[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "200/s" }
producer.acks = "1"
producer.linger.ms = 0

[[sink]]
name = "billing"
from = "orders"
commit = "after"
consumer.auto.offset.reset = "earliest"

[[fault]]
at = "5s"
kill = "leader of orders-0"
for = "5s"

[expect]
always = ["accepted-is-not-lost", "nothing-stored-twice"]
sometimes = ["leader-changed"]
"#;

/// A group that comes late and begins at the end skips what was there.
const METER: &str = r#"# What does a group that comes late skip?
[run]
seed = 7
duration = "9s"

[kafka]
brokers = 1

[kafka.topics.readings]

[[generator]]
name = "meter"
topic = "readings"
arrivals = { replay = { file = "../data/readings.csv", time = "time", unit = "s" } }

[[sink]]
name = "archive"
from = "readings"
start = "5s"
consumer.auto.offset.reset = "latest"

[expect]
always = ["nothing-skipped"]
"#;

#[test]
fn a_run_that_breaks_a_promise_ends_with_the_command_that_tells_why_and_that_command_works() {
    let scratch = Scratch::empty();
    scratch.file("loss.toml", LOSS);
    let run = call(&scratch.0, "run loss.toml --headless -q");
    assert_eq!(run.code, 1, "{}", run.err);
    let next = run.out.lines().last().expect("a last line");
    assert_eq!(next, "  why: brokersim why runs/loss-7");
    let why = call(&scratch.0, next.trim_start_matches("  why: brokersim "));
    assert_eq!(why.code, 0, "{}", why.err);
    assert!(why.out.contains("producer.acks = 1  (loss.toml:"), "{}", why.out);
    let words = why.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("keeps them (tried on the same seed: none is lost)"), "{}", why.out);
    assert!(!why.out.contains("WARNING"), "{}", why.out);
    // The promise that is broken is what is asked about.
    let json = call(&scratch.0, "why runs/loss-7 --untried --format json");
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    let asked: Vec<_> = json["asked"].as_array().expect("a list").iter().map(|one| &one["trouble"]).collect();
    assert_eq!(asked, ["lost"]);
    let cured =
        call(&scratch.0, "run loss.toml --headless -q --no-tape --set generator.shop.producer.acks=all");
    assert!(cured.code == 0 && !cured.out.contains("why: brokersim"), "{}", cured.out);
    let nowhere =
        call(&scratch.0, "run loss.toml --headless -q --no-tape --set kafka.topics.orders.retention.ms=-1");
    assert!(
        nowhere.out.ends_with("  why: brokersim why loss.toml --set 'kafka.topics.orders.retention.ms=-1'\n"),
        "{}",
        nowhere.out
    );
}

#[test]
fn a_recording_of_another_version_is_explained_with_a_warning_and_exit_code_1() {
    let scratch = Scratch::empty();
    scratch.file("loss.toml", LOSS);
    assert_eq!(call(&scratch.0, "run loss.toml --headless -q --out run").code, 1);
    let path = scratch.0.join("run/manifest.json");
    let text = fs::read_to_string(&path).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let digest = manifest["digest"].as_str().expect("a digest");
    let other: String = digest.chars().rev().collect();
    assert_ne!(digest, other);
    fs::write(&path, text.replace(digest, &other)).expect("it can be written");
    let told = call(&scratch.0, "why run --lost --untried");
    assert_eq!(told.code, 1, "{}", told.err);
    let warning = told.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(warning.contains("WARNING: THIS IS NOT THE RUN THAT WAS RECORDED"), "{}", told.out);
    assert!(warning.contains(digest) && warning.contains(&other), "{}", told.out);
    assert!(told.out.contains("is KILLED"), "it is explained all the same: {}", told.out);
    // What is changed on purpose is compared with nothing.
    let changed = call(&scratch.0, "why run --lost --untried --set generator.shop.producer.acks=all");
    assert!(changed.code == 0 && changed.out.contains("No record is lost"), "{}", changed.out);
}

#[test]
fn the_smallest_file_keeps_the_promise_broken_and_nothing_else_of_what_was_expected() {
    let scratch = Scratch::empty();
    scratch.file("loss.toml", LOSS);
    let told = call(&scratch.0, "minimise loss.toml -o least.toml");
    assert_eq!(told.code, 0, "{}", told.err);
    let least = fs::read_to_string(scratch.0.join("least.toml")).expect("it is written");
    assert!(least.contains("always = [\"accepted-is-not-lost\"]"), "{least}");
    assert!(!least.contains("leader-changed") && !least.contains("billing"), "{least}");
    let run = call(&scratch.0, "run least.toml --headless -q --no-tape");
    assert!(run.code == 1 && run.out.contains("FAIL  always"), "{}{}", run.out, run.err);
}

/// A recording lies in its folder with the data that it replays, or the program has them.
#[test]
fn a_recording_that_replays_a_trace_is_explained_wherever_its_folder_lies() {
    let (here, there) = (Scratch::empty(), Scratch::empty());
    here.file("configs/meter.toml", METER);
    here.file("data/readings.csv", "time,value\n0,1.5\n1,2.5\n2,2.0\n3,7.25\n");
    let told = call(&here.0, "run configs/meter.toml --headless -q --out run");
    assert_eq!(told.code, 1, "{}", told.err);
    fs::rename(here.0.join("run"), there.0.join("mailed")).expect("both are in one place");
    drop(here);
    let why = call(&there.0, "why mailed --untried");
    assert_eq!(why.code, 0, "{}", why.err);
    assert!(why.out.contains("auto.offset.reset") && !why.out.contains("WARNING"), "{}", why.out);
    let tried = call(&there.0, "why mailed");
    assert!(tried.out.contains("tried on the same seed"), "its remedies are tried there, too: {}", tried.out);
    let least = call(&there.0, "minimise mailed");
    assert!(least.code == 0 && least.out.contains("readings.csv"), "{}{}", least.out, least.err);
}

#[test]
fn the_bundled_trace_is_found_by_why_and_minimise_from_any_folder() {
    let (here, there) = (Scratch::empty(), Scratch::empty());
    let short = "--duration 5s --set run.drain=6s";
    let told =
        call(&here.0, &format!("run trace-replay --headless -q --out {}/run {short}", there.0.display()));
    assert!(told.code < 2, "{}", told.err);
    let why = call(&there.0, "why run --untried");
    assert_eq!(why.code, 0, "{}", why.err);
    assert!(why.out.contains("Gladly") && !why.out.contains("WARNING"), "{}", why.out);
    let by_name = call(&here.0, &format!("why trace-replay --untried {short}"));
    assert_eq!(by_name.code, 0, "{}", by_name.err);
    let least = call(&there.0, "minimise run");
    assert!(least.code == 0 && least.err.contains("Gladly"), "{}", least.err);
}
