//! The sticky assignment of a group whose members subscribe to different topics.
//!
//! Each member keeps what it owned and may keep; the rest goes to the least loaded subscribers; then
//! partitions move one by one while that makes the assignment more even.
//!
//! **Invariant.** No partition of a member could go to a subscriber with two fewer, unless the attempt to
//! balance made the whole no more even and was undone.
//!
//! Not modelled: giving a partition back to a previous owner that no longer subscribes to it, which the
//! reference can do; and its unbounded number of passes.

use std::collections::BTreeSet;

use super::group::Group;
use super::movements::Movements;
use super::ownership::Ownership;
use super::racks::Racks;
use super::sticky::StickyPlan;

/// The assignment while it is being made.
pub(super) struct General<'a> {
    group: &'a Group<'a>,
    racks: &'a Racks<'a>,
    previous_owner: Vec<Option<usize>>,
    owner: Vec<Option<usize>>,
    by_member: Vec<Vec<usize>>,
    /// The members that take part in balancing, as (partitions, member).
    by_load: BTreeSet<(usize, usize)>,
    movements: Movements,
    must_revoke: bool,
}

impl<'a> General<'a> {
    pub fn new(group: &'a Group<'a>, racks: &'a Racks<'a>, ownership: Ownership) -> Self {
        let mut general = Self {
            group,
            racks,
            previous_owner: ownership.previous_owner,
            owner: vec![None; group.partitions()],
            by_member: ownership.owned,
            by_load: BTreeSet::new(),
            movements: Movements::default(),
            must_revoke: false,
        };
        for member in 0..group.members.len() {
            general.keep_owned(member);
        }
        general
    }

    /// The plan; what changes hands has to be worked out by comparison.
    pub fn build(mut self) -> StickyPlan {
        let all = self.in_order_of_choice();
        let unassigned: Vec<usize> =
            all.iter().copied().filter(|partition| self.owner[*partition].is_none()).collect();
        let initializing = self.by_member.iter().all(Vec::is_empty);
        self.assign_remaining(unassigned.clone());
        self.by_load.retain(|(_, member)| can_take_part(self.group, *member, &self.by_member[*member]));
        self.balance(all, unassigned, initializing);
        assert!(self.owner.iter().all(Option::is_some), "every partition has an owner");
        StickyPlan { by_member: self.by_member, transferring: None }
    }

    /// Drops what the member may not keep.
    fn keep_owned(&mut self, member: usize) {
        let before = self.by_member[member].len();
        let (group, racks) = (self.group, self.racks);
        self.by_member[member]
            .retain(|partition| group.subscribes(member, *partition) && !racks.mismatch(member, *partition));
        self.must_revoke |= self.by_member[member].len() < before;
        for partition in &self.by_member[member] {
            assert_eq!(self.owner[*partition].replace(member), None, "claims are settled");
        }
        self.by_load.insert((self.by_member[member].len(), member));
    }

    /// All partitions, those with the fewest possible owners first.
    fn in_order_of_choice(&self) -> Vec<usize> {
        let mut topics: Vec<usize> = (0..self.group.topics()).collect();
        topics.sort_by_key(|topic| self.group.subscribers[*topic].len());
        topics.into_iter().flat_map(|topic| self.group.partitions_of(topic)).collect()
    }

    fn assign_remaining(&mut self, mut unassigned: Vec<usize>) {
        if self.racks.are_used() {
            unassigned.retain(|partition| !self.assign(*partition, true));
        }
        for partition in unassigned {
            assert!(self.assign(partition, false), "every topic has a subscriber");
        }
    }

    /// Gives the partition to the least loaded subscriber, near it if need be.
    fn assign(&mut self, partition: usize, near_only: bool) -> bool {
        let may = |member: usize| {
            self.group.subscribes(member, partition) && !(near_only && self.racks.mismatch(member, partition))
        };
        let Some(member) = self.by_load.iter().map(|load| load.1).find(|member| may(*member)) else {
            return false;
        };
        self.reload(member, |partitions| partitions.push(partition));
        self.owner[partition] = Some(member);
        true
    }

    fn balance(&mut self, mut all: Vec<usize>, mut unassigned: Vec<usize>, initializing: bool) {
        let can_move = |partition: &usize| self.group.subscribers[self.group.topic_of[*partition]].len() > 1;
        all.retain(can_move);
        unassigned.retain(can_move);
        let before = (self.by_member.clone(), self.owner.clone());
        let score = self.imbalance();
        if !self.must_revoke {
            self.reassign_while_it_helps(&unassigned);
        }
        let moved = self.reassign_while_it_helps(&all);
        if moved && !initializing && self.imbalance() >= score {
            (self.by_member, self.owner) = before;
        }
    }

    /// The sum of differences between the members that take part, two by two.
    fn imbalance(&self) -> usize {
        let loads = || self.by_load.iter().map(|(_, member)| self.by_member[*member].len());
        loads()
            .enumerate()
            .flat_map(|(index, one)| loads().skip(index + 1).map(move |other| one.abs_diff(other)))
            .sum()
    }

    fn reassign_while_it_helps(&mut self, candidates: &[usize]) -> bool {
        let mut moved = false;
        // Each pass that moves anything makes the loads more even, but for movements taken back; the bound
        // is there so that no input can hang a simulation.
        for _ in 0..=self.group.partitions() {
            let mut moved_now = false;
            for partition in candidates {
                if self.is_balanced() {
                    break;
                }
                moved_now |= self.reassign_if_it_helps(*partition);
            }
            if !moved_now {
                break;
            }
            moved = true;
        }
        moved
    }

    fn is_balanced(&self) -> bool {
        let (Some(least), Some(most)) = (self.by_load.first(), self.by_load.last()) else { return true };
        most.0 <= least.0 + 1
            || !self.by_load.iter().any(|(load, member)| self.could_get_more(*load, *member))
    }

    /// True when some partition would be better off with this member.
    fn could_get_more(&self, load: usize, member: usize) -> bool {
        let mut wanted =
            self.group.subscriptions[member].iter().flat_map(|topic| self.group.partitions_of(*topic));
        wanted.any(|partition| self.load(self.owner_of(partition)) > load + 1)
    }

    /// Moves the partition to where it was before or else to the least loaded subscriber, if that makes
    /// loads more even.
    fn reassign_if_it_helps(&mut self, partition: usize) -> bool {
        let load = self.load(self.owner_of(partition));
        let previous = self.previous_owner[partition]
            .filter(|member| self.group.subscribes(*member, partition) && load > self.load(*member) + 1);
        // The reference looks among near subscribers first, but moves to the least loaded one in any case.
        let target = previous.or_else(|| {
            let mut subscribers = self.by_load.iter().filter(|load| self.group.subscribes(load.1, partition));
            subscribers.next().filter(|least| load > least.0 + 1).map(|least| least.1)
        });
        if let Some(target) = target {
            self.reassign(partition, target);
        }
        target.is_some()
    }

    fn reassign(&mut self, partition: usize, to: usize) {
        let topic = self.group.topic_of[partition];
        let moved = self.movements.better_choice(topic, partition, self.owner_of(partition), to);
        let from = self.owner_of(moved);
        self.movements.record(topic, moved, from, to);
        self.reload(from, |partitions| partitions.retain(|other| *other != moved));
        self.reload(to, |partitions| partitions.push(moved));
        self.owner[moved] = Some(to);
    }

    /// Changes what a member has, and its place in the order of loads.
    fn reload(&mut self, member: usize, change: impl FnOnce(&mut Vec<usize>)) {
        let partitions = &mut self.by_member[member];
        assert!(self.by_load.remove(&(partitions.len(), member)), "only members that take part change");
        change(partitions);
        self.by_load.insert((partitions.len(), member));
    }

    fn load(&self, member: usize) -> usize {
        self.by_member[member].len()
    }

    fn owner_of(&self, partition: usize) -> usize {
        self.owner[partition].expect("every partition is assigned before balancing")
    }
}

/// False for a member that has all it can get, none of which anybody else could have.
fn can_take_part(group: &Group<'_>, member: usize, partitions: &[usize]) -> bool {
    let subscribed = group.subscriptions[member].iter().map(|topic| group.partitions_of(*topic).len());
    partitions.len() < subscribed.sum()
        || partitions.iter().any(|partition| group.subscribers[group.topic_of[*partition]].len() > 1)
}
