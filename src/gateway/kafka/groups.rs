//! A group as its members see it: who is in it, and when it stands still.
//!
//! The coordinator of a real cluster tells nobody when it rebalances; its members feel it. A rebalance begins when
//! the first member joins or gives its partitions up, and ends when every member that takes part has its own.
//!
//! **Invariant.** A group is stable only while no member waits for its partitions.
//!
//! **Not modelled:** generations are counted here, and are not the coordinator's; members of other programs.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use crate::host::Door;
use crate::kernel::ActorId;
use crate::trace::GroupId;
use crate::trace::kafka::{GroupReason, GroupState, Kafka, MemberId};
use crate::wire::Brokersim;

/// The groups of a run.
#[derive(Debug)]
pub struct Groups {
    door: Door<Brokersim>,
    /// In whose name it is told.
    teller: ActorId,
    groups: Vec<Mutex<Group>>,
}

#[derive(Debug)]
struct Group {
    state: GroupState,
    generation: u32,
    /// True: it waits for its partitions.
    members: BTreeMap<ActorId, bool>,
    /// What happened last that the others have not felt yet.
    pending: Option<GroupReason>,
}

impl Groups {
    /// So many groups without members.
    pub fn new(door: Door<Brokersim>, teller: ActorId, groups: usize) -> Self {
        let empty =
            || Group { state: GroupState::Empty, generation: 0, members: BTreeMap::new(), pending: None };
        Self { door, teller, groups: (0..groups).map(|_| Mutex::new(empty())).collect() }
    }

    /// A member begins to join.
    pub fn joins(&self, group: GroupId, member: ActorId) {
        let mut its = self.group(group);
        its.members.insert(member, true);
        self.unsettle(&mut its, group, GroupReason::MemberJoined);
        self.tell(Kafka::MemberJoined { group, member: MemberId(u64::from(member.0)) });
    }

    /// A member gave partitions up and waits for others.
    pub fn gives_up(&self, group: GroupId, member: ActorId) {
        let mut its = self.group(group);
        let Some(waits) = its.members.get_mut(&member) else { return };
        *waits = true;
        let why = its.pending.take().unwrap_or(GroupReason::MemberRejoined);
        self.unsettle(&mut its, group, why);
    }

    /// A member has its partitions; the generation.
    pub fn assigned(&self, group: GroupId, member: ActorId) -> u32 {
        let mut its = self.group(group);
        if let Some(waits) = its.members.get_mut(&member) {
            *waits = false;
        }
        self.calm_down(&mut its, group);
        its.generation
    }

    /// A member is gone.
    pub fn leaves(&self, group: GroupId, member: ActorId, why: GroupReason) {
        let mut its = self.group(group);
        if its.members.remove(&member).is_none() {
            return;
        }
        self.tell(Kafka::MemberLeft { group, member: MemberId(u64::from(member.0)), why });
        if its.members.is_empty() {
            self.change(&mut its, group, GroupState::Empty, why);
        } else {
            its.pending = Some(why);
            self.calm_down(&mut its, group);
        }
    }

    fn group(&self, group: GroupId) -> MutexGuard<'_, Group> {
        self.groups[group.index()].lock().expect("nobody panics with a group in hand")
    }

    fn tell(&self, fact: Kafka) {
        self.door.emit(self.teller, fact);
    }

    fn unsettle(&self, its: &mut Group, group: GroupId, why: GroupReason) {
        if its.state != GroupState::PreparingRebalance {
            its.generation += 1;
            self.change(its, group, GroupState::PreparingRebalance, why);
        }
    }

    fn calm_down(&self, its: &mut Group, group: GroupId) {
        if its.state == GroupState::PreparingRebalance && !its.members.values().any(|waits| *waits) {
            its.pending = None;
            self.change(its, group, GroupState::Stable, GroupReason::Assigned);
        }
    }

    fn change(&self, its: &mut Group, group: GroupId, to: GroupState, why: GroupReason) {
        let from = std::mem::replace(&mut its.state, to);
        if from != to {
            let (generation, members) = (its.generation, its.members.len() as u32);
            self.tell(Kafka::GroupChanged { group, from, to, generation, members, why });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Knock;
    use crate::trace::Fact;

    const GROUP: GroupId = GroupId(0);

    #[test]
    fn a_group_is_stable_when_everybody_has_what_is_theirs() {
        let (door, heard) = Door::new();
        let groups = Groups::new(door, ActorId(9), 1);
        let (one, two) = (ActorId(1), ActorId(2));
        groups.joins(GROUP, one);
        groups.assigned(GROUP, one);
        groups.joins(GROUP, two);
        groups.gives_up(GROUP, one);
        groups.assigned(GROUP, one);
        assert_eq!(groups.assigned(GROUP, two), 2);
        groups.leaves(GROUP, two, GroupReason::SessionTimeout);
        groups.gives_up(GROUP, one);
        groups.assigned(GROUP, one);
        let changes = heard.try_iter().filter_map(|knock| match knock {
            Knock::Seen { fact: Fact::Kafka(Kafka::GroupChanged { to, why, members, .. }), .. } => {
                Some((to, why, members))
            }
            Knock::Seen { .. } | Knock::Said { .. } => None,
        });
        let changes: Vec<_> = changes.collect();
        use GroupReason::{Assigned, MemberJoined, SessionTimeout};
        use GroupState::{PreparingRebalance, Stable};
        assert_eq!(
            changes,
            [
                (PreparingRebalance, MemberJoined, 1),
                (Stable, Assigned, 1),
                (PreparingRebalance, MemberJoined, 2),
                (Stable, Assigned, 2),
                (PreparingRebalance, SessionTimeout, 1),
                (Stable, Assigned, 1),
            ]
        );
    }
}
