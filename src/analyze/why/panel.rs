//! The answer as a screen shows it: the same story as on the page, with the fact behind each step, so that one can go there.

use crate::kernel::Time;
use crate::observe::lens::{Part, ToldLine, Tone};
use crate::scenario::origin::InForce;

use super::incident::Incident;
use super::lag::Rise;
use super::page::{is_shown, mark, ranges, summary};
use super::remedy::Remedy;
use super::step::Step;
use super::{Asked, Why, say};

/// What came of trying a remedy on the same seed: whether it keeps the records; none while it is being tried.
pub type Tried = (Remedy, Option<bool>);

/// The whole answer, in lines. `tried` are remedies of the first incident.
pub fn panel(why: &Why, tried: &[Tried]) -> Vec<ToldLine> {
    let mut lines: Vec<ToldLine> =
        why.warnings.iter().map(|warning| ToldLine::new(Part::Headline, Tone::Warn, warning)).collect();
    for record in &why.records {
        lines.push(headline(&record.headline));
        steps(&mut lines, &record.record, &record.steps);
        for incident in record.incidents.iter().take(1) {
            allowed(&mut lines, &incident.allowed_by);
            remedies(&mut lines, &incident.remedies, tried);
        }
    }
    let mut tried = Some(tried).filter(|_| why.records.is_empty());
    for asked in &why.asked {
        lines.push(ToldLine::new(
            Part::Heading,
            Tone::Plain,
            summary(asked.trouble, asked.records, &asked.incidents),
        ));
        for incident in &asked.incidents {
            told(&mut lines, incident, tried.take().unwrap_or(&[]));
        }
    }
    // Lag comes after what is gone: it is the smaller trouble.
    why.rises.iter().for_each(|rise| rise_lines(&mut lines, rise));
    besides(&mut lines, why);
    lines
}

/// Where what may help is to be tried: the first incident that is told.
pub fn first_incident(why: &Why) -> Option<&Incident> {
    let of_records = why.records.iter().flat_map(|record| &record.incidents);
    of_records.chain(why.asked.iter().flat_map(|Asked { incidents, .. }| incidents)).next()
}

fn headline(text: &str) -> ToldLine {
    ToldLine::new(Part::Headline, Tone::Plain, text)
}

fn heading(text: impl Into<String>) -> ToldLine {
    ToldLine::new(Part::Heading, Tone::Muted, text)
}

fn told(lines: &mut Vec<ToldLine>, incident: &Incident, tried: &[Tried]) {
    lines.push(headline(&incident.headline));
    lines.push(ToldLine::new(Part::Plain, Tone::Muted, format!("where: {}", ranges(&incident.ranges))));
    steps(lines, &incident.example, &incident.steps);
    allowed(lines, &incident.allowed_by);
    remedies(lines, &incident.remedies, tried);
}

fn steps(lines: &mut Vec<ToldLine>, record: &str, steps: &[Step]) {
    if steps.is_empty() {
        return;
    }
    lines.push(heading(format!("the story of {record}: Enter on a step goes there")));
    for step in steps {
        let tone = match mark(&step.what) {
            '↯' => Tone::Fault,
            '◆' => Tone::Leader,
            '✗' => Tone::Harm,
            '▲' | '○' => Tone::Warn,
            '↻' => Tone::Group,
            _ => Tone::Plain,
        };
        let part = Part::Step { who: step.who.clone() };
        let fact = Some((step.serial, step.at));
        lines.push(ToldLine { fact, ..ToldLine::new(part, tone, say::step(step)) });
        let because = step.because.iter().filter(|one| is_shown(one));
        lines.extend(because.map(|one| ToldLine::new(Part::Because, Tone::Muted, say::setting(one))));
    }
}

fn allowed(lines: &mut Vec<ToldLine>, allowed_by: &[InForce]) {
    if allowed_by.is_empty() {
        return;
    }
    lines.push(heading("what allowed it"));
    lines.extend(allowed_by.iter().map(|one| ToldLine::new(Part::Plain, Tone::Plain, say::setting(one))));
}

fn remedies(lines: &mut Vec<ToldLine>, remedies: &[Remedy], tried: &[Tried]) {
    if remedies.is_empty() {
        return;
    }
    lines.push(heading("what may help, tried on the same seed where it says so"));
    for remedy in remedies {
        let came = tried.iter().find(|(one, _)| one == remedy).map(|(_, came)| *came);
        let (said, tone) = match came {
            Some(Some(true)) => ("✓ would have survived: ", Tone::Good),
            Some(Some(false)) => ("✗ would not: ", Tone::Muted),
            Some(None) => ("… being tried: ", Tone::Plain),
            None => ("", Tone::Plain),
        };
        lines.push(ToldLine::new(Part::Plain, tone, format!("{said}{}", remedy.alone())));
    }
}

fn rise_lines(lines: &mut Vec<ToldLine>, rise: &Rise) {
    use crate::analyze::report::{count, rate};
    lines.push(headline(&(rise.headline() + ".")));
    let mut plain = |text: String, tone, at: Option<Time>| {
        let fact = at.map(|at| (0, at));
        lines.push(ToldLine { fact, ..ToldLine::new(Part::Plain, tone, text) });
    };
    let members = if rise.members == 1 { "member" } else { "members" };
    plain(format!("lag {} at {}", count(rise.lag_before), rise.from), Tone::Plain, Some(rise.from));
    plain(format!("lag {} at {}", count(rise.lag_most), rise.to), Tone::Plain, Some(rise.to));
    plain(format!("arrivals {}/s", rate(rise.arrivals_per_second)), Tone::Plain, None);
    plain(
        format!(
            "worked off {}/s by {} {members}; the best of them reached {}/s",
            rate(rise.processed_per_second),
            rise.members,
            rate(rise.best_member_per_second)
        ),
        Tone::Plain,
        None,
    );
    for cause in &rise.causes {
        plain(format!("because {}", cause.sentence()), Tone::Warn, cause.at());
    }
}

fn besides(lines: &mut Vec<ToldLine>, why: &Why) {
    for refused in &why.refused {
        lines.push(ToldLine::new(Part::Plain, Tone::Muted, refused.sentence()));
    }
    if why.besides.is_empty() {
        return;
    }
    let one =
        |(trouble, records): &(super::Trouble, u64)| format!("{} {}", say::records(*records), trouble.name());
    let others: Vec<String> = why.besides.iter().map(one).collect();
    lines.push(ToldLine::new(Part::Heading, Tone::Muted, format!("besides: {}", others.join(", "))));
}

/// The answer in its shortest form, for a box; its first sentences when no record came to grief.
pub fn short(why: &Why) -> Vec<String> {
    match (first_incident(why), why.rises.first()) {
        (Some(incident), _) => super::why_box(incident, usize::MAX),
        (None, Some(rise)) => {
            let causes = rise.causes.iter().take(2).map(|cause| format!("because {}", cause.sentence()));
            std::iter::once(rise.headline()).chain(causes).collect()
        }
        (None, None) => why.records.iter().map(|record| record.headline.clone()).collect(),
    }
}
