//! The broker and its controller: registration, heartbeats, metadata, in-sync sets, producer ids.

use std::sync::Arc;

use crate::kernel::{Command, Crash, Cx, Duration};
use crate::trace::kafka::{BrokerId, ErrorCode, Kafka};
use crate::trace::{Life, PlaceId, Reason};
use crate::wire::kafka::{
    AlterPartition, FetchPlace, FromController, Image, Partition, Producer, Response, ToController,
};

use super::connections::Asker;
use super::{Broker, BrokerTimer, Leaving, Past, Replica, Role};
use crate::kafka::log::Log;
use crate::kafka::replica::Follower;
use crate::kafka::replica::{Altered, Leader, Standing};

/// How long a broker waits before it tries to register again.
const REGISTER_AGAIN: Duration = Duration::from_secs(2);
/// How long a broker waits before it asks again on a broken connection to the controller.
pub(super) const CONTROLLER_BACKOFF: Duration = Duration::from_millis(500);
/// How long a broker waits for the controller's answer (`controller.socket.timeout.ms`).
const CONTROLLER_TIMEOUT: Duration = Duration::from_secs(30);
/// How soon a broker that wants to go asks a second time (`BrokerLifecycleManager`).
const LEAVE_AGAIN: Duration = Duration::from_millis(50);
/// How long a broker waits at most for leave to go (`BrokerServer.shutdown`).
const LEAVE_TIMEOUT: Duration = Duration::from_secs(300);

impl Broker {
    pub(super) fn register(&mut self, cx: &mut Cx<'_, Self>) {
        let (broker, clean) = (self.setup.id, self.past != Past::Crashed);
        cx.send(self.setup.controller, ToController::Register { broker, reply_to: cx.addr(), clean });
        cx.arm(BrokerTimer::Heartbeat, REGISTER_AGAIN);
    }

    pub(super) fn heartbeat(&mut self, cx: &mut Cx<'_, Self>) {
        let Some(epoch) = self.epoch else { return self.register(cx) };
        let beat = ToController::Heartbeat {
            broker: self.setup.id,
            epoch,
            metadata_version: self.image.version,
            want_shutdown: self.leaving != Leaving::No,
        };
        cx.send(self.setup.controller, beat);
        cx.arm(BrokerTimer::Heartbeat, self.setup.config.broker_heartbeat_interval);
    }

    pub(super) fn controller_said(&mut self, cx: &mut Cx<'_, Self>, msg: FromController) {
        match msg {
            FromController::Registered(epoch) => {
                self.epoch = Some(epoch);
                self.heartbeat(cx);
            }
            FromController::Heartbeat { may_shut_down, .. } => self.heartbeat_answered(cx, may_shut_down),
            FromController::AlterPartition(answers) => {
                for (place, answer) in answers.iter() {
                    self.altered(cx, *place, answer.as_ref().map_err(|error| *error));
                }
            }
            FromController::ProducerIds { first, count } => {
                self.producer_ids = first..first + count;
                for asker in std::mem::take(&mut self.wanting_ids) {
                    self.init_producer_id(cx, asker, None);
                }
            }
            FromController::Metadata(image) => self.learn(cx, image),
        }
    }

    /// Asks for leave to go, and goes at once when the controller does not know it.
    pub(super) fn shut_down(&mut self, cx: &mut Cx<'_, Self>) {
        if self.leaving != Leaving::No {
            return;
        }
        self.leaving = Leaving::Asked;
        cx.emit_at_once(Kafka::ShuttingDown);
        if self.epoch.is_none() {
            self.ends = Some(Crash::Exit);
        } else {
            cx.arm(BrokerTimer::Leave, LEAVE_TIMEOUT);
            self.heartbeat(cx);
        }
    }

    fn heartbeat_answered(&mut self, cx: &mut Cx<'_, Self>, may_shut_down: bool) {
        match self.leaving {
            Leaving::No => {}
            Leaving::Asked | Leaving::Heard if may_shut_down => self.ends = Some(Crash::Exit),
            Leaving::Asked => {
                self.leaving = Leaving::Heard;
                cx.arm(BrokerTimer::Heartbeat, LEAVE_AGAIN);
            }
            Leaving::Heard => {}
        }
    }

    /// Nothing more can be written: with its only log directory gone, the broker halts
    /// (`ReplicaManager.handleLogDirFailure`).
    pub(super) fn storage_fails(&mut self, cx: &mut Cx<'_, Self>) {
        if self.ends.is_none() {
            self.ends = Some(Crash::Process);
            cx.emit_at_once(Kafka::StorageFailed);
        }
    }

    /// Ends the process, when that was decided.
    pub(super) fn end_if_due(&mut self, cx: &mut Cx<'_, Self>) {
        let Some(how) = self.ends else { return };
        let mine = self.setup.brokers.iter().find(|(id, ..)| *id == self.setup.id);
        let (_, node, _) = mine.expect("a broker knows itself");
        cx.command(Command::Crash(*node, how));
    }

    /// Asks the controller again for what it has not answered: the connection that would bring the answer is gone.
    pub(super) fn ask_again(&mut self, cx: &mut Cx<'_, Self>) {
        for index in 0..self.replicas.len() {
            let Some(replica) = self.replicas[index].as_deref_mut() else { continue };
            replica.asked_under.clear();
            let Role::Leader(leader) = &replica.role else { continue };
            if let Some(isr) = leader.pending().map(<[BrokerId]>::to_vec) {
                self.alter_isr(cx, PlaceId(index as u32), isr);
            }
        }
        if let (false, Some(epoch)) = (self.wanting_ids.is_empty(), self.epoch) {
            let broker = self.setup.id;
            cx.send(self.setup.controller, ToController::AllocateProducerIds { broker, epoch });
            cx.arm(BrokerTimer::AskAgain, CONTROLLER_TIMEOUT);
        }
    }

    /// Takes in the cluster as it is now: leads, follows and lets go.
    fn learn(&mut self, cx: &mut Cx<'_, Self>, image: Arc<Image>) {
        // A broker takes up its roles when it has caught up with its own registration, not before: until then
        // the cluster may still count on the process that died (`initialCatchUpFuture`).
        if self.epoch.is_none_or(|registered| image.version < registered) {
            return;
        }
        if image.version <= self.image.version && !self.image.partitions.is_empty() {
            return;
        }
        let old = std::mem::replace(&mut self.image, Arc::clone(&image));
        let alive_changed = (&old.alive, &old.epochs) != (&image.alive, &image.epochs);
        for (index, partition) in image.partitions.iter().enumerate() {
            let place = PlaceId(index as u32);
            if !partition.replicas.contains(&self.setup.id) {
                continue;
            }
            let same = old.partitions.get(index).is_some_and(|old| old == partition);
            let idle =
                self.replicas[index].as_deref().is_none_or(|replica| matches!(replica.role, Role::Idle));
            // Who is out of service holds nobody back: know that before the in-sync set shrinks.
            if alive_changed
                && let Some(Role::Leader(leader)) = self.replica(place).map(|replica| &mut replica.role)
            {
                note_standing(leader, partition, &image);
            }
            if !same || (idle && partition.leader.is_some()) {
                self.take_role(cx, place, partition);
            }
        }
        self.assign_fetchers(cx);
        // A broker is unfenced when it has caught up: do not let the controller wait for the next beat.
        if !image.alive.contains(&self.setup.id) {
            self.heartbeat(cx);
        }
    }

    fn take_role(&mut self, cx: &mut Cx<'_, Self>, place: PlaceId, partition: &Partition) {
        let leads = partition.leader == Some(self.setup.id);
        self.ensure_replica(place);
        if !leads {
            self.stop_leading(cx, place);
        }
        self.replica(place).expect("ensured above").audited.again();
        match partition.leader {
            Some(_) if leads => self.lead(cx, place, partition),
            Some(leader) => self.follow(cx, place, leader, partition.leader_epoch),
            None => self.replica(place).expect("ensured above").role = Role::Idle,
        }
    }

    fn ensure_replica(&mut self, place: PlaceId) {
        if self.replicas[place.index()].is_none() {
            let internal = self.is_internal(place);
            let topic = &self.setup.topics[self.setup.stage.channel_of(place).index()];
            let log = Log::new(Arc::clone(topic), self.setup.config.costs.page_cache_writeback);
            self.replicas[place.index()] = Some(Box::new(Replica::idle(log, internal)));
        }
    }

    fn lead(&mut self, cx: &mut Cx<'_, Self>, place: PlaceId, partition: &Partition) {
        let (now, me, lag_max) = (cx.now(), self.setup.id, self.setup.config.replica_lag_time_max);
        let image = Arc::clone(&self.image);
        let replica = self.replica(place).expect("a replica before a role");
        let already =
            matches!(&replica.role, Role::Leader(leader) if leader.leader_epoch() == partition.leader_epoch);
        let advanced = match &mut replica.role {
            // One that leads on keeps what it knows of its followers, also in a new epoch.
            Role::Leader(leader) => leader.update(partition, &mut replica.log, now),
            Role::Follower(_) | Role::Idle => {
                let mut leader = Leader::new(me, partition, lag_max, &mut replica.log, now);
                note_standing(&mut leader, partition, &image);
                let advanced = leader.on_append(&mut replica.log, now);
                replica.role = Role::Leader(Box::new(leader));
                advanced
            }
        };
        if !already {
            self.announce(cx, place, partition);
        }
        self.advanced(cx, place, advanced);
        self.stir(place);
    }

    fn announce(&mut self, cx: &mut Cx<'_, Self>, place: PlaceId, partition: &Partition) {
        let replica = self.replica(place).expect("a replica before a role");
        let (log_end, high_watermark, internal) =
            (replica.log.end(), replica.log.high_watermark(), replica.internal);
        let leader_epoch = partition.leader_epoch;
        cx.emit_at_once(Kafka::BecameLeader { place, leader_epoch, log_end, high_watermark });
        if internal {
            return self.lead_offsets(cx, place, leader_epoch);
        }
        if leader_epoch > 0 {
            let why = match std::mem::take(&mut self.replica(place).expect("looked at above").lost_power) {
                true => Reason::PowerLoss,
                false if partition.recovering => Reason::UncleanElection,
                false => Reason::LeaderElection,
            };
            let log = self.replica(place).expect("looked at above").log.reigns();
            cx.emit_at_once(Life::Cut { place, from: log_end, why, log });
        }
    }

    fn follow(&mut self, cx: &mut Cx<'_, Self>, place: PlaceId, leader: BrokerId, leader_epoch: u32) {
        let replica = self.replica(place).expect("a replica before a role");
        if let Role::Follower(follower) = &replica.role
            && follower.leader_epoch() == leader_epoch
            && follower.leader() == leader
        {
            return;
        }
        let (follower, cut) = Follower::new(leader, leader_epoch, &mut replica.log);
        replica.role = Role::Follower(follower);
        replica.lost_power = false;
        cx.emit_at_once(Kafka::BecameFollower { place, leader_epoch, log_end: replica.log.end() });
        if let Some((to, from)) = cut {
            cx.emit_at_once(Kafka::Truncated { place, to, from });
        }
    }

    fn stop_leading(&mut self, cx: &mut Cx<'_, Self>, place: PlaceId) {
        let replica = self.replica(place).expect("a replica before a role");
        if !matches!(replica.role, Role::Leader(_)) {
            return;
        }
        replica.role = Role::Idle;
        replica.read.clear();
        let internal = replica.internal;
        if internal {
            self.resign_offsets(cx, place);
        }
        self.stir(place);
    }

    fn assign_fetchers(&mut self, cx: &mut Cx<'_, Self>) {
        let mut lists = vec![Vec::new(); self.fetchers.len()];
        for (index, replica) in self.replicas.iter().enumerate() {
            let Some(Role::Follower(follower)) = replica.as_deref().map(|replica| &replica.role) else {
                continue;
            };
            let leader = follower.leader();
            lists[self.fetcher(leader)].push(PlaceId(index as u32));
        }
        for (index, places) in lists.into_iter().enumerate() {
            self.fetchers[index].follow(places);
            self.fetch_next(cx, index);
        }
    }

    /// A follower has everything below the offset that it fetches at; false when its fetch acknowledges nothing.
    pub(super) fn follower_is_at(
        &mut self,
        cx: &mut Cx<'_, Self>,
        (broker, epoch): (BrokerId, u64),
        asked: FetchPlace,
    ) -> bool {
        let now = cx.now();
        let Some(replica) = self.replica(asked.place) else { return false };
        let Role::Leader(leader) = &mut replica.role else { return false };
        // A fetch in another epoch, or from a log that has diverged, acknowledges nothing.
        let diverges = !matches!(replica.log.divergence(asked.offset, asked.last_epoch), Ok(None));
        if leader.check_epoch(asked.leader_epoch).is_err() || diverges {
            return false;
        }
        let Ok(progress) = leader.on_follower_fetch(&mut replica.log, broker, epoch, asked.offset, now)
        else {
            return false;
        };
        if let Some(isr) = progress.ask {
            let to = isr.iter().copied().collect();
            cx.emit_at_once(Kafka::IsrExpanding { place: asked.place, to });
            self.alter_isr(cx, asked.place, isr);
        }
        self.advanced(cx, asked.place, progress.high_watermark);
        true
    }

    pub(super) fn shrink_isrs(&mut self, cx: &mut Cx<'_, Self>) {
        let now = cx.now();
        for index in 0..self.replicas.len() {
            let Some(replica) = self.replicas[index].as_deref_mut() else { continue };
            let Role::Leader(leader) = &mut replica.role else { continue };
            if let Some(isr) = leader.maybe_shrink(&replica.log, now) {
                let place = PlaceId(index as u32);
                cx.emit_at_once(Kafka::IsrShrinking { place, to: isr.iter().copied().collect() });
                self.alter_isr(cx, place, isr);
            }
        }
        cx.arm(BrokerTimer::ShrinkIsr, self.setup.config.replica_lag_time_max / 2);
    }

    fn alter_isr(&mut self, cx: &mut Cx<'_, Self>, place: PlaceId, isr: Vec<BrokerId>) {
        let (broker, Some(epoch)) = (self.setup.id, self.epoch) else { return };
        let Some(Role::Leader(leader)) = self.replica(place).map(|replica| &replica.role) else { return };
        let (leader_epoch, partition_epoch) = (leader.leader_epoch(), leader.partition_epoch());
        let fetched_in = |member| if member == broker { Some(epoch) } else { leader.broker_epoch(member) };
        let isr = isr.into_iter().map(|member| (member, fetched_in(member))).collect();
        self.replica(place).expect("it was there").asked_under.push_back(partition_epoch);
        cx.arm(BrokerTimer::AskAgain, CONTROLLER_TIMEOUT);
        let changes = Arc::new([AlterPartition { place, leader_epoch, partition_epoch, isr }]);
        cx.send(self.setup.controller, ToController::AlterPartition { broker, epoch, changes });
    }

    fn altered(&mut self, cx: &mut Cx<'_, Self>, place: PlaceId, answer: Result<&Partition, ErrorCode>) {
        let now = cx.now();
        let Some(replica) = self.replica(place) else { return };
        // Answers come in the order of the questions.
        let Some(asked_under) = replica.asked_under.pop_front() else { return };
        let Role::Leader(leader) = &mut replica.role else { return };
        match leader.alter_answered(asked_under, answer, &mut replica.log, now) {
            Altered::Done(advanced) => {
                self.advanced(cx, place, advanced);
                self.stir(place);
            }
            Altered::Again(isr) => self.alter_isr(cx, place, isr),
            Altered::Reverted | Altered::Waiting => {}
        }
    }

    pub(super) fn init_producer_id(&mut self, cx: &mut Cx<'_, Self>, asker: Asker, known: Option<Producer>) {
        let producer = match known {
            Some(Producer { id, epoch }) if epoch < u16::MAX => Some(Producer { id, epoch: epoch + 1 }),
            Some(_) | None => self.producer_ids.next().map(|id| Producer { id, epoch: 0 }),
        };
        if let Some(producer) = producer {
            return self.answer(asker, Response::InitProducerId(Ok(producer)));
        }
        let Some(epoch) = self.epoch else {
            let error = Err(ErrorCode::CoordinatorLoadInProgress);
            return self.answer(asker, Response::InitProducerId(error));
        };
        if self.wanting_ids.is_empty() {
            let broker = self.setup.id;
            cx.send(self.setup.controller, ToController::AllocateProducerIds { broker, epoch });
            cx.arm(BrokerTimer::AskAgain, CONTROLLER_TIMEOUT);
        }
        self.wanting_ids.push(asker);
    }
}

fn note_standing(leader: &mut Leader, partition: &Partition, image: &Image) {
    for &broker in partition.replicas.iter() {
        let epoch = image.epoch(broker);
        let standing = if epoch.is_some() { Standing::InService } else { Standing::Fenced };
        leader.set_standing(broker, standing, epoch);
    }
}
