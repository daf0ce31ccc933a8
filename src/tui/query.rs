//! The filter of the Messages screen, as it is typed: `fate:lost key:user-17 offset:>100 time:30s..31s -source:shop`.
//!
//! Words are tests, and a record has to pass all of them; `-`, `!` or `not` before a word asks for its opposite. Numbers are
//! `7`, `>7`, `>=7`, `<7`, `<=7`, `3..7`, `3..`, `..7`; names are alternatives with `|` between them. What belongs
//! together stands in double quotes. A word without a name is looked for in keys and values.
//!
//! **Invariant.** Any text is read without a panic. What is understood of it holds; the rest is said, with its place.

use crate::kernel::Time;
use crate::observe::lens::{Bounds, FateFilter, Filter, Term, Test};
use crate::trace::{ChannelId, RecordId};

use super::command::instant;
use super::model::About;

/// What was understood of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// The tests.
    pub filter: Filter,
    /// The first word that is none.
    pub problem: Option<Problem>,
}

/// A word that is no test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its first column, from 0, and how many it has.
    pub at: (usize, usize),
    /// What is wrong with it, and what is wanted.
    pub message: String,
}

/// The names of tests, what they take, and an example.
const FIELDS: &[(&str, &str)] = &[
    ("fate", "lost|dup|flight|settled|wrong|dropped|refused|aside|accepted|unknown"),
    ("key", "user-17, user-* or *17"),
    ("offset", "10813, >100, 100..200"),
    ("time", "30s..31s, >42.1s: when it was offered"),
    ("late", ">2s: until everybody had processed it"),
    ("partition", "3, 0..2"),
    ("topic", "a topic's name"),
    ("source", "who published it"),
    ("text", "a word in key or value"),
    ("bytes", ">1000: key and value"),
    ("record", "shop:1841"),
];

/// A word of the text: its first column, and the word without quotes.
struct Word {
    at: usize,
    columns: usize,
    text: String,
    quoted: bool,
}

/// Reads a filter.
pub fn read(text: &str, about: &About) -> Read {
    let mut found = Read::default();
    let mut opposite = false;
    for word in words(text) {
        if word.text == "not" && !word.quoted {
            opposite = true;
            continue;
        }
        let bare = word.text.trim_start_matches(['-', '!']);
        let signs = word.text.chars().count() - bare.chars().count();
        if bare.is_empty() {
            continue;
        }
        match test(bare, about) {
            Ok(test) => found.filter.terms.push(Term { without: opposite != (signs % 2 == 1), test }),
            Err(message) if found.problem.is_none() => {
                found.problem = Some(Problem { at: (word.at, word.columns), message });
            }
            Err(_) => {}
        }
        opposite = false;
    }
    found
}

/// The words of a text; within double quotes blanks are part of a word.
fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let (mut open, mut quoted) = (false, false);
    for (column, letter) in text.chars().enumerate() {
        if letter == '"' {
            quoted = !quoted;
        }
        if letter.is_whitespace() && !quoted {
            open = false;
            continue;
        }
        if !open {
            words.push(Word { at: column, columns: 0, text: String::new(), quoted: false });
            open = true;
        }
        let word = words.last_mut().expect("one is open");
        word.columns += 1;
        match letter {
            '"' => word.quoted = true,
            letter => word.text.push(letter),
        }
    }
    words
}

fn test(word: &str, about: &About) -> Result<Test, String> {
    let Some((name, value)) = word.split_once(':') else {
        let fate = FateFilter::WORDS.iter().find(|(name, _)| *name == word);
        return Ok(fate.map_or_else(|| Test::Text(word.to_owned()), |(_, fate)| Test::Fate(vec![*fate])));
    };
    if value.is_empty() {
        return match FIELDS.iter().find(|(field, _)| *field == full_name(name)) {
            Some((field, takes)) => Err(format!("{field}: wants {takes}")),
            None => Err(no_field(name)),
        };
    }
    match full_name(name) {
        "fate" => alternatives(value, fate).map(Test::Fate),
        "topic" => alternatives(value, |one| channel(one, about)).map(Test::Channel),
        "source" => alternatives(value, |one| sources(one, about)).map(|all| Test::Source(all.concat())),
        "partition" => bounds(value, number, "partition:3 or partition:0..2").map(Test::Partition),
        "offset" => bounds(value, number, "offset:10813, offset:>100 or offset:100..200").map(Test::Offset),
        "bytes" => bounds(value, number, "bytes:>1000").map(Test::Bytes),
        "time" => bounds(value, nanos, "time:30s..31s or time:>42.1s").map(Test::Time),
        "late" => bounds(value, nanos, "late:>2s").map(Test::Late),
        "key" => Ok(Test::Key(value.to_owned())),
        "text" => Ok(Test::Text(value.to_owned())),
        "record" => record(value, about).map(Test::Record),
        _ => Err(no_field(name)),
    }
}

fn full_name(name: &str) -> &str {
    match name {
        "p" => "partition",
        "from" | "producer" => "source",
        "size" => "bytes",
        "value" => "text",
        "id" => "record",
        name => name,
    }
}

fn no_field(name: &str) -> String {
    let names = FIELDS.iter().map(|(field, _)| *field);
    let near = names.clone().find(|field| field.starts_with(name) || strsim::jaro_winkler(field, name) > 0.8);
    match near {
        Some(near) => format!("there is no `{name}:`; did you mean {near}:?"),
        None => format!(
            "there is no `{name}:`; there are {}",
            names.map(|field| format!("{field}:")).collect::<Vec<_>>().join(" ")
        ),
    }
}

fn alternatives<T>(value: &str, one: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    value.split('|').filter(|part| !part.is_empty()).map(one).collect()
}

fn fate(word: &str) -> Result<FateFilter, String> {
    let word = match word {
        "duplicate" | "twice" => "dup",
        "in-flight" => "flight",
        "acked" => "accepted",
        "rejected" => "refused",
        word => word,
    };
    let known = FateFilter::WORDS.iter().find(|(name, _)| *name == word);
    known
        .map(|(_, fate)| *fate)
        .ok_or_else(|| format!("`{word}` is no fate: {}", FIELDS[0].1.replace('|', " ")))
}

fn channel(name: &str, about: &About) -> Result<ChannelId, String> {
    let found = about.channels.iter().position(|channel| channel.name == name);
    found.map(|index| ChannelId(index as u32)).ok_or_else(|| {
        let names =
            about.channels.iter().filter(|channel| !channel.internal).map(|channel| channel.name.as_str());
        unknown("topic", name, names)
    })
}

/// A source, or all instances of an entry: `shop` is `shop-1` and `shop-2`.
fn sources(name: &str, about: &About) -> Result<Vec<u32>, String> {
    let is_of = |source: &str| {
        source == name
            || source
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('-'))
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let found: Vec<u32> =
        (0..).zip(&about.sources).filter(|(_, source)| is_of(source)).map(|(at, _)| at).collect();
    if found.is_empty() {
        return Err(unknown("source", name, about.sources.iter().map(String::as_str)));
    }
    Ok(found)
}

fn unknown<'a>(what: &str, name: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.take(12).collect();
    format!("there is no {what} `{name}`: {}", names.join(", "))
}

/// `shop:1841`
pub fn record(text: &str, about: &About) -> Result<RecordId, String> {
    let wanted = || "record:shop:1841, a source and its how-manieth record".to_owned();
    let (source, number) = text.rsplit_once([':', '#']).ok_or_else(wanted)?;
    let number = number.parse::<u64>().ok().filter(|number| *number < 1 << 40).ok_or_else(wanted)?;
    let index = about.sources.iter().position(|one| one == source);
    let index = index.ok_or_else(|| unknown("source", source, about.sources.iter().map(String::as_str)))?;
    Ok(RecordId::new(index as u32, number))
}

fn number(text: &str) -> Option<u64> {
    text.replace(['_', ' '], "").parse().ok()
}

fn nanos(text: &str) -> Option<u64> {
    instant(text).map(Time::as_nanos)
}

/// `7`, `>7`, `>=7`, `<7`, `<=7`, `3..7`, `3..`, `..7`.
fn bounds(text: &str, value: impl Fn(&str) -> Option<u64>, wanted: &str) -> Result<Bounds, String> {
    let all = Bounds { least: 0, most: u64::MAX };
    let found = if let Some(least) = text.strip_prefix(">=") {
        value(least).map(|least| Bounds { least, ..all })
    } else if let Some(most) = text.strip_prefix("<=") {
        value(most).map(|most| Bounds { most, ..all })
    } else if let Some(above) = text.strip_prefix('>') {
        value(above).map(|above| Bounds { least: above.saturating_add(1), ..all })
    } else if let Some(below) = text.strip_prefix('<') {
        value(below).and_then(|below| Some(Bounds { most: below.checked_sub(1)?, ..all }))
    } else if let Some((least, most)) = text.split_once("..") {
        let end = |text: &str, open: u64| if text.is_empty() { Some(open) } else { value(text) };
        end(least, 0).zip(end(most, u64::MAX)).map(|(least, most)| Bounds { least, most })
    } else {
        value(text).map(|exactly| Bounds { least: exactly, most: exactly })
    };
    let found = found.ok_or_else(|| format!("`{text}` is no range here; it is written {wanted}"))?;
    if found.least > found.most {
        return Err(format!("`{text}` holds nothing: its end is before its beginning"));
    }
    Ok(found)
}

/// What can be typed where the text ends.
pub fn hint(text: &str, about: &About) -> String {
    let last = last_word(text);
    match last.split_once(':') {
        Some((name, value)) if value.is_empty() || !candidates(last, about).is_empty() => {
            match candidates(last, about) {
                values if values.is_empty() => {
                    let takes = FIELDS.iter().find(|(field, _)| *field == full_name(name));
                    takes.map_or_else(String::new, |(_, takes)| (*takes).to_owned())
                }
                values => values
                    .iter()
                    .map(|value| value.split_once(':').map_or(&**value, |(_, value)| value))
                    .collect::<Vec<_>>()
                    .join(" "),
            }
        }
        Some(_) => String::new(),
        None => candidates(last, about).join(" "),
    }
}

/// The text with its last word completed as far as that is certain; none when nothing can be added.
pub fn complete(text: &str, about: &About) -> Option<String> {
    let last = last_word(text);
    let found = candidates(last, about);
    let mut shared = found.first()?.clone();
    for other in &found {
        let alike = shared.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
        shared = shared.chars().take(alike).collect();
    }
    let more = shared.strip_prefix(last).filter(|more| !more.is_empty())?;
    Some(format!("{text}{more}"))
}

fn last_word(text: &str) -> &str {
    text.rsplit(char::is_whitespace).next().unwrap_or("").trim_start_matches(['-', '!'])
}

/// What a word may become.
fn candidates(word: &str, about: &About) -> Vec<String> {
    let Some((name, value)) = word.split_once(':') else {
        let fields = FIELDS.iter().map(|(field, _)| format!("{field}:"));
        return fields.filter(|field| field.starts_with(word)).collect();
    };
    let (done, open) =
        value.rsplit_once('|').map_or(("", value), |(done, open)| (&value[..=done.len()], open));
    let names: Vec<&str> = match full_name(name) {
        "fate" => FateFilter::WORDS.iter().map(|(word, _)| *word).collect(),
        "topic" => about.channels.iter().filter(|one| !one.internal).map(|one| one.name.as_str()).collect(),
        "source" => about.sources.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let fitting = names.into_iter().filter(|one| one.starts_with(open));
    fitting.map(|one| format!("{name}:{done}{one}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::Named;

    fn about() -> About {
        let channel = |name: &str, first_place| Named {
            name: name.to_owned(),
            first_place,
            places: 6,
            internal: false,
        };
        About {
            channels: vec![channel("orders", 0), channel("payments", 6)],
            sources: ["shop-1", "shop-2", "till"].map(str::to_owned).to_vec(),
            ..About::default()
        }
    }

    fn tests(text: &str) -> Vec<(bool, Test)> {
        let read = read(text, &about());
        assert_eq!(read.problem, None, "{text}");
        read.filter.terms.into_iter().map(|term| (term.without, term.test)).collect()
    }

    fn problem(text: &str) -> (usize, usize, String) {
        let problem = read(text, &about()).problem.unwrap_or_else(|| panic!("{text} is understood"));
        (problem.at.0, problem.at.1, problem.message)
    }

    #[test]
    fn words_are_tests_and_a_sign_before_them_asks_for_the_opposite() {
        let secs = |secs: u64| secs * 1_000_000_000;
        assert_eq!(
            tests("fate:lost|dup key:user-17 offset:>100 -partition:3 not time:30s..31s late:>2s"),
            [
                (false, Test::Fate(vec![FateFilter::Lost, FateFilter::Duplicate])),
                (false, Test::Key("user-17".to_owned())),
                (false, Test::Offset(Bounds { least: 101, most: u64::MAX })),
                (true, Test::Partition(Bounds { least: 3, most: 3 })),
                (true, Test::Time(Bounds { least: secs(30), most: secs(31) })),
                (false, Test::Late(Bounds { least: secs(2) + 1, most: u64::MAX })),
            ]
        );
        assert_eq!(tests("not -lost"), [(false, Test::Fate(vec![FateFilter::Lost]))], "two opposites");
        assert_eq!(tests("text:\"card declined\" error")[0], (false, Test::Text("card declined".to_owned())));
        assert_eq!(
            tests("source:shop|till topic:payments"),
            [(false, Test::Source(vec![0, 1, 2])), (false, Test::Channel(vec![ChannelId(1)])),]
        );
        assert_eq!(tests("record:shop-2:17"), [(false, Test::Record(RecordId::new(1, 17)))]);
    }

    #[test]
    fn what_is_no_test_is_said_with_its_place_and_the_rest_holds() {
        assert_eq!(problem("lost  ofset:3").0, 6);
        assert!(problem("lost  ofset:3").2.contains("did you mean offset:?"));
        assert_eq!(
            (problem("fate:gone").1, problem("fate:").2.starts_with("fate: wants lost|dup")),
            (9, true)
        );
        assert!(problem("topic:oders").2.contains("orders, payments"));
        for wrong in [
            "offset:x",
            "offset:",
            "offset:9..3",
            "offset:<0",
            "time:soon",
            "late:>",
            "record:17",
            "record:x:1",
            "source:x",
        ] {
            assert!(!problem(wrong).2.is_empty(), "{wrong}");
        }
        let half = read("lost offset:", &about());
        assert_eq!(half.filter.terms.len(), 1);
        for odd in ["-", "!", "\"", "::", "not", "|", "fate:|", "key:é*", "-\"a b\""] {
            let _ = (read(odd, &about()), hint(odd, &about()), complete(odd, &about()));
        }
    }

    #[test]
    fn tab_adds_what_is_certain_and_the_hint_says_what_may_come() {
        let completed = |text: &str| complete(text, &about());
        assert_eq!(completed("lost of").as_deref(), Some("lost offset:"));
        assert_eq!(completed("-topic:p").as_deref(), Some("-topic:payments"));
        assert_eq!(completed("source:s").as_deref(), Some("source:shop-"));
        assert_eq!(completed("fate:lost|du").as_deref(), Some("fate:lost|dup"));
        assert_eq!((completed("t"), completed("zzz"), completed("offset:3")), (None, None, None));
        assert_eq!(hint("t", &about()), "time: topic: text:");
        assert_eq!(hint("topic:", &about()), "orders payments");
        assert!(hint("late:", &about()).contains(">2s") && hint("", &about()).contains("fate:"));
    }
}
