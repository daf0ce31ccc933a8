//! The catalogue of ZeroMQ's socket options: every name a user may meet, its default and unit, and what
//! becomes of it here.
//!
//! **Invariant.** An option that is written is modelled, or passed on to real sockets, or refused by name with
//! a reason. None is silently ignored.
//!
//! Source: `../shared/oracles/zeromq/defaults.tsv`; `zmq_setsockopt(3)`.

use std::fmt::Write as _;

/// What becomes of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It changes the simulated behaviour.
    Modelled,
    /// It goes to real sockets only; the simulation behaves the same whatever it is.
    PassedOn,
    /// It cannot be written.
    Refused,
}

impl Treatment {
    /// The word used in listings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Modelled => "modelled",
            Self::PassedOn => "passed on",
            Self::Refused => "refused",
        }
    }
}

/// One option of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// ZeroMQ's own name, without `ZMQ_`.
    pub name: &'static str,
    /// libzmq's default, in `unit`; empty when it cannot be written.
    pub default: &'static str,
    /// `messages`, `ms`, `bytes`, `count`, `0 or 1`, or `-`.
    pub unit: &'static str,
    /// What becomes of it.
    pub treatment: Treatment,
    /// What it does, or why it is passed on or refused.
    pub note: &'static str,
}

const fn modelled(
    name: &'static str,
    default: &'static str,
    unit: &'static str,
    note: &'static str,
) -> Setting {
    Setting { name, default, unit, treatment: Treatment::Modelled, note }
}

const fn passed_on(
    name: &'static str,
    default: &'static str,
    unit: &'static str,
    note: &'static str,
) -> Setting {
    Setting { name, default, unit, treatment: Treatment::PassedOn, note }
}

const fn refused(name: &'static str, note: &'static str) -> Setting {
    Setting { name, default: "", unit: "-", treatment: Treatment::Refused, note }
}

const OTHER_PATTERN: &str = "only PUSH and PULL are modelled";

/// Every option, in the order of the alphabet.
pub const SETTINGS: &[Setting] = &[
    passed_on("BACKLOG", "100", "count", "real sockets only: connections that wait to be accepted"),
    modelled(
        "CONFLATE",
        "0",
        "0 or 1",
        "1: a queue of one message, the newest; high-water marks do not count",
    ),
    modelled(
        "HANDSHAKE_IVL",
        "30000",
        "ms",
        "a connection that is not answered for this long is tried again",
    ),
    refused("HEARTBEAT_IVL", "heartbeats are not modelled; a dead machine is noticed when it comes back"),
    modelled("IMMEDIATE", "0", "0 or 1", "1: a pipe exists only while its connection does"),
    passed_on("IO_THREADS", "1", "count", "real sockets only: simulated I/O takes no time of its own"),
    modelled("LINGER", "-1", "ms", "how long close waits for unsent messages; -1 for ever"),
    passed_on("MAX_SOCKETS", "1023", "count", "real sockets only"),
    refused("PROBE_ROUTER", OTHER_PATTERN),
    modelled("RCVBUF", "-1", "bytes", "the receiver's kernel buffer of a TCP connection; -1 is 131072"),
    modelled("RCVHWM", "1000", "messages", "queued from one peer at most; 0 without bound"),
    refused("RCVTIMEO", "reading is driven by the application, which waits as long as it takes"),
    modelled("RECONNECT_IVL", "100", "ms", "the pause before a broken connection is tried again"),
    modelled("RECONNECT_IVL_MAX", "0", "ms", "when not 0, the pause doubles up to this"),
    refused("REQ_CORRELATE", OTHER_PATTERN),
    refused("REQ_RELAXED", OTHER_PATTERN),
    refused("ROUTER_MANDATORY", OTHER_PATTERN),
    modelled("SNDBUF", "-1", "bytes", "the sender's kernel buffer of a TCP connection; -1 is 16384"),
    modelled("SNDHWM", "1000", "messages", "queued for one peer at most; 0 without bound"),
    modelled("SNDTIMEO", "-1", "ms", "how long send blocks before EAGAIN; -1 for ever, 0 not at all"),
    refused("SUBSCRIBE", OTHER_PATTERN),
    refused("XPUB_NODROP", OTHER_PATTERN),
];

/// The option of this name.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The catalogue as an aligned table.
pub fn to_table() -> String {
    let mut text = String::from("Socket options of ZeroMQ (PUSH, PULL) and what becomes of them here\n\n");
    for Setting { name, default, unit, treatment, note } in SETTINGS {
        let default = if default.is_empty() { "-" } else { default };
        let _ = writeln!(text, "  {name:<18}{default:>7}  {unit:<10}{:<11}{note}", treatment.name());
    }
    text
}
