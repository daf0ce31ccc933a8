//! Rows of oracle sheet 08, by their names.

use super::*;
use crate::kafka::log::testing::{append, append_at, log_with};

const LAG: Duration = Duration::from_secs(30);

fn id(number: u32) -> BrokerId {
    BrokerId(number)
}

fn ids(numbers: &[u32]) -> Vec<BrokerId> {
    numbers.iter().map(|number| id(*number)).collect()
}

fn ms(millis: u64) -> Time {
    Time::from_millis(millis)
}

/// Replicas 0 (the leader), 1 and 2.
fn partition(isr: &[u32], leader_epoch: u32, partition_epoch: u32) -> Partition {
    Partition {
        replicas: ids(&[0, 1, 2]).into(),
        isr: ids(isr).into(),
        elr: [].into(),
        last_known_elr: [].into(),
        leader: Some(id(0)),
        leader_epoch,
        partition_epoch,
        recovering: false,
    }
}

/// A leader of ten records and its log; `isr` and `min.insync.replicas` as given.
fn leading(isr: &[u32], min_isr: u32, lag_max: Duration) -> (Leader, Log) {
    let mut log = log_with(|config| config.min_insync_replicas = min_isr);
    let leader = Leader::new(id(0), &partition(isr, 1, 1), lag_max, &mut log, Time::ZERO);
    append(&mut log, 1, 10);
    (leader, log)
}

fn fetch(leader: &mut Leader, log: &mut Log, from: u32, offset: u64, at: u64) -> Progress {
    leader.on_follower_fetch(log, id(from), 1, offset, ms(at)).expect("a replica in its present incarnation")
}

/// `replica.lag.time.max.ms` = 100, as in IsrExpirationTest; the set that would be asked for at `at`.
fn shrunk(leader: &Leader, log: &Log, at: u64) -> Option<Vec<BrokerId>> {
    leader.clone().maybe_shrink(log, ms(at))
}

fn quick() -> (Leader, Log) {
    leading(&[0, 1], 1, Duration::from_millis(100))
}

#[test]
fn test_isr_expiration_for_stuck_followers() {
    let (mut leader, mut log) = quick();
    fetch(&mut leader, &mut log, 1, 9, 0);
    assert_eq!(shrunk(&leader, &log, 100), None);
    assert_eq!(shrunk(&leader, &log, 150), Some(ids(&[0])));
}

#[test]
fn test_isr_expiration_if_no_fetch_request_made() {
    let (leader, log) = quick();
    assert_eq!(shrunk(&leader, &log, 150), Some(ids(&[0])));
}

#[test]
fn test_isr_expiration_for_slow_followers() {
    let (mut leader, mut log) = quick();
    fetch(&mut leader, &mut log, 1, 8, 0);
    assert_eq!(shrunk(&leader, &log, 0), None);
    fetch(&mut leader, &mut log, 1, 9, 75);
    assert_eq!(shrunk(&leader, &log, 75), None);
    assert_eq!(shrunk(&leader, &log, 150), Some(ids(&[0])));
    fetch(&mut leader, &mut log, 1, 10, 150);
    assert_eq!(shrunk(&leader, &log, 150), None);
}

#[test]
fn test_isr_expiration_for_caught_up_followers() {
    let (mut leader, mut log) = quick();
    fetch(&mut leader, &mut log, 1, 10, 0);
    assert_eq!(shrunk(&leader, &log, 150), None);
    append(&mut log, 1, 1);
    assert_eq!(shrunk(&leader, &log, 150), Some(ids(&[0])), "new data and no fetch");
}

#[test]
fn test_should_not_shrink_isr_if_previous_fetch_is_caught_up() {
    let (mut leader, mut log) = leading(&[0, 1], 1, LAG);
    fetch(&mut leader, &mut log, 1, 5, 5_000);
    append_at(&mut log, 1, 5, ms(10_001));
    let progress = fetch(&mut leader, &mut log, 1, 10, 10_001);
    assert_eq!(leader.last_caught_up(id(1)), Some(ms(5_000)), "10 was the end at the previous fetch");
    assert_eq!(progress.high_watermark, Some(10));
    assert_eq!(shrunk(&leader, &log, 35_000), None);
    assert_eq!(shrunk(&leader, &log, 35_001), Some(ids(&[0])));
}

#[test]
fn test_should_not_shrink_isr_if_follower_caught_up_to_log_end() {
    let (mut leader, mut log) = leading(&[0, 1], 1, LAG);
    fetch(&mut leader, &mut log, 1, 10, 0);
    assert_eq!(shrunk(&leader, &log, 30_001), None);
}

#[test]
fn test_maybe_shrink_isr() {
    let (mut leader, mut log) = leading(&[0, 1, 2], 1, LAG);
    fetch(&mut leader, &mut log, 1, 10, 0);
    let asked = leader.maybe_shrink(&log, ms(30_001));
    assert_eq!(asked, Some(ids(&[0, 1])));
    assert_eq!((leader.isr(), leader.maximal_isr()), (&ids(&[0, 1, 2])[..], ids(&[0, 1, 2])));
    assert_eq!((log.high_watermark(), leader.maybe_shrink(&log, ms(60_000))), (0, None), "one is pending");
    let answered = leader.alter_answered(1, Ok(&partition(&[0, 1], 1, 2)), &mut log, ms(30_010));
    assert_eq!(answered, Altered::Done(Some(10)));
    assert_eq!((leader.isr(), leader.partition_epoch(), leader.is_pending()), (&ids(&[0, 1])[..], 2, false));
}

#[test]
fn test_follower_does_not_join_isr_until_caught_up_to_offset_within_current_leader_epoch() {
    let mut log = log_with(|_| {});
    let mut leader = Leader::new(id(0), &partition(&[0, 1], 8, 1), LAG, &mut log, Time::ZERO);
    append(&mut log, 8, 5);
    fetch(&mut leader, &mut log, 1, 0, 0);
    assert_eq!(fetch(&mut leader, &mut log, 1, 1, 0).high_watermark, Some(1));
    let mut leader = Leader::new(id(0), &partition(&[0, 1], 10, 3), LAG, &mut log, ms(10));
    assert_eq!((leader.epoch_start(), log.epochs().latest()), (5, Some(10)));
    append(&mut log, 10, 2);
    assert_eq!(fetch(&mut leader, &mut log, 2, 0, 20).ask, None);
    assert_eq!(fetch(&mut leader, &mut log, 2, 1, 21).ask, None);
    assert_eq!(fetch(&mut leader, &mut log, 2, 5, 22).ask, Some(ids(&[0, 1, 2])));
    assert_eq!((leader.isr(), leader.maximal_isr()), (&ids(&[0, 1])[..], ids(&[0, 1, 2])));
    assert_eq!(
        fetch(&mut leader, &mut log, 1, 7, 23).high_watermark,
        Some(5),
        "it waits for broker 2 at once"
    );
    leader.alter_answered(3, Ok(&partition(&[0, 1, 2], 10, 4)), &mut log, ms(24));
    assert_eq!(leader.isr(), ids(&[0, 1, 2]));
}

/// A follower caught up to ten records leaves the in-sync set after ten more.
fn high_watermark_without(standing: Standing) -> u64 {
    let (mut leader, mut log) = leading(&[0, 1], 1, LAG);
    assert_eq!(fetch(&mut leader, &mut log, 1, 10, 0).high_watermark, Some(10));
    leader.set_standing(id(1), standing, Some(1));
    append(&mut log, 1, 10);
    leader.update(&partition(&[0], 1, 2), &mut log, ms(1));
    log.high_watermark()
}

#[test]
fn test_high_watermark_increases_with_fenced_or_shutdown_follower() {
    assert_eq!(high_watermark_without(Standing::Fenced), 20);
    assert_eq!(high_watermark_without(Standing::ShuttingDown), 20);
    assert_eq!(high_watermark_without(Standing::InService), 10, "it may still join again");
}

#[test]
fn test_high_watermark_advance_should_not_advance_when_under_min_isr() {
    let (mut leader, mut log) = leading(&[0, 1], 3, LAG);
    fetch(&mut leader, &mut log, 1, 10, 0);
    assert_eq!(log.high_watermark(), 0);
    assert_eq!(fetch(&mut leader, &mut log, 2, 10, 1).ask, Some(ids(&[0, 1, 2])));
    assert_eq!((leader.maximal_isr().len(), log.high_watermark()), (3, 0));
    let answered = leader.alter_answered(1, Ok(&partition(&[0, 1, 2], 1, 2)), &mut log, ms(2));
    assert_eq!(answered, Altered::Done(Some(10)));
}

#[test]
fn acks_all_needs_enough_replicas_before_and_after_the_append_and_others_do_not() {
    let (mut leader, mut log) = leading(&[0, 1], 2, LAG);
    assert_eq!(leader.may_append(Acks::All, &log), Ok(()));
    assert_eq!(leader.completion(10, &log), None);
    fetch(&mut leader, &mut log, 1, 10, 0);
    assert_eq!(leader.completion(10, &log), Some(Ok(())));
    assert_eq!(leader.completion(11, &log), None);
    leader.update(&partition(&[0], 1, 2), &mut log, ms(1));
    assert_eq!(leader.completion(10, &log), Some(Err(ErrorCode::NotEnoughReplicasAfterAppend)));
    assert_eq!(leader.may_append(Acks::All, &log), Err(ErrorCode::NotEnoughReplicas));
    assert_eq!(
        (leader.may_append(Acks::Leader, &log), leader.may_append(Acks::None, &log)),
        (Ok(()), Ok(()))
    );
}

#[test]
fn min_insync_replicas_is_never_more_than_the_replication_factor() {
    let (leader, log) = leading(&[0, 1, 2], 5, LAG);
    assert_eq!(leader.may_append(Acks::All, &log), Ok(()));
    let (leader, log) = leading(&[0, 1], 5, LAG);
    assert_eq!(leader.may_append(Acks::All, &log), Err(ErrorCode::NotEnoughReplicas));
}

#[test]
fn only_the_present_incarnation_of_a_broker_in_service_joins() {
    let (leader, log) = leading(&[0], 1, LAG);
    let asked = |standing, registered, fetching| {
        let (mut leader, mut log) = (leader.clone(), log.clone());
        leader.set_standing(id(1), standing, registered);
        let progress = leader.on_follower_fetch(&mut log, id(1), fetching, 10, ms(1));
        progress.expect("the first incarnation that fetches").ask
    };
    assert_eq!(asked(Standing::InService, None, 1), Some(ids(&[0, 1])));
    assert_eq!(asked(Standing::InService, Some(1), 1), Some(ids(&[0, 1])));
    assert_eq!(asked(Standing::InService, Some(2), 1), None, "KIP-903");
    assert_eq!(asked(Standing::Fenced, Some(1), 1), None);
    assert_eq!(asked(Standing::ShuttingDown, Some(1), 1), None);
}

#[test]
fn a_fetch_from_an_older_incarnation_or_from_a_stranger_moves_nothing() {
    let (mut leader, mut log) = leading(&[0, 1], 1, LAG);
    assert!(leader.on_follower_fetch(&mut log, id(1), 7, 5, ms(1)).is_ok());
    let stale = leader.on_follower_fetch(&mut log, id(1), 6, 10, ms(2));
    assert_eq!(stale, Err(ErrorCode::NotLeaderOrFollower));
    assert_eq!((leader.follower_end(id(1)), log.high_watermark()), (Some(5), 5));
    let stranger = leader.on_follower_fetch(&mut log, id(9), 1, 10, ms(2));
    assert_eq!(stranger, Err(ErrorCode::UnknownLeaderEpoch));
}

#[test]
fn leader_epochs_are_fenced_from_both_sides() {
    let (leader, _) = leading(&[0], 1, LAG);
    let checked = [None, Some(1), Some(0), Some(2)].map(|epoch| leader.check_epoch(epoch));
    let (fenced, unknown) = (Err(ErrorCode::FencedLeaderEpoch), Err(ErrorCode::UnknownLeaderEpoch));
    assert_eq!(checked, [Ok(()), Ok(()), fenced, unknown]);
}

#[test]
fn a_refused_alter_partition_is_reverted_awaited_or_repeated_by_its_error() {
    let (mut leader, mut log) = leading(&[0, 1], 1, LAG);
    fetch(&mut leader, &mut log, 2, 10, 1);
    let answered = |error| {
        let (mut leader, mut log) = (leader.clone(), log.clone());
        let answered = leader.alter_answered(1, Err(error), &mut log, ms(2));
        (answered, leader.is_pending())
    };
    assert_eq!(answered(ErrorCode::IneligibleReplica), (Altered::Reverted, false));
    assert_eq!(answered(ErrorCode::InvalidUpdateVersion), (Altered::Waiting, true));
    assert_eq!(answered(ErrorCode::FencedLeaderEpoch), (Altered::Waiting, true));
    assert_eq!(answered(ErrorCode::StaleBrokerEpoch), (Altered::Again(ids(&[0, 1, 2])), true));
    assert_eq!(leader.update(&partition(&[0, 1], 1, 1), &mut log, ms(3)), None);
    assert!(leader.is_pending(), "old news do not answer");
    leader.update(&partition(&[0, 1], 1, 2), &mut log, ms(3));
    assert!(!leader.is_pending());
}

/// Found by the model test: the old answer would have lifted the new addition from the maximal in-sync set.
#[test]
fn the_answer_to_an_overtaken_request_does_not_touch_the_pending_one() {
    let (mut leader, mut log) = leading(&[0], 1, LAG);
    fetch(&mut leader, &mut log, 1, 10, 1);
    leader.update(&partition(&[0, 1], 1, 2), &mut log, ms(2));
    assert_eq!(fetch(&mut leader, &mut log, 2, 10, 3).ask, Some(ids(&[0, 1, 2])));
    for old in [Ok(&partition(&[0, 1], 1, 2)), Err(ErrorCode::IneligibleReplica)] {
        assert_eq!(leader.alter_answered(1, old, &mut log, ms(4)), Altered::Waiting);
        assert_eq!(leader.maximal_isr(), ids(&[0, 1, 2]));
    }
}

#[test]
fn a_leader_elected_again_keeps_what_it_knows_and_starts_a_new_epoch() {
    let (mut leader, mut log) = leading(&[0, 1], 1, LAG);
    fetch(&mut leader, &mut log, 1, 10, 1);
    leader.update(&partition(&[0, 1], 2, 2), &mut log, ms(50_000));
    assert_eq!((leader.leader_epoch(), leader.epoch_start()), (2, 10));
    assert_eq!(leader.follower_end(id(1)), Some(10));
    assert_eq!(leader.last_caught_up(id(1)), Some(ms(50_000)));
}

#[test]
fn a_leader_alone_commits_as_it_appends() {
    let (mut leader, mut log) = leading(&[0], 1, LAG);
    assert_eq!(leader.on_append(&mut log, ms(1)), Some(10));
}

#[test]
fn of_many_fetches_at_one_place_it_is_enough_to_note_the_last() {
    let (mut each, mut log) = leading(&[0, 1], 1, LAG);
    fetch(&mut each, &mut log, 1, 10, 0);
    let (mut last, mut other_log) = (each.clone(), log.clone());
    for at in (500..=9_000).step_by(500) {
        assert!(each.on_same_fetch(&log, id(1), 1, 10, ms(at)));
    }
    assert!(last.on_same_fetch(&other_log, id(1), 1, 10, ms(9_000)));
    append(&mut log, 1, 5);
    append(&mut other_log, 1, 5);
    for at in [9_000, 39_000, 39_001] {
        assert_eq!(shrunk(&last, &other_log, at), shrunk(&each, &log, at));
    }
    assert_eq!(shrunk(&last, &other_log, 39_001), Some(ids(&[0])));
    fetch(&mut each, &mut log, 1, 12, 40_000);
    fetch(&mut last, &mut other_log, 1, 12, 40_000);
    assert_eq!((each.last_caught_up(id(1)), last.last_caught_up(id(1))), (Some(ms(9_000)), Some(ms(9_000))));
}

#[test]
fn a_follower_stands_where_it_fetched_last_and_only_in_sync() {
    let (mut leader, mut log) = leading(&[0, 1], 1, LAG);
    assert!(!leader.stands_at(id(1), 1, 10), "it has not fetched");
    fetch(&mut leader, &mut log, 1, 10, 0);
    fetch(&mut leader, &mut log, 2, 9, 0);
    assert!(leader.stands_at(id(1), 1, 10));
    assert!(
        !leader.stands_at(id(1), 1, 9) && !leader.stands_at(id(1), 2, 10),
        "elsewhere, another incarnation"
    );
    assert!(!leader.stands_at(id(2), 1, 9), "out of sync");
}
