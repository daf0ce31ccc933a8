//! What strikes no node, but is asked of the cluster as an administrator would: more partitions, other offsets.

use crate::kernel::Cx;
use crate::trace::{GroupId, Injected, Phase, PlaceId, Whom};
use crate::wire::fault::{Plan, Position, Strike, Target};
use crate::wire::kafka::{ToBroker, ToController};

use super::{Injector, InjectorTimer};
use crate::fault::resets::{self, Next};

impl Injector {
    /// What strikes no node, but is asked of the cluster.
    pub(super) fn administrate(&mut self, cx: &mut Cx<'_, Self>, (fault, round): (u32, u32), plan: &Plan) {
        for target in &plan.targets {
            match (plan.strike, target) {
                (Strike::AddPartitions(count), &Target::Topic(channel, first)) => {
                    let (kind, whom) = (plan.kind, Whom::Channel(channel));
                    cx.emit(Injected { fault, round, kind, whom, phase: Phase::Begins });
                    let controller = self.setup.controller.expect("who has topics has a controller");
                    return cx.send(controller, ToController::CreatePartitions { first, count });
                }
                (Strike::ResetOffsets(position), Target::Group(group, places)) => {
                    self.reset(cx, (fault, round), (*group, places), position);
                }
                (strike, _) => unreachable!("{strike:?} is for topics or groups alone"),
            }
        }
    }

    fn reset(
        &mut self,
        cx: &mut Cx<'_, Self>,
        (fault, round): (u32, u32),
        (group, places): (GroupId, &[PlaceId]),
        position: Position,
    ) {
        let known = (&self.roles, self.setup.brokers.as_slice());
        match self.resets.begin((fault, round), (group, places), position, known) {
            Ok((number, questions)) => {
                cx.arm(InjectorTimer::GiveUp(number), resets::PATIENCE);
                questions.into_iter().for_each(|next| self.go_on(cx, next));
            }
            Err(why) => self.go_on(cx, Next::Tell(fault, round, group, Err(why))),
        }
    }

    /// A reset goes on, or has come to its end.
    pub(super) fn go_on(&mut self, cx: &mut Cx<'_, Self>, next: Next) {
        match next {
            Next::Ask(broker, correlation, request) => {
                let reply_to = cx.addr();
                cx.send(broker, ToBroker { correlation, reply_to, request });
            }
            Next::Tell(fault, round, group, outcome) => {
                let kind = self.plans[fault as usize].kind;
                let phase = outcome.map_or_else(Phase::Missed, |()| Phase::Begins);
                cx.emit(Injected { fault, round, kind, whom: Whom::Group(group), phase });
            }
        }
    }
}
