//! From a broken promise to the question that explains it.

use crate::observe::promise::{Outcome, Promise, Verdict};

use super::outcome::Trouble;

/// What is asked when a promise is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Records that came to grief.
    Records(Trouble),
    /// Lag.
    Lag,
}

/// What explains a broken promise; none for those that are about the system's inner life or about what happens.
pub fn about(promise: Promise) -> Option<About> {
    match promise {
        Promise::AcceptedIsNotLost | Promise::NothingSkipped | Promise::NoPollSkip => {
            Some(About::Records(Trouble::Lost))
        }
        Promise::NothingDuplicated | Promise::NothingStoredTwice | Promise::NoNonmonotonicPoll => {
            Some(About::Records(Trouble::Duplicated))
        }
        Promise::OrderPerKey | Promise::OrderPerPartitionAndProducer => {
            Some(About::Records(Trouble::Reordered))
        }
        Promise::LagBelow | Promise::CaughtUp | Promise::RecoversWithin | Promise::RebalancePauseBelow => {
            Some(About::Lag)
        }
        Promise::NothingRefused
        | Promise::OneOwnerPerPartition
        | Promise::CommittedOffsetBelowHighWatermark
        | Promise::HighWatermarkMonotone
        | Promise::OneLeaderPerEpoch
        | Promise::LogsAgree
        | Promise::NoDirtyRead
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
        | Promise::DuplicateProcessed
        | Promise::DuplicateStored
        | Promise::DuplicateRefused
        | Promise::ProduceRetried
        | Promise::RecordRefused
        | Promise::OffsetReset
        | Promise::FaultStruck => None,
    }
}

/// Whether it was broken, expected or not.
fn is_broken(verdict: &Verdict) -> bool {
    matches!(verdict.outcome, Outcome::Broken { .. })
}

/// The promises that were broken, first those that nobody expected to break.
pub fn broken(verdicts: &[Verdict]) -> Vec<Promise> {
    let mut broken: Vec<_> = verdicts.iter().filter(|verdict| is_broken(verdict)).collect();
    broken.sort_by_key(|verdict| verdict.kept);
    broken.into_iter().map(|verdict| verdict.promise).collect()
}

/// What broken promises ask, each question once.
pub fn to_ask(broken: &[Promise]) -> Vec<About> {
    let mut found = Vec::new();
    for about in broken.iter().filter_map(|promise| about(*promise)) {
        if !found.contains(&about) {
            found.push(about);
        }
    }
    found
}

/// Whether a promise is broken against what was expected, and `why` can tell why. What was refused is told as well.
pub fn is_worth_asking(verdicts: &[Verdict]) -> bool {
    let can_be_told = |promise: Promise| about(promise).is_some() || promise == Promise::NothingRefused;
    verdicts.iter().any(|verdict| !verdict.kept && is_broken(verdict) && can_be_told(verdict.promise))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::promise::{CATALOGUE, Mode};

    #[test]
    fn each_question_is_asked_once_in_the_order_of_the_promises() {
        let broken = [
            Promise::OrderPerKey,
            Promise::LogsAgree,
            Promise::CaughtUp,
            Promise::LagBelow,
            Promise::AcceptedIsNotLost,
        ];
        let asked = [About::Records(Trouble::Reordered), About::Lag, About::Records(Trouble::Lost)];
        assert_eq!(to_ask(&broken), asked);
        let happens = CATALOGUE.iter().filter(|entry| entry.takes(Mode::Sometimes));
        assert!(happens.clone().all(|entry| about(entry.promise).is_none()), "what happens is no promise");
    }
}
