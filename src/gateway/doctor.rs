//! What a doctor of real brokers says: findings, each with what to do about it; and whether anybody is there at all.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde::Serialize;

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Good,
    /// Worth knowing.
    Odd,
    /// A run there cannot begin, or means something else.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What, in a word.
    pub about: &'static str,
    /// How it stands.
    #[serde(rename = "health")]
    pub state: State,
    /// What was seen.
    pub says: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn good(about: &'static str, says: impl Into<String>) -> Self {
        Self { about, state: State::Good, says: says.into(), remedy: None }
    }

    /// Worth knowing.
    pub fn odd(about: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { about, state: State::Odd, says: says.into(), remedy: Some(remedy.into()) }
    }

    /// In the way of a run.
    pub fn bad(about: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { about, state: State::Bad, says: says.into(), remedy: Some(remedy.into()) }
    }
}

/// Whether anybody listens at `host:port`, or why not and what to do; `start` is a command that starts such a broker.
///
/// # Errors
/// What is wrong, and what to do about it.
pub fn knock(server: &str, start: &str) -> Result<(), (String, String)> {
    let addresses = server.to_socket_addrs().map_err(|error| {
        let says = format!("the name in {server} is not known ({error})");
        (says, "check the spelling, and DNS or /etc/hosts".to_owned())
    })?;
    let mut last = (format!("{server} has no address"), "check the spelling".to_owned());
    for address in addresses {
        match TcpStream::connect_timeout(&address, Duration::from_secs(3)) {
            Ok(_) => return Ok(()),
            Err(error) => last = refusal(server, start, &error),
        }
    }
    Err(last)
}

fn refusal(server: &str, start: &str, error: &std::io::Error) -> (String, String) {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => (
            format!("{server} refuses the connection: nobody listens there"),
            format!("start the broker (`{start}`), or check the port"),
        ),
        std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => (
            format!("{server} does not answer within 3 s"),
            "check the address, and firewalls in between".to_owned(),
        ),
        _ => (format!("{server} cannot be reached: {error}"), "check the address".to_owned()),
    }
}
