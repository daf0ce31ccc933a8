//! A group's offsets set anew, as an administrator does it (`kafka-consumer-groups.sh --reset-offsets`): the leaders are asked
//! for the offsets, and the coordinator is asked to commit them in nobody's name, which it does for a group that is empty.
//!
//! **Invariant.** One answer settles it: it was done, or why not.

use std::sync::Arc;

use crate::kernel::{Addr, Duration};
use crate::trace::kafka::ErrorCode;
use crate::trace::{GroupId, Missed, PlaceId};
use crate::wire::fault::Position;
use crate::wire::kafka::{FromBroker, Membership, OffsetCommit, OffsetSpec, Request, Response, ToBroker};

use super::roles::{Brokers, Roles};

/// Questions of resets have numbers from here on.
const FIRST: u32 = 1 << 31;
/// How long an administrator waits (`default.api.timeout.ms` is a minute; nobody watches a screen for so long).
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// One that is under way.
#[derive(Clone, Debug)]
struct Reset {
    fault: u32,
    round: u32,
    group: GroupId,
    coordinator: Addr<ToBroker>,
    places: usize,
    offsets: Vec<(PlaceId, u64)>,
}

/// Those that are under way, by the number of their questions.
#[derive(Clone, Debug, Default)]
pub(super) struct Resets {
    under_way: Vec<Option<Reset>>,
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Ask a broker.
    Ask(Addr<ToBroker>, u32, Request),
    /// This fault, in this round, for this group: it was done, or why not.
    Tell(u32, u32, GroupId, Result<(), Missed>),
}

impl Resets {
    /// Begins one; the questions to ask, and its number.
    ///
    /// # Errors
    /// When nobody coordinates the group, or leads one of its partitions.
    pub fn begin(
        &mut self,
        (fault, round): (u32, u32),
        (group, places): (GroupId, &[PlaceId]),
        position: Position,
        (roles, brokers): (&Roles, &Brokers),
    ) -> Result<(u32, Vec<Next>), Missed> {
        let address = |id| brokers.iter().find(|(other, ..)| *other == id).map(|(.., address)| *address);
        let coordinator = roles.coordinator(group).and_then(address).ok_or(Missed::NoSuchRole)?;
        let spec = match position {
            Position::Earliest => OffsetSpec::Earliest,
            Position::Latest => OffsetSpec::Latest,
        };
        let number = FIRST + self.under_way.len() as u32;
        let ask = |place: &PlaceId| {
            let leader = roles.leader(*place).and_then(address).ok_or(Missed::NoSuchRole)?;
            Ok(Next::Ask(leader, number, Request::ListOffsets(Arc::from([(*place, spec)]))))
        };
        let questions = places.iter().map(ask).collect::<Result<_, _>>()?;
        let offsets = Vec::with_capacity(places.len());
        self.under_way.push(Some(Reset { fault, round, group, coordinator, places: places.len(), offsets }));
        Ok((number, questions))
    }

    /// Whether an answer is about one of these.
    pub fn concerns(answer: &FromBroker) -> bool {
        answer.correlation >= FIRST
    }

    /// Takes an answer in.
    pub fn learn(&mut self, answer: &FromBroker) -> Option<Next> {
        let number = answer.correlation;
        let reset = self.under_way.get_mut((number - FIRST) as usize)?.as_mut()?;
        match &answer.response {
            Response::ListOffsets(offsets) => {
                for (place, offset) in offsets.iter() {
                    match offset {
                        Ok(offset) => reset.offsets.push((*place, *offset)),
                        Err(_) => return self.end(number, Err(Missed::NoAnswer)),
                    }
                }
                (reset.offsets.len() == reset.places).then(|| reset.commit(number))
            }
            Response::OffsetCommit(ErrorCode::None) => self.end(number, Ok(())),
            Response::OffsetCommit(ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration) => {
                self.end(number, Err(Missed::GroupNotEmpty))
            }
            Response::OffsetCommit(_)
            | Response::Produce(_)
            | Response::Fetch(_)
            | Response::Metadata(_)
            | Response::InitProducerId(_)
            | Response::FindCoordinator(_)
            | Response::JoinGroup(_)
            | Response::SyncGroup(_)
            | Response::Heartbeat(_)
            | Response::LeaveGroup(_)
            | Response::OffsetFetch(_)
            | Response::EpochEnd(_)
            | Response::Refused => self.end(number, Err(Missed::NoAnswer)),
        }
    }

    /// Nobody waits any longer.
    pub fn give_up(&mut self, number: u32) -> Option<Next> {
        self.end(number, Err(Missed::NoAnswer))
    }

    fn end(&mut self, number: u32, outcome: Result<(), Missed>) -> Option<Next> {
        let Reset { fault, round, group, .. } = self.under_way[(number - FIRST) as usize].take()?;
        Some(Next::Tell(fault, round, group, outcome))
    }
}

impl Reset {
    /// Kafka's "simple consumer": no member, no generation.
    fn commit(&mut self, number: u32) -> Next {
        let membership = Membership { member: None, instance: None, generation: 0 };
        let offsets = std::mem::take(&mut self.offsets);
        let commit = OffsetCommit { group: self.group, membership, offsets };
        Next::Ask(self.coordinator, number, Request::OffsetCommit(Arc::new(commit)))
    }
}
