//! Reads the source and holds the plan of the house: who may use whom, and what the simulated rooms do
//! without.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms that it may use besides itself. `docs/adr/0005-layers.md`.
const ROOMS: &[(&str, &[&str])] = &[
    ("kernel", &[]),
    ("trace", &["kernel"]),
    ("wire", &["kernel", "trace"]),
    ("workload", &["kernel", "trace", "wire"]),
    ("kafka", &["kernel", "trace", "wire"]),
    ("zeromq", &["kernel", "trace", "wire"]),
    ("mqtt", &["kernel", "trace", "wire"]),
    ("fault", &["kernel", "trace", "wire"]),
    ("host", &["kernel"]),
    ("gateway", &["kernel", "trace", "wire", "host"]),
    ("observe", &["kernel", "trace"]),
    ("tape", &["kernel", "trace"]),
    (
        "scenario",
        &[
            "kernel", "trace", "wire", "workload", "kafka", "zeromq", "mqtt", "fault", "host", "gateway",
            "observe",
        ],
    ),
    ("analyze", &["kernel", "trace", "observe", "tape", "scenario"]),
    ("sweep", &["kernel", "trace", "observe", "tape", "scenario", "analyze"]),
    ("lab", &["kernel", "trace", "wire", "workload", "host", "observe", "scenario", "analyze", "sweep"]),
    ("tui", &["kernel", "trace", "observe"]),
    (
        "cli",
        &[
            "kernel", "trace", "wire", "workload", "kafka", "zeromq", "mqtt", "fault", "host", "gateway",
            "observe", "tape", "scenario", "analyze", "sweep", "lab", "tui",
        ],
    ),
];

/// Rooms whose code runs under virtual time.
const SIMULATED: &[&str] =
    &["kernel", "trace", "wire", "workload", "kafka", "zeromq", "mqtt", "fault", "host"];

/// What does not exist under virtual time, and why it would break a law.
const FORBIDDEN: &[(&str, &str)] = &[
    ("std::collections::HashMap", "its order differs from run to run"),
    ("std::collections::HashSet", "its order differs from run to run"),
    ("std::time::Instant", "there is no wall clock"),
    ("std::time::SystemTime", "there is no wall clock"),
    ("std::thread", "there are no threads"),
    ("std::net", "there is no network but the simulated one"),
    ("std::fs", "there is no disk but the simulated one"),
    ("std::env", "a run depends on its scenario alone"),
    (".ln()", "std's floating-point functions differ between machines: use libm"),
    (".exp()", "std's floating-point functions differ between machines: use libm"),
    (".powf(", "std's floating-point functions differ between machines: use libm"),
    (".powi(", "std's floating-point functions differ between machines: use libm"),
    (".sin()", "std's floating-point functions differ between machines: use libm"),
    (".cos()", "std's floating-point functions differ between machines: use libm"),
    (".tanh()", "std's floating-point functions differ between machines: use libm"),
];

/// Files of simulated rooms that run before or beside the simulation, and may read what they are for.
const OUTSIDE: &[&str] =
    &["workload/trace_file.rs", "workload/trace.rs", "kafka/calc.rs", "host/door.rs", "host/live.rs"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the source is there") {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Every source file of a room with its code, tests left out.
fn room(name: &str) -> Vec<(String, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&source.join(name), &mut files);
    let is_test =
        |path: &str| path.contains("/tests/") || path.contains("tests.rs") || path.ends_with("scenarios.rs");
    let relative = |path: &Path| path.strip_prefix(&source).expect("below src").display().to_string();
    files
        .into_iter()
        .map(|path| (relative(&path), fs::read_to_string(&path).expect("source is text")))
        .filter(|(path, _)| !is_test(path))
        .map(|(path, text)| (path, without_tests(&text)))
        .collect()
}

fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().expect("a split has a first part");
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| line.to_owned() + "\n")
        .collect()
}

/// The rooms that a text names.
fn used(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let names = rest.strip_prefix('{').map_or(rest, |list| list);
        let name: String =
            names.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        rooms.push(name);
    }
    rooms
}

#[test]
fn every_room_uses_only_those_that_it_may() {
    let mut wrong = Vec::new();
    for (name, may) in ROOMS {
        for (path, text) in room(name) {
            for other in used(&text) {
                let is_room = ROOMS.iter().any(|(room, _)| *room == other);
                if is_room && other != *name && !may.contains(&other.as_str()) {
                    wrong.push(format!("src/{path} uses {other}: {name} may use {may:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_in_the_plan() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(source).expect("the source is there") {
        let path = entry.expect("a folder can be read").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(!path.is_dir() || ROOMS.iter().any(|(room, _)| *room == name), "{name} is not in the plan");
    }
}

#[test]
fn simulated_rooms_do_without_the_outside() {
    let mut wrong = Vec::new();
    for name in SIMULATED {
        for (path, text) in room(name) {
            if OUTSIDE.contains(&path.as_str()) || path.starts_with("host/live/") {
                continue;
            }
            for (word, why) in FORBIDDEN.iter().filter(|(word, _)| text.contains(word)) {
                wrong.push(format!("src/{path}: {word}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The test can fail: it sees a use where there is one.
#[test]
fn a_forbidden_use_would_be_seen() {
    assert_eq!(used("use crate::kafka::log::Log;\nuse crate::{wire};"), ["kafka", "wire"]);
    assert!(without_tests("let a = 1; // crate::kafka\n// crate::kafka\n").contains("let a"));
    assert!(!without_tests("fn a() {}\n#[cfg(test)]\nmod tests { use crate::tui; }").contains("tui"));
}
