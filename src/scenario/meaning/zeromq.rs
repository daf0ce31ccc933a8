//! `[zeromq]` and its channels.

use crate::kernel::Duration;
use crate::zeromq::settings::{self, Treatment};
use crate::zeromq::{Config, Side, SocketOptions};

use super::super::file::{Node, Table};
use super::super::read::option;
use super::super::scenario::{Channel, Transport, Zeromq};
use super::{count, text};

pub(super) fn zeromq(table: &Table, notes: &mut Vec<String>) -> Zeromq {
    let inproc = text(table, "transport").is_some_and(|transport| transport == "inproc");
    let mut defaults = SocketOptions::default();
    fill(&mut defaults, table, notes);
    let channels =
        table.value("channels").and_then(Node::table).map_or(&[][..], |channels| &channels.entries);
    let channels = channels
        .iter()
        .filter_map(|entry| Some((entry.name.clone(), entry.node.table()?)))
        .map(|(name, table)| Channel { name, config: config(table, &defaults, notes) })
        .collect();
    Zeromq { transport: if inproc { Transport::Inproc } else { Transport::Tcp }, channels }
}

fn config(table: &Table, defaults: &SocketOptions, notes: &mut Vec<String>) -> Config {
    let mut options = defaults.clone();
    fill(&mut options, table, notes);
    let pull_binds = text(table, "bind").is_some_and(|end| end == "pull");
    Config {
        push: options.clone(),
        pull: options,
        push_side: if pull_binds { Side::Connect } else { Side::Bind },
        receive_batch: count(table, "receive-batch").unwrap_or(Config::default().receive_batch),
    }
}

fn fill(options: &mut SocketOptions, table: &Table, notes: &mut Vec<String>) {
    for entry in &table.entries {
        let Some(setting) = settings::find(&entry.name) else { continue };
        let Ok(value) = option(setting, &entry.node) else { continue };
        match setting.treatment {
            Treatment::Modelled => assert!(set(options, setting.name, value), "{} has a field", setting.name),
            Treatment::PassedOn => {
                notes.push(format!("`{}` changes nothing in the simulation: {}", setting.name, setting.note));
            }
            // The judge refused it by name.
            Treatment::Refused => {}
        }
    }
}

/// Sets the field of a modelled option; false when there is none of this name.
fn set(options: &mut SocketOptions, name: &str, value: i64) -> bool {
    let count = u32::try_from(value).ok();
    let millis = u64::try_from(value).ok().map(Duration::from_millis);
    match name {
        "SNDHWM" => options.sndhwm = count.unwrap_or(0),
        "RCVHWM" => options.rcvhwm = count.unwrap_or(0),
        "LINGER" => options.linger = millis,
        "IMMEDIATE" => options.immediate = value == 1,
        "CONFLATE" => options.conflate = value == 1,
        "SNDTIMEO" => options.sndtimeo = millis,
        "RECONNECT_IVL" => options.reconnect_ivl = millis.unwrap_or(Duration::MAX),
        "RECONNECT_IVL_MAX" => options.reconnect_ivl_max = millis.unwrap_or_default(),
        "HANDSHAKE_IVL" => {
            options.handshake_ivl = millis.filter(|ivl| !ivl.is_zero()).unwrap_or(Duration::MAX)
        }
        "SNDBUF" => options.sndbuf = count.unwrap_or(options.sndbuf),
        "RCVBUF" => options.rcvbuf = count.unwrap_or(options.rcvbuf),
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_modelled_option_has_a_field_whose_default_is_the_catalogues() {
        let mut options = SocketOptions::default();
        for setting in settings::SETTINGS.iter().filter(|setting| setting.treatment == Treatment::Modelled) {
            let default = setting.default.parse().expect("defaults of options are numbers");
            assert!(set(&mut options, setting.name, default), "{} has no field", setting.name);
        }
        assert_eq!(options, SocketOptions::default());
    }
}
