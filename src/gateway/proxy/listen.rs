//! Where clients connect: one port on loopback for each path. While the path refuses, nobody listens there, so that
//! the system refuses as it does for a process that is not there; the port stays ours.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration as Wall;

use tokio::net::{TcpListener, TcpSocket};
use tokio::time::sleep;

use super::Route;
use super::carry::{abort, carry};
use super::race::{First, race};

/// How many connections may wait to be taken.
const BACKLOG: u32 = 1_024;
/// How long until something that the system denied is tried again.
const AGAIN: Wall = Wall::from_millis(10);

/// Takes connections for ever.
pub(super) async fn listen(mut listener: TcpListener, here: SocketAddr, route: Arc<Route>) {
    let mut state = route.path.watch();
    loop {
        if state.borrow_and_update().refuses() {
            drop(listener);
            let closed = keep(here, &route).await;
            // The path is there as long as we are.
            let _ = state.wait_for(|state| !state.refuses()).await;
            listener = open(closed, here, &route).await;
        }
        match race(state.changed(), listener.accept()).await {
            First::One(_) => {}
            First::Other(Ok((client, _))) if route.path.watch().borrow().refuses() => abort(&client),
            First::Other(Ok((client, _))) => {
                let route = Arc::clone(&route);
                tokio::spawn(async move { carry(client, &route).await });
            }
            First::Other(Err(error)) => {
                route.notes.add(format!("the proxy cannot take connections at {here}: {error}"));
                sleep(AGAIN).await;
            }
        }
    }
}

/// A socket that has the port and does not listen.
async fn keep(here: SocketAddr, route: &Route) -> TcpSocket {
    loop {
        let socket = TcpSocket::new_v4().and_then(|socket| {
            socket.set_reuseaddr(true)?;
            socket.bind(here)?;
            Ok(socket)
        });
        match socket {
            Ok(socket) => return socket,
            Err(error) => route.notes.add(format!("the proxy cannot keep {here}: {error}")),
        }
        sleep(AGAIN).await;
    }
}

async fn open(closed: TcpSocket, here: SocketAddr, route: &Route) -> TcpListener {
    let mut closed = closed;
    loop {
        match closed.listen(BACKLOG) {
            Ok(listener) => return listener,
            Err(error) => route.notes.add(format!("the proxy cannot listen at {here}: {error}")),
        }
        sleep(AGAIN).await;
        closed = keep(here, route).await;
    }
}
