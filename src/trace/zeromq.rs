//! What ZeroMQ does beyond the life of records.

use serde::Serialize;

use crate::kernel::ActorId;

/// One thing that ZeroMQ did. The event's actor is the socket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum ZeroMq {
    /// A pipe to a peer exists.
    Connected {
        /// The other socket.
        peer: ActorId,
    },
    /// The pipe to a peer is gone, with what lay in it.
    Disconnected {
        /// The other socket.
        peer: ActorId,
        /// How many messages were destroyed with it.
        lost: u32,
    },
    /// Every pipe is full or there is none: `send` blocks.
    Blocked,
    /// A pipe has room again.
    Unblocked,
}
