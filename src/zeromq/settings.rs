//! The catalogue of ZeroMQ's socket options: every name a user may meet, its default and unit, and what
//! becomes of it here.
//!
//! **Invariant.** An option that is written is modelled, or passed on to real sockets, or refused by name with
//! a reason. None is silently ignored.
//!
//! Source: `../shared/oracles/zeromq/defaults.tsv`; `zmq_setsockopt(3)`.

use std::fmt::Write as _;

use super::SocketOptions;
use crate::kernel::Duration;

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

/// Why an option was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// There is no such option.
    #[error("ZeroMQ has no socket option {0}")]
    Unknown(String),
    /// It cannot be written.
    #[error("{name} cannot be set here: {why}")]
    Refused {
        /// The option.
        name: &'static str,
        /// Why.
        why: &'static str,
    },
    /// It lies outside its bounds.
    #[error("{name} is {least} to {most}, not {value}")]
    OutOfBounds {
        /// The option.
        name: &'static str,
        /// The least number allowed.
        least: i64,
        /// The greatest number allowed.
        most: i64,
        /// What was written.
        value: i64,
    },
}

/// Sets the option of this name, in the unit of the catalogue; what becomes of it.
///
/// # Errors
/// When there is no such option, when it is refused, or when the value is out of bounds.
pub fn set(options: &mut SocketOptions, name: &str, value: i64) -> Result<Treatment, SettingError> {
    let setting = find(name).ok_or_else(|| SettingError::Unknown(name.to_owned()))?;
    match setting.treatment {
        Treatment::Modelled => {
            let (least, most) = bounds(setting);
            if !(least..=most).contains(&value) {
                return Err(SettingError::OutOfBounds { name: setting.name, least, most, value });
            }
            assert!(fill(options, setting.name, value), "{name} is modelled");
        }
        Treatment::PassedOn => {}
        Treatment::Refused => return Err(SettingError::Refused { name: setting.name, why: setting.note }),
    }
    Ok(setting.treatment)
}

/// The least and the greatest number allowed. A pause of 0 would call for ever without time passing.
fn bounds(setting: &Setting) -> (i64, i64) {
    let most = i64::from(i32::MAX);
    match setting.name {
        "CONFLATE" | "IMMEDIATE" => (0, 1),
        "HANDSHAKE_IVL" | "RECONNECT_IVL" => (1, most),
        "LINGER" | "SNDTIMEO" | "SNDBUF" | "RCVBUF" => (-1, most),
        _ => (0, most),
    }
}

/// Whether the model has a field for it. The value is within bounds.
fn fill(options: &mut SocketOptions, name: &str, value: i64) -> bool {
    let count = u32::try_from(value).ok();
    let millis = u64::try_from(value).ok().map(Duration::from_millis);
    let defaults = SocketOptions::default();
    match name {
        "SNDHWM" => options.sndhwm = count.expect("not negative"),
        "RCVHWM" => options.rcvhwm = count.expect("not negative"),
        "LINGER" => options.linger = millis,
        "IMMEDIATE" => options.immediate = value == 1,
        "CONFLATE" => options.conflate = value == 1,
        "SNDTIMEO" => options.sndtimeo = millis,
        "RECONNECT_IVL" => options.reconnect_ivl = millis.expect("not negative"),
        "RECONNECT_IVL_MAX" => options.reconnect_ivl_max = millis.expect("not negative"),
        "HANDSHAKE_IVL" => options.handshake_ivl = millis.expect("not negative"),
        "SNDBUF" => options.sndbuf = count.unwrap_or(defaults.sndbuf),
        "RCVBUF" => options.rcvbuf = count.unwrap_or(defaults.rcvbuf),
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_catalogue_are_those_of_the_model() {
        let ones = SocketOptions { sndhwm: 1, rcvhwm: 1, sndbuf: 1, rcvbuf: 1, ..SocketOptions::default() };
        let mut options =
            SocketOptions { linger: Some(Duration::ZERO), immediate: true, conflate: true, ..ones };
        for setting in SETTINGS.iter().filter(|setting| setting.treatment == Treatment::Modelled) {
            let default = setting.default.parse().expect("defaults are numbers");
            assert_eq!(set(&mut options, setting.name, default), Ok(Treatment::Modelled), "{}", setting.name);
        }
        assert_eq!(options, SocketOptions::default());
    }

    #[test]
    fn every_modelled_option_changes_the_model_and_no_other_does() {
        for setting in SETTINGS {
            let mut options = SocketOptions::default();
            let told = set(&mut options, setting.name, 1);
            let changed = options != SocketOptions::default();
            assert_eq!(changed, setting.treatment == Treatment::Modelled, "{}", setting.name);
            assert_eq!(told.is_err(), setting.treatment == Treatment::Refused, "{}", setting.name);
        }
    }

    #[test]
    fn bounds_hold_on_both_sides_and_errors_say_what_to_do() {
        let mut options = SocketOptions::default();
        assert!(set(&mut options, "SNDHWM", 0).is_ok() && set(&mut options, "LINGER", -1).is_ok());
        let texts = [("SNDHWM", -1), ("IMMEDIATE", 2), ("RECONNECT_IVL", 0), ("SNDHVM", 5), ("RCVTIMEO", 5)]
            .map(|(name, value)| set(&mut options, name, value).map_err(|error| error.to_string()));
        assert_eq!(texts, [
            Err("SNDHWM is 0 to 2147483647, not -1".into()),
            Err("IMMEDIATE is 0 to 1, not 2".into()),
            Err("RECONNECT_IVL is 1 to 2147483647, not 0".into()),
            Err("ZeroMQ has no socket option SNDHVM".into()),
            Err("RCVTIMEO cannot be set here: reading is driven by the application, which waits as long as it takes".into()),
        ]);
    }
}
