//! Promises: what a scenario expects of its run, and whether the run keeps it.
//!
//! The [`CATALOGUE`] says what each promise means. Each expectation has a checker of its own, a small state machine
//! over the facts; what the ledger knows of single records it tells in remarks, so that a promise and the books
//! agree to the record. An `always` is broken by the first event that breaks it; an `eventually` is judged when the
//! run is over; a `sometimes` has to happen; a `broken` has to break.
//!
//! **Invariant.** Nothing is paid for promises that nobody asks for. The memory of a checker follows what is in
//! flight (partitions, members, epochs, records that wait), not what has passed; the one exception are the numbers
//! of refused records for `no-dirty-read`, kept as ranges.

mod catalogue;
mod lag;
mod leaders;
mod logs;
mod offsets;
mod owners;
mod pauses;
mod reads;
mod records;
mod recovery;
mod signs;
#[cfg(test)]
mod tests;
mod verdict;

use std::sync::Arc;

use serde::Serialize;

use crate::kernel::{ActorId, Cast, Event, NodeId, Time};
use crate::trace::{ChannelId, Fact, GroupId, Ids, Life, PlaceId, RecordId, Stage};

use super::ledger::{Remark, Wants};

pub use catalogue::{CATALOGUE, Counts, Entry, Parameter, Promise, System};
pub use verdict::{Expectation, Mode, Outcome, Report, Verdict, WITNESSES, Witness};

/// All that is expected of a run.
#[derive(Clone, Debug)]
pub struct Promises {
    stage: Arc<Stage>,
    cast: Arc<Cast>,
    /// When statistics begin: bounds on lag are judged from then on.
    warm_up: Time,
    watched: Vec<Watched>,
    /// Where each source publishes, as far as it has.
    sources: Vec<Option<ChannelId>>,
    closed: bool,
}

/// An expectation as a screen shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PromiseView {
    /// The promise's name, with its scope.
    pub title: String,
    /// How it is demanded.
    pub mode: Mode,
    /// How it stands.
    pub state: Standing,
}

/// How an expectation stands while the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Nothing has broken it.
    Holds,
    /// It is broken: how many times, or records.
    Broken(u64),
    /// It happened: how many times, or to how many records.
    Happened(u64),
    /// It has not happened, or cannot be judged before the end.
    Waits,
}

#[derive(Clone, Debug)]
struct Watched {
    expectation: Expectation,
    checker: Checker,
    report: Report,
}

impl Promises {
    /// Watches over these expectations of a run, of which statistics begin at `warm_up`.
    pub fn new(stage: Arc<Stage>, cast: Arc<Cast>, warm_up: Time, expected: Vec<Expectation>) -> Self {
        let watch = |expectation: Expectation| {
            let checker = Checker::of(&expectation, &stage);
            Watched { expectation, checker, report: Report::default() }
        };
        let watched = expected.into_iter().map(watch).collect();
        Self { sources: vec![None; stage.sources.len()], stage, cast, warm_up, watched, closed: false }
    }

    /// What the ledger is to remark on.
    pub fn wants(&self) -> Wants {
        let mut wants = Wants::NONE;
        for watched in &self.watched {
            records::want(watched.expectation.promise, &mut wants);
        }
        wants
    }

    /// The next events, and what the ledger remarked about them, in the order of events.
    pub fn observe(&mut self, events: &[Event<Fact>], mut remarks: &[Remark]) {
        for event in events {
            if let Fact::Life(Life::Offered { channel, first, .. }) = &event.fact {
                self.sources[first.source() as usize] = Some(*channel);
            }
            self.each(|checker, sight, report| checker.see(event, sight, report));
            let upto = remarks.iter().take_while(|remark| remark.serial == event.serial).count();
            let (now, later) = remarks.split_at(upto);
            self.remark(now);
            remarks = later;
        }
        assert!(remarks.is_empty(), "every remark is about one of the events");
    }

    /// The run is over, at `now`, after event `serial`.
    pub fn close(&mut self, serial: u64, now: Time, remarks: &[Remark]) {
        assert!(!self.closed, "a run ends once");
        self.closed = true;
        self.remark(remarks);
        self.each(|checker, sight, report| checker.close((serial, now), sight, report));
    }

    /// Whether the run is over for them.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// How each stands now.
    pub fn views(&self) -> Vec<PromiseView> {
        let view = |watched: &Watched| PromiseView {
            title: watched.title(&self.stage),
            mode: watched.expectation.mode,
            state: watched.standing(self.closed),
        };
        self.watched.iter().map(view).collect()
    }

    /// What came of each, in the order in which they were expected. Judged as the run stands: close it first.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let judge = |watched: &Watched| watched.report.clone().judge(&watched.expectation, &self.stage);
        self.watched.iter().map(judge).collect()
    }

    fn remark(&mut self, remarks: &[Remark]) {
        for remark in remarks {
            self.each(|checker, sight, report| checker.remark(remark, sight, report));
        }
    }

    fn each(&mut self, mut look: impl FnMut(&mut dyn Check, &Sight<'_>, &mut Report)) {
        let Self { stage, cast, warm_up, sources, watched, .. } = self;
        for Watched { expectation, checker, report } in watched {
            let sight = Sight { stage, cast, expectation, sources, warm_up: *warm_up };
            look(checker.check(), &sight, report);
        }
    }
}

impl Watched {
    fn title(&self, stage: &Stage) -> String {
        let (name, scope) = (self.expectation.promise.name(), self.expectation.scope(stage));
        if scope.is_empty() { name.to_owned() } else { format!("{name} ({scope})") }
    }

    fn standing(&self, closed: bool) -> Standing {
        let ends = !self.expectation.promise.entry().takes(Mode::Always);
        match (self.expectation.mode, self.report.count) {
            (Mode::Sometimes, 0) => Standing::Waits,
            (Mode::Sometimes, count) => Standing::Happened(count),
            (Mode::Eventually, 0) if !closed => Standing::Waits,
            (Mode::Broken, 0) if ends && !closed => Standing::Waits,
            (Mode::Always | Mode::Eventually | Mode::Broken, 0) => Standing::Holds,
            (Mode::Always | Mode::Eventually | Mode::Broken, count) => Standing::Broken(count),
        }
    }
}

/// What a checker may look at.
struct Sight<'a> {
    stage: &'a Stage,
    cast: &'a Cast,
    expectation: &'a Expectation,
    sources: &'a [Option<ChannelId>],
    warm_up: Time,
}

impl Sight<'_> {
    /// Whether the place belongs to users, and the expectation is about it.
    fn has_place(&self, place: PlaceId) -> bool {
        self.has_channel(self.stage.channel_of(place))
    }

    fn has_channel(&self, channel: ChannelId) -> bool {
        let asked = self.expectation.topic.is_none_or(|topic| topic == channel);
        asked && !self.stage.channels[channel.index()].internal
    }

    fn has_group(&self, group: GroupId) -> bool {
        self.expectation.group.is_none_or(|asked| asked == group)
    }

    /// Whether the expectation is about the channel that the record was published to.
    fn has_record(&self, record: RecordId) -> bool {
        self.sources[record.source() as usize].is_none_or(|channel| self.has_channel(channel))
    }

    /// All records of a fact are of one source.
    fn has_ids(&self, ids: &Ids) -> bool {
        ids.iter().next().is_some_and(|first| self.has_record(first))
    }

    /// Whether it is judged at the end alone.
    fn at_the_end(&self) -> bool {
        self.expectation.mode == Mode::Eventually
    }

    fn actor(&self, actor: ActorId) -> &str {
        self.cast.actor(actor)
    }

    fn lives_on(&self, actor: ActorId, node: NodeId) -> bool {
        self.cast.actors.get(actor.0 as usize).is_some_and(|(_, home)| *home == node)
    }
}

/// A state machine over the facts that reports what breaks a promise, or makes it happen.
trait Check {
    /// The next event.
    fn see(&mut self, event: &Event<Fact>, sight: &Sight<'_>, report: &mut Report);

    /// What the ledger remarked about an event.
    fn remark(&mut self, _: &Remark, _: &Sight<'_>, _: &mut Report) {}

    /// The run is over: the last serial, and the time.
    fn close(&mut self, _: (u64, Time), _: &Sight<'_>, _: &mut Report) {}
}

/// One of the checkers.
#[derive(Clone, Debug)]
enum Checker {
    Records(records::Records),
    Refused(records::Refused),
    Dirty(reads::Dirty),
    Polls(reads::Polls),
    Owners(owners::Owners),
    Offsets(offsets::Offsets),
    Watermark(leaders::Watermark),
    Leaders(leaders::Leaders),
    Logs(logs::Logs),
    Lag(lag::LagBelow),
    CaughtUp(lag::CaughtUp),
    Pauses(pauses::Pauses),
    Recovery(recovery::Recovery),
    Signs(signs::Signs),
}

impl Checker {
    fn of(expectation: &Expectation, stage: &Stage) -> Self {
        match expectation.promise {
            Promise::AcceptedIsNotLost
            | Promise::NothingSkipped
            | Promise::NothingDuplicated
            | Promise::NothingStoredTwice
            | Promise::OrderPerKey
            | Promise::OrderPerPartitionAndProducer
            | Promise::DuplicateProcessed
            | Promise::DuplicateStored => Self::Records(records::Records),
            Promise::NothingRefused | Promise::RecordRefused => Self::Refused(records::Refused),
            Promise::NoDirtyRead => Self::Dirty(reads::Dirty::new(stage)),
            Promise::NoPollSkip => Self::Polls(reads::Polls::new(reads::Fault::Skips)),
            Promise::NoNonmonotonicPoll => Self::Polls(reads::Polls::new(reads::Fault::GoesBack)),
            Promise::OneOwnerPerPartition => Self::Owners(owners::Owners::default()),
            Promise::CommittedOffsetBelowHighWatermark => Self::Offsets(offsets::Offsets::new(stage)),
            Promise::HighWatermarkMonotone => Self::Watermark(leaders::Watermark::default()),
            Promise::OneLeaderPerEpoch => Self::Leaders(leaders::Leaders::new(stage)),
            Promise::LogsAgree => Self::Logs(logs::Logs::new(stage)),
            Promise::LagBelow => Self::Lag(lag::LagBelow::new(stage)),
            Promise::CaughtUp => Self::CaughtUp(lag::CaughtUp::new(stage)),
            Promise::RebalancePauseBelow => Self::Pauses(pauses::Pauses::new(stage)),
            Promise::RecoversWithin => Self::Recovery(recovery::Recovery::new(stage)),
            Promise::LeaderChanged
            | Promise::UncleanElection
            | Promise::IsrShrank
            | Promise::LogTruncated
            | Promise::BrokerFenced
            | Promise::RebalanceHappened
            | Promise::ConsumerLeft
            | Promise::ConsumerTimedOut
            | Promise::CommitRefused
            | Promise::RecordRedelivered
            | Promise::DuplicateRefused
            | Promise::ProduceRetried
            | Promise::OffsetReset
            | Promise::FaultStruck => Self::Signs(signs::Signs::new(stage)),
        }
    }

    fn check(&mut self) -> &mut dyn Check {
        match self {
            Self::Records(checker) => checker,
            Self::Refused(checker) => checker,
            Self::Dirty(checker) => checker,
            Self::Polls(checker) => checker,
            Self::Owners(checker) => checker,
            Self::Offsets(checker) => checker,
            Self::Watermark(checker) => checker,
            Self::Leaders(checker) => checker,
            Self::Logs(checker) => checker,
            Self::Lag(checker) => checker,
            Self::CaughtUp(checker) => checker,
            Self::Pauses(checker) => checker,
            Self::Recovery(checker) => checker,
            Self::Signs(checker) => checker,
        }
    }
}
