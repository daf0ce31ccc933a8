//! `[zeromq]` and its channels.

use super::super::file::{Node, Table};
use super::super::scenario::{Channel, End, SocketOptions, Transport, Zeromq};
use super::{count, duration, text};

pub(super) fn zeromq(table: &Table) -> Zeromq {
    let inproc = text(table, "transport").is_some_and(|transport| transport == "inproc");
    let defaults = options(table, &SocketOptions::default());
    let channels =
        table.value("channels").and_then(Node::table).map_or(&[][..], |channels| &channels.entries);
    let channels = channels
        .iter()
        .filter_map(|entry| Some((entry.name.clone(), entry.node.table()?)))
        .map(|(name, table)| Channel { name, bind: bind(table), options: options(table, &defaults) })
        .collect();
    Zeromq { transport: if inproc { Transport::Inproc } else { Transport::Tcp }, channels }
}

fn bind(table: &Table) -> End {
    if text(table, "bind").is_some_and(|end| end == "push") { End::Push } else { End::Pull }
}

fn options(table: &Table, defaults: &SocketOptions) -> SocketOptions {
    // What is written and no length of time is -1: for ever.
    let endless = |name: &str, default| table.value(name).map_or(default, Node::duration);
    SocketOptions {
        sndhwm: count(table, "SNDHWM").unwrap_or(defaults.sndhwm),
        rcvhwm: count(table, "RCVHWM").unwrap_or(defaults.rcvhwm),
        linger: endless("LINGER", defaults.linger),
        immediate: table.value("IMMEDIATE").and_then(Node::flag).unwrap_or(defaults.immediate),
        sndtimeo: endless("SNDTIMEO", defaults.sndtimeo),
        reconnect_ivl: duration(table, "RECONNECT_IVL").unwrap_or(defaults.reconnect_ivl),
    }
}
