//! `brokersim compare`: two runs side by side, and pairs of them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Scratch, Told, call};

const SCENARIO: &str = r#"# How long until a record is processed?
[run]
seed = 3
duration = "12s"
warm-up = "5s"
drain = "3s"

[network]
latency = { median = "150us", p99 = "750us" }

[kafka]
brokers = 3

[kafka.topics.orders]
partitions = 2
replication.factor = 3

[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "200/s" }

[[sink]]
name = "billing"
from = "orders"
commit = "after"
consumer.auto.offset.reset = "earliest"

[expect]
always = ["accepted-is-not-lost"]
"#;

/// A folder with the scenario and its run in `a`.
fn with_run() -> Scratch {
    let scratch = Scratch::empty();
    scratch.file("delay.toml", SCENARIO);
    run(&scratch, "a", "");
    scratch
}

/// Runs the scenario into this folder; its summary.
fn run(scratch: &Scratch, out: &str, more: &str) -> Value {
    let told =
        call(&scratch.0, &format!("run delay.toml --headless --quiet --format json --out {out} {more}"));
    assert_eq!(told.code, 0, "{}", told.err);
    serde_json::from_str(&told.out).expect("a summary is JSON")
}

fn compared(scratch: &Scratch, words: &str) -> Value {
    let told = call(&scratch.0, &format!("compare {words} --format json"));
    assert_eq!(told.code, 0, "{}", told.err);
    serde_json::from_str(&told.out).expect("a comparison is JSON")
}

fn row<'c>(compared: &'c Value, name: &str) -> &'c Value {
    let rows = compared["rows"].as_array().expect("there are rows");
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("a row {name}: {compared}"))
}

fn notes(compared: &Value) -> String {
    compared["notes"].to_string()
}

/// Changes the manifest of a run.
fn edit(dir: &Path, change: impl FnOnce(&mut Value)) {
    let path = dir.join("manifest.json");
    let mut manifest = serde_json::from_slice(&fs::read(&path).expect("a manifest")).expect("JSON");
    change(&mut manifest);
    fs::write(&path, manifest.to_string()).expect("a manifest");
}

#[test]
fn two_runs_of_one_seed_are_the_same_in_every_number() {
    let scratch = with_run();
    run(&scratch, "b", "");
    let told = call(&scratch.0, "compare a b --fail --tolerance 0%");
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert!(told.out.contains("All numbers are within the tolerance (0 %)"), "{}", told.out);
    let compared = compared(&scratch, "a b");
    assert_eq!(compared["schema"], "brokersim.compare/1");
    assert_eq!(compared["outside"], false);
    assert_eq!(row(&compared, "billing curve")["distance"], 0.0);
    assert_eq!(compared["differences"], serde_json::json!([]));
}

#[test]
fn ratios_are_those_of_the_two_summaries_and_only_fail_makes_them_an_exit_code() {
    let scratch = with_run();
    let a = run(&scratch, "a", "");
    let b = run(&scratch, "b", "--set generator.shop.producer.linger.ms=25");
    let told = call(&scratch.0, "compare a b");
    assert_eq!(told.code, 0, "however they differ: {}", told.err);
    assert!(told.out.contains("+ --set generator.shop.producer.linger.ms=25"), "{}", told.out);
    assert_eq!(call(&scratch.0, "compare a b --fail").code, 1);
    let compared = compared(&scratch, "a b");
    let p50 = row(&compared, "acknowledged p50");
    let number = |summary: &Value| summary["acknowledge"]["p50"].as_f64().expect("a number");
    assert_eq!(p50["a"].as_f64(), Some(number(&a)));
    assert_eq!(p50["b"].as_f64(), Some(number(&b)));
    assert_eq!(p50["ratio"].as_f64(), Some(number(&a) / number(&b)));
    assert_eq!(p50["outside"], true);
    assert_eq!(row(&compared, "accepted")["outside"], false);
}

#[test]
fn a_tolerance_may_be_that_of_one_kind() {
    let scratch = with_run();
    run(&scratch, "b", "--set generator.shop.producer.linger.ms=25");
    let strict = call(&scratch.0, "compare a b --fail --tolerance 10%");
    let lax = call(&scratch.0, "compare a b --fail --tolerance 10% --tolerance latency=1000%,lag=1000%");
    assert_eq!((strict.code, lax.code), (1, 0), "{}", lax.out);
    let wrong = call(&scratch.0, "compare a b --tolerance speed=10%");
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("throughput, latency, lag"), "{}", wrong.err);
}

#[test]
fn what_differs_in_the_scenarios_is_told_line_by_line() {
    let scratch = with_run();
    scratch.file("delay.toml", &SCENARIO.replace("partitions = 2", "partitions = 3"));
    run(&scratch, "b", "");
    let compared = compared(&scratch, "a b");
    assert_eq!(compared["differences"], serde_json::json!(["- partitions = 2", "+ partitions = 3"]));
}

#[test]
fn a_run_that_was_killed_is_counted_from_its_records_and_says_so() {
    let scratch = with_run();
    let whole = run(&scratch, "b", "");
    edit(&scratch.0.join("b"), |manifest| {
        manifest["state"] = "running".into();
        for unknown in ["summary", "balance", "promises", "digest", "ended_at_ns"] {
            manifest[unknown] = Value::Null;
        }
    });
    let compared = compared(&scratch, "a b");
    let notes = notes(&compared);
    assert!(notes.contains("B did not end") && notes.contains("counted from its records"), "{notes}");
    for (name, known) in [
        ("acknowledged p50", &whole["acknowledge"]["p50"]),
        ("billing p99", &whole["groups"][0]["latency"]["p99"]),
        ("accepted", &whole["throughput"]["accepted"]),
    ] {
        let counted = row(&compared, name)["b"].as_f64().expect("it is counted");
        let known = known.as_f64().expect("a number");
        assert!((counted / known - 1.0).abs() < 0.02, "{name}: {counted} of {known}");
    }
    let rebalances = row(&compared, "billing rebalances");
    assert_eq!((&rebalances["b"], &rebalances["judged"]), (&Value::Null, &Value::Bool(false)));
}

#[test]
fn folders_that_are_missing_are_said_and_the_rest_is_compared() {
    let scratch = with_run();
    run(&scratch, "b", "");
    fs::remove_dir_all(scratch.0.join("b/lag")).expect("it was there");
    fs::remove_dir_all(scratch.0.join("a/records")).expect("it was there");
    let compared = compared(&scratch, "a b");
    let notes = notes(&compared);
    assert!(notes.contains("B has no lag/ folder"), "{notes}");
    assert!(notes.contains("A has no records/ folder"), "{notes}");
    assert_eq!(row(&compared, "billing p50")["ratio"], 1.0);
    assert_eq!(compared["curves"], serde_json::json!([]));
}

#[test]
fn what_is_no_run_of_this_version_is_refused() {
    let scratch = with_run();
    run(&scratch, "b", "");
    let refused = |words: &str, says: &str| {
        let Told { code, err, .. } = call(&scratch.0, words);
        assert_eq!(code, 3, "{words}: {err}");
        assert!(err.contains(says), "{words}: {err}");
    };
    refused("compare a nowhere", "nowhere/manifest.json");
    fs::remove_dir_all(scratch.0.join("b/records")).expect("it was there");
    edit(&scratch.0.join("b"), |manifest| manifest["summary"] = Value::Null);
    refused("compare a b", "neither a summary nor a records/ folder");
    edit(&scratch.0.join("b"), |manifest| manifest["tape_version"] = 99.into());
    refused("compare a b", "tape_version is 99");
}

#[test]
fn one_run_or_two_ways_at_once_are_wrong_usage() {
    let scratch = with_run();
    for words in
        ["compare", "compare a", "compare a a --scenario delay.toml", "compare --scenario delay.toml"]
    {
        assert_eq!(call(&scratch.0, words).code, 2, "{words}");
    }
}

#[test]
fn pairs_of_runs_give_an_interval() {
    let scratch = Scratch::empty();
    scratch.file("delay.toml", SCENARIO);
    let words = "--scenario delay.toml --against kafka.costs.request-cpu=400us --runs 3 --out pairs";
    let compared = compared(&scratch, words);
    assert_eq!(compared["a"].as_array().map(Vec::len), Some(3));
    assert_eq!(compared["b"][2]["seed"], 5, "each pair has the next seed");
    let p50 = row(&compared, "billing p50");
    let (ratio, half) = (p50["ratio"].as_f64(), p50["half_width"].as_f64());
    assert!(ratio.is_some_and(|ratio| ratio < 0.95), "{p50}");
    assert!(half.is_some_and(|half| half < 0.2), "{p50}");
    assert!(scratch.0.join("pairs/B-5/manifest.json").exists());
    let again = call(&scratch.0, "compare pairs/A-3 pairs/B-3");
    assert_eq!(again.code, 0, "{}", again.err);
}

#[test]
fn a_run_in_real_time_is_held_against_the_simulation() {
    let scratch = Scratch::empty();
    scratch.file("delay.toml", &SCENARIO.replace("\"12s\"", "\"2s\"").replace("\"5s\"", "\"1s\""));
    let compared = compared(&scratch, "--scenario delay.toml --on live --out pair");
    assert_eq!(
        (&compared["a"][0]["world"], &compared["b"][0]["world"]),
        (&"simulation".into(), &"live".into())
    );
    let offered = row(&compared, "offered");
    assert!(offered["b"].as_f64().is_some_and(|rate| rate > 0.0), "{offered}");
    assert_eq!(compared["promises"][0]["same"], true, "{compared}");
}

#[test]
fn the_page_is_ascii_when_asked_and_no_wider_than_told() {
    let scratch = with_run();
    run(&scratch, "b", "--seed 4");
    let page = call(&scratch.0, "compare a b --ascii --width 70").out;
    assert!(page.is_ascii(), "{page}");
    let curves = page.lines().filter(|line| line.contains('#'));
    assert!(curves.clone().count() > 0 && curves.clone().all(|line| line.len() <= 70), "{page}");
    let bare = call(&scratch.0, "compare a b --no-chart").out;
    assert!(!bare.contains("lag of billing,"), "{bare}");
    assert!(!page.contains('\u{1b}') && !bare.contains('\u{1b}'), "no colours where nobody sees them");
}

#[test]
fn what_cannot_go_wrong_on_the_real_side_is_named_before_either_side_begins() {
    let scratch = Scratch::empty();
    scratch.file(
        "slow.toml",
        &format!("{SCENARIO}\n[[fault]]\nat = \"5s\"\nslow-disk = \"broker-1\"\nfactor = 10\nfor = \"2s\"\n"),
    );
    let told = call(&scratch.0, "compare --scenario slow.toml --on kafka://127.0.0.1:9 --out both");
    assert_eq!(told.code, 2, "{}", told.err);
    assert!(told.err.contains("slow-disk"), "{}", told.err);
    assert!(!scratch.0.join("both").exists(), "nothing was begun: {}", told.err);
}
