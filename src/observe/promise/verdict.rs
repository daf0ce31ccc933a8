//! What is expected of a run, and what came of it.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::kernel::{Duration, Time};
use crate::trace::{ChannelId, GroupId, PlaceId, Reason, RecordId, Stage};

use super::catalogue::{Counts, Promise};

/// Under which word of `[expect]` a promise is demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It must hold at every instant of the run, the drain included.
    Always,
    /// It must happen at least once: a run in which nothing could go wrong proves nothing.
    Sometimes,
    /// It must hold at the end of the run, after the drain, whatever happened before.
    Eventually,
    /// It must be broken; by the number that is said, when one is.
    Broken,
}

impl Mode {
    /// All modes, in the order in which a file has them.
    pub const ALL: [Self; 4] = [Self::Always, Self::Sometimes, Self::Eventually, Self::Broken];

    /// Its key in `[expect]`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Sometimes => "sometimes",
            Self::Eventually => "eventually",
            Self::Broken => "broken",
        }
    }
}

/// One thing that a scenario expects, its names resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Which promise.
    pub promise: Promise,
    /// How it is demanded.
    pub mode: Mode,
    /// Only this channel; all of them when none.
    pub topic: Option<ChannelId>,
    /// Only this group; all of them when none.
    pub group: Option<GroupId>,
    /// The bound of those that have one in time.
    pub time: Option<Duration>,
    /// The bound of those that have one in records.
    pub records: Option<u64>,
    /// For [`Mode::Broken`]: how many times, or records, exactly.
    pub count: Option<u64>,
    /// For [`Mode::Broken`]: how many records for each of these causes, exactly. Other causes are not looked at.
    pub causes: BTreeMap<Reason, u64>,
}

impl Expectation {
    /// A promise without scope, bound or number.
    pub fn new(promise: Promise, mode: Mode) -> Self {
        Self {
            promise,
            mode,
            topic: None,
            group: None,
            time: None,
            records: None,
            count: None,
            causes: BTreeMap::new(),
        }
    }

    /// What it is about beyond its name, in words: `group billing, below 1000 records`; empty when nothing.
    pub fn scope(&self, stage: &Stage) -> String {
        let topic = self.topic.map(|topic| format!("topic {}", stage.channels[topic.index()].name));
        let group = self.group.map(|group| format!("group {}", stage.groups[group.index()].name));
        let time = self.time.map(|time| time.to_string());
        let records = self.records.map(|records| format!("{records} records"));
        let said: Vec<_> = [topic, group, time, records].into_iter().flatten().collect();
        said.join(", ")
    }
}

/// What happened to a promise.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing broke it.
    Held,
    /// It was broken.
    Broken {
        /// How many times, or how many records: [`Verdict::counts`].
        count: u64,
        /// Of these, those that have a cause, by cause.
        causes: BTreeMap<Reason, u64>,
        /// The first of them, at most [`WITNESSES`].
        witnesses: Vec<Witness>,
    },
    /// For [`Mode::Sometimes`]: it happened.
    Happened {
        /// How many times, or to how many records.
        count: u64,
        /// The first of them, at most [`WITNESSES`].
        witnesses: Vec<Witness>,
    },
    /// For [`Mode::Sometimes`]: it did not.
    NeverHappened,
}

/// How many witnesses are kept: the first ones. The count goes on.
pub const WITNESSES: usize = 5;

/// An event that shows what happened, and the records that it happened to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Witness {
    /// The event: its number in the stream of facts.
    pub serial: u64,
    /// When, in nanoseconds of simulated time.
    pub at: Time,
    /// The first record concerned. In files the word that the tape has in its column `record`.
    pub record: Option<RecordId>,
    /// How many records, consecutive ones of the source from `record` on; 0 when it is not about records.
    pub records: u64,
    /// Who published them.
    pub source: Option<String>,
    /// The number of the first at its source.
    pub sequence: Option<u64>,
    /// Where, as `orders-3`.
    #[serde(rename = "partition")]
    pub place_name: Option<String>,
    /// The same as a number of the stage.
    #[serde(skip)]
    pub place: Option<PlaceId>,
    /// The offset of the first record, or that the sentence speaks of.
    pub offset: Option<u64>,
    /// Which group.
    pub group: Option<String>,
    /// The cause, when the ledger knows one.
    #[serde(serialize_with = "by_name")]
    pub why: Option<Reason>,
    /// The whole in words, without the time.
    pub text: String,
}

fn by_name<S: Serializer>(why: &Option<Reason>, serializer: S) -> Result<S::Ok, S::Error> {
    why.map(Reason::name).serialize(serializer)
}

impl Witness {
    /// A witness that is not about records.
    pub fn new(serial: u64, at: Time, text: String) -> Self {
        Self {
            serial,
            at,
            record: None,
            records: 0,
            source: None,
            sequence: None,
            place_name: None,
            place: None,
            offset: None,
            group: None,
            why: None,
            text,
        }
    }

    /// Where it was.
    #[must_use]
    pub fn place(self, stage: &Stage, place: PlaceId, offset: Option<u64>) -> Self {
        Self { place: Some(place), place_name: Some(stage.place_name(place)), offset, ..self }
    }

    /// Whose group.
    #[must_use]
    pub fn group(self, stage: &Stage, group: GroupId) -> Self {
        Self { group: Some(stage.groups[group.index()].name.clone()), ..self }
    }

    /// To which records.
    #[must_use]
    pub fn records(self, stage: &Stage, first: RecordId, records: u64) -> Self {
        let source = stage.sources.get(first.source() as usize).cloned();
        Self { record: Some(first), records, source, sequence: Some(first.sequence()), ..self }
    }

    /// All of it in one line: `at 39.05 s: shop 12004 to 12006 (orders-0 from offset 11998): ... [fact 81234]`.
    pub fn line(&self) -> String {
        format!("at {}: {} [fact {}]", self.at, self.told(), self.serial)
    }

    /// Whom it struck, and what happened, for those who see when.
    pub fn told(&self) -> String {
        let records = match (&self.source, self.sequence) {
            (Some(source), Some(first)) if self.records > 1 => {
                format!("{source} {first} to {}", first + self.records - 1)
            }
            (Some(source), Some(first)) => format!("{source} {first}"),
            (_, _) => String::new(),
        };
        let from = if self.records > 1 { "from offset" } else { "offset" };
        let place = match (&self.place_name, self.offset) {
            (Some(place), Some(offset)) if !records.is_empty() => format!(" ({place} {from} {offset})"),
            (Some(place), None) if !records.is_empty() => format!(" ({place})"),
            (_, _) => String::new(),
        };
        let who = if records.is_empty() { String::new() } else { format!("{records}{place}: ") };
        format!("{who}{}", self.text)
    }
}

/// What came of one expectation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The promise's name.
    #[serde(serialize_with = "promise_by_name")]
    pub promise: Promise,
    /// How it was demanded.
    pub mode: Mode,
    /// What it is about beyond its name, in words; empty when nothing.
    pub scope: String,
    /// Whether the run is as expected.
    pub kept: bool,
    /// What was expected, in words: `holds at every instant`, `broken for exactly 3 records`.
    pub expected: String,
    /// What its numbers count.
    pub counts: Counts,
    /// What happened.
    #[serde(flatten)]
    pub outcome: Outcome,
}

fn promise_by_name<S: Serializer>(promise: &Promise, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(promise.name())
}

impl Verdict {
    /// The name with its scope: `lag-below (group billing, 1000 records)`.
    pub fn title(&self) -> String {
        let name = self.promise.name();
        if self.scope.is_empty() { name.to_owned() } else { format!("{name} ({})", self.scope) }
    }

    /// How many times, or records, broke it or made it happen.
    pub fn count(&self) -> u64 {
        match &self.outcome {
            Outcome::Broken { count, .. } | Outcome::Happened { count, .. } => *count,
            Outcome::Held | Outcome::NeverHappened => 0,
        }
    }

    /// The first events that show it.
    pub fn witnesses(&self) -> &[Witness] {
        match &self.outcome {
            Outcome::Broken { witnesses, .. } | Outcome::Happened { witnesses, .. } => witnesses,
            Outcome::Held | Outcome::NeverHappened => &[],
        }
    }

    /// What happened, in words: `held`, `broken for 3 records`, `never happened`.
    pub fn happened(&self) -> String {
        match &self.outcome {
            Outcome::Held => "held".to_owned(),
            Outcome::NeverHappened => "never happened".to_owned(),
            Outcome::Broken { count, .. } => format!("broken {}", self.counts.of(*count)),
            Outcome::Happened { count, .. } => format!("happened {}", self.counts.of(*count)),
        }
    }

    /// One line about why the run is not as expected; empty when it is.
    pub fn complaint(&self) -> String {
        if self.kept {
            return String::new();
        }
        format!("expected: {}; {}", self.expected, self.happened())
    }
}

/// What a report has counted so far about one expectation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// How many times, or records.
    pub count: u64,
    /// By cause.
    pub causes: BTreeMap<Reason, u64>,
    /// The first ones.
    pub witnesses: Vec<Witness>,
}

impl Report {
    /// Counts `count` more; `witness` is only asked for while there is room for it.
    pub fn note(&mut self, count: u64, witness: impl FnOnce() -> Witness) {
        self.count += count;
        if self.witnesses.len() < WITNESSES {
            self.witnesses.push(witness());
        }
    }

    /// Counts one record. Records that follow on one another in the same event and for the same cause share
    /// a witness.
    pub fn note_record(
        &mut self,
        (serial, at): (u64, Time),
        record: RecordId,
        why: Option<Reason>,
        stage: &Stage,
        witness: impl FnOnce(Witness) -> Witness,
    ) {
        if let Some(why) = why {
            *self.causes.entry(why).or_default() += 1;
        }
        let follows = |last: &Witness| {
            last.serial == serial
                && last.why == why
                && last.record.is_some_and(|first| first.to_bits() + last.records == record.to_bits())
        };
        if let Some(last) = self.witnesses.last_mut().filter(|last| follows(last)) {
            self.count += 1;
            last.records += 1;
            return;
        }
        self.note(1, || {
            let bare = Witness { why, ..Witness::new(serial, at, String::new()) };
            witness(bare.records(stage, record, 1))
        });
    }

    /// The verdict.
    pub fn judge(self, expectation: &Expectation, stage: &Stage) -> Verdict {
        let counts = expectation.promise.entry().counts;
        let kept = self.is_as_expected(expectation);
        let Self { count, causes, witnesses } = self;
        let outcome = match (expectation.mode, count) {
            (Mode::Sometimes, 0) => Outcome::NeverHappened,
            (Mode::Sometimes, _) => Outcome::Happened { count, witnesses },
            (Mode::Always | Mode::Eventually | Mode::Broken, 0) => Outcome::Held,
            (Mode::Always | Mode::Eventually | Mode::Broken, _) => {
                Outcome::Broken { count, causes, witnesses }
            }
        };
        Verdict {
            promise: expectation.promise,
            mode: expectation.mode,
            scope: expectation.scope(stage),
            kept,
            expected: expected(expectation, counts),
            counts,
            outcome,
        }
    }

    fn is_as_expected(&self, expectation: &Expectation) -> bool {
        match expectation.mode {
            Mode::Always | Mode::Eventually => self.count == 0,
            Mode::Sometimes => self.count > 0,
            Mode::Broken => {
                let found = |why| self.causes.get(why).copied().unwrap_or(0);
                let causes = expectation.causes.iter().all(|(why, count)| found(why) == *count);
                self.count > 0 && expectation.count.is_none_or(|count| count == self.count) && causes
            }
        }
    }
}

fn expected(expectation: &Expectation, counts: Counts) -> String {
    match expectation.mode {
        Mode::Always => "holds at every instant".to_owned(),
        Mode::Eventually => "holds at the end".to_owned(),
        Mode::Sometimes => "happens at least once".to_owned(),
        Mode::Broken => {
            let causes = expectation.causes.iter().map(|(why, count)| format!("{count} by {}", why.name()));
            let number = expectation.count.map(|count| format!("exactly {}", counts.words(count)));
            let said: Vec<_> = number.into_iter().chain(causes).collect();
            if said.is_empty() { "broken".to_owned() } else { format!("broken, {}", said.join(", ")) }
        }
    }
}
