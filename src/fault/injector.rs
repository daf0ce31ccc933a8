//! The injector: at its times it changes the physics of the world.
//!
//! A target that is a role ("the leader of orders-0") is looked up as an operator would: a moment before the
//! fault the injector asks the brokers for metadata, and strikes whoever holds the role by the newest answer.

use std::sync::Arc;

use crate::kernel::{Actor, ActorId, Addr, Command, Crash, Cx, Duration, NodeId, Time};
use crate::trace::kafka::BrokerId;
use crate::trace::{Injected, PlaceId};
use crate::wire::Brokersim;
use crate::wire::kafka::{FromBroker, Image, Request, Response, ToBroker};

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// When it strikes.
    pub at: Time,
    /// How long until it is taken back; none when it never is.
    pub lasts: Option<Duration>,
    /// What happens.
    pub strike: Strike,
    /// To whom.
    pub target: Target,
}

/// What happens to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// The process is killed; taken back by a restart.
    Kill,
    /// The machine loses power; taken back by a restart.
    PowerLoss,
    /// It stands still; taken back by going on.
    Pause,
}

/// Whom a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// This node.
    Node(NodeId),
    /// The leader of this place.
    Leader(PlaceId),
}

/// What an injector is made of.
#[derive(Clone, Debug)]
pub struct InjectorSetup {
    /// The faults, in the order of the scenario.
    pub plans: Vec<Plan>,
    /// The brokers that can be asked for roles: id, node, address.
    pub brokers: Vec<(BrokerId, NodeId, Addr<ToBroker>)>,
}

/// What the injector wakes up for: the number of the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InjectorTimer {
    /// Ask who holds the role.
    Look(u32),
    /// Strike.
    Begin(u32),
    /// Take it back.
    End(u32),
}

/// The actor that makes things go wrong.
#[derive(Clone)]
pub struct Injector {
    setup: Arc<InjectorSetup>,
    image: Arc<Image>,
    struck: Vec<Option<NodeId>>,
}

/// How long before a fault its role is looked up.
const LOOK_BEFORE: Duration = Duration::from_millis(50);

impl Injector {
    /// An injector with all its faults ahead.
    pub fn new(setup: InjectorSetup) -> Self {
        let struck = vec![None; setup.plans.len()];
        Self { setup: Arc::new(setup), image: Arc::default(), struck }
    }

    fn look(&self, cx: &mut Cx<'_, Self>) {
        for &(_, _, broker) in &self.setup.brokers {
            cx.send(broker, ToBroker { correlation: 0, reply_to: cx.addr(), request: Request::Metadata });
        }
    }

    fn victim(&self, target: Target) -> Option<NodeId> {
        match target {
            Target::Node(node) => Some(node),
            Target::Leader(place) => {
                let leader = self.image.leader(place)?;
                self.setup.brokers.iter().find(|(id, ..)| *id == leader).map(|(_, node, _)| *node)
            }
        }
    }

    fn begin(&mut self, cx: &mut Cx<'_, Self>, fault: u32) {
        let Plan { strike, target, lasts, .. } = self.setup.plans[fault as usize].clone();
        // A role that nobody holds cannot be struck: there is no leader to kill.
        let Some(node) = self.victim(target) else { return };
        self.struck[fault as usize] = Some(node);
        cx.emit(Injected { fault, node, begins: true });
        cx.command(match strike {
            Strike::Kill => Command::Crash(node, Crash::Process),
            Strike::PowerLoss => Command::Crash(node, Crash::Power),
            Strike::Pause => Command::Pause(node),
        });
        if let Some(lasts) = lasts {
            cx.arm(InjectorTimer::End(fault), lasts);
        }
    }

    fn end(&mut self, cx: &mut Cx<'_, Self>, fault: u32) {
        let Some(node) = self.struck[fault as usize].take() else { return };
        cx.emit(Injected { fault, node, begins: false });
        cx.command(match self.setup.plans[fault as usize].strike {
            Strike::Kill | Strike::PowerLoss => Command::Restart(node),
            Strike::Pause => Command::Resume(node),
        });
    }
}

impl Actor for Injector {
    type Vocab = Brokersim;
    type Msg = FromBroker;
    type Timer = InjectorTimer;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        for (fault, plan) in self.setup.plans.iter().enumerate() {
            let fault = fault as u32;
            cx.arm_at(InjectorTimer::Begin(fault), plan.at);
            if matches!(plan.target, Target::Leader(_)) {
                let before = plan.at.as_nanos().saturating_sub(LOOK_BEFORE.as_nanos());
                cx.arm_at(InjectorTimer::Look(fault), Time::from_nanos(before));
            }
        }
    }

    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, msg: FromBroker) {
        if let Response::Metadata(image) = msg.response
            && image.version >= self.image.version
        {
            self.image = image;
        }
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: InjectorTimer) {
        match timer {
            InjectorTimer::Look(_) => self.look(cx),
            InjectorTimer::Begin(fault) => self.begin(cx, fault),
            InjectorTimer::End(fault) => self.end(cx, fault),
        }
    }
}
