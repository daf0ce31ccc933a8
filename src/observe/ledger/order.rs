//! Order: whether a group saw the records of one source and key in the order in which they were made.

use std::collections::BTreeMap;

use crate::trace::{GroupId, PlaceId, RecordId};

/// Where order is promised: one key of a source; for records without a key, one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    Key(i32),
    Place(PlaceId),
}

/// The youngest record processed in each lane.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    youngest: BTreeMap<(GroupId, u32, Lane), u64>,
}

impl Order {
    /// Notes that a group has processed a record for the first time; whether a younger one of its lane was
    /// processed before it.
    pub(super) fn is_late(
        &mut self,
        group: GroupId,
        place: PlaceId,
        key_hash: Option<i32>,
        id: RecordId,
    ) -> bool {
        let lane = key_hash.map_or(Lane::Place(place), Lane::Key);
        let youngest = self.youngest.entry((group, id.source(), lane)).or_insert(0);
        let late = id.sequence() + 1 < *youngest;
        *youngest = (*youngest).max(id.sequence() + 1);
        late
    }
}
