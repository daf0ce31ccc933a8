//! Facts and records as flat rows: what a table has columns for.
//!
//! A [`FactRow`] holds a fact in the words of one wide table; a field that the fact does not speak of is none.
//! A [`RecordRow`] holds the whole life of one record.
//!
//! **Invariant.** The row of a fact says everything that the fact says, except what a record carries (its body).

use super::Fact;
use super::record::{Ids, RecordId};
use super::stage::{ChannelId, GroupId, PlaceId};
use crate::kernel::{Event, NodeId, Time};

/// A fact as a row of the table of facts.
#[derive(Clone, Debug, PartialEq)]
pub struct FactRow<'a> {
    /// Whose words: `life`, `kafka`, `zeromq`, `physics` or `fault`.
    pub system: &'static str,
    /// What happened, in lower case with hyphens: `stored`, `partition-changed`.
    pub kind: &'static str,
    /// To which records.
    pub ids: Option<&'a Ids>,
    /// On which channel, when the place does not say it.
    pub channel: Option<ChannelId>,
    /// In which place.
    pub place: Option<PlaceId>,
    /// The offset of the first record concerned.
    pub offset: Option<u64>,
    /// The offset behind the last record concerned.
    pub upto: Option<u64>,
    /// Bytes of keys and values.
    pub bytes: Option<u64>,
    /// Which group.
    pub group: Option<GroupId>,
    /// Which member of it.
    pub member: Option<u64>,
    /// Which broker, by its `node.id`.
    pub broker: Option<u32>,
    /// Which node.
    pub node: Option<NodeId>,
    /// The leader epoch.
    pub leader_epoch: Option<u32>,
    /// The generation of the group.
    pub generation: Option<u32>,
    /// Why, in the system's own word.
    pub reason: Option<&'static str>,
    /// What no column holds, as a JSON object.
    pub detail: Option<String>,
}

/// What one group did with a record. Times are [`Time::NEVER`] when they did not come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LegRow {
    /// First handed over.
    pub delivered: Time,
    /// First processed.
    pub processed: Time,
    /// First covered by a settlement.
    pub settled: Time,
    /// How often it was handed over.
    pub attempts: u16,
    /// How often it was processed.
    pub times_processed: u16,
    /// Why the group went past it without seeing it.
    pub skipped: Option<&'static str>,
}

/// The life of a record. Times are [`Time::NEVER`] when they did not come.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordRow {
    /// Which.
    pub id: RecordId,
    /// Where it was last appended.
    pub place: Option<PlaceId>,
    /// At which offset; means nothing without a place.
    pub offset: u64,
    /// murmur2 of its key.
    pub key_hash: Option<i32>,
    /// Bytes of key and value; 0 when no log ever had it.
    pub bytes: u32,
    /// When the application handed it over.
    pub offered: Time,
    /// When the client knew that the system has it.
    pub accepted: Time,
    /// When it was first appended.
    pub stored: Time,
    /// When it was first committed.
    pub committed: Time,
    /// How many copies lie in the readable log.
    pub copies: u16,
    /// What became of it: `settled`, `lost`, `dropped`, `rejected`, `dead-lettered` or `in-flight`.
    pub fate: &'static str,
    /// Its cause, or for a record in flight how far it has come.
    pub reason: Option<&'static str>,
    /// What each reading group did with it, in the order of [`super::Stage::readers`].
    pub legs: Vec<LegRow>,
}

impl<'a> FactRow<'a> {
    /// The row of an event's fact.
    pub fn of(_event: &'a Event<Fact>) -> Self {
        todo!()
    }
}
