//! The catalogue, and a run as a whole.

use std::collections::BTreeSet;

use super::*;

#[test]
fn every_promise_is_silent_about_an_uneventful_run() {
    for entry in CATALOGUE {
        let mode = if entry.takes(Mode::Always) { Mode::Always } else { entry.modes[0] };
        let bound = Some(Duration::from_secs(100));
        let expected = Expectation { time: bound, ..Expectation::new(entry.promise, mode) };
        let verdict = told(expected, |told| {
            told.elect(PLACE, 1, 0, &[1, 2]);
            told.lead(BROKER_1, 0, 0, 0);
            told.assign(MEMBER_1, &[PLACE, NEXT]);
            told.keep(0, 10);
            told.read(0, 10);
            told.settle(BILLING, 10);
            told.settle(AUDIT, 10);
        });
        assert_eq!(verdict.count(), 0, "{}", entry.name);
    }
}

#[test]
fn the_catalogue_has_each_name_once_and_says_something_about_it() {
    let names: BTreeSet<_> = CATALOGUE.iter().map(|entry| entry.name).collect();
    assert_eq!(names.len(), CATALOGUE.len());
    for entry in CATALOGUE {
        assert_eq!(entry.promise.entry().name, entry.name);
        assert_eq!(Promise::named(entry.name), Some(entry.promise));
        assert!(entry.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", entry.name);
        assert!(!entry.modes.is_empty() && entry.example.contains(entry.name), "{}", entry.name);
        assert_eq!(entry.takes(Mode::Broken), !entry.takes(Mode::Sometimes), "{}", entry.name);
    }
}

#[test]
fn a_screen_is_told_how_each_stands_while_the_run_goes_on() {
    let standing = |mode, promise, story: fn(&mut Told)| {
        let mut told = Told::new(Expectation::new(promise, mode), Time::ZERO);
        story(&mut told);
        let [view] = &told.watch.snapshot().promises[..] else { panic!("one is expected") };
        (view.state, view.title.clone())
    };
    let calm: fn(&mut Told) = |told| told.keep(0, 1);
    let lost: fn(&mut Told) = |told| {
        told.keep(0, 2);
        told.cut(BROKER_2, 0, Reason::LeaderElection);
    };
    let name = "accepted-is-not-lost".to_owned();
    assert_eq!(standing(Mode::Always, Promise::AcceptedIsNotLost, calm), (Standing::Holds, name.clone()));
    assert_eq!(standing(Mode::Always, Promise::AcceptedIsNotLost, lost), (Standing::Broken(2), name));
    assert_eq!(standing(Mode::Eventually, Promise::CaughtUp, calm).0, Standing::Waits);
    assert_eq!(standing(Mode::Sometimes, Promise::LeaderChanged, calm).0, Standing::Waits);
    assert_eq!(
        standing(Mode::Sometimes, Promise::FaultStruck, |told| _ = told.fault(true)).0,
        Standing::Happened(1)
    );
}

#[test]
fn nothing_is_remarked_on_for_promises_that_do_not_ask_for_it() {
    let wants = |promise| {
        let (stage, cast) = (Arc::new(Stage::default()), Arc::new(Cast::default()));
        Promises::new(stage, cast, Time::ZERO, vec![always(promise)]).wants()
    };
    assert_eq!(wants(Promise::OneLeaderPerEpoch), Wants::NONE);
    assert_eq!(wants(Promise::AcceptedIsNotLost), Wants { gone: true, ..Wants::NONE });
    assert_eq!(wants(Promise::OrderPerKey), Wants { processed: true, ..Wants::NONE });
}
