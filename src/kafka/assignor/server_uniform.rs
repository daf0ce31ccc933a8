//! The coordinator's uniform assignor (KIP-848): even shares first, then as few moves as possible.
//!
//! **Invariant.** Without any subscription nobody is listed; otherwise everybody is.
//!
//! Not modelled: racks, which the reference ignores too; an error for a topic that does not exist, which
//! here has no partitions.

use super::Assignment;
use super::group::Group;
use super::{server_heterogeneous, server_homogeneous};

/// Even shares, by the way that suits the subscriptions.
pub(super) fn assign(group: &Group<'_>) -> Assignment {
    if group.topics() == 0 {
        return Assignment::default();
    }
    let mut by_member = if group.has_equal_subscriptions() {
        server_homogeneous::assign(group)
    } else {
        server_heterogeneous::assign(group)
    };
    for partitions in &mut by_member {
        partitions.sort_unstable();
    }
    group.assignment(by_member)
}

/// The present owner of each partition: the first member whose target has it.
pub(super) fn owners(group: &Group<'_>) -> Vec<Option<usize>> {
    let mut owners = vec![None; group.partitions()];
    for member in 0..group.members.len() {
        for partition in group.owned(member) {
            owners[partition].get_or_insert(member);
        }
    }
    owners
}
