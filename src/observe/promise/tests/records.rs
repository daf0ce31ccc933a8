//! Promises about single records.

use super::*;

#[test]
fn what_was_accepted_and_is_cut_off_is_lost_and_what_was_not_accepted_is_not() {
    let story = |accepted: bool| {
        let mut told = Told::new(always(Promise::AcceptedIsNotLost), Time::ZERO);
        told.keep(0, 7);
        told.offer(7, 3);
        told.store(&ids(7, 3), PLACE, 7);
        if accepted {
            told.accept(&ids(7, 3));
        }
        let cut = told.cut(BROKER_2, 7, Reason::LeaderElection);
        (cut, told.watch.tally(), told.end())
    };
    let (cut, _, verdict) = story(true);
    let (count, witness) = broken(&verdict);
    assert_eq!((count, seen(witness)), (3, (cut, Some(7), 3, Some(7))));
    assert_eq!(
        (witness.why, witness.place_name.as_deref()),
        (Some(Reason::LeaderElection), Some("orders-0"))
    );
    assert!(witness.line().contains("shop 7 to 9 (orders-0 from offset 7): a broker that did not have them"));
    assert_held(&story(false).2);
}

#[test]
fn what_a_topic_loses_does_not_break_a_promise_about_another() {
    let lose = |told: &mut Told| {
        told.keep(0, 5);
        told.cut(BROKER_2, 2, Reason::UncleanElection);
    };
    let about = |topic| Expectation { topic: Some(ChannelId(topic)), ..always(Promise::AcceptedIsNotLost) };
    assert_eq!(broken(&told(about(0), lose)).0, 3);
    assert_held(&told(about(1), lose));
}

#[test]
fn what_was_promised_unseen_and_never_arrived_is_lost_at_the_end() {
    let verdict = told(always(Promise::AcceptedIsNotLost), |told| {
        told.offer(0, 2);
        told.tell(SHOP, Life::Accepted { ids: ids(0, 2), place: Some(PLACE), offset: None });
    });
    let (count, witness) = broken(&verdict);
    assert_eq!(
        (count, witness.why, witness.record),
        (2, Some(Reason::NotAcknowledged), Some(RecordId::new(0, 0)))
    );
}

#[test]
fn a_broken_promise_is_as_expected_only_with_its_number_and_its_causes() {
    let lose = |told: &mut Told| {
        told.keep(0, 10);
        told.cut(BROKER_2, 7, Reason::LeaderElection);
    };
    let expect = |count, causes: &[(Reason, u64)]| Expectation {
        count,
        causes: causes.iter().copied().collect(),
        ..Expectation::new(Promise::AcceptedIsNotLost, Mode::Broken)
    };
    let kept = |expected| told(expected, lose).kept;
    assert!(kept(expect(None, &[])) && kept(expect(Some(3), &[])));
    assert!(kept(expect(Some(3), &[(Reason::LeaderElection, 3)])));
    assert!(!kept(expect(Some(2), &[])) && !kept(expect(Some(4), &[])));
    assert!(!kept(expect(None, &[(Reason::LeaderElection, 2)])));
    assert!(!kept(expect(None, &[(Reason::LeaderElection, 3), (Reason::PowerLoss, 1)])));
    let held = told(expect(None, &[]), |told| told.keep(0, 10));
    assert!(!held.kept && held.outcome == Outcome::Held, "a broken promise that holds fails");
    assert_eq!(
        told(expect(Some(2), &[]), lose).complaint(),
        "expected: broken, exactly 2 records; broken for 3 records"
    );
}

#[test]
fn a_group_that_goes_past_records_breaks_it_whatever_the_way() {
    let skip = |told: &mut Told| {
        told.keep(0, 10);
        let (group, place, to, why) = (BILLING, PLACE, 4, Reason::OffsetReset);
        told.tell(MEMBER_1, Life::Skipped { group, place, to, why });
    };
    let expected = || always(Promise::NothingSkipped);
    let verdict = told(expected(), skip);
    let (count, witness) = broken(&verdict);
    assert_eq!(
        (count, witness.sequence, witness.records, witness.why),
        (4, Some(0), 4, Some(Reason::OffsetReset))
    );
    assert_eq!(witness.group.as_deref(), Some("billing"));
    let about = |group| Expectation { group: Some(group), ..expected() };
    assert_eq!(broken(&told(about(BILLING), skip)).0, 4);
    assert_held(&told(about(AUDIT), skip));
    let commit = |told: &mut Told| {
        told.keep(0, 10);
        told.process(BILLING, ids(5, 5), 5);
        told.settle(BILLING, 10);
    };
    let verdict = told(expected(), commit);
    assert_eq!((broken(&verdict).0, broken(&verdict).1.why), (5, Some(Reason::CommittedUnprocessed)));
    let expire = |told: &mut Told| {
        told.keep(0, 10);
        told.tell(BROKER_1, Life::Expired { place: PLACE, below: 6, why: Reason::Retention });
    };
    assert_eq!(broken(&told(expected(), expire)).0, 6);
    assert_eq!(told(always(Promise::AcceptedIsNotLost), expire).count(), 0, "that is the group's affair");
}

#[test]
fn a_group_that_reads_everything_skips_nothing() {
    let verdict = told(always(Promise::NothingSkipped), |told| {
        told.keep(0, 10);
        told.read(0, 10);
        told.settle(BILLING, 10);
        told.settle(AUDIT, 10);
    });
    assert_held(&verdict);
}

#[test]
fn a_record_that_is_processed_again_counts_whether_or_not_it_has_left_the_books() {
    let first = |told: &mut Told| {
        told.keep(0, 4);
        told.read(0, 4);
    };
    let expected = || always(Promise::NothingDuplicated);
    assert_held(&told(expected(), first));
    for settled in [false, true] {
        let mut told = Told::new(expected(), Time::ZERO);
        first(&mut told);
        if settled {
            told.settle(BILLING, 4);
            told.settle(AUDIT, 4);
        }
        let again = told.process(BILLING, ids(2, 2), 2);
        let duplicates = told.watch.tally().duplicates;
        let verdict = told.end();
        let (count, witness) = broken(&verdict);
        assert_eq!((count, seen(witness)), (duplicates, (again, Some(2), 2, Some(2))));
    }
    let other = Expectation { group: Some(AUDIT), ..expected() };
    assert_held(&told(other, |told| {
        first(told);
        told.process(BILLING, ids(2, 2), 2);
    }));
}

#[test]
fn a_record_that_is_appended_again_counts_unless_its_first_copy_is_gone() {
    let twice = |told: &mut Told| {
        told.keep(0, 4);
        told.store(&ids(1, 2), PLACE, 4);
    };
    let verdict = told(always(Promise::NothingStoredTwice), twice);
    let (count, witness) = broken(&verdict);
    assert_eq!((count, witness.sequence, witness.records, witness.offset), (2, Some(1), 2, Some(4)));
    let sign = told(Expectation::new(Promise::DuplicateStored, Mode::Sometimes), twice);
    assert!(sign.kept && sign.count() == 2);
    assert_held(&told(always(Promise::NothingStoredTwice), |told| {
        told.offer(0, 2);
        told.store(&ids(0, 2), PLACE, 0);
        told.cut(BROKER_1, 0, Reason::LeaderElection);
        told.store(&ids(0, 2), PLACE, 0);
    }));
}

#[test]
fn order_is_promised_within_a_key_and_not_between_keys() {
    let swap = |keys: [i32; 2]| {
        let mut told = Told::new(always(Promise::OrderPerKey), Time::ZERO);
        told.offer(0, 2);
        told.store(&keyed(0, keys[0]), PLACE, 0);
        told.store(&keyed(1, keys[1]), PLACE, 1);
        told.commit(BROKER_1, PLACE, 2);
        told.process(BILLING, keyed(1, keys[1]), 1);
        let late = told.process(BILLING, keyed(0, keys[0]), 0);
        let reordered = told.watch.tally().reordered;
        (late, reordered, told.end())
    };
    let (late, reordered, verdict) = swap([7, 7]);
    let (count, witness) = broken(&verdict);
    assert_eq!((count, seen(witness)), (reordered, (late, Some(0), 1, Some(0))));
    assert_held(&swap([7, 8]).2);
}

#[test]
fn a_partition_that_has_a_producers_records_in_another_order_breaks_it() {
    let append = |places: [PlaceId; 2]| {
        told(always(Promise::OrderPerPartitionAndProducer), |told| {
            told.offer(0, 10);
            told.store(&ids(5, 5), places[0], 0);
            told.store(&ids(0, 5), places[1], 5);
        })
    };
    let verdict = append([PLACE, PLACE]);
    let (count, witness) = broken(&verdict);
    assert_eq!((count, witness.sequence, witness.records, witness.offset), (5, Some(0), 5, Some(5)));
    assert_held(&append([PLACE, NEXT]));
}

#[test]
fn a_duplicate_is_not_out_of_order() {
    let verdict = told(always(Promise::OrderPerPartitionAndProducer), |told| {
        told.offer(0, 10);
        told.store(&ids(0, 10), PLACE, 0);
        told.store(&ids(0, 5), PLACE, 10);
    });
    assert_held(&verdict);
}

#[test]
fn after_a_shorter_log_order_begins_anew() {
    let verdict = told(always(Promise::OrderPerPartitionAndProducer), |told| {
        told.offer(0, 10);
        told.store(&ids(0, 10), PLACE, 0);
        told.cut(BROKER_1, 2, Reason::LeaderElection);
        told.store(&ids(2, 8), PLACE, 2);
    });
    assert_held(&verdict);
}

#[test]
fn an_error_and_a_timeout_are_both_refusals_with_their_causes() {
    let expected = || always(Promise::NothingRefused);
    assert_held(&told(expected(), |told| told.keep(0, 3)));
    let verdict = told(expected(), |told| {
        told.offer(0, 3);
        told.tell(SHOP, Life::Rejected { ids: ids(0, 2), why: Reason::MessageTooLarge });
        told.tell(SHOP, Life::Unknown { ids: ids(2, 1), why: Reason::DeliveryTimeout });
    });
    let (count, witness) = broken(&verdict);
    assert_eq!(
        (count, witness.sequence, witness.records, witness.why),
        (3, Some(0), 2, Some(Reason::MessageTooLarge))
    );
    let Outcome::Broken { causes, .. } = &verdict.outcome else { unreachable!("just seen") };
    assert_eq!(causes.values().copied().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn no_more_than_the_first_witnesses_are_kept_and_all_are_counted() {
    let verdict = told(always(Promise::NothingRefused), |told| {
        told.offer(0, 100);
        for number in 0..50 {
            let why = Reason::MessageTooLarge;
            told.tell(SHOP, Life::Rejected { ids: ids(number * 2, 1), why });
        }
    });
    assert_eq!((verdict.count(), verdict.witnesses().len()), (50, WITNESSES));
}
