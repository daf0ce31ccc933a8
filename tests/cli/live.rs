//! `brokersim run --on WORLD`: what a run by the clock writes and says, and how it ends.

#![expect(clippy::disallowed_types, reason = "the run is by the clock")]

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Scratch, Told, call};

const SCENARIO: &str = r#"# Does everything arrive?
[run]
seed = 7
duration = "1s"
drain = "60s"

[zeromq.channels.tasks]

[[generator]]
name = "ventilator"
topic = "tasks"
payload = "ticks"
arrivals = { constant = "100/s" }

[[sink]]
name = "worker"
from = "tasks"
write = ["csv"]

[expect]
always = ["accepted-is-not-lost"]
"#;

fn scratch() -> Scratch {
    let scratch = Scratch::empty();
    scratch.file("story.toml", SCENARIO);
    scratch
}

fn manifest(scratch: &Scratch) -> Value {
    let text = std::fs::read(scratch.0.join("run/manifest.json")).expect("a manifest");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn a_live_run_says_what_a_simulated_one_says_but_for_the_digest() {
    let scratch = scratch();
    let told = call(&scratch.0, "run story.toml --on live --out run --format json");
    assert_eq!(told.code, 0, "{}", told.err);
    let summary: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!((&summary["world"], &summary["state"]), (&"live".into(), &"finished".into()));
    assert_eq!((&summary["books"]["settled"], &summary["books_balance"]), (&101.into(), &true.into()));
    assert_eq!((&summary["promises"][0]["kept"], summary.get("digest")), (&true.into(), None));
    let ended = summary["duration"].as_u64().expect("nanoseconds");
    assert!(ended < 30_000_000_000, "it ends when nothing is in flight, not after the drain: {ended}");

    let manifest = manifest(&scratch);
    assert_eq!((&manifest["world"], &manifest["digest"]), (&"live".into(), &Value::Null));
    assert_eq!(
        (&manifest["state"], &manifest["checkpoints"]),
        (&"finished".into(), &Value::Array(Vec::new()))
    );
    assert_eq!(
        (&manifest["counts"]["records"], &manifest["counts"]["facts"]),
        (&101.into(), &summary["facts"])
    );
    assert_eq!(manifest["counts"]["sinks"]["worker"]["rows"], 101);
}

#[test]
fn a_live_run_cannot_be_replayed_or_explained_and_is_told_so() {
    let scratch = scratch();
    assert_eq!(call(&scratch.0, "run story.toml --on live --out run --quiet").code, 0);
    for words in ["replay run", "why run"] {
        let Told { code, err, .. } = call(&scratch.0, words);
        assert_eq!(code, 2, "{words}: {err}");
        assert!(err.contains("in real time on live") && err.contains("story.toml"), "{words}: {err}");
    }
}

#[test]
fn a_broken_promise_ends_a_live_run_with_one() {
    let scratch = scratch();
    let told =
        call(&scratch.0, "run story.toml --on live --no-tape --set expect.broken=[\"nothing-refused\"]");
    assert_eq!(told.code, 1, "{}{}", told.out, told.err);
    assert!(told.out.contains("no digest") && !told.out.contains("brokersim why"), "{}", told.out);
}

#[test]
fn what_makes_no_sense_by_the_clock_is_refused_before_anything_is_written() {
    let scratch = scratch();
    for (words, says) in [
        ("--on live --speed 2", "leave --speed out"),
        ("--keep", "--keep is about real brokers"),
        ("--on live --use-existing", "--use-existing is about real brokers"),
        ("--on nowhere", "there is no world `nowhere`"),
        ("--on mqtt://localhost:1883", "cannot run on mqtt://localhost:1883"),
        ("--on embedded", "cannot run on embedded"),
        ("--on kafka://192.0.2.1:9092", "192.0.2.1:9092 is not on this machine"),
    ] {
        let told = call(&scratch.0, &format!("run story.toml --out run {words}"));
        assert_eq!(told.code, 2, "{words}: {}", told.err);
        assert!(told.err.contains(says), "{words}: {}", told.err);
        assert!(!scratch.0.join("run").exists(), "{words}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_ends_a_live_run_before_it_begins() {
    let scratch = scratch();
    scratch.file("taken", "a file");
    let told = call(&scratch.0, "run story.toml --on live --out taken/run");
    assert_eq!((told.code, told.out.as_str()), (3, ""), "{}", told.err);
}

/// Waits for something that another process brings about.
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn ctrl_c_ends_a_live_run_early_and_what_was_recorded_is_readable() {
    let scratch = scratch();
    let mut command = Command::new(env!("CARGO_BIN_EXE_brokersim"));
    command.args([
        "run",
        "story.toml",
        "--on",
        "live",
        "--out",
        "run",
        "--duration",
        "100s",
        "--format",
        "json",
    ]);
    let piped =
        command.current_dir(&scratch.0).stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
    let mut child = piped.spawn().expect("the program runs");
    wait_for("the recording", || scratch.0.join("run/manifest.json").exists());
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
    let mut ended = None;
    wait_for("the end", || {
        ended = child.try_wait().expect("a child");
        ended.is_some()
    });
    let output = child.wait_with_output().expect("its words");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(ended.and_then(|status| status.code()), Some(130), "{err}");
    let summary: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&summary["state"], &summary["books_balance"]), (&"interrupted".into(), &true.into()));
    let manifest = manifest(&scratch);
    assert_eq!(
        (&manifest["state"], &manifest["counts"]["facts"]),
        (&"interrupted".into(), &summary["facts"])
    );
    assert_eq!(manifest["counts"]["records"], summary["books"]["offered"]);
}
