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
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

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
    addresses: BTreeMap<(NodeId, NodeId), SocketAddr>,
    paths: Vec<Arc<Path>>,
    notes: Notes,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

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
        let notes = Notes::default();
        let (mut addresses, mut paths, mut doors) = (BTreeMap::new(), Vec::new(), Vec::new());
        for &client in clients {
            let listeners = brokers.iter().map(|_| listener()).collect::<io::Result<Vec<_>>>()?;
            let here = |listener: &TcpListener| listener.local_addr().expect("what listens has an address");
            let ports =
                brokers.iter().zip(&listeners).map(|(broker, listener)| (broker.id, here(listener).port()));
            let ports = Arc::new(ports.collect());
            for (broker, listener) in brokers.iter().zip(listeners) {
                let path = Arc::new(Path::new(client, broker.node, seed));
                addresses.insert((client, broker.node), here(&listener));
                paths.push(Arc::clone(&path));
                let (upstream, ports, notes) = (broker.address.clone(), Arc::clone(&ports), notes.clone());
                doors.push((listener, Arc::new(Route { path, upstream, protocol, ports, notes })));
            }
        }
        let (stop, stopped) = oneshot::channel();
        let thread = begin(doors, stopped)?;
        Ok(Self { addresses, paths, notes, stop: Some(stop), thread: Some(thread) })
    }

    /// Where a client finds a broker.
    ///
    /// # Panics
    /// When the proxy was not started for these two.
    pub fn address(&self, client: NodeId, broker: NodeId) -> SocketAddr {
        *self.addresses.get(&(client, broker)).expect("the proxy was started for this client and this broker")
    }

    /// Where a client finds each broker, in the order in which the brokers' nodes are numbered; nothing for who is no
    /// client of the proxy.
    pub fn addresses(&self, client: NodeId) -> impl Iterator<Item = SocketAddr> + '_ {
        let its = self.addresses.range((client, NodeId(0))..=(client, NodeId(u32::MAX)));
        its.map(|(_, address)| *address)
    }

    /// Does what is commanded, at once; false when no path of the proxy is concerned.
    pub fn obey(&self, command: &Command) -> bool {
        // All of them: a node has a path to each broker.
        self.paths.iter().fold(false, |done, path| path.obey(command) | done)
    }

    /// From now on nothing passes that clients on this node say, and they are refused: they are dying, and are not
    /// to say goodbye. False when the proxy has no such client.
    pub fn silence(&self, client: NodeId) -> bool {
        self.paths.iter().fold(false, |done, path| path.silence(client) | done)
    }

    /// Takes one such silence back.
    pub fn restore(&self, client: NodeId) {
        self.paths.iter().for_each(|path| path.restore(client));
    }

    /// Whether clients on this node stand still.
    pub fn stands_still(&self, client: NodeId) -> bool {
        self.paths.iter().any(|path| path.stands_still(client))
    }

    /// Every path is as it was before anything went wrong, so that clients can say goodbye.
    pub fn mend(&self) {
        self.paths.iter().for_each(|path| path.mend());
    }

    /// What could not be done as it should be, each once: brokers that came later, responses that passed unread.
    pub fn notes(&self) -> Vec<String> {
        self.notes.all()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
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

/// The proxy's own thread, which ends when the other side of `stopped` is dropped.
fn begin(
    doors: Vec<(TcpListener, Arc<Route>)>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let opened = runtime.block_on(async {
        let open = |(listener, route): (TcpListener, Arc<Route>)| {
            let here = listener.local_addr()?;
            Ok((tokio::net::TcpListener::from_std(listener)?, here, route))
        };
        doors.into_iter().map(open).collect::<io::Result<Vec<_>>>()
    })?;
    std::thread::Builder::new().name("proxy".to_owned()).spawn(move || {
        runtime.block_on(async {
            for (listener, here, route) in opened {
                tokio::spawn(listen::listen(listener, here, route));
            }
            let _ = stopped.await;
        });
        // A name that is being looked up does not keep the run from ending.
        runtime.shutdown_background();
    })
}
