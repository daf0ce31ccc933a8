//! A run that goes back shows what it showed, and records what it would have recorded.

use std::path::Path;

use super::*;
use crate::cli::load::load_text;
use crate::gateway::Options;
use crate::observe::Snapshot;
use crate::observe::lens::Detail;
use crate::scenario::Overrides;
use crate::tape::Manifest;
use crate::trace::RecordId;
use crate::tui::{Direction, Moment, Pilot, Spot};

const SCENARIO: &str = r#"
# What is lost when a broker dies?
[run]
seed = 11
duration = "8s"
drain = "4s"

[kafka]
version = "4.1"
brokers = 3

[kafka.topics.orders]
partitions = 2
replication.factor = 3

[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { poisson = "100/s" }
producer.acks = "1"

[[sink]]
name = "billing"
from = "orders"
instances = 2
commit = "after"

[[fault]]
at = "5s"
kill = "leader of orders-0"
for = "2s"

[expect]
always = ["accepted-is-not-lost", "one-leader-per-epoch"]
"#;

fn loaded() -> Loaded {
    load_text(SCENARIO.to_owned(), Path::new("test.toml"), &Overrides::default())
        .unwrap_or_else(|_| panic!("the scenario makes sense"))
}

fn on_screen(recording: Option<&Recording>) -> Session {
    Session::on_screen(&loaded(), recording).unwrap_or_else(|_| panic!("it can be run"))
}

fn plain() -> Session {
    Session::new(&loaded(), None).unwrap_or_else(|_| panic!("it can be run"))
}

/// Runs on in slices, as a screen does.
fn run_to(session: &mut Session, until: Time) {
    while session.now() < until {
        let next = (session.now() + Duration::from_millis(130)).min(until);
        Pilot::advance(session, next);
    }
}

/// All that a screen is given at an instant, and the digest.
fn seen(session: &Session) -> (Time, Option<Digest>, u64, Snapshot, Detail) {
    (session.now(), session.digest(), session.facts(), session.snapshot(), session.detail())
}

#[test]
fn any_instant_is_the_same_on_the_way_back_as_on_the_way_there() {
    let mut session = on_screen(None);
    session.look(Look {
        place: Some(crate::trace::PlaceId(0)),
        group: Some(crate::trace::GroupId(0)),
        records: Some(crate::observe::lens::Query::default()),
        record: None,
        why: None,
    });
    let mut first = Vec::new();
    for second in 0..12 {
        run_to(&mut session, Time::from_millis(700 + 1_000 * second));
        first.push(seen(&session));
    }
    let over = session.end();
    run_to(&mut session, over);
    let end = seen(&session);
    for index in [7, 2, 11, 5, 0, 10, 6, 6, 1] {
        let then = &first[index];
        assert!(session.go(Spot::At(then.0)));
        assert!(seen(&session) == *then, "at {} it is another run", then.0);
    }
    assert!(session.go(Spot::Front));
    assert!(seen(&session) == end);
}

#[test]
fn a_run_that_went_back_goes_on_as_if_it_had_not() {
    let mut straight = plain();
    straight.advance(straight.end(), &mut ());
    let mut session = on_screen(None);
    run_to(&mut session, Time::from_secs(6));
    assert!(session.go(Spot::At(Time::from_secs(2))));
    run_to(&mut session, Time::from_secs(4));
    assert_eq!((session.now(), Pilot::front(&session)), (Time::from_secs(4), Time::from_secs(6)));
    for _ in 0..50 {
        Pilot::step(&mut session);
    }
    assert!(session.go(Spot::OneBack));
    run_to(&mut session, Time::from_secs(12));
    assert_eq!((session.digest(), session.facts()), (straight.digest(), straight.facts()));
}

#[test]
fn steps_back_undo_steps_forward_one_by_one() {
    let mut session = on_screen(None);
    run_to(&mut session, Time::from_secs(5));
    let mut way = vec![(session.digest(), session.facts())];
    for _ in 0..40 {
        Pilot::step(&mut session);
        way.push((session.digest(), session.facts()));
    }
    assert!(way.first() != way.last());
    while let Some(here) = way.pop() {
        assert_eq!((session.digest(), session.facts()), here);
        assert!(session.go(Spot::OneBack));
    }
    assert!(session.go(Spot::At(Time::ZERO)));
}

#[test]
fn there_is_nothing_before_the_beginning() {
    let mut session = on_screen(None);
    assert!(!session.go(Spot::OneBack));
    run_to(&mut session, Time::from_secs(1));
    assert!(session.go(Spot::At(Time::ZERO)));
    assert!(session.moment(0, Moment::Fault, Direction::Back).is_none());
}

#[test]
fn a_fault_is_found_forwards_and_backwards_and_the_run_stands_at_it() {
    let mut session = on_screen(None);
    run_to(&mut session, Time::from_secs(9));
    let back = session.moment(session.facts() + 1, Moment::Fault, Direction::Back);
    let Some(Spot::Fact(serial, at)) = back else { panic!("a broker was killed: {back:?}") };
    assert!(session.go(Spot::Fact(serial, at)));
    assert!(session.now() == Time::from_secs(5) && session.facts() >= serial, "{}", session.now());
    assert!(session.snapshot().lines.iter().any(|line| line.serial == serial));
    assert!(session.go(Spot::At(Time::from_secs(3))));
    let forward = session.moment(session.facts(), Moment::Fault, Direction::Forward);
    assert!(matches!(forward, Some(Spot::Fact(_, at)) if at == Time::from_secs(5)), "{forward:?}");
    assert!(session.snapshot().lines.iter().all(|line| line.at <= Time::from_secs(3)));
}

#[test]
fn a_recording_is_the_same_whether_somebody_went_back_or_not() {
    let folder = |name: &str| std::env::temp_dir().join(format!("brokersim-{name}-{}", std::process::id()));
    let recording = |name: &str| Recording {
        dir: folder(name),
        force: true,
        file: "test.toml".to_owned(),
        overrides: Vec::new(),
    };
    let mut straight = on_screen(Some(&recording("straight")));
    let over = straight.end();
    run_to(&mut straight, over);
    let mut wandering = on_screen(Some(&recording("wandering")));
    for (forth, back) in [(3, 1), (6, 5), (7, 0), (12, 4)] {
        run_to(&mut wandering, Time::from_secs(forth));
        assert!(wandering.go(Spot::At(Time::from_secs(back))));
        run_to(&mut wandering, Time::from_millis(1_000 * back + 500));
    }
    let [straight, wandering] = [straight, wandering].map(|session| {
        let mut summary = session.finish().unwrap_or_else(|_| panic!("it can be written"));
        summary.wall_seconds = 0.0;
        serde_json::to_value(&summary).expect("a summary is plain data")
    });
    assert_eq!(straight, wandering);
    let manifest = |name: &str| Manifest::read(&folder(name)).unwrap_or_else(|_| panic!("it was written"));
    assert_eq!(manifest("straight").digest, manifest("wandering").digest);
    assert!(manifest("straight").digest.is_some());
    for name in ["straight", "wandering"] {
        std::fs::remove_dir_all(folder(name)).ok();
    }
}

#[test]
fn a_record_is_followed_to_where_time_stands() {
    let mut session = on_screen(None);
    run_to(&mut session, Time::from_secs(9));
    let id = RecordId::new(0, 250);
    session.look(Look { record: Some(id), ..Look::default() });
    let whole = session.detail().trace.expect("it is followed");
    assert!(whole.lines.iter().any(|line| line.text.contains("appends it")), "{whole:?}");
    assert!(whole.lines.iter().any(|line| line.text.contains("every replica in sync has it")), "{whole:?}");
    let stored = whole.lines.iter().find(|line| line.text.contains("appends it")).expect("it is there");
    assert!(session.go(Spot::Fact(stored.serial, stored.at)));
    let part = session.detail().trace.expect("it is followed");
    assert!(part.lines.len() < whole.lines.len() && whole.lines.starts_with(&part.lines), "{part:?}");
    run_to(&mut session, Time::from_secs(9));
    assert_eq!(session.detail().trace.expect("it is followed").lines, whole.lines);
}

#[test]
fn a_run_by_the_clock_goes_on_while_its_past_is_looked_at() {
    let made = Session::on_screen_in(&loaded(), None, &World::Live, &Options::default());
    let mut session = made.unwrap_or_else(|_| panic!("it can be run"));
    let id = RecordId::new(0, 30);
    session.look(Look { record: Some(id), ..Look::default() });
    let is_stored = |session: &Session| {
        let trace = session.detail().trace.expect("it is followed");
        trace.lines.iter().any(|line| line.text.contains("appends it"))
    };
    while !is_stored(&session) && session.now() < Time::from_secs(4) {
        let next = session.now() + Duration::from_millis(30);
        Pilot::advance(&mut session, next);
    }
    assert!(is_stored(&session), "nothing was stored in {}", session.now());
    let now = session.now();
    assert!(session.is_live() && session.digest().is_none());
    let (snapshot, detail) = (session.snapshot(), session.detail());
    assert!(detail.places.iter().any(|row| row.log_end > 0), "{:?}", detail.places);

    assert!(session.go(Spot::At(Time::from_millis(200))));
    assert_eq!(session.now(), Time::from_millis(200));
    let early = session.detail().trace.expect("it is followed");
    assert!(early.lines.iter().all(|line| line.at <= Time::from_millis(200)), "{early:?}");
    let front = Pilot::front(&session);
    for _ in 0..3 {
        session.attend(Duration::from_millis(30));
    }
    assert!(Pilot::front(&session) > front && session.now() == Time::from_millis(200));
    let note = session.note().expect("both times are said");
    assert!(note.starts_with("live 00:0"), "{note}");
    assert!(session.go(Spot::At(now)));
    assert_eq!(session.snapshot(), snapshot);
    assert_eq!(session.detail(), detail);
    assert!(session.go(Spot::OneBack));
    assert!(session.facts() < snapshot.facts);

    assert!(session.go(Spot::Front));
    assert_eq!((session.now(), session.note()), (Pilot::front(&session), None));
    assert!(session.go(Spot::At(now)));
    let summary = session.finish().unwrap_or_else(|_| panic!("it can be ended"));
    assert!(summary.books_balance && summary.tally.offered >= snapshot.tally.offered);
    assert_eq!((summary.state, summary.books.lost_total()), ("interrupted", 0));
}

fn recorded(name: &str) -> Recording {
    let dir = std::env::temp_dir().join(format!("brokersim-{name}-{}", std::process::id()));
    Recording { dir, force: true, file: "test.toml".to_owned(), overrides: Vec::new() }
}

#[test]
fn a_repetition_ends_where_the_recorded_run_was_left_and_says_that_it_is_the_same() {
    let recording = recorded("left");
    let mut left = on_screen(Some(&recording));
    run_to(&mut left, Time::from_secs(6));
    left.finish().unwrap_or_else(|_| panic!("it can be written"));
    let mut manifest = Manifest::read(&recording.dir).unwrap_or_else(|_| panic!("it was written"));
    std::fs::remove_dir_all(&recording.dir).ok();
    for (change, told) in [(false, "same digest"), (true, "NOT WHAT WAS RECORDED: another digest")] {
        if change {
            manifest.checkpoints[3].digest = "0".repeat(32);
        }
        let mut again = on_screen(None).repeating(&manifest);
        assert_eq!((again.end(), again.note().as_deref()), (Time::from_secs(6), Some("as recorded")));
        run_to(&mut again, Time::from_secs(6));
        assert!(again.go(Spot::At(Time::from_secs(2))) && again.go(Spot::Front));
        assert_eq!(again.note().as_deref(), Some(told));
    }
}
