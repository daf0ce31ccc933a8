//! The summary of a run as text, for a person.

use std::fmt::Write as _;

use crate::kernel::Time;
use crate::observe::ledger::{Balance, Fate, Whereabouts};
use crate::observe::promise::{Mode, Outcome, Verdict};
use crate::observe::summary::{GroupSummary, Latency, Summary, by_size};
use crate::trace::{Disregard, Reason};

/// How far a line of prose goes.
const WIDTH: usize = 100;

/// The summary as text.
pub fn report(summary: &Summary) -> String {
    let mut out = Out::default();
    head(&mut out, summary);
    flow(&mut out, summary);
    summary.groups.iter().for_each(|group| group_lines(&mut out, group));
    books(&mut out, summary);
    promises(&mut out, summary);
    foot(&mut out, summary);
    out.0
}

#[derive(Default)]
struct Out(String);

impl Out {
    fn line(&mut self, text: impl AsRef<str>) {
        self.0.push_str(text.as_ref().trim_end());
        self.0.push('\n');
    }

    fn field(&mut self, name: &str, text: impl AsRef<str>) {
        self.line(format!("  {name:<13}{}", text.as_ref()));
    }

    fn gap(&mut self) {
        self.0.push('\n');
    }
}

fn head(out: &mut Out, summary: &Summary) {
    if let Some(question) = &summary.question {
        out.line(question);
        out.gap();
    }
    let interrupted = if summary.state == "interrupted" { ", INTERRUPTED" } else { "" };
    let took = if summary.digest.is_empty() {
        format!("{} in real time on {}", summary.duration, summary.world)
    } else {
        let speed_up = count(summary.speed_up() as u64);
        format!(
            "{} simulated in {:.2} s ({speed_up} times real time)",
            summary.duration, summary.wall_seconds
        )
    };
    out.line(format!("{} · seed {} · {took}{interrupted}", summary.scenario, summary.seed));
    out.gap();
}

fn flow(out: &mut Out, summary: &Summary) {
    let throughput = summary.throughput;
    out.field(
        "throughput",
        format!(
            "{}/s offered   {}/s accepted   {}/s processed",
            rate(throughput.offered),
            rate(throughput.accepted),
            rate(throughput.processed)
        ),
    );
    if summary.acknowledge.count > 0 {
        out.field("acknowledged", latency(&summary.acknowledge));
    }
}

fn latency(latency: &Latency) -> String {
    format!("p50 {}   p90 {}   p99 {}   max {}", latency.p50, latency.p90, latency.p99, latency.max)
}

fn group_lines(out: &mut Out, group: &GroupSummary) {
    out.gap();
    out.line(format!("  group {}", group.name));
    if group.latency.count > 0 {
        out.field("  end to end", latency(&group.latency));
    }
    out.field(
        "  lag",
        format!(
            "{} at the end{}   most {} at {}   {}",
            count(group.lag),
            if group.lag > 0 { format!(" ({} behind)", group.behind) } else { String::new() },
            count(group.lag_max),
            group.lag_max_at,
            sparkline(&group.lag_series, 32),
        ),
    );
    for rebalance in &group.rebalances {
        let took = rebalance.took.map_or_else(|| "never finished".to_owned(), |took| format!("took {took}"));
        let why = crate::trace::reason_name(rebalance.why);
        out.field(
            "  rebalance",
            format!(
                "at {}: {why}; {took}; generation {}, {} member{}",
                rebalance.began,
                rebalance.generation,
                rebalance.members,
                if rebalance.members == 1 { "" } else { "s" }
            ),
        );
    }
}

fn books(out: &mut Out, summary: &Summary) {
    let Balance { offered, settled, lost, dropped, rejected, dead_lettered, in_flight } = &summary.books;
    out.gap();
    out.line("  what became of every record");
    amount(out, *offered, "offered", "");
    amount(out, *settled, "settled", "processed, and said so, by every group that reads them");
    for (fate, counts) in
        [("lost", lost), ("dropped", dropped), ("rejected", rejected), ("dead-lettered", dead_lettered)]
    {
        for (why, records) in by_size(counts) {
            amount(out, records, fate, Reason::means(why));
        }
    }
    for (how_far, records) in in_flight.iter().filter(|(_, records)| **records > 0) {
        amount(out, *records, "in flight", how_far_in_words(*how_far));
    }
    let tally = &summary.tally;
    if tally.withheld > 0 {
        let (withheld, why) = (count(tally.withheld), "due while `send()` blocked: never offered");
        out.line(format!("  besides, {withheld} records were {why}"));
    }
    for (records, why) in [(tally.too_late, Disregard::TooLate), (tally.undecodable, Disregard::Undecodable)]
    {
        if records > 0 {
            out.line(format!(
                "  besides, {} processed records are in no result: {}",
                count(records),
                why.means()
            ));
        }
    }
    out.line(format!(
        "  {} duplicates processed   {} stored twice   {} out of order",
        count(tally.duplicates),
        count(tally.stored_twice),
        count(tally.reordered)
    ));
    if summary.books_balance {
        out.line("  The books balance.");
    } else {
        out.line(format!(
            "  THE BOOKS DO NOT BALANCE: {} offered, {} accounted for. This is a bug in brokersim; please report the file and seed.",
            offered,
            summary.books.accounted()
        ));
    }
}

fn promises(out: &mut Out, summary: &Summary) {
    if summary.promises.is_empty() {
        return;
    }
    let kept = summary.promises.iter().filter(|verdict| verdict.kept).count();
    let all = summary.promises.len();
    out.gap();
    let count =
        if kept == all { "all as expected".to_owned() } else { format!("{kept} of {all} as expected") };
    out.line(format!("  promises: {count}"));
    for verdict in &summary.promises {
        promise(out, verdict);
    }
}

fn promise(out: &mut Out, verdict: &Verdict) {
    let mark = if verdict.kept { "ok" } else { "FAIL" };
    let (mode, title, happened) = (verdict.mode.name(), verdict.title(), verdict.happened());
    let line = format!("  {mark:>6}  {mode:<10}  {title}: {happened}");
    let as_expected = verdict.kept && verdict.mode != Mode::Sometimes && verdict.count() > 0;
    let said = if as_expected {
        ", as expected".to_owned()
    } else if verdict.kept {
        String::new()
    } else {
        format!(" (expected: {})", verdict.expected)
    };
    out.line(line + &said);
    if verdict.kept && verdict.mode == Mode::Sometimes {
        return;
    }
    if verdict.outcome == Outcome::NeverHappened {
        out.line("            a run in which nothing could go wrong proves nothing");
    }
    for witness in verdict.witnesses() {
        out.line(format!("            {}", witness.line()));
    }
    let shown: u64 = verdict.witnesses().iter().map(|witness| witness.records.max(1)).sum();
    if verdict.count() > shown {
        out.line(format!("            and {} more", count(verdict.count() - shown)));
    }
}

fn amount(out: &mut Out, records: u64, fate: &str, why: &str) {
    out.line(format!("  {:>12}  {fate:<14} {why}", count(records)));
}

fn foot(out: &mut Out, summary: &Summary) {
    for note in &summary.notes {
        out.gap();
        wrapped(out, note);
    }
    out.gap();
    let facts = count(summary.facts);
    out.line(if summary.digest.is_empty() {
        format!("  {facts} facts; no digest: a run in real time cannot be repeated to the bit")
    } else {
        format!("  digest {} over {facts} facts", summary.digest)
    });
}

fn wrapped(out: &mut Out, text: &str) {
    let mut line = String::from("  note:");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            out.line(&line);
            line = String::from("       ");
        }
        line.push(' ');
        line.push_str(word);
    }
    out.line(line);
}

/// A fate in one word, for tables.
pub fn fate_name(fate: Fate) -> &'static str {
    match fate {
        Fate::Settled => "settled",
        Fate::Lost(_) => "lost",
        Fate::Dropped(_) => "dropped",
        Fate::Rejected(_) => "rejected",
        Fate::DeadLettered(_) => "dead-lettered",
        Fate::InFlight(_) => "in-flight",
    }
}

fn how_far_in_words(how_far: Whereabouts) -> &'static str {
    match how_far {
        Whereabouts::Unsent => "still with the client",
        Whereabouts::Stored => "in a log, not committed",
        Whereabouts::Undelivered => "committed, not handed to every group yet",
        Whereabouts::Unsettled => "handed over, not processed and settled everywhere yet",
        Whereabouts::Kept => "kept in a topic that nobody reads",
    }
}

/// A whole number with thin gaps between thousands: `1 234 567`.
pub fn count(number: u64) -> String {
    grouped(number, ' ')
}

/// A whole number with this between thousands.
pub fn grouped(number: u64, gap: char) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(gap);
        }
        text.push(digit);
    }
    text
}

/// A rate to three digits.
pub fn rate(per_second: f64) -> String {
    let mut text = String::new();
    if per_second >= 100.0 {
        return count(per_second.round() as u64);
    }
    write!(text, "{per_second:.1}").expect("a string takes everything");
    text
}

/// A series as bars of eighths, scaled to its own highest.
pub fn sparkline(series: &[(Time, u64)], width: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = series.iter().map(|(_, value)| *value).max().unwrap_or(0).max(1);
    let stretch = series.len().div_ceil(width).max(1);
    let bar = |chunk: &[(Time, u64)]| {
        let value = chunk.iter().map(|(_, value)| *value).max().unwrap_or(0);
        BARS[(value * 7).div_ceil(highest).min(7) as usize]
    };
    series.chunks(stretch).map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 12, 999, 1_000, 1_234_567].map(count), ["0", "12", "999", "1 000", "1 234 567"]);
        assert_eq!((rate(0.0), rate(99.94), rate(1_234.5)), ("0.0".into(), "99.9".into(), "1 235".into()));
    }

    #[test]
    fn a_sparkline_shows_zero_low_and_the_highest_high() {
        let series: Vec<_> = [0, 1, 50, 100].into_iter().map(|value| (Time::ZERO, value)).collect();
        assert_eq!(sparkline(&series, 10), "▁▂▅█");
    }
}
