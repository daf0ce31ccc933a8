//! The part of a story that is told of what struck: crashes, pauses, cuts, and faults that strike in another way.

use crate::kernel::{Crash, Event, NodeId, Physics, Time};
use crate::scenario::origin::{Bearer, InForce};
use crate::trace::{Fact, Injected, Phase, Whom};

use super::super::root::struck_node;
use super::super::step::{Blow, Step, What};
use super::{Lasting, Teller};

impl Teller<'_> {
    /// A fault of the scenario. Crashes, pauses and cuts tell themselves; what strikes in another way is told here.
    pub(super) fn injected(&mut self, event: &Event<Fact>, injected: &Injected) {
        let Injected { fault, round, kind, whom, phase } = injected;
        match phase {
            Phase::Begins => {
                let nodes: Box<[NodeId]> =
                    if let Whom::Nodes(nodes) = whom { nodes.clone() } else { Box::default() };
                let struck = self.struck_in_story(whom);
                let told = !struck.is_empty()
                    && *kind != "heal"
                    && !self.is_over(event.at, injected)
                    && !self.shows(event.at, &nodes);
                let (fault, round, since) = (*fault, *round, event.at);
                if told {
                    let because = self.because(&Bearer::Fault(fault), &["fault"]);
                    let who = struck[0].clone();
                    let what = What::Injected { fault, fault_kind: kind, whom: struck };
                    self.step_because(event, &who, what, because);
                }
                self.faults.push(Lasting { fault, round, kind, nodes, since, told });
            }
            Phase::Ends => {
                let ended = |lasting: &Lasting| (lasting.fault, lasting.round) == (*fault, *round);
                let Some(index) = self.faults.iter().position(ended) else { return };
                let struck = self.struck_in_story(whom);
                if self.faults.remove(index).told && !struck.is_empty() && !restarts(kind) {
                    let who = struck[0].clone();
                    self.step(event, &who, What::Relieved { fault: *fault, fault_kind: kind, whom: struck });
                }
            }
            Phase::Missed(_) => {}
        }
    }

    /// Whether a fault that begins was over before the part of the past that the story tells.
    fn is_over(&self, at: Time, injected: &Injected) -> bool {
        let ends = self.events.iter().find_map(|event| match &event.fact {
            Fact::Injected(other)
                if other.phase == Phase::Ends
                    && (other.fault, other.round) == (injected.fault, injected.round) =>
            {
                Some(event.at)
            }
            Fact::Injected(_)
            | Fact::Commanded(_)
            | Fact::Life(_)
            | Fact::Kafka(_)
            | Fact::Physics(_)
            | Fact::ZeroMq(_)
            | Fact::Mqtt(_) => None,
        });
        self.is_past(at) && ends.is_some_and(|ends| self.is_past(ends))
    }

    /// Whom of these the story is about, by name.
    fn struck_in_story(&self, whom: &Whom) -> Vec<String> {
        match whom {
            Whom::Nobody => Vec::new(),
            Whom::Nodes(nodes) => {
                let ours = nodes.iter().filter(|node| self.matters(**node));
                ours.map(|node| self.scene.cast.node(*node).to_owned()).collect()
            }
            Whom::Place(place) => self
                .home
                .iter()
                .filter(|home| *home == place)
                .map(|home| self.scene.stage.place_name(*home))
                .collect(),
            Whom::Channel(channel) => {
                let ours = self.home.iter().any(|place| self.scene.stage.channel_of(*place) == *channel);
                let name = || self.scene.stage.channels[channel.index()].name.clone();
                ours.then(name).into_iter().collect()
            }
            Whom::Group(group) => {
                let ours = self.focus.group == Some(*group);
                ours.then(|| self.scene.group(*group).to_owned()).into_iter().collect()
            }
        }
    }

    /// Whether one of these nodes is struck by a fact of its own at an instant.
    fn shows(&self, at: Time, nodes: &[NodeId]) -> bool {
        let begin = self.events.partition_point(|event| event.at < at);
        let now = self.events[begin..].iter().take_while(|event| event.at == at);
        now.filter_map(struck_node).any(|node| nodes.contains(&node))
    }

    /// The fault that a blow comes from: what begins at the same instant, or what has asked the node to end.
    fn fault_behind(&self, at: Time, node: NodeId, how: Blow) -> Option<u32> {
        let strikes = |lasting: &&Lasting| lasting.nodes.contains(&node);
        let now = self.faults.iter().rev().filter(strikes).find(|lasting| lasting.since == at);
        let asked = || {
            let asks = |lasting: &&Lasting| how == Blow::Ended && restarts(lasting.kind);
            self.faults.iter().rev().filter(strikes).find(asks)
        };
        now.or_else(asked).map(|lasting| lasting.fault)
    }

    pub(super) fn physics(&mut self, event: &Event<Fact>, physics: &Physics) {
        let how = match physics {
            Physics::Crashed { how: Crash::Process, .. } => Some(Blow::Killed),
            Physics::Crashed { how: Crash::Power, .. } => Some(Blow::PowerLost),
            Physics::Crashed { how: Crash::Exit, .. } => Some(Blow::Ended),
            Physics::Crashed { how: Crash::DiskLoss, .. } => Some(Blow::DiskLost),
            Physics::Paused { .. } => Some(Blow::Paused),
            Physics::Cut { .. } | Physics::Refused { .. } => Some(Blow::CutOff),
            Physics::Restarted { .. }
            | Physics::Resumed { .. }
            | Physics::Healed { .. }
            | Physics::Undelivered { .. } => None,
        };
        if let (Some(how), Some(node)) = (how, struck_node(event)) {
            if !self.matters(node) || self.is_past(event.at) {
                return;
            }
            // A node that is cut off from many is cut off once.
            let cut_off = |step: &Step| {
                matches!(&step.what, What::Struck { node: of, how: Blow::CutOff, .. } if of == self.scene.cast.node(node))
                    && step.at == event.at
            };
            if how == Blow::CutOff && self.steps.iter().rev().any(cut_off) {
                return;
            }
            self.nodes.push(node);
            let fault = self.fault_behind(event.at, node, how);
            let because = match fault {
                Some(fault) => self.because(&Bearer::Fault(fault), &["fault"]),
                None => self.exits_by_itself(node),
            };
            let node = self.scene.cast.node(node).to_owned();
            let who = node.clone();
            self.step_because(event, &who, What::Struck { node, how, fault }, because);
        } else if let Physics::Restarted { node } | Physics::Resumed { node } = physics
            && self.nodes.contains(node)
        {
            let node = self.scene.cast.node(*node).to_owned();
            let who = node.clone();
            self.step(event, &who, What::Back { node });
        }
    }

    /// The setting by which an application's process ends, where there is one.
    fn exits_by_itself(&self, node: NodeId) -> Vec<InForce> {
        let entry = self.scene.entry(self.scene.cast.node(node));
        let all = self.because(&entry, &["crash-after"]);
        all.into_iter().filter(|one| one.value != "none").collect()
    }
}

/// Whether a kind of fault has a process end by itself, some time after it has begun.
fn restarts(kind: &str) -> bool {
    matches!(kind, "shutdown" | "restart" | "rolling-restart" | "full-disk")
}
