//! How two branches differ at an instant: where they part, and what came of each.

use std::sync::Arc;

use super::rewind::State;
use crate::analyze::report::count;
use crate::kernel::{Cast, Duration, Event, Time};
use crate::observe::promise::{Outcome, Verdict};
use crate::observe::{GroupView, Line, Snapshot};
use crate::trace::FactRow;
use crate::trace::{Fact, Stage};
use crate::tui::{Diff, DiffRow};

/// What the numbers of a side mean.
pub(super) type Names = (Arc<Stage>, Arc<Cast>);

/// So much of both sides is held against each other at a time.
const SLICE: Duration = Duration::from_millis(20);

/// Compares two courses that were one until `begins`, at the instant of `ends`.
pub(super) fn diff(
    sides: [String; 2],
    names: [Names; 2],
    begins: [State; 2],
    ends: &[State; 2],
    at: Time,
) -> Diff {
    let notable = parted_lines(ends, begins[0].now());
    let first = parted(&names, begins, at);
    let [one, other] = ends;
    Diff { sides, at, first, notable, rows: rows([one, other]) }
}

/// The first facts that differ.
fn parted(names: &[Names; 2], mut sides: [State; 2], at: Time) -> [Option<String>; 2] {
    let alike = names[0] == names[1];
    while sides[0].now() < at {
        let until = (sides[0].now() + SLICE).min(at);
        let [one, other] = sides.each_mut().map(|side| {
            let mut seen: Vec<Event<Fact>> = Vec::new();
            side.run_until(until, &mut seen);
            side.watch.take_ready();
            seen
        });
        let say = |side: usize, event: &Event<Fact>| words(event, &names[side]);
        let same = |(one, other): (&Event<Fact>, &Event<Fact>)| {
            if alike { one == other } else { say(0, one) == say(1, other) }
        };
        let shared = one.iter().zip(&other).take_while(|pair| same(*pair)).count();
        if shared < one.len() || shared < other.len() {
            return [
                one.get(shared).map(|event| say(0, event)),
                other.get(shared).map(|event| say(1, event)),
            ];
        }
    }
    [None, None]
}

/// `00:05.000 faults: fault-began, kill`
fn words(event: &Event<Fact>, (stage, cast): &Names) -> String {
    let row = FactRow::of(&event.fact, stage);
    let place = row.place.map(|place| format!(" {}", stage.place_name(place))).unwrap_or_default();
    let records = row.records.filter(|records| *records > 1).map(|records| format!(", {records} records"));
    let offset = row.offset.map(|offset| format!(" at {offset}")).unwrap_or_default();
    let upto = row.upto.map(|upto| format!(" up to {upto}")).unwrap_or_default();
    let node = row.node.map(|node| format!(" {}", cast.node(node))).unwrap_or_default();
    let reason = row.reason.map(|reason| format!(", {reason}")).unwrap_or_default();
    format!(
        "{} {}: {}{place}{node}{offset}{upto}{}{reason}",
        event.at,
        cast.actor(event.actor),
        row.kind,
        records.unwrap_or_default(),
    )
}

/// The first notable lines that differ after an instant, of those that are remembered.
fn parted_lines(ends: &[State; 2], after: Time) -> [Option<String>; 2] {
    let lines = ends.each_ref().map(|end| {
        let lines = end.watch.lines().filter(|line| line.at >= after);
        // What struck is said already.
        lines.filter(|line| line.weight != crate::trace::Weight::Fault).cloned().collect::<Vec<Line>>()
    });
    let [one, other] = &lines;
    let same =
        |(one, other): &(&Line, &Line)| (one.at, one.tag, &one.text) == (other.at, other.tag, &other.text);
    let shared = one.iter().zip(other).take_while(|pair| same(pair)).count();
    lines
        .each_ref()
        .map(|side| side.get(shared).map(|line| format!("{} {} {}", line.at, line.tag, line.text)))
}

fn rows(sides: [&State; 2]) -> Vec<DiffRow> {
    // A snapshot for a screen leaves latencies out.
    let shots = sides.map(|side| Snapshot { groups: side.watch.groups(), ..side.watch.snapshot() });
    let verdicts = sides.map(|side| side.watch.verdicts());
    let mut rows = records(&shots);
    rows.extend(groups(&shots));
    rows.extend(promises(&verdicts));
    rows
}

/// A number of which more is worse.
fn number(what: &str, [one, other]: [u64; 2]) -> DiffRow {
    let worse = (one != other).then(|| usize::from(other > one));
    DiffRow { what: what.to_owned(), values: [one, other].map(count), worse }
}

fn length(what: &str, [one, other]: [Duration; 2]) -> DiffRow {
    let worse = (one != other).then(|| usize::from(other > one));
    DiffRow { what: what.to_owned(), values: [one, other].map(|value| value.to_string()), worse }
}

/// So many of a thousand are not above it; nothing where none was measured.
fn latency(what: &str, groups: [&GroupView; 2], per_mille: u64) -> DiffRow {
    let row = length(what, groups.map(|group| group.latency.quantile(per_mille)));
    if groups.iter().all(|group| group.latency.total() > 0) {
        return row;
    }
    let shown = |side: usize| {
        if groups[side].latency.total() > 0 { row.values[side].clone() } else { "-".to_owned() }
    };
    DiffRow { values: [shown(0), shown(1)], worse: None, ..row }
}

fn records(shots: &[Snapshot; 2]) -> Vec<DiffRow> {
    let of = |value: fn(&Snapshot) -> u64| shots.each_ref().map(value);
    let plain = |what, values| DiffRow { worse: None, ..number(what, values) };
    vec![
        plain("offered", of(|shot| shot.tally.offered)),
        plain("accepted", of(|shot| shot.tally.accepted)),
        number("rejected", of(|shot| shot.tally.rejected)),
        number("lost or dropped", of(|shot| shot.lost)),
        number("handed over twice", of(|shot| shot.tally.duplicates)),
    ]
}

fn groups(shots: &[Snapshot; 2]) -> Vec<DiffRow> {
    let [one, other] = shots;
    let pairs = one.groups.iter().zip(&other.groups);
    let rows = pairs.map(|(one, other)| {
        let name = &one.name;
        let pair = [one, other];
        vec![
            number(&format!("{name} lag"), pair.map(|group| group.lag)),
            number(&format!("{name} lag at most"), pair.map(|group| group.lag_max.0.max(group.lag))),
            length(&format!("{name} behind"), pair.map(|group| group.behind)),
            latency(&format!("{name} latency, half below"), pair, 500),
            latency(&format!("{name} latency, 99 of 100 below"), pair, 990),
            DiffRow {
                worse: None,
                ..number(&format!("{name} rebalances"), pair.map(|group| group.rebalances.len() as u64))
            },
        ]
    });
    rows.flatten().collect()
}

fn promises([one, other]: &[Vec<Verdict>; 2]) -> Vec<DiffRow> {
    let is_broken = |verdict: &Verdict| matches!(verdict.outcome, Outcome::Broken { .. });
    let row = |(one, other): (&Verdict, &Verdict)| {
        let worse = match (is_broken(one), is_broken(other)) {
            (true, false) => Some(0),
            (false, true) => Some(1),
            (true, true) | (false, false) => None,
        };
        DiffRow { what: one.title(), values: [one.happened(), other.happened()], worse }
    };
    one.iter().zip(other).map(row).collect()
}
