//! The share groups' assignor (KIP-932, as in the 4.0 snapshot): every member reads all partitions of the
//! topics it subscribes to.
//!
//! **Invariant.** Members without a subscription are not listed.
//!
//! Not modelled: the rewritten assignor of 4.1, which spreads members over partitions.

use super::Assignment;
use super::group::Group;

/// Everything to everyone who subscribes.
pub(super) fn assign(group: &Group<'_>) -> Assignment {
    let subscribers = group.members.iter().zip(&group.subscriptions).filter(|member| !member.1.is_empty());
    subscribers
        .map(|(member, topics)| {
            let partitions = topics.iter().flat_map(|topic| group.partitions_of(*topic)).collect();
            (member.id.clone(), group.names_of(partitions))
        })
        .collect()
}
