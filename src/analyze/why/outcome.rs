//! The first look at a run: which records came to grief, and everything that happened to the system itself.
//!
//! **Invariant.** Memory follows what went wrong and what the system did, not how many records passed: a record
//! that fared well leaves two bits behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::kernel::{Duration, Event, Observer, Physics, Time};
use crate::observe::ledger::{Closed, Fate, Leg, Line};
use crate::trace::kafka::Kafka;
use crate::trace::mqtt::Mqtt;
use crate::trace::{Fact, GroupId, Ids, Life, PlaceId, Reason, RecordId, Stage};

/// What may be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Promised and gone, or let go by the system before everybody had read it.
    Lost,
    /// Processed more than once by a group, or in a log twice where nobody reads.
    Duplicated,
    /// Processed after a younger record of the same source and key.
    Reordered,
    /// Processed later than a bound.
    Late,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Lost, Self::Duplicated, Self::Reordered, Self::Late];

    /// The flag of `why` that asks about it.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::Lost => "--lost",
            Self::Duplicated => "--duplicated",
            Self::Reordered => "--reordered",
            Self::Late => "--late",
        }
    }

    /// As the end of a sentence about records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Duplicated => "duplicated",
            Self::Reordered => "out of order",
            Self::Late => "late",
        }
    }
}

/// The part of its life in which a late record spent most of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// From the application's hand to a log.
    Publishing,
    /// From the log to the high watermark.
    Replicating,
    /// From the high watermark to the reader's hand.
    Waiting,
    /// In the reader's hand.
    Working,
}

/// A record that came to grief.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Victim {
    /// How.
    pub trouble: Trouble,
    /// Which.
    pub id: RecordId,
    /// In which group, where a group is concerned.
    pub group: Option<GroupId>,
    /// Where it lay.
    pub place: Option<PlaceId>,
    /// At which offset.
    pub offset: u64,
    /// When it happened; for a lost one, when it was stored, or offered where it never was.
    pub at: Time,
    /// The event that shows it; 0 when the books show it.
    pub serial: u64,
    /// For a lost one: the cause in the ledger's words.
    pub reason: Option<Reason>,
    /// For a late one: where its time went, from when to when.
    pub phase: Option<(Phase, Time, Time)>,
    /// It lay in the log twice.
    pub stored_twice: bool,
    /// It lay in the log behind a younger one of its source.
    pub overtaken: bool,
}

/// Records that a producer was told no about, or gave up waiting for, for one reason. They are no victims: whoever offered
/// them knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub why: Reason,
    /// How many.
    pub records: u64,
    /// The first of them.
    pub first: RecordId,
}

/// Victims beyond this many are counted and not kept.
const LIMIT: usize = 200_000;

/// Watches a run.
#[derive(Clone, Debug)]
pub struct Outcomes {
    stage: Arc<Stage>,
    late: Duration,
    victims: Vec<Victim>,
    beyond: u64,
    annals: Vec<Event<Fact>>,
    processed: BTreeMap<(GroupId, u32), Bits>,
    stored: BTreeMap<u32, Bits>,
    copies: BTreeSet<RecordId>,
    overtaken: BTreeSet<RecordId>,
    last_stored: BTreeMap<(PlaceId, u32), u64>,
    youngest: BTreeMap<(GroupId, u32, Lane), u64>,
    refused: BTreeMap<Reason, Refusal>,
}

/// Where order is promised, as in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    Key(i32),
    Place(PlaceId),
}

/// A growing set of small numbers.
#[derive(Clone, Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    /// Puts it in; whether it was in already.
    fn put(&mut self, number: u64) -> bool {
        let (word, bit) = ((number / 64) as usize, 1 << (number % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let was = self.0[word] & bit != 0;
        self.0[word] |= bit;
        was
    }
}

impl Outcomes {
    /// Nothing seen yet. A record is late when it is processed more than `late` after it was offered.
    pub fn new(stage: Arc<Stage>, late: Duration) -> Self {
        Self {
            stage,
            late,
            victims: Vec::new(),
            beyond: 0,
            annals: Vec::new(),
            processed: BTreeMap::new(),
            stored: BTreeMap::new(),
            copies: BTreeSet::new(),
            overtaken: BTreeSet::new(),
            last_stored: BTreeMap::new(),
            youngest: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    /// Takes in records that have left the ledger.
    pub fn closed(&mut self, closed: Vec<Closed>) {
        closed.iter().for_each(|closed| self.close(closed));
    }

    /// The victims, in the order in which they were seen.
    pub fn victims(&self) -> &[Victim] {
        &self.victims
    }

    /// How many victims there were beyond those that are kept.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// What producers were told no about, by reason.
    pub fn refused(&self) -> impl Iterator<Item = &Refusal> {
        self.refused.values()
    }

    /// What happened to the system, in order: everything but the everyday life of records.
    pub fn annals(&self) -> &[Event<Fact>] {
        &self.annals
    }

    fn close(&mut self, closed: &Closed) {
        closed.lives().for_each(|(id, line)| self.close_one(id, &line, &closed.legs, closed.fate));
    }

    fn close_one(&mut self, id: RecordId, line: &Line, legs: &[Leg], fate: Fate) {
        let stored = if line.stored == Time::NEVER { line.offered } else { line.stored };
        let place = line.place();
        if let Fate::Lost(why) | Fate::Dropped(why) = fate {
            let readers = place.map(|place| self.stage.channel_of(place));
            let readers = readers.into_iter().flat_map(|channel| self.stage.readers(channel));
            let skipped = readers.zip(legs.iter()).find(|(_, leg)| leg.processed == Time::NEVER);
            let by_group =
                matches!(why, Reason::OffsetReset | Reason::Retention | Reason::CommittedUnprocessed);
            let (group, at) = match skipped.filter(|_| by_group) {
                Some((group, leg)) if leg.settled != Time::NEVER => (Some(group), leg.settled),
                Some((group, _)) => (Some(group), stored),
                None => (None, stored),
            };
            self.add(Victim {
                reason: Some(why),
                group,
                at,
                ..victim(Trouble::Lost, id, place, line.offset)
            });
        }
        let Some(place) = place else { return };
        let readers: Vec<_> = self.stage.readers(self.stage.channel_of(place)).collect();
        for (group, leg) in readers.into_iter().zip(legs.iter()) {
            if leg.processed != Time::NEVER && leg.processed.since(line.offered) > self.late {
                let phases = [
                    (Phase::Publishing, line.offered, stored),
                    (Phase::Replicating, stored, line.committed.min(leg.delivered)),
                    (Phase::Waiting, line.committed.min(leg.delivered), leg.delivered),
                    (Phase::Working, leg.delivered, leg.processed),
                ];
                let longest = phases.into_iter().max_by_key(|(_, from, to)| to.since(*from));
                self.add(Victim {
                    group: Some(group),
                    at: leg.processed,
                    phase: longest,
                    ..victim(Trouble::Late, id, Some(place), line.offset)
                });
            }
        }
    }

    fn add(&mut self, victim: Victim) {
        if self.victims.len() < LIMIT {
            self.victims.push(victim);
        } else {
            self.beyond += 1;
        }
    }

    fn life(&mut self, event: &Event<Fact>, life: &Life) {
        match life {
            Life::Stored { ids, place, offset } => self.stored(event, ids, *place, *offset),
            Life::Processed { ids, group, place, offset } => {
                self.processed(event, ids, (*group, *place), *offset)
            }
            Life::Rejected { ids, why } | Life::Unknown { ids, why } => self.refuse(ids, *why),
            Life::Offered { .. }
            | Life::Accepted { .. }
            | Life::Committed { .. }
            | Life::Cut { .. }
            | Life::Expired { .. }
            | Life::Dropped { .. }
            | Life::DeadLettered { .. }
            | Life::Delivered { .. }
            | Life::Settled { .. }
            | Life::Skipped { .. }
            | Life::Failed { .. }
            | Life::Acknowledged { .. }
            | Life::Missed { .. }
            | Life::Resent { .. }
            | Life::Withheld { .. }
            | Life::Ignored { .. } => {}
        }
    }

    fn refuse(&mut self, ids: &Ids, why: Reason) {
        let Some(first) = ids.iter().next() else { return };
        let refusal = self.refused.entry(why).or_insert(Refusal { why, records: 0, first });
        refusal.records += u64::from(ids.len());
    }

    fn stored(&mut self, event: &Event<Fact>, ids: &Ids, place: PlaceId, offset: u64) {
        let unread = self.stage.readers(self.stage.channel_of(place)).next().is_none();
        for (offset, id) in (offset..).zip(ids.iter()) {
            let last = self.last_stored.entry((place, id.source())).or_default();
            let again = self.stored.entry(id.source()).or_default().put(id.sequence());
            if again {
                self.copies.insert(id);
            } else if id.sequence() + 1 < *last {
                self.overtaken.insert(id);
            }
            *last = (*last).max(id.sequence() + 1);
            if again && unread {
                let place = Some(place);
                self.add(Victim {
                    at: event.at,
                    serial: event.serial,
                    stored_twice: true,
                    ..victim(Trouble::Duplicated, id, place, offset)
                });
            }
        }
    }

    fn processed(&mut self, event: &Event<Fact>, ids: &Ids, (group, place): (GroupId, PlaceId), offset: u64) {
        let ordered = self.stage.has_log(place);
        let records = if let Ids::Span(span) = ids { span.records() } else { &[] };
        for (index, id) in ids.iter().enumerate() {
            let seen = self.processed.entry((group, id.source())).or_default().put(id.sequence());
            let trouble = if seen {
                Trouble::Duplicated
            } else {
                let key = records.get(index).and_then(crate::trace::Record::key_hash);
                let lane = key.map_or(Lane::Place(place), Lane::Key);
                let youngest = self.youngest.entry((group, id.source(), lane)).or_default();
                let late = ordered && id.sequence() + 1 < *youngest;
                *youngest = (*youngest).max(id.sequence() + 1);
                if !late {
                    continue;
                }
                Trouble::Reordered
            };
            self.add(Victim {
                group: Some(group),
                at: event.at,
                serial: event.serial,
                stored_twice: self.copies.contains(&id),
                overtaken: self.overtaken.contains(&id),
                ..victim(trouble, id, Some(place), offset + index as u64)
            });
        }
    }
}

fn victim(trouble: Trouble, id: RecordId, place: Option<PlaceId>, offset: u64) -> Victim {
    Victim {
        trouble,
        id,
        group: None,
        place,
        offset,
        at: Time::ZERO,
        serial: 0,
        reason: None,
        phase: None,
        stored_twice: false,
        overtaken: false,
    }
}

/// Whether a fact tells what happened to the system, rather than of the everyday life of records.
pub fn is_annal(fact: &Fact) -> bool {
    match fact {
        Fact::Physics(physics) => !matches!(physics, Physics::Undelivered { .. }),
        Fact::Life(life) => {
            let of_peer = matches!(life, Life::Dropped { why: Reason::PeerDied, .. });
            of_peer || matches!(life, Life::Cut { .. } | Life::Expired { .. } | Life::Skipped { .. })
        }
        Fact::Kafka(kafka) => !matches!(kafka, Kafka::Deduplicated { .. } | Kafka::Retried { .. }),
        Fact::ZeroMq(_) | Fact::Injected(_) | Fact::Commanded(_) => true,
        Fact::Mqtt(mqtt) => matches!(
            mqtt,
            Mqtt::Connected { .. }
                | Mqtt::Disconnected { .. }
                | Mqtt::Unreachable { .. }
                | Mqtt::Subscribed { .. }
                | Mqtt::Will { .. }
                | Mqtt::Blocked
                | Mqtt::Unblocked
        ),
    }
}

impl Observer<Fact> for Outcomes {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events {
            if let Fact::Life(life) = &event.fact {
                self.life(event, life);
            }
            if is_annal(&event.fact) {
                self.annals.push(event.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_new_once() {
        let mut bits = Bits::default();
        assert_eq!([3, 200, 3, 199, 200].map(|number| bits.put(number)), [false, false, true, false, true]);
    }
}
