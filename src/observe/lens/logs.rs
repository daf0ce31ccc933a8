//! Partitions: roles, replicas, and where logs begin and end.
//!
//! Bounded: [`CHANGES`] role changes and [`EPOCHS`] epochs a partition; replicas are as many as brokers.

use std::sync::Arc;

use crate::kernel::Time;
use crate::trace::kafka::{BrokerId, Kafka};
use crate::trace::{PlaceId, Stage};

use super::detail::{Epoch, LogEnd, PlaceCloseUp, PlaceDetail, ReplicaView, RoleChange, Tail};

/// Role changes kept of a partition.
const CHANGES: usize = 64;
/// Leader epochs kept of a partition.
const EPOCHS: usize = 16;

/// All partitions.
#[derive(Clone, Debug)]
pub(super) struct Logs {
    rows: Vec<PlaceDetail>,
    /// What is not in the rows, by place.
    more: Vec<More>,
    under_replicated: u64,
}

#[derive(Clone, Debug, Default)]
struct More {
    replicas: Vec<Replica>,
    changes: Vec<RoleChange>,
    epochs: Vec<Epoch>,
    stored_at_tick: u64,
}

#[derive(Clone, Debug)]
struct Replica {
    broker: BrokerId,
    /// The last log end that it told, or that follows from what was told.
    told: u64,
    /// It led, and has not followed since: nothing came to its log without a word.
    exact: bool,
    tail: Option<Tail>,
    /// The leader epoch in which it told it.
    epoch: u32,
}

impl Logs {
    pub(super) fn new(stage: &Stage) -> Self {
        let nobody: Arc<[BrokerId]> = Arc::from([]);
        let row = |channel: usize, number: u32, internal| PlaceDetail {
            channel: channel as u32,
            number,
            internal,
            replicas: Arc::clone(&nobody),
            isr: Arc::clone(&nobody),
            ..PlaceDetail::default()
        };
        let of_channel = |(index, channel): (usize, &crate::trace::Channel)| {
            let internal = channel.internal;
            (0..channel.places).map(move |number| (index, number, internal)).collect::<Vec<_>>()
        };
        let all = stage.channels.iter().enumerate().flat_map(of_channel);
        let rows: Vec<PlaceDetail> =
            all.map(|(channel, number, internal)| row(channel, number, internal)).collect();
        Self { more: vec![More::default(); rows.len()], rows, under_replicated: 0 }
    }

    pub(super) fn rows(&self) -> Vec<PlaceDetail> {
        self.rows.clone()
    }

    /// Partitions of users with a replica out of sync.
    pub(super) fn under_replicated(&self) -> u64 {
        self.under_replicated
    }

    pub(super) fn tick(&mut self) {
        for (row, more) in self.rows.iter_mut().zip(&mut self.more) {
            row.rate = row.stored - std::mem::replace(&mut more.stored_at_tick, row.stored);
        }
    }

    pub(super) fn stored(&mut self, place: PlaceId, broker: Option<BrokerId>, offset: u64, records: u32) {
        let (row, more) = (&mut self.rows[place.index()], &mut self.more[place.index()]);
        let end = offset + u64::from(records);
        if broker.is_none() || broker == row.leader {
            row.stored += u64::from(records);
            row.log_end = end;
        }
        if let Some(broker) = broker {
            more.replica(broker).tells(end, true);
        }
    }

    pub(super) fn committed(&mut self, place: PlaceId, broker: Option<BrokerId>, upto: u64) {
        let row = &mut self.rows[place.index()];
        if broker.is_none() || broker == row.leader {
            row.high_watermark = upto;
        }
    }

    /// The readable log ends there now.
    pub(super) fn cut(&mut self, place: PlaceId, from: u64) {
        let row = &mut self.rows[place.index()];
        row.cut += row.log_end.saturating_sub(from);
        row.log_end = from;
        row.high_watermark = row.high_watermark.min(from);
    }

    pub(super) fn expired(&mut self, place: PlaceId, below: u64) {
        let row = &mut self.rows[place.index()];
        row.start = row.start.max(below);
    }

    pub(super) fn kafka(&mut self, at: Time, broker: Option<BrokerId>, kafka: &Kafka) {
        match kafka {
            Kafka::PartitionChanged { place, leader, unclean, leader_epoch, isr, .. } => {
                let change = RoleChange { at, leader: *leader, epoch: *leader_epoch, isr: Arc::clone(isr) };
                self.changed(*place, change, *unclean);
            }
            Kafka::BecameLeader { place, leader_epoch, log_end, high_watermark } => {
                let Some(leader) = broker else { return };
                self.leads(*place, Epoch { epoch: *leader_epoch, leader, start: *log_end }, *high_watermark);
            }
            Kafka::BecameFollower { place, log_end, .. } => {
                let Some(broker) = broker else { return };
                let replica = self.more[place.index()].replica(broker);
                replica.tells(*log_end, false);
                self.know(*place);
            }
            Kafka::Truncated { place, to, from } => {
                let Some(broker) = broker else { return };
                let replica = self.more[place.index()].replica(broker);
                replica.tells(*to, false);
                replica.epoch = self.rows[place.index()].epoch;
                replica.tail = Some(Tail { at, from: *from, to: *to });
            }
            Kafka::Registered { .. }
            | Kafka::Fenced { .. }
            | Kafka::Unfenced { .. }
            | Kafka::Recovered { .. }
            | Kafka::IsrShrinking { .. }
            | Kafka::IsrExpanding { .. }
            | Kafka::Deduplicated { .. }
            | Kafka::Retried { .. }
            | Kafka::EpochBumped { .. }
            | Kafka::GroupChanged { .. }
            | Kafka::MemberJoined { .. }
            | Kafka::MemberLeft { .. }
            | Kafka::Assigned { .. }
            | Kafka::Revoked { .. }
            | Kafka::Positioned { .. }
            | Kafka::CommitFailed { .. }
            | Kafka::ShuttingDown
            | Kafka::StorageFailed
            | Kafka::LogDigest { .. }
            | Kafka::ConsumerFailed { .. }
            | Kafka::CoordinatorReady { .. } => {}
        }
    }

    fn changed(&mut self, place: PlaceId, change: RoleChange, unclean: bool) {
        let (row, more) = (&mut self.rows[place.index()], &mut self.more[place.index()]);
        // Who leaves the in-sync set had everything below the watermark.
        for broker in row.isr.iter() {
            let replica = more.replica(*broker);
            replica.told = replica.told.max(row.high_watermark);
        }
        change.isr.iter().chain(&change.leader).for_each(|broker| {
            more.replica(*broker);
        });
        let was = row.is_under_replicated();
        row.unclean = if row.leader == change.leader { row.unclean } else { unclean };
        row.leader = change.leader;
        row.epoch = change.epoch;
        row.isr = Arc::clone(&change.isr);
        if more.changes.len() == CHANGES {
            more.changes.remove(0);
        }
        more.changes.push(change);
        self.know_since(place, was);
    }

    fn leads(&mut self, place: PlaceId, epoch: Epoch, high_watermark: u64) {
        let (row, more) = (&mut self.rows[place.index()], &mut self.more[place.index()]);
        more.replica(epoch.leader).tells(epoch.start, true);
        more.replica(epoch.leader).epoch = epoch.epoch;
        if row.leader == Some(epoch.leader) {
            row.cut += row.log_end.saturating_sub(epoch.start);
            row.log_end = epoch.start;
            row.high_watermark = row.high_watermark.max(high_watermark).min(epoch.start);
        }
        if more.epochs.len() == EPOCHS {
            more.epochs.remove(0);
        }
        more.epochs.push(epoch);
        self.know(place);
    }

    /// Another replica may be known now.
    fn know(&mut self, place: PlaceId) {
        let was = self.rows[place.index()].is_under_replicated();
        self.know_since(place, was);
    }

    fn know_since(&mut self, place: PlaceId, was_under_replicated: bool) {
        let (row, more) = (&mut self.rows[place.index()], &self.more[place.index()]);
        if row.replicas.len() != more.replicas.len() {
            row.replicas = more.replicas.iter().map(|replica| replica.broker).collect();
        }
        if !row.internal {
            self.under_replicated += u64::from(row.is_under_replicated());
            self.under_replicated -= u64::from(was_under_replicated);
        }
    }

    pub(super) fn close_up(&self, place: PlaceId) -> PlaceCloseUp {
        let (row, more) = (&self.rows[place.index()], &self.more[place.index()]);
        let replicas = more.replicas.iter().map(|replica| replica.view(row, &more.epochs)).collect();
        PlaceCloseUp { place, replicas, changes: more.changes.clone(), epochs: more.epochs.clone() }
    }
}

impl More {
    fn replica(&mut self, broker: BrokerId) -> &mut Replica {
        let index = self.replicas.binary_search_by_key(&broker, |replica| replica.broker);
        let index = index.unwrap_or_else(|index| {
            self.replicas.insert(index, Replica { broker, told: 0, exact: false, tail: None, epoch: 0 });
            index
        });
        &mut self.replicas[index]
    }
}

impl Replica {
    fn tells(&mut self, log_end: u64, leads: bool) {
        self.told = log_end;
        self.exact = leads;
    }

    fn view(&self, row: &PlaceDetail, epochs: &[Epoch]) -> ReplicaView {
        let in_sync = row.isr.contains(&self.broker);
        let least = if in_sync { self.told.max(row.high_watermark) } else { self.told };
        // A leader that has been elected and has not begun to lead has said nothing yet.
        let log_end = if row.leader == Some(self.broker) && self.exact {
            LogEnd::At(row.log_end)
        } else if self.exact || (in_sync && least == row.log_end) {
            // What a follower in sync has is what its leader has, or less.
            LogEnd::At(least)
        } else {
            LogEnd::AtLeast(least)
        };
        // What it had when a younger epoch began elsewhere, beyond where that began.
        let younger = epochs.iter().find(|epoch| epoch.epoch > self.epoch && epoch.leader != self.broker);
        let diverged = younger.map(|epoch| epoch.start).filter(|start| !in_sync && log_end.offset() > *start);
        ReplicaView { broker: self.broker, log_end, tail: self.tail, diverged }
    }
}
