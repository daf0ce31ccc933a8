//! Who owned what, when members contradict each other.
//!
//! **Invariant.** After settling, no partition has two owners. The claim of the highest generation wins;
//! two claims of one generation are both void, and so is a partition's stickiness (KIP-792).

use std::collections::BTreeSet;

use super::group::Group;

/// The generation of a member that names none.
const NO_GENERATION: i32 = -1;

/// The settled claims, and what losing claims still tell.
pub(super) struct Ownership {
    /// The partitions each member still owns; by member.
    pub owned: Vec<Vec<usize>>,
    /// Partitions that two members claimed in the same generation.
    pub contested: BTreeSet<usize>,
    /// The latest owner among members that lag behind the newest generation; by partition.
    pub previous_owner: Vec<Option<usize>>,
}

impl Ownership {
    /// Settles what the members of the group say they own.
    pub fn settle(group: &Group<'_>) -> Self {
        let mut claimant: Vec<Option<usize>> = vec![None; group.partitions()];
        let mut settled = Self {
            owned: vec![Vec::new(); group.members.len()],
            contested: BTreeSet::new(),
            previous_owner: previous_owners(group),
        };
        for member in 0..group.members.len() {
            for partition in group.owned(member) {
                settled.claim(group, member, partition, &mut claimant[partition]);
            }
        }
        settled
    }

    fn claim(&mut self, group: &Group<'_>, member: usize, partition: usize, claimant: &mut Option<usize>) {
        let Some(other) = *claimant else {
            *claimant = Some(member);
            self.owned[member].push(partition);
            return;
        };
        let (mine, theirs) = (generation(group, member), generation(group, other));
        if mine < theirs || member == other {
            return;
        }
        *claimant = Some(member);
        self.owned[other].retain(|owned| *owned != partition);
        if mine == theirs {
            self.contested.insert(partition);
        } else {
            self.owned[member].push(partition);
        }
    }
}

fn generation(group: &Group<'_>, member: usize) -> i32 {
    group.members[member].generation.unwrap_or(NO_GENERATION)
}

fn previous_owners(group: &Group<'_>) -> Vec<Option<usize>> {
    let mut owners: Vec<Option<usize>> = vec![None; group.partitions()];
    let newest = (0..group.members.len()).map(|member| generation(group, member)).max();
    for member in 0..group.members.len() {
        if Some(generation(group, member)) == newest {
            continue;
        }
        for partition in group.owned(member) {
            let known = owners[partition].map(|owner| generation(group, owner));
            if known.is_none_or(|known| generation(group, member) > known) {
                owners[partition] = Some(member);
            }
        }
    }
    owners
}
