//! Which records are asked for beyond where they lie: tests that a record passes or not.
//!
//! **Invariant.** A filter is a function of the record as the ledger has it, of its contents where they are kept, and of
//! the instant; it is held against every record that is remembered, not only those on a page.
//!
//! **Not modelled:** headers: records have none.

use crate::kernel::Time;
use crate::observe::ledger::{Fate, Leg, Line};
use crate::trace::{ChannelId, Few, RecordId};

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
    /// Promised and gone.
    Lost,
    /// Let go by the system before any log had it.
    Dropped,
    /// Its client was told no.
    Refused,
    /// Put aside as one that cannot be processed.
    Aside,
    /// Its client was told yes.
    Accepted,
    /// Its client was told a timeout.
    Unknown,
}

impl FateFilter {
    /// Those that a key goes through, in order.
    pub const ALL: [Self; 5] = [Self::All, Self::Wrong, Self::Duplicate, Self::InFlight, Self::Settled];
    /// Those that have a word in a filter, with it.
    pub const WORDS: [(&'static str, Self); 10] = [
        ("lost", Self::Lost),
        ("wrong", Self::Wrong),
        ("dropped", Self::Dropped),
        ("refused", Self::Refused),
        ("aside", Self::Aside),
        ("dup", Self::Duplicate),
        ("flight", Self::InFlight),
        ("settled", Self::Settled),
        ("accepted", Self::Accepted),
        ("unknown", Self::Unknown),
    ];

    /// As the screen writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Wrong => "lost|dropped|refused",
            Self::Duplicate => "duplicate",
            Self::InFlight => "in flight",
            Self::Settled => "settled",
            Self::Lost => "lost",
            Self::Dropped => "dropped",
            Self::Refused => "refused",
            Self::Aside => "put aside",
            Self::Accepted => "accepted",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a record has it.
    pub(super) fn takes(self, fate: Fate, line: &Line, legs: Legs<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Wrong => fate.is_wrong(),
            Self::Duplicate => is_duplicate(legs),
            Self::InFlight => matches!(fate, Fate::InFlight(_)),
            Self::Settled => fate == Fate::Settled,
            Self::Lost => matches!(fate, Fate::Lost(_)),
            Self::Dropped => matches!(fate, Fate::Dropped(_)),
            Self::Refused => matches!(fate, Fate::Rejected(_)),
            Self::Aside => matches!(fate, Fate::DeadLettered(_)),
            Self::Accepted => line.accepted != Time::NEVER,
            Self::Unknown => line.unknown.is_some(),
        }
    }
}

/// Whether a group has processed it more than once.
pub(super) fn is_duplicate(legs: Legs<'_>) -> bool {
    legs.iter().any(Leg::is_duplicate)
}

/// Tests that a record has to pass, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The tests.
    pub terms: Vec<Term>,
}

/// One test, or its opposite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Those that do not pass it are wanted.
    pub without: bool,
    /// The test.
    pub test: Test,
}

/// A test. Lists are alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// One of these fates.
    Fate(Vec<FateFilter>),
    /// In one of these channels.
    Channel(Vec<ChannelId>),
    /// In partitions of these numbers within their channel.
    Partition(Bounds),
    /// At these offsets.
    Offset(Bounds),
    /// Offered then; nanoseconds.
    Time(Bounds),
    /// So long until every group had processed it, or it was accepted where nobody reads; so far where that has not
    /// come. Nanoseconds.
    Late(Bounds),
    /// Of so many bytes, key and value.
    Bytes(Bounds),
    /// Published by one of these sources.
    Source(Vec<u32>),
    /// This one.
    Record(RecordId),
    /// Of this key: by its bytes where they are kept, by its hash elsewhere. With `*` at an end, by its bytes alone.
    Key(String),
    /// With this text in its key or value, where they are kept; letters of either case.
    Text(String),
}

/// From a number to a number, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub least: u64,
    /// The most.
    pub most: u64,
}

impl Bounds {
    fn hold(self, number: u64) -> bool {
        (self.least..=self.most).contains(&number)
    }
}

/// What groups did with a record, wherever it is kept.
#[derive(Clone, Copy)]
pub(super) struct Legs<'a> {
    left: Option<&'a Few<Leg>>,
    open: &'a [Leg],
}

impl<'a> Legs<'a> {
    /// Of a record that left the ledger.
    pub(super) fn left(legs: &'a Few<Leg>) -> Self {
        Self { left: Some(legs), open: &[] }
    }

    /// Of one in flight.
    pub(super) fn open(legs: &'a [Leg]) -> Self {
        Self { left: None, open: legs }
    }

    /// Each, in the order of the groups.
    pub(super) fn iter(self) -> impl Iterator<Item = &'a Leg> {
        self.left.into_iter().flat_map(|legs| legs.iter()).chain(self.open)
    }
}

/// A record, as far as it is known.
pub(super) struct Subject<'a> {
    pub(super) id: RecordId,
    pub(super) line: &'a Line,
    pub(super) legs: Legs<'a>,
    pub(super) fate: Fate,
    /// Its key and its value, where they are known.
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) channel: Option<ChannelId>,
    /// Its partition's number in the channel.
    pub(super) partition: Option<u32>,
}

/// The hash of a key's bytes, as records carry it.
pub type KeyHash = fn(&[u8]) -> i32;

impl Filter {
    /// Whether contents are looked into.
    pub(super) fn reads_contents(&self) -> bool {
        self.terms.iter().any(|term| matches!(term.test, Test::Key(_) | Test::Text(_)))
    }

    /// Whether it says where records lie: then nothing else does.
    pub fn names_a_place(&self) -> bool {
        let names = |test: &Test| matches!(test, Test::Channel(_) | Test::Partition(_) | Test::Record(_));
        self.terms.iter().any(|term| names(&term.test))
    }

    /// Whether a record passes all tests.
    pub(super) fn takes(&self, subject: &Subject<'_>, now: Time, hash: Option<KeyHash>) -> bool {
        self.terms.iter().all(|term| term.test.takes(subject, now, hash) != term.without)
    }
}

impl Test {
    fn takes(&self, subject: &Subject<'_>, now: Time, hash: Option<KeyHash>) -> bool {
        let Subject { id, line, legs, fate, key, value, channel, partition } = subject;
        match self {
            Self::Fate(fates) => fates.iter().any(|one| one.takes(*fate, line, *legs)),
            Self::Channel(channels) => channel.is_some_and(|channel| channels.contains(&channel)),
            Self::Partition(bounds) => partition.is_some_and(|number| bounds.hold(u64::from(number))),
            Self::Offset(bounds) => line.place().is_some() && bounds.hold(line.offset),
            Self::Time(bounds) => bounds.hold(line.offered.as_nanos()),
            Self::Late(bounds) => bounds.hold(late(line, *legs, now)),
            Self::Bytes(bounds) => bounds.hold(u64::from(line.bytes)),
            Self::Source(sources) => sources.contains(&id.source()),
            Self::Record(one) => one == id,
            Self::Key(wanted) => key_fits(wanted, line, *key, hash),
            Self::Text(text) => [key, value].into_iter().flatten().any(|bytes| has(bytes, text)),
        }
    }
}

/// How long until everybody had processed it; nanoseconds.
pub(super) fn late(line: &Line, legs: Legs<'_>, now: Time) -> u64 {
    let done = match legs.iter().map(|leg| leg.processed).max() {
        Some(last) => last,
        None => line.accepted,
    };
    let until = if done == Time::NEVER { now } else { done };
    until.as_nanos().saturating_sub(line.offered.as_nanos())
}

fn key_fits(wanted: &str, line: &Line, key: Option<&[u8]>, hash: Option<KeyHash>) -> bool {
    let (head, tail) = (wanted.strip_suffix('*'), wanted.strip_prefix('*'));
    let known = |fits: &dyn Fn(&[u8]) -> bool| key.is_some_and(fits);
    match (head, tail) {
        (Some(""), _) => line.key_hash().is_some() || key.is_some(),
        (Some(_), Some(_)) => known(&|key| has(key, wanted.trim_matches('*'))),
        (Some(head), None) => known(&|key| key.starts_with(head.as_bytes())),
        (None, Some(tail)) => known(&|key| key.ends_with(tail.as_bytes())),
        (None, None) => match (key, hash) {
            (Some(key), _) => key == wanted.as_bytes(),
            (None, Some(hash)) => line.key_hash() == Some(hash(wanted.as_bytes())),
            (None, None) => false,
        },
    }
}

/// Whether bytes hold a text, whatever the case of its letters.
fn has(bytes: &[u8], text: &str) -> bool {
    !text.is_empty() && bytes.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes()))
}
