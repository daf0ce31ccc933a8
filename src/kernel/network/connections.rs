//! Which pairs of nodes are connected: something was sent between them since the last reset.
//!
//! A bit for each pair, in a row for each sender, as long as from the first to the last of those that it sent to: a
//! thousand nodes that all speak with each other take 160 KiB, a hundred thousand that speak with a broker 8 MiB. Who
//! speaks with the first and the last of a hundred thousand takes 12 KiB alone.

use crate::kernel::actor::NodeId;

#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    rows: Vec<Row>,
}

/// To whom a node sent something.
#[derive(Clone, Debug, Default)]
struct Row {
    /// How many words of 64 nodes come before the first one here.
    skipped: usize,
    words: Vec<u64>,
}

impl Connections {
    #[inline]
    pub(super) fn connect(&mut self, from: NodeId, to: NodeId) {
        match self.rows.get_mut(from.0 as usize).and_then(|row| row.word(to)) {
            Some(word) => *word |= bit(to),
            None => self.connect_first(from, to),
        }
    }

    #[cold]
    fn connect_first(&mut self, from: NodeId, to: NodeId) {
        let needed = from.max(to).0 as usize + 1;
        if needed > self.rows.len() {
            self.rows.resize(needed, Row::default());
        }
        let row = &mut self.rows[from.0 as usize];
        row.reach(to);
        *row.word(to).expect("it reaches that far") |= bit(to);
    }

    /// Ends what there is between `node` and all others; who those were, in order.
    pub(super) fn hang_up(&mut self, node: NodeId) -> Vec<NodeId> {
        let others = (0..self.rows.len() as u32).map(NodeId).filter(|other| *other != node);
        others.filter(|other| self.end(node, *other) | self.end(*other, node)).collect()
    }

    /// Forgets that something was sent; whether it was.
    fn end(&mut self, from: NodeId, to: NodeId) -> bool {
        self.rows.get_mut(from.0 as usize).and_then(|row| row.word(to)).is_some_and(|word| {
            let was = *word & bit(to) != 0;
            *word &= !bit(to);
            was
        })
    }
}

impl Row {
    #[inline]
    fn word(&mut self, to: NodeId) -> Option<&mut u64> {
        self.words.get_mut((to.0 as usize / 64).wrapping_sub(self.skipped))
    }

    /// Grows until there is a word for this node.
    fn reach(&mut self, to: NodeId) {
        let word = to.0 as usize / 64;
        if self.words.is_empty() {
            self.skipped = word;
        }
        let before = self.skipped.saturating_sub(word);
        self.words.splice(..0, std::iter::repeat_n(0, before));
        self.skipped -= before;
        self.words.resize(self.words.len().max(word - self.skipped + 1), 0);
    }
}

#[inline]
fn bit(node: NodeId) -> u64 {
    1 << (node.0 % 64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::kernel::Rng;

    /// Against a plain set.
    #[test]
    fn a_reset_reaches_all_that_spoke_since_the_last_also_among_many_nodes() {
        let (mut connections, mut expected) = (Connections::default(), BTreeSet::new());
        let mut rng = Rng::named(7, "connections");
        for _ in 0..20_000 {
            let mut node = || NodeId(rng.below(1_000) as u32);
            let (from, to) = (node(), node());
            if from != to {
                connections.connect(from, to);
                expected.extend([(from, to), (to, from)]);
            }
            if rng.chance(0.01) {
                let gone = NodeId(rng.below(1_000) as u32);
                let peers: Vec<NodeId> = expected
                    .range((gone, NodeId(0))..)
                    .take_while(|(one, _)| *one == gone)
                    .map(|(_, other)| *other)
                    .collect();
                assert_eq!(connections.hang_up(gone), peers);
                expected.retain(|(one, other)| *one != gone && *other != gone);
            }
        }
    }
}
