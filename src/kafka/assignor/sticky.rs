//! The client-side sticky assignor (KIP-54): as balanced as possible first, then as few moves as possible.
//!
//! **Invariant.** When all members subscribe to the same topics, their shares differ by one at most.
//!
//! Not modelled: a member without any subscription counts as having the others' subscription when the
//! reference's hash map happens to yield it first; here its subscription is simply another one.

use std::collections::BTreeSet;

use super::Assignment;
use super::constrained::Constrained;
use super::general::General;
use super::group::Group;
use super::ownership::Ownership;
use super::racks::Racks;

/// A new assignment, and what the cooperative protocol wants to know of it.
pub(super) struct StickyPlan {
    /// The partitions of each member; by member.
    pub by_member: Vec<Vec<usize>>,
    /// Partitions that change hands and that the old owner may still hold; `None` when that has to be
    /// worked out by comparison.
    pub transferring: Option<BTreeSet<usize>>,
}

/// The balanced assignment that keeps most.
pub(super) fn assign(group: &Group<'_>) -> Assignment {
    group.assignment(plan(group).by_member)
}

/// The plan that both sticky assignors follow.
pub(super) fn plan(group: &Group<'_>) -> StickyPlan {
    let (racks, ownership) = (Racks::new(group), Ownership::settle(group));
    if group.has_equal_subscriptions() {
        Constrained::new(group, &racks, ownership.contested).build(&ownership.owned)
    } else {
        General::new(group, &racks, ownership).build()
    }
}
