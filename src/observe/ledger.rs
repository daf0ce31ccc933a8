//! The ledger: what became of every record.
//!
//! It reads the neutral facts ([`Life`]) of any system and keeps one line for each record that is still in
//! flight; a record whose fate is known leaves memory and is counted, and its whole life is handed to whoever
//! records it. At the end the books balance to the record:
//!
//! ```text
//! offered = settled + lost (by cause) + dropped (by reason) + rejected + dead-lettered + in flight
//! ```
//!
//! **Invariant.** [`Ledger::balance`] holds at any instant. It is checked by counting each record's fate twice:
//! when it is offered and when it leaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::kernel::{Event, Observer, Time};
use crate::trace::{Fact, GroupId, Ids, Life, PlaceId, Reason, RecordId, Stage};

mod book;
mod order;
mod row;
mod window;

use book::Book;
use order::Order;
use window::Window;
pub use window::{Leg, Line};

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Every group that reads its channel has processed it and said so.
    Settled,
    /// It had been accepted, and is gone; or a group went past it.
    Lost(Reason),
    /// The system let it go by its own rules.
    Dropped(Reason),
    /// The application was told no, or nothing, and the system does not have it.
    Rejected(Reason),
    /// Put aside.
    DeadLettered(Reason),
    /// Not known yet.
    InFlight(Stage4),
}

/// How far a record in flight has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage4 {
    /// In the client: no log has it.
    Unsent,
    /// In a log, below no high watermark yet.
    Stored,
    /// Committed, and not yet handed to every group.
    Undelivered,
    /// Handed over, not yet processed and settled everywhere.
    Unsettled,
    /// Committed where nobody reads.
    Kept,
}

/// A record that has left the ledger: its life, to be recorded.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Which.
    pub id: RecordId,
    /// Its life.
    pub line: Line,
    /// What each reading group did with it, in the order of [`Stage::readers`].
    pub legs: Vec<Leg>,
    /// What became of it.
    pub fate: Fate,
}

/// Counts by fate.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Balance {
    /// Handed to clients by applications.
    pub offered: u64,
    /// Processed and settled by every group.
    pub settled: u64,
    /// Accepted and gone, by cause.
    pub lost: BTreeMap<Reason, u64>,
    /// Let go by the system's own rules, by reason.
    pub dropped: BTreeMap<Reason, u64>,
    /// Refused, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Put aside, by reason.
    pub dead_lettered: BTreeMap<Reason, u64>,
    /// Not decided, by how far they came.
    pub in_flight: BTreeMap<Stage4, u64>,
}

impl Balance {
    /// How many records have a fate, or are in flight.
    pub fn accounted(&self) -> u64 {
        let sum = |by: &BTreeMap<Reason, u64>| by.values().sum::<u64>();
        self.settled
            + sum(&self.lost)
            + sum(&self.dropped)
            + sum(&self.rejected)
            + sum(&self.dead_lettered)
            + self.in_flight.values().sum::<u64>()
    }

    /// Whether every record that was offered is accounted for.
    pub fn holds(&self) -> bool {
        self.offered == self.accounted()
    }

    /// Records lost, whatever the cause.
    pub fn lost_total(&self) -> u64 {
        self.lost.values().sum()
    }

    fn add(&mut self, fate: Fate) {
        match fate {
            Fate::Settled => self.settled += 1,
            Fate::Lost(why) => *self.lost.entry(why).or_default() += 1,
            Fate::Dropped(why) => *self.dropped.entry(why).or_default() += 1,
            Fate::Rejected(why) => *self.rejected.entry(why).or_default() += 1,
            Fate::DeadLettered(why) => *self.dead_lettered.entry(why).or_default() += 1,
            Fate::InFlight(how_far) => *self.in_flight.entry(how_far).or_default() += 1,
        }
    }
}

/// Totals of what happened to records, for a summary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Handed to clients.
    pub offered: u64,
    /// Bytes of keys and values handed to clients.
    pub offered_bytes: u64,
    /// Promised by the system.
    pub accepted: u64,
    /// Told to have failed.
    pub rejected: u64,
    /// Told a timeout: perhaps in the log.
    pub unknown: u64,
    /// Appended, copies included.
    pub stored: u64,
    /// Handed to applications, redeliveries included, each group on its own.
    pub delivered: u64,
    /// Processed for the first time by a group.
    pub processed: u64,
    /// Processed again by a group that had processed it.
    pub duplicates: u64,
    /// Appended more often than once.
    pub stored_twice: u64,
    /// Processed for the first time after a younger record of the same source and key.
    pub reordered: u64,
}

/// Told of each first processing: group, time from offer, from store.
pub trait Latencies {
    /// A group has processed a record for the first time.
    fn processed(&mut self, group: GroupId, offered: Time, stored: Time, now: Time);
    /// A client knows that its record is accepted.
    fn accepted(&mut self, offered: Time, now: Time);
}

/// Keeps nothing.
impl Latencies for () {
    fn processed(&mut self, _: GroupId, _: Time, _: Time, _: Time) {}
    fn accepted(&mut self, _: Time, _: Time) {}
}

/// The books.
#[derive(Clone, Debug)]
pub struct Ledger<L = ()> {
    stage: Arc<Stage>,
    windows: Vec<Option<Window>>,
    books: Vec<Book>,
    order: Order,
    closed: Balance,
    tally: Tally,
    /// Where latencies go.
    pub latencies: L,
    /// Records that have left, when somebody wants them.
    outbox: Option<Vec<Closed>>,
}

impl<L: Latencies> Ledger<L> {
    /// Empty books. With `keep_closed`, records that leave wait in [`Ledger::take_closed`].
    pub fn new(stage: Arc<Stage>, latencies: L, keep_closed: bool) -> Self {
        let books = (0..stage.places())
            .map(|place| {
                let channel = stage.channel_of(PlaceId(place));
                Book::new(stage.readers(channel).collect(), stage.channels[channel.index()].settles)
            })
            .collect();
        Self {
            windows: vec![None; stage.sources.len()],
            stage,
            books,
            order: Order::default(),
            closed: Balance::default(),
            tally: Tally::default(),
            latencies,
            outbox: keep_closed.then(Vec::new),
        }
    }

    /// Totals so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The books as they stand, with everything that is in flight sorted by how far it came.
    pub fn balance(&self) -> Balance {
        let mut balance = self.closed.clone();
        balance.offered = self.tally.offered;
        self.windows
            .iter()
            .flatten()
            .flat_map(|window| window.open(&self.books))
            .for_each(|fate| balance.add(fate));
        balance
    }

    /// Records that have left since the last call; empty unless asked for at the beginning.
    pub fn take_closed(&mut self) -> Vec<Closed> {
        self.outbox.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Closes every record that is left, as it stands. For the end of a run.
    pub fn close(&mut self) {
        for source in 0..self.windows.len() {
            let Some(window) = &mut self.windows[source] else { continue };
            for closed in window.close_all(source as u32, &self.books) {
                self.closed.add(closed.fate);
                if let Some(outbox) = &mut self.outbox {
                    outbox.push(closed);
                }
            }
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

    /// How many committed records of a place a group has not settled.
    pub fn lag(&self, group: GroupId, place: PlaceId) -> u64 {
        self.books[place.index()].lag(group)
    }

    /// When the oldest committed record that a group has not settled was stored.
    pub fn oldest_unsettled(&self, group: GroupId, place: PlaceId) -> Option<Time> {
        let id = self.books[place.index()].oldest_unsettled(group)?;
        self.windows[id.source() as usize].as_ref()?.line(id.sequence()).map(|(line, _)| line.stored)
    }

    /// How many records are in memory.
    pub fn in_memory(&self) -> usize {
        self.windows.iter().flatten().map(Window::len).sum()
    }

    fn take(&mut self, now: Time, life: &Life) {
        match life {
            Life::Offered { channel, first, records, bytes } => {
                self.tally.offered += u64::from(*records);
                self.tally.offered_bytes += bytes;
                let readers = self.stage.readers(*channel).count();
                let window = self.windows[first.source() as usize]
                    .get_or_insert_with(|| Window::new(*channel, readers));
                window.offer(*first, *records, now);
            }
            Life::Accepted { ids, place, offset } => self.accepted(now, ids, *place, *offset),
            Life::Rejected { ids, why } => {
                self.tally.rejected += u64::from(ids.len());
                self.each(ids, |line, _| line.refused = Some(*why));
                self.retire(ids);
            }
            Life::Unknown { ids, why } => {
                self.tally.unknown += u64::from(ids.len());
                self.each(ids, |line, _| line.unknown = Some(*why));
                self.retire(ids);
            }
            Life::Stored { ids, place, offset } => self.stored(now, ids, *place, *offset),
            Life::Committed { place, upto } => self.committed_upto(now, *place, *upto),
            Life::Cut { place, from, why } => self.cut(*place, *from, *why),
            Life::Expired { place, below, why } => self.expired(*place, *below, *why),
            Life::Dropped { ids, why } => {
                self.each(ids, |line, _| line.dropped = Some(*why));
                self.retire(ids);
            }
            Life::DeadLettered { ids, why } => {
                self.each(ids, |line, _| line.dead_lettered = Some(*why));
                self.retire(ids);
            }
            Life::Delivered { ids, group, place, .. } => self.delivered(now, ids, *group, *place),
            Life::Processed { ids, group, place, .. } => self.processed(now, ids, *group, *place),
            Life::Settled { group, place, upto } => self.settled_upto(now, *group, *place, *upto),
            Life::Skipped { group, place, to, why } => self.skipped(*group, *place, *to, *why),
        }
    }

    fn each(&mut self, ids: &Ids, mut change: impl FnMut(&mut Line, &mut [Leg])) {
        for id in ids.iter() {
            if let Some((line, legs)) =
                self.windows[id.source() as usize].as_mut().and_then(|window| window.line_mut(id.sequence()))
            {
                change(line, legs);
            }
        }
    }

    /// Lets records whose fate is sealed leave memory.
    fn retire(&mut self, ids: &Ids) {
        for id in ids.iter() {
            self.retire_one(id);
        }
    }

    fn retire_one(&mut self, id: RecordId) {
        let Some(window) = self.windows[id.source() as usize].as_mut() else { return };
        let Some(fate) = window.seal(id.sequence(), &self.books) else { return };
        self.closed.add(fate);
        let closed = window.remove(id.sequence());
        if let Some(outbox) = &mut self.outbox {
            let (line, legs) = closed;
            outbox.push(Closed { id, line, legs: legs.to_vec(), fate });
        }
        window.trim();
    }

    fn accepted(&mut self, now: Time, ids: &Ids, place: Option<PlaceId>, offset: Option<u64>) {
        self.tally.accepted += u64::from(ids.len());
        let stored_before = place.is_some() && offset.is_some();
        for id in ids.iter() {
            let Some(window) = self.windows[id.source() as usize].as_mut() else { continue };
            let Some((line, _)) = window.line_mut(id.sequence()) else { continue };
            line.accepted = now;
            line.promised_unseen |= !stored_before;
            self.latencies.accepted(line.offered, now);
        }
        self.retire(ids);
    }

    fn stored(&mut self, now: Time, ids: &Ids, place: PlaceId, offset: u64) {
        self.tally.stored += u64::from(ids.len());
        let mut again = 0;
        self.each(ids, |line, _| {
            again += u64::from(line.copies > 0);
            line.copies += 1;
            if line.stored == Time::NEVER {
                line.stored = now;
            }
            line.place = Some(place);
        });
        let mut at = offset;
        self.each(ids, |line, _| {
            line.offset = at;
            at += 1;
        });
        if let Ids::Span(span) = ids {
            for record in span.records() {
                if let Some((line, _)) = self.windows[record.id.source() as usize]
                    .as_mut()
                    .and_then(|window| window.line_mut(record.id.sequence()))
                {
                    line.key_hash = record.key_hash();
                    line.bytes = record.bytes();
                }
            }
        }
        self.tally.stored_twice += again;
        self.books[place.index()].store(offset, ids.clone());
    }

    fn committed_upto(&mut self, now: Time, place: PlaceId, upto: u64) {
        let unread = self.books[place.index()].readers().is_empty();
        for ids in self.books[place.index()].commit(upto) {
            self.each(&ids, |line, _| {
                if line.committed == Time::NEVER {
                    line.committed = now;
                }
            });
            if unread {
                self.retire(&ids);
            }
        }
        self.books[place.index()].trim();
    }

    fn cut(&mut self, place: PlaceId, from: u64, why: Reason) {
        for ids in self.books[place.index()].cut(from) {
            self.each(&ids, |line, _| {
                line.copies = line.copies.saturating_sub(1);
                if line.copies == 0 {
                    line.cut = Some(why);
                }
            });
            for id in ids.iter() {
                self.kept_but_cut(id, why);
                self.retire_one(id);
            }
        }
    }

    /// A record that had left as kept where nobody reads, and is gone now after all.
    fn kept_but_cut(&mut self, id: RecordId, why: Reason) {
        let left = self.windows[id.source() as usize]
            .as_ref()
            .is_none_or(|window| window.line(id.sequence()).is_none());
        if !left {
            return;
        }
        if let Some(kept) = self.closed.in_flight.get_mut(&Stage4::Kept).filter(|kept| **kept > 0) {
            *kept -= 1;
            self.closed.add(Fate::Lost(why));
        }
    }

    fn expired(&mut self, place: PlaceId, below: u64, why: Reason) {
        for ids in self.books[place.index()].expire(below) {
            self.each(&ids, |line, legs| {
                for leg in legs.iter_mut().filter(|leg| leg.delivered == Time::NEVER) {
                    leg.skipped = Some(why);
                }
                line.expired |= true;
            });
            self.retire(&ids);
        }
    }

    fn delivered(&mut self, now: Time, ids: &Ids, group: GroupId, place: PlaceId) {
        self.tally.delivered += u64::from(ids.len());
        let Some(leg) = self.books[place.index()].leg(group) else { return };
        self.each(ids, |line, legs| {
            let leg = &mut legs[leg];
            leg.attempts += 1;
            if leg.delivered == Time::NEVER {
                leg.delivered = now;
            }
            if line.place.is_none() {
                line.place = Some(place);
            }
        });
    }

    fn processed(&mut self, now: Time, ids: &Ids, group: GroupId, place: PlaceId) {
        let Some(leg) = self.books[place.index()].leg(group) else { return };
        let settles = self.books[place.index()].settles();
        for id in ids.iter() {
            let line =
                self.windows[id.source() as usize].as_mut().and_then(|window| window.line_mut(id.sequence()));
            let Some((line, legs)) = line else {
                self.tally.duplicates += 1;
                continue;
            };
            let leg = &mut legs[leg];
            leg.times_processed += 1;
            if leg.times_processed > 1 {
                self.tally.duplicates += 1;
                continue;
            }
            leg.processed = now;
            if !settles {
                leg.settled = now;
            }
            let (offered, stored) = (line.offered, line.stored);
            self.books[place.index()].processed(group, line.offset);
            self.tally.processed += 1;
            self.tally.reordered += u64::from(self.order.is_late(group, place, line.key_hash, id));
            self.latencies.processed(group, offered, stored, now);
            if legs.iter().all(Leg::is_done) {
                self.retire_one(id);
            }
        }
    }

    fn settled_upto(&mut self, now: Time, group: GroupId, place: PlaceId, upto: u64) {
        let Some(leg) = self.books[place.index()].leg(group) else { return };
        for ids in self.books[place.index()].settle(group, upto) {
            self.each(&ids, |_, legs| {
                if legs[leg].settled == Time::NEVER {
                    legs[leg].settled = now;
                }
            });
            self.retire(&ids);
        }
        self.books[place.index()].trim();
    }

    fn skipped(&mut self, group: GroupId, place: PlaceId, to: u64, why: Reason) {
        let Some(leg) = self.books[place.index()].leg(group) else { return };
        for ids in self.books[place.index()].skip(group, to) {
            self.each(&ids, |_, legs| {
                if legs[leg].delivered == Time::NEVER {
                    legs[leg].skipped = Some(why);
                }
            });
            self.retire(&ids);
        }
        self.books[place.index()].trim();
    }
}

impl<L: Latencies> Observer<Fact> for Ledger<L> {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events {
            if let Fact::Life(life) = &event.fact {
                self.take(event.at, life);
            }
        }
    }
}
