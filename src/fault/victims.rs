//! Who was struck by a fault: nodes, and the paths between them and others.

use crate::kernel::{Command, Cx, NodeId};
use crate::wire::fault::{Severing, Strike};

use super::injector::Injector;

/// Who was struck.
#[derive(Clone, Debug, Default)]
pub(super) struct Victims {
    pub nodes: Vec<NodeId>,
    pub paths: Vec<(NodeId, NodeId)>,
    /// How many controllers.
    pub voters: u32,
}

impl Victims {
    /// These nodes too.
    pub fn add(&mut self, nodes: &[NodeId]) {
        for node in nodes {
            if !self.nodes.contains(node) {
                self.nodes.push(*node);
            }
        }
    }

    /// Which paths it is about, to these peers.
    pub fn find_paths(&mut self, strike: Strike, peers: &[NodeId]) {
        let Some(direction) = strike.direction() else { return };
        let among_themselves = !matches!(strike, Strike::Sever(Severing::Partition, _));
        for &target in &self.nodes {
            let apart = |peer: &NodeId| *peer != target && (among_themselves || !self.nodes.contains(peer));
            let found = peers.iter().filter(|peer| apart(peer));
            self.paths.extend(found.flat_map(|peer| direction.paths(target, *peer)));
        }
        // Two targets are each other's peers: one path, one cut.
        self.paths.sort_unstable();
        self.paths.dedup();
    }

    /// Changes the physics of each path.
    pub fn along(&self, cx: &mut Cx<'_, Injector>, command: impl Fn(NodeId, NodeId) -> Command) {
        self.paths.iter().for_each(|(from, to)| cx.command(command(*from, *to)));
    }

    /// Whether one of these nodes is among the others.
    pub fn touch(&self, others: &Self) -> bool {
        others.nodes.iter().any(|node| self.nodes.contains(node))
    }
}
