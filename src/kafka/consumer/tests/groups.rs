//! Stories of the group: joining, rebalances, heartbeats, leaving.

use super::script::*;
use crate::kafka::config::ConsumerConfig;
use crate::kafka::consumer::Stopped;
use crate::kernel::Duration;
use crate::trace::PlaceId;
use crate::trace::kafka::{ErrorCode, Exception, PositionReason};
use crate::wire::kafka::{Goodbye, Request, Response};
use crate::wire::port::{FromSubscriber, ToSubscriber};

const ALL: [PlaceId; 6] = [PlaceId(0), PlaceId(1), PlaceId(2), PlaceId(3), PlaceId(4), PlaceId(5)];

fn heartbeat(script: &mut Script) -> bool {
    script.find(|request| matches!(request, Request::Heartbeat(..))).is_some()
}

fn leave(script: &mut Script) -> bool {
    goodbye(script).is_some()
}

fn goodbye(script: &mut Script) -> Option<Goodbye> {
    let open = script.find(|request| matches!(request, Request::LeaveGroup(..)))?;
    let Request::LeaveGroup(_, _, why) = open.request else { unreachable!("found by its kind") };
    Some(why)
}

/// The coordinator announces a rebalance with the next heartbeat.
fn announce(script: &mut Script) {
    script.pass(MS(3_000));
    script.beaten(ErrorCode::RebalanceInProgress);
}

#[test]
fn a_first_join_asks_for_a_name_and_gets_an_assignment() {
    let mut script = Script::new(config());
    script.say(ToSubscriber::Next);
    script.metadata();
    script.coordinator(Ok(1));
    let first = script.joined(ErrorCode::MemberIdRequired, 0);
    assert_eq!(first.membership.member, None);
    let second = script.joined(ErrorCode::None, 1);
    assert_eq!(second.membership.member, Some(ME));
    assert_eq!(script.synced(&ALL), ALL, "the leader of one gives itself everything");
    assert_eq!(script.facts(), [assigned(1, &ALL)]);
    assert!(matches!(&script.told[..], [FromSubscriber::Assigned(places)] if **places == ALL));
}

#[test]
fn heartbeats_go_on_while_the_application_works() {
    let mut script = Script::reading(config(), &[(P0, 0)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    for _ in 0..10 {
        script.pass(MS(2_999));
        assert!(!heartbeat(&mut script), "early");
        script.pass(MS(1));
        script.beaten(ErrorCode::None);
    }
}

/// The application works so long; the brokers answer heartbeats and fetches.
fn work(script: &mut Script, time: Duration) {
    let end = script.now + time;
    while script.now < end {
        script.pass(MS(1_000).min(end.since(script.now)));
        while let Some(beat) = script.find(|request| matches!(request, Request::Heartbeat(..))) {
            script.reply(&beat, Response::Heartbeat(ErrorCode::None));
        }
        if script.fetch(1).is_some() {
            script.fetched(1, vec![]);
        }
    }
}

#[test]
fn a_poll_in_time_keeps_the_member_and_one_too_late_finds_it_gone() {
    for (late, gone) in [(MS(299_999), false), (MS(300_000), true)] {
        let mut script = Script::reading(config(), &[(P0, 0)]);
        script.fetched(1, vec![data(P0, 0, &[10])]);
        work(&mut script, late);
        assert_eq!(goodbye(&mut script), gone.then_some(Goodbye::PollTimeout));
        script.facts();
        script.poll();
        assert_eq!(script.join_request().is_some(), gone, "and it joins anew");
        assert_eq!(script.facts(), if gone { vec![revoked(&[P0], true)] } else { vec![] });
    }
}

#[test]
fn a_zombies_commit_is_refused() {
    let mut script = Script::reading(ConsumerConfig { auto_commit: false, ..config() }, &[(P0, 0)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    script.facts();
    script.say(ToSubscriber::Settle);
    script.kept(ErrorCode::IllegalGeneration);
    assert_eq!(script.settled(), Some(false));
    assert_eq!(script.facts(), [commit_failed(ErrorCode::IllegalGeneration)]);
    script.say(ToSubscriber::Settle);
    assert_eq!(script.settled(), Some(false), "it knows by itself");
    script.poll();
    assert_eq!(script.facts()[1..], [revoked(&[P0], true)]);
    let (_, join) = script.join_request().expect("it joins again");
    assert_eq!(join.membership.member, Some(ME), "under its name");
}

/// `KafkaConsumer.commitSync`, RebalanceInProgressException: "you can first complete the rebalance by calling poll and
/// commit can be reconsidered afterwards".
#[test]
fn a_commit_that_a_rebalance_refused_is_said_again_after_an_empty_poll() {
    for records in [0, 10] {
        let mut script = Script::reading(ConsumerConfig { auto_commit: false, ..cooperative() }, &[(P0, 0)]);
        script.fetched(1, vec![data(P0, 0, &[10])]);
        announce(&mut script);
        script.say(ToSubscriber::Settle);
        script.kept(ErrorCode::RebalanceInProgress);
        assert_eq!(script.settled(), Some(false));
        script.poll();
        let empty = |script: &mut Script| {
            let told = std::mem::take(&mut script.told);
            told.iter().any(|one| matches!(one, FromSubscriber::Deliver(none) if none.is_empty()))
        };
        script.pass(MS(200));
        assert!(!empty(&mut script), "the rebalance is not over");
        script.joined(ErrorCode::None, 2);
        script.synced(&[P0]);
        script.pass(MS(99));
        assert!(!empty(&mut script), "the poll waits for records");
        if records > 0 {
            script.fetched(1, vec![data(P0, 10, &[records])]);
        }
        script.pass(MS(1));
        assert_eq!(empty(&mut script), records == 0, "{records}");
        script.say(ToSubscriber::Settle);
        assert_eq!(script.kept(ErrorCode::None), [(P0, 10 + records)]);
        assert_eq!(script.settled(), Some(true));
        script.say(ToSubscriber::Next);
        script.pass(MS(1_000));
        assert!(!empty(&mut script), "once");
    }
}

#[test]
fn an_unknown_member_loses_its_name_too() {
    let mut script = Script::reading(config(), &[(P0, 0)]);
    script.facts();
    script.pass(MS(3_000));
    script.beaten(ErrorCode::UnknownMemberId);
    assert_eq!(script.facts(), [revoked(&[P0], true)]);
    assert_eq!(script.join_request().expect("it joins again").1.membership.member, None);
}

#[test]
fn an_eager_member_commits_then_gives_up_everything_then_joins() {
    let mut script = Script::reading(config(), &[(P0, 0), (P1, 0)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    script.facts();
    announce(&mut script);
    assert!(script.commit_request().is_none() && script.join_request().is_none(), "only inside poll()");
    script.poll();
    assert!(script.join_request().is_none(), "first the commit");
    assert_eq!(script.kept(ErrorCode::None), [(P0, 10), (P1, 0)]);
    assert_eq!(script.facts(), [revoked(&[P0, P1], false)]);
    assert!(script.join_request().is_none(), "the application has its say");
    script.pass(MS(1));
    let join = script.joined(ErrorCode::None, 2);
    assert_eq!(join.subscription.owned, []);
    script.synced(&[P1]);
    assert_eq!(script.facts(), [assigned(2, &[P1])]);
    script.committed(&[(P1, 0)]);
    assert_eq!(script.facts(), [positioned(P1, 0, PositionReason::Committed)]);
}

#[test]
fn an_eager_member_hands_over_nothing_while_it_rebalances() {
    let mut script = Script::reading(ConsumerConfig { max_poll_records: 5, ..config() }, &[(P0, 0)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    announce(&mut script);
    assert_eq!(script.poll(), [], "five are in the buffer");
    script.kept(ErrorCode::None);
    script.pass(MS(1));
    script.enter(2, &[(P0, 5)]);
    script.fetched(1, vec![data(P0, 5, &[5])]);
    assert_eq!(script.delivered(), [(0, 5, 5)], "fetched again");
}

#[test]
fn an_application_may_commit_when_it_is_told_of_a_revocation() {
    let mut script = Script::reading(ConsumerConfig { auto_commit: false, ..config() }, &[(P0, 0)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    announce(&mut script);
    script.poll();
    script.say(ToSubscriber::Settle);
    script.pass(MS(1));
    assert!(script.join_request().is_none(), "commitSync() has not returned");
    assert_eq!(script.kept(ErrorCode::None), [(P0, 10)]);
    assert_eq!(script.settled(), Some(true));
    assert!(script.join_request().is_some());
}

#[test]
fn a_cooperative_member_keeps_reading_and_gives_up_only_what_moved() {
    let mut script = Script::reading(cooperative(), &[(P0, 0), (P1, 0)]);
    script.facts();
    announce(&mut script);
    script.kept(ErrorCode::None);
    let join = script.joined(ErrorCode::None, 2);
    assert_eq!(join.subscription.owned, [P0, P1]);
    assert_eq!(join.subscription.generation, Some(1));
    script.fetched(1, vec![data(P0, 0, &[10])]);
    assert_eq!(script.delivered(), [(0, 0, 10)], "in the middle of the rebalance");
    script.facts();
    script.synced(&[P0]);
    assert_eq!(script.facts(), [], "only inside poll()");
    script.poll();
    assert_eq!(script.facts(), [revoked(&[P1], false), assigned(2, &[P0])]);
    assert_eq!(script.kept(ErrorCode::None), [(P0, 10)]);
    script.pass(MS(1));
    let join = script.joined(ErrorCode::None, 3);
    assert_eq!(join.subscription.owned, [P0]);
    script.synced(&[P0, P2]);
    script.committed(&[(P2, 4)]);
    assert_eq!(script.facts(), [assigned(3, &[P0, P2]), positioned(P2, 4, PositionReason::Committed)]);
    assert_eq!(script.fetch(1).expect("never stopped").places[0].offset, 10);
}

#[test]
fn the_join_response_waits_for_the_next_poll() {
    let mut script = Script::reading(cooperative(), &[(P0, 0)]);
    announce(&mut script);
    script.kept(ErrorCode::None);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    script.joined(ErrorCode::None, 2);
    assert!(!script.open.iter().any(|open| matches!(open.request, Request::SyncGroup(_))));
    script.poll();
    script.synced(&[P0]);
}

#[test]
fn a_static_member_comes_back_under_its_instance_id_and_never_says_goodbye() {
    let mut script = Script::of(config(), Some(3));
    script.say(ToSubscriber::Next);
    script.metadata();
    script.coordinator(Ok(1));
    script.enter(1, &[(P0, 0)]);
    script.crash();
    script.say(ToSubscriber::Next);
    script.metadata();
    script.coordinator(Ok(1));
    let join = script.joined(ErrorCode::None, 1);
    assert_eq!((join.membership.instance, join.membership.member), (Some(3), None));
    script.synced(&[P0]);
    script.committed(&[(P0, 0)]);
    script.say(ToSubscriber::Close);
    script.kept(ErrorCode::None);
    assert_eq!(script.stopped(), Some(Stopped::Closed));
    assert!(!leave(&mut script));
}

#[test]
fn a_static_member_that_polls_too_late_just_falls_silent() {
    let mut script = Script::of(config(), Some(3));
    script.say(ToSubscriber::Next);
    script.metadata();
    script.coordinator(Ok(1));
    script.enter(1, &[(P0, 0)]);
    script.fetched(1, vec![data(P0, 0, &[10])]);
    work(&mut script, MS(300_000));
    script.pass(MS(10_000));
    assert!(!leave(&mut script) && !heartbeat(&mut script));
}

#[test]
fn a_static_member_that_is_fenced_stops() {
    let mut script = Script::of(config(), Some(3));
    script.say(ToSubscriber::Next);
    script.metadata();
    script.coordinator(Ok(1));
    script.enter(1, &[(P0, 0)]);
    script.facts();
    script.pass(MS(3_000));
    script.beaten(ErrorCode::FencedInstanceId);
    assert_eq!(script.stopped(), Some(Stopped::Failed(Exception::FencedInstanceId)));
    assert_eq!(script.facts(), [threw(&[], Exception::FencedInstanceId), revoked(&[P0], true)]);
}

#[test]
fn an_answer_to_the_last_incarnation_is_not_taken_for_ones_own() {
    let mut script = Script::reading(config(), &[(P0, 0)]);
    let old = script.find(|request| matches!(request, Request::Fetch(_))).unwrap();
    script.crash();
    script.say(ToSubscriber::Next);
    script.reply(&old, Response::Heartbeat(ErrorCode::None));
    script.meet();
}

#[test]
fn a_coordinator_that_moved_is_found_again() {
    let mut script = Script::reading(config(), &[(P0, 0)]);
    script.pass(MS(3_000));
    script.beaten(ErrorCode::NotCoordinator);
    script.coordinator(Err(ErrorCode::CoordinatorNotAvailable));
    assert!(script.find(|request| matches!(request, Request::FindCoordinator(_))).is_none(), "backoff");
    script.pass(MS(120));
    script.coordinator(Ok(2));
    script.pass(MS(120));
    let beat =
        script.find(|request| matches!(request, Request::Heartbeat(..))).expect("it is still a member");
    assert_eq!(beat.broker, 2);
    script.facts();
    script.reply(&beat, Response::Heartbeat(ErrorCode::None));
    assert_eq!(script.facts(), [], "nothing was lost");
}

#[test]
fn a_coordinator_that_dies_is_looked_for_even_while_the_application_works() {
    let mut script = Script::reading(config(), &[(P1, 0)]);
    script.fetched(2, vec![data(P1, 0, &[10])]);
    script.reset(1);
    script.pass(MS(1));
    script.coordinator(Ok(2));
    script.pass(MS(3_000));
    assert!(heartbeat(&mut script));
}

#[test]
fn a_commit_sync_outlives_its_coordinator() {
    let mut script = Script::reading(ConsumerConfig { auto_commit: false, ..config() }, &[(P1, 5)]);
    script.say(ToSubscriber::Settle);
    script.kept(ErrorCode::NotCoordinator);
    script.coordinator(Ok(3));
    script.pass(MS(120));
    let (open, _) = script.commit_request().expect("the new coordinator is asked");
    assert_eq!(open.broker, 3);
    script.reply(&open, Response::OffsetCommit(ErrorCode::None));
    assert_eq!(script.settled(), Some(true));
}

#[test]
fn a_join_that_a_loading_coordinator_refuses_is_tried_again() {
    let mut script = Script::new(config());
    script.say(ToSubscriber::Next);
    script.meet();
    script.joined(ErrorCode::CoordinatorLoadInProgress, 0);
    assert!(script.join_request().is_none(), "backoff");
    script.pass(MS(120));
    script.enter(1, &[(P0, 0)]);
}
