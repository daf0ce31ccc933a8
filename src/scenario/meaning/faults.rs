//! `[[fault]]` and `[faults.random]`.

use crate::fault::catalogue::{self, Kind, Parameters};
use crate::fault::{Again, Direction, Position};
use crate::kernel::{Duration, Law, Time};

use super::super::file::{Node, Table};
use super::super::scenario::{Fault, RandomFaults, Run};
use super::super::target::Target;
use super::super::units::Rate;
use super::{count, duration};

/// A fault; none when it does not say what happens, or to nobody.
pub(super) fn fault(table: &Table) -> Option<Fault> {
    let (kind, node) = kinds(table).next()?;
    let lasts = duration(table, "for");
    let parameters = parameters(table, lasts);
    Some(Fault {
        at: Time::ZERO + duration(table, "at").unwrap_or_default(),
        kind,
        strike: (kind.strike)(&parameters),
        targets: Some(targets(node)).filter(|targets| !targets.is_empty())?,
        peers: table.value("peers").map(targets).unwrap_or_default(),
        lasts,
        again: duration(table, "every").map(|every| Again { every, times: count(table, "times") }),
        jitter: duration(table, "jitter").unwrap_or_default(),
        by_hand: table.value("by-hand").and_then(Node::flag).unwrap_or_default(),
    })
}

/// The kinds that a fault names, in the order of the catalogue.
pub fn kinds(table: &Table) -> impl Iterator<Item = (&'static Kind, &Node)> {
    catalogue::KINDS.iter().filter_map(|kind| table.value(kind.name).map(|node| (kind, node)))
}

/// Those targets of one or several that are understood.
pub fn targets(node: &Node) -> Vec<Target> {
    node.words().unwrap_or_default().iter().filter_map(|word| Target::read(word)).collect()
}

pub(super) fn random(table: &Table, run: &Run) -> RandomFaults {
    let time = |name: &str| duration(table, name).map(|after| Time::ZERO + after);
    let heal_at = time("heal-at");
    let kinds = table.value("kinds").and_then(Node::words).unwrap_or_default();
    let targets = table.value("targets").map(targets).unwrap_or_else(|| vec![Target::RandomBroker]);
    RandomFaults {
        kinds: kinds.iter().filter_map(|name| catalogue::find(name)).collect(),
        targets,
        every: duration(table, "every").unwrap_or(Duration::MAX),
        lasts: table.value("for").and_then(Node::law).unwrap_or(Law::Constant(Duration::from_secs(10))),
        from: time("from").unwrap_or(Time::ZERO),
        until: time("until").or(heal_at).unwrap_or(Time::ZERO + run.duration),
        heal_at,
        at_most: count(table, "at-most").unwrap_or(1),
        max_down: count(table, "max-down").unwrap_or(1),
        parameters: parameters(table, None),
    }
}

/// A rate in thousandths of an event a second, at least one.
fn in_thousandths(rate: Rate) -> u64 {
    let thousandths = u128::from(rate.events) * 1_000_000_000_000 / u128::from(rate.per.as_nanos().max(1));
    u64::try_from(thousandths).unwrap_or(u64::MAX).max(1)
}

fn parameters(table: &Table, lasts: Option<Duration>) -> Parameters {
    let usual = Parameters::default();
    let direction = table.value("direction").and_then(Node::text).and_then(Direction::named);
    let position = table.value("position").and_then(Node::text).and_then(Position::named);
    // Six digits are as fine as anybody can tell.
    let factor = table.value("factor").and_then(Node::number).map(|factor| (factor * 1_000.0) as u32);
    Parameters {
        factor: factor.unwrap_or(usual.factor),
        by: duration(table, "by").unwrap_or(usual.by),
        limit: table.value("limit").and_then(Node::bandwidth).unwrap_or(usual.limit),
        direction: direction.unwrap_or(usual.direction),
        records: count(table, "records").unwrap_or(usual.records),
        to: count(table, "to").unwrap_or(usual.to),
        settle: duration(table, "settle").unwrap_or(usual.settle),
        lasts: lasts.unwrap_or_default(),
        position: position.unwrap_or(usual.position),
        rate: table.value("rate").and_then(Node::rate).map_or(usual.rate, in_thousandths),
    }
}
