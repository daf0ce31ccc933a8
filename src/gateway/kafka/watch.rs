//! The watch over a real cluster: leaders and in-sync sets from metadata, high watermarks, brokers that are gone.
//!
//! It also reads what nobody else does: offsets of which neither a producer nor a consumer told what lies there
//! (acks=0, records that were given up and arrived all the same), and, when a run ends, logs whose leader changed.
//!
//! **Not modelled:** leader epochs are counted by the changes that were seen, a few times a second.

#![expect(clippy::disallowed_types, reason = "it watches in real time")]

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::metadata::{Metadata, MetadataPartition};

use crate::gateway::seat::Shared;
use crate::host::Door;
use crate::kernel::ActorId;
use crate::trace::kafka::{BrokerId, Kafka};
use crate::trace::{ChannelId, GroupId, Life, PlaceId};
use crate::wire::Brokersim;
use crate::wire::kafka::{Image, Partition};

use super::actors::Order;
use super::admin::Admin;
use super::books::Books;
use super::consumer::{committed, record_of};
use super::member::offsets_of;
use super::names::Names;
use super::notes::Notes;

/// What the watch is told before it begins.
pub struct Setup {
    /// In whose name it tells.
    pub me: ActorId,
    /// The number of the run, for headers.
    pub run: u32,
    /// The connection's properties.
    pub config: ClientConfig,
    /// Names on the cluster.
    pub names: Arc<Names>,
    /// Where it is written down what is stored.
    pub books: Arc<Books>,
    /// What there is to say at the end.
    pub notes: Arc<Notes>,
    /// What brokers' seats know.
    pub view: Shared,
    /// Whether records may be promised that are not below the high watermark (acks=1, acks=0).
    pub may_lose: bool,
    /// The way back.
    pub door: Door<Brokersim>,
}

/// How often it looks.
const EVERY: Duration = Duration::from_millis(250);
/// How long one question takes at most.
const ASK: Duration = Duration::from_secs(2);
/// Offsets that nobody has told of for so long are read.
const OPEN_FOR: Duration = Duration::from_millis(750);
/// How long the end of a run takes at most.
const CLOSING: Duration = Duration::from_secs(10);

/// The watch.
pub(super) struct Watch {
    setup: Setup,
    client: BaseConsumer,
    admin: Option<Admin>,
    partitions: Vec<Partition>,
    alive: Vec<BrokerId>,
    version: u64,
    /// By place: since when something is open there, and up to where.
    open: Vec<Option<(Instant, u64)>>,
}

impl Watch {
    /// # Errors
    /// When librdkafka does not take the properties.
    pub(super) fn new(setup: Setup) -> Result<Self, KafkaError> {
        let client = auditor(&setup)?;
        let places = setup.names.stage().places() as usize;
        let admin = Admin::new(&setup.config).ok();
        let alive = (1..=setup.names.brokers()).map(BrokerId).collect();
        let partitions = vec![Partition::to_come(); places];
        Ok(Self { setup, client, admin, partitions, alive, version: 0, open: vec![None; places] })
    }

    /// Watches until the run is over.
    pub(super) fn run(mut self, orders: &Receiver<Order>, closed: &Sender<()>) {
        loop {
            self.look();
            match orders.recv_timeout(EVERY) {
                Ok(Order::CreatePartitions { first, count }) => self.grow(first, count),
                Ok(Order::CloseBooks) => {
                    self.close_books();
                    let _ = closed.send(());
                }
                Ok(Order::End) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn tell(&self, fact: impl Into<crate::trace::Fact>) {
        self.setup.door.emit(self.setup.me, fact);
    }

    /// Asks for metadata and watermarks once.
    fn look(&mut self) {
        let channels: Vec<_> = self.setup.names.channels().collect();
        let mut changed = false;
        for channel in channels {
            let topic = self.setup.names.topic(channel);
            match self.client.fetch_metadata(Some(&topic), ASK) {
                Ok(metadata) => changed |= self.learn(channel, &metadata),
                Err(error) => self.setup.notes.complain("watch", &error, "metadata"),
            }
            self.look_at_ends(channel);
        }
        if changed {
            self.publish();
        }
    }

    fn learn(&mut self, channel: ChannelId, metadata: &Metadata) -> bool {
        let mut changed = self.learn_brokers(metadata);
        let Some(topic) = metadata.topics().first() else { return changed };
        self.setup.names.set_partitions(channel, topic.partitions().len() as u32);
        for partition in topic.partitions() {
            if let Some(place) = self.setup.names.place(channel, partition.id()) {
                changed |= self.learn_partition(place, partition);
            }
        }
        changed
    }

    fn learn_brokers(&mut self, metadata: &Metadata) -> bool {
        let ids = metadata.brokers().iter().filter_map(|broker| self.setup.names.broker(broker.id()));
        let mut alive: Vec<_> = ids.collect();
        alive.sort_unstable();
        if alive == self.alive || alive.is_empty() {
            return false;
        }
        for gone in self.alive.iter().filter(|broker| !alive.contains(broker)) {
            self.tell(Kafka::Fenced { broker: *gone });
        }
        for back in alive.iter().filter(|broker| !self.alive.contains(broker)) {
            self.tell(Kafka::Unfenced { broker: *back });
        }
        self.alive = alive;
        true
    }

    fn learn_partition(&mut self, place: PlaceId, told: &MetadataPartition) -> bool {
        let numbers = |ids: &[i32]| -> Arc<[BrokerId]> {
            ids.iter().filter_map(|id| self.setup.names.broker(*id)).collect()
        };
        let (leader, isr, replicas) =
            (self.setup.names.broker(told.leader()), numbers(told.isr()), numbers(told.replicas()));
        let known = &mut self.partitions[place.index()];
        let led_anew = known.leader != leader && known.exists();
        if known.leader == leader && known.isr == isr && known.replicas == replicas {
            return false;
        }
        known.leader_epoch += u32::from(led_anew && leader.is_some());
        known.partition_epoch += 1;
        (known.leader, known.isr, known.replicas) = (leader, Arc::clone(&isr), replicas);
        let (leader_epoch, partition_epoch) = (known.leader_epoch, known.partition_epoch);
        let (unclean, elr) = (false, Arc::default());
        self.tell(Kafka::PartitionChanged {
            place,
            leader,
            unclean,
            leader_epoch,
            partition_epoch,
            isr,
            elr,
        });
        if led_anew {
            self.setup.books.led_anew(place);
        }
        true
    }

    fn publish(&mut self) {
        self.version += 1;
        let image = Image {
            version: self.version,
            epochs: vec![0; self.alive.len()],
            alive: self.alive.clone(),
            partitions: self.partitions.clone(),
        };
        let coordinators = self.coordinators();
        let mut view = self.setup.view.lock().expect("nobody panics with the view in hand");
        (view.image, view.coordinators) = (Arc::new(image), coordinators);
    }

    /// A group is coordinated by the leader of its partition of the offsets topic.
    fn coordinators(&self) -> Vec<Option<BrokerId>> {
        let metadata = self.client.fetch_metadata(Some("__consumer_offsets"), ASK).ok();
        let partitions = metadata.as_ref().and_then(|metadata| metadata.topics().first());
        let groups = self.setup.names.stage().groups.len() as u32;
        let leader = |group| {
            let partitions = partitions?.partitions();
            let number = offsets_partition(&self.setup.names.group(GroupId(group)), partitions.len() as u32)?;
            let its = partitions.iter().find(|partition| partition.id() == number as i32)?;
            self.setup.names.broker(its.leader())
        };
        (0..groups).map(leader).collect()
    }

    fn look_at_ends(&mut self, channel: ChannelId) {
        for partition in 0..self.setup.names.partitions(channel) as i32 {
            let Some(place) = self.setup.names.place(channel, partition) else { continue };
            // Without a leader there is nobody to ask, and everybody else waits for the answer.
            let is_led = self.partitions[place.index()].leader.is_some();
            let Some(high) = is_led.then(|| self.high(place)).flatten() else { continue };
            self.setup.books.watermark(place, high);
            self.look_at_open(place, high);
        }
    }

    fn high(&self, place: PlaceId) -> Option<u64> {
        let (channel, partition) = self.setup.names.partition(place);
        let topic = self.setup.names.topic(channel);
        let ends = self.client.fetch_watermarks(&topic, partition, ASK);
        ends.ok().and_then(|(_, high)| u64::try_from(high).ok())
    }

    /// Reads what has been open for a while: whoever was to tell of it does not.
    fn look_at_open(&mut self, place: PlaceId, high: u64) {
        let end = self.setup.books.end(place);
        let since = &mut self.open[place.index()];
        match *since {
            _ if end >= high => *since = None,
            Some((then, at)) if at == end && then.elapsed() >= OPEN_FOR => {
                *since = None;
                self.read(place, end, high, Instant::now() + ASK);
            }
            Some((_, at)) if at == end => {}
            Some(_) | None => *since = Some((Instant::now(), end)),
        }
    }

    /// Reads offsets for the books.
    fn read(&self, place: PlaceId, from: u64, to: u64, deadline: Instant) {
        let list = offsets_of(&self.setup.names, [(place, Some(from))]);
        if let Err(error) = self.client.assign(&list) {
            return self.setup.notes.complain("watch", &error, "reading what is open");
        }
        let mut next = from;
        while next < to && Instant::now() < deadline {
            let mut entries = Vec::new();
            let mut patience = Duration::from_millis(100);
            while let Some(Ok(message)) = self.client.poll(patience) {
                let offset = u64::try_from(message.offset()).expect("what is read has an offset");
                entries.push((offset, record_of(self.setup.run, &message).map(|(record, _)| record)));
                next = offset + 1;
                patience = Duration::ZERO;
                if next >= to || entries.len() >= 10_000 {
                    break;
                }
            }
            self.setup.books.read(place, entries);
        }
        let _ = self.client.unassign();
    }

    /// Everybody has stopped writing: what is open is read, and logs that lost their tail are cut.
    fn close_books(&mut self) {
        let deadline = Instant::now() + CLOSING;
        self.look();
        let names = Arc::clone(&self.setup.names);
        for channel in names.channels() {
            for partition in 0..names.partitions(channel) as i32 {
                if let Some(place) = names.place(channel, partition) {
                    self.close_book(place, deadline);
                }
            }
        }
        for group in 0..names.stage().groups.len() as u32 {
            self.ask_what_is_committed(GroupId(group));
        }
    }

    fn close_book(&self, place: PlaceId, deadline: Instant) {
        let books = &self.setup.books;
        let Some(mut high) = self.high(place) else { return };
        // A new leader's high watermark follows when its followers have caught up.
        while high < books.end(place) && Instant::now() < deadline {
            std::thread::park_timeout(EVERY);
            high = self.high(place).unwrap_or(high);
        }
        if let Some(from) = books.open_below(place, high) {
            self.read(place, from, high, deadline);
        }
        books.watermark(place, high);
        if self.setup.may_lose {
            books.ends(place, high);
        }
    }

    /// A commit whose answer was lost may have been kept.
    fn ask_what_is_committed(&self, group: GroupId) {
        let names = &self.setup.names;
        let reads = &names.stage().groups[group.index()].reads;
        let places = reads.iter().flat_map(|channel| {
            (0..names.partitions(*channel) as i32).filter_map(|partition| names.place(*channel, partition))
        });
        let places: Vec<_> = places.collect();
        let mut config = self.setup.config.clone();
        config.set("group.id", names.group(group));
        match committed(&config, names, &places) {
            Ok(offsets) => {
                for (place, upto) in offsets {
                    self.tell(Life::Settled { group, place, upto });
                }
            }
            Err(error) => self.setup.notes.complain("watch", &error, "what groups have committed"),
        }
    }

    fn grow(&mut self, first: PlaceId, count: u32) {
        let (channel, _) = self.setup.names.partition(first);
        let topic = self.setup.names.topic(channel);
        let grown = self.admin.as_ref().map(|admin| admin.grow(&topic, count));
        if let Some(Err(error)) = grown {
            self.setup.notes.complain("watch", &error, &format!("{topic} does not get {count} partitions"));
        }
    }
}

/// A client that reads by offset, and joins no group.
fn auditor(setup: &Setup) -> Result<BaseConsumer, KafkaError> {
    let mut config = setup.config.clone();
    config
        .set("group.id", format!("brokersim-watch-{:08x}", setup.run))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_uncommitted")
        .set("auto.offset.reset", "earliest");
    config.create()
}

/// Where a group's offsets lie: Java's `String.hashCode()`, by the number of partitions.
fn offsets_partition(group: &str, partitions: u32) -> Option<u32> {
    let add = |hash: i32, unit: u16| hash.wrapping_mul(31).wrapping_add(i32::from(unit));
    let hash = group.encode_utf16().fold(0, add);
    // Utils.abs: the smallest number is its own negative.
    let hash = if hash == i32::MIN { 0 } else { hash.unsigned_abs() };
    hash.checked_rem(partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_offsets_lie_where_kafka_puts_them() {
        // "billing".hashCode() is -109829509 in Java.
        assert_eq!(offsets_partition("billing", 50), Some(109_829_509 % 50));
        assert_eq!(offsets_partition("", 50), Some(0));
        assert_eq!(offsets_partition("billing", 0), None);
    }
}
