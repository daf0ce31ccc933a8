//! The controllers' quorum: how many voters are up, and how long it takes until one of them leads.
//!
//! One logical controller stands for the voters: it serves while a majority is up and has elected a leader. What
//! was decided is in the metadata log, which every majority has.
//!
//! **Not modelled:** the voters one by one: their logs, votes, and the paths between them. A controller that was
//! cut off from its brokers goes on leading here.
//!
//! Source: KIP-595, "Leader Election"; oracle sheet 14 (controller fail-over about 1 to 4 s).

use crate::kernel::{Duration, NodeId, Rng};

/// The voters, and their settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuorumSetup {
    /// The node of the controller that stands for them.
    pub node: NodeId,
    /// How many voters, at least one.
    pub voters: u32,
    /// `controller.quorum.election.timeout.ms`
    pub election_timeout: Duration,
    /// `controller.quorum.fetch.timeout.ms`
    pub fetch_timeout: Duration,
}

/// How long a voter's fetch may wait at the leader (`MAX_FETCH_WAIT_MS`): the last one was answered within that.
const FETCH_WAIT: Duration = Duration::from_millis(500);

/// The quorum's state.
#[derive(Clone, Debug)]
pub(super) struct Quorum {
    pub setup: QuorumSetup,
    down: u32,
    serving: bool,
}

impl Quorum {
    pub fn new(setup: QuorumSetup) -> Self {
        assert!(setup.voters > 0, "a quorum has voters");
        Self { setup, down: 0, serving: true }
    }

    /// How many voters have to fail until there is no majority.
    pub fn too_many(&self) -> u32 {
        self.setup.voters - self.majority() + 1
    }

    /// So many voters fail, the leader among them; whether it was serving.
    pub fn lose(&mut self, voters: u32) -> bool {
        self.down += voters;
        std::mem::take(&mut self.serving)
    }

    /// So many voters are back.
    pub fn regain(&mut self, voters: u32) {
        assert!(self.down >= voters, "who comes back was down");
        self.down -= voters;
    }

    /// It has elected a leader.
    pub fn elect(&mut self) {
        assert!(self.can_elect(), "a majority elects");
        self.serving = true;
    }

    /// Whether there is no leader but a majority to elect one.
    pub fn can_elect(&self) -> bool {
        let up = self.setup.voters.saturating_sub(self.down);
        !self.serving && up >= self.majority()
    }

    /// How long until others lead, once the leader is gone: they notice when `fetch.timeout.ms` has passed since
    /// the last fetch, and votes may be split until somebody's election timeout ends first.
    pub fn fail_over(&self, rng: &mut Rng) -> Duration {
        let fetched = draw(rng, FETCH_WAIT.min(self.setup.fetch_timeout));
        self.setup.fetch_timeout - fetched + draw(rng, self.setup.election_timeout)
    }

    /// How long until voters that have just come up have a leader: an election timeout, and up to one more, drawn
    /// by each. A single voter need not wait.
    pub fn election(&self, rng: &mut Rng) -> Duration {
        if self.setup.voters == 1 {
            return Duration::ZERO;
        }
        self.setup.election_timeout + draw(rng, self.setup.election_timeout)
    }

    fn majority(&self) -> u32 {
        self.setup.voters / 2 + 1
    }
}

fn draw(rng: &mut Rng, most: Duration) -> Duration {
    Duration::from_nanos(rng.below(most.as_nanos() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(voters: u32) -> Quorum {
        Quorum::new(QuorumSetup {
            node: NodeId(0),
            voters,
            election_timeout: Duration::from_secs(1),
            fetch_timeout: Duration::from_secs(2),
        })
    }

    #[test]
    fn a_quorum_survives_a_minority() {
        for (voters, too_many) in [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)] {
            let mut quorum = of(voters);
            assert_eq!(quorum.too_many(), too_many, "{voters}");
            assert!(quorum.lose(too_many - 1) && quorum.can_elect(), "{voters}: one less is borne");
            quorum.elect();
            assert!(quorum.lose(1) && !quorum.can_elect(), "{voters}");
            quorum.regain(1);
            assert!(quorum.can_elect());
        }
    }

    #[test]
    fn a_fail_over_takes_between_one_and_four_seconds() {
        let mut rng = Rng::named(1, "quorum");
        let quorum = of(3);
        let drawn: Vec<_> = (0..1_000).map(|_| quorum.fail_over(&mut rng)).collect();
        let (least, most) = (drawn.iter().min().expect("some"), drawn.iter().max().expect("some"));
        assert!(*least >= Duration::from_millis(1_500) && *most <= Duration::from_secs(3), "{least} {most}");
        assert!(*most - *least > Duration::from_secs(1));
        assert_eq!(of(1).election(&mut rng), Duration::ZERO);
    }
}
