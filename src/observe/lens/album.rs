//! Records to leaf through: those in flight, which the ledger has, and those that left it lately, which it remembers
//! ([`Recent`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::kernel::Time;
use crate::observe::ledger::{Fate, Leg, Line, Recent};
use crate::observe::watch::Watch;
use crate::trace::{Body, ChannelId, GroupId, Ids, KeyNames, PlaceId, RecordId, Stage};

use super::filter::{FateFilter, Filter, KeyHash, Legs, Subject, late};
use super::shelf::Shelf;

/// Records in an answer.
const SHOWN: usize = 400;
/// Records in flight that are looked at for an answer.
const LOOKED_AT: usize = 200_000;

/// Which records are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Those in this place.
    pub place: Option<PlaceId>,
    /// Those in this channel.
    pub channel: Option<ChannelId>,
    /// Those with this fate.
    pub fate: FateFilter,
    /// Those that pass this.
    pub filter: Option<Arc<Filter>>,
    /// By what they are sorted.
    pub order: RecordOrder,
    /// Those around this one; the youngest when none.
    pub around: Option<Around>,
}

/// By what records are sorted, the least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordOrder {
    /// Where they lie, then offset.
    #[default]
    Place,
    /// When they were offered.
    Time,
    /// Their key's hash, then when they were offered.
    Key,
    /// How late they are.
    Late,
}

impl RecordOrder {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Place, Self::Time, Self::Key, Self::Late];
}

/// A point among records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Around {
    /// This record.
    Record(RecordId),
    /// The nearest to this offset.
    Offset(u64),
    /// The one offered nearest to this instant.
    Time(Time),
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
    /// Its key, where contents are kept.
    pub key: Option<Arc<[u8]>>,
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
    /// When it was first processed.
    pub processed: Option<Time>,
    /// Whether the group has told the system that it is done with it.
    pub settled: bool,
    /// Whether the group went past it without seeing it.
    pub skipped: bool,
}

impl RecordLine {
    /// Whether it went wrong for good.
    pub fn is_wrong(&self) -> bool {
        self.fate.is_wrong()
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
    /// At most `SHOWN` records, sorted: those around what was asked for, or the youngest.
    pub lines: Vec<RecordLine>,
    /// The nearest to what was asked for with [`Query::around`].
    pub found: Option<RecordId>,
    /// How many match, of those that are remembered.
    pub matching: u64,
    /// How many are remembered at all.
    pub remembered: u64,
    /// How many have left the ledger and are not remembered any more.
    pub forgotten: u64,
}

/// What is known of records beyond what the ledger says of them.
#[derive(Clone, Debug)]
pub struct Album {
    stage: Arc<Stage>,
    contents: Shelf,
    hash: Option<KeyHash>,
    keys: SourceKeys,
}

/// By source: its keys, where they are known beforehand.
pub type SourceKeys = Arc<[Option<Arc<KeyNames>>]>;

/// A record that matches.
struct Found<'a> {
    /// What it is sorted by.
    sort: (u64, u64, u64),
    id: RecordId,
    line: Line,
    legs: Legs<'a>,
    fate: Fate,
}

impl Album {
    /// Without any.
    pub fn new(stage: Arc<Stage>) -> Self {
        Self { stage, contents: Shelf::default(), hash: None, keys: Arc::default() }
    }

    /// Keys are found by this hash where their bytes are not kept.
    pub fn hash_with(&mut self, hash: KeyHash) {
        self.hash = Some(hash);
    }

    /// Where contents are not kept, these are the keys.
    pub fn know(&mut self, keys: SourceKeys) {
        self.keys = keys;
    }

    /// The key of a record with this hash, where the keys of its source are known.
    pub fn key_of(&self, id: RecordId, hash: Option<i32>) -> Option<&Arc<[u8]>> {
        self.keys.get(id.source() as usize)?.as_ref()?.get(&hash?)
    }

    /// Takes in contents.
    pub fn stored(&mut self, ids: &Ids) {
        self.contents.stored(ids);
    }

    /// The answer to a query.
    pub fn page(&self, watch: &Watch, query: &Query) -> RecordPage {
        let now = watch.now();
        let reads = query.filter.as_ref().is_some_and(|filter| filter.reads_contents());
        let contents = if reads { self.contents.all() } else { BTreeMap::new() };
        let recent = watch.recent();
        let left = recent
            .into_iter()
            .flat_map(Recent::iter)
            .flat_map(|one| one.lives().map(|(id, line)| (id, line, Legs::left(&one.legs), one.fate)));
        let open = watch.in_flight().take(LOOKED_AT);
        let open = open.map(|(id, line, legs, fate)| (id, line, Legs::open(legs), fate));
        let (mut found, mut matching, mut remembered) = (Vec::new(), 0, 0);
        for (id, line, legs, fate) in left.chain(open) {
            remembered += 1;
            let body = contents.get(&id).copied();
            if self.fits(query, (id, &line, legs, fate), body, now) {
                matching += 1;
                found.push(Found { sort: sort_key(query.order, id, &line, legs, now), id, line, legs, fate });
            }
            // The youngest of so many and of those that follow are the youngest of all.
            if query.around.is_none() && found.len() == SHOWN * 4 {
                window(&mut found, query.order, None);
            }
        }
        let nearest = query.around.and_then(|around| nearest(&found, around));
        window(&mut found, query.order, nearest);
        let lines = self.lines(&found);
        let query = query.clone();
        let forgotten = recent.map_or(0, Recent::forgotten);
        RecordPage { query, lines, found: nearest, matching, remembered, forgotten }
    }

    fn fits(
        &self,
        query: &Query,
        (id, line, legs, fate): (RecordId, &Line, Legs<'_>, Fate),
        body: Option<&Body>,
        now: Time,
    ) -> bool {
        let place = line.place();
        let channel = place.map(|place| self.stage.channel_of(place));
        if query.place.is_some_and(|asked| place != Some(asked))
            || query.channel.is_some_and(|asked| channel.is_some_and(|channel| channel != asked))
            || !query.fate.takes(fate, line, legs)
        {
            return false;
        }
        let Some(filter) = &query.filter else { return true };
        let first = channel.map(|channel| self.stage.channels[channel.index()].first_place);
        let partition = place.zip(first).map(|(place, first)| place.0 - first.0);
        let key = body.map_or_else(|| self.key_of(id, line.key_hash()), |body| body.key.as_ref());
        let (key, value) = (key.map(|key| &key[..]), body.and_then(|body| body.value.as_deref()));
        filter.takes(&Subject { id, line, legs, fate, key, value, channel, partition }, now, self.hash)
    }

    /// Those that are shown, with their keys.
    fn lines(&self, found: &[Found<'_>]) -> Vec<RecordLine> {
        let shown: BTreeSet<RecordId> = found.iter().map(|one| one.id).collect();
        let bodies = self.contents.some(&shown);
        let line = |one: &Found<'_>| {
            let channel = one.line.place().map(|place| self.stage.channel_of(place));
            let readers = channel.into_iter().flat_map(|channel| self.stage.readers(channel));
            let known = self.key_of(one.id, one.line.key_hash());
            let key = bodies.get(&one.id).and_then(|body| body.key.as_ref()).or(known).cloned();
            RecordLine { key, ..record_line(one, readers.zip(one.legs.iter())) }
        };
        found.iter().map(line).collect()
    }
}

fn sort_key(order: RecordOrder, id: RecordId, line: &Line, legs: Legs<'_>, now: Time) -> (u64, u64, u64) {
    let offered = line.offered.as_nanos();
    match order {
        RecordOrder::Place => {
            let place = line.place().map_or(u64::MAX, |place| u64::from(place.0));
            (place, line.offset, id.to_bits())
        }
        RecordOrder::Time => (offered, id.to_bits(), 0),
        RecordOrder::Key => {
            let key = line.key_hash().map_or(u64::MAX, |hash| u64::from(hash as u32));
            (key, offered, id.to_bits())
        }
        RecordOrder::Late => (late(line, legs, now), offered, id.to_bits()),
    }
}

/// The record that is nearest to a point.
fn nearest(found: &[Found<'_>], around: Around) -> Option<RecordId> {
    let near = match around {
        Around::Record(id) => found.iter().find(|one| one.id == id),
        Around::Offset(offset) => {
            let placed = found.iter().filter(|one| one.line.place().is_some());
            placed.min_by_key(|one| (one.line.offset.abs_diff(offset), one.sort))
        }
        Around::Time(time) => {
            found.iter().min_by_key(|one| (one.line.offered.as_nanos().abs_diff(time.as_nanos()), one.sort))
        }
    };
    near.map(|one| one.id)
}

/// Leaves at most [`SHOWN`], sorted: those around a record, or the youngest.
fn window(found: &mut Vec<Found<'_>>, order: RecordOrder, around: Option<RecordId>) {
    let middle = around.and_then(|id| found.iter().find(|one| one.id == id)).map(|one| one.sort);
    if found.len() > SHOWN {
        match middle {
            Some(middle) => {
                let before = found.iter().filter(|one| one.sort < middle).count();
                let from = before.saturating_sub(SHOWN / 2).min(found.len() - SHOWN);
                keep_between(found, from, |one| one.sort);
            }
            None => {
                let from = found.len() - SHOWN;
                let youngest = order == RecordOrder::Place;
                keep_between(found, from, |one| match youngest {
                    true => (one.line.offered.as_nanos(), one.sort.0, one.sort.1),
                    false => one.sort,
                });
            }
        }
    }
    found.sort_unstable_by_key(|one| one.sort);
}

/// Leaves [`SHOWN`] of those in the order of a key, from the how-manieth on.
fn keep_between(found: &mut Vec<Found<'_>>, from: usize, key: impl Fn(&Found<'_>) -> (u64, u64, u64)) {
    if from + SHOWN < found.len() {
        found.select_nth_unstable_by_key(from + SHOWN, &key);
        found.truncate(from + SHOWN);
    }
    if from > 0 {
        found.select_nth_unstable_by_key(from, &key);
        found.drain(..from);
    }
}

fn record_line<'l>(found: &Found<'_>, legs: impl Iterator<Item = (GroupId, &'l Leg)>) -> RecordLine {
    let known = |time: Time| (time != Time::NEVER).then_some(time);
    let leg = |(group, leg): (GroupId, &Leg)| RecordLeg {
        group,
        attempts: leg.attempts,
        times_processed: leg.times_processed,
        processed: known(leg.processed),
        settled: leg.settled != Time::NEVER,
        skipped: leg.skipped.is_some(),
    };
    let line = &found.line;
    RecordLine {
        id: found.id,
        place: line.place(),
        offset: line.offset,
        offered: line.offered,
        accepted: known(line.accepted),
        stored: known(line.stored),
        committed: known(line.committed),
        key_hash: line.key_hash(),
        key: None,
        bytes: line.bytes,
        copies: line.copies,
        fate: found.fate,
        legs: legs.map(leg).collect(),
    }
}
