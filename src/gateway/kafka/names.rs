//! What things are called on the real cluster: topics, groups, brokers.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use crate::gateway::Reach;
use crate::kernel::NodeId;
use crate::trace::kafka::BrokerId;
use crate::trace::{ChannelId, GroupId, PlaceId, Stage};

/// The names of a run's topics and groups on the cluster, and which broker is which.
#[derive(Debug)]
pub struct Names {
    stage: Arc<Stage>,
    prefix: String,
    /// How many partitions each topic has now, by [`ChannelId`]; metadata tell of more.
    partitions: Vec<AtomicU32>,
    /// `node.id` of each broker on the cluster, in ascending order: the first is broker 1 of the scenario.
    brokers: OnceLock<Vec<i32>>,
    /// `bootstrap.servers`
    bootstrap: OnceLock<String>,
    /// What clients go through on their way to the cluster.
    reach: OnceLock<Arc<Reach>>,
}

impl Names {
    /// Names that begin with `prefix`, for a cluster that is not known yet.
    pub fn new(stage: Arc<Stage>, prefix: impl Into<String>) -> Self {
        let partitions = stage.channels.iter().map(|_| AtomicU32::new(0)).collect();
        let (brokers, bootstrap, reach) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { stage, prefix: prefix.into(), partitions, brokers, bootstrap, reach }
    }

    /// The cluster listens here.
    pub fn set_bootstrap(&self, servers: &str) {
        self.bootstrap.get_or_init(|| servers.to_owned());
    }

    /// Where the cluster listens; empty before that is known.
    pub fn bootstrap(&self) -> &str {
        self.bootstrap.get().map_or("", String::as_str)
    }

    /// Clients go through this.
    pub fn set_reach(&self, reach: Arc<Reach>) {
        self.reach.get_or_init(|| reach);
    }

    /// Where clients on this node find the cluster.
    pub fn bootstrap_of(&self, node: NodeId) -> String {
        let way = self.reach.get().and_then(|reach| reach.way(node));
        way.unwrap_or_else(|| self.bootstrap().to_owned())
    }

    /// The brokers of the cluster have these ids.
    pub fn set_brokers(&self, mut ids: Vec<i32>) {
        ids.sort_unstable();
        self.brokers.get_or_init(|| ids);
    }

    fn ids(&self) -> &[i32] {
        self.brokers.get().map_or(&[], Vec::as_slice)
    }

    /// The stage behind the names.
    pub fn stage(&self) -> &Arc<Stage> {
        &self.stage
    }

    /// The topic of a channel.
    pub fn topic(&self, channel: ChannelId) -> String {
        format!("{}{}", self.prefix, self.stage.channels[channel.index()].name)
    }

    /// The id of a group.
    pub fn group(&self, group: GroupId) -> String {
        format!("{}{}", self.prefix, self.stage.groups[group.index()].name)
    }

    /// The channels of users.
    pub fn channels(&self) -> impl Iterator<Item = ChannelId> + '_ {
        let channels = self.stage.channels.iter().enumerate().filter(|(_, channel)| !channel.internal);
        channels.map(|(index, _)| ChannelId(index as u32))
    }

    /// How many partitions a topic has now.
    pub fn partitions(&self, channel: ChannelId) -> u32 {
        self.partitions[channel.index()].load(Ordering::Relaxed)
    }

    /// A topic has so many partitions now; those that the scenario does not know of are left alone.
    pub fn set_partitions(&self, channel: ChannelId, count: u32) {
        let most = self.stage.channels[channel.index()].places;
        self.partitions[channel.index()].store(count.min(most), Ordering::Relaxed);
    }

    /// The topic and the partition of a place.
    pub fn partition(&self, place: PlaceId) -> (ChannelId, i32) {
        let channel = self.stage.channel_of(place);
        let number = place.0 - self.stage.channels[channel.index()].first_place.0;
        (channel, i32::try_from(number).expect("a topic has fewer than 2^31 partitions"))
    }

    /// The place of a partition of a channel; none when the scenario does not know of it.
    pub fn place(&self, channel: ChannelId, partition: i32) -> Option<PlaceId> {
        let channel = &self.stage.channels[channel.index()];
        let number = u32::try_from(partition).ok().filter(|number| *number < channel.places)?;
        Some(PlaceId(channel.first_place.0 + number))
    }

    /// The place of a partition of a topic by its name on the cluster.
    pub fn place_named(&self, topic: &str, partition: i32) -> Option<PlaceId> {
        let name = topic.strip_prefix(self.prefix.as_str())?;
        self.place(self.stage.channel_named(name)?, partition)
    }

    /// How many brokers there were in the beginning.
    pub fn brokers(&self) -> u32 {
        self.ids().len() as u32
    }

    /// The scenario's number of the broker with this `node.id`; brokers that came later have none.
    pub fn broker(&self, id: i32) -> Option<BrokerId> {
        self.ids().iter().position(|known| *known == id).map(|index| BrokerId(index as u32 + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_by_its_name_on_the_cluster_and_back() {
        let mut stage = Stage::default();
        stage.add_channel("orders", 2, false, true);
        let payments = stage.add_channel("payments", 3, false, true);
        let names = Names::new(Arc::new(stage), "brokersim-1-");
        names.set_brokers(vec![3, 1]);
        assert_eq!(names.topic(payments), "brokersim-1-payments");
        assert_eq!(names.place_named("brokersim-1-payments", 2), Some(PlaceId(4)));
        assert_eq!(names.partition(PlaceId(4)), (payments, 2));
        assert_eq!(names.place_named("payments", 2), None);
        assert_eq!(names.place_named("brokersim-1-payments", 3), None);
        assert_eq!(names.broker(3), Some(BrokerId(2)));
    }
}
