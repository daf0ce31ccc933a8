//! Three replicas under a scheduler that delays, reorders and repeats what it likes: TLA+'s `StrongIsr` (oracle
//! sheet 12) holds with truncation on fetch, and breaks when followers truncate to their high watermark.

use super::*;
use crate::kafka::log::Log;
use crate::kafka::log::testing::{batch, log_with};
use crate::kernel::{Crash, Duration, Rng, Time};
use crate::trace::kafka::{BrokerId, ErrorCode};
use crate::trace::{Few, PlaceId};
use crate::wire::kafka::{FetchPlace, FetchedPlace, Partition};

const REPLICAS: usize = 3;
const STEPS: u32 = 2_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    /// As Kafka does it: KIP-101, KIP-279, KIP-320.
    OnFetch,
    /// As it was before KIP-101.
    ToHighWatermark,
}

enum Role {
    Idle,
    Leads(Leader),
    Follows(Follower),
}

struct Request {
    from: usize,
    incarnation: u64,
    to: usize,
    asked: FetchPlace,
}

/// An AlterPartition request: who, the set, leader epoch and partition epoch.
type Alter = (usize, Vec<BrokerId>, u32, u32);

struct World {
    mode: Mode,
    rng: Rng,
    now: Time,
    logs: Vec<Log>,
    roles: Vec<Role>,
    incarnations: Vec<u64>,
    /// How much of the controller's history each replica has seen.
    seen: Vec<usize>,
    /// The partition at the controller, through all changes.
    history: Vec<Partition>,
    requests: Vec<Request>,
    responses: Vec<(usize, FetchPlace, FetchedPlace)>,
    alters: Vec<Alter>,
    /// To whom, and the partition epoch of the request.
    answers: Vec<(usize, u32, Result<Partition, ErrorCode>)>,
    next_id: u64,
    truncations: u32,
}

impl World {
    fn new(mode: Mode, seed: u64) -> Self {
        let mut rng = Rng::named(seed, "replicas");
        let min_isr = 1 + rng.below(2) as u32;
        let log = log_with(|config| config.min_insync_replicas = min_isr);
        let everybody: Vec<_> = (0..REPLICAS as u32).map(BrokerId).collect();
        let first = Partition {
            replicas: everybody.clone().into(),
            isr: everybody.into(),
            elr: [].into(),
            last_known_elr: [].into(),
            leader: Some(BrokerId(0)),
            leader_epoch: 0,
            partition_epoch: 0,
            recovering: false,
        };
        Self {
            mode,
            rng,
            now: Time::ZERO,
            logs: vec![log; REPLICAS],
            roles: (0..REPLICAS).map(|_| Role::Idle).collect(),
            incarnations: vec![0; REPLICAS],
            seen: vec![0; REPLICAS],
            history: vec![first],
            requests: Vec::new(),
            responses: Vec::new(),
            alters: Vec::new(),
            answers: Vec::new(),
            next_id: 0,
            truncations: 0,
        }
    }

    fn step(&mut self) {
        self.now += Duration::from_millis(self.rng.below(200));
        let who = self.rng.below(REPLICAS as u64) as usize;
        match self.rng.below(100) {
            0..13 => self.write(who),
            13..36 => self.send_fetch(who),
            36..55 => self.deliver_request(),
            55..74 => self.deliver_response(),
            74..86 => self.learn(who),
            86..88 => self.elect(who),
            88..89 => self.remove(who),
            89..93 => self.deliver_alter(),
            93..97 => self.deliver_answer(),
            97..99 => self.shrink(who),
            99.. => self.restart(who),
        }
    }

    fn write(&mut self, who: usize) {
        if let Role::Leads(leader) = &mut self.roles[who] {
            let batch = batch(self.next_id, 1, self.now);
            self.next_id += 1;
            self.logs[who].append(self.now, leader.leader_epoch(), None, batch).expect("a new batch");
            leader.on_append(&mut self.logs[who], self.now);
        }
    }

    fn send_fetch(&mut self, who: usize) {
        let Role::Follows(follower) = &self.roles[who] else { return };
        let mut asked = follower.fetch(PlaceId(0), &self.logs[who], 250);
        if self.mode == Mode::ToHighWatermark {
            asked.last_epoch = None;
        }
        let (to, incarnation) = (follower.leader().0 as usize, self.incarnations[who]);
        // One request at a time to each leader; those to earlier ones may still be on their way.
        let is_same = |request: &Request| (request.from, request.asked) == (who, asked);
        if self.requests.iter().any(is_same)
            || self.responses.iter().any(|(to, was, _)| (*to, *was) == (who, asked))
        {
            return;
        }
        self.requests.push(Request { from: who, incarnation, to, asked });
    }

    fn deliver_request(&mut self) {
        let Some(request) = take_any(&mut self.rng, &mut self.requests) else { return };
        let fetched = self.answer(&request);
        if request.incarnation == self.incarnations[request.from] {
            self.responses.push((request.from, request.asked, fetched));
        }
    }

    fn answer(&mut self, request: &Request) -> FetchedPlace {
        let (log, asked) = (&mut self.logs[request.to], &request.asked);
        let Role::Leads(leader) = &mut self.roles[request.to] else {
            return fetched(log, ErrorCode::NotLeaderOrFollower, None);
        };
        let known = leader.check_epoch(asked.leader_epoch);
        match known.and_then(|()| log.divergence(asked.offset, asked.last_epoch)) {
            Err(error) => fetched(log, error, None),
            Ok(Some(diverging)) => fetched(log, ErrorCode::None, Some(diverging)),
            Ok(None) => {
                let mut answer = fetched(log, ErrorCode::None, None);
                answer.chunks = log.read(asked.offset, log.end(), asked.max_bytes).expect("in range");
                let id = BrokerId(request.from as u32);
                let progress = leader.on_follower_fetch(log, id, request.incarnation, asked.offset, self.now);
                if let Some(isr) = progress.ok().and_then(|progress| progress.ask) {
                    self.alters.push((request.to, isr, leader.leader_epoch(), leader.partition_epoch()));
                }
                answer
            }
        }
    }

    fn deliver_response(&mut self) {
        let Some((to, asked, mut fetched)) = take_any(&mut self.rng, &mut self.responses) else { return };
        let (Role::Follows(follower), log) = (&mut self.roles[to], &mut self.logs[to]) else { return };
        match follower.take(log, &asked, &mut fetched, self.now) {
            Taken::Truncated { .. } => self.truncations += 1,
            Taken::OutOfRange => {
                follower.out_of_range(log, fetched.log_start, fetched.high_watermark);
            }
            Taken::Appended { .. } | Taken::Failed(_) | Taken::Stale => {}
        }
    }

    /// A replica learns a later state of the partition, not always the last.
    fn learn(&mut self, who: usize) {
        let unseen = self.history.len() - self.seen[who];
        if unseen == 0 {
            return;
        }
        self.seen[who] += 1 + self.rng.below(unseen as u64) as usize;
        let partition = self.history[self.seen[who] - 1].clone();
        let (log, id) = (&mut self.logs[who], BrokerId(who as u32));
        let is_leader = partition.leader == Some(id);
        match (&mut self.roles[who], partition.leader) {
            (Role::Leads(leader), _) if is_leader => {
                leader.update(&partition, log, self.now);
            }
            (role, _) if is_leader => {
                *role = Role::Leads(Leader::new(id, &partition, Duration::from_secs(5), log, self.now));
            }
            (_, None) => self.roles[who] = Role::Idle,
            (_, Some(leader)) => self.follow(who, leader, partition.leader_epoch),
        }
    }

    fn follow(&mut self, who: usize, leader: BrokerId, leader_epoch: u32) {
        let log = &mut self.logs[who];
        let is_known = match &self.roles[who] {
            Role::Follows(follower) => follower.leader_epoch() == leader_epoch,
            Role::Idle | Role::Leads(_) => false,
        };
        if is_known {
            return;
        }
        if self.mode == Mode::ToHighWatermark {
            self.truncations += u32::from(log.truncate_to(log.high_watermark()).is_some());
        }
        self.roles[who] = Role::Follows(Follower::new(leader, leader_epoch, log).0);
    }

    fn current(&self) -> &Partition {
        self.history.last().expect("the partition exists")
    }

    fn change(&mut self, isr: Vec<BrokerId>, leader: Option<BrokerId>) {
        let mut next = self.current().clone();
        next.partition_epoch += 1;
        if leader != next.leader {
            next.leader_epoch += 1;
        }
        (next.isr, next.leader) = (isr.into(), leader);
        self.history.push(next);
    }

    fn elect(&mut self, who: usize) {
        let id = BrokerId(who as u32);
        if self.current().isr.contains(&id) {
            self.change(self.current().isr.to_vec(), Some(id));
        }
    }

    /// The controller fences a broker: it leaves the in-sync set unless it is the last.
    fn remove(&mut self, who: usize) {
        let (id, now) = (BrokerId(who as u32), self.current());
        let left: Vec<_> = now.isr.iter().copied().filter(|member| *member != id).collect();
        let isr = if left.is_empty() { now.isr.to_vec() } else { left };
        let leader = now.leader.filter(|leader| *leader != id);
        self.change(isr, leader);
    }

    fn deliver_alter(&mut self) {
        let Some((from, isr, leader_epoch, partition_epoch)) = take_any(&mut self.rng, &mut self.alters)
        else {
            return;
        };
        let now = self.current();
        let answer = if leader_epoch != now.leader_epoch {
            Err(ErrorCode::FencedLeaderEpoch)
        } else if partition_epoch != now.partition_epoch {
            Err(ErrorCode::InvalidUpdateVersion)
        } else {
            self.change(isr, self.current().leader);
            Ok(self.current().clone())
        };
        self.answers.push((from, partition_epoch, answer));
    }

    fn deliver_answer(&mut self) {
        let Some((to, asked, answer)) = take_any(&mut self.rng, &mut self.answers) else { return };
        if let Role::Leads(leader) = &mut self.roles[to] {
            let result = answer.as_ref().map_err(|error| *error);
            leader.alter_answered(asked, result, &mut self.logs[to], self.now);
        }
    }

    fn shrink(&mut self, who: usize) {
        if let Role::Leads(leader) = &mut self.roles[who]
            && let Some(isr) = leader.maybe_shrink(&self.logs[who], self.now)
        {
            self.alters.push((who, isr, leader.leader_epoch(), leader.partition_epoch()));
        }
    }

    /// The process is killed and comes back; the controller has fenced it meanwhile.
    fn restart(&mut self, who: usize) {
        self.logs[who].crash(Crash::Process, self.now);
        self.roles[who] = Role::Idle;
        self.incarnations[who] += 1;
        self.responses.retain(|(to, ..)| *to != who);
        self.answers.retain(|(to, ..)| *to != who);
        self.remove(who);
        self.seen[who] = self.history.len() - 1;
    }

    /// Every offset below the high watermark of one who presumes to lead is the same on all in-sync replicas.
    fn is_strong_isr(&self) -> bool {
        let leads = |who: &usize| match self.roles[*who] {
            Role::Leads(_) => true,
            Role::Idle | Role::Follows(_) => false,
        };
        let exposed = |who: usize| below(&self.logs[who], self.logs[who].high_watermark());
        (0..REPLICAS).filter(leads).map(exposed).all(|exposed| {
            let has_all =
                |member: &BrokerId| below(&self.logs[member.0 as usize], exposed.len() as u64) == exposed;
            self.current().isr.iter().all(has_all)
        })
    }
}

fn fetched(log: &Log, error: ErrorCode, diverging: Option<(u32, u64)>) -> FetchedPlace {
    let high_watermark = if error == ErrorCode::None { log.high_watermark() } else { log.end() };
    let (place, log_start) = (PlaceId(0), log.start());
    FetchedPlace {
        place,
        error,
        high_watermark,
        log_start,
        diverging,
        leader: None,
        forgettable: 0,
        chunks: Few::default(),
    }
}

/// Epoch and record at each offset below `upto`, as far as the log reaches.
fn below(log: &Log, upto: u64) -> Vec<(u32, u64)> {
    let chunks = log.read(0, upto, u32::MAX).expect("the start is in range");
    chunks.iter().map(|chunk| (chunk.leader_epoch, chunk.batch.records()[0].id.sequence())).collect()
}

fn take_any<T>(rng: &mut Rng, mail: &mut Vec<T>) -> Option<T> {
    let count = mail.len() as u64;
    (count > 0).then(|| mail.swap_remove(rng.below(count) as usize))
}

/// The step at which it broke, if it did; committed records and truncations otherwise.
fn run(mode: Mode, seed: u64) -> Result<(u64, u32), u32> {
    let mut world = World::new(mode, seed);
    for step in 0..STEPS {
        world.step();
        if !world.is_strong_isr() {
            return Err(step);
        }
    }
    let committed = world.logs.iter().map(Log::high_watermark).max().expect("there are replicas");
    Ok((committed, world.truncations))
}

#[test]
fn what_is_committed_is_on_every_in_sync_replica() {
    let (mut committed, mut truncations) = (0, 0);
    for seed in 0..300 {
        let (records, cuts) = run(Mode::OnFetch, seed).unwrap_or_else(|step| {
            panic!("seed {seed}: a committed record is missing or different after step {step}")
        });
        (committed, truncations) = (committed + records, truncations + cuts);
    }
    assert!(committed > 300 * 15 && truncations > 300, "{committed} records, {truncations} truncations");
}

#[test]
fn truncation_to_the_high_watermark_loses_what_is_committed() {
    let broken = (0..300).filter(|seed| run(Mode::ToHighWatermark, *seed).is_err()).count();
    assert!(broken > 20, "it broke under {broken} of 300 seeds only");
}
