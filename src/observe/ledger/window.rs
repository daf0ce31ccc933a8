//! The records of one source that are still in flight: a window that moves with the oldest.

use std::collections::{BTreeMap, VecDeque};

use crate::kernel::Time;
use crate::trace::{PlaceId, Reason, RecordId, Run};

use super::book::Book;
use super::copies::Copies;
use super::{Fate, Whereabouts};

/// One record's life, without what its readers did: 64 bytes, for there may be millions in flight. Times are
/// [`Time::NEVER`] until they come.
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
    /// [`PlaceId`]'s number; [`NOWHERE`] until a log has it.
    place: u32,
    /// At which offset.
    pub offset: u64,
    /// How many copies lie in the readable log.
    pub copies: u16,
    /// Bytes of key and value; 0 until it is stored.
    pub bytes: u32,
    /// Means nothing where `is_keyed` is false.
    key_hash: i32,
    is_keyed: bool,
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
    /// What became of it is not settled, though it is known how it stands: it may be in a log that will be read
    /// again, or in the hands of a reader.
    pub(super) in_doubt: bool,
    /// It has not left the ledger.
    open: bool,
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
    /// The last work on it failed.
    pub failed: Option<Reason>,
}

impl Leg {
    const NEW: Self = Self {
        delivered: Time::NEVER,
        processed: Time::NEVER,
        settled: Time::NEVER,
        attempts: 0,
        times_processed: 0,
        skipped: None,
        failed: None,
    };

    /// Processed and settled.
    pub fn is_done(&self) -> bool {
        self.processed != Time::NEVER && self.settled != Time::NEVER
    }
}

/// Records that lie side by side in memory, and are let go together: then the block is there, and empty.
#[derive(Clone, Debug)]
struct Block {
    lines: Vec<Line>,
    /// As many for each line as there are readers.
    legs: Vec<Leg>,
    open: u32,
}

/// How many records a block holds.
const BLOCK: usize = 128;

/// A source's records in flight.
#[derive(Clone, Debug)]
pub(super) struct Window {
    readers: usize,
    /// The first record of the first block.
    base: u64,
    /// Full or let go, but for the last.
    blocks: VecDeque<Block>,
    /// The memory of blocks that were let go.
    spare: Vec<Block>,
    /// How many records of the blocks are open.
    open: usize,
    /// Records that stayed behind while the window moved on.
    stragglers: BTreeMap<u64, (Line, Vec<Leg>)>,
    /// Who has left with a copy in a log.
    copies: Copies,
}

/// A window of more blocks than this, with hardly a record of them open, moves on and leaves those behind.
const LONG: usize = (1 << 16) / BLOCK;
/// How many empty blocks are kept to be used again.
const SPARE: usize = 64;

impl Block {
    const EMPTY: Self = Self { lines: Vec::new(), legs: Vec::new(), open: 0 };

    /// Room for all that it will hold: growing leaves holes in memory.
    fn with_room(readers: usize) -> Self {
        Self { lines: Vec::with_capacity(BLOCK), legs: Vec::with_capacity(BLOCK * readers), open: 0 }
    }

    fn rows(&self, readers: usize) -> impl Iterator<Item = (&Line, &[Leg])> {
        self.lines
            .iter()
            .enumerate()
            .map(move |(index, line)| (line, &self.legs[index * readers..(index + 1) * readers]))
    }
}

impl Window {
    pub(super) fn new(readers: usize) -> Self {
        Self {
            readers,
            base: 0,
            blocks: VecDeque::new(),
            spare: Vec::new(),
            open: 0,
            stragglers: BTreeMap::new(),
            copies: Copies::default(),
        }
    }

    pub(super) fn offer(&mut self, first: RecordId, records: u32, now: Time) {
        assert_eq!(first.sequence(), self.next(), "a source numbers without gaps");
        let mut left = records as usize;
        while left > 0 {
            if self.blocks.back().is_none_or(|last| last.lines.len() == BLOCK) {
                self.let_go_of_last();
                self.blocks.push_back(self.spare.pop().unwrap_or_else(|| Block::with_room(self.readers)));
            }
            let block = self.blocks.back_mut().expect("pushed above");
            let count = left.min(BLOCK - block.lines.len());
            let length = block.lines.len() + count;
            block.lines.resize(length, Line::offered(now));
            block.legs.resize(length * self.readers, Leg::NEW);
            block.open += count as u32;
            left -= count;
        }
        self.open += records as usize;
    }

    fn next(&self) -> u64 {
        let last = self.blocks.back().map_or(0, |last| last.lines.len());
        self.base + (self.blocks.len().saturating_sub(1) * BLOCK + last) as u64
    }

    /// The last block is full; nothing says that it was let go when all of it had left already.
    fn let_go_of_last(&mut self) {
        if let Some(last) = self.blocks.back_mut().filter(|last| last.open == 0) {
            last.let_go(&mut self.spare);
        }
    }

    /// Records that are open.
    pub(super) fn open(&self) -> usize {
        self.open + self.stragglers.len()
    }

    /// Blocks in memory.
    #[cfg(test)]
    pub(super) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The line of a record that is open.
    pub(super) fn line(&self, sequence: u64) -> Option<&Line> {
        self.row(sequence).map(|(line, _)| line)
    }

    /// The line of a record that is open, and what its readers did.
    pub(super) fn row(&self, sequence: u64) -> Option<(&Line, &[Leg])> {
        let Some(index) = sequence.checked_sub(self.base) else {
            return self.stragglers.get(&sequence).map(|(line, legs)| (line, &legs[..]));
        };
        let (block, index) = (self.blocks.get(index as usize / BLOCK)?, index as usize % BLOCK);
        let line = block.lines.get(index).filter(|line| line.open)?;
        Some((line, &block.legs[index * self.readers..(index + 1) * self.readers]))
    }

    /// Calls `visit` for each open record of a run, with its place in the run; where that returns a fate, the
    /// record leaves. Returns how many were open.
    #[inline]
    pub(super) fn visit(
        &mut self,
        run: Run,
        mut visit: impl FnMut(u32, &mut Line, &mut [Leg]) -> Visit,
    ) -> u32 {
        let sequence = run.first.sequence();
        let copies = &mut self.copies;
        let mut visit = |at: u32, line: &mut Line, legs: &mut [Leg]| {
            let visited = visit(at, line, legs);
            if visited == Visit::Leaves && line.copies > 0 {
                copies.put(sequence + u64::from(at));
            }
            visited
        };
        let behind = self.base.saturating_sub(sequence).min(u64::from(run.records)) as u32;
        let mut seen =
            if behind > 0 { visit_stragglers(&mut self.stragglers, sequence, behind, &mut visit) } else { 0 };
        let mut done = behind;
        let last = self.blocks.len().saturating_sub(1);
        while done < run.records {
            let index = (sequence + u64::from(done) - self.base) as usize;
            let Some(block) = self.blocks.get_mut(index / BLOCK) else { break };
            let (from, to) = (index % BLOCK, BLOCK.min(index % BLOCK + (run.records - done) as usize));
            let (open, left) = block.visit(from, to, self.readers, done, &mut visit);
            block.open -= left;
            self.open -= left as usize;
            if left > 0 && block.open == 0 && index / BLOCK < last {
                block.let_go(&mut self.spare);
            }
            seen += open;
            done += (to - from) as u32;
        }
        seen
    }

    /// Which of a run, by their places in it, have left with a copy in a log.
    pub(super) fn left_with_a_copy(&self, run: Run) -> impl Iterator<Item = u32> + use<'_> {
        (0..run.records).filter(move |at| self.copies.has(run.first.sequence() + u64::from(*at)))
    }

    /// The copy in the log of one that has left is gone.
    pub(super) fn lose_copy_of(&mut self, sequence: u64) {
        self.copies.take(sequence);
    }

    /// Moves the window on.
    pub(super) fn trim(&mut self) {
        if self.open == 0 {
            return self.clear();
        }
        while self.blocks.len() > 1 && self.blocks[0].open == 0 {
            self.pop_front();
        }
        while self.blocks.len() > LONG && self.open < self.blocks.len() {
            self.leave_behind();
        }
    }

    /// Nothing is open: the next block begins here, in the memory of the last.
    fn clear(&mut self) {
        self.base = self.next();
        self.blocks.truncate(1);
        if let Some(block) = self.blocks.front_mut() {
            block.lines.clear();
            block.legs.clear();
        }
    }

    fn leave_behind(&mut self) {
        let base = self.base;
        let block = self.pop_front();
        let open = (base..).zip(block.rows(self.readers)).filter(|(_, (line, _))| line.open);
        self.stragglers
            .extend(open.map(|(sequence, (line, legs))| (sequence, (line.clone(), legs.to_vec()))));
        self.open -= block.open as usize;
    }

    fn pop_front(&mut self) -> Block {
        let block = self.blocks.pop_front().expect("a window that is not empty");
        assert!(block.lines.len() == BLOCK || block.lines.is_empty(), "only the last block is not full");
        self.base += BLOCK as u64;
        block
    }

    /// All that is open, oldest first.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u64, &Line, &[Leg])> {
        let behind = self.stragglers.iter().map(|(sequence, (line, legs))| (*sequence, line, &legs[..]));
        let blocks = (self.base..).step_by(BLOCK).zip(&self.blocks);
        let inside = blocks.flat_map(|(base, block)| {
            (base..).zip(block.rows(self.readers)).map(|(sequence, (line, legs))| (sequence, line, legs))
        });
        behind.chain(inside.filter(|(_, line, _)| line.open))
    }

    /// Forgets everything.
    pub(super) fn close(&mut self) {
        (self.base, self.open) = (self.next(), 0);
        self.blocks.clear();
        self.stragglers.clear();
    }
}

fn visit_stragglers(
    stragglers: &mut BTreeMap<u64, (Line, Vec<Leg>)>,
    from: u64,
    count: u32,
    visit: &mut impl FnMut(u32, &mut Line, &mut [Leg]) -> Visit,
) -> u32 {
    let mut seen = 0;
    let mut leave = Vec::new();
    for (&sequence, (line, legs)) in stragglers.range_mut(from..from + u64::from(count)) {
        seen += 1;
        if visit((sequence - from) as u32, line, legs) == Visit::Leaves {
            leave.push(sequence);
        }
    }
    for sequence in leave {
        stragglers.remove(&sequence);
    }
    seen
}

/// What becomes of a record that was visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    Stays,
    Leaves,
}

impl Block {
    /// Nothing of it is open.
    fn let_go(&mut self, spare: &mut Vec<Self>) {
        assert!(self.open == 0, "what is open stays");
        let mut block = std::mem::replace(self, Self::EMPTY);
        if spare.len() < SPARE {
            block.lines.clear();
            block.legs.clear();
            spare.push(block);
        }
    }

    /// Visits the open records at `from..to`: how many there were, and how many left. The first is number `at`
    /// of the run.
    #[inline]
    fn visit(
        &mut self,
        from: usize,
        to: usize,
        readers: usize,
        at: u32,
        visit: &mut impl FnMut(u32, &mut Line, &mut [Leg]) -> Visit,
    ) -> (u32, u32) {
        let (mut open, mut left) = (0, 0);
        let to = to.min(self.lines.len());
        if from >= to {
            return (0, 0);
        }
        let mut legs = &mut self.legs[from * readers..to * readers];
        for (at, line) in (at..).zip(&mut self.lines[from..to]) {
            let (mine, rest) = legs.split_at_mut(readers);
            legs = rest;
            if !line.open {
                continue;
            }
            open += 1;
            if visit(at, line, mine) == Visit::Leaves {
                line.open = false;
                left += 1;
            }
        }
        (open, left)
    }
}

/// No place.
const NOWHERE: u32 = u32::MAX;

impl Line {
    /// A copy of it is gone from the log.
    pub(super) fn lose_copy(&mut self, why: Reason) {
        self.copies = self.copies.saturating_sub(1);
        if self.copies == 0 {
            self.cut = Some(why);
        }
    }

    /// Where it was last appended, or handed over from.
    pub fn place(&self) -> Option<PlaceId> {
        (self.place != NOWHERE).then_some(PlaceId(self.place))
    }

    /// murmur2 of its key, when a log has it and it has one.
    pub fn key_hash(&self) -> Option<i32> {
        self.is_keyed.then_some(self.key_hash)
    }

    pub(super) fn put(&mut self, place: PlaceId) {
        self.place = place.0;
    }

    pub(super) fn put_key(&mut self, key_hash: Option<i32>) {
        (self.is_keyed, self.key_hash) = (key_hash.is_some(), key_hash.unwrap_or(0));
    }

    fn offered(now: Time) -> Self {
        Self {
            offered: now,
            accepted: Time::NEVER,
            stored: Time::NEVER,
            committed: Time::NEVER,
            place: NOWHERE,
            offset: 0,
            copies: 0,
            bytes: 0,
            key_hash: 0,
            is_keyed: false,
            refused: None,
            unknown: None,
            cut: None,
            dropped: None,
            dead_lettered: None,
            expired: false,
            promised_unseen: false,
            in_doubt: false,
            open: true,
        }
    }
}

/// A record's fate, when it is decided for good.
#[inline]
pub(super) fn seal(line: &Line, legs: &[Leg], books: &[Book]) -> Option<Fate> {
    if is_plainly_open(line, legs) {
        return None;
    }
    // A client that gave up waiting may have a request under way still: it can be stored any time.
    let may_come = line.unknown.is_some() && line.refused.is_none() && line.stored == Time::NEVER;
    if may_come {
        return None;
    }
    if may_reach_others(line, legs, books) {
        return None;
    }
    let fate = fate(line, legs, books);
    if line.in_doubt && !matches!(fate, Fate::Settled | Fate::DeadLettered(_)) {
        return None;
    }
    let told = line.accepted != Time::NEVER || line.unknown.is_some() || line.refused.is_some();
    let kept = told && fate == Fate::InFlight(Whereabouts::Kept);
    (kept || !matches!(fate, Fate::InFlight(_))).then_some(fate)
}

/// Where each group gets copies of its own, one that missed its copy says nothing about the others.
fn may_reach_others(line: &Line, legs: &[Leg], books: &[Book]) -> bool {
    let one_by_one = line.place().is_none_or(|place| books[place.index()].is_one_by_one());
    one_by_one
        && line.dropped.is_none()
        && line.refused.is_none()
        && legs.iter().any(|leg| leg.skipped.is_some())
        && legs.iter().any(|leg| leg.skipped.is_none() && !leg.is_done())
}

/// Most records, most of the time: one look instead of many. A log has it, nobody said a bad word about it, and
/// somebody who reads it is still to take a step that this ledger waits for.
#[inline]
fn is_plainly_open(line: &Line, legs: &[Leg]) -> bool {
    let passed_or_skipped =
        |leg: &Leg| leg.skipped.is_some() || (leg.settled != Time::NEVER && leg.processed == Time::NEVER);
    line.copies > 0
        && line.dropped.is_none()
        && line.dead_lettered.is_none()
        && !legs.iter().any(passed_or_skipped)
        && !legs.iter().all(Leg::is_done)
}

/// What has become of a record so far. The order of the questions is the order of precedence.
#[inline]
pub(super) fn fate(line: &Line, legs: &[Leg], books: &[Book]) -> Fate {
    if let Some(why) = line.dead_lettered {
        return Fate::DeadLettered(why);
    }
    if !legs.is_empty() && legs.iter().all(Leg::is_done) {
        return Fate::Settled;
    }
    if let Some(why) = line.dropped {
        return Fate::Dropped(why);
    }
    if line.copies == 0
        && let Some(fate) = nowhere(line)
    {
        return fate;
    }
    if let Some(why) = legs.iter().find_map(|leg| leg.skipped.filter(|_| leg.processed == Time::NEVER)) {
        return if why == Reason::Retention { Fate::Dropped(why) } else { Fate::Lost(why) };
    }
    let mut passed = legs.iter().enumerate().filter(|(leg, state)| passed_by(line, *leg, state, books));
    if let Some((_, leg)) = passed.next() {
        return Fate::Lost(leg.failed.unwrap_or(Reason::CommittedUnprocessed));
    }
    Fate::InFlight(how_far(line, legs))
}

/// What has become of a record when nothing more will happen. One that was promised unseen (acks=0) and that no
/// log has seen by now did not arrive.
pub(super) fn last_fate(line: &Line, legs: &[Leg], books: &[Book]) -> Fate {
    match fate(line, legs, books) {
        Fate::InFlight(Whereabouts::Unsent) if line.promised_unseen && line.stored == Time::NEVER => {
            Fate::Lost(Reason::NotAcknowledged)
        }
        decided => decided,
    }
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
        || line.place().is_some_and(|place| books[place.index()].has_processed_beyond(leg, line.offset));
    state.settled != Time::NEVER && state.processed == Time::NEVER && gone_on()
}

fn how_far(line: &Line, legs: &[Leg]) -> Whereabouts {
    if line.copies == 0 && !legs.iter().any(|leg| leg.delivered != Time::NEVER) {
        return Whereabouts::Unsent;
    }
    if line.committed == Time::NEVER && line.copies > 0 {
        return Whereabouts::Stored;
    }
    if legs.is_empty() {
        return Whereabouts::Kept;
    }
    if legs.iter().any(|leg| leg.delivered == Time::NEVER) {
        Whereabouts::Undelivered
    } else {
        Whereabouts::Unsettled
    }
}
