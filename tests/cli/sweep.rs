//! `brokersim sweep`: a row is a function of its index, and of nothing else.

use std::fs;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use brokersim::tape::read_table;

use super::{Scratch, Told, call, call_with};

/// With acks=1, the records that the leader had alone when it died are gone: in some seeds there are such records.
pub const SCENARIO: &str = r#"# Does a leader that dies take records with it?
[run]
seed = 1
duration = "13s"
drain = "6s"

[network]
latency = { median = "2ms", p99 = "6ms" }

[kafka]
version = "4.1"
brokers = 3

[kafka.topics.orders]
partitions = 2
replication.factor = 3
min.insync.replicas = 2

[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { poisson = "200/s" }
producer.linger.ms = 0
producer.acks = "1"

[[sink]]
name = "billing"
from = "orders"
commit = "after"
consumer.auto.offset.reset = "earliest"

[[fault]]
at = "2s"
kill = "leader of orders-0"
for = "12s"
"#;

const VARIED: &str = "--seeds 3..7 --vary generator.shop.producer.acks=1,all";

fn sweep(scratch: &Scratch, out: &str, more: &str) -> Told {
    scratch.file("loss.toml", SCENARIO);
    call(&scratch.0, &format!("sweep loss.toml --out {out} {more}"))
}

fn table(scratch: &Scratch, out: &str) -> Vec<u8> {
    fs::read(scratch.0.join(out).join("runs.parquet")).expect("a table")
}

fn lost(told: &Told) -> Vec<String> {
    let is_lost = |line: &&str| line.trim_start().starts_with("lost  ");
    told.out.lines().filter(is_lost).map(str::to_owned).collect()
}

#[test]
fn table_and_report_are_the_same_bytes_whatever_runs_side_by_side() {
    let scratch = Scratch::empty();
    let one = sweep(&scratch, "one", &format!("{VARIED} --jobs 1"));
    let three = sweep(&scratch, "three", &format!("{VARIED} --jobs 3"));
    assert_eq!((one.code, three.code), (0, 0), "{}{}", one.err, three.err);
    assert_eq!(one.out, three.out);
    assert_eq!(table(&scratch, "one"), table(&scratch, "three"));
    assert!(lost(&one)[0].contains("of 4") && lost(&one)[1].contains("in 0 of 4"), "{}", one.out);
    let json = sweep(&scratch, "one", &format!("{VARIED} --format json"));
    let report: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(report["schema"], "brokersim.sweep-report/1");
    assert_eq!((&report["runs"], &report["planned"]), (&8.into(), &8.into()));
}

#[test]
fn a_row_has_the_digest_of_the_run_that_its_command_makes() {
    let scratch = Scratch::empty();
    sweep(&scratch, "out", VARIED);
    let table = read_table(&scratch.0.join("out/runs.parquet")).expect("a table");
    let text = |name: &str| table.column_by_name(name).expect("a column").as_string::<i32>();
    let whole = |name: &str| table.column_by_name(name).expect("a column").as_primitive::<Int64Type>();
    assert_eq!(table.num_rows(), 8);
    for row in [2, 7] {
        let (seed, acks) = (whole("seed").value(row), text("generator.shop.producer.acks").value(row));
        let words = format!(
            "run loss.toml --seed {seed} --set generator.shop.producer.acks={acks} --no-tape --format json"
        );
        let run: serde_json::Value = serde_json::from_str(&call(&scratch.0, &words).out).expect("JSON");
        assert_eq!(run["digest"], text("digest").value(row));
        assert_eq!(run["books"]["settled"], whole("settled").value(row));
        assert_eq!(run["acknowledge"]["p99"], whole("acknowledged_p99_ns").value(row));
    }
    let acks: Vec<_> = (0..8).map(|row| text("generator.shop.producer.acks").value(row)).collect();
    assert_eq!(acks, ["1", "all", "1", "all", "1", "all", "1", "all"]);
    assert!(!whole("outcome.lost.count").is_null(0));
}

#[test]
fn parts_put_together_are_the_table_that_one_machine_makes() {
    let scratch = Scratch::empty();
    let one = sweep(&scratch, "one", VARIED);
    // Of three parts of eight runs no two settings are split alike; the order of making them does not matter.
    for part in ["2/3", "0/3", "1/3"] {
        let told = sweep(&scratch, "parts", &format!("{VARIED} --shard {part}"));
        assert_eq!(told.code, 0, "{}", told.err);
    }
    let merged = call(&scratch.0, "sweep merge parts");
    assert_eq!(merged.code, 0, "{}", merged.err);
    assert_eq!(merged.out, one.out);
    assert_eq!(table(&scratch, "parts"), table(&scratch, "one"));
}

#[test]
fn a_part_that_is_there_is_not_made_again_and_one_that_was_cut_off_is() {
    let scratch = Scratch::empty();
    let part = format!("{VARIED} --shard 1/4");
    sweep(&scratch, "parts", &part);
    let path = scratch.0.join("parts/part=1/runs.parquet");
    let (first, written) = (fs::read(&path).expect("a part"), modified(&path));
    let again = sweep(&scratch, "parts", &part);
    assert_eq!(again.code, 0);
    assert!(again.err.contains("nothing to do"), "{}", again.err);
    assert_eq!(modified(&path), written);
    // A task that was killed leaves a hidden folder, never a part.
    fs::rename(scratch.0.join("parts/part=1"), scratch.0.join("parts/.part=1.99-1.tmp")).expect("a rename");
    assert_eq!(sweep(&scratch, "parts", &part).code, 0);
    assert_eq!(fs::read(&path).expect("a part"), first);
}

fn modified(path: &Path) -> std::time::SystemTime {
    fs::metadata(path).and_then(|metadata| metadata.modified()).expect("a time")
}

#[test]
fn missing_foreign_and_damaged_parts_are_refused_by_name() {
    let scratch = Scratch::empty();
    let part = |part: &str| sweep(&scratch, "parts", &format!("--seeds 0..4 --shard {part}"));
    part("1/4");
    let refused = call(&scratch.0, "sweep merge parts");
    assert_eq!(refused.code, 3);
    assert!(refused.err.contains("3 of 4 parts are missing"), "{}", refused.err);
    assert!(refused.err.contains("run again, out of 4: 0,2-3"), "{}", refused.err);
    for missing in ["0/4", "2/4", "3/4"] {
        part(missing);
    }
    let parts = scratch.0.join("parts");
    // A part of another sweep, although it looks the same.
    sweep(&scratch, "other", "--seeds 10..14 --shard 2/4");
    fs::remove_dir_all(parts.join("part=2")).expect("it goes");
    fs::rename(scratch.0.join("other/part=2"), parts.join("part=2")).expect("a rename");
    let refused = call(&scratch.0, "sweep merge parts");
    assert!(refused.err.contains("part=2 belongs to another sweep"), "{}", refused.err);
    assert!(refused.err.contains("out of 4: 2\n"), "{}", refused.err);
    fs::remove_dir_all(parts.join("part=2")).expect("it goes");
    part("2/4");
    fs::write(parts.join("part=3/runs.parquet"), "PAR1").expect("a file");
    fs::create_dir(parts.join("part=9")).expect("a folder");
    let refused = call(&scratch.0, "sweep merge parts");
    assert_eq!(refused.code, 3);
    assert!(refused.err.contains("part=9 is not one of 4 parts"), "{}", refused.err);
    assert!(refused.err.contains("part=3 is damaged"), "{}", refused.err);
    assert!(!parts.join("runs.parquet").exists());
}

#[test]
fn parts_of_two_sweeps_do_not_meet_in_one_folder() {
    let scratch = Scratch::empty();
    assert_eq!(sweep(&scratch, "parts", "--seeds 0..2 --shard 0/2").code, 0);
    for (more, differs) in [
        ("--seeds 0..3 --shard 1/2", "range of seeds"),
        ("--seeds 0..2 --shard 1/3", "number of parts"),
        ("--seeds 0..2 --shard 1/2 --set kafka.brokers=5", "--set"),
    ] {
        let refused = sweep(&scratch, "parts", more);
        assert_eq!(refused.code, 3, "{more}");
        assert!(refused.err.contains(differs), "{}", refused.err);
    }
    let refused = sweep(&scratch, "parts", "--seeds 0..2");
    assert!(refused.code == 3 && refused.err.contains("sweep merge"), "{}", refused.err);
}

#[test]
fn a_sweep_ends_at_the_lowest_index_that_broke_on_one_thread_on_many_and_in_parts() {
    let scratch = Scratch::empty();
    let asked = "--seeds 0..24 --until-broken=lost";
    let one = sweep(&scratch, "one", &format!("{asked} --jobs 1"));
    let three = sweep(&scratch, "three", &format!("{asked} --jobs 3"));
    assert_eq!((one.code, three.code), (1, 1), "{}", one.out);
    assert!(one.out.contains("it ended at the first that broke"), "{}", one.out);
    assert!(lost(&one)[0].contains("happened in 1 of"), "{}", one.out);
    assert_eq!(one.out, three.out);
    assert_eq!(table(&scratch, "one"), table(&scratch, "three"));
    for part in ["0/2", "1/2"] {
        assert_eq!(sweep(&scratch, "parts", &format!("{asked} --shard {part}")).code, 0);
    }
    let merged = call(&scratch.0, "sweep merge parts");
    assert_eq!((merged.code, &merged.out), (1, &one.out));
    assert_eq!(table(&scratch, "parts"), table(&scratch, "one"));
}

#[test]
fn an_engine_says_which_part_this_is() {
    let scratch = Scratch::empty();
    scratch.file("loss.toml", SCENARIO);
    let part = |out: &str, more: &str, variables: &[(&str, &str)]| {
        let words = format!("sweep loss.toml --seeds 0..3 --duration 1s --out {out} {more}");
        let told = call_with(&scratch.0, &words, variables);
        (told.code, told.err)
    };
    let slurm =
        [("SLURM_ARRAY_TASK_ID", "1"), ("SLURM_ARRAY_TASK_COUNT", "3"), ("SLURM_ARRAY_TASK_MIN", "0")];
    assert_eq!(part("parts", "", &slurm).0, 0);
    assert_eq!(part("parts", "--shards 3", &[("JOB_COMPLETION_INDEX", "0")]).0, 0);
    assert_eq!(part("parts", "", &[("HQ_TASK_ID", "2"), ("BROKERSIM_SHARDS", "3")]).0, 0);
    assert_eq!(call(&scratch.0, "sweep merge parts").code, 0);
    let (code, words) = part("parts", "", &[("JOB_COMPLETION_INDEX", "0")]);
    assert!(code == 2 && words.contains("BROKERSIM_SHARDS"), "{words}");
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_runs() {
    let scratch = Scratch::empty();
    for (more, code) in [
        ("--seeds 9..3", 2),
        ("--vary kafka.brokers=1,x", 2),
        ("--vary kafka.brokers=1 --vary kafka.brokers=2", 2),
        ("--vary run.seed=1,2", 2),
        ("--until-broken=nothing-of-the-kind", 2),
        ("--shard 4/4", 2),
    ] {
        let told = sweep(&scratch, "out", more);
        assert_eq!(told.code, code, "{more}: {}", told.err);
    }
    assert!(!scratch.0.join("out").exists());
    scratch.file("thesis/chapter.txt", "mine");
    let told = sweep(&scratch, "thesis", "--seeds 0..1");
    assert!(told.code == 3 && told.err.contains("chapter.txt"), "{}", told.err);
    assert_eq!(call(&scratch.0, "sweep merge thesis").code, 3);
}

const EXPECT: &str = r#"
[expect]
always = ["accepted-is-not-lost", "one-leader-per-epoch"]
sometimes = ["leader-changed"]
"#;

#[test]
fn a_promise_that_breaks_in_one_run_of_many_fails_the_sweep() {
    let scratch = Scratch::empty();
    scratch.file("loss.toml", &format!("{SCENARIO}{EXPECT}"));
    let told = call(&scratch.0, "sweep loss.toml --seeds 3..7 --out out");
    assert_eq!(told.code, 1, "{}{}", told.out, told.err);
    let line = |name: &str| told.out.lines().find(|line| line.contains(name)).expect("a line").to_owned();
    assert!(line("always.accepted-is-not-lost").starts_with("  ! "), "{}", told.out);
    assert!(line("always.one-leader-per-epoch").contains("broken in 0 of 4"), "{}", told.out);
    assert!(line("sometimes.leader-changed").contains("happened in 4 of 4"), "{}", told.out);
    assert!(!told.out.contains("duplicated"), "outcomes are for scenarios that expect nothing");
    // The command that the report gives breaks it again.
    let command = line("brokersim run loss.toml --seed");
    let command = command.trim().strip_prefix("brokersim ").expect("a command");
    assert_eq!(call(&scratch.0, &format!("{command} --headless --no-tape")).code, 1);
    let kept = "sweep loss.toml --seeds 3..7 --out out --set generator.shop.producer.acks=all";
    assert_eq!(call(&scratch.0, kept).code, 0);
}

#[test]
fn what_sometimes_happens_has_to_happen_in_some_run_and_what_must_break_has_to_break_in_one() {
    let scratch = Scratch::empty();
    let expect = "[expect]\nsometimes = [\"leader-changed\"]\nbroken = [\"accepted-is-not-lost\"]\n";
    scratch.file("loss.toml", &format!("{SCENARIO}\n{expect}"));
    let told = call(&scratch.0, "sweep loss.toml --seeds 3..7 --out out");
    assert_eq!(told.code, 0, "{}", told.out);
    let told =
        call(&scratch.0, "sweep loss.toml --seeds 3..7 --out out --vary generator.shop.producer.acks=1,all");
    assert_eq!(told.code, 1, "with acks=all nothing is lost: {}", told.out);
    let told = call(&scratch.0, "sweep loss.toml --seeds 3..7 --out out --duration 3s --set run.drain=0s");
    assert_eq!(told.code, 1, "{}", told.out);
}

#[test]
fn every_column_of_the_table_is_in_its_document() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sweep.md");
    let document = fs::read_to_string(path).expect("the document");
    for measure in brokersim::sweep::MEASURES {
        assert!(document.contains(&format!("`{}`", measure.name)), "{} is not explained", measure.name);
    }
}
