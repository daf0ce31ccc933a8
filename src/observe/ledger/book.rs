//! The book of a place: which records lie at which offsets, and how far everybody has come.

use std::collections::VecDeque;
use std::ops::Range;

use crate::kernel::ActorId;
use crate::trace::{Channel, GroupId, Ids, RecordId, Reign, Run};

use super::branches::Branches;

/// Records stored together, from an offset on.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) ids: Ids,
}

impl Entry {
    pub(super) fn end(&self) -> u64 {
        self.offset + u64::from(self.ids.len())
    }

    /// Those at `from..to` of it; some lie there.
    pub(super) fn part(&self, from: u64, to: u64) -> Ids {
        let (from, to) = (from.max(self.offset) - self.offset, to.min(self.end()) - self.offset);
        match &self.ids {
            Ids::Range { first, .. } => Ids::Range { first: first.plus(from), records: (to - from) as u32 },
            Ids::Span(span) => {
                let mut span = span.clone();
                span.to = span.from + to as u32;
                span.from += from as u32;
                Ids::Span(span)
            }
        }
    }
}

/// So many batches may be deleted and in some reader's hands; whoever else is deleted then is missed for good.
const DOUBTFUL: usize = 4_096;

/// How far a group has come.
#[derive(Clone, Debug)]
struct Reader {
    settled: Option<u64>,
    /// Where it began, or jumped to: what lies below does not count as lag.
    base: u64,
    processed: Option<u64>,
    /// Behind the last that was handed to it, or where it jumped to.
    reached: u64,
}

impl Reader {
    /// The log ends at `from` now.
    fn fall_back(&mut self, from: u64) {
        self.settled = self.settled.map(|settled| settled.min(from));
        self.base = self.base.min(from);
        self.reached = self.reached.min(from);
        self.processed = self.processed.and_then(|last| Some(last.min(from.checked_sub(1)?)));
    }

    fn next(&self) -> u64 {
        self.settled.unwrap_or(0).max(self.base)
    }
}

/// The book of a place.
#[derive(Clone, Debug)]
pub(super) struct Book {
    groups: Vec<GroupId>,
    readers: Vec<Reader>,
    settles: bool,
    /// Records are acknowledged for themselves, in any order: what a reader has settled is how many.
    one_by_one: bool,
    entries: VecDeque<Entry>,
    /// What lies below was deleted from the log.
    start: u64,
    /// What lies below has no entry any more.
    forgotten: u64,
    committed: u64,
    /// Other logs of it.
    pub(super) branches: Branches,
    /// Deleted, and perhaps in some reader's hands; oldest first.
    doubtful: VecDeque<Entry>,
    /// Whose log it is since another one took over; anybody's before.
    teller: Option<ActorId>,
}

impl Book {
    pub(super) fn new(groups: Vec<GroupId>, channel: &Channel) -> Self {
        let Channel { settles, one_by_one, .. } = *channel;
        let readers =
            groups.iter().map(|_| Reader { settled: None, base: 0, processed: None, reached: 0 }).collect();
        Self {
            groups,
            readers,
            settles,
            one_by_one,
            entries: VecDeque::new(),
            start: 0,
            forgotten: 0,
            committed: 0,
            branches: Branches::default(),
            doubtful: VecDeque::new(),
            teller: None,
        }
    }

    /// The log of this actor is the one that is read from now on.
    pub(super) fn take_over(&mut self, actor: ActorId) {
        self.teller = Some(actor);
    }

    /// Whether this actor's log is the one that is read.
    pub(super) fn is_told_by(&self, actor: ActorId) -> bool {
        self.teller.is_none_or(|teller| teller == actor)
    }

    /// The log of these reigns, which ends at `end`, is the one that is read from now on: where it parts from the last
    /// one, and whose that was.
    pub(super) fn part(&mut self, log: &[Reign], end: u64) -> (u64, Vec<Reign>) {
        let leader = self.teller.expect("whoever takes over was noted");
        self.branches.take_over(leader, log, end)
    }

    pub(super) fn readers(&self) -> &[GroupId] {
        &self.groups
    }

    pub(super) fn is_one_by_one(&self) -> bool {
        self.one_by_one
    }

    pub(super) fn settles(&self) -> bool {
        self.settles
    }

    pub(super) fn leg(&self, group: GroupId) -> Option<usize> {
        self.groups.iter().position(|other| *other == group)
    }

    pub(super) fn committed(&self) -> u64 {
        self.committed
    }

    pub(super) fn settled(&self, group: GroupId) -> Option<u64> {
        self.readers[self.leg(group)?].settled
    }

    pub(super) fn lag(&self, group: GroupId) -> u64 {
        self.leg(group).map_or(0, |leg| self.committed.saturating_sub(self.readers[leg].next()))
    }

    pub(super) fn oldest_unsettled(&self, group: GroupId) -> Option<RecordId> {
        let next = self.readers[self.leg(group)?].next();
        let entry = self.entries.get(self.entries.partition_point(|entry| entry.end() <= next))?;
        // Offsets may be none of ours: a real topic can hold records of others.
        let oldest = next.max(entry.offset);
        (oldest < self.committed).then(|| entry.part(oldest, oldest + 1).iter().next())?
    }

    pub(super) fn has_processed_beyond(&self, leg: usize, offset: u64) -> bool {
        !self.one_by_one && self.readers[leg].processed.is_some_and(|processed| processed > offset)
    }

    pub(super) fn store(&mut self, offset: u64, ids: Ids) {
        assert!(
            self.entries.back().is_none_or(|last| last.end() <= offset),
            "a log is appended to at its end"
        );
        self.entries.push_back(Entry { offset, ids });
    }

    /// All below `upto` is committed; which offsets are newly so.
    pub(super) fn commit(&mut self, upto: u64) -> Range<u64> {
        let from = self.committed;
        self.committed = self.committed.max(upto);
        from..upto
    }

    /// A reader is done with all below `upto`; which offsets are newly so.
    pub(super) fn settle(&mut self, leg: usize, upto: u64) -> Range<u64> {
        let reader = &mut self.readers[leg];
        let from = reader.next();
        reader.settled = Some(upto.max(reader.settled.unwrap_or(0)));
        from..upto
    }

    /// A reader is done with so many more, whichever they are.
    pub(super) fn acknowledge(&mut self, leg: usize, records: u64) {
        assert!(self.one_by_one, "the channel says so");
        let reader = &mut self.readers[leg];
        reader.settled = Some(reader.next() + records);
    }

    /// A reader goes on at `to`; which offsets it jumps over.
    pub(super) fn skip(&mut self, leg: usize, to: u64) -> Range<u64> {
        let reader = &mut self.readers[leg];
        let from = reader.next();
        reader.base = reader.base.max(to);
        from..to
    }

    pub(super) fn processed(&mut self, leg: usize, offset: u64) {
        let reader = &mut self.readers[leg];
        reader.processed = Some(offset.max(reader.processed.unwrap_or(0)));
    }

    /// Offsets at or above `from` that the log has and whose entries are forgotten.
    pub(super) fn forgotten(&self, from: u64) -> Range<u64> {
        from.max(self.start)..self.forgotten
    }

    /// Takes out what lies at or above `from`.
    pub(super) fn cut(&mut self, from: u64) -> Vec<Entry> {
        let mut gone = Vec::new();
        while let Some(last) = self.entries.back().filter(|last| last.end() > from) {
            gone.push(Entry { offset: last.offset.max(from), ids: last.part(from, u64::MAX) });
            let rest = (last.offset < from).then(|| Entry { offset: last.offset, ids: last.part(0, from) });
            self.entries.pop_back();
            self.entries.extend(rest);
        }
        self.committed = self.committed.min(from);
        self.forgotten = self.forgotten.min(from);
        self.start = self.start.min(from);
        // Offsets are given out anew from here: what was said of the old ones is not said of the new ones.
        self.readers.iter_mut().for_each(|reader| reader.fall_back(from));
        gone.reverse();
        gone
    }

    /// The log begins at `below` now; which offsets are gone.
    pub(super) fn expire(&mut self, below: u64) -> Range<u64> {
        for reader in &mut self.readers {
            reader.base = reader.base.max(below);
        }
        self.start = self.start.max(below);
        0..below
    }

    /// Whether there is room to doubt what becomes of records that are deleted.
    pub(super) fn has_room_for_doubt(&self) -> bool {
        self.doubtful.len() < DOUBTFUL
    }

    /// Whether a reader was handed what lies behind, or jumped there.
    pub(super) fn has_come_beyond(&self, leg: usize, offset: u64) -> bool {
        self.readers[leg].reached > offset
    }

    /// A reader has come to `offset`; what was deleted before everybody came to it.
    pub(super) fn come_to(&mut self, leg: usize, offset: u64) -> Vec<Entry> {
        let reached = &mut self.readers[leg].reached;
        *reached = offset.max(*reached);
        if self.doubtful.is_empty() {
            return Vec::new();
        }
        let all = self.readers.iter().map(|reader| reader.reached).min().unwrap_or(u64::MAX);
        let passed = self.doubtful.iter().take_while(|entry| entry.end() <= all).count();
        self.doubtful.drain(..passed).collect()
    }

    /// Forgets what lies below, which was deleted; with `doubt`, not what some reader has not come to.
    pub(super) fn forget_expired(&mut self, below: u64, doubt: bool) {
        if doubt {
            let all = self.readers.iter().map(|reader| reader.reached).min().unwrap_or(u64::MAX);
            let expired = self.entries.iter().take_while(|entry| entry.offset < below);
            let doubtful = expired.filter(|entry| entry.end() > all);
            let part = |entry: &Entry| Entry { offset: entry.offset, ids: entry.part(entry.offset, below) };
            self.doubtful.extend(doubtful.map(part));
        }
        self.forget(below);
    }

    /// Forgets what everybody is done with.
    pub(super) fn trim(&mut self) {
        let done = self.readers.iter().map(Reader::next).min().unwrap_or(u64::MAX).min(self.committed);
        self.forget(done);
    }

    /// Forgets what lies below.
    pub(super) fn forget(&mut self, below: u64) {
        while let Some(end) = self.entries.front().map(Entry::end).filter(|end| *end <= below) {
            self.forgotten = end;
            self.entries.pop_front();
        }
    }

    /// The first entry that ends above `offset`. Most look near an end of the book.
    fn first_above(&self, offset: u64) -> usize {
        if self.entries.front().is_none_or(|first| first.end() > offset) {
            return 0;
        }
        let near = self.entries.len().saturating_sub(8);
        if self.entries[near].end() > offset {
            return self.entries.partition_point(|entry| entry.end() <= offset);
        }
        near + self.entries.range(near..).take_while(|entry| entry.end() <= offset).count()
    }

    /// The records at these offsets.
    pub(super) fn runs(&self, offsets: Range<u64>) -> impl Iterator<Item = Run> + '_ {
        let (start, end) = (offsets.start, offsets.end.max(offsets.start));
        let begin = self.first_above(start);
        let entries = self.entries.range(begin..).take_while(move |entry| entry.offset < end);
        entries.flat_map(move |entry| {
            let (from, to) = (start.max(entry.offset), end.min(entry.end()));
            entry.ids.runs((from - entry.offset) as u32, (to - entry.offset) as u32)
        })
    }
}
