//! A record: what the user publishes. A few machine words in a batch; its body is shared or absent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::few::Few;
use crate::kernel::{Digest, Time};

/// Which record: the source that published it and the how-manieth it was there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordId(u64);

impl RecordId {
    const SEQUENCE_BITS: u32 = 40;

    /// The record number `sequence` (below 2^40) of source number `source` (below 2^24).
    pub const fn new(source: u32, sequence: u64) -> Self {
        assert!(source < 1 << 24 && sequence < 1 << Self::SEQUENCE_BITS, "a record's number fits");
        Self((source as u64) << Self::SEQUENCE_BITS | sequence)
    }

    /// The generator or processor instance that published it: dense from 0.
    pub const fn source(self) -> u32 {
        (self.0 >> Self::SEQUENCE_BITS) as u32
    }

    /// Its number at the source: dense from 0.
    pub const fn sequence(self) -> u64 {
        self.0 & ((1 << Self::SEQUENCE_BITS) - 1)
    }

    /// The record of the same source `by` later.
    pub const fn plus(self, by: u64) -> Self {
        Self::new(self.source(), self.sequence() + by)
    }

    /// Both numbers in one word, for files.
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// From the word in a file.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// `3.1841`: source, then number.
impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}", self.source(), self.sequence()))
    }
}
impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A record without its content: 24 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// Which one.
    pub id: RecordId,
    /// When the application made it: its event time.
    pub created: Time,
    key_hash: u32,
    /// Bit 31: has a key. Bit 30: is poison. The rest: bytes.
    size: u32,
}

impl Record {
    const KEYED: u32 = 1 << 31;
    const POISON: u32 = 1 << 30;

    /// A record of `bytes` (key and value, below 2^30) whose key, if any, has this murmur2 hash.
    pub fn new(id: RecordId, created: Time, key_hash: Option<i32>, bytes: u32) -> Self {
        assert!(bytes < Self::POISON, "a record is smaller than 1 GiB");
        let keyed = if key_hash.is_some() { Self::KEYED } else { 0 };
        Self { id, created, key_hash: key_hash.unwrap_or(0) as u32, size: bytes | keyed }
    }

    /// Bytes of key and value together.
    pub fn bytes(&self) -> u32 {
        self.size & !(Self::KEYED | Self::POISON)
    }

    /// The same record, such that no handler can process it.
    pub fn poisoned(self) -> Self {
        Self { size: self.size | Self::POISON, ..self }
    }

    /// Whether every handler fails on it.
    pub fn is_poison(&self) -> bool {
        self.size & Self::POISON != 0
    }

    /// Kafka's murmur2 of the key; records of one key share it, and always share a partition.
    pub fn key_hash(&self) -> Option<i32> {
        (self.size & Self::KEYED != 0).then_some(self.key_hash as i32)
    }
}

/// Keys by their hash, as records carry it ([`Record::key_hash`]).
pub type KeyNames = BTreeMap<i32, Arc<[u8]>>;

/// What a record carries, when somebody reads it. Encoded once, shared by all who hold it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Body {
    /// The key's bytes.
    pub key: Option<Arc<[u8]>>,
    /// The encoded value.
    pub value: Option<Arc<[u8]>>,
}

/// Records that travel together. Never changes once made; shared by every log that holds it.
#[derive(PartialEq, Debug)]
pub struct Batch {
    records: Few<Record>,
    bodies: Box<[Body]>,
    bytes: u32,
    /// Whether the records are consecutive ones of one source.
    consecutive: bool,
    fingerprint: u64,
    latest_created: Time,
}

impl Batch {
    /// The batch of these records, in this order. `bodies` is empty or has one for each record.
    /// `bytes` is the size on the wire with its header.
    pub fn new(records: Vec<Record>, bodies: Vec<Body>, bytes: u32) -> Arc<Self> {
        Self::of(Few::from(records), bodies, bytes)
    }

    /// The same of a list that needs no memory for a single one.
    pub fn of(records: Few<Record>, bodies: Vec<Body>, bytes: u32) -> Arc<Self> {
        assert!(!records.is_empty(), "a batch has a record");
        assert!(bodies.is_empty() || bodies.len() == records.len(), "a body for each record or none");
        let mut digest = Digest::default();
        let mut consecutive = true;
        let mut latest_created = Time::ZERO;
        let first = records[0].id.to_bits();
        for (expected, record) in (first..).zip(&records[..]) {
            digest.word(record.id.to_bits());
            consecutive &= record.id.to_bits() == expected;
            latest_created = latest_created.max(record.created);
        }
        let fingerprint = digest.short();
        Arc::new(Self { records, bodies: bodies.into(), bytes, consecutive, fingerprint, latest_created })
    }

    /// The records.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// How many; at least one.
    #[expect(clippy::len_without_is_empty, reason = "a batch is never empty")]
    pub fn len(&self) -> u32 {
        self.records.len() as u32
    }

    /// Bytes on the wire.
    pub fn bytes(&self) -> u32 {
        self.bytes
    }

    /// When the last of its records to be made was made: every log that it comes to asks.
    pub fn latest_created(&self) -> Time {
        self.latest_created
    }

    /// The content of the record at `index`; absent when nobody reads it.
    pub fn body(&self, index: u32) -> Option<&Body> {
        self.bodies.get(index as usize)
    }

    /// Whether contents are kept.
    pub fn has_bodies(&self) -> bool {
        !self.bodies.is_empty()
    }

    /// All of it.
    pub fn span(self: &Arc<Self>) -> Span {
        Span { batch: Arc::clone(self), from: 0, to: self.len() }
    }
}

/// Some neighbouring records of a batch.
#[derive(Clone, PartialEq)]
pub struct Span {
    /// The batch.
    pub batch: Arc<Batch>,
    /// Index of the first.
    pub from: u32,
    /// Index behind the last.
    pub to: u32,
}

impl Span {
    /// The records.
    pub fn records(&self) -> &[Record] {
        &self.batch.records[self.from as usize..self.to as usize]
    }

    /// How many.
    pub fn len(&self) -> u32 {
        self.to - self.from
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.records() {
            [] => f.write_str("no records"),
            [one] => write!(f, "{}", one.id),
            [first, .., last] => write!(f, "{}..{} ({})", first.id, last.id, self.len()),
        }
    }
}

/// A span is told by its first record, its length and the fingerprint of its batch: the same three words
/// on every machine.
impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Span", 3)?;
        fields.serialize_field("first", &self.records().first().map(|record| record.id))?;
        fields.serialize_field("records", &self.len())?;
        fields.serialize_field("fingerprint", &self.batch.fingerprint)?;
        fields.end()
    }
}

/// Which records: consecutive ones of a source, or some of a batch.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub enum Ids {
    /// `records` consecutive ones from `first`.
    Range {
        /// The first.
        first: RecordId,
        /// How many.
        records: u32,
    },
    /// Those of a span.
    Span(Span),
}

impl Ids {
    /// One record.
    pub fn one(id: RecordId) -> Self {
        Self::Range { first: id, records: 1 }
    }

    /// How many.
    pub fn len(&self) -> u32 {
        match self {
            Self::Range { records, .. } => *records,
            Self::Span(span) => span.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same records, without holding on to the batch where they are consecutive.
    #[inline]
    pub fn apart_from_batch(&self) -> Self {
        match self {
            Self::Span(span) if span.batch.consecutive && !span.is_empty() => {
                Self::Range { first: span.records()[0].id, records: span.len() }
            }
            Self::Range { .. } | Self::Span(_) => self.clone(),
        }
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = RecordId> + '_ {
        let (range, span) = match self {
            Self::Range { first, records } => (Some((*first, *records)), None),
            Self::Span(span) => (None, Some(span)),
        };
        let range = range
            .into_iter()
            .flat_map(|(first, records)| (0..u64::from(records)).map(move |i| first.plus(i)));
        range.chain(span.into_iter().flat_map(|span| span.records().iter().map(|record| record.id)))
    }
}

impl Ids {
    /// Takes them into a digest: the words that their serialised form would come to.
    #[inline]
    pub(super) fn feed(&self, digest: &mut Digest) {
        match self {
            Self::Range { first, records } => digest.words([0, first.to_bits(), (*records).into()]),
            Self::Span(span) => match span.records().first() {
                None => digest.words([1, 0, span.len().into(), span.batch.fingerprint]),
                Some(first) => {
                    digest.words([1, 1, first.id.to_bits(), span.len().into(), span.batch.fingerprint]);
                }
            },
        }
    }

    /// Those at `from..to` of them as runs of consecutive ones of a source: in order, and as few as are cheap to
    /// find.
    #[inline]
    pub fn runs(&self, from: u32, to: u32) -> impl Iterator<Item = Run> + '_ {
        let (first, records) = match self {
            Self::Range { first, .. } => (Some(*first), &[][..]),
            Self::Span(span) if span.batch.consecutive => {
                (span.records().first().map(|record| record.id), &[][..])
            }
            Self::Span(span) => (None, &span.records()[from as usize..to as usize]),
        };
        let whole = first.filter(|_| from < to).map(|first| Run {
            first: first.plus(u64::from(from)),
            records: to - from,
            at: from,
        });
        Runs { whole, singles: records.iter(), at: from }
    }
}

/// Consecutive records first, or else each for itself.
struct Runs<'a> {
    whole: Option<Run>,
    singles: std::slice::Iter<'a, Record>,
    at: u32,
}

impl Iterator for Runs<'_> {
    type Item = Run;

    #[inline]
    fn next(&mut self) -> Option<Run> {
        if let Some(whole) = self.whole.take() {
            return Some(whole);
        }
        let record = self.singles.next()?;
        self.at += 1;
        Some(Run { first: record.id, records: 1, at: self.at - 1 })
    }
}

/// Consecutive records of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first.
    pub first: RecordId,
    /// How many.
    pub records: u32,
    /// How many of the [`Ids`] come before the first.
    pub at: u32,
}

impl From<Span> for Ids {
    fn from(span: Span) -> Self {
        Self::Span(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_three_words() {
        assert_eq!(size_of::<Record>(), 24);
        let id = RecordId::new(3, 1841);
        assert_eq!((id.source(), id.sequence(), id.to_string()), (3, 1841, "3.1841".into()));
        let keyed = Record::new(id, Time::ZERO, Some(-5), 100);
        assert_eq!((keyed.key_hash(), keyed.bytes()), (Some(-5), 100));
        assert_eq!(Record::new(id, Time::ZERO, None, 100).key_hash(), None);
        let poison = keyed.poisoned();
        assert_eq!((poison.key_hash(), poison.bytes(), poison.is_poison()), (Some(-5), 100, true));
        assert!(!keyed.is_poison());
    }

    #[test]
    fn ids_name_the_same_records_either_way() {
        let records: Vec<_> = (0..3).map(|i| Record::new(RecordId::new(1, i), Time::ZERO, None, 1)).collect();
        let span = Ids::from(Batch::new(records, Vec::new(), 70).span());
        let range = Ids::Range { first: RecordId::new(1, 0), records: 3 };
        assert!(span.iter().eq(range.iter()));
        assert_eq!(span.len(), range.len());
    }

    #[test]
    fn runs_cover_the_same_records_whether_or_not_they_are_consecutive() {
        for numbers in [[4, 5, 6, 7], [4, 6, 7, 5]] {
            let records = numbers.map(|i| Record::new(RecordId::new(1, i), Time::ZERO, None, 1)).to_vec();
            let ids = Ids::from(Batch::new(records, Vec::new(), 70).span());
            let covered: Vec<_> = ids
                .runs(1, 3)
                .flat_map(|run| (0..run.records).map(move |i| (run.at + i, run.first.plus(u64::from(i)))))
                .collect();
            let expected: Vec<_> = (0..).zip(ids.iter()).skip(1).take(2).collect();
            assert_eq!(covered, expected);
        }
    }
}
