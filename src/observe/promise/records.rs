//! Promises about single records: what the ledger remarks, and what producers were told.

use crate::kernel::Event;
use crate::observe::ledger::{Remark, Wants, What};
use crate::trace::{Fact, Life, Reason};

use super::{Check, Promise, Report, Sight, Witness};

/// Adds what the ledger has to remark on for this promise.
pub(super) fn want(promise: Promise, wants: &mut Wants) {
    match promise {
        Promise::AcceptedIsNotLost | Promise::NothingSkipped => wants.gone = true,
        Promise::NothingDuplicated | Promise::DuplicateProcessed | Promise::OrderPerKey => {
            wants.processed = true;
        }
        Promise::NothingStoredTwice | Promise::DuplicateStored | Promise::OrderPerPartitionAndProducer => {
            wants.stored = true
        }
        Promise::NoDirtyRead => wants.dirty = true,
        Promise::NothingRefused
        | Promise::OneOwnerPerPartition
        | Promise::CommittedOffsetBelowHighWatermark
        | Promise::HighWatermarkMonotone
        | Promise::OneLeaderPerEpoch
        | Promise::LogsAgree
        | Promise::NoPollSkip
        | Promise::NoNonmonotonicPoll
        | Promise::LagBelow
        | Promise::CaughtUp
        | Promise::RebalancePauseBelow
        | Promise::RecoversWithin
        | Promise::LeaderChanged
        | Promise::UncleanElection
        | Promise::IsrShrank
        | Promise::LogTruncated
        | Promise::BrokerFenced
        | Promise::RebalanceHappened
        | Promise::ConsumerLeft
        | Promise::ConsumerTimedOut
        | Promise::CommitRefused
        | Promise::RecordRedelivered
        | Promise::DuplicateRefused
        | Promise::ProduceRetried
        | Promise::RecordRefused
        | Promise::OffsetReset
        | Promise::FaultStruck => {}
    }
}

/// Reports each remark that is about its promise.
#[derive(Clone, Debug)]
pub(super) struct Records;

impl Check for Records {
    fn see(&mut self, _: &Event<Fact>, _: &Sight<'_>, _: &mut Report) {}

    fn remark(&mut self, remark: &Remark, sight: &Sight<'_>, report: &mut Report) {
        let Some((why, text)) = about(sight, remark) else { return };
        note(remark, why, text, sight, report);
    }
}

/// Reports a remark unless it is about another topic or group.
pub(super) fn note(
    remark: &Remark,
    why: Option<Reason>,
    text: &'static str,
    sight: &Sight<'_>,
    report: &mut Report,
) {
    let in_topic = match remark.place {
        Some(place) => sight.has_place(place),
        None => sight.has_record(remark.record),
    };
    if !in_topic || remark.group.is_some_and(|group| !sight.has_group(group)) {
        return;
    }
    let Remark { serial, at, record, place, offset, group, .. } = *remark;
    report.note_record((serial, at), record, why, sight.stage, |bare| {
        let text = match group {
            Some(group) => format!("{text} by {}", sight.stage.groups[group.index()].name),
            None => text.to_owned(),
        };
        let witness = Witness { text, ..bare };
        let witness =
            group.map_or_else(|| witness.clone(), |group| witness.clone().group(sight.stage, group));
        match place {
            Some(place) => witness.place(sight.stage, place, offset.filter(|_| sight.stage.has_log(place))),
            None => witness,
        }
    });
}

/// The cause and the words, when the remark is about the promise.
fn about(sight: &Sight<'_>, remark: &Remark) -> Option<(Option<Reason>, &'static str)> {
    match (sight.expectation.promise, remark.what) {
        // The system kept it; the application threw it away.
        (Promise::AcceptedIsNotLost, What::Gone(Reason::HandlerFailed)) => None,
        (Promise::AcceptedIsNotLost, What::Gone(why)) => Some((Some(why), why.means())),
        (Promise::NothingSkipped, What::Passed { why, first }) => {
            // Without a group, a record that several groups went past is one record.
            (first || sight.expectation.group.is_some()).then_some((Some(why), passed(why)))
        }
        (Promise::NothingDuplicated | Promise::DuplicateProcessed, What::ProcessedAgain) => {
            Some((None, "processed again"))
        }
        (Promise::NothingStoredTwice | Promise::DuplicateStored, What::StoredAgain) => {
            Some((None, "appended again"))
        }
        (Promise::OrderPerKey, What::ProcessedLate) => {
            Some((None, "processed after a younger one of its producer and key"))
        }
        (Promise::OrderPerPartitionAndProducer, What::StoredLate) => {
            Some((None, "appended behind a younger one of its producer"))
        }
        (_, _) => None,
    }
}

fn passed(why: Reason) -> &'static str {
    match why {
        Reason::OffsetReset => "jumped over by auto.offset.reset, unread",
        Reason::Retention => "deleted by retention, unread",
        Reason::NotYetSubscribed => "published before it had subscribed",
        _ => "offset committed, and left unprocessed",
    }
}

/// Reports each record whose producer was told an error or gave up waiting.
#[derive(Clone, Debug)]
pub(super) struct Refused;

impl Check for Refused {
    fn see(&mut self, event: &Event<Fact>, sight: &Sight<'_>, report: &mut Report) {
        let (ids, why, what) = match &event.fact {
            Fact::Life(Life::Rejected { ids, why }) => (ids, *why, "refused"),
            Fact::Life(Life::Unknown { ids, why }) => (ids, *why, "given up, perhaps stored"),
            _ => return,
        };
        if !sight.has_ids(ids) {
            return;
        }
        for record in ids.iter() {
            let text = || format!("{what}: {}", why.means());
            report.note_record((event.serial, event.at), record, Some(why), sight.stage, |bare| Witness {
                text: text(),
                ..bare
            });
        }
    }
}
