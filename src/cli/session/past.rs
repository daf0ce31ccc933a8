//! The way back of a run that cannot be repeated: what was seen is kept, and shown again.
//!
//! The facts lie in segments, each with the watch and the lens as they were before its first fact. Going to an instant
//! is the nearest of these, and the facts from there on.
//!
//! **Invariant.** What is shown at an instant is what was shown when it was the present. Memory is bounded: at most
//! [`KEPT`] segments and, of a run that goes on, about [`FACTS`] facts, the oldest of which are forgotten first.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::kernel::{Cast, Event, Observer, Time};
use crate::observe::Watch;
use crate::observe::ledger::Closed;
use crate::observe::lens::{Follow, Lens};
use crate::trace::{Fact, RecordId, Stage};
use crate::tui::Spot;

/// Segments kept at most.
const KEPT: usize = 128;
/// Facts kept at most, about: some 100 MB.
const FACTS: usize = 1_000_000;
/// Facts of a segment, at least: what is seen again in some milliseconds.
const SEGMENT: usize = 5_000;

/// A run as it was seen at an instant.
#[derive(Clone)]
pub(in crate::cli) struct Frame {
    pub(in crate::cli) watch: Watch,
    pub(in crate::cli) lens: Box<Lens>,
    /// How many facts there had been: the number of the last one.
    pub(in crate::cli) facts: u64,
}

impl Frame {
    pub(in crate::cli) fn now(&self) -> Time {
        self.watch.now()
    }

    /// Sees these facts.
    pub(in crate::cli) fn see(&mut self, events: &[Event<Fact>]) {
        self.watch.observe(events);
        self.lens.observe(events);
        self.facts = events.last().map_or(self.facts, |last| last.serial);
    }

    /// Lets time pass; nobody else wants what has left the books.
    pub(in crate::cli) fn catch_up(&mut self, now: Time) {
        self.watch.catch_up(now);
        self.lens.catch_up(now);
        self.watch.take_ready();
    }

    /// The same; what has left the books is handed out, too.
    pub(in crate::cli) fn settle(&mut self, now: Time) -> Vec<Closed> {
        self.watch.catch_up(now);
        self.lens.catch_up(now);
        self.watch.take_ready().0
    }
}

struct Segment {
    /// As it was before the first fact.
    before: Frame,
    facts: Vec<Event<Fact>>,
}

/// What was seen of a run.
pub(in crate::cli) struct Past {
    segments: VecDeque<Segment>,
    /// Facts in all segments.
    kept: usize,
    most: usize,
    /// A segment has so many facts before the next one begins.
    long: usize,
    stage: Arc<Stage>,
    cast: Arc<Cast>,
}

impl Past {
    /// Nothing yet; `first` is before the first fact.
    pub(in crate::cli) fn new(first: Frame, stage: Arc<Stage>, cast: Arc<Cast>) -> Self {
        Self::bounded(first, stage, cast, FACTS)
    }

    /// The same without a bound on facts: for a run that was recorded as a whole.
    pub(in crate::cli) fn whole(first: Frame, stage: Arc<Stage>, cast: Arc<Cast>) -> Self {
        Self::bounded(first, stage, cast, usize::MAX)
    }

    fn bounded(first: Frame, stage: Arc<Stage>, cast: Arc<Cast>, most: usize) -> Self {
        let segments = VecDeque::from([Segment { before: first, facts: Vec::new() }]);
        Self { segments, kept: 0, most, long: SEGMENT.min(most / 4), stage, cast }
    }

    /// Keeps what happened.
    pub(in crate::cli) fn keep(&mut self, events: &[Event<Fact>]) {
        self.last_mut().facts.extend_from_slice(events);
        self.kept += events.len();
    }

    /// The watch and the lens have seen all that was kept: a segment may begin here.
    pub(in crate::cli) fn note(&mut self, watch: &Watch, lens: &Lens) {
        if self.last_mut().facts.len() < self.long {
            return;
        }
        let facts = self.facts();
        let before = Frame { watch: watch.clone(), lens: Box::new(lens.clone()), facts };
        self.segments.push_back(Segment { before, facts: Vec::new() });
        while self.kept > self.most && self.segments.len() > 2 {
            self.kept -= self.segments.pop_front().map_or(0, |oldest| oldest.facts.len());
        }
        if self.segments.len() > KEPT {
            self.join();
        }
    }

    /// Every two segments become one.
    fn join(&mut self) {
        self.long *= 2;
        let mut joined: VecDeque<Segment> = VecDeque::with_capacity(KEPT);
        for (index, segment) in std::mem::take(&mut self.segments).into_iter().enumerate() {
            match joined.back_mut().filter(|_| index % 2 == 1) {
                Some(before) => before.facts.extend(segment.facts),
                None => joined.push_back(segment),
            }
        }
        self.segments = joined;
    }

    fn last_mut(&mut self) -> &mut Segment {
        self.segments.back_mut().expect("there is always a segment")
    }

    /// How far back it goes.
    pub(in crate::cli) fn begins(&self) -> Time {
        self.segments[0].before.now()
    }

    /// How many facts there were in all.
    pub(in crate::cli) fn facts(&self) -> u64 {
        let last = self.segments.back().expect("there is always a segment");
        last.facts.last().map_or(last.before.facts, |event| event.serial)
    }

    /// The run at a spot, seen from `here`; none when there is no such spot, or it is forgotten. The end is the
    /// caller's: nobody knows here how far time has come.
    pub(in crate::cli) fn at(&self, spot: Spot, here: &Frame) -> Option<Frame> {
        match spot {
            Spot::At(time) => {
                let time = time.max(self.begins());
                let mut frame = self.nearest(|frame| frame.now() <= time);
                self.forward(&mut frame, time);
                Some(frame)
            }
            Spot::Fact(serial, _) => self.after(serial),
            Spot::OneBack => self.after(here.facts.checked_sub(1)?),
            Spot::Front => None,
        }
    }

    /// Just after a fact.
    fn after(&self, serial: u64) -> Option<Frame> {
        if serial < self.segments[0].before.facts {
            return None;
        }
        let mut frame = self.nearest(|frame| frame.facts <= serial);
        self.see_upto(&mut frame, |event| event.serial <= serial);
        let now = frame.now();
        frame.catch_up(now);
        Some(frame)
    }

    fn nearest(&self, is_before: impl Fn(&Frame) -> bool) -> Frame {
        let index = self.segments.partition_point(|segment| is_before(&segment.before));
        self.segments[index.saturating_sub(1)].before.clone()
    }

    /// Shows what came next, up to an instant.
    pub(in crate::cli) fn forward(&self, frame: &mut Frame, until: Time) {
        self.see_upto(frame, |event| event.at <= until);
        frame.catch_up(until);
    }

    /// Shows one fact more; whether there was one.
    pub(in crate::cli) fn step(&self, frame: &mut Frame) -> bool {
        let next = frame.facts + 1;
        let before = frame.facts;
        self.see_upto(frame, |event| event.serial <= next);
        let now = frame.now();
        frame.catch_up(now);
        frame.facts > before
    }

    /// Shows facts from where a frame stands on, as long as they pass.
    fn see_upto(&self, frame: &mut Frame, passes: impl Fn(&Event<Fact>) -> bool) {
        let from =
            self.segments.partition_point(|segment| segment.before.facts <= frame.facts).saturating_sub(1);
        for segment in self.segments.range(from..) {
            let range = upto(segment, frame.facts, &passes);
            let whole = range.end == segment.facts.len();
            frame.see(&segment.facts[range]);
            if !whole {
                return;
            }
        }
    }

    /// The way of a record as far as a fact, from as far back as is kept.
    pub(in crate::cli) fn follow(&self, id: RecordId, facts: u64) -> Follow {
        let mut follow = Follow::new(id, Arc::clone(&self.stage), Arc::clone(&self.cast));
        self.follow_on(&mut follow, 0, facts);
        follow
    }

    /// Goes on following from one fact to another.
    pub(in crate::cli) fn follow_on(&self, follow: &mut Follow, after: u64, facts: u64) {
        let from = self.segments.partition_point(|segment| segment.before.facts <= after).saturating_sub(1);
        for segment in self.segments.range(from..).take_while(|segment| segment.before.facts < facts) {
            let range = upto(segment, after, |event| event.serial <= facts);
            follow.observe(&segment.facts[range]);
        }
    }
}

/// The facts of a segment after this one, as long as they pass.
fn upto(segment: &Segment, after: u64, passes: impl Fn(&Event<Fact>) -> bool) -> Range<usize> {
    let from = segment.facts.partition_point(|event| event.serial <= after);
    let upto = segment.facts[from..].partition_point(passes);
    from..from + upto
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{ActorId, Duration, NodeId};
    use crate::observe::lens::LensSetup;
    use crate::observe::{Snapshot, WatchSetup};
    use crate::trace::{ChannelId, Life};

    fn first() -> (Frame, Arc<Stage>, Arc<Cast>) {
        let mut stage = Stage::default();
        let orders = stage.add_channel("orders", 1, false, true);
        stage.add_group("billing", vec![orders]);
        stage.add_source("shop");
        let cast = Cast { nodes: vec!["shop".to_owned()], actors: vec![("shop".to_owned(), NodeId(0))] };
        let (stage, cast) = (Arc::new(stage), Arc::new(cast));
        let mut watch = Watch::new(WatchSetup {
            stage: Arc::clone(&stage),
            cast: Arc::clone(&cast),
            warm_up: Time::ZERO,
            end: Time::from_secs(10),
            sample_every: Duration::from_millis(100),
            for_tape: true,
        });
        watch.remember();
        let setup = LensSetup { stage: Arc::clone(&stage), cast: Arc::clone(&cast), scheduled: Vec::new() };
        (Frame { watch, lens: Box::new(Lens::new(setup)), facts: 0 }, stage, cast)
    }

    /// A record is offered every millisecond; one fact each.
    fn event(serial: u64) -> Event<Fact> {
        let first = RecordId::new(0, serial - 1);
        let fact = Life::Offered { channel: ChannelId(0), first, records: 1, bytes: 10 };
        Event { at: Time::from_millis(serial), serial, cause: 0, actor: ActorId(0), fact: fact.into() }
    }

    /// So many facts, of which so many are kept, in segments of so many; what was seen after each.
    fn run(facts: u64, most: usize, long: usize) -> (Past, Frame, Vec<Snapshot>) {
        let (mut front, stage, cast) = first();
        let mut past = Past::bounded(front.clone(), stage, cast, most);
        past.long = long;
        let mut seen = Vec::new();
        for serial in 1..=facts {
            let event = [event(serial)];
            past.keep(&event);
            front.see(&event);
            front.catch_up(event[0].at);
            past.note(&front.watch, &front.lens);
            seen.push(front.watch.snapshot());
        }
        (past, front, seen)
    }

    #[test]
    fn the_oldest_is_forgotten_first_and_what_is_kept_is_as_it_was() {
        let (past, front, seen) = run(2_000, 400, 50);
        assert!(past.begins() > Time::from_millis(1_400), "{}", past.begins());
        assert!(past.kept <= 400 + past.long && past.segments.len() <= KEPT);
        assert_eq!(past.facts(), 2_000);
        for serial in [1_990, 1_700, 1_999, 1_801] {
            let at = Time::from_millis(serial);
            for spot in [Spot::At(at), Spot::Fact(serial, at)] {
                let frame = past.at(spot, &front).expect("it is kept");
                assert_eq!(
                    (frame.facts, frame.watch.snapshot()),
                    (serial, seen[serial as usize - 1].clone())
                );
            }
        }
        assert!(past.at(Spot::Fact(900, Time::from_millis(900)), &front).is_none(), "it is forgotten");
        let earliest = past.at(Spot::At(Time::ZERO), &front).expect("as far back as is kept");
        assert_eq!(earliest.now(), past.begins());
    }

    #[test]
    fn the_segments_of_a_long_run_grow_longer_and_no_more() {
        let (past, _, seen) = run(2_000, usize::MAX, 3);
        assert!(past.segments.len() <= KEPT && past.long > 3 && past.begins() == Time::ZERO);
        assert_eq!(past.kept, 2_000);
        let mut frame = past.segments[0].before.clone();
        for then in &seen {
            assert!(past.step(&mut frame));
            assert_eq!((frame.facts, frame.watch.tally()), (then.facts, then.tally));
        }
        assert!(!past.step(&mut frame), "there is nothing after the last");
    }
}
