//! High watermarks, leaders and logs.

use super::*;

#[test]
fn a_high_watermark_may_fall_from_one_leader_to_the_next_and_not_on_one() {
    let expected = || always(Promise::HighWatermarkMonotone);
    let mut falls = Told::new(expected(), Time::ZERO);
    falls.lead(BROKER_1, 0, 0, 0);
    falls.commit(BROKER_1, PLACE, 10);
    let fall = falls.commit(BROKER_1, PLACE, 9);
    let verdict = falls.end();
    assert_eq!(
        (broken(&verdict).0, broken(&verdict).1.serial, broken(&verdict).1.offset),
        (1, fall, Some(9))
    );
    assert_held(&told(expected(), |told| {
        told.lead(BROKER_1, 0, 0, 0);
        told.commit(BROKER_1, PLACE, 10);
        told.lead(BROKER_2, 1, 10, 8);
        told.commit(BROKER_2, PLACE, 9);
    }));
    let begins = told(expected(), |told| {
        told.lead(BROKER_1, 0, 10, 8);
        told.commit(BROKER_1, PLACE, 7);
    });
    assert_eq!(broken(&begins).0, 1, "below where it began to lead");
}

#[test]
fn two_brokers_that_lead_in_one_epoch_break_it_and_two_epochs_do_not() {
    let expected = || always(Promise::OneLeaderPerEpoch);
    for (epoch, count) in [(1, 1), (2, 0)] {
        let mut by_itself = Told::new(expected(), Time::ZERO);
        by_itself.lead(BROKER_1, 1, 0, 0);
        let second = by_itself.lead(BROKER_2, epoch, 0, 0);
        let verdict = by_itself.end();
        assert_eq!(verdict.count(), count);
        assert!(count == 0 || broken(&verdict).1.serial == second);
        let named = told(expected(), |told| {
            told.elect(PLACE, 1, 1, &[1, 2]);
            told.elect(PLACE, 2, epoch, &[1, 2]);
        });
        assert_eq!(named.count(), count);
    }
    let again = told(expected(), |told| {
        told.elect(PLACE, 1, 1, &[1, 2]);
        told.elect(PLACE, 1, 1, &[1]);
        told.lead(BROKER_1, 1, 0, 0);
        told.lead(BROKER_1, 1, 5, 5);
    });
    assert_held(&again);
}

#[test]
fn in_sync_replicas_with_other_fingerprints_do_not_agree() {
    let expected = || always(Promise::LogsAgree);
    let mut differ = Told::new(expected(), Time::ZERO);
    differ.elect(PLACE, 1, 0, &[1, 2]);
    differ.digest(BROKER_1, 0, 256, 77);
    let other = differ.digest(BROKER_2, 0, 256, 78);
    let verdict = differ.end();
    let (count, witness) = broken(&verdict);
    assert_eq!((count, witness.serial, witness.offset), (1, other, Some(0)));
    assert!(witness.text.contains("broker-2 and broker-1 from 0 to 256"), "{}", witness.text);
    assert_held(&told(expected(), |told| {
        told.elect(PLACE, 1, 0, &[1, 2]);
        told.digest(BROKER_1, 0, 256, 77);
        told.digest(BROKER_2, 0, 256, 77);
        told.digest(BROKER_2, 256, 512, 78);
    }));
}

#[test]
fn only_members_of_the_in_sync_set_have_to_agree_and_only_about_what_they_still_have() {
    let expected = || always(Promise::LogsAgree);
    let out_of_sync = |told: &mut Told| {
        told.elect(PLACE, 1, 0, &[1, 2]);
        told.digest(BROKER_2, 0, 256, 78);
        told.elect(PLACE, 1, 0, &[1]);
        told.digest(BROKER_1, 0, 256, 77);
        told.digest(BROKER_2, 0, 256, 78);
    };
    assert_held(&told(expected(), out_of_sync));
    let truncated = |to| {
        told(expected(), |told| {
            told.elect(PLACE, 1, 0, &[1, 2]);
            told.digest(BROKER_2, 0, 256, 78);
            told.tell(BROKER_2, Kafka::Truncated { place: PLACE, to, from: 300 });
            told.digest(BROKER_1, 0, 256, 77);
        })
    };
    assert_held(&truncated(255));
    assert_eq!(broken(&truncated(256)).0, 1, "what was cut off lies above");
}
