//! Which partition a record goes to: by its key, or to the topic's sticky partition (KIP-794).
//!
//! **Not modelled:** load statistics are taken anew once for every few batches (a sixteenth of the topic's
//! partitions), where Kafka takes them in every round of its sender: the cost of a record then does not
//! depend on the number of partitions.

use super::accumulator::Accumulator;
use crate::kafka::partitioner::{StickyPartitioner, TopicPartitions};
use crate::kernel::Rng;
use crate::trace::{ChannelId, PlaceId, Record};
use crate::wire::kafka::Image;

/// The topics, by channel.
#[derive(Clone, Debug)]
pub struct Topics {
    topics: Vec<Topic>,
    ignore_keys: bool,
    adaptive: bool,
    /// Kept to be filled again.
    loads: Vec<(u32, u32)>,
}

#[derive(Clone, Debug)]
struct Topic {
    first: u32,
    /// As metadata told last.
    partitions: u32,
    most: u32,
    sticky: StickyPartitioner,
    /// Partitions with a leader, ascending.
    available: Vec<u32>,
    /// Kafka looks at the load only when it has had a batch for every partition.
    used: Vec<bool>,
    unused: u32,
    batches_since_load: u32,
}

impl Topic {
    fn use_partition(&mut self, partition: u32) {
        if !std::mem::replace(&mut self.used[partition as usize], true) {
            self.unused -= 1;
        }
    }

    /// `updatePartitionInfo`: counts what went to the sticky partition, and perhaps leaves it.
    fn count(&mut self, bytes: u32, enable_switch: bool, rng: &mut Rng) {
        let Self { sticky, available, partitions, .. } = self;
        let parts = TopicPartitions { all: *partitions, available };
        sticky.appended(bytes, enable_switch, parts, || rng.bits() as u32);
    }
}

impl Topics {
    /// Topics by first partition and number of partitions, none of them with a leader yet.
    pub fn new(topics: &[super::Topic], batch_size: u32, adaptive: bool, ignore_keys: bool) -> Self {
        let topic = |&super::Topic { first, partitions, most }: &super::Topic| Topic {
            first: first.0,
            partitions,
            most,
            sticky: StickyPartitioner::new(batch_size.max(1)),
            available: Vec::new(),
            used: vec![false; partitions as usize],
            unused: partitions,
            batches_since_load: 0,
        };
        Self { topics: topics.iter().map(topic).collect(), ignore_keys, adaptive, loads: Vec::new() }
    }

    /// The partition for a record.
    #[inline]
    pub fn choose(
        &mut self,
        channel: ChannelId,
        record: &Record,
        accumulator: &Accumulator,
        excluded: impl Fn(PlaceId) -> bool,
        rng: &mut Rng,
    ) -> PlaceId {
        let topic = &mut self.topics[channel.index()];
        if let Some(hash) = record.key_hash()
            && !self.ignore_keys
        {
            return PlaceId(topic.first + (hash as u32 & 0x7fff_ffff) % topic.partitions);
        }
        let parts = TopicPartitions { all: topic.partitions, available: &topic.available };
        let partition = topic.sticky.partition(parts, || rng.bits() as u32);
        let place = PlaceId(topic.first + partition);
        if !accumulator.all_full(place) {
            return place;
        }
        self.weigh(channel, accumulator, excluded);
        let topic = &mut self.topics[channel.index()];
        // A switch that an incomplete batch held up is made up for now (`partitionChanged`).
        topic.count(0, true, rng);
        let parts = TopicPartitions { all: topic.partitions, available: &topic.available };
        PlaceId(topic.first + topic.sticky.partition(parts, || rng.bits() as u32))
    }

    /// A record was appended; `filled` when its partition has no batch any more that takes records.
    #[inline]
    pub fn appended(
        &mut self,
        channel: ChannelId,
        place: PlaceId,
        record: &Record,
        bytes: u32,
        filled: bool,
        rng: &mut Rng,
    ) {
        let topic = &mut self.topics[channel.index()];
        if self.adaptive && topic.unused > 0 {
            topic.use_partition(place.0 - topic.first);
        }
        if record.key_hash().is_none() || self.ignore_keys {
            topic.count(bytes, filled, rng);
        }
    }

    /// Takes the lengths of the queues, when it is time to (`updatePartitionLoadStats`).
    fn weigh(&mut self, channel: ChannelId, accumulator: &Accumulator, excluded: impl Fn(PlaceId) -> bool) {
        let topic = &mut self.topics[channel.index()];
        topic.batches_since_load += 1;
        if !self.adaptive || topic.unused > 0 || topic.batches_since_load * 16 < topic.partitions {
            return;
        }
        topic.batches_since_load = 0;
        self.loads.clear();
        for &partition in &topic.available {
            let place = PlaceId(topic.first + partition);
            let queued = accumulator.queued(place);
            if queued == 0 || !excluded(place) {
                self.loads.push((partition, queued));
            }
        }
        topic.sticky.update_load(&self.loads, topic.partitions as usize);
    }

    /// Takes in how many partitions topics have now; true when one has more. Keys are spread over all of them
    /// from now on: a key may go elsewhere than before (oracle 13, row 25).
    pub fn grow(&mut self, image: &Image) -> bool {
        let mut grown = false;
        for topic in &mut self.topics {
            let now = image.partitions_of(PlaceId(topic.first), topic.most);
            if now > topic.partitions {
                topic.unused += now - topic.partitions;
                topic.used.resize(now as usize, false);
                topic.partitions = now;
                grown = true;
            }
        }
        grown
    }

    /// Leaders are known anew: which partitions have one.
    pub fn set_available(&mut self, has_leader: impl Fn(PlaceId) -> bool) {
        for topic in &mut self.topics {
            topic.available.clear();
            let first = topic.first;
            let led = (0..topic.partitions).filter(|partition| has_leader(PlaceId(first + partition)));
            topic.available.extend(led);
        }
    }
}
