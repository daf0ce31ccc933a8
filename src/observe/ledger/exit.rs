//! Where records leave the ledger: counted for good, and handed to whoever records them.

use crate::trace::{Few, RecordId};

use super::recent::Recent;
use super::remark::Remarks;
use super::{Balance, Fate, Leg, Line};

/// Where records leave.
#[derive(Clone, Debug)]
pub(super) struct Exit {
    pub(super) closed: Balance,
    /// Records that have left, when somebody wants all of them.
    pub(super) outbox: Option<Vec<Closed>>,
    /// Those that have left lately, when somebody wants to leaf through them.
    pub(super) recent: Option<Box<Recent>>,
    /// What a promise may be about, when somebody wants to know.
    pub(super) remarks: Option<Box<Remarks>>,
}

impl Exit {
    /// So many records leave that are alike.
    #[inline]
    pub(super) fn leave(&mut self, first: RecordId, count: u32, line: &Line, legs: &[Leg], fate: Fate) {
        self.closed.add(fate, count);
        if let Some(remarks) = &mut self.remarks {
            lives(first, count, line).for_each(|(id, line)| remarks.left(id, &line, legs, fate));
        }
        let closed =
            || Closed { first, count, line: line.clone(), legs: legs.iter().cloned().collect(), fate };
        if let Some(recent) = &mut self.recent {
            recent.take(closed());
        }
        if let Some(outbox) = &mut self.outbox {
            outbox.push(closed());
        }
    }
}

/// Neighbouring records of a source that have left the ledger, and that were alike to the end: their life, to be recorded.
#[derive(Clone, Debug)]
pub struct Closed {
    /// The first of them.
    pub first: RecordId,
    /// How many there are, at least one.
    pub count: u32,
    /// The life of the first, which is that of the others but for the offset: see [`Closed::lives`].
    pub line: Line,
    /// What each reading group did with each of them, in the order of [`crate::trace::Stage::readers`].
    pub legs: Few<Leg>,
    /// What became of each of them.
    pub fate: Fate,
}

impl Closed {
    /// Each record with its life.
    pub fn lives(&self) -> impl Iterator<Item = (RecordId, Line)> {
        lives(self.first, self.count, &self.line)
    }

    /// Whether a record is one of them.
    pub fn has(&self, id: RecordId) -> bool {
        (self.first..self.first.plus(u64::from(self.count))).contains(&id)
    }
}

/// Each of so many neighbours that share a line.
fn lives(first: RecordId, count: u32, line: &Line) -> impl Iterator<Item = (RecordId, Line)> {
    (0..count).map(move |by| (first.plus(u64::from(by)), line.later(by)))
}
