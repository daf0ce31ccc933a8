//! Logs of one place that parted: what is not in the log that is read, and may be read again when another replica
//! leads.
//!
//! A log is known by who wrote what of it: two logs that agree on the reign in which an offset was written agree on
//! everything up to it (Raft's log matching property; KIP-101, KIP-279 rely on it).
//!
//! **Invariant.** At most [`MOST`] batches are kept aside; nothing is where logs cannot part.

use std::collections::VecDeque;
use std::ops::Range;

use crate::kernel::{ActorId, Time};
use crate::trace::{Reason, Reign};

use super::book::Entry;

/// Cut off, and perhaps in some log.
#[derive(Clone, Debug)]
pub(super) struct Aside {
    /// In which reign it was written.
    pub(super) reign: u32,
    pub(super) entry: Entry,
    pub(super) why: Reason,
    /// The event that cut it off, when somebody wants to know.
    pub(super) noted: Option<(u64, Time)>,
}

/// What is aside, and by whom the log that is read was written.
#[derive(Clone, Debug, Default)]
pub(super) struct Branches {
    log: Vec<Reign>,
    /// Who took over, and in which reign last. Whoever never did wrote in the first.
    leaders: Vec<(ActorId, u32)>,
    aside: VecDeque<Aside>,
}

/// So many batches are kept aside; the oldest go.
const MOST: usize = 16_384;

impl Branches {
    /// The log of these reigns is read from now on, which ends at `end`: where it parts from the last one, and whose
    /// that was.
    pub(super) fn take_over(&mut self, leader: ActorId, log: &[Reign], end: u64) -> (u64, Vec<Reign>) {
        let reign = log.last().map_or(0, |last| last.number);
        self.leaders.retain(|(other, _)| *other != leader);
        self.leaders.push((leader, reign));
        let mut old = std::mem::replace(&mut self.log, log.to_vec());
        if old.is_empty() {
            // Nobody has taken over before.
            old.push(Reign { number: 0, start: 0 });
        }
        (parting(&old, log, end), old)
    }

    /// Whether logs may part here, and did.
    pub(super) fn have_parted(&self) -> bool {
        !self.log.is_empty()
    }

    /// In which reign this leader of old still writes.
    pub(super) fn reign_of(&self, leader: ActorId) -> u32 {
        self.leaders.iter().find(|(other, _)| *other == leader).map_or(0, |(_, reign)| *reign)
    }

    /// Keeps what is not read any more, or yet; returns what there is no room for.
    pub(super) fn put_aside(&mut self, aside: Aside) -> Option<Aside> {
        self.aside.push_back(aside);
        if self.aside.len() > MOST { self.aside.pop_front() } else { None }
    }

    /// Takes out what the log of these reigns has, up to `end`; in the order of offsets.
    pub(super) fn come_back(&mut self, log: &[Reign], end: u64) -> Vec<Entry> {
        let mut back = Vec::new();
        let mut rest = VecDeque::new();
        for Aside { reign, entry, why, noted } in self.aside.drain(..) {
            let known = wrote(log, reign, end);
            let (from, to) = (entry.offset, entry.end());
            let mut part = |from: u64, to: u64, is_back: bool| {
                if from >= to {
                    return;
                }
                let entry = Entry { offset: from, ids: entry.part(from, to) };
                match is_back {
                    true => back.push(entry),
                    false => rest.push_back(Aside { reign, entry, why, noted }),
                }
            };
            part(from, to.min(known.start), false);
            part(from.max(known.start), to.min(known.end), true);
            part(from.max(known.end), to, false);
        }
        self.aside = rest;
        back.sort_by_key(|entry| entry.offset);
        back
    }

    /// Takes out everything.
    pub(super) fn take_aside(&mut self) -> VecDeque<Aside> {
        std::mem::take(&mut self.aside)
    }
}

/// What a reign wrote of a log that ends at `end`; nothing, at its beginning, when it wrote nothing of it.
fn wrote(log: &[Reign], number: u32, end: u64) -> Range<u64> {
    let Some(index) = log.iter().position(|reign| reign.number == number) else { return 0..0 };
    let start = log[index].start;
    start..log.get(index + 1).map_or(end, |next| next.start.min(end)).max(start)
}

/// The first offset at which the new log, which ends at `end`, differs from the old one. Below its beginning nothing
/// is said to differ: it was deleted.
fn parting(old: &[Reign], new: &[Reign], end: u64) -> u64 {
    let begin = old.first().map_or(0, |reign| reign.start).max(new.first().map_or(0, |reign| reign.start));
    let starts = old.iter().chain(new).map(|reign| reign.start).filter(|start| *start > begin);
    let differ = |at: &u64| Reign::at(old, *at) != Reign::at(new, *at);
    starts.chain([begin]).filter(differ).min().unwrap_or(end).min(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Ids, RecordId};

    fn log(reigns: &[(u32, u64)]) -> Vec<Reign> {
        reigns.iter().map(|(number, start)| Reign { number: *number, start: *start }).collect()
    }

    #[test]
    fn logs_part_where_the_reigns_differ_or_one_ends() {
        for (old, new, end, at) in [
            (vec![(0, 0)], vec![(0, 0), (1, 7)], 7, 7),
            (vec![(0, 0), (2, 1)], vec![(0, 0), (1, 1), (3, 2)], 2, 1),
            (vec![(0, 0), (2, 5)], vec![(0, 0), (3, 8)], 8, 5),
            (vec![(0, 0), (1, 4), (2, 9)], vec![(1, 4), (3, 12)], 12, 9),
            (vec![(0, 0), (1, 4)], vec![], 0, 0),
        ] {
            assert_eq!(parting(&log(&old), &log(&new), end), at, "{old:?} {new:?}");
        }
    }

    #[test]
    fn what_a_log_has_comes_back_with_it_and_the_rest_stays_aside() {
        let mut branches = Branches::default();
        let ids = Ids::Range { first: RecordId::new(0, 10), records: 4 };
        let entry = Entry { offset: 5, ids };
        let aside = Aside { reign: 1, entry, why: Reason::UncleanElection, noted: None };
        assert!(branches.put_aside(aside).is_none(), "there is room");
        assert!(branches.come_back(&log(&[(0, 0), (2, 5)]), 5).is_empty(), "it has none of reign 1");
        let back = branches.come_back(&log(&[(0, 0), (1, 5), (3, 8)]), 8);
        assert_eq!(back.iter().map(|entry| (entry.offset, entry.end())).collect::<Vec<_>>(), [(5, 8)]);
        let rest = branches.take_aside();
        assert_eq!((rest.len(), rest[0].entry.offset, rest[0].entry.end()), (1, 8, 9));
    }
}
