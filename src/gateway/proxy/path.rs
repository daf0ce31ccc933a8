//! The state of one path, from a client's node to a broker's: what is cut, refused, slower, or standing still.
//!
//! Commands change it at once, from any thread; the tasks that carry bytes look at it before each piece.
//!
//! **Invariant.** Faults overlap: what is cut twice passes again when it is healed twice.

use std::sync::{Mutex, PoisonError};
use std::time::Duration as Wall;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::kernel::{Burden, Command, Crash, NodeId, Rng};

/// A direction of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the client to the broker.
    Up,
    /// From the broker to the client.
    Down,
}

/// How a path is at the moment.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    up: Lane,
    down: Lane,
    refusals: u32,
    /// Clients of the node that are dying.
    silences: u32,
    /// The client's process stands still.
    paused: bool,
    /// The client's process is dead.
    dead: Option<Crash>,
    /// How often everything on it was broken: connections that are older are over.
    breaks: u64,
}

#[derive(Clone, Debug, Default)]
struct Lane {
    cuts: u32,
    burdens: Vec<Burden>,
}

impl State {
    /// Whether anything passes in this direction.
    pub fn passes(&self, way: Way) -> bool {
        // Who has lost power says nothing, not even that it is gone.
        self.lane(way).cuts == 0 && !self.paused && self.dead != Some(Crash::Power)
    }

    /// Whether connections are refused.
    pub fn refuses(&self) -> bool {
        self.refusals + self.silences > 0 || self.dead.is_some_and(|how| how != Crash::Power)
    }

    pub fn breaks(&self) -> u64 {
        self.breaks
    }

    fn lane(&self, way: Way) -> &Lane {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }

    fn lane_mut(&mut self, way: Way) -> &mut Lane {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    fn die(&mut self, how: Crash) {
        self.dead = Some(how);
        if how != Crash::Power {
            self.breaks += 1;
        }
    }

    /// A new process: what the old one had open is over, and now its peers hear of it too.
    fn live(&mut self) {
        (self.dead, self.paused) = (None, false);
        self.breaks += 1;
    }

    /// Whoever has lost power is silent already; its peers are not to hear a reset.
    fn silence(&mut self) {
        self.silences += 1;
        if self.dead.is_none() {
            self.breaks += 1;
        }
    }

    fn refuse(&mut self) {
        self.refusals += 1;
        self.breaks += 1;
    }

    /// Nothing is wrong any more, but for clients that are dying.
    fn mend(&mut self) {
        let was_dead = self.dead.is_some();
        let (silences, breaks) = (self.silences, self.breaks + u64::from(was_dead));
        *self = Self { silences, breaks, ..Self::default() };
    }

    fn relieve(&mut self, way: Way, burden: Burden) {
        let burdens = &mut self.lane_mut(way).burdens;
        if let Some(index) = burdens.iter().position(|other| *other == burden) {
            burdens.swap_remove(index);
        }
    }
}

/// A path.
#[derive(Debug)]
pub(super) struct Path {
    client: NodeId,
    broker: NodeId,
    state: watch::Sender<State>,
    queue: Mutex<Queue>,
}

/// What pieces wait for, besides their turn.
#[derive(Debug)]
struct Queue {
    /// When a bounded bandwidth has passed on all that it was given: up, down.
    free: [Option<Instant>; 2],
    rng: Rng,
}

impl Path {
    pub fn new(client: NodeId, broker: NodeId, seed: u64) -> Self {
        let rng = Rng::named(seed, &format!("proxy/{}-{}", client.0, broker.0));
        let queue = Mutex::new(Queue { free: [None; 2], rng });
        Self { client, broker, state: watch::Sender::default(), queue }
    }

    /// The state, and how to hear of changes.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Does what is commanded; false when that is not about this path.
    pub fn obey(&self, command: &Command) -> bool {
        match *command {
            Command::Crash(node, how) => self.of_client(node, |state| state.die(how)),
            Command::Restart(node) => self.of_client(node, State::live),
            Command::Pause(node) => self.of_client(node, |state| state.paused = true),
            Command::Resume(node) => self.of_client(node, |state| state.paused = false),
            Command::Cut(from, to) => self.of_way(from, to, |state, way| state.lane_mut(way).cuts += 1),
            Command::Heal(from, to) => self.of_way(from, to, |state, way| {
                let cuts = &mut state.lane_mut(way).cuts;
                *cuts = cuts.saturating_sub(1);
            }),
            Command::Refuse(from, to) => self.of_way(from, to, |state, _| state.refuse()),
            Command::Accept(from, to) => {
                self.of_way(from, to, |state, _| state.refusals = state.refusals.saturating_sub(1))
            }
            Command::Burden(from, to, burden) => {
                self.of_way(from, to, |state, way| state.lane_mut(way).burdens.push(burden))
            }
            Command::Relieve(from, to, burden) => {
                self.of_way(from, to, |state, way| state.relieve(way, burden))
            }
            Command::Machine(..) => false,
        }
    }

    /// A client on this node is dying; false when that is another's.
    pub fn silence(&self, node: NodeId) -> bool {
        self.of_client(node, State::silence)
    }

    /// It is gone.
    pub fn restore(&self, node: NodeId) {
        self.of_client(node, |state| state.silences = state.silences.saturating_sub(1));
    }

    /// Whether a client on this node stands still.
    pub fn stands_still(&self, node: NodeId) -> bool {
        let state = self.state.borrow();
        node == self.client && state.paused && state.dead.is_none()
    }

    /// It is as it was before anything went wrong.
    pub fn mend(&self) {
        self.state.send_modify(State::mend);
    }

    fn of_client(&self, node: NodeId, change: impl FnOnce(&mut State)) -> bool {
        if node == self.client {
            self.state.send_modify(change);
        }
        node == self.client
    }

    fn of_way(&self, from: NodeId, to: NodeId, change: impl FnOnce(&mut State, Way)) -> bool {
        let way = match (from, to) {
            (from, to) if (from, to) == (self.client, self.broker) => Way::Up,
            (from, to) if (from, to) == (self.broker, self.client) => Way::Down,
            (_, _) => return false,
        };
        self.state.send_modify(|state| change(state, way));
        true
    }

    /// The most that may go as one piece: bounded bandwidth is spent about twenty times a second.
    pub fn piece(&self, way: Way) -> usize {
        let narrowest = narrowest(&self.state.borrow().lane(way).burdens);
        narrowest.map_or(usize::MAX, |limit| usize::try_from(limit / 20).unwrap_or(usize::MAX).max(1))
    }

    /// When a piece that has come now goes on.
    pub fn release(&self, way: Way, now: Instant, bytes: usize) -> Instant {
        let state = self.state.borrow();
        let burdens = &state.lane(way).burdens;
        if burdens.is_empty() {
            return now;
        }
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = now;
        if let Some(limit) = narrowest(burdens) {
            let passing = u128::from(bytes as u64) * 1_000_000_000 / u128::from(limit.max(1));
            let free = &mut queue.free[way as usize];
            at = free.map_or(now, |free| free.max(now)) + Wall::from_nanos(passing as u64);
            *free = Some(at);
        }
        for burden in burdens {
            match burden {
                Burden::Delay(by) => at += Wall::from_nanos(by.as_nanos()),
                Burden::Jitter(by) => at += Wall::from_nanos(queue.rng.below(by.as_nanos() + 1)),
                Burden::Bandwidth(_) => {}
            }
        }
        at
    }
}

fn narrowest(burdens: &[Burden]) -> Option<u64> {
    let limits = burdens.iter().filter_map(|burden| match burden {
        Burden::Bandwidth(limit) => Some(*limit),
        Burden::Delay(_) | Burden::Jitter(_) => None,
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Duration;

    const CLIENT: NodeId = NodeId(3);
    const BROKER: NodeId = NodeId(8);

    fn path() -> Path {
        Path::new(CLIENT, BROKER, 1)
    }

    fn passes(path: &Path) -> (bool, bool) {
        let state = path.watch();
        let state = state.borrow();
        (state.passes(Way::Up), state.passes(Way::Down))
    }

    #[test]
    fn a_direction_that_is_cut_twice_passes_when_it_is_healed_twice() {
        let path = path();
        assert!(path.obey(&Command::Cut(CLIENT, BROKER)) && path.obey(&Command::Cut(CLIENT, BROKER)));
        assert_eq!(passes(&path), (false, true));
        path.obey(&Command::Heal(CLIENT, BROKER));
        assert_eq!(passes(&path), (false, true));
        path.obey(&Command::Heal(CLIENT, BROKER));
        assert_eq!(passes(&path), (true, true));
    }

    #[test]
    fn commands_about_others_are_not_its_own() {
        let path = path();
        let others = [
            Command::Cut(CLIENT, NodeId(1)),
            Command::Crash(BROKER, Crash::Process),
            Command::Pause(NodeId(1)),
            Command::Machine(CLIENT, crate::kernel::Machine::SOUND),
        ];
        assert!(others.iter().all(|command| !path.obey(command)));
        assert_eq!(passes(&path), (true, true));
    }

    #[test]
    fn a_killed_client_is_cut_off_with_a_reset_and_one_without_power_in_silence() {
        let path = path();
        path.obey(&Command::Crash(CLIENT, Crash::Process));
        assert!(path.watch().borrow().refuses());
        assert_eq!(path.watch().borrow().breaks(), 1);
        path.obey(&Command::Restart(CLIENT));
        path.obey(&Command::Crash(CLIENT, Crash::Power));
        let before = path.watch().borrow().breaks();
        assert!(!path.watch().borrow().refuses());
        assert_eq!(passes(&path), (false, false));
        path.obey(&Command::Restart(CLIENT));
        assert_eq!((passes(&path), path.watch().borrow().breaks()), ((true, true), before + 1));
    }

    #[test]
    fn a_dying_client_is_refused_until_it_is_gone_even_if_its_node_is_back() {
        let path = path();
        path.obey(&Command::Crash(CLIENT, Crash::Power));
        assert!(path.silence(CLIENT) && !path.silence(BROKER));
        assert_eq!(path.watch().borrow().breaks(), 0, "its broker hears nothing");
        path.obey(&Command::Restart(CLIENT));
        assert!(path.watch().borrow().refuses());
        path.restore(CLIENT);
        assert!(!path.watch().borrow().refuses());
    }

    #[test]
    fn a_path_that_is_mended_is_as_it_was_whatever_was_wrong_with_it() {
        let path = path();
        let wrong = [
            Command::Cut(CLIENT, BROKER),
            Command::Cut(BROKER, CLIENT),
            Command::Refuse(CLIENT, BROKER),
            Command::Burden(CLIENT, BROKER, Burden::Delay(Duration::from_secs(9))),
            Command::Pause(CLIENT),
        ];
        assert!(wrong.iter().all(|command| path.obey(command)));
        assert!(path.stands_still(CLIENT) && !path.stands_still(BROKER));
        path.mend();
        let now = Instant::now();
        assert_eq!((passes(&path), path.release(Way::Up, now, 9)), ((true, true), now));
        assert!(!path.watch().borrow().refuses() && !path.stands_still(CLIENT));
    }

    #[test]
    fn burdens_add_up_and_the_narrowest_bandwidth_counts() {
        let path = path();
        let now = Instant::now();
        let burdens =
            [Burden::Delay(Duration::from_millis(100)), Burden::Bandwidth(10_000), Burden::Bandwidth(1_000)];
        burdens.iter().for_each(|burden| assert!(path.obey(&Command::Burden(CLIENT, BROKER, *burden))));
        assert_eq!(path.release(Way::Up, now, 500) - now, Wall::from_millis(600));
        assert_eq!(path.release(Way::Up, now, 500) - now, Wall::from_millis(1_100), "it waits for the first");
        assert_eq!(path.release(Way::Down, now, 500), now, "the other direction is free");
        assert_eq!(path.piece(Way::Up), 50);
        burdens.iter().for_each(|burden| assert!(path.obey(&Command::Relieve(CLIENT, BROKER, *burden))));
        assert_eq!(path.release(Way::Up, now, 500), now);
    }

    #[test]
    fn jitter_stays_within_its_bound_and_is_not_always_the_same() {
        let path = path();
        let now = Instant::now();
        path.obey(&Command::Burden(BROKER, CLIENT, Burden::Jitter(Duration::from_millis(10))));
        let drawn: Vec<_> = (0..100).map(|_| path.release(Way::Down, now, 1) - now).collect();
        assert!(drawn.iter().all(|late| *late <= Wall::from_millis(10)));
        assert!(drawn.iter().max() > drawn.iter().min());
    }
}
