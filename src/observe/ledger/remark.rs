//! Remarks: what the ledger sees that a promise may be about, told record by record to who asked for it.
//!
//! **Invariant.** Nothing is kept and nothing is looked up unless it is asked for, and what is told agrees with the
//! [`super::Tally`] and the [`super::Balance`] to the record.

use std::sync::Arc;

use crate::kernel::Time;
use crate::trace::{GroupId, Ids, Life, PlaceId, Reason, RecordId, Stage};

use super::book::Book;
use super::order::Order;
use super::window::{Leg, Line, Window};
use super::{Fate, copies_of_those_who_left, look};

/// What somebody wants to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// [`What::Gone`] and [`What::Passed`].
    pub gone: bool,
    /// [`What::ProcessedAgain`] and [`What::ProcessedLate`].
    pub processed: bool,
    /// [`What::StoredAgain`] and [`What::StoredLate`].
    pub stored: bool,
    /// [`What::ReadUnstored`] and [`What::RefusedAfterRead`].
    pub dirty: bool,
}

impl Wants {
    /// Nothing.
    pub const NONE: Self = Self { gone: false, processed: false, stored: false, dirty: false };
}

/// Something about a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Remark {
    /// The event.
    pub serial: u64,
    /// When.
    pub at: Time,
    /// Which record.
    pub record: RecordId,
    /// Where it is, or was last.
    pub place: Option<PlaceId>,
    /// At which offset.
    pub offset: Option<u64>,
    /// Who did it.
    pub group: Option<GroupId>,
    /// What it is.
    pub what: What,
}

/// What there is to say about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It had been accepted, and the system does not have it any more.
    Gone(Reason),
    /// A group went past it without processing it. One remark for each such group; `first` for one of them.
    Passed {
        /// Why.
        why: Reason,
        /// Whether it is the first remark about this record.
        first: bool,
    },
    /// A group processed it, and had done so before.
    ProcessedAgain,
    /// A group processed it for the first time, and a younger one of its lane before.
    ProcessedLate,
    /// It was appended, and lies in the log already.
    StoredAgain,
    /// It was appended for the first time, and a younger one of its source to the same place before.
    StoredLate,
    /// It was handed over, and no log was told to have had it.
    ReadUnstored,
    /// It was refused, and had been handed over before.
    RefusedAfterRead(Reason),
}

/// The remarks that were made since they were last taken.
#[derive(Clone, Debug)]
pub(super) struct Remarks {
    stage: Arc<Stage>,
    wants: Wants,
    serial: u64,
    at: Time,
    processed: Order,
    stored: Order,
    told: Vec<Remark>,
}

/// All stored records of a source in a place share a lane, whoever reads them.
const NOBODY: GroupId = GroupId(u32::MAX);

impl Remarks {
    pub(super) fn new(stage: Arc<Stage>, wants: Wants) -> Self {
        let order = Order::default;
        Self {
            stage,
            wants,
            serial: 0,
            at: Time::ZERO,
            processed: order(),
            stored: order(),
            told: Vec::new(),
        }
    }

    /// What follows is about this event.
    pub(super) fn turn_to(&mut self, serial: u64, at: Time) {
        (self.serial, self.at) = (serial, at);
    }

    /// The event that it is about.
    pub(super) fn moment(&self) -> (u64, Time) {
        (self.serial, self.at)
    }

    pub(super) fn take(&mut self) -> Vec<Remark> {
        std::mem::take(&mut self.told)
    }

    /// Looks at a fact before the ledger takes it in.
    pub(super) fn look(&mut self, life: &Life, windows: &mut [Option<Window>], books: &[Book]) {
        match life {
            Life::Stored { ids, place, offset } if self.wants.stored => {
                self.look_at_stored(ids, *place, *offset, windows);
            }
            Life::Cut { place, .. } if self.wants.stored => self.stored.forget(*place),
            Life::Delivered { ids, group, place, offset } if self.wants.dirty => {
                self.look_at_delivered(ids, *group, *place, *offset, windows, books);
            }
            Life::Rejected { ids, why } if self.wants.dirty => self.look_at_refused(ids, *why, windows),
            Life::Processed { ids, group, place, offset } if self.wants.processed => {
                self.look_at_processed(ids, *group, *place, *offset, windows, books);
            }
            Life::Offered { .. }
            | Life::Accepted { .. }
            | Life::Rejected { .. }
            | Life::Unknown { .. }
            | Life::Stored { .. }
            | Life::Committed { .. }
            | Life::Cut { .. }
            | Life::Expired { .. }
            | Life::Dropped { .. }
            | Life::DeadLettered { .. }
            | Life::Delivered { .. }
            | Life::Processed { .. }
            | Life::Settled { .. }
            | Life::Skipped { .. }
            | Life::Failed { .. }
            | Life::Acknowledged { .. }
            | Life::Missed { .. }
            | Life::Resent { .. }
            | Life::Withheld { .. }
            | Life::Ignored { .. } => {}
        }
    }

    fn look_at_stored(&mut self, ids: &Ids, place: PlaceId, offset: u64, windows: &mut [Option<Window>]) {
        for run in ids.runs(0, ids.len()) {
            let source = run.first.source();
            let mut youngest = *self.stored.youngest(NOBODY, place, None, source);
            look(windows, run, |at, count, line, _| {
                for at in at..at + count {
                    let record = run.first.plus(u64::from(at));
                    let next = record.sequence() + 1;
                    let what = if line.copies > 0 {
                        Some(What::StoredAgain)
                    } else {
                        (next < youngest).then_some(What::StoredLate)
                    };
                    youngest = youngest.max(next);
                    let offset = offset + u64::from(run.at + at);
                    let remark = |what| self.tell(record, Some(place), Some(offset), None, what);
                    what.map(remark).unwrap_or_default();
                }
            });
            *self.stored.youngest(NOBODY, place, None, source) = youngest;
            for at in copies_of_those_who_left(windows, run) {
                let (record, offset) = (run.first.plus(u64::from(at)), offset + u64::from(run.at + at));
                self.tell(record, Some(place), Some(offset), None, What::StoredAgain);
            }
        }
    }

    fn look_at_delivered(
        &mut self,
        ids: &Ids,
        group: GroupId,
        place: PlaceId,
        offset: u64,
        windows: &mut [Option<Window>],
        books: &[Book],
    ) {
        // A pipe has no log.
        if !books[place.index()].settles() {
            return;
        }
        for run in ids.runs(0, ids.len()) {
            look(windows, run, |at, count, line, _| {
                let unstored = if line.stored == Time::NEVER { count } else { 0 };
                for at in at..at + unstored {
                    let offset = offset + u64::from(run.at + at);
                    let record = run.first.plus(u64::from(at));
                    self.tell(record, Some(place), Some(offset), Some(group), What::ReadUnstored);
                }
            });
        }
    }

    fn look_at_refused(&mut self, ids: &Ids, why: Reason, windows: &mut [Option<Window>]) {
        for run in ids.runs(0, ids.len()) {
            look(windows, run, |at, count, line, legs| {
                let is_read = legs.iter().any(|leg| leg.delivered != Time::NEVER);
                for by in 0..if is_read { count } else { 0 } {
                    let (record, offset) = (run.first.plus(u64::from(at + by)), line.later(by).offset);
                    self.tell(record, line.place(), Some(offset), None, What::RefusedAfterRead(why));
                }
            });
        }
    }

    /// The lanes are those of the ledger's own tally.
    fn look_at_processed(
        &mut self,
        ids: &Ids,
        group: GroupId,
        place: PlaceId,
        offset: u64,
        windows: &mut [Option<Window>],
        books: &[Book],
    ) {
        let Some(leg) = books[place.index()].leg(group) else { return };
        let settles = books[place.index()].settles();
        for run in ids.runs(0, ids.len()) {
            for at in 0..run.records {
                let record = run.first.plus(u64::from(at));
                let window = windows[record.source() as usize].as_ref();
                let what = match window.and_then(|window| window.row(record.sequence())) {
                    // Who has left had been processed before.
                    None => Some(What::ProcessedAgain),
                    Some((_, legs)) if legs[leg].times_processed > 0 => Some(What::ProcessedAgain),
                    Some((line, _)) => {
                        let youngest =
                            self.processed.youngest(group, place, line.key_hash(), record.source());
                        let next = record.sequence() + 1;
                        let late = settles && next < *youngest;
                        *youngest = next.max(*youngest);
                        late.then_some(What::ProcessedLate)
                    }
                };
                if let Some(what) = what {
                    let offset = settles.then_some(offset + u64::from(run.at + at));
                    self.tell(record, Some(place), offset, Some(group), what);
                }
            }
        }
    }

    fn tell(
        &mut self,
        record: RecordId,
        place: Option<PlaceId>,
        offset: Option<u64>,
        group: Option<GroupId>,
        what: What,
    ) {
        let Self { serial, at, .. } = *self;
        self.told.push(Remark { serial, at, record, place, offset, group, what });
    }

    /// A record has its fate.
    pub(super) fn left(&mut self, record: RecordId, line: &Line, legs: &[Leg], fate: Fate) {
        if !self.wants.gone {
            return;
        }
        let offset = line.place().map(|_| line.offset);
        match fate {
            Fate::Lost(
                why @ (Reason::OffsetReset
                | Reason::CommittedUnprocessed
                | Reason::Retention
                | Reason::NotYetSubscribed),
            )
            | Fate::Dropped(why @ Reason::Retention) => self.passed(record, line, legs, why),
            Fate::Lost(why) => self.tell(record, line.place(), offset, None, What::Gone(why)),
            Fate::Dropped(why) if line.accepted != Time::NEVER => {
                self.tell(record, line.place(), offset, None, What::Gone(why));
            }
            Fate::Dropped(_)
            | Fate::Settled
            | Fate::Rejected(_)
            | Fate::DeadLettered(_)
            | Fate::InFlight(_) => {}
        }
    }

    /// A record that had left as kept where nobody reads is gone after all.
    pub(super) fn gone_after_all(&mut self, record: RecordId, place: PlaceId, why: Reason) {
        if self.wants.gone {
            self.tell(record, Some(place), None, None, What::Gone(why));
        }
    }

    fn passed(&mut self, record: RecordId, line: &Line, legs: &[Leg], why: Reason) {
        let Some(place) = line.place() else { return };
        let channel = self.stage.channel_of(place);
        let groups: Vec<_> = self.stage.readers(channel).collect();
        let mut first = true;
        for (leg, group) in legs.iter().zip(groups) {
            let passed = leg.skipped.is_some() || leg.settled != Time::NEVER;
            if leg.processed == Time::NEVER && passed {
                self.tell(record, Some(place), Some(line.offset), Some(group), What::Passed { why, first });
                first = false;
            }
        }
    }
}
