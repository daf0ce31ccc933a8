//! The anchors of Kafka's own tests that can be checked by hand, and what holds for any group.

use std::collections::BTreeSet;

use super::*;
use crate::kernel::Rng;

fn topics(counts: &[(&str, u32)]) -> Topics {
    counts.iter().map(|(name, partitions)| ((*name).to_owned(), TopicInfo::new(*partitions))).collect()
}

fn member(id: &str, topics: &[&str]) -> Member {
    let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
    Member { id: id.to_owned(), topics, ..Member::default() }
}

fn owning(id: &str, topics: &[&str], generation: Option<i32>, owned: &str) -> Member {
    Member { owned: partitions(owned), generation, ..member(id, topics) }
}

fn partitions(text: &str) -> Vec<TopicPartition> {
    text.split_whitespace().map(|name| name.parse().expect("a partition")).collect()
}

/// What each member gets, one after the other: `c1: t1-0 t1-1; c2: t1-2`.
fn shown(assignment: &Assignment) -> String {
    let line = |(member, partitions): (&str, &[TopicPartition])| {
        let mut names: Vec<TopicPartition> = partitions.to_vec();
        names.sort();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        format!("{member}: {}", names.join(" "))
    };
    assignment.iter().map(line).collect::<Vec<_>>().join("; ")
}

/// As the members would say it at the next rebalance.
fn next_round(members: &[Member], assignment: &Assignment, generation: i32) -> Vec<Member> {
    let owns = |member: &Member| Member {
        owned: assignment.of(&member.id).to_vec(),
        generation: Some(generation),
        ..member.clone()
    };
    members.iter().map(owns).collect()
}

#[test]
fn names_are_parsed_back_and_so_are_class_names() {
    for assignor in Assignor::ALL {
        assert_eq!(Assignor::parse(assignor.name()), Some(assignor));
        assert_eq!(Assignor::parse(assignor.class_name()), Some(assignor));
    }
    assert_eq!(Assignor::parse("Range"), None);
}

#[test]
fn partitions_are_written_with_the_last_dash_before_the_number() {
    let partition = TopicPartition::new("a-b", 12);
    assert_eq!(partition.to_string(), "a-b-12");
    assert_eq!("a-b-12".parse(), Ok(partition));
    for wrong in ["", "t", "t-", "-1", "t--1x"] {
        assert!(wrong.parse::<TopicPartition>().is_err(), "{wrong}");
    }
}

/// `testTwoConsumersTwoTopicsSixPartitions`, for the assignors that cut ranges and the one that deals.
#[test]
fn ranges_are_uneven_across_topics_and_dealing_is_not() {
    let (topics, members) =
        (topics(&[("t1", 3), ("t2", 3)]), [member("c1", &["t1", "t2"]), member("c2", &["t1", "t2"])]);
    let ranges = "c1: t1-0 t1-1 t2-0 t2-1; c2: t1-2 t2-2";
    assert_eq!(shown(&Assignor::Range.assign(&topics, &members)), ranges);
    assert_eq!(shown(&Assignor::ServerRange.assign(&topics, &members)), ranges);
    let dealt = "c1: t1-0 t1-2 t2-1; c2: t1-1 t2-0 t2-2";
    assert_eq!(shown(&Assignor::RoundRobin.assign(&topics, &members)), dealt);
    assert_eq!(shown(&Assignor::Sticky.assign(&topics, &members)), dealt);
}

/// `testMultipleConsumersMixedTopics`.
#[test]
fn mixed_subscriptions_give_a_topic_to_its_only_subscriber() {
    let topics = topics(&[("t1", 3), ("t2", 2)]);
    let members = [member("c1", &["t1"]), member("c2", &["t1", "t2"]), member("c3", &["t1"])];
    for assignor in [Assignor::Range, Assignor::RoundRobin] {
        assert_eq!(shown(&assignor.assign(&topics, &members)), "c1: t1-0; c2: t1-1 t2-0 t2-1; c3: t1-2");
    }
}

/// `testStatic...PersistentAfterMemberIdChanges`: static members come first, by instance id.
#[test]
fn static_members_keep_their_partitions_when_their_ids_change() {
    let topics = topics(&[("t1", 5), ("t2", 4)]);
    let with_ids = |ids: [&str; 3]| -> Vec<Member> {
        let instances = [Some("i1"), Some("i2"), None];
        ids.iter()
            .zip(instances)
            .map(|(id, instance)| Member {
                instance_id: instance.map(str::to_owned),
                ..member(id, &["t1", "t2"])
            })
            .collect()
    };
    for assignor in [Assignor::Range, Assignor::RoundRobin, Assignor::ServerRange] {
        let before = assignor.assign(&topics, &with_ids(["a", "b", "c"]));
        let after = assignor.assign(&topics, &with_ids(["z", "y", "c"]));
        assert_eq!(before.of("a"), after.of("z"), "{assignor:?}");
        assert_eq!(before.of("b"), after.of("y"), "{assignor:?}");
        assert_eq!(before.of("c"), after.of("c"), "{assignor:?}");
    }
}

/// `testPoorRoundRobinAssignmentScenario`.
#[test]
fn sticky_balances_where_round_robin_cannot() {
    let topics = topics(&[("t1", 2), ("t2", 1), ("t3", 2), ("t4", 1), ("t5", 2)]);
    let (all, odd) = (["t1", "t2", "t3", "t4", "t5"], ["t1", "t3", "t5"]);
    let members = [member("c1", &all), member("c2", &odd), member("c3", &odd), member("c4", &all)];
    let expected = "c1: t2-0 t3-0; c2: t1-0 t3-1; c3: t1-1 t5-0; c4: t4-0 t5-1";
    assert_eq!(shown(&Assignor::Sticky.assign(&topics, &members)), expected);
    let dealt = Assignor::RoundRobin.assign(&topics, &members);
    assert_eq!(["c1", "c2", "c3", "c4"].map(|member| dealt.of(member).len()), [3, 3, 0, 2]);
}

/// Asserts that no two members swapped partitions of one topic; counts the partitions that survivors lost.
fn moves_without_swaps(members: &[Member], assignment: &Assignment) -> usize {
    let mut moves = BTreeSet::new();
    for owner in members {
        for partition in owner.owned.iter().filter(|partition| !assignment.of(&owner.id).contains(partition))
        {
            let new = members.iter().find(|other| assignment.of(&other.id).contains(partition));
            moves.insert((partition, &owner.id, &new.expect("somebody has it").id));
        }
    }
    for (partition, from, to) in &moves {
        let back =
            moves.iter().find(|move_| move_.0.topic == partition.topic && (move_.1, move_.2) == (*to, *from));
        assert_eq!(back, None, "{partition} went from {from} to {to}");
    }
    moves.len()
}

/// `testReassignmentAfterOneConsumerLeaves`: member i subscribes to topics 1 to i, topic i has i partitions.
#[test]
fn when_a_member_leaves_the_others_keep_what_they_have() {
    let topics: Topics = (1..20).map(|topic| (format!("t{topic:02}"), TopicInfo::new(topic))).collect();
    let names: Vec<&str> = topics.keys().map(String::as_str).collect();
    let mut members: Vec<Member> = (1..20).map(|id| member(&format!("c{id:02}"), &names[..id])).collect();
    let first = Assignor::Sticky.assign(&topics, &members);
    members = next_round(&members, &first, 1);
    members.remove(9);
    let second = Assignor::Sticky.assign(&topics, &members);
    assert_eq!(second.partitions(), 190);
    assert!(moves_without_swaps(&members, &second) < 10, "it is mostly the leaver's partitions that move");
}

/// `testReassignmentAfterOneConsumerAdded`.
#[test]
fn when_a_member_joins_only_its_share_moves() {
    let topics = topics(&[("t", 20)]);
    let mut members: Vec<Member> = (1..10).map(|id| member(&format!("c{id:02}"), &["t"])).collect();
    let first = Assignor::Sticky.assign(&topics, &members);
    members = next_round(&members, &first, 1);
    members.push(member("c10", &["t"]));
    let second = Assignor::Sticky.assign(&topics, &members);
    assert_eq!(second.of("c10").len(), 2);
    assert_eq!(moves_without_swaps(&members, &second), 2);
}

/// `testOwnedPartitionsAreInvalidatedForConsumerWithStaleGeneration` and `...WithNoGeneration`.
#[test]
fn the_claim_of_the_highest_generation_wins() {
    let topics = topics(&[("t1", 3), ("t2", 3)]);
    let (both, claim) = (["t1", "t2"], "t1-0 t1-2 t2-1");
    for stale in [Some(9), None] {
        let members = [owning("c1", &both, Some(10), claim), owning("c2", &both, stale, claim)];
        for assignor in [Assignor::Sticky, Assignor::CooperativeSticky] {
            let expected = "c1: t1-0 t1-2 t2-1; c2: t1-1 t2-0 t2-2";
            assert_eq!(shown(&assignor.assign(&topics, &members)), expected, "{assignor:?} {stale:?}");
        }
    }
}

/// `testEnsurePartitionsAssignedToHighestGeneration`.
#[test]
fn claims_of_three_generations_are_settled_partition_by_partition() {
    let (topics, all) = (topics(&[("t1", 3), ("t2", 3), ("t3", 3)]), ["t1", "t2", "t3"]);
    let members = [
        owning("c1", &all, Some(10), "t1-0 t2-0 t3-0"),
        owning("c2", &all, Some(9), "t1-1 t2-1 t3-1"),
        owning("c3", &all, Some(8), "t2-1 t3-0 t3-2"),
    ];
    let expected = "c1: t1-0 t2-0 t3-0; c2: t1-1 t2-1 t3-1; c3: t1-2 t2-2 t3-2";
    assert_eq!(shown(&Assignor::Sticky.assign(&topics, &members)), expected);
}

/// `testAllConsumersHaveOwnedPartitionInvalidatedWhenClaimedByMultipleConsumersInSameGeneration...`.
#[test]
fn two_claims_of_one_generation_are_both_void() {
    let topics = topics(&[("t", 3)]);
    let members = [
        owning("c1", &["t"], Some(1), "t-0 t-1"),
        owning("c2", &["t"], Some(1), "t-0 t-2"),
        owning("c3", &["t"], Some(1), ""),
    ];
    assert_eq!(shown(&Assignor::Sticky.assign(&topics, &members)), "c1: t-1; c2: t-2; c3: t-0");
    assert_eq!(shown(&Assignor::CooperativeSticky.assign(&topics, &members)), "c1: t-1; c2: t-2; c3: ");
}

/// A claim that nobody contradicts stands, whatever its generation.
#[test]
fn a_lone_claim_of_an_old_generation_is_kept() {
    let topics = topics(&[("t", 2)]);
    let members = [owning("c1", &["t"], None, "t-1"), owning("c2", &["t"], Some(7), "")];
    assert_eq!(shown(&Assignor::Sticky.assign(&topics, &members)), "c1: t-1; c2: t-0");
}

/// A claim that lost to a newer one still says where a partition had better go.
#[test]
fn an_overloaded_owner_gives_back_to_the_previous_one() {
    let topics = topics(&[("t", 4), ("u", 1)]);
    let members = [
        owning("c1", &["t"], Some(2), ""),
        owning("c2", &["t"], Some(2), "t-0 t-1 t-2 t-3"),
        owning("c3", &["t"], Some(1), "t-0"),
        member("c4", &["u"]),
    ];
    let assignment = Assignor::Sticky.assign(&topics, &members);
    assert_eq!(shown(&assignment), "c1: t-1; c2: t-2 t-3; c3: t-0; c4: u-0");
}

#[test]
fn new_partitions_move_before_owned_ones_unless_something_is_revoked_anyway() {
    let topics = topics(&[("t", 3), ("u", 3)]);
    let with_second_owning = |owned| {
        [
            owning("c1", &["t", "u"], Some(1), "t-0"),
            owning("c2", &["t"], Some(1), owned),
            owning("c3", &["u"], Some(1), "u-0"),
        ]
    };
    let calm = Assignor::Sticky.assign(&topics, &with_second_owning(""));
    assert_eq!(shown(&calm), "c1: t-0 u-2; c2: t-1 t-2; c3: u-0 u-1");
    let revoking = Assignor::Sticky.assign(&topics, &with_second_owning("u-1"));
    assert_eq!(shown(&revoking), "c1: t-2 u-2; c2: t-0 t-1; c3: u-0 u-1");
}

/// `testPartitionsTransferringOwnershipIncludeThePartitionClaimedByMultipleConsumersInSameGeneration`,
/// but for a partition that goes to one of the two.
#[test]
fn a_contested_partition_is_withheld_even_from_those_who_claimed_it() {
    let topics = topics(&[("t", 4)]);
    let members = [owning("c1", &["t"], Some(1), "t-0 t-1"), owning("c2", &["t"], Some(1), "t-0")];
    assert_eq!(shown(&Assignor::Sticky.assign(&topics, &members)), "c1: t-0 t-1; c2: t-2 t-3");
    assert_eq!(shown(&Assignor::CooperativeSticky.assign(&topics, &members)), "c1: t-1; c2: t-2 t-3");
}

#[test]
fn a_partition_that_moves_is_withheld_for_one_round() {
    let topics = topics(&[("t", 4)]);
    let members = [owning("c1", &["t"], Some(1), "t-0 t-1 t-2 t-3"), member("c2", &["t"])];
    let first = Assignor::CooperativeSticky.assign(&topics, &members);
    assert_eq!(shown(&first), "c1: t-0 t-1; c2: ");
    let second = Assignor::CooperativeSticky.assign(&topics, &next_round(&members, &first, 2));
    assert_eq!(shown(&second), "c1: t-0 t-1; c2: t-2 t-3");
}

#[test]
fn a_new_partition_is_handed_out_at_once() {
    let members = [owning("c1", &["t"], Some(1), "t-0"), member("c2", &["t"])];
    let assignment = Assignor::CooperativeSticky.assign(&topics(&[("t", 2)]), &members);
    assert_eq!(shown(&assignment), "c1: t-0; c2: t-1");
}

/// In the reference this depends on which member its hash map yields first.
#[test]
fn a_member_without_a_subscription_gets_nothing() {
    let (topics, members) = (topics(&[("t", 3)]), [member("c0", &[]), member("c1", &["t"])]);
    for assignor in Assignor::ALL {
        let assignment = assignor.assign(&topics, &members);
        assert_eq!((assignment.of("c0").len(), assignment.of("c1").len()), (0, 3), "{assignor:?}");
    }
}

#[test]
fn an_empty_group_and_missing_topics_are_assigned_nothing() {
    for assignor in Assignor::ALL {
        assert_eq!(assignor.assign(&topics(&[("t", 3)]), &[]), Assignment::default());
        let lone = [owning("c1", &["gone"], Some(1), "gone-0")];
        assert_eq!(assignor.assign(&topics(&[("t", 3)]), &lone).partitions(), 0, "{assignor:?}");
    }
}

#[test]
#[should_panic = "distinct ids"]
fn two_members_of_one_id_are_a_mistake() {
    Assignor::Range.assign(&Topics::new(), &[member("c1", &[]), member("c1", &[])]);
}

#[test]
fn everyone_gets_everything_from_the_simple_assignor() {
    let (topics, members) =
        (topics(&[("t1", 2), ("t2", 1)]), [member("a", &["t1", "t2"]), member("b", &["t2"])]);
    let assignment = Assignor::ServerSimple.assign(&topics, &members);
    assert_eq!(shown(&assignment), "a: t1-0 t1-1 t2-0; b: t2-0");
}

/// Random groups that live through rebalances: members come, go and change their minds.
struct Life {
    rng: Rng,
    topics: Topics,
    members: Vec<Member>,
    born: u64,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::named(seed, "life of a group");
        let topics = (0..1 + rng.below(5)).map(|topic| {
            let mut info = TopicInfo::new(1 + rng.below(9) as u32);
            for _ in 0..info.partitions {
                info.racks.push(vec![format!("r{}", rng.below(3))]);
            }
            (format!("t{topic}"), info)
        });
        let topics = topics.collect();
        Self { rng, topics, members: Vec::new(), born: 0 }
    }

    fn change(&mut self) {
        for _ in 0..=self.rng.below(3) {
            let id = format!("m{:02}", self.born);
            self.born += 1;
            self.members.push(Member { id, ..Member::default() });
        }
        while self.members.len() > 6 || self.members.len() > 1 && self.rng.below(3) == 0 {
            let gone = self.rng.below(self.members.len() as u64) as usize;
            self.members.remove(gone);
        }
        let (alike, racked) = (self.rng.below(2) == 0, self.rng.below(2) == 0);
        for member in &mut self.members {
            let rng = &mut self.rng;
            let mut wanted = self.topics.keys().cloned().collect::<Vec<_>>();
            wanted.retain(|_| alike || rng.below(2) == 0);
            member.topics = wanted;
            member.rack = racked.then(|| format!("r{}", rng.below(4)));
        }
    }

    /// See `cooperative.rs`: racks and different subscriptions may undo one another's work.
    fn may_flap(&self) -> bool {
        let is_racked = self.members.iter().any(|member| member.rack.is_some());
        is_racked && self.members.iter().any(|member| member.topics != self.members[0].topics)
    }

    fn wanted(&self) -> usize {
        let is_wanted = |name: &String| self.members.iter().any(|member| member.topics.contains(name));
        self.topics.iter().filter(|topic| is_wanted(topic.0)).map(|topic| topic.1.partitions as usize).sum()
    }
}

fn assert_valid(life: &Life, assignment: &Assignment, seed: u64) {
    let mut given = BTreeSet::new();
    for member in &life.members {
        for partition in assignment.of(&member.id) {
            assert!(member.topics.contains(&partition.topic), "seed {seed}: only to subscribers");
            assert!(given.insert(partition), "seed {seed}: {partition} only once");
        }
    }
}

/// Kafka's `verifyValidityAndBalance`: nobody with two fewer could have a partition of the larger one.
fn assert_balanced(life: &Life, assignment: &Assignment, seed: u64) {
    for small in &life.members {
        for large in &life.members {
            let (few, many) = (assignment.of(&small.id), assignment.of(&large.id));
            if many.len() > few.len() + 1 {
                let could = many.iter().find(|partition| small.topics.contains(&partition.topic));
                assert_eq!(could, None, "seed {seed}: {} to {}: {}", large.id, small.id, shown(assignment));
            }
        }
    }
}

#[test]
fn all_partitions_are_given_once_through_any_life_of_a_group() {
    for assignor in [
        Assignor::Range,
        Assignor::RoundRobin,
        Assignor::Sticky,
        Assignor::ServerRange,
        Assignor::ServerUniform,
    ] {
        for seed in 0..200 {
            let mut life = Life::new(seed);
            for generation in 0..6 {
                life.change();
                let assignment = assignor.assign(&life.topics, &life.members);
                assert_valid(&life, &assignment, seed);
                assert_eq!(assignment.partitions(), life.wanted(), "{assignor:?} seed {seed}");
                life.members = next_round(&life.members, &assignment, generation);
            }
        }
    }
}

#[test]
fn assignments_stay_balanced_through_any_life_of_a_group() {
    for assignor in [Assignor::Sticky, Assignor::ServerUniform] {
        for seed in 0..300 {
            let mut life = Life::new(seed);
            for generation in 0..6 {
                life.change();
                let assignment = assignor.assign(&life.topics, &life.members);
                assert_balanced(&life, &assignment, seed);
                life.members = next_round(&life.members, &assignment, generation);
            }
        }
    }
}

#[test]
fn cooperative_groups_settle_unless_racks_flap_and_never_take_what_is_owned() {
    for seed in 0..300 {
        let mut life = Life::new(seed);
        for change in 0..6 {
            life.change();
            let mut rounds = 0;
            loop {
                let assignment = Assignor::CooperativeSticky.assign(&life.topics, &life.members);
                assert_valid(&life, &assignment, seed);
                assert_nothing_is_taken(&life, &assignment, seed);
                life.members = next_round(&life.members, &assignment, change * 10 + rounds);
                if assignment.partitions() == life.wanted() {
                    break;
                }
                rounds += 1;
                if rounds > 8 {
                    assert!(life.may_flap(), "seed {seed}: it settles");
                    break;
                }
            }
        }
    }
}

fn assert_nothing_is_taken(life: &Life, assignment: &Assignment, seed: u64) {
    for owner in &life.members {
        let gets = assignment.of(&owner.id);
        for lost in owner.owned.iter().filter(|partition| !gets.contains(partition)) {
            let taker = life.members.iter().find(|other| assignment.of(&other.id).contains(lost));
            assert!(taker.is_none(), "seed {seed}: {lost} of {} goes to {taker:?}", owner.id);
        }
    }
}

#[test]
fn the_order_in_which_members_come_changes_nothing() {
    for assignor in Assignor::ALL {
        for seed in 0..50 {
            let mut life = Life::new(seed);
            life.change();
            let assignment = assignor.assign(&life.topics, &life.members);
            life.members.reverse();
            assert_eq!(assignor.assign(&life.topics, &life.members), assignment, "{assignor:?} seed {seed}");
        }
    }
}

#[test]
fn what_is_balanced_stays_put() {
    for assignor in [Assignor::Sticky, Assignor::CooperativeSticky, Assignor::ServerUniform] {
        for seed in 0..200 {
            let mut life = Life::new(seed);
            life.change();
            let first = assignor.assign(&life.topics, &life.members);
            let again = assignor.assign(&life.topics, &next_round(&life.members, &first, 1));
            assert_eq!(shown(&again), shown(&first), "{assignor:?} seed {seed}");
        }
    }
}
