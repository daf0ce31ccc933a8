//! Every bound from both sides, and what the application hears of it.

use super::rig::{Rig, batch_of, ms, plain};
use crate::kafka::config::{Acks, ProducerConfig};
use crate::kafka::producer::upper_bound;
use crate::kernel::Time;
use crate::trace::kafka::ErrorCode::{
    NetworkException, NotEnoughReplicas, NotEnoughReplicasAfterAppend, NotLeaderOrFollower,
};
use crate::trace::{Fact, Life, Reason, Record, RecordId};
use crate::wire::port::FromPublisher::{Blocked, Flushed, Ready};
use crate::wire::port::ToPublisher;

fn one_in_flight() -> ProducerConfig {
    ProducerConfig { max_in_flight: 1, ..plain() }
}

#[test]
fn a_batch_is_full_at_its_size_and_not_a_record_before() {
    let mut rig = Rig::new(ProducerConfig { linger: ms(5), batch_size: batch_of(3), ..plain() }, 1, 1);
    rig.publish(0);
    rig.publish(0);
    assert!(rig.sent.is_empty());
    rig.publish(0);
    let sent = rig.next();
    assert_eq!(sent.contents(), [(0, vec![0, 1, 2])]);
    assert_eq!(sent.produce.batches[0].batch.bytes(), batch_of(3));
}

#[test]
fn a_record_that_does_not_fit_closes_the_batch_before_it() {
    let mut rig = Rig::new(ProducerConfig { linger: ms(5), batch_size: batch_of(3) - 1, ..plain() }, 1, 1);
    for _ in 0..3 {
        rig.publish(0);
    }
    assert_eq!(rig.next().contents(), [(0, vec![0, 1])]);
    rig.until(5);
    assert_eq!(rig.next().contents(), [(0, vec![2])]);
}

#[test]
fn batch_size_zero_gives_each_record_a_batch() {
    let mut rig = Rig::new(ProducerConfig { batch_size: 0, ..one_in_flight() }, 1, 1);
    for _ in 0..3 {
        rig.publish(0);
    }
    for number in 0..3 {
        let sent = rig.next();
        assert_eq!(sent.contents(), [(0, vec![number])]);
        rig.respond(&sent, Ok(number));
    }
}

#[test]
fn no_more_requests_are_in_flight_than_allowed() {
    let mut rig = Rig::new(ProducerConfig { max_in_flight: 3, ..plain() }, 1, 1);
    for _ in 0..5 {
        rig.publish(0);
    }
    assert_eq!(rig.sent.len(), 3);
    let sent = rig.next();
    rig.respond(&sent, Ok(0));
    assert_eq!(rig.sent.len(), 3);
    assert_eq!(rig.sent[2].contents(), [(0, vec![3, 4])], "what waited went into one batch");
}

#[test]
fn a_request_holds_one_batch_of_each_partition_up_to_its_size() {
    let bytes = batch_of(1);
    for (max_request_size, first) in [(2 * bytes, 2), (2 * bytes - 1, 1)] {
        let config = ProducerConfig { linger: ms(5), max_request_size, ..plain() };
        let mut rig = Rig::new(config, 1, 3);
        for place in 0..3 {
            rig.publish(place);
        }
        rig.until(5);
        let sizes: Vec<_> = rig.sent.iter().map(|sent| sent.contents().len()).collect();
        assert_eq!(sizes[0], first, "{max_request_size}");
        assert_eq!(sizes.iter().sum::<usize>(), 3);
    }
}

#[test]
fn memory_runs_out_with_the_last_batch_and_comes_back_with_an_answer() {
    // Each batch takes batch.size from the pool, however few records it has.
    let config = ProducerConfig { batch_size: 1_000, buffer_memory: 2_999, ..one_in_flight() };
    let mut rig = Rig::new(config, 1, 3);
    rig.publish(0);
    rig.publish(1);
    assert_eq!((rig.free_bytes(), rig.told.len()), (999, 0), "just enough");
    rig.publish(2);
    rig.publish(2);
    assert_eq!(rig.told, [Blocked], "just too little, said once");
    let sent = rig.next();
    rig.respond(&sent, Ok(0));
    assert_eq!(rig.told, [Blocked, Ready]);
    let sent = rig.next();
    assert_eq!(sent.contents(), [(1, vec![1]), (2, vec![2, 3])]);
    rig.respond(&sent, Ok(0));
    assert_eq!(rig.free_bytes(), 2_999);
}

#[test]
fn who_waits_for_memory_makes_everything_urgent_and_gives_up_after_max_block() {
    let config = ProducerConfig {
        batch_size: 1_000,
        buffer_memory: 1_000,
        max_block: ms(200),
        linger: ms(5_000),
        ..one_in_flight()
    };
    let mut rig = Rig::new(config, 1, 2);
    rig.publish(0);
    assert!(rig.sent.is_empty(), "it lingers");
    rig.until(10);
    rig.publish(1);
    assert_eq!(rig.next().contents(), [(0, vec![0])], "no longer");
    rig.until(209);
    assert_eq!(rig.rejected(Reason::BufferExhausted), [0; 0]);
    rig.until(210);
    assert_eq!(rig.rejected(Reason::BufferExhausted), [1]);
    assert_eq!(rig.told, [Blocked, Ready]);
}

#[test]
fn without_metadata_send_blocks_for_max_block() {
    let mut rig = Rig::waiting(ProducerConfig { max_block: ms(50), ..plain() }, 1, 1);
    rig.publish(0);
    rig.until(49);
    rig.publish(0);
    assert_eq!(rig.told, [Blocked]);
    rig.until(50);
    assert_eq!(rig.rejected(Reason::NoMetadata), [0]);
    rig.help();
    assert_eq!(rig.told, [Blocked, Ready]);
    assert_eq!(rig.next().contents(), [(0, vec![1])]);
}

#[test]
fn a_record_of_the_largest_size_is_taken_and_one_byte_more_is_refused() {
    let mut rig = Rig::new(ProducerConfig { max_request_size: 1_088, ..plain() }, 1, 1);
    let most = Record::new(RecordId::new(0, 0), Time::ZERO, None, 1_002);
    assert_eq!(upper_bound(&most), 1_088);
    rig.publish_bytes(Some(0), 1_003);
    assert_eq!(rig.rejected(Reason::MessageTooLarge), [0]);
    rig.publish_bytes(Some(0), 1_002);
    assert_eq!(rig.next().contents(), [(0, vec![1])]);
}

#[test]
fn retries_end_and_the_last_error_says_whether_the_record_may_be_there() {
    let cases = [(NotEnoughReplicas, false), (NotEnoughReplicasAfterAppend, true)];
    for (error, doubt) in cases {
        let mut rig = Rig::new(ProducerConfig { retries: 2, ..plain() }, 1, 1);
        rig.publish(0);
        for _ in 0..3 {
            let sent = rig.next();
            rig.respond(&sent, Err(error));
            rig.until_time(rig.now() + ms(1_300));
        }
        assert!(rig.sent.is_empty(), "two retries are three tries");
        assert_eq!(rig.retries(), [(1, error), (2, error)]);
        let (yes, no) = (rig.unknown(Reason::NotEnoughReplicas), rig.rejected(Reason::NotEnoughReplicas));
        assert_eq!((yes.len(), no.len()), if doubt { (1, 0) } else { (0, 1) });
    }
}

#[test]
fn one_try_in_doubt_leaves_doubt_for_good() {
    let config = ProducerConfig { delivery_timeout: ms(3_000), ..plain() };
    let mut rig = Rig::new(config, 1, 1);
    rig.publish(0);
    rig.next();
    rig.disconnect(0);
    while rig.now() < Time::from_millis(3_000) {
        rig.until_time(rig.now() + ms(100));
        if let Some(sent) = rig.sent.pop_front() {
            rig.respond(&sent, Err(NotLeaderOrFollower));
        }
    }
    assert_eq!(rig.unknown(Reason::DeliveryTimeout), [0]);
}

#[test]
fn a_request_without_an_answer_is_given_up_after_request_timeout_and_takes_the_connection_with_it() {
    let config = ProducerConfig { request_timeout: ms(1_000), ..plain() };
    let mut rig = Rig::new(config, 2, 2);
    rig.publish(0);
    rig.until(500);
    rig.publish(0);
    let late = rig.next();
    rig.next();
    rig.until_time(Time::from_nanos(999_999_999));
    assert!(rig.retries().is_empty());
    rig.until(1_000);
    assert_eq!(rig.retries(), [(1, NetworkException), (1, NetworkException)]);
    rig.respond(&late, Ok(0));
    assert_eq!(rig.accepted(), [0; 0], "the answer came on a connection that is gone");
    rig.until(1_120);
    assert_eq!(rig.sent.len(), 2, "both are tried again");
}

#[test]
fn a_broken_connection_rests_for_the_reconnect_backoff() {
    let config = ProducerConfig { reconnect_backoff: ms(400), reconnect_backoff_max: ms(400), ..plain() };
    let mut rig = Rig::new(config, 2, 2);
    rig.disconnect(0);
    rig.publish(0);
    rig.publish(1);
    assert_eq!(rig.next().broker, 1, "the other broker is not concerned");
    rig.until(319);
    assert!(rig.sent.is_empty());
    rig.until(480);
    assert_eq!(rig.next().broker, 0);
}

#[test]
fn a_hint_of_the_new_leader_saves_the_backoff() {
    let mut rig = Rig::new(plain(), 2, 1);
    rig.helpful = false;
    rig.publish(0);
    let sent = rig.next();
    rig.respond_with(&sent, Err(NotLeaderOrFollower), Some((1, 2)));
    let again = rig.next();
    assert_eq!((again.broker, again.at), (1, Time::ZERO), "KIP-951");
    // Without a hint, metadata are asked for, and tell.
    rig.respond(&again, Err(NotLeaderOrFollower));
    rig.set_leader(0, Some((0, 3)));
    assert!(rig.sent.is_empty());
    rig.until(120);
    rig.help();
    assert_eq!(rig.next().broker, 0);
}

#[test]
fn old_metadata_do_not_undo_newer_ones() {
    let mut rig = Rig::new(plain(), 2, 1);
    rig.publish(0);
    let sent = rig.next();
    rig.respond_with(&sent, Err(NotLeaderOrFollower), Some((1, 2)));
    let again = rig.next();
    rig.respond(&again, Ok(0));
    // The rig's metadata still name broker 0 in epoch 1.
    rig.until(1_000);
    rig.publish(0);
    assert_eq!(rig.next().broker, 1);
}

#[test]
fn without_acknowledgements_a_record_is_accepted_when_it_is_sent() {
    let mut rig = Rig::new(ProducerConfig { acks: Acks::None, ..one_in_flight() }, 1, 1);
    for _ in 0..3 {
        rig.publish(0);
    }
    assert_eq!((rig.sent.len(), rig.accepted()), (3, vec![0, 1, 2]));
    let offsets = rig.facts.iter().filter(|fact| match fact {
        Fact::Life(Life::Accepted { offset, .. }) => offset.is_some(),
        _ => false,
    });
    assert_eq!(offsets.count(), 0, "nobody told an offset");
}

#[test]
fn a_flush_sends_at_once_and_returns_with_the_last_outcome() {
    let config = ProducerConfig { linger: ms(5_000), retries: 0, ..plain() };
    let mut rig = Rig::new(config, 2, 2);
    rig.publish(0);
    rig.publish(1);
    assert!(rig.sent.is_empty());
    rig.tell(ToPublisher::Flush);
    let (zero, one) = (rig.next(), rig.next());
    rig.publish(0);
    rig.respond(&one, Ok(0));
    assert!(rig.told.is_empty(), "one is missing");
    rig.respond(&zero, Err(NotEnoughReplicas));
    assert_eq!(rig.told, [Flushed { failed: 1 }], "what came after the flush is not waited for");
    let sent = rig.next();
    rig.respond(&sent, Ok(1));
    rig.tell(ToPublisher::Close);
    assert_eq!(rig.told[1..], [Flushed { failed: 0 }]);
}

#[test]
fn a_flush_waits_for_records_that_wait_outside() {
    let config = ProducerConfig { batch_size: 1_000, buffer_memory: 1_000, ..one_in_flight() };
    let mut rig = Rig::new(config, 1, 2);
    rig.publish(0);
    rig.publish(1);
    rig.tell(ToPublisher::Flush);
    let sent = rig.next();
    rig.respond(&sent, Ok(0));
    assert_eq!(rig.told, [Blocked, Ready]);
    let sent = rig.next();
    rig.respond(&sent, Ok(0));
    assert_eq!(rig.told, [Blocked, Ready, Flushed { failed: 0 }]);
}

#[test]
fn keys_keep_their_partition_and_the_rest_stick_to_one_for_a_batch() {
    let config = ProducerConfig { linger: ms(5), batch_size: batch_of(4), ..plain() };
    let mut rig = Rig::new(config, 1, 3);
    rig.publish_bytes(Some(0x8000_0002), 100);
    rig.until(5);
    assert_eq!(rig.next().contents(), [(2, vec![0])], "the sign bit is cleared; its absolute value is 0");
    for _ in 0..12 {
        rig.publish_bytes(None, 100);
    }
    let batches: Vec<_> = rig.sent.iter().flat_map(|sent| sent.contents()).map(|(_, ids)| ids).collect();
    assert_eq!(batches, [vec![1, 2, 3, 4], vec![5, 6, 7, 8], vec![9, 10, 11, 12]]);
}

#[test]
fn an_ordinary_record_arms_no_timer_and_takes_no_room_of_its_own() {
    let mut rig = Rig::new(ProducerConfig { linger: ms(5), ..plain() }, 1, 1);
    rig.publish(0);
    let (armed, free) = (rig.armed(), rig.free_bytes());
    assert_eq!(armed, Some(Time::from_millis(5)));
    for _ in 0..100 {
        rig.publish(0);
    }
    assert_eq!((rig.armed(), rig.free_bytes()), (armed, free));
}

#[test]
fn a_record_never_joins_a_batch_that_was_sent_before() {
    let mut rig = Rig::new(plain(), 1, 1);
    rig.publish(0);
    let sent = rig.next();
    rig.respond(&sent, Err(NotEnoughReplicas));
    rig.publish(0);
    rig.until(120);
    assert_eq!(rig.next().contents(), [(0, vec![0])]);
    assert_eq!(rig.next().contents(), [(0, vec![1])]);
}
