//! One record followed through a run: every fact that is about it, and the blows to where it lay.
//!
//! Bounded: [`LINES`] steps; what comes after them is counted.

use std::sync::Arc;

use crate::kernel::{Cast, Event, Observer, Physics, Time};
use crate::trace::kafka::Kafka;
use crate::trace::mqtt::{Answer, Mqtt};
use crate::trace::{Fact, Ids, Life, PlaceId, RecordId, Stage, tell};

/// Steps kept.
const LINES: usize = 200;
/// Bytes of a key or value shown.
const BYTES: usize = 400;

/// What is known of the way of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Which.
    pub id: RecordId,
    /// The steps, in order.
    pub lines: Vec<TraceLine>,
    /// Steps that were left out at the end.
    pub more: u64,
    /// Its key, where contents are kept.
    pub key: Option<Arc<[u8]>>,
    /// Its value, where contents are kept; the beginning of it.
    pub value: Option<Arc<[u8]>>,
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
    /// Where it lies.
    spot: Option<(PlaceId, u64)>,
    committed: bool,
}

impl Follow {
    /// Follows the record from now on.
    pub fn new(id: RecordId, stage: Arc<Stage>, cast: Arc<Cast>) -> Self {
        let trace = Trace { id, lines: Vec::new(), more: 0, key: None, value: None };
        Self { stage, cast, trace, spot: None, committed: false }
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
            Life::Cut { place, from, why, .. } => self.cut(event, *place, *from, why.means()),
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
        if let Some(index) = self.is_in(ids) {
            let at = offset + u64::from(index);
            self.keep_content(ids, index);
            let again = if self.spot.is_some() { " once more" } else { "" };
            self.note(event, format!("appends it{again} at {}", self.place(place, at)), false, false);
            (self.spot, self.committed) = (Some((place, at)), false);
        } else if let Some(mine) = self.lies_in(place)
            && (offset..offset + u64::from(ids.len())).contains(&mine)
        {
            let text = format!("gives offset {mine} to another record: it can never be read");
            self.note(event, text, false, true);
            self.spot = None;
        }
    }

    fn keep_content(&mut self, ids: &Ids, index: u32) {
        let Ids::Span(span) = ids else { return };
        let Some(body) = span.batch.body(span.from + index) else { return };
        self.trace.key.clone_from(&body.key);
        self.trace.value = body.value.as_ref().map(|value| value[..value.len().min(BYTES)].into());
    }

    fn reached(&mut self, event: &Event<Fact>, place: PlaceId, upto: u64) {
        if !self.committed && self.lies_in(place).is_some_and(|offset| offset < upto) {
            self.committed = true;
            self.note(event, format!("high watermark {upto}: every replica in sync has it"), false, false);
        }
    }

    fn cut(&mut self, event: &Event<Fact>, place: PlaceId, from: u64, why: &str) {
        let Some(offset) = self.lies_in(place) else { return };
        let gone = offset >= from;
        let what = if gone { "GONE: the log that is read ends at" } else { "the log that is read ends at" };
        self.note(event, format!("{what} {from}: {why}"), !gone, gone);
    }

    fn settled(&mut self, event: &Event<Fact>, place: PlaceId, upto: u64, text: String) {
        let covers = self.lies_in(place).is_some_and(|offset| offset < upto);
        let said = self.trace.lines.iter().any(|line| same_settlement(&line.text, &text));
        if covers && !said {
            self.note(event, text, false, false);
        }
    }

    /// What happens to where it lies.
    fn aside(&mut self, event: &Event<Fact>) {
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
