//! What a screen sees of a run beyond its summary: the way back, what is looked at, the record that is followed.
//!
//! By the clock the way back is what was seen: [`super::passed`].

use std::sync::Arc;

use super::Session;
use super::inquiry::{Asking, Inquiry, Known};
use super::memory::Memory;
use super::rewind::{Gone, Rewind};
use crate::cli::contents::Decoders;
use crate::cli::load::Loaded;
use crate::kernel::{Cast, Duration, Event, Observer, Time};
use crate::observe::Snapshot;
use crate::observe::lens::{Asked, Detail, Follow, Look, Scheduled};
use crate::scenario::Scenario;
use crate::scenario::scenario::Fault;
use crate::trace::{Fact, RecordId, Stage};
use crate::tui::{About, Courses, Deed, Direction, Done, Moment, Pilot, Progress, Spot};

/// What a screen needs beyond the run.
pub(super) struct Sight {
    /// The way back; none by the clock.
    pub(super) rewind: Option<Rewind>,
    pub(super) look: Look,
    pub(super) stage: Arc<Stage>,
    pub(super) cast: Arc<Cast>,
    pub(super) followed: Option<Followed>,
    pub(super) decoders: Decoders,
    /// Why something happened.
    pub(super) inquiry: Inquiry,
    /// By the clock: the facts, for whoever asks why.
    pub(super) memory: Option<Memory>,
}

/// A record that is followed.
pub(super) struct Followed {
    pub(super) id: RecordId,
    /// When it was offered, or earlier.
    pub(super) since: Time,
    pub(super) follow: Follow,
    /// Up to where it was.
    pub(super) upto: Time,
}

impl Session {
    /// By the clock: shows what came next of what has passed; false when the present is looked at.
    pub(super) fn advance_passed(&mut self, until: Option<Time>) -> bool {
        let front = self.engine.now();
        let Some(passed) = self.passed.as_mut().filter(|passed| passed.is_looked_at()) else { return false };
        let followed = self.sight.as_mut().and_then(|sight| sight.followed.as_mut());
        let follow = followed.map(|followed| &mut followed.follow);
        match until {
            Some(until) => passed.advance(until, front, follow),
            None => passed.step(follow),
        }
        if passed.is_looked_at() {
            let now = self.now();
            self.followed_upto(now);
        } else {
            self.follow_again();
        }
        true
    }

    /// By the clock: takes note of what the front has seen.
    pub(super) fn note_passed(&mut self) {
        if let Some(passed) = &mut self.passed {
            passed.note(&self.engine);
        }
    }

    pub(super) fn followed_upto(&mut self, now: Time) {
        if let Some(followed) = self.sight.as_mut().and_then(|sight| sight.followed.as_mut()) {
            followed.upto = now;
        }
    }

    /// Follows the record that is looked at from before it was offered to here.
    pub(super) fn follow_again(&mut self) {
        let Some(sight) = &self.sight else { return };
        let Some(id) = sight.look.record else { return self.follow_nobody() };
        let Some(rewind) = &sight.rewind else { return self.follow_passed(id) };
        let known =
            sight.followed.as_ref().filter(|followed| followed.id == id).map(|followed| followed.since);
        let Some(since) = known.or_else(|| self.watch().offered_at(id)) else { return self.follow_nobody() };
        let mut follow = Follow::new(id, Arc::clone(&sight.stage), Arc::clone(&sight.cast));
        let now = self.now();
        if since <= now {
            let before = Time::ZERO + since.since(Time::ZERO).saturating_sub(Duration::from_nanos(1));
            let mut state = rewind.before(before);
            let entries = self.here().map_or(0, |here| here.entries);
            // The way to where it was offered is not what is bounded.
            state.run_until(before.max(state.now()), &mut ());
            if let Some(lens) = &state.lens {
                follow = follow.reigning(&lens.epochs());
            }
            let mut left = FOLLOWED_MOST;
            while state.now() < now && left > 0 {
                let until = (state.now() + FOLLOWED).min(now);
                // The instant that is looked at may have happened in part.
                if until == now {
                    state.step_to(entries, now, &mut follow);
                    break;
                }
                let entries = state.entries;
                state.run_until(until, &mut follow);
                left = left.saturating_sub(state.entries - entries);
            }
        }
        let followed = Some(Followed { id, since, follow, upto: now });
        if let Some(sight) = &mut self.sight {
            sight.followed = followed;
        }
    }

    /// By the clock: the way of a record as far back as is kept.
    fn follow_passed(&mut self, id: RecordId) {
        let (now, since) =
            (self.now(), self.passed.as_ref().map_or(Time::ZERO, |passed| passed.past.begins()));
        let Some(passed) = &self.passed else { return };
        let facts = self.facts();
        let follow = passed.past.follow(id, facts);
        if let Some(sight) = &mut self.sight {
            sight.followed = Some(Followed { id, since, follow, upto: now });
        }
    }

    /// Asks why, about the run as far as it has come.
    fn ask(&mut self, asked: Option<Asked>) {
        let promise = match asked {
            Some(Asked::Promise(index)) => {
                self.watch().verdicts().get(index as usize).map(|verdict| verdict.promise)
            }
            Some(Asked::Worst { .. } | Asked::Record(_) | Asked::Lag(_)) | None => None,
        };
        let front = self.engine.now();
        let verdicts =
            self.sight.as_ref().and_then(|sight| sight.memory.as_ref()).map(|_| self.watch().verdicts());
        let Some(sight) = &mut self.sight else { return };
        let memory = || {
            let (memory, verdicts) = sight.memory.as_ref().zip(verdicts)?;
            Some(Known::Facts(Box::new(memory.clone()), verdicts))
        };
        match asked {
            Some(asked) => sight.inquiry.ask(&Asking { asked, promise, front }, &sight.stage, memory),
            None => sight.inquiry.drop_question(),
        }
    }

    fn follow_nobody(&mut self) {
        if let Some(sight) = &mut self.sight {
            sight.followed = None;
        }
    }
}

/// How much is replayed at a time for a record that is followed, and how many entries of the agenda at most: about a
/// second of a person's time.
const FOLLOWED: Duration = Duration::from_millis(200);
const FOLLOWED_MOST: u64 = 3_000_000;

/// What the scenario says will go wrong: not what the seed draws, which is to be a surprise.
pub(in crate::cli) fn scheduled(loaded: &Loaded) -> Vec<Scheduled> {
    all_scheduled(&loaded.scenario)
}

/// The same of a scenario.
pub(super) fn all_scheduled(scenario: &Scenario) -> Vec<Scheduled> {
    let first = scenario.faults.iter().filter(|fault| !fault.by_hand).count();
    let drawn = first..first + scenario.drawn_faults().len();
    let all = scenario.all_faults();
    let said = all.iter().enumerate().filter(|(number, _)| !drawn.contains(number));
    said.map(|(number, fault)| one_scheduled(number as u32, fault)).collect()
}

/// What a screen is told of a fault that is to come.
pub(super) fn one_scheduled(fault: u32, one: &Fault) -> Scheduled {
    let targets: Vec<_> = one.targets.iter().map(ToString::to_string).collect();
    let text = format!("{} {}", one.kind.name, targets.join(", "));
    Scheduled { fault, at: one.at, lasts: one.lasts, text, by_hand: one.by_hand }
}

/// A screen drives a run.
impl Pilot for Session {
    fn now(&self) -> Time {
        Session::now(self)
    }

    fn end(&self) -> Time {
        self.end
    }

    fn advance(&mut self, until: Time) -> Progress {
        Session::advance(self, until, &mut ());
        self.progress()
    }

    fn step(&mut self) -> Progress {
        self.step_once();
        self.progress()
    }

    fn snapshot(&self) -> Snapshot {
        self.watch().snapshot()
    }

    /// What has ended by the clock is looked at as what was recorded.
    fn is_live(&self) -> bool {
        self.world.is_real_time() && self.engine.now() < self.end
    }

    fn attend(&mut self, slice: Duration) -> Progress {
        let until = (self.engine.now() + slice).min(self.end);
        self.advance_front(until, &mut ());
        let over = self.engine.now() >= self.end || self.failed().is_some();
        if over { Progress::Finished } else { Progress::Running }
    }

    fn has_past(&self) -> bool {
        self.passed.is_some()
    }

    fn front(&self) -> Time {
        self.engine.now()
    }

    fn facts(&self) -> u64 {
        Session::facts(self)
    }

    fn note(&self) -> Option<String> {
        let elsewhere = self.passed.as_ref().filter(|passed| passed.here.is_some());
        elsewhere.map(|passed| passed.told(self.engine.now(), self.is_live())).or_else(|| {
            let recorded = self.recorded.as_ref().filter(|_| self.is_recorded());
            recorded.map(|recorded| recorded.told().to_owned())
        })
    }

    fn go(&mut self, spot: Spot) -> bool {
        if let Some(passed) = &mut self.passed {
            let went = passed.go(spot, &self.engine);
            self.follow_again();
            return went;
        }
        let rewind = self.sight.as_ref().and_then(|sight| sight.rewind.as_ref());
        let (Some(rewind), Some(here), Some(front)) = (rewind, self.here(), self.engine.state()) else {
            return false;
        };
        match rewind.go(spot, here, front, self.end) {
            Gone::Nowhere => return false,
            Gone::ToFront => self.behind = None,
            Gone::To(state) if state.entries >= front.entries => self.behind = None,
            Gone::To(state) => self.behind = Some(state),
        }
        self.follow_again();
        true
    }

    fn moment(&self, from: u64, moment: Moment, direction: Direction) -> Option<Spot> {
        if let Some(passed) = &self.passed {
            return passed.moments.find(from, moment, direction);
        }
        let rewind = self.sight.as_ref().and_then(|sight| sight.rewind.as_ref());
        rewind.and_then(|rewind| rewind.moment(from, moment, direction))
    }

    fn is_asking(&self) -> bool {
        self.sight.as_ref().is_some_and(|sight| sight.inquiry.is_asking())
    }

    fn has_news(&mut self) -> bool {
        let front = self.engine.now();
        let Some(sight) = &mut self.sight else { return false };
        if sight.inquiry.is_stale(front) {
            let again = sight.inquiry.question();
            self.ask(again);
        }
        self.sight.as_mut().is_some_and(|sight| sight.inquiry.has_news())
    }

    fn look(&mut self, look: Look) {
        let Some(sight) = &mut self.sight else { return };
        let other = look.record != sight.look.record;
        let why = look.why;
        sight.look = look;
        self.ask(why);
        if other {
            self.follow_again();
        }
    }

    fn hand(&mut self, deed: Deed) -> Result<Done, String> {
        match deed {
            Deed::Inject(line) if self.reins.is_some() => self.inject_now(&line),
            Deed::Save { file, replace } if self.reins.is_some() => self.save_now(&file, replace),
            Deed::Inject(line) => self.inject(&line),
            Deed::Fork => self.fork(),
            Deed::TakeBack if self.reins.is_some() => {
                Err("what has struck a run by the clock cannot be taken back: H heals what lasts".to_owned())
            }
            Deed::TakeBack => self.take_back(),
            Deed::Switch(to) => self.switch(to),
            Deed::Differ(other) => self.differ(other),
            Deed::Save { file, replace } => self.save(&file, replace),
            Deed::Arm(name) => self.arm(&name),
            Deed::Disarm => self.disarm(),
        }
    }

    fn courses(&self) -> Courses {
        self.courses_view()
    }

    fn about(&self) -> Option<Arc<About>> {
        self.about_here()
    }

    fn detail(&self) -> Detail {
        let (Some(sight), Some(lens)) = (&self.sight, self.lens()) else { return Detail::default() };
        let trace = sight.followed.as_ref().map(|followed| {
            let mut trace = followed.follow.trace();
            trace.key = trace.key.or_else(|| lens.key_of(followed.id, trace.key_hash).cloned());
            trace.decoded = trace.value.as_ref().and_then(|value| sight.decoders.decode(followed.id, value));
            trace
        });
        Detail { trace, why: sight.inquiry.told(), ..lens.detail(self.watch(), &sight.look) }
    }
}

/// The record that is followed, when one is, and the memory of a run by the clock.
pub(super) struct Following<'a>(Option<&'a mut Follow>, Option<&'a mut Memory>);

impl<'a> Following<'a> {
    pub(super) fn of(sight: Option<&'a mut Sight>) -> Self {
        let Some(sight) = sight else { return Self(None, None) };
        Self(sight.followed.as_mut().map(|followed| &mut followed.follow), sight.memory.as_mut())
    }
}

impl Observer<Fact> for Following<'_> {
    fn observe(&mut self, events: &[Event<Fact>]) {
        if let Some(follow) = &mut self.0 {
            follow.observe(events);
        }
        if let Some(memory) = &mut self.1 {
            memory.observe(events);
        }
    }
}
