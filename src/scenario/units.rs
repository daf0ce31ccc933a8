//! Quantities with units, as people write them: "250ms", "2k/s", "16KiB", "10Mbit/s".
//!
//! **Invariant.** Reading is exact: integer arithmetic only, and a value finer than the unit that is kept
//! (a nanosecond, a byte) is an error rather than rounded.

use crate::kernel::Duration;

use super::error::closest;

/// Why a text is not the quantity that was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError {
    /// What is wrong with the text.
    pub message: String,
    /// How to write it.
    pub help: String,
}

/// A frequency of events, kept as an exact fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many events ...
    pub events: u64,
    /// ... in how long.
    pub per: Duration,
}

impl Rate {
    /// Events per second, for generators whose arithmetic is statistical, and for display.
    pub fn per_second(self) -> f64 {
        self.events as f64 / self.per.as_secs_f64()
    }
}

/// A family of units: what it measures and each unit's size in the smallest one.
#[derive(Debug)]
pub struct Units {
    /// What is measured, with its article.
    pub what: &'static str,
    /// How one is written, for messages.
    pub example: &'static str,
    /// Spelling and size in the base unit, as a fraction.
    pub units: &'static [(&'static str, u64, u64)],
}

/// Lengths of time; the base is the nanosecond.
pub const DURATION: Units = Units {
    what: "a length of time",
    example: "250ms",
    units: &[
        ("ns", 1, 1),
        ("us", 1_000, 1),
        ("µs", 1_000, 1),
        ("ms", 1_000_000, 1),
        ("s", 1_000_000_000, 1),
        ("m", 60_000_000_000, 1),
        ("min", 60_000_000_000, 1),
        ("h", 3_600_000_000_000, 1),
        ("d", 86_400_000_000_000, 1),
    ],
};

/// Sizes; the base is the byte.
pub const BYTES: Units = Units {
    what: "a size",
    example: "16KiB",
    units: &[
        ("B", 1, 1),
        ("kB", 1_000, 1),
        ("KB", 1_000, 1),
        ("MB", 1_000_000, 1),
        ("GB", 1_000_000_000, 1),
        ("KiB", 1 << 10, 1),
        ("MiB", 1 << 20, 1),
        ("GiB", 1 << 30, 1),
        ("TiB", 1 << 40, 1),
    ],
};

/// Bandwidths; the base is the byte per second.
pub const BANDWIDTH: Units = Units {
    what: "a bandwidth",
    example: "100MiB/s",
    units: &[
        ("B/s", 1, 1),
        ("kB/s", 1_000, 1),
        ("KB/s", 1_000, 1),
        ("MB/s", 1_000_000, 1),
        ("GB/s", 1_000_000_000, 1),
        ("KiB/s", 1 << 10, 1),
        ("MiB/s", 1 << 20, 1),
        ("GiB/s", 1 << 30, 1),
        ("bit/s", 1, 8),
        ("kbit/s", 1_000, 8),
        ("Mbit/s", 1_000_000, 8),
        ("Gbit/s", 1_000_000_000, 8),
    ],
};

/// Counts; the base is one.
const COUNT: Units =
    Units { what: "a rate", example: "2k/s", units: &[("", 1, 1), ("k", 1_000, 1), ("M", 1_000_000, 1)] };

/// What a rate may be counted over.
const PER: [(&str, Duration); 5] = [
    ("ms", Duration::from_millis(1)),
    ("s", Duration::from_secs(1)),
    ("m", Duration::from_secs(60)),
    ("min", Duration::from_secs(60)),
    ("h", Duration::from_secs(3_600)),
];

/// Reads a length of time: "250ms", "1.5 s", "1h".
pub fn duration(text: &str) -> Result<Duration, UnitError> {
    DURATION.read(text).map(Duration::from_nanos)
}

/// Reads a size in bytes: "100B", "16KiB", "1MB".
pub fn bytes(text: &str) -> Result<u64, UnitError> {
    BYTES.read(text)
}

/// Reads a bandwidth in bytes per second: "1GiB/s", "10 Mbit/s".
pub fn bandwidth(text: &str) -> Result<u64, UnitError> {
    BANDWIDTH.read(text)
}

/// Reads a rate of events: "500/s", "2k/s", "1.5M/s", "30/min", "0.5/s".
pub fn rate(text: &str) -> Result<Rate, UnitError> {
    let (count, per) =
        text.split_once('/').ok_or_else(|| COUNT.not_one(text, ": it does not say per what"))?;
    let per = per.trim();
    let (_, per) = PER
        .into_iter()
        .find(|(name, _)| *name == per)
        .ok_or_else(|| COUNT.not_one(text, &format!(": `/{per}` is not one of /s, /min, /h")))?;
    let (digits, decimals, unit) = split(count.trim()).ok_or_else(|| COUNT.not_one(text, ""))?;
    let size = COUNT.size(unit).ok_or_else(|| COUNT.unknown_unit(text, unit))?.0;
    // "0.5/s" is one in two seconds: the fraction moves into the period.
    let events = digits.checked_mul(size).ok_or_else(|| COUNT.too_large(text))?;
    let whole = 10_u64.pow(decimals);
    let common = gcd(events, whole).max(1);
    Ok(Rate { events: events / common, per: per * (whole / common) })
}

impl Units {
    /// Reads a number with one of these units, exactly, in the base unit.
    pub fn read(&self, text: &str) -> Result<u64, UnitError> {
        let (digits, decimals, unit) = split(text.trim()).ok_or_else(|| self.not_one(text, ""))?;
        if unit.is_empty() {
            return Err(self.not_one(text, ": the unit is missing"));
        }
        let (size, parts) = self.size(unit).ok_or_else(|| self.unknown_unit(text, unit))?;
        let whole = u128::from(digits) * u128::from(size);
        let divisor = 10_u128.pow(decimals) * u128::from(parts);
        if whole % divisor != 0 {
            return Err(self.not_one(text, ": it is finer than can be kept"));
        }
        u64::try_from(whole / divisor).map_err(|_| self.too_large(text))
    }

    /// A regular expression that every text of this family matches.
    pub fn pattern(&self) -> String {
        let mut names: Vec<_> = self.units.iter().map(|(name, ..)| *name).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        format!("^[0-9][0-9_]*([.][0-9]+)? ?({})$", names.join("|"))
    }

    fn size(&self, unit: &str) -> Option<(u64, u64)> {
        self.units.iter().find(|(name, ..)| *name == unit).map(|(_, size, parts)| (*size, *parts))
    }

    fn names(&self) -> String {
        self.units
            .iter()
            .map(|(name, ..)| *name)
            .filter(|name| !name.is_empty())
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn not_one(&self, text: &str, why: &str) -> UnitError {
        UnitError { message: format!("`{text}` is not {}{why}", self.what), help: self.how() }
    }

    fn too_large(&self, text: &str) -> UnitError {
        UnitError { message: format!("`{text}` is too large for {}", self.what), help: self.how() }
    }

    fn unknown_unit(&self, text: &str, unit: &str) -> UnitError {
        let alike = self.units.iter().map(|(name, ..)| *name).find(|name| name.eq_ignore_ascii_case(unit));
        // "60 seconds" begins with the unit that was meant.
        let begins = self.units.iter().map(|(name, ..)| *name).filter(|name| unit.starts_with(name));
        let near = alike
            .or_else(|| closest(unit, self.units.iter().map(|(name, ..)| *name)))
            .or_else(|| begins.max_by_key(|name| name.len()));
        let help = near.filter(|near| !near.is_empty()).map_or_else(
            || self.how(),
            |near| format!("did you mean `{}`? {}", text.replacen(unit, near, 1), self.how()),
        );
        UnitError { message: format!("`{text}` is not {}: there is no unit `{unit}`", self.what), help }
    }

    fn how(&self) -> String {
        if self.example == COUNT.example {
            return "write it as in \"500/s\", \"2k/s\", \"1.5M/s\" or \"30/min\"".to_owned();
        }
        format!("write it as in \"{}\"; units are {}", self.example, self.names())
    }
}

/// The pattern of a rate.
pub fn rate_pattern() -> String {
    "^[0-9][0-9_]*([.][0-9]+)? ?[kM]?/(ms|s|min|m|h)$".to_owned()
}

/// Digits without the point, how many of them are decimals, and what follows.
fn split(text: &str) -> Option<(u64, u32, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') || fraction.len() > 9 {
        return None;
    }
    let digits: String = whole.chars().chain(fraction.chars()).filter(|c| *c != '_').collect();
    let decimals = fraction.chars().filter(|c| *c != '_').count();
    Some((digits.parse().ok()?, u32::try_from(decimals).ok()?, unit))
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_exactly() {
        let read = |text| duration(text).map(Duration::as_nanos);
        assert_eq!(read("250ms"), Ok(250_000_000));
        assert_eq!(read("1.5 s"), Ok(1_500_000_000));
        assert_eq!(read("0.1us"), Ok(100));
        assert_eq!(read("7d"), Ok(604_800_000_000_000));
        assert!(read("0.1ns").is_err());
        assert!(read("-1s").is_err());
        assert!(read("1").unwrap_err().message.contains("unit is missing"));
    }

    #[test]
    fn sizes_and_bandwidths_know_both_kinds_of_kilo() {
        assert_eq!(bytes("16KiB"), Ok(16_384));
        assert_eq!(bytes("16kB"), Ok(16_000));
        assert_eq!(bandwidth("10 Mbit/s"), Ok(1_250_000));
        assert_eq!(bandwidth("1.5GiB/s"), Ok(1_610_612_736));
        assert!(bytes("16kib").unwrap_err().help.contains("did you mean `16KiB`?"));
    }

    #[test]
    fn rates_are_exact_fractions() {
        assert_eq!(rate("2k/s"), Ok(Rate { events: 2_000, per: Duration::from_secs(1) }));
        assert_eq!(rate("1.5M/s"), Ok(Rate { events: 1_500_000, per: Duration::from_secs(1) }));
        assert_eq!(rate("0.5/s"), Ok(Rate { events: 1, per: Duration::from_secs(2) }));
        assert_eq!(rate("30/min"), Ok(Rate { events: 30, per: Duration::from_secs(60) }));
        assert!(rate("500").is_err());
        assert!(rate("500/fortnight").is_err());
    }
}
