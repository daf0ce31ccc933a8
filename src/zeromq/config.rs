//! Socket options as the model reads them: typed, under ZeroMQ's own names, with libzmq's defaults.
//!
//! Source: `../shared/oracles/zeromq/defaults.tsv`, sheet `rabbitmq-mqtt-zeromq.md` A3, `zmq_setsockopt(3)`.

use crate::kernel::Duration;

/// Options of one socket. A bare high-water mark counts messages of one pipe.
#[derive(Clone, Debug, PartialEq)]
pub struct SocketOptions {
    /// `SNDHWM`: messages queued for one peer at most; 0 is without bound.
    pub sndhwm: u32,
    /// `RCVHWM`: messages queued from one peer at most; 0 is without bound.
    pub rcvhwm: u32,
    /// `LINGER`: how long close waits for unsent messages; none waits for ever.
    pub linger: Option<Duration>,
    /// `IMMEDIATE`: a pipe exists only while its connection does.
    pub immediate: bool,
    /// `CONFLATE`: a queue of one message, the newest; high-water marks do not count.
    pub conflate: bool,
    /// `SNDTIMEO`: how long `send` blocks before it fails with EAGAIN; none blocks for ever, zero not at all.
    pub sndtimeo: Option<Duration>,
    /// `RECONNECT_IVL`: the pause before a broken connection is tried again.
    pub reconnect_ivl: Duration,
    /// `RECONNECT_IVL_MAX`: when not zero, the pause doubles with each failure up to this.
    pub reconnect_ivl_max: Duration,
    /// `HANDSHAKE_IVL`: a connection that was not answered for this long is tried again.
    pub handshake_ivl: Duration,
    /// `SNDBUF`: bytes that the sender's kernel holds for one TCP connection.
    pub sndbuf: u32,
    /// `RCVBUF`: bytes that the receiver's kernel holds for one TCP connection.
    pub rcvbuf: u32,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            sndhwm: 1_000,
            rcvhwm: 1_000,
            linger: None,
            immediate: false,
            conflate: false,
            sndtimeo: None,
            reconnect_ivl: Duration::from_millis(100),
            reconnect_ivl_max: Duration::ZERO,
            handshake_ivl: Duration::from_secs(30),
            // -1 leaves it to the system: the middle values of Linux's tcp_wmem and tcp_rmem.
            sndbuf: 16_384,
            rcvbuf: 131_072,
        }
    }
}

impl SocketOptions {
    /// The pause before attempt number `failures` + 1 (`failures` at least 1).
    pub(super) fn pause_after(&self, failures: u32) -> Duration {
        if self.reconnect_ivl_max <= self.reconnect_ivl {
            return self.reconnect_ivl;
        }
        let doubled = self.reconnect_ivl * (1 << (failures - 1).min(30));
        doubled.min(self.reconnect_ivl_max)
    }
}

/// Which end of a connection listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `zmq_bind`: pipes come and go with the peers.
    Bind,
    /// `zmq_connect`: the pipe is made at once and outlives its connections.
    Connect,
}

impl Side {
    /// What the peer does.
    pub fn other(self) -> Self {
        match self {
            Self::Bind => Self::Connect,
            Self::Connect => Self::Bind,
        }
    }
}

/// A PUSH/PULL channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Options of each PUSH socket.
    pub push: SocketOptions,
    /// Options of each PULL socket.
    pub pull: SocketOptions,
    /// What PUSH sockets do; PULL sockets do the other.
    pub push_side: Side,
    /// Messages handed to an application at a time, at most; at least 1 (a plain `recv` loop).
    pub receive_batch: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            push: SocketOptions::default(),
            pull: SocketOptions::default(),
            push_side: Side::Bind,
            receive_batch: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_is_fixed_unless_it_has_a_maximum() {
        let fixed = SocketOptions::default();
        assert_eq!([1, 2, 9].map(|n| fixed.pause_after(n).as_millis()), [100, 100, 100]);
        let doubling = SocketOptions { reconnect_ivl_max: Duration::from_millis(500), ..fixed };
        assert_eq!([1, 2, 3, 4, 99].map(|n| doubling.pause_after(n).as_millis()), [100, 200, 400, 500, 500]);
    }
}
