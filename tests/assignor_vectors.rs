//! Kafka's own assignor tests, as recorded in `../shared/oracles/kafka` (see `02_assignors.md` there).
//!
//! Every vector goes through `calc::assign`, the way a user would put it. Where Java's hash order decides
//! ties, a vector may match by its properties instead.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use brokersim::kafka::calc;
use serde_json::Value;

/// Who gets what, as text.
type Result = BTreeMap<String, BTreeSet<String>>;

/// How exactly a file's vectors have to match: all of them, or but for so many that Java's hash order
/// decides (pinned, so that a change shows).
enum Match {
    Exactly,
    ButForTies { ties: usize, cooperative: bool },
}

#[test]
fn range_equals_the_reference() {
    run("range", 16, Match::Exactly);
}

#[test]
fn range_with_racks_equals_the_reference() {
    run("range_rackaware", 60, Match::Exactly);
}

#[test]
fn round_robin_equals_the_reference() {
    run("roundrobin", 15, Match::Exactly);
}

#[test]
fn sticky_equals_the_reference_or_has_its_properties() {
    run("sticky", 71, Match::ButForTies { ties: 1, cooperative: false });
}

#[test]
fn sticky_with_racks_equals_the_reference() {
    run("sticky_rackaware", 49, Match::Exactly);
}

#[test]
fn cooperative_sticky_equals_the_reference_or_has_its_properties() {
    run("cooperativesticky", 70, Match::ButForTies { ties: 1, cooperative: true });
}

#[test]
fn cooperative_sticky_with_racks_equals_the_reference_or_has_its_properties() {
    run("cooperativesticky_rackaware", 84, Match::ButForTies { ties: 1, cooperative: true });
}

#[test]
fn server_range_equals_the_reference() {
    run("server_RangeAssignor", 15, Match::Exactly);
}

#[test]
fn server_uniform_of_equal_subscriptions_equals_the_reference_or_has_its_properties() {
    run("server_OptimizedUniformAssignmentBuilder", 9, Match::ButForTies { ties: 3, cooperative: false });
}

#[test]
fn server_uniform_of_different_subscriptions_equals_the_reference_or_has_its_properties() {
    run(
        "server_UniformHeterogeneousAssignmentBuilder",
        11,
        Match::ButForTies { ties: 1, cooperative: false },
    );
}

#[test]
fn server_simple_equals_the_reference() {
    run("server_SimpleAssignor", 6, Match::Exactly);
}

/// Runs a file's vectors; `count` is the number that the index `02_assignors.md` states.
fn run(name: &str, count: usize, how: Match) {
    let Some(vectors) = vectors(name) else {
        println!("skipped: no oracles in ../shared/oracles nor in BROKERSIM_ORACLES");
        return;
    };
    assert_eq!(vectors.len(), count, "{name}: as many vectors as the index says");
    let (mut exact, mut by_properties, mut refused) = (0, 0, 0);
    for vector in &vectors {
        let outcome = assigned(vector);
        if !vector["error"].is_null() {
            let error = outcome.expect_err("the reference refuses a topic that does not exist");
            assert!(error.contains("has -1 partitions"), "{error}");
            refused += 1;
            continue;
        }
        let ours = outcome.unwrap_or_else(|error| panic!("{error}: {vector}"));
        if same(&ours, &vector["result"]) {
            exact += 1;
            continue;
        }
        match how {
            Match::Exactly => panic!("{ours} differs from {vector}"),
            Match::ButForTies { cooperative, .. } => {
                assert_properties(vector, &parsed(&ours), cooperative);
                by_properties += 1;
            }
        }
    }
    println!("{name}: {exact} exactly, {by_properties} by properties, {refused} refused like the reference");
    assert_eq!(exact + by_properties + refused, count);
    let expected = match how {
        Match::Exactly => 0,
        Match::ButForTies { ties, .. } => ties,
    };
    assert_eq!(by_properties, expected, "{name}: as many ties as ever");
}

fn vectors(name: &str) -> Option<Vec<Value>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/oracles");
    let folder = std::env::var_os("BROKERSIM_ORACLES").map_or_else(beside, PathBuf::from);
    let path = folder.join(format!("kafka/assignor_{name}_kafka_tests.json"));
    let text = fs::read_to_string(path).ok()?;
    let mut file: Value = serde_json::from_str(&text).expect("the oracle is JSON");
    match file["vectors"].take() {
        Value::Array(vectors) => Some(vectors),
        other => panic!("vectors are an array, not {other}"),
    }
}

fn assigned(vector: &Value) -> std::result::Result<Value, String> {
    let mut out = Vec::new();
    let name = vector["assignor"].as_str().expect("a vector names its assignor");
    calc::assign(name, vector.to_string().as_bytes(), &mut out).map_err(|error| error.to_string())?;
    let mut answer: Value = serde_json::from_slice(&out).expect("an answer is JSON");
    Ok(answer["result"].take())
}

/// The same members with the same partitions, in the same order within each topic: across topics the
/// reference's lists follow Java's hash order.
fn same(ours: &Value, theirs: &Value) -> bool {
    parsed(ours) == parsed(theirs) && (!is_ordered(theirs) || is_ordered(ours))
}

/// True when all lists ascend within each topic.
fn is_ordered(result: &Value) -> bool {
    let lists = result.as_object().expect("a result is an object").values().filter_map(Value::as_array);
    lists.into_iter().all(|list| {
        let mut last: BTreeMap<&str, u32> = BTreeMap::new();
        list.iter().all(|partition| {
            let (topic, number) = partition.as_str().and_then(|name| name.rsplit_once('-')).expect("a name");
            let number = number.parse().expect("a number");
            last.insert(topic, number).is_none_or(|before| before < number)
        })
    })
}

fn parsed(result: &Value) -> Result {
    let members = result.as_object().expect("a result is an object");
    members.iter().map(|(member, partitions)| (member.clone(), names(partitions))).collect()
}

/// Partitions by name, from a list of names or from numbers by topic.
fn names(partitions: &Value) -> BTreeSet<String> {
    match partitions {
        Value::Array(names) => names.iter().map(|name| text(name).to_owned()).collect(),
        Value::Object(topics) => {
            let numbers = |of: &Value| of.as_array().expect("a topic has a list").clone();
            topics
                .iter()
                .flat_map(|(topic, of)| {
                    numbers(of).into_iter().map(move |number| format!("{topic}-{number}"))
                })
                .collect()
        }
        Value::Null => BTreeSet::new(),
        other => panic!("partitions are a list or an object, not {other}"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn assert_properties(vector: &Value, ours: &Result, cooperative: bool) {
    assert_given_once_to_subscribers(vector, ours, cooperative);
    let theirs = parsed(&vector["result"]);
    let props = &vector["props"];
    let sizes = |result: &Result| {
        let mut sizes: Vec<u64> = result.values().map(|partitions| partitions.len() as u64).collect();
        sizes.sort_unstable();
        (sizes.first().copied().unwrap_or(0), sizes.last().copied().unwrap_or(0))
    };
    let stated = (number(&props["min"]), number(&props["max"]));
    assert_eq!(sizes(&theirs), stated, "the oracle agrees with itself: {vector}");
    assert_eq!(sizes(ours), stated, "sizes of {ours:?}: {vector}");
    assert_eq!(
        retained(vector, &theirs),
        number(&props["retained"]),
        "the oracle agrees with itself: {vector}"
    );
    assert_eq!(retained(vector, ours), number(&props["retained"]), "kept in {ours:?}: {vector}");
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

/// What members own already that they keep.
fn retained(vector: &Value, result: &Result) -> u64 {
    let kept = |(member, partitions): (&String, &BTreeSet<String>)| {
        partitions.intersection(&owned(&vector["members"][member])).count() as u64
    };
    result.iter().map(kept).sum()
}

fn owned(member: &Value) -> BTreeSet<String> {
    ["owned", "userdata_owned", "current"].into_iter().flat_map(|field| names(&member[field])).collect()
}

fn assert_given_once_to_subscribers(vector: &Value, ours: &Result, cooperative: bool) {
    let members = vector["members"].as_object().expect("members are an object");
    let mut given = BTreeSet::new();
    for (member, partitions) in ours {
        for partition in partitions {
            assert!(given.insert(partition), "{partition} is given twice in {ours:?}");
            let topic = partition.rsplit_once('-').expect("a topic and a number").0;
            let subscribed = &members[member]["topics"];
            assert!(names(subscribed).contains(topic), "{member} does not subscribe to {topic}: {vector}");
        }
    }
    let was_owned: BTreeSet<String> = members.values().flat_map(owned).collect();
    for partition in wanted(vector) {
        let withheld = cooperative && was_owned.contains(&partition);
        assert!(
            given.contains(&partition) || withheld,
            "{partition} is given to nobody in {ours:?}: {vector}"
        );
    }
}

/// All partitions of topics that somebody subscribes to.
fn wanted(vector: &Value) -> BTreeSet<String> {
    let members = vector["members"].as_object().expect("members are an object");
    let subscribed: BTreeSet<String> = members.values().flat_map(|member| names(&member["topics"])).collect();
    let topics = vector["topics"].as_object().expect("topics are an object").iter();
    topics
        .filter(|topic| subscribed.contains(topic.0))
        .flat_map(|(topic, count)| (0..number(count)).map(move |partition| format!("{topic}-{partition}")))
        .collect()
}
