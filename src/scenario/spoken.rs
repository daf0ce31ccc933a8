//! A fault as a person says it in a line, with the words of the scenario file: `kill broker-1 for 10s`,
//! `latency shop by 200ms peers broker-2 for 5s`, `kill = "leader of orders-0"`.
//!
//! **Invariant.** Nothing is judged here but the words themselves: what is said becomes a `[[fault]]` of a file, and the file
//! is judged as any other.

use crate::fault::catalogue::{self, KINDS, Kind, PARAMETERS, Value};
use crate::kernel::{Duration, Time};

use super::error::did_you_mean;
use super::target::Target;
use super::units;

/// A fault that was said.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoken {
    /// Its row in the catalogue.
    pub kind: &'static str,
    /// When it is to strike, where that was said.
    pub at: Option<Duration>,
    /// Whether somebody has to be asked first whom it strikes.
    pub is_role: bool,
    targets: Vec<String>,
    /// Key and value, as the file writes them.
    keys: Vec<(&'static str, String)>,
}

/// The keys of every fault.
const WHEN: [&str; 5] = ["at", "for", "every", "times", "jitter"];

impl Spoken {
    /// Reads a line.
    ///
    /// # Errors
    /// In a sentence, when it is no fault: what was meant, and what to write.
    pub fn read(line: &str) -> Result<Self, String> {
        let line = line.replace(['"', '=', '[', ']'], " ");
        let mut words = line.split_whitespace().peekable();
        let name = words.next().ok_or("say what goes wrong, and for whom: :fault kill broker-1 for 10s")?;
        let kind = catalogue::find(name).ok_or_else(|| {
            format!(
                "`{name}` is no kind of fault; {}",
                did_you_mean(name, KINDS.iter().map(|kind| kind.name))
            )
        })?;
        let mut whom = Vec::new();
        while let Some(word) = words.next_if(|word| key_named(word).is_none()) {
            whom.push(word);
        }
        let targets = listed(&whom);
        if targets.is_empty() {
            let example = kind.takes.first().map_or("", |sort| sort.examples());
            return Err(format!("`{name}` does not say for whom: {example}"));
        }
        let mut spoken =
            Self { kind: kind.name, at: None, is_role: is_role(kind, &targets), targets, keys: Vec::new() };
        while let Some(word) = words.next() {
            let key = key_named(word).expect("whatever is not a key belongs to the one before");
            let mut value = Vec::new();
            while let Some(word) = words.next_if(|word| key_named(word).is_none()) {
                value.push(word);
            }
            spoken.say(key, &value)?;
        }
        Ok(spoken)
    }

    fn say(&mut self, key: &'static str, value: &[&str]) -> Result<(), String> {
        let text = value.join(" ");
        if text.is_empty() {
            return Err(format!("`{key}` has no value"));
        }
        if key == "at" {
            self.at =
                Some(units::duration(&text).map_err(|error| format!("{}; {}", error.message, error.help))?);
            return Ok(());
        }
        if self.keys.iter().any(|(known, _)| *known == key) {
            return Err(format!("`{key}` is said twice"));
        }
        let kind = catalogue::parameter(key).map(|parameter| parameter.value);
        let written = match kind {
            Some(Value::Targets) => {
                let peers = listed(value);
                self.is_role |=
                    peers.iter().any(|peer| Target::read(peer).is_some_and(|peer| peer.is_role()));
                list(&peers)
            }
            Some(Value::Factor | Value::Count) => bare(&text),
            None if key == "times" => bare(&text),
            Some(Value::Period | Value::Bandwidth | Value::Direction | Value::Rate | Value::Position)
            | None => quoted(&text),
        };
        self.keys.push((key, written));
        Ok(())
    }

    /// `kill broker-1 for 10s`
    pub fn line(&self) -> String {
        let keys: String = self
            .keys
            .iter()
            .map(|(key, value)| format!(" {key} {}", value.replace(['"', '[', ']'], "")))
            .collect();
        format!("{} {}{keys}", self.kind, self.targets.join(", "))
    }

    /// The entry of a file, for a fault that strikes then.
    pub fn entry(&self, at: Time) -> String {
        let keys: String = self.keys.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        let (kind, targets) = (self.kind, list(&self.targets));
        format!("[[fault]]\nat = {}\n{kind} = {targets}\n{keys}by-hand = true\n", quoted(&seconds(at)))
    }
}

/// The key that a word is; none for what belongs to the key before.
fn key_named(word: &str) -> Option<&'static str> {
    let parameter = || PARAMETERS.iter().map(|parameter| parameter.name).find(|name| *name == word);
    WHEN.into_iter().find(|name| *name == word).or_else(parameter)
}

/// `a, b` as two; `leader of orders-0` as one.
fn listed(words: &[&str]) -> Vec<String> {
    let text = words.join(" ");
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

fn is_role(kind: &Kind, targets: &[String]) -> bool {
    use crate::fault::catalogue::Sort;
    let named = kind.takes.contains(&Sort::Entry) || kind.takes.contains(&Sort::Topic);
    let asks = kind.takes.contains(&Sort::Group);
    asks || !named && targets.iter().any(|target| Target::read(target).is_some_and(|target| target.is_role()))
}

fn list(targets: &[String]) -> String {
    match targets {
        [only] => quoted(only),
        several => format!("[{}]", several.iter().map(|one| quoted(one)).collect::<Vec<_>>().join(", ")),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', ""))
}

/// A number as it is; anything else as a text, which the judge refuses with its place.
fn bare(text: &str) -> String {
    let is_number = text.parse::<f64>().is_ok_and(f64::is_finite);
    if is_number { text.to_owned() } else { quoted(text) }
}

/// An instant as a file writes it, to the nanosecond: `5.000001s`.
pub fn seconds(at: Time) -> String {
    let nanos = at.as_nanos();
    let (whole, part) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let decimals = format!("{part:09}");
    match decimals.trim_end_matches('0') {
        "" => format!("{whole}s"),
        decimals => format!("{whole}.{decimals}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(line: &str) -> String {
        Spoken::read(line)
            .unwrap_or_else(|why| panic!("{line}: {why}"))
            .entry(Time::from_nanos(5_000_001_000))
    }

    #[test]
    fn a_line_is_an_entry_of_a_file() {
        let written = "[[fault]]\nat = \"5.000001s\"\nkill = \"broker-1\"\nfor = \"10s\"\nby-hand = true\n";
        assert_eq!(entry("kill broker-1 for 10s"), written);
        assert_eq!(entry("kill = \"broker-1\" for = \"10s\""), written);
        assert!(
            entry("pause a random member of billing").contains("pause = \"a random member of billing\"\n")
        );
        let several = entry("latency broker-1, broker-2 by 200 ms peers shop, broker-3 every 2s times 3");
        assert!(several.contains("latency = [\"broker-1\", \"broker-2\"]\nby = \"200 ms\"\n"), "{several}");
        assert!(
            several.contains("peers = [\"shop\", \"broker-3\"]\nevery = \"2s\"\ntimes = 3\n"),
            "{several}"
        );
        assert!(entry("slow-cpu broker-1 factor 2.5 for 1s").contains("factor = 2.5\n"));
    }

    #[test]
    fn what_is_said_is_said_again_in_the_same_words() {
        for line in
            ["kill broker-1 for 10s", "latency shop by 1ms peers broker-1, broker-2", "heal everything"]
        {
            assert_eq!(Spoken::read(line).map(|spoken| spoken.line()), Ok(line.to_owned()));
        }
    }

    #[test]
    fn a_role_has_to_be_asked_for_and_a_name_has_not() {
        let is_role = |line| Spoken::read(line).expect("it is a fault").is_role;
        assert!(
            is_role("kill leader of orders-0") && is_role("latency shop by 1s peers coordinator of billing")
        );
        assert!(
            !is_role("kill broker-1") && !is_role("kill a random broker") && !is_role("add-member billing")
        );
    }

    #[test]
    fn a_line_that_is_no_fault_says_what_was_meant() {
        let why = |line| Spoken::read(line).expect_err("it is none");
        assert!(why("kil broker-1").contains("kill"), "{}", why("kil broker-1"));
        assert!(why("kill").contains("broker-2"), "{}", why("kill"));
        assert!(why("kill broker-1 for").contains("`for` has no value"));
        assert!(why("kill broker-1 for 1s for 2s").contains("twice"));
        assert!(why("kill broker-1 at soon").contains("soon"));
        assert!(why("").contains(":fault"));
    }

    #[test]
    fn an_instant_is_written_to_the_nanosecond() {
        let written = [0, 1, 5_000_000_000, 61_500_000_000].map(|nanos| seconds(Time::from_nanos(nanos)));
        assert_eq!(written, ["0s", "0.000000001s", "5s", "61.5s"]);
    }
}
