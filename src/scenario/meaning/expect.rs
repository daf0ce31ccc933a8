//! `[expect]`

use std::collections::BTreeMap;

use crate::observe::promise::{Mode, Promise};
use crate::trace::Reason;

use super::super::file::{Node, Table};
use super::super::scenario::Expect;
use super::{duration, text, whole};

/// What is expected, in the order of the file, one word of `[expect]` after the other.
pub(super) fn expect(section: Option<&Table>) -> Vec<Expect> {
    let lists = Mode::ALL.into_iter().filter_map(|mode| Some((mode, section?.value(mode.name())?.list()?)));
    lists.flat_map(|(mode, list)| list.iter().filter_map(move |node| promise(node, mode))).collect()
}

fn promise(node: &Node, mode: Mode) -> Option<Expect> {
    let empty = Table::default();
    let table = node.table().unwrap_or(&empty);
    let name = node.text().or_else(|| table.value("promise")?.text())?;
    let promise = Promise::named(name)?;
    let entry = promise.entry();
    let records = whole(table, "records");
    let (bound, number) = if entry.bounds_records() { (records, None) } else { (None, records) };
    Some(Expect {
        promise,
        mode,
        topic: text(table, "topic"),
        group: text(table, "group"),
        time: duration(table, "time"),
        records: bound,
        count: number.or_else(|| whole(table, "times")),
        causes: table.value("causes").and_then(Node::table).map(causes).unwrap_or_default(),
        place: node.place,
    })
}

fn causes(table: &Table) -> BTreeMap<Reason, u64> {
    let cause = |name: &str| Some((Reason::named(name)?, whole(table, name)?));
    table.entries.iter().filter_map(|entry| cause(&entry.name)).collect()
}
