//! The classic group coordinator of a broker, as a plain value that the broker hosts.

mod records;

use std::sync::Arc;

use crate::kafka::config::BrokerConfig;
use crate::kernel::Time;
use crate::trace::kafka::{ErrorCode, Kafka};
use crate::trace::{ChannelId, GroupId, PlaceId, Stage};
use crate::wire::kafka::{Request, Response};

pub use records::{GroupMetadata, MemberMetadata, OffsetsRecord};

/// A write to the offsets topic that the coordinator waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What the coordinator asks of the broker that hosts it, in the order in which it is to happen.
#[derive(Clone, Debug)]
pub enum Output<R> {
    /// Answer this request.
    Answer(R, Response),
    /// Tell the observers.
    Fact(Kafka),
    /// Append these records to this partition of the offsets topic, and call [`Coordinator::appended`] when
    /// they are replicated (acks=all), or cannot be, or `offset.commit.timeout.ms` has passed.
    Append {
        /// Where.
        place: PlaceId,
        /// To tell the write by.
        ticket: Ticket,
        /// What.
        records: Vec<OffsetsRecord>,
    },
}

/// All groups that one broker coordinates. `R` tells the broker which request an answer is for.
#[derive(Clone, Debug)]
pub struct Coordinator<R> {
    waiting: Vec<R>,
}

impl<R: Copy> Coordinator<R> {
    /// A coordinator that coordinates nothing yet. `offsets` is the channel of `__consumer_offsets`.
    pub fn new(config: Arc<BrokerConfig>, stage: Arc<Stage>, offsets: ChannelId) -> Self {
        let _ = (config, stage, offsets);
        Self { waiting: Vec::new() }
    }

    /// The broker has become leader of a partition of the offsets topic in this epoch. Until
    /// [`Self::load`], requests about its groups are answered `COORDINATOR_LOAD_IN_PROGRESS`.
    pub fn lead(&mut self, place: PlaceId, leader_epoch: u32) {
        let _ = (place, leader_epoch);
        todo!()
    }

    /// The records of the partition, oldest first, have been read: its groups live here from now on.
    /// All members get a whole session timeout to be heard of.
    pub fn load<'a>(
        &mut self,
        now: Time,
        place: PlaceId,
        records: impl IntoIterator<Item = &'a OffsetsRecord>,
    ) -> Vec<Output<R>> {
        let _ = (now, place, records.into_iter().count());
        todo!()
    }

    /// The broker does not lead the partition any more: its groups are forgotten and those who wait are
    /// answered `NOT_COORDINATOR`.
    pub fn resign(&mut self, place: PlaceId) -> Vec<Output<R>> {
        let _ = place;
        todo!()
    }

    /// Takes a request about a group: JoinGroup, SyncGroup, Heartbeat, LeaveGroup, OffsetCommit,
    /// OffsetFetch. The answer comes at once or later, exactly once.
    ///
    /// # Panics
    /// When the request is none of these.
    pub fn handle(&mut self, now: Time, from: R, request: &Request) -> Vec<Output<R>> {
        let _ = (now, from, request);
        todo!()
    }

    /// A write that was asked for by [`Output::Append`] is replicated, or failed. Unknown tickets (from
    /// before [`Self::resign`]) are ignored.
    pub fn appended(&mut self, now: Time, ticket: Ticket, result: Result<(), ErrorCode>) -> Vec<Output<R>> {
        let _ = (now, ticket, result);
        todo!()
    }

    /// When [`Self::expire`] wants to be called next.
    pub fn next_deadline(&self) -> Option<Time> {
        self.waiting.is_empty().then_some(Time::NEVER)
    }

    /// Does what is due at `now`.
    pub fn expire(&mut self, now: Time) -> Vec<Output<R>> {
        let _ = now;
        todo!()
    }

    /// The partition of the offsets topic that keeps a group: `abs(hash(name)) % partitions`. Its leader is
    /// the group's coordinator.
    pub fn home(&self, group: GroupId) -> PlaceId {
        let _ = group;
        todo!()
    }

    /// The groups and offsets of a partition as the fewest records from which [`Self::load`] makes them.
    pub fn snapshot(&self, place: PlaceId) -> Vec<OffsetsRecord> {
        let _ = place;
        todo!()
    }
}
