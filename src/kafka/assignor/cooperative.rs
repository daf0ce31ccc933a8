//! The client-side cooperative sticky assignor (KIP-429): the sticky assignment without the partitions
//! that somebody else may still hold. Their owner gives them up, and the next rebalance hands them out.
//!
//! **Invariant.** No partition is given to a member while another one says that it owns it, unless their
//! claims contradict each other.
//!
//! A group settles after a round of withholding or two. Only when members differ both in racks and in
//! subscriptions may it go on for ever, as the reference does: each round drops partitions that are far
//! away, and balancing hands them out again far away.

use std::collections::BTreeSet;

use super::Assignment;
use super::group::Group;
use super::sticky::{StickyPlan, plan};

/// The sticky assignment, with moving partitions withheld.
pub(super) fn assign(group: &Group<'_>) -> Assignment {
    let StickyPlan { mut by_member, transferring } = plan(group);
    let withheld = transferring.unwrap_or_else(|| changing_hands(group, &by_member));
    for partitions in &mut by_member {
        partitions.retain(|partition| !withheld.contains(partition));
    }
    group.assignment(by_member)
}

/// The partitions that one member gains and another one loses.
fn changing_hands(group: &Group<'_>, by_member: &[Vec<usize>]) -> BTreeSet<usize> {
    let (mut added, mut revoked) = (BTreeSet::new(), BTreeSet::new());
    for (member, partitions) in by_member.iter().enumerate() {
        let owned: BTreeSet<usize> = group.owned(member).into_iter().collect();
        let assigned: BTreeSet<usize> = partitions.iter().copied().collect();
        added.extend(assigned.difference(&owned));
        revoked.extend(owned.difference(&assigned));
    }
    added.intersection(&revoked).copied().collect()
}
