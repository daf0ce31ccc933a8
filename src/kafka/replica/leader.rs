//! The leader's side of a partition.
use crate::kafka::log::Log;
use crate::kernel::{Duration, Time};
use crate::trace::kafka::{BrokerId, ErrorCode};
use crate::wire::kafka::{Acks, Partition};

/// How the controller sees a broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// In service.
    InService,
    /// It wants to go (controlled shutdown).
    ShuttingDown,
    /// Out of service.
    Fenced,
}

/// What a follower's fetch, an answer or the passing of time moved.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// The high watermark, when it advanced.
    pub high_watermark: Option<u64>,
    /// The in-sync set to ask the controller for (AlterPartition with [`Leader::leader_epoch`] and [`Leader::partition_epoch`]).
    pub ask: Option<Vec<BrokerId>>,
}

/// What became of an AlterPartition request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Altered {
    /// The controller's set holds; the high watermark when it advanced.
    Done(Option<u64>),
    /// The old set holds again.
    Reverted,
    /// Stays pending until metadata tell more.
    Waiting,
    /// Ask again for the same set.
    Again(Vec<BrokerId>),
}

/// The leader's side of a partition.
#[derive(Clone, Debug)]
pub struct Leader {}

impl Leader {
    /// Begins to lead: the epoch starts at the log's end. `alive`: brokers in service.
    pub fn new(
        _me: BrokerId,
        _partition: &Partition,
        _lag_max: Duration,
        _log: &mut Log,
        _now: Time,
    ) -> Self {
        todo!()
    }
    /// The controller changed the partition and this broker leads on (other ISR, other epoch). Ends a pending request.
    pub fn update(&mut self, _partition: &Partition, _log: &mut Log, _now: Time) -> Option<u64> {
        todo!()
    }
    /// The controller's view of a broker; `epoch` is its current incarnation, when it is known.
    pub fn set_standing(&mut self, _broker: BrokerId, _standing: Standing, _epoch: Option<u64>) {
        todo!()
    }
    /// After an append: the high watermark, when it advanced (a leader alone in its ISR).
    pub fn on_append(&mut self, _log: &mut Log, _now: Time) -> Option<u64> {
        todo!()
    }
    /// A follower fetches at `offset`: it has everything below.
    ///
    /// # Errors
    /// `NOT_LEADER_OR_FOLLOWER` from an older incarnation; `UNKNOWN_TOPIC_OR_PARTITION` from one that is no replica.
    pub fn on_follower_fetch(
        &mut self,
        _log: &mut Log,
        _from: BrokerId,
        _broker_epoch: u64,
        _offset: u64,
        _now: Time,
    ) -> Result<Progress, ErrorCode> {
        todo!()
    }
    /// Every `replica.lag.time.max.ms` / 2: the smaller in-sync set to ask for.
    pub fn maybe_shrink(&mut self, _log: &Log, _now: Time) -> Option<Vec<BrokerId>> {
        todo!()
    }
    /// The controller answered AlterPartition.
    pub fn alter_answered(
        &mut self,
        _result: Result<&Partition, ErrorCode>,
        _log: &mut Log,
        _now: Time,
    ) -> Altered {
        todo!()
    }
    /// Whether the asker believes in this leader's epoch.
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH` for an older one, `UNKNOWN_LEADER_EPOCH` for a newer one.
    pub fn check_epoch(&self, _epoch: Option<u32>) -> Result<(), ErrorCode> {
        todo!()
    }
    /// Before an append.
    ///
    /// # Errors
    /// `NOT_ENOUGH_REPLICAS`
    pub fn may_append(&self, _acks: Acks, _log: &Log) -> Result<(), ErrorCode> {
        todo!()
    }
    /// For acks=all: `None` while the high watermark is below `upto`, then success or `NOT_ENOUGH_REPLICAS_AFTER_APPEND`.
    pub fn completion(&self, _upto: u64, _log: &Log) -> Option<Result<(), ErrorCode>> {
        todo!()
    }
    /// The leader epoch.
    pub fn leader_epoch(&self) -> u32 {
        todo!()
    }
    /// The partition epoch.
    pub fn partition_epoch(&self) -> u32 {
        todo!()
    }
    /// Committed in-sync replicas.
    pub fn isr(&self) -> &[BrokerId] {
        todo!()
    }
    /// In-sync replicas and a pending addition.
    pub fn maximal_isr(&self) -> Vec<BrokerId> {
        todo!()
    }
    /// Whether an AlterPartition is not answered yet.
    pub fn is_pending(&self) -> bool {
        todo!()
    }
}
