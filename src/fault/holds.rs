//! What holds each node down, still or back. Faults overlap: a node comes back when nothing holds it any more.
//!
//! **Invariant.** What is taken back was held before; one fault never takes back another.

use crate::kernel::{Command, Crash, Machine, NodeId};

/// What holds one node.
#[derive(Clone, Debug, Default)]
struct Hold {
    down: u32,
    paused: u32,
    /// How many times slower, in thousandths, each.
    cpu: Vec<u32>,
    disk: Vec<u32>,
    full: u32,
}

/// What holds all nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds {
    nodes: Vec<Hold>,
}

impl Holds {
    /// One more reason to be down.
    pub fn crash(&mut self, node: NodeId, how: Crash) -> Command {
        self.of(node).down += 1;
        Command::Crash(node, how)
    }

    /// One reason less; it starts when it was the last.
    pub fn restart(&mut self, node: NodeId) -> Option<Command> {
        let hold = self.of(node);
        assert!(hold.down > 0, "what comes back was down");
        hold.down -= 1;
        (hold.down == 0).then_some(Command::Restart(node))
    }

    /// One more reason to stand still. A process that is down cannot.
    pub fn pause(&mut self, node: NodeId) -> Option<Command> {
        let hold = self.of(node);
        hold.paused += 1;
        (hold.down == 0).then_some(Command::Pause(node))
    }

    /// One reason less; it goes on when it was the last.
    pub fn resume(&mut self, node: NodeId) -> Option<Command> {
        let hold = self.of(node);
        assert!(hold.paused > 0, "what goes on stood still");
        hold.paused -= 1;
        (hold.paused == 0).then_some(Command::Resume(node))
    }

    /// Work takes so many times as long besides.
    pub fn slow_cpu(&mut self, node: NodeId, factor: u32) -> Command {
        self.of(node).cpu.push(factor);
        self.machine(node)
    }

    /// No more.
    pub fn fast_cpu(&mut self, node: NodeId, factor: u32) -> Command {
        take(&mut self.of(node).cpu, factor);
        self.machine(node)
    }

    /// Its process has ended by itself: one more reason to be down.
    pub fn left(&mut self, node: NodeId) {
        self.of(node).down += 1;
    }

    /// The disk takes so many times as long besides.
    pub fn slow_disk(&mut self, node: NodeId, factor: u32) -> Command {
        self.of(node).disk.push(factor);
        self.machine(node)
    }

    /// No more.
    pub fn fast_disk(&mut self, node: NodeId, factor: u32) -> Command {
        take(&mut self.of(node).disk, factor);
        self.machine(node)
    }

    /// One more reason why nothing can be written.
    pub fn fill(&mut self, node: NodeId) -> Command {
        self.of(node).full += 1;
        self.machine(node)
    }

    /// One reason less; when it was the last and nothing else holds the process down, it is started, in case it
    /// has halted.
    pub fn empty(&mut self, node: NodeId) -> [Option<Command>; 2] {
        let hold = self.of(node);
        assert!(hold.full > 0, "what has room again was full");
        hold.full -= 1;
        let starts = hold.full == 0 && hold.down == 0;
        [Some(self.machine(node)), starts.then_some(Command::Restart(node))]
    }

    /// Whether something holds it down.
    pub fn is_down(&self, node: NodeId) -> bool {
        self.nodes.get(node.0 as usize).is_some_and(|hold| hold.down > 0)
    }

    fn machine(&mut self, node: NodeId) -> Command {
        let hold = self.of(node);
        let (cpu, disk) = (product(&hold.cpu), product(&hold.disk));
        Command::Machine(node, Machine { cpu, disk, disk_full: hold.full > 0 })
    }

    fn of(&mut self, node: NodeId) -> &mut Hold {
        let index = node.0 as usize;
        if index >= self.nodes.len() {
            self.nodes.resize(index + 1, Hold::default());
        }
        &mut self.nodes[index]
    }
}

fn take(factors: &mut Vec<u32>, factor: u32) {
    let index = factors.iter().position(|other| *other == factor);
    factors.swap_remove(index.expect("what is taken back was held"));
}

/// Factors in thousandths multiplied, within what a factor may be.
fn product(factors: &[u32]) -> u32 {
    factors.iter().fold(1_000, |all, factor| {
        u32::try_from(u64::from(all) * u64::from(*factor) / 1_000).unwrap_or(u32::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeId = NodeId(3);

    #[test]
    fn a_node_comes_back_when_nothing_holds_it() {
        let mut holds = Holds::default();
        holds.crash(A, Crash::Process);
        holds.crash(A, Crash::Power);
        assert_eq!((holds.restart(A), holds.is_down(A)), (None, true));
        assert_eq!((holds.restart(A), holds.is_down(A)), (Some(Command::Restart(A)), false));
    }

    #[test]
    fn what_is_down_cannot_be_stopped() {
        let mut holds = Holds::default();
        holds.crash(A, Crash::Process);
        assert_eq!(holds.pause(A), None);
        holds.restart(A);
        assert_eq!(holds.resume(A), Some(Command::Resume(A)));
    }

    #[test]
    fn a_disk_with_room_starts_what_has_halted_unless_something_else_holds_it() {
        let mut holds = Holds::default();
        holds.fill(A);
        holds.fill(A);
        assert_eq!(holds.empty(A)[1], None);
        assert_eq!(holds.empty(A)[1], Some(Command::Restart(A)));
        holds.fill(A);
        holds.crash(A, Crash::Process);
        assert_eq!(holds.empty(A)[1], None);
    }

    #[test]
    fn factors_multiply_and_are_taken_back_one_by_one() {
        let mut holds = Holds::default();
        let cpu = |command| match command {
            Command::Machine(_, machine) => machine.cpu,
            other => panic!("{other:?}"),
        };
        assert_eq!(cpu(holds.slow_cpu(A, 2_000)), 2_000);
        assert_eq!(cpu(holds.slow_cpu(A, 3_500)), 7_000);
        assert_eq!(cpu(holds.fast_cpu(A, 2_000)), 3_500);
        assert_eq!(cpu(holds.fast_cpu(A, 3_500)), 1_000);
    }
}
