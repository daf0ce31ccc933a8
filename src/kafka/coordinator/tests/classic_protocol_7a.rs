//! 7a: timelines of the classic protocol.

use super::*;

#[test]
fn delay_initial_rebalance_by_group_initial_rebalance_delay_on_empty_group() {
    let mut context = Context::new();
    let join = context.join(&wish());
    context.sleep(1_500);
    assert_eq!(context.joined(join), None);
    context.sleep(1_499);
    assert_eq!(context.joined(join), None, "one millisecond is missing");
    context.sleep(1);
    let joined = context.joined(join).expect("at 3000");
    assert_eq!((joined.error, joined.generation, joined.leader), (ErrorCode::None, 1, joined.member));
    assert_eq!(joined.members.len(), 1, "the leader is told of everybody");
}

#[test]
fn reset_rebalance_delay_when_new_member_joins_group_during_initial_rebalance() {
    let mut context = Context::new();
    let wish = wish().timeouts(5_000, 9_000);
    let a = context.join(&wish);
    context.sleep(2_999);
    let b = context.join(&wish);
    context.sleep(2);
    assert_eq!((context.joined(a), context.joined(b)), (None, None), "at 3001");
    context.sleep(1_501);
    assert_eq!((context.joined(a), context.joined(b)), (None, None), "at 4502");
    context.sleep(1_500);
    assert_eq!([a, b].map(|one| context.join_error(one)), [ErrorCode::None; 2], "at 6002");
}

#[test]
fn delay_rebalance_upto_rebalance_timeout() {
    let mut context = Context::new();
    let wish = wish().timeouts(5_000, 6_000);
    let (a, b) = (context.join(&wish), context.join(&wish));
    context.sleep(3_001);
    let c = context.join(&wish);
    context.sleep(2_999);
    assert_eq!([a, b, c].map(|one| context.joined(one)), [None, None, None], "at 6000");
    context.sleep(1);
    assert_eq!([a, b, c].map(|one| context.join_error(one)), [ErrorCode::None; 3], "at 6001");
}

#[test]
fn new_member_timeout_completion() {
    let mut context = Context::new();
    let join = context.join(&wish().timeouts(305_000, 5_000));
    context.sleep(3_000);
    let member = context.joined(join).and_then(|joined| joined.member).expect("joined");
    assert_eq!(context.shown(), (CompletingRebalance, 1, 1));
    assert_eq!(context.sync(member, 1, &[]), Ok(Vec::new()));
    context.sleep(300_000);
    assert_eq!(context.shown(), (Stable, 1, 1));
    context.sleep(5_000);
    assert_eq!(context.shown(), (Empty, 2, 0));
}

#[test]
fn new_member_join_expiration() {
    let mut context = Context::new();
    let a = context.stable(&wish().timeouts(305_000, 600_000));
    let b = context.join(&wish());
    assert_eq!(context.shown(), (PreparingRebalance, 1, 2));
    context.sleep(299_999);
    assert_eq!(context.joined(b), None);
    context.sleep(1);
    assert_eq!(context.join_error(b), ErrorCode::UnknownMemberId);
    assert_eq!(context.members(), [a]);
}

#[test]
fn rebalance_times_out_when_sync_request_is_not_received() {
    let mut context = Context::new();
    let joins = [0; 3].map(|_| context.join(&wish()));
    context.sleep(3_000);
    context.sleep(3_000);
    let members = joins.map(|join| context.joined(join).and_then(|it| it.member).expect("joined"));
    assert_eq!(context.shown(), (CompletingRebalance, 1, 3));
    context.sleep(2_500);
    assert_eq!(members.map(|member| context.beat(member, 1)), [ErrorCode::None; 3]);
    context.sleep(2_500);
    assert_eq!(members.map(|member| context.beat(member, 1)), [ErrorCode::UnknownMemberId; 3]);
    assert_eq!(context.shown(), (Empty, 2, 0));
}

#[test]
fn second_member_partially_join_and_timeout() {
    let mut context = Context::new();
    let leader = context.stable(&wish());
    let b = context.join_once(&wish());
    assert_eq!(context.join_error(b), ErrorCode::MemberIdRequired);
    for _ in 0..2 {
        context.sleep(2_500);
        assert_eq!(context.beat(leader, 1), ErrorCode::None);
    }
    assert_eq!(context.shown(), (Stable, 1, 1));
    assert!(context.group().pending.is_empty(), "it had its session timeout to come back");
    let late = context.joined(b).and_then(|it| it.member).expect("a name");
    let again = context.join_once(&wish().member(late));
    assert_eq!(context.join_error(again), ErrorCode::UnknownMemberId);
}

#[test]
fn classic_group_member_session_timeout_during_rebalance() {
    let mut context = Context::new();
    let a = context.stable(&wish().timeouts(5_000, 10_000));
    let b = context.join(&wish().timeouts(5_000, 10_000));
    assert_eq!(context.group().state, PreparingRebalance);
    context.sleep(2_500);
    assert_eq!(context.beat(a, 1), ErrorCode::RebalanceInProgress);
    context.sleep(5_000);
    assert_eq!(context.beat(a, 1), ErrorCode::UnknownMemberId);
    context.sleep(2_500);
    let joined = context.joined(b).expect("alone");
    assert_eq!((joined.error, joined.generation), (ErrorCode::None, 2));
    assert_eq!(context.shown(), (CompletingRebalance, 2, 1));
}

#[test]
fn classic_group_member_heartbeat_maintains_session() {
    let mut context = Context::new();
    let a = context.stable(&wish());
    for _ in 0..2 {
        context.sleep(2_500);
        assert_eq!(context.beat(a, 1), ErrorCode::None);
    }
    context.sleep(4_999);
    assert_eq!(context.members(), [a]);
    context.sleep(1);
    assert_eq!(context.members(), [], "silent for the whole session timeout");
}

#[test]
fn group_stuck_in_rebalance_timeout_due_to_nonjoined_static_member() {
    let mut context = Context::new();
    let [leader, follower] = context.stable_static(&wish().timeouts(10_000, 5_000));
    let dynamic = context.join(&wish().timeouts(10_000, 5_000));
    context.sleep(5_000);
    let joined = context.joined(dynamic).expect("the rebalance timeout is over");
    assert_eq!((joined.generation, joined.members.len(), joined.leader), (2, 3, joined.member));
    assert_eq!(context.group().state, CompletingRebalance);
    assert_eq!(context.leave(Some(follower), Some(2)), ErrorCode::None);
    assert_eq!(context.group().state, PreparingRebalance);
    context.sleep(5_000);
    assert_eq!(context.members(), [leader]);
    assert_eq!(context.shown(), (PreparingRebalance, 2, 1));
}

#[test]
fn heartbeat_during_preparing_rebalance() {
    let mut context = Context::new();
    let a = context.stable(&wish());
    context.join(&wish());
    assert_eq!(context.group().state, PreparingRebalance);
    assert_eq!(context.beat(a, 1), ErrorCode::RebalanceInProgress);
}

#[test]
fn heartbeat_during_completing_rebalance() {
    let mut context = Context::new();
    let join = context.join(&wish());
    context.sleep(3_000);
    let a = context.joined(join).and_then(|it| it.member).expect("joined");
    assert_eq!(context.group().state, CompletingRebalance);
    assert_eq!(context.beat(a, 1), ErrorCode::None);
}

#[test]
fn heartbeat_illegal_generation() {
    let mut context = Context::new();
    let a = context.stable(&wish());
    assert_eq!(context.beat(a, 2), ErrorCode::IllegalGeneration);
    assert_eq!(context.beat(a, 0), ErrorCode::IllegalGeneration);
    assert_eq!(context.beat(MemberId(99), 1), ErrorCode::UnknownMemberId);
}

#[test]
fn generation_id_increments_on_rebalance() {
    let mut context = Context::new();
    let a = context.stable(&wish());
    let join = context.join(&wish().member(a));
    assert_eq!(context.joined(join).expect("at once").generation, 2);
}

#[test]
fn join_group_from_unchanged_follower_does_not_rebalance() {
    let mut context = Context::new();
    let a = context.stable(&wish());
    let b = context.join(&wish());
    context.join(&wish().member(a));
    let follower = context.joined(b).and_then(|it| it.member).expect("joined");
    context.sync(a, 2, &[]).expect("stable");
    assert_eq!(context.shown(), (Stable, 2, 2));
    let again = context.join(&wish().member(follower));
    let joined = context.joined(again).expect("at once");
    assert_eq!((joined.generation, joined.leader, joined.members.len()), (2, Some(a), 0));
    assert_eq!(context.group().state, Stable);
    context.join(&wish().member(follower).assignors(&[AssignorName::Range, AssignorName::Sticky]));
    assert_eq!(context.group().state, PreparingRebalance, "other metadata do");
}

#[test]
fn join_group_from_unchanged_leader_should_rebalance() {
    let mut context = Context::new();
    let a = context.stable(&wish());
    let b = context.join(&wish());
    context.join(&wish().member(a));
    context.sync(a, 2, &[]).expect("stable");
    assert!(context.joined(b).is_some());
    context.join(&wish().member(a));
    assert_eq!(context.shown(), (PreparingRebalance, 2, 2));
}

#[test]
fn static_member_rejoin_with_unknown_member_id_in_stable_does_not_rebalance() {
    let mut context = Context::new();
    let [leader, follower] = context.stable_static(&wish().timeouts(10_000, 5_000));
    let back = context.join(&wish().timeouts(10_000, 5_000).instance(2));
    let joined = context.joined(back).expect("at once");
    let new = joined.member.expect("a new name");
    assert_eq!((joined.error, joined.generation, joined.leader), (ErrorCode::None, 1, Some(leader)));
    assert_ne!(new, follower);
    assert_eq!(context.shown(), (Stable, 1, 2));
    assert_eq!(context.beat_as(follower, Some(2), 1), ErrorCode::FencedInstanceId);
    let sync = context.sync_as(new, Some(2), 1, &[]);
    assert_eq!(context.synced(sync), Some(Ok(vec![1])), "it has what it had");
}

#[test]
fn static_member_rejoin_as_leader_skips_the_assignment() {
    let mut context = Context::new();
    let [leader, _] = context.stable_static(&wish().timeouts(10_000, 5_000));
    let back = context.join(&wish().timeouts(10_000, 5_000).instance(1));
    let joined = context.joined(back).expect("at once");
    assert!(joined.skip_assignment);
    assert_eq!((joined.generation, joined.leader, joined.members.len()), (1, joined.member, 2));
    assert_eq!(context.beat_as(leader, Some(1), 1), ErrorCode::FencedInstanceId);
}

#[test]
fn static_member_rejoin_that_changes_the_assignor_rebalances() {
    let mut context = Context::new();
    let both = [AssignorName::Range, AssignorName::Sticky];
    context.stable_static(&wish().timeouts(10_000, 5_000).assignors(&both));
    context.join(&wish().timeouts(10_000, 5_000).assignors(&both[1..]).instance(2));
    assert_eq!(context.shown(), (PreparingRebalance, 1, 2));
}

#[test]
fn static_member_rejoin_that_cannot_be_written_is_taken_back() {
    let mut context = Context::new();
    let [_, follower] = context.stable_static(&wish().timeouts(10_000, 5_000));
    context.writes = Some(Err(ErrorCode::NotEnoughReplicas));
    let back = context.join(&wish().timeouts(10_000, 5_000).instance(2));
    assert_eq!(context.join_error(back), ErrorCode::CoordinatorNotAvailable);
    assert_eq!(context.beat_as(follower, Some(2), 1), ErrorCode::None);
}
