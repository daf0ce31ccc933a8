//! An MQTT 5 broker within this process, for `--on embedded` and for tests: on a port of the loopback that the system
//! chooses, as long as somebody holds it.
//!
//! Why one of our own: `docs/adr/0016-an-mqtt-broker-of-our-own.md`. What it leaves out, a run says: [`LIMITS`].
//!
//! **Invariant.** When it is let go, its thread and all connections are gone.

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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::Instant;

use server::{ConnectionId, Says, Server};

/// What it does not do, in sentences.
pub(super) const LIMITS: [&str; 2] = [
    "the embedded MQTT broker is for trials: it keeps everything in memory, ends no connection for silence \
     (keep-alive) and drops no message for its age (message-expiry-interval)",
    "the embedded MQTT broker queues 1000 messages for each session and has 20 in flight, as Mosquitto does; a shared \
     subscription goes round its members who are there",
];

/// A broker that runs.
pub(super) struct Embedded {
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Embedded {
    /// Starts it.
    ///
    /// # Errors
    /// When the machine has no port for it.
    pub(super) fn start() -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("mqtt-broker".to_owned());
        let thread = thread.spawn(move || run(listener, stopped))?;
        Ok(Self { port, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("the embedded MQTT broker broke down: see above");
        }
    }
}

fn run(listener: std::net::TcpListener, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the machine has what a runtime needs");
    let tasks = LocalSet::new();
    tasks.block_on(&runtime, async {
        let listener = TcpListener::from_std(listener).expect("it is a listener that does not block");
        let house = Rc::new(RefCell::new(House {
            server: Server::default(),
            began: Instant::now(),
            out: BTreeMap::new(),
        }));
        tokio::select! {
            _ = stopped => {}
            () = accept(&listener, &house) => {}
            () = watch(&house) => {}
        }
    });
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
async fn watch(house: &Shared) {
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
