//! Stories of trouble: leaders that move, logs that are truncated, connections that break.

use super::script::*;
use crate::kafka::config::{ConsumerConfig, OffsetReset};
use crate::kafka::consumer::Stopped;
use crate::kernel::Duration;
use crate::trace::PlaceId;
use crate::trace::kafka::{ErrorCode, Exception, PositionReason};
use crate::wire::kafka::{Request, Response};
use crate::wire::port::ToSubscriber;

/// Has read ten records of partition 0; it is inside the next poll.
fn after_ten(config: ConsumerConfig) -> Script {
    let mut script = Script::reading(config, &[(P0, 0)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    script.poll();
    script.facts();
    script
}

fn moved(config: ConsumerConfig) -> Script {
    let mut script = after_ten(config);
    script.fetched(1, vec![failed(P0, ErrorCode::NotLeaderOrFollower, Some((2, 1)))]);
    script
}

#[test]
fn a_leader_that_moved_is_followed_by_the_brokers_hint() {
    let mut script = Script::reading(config(), &[(P0, 3)]);
    script.fetched(1, vec![failed(P0, ErrorCode::NotLeaderOrFollower, Some((2, 1)))]);
    let fetch = script.fetch(2).expect("nothing was read, so nothing is validated");
    assert_eq!((fetch.places[0].offset, fetch.places[0].leader_epoch), (3, Some(1)));
}

#[test]
fn a_leader_that_moved_without_a_hint_is_learnt_from_metadata() {
    let mut script = Script::reading(config(), &[(P0, 3)]);
    script.fetched(1, vec![failed(P0, ErrorCode::NotLeaderOrFollower, None)]);
    assert!(script.fetch(1).is_none() && script.fetch(2).is_none());
    script.leaders[0] = (2, 1);
    script.pass(MS(120));
    script.metadata();
    assert_eq!(script.fetch(2).expect("the new leader").places[0].offset, 3);
}

/// Lets time pass while the brokers answer what they must: heartbeats, and fetches without data.
fn idle(script: &mut Script, time: Duration) {
    let end = script.now + time;
    while script.now < end {
        script.pass(MS(1_000).min(end.since(script.now)));
        while let Some(beat) = script.find(|request| matches!(request, Request::Heartbeat(..))) {
            script.reply(&beat, Response::Heartbeat(ErrorCode::None));
        }
        for broker in 1..=3 {
            if script.fetch(broker).is_some() {
                script.fetched(broker, vec![]);
            }
        }
    }
}

#[test]
fn metadata_are_asked_for_again_when_they_are_old_and_not_before() {
    let mut script = Script::reading(ConsumerConfig { auto_commit: false, ..config() }, &[(P0, 3)]);
    let asks = |script: &mut Script| script.find(|request| matches!(request, Request::Metadata)).is_some();
    idle(&mut script, MS(299_999));
    assert!(!asks(&mut script));
    idle(&mut script, MS(1));
    assert!(asks(&mut script));
}

#[test]
fn a_broker_that_is_behind_in_metadata_is_asked_again_after_a_while() {
    let mut script = Script::reading(config(), &[(P0, 3)]);
    script.fetched(1, vec![failed(P0, ErrorCode::UnknownLeaderEpoch, None)]);
    assert!(script.fetch(1).is_none(), "backoff");
    script.pass(MS(120));
    assert_eq!(script.fetch(1).expect("the same leader").places[0].offset, 3);
}

#[test]
fn a_new_leader_that_has_everything_is_read_on_from() {
    let mut script = moved(config());
    assert!(script.fetch(2).is_none(), "not before it is validated");
    let asked = script.epoch_ends(P0, Some((0, 10)));
    assert_eq!(asked.broker, 2);
    let Request::EpochEnd(asked) = asked.request else { panic!("{:?}", asked.request) };
    assert_eq!(*asked, [(P0, 0)], "the epoch of the last record");
    assert_eq!(script.facts(), []);
    assert_eq!(script.fetch(2).unwrap().places[0].offset, 10);
}

#[test]
fn a_truncation_is_detected_and_the_position_goes_back() {
    let mut script = moved(config());
    script.epoch_ends(P0, Some((0, 7)));
    assert_eq!(script.facts(), [positioned(P0, 7, PositionReason::Truncated)]);
    assert_eq!(script.fetch(2).unwrap().places[0].offset, 7);
}

#[test]
fn a_truncation_throws_when_there_is_no_reset_policy() {
    let mut script =
        moved(ConsumerConfig { offset_reset: OffsetReset::None, auto_commit: false, ..config() });
    script.epoch_ends(P0, Some((0, 7)));
    assert_eq!(script.stopped(), Some(Stopped::Failed(Exception::LogTruncation)));
    assert_eq!(script.facts()[0], threw(&[P0], Exception::LogTruncation));
}

#[test]
fn an_epoch_that_the_new_leader_never_heard_of_resets_the_position() {
    let mut script = moved(config());
    script.epoch_ends(P0, None);
    script.listed(P0, Ok(0));
    assert_eq!(script.facts(), [positioned(P0, 0, PositionReason::Truncated)]);
}

#[test]
fn records_that_were_fetched_before_a_truncation_are_not_handed_over() {
    let mut script = Script::reading(config(), &[(P0, 0), (P1, 0)]);
    script.pass(MS(120));
    script.fetched(2, vec![failed(P1, ErrorCode::NotLeaderOrFollower, None)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    script.fetched(1, vec![data(P0, 10, &[10])]);
    assert_eq!(script.delivered(), [(0, 0, 10)], "the other ten wait while the application works");
    script.leaders[0] = (3, 1);
    script.metadata();
    assert_eq!(script.poll(), [], "the new leader is asked first");
    script.epoch_ends(P0, Some((0, 7)));
    assert_eq!(script.delivered(), []);
    assert_eq!(script.fetch(3).expect("the new leader").places[0].offset, 7);
}

#[test]
fn a_broker_that_is_gone_is_asked_again_after_a_while() {
    let mut script = Script::reading(config(), &[(P2, 3)]);
    script.reset(3);
    assert!(script.fetch(3).is_none(), "reconnect.backoff.ms");
    script.pass(MS(130));
    assert!(script.fetch(3).is_some());
}

#[test]
fn a_silent_broker_is_given_up_after_request_timeout() {
    let mut script = Script::reading(ConsumerConfig { auto_commit: false, ..config() }, &[(P2, 3)]);
    let silence = |script: &mut Script, time| {
        let end = script.now + time;
        while script.now < end {
            script.pass(MS(1_000).min(end.since(script.now)));
            if script.open.iter().any(|open| matches!(open.request, Request::Heartbeat(..))) {
                script.beaten(ErrorCode::None);
            }
        }
    };
    let fetches =
        |script: &Script| script.open.iter().filter(|open| matches!(open.request, Request::Fetch(_))).count();
    silence(&mut script, MS(29_999));
    assert_eq!(fetches(&script), 1);
    silence(&mut script, MS(200));
    assert_eq!(fetches(&script), 2, "a second try; the first will never be answered");
}

#[test]
fn an_answer_to_a_fetch_of_a_partition_given_up_meanwhile_is_dropped() {
    let mut script = Script::reading(ConsumerConfig { auto_commit: false, ..config() }, &[(P0, 0)]);
    script.pass(MS(3_000));
    script.beaten(ErrorCode::RebalanceInProgress);
    script.pass(MS(1));
    script.enter(2, &[(P0, 8)]);
    script.fetched(1, vec![data(P0, 0, &[5])]);
    assert_eq!(script.delivered(), [], "it is from the last generation's position");
    script.fetched(1, vec![data(P0, 8, &[5])]);
    assert_eq!(script.delivered(), [(0, 8, 5)]);
}

#[test]
fn a_fetch_of_many_partitions_is_handed_over_slice_by_slice() {
    let all: Vec<_> = (0..6).map(|place| (PlaceId(place), 0)).collect();
    let mut script = Script::reading(ConsumerConfig { max_poll_records: 7, ..config() }, &all);
    let mut got = script.delivered();
    for broker in 1..=3 {
        let first = PlaceId(broker - 1);
        let second = PlaceId(broker + 2);
        script.fetched(broker, vec![data(first, 0, &[4, 4]), data(second, 0, &[4, 4])]);
    }
    got.extend(script.delivered());
    while got.iter().map(|(_, _, records)| records).sum::<u32>() < 48 {
        let more = script.poll();
        assert!(!more.is_empty() && more.iter().map(|(_, _, records)| records).sum::<u32>() <= 7);
        got.extend(more);
    }
    for place in 0..6 {
        let mut next = 0;
        for (_, offset, records) in got.iter().filter(|(of, ..)| *of == place) {
            assert_eq!(*offset, next, "in order, without a gap, partition {place}");
            next += u64::from(*records);
        }
        assert_eq!(next, 8);
    }
}

#[test]
fn a_closed_consumer_does_not_wake_again() {
    let mut script = after_ten(ConsumerConfig { auto_commit: false, ..config() });
    script.say(ToSubscriber::Close);
    script.open.clear();
    script.pass(MS(1_000_000));
    assert!(script.open.is_empty());
}
