//! What a broker does by the clock: checkpoints, retention, flushing, and re-encoding what is old.

use crate::kernel::{Cx, Duration, Time};
use crate::trace::{Life, PlaceId, Reason};

use super::{Broker, BrokerTimer, Role};

/// How often logs are looked through for what can be kept compactly.
pub(super) const FREEZE_EVERY: Duration = Duration::from_secs(10);
/// Contents younger than this are kept whatever has been read, for consumers that go back a little.
const FREEZE_AFTER: Duration = Duration::from_secs(60);

impl Broker {
    pub(super) fn checkpoint(&mut self, cx: &mut Cx<'_, Self>) {
        for replica in self.replicas.iter_mut().flatten() {
            replica.log.checkpoint();
        }
        cx.arm(BrokerTimer::Checkpoint, self.setup.config.high_watermark_checkpoint_interval);
    }

    pub(super) fn retain(&mut self, cx: &mut Cx<'_, Self>) {
        let (now, expiration) = (cx.now(), self.setup.config.producer_id_expiration);
        for index in 0..self.replicas.len() {
            let Some(replica) = self.replica(PlaceId(index as u32)) else { continue };
            replica.log.expire_producers(now, expiration);
            // Followers follow the leader's log start.
            if replica.internal || !matches!(replica.role, Role::Leader(_)) {
                continue;
            }
            if let Some(below) = replica.log.retain(now) {
                cx.emit_at_once(Life::Expired {
                    place: PlaceId(index as u32),
                    below,
                    why: Reason::Retention,
                });
            }
        }
        cx.arm(BrokerTimer::Retention, self.setup.config.log_retention_check_interval);
    }

    /// Flushes a log to disk; the handler waits for it.
    pub(super) fn flush(&mut self, cx: &mut Cx<'_, Self>, place: PlaceId) {
        let (now, costs) = (cx.now(), self.setup.config.costs.clone());
        let Some(replica) = self.replica(place) else { return };
        let dirty = replica.log.bytes_between(replica.log.on_disk(now), replica.log.end());
        replica.log.flush(now);
        let writing = u128::from(dirty) * 1_000_000_000 / u128::from(costs.disk_bandwidth.max(1));
        let writing = if costs.disk_bandwidth == 0 { 0 } else { writing as u64 };
        self.owed += self.disk_time(costs.fsync + Duration::from_nanos(writing));
    }

    /// `flush.ms`: what is due, and when to look again.
    pub(super) fn flush_due(&mut self, cx: &mut Cx<'_, Self>) {
        for index in 0..self.replicas.len() {
            if self.replicas[index].as_deref().is_some_and(|replica| replica.log.flush_due(cx.now())) {
                self.flush(cx, PlaceId(index as u32));
            }
        }
        self.arm_flush(cx);
    }

    pub(super) fn arm_flush(&self, cx: &mut Cx<'_, Self>) {
        let next = self.replicas.iter().flatten().filter_map(|replica| replica.log.next_flush()).min();
        if let Some(at) = next {
            cx.arm_at(BrokerTimer::Flush, at);
        }
    }

    pub(super) fn freeze(&mut self, cx: &mut Cx<'_, Self>) {
        let older_than = Time::from_nanos(cx.now().as_nanos().saturating_sub(FREEZE_AFTER.as_nanos()));
        for index in 0..self.replicas.len() {
            let below = self.forgettable(PlaceId(index as u32));
            let Some(replica) = self.replicas[index].as_deref_mut() else { continue };
            if replica.internal {
                Self::compact(replica, older_than);
                continue;
            }
            // Followers hear of it with what they fetch.
            if matches!(replica.role, Role::Leader(_)) {
                replica.forgettable = below;
            }
            replica.log.freeze_below(replica.forgettable, older_than);
        }
        self.arm_flush(cx);
        cx.arm(BrokerTimer::Freeze, FREEZE_EVERY);
    }

    /// What lies below has been fetched by every group that reads the topic.
    fn forgettable(&self, place: PlaceId) -> u64 {
        let Some(replica) = self.replicas[place.index()].as_deref() else { return 0 };
        let channel = self.setup.stage.channel_of(place);
        let committed = replica.log.high_watermark();
        let fetched = |group| replica.read.iter().find(|(other, _)| *other == group).map_or(0, |(_, at)| *at);
        self.setup.stage.readers(channel).map(fetched).min().unwrap_or(committed).min(committed)
    }
}
