//! One line of a comparison: a number of both runs, their ratio, and whether it is within the tolerance.

use serde::Serialize;

use super::interval::mean_and_half_width;
use super::numbers::{Group, Quantiles};
use super::recorded::Recorded;
use super::tolerance::Tolerances;

/// What a line is about; each has a tolerance of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Records a second.
    Throughput,
    /// Lengths of time between two instants of a record's life.
    Latency,
    /// Records that groups were behind.
    Lag,
    /// Rebalances, and how long groups stood still for them.
    Pauses,
    /// Records that came to nothing, by cause.
    Losses,
    /// Records that were there or processed more than once, or in another order.
    Duplicates,
}

impl Kind {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 6] =
        [Self::Throughput, Self::Latency, Self::Lag, Self::Pauses, Self::Losses, Self::Duplicates];

    /// Its name, on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::Lag => "lag",
            Self::Pauses => "pauses",
            Self::Losses => "losses",
            Self::Duplicates => "duplicates",
        }
    }
}

/// The unit of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Records a second.
    PerSecond,
    /// Nanoseconds.
    Nanoseconds,
    /// Records.
    Records,
    /// How often.
    Times,
}

/// How a line is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Judged {
    /// By the ratio of both numbers.
    Ratio,
    /// By their difference as a part of this: a number that may be next to nothing.
    Against(f64),
    /// By this distance, as a part of one: a curve.
    Distance(f64),
    /// Not at all: the greatest of all says little.
    Not,
}

/// A number of both runs of a pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it is about.
    pub kind: Kind,
    /// What it is: `billing p99`.
    pub name: String,
    /// Of the numbers.
    pub unit: Unit,
    /// Of the first run; none when it is not known.
    pub a: Option<f64>,
    /// Of the second.
    pub b: Option<f64>,
    /// How it is judged.
    pub judged: Judged,
}

/// A line over all pairs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What it is about.
    pub kind: Kind,
    /// What it is.
    pub name: String,
    /// Of the numbers.
    pub unit: Unit,
    /// The mean over the first runs of all pairs that know it.
    pub a: Option<f64>,
    /// The mean over the second runs.
    pub b: Option<f64>,
    /// The mean of A / B over all pairs in which B is not zero; 1 where both are zero.
    pub ratio: Option<f64>,
    /// Half the width of the 95 % confidence interval of the ratio (Student's t over the pairs); none for one pair.
    pub half_width: Option<f64>,
    /// For a curve and for final lag: how far both are apart, as a part of the peak.
    pub distance: Option<f64>,
    /// What is allowed, as a part of one.
    pub tolerance: f64,
    /// Whether it is compared at all.
    pub judged: bool,
    /// Whether it is outside of the tolerance.
    pub outside: bool,
}

/// A over B; 1 when both are zero; none when only B is.
pub fn ratio(a: f64, b: f64) -> Option<f64> {
    if b != 0.0 {
        Some(a / b)
    } else if a == 0.0 {
        Some(1.0)
    } else {
        None
    }
}

impl Row {
    /// The same line of all pairs.
    pub fn of(lines: &[Line], tolerances: &Tolerances) -> Self {
        let first = lines.first().expect("a row has a line");
        let (a, b) = (mean(lines.iter().map(|line| line.a)), mean(lines.iter().map(|line| line.b)));
        let both = lines.iter().filter_map(|line| Some((line.a?, line.b?)));
        let ratios: Option<Vec<f64>> = both.map(|(a, b)| ratio(a, b)).collect();
        let ratio = ratios.as_deref().and_then(mean_and_half_width);
        let distance = mean(lines.iter().map(Line::distance));
        let tolerance = tolerances.of(first.kind);
        let known = distance.is_some() || (a.is_some() && b.is_some());
        let outside = known
            && match first.judged {
                Judged::Not => false,
                Judged::Ratio => ratio.is_none_or(|(ratio, _)| (ratio - 1.0).abs() > tolerance),
                Judged::Against(_) | Judged::Distance(_) => distance.is_some_and(|apart| apart > tolerance),
            };
        Self {
            kind: first.kind,
            name: first.name.clone(),
            unit: first.unit,
            a,
            b,
            ratio: ratio.map(|(mean, _)| mean),
            half_width: ratio.and_then(|(_, half)| half),
            distance,
            tolerance,
            judged: known && first.judged != Judged::Not,
            outside,
        }
    }
}

fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let known: Vec<f64> = values.flatten().collect();
    mean_and_half_width(&known).map(|(mean, _)| mean)
}

impl Line {
    /// How far both are apart, for what is judged so.
    fn distance(&self) -> Option<f64> {
        match self.judged {
            Judged::Ratio | Judged::Not => None,
            Judged::Distance(apart) => Some(apart),
            Judged::Against(whole) => {
                let apart = (self.a? - self.b?).abs();
                Some(if apart == 0.0 { 0.0 } else { apart / whole.max(1.0) })
            }
        }
    }
}

/// Every number of a pair but its curves.
pub fn lines(a: &Recorded, b: &Recorded) -> Vec<Line> {
    let mut lines = Vec::new();
    throughput(a, b, &mut lines);
    quantiles(("acknowledged", a.numbers.acknowledge, b.numbers.acknowledge), &mut lines);
    let names = group_names(a, b);
    let groups = |name: &str| (find(a, name), find(b, name));
    for name in &names {
        let (a, b) = groups(name);
        let of = |group: Option<&Group>| group.map(|group| group.latency).unwrap_or_default();
        quantiles((name, of(a), of(b)), &mut lines);
    }
    names.iter().for_each(|name| lag(name, groups(name), &mut lines));
    names.iter().for_each(|name| pauses(name, groups(name), &mut lines));
    losses(a, b, &mut lines);
    duplicates(a, b, &mut lines);
    lines
}

/// The groups of both, in the order of the first.
pub fn group_names(a: &Recorded, b: &Recorded) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for group in a.numbers.groups.iter().chain(&b.numbers.groups) {
        if !names.contains(&group.name) {
            names.push(group.name.clone());
        }
    }
    names
}

fn find<'r>(run: &'r Recorded, name: &str) -> Option<&'r Group> {
    run.numbers.groups.iter().find(|group| group.name == name)
}

fn throughput(a: &Recorded, b: &Recorded, lines: &mut Vec<Line>) {
    let (a, b) = (a.numbers.throughput, b.numbers.throughput);
    let rates = [
        ("offered", a.offered, b.offered),
        ("accepted", a.accepted, b.accepted),
        ("processed", a.processed, b.processed),
    ];
    lines.extend(rates.map(|(name, a, b)| Line {
        kind: Kind::Throughput,
        name: name.to_owned(),
        unit: Unit::PerSecond,
        a: Some(a),
        b: Some(b),
        judged: Judged::Ratio,
    }));
}

fn quantiles((name, a, b): (&str, Quantiles, Quantiles), lines: &mut Vec<Line>) {
    let known = |of: Quantiles, value: u64| (of.count > 0).then_some(value as f64);
    let all = [
        ("p50", a.p50, b.p50, Judged::Ratio),
        ("p90", a.p90, b.p90, Judged::Ratio),
        ("p99", a.p99, b.p99, Judged::Ratio),
        ("max", a.max, b.max, Judged::Not),
    ];
    if a.count == 0 && b.count == 0 {
        return;
    }
    lines.extend(all.map(|(quantile, of_a, of_b, judged)| Line {
        kind: Kind::Latency,
        name: format!("{name} {quantile}"),
        unit: Unit::Nanoseconds,
        a: known(a, of_a),
        b: known(b, of_b),
        judged,
    }));
}

fn lag(name: &str, (a, b): (Option<&Group>, Option<&Group>), lines: &mut Vec<Line>) {
    let number =
        |group: Option<&Group>, of: fn(&Group) -> Option<u64>| group.and_then(of).map(|lag| lag as f64);
    let peaks = (number(a, |group| group.lag_max), number(b, |group| group.lag_max));
    let peak = peaks.0.unwrap_or(0.0).max(peaks.1.unwrap_or(0.0));
    let line = |what: &str, (a, b), judged| Line {
        kind: Kind::Lag,
        name: format!("{name} {what}"),
        unit: Unit::Records,
        a,
        b,
        judged,
    };
    lines.push(line("peak", peaks, Judged::Ratio));
    let last = (number(a, |group| group.lag), number(b, |group| group.lag));
    lines.push(line("final", last, Judged::Against(peak)));
}

fn pauses(name: &str, (a, b): (Option<&Group>, Option<&Group>), lines: &mut Vec<Line>) {
    let of = |group: Option<&Group>| {
        let rebalances = group?.rebalances.as_ref()?;
        let took: Vec<u64> = rebalances.iter().filter_map(|rebalance| rebalance.took).collect();
        let longest = took.iter().max().copied().unwrap_or(0);
        Some((rebalances.len() as f64, took.iter().sum::<u64>() as f64, longest as f64))
    };
    let (a, b) = (of(a), of(b));
    if a.is_none() && b.is_none() {
        return;
    }
    let line = |what: &str, unit, a, b| Line {
        kind: Kind::Pauses,
        name: format!("{name} {what}"),
        unit,
        a,
        b,
        judged: Judged::Ratio,
    };
    lines.push(line("rebalances", Unit::Times, a.map(|a| a.0), b.map(|b| b.0)));
    lines.push(line("all pauses", Unit::Nanoseconds, a.map(|a| a.1), b.map(|b| b.1)));
    lines.push(line("longest pause", Unit::Nanoseconds, a.map(|a| a.2), b.map(|b| b.2)));
}

fn losses(a: &Recorded, b: &Recorded, lines: &mut Vec<Line>) {
    let (a, b) = (a.losses(), b.losses());
    let mut causes: Vec<&String> = a.keys().chain(b.keys()).collect();
    causes.sort();
    causes.dedup();
    let number = |causes: &std::collections::BTreeMap<String, u64>, cause: &str| {
        Some(causes.get(cause).copied().unwrap_or(0) as f64)
    };
    lines.extend(causes.into_iter().map(|cause| Line {
        kind: Kind::Losses,
        name: cause.clone(),
        unit: Unit::Records,
        a: number(&a, cause),
        b: number(&b, cause),
        judged: Judged::Ratio,
    }));
}

fn duplicates(a: &Recorded, b: &Recorded, lines: &mut Vec<Line>) {
    let (a, b) = (a.numbers.tally, b.numbers.tally);
    let mut line = |kind, name: &str, of: fn(super::numbers::Totals) -> u64| {
        let number = |totals: Option<super::numbers::Totals>| totals.map(|totals| of(totals) as f64);
        let (a, b) = (number(a), number(b));
        lines.push(Line { kind, name: name.to_owned(), unit: Unit::Records, a, b, judged: Judged::Ratio });
    };
    line(Kind::Losses, "unknown to the producer", |totals| totals.unknown);
    line(Kind::Duplicates, "processed again", |totals| totals.duplicates);
    line(Kind::Duplicates, "stored again", |totals| totals.stored_twice);
    line(Kind::Duplicates, "out of order", |totals| totals.reordered);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(a: f64, b: f64, judged: Judged) -> Line {
        Line { kind: Kind::Throughput, name: "x".into(), unit: Unit::Records, a: Some(a), b: Some(b), judged }
    }

    fn row(lines: &[Line]) -> Row {
        Row::of(lines, &Tolerances::default())
    }

    #[test]
    fn a_ratio_just_within_is_not_marked_and_just_outside_is() {
        assert!(!row(&[line(109.9, 100.0, Judged::Ratio)]).outside);
        assert!(row(&[line(110.1, 100.0, Judged::Ratio)]).outside);
        assert!(!row(&[line(90.1, 100.0, Judged::Ratio)]).outside);
        assert!(row(&[line(89.9, 100.0, Judged::Ratio)]).outside);
    }

    #[test]
    fn nothing_against_something_has_no_ratio_and_is_outside() {
        let lost = row(&[line(3.0, 0.0, Judged::Ratio)]);
        assert_eq!((lost.ratio, lost.outside), (None, true));
        let same = row(&[line(0.0, 0.0, Judged::Ratio)]);
        assert_eq!((same.ratio, same.outside), (Some(1.0), false));
    }

    #[test]
    fn final_lag_is_held_against_the_peak() {
        let near = row(&[line(3.0, 0.0, Judged::Against(1_000.0))]);
        assert_eq!((near.ratio, near.distance, near.outside), (None, Some(0.003), false));
        assert!(row(&[line(300.0, 0.0, Judged::Against(1_000.0))]).outside);
    }

    #[test]
    fn what_one_side_does_not_know_is_not_judged() {
        let row = row(&[Line { b: None, ..line(3.0, 0.0, Judged::Ratio) }]);
        assert_eq!((row.judged, row.outside, row.ratio), (false, false, None));
    }

    #[test]
    fn pairs_give_the_mean_of_their_ratios_and_an_interval() {
        let row = row(&[line(90.0, 100.0, Judged::Ratio), line(220.0, 200.0, Judged::Ratio)]);
        assert_eq!((row.a, row.b), (Some(155.0), Some(150.0)));
        assert!((row.ratio.expect("B is not zero") - 1.0).abs() < 1e-12);
        // 12.706 times 0.1: standard deviation 0.1414 over the root of two.
        assert!((row.half_width.expect("two pairs") - 1.2706).abs() < 1e-4);
    }
}
