//! Connections: one request in work at a time, the others wait their turn.

use std::collections::VecDeque;

use crate::kernel::{Addr, Duration, Time};
use crate::wire::kafka::{FromBroker, Request, ToBroker};

/// Who asked, and for which of its questions an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asker {
    pub(super) reply_to: Addr<FromBroker>,
    /// Consumers talk to their coordinator on a connection of its own, so that heartbeats do not wait behind
    /// long polls.
    pub(super) line: Line,
    pub(super) correlation: u32,
}

/// Which of a client's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Line {
    Data,
    Coordinator,
}

impl Asker {
    pub(super) fn of(asked: &ToBroker) -> Self {
        let line = match asked.request {
            Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::Heartbeat(..)
            | Request::LeaveGroup(..)
            | Request::OffsetCommit(_)
            | Request::OffsetFetch(..) => Line::Coordinator,
            Request::Produce(_)
            | Request::Fetch(_)
            | Request::Metadata
            | Request::Terminate
            | Request::InitProducerId(_)
            | Request::ListOffsets(_)
            | Request::FindCoordinator(_)
            | Request::EpochEnd(_) => Line::Data,
        };
        Self { reply_to: asked.reply_to, line, correlation: asked.correlation }
    }
}

#[derive(Clone, Debug)]
struct Connection {
    client: Addr<FromBroker>,
    /// The number of the request in work.
    in_work: Option<u32>,
    free_at: Time,
    waiting: VecDeque<ToBroker>,
}

/// All connections of a broker.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    /// By the number of the client's seat, and by line.
    by_client: Vec<[Option<Box<Connection>>; 2]>,
}

impl Connections {
    /// Takes a request: to be served now, or kept until its connection is free.
    pub(super) fn admit(&mut self, asked: ToBroker) -> Option<ToBroker> {
        let connection = self.of(Asker::of(&asked));
        if connection.in_work.is_some() {
            connection.waiting.push_back(asked);
            return None;
        }
        connection.in_work = Some(asked.correlation);
        Some(asked)
    }

    /// How long a handler is busy with a request of this cost: responses keep the order of requests, so it
    /// also waits for the one before.
    pub(super) fn busy_for(&mut self, asker: Asker, now: Time, cost: Duration) -> Duration {
        let connection = self.of(asker);
        let wait = connection.free_at.since(now) + cost;
        connection.free_at = now + wait;
        wait
    }

    /// The request is answered: the next one of its connection, if there is one. Nothing when the connection
    /// on which it came is gone.
    pub(super) fn release(&mut self, asker: Asker) -> Option<ToBroker> {
        let connection = self.of(asker);
        if connection.in_work != Some(asker.correlation) {
            return None;
        }
        let next = connection.waiting.pop_front();
        connection.in_work = next.as_ref().map(|next| next.correlation);
        next
    }

    /// These clients are gone, and their connections with them; they come back with new ones. What is held
    /// for them is answered to nobody.
    pub(super) fn hang_up(&mut self, gone: impl Fn(Addr<FromBroker>) -> bool) {
        for line in self.by_client.iter_mut().flatten() {
            if line.as_ref().is_some_and(|connection| gone(connection.client)) {
                *line = None;
            }
        }
    }

    #[inline]
    fn of(&mut self, asker: Asker) -> &mut Connection {
        let client = asker.reply_to.id().0 as usize;
        if client >= self.by_client.len() {
            self.by_client.resize_with(client + 1, Default::default);
        }
        let line = &mut self.by_client[client][asker.line as usize];
        line.get_or_insert_with(|| Box::new(Connection::new(asker.reply_to)))
    }
}

impl Connection {
    fn new(client: Addr<FromBroker>) -> Self {
        Self { client, in_work: None, free_at: Time::ZERO, waiting: VecDeque::new() }
    }
}
