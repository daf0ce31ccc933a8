//! What a coordinator writes to the offsets topic: enough to be another coordinator from.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::kernel::{Duration, Time};
use crate::trace::kafka::MemberId;
use crate::trace::{GroupId, PlaceId};
use crate::wire::kafka::{AssignorName, Subscription};

/// A record of `__consumer_offsets`. The last one of a key holds (the topic is compacted).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OffsetsRecord {
    /// A group after a completed rebalance, or empty (GroupMetadataValue).
    Group {
        /// Which.
        group: GroupId,
        /// What it is now.
        metadata: Arc<GroupMetadata>,
    },
    /// The group is gone.
    GroupTombstone {
        /// Which.
        group: GroupId,
    },
    /// A committed offset (OffsetCommitValue).
    Offset {
        /// Whose.
        group: GroupId,
        /// Of which partition.
        place: PlaceId,
        /// The next offset to read.
        offset: u64,
        /// When it was committed.
        at: Time,
    },
    /// The offset is gone: expired.
    OffsetTombstone {
        /// Whose.
        group: GroupId,
        /// Of which partition.
        place: PlaceId,
    },
}

/// A group as it is written (GroupMetadataValue).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMetadata {
    /// The generation.
    pub generation: u32,
    /// What the group agreed on; none when it has no members.
    pub assignor: Option<AssignorName>,
    /// The leader; none when it has no members.
    pub leader: Option<MemberId>,
    /// When the group came into the state in which it was written (`currentStateTimestamp`).
    pub since: Time,
    /// Its members, by ascending id.
    pub members: Vec<MemberMetadata>,
}

/// A member as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberMetadata {
    /// Who.
    pub member: MemberId,
    /// `group.instance.id` of a static member.
    pub instance: Option<u32>,
    /// `session.timeout.ms`
    pub session_timeout: Duration,
    /// `max.poll.interval.ms`
    pub rebalance_timeout: Duration,
    /// What it wants.
    pub subscription: Subscription,
    /// What it got.
    pub assignment: Arc<[PlaceId]>,
}
