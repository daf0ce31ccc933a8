//! One connection as one end sees it.
//!
//! ```text
//! Absent --accept--> Open --broken--> Absent                            (the end that binds)
//! Calling --welcome--> Open --broken--> Pausing --redial--> Calling     (the end that connects)
//!    \--refused--> Pausing
//! ```

use super::config::{Side, SocketOptions};
use crate::kernel::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody is there: the peer has to call.
    Absent,
    /// Called, not answered yet.
    Calling,
    /// Refused or broken: waits before it calls again.
    Pausing,
    /// Connected.
    Open,
}

/// The state of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    state: State,
    /// Attempts in a row that came to nothing.
    failures: u32,
    /// The life of the peer's process that this connection is with.
    incarnation: u32,
}

impl Link {
    /// Not connected; nobody has called.
    pub(super) const ABSENT: Self = Self { state: State::Absent, failures: 0, incarnation: 0 };

    /// This end calls.
    pub(super) fn call(&mut self) {
        assert!(self.state != State::Open, "who is connected does not call");
        self.state = State::Calling;
    }

    /// The peer called in this life of its process. Whether that is a new connection.
    pub(super) fn accept(&mut self, incarnation: u32) -> bool {
        let known = self.state == State::Open && self.incarnation == incarnation;
        *self = Self { state: State::Open, failures: 0, incarnation };
        !known
    }

    /// The peer answered. Whether that made the connection.
    pub(super) fn welcome(&mut self) -> bool {
        let fresh = self.state != State::Open;
        *self = Self { state: State::Open, failures: 0, ..*self };
        fresh
    }

    /// It is broken, or the call was refused: how long to wait before calling again, if it is for this end to call.
    pub(super) fn broken(&mut self, side: Side, options: &SocketOptions) -> Option<Duration> {
        if side == Side::Bind {
            *self = Self::ABSENT;
            return None;
        }
        // A second refusal while it pauses counts as the same one.
        if self.state != State::Pausing {
            self.failures += 1;
        }
        self.state = State::Pausing;
        Some(options.pause_after(self.failures))
    }

    /// Connected.
    pub(super) fn is_open(self) -> bool {
        self.state == State::Open
    }

    /// Nobody has ever called, or the peer is gone.
    pub(super) fn is_absent(self) -> bool {
        self.state == State::Absent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_that_connects_pauses_longer_each_time_until_it_is_answered() {
        let millis = Duration::from_millis;
        let options = SocketOptions { reconnect_ivl_max: millis(1_000), ..SocketOptions::default() };
        let mut link = Link::ABSENT;
        let mut pauses = Vec::new();
        for _ in 0..3 {
            link.call();
            pauses.push(link.broken(Side::Connect, &options));
        }
        assert_eq!(pauses, [100, 200, 400].map(|ms| Some(millis(ms))));
        assert!(link.welcome() && link.is_open());
        assert_eq!(link.broken(Side::Connect, &options), Some(millis(100)));
    }

    #[test]
    fn the_end_that_binds_forgets() {
        let mut link = Link::ABSENT;
        assert!(link.accept(1));
        assert!(!link.accept(1), "the same call again");
        assert!(link.accept(2), "the peer was born again");
        assert_eq!(link.broken(Side::Bind, &SocketOptions::default()), None);
        assert!(link.is_absent());
    }
}
