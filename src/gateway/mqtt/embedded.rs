//! An MQTT 5 broker within this process, for `--on embedded` and for tests: on a port of the loopback that the system
//! chooses, as long as somebody holds it.
//!
//! Why one of our own: `docs/adr/0016-an-mqtt-broker-of-our-own.md`. What it leaves out, a run says: [`LIMITS`].
//!
//! It can be killed, started again and stopped still, as the process of a broker without persistence can: what it had in
//! memory is gone then, and its port is kept, where nobody answers meanwhile.
//!
//! **Invariant.** When it is let go, its thread and all connections are gone. Nothing of an earlier life reaches a later
//! one.

mod server;
mod session;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration as Wall;

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::Error;
use rumqttc::v5::mqttbytes::v5::Packet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use tokio::time::Instant;

use server::{ConnectionId, Says, Server};

/// What it does not do, in sentences.
pub(super) const LIMITS: [&str; 2] = [
    "the embedded MQTT broker is for trials: it keeps everything in memory, which is gone when it is killed, and drops no \
     message for its age (message-expiry-interval)",
    "the embedded MQTT broker queues 1000 messages for each session and has 20 in flight, as Mosquitto does; a shared \
     subscription goes round its members who are there",
];

/// A broker that runs.
pub(super) struct Embedded {
    port: u16,
    stand: Option<watch::Sender<Stand>>,
    thread: Option<JoinHandle<()>>,
}

/// How it is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stand {
    /// Counts its deaths.
    life: u64,
    down: bool,
    paused: bool,
}

impl Embedded {
    /// Starts it.
    ///
    /// # Errors
    /// When the machine has no port for it.
    pub(super) fn start_new() -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        listener.set_nonblocking(true)?;
        let here = listener.local_addr()?;
        let (stand, told) = watch::channel(Stand::default());
        let thread = std::thread::Builder::new().name("mqtt-broker".to_owned());
        let thread = thread.spawn(move || run(listener, here, told))?;
        Ok(Self { port: here.port(), stand: Some(stand), thread: Some(thread) })
    }

    /// Where it listens.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Ends it at once; nothing happens to one that is down.
    pub(super) fn kill(&self) {
        self.be(|stand| {
            stand.life += u64::from(!stand.down);
            (stand.down, stand.paused) = (true, false);
        });
    }

    /// Starts it again, with nothing in its memory; nothing happens to one that is there.
    pub(super) fn start(&self) {
        self.be(|stand| stand.down = false);
    }

    /// It stands still, and keeps its connections.
    pub(super) fn pause(&self) {
        self.be(|stand| stand.paused = !stand.down);
    }

    /// It goes on.
    pub(super) fn resume(&self) {
        self.be(|stand| stand.paused = false);
    }

    fn be(&self, change: impl FnOnce(&mut Stand)) {
        self.stand.as_ref().expect("it is there until it is let go").send_modify(change);
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop(self.stand.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("the embedded MQTT broker broke down: see above");
        }
    }
}

fn run(listener: std::net::TcpListener, here: SocketAddr, mut told: watch::Receiver<Stand>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the machine has what a runtime needs");
    runtime.block_on(async {
        let mut listener = TcpListener::from_std(listener).expect("it is a listener that does not block");
        while live(listener, &mut told).await {
            let Some(next) = listen_again(here, &mut told).await else { return };
            listener = next;
        }
    });
}

/// One life of the broker. False when there is to be no other.
async fn live(listener: TcpListener, told: &mut watch::Receiver<Stand>) -> bool {
    let life = told.borrow_and_update().life;
    let tasks = LocalSet::new();
    let house = House { server: Server::default(), began: Instant::now(), out: BTreeMap::new() };
    let house = Rc::new(RefCell::new(house));
    let serves = tasks.run_until(async {
        tokio::select! {
            () = accept(&listener, &house) => {}
            () = watch_time(&house) => {}
        }
    });
    tokio::pin!(serves);
    loop {
        let stand = *told.borrow();
        if stand.life != life {
            return true;
        }
        tokio::select! {
            changed = told.changed() => if changed.is_err() { return false },
            () = &mut serves, if !stand.paused => return false,
        }
    }
}

/// Keeps the port while it is down, so that whoever connects is refused; none when there is to be no other life.
async fn listen_again(here: SocketAddr, told: &mut watch::Receiver<Stand>) -> Option<TcpListener> {
    /// Before something that the system denied is tried again.
    const AGAIN: Wall = Wall::from_millis(10);
    loop {
        let kept = TcpSocket::new_v4().and_then(|socket| {
            socket.set_reuseaddr(true)?;
            socket.bind(here)?;
            Ok(socket)
        });
        if told.wait_for(|stand| !stand.down).await.is_err() {
            return None;
        }
        if let Ok(listener) = kept.and_then(|socket| socket.listen(1_024)) {
            return Some(listener);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The server and its connections.
struct House {
    server: Server,
    began: Instant,
    out: BTreeMap<ConnectionId, mpsc::UnboundedSender<Says>>,
}

impl House {
    fn now(&self) -> Wall {
        self.began.elapsed()
    }

    /// Sends what the server has to say.
    fn post(&mut self) {
        for (to, says) in self.server.take_letters() {
            if let Some(out) = self.out.get(&to) {
                // Who is gone is told nothing.
                let _ = out.send(says);
            }
        }
    }
}

type Shared = Rc<RefCell<House>>;

async fn accept(listener: &TcpListener, house: &Shared) {
    let mut next = 0;
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let id = ConnectionId(next);
        next += 1;
        tokio::task::spawn_local(attend(id, stream, Rc::clone(house)));
    }
}

/// Sessions expire and wills are due although nobody says anything.
async fn watch_time(house: &Shared) {
    loop {
        tokio::time::sleep(Wall::from_millis(50)).await;
        let mut house = house.borrow_mut();
        let now = house.now();
        house.server.pass(now);
        house.post();
    }
}

/// One connection, until one of both ends it.
async fn attend(id: ConnectionId, mut stream: TcpStream, house: Shared) {
    let (out, mut letters) = mpsc::unbounded_channel();
    house.borrow_mut().out.insert(id, out);
    let (mut heard, mut said) = (BytesMut::with_capacity(8_192), BytesMut::new());
    loop {
        tokio::select! {
            read = stream.read_buf(&mut heard) => {
                let alive = matches!(read, Ok(1..)) && take_up(id, &mut heard, &house);
                if !alive {
                    break;
                }
            }
            letter = letters.recv() => {
                let mut open = write(&mut said, letter);
                while let Ok(more) = letters.try_recv() {
                    open &= write(&mut said, Some(more));
                }
                let written = stream.write_all(&said).await.is_ok();
                said.clear();
                if !open || !written {
                    break;
                }
            }
        }
    }
    let mut house = house.borrow_mut();
    house.out.remove(&id);
    let now = house.now();
    house.server.hung_up(now, id);
    house.post();
}

/// Hears all packets that are complete; false when that ends the connection.
fn take_up(id: ConnectionId, heard: &mut BytesMut, house: &Shared) -> bool {
    loop {
        let packet = match Packet::read(heard, None) {
            Ok(packet) => packet,
            Err(Error::InsufficientBytes(_)) => return true,
            Err(_) => return false,
        };
        let mut house = house.borrow_mut();
        let now = house.now();
        let goes_on = house.server.hear(now, id, packet);
        house.post();
        if !goes_on {
            return false;
        }
    }
}

/// False when the connection is to be closed.
fn write(said: &mut BytesMut, letter: Option<Says>) -> bool {
    match letter {
        Some(Says::Packet(packet)) => packet.write(said, None).is_ok(),
        Some(Says::Close) | None => false,
    }
}
