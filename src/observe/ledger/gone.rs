//! What is not in the log any more: cut off its end when another log is read, or deleted from its beginning.
//!
//! **Invariant.** A fate is sealed when nothing can change it. What was cut off may be read again where logs may part;
//! what was deleted may be in the hands of a reader. Both stay in doubt, within bounds ([`super::branches`],
//! [`super::book`]), and the books say what would become of them if nothing more happened.

use crate::kernel::{ActorId, Time};
use crate::trace::{Ids, PlaceId, Reason, RecordId, Reign};

use super::book::Entry;
use super::branches::Aside;
use super::window::{Line, Window};
use super::{Latencies, Ledger, look, visit};

impl<L: Latencies> Ledger<L> {
    /// In a log that is not read any more: as good as cut off.
    pub(super) fn stored_aside(&mut self, actor: ActorId, ids: &Ids, place: PlaceId, offset: u64) {
        let branches = &self.books[place.index()].branches;
        let reign = branches.have_parted().then(|| branches.reign_of(actor));
        let why = Reason::LeaderElection;
        self.decide(ids, |line| {
            if line.copies == 0 {
                line.in_doubt |= reign.is_some();
                line.cut = line.cut.or(Some(why));
            }
        });
        if let Some(reign) = reign {
            self.put_aside(place, reign, Entry { offset, ids: ids.clone() }, why);
        }
    }

    /// The readable log is one that ends at `from`. Where logs may part (`log`), what it lacks may come back with
    /// another one, and what it has beyond the parting comes back with it.
    pub(super) fn cut(&mut self, place: PlaceId, from: u64, why: Reason, log: Option<&[Reign]>) {
        let book = &mut self.books[place.index()];
        let (parting, old) = match log {
            Some(log) => book.part(log, from),
            None => (from, Vec::new()),
        };
        self.cut_forgotten(place, parting, why);
        let gone = self.books[place.index()].cut(parting);
        match log {
            Some(log) => {
                self.set_aside(place, gone, why, &old);
                let back = self.books[place.index()].branches.come_back(log, from);
                back.into_iter().for_each(|entry| self.come_back(place, entry));
            }
            None => gone.iter().for_each(|entry| self.gone(place, &entry.ids, why)),
        }
    }

    /// No log holds these any more that could ever be read.
    fn gone(&mut self, place: PlaceId, ids: &Ids, why: Reason) {
        self.gone_unseen(place, ids, why);
        self.decide(ids, |line| line.lose_copy(why));
    }

    /// Those that had left as kept where nobody reads.
    fn gone_unseen(&mut self, place: PlaceId, ids: &Ids, why: Reason) {
        let left: Vec<_> = ids.iter().filter(|id| !self.is_open(*id)).collect();
        for id in &left {
            if let Some(window) = &mut self.windows[id.source() as usize] {
                window.lose_copy_of(id.sequence());
            }
        }
        let lost = self.exit.closed.lose_kept(left.len() as u64, why);
        if let Some(remarks) = &mut self.exit.remarks {
            left.into_iter().take(lost as usize).for_each(|id| remarks.gone_after_all(id, place, why));
        }
    }

    /// Not in the readable log, and perhaps in one that will be read again: their fate is not sealed.
    fn set_aside(&mut self, place: PlaceId, gone: Vec<Entry>, why: Reason, old: &[Reign]) {
        for entry in gone {
            self.decide(&entry.ids, |line| {
                line.lose_copy(why);
                line.in_doubt |= line.copies == 0;
            });
            let reign = Reign::at(old, entry.offset).unwrap_or(0);
            self.put_aside(place, reign, entry, why);
        }
    }

    fn put_aside(&mut self, place: PlaceId, reign: u32, entry: Entry, why: Reason) {
        let noted = self.exit.remarks.as_ref().map(|remarks| remarks.moment());
        let aside = Aside { reign, entry, why, noted };
        if let Some(oldest) = self.books[place.index()].branches.put_aside(aside) {
            self.give_up(place, &oldest);
        }
    }

    fn come_back(&mut self, place: PlaceId, Entry { offset, ids }: Entry) {
        let mut committed = 0;
        for run in ids.runs(0, ids.len()) {
            look(&mut self.windows, run, |at, count, line, _| {
                (line.cut, line.in_doubt) = (None, false);
                line.copies += 1;
                line.put(place);
                line.offset = offset + u64::from(run.at + at);
                if line.committed != Time::NEVER {
                    committed = committed.max(line.offset + u64::from(count));
                }
            });
        }
        let book = &mut self.books[place.index()];
        book.store(offset, ids);
        // Where it had been committed, nobody says so again.
        book.commit(committed);
    }

    /// What was put aside will not come back.
    fn give_up(&mut self, place: PlaceId, aside: &Aside) {
        self.gone_unseen(place, &aside.entry.ids, aside.why);
        self.decide(&aside.entry.ids, |line| line.in_doubt = false);
    }

    pub(super) fn give_up_all(&mut self) {
        for place in (0..self.stage.places()).map(PlaceId) {
            for aside in self.books[place.index()].branches.take_aside() {
                if let (Some(remarks), Some((serial, at))) = (&mut self.exit.remarks, aside.noted) {
                    remarks.turn_to(serial, at);
                }
                self.give_up(place, &aside);
            }
        }
    }

    /// What everybody had settled, or nobody read, is not in the book any more; some of it may be open all the
    /// same: settled and not processed yet. Of a record with copies on both sides only the last one is found.
    fn cut_forgotten(&mut self, place: PlaceId, from: u64, why: Reason) {
        let offsets = self.books[place.index()].forgotten(from);
        if offsets.is_empty() {
            return;
        }
        let here = |line: &Line| {
            let lies_here = line.place() == Some(place) && offsets.contains(&line.offset);
            lies_here && line.copies > 0 && !line.expired
        };
        let mut open = Vec::new();
        for (source, window) in (0..).zip(&self.windows) {
            let rows = window.iter().flat_map(Window::rows).filter(|(_, line, _)| here(line));
            open.extend(rows.map(|(sequence, ..)| RecordId::new(source, sequence)));
        }
        if self.books[place.index()].readers().is_empty() {
            let left = (offsets.end - offsets.start).saturating_sub(open.len() as u64);
            self.exit.closed.lose_kept(left, why);
        }
        open.into_iter().for_each(|id| self.decide(&Ids::one(id), |line| line.lose_copy(why)));
    }

    /// The log's beginning was deleted. Who was on the way to it has missed it, unless it is in a reader's hands
    /// already: that is known when the group comes to what lies behind.
    pub(super) fn expired(&mut self, now: Time, place: PlaceId, below: u64, why: Reason) {
        let Self { windows, books, exit, .. } = self;
        let room = books[place.index()].has_room_for_doubt();
        let offsets = books[place.index()].expire(below);
        for run in books[place.index()].runs(offsets) {
            // Each may be handed over already, or not.
            if let Some(window) = windows[run.first.source() as usize].as_mut() {
                window.tell_apart(run);
            }
            visit(windows, books, exit, run, |_, _, line, legs| {
                for (index, leg) in legs.iter_mut().enumerate() {
                    if leg.delivered == Time::NEVER {
                        line.in_doubt |= room && !books[place.index()].has_come_beyond(index, line.offset);
                        leg.skipped = leg.skipped.or(Some(why));
                    } else {
                        // What was handed over before can still be finished; there is nothing left to settle.
                        leg.settled = leg.settled.min(now);
                    }
                }
                line.expired = true;
                true
            });
        }
        books[place.index()].forget_expired(below, room);
    }

    /// A group has come to an offset: of what lies before it, it will not be handed anything that was deleted.
    pub(super) fn came_to(&mut self, place: PlaceId, leg: usize, offset: u64) {
        for entry in self.books[place.index()].come_to(leg, offset) {
            self.decide(&entry.ids, |line| line.in_doubt = false);
        }
    }
}
