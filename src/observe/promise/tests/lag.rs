//! Lag, pauses and recovery.

use super::*;

#[test]
fn lag_reaches_its_bound_and_again_only_after_it_was_below() {
    let expected =
        |records| Expectation { records: Some(records), group: Some(BILLING), ..always(Promise::LagBelow) };
    let story = |told: &mut Told| {
        told.keep(0, 5);
        told.keep(5, 5);
        told.read(0, 10);
        told.settle(BILLING, 10);
        told.keep(10, 10);
    };
    assert_held(&told(expected(11), story));
    let verdict = told(expected(10), story);
    let (count, witness) = broken(&verdict);
    // The commit of the second five is the seventh fact: offered, stored, committed, accepted, offered, stored.
    assert_eq!((count, witness.serial), (2, 7));
    assert_eq!(witness.text, "billing is 10 records behind");
    let other = Expectation { topic: Some(ChannelId(1)), group: None, ..expected(1) };
    assert_held(&told(other, story));
}

#[test]
fn lag_is_judged_from_the_warm_up_on_and_at_the_end_when_that_is_asked() {
    let expected = |mode| Expectation { records: Some(3), mode, ..always(Promise::LagBelow) };
    let story = |mode, warm_up| {
        let mut told = Told::new(expected(mode), Time::from_secs(warm_up));
        told.keep(0, 5);
        told.read(0, 5);
        told.settle(BILLING, 5);
        told.settle(AUDIT, 5);
        told.wait(20);
        told.keep(5, 1);
        told.end()
    };
    assert_eq!(broken(&story(Mode::Always, 0)).0, 2, "both groups");
    assert_held(&story(Mode::Always, 10));
    assert_held(&story(Mode::Eventually, 0));
    let behind = told(expected(Mode::Eventually), |told| told.keep(0, 3));
    assert_eq!(broken(&behind).0, 2);
}

#[test]
fn lag_in_time_is_the_age_of_the_oldest_record_that_waits() {
    let expected = |millis| Expectation {
        time: Some(Duration::from_millis(millis)),
        group: Some(BILLING),
        ..always(Promise::LagBelow)
    };
    let story = |told: &mut Told| {
        told.keep(0, 5);
        told.wait(2);
        told.keep(5, 5);
        told.settle(BILLING, 5);
        told.wait(1);
        told.settle(BILLING, 10);
    };
    // Committed at 3 ms, settled at 2 s and 9 ms.
    assert_eq!(broken(&told(expected(2_006), story)).0, 1);
    assert_held(&told(expected(2_007), story));
    let stuck = told(expected(5_000), |told| {
        told.keep(0, 5);
        told.wait(6);
    });
    assert_eq!(broken(&stuck).0, 1, "nobody has settled it until the end");
}

#[test]
fn what_a_shorter_log_has_lost_is_no_lag() {
    let expected =
        Expectation { group: Some(BILLING), ..Expectation::new(Promise::CaughtUp, Mode::Eventually) };
    assert_held(&told(expected, |told| {
        told.keep(0, 10);
        told.settle(BILLING, 6);
        told.cut(BROKER_2, 6, Reason::UncleanElection);
        told.commit(BROKER_1, PLACE, 12);
    }));
}

#[test]
fn caught_up_means_every_partition_of_every_group() {
    let expected = || Expectation::new(Promise::CaughtUp, Mode::Eventually);
    let story = |groups: &'static [GroupId]| {
        move |told: &mut Told| {
            told.keep(0, 10);
            groups.iter().for_each(|group| _ = told.settle(*group, 10));
        }
    };
    assert_held(&told(expected(), story(&[BILLING, AUDIT])));
    let verdict = told(expected(), story(&[AUDIT]));
    let (count, witness) = broken(&verdict);
    assert_eq!((count, witness.text.as_str()), (1, "billing is 10 records behind in orders-0"));
    assert_held(&told(Expectation { group: Some(AUDIT), ..expected() }, story(&[AUDIT])));
    let skipped = told(Expectation { group: Some(AUDIT), ..expected() }, |told| {
        told.keep(0, 10);
        let (group, place, to, why) = (AUDIT, PLACE, 10, Reason::OffsetReset);
        told.tell(MEMBER_1, Life::Skipped { group, place, to, why });
    });
    assert_held(&skipped);
}

#[test]
fn a_rebalance_pauses_from_stable_to_stable() {
    use GroupState::{CompletingRebalance, Empty, PreparingRebalance, Stable};
    let expected = |millis| Expectation {
        time: Some(Duration::from_millis(millis)),
        ..always(Promise::RebalancePauseBelow)
    };
    let story = |told: &mut Told| {
        told.group(Empty, PreparingRebalance);
        told.wait(60);
        told.group(PreparingRebalance, CompletingRebalance);
        told.group(CompletingRebalance, Stable);
        told.group(Stable, PreparingRebalance);
        told.wait(3);
        told.group(PreparingRebalance, CompletingRebalance);
        told.group(CompletingRebalance, Stable)
    };
    let mut slow = Told::new(expected(3_002), Time::ZERO);
    let stable = story(&mut slow);
    let verdict = slow.end();
    assert_eq!((broken(&verdict).0, broken(&verdict).1.serial), (1, stable), "forming does not count");
    assert_held(&told(expected(3_003), |told| _ = story(told)));
    let unfinished = told(expected(5_000), |told| {
        told.group(PreparingRebalance, Stable);
        told.group(Stable, PreparingRebalance);
        told.wait(6);
    });
    assert_eq!(broken(&unfinished).0, 1, "it never ended");
}

/// A fault of ten seconds in which a record waits; when it is dealt with after the fault, in seconds.
fn recovery(after: u64, dealt_with: fn(&mut Told)) -> Verdict {
    let expected = Expectation {
        time: Some(Duration::from_secs(5)),
        group: Some(BILLING),
        ..always(Promise::RecoversWithin)
    };
    told(expected, |told| {
        told.keep(0, 1);
        told.settle(BILLING, 1);
        told.fault(true);
        told.offer(1, 5);
        told.wait(10);
        told.fault(false);
        told.wait(after);
        dealt_with(told);
        told.wait(60);
    })
}

#[test]
fn recovery_is_counted_from_the_end_of_the_fault() {
    let settle: fn(&mut Told) = |told| {
        told.store(&ids(1, 5), PLACE, 1);
        told.accept(&ids(1, 5));
        told.commit(BROKER_1, PLACE, 6);
        told.settle(BILLING, 6);
    };
    assert_held(&recovery(4, settle));
    let late = recovery(6, settle);
    assert_eq!(broken(&late).0, 1);
    assert!(
        broken(&late).1.text.contains("more than the usual 2 records have waited"),
        "{}",
        broken(&late).1.text
    );
    let only_accepted: fn(&mut Told) = |told| {
        told.store(&ids(1, 5), PLACE, 1);
        told.commit(BROKER_1, PLACE, 6);
        told.accept(&ids(1, 5));
    };
    assert_eq!(broken(&recovery(4, only_accepted)).0, 1, "the group has not caught up");
    let refused: fn(&mut Told) =
        |told| _ = told.tell(SHOP, Life::Rejected { ids: ids(1, 5), why: Reason::DeliveryTimeout });
    assert_held(&recovery(4, refused));
}

#[test]
fn a_fault_that_is_never_taken_back_may_not_hold_things_up_for_longer() {
    let expected = || Expectation { time: Some(Duration::from_secs(5)), ..always(Promise::RecoversWithin) };
    let story = |waits| {
        move |told: &mut Told| {
            told.keep(0, 1);
            told.settle(BILLING, 1);
            told.settle(AUDIT, 1);
            told.fault(true);
            told.offer(1, 5);
            told.wait(waits);
            told.tell(SHOP, Life::Rejected { ids: ids(1, 5), why: Reason::DeliveryTimeout });
            told.wait(60);
        }
    };
    assert_held(&told(expected(), story(4)));
    assert_eq!(broken(&told(expected(), story(6))).0, 1);
    let level = Expectation { records: Some(5), ..expected() };
    assert_held(&told(level, story(6)));
}
