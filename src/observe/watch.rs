//! The watch: the one observer of a run. It keeps the ledger, samples lag, follows groups and brokers, and
//! keeps the last notable lines. A [`Snapshot`] of it is all that a screen needs.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::kernel::{Cast, Duration, Event, NodeId, Observer, Physics, Time};
use crate::trace::kafka::{BrokerId, Kafka};
use crate::trace::{Fact, GroupId, Life, PlaceId, RecordId, Stage, tell};

use super::histogram::Histogram;
use super::lately::Lately;
use super::ledger::{self, Balance, Latencies, Ledger, Recent, Tally};
use super::promise::{Expectation, Promises, Verdict};
use super::views::{ChannelView, GroupView, LagSample, Line, NodeState, NodeView, PlaceView, Snapshot};

/// Latencies of a run, from the warm-up on.
#[derive(Clone, Debug)]
struct Stopwatch {
    from: Time,
    groups: Vec<Histogram>,
    processed: Vec<u64>,
    acknowledged: Histogram,
    /// By the second, warm-up or not; none where nobody looks.
    lately: Option<Box<Lately>>,
}

impl Latencies for Stopwatch {
    #[inline]
    fn processed(&mut self, group: GroupId, offered: Time, now: Time, records: u64) {
        self.processed[group.index()] += records;
        if offered >= self.from {
            self.groups[group.index()].add_many(now.since(offered), records);
        }
        if let Some(lately) = &mut self.lately {
            lately.add(now, now.since(offered), records);
        }
    }

    #[inline]
    fn accepted(&mut self, offered: Time, now: Time, records: u64) {
        if offered >= self.from {
            self.acknowledged.add_many(now.since(offered), records);
        }
    }
}

/// How many notable lines are kept.
const LINES: usize = 400;
/// A series longer than this keeps every other point.
const SERIES: usize = 2_000;

/// What a watch is told at the beginning.
#[derive(Clone, Debug)]
pub struct WatchSetup {
    /// Names and numbers.
    pub stage: Arc<Stage>,
    /// Names of nodes and actors.
    pub cast: Arc<Cast>,
    /// When statistics begin.
    pub warm_up: Time,
    /// When the run ends.
    pub end: Time,
    /// How often lag is sampled.
    pub sample_every: Duration,
    /// Whether closed records and lag samples are kept for the tape.
    pub for_tape: bool,
}

/// The observer of a run.
#[derive(Clone, Debug)]
pub struct Watch {
    setup: WatchSetup,
    ledger: Ledger<Stopwatch>,
    next_sample: Time,
    now: Time,
    facts: u64,
    groups: Vec<GroupView>,
    channels: Vec<ChannelView>,
    nodes: Vec<NodeView>,
    places: Vec<PlaceView>,
    lines: VecDeque<Line>,
    /// Totals at the beginning of the statistics: see [`Watch::measured`].
    at_warm_up: Option<(Time, Tally)>,
    /// Per sample: counts then, for rates.
    history: VecDeque<(Time, Vec<u64>, Vec<u64>)>,
    samples: Vec<LagSample>,
    keep_every: u64,
    sampled: u64,
    /// None when nothing is expected.
    promises: Option<Box<Promises>>,
}

impl Watch {
    /// A watch before the first event.
    pub fn new(setup: WatchSetup) -> Self {
        let stage = Arc::clone(&setup.stage);
        let stopwatch = Stopwatch {
            from: setup.warm_up,
            groups: vec![Histogram::default(); stage.groups.len()],
            processed: vec![0; stage.groups.len()],
            acknowledged: Histogram::default(),
            lately: None,
        };
        let node = |name: &String| NodeView { name: name.clone(), state: NodeState::Up, leads: 0 };
        Self {
            ledger: Ledger::new(Arc::clone(&stage), stopwatch, setup.for_tape),
            next_sample: Time::ZERO + setup.sample_every,
            now: Time::ZERO,
            facts: 0,
            groups: stage.groups.iter().map(|group| GroupView::new(&group.name)).collect(),
            channels: stage
                .channels
                .iter()
                .map(|channel| ChannelView {
                    name: channel.name.clone(),
                    places: channel.places,
                    offered: 0,
                    rate: 0,
                    committed: 0,
                })
                .collect(),
            nodes: setup.cast.nodes.iter().map(node).collect(),
            places: vec![PlaceView::default(); stage.places() as usize],
            lines: VecDeque::new(),
            at_warm_up: None,
            history: VecDeque::new(),
            samples: Vec::new(),
            keep_every: 1,
            sampled: 0,
            promises: None,
            setup,
        }
    }

    /// The same watch, over these expectations too.
    #[must_use]
    pub fn expecting(mut self, expected: Vec<Expectation>) -> Self {
        if expected.is_empty() {
            return self;
        }
        let WatchSetup { stage, cast, warm_up, .. } = &self.setup;
        let promises = Promises::new(Arc::clone(stage), Arc::clone(cast), *warm_up, expected);
        self.ledger.remark_on(promises.wants());
        self.promises = Some(Box::new(promises));
        self
    }

    /// What came of each expectation, in order: as it stands, and for good at the end of the run or once the watch is
    /// closed.
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.judged().map_or_else(Vec::new, |promises| promises.verdicts())
    }

    /// The promises as they stand; at the end of the run as they are judged once it is closed.
    fn judged(&self) -> Option<Cow<'_, Promises>> {
        let promises = self.promises.as_deref()?;
        if self.now < self.setup.end || promises.is_closed() {
            return Some(Cow::Borrowed(promises));
        }
        let mut over = self.clone();
        over.close(self.now);
        over.promises.map(|promises| Cow::Owned(*promises))
    }

    /// The books.
    pub fn balance(&self) -> Balance {
        self.ledger.balance()
    }

    /// Totals.
    pub fn tally(&self) -> Tally {
        self.ledger.tally()
    }

    /// Since when statistics count, and the totals then; the beginning when there is no warm-up.
    pub fn measured(&self) -> (Time, Tally) {
        self.at_warm_up.unwrap_or_default()
    }

    /// From offer to accepted.
    pub fn acknowledged(&self) -> &Histogram {
        &self.ledger.latencies.acknowledged
    }

    /// The groups, with their latencies.
    pub fn groups(&self) -> Vec<GroupView> {
        let mut groups = self.groups.clone();
        for (group, (latency, processed)) in
            groups.iter_mut().zip(self.ledger.latencies.groups.iter().zip(&self.ledger.latencies.processed))
        {
            group.latency = latency.clone();
            group.processed = *processed;
        }
        groups
    }

    /// Records that left the ledger since the last call.
    pub fn take_closed(&mut self) -> Vec<super::ledger::Closed> {
        self.ledger.take_closed()
    }

    /// From now on remembers which records left lately, and says in its snapshots how long they took: for a screen.
    pub fn remember(&mut self) {
        self.ledger.remember();
        self.ledger.latencies.lately.get_or_insert_default();
    }

    /// The records that left lately; none unless they are to be remembered ([`Watch::remember`]).
    pub fn recent(&self) -> Option<&Recent> {
        self.ledger.recent()
    }

    /// When a record was offered, if it is in flight or remembered among those that have left.
    pub fn offered_at(&self, id: RecordId) -> Option<Time> {
        let left = self.recent().and_then(|recent| recent.iter().find(|closed| closed.has(id)));
        left.map(|closed| closed.line.offered).or_else(|| self.ledger.line(id).map(|line| line.offered))
    }

    /// Lag samples since the last call.
    pub fn take_samples(&mut self) -> Vec<LagSample> {
        std::mem::take(&mut self.samples)
    }

    /// Both of these.
    pub fn take_ready(&mut self) -> (Vec<super::ledger::Closed>, Vec<LagSample>) {
        (self.take_closed(), self.take_samples())
    }

    /// Ends the run at `now`: a last sample, and every record that is left is closed as it stands.
    pub fn close(&mut self, now: Time) {
        self.catch_up(now);
        self.sample(now);
        self.ledger.close(self.facts, now);
        if let Some(promises) = &mut self.promises {
            promises.close(self.facts, now, &self.ledger.take_remarks());
        }
    }

    /// Lets time pass without events.
    pub fn catch_up(&mut self, now: Time) {
        while self.next_sample <= now {
            self.sample(self.next_sample);
            self.next_sample += self.setup.sample_every;
        }
        self.now = self.now.max(now);
    }

    /// The instant it has come to.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The last notable lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Line> {
        self.lines.iter()
    }

    /// The groups as they were at the last sample, without latencies and counts.
    pub fn group_views(&self) -> &[GroupView] {
        &self.groups
    }

    /// How many committed records of a place a group has not settled.
    pub fn place_lag(&self, group: GroupId, place: PlaceId) -> u64 {
        self.ledger.lag(group, place)
    }

    /// Every record that has no fate yet, and how far it has come.
    pub fn in_flight(&self) -> impl Iterator<Item = (RecordId, ledger::Line, &[ledger::Leg], ledger::Fate)> {
        self.ledger.in_flight()
    }

    /// What a screen draws.
    pub fn snapshot(&self) -> Snapshot {
        let balance = self.ledger.balance();
        let dropped: u64 = balance.dropped.values().sum();
        let users =
            self.channels.iter().zip(&self.setup.stage.channels).filter(|(_, channel)| !channel.internal);
        Snapshot {
            now: self.now,
            end: self.setup.end,
            facts: self.facts,
            tally: self.ledger.tally(),
            lost: balance.lost_total() + dropped,
            books: balance,
            channels: users.map(|(view, _)| view.clone()).collect(),
            groups: self.counted(),
            latencies_p99: self.ledger.latencies.lately.as_ref().map(|lately| lately.seconds(self.now)),
            nodes: self.nodes_with_leaders(),
            places: self.places.clone(),
            lines: self.lines.iter().cloned().collect(),
            promises: self.judged().map_or_else(Vec::new, |promises| promises.views()),
        }
    }

    /// The groups with their counts; a screen asks for them thirty times a second.
    fn counted(&self) -> Vec<GroupView> {
        let processed = &self.ledger.latencies.processed;
        let count =
            |(group, processed): (&GroupView, &u64)| GroupView { processed: *processed, ..group.clone() };
        self.groups.iter().zip(processed).map(count).collect()
    }

    fn nodes_with_leaders(&self) -> Vec<NodeView> {
        let mut leads: BTreeMap<BrokerId, u32> = BTreeMap::new();
        let users = self.setup.stage.channels.iter().filter(|channel| !channel.internal);
        for place in users.flat_map(|channel| channel.places()) {
            if let Some(leader) = self.places[place.index()].leader {
                *leads.entry(leader).or_default() += 1;
            }
        }
        let mut nodes = self.nodes.clone();
        for node in &mut nodes {
            let broker = node.name.strip_prefix("broker-").and_then(|number| number.parse().ok());
            node.leads = broker.and_then(|broker| leads.get(&BrokerId(broker)).copied()).unwrap_or(0);
        }
        nodes
    }

    fn sample(&mut self, at: Time) {
        if self.at_warm_up.is_none() && at >= self.setup.warm_up && self.setup.warm_up > Time::ZERO {
            self.at_warm_up = Some((at, self.ledger.tally()));
        }
        self.sampled += 1;
        let stage = Arc::clone(&self.setup.stage);
        for (index, group) in stage.groups.iter().enumerate() {
            let (mut lag, mut behind) = (0, Duration::ZERO);
            for channel in &group.reads {
                for place in stage.channels[channel.index()].places() {
                    let sample = self.lag_of(at, GroupId(index as u32), place);
                    lag += sample.lag;
                    behind = behind.max(sample.behind);
                    if self.setup.for_tape {
                        self.samples.push(sample);
                    }
                }
            }
            self.groups[index].note(at, lag, behind, self.sampled.is_multiple_of(self.keep_every));
        }
        if self.groups.first().is_some_and(|group| group.series.len() > SERIES) {
            self.keep_every *= 2;
            self.groups.iter_mut().for_each(GroupView::thin_out);
        }
        self.note_rates(at);
    }

    fn lag_of(&self, at: Time, group: GroupId, place: PlaceId) -> LagSample {
        let lag = self.ledger.lag(group, place);
        let oldest = if lag > 0 { self.ledger.oldest_unsettled(group, place) } else { None };
        LagSample {
            at,
            group,
            place,
            log_end: self.ledger.committed(place),
            committed: self.ledger.settled(group, place),
            lag,
            behind: oldest.map_or(Duration::ZERO, |stored| at.since(stored)),
        }
    }

    /// Rates are averages over about the last second.
    fn note_rates(&mut self, at: Time) {
        let offered: Vec<u64> = self.channels.iter().map(|channel| channel.offered).collect();
        let processed = self.ledger.latencies.processed.clone();
        while self.history.len() > 1 && at.since(self.history[1].0) >= Duration::from_secs(1) {
            self.history.pop_front();
        }
        if let Some((then, offered_then, processed_then)) = self.history.front() {
            let millis = at.since(*then).as_millis().max(1);
            for ((channel, now), then) in self.channels.iter_mut().zip(&offered).zip(offered_then) {
                channel.rate = (now - then) * 1_000 / millis;
            }
            for ((group, now), then) in self.groups.iter_mut().zip(&processed).zip(processed_then) {
                group.rate = (now - then) * 1_000 / millis;
            }
        }
        for (index, channel) in
            self.setup.stage.channels.iter().enumerate().filter(|(_, channel)| !channel.internal)
        {
            self.channels[index].committed = channel.places().map(|place| self.ledger.committed(place)).sum();
        }
        self.history.push_back((at, offered, processed));
    }

    fn take(&mut self, event: &Event<Fact>) {
        match &event.fact {
            Fact::Life(life) => {
                if let Life::Offered { channel, records, .. } = life {
                    self.channels[channel.index()].offered += u64::from(*records);
                }
                if matches!(
                    life,
                    Life::Offered { .. }
                        | Life::Accepted { .. }
                        | Life::Stored { .. }
                        | Life::Committed { .. }
                        | Life::Delivered { .. }
                        | Life::Processed { .. }
                        | Life::Settled { .. }
                        | Life::Acknowledged { .. }
                ) {
                    return;
                }
            }
            Fact::Physics(physics) => self.take_physics(physics),
            Fact::Kafka(kafka) => self.take_kafka(event.at, kafka),
            Fact::ZeroMq(_) | Fact::Mqtt(_) | Fact::Injected(_) | Fact::Commanded(_) => {}
        }
        let Some(told) = tell(event, &self.setup.stage, &self.setup.cast) else { return };
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        let (weight, tag, text) = (told.weight, told.tag, told.text);
        self.lines.push_back(Line { at: event.at, serial: event.serial, weight, tag, text });
    }

    fn take_physics(&mut self, physics: &Physics) {
        let mut set = |node: NodeId, state| self.nodes[node.0 as usize].state = state;
        match *physics {
            Physics::Crashed { node, .. } => set(node, NodeState::Down),
            Physics::Restarted { node } | Physics::Resumed { node } => set(node, NodeState::Up),
            Physics::Paused { node } => set(node, NodeState::Paused),
            Physics::Cut { .. }
            | Physics::Healed { .. }
            | Physics::Refused { .. }
            | Physics::Undelivered { .. } => {}
        }
    }

    fn take_kafka(&mut self, at: Time, kafka: &Kafka) {
        if let Kafka::PartitionChanged { place, leader, leader_epoch, isr, .. } = kafka {
            self.places[place.index()] =
                PlaceView { leader: *leader, leader_epoch: *leader_epoch, isr: Arc::clone(isr) };
        }
        if let Kafka::GroupChanged { group, to, generation, members, why, .. } = kafka {
            self.groups[group.index()].change(at, *to, *generation, *members, *why);
        }
    }
}

impl Observer<Fact> for Watch {
    fn observe(&mut self, events: &[Event<Fact>]) {
        // The ledger takes runs of events between two samples at once.
        let mut rest = events;
        while let Some(last) = rest.last() {
            let upto = if last.at < self.next_sample {
                rest.len()
            } else {
                rest.partition_point(|event| event.at < self.next_sample)
            };
            let (now, later) = rest.split_at(upto);
            self.ledger.observe(now);
            if let Some(promises) = &mut self.promises {
                promises.observe(now, &self.ledger.take_remarks());
            }
            for event in now {
                self.take(event);
            }
            if let Some(event) = later.first() {
                self.catch_up(event.at);
            }
            rest = later;
        }
        if let Some(last) = events.last() {
            self.now = last.at;
            self.facts = last.serial;
        }
    }
}
