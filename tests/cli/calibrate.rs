//! `brokersim calibrate`, and calibration files under scenarios.

use std::fs;

use serde_json::Value;

use super::{Scratch, call};

const SCENARIO: &str = r#"# What does a request cost?
calibration = "machine.toml"

[run]
seed = 3
duration = "3s"

[kafka]
brokers = 1
costs.fsync = "5ms"

[kafka.topics.orders]

[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "50/s" }
"#;

const MACHINE: &str = r#"
[calibration]
measured = "2026-01-01"
[network]
latency = { median = "80us", p99 = "200us" } # told twice
[kafka.costs]
request-cpu = "3ms"
fsync = "1ms"
"#;

/// The costs of the default model, told otherwise: what a fit has to find.
const KNOWN: [(&str, f64); 4] = [
    ("kafka.costs.request-cpu", 90_000.0),
    ("kafka.costs.cpu-per-kib", 9_000.0),
    ("kafka.costs.fsync", 2_000_000.0),
    ("kafka.costs.disk-bandwidth", 209_715_200.0),
];

#[test]
fn known_costs_of_a_simulated_system_are_recovered() {
    let scratch = Scratch::empty();
    let set = "--set kafka.costs.request-cpu=90us --set kafka.costs.cpu-per-kib=9us --set kafka.costs.fsync=2ms --set kafka.costs.disk-bandwidth=200MiB/s --set network.latency={median=\"300us\",p99=\"1ms\"}";
    let told = call(&scratch.0, &format!("calibrate --on simulation --format json --out found.toml {set}"));
    assert_eq!(told.code, 0, "{}", told.err);
    let found: Value = serde_json::from_str(&told.out).expect("a result is JSON");
    let value = |path: &str| {
        let parameters = found["parameters"].as_array().expect("there are some");
        let parameter = parameters.iter().find(|parameter| parameter["path"] == path);
        parameter.unwrap_or_else(|| panic!("{path} is fitted: {found}"))["value"].clone()
    };
    for (path, known) in KNOWN {
        let value = value(path);
        let number = value["time"].as_f64().or_else(|| value["bandwidth"].as_f64()).expect("a number");
        assert!((number / known - 1.0).abs() < 0.1, "{path}: {number} of {known}");
    }
    let law = value("network.latency");
    let (median, p99) = (law["law"][0].as_f64().expect("a median"), law["law"][1].as_f64().expect("a p99"));
    assert!((median / 300e3 - 1.0).abs() < 0.1, "{median}");
    assert!((p99 / 1e6 - 1.0).abs() < 0.1, "{p99}");
    for check in found["checks"].as_array().expect("it is checked") {
        let ratio = check["simulated_ns"].as_f64().zip(check["measured_ns"].as_f64()).map(|(a, b)| a / b);
        assert!(ratio.is_some_and(|ratio| (ratio - 1.0).abs() < 0.15), "{check}");
    }
    let file = fs::read_to_string(scratch.0.join("found.toml")).expect("a file");
    assert!(file.contains("left-at-default") && file.contains("kafka.costs.page-cache-append"), "{file}");
    scratch.file("shop.toml", &SCENARIO.replace("machine.toml", "found.toml"));
    assert_eq!(call(&scratch.0, "check shop.toml").code, 0);
    let again = call(&scratch.0, "calibrate --on simulation --out found.toml");
    assert_eq!(again.code, 2, "what is there is not replaced");
    assert!(again.err.contains("--force"), "{}", again.err);
}

/// The digest of the scenario, run with these words.
fn digest(scratch: &Scratch, words: &str) -> String {
    let told = call(&scratch.0, &format!("run shop.toml --headless --quiet --format json {words}"));
    assert_eq!(told.code, 0, "{}", told.err);
    let summary: Value = serde_json::from_str(&told.out).expect("a summary is JSON");
    summary["digest"].as_str().expect("a digest").to_owned()
}

#[test]
fn a_calibration_is_what_its_values_are_and_nearer_ones_win() {
    let scratch = Scratch::empty();
    scratch.file("shop.toml", SCENARIO);
    scratch.file("machine.toml", MACHINE);
    scratch.file("other.toml", &MACHINE.replace("3ms", "7ms"));
    let named = digest(&scratch, "--no-tape");
    scratch.file("shop.toml", &SCENARIO.replace("calibration = \"machine.toml\"\n", ""));
    let law = "--set network.latency={median=\"80us\",p99=\"200us\"}";
    // The scenario writes fsync itself.
    assert_eq!(named, digest(&scratch, &format!("--no-tape {law} --set kafka.costs.request-cpu=3ms")));
    assert_ne!(named, digest(&scratch, "--no-tape"));
    scratch.file("shop.toml", SCENARIO);
    let other = digest(&scratch, "--no-tape --calibration other.toml");
    let same = digest(&scratch, "--no-tape --calibration machine.toml --set kafka.costs.request-cpu=7ms");
    assert_eq!(other, same);
    assert_ne!(other, named);
}

#[test]
fn a_recorded_run_holds_its_calibration() {
    let scratch = Scratch::empty();
    scratch.file("shop.toml", SCENARIO);
    scratch.file("machine.toml", MACHINE);
    let recorded = digest(&scratch, "--out runs/one");
    fs::remove_file(scratch.0.join("machine.toml")).expect("it was there");
    let replayed = call(&scratch.0, "replay runs/one");
    assert_eq!(replayed.code, 0, "{}", replayed.out);
    assert!(replayed.out.contains(&recorded), "{}", replayed.out);
}

#[test]
fn a_calibration_that_is_none_is_refused() {
    let scratch = Scratch::empty();
    scratch.file("shop.toml", SCENARIO);
    let missing = call(&scratch.0, "run shop.toml --headless --no-tape");
    assert_eq!(missing.code, 3);
    assert!(missing.err.contains("machine.toml"), "{}", missing.err);
    scratch.file("machine.toml", "[calibration]\n[kafka]\nbrokers = 9\n");
    let wrong = call(&scratch.0, "check shop.toml");
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("does not set `kafka.brokers`"), "{}", wrong.err);
    scratch.file("machine.toml", "[calibration]\n[kafka.costs]\nfsync = \"soon\"\nrequest-cpu = \"never\"\n");
    let wrong = call(&scratch.0, "check shop.toml");
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("request-cpu"), "{}", wrong.err);
    let mqtt = call(&scratch.0, "calibrate --on mqtt://127.0.0.1:1 --out c.toml");
    assert_eq!(mqtt.code, 2, "{}", mqtt.err);
}
