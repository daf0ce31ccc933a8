//! A calibration as a file, and as a person reads it.

use std::fmt::Write as _;

use serde::Serialize;

use crate::kernel::Duration;

use super::fit::{Fitted, Parameter, Quantity};

/// A number that the fitted costs predict, beside what was measured: nothing was fitted to the last four.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What it is: `acknowledged p50`.
    pub name: &'static str,
    /// Simulated with the fitted costs, in nanoseconds.
    pub simulated_ns: f64,
    /// Measured, in nanoseconds.
    pub measured_ns: f64,
}

/// The file: a section that says where it comes from, and then what a scenario would have. `world` is where it was
/// measured, `when` a date.
pub fn to_toml(fitted: &Fitted, world: &str, when: &str, repetitions: usize) -> String {
    let mut text = format!("# What the machines of {world} cost, as `brokersim calibrate` measured it.\n");
    let _ = write!(text, "[calibration]\non = {world:?}\nmeasured = {when:?}\n");
    let _ = write!(text, "brokersim = {:?}\nrepetitions = {repetitions}\n", env!("CARGO_PKG_VERSION"));
    let left = fitted.left.iter().map(|(path, _)| format!("    {path:?},\n"));
    let _ = write!(text, "left-at-default = [\n{}]\n", left.collect::<String>());
    for (section, title) in [("network.", "network"), ("kafka.costs.", "kafka.costs")] {
        let of = fitted.parameters.iter().filter(|parameter| parameter.path.starts_with(section));
        let lines: String = of.map(|parameter| line(parameter, section)).collect();
        if !lines.is_empty() {
            let _ = write!(text, "\n[{title}]\n{lines}");
        }
    }
    text
}

fn line(parameter: &Parameter, section: &str) -> String {
    let Parameter { path, value, from, .. } = parameter;
    let name = path.strip_prefix(section).expect("it is of this section");
    format!("{name} = {} # {}; from {from}\n", written(*value), spread(parameter))
}

/// As a scenario writes it.
fn written(value: Quantity) -> String {
    match value {
        Quantity::Time(nanos) => format!("{:?}", length(nanos)),
        Quantity::Bandwidth(rate) => format!("\"{}KiB/s\"", (rate / 1_024.0).round().max(1.0) as u64),
        Quantity::Law(median, p99) => {
            format!("{{ median = {:?}, p99 = {:?} }}", length(median), length(p99))
        }
    }
}

/// To the nanosecond, as scenarios write lengths of time.
fn length(nanos: f64) -> String {
    format!("{}ns", nanos.round().max(1.0) as u64)
}

/// `38 us to 44 us in 3 repetitions`
fn spread(parameter: &Parameter) -> String {
    let (least, most) = parameter.range;
    let shown = |value: f64| match parameter.value {
        Quantity::Time(_) | Quantity::Law(..) => Duration::from_nanos(value.round() as u64).to_string(),
        Quantity::Bandwidth(_) => format!("{:.0} MiB/s", value / 1_048_576.0),
    };
    match parameter.of {
        0 => "in no repetition by itself".to_owned(),
        1 => "in one repetition".to_owned(),
        several => format!("{} to {} in {several} repetitions", shown(least), shown(most)),
    }
}

/// As a person reads it.
pub fn page(fitted: &Fitted, checks: &[Check]) -> String {
    let mut text = String::new();
    for parameter in &fitted.parameters {
        let shown = shown(parameter.value);
        let _ = writeln!(text, "  {:<32} {shown:<34} {}", parameter.path, spread(parameter));
    }
    for (path, why) in &fitted.left {
        let _ = writeln!(text, "  {path:<32} stays at its default: {why}");
    }
    if !checks.is_empty() {
        let _ =
            writeln!(text, "\n  {:<32} {:>12} {:>12}   ratio", "with these costs", "simulated", "measured");
    }
    for Check { name, simulated_ns, measured_ns } in checks {
        let length = |nanos: f64| Duration::from_nanos(nanos.round() as u64).to_string();
        let (simulated, measured) = (length(*simulated_ns), length(*measured_ns));
        let ratio = simulated_ns / measured_ns.max(1.0);
        let _ = writeln!(text, "  {name:<32} {simulated:>12} {measured:>12}   {ratio:.3}");
    }
    text
}

fn shown(value: Quantity) -> String {
    let length = |nanos: f64| Duration::from_nanos(nanos.round() as u64).to_string();
    match value {
        Quantity::Time(nanos) => length(nanos),
        Quantity::Bandwidth(rate) => format!("{:.0} MiB/s", rate / 1_048_576.0),
        Quantity::Law(median, p99) => format!("median {}, p99 {}", length(median), length(p99)),
    }
}
