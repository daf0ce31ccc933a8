//! Idempotence beyond the sheet's rows.

use super::rig::{Rig, batch_of, idempotent, ms, plain};
use crate::kafka::config::ProducerConfig;
use crate::trace::Reason;
use crate::trace::kafka::ErrorCode::{
    CoordinatorLoadInProgress, InvalidProducerEpoch, MessageTooLarge, NotEnoughReplicasAfterAppend,
    OutOfOrderSequenceNumber, UnknownProducerId,
};
use crate::wire::kafka::{Producer, Request, Response};

#[test]
fn nothing_is_sent_before_there_is_an_identity() {
    let mut rig = Rig::waiting(idempotent(), 1, 1);
    let asked = std::mem::take(&mut rig.other);
    let (metadata, init): (Vec<_>, Vec<_>) =
        asked.into_iter().partition(|(_, _, request)| matches!(request, Request::Metadata));
    assert!(matches!(init[..], [(0, _, Request::InitProducerId(None))]));
    rig.other = metadata;
    rig.help();
    rig.publish(0);
    assert!(rig.sent.is_empty());
    rig.answer(0, init[0].1, Response::InitProducerId(Err(CoordinatorLoadInProgress)));
    rig.until(130);
    assert!(rig.sent.is_empty() && rig.other.len() == 1, "it asks again after a backoff");
    rig.help();
    assert_eq!(rig.next().stamp(), (0, 0));
}

#[test]
fn an_answer_that_was_lost_costs_no_record_and_makes_no_copy() {
    let mut rig = Rig::new(idempotent(), 1, 1);
    rig.publish(0);
    rig.publish(0);
    let stamps = [rig.next().stamp(), rig.next().stamp()];
    rig.disconnect(0);
    for stamp in stamps {
        rig.until_time(rig.now() + ms(200));
        let again = rig.next();
        assert_eq!(again.stamp(), stamp, "the same sequence, so that the broker knows it");
        rig.respond(&again, Ok(5));
    }
    assert_eq!(rig.accepted(), [0, 1]);
}

#[test]
fn a_gap_after_the_last_acknowledged_sequence_bumps_the_epoch() {
    let mut rig = Rig::new(idempotent(), 1, 1);
    rig.publish(0);
    let sent = rig.next();
    rig.respond(&sent, Ok(0));
    rig.publish(0);
    let sent = rig.next();
    assert_eq!(sent.stamp(), (0, 1));
    rig.respond(&sent, Err(OutOfOrderSequenceNumber));
    assert_eq!(rig.epochs(), [1]);
    rig.until(130);
    assert_eq!(rig.next().stamp(), (1, 0));
}

#[test]
fn a_forgotten_producer_starts_a_new_epoch_once() {
    let mut rig = Rig::new(idempotent(), 1, 1);
    rig.publish(0);
    rig.publish(0);
    let (first, second) = (rig.next(), rig.next());
    rig.respond(&first, Err(UnknownProducerId));
    rig.respond(&second, Err(UnknownProducerId));
    assert_eq!(rig.epochs(), [1], "the second was numbered again already");
    rig.until(130);
    let again = rig.next();
    assert_eq!(again.stamp(), (1, 0));
    rig.respond(&again, Ok(0));
    rig.until(260);
    assert_eq!(rig.next().stamp(), (1, 1));
}

#[test]
fn other_partitions_keep_their_epoch_until_nothing_of_theirs_is_in_flight() {
    let mut rig = Rig::new(idempotent(), 2, 2);
    rig.publish(0);
    rig.publish(1);
    let (zero, one) = (rig.next(), rig.next());
    rig.respond(&zero, Err(InvalidProducerEpoch));
    assert_eq!((rig.rejected(Reason::Fenced), rig.epochs()), (vec![0], vec![1]));
    rig.publish(1);
    assert!(rig.sent.is_empty(), "partition 1 has one of the old epoch in flight");
    rig.respond(&one, Ok(0));
    assert_eq!(rig.next().stamp(), (1, 0));
}

#[test]
fn an_expired_batch_that_was_there_after_all_needs_no_new_epoch() {
    let config = ProducerConfig { delivery_timeout: ms(1_500), ..idempotent() };
    let mut rig = Rig::new(config, 1, 1);
    rig.publish(0);
    let first = rig.next();
    rig.until(1_000);
    rig.publish(0);
    let second = rig.next();
    rig.until(1_450);
    rig.respond(&first, Err(NotEnoughReplicasAfterAppend));
    rig.until(1_500);
    assert_eq!(rig.unknown(Reason::DeliveryTimeout), [0]);
    rig.respond(&second, Ok(1));
    assert_eq!(rig.epochs(), [0; 0], "the second would not have been taken without the first");
    rig.publish(0);
    assert_eq!(rig.next().stamp(), (0, 2));
}

#[test]
fn the_parts_of_a_batch_that_was_too_large_share_out_its_sequence() {
    for config in [plain(), idempotent()] {
        let config = ProducerConfig { linger: ms(5), batch_size: batch_of(4), ..config };
        let mut rig = Rig::new(config.clone(), 1, 1);
        for _ in 0..4 {
            rig.publish(0);
        }
        let whole = rig.next();
        assert_eq!(whole.contents(), [(0, vec![0, 1, 2, 3])]);
        rig.respond(&whole, Err(MessageTooLarge));
        // A first split aims at batch.size, which it has; the next ones at half of it.
        let same = rig.next();
        assert_eq!(same.contents(), whole.contents());
        rig.respond(&same, Err(MessageTooLarge));
        let mut seen = Vec::new();
        while let Some(part) = rig.sent.pop_front() {
            seen.push(part.contents()[0].1.clone());
            if config.idempotence {
                assert_eq!(part.stamp(), (0, *part.contents()[0].1.first().unwrap() as u32));
            }
            let outcome = if part.contents()[0].1 == [3] { Err(MessageTooLarge) } else { Ok(0) };
            rig.respond(&part, outcome);
        }
        assert_eq!(seen, [vec![0], vec![1], vec![2], vec![3]]);
        assert_eq!(rig.accepted(), [0, 1, 2]);
        assert_eq!(rig.rejected(Reason::MessageTooLarge), [3], "a single record is not split");
    }
}

#[test]
fn a_new_process_is_a_new_producer_and_takes_no_answer_to_the_old_one() {
    let mut rig = Rig::new(idempotent(), 1, 1);
    rig.publish(0);
    let old = rig.next();
    rig.crash_and_restart();
    rig.publish(0);
    let new = rig.next();
    assert_eq!(new.contents(), [(0, vec![1])], "the buffer died with the process");
    rig.respond(&old, Ok(0));
    assert_eq!(rig.accepted(), [0; 0]);
    rig.respond(&new, Ok(1));
    assert_eq!(rig.accepted(), [1]);
}

#[test]
fn after_the_last_epoch_comes_a_new_identity() {
    let mut rig = Rig::waiting(idempotent(), 1, 1);
    for (broker, correlation, request) in std::mem::take(&mut rig.other) {
        match request {
            Request::InitProducerId(_) => {
                let last = Producer { id: 6, epoch: 32_767 };
                rig.answer(broker, correlation, Response::InitProducerId(Ok(last)));
            }
            request => rig.other.push((broker, correlation, request)),
        }
    }
    rig.help();
    rig.publish(0);
    let sent = rig.next();
    assert_eq!(sent.stamp(), (32_767, 0));
    rig.respond(&sent, Err(OutOfOrderSequenceNumber));
    assert_eq!(rig.epochs(), [0; 0]);
    rig.until(130);
    assert!(rig.sent.is_empty(), "nothing goes out without an identity");
    rig.help();
    assert_eq!(rig.next().stamp(), (0, 0), "the batch is numbered for the new one");
}
