//! What a processor does with each record.

use crate::kernel::Duration;
use crate::workload::row::Value as Cell;
use crate::workload::{Aggregate, Compare, Enrichment, FieldKind, Function, Operation, Window};

use super::super::file::{Node, Table, Value};
use super::{duration, text};

/// `work = ...`
pub(super) fn operation(node: &Node) -> Operation {
    let empty = Table::default();
    let Some(table) = node.table() else { return named(node.text().unwrap_or("pass"), &empty) };
    let part = |name: &str| table.value(name).and_then(Node::table);
    if let Some(tumbling) = part("tumbling") {
        return Operation::Tumbling(window(tumbling));
    }
    if let Some(sliding) = part("sliding") {
        let window = window(sliding);
        return Operation::Sliding { every: duration(sliding, "every").unwrap_or(window.size), window };
    }
    if let Some(filter) = part("filter") {
        return compare(filter).unwrap_or(Operation::Pass);
    }
    if let Some(enrich) = part("enrich") {
        return enrichment(enrich).map_or(Operation::Pass, |from| Operation::Enrich {
            field: text(enrich, "field").unwrap_or_default(),
            from,
        });
    }
    if let Some(field) = text(table, "sentiment") {
        return Operation::Sentiment { field };
    }
    match part("track") {
        Some(track) => named("track", track),
        None => part("cores").map_or(Operation::Pass, |cores| named("cores", cores)),
    }
}

fn named(name: &str, table: &Table) -> Operation {
    let lateness = duration(table, "lateness").unwrap_or_default();
    let every = |default| duration(table, "every").unwrap_or(default);
    match name {
        "track" => Operation::Track { every: every(Duration::from_secs(2)), lateness },
        "cores" => Operation::Cores { every: every(Duration::from_millis(500)), lateness },
        _ => Operation::Pass,
    }
}

fn window(table: &Table) -> Window {
    let aggregates = match table.value("aggregates").and_then(Node::list) {
        Some(list) => list.iter().filter_map(Node::table).flat_map(aggregates).collect(),
        None => aggregates(table),
    };
    Window {
        size: duration(table, "size").unwrap_or(Duration::from_secs(1)),
        lateness: duration(table, "lateness").unwrap_or_default(),
        aggregates,
    }
}

fn aggregates(table: &Table) -> Vec<Aggregate> {
    let functions = table.value("compute").and_then(Node::words).unwrap_or_default();
    functions
        .iter()
        .map(|name| Aggregate {
            function: function(name),
            field: text(table, "field"),
            name: text(table, "name"),
        })
        .collect()
}

fn function(name: &str) -> Function {
    match name {
        "mean" => Function::Mean,
        "sum" => Function::Sum,
        "min" => Function::Min,
        "max" => Function::Max,
        "first" => Function::First,
        "last" => Function::Last,
        _ => Function::Count,
    }
}

fn compare(table: &Table) -> Option<Operation> {
    let comparisons = [
        ("equals", Compare::Equal),
        ("not-equals", Compare::NotEqual),
        ("below", Compare::Less),
        ("at-most", Compare::LessOrEqual),
        ("above", Compare::Greater),
        ("at-least", Compare::GreaterOrEqual),
        ("contains", Compare::Contains),
    ];
    let (compare, node) =
        comparisons.into_iter().find_map(|(name, compare)| Some((compare, table.value(name)?)))?;
    Some(Operation::Filter { field: text(table, "field")?, compare, value: cell(node) })
}

fn enrichment(table: &Table) -> Option<Enrichment> {
    if let Some(value) = table.value("value") {
        return Some(Enrichment::Constant(cell(value)));
    }
    let entries = &table.value("table")?.table()?.entries;
    let found: Vec<_> = entries.iter().map(|entry| (entry.name.clone(), cell(&entry.node))).collect();
    let otherwise = table.value("otherwise").map_or(Cell::Null, cell);
    let kind = kind(found.iter().map(|(_, value)| value).chain([&otherwise]));
    let found = found.into_iter().map(|(name, value)| (name, widened(value, kind))).collect();
    Some(Enrichment::Lookup {
        by: text(table, "by")?,
        kind,
        table: found,
        otherwise: widened(otherwise, kind),
    })
}

/// The kind that all values have; whole numbers among fractions become fractions, all else texts.
fn kind<'v>(values: impl Iterator<Item = &'v Cell>) -> FieldKind {
    let kinds = values.filter_map(|value| match value {
        Cell::Int(_) => Some(FieldKind::Int),
        Cell::Float(_) => Some(FieldKind::Float),
        Cell::Text(_) => Some(FieldKind::Text),
        Cell::Bool(_) => Some(FieldKind::Bool),
        Cell::Null => None,
    });
    kinds
        .reduce(|one, other| match (one, other) {
            (one, other) if one == other => one,
            (FieldKind::Int, FieldKind::Float) | (FieldKind::Float, FieldKind::Int) => FieldKind::Float,
            _ => FieldKind::Text,
        })
        .unwrap_or(FieldKind::Text)
}

fn widened(value: Cell, kind: FieldKind) -> Cell {
    match (value, kind) {
        (Cell::Int(number), FieldKind::Float) => Cell::Float(number as f64),
        (Cell::Null, _) => Cell::Null,
        (value @ (Cell::Int(_) | Cell::Float(_) | Cell::Bool(_)), FieldKind::Text) => {
            Cell::text(&value.to_string())
        }
        (value, _) => value,
    }
}

fn cell(node: &Node) -> Cell {
    match &node.value {
        Value::Text(text) => Cell::text(text),
        Value::Integer(number) => Cell::Int(*number),
        Value::Float(number) => Cell::Float(*number),
        Value::Flag(flag) => Cell::Bool(*flag),
        Value::Date(_) | Value::List(_) | Value::Table(_) => Cell::Null,
    }
}
