//! What is asked of a run on a screen: records that pass a filter, contents, why.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::cli::load::{Loaded, load_text};
use crate::gateway::Options;
use crate::lab::{Question, Recipe, ask};
use crate::observe::ledger::Fate;
use crate::observe::lens::{
    Around, Asked, Bounds, FateFilter, Filter, Look, Part, Query, RecordOrder, RecordPage, Telling, Term,
    Test,
};
use crate::observe::promise::Standing;
use crate::scenario::Overrides;
use crate::trace::{PlaceId, RecordId};
use crate::tui::{Pilot, Spot};

const SCENARIO: &str = r#"
# What is lost when a broker dies?
[run]
seed = 12
duration = "8s"
drain = "4s"

[network]
latency = { median = "8ms", p99 = "20ms" }

[kafka]
version = "4.1"
brokers = 3
broker.session.timeout.ms = 2000
broker.heartbeat.interval.ms = 500

[kafka.topics.orders]
partitions = 2
replication.factor = 3

[[generator]]
name = "shop"
topic = "orders"
payload = "events"
key = { field = "user" }
arrivals = { poisson = "600/s" }
producer.acks = "1"
producer.linger.ms = 0

[[sink]]
name = "billing"
from = "orders"
service = "3ms"
commit = "after"
consumer.auto.offset.reset = "earliest"

[[fault]]
at = "5s"
kill = "leader of orders-0"
for = "4s"

[expect]
always = ["accepted-is-not-lost"]
"#;

fn loaded() -> Loaded {
    load_text(SCENARIO.to_owned(), Path::new("test.toml"), &Overrides::default())
        .unwrap_or_else(|_| panic!("the scenario makes sense"))
}

fn recipe() -> Recipe {
    Recipe::new(SCENARIO.to_owned(), "test.toml".into(), Overrides::default())
}

fn at(until: Time) -> Session {
    let mut session = Session::on_screen(&loaded(), None).unwrap_or_else(|_| panic!("it can be run"));
    session.made_from(recipe());
    run_to(&mut session, until);
    session
}

fn run_to(session: &mut Session, until: Time) {
    while session.now() < until {
        let next = (session.now() + Duration::from_millis(130)).min(until);
        Pilot::advance(session, next);
    }
}

fn page(session: &mut Session, query: Query) -> RecordPage {
    session.look(Look { records: Some(query), ..Look::default() });
    session.detail().records.expect("records are asked for")
}

fn filtered(session: &mut Session, tests: &[(bool, Test)]) -> RecordPage {
    let terms = tests.iter().map(|(without, test)| Term { without: *without, test: test.clone() }).collect();
    page(session, Query { filter: Some(Arc::new(Filter { terms })), ..Query::default() })
}

fn from(least: u64) -> Bounds {
    Bounds { least, most: u64::MAX }
}

#[test]
fn a_filter_is_held_against_every_record_and_not_only_those_on_a_page() {
    let mut session = at(Time::from_secs(10));
    let all = page(&mut session, Query::default());
    assert!(
        all.remembered > 1_000 && all.lines.len() == 400 && all.matching == all.remembered,
        "{}",
        all.remembered
    );
    let early = filtered(&mut session, &[(false, Test::Time(Bounds { least: 0, most: 500_000_000 }))]);
    assert!(early.matching > 30 && early.lines.iter().all(|line| line.offered <= Time::from_millis(500)));
    let rest = filtered(&mut session, &[(true, Test::Time(Bounds { least: 0, most: 500_000_000 }))]);
    assert_eq!(early.matching + rest.matching, all.remembered);
    let lost = filtered(&mut session, &[(false, Test::Fate(vec![FateFilter::Lost]))]);
    assert!(
        lost.matching > 0 && lost.lines.iter().all(|line| matches!(line.fate, Fate::Lost(_))),
        "{lost:?}"
    );
    let one = lost.lines[0].clone();
    let number = u64::from(one.place.expect("it lay somewhere").0);
    let same = filtered(
        &mut session,
        &[
            (false, Test::Offset(Bounds { least: one.offset, most: one.offset })),
            (false, Test::Partition(Bounds { least: number, most: number })),
            (false, Test::Fate(vec![FateFilter::Wrong])),
        ],
    );
    assert!(same.lines.iter().any(|line| line.id == one.id) && same.matching <= 2, "{same:?}");
    let late = filtered(&mut session, &[(false, Test::Late(from(5_000_000_000)))]);
    assert!(late.matching > 0 && late.matching < all.remembered, "{}", late.matching);
}

#[test]
fn keys_and_words_are_found_in_contents_and_keys_by_their_hash() {
    let mut session = at(Time::from_secs(4));
    let some = page(&mut session, Query::default());
    let known = some.lines.iter().find(|line| line.key.is_some()).expect("contents are kept on a screen");
    let key =
        String::from_utf8(known.key.as_deref().expect("it has one").to_vec()).expect("keys are text here");
    let of_key = filtered(&mut session, &[(false, Test::Key(key.clone()))]);
    assert!(of_key.lines.iter().any(|line| line.id == known.id));
    assert!(
        of_key.matching < some.remembered && of_key.lines.iter().all(|line| line.key_hash == known.key_hash)
    );
    let beginning = filtered(&mut session, &[(false, Test::Key(format!("{}*", &key[..1])))]);
    assert!(beginning.matching >= of_key.matching);
    let with_word = filtered(&mut session, &[(false, Test::Text(key.to_uppercase()))]);
    assert!(
        with_word.matching >= of_key.matching,
        "the key is a field of the value, in letters of either case"
    );
    assert_eq!(filtered(&mut session, &[(false, Test::Text("no such word".to_owned()))]).matching, 0);
}

#[test]
fn numbered_keys_of_records_without_contents_are_shown_by_name() {
    let text = SCENARIO
        .replace(r#"payload = "events""#, r#"payload = { kind = "bytes", size = "100B" }"#)
        .replace(r#"key = { field = "user" }"#, "key = { zipf = 1.0, keys = 40 }");
    let loaded = load_text(text, Path::new("test.toml"), &Overrides::default())
        .unwrap_or_else(|_| panic!("the scenario makes sense"));
    let mut session = Session::on_screen(&loaded, None).unwrap_or_else(|_| panic!("it can be run"));
    run_to(&mut session, Time::from_secs(4));
    let all = page(&mut session, Query::default());
    let named = |key: &Option<Arc<[u8]>>| key.as_ref().is_some_and(|key| key.starts_with(b"key-"));
    let stored = |page: &RecordPage| page.lines.iter().filter(|line| line.stored.is_some()).count();
    assert!(stored(&all) > 300);
    assert!(all.lines.iter().all(|line| line.stored.is_none() || named(&line.key)), "{:?}", all.lines);
    let one_digit = filtered(&mut session, &[(false, Test::Key("key-3*".to_owned()))]);
    let found = one_digit.lines.iter().filter_map(|line| line.key.as_deref());
    assert!(found.clone().count() > 0 && found.clone().all(|key| key.starts_with(b"key-3")));
    let id = one_digit.lines[0].id;
    session.look(Look { record: Some(id), ..Look::default() });
    let trace = session.detail().trace.expect("it is followed");
    assert_eq!((&trace.key, &trace.value), (&one_digit.lines[0].key, &None));
}

#[test]
fn a_page_lies_around_what_is_sought_in_any_order() {
    let mut session = at(Time::from_secs(8));
    let place = Some(PlaceId(0));
    let around = Some(Around::Offset(100));
    let found = page(&mut session, Query { place, around, ..Query::default() });
    let id = found.found.expect("there is one");
    let line = found.lines.iter().find(|line| line.id == id).expect("it is on the page");
    assert_eq!((line.offset, line.place), (100, place));
    assert!(found.lines.windows(2).all(|pair| pair[0].offset <= pair[1].offset), "sorted");
    for order in RecordOrder::ALL {
        let around = Some(Around::Record(id));
        let page = page(&mut session, Query { order, around, ..Query::default() });
        assert!(page.lines.len() == 400 && page.lines.iter().any(|line| line.id == id), "{order:?}");
    }
    let time = Time::from_secs(3);
    let then = page(
        &mut session,
        Query { around: Some(Around::Time(time)), order: RecordOrder::Time, ..Query::default() },
    );
    let id = then.found.expect("there is one");
    let line = then.lines.iter().find(|line| line.id == id).expect("it is on the page");
    assert!(line.offered.since(Time::ZERO).as_millis().abs_diff(3_000) < 100, "{}", line.offered);
}

#[test]
fn contents_of_a_followed_record_are_decoded_and_looking_on_changes_nothing() {
    let mut session = at(Time::from_secs(4));
    let id = RecordId::new(0, 100);
    session.look(Look { record: Some(id), ..Look::default() });
    let trace = session.detail().trace.expect("it is followed");
    let decoded = trace.decoded.expect("its schema is known");
    assert_eq!(decoded.format, "json");
    assert!(decoded.fields.iter().any(|(name, value)| name == "user" && !value.is_empty()), "{decoded:?}");
    let mut alone = Session::new(&loaded(), None).unwrap_or_else(|_| panic!("it can be run"));
    alone.advance(Time::from_secs(4), &mut ());
    assert_eq!((alone.digest(), alone.facts()), (session.digest(), session.facts()));
}

#[test]
fn why_is_told_as_the_command_tells_it_of_the_run_as_far_as_it_has_come() {
    let mut session = at(Time::from_secs(10));
    let lost = filtered(&mut session, &[(false, Test::Fate(vec![FateFilter::Lost]))]);
    let id = lost.lines[0].id;
    // What is known does not end where time is looked at.
    assert!(session.go(Spot::At(Time::from_secs(4))));
    session.look(Look { why: Some(Asked::Record(id)), ..Look::default() });
    session.wait_for_answer(true);
    let told = session.detail().why.expect("it is told");
    assert_eq!((told.telling, told.upto), (Telling::Done, Time::from_secs(10)));
    let mut limited = recipe();
    limited.limit.until = Some(Time::from_secs(10));
    let name = format!("shop:{}", id.sequence());
    let question = Question {
        records: vec![name],
        troubles: Vec::new(),
        lag: None,
        late: Duration::from_secs(1),
        try_remedies: false,
    };
    let (why, _) = ask(&limited, &question).expect("it can be asked");
    let record = &why.records[0];
    assert_eq!(told.lines[0].text, record.headline);
    let steps: Vec<_> = told.lines.iter().filter(|line| matches!(line.part, Part::Step { .. })).collect();
    assert_eq!(steps.len(), record.steps.len());
    assert!(steps.iter().zip(&record.steps).all(|(line, step)| line.fact == Some((step.serial, step.at))));
    assert!(told.lines.iter().any(|line| line.text.starts_with("✓ would have survived")), "{told:?}");
}

#[test]
fn the_worst_is_told_in_short_and_a_question_that_is_dropped_is_not_answered() {
    let mut session = at(Time::from_secs(10));
    session.look(Look { why: Some(Asked::Worst { tried: false }), ..Look::default() });
    session.wait_for_answer(false);
    let told = session.detail().why.expect("it is told");
    assert!(told.short[0].starts_with("why lost"), "{:?}", told.short);
    session.look(Look::default());
    assert!(session.detail().why.is_none() && !session.is_asking());
}

#[test]
fn what_was_told_is_read_on_while_it_is_asked_again() {
    let mut session = at(Time::from_secs(10));
    session.look(Look { why: Some(Asked::Worst { tried: false }), ..Look::default() });
    session.wait_for_answer(true);
    let told = session.detail().why.expect("it is told");
    let whole = Asked::Worst { tried: true };
    session.look(Look { why: Some(whole), ..Look::default() });
    Pilot::has_news(&mut session);
    let again = session.detail().why.expect("it is told still");
    assert_eq!((again.asked, &again.lines[0].text), (whole, &told.lines[0].text));
    session.wait_for_answer(true);
    let all = session.detail().why.expect("it is told");
    assert!(all.lines.iter().any(|line| line.text.starts_with("✓ would have survived")), "{all:?}");
    // The overview has its short form from the same answer.
    session.look(Look { why: Some(Asked::Worst { tried: false }), ..Look::default() });
    assert_eq!(session.detail().why.map(|told| told.telling), Some(Telling::Done));
    assert!(!session.is_asking());
}

#[test]
fn at_the_end_of_a_run_its_promises_are_judged_for_good() {
    let text = SCENARIO.replace("always = [", "eventually = [\"caught-up\"]\nalways = [");
    let loaded = load_text(text, Path::new("test.toml"), &Overrides::default())
        .unwrap_or_else(|_| panic!("the scenario makes sense"));
    let mut session = Session::on_screen(&loaded, None).unwrap_or_else(|_| panic!("it can be run"));
    let standing = |session: &Session, title: &str| {
        let promises = session.snapshot().promises;
        promises.into_iter().find(|view| view.title == title).expect("it is promised").state
    };
    run_to(&mut session, Time::from_secs(11));
    assert_eq!(standing(&session, "caught-up"), Standing::Waits);
    run_to(&mut session, Time::from_secs(12));
    assert_ne!(standing(&session, "caught-up"), Standing::Waits);
    assert!(session.go(Spot::At(Time::from_secs(11))));
    assert_eq!(standing(&session, "caught-up"), Standing::Waits, "before the end nobody knows");
    assert!(session.go(Spot::At(Time::from_secs(12))));
    let shown = session.detail().verdicts;
    let summary = session.finish().unwrap_or_else(|_| panic!("it can be ended"));
    assert_eq!(shown, summary.promises, "as the summary says them");
}

#[test]
fn a_run_by_the_clock_tells_why_from_the_facts_that_it_has() {
    let text = SCENARIO.replace("at = \"5s\"", "at = \"500ms\"").replace("\"8s\"", "\"900ms\"");
    let text = text.replace("for = \"2s\"", "for = \"300ms\"").replace("\"4s\"", "\"100ms\"");
    let loaded = load_text(text, Path::new("test.toml"), &Overrides::default())
        .unwrap_or_else(|_| panic!("the scenario makes sense"));
    let made = Session::on_screen_in(&loaded, None, &World::Live, &Options::default());
    let mut session = made.unwrap_or_else(|_| panic!("it can be run"));
    while session.now() < Time::from_millis(700) {
        let next = session.now() + Duration::from_millis(30);
        Pilot::advance(&mut session, next);
    }
    let id = RecordId::new(0, 0);
    session.look(Look { why: Some(Asked::Record(id)), ..Look::default() });
    session.wait_for_answer(true);
    let told = session.detail().why.expect("it is told");
    assert_eq!(told.telling, Telling::Done);
    let steps = told.lines.iter().filter(|line| matches!(line.part, Part::Step { .. }));
    assert!(steps.clone().any(|line| line.text.contains("hands the record to its producer")), "{told:?}");
    assert!(session.finish().unwrap_or_else(|_| panic!("it can be ended")).books_balance);
}

#[test]
fn a_run_that_is_made_again_counts_how_far_it_has_come() {
    let gone = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let until = Time::from_millis(2_300);
    let mut recipe = recipe();
    recipe.limit = crate::lab::Limit { until: Some(until), stop: None, gone: Some(Arc::clone(&gone)) };
    recipe.look(Duration::from_secs(1)).unwrap_or_else(|_| panic!("the scenario makes sense"));
    assert_eq!(gone.load(std::sync::atomic::Ordering::Relaxed), until.as_nanos());
}
