//! One connection to a broker: requests in flight, and the wait before the next try when it is gone.
//!
//! **Invariant.** No more than `max.in.flight.requests.per.connection` requests are in flight. A broker
//! answers each of them once or the connection ends, and all of them end with it.

use std::collections::VecDeque;

use super::backoff::Backoff;
use super::batch::BatchKey;
use crate::kernel::{Rng, Time};
use crate::trace::PlaceId;

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// To append these batches, in this order.
    Produce(Vec<(PlaceId, BatchKey)>),
    /// For metadata.
    Metadata,
    /// For an identity.
    InitProducerId,
}

/// A connection to a broker.
#[derive(Clone, Debug)]
pub struct Connection {
    calls: VecDeque<(u32, Time, Call)>,
    max_in_flight: usize,
    /// Gone until then.
    down_until: Time,
    failures: u32,
    backoff: Backoff,
    /// The partition after the one that was looked at last: requests begin there.
    pub drain_from: u32,
    /// When it last had something to carry, and when it last took something.
    pub ready_at: Time,
    /// See [`Connection::ready_at`].
    pub drained_at: Time,
}

impl Connection {
    /// An idle connection.
    pub fn new(max_in_flight: u32, backoff: Backoff) -> Self {
        Self {
            calls: VecDeque::new(),
            max_in_flight: max_in_flight as usize,
            down_until: Time::ZERO,
            failures: 0,
            backoff,
            drain_from: 0,
            ready_at: Time::ZERO,
            drained_at: Time::ZERO,
        }
    }

    /// A request was sent that is answered by `deadline`, or the connection is given up.
    pub fn sent(&mut self, correlation: u32, deadline: Time, call: Call) {
        assert!(self.calls.len() < self.max_in_flight, "the bound on requests in flight holds");
        self.calls.push_back((correlation, deadline, call));
    }

    /// An answer came. `None` when it belongs to a connection that is gone.
    pub fn answered(&mut self, correlation: u32) -> Option<Call> {
        let index = self.calls.iter().position(|(number, ..)| *number == correlation)?;
        self.failures = 0;
        self.calls.remove(index).map(|(_, _, call)| call)
    }

    /// Whether this request has not been answered yet.
    pub fn awaits(&self, correlation: u32) -> bool {
        self.calls.iter().any(|(number, ..)| *number == correlation)
    }

    /// The connection is gone; returns what was in flight. Again only after a while.
    pub fn lost(&mut self, now: Time, rng: &mut Rng) -> VecDeque<(u32, Time, Call)> {
        if now >= self.down_until {
            self.down_until = now + self.backoff.wait(self.failures, rng);
            self.failures += 1;
        }
        std::mem::take(&mut self.calls)
    }

    /// Whether a request may be sent now.
    #[inline]
    pub fn can_send(&self, now: Time) -> bool {
        self.calls.len() < self.max_in_flight && now >= self.down_until
    }

    /// When the request that has waited longest is given up.
    pub fn timeout(&self) -> Time {
        self.calls.front().map_or(Time::NEVER, |(_, deadline, _)| *deadline)
    }

    /// Until when it is gone, when it is.
    pub fn back(&self, now: Time) -> Time {
        if self.down_until > now { self.down_until } else { Time::NEVER }
    }

    /// Whether this was asked and is not answered yet.
    pub fn carries(&self, call: &Call) -> bool {
        self.calls.iter().any(|(_, _, other)| other == call)
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> usize {
        self.calls.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Duration;

    #[test]
    fn a_lost_connection_comes_back_later_each_time_until_it_answers() {
        let ms = Duration::from_millis;
        let mut rng = Rng::named(1, "");
        let mut connection = Connection::new(1, Backoff::exact(ms(50), ms(150)));
        let mut now = Time::ZERO;
        for wait in [50, 100, 150, 150] {
            assert!(connection.can_send(now));
            connection.lost(now, &mut rng);
            assert!(connection.lost(now + ms(1), &mut rng).is_empty(), "a second word about it");
            assert_eq!(connection.back(now), now + ms(wait));
            now += ms(wait);
        }
        connection.sent(7, now + ms(30), Call::Metadata);
        assert!(!connection.can_send(now), "one in flight is the bound");
        assert_eq!(connection.answered(8), None);
        assert_eq!(connection.answered(7), Some(Call::Metadata));
        connection.lost(now, &mut rng);
        assert_eq!(connection.back(now), now + ms(50));
    }
}
