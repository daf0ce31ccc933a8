//! Finding anything by a few letters of its name: screens, topics, partitions, groups, members, records, faults, events,
//! settings, commands, keys.
//!
//! **Invariant.** A text that is the whole name of something finds that first. At most [`SHOWN`] are found.

use crate::kernel::Time;
use crate::trace::PlaceId;

use super::command;
use super::keys::{Action, Context};
use super::model::Model;
use super::{query, rows};

/// As many as are kept.
pub const SHOWN: usize = 60;

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What kind of thing it is.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub goal: Goal,
}

/// Where to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A screen.
    Page(super::Page),
    /// A channel, by number.
    Channel(u32),
    /// A partition.
    Place(PlaceId),
    /// The partitions that this broker leads.
    Leads(u32),
    /// A group, by number.
    Group(u32),
    /// A member of the group that is looked at, by its place there.
    Member(u32),
    /// A record: `shop:1841`.
    Record(String),
    /// What lies there.
    Offset(PlaceId, u64),
    /// A fault, by its place among them, and when it strikes.
    Fault(u32, Time),
    /// A fact, and when it happened.
    Fact(u64, Time),
    /// An instant.
    Time(Time),
    /// A setting, by its place among them.
    Setting(u32),
    /// A command that is still to be completed.
    Command(&'static str),
    /// What a key does.
    Key(Action),
}

/// What fits a text, the best first.
pub fn search(model: &Model, text: &str) -> Vec<Found> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let mut found: Vec<(i64, usize, Found)> =
        exact(model, text.trim()).map(|one| (i64::MAX, 0, one)).into_iter().collect();
    for (order, one) in all(model).enumerate() {
        let name = format!("{} {}", one.name, one.kind).to_lowercase();
        if let Some(score) = words.iter().map(|word| fit(&name, word)).sum::<Option<i64>>() {
            let whole = i64::from(one.name.eq_ignore_ascii_case(text.trim())) * 1_000_000;
            found.push((score + whole - one.name.len() as i64, order, one));
        }
    }
    found.sort_by_key(|(score, order, _)| (std::cmp::Reverse(*score), *order));
    found.truncate(SHOWN);
    found.into_iter().map(|(.., one)| one).collect()
}

/// What a text names outright, although it is in no list: a record, an offset, an instant.
fn exact(model: &Model, text: &str) -> Option<Found> {
    if let Ok(record) = query::record(text, &model.about) {
        let name = model.about.record_name(record);
        return Some(Found { kind: "record", name: name.clone(), goal: Goal::Record(name) });
    }
    if let Some((place, offset)) = text.split_once(['@', ' '])
        && let (Some(place), Ok(offset)) = (model.about.place_named(place.trim()), offset.trim().parse())
    {
        let name = format!("{} @ {offset}", model.about.place_name(place));
        return Some(Found { kind: "offset", name, goal: Goal::Offset(place, offset) });
    }
    let looks_like_time = text.ends_with(|last: char| last == 's' || last == 'm' || last.is_ascii_digit());
    let time = command::instant(text)
        .filter(|_| looks_like_time && text.starts_with(|first: char| first.is_ascii_digit()));
    time.map(|time| Found { kind: "instant", name: time.to_string(), goal: Goal::Time(time) })
}

/// Everything that has a name.
fn all(model: &Model) -> impl Iterator<Item = Found> {
    let found = |kind, name: String, goal| Found { kind, name, goal };
    let about = &model.about;
    let pages =
        model.pages().into_iter().map(move |page| found("screen", page.title().to_owned(), Goal::Page(page)));
    let topics = (0..)
        .zip(&about.channels)
        .map(move |(index, channel)| found("topic", channel.name.clone(), Goal::Channel(index)));
    let groups =
        (0..).zip(&about.groups).map(move |(index, name)| found("group", name.clone(), Goal::Group(index)));
    let members = rows::close_group(model).map_or(&[][..], |group| &group.members);
    let members = (0..)
        .zip(members)
        .map(move |(index, member)| found("member", member.name.clone(), Goal::Member(index)));
    let brokers =
        model.detail().brokers.iter().map(move |view| {
            found("broker", format!("broker-{}", view.broker.0), Goal::Leads(view.broker.0))
        });
    let faults = (0..).zip(&model.detail().faults).map(move |(index, fault)| {
        found("fault", format!("{} at {}", fault.text, fault.at), Goal::Fault(index, fault.at))
    });
    let places = about.channels.iter().filter(|channel| !channel.internal).flat_map(move |channel| {
        (0..channel.places).map(move |number| {
            let place = PlaceId(channel.first_place + number);
            found("partition", format!("{}-{number}", channel.name), Goal::Place(place))
        })
    });
    let settings = (0..).zip(&about.settings).map(move |(index, one)| {
        found(
            "setting",
            format!("{} {} = {}", one.of, one.name, one.value).trim().to_owned(),
            Goal::Setting(index),
        )
    });
    let commands =
        command::NAMES.iter().map(move |name| found("command", format!(":{name}"), Goal::Command(name)));
    let keys = model.keys.bindings_of(Context::Screen).filter(|binding| binding.action != Action::Find).map(
        move |binding| {
            found("key", format!("{}  {}", binding.keys[0].name(), binding.help), Goal::Key(binding.action))
        },
    );
    let events = model.snapshot().lines.iter().rev().map(move |line| {
        found("event", format!("{} {} at {}", line.tag, line.text, line.at), Goal::Fact(line.serial, line.at))
    });
    pages
        .chain(topics)
        .chain(groups)
        .chain(members)
        .chain(brokers)
        .chain(faults)
        .chain(places)
        .chain(settings)
        .chain(commands)
        .chain(keys)
        .chain(events)
}

/// How well a name has the letters of a word in their order; none when it has not. Letters side by side and at the
/// beginnings of words count more.
fn fit(name: &str, word: &str) -> Option<i64> {
    if let Some(at) = name.find(word) {
        let begins = at == 0 || !name[..at].ends_with(char::is_alphanumeric);
        return Some(1_000 + word.len() as i64 * 10 + if begins { 200 } else { 0 } - at.min(100) as i64);
    }
    let mut letters = name.char_indices().peekable();
    let (mut score, mut last) = (0, None);
    for wanted in word.chars() {
        let (at, _) = letters.find(|(_, letter)| *letter == wanted)?;
        let begins = at == 0 || !name[..at].ends_with(char::is_alphanumeric);
        let beside = last.is_some_and(|last: usize| last + 1 == at);
        score += 1 + if beside { 6 } else { 0 } + if begins { 8 } else { 0 };
        last = Some(at);
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::{About, Named, Palette, Theme};
    use std::sync::Arc;

    fn model() -> Model {
        let channel = |name: &str, first_place, places| Named {
            name: name.to_owned(),
            first_place,
            places,
            internal: false,
        };
        let about = About {
            channels: vec![channel("orders", 0, 12), channel("payments", 12, 3)],
            groups: vec!["billing".to_owned()],
            sources: vec!["shop".to_owned()],
            ..About::default()
        };
        Model::new("test", 1, Theme::new(Palette::Mono, false), Time::from_secs(60)).about(Arc::new(about))
    }

    fn first(text: &str) -> Option<Goal> {
        search(&model(), text).into_iter().next().map(|found| found.goal)
    }

    #[test]
    fn a_whole_name_is_found_first_and_letters_in_their_order_are_enough() {
        assert_eq!(first("orders-1"), Some(Goal::Place(PlaceId(1))), "not orders-10");
        assert_eq!(first("payments"), Some(Goal::Channel(1)));
        assert_eq!(first("blng"), Some(Goal::Group(0)));
        assert_eq!(first("pay 2"), Some(Goal::Place(PlaceId(14))));
        assert_eq!(first("no such thing at all"), None);
    }

    #[test]
    fn what_is_in_no_list_can_be_named() {
        assert_eq!(first("shop:1841"), Some(Goal::Record("shop:1841".to_owned())));
        assert_eq!(first("orders-3@17"), Some(Goal::Offset(PlaceId(3), 17)));
        assert_eq!(first("42.1s"), Some(Goal::Time(Time::from_millis(42_100))));
        assert_eq!(first(":goto"), Some(Goal::Command("goto")));
        assert!(matches!(first("run / pause"), Some(Goal::Key(_))));
    }

    #[test]
    fn no_more_are_found_than_are_shown() {
        assert!(search(&model(), "").len() <= SHOWN && search(&model(), "o").len() <= SHOWN);
    }
}
