//! Nodes over time, links that are cut, and faults.
//!
//! Bounded: [`STATES`] changes a node, [`LINKS`] links told, [`FAULTS`] faults; older ones are forgotten, those that last are not.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kernel::{Cast, NodeId, Physics, Time};
use crate::observe::NodeState;
use crate::trace::{Injected, Phase, Stage, Whom, whom_name};

use super::broker_named;
use super::detail::{BrokerView, CutLink, FaultState, FaultView, NodeLane, Scheduled};

/// Changes kept of a node.
const STATES: usize = 128;
/// Links that are cut and told.
const LINKS: usize = 200;
/// Faults kept.
const FAULTS: usize = 1_000;

/// Nodes and faults.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    cast: Arc<Cast>,
    stage: Arc<Stage>,
    nodes: Vec<NodeLane>,
    /// What is cut, from whom to whom, since when.
    cut: BTreeMap<(NodeId, NodeId), Time>,
    faults: Vec<Struck>,
}

#[derive(Clone, Debug)]
struct Struck {
    round: u32,
    view: FaultView,
}

impl Lanes {
    pub(super) fn new(cast: Arc<Cast>, stage: Arc<Stage>) -> Self {
        let lane = |name: &String| NodeLane { name: name.clone(), states: Vec::new() };
        Self {
            nodes: cast.nodes.iter().map(lane).collect(),
            cast,
            stage,
            cut: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    pub(super) fn physics(&mut self, at: Time, physics: &Physics) {
        match *physics {
            Physics::Crashed { node, .. } => self.set(at, node, NodeState::Down),
            Physics::Restarted { node } | Physics::Resumed { node } => self.set(at, node, NodeState::Up),
            Physics::Paused { node } => self.set(at, node, NodeState::Paused),
            Physics::Cut { from, to } | Physics::Refused { from, to } => _ = self.cut.insert((from, to), at),
            Physics::Healed { from, to } => _ = self.cut.remove(&(from, to)),
            Physics::Undelivered { .. } => {}
        }
    }

    /// Links that nothing passes, in the order of their nodes.
    pub(super) fn links(&self) -> Vec<CutLink> {
        let link = |((from, to), since): (&(NodeId, NodeId), &Time)| CutLink {
            from: from.0,
            to: to.0,
            since: *since,
        };
        self.cut.iter().take(LINKS).map(link).collect()
    }

    fn set(&mut self, at: Time, node: NodeId, state: NodeState) {
        let states = &mut self.nodes[node.0 as usize].states;
        if states.len() == STATES {
            states.remove(0);
        }
        states.push((at, state));
    }

    pub(super) fn injected(&mut self, at: Time, injected: &Injected) {
        match injected.phase {
            Phase::Begins => self.strike(at, injected, FaultState::Active),
            Phase::Missed(_) => self.strike(at, injected, FaultState::Missed),
            Phase::Ends => self.end(at, injected),
        }
    }

    fn strike(&mut self, at: Time, injected: &Injected, state: FaultState) {
        if self.faults.len() == FAULTS {
            let over = self.faults.iter().position(|struck| struck.view.state != FaultState::Active);
            self.faults.remove(over.unwrap_or(0));
        }
        let nodes = match &injected.whom {
            Whom::Nodes(nodes) => nodes.iter().map(|node| node.0).collect(),
            Whom::Nobody | Whom::Place(_) | Whom::Channel(_) | Whom::Group(_) => Vec::new(),
        };
        let text = format!("{} {}", injected.kind, whom_name(&injected.whom, &self.stage, &self.cast));
        let ended = (state == FaultState::Missed).then_some(at);
        let by_hand = false;
        let view = FaultView { fault: injected.fault, at, ended, text, nodes, state, by_hand };
        self.faults.push(Struck { round: injected.round, view });
    }

    fn end(&mut self, at: Time, injected: &Injected) {
        let this =
            |struck: &&mut Struck| (struck.view.fault, struck.round) == (injected.fault, injected.round);
        if let Some(struck) = self.faults.iter_mut().rev().find(this) {
            struck.view.ended = Some(at);
            struck.view.state = FaultState::Over;
        }
    }

    /// Those that struck, and those that are still to come.
    pub(super) fn faults(&self, scheduled: &[Scheduled], by_hand_from: u32, now: Time) -> Vec<FaultView> {
        let is_by_hand = |fault: u32| {
            fault >= by_hand_from || scheduled.iter().any(|one| one.fault == fault && one.by_hand)
        };
        let view =
            |struck: &Struck| FaultView { by_hand: is_by_hand(struck.view.fault), ..struck.view.clone() };
        let mut views: Vec<FaultView> = self.faults.iter().map(view).collect();
        let struck = |fault: u32| self.faults.iter().any(|struck| struck.view.fault == fault);
        views.extend(scheduled.iter().filter(|one| one.at > now && !struck(one.fault)).map(|one| {
            FaultView {
                fault: one.fault,
                at: one.at,
                ended: one.lasts.map(|lasts| one.at + lasts),
                text: one.text.clone(),
                nodes: Vec::new(),
                state: FaultState::Scheduled,
                by_hand: one.by_hand,
            }
        }));
        views.sort_by_key(|view| view.at);
        views
    }

    pub(super) fn nodes(&self) -> Vec<NodeLane> {
        self.nodes.clone()
    }

    pub(super) fn brokers(&self) -> Vec<BrokerView> {
        let view = |lane: &NodeLane| {
            let (since, state) = lane.states.last().copied().unwrap_or((Time::ZERO, NodeState::Up));
            broker_named(&lane.name).map(|broker| BrokerView { broker, state, since })
        };
        self.nodes.iter().filter_map(view).collect()
    }
}
