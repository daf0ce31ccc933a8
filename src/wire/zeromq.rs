//! What ZeroMQ sockets say to each other: ZMTP reduced to what decides about messages.

use crate::kernel::Addr;
use crate::trace::{Body, Record};
use std::sync::Arc;

/// From a socket to its peer.
#[derive(Clone, Debug)]
pub enum Frame {
    /// Let us have a pipe.
    Hello {
        /// Where to answer.
        from: Addr<Frame>,
        /// Counts the lives of the speaker's process: another number is another connection.
        incarnation: u32,
        /// How many messages the speaker queues for receiving (RCVHWM); 0 is without bound.
        receive_hwm: u32,
    },
    /// There is one.
    Welcome {
        /// How many messages the speaker queues for receiving (RCVHWM); 0 is without bound.
        receive_hwm: u32,
    },
    /// A message.
    Message(Record, Option<Arc<Body>>),
    /// The reader's application has taken so many since the reader last said so. Said at each delivery; when
    /// that gives the writer room is the writer's arithmetic. Stands for TCP's window, so it has no size.
    Taken(u32),
    /// There is no pipe any more: the speaker closed its socket, or knows nothing of one.
    Bye,
}

/// ZMTP 3 greeting and a frame's header.
const HELLO: u32 = 64;
const HEADER: u32 = 9;

impl Frame {
    /// Bytes on the wire.
    pub fn bytes(&self) -> u32 {
        match self {
            Self::Hello { .. } | Self::Welcome { .. } => HELLO,
            Self::Message(record, _) => HEADER + record.bytes(),
            Self::Taken(_) => 0,
            Self::Bye => HEADER,
        }
    }
}
