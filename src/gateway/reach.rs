//! What a run can do to the real world for its faults: break paths between its clients and the brokers, through a
//! [proxy](super::proxy), and end, start and stop brokers, through [commands](super::commands).
//!
//! **Invariant.** What a run broke it mends: brokers that are down or stand still because of it are up again when it
//! is over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::host::{Door, Hands};
use crate::kernel::{ActorId, Command, Crash, Duration as Simulated, NodeId};
use crate::trace::Commanded;
use crate::wire::Brokersim;

use super::commands::{Act, Commands, Done, LIMIT, Shell, Teller};
use super::proxy::{Protocol, Proxy, Upstream};
use super::{Notes, Trouble};

/// By which means a run does something to the real world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Means {
    /// What clients speak with brokers; none when nothing is to be between them.
    pub between: Option<Protocol>,
    /// What can be done to brokers.
    pub commands: Commands,
    /// For jitter.
    pub seed: u64,
}

/// What a reach is made of.
#[derive(Clone, Debug)]
pub struct ReachSetup {
    /// Nodes of clients.
    pub clients: Vec<NodeId>,
    /// Nodes of brokers: broker 1 of the scenario first.
    pub brokers: Vec<NodeId>,
    /// By which means.
    pub means: Means,
    /// How what became of commands is told.
    pub door: Door<Brokersim>,
    /// In whose name.
    pub teller: ActorId,
}

/// What a run can do to the real world. Shared by the backend, the clients and the hands of the host.
#[derive(Debug)]
pub struct Reach {
    setup: ReachSetup,
    notes: Notes,
    shell: Shell,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    proxy: Option<Proxy>,
    /// Brokers that are not as they should be.
    broken: BTreeMap<u32, Broken>,
}

/// What is wrong with a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Down,
    Paused,
}

impl Reach {
    /// A reach over brokers that are not known yet.
    pub fn new(setup: ReachSetup) -> Arc<Self> {
        Self::with_limit(setup, LIMIT)
    }

    fn with_limit(setup: ReachSetup, limit: Duration) -> Arc<Self> {
        let notes = Notes::default();
        let shell = Shell::new(setup.means.commands.clone(), limit, notes.clone(), teller(&setup));
        Arc::new(Self { setup, notes, shell, state: Mutex::default() })
    }

    /// The brokers are there: id and `host:port` each, broker 1 of the scenario first. From now on clients that
    /// ask for their [way](Self::way) go through the proxy, if there is to be one.
    ///
    /// # Errors
    /// When there can be no proxy.
    pub fn begin(&self, brokers: &[(i32, String)]) -> Result<(), Trouble> {
        let Some(protocol) = self.setup.means.between else { return Ok(()) };
        let nodes = self.setup.brokers.iter().copied();
        // Brokers that the scenario does not have are reached through the proxy all the same.
        let nodes = nodes.chain((0..).map(|index| NodeId(u32::MAX - index)));
        let upstream = |((id, address), node): (&(i32, String), NodeId)| Upstream {
            node,
            id: *id,
            address: address.clone(),
        };
        let upstreams: Vec<_> = brokers.iter().zip(nodes).map(upstream).collect();
        let proxy = Proxy::start(&self.setup.clients, &upstreams, protocol, self.setup.means.seed)
            .map_err(|error| Trouble::Outside(format!("no proxy can be put before the brokers: {error}")))?;
        self.state().proxy = Some(proxy);
        Ok(())
    }

    /// Where a client finds the brokers, as `host:port,host:port`; none when it goes there directly.
    pub fn way(&self, client: NodeId) -> Option<String> {
        let state = self.state();
        let addresses: Vec<_> = state.proxy.as_ref()?.addresses(client).map(|it| it.to_string()).collect();
        (!addresses.is_empty()).then(|| addresses.join(","))
    }

    /// Hands for the host.
    pub fn hands(self: &Arc<Self>) -> Box<dyn Hands> {
        Box::new(ReachHands(Arc::clone(self)))
    }

    /// What went wrong, each once.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.all();
        notes.extend(self.state().proxy.iter().flat_map(Proxy::notes));
        notes
    }

    /// Nothing is broken any more: paths are as they were, brokers are started or go on. Waits for the commands
    /// that are under way. The proxy goes on until [`end`](Self::end).
    pub fn mend(&self) {
        if let Some(proxy) = &self.state().proxy {
            proxy.mend();
        }
        let broken = std::mem::take(&mut self.state().broken);
        for (broker, how) in broken {
            let act = match how {
                Broken::Down => Act::Start,
                Broken::Paused => Act::Resume,
            };
            if self.shell.order(act, broker) {
                let what = if how == Broken::Down { "started again" } else { "let go on" };
                self.notes.add(format!("broker-{broker} was {what} after the run"));
            }
        }
        self.shell.finish();
    }

    /// The proxy is gone, and all connections through it.
    pub fn end(&self) {
        let proxy = self.state().proxy.take();
        self.notes.extend(proxy.iter().flat_map(Proxy::notes));
    }

    /// Sees to it that nothing which a dying client on this node says from now on arrives. False when nothing is
    /// between them.
    pub fn silence(&self, node: NodeId) -> bool {
        self.state().proxy.as_ref().is_some_and(|proxy| proxy.silence(node))
    }

    /// The dying client is gone; the next one on this node is heard.
    pub fn restore(&self, node: NodeId) {
        if let Some(proxy) = &self.state().proxy {
            proxy.restore(node);
        }
    }

    /// Whether clients on this node stand still.
    pub fn stands_still(&self, node: NodeId) -> bool {
        self.state().proxy.as_ref().is_some_and(|proxy| proxy.stands_still(node))
    }

    fn obey(&self, command: &Command) -> bool {
        match *command {
            Command::Crash(node, how) if self.number(node).is_some() => self.crash(node, how),
            Command::Restart(node) if self.number(node).is_some() => self.set(node, Act::Start, None),
            Command::Pause(node) if self.number(node).is_some() => {
                self.set(node, Act::Pause, Some(Broken::Paused))
            }
            Command::Resume(node) if self.number(node).is_some() => self.set(node, Act::Resume, None),
            Command::Crash(..)
            | Command::Restart(_)
            | Command::Pause(_)
            | Command::Resume(_)
            | Command::Cut(..)
            | Command::Heal(..)
            | Command::Refuse(..)
            | Command::Accept(..)
            | Command::Burden(..)
            | Command::Relieve(..)
            | Command::Machine(..) => self.state().proxy.as_ref().is_some_and(|proxy| proxy.obey(command)),
        }
    }

    /// A broker was asked to end when that is how it ends; in any other way it is killed.
    fn crash(&self, node: NodeId, how: Crash) -> bool {
        let act = match how {
            Crash::Exit => Act::Stop,
            Crash::Process | Crash::Power | Crash::DiskLoss => Act::Kill,
        };
        self.set(node, act, Some(Broken::Down))
    }

    fn set(&self, node: NodeId, act: Act, broken: Option<Broken>) -> bool {
        let broker = self.number(node).expect("it was seen to be a broker");
        match broken {
            Some(how) => drop(self.state().broken.insert(broker, how)),
            None => drop(self.state().broken.remove(&broker)),
        }
        let ordered = self.shell.order(act, broker);
        if !ordered {
            self.notes.add(format!("nothing was done to broker-{broker}: there is no {} command", act.key()));
        }
        ordered
    }

    /// The number of the broker on this node.
    fn number(&self, node: NodeId) -> Option<u32> {
        let index = self.setup.brokers.iter().position(|broker| *broker == node)?;
        Some(index as u32 + 1)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells what became of commands, as facts.
fn teller(setup: &ReachSetup) -> Teller {
    let ReachSetup { brokers, door, teller, .. } = setup.clone();
    Arc::new(move |Done { broker, act, took, failed }| {
        let node = brokers[broker as usize - 1];
        let took = Simulated::from_nanos(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        door.emit(teller, Commanded { node, act: act.key(), took, failed: failed.map(Into::into) });
    })
}

struct ReachHands(Arc<Reach>);

impl Hands for ReachHands {
    fn obey(&mut self, command: &Command) -> bool {
        self.0.obey(command)
    }
}

#[cfg(feature = "real-kafka")]
impl super::kafka::Vanish for Reach {
    fn silence(&self, node: NodeId) -> bool {
        self.silence(node)
    }

    fn restore(&self, node: NodeId) {
        self.restore(node);
    }

    fn stands_still(&self, node: NodeId) -> bool {
        self.stands_still(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Knock;
    use crate::trace::Fact;

    const CLIENT: NodeId = NodeId(1);
    const BROKERS: [NodeId; 2] = [NodeId(5), NodeId(6)];

    /// A reach whose commands write down what they were told.
    fn reach(name: &str, between: Option<Protocol>) -> (Arc<Reach>, std::path::PathBuf) {
        let file = std::env::temp_dir().join(format!("brokersim-reach-{name}-{}", std::process::id()));
        let mut commands = Commands::default();
        for act in [Act::Kill, Act::Stop, Act::Start, Act::Pause, Act::Resume] {
            commands.set(act, format!("echo {} {{number}} >>{}", act.key(), file.display()));
        }
        let (clients, brokers) = (vec![CLIENT], BROKERS.to_vec());
        let means = Means { between, commands, seed: 1 };
        let (door, teller) = (Door::new().0, ActorId(0));
        (Reach::new(ReachSetup { clients, brokers, means, door, teller }), file)
    }

    fn done(file: &std::path::Path) -> Vec<String> {
        let text = std::fs::read_to_string(file).expect("commands were carried out");
        std::fs::remove_file(file).expect("it is there");
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn commands_about_brokers_become_commands_of_the_shell() {
        let (reach, file) = reach("brokers", None);
        let mut hands = reach.hands();
        let commands = [
            Command::Crash(BROKERS[1], Crash::Process),
            Command::Restart(BROKERS[1]),
            Command::Crash(BROKERS[1], Crash::Exit),
            Command::Restart(BROKERS[1]),
            Command::Pause(BROKERS[1]),
            Command::Resume(BROKERS[1]),
        ];
        assert!(commands.iter().all(|command| hands.obey(command)));
        reach.mend();
        let told = ["kill", "start", "stop", "start", "pause", "resume"].map(|act| format!("{act}-broker 2"));
        assert_eq!((done(&file), reach.notes()), (told.to_vec(), Vec::new()));
    }

    #[test]
    fn what_a_run_broke_it_mends() {
        let (reach, file) = reach("mends", None);
        let mut hands = reach.hands();
        hands.obey(&Command::Crash(BROKERS[0], Crash::Process));
        reach.shell.finish();
        hands.obey(&Command::Pause(BROKERS[1]));
        reach.shell.finish();
        reach.mend();
        let mut told = done(&file);
        told[2..].sort();
        let expected =
            ["kill-broker 1", "pause-broker 2", "resume-broker 2", "start-broker 1"].map(str::to_owned);
        assert_eq!(told, expected);
        assert_eq!(reach.notes().len(), 2, "{:?}", reach.notes());
    }

    #[test]
    fn what_no_command_can_do_is_a_note() {
        let (door, teller) = (Door::new().0, ActorId(0));
        let (clients, brokers) = (Vec::new(), BROKERS.to_vec());
        let setup = ReachSetup { clients, brokers, means: Means::default(), door, teller };
        let reach = Reach::new(setup);
        assert!(!reach.hands().obey(&Command::Pause(BROKERS[0])));
        assert_eq!(reach.notes(), ["nothing was done to broker-1: there is no pause-broker command"]);
    }

    #[test]
    fn a_command_that_fails_is_a_fact_about_the_broker_and_one_that_is_done_is_another() {
        let (door, knocks) = Door::new();
        let mut means = Means::default();
        means.commands.set(Act::Kill, "echo no such process >&2; exit 3");
        means.commands.set(Act::Start, "true");
        let (clients, brokers, teller) = (Vec::new(), BROKERS.to_vec(), ActorId(7));
        let reach = Reach::new(ReachSetup { clients, brokers, means, door, teller });
        let mut hands = reach.hands();
        assert!(hands.obey(&Command::Crash(BROKERS[1], Crash::Process)));
        assert!(hands.obey(&Command::Restart(BROKERS[1])));
        reach.shell.finish();
        let commanded = |knock| match knock {
            Knock::Seen { actor, fact: Fact::Commanded(fact), .. } => {
                (actor, fact.node, fact.act, fact.failed)
            }
            other => panic!("nothing else is told: {other:?}"),
        };
        let told: Vec<_> = knocks.try_iter().map(commanded).collect();
        let [(actor, node, "kill-broker", Some(why)), (_, _, "start-broker", None)] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!((*actor, *node), (teller, BROKERS[1]));
        assert!(why.ends_with(": no such process"), "{why}");
    }

    #[test]
    fn a_client_has_a_way_of_its_own_once_the_brokers_are_known() {
        let (reach, _) = reach("way", Some(Protocol::Plain));
        assert_eq!(reach.way(CLIENT), None);
        let brokers =
            [(1, "127.0.0.1:1".to_owned()), (2, "127.0.0.1:2".to_owned()), (7, "127.0.0.1:3".to_owned())];
        reach.begin(&brokers).expect("there are ports");
        assert_eq!(reach.way(CLIENT).map(|way| way.split(',').count()), Some(3));
        assert_eq!(reach.way(NodeId(77)), None, "it is not a client of this run");
        let mut hands = reach.hands();
        assert!(hands.obey(&Command::Cut(CLIENT, BROKERS[0])) && hands.obey(&Command::Pause(CLIENT)));
        assert!(!hands.obey(&Command::Cut(BROKERS[0], BROKERS[1])), "brokers talk past the proxy");
        assert!(reach.silence(CLIENT) && !reach.silence(NodeId(77)));
        reach.restore(CLIENT);
        assert!(reach.stands_still(CLIENT));
        reach.mend();
        assert!(!reach.stands_still(CLIENT), "at the end of a run nothing is broken any more");
        reach.end();
        assert_eq!(reach.way(CLIENT), None);
    }
}
