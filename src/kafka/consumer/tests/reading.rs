//! Stories of reading: positions, fetches, handing over, commits.

use super::script::*;
use crate::kafka::config::{ConsumerConfig, OffsetReset};
use crate::kafka::consumer::Stopped;
use crate::kernel::Time;
use crate::trace::kafka::{ErrorCode, Exception, PositionReason};
use crate::trace::{Fact, Life, Reason};
use crate::wire::kafka::{OffsetSpec, Request};
use crate::wire::port::ToSubscriber;

fn reset_to(reset: OffsetReset) -> Script {
    let mut script = Script::new(ConsumerConfig { offset_reset: reset, ..config() });
    script.now = Time::from_secs(100);
    script.say(ToSubscriber::Next);
    script.meet();
    script.joined(ErrorCode::None, 1);
    script.synced(&[P0]);
    script.facts();
    script.committed(&[]);
    script
}

#[test]
fn a_consumer_that_is_not_polled_does_nothing() {
    let mut script = Script::new(config());
    script.pass(MS(600_000));
    assert!(script.open.is_empty() && script.facts.is_empty());
}

#[test]
fn records_below_the_position_are_dropped() {
    let mut script = Script::reading(config(), &[(P0, 13)]);
    script.fetched(1, vec![data(P0, 5, &[5, 5, 5])]);
    assert_eq!(script.delivered(), [(0, 13, 2), (0, 15, 5)]);
}

#[test]
fn a_handing_over_is_one_fact_a_delivery() {
    let mut script = Script::reading(config(), &[(P0, 0)]);
    script.facts();
    script.fetched(1, vec![data(P0, 0, &[300, 100])]);
    let facts = script.facts();
    let seen: Vec<_> = facts
        .iter()
        .map(|fact| match fact {
            Fact::Life(Life::Delivered { ids, place, offset, .. }) => (place.0, *offset, ids.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seen, [(0, 0, 300), (0, 300, 100)]);
}

#[test]
fn a_poll_hands_over_max_poll_records_and_not_one_more() {
    for (max, first, second) in [
        (500, vec![(0, 0, 300), (0, 300, 200)], vec![(0, 500, 100)]),
        (600, vec![(0, 0, 300), (0, 300, 300)], vec![]),
        (599, vec![(0, 0, 300), (0, 300, 299)], vec![(0, 599, 1)]),
    ] {
        let mut script = Script::reading(ConsumerConfig { max_poll_records: max, ..config() }, &[(P0, 0)]);
        script.fetched(1, vec![data(P0, 0, &[300, 300])]);
        assert_eq!(script.delivered(), first);
        assert_eq!(script.poll(), second);
    }
}

#[test]
fn a_poll_takes_from_several_partitions_in_the_order_in_which_they_were_fetched() {
    let mut script =
        Script::reading(ConsumerConfig { max_poll_records: 15, ..config() }, &[(P0, 0), (P1, 0)]);
    script.say(ToSubscriber::Next);
    script.fetched(2, vec![data(P1, 0, &[10])]);
    assert_eq!(script.delivered(), [(1, 0, 10)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    script.fetched(2, vec![data(P1, 10, &[10])]);
    assert_eq!(script.poll(), [(0, 0, 10), (1, 10, 5)]);
    assert_eq!(script.poll(), [(1, 15, 5)]);
}

#[test]
fn the_next_fetch_is_under_way_while_the_application_works() {
    let mut script = Script::reading(config(), &[(P0, 0)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    assert_eq!(script.delivered(), [(0, 0, 10)]);
    assert_eq!(script.fetch(1).expect("sent before poll() returned").places[0].offset, 10);
    script.fetched(1, vec![data(P0, 10, &[10])]);
    assert_eq!(script.delivered(), [], "it is working");
    assert_eq!(script.poll(), [(0, 10, 10)], "at once");
}

#[test]
fn a_broker_is_not_asked_while_records_of_it_wait_in_the_buffer() {
    let small = ConsumerConfig { max_poll_records: 5, ..config() };
    let mut script = Script::reading(small, &[(P0, 0), (P1, 0)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    assert!(script.fetch(1).is_none(), "five of ten are left");
    assert!(script.fetch(2).is_some(), "another broker");
    script.poll();
    assert!(script.fetch(1).is_some(), "drained");
}

#[test]
fn partitions_that_had_data_come_last_in_the_next_fetch() {
    let mut script = Script::reading(config(), &[(P0, 0), (crate::trace::PlaceId(3), 0)]);
    let order = |script: &Script| -> Vec<_> {
        script.fetch(1).unwrap().places.iter().map(|asked| asked.place.0).collect()
    };
    assert_eq!(order(&script), [0, 3]);
    script.fetched(1, vec![data(P0, 0, &[1])]);
    assert_eq!(order(&script), [3, 0]);
}

#[test]
fn a_fetch_says_what_the_settings_say() {
    let settings = ConsumerConfig {
        fetch_min_bytes: 2,
        fetch_max_wait: MS(3),
        fetch_max_bytes: 4,
        max_partition_fetch_bytes: 5,
        ..config()
    };
    let script = Script::reading(settings, &[(P0, 6)]);
    let fetch = script.fetch(1).unwrap();
    assert_eq!((fetch.min_bytes, fetch.max_wait, fetch.max_bytes), (2, MS(3), 4));
    assert_eq!((fetch.places[0].offset, fetch.places[0].max_bytes), (6, 5));
}

#[test]
fn without_a_commit_earliest_skips_nothing() {
    let mut script = reset_to(OffsetReset::Earliest);
    script.listed(P0, Ok(0));
    assert_eq!(script.facts(), [positioned(P0, 0, PositionReason::Reset)]);
    assert_eq!(script.fetch(1).unwrap().places[0].offset, 0);
}

#[test]
fn without_a_commit_latest_skips_what_is_there() {
    for (end, skips) in [(40, vec![skipped(P0, 40, Reason::OffsetReset)]), (0, vec![])] {
        let mut script = reset_to(OffsetReset::Latest);
        script.listed(P0, Ok(end));
        let mut facts = script.facts();
        assert_eq!(facts.remove(0), positioned(P0, end, PositionReason::Reset));
        assert_eq!(facts, skips);
    }
}

#[test]
fn by_duration_asks_for_records_of_that_age() {
    for (age, since) in [(MS(30_000), Time::from_secs(70)), (MS(200_000), Time::ZERO)] {
        let mut script = reset_to(OffsetReset::ByDuration(age));
        let asked = script.listed(P0, Ok(12));
        let Request::ListOffsets(places) = asked.request else { panic!("{:?}", asked.request) };
        assert_eq!(*places, [(P0, OffsetSpec::Since(since))]);
        assert_eq!(script.fetch(1).unwrap().places[0].offset, 12);
    }
}

#[test]
fn without_a_commit_none_throws() {
    let mut script = reset_to(OffsetReset::None);
    assert_eq!(script.stopped(), Some(Stopped::Failed(Exception::NoOffsetForPartition)));
    let threw = threw(&[P0], Exception::NoOffsetForPartition);
    assert_eq!(script.facts(), [threw, revoked(&[P0], false)]);
    assert!(script.find(|request| matches!(request, Request::LeaveGroup(..))).is_some());
}

#[test]
fn a_committed_offset_is_taken_up_whatever_the_reset_policy() {
    for reset in [OffsetReset::Latest, OffsetReset::None] {
        let mut script = Script::reading(ConsumerConfig { offset_reset: reset, ..config() }, &[(P0, 9)]);
        assert_eq!(script.facts()[1], positioned(P0, 9, PositionReason::Committed));
        assert_eq!(script.fetch(1).unwrap().places[0].offset, 9);
    }
}

#[test]
fn a_position_that_retention_has_passed_is_reset_and_what_is_gone_is_skipped() {
    for (reset, to, why) in
        [(OffsetReset::Earliest, 20, Reason::Retention), (OffsetReset::Latest, 50, Reason::OffsetReset)]
    {
        let mut script = Script::reading(ConsumerConfig { offset_reset: reset, ..config() }, &[(P0, 9)]);
        script.facts();
        script.fetched(1, vec![failed(P0, ErrorCode::OffsetOutOfRange, None)]);
        script.listed(P0, Ok(to));
        let facts = [positioned(P0, to, PositionReason::OutOfRange), skipped(P0, to, why)];
        assert_eq!(script.facts(), facts);
    }
}

#[test]
fn a_position_out_of_range_throws_when_there_is_no_reset_policy() {
    let config = ConsumerConfig { offset_reset: OffsetReset::None, auto_commit: false, ..config() };
    let mut script = Script::reading(config, &[(P0, 9)]);
    script.facts();
    script.fetched(1, vec![failed(P0, ErrorCode::OffsetOutOfRange, None)]);
    assert_eq!(script.stopped(), Some(Stopped::Failed(Exception::OffsetOutOfRange)));
    assert_eq!(script.facts(), [threw(&[P0], Exception::OffsetOutOfRange), revoked(&[P0], false)]);
}

#[test]
fn a_position_behind_the_end_of_the_log_is_reset_and_nothing_is_skipped() {
    let mut script =
        Script::reading(ConsumerConfig { offset_reset: OffsetReset::Latest, ..config() }, &[(P0, 9)]);
    script.facts();
    script.fetched(1, vec![failed(P0, ErrorCode::OffsetOutOfRange, None)]);
    script.listed(P0, Ok(5));
    assert_eq!(script.facts(), [positioned(P0, 5, PositionReason::OutOfRange)]);
}

#[test]
fn an_automatic_commit_covers_previous_polls_only() {
    let mut script = Script::reading(config(), &[(P0, 0)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    script.pass(MS(4_999));
    script.fetched(1, vec![data(P0, 10, &[10])]);
    assert_eq!(script.poll(), [(0, 10, 10)]);
    assert!(script.commit_request().is_none(), "one millisecond early");
    script.pass(MS(1));
    assert!(script.commit_request().is_none(), "nobody polls");
    script.fetched(1, vec![data(P0, 20, &[10])]);
    assert_eq!(script.poll(), [(0, 20, 10)]);
    assert_eq!(script.kept(ErrorCode::None), [(P0, 20)], "not what this poll has handed over");
}

#[test]
fn an_idle_poll_commits_when_the_interval_is_over() {
    let mut script = Script::reading(config(), &[(P0, 3)]);
    script.pass(MS(4_999));
    assert!(script.commit_request().is_none());
    script.pass(MS(1));
    assert_eq!(script.kept(ErrorCode::None), [(P0, 3)]);
}

#[test]
fn an_automatic_commit_that_failed_for_now_is_tried_again_soon() {
    let mut script = Script::reading(config(), &[(P0, 3)]);
    script.pass(MS(5_000));
    script.kept(ErrorCode::CoordinatorLoadInProgress);
    script.pass(MS(79));
    assert!(script.commit_request().is_none(), "retry.backoff.ms less a fifth");
    script.pass(MS(41));
    assert_eq!(script.kept(ErrorCode::None), [(P0, 3)]);
}

#[test]
fn commit_sync_commits_all_that_was_handed_over() {
    let mut script = Script::reading(ConsumerConfig { auto_commit: false, ..config() }, &[(P0, 0)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    script.say(ToSubscriber::Settle);
    assert_eq!(script.kept(ErrorCode::None), [(P0, 10)]);
    assert_eq!(script.settled(), Some(true));
}

#[test]
fn commit_sync_tries_again_until_its_time_is_over() {
    let mut script = Script::reading(ConsumerConfig { auto_commit: false, ..config() }, &[(P0, 4)]);
    script.say(ToSubscriber::Settle);
    script.kept(ErrorCode::CoordinatorLoadInProgress);
    assert_eq!(script.settled(), None);
    script.pass(MS(120));
    script.kept(ErrorCode::None);
    assert_eq!(script.settled(), Some(true), "the second try");
    script.say(ToSubscriber::Settle);
    while script.settled().is_none() {
        script.pass(MS(100));
        if script.open.iter().any(|open| matches!(open.request, Request::OffsetCommit(_))) {
            script.kept(ErrorCode::CoordinatorLoadInProgress);
        }
        assert!(script.now <= Time::from_secs(61), "default.api.timeout.ms has passed");
    }
    assert!(script.now >= Time::from_secs(60));
}

#[test]
fn commit_sync_of_nothing_is_done_at_once() {
    let mut script = Script::new(config());
    script.say(ToSubscriber::Settle);
    assert_eq!(script.settled(), Some(true));
    assert!(script.open.is_empty());
}

#[test]
fn closing_commits_what_was_handed_over_and_leaves() {
    let mut script = Script::reading(config(), &[(P0, 0)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    script.facts();
    script.say(ToSubscriber::Close);
    assert!(script.find(|request| matches!(request, Request::LeaveGroup(..))).is_none(), "not yet");
    assert_eq!(script.kept(ErrorCode::None), [(P0, 10)]);
    assert!(script.find(|request| matches!(request, Request::LeaveGroup(..))).is_some());
    assert_eq!(script.facts(), [revoked(&[P0], false)]);
    assert_eq!(script.stopped(), Some(Stopped::Closed));
    assert_eq!(script.poll(), []);
}

#[test]
fn what_crosses_a_departure_from_poll_is_not_committed_by_it() {
    let mut script = Script::reading(config(), &[(P0, 0)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    script.say(ToSubscriber::Leave);
    assert!(script.find(|request| matches!(request, Request::OffsetCommit(..))).is_none());
    assert!(script.find(|request| matches!(request, Request::LeaveGroup(..))).is_some());
    assert_eq!(script.stopped(), Some(Stopped::Closed));
}

#[test]
fn a_departure_from_poll_commits_what_earlier_polls_returned() {
    let mut script = Script::reading(config(), &[(P0, 0)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    assert_eq!(script.poll(), []);
    script.say(ToSubscriber::Leave);
    assert_eq!(script.kept(ErrorCode::None), [(P0, 10)]);
    assert_eq!(script.stopped(), Some(Stopped::Closed));
}

#[test]
fn closing_does_not_wait_for_a_dead_coordinator_for_ever() {
    let mut script = Script::reading(config(), &[(P0, 0)]);
    script.say(ToSubscriber::Close);
    script.pass(MS(29_999));
    assert_eq!(script.stopped(), None);
    script.pass(MS(1));
    assert_eq!(script.stopped(), Some(Stopped::Closed));
}
