//! The port: what passes between an application and its client, the same for every system.
//!
//! The seam is the client API, not the wire, because the real clients bring their own protocol.
//!
//! Publishing: the application offers records; a client that has no room says [`FromPublisher::Blocked`] and
//! the application waits for [`FromPublisher::Ready`], as a blocking `send()` makes it wait. Records that it
//! offers meanwhile wait in the client, outside its buffer, and their `max.block.ms` runs.
//!
//! Reading is driven by the application, as in a poll loop: it says [`ToSubscriber::Next`] when it has done
//! with everything it was handed, and is handed some more when there is more.

use std::sync::Arc;

use crate::trace::{Body, ChannelId, PlaceId, Record, RecordId, Span};

/// From an application to the client that publishes for it.
#[derive(Clone, Debug)]
pub enum ToPublisher {
    /// One record.
    Publish(ChannelId, Record, Option<Arc<Body>>),
    /// Several records made at once; `bodies` is empty or has one for each.
    PublishAll(ChannelId, Arc<[Record]>, Arc<[Body]>),
    /// Send what is waiting, whatever the linger time, and say [`FromPublisher::Flushed`] when every record
    /// offered so far has its outcome.
    Flush,
    /// Flush, and then no more. What is published after that goes through a new client.
    Close,
}

/// From a publishing client to its application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromPublisher {
    /// No room: `send()` blocks.
    Blocked,
    /// It returns.
    Ready,
    /// Consecutive records of an application that asked to be told have their outcome: the callback of
    /// `send()`. One message for each run of them.
    Outcome {
        /// The first.
        first: RecordId,
        /// How many.
        records: u32,
        /// Whether the system has promised to keep them.
        accepted: bool,
    },
    /// Every record offered before the matching [`ToPublisher::Flush`] has its outcome.
    Flushed {
        /// How many of them, since the last flush, were not accepted.
        failed: u32,
    },
}

/// From an application to the client that reads for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToSubscriber {
    /// `poll()`: everything handed over before is processed; more, please.
    Next,
    /// `commitSync()`: settle everything handed over so far, then say [`FromSubscriber::Settled`].
    Settle,
    /// Leave in good order: `close()`, when all that was handed over is done with. A `Next` after that is the first
    /// poll of a new client.
    Close,
    /// Leave in good order from inside `poll()`: `wakeup()`, and then `close()`. What crosses it on the way was never
    /// returned by that poll: it is not settled by leaving.
    Leave,
}

/// From a reading client to its application.
#[derive(Clone, Debug)]
pub enum FromSubscriber {
    /// Records, in answer to [`ToSubscriber::Next`]. No delivery when the poll returned empty: a loop that commits
    /// after each poll does so after this one, too.
    Deliver(Arc<[Delivery]>),
    /// Whether the system has taken the settlement.
    Settled {
        /// False: it was refused, and what was handed over will come again, here or elsewhere.
        accepted: bool,
    },
    /// The member reads from these places now.
    Assigned(Arc<[PlaceId]>),
    /// It does not read from these any more.
    Revoked(Arc<[PlaceId]>),
}

/// Consecutive records of a place, handed to an application.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Where they come from.
    pub place: PlaceId,
    /// The offset of the first; 0 where there are none.
    pub offset: u64,
    /// The records.
    pub span: Span,
}
