//! Which brokers are registered, and which of them are heard of.
//!
//! **Invariant.** A broker is unfenced only when it has taken in the metadata up to its own registration, and
//! only while its session lasts.
//!
//! Source: oracle sheet 07, 7e (`BrokerHeartbeatManager`).

use std::collections::BTreeMap;

use crate::kernel::{Duration, Time};
use crate::trace::kafka::BrokerId;

/// A broker as the controller knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broker {
    /// Its incarnation: the metadata version of its registration.
    pub epoch: u64,
    /// How it stands.
    pub standing: Standing,
    /// When it was heard of last.
    pub last_contact: Time,
    /// How much of the metadata it has taken in.
    pub metadata_version: u64,
    /// Whether this incarnation has sent a heartbeat.
    pub spoken: bool,
}

/// How a broker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Out of service.
    Fenced,
    /// In service.
    Unfenced,
    /// In service, but leads nothing any more; may go when all others know this version of the metadata.
    ControlledShutdown {
        /// The version in which its leaderships were moved.
        version: u64,
    },
}

/// What a heartbeat leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Stays, or goes, out of service.
    Fenced,
    /// Stays, or comes, into service.
    Unfenced,
    /// Its leaderships have to be moved.
    ControlledShutdown,
    /// It may go.
    ShutdownNow,
}

/// What a broker says in its heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beat {
    /// How much of the metadata it has taken in.
    pub metadata_version: u64,
    /// It wants to go.
    pub want_shutdown: bool,
}

/// All registered brokers.
#[derive(Clone, Debug)]
pub(super) struct Liveness {
    session_timeout: Duration,
    brokers: BTreeMap<BrokerId, Broker>,
}

impl Liveness {
    /// Nobody yet. `session_timeout` is `broker.session.timeout.ms`.
    pub fn new(session_timeout: Duration) -> Self {
        Self { session_timeout, brokers: BTreeMap::new() }
    }

    /// A new incarnation, fenced at first.
    pub fn register(&mut self, now: Time, broker: BrokerId, epoch: u64) {
        let standing = Standing::Fenced;
        let fresh = Broker { epoch, standing, last_contact: now, metadata_version: 0, spoken: false };
        self.brokers.insert(broker, fresh);
    }

    /// The broker was heard of.
    pub fn touch(&mut self, now: Time, broker: BrokerId, metadata_version: u64) {
        let known = self.brokers.get_mut(&broker).expect("who is heard of is registered");
        known.last_contact = now;
        known.metadata_version = metadata_version;
        known.spoken = true;
    }

    /// Gives everybody a whole session: a controller that comes up has heard of nobody.
    pub fn touch_all(&mut self, now: Time) {
        self.brokers.values_mut().for_each(|broker| broker.last_contact = now);
    }

    /// Changes how a broker stands.
    pub fn stand(&mut self, broker: BrokerId, standing: Standing) {
        self.brokers.get_mut(&broker).expect("a broker that stands is registered").standing = standing;
    }

    /// The broker, when it is registered.
    pub fn get(&self, broker: BrokerId) -> Option<&Broker> {
        self.brokers.get(&broker)
    }

    /// The broker, when it is registered in this incarnation.
    pub fn incarnation(&self, broker: BrokerId, epoch: u64) -> Option<&Broker> {
        self.brokers.get(&broker).filter(|known| known.epoch == epoch)
    }

    /// Whether the broker may lead and be in sync: unfenced and not on its way out.
    pub fn is_active(&self, broker: BrokerId) -> bool {
        self.get(broker).is_some_and(|known| known.standing == Standing::Unfenced)
    }

    /// Those not fenced, by ascending id, with their incarnations.
    pub fn unfenced(&self) -> impl Iterator<Item = (BrokerId, u64)> + '_ {
        self.standing().map(|(broker, known)| (broker, known.epoch))
    }

    /// Whether the broker is unfenced and was heard of within the session timeout.
    pub fn has_valid_session(&self, now: Time, broker: BrokerId) -> bool {
        self.sessions().any(|(known, heard)| known == broker && heard + self.session_timeout >= now)
    }

    /// The one whose session ended longest ago.
    pub fn stale(&self, now: Time) -> Option<BrokerId> {
        let (broker, heard) = self.oldest()?;
        (heard + self.session_timeout < now).then_some(broker)
    }

    /// Until when every session lasts.
    pub fn next_check(&self) -> Option<Time> {
        self.oldest().map(|(_, heard)| heard + self.session_timeout)
    }

    /// What this heartbeat leads to.
    ///
    /// # Panics
    /// When the broker is not registered.
    pub fn next(&self, broker: BrokerId, beat: Beat, leads: bool) -> Next {
        let known = self.get(broker).expect("who beats is registered");
        match known.standing {
            Standing::Fenced if beat.want_shutdown => Next::ShutdownNow,
            Standing::Fenced if beat.metadata_version >= known.epoch => Next::Unfenced,
            Standing::Fenced => Next::Fenced,
            Standing::Unfenced if !beat.want_shutdown => Next::Unfenced,
            Standing::Unfenced if leads => Next::ControlledShutdown,
            Standing::Unfenced => Next::ShutdownNow,
            Standing::ControlledShutdown { .. } if leads => Next::ControlledShutdown,
            Standing::ControlledShutdown { version } if version <= self.lowest_active_version() => {
                Next::ShutdownNow
            }
            Standing::ControlledShutdown { .. } => Next::ControlledShutdown,
        }
    }

    fn lowest_active_version(&self) -> u64 {
        let active = self.brokers.values().filter(|broker| broker.standing == Standing::Unfenced);
        active.map(|broker| broker.metadata_version).min().unwrap_or(u64::MAX)
    }

    fn oldest(&self) -> Option<(BrokerId, Time)> {
        self.sessions().min_by_key(|(broker, heard)| (*heard, *broker))
    }

    fn sessions(&self) -> impl Iterator<Item = (BrokerId, Time)> + '_ {
        self.standing().map(|(broker, known)| (broker, known.last_contact))
    }

    fn standing(&self) -> impl Iterator<Item = (BrokerId, &Broker)> + '_ {
        let unfenced = |known: &Broker| known.standing != Standing::Fenced;
        self.brokers.iter().filter(move |(_, known)| unfenced(known)).map(|(broker, known)| (*broker, known))
    }
}
