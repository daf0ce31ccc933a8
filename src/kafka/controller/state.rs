//! The controller's knowledge: registered brokers and partitions, and every change of them.
//!
//! **Invariant.** Every change is a new version of the metadata; a partition changes only through
//! [`Change`], so its epochs tell its versions apart.
//!
//! Source: oracle sheets 00 (A4), 06 (6d) and 07 (7e); KRaft's `ReplicationControlManager`.

use std::sync::Arc;

use super::PartitionPlan;
use super::election::{Change, Changed, Election, Rules};
use super::liveness::{Beat, Liveness, Next, Standing};
use crate::kernel::{Duration, Time};
use crate::trace::PlaceId;
use crate::trace::kafka::{BrokerId, ErrorCode, Kafka};
use crate::wire::kafka::{AlterPartition, Image, Partition};

/// Producer ids in a block (`ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`).
pub(super) const PRODUCER_IDS: u64 = 1_000;

/// Which broker's state just changed, and how; decides who may lead meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// It is fenced, or leaves: out of every in-sync set.
    Removed(BrokerId),
    /// It lost what it had not flushed: out of every set.
    UncleanShutdown(BrokerId),
    /// It is in service: leaderless partitions may have it.
    Added,
}

/// What a heartbeat is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Out of service.
    pub fenced: bool,
    /// Nothing is led there any more: it may go.
    pub may_shut_down: bool,
}

/// Brokers, partitions and counters: what the metadata log adds up to.
#[derive(Clone, Debug)]
pub(super) struct State {
    rules: Rules,
    plans: Vec<PartitionPlan>,
    pub(super) liveness: Liveness,
    /// By [`PlaceId`]; empty until they are created.
    partitions: Vec<Partition>,
    /// The number of the last change.
    version: u64,
    next_producer_id: u64,
    facts: Vec<Kafka>,
}

impl State {
    /// Nobody is registered and nothing is created.
    pub fn new(rules: Rules, session_timeout: Duration, plans: Vec<PartitionPlan>) -> Self {
        assert!(plans.iter().all(|plan| !plan.replicas.is_empty()), "a partition has a replica");
        let liveness = Liveness::new(session_timeout);
        let (partitions, facts) = (Vec::new(), Vec::new());
        Self { rules, plans, liveness, partitions, version: 0, next_producer_id: 0, facts }
    }

    /// A broker's new incarnation; its epoch. None while the session of the last one lasts
    /// (DUPLICATE_BROKER_REGISTRATION). A broker that asks again before its first heartbeat is the same
    /// incarnation.
    pub fn register(&mut self, now: Time, broker: BrokerId, clean: bool) -> Option<u64> {
        if self.liveness.has_valid_session(now, broker) {
            return None;
        }
        if let Some(known) = self.liveness.get(broker).filter(|known| !known.spoken) {
            return Some(known.epoch);
        }
        if self.liveness.get(broker).is_some_and(|known| known.standing != Standing::Fenced) {
            self.fence(broker);
        }
        if self.rules.elr && !clean {
            self.sweep(Cause::UncleanShutdown(broker));
        }
        self.version += 1;
        let epoch = self.version;
        self.liveness.register(now, broker, epoch);
        self.facts.push(Kafka::Registered { broker, epoch });
        Some(epoch)
    }

    /// A heartbeat. None when it comes from an incarnation that is not the registered one.
    pub fn heartbeat(&mut self, now: Time, broker: BrokerId, epoch: u64, beat: Beat) -> Option<Verdict> {
        let before = self.liveness.incarnation(broker, epoch)?.standing;
        let next = self.liveness.next(broker, beat, self.leads(broker));
        self.liveness.touch(now, broker, beat.metadata_version);
        match (before, next) {
            (Standing::Fenced, Next::Unfenced) => self.unfence(broker),
            (Standing::Unfenced, Next::ControlledShutdown) => self.begin_shutdown(broker),
            (Standing::Unfenced | Standing::ControlledShutdown { .. }, Next::ShutdownNow | Next::Fenced) => {
                self.fence(broker)
            }
            (Standing::Fenced, Next::Fenced | Next::ShutdownNow | Next::ControlledShutdown)
            | (Standing::Unfenced, Next::Unfenced)
            | (Standing::ControlledShutdown { .. }, Next::ControlledShutdown | Next::Unfenced) => {}
        }
        let fenced = matches!(next, Next::Fenced | Next::ShutdownNow);
        Some(Verdict { fenced, may_shut_down: next == Next::ShutdownNow })
    }

    /// Fences everybody whose session has ended, the oldest first: the effect of each is visible to the next.
    pub fn fence_stale(&mut self, now: Time) {
        while let Some(broker) = self.liveness.stale(now) {
            self.fence(broker);
        }
    }

    /// Gives everybody a whole session.
    pub fn touch_all(&mut self, now: Time) {
        self.liveness.touch_all(now);
    }

    /// Other in-sync sets, as a leader asks; for each the partition as it is then, or why not.
    pub fn alter(
        &mut self,
        broker: BrokerId,
        epoch: u64,
        changes: &[AlterPartition],
    ) -> Vec<(PlaceId, Result<Partition, ErrorCode>)> {
        let stale = self.liveness.incarnation(broker, epoch).is_none();
        let one = |change: &AlterPartition| {
            let result =
                if stale { Err(ErrorCode::StaleBrokerEpoch) } else { self.alter_one(broker, change) };
            (change.place, result)
        };
        changes.iter().map(one).collect()
    }

    /// ElectLeaders: a leader for one partition, by request or by the controller's own rounds.
    pub fn elect(&mut self, place: PlaceId, election: Election) -> Result<(), ErrorCode> {
        let partition = self.partitions.get(place.index()).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let needed = match election {
            Election::Preferred => partition.leader != partition.replicas.first().copied(),
            Election::Unclean => partition.leader.is_none(),
            Election::Online => true,
        };
        if !needed {
            return Err(ErrorCode::ElectionNotNeeded);
        }
        let change = Change::of(partition, self.min_insync(place), self.rules).election(election);
        let changed = change.apply(|broker| self.liveness.is_active(broker));
        self.put(place, changed.ok_or(ErrorCode::EligibleLeadersNotAvailable)?);
        Ok(())
    }

    /// Looks for a leader for every leaderless partition whose topic allows unclean ones.
    pub fn elect_unclean(&mut self) {
        for place in self.places(|partition| partition.exists() && partition.leader.is_none()) {
            if self.plans[place.index()].unclean {
                // Nobody alive: the next round may find somebody.
                let _ = self.elect(place, Election::Unclean);
            }
        }
    }

    /// Moves every partition to its preferred leader where that is in sync.
    pub fn balance(&mut self) {
        let imbalanced =
            |one: &Partition| one.leader.is_some() && one.leader != one.replicas.first().copied();
        for place in self.places(imbalanced) {
            // Not in sync yet: the next round may find it so.
            let _ = self.elect(place, Election::Preferred);
        }
    }

    /// The first of a block of producer ids. None when the asker is not the registered incarnation.
    pub fn allocate_producer_ids(&mut self, broker: BrokerId, epoch: u64) -> Option<u64> {
        self.liveness.incarnation(broker, epoch)?;
        let first = self.next_producer_id;
        self.next_producer_id += PRODUCER_IDS;
        self.version += 1;
        Some(first)
    }

    /// Creates the planned partitions: those in service are in sync, the first of them leads. A partition
    /// with nobody in service waits for any of its replicas, which are all equally empty.
    pub fn create(&mut self) {
        assert!(!self.is_created(), "partitions are created once");
        for index in 0..self.plans.len() {
            if self.plans[index].later {
                self.partitions.push(Partition::to_come());
                continue;
            }
            let partition = self.created(&self.plans[index]);
            self.version += 1;
            self.partitions.push(partition);
            self.report(PlaceId(index as u32), false);
        }
    }

    /// CreatePartitions: those of them that are not there are created, or planned while nothing is created.
    pub fn add(&mut self, first: PlaceId, count: u32) {
        for index in first.index()..first.index() + count as usize {
            self.plans[index].later = false;
            if self.partitions.get(index).is_some_and(|partition| !partition.exists()) {
                self.partitions[index] = self.created(&self.plans[index]);
                self.version += 1;
                self.report(PlaceId(index as u32), false);
            }
        }
    }

    /// What was changed since the last call, in order.
    pub fn take_facts(&mut self) -> Vec<Kafka> {
        std::mem::take(&mut self.facts)
    }

    /// Whether the partitions exist. True when there are none to create.
    pub fn is_created(&self) -> bool {
        self.partitions.len() == self.plans.len()
    }

    /// Whether every broker that is to hold a partition is in service.
    pub fn is_complete(&self) -> bool {
        let mut wanted = self.plans.iter().flat_map(|plan| &plan.replicas);
        wanted.all(|broker| self.liveness.is_active(*broker))
    }

    /// Until when every session lasts.
    pub fn next_check(&self) -> Option<Time> {
        self.liveness.next_check()
    }

    /// The number of the last change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The cluster as brokers and clients are told.
    pub fn image(&self) -> Image {
        let (alive, epochs) = self.liveness.unfenced().unzip();
        Image { version: self.version, alive, epochs, partitions: self.partitions.clone() }
    }

    /// The partition.
    #[cfg(test)]
    pub fn partition(&self, place: PlaceId) -> &Partition {
        &self.partitions[place.index()]
    }

    fn alter_one(&mut self, broker: BrokerId, change: &AlterPartition) -> Result<Partition, ErrorCode> {
        let place = change.place;
        let partition = self.partitions.get(place.index()).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        self.validate(broker, partition, change)?;
        let election = if self.plans[place.index()].unclean { Election::Unclean } else { Election::Online };
        // The leader has read the partition's state: it counts as recovered from an unclean election.
        let prepared = Change::of(partition, self.min_insync(place), self.rules)
            .election(election)
            .isr(change.isr.iter().map(|(member, _)| *member).collect())
            .recovered();
        if let Some(changed) = prepared.apply(|broker| self.liveness.is_active(broker)) {
            self.put(place, changed);
        }
        Ok(self.partitions[place.index()].clone())
    }

    fn validate(&self, broker: BrokerId, now: &Partition, change: &AlterPartition) -> Result<(), ErrorCode> {
        // Real Kafka says NOT_CONTROLLER when the asker knows newer epochs; one controller never sees that.
        assert!(change.leader_epoch <= now.leader_epoch, "nobody knows a leader epoch before the controller");
        if change.leader_epoch < now.leader_epoch {
            return Err(ErrorCode::FencedLeaderEpoch);
        }
        if now.leader != Some(broker) {
            return Err(ErrorCode::NotLeaderOrFollower); // INVALID_REQUEST in Kafka
        }
        if change.partition_epoch != now.partition_epoch {
            return Err(ErrorCode::InvalidUpdateVersion);
        }
        // KIP-903: who has restarted since it fetched may have lost what it had.
        let eligible = |(member, epoch): &(BrokerId, Option<u64>)| {
            now.replicas.contains(member)
                && self.liveness.is_active(*member)
                && epoch.is_none_or(|epoch| self.liveness.incarnation(*member, epoch).is_some())
        };
        let with_leader = change.isr.iter().any(|(member, _)| *member == broker);
        if !with_leader || !change.isr.iter().all(eligible) {
            return Err(ErrorCode::IneligibleReplica);
        }
        Ok(())
    }

    pub(super) fn fence(&mut self, broker: BrokerId) {
        self.sweep(Cause::Removed(broker));
        self.liveness.stand(broker, Standing::Fenced);
        self.version += 1;
        self.facts.push(Kafka::Fenced { broker });
    }

    pub(super) fn unfence(&mut self, broker: BrokerId) {
        self.liveness.stand(broker, Standing::Unfenced);
        self.version += 1;
        self.facts.push(Kafka::Unfenced { broker });
        self.sweep(Cause::Added);
    }

    fn begin_shutdown(&mut self, broker: BrokerId) {
        self.version += 1;
        self.sweep(Cause::Removed(broker));
        self.liveness.stand(broker, Standing::ControlledShutdown { version: self.version });
    }

    /// Brings every partition that `cause` concerns in line with it.
    fn sweep(&mut self, cause: Cause) {
        for place in self.places(|partition| concerns(partition, cause)) {
            let partition = &self.partitions[place.index()];
            let election =
                if self.plans[place.index()].unclean { Election::Unclean } else { Election::Online };
            let change = Change::of(partition, self.min_insync(place), self.rules).election(election);
            let (change, gone) = match cause {
                Cause::Removed(broker) => (change.without(broker), Some(broker)),
                Cause::UncleanShutdown(broker) => (change.unclean_shutdown(broker), Some(broker)),
                Cause::Added => (change, None),
            };
            let may_lead = |broker| Some(broker) != gone && self.liveness.is_active(broker);
            if let Some(changed) = change.apply(may_lead) {
                self.put(place, changed);
            }
        }
    }

    fn put(&mut self, place: PlaceId, changed: Changed) {
        let old = &self.partitions[place.index()];
        assert!(changed.partition.partition_epoch > old.partition_epoch, "every change is told apart");
        self.partitions[place.index()] = changed.partition;
        self.version += 1;
        self.report(place, changed.unclean);
    }

    fn report(&mut self, place: PlaceId, unclean: bool) {
        let partition = &self.partitions[place.index()];
        self.facts.push(Kafka::PartitionChanged {
            place,
            leader: partition.leader,
            unclean,
            leader_epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            isr: Arc::clone(&partition.isr),
            elr: Arc::clone(&partition.elr),
        });
    }

    fn created(&self, plan: &PartitionPlan) -> Partition {
        let replicas: Arc<[BrokerId]> = plan.replicas.as_slice().into();
        let alive: Arc<[_]> = replicas.iter().copied().filter(|it| self.liveness.is_active(*it)).collect();
        let leader = alive.first().copied();
        let isr = if alive.is_empty() { Arc::clone(&replicas) } else { alive };
        let (elr, last_known_elr) = (Arc::default(), Arc::default());
        let (leader_epoch, partition_epoch, recovering) = (0, 0, false);
        Partition { replicas, isr, elr, last_known_elr, leader, leader_epoch, partition_epoch, recovering }
    }

    fn leads(&self, broker: BrokerId) -> bool {
        self.partitions.iter().any(|partition| partition.leader == Some(broker))
    }

    fn min_insync(&self, place: PlaceId) -> u32 {
        // More than there are replicas counts as all of them (getTopicEffectiveMinIsr).
        let plan = &self.plans[place.index()];
        plan.min_insync_replicas.min(plan.replicas.len() as u32)
    }

    fn places(&self, which: impl Fn(&Partition) -> bool) -> Vec<PlaceId> {
        let numbered = self.partitions.iter().enumerate();
        numbered.filter(|(_, one)| which(one)).map(|(index, _)| PlaceId(index as u32)).collect()
    }
}

fn concerns(partition: &Partition, cause: Cause) -> bool {
    match cause {
        Cause::Removed(broker) => partition.isr.contains(&broker),
        Cause::UncleanShutdown(broker) => partition.isr.contains(&broker) || partition.elr.contains(&broker),
        Cause::Added => partition.exists() && partition.leader.is_none(),
    }
}
