//! What the tables do not tell: votes, bounds, fail-over, the order of writes and answers.

use super::*;

#[test]
fn the_assignor_with_the_most_votes_among_the_common_ones_is_chosen() {
    use AssignorName::{CooperativeSticky, Range, RoundRobin};
    let mut context = Context::new();
    let join = |context: &mut Context, assignors: &[AssignorName]| context.join(&wish().assignors(assignors));
    let a = join(&mut context, &[Range, CooperativeSticky]);
    join(&mut context, &[RoundRobin, CooperativeSticky, Range]);
    join(&mut context, &[CooperativeSticky, Range]);
    let odd = join(&mut context, &[RoundRobin]);
    assert_eq!(context.join_error(odd), ErrorCode::InconsistentGroupProtocol);
    context.sleep(3_000);
    context.sleep(3_000);
    assert_eq!(context.joined(a).expect("joined").assignor, Some(CooperativeSticky));
}

#[test]
fn equal_votes_are_decided_always_the_same_way() {
    use AssignorName::{CooperativeSticky, Range};
    for assignors in [[Range, CooperativeSticky], [CooperativeSticky, Range]] {
        let mut context = Context::new();
        let a = context.join(&wish().assignors(&assignors));
        context.join(&wish().assignors(&[assignors[1], assignors[0]]));
        context.sleep(3_000);
        context.sleep(3_000);
        assert_eq!(context.joined(a).expect("joined").assignor, Some(Range));
    }
}

#[test]
fn a_full_group_takes_nobody_else() {
    let mut context = Context::with(BrokerConfig { group_max_size: 1, ..config() });
    let a = context.stable(&wish());
    let b = context.join(&wish());
    assert_eq!(context.join_error(b), ErrorCode::GroupMaxSizeReached);
    let again = context.join(&wish().member(a));
    assert_eq!(context.join_error(again), ErrorCode::None);
}

#[test]
fn session_timeouts_out_of_bounds_are_refused() {
    let mut context = Context::new();
    for (session, error) in [
        (9, ErrorCode::InvalidSessionTimeout),
        (10, ErrorCode::MemberIdRequired),
        (600_000, ErrorCode::MemberIdRequired),
        (600_001, ErrorCode::InvalidSessionTimeout),
    ] {
        let join = context.join_once(&wish().timeouts(session, 5_000));
        assert_eq!(context.join_error(join), error, "{session}");
    }
}

#[test]
fn assignments_are_handed_out_only_when_they_are_replicated() {
    let mut context = Context::new();
    let a = context.stable(&wish());
    let b = context.join(&wish());
    context.join(&wish().member(a));
    let b = context.joined(b).and_then(|it| it.member).expect("joined");
    context.writes = None;
    let given: Vec<(MemberId, Arc<[PlaceId]>)> = vec![(b, Arc::from([PlaceId(3)]))];
    let (first, second) = (context.sync_as(b, None, 2, &[]), context.sync_as(a, None, 2, &given));
    assert_eq!((context.synced(first), context.synced(second)), (None, None));
    assert_eq!(context.group().state, CompletingRebalance);
    let ticket = context.unwritten.pop().expect("it is being written");
    context.written(ticket, Ok(()));
    assert_eq!(context.synced(first), Some(Ok(vec![3])));
    assert_eq!(context.synced(second), Some(Ok(Vec::new())), "it got nothing");
    assert_eq!(context.group().state, Stable);
}

#[test]
fn an_assignment_that_cannot_be_replicated_starts_another_rebalance() {
    let mut context = Context::new();
    let join = context.join(&wish());
    context.sleep(3_000);
    let a = context.joined(join).and_then(|it| it.member).expect("joined");
    context.writes = Some(Err(ErrorCode::NotEnoughReplicas));
    assert_eq!(context.sync(a, 1, &[]), Err(ErrorCode::CoordinatorNotAvailable));
    assert_eq!(context.shown(), (PreparingRebalance, 1, 1));
}

#[test]
fn an_assignment_of_an_old_generation_is_not_handed_out() {
    let mut context = Context::new();
    let join = context.join(&wish());
    context.sleep(3_000);
    let a = context.joined(join).and_then(|it| it.member).expect("joined");
    context.writes = None;
    let sync = context.sync_as(a, None, 1, &[(a, Arc::from([PlaceId(0)]))]);
    context.join(&wish());
    assert_eq!(context.synced(sync), Some(Err(ErrorCode::RebalanceInProgress)));
    context.join(&wish().member(a));
    assert_eq!(context.shown(), (CompletingRebalance, 2, 2));
    for ticket in std::mem::take(&mut context.unwritten) {
        context.written(ticket, Ok(()));
    }
    assert_eq!(context.shown(), (CompletingRebalance, 2, 2), "what is written now is of generation 1");
}

#[test]
fn another_coordinator_goes_on_from_the_log() {
    let mut context = Context::new();
    let members = context.stable_static(&wish().timeouts(10_000, 5_000));
    let who = Membership { member: Some(members[1]), instance: Some(2), generation: 1 };
    context.commit_as(who, &[(1, 42)]);
    let mut heir = Context::new();
    heir.coordinator.resign(HOME);
    assert_eq!(heir.fetch(), Err(ErrorCode::NotCoordinator));
    assert!(heir.coordinator.lead(HOME, 2));
    assert_eq!(heir.fetch(), Err(ErrorCode::CoordinatorLoadInProgress));
    assert_eq!(heir.beat_as(members[0], Some(1), 1), ErrorCode::None, "taken for alive while loading");
    heir.now = context.now + ms(60_000);
    let outputs = heir.coordinator.load(heir.now, HOME, &context.log);
    heir.take(outputs);
    assert_eq!(heir.facts.last(), Some(&Kafka::CoordinatorReady { place: HOME, groups: 1 }));
    assert_eq!(heir.fetch(), Ok(vec![(1, 42)]));
    assert_eq!(heir.shown(), (Stable, 1, 2));
    assert_eq!(heir.beat_as(members[0], Some(1), 1), ErrorCode::None, "nobody has to rejoin");
    let sync = heir.sync_as(members[1], Some(2), 1, &[]);
    assert_eq!(heir.synced(sync), Some(Ok(vec![1])));
    heir.sleep(10_000);
    assert_eq!(heir.shown(), (Empty, 2, 0), "a whole session after loading, and no longer");
}

#[test]
fn a_snapshot_is_worth_as_much_as_the_whole_log() {
    let mut context = Context::new();
    let members = context.stable_static(&wish().timeouts(10_000, 5_000));
    let who = Membership { member: Some(members[1]), instance: Some(2), generation: 1 };
    for offset in 0..10 {
        context.commit_as(who.clone(), &[(1, offset), (2, offset)]);
    }
    let loaded = |records: &[OffsetsRecord]| {
        let mut context = Context::new();
        context.coordinator.resign(HOME);
        context.coordinator.lead(HOME, 2);
        context.coordinator.load(Time::ZERO, HOME, records);
        context.coordinator.snapshot(HOME)
    };
    let snapshot = context.coordinator.snapshot(HOME);
    assert_eq!(snapshot.len(), 3, "a group and two offsets");
    assert!(context.log.len() > 20);
    assert_eq!(loaded(&context.log), snapshot);
    assert_eq!(loaded(&snapshot), snapshot);
}

#[test]
fn whoever_waits_is_sent_away_when_the_coordinator_moves() {
    let mut context = Context::new();
    let a = context.stable(&wish());
    context.writes = None;
    let (join, commit) = (context.join(&wish()), context.commit(Some(a), None, 9));
    assert_eq!(commit, ErrorCode::IllegalGeneration);
    let commit = context.commit_as(Membership { member: Some(a), instance: None, generation: 1 }, &[(0, 1)]);
    let outputs = context.coordinator.resign(HOME);
    context.take(outputs);
    assert_eq!(context.join_error(join), ErrorCode::NotCoordinator);
    assert_eq!(context.committed(commit), Some(ErrorCode::NotCoordinator));
    for ticket in std::mem::take(&mut context.unwritten) {
        context.written(ticket, Ok(())); // Too late: nobody is answered twice.
    }
}

#[test]
fn names_given_by_different_coordinators_differ() {
    let mut context = Context::new();
    let join = context.join_once(&wish());
    let first = context.joined(join).and_then(|it| it.member).expect("a name");
    context.coordinator.resign(HOME);
    context.coordinator.lead(HOME, 2);
    context.coordinator.load(Time::ZERO, HOME, &[]);
    let join = context.join_once(&wish());
    let second = context.joined(join).and_then(|it| it.member).expect("a name");
    assert_eq!((first, second), (MemberId(1 << 32 | 1), MemberId(2 << 32 | 1)));
}

#[test]
fn a_leaver_ends_the_wait_of_the_others() {
    let mut context = Context::new();
    let a = context.stable(&wish());
    let b = context.join(&wish());
    assert_eq!(context.joined(b), None);
    assert_eq!(context.leave(Some(a), None), ErrorCode::None);
    assert_eq!(context.joined(b).expect("nobody else is awaited").generation, 2);
    let left = Kafka::MemberLeft { group: GROUP, member: a, why: GroupReason::MemberLeft };
    assert!(context.facts.contains(&left));
}

/// KIP-800.
#[test]
fn a_member_that_polled_too_late_leaves_for_that_reason() {
    let mut context = Context::new();
    let a = context.stable(&wish());
    assert_eq!(context.leave_for(Some(a), None, Goodbye::PollTimeout), ErrorCode::None);
    let left = Kafka::MemberLeft { group: GROUP, member: a, why: GroupReason::PollTimeout };
    assert!(context.facts.contains(&left));
}

#[test]
fn a_static_member_can_be_taken_out_by_its_instance_id() {
    let mut context = Context::new();
    let [leader, _] = context.stable_static(&wish().timeouts(10_000, 5_000));
    assert_eq!(context.leave(None, Some(7)), ErrorCode::UnknownMemberId);
    assert_eq!(context.leave(None, Some(2)), ErrorCode::None);
    assert_eq!(context.members(), [leader]);
    assert_eq!(context.group().state, PreparingRebalance);
}

#[test]
fn groups_are_kept_where_their_names_hash_to() {
    let mut stage = Stage::default();
    let offsets = stage.add_channel("__consumer_offsets", 50, true, false);
    let groups = ["billing", "group-id", "foo"].map(|name| stage.add_group(name, Vec::new()));
    let coordinator = Coordinator::<u32>::new(Arc::new(config()), Arc::new(stage), offsets);
    assert_eq!(groups.map(|group| coordinator.home(group)), [9, 13, 24].map(PlaceId));
}
