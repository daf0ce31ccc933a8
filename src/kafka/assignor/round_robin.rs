//! The client-side round-robin assignor: partitions of all topics dealt out in turn, skipping members
//! that do not subscribe.

use super::Assignment;
use super::group::Group;

/// Deals partitions in the order of topic and partition to members, static ones first.
pub(super) fn assign(group: &Group<'_>) -> Assignment {
    let order = group.static_first();
    let mut by_member = vec![Vec::new(); order.len()];
    let mut turn = 0;
    for partition in 0..group.partitions() {
        while !group.subscribes(order[turn % order.len()], partition) {
            turn += 1;
        }
        by_member[order[turn % order.len()]].push(partition);
        turn += 1;
    }
    group.assignment(by_member)
}
