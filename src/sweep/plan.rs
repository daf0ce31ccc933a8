//! Which runs a sweep has: every seed with every combination of settings, numbered.
//!
//! Seeds go round slowest: a sweep that is cut short has run each setting with the same seeds, so that settings can
//! still be compared.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Seeds `from..to`, the last one not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeds {
    /// The first.
    pub from: u64,
    /// The one after the last; above `from`.
    pub to: u64,
}

impl Seeds {
    /// How many.
    pub fn count(self) -> u64 {
        self.to - self.from
    }
}

/// `0..1000`, `0..=999`, or one seed.
impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let number = text.trim().replace('_', "").parse::<u64>().ok();
            number.filter(|number| *number < i64::MAX as u64).ok_or_else(|| {
                format!("`{text}` is not a seed; write --seeds 0..1000 for a thousand of them, or --seeds 7")
            })
        };
        let (from, to) = match text.split_once("..") {
            None => (number(text)?, number(text)? + 1),
            Some((from, to)) => match to.strip_prefix('=') {
                Some(last) => (number(from)?, number(last)? + 1),
                None => (number(from)?, number(to)?),
            },
        };
        if from >= to {
            return Err(format!("`{text}` holds no seed; write the lower one first, as in 0..1000"));
        }
        Ok(Self { from, to })
    }
}

/// A setting and the values that it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vary {
    /// As for `--set`: `kafka.topics.orders.partitions`.
    pub path: String,
    /// At least one, all different.
    pub values: Vec<String>,
}

/// `path=a,b,c`. Commas in quotes or brackets do not part values.
impl FromStr for Vary {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "write --vary path=a,b,c, as in --vary generator.shop.producer.acks=0,1,all";
        let (path, values) = text.split_once('=').ok_or_else(|| format!("there is no `=`; {example}"))?;
        let path = path.trim().to_owned();
        if path == "run.seed" {
            return Err("seeds are not varied with --vary; write --seeds 0..1000".to_owned());
        }
        let values: Vec<String> = split(values).into_iter().map(|value| value.trim().to_owned()).collect();
        if path.is_empty() || values.iter().any(String::is_empty) {
            return Err(format!("a name or a value is missing; {example}"));
        }
        if let Some((_, twice)) = values.iter().enumerate().find(|(at, value)| values[..*at].contains(value))
        {
            return Err(format!("`{twice}` is there twice"));
        }
        Ok(Self { path, values })
    }
}

/// Parts of a text between commas that stand outside quotes and brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut depth, mut quoted) = (Vec::new(), 0, 0_i32, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth <= 0 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

/// Settings whose scenarios are held in memory at a time.
const SETTINGS_MOST: u64 = 10_000;
/// Runs whose rows are held in memory at a time.
const RUNS_MOST: u64 = 100_000_000;

/// Every seed with every combination of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    seeds: Seeds,
    vary: Vec<Vary>,
    settings: u64,
}

impl Plan {
    /// All combinations; one without settings when nothing varies.
    ///
    /// # Errors
    /// When a setting is varied twice, or there are more combinations (10,000) or runs (10^8) than a sweep can hold.
    pub fn new(seeds: Seeds, vary: Vec<Vary>) -> Result<Self, String> {
        if let Some((_, twice)) =
            vary.iter().enumerate().find(|(at, one)| vary[..*at].iter().any(|other| other.path == one.path))
        {
            return Err(format!("`{}` is varied twice; give all of its values in one --vary", twice.path));
        }
        let product = |product: u64, one: &Vary| product.checked_mul(one.values.len() as u64);
        let settings = vary.iter().try_fold(1, product).filter(|settings| *settings <= SETTINGS_MOST);
        let settings = settings.ok_or_else(|| {
            format!("there are more than {SETTINGS_MOST} combinations of settings; vary fewer at a time")
        })?;
        let runs = settings.checked_mul(seeds.count()).filter(|runs| *runs <= RUNS_MOST);
        runs.ok_or_else(|| format!("there are more than {RUNS_MOST} runs; take fewer seeds"))?;
        Ok(Self { seeds, vary, settings })
    }

    /// How many runs.
    pub fn runs(&self) -> u64 {
        self.settings * self.seeds.count()
    }

    /// How many combinations of settings; at least 1.
    pub fn settings(&self) -> usize {
        self.settings as usize
    }

    /// The seed of a run, and the number of its combination of settings.
    ///
    /// # Panics
    /// When there is no such run.
    pub fn run(&self, index: u64) -> (u64, usize) {
        assert!(index < self.runs(), "a run of this plan");
        (self.seeds.from + index / self.settings, (index % self.settings) as usize)
    }

    /// The values of a combination, in the order of the settings. The last setting goes round fastest.
    pub fn values(&self, setting: usize) -> Vec<&str> {
        let mut rest = setting as u64;
        let mut values: Vec<&str> = Vec::with_capacity(self.vary.len());
        for one in self.vary.iter().rev() {
            let many = one.values.len() as u64;
            values.push(&one.values[(rest % many) as usize]);
            rest /= many;
        }
        values.reverse();
        values
    }

    /// A combination as `path=value` each.
    pub fn overrides(&self, setting: usize) -> Vec<String> {
        let values = self.values(setting);
        self.vary.iter().zip(values).map(|(one, value)| format!("{}={value}", one.path)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_range_or_one() {
        let read = |text: &str| text.parse::<Seeds>().map(|seeds| (seeds.from, seeds.to));
        assert_eq!(read("0..1_000"), Ok((0, 1000)));
        assert_eq!(read("5..=7"), Ok((5, 8)));
        assert_eq!(read("7"), Ok((7, 8)));
        for wrong in ["", "a..b", "7..7", "9..3", "-1..3", "0..99999999999999999999"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_stand_between_commas_outside_quotes_and_brackets() {
        let read = |text: &str| text.parse::<Vary>().map(|vary| vary.values);
        assert_eq!(read("a.b=0,1,all"), Ok(vec!["0".into(), "1".into(), "all".into()]));
        assert_eq!(read(r#"a={x=1,y=[1,2]},"p,q""#), Ok(vec!["{x=1,y=[1,2]}".into(), "\"p,q\"".into()]));
        for wrong in ["a", "a=", "=1", "a=1,,2", "a=1,1", "run.seed=1,2"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_seed_meets_every_setting_once_and_seeds_go_round_slowest() {
        let vary = ["a=0,1", "b=x,y,z"].map(|text| text.parse().expect("a setting")).to_vec();
        let plan = Plan::new("10..12".parse().expect("seeds"), vary).expect("a plan");
        assert_eq!((plan.runs(), plan.settings()), (12, 6));
        assert_eq!(plan.run(0), (10, 0));
        assert_eq!(plan.run(11), (11, 5));
        assert_eq!(plan.overrides(1), ["a=0", "b=y"]);
        assert_eq!(plan.overrides(5), ["a=1", "b=z"]);
        let all: std::collections::BTreeSet<_> = (0..12).map(|index| plan.run(index)).collect();
        assert_eq!(all.len(), 12);
    }

    #[test]
    fn a_setting_that_is_varied_twice_is_refused() {
        let vary = ["a=0,1", "a=2"].map(|text| text.parse().expect("a setting")).to_vec();
        assert!(Plan::new(Seeds { from: 0, to: 1 }, vary).is_err());
        let many: Vec<Vary> = (0..8)
            .map(|at| Vary {
                path: format!("p{at}"),
                values: (0..4).map(|value| value.to_string()).collect(),
            })
            .collect();
        assert!(Plan::new(Seeds { from: 0, to: 1 }, many).is_err());
    }
}
