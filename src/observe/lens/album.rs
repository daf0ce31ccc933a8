//! Records to leaf through: those in flight, which the ledger has, and those that left it lately.
//!
//! Bounded: the last [`RECENT`] records that left, and the first [`REMARKABLE`] among them that were lost, refused or
//! processed twice. Full pages are shared between clones, so that a checkpoint of a run costs little.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::kernel::Time;
use crate::observe::ledger::{Closed, Fate, Leg, Line};
use crate::observe::watch::Watch;
use crate::trace::{ChannelId, GroupId, PlaceId, RecordId, Stage};

/// Records that have left and are kept.
const RECENT: usize = 20_000;
/// Of those that went wrong, so many are kept for good.
const REMARKABLE: usize = 2_000;
/// Records on a page.
const PAGE: usize = 500;
/// Records in an answer.
const SHOWN: usize = 400;
/// Records in flight that are looked at for an answer.
const LOOKED_AT: usize = 200_000;

/// Which records are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Those in this place.
    pub place: Option<PlaceId>,
    /// Those in this channel.
    pub channel: Option<ChannelId>,
    /// Those with this fate.
    pub fate: FateFilter,
    /// Those from this offset on.
    pub from: Option<u64>,
}

/// What became of a record, coarsely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FateFilter {
    /// Whatever it is.
    #[default]
    All,
    /// Lost, dropped, refused, put aside.
    Wrong,
    /// Processed more than once by a group.
    Duplicate,
    /// Not decided.
    InFlight,
    /// Settled by every group.
    Settled,
}

impl FateFilter {
    /// All, in the order in which a key goes through them.
    pub const ALL: [Self; 5] = [Self::All, Self::Wrong, Self::Duplicate, Self::InFlight, Self::Settled];

    /// As a filter is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Wrong => "lost|dropped|refused",
            Self::Duplicate => "duplicate",
            Self::InFlight => "in flight",
            Self::Settled => "settled",
        }
    }

    fn takes(self, line: &RecordLine) -> bool {
        match self {
            Self::All => true,
            Self::Wrong => line.is_wrong(),
            Self::Duplicate => line.is_duplicate(),
            Self::InFlight => matches!(line.fate, Fate::InFlight(_)),
            Self::Settled => line.fate == Fate::Settled,
        }
    }
}

/// A record and what became of it so far.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordLine {
    /// Which.
    pub id: RecordId,
    /// Where it lies, or lay; none when no log ever had it.
    pub place: Option<PlaceId>,
    /// At which offset.
    pub offset: u64,
    /// When it was offered.
    pub offered: Time,
    /// When its producer knew that it was accepted.
    pub accepted: Option<Time>,
    /// When a log first had it.
    pub stored: Option<Time>,
    /// When it was first committed.
    pub committed: Option<Time>,
    /// Kafka's hash of its key, when it has one.
    pub key_hash: Option<i32>,
    /// Bytes of key and value; 0 until it is stored.
    pub bytes: u32,
    /// How many copies lie in the log.
    pub copies: u16,
    /// What became of it.
    pub fate: Fate,
    /// What each reading group did with it.
    pub legs: Vec<RecordLeg>,
}

/// What a group did with a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordLeg {
    /// Which group.
    pub group: GroupId,
    /// How often it was handed over.
    pub attempts: u16,
    /// How often it was processed.
    pub times_processed: u16,
    /// Whether the group has told the system that it is done with it.
    pub settled: bool,
    /// Whether the group went past it without seeing it.
    pub skipped: bool,
}

impl RecordLine {
    /// Whether it went wrong for good.
    pub fn is_wrong(&self) -> bool {
        match self.fate {
            Fate::Lost(_) | Fate::Dropped(_) | Fate::Rejected(_) | Fate::DeadLettered(_) => true,
            Fate::Settled | Fate::InFlight(_) => false,
        }
    }

    /// Whether a group has processed it more than once.
    pub fn is_duplicate(&self) -> bool {
        self.legs.iter().any(|leg| leg.times_processed > 1)
    }
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordPage {
    /// The question.
    pub query: Query,
    /// The records, by place and offset: the last ones, or with [`Query::from`] the first ones from there.
    pub lines: Vec<RecordLine>,
    /// How many match, of those that are remembered.
    pub matching: u64,
    /// How many are remembered at all.
    pub remembered: u64,
}

/// Records that left the ledger.
#[derive(Clone, Debug)]
pub struct Album {
    stage: Arc<Stage>,
    pages: VecDeque<Arc<Vec<Closed>>>,
    open: Vec<Closed>,
    remarkable: Arc<Vec<Closed>>,
}

impl Album {
    /// Without any.
    pub fn new(stage: Arc<Stage>) -> Self {
        Self { stage, pages: VecDeque::new(), open: Vec::new(), remarkable: Arc::default() }
    }

    /// Takes in what has left.
    pub fn take(&mut self, closed: Vec<Closed>) {
        for one in closed {
            self.open.push(one);
            if self.open.len() == PAGE {
                self.turn_page();
            }
        }
    }

    fn turn_page(&mut self) {
        if self.pages.len() == RECENT / PAGE
            && let Some(oldest) = self.pages.pop_front()
        {
            self.keep_remarkable(&oldest);
        }
        self.pages.push_back(Arc::new(std::mem::take(&mut self.open)));
    }

    fn keep_remarkable(&mut self, page: &[Closed]) {
        let room = REMARKABLE - self.remarkable.len();
        let kept = page.iter().filter(|closed| is_remarkable(closed)).take(room).cloned().collect::<Vec<_>>();
        if !kept.is_empty() {
            Arc::make_mut(&mut self.remarkable).extend(kept);
        }
    }

    fn left(&self) -> impl Iterator<Item = &Closed> {
        self.remarkable.iter().chain(self.pages.iter().flat_map(|page| page.iter())).chain(&self.open)
    }

    /// When a record was offered, if it is remembered.
    pub fn offered_at(&self, id: RecordId) -> Option<Time> {
        self.left().find(|closed| closed.id == id).map(|closed| closed.line.offered)
    }

    /// The answer to a query.
    pub fn page(&self, watch: &Watch, query: &Query) -> RecordPage {
        let mut found = Vec::new();
        let mut remembered = 0;
        for closed in self.left() {
            remembered += 1;
            self.match_one(query, (closed.id, &closed.line), closed.fate, closed.legs.iter(), &mut found);
        }
        for (id, line, legs, fate) in watch.in_flight().take(LOOKED_AT) {
            remembered += 1;
            self.match_one(query, (id, line), fate, legs.iter(), &mut found);
        }
        found.sort_by_key(|line| (line.place.is_none(), line.place, line.offset, line.id));
        let matching = found.len() as u64;
        if query.from.is_some() {
            found.truncate(SHOWN);
        } else {
            newest_first_kept(&mut found);
        }
        RecordPage { query: *query, lines: found, matching, remembered }
    }

    fn match_one<'l>(
        &self,
        query: &Query,
        (id, line): (RecordId, &Line),
        fate: Fate,
        legs: impl Iterator<Item = &'l Leg>,
        found: &mut Vec<RecordLine>,
    ) {
        let place = line.place();
        let channel = place.map(|place| self.stage.channel_of(place));
        let elsewhere = query.place.is_some_and(|asked| place != Some(asked))
            || query.channel.is_some_and(|asked| channel.is_some_and(|channel| channel != asked))
            || query.from.is_some_and(|from| line.offset < from);
        if elsewhere {
            return;
        }
        let readers = channel.into_iter().flat_map(|channel| self.stage.readers(channel));
        let line = record_line(id, line, fate, readers.zip(legs));
        if query.fate.takes(&line) {
            found.push(line);
        }
    }
}

/// Leaves the youngest [`SHOWN`] of those in order.
fn newest_first_kept(found: &mut Vec<RecordLine>) {
    if found.len() <= SHOWN {
        return;
    }
    let mut times: Vec<Time> = found.iter().map(|line| line.offered).collect();
    let middle = times.len() - SHOWN;
    let (_, least, _) = times.select_nth_unstable(middle);
    let least = *least;
    found.retain(|line| line.offered >= least);
    found.truncate(2 * SHOWN);
}

fn record_line<'l>(
    id: RecordId,
    line: &Line,
    fate: Fate,
    legs: impl Iterator<Item = (GroupId, &'l Leg)>,
) -> RecordLine {
    let known = |time: Time| (time != Time::NEVER).then_some(time);
    let leg = |(group, leg): (GroupId, &Leg)| RecordLeg {
        group,
        attempts: leg.attempts,
        times_processed: leg.times_processed,
        settled: leg.settled != Time::NEVER,
        skipped: leg.skipped.is_some(),
    };
    RecordLine {
        id,
        place: line.place(),
        offset: line.offset,
        offered: line.offered,
        accepted: known(line.accepted),
        stored: known(line.stored),
        committed: known(line.committed),
        key_hash: line.key_hash(),
        bytes: line.bytes,
        copies: line.copies,
        fate,
        legs: legs.map(leg).collect(),
    }
}

fn is_remarkable(closed: &Closed) -> bool {
    !matches!(closed.fate, Fate::Settled | Fate::InFlight(_))
        || closed.legs.iter().any(|leg| leg.times_processed > 1)
}
