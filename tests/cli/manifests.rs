//! The examples for engines in `compose/` call the program as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::sweep::SCENARIO;
use super::{Scratch, call, call_with};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compose").join(name)
}

/// The value behind a key of a manifest that stands on a line of its own.
fn value<'t>(text: &'t str, key: &str) -> &'t str {
    let found = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(':'));
    found.expect("the manifest has this key").trim()
}

/// What the Indexed Job would do, each part a process with the variables that Kubernetes would give it.
#[test]
fn the_indexed_job_makes_every_part_of_its_sweep() {
    let scratch = Scratch::empty();
    scratch.file("scenario.toml", SCENARIO);
    let manifest = fs::read_to_string(example("kubernetes/sweep.yaml")).expect("the manifest");
    assert_eq!(value(&manifest, "kind"), "Job");
    assert_eq!(value(&manifest, "completionMode"), "Indexed");
    let completions = value(&manifest, "completions");
    let after = manifest.split("BROKERSIM_SHARDS\n").nth(1).expect("it says how many parts there are");
    assert_eq!(value(after, "value"), format!("\"{completions}\""));
    let words: Vec<String> = serde_json::from_str(value(&manifest, "args")).expect("a list of words");
    let words = words.join(" ").replace("/scenario/", "").replace("/sweeps/", "").replace("0..10000", "0..9");
    // Short runs: here it matters which part runs what.
    let words = format!("{words} --duration 1s");
    for index in 0..completions.parse::<u32>().expect("a number") {
        let index = index.to_string();
        let variables = [("JOB_COMPLETION_INDEX", index.as_str()), ("BROKERSIM_SHARDS", completions)];
        let told = call_with(&scratch.0, &words, &variables);
        assert_eq!(told.code, 0, "{}", told.err);
    }
    let merged = call(&scratch.0, "sweep merge broker-loss");
    assert_eq!(merged.code, 0, "{}", merged.err);
    assert!(merged.out.contains("9 runs"), "{}", merged.out);
}

/// What Slurm would do with the script, each task with the variables that it would have.
#[test]
fn the_array_script_makes_every_part_of_its_sweep() {
    let scratch = Scratch::empty();
    scratch.file("loss.toml", SCENARIO);
    let program = Path::new(env!("CARGO_BIN_EXE_brokersim")).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    for task in ["1", "2"] {
        let status = Command::new("bash")
            .arg(example("slurm/sweep.sbatch"))
            .args("loss.toml --seeds 0..3 --duration 1s --out parts".split(' '))
            .current_dir(&scratch.0)
            .env("PATH", format!("{}:{path}", program.display()))
            .envs([
                ("SLURM_ARRAY_TASK_ID", task),
                ("SLURM_ARRAY_TASK_MIN", "1"),
                ("SLURM_ARRAY_TASK_COUNT", "2"),
            ])
            .env("SLURM_CPUS_PER_TASK", "1")
            .status()
            .expect("bash runs");
        assert!(status.success(), "task {task}");
    }
    let merged = call(&scratch.0, "sweep merge parts");
    assert!(merged.code == 0 && merged.out.contains("3 runs"), "{}{}", merged.out, merged.err);
}
