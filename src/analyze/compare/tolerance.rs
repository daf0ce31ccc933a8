//! How far apart two runs may be, for each kind of number.

use std::str::FromStr;

use super::rows::Kind;

/// Parts of one: 0.1 is ten per cent.
#[derive(Clone, Debug, PartialEq)]
pub struct Tolerances {
    /// Of what has none of its own.
    all: f64,
    own: Vec<(Kind, f64)>,
}

impl Default for Tolerances {
    fn default() -> Self {
        Self { all: 0.1, own: Vec::new() }
    }
}

impl Tolerances {
    /// The tolerance of a kind.
    pub fn of(&self, kind: Kind) -> f64 {
        let own = self.own.iter().rev().find(|(of, _)| *of == kind);
        own.map_or(self.all, |(_, tolerance)| *tolerance)
    }

    /// As a person reads it: `10 %, latency 25 %`.
    pub fn in_words(&self) -> String {
        let own = Kind::ALL.into_iter().filter(|kind| self.of(*kind) != self.all);
        let own = own.map(|kind| format!(", {} {}", kind.name(), percent(self.of(kind))));
        format!("{}{}", percent(self.all), own.collect::<String>())
    }

    /// From the values of `--tolerance`, each one or several of [`Tolerance`] with commas between.
    pub fn from_all(given: &[Tolerance]) -> Self {
        let mut tolerances = Self::default();
        for Tolerance { kind, part } in given {
            match kind {
                Some(kind) => tolerances.own.push((*kind, *part)),
                None => tolerances.all = *part,
            }
        }
        tolerances
    }
}

fn percent(part: f64) -> String {
    format!("{} %", (part * 1e4).round() / 1e2)
}

/// One value of `--tolerance`: `10%`, `0.1`, `latency=25%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    kind: Option<Kind>,
    part: f64,
}

impl FromStr for Tolerance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, number) = match text.split_once('=') {
            Some((name, number)) => (Some(kind(name.trim())?), number),
            None => (None, text),
        };
        let number = number.trim();
        let (digits, unit) = number.strip_suffix('%').map_or((number, 1.0), |digits| (digits.trim(), 0.01));
        let part = digits.parse::<f64>().ok().map(|number| number * unit);
        match part.filter(|part| (0.0..=100.0).contains(part)) {
            Some(part) => Ok(Self { kind, part }),
            None => Err("a tolerance is written as `10%`, `0.1` or `latency=25%`".to_owned()),
        }
    }
}

fn kind(name: &str) -> Result<Kind, String> {
    let names = || Kind::ALL.map(Kind::name).join(", ");
    let found = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    found.ok_or_else(|| format!("there is no kind of number `{name}`; there is {}", names()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Tolerances {
        let given: Result<Vec<Tolerance>, _> = texts.iter().map(|text| text.parse()).collect();
        Tolerances::from_all(&given.expect("they are well written"))
    }

    #[test]
    fn a_kind_may_have_its_own() {
        let tolerances = of(&["20%", "latency=25%", "lag=0.05"]);
        assert_eq!(tolerances.of(Kind::Throughput), 0.2);
        assert_eq!(tolerances.of(Kind::Latency), 0.25);
        assert_eq!(tolerances.of(Kind::Lag), 0.05);
        assert_eq!(tolerances.in_words(), "20 %, latency 25 %, lag 5 %");
        assert_eq!(of(&[]), Tolerances::default());
    }

    #[test]
    fn what_is_no_tolerance_is_refused_with_the_words_that_are() {
        assert!(
            "pace=5%".parse::<Tolerance>().is_err_and(|error| error.contains("throughput, latency, lag"))
        );
        for wrong in ["", "ten", "-5%", "NaN", "latency="] {
            assert!(wrong.parse::<Tolerance>().is_err(), "{wrong}");
        }
    }
}
