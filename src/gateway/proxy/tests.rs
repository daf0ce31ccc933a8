//! Real sockets: clients that are threads, brokers that echo.

#![expect(clippy::disallowed_types, reason = "sockets live in real time")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration as Wall, Instant};

use crate::kernel::{Burden, Command, Crash, Duration, NodeId, Rng};

use super::{Protocol, Proxy, Upstream};

const CLIENT: NodeId = NodeId(1);
const OTHER: NodeId = NodeId(2);
const BROKER: NodeId = NodeId(9);
/// Long enough for anything that happens at all.
const PATIENCE: Wall = Wall::from_secs(20);
/// Long enough to see that nothing comes.
const A_WHILE: Wall = Wall::from_millis(80);

/// How a connection with the broker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Orderly,
    Broken,
}

/// A broker that sends back what it gets, and tells how its connections end.
fn echo() -> (SocketAddr, Receiver<End>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it has an address");
    let (tell, told) = channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let (mut connection, tell) = (connection.expect("it connects"), tell.clone());
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                loop {
                    let end = match connection.read(&mut buffer) {
                        Ok(0) => End::Orderly,
                        Ok(read) if connection.write_all(&buffer[..read]).is_ok() => continue,
                        Ok(_) | Err(_) => End::Broken,
                    };
                    // The test may be over.
                    let _ = tell.send(end);
                    return;
                }
            });
        }
    });
    (address, told)
}

struct Stage {
    proxy: Proxy,
    ends: Receiver<End>,
}

fn stage() -> Stage {
    let (address, ends) = echo();
    let upstream = Upstream { node: BROKER, id: 1, address: address.to_string() };
    let proxy = Proxy::start(&[CLIENT, OTHER], &[upstream], Protocol::Plain, 1).expect("a proxy starts");
    Stage { proxy, ends }
}

impl Stage {
    fn connect(&self, client: NodeId) -> TcpStream {
        let connection = TcpStream::connect(self.proxy.address(client, BROKER)).expect("it listens");
        connection.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        connection.set_nodelay(true).expect("it can be told not to wait");
        connection
    }

    fn obey(&self, commands: &[Command]) {
        commands
            .iter()
            .for_each(|command| assert!(self.proxy.obey(command), "{command:?} is about the proxy"));
    }
}

fn say(connection: &mut TcpStream, text: &[u8]) {
    connection.write_all(text).expect("it is taken");
}

fn hears(connection: &mut TcpStream, text: &[u8]) {
    let mut heard = vec![0; text.len()];
    connection.read_exact(&mut heard).expect("it comes");
    assert_eq!(heard, text);
}

/// That nothing comes in a while. Can only fail to notice what comes too late.
fn hears_nothing(connection: &mut TcpStream) {
    connection.set_read_timeout(Some(A_WHILE)).expect("a timeout can be set");
    let error = connection.read(&mut [0; 1]).expect_err("nothing comes");
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
}

fn is_reset(connection: &mut TcpStream) {
    let error = connection.read(&mut [0; 1]).expect_err("it was reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn bytes_arrive_unchanged_and_in_order() {
    let stage = stage();
    let mut rng = Rng::named(1, "bytes");
    let sent: Vec<u8> = (0..1_000_000).map(|_| rng.bits() as u8).collect();
    let mut connection = stage.connect(CLIENT);
    let mut writer = connection.try_clone().expect("a socket can be shared");
    let copy = sent.clone();
    let writing = thread::spawn(move || {
        copy.chunks(7_777).for_each(|chunk| say(&mut writer, chunk));
        writer.shutdown(std::net::Shutdown::Write).expect("it is open");
    });
    let mut heard = Vec::new();
    connection.read_to_end(&mut heard).expect("it ends in good order");
    writing.join().expect("it wrote");
    assert!(heard == sent, "{} bytes of {}", heard.len(), sent.len());
    assert_eq!(stage.ends.recv_timeout(PATIENCE), Ok(End::Orderly));
    assert_eq!(stage.proxy.notes(), Vec::<String>::new());
}

#[test]
fn jitter_does_not_change_the_order() {
    let stage = stage();
    let jitter = Burden::Jitter(Duration::from_millis(5));
    stage.obey(&[Command::Burden(CLIENT, BROKER, jitter), Command::Burden(BROKER, CLIENT, jitter)]);
    let mut connection = stage.connect(CLIENT);
    for number in 0..100_u8 {
        say(&mut connection, &[number]);
    }
    hears(&mut connection, &(0..100).collect::<Vec<u8>>());
}

#[test]
fn a_delay_is_at_least_what_was_asked_for_each_direction() {
    let stage = stage();
    let (up, down) = (Burden::Delay(Duration::from_millis(40)), Burden::Delay(Duration::from_millis(25)));
    let mut connection = stage.connect(CLIENT);
    say(&mut connection, b"a");
    hears(&mut connection, b"a");
    stage.obey(&[Command::Burden(CLIENT, BROKER, up), Command::Burden(BROKER, CLIENT, down)]);
    let begun = Instant::now();
    say(&mut connection, b"b");
    hears(&mut connection, b"b");
    assert!(begun.elapsed() >= Wall::from_millis(65), "{:?}", begun.elapsed());
    stage.obey(&[Command::Relieve(CLIENT, BROKER, up)]);
    let begun = Instant::now();
    say(&mut connection, b"c");
    hears(&mut connection, b"c");
    assert!(begun.elapsed() >= Wall::from_millis(25), "{:?}", begun.elapsed());
}

#[test]
fn no_more_passes_than_the_bandwidth() {
    let stage = stage();
    stage.obey(&[Command::Burden(CLIENT, BROKER, Burden::Bandwidth(100_000))]);
    // Two connections of one path share it.
    let (mut one, mut two) = (stage.connect(CLIENT), stage.connect(CLIENT));
    let begun = Instant::now();
    say(&mut one, &[1; 10_000]);
    say(&mut two, &[2; 10_000]);
    hears(&mut one, &[1; 10_000]);
    hears(&mut two, &[2; 10_000]);
    assert!(begun.elapsed() >= Wall::from_millis(199), "{:?}", begun.elapsed());
}

#[test]
fn what_is_cut_is_held_and_goes_on_when_it_is_healed() {
    let stage = stage();
    let (mut connection, mut other) = (stage.connect(CLIENT), stage.connect(OTHER));
    say(&mut connection, b"a");
    hears(&mut connection, b"a");
    stage.obey(&[Command::Cut(CLIENT, BROKER)]);
    say(&mut connection, b"b");
    hears_nothing(&mut connection);
    say(&mut other, b"o");
    hears(&mut other, b"o");
    stage.obey(&[Command::Cut(BROKER, CLIENT), Command::Heal(CLIENT, BROKER)]);
    hears_nothing(&mut connection);
    stage.obey(&[Command::Heal(BROKER, CLIENT)]);
    hears(&mut connection, b"b");
}

#[test]
fn who_connects_over_a_cut_path_is_connected_when_it_is_healed() {
    let stage = stage();
    stage.obey(&[Command::Cut(CLIENT, BROKER)]);
    let mut connection = stage.connect(CLIENT);
    say(&mut connection, b"a");
    hears_nothing(&mut connection);
    stage.obey(&[Command::Heal(CLIENT, BROKER)]);
    hears(&mut connection, b"a");
}

#[test]
fn who_gives_up_before_a_cut_path_is_healed_was_never_connected() {
    let stage = stage();
    stage.obey(&[Command::Cut(CLIENT, BROKER)]);
    let mut hasty = stage.connect(CLIENT);
    say(&mut hasty, b"hello?");
    // As a client that has waited for an answer long enough.
    hasty.shutdown(std::net::Shutdown::Write).expect("it is open");
    is_reset(&mut hasty);
    let mut patient = stage.connect(CLIENT);
    say(&mut patient, b"hello");
    stage.obey(&[Command::Heal(CLIENT, BROKER)]);
    hears(&mut patient, b"hello");
    drop(patient);
    assert_eq!(stage.ends.recv_timeout(PATIENCE), Ok(End::Orderly));
    assert!(stage.ends.recv_timeout(A_WHILE).is_err(), "the broker has seen one connection");
}

#[test]
fn that_a_client_hung_up_is_not_told_over_a_cut_path() {
    let stage = stage();
    let mut connection = stage.connect(CLIENT);
    say(&mut connection, b"a");
    hears(&mut connection, b"a");
    stage.obey(&[Command::Cut(CLIENT, BROKER)]);
    drop(connection);
    assert!(stage.ends.recv_timeout(A_WHILE).is_err());
    stage.obey(&[Command::Heal(CLIENT, BROKER)]);
    assert_eq!(stage.ends.recv_timeout(PATIENCE), Ok(End::Orderly));
}

/// Retried until the system has let go of the port, which it does at once: who knocks while it does may get in, or is
/// reset.
fn refuses(stage: &Stage, client: NodeId) {
    refuses_at(stage.proxy.address(client, BROKER));
}

fn refuses_at(address: SocketAddr) {
    let begun = Instant::now();
    loop {
        match TcpStream::connect(address) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => {
                return assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            }
            _ => assert!(begun.elapsed() < PATIENCE, "it goes on taking connections"),
        }
    }
}

fn accepts(stage: &Stage, client: NodeId) -> TcpStream {
    let begun = Instant::now();
    while TcpStream::connect(stage.proxy.address(client, BROKER)).is_err() {
        assert!(begun.elapsed() < PATIENCE, "it goes on refusing");
        thread::yield_now();
    }
    stage.connect(client)
}

#[test]
fn a_reset_is_seen_as_a_reset_and_then_as_a_refusal_until_it_is_over() {
    let stage = stage();
    let (mut connection, mut other) = (stage.connect(CLIENT), stage.connect(OTHER));
    for connection in [&mut connection, &mut other] {
        say(connection, b"a");
        hears(connection, b"a");
    }
    stage.obey(&[Command::Refuse(CLIENT, BROKER), Command::Refuse(BROKER, CLIENT)]);
    is_reset(&mut connection);
    assert_eq!(stage.ends.recv_timeout(PATIENCE), Ok(End::Broken));
    refuses(&stage, CLIENT);
    say(&mut other, b"o");
    hears(&mut other, b"o");
    stage.obey(&[Command::Accept(CLIENT, BROKER)]);
    refuses(&stage, CLIENT);
    stage.obey(&[Command::Accept(BROKER, CLIENT)]);
    let mut again = accepts(&stage, CLIENT);
    say(&mut again, b"b");
    hears(&mut again, b"b");
}

#[test]
fn a_client_that_is_killed_is_gone_for_its_broker_before_it_can_say_more() {
    let stage = stage();
    let mut connection = stage.connect(CLIENT);
    let before = stage.proxy.address(CLIENT, BROKER);
    say(&mut connection, b"a");
    hears(&mut connection, b"a");
    stage.obey(&[Command::Crash(CLIENT, Crash::Process)]);
    assert_eq!(stage.ends.recv_timeout(PATIENCE), Ok(End::Broken));
    is_reset(&mut connection);
    refuses_at(before);
    stage.obey(&[Command::Restart(CLIENT)]);
    // What is left of the dead process is not heard, even now; its successor has ways of its own.
    refuses_at(before);
    let mut again = accepts(&stage, CLIENT);
    say(&mut again, b"b");
    hears(&mut again, b"b");
}

#[test]
fn a_broker_hears_nothing_of_a_client_without_power_until_it_is_back() {
    let stage = stage();
    let mut connection = stage.connect(CLIENT);
    say(&mut connection, b"a");
    hears(&mut connection, b"a");
    stage.obey(&[Command::Crash(CLIENT, Crash::Power)]);
    drop(connection);
    assert!(stage.ends.recv_timeout(A_WHILE).is_err());
    stage.obey(&[Command::Restart(CLIENT)]);
    assert_eq!(stage.ends.recv_timeout(PATIENCE), Ok(End::Broken));
    let mut again = stage.connect(CLIENT);
    say(&mut again, b"b");
    hears(&mut again, b"b");
}

#[test]
fn a_paused_client_keeps_its_connection_and_hears_what_it_missed() {
    let stage = stage();
    let mut connection = stage.connect(CLIENT);
    say(&mut connection, b"a");
    hears(&mut connection, b"a");
    stage.obey(&[Command::Pause(CLIENT)]);
    say(&mut connection, b"b");
    hears_nothing(&mut connection);
    stage.obey(&[Command::Resume(CLIENT)]);
    hears(&mut connection, b"b");
}

#[test]
fn a_broker_that_is_not_there_is_a_reset() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let upstream = Upstream { node: BROKER, id: 1, address: free.to_string() };
    let proxy = Proxy::start(&[CLIENT], &[upstream], Protocol::Plain, 1).expect("a proxy starts");
    let mut connection = TcpStream::connect(proxy.address(CLIENT, BROKER)).expect("the proxy is there");
    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    is_reset(&mut connection);
}

#[test]
fn nobody_listens_when_the_proxy_is_gone() {
    let Stage { proxy, .. } = stage();
    let here = proxy.address(CLIENT, BROKER);
    drop(proxy);
    let error = TcpStream::connect(here).expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

/// A broker that answers one request for its coordinator, in version 0, with its own address.
fn coordinator() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it has an address");
    thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("the proxy connects");
        let mut request = [0; 23];
        connection.read_exact(&mut request).expect("a request comes");
        let host = [&[0, 11][..], b"far.example"].concat();
        let body = [&request[8..12], &[0, 0], &4_i32.to_be_bytes(), &host, &9092_i32.to_be_bytes()].concat();
        let frame = [&(body.len() as u32).to_be_bytes()[..], &body].concat();
        // In two parts, so that the proxy has to wait for the rest.
        say(&mut connection, &frame[..9]);
        say(&mut connection, &frame[9..]);
        let _ = connection.read(&mut [0; 1]);
    });
    address
}

#[test]
fn a_client_of_kafka_is_told_the_ports_of_its_own_paths() {
    let (here, there) = (coordinator(), coordinator());
    let upstream =
        |node, id, address: SocketAddr| Upstream { node: NodeId(node), id, address: address.to_string() };
    let brokers = [upstream(9, 1, here), upstream(10, 4, there)];
    let proxy = Proxy::start(&[CLIENT, OTHER], &brokers, Protocol::Kafka, 1).expect("a proxy starts");
    for (client, broker) in [(CLIENT, NodeId(9)), (OTHER, NodeId(10))] {
        let mut connection = TcpStream::connect(proxy.address(client, broker)).expect("it listens");
        connection.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        // FindCoordinator v0, correlation id 5, no client id, group "a-group".
        let body = [&[0, 10, 0, 0, 0, 0, 0, 5, 255, 255, 0, 7][..], b"a-group"].concat();
        say(&mut connection, &[&[0, 0, 0, 19][..], &body].concat());
        let port = i32::from(proxy.address(client, NodeId(10)).port());
        let host = [&[0, 9][..], b"127.0.0.1"].concat();
        let answer = [&[0, 0, 0, 5, 0, 0][..], &4_i32.to_be_bytes(), &host, &port.to_be_bytes()].concat();
        hears(&mut connection, &[&(answer.len() as u32).to_be_bytes()[..], &answer].concat());
    }
}
