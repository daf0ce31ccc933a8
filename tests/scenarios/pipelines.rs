//! Records that are worked on along their way.

use std::collections::BTreeMap;

use brokersim::trace::{Disregard, Ids, Life};

use super::tell;

const WINDOWS: &str = r#"
[run]
seed = 41
duration = "30s"
drain = "20s"
[kafka]
brokers = 3
[kafka.topics.readings]
partitions = 3
[kafka.topics.means]
partitions = 1
[[generator]]
name = "phones"
topic = "readings"
payload = { kind = "sensors", sensor = "light", devices = 3 }
key = { field = "device" }
arrivals = { constant = "60/s" }
[[processor]]
name = "windows"
from = "readings"
to = "means"
work = { tumbling = { size = "1s", compute = "count" } }
commit = "after"
consumer.auto.offset.reset = "earliest"
[[sink]]
name = "archive"
from = "means"
write = "csv"
consumer.auto.offset.reset = "earliest"
"#;

#[test]
fn windows_of_a_pipeline_count_what_went_in() {
    let told = tell(WINDOWS);
    told.assert_all_settled();
    // Straight from what was offered: how many records of a key were made in each second.
    let mut expected: BTreeMap<(i32, u64), i64> = BTreeMap::new();
    let readings = told.stage.channel_named("readings").expect("it exists");
    let mut counted: Vec<i64> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (_, _, life) in told.life() {
        let Life::Processed { ids: Ids::Span(span), place, .. } = life else { continue };
        for (index, record) in (span.from..).zip(span.records()) {
            if !seen.insert(record.id) {
                continue;
            }
            if told.stage.channel_of(*place) == readings {
                let key = record.key_hash().expect("it has a key");
                *expected.entry((key, record.created.as_nanos() / 1_000_000_000)).or_default() += 1;
            } else {
                let body =
                    span.batch.body(index).and_then(|body| body.value.clone()).expect("contents are kept");
                let text = String::from_utf8(body.to_vec()).expect("JSON");
                let row: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).expect("JSON");
                let count = row.iter().find(|(name, _)| name.contains("count")).expect("a count").1;
                counted.push(count.as_i64().expect("a whole number"));
            }
        }
    }
    // The last windows of each key are never closed: no later record moves their watermark.
    let all: i64 = expected.values().sum();
    let last: i64 = expected.iter().filter(|((_, second), _)| *second >= 28).map(|(_, count)| count).sum();
    let sum: i64 = counted.iter().sum();
    assert!(sum >= all - last && sum <= all, "{sum} of {all}, {last} in the last ones");
    let mut want: Vec<i64> =
        expected.iter().filter(|((_, second), _)| *second < 27).map(|(_, count)| *count).collect();
    want.sort_unstable();
    counted.sort_unstable();
    want.iter().for_each(|count| assert!(counted.contains(count), "{count}"));
    assert!(counted.len() >= want.len(), "{} windows of {}", counted.len(), want.len());
}

#[test]
fn a_pipeline_hands_on_as_many_records_as_it_reads() {
    let told = tell(&WINDOWS.replace("work = { tumbling = { size = \"1s\", compute = \"count\" } }\n", ""));
    told.assert_all_settled();
    assert_eq!(told.books.offered, 2 * 1_801, "what is read is published again");
}

/// The group begins 3 s behind and is handed one partition after the other: event time runs ahead with the first.
#[test]
fn what_comes_too_late_for_its_windows_is_told_and_what_lateness_allows_is_not() {
    let faster = WINDOWS.replace("60/s", "600/s");
    let ignored = |told: &super::Told| {
        let all = told.life().filter_map(|(_, _, life)| match life {
            Life::Ignored { ids, why: Disregard::TooLate, .. } => Some(u64::from(ids.len())),
            _ => None,
        });
        all.sum::<u64>()
    };
    let told = tell(&faster);
    assert!(told.tally.too_late > 0, "it would be no test");
    assert_eq!(ignored(&told), told.tally.too_late, "each has a fact");
    told.assert_all_settled();
    let patient = tell(&faster.replace("compute = \"count\"", "lateness = \"5s\", compute = \"count\""));
    assert_eq!((patient.tally.too_late, patient.tally.undecodable), (0, 0));
}
