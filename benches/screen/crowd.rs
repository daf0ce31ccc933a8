//! A cluster too large to look at: what the watch and the lens are told of ten thousand partitions, each with three
//! replicas, and of a thousand groups. For the bench, and for tests.

use std::sync::Arc;

use brokersim::kernel::{ActorId, Cast, Duration, Event, NodeId, Observer, Time};
use brokersim::observe::lens::{Lens, LensSetup, Look};
use brokersim::observe::{Watch, WatchSetup};
use brokersim::trace::kafka::{BrokerId, GroupReason, GroupState, Kafka};
use brokersim::trace::{ChannelId, Fact, GroupId, Ids, Life, PlaceId, RecordId, Stage};
use brokersim::tui::pace::Speed;
use brokersim::tui::{About, Clock, Model, Msg, Named, Palette, Report, Setting, Theme, update};

/// Partitions.
pub const PARTITIONS: u32 = 10_000;
/// Groups.
pub const GROUPS: u32 = 1_000;
/// Records in flight, the first of which lie in the first partition.
const RECORDS: u32 = 20_000;
/// For so long the groups' lag is known.
const LASTS: Duration = Duration::from_secs(600);

/// How the partitions lie in topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// All in one topic, which one group reads.
    OneTopic,
    /// Ten in each of a thousand topics, each read by a group.
    ManyTopics,
}

/// Who has seen it.
pub struct Crowd {
    watch: Watch,
    lens: Lens,
    about: Arc<About>,
    end: Time,
}

impl Crowd {
    /// A crowd of this shape, an instant after everything has happened.
    pub fn new(shape: Shape) -> Self {
        let stage = Arc::new(stage(shape));
        let cast = Arc::new(cast());
        let end = Time::ZERO + LASTS * 2;
        let setup = WatchSetup {
            stage: Arc::clone(&stage),
            cast: Arc::clone(&cast),
            warm_up: Time::ZERO,
            end,
            // A group's lag is kept at up to 2,000 instants.
            sample_every: LASTS / if shape == Shape::ManyTopics { 600 } else { 6 },
            for_tape: false,
        };
        let mut watch = Watch::new(setup);
        watch.remember();
        let mut lens = Lens::new(LensSetup { stage: Arc::clone(&stage), cast, scheduled: Vec::new() });
        let events: Vec<Event<Fact>> =
            (1..).zip(facts()).map(|(serial, (actor, fact))| event(serial, actor, fact)).collect();
        (&mut watch, &mut lens).observe(&events);
        watch.catch_up(Time::ZERO + LASTS);
        lens.catch_up(Time::ZERO + LASTS);
        let about = Arc::new(about(&stage));
        Self { watch, lens, about, end }
    }

    /// A screen that shows it.
    pub fn model(&self) -> Model {
        let theme = Theme::new(Palette::Dark, false);
        let mut model = Model::new("crowd", 1, theme, self.end).about(Arc::clone(&self.about));
        self.look(&mut model);
        model
    }

    /// What the run's side does for a frame.
    pub fn report(&self, look: &Look) -> Report {
        Report {
            snapshot: Arc::new(self.watch.snapshot()),
            detail: Arc::new(self.lens.detail(&self.watch, look)),
            front: self.watch.now(),
            clock: Clock::Paused,
            seeking: None,
            speed: Speed::REAL,
            reached: None,
            said: None,
            note: None,
            courses: Arc::default(),
            about: None,
            diff: None,
        }
    }

    /// Brings to a screen what it looks at.
    pub fn look(&self, model: &mut Model) {
        for _ in 0..3 {
            let report = self.report(&model.look());
            update(model, Msg::Tick(report));
        }
    }
}

fn stage(shape: Shape) -> Stage {
    let mut stage = Stage::default();
    stage.add_source("shop");
    let (topics, each) = match shape {
        Shape::OneTopic => (1, PARTITIONS),
        Shape::ManyTopics => (GROUPS, PARTITIONS / GROUPS),
    };
    let topics: Vec<ChannelId> =
        (0..topics).map(|topic| stage.add_channel(format!("topic-{topic}"), each, false, true)).collect();
    for group in 0..GROUPS {
        let reads = match shape {
            Shape::OneTopic if group > 0 => Vec::new(),
            Shape::OneTopic | Shape::ManyTopics => vec![topics[group as usize % topics.len()]],
        };
        stage.add_group(format!("group-{group}"), reads);
    }
    stage
}

/// Three brokers, and a consumer for each group.
fn cast() -> Cast {
    let names =
        (1..=3).map(|id| format!("broker-{id}")).chain((0..GROUPS).map(|id| format!("consumer-{id}")));
    let names: Vec<String> = names.collect();
    let actors = (0..).zip(&names).map(|(node, name)| (name.clone(), NodeId(node))).collect();
    Cast { nodes: names, actors }
}

fn event(serial: u64, actor: u32, fact: Fact) -> Event<Fact> {
    Event { at: Time::from_millis(1), serial, cause: 0, actor: ActorId(actor), fact }
}

/// Leaders first, then records, then the groups; each with who says it.
fn facts() -> impl Iterator<Item = (u32, Fact)> {
    let led = (0..PARTITIONS).map(|place| (place % 3, leader(place)));
    let records = [
        Life::Offered {
            channel: ChannelId(0),
            first: RecordId::new(0, 0),
            records: RECORDS,
            bytes: 2_000_000,
        },
        stored(0, RECORDS / 2),
        stored(1, RECORDS / 2),
        Life::Committed { place: PlaceId(0), upto: u64::from(RECORDS / 2) },
        Life::Committed { place: PlaceId(1), upto: u64::from(RECORDS / 4) },
    ];
    let records = records.into_iter().map(|life| (0, Fact::Life(life)));
    led.chain(records).chain((0..GROUPS).flat_map(group))
}

fn leader(place: u32) -> Fact {
    let all = [1, 2, 3].map(BrokerId);
    // One in eight has lost a replica.
    let isr: Arc<[BrokerId]> = if place % 8 == 7 { all[..2].into() } else { all.into() };
    Fact::Kafka(Kafka::PartitionChanged {
        place: PlaceId(place),
        leader: Some(BrokerId(place % 3 + 1)),
        unclean: false,
        leader_epoch: place % 7,
        partition_epoch: 0,
        isr,
        elr: Arc::from([]),
    })
}

/// Of the records, those of a half: the first in the first partition, the second in the next.
fn stored(half: u32, records: u32) -> Life {
    let first = RecordId::new(0, u64::from(half * records));
    Life::Stored { ids: Ids::Range { first, records }, place: PlaceId(half), offset: 0 }
}

/// A group that has formed.
fn group(group: u32) -> [(u32, Fact); 3] {
    let coordinator = group % 3;
    let changed = |from, to, why| {
        let group = GroupId(group);
        (coordinator, Fact::Kafka(Kafka::GroupChanged { group, from, to, generation: 1, members: 1, why }))
    };
    let places: Arc<[PlaceId]> = (0..PARTITIONS / GROUPS).map(|index| PlaceId(group * 10 + index)).collect();
    let assigned = Kafka::Assigned { group: GroupId(group), generation: 1, places };
    [
        changed(GroupState::Empty, GroupState::PreparingRebalance, GroupReason::MemberJoined),
        changed(GroupState::PreparingRebalance, GroupState::Stable, GroupReason::Assigned),
        (group + 3, Fact::Kafka(assigned)),
    ]
}

fn about(stage: &Stage) -> About {
    let named = stage.channels.iter().map(|channel| Named {
        name: channel.name.clone(),
        first_place: channel.first_place.0,
        places: channel.places,
        internal: channel.internal,
    });
    About {
        badge: "SIM",
        channels: named.collect(),
        groups: stage.groups.iter().map(|group| group.name.clone()).collect(),
        sources: stage.sources.clone(),
        settings: settings(stage),
        ..About::default()
    }
}

/// What somebody wrote for each topic, and what is worth knowing of the cluster.
fn settings(stage: &Stage) -> Vec<Setting> {
    const WRITTEN: [(&str, &str); 4] = [
        ("replication.factor", "3"),
        ("min.insync.replicas", "2"),
        ("cleanup.policy", "delete"),
        ("retention.ms", "604800000"),
    ];
    let setting = |of: &str, name: &str, value: &str, written| Setting {
        of: of.to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
        written,
    };
    let cluster = setting("", "unclean.leader.election.enable", "false", false);
    let of_topics = stage.channels.iter().flat_map(|channel| {
        WRITTEN.iter().map(move |(name, value)| setting(&channel.name, name, value, true))
    });
    of_topics.chain([cluster]).collect()
}
