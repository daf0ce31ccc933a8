//! Sheet 15a, row by row (the two rows of `ExponentialBackoffTest` are beside the backoff itself).

use super::rig::{Rig, batch_of, idempotent, ms, plain};
use crate::kafka::config::ProducerConfig;
use crate::kernel::Time;
use crate::trace::Reason;
use crate::trace::kafka::ErrorCode::{
    LeaderNotAvailable, NotEnoughReplicas, NotLeaderOrFollower, OutOfOrderSequenceNumber,
};

#[test]
fn record_accumulator_test_exponential_retry_backoff() {
    let mut rig = Rig::new(plain(), 1, 1);
    rig.publish(0);
    for attempt in 0..8 {
        let (failed, middle) = (rig.now(), ms((100 << attempt).min(1_000)));
        let sent = rig.next();
        rig.respond(&sent, Err(NotEnoughReplicas));
        rig.until_time(failed + middle / 100 * 80);
        assert!(rig.sent.is_empty(), "retry {attempt} came too early");
        rig.until_time(failed + middle / 100 * 120);
        assert_eq!(rig.sent.len(), 1, "retry {attempt} came too late");
    }
    let attempts: Vec<_> = rig.retries().into_iter().map(|(attempt, _)| attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn test_linger() {
    let mut rig = Rig::new(ProducerConfig { linger: ms(10), ..plain() }, 1, 1);
    rig.publish(0);
    rig.until_time(Time::from_nanos(9_999_999));
    assert!(rig.sent.is_empty(), "not ready before 10 ms");
    rig.until(10);
    assert_eq!(rig.next().contents(), [(0, vec![0])]);
}

#[test]
fn test_next_ready_check_delay() {
    let config = ProducerConfig { linger: ms(10), batch_size: batch_of(2), ..plain() };
    // Partitions 0 and 2 on broker 0, partition 1 on broker 1.
    let mut rig = Rig::new(config, 2, 3);
    rig.publish(0);
    assert_eq!(rig.armed(), Some(Time::from_millis(10)), "the delay is 10");
    rig.until(5);
    rig.publish(1);
    assert_eq!(rig.armed(), Some(Time::from_millis(10)), "the delay is 5");
    assert!(rig.sent.is_empty());
    rig.publish(2);
    rig.publish(2);
    let sent = rig.next();
    assert_eq!((sent.at, sent.broker), (Time::from_millis(5), 0), "node 1 is ready at once");
    assert_eq!(sent.contents(), [(0, vec![0]), (2, vec![2, 3])], "and takes what lingers there");
    assert!(rig.sent.is_empty(), "the other node is not");
    rig.until(14);
    assert!(rig.sent.is_empty());
    rig.until(15);
    assert_eq!(rig.next().contents(), [(1, vec![1])]);
}

#[test]
fn test_expired_batches() {
    let config =
        ProducerConfig { delivery_timeout: ms(3_200), linger: ms(3_000), batch_size: batch_of(2), ..plain() };
    let mut rig = Rig::new(config, 1, 1);
    rig.publish(0);
    rig.publish(0);
    let full = rig.next();
    assert_eq!(full.at, Time::ZERO, "a full batch is ready at once whatever linger");
    rig.respond(&full, Ok(0));
    // Without a leader nothing can be sent.
    rig.set_leader(0, None);
    rig.publish(0);
    rig.disconnect(0);
    rig.until(3_199);
    assert_eq!(rig.rejected(Reason::DeliveryTimeout), [0; 0], "not yet");
    rig.until(3_200);
    assert_eq!(rig.rejected(Reason::DeliveryTimeout), [2], "even when never sent");
    assert!(rig.sent.is_empty());
}

#[test]
fn test_muted_partitions() {
    let mut rig = Rig::new(ProducerConfig { max_in_flight: 1, ..plain() }, 2, 2);
    rig.publish(0);
    let first = rig.next();
    rig.publish(0);
    assert!(rig.sent.is_empty(), "not drained while one is in flight");
    rig.publish(1);
    assert_eq!(rig.next().contents(), [(1, vec![2])], "others are");
    rig.respond(&first, Ok(0));
    assert_eq!(rig.next().contents(), [(0, vec![1])], "until it is unmuted");
}

#[test]
fn sender_test_idempotence_with_multiple_inflights_retried_in_order() {
    let mut rig = Rig::new(idempotent(), 1, 1);
    for _ in 0..3 {
        rig.publish(0);
    }
    let flight = [rig.next(), rig.next(), rig.next()];
    assert_eq!(flight.each_ref().map(|sent| sent.stamp()), [(0, 0), (0, 1), (0, 2)]);
    rig.respond(&flight[0], Err(LeaderNotAvailable));
    rig.publish(0);
    assert!(rig.sent.is_empty(), "the fourth is not drained");
    rig.respond(&flight[1], Err(OutOfOrderSequenceNumber));
    rig.respond(&flight[2], Err(OutOfOrderSequenceNumber));
    for sequence in 0..3 {
        rig.until_time(rig.now() + ms(130));
        let sent = rig.next();
        assert_eq!(sent.stamp(), (0, sequence), "in sequence order");
        // The fourth was never sent: it may go as soon as no retry is before it in the queue.
        assert_eq!(rig.sent.len(), usize::from(sequence == 2), "one at a time");
        rig.respond(&sent, Ok(u64::from(sequence)));
    }
    assert_eq!(rig.next().stamp(), (0, 3), "its sequence has waited for it");
    assert_eq!(rig.accepted(), [0, 1, 2]);
    assert_eq!(rig.epochs(), [0; 0]);
}

#[test]
fn sender_test_inflight_batches_expire_on_delivery_timeout() {
    for config in [plain(), idempotent()] {
        let mut rig = Rig::new(ProducerConfig { delivery_timeout: ms(1_500), ..config }, 1, 1);
        rig.publish(0);
        let sent = rig.next();
        rig.until(1_499);
        assert_eq!(rig.unknown(Reason::DeliveryTimeout), [0; 0]);
        rig.until(1_500);
        assert_eq!(rig.unknown(Reason::DeliveryTimeout), [0]);
        rig.respond(&sent, Ok(0));
        assert_eq!(rig.accepted(), [0; 0], "even if the answer comes then");
    }
}

#[test]
fn sender_test_expiry_of_first_batch_should_cause_epoch_bump_if_future_batches_fail() {
    let config = ProducerConfig { delivery_timeout: ms(1_500), ..idempotent() };
    let mut rig = Rig::new(config, 1, 1);
    rig.publish(0);
    let first = rig.next();
    rig.until(1_450);
    rig.publish(0);
    let second = rig.next();
    rig.respond(&first, Err(NotLeaderOrFollower));
    rig.until(1_500);
    assert_eq!(rig.rejected(Reason::DeliveryTimeout), [0], "a broker said no, and then time was up");
    rig.publish(0);
    assert!(rig.sent.is_empty(), "nothing new is drained while the sequence is unresolved");
    assert_eq!(rig.epochs(), [0; 0]);
    rig.respond(&second, Err(OutOfOrderSequenceNumber));
    assert_eq!(rig.epochs(), [1]);
    rig.until(1_650);
    let again = rig.next();
    assert_eq!((again.contents(), again.stamp()), (vec![(0, vec![1])], (1, 0)), "queued again as 0");
    rig.respond(&again, Ok(0));
    let third = rig.next();
    assert_eq!((third.contents(), third.stamp()), (vec![(0, vec![2])], (1, 1)));
}

#[test]
fn sender_test_when_first_batch_expire_no_send_second_batch_if_guarantee_order() {
    let config = ProducerConfig { delivery_timeout: ms(1_500), max_in_flight: 1, ..plain() };
    let mut rig = Rig::new(config, 1, 1);
    rig.publish(0);
    let first = rig.next();
    rig.until(750);
    rig.publish(0);
    assert!(rig.sent.is_empty(), "the partition is muted");
    rig.until(1_500);
    assert_eq!(rig.unknown(Reason::DeliveryTimeout), [0]);
    assert!(rig.sent.is_empty(), "the first is still in flight");
    rig.respond(&first, Ok(0));
    assert_eq!(rig.next().contents(), [(0, vec![1])], "only after");
}
