//! The records of one source that are still in flight: a window that moves with the oldest.

use std::collections::{BTreeMap, VecDeque};

use crate::kernel::Time;
use crate::trace::{ChannelId, PlaceId, Reason, RecordId};

use super::book::Book;
use super::{Closed, Fate, Stage4};

/// One record's life, without what its readers did. Times are [`Time::NEVER`] until they come.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When the application handed it over.
    pub offered: Time,
    /// When the client knew that the system has it.
    pub accepted: Time,
    /// When it was first appended.
    pub stored: Time,
    /// When it was first committed.
    pub committed: Time,
    /// Where it was last appended.
    pub place: Option<PlaceId>,
    /// At which offset.
    pub offset: u64,
    /// How many copies lie in the readable log.
    pub copies: u16,
    /// Bytes of key and value; 0 until it is stored.
    pub bytes: u32,
    /// murmur2 of its key.
    pub key_hash: Option<i32>,
    /// The client was told no.
    pub refused: Option<Reason>,
    /// The client was told a timeout.
    pub unknown: Option<Reason>,
    /// Its last copy was cut off.
    pub cut: Option<Reason>,
    /// It was let go.
    pub dropped: Option<Reason>,
    /// It was put aside.
    pub dead_lettered: Option<Reason>,
    /// Deleted from the log's start.
    pub expired: bool,
    /// Accepted without anybody having said that it is stored (acks=0).
    pub promised_unseen: bool,
}

/// What one reading group did with a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    /// First handed over.
    pub delivered: Time,
    /// First processed.
    pub processed: Time,
    /// First covered by a settlement.
    pub settled: Time,
    /// How often it was handed over.
    pub attempts: u16,
    /// How often it was processed.
    pub times_processed: u16,
    /// The group went past it without seeing it.
    pub skipped: Option<Reason>,
}

impl Leg {
    const NEW: Self = Self {
        delivered: Time::NEVER,
        processed: Time::NEVER,
        settled: Time::NEVER,
        attempts: 0,
        times_processed: 0,
        skipped: None,
    };

    /// Processed and settled.
    pub fn is_done(&self) -> bool {
        self.processed != Time::NEVER && self.settled != Time::NEVER
    }
}

#[derive(Clone, Debug)]
struct Entry {
    line: Line,
    open: bool,
}

/// A source's records in flight.
#[derive(Clone, Debug)]
pub(super) struct Window {
    #[expect(dead_code, reason = "shown in debug output")]
    channel: ChannelId,
    readers: usize,
    base: u64,
    entries: VecDeque<Entry>,
    legs: VecDeque<Leg>,
    open: usize,
    /// Records that stayed behind while the window moved on.
    stragglers: BTreeMap<u64, (Line, Vec<Leg>)>,
}

/// A window longer than this, with most of it closed, moves on and leaves its open records behind.
const LONG: usize = 1 << 16;

impl Window {
    pub(super) fn new(channel: ChannelId, readers: usize) -> Self {
        Self {
            channel,
            readers,
            base: 0,
            entries: VecDeque::new(),
            legs: VecDeque::new(),
            open: 0,
            stragglers: BTreeMap::new(),
        }
    }

    pub(super) fn offer(&mut self, first: RecordId, records: u32, now: Time) {
        assert_eq!(first.sequence(), self.base + self.entries.len() as u64, "a source numbers without gaps");
        for _ in 0..records {
            self.entries.push_back(Entry { line: Line::offered(now), open: true });
            (0..self.readers).for_each(|_| self.legs.push_back(Leg::NEW));
        }
        self.open += records as usize;
    }

    /// Records in memory.
    pub(super) fn len(&self) -> usize {
        self.entries.len() + self.stragglers.len()
    }

    pub(super) fn line(&self, sequence: u64) -> Option<(&Line, Option<usize>)> {
        match sequence.checked_sub(self.base) {
            Some(index) => {
                let entry = self.entries.get(index as usize)?;
                entry.open.then_some((&entry.line, Some(index as usize)))
            }
            None => self.stragglers.get(&sequence).map(|(line, _)| (line, None)),
        }
    }

    #[inline]
    pub(super) fn line_mut(&mut self, sequence: u64) -> Option<(&mut Line, &mut [Leg])> {
        match sequence.checked_sub(self.base) {
            Some(index) => {
                let index = index as usize;
                let entry = self.entries.get_mut(index)?;
                if !entry.open {
                    return None;
                }
                let legs = legs_of(&mut self.legs, index * self.readers, self.readers);
                Some((&mut entry.line, legs))
            }
            None => self.stragglers.get_mut(&sequence).map(|(line, legs)| (line, &mut legs[..])),
        }
    }

    /// The record's fate, when it is decided for good.
    pub(super) fn seal(&mut self, sequence: u64, books: &[Book]) -> Option<Fate> {
        let (line, legs) = self.line_mut(sequence)?;
        // A client that gave up waiting may have a request under way still: it can be stored any time.
        let may_come = line.unknown.is_some() && line.refused.is_none() && line.stored == Time::NEVER;
        if may_come {
            return None;
        }
        let fate = fate(line, legs, books);
        let kept = fate == Fate::InFlight(Stage4::Kept);
        (kept || !matches!(fate, Fate::InFlight(_))).then_some(fate)
    }

    /// Takes an open record out.
    pub(super) fn remove(&mut self, sequence: u64) -> (Line, Vec<Leg>) {
        self.open -= 1;
        match sequence.checked_sub(self.base) {
            Some(index) => {
                let index = index as usize;
                let entry = &mut self.entries[index];
                assert!(entry.open, "a record leaves once");
                entry.open = false;
                let line = entry.line.clone();
                (line, legs_of(&mut self.legs, index * self.readers, self.readers).to_vec())
            }
            None => self.stragglers.remove(&sequence).expect("an open record"),
        }
    }

    /// Moves the window on.
    pub(super) fn trim(&mut self) {
        while self.entries.front().is_some_and(|entry| !entry.open) {
            self.pop_front();
        }
        while self.entries.len() > LONG && self.open < self.entries.len() / 4 {
            let sequence = self.base;
            let (entry, legs) = self.pop_front();
            if entry.open {
                self.stragglers.insert(sequence, (entry.line, legs));
            }
        }
    }

    fn pop_front(&mut self) -> (Entry, Vec<Leg>) {
        let entry = self.entries.pop_front().expect("a window that is not empty");
        self.base += 1;
        (entry, self.legs.drain(..self.readers).collect())
    }

    /// The fates of all that is open.
    pub(super) fn open<'a>(&'a self, books: &'a [Book]) -> impl Iterator<Item = Fate> + 'a {
        let entries =
            self.entries.iter().enumerate().filter(|(_, entry)| entry.open).map(move |(index, entry)| {
                let legs: Vec<Leg> =
                    self.legs.range(index * self.readers..(index + 1) * self.readers).cloned().collect();
                fate(&entry.line, &legs, books)
            });
        entries.chain(self.stragglers.values().map(move |(line, legs)| fate(line, legs, books)))
    }

    /// Takes everything out.
    pub(super) fn close_all(&mut self, source: u32, books: &[Book]) -> Vec<Closed> {
        let mut closed = Vec::new();
        let mut close = |sequence, line: Line, legs: Vec<Leg>| {
            // A record that was promised unseen and that nobody has seen by now has not arrived.
            let fate = match fate(&line, &legs, books) {
                Fate::InFlight(Stage4::Unsent) if line.promised_unseen && line.stored == Time::NEVER => {
                    Fate::Lost(Reason::NotAcknowledged)
                }
                decided => decided,
            };
            closed.push(Closed { id: RecordId::new(source, sequence), line, legs, fate });
        };
        for (sequence, (line, legs)) in std::mem::take(&mut self.stragglers) {
            close(sequence, line, legs);
        }
        while !self.entries.is_empty() {
            let sequence = self.base;
            let (entry, legs) = self.pop_front();
            if entry.open {
                close(sequence, entry.line, legs);
            }
        }
        self.open = 0;
        closed
    }
}

fn legs_of(legs: &mut VecDeque<Leg>, from: usize, count: usize) -> &mut [Leg] {
    // A record's legs lie side by side unless the ring wraps between them; then it is straightened out.
    let (front, _) = legs.as_slices();
    let front = front.len();
    if from < front && from + count > front {
        legs.make_contiguous();
    }
    let (front, back) = legs.as_mut_slices();
    let split = front.len();
    if from + count <= split {
        &mut front[from..from + count]
    } else {
        &mut back[from - split..from - split + count]
    }
}

impl Line {
    fn offered(now: Time) -> Self {
        Self {
            offered: now,
            accepted: Time::NEVER,
            stored: Time::NEVER,
            committed: Time::NEVER,
            place: None,
            offset: 0,
            copies: 0,
            bytes: 0,
            key_hash: None,
            refused: None,
            unknown: None,
            cut: None,
            dropped: None,
            dead_lettered: None,
            expired: false,
            promised_unseen: false,
        }
    }
}

/// What has become of a record so far. The order of the questions is the order of precedence.
fn fate(line: &Line, legs: &[Leg], books: &[Book]) -> Fate {
    if let Some(why) = line.dead_lettered {
        return Fate::DeadLettered(why);
    }
    if !legs.is_empty() && legs.iter().all(Leg::is_done) {
        return Fate::Settled;
    }
    if let Some(why) = line.dropped {
        return Fate::Dropped(why);
    }
    if line.copies == 0 {
        if let Some(fate) = nowhere(line) {
            return fate;
        }
    }
    if let Some(why) = legs.iter().find_map(|leg| leg.skipped.filter(|_| leg.processed == Time::NEVER)) {
        return if why == Reason::Retention { Fate::Dropped(why) } else { Fate::Lost(why) };
    }
    if legs.iter().enumerate().any(|(leg, state)| passed_by(line, leg, state, books)) {
        return Fate::Lost(Reason::CommittedUnprocessed);
    }
    Fate::InFlight(how_far(line, legs))
}

/// The fate of a record that no readable log holds, if it has one.
fn nowhere(line: &Line) -> Option<Fate> {
    match (line.refused, line.unknown, line.cut) {
        (Some(why), _, _) => Some(Fate::Rejected(why)),
        (None, Some(why), cut)
            if line.accepted == Time::NEVER && (cut.is_some() || line.stored == Time::NEVER) =>
        {
            Some(Fate::Rejected(why))
        }
        (None, _, Some(why)) if line.accepted != Time::NEVER => Some(Fate::Lost(why)),
        (None, _, _) => None,
    }
}

/// Settled by the group, never processed by it, and the group has gone on to later records.
fn passed_by(line: &Line, leg: usize, state: &Leg, books: &[Book]) -> bool {
    let gone_on =
        || line.place.is_some_and(|place| books[place.index()].has_processed_beyond(leg, line.offset));
    state.settled != Time::NEVER && state.processed == Time::NEVER && gone_on()
}

fn how_far(line: &Line, legs: &[Leg]) -> Stage4 {
    if line.copies == 0 && !legs.iter().any(|leg| leg.delivered != Time::NEVER) {
        return Stage4::Unsent;
    }
    if line.committed == Time::NEVER && line.copies > 0 {
        return Stage4::Stored;
    }
    if legs.is_empty() {
        return Stage4::Kept;
    }
    if legs.iter().any(|leg| leg.delivered == Time::NEVER) { Stage4::Undelivered } else { Stage4::Unsettled }
}
