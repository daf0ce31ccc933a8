//! Which partition a record goes to: the hash of its key, or the sticky partition when it has none.
//!
//! **Invariant.** A key's partition depends on its bytes and the number of *all* the topic's partitions,
//! with or without a leader; a record without a key goes to a partition that has a leader whenever one has.
//! Nothing here allocates once per record: load statistics reuse their buffers.
//!
//! Not modelled: a custom partitioner class.

/// The hash of a key, as Java's `Utils.murmur2` computes it: 32-bit MurmurHash2, seed `0x9747b28c`, signed.
pub fn murmur2(key: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const MULTIPLIER: u32 = 0x5bd1_e995;
    // The reference keeps the length in an `int`; a record's key is far shorter than 2 GiB.
    let mut hash = SEED ^ key.len() as u32;
    let words = key.chunks_exact(4);
    let tail = words.remainder();
    for word in words {
        let mut mixed = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed.wrapping_mul(MULTIPLIER);
    }
    if !tail.is_empty() {
        let last = tail.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        hash = (hash ^ last).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(MULTIPLIER);
    (hash ^ hash >> 15) as i32
}

/// The partition of a record with this key: the hash with its sign bit cleared, modulo `partitions`.
///
/// `partitions` counts all of the topic's partitions, also those without a leader.
///
/// # Panics
/// When `partitions` is zero.
#[inline]
pub fn partition_for_key(key: &[u8], partitions: u32) -> u32 {
    assert!(partitions > 0, "a topic has at least one partition");
    to_positive(murmur2(key) as u32) % partitions
}

/// Clears the sign bit, as Java's `Utils.toPositive` does (which is not the absolute value).
#[inline]
fn to_positive(bits: u32) -> u32 {
    bits & 0x7fff_ffff
}

/// What the producer knows of a topic's partitions when it picks one.
#[derive(Clone, Copy, Debug)]
pub struct TopicPartitions<'a> {
    /// How many partitions the topic has; at least one.
    pub all: u32,
    /// Those that have a leader, in ascending order.
    pub available: &'a [u32],
}

/// The partitioner for records without a key, one for each producer and topic: it fills one partition
/// with about a batch before it picks the next (KIP-480), in uniform or adaptive fashion (KIP-794).
///
/// The random source yields any 32 bits; the sign bit is cleared as in the reference.
#[derive(Clone, Debug)]
pub struct StickyPartitioner {
    batch_size_bytes: u64,
    current: Option<u32>,
    produced_bytes: u64,
    load: Load,
}

impl StickyPartitioner {
    /// A partitioner that moves on after about `batch_size_bytes`.
    ///
    /// # Panics
    /// When `batch_size_bytes` is zero (the producer turns `batch.size=0` into 1).
    pub fn new(batch_size_bytes: u32) -> Self {
        assert!(batch_size_bytes > 0, "the sticky batch size is at least one byte");
        Self {
            batch_size_bytes: u64::from(batch_size_bytes),
            current: None,
            produced_bytes: 0,
            load: Load::default(),
        }
    }

    /// The partition for the next record; picked now if there is none yet.
    #[inline]
    pub fn partition(&mut self, topic: TopicPartitions<'_>, random: impl FnMut() -> u32) -> u32 {
        match self.current {
            Some(partition) => partition,
            None => self.switch(topic, random),
        }
    }

    /// Counts `bytes` appended to the current partition, and moves to another one when it has had enough:
    /// a batch's worth if `enable_switch`, two if not. True when it moved.
    ///
    /// `enable_switch` is false while the current batch is incomplete, so that a batch which is not full
    /// is not abandoned when linger runs out.
    ///
    /// # Panics
    /// When no partition has been picked yet.
    #[inline]
    pub fn appended(
        &mut self,
        bytes: u32,
        enable_switch: bool,
        topic: TopicPartitions<'_>,
        random: impl FnMut() -> u32,
    ) -> bool {
        assert!(self.current.is_some(), "bytes are appended to a partition that was picked");
        self.produced_bytes += u64::from(bytes);
        let enough = if enable_switch { self.batch_size_bytes } else { self.batch_size_bytes * 2 };
        let moves = self.produced_bytes >= enough;
        if moves {
            self.switch(topic, random);
        }
        moves
    }

    /// Takes in how many batches wait for each usable partition, so that the next pick favours short
    /// queues. `queues` lists (partition, batches) of those that have a leader and are not excluded by
    /// `partitioner.availability.timeout.ms`; `all` is the number of queues there are.
    ///
    /// Picks become uniform again when there are no usable partitions, fewer than two in all, or all
    /// queues are alike and none is excluded.
    pub fn update_load(&mut self, queues: &[(u32, u32)], all: usize) {
        self.load.rebuild(queues, all);
    }

    /// Forgets the queues: picks are uniform (`partitioner.adaptive.partitioning.enable=false`).
    pub fn clear_load(&mut self) {
        self.load.clear();
    }

    /// One more than the largest number that tells partitions apart in the adaptive mode, or `None` when
    /// picks are uniform.
    pub fn load_range_end(&self) -> Option<u32> {
        self.load.cumulative.last().copied()
    }

    fn switch(&mut self, topic: TopicPartitions<'_>, mut random: impl FnMut() -> u32) -> u32 {
        let next = self.pick(topic, to_positive(random()));
        self.current = Some(next);
        self.produced_bytes = 0;
        next
    }

    fn pick(&self, topic: TopicPartitions<'_>, random: u32) -> u32 {
        assert!(topic.all > 0, "a topic has at least one partition");
        if let Some(partition) = self.load.pick(random) {
            return partition;
        }
        match topic.available.len() {
            0 => random % topic.all,
            available => topic.available[random as usize % available],
        }
    }
}

/// Queue lengths as a cumulative table: the shorter a partition's queue, the wider its share.
#[derive(Clone, Debug, Default)]
struct Load {
    cumulative: Vec<u32>,
    partitions: Vec<u32>,
}

impl Load {
    fn clear(&mut self) {
        self.cumulative.clear();
        self.partitions.clear();
    }

    fn rebuild(&mut self, queues: &[(u32, u32)], all: usize) {
        assert!(queues.len() <= all, "no more queues are usable than there are");
        self.clear();
        let Some(longest) = queues.iter().map(|queue| queue.1).max() else { return };
        let alike = queues.iter().all(|queue| queue.1 == longest);
        if all < 2 || alike && queues.len() == all {
            return;
        }
        let mut sum = 0_u32;
        for (partition, batches) in queues {
            sum += longest + 1 - batches;
            self.cumulative.push(sum);
            self.partitions.push(*partition);
        }
    }

    fn pick(&self, random: u32) -> Option<u32> {
        let end = self.cumulative.last()?;
        let point = random % end;
        Some(self.partitions[self.cumulative.partition_point(|sum| *sum <= point)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UtilsTest.testMurmur2`, and the empty key.
    const HASHES: [(&str, i32); 7] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
        ("", 275_646_681),
    ];

    #[test]
    fn murmur2_equals_the_reference_for_every_row() {
        for (key, hash) in HASHES {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
    }

    #[test]
    fn the_sign_bit_is_cleared_not_negated() {
        for (key, hash) in HASHES {
            let expected = (hash & 0x7fff_ffff) % 7;
            assert_eq!(partition_for_key(key.as_bytes(), 7), expected as u32, "{key}");
        }
        assert_ne!(partition_for_key(b"21", 7), 973_932_308 % 7);
    }

    #[test]
    #[should_panic = "at least one partition"]
    fn a_topic_without_partitions_has_no_partition_for_a_key() {
        partition_for_key(b"key", 0);
    }

    /// The random source of `BuiltInPartitionerTest`: 0, 1, 2, ...
    fn counter() -> impl FnMut() -> u32 {
        let mut next = 0;
        move || {
            next += 1;
            next - 1
        }
    }

    fn picks(
        partitioner: &mut StickyPartitioner,
        topic: TopicPartitions<'_>,
        random: &mut impl FnMut() -> u32,
        records: usize,
    ) -> Vec<u32> {
        let mut seen = Vec::new();
        for _ in 0..records {
            seen.push(partitioner.partition(topic, &mut *random));
            partitioner.appended(1, true, topic, &mut *random);
        }
        seen
    }

    #[test]
    fn a_partition_is_kept_for_exactly_one_batch() {
        let topic = TopicPartitions { all: 3, available: &[0, 1, 2] };
        let seen = picks(&mut StickyPartitioner::new(3), topic, &mut counter(), 4);
        assert_eq!(seen, [0, 0, 0, 1]);
    }

    #[test]
    fn a_topic_of_one_partition_always_gets_that_one() {
        let topic = TopicPartitions { all: 1, available: &[0] };
        let seen = picks(&mut StickyPartitioner::new(1), topic, &mut counter(), 10);
        assert_eq!(seen, [0; 10]);
    }

    #[test]
    fn a_partition_without_a_leader_is_never_picked_while_another_has_one() {
        let mut random = counter();
        let topic_a = TopicPartitions { all: 3, available: &[0, 2] };
        let seen = picks(&mut StickyPartitioner::new(1), topic_a, &mut random, 100);
        assert!(!seen.contains(&1) && seen.contains(&0) && seen.contains(&2));
        let topic_b = TopicPartitions { all: 2, available: &[1] };
        assert_eq!(picks(&mut StickyPartitioner::new(1), topic_b, &mut random, 101), [1; 101]);
    }

    #[test]
    fn without_any_leader_all_partitions_are_candidates() {
        let topic = TopicPartitions { all: 1, available: &[] };
        assert_eq!(StickyPartitioner::new(1).partition(topic, counter()), 0);
        let wide = TopicPartitions { all: 3, available: &[] };
        assert_eq!(picks(&mut StickyPartitioner::new(1), wide, &mut counter(), 4), [0, 1, 2, 0]);
    }

    #[test]
    fn adaptive_picks_are_in_proportion_to_the_room_in_the_queues() {
        let mut partitioner = StickyPartitioner::new(1);
        partitioner.update_load(&[(0, 5), (1, 0), (2, 3), (3, 0), (4, 1)], 5);
        assert_eq!(partitioner.load_range_end(), Some(21));
        let topic = TopicPartitions { all: 5, available: &[0, 1, 2, 3, 4] };
        let seen = picks(&mut partitioner, topic, &mut counter(), 42);
        let counts = [0, 1, 2, 3, 4].map(|partition| seen.iter().filter(|pick| **pick == partition).count());
        assert_eq!(counts, [2, 12, 6, 12, 10]);
    }

    #[test]
    fn queues_are_ignored_when_they_tell_nothing() {
        let row = |queues: &[(u32, u32)], all: usize, adaptive: bool| {
            let mut partitioner = StickyPartitioner::new(1);
            partitioner.update_load(queues, all);
            assert_eq!(partitioner.load_range_end().is_some(), adaptive, "{queues:?} of {all}");
            partitioner.clear_load();
            assert_eq!(partitioner.load_range_end(), None);
        };
        row(&[], 3, false);
        row(&[(0, 4)], 1, false);
        row(&[(0, 4), (1, 4)], 2, false);
        row(&[(0, 4), (2, 4)], 3, true);
        row(&[(2, 4)], 3, true);
        row(&[(0, 4), (1, 3)], 2, true);
    }

    #[test]
    fn an_incomplete_batch_holds_its_partition_until_twice_the_batch_size() {
        let topic = TopicPartitions { all: 3, available: &[0, 1, 2] };
        let (mut partitioner, mut random) = (StickyPartitioner::new(10), counter());
        partitioner.partition(topic, &mut random);
        assert!(!partitioner.appended(9, true, topic, &mut random));
        assert!(!partitioner.appended(10, false, topic, &mut random), "19 bytes");
        assert!(partitioner.appended(1, false, topic, &mut random), "20 bytes");
        assert!(!partitioner.appended(9, true, topic, &mut random));
        assert!(partitioner.appended(1, true, topic, &mut random), "10 bytes");
    }

    #[test]
    #[should_panic = "at least one byte"]
    fn a_sticky_batch_of_zero_bytes_is_refused() {
        StickyPartitioner::new(0);
    }

    #[test]
    fn a_sticky_batch_of_one_byte_is_legal() {
        StickyPartitioner::new(1);
    }
}
