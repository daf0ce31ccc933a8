//! The client-side range assignor: each topic cut into contiguous ranges, one for each subscriber.
//!
//! **Invariant.** Within a topic no member has more than one partition more than another. Racks are
//! matched first, as far as that allows it; topics with the same subscribers and as many partitions are
//! then matched together, so that equal keys stay with one member (KIP-881, "Co-partitioning").

use std::ops::Range;

use super::Assignment;
use super::group::Group;
use super::racks::{decide, rack_of};

/// Ranges for every topic, after the partitions that racks decide.
pub(super) fn assign(group: &Group<'_>) -> Assignment {
    let order = group.static_first();
    let mut states: Vec<TopicState<'_>> =
        (0..group.topics()).map(|topic| TopicState::new(group, topic, &order)).collect();
    let mut by_member = vec![Vec::new(); group.members.len()];
    if states.iter().any(|state| state.racks_decide) {
        match_racks(&mut states, &mut by_member);
    }
    for state in &mut states {
        state.assign_ranges(false, &mut by_member);
    }
    for partitions in &mut by_member {
        partitions.sort_unstable();
    }
    group.assignment(by_member)
}

fn match_racks(states: &mut [TopicState<'_>], by_member: &mut [Vec<usize>]) {
    let mut done = vec![false; states.len()];
    for topic in 0..states.len() {
        if done[topic] {
            continue;
        }
        let is_like = |other: &usize| states[topic].is_partitioned_like(&states[*other]);
        let together: Vec<usize> = (topic..states.len()).filter(is_like).collect();
        together.iter().for_each(|other| done[*other] = true);
        if together.len() > 1 {
            match_racks_together(states, &together, by_member);
        } else if states[topic].racks_decide {
            states[topic].assign_ranges(true, by_member);
        }
    }
}

/// Gives the partitions of one number in all these topics to the first member near all of them.
fn match_racks_together(states: &mut [TopicState<'_>], together: &[usize], by_member: &mut [Vec<usize>]) {
    let first = &states[together[0]];
    // Without racked members the reference sees no partitions here, and so leaves them to the ranges.
    let numbers = if first.has_racked_members { first.all.len() } else { 0 };
    for number in 0..numbers {
        let fits = |place: &usize| together.iter().all(|topic| states[*topic].fits(*place, number));
        let Some(place) = (0..states[together[0]].members.len()).find(fits) else { continue };
        for topic in together {
            let partition = states[*topic].all.start + number;
            states[*topic].give(place, vec![partition], by_member);
        }
    }
}

/// One topic while it is being assigned. A *place* is an index into its members.
struct TopicState<'a> {
    group: &'a Group<'a>,
    all: Range<usize>,
    members: Vec<usize>,
    given: Vec<usize>,
    unassigned: Vec<usize>,
    each: usize,
    one_more: usize,
    has_racked_members: bool,
    racks_decide: bool,
}

impl<'a> TopicState<'a> {
    fn new(group: &'a Group<'a>, topic: usize, order: &[usize]) -> Self {
        let subscribers = &group.subscribers[topic];
        let members: Vec<usize> =
            order.iter().copied().filter(|member| subscribers.binary_search(member).is_ok()).collect();
        let all = group.partitions_of(topic);
        let racks: Vec<&str> = members.iter().filter_map(|member| rack_of(group, *member)).collect();
        Self {
            group,
            given: vec![0; members.len()],
            unassigned: all.clone().collect(),
            each: all.len() / members.len(),
            one_more: all.len() % members.len(),
            has_racked_members: !racks.is_empty(),
            racks_decide: decide(racks.into_iter(), &group.racks[all.clone()]),
            members,
            all,
        }
    }

    fn assign_ranges(&mut self, near_only: bool, by_member: &mut [Vec<usize>]) {
        for place in 0..self.members.len() {
            let may = |partition: &usize| !near_only || self.racks_match(place, *partition);
            let allowed = self.unassigned.iter().copied().filter(may);
            let range: Vec<usize> = allowed.take(self.room(place)).collect();
            if !range.is_empty() {
                self.give(place, range, by_member);
            }
        }
    }

    fn give(&mut self, place: usize, partitions: Vec<usize>, by_member: &mut [Vec<usize>]) {
        assert!(partitions.len() <= self.room(place), "no member gets more than there is room for");
        self.given[place] += partitions.len();
        if self.given[place] > self.each {
            self.one_more -= 1;
        }
        self.unassigned.retain(|partition| !partitions.contains(partition));
        by_member[self.members[place]].extend(partitions);
    }

    fn room(&self, place: usize) -> usize {
        (self.each + usize::from(self.one_more > 0)).saturating_sub(self.given[place])
    }

    fn fits(&self, place: usize, number: usize) -> bool {
        self.racks_match(place, self.all.start + number) && self.room(place) > 0
    }

    /// True also for a member that names no rack.
    fn racks_match(&self, place: usize, partition: usize) -> bool {
        rack_of(self.group, self.members[place]).is_none_or(|rack| self.group.racks[partition].contains(rack))
    }

    fn is_partitioned_like(&self, other: &Self) -> bool {
        self.members == other.members && self.all.len() == other.all.len()
    }
}
