//! Each promise, kept and broken, over facts made by hand.

mod lag;
mod leaders;
mod owners;
mod reads;
mod records;
mod signs;
mod whole;

use super::*;
use crate::kernel::{Crash, Duration, Observer, Physics};
use crate::observe::{Watch, WatchSetup};
use crate::trace::kafka::{BrokerId, ErrorCode, GroupReason, GroupState, Kafka, MemberId, PositionReason};
use crate::trace::{Batch, Injected, Phase, Reason, Record, Whom};

const ORDERS: ChannelId = ChannelId(0);
const PLACE: PlaceId = PlaceId(0);
const NEXT: PlaceId = PlaceId(1);
const BILLING: GroupId = GroupId(0);
const AUDIT: GroupId = GroupId(1);
const BROKER_1: ActorId = ActorId(0);
const BROKER_2: ActorId = ActorId(1);
const MEMBER_1: ActorId = ActorId(2);
const MEMBER_2: ActorId = ActorId(3);
const SHOP: ActorId = ActorId(4);
const CONTROLLER: ActorId = ActorId(5);

/// A watch over one expectation, and the clock. `orders` has two partitions, `other` has one; two groups read
/// `orders`. Every actor lives on a node of its own, of the same number.
struct Told {
    watch: Watch,
    serial: u64,
    now: Time,
}

impl Told {
    fn new(expected: Expectation, warm_up: Time) -> Self {
        let mut stage = Stage::default();
        let orders = stage.add_channel("orders", 2, false, true);
        stage.add_channel("other", 1, false, true);
        stage.add_group("billing", vec![orders]);
        stage.add_group("audit", vec![orders]);
        stage.add_source("shop");
        let names = ["broker-1", "broker-2", "billing-1", "billing-2", "shop", "controller"];
        let actors = (0..).zip(names).map(|(node, name)| (name.to_owned(), NodeId(node))).collect();
        let cast = Cast { nodes: names.map(str::to_owned).to_vec(), actors };
        let setup = WatchSetup {
            stage: Arc::new(stage),
            cast: Arc::new(cast),
            warm_up,
            end: Time::from_secs(1_000),
            sample_every: Duration::from_secs(1_000),
            for_tape: false,
        };
        Self { watch: Watch::new(setup).expecting(vec![expected]), serial: 0, now: Time::ZERO }
    }

    /// One millisecond later.
    fn tell(&mut self, actor: ActorId, fact: impl Into<Fact>) -> u64 {
        self.serial += 1;
        self.now += Duration::from_millis(1);
        // What one input leads to shares its cause.
        let event =
            Event { at: self.now, serial: self.serial, cause: self.serial - 1, actor, fact: fact.into() };
        self.watch.observe(&[event]);
        self.serial
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn offer(&mut self, first: u64, records: u32) {
        let first = RecordId::new(0, first);
        self.tell(SHOP, Life::Offered { channel: ORDERS, first, records, bytes: 100 });
    }

    fn store(&mut self, ids: &Ids, place: PlaceId, offset: u64) -> u64 {
        self.tell(BROKER_1, Life::Stored { ids: ids.clone(), place, offset })
    }

    fn commit(&mut self, actor: ActorId, place: PlaceId, upto: u64) -> u64 {
        self.tell(actor, Life::Committed { place, upto })
    }

    fn accept(&mut self, ids: &Ids) {
        self.tell(SHOP, Life::Accepted { ids: ids.clone(), place: Some(PLACE), offset: Some(0) });
    }

    /// Offered, stored, committed and accepted in one partition: `records` from number and offset `first` on.
    fn keep(&mut self, first: u64, records: u32) {
        let all = ids(first, records);
        self.offer(first, records);
        self.store(&all, PLACE, first);
        self.commit(BROKER_1, PLACE, first + u64::from(records));
        self.accept(&all);
    }

    fn deliver(&mut self, actor: ActorId, group: GroupId, ids: Ids, offset: u64) -> u64 {
        self.tell(actor, Life::Delivered { ids, group, place: PLACE, offset })
    }

    fn process(&mut self, group: GroupId, ids: Ids, offset: u64) -> u64 {
        self.tell(MEMBER_1, Life::Processed { ids, group, place: PLACE, offset })
    }

    /// Both groups are done with it.
    fn read(&mut self, first: u64, records: u32) {
        for (member, group) in [(MEMBER_1, BILLING), (MEMBER_2, AUDIT)] {
            self.deliver(member, group, ids(first, records), first);
            self.process(group, ids(first, records), first);
        }
    }

    fn settle(&mut self, group: GroupId, upto: u64) -> u64 {
        self.tell(BROKER_1, Life::Settled { group, place: PLACE, upto })
    }

    fn cut(&mut self, actor: ActorId, from: u64, why: Reason) -> u64 {
        self.tell(actor, Life::Cut { place: PLACE, from, why, log: None })
    }

    fn assign(&mut self, actor: ActorId, places: &[PlaceId]) -> u64 {
        self.tell(actor, Kafka::Assigned { group: BILLING, generation: 1, places: places.into() })
    }

    fn revoke(&mut self, actor: ActorId, places: &[PlaceId], lost: bool) {
        self.tell(actor, Kafka::Revoked { group: BILLING, places: places.into(), lost });
    }

    fn crash(&mut self, actor: ActorId) {
        self.tell(actor, Physics::Crashed { node: NodeId(actor.0), how: Crash::Process });
    }

    fn elect(&mut self, place: PlaceId, leader: u32, leader_epoch: u32, isr: &[u32]) -> u64 {
        self.tell(
            CONTROLLER,
            Kafka::PartitionChanged {
                place,
                leader: Some(BrokerId(leader)),
                unclean: false,
                leader_epoch,
                partition_epoch: leader_epoch,
                isr: isr.iter().map(|id| BrokerId(*id)).collect(),
                elr: [].into(),
            },
        )
    }

    fn lead(&mut self, actor: ActorId, leader_epoch: u32, log_end: u64, high_watermark: u64) -> u64 {
        self.tell(actor, Kafka::BecameLeader { place: PLACE, leader_epoch, log_end, high_watermark })
    }

    fn digest(&mut self, actor: ActorId, from: u64, upto: u64, digest: u64) -> u64 {
        let broker = BrokerId(actor.0 + 1);
        self.tell(actor, Kafka::LogDigest { broker, place: PLACE, from, upto, digest })
    }

    fn group(&mut self, from: GroupState, to: GroupState) -> u64 {
        let why = GroupReason::MemberJoined;
        self.tell(BROKER_1, Kafka::GroupChanged { group: BILLING, from, to, generation: 1, members: 1, why })
    }

    fn fault(&mut self, begins: bool) -> u64 {
        let whom = Whom::Nodes([NodeId(0)].into());
        let phase = if begins { Phase::Begins } else { Phase::Ends };
        self.tell(CONTROLLER, Injected { fault: 0, round: 0, kind: "kill", whom, phase })
    }

    fn end(mut self) -> Verdict {
        self.watch.close(self.now);
        self.watch.verdicts().remove(0)
    }
}

fn ids(first: u64, records: u32) -> Ids {
    Ids::Range { first: RecordId::new(0, first), records }
}

fn keyed(number: u64, key: i32) -> Ids {
    let record = Record::new(RecordId::new(0, number), Time::ZERO, Some(key), 10);
    Batch::new(vec![record], Vec::new(), 70).span().into()
}

fn always(promise: Promise) -> Expectation {
    Expectation::new(promise, Mode::Always)
}

/// What comes of one expectation when this happens.
fn told(expected: Expectation, story: impl Fn(&mut Told)) -> Verdict {
    let mut told = Told::new(expected, Time::ZERO);
    story(&mut told);
    told.end()
}

#[track_caller]
fn assert_held(verdict: &Verdict) {
    assert_eq!(verdict.outcome, Outcome::Held, "{verdict:#?}");
    assert_eq!(verdict.kept, verdict.mode != Mode::Broken);
}

/// How much broke it, and the first witness.
#[track_caller]
fn broken(verdict: &Verdict) -> (u64, &Witness) {
    match &verdict.outcome {
        Outcome::Broken { count, witnesses, .. } => (*count, &witnesses[0]),
        other => panic!("not broken: {other:?}"),
    }
}

/// The event, the first record, how many, and the offset of a witness.
fn seen(witness: &Witness) -> (u64, Option<u64>, u64, Option<u64>) {
    (witness.serial, witness.sequence, witness.records, witness.offset)
}
