//! A run that goes back shows what it showed, and records what it would have recorded.

use std::path::Path;

use super::*;
use crate::cli::load::{Loaded, load_text};
use crate::gateway::Options;
use crate::observe::Snapshot;
use crate::observe::lens::{Detail, Look};
use crate::scenario::Overrides;
use crate::tape::Manifest;
use crate::trace::RecordId;
use crate::tui::{Deed, Direction, Moment, Pilot, Spot};

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

pub(super) fn on_screen(recording: Option<&Recording>) -> Session {
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

/// Runs a text to its end without a screen.
fn run_of(text: &str) -> (Option<Digest>, u64) {
    let loaded = load_text(text.to_owned(), Path::new("saved.toml"), &Overrides::default());
    let mut session = Session::new(&loaded.unwrap_or_else(|failure| panic!("{}", failure.in_a_line())), None)
        .unwrap_or_else(|_| panic!("it can be run"));
    session.advance(session.end(), &mut ());
    (session.digest(), session.facts())
}

fn saved(session: &mut Session, name: &str) -> String {
    let file = std::env::temp_dir().join(format!("brokersim-saved-{name}-{}.toml", std::process::id()));
    let file = file.display().to_string();
    session.hand(Deed::Save { file: file.clone(), replace: true }).unwrap_or_else(|why| panic!("{why}"));
    let text = std::fs::read_to_string(&file).expect("it was saved");
    std::fs::remove_file(&file).ok();
    text
}

fn inject(session: &mut Session, line: &str) -> String {
    session.hand(Deed::Inject(line.to_owned())).unwrap_or_else(|why| panic!("{line}: {why}")).said
}

fn to_end(session: &mut Session) -> (Option<Digest>, u64) {
    let end = session.end();
    run_to(session, end);
    (session.digest(), session.facts())
}

fn on_screen_of(text: &str) -> Session {
    let loaded = load_text(text.to_owned(), Path::new("test.toml"), &Overrides::default());
    let loaded = loaded.unwrap_or_else(|failure| panic!("{}", failure.in_a_line()));
    Session::on_screen(&loaded, None).unwrap_or_else(|_| panic!("it can be run"))
}

/// What makes ties and draws: faults that come again, late by chance, drawn from the seed.
const TROUBLED: &str = r#"
[[fault]]
at = "1s"
latency = "shop"
by = "3ms"
for = "200ms"
every = "700ms"
jitter = "300ms"

[[fault]]
at = "2s"
pause = "a random broker"
for = "100ms"
every = "1s"

[faults.random]
kinds = ["kill", "slow-disk"]
every = "2s"
for = "500ms"
"#;

#[test]
fn somebody_who_may_inject_faults_changes_nothing() {
    let calm = calm();
    assert_eq!(to_end(&mut on_screen_of(&calm)), run_of(&calm));
}

#[test]
fn a_branch_is_the_run_of_the_file_that_is_saved_for_it() {
    let troubled = format!("{SCENARIO}{TROUBLED}");
    for (name, text) in [("plain", SCENARIO), ("troubled", troubled.as_str())] {
        let mut session = on_screen_of(text);
        run_to(&mut session, Time::from_millis(2_500));
        inject(&mut session, "kill broker-1 for 1s");
        run_to(&mut session, Time::from_millis(3_000));
        // At an instant at which much happens, twice; of a role, again and again, late by chance.
        inject(&mut session, "latency broker-2 by 2ms every 300ms times 4 jitter 250ms for 100ms");
        inject(&mut session, "pause leader of orders-1 for 300ms");
        run_to(&mut session, Time::from_millis(6_100));
        inject(&mut session, "stuck-handler a random member of billing for 1s");
        inject(&mut session, "produce shop records 7");
        inject(&mut session, "change-rate shop rate 200/s for 500ms");
        inject(&mut session, "shutdown broker-3 at 7s for 500ms");
        run_to(&mut session, Time::from_millis(7_600));
        inject(&mut session, "heal everything");
        let text = saved(&mut session, name);
        let branch = to_end(&mut session);
        assert_eq!(run_of(&text), branch, "{name}: the file runs otherwise\n{text}");
        assert!(text.contains("# What is lost when a broker dies?"), "comments stay");
        assert_eq!(text.matches("by-hand = true").count(), 8);
        // And so does that file, branched again.
        let mut again = on_screen_of(&text);
        run_to(&mut again, Time::from_secs(9));
        inject(&mut again, "kill a random broker for 200ms");
        let text = saved(&mut again, name);
        assert_eq!(run_of(&text), to_end(&mut again), "{name}, again");
    }
}

#[test]
fn what_was_before_an_injection_stays_as_it_was() {
    let mut session = on_screen(None);
    let mut first = Vec::new();
    for second in 1..=10 {
        run_to(&mut session, Time::from_secs(second));
        first.push((session.now(), session.digest(), session.facts()));
    }
    let straight = to_end(&mut session);
    assert!(session.go(Spot::At(Time::from_secs(4))));
    inject(&mut session, "power-loss broker-2");
    let at = |session: &Session| (session.now(), session.digest(), session.facts());
    assert_eq!(at(&session), first[3], "the injection itself is nothing that happens");
    assert_eq!(Pilot::front(&session), Time::from_secs(4));
    run_to(&mut session, Time::from_secs(6));
    let branch = at(&session);
    assert_ne!(branch, first[5]);
    // Back beyond the injection, and on again: it strikes once more, and once.
    for (back, index) in [(3, 2), (1, 0), (4, 3)] {
        assert!(session.go(Spot::At(Time::from_secs(back))));
        assert_eq!(at(&session), first[index]);
        run_to(&mut session, Time::from_secs(6));
        assert_eq!(at(&session), branch, "after a way back to {back} s");
    }
    // Taken back: the course that it came from, where it was left.
    let done = session.hand(Deed::TakeBack).expect("there is one");
    assert!(done.said.contains("power-loss broker-2"), "{}", done.said);
    assert_eq!(at(&session), first[3]);
    assert_eq!(to_end(&mut session), straight);
    assert!(session.hand(Deed::TakeBack).is_err(), "nothing was injected in the first course");
    // And there again.
    session.hand(Deed::Switch(1)).expect("it is kept");
    assert!(session.go(Spot::At(Time::from_secs(6))));
    assert_eq!(at(&session), branch);
}

/// Nothing goes wrong, and the group begins at once.
fn calm() -> String {
    let calm = SCENARIO.replace("[[fault]]\nat = \"5s\"\nkill = \"leader of orders-0\"\nfor = \"2s\"\n", "");
    assert!(!calm.contains("fault"));
    calm.replace("brokers = 3\n", "brokers = 3\ngroup.initial.rebalance.delay.ms = 0\n")
}

#[test]
fn a_member_that_is_added_makes_another_system_with_the_same_past() {
    let mut session = on_screen_of(&calm());
    run_to(&mut session, Time::from_secs(3));
    let before = (session.facts(), session.snapshot().tally);
    let said = inject(&mut session, "add-member billing");
    assert_eq!((session.facts(), session.snapshot().tally), before, "{said}");
    inject(&mut session, "pause billing-3 at 4s for 1s");
    let text = saved(&mut session, "member");
    run_to(&mut session, Time::from_secs(8));
    assert_eq!(session.snapshot().groups[0].members, 3);
    assert_eq!(run_of(&text), to_end(&mut session));
    session.hand(Deed::Switch(0)).expect("it is kept");
    assert_eq!(session.facts(), before.0);
}

#[test]
fn offsets_are_reset_for_a_group_without_members_alone() {
    let mut session = on_screen_of(&calm());
    run_to(&mut session, Time::from_secs(3));
    inject(&mut session, "reset-offsets billing position earliest");
    run_to(&mut session, Time::from_secs(4));
    let missed =
        |session: &Session| session.snapshot().lines.iter().any(|line| line.text.contains("not empty"));
    assert!(missed(&session), "{:?}", session.snapshot().lines);
    session.hand(Deed::TakeBack).expect("it is taken back");
    inject(&mut session, "close billing for 2s");
    run_to(&mut session, Time::from_millis(3_900));
    inject(&mut session, "reset-offsets billing position earliest");
    let text = saved(&mut session, "reset");
    run_to(&mut session, Time::from_secs(8));
    assert!(!missed(&session));
    assert!(session.snapshot().tally.duplicates > 100, "{:?}", session.snapshot().tally);
    assert_eq!(run_of(&text), to_end(&mut session));
    assert!(session.finish().unwrap_or_else(|_| panic!("it ends")).books_balance);
}

#[test]
fn two_branches_part_where_the_fault_strikes() {
    let mut session = on_screen(None);
    run_to(&mut session, Time::from_secs(3));
    inject(&mut session, "kill broker-1, broker-2");
    run_to(&mut session, Time::from_millis(4_500));
    let diff = session.hand(Deed::Differ(None)).expect("there is another course").diff.expect("it is told");
    assert!(diff.first[1].as_ref().is_some_and(|first| first.contains("fault-began")), "{:?}", diff.first);
    let row = |what: &str| diff.rows.iter().find(|row| row.what == what).unwrap_or_else(|| panic!("{what}"));
    assert_eq!(row("accepted").values[0], on_the_first_course(&session));
    assert_eq!(row("one-leader-per-epoch").values[0], "held");
    assert!(row("billing lag").worse.is_some());
    assert!(session.hand(Deed::Differ(Some(7))).is_err());
}

/// How many records the first course has accepted at the same instant.
fn on_the_first_course(session: &Session) -> String {
    let mut first = plain();
    first.advance(session.now(), &mut ());
    first.snapshot().tally.accepted.to_string()
}

#[test]
fn what_cannot_be_injected_says_why_and_changes_nothing() {
    let mut session = on_screen(None);
    run_to(&mut session, Time::from_secs(3));
    let before = (session.digest(), session.facts());
    for (line, why) in [
        ("kill broker-9", "broker-1 to broker-3"),
        ("kil broker-1", "kill"),
        ("kill broker-1 for soon", "soon"),
        ("kill broker-1 at 1s", "cannot strike any more"),
        ("latency broker-1 for 1s", "by"),
        ("heal", "for whom"),
    ] {
        let said = session.hand(Deed::Inject(line.to_owned())).expect_err("it cannot be injected");
        assert!(said.contains(why), "{line}: {said}");
    }
    assert_eq!(session.courses().all.len(), 1);
    assert_eq!((session.digest(), session.facts()), before);
    let over = to_end(&mut session);
    assert!(session.hand(Deed::Inject("kill broker-1".to_owned())).expect_err("it is over").contains("over"));
    assert_eq!((session.digest(), session.facts()), over);
}

#[test]
fn what_is_recorded_is_the_first_course_and_the_end_says_so() {
    let folder = std::env::temp_dir().join(format!("brokersim-branched-{}", std::process::id()));
    let recording =
        Recording { dir: folder.clone(), force: true, file: "test.toml".to_owned(), overrides: Vec::new() };
    let mut session = on_screen(Some(&recording));
    run_to(&mut session, Time::from_secs(4));
    inject(&mut session, "kill broker-3");
    let _ = to_end(&mut session);
    session.hand(Deed::Switch(0)).expect("it is there");
    let first = to_end(&mut session);
    session.hand(Deed::Switch(1)).expect("it is there");
    let farewell = session.farewell().expect("there is a branch");
    assert!(farewell.contains(":save FILE"), "{farewell}");
    session.finish().unwrap_or_else(|_| panic!("it can be written"));
    let manifest = Manifest::read(&folder).unwrap_or_else(|_| panic!("it was written"));
    assert_eq!(manifest.digest, first.0.map(|digest| digest.to_string()));
    std::fs::remove_dir_all(folder).ok();
}

#[test]
fn overrides_are_in_the_file_that_is_saved() {
    let overrides = Overrides {
        set: vec!["generator.shop.producer.acks=all".to_owned()],
        seed: Some(99),
        duration: None,
    };
    let loaded = load_text(SCENARIO.to_owned(), Path::new("test.toml"), &overrides);
    let mut session = Session::on_screen(&loaded.unwrap_or_else(|_| panic!("it makes sense")), None)
        .unwrap_or_else(|_| panic!("it can be run"));
    run_to(&mut session, Time::from_secs(2));
    inject(&mut session, "kill broker-1 for 1s");
    let text = saved(&mut session, "overrides");
    assert!(text.contains("seed = 99") && text.contains("producer.acks = \"all\""), "{text}");
    assert_eq!(run_of(&text), to_end(&mut session));
}

#[test]
fn a_file_that_exists_is_replaced_only_when_that_was_said() {
    let file = std::env::temp_dir().join(format!("brokersim-exists-{}.toml", std::process::id()));
    std::fs::write(&file, "mine").expect("a file");
    let mut session = on_screen(None);
    let save = |replace| Deed::Save { file: file.display().to_string(), replace };
    let why = session.hand(save(false)).expect_err("it exists");
    assert!(why.contains("save!") && std::fs::read_to_string(&file).expect("it is there") == "mine");
    session.hand(save(true)).expect("it was said");
    assert!(std::fs::read_to_string(&file).expect("it is there").contains("[kafka]"));
    std::fs::remove_file(&file).ok();
}

/// Types on a screen before a run, `~` for Enter, and waits for whatever that takes.
fn type_keys(session: &mut Session, model: &mut crate::tui::Model, keys: &str) {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    let key = |letter| match letter {
        '~' => KeyCode::Enter,
        letter => KeyCode::Char(letter),
    };
    let script =
        keys.chars().map(|letter| crate::tui::Act::Key(KeyEvent::new(key(letter), KeyModifiers::NONE)));
    crate::tui::play(session, model, crate::tui::pace::Speed::Max, script, |_| {});
}

#[test]
fn what_keys_inject_and_save_runs_and_replays_to_the_same_digest() {
    use crate::tui::{Model, Palette, Theme};
    let loaded = loaded();
    let mut session = Session::on_screen(&loaded, None).unwrap_or_else(|_| panic!("it can be run"));
    let about = crate::cli::about::about(&loaded, "test.toml", &Overrides::default());
    let mut model = Model::new("test", 11, Theme::new(Palette::Mono, true), session.end()).about(about);
    let file = std::env::temp_dir().join(format!("brokersim-keys-{}.toml", std::process::id()));
    let (name, folder) = (file.display().to_string(), file.with_extension("run"));
    // A broker by key; a fault changed in the line before it strikes; one in words; one that is taken back.
    type_keys(&mut session, &mut model, " :goto 3s~fk");
    assert_eq!(model.report.courses.here, 1, "{:?}", model.said);
    type_keys(
        &mut session,
        &mut model,
        ":goto 4s~f:i~:goto 4500ms~:fault latency shop by 3ms jitter 5ms for 1s~H",
    );
    assert!(model.said.is_some());
    type_keys(&mut session, &mut model, &format!("u:save! {name}~"));
    let said = model.said.clone().unwrap_or_default();
    assert!(said.contains("brokersim run"), "{said}");
    let branch = to_end(&mut session);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("{said}"));
    assert!(text.contains("kill = \"broker-") && text.contains("latency = \"shop\""), "{text}");
    assert!(!text.contains("heal ="), "it was taken back");
    assert_eq!(run_of(&text), branch);
    // Recorded, and repeated from what was recorded.
    let again = load_text(text, &file, &Overrides::default()).unwrap_or_else(|_| panic!("it loads"));
    let recording = Recording { dir: folder.clone(), force: true, file: name, overrides: Vec::new() };
    let mut recorded = Session::new(&again, Some(&recording)).unwrap_or_else(|_| panic!("it can be run"));
    recorded.advance(recorded.end(), &mut ());
    recorded.finish().unwrap_or_else(|_| panic!("it ends"));
    let manifest = Manifest::read(&folder).unwrap_or_else(|_| panic!("it was written"));
    assert_eq!(manifest.digest, branch.0.map(|digest| digest.to_string()));
    std::fs::remove_dir_all(&folder).ok();
    std::fs::remove_file(&file).ok();
}
