//! Fingerprints of the logs, told when somebody asks for them: what replicas have below their high watermark.
//!
//! A log is told in blocks of 256 offsets, each when the high watermark has passed it; the rest of it when the high
//! watermark has stood still since the last look; and the last few blocks again after every change of role.
//!
//! **Invariant.** It only tells: a broker that is audited does what it would do without.

use crate::kernel::{Cx, Duration};
use crate::trace::PlaceId;
use crate::trace::kafka::Kafka;

use super::{Broker, BrokerTimer};

/// How many offsets a block has.
const BLOCK: u64 = 256;
/// How often the logs are looked through.
const EVERY: Duration = Duration::from_secs(1);
/// How many blocks are told again when the role changes.
const AGAIN: u64 = 8;

/// How far a replica has told its log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Audited {
    /// Whole blocks below.
    upto: u64,
    /// The high watermark at the last look.
    seen: u64,
    /// Where the last rest ended that was told.
    rest: u64,
}

impl Audited {
    /// The role changes, or the process has ended: what was told last is told again.
    pub(super) fn again(&mut self) {
        let upto = self.upto.saturating_sub(AGAIN * BLOCK);
        *self = Self { upto, seen: 0, rest: 0 };
    }

    /// What there is to tell: from and upto, each.
    fn due(&mut self, start: u64, high_watermark: u64) -> Vec<(u64, u64)> {
        // Blocks that begin below the log's start are told by nobody.
        self.upto = self.upto.max(start.next_multiple_of(BLOCK));
        // The log was cut below what was told.
        self.upto = self.upto.min(start.next_multiple_of(BLOCK).max(high_watermark / BLOCK * BLOCK));
        let mut due = Vec::new();
        while self.upto + BLOCK <= high_watermark {
            due.push((self.upto, self.upto + BLOCK));
            self.upto += BLOCK;
        }
        let stands = self.seen == high_watermark && self.rest != high_watermark;
        if stands && self.upto < high_watermark {
            self.rest = high_watermark;
            due.push((self.upto, high_watermark));
        }
        self.seen = high_watermark;
        due
    }
}

impl Broker {
    /// Arms the next look, when anybody wants to know.
    pub(super) fn watch_logs(&self, cx: &mut Cx<'_, Self>) {
        if self.setup.audits {
            cx.arm(BrokerTimer::Audit, EVERY);
        }
    }

    pub(super) fn audit(&mut self, cx: &mut Cx<'_, Self>) {
        for index in 0..self.replicas.len() {
            let Some(replica) = self.replicas[index].as_deref_mut() else { continue };
            if replica.internal {
                continue;
            }
            let (place, broker) = (PlaceId(index as u32), self.setup.id);
            for (from, upto) in replica.audited.due(replica.log.start(), replica.log.high_watermark()) {
                let digest = replica.log.fingerprint(from, upto);
                cx.emit_at_once(Kafka::LogDigest { broker, place, from, upto, digest });
            }
        }
        self.watch_logs(cx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_told_once_and_the_rest_when_nothing_moves() {
        let mut audited = Audited::default();
        assert_eq!(audited.due(0, 600), [(0, 256), (256, 512)]);
        assert_eq!(audited.due(0, 700), [], "the rest still grows");
        assert_eq!(audited.due(0, 700), [(512, 700)]);
        assert_eq!(audited.due(0, 700), [], "told");
        assert_eq!(audited.due(0, 800), [(512, 768)]);
    }

    #[test]
    fn after_a_change_of_role_or_a_cut_the_end_is_told_again() {
        let mut audited = Audited::default();
        audited.due(0, 600);
        audited.again();
        assert_eq!(audited.due(0, 600), [(0, 256), (256, 512)]);
        assert_eq!(audited.due(0, 300), [], "cut below what was told");
        assert_eq!(audited.due(0, 520), [(256, 512)]);
    }

    #[test]
    fn what_retention_has_begun_to_delete_is_not_told() {
        let mut audited = Audited::default();
        assert_eq!(audited.due(300, 1_100), [(512, 768), (768, 1_024)]);
    }
}
