//! The uniform assignor when members subscribe to different topics.
//!
//! Each member keeps what it still subscribes to; topics that weigh most on their subscribers hand out
//! the rest to the least loaded; then topic by topic partitions go from the most to the least loaded.
//!
//! **Invariant.** Within a topic nobody who can give has two more than a subscriber, once the passes end
//! by themselves; there are 16 at most, as in the reference.

use std::cmp::Ordering;

use super::group::Group;
use super::server_uniform::owners;

/// The reference's `MAX_ITERATION_COUNT`.
const PASSES_MAX: usize = 16;

/// The partitions of each member, in the order in which it came to have them.
pub(super) fn assign(group: &Group<'_>) -> Vec<Vec<usize>> {
    let mut plan = Heterogeneous::new(group);
    let mut topics: Vec<usize> = (0..group.topics()).collect();
    topics.sort_by(|one, other| by_weight(group, *one, *other));
    for topic in &topics {
        plan.assign_remaining(*topic);
    }
    topics.retain(|topic| group.subscribers[*topic].len() > 1);
    plan.balance(&topics);
    plan.by_member()
}

/// Partitions for each subscriber, descending; then fewer subscribers first; then by name.
fn by_weight(group: &Group<'_>, one: usize, other: usize) -> Ordering {
    let (partitions, subscribers) =
        (|topic| group.partitions_of(topic).len(), |topic: usize| group.subscribers[topic].len());
    let weight = (partitions(other) * subscribers(one)).cmp(&(partitions(one) * subscribers(other)));
    weight.then(subscribers(one).cmp(&subscribers(other))).then(one.cmp(&other))
}

struct Heterogeneous<'a> {
    group: &'a Group<'a>,
    owner: Vec<Option<usize>>,
    loads: Vec<usize>,
}

impl<'a> Heterogeneous<'a> {
    fn new(group: &'a Group<'a>) -> Self {
        let mut owner = owners(group);
        let mut loads = vec![0; group.members.len()];
        for (partition, owner) in owner.iter_mut().enumerate() {
            *owner = owner.filter(|member| group.subscribes(*member, partition));
            owner.iter().for_each(|member| loads[*member] += 1);
        }
        Self { group, owner, loads }
    }

    fn assign_remaining(&mut self, topic: usize) {
        let mut levels = Levels::new(&self.group.subscribers[topic], &self.loads);
        for partition in self.group.partitions_of(topic) {
            if self.owner[partition].is_none() {
                let member = levels.next_least_loaded(&self.loads);
                self.give(partition, member);
            }
        }
    }

    /// Balances topic after topic until a whole round changes nothing.
    fn balance(&mut self, topics: &[usize]) {
        let mut last_changed = None;
        for _ in 0..PASSES_MAX {
            for topic in topics {
                if last_changed == Some(*topic) {
                    return;
                }
                if self.balance_topic(*topic) || last_changed.is_none() {
                    last_changed = Some(*topic);
                }
            }
        }
    }

    /// Moves partitions of the topic from the most to the least loaded; true when any moved.
    fn balance_topic(&mut self, topic: usize) -> bool {
        let mut levels = Levels::new(&self.group.subscribers[topic], &self.loads);
        if levels.spread(&self.loads) <= 1 {
            return false;
        }
        let mut owned = vec![Vec::new(); self.group.members.len()];
        for partition in self.group.partitions_of(topic) {
            owned[self.owner[partition].expect("all partitions are assigned")].push(partition);
        }
        let mut moved = false;
        while let Some(giver) = levels.next_giver(&self.loads, &owned) {
            let partition = owned[giver].pop().expect("a giver has something to give");
            let taker = levels.next_least_loaded(&self.loads);
            if levels.are_balanced() {
                break;
            }
            self.give(partition, taker);
            moved = true;
        }
        moved
    }

    fn give(&mut self, partition: usize, member: usize) {
        if let Some(before) = self.owner[partition].replace(member) {
            self.loads[before] -= 1;
        }
        self.loads[member] += 1;
    }

    fn by_member(&self) -> Vec<Vec<usize>> {
        let mut by_member = vec![Vec::new(); self.group.members.len()];
        for (partition, owner) in self.owner.iter().enumerate() {
            by_member[owner.expect("all partitions are assigned")].push(partition);
        }
        by_member
    }
}

/// The subscribers of a topic by load, with two ranges that close in on one another: the least loaded,
/// filled from the left, and the most loaded, emptied from the right. Each range is at one level.
///
/// Levels are one off when a range is still empty, so that the first call steps onto the true level.
struct Levels {
    members: Vec<usize>,
    least_end: usize,
    least_level: i64,
    next_least: usize,
    most_start: usize,
    most_end: usize,
    most_level: i64,
    /// How many places are left of the next one to give; zero when there is none.
    next_most: usize,
}

impl Levels {
    fn new(subscribers: &[usize], loads: &[usize]) -> Self {
        let mut members = subscribers.to_vec();
        members.sort_by_key(|member| (loads[*member], *member));
        let least = members.first().expect("a topic has subscribers");
        let most = members.last().expect("a topic has subscribers");
        Self {
            least_end: 0,
            least_level: loads[*least] as i64 - 1,
            next_least: 0,
            most_start: members.len(),
            most_end: members.len(),
            most_level: loads[*most] as i64 + 1,
            next_most: members.len(),
            members,
        }
    }

    fn spread(&self, loads: &[usize]) -> usize {
        loads[self.members[self.members.len() - 1]] - loads[self.members[0]]
    }

    fn are_balanced(&self) -> bool {
        self.most_level - self.least_level <= 1
    }

    fn next_least_loaded(&mut self, loads: &[usize]) -> usize {
        if self.next_least >= self.least_end {
            self.least_level += 1;
            let more = self.members[self.least_end..].iter();
            self.least_end += more.take_while(|member| loads[**member] as i64 == self.least_level).count();
            self.next_least = 0;
        }
        self.next_least += 1;
        self.members[self.next_least - 1]
    }

    /// The most loaded member that has something to give, or none when nobody has or loads are even.
    fn next_giver(&mut self, loads: &[usize], owned: &[Vec<usize>]) -> Option<usize> {
        if self.are_balanced() {
            return None;
        }
        loop {
            let member = self.next_most_loaded(loads)?;
            if !owned[member].is_empty() {
                return Some(member);
            }
            self.exclude_last_returned();
        }
    }

    fn next_most_loaded(&mut self, loads: &[usize]) -> Option<usize> {
        if self.next_most <= self.most_start {
            self.lower_most_level(loads);
            let more = self.members[..self.most_start].iter().rev();
            self.most_start -= more.take_while(|member| loads[**member] as i64 == self.most_level).count();
            self.next_most = self.most_end;
        }
        self.next_most = self.next_most.checked_sub(1)?;
        Some(self.members[self.next_most])
    }

    fn lower_most_level(&mut self, loads: &[usize]) {
        if self.most_end <= self.most_start && self.most_start > 0 {
            // All of the range was excluded: step right onto the next member's level.
            self.most_level = loads[self.members[self.most_start - 1]] as i64;
        } else {
            self.most_level -= 1;
        }
    }

    /// Takes the member just returned out of the most loaded range.
    fn exclude_last_returned(&mut self) {
        self.most_end -= 1;
        self.members.swap(self.next_most, self.most_end);
    }
}
