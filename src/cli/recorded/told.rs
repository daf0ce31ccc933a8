//! A run that cannot be repeated, told from its recorded facts: time both ways within what was recorded.
//!
//! **Invariant.** What is shown at an instant is a function of the facts up to it, whichever way it was come by.
//!
//! Why something happened is told of the whole recording, as far as its facts are kept; what may help is not tried, as the
//! run cannot be made again.

use std::path::Path;
use std::sync::Arc;

use crate::fault::catalogue;
use crate::gateway::Act;
use crate::kernel::{Cast, Observer as _, Time};
use crate::observe::Snapshot;
use crate::observe::lens::{Asked, Detail, Follow, Lens, LensSetup, Look};
use crate::observe::promise::Verdict;
use crate::scenario::wiring;
use crate::tape::{Manifest, TapeError, recall};
use crate::trace::{RecordId, Stage};
use crate::tui::{Direction, Moment, Pilot, Progress, Spot};

use crate::cli::load::Loaded;
use crate::cli::session::inquiry::{Asking, Inquiry, Known};
use crate::cli::session::memory::Memory;
use crate::cli::session::moments::Moments;
use crate::cli::session::past::{Frame, Past};
use crate::cli::session::{first_by_hand, scene, scheduled};

/// A recorded run.
pub(super) struct Told {
    past: Past,
    moments: Moments,
    here: Frame,
    end: Time,
    look: Look,
    followed: Option<(RecordId, Follow)>,
    /// The facts, for whoever asks why.
    memory: Memory,
    /// What came of the promises in the end.
    verdicts: Vec<Verdict>,
    inquiry: Inquiry,
    stage: Arc<Stage>,
}

impl Told {
    /// Reads the facts of the run in `dir`.
    pub(super) fn read(dir: &Path, manifest: &Manifest, loaded: &Loaded) -> Result<Self, TapeError> {
        let (stage, cast) = (Arc::clone(&manifest.stage), Arc::new(manifest.cast.clone()));
        let mut reader = Reader::new(loaded, stage, cast);
        recall(dir, (&manifest.stage, &manifest.cast), &word, |events| {
            reader.take(events);
            true
        })?;
        let ended = manifest.ended_at_ns.map(|nanos| Time::ZERO + crate::kernel::Duration::from_nanos(nanos));
        Ok(reader.finish(ended))
    }

    fn follow(&mut self) {
        let id = self.look.record;
        self.followed = id.map(|id| (id, self.past.follow(id, self.here.facts)));
    }

    fn follow_on(&mut self, before: u64) {
        if let Some((_, follow)) = &mut self.followed {
            self.past.follow_on(follow, before, self.here.facts);
        }
    }

    /// Asks why.
    fn ask(&mut self, asked: Option<Asked>) {
        let Some(asked) = asked else { return self.inquiry.drop_question() };
        let promise = match asked {
            Asked::Promise(index) => self.verdicts.get(index as usize).map(|verdict| verdict.promise),
            Asked::Worst { .. } | Asked::Record(_) | Asked::Lag(_) => None,
        };
        let (memory, verdicts) = (&self.memory, &self.verdicts);
        let known = || Some(Known::Facts(Box::new(memory.clone()), verdicts.clone()));
        self.inquiry.ask(&Asking { asked, promise, front: self.end }, &self.stage, known);
    }

    fn progress(&self) -> Progress {
        if self.now() >= self.end { Progress::Finished } else { Progress::Running }
    }
}

/// A word of the scenario's language.
fn word(name: &str) -> Option<&'static str> {
    let act = || Act::ALL.into_iter().map(Act::key).find(|key| *key == name);
    catalogue::find(name).map(|kind| kind.name).or_else(act)
}

/// A run that is being read.
struct Reader {
    first: Frame,
    last: Frame,
    past: Past,
    moments: Moments,
    memory: Memory,
    stage: Arc<Stage>,
}

/// Facts that the front sees at once: then moments are looked for.
const AT_ONCE: usize = 1_000;

impl Reader {
    fn new(loaded: &Loaded, stage: Arc<Stage>, cast: Arc<Cast>) -> Self {
        let mut watch = wiring::watch_of(&loaded.scenario, &stage, Arc::clone(&cast), true);
        watch.remember();
        let setup =
            LensSetup { stage: Arc::clone(&stage), cast: Arc::clone(&cast), scheduled: scheduled(loaded) };
        let lens = Lens::new(setup).by_hand_from(first_by_hand(loaded));
        let first = Frame { watch, lens: Box::new(lens), facts: 0 };
        let (scenario, file) = (&loaded.scenario, loaded.file.display().to_string());
        let (scene, length) =
            (scene(loaded, &file, &stage, &cast), scenario.run.duration + scenario.run.drain);
        let memory = Memory::new(scene, &scenario.name, scenario.run.seed, &stage, length);
        let past = Past::whole(first.clone(), Arc::clone(&stage), cast);
        Self { last: first.clone(), first, past, moments: Moments::default(), memory, stage }
    }

    fn take(&mut self, events: &[crate::kernel::Event<crate::trace::Fact>]) {
        for events in events.chunks(AT_ONCE) {
            self.past.keep(events);
            self.last.see(events);
            self.memory.observe(events);
            let now = self.last.now();
            self.memory.closed(&self.last.settle(now));
            self.moments.note(&self.last.watch);
            self.past.note(&self.last.watch, &self.last.lens);
        }
    }

    fn finish(self, ended: Option<Time>) -> Told {
        let end = ended.map_or(self.last.now(), |ended| ended.max(self.last.now()));
        Told {
            past: self.past,
            moments: self.moments,
            here: self.first,
            end,
            look: Look::default(),
            followed: None,
            memory: self.memory,
            verdicts: self.last.watch.verdicts(),
            inquiry: Inquiry::default(),
            stage: self.stage,
        }
    }
}

impl Pilot for Told {
    fn now(&self) -> Time {
        self.here.now()
    }

    fn end(&self) -> Time {
        self.end
    }

    fn advance(&mut self, until: Time) -> Progress {
        let before = self.here.facts;
        self.past.forward(&mut self.here, until.min(self.end));
        self.follow_on(before);
        self.progress()
    }

    fn step(&mut self) -> Progress {
        let before = self.here.facts;
        if !self.past.step(&mut self.here) {
            self.here.catch_up(self.end);
        }
        self.follow_on(before);
        self.progress()
    }

    fn snapshot(&self) -> Snapshot {
        self.here.watch.snapshot()
    }

    /// All of it was read.
    fn front(&self) -> Time {
        self.end
    }

    fn facts(&self) -> u64 {
        self.here.facts
    }

    fn go(&mut self, spot: Spot) -> bool {
        let spot = if spot == Spot::Front { Spot::At(self.end) } else { spot };
        let Some(frame) = self.past.at(spot, &self.here) else { return false };
        self.here = frame;
        self.follow();
        true
    }

    fn moment(&self, from: u64, moment: Moment, direction: Direction) -> Option<Spot> {
        self.moments.find(from, moment, direction)
    }

    fn look(&mut self, look: Look) {
        let other = look.record != self.look.record;
        self.ask(look.why);
        self.look = look;
        if other {
            self.follow();
        }
    }

    fn detail(&self) -> Detail {
        let trace = self.followed.as_ref().map(|(_, follow)| follow.trace());
        let why = self.inquiry.told();
        Detail { trace, why, ..self.here.lens.detail(&self.here.watch, &self.look) }
    }

    fn is_asking(&self) -> bool {
        self.inquiry.is_asking()
    }

    fn has_news(&mut self) -> bool {
        self.inquiry.has_news()
    }

    fn note(&self) -> Option<String> {
        Some("as recorded".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::cli::session::{Recording, Session};
    use crate::kernel::Duration;
    use crate::observe::lens::Query;
    use crate::trace::{GroupId, PlaceId};

    fn loaded() -> Loaded {
        let text = include_str!("../../../tui-screenshots/orders-loss.toml").to_owned();
        let overrides = crate::scenario::Overrides { duration: Some("26s".to_owned()), ..Default::default() };
        crate::cli::load::load_text(text, Path::new("orders-loss.toml"), &overrides)
            .unwrap_or_else(|_| panic!("it makes sense"))
    }

    fn record(name: &str) -> (PathBuf, Manifest) {
        let dir = std::env::temp_dir().join(format!("brokersim-told-{name}-{}", std::process::id()));
        let recording = Recording {
            dir: dir.clone(),
            force: true,
            file: "orders-loss.toml".to_owned(),
            overrides: Vec::new(),
        };
        let mut session =
            Session::new(&loaded(), Some(&recording)).unwrap_or_else(|_| panic!("it can be run"));
        session.advance(session.end(), &mut ());
        session.finish().unwrap_or_else(|_| panic!("it can be written"));
        let manifest = Manifest::read(&dir).expect("it was written");
        (dir, manifest)
    }

    fn seen(pilot: &mut dyn Pilot) -> (Time, u64, Snapshot, Detail) {
        (pilot.now(), pilot.facts(), pilot.snapshot(), pilot.detail())
    }

    /// A tape has no contents.
    fn without_contents(mut detail: Detail) -> Detail {
        if let Some(trace) = &mut detail.trace {
            (trace.key, trace.value, trace.decoded) = (None, None, None);
        }
        for line in detail.records.iter_mut().flat_map(|page| &mut page.lines) {
            (line.key, line.key_hash) = (None, None);
        }
        detail
    }

    #[test]
    fn what_is_told_from_the_tape_is_what_the_run_showed_at_any_instant() {
        let (dir, manifest) = record("same");
        let mut told = Told::read(&dir, &manifest, &loaded()).expect("it can be read");
        let mut run = Session::on_screen(&loaded(), None).unwrap_or_else(|_| panic!("it can be run"));
        let look = Look {
            place: Some(PlaceId(0)),
            group: Some(GroupId(0)),
            records: Some(Query::default()),
            record: Some(RecordId::new(0, 40)),
            ..Look::default()
        };
        // Before it is offered nobody can say when that will be.
        Pilot::advance(&mut run, Time::from_secs(2));
        Pilot::look(&mut run, look.clone());
        told.look(look);
        let mut way = Vec::new();
        while run.now() < run.end() {
            let until = run.now() + Duration::from_millis(1_900);
            Pilot::advance(&mut run, until);
            way.push(seen(&mut run));
        }
        for index in [3, 1, way.len() - 1, 7, 0, way.len() / 2] {
            let (at, facts, snapshot, detail) = &way[index];
            assert!(told.go(Spot::At(*at)));
            assert_eq!((told.now(), told.facts()), (*at, *facts));
            assert_eq!(told.snapshot(), *snapshot, "at {at}");
            // A record is followed by what its batch says of it: no row has that.
            let shown = Detail { trace: detail.trace.clone(), ..told.detail() };
            assert_eq!(without_contents(shown), without_contents(detail.clone()), "at {at}");
            let lines = |detail: &Detail| detail.trace.as_ref().map_or(0, |trace| trace.lines.len());
            assert!(lines(detail) > 0, "the record is on its way at {at}");
            assert_eq!(lines(&told.detail()), lines(detail), "at {at}");
        }
        assert!(told.go(Spot::At(way[0].0)));
        for (at, facts, snapshot, detail) in &way[1..4] {
            told.advance(*at);
            assert_eq!((told.now(), told.facts(), &told.snapshot()), (*at, *facts, snapshot));
            let trace = |detail: &Detail| detail.trace.as_ref().map_or(0, |trace| trace.lines.len());
            assert_eq!(trace(&told.detail()), trace(detail), "forwards, at {at}");
        }
        std::fs::remove_dir_all(dir).ok();
    }

    #[test]
    fn why_records_were_lost_is_told_from_the_tape_of_a_run_that_cannot_be_made_again() {
        let (dir, manifest) = record("why");
        let mut told = Told::read(&dir, &manifest, &loaded()).expect("it can be read");
        std::fs::remove_dir_all(dir).ok();
        told.look(Look { why: Some(Asked::Worst { tried: true }), ..Look::default() });
        told.inquiry.wait(true);
        let why = told.detail().why.expect("it is told");
        let text: Vec<_> = why.lines.iter().map(|line| line.text.as_str()).collect();
        let text = text.join("\n");
        assert!(text.contains("lost") && text.contains("did not have them"), "{text}");
        assert!(!told.is_asking());
        told.look(Look::default());
        assert!(told.detail().why.is_none(), "nobody asks any more");
    }

    #[test]
    fn time_goes_both_ways_within_what_was_recorded() {
        let (dir, manifest) = record("ways");
        let mut told = Told::read(&dir, &manifest, &loaded()).expect("it can be read");
        std::fs::remove_dir_all(dir).ok();
        assert_eq!((told.now(), told.front()), (Time::ZERO, told.end()));
        assert!(!told.go(Spot::OneBack), "there is nothing before the beginning");
        let Some(fault) = told.moment(0, Moment::Fault, Direction::Forward) else {
            panic!("there is a fault")
        };
        assert!(told.go(fault));
        let facts = told.facts();
        assert!(told.go(Spot::OneBack));
        assert_eq!(told.facts(), facts - 1);
        told.step();
        assert_eq!(told.facts(), facts);
        assert!(told.go(Spot::Front));
        assert_eq!((told.now(), told.facts()), (told.end(), manifest.counts.facts));
        assert_eq!(told.advance(told.end()), Progress::Finished);
    }

    #[test]
    fn a_part_that_is_no_table_is_said_with_its_name() {
        let (dir, manifest) = record("broken");
        std::fs::write(dir.join("facts/part-00000.parquet"), b"not a table").expect("it is written");
        let error = Told::read(&dir, &manifest, &loaded()).err().expect("it cannot be read").to_string();
        std::fs::remove_dir_all(dir).ok();
        assert!(error.contains("part-00000.parquet"), "{error}");
    }
}
