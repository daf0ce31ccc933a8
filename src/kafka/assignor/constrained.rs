//! The sticky assignment of a group whose members all subscribe to the same topics.
//!
//! Each member keeps what it owned up to its share; then the rest is dealt out in turn, first to members
//! near a replica where racks decide. A share is `least`, or one more for as many members as it takes.
//!
//! **Invariant.** No member ends with fewer than `least` partitions, none with more than one above it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::group::Group;
use super::racks::Racks;
use super::sticky::StickyPlan;

/// The assignment while it is being made.
pub(super) struct Constrained<'a> {
    group: &'a Group<'a>,
    racks: &'a Racks<'a>,
    contested: BTreeSet<usize>,
    least: usize,
    most: usize,
    above_least_planned: usize,
    above_least: usize,
    below_least: Vec<usize>,
    at_least: VecDeque<usize>,
    turn: usize,
    given_up: BTreeMap<usize, usize>,
    transferring: BTreeSet<usize>,
    by_member: Vec<Vec<usize>>,
}

impl<'a> Constrained<'a> {
    pub fn new(group: &'a Group<'a>, racks: &'a Racks<'a>, contested: BTreeSet<usize>) -> Self {
        let (partitions, members) = (group.partitions(), group.members.len());
        Self {
            group,
            racks,
            contested,
            least: partitions / members,
            most: partitions.div_ceil(members),
            above_least_planned: partitions % members,
            above_least: 0,
            below_least: Vec::new(),
            at_least: VecDeque::new(),
            turn: 0,
            given_up: BTreeMap::new(),
            transferring: BTreeSet::new(),
            by_member: vec![Vec::new(); members],
        }
    }

    /// The plan, given the partitions each member owns.
    pub fn build(mut self, owned: &[Vec<usize>]) -> StickyPlan {
        for (member, owned) in owned.iter().enumerate() {
            let keepable = self.keepable(member, owned);
            self.keep(member, &keepable);
        }
        let mut unassigned = self.unassigned();
        if self.racks.are_used() {
            self.racks.sort_by_near_members(&mut unassigned);
            unassigned.retain(|partition| !self.assign_near(*partition));
        }
        self.assign_in_turn(&unassigned);
        self.assert_shares();
        StickyPlan { by_member: self.by_member, transferring: Some(self.transferring) }
    }

    /// What the member may keep, by number in the topic and then by topic; the rest is noted as given up.
    fn keepable(&mut self, member: usize, owned: &[usize]) -> Vec<usize> {
        let (mut keepable, mut far) = (Vec::new(), Vec::new());
        for partition in owned.iter().filter(|partition| !self.contested.contains(partition)) {
            let far_away = self.racks.mismatch(member, *partition);
            if far_away { &mut far } else { &mut keepable }.push(*partition);
        }
        self.given_up.extend(far.into_iter().map(|partition| (partition, member)));
        keepable.sort_by_key(|partition| (self.group.number_in_topic(*partition), *partition));
        keepable
    }

    fn keep(&mut self, member: usize, keepable: &[usize]) {
        let kept = if keepable.len() < self.least {
            self.below_least.push(member);
            keepable.len()
        } else if keepable.len() >= self.most && self.above_least < self.above_least_planned {
            self.count_above_least();
            self.most
        } else {
            if self.above_least < self.above_least_planned {
                self.at_least.push_back(member);
            }
            self.least
        };
        let (kept, surplus) = keepable.split_at(kept);
        self.by_member[member].extend(kept);
        self.given_up.extend(surplus.iter().map(|partition| (*partition, member)));
    }

    /// Notes that one more member has one above the least; once enough have, those at the least are full.
    fn count_above_least(&mut self) {
        self.above_least += 1;
        if self.above_least == self.above_least_planned {
            self.at_least.clear();
        }
    }

    fn unassigned(&self) -> Vec<usize> {
        let assigned: BTreeSet<usize> = self.by_member.iter().flatten().copied().collect();
        (0..self.group.partitions()).filter(|partition| !assigned.contains(partition)).collect()
    }

    /// Gives the partition to a member near it that has room, if there is one.
    fn assign_near(&mut self, partition: usize) -> bool {
        let below = self.racks.next_near(partition, &self.below_least, self.turn);
        let member = below.map(|place| self.take_below_least(place)).or_else(|| {
            let place = self.racks.next_near(partition, self.at_least.make_contiguous(), 0)?;
            Some(self.take_at_least(place))
        });
        if let Some(member) = member {
            self.give(partition, member);
        }
        member.is_some()
    }

    /// The member at this place among those below the least, about to get one more; the turn moves on.
    fn take_below_least(&mut self, place: usize) -> usize {
        let member = self.below_least[place];
        let share = self.by_member[member].len() + 1;
        self.turn = if share < self.least { place + 1 } else { place };
        if share >= self.least {
            self.below_least.remove(place);
            if share < self.most && self.above_least < self.above_least_planned {
                self.at_least.push_back(member);
            }
        }
        self.turn = self.turn.checked_rem(self.below_least.len()).unwrap_or(0);
        member
    }

    fn take_at_least(&mut self, place: usize) -> usize {
        let member = self.at_least.remove(place).expect("the place was just found");
        self.count_above_least();
        member
    }

    /// Deals partitions out to those below the least, round and round, and then to those that have it.
    fn assign_in_turn(&mut self, unassigned: &[usize]) {
        self.turn = 0;
        for partition in unassigned {
            if self.below_least.is_empty() {
                let member = self.at_least.pop_front().expect("some member has room for a partition");
                self.give(*partition, member);
            } else {
                self.give_below_least(*partition);
            }
        }
    }

    fn give_below_least(&mut self, partition: usize) {
        self.turn %= self.below_least.len();
        let member = self.below_least[self.turn];
        self.give(partition, member);
        if self.by_member[member].len() == self.least {
            self.below_least.remove(self.turn);
            self.at_least.push_back(member);
        } else {
            self.turn += 1;
        }
    }

    fn give(&mut self, partition: usize, member: usize) {
        let is_taken = self.given_up.get(&partition).is_some_and(|owner| *owner != member);
        if is_taken || self.contested.contains(&partition) {
            self.transferring.insert(partition);
        }
        self.by_member[member].push(partition);
    }

    fn assert_shares(&self) {
        let shares = || self.by_member.iter().map(Vec::len);
        assert!(shares().all(|share| self.least <= share && share <= self.most), "shares are even");
        assert_eq!(shares().sum::<usize>(), self.group.partitions(), "every partition is given once");
    }
}
