//! The uniform assignor when all members subscribe to the same topics.
//!
//! **Invariant.** Shares differ by one at most; the members that come first have the larger ones.

use super::group::Group;
use super::server_uniform::owners;

/// Keeps what each member has up to its quota, and fills the quotas with the rest.
pub(super) fn assign(group: &Group<'_>) -> Vec<Vec<usize>> {
    let owners = owners(group);
    let in_order = 0..group.partitions();
    let mut unassigned: Vec<usize> =
        in_order.clone().filter(|partition| owners[*partition].is_none()).collect();
    let (each, one_more) =
        (group.partitions() / group.members.len(), group.partitions() % group.members.len());
    let mut by_member = Vec::new();
    for member in 0..group.members.len() {
        let mut kept: Vec<usize> =
            in_order.clone().filter(|partition| owners[*partition] == Some(member)).collect();
        let quota = each + usize::from(member < one_more);
        unassigned.extend(kept.split_off(quota.min(kept.len())));
        by_member.push((kept, quota));
    }
    let mut unassigned = unassigned.into_iter();
    let filled = by_member.into_iter().map(|(mut kept, quota)| {
        kept.extend(unassigned.by_ref().take(quota - kept.len()));
        kept
    });
    let filled = filled.collect();
    assert!(unassigned.next().is_none(), "quotas add up to all partitions");
    filled
}
