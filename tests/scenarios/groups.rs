//! Groups: who owns what, and what happens when members or their coordinator go.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use brokersim::kernel::{Duration, Time};
use brokersim::trace::kafka::{GroupReason, GroupState, Kafka};
use brokersim::trace::{GroupId, Life, PlaceId};

use super::{Blow, Told, seconds, tell, tell_with};

/// Two members, the second one 20 s later.
const LATE: &str = r#"
[run]
seed = 11
duration = "60s"
drain = "20s"
[network]
latency = { constant = "300us" }
[kafka]
brokers = 3
[kafka.topics.orders]
partitions = 6
replication.factor = 3
[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "50B" }
key = { uniform = 100 }
arrivals = { constant = "60/s" }
[[sink]]
name = "first"
from = "orders"
group = "billing"
service = { constant = "1ms" }
consumer.auto.offset.reset = "earliest"
[[sink]]
name = "second"
from = "orders"
group = "billing"
service = { constant = "1ms" }
consumer.auto.offset.reset = "earliest"
start = "20s"
"#;

const COOPERATIVE: &[&str] = &[
    "sink.first.consumer.partition.assignment.strategy=cooperative-sticky",
    "sink.second.consumer.partition.assignment.strategy=cooperative-sticky",
];

/// Who owned a place at the end, by the last word of each consumer.
fn owners(told: &Told, at: Time) -> BTreeMap<PlaceId, Vec<String>> {
    let mut owned: BTreeMap<String, BTreeSet<PlaceId>> = BTreeMap::new();
    for (when, event, fact) in told.kafka().take_while(|(when, ..)| *when <= at) {
        let _ = when;
        let who = told.who(event).to_owned();
        match fact {
            Kafka::Assigned { places, .. } => drop(owned.insert(who, places.iter().copied().collect())),
            Kafka::Revoked { places, .. } => {
                let mine = owned.entry(who).or_default();
                places.iter().for_each(|place| {
                    mine.remove(place);
                });
            }
            _ => {}
        }
    }
    let mut owners: BTreeMap<PlaceId, Vec<String>> = BTreeMap::new();
    for (who, places) in owned {
        places.into_iter().for_each(|place| owners.entry(place).or_default().push(who.clone()));
    }
    owners
}

/// In no generation two members were given the same partition.
#[track_caller]
fn assert_one_owner_each(told: &Told) {
    let mut given: BTreeMap<(GroupId, u32, PlaceId), String> = BTreeMap::new();
    for (_, event, fact) in told.kafka() {
        let Kafka::Assigned { group, generation, places, .. } = fact else { continue };
        for &place in places.iter() {
            let who = told.who(event).to_owned();
            let other = given.insert((*group, *generation, place), who.clone());
            assert!(other.is_none_or(|other| other == who), "{place:?} twice in generation {generation}");
        }
    }
}

fn stable_generations(told: &Told) -> Vec<(Time, u32, u32)> {
    let stable = told.kafka().filter_map(|(at, _, fact)| match fact {
        Kafka::GroupChanged { to: GroupState::Stable, generation, members, why, .. }
            if *why != GroupReason::Loaded =>
        {
            Some((at, *generation, *members))
        }
        _ => None,
    });
    stable.collect()
}

#[test]
fn a_member_that_joins_late_gets_its_share() {
    let told = tell(LATE);
    told.assert_all_settled();
    assert_one_owner_each(&told);
    let before = owners(&told, seconds(19.0));
    assert!(before.values().all(|owners| owners == &["first/consumer"]), "{before:?}");
    let after = owners(&told, seconds(40.0));
    assert_eq!(after.len(), 6);
    assert!(after.values().all(|owners| owners.len() == 1), "{after:?}");
    assert_eq!(after.values().filter(|owners| owners[0] == "second/consumer").count(), 3, "{after:?}");
    assert_eq!(stable_generations(&told).iter().map(|(_, _, members)| *members).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn an_eager_rebalance_gives_up_everything_and_a_cooperative_one_what_moves() {
    let eager = tell(LATE);
    let cooperative = tell_with(LATE, COOPERATIVE, &[]);
    cooperative.assert_all_settled();
    assert_one_owner_each(&cooperative);
    let revoked = |told: &Told| -> usize {
        told.kafka()
            .filter_map(|(_, _, fact)| match fact {
                Kafka::Revoked { places, .. } => Some(places.len()),
                _ => None,
            })
            .sum()
    };
    assert_eq!(revoked(&eager), 6, "all partitions are given up");
    assert_eq!(revoked(&cooperative), 3, "only those that move");
    assert_eq!(stable_generations(&eager).len(), 2);
    assert_eq!(stable_generations(&cooperative).len(), 3, "a second round hands them out");
}

/// A third member comes at 20 s, and the second is slow to notice: it polls each 2 s.
const SLOW_TO_NOTICE: &str = r#"
[[sink]]
name = "third"
from = "orders"
group = "billing"
service = { constant = "1ms" }
consumer.auto.offset.reset = "earliest"
start = "20s"
"#;

fn slow_to_notice(strategy: &str) -> Told {
    let mut set = vec![
        "run.drain=120s".to_owned(),
        "sink.second.start=0s".to_owned(),
        "sink.second.service={ constant = \"100ms\" }".to_owned(),
        "sink.second.consumer.max.poll.records=20".to_owned(),
    ];
    let member = |name| format!("sink.{name}.consumer.partition.assignment.strategy={strategy}");
    set.extend(["first", "second", "third"].map(member));
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    let told = tell_with(&format!("{LATE}{SLOW_TO_NOTICE}"), &set, &[]);
    told.assert_all_settled();
    told
}

/// When the group was stable again for good.
fn rebalanced(told: &Told) -> Time {
    stable_generations(told).last().filter(|(at, ..)| *at > seconds(20.0)).expect("it rebalances").0
}

/// What the first member owned before the third came, and after.
fn kept_by_the_first(told: &Told) -> Vec<PlaceId> {
    let (before, after) =
        (owners(told, seconds(19.9)), owners(told, rebalanced(told) + Duration::from_secs(1)));
    let mine = |owners: &BTreeMap<PlaceId, Vec<String>>, place| owners[place] == ["first/consumer"];
    before.keys().filter(|place| mine(&before, place) && mine(&after, place)).copied().collect()
}

/// The longest time from the log to the end of the work, of records that were stored meanwhile in these places.
fn longest_wait(told: &Told, places: &[PlaceId], meanwhile: Range<Time>) -> Duration {
    let mut since = BTreeMap::new();
    for (at, ids, ..) in told.stored() {
        since.extend(ids.iter().map(|id| (id, at)));
    }
    let mut longest = Duration::ZERO;
    for (at, _, life) in told.life() {
        let Life::Processed { ids, place, .. } = life else { continue };
        for id in ids.iter().filter(|id| places.contains(place) && meanwhile.contains(&since[id])) {
            longest = longest.max(at.since(since[&id]));
        }
    }
    longest
}

/// KIP-429.
#[test]
fn a_cooperative_member_goes_on_with_what_it_keeps_while_an_eager_one_waits_for_the_others() {
    for (strategy, waits) in [("cooperative-sticky", false), ("range", true), ("sticky", true)] {
        let told = slow_to_notice(strategy);
        let kept = kept_by_the_first(&told);
        assert!(!kept.is_empty(), "{strategy}");
        let calm = longest_wait(&told, &kept, seconds(10.0)..seconds(20.0));
        let busy = longest_wait(&told, &kept, seconds(20.0)..rebalanced(&told));
        assert!(calm < Duration::from_millis(3), "{strategy}: {calm}");
        if waits {
            assert!(busy > Duration::from_millis(900), "{strategy}: {busy}");
        } else {
            assert_eq!(busy, calm, "{strategy}: nobody notices");
        }
    }
}

#[test]
fn a_member_that_leaves_in_good_order_is_missed_at_once() {
    let told = tell_with(LATE, &["sink.second.start=0s", "sink.second.stop=30s"], &[]);
    told.assert_all_settled();
    assert_eq!(told.tally.duplicates, 0);
    let left = told.kafka().find_map(|(at, _, fact)| match fact {
        Kafka::MemberLeft { why, .. } => Some((at, *why)),
        _ => None,
    });
    let (at, why) = left.expect("it left");
    assert_eq!(why, GroupReason::MemberLeft);
    assert!((seconds(30.0)..seconds(31.0)).contains(&at), "{at}");
    let after = owners(&told, seconds(40.0));
    assert!(after.values().all(|owners| owners == &["first/consumer"]), "{after:?}");
}

#[test]
fn a_member_that_dies_is_missed_when_its_session_ends() {
    let set = &["sink.second.start=0s", "run.duration=100s"];
    let told = tell_with(LATE, set, &[Blow::kill("second", 20.0, None)]);
    told.assert_all_settled();
    let left = told.kafka().find_map(|(at, _, fact)| match fact {
        Kafka::MemberLeft { why, .. } => Some((at, *why)),
        _ => None,
    });
    let (at, why) = left.expect("it was put out");
    assert_eq!(why, GroupReason::SessionTimeout);
    // session.timeout.ms is 45 s, heartbeats come every 3 s.
    assert!((seconds(62.0)..=seconds(65.1)).contains(&at), "{at}");
    let after = owners(&told, seconds(99.0));
    let mine = after.values().filter(|owners| owners.contains(&"first/consumer".to_owned())).count();
    assert_eq!(mine, 6, "{after:?}");
    assert!(told.tally.duplicates > 0, "what it had processed and not committed comes again");
}

#[test]
fn a_static_member_that_comes_back_in_time_disturbs_nobody() {
    let set = &[
        "sink.second.start=0s",
        "sink.first.consumer.group.instance.id=billing",
        "sink.second.consumer.group.instance.id=billing",
    ];
    let told = tell_with(LATE, set, &[Blow::kill("second", 30.0, Some(10.0))]);
    told.assert_all_settled();
    let disturbed = told.kafka().any(|(at, _, fact)| {
        let rebalances = matches!(fact, Kafka::GroupChanged { to: GroupState::PreparingRebalance, .. });
        rebalances && at > seconds(30.0)
    });
    assert!(!disturbed, "KIP-345: no rebalance");
    let dynamic = tell_with(LATE, &set[..1], &[Blow::kill("second", 30.0, Some(10.0))]);
    dynamic.assert_all_settled();
    assert!(stable_generations(&dynamic).len() > stable_generations(&told).len());
}

#[test]
fn a_member_that_does_not_poll_is_out_and_its_records_come_again() {
    let set = &[
        "sink.second.start=0s",
        "sink.second.service={ constant = \"2s\" }",
        "sink.second.consumer.max.poll.interval.ms=10000",
        "sink.second.consumer.max.poll.records=10",
        "sink.first.consumer.max.poll.interval.ms=10000",
        "run.duration=30s",
        "run.drain=60s",
    ];
    let told = tell_with(LATE, set, &[]);
    let left: Vec<_> = told
        .kafka()
        .filter_map(|(_, _, fact)| match fact {
            Kafka::MemberLeft { why, .. } => Some(*why),
            _ => None,
        })
        .collect();
    assert!(!left.is_empty(), "ten records take 20 s");
    assert!(left.iter().all(|why| *why == GroupReason::PollTimeout), "{left:?}");
    assert!(told.tally.duplicates > 0, "{:?}", told.tally);
    let quick = tell_with(LATE, &[set, &["sink.second.consumer.max.poll.records=2"][..]].concat(), &[]);
    let left = quick.kafka().filter(|(_, _, fact)| matches!(fact, Kafka::MemberLeft { .. })).count();
    assert_eq!(left, 0, "two take 4 s");
}

#[test]
fn a_group_goes_on_where_it_was_when_its_coordinator_dies() {
    let calm = tell(LATE);
    let ready = calm.kafka().find_map(|(_, event, fact)| match fact {
        Kafka::GroupChanged { .. } => Some(calm.who(event).to_owned()),
        _ => None,
    });
    let coordinator: &'static str = match ready.expect("somebody coordinates").as_str() {
        "broker-1" => "broker-1",
        "broker-2" => "broker-2",
        _ => "broker-3",
    };
    let told = tell_with(LATE, &["run.duration=90s"], &[Blow::kill(coordinator, 45.0, Some(20.0))]);
    told.assert_all_settled();
    assert_eq!((told.books.lost_total(), told.tally.stored_twice), (0, 0));
    let loaded = told.kafka().find_map(|(at, event, fact)| match fact {
        Kafka::GroupChanged { why: GroupReason::Loaded, members, to, .. } if at > seconds(45.0) => {
            Some((at, told.who(event).to_owned(), *members, *to))
        }
        _ => None,
    });
    let (at, who, members, state) = loaded.expect("another broker took the group over");
    assert!((seconds(52.0)..=seconds(54.5)).contains(&at), "{at}");
    assert_ne!(who, coordinator);
    assert_eq!((members, state), (2, GroupState::Stable));
    let reset =
        told.kafka().any(|(at, _, fact)| matches!(fact, Kafka::Positioned { .. }) && at > seconds(45.0));
    assert!(!reset, "members keep their positions");
}

/// A third member comes while the first two work; what they could not commit then they commit when nothing more comes.
#[test]
fn what_a_rebalance_kept_from_being_committed_is_committed_after_it() {
    let told = tell(include_str!("../../sim-configs/kafka/loss-33c-cooperative-sessions-hold.toml"));
    let refused = told.kafka().any(|(_, _, fact)| matches!(fact, Kafka::CommitFailed { .. }));
    assert!(refused, "or it shows nothing");
    told.assert_all_settled();
    assert_eq!(told.tally.duplicates, 0);
}
