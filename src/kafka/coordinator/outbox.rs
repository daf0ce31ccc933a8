//! What a group wants done while it handles one input: answers, facts, writes.

use std::sync::Arc;

use super::member::Member;
use super::offsets::Committed;
use super::records::{GroupMetadata, OffsetsRecord};
use super::{Output, Ticket};
use crate::kafka::config::BrokerConfig;
use crate::kernel::Time;
use crate::trace::kafka::{ErrorCode, Kafka, MemberId};
use crate::trace::{GroupId, PlaceId};
use crate::wire::kafka::{JoinResult, Response};

/// What happens when a write is replicated, or fails.
#[derive(Clone, Debug)]
pub(super) enum Write<R> {
    /// An empty group: nobody waits.
    Empty(Arc<GroupMetadata>),
    /// A leader's assignment: becomes the members' when it is written.
    Assignment(Arc<GroupMetadata>),
    /// A static member's new incarnation.
    StaticMember {
        /// What is written.
        metadata: Arc<GroupMetadata>,
        /// The member before, to go back to.
        old: (MemberId, Box<Member<R>>),
        /// Its new name.
        new: MemberId,
    },
    /// A commit.
    Commit {
        /// Who waits.
        from: R,
        /// Partition, next offset to read.
        offsets: Vec<(PlaceId, Committed)>,
    },
    /// Offsets have expired, and the group with them when it is empty.
    Expired {
        /// What to go back to.
        offsets: Vec<(PlaceId, Committed)>,
        /// Whether the group goes too.
        group_too: bool,
    },
}

/// A write that is under way.
#[derive(Clone, Debug)]
pub(super) struct Pending<R> {
    /// Where it is written.
    pub place: PlaceId,
    /// Whose it is.
    pub group: GroupId,
    /// What happens then.
    pub write: Write<R>,
}

/// Collects what is wanted.
#[derive(Debug)]
pub(super) struct Outbox<R> {
    /// The time of the input.
    pub now: Time,
    /// The broker's settings.
    pub config: Arc<BrokerConfig>,
    /// The partition of the offsets topic that keeps the group.
    pub place: PlaceId,
    /// What was wanted so far.
    pub outputs: Vec<Output<R>>,
    /// Writes that were asked for.
    pub writes: Vec<(Ticket, Pending<R>)>,
    /// The number of the next write.
    pub next_ticket: u64,
}

impl<R> Outbox<R> {
    /// Answers a request.
    pub fn answer(&mut self, to: R, response: Response) {
        self.outputs.push(Output::Answer(to, response));
    }

    /// Answers a JoinGroup.
    pub fn answer_join(&mut self, to: R, result: JoinResult) {
        self.answer(to, Response::JoinGroup(Arc::new(result)));
    }

    /// Refuses a JoinGroup; `member` is the name to use from now on.
    pub fn refuse_join(&mut self, to: R, error: ErrorCode, member: Option<MemberId>) {
        self.answer_join(to, refusal(error, member));
    }

    /// Tells the observers.
    pub fn fact(&mut self, fact: Kafka) {
        self.outputs.push(Output::Fact(fact));
    }

    /// Writes records; `write` happens then.
    pub fn append(&mut self, group: GroupId, records: Vec<OffsetsRecord>, write: Write<R>) {
        let (ticket, place) = (Ticket(self.next_ticket), self.place);
        self.next_ticket += 1;
        self.writes.push((ticket, Pending { place, group, write }));
        self.outputs.push(Output::Append { place, ticket, records });
    }
}

/// A JoinGroup answer that says no.
pub(super) fn refusal(error: ErrorCode, member: Option<MemberId>) -> JoinResult {
    let (assignor, leader, members) = (None, None, Vec::new());
    JoinResult { error, member, generation: 0, assignor, leader, members, skip_assignment: false }
}
