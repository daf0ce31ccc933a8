//! The records of one source that are still in flight: a window that moves with the oldest.

use std::collections::{BTreeMap, VecDeque};

use crate::kernel::Time;
use crate::trace::{PlaceId, Reason, RecordId, Run};

use super::balance::InFlight;
use super::block::{BLOCK, Block};
use super::book::Book;
use super::copies::Copies;
use super::{Balance, Fate, Whereabouts};

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
    pub(super) open: bool,
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
    /// Whether the group has processed it more than once.
    #[inline]
    pub fn is_duplicate(&self) -> bool {
        self.times_processed > 1
    }

    pub(super) const NEW: Self = Self {
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
            if self.blocks.back().is_none_or(Block::is_full) {
                self.let_go_of_last();
                self.blocks.push_back(self.spare.pop().unwrap_or_default());
            }
            let block = self.blocks.back_mut().expect("pushed above");
            let count = left.min(BLOCK - block.records());
            block.offer(count, now, self.readers);
            left -= count;
        }
        self.open += records as usize;
    }

    fn next(&self) -> u64 {
        let last = self.blocks.back().map_or(0, Block::records);
        self.base + (self.blocks.len().saturating_sub(1) * BLOCK + last) as u64
    }

    /// The last block is full; nothing says that it was let go when all of it had left already.
    fn let_go_of_last(&mut self) {
        if let Some(last) = self.blocks.back_mut().filter(|last| last.open() == 0) {
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
    pub(super) fn line(&self, sequence: u64) -> Option<Line> {
        self.row(sequence).map(|(line, _)| line)
    }

    /// The line of a record that is open, and what its readers did.
    pub(super) fn row(&self, sequence: u64) -> Option<(Line, &[Leg])> {
        let Some(index) = sequence.checked_sub(self.base) else {
            return self.stragglers.get(&sequence).map(|(line, legs)| (line.clone(), &legs[..]));
        };
        let block = self.blocks.get(index as usize / BLOCK)?;
        block.row(index as usize % BLOCK, self.readers).filter(|(line, _)| line.open)
    }

    /// Calls `change` for the open records of a run, several at once where they are alike: with the place of the first
    /// in the run, and how many they are. Where that may have decided something, `judge` says what becomes of them.
    /// Returns how many were open.
    #[inline]
    pub(super) fn visit(
        &mut self,
        run: Run,
        mut change: impl FnMut(u32, u32, &mut Line, &mut [Leg]) -> bool,
        mut judge: impl FnMut(u32, u32, &Line, &[Leg]) -> Verdict,
    ) -> u32 {
        let sequence = run.first.sequence();
        let copies = &mut self.copies;
        let mut judge = |at: u32, count: u32, line: &Line, legs: &[Leg]| {
            let verdict = judge(at, count, line, legs);
            if verdict == Verdict::Leave && line.copies > 0 {
                copies.put(sequence + u64::from(at), count);
            }
            verdict
        };
        let behind = self.base.saturating_sub(sequence).min(u64::from(run.records)) as u32;
        let mut seen = 0;
        if behind > 0 {
            seen = visit_stragglers(&mut self.stragglers, sequence, behind, &mut change, &mut judge);
        }
        let mut done = behind;
        let last = self.blocks.len().saturating_sub(1);
        while done < run.records {
            let index = (sequence + u64::from(done) - self.base) as usize;
            let Some(block) = self.blocks.get_mut(index / BLOCK) else { break };
            let (from, to) = (index % BLOCK, BLOCK.min(index % BLOCK + (run.records - done) as usize));
            let (open, left) = block.visit(from..to, self.readers, done, &mut change, &mut judge);
            self.open -= left as usize;
            if left > 0 && block.open() == 0 && index / BLOCK < last {
                block.let_go(&mut self.spare);
            }
            seen += open;
            done += (to - from) as u32;
        }
        seen
    }

    /// Has a line for each record of a run: they will not be alike any more.
    pub(super) fn tell_apart(&mut self, run: Run) {
        let first = run.first.sequence();
        let from = first.saturating_sub(self.base) as usize;
        let to = (first + u64::from(run.records)).saturating_sub(self.base) as usize;
        let blocks = self.blocks.iter_mut().take(to.div_ceil(BLOCK)).skip(from / BLOCK);
        blocks.filter(|block| block.open() > 0).for_each(|block| block.tell_apart(self.readers));
    }

    /// Which of a run, by their places in it, have left with a copy in a log.
    pub(super) fn left_with_a_copy(&self, run: Run) -> impl Iterator<Item = u32> + use<'_> {
        let first = run.first.sequence();
        let records = if self.copies.has_any(first, run.records) { run.records } else { 0 };
        (0..records).filter(move |at| self.copies.has(first + u64::from(*at)))
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
        while self.blocks.len() > 1 && self.blocks[0].open() == 0 {
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
            block.clear();
        }
    }

    fn leave_behind(&mut self) {
        let base = self.base;
        let block = self.pop_front();
        for (from, count, line, legs) in block.runs(self.readers).filter(|(.., line, _)| line.open) {
            let one = |by: u32| (base + u64::from(from + by), (line.later(by), legs.to_vec()));
            self.stragglers.extend((0..count).map(one));
        }
        self.open -= block.open() as usize;
    }

    fn pop_front(&mut self) -> Block {
        let block = self.blocks.pop_front().expect("a window that is not empty");
        assert!(block.is_full() || block.records() == 0, "only the last block is not full");
        self.base += BLOCK as u64;
        block
    }

    /// All that is open, oldest first: of records that are alike the number and the line of the first, and how many.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u64, u32, &Line, &[Leg])> {
        let behind = self.stragglers.iter().map(|(sequence, (line, legs))| (*sequence, 1, line, &legs[..]));
        let blocks = (self.base..).step_by(BLOCK).zip(&self.blocks);
        let inside = blocks.flat_map(|(base, block)| {
            block
                .runs(self.readers)
                .map(move |(from, count, line, legs)| (base + u64::from(from), count, line, legs))
        });
        behind.chain(inside.filter(|(.., line, _)| line.open))
    }

    /// How many are open, by fate.
    pub(super) fn count(&self, books: &[Book], in_flight: &mut InFlight, balance: &mut Balance) {
        let mut add = |in_flight: &mut InFlight, fate, count| match fate {
            Fate::InFlight(how_far) => in_flight.add(how_far, count),
            decided => balance.add(decided, count),
        };
        for (line, legs) in self.stragglers.values() {
            add(in_flight, fate(line, legs, books), 1);
        }
        for block in self.blocks.iter().filter(|block| block.open() > 0) {
            if let Some(stages) = block.stages(self.readers) {
                in_flight.add_all(stages);
                continue;
            }
            for (_, count, line, legs) in block.runs(self.readers).filter(|(.., line, _)| line.open) {
                fates(line, count, legs, books, |fate, count| add(in_flight, fate, count));
            }
        }
    }

    /// All that is open, oldest first, one by one.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u64, Line, &[Leg])> {
        self.runs().flat_map(|(first, count, line, legs)| {
            (0..count).map(move |by| (first + u64::from(by), line.later(by), legs))
        })
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
    change: &mut impl FnMut(u32, u32, &mut Line, &mut [Leg]) -> bool,
    judge: &mut impl FnMut(u32, u32, &Line, &[Leg]) -> Verdict,
) -> u32 {
    let mut seen = 0;
    let mut leave = Vec::new();
    for (&sequence, (line, legs)) in stragglers.range_mut(from..from + u64::from(count)) {
        seen += 1;
        let at = (sequence - from) as u32;
        if change(at, 1, line, legs) && judge(at, 1, line, legs) == Verdict::Leave {
            leave.push(sequence);
        }
    }
    for sequence in leave {
        stragglers.remove(&sequence);
    }
    seen
}

/// What becomes of records that were visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Stay,
    Leave,
    /// Not the same for all of them: they have to be looked at one by one. Never said of one.
    Differ,
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

    /// The line of the record that lies so many behind this one in a run of records that are alike.
    pub(super) fn later(&self, by: u32) -> Self {
        let by = if self.stored == Time::NEVER { 0 } else { by };
        Self { offset: self.offset + u64::from(by), ..self.clone() }
    }

    pub(super) fn offered(now: Time) -> Self {
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

/// Settled, and not processed: where the group has come to says what that means.
#[inline]
fn is_passed(leg: &Leg) -> bool {
    leg.settled != Time::NEVER && leg.processed == Time::NEVER
}

/// How far a record in flight has come, where no book is needed to say so; none where one is, or where it has a fate.
#[inline]
pub(super) fn stage_alone(line: &Line, legs: &[Leg]) -> Option<Whereabouts> {
    if is_plainly_open(line, legs) {
        return Some(how_far(line, legs));
    }
    if legs.iter().any(is_passed) {
        return None;
    }
    match fate(line, legs, &[]) {
        Fate::InFlight(how_far) => Some(how_far),
        Fate::Settled | Fate::Lost(_) | Fate::Dropped(_) | Fate::Rejected(_) | Fate::DeadLettered(_) => None,
    }
}

/// The fates of so many records that are alike, as they stand.
pub(super) fn fates(line: &Line, count: u32, legs: &[Leg], books: &[Book], mut tell: impl FnMut(Fate, u32)) {
    if share_a_fate(line, count, legs, books) {
        tell(fate(line, legs, books), count);
    } else {
        (0..count).for_each(|by| tell(fate(&line.later(by), legs, books), 1));
    }
}

/// Whether the fate of so many records that are alike is the same for all of them: only where a group has come to
/// may divide them.
#[inline]
pub(super) fn share_a_fate(line: &Line, count: u32, legs: &[Leg], books: &[Book]) -> bool {
    count == 1
        || !legs.iter().any(is_passed)
        || line.place().is_none_or(|place| {
            let beyond = |leg, by| books[place.index()].has_processed_beyond(leg, line.later(by).offset);
            (0..legs.len()).all(|leg| beyond(leg, 0) == beyond(leg, count - 1))
        })
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
    let passed_or_skipped = |leg: &Leg| leg.skipped.is_some() || is_passed(leg);
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
    is_passed(state) && gone_on()
}

#[inline]
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
