//! A TCP proxy between a run's clients and its brokers, so that the network between them can fail.
//!
//! For each client's node and each broker there is a port of its own on loopback; whoever connects there is connected
//! on to the broker. So faults strike single paths, in single directions: delay, jitter, bandwidth, cuts in which
//! bytes are held and nobody is told, and resets. A client's node that crashes has its connections broken before
//! its clients can say goodbye; one that is paused has them stand still.
//!
//! **Invariant.** Bytes of a connection arrive in order and unchanged, but for addresses of brokers in Kafka's
//! responses (see `kafka`). A command is in force when [`Proxy::obey`] returns.
//!
//! **Not modelled:** paths among brokers, which do not pass here.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::kernel::{Command, NodeId};

mod carry;
mod kafka;
mod listen;
mod path;
mod race;
#[cfg(test)]
mod tests;

use super::Notes;
use path::Path;

/// What the proxy has to know of what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Nothing: clients go on connecting where they were told to.
    Plain,
    /// Kafka's, in the clear: brokers say where brokers are, and are corrected.
    Kafka,
}

/// A broker behind the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its node in the run.
    pub node: NodeId,
    /// Its id in the cluster, as Kafka's responses name it; of no meaning elsewhere.
    pub id: i32,
    /// Where it really is, as `host:port`.
    pub address: String,
}

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    brokers: Vec<Upstream>,
    protocol: Protocol,
    seed: u64,
    ways: Mutex<Ways>,
    notes: Notes,
    /// To the proxy's thread; it ends when this is dropped.
    open: Option<UnboundedSender<Door>>,
    thread: Option<JoinHandle<()>>,
}

/// All paths, and where the clients that live now find them.
#[derive(Debug, Default)]
struct Ways {
    addresses: BTreeMap<(NodeId, NodeId), SocketAddr>,
    paths: Vec<Arc<Path>>,
}

/// A port to listen at, and what to do with who connects.
type Door = (TcpListener, Arc<Route>);

/// What carries a connection needs to know.
#[derive(Debug)]
struct Route {
    path: Arc<Path>,
    upstream: String,
    protocol: Protocol,
    /// The ports of this client's paths, by the broker's id.
    ports: Arc<BTreeMap<i32, u16>>,
    notes: Notes,
}

impl Proxy {
    /// Begins to listen, for every client with every broker. `seed` is for jitter.
    ///
    /// # Errors
    /// When the system has no port, thread or socket left.
    pub fn start(
        clients: &[NodeId],
        brokers: &[Upstream],
        protocol: Protocol,
        seed: u64,
    ) -> io::Result<Self> {
        let (open, opened) = unbounded_channel();
        let thread = Some(begin(opened)?);
        let (brokers, ways, notes) = (brokers.to_vec(), Mutex::default(), Notes::default());
        let proxy = Self { brokers, protocol, seed, ways, notes, open: Some(open), thread };
        for &client in clients {
            let paths = proxy.brokers.iter().map(|broker| Path::new(client, broker.node, seed)).collect();
            proxy.lay(client, paths)?;
        }
        Ok(proxy)
    }

    /// Ways for a client, one to each broker.
    fn lay(&self, client: NodeId, paths: Vec<Path>) -> io::Result<()> {
        let listeners = paths.iter().map(|_| listener()).collect::<io::Result<Vec<_>>>()?;
        let here = |listener: &TcpListener| listener.local_addr().expect("what listens has an address");
        let with = |path: &Path| {
            self.brokers
                .iter()
                .find(|broker| broker.node == path.broker())
                .expect("paths lead to its brokers")
        };
        let ports =
            paths.iter().zip(&listeners).map(|(path, listener)| (with(path).id, here(listener).port()));
        let ports = Arc::new(ports.collect());
        let mut ways = self.ways();
        for (path, listener) in paths.into_iter().zip(listeners) {
            let (broker, ports, notes) = (with(&path), Arc::clone(&ports), self.notes.clone());
            let (path, upstream, protocol) = (Arc::new(path), broker.address.clone(), self.protocol);
            ways.addresses.insert((client, broker.node), here(&listener));
            ways.paths.push(Arc::clone(&path));
            let door = (listener, Arc::new(Route { path, upstream, protocol, ports, notes }));
            let open = self.open.as_ref().expect("it runs until it is dropped");
            open.send(door).map_err(|_| io::Error::other("the proxy's thread has ended"))?;
        }
        Ok(())
    }

    fn ways(&self) -> MutexGuard<'_, Ways> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the client that lives now on a node finds a broker.
    ///
    /// # Panics
    /// When the proxy was not started for these two.
    pub fn address(&self, client: NodeId, broker: NodeId) -> SocketAddr {
        let ways = self.ways();
        *ways.addresses.get(&(client, broker)).expect("the proxy was started for this client and this broker")
    }

    /// Where the client that lives now on a node finds each broker, in the order in which the brokers' nodes are
    /// numbered; nothing for who is no client of the proxy.
    pub fn addresses(&self, client: NodeId) -> Vec<SocketAddr> {
        let ways = self.ways();
        let its = ways.addresses.range((client, NodeId(0))..=(client, NodeId(u32::MAX)));
        its.map(|(_, address)| *address).collect()
    }

    /// Does what is commanded, at once; false when no path of the proxy is concerned. What is left of a process that
    /// dies is never heard again, however long it takes to go: its successor on the node has ways of its own.
    pub fn obey(&self, command: &Command) -> bool {
        // All of them: a node has a path to each broker.
        let done = self.ways().paths.iter().fold(false, |done, path| path.obey(command) | done);
        if let Command::Crash(node, _) = *command {
            self.succeed(node);
        }
        done
    }

    fn succeed(&self, client: NodeId) {
        let paths: Vec<_> =
            self.ways().paths.iter().filter_map(|path| path.succeed(client, self.seed)).collect();
        if let Err(error) = self.lay(client, paths) {
            self.notes.add(format!("a client that starts again finds no way to the brokers: {error}"));
        }
    }

    /// Whether clients on this node stand still.
    pub fn stands_still(&self, client: NodeId) -> bool {
        self.ways().paths.iter().any(|path| path.stands_still(client))
    }

    /// Every path is as it was before anything went wrong, so that clients can say goodbye.
    pub fn mend(&self) {
        self.ways().paths.iter().for_each(|path| path.mend());
    }

    /// What could not be done as it should be, each once: brokers that came later, responses that passed unread.
    pub fn notes(&self) -> Vec<String> {
        self.notes.all()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.open.take());
        if let Some(thread) = self.thread.take() {
            // It broke, and has said so where panics are told.
            let _ = thread.join();
        }
    }
}

fn listener() -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The proxy's own thread, which opens doors until the other side of `opened` is dropped.
fn begin(mut opened: UnboundedReceiver<Door>) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("proxy".to_owned()).spawn(move || {
        runtime.block_on(async {
            while let Some((listener, route)) = opened.recv().await {
                let here = listener.local_addr().expect("what listens has an address");
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => drop(tokio::spawn(listen::listen(listener, here, route))),
                    Err(error) => route.notes.add(format!("the proxy cannot listen at {here}: {error}")),
                }
            }
        });
        // A name that is being looked up does not keep the run from ending.
        runtime.shutdown_background();
    })
}
