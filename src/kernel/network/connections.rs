//! Which pairs of nodes are connected: something was sent between them since the last reset.
//!
//! A bit for each pair, in tiles of 64 by 64 nodes, of which only those exist where something was sent: a
//! thousand nodes that all speak with each other take 70 KiB, a hundred thousand that speak with three 11 MiB.

use crate::kernel::actor::NodeId;

/// The bits of 64 nodes by 64 others: a word for each of the former.
type Tile = [u64; SIDE];

/// Nodes along the side of a tile.
const SIDE: usize = 64;

#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    /// For each pair of groups of 64 nodes, the higher one first, the number of their tile; 0 for none.
    index: Vec<u32>,
    /// The tiles from number 1.
    tiles: Vec<Tile>,
    /// Pairs that are still to be marked, where there are many tiles.
    unmarked: Vec<(NodeId, NodeId)>,
}

/// With more tiles than this, a pair's word is seldom in the CPU's cache.
const MANY: usize = 32;
/// How many pairs are marked together: then the CPU waits for all of their words at once.
const CROWD: usize = 64;

/// A pair of nodes: where its tile stands in the index, and where its bit in the tile.
#[derive(Clone, Copy)]
struct Pair {
    tile: usize,
    word: usize,
    bit: u64,
}

impl Pair {
    #[inline]
    fn new(one: NodeId, other: NodeId) -> Self {
        let (row, column) = (one.max(other).0 as usize, one.min(other).0 as usize);
        let group = row / SIDE;
        Self { tile: group * (group + 1) / 2 + column / SIDE, word: row % SIDE, bit: 1 << (column % SIDE) }
    }
}

impl Connections {
    #[inline]
    pub(super) fn connect(&mut self, from: NodeId, to: NodeId) {
        if self.tiles.len() <= MANY {
            return self.mark(from, to);
        }
        self.unmarked.push((from, to));
        if self.unmarked.len() >= CROWD {
            self.mark_all();
        }
    }

    #[inline(never)]
    fn mark_all(&mut self) {
        let mut unmarked = std::mem::take(&mut self.unmarked);
        unmarked.drain(..).for_each(|(from, to)| self.mark(from, to));
        self.unmarked = unmarked;
    }

    #[inline]
    fn mark(&mut self, from: NodeId, to: NodeId) {
        let pair = Pair::new(from, to);
        match self.tile(pair) {
            Some(tile) => tile[pair.word] |= pair.bit,
            None => self.connect_first(pair),
        }
    }

    /// Ends what there is between `node` and all others; who those were, in order.
    pub(super) fn hang_up(&mut self, node: NodeId) -> Vec<NodeId> {
        self.mark_all();
        // The groups are so many that their pairs fill the index.
        let groups = (0..).take_while(|group| group * (group + 1) / 2 < self.index.len()).count();
        let others = (0..(groups * SIDE) as u32).map(NodeId);
        others.filter(|other| self.disconnect(node, *other) && *other != node).collect()
    }

    #[inline]
    fn tile(&mut self, pair: Pair) -> Option<&mut Tile> {
        let number = *self.index.get(pair.tile)?;
        self.tiles.get_mut((number as usize).wrapping_sub(1))
    }

    #[cold]
    fn connect_first(&mut self, pair: Pair) {
        if pair.tile >= self.index.len() {
            self.index.resize(pair.tile + 1, 0);
        }
        self.tiles.push([0; SIDE]);
        self.index[pair.tile] = u32::try_from(self.tiles.len()).expect("fewer than 2^32 tiles");
        let tile = self.tiles.last_mut().expect("just made");
        tile[pair.word] |= pair.bit;
    }

    /// Ends a connection; whether there was one.
    fn disconnect(&mut self, one: NodeId, other: NodeId) -> bool {
        let pair = Pair::new(one, other);
        self.tile(pair).is_some_and(|tile| {
            let was = tile[pair.word] & pair.bit != 0;
            tile[pair.word] &= !pair.bit;
            was
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::kernel::Rng;

    /// Against a plain set, with so many tiles that pairs are marked in crowds.
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
        assert!(connections.tiles.len() > MANY, "{} tiles", connections.tiles.len());
    }
}
