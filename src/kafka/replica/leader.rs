//! The leader's side of a partition: how far its followers are, who is in sync, what is committed.
//!
//! Rules (oracle sheet 08; Kafka's `Partition` and `Replica`):
//! - A replica is caught up when its log end equals the leader's, or its last caught-up time is at most
//!   `replica.lag.time.max.ms` ago. That time is the time of a fetch that asks for what lies behind the leader's
//!   end; of the previous fetch, when this one asks for what lay behind the leader's end at the previous one.
//! - The high watermark is the smallest log end over the maximal in-sync set (the in-sync set and a pending
//!   addition; on a pending removal the old set) and over replicas outside that are caught up and
//!   eligible. It stands still while the in-sync set is smaller than `min.insync.replicas` (>= 3.7).
//! - A replica joins when its log end has reached the high watermark and the start of the leader's epoch,
//!   and it is neither fenced nor shutting down nor of another incarnation than the one that fetches (KIP-903).
//! - At most one AlterPartition is pending; until it is answered nothing else is asked.
//! - acks=all: too small an in-sync set before the append refuses it (`NOT_ENOUGH_REPLICAS`); too small a maximal
//!   one when the high watermark has passed says so although the record is in the log
//!   (`NOT_ENOUGH_REPLICAS_AFTER_APPEND`). acks=0 and acks=1 ignore `min.insync.replicas`.
//! - The effective `min.insync.replicas` is never more than the replication factor.
//!
//! **Invariant.** The high watermark of a leader never falls, and never passes the log end of a member of the
//! maximal in-sync set.
//!
//! **Not modelled:** reassignment (adding and removing replicas), preferred read replicas.

#[cfg(test)]
mod tests;

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

/// What a follower's fetch moved.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// The high watermark, when it advanced.
    pub high_watermark: Option<u64>,
    /// The larger in-sync set to ask the controller for, under [`Leader::leader_epoch`] and
    /// [`Leader::partition_epoch`].
    pub ask: Option<Vec<BrokerId>>,
}

/// What became of an AlterPartition request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Altered {
    /// The controller's set holds; the high watermark, when it advanced.
    Done(Option<u64>),
    /// Refused: the old set holds, and something else may be asked.
    Reverted,
    /// Stays pending until metadata tell more ([`Leader::update`]).
    Waiting,
    /// Ask again for the same set.
    Again(Vec<BrokerId>),
}

/// The leader's side of a partition.
#[derive(Clone, Debug)]
pub struct Leader {
    leader_epoch: u32,
    partition_epoch: u32,
    /// The log's end when the epoch began.
    epoch_start: u64,
    lag_max: Duration,
    me: BrokerId,
    isr: Vec<BrokerId>,
    /// The set that the controller is asked for.
    pending: Option<Vec<BrokerId>>,
    peers: Vec<Peer>,
}

impl Leader {
    /// Begins to lead: the epoch starts at the log's end. Followers in sync count as caught up now; how far
    /// they are is known when they fetch. All brokers stand in service until [`Self::set_standing`].
    pub fn new(me: BrokerId, partition: &Partition, lag_max: Duration, log: &mut Log, now: Time) -> Self {
        log.begin_epoch(partition.leader_epoch);
        let others = partition.replicas.iter().filter(|replica| **replica != me);
        let peers = others.map(|replica| Peer::new(*replica, partition.isr.contains(replica), now)).collect();
        let leader = Self {
            leader_epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            epoch_start: log.end(),
            lag_max,
            me,
            isr: partition.isr.to_vec(),
            pending: None,
            peers,
        };
        leader.advance(log, now);
        leader
    }

    /// The controller changed the partition and this broker leads on. What is not newer is ignored; what is ends
    /// a pending request. A new leader epoch begins at the log's end; what is known of followers stays. Says the
    /// high watermark when it advanced.
    pub fn update(&mut self, partition: &Partition, log: &mut Log, now: Time) -> Option<u64> {
        if partition.partition_epoch <= self.partition_epoch {
            return None;
        }
        assert!(partition.leader_epoch >= self.leader_epoch, "leader epochs never fall");
        if partition.leader_epoch > self.leader_epoch {
            self.begin_epoch(partition, log, now);
        }
        self.commit(partition);
        self.advance(log, now)
    }

    /// The controller's view of a broker; `epoch` is its present incarnation, when that is known.
    pub fn set_standing(&mut self, broker: BrokerId, standing: Standing, epoch: Option<u64>) {
        if let Some(peer) = self.peer_mut(broker) {
            (peer.standing, peer.registered_epoch) = (standing, epoch);
        }
    }

    /// After an append: the high watermark, when it advanced (a leader alone in its in-sync set).
    #[inline]
    pub fn on_append(&mut self, log: &mut Log, now: Time) -> Option<u64> {
        self.advance(log, now)
    }

    /// A follower in incarnation `broker_epoch` fetches at `offset`: it has everything below. Call it when
    /// [`Log::divergence`] has found nothing; the answer carries the high watermark from before this call.
    ///
    /// # Errors
    /// `NOT_LEADER_OR_FOLLOWER` from an older incarnation than one that has fetched; `UNKNOWN_LEADER_EPOCH` from a broker
    /// that is no replica here.
    pub fn on_follower_fetch(
        &mut self,
        log: &mut Log,
        from: BrokerId,
        broker_epoch: u64,
        offset: u64,
        now: Time,
    ) -> Result<Progress, ErrorCode> {
        let peer = self.peer_mut(from).ok_or(ErrorCode::UnknownLeaderEpoch)?;
        if peer.broker_epoch.is_some_and(|known| known > broker_epoch) {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        let moved = peer.fetched(broker_epoch, offset, log.end(), now);
        let ask = self.maybe_expand(from, log);
        let high_watermark = if moved { self.advance(log, now) } else { None };
        Ok(Progress { high_watermark, ask })
    }

    /// A follower fetches again at the offset of its last fetch: notes when. False, and nothing noted, when there is
    /// more to it: it is out of sync, another incarnation, or elsewhere. Then it is for [`Self::on_follower_fetch`].
    #[inline]
    pub fn on_same_fetch(
        &mut self,
        log: &Log,
        from: BrokerId,
        broker_epoch: u64,
        offset: u64,
        now: Time,
    ) -> bool {
        let is_same = self.stands_at(from, broker_epoch, offset);
        if is_same && let Some(peer) = self.peer_mut(from) {
            peer.fetched(broker_epoch, offset, log.end(), now);
        }
        is_same
    }

    /// Every `replica.lag.time.max.ms` / 2: the smaller in-sync set to ask for, when a member is not caught up.
    pub fn maybe_shrink(&mut self, log: &Log, now: Time) -> Option<Vec<BrokerId>> {
        if self.pending.is_some() {
            return None;
        }
        let in_sync: Vec<_> =
            self.isr.iter().copied().filter(|member| self.is_in_sync(*member, log, now)).collect();
        if in_sync.len() == self.isr.len() {
            return None;
        }
        self.pending = Some(in_sync.clone());
        Some(in_sync)
    }

    /// The controller answered the AlterPartition that was asked under partition epoch `asked_under`. The answer to
    /// a request that metadata have overtaken is ignored: another one may be pending already.
    pub fn alter_answered(
        &mut self,
        asked_under: u32,
        result: Result<&Partition, ErrorCode>,
        log: &mut Log,
        now: Time,
    ) -> Altered {
        let Some(asked) = self.pending.as_ref().filter(|_| asked_under == self.partition_epoch) else {
            return Altered::Waiting;
        };
        match result {
            Ok(partition) => self.alter_accepted(partition, log, now),
            Err(ErrorCode::IneligibleReplica) => {
                self.pending = None;
                Altered::Reverted
            }
            Err(error) if is_final(error) => Altered::Waiting,
            Err(_) => Altered::Again(asked.clone()),
        }
    }

    /// Whether the asker believes in this leader's epoch; one that names none is believed.
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH` for an older one, `UNKNOWN_LEADER_EPOCH` for a newer one.
    pub fn check_epoch(&self, epoch: Option<u32>) -> Result<(), ErrorCode> {
        match epoch {
            Some(epoch) if epoch < self.leader_epoch => Err(ErrorCode::FencedLeaderEpoch),
            Some(epoch) if epoch > self.leader_epoch => Err(ErrorCode::UnknownLeaderEpoch),
            Some(_) | None => Ok(()),
        }
    }

    /// Before an append.
    ///
    /// # Errors
    /// `NOT_ENOUGH_REPLICAS` with acks=all and an in-sync set below the effective `min.insync.replicas`.
    pub fn may_append(&self, acks: Acks, log: &Log) -> Result<(), ErrorCode> {
        let is_refused = acks == Acks::All && self.is_under_min_isr(log);
        if is_refused { Err(ErrorCode::NotEnoughReplicas) } else { Ok(()) }
    }

    /// For acks=all: `None` while the high watermark is below `upto` (the offset behind the batch), then success, or
    /// `NOT_ENOUGH_REPLICAS_AFTER_APPEND`: the records are in the log all the same.
    pub fn completion(&self, upto: u64, log: &Log) -> Option<Result<(), ErrorCode>> {
        if log.high_watermark() < upto {
            return None;
        }
        let added = self.pending.iter().flatten().filter(|asked| !self.isr.contains(asked));
        let is_enough = self.isr.len() + added.count() >= self.min_isr(log);
        Some(if is_enough { Ok(()) } else { Err(ErrorCode::NotEnoughReplicasAfterAppend) })
    }

    /// The leader epoch.
    pub fn leader_epoch(&self) -> u32 {
        self.leader_epoch
    }

    /// The partition epoch.
    pub fn partition_epoch(&self) -> u32 {
        self.partition_epoch
    }

    /// The offset at which this leader's epoch began.
    pub fn epoch_start(&self) -> u64 {
        self.epoch_start
    }

    /// In-sync replicas, as the controller confirmed them.
    pub fn isr(&self) -> &[BrokerId] {
        &self.isr
    }

    /// In-sync replicas and a pending addition.
    pub fn maximal_isr(&self) -> Vec<BrokerId> {
        let added = self.pending.iter().flatten().filter(|asked| !self.isr.contains(asked));
        self.isr.iter().chain(added).copied().collect()
    }

    /// The set that the controller is asked for and has not answered yet.
    pub fn pending(&self) -> Option<&[BrokerId]> {
        self.pending.as_deref()
    }

    /// Whether an AlterPartition is not answered yet.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether a follower in sync fetched last in this incarnation, at this offset.
    #[inline]
    pub fn stands_at(&self, broker: BrokerId, broker_epoch: u64, offset: u64) -> bool {
        let is_there = |peer: &Peer| {
            peer.broker == broker && peer.log_end == Some(offset) && peer.broker_epoch == Some(broker_epoch)
        };
        self.isr.contains(&broker) && self.peers.iter().any(is_there)
    }

    /// The log end of a follower, as far as it has told in this leader's time.
    pub fn follower_end(&self, broker: BrokerId) -> Option<u64> {
        self.peers.iter().find(|peer| peer.broker == broker).and_then(|peer| peer.log_end)
    }

    /// The incarnation in which a follower fetched last, if it ever did in this leader's time.
    pub fn broker_epoch(&self, broker: BrokerId) -> Option<u64> {
        self.peers.iter().find(|peer| peer.broker == broker).and_then(|peer| peer.broker_epoch)
    }

    /// When a follower was last caught up, if it ever was.
    pub fn last_caught_up(&self, broker: BrokerId) -> Option<Time> {
        self.peers.iter().find(|peer| peer.broker == broker).and_then(|peer| peer.last_caught_up)
    }
}

impl Leader {
    fn begin_epoch(&mut self, partition: &Partition, log: &mut Log, now: Time) {
        log.begin_epoch(partition.leader_epoch);
        (self.leader_epoch, self.epoch_start) = (partition.leader_epoch, log.end());
        for peer in &mut self.peers {
            peer.lead_again(partition.isr.contains(&peer.broker), log.end(), now);
        }
    }

    fn commit(&mut self, partition: &Partition) {
        self.isr = partition.isr.to_vec();
        self.partition_epoch = partition.partition_epoch;
        self.pending = None;
    }

    fn alter_accepted(&mut self, partition: &Partition, log: &mut Log, now: Time) -> Altered {
        if partition.leader_epoch != self.leader_epoch || partition.partition_epoch <= self.partition_epoch {
            return Altered::Waiting;
        }
        self.commit(partition);
        Altered::Done(self.advance(log, now))
    }

    fn maybe_expand(&mut self, candidate: BrokerId, log: &Log) -> Option<Vec<BrokerId>> {
        if self.pending.is_some() || self.isr.contains(&candidate) {
            return None;
        }
        let peer = self.peers.iter().find(|peer| peer.broker == candidate)?;
        let required = log.high_watermark().max(self.epoch_start);
        if !peer.is_eligible() || peer.log_end.is_none_or(|end| end < required) {
            return None;
        }
        let asked: Vec<_> = self.isr.iter().copied().chain([candidate]).collect();
        self.pending = Some(asked.clone());
        Some(asked)
    }

    #[inline]
    fn advance(&self, log: &mut Log, now: Time) -> Option<u64> {
        if self.is_under_min_isr(log) {
            return None;
        }
        let holds_back = |peer: &&Peer| self.holds_back(peer, log.end(), now);
        let ends = self.peers.iter().filter(holds_back).map(|peer| peer.log_end);
        let lowest = ends.min().unwrap_or(Some(log.end()))?;
        log.raise_high_watermark(lowest.min(log.end()))
    }

    #[inline]
    fn holds_back(&self, peer: &Peer, log_end: u64, now: Time) -> bool {
        let is_asked_for = self.pending.as_ref().is_some_and(|asked| asked.contains(&peer.broker));
        is_asked_for
            || self.isr.contains(&peer.broker)
            || (peer.is_caught_up(log_end, self.lag_max, now) && peer.is_eligible())
    }

    fn is_in_sync(&self, member: BrokerId, log: &Log, now: Time) -> bool {
        let caught_up = |peer: &Peer| peer.is_caught_up(log.end(), self.lag_max, now);
        member == self.me || self.peers.iter().any(|peer| peer.broker == member && caught_up(peer))
    }

    fn is_under_min_isr(&self, log: &Log) -> bool {
        self.isr.len() < self.min_isr(log)
    }

    fn min_isr(&self, log: &Log) -> usize {
        (log.config().min_insync_replicas as usize).min(self.peers.len() + 1)
    }

    fn peer_mut(&mut self, broker: BrokerId) -> Option<&mut Peer> {
        self.peers.iter_mut().find(|peer| peer.broker == broker)
    }
}

/// Errors after which only metadata can say how the partition stands.
fn is_final(error: ErrorCode) -> bool {
    [ErrorCode::UnknownTopicOrPartition, ErrorCode::FencedLeaderEpoch, ErrorCode::InvalidUpdateVersion]
        .contains(&error)
}

/// What a leader knows of another replica.
#[derive(Clone, Debug)]
struct Peer {
    broker: BrokerId,
    standing: Standing,
    /// Its incarnation as the controller knows it.
    registered_epoch: Option<u64>,
    /// The incarnation that fetched last.
    broker_epoch: Option<u64>,
    log_end: Option<u64>,
    last_caught_up: Option<Time>,
    /// When it fetched last, and where the leader's log ended then.
    last_fetch: Option<(Time, u64)>,
}

impl Peer {
    fn new(broker: BrokerId, is_in_sync: bool, now: Time) -> Self {
        Self {
            broker,
            standing: Standing::InService,
            registered_epoch: None,
            broker_epoch: None,
            log_end: None,
            last_caught_up: is_in_sync.then_some(now),
            last_fetch: None,
        }
    }

    /// The same leader was elected again.
    fn lead_again(&mut self, is_in_sync: bool, leader_end: u64, now: Time) {
        self.last_caught_up = is_in_sync.then_some(now);
        self.last_fetch = is_in_sync.then_some((now, leader_end));
    }

    /// Says whether its log end changed.
    fn fetched(&mut self, broker_epoch: u64, offset: u64, leader_end: u64, now: Time) -> bool {
        let caught_up = if offset >= leader_end {
            Some(now)
        } else {
            self.last_fetch.filter(|(_, end)| offset >= *end).map(|(at, _)| at)
        };
        self.last_caught_up = self.last_caught_up.max(caught_up);
        self.last_fetch = Some((now, leader_end));
        self.broker_epoch = Some(broker_epoch);
        self.log_end.replace(offset) != Some(offset)
    }

    fn is_caught_up(&self, leader_end: u64, lag_max: Duration, now: Time) -> bool {
        self.log_end == Some(leader_end) || self.last_caught_up.is_some_and(|at| now.since(at) <= lag_max)
    }

    fn is_eligible(&self) -> bool {
        let registered = self.registered_epoch;
        self.standing == Standing::InService
            && self.broker_epoch.is_some_and(|fetching| registered.is_none_or(|epoch| epoch == fetching))
    }
}
