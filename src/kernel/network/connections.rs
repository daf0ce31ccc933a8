//! Which pairs of nodes are connected: something was sent between them since the last reset.

use super::room;
use crate::kernel::actor::NodeId;

#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    /// By node, the bits of the nodes with smaller numbers.
    bits: Vec<Vec<u64>>,
}

impl Connections {
    #[inline]
    pub(super) fn connect(&mut self, from: NodeId, to: NodeId) {
        let (row, column) = (from.max(to).0 as usize, from.min(to).0 as usize);
        match self.bits.get_mut(row).and_then(|row| row.get_mut(column / 64)) {
            Some(word) => *word |= 1 << (column % 64),
            None => self.connect_new(row, column),
        }
    }

    #[cold]
    fn connect_new(&mut self, row: usize, column: usize) {
        *room(room(&mut self.bits, row, Vec::new()), column / 64, 0) |= 1 << (column % 64);
    }

    /// Ends what there is between `node` and all others; who those were.
    pub(super) fn hang_up(&mut self, node: NodeId) -> Vec<NodeId> {
        let others = (0..self.bits.len() as u32).map(NodeId);
        others.filter(|other| self.disconnect(node, *other) && *other != node).collect()
    }

    /// Ends a connection; whether there was one.
    fn disconnect(&mut self, one: NodeId, other: NodeId) -> bool {
        let (row, column) = (one.max(other).0 as usize, one.min(other).0 as usize);
        let word = self.bits.get_mut(row).and_then(|row| row.get_mut(column / 64));
        word.is_some_and(|word| {
            let was = *word >> (column % 64) & 1 == 1;
            *word &= !(1 << (column % 64));
            was
        })
    }
}
