//! What a story needs to know besides the facts: names, and the settings in force with the lines that set them.

use std::sync::Arc;

use crate::kernel::{ActorId, Cast, NodeId};
use crate::scenario::Scenario;
use crate::scenario::origin::{Bearer, InForce};
use crate::trace::kafka::BrokerId;
use crate::trace::{GroupId, PlaceId, RecordId, Stage};

/// Names and settings of a run.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Names of channels, groups and sources.
    pub stage: Arc<Stage>,
    /// Names of nodes and actors.
    pub cast: Cast,
    /// The settings in force.
    pub settings: Vec<InForce>,
    /// The reading entries of each group, by [`GroupId`].
    pub readers: Vec<Vec<String>>,
}

impl Scene {
    /// The scene of a scenario.
    pub fn new(scenario: &Scenario, stage: Arc<Stage>, cast: Cast, settings: Vec<InForce>) -> Self {
        let of_group = |group: &crate::trace::Group| {
            let reads = scenario.readers().filter(|(_, reader)| {
                if scenario.kafka().is_some() {
                    reader.group == group.name
                } else {
                    reader.from == group.name
                }
            });
            reads.map(|(name, _)| name.to_owned()).collect()
        };
        let readers = stage.groups.iter().map(of_group).collect();
        Self { stage, cast, settings, readers }
    }

    /// A setting in force.
    pub fn setting(&self, bearer: &Bearer, name: &str) -> Option<&InForce> {
        self.settings.iter().find(|one| one.bearer == *bearer && one.name == name)
    }

    /// Its value; the empty text when there is no such setting.
    pub fn value(&self, bearer: &Bearer, name: &str) -> &str {
        self.setting(bearer, name).map_or("", |one| &one.value)
    }

    /// The entry of the file that an instance, a source or a node belongs to: `shop` for `shop-2`.
    pub fn entry(&self, instance: &str) -> Bearer {
        let whole = Bearer::Entry(instance.to_owned());
        if self.settings.iter().any(|one| one.bearer == whole) {
            return whole;
        }
        let numbered =
            instance.rsplit_once('-').filter(|(_, number)| number.bytes().all(|b| b.is_ascii_digit()));
        numbered.map_or(whole, |(name, _)| Bearer::Entry(name.to_owned()))
    }

    /// The entry that published a record.
    pub fn publisher(&self, id: RecordId) -> Bearer {
        self.entry(self.source(id))
    }

    /// The instance that published a record.
    pub fn source(&self, id: RecordId) -> &str {
        self.stage.sources.get(id.source() as usize).map_or("?", String::as_str)
    }

    /// The first entry that reads as this group.
    pub fn reader(&self, group: GroupId) -> Bearer {
        let first = self.readers.get(group.index()).and_then(|entries| entries.first());
        Bearer::Entry(first.cloned().unwrap_or_else(|| self.group(group).to_owned()))
    }

    /// A group's name.
    pub fn group(&self, group: GroupId) -> &str {
        self.stage.groups.get(group.index()).map_or("?", |group| &group.name)
    }

    /// The topic or channel of a place.
    pub fn topic(&self, place: PlaceId) -> Bearer {
        Bearer::Topic(self.stage.channels[self.stage.channel_of(place).index()].name.clone())
    }

    /// `shop:1841`: who published it, and the how-manieth it was there.
    pub fn record(&self, id: RecordId) -> String {
        format!("{}:{}", self.source(id), id.sequence())
    }

    /// The node that an actor lives on.
    pub fn node_of(&self, actor: ActorId) -> Option<NodeId> {
        self.cast.actors.get(actor.0 as usize).map(|(_, node)| *node)
    }

    /// The name of the node that an actor lives on.
    pub fn home(&self, actor: ActorId) -> &str {
        self.node_of(actor).map_or("?", |node| self.cast.node(node))
    }

    /// The node of a broker.
    pub fn broker(&self, broker: BrokerId) -> Option<NodeId> {
        let name = broker_name(broker);
        self.cast.nodes.iter().position(|node| *node == name).map(|index| NodeId(index as u32))
    }

    /// Whether a node is a broker's.
    pub fn is_broker(&self, node: NodeId) -> bool {
        self.cast.node(node).strip_prefix("broker-").is_some_and(|rest| rest.parse::<u32>().is_ok())
    }

    /// Whether a place belongs to the system itself.
    pub fn is_internal(&self, place: PlaceId) -> bool {
        self.stage.channels[self.stage.channel_of(place).index()].internal
    }
}

/// `broker-2`
pub fn broker_name(broker: BrokerId) -> String {
    format!("broker-{}", broker.0)
}

/// `{1,2,3}`, whatever their order.
pub fn broker_set(brokers: &[BrokerId]) -> String {
    let mut numbers: Vec<_> = brokers.iter().map(|broker| broker.0).collect();
    numbers.sort_unstable();
    let names: Vec<_> = numbers.iter().map(u32::to_string).collect();
    format!("{{{}}}", names.join(","))
}
