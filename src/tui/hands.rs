//! Whom a fault strikes that is injected by a key: what is looked at decides, and where nothing fits, somebody sensible.
//!
//! **Invariant.** A function of the model: the popup says what the key will do.

use crate::trace::PlaceId;

use super::model::{Model, Page};
use super::rows;

/// An entry of the scenario, as far as keys need to know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The channel that it publishes to.
    pub publishes_to: Option<String>,
    /// The group that it reads for.
    pub group: Option<String>,
}

/// A kind of fault, as far as keys need to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What happens, in a line.
    pub about: &'static str,
    /// Whom it strikes.
    pub strikes: Strikes,
    /// What is said of it unless it is said otherwise: ` for 10s`.
    pub usual: &'static str,
    /// Whether it makes no sense without a number that only a person knows.
    pub asks: bool,
}

/// Whom a kind strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strikes {
    /// A broker, or an instance where it is looked at.
    Nodes,
    /// A broker.
    Brokers,
    /// A generator.
    Generators,
    /// A processor or a sink.
    Readers,
    /// Any instance.
    Instances,
    /// An entry that reads.
    Entries,
    /// A topic.
    Topics,
    /// A group.
    Groups,
    /// Everything.
    Everything,
}

/// Whom a kind strikes as things stand, and who that is besides; none when there is nobody.
pub fn target(model: &Model, strikes: Strikes) -> Option<(String, String)> {
    match strikes {
        Strikes::Everything => Some(("everything".to_owned(), String::new())),
        Strikes::Brokers => broker(model),
        Strikes::Nodes if model.page == Page::Groups => member(model).or_else(|| broker(model)),
        Strikes::Nodes => broker(model).or_else(|| member(model)),
        Strikes::Generators => generator(model),
        Strikes::Readers => member(model),
        Strikes::Instances if model.page == Page::Groups => member(model),
        Strikes::Instances => member(model).or_else(|| generator(model)),
        Strikes::Entries => reading_entry(model),
        Strikes::Topics => topic(model),
        Strikes::Groups => group(model).map(|group| (group, String::new())),
    }
}

/// The broker that leads the chosen partition; where nobody leads it, the first that is up.
fn broker(model: &Model) -> Option<(String, String)> {
    let place = place(model)?;
    let leads = rows::place(model, place).and_then(|place| place.leader);
    if let Some(broker) = leads {
        return Some((
            format!("broker-{}", broker.0),
            format!("leader of {}", model.about.place_name(place)),
        ));
    }
    let up = |node: &&crate::observe::NodeView| {
        node.name.starts_with("broker-") && node.state == crate::observe::NodeState::Up
    };
    let first = model.snapshot().nodes.iter().find(up)?;
    Some((first.name.clone(), format!("nobody leads {}", model.about.place_name(place))))
}

/// The chosen partition, or the first one that is the users'.
fn place(model: &Model) -> Option<PlaceId> {
    model
        .place()
        .or_else(|| model.about.channels.iter().find(|one| !one.internal).map(|one| PlaceId(one.first_place)))
}

/// The chosen member of the chosen group, or its first.
fn member(model: &Model) -> Option<(String, String)> {
    let of = group(model)?;
    let chosen = model.chosen(super::Pane::Members).unwrap_or(0);
    let members = rows::close_group(model).map(|group| &group.members);
    let member = members.and_then(|members| members.get(chosen as usize).or(members.first()));
    if let Some(member) = member {
        // Actors within an instance are called by its name and what they are.
        let name = member.name.split('/').next().unwrap_or(&member.name);
        return Some((name.to_owned(), format!("of {of}")));
    }
    let entry = model.about.entries.iter().find(|entry| entry.group.as_deref() == Some(of.as_str()))?;
    Some((entry.name.clone(), format!("of {of}")))
}

/// The chosen group, or the first.
pub fn group(model: &Model) -> Option<String> {
    let chosen = model.group().and_then(|group| model.about.groups.get(group.index()));
    chosen.or(model.about.groups.first()).cloned()
}

/// Who publishes to the chosen channel, or anybody who publishes by itself.
pub fn generator(model: &Model) -> Option<(String, String)> {
    let generates = |entry: &&Entry| entry.publishes_to.is_some() && entry.group.is_none();
    let channel = model.channel().and_then(|channel| model.about.channels.get(channel.index()));
    let to =
        |entry: &&Entry| channel.is_some_and(|one| entry.publishes_to.as_deref() == Some(one.name.as_str()));
    let mut all = model.about.entries.iter().filter(generates);
    let found = all.clone().find(to).or_else(|| all.next())?;
    Some((found.name.clone(), format!("to {}", found.publishes_to.as_deref().unwrap_or_default())))
}

/// The entry that the chosen member belongs to, or one that reads for the chosen group.
fn reading_entry(model: &Model) -> Option<(String, String)> {
    let of = group(model)?;
    let member = member(model).map(|(name, _)| name).unwrap_or_default();
    let mut readers = model.about.entries.iter().filter(|entry| entry.group.as_deref() == Some(of.as_str()));
    let its = readers.clone().find(|entry| {
        member.strip_prefix(entry.name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    let found = its.or_else(|| readers.next())?;
    Some((found.name.clone(), format!("reads for {of}")))
}

fn topic(model: &Model) -> Option<(String, String)> {
    let chosen = model.channel().and_then(|channel| model.about.channels.get(channel.index()));
    let topic = chosen
        .filter(|one| !one.internal)
        .or_else(|| model.about.channels.iter().find(|one| !one.internal))?;
    Some((topic.name.clone(), format!("{} partitions", topic.places)))
}

/// What a key injects: the line, and who is struck besides; none when there is nobody.
pub fn line(model: &Model, kind: &Kind) -> Option<(String, String)> {
    let (target, who) = target(model, kind.strikes)?;
    // Partitions are doubled unless it is said otherwise.
    let places =
        || model.about.channels.iter().find(|one| one.name == target).map_or(2, |one| one.places * 2);
    let usual =
        if kind.strikes == Strikes::Topics { format!(" to {}", places()) } else { kind.usual.to_owned() };
    Some((format!("{} {target}{usual}", kind.name), who))
}
