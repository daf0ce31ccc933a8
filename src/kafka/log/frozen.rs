//! Batches that everybody has read: the same batches in a few bits a record.
//!
//! Numbers are told by how far they are from what the batches before let expect: the next id and sequence
//! number of the same writer, its next creation time, the usual size; keys by an index into those of the block.
//!
//! **Invariant.** What is thawed equals what was frozen, but for two things: contents are gone (nobody will
//! read them any more), and the time of the append is kept in whole milliseconds, as Kafka keeps it.

use std::collections::BTreeMap;

use crate::kernel::Time;
use crate::trace::{Batch, Record, RecordId};
use crate::wire::kafka::{Chunk, Producer, Stamp};

use super::bits::{BitReader, BitWriter};

/// Some neighbouring batches of a log.
#[derive(Debug)]
pub(super) struct Frozen {
    /// The offset of the first record.
    pub(super) start: u64,
    /// The offset behind the last.
    pub(super) end: u64,
    /// The latest time at which a record in it was made.
    pub(super) latest_created: Time,
    /// The latest time at which a batch in it was appended.
    pub(super) latest_appended: Time,
    counts: Counts,
    words: Box<[u64]>,
}

impl Frozen {
    /// Encodes batches that lie one behind the other; at least one.
    pub(super) fn freeze<'a>(chunks: impl IntoIterator<Item = &'a Chunk>) -> Self {
        let mut freezer = Freezer::default();
        let (mut start, mut end) = (None, 0);
        let (mut latest_created, mut latest_appended) = (Time::ZERO, Time::ZERO);
        for chunk in chunks {
            assert!(start.is_none() || chunk.offset == end, "frozen batches lie one behind the other");
            start.get_or_insert(chunk.offset);
            freezer.add(chunk);
            end = chunk.end();
            latest_created = latest_created.max(chunk.batch.latest_created());
            latest_appended = latest_appended.max(chunk.appended);
        }
        let start = start.expect("there is something to freeze");
        let counts = freezer.columns.counts();
        let words = freezer.columns.encode();
        Self { start, end, latest_created, latest_appended, counts, words }
    }

    /// The batches as they were.
    pub(super) fn thaw(&self) -> Vec<Chunk> {
        let columns = Columns::decode(&self.words, self.counts);
        let writers = (0..self.counts.writers).map(|index| columns.writer_at(index)).collect();
        let mut thawer = Thawer { columns, writers, record: 0, offset: self.start, leader_epoch: 0 };
        (0..self.counts.chunks).map(|index| thawer.chunk(index)).collect()
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.words)
    }
}

/// How long the columns are.
#[derive(Clone, Copy, Debug)]
struct Counts {
    writers: usize,
    keys: usize,
    chunks: usize,
    records: usize,
}

/// All numbers of a block.
#[derive(Default)]
struct Columns {
    // One number a writer: where it begins.
    stamped: Vec<i64>,
    producer: Vec<i64>,
    producer_epoch: Vec<i64>,
    first_id: Vec<i64>,
    first_created: Vec<i64>,
    first_sequence: Vec<i64>,
    // One number a distinct key, or its absence.
    keys: Vec<i64>,
    // One number a batch; all but the first two are relative to what is expected.
    records: Vec<i64>,
    writer: Vec<i64>,
    leader_epoch: Vec<i64>,
    sequence: Vec<i64>,
    appended: Vec<i64>,
    overhead: Vec<i64>,
    // One number a record; ids and times are relative to what is expected.
    id: Vec<i64>,
    created: Vec<i64>,
    size: Vec<i64>,
    key: Vec<i64>,
}

impl Columns {
    fn counts(&self) -> Counts {
        let [writers, keys] = [self.stamped.len(), self.keys.len()];
        Counts { writers, keys, chunks: self.records.len(), records: self.id.len() }
    }

    fn encode(&self) -> Box<[u64]> {
        let mut out = BitWriter::default();
        let columns = [
            &self.stamped,
            &self.producer,
            &self.producer_epoch,
            &self.first_id,
            &self.first_created,
            &self.first_sequence,
            &self.keys,
            &self.records,
            &self.writer,
            &self.leader_epoch,
            &self.sequence,
            &self.appended,
            &self.overhead,
            &self.id,
            &self.created,
            &self.size,
            &self.key,
        ];
        columns.into_iter().for_each(|column| out.push_column(column));
        out.finish()
    }

    /// In the order of [`Self::encode`]: fields are evaluated as they are written.
    fn decode(words: &[u64], counts: Counts) -> Self {
        let mut bits = BitReader::new(words);
        let mut pull = |count: usize| bits.pull_column(count);
        Self {
            stamped: pull(counts.writers),
            producer: pull(counts.writers),
            producer_epoch: pull(counts.writers),
            first_id: pull(counts.writers),
            first_created: pull(counts.writers),
            first_sequence: pull(counts.writers),
            keys: pull(counts.keys),
            records: pull(counts.chunks),
            writer: pull(counts.chunks),
            leader_epoch: pull(counts.chunks),
            sequence: pull(counts.chunks),
            appended: pull(counts.chunks),
            overhead: pull(counts.chunks),
            id: pull(counts.records),
            created: pull(counts.records),
            size: pull(counts.records),
            key: pull(counts.records),
        }
    }

    fn writer_at(&self, index: usize) -> Writer {
        let producer = (self.stamped[index] == 1)
            .then(|| Producer { id: self.producer[index] as u64, epoch: self.producer_epoch[index] as u16 });
        Writer {
            producer,
            source: RecordId::from_bits(self.first_id[index] as u64).source(),
            next_id: self.first_id[index],
            last_created: self.first_created[index],
            next_sequence: self.first_sequence[index],
        }
    }

    fn add_writer(&mut self, writer: &Writer) {
        let producer = writer.producer.unwrap_or(Producer { id: 0, epoch: 0 });
        self.stamped.push(i64::from(writer.producer.is_some()));
        self.producer.push(producer.id as i64);
        self.producer_epoch.push(i64::from(producer.epoch));
        self.first_id.push(writer.next_id);
        self.first_created.push(writer.last_created);
        self.first_sequence.push(writer.next_sequence);
    }
}

/// Who wrote a batch, and what its next one will look like.
struct Writer {
    producer: Option<Producer>,
    source: u32,
    next_id: i64,
    last_created: i64,
    next_sequence: i64,
}

impl Writer {
    fn of(chunk: &Chunk) -> Self {
        let first = &chunk.batch.records()[0];
        Self {
            producer: chunk.stamp.map(Stamp::producer),
            source: first.id.source(),
            next_id: first.id.to_bits() as i64,
            last_created: first.created.as_nanos() as i64,
            next_sequence: chunk.stamp.map_or(0, |stamp| i64::from(stamp.sequence())),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.producer, self.source) == (other.producer, other.source)
    }
}

#[derive(Default)]
struct Freezer {
    columns: Columns,
    writers: Vec<Writer>,
    /// Where a key stands in its column.
    keys: BTreeMap<i64, i64>,
    leader_epoch: i64,
}

impl Freezer {
    fn add(&mut self, chunk: &Chunk) {
        let index = self.writer_of(chunk);
        let batch = &chunk.batch;
        let columns = &mut self.columns;
        columns.records.push(i64::from(batch.len()));
        columns.writer.push(index as i64);
        columns.leader_epoch.push(i64::from(chunk.leader_epoch) - self.leader_epoch);
        self.leader_epoch = i64::from(chunk.leader_epoch);
        let sequence = chunk.stamp.map_or(0, |stamp| i64::from(stamp.sequence()));
        columns.sequence.push(sequence - self.writers[index].next_sequence);
        self.writers[index].next_sequence = sequence + i64::from(chunk.stamp.map_or(0, |_| batch.len()));
        columns.appended.push(chunk.appended.as_millis() as i64 - last_created(batch.records()));
        columns.overhead.push(i64::from(batch.bytes()) - content(batch.records()));
        batch.records().iter().for_each(|record| self.add_record(index, record));
    }

    fn writer_of(&mut self, chunk: &Chunk) -> usize {
        let writer = Writer::of(chunk);
        let known = self.writers.iter().position(|known| known.is_same(&writer));
        known.unwrap_or_else(|| {
            self.columns.add_writer(&writer);
            self.writers.push(writer);
            self.writers.len() - 1
        })
    }

    fn add_record(&mut self, writer: usize, record: &Record) {
        let (writer, columns) = (&mut self.writers[writer], &mut self.columns);
        let (id, created) = (record.id.to_bits() as i64, record.created.as_nanos() as i64);
        columns.id.push(id.wrapping_sub(writer.next_id));
        columns.created.push(created.wrapping_sub(writer.last_created));
        (writer.next_id, writer.last_created) = (id.wrapping_add(1), created);
        let bytes = i64::from(record.bytes());
        // Poison is rare: it takes the sign.
        columns.size.push(if record.is_poison() { !bytes } else { bytes });
        let key = key_to_number(record.key_hash());
        let index = *self.keys.entry(key).or_insert(columns.keys.len() as i64);
        columns.key.push(index);
        if index == columns.keys.len() as i64 {
            columns.keys.push(key);
        }
    }
}

struct Thawer {
    columns: Columns,
    writers: Vec<Writer>,
    /// The next record's index.
    record: usize,
    /// The next record's offset.
    offset: u64,
    leader_epoch: i64,
}

impl Thawer {
    fn chunk(&mut self, index: usize) -> Chunk {
        let writer = self.columns.writer[index] as usize;
        let count = self.columns.records[index];
        let records: Vec<_> = (0..count).map(|_| self.record(writer)).collect();
        let bytes = self.columns.overhead[index] + content(&records);
        let appended = self.columns.appended[index] + last_created(&records);
        self.leader_epoch += self.columns.leader_epoch[index];
        let offset = self.offset;
        self.offset += count as u64;
        Chunk {
            offset,
            leader_epoch: self.leader_epoch as u32,
            appended: Time::from_millis(appended as u64),
            stamp: self.stamp(index, writer, count),
            batch: Batch::new(records, Vec::new(), bytes as u32),
        }
    }

    fn stamp(&mut self, index: usize, writer: usize, records: i64) -> Option<Stamp> {
        let writer = &mut self.writers[writer];
        let producer = writer.producer?;
        let sequence = writer.next_sequence + self.columns.sequence[index];
        writer.next_sequence = sequence + records;
        Some(Stamp::new(producer, sequence as u32))
    }

    fn record(&mut self, writer: usize) -> Record {
        let (writer, columns, index) = (&mut self.writers[writer], &self.columns, self.record);
        let id = writer.next_id.wrapping_add(columns.id[index]);
        let created = writer.last_created.wrapping_add(columns.created[index]);
        (writer.next_id, writer.last_created) = (id.wrapping_add(1), created);
        self.record += 1;
        let key = key_from_number(columns.keys[columns.key[index] as usize]);
        let created = Time::from_nanos(created as u64);
        let size = columns.size[index];
        let bytes = if size < 0 { !size } else { size };
        let record = Record::new(RecordId::from_bits(id as u64), created, key, bytes as u32);
        if size < 0 { record.poisoned() } else { record }
    }
}

/// Milliseconds.
fn last_created(records: &[Record]) -> i64 {
    records.last().map_or(0, |record| record.created.as_millis() as i64)
}

fn content(records: &[Record]) -> i64 {
    records.iter().map(|record| i64::from(record.bytes())).sum()
}

const NO_KEY: i64 = 1 << 32;

fn key_to_number(hash: Option<i32>) -> i64 {
    hash.map_or(NO_KEY, i64::from)
}

fn key_from_number(number: i64) -> Option<i32> {
    (number != NO_KEY).then_some(number as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Duration, Rng};

    fn thawed_like(chunk: &Chunk) -> Chunk {
        let batch = Batch::new(chunk.batch.records().to_vec(), Vec::new(), chunk.batch.bytes());
        Chunk { appended: Time::from_millis(chunk.appended.as_millis()), batch, ..chunk.clone() }
    }

    fn assert_comes_back(chunks: &[Chunk]) -> Frozen {
        let frozen = Frozen::freeze(chunks);
        let thawed = frozen.thaw();
        assert_eq!(thawed.len(), chunks.len());
        for (thawed, chunk) in thawed.iter().zip(chunks) {
            assert_eq!(format!("{thawed:?}"), format!("{:?}", thawed_like(chunk)));
        }
        frozen
    }

    /// Consecutive ids, Poisson arrivals of 2,000 records/s, sizes of 80 to 120 bytes, no keys.
    fn steady(rng: &mut Rng, count: u64, batch_of: u64) -> Vec<Chunk> {
        let mut created = Time::from_secs(100);
        let mut record = |rng: &mut Rng, i: u64| {
            created += Duration::from_nanos((rng.exponential() * 500_000.0) as u64);
            Record::new(RecordId::new(3, i), created, None, 80 + rng.below(41) as u32)
        };
        let mut chunk = |rng: &mut Rng, number: u64| {
            let first = number * batch_of;
            let records: Vec<_> = (first..first + batch_of).map(|i| record(rng, i)).collect();
            let appended =
                records[records.len() - 1].created + Duration::from_micros(5_000 + rng.below(2_000));
            let bytes = 70 + records.iter().map(|record| record.bytes()).sum::<u32>();
            let stamp = Some(Stamp::new(Producer { id: 7, epoch: 0 }, first as u32));
            Chunk {
                offset: first,
                leader_epoch: 4,
                appended,
                stamp,
                batch: Batch::new(records, Vec::new(), bytes),
            }
        };
        (0..count / batch_of).map(|number| chunk(rng, number)).collect()
    }

    fn bytes_per_record(batch_of: u64) -> f64 {
        let chunks = steady(&mut Rng::named(1, "frozen"), 1_024, batch_of);
        let memory = assert_comes_back(&chunks).memory() as f64 / 1_024.0;
        println!("{batch_of} records a batch: {memory:.2} bytes a record");
        memory
    }

    #[test]
    fn a_record_of_a_steady_stream_takes_less_than_four_bytes() {
        assert!(bytes_per_record(16) < 4.0);
        // One record a batch also pays for the batch's own facts.
        assert!(bytes_per_record(1) < 5.0);
    }

    #[test]
    fn what_is_random_comes_back_too() {
        let mut rng = Rng::named(2, "frozen");
        for _ in 0..50 {
            let chunks = wild(&mut rng);
            assert_comes_back(&chunks);
        }
    }

    fn wild(rng: &mut Rng) -> Vec<Chunk> {
        let mut offset = rng.below(1 << 40);
        let mut epoch = 0;
        let mut chunk = |rng: &mut Rng| {
            let records: Vec<_> = (0..1 + rng.below(5)).map(|_| wild_record(rng)).collect();
            epoch += rng.below(2) as u32;
            let producer = Producer { id: rng.below(3), epoch: rng.below(2) as u16 };
            let stamp = rng.chance(0.5).then(|| Stamp::new(producer, rng.below(1 << 31) as u32));
            let batch = Batch::new(records, Vec::new(), rng.bits() as u32);
            let appended = Time::from_nanos(rng.below(1 << 60));
            let chunk = Chunk { offset, leader_epoch: epoch, appended, stamp, batch };
            offset = chunk.end();
            chunk
        };
        (0..1 + rng.below(30)).map(|_| chunk(rng)).collect()
    }

    fn wild_record(rng: &mut Rng) -> Record {
        let id = RecordId::new(rng.below(4) as u32, rng.below(1 << 40));
        let key = rng.chance(0.7).then(|| rng.below(5) as i32 - 2);
        Record::new(id, Time::from_nanos(rng.bits() >> 1), key, rng.below(1 << 30) as u32)
    }
}
