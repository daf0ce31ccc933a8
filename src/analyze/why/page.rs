//! The answer as text for a person.

use crate::scenario::origin::{Bearer, InForce};

use super::Why;
use super::incident::{Incident, Stretch};
use super::lag::Rise;
use super::outcome::Trouble;
use super::say;
use super::step::{Step, What};

/// How far a line goes.
const WIDTH: usize = 110;
/// Incidents told in full; the rest in a line each.
const IN_FULL: usize = 3;

/// The whole answer.
pub fn page(why: &Why) -> String {
    let mut out = String::new();
    line(&mut out, &format!("{} · seed {} · digest {}", why.scenario, why.seed, why.digest));
    for warning in &why.warnings {
        line(&mut out, "");
        wrapped(&mut out, "WARNING: ", warning);
    }
    for record in &why.records {
        line(&mut out, "");
        wrapped(&mut out, "  ", &record.headline);
        line(&mut out, "");
        timeline(&mut out, &record.record, &record.steps);
    }
    for rise in &why.rises {
        line(&mut out, "");
        wrapped(&mut out, "  ", &(rise.headline() + "."));
        line(&mut out, "");
        rise_lines(&mut out, rise);
    }
    for asked in &why.asked {
        line(&mut out, "");
        line(&mut out, &summary(asked.trouble, asked.records, &asked.incidents));
        for (index, incident) in asked.incidents.iter().enumerate() {
            line(&mut out, "");
            if index < IN_FULL {
                told(&mut out, index + 1, incident);
            } else {
                wrapped(&mut out, &format!("  {:>2}  ", index + 1), &incident.headline);
            }
        }
    }
    for refused in &why.refused {
        line(&mut out, "");
        let tells = format!("; `brokersim why RUN {}` tells its story", refused.example);
        wrapped(&mut out, "Refused: ", &(refused.sentence() + &tells));
    }
    if !why.besides.is_empty() {
        line(&mut out, "");
        let flags: Vec<_> = why.besides.iter().map(|(trouble, _)| trouble.flag()).collect();
        let others: Vec<_> = why
            .besides
            .iter()
            .map(|(trouble, records)| format!("{} {}", say::records(*records), trouble.name()))
            .collect();
        wrapped(&mut out, "Besides: ", &format!("{} ({} tells why)", others.join(", "), flags.join(" ")));
    }
    out
}

fn rise_lines(out: &mut String, rise: &Rise) {
    use crate::analyze::report::{count, rate};
    let mut field = |name: &str, text: String| wrapped(out, &format!("      {name:<10} "), &text);
    field(
        "lag",
        format!("{} at {}, {} at {}", count(rise.lag_before), rise.from, count(rise.lag_most), rise.to),
    );
    field("arrivals", format!("{}/s", rate(rise.arrivals_per_second)));
    field(
        "worked off",
        format!(
            "{}/s by {} member{}; the best of them reached {}/s",
            rate(rise.processed_per_second),
            rise.members,
            if rise.members == 1 { "" } else { "s" },
            rate(rise.best_member_per_second)
        ),
    );
    for cause in &rise.causes {
        field("because", cause.sentence());
    }
}

pub(super) fn summary(trouble: Trouble, records: u64, incidents: &[Incident]) -> String {
    if records == 0 {
        return match trouble {
            Trouble::Lost => "No record is lost: nothing to explain. Gladly.".to_owned(),
            Trouble::Duplicated => "No record was processed twice: nothing to explain. Gladly.".to_owned(),
            Trouble::Reordered => "No record was out of order: nothing to explain. Gladly.".to_owned(),
            Trouble::Late => "No record was late: nothing to explain. Gladly.".to_owned(),
        };
    }
    let causes = match incidents.len() {
        1 => "one cause".to_owned(),
        many => format!("{many} causes"),
    };
    format!("{} {}, {causes}", say::records(records), trouble.name())
}

fn told(out: &mut String, number: usize, incident: &Incident) {
    wrapped(out, &format!("  {number:>2}  "), &incident.headline);
    line(out, "");
    line(out, &format!("      where    {}", ranges(&incident.ranges)));
    line(out, &format!("      example  {}", incident.example));
    line(out, "");
    timeline(out, &incident.example, &incident.steps);
    if !incident.allowed_by.is_empty() {
        line(out, "");
        line(out, "      what allowed it");
        incident.allowed_by.iter().for_each(|one| line(out, &format!("        {}", say::setting(one))));
    }
    let others: Vec<_> =
        incident.remedies.iter().filter(|remedy| Some(*remedy) != incident.tried.as_ref()).collect();
    if !others.is_empty() {
        line(out, "");
        let also = if incident.tried.is_some() { "what else may help" } else { "what may help" };
        line(out, &format!("      {also} (--what-if tries everything on the same seed)"));
        for remedy in others {
            line(out, &format!("        {}", remedy.name));
        }
    }
}

pub(super) fn ranges(ranges: &[Stretch]) -> String {
    const SHOWN: usize = 6;
    let one = |range: &Stretch| {
        if range.first == range.last {
            format!("{} @ {}", range.place, range.first)
        } else {
            format!("{} @ {}..{}", range.place, range.first, range.last)
        }
    };
    let mut texts: Vec<_> = ranges.iter().take(SHOWN).map(one).collect();
    if ranges.len() > SHOWN {
        texts.push(format!("and {} more", ranges.len() - SHOWN));
    }
    if texts.is_empty() { "in no log".to_owned() } else { texts.join(", ") }
}

fn timeline(out: &mut String, record: &str, steps: &[Step]) {
    line(out, &format!("      the story of {record}"));
    let who = steps.iter().map(|step| step.who.chars().count()).max().unwrap_or(0).min(16);
    let mut last = None;
    for step in steps {
        let gap = last.map_or_else(String::new, |last| say::gap(step.at.since(last)));
        last = Some(step.at);
        let lead = format!("      {} {} {gap:>9}  {:<who$}  ", mark(&step.what), step.at, step.who);
        wrapped(out, &lead, &say::step(step));
        for one in step.because.iter().filter(|one| is_shown(one)) {
            line(out, &format!("{:indent$}└ {}", "", say::setting(one), indent = lead.chars().count()));
        }
    }
}

/// Faults and settings that somebody wrote stand beside the step; all of them are listed below.
pub(super) fn is_shown(one: &InForce) -> bool {
    one.origin.is_written() || !matches!(one.bearer, Bearer::Cluster)
}

pub(super) fn mark(what: &What) -> char {
    match what {
        What::Struck { .. } | What::Injected { .. } => '↯',
        What::Elected { .. } | What::Leaderless { .. } | What::TookOver { .. } | What::Restored { .. } => '◆',
        What::Cut { .. }
        | What::Skipped { .. }
        | What::Expired { .. }
        | What::Dropped { .. }
        | What::Rejected { .. } => '✗',
        What::Processed { time: 2.. }
        | What::Delivered { attempt: 2.. }
        | What::Stored { again: true, .. } => '▲',
        What::Group { .. } | What::Left { .. } | What::Assigned { .. } | What::Revoked { .. } => '↻',
        What::Accepted { committed: false, .. } => '○',
        What::Offered
        | What::Retried { .. }
        | What::Stored { .. }
        | What::Recognised { .. }
        | What::Accepted { .. }
        | What::Unknown { .. }
        | What::Committed { .. }
        | What::Relieved { .. }
        | What::Back { .. }
        | What::Fenced { .. }
        | What::InSync { .. }
        | What::Follows { .. }
        | What::Truncated { .. }
        | What::Recovered { .. }
        | What::Replaced { .. }
        | What::Delivered { .. }
        | What::Processed { .. }
        | What::Settled { .. }
        | What::Positioned { .. }
        | What::HandlerFailed
        | What::Resent
        | What::Threw { .. }
        | What::CommitFailed { .. } => '·',
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// A text after a lead, its further lines below its first word.
fn wrapped(out: &mut String, lead: &str, text: &str) {
    let indent = lead.chars().count();
    let mut current = lead.to_owned();
    let mut length = indent;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if length > indent && length + 1 + width > WIDTH {
            line(out, &current);
            current = " ".repeat(indent);
            length = indent;
        }
        if length > indent {
            current.push(' ');
            length += 1;
        }
        current.push_str(word);
        length += width;
    }
    line(out, &current);
}

/// The box that a screen shows for an incident: the sentence, the steps that decided it, and what keeps the
/// records. Lines are at most `width` columns wide.
pub fn why_box(incident: &Incident, width: usize) -> Vec<String> {
    let mut lines = fold(&format!("why {}  {}", incident.trouble.name(), incident.sentence), "", width);
    for (number, step) in incident.steps.iter().filter(|step| decides(&step.what)).take(DECIDING).enumerate()
    {
        let text = format!("{} {} {}", step.at, step.who, say::step(step));
        lines.extend(fold(&text, &format!("{} ", number + 1), width));
    }
    let keeps = match (&incident.tried, incident.remedies.first()) {
        (Some(tried), _) => format!("would have survived: {} ✓", tried.alone()),
        (None, Some(remedy)) => format!("to try: {}", remedy.alone()),
        (None, None) => return lines,
    };
    lines.extend(fold(&keeps, "", width));
    lines
}

/// Steps that a box has room for.
const DECIDING: usize = 5;

/// Whether a step belongs to the shortest form of the story.
fn decides(what: &What) -> bool {
    match what {
        What::Accepted { .. }
        | What::Struck { .. }
        | What::Injected { .. }
        | What::Elected { .. }
        | What::TookOver { has_it: false, .. }
        | What::Cut { .. }
        | What::Restored { .. }
        | What::Expired { .. }
        | What::Dropped { .. }
        | What::Skipped { .. }
        | What::Positioned { .. }
        | What::Left { .. }
        | What::Settled { processed: false, .. }
        | What::Stored { again: true, .. } => true,
        What::Offered
        | What::Retried { .. }
        | What::Stored { .. }
        | What::Recognised { .. }
        | What::Rejected { .. }
        | What::Unknown { .. }
        | What::Committed { .. }
        | What::Relieved { .. }
        | What::Back { .. }
        | What::Fenced { .. }
        | What::Leaderless { .. }
        | What::InSync { .. }
        | What::TookOver { .. }
        | What::Follows { .. }
        | What::Truncated { .. }
        | What::Recovered { .. }
        | What::Replaced { .. }
        | What::Delivered { .. }
        | What::Processed { .. }
        | What::Settled { .. }
        | What::Group { .. }
        | What::Assigned { .. }
        | What::Revoked { .. }
        | What::HandlerFailed
        | What::Resent
        | What::Threw { .. }
        | What::CommitFailed { .. } => false,
    }
}

fn fold(text: &str, lead: &str, width: usize) -> Vec<String> {
    let indent = lead.chars().count();
    let mut lines = vec![lead.to_owned()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is one");
        let length = last.chars().count();
        if length > indent && length + 1 + word.chars().count() > width {
            lines.push(format!("{:indent$}{word}", ""));
        } else {
            if length > indent {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}
