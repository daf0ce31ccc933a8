//! A generator that is faster than its system, by the scenario's choice.

use super::{Told, live, scenario, simulated};

/// 1,000 records a second for a worker that takes 10 ms for each; 20 of them may wait in between.
const JAM: &str = r#"
[run]
seed = 5
duration = "2s"
drain = "100ms"
[zeromq]
transport = "inproc"
[zeromq.channels.tasks]
bind = "push"
SNDHWM = 10
RCVHWM = 10
[[generator]]
name = "ventilator"
topic = "tasks"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "1000/s" }
[[sink]]
name = "worker"
from = "tasks"
service = "10ms"
"#;

/// The queue, one record that blocks, what the worker has in hand.
const ROOM: u64 = 20 + 1 + 20;

fn is_bounded(told: &Told) {
    assert!(told.most_under_way <= ROOM, "{} records were under way", told.most_under_way);
    assert!((100..=300).contains(&told.tally.offered), "{} were offered", told.tally.offered);
    assert!(told.tally.processed >= 100, "the worker worked: {}", told.tally.processed);
}

#[test]
fn a_generator_that_waits_slows_down_and_memory_stays_bounded() {
    for told in [simulated(&scenario(JAM, &[])), live(&scenario(JAM, &[]))] {
        is_bounded(&told);
        assert_eq!(told.tally.withheld, 0, "it would make up for everything");
    }
}

#[test]
fn a_generator_that_skips_counts_what_it_could_not_offer() {
    let scenario = scenario(JAM, &["generator.ventilator.when-blocked=\"skip\""]);
    for told in [simulated(&scenario), live(&scenario)] {
        is_bounded(&told);
        let due = told.tally.offered + told.tally.withheld;
        assert!(told.tally.withheld >= 1_500, "{}", told.tally.withheld);
        // What was due since `send()` blocked for the last time is not known yet.
        assert!((1_900..=2_001).contains(&due), "{due} were due");
    }
}

#[test]
fn skipping_loses_nothing_when_nothing_blocks() {
    let easy = ["generator.ventilator.when-blocked=\"skip\"", "sink.worker.service=\"0ms\""];
    let told = simulated(&scenario(JAM, &easy));
    assert_eq!((told.tally.offered, told.tally.withheld), (2_001, 0));
}
