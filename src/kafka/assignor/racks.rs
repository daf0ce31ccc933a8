//! Where members and replicas stand, and whether that decides anything (KIP-881).
//!
//! **Invariant.** Racks are used only when some member's rack has a replica and not every partition has
//! replicas in all the racks; otherwise every member matches every partition.

use std::collections::BTreeSet;

use super::group::Group;

/// The racks that the sticky assignors match.
pub(super) struct Racks<'a> {
    by_member: Vec<Option<&'a str>>,
    by_partition: &'a [BTreeSet<&'a str>],
}

impl<'a> Racks<'a> {
    /// The racks of the group, or none at all when they decide nothing.
    pub fn new(group: &'a Group<'a>) -> Self {
        let by_member: Vec<Option<&str>> =
            (0..group.members.len()).map(|member| rack_of(group, member)).collect();
        if decide(by_member.iter().flatten().copied(), &group.racks) {
            return Self { by_member, by_partition: &group.racks };
        }
        Self { by_member: vec![None; by_member.len()], by_partition: &[] }
    }

    /// True when racks decide something.
    pub fn are_used(&self) -> bool {
        !self.by_partition.is_empty()
    }

    /// True when the member has a rack, and the partition no replica there.
    pub fn mismatch(&self, member: usize, partition: usize) -> bool {
        self.by_member[member].is_some_and(|rack| !self.by_partition[partition].contains(rack))
    }

    /// Sorts partitions by how many members are near a replica, fewest first; keeps ties in order.
    pub fn sort_by_near_members(&self, partitions: &mut [usize]) {
        if self.are_used() {
            partitions.sort_by_cached_key(|partition| self.near_members(*partition));
        }
    }

    /// The place in `members`, from `first` on and around, of the first one near the partition.
    pub fn next_near(&self, partition: usize, members: &[usize], first: usize) -> Option<usize> {
        let places = (0..members.len()).map(|step| (first + step) % members.len());
        places.into_iter().find(|place| self.near(members[*place], partition))
    }

    fn near(&self, member: usize, partition: usize) -> bool {
        self.by_member[member].is_some_and(|rack| self.by_partition[partition].contains(rack))
    }

    fn near_members(&self, partition: usize) -> usize {
        (0..self.by_member.len()).filter(|member| self.near(*member, partition)).count()
    }
}

/// The member's rack, if it names one.
pub(super) fn rack_of<'a>(group: &Group<'a>, member: usize) -> Option<&'a str> {
    group.members[member].rack.as_deref().filter(|rack| !rack.is_empty())
}

/// Whether the racks of members and of partitions decide anything.
pub(super) fn decide<'a>(
    mut members: impl Iterator<Item = &'a str>,
    partitions: &[BTreeSet<&'a str>],
) -> bool {
    let all: BTreeSet<&str> = partitions.iter().flatten().copied().collect();
    members.any(|rack| all.contains(rack)) && partitions.iter().any(|racks| *racks != all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `AbstractPartitionAssignorTest.testUseRackAwareAssignment`.
    #[test]
    fn racks_decide_only_if_a_member_is_near_and_replicas_are_not_everywhere() {
        let everywhere = vec![BTreeSet::from(["a", "b", "c"]); 10];
        let somewhere: Vec<BTreeSet<&str>> =
            (0..10).map(|index| BTreeSet::from([["a", "b", "c"][index % 3]])).collect();
        let all = ["a", "b", "c"];
        let row = |members: &[&'static str], partitions: &[BTreeSet<&'static str>], expected: bool| {
            assert_eq!(decide(members.iter().copied(), partitions), expected, "{members:?} {partitions:?}");
        };
        row(&[], &[], false);
        row(&[], &everywhere, false);
        row(&all, &[], false);
        row(&["d"], &everywhere, false);
        row(&all, &everywhere, false);
        row(&["a", "b"], &everywhere, false);
        row(&["a", "d"], &everywhere, false);
        row(&all, &somewhere, true);
        row(&["a", "b"], &somewhere, true);
        row(&["a", "d"], &somewhere, true);
    }
}
