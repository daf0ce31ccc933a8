//! A TCP proxy that cuts connections when it is told to.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes everything on between who connects and a server.
pub struct Proxy {
    port: u16,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// A proxy before the server at this address, on a port that the system chooses.
    pub fn before(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it listens").port();
        let streams = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&streams);
        // It ends with the test's process: nobody else is at this port.
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(&server) else { continue };
                let ends = [&near, &far].map(|stream| stream.try_clone().expect("a stream has two handles"));
                all.lock().expect("no proxy panics").extend(ends);
                let (back, forth) =
                    (near.try_clone().expect("two handles"), far.try_clone().expect("two handles"));
                thread::spawn(move || pass(near, far));
                thread::spawn(move || pass(forth, back));
            }
        });
        Self { port, streams }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts every connection; how many there were. New ones are let through.
    pub fn cut(&self) -> usize {
        let streams = std::mem::take(&mut *self.streams.lock().expect("no proxy panics"));
        streams.iter().filter(|stream| stream.shutdown(Shutdown::Both).is_ok()).count() / 2
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 4_096];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
