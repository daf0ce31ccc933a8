//! A rolling restart: one broker after the other, the next when the last is back.

use crate::kernel::{Duration, NodeId, Time};

/// Where a rolling restart is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rolling {
    /// The one in hand comes first.
    left: Vec<NodeId>,
    /// How long each is down.
    pub lasts: Duration,
    settle: Duration,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The next may begin.
    Ready,
    /// It was asked to end.
    Leaving,
    /// It has ended.
    Down,
    /// It was started, and is waited for until then.
    Back(Time),
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask this one to end.
    Terminate(NodeId),
    /// Start it.
    Start(NodeId),
    /// Look again later.
    Wait,
    /// Everybody was restarted.
    Done,
}

impl Rolling {
    pub fn new(nodes: Vec<NodeId>, lasts: Duration, settle: Duration) -> Self {
        Self { left: nodes, lasts, settle, stage: Stage::Ready }
    }

    /// Whether it was waiting for this node to end, and need not any more.
    pub fn ended(&mut self, node: NodeId) -> bool {
        let waited = self.stage == Stage::Leaving && self.left.first() == Some(&node);
        if waited {
            self.stage = Stage::Down;
        }
        waited
    }

    /// Goes on. Who is down for another reason is left out.
    pub fn step(
        &mut self,
        now: Time,
        is_back: impl Fn(NodeId) -> bool,
        is_down: impl Fn(NodeId) -> bool,
    ) -> Step {
        if let (Stage::Back(until), Some(node)) = (self.stage, self.left.first()) {
            if now < until && !is_back(*node) {
                return Step::Wait;
            }
            self.left.remove(0);
            self.stage = Stage::Ready;
        }
        match self.stage {
            Stage::Ready => {
                let skipped = self.left.iter().take_while(|node| is_down(**node)).count();
                self.left.drain(..skipped);
                let Some(node) = self.left.first() else { return Step::Done };
                self.stage = Stage::Leaving;
                Step::Terminate(*node)
            }
            Stage::Down => {
                self.stage = Stage::Back(now + self.settle);
                Step::Start(self.left[0])
            }
            Stage::Leaving | Stage::Back(_) => Step::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_waited_for_until_it_is_back_or_long_enough() {
        let (a, b) = (NodeId(1), NodeId(2));
        let mut rolling = Rolling::new(vec![a, b], Duration::ZERO, Duration::from_secs(60));
        let at = Time::from_secs;
        let up = |_| false;
        assert_eq!(rolling.step(at(0), |_| true, up), Step::Terminate(a));
        assert!(!rolling.ended(b) && rolling.ended(a) && !rolling.ended(a));
        assert_eq!(rolling.step(at(1), |_| true, up), Step::Start(a));
        assert_eq!(rolling.step(at(2), |_| false, up), Step::Wait);
        assert_eq!(rolling.step(at(3), |_| true, up), Step::Terminate(b));
        assert!(rolling.ended(b));
        assert_eq!(rolling.step(at(4), |_| true, up), Step::Start(b));
        assert_eq!(rolling.step(at(63), |_| false, up), Step::Wait);
        assert_eq!(rolling.step(at(64), |_| false, up), Step::Done);
    }

    #[test]
    fn who_is_down_anyway_is_left_out() {
        let mut rolling = Rolling::new(vec![NodeId(1), NodeId(2)], Duration::ZERO, Duration::ZERO);
        assert_eq!(rolling.step(Time::ZERO, |_| true, |node| node.0 == 1), Step::Terminate(NodeId(2)));
    }
}
