//! The smallest scenario that still goes wrong in the same way: delta debugging on the file.
//!
//! **Invariant.** What is returned has been run by itself, and breaks the same promise through the same mechanism.
//! The search is greedy: no single part that is left can be taken out, no single number made smaller by half, but a
//! smaller file may exist.

use std::collections::BTreeMap;

use toml_edit::{InlineTable, Value};

use crate::analyze::why::{About, Mechanism, Trouble, about, to_ask};
use crate::kernel::Duration;
use crate::observe::promise::{Outcome, Promise, Verdict};
use crate::scenario::units;
use crate::trace::Reason;

use super::ask::USUAL;
use super::edit::{Draft, Part, PartKind};
use super::needed::written_out;
use super::rerun::Recipe;
use super::trial::{Measured, side_by_side};

/// A smaller scenario.
#[derive(Clone, Debug)]
pub struct Minimal {
    /// Its text, with a comment that says what it is.
    pub text: String,
    /// What it does.
    pub measured: Measured,
    /// The way in which records come to grief in it.
    pub way: (Trouble, Mechanism),
    /// Runs that it took to find it.
    pub runs: u64,
    /// Lines that say something, before and after.
    pub lines: (usize, usize),
}

struct Search<'r> {
    recipe: &'r Recipe,
    way: (Trouble, Mechanism),
    /// The promise that has to stay broken, where one is.
    promise: Option<Promise>,
    late: Duration,
    runs: u64,
}

/// Looks for the smallest scenario that breaks what `recipe` breaks first of `troubles`; where these are none, of what
/// the broken promises of `[expect]` are about. A promise that is broken stays so. None when nothing goes wrong.
pub fn minimise(recipe: &Recipe, troubles: &[Trouble], late: Duration) -> Option<Minimal> {
    let whole = written_out(recipe)?;
    let before = whole.measure(late)?;
    let of_kind = |wanted: &Trouble| before.ways.iter().find(|(trouble, _)| trouble == wanted);
    let way = *troubles.iter().chain(&asked(&before, troubles)).find_map(of_kind)?;
    let concerns = |promise: &Promise| about(*promise) == Some(About::Records(way.0));
    let promise = before.broken.iter().copied().find(concerns);
    let mut search = Search { recipe: &whole, way, promise, late, runs: 1 };
    let mut draft = Draft::new(&whole.text)?;
    loop {
        let fewer = search.cut_down(draft.clone());
        let smaller = search.lower(fewer);
        let smaller = search.expect_less(smaller);
        if smaller.text() == draft.text() {
            break;
        }
        draft = smaller;
    }
    let question = crate::scenario::file::question(&whole.text).unwrap_or_default();
    let first = search.check(&draft.text())?;
    let draft = expecting(&draft, &first.expected_to_break);
    let count = first.troubled.get(&way.0).copied().unwrap_or(0);
    let verb = if count == 1 { "record is" } else { "records are" };
    let mut head = vec![format!("{count} {verb} {} here. What is the least that it takes?", way.0.name())];
    if !question.is_empty() {
        head.push(format!("Cut down by `brokersim minimise` from: {question}"));
    }
    let text = draft.headed(&head);
    // A comment changes nothing; that is checked rather than believed.
    let measured = search.check(&text)?;
    let lines = (substance(&whole.text), substance(&text));
    Some(Minimal { text, measured, way, runs: search.runs, lines })
}

/// Lines that are neither empty nor comments.
fn substance(text: &str) -> usize {
    text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')).count()
}

impl Search<'_> {
    /// What a text does, when it still goes wrong in the same way.
    fn check(&mut self, text: &str) -> Option<Measured> {
        self.runs += 1;
        self.try_out(text)
    }

    fn try_out(&self, text: &str) -> Option<Measured> {
        let recipe = Recipe { text: text.to_owned(), ..self.recipe.clone() };
        let breaks = |measured: &Measured| {
            measured.ways.contains(&self.way)
                && self.promise.is_none_or(|promise| measured.broken.contains(&promise))
        };
        recipe.measure(self.late).filter(breaks)
    }

    /// The first of these drafts that still goes wrong. All are tried side by side, a few at a time.
    fn first(&mut self, drafts: &[Draft]) -> Option<usize> {
        for (index, few) in drafts.chunks(WIDE).enumerate() {
            self.runs += few.len() as u64;
            let good = side_by_side(few, |draft| self.try_out(&draft.text()).is_some());
            if let Some(found) = good.iter().position(|good| *good) {
                return Some(index * WIDE + found);
            }
        }
        None
    }

    /// Takes out parts: large groups of them first, then single ones, until none can be spared.
    fn cut_down(&mut self, mut draft: Draft) -> Draft {
        let mut size = draft.parts().len() / 2;
        while size > 0 {
            let parts = ordered(draft.parts());
            let groups: Vec<Vec<&Part>> = parts.chunks(size).map(|group| group.iter().collect()).collect();
            let drafts: Vec<_> = groups.iter().map(|group| draft.without(&outermost(group))).collect();
            match self.first(&drafts) {
                Some(found) => draft = drafts[found].clone(),
                None => size /= 2,
            }
            size = size.min(draft.parts().len());
        }
        draft
    }

    /// Takes expectations out of the lists that name several.
    fn expect_less(&mut self, mut draft: Draft) -> Draft {
        loop {
            let drafts: Vec<_> = draft
                .values()
                .iter()
                .filter(|(path, _)| path.starts_with("expect."))
                .flat_map(|(path, value)| {
                    shorter(value).into_iter().filter_map(|list| draft.with(path, &list))
                })
                .collect();
            match self.first(&drafts) {
                Some(found) => draft = drafts[found].clone(),
                None => return draft,
            }
        }
    }

    /// Makes numbers smaller, each until it may not be smaller.
    fn lower(&mut self, mut draft: Draft) -> Draft {
        loop {
            let drafts: Vec<_> = draft
                .values()
                .iter()
                .filter_map(|(path, value)| draft.with(path, &lower(path, value)?))
                .collect();
            match self.first(&drafts) {
                Some(found) => draft = drafts[found].clone(),
                None => return draft,
            }
        }
    }
}

/// What the broken promises are about, then all that usually goes wrong; nothing when somebody asked.
fn asked(before: &Measured, troubles: &[Trouble]) -> Vec<Trouble> {
    if !troubles.is_empty() {
        return Vec::new();
    }
    let of_promises = to_ask(&before.broken).into_iter().filter_map(|about| match about {
        About::Records(trouble) => Some(trouble),
        About::Lag => None,
    });
    of_promises.chain(USUAL).collect()
}

/// The same, with the numbers that it comes to where `broken` names numbers: what is expected of a whole run is not what a
/// smaller one comes to.
fn expecting(draft: &Draft, verdicts: &[Verdict]) -> Draft {
    const LIST: &str = "expect.broken";
    let list = draft.values().into_iter().find(|(path, _)| path == LIST);
    let Some(Ok(Value::Array(mut list))) = list.map(|(_, list)| list.parse::<Value>()) else {
        return draft.clone();
    };
    for (member, verdict) in list.iter_mut().zip(verdicts) {
        if let (Some(said), Outcome::Broken { count, causes, .. }) =
            (member.as_inline_table_mut(), &verdict.outcome)
        {
            restate(said, verdict.promise.entry().counts.key(), *count, causes);
        }
    }
    draft.with(LIST, &Value::Array(list).decorated("", "").to_string()).unwrap_or_else(|| draft.clone())
}

fn restate(said: &mut InlineTable, key: &str, count: u64, causes: &BTreeMap<Reason, u64>) {
    if said.contains_key(key) {
        said.insert(key, Value::from(i64::try_from(count).unwrap_or(i64::MAX)));
    }
    if said.contains_key("causes") {
        let number = |records: &u64| i64::try_from(*records).unwrap_or(i64::MAX);
        let causes: InlineTable = causes.iter().map(|(why, records)| (why.name(), number(records))).collect();
        said.insert("causes", Value::InlineTable(causes));
    }
}

/// A list without each of its members in turn; nothing when it has one only.
fn shorter(list: &str) -> Vec<String> {
    let Ok(Value::Array(list)) = list.parse::<Value>() else { return Vec::new() };
    let without = |index: usize| {
        let mut rest = list.clone();
        rest.remove(index);
        let members: Vec<_> =
            rest.iter().map(|member| member.clone().decorated("", "").to_string()).collect();
        format!("[{}]", members.join(", "))
    };
    if list.len() < 2 { Vec::new() } else { (0..list.len()).map(without).collect() }
}

/// How many drafts are tried before the first that will do is taken.
const WIDE: usize = 2;

/// Faults and entries before what is written in them.
fn ordered(mut parts: Vec<Part>) -> Vec<Part> {
    let rank = |part: &Part| match part.kind {
        PartKind::Fault => 0,
        PartKind::Entry => 1,
        PartKind::Topic => 2,
        PartKind::Setting => 3,
        PartKind::Other => 4,
    };
    parts.sort_by_key(rank);
    parts
}

/// Parts that lie in no other one: who is taken out takes its own with it.
fn outermost<'p>(group: &[&'p Part]) -> Vec<&'p Part> {
    let inside =
        |part: &Part| group.iter().any(|other| other.path != part.path && part.path.starts_with(&other.path));
    group.iter().filter(|part| !inside(part)).copied().collect()
}

/// A smaller value, where that makes the scenario smaller.
fn lower(path: &str, value: &str) -> Option<String> {
    let last = path.rsplit('.').next().unwrap_or(path);
    let number = value.parse::<u64>().ok();
    let counts = ["partitions", "brokers", "instances", "batch", "stop-after"];
    if counts.contains(&last) || path.ends_with("replication.factor") {
        let less = |number: u64| if number <= 4 { number - 1 } else { number / 2 };
        return number.filter(|number| *number > 1).map(|number| less(number).to_string());
    }
    let text = value.trim_matches('"');
    if last == "duration" || last == "drain" || last == "warm-up" {
        let nanos = units::duration(text).ok()?.as_nanos();
        let millis = nanos / 1_000_000 * 3 / 4;
        return (millis >= 1_000).then(|| format!("\"{}s\"", millis / 1_000));
    }
    if path.contains("arrivals") {
        let rate = units::rate(text).ok()?.per_second();
        return (rate >= 2.0).then(|| format!("\"{}/s\"", (rate / 2.0).floor()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_expectations_is_cut_down_member_by_member() {
        let list = "[\n  \"one\", # first\n  { promise = \"two\", time = \"1s\" },\n]";
        assert_eq!(shorter(list), ["[{ promise = \"two\", time = \"1s\" }]", "[\"one\"]"]);
        assert!(shorter("[\"one\"]").is_empty() && shorter("12").is_empty());
    }

    #[test]
    fn numbers_become_smaller_and_stay_numbers() {
        assert_eq!(lower("kafka.topics.orders.partitions", "6").as_deref(), Some("3"));
        assert_eq!(lower("kafka.topics.orders.partitions", "1"), None);
        assert_eq!(lower("run.duration", "\"60s\"").as_deref(), Some("\"45s\""));
        assert_eq!(lower("generator.shop.arrivals.poisson", "\"1k/s\"").as_deref(), Some("\"500/s\""));
        assert_eq!(lower("run.seed", "12"), None);
    }
}
