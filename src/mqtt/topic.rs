//! Topic names and topic filters. MQTT 5, 4.7.
//!
//! **Invariant.** What passes [`check_name`] can be published to, and what passes [`check_filter`] can be subscribed
//! to, on every server that keeps to the specification and its own limit of [`LEVELS`].

use thiserror::Error;

/// Levels of a topic at most: Mosquitto's `TOPIC_HIERARCHY_LIMIT`. The specification has no bound.
pub const LEVELS: usize = 200;
/// Bytes of a topic at most: the length of an MQTT string.
pub const BYTES: usize = 65_535;

/// Why a text is no topic name or no topic filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TopicError {
    /// MQTT 5, 4.7.3.
    #[error("it is empty")]
    Empty,
    /// MQTT 5, 1.5.4 and 4.7.3.
    #[error("it is longer than {BYTES} bytes")]
    TooLong,
    /// MQTT 5, 4.7.3.
    #[error("it contains the null character")]
    Null,
    /// Mosquitto refuses more.
    #[error("it has more than {LEVELS} levels")]
    TooDeep,
    /// MQTT 5, 3.3.2.1: wildcards are for subscriptions.
    #[error("nobody can publish to a wildcard")]
    Wildcard,
    /// MQTT 5, 4.7.1.2.
    #[error("`#` stands alone, as the last level")]
    HashNotLast,
    /// MQTT 5, 4.7.1.3.
    #[error("`+` stands for one whole level")]
    PlusNotAlone,
}

/// Whether messages can be published to this name.
///
/// # Errors
/// Why not.
pub fn check_name(name: &str) -> Result<(), TopicError> {
    check_text(name)?;
    if name.contains(['+', '#']) { Err(TopicError::Wildcard) } else { Ok(()) }
}

/// Whether it can be subscribed to.
///
/// # Errors
/// Why not.
pub fn check_filter(filter: &str) -> Result<(), TopicError> {
    check_text(filter)?;
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level.contains('#') && (level != "#" || levels.peek().is_some()) {
            return Err(TopicError::HashNotLast);
        }
        if level.contains('+') && level != "+" {
            return Err(TopicError::PlusNotAlone);
        }
    }
    Ok(())
}

fn check_text(text: &str) -> Result<(), TopicError> {
    if text.is_empty() {
        return Err(TopicError::Empty);
    }
    if text.len() > BYTES {
        return Err(TopicError::TooLong);
    }
    if text.contains('\0') {
        return Err(TopicError::Null);
    }
    if text.split('/').count() > LEVELS { Err(TopicError::TooDeep) } else { Ok(()) }
}

/// Whether a subscription to `filter` gets what is published to `name`. Both are valid.
///
/// A filter that begins with a wildcard does not match a name that begins with `$` (MQTT 5, 4.7.2).
pub fn matches(filter: &str, name: &str) -> bool {
    if name.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut names = name.split('/');
    for level in filter.split('/') {
        // `sport/#` matches `sport`, too.
        if level == "#" {
            return true;
        }
        match names.next() {
            Some(name) if level == "+" || level == name => {}
            Some(_) | None => return false,
        }
    }
    names.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_whole_levels() {
        let cases = [
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("sport/#", "sport", true),
            ("sport/#", "sport/tennis/player1", true),
            ("#", "/finance", true),
            ("sport/tennis", "sport/Tennis", false),
            ("foo/+/baz/#", "foo//baz/bar", true),
        ];
        for (filter, name, expected) in cases {
            assert_eq!(matches(filter, name), expected, "{filter} and {name}");
        }
    }

    #[test]
    fn names_that_begin_with_a_dollar_are_not_matched_by_a_leading_wildcard() {
        assert!(!matches("#", "$SYS/uptime") && !matches("+/uptime", "$SYS/uptime"));
        assert!(matches("$SYS/#", "$SYS/uptime") && matches("$SYS/+", "$SYS/uptime"));
        assert!(matches("sy$tem/+", "sy$tem/metrics"));
    }

    #[test]
    fn what_is_refused_says_why() {
        assert_eq!(check_name(""), Err(TopicError::Empty));
        assert_eq!(check_name("a/+"), Err(TopicError::Wildcard));
        assert_eq!(check_name("a\0"), Err(TopicError::Null));
        assert_eq!(check_name(&"a".repeat(BYTES + 1)), Err(TopicError::TooLong));
        assert_eq!(check_name(&"/".repeat(LEVELS)), Err(TopicError::TooDeep));
        assert_eq!(check_name(&"/".repeat(LEVELS - 1)), Ok(()));
        assert_eq!(check_filter("a/#/b"), Err(TopicError::HashNotLast));
        assert_eq!(check_filter("a#"), Err(TopicError::HashNotLast));
        assert_eq!(check_filter("a+/b"), Err(TopicError::PlusNotAlone));
        assert_eq!(check_filter("+/+/#"), Ok(()));
        // Only what comes first is asked about first.
        assert_eq!(check_filter("+a/#/b"), Err(TopicError::PlusNotAlone));
    }

    /// The lines of a table that lies beside the project, without its head; none, said plainly, where it does not.
    fn oracle(name: &str) -> Vec<Vec<String>> {
        let path = format!("{}/../shared/oracles/mqtt/{name}", env!("CARGO_MANIFEST_DIR"));
        let Ok(text) = std::fs::read_to_string(&path) else {
            eprintln!("skipped: there is no ../shared/oracles/mqtt/{name}");
            return Vec::new();
        };
        text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    #[test]
    fn topics_are_valid_as_mosquitto_says() {
        for line in oracle("topic_validity.tsv") {
            let check = if line[0] == "publish_topic" { check_name } else { check_filter };
            assert_eq!(check(&line[1]).is_ok(), line[2] == "valid", "{line:?}");
        }
    }

    #[test]
    fn filters_match_as_mosquitto_and_rumqtt_say() {
        for line in oracle("topic_filter_match.tsv") {
            let (filter, name) = (line[0].as_str(), line[1].as_str());
            let valid = check_filter(filter).is_ok() && check_name(name).is_ok();
            assert_eq!(valid, line[2] != "invalid", "{line:?}");
            // rumqtt departs from the specification here, and the table says so.
            let nonconforming = line.get(4).is_some_and(|note| note.starts_with("NONCONFORMING"));
            if valid && !nonconforming {
                assert_eq!(matches(filter, name), line[2] == "match", "{line:?}");
            }
        }
    }
}
