//! A conversation in MQTT 5, one packet after the other: for who wants to hear every word of the broker.

#![expect(clippy::disallowed_types, reason = "a broker is waited for in real time")]

use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::Error;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, Connect, ConnectProperties, ConnectReturnCode, Disconnect, DisconnectProperties,
    DisconnectReasonCode, Login as Credentials, Packet,
};

use super::super::config::Login;
use super::super::tls::{Connector, Wire};

/// How long the broker may take for one answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A connection.
pub(super) struct Talk {
    stream: Box<dyn Wire>,
    heard: BytesMut,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The broker said so.
    Code(ConnectReturnCode, Option<String>),
    /// There is no TLS with it: it speaks none, or is not to be trusted.
    Untrusted(String),
    /// It hung up, or said something that is not MQTT 5.
    Strange(String),
}

/// Who connects.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    /// Client identifier.
    pub id: &'a str,
    pub login: Option<&'a Login>,
    pub connector: Option<&'a Connector>,
    /// Session Expiry Interval, in seconds.
    pub session_expiry: u32,
    /// Keep Alive, in seconds.
    pub keep_alive: u16,
}

impl Talk {
    /// Connects, with Clean Start.
    pub fn begin(server: &str, caller: Caller<'_>) -> Result<(Self, ConnAck), Refusal> {
        let mut talk = Self { stream: connect(server, caller.connector)?, heard: BytesMut::new() };
        talk.say(&hello(caller)).map_err(Refusal::Strange)?;
        match talk.hear(PATIENCE) {
            Ok(Packet::ConnAck(ack)) if ack.code == ConnectReturnCode::Success => Ok((talk, ack)),
            Ok(Packet::ConnAck(ack)) => {
                Err(Refusal::Code(ack.code, ack.properties.and_then(|all| all.reason_string)))
            }
            Ok(other) => Err(Refusal::Strange(format!("it answers CONNECT with {other:?}"))),
            Err(why) => Err(Refusal::Strange(why)),
        }
    }

    /// Sends a packet.
    pub fn say(&mut self, packet: &Packet) -> Result<(), String> {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, None).map_err(|error| format!("{error:?}"))?;
        self.stream.write_all(&bytes).map_err(|error| error.to_string())
    }

    /// The next packet, which may take so long.
    pub fn hear(&mut self, patience: Duration) -> Result<Packet, String> {
        let deadline = Instant::now() + patience;
        loop {
            match Packet::read(&mut self.heard, None) {
                Ok(packet) => return Ok(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => return Err(format!("what it says is not MQTT 5: {error}")),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("no answer within {} s", patience.as_secs_f32()));
            }
            self.read(left)?;
        }
    }

    fn read(&mut self, patience: Duration) -> Result<(), String> {
        self.stream.tcp().set_read_timeout(Some(patience)).map_err(|error| error.to_string())?;
        let mut buffer = [0; 4_096];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err("it hung up".to_owned()),
            Ok(read) => {
                self.heard.extend_from_slice(&buffer[..read]);
                Ok(())
            }
            Err(error) if is_late(&error) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Says goodbye; the session ends with it.
    pub fn end(mut self) {
        let properties = DisconnectProperties {
            session_expiry_interval: Some(0),
            reason_string: None,
            user_properties: Vec::new(),
            server_reference: None,
        };
        let reason_code = DisconnectReasonCode::NormalDisconnection;
        // Who does not hear it finds the connection closed.
        let _ = self.say(&Packet::Disconnect(Disconnect { reason_code, properties: Some(properties) }));
    }
}

fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

fn connect(server: &str, connector: Option<&Connector>) -> Result<Box<dyn Wire>, Refusal> {
    let strange = |error: std::io::Error| Refusal::Strange(error.to_string());
    let tcp = dial(server).map_err(strange)?;
    tcp.set_read_timeout(Some(PATIENCE)).map_err(strange)?;
    match connector {
        Some(connector) => connector.wrap(tcp).map_err(Refusal::Untrusted),
        None => Ok(Box::new(tcp)),
    }
}

fn dial(server: &str) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::other("it has no address");
    for address in server.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn hello(caller: Caller<'_>) -> Packet {
    let Caller { id, login, connector: _, session_expiry, keep_alive } = caller;
    let mut properties = ConnectProperties::new();
    // A Session Expiry Interval of 0 may be given on leaving only where one above was given on coming.
    properties.session_expiry_interval = (session_expiry > 0).then_some(session_expiry);
    let connect =
        Connect { keep_alive, client_id: id.to_owned(), clean_start: true, properties: Some(properties) };
    let login = login.map(|Login { user, password }| Credentials::new(user.as_str(), password.as_str()));
    Packet::Connect(connect, None, login)
}

/// Whether somebody there speaks MQTT 3.1.1: CONNECT of protocol level 4 with a clean session.
pub(super) fn speaks_3_1_1(server: &str, connector: Option<&Connector>) -> bool {
    const CONNECT: &[u8] = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00";
    let Ok(mut stream) = connect(server, connector) else { return false };
    let mut answer = [0; 4];
    stream.write_all(CONNECT).is_ok() && stream.read_exact(&mut answer).is_ok() && answer[..2] == [0x20, 0x02]
}
