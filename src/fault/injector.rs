//! The injector: at its times it changes the physics of the world.
//!
//! A target that is a role ("the leader of orders-0") is looked up as an operator would: a moment before the
//! fault the injector asks the brokers, and strikes whoever holds the role by the newest answer. A fault that
//! strikes nobody says so.
//!
//! **Invariant.** Faults overlap without undoing each other: each takes back what it did itself, and nothing else.
//!
//! **Invariant.** A fault changes nothing before it strikes, or, for a role, before it is looked up: the next deed alone
//! is waited for, it comes before everything else of its instant, and what is drawn for a fault comes from a stream of
//! its own. So a fault that is handed in while the run goes on ([`ToInjector::Also`]) makes the same run as one that stood
//! in the scenario from the beginning.
//!
//! **Not modelled:** an operator who is cut off: questions and orders reach every process that is up.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::hears;
use crate::kernel::{Actor, ActorId, Addr, Command, Cx, Duration, NodeId, Rng, Time};
use crate::trace::kafka::BrokerId;
use crate::trace::{Injected, Missed, Phase, Whom};
use crate::wire::Brokersim;
use crate::wire::fault::{Plan, Severing, Strike, Target, ToInjector};
use crate::wire::kafka::{FromBroker, Request, ToBroker, ToController};
use crate::wire::operator::ToApplication;

use super::holds::Holds;
use super::quorum::{Quorum, QuorumSetup};
use super::resets::Resets;
use super::roles::{Roles, broker_on, node_of};
use super::rolling::{Rolling, Step};
use super::victims::Victims;

mod administration;

/// What an injector is made of.
#[derive(Clone, Debug)]
pub struct InjectorSetup {
    /// The faults by number: those of the scenario in their order, then those drawn at random, then those by hand.
    pub plans: Vec<Plan>,
    /// The scenario's seed, for what is drawn before a fault strikes.
    pub seed: u64,
    /// The brokers that can be asked for roles: id, node, address.
    pub brokers: Vec<(BrokerId, NodeId, Addr<ToBroker>)>,
    /// The controllers; none where there are no brokers.
    pub quorum: Option<QuorumSetup>,
    /// Every node that has a name in the scenario: those that can be cut off from each other.
    pub nodes: Vec<NodeId>,
    /// Applications, by the node each lives on.
    pub applications: Vec<(NodeId, Addr<ToApplication>)>,
    /// Nodes of instances that begin when they are told to.
    pub away: Vec<NodeId>,
    /// The controller, for orders about topics; none where there is none.
    pub controller: Option<Addr<ToController>>,
}

hears! {
    /// What an injector hears.
    InjectorMail {
        /// From the brokers that it asks.
        Broker(FromBroker),
        /// From a person.
        Operator(ToInjector),
    }
}

/// What the injector wakes up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InjectorTimer {
    /// The next deed is due.
    Deed,
    /// What lasts in this slot is over.
    End(u32),
    /// The rolling restart in this slot goes on.
    Step(u32),
    /// The controllers have a leader again.
    Elect,
    /// Nobody answers whom this reset of offsets has asked.
    GiveUp(u32),
}

/// What is done for a fault at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    /// Ask who holds its roles.
    Look,
    /// It strikes.
    Begin,
}

/// The actor that makes things go wrong.
#[derive(Clone)]
pub struct Injector {
    setup: Arc<InjectorSetup>,
    plans: Arc<Vec<Plan>>,
    /// What is still to be done: when, for which fault.
    deeds: BTreeSet<(Time, u32, Deed)>,
    roles: Roles,
    resets: Resets,
    holds: Holds,
    quorum: Option<Quorum>,
    /// Instances that have not begun, or were removed.
    away: BTreeSet<NodeId>,
    /// How often each fault has struck.
    rounds: Vec<u32>,
    /// What lasts.
    lasting: Vec<Option<Lasting>>,
}

/// A fault that has struck and is not over.
#[derive(Clone, Debug)]
struct Lasting {
    fault: u32,
    round: u32,
    victims: Victims,
    course: Course,
    /// It was healed while somebody was still leaving.
    back_at_once: bool,
}

/// How far a fault has come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Course {
    /// It has struck.
    Struck,
    /// These were asked to end and have not; what has to wait for that, waits.
    Leaving(Vec<NodeId>),
    /// One after the other.
    Rolling(Rolling),
}

/// How long before a fault its roles are looked up: a fault for a role that is asked for now strikes so much later.
pub const LOOK_BEFORE: Duration = Duration::from_millis(50);
/// How often an operator who waits for a broker to be back looks again.
const POLL: Duration = Duration::from_millis(500);

impl Injector {
    /// An injector with all its faults ahead.
    pub fn new(mut setup: InjectorSetup) -> Self {
        let plans = Arc::new(std::mem::take(&mut setup.plans));
        Self {
            rounds: vec![0; plans.len()],
            plans,
            deeds: BTreeSet::new(),
            quorum: setup.quorum.map(Quorum::new),
            away: setup.away.iter().copied().collect(),
            setup: Arc::new(setup),
            roles: Roles::default(),
            resets: Resets::default(),
            holds: Holds::default(),
            lasting: Vec::new(),
        }
    }

    /// Plans the next time that a fault strikes, if there is one.
    fn schedule(&mut self, fault: u32) {
        let plan = &self.plans[fault as usize];
        let round = self.rounds[fault as usize];
        let after = match plan.again {
            _ if round == 0 => Duration::ZERO,
            Some(again) if again.times.is_none_or(|times| round < times) => again.every * u64::from(round),
            Some(_) | None => return,
        };
        let at = plan.at + after + self.late(plan, fault, round);
        self.deeds.insert((at, fault, Deed::Begin));
        if plan.targets.iter().chain(&plan.peers).any(Target::is_role) {
            let before = at.as_nanos().saturating_sub(LOOK_BEFORE.as_nanos());
            self.deeds.insert((Time::from_nanos(before), fault, Deed::Look));
        }
    }

    /// How late it strikes this time.
    fn late(&self, plan: &Plan, fault: u32, round: u32) -> Duration {
        if plan.jitter.is_zero() {
            return Duration::ZERO;
        }
        let mut rng = Rng::named(self.setup.seed, &format!("faults/{fault}/{round}"));
        Duration::from_nanos(rng.below(plan.jitter.as_nanos() + 1))
    }

    /// Waits for the next deed.
    fn await_deed(&self, cx: &mut Cx<'_, Self>) {
        if let Some((at, ..)) = self.deeds.first() {
            cx.arm_first(InjectorTimer::Deed, *at);
        }
    }

    /// Does one deed. The next one is waited for first: no fault is the consequence of another.
    fn next_deed(&mut self, cx: &mut Cx<'_, Self>) {
        let (_, fault, deed) = self.deeds.pop_first().expect("a deed is waited for");
        let round = self.rounds[fault as usize];
        if deed == Deed::Begin {
            self.rounds[fault as usize] += 1;
            self.schedule(fault);
        }
        self.await_deed(cx);
        match deed {
            Deed::Look => self.look(cx, fault),
            Deed::Begin => self.begin(cx, fault, round),
        }
    }

    /// One more fault, with the next number.
    fn also(&mut self, cx: &mut Cx<'_, Self>, mut plan: Plan) {
        // By the clock it may have been longer on its way than was thought.
        let asks = plan.targets.iter().chain(&plan.peers).any(Target::is_role);
        plan.at = plan.at.max(cx.now() + if asks { LOOK_BEFORE } else { Duration::ZERO });
        let fault = self.plans.len() as u32;
        Arc::make_mut(&mut self.plans).push(plan);
        self.rounds.push(0);
        self.schedule(fault);
        self.await_deed(cx);
    }

    fn look(&mut self, cx: &mut Cx<'_, Self>, fault: u32) {
        let plan = &self.plans[fault as usize];
        plan.targets.iter().chain(&plan.peers).for_each(|target| self.roles.forget_coordinator(target));
        for (correlation, request) in Roles::questions(plan.targets.iter().chain(&plan.peers)) {
            for &(_, _, broker) in &self.setup.brokers {
                let (reply_to, request) = (cx.addr(), request.clone());
                cx.send(broker, ToBroker { correlation, reply_to, request });
            }
        }
    }

    fn begin(&mut self, cx: &mut Cx<'_, Self>, fault: u32, round: u32) {
        let plans = Arc::clone(&self.plans);
        let plan = &plans[fault as usize];
        if plan.targets.iter().any(|target| matches!(target, Target::Topic(..) | Target::Group(..))) {
            return self.administrate(cx, (fault, round), plan);
        }
        let tell = |whom, phase| Injected { fault, round, kind: plan.kind, whom, phase };
        let victims = match self.victims(cx, plan) {
            Ok(victims) => victims,
            Err(why) => return cx.emit(tell(Whom::Nobody, Phase::Missed(why))),
        };
        if plan.strike == Strike::Heal && !self.lasting.iter().flatten().any(|it| victims.touch(&it.victims))
        {
            return cx.emit(tell(Whom::nodes(&victims.nodes), Phase::Missed(Missed::NothingLasts)));
        }
        cx.emit(tell(Whom::nodes(&victims.nodes), Phase::Begins));
        self.strike(cx, plan.strike, &victims);
        if !plan.strike.can_last() {
            return;
        }
        let nodes = || victims.nodes.clone();
        let course = if plan.strike.asks() {
            Course::Leaving(nodes())
        } else if let Strike::RollingRestart(settle) = plan.strike {
            Course::Rolling(Rolling::new(nodes(), plan.lasts.unwrap_or(Duration::ZERO), settle))
        } else {
            Course::Struck
        };
        let struck = course == Course::Struck;
        let slot = self.keep(Lasting { fault, round, victims, course, back_at_once: false });
        if let (true, Some(lasts)) = (struck, plan.lasts) {
            cx.arm(InjectorTimer::End(slot), lasts);
        }
        if matches!(plan.strike, Strike::RollingRestart(_)) {
            self.step(cx, slot);
        }
    }

    fn keep(&mut self, lasting: Lasting) -> u32 {
        let free = self.lasting.iter().position(Option::is_none).unwrap_or_else(|| {
            self.lasting.push(None);
            self.lasting.len() - 1
        });
        self.lasting[free] = Some(lasting);
        free as u32
    }

    fn end(&mut self, cx: &mut Cx<'_, Self>, slot: u32) {
        let Some(Lasting { fault, round, victims, .. }) = self.lasting[slot as usize].take() else { return };
        cx.disarm(InjectorTimer::End(slot));
        let Plan { kind, strike, .. } = self.plans[fault as usize];
        cx.emit(Injected { fault, round, kind, whom: Whom::nodes(&victims.nodes), phase: Phase::Ends });
        self.take_back(cx, strike, &victims);
    }

    fn victims(&self, cx: &mut Cx<'_, Self>, plan: &Plan) -> Result<Victims, Missed> {
        let mut victims = Victims::default();
        let mut missed = Missed::NoSuchRole;
        for target in &plan.targets {
            match self.resolve(cx, target, plan.strike) {
                Ok(nodes) => victims.add(&nodes),
                Err(why) => missed = why,
            }
            if *target == Target::Quorum {
                victims.voters = self.quorum.as_ref().map_or(0, Quorum::too_many);
            }
        }
        if victims.nodes.is_empty() {
            return Err(missed);
        }
        let controller = self.quorum.as_ref().map(|quorum| quorum.setup.node);
        if victims.voters == 0 && controller.is_some_and(|node| victims.nodes.contains(&node)) {
            victims.voters = 1;
        }
        let peers = self.peers(cx, plan)?;
        victims.find_paths(plan.strike, &peers);
        Ok(victims)
    }

    /// The other ends of paths.
    fn peers(&self, cx: &mut Cx<'_, Self>, plan: &Plan) -> Result<Vec<NodeId>, Missed> {
        if plan.peers.is_empty() {
            return Ok(self.setup.nodes.clone());
        }
        let mut peers = Victims::default();
        for target in &plan.peers {
            peers.add(&self.resolve(cx, target, plan.strike)?);
        }
        Ok(peers.nodes)
    }

    /// Who it is now.
    fn resolve(&self, cx: &mut Cx<'_, Self>, target: &Target, strike: Strike) -> Result<Vec<NodeId>, Missed> {
        let node = |id| node_of(&self.setup.brokers, id);
        let role = |broker: Option<BrokerId>| broker.map(|id| vec![node(id)]).ok_or(Missed::NoSuchRole);
        match target {
            Target::Node(node) => Ok(vec![*node]),
            Target::Nodes(nodes) => Ok(nodes.clone()),
            Target::Everything => Ok(self.setup.nodes.clone()),
            Target::Leader(place) => role(self.roles.leader(*place)),
            Target::Coordinator(group) => role(self.roles.coordinator(*group)),
            Target::Follower(place) => role(one_of(cx, &self.roles.followers(*place))),
            Target::OneOf(nodes) => {
                let up: Vec<_> = nodes.iter().copied().filter(|node| !self.holds.is_down(*node)).collect();
                one_of(cx, &up).map(|node| vec![node]).ok_or(Missed::AllDown)
            }
            Target::Entry(nodes) => self.member(nodes, strike).map(|node| vec![node]).ok_or(Missed::NoMember),
            Target::Topic(..) | Target::Group(..) => Err(Missed::NoSuchRole),
            Target::Quorum => Ok(self.quorum.iter().map(|quorum| quorum.setup.node).collect()),
        }
    }

    /// The instance of an entry that comes or goes next: the first that is away, or the last that is there.
    fn member(&self, nodes: &[NodeId], strike: Strike) -> Option<NodeId> {
        let away = |node: &&NodeId| self.away.contains(*node);
        if strike == Strike::AddMember {
            return nodes.iter().find(away).copied();
        }
        nodes.iter().rev().find(|node| !away(node)).copied()
    }

    /// Tells the applications on a node.
    fn tell(&self, cx: &mut Cx<'_, Self>, node: NodeId, what: ToApplication) {
        for (_, application) in self.setup.applications.iter().filter(|(home, _)| *home == node) {
            cx.send(*application, what);
        }
    }

    /// Tells applications that it is over; where another fault says the same kind of thing still, what that says.
    fn untell(&self, cx: &mut Cx<'_, Self>, victims: &Victims, over: ToApplication) {
        for &node in &victims.nodes {
            let holds = |lasting: &Lasting| {
                let Strike::Tell { begins, ends } = self.plans[lasting.fault as usize].strike else {
                    return None;
                };
                (ends == Some(over) && lasting.victims.nodes.contains(&node)).then_some(begins)
            };
            let other = self.lasting.iter().flatten().find_map(holds);
            self.tell(cx, node, other.unwrap_or(over));
        }
    }

    fn strike(&mut self, cx: &mut Cx<'_, Self>, strike: Strike, victims: &Victims) {
        match strike {
            Strike::Tell { begins, .. } => victims.nodes.iter().for_each(|node| self.tell(cx, *node, begins)),
            Strike::AddMember | Strike::RemoveMember => self.change_members(cx, strike, victims),
            Strike::AddPartitions(_) | Strike::ResetOffsets(_) => {
                unreachable!("neither a topic nor a group has a node")
            }
            Strike::Crash(how) => self.each(cx, victims, |holds, node| Some(holds.crash(node, how))),
            Strike::Pause => self.each(cx, victims, Holds::pause),
            Strike::ShutDown | Strike::Restart => {
                victims.nodes.iter().for_each(|node| self.terminate(cx, *node));
            }
            Strike::RollingRestart(_) => {}
            Strike::SlowCpu(factor) => {
                self.each(cx, victims, |holds, node| Some(holds.slow_cpu(node, factor)))
            }
            Strike::SlowDisk(factor) => {
                self.each(cx, victims, |holds, node| Some(holds.slow_disk(node, factor)))
            }
            Strike::FullDisk => self.each(cx, victims, |holds, node| Some(holds.fill(node))),
            Strike::Sever(Severing::Reset, _) => victims.along(cx, Command::Refuse),
            Strike::Sever(..) => victims.along(cx, Command::Cut),
            Strike::Burden(burden, _) => victims.along(cx, |from, to| Command::Burden(from, to, burden)),
            Strike::Heal => self.heal(cx, victims),
        }
        if matches!(strike, Strike::Crash(_) | Strike::Pause) && victims.voters > 0 {
            self.lose_controllers(cx, victims.voters, strike);
        }
    }

    fn change_members(&mut self, cx: &mut Cx<'_, Self>, strike: Strike, victims: &Victims) {
        for &node in &victims.nodes {
            if strike == Strike::AddMember {
                self.away.remove(&node);
                self.tell(cx, node, ToApplication::Join);
            } else {
                self.away.insert(node);
                self.tell(cx, node, ToApplication::Close);
            }
        }
    }

    fn take_back(&mut self, cx: &mut Cx<'_, Self>, strike: Strike, victims: &Victims) {
        match strike {
            Strike::Tell { ends: Some(over), .. } => self.untell(cx, victims, over),
            Strike::Tell { ends: None, .. }
            | Strike::AddMember
            | Strike::RemoveMember
            | Strike::AddPartitions(_)
            | Strike::ResetOffsets(_) => unreachable!("these do not last"),
            Strike::Crash(_) | Strike::ShutDown | Strike::Restart => self.each(cx, victims, Holds::restart),
            Strike::RollingRestart(_) => {}
            Strike::FullDisk => self.each(cx, victims, |holds, node| holds.empty(node).into_iter().flatten()),
            Strike::SlowDisk(factor) => {
                self.each(cx, victims, |holds, node| Some(holds.fast_disk(node, factor)))
            }
            Strike::Pause => self.each(cx, victims, Holds::resume),
            Strike::SlowCpu(factor) => {
                self.each(cx, victims, |holds, node| Some(holds.fast_cpu(node, factor)))
            }
            Strike::Sever(Severing::Reset, _) => victims.along(cx, Command::Accept),
            Strike::Sever(..) => victims.along(cx, Command::Heal),
            Strike::Burden(burden, _) => victims.along(cx, |from, to| Command::Relieve(from, to, burden)),
            Strike::Heal => unreachable!("healing does not last"),
        }
        if matches!(strike, Strike::Crash(_) | Strike::Pause) && victims.voters > 0 {
            self.regain_controllers(cx, victims.voters);
        }
    }

    /// Holds or lets go each node but the controller's, which stands for several.
    fn each<C: IntoIterator<Item = Command>>(
        &mut self,
        cx: &mut Cx<'_, Self>,
        victims: &Victims,
        mut act: impl FnMut(&mut Holds, NodeId) -> C,
    ) {
        let controller = self.quorum.as_ref().map(|quorum| quorum.setup.node);
        for node in victims.nodes.iter().filter(|node| Some(**node) != controller) {
            act(&mut self.holds, *node).into_iter().for_each(|command| cx.command(command));
        }
    }

    /// Takes back whatever lasts on these nodes.
    fn heal(&mut self, cx: &mut Cx<'_, Self>, victims: &Victims) {
        for slot in 0..self.lasting.len() {
            let Some(lasting) = self.lasting[slot].as_mut().filter(|lasting| victims.touch(&lasting.victims))
            else {
                continue;
            };
            match &mut lasting.course {
                Course::Struck => self.end(cx, slot as u32),
                // It has to be gone before it can come back.
                Course::Leaving(_) => lasting.back_at_once = true,
                // It ends by itself, with everybody back.
                Course::Rolling(_) => {}
            }
        }
    }

    /// Asks a broker to end. That it has ended is seen when its connection breaks.
    fn terminate(&self, cx: &mut Cx<'_, Self>, node: NodeId) {
        let (_, broker) = broker_on(&self.setup.brokers, node).expect("only brokers are asked to end");
        cx.send(broker, ToBroker { correlation: 0, reply_to: cx.addr(), request: Request::Terminate });
    }

    /// A node's process has ended: who waits for that goes on.
    fn ended(&mut self, cx: &mut Cx<'_, Self>, node: NodeId) {
        for slot in 0..self.lasting.len() {
            let Some(lasting) = &mut self.lasting[slot] else { continue };
            let plan = &self.plans[lasting.fault as usize];
            match &mut lasting.course {
                Course::Struck => {}
                Course::Leaving(nodes) => {
                    let before = nodes.len();
                    nodes.retain(|other| *other != node);
                    if nodes.len() == before {
                        continue;
                    }
                    self.holds.left(node);
                    if nodes.is_empty() {
                        lasting.course = Course::Struck;
                        let at_once = lasting.back_at_once || plan.strike == Strike::Restart;
                        if let Some(lasts) = plan.lasts.or(at_once.then_some(Duration::ZERO)) {
                            let lasts = if lasting.back_at_once { Duration::ZERO } else { lasts };
                            cx.arm(InjectorTimer::End(slot as u32), lasts);
                        }
                    }
                }
                Course::Rolling(rolling) => {
                    if rolling.ended(node) {
                        self.holds.left(node);
                        cx.arm(InjectorTimer::Step(slot as u32), rolling.lasts);
                    }
                }
            }
        }
    }

    /// A rolling restart goes on.
    fn step(&mut self, cx: &mut Cx<'_, Self>, slot: u32) {
        let Some(Lasting { course: Course::Rolling(rolling), .. }) = &mut self.lasting[slot as usize] else {
            return;
        };
        let brokers = &self.setup.brokers;
        let is_back = |node| broker_on(brokers, node).is_some_and(|(id, _)| self.roles.is_back(id));
        match rolling.step(cx.now(), is_back, |node| self.holds.is_down(node)) {
            Step::Terminate(node) => self.terminate(cx, node),
            Step::Start(node) => {
                self.holds.restart(node).into_iter().for_each(|command| cx.command(command));
                self.roles.forget();
                cx.arm(InjectorTimer::Step(slot), POLL);
            }
            Step::Wait => {
                self.ask_for_metadata(cx);
                cx.arm(InjectorTimer::Step(slot), POLL);
            }
            Step::Done => self.end(cx, slot),
        }
    }

    fn ask_for_metadata(&self, cx: &mut Cx<'_, Self>) {
        for &(_, _, broker) in &self.setup.brokers {
            let (reply_to, request) = (cx.addr(), Request::Metadata);
            cx.send(broker, ToBroker { correlation: 0, reply_to, request });
        }
    }

    /// The leading controller fails, and others with it. One that stands still is deposed just so.
    fn lose_controllers(&mut self, cx: &mut Cx<'_, Self>, voters: u32, strike: Strike) {
        let quorum = self.quorum.as_mut().expect("who loses controllers has some");
        let (served, node) = (quorum.lose(voters), quorum.setup.node);
        if let (true, Strike::Crash(how)) = (served, strike) {
            cx.command(Command::Crash(node, how));
        } else if served {
            cx.command(Command::Crash(node, crate::kernel::Crash::Power));
        }
        if quorum.can_elect() {
            let wait = quorum.fail_over(cx.rng());
            cx.arm(InjectorTimer::Elect, wait);
        } else {
            cx.disarm(InjectorTimer::Elect);
        }
    }

    fn regain_controllers(&mut self, cx: &mut Cx<'_, Self>, voters: u32) {
        let quorum = self.quorum.as_mut().expect("who regains controllers had some");
        let could = quorum.can_elect();
        quorum.regain(voters);
        // Where an election is under way already, one more voter does not hurry it.
        if quorum.can_elect() && !could {
            let wait = quorum.election(cx.rng());
            cx.arm(InjectorTimer::Elect, wait);
        }
    }

    fn elect(&mut self, cx: &mut Cx<'_, Self>) {
        let quorum = self.quorum.as_mut().expect("who elects is there");
        quorum.elect();
        cx.command(Command::Restart(quorum.setup.node));
    }
}

fn one_of<T: Copy>(cx: &mut Cx<'_, Injector>, of: &[T]) -> Option<T> {
    let count = of.len() as u64;
    (count > 0).then(|| of[cx.rng().below(count) as usize])
}

impl Actor for Injector {
    type Vocab = Brokersim;
    type Msg = InjectorMail;
    type Timer = InjectorTimer;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        (0..self.plans.len() as u32).for_each(|fault| self.schedule(fault));
        self.await_deed(cx);
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, msg: InjectorMail) {
        match msg {
            InjectorMail::Broker(answer) if Resets::concerns(&answer) => {
                if let Some(next) = self.resets.learn(&answer) {
                    self.go_on(cx, next);
                }
            }
            InjectorMail::Broker(answer) => self.roles.learn(answer),
            InjectorMail::Operator(ToInjector::Also(plan)) => self.also(cx, *plan),
        }
    }

    fn disconnected(&mut self, cx: &mut Cx<'_, Self>, peer: NodeId) {
        self.ended(cx, peer);
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: InjectorTimer) {
        match timer {
            InjectorTimer::Deed => self.next_deed(cx),
            InjectorTimer::End(slot) => self.end(cx, slot),
            InjectorTimer::Step(slot) => self.step(cx, slot),
            InjectorTimer::Elect => self.elect(cx),
            InjectorTimer::GiveUp(number) => {
                if let Some(next) = self.resets.give_up(number) {
                    self.go_on(cx, next);
                }
            }
        }
    }
}
