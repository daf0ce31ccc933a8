//! The tables of oracle sheet 07 (7a, 7c, 7d) in virtual time, each test named after its row.

use std::collections::BTreeMap;

use super::*;
use crate::kafka::config::Version;
use crate::kernel::Duration;
use crate::trace::kafka::GroupState::*;
use crate::wire::kafka::{AssignorName, Goodbye, JoinResult, Membership, Subscription, SyncGroup};

mod classic_protocol_7a;
mod more;
mod offsets_7c_7d;

const GROUP: GroupId = GroupId(0);
const FIRST: ChannelId = ChannelId(0);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A coordinator that leads the one partition of the offsets topic, a clock, and everything that was answered.
struct Context {
    coordinator: Coordinator<u32>,
    now: Time,
    asked: u32,
    answers: BTreeMap<u32, Response>,
    /// Whether writes succeed at once; else they wait in `unwritten`.
    writes: Option<Result<(), ErrorCode>>,
    unwritten: Vec<Ticket>,
    log: Vec<OffsetsRecord>,
    facts: Vec<Kafka>,
}

/// What a member asks for in a JoinGroup.
#[derive(Clone)]
struct Wish {
    member: Option<MemberId>,
    instance: Option<u32>,
    session: u64,
    rebalance: u64,
    assignors: Vec<AssignorName>,
    topics: Vec<ChannelId>,
}

fn wish() -> Wish {
    let assignors = vec![AssignorName::Range];
    Wish { member: None, instance: None, session: 5_000, rebalance: 5_000, assignors, topics: vec![FIRST] }
}

impl Wish {
    fn timeouts(mut self, session: u64, rebalance: u64) -> Self {
        (self.session, self.rebalance) = (session, rebalance);
        self
    }

    fn instance(mut self, instance: u32) -> Self {
        self.instance = Some(instance);
        self
    }

    fn member(mut self, member: MemberId) -> Self {
        self.member = Some(member);
        self
    }

    fn assignors(mut self, assignors: &[AssignorName]) -> Self {
        self.assignors = assignors.to_vec();
        self
    }
}

fn stage() -> (Arc<Stage>, ChannelId) {
    let mut stage = Stage::default();
    stage.add_channel("first", 2, false, true);
    stage.add_channel("second", 2, false, true);
    let offsets = stage.add_channel("__consumer_offsets", 1, true, false);
    stage.add_group("group-id", Vec::new());
    (Arc::new(stage), offsets)
}

/// The partition of the offsets topic.
const HOME: PlaceId = PlaceId(4);

fn config() -> BrokerConfig {
    let mut config = BrokerConfig::of(Version::V4_1);
    config.group_min_session_timeout = ms(10);
    config.group_max_session_timeout = ms(600_000);
    config
}

impl Context {
    fn new() -> Self {
        Self::with(config())
    }

    fn with(config: BrokerConfig) -> Self {
        let (stage, offsets) = stage();
        let mut coordinator = Coordinator::new(Arc::new(config), stage, offsets);
        assert!(coordinator.lead(HOME, 1), "nothing is loaded yet");
        coordinator.load(Time::ZERO, HOME, &[]);
        Self {
            coordinator,
            now: Time::ZERO,
            asked: 0,
            answers: BTreeMap::new(),
            writes: Some(Ok(())),
            unwritten: Vec::new(),
            log: Vec::new(),
            facts: Vec::new(),
        }
    }

    fn take(&mut self, outputs: Vec<Output<u32>>) {
        for output in outputs {
            match output {
                Output::Answer(to, response) => {
                    let twice = self.answers.insert(to, response);
                    assert!(twice.is_none(), "request {to} is answered twice");
                }
                Output::Fact(fact) => self.facts.push(fact),
                Output::Append { ticket, records, place } => {
                    assert_eq!(place, HOME);
                    self.log.extend(records);
                    match self.writes {
                        Some(result) => self.written(ticket, result),
                        None => self.unwritten.push(ticket),
                    }
                }
            }
        }
    }

    fn written(&mut self, ticket: Ticket, result: Result<(), ErrorCode>) {
        let outputs = self.coordinator.appended(self.now, ticket, result);
        self.take(outputs);
    }

    /// Lets time pass in one step, as Kafka's own tests do: what was due meanwhile is done at its end.
    fn sleep(&mut self, millis: u64) {
        self.now += ms(millis);
        let outputs = self.coordinator.expire(self.now);
        self.take(outputs);
        let next = self.coordinator.next_deadline().expect("offsets are checked for ever");
        assert!(next > self.now, "nothing is left that was due");
    }

    fn ask(&mut self, request: Request) -> u32 {
        self.asked += 1;
        let outputs = self.coordinator.handle(self.now, self.asked, &request);
        self.take(outputs);
        self.asked
    }

    fn join_once(&mut self, wish: &Wish) -> u32 {
        let (member, instance) = (wish.member, wish.instance);
        let subscription =
            Subscription { topics: wish.topics.clone(), owned: Vec::new(), generation: None, rack: None };
        self.ask(Request::JoinGroup(Arc::new(JoinGroup {
            group: GROUP,
            membership: Membership { member, instance, generation: 0 },
            session_timeout: ms(wish.session),
            rebalance_timeout: ms(wish.rebalance),
            assignors: wish.assignors.clone(),
            subscription,
        })))
    }

    /// Joins, with the name that is given first where one is required.
    fn join(&mut self, wish: &Wish) -> u32 {
        let request = self.join_once(wish);
        match self.joined(request) {
            Some(result) if result.error == ErrorCode::MemberIdRequired => {
                let member = result.member.expect("a name is given");
                self.join_once(&wish.clone().member(member))
            }
            Some(_) | None => request,
        }
    }

    fn joined(&self, request: u32) -> Option<JoinResult> {
        match self.answers.get(&request)? {
            Response::JoinGroup(result) => Some(JoinResult::clone(result)),
            other => panic!("{other:?}"),
        }
    }

    fn join_error(&self, request: u32) -> ErrorCode {
        self.joined(request).expect("it is answered").error
    }

    /// Alone in a group that is stable then, for 3 s.
    fn stable(&mut self, wish: &Wish) -> MemberId {
        let request = self.join(wish);
        self.sleep(3_000);
        let member = self.joined(request).expect("the initial delay is over").member.expect("joined");
        assert_eq!(self.sync(member, 1, &[]), Ok(Vec::new()));
        assert_eq!(self.group().state, Stable);
        member
    }

    /// Two static members, instances 1 (leads) and 2, in a stable group of generation 1.
    fn stable_static(&mut self, wish: &Wish) -> [MemberId; 2] {
        let requests = [1, 2].map(|instance| self.join(&wish.clone().instance(instance)));
        self.sleep(3_000);
        self.sleep(3_000);
        let members = requests.map(|one| self.joined(one).expect("joined").member.expect("joined"));
        let [leader, follower] = members;
        let places = [PlaceId(0), PlaceId(1)].map(|place| Arc::from([place]));
        let assignment: Vec<_> = members.into_iter().zip(places).collect();
        self.sync_as(follower, Some(2), 1, &[]);
        self.sync_as(leader, Some(1), 1, &assignment);
        assert_eq!(self.group().state, Stable);
        members
    }

    fn sync_as(
        &mut self,
        member: MemberId,
        instance: Option<u32>,
        generation: u32,
        assignments: &[(MemberId, Arc<[PlaceId]>)],
    ) -> u32 {
        let membership = Membership { member: Some(member), instance, generation };
        let assignments = assignments.to_vec();
        self.ask(Request::SyncGroup(Arc::new(SyncGroup { group: GROUP, membership, assignments })))
    }

    fn synced(&self, request: u32) -> Option<Result<Vec<u32>, ErrorCode>> {
        match self.answers.get(&request)? {
            Response::SyncGroup(Ok(places)) => Some(Ok(places.iter().map(|place| place.0).collect())),
            Response::SyncGroup(Err(error)) => Some(Err(*error)),
            other => panic!("{other:?}"),
        }
    }

    fn sync(
        &mut self,
        member: MemberId,
        generation: u32,
        assignments: &[(MemberId, Arc<[PlaceId]>)],
    ) -> Result<Vec<u32>, ErrorCode> {
        let request = self.sync_as(member, None, generation, assignments);
        self.synced(request).expect("it is answered at once")
    }

    fn beat(&mut self, member: MemberId, generation: u32) -> ErrorCode {
        self.beat_as(member, None, generation)
    }

    fn beat_as(&mut self, member: MemberId, instance: Option<u32>, generation: u32) -> ErrorCode {
        let member = Some(member);
        let request = self.ask(Request::Heartbeat(GROUP, Membership { member, instance, generation }.into()));
        match self.answers[&request] {
            Response::Heartbeat(error) => error,
            ref other => panic!("{other:?}"),
        }
    }

    fn leave(&mut self, member: Option<MemberId>, instance: Option<u32>) -> ErrorCode {
        self.leave_for(member, instance, Goodbye::Closed)
    }

    fn leave_for(&mut self, member: Option<MemberId>, instance: Option<u32>, why: Goodbye) -> ErrorCode {
        let who = Membership { member, instance, generation: 0 };
        let request = self.ask(Request::LeaveGroup(GROUP, who.into(), why));
        match self.answers[&request] {
            Response::LeaveGroup(error) => error,
            ref other => panic!("{other:?}"),
        }
    }

    fn commit_as(&mut self, who: Membership, offsets: &[(u32, u64)]) -> u32 {
        let offsets = offsets.iter().map(|(place, offset)| (PlaceId(*place), *offset)).collect();
        self.ask(Request::OffsetCommit(Arc::new(OffsetCommit { group: GROUP, membership: who, offsets })))
    }

    fn committed(&self, request: u32) -> Option<ErrorCode> {
        match self.answers.get(&request)? {
            Response::OffsetCommit(error) => Some(*error),
            other => panic!("{other:?}"),
        }
    }

    fn commit(&mut self, member: Option<MemberId>, instance: Option<u32>, generation: u32) -> ErrorCode {
        let request = self.commit_as(Membership { member, instance, generation }, &[(0, 7)]);
        self.committed(request).expect("it is answered at once")
    }

    fn fetch(&mut self) -> Result<Vec<(u32, u64)>, ErrorCode> {
        let places = (0..4).map(PlaceId).collect();
        let request = self.ask(Request::OffsetFetch(GROUP, places));
        match &self.answers[&request] {
            Response::OffsetFetch(found) => found
                .as_ref()
                .map(|found| found.iter().map(|(place, it)| (place.0, *it)).collect())
                .map_err(|it| *it),
            other => panic!("{other:?}"),
        }
    }

    fn group(&self) -> &Group<u32> {
        &self.coordinator.groups[&GROUP].group
    }

    fn members(&self) -> Vec<MemberId> {
        self.group().members.keys().copied().collect()
    }

    /// State, generation, members.
    fn shown(&self) -> (GroupState, u32, usize) {
        (self.group().state, self.group().generation, self.group().members.len())
    }
}

fn nobody() -> Membership {
    Membership { member: None, instance: None, generation: 0 }
}
