//! Times as files write them: ISO 8601 / RFC 3339 text, and numbers since some epoch.
//!
//! **Invariant.** Everything is integer nanoseconds since 1970-01-01T00:00:00Z; decimals beyond the ninth of a
//! second are cut off.
//!
//! **Not modelled:** leap seconds (`:60` is refused), week dates, years outside 1 to 9999, time zones by name.

/// The unit of a numeric time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds, with decimals if need be.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

impl TimeUnit {
    /// How many nanoseconds it is.
    pub const fn nanos(self) -> i128 {
        match self {
            Self::Seconds => 1_000_000_000,
            Self::Milliseconds => 1_000_000,
            Self::Microseconds => 1_000,
            Self::Nanoseconds => 1,
        }
    }

    /// The unit in which `value` is an epoch time between 2001 and 2286; smaller numbers count seconds.
    pub fn guess(value: i128) -> Self {
        match value.unsigned_abs() {
            0..10_000_000_000 => Self::Seconds,
            10_000_000_000..10_000_000_000_000 => Self::Milliseconds,
            10_000_000_000_000..10_000_000_000_000_000 => Self::Microseconds,
            10_000_000_000_000_000.. => Self::Nanoseconds,
        }
    }
}

/// Nanoseconds in a decimal number of units, exact: `1.5` seconds is 1,500,000,000.
pub(super) fn parse_number(text: &str, unit: Option<TimeUnit>) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || whole.len() > 20 || !is_digits(whole) || !is_digits(decimals) {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let unit = unit.unwrap_or_else(|| TimeUnit::guess(whole)).nanos();
    let nanos = whole * unit + billionths(decimals) * unit / 1_000_000_000;
    Some(if negative { -nanos } else { nanos })
}

/// Nanoseconds since 1970 of `2018-01-31T23:59:59.123Z` and its kin: a space for the `T`, slashes for the
/// dashes, no time of day, no seconds, an offset such as `+01:00`; without an offset it is UTC.
pub(super) fn parse_iso(text: &str) -> Option<i128> {
    let date = text.get(..10)?;
    let days = parse_date(date)?;
    let rest = &text[10..];
    let nanos = i128::from(days) * 86_400_000_000_000;
    if rest.is_empty() {
        return Some(nanos);
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let zone_at = rest.find(['Z', 'z', '+', '-', ' ']).unwrap_or(rest.len());
    Some(nanos + parse_clock(&rest[..zone_at])? - parse_zone(rest[zone_at..].trim_start())?)
}

/// Days since 1970 of `YYYY-MM-DD` or `YYYY/MM/DD`.
fn parse_date(date: &str) -> Option<i64> {
    let separator = if date.contains('/') { '/' } else { '-' };
    let mut parts = date.split(separator);
    let year = digits(parts.next()?, 4)?;
    let (month, day) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let holds = parts.next().is_none() && year >= 1 && (1..=12).contains(&month);
    (holds && (1..=days_in_month(year, month)).contains(&day)).then(|| days_from_civil(year, month, day))
}

/// Nanoseconds since midnight of `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fraction`.
fn parse_clock(clock: &str) -> Option<i128> {
    let mut parts = clock.splitn(3, ':');
    let (hours, minutes) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let (seconds, fraction) =
        parts.next().map_or(("00", ""), |text| text.split_once('.').unwrap_or((text, "")));
    let seconds = digits(seconds, 2)?;
    if hours > 23 || minutes > 59 || seconds > 59 || !is_digits(fraction) {
        return None;
    }
    Some(i128::from(hours * 3_600 + minutes * 60 + seconds) * 1_000_000_000 + billionths(fraction))
}

/// Nanoseconds by which a zone is ahead of UTC: nothing, `Z`, `+HH:MM` or `-HHMM`.
fn parse_zone(zone: &str) -> Option<i128> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let sign = match zone.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = (zone.get(1..3)?, zone.get(3..)?);
    let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
    let (hours, minutes) = (digits(hours, 2)?, if minutes.is_empty() { 0 } else { digits(minutes, 2)? });
    Some(sign * i128::from(hours * 3_600 + minutes * 60) * 1_000_000_000)
}

/// Exactly `count` decimal digits as a number.
fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && is_digits(text)).then(|| text.parse().ok())?
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The decimals behind a point, in billionths.
fn billionths(decimals: &str) -> i128 {
    let digit = |place: usize| i128::from(decimals.as_bytes().get(place).map_or(0, |byte| byte - b'0'));
    (0..9).fold(0, |sum, place| sum * 10 + digit(place))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar: years begin in March, so that leap days come last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    const TO_1970: i64 = 719_469;
    year * 365 + leap_days + (153 * month + 2) / 5 + day - TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000_000;

    #[test]
    fn iso_times_are_read_to_the_nanosecond_in_any_of_their_spellings() {
        let millennium = 946_684_800 * SECOND;
        let same = ["2000-01-01", "2000/01/01 00:00", "2000-01-01T00:00:00Z", "2000-01-01T02:00:00+02:00"];
        for text in same.into_iter().chain(["1999-12-31 19:00:00 -0500", "2000-01-01t00:00:00.000z"]) {
            assert_eq!(parse_iso(text), Some(millennium), "{text}");
        }
        assert_eq!(parse_iso("1970-01-01T00:00:00.000000001Z"), Some(1));
        assert_eq!(parse_iso("2018-02-07T23:59:59.1234567899"), Some(1_518_047_999 * SECOND + 123_456_789));
        assert_eq!(parse_iso("1969-12-31T23:59:59Z"), Some(-SECOND));
    }

    #[test]
    fn days_count_up_by_one_through_four_centuries() {
        let mut expected = days_from_civil(1899, 12, 31);
        for (year, month) in (1900..2301).flat_map(|year| (1..=12).map(move |month| (year, month))) {
            for day in 1..=days_in_month(year, month) {
                expected += 1;
                assert_eq!(days_from_civil(year, month, day), expected);
            }
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "yesterday", "2018-02-29", "2018-13-01", "2018-02-07T24:00:00", "2018-02-07T23:59:60Z"]
        {
            assert_eq!(parse_iso(text), None, "{text}");
        }
        for text in
            ["2018-02-07 noon", "2018-02-07T10:00:00 CET", "18-02-07", "2018-02-07T1:00", "2018-02-0é"]
        {
            assert_eq!(parse_iso(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_exact_and_their_unit_is_guessed_from_their_size() {
        assert_eq!(parse_number("0.1", Some(TimeUnit::Seconds)), Some(100_000_000));
        assert_eq!(parse_number("-1.5", Some(TimeUnit::Milliseconds)), Some(-1_500_000));
        let now = 1_518_047_999 * SECOND;
        for text in ["1518047999", "1518047999000", "1518047999000000", "1518047999000000000"] {
            assert_eq!(parse_number(text, None), Some(now), "{text}");
        }
        for text in ["", ".", "1e9", "12:00", "- 1", "NaN"] {
            assert_eq!(parse_number(text, None), None, "{text}");
        }
    }
}
