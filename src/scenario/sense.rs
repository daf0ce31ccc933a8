//! What must hold within one value beyond its shape: bounds in order, exactly one comparison, and the like.

use crate::kernel::Duration;

use super::error::Finding;
use super::file::{Entry, Node, Table};
use super::language::COMPARISONS;

/// Nothing more to ask.
pub fn nothing(_: &Node) -> Option<Finding> {
    None
}

/// Bounds are in order.
pub fn law(node: &Node) -> Option<Finding> {
    ordered(node.table()?, |node| node.duration().map(Duration::as_nanos))
}

/// Bounds are in order; sizes fit a record.
pub fn size_law(node: &Node) -> Option<Finding> {
    if let Some(size) = node.size() {
        return (size > u64::from(u32::MAX)).then(|| too_large(node));
    }
    let table = node.table()?;
    let median = table.value("median");
    if let Some(median) = median.filter(|median| median.size() == Some(0)) {
        return Some(
            Finding::new("scenario::value", "the median of a lognormal law cannot be zero")
                .at(median.place, "zero")
                .help("write at least \"1B\""),
        );
    }
    ordered(table, Node::size)
}

fn too_large(node: &Node) -> Finding {
    Finding::new("scenario::value", "a payload of 4 GiB and more cannot be sent")
        .at(node.place, "too large")
        .help("Kafka takes 1 MiB unless told otherwise; see max.request.size and max.message.bytes")
}

fn ordered(table: &Table, read: impl Fn(&Node) -> Option<u64>) -> Option<Finding> {
    if let Some(bounds) = table.value("uniform") {
        let [low, high] = bounds.list()? else { return None };
        return (read(low)? > read(high)?).then(|| {
            Finding::new("scenario::value", "the lower bound is above the upper one")
                .at(low.place, "lower bound")
                .at(high.place, "upper bound")
                .help("swap them")
        });
    }
    let (median, p99) = (table.value("median")?, table.value("p99")?);
    (read(median)? > read(p99)?).then(|| {
        Finding::new("scenario::value", "the 99th percentile is below the median")
            .at(p99.place, "99 of 100 draws are below this")
            .at(median.place, "half of all draws are below this")
            .help("p99 must be at least the median; equal ones make a constant")
    })
}

/// Arrivals happen at all.
pub fn arrivals(node: &Node) -> Option<Finding> {
    let table = node.table()?;
    if let Some(ramp) = table.value("ramp").and_then(Node::table) {
        let zero = |name: &str| ramp.value(name).and_then(Node::rate).is_some_and(|rate| rate.events == 0);
        return (zero("from") && zero("to")).then(|| {
            Finding::new("scenario::value", "a ramp from nothing to nothing offers no record")
                .at(node.place, "both rates are zero")
                .help("give `from` or `to` a rate above zero")
        });
    }
    let on = table.value("bursts")?.table()?.value("on")?;
    on.law()?.mean().is_zero().then(|| {
        Finding::new("scenario::value", "bursts of no length offer no record")
            .at(on.place, "its mean is zero")
            .help("say how long a burst lasts, as in on = \"2s\"")
    })
}

/// Windows, filters and enrichments say what they need.
pub fn work(node: &Node) -> Option<Finding> {
    let table = node.table()?;
    let part = |name: &str| Some((table.value(name)?, table.value(name)?.table()?));
    if let Some((place, window)) = part("tumbling").or_else(|| part("sliding")) {
        return window_sense(place, window);
    }
    if let Some((place, filter)) = part("filter") {
        return filter_sense(place, filter);
    }
    let (place, enrich) = part("enrich")?;
    enrich_sense(place, enrich)
}

fn window_sense(place: &Node, window: &Table) -> Option<Finding> {
    let (size, every) = (window.value("size")?, window.value("every"));
    if let Some(every) = every.filter(|every| every.duration() > size.duration()) {
        return Some(
            Finding::new("scenario::value", "windows that begin less often than they are long leave gaps")
                .at(every.place, "longer than the window")
                .at(size.place, "the window")
                .help("`every` must be at most `size`; equal to it, write { tumbling = ... }"),
        );
    }
    match (window.value("compute"), window.value("aggregates")) {
        (None, None) => Some(
            Finding::new("scenario::missing", "the window computes nothing")
                .at(place.place, "neither `compute` nor `aggregates`")
                .help("write compute = \"mean\" and field = \"...\", or compute = \"count\""),
        ),
        (Some(compute), Some(aggregates)) => Some(
            Finding::new("scenario::conflict", "`compute` and `aggregates` say the same thing twice")
                .at(compute.place, "one way")
                .at(aggregates.place, "the other")
                .help("keep one of them"),
        ),
        (Some(compute), None) => needs_field(compute, window),
        (None, Some(aggregates)) => aggregates
            .list()?
            .iter()
            .filter_map(Node::table)
            .find_map(|aggregate| needs_field(aggregate.value("compute")?, aggregate)),
    }
}

fn needs_field(compute: &Node, table: &Table) -> Option<Finding> {
    let function = compute.words()?.into_iter().find(|function| function != "count")?;
    table.value("field").is_none().then(|| {
        Finding::new("scenario::missing", format!("`{function}` of what?"))
            .at(compute.place, "there is no `field`")
            .help("add field = \"...\"; only `count` needs none")
    })
}

fn filter_sense(place: &Node, filter: &Table) -> Option<Finding> {
    let is_comparison = |entry: &&Entry| COMPARISONS.contains(&entry.name.as_str());
    let said: Vec<_> = filter.entries.iter().filter(is_comparison).collect();
    match said.as_slice() {
        [_] => None,
        [] => Some(
            Finding::new("scenario::missing", "the filter compares with nothing")
                .at(place.place, "no comparison")
                .help(format!(
                    "add {}",
                    super::error::one_of(COMPARISONS.iter().copied()).replacen("choose ", "", 1)
                )),
        ),
        [first, second, ..] => Some(
            Finding::new("scenario::conflict", "a filter has one comparison")
                .at(second.place, "the second")
                .at(first.place, "the first")
                .help("for both, put one processor after the other"),
        ),
    }
}

fn enrich_sense(place: &Node, enrich: &Table) -> Option<Finding> {
    let has = |name: &str| enrich.value(name).is_some();
    let lookup = has("by") || has("table");
    match (has("value"), lookup) {
        (true, true) => Some(
            Finding::new("scenario::conflict", "a field is added with one value or from a table, not both")
                .at(place.place, "`value` together with `by` or `table`")
                .help("keep `value`, or `by` with `table`"),
        ),
        (true, false) => None,
        (false, _) if has("by") && has("table") => None,
        (false, _) => Some(
            Finding::new("scenario::missing", "the added field has no value")
                .at(place.place, "neither `value` nor `by` with `table`")
                .help("write value = \"eu\", or by = \"item\" and table = { apple = \"fruit\" }"),
        ),
    }
}
