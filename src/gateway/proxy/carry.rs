//! One connection: two sockets, and bytes that go from each to the other, in order, when their time has come.
//!
//! **Bounds.** What waits in one direction of a connection is [`WAITING`] bytes at most; then nothing more is read,
//! and TCP makes the sender wait.
//!
//! **Resolution.** What has to wait waits a whole number of milliseconds, rounded up.
//!
//! **Not modelled:** how connecting feels on a slow or cut path: the system accepts for us at once, and only the
//! first bytes wait. That a cut path is slow to recover: what was held goes on as soon as it is healed.

use std::collections::VecDeque;
use std::future::pending;
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until};

use super::kafka::{Asked, Requests, Responses};
use super::path::{Path, Way};
use super::race::{First, both, maybe, race};
use super::{Protocol, Route};

/// How much waits in one direction of a connection at most.
const WAITING: usize = 4 << 20;
/// How much is read at a time.
const READ: usize = 16 << 10;

/// Carries a connection of a client until it is over.
pub(super) async fn carry(client: TcpStream, route: &Route) {
    let mut client = client;
    let born = route.path.watch().borrow().breaks();
    let mut early = Vec::new();
    let connected = race(broken(&route.path, born), connect(&mut client, &mut early, route)).await;
    if let First::Other(Some(mut broker)) = connected {
        if converse((&mut client, early), &mut broker, route, born).await {
            return;
        }
        abort(&broker);
    }
    abort(&client);
}

/// Carries bytes both ways, those that came early first; whether it came to an end in good order.
async fn converse(
    (client, early): (&mut TcpStream, Vec<u8>),
    broker: &mut TcpStream,
    route: &Route,
    born: u64,
) -> bool {
    // Nothing is to wait but what a fault makes wait. A socket that cannot is none for long.
    let _ = (client.set_nodelay(true), broker.set_nodelay(true));
    let (from_client, to_client) = client.split();
    let (from_broker, to_broker) = broker.split();
    let (up, down) = filters(route.protocol);
    let mut up = Pump { way: Way::Up, route, born, filter: up, waiting: Waiting::default() };
    up.take(&early);
    let down = Pump { way: Way::Down, route, born, filter: down, waiting: Waiting::default() };
    let pumps = both(up.run(from_client, to_broker), down.run(from_broker, to_client));
    matches!(race(broken(&route.path, born), pumps).await, First::Other(Ok(())))
}

fn filters(protocol: Protocol) -> (Filter, Filter) {
    match protocol {
        Protocol::Plain => (Filter::None, Filter::None),
        Protocol::Kafka => {
            let asked = Asked::default();
            (Filter::Requests(Requests::new(asked.clone())), Filter::Responses(Responses::new(asked)))
        }
    }
}

/// A connection to the broker, once the path lets one through. None when there is none to be had, or when the client has
/// gone before that: on a network it would not have been connected yet, and nothing that it said arrives.
async fn connect(client: &mut TcpStream, early: &mut Vec<u8>, route: &Route) -> Option<TcpStream> {
    let mut state = route.path.watch();
    let open = |state: &super::path::State| state.passes(Way::Up) && state.passes(Way::Down);
    // It cannot end before the path does.
    let is_open = matches!(race(state.wait_for(open), gone(client, early)).await, First::One(_));
    if is_open { TcpStream::connect(route.upstream.as_str()).await.ok() } else { None }
}

/// Takes what a client says until it has gone.
async fn gone(client: &mut TcpStream, early: &mut Vec<u8>) {
    while early.len() < WAITING {
        if !matches!(client.read_buf(early).await, Ok(1..)) {
            return;
        }
    }
    // It says so much that TCP makes it wait, and whether it goes cannot be seen.
    pending().await
}

/// Waits until everything on the path is broken.
async fn broken(path: &Path, born: u64) {
    let mut state = path.watch();
    let _ = state.wait_for(|state| state.breaks() != born).await;
}

/// Has a socket's end be a reset.
pub(super) fn abort(socket: &TcpStream) {
    // One that is gone already cannot be reset, and need not be.
    let _ = socket.set_zero_linger();
}

/// What is read from the bytes on their way.
enum Filter {
    None,
    Requests(Requests),
    Responses(Responses),
}

impl Filter {
    fn pass(&mut self, bytes: &[u8], route: &Route) -> Vec<u8> {
        match self {
            Self::None => bytes.to_vec(),
            Self::Requests(requests) => {
                requests.see(bytes).into_iter().for_each(|note| route.notes.add(note));
                bytes.to_vec()
            }
            Self::Responses(responses) => {
                let ports = |id| route.ports.get(&id).copied();
                responses.pass(bytes, &ports, &mut |note| route.notes.add(note))
            }
        }
    }
}

/// One direction.
struct Pump<'r> {
    way: Way,
    route: &'r Route,
    /// What was broken before is not about this connection.
    born: u64,
    filter: Filter,
    waiting: Waiting,
}

/// Pieces and when they go on, in order.
#[derive(Default)]
struct Waiting {
    pieces: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
}

impl Waiting {
    /// It goes on at its time, and not before those before it.
    fn push(&mut self, at: Instant, piece: Vec<u8>) {
        let at = self.pieces.back().map_or(at, |(last, _)| at.max(*last));
        self.bytes += piece.len();
        self.pieces.push_back((at, piece));
    }

    fn pop(&mut self) -> Vec<u8> {
        let (_, piece) = self.pieces.pop_front().expect("who takes a piece has seen one");
        self.bytes -= piece.len();
        piece
    }

    fn next(&self) -> Option<Instant> {
        self.pieces.front().map(|(at, _)| *at)
    }
}

impl Pump<'_> {
    /// Carries until the sender has ended and all it said has gone on.
    async fn run(mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> io::Result<()> {
        let mut state = self.route.path.watch();
        let mut buffer = vec![0; READ];
        let mut ended = None;
        loop {
            let (passes, is_over) = {
                let state = state.borrow_and_update();
                (state.passes(self.way), state.breaks() != self.born)
            };
            if is_over {
                // Nothing passes, not even an end in good order, though who breaks it may hear of it later than this.
                return pending().await;
            }
            let next = self.waiting.next().filter(|_| passes);
            if let (true, None, Some(end)) = (passes, next, &mut ended) {
                return match std::mem::replace(end, Ok(())) {
                    Ok(()) => to.shutdown().await,
                    Err(error) => Err(error),
                };
            }
            // Timers round up to a millisecond: what is due does not wait for one.
            if next.is_some_and(|at| at <= Instant::now()) {
                to.write_all(&self.waiting.pop()).await?;
                continue;
            }
            let reads = ended.is_none() && self.waiting.bytes < WAITING;
            let read = maybe(reads.then(|| from.read(&mut buffer)));
            let event = race(state.changed(), race(maybe(next.map(sleep_until)), read)).await;
            match event {
                First::One(_) | First::Other(First::One(())) => {}
                First::Other(First::Other(Ok(0))) => ended = Some(Ok(())),
                First::Other(First::Other(Ok(read))) => self.take(&buffer[..read]),
                // That it broke is told when the path lets it.
                First::Other(First::Other(Err(error))) => ended = Some(Err(error)),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let passing = self.filter.pass(bytes, self.route);
        let (path, now, most) = (&self.route.path, Instant::now(), self.route.path.piece(self.way));
        let release = |piece: &[u8]| path.release(self.way, now, piece.len());
        if passing.is_empty() {
            // It is kept until it is complete.
        } else if passing.len() <= most {
            self.waiting.push(release(&passing), passing);
        } else {
            passing.chunks(most).for_each(|piece| self.waiting.push(release(piece), piece.to_vec()));
        }
    }
}
