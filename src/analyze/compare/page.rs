//! A comparison as a person reads it.

use std::fmt::Write as _;

use crate::kernel::Duration;

use super::super::report;
use super::chart::{HEIGHT, area};
use super::recorded::About;
use super::{Compared, Curve, Kind, PromiseRow, Row, Unit};

/// How the page looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Characters in a line; at least 60.
    pub width: usize,
    /// Nothing but ASCII.
    pub ascii: bool,
    /// With colours of the terminal.
    pub colour: bool,
    /// With curves.
    pub chart: bool,
}

/// Lines of a scenario's differences that are told; the others are counted.
const DIFFERENCES: usize = 20;

/// The page.
pub fn page(compared: &Compared, style: Style) -> String {
    let mut out = Out { text: String::new(), style };
    head(&mut out, compared);
    differences(&mut out, &compared.differences);
    table(&mut out, compared);
    promises(&mut out, &compared.promises);
    if style.chart {
        compared.curves.iter().for_each(|curve| chart(&mut out, curve));
    }
    foot(&mut out, compared);
    if style.ascii { to_ascii(&out.text) } else { out.text }
}

struct Out {
    text: String,
    style: Style,
}

impl Out {
    fn line(&mut self, text: impl AsRef<str>) {
        self.text.push_str(text.as_ref().trim_end_matches(' '));
        self.text.push('\n');
    }

    fn red(&self, text: &str) -> String {
        if self.style.colour { format!("\u{1b}[31m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// The few characters of prose that are not ASCII.
fn to_ascii(text: &str) -> String {
    text.replace('±', "+-").replace('·', "-").replace('µ', "u").replace('×', "x")
}

fn head(out: &mut Out, compared: &Compared) {
    let pairs = compared.a.len();
    for (letter, runs) in [("A", &compared.a), ("B", &compared.b)] {
        let first = &runs[0];
        if pairs == 1 {
            out.line(format!("{letter}  {}", about(first)));
        } else {
            let records: u64 = runs.iter().map(|run| run.records).sum();
            let seconds: f64 = runs.iter().map(|run| run.wall_seconds).sum();
            out.line(format!(
                "{letter}  {}: {pairs} runs of {}, seeds {} to {}, {} records in {seconds:.1} s of wall time",
                first.label,
                first.name,
                first.seed,
                runs[pairs - 1].seed,
                grouped(records),
            ));
        }
    }
    compared.notes.iter().for_each(|note| out.line(format!("note: {note}")));
}

fn about(run: &About) -> String {
    let state = serde_json::to_value(run.state).ok();
    let state = state.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let mut text = format!("{}: {} · seed {} · {state}", run.label, run.name, run.seed);
    if let (Some(ended), Some(speed_up)) = (run.ended_at_ns, run.speed_up()) {
        let length = Duration::from_nanos(ended);
        let _ = write!(text, " · {length} in {:.1} s of wall time ({})", run.wall_seconds, times(speed_up));
        let _ = write!(text, " · {} records/s of wall time", grouped(run.moved() as u64));
    }
    text
}

fn times(speed_up: f64) -> String {
    if speed_up >= 9.95 {
        format!("{speed_up:.0} × real time")
    } else {
        format!("{speed_up:.1} × real time")
    }
}

fn differences(out: &mut Out, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    out.line("");
    out.line("The scenarios are not the same: `-` is only in A, `+` only in B");
    lines.iter().take(DIFFERENCES).for_each(|line| out.line(format!("  {line}")));
    if let Some(more) = lines.len().checked_sub(DIFFERENCES).filter(|more| *more > 0) {
        out.line(format!("  and {more} lines more"));
    }
}

fn table(out: &mut Out, compared: &Compared) {
    let name_width =
        compared.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).clamp(16, 44);
    for kind in Kind::ALL {
        let rows: Vec<&Row> = compared.rows.iter().filter(|row| row.kind == kind).collect();
        if rows.is_empty() {
            continue;
        }
        out.line("");
        out.line(format!("{:<name_width$}    {:>12} {:>12}   {}", kind.name(), "A", "B", "A / B"));
        for row in rows {
            let line = table_line(row, name_width);
            let line = if row.outside { format!("{line} {}", out.red("!")) } else { line };
            out.line(line);
        }
    }
}

fn table_line(row: &Row, name_width: usize) -> String {
    let number =
        |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |number| value(number, row.unit));
    let name = &row.name;
    let beside = beside(row);
    if row.a.is_none() && row.b.is_none() {
        return format!("  {name:<name_width$}  {:>12} {:>12}   {beside}", "", "");
    }
    format!("  {name:<name_width$}  {:>12} {:>12}   {beside}", number(row.a), number(row.b))
}

/// The ratio with its interval, or how far apart the curves are.
fn beside(row: &Row) -> String {
    let half = row.half_width.map(|half| format!(" ± {half:.3}")).unwrap_or_default();
    match (row.ratio, row.distance) {
        (_, Some(apart)) => format!("{:.1} % of the peak apart", apart * 100.0),
        (Some(ratio), None) => format!("{ratio:.3}{half}"),
        (None, None) if !row.judged => "not known to both".to_owned(),
        (None, None) => "none: B is zero".to_owned(),
    }
}

/// A number with its unit.
fn value(number: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", short(number)),
        Unit::Nanoseconds => Duration::from_nanos(number.round() as u64).to_string(),
        Unit::Records | Unit::Times => short(number),
    }
}

/// Whole when it is large or whole, else with one digit after the point.
fn short(number: f64) -> String {
    if number >= 1_000.0 || number.fract() == 0.0 {
        grouped(number.round() as u64)
    } else {
        format!("{number:.1}")
    }
}

/// `12,345`
fn grouped(number: u64) -> String {
    report::grouped(number, ',')
}

fn promises(out: &mut Out, rows: &[PromiseRow]) {
    if rows.is_empty() {
        return;
    }
    out.line("");
    out.line("promises");
    for row in rows {
        let scope = if row.scope.is_empty() { String::new() } else { format!(" ({})", row.scope) };
        let (a, b) = (verdict(row.a, &row.a_counts), verdict(row.b, &row.b_counts));
        let mark = if row.same { String::new() } else { format!(" {}", out.red("!")) };
        out.line(format!("  {} {}{scope}: A {a}, B {b}{mark}", row.mode, row.promise));
    }
}

fn verdict((kept, of): (u32, u32), counts: &[(String, u64)]) -> String {
    let word = match (kept, of) {
        (_, 0) => "does not have it".to_owned(),
        (1, 1) => "as expected".to_owned(),
        (0, 1) => "NOT as expected".to_owned(),
        (kept, of) => format!("as expected in {kept} of {of}"),
    };
    let named = |(cause, count): &(String, u64)| {
        if cause.is_empty() { grouped(*count) } else { format!("{cause} {}", grouped(*count)) }
    };
    let counts: Vec<_> = counts.iter().map(named).collect();
    if counts.is_empty() { word } else { format!("{word} [{}]", counts.join(", ")) }
}

fn chart(out: &mut Out, curve: &Curve) {
    let width = out.style.width.clamp(60, 200) - 6;
    let (peak, seconds) = (curve.peak(), curve.step_ns as f64 * curve.a.len() as f64 / 1e9);
    let title = format!(
        "{}, {} · 0 to {seconds:.0} s · top {} · {:.1} % of it apart on average",
        curve.name,
        curve.unit,
        short(peak),
        curve.distance() * 100.0
    );
    out.line("");
    out.line(title);
    for (letter, values) in [("A", &curve.a), ("B", &curve.b)] {
        for (row, line) in area(values, width, peak, out.style.ascii).into_iter().enumerate() {
            let name = if row == HEIGHT - 1 { letter } else { " " };
            out.line(format!("  {name} {}", line.trim_end_matches(['\u{2800}', ' '])));
        }
    }
}

fn foot(out: &mut Out, compared: &Compared) {
    let outside = compared.rows.iter().filter(|row| row.outside).count();
    let promises = compared.promises.iter().filter(|promise| !promise.same).count();
    out.line("");
    let tolerance = &compared.tolerance;
    if outside + promises == 0 {
        out.line(format!("All numbers are within the tolerance ({tolerance}); promises came out the same."));
        return;
    }
    let judged = compared.rows.iter().filter(|row| row.judged).count();
    let text = format!(
        "{outside} of {judged} numbers are outside of the tolerance ({tolerance}), and {promises} promises came out differently: marked !"
    );
    out.line(out.red(&text));
}
