//! The writer's end of a pipe: what is queued, what is under way, and when there is room again.
//!
//! Inproc, a pipe is one queue of SNDHWM + RCVHWM messages. Over TCP it is three in a row: SNDHWM messages in
//! the writer's queue, as many bytes as both kernels buffer, RCVHWM messages in the reader's queue. A message
//! that has left the writer's queue is *under way* until the reader's application has taken it.
//!
//! **Invariant.** A queue of `hwm` messages that was full has room again when `lwm = (hwm + 1) / 2` of them
//! were read, not earlier, and then for `lwm` at once. Either mark 0 makes an inproc pipe unbounded.
//!
//! **Not modelled:** the phase of the reader's reports on the writer's own queue over TCP (libzmq counts to
//! lwm from the first message of the pipe, here from the moment it was full), automatic tuning of the
//! kernel's buffers, and the reader's and writer's kernel buffers as two.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::trace::{Batch, Body, Ids, Record};

/// A message: a record and, when somebody reads it, what it carries.
pub(super) type Message = (Record, Option<Arc<Body>>);

/// What a pipe runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// Memory: both ends share one queue.
    Inproc,
    /// A connection whose two kernels buffer so many bytes.
    Tcp {
        /// SNDBUF of the writer and RCVBUF of the reader.
        buffer: u64,
    },
}

/// The writer's end of a pipe.
#[derive(Clone, Debug)]
pub(super) struct Pipe {
    transport: Transport,
    send_hwm: u32,
    conflate: bool,
    /// The mark of the queue that the reader empties; none while there is no connection.
    reader_hwm: Option<u32>,
    unsent: VecDeque<Message>,
    /// The writer's own queue was full, and too little has left it since.
    muted: bool,
    /// Under way, oldest first.
    under_way: VecDeque<Record>,
    /// Taken by the reader's application and not yet counted as room.
    unreported: u32,
    /// Sizes of those under way that are still in the kernel: the newest.
    kernel: VecDeque<u64>,
    kernel_bytes: u64,
}

impl Pipe {
    /// A pipe without a connection.
    pub(super) fn new(transport: Transport, send_hwm: u32, conflate: bool) -> Self {
        Self {
            transport,
            send_hwm,
            conflate,
            reader_hwm: None,
            unsent: VecDeque::new(),
            muted: false,
            under_way: VecDeque::new(),
            unreported: 0,
            kernel: VecDeque::new(),
            kernel_bytes: 0,
        }
    }

    /// A connection is made with a reader that queues so many messages (0: without bound).
    pub(super) fn open(&mut self, receive_hwm: u32) {
        assert!(self.under_way.is_empty(), "nothing is under way before there is a connection");
        self.reader_hwm = Some(match self.transport {
            Transport::Tcp { .. } => receive_hwm,
            Transport::Inproc if self.send_hwm == 0 || receive_hwm == 0 => 0,
            Transport::Inproc => self.send_hwm + receive_hwm,
        });
    }

    /// Puts a message in; the one that it displaced, with CONFLATE.
    ///
    /// # Panics
    /// When there is no room.
    pub(super) fn push(&mut self, message: Message) -> Option<Record> {
        assert!(self.has_room(), "nothing is pushed into a full pipe");
        let displaced = if self.conflate { self.unsent.pop_front() } else { None };
        self.unsent.push_back(message);
        self.muted = !self.conflate && self.send_hwm > 0 && self.unsent.len() >= self.send_hwm as usize;
        displaced.map(|(record, _)| record)
    }

    /// The next message that can leave for the reader now.
    pub(super) fn next(&mut self) -> Option<Message> {
        let bytes = u64::from(self.unsent.front()?.0.bytes());
        if !self.reader_takes() {
            if !self.kernel_takes(bytes) {
                return None;
            }
            self.kernel.push_back(bytes);
            self.kernel_bytes += bytes;
        }
        let message = self.unsent.pop_front().expect("it was looked at");
        self.under_way.push_back(message.0);
        if self.unsent.len() + low_water_mark(self.send_hwm) as usize <= self.send_hwm as usize {
            self.muted = false;
        }
        Some(message)
    }

    /// The reader's application has taken the `count` oldest of those under way.
    pub(super) fn taken(&mut self, count: u32) {
        let hwm = self.reader_hwm.expect("only a reader takes");
        assert!(count as usize <= self.under_way.len(), "what is taken was under way");
        self.under_way.drain(..count as usize);
        if hwm == 0 {
            return;
        }
        self.unreported += count;
        self.unreported %= low_water_mark(hwm);
        // What the reader has room for now leaves the kernel.
        while self.in_reader() < hwm as usize
            && let Some(bytes) = self.kernel.pop_front()
        {
            self.kernel_bytes -= bytes;
        }
    }

    /// The connection is gone: what was under way, lost with it. What was not sent is kept.
    pub(super) fn disconnect(&mut self) -> Vec<Record> {
        self.reader_hwm = None;
        self.unreported = 0;
        self.kernel.clear();
        self.kernel_bytes = 0;
        self.under_way.drain(..).collect()
    }

    /// Empties the writer's queue: what was in it.
    pub(super) fn destroy_unsent(&mut self) -> Vec<Record> {
        self.muted = false;
        self.unsent.drain(..).map(|(record, _)| record).collect()
    }

    /// Whether another message goes in.
    pub(super) fn has_room(&self) -> bool {
        if self.conflate {
            return true;
        }
        match (self.transport, self.reader_hwm) {
            (Transport::Inproc, Some(hwm)) => {
                hwm == 0 || self.outstanding() + self.unsent.len() < hwm as usize
            }
            (Transport::Inproc, None) | (Transport::Tcp { .. }, _) => !self.muted,
        }
    }

    /// Whether everything has left for the reader.
    pub(super) fn is_sent(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Changes SNDHWM of a pipe that exists; `receive_hwm` is the peer's. Only setsockopt does that.
    #[cfg(test)]
    pub(super) fn set_send_hwm(&mut self, send_hwm: u32, receive_hwm: u32) {
        self.send_hwm = send_hwm;
        self.muted = false;
        if self.reader_hwm.is_some() {
            let under_way = std::mem::take(&mut self.under_way);
            self.open(receive_hwm);
            self.under_way = under_way;
        }
    }

    /// Messages that count against the reader's mark or lie in the kernel.
    fn outstanding(&self) -> usize {
        self.under_way.len() + self.unreported as usize
    }

    fn in_reader(&self) -> usize {
        self.outstanding() - self.kernel.len()
    }

    fn reader_takes(&self) -> bool {
        let room = |hwm: u32| hwm == 0 || self.in_reader() < hwm as usize;
        self.kernel.is_empty() && self.reader_hwm.is_some_and(room)
    }

    fn kernel_takes(&self, bytes: u64) -> bool {
        match self.transport {
            Transport::Inproc => false,
            Transport::Tcp { buffer } => self.reader_hwm.is_some() && self.kernel_bytes + bytes <= buffer,
        }
    }
}

/// How many messages are read before the writer is told: libzmq's `pipe_t::compute_lwm`.
fn low_water_mark(hwm: u32) -> u32 {
    hwm.div_ceil(2)
}

/// Which records, in the shortest way to say it.
///
/// # Panics
/// When there are none.
pub(super) fn ids(records: Vec<Record>) -> Ids {
    let first = records.first().expect("some records").id;
    let consecutive = records.iter().zip(0..).all(|(record, by)| record.id == first.plus(by));
    if consecutive {
        return Ids::Range { first, records: records.len() as u32 };
    }
    let bytes = records.iter().map(Record::bytes).fold(0, u32::saturating_add);
    Batch::new(records, Vec::new(), bytes).span().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::trace::RecordId;

    fn message(bytes: u32) -> Message {
        (Record::new(RecordId::new(0, 0), Time::ZERO, None, bytes), None)
    }

    /// Pushes and sends until there is no room; how many went in.
    fn fill(pipe: &mut Pipe, bytes: u32) -> u32 {
        let mut pushed = 0;
        while pipe.has_room() && pushed < 10_000 {
            pipe.push(message(bytes));
            pushed += 1;
            while pipe.next().is_some() {}
        }
        pushed
    }

    fn opened(transport: Transport, send_hwm: u32, receive_hwm: u32) -> Pipe {
        let mut pipe = Pipe::new(transport, send_hwm, false);
        pipe.open(receive_hwm);
        pipe
    }

    /// (SNDHWM, RCVHWM, capacity with and without a peer), inproc; 10000 stands for no bound.
    #[test]
    fn an_inproc_pipe_holds_the_sum_of_both_marks() {
        let table = [(1, 1, 2, 1), (2, 2, 4, 2), (10, 5, 15, 10), (0, 1, 10_000, 10_000), (1, 0, 10_000, 1)];
        for (send, receive, with, without) in table {
            assert_eq!(fill(&mut opened(Transport::Inproc, send, receive), 1), with, "{send} + {receive}");
            assert_eq!(fill(&mut Pipe::new(Transport::Inproc, send, false), 1), without, "{send} alone");
        }
    }

    /// A3: "hwm 20: still blocked after 4 reads, 10 slots after 10".
    #[test]
    fn room_comes_back_in_bursts_of_the_low_water_mark() {
        let mut pipe = opened(Transport::Inproc, 10, 10);
        assert_eq!(fill(&mut pipe, 1), 20);
        pipe.taken(4);
        assert_eq!(fill(&mut pipe, 1), 0);
        pipe.taken(5);
        assert_eq!(fill(&mut pipe, 1), 0, "one too few");
        pipe.taken(1);
        assert_eq!(fill(&mut pipe, 1), 10);
    }

    #[test]
    fn over_tcp_both_kernels_hold_more() {
        let tcp = |buffer| opened(Transport::Tcp { buffer }, 10, 5);
        assert_eq!(fill(&mut tcp(0), 100), 15);
        assert_eq!(fill(&mut tcp(299), 100), 17);
        assert_eq!(fill(&mut tcp(300), 100), 18);
    }

    #[test]
    fn over_tcp_the_readers_mark_opens_the_window_and_the_writers_mark_the_socket() {
        let mut pipe = opened(Transport::Tcp { buffer: 200 }, 4, 3);
        assert_eq!(fill(&mut pipe, 100), 9);
        // RCVHWM 3: two reads let two messages out of the kernel and two out of the writer's queue.
        pipe.taken(1);
        assert!(pipe.next().is_none());
        pipe.taken(1);
        assert!(pipe.next().is_some() && !pipe.has_room(), "one has left, SNDHWM 4 wants two");
        assert!(pipe.next().is_some() && pipe.has_room());
        assert_eq!(fill(&mut pipe, 100), 2);
    }

    #[test]
    fn a_broken_connection_takes_only_what_was_under_way() {
        let mut pipe = opened(Transport::Tcp { buffer: 0 }, 10, 5);
        fill(&mut pipe, 1);
        assert_eq!(pipe.disconnect().len(), 5);
        assert!(!pipe.is_sent() && pipe.next().is_none());
        pipe.open(3);
        assert_eq!(std::iter::from_fn(|| pipe.next()).count(), 3);
        assert_eq!(pipe.destroy_unsent().len(), 7);
    }

    #[test]
    fn conflate_keeps_the_newest() {
        let mut pipe = Pipe::new(Transport::Tcp { buffer: 0 }, 1, true);
        let displaced: Vec<_> = (0..3).map(|_| pipe.push(message(1)).is_some()).collect();
        assert_eq!(displaced, [false, true, true]);
        assert_eq!(pipe.destroy_unsent().len(), 1);
    }

    /// libzmq tests/test_sockopt_hwm.cpp test_change_after_connected: 5 + 1.
    #[test]
    fn hwm_change_after_connect() {
        let mut pipe = opened(Transport::Inproc, 1, 1);
        pipe.set_send_hwm(5, 1);
        assert_eq!(fill(&mut pipe, 1), 6);
    }
}
