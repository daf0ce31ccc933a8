//! One record followed through a run: every fact that is about it, and the blows to where it lay.
//!
//! Where logs may part for good, it is known by the reign in which each copy was written whether the log that is read
//! has it: it may be gone, and come back when another replica leads.
//!
//! Bounded: [`LINES`] steps; what comes after them is counted. [`COPIES`] copies.
//!
//! **Not modelled:** a leader that did not hear, before the record was offered, that another one took over: what it
//! appends is told as if it were read.

use std::sync::Arc;

use crate::kernel::{ActorId, Cast, Event, Observer, Physics, Time};
use crate::trace::kafka::Kafka;
use crate::trace::mqtt::{Answer, Mqtt};
use crate::trace::{Fact, Ids, Life, PlaceId, RecordId, Reign, Stage, tell};

/// Steps kept.
const LINES: usize = 200;
/// Bytes of a key or value shown.
const BYTES: usize = 16_384;
/// Copies remembered.
const COPIES: usize = 64;

/// What is known of the way of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Which.
    pub id: RecordId,
    /// The steps, in order.
    pub lines: Vec<TraceLine>,
    /// Steps that were left out at the end.
    pub more: u64,
    /// The hash of its key, when it has one.
    pub key_hash: Option<i32>,
    /// Its key, where contents are kept.
    pub key: Option<Arc<[u8]>>,
    /// Its value, where contents are kept; the beginning of it.
    pub value: Option<Arc<[u8]>>,
    /// The value decoded, by a host that knows how.
    pub decoded: Option<Contents>,
}

/// A value in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The format: `json`, `csv`, `bincode`, `text`.
    pub format: &'static str,
    /// Names and values, or lines without names.
    pub fields: Vec<(String, String)>,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLine {
    /// When.
    pub at: Time,
    /// Which fact.
    pub serial: u64,
    /// Who.
    pub who: String,
    /// What it did.
    pub text: String,
    /// Whether it is about the system, not about the record.
    pub aside: bool,
    /// Whether the record came to harm by it.
    pub harm: bool,
}

/// Follows a record. Shown the facts from before it was offered on.
#[derive(Clone, Debug)]
pub struct Follow {
    stage: Arc<Stage>,
    cast: Arc<Cast>,
    trace: Trace,
    /// Where it lies, or lay, in the log that is read.
    spot: Option<(PlaceId, u64)>,
    /// The log that is read does not have it any more.
    gone: bool,
    committed: bool,
    copies: Vec<StoredCopy>,
    /// The reign of the log that is read, by place.
    reigns: Vec<u32>,
    /// In which reign a leader writes.
    leaders: Vec<(ActorId, PlaceId, u32)>,
    /// Whether logs of its place may part for good.
    parts: bool,
}

/// A copy in a log.
#[derive(Clone, Debug)]
struct StoredCopy {
    place: PlaceId,
    offset: u64,
    /// The reign in which it was written.
    reign: u32,
}

impl Follow {
    /// Follows the record from now on.
    pub fn new(id: RecordId, stage: Arc<Stage>, cast: Arc<Cast>) -> Self {
        let trace =
            Trace { id, lines: Vec::new(), more: 0, key_hash: None, key: None, value: None, decoded: None };
        let reigns = vec![0; stage.places() as usize];
        Self {
            stage,
            cast,
            trace,
            spot: None,
            gone: false,
            committed: false,
            copies: Vec::new(),
            reigns,
            leaders: Vec::new(),
            parts: false,
        }
    }

    /// The same, where these are the reigns of the logs that are read when it begins, by place.
    #[must_use]
    pub fn reigning(mut self, reigns: &[u32]) -> Self {
        for (known, reign) in self.reigns.iter_mut().zip(reigns) {
            *known = *reign;
        }
        self
    }

    /// What is known by now.
    pub fn trace(&self) -> Trace {
        self.trace.clone()
    }

    fn is_in(&self, ids: &Ids) -> Option<u32> {
        ids.iter().position(|id| id == self.trace.id).map(|index| index as u32)
    }

    fn note(&mut self, event: &Event<Fact>, text: String, aside: bool, harm: bool) {
        if self.trace.lines.len() == LINES {
            self.trace.more += 1;
            return;
        }
        let who = self.cast.actor(event.actor).to_owned();
        self.trace.lines.push(TraceLine { at: event.at, serial: event.serial, who, text, aside, harm });
    }

    fn place(&self, place: PlaceId, offset: u64) -> String {
        format!("{} @ {offset}", self.stage.place_name(place))
    }

    fn life(&mut self, event: &Event<Fact>, life: &Life) {
        let group = |group: &crate::trace::GroupId| self.stage.groups[group.index()].name.clone();
        match life {
            Life::Offered { channel, first, records, .. } => {
                let ids = Ids::Range { first: *first, records: *records };
                if self.is_in(&ids).is_some() {
                    let channel = &self.stage.channels[channel.index()].name;
                    self.note(event, format!("hands it to its client, for {channel}"), false, false);
                }
            }
            Life::Accepted { ids, .. } if self.is_in(ids).is_some() => {
                self.note(event, "is told YES".to_owned(), false, false);
            }
            Life::Rejected { ids, why } if self.is_in(ids).is_some() => {
                self.note(event, format!("is told NO: {}", why.means()), false, true);
            }
            Life::Unknown { ids, why } if self.is_in(ids).is_some() => {
                self.note(event, format!("is told nothing: {}", why.means()), false, true);
            }
            Life::Stored { ids, place, offset } => self.stored(event, ids, *place, *offset),
            Life::Committed { place, upto } => self.reached(event, *place, *upto),
            Life::Cut { place, from, why, log } => {
                self.cut(event, (*place, *from), log.as_deref(), why.means());
            }
            Life::Expired { place, below, why }
                if self.lies_in(*place).is_some_and(|offset| offset < *below) =>
            {
                self.note(
                    event,
                    format!("deletes it: the log begins at {below}: {}", why.means()),
                    false,
                    true,
                );
            }
            Life::Dropped { ids, why } if self.is_in(ids).is_some() => {
                self.note(event, format!("lets it go: {}", why.means()), false, true);
            }
            Life::DeadLettered { ids, why } if self.is_in(ids).is_some() => {
                self.note(event, format!("puts it aside: {}", why.means()), false, true);
            }
            Life::Delivered { ids, group: by, .. } if self.is_in(ids).is_some() => {
                let text = format!("is handed it ({})", group(by));
                self.note(event, text, false, false);
            }
            Life::Processed { ids, group: by, .. } if self.is_in(ids).is_some() => {
                let text = format!("has worked on it ({})", group(by));
                self.note(event, text, false, false);
            }
            Life::Failed { ids, group: by, why, .. } if self.is_in(ids).is_some() => {
                let text = format!("fails on it ({}): {}", group(by), why.means());
                self.note(event, text, false, true);
            }
            Life::Settled { group: by, place, upto } => {
                let text = format!("keeps that {} is done up to {upto}", group(by));
                self.settled(event, *place, *upto, text);
            }
            Life::Acknowledged { ids, group: by, .. } if self.is_in(ids).is_some() => {
                let text = format!("keeps that {} is done with it", group(by));
                self.note(event, text, false, false);
            }
            Life::Missed { ids, group: by, why, .. } if self.is_in(ids).is_some() => {
                let text = format!("will not be handed it ({}): {}", group(by), why.means());
                self.note(event, text, false, true);
            }
            Life::Skipped { group: by, place, to, why } => {
                if self.lies_in(*place).is_some_and(|offset| offset < *to) {
                    let text = format!("({}) goes on at {to}: {}", group(by), why.means());
                    self.note(event, text, false, true);
                }
            }
            Life::Resent { ids, .. } if self.is_in(ids).is_some() => {
                self.note(event, "hands it over once more".to_owned(), false, false);
            }
            Life::Accepted { .. }
            | Life::Rejected { .. }
            | Life::Unknown { .. }
            | Life::Expired { .. }
            | Life::Dropped { .. }
            | Life::DeadLettered { .. }
            | Life::Delivered { .. }
            | Life::Processed { .. }
            | Life::Failed { .. }
            | Life::Acknowledged { .. }
            | Life::Missed { .. }
            | Life::Withheld { .. }
            | Life::Resent { .. } => {}
        }
    }

    fn lies_in(&self, place: PlaceId) -> Option<u64> {
        self.spot.filter(|(here, _)| *here == place).map(|(_, offset)| offset)
    }

    fn stored(&mut self, event: &Event<Fact>, ids: &Ids, place: PlaceId, offset: u64) {
        let reign = self.reign_of(event.actor, place);
        let unread = reign < self.reigns[place.index()];
        if let Some(index) = self.is_in(ids) {
            let at = offset + u64::from(index);
            self.keep_content(ids, index);
            if self.copies.len() < COPIES {
                self.copies.push(StoredCopy { place, offset: at, reign });
            }
            if unread {
                let text =
                    format!("appends it at {}, in a log that nobody reads any more", self.place(place, at));
                return self.note(event, text, false, true);
            }
            let again = if self.spot.is_some() { " once more" } else { "" };
            self.note(event, format!("appends it{again} at {}", self.place(place, at)), false, false);
            (self.spot, self.gone, self.committed) = (Some((place, at)), false, false);
        } else if !unread
            && let Some(mine) = self.lies_in(place)
            && (offset..offset + u64::from(ids.len())).contains(&mine)
        {
            let never = if self.parts { "" } else { ": it can never be read" };
            self.note(event, format!("gives offset {mine} to another record{never}"), false, true);
            self.spot = None;
            self.gone = true;
        }
    }

    /// In which reign a leader writes: as it said when it took over, or else as whoever led first.
    fn reign_of(&self, leader: ActorId, place: PlaceId) -> u32 {
        let said = self.leaders.iter().rev().find(|(who, of, _)| *who == leader && *of == place);
        said.map_or(self.reigns[place.index()], |(.., reign)| *reign)
    }

    fn takes_over(&mut self, leader: ActorId, place: PlaceId, reign: u32) {
        self.leaders.retain(|(who, of, _)| *who != leader || *of != place);
        self.leaders.push((leader, place, reign));
        let known = &mut self.reigns[place.index()];
        *known = (*known).max(reign);
    }

    fn keep_content(&mut self, ids: &Ids, index: u32) {
        let Ids::Span(span) = ids else { return };
        self.trace.key_hash = span.records()[index as usize].key_hash();
        let Some(body) = span.batch.body(span.from + index) else { return };
        self.trace.key.clone_from(&body.key);
        self.trace.value = body.value.as_ref().map(|value| value[..value.len().min(BYTES)].into());
    }

    fn reached(&mut self, event: &Event<Fact>, place: PlaceId, upto: u64) {
        if !self.committed && !self.gone && self.lies_in(place).is_some_and(|offset| offset < upto) {
            self.committed = true;
            self.note(event, format!("high watermark {upto}: every replica in sync has it"), false, false);
        }
    }

    /// Another log is read from now on.
    fn cut(&mut self, event: &Event<Fact>, (place, from): (PlaceId, u64), log: Option<&[Reign]>, why: &str) {
        self.parts |= log.is_some();
        if let Some(last) = log.and_then(<[Reign]>::last) {
            self.takes_over(event.actor, place, last.number);
        }
        let had = self.lies_in(place).filter(|_| !self.gone);
        let has = match log {
            Some(log) => {
                self.copies.iter().rev().find(|copy| copy.is_in(place, log, from)).map(|copy| copy.offset)
            }
            None => had.filter(|offset| *offset < from),
        };
        match (had, has) {
            (Some(_), None) => {
                self.note(event, format!("GONE: the log that is read ends at {from}: {why}"), false, true);
                self.gone = true;
            }
            (Some(_), Some(_)) => {
                self.note(event, format!("the log that is read ends at {from}: {why}"), true, false);
            }
            (None, Some(offset)) => {
                let text = format!("is back: the log that is read from now on has it at {offset}: {why}");
                self.note(event, text, false, false);
                (self.spot, self.gone, self.committed) = (Some((place, offset)), false, false);
            }
            (None, None) => {}
        }
    }

    fn settled(&mut self, event: &Event<Fact>, place: PlaceId, upto: u64, text: String) {
        let covers = !self.gone && self.lies_in(place).is_some_and(|offset| offset < upto);
        let said = self.trace.lines.iter().any(|line| same_settlement(&line.text, &text));
        if covers && !said {
            self.note(event, text, false, false);
        }
    }

    /// What happens to where it lies.
    fn aside(&mut self, event: &Event<Fact>) {
        if let Fact::Kafka(Kafka::BecameLeader { place, leader_epoch, .. }) = &event.fact {
            self.takes_over(event.actor, *place, *leader_epoch);
        }
        if self.trace.lines.is_empty() {
            return;
        }
        let concerns = match &event.fact {
            Fact::Physics(physics) => is_blow(physics),
            Fact::Kafka(Kafka::PartitionChanged { place, .. } | Kafka::Truncated { place, .. }) => {
                self.lies_in(*place).is_some()
            }
            Fact::Kafka(Kafka::Retried { ids, .. } | Kafka::Deduplicated { ids, .. }) => {
                self.is_in(ids).is_some()
            }
            Fact::Mqtt(mqtt) => packet_of(self.trace.id, mqtt).is_some(),
            Fact::Injected(_) | Fact::Commanded(_) | Fact::Life(_) | Fact::Kafka(_) | Fact::ZeroMq(_) => {
                false
            }
        };
        if !concerns {
            return;
        }
        let text = match &event.fact {
            Fact::Kafka(Kafka::Retried { attempt, error, .. }) => {
                Some(format!("tries again, for the {attempt}. time: {error:?}"))
            }
            Fact::Kafka(Kafka::Deduplicated { .. }) => Some("has it already, and stores nothing".to_owned()),
            Fact::Mqtt(mqtt) => packet_of(self.trace.id, mqtt),
            Fact::Physics(_)
            | Fact::Kafka(_)
            | Fact::Life(_)
            | Fact::ZeroMq(_)
            | Fact::Injected(_)
            | Fact::Commanded(_) => {
                tell(event, &self.stage, &self.cast).map(|told| format!("{}: {}", told.tag, told.text))
            }
        };
        if let Some(text) = text {
            self.note(event, text, true, false);
        }
    }
}

impl StoredCopy {
    /// Whether a log of these reigns, which ends at `end`, has it.
    fn is_in(&self, place: PlaceId, log: &[Reign], end: u64) -> bool {
        self.place == place && self.offset < end && Reign::at(log, self.offset) == Some(self.reign)
    }
}

impl Observer<Fact> for Follow {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events {
            match &event.fact {
                Fact::Life(life) => self.life(event, life),
                Fact::Physics(_)
                | Fact::Kafka(_)
                | Fact::Mqtt(_)
                | Fact::ZeroMq(_)
                | Fact::Injected(_)
                | Fact::Commanded(_) => self.aside(event),
            }
        }
    }
}

/// The packet of a handshake that carries a record, in words; none when it carries another, or none.
fn packet_of(id: RecordId, mqtt: &Mqtt) -> Option<String> {
    let once_more = |dup: bool| if dup { ", DUP" } else { "" };
    match mqtt {
        Mqtt::Published { record, packet, qos, dup } if *record == id => {
            Some(format!("sends PUBLISH {packet}, QoS {}{}", qos.level(), once_more(*dup)))
        }
        Mqtt::Received { record, packet, qos, dup, .. } if *record == id => {
            Some(format!("receives PUBLISH {packet}, QoS {}{}", qos.level(), once_more(*dup)))
        }
        Mqtt::Answered { record, packet, with, matched } if *record == id => {
            let nobody = if *matched { "" } else { ": no subscription matches" };
            Some(format!("receives {} {packet}{nobody}", answer_name(*with)))
        }
        Mqtt::Replied { record, packet, with } if *record == Some(id) => {
            Some(format!("sends {} {packet}", answer_name(*with)))
        }
        Mqtt::Recognised { record, packet } if *record == id => {
            Some(format!("knows PUBLISH {packet}, and does not hand it over again"))
        }
        Mqtt::Published { .. }
        | Mqtt::Received { .. }
        | Mqtt::Answered { .. }
        | Mqtt::Replied { .. }
        | Mqtt::Recognised { .. }
        | Mqtt::Connected { .. }
        | Mqtt::Disconnected { .. }
        | Mqtt::Unreachable { .. }
        | Mqtt::Subscribed { .. }
        | Mqtt::Will { .. }
        | Mqtt::Blocked
        | Mqtt::Unblocked => None,
    }
}

fn answer_name(answer: Answer) -> &'static str {
    match answer {
        Answer::PubAck => "PUBACK",
        Answer::PubRec => "PUBREC",
        Answer::PubComp => "PUBCOMP",
    }
}

/// Whether both say that the same group is done, whatever offset it is at.
fn same_settlement(one: &str, other: &str) -> bool {
    let group = |text: &str| {
        text.strip_prefix("keeps that ").and_then(|rest| rest.split(" is done").next().map(str::to_owned))
    };
    group(one).is_some_and(|name| group(other) == Some(name))
}

fn is_blow(physics: &Physics) -> bool {
    match physics {
        Physics::Crashed { .. }
        | Physics::Restarted { .. }
        | Physics::Paused { .. }
        | Physics::Resumed { .. } => true,
        Physics::Cut { .. }
        | Physics::Healed { .. }
        | Physics::Refused { .. }
        | Physics::Undelivered { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{ChannelId, Reason};

    const PLACE: PlaceId = PlaceId(0);

    /// A record that is followed, and the clock.
    struct Told {
        follow: Follow,
        now: u64,
    }

    impl Told {
        fn of(sequence: u64) -> Self {
            let mut stage = Stage::default();
            stage.add_channel("orders", 1, false, true);
            stage.add_source("shop");
            let follow = Follow::new(RecordId::new(0, sequence), Arc::new(stage), Arc::default());
            Self { follow, now: 0 }
        }

        /// Tells a fact; the last line, if it made one.
        fn tell(&mut self, actor: u32, life: Life) -> Option<TraceLine> {
            self.now += 1;
            let (at, actor) = (Time::from_nanos(self.now), ActorId(actor));
            let lines = self.follow.trace.lines.len();
            self.follow.observe(&[Event { at, serial: self.now, cause: 0, actor, fact: Fact::Life(life) }]);
            self.follow.trace.lines.get(lines).cloned()
        }

        fn store(&mut self, actor: u32, sequence: u64, offset: u64) -> Option<TraceLine> {
            let ids = Ids::one(RecordId::new(0, sequence));
            self.tell(actor, Life::Stored { ids, place: PLACE, offset })
        }

        fn cut(&mut self, actor: u32, from: u64, reigns: Option<&[(u32, u64)]>) -> Option<TraceLine> {
            let reign = |(number, start): &(u32, u64)| Reign { number: *number, start: *start };
            let log = reigns.map(|reigns| reigns.iter().map(reign).collect());
            self.tell(actor, Life::Cut { place: PLACE, from, why: Reason::UncleanElection, log })
        }
    }

    fn said(line: Option<TraceLine>) -> (String, bool) {
        line.map_or_else(Default::default, |line| (line.text, line.harm))
    }

    /// KIP-279, the chain of its test: A has 0; B takes 1; A takes 2 in its place; then B leads again.
    #[test]
    fn a_record_is_gone_with_its_log_and_back_with_it() {
        let mut told = Told::of(1);
        told.store(0, 0, 0);
        assert!(told.cut(1, 1, Some(&[(0, 0), (1, 1)])).is_none(), "it was not there yet");
        assert!(!said(told.store(1, 1, 1)).1);
        let (text, harm) = said(told.cut(0, 1, Some(&[(0, 0), (2, 1)])));
        assert!(harm && text.starts_with("GONE"), "{text}");
        let (text, harm) = said(told.store(0, 2, 1));
        assert!(harm && text == "gives offset 1 to another record", "{text}: it may come back");
        let (text, harm) = said(told.cut(1, 2, Some(&[(0, 0), (1, 1), (3, 2)])));
        assert!(!harm && text.starts_with("is back: the log that is read from now on has it at 1"), "{text}");
        assert!(said(told.cut(0, 2, Some(&[(0, 0), (2, 1), (4, 2)]))).0.starts_with("GONE"));
    }

    #[test]
    fn a_log_that_is_as_long_but_was_written_by_another_does_not_have_it() {
        let mut told = Told::of(5);
        told.cut(1, 4, Some(&[(0, 0), (1, 4)]));
        told.store(1, 5, 4);
        let (text, harm) = said(told.cut(2, 9, Some(&[(0, 0), (2, 3)])));
        assert!(harm && text.starts_with("GONE"), "{text}");
    }

    #[test]
    fn what_a_leader_of_old_appends_is_in_no_log_that_is_read() {
        let mut told = Told::of(7);
        told.cut(1, 4, Some(&[(0, 0), (1, 4)]));
        told.cut(2, 4, Some(&[(0, 0), (2, 4)]));
        let (text, harm) = said(told.store(1, 7, 4));
        assert!(harm && text.ends_with("in a log that nobody reads any more"), "{text}");
        assert!(told.store(2, 8, 4).is_none(), "its offset was never its own");
    }

    #[test]
    fn where_logs_cannot_part_the_end_of_the_log_decides() {
        let mut told = Told::of(3);
        told.tell(
            9,
            Life::Offered { channel: ChannelId(0), first: RecordId::new(0, 3), records: 1, bytes: 10 },
        );
        told.store(0, 3, 3);
        let (text, harm) = said(told.cut(1, 4, None));
        assert!(!harm && text.contains("ends at 4"), "{text}");
        assert!(said(told.cut(2, 3, None)).1);
        assert_eq!(
            said(told.store(2, 4, 3)),
            ("gives offset 3 to another record: it can never be read".to_owned(), true)
        );
    }
}
