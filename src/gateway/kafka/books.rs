//! What is known of each partition's log, put in the order of offsets.
//!
//! Nobody tells the whole: producers hear where their own records went, each at its own pace, consumers see what
//! they read, and metadata say how far the high watermark is. Here it comes together, and is told as the brokers
//! of the simulation would tell it: stored, committed, cut.
//!
//! **Invariant.** Of each partition, `Stored` is told in the order of offsets, `Committed` never beyond what was
//! told as stored. An offset that two records claim one after the other was cut off in between: the log that is
//! read now is the one that counts.
//!
//! **Not modelled:** what lay further back than the last 2^18 records of a partition is not compared any more.

#![expect(clippy::disallowed_types, reason = "it waits in real time for what other threads hear")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::host::Door;
use crate::kernel::ActorId;
use crate::trace::{Batch, Ids, Life, PlaceId, Reason, Record};
use crate::wire::Brokersim;

/// Offsets of a partition that are remembered.
const RECENT: usize = 1 << 18;
/// Something that is no record of this run lies there.
const STRANGER: u64 = u64::MAX;
/// Nobody knows what lies there.
const HOLE: u64 = u64::MAX - 1;

/// The books of all partitions.
#[derive(Debug)]
pub struct Books {
    door: Door<Brokersim>,
    /// In whose name it is told.
    teller: ActorId,
    logs: Vec<(Mutex<Log>, Condvar)>,
    strangers: AtomicU64,
    holes: AtomicU64,
    cuts: AtomicU64,
}

/// What is known of a log.
#[derive(Debug, Default)]
struct Log {
    /// All below is told.
    next: u64,
    /// What lies in the offsets just below `next`: records by their word, or why there is none.
    recent: VecDeque<u64>,
    /// What is known beyond `next`; none: a stranger.
    ahead: BTreeMap<u64, Option<Record>>,
    /// The high watermark as far as it is known.
    safe: u64,
    /// The high watermark as it was told.
    told: u64,
    /// The lowest offset whose record may have changed.
    doubt: Option<u64>,
}

impl Books {
    /// Empty books of so many partitions.
    pub fn new(door: Door<Brokersim>, teller: ActorId, places: u32) -> Self {
        let logs = (0..places).map(|_| Default::default()).collect();
        let zero = || AtomicU64::new(0);
        Self { door, teller, logs, strangers: zero(), holes: zero(), cuts: zero() }
    }

    /// The log begins at this offset for the run: what lies below is none of it, as if it had been deleted, and nobody is
    /// behind with it.
    pub fn begin(&self, place: PlaceId, offset: u64) {
        let mut log = self.log(place);
        assert!(log.next == 0 && log.ahead.is_empty(), "a log begins before it is written to");
        (log.next, log.safe, log.told) = (offset, offset, offset);
        if offset > 0 {
            self.tell(Life::Expired { place, below: offset, why: Reason::Retention });
            self.tell(Life::Committed { place, upto: offset });
        }
    }

    /// A producer was told where its records went: consecutive ones from `offset` on. `safe`: the high watermark
    /// has passed them (acks=all).
    pub fn promised(&self, place: PlaceId, offset: u64, records: &[Record], safe: bool) {
        let mut log = self.log(place);
        for (at, record) in (offset..).zip(records) {
            self.enter(&mut log, place, at, Some(*record));
        }
        if safe {
            log.safe = log.safe.max(offset + records.len() as u64);
        }
        self.settle(log, place);
    }

    /// Somebody read these offsets, in ascending order; none: no record of this run. What can be read is below
    /// the high watermark.
    pub fn read(&self, place: PlaceId, entries: impl IntoIterator<Item = (u64, Option<Record>)>) {
        let mut log = self.log(place);
        for (offset, record) in entries {
            self.enter(&mut log, place, offset, record);
            log.safe = log.safe.max(offset + 1);
        }
        self.settle(log, place);
    }

    /// The high watermark is here now.
    pub fn watermark(&self, place: PlaceId, high: u64) {
        let mut log = self.log(place);
        log.safe = log.safe.max(high);
        self.settle(log, place);
    }

    /// Another broker leads the partition now: what lies above its high watermark may be gone.
    pub fn led_anew(&self, place: PlaceId) {
        let mut log = self.log(place);
        log.doubt = Some(log.doubt.unwrap_or(u64::MAX).min(log.told));
    }

    /// The log ends at `end`, and nobody writes to it any more: what was told beyond is gone.
    pub fn ends(&self, place: PlaceId, end: u64) {
        let mut log = self.log(place);
        if end < log.next {
            self.cut(&mut log, place, end);
        }
    }

    /// What to read to know all below `high`: from where, if anything is open.
    pub fn open_below(&self, place: PlaceId, high: u64) -> Option<u64> {
        let log = self.log(place);
        let unknown = (log.next < high).then_some(log.next);
        let doubtful = log.doubt.filter(|doubt| *doubt < high);
        unknown.into_iter().chain(doubtful).min()
    }

    /// Where the books of a partition end.
    pub fn end(&self, place: PlaceId) -> u64 {
        self.log(place).next
    }

    /// Waits until all below `upto` is told, for what is on its way to other threads; then does without.
    pub fn await_told(&self, place: PlaceId, upto: u64, patience: Duration) {
        let (_, news) = &self.logs[place.index()];
        let deadline = Instant::now() + patience;
        let mut log = self.log(place);
        while log.next < upto {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.do_without(&mut log, place, upto);
                return;
            }
            log = news.wait_timeout(log, left).expect("nobody panics with the books open").0;
        }
    }

    /// Offsets that held something else than records of this run.
    pub fn strangers(&self) -> u64 {
        self.strangers.load(Ordering::Relaxed)
    }

    /// Offsets of which nobody could say in time what lies there.
    pub fn holes(&self) -> u64 {
        self.holes.load(Ordering::Relaxed)
    }

    /// How often a log was found to have been cut.
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Relaxed)
    }

    fn log(&self, place: PlaceId) -> MutexGuard<'_, Log> {
        self.logs[place.index()].0.lock().expect("nobody panics with the books open")
    }

    fn tell(&self, life: Life) {
        self.door.emit(self.teller, life);
    }

    fn enter(&self, log: &mut Log, place: PlaceId, offset: u64, record: Option<Record>) {
        if offset >= log.next {
            let known = log.ahead.get(&offset).copied();
            if known.is_some_and(|known| word(known) != word(record)) {
                self.do_without(log, place, offset + 1);
                self.cut(log, place, offset);
            }
            log.ahead.insert(offset, record);
            return;
        }
        let Some(known) = log.known(offset) else { return };
        if known == word(record) || known == HOLE {
            return;
        }
        self.cut(log, place, offset);
        log.ahead.insert(offset, record);
    }

    /// The log was cut at `from`, and another record lies there now, or none.
    fn cut(&self, log: &mut Log, place: PlaceId, from: u64) {
        self.cuts.fetch_add(1, Ordering::Relaxed);
        self.tell(Life::Cut { place, from, why: Reason::LeaderElection, log: None });
        let gone = (log.next - from) as usize;
        log.recent.truncate(log.recent.len().saturating_sub(gone));
        log.ahead.clear();
        log.next = from;
        (log.safe, log.told) = (log.safe.min(from), log.told.min(from));
        log.doubt = Some(log.doubt.unwrap_or(u64::MAX).min(from));
    }

    /// Tells what can be told now.
    fn settle(&self, mut log: MutexGuard<'_, Log>, place: PlaceId) {
        let before = log.next;
        self.drain(&mut log, place);
        let upto = log.next.min(log.safe);
        if upto > log.told {
            log.told = upto;
            self.tell(Life::Committed { place, upto });
        }
        if log.next > before {
            self.logs[place.index()].1.notify_all();
        }
    }

    fn drain(&self, log: &mut Log, place: PlaceId) {
        let mut run = Vec::new();
        let mut first = log.next;
        while let Some(entry) = log.ahead.remove(&log.next) {
            match entry {
                Some(record) => run.push(record),
                None => {
                    self.strangers.fetch_add(1, Ordering::Relaxed);
                    self.tell_stored(place, first, std::mem::take(&mut run));
                    first = log.next + 1;
                }
            }
            log.advance(word(entry));
        }
        self.tell_stored(place, first, run);
    }

    fn tell_stored(&self, place: PlaceId, offset: u64, records: Vec<Record>) {
        if !records.is_empty() {
            let bytes = records.iter().map(Record::bytes).fold(0, u32::saturating_add);
            let ids = Ids::Span(Batch::new(records, Vec::new(), bytes).span());
            self.tell(Life::Stored { ids, place, offset });
        }
    }

    /// Goes on to `upto` without knowing what lies in the holes before.
    fn do_without(&self, log: &mut Log, place: PlaceId, upto: u64) {
        self.drain(log, place);
        while log.next < upto {
            self.holes.fetch_add(1, Ordering::Relaxed);
            log.advance(HOLE);
            self.drain(log, place);
        }
    }
}

impl Log {
    fn advance(&mut self, word: u64) {
        self.next += 1;
        self.recent.push_back(word);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// What lies at an offset below `next`; none when that is forgotten.
    fn known(&self, offset: u64) -> Option<u64> {
        let back = (self.next - offset) as usize;
        self.recent.len().checked_sub(back).map(|index| self.recent[index])
    }
}

fn word(record: Option<Record>) -> u64 {
    record.map_or(STRANGER, |record| record.id.to_bits())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;

    use super::*;
    use crate::host::Knock;
    use crate::kernel::Time;
    use crate::trace::{Fact, RecordId};

    const PLACE: PlaceId = PlaceId(0);

    fn books() -> (Books, Receiver<Knock<Brokersim>>) {
        let (door, heard) = Door::new();
        (Books::new(door, ActorId(0), 1), heard)
    }

    fn record(sequence: u64) -> Record {
        Record::new(RecordId::new(0, sequence), Time::ZERO, None, 10)
    }

    /// What was told, in short.
    fn told(heard: &Receiver<Knock<Brokersim>>) -> Vec<String> {
        let short = |knock| match knock {
            Knock::Seen { fact: Fact::Life(Life::Stored { ids, offset, .. }), .. } => {
                format!("stored {} at {offset}", ids.len())
            }
            Knock::Seen { fact: Fact::Life(Life::Committed { upto, .. }), .. } => format!("committed {upto}"),
            Knock::Seen { fact: Fact::Life(Life::Expired { below, .. }), .. } => format!("begins at {below}"),
            Knock::Seen { fact: Fact::Life(Life::Cut { from, .. }), .. } => format!("cut {from}"),
            other => panic!("nothing else is told: {other:?}"),
        };
        heard.try_iter().map(short).collect()
    }

    #[test]
    fn what_two_producers_hear_out_of_order_is_told_in_order() {
        let (books, heard) = books();
        books.promised(PLACE, 2, &[record(2), record(3)], true);
        assert_eq!(told(&heard), Vec::<String>::new());
        books.promised(PLACE, 0, &[record(0), record(1)], true);
        assert_eq!(told(&heard), ["stored 4 at 0", "committed 4"]);
    }

    #[test]
    fn what_only_the_leader_has_is_committed_when_it_is_read() {
        let (books, heard) = books();
        books.promised(PLACE, 0, &[record(0)], false);
        assert_eq!(told(&heard), ["stored 1 at 0"]);
        books.read(PLACE, [(0, Some(record(0)))]);
        assert_eq!(told(&heard), ["committed 1"]);
    }

    #[test]
    fn another_record_at_the_same_offset_means_that_the_log_was_cut() {
        let (books, heard) = books();
        books.promised(PLACE, 0, &[record(0), record(1)], false);
        books.promised(PLACE, 1, &[record(9)], true);
        assert_eq!(told(&heard), ["stored 2 at 0", "cut 1", "stored 1 at 1", "committed 2"]);
        assert_eq!((books.cuts(), books.open_below(PLACE, 5)), (1, Some(1)));
    }

    #[test]
    fn strangers_are_passed_over_and_holes_are_done_without() {
        let (books, heard) = books();
        books.read(PLACE, [(0, Some(record(0))), (1, None), (2, Some(record(1)))]);
        assert_eq!(told(&heard), ["stored 1 at 0", "stored 1 at 2", "committed 3"]);
        books.promised(PLACE, 4, &[record(2)], true);
        books.await_told(PLACE, 5, Duration::ZERO);
        assert_eq!(told(&heard), ["stored 1 at 4"]);
        assert_eq!((books.strangers(), books.holes()), (1, 1));
    }

    #[test]
    fn a_log_that_was_there_before_begins_where_it_ended() {
        let (books, heard) = books();
        books.begin(PLACE, 100);
        books.promised(PLACE, 100, &[record(0)], true);
        assert_eq!(told(&heard), ["begins at 100", "committed 100", "stored 1 at 100", "committed 101"]);
    }

    #[test]
    fn a_log_that_ends_before_its_promises_has_lost_them() {
        let (books, heard) = books();
        books.promised(PLACE, 0, &[record(0), record(1)], false);
        books.ends(PLACE, 1);
        assert_eq!(told(&heard), ["stored 2 at 0", "cut 1"]);
    }
}
