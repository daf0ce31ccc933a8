//! What can be typed after `:`.

use crate::kernel::{Duration, Time};

use super::courses::Deed;
use super::pace::Speed;
use super::pane::Page;
use super::theme::Palette;

/// The names of commands, for Tab.
pub const NAMES: &[&str] = &[
    "goto", "fault", "save", "speed", "heal", "undo", "branch", "branches", "diff", "rate", "produce", "add",
    "remove", "reset", "offset", "key", "time", "record", "find", "theme", "overview", "topics", "groups",
    "messages", "faults", "tutor", "help", "quit", "arm", "disarm", "save!",
];

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// To an instant.
    Goto(Time),
    /// So fast.
    Speed(Speed),
    /// In these colours.
    Theme(Palette),
    /// To a screen.
    Page(Page),
    /// Something is done to the run.
    Hand(Deed),
    /// The list of branches.
    Branches,
    /// The tour begins, or ends.
    Tutor,
    /// The help.
    Help,
    /// Leave.
    Quit,
    /// An empty line.
    Nothing,
}

/// Reads a command.
///
/// # Errors
/// In a sentence, when it is none.
pub fn parse(text: &str) -> Result<Command, String> {
    if let Some(said) = by_hand(text.trim()) {
        return said;
    }
    let mut words = text.split_whitespace();
    let (name, value) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    match name {
        "" => Ok(Command::Nothing),
        "goto" | "g" => instant(value)
            .map(Command::Goto)
            .ok_or_else(|| format!(":goto wants a time, as 42.1s, 1:30 or 500ms{}", not(value))),
        "speed" => speed(value)
            .map(Command::Speed)
            .ok_or_else(|| format!(":speed wants 0.01 to 1000000, or max{}", not(value))),
        "theme" => palette(value)
            .map(Command::Theme)
            .ok_or_else(|| format!(":theme wants dark, light or mono{}", not(value))),
        "q" | "quit" => Ok(Command::Quit),
        "tutor" => Ok(Command::Tutor),
        "help" | "h" => Ok(Command::Help),
        other => Page::named(other)
            .map(Command::Page)
            .or_else(|| instant(other).map(Command::Goto))
            .ok_or_else(|| {
                format!(
                    "`:{other}` is no command: try :goto, :fault, :save, :speed, :theme, :offset, :key, :time, \
                     :record, :find, :tutor, :help, :q"
                )
            }),
    }
}

/// Commands that do something to the run; none when it is no such command.
fn by_hand(text: &str) -> Option<Result<Command, String>> {
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let inject = |line: String| Ok(Command::Hand(Deed::Inject(line)));
    let said = |example: &str| format!(":{name} wants more words, as in :{example}");
    let (first, more) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    Some(match (name, first, more.trim()) {
        ("fault" | "f", "", _) => Err(said("fault kill broker-1 for 10s")),
        ("fault" | "f", ..) => inject(rest.to_owned()),
        ("heal", "", _) => inject("heal everything".to_owned()),
        ("heal", ..) => inject(format!("heal {rest}")),
        ("rate", _, "") => Err(said("rate shop 2k/s")),
        ("rate", who, rate) => inject(format!("change-rate {who} rate {rate}")),
        ("produce", "", _) => Err(said("produce shop 10")),
        ("produce", who, "") => inject(format!("produce {who}")),
        ("produce", who, records) => inject(format!("produce {who} records {records}")),
        ("reset", _, "") => Err(said("reset billing earliest")),
        ("reset", group, position) => inject(format!("reset-offsets {group} position {position}")),
        ("add" | "remove", "", _) => Err(said(&format!("{name} billing"))),
        ("add" | "remove", ..) => inject(format!("{name}-member {rest}")),
        ("save" | "w" | "save!" | "w!", "", _) => Err(said("save what-if.toml")),
        ("save" | "w" | "save!" | "w!", ..) => {
            Ok(Command::Hand(Deed::Save { file: rest.to_owned(), replace: name.ends_with('!') }))
        }
        ("branch", "", _) => Ok(Command::Hand(Deed::Fork)),
        ("branch" | "diff", number, _) if number_of(number).is_none() && !number.is_empty() => {
            Err(format!(":{name} wants the number of a branch; :branches lists them"))
        }
        ("branch", number, _) => Ok(Command::Hand(Deed::Switch(number_of(number).unwrap_or(0)))),
        ("diff", number, _) => Ok(Command::Hand(Deed::Differ(number_of(number)))),
        ("branches", ..) => Ok(Command::Branches),
        ("undo", ..) => Ok(Command::Hand(Deed::TakeBack)),
        ("arm", ..) => Ok(Command::Hand(Deed::Arm(rest.to_owned()))),
        ("disarm", ..) => Ok(Command::Hand(Deed::Disarm)),
        _ => return None,
    })
}

/// Branches are numbered from 1.
fn number_of(text: &str) -> Option<usize> {
    text.parse::<usize>().ok()?.checked_sub(1)
}

/// `42.1s`, `42.1`, `1:30`, `00:42.318`, `500ms`, `2m`, `1h`.
pub fn instant(text: &str) -> Option<Time> {
    let nanos = if let Some(millis) = text.strip_suffix("ms") {
        decimal(millis, 1_000_000)?
    } else if let Some(secs) = text.strip_suffix('s') {
        decimal(secs, 1_000_000_000)?
    } else if let Some(minutes) = text.strip_suffix('m') {
        decimal(minutes, 60_000_000_000)?
    } else if let Some(hours) = text.strip_suffix('h') {
        decimal(hours, 3_600_000_000_000)?
    } else {
        text.split(':').try_fold(0_u64, |before, part| {
            before.checked_mul(60)?.checked_add(decimal(part, 1_000_000_000)?)
        })?
    };
    Some(Time::ZERO + Duration::from_nanos(nanos))
}

/// A number with up to nine decimals, times `unit`.
fn decimal(text: &str, unit: u64) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |text: &str| !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(rest) {
        return None;
    }
    let scale = 10_u64.pow(rest.len() as u32);
    let part = u128::from(rest.parse::<u64>().ok()?) * u128::from(unit) / u128::from(scale);
    whole.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(part as u64)
}

fn speed(text: &str) -> Option<Speed> {
    if text == "max" {
        return Some(Speed::Max);
    }
    let thousandths = decimal(text.trim_end_matches('x'), 1_000)?;
    (10..=1_000_000_000).contains(&thousandths).then_some(Speed::Times(thousandths))
}

fn palette(text: &str) -> Option<Palette> {
    match text {
        "dark" => Some(Palette::Dark),
        "light" => Some(Palette::Light),
        "mono" => Some(Palette::Mono),
        _ => None,
    }
}

/// What was said instead; nothing when nothing was.
fn not(value: &str) -> String {
    if value.is_empty() { String::new() } else { format!("; not `{value}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_in_many_ways() {
        let at = |text| instant(text).map(|time| time.as_millis());
        assert_eq!(["42.318", "42.318s", "00:42.318", "0.0007053h"].map(at)[..3], [Some(42_318); 3]);
        assert_eq!(["1:30", "2m", "500ms", "1:00:00"].map(at), [90_000, 120_000, 500, 3_600_000].map(Some));
        assert_eq!(["", ":", "x", "1.2.3", "-1", "99999999999", "1e9", "999999999h"].map(at)[..7], [None; 7]);
    }

    #[test]
    fn what_is_done_to_the_run_is_said_in_the_words_of_the_file() {
        let inject = |line: &str| Ok(Command::Hand(Deed::Inject(line.to_owned())));
        assert_eq!(parse("fault kill broker-1 for 10s"), inject("kill broker-1 for 10s"));
        assert_eq!(parse("rate shop 2k/s"), inject("change-rate shop rate 2k/s"));
        assert_eq!(parse("reset billing latest"), inject("reset-offsets billing position latest"));
        assert_eq!(
            (parse("heal"), parse("add billing")),
            (inject("heal everything"), inject("add-member billing"))
        );
        let save = |replace| Ok(Command::Hand(Deed::Save { file: "a b.toml".to_owned(), replace }));
        assert_eq!((parse("save a b.toml"), parse("w! a b.toml")), (save(false), save(true)));
        assert_eq!(parse("branch 2"), Ok(Command::Hand(Deed::Switch(1))));
        assert_eq!(parse("diff"), Ok(Command::Hand(Deed::Differ(None))));
        for wrong in ["fault", "rate shop", "save", "branch 0", "diff x", "reset billing"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn commands_say_what_they_want() {
        assert_eq!(parse(" speed 0.25x"), Ok(Command::Speed(Speed::Times(250))));
        assert_eq!(parse("speed max"), Ok(Command::Speed(Speed::Max)));
        assert_eq!(parse("topics"), Ok(Command::Page(Page::Topics)));
        assert_eq!(parse("theme light"), Ok(Command::Theme(Palette::Light)));
        for wrong in ["speed 0.001", "speed", "theme pink", "goto", "goto soon", "fly"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_command_without_its_word_says_which_it_wants_and_nothing_of_what_was_not_said() {
        for name in ["goto", "speed", "theme"] {
            let bare = parse(name).expect_err("it wants a word");
            assert!(bare.contains("wants") && !bare.contains("not"), "{bare}");
            let wrong = parse(&format!("{name} abc")).expect_err("that is none");
            assert!(wrong.ends_with("; not `abc`"), "{wrong}");
        }
    }
}
