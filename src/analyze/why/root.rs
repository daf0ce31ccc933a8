//! From a victim to the event that began its misfortune: the rules by which effects are traced to causes.
//!
//! The stream's own causes lead from an effect to the message that brought it. What a *missing* message brings
//! about (a session that ends, a follower that falls behind) has the last heartbeat as its cause there, not the
//! crash. So the walk goes by Kafka's rules: a fenced broker was struck before, a new leader had a predecessor.

use serde::Serialize;

use crate::kernel::{Crash, Duration, Event, NodeId, Physics, Time};
use crate::trace::kafka::{BrokerId, GroupReason, GroupState, Kafka};
use crate::trace::{Fact, GroupId, Life, PlaceId, Reason, Reign};

use super::outcome::{Phase, Trouble, Victim};
use super::scene::Scene;
use super::story::position;

/// How records came to grief: one word for each way that is told differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// A leader was lost with what its successor had not copied.
    LeaderLost,
    /// Leadership moved in good order, and the old leader's tail was cut off.
    LeaderMoved,
    /// A replica that was not in sync became leader.
    UncleanElection,
    /// What had not been flushed was lost with the power.
    PowerLoss,
    /// acks=0: nobody asked whether it arrived.
    NotAcknowledged,
    /// Offsets were committed before the work was done.
    CommittedUnprocessed,
    /// `auto.offset.reset` began behind it.
    OffsetReset,
    /// Retention deleted it before it was read.
    Retention,
    /// It lay in the pipe to a peer that went away, or in its hands.
    PeerDied,
    /// Dropped by the system's own rules, in another way.
    Dropped,
    /// The producer sent it again, and both copies are in the log.
    StoredTwice,
    /// It was handed out again after a reader or its position was lost.
    Redelivered,
    /// A retry put it behind a younger one.
    RetriedOutOfOrder,
    /// Two readers, or a reader that went back, took it after a younger one.
    ReadOutOfOrder,
    /// It could not be published for a while.
    PublishedLate,
    /// It was in the log for long before it could be read.
    ReplicatedLate,
    /// It waited for its reader.
    WaitedForReader,
    /// Its reader worked for long.
    WorkedLong,
}

/// Where a misfortune began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Root {
    /// How.
    pub mechanism: Mechanism,
    /// The event that began it; 0 when no single one did.
    pub serial: u64,
    /// The event that sealed it (the cut, the skip, the new position); 0 when the books show it only.
    pub sealed: u64,
    /// The group concerned.
    pub group: Option<GroupId>,
}

/// What happened to the system, with questions asked of it.
#[derive(Clone, Copy)]
pub struct Annals<'a> {
    /// Names and settings.
    pub scene: &'a Scene,
    /// The facts, in order.
    pub events: &'a [Event<Fact>],
}

/// How long before something a blow may have caused it without being named by it.
const SHORTLY: Duration = Duration::from_secs(1);
/// How long a delay may reach back for the blow that began it.
const LONG_BEFORE: Duration = Duration::from_secs(60);

impl<'a> Annals<'a> {
    /// Where the misfortune of a victim began.
    pub fn root(&self, victim: &Victim) -> Root {
        match victim.trouble {
            Trouble::Lost => self.lost(victim),
            Trouble::Duplicated if victim.stored_twice => self.retried(victim, Mechanism::StoredTwice),
            Trouble::Duplicated => self.read_again(victim, Mechanism::Redelivered),
            Trouble::Reordered if victim.overtaken || victim.stored_twice => {
                self.retried(victim, Mechanism::RetriedOutOfOrder)
            }
            Trouble::Reordered => self.read_again(victim, Mechanism::ReadOutOfOrder),
            Trouble::Late => self.late(victim),
        }
    }

    fn lost(&self, victim: &Victim) -> Root {
        let because = |mechanism, serial, sealed| Root { mechanism, serial, sealed, group: victim.group };
        match victim.reason {
            Some(Reason::LeaderElection | Reason::UncleanElection | Reason::PowerLoss) => self.cut(victim),
            Some(Reason::NotAcknowledged) => {
                let blow = self.last(victim.at + SHORTLY, |event| self.strikes_broker(event));
                because(Mechanism::NotAcknowledged, serial(blow), 0)
            }
            Some(Reason::CommittedUnprocessed) => self.committed_unprocessed(victim),
            Some(Reason::OffsetReset) => self.reset(victim),
            Some(Reason::Retention) => {
                let sealed = self.first(victim.at, |event| expires(event, victim));
                because(Mechanism::Retention, 0, serial(sealed))
            }
            Some(Reason::PeerDied) => self.died_with_peer(victim),
            Some(_) | None => {
                let blow = self.last(victim.at + SHORTLY, is_blow);
                because(Mechanism::Dropped, serial(blow), 0)
            }
        }
    }

    /// The log ended below it after it had been stored.
    fn cut(&self, victim: &Victim) -> Root {
        let mechanism = match victim.reason {
            Some(Reason::UncleanElection) => Mechanism::UncleanElection,
            Some(Reason::PowerLoss) => Mechanism::PowerLoss,
            Some(_) | None => Mechanism::LeaderLost,
        };
        let none = Root { mechanism, serial: 0, sealed: 0, group: None };
        let Some(cut) = self.cut_of(victim) else { return none };
        let sealed = Root { sealed: cut.serial, ..none };
        let Some(place) = victim.place else { return sealed };
        if mechanism == Mechanism::PowerLoss {
            let home = self.scene.node_of(cut.actor);
            let dark = self.last(cut.at, |event| home.is_some_and(|home| loses_power(event, home)));
            return Root { serial: self.together(dark), ..sealed };
        }
        let Some(election) = self.election(place, cut) else { return sealed };
        let old = self.leader_before(place, election.serial);
        match old.and_then(|old| self.struck(old, election.at)) {
            Some(blow) => Root { serial: self.together(Some(blow)), ..sealed },
            None if mechanism == Mechanism::LeaderLost => {
                Root { mechanism: Mechanism::LeaderMoved, serial: election.serial, ..sealed }
            }
            None => Root { serial: election.serial, ..sealed },
        }
    }

    /// It went with a peer: what had struck that peer, found from whoever tells that it is gone.
    fn died_with_peer(&self, victim: &Victim) -> Root {
        let sealed = self.first(victim.at, |event| {
            matches!(&event.fact, Fact::Life(Life::Dropped { ids, why: Reason::PeerDied }) if position(ids, victim.id).is_some())
        });
        let blow = sealed.and_then(|sealed| {
            let home = || self.scene.node_of(sealed.actor);
            self.blow_behind(sealed).or_else(|| self.last_blow(home()?, sealed))
        });
        Root { mechanism: Mechanism::PeerDied, serial: serial(blow), sealed: serial(sealed), group: None }
    }

    /// From effect to cause until something strikes. Who hears from a node that is back learns that it had been struck.
    fn blow_behind(&self, effect: &'a Event<Fact>) -> Option<&'a Event<Fact>> {
        let mut event = effect;
        while !is_blow(event) {
            if let Fact::Physics(Physics::Restarted { node }) = event.fact {
                return self.last_blow(node, event);
            }
            event = self.event(event.cause)?;
        }
        Some(event)
    }

    /// What struck a node last before an event.
    fn last_blow(&self, node: NodeId, before: &Event<Fact>) -> Option<&'a Event<Fact>> {
        self.last(before.at, |event| event.serial < before.serial && strikes(event, node))
    }

    /// Where the victim went for good: the first log without it, since the last that had it.
    fn cut_of(&self, victim: &Victim) -> Option<&'a Event<Fact>> {
        let place = victim.place?;
        let cuts = self.events.iter().filter_map(|event| match &event.fact {
            Fact::Life(Life::Cut { place: of, from, log, .. }) if *of == place => Some((event, *from, log)),
            Fact::Life(_)
            | Fact::Kafka(_)
            | Fact::Physics(_)
            | Fact::ZeroMq(_)
            | Fact::Mqtt(_)
            | Fact::Injected(_)
            | Fact::Commanded(_) => None,
        });
        let (mut reign, mut gone) = (0, None);
        for (event, from, log) in cuts {
            if event.at < victim.at {
                reign = log.as_ref().and_then(|log| log.last()).map_or(0, |last| last.number);
                continue;
            }
            let written_alike = log.as_ref().is_none_or(|log| Reign::at(log, victim.offset) == Some(reign));
            let is_there = from > victim.offset && written_alike;
            gone = if is_there { None } else { gone.or(Some(event)) };
        }
        gone
    }

    /// The change that made the actor of `cut` the leader.
    pub fn election(&self, place: PlaceId, cut: &Event<Fact>) -> Option<&'a Event<Fact>> {
        let took_over = |event: &Event<Fact>| {
            let Fact::Kafka(Kafka::BecameLeader { place: of, leader_epoch, .. }) = &event.fact else {
                return None;
            };
            (*of == place && event.actor == cut.actor).then_some(*leader_epoch)
        };
        let epoch =
            self.events.iter().rev().filter(|event| event.serial <= cut.serial).find_map(took_over)?;
        self.events.iter().find(|event| {
            matches!(&event.fact, Fact::Kafka(Kafka::PartitionChanged { place: of, leader_epoch, leader: Some(_), .. })
                if *of == place && *leader_epoch == epoch)
        })
    }

    /// Who led a place last before an event.
    pub fn leader_before(&self, place: PlaceId, serial: u64) -> Option<BrokerId> {
        self.events.iter().rev().filter(|event| event.serial < serial).find_map(|event| {
            let Fact::Kafka(Kafka::PartitionChanged { place: of, leader, .. }) = &event.fact else {
                return None;
            };
            leader.filter(|_| *of == place)
        })
    }

    /// What took a broker out of service before an instant: not what it had recovered from by then.
    fn struck(&self, broker: BrokerId, at: Time) -> Option<&'a Event<Fact>> {
        let node = self.scene.broker(broker)?;
        let blow = self.last(at, |event| strikes(event, node))?;
        let unfenced = self.events.iter().any(|event| {
            event.serial > blow.serial
                && event.at < at
                && matches!(event.fact, Fact::Kafka(Kafka::Unfenced { broker: of }) if of == broker)
        });
        (!unfenced).then_some(blow)
    }

    fn committed_unprocessed(&self, victim: &Victim) -> Root {
        let mechanism = Mechanism::CommittedUnprocessed;
        let place = victim.place;
        let owner = self.last(victim.at, |event| {
            matches!(&event.fact, Fact::Kafka(Kafka::Assigned { group, places, .. })
                if Some(*group) == victim.group && place.is_some_and(|place| places.contains(&place)))
        });
        let home = owner.and_then(|owner| self.scene.node_of(owner.actor));
        let ended = self.first(victim.at, |event| {
            let revoked = matches!(&event.fact, Fact::Kafka(Kafka::Revoked { group, places, .. })
                if Some(*group) == victim.group && place.is_some_and(|place| places.contains(&place)));
            revoked || home.is_some_and(|home| crashes(event, home))
        });
        Root { mechanism, serial: serial(ended), sealed: serial(ended), group: victim.group }
    }

    fn reset(&self, victim: &Victim) -> Root {
        let mechanism = Mechanism::OffsetReset;
        let skip = self.events.iter().find(|event| skips(event, victim));
        let Some(skip) = skip else { return Root { mechanism, serial: 0, sealed: 0, group: victim.group } };
        // A log that was cut below the position throws readers out too.
        let thrown_out = self.events.iter().rev().filter(|event| event.serial < skip.serial).find(|event| {
            matches!(&event.fact, Fact::Life(Life::Cut { place, .. }) if Some(*place) == victim.place)
        });
        let why = self.positioned(skip).map(|(_, why)| why);
        let root = match why {
            Some(crate::trace::kafka::PositionReason::Reset) | None => self.stable_before(skip, victim.group),
            Some(_) => thrown_out.or_else(|| self.stable_before(skip, victim.group)),
        };
        Root { mechanism, serial: serial(root), sealed: skip.serial, group: victim.group }
    }

    /// The position that a skip belongs to.
    pub fn positioned(
        &self,
        skip: &Event<Fact>,
    ) -> Option<(&'a Event<Fact>, crate::trace::kafka::PositionReason)> {
        self.events.iter().rev().filter(|event| event.serial <= skip.serial).find_map(|event| {
            let Fact::Kafka(Kafka::Positioned { why, .. }) = event.fact else { return None };
            (event.actor == skip.actor).then_some((event, why))
        })
    }

    fn stable_before(&self, event: &Event<Fact>, group: Option<GroupId>) -> Option<&'a Event<Fact>> {
        self.events.iter().rev().filter(|other| other.serial < event.serial).find(|other| {
            matches!(other.fact, Fact::Kafka(Kafka::GroupChanged { group: of, to: GroupState::Stable, .. })
                if Some(of) == group)
        })
    }

    /// Sent again: what made the first answer stay away.
    fn retried(&self, victim: &Victim, mechanism: Mechanism) -> Root {
        let blow = self.last(victim.at, |event| self.strikes_broker(event));
        Root { mechanism, serial: self.together(blow), sealed: 0, group: victim.group }
    }

    /// Handed out again: the new position, and what made it necessary.
    fn read_again(&self, victim: &Victim, mechanism: Mechanism) -> Root {
        let positioned = self.last(victim.at, |event| {
            matches!(event.fact, Fact::Kafka(Kafka::Positioned { group, place, .. })
                if Some(group) == victim.group && Some(place) == victim.place)
        });
        let sealed = serial(positioned);
        let none = Root { mechanism, serial: 0, sealed, group: victim.group };
        let Some(positioned) = positioned else { return none };
        let rebalance = self.events.iter().rev().filter(|event| event.serial < positioned.serial).find(|event| {
            matches!(event.fact, Fact::Kafka(Kafka::GroupChanged { group, to: GroupState::PreparingRebalance, .. })
                if Some(group) == victim.group)
        });
        let stable = rebalance.and_then(|rebalance| self.stable_before(rebalance, victim.group));
        let since = stable.map_or(0, |stable| stable.serial);
        let blow = self.events.iter().rev().find(|event| {
            (since..positioned.serial).contains(&event.serial)
                && victim.group.is_some_and(|group| self.strikes_member(event, group))
        });
        let left = self.events.iter().find(|event| {
            (since..positioned.serial).contains(&event.serial)
                && matches!(event.fact, Fact::Kafka(Kafka::MemberLeft { group, why, .. })
                    if Some(group) == victim.group && why != GroupReason::MemberLeft)
        });
        let root = blow.or(left).or(rebalance);
        // A reader that is too slow for its group is put out again and again: that is one cause.
        if blow.is_none() && self.was_put_out(positioned, victim.group) {
            return none;
        }
        Root { serial: self.together(root), ..none }
    }

    /// Whether a member of the group lost what it owned without having been struck: it did not poll in time. It
    /// notices when it comes back, which may be after its successor has begun.
    fn was_put_out(&self, positioned: &Event<Fact>, group: Option<GroupId>) -> bool {
        self.events.iter().any(|event| {
            event.at <= positioned.at + SHORTLY * 20
                && matches!(event.fact, Fact::Kafka(Kafka::Revoked { group: of, lost: true, .. }) if Some(of) == group)
        })
    }

    fn late(&self, victim: &Victim) -> Root {
        let Some((phase, from, to)) = victim.phase else {
            return Root { mechanism: Mechanism::WaitedForReader, serial: 0, sealed: 0, group: victim.group };
        };
        let mechanism = match phase {
            Phase::Publishing => Mechanism::PublishedLate,
            Phase::Replicating => Mechanism::ReplicatedLate,
            Phase::Waiting => Mechanism::WaitedForReader,
            Phase::Working => Mechanism::WorkedLong,
        };
        let near = |event: &Event<Fact>| event.at + LONG_BEFORE > from;
        let root = match phase {
            Phase::Publishing | Phase::Replicating => {
                self.last(to, |event| near(event) && self.strikes_broker(event))
            }
            Phase::Waiting => victim.group.and_then(|group| self.disturbed(group, from, to)),
            Phase::Working => None,
        };
        Root { mechanism, serial: self.together(root), sealed: 0, group: victim.group }
    }

    /// What kept a group from reading between two instants: a blow to a member or a broker, or a rebalance. The
    /// first that was there in that time.
    fn disturbed(&self, group: GroupId, from: Time, to: Time) -> Option<&'a Event<Fact>> {
        let begins = |event: &&Event<Fact>| {
            let rebalances = matches!(event.fact, Fact::Kafka(Kafka::GroupChanged { group: of, to: GroupState::PreparingRebalance, .. })
                if of == group);
            self.strikes_member(event, group) || self.strikes_broker(event) || rebalances
        };
        let within = self.events.iter().filter(|event| (from..=to).contains(&event.at)).find(begins);
        let before =
            self.events.iter().rev().filter(|event| event.at < from && event.at + LONG_BEFORE > from);
        within.or_else(|| before.into_iter().find(begins))
    }

    /// Whether a member of the group is struck.
    fn strikes_member(&self, event: &Event<Fact>, group: GroupId) -> bool {
        let Some(node) = struck_node(event) else { return false };
        let entries = &self.scene.readers[group.index()];
        let name = self.scene.cast.node(node);
        let of_entry = |entry: &String| {
            name == entry
                || name
                    .strip_prefix(entry.as_str())
                    .and_then(|rest| rest.strip_prefix('-'))
                    .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
        };
        entries.iter().any(of_entry)
    }

    fn strikes_broker(&self, event: &Event<Fact>) -> bool {
        struck_node(event).is_some_and(|node| self.scene.is_broker(node))
    }

    /// The event of this serial.
    pub fn event(&self, serial: u64) -> Option<&'a Event<Fact>> {
        let index = self.events.binary_search_by_key(&serial, |event| event.serial).ok()?;
        Some(&self.events[index])
    }

    /// The first event from an instant on for which something holds.
    fn first(&self, from: Time, mut holds: impl FnMut(&Event<Fact>) -> bool) -> Option<&'a Event<Fact>> {
        let begin = self.events.partition_point(|event| event.at < from);
        self.events[begin..].iter().find(|event| holds(event))
    }

    /// The last event up to an instant for which something holds.
    pub fn last(&self, upto: Time, mut holds: impl FnMut(&Event<Fact>) -> bool) -> Option<&'a Event<Fact>> {
        let end = self.events.partition_point(|event| event.at <= upto);
        self.events[..end].iter().rev().find(|event| holds(event))
    }

    /// Blows at the same instant count as one: the serial of the first.
    fn together(&self, event: Option<&Event<Fact>>) -> u64 {
        let Some(event) = event else { return 0 };
        if !is_blow(event) {
            return event.serial;
        }
        let begin = self.events.partition_point(|other| other.at < event.at);
        let first = self.events[begin..].iter().find(|other| is_blow(other));
        first.map_or(event.serial, |first| first.serial)
    }
}

fn serial(event: Option<&Event<Fact>>) -> u64 {
    event.map_or(0, |event| event.serial)
}

/// The node that a blow strikes.
pub fn struck_node(event: &Event<Fact>) -> Option<NodeId> {
    match event.fact {
        Fact::Physics(Physics::Crashed { node, .. } | Physics::Paused { node }) => Some(node),
        Fact::Physics(Physics::Cut { from, .. } | Physics::Refused { from, .. }) => Some(from),
        Fact::Physics(_)
        | Fact::Life(_)
        | Fact::Kafka(_)
        | Fact::ZeroMq(_)
        | Fact::Mqtt(_)
        | Fact::Injected(_)
        | Fact::Commanded(_) => None,
    }
}

/// Whether something was made to go wrong here.
pub fn is_blow(event: &Event<Fact>) -> bool {
    struck_node(event).is_some()
}

fn strikes(event: &Event<Fact>, node: NodeId) -> bool {
    if let Fact::Physics(Physics::Cut { from, to } | Physics::Refused { from, to }) = event.fact {
        return from == node || to == node;
    }
    struck_node(event) == Some(node)
}

fn crashes(event: &Event<Fact>, node: NodeId) -> bool {
    matches!(event.fact, Fact::Physics(Physics::Crashed { node: of, .. }) if of == node)
}

fn loses_power(event: &Event<Fact>, node: NodeId) -> bool {
    matches!(event.fact, Fact::Physics(Physics::Crashed { node: of, how: Crash::Power | Crash::DiskLoss }) if of == node)
}

fn expires(event: &Event<Fact>, victim: &Victim) -> bool {
    matches!(&event.fact, Fact::Life(Life::Expired { place, below, .. })
        if Some(*place) == victim.place && *below > victim.offset)
}

fn skips(event: &Event<Fact>, victim: &Victim) -> bool {
    matches!(&event.fact, Fact::Life(Life::Skipped { group, place, to, .. })
        if Some(*group) == victim.group && Some(*place) == victim.place && *to > victim.offset)
}
