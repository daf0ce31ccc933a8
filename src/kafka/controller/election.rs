//! Who leads a partition, and who may: one change of one partition, decided from values.
//!
//! **Invariant.** Whoever is elected cleanly was in the in-sync set, or among the eligible leader replicas of
//! an empty one. The partition epoch grows with every change, the leader epoch with every change of leader.
//!
//! Source: oracle sheet 06 (`PartitionChangeBuilder`); KIP-966.

use std::collections::BTreeSet;

use crate::trace::kafka::BrokerId;
use crate::wire::kafka::Partition;

/// How far to go to find a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Election {
    /// The preferred replica if it may lead, else as [`Self::Online`].
    Preferred,
    /// Keep the leader if it may lead, else the first replica that may.
    Online,
    /// As [`Self::Online`], but rather a replica that lacks records than none.
    Unclean,
}

/// What the cluster's release and features decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// `eligible.leader.replicas.version` is 1.
    pub elr: bool,
    /// The last known leader is remembered in `last_known_elr` and elected when nobody else is left.
    pub balanced_recovery: bool,
    /// Before metadata version 3.6 a smaller in-sync set began a new leader epoch (KAFKA-15021).
    pub bump_on_shrink: bool,
}

/// Whom an election found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Elected {
    /// The leader, if any.
    pub leader: Option<BrokerId>,
    /// Whether records may be missing there.
    pub unclean: bool,
}

/// A change of a partition that is being prepared.
#[derive(Clone, Debug)]
pub(super) struct Change<'a> {
    partition: &'a Partition,
    rules: Rules,
    min_insync_replicas: u32,
    election: Election,
    replicas: Vec<BrokerId>,
    isr: Vec<BrokerId>,
    elr: Vec<BrokerId>,
    last_known_elr: Vec<BrokerId>,
    unclean_shutdown: Option<BrokerId>,
    recovering: bool,
}

/// A partition after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Changed {
    /// As it is now.
    pub partition: Partition,
    /// Whether a leader was elected that may lack records.
    pub unclean: bool,
}

impl<'a> Change<'a> {
    /// Nothing but an online election, so far.
    pub fn of(partition: &'a Partition, min_insync_replicas: u32, rules: Rules) -> Self {
        Self {
            partition,
            rules,
            min_insync_replicas,
            election: Election::Online,
            replicas: partition.replicas.to_vec(),
            isr: partition.isr.to_vec(),
            elr: partition.elr.to_vec(),
            last_known_elr: partition.last_known_elr.to_vec(),
            unclean_shutdown: None,
            recovering: partition.recovering,
        }
    }

    /// With this kind of election.
    pub fn election(mut self, election: Election) -> Self {
        self.election = election;
        self
    }

    /// To this in-sync set.
    pub fn isr(mut self, isr: Vec<BrokerId>) -> Self {
        self.isr = isr;
        self
    }

    /// Without this broker in the in-sync set.
    pub fn without(mut self, broker: BrokerId) -> Self {
        self.isr.retain(|member| *member != broker);
        self
    }

    /// This broker lost what it had not flushed: neither in sync nor eligible.
    pub fn unclean_shutdown(mut self, broker: BrokerId) -> Self {
        self.unclean_shutdown = Some(broker);
        self.without(broker)
    }

    /// The leader has recovered from an unclean election.
    pub fn recovered(mut self) -> Self {
        self.recovering = false;
        self
    }

    /// To other replicas (a reassignment).
    #[cfg(test)]
    pub fn replicas(mut self, replicas: Vec<BrokerId>) -> Self {
        self.replicas = replicas;
        self
    }

    /// Who would lead, were it up to this change: `alive` are the brokers that may.
    pub fn elect(&self, alive: impl Fn(BrokerId) -> bool) -> Elected {
        let valid = |replica: &BrokerId| self.in_sync(*replica) && alive(*replica);
        let clean = |leader| Elected { leader: Some(leader), unclean: false };
        let preferred = match self.election {
            Election::Preferred => self.replicas.first().copied().filter(valid),
            Election::Online | Election::Unclean => None,
        };
        let in_sync = preferred
            .or_else(|| self.partition.leader.filter(valid))
            .or_else(|| self.replicas.iter().copied().find(valid));
        in_sync.map(clean).unwrap_or_else(|| self.elect_unclean(alive))
    }

    fn elect_unclean(&self, alive: impl Fn(BrokerId) -> bool) -> Elected {
        let last = self.last_known_leader().filter(|leader| alive(*leader));
        let leader = match self.election {
            Election::Preferred | Election::Online => last,
            Election::Unclean => last.or_else(|| self.replicas.iter().copied().find(|it| alive(*it))),
        };
        Elected { leader, unclean: leader.is_some() }
    }

    /// In sync, or eligible when nobody is in sync.
    fn in_sync(&self, replica: BrokerId) -> bool {
        self.isr.contains(&replica) || self.isr.is_empty() && self.elr.contains(&replica)
    }

    /// The one who led last, when nobody is in sync or eligible any more.
    fn last_known_leader(&self) -> Option<BrokerId> {
        let nobody_else = self.elr.is_empty() && self.isr.is_empty();
        match &*self.partition.last_known_elr {
            [last] if self.rules.elr && self.rules.balanced_recovery && nobody_else => Some(*last),
            _ => None,
        }
    }

    /// The partition after the change, or none when nothing changes.
    pub fn apply(mut self, alive: impl Fn(BrokerId) -> bool) -> Option<Changed> {
        let before = self.partition;
        self.populate_elr();
        let elected = self.elect(alive);
        let new_leader = elected.leader != before.leader;
        let unclean = new_leader && elected.unclean;
        if new_leader {
            self.install(elected);
        }
        if unclean || !self.rules.elr {
            self.elr.clear();
            self.last_known_elr.clear();
        }
        if self.isr.is_empty() && !self.rules.elr {
            // The last replica standing stays in the set: only it is sure to have everything.
            self.isr = before.isr.to_vec();
        }
        self.remember_last_leader(elected.leader);
        let bump = new_leader || self.lost_replicas() || self.rules.bump_on_shrink && self.shrinks();
        let partition = Partition {
            replicas: self.replicas.into(),
            isr: self.isr.into(),
            elr: self.elr.into(),
            last_known_elr: self.last_known_elr.into(),
            leader: elected.leader,
            leader_epoch: before.leader_epoch + u32::from(bump),
            partition_epoch: before.partition_epoch,
            recovering: self.recovering || unclean,
        };
        if partition == *before {
            return None;
        }
        Some(Changed {
            partition: Partition { partition_epoch: before.partition_epoch + 1, ..partition },
            unclean,
        })
    }

    /// Whoever leaves a set that is too small stays eligible, unless it lost records (KIP-966).
    fn populate_elr(&mut self) {
        if !self.rules.elr {
            return;
        }
        if self.isr.len() >= self.min_insync_replicas as usize {
            self.elr.clear();
            self.last_known_elr.clear();
            return;
        }
        let outside = |replica: &BrokerId| !self.isr.contains(replica);
        let were: BTreeSet<_> = self.elr.iter().chain(self.partition.isr.iter()).copied().collect();
        let elr: Vec<_> =
            were.iter().copied().filter(outside).filter(|it| Some(*it) != self.unclean_shutdown).collect();
        let known: BTreeSet<_> = were.iter().chain(&self.last_known_elr).copied().collect();
        self.last_known_elr = known.into_iter().filter(outside).filter(|it| !elr.contains(it)).collect();
        self.elr = elr;
    }

    /// A leader from outside the in-sync set becomes the set.
    fn install(&mut self, elected: Elected) {
        let Some(leader) = elected.leader else { return };
        if elected.unclean || self.elr.contains(&leader) {
            self.isr = vec![leader];
            self.elr.retain(|replica| *replica != leader);
        }
    }

    /// With balanced recovery `last_known_elr` holds the last leader of an empty in-sync set, and only that.
    fn remember_last_leader(&mut self, leader: Option<BrokerId>) {
        if !self.rules.elr || !self.rules.balanced_recovery {
            return;
        }
        let before = self.partition;
        self.last_known_elr = if self.isr.is_empty() && !before.isr.is_empty() {
            before.leader.into_iter().collect()
        } else if leader.is_some() {
            Vec::new()
        } else {
            before.last_known_elr.to_vec()
        };
    }

    fn lost_replicas(&self) -> bool {
        self.partition.replicas.iter().any(|replica| !self.replicas.contains(replica))
    }

    fn shrinks(&self) -> bool {
        self.partition.isr.iter().any(|replica| !self.isr.contains(replica))
    }
}
