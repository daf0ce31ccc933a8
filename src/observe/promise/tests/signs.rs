//! What may happen.

use super::*;

/// Whether the sign is seen in what happens.
fn happens(promise: Promise, story: impl Fn(&mut Told)) -> u64 {
    let verdict = told(Expectation::new(promise, Mode::Sometimes), story);
    assert_eq!(verdict.kept, verdict.count() > 0);
    assert_eq!(verdict.outcome == Outcome::NeverHappened, verdict.count() == 0);
    verdict.count()
}

#[test]
fn leaders_change_and_in_sync_sets_shrink_when_the_controller_says_so() {
    let changes = |leader, isr: &'static [u32]| {
        move |told: &mut Told| {
            told.elect(PLACE, 1, 0, &[1, 2]);
            told.elect(PLACE, leader, 1, isr);
        }
    };
    assert_eq!(happens(Promise::LeaderChanged, changes(1, &[1])), 0);
    assert_eq!(happens(Promise::LeaderChanged, changes(2, &[1, 2])), 1);
    assert_eq!(happens(Promise::IsrShrank, changes(2, &[1, 2])), 0);
    assert_eq!(happens(Promise::IsrShrank, changes(1, &[1])), 1);
    assert_eq!(happens(Promise::UncleanElection, changes(2, &[2])), 0);
    let unclean = |told: &mut Told| {
        told.tell(
            CONTROLLER,
            Kafka::PartitionChanged {
                place: PLACE,
                leader: Some(BrokerId(2)),
                unclean: true,
                leader_epoch: 1,
                partition_epoch: 1,
                isr: [BrokerId(2)].into(),
                elr: [].into(),
            },
        );
    };
    assert_eq!(happens(Promise::UncleanElection, unclean), 1);
}

#[test]
fn a_truncation_a_fence_and_a_fault_are_seen_as_they_are_told() {
    let truncate =
        |to| move |told: &mut Told| _ = told.tell(BROKER_2, Kafka::Truncated { place: PLACE, to, from: 9 });
    assert_eq!(
        (happens(Promise::LogTruncated, truncate(9)), happens(Promise::LogTruncated, truncate(5))),
        (0, 1)
    );
    let fence = |told: &mut Told| _ = told.tell(CONTROLLER, Kafka::Fenced { broker: BrokerId(1) });
    assert_eq!((happens(Promise::BrokerFenced, fence), happens(Promise::LogTruncated, fence)), (1, 0));
    assert_eq!(happens(Promise::FaultStruck, |told| _ = told.fault(true)), 1);
    assert_eq!(happens(Promise::FaultStruck, |told| _ = told.fault(false)), 0);
}

#[test]
fn a_rebalance_happens_to_a_stable_group_and_a_member_leaves_for_a_reason() {
    use GroupState::{Empty, PreparingRebalance, Stable};
    assert_eq!(happens(Promise::RebalanceHappened, |told| _ = told.group(Empty, PreparingRebalance)), 0);
    assert_eq!(happens(Promise::RebalanceHappened, |told| _ = told.group(Stable, PreparingRebalance)), 1);
    let leaves = |why| {
        move |told: &mut Told| {
            told.tell(BROKER_1, Kafka::MemberLeft { group: BILLING, member: MemberId(1), why });
        }
    };
    let count = |promise, why| happens(promise, leaves(why));
    assert_eq!(count(Promise::ConsumerLeft, GroupReason::MemberLeft), 1);
    assert_eq!(count(Promise::ConsumerTimedOut, GroupReason::MemberLeft), 0);
    assert_eq!(count(Promise::ConsumerTimedOut, GroupReason::SessionTimeout), 1);
    assert_eq!(count(Promise::ConsumerTimedOut, GroupReason::PollTimeout), 1);
    let error = ErrorCode::IllegalGeneration;
    let refused = |told: &mut Told| _ = told.tell(MEMBER_1, Kafka::CommitFailed { group: BILLING, error });
    assert_eq!((happens(Promise::CommitRefused, refused), happens(Promise::ConsumerLeft, refused)), (1, 0));
}

#[test]
fn a_redelivery_is_of_offsets_that_the_group_was_handed_before() {
    let read = |reads: &'static [(u64, u32)]| {
        move |told: &mut Told| {
            told.keep(0, 10);
            reads.iter().for_each(|(at, count)| _ = told.deliver(MEMBER_2, BILLING, ids(*at, *count), *at));
        }
    };
    assert_eq!(happens(Promise::RecordRedelivered, read(&[(0, 5), (5, 5)])), 0);
    assert_eq!(happens(Promise::RecordRedelivered, read(&[(0, 5), (2, 5)])), 3);
    let two_groups = |told: &mut Told| {
        told.keep(0, 5);
        told.deliver(MEMBER_1, BILLING, ids(0, 5), 0);
        told.deliver(MEMBER_2, AUDIT, ids(0, 5), 0);
    };
    assert_eq!(happens(Promise::RecordRedelivered, two_groups), 0);
    assert_eq!(
        happens(Promise::DuplicateProcessed, |told| {
            told.keep(0, 5);
            told.process(BILLING, ids(0, 5), 0);
            told.process(BILLING, ids(3, 1), 3);
        }),
        1
    );
}

#[test]
fn what_producers_and_positions_go_through_is_seen() {
    let retried = |told: &mut Told| {
        told.offer(0, 3);
        told.tell(SHOP, Kafka::Retried { ids: ids(0, 3), attempt: 1, error: ErrorCode::NetworkException });
    };
    assert_eq!(happens(Promise::ProduceRetried, retried), 3);
    let known = |told: &mut Told| {
        told.offer(0, 3);
        told.tell(BROKER_1, Kafka::Deduplicated { ids: ids(0, 3), place: PLACE, offset: 0 });
    };
    assert_eq!((happens(Promise::DuplicateRefused, known), happens(Promise::ProduceRetried, known)), (3, 0));
    let positioned = |why| {
        move |told: &mut Told| {
            told.tell(MEMBER_1, Kafka::Positioned { group: BILLING, place: PLACE, offset: 5, why });
        }
    };
    assert_eq!(happens(Promise::OffsetReset, positioned(PositionReason::OutOfRange)), 1);
    assert_eq!(happens(Promise::OffsetReset, positioned(PositionReason::Reset)), 0, "it had none before");
    assert_eq!(
        happens(Promise::RecordRefused, |told| {
            told.offer(0, 1);
            told.tell(SHOP, Life::Rejected { ids: ids(0, 1), why: Reason::MessageTooLarge });
        }),
        1
    );
}
