//! 7c: which commits are taken. 7d: when offsets expire.

use super::*;

#[test]
fn validate_offset_commit_without_a_member() {
    let mut context = Context::new();
    assert_eq!(context.commit(None, None, 0), ErrorCode::None, "no group yet: it assigns partitions itself");
    assert_eq!(context.fetch(), Ok(vec![(0, 7)]));
    let a = context.stable(&wish());
    assert_eq!(context.commit(None, None, 0), ErrorCode::UnknownMemberId, "the group is not empty");
    assert_eq!(context.leave(Some(a), None), ErrorCode::None);
    assert_eq!(context.commit(None, None, 0), ErrorCode::None, "it is empty again");
}

#[test]
fn validate_offset_commit_of_members() {
    let mut context = Context::new();
    let a = context.stable(&wish());
    assert_eq!(context.commit(Some(MemberId(99)), None, 1), ErrorCode::UnknownMemberId);
    assert_eq!(context.commit(Some(a), Some(9), 1), ErrorCode::UnknownMemberId, "unknown instance");
    assert_eq!(context.commit(Some(a), None, 0), ErrorCode::IllegalGeneration);
    assert_eq!(context.commit(Some(a), None, 1), ErrorCode::None);
    let again = context.join(&wish().member(a));
    assert_eq!(context.joined(again).expect("at once").generation, 2);
    assert_eq!(context.group().state, CompletingRebalance);
    assert_eq!(context.commit(Some(a), None, 2), ErrorCode::RebalanceInProgress);
    let failed = |error| Kafka::CommitFailed { group: GROUP, error };
    assert_eq!(context.facts.last(), Some(&failed(ErrorCode::RebalanceInProgress)));
}

#[test]
fn validate_offset_commit_in_preparing_rebalance_is_accepted() {
    let mut context = Context::new();
    let a = context.stable(&wish());
    context.join(&wish());
    assert_eq!(context.group().state, PreparingRebalance);
    assert_eq!(context.commit(Some(a), None, 1), ErrorCode::None);
}

#[test]
fn validate_offset_commit_after_static_replacement() {
    let mut context = Context::new();
    let [_, follower] = context.stable_static(&wish().timeouts(10_000, 5_000));
    context.join(&wish().timeouts(10_000, 5_000).instance(2));
    assert_eq!(context.commit(Some(follower), Some(2), 1), ErrorCode::FencedInstanceId);
}

#[test]
fn validate_offset_commit_in_a_dead_group() {
    let mut context = Context::new();
    let a = context.stable(&wish());
    context.coordinator.groups.get_mut(&GROUP).expect("it is there").group.state = Dead;
    assert_eq!(context.commit(Some(a), None, 1), ErrorCode::CoordinatorNotAvailable);
}

#[test]
fn a_commit_can_be_read_only_when_it_is_replicated() {
    let mut context = Context::new();
    context.writes = None;
    let commit = context.commit_as(nobody(), &[(0, 7), (3, 9)]);
    assert_eq!((context.committed(commit), context.fetch()), (None, Ok(Vec::new())));
    let ticket = context.unwritten.pop().expect("it is being written");
    context.written(ticket, Ok(()));
    assert_eq!(context.committed(commit), Some(ErrorCode::None));
    assert_eq!(context.fetch(), Ok(vec![(0, 7), (3, 9)]));
}

#[test]
fn a_commit_that_cannot_be_replicated_is_refused() {
    for (error, told) in [
        (ErrorCode::NotEnoughReplicas, ErrorCode::CoordinatorNotAvailable),
        (ErrorCode::RequestTimedOut, ErrorCode::CoordinatorNotAvailable),
        (ErrorCode::NotLeaderOrFollower, ErrorCode::NotCoordinator),
    ] {
        let mut context = Context::new();
        context.writes = Some(Err(error));
        assert_eq!(context.commit(None, None, 0), told);
        assert_eq!(context.fetch(), Ok(Vec::new()));
    }
}

/// Retention 1 min, checked every 100 ms.
fn short_retention() -> Context {
    let mut config = config();
    config.offsets_retention = ms(60_000);
    config.offsets_retention_check_interval = ms(100);
    Context::with(config)
}

fn places(found: Result<Vec<(u32, u64)>, ErrorCode>) -> Vec<u32> {
    found.expect("it is served").into_iter().map(|(place, _)| place).collect()
}

#[test]
fn cleanup_expired_offsets_keeps_those_of_subscribed_topics() {
    // first-0 is place 0, second-0 and second-1 are places 2 and 3; the member reads `first` only.
    let mut context = short_retention();
    let a = context.stable(&wish().timeouts(600_000, 5_000));
    let who = Membership { member: Some(a), instance: None, generation: 1 };
    context.commit_as(who.clone(), &[(0, 1), (2, 1)]);
    context.sleep(500);
    context.commit_as(who, &[(3, 1)]);
    context.sleep(59_499);
    assert_eq!(places(context.fetch()), [0, 2, 3]);
    context.sleep(101); // The next check after 60 s.
    assert_eq!(places(context.fetch()), [0, 3]);
    context.sleep(500);
    assert_eq!(places(context.fetch()), [0]);
    let tombstones = |log: &[OffsetsRecord]| {
        log.iter().filter(|record| matches!(record, OffsetsRecord::OffsetTombstone { .. })).count()
    };
    assert_eq!(tombstones(&context.log), 2);
    // It unsubscribes from `first`.
    context.join(&Wish { topics: Vec::new(), ..wish().timeouts(600_000, 5_000).member(a) });
    context.sync(a, 2, &[]).expect("stable");
    let who = Membership { member: Some(a), instance: None, generation: 2 };
    context.commit_as(who, &[(1, 1), (2, 1)]);
    context.sleep(60_100);
    assert_eq!(places(context.fetch()), [0; 0]);
    assert_eq!(tombstones(&context.log), 5, "all three at once");
}

#[test]
fn cleanup_expired_offsets_of_an_empty_group_counts_from_when_it_became_empty() {
    let mut context = short_retention();
    let a = context.stable(&wish().timeouts(600_000, 5_000));
    context.commit_as(Membership { member: Some(a), instance: None, generation: 1 }, &[(0, 1), (2, 1)]);
    context.sleep(30_000);
    assert_eq!(context.leave(Some(a), None), ErrorCode::None);
    context.sleep(59_999);
    assert_eq!(places(context.fetch()), [0, 2], "both, though one is older than its retention");
    context.sleep(101);
    assert_eq!(places(context.fetch()), [0; 0]);
    assert!(!context.coordinator.groups.contains_key(&GROUP), "an empty group without offsets is deleted");
    assert!(matches!(context.log.last(), Some(OffsetsRecord::GroupTombstone { .. })));
}

#[test]
fn offset_expiration_condition_of_a_simple_consumer_counts_from_the_commit() {
    let mut context = short_retention();
    context.commit_as(nobody(), &[(0, 1)]);
    context.sleep(40_000);
    context.commit_as(nobody(), &[(1, 1)]);
    context.sleep(20_100);
    assert_eq!(places(context.fetch()), [1]);
    context.sleep(40_100);
    assert_eq!(places(context.fetch()), [0; 0]);
}

#[test]
fn offset_expiration_condition_of_a_rebalancing_group_is_never() {
    let mut context = short_retention();
    let a = context.stable(&wish().timeouts(600_000, 300_000));
    context.commit_as(Membership { member: Some(a), instance: None, generation: 1 }, &[(2, 1)]);
    context.join(&wish().timeouts(600_000, 300_000));
    assert_eq!(context.group().state, PreparingRebalance);
    context.sleep(100_000);
    assert_eq!(places(context.fetch()), [2]);
}

#[test]
fn expired_offsets_come_back_when_their_tombstones_cannot_be_written() {
    let mut context = short_retention();
    context.commit_as(nobody(), &[(0, 1)]);
    context.writes = Some(Err(ErrorCode::NotEnoughReplicas));
    context.sleep(60_100);
    assert_eq!(places(context.fetch()), [0]);
}
