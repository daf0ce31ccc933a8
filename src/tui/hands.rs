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

impl Entry {
    /// Whether a node or a member is this entry, or an instance of it.
    fn has(&self, name: &str) -> bool {
        name.strip_prefix(self.name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
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
    /// Why it cannot strike in this run.
    pub cannot: Cannot,
}

/// Why a kind of fault cannot strike in a run, by who is struck; none where it can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cannot {
    /// A broker.
    pub brokers: Option<String>,
    /// Anybody else.
    pub others: Option<String>,
}

impl Cannot {
    /// Whoever is struck.
    pub fn ever(why: &str) -> Self {
        Self { brokers: Some(why.to_owned()), others: Some(why.to_owned()) }
    }

    fn of(&self, target: &str) -> Option<&str> {
        let why = if target.starts_with(BROKER) { &self.brokers } else { &self.others };
        why.as_deref()
    }
}

/// What the names of brokers begin with.
const BROKER: &str = "broker-";

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
pub fn target(model: &Model, kind: &Kind) -> Option<(String, String)> {
    match kind.strikes {
        Strikes::Everything => Some(("everything".to_owned(), String::new())),
        Strikes::Brokers => broker(model),
        Strikes::Nodes => node(model, kind),
        Strikes::Generators => generator(model),
        Strikes::Readers => member(model),
        Strikes::Instances if model.page == Page::Groups => member(model),
        Strikes::Instances => member(model).or_else(|| generator(model)),
        Strikes::Entries => reading_entry(model),
        Strikes::Topics => topic(model),
        Strikes::Groups => group(model).map(|group| (group, String::new())),
    }
}

/// The chosen member where members are looked at, else a broker; where it cannot strike one of them, the other.
fn node(model: &Model, kind: &Kind) -> Option<(String, String)> {
    let mut found: Vec<_> = [broker(model), member(model)].into_iter().flatten().collect();
    if model.page == Page::Groups {
        found.reverse();
    }
    let can = found.iter().position(|(name, _)| kind.cannot.of(name).is_none()).unwrap_or(0);
    found.into_iter().nth(can)
}

/// Why a kind cannot strike whom it would strike as things stand; none when it can, or there is nobody.
pub fn hindrance(model: &Model, kind: &Kind) -> Option<String> {
    let (target, _) = target(model, kind)?;
    let why = kind.cannot.of(&target).map(str::to_owned);
    why.or_else(|| {
        // Which ones a run by the clock can take back in is known while it goes.
        let courses = &model.report.courses;
        let nobody = kind.name == "add-member" && courses.armed.is_some() && !courses.removed.contains(&target);
        nobody.then(|| {
            format!(
                "nobody of {target} was removed by hand, and a run by the clock begins with all that it will ever have"
            )
        })
    })
}

/// The broker that leads the chosen partition; where nobody leads it, the first that is up.
fn broker(model: &Model) -> Option<(String, String)> {
    let place = place(model)?;
    let leads = rows::place(model, place).and_then(|place| place.leader);
    if model.turn > 0 && !model.detail().brokers.is_empty() {
        return another_broker(model, leads.map(|broker| broker.0));
    }
    if let Some(broker) = leads {
        return Some((
            format!("broker-{}", broker.0),
            format!("leader of {}", model.about.place_name(place)),
        ));
    }
    let brokers = || model.snapshot().nodes.iter().filter(|node| node.name.starts_with(BROKER));
    let up = brokers().find(|node| node.state == crate::observe::NodeState::Up);
    let first = up.or_else(|| brokers().next())?;
    // Where nothing is replicated there are no leaders either.
    let is_led = rows::place(model, place).is_some_and(|place| !place.replicas.is_empty());
    let who = if is_led { format!("nobody leads {}", model.about.place_name(place)) } else { String::new() };
    Some((first.name.clone(), who))
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
    let entry = model.about.entries.iter().find(|entry| entry.group.as_deref() == Some(of.as_str()));
    entry.map(|entry| (entry.name.clone(), format!("of group {of}"))).or_else(|| reader(model))
}

/// One of those who read. With ZeroMQ a group is a channel that is read, and nobody is a member of it.
fn reader(model: &Model) -> Option<(String, String)> {
    let entries = model.about.entries.iter().filter(|entry| entry.group.is_some());
    let reads = |name: &str| entries.clone().any(|entry| entry.has(name));
    let nodes: Vec<_> = model.snapshot().nodes.iter().filter(|node| reads(&node.name)).collect();
    let node = nodes.get(model.turn % nodes.len().max(1))?;
    Some((node.name.clone(), "reads".to_owned()))
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
    let its = readers.clone().find(|entry| entry.has(&member));
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
    let (target, who) = target(model, kind)?;
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
    use crate::observe::lens::{BrokerView, Detail, PlaceDetail};
    use crate::observe::{NodeState, NodeView, Snapshot};
    use crate::trace::kafka::BrokerId;
    use crate::tui::courses::{Courses, Deed};
    use crate::tui::{About, Msg, Named, Order, Palette, Theme, update};

    fn model() -> Model {
        let kind = Kind {
            name: "kill",
            about: "",
            strikes: Strikes::Brokers,
            usual: " for 10s",
            asks: false,
            cannot: Cannot::default(),
        };
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

    const DISK: &str = "a real disk cannot be slowed down";

    /// The same where a broker's disk cannot be slowed down, and processes of clients alone stand still.
    fn model_of_what_is_real() -> Model {
        let mut model = model();
        let cannot = |brokers: &str| Cannot { brokers: Some(brokers.to_owned()), others: None };
        let kind = |name, strikes, cannot| Kind { name, about: "", strikes, usual: "", asks: false, cannot };
        let billing =
            Entry { name: "billing".to_owned(), group: Some("billing".to_owned()), ..Entry::default() };
        let kinds = vec![
            kind("slow-disk", Strikes::Brokers, cannot(DISK)),
            kind("pause", Strikes::Nodes, cannot("there is no command for it")),
            kind("add-member", Strikes::Entries, Cannot::default()),
        ];
        let groups = vec!["billing".to_owned()];
        let about = About { kinds, groups, entries: vec![billing], ..About::clone(&model.about) };
        model = model.about(Arc::new(about));
        model
    }

    #[test]
    fn what_cannot_strike_is_listed_with_the_reason_and_its_key_says_it_in_full() {
        let mut model = model_of_what_is_real();
        update(&mut model, Msg::Key(KeyEvent::new(KeyCode::Char('f'), KeyModifiers::NONE)));
        let text = crate::tui::shot::Shot::of(&model, 120, 36).text();
        let row = text.lines().find(|line| line.contains("slow-disk")).expect("it is listed");
        assert!(row.contains("✗ a real disk") && !row.contains("broker-2"), "{row}");
        assert!(text.contains("✗ not in this run: its key says why"), "{text}");
        let key = model.keys.bindings_of(crate::tui::keys::Context::Fault);
        let strikes = crate::tui::keys::Action::Hand(crate::tui::update::hands::Hand::Strike("slow-disk"));
        let key = key.filter(|row| row.action == strikes).map(|row| row.keys[0].name()).next();
        let key = key.and_then(|name| name.chars().next()).expect("it has a key");
        let order = update(&mut model, Msg::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE)));
        assert_eq!((order, model.deed.take()), (None, None));
        assert_eq!(model.said.as_deref(), Some(format!("`slow-disk` cannot strike here: {DISK}").as_str()));
    }

    #[test]
    fn where_a_broker_cannot_be_struck_and_a_member_can_the_member_is() {
        let model = model_of_what_is_real();
        let pause = &model.about.kinds[1];
        assert_eq!(line(&model, pause).map(|(line, _)| line).as_deref(), Some("pause billing"));
        assert_eq!(hindrance(&model, pause), None);
    }

    #[test]
    fn where_nobody_is_a_member_one_who_reads_is_struck_and_then_the_next() {
        use KeyCode::{Char, Tab};
        let node = |name: &str| NodeView { name: name.to_owned(), state: NodeState::Up, leads: 0 };
        let entry = |name: &str, group: Option<&str>| Entry {
            name: name.to_owned(),
            group: group.map(str::to_owned),
            ..Entry::default()
        };
        let strikes = Strikes::Nodes;
        let cannot = Cannot::default();
        let kind = Kind { name: "kill", about: "", strikes, usual: "", asks: false, cannot };
        let entries = vec![entry("ventilator", None), entry("worker", Some("worker"))];
        let groups = vec!["tasks".to_owned()];
        let about = About { kinds: vec![kind], groups, entries, ..About::default() };
        let theme = Theme::new(Palette::Mono, false);
        let mut model = Model::new("test", 1, theme, Time::from_secs(1)).about(Arc::new(about));
        let nodes = ["ventilator", "worker-1", "worker-2"].map(node).to_vec();
        model.report.snapshot = Arc::new(Snapshot { nodes, ..model.snapshot().clone() });
        let kill = |whom: &str| Some(Deed::Inject(format!("kill {whom}")));
        assert_eq!(struck(&mut model, &[Char('f'), Char('k')]), kill("worker-1"));
        assert_eq!(struck(&mut model, &[Char('f'), Tab, Char('k')]), kill("worker-2"));
    }

    #[test]
    fn by_the_clock_a_member_is_added_only_where_one_was_removed() {
        let mut model = model_of_what_is_real();
        let add = model.about.kinds[2].clone();
        assert_eq!(hindrance(&model, &add), None, "a simulation adds whom it likes");
        let courses = |removed| Courses { armed: Some(true), removed, ..Courses::default() };
        model.report.courses = Arc::new(courses(Vec::new()));
        assert!(hindrance(&model, &add).is_some_and(|why| why.contains("nobody of billing was removed")));
        model.report.courses = Arc::new(courses(vec!["billing".to_owned()]));
        assert_eq!(hindrance(&model, &add), None);
    }
}
