//! The lag of groups over time.

use crate::kernel::{Duration, Time};
use crate::trace::{GroupId, PlaceId};

/// How far a group is behind in a place, at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LagRow {
    /// When.
    pub at: Time,
    /// Who.
    pub group: GroupId,
    /// Where.
    pub place: PlaceId,
    /// The end of what is committed: the high watermark.
    pub log_end: u64,
    /// The offset behind the last that the group has settled; none before the first.
    pub committed: Option<u64>,
    /// Committed records that it has not settled.
    pub lag: u64,
    /// The age of the oldest of these; zero when there are none.
    pub behind: Duration,
}
