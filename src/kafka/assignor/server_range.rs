//! The coordinator's range assignor (KIP-848): each topic cut into contiguous ranges among its subscribers.
//!
//! **Invariant.** Topics with the same subscribers and as many partitions are cut alike.
//!
//! Not modelled: an error for a topic that does not exist; it has no partitions.

use super::Assignment;
use super::group::Group;

/// Ranges for every topic, static members first.
pub(super) fn assign(group: &Group<'_>) -> Assignment {
    let order = group.static_first();
    let mut by_member = vec![Vec::new(); order.len()];
    for topic in 0..group.topics() {
        let subscribers = &group.subscribers[topic];
        let mut left = group.partitions_of(topic);
        let (each, one_more) = (left.len() / subscribers.len(), left.len() % subscribers.len());
        let members = order.iter().filter(|member| subscribers.binary_search(member).is_ok());
        for (place, member) in members.enumerate() {
            by_member[*member].extend(left.by_ref().take(each + usize::from(place < one_more)));
        }
        assert!(left.is_empty(), "ranges cover the topic");
    }
    group.assignment(by_member)
}
