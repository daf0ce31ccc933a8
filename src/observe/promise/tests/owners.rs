//! Owners of partitions, and committed offsets.

use super::*;

#[test]
fn a_partition_that_is_given_out_while_another_has_it_has_two_owners() {
    let expected = || always(Promise::OneOwnerPerPartition);
    let mut two = Told::new(expected(), Time::ZERO);
    two.assign(MEMBER_1, &[PLACE, NEXT]);
    let second = two.assign(MEMBER_2, &[NEXT]);
    let verdict = two.end();
    let (count, witness) = broken(&verdict);
    assert_eq!((count, witness.serial, witness.place), (1, second, Some(NEXT)));
    assert!(witness.text.contains("billing-2 owns orders-1 now, and billing-1"), "{}", witness.text);
    let ways: [fn(&mut Told); 3] = [
        |told| told.revoke(MEMBER_1, &[NEXT], false),
        |told| told.crash(MEMBER_1),
        |told| _ = told.assign(MEMBER_1, &[PLACE]),
    ];
    for gives_up in ways {
        let verdict = told(expected(), |told| {
            told.assign(MEMBER_1, &[PLACE, NEXT]);
            gives_up(told);
            told.assign(MEMBER_2, &[NEXT]);
        });
        assert_held(&verdict);
    }
}

#[test]
fn two_owners_are_forgiven_at_the_end_when_one_of_them_has_let_go() {
    let expected = || Expectation::new(Promise::OneOwnerPerPartition, Mode::Eventually);
    let share = |told: &mut Told| {
        told.assign(MEMBER_1, &[PLACE]);
        told.assign(MEMBER_2, &[PLACE]);
    };
    let verdict = told(expected(), share);
    assert_eq!((broken(&verdict).0, broken(&verdict).1.place), (1, Some(PLACE)));
    assert_held(&told(expected(), |told| {
        share(told);
        told.revoke(MEMBER_1, &[PLACE], true);
    }));
}

#[test]
fn a_commit_beyond_the_high_watermark_and_a_log_that_ends_below_a_commit_break_it() {
    let expected = || always(Promise::CommittedOffsetBelowHighWatermark);
    let mut beyond = Told::new(expected(), Time::ZERO);
    beyond.keep(0, 10);
    beyond.settle(BILLING, 10);
    let commit = beyond.settle(BILLING, 11);
    let verdict = beyond.end();
    assert_eq!(
        (broken(&verdict).0, broken(&verdict).1.serial, broken(&verdict).1.offset),
        (1, commit, Some(11))
    );
    let mut below = Told::new(expected(), Time::ZERO);
    below.keep(0, 10);
    below.settle(BILLING, 8);
    let cut = below.cut(BROKER_2, 7, Reason::UncleanElection);
    let verdict = below.end();
    assert_eq!((broken(&verdict).0, broken(&verdict).1.serial, broken(&verdict).1.offset), (1, cut, Some(8)));
    assert_held(&told(expected(), |told| {
        told.keep(0, 10);
        told.settle(BILLING, 8);
        told.cut(BROKER_2, 8, Reason::UncleanElection);
    }));
}

#[test]
fn the_high_watermark_of_a_zombie_does_not_count() {
    let verdict = told(always(Promise::CommittedOffsetBelowHighWatermark), |told| {
        told.keep(0, 10);
        told.cut(BROKER_2, 10, Reason::LeaderElection);
        told.commit(BROKER_1, PLACE, 20);
        told.settle(BILLING, 15);
    });
    assert_eq!(broken(&verdict).0, 1);
}

#[test]
fn a_commit_beyond_the_log_mends_when_the_log_has_grown() {
    let expected = || Expectation::new(Promise::CommittedOffsetBelowHighWatermark, Mode::Eventually);
    let cut = |told: &mut Told| {
        told.keep(0, 10);
        told.settle(BILLING, 8);
        told.cut(BROKER_2, 7, Reason::UncleanElection);
    };
    assert_eq!(broken(&told(expected(), cut)).0, 1);
    assert_held(&told(expected(), |told| {
        cut(told);
        told.commit(BROKER_2, PLACE, 9);
    }));
}
