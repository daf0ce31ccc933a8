//! A run that repeats a recorded one: whether the same happens, as far as that was recorded.

use crate::kernel::{Digest, Duration, Time};
use crate::tape::{Manifest, State};

/// What was recorded of a run: digests along the way, and where it ended.
pub(super) struct Recorded {
    /// The instants still to come at which a digest was recorded: how many facts there were, and the digest.
    ahead: Vec<(Time, u64, String)>,
    ends: Time,
    /// Whether the end is the run's own: not where it was left, or killed.
    whole: bool,
    same: Option<bool>,
}

impl Recorded {
    /// What a manifest says of a run that would end at `end`.
    pub(super) fn of(manifest: &Manifest, end: Time) -> Self {
        let time = |nanos| Time::ZERO + Duration::from_nanos(nanos);
        let along = manifest.checkpoints.iter();
        let mut ahead: Vec<_> = along.map(|one| (time(one.at_ns), one.serial, one.digest.clone())).collect();
        // Of a run that was killed no more is known than its last digest.
        let ended = manifest.ended_at_ns.or(manifest.checkpoints.last().map(|last| last.at_ns));
        let ends = ended.map_or(end, time).min(end);
        let whole = manifest.state == State::Finished;
        ahead.extend(manifest.digest.clone().map(|digest| (ends, manifest.counts.facts, digest)));
        ahead.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        Self { ahead, ends, whole, same: None }
    }

    /// Where the recorded run ended.
    pub(super) fn ends(&self) -> Time {
        self.ends
    }

    /// The next instant before `until` at which a digest was recorded.
    pub(super) fn next_before(&self, until: Time) -> Option<Time> {
        self.ahead.last().map(|(at, ..)| *at).filter(|at| *at < until)
    }

    /// The repetition has come to `now`, with so many facts.
    pub(super) fn compare(&mut self, now: Time, facts: u64, digest: impl Fn() -> Digest) {
        while let Some((at, serial, recorded)) = self.ahead.pop_if(|(at, ..)| *at <= now) {
            // What was left, or stepped through, may have stopped between two facts of an instant.
            if at == now && serial == facts {
                let same = digest().to_string() == recorded;
                self.same = Some(same && self.same != Some(false));
            } else if at == now && at == self.ends && self.whole {
                self.same = Some(false);
            }
        }
    }

    /// Whether it is known not to be what was recorded.
    pub(super) fn differs(&self) -> bool {
        self.same == Some(false)
    }

    /// For the header.
    pub(super) fn told(&self) -> &'static str {
        match (self.same, self.ahead.is_empty()) {
            (Some(false), _) => "NOT WHAT WAS RECORDED: another digest",
            (Some(true), true) => "same digest",
            (Some(true), false) => "same digest so far",
            (None, _) => "as recorded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(same_at_end: bool) -> Recorded {
        let digest = Digest::default().to_string();
        let end = if same_at_end { digest.clone() } else { "0".repeat(32) };
        let ahead = vec![(Time::from_secs(9), 90, end), (Time::from_secs(4), 40, digest)];
        Recorded { ahead, ends: Time::from_secs(9), whole: true, same: None }
    }

    #[test]
    fn a_repetition_is_compared_where_digests_were_recorded() {
        for (same, told) in [(true, "same digest"), (false, "NOT WHAT WAS RECORDED: another digest")] {
            let mut recorded = recorded(same);
            assert_eq!(
                (recorded.told(), recorded.next_before(Time::from_secs(9))),
                ("as recorded", Some(Time::from_secs(4)))
            );
            recorded.compare(Time::from_secs(4), 40, Digest::default);
            assert_eq!(
                (recorded.told(), recorded.next_before(Time::from_secs(9))),
                ("same digest so far", None)
            );
            recorded.compare(Time::from_secs(9), 90, Digest::default);
            assert_eq!(recorded.told(), told);
        }
    }

    #[test]
    fn a_run_that_ends_with_other_facts_is_another_one_and_one_that_was_left_in_an_instant_need_not_be() {
        let mut whole = recorded(true);
        whole.compare(Time::from_secs(9), 91, Digest::default);
        assert_eq!(whole.told(), "NOT WHAT WAS RECORDED: another digest");
        let mut left = Recorded { whole: false, ..recorded(true) };
        left.compare(Time::from_secs(9), 91, Digest::default);
        assert_eq!(left.told(), "as recorded");
    }
}
