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
    if model.turn > 0 {
        return another_broker(model, leads.map(|broker| broker.0));
    }
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

/// So many brokers after the one that leads, or after the first.
fn another_broker(model: &Model, leads: Option<u32>) -> Option<(String, String)> {
    let brokers = &model.detail().brokers;
    let first = brokers.iter().position(|view| Some(view.broker.0) == leads).unwrap_or(0);
    let view = brokers.get((first + model.turn) % brokers.len().max(1))?;
    let name = format!("broker-{}", view.broker.0);
    let leads = model.snapshot().nodes.iter().find(|node| node.name == name).map_or(0, |node| node.leads);
    Some((name, format!("leads {leads} partitions")))
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
    let turned = |count: usize| (chosen as usize + model.turn) % count.max(1);
    let member = members.and_then(|members| members.get(turned(members.len())).or(members.first()));
    if let Some(member) = member {
        // Actors within an instance are called by its name and what they are.
        let name = member.name.split('/').next().unwrap_or(&member.name);
        return Some((name.to_owned(), format!("of group {of}")));
    }
    let entry = model.about.entries.iter().find(|entry| entry.group.as_deref() == Some(of.as_str()))?;
    Some((entry.name.clone(), format!("of group {of}")))
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
    let all = model.about.entries.iter().filter(generates);
    let usual = all.clone().position(|entry| to(&entry)).unwrap_or(0);
    let found = all.clone().cycle().nth(usual + model.turn % all.clone().count().max(1))?;
    Some((found.name.clone(), format!("publishes to {}", found.publishes_to.as_deref().unwrap_or_default())))
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
    Some((found.name.clone(), format!("reads for group {of}")))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;
    use crate::kernel::Time;
    use crate::observe::NodeState;
    use crate::observe::lens::{BrokerView, Detail, PlaceDetail};
    use crate::trace::kafka::BrokerId;
    use crate::tui::courses::Deed;
    use crate::tui::{About, Msg, Named, Order, Palette, Theme, update};

    fn model() -> Model {
        let kind =
            Kind { name: "kill", about: "", strikes: Strikes::Brokers, usual: " for 10s", asks: false };
        let orders = Named { name: "orders".to_owned(), places: 1, ..Named::default() };
        let about = About { kinds: vec![kind], channels: vec![orders], ..About::default() };
        let theme = Theme::new(Palette::Mono, false);
        let mut model = Model::new("test", 1, theme, Time::from_secs(1)).about(Arc::new(about));
        let broker =
            |number| BrokerView { broker: BrokerId(number), state: NodeState::Up, since: Time::ZERO };
        let place = PlaceDetail { leader: Some(BrokerId(2)), ..PlaceDetail::default() };
        let brokers = [1, 2, 3].map(broker).to_vec();
        model.report.detail = Arc::new(Detail { brokers, places: vec![place], ..Detail::default() });
        model
    }

    fn struck(model: &mut Model, keys: &[KeyCode]) -> Option<Deed> {
        let mut order = None;
        for code in keys {
            order = update(model, Msg::Key(KeyEvent::new(*code, KeyModifiers::NONE)));
        }
        assert_eq!(order, Some(Order::Hand));
        model.deed.take()
    }

    #[test]
    fn tab_in_the_popup_strikes_another_one_and_the_next_popup_begins_anew() {
        use KeyCode::{Char, Tab};
        let mut model = model();
        let kill = |broker: &str| Some(Deed::Inject(format!("kill {broker} for 10s")));
        assert_eq!(struck(&mut model, &[Char('f'), Char('k')]), kill("broker-2"));
        assert_eq!(struck(&mut model, &[Char('f'), Tab, Char('k')]), kill("broker-3"));
        assert_eq!(struck(&mut model, &[Char('f'), Tab, Tab, Char('k')]), kill("broker-1"));
        assert_eq!(struck(&mut model, &[Char('f'), Char('k')]), kill("broker-2"));
    }
}
