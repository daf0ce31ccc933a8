//! The connections: which requests are under way to which broker, when they time out, and which brokers
//! are left alone for a while.
//!
//! **Invariant.** Every request ends exactly once: answered, or failed by a reset or a timeout. An answer
//! that comes after that finds no call and is dropped, as on a closed socket.
//!
//! Not modelled: that Kafka keeps a connection of its own to the group's coordinator; here one connection
//! to a broker carries everything, so a request that times out takes the others to that broker with it.

use std::sync::Arc;

use crate::kernel::{Addr, Duration, NodeId, Rng, Time};
use crate::trace::PlaceId;
use crate::trace::kafka::BrokerId;
use crate::wire::kafka::{OffsetSpec, ToBroker};

/// A broker's number in the consumer's list of brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seat(pub u32);

impl Seat {
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a commit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// `auto.commit.interval.ms` has passed.
    Interval,
    /// The member is about to rejoin.
    Rejoin,
    /// `commitSync()`.
    Settle,
}

/// What was asked, as far as it is needed to understand the answer.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Metadata,
    Fetch,
    ListOffsets(Arc<[(PlaceId, OffsetSpec)]>),
    EpochEnd(Arc<[(PlaceId, u32)]>),
    FindCoordinator,
    JoinGroup,
    SyncGroup { generation: u32 },
    Heartbeat { generation: u32 },
    LeaveGroup,
    Commit { purpose: Purpose, generation: u32 },
    OffsetFetch { generation: Option<u32>, places: Arc<[PlaceId]> },
}

impl Ask {
    fn is_for_coordinator(&self) -> bool {
        match self {
            Self::JoinGroup
            | Self::SyncGroup { .. }
            | Self::Heartbeat { .. }
            | Self::LeaveGroup
            | Self::Commit { .. }
            | Self::OffsetFetch { .. } => true,
            Self::Metadata
            | Self::Fetch
            | Self::ListOffsets(_)
            | Self::EpochEnd(_)
            | Self::FindCoordinator => false,
        }
    }
}

/// A request under way.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub correlation: u32,
    pub seat: Seat,
    pub ask: Ask,
    deadline: Time,
}

/// Waiting times that double up to a bound, give or take a fifth (KIP-144, KIP-580).
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    first: Duration,
    max: Duration,
}

impl Backoff {
    pub fn new(first: Duration, max: Duration) -> Self {
        Self { first, max }
    }

    /// How long to wait after `failures` earlier failures.
    pub fn delay(self, failures: u32, rng: &mut Rng) -> Duration {
        let doubled = self.first * (1_u64 << failures.min(20));
        let jittered = doubled.min(self.max.max(self.first)) * (800 + rng.below(401)) / 1_000;
        jittered.min(self.max.max(self.first))
    }
}

#[derive(Clone, Debug, Default)]
struct Link {
    failures: u32,
    not_before: Time,
    calls: u32,
}

/// All brokers, as connections.
#[derive(Clone, Debug)]
pub(super) struct Brokers {
    seats: Arc<[(BrokerId, NodeId, Addr<ToBroker>)]>,
    links: Vec<Link>,
    calls: Vec<Call>,
    backoff: Backoff,
    correlation: u32,
}

impl Brokers {
    /// Connections of a new incarnation, which numbers its requests on after `correlation`: answers to the
    /// old one must not be taken for its own.
    pub fn new(seats: Arc<[(BrokerId, NodeId, Addr<ToBroker>)]>, backoff: Backoff, correlation: u32) -> Self {
        assert!(!seats.is_empty(), "bootstrap.servers names a broker");
        let links = vec![Link::default(); seats.len()];
        Self { seats, links, calls: Vec::new(), backoff, correlation }
    }

    /// The number of the last request.
    pub fn correlation(&self) -> u32 {
        self.correlation
    }

    /// Notes a request and gives it its number.
    pub fn call(&mut self, seat: Seat, ask: Ask, deadline: Time) -> u32 {
        self.correlation = self.correlation.wrapping_add(1);
        self.links[seat.index()].calls += 1;
        self.calls.push(Call { correlation: self.correlation, seat, ask, deadline });
        self.correlation
    }

    /// The call that this answer belongs to; the connection is fine.
    pub fn answered(&mut self, correlation: u32) -> Option<Call> {
        let index = self.calls.iter().position(|call| call.correlation == correlation)?;
        let call = self.calls.remove(index);
        let link = &mut self.links[call.seat.index()];
        link.calls -= 1;
        link.failures = 0;
        Some(call)
    }

    /// Where this request went, as long as it is under way.
    pub fn awaits(&self, correlation: u32) -> Option<Seat> {
        self.calls.iter().find(|call| call.correlation == correlation).map(|call| call.seat)
    }

    /// The connection is gone: what was under way on it.
    pub fn disconnected(&mut self, seat: Seat, now: Time, rng: &mut Rng) -> Vec<Call> {
        let link = &mut self.links[seat.index()];
        link.not_before = now + self.backoff.delay(link.failures, rng);
        link.failures += 1;
        link.calls = 0;
        self.calls.extract_if(.., |call| call.seat == seat).collect()
    }

    /// Ends what was asked of this broker as coordinator of the group.
    pub fn abandon_group(&mut self, seat: Seat) -> Vec<Call> {
        let abandoned: Vec<_> =
            self.calls.extract_if(.., |call| call.seat == seat && call.ask.is_for_coordinator()).collect();
        self.links[seat.index()].calls -= abandoned.len() as u32;
        abandoned
    }

    /// A broker with a request that waits for its answer too long (`request.timeout.ms`).
    pub fn overdue(&self, now: Time) -> Option<Seat> {
        self.calls.iter().find(|call| call.deadline <= now).map(|call| call.seat)
    }

    /// When the next request is overdue.
    pub fn next_deadline(&self) -> Option<Time> {
        self.calls.iter().map(|call| call.deadline).min()
    }

    pub fn is_open(&self, seat: Seat, now: Time) -> bool {
        self.links[seat.index()].not_before <= now
    }

    /// When this broker may be talked to again.
    pub fn opens_at(&self, seat: Seat) -> Time {
        self.links[seat.index()].not_before
    }

    /// When the first of them may be talked to again.
    pub fn first_opens_at(&self) -> Time {
        self.links.iter().map(|link| link.not_before).min().expect("there is a broker")
    }

    /// Any broker in service with the fewest requests under way, from a random one on
    /// (`NetworkClient.leastLoadedNode`); `alive` is empty while nothing is known.
    pub fn least_loaded(&self, alive: &[BrokerId], now: Time, rng: &mut Rng) -> Option<Seat> {
        let count = self.seats.len();
        let start = rng.below(count as u64) as usize;
        let order = (0..count).map(|step| (start + step) % count);
        let serves = |index: &usize| alive.is_empty() || alive.binary_search(&self.seats[*index].0).is_ok();
        order
            .filter(|index| self.is_open(Seat(*index as u32), now) && serves(index))
            .min_by_key(|index| self.links[*index].calls)
            .map(|index| Seat(index as u32))
    }

    pub fn addr(&self, seat: Seat) -> Addr<ToBroker> {
        self.seats[seat.index()].2
    }

    pub fn on_node(&self, node: NodeId) -> Option<Seat> {
        self.seats.iter().position(|(_, at, _)| *at == node).map(|index| Seat(index as u32))
    }

    pub fn seat(&self, id: BrokerId) -> Option<Seat> {
        self.seats.binary_search_by_key(&id, |(id, ..)| *id).ok().map(|index| Seat(index as u32))
    }

    pub fn len(&self) -> usize {
        self.seats.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backoff_doubles_up_to_its_bound_give_or_take_a_fifth() {
        let ms = Duration::from_millis;
        let backoff = Backoff::new(ms(100), ms(1_000));
        let mut rng = Rng::named(1, "backoff");
        for (failures, least, most) in [(0, 80, 120), (1, 160, 240), (2, 320, 480), (3, 640, 960)] {
            let delays: Vec<_> = (0..100).map(|_| backoff.delay(failures, &mut rng)).collect();
            assert!(delays.iter().all(|delay| (ms(least)..=ms(most)).contains(delay)), "{delays:?}");
            assert!(delays.iter().min() < delays.iter().max());
        }
        assert!((0..100).all(|_| backoff.delay(60, &mut rng) <= ms(1_000)));
    }
}
