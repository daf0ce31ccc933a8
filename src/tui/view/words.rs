//! Numbers and times as they are written on the screen.

use crate::kernel::{Duration, Time};

/// `10 412`; from ten million on `12.3M`.
pub fn count(value: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000_000, "P"), (1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M")];
    if value >= 10_000_000
        && let Some((scale, unit)) = UNITS.into_iter().find(|(scale, _)| value >= *scale)
    {
        return format!("{}.{}{unit}", value / scale, value % scale * 10 / scale);
    }
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// In so many columns if possible: as [`count`], without gaps, in thousands, in millions.
pub fn count_in(value: u64, columns: usize) -> String {
    let short = [count(value), value.to_string(), format!("{}k", value / 1_000)];
    let fits = short.into_iter().find(|text| text.len() <= columns);
    fits.unwrap_or_else(
        || if value < 1_000_000 { value.to_string() } else { format!("{}M", value / 1_000_000) },
    )
}

/// Lines of whole words, of so many columns at most; longer words stand alone.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Seconds with one decimal below a hundred, minutes from there on: `0.4 s`, `13.8 s`, `4 min`.
pub fn behind(length: Duration) -> String {
    let millis = length.as_millis();
    match millis {
        0..100_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        100_000..7_200_000 => format!("{} min", millis / 60_000),
        7_200_000.. => format!("{} h", millis / 3_600_000),
    }
}

/// As [`behind`]; below a second in milliseconds: `6.2 ms`, `118 ms`, `13.8 s`.
pub fn took(length: Duration) -> String {
    let micros = length.as_nanos() / 1_000;
    match micros {
        0..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000.. => behind(length),
    }
}

/// A clock without minutes while there are none: `42.318`, `02:10.000`.
pub fn at(time: Time) -> String {
    let text = time.to_string();
    text.strip_prefix("00:").unwrap_or(&text).to_owned()
}

/// A length of time on an axis: `20 s`, `7.5 s`, `2 min`, `1 h`, with what remains after it.
pub fn tick(time: Time) -> String {
    let (secs, tenths) = (time.as_millis() / 1_000, time.as_millis() % 1_000 / 100);
    match secs {
        0 if time > Time::ZERO => format!("{} ms", time.as_millis()),
        0..120 if tenths > 0 => format!("{secs}.{tenths} s"),
        0..120 => format!("{secs} s"),
        120.. if secs.is_multiple_of(60) => format!("{} min", secs / 60),
        120.. => format!("{}:{:02}", secs / 60, secs % 60),
    }
}

/// Cut to so many columns; the last one says that something is missing.
pub fn cut(text: &str, columns: usize, more: &str) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(columns.saturating_sub(1)).collect();
    if columns > 0 {
        cut.push_str(more);
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_stay_short() {
        let written = [0, 999, 1_000, 10_412, 9_999_999, 12_345_678, u64::MAX].map(count);
        assert_eq!(written, ["0", "999", "1 000", "10 412", "9 999 999", "12.3M", "18446.7P"]);
    }

    #[test]
    fn times_are_as_short_as_they_can_be() {
        let lengths =
            [0, 6_290, 9_999, 118_000, 999_999, 13_850_000].map(|micros| took(Duration::from_micros(micros)));
        assert_eq!(lengths, ["0.0 ms", "6.2 ms", "9.9 ms", "118 ms", "999 ms", "13.8 s"]);
        assert_eq!(behind(Duration::from_millis(13_870)), "13.8 s");
        assert_eq!(behind(Duration::from_secs(250)), "4 min");
        assert_eq!(at(Time::from_millis(42_318)), "42.318");
        assert_eq!(at(Time::from_millis(130_000)), "02:10.000");
        assert_eq!([20, 120, 150].map(|secs| tick(Time::from_secs(secs))), ["20 s", "2 min", "2:30"]);
        assert_eq!(
            [7_500, 22_540, 400].map(|millis| tick(Time::from_millis(millis))),
            ["7.5 s", "22.5 s", "400 ms"]
        );
    }

    #[test]
    fn a_number_gets_shorter_where_there_is_little_room() {
        let written = [9, 7, 5, 1].map(|columns| count_in(1_234_567, columns));
        assert_eq!(written, ["1 234 567", "1234567", "1234k", "1M"]);
        assert_eq!(count_in(7, 0), "7");
    }

    #[test]
    fn a_text_is_wrapped_between_words() {
        assert_eq!(wrap("a broker that died", 8), ["a broker", "that", "died"]);
        assert_eq!(wrap("retention", 3), ["retention"]);
    }

    #[test]
    fn a_cut_text_says_so() {
        assert_eq!(cut("orders", 6, "…"), "orders");
        assert_eq!(cut("orders", 4, "…"), "ord…");
        assert_eq!(cut("orders", 0, "…"), "");
    }
}
