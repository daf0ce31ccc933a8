//! The stage: channels, the places in them, and the groups that read. Dense numbers with names.

use serde::{Deserialize, Serialize};

macro_rules! dense_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The number as an index.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

dense_id! {
    /// A topic, a queue, a socket pair: what generators write to and readers read from, by name.
    ChannelId
}
dense_id! {
    /// Where records lie in order: a partition, a queue, a pipe. Numbered through all channels.
    PlaceId
}
dense_id! {
    /// Readers that share the records of their channels: a consumer group.
    GroupId
}

/// A channel and its places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// The first of its places; the others follow.
    pub first_place: PlaceId,
    /// How many places.
    pub places: u32,
    /// Whether it belongs to the system itself (`__consumer_offsets`) and carries no user records.
    pub internal: bool,
    /// Whether a delivery has to be settled (committed, acknowledged); where not, processing it is the end.
    pub settles: bool,
    /// Whether readers acknowledge each record for itself, in any order, instead of an offset.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_by_one: bool,
}

impl Channel {
    /// Its places.
    pub fn places(&self) -> impl Iterator<Item = PlaceId> + use<> {
        (self.first_place.0..self.first_place.0 + self.places).map(PlaceId)
    }
}

/// A group and what it reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The channels that it reads.
    pub reads: Vec<ChannelId>,
}

/// All names and numbers of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// By [`ChannelId`].
    pub channels: Vec<Channel>,
    /// By [`GroupId`].
    pub groups: Vec<Group>,
    /// The publishing instance behind each source number of a [`super::RecordId`].
    pub sources: Vec<String>,
}

impl Stage {
    /// Adds a channel with so many places.
    pub fn add_channel(
        &mut self,
        name: impl Into<String>,
        places: u32,
        internal: bool,
        settles: bool,
    ) -> ChannelId {
        let first_place = PlaceId(self.places());
        let name = name.into();
        self.channels.push(Channel { name, first_place, places, internal, settles, one_by_one: false });
        ChannelId(self.channels.len() as u32 - 1)
    }

    /// Adds a group that reads these channels.
    pub fn add_group(&mut self, name: impl Into<String>, reads: Vec<ChannelId>) -> GroupId {
        self.groups.push(Group { name: name.into(), reads });
        GroupId(self.groups.len() as u32 - 1)
    }

    /// Adds a source.
    pub fn add_source(&mut self, name: impl Into<String>) -> u32 {
        self.sources.push(name.into());
        self.sources.len() as u32 - 1
    }

    /// How many places there are in all.
    pub fn places(&self) -> u32 {
        self.channels.last().map_or(0, |last| last.first_place.0 + last.places)
    }

    /// Whether records lie in a log at a place, each at an offset.
    pub fn has_log(&self, place: PlaceId) -> bool {
        self.channels[self.channel_of(place).index()].settles
    }

    /// The channel of a place.
    pub fn channel_of(&self, place: PlaceId) -> ChannelId {
        let behind = self.channels.partition_point(|channel| channel.first_place <= place);
        ChannelId(behind as u32 - 1)
    }

    /// The channel with this name.
    pub fn channel_named(&self, name: &str) -> Option<ChannelId> {
        self.channels.iter().position(|channel| channel.name == name).map(|index| ChannelId(index as u32))
    }

    /// `orders-3`: the channel's name, and the place's number in it.
    pub fn place_name(&self, place: PlaceId) -> String {
        let channel = &self.channels[self.channel_of(place).index()];
        format!("{}-{}", channel.name, place.0 - channel.first_place.0)
    }

    /// The groups that read this channel.
    pub fn readers(&self, channel: ChannelId) -> impl Iterator<Item = GroupId> + '_ {
        let reads = move |group: &Group| group.reads.contains(&channel);
        self.groups
            .iter()
            .enumerate()
            .filter(move |(_, group)| reads(group))
            .map(|(index, _)| GroupId(index as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_through_all_channels() {
        let mut stage = Stage::default();
        let orders = stage.add_channel("orders", 6, false, true);
        let payments = stage.add_channel("payments", 3, false, true);
        stage.add_group("billing", vec![payments]);
        assert_eq!(stage.places(), 9);
        assert_eq!(stage.channel_of(PlaceId(5)), orders);
        assert_eq!(stage.channel_of(PlaceId(6)), payments);
        assert_eq!(stage.place_name(PlaceId(8)), "payments-2");
        assert_eq!(stage.readers(payments).count(), 1);
        assert_eq!(stage.readers(orders).count(), 0);
    }
}
