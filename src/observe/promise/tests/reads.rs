//! What is read.

use super::*;

#[test]
fn a_read_of_what_was_refused_is_dirty_and_of_what_timed_out_it_is_not() {
    let expected = || always(Promise::NoDirtyRead);
    let read = |told: &mut Told, tells: fn(Ids) -> Life| {
        told.offer(0, 4);
        told.store(&ids(0, 4), PLACE, 0);
        told.commit(BROKER_1, PLACE, 4);
        told.tell(SHOP, tells(ids(1, 2)));
        told.deliver(MEMBER_1, BILLING, ids(0, 4), 0)
    };
    let mut refused = Told::new(expected(), Time::ZERO);
    let serial = read(&mut refused, |ids| Life::Rejected { ids, why: Reason::RetriesExhausted });
    let verdict = refused.end();
    let (count, witness) = broken(&verdict);
    assert_eq!((count, seen(witness)), (2, (serial, Some(1), 2, Some(1))));
    let unknown = told(expected(), |told| {
        read(told, |ids| Life::Unknown { ids, why: Reason::DeliveryTimeout });
    });
    assert_held(&unknown);
}

#[test]
fn a_read_beyond_every_high_watermark_is_dirty() {
    let read = |upto| {
        told(always(Promise::NoDirtyRead), |told| {
            told.offer(0, 4);
            told.store(&ids(0, 4), PLACE, 0);
            told.commit(BROKER_1, PLACE, upto);
            told.deliver(MEMBER_1, BILLING, ids(0, 4), 0);
        })
    };
    let verdict = read(3);
    assert_eq!(
        (broken(&verdict).0, broken(&verdict).1.sequence, broken(&verdict).1.offset),
        (1, Some(3), Some(3))
    );
    assert_held(&read(4));
}

#[test]
fn a_read_of_what_no_log_had_is_dirty_and_so_is_a_refusal_after_the_read() {
    let never_stored = told(always(Promise::NoDirtyRead), |told| {
        told.keep(0, 4);
        told.offer(4, 2);
        told.deliver(MEMBER_1, BILLING, ids(4, 2), 0);
    });
    assert_eq!((broken(&never_stored).0, broken(&never_stored).1.sequence), (2, Some(4)));
    let refused_later = told(always(Promise::NoDirtyRead), |told| {
        told.offer(0, 2);
        told.store(&ids(0, 2), PLACE, 0);
        told.commit(BROKER_1, PLACE, 2);
        told.deliver(MEMBER_1, BILLING, ids(0, 2), 0);
        told.tell(SHOP, Life::Rejected { ids: ids(1, 1), why: Reason::RetriesExhausted });
    });
    assert_eq!((broken(&refused_later).0, broken(&refused_later).1.sequence), (1, Some(1)));
}

/// One consumer's reads of a partition: offset and how many, each.
fn polls(promise: Promise, reads: &[(u64, u32)], between: fn(&mut Told)) -> Verdict {
    told(always(promise), |told| {
        told.keep(0, 20);
        told.assign(MEMBER_1, &[PLACE]);
        for (index, (offset, records)) in reads.iter().enumerate() {
            if index > 0 {
                between(told);
            }
            told.deliver(MEMBER_1, BILLING, ids(*offset, *records), *offset);
        }
    })
}

#[test]
fn a_consumer_that_goes_on_behind_a_gap_skips() {
    let keeps: fn(&mut Told) = |_| {};
    let verdict = polls(Promise::NoPollSkip, &[(0, 5), (8, 2)], keeps);
    let (count, witness) = broken(&verdict);
    assert_eq!((count, witness.offset, witness.group.as_deref()), (3, Some(8), Some("billing")));
    assert!(witness.text.contains("billing-1 goes on at 8 instead of 5"), "{}", witness.text);
    assert_held(&polls(Promise::NoPollSkip, &[(0, 5), (5, 5), (0, 10)], keeps));
    let begins_anew: [fn(&mut Told); 3] = [
        |told| told.revoke(MEMBER_1, &[PLACE], false),
        |told| _ = told.assign(MEMBER_1, &[NEXT]),
        |told| told.crash(MEMBER_1),
    ];
    for between in begins_anew {
        assert_held(&polls(Promise::NoPollSkip, &[(0, 5), (8, 2)], between));
        assert_held(&polls(Promise::NoNonmonotonicPoll, &[(5, 5), (0, 5)], between));
    }
    let keeps_it: fn(&mut Told) = |told| _ = told.assign(MEMBER_1, &[PLACE, NEXT]);
    assert_eq!(broken(&polls(Promise::NoPollSkip, &[(0, 5), (8, 2)], keeps_it)).0, 3);
}

#[test]
fn a_consumer_that_reads_again_what_it_had_goes_back() {
    let keeps: fn(&mut Told) = |_| {};
    let verdict = polls(Promise::NoNonmonotonicPoll, &[(0, 5), (4, 5)], keeps);
    let (count, witness) = broken(&verdict);
    assert_eq!((count, witness.offset), (1, Some(4)));
    assert!(
        witness.text.contains("goes back to 4, had read below 5 in orders-0 (external)"),
        "{}",
        witness.text
    );
    assert_held(&polls(Promise::NoNonmonotonicPoll, &[(0, 5), (5, 5), (15, 5)], keeps));
}

#[test]
fn within_a_poll_it_is_internal() {
    let verdict = told(always(Promise::NoPollSkip), |told| {
        told.keep(0, 20);
        let deliver = |first: u64, serial: u64| Event {
            at: Time::from_secs(1),
            serial,
            cause: 4,
            actor: MEMBER_1,
            fact: Life::Delivered { ids: ids(first, 2), group: BILLING, place: PLACE, offset: first }.into(),
        };
        told.watch.observe(&[deliver(0, 5), deliver(4, 6)]);
        (told.serial, told.now) = (6, Time::from_secs(1));
    });
    assert!(broken(&verdict).1.text.ends_with("(internal)"), "{}", broken(&verdict).1.text);
}
