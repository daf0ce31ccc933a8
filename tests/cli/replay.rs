//! `brokersim replay`: the same run, to its end or to an instant, wherever its folder lies.

use std::fs;

use super::{Scratch, call};

const SCENARIO: &str = r#"# Do ticks arrive?
[run]
seed = 7
duration = "8s"

[kafka]
version = "4.1"
brokers = 3

[kafka.topics.ticks]
partitions = 2
replication.factor = 3

[[generator]]
name = "exchange"
topic = "ticks"
payload = "ticks"
arrivals = { constant = "40/s" }

[[sink]]
name = "desk"
from = "ticks"
consumer.auto.offset.reset = "earliest"
"#;

const REPLAYED: &str = r#"# Do readings arrive?
[run]
seed = 7
duration = "5s"

[kafka]
version = "4.1"
brokers = 3

[kafka.topics.readings]
replication.factor = 3

[[generator]]
name = "meter"
topic = "readings"
arrivals = { replay = { file = "../data/readings.csv", time = "time", unit = "s" } }

[[sink]]
name = "archive"
from = "readings"
write = ["csv"]
consumer.auto.offset.reset = "earliest"
"#;

const READINGS: &str = "time,value\n0,1.5\n1,2.5\n2,2.0\n3,7.25\n";

fn manifest(scratch: &Scratch, run: &str) -> serde_json::Value {
    let text = fs::read(scratch.0.join(run).join("manifest.json")).expect("a manifest");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn a_replay_that_stops_has_the_digest_of_the_recorded_run_at_that_instant() {
    let scratch = Scratch::empty();
    scratch.file("ticks.toml", SCENARIO);
    assert_eq!(call(&scratch.0, "run ticks.toml --headless -q --out run").code, 0);
    let manifest = manifest(&scratch, "run");
    let checkpoints = manifest["checkpoints"].as_array().expect("checkpoints");
    for checkpoint in [&checkpoints[0], &checkpoints[checkpoints.len() / 2]] {
        let (at, digest) = (&checkpoint["at_ns"], checkpoint["digest"].as_str().expect("a digest"));
        let told = call(&scratch.0, &format!("replay run --until {at}ns --from-digest {digest}"));
        assert_eq!(told.code, 0, "{}", told.out);
        assert!(told.out.starts_with("the same up to") && told.out.contains(digest), "{}", told.out);
        assert!(told.out.contains("as published"));
        // An instant later more has happened.
        let later = at.as_u64().expect("nanoseconds") + 500_000_000;
        let told = call(&scratch.0, &format!("replay run --until {later}ns --from-digest {digest}"));
        assert!(told.code == 1 && told.out.starts_with("DIFFERENT"), "{}", told.out);
    }
    let end = manifest["digest"].as_str().expect("a digest").to_owned();
    assert_eq!(call(&scratch.0, &format!("replay run --from-digest {end}")).code, 0);
    let other = "0123456789abcdef0123456789abcdef";
    assert_eq!(call(&scratch.0, &format!("replay run --from-digest {other}")).code, 1);
    assert_eq!(call(&scratch.0, "replay run --from-digest 12").code, 2);
    assert_eq!(call(&scratch.0, "replay run --until 9s").code, 2);
}

#[test]
fn a_replay_that_stops_sees_a_checkpoint_that_does_not_fit() {
    let scratch = Scratch::empty();
    scratch.file("ticks.toml", SCENARIO);
    call(&scratch.0, "run ticks.toml --headless -q --out run");
    let mut manifest = manifest(&scratch, "run");
    manifest["checkpoints"][1]["digest"] = "0123456789abcdef0123456789abcdef".into();
    let at = manifest["checkpoints"][1]["at_ns"].as_u64().expect("nanoseconds");
    scratch.file("run/manifest.json", &manifest.to_string());
    let told = call(&scratch.0, &format!("replay run --until {at}ns"));
    assert!(told.code == 1 && told.out.contains("recorded 0123456789abcdef"), "{}", told.out);
}

#[test]
fn a_run_that_was_moved_replays_although_nothing_is_left_where_it_was_made() {
    let (here, there) = (Scratch::empty(), Scratch::empty());
    here.file("configs/meter.toml", REPLAYED);
    here.file("data/readings.csv", READINGS);
    let told = call(&here.0, "run configs/meter.toml --headless -q --out runs/meter");
    assert_eq!(told.code, 0, "{}", told.err);
    fs::rename(here.0.join("runs/meter"), there.0.join("mailed")).expect("both are in one place");
    let gone = here.0.clone();
    drop(here);
    assert!(!gone.exists());
    let told = call(&there.0, "replay mailed");
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert!(told.out.starts_with("the same: digest"));
    // What travels is what is read: another trace is another run.
    there.file("mailed/traces/0/readings.csv", &READINGS.replace("\n2,", "\n2.5,"));
    assert_eq!(call(&there.0, "replay mailed").code, 1);
}

#[test]
fn a_folder_without_facts_is_held_against_its_digest() {
    let scratch = Scratch::empty();
    scratch.file("ticks.toml", SCENARIO);
    call(&scratch.0, "run ticks.toml --headless -q --out run");
    fs::remove_dir_all(scratch.0.join("run/facts")).expect("it goes");
    let told = call(&scratch.0, "replay run");
    assert_eq!(told.code, 0, "{}", told.out);
    assert!(told.err.contains("only digests are compared"), "{}", told.err);
}

#[test]
fn a_recording_of_a_trace_is_replaced_by_the_next_and_a_foreign_file_in_it_is_not() {
    let scratch = Scratch::empty();
    scratch.file("configs/meter.toml", REPLAYED);
    scratch.file("data/readings.csv", READINGS);
    let run = || call(&scratch.0, "run configs/meter.toml --headless -q --out run");
    assert_eq!((run().code, run().code), (0, 0));
    scratch.file("run/traces/0/notes.txt", "mine");
    let told = run();
    assert!(told.code == 3 && told.err.contains("notes.txt"), "{}", told.err);
}

/// Time itself would tell how far a run had come when somebody pressed Ctrl-C: a manifest that says so is enough.
#[test]
fn a_replay_of_an_interrupted_run_ends_where_that_was_interrupted() {
    let scratch = Scratch::empty();
    scratch.file("ticks.toml", SCENARIO);
    call(&scratch.0, "run ticks.toml --headless -q --out run");
    let whole = manifest(&scratch, "run");
    let checkpoint = &whole["checkpoints"].as_array().expect("checkpoints")[1];
    let digest = checkpoint["digest"].as_str().expect("a digest").to_owned();
    let interrupted = |digest: &str| {
        let mut manifest = whole.clone();
        manifest["state"] = "interrupted".into();
        manifest["ended_at_ns"] = checkpoint["at_ns"].clone();
        manifest["digest"] = digest.into();
        manifest["counts"]["facts"] = checkpoint["serial"].clone();
        manifest["checkpoints"] = serde_json::json!([]);
        scratch.file("run/manifest.json", &manifest.to_string());
        call(&scratch.0, "replay run")
    };
    let told = interrupted(&digest);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert!(told.out.contains("where its run was interrupted") && told.out.contains(&digest), "{}", told.out);
    let told = interrupted("0123456789abcdef0123456789abcdef");
    assert!(told.code == 1 && told.out.contains("recorded 0123456789abcdef"), "{}", told.out);
}
