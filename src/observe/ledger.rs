//! The ledger: what became of every record.
//!
//! It reads the neutral facts ([`Life`]) of any system and keeps one line for each record that is still in flight, or
//! for a run of them to which the same has happened; a record whose fate is known leaves memory and is counted, and its
//! whole life is handed to whoever records it. At the end the books balance to the record:
//!
//! ```text
//! offered = settled + lost (by cause) + dropped (by reason) + rejected + dead-lettered + in flight
//! ```
//!
//! **Invariant.** [`Ledger::balance`] holds at any instant. It is checked by counting each record's fate twice:
//! when it is offered and when it leaves.

use std::sync::Arc;

use crate::kernel::{ActorId, Event, Observer, Time};
use crate::trace::{Disregard, Fact, GroupId, Ids, Life, PlaceId, Reason, Record, RecordId, Run, Stage};

mod balance;
mod block;
mod book;
mod branches;
mod copies;
mod exit;
mod gone;
mod order;
mod recent;
mod remark;
mod row;
#[cfg(test)]
mod tests;
mod window;

use balance::InFlight;
pub use balance::{Balance, Fate, Tally, Whereabouts};
use book::Book;
pub use exit::Closed;
use exit::Exit;
use order::Order;
pub use recent::Recent;
use remark::Remarks;
pub use remark::{Remark, Wants, What};
pub use window::{Leg, Line};
use window::{Verdict, Window, fate, last_fate, seal, share_a_fate};

/// Told of each acceptance and of each first processing.
pub trait Latencies {
    /// A group has processed so many records, offered together, for the first time.
    fn processed(&mut self, group: GroupId, offered: Time, now: Time, records: u64);
    /// A client knows that so many records, offered together, are accepted.
    fn accepted(&mut self, offered: Time, now: Time, records: u64);
}

/// Keeps nothing.
impl Latencies for () {
    fn processed(&mut self, _: GroupId, _: Time, _: Time, _: u64) {}
    fn accepted(&mut self, _: Time, _: Time, _: u64) {}
}

/// The books.
#[derive(Clone, Debug)]
pub struct Ledger<L = ()> {
    stage: Arc<Stage>,
    windows: Vec<Option<Window>>,
    books: Vec<Book>,
    order: Order,
    exit: Exit,
    tally: Tally,
    /// Where latencies go.
    pub latencies: L,
}

impl<L: Latencies> Ledger<L> {
    /// Empty books. With `keep_closed`, records that leave wait in [`Ledger::take_closed`].
    pub fn new(stage: Arc<Stage>, latencies: L, keep_closed: bool) -> Self {
        let books = (0..stage.places())
            .map(|place| {
                let channel = stage.channel_of(PlaceId(place));
                Book::new(stage.readers(channel).collect(), &stage.channels[channel.index()])
            })
            .collect();
        Self {
            windows: vec![None; stage.sources.len()],
            stage,
            books,
            order: Order::default(),
            exit: Exit {
                closed: Balance::default(),
                outbox: keep_closed.then(Vec::new),
                recent: None,
                remarks: None,
            },
            tally: Tally::default(),
            latencies,
        }
    }

    /// From now on makes remarks about these things; nothing is looked at twice when there are none.
    pub fn remark_on(&mut self, wants: Wants) {
        let remarks = || Box::new(Remarks::new(Arc::clone(&self.stage), wants));
        self.exit.remarks = (wants != Wants::NONE).then(remarks);
    }

    /// From now on remembers who has left lately.
    pub fn remember(&mut self) {
        self.exit.recent.get_or_insert_default();
    }

    /// Who has left lately; nobody unless they are to be remembered.
    pub fn recent(&self) -> Option<&Recent> {
        self.exit.recent.as_deref()
    }

    /// Remarks since the last call, in the order of events; empty unless asked for.
    pub fn take_remarks(&mut self) -> Vec<Remark> {
        self.exit.remarks.as_mut().map_or_else(Vec::new, |remarks| remarks.take())
    }

    /// Totals so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The books as they stand, with everything that is in flight sorted by how far it came. A screen asks thirty times a
    /// second, and there may be a million of them: what was counted before and has not been touched is not looked at.
    pub fn balance(&self) -> Balance {
        let mut balance = self.exit.closed.clone();
        balance.offered = self.tally.offered;
        let mut in_flight = InFlight::default();
        for window in self.windows.iter().flatten() {
            window.count(&self.books, &mut in_flight, &mut balance);
        }
        in_flight.add_to(&mut balance);
        balance
    }

    /// Records that have left since the last call; empty unless asked for at the beginning.
    pub fn take_closed(&mut self) -> Vec<Closed> {
        self.exit.outbox.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Closes every record that is left, as it stands. For the end of a run, at `now`, after event `serial`.
    pub fn close(&mut self, serial: u64, now: Time) {
        self.give_up_all();
        if let Some(remarks) = &mut self.exit.remarks {
            remarks.turn_to(serial, now);
        }
        for source in 0..self.windows.len() {
            let Some(window) = &mut self.windows[source] else { continue };
            for (sequence, line, legs) in window.rows() {
                let id = RecordId::new(source as u32, sequence);
                self.exit.leave(id, 1, &line, legs, last_fate(&line, legs, &self.books));
            }
            window.close();
        }
    }

    /// Where a place stands: the end of what is committed.
    pub fn committed(&self, place: PlaceId) -> u64 {
        self.books[place.index()].committed()
    }

    /// Where a group stands in a place: the offset behind the last that it has settled; none before the first.
    pub fn settled(&self, group: GroupId, place: PlaceId) -> Option<u64> {
        self.books[place.index()].settled(group)
    }

    /// How many committed records of a place a group has not settled; where no log is kept, how many accepted ones it has not
    /// processed.
    pub fn lag(&self, group: GroupId, place: PlaceId) -> u64 {
        if self.books[place.index()].settles() {
            self.books[place.index()].lag(group)
        } else {
            self.waiting(group, place).map(|(records, _)| u64::from(records)).sum()
        }
    }

    /// When the oldest committed record that a group has not settled was stored; where no log is kept, when the oldest
    /// accepted one that it has not processed was accepted.
    pub fn oldest_unsettled(&self, group: GroupId, place: PlaceId) -> Option<Time> {
        if !self.books[place.index()].settles() {
            return self.waiting(group, place).map(|(_, accepted)| accepted).min();
        }
        let id = self.books[place.index()].oldest_unsettled(group)?;
        self.line(id).map(|line| line.stored)
    }

    /// What was accepted for a place, has no fate yet and was not processed by a group: how many records, and when the first
    /// of them was accepted.
    fn waiting(&self, group: GroupId, place: PlaceId) -> impl Iterator<Item = (u32, Time)> {
        let leg = self.books[place.index()].leg(group);
        let runs = self.windows.iter().flatten().flat_map(Window::runs);
        runs.filter_map(move |(_, records, line, legs)| {
            let waits = line.place() == Some(place)
                && line.accepted != Time::NEVER
                && leg.is_some_and(|leg| legs[leg].processed == Time::NEVER);
            waits.then_some((records, line.accepted))
        })
    }

    /// The line of a record that has no fate yet.
    pub fn line(&self, id: RecordId) -> Option<Line> {
        self.windows.get(id.source() as usize)?.as_ref()?.line(id.sequence())
    }

    /// Every record that has no fate yet, and how far it has come, by source and number.
    pub fn in_flight(&self) -> impl Iterator<Item = (RecordId, Line, &[Leg], Fate)> {
        let windows =
            (0..).zip(&self.windows).filter_map(|(source, window)| Some((source, window.as_ref()?)));
        windows.flat_map(move |(source, window)| {
            window.rows().map(move |(sequence, line, legs)| {
                let fate = fate(&line, legs, &self.books);
                (RecordId::new(source, sequence), line, legs, fate)
            })
        })
    }

    /// How many records have no fate yet.
    pub fn in_memory(&self) -> usize {
        self.windows.iter().flatten().map(Window::open).sum()
    }

    /// Only one log of a place is the one that is read. A leader that has not heard yet that another one took
    /// over (a zombie) tells of a log that nobody will read.
    fn hear(&mut self, now: Time, actor: ActorId, life: &Life) {
        match life {
            Life::Cut { place, .. } => self.books[place.index()].take_over(actor),
            Life::Stored { ids, place, offset } if !self.books[place.index()].is_told_by(actor) => {
                return self.stored_aside(actor, ids, *place, *offset);
            }
            Life::Committed { place, .. } if !self.books[place.index()].is_told_by(actor) => return,
            Life::Offered { .. }
            | Life::Accepted { .. }
            | Life::Rejected { .. }
            | Life::Unknown { .. }
            | Life::Stored { .. }
            | Life::Committed { .. }
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
        self.take(now, life);
    }

    fn take(&mut self, now: Time, life: &Life) {
        if let Some(remarks) = &mut self.exit.remarks {
            remarks.look(life, &mut self.windows, &self.books);
        }
        match life {
            Life::Offered { channel, first, records, bytes } => {
                self.tally.offered += u64::from(*records);
                self.tally.offered_bytes += bytes;
                let readers = self.stage.readers(*channel).count();
                let window =
                    self.windows[first.source() as usize].get_or_insert_with(|| Window::new(readers));
                window.offer(*first, *records, now);
            }
            Life::Accepted { ids, place, offset } => self.accepted(now, ids, *place, *offset),
            Life::Rejected { ids, why } => {
                self.tally.rejected += u64::from(ids.len());
                self.decide(ids, |line| line.refused = Some(*why));
            }
            Life::Unknown { ids, why } => {
                self.tally.unknown += u64::from(ids.len());
                self.decide(ids, |line| line.unknown = Some(*why));
            }
            Life::Stored { ids, place, offset } => self.stored(now, ids, *place, *offset),
            Life::Committed { place, upto } => self.committed_upto(now, *place, *upto),
            Life::Cut { place, from, why, log } => self.cut(*place, *from, *why, log.as_deref()),
            Life::Expired { place, below, why } => self.expired(now, *place, *below, *why),
            Life::Dropped { ids, why } => self.decide(ids, |line| line.dropped = Some(*why)),
            Life::DeadLettered { ids, why } => self.decide(ids, |line| line.dead_lettered = Some(*why)),
            Life::Delivered { ids, group, place, offset } => {
                self.delivered(now, ids, *group, *place, *offset);
            }
            Life::Processed { ids, group, place, .. } => self.processed(now, ids, *group, *place),
            Life::Settled { group, place, upto } => self.settled_upto(now, *group, *place, *upto),
            Life::Acknowledged { ids, group, place } => self.acknowledged(now, ids, *group, *place),
            Life::Missed { ids, group, place, why } => self.missed(now, ids, *group, *place, *why),
            Life::Skipped { group, place, to, why } => self.skipped(*group, *place, *to, *why),
            Life::Failed { ids, group, place, why, .. } => self.failed(ids, *group, *place, *why),
            // Whether it comes to anything is seen when it is stored again.
            Life::Resent { .. } => {}
            Life::Withheld { records, .. } => self.tally.withheld += u64::from(*records),
            Life::Ignored { ids, why: Disregard::TooLate, .. } => self.tally.too_late += u64::from(ids.len()),
            Life::Ignored { ids, why: Disregard::Undecodable, .. } => {
                self.tally.undecodable += u64::from(ids.len());
            }
        }
    }

    /// Somebody decided about records as a whole.
    fn decide(&mut self, ids: &Ids, mut change: impl FnMut(&mut Line)) {
        let Self { windows, books, exit, .. } = self;
        for run in ids.runs(0, ids.len()) {
            visit(windows, books, exit, run, |_, _, line, _| {
                change(line);
                true
            });
        }
    }

    fn accepted(&mut self, now: Time, ids: &Ids, place: Option<PlaceId>, offset: Option<u64>) {
        let Self { windows, books, exit, tally, latencies, .. } = self;
        tally.accepted += u64::from(ids.len());
        let stored_before = place.is_some() && offset.is_some();
        // Where no log is kept, whoever has it says so when it is gone.
        let kept_in_no_log = place.filter(|place| !books[place.index()].settles());
        let may_be_gone = !stored_before && kept_in_no_log.is_none();
        let mut together = Together::default();
        for run in ids.runs(0, ids.len()) {
            visit(windows, books, exit, run, |_, count, line, _| {
                line.accepted = now;
                line.promised_unseen |= may_be_gone;
                if let Some(place) = kept_in_no_log {
                    line.put(place);
                }
                let mut tell = |offered, records| latencies.accepted(offered, now, records);
                together.add(line.offered, count, &mut tell);
                true
            });
        }
        together.end(|offered, records| latencies.accepted(offered, now, records));
    }

    fn stored(&mut self, now: Time, ids: &Ids, place: PlaceId, offset: u64) {
        let Self { windows, books, tally, .. } = self;
        tally.stored += u64::from(ids.len());
        let records = if let Ids::Span(span) = ids { span.records() } else { &[] };
        for run in ids.runs(0, ids.len()) {
            tally.stored_twice += copies_of_those_who_left(windows, run).count() as u64;
            tell_apart_what_differs(windows, run, records);
            look(windows, run, |at, count, line, _| {
                tally.stored_twice += if line.copies > 0 { u64::from(count) } else { 0 };
                line.copies += 1;
                line.in_doubt = false;
                line.stored = line.stored.min(now);
                line.put(place);
                line.offset = offset + u64::from(run.at + at);
                if let Some(record) = records.get((run.at + at) as usize) {
                    line.put_key(record.key_hash());
                    line.bytes = record.bytes();
                }
            });
        }
        books[place.index()].store(offset, ids.apart_from_batch());
    }

    fn committed_upto(&mut self, now: Time, place: PlaceId, upto: u64) {
        let Self { windows, books, exit, .. } = self;
        let offsets = books[place.index()].commit(upto);
        let unread = books[place.index()].readers().is_empty();
        for run in books[place.index()].runs(offsets) {
            visit(windows, books, exit, run, |_, _, line, _| {
                line.committed = line.committed.min(now);
                unread
            });
        }
        books[place.index()].trim();
    }

    fn is_open(&self, id: RecordId) -> bool {
        let window = self.windows[id.source() as usize].as_ref();
        window.is_some_and(|window| window.line(id.sequence()).is_some())
    }

    fn delivered(&mut self, now: Time, ids: &Ids, group: GroupId, place: PlaceId, offset: u64) {
        let Self { windows, books, tally, .. } = self;
        tally.delivered += u64::from(ids.len());
        let Some(leg) = books[place.index()].leg(group) else { return };
        for run in ids.runs(0, ids.len()) {
            look(windows, run, |_, _, line, legs| {
                let leg = &mut legs[leg];
                leg.attempts += 1;
                leg.delivered = leg.delivered.min(now);
                if line.expired && leg.skipped.take().is_some() {
                    leg.settled = leg.settled.min(now);
                }
                if line.place().is_none() {
                    line.put(place);
                }
            });
        }
        self.came_to(place, leg, offset + u64::from(ids.len()));
    }

    fn processed(&mut self, now: Time, ids: &Ids, group: GroupId, place: PlaceId) {
        let Self { windows, books, exit, tally, latencies, order, .. } = self;
        let Some(leg) = books[place.index()].leg(group) else { return };
        let settles = books[place.index()].settles();
        let mut together = Together::default();
        let mut furthest = None;
        for run in ids.runs(0, ids.len()) {
            let source = run.first.source();
            let mut youngest = *order.youngest(group, place, None, source);
            let seen = visit(windows, books, exit, run, |at, count, line, legs| {
                let leg = &mut legs[leg];
                leg.times_processed += 1;
                if leg.is_duplicate() {
                    tally.duplicates += u64::from(count);
                    return false;
                }
                leg.processed = now;
                if !settles {
                    leg.settled = now;
                }
                furthest = furthest.max(Some(line.later(count - 1).offset));
                tally.processed += u64::from(count);
                let first = run.first.sequence() + u64::from(at);
                let next = first + u64::from(count);
                let youngest = match line.key_hash() {
                    None => &mut youngest,
                    keyed @ Some(_) => order.youngest(group, place, keyed, source),
                };
                if settles {
                    // Those of them whose next one is below the youngest.
                    tally.reordered += youngest.saturating_sub(first + 1).min(u64::from(count));
                }
                *youngest = next.max(*youngest);
                let mut tell = |offered, records| latencies.processed(group, offered, now, records);
                together.add(line.offered, count, &mut tell);
                legs.iter().all(Leg::is_done)
            });
            *order.youngest(group, place, None, source) = youngest;
            // Who has left had been processed before.
            tally.duplicates += u64::from(run.records - seen);
        }
        together.end(|offered, records| latencies.processed(group, offered, now, records));
        if let Some(offset) = furthest {
            books[place.index()].processed(leg, offset);
        }
    }

    /// The work failed; what that means for a record is decided by what the group does next.
    fn failed(&mut self, ids: &Ids, group: GroupId, place: PlaceId, why: Reason) {
        let Some(leg) = self.books[place.index()].leg(group) else { return };
        for run in ids.runs(0, ids.len()) {
            look(&mut self.windows, run, |_, _, _, legs| legs[leg].failed = Some(why));
        }
    }

    fn settled_upto(&mut self, now: Time, group: GroupId, place: PlaceId, upto: u64) {
        let Self { windows, books, exit, .. } = self;
        let Some(leg) = books[place.index()].leg(group) else { return };
        let offsets = books[place.index()].settle(leg, upto);
        for run in books[place.index()].runs(offsets) {
            visit(windows, books, exit, run, |_, _, _, legs| {
                legs[leg].settled = legs[leg].settled.min(now);
                true
            });
        }
        books[place.index()].trim();
    }

    /// Each for itself, in whatever order; the caller says it once for each.
    fn acknowledged(&mut self, now: Time, ids: &Ids, group: GroupId, place: PlaceId) {
        let Self { windows, books, exit, .. } = self;
        let Some(leg) = books[place.index()].leg(group) else { return };
        books[place.index()].acknowledge(leg, u64::from(ids.len()));
        for run in ids.runs(0, ids.len()) {
            visit(windows, books, exit, run, |_, _, _, legs| {
                legs[leg].settled = legs[leg].settled.min(now);
                true
            });
        }
        books[place.index()].trim();
    }

    /// They will not be handed over, or not again. What is acknowledged was no lag any more.
    fn missed(&mut self, now: Time, ids: &Ids, group: GroupId, place: PlaceId, why: Reason) {
        let Self { windows, books, exit, .. } = self;
        let Some(leg) = books[place.index()].leg(group) else { return };
        for run in ids.runs(0, ids.len()) {
            visit(windows, books, exit, run, |_, _, _, legs| {
                if legs[leg].processed == Time::NEVER {
                    legs[leg].skipped = Some(why);
                } else {
                    legs[leg].settled = legs[leg].settled.min(now);
                }
                true
            });
        }
        if why != Reason::CommittedUnprocessed {
            books[place.index()].acknowledge(leg, u64::from(ids.len()));
            books[place.index()].trim();
        }
    }

    fn skipped(&mut self, group: GroupId, place: PlaceId, to: u64, why: Reason) {
        let Self { windows, books, exit, .. } = self;
        let Some(leg) = books[place.index()].leg(group) else { return };
        let offsets = books[place.index()].skip(leg, to);
        for run in books[place.index()].runs(offsets) {
            visit(windows, books, exit, run, |_, _, _, legs| {
                if legs[leg].delivered == Time::NEVER {
                    legs[leg].skipped = Some(why);
                }
                true
            });
        }
        books[place.index()].trim();
        self.came_to(place, leg, to);
    }
}

/// Changes the open records of a run, several at once where they are alike ([`Window::visit`]). Where `change` says that
/// this may have decided something, records leave whose fate is sealed. Returns how many were open.
#[inline]
fn visit(
    windows: &mut [Option<Window>],
    books: &[Book],
    exit: &mut Exit,
    run: Run,
    change: impl FnMut(u32, u32, &mut Line, &mut [Leg]) -> bool,
) -> u32 {
    let Some(window) = windows[run.first.source() as usize].as_mut() else { return 0 };
    let mut left = false;
    let seen = window.visit(run, change, |at, count, line, legs| {
        if !share_a_fate(line, count, legs, books) {
            return Verdict::Differ;
        }
        let Some(fate) = seal(line, legs, books) else { return Verdict::Stay };
        exit.leave(run.first.plus(u64::from(at)), count, line, legs, fate);
        left = true;
        Verdict::Leave
    });
    if left {
        window.trim();
    }
    seen
}

/// Changes the open records of a run in a way that decides nothing.
#[inline]
fn look(windows: &mut [Option<Window>], run: Run, mut change: impl FnMut(u32, u32, &mut Line, &mut [Leg])) {
    if let Some(window) = windows[run.first.source() as usize].as_mut() {
        let change = |at: u32, count: u32, line: &mut Line, legs: &mut [Leg]| {
            change(at, count, line, legs);
            false
        };
        window.visit(run, change, |_, _, _, _| Verdict::Stay);
    }
}

/// A log has them from now on: those with keys, or of different sizes, need lines of their own.
#[inline]
fn tell_apart_what_differs(windows: &mut [Option<Window>], run: Run, records: &[Record]) {
    if run.records == 1 || records.is_empty() {
        return;
    }
    let records = &records[run.at as usize..(run.at + run.records) as usize];
    let (bytes, is_keyed) = (records[0].bytes(), records[0].key_hash().is_some());
    let is_other = |record: &Record| record.bytes() != bytes || record.key_hash().is_some();
    if (is_keyed || records.iter().any(is_other))
        && let Some(window) = windows[run.first.source() as usize].as_mut()
    {
        window.tell_apart(run);
    }
}

/// Which of a run, by their places in it, have left the ledger with a copy in a log.
fn copies_of_those_who_left(windows: &[Option<Window>], run: Run) -> impl Iterator<Item = u32> + use<'_> {
    let window = windows[run.first.source() as usize].as_ref();
    window.into_iter().flat_map(move |window| window.left_with_a_copy(run))
}

/// Counts records that were offered at the same instant together.
#[derive(Default)]
struct Together {
    offered: Time,
    records: u64,
}

impl Together {
    #[inline]
    fn add(&mut self, offered: Time, count: u32, tell: &mut impl FnMut(Time, u64)) {
        if self.offered != offered && self.records > 0 {
            tell(self.offered, self.records);
            self.records = 0;
        }
        self.offered = offered;
        self.records += u64::from(count);
    }

    fn end(self, tell: impl FnOnce(Time, u64)) {
        if self.records > 0 {
            tell(self.offered, self.records);
        }
    }
}

impl<L: Latencies> Observer<Fact> for Ledger<L> {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events {
            if let Fact::Life(life) = &event.fact {
                if let Some(remarks) = &mut self.exit.remarks {
                    remarks.turn_to(event.serial, event.at);
                }
                self.hear(event.at, event.actor, life);
            }
        }
    }
}
