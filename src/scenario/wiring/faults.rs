//! From the faults of a scenario to the plans of an injector: names become nodes.

use std::sync::Arc;

use crate::fault::{Injector, InjectorSetup, Plan, QuorumSetup, Strike, Target as Victim};
use crate::kernel::{Addr, Builder, Cast, Desk, NodeId, Seat, Shape};
use crate::trace::{GroupId, PlaceId, Stage};
use crate::wire::Brokersim;
use crate::wire::fault::ToInjector;
use crate::wire::operator::ToApplication;

use super::super::scenario::{Fault, Kafka, Scenario};
use super::super::target::Target;
use super::applications::SUPERVISOR;
use super::{App, Cluster, named};

/// An instance of an entry.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    entry: String,
    name: String,
    group: Option<String>,
    node: NodeId,
    operator: Addr<ToApplication>,
    to_come: bool,
}

/// All instances, in the order of the file.
pub(super) fn instances(apps: &[App<'_>], cast: &Cast) -> Vec<Instance> {
    let instance = |app: &App<'_>| Instance {
        entry: app.entry().to_owned(),
        name: cast.actor(app.actor()).to_owned(),
        group: app.reader().map(|reader| reader.group.clone()),
        node: app.node(),
        operator: app.operator(),
        to_come: app.is_to_come(),
    };
    apps.iter().map(instance).collect()
}

/// Installs the injector, when there is something for it to do, or `idle` too.
pub(super) fn install(
    scenario: &Scenario,
    builder: &mut Builder<Brokersim>,
    stage: &Arc<Stage>,
    cluster: Cluster,
    instances: Vec<Instance>,
    idle: bool,
) -> Option<Planner> {
    let faults = scenario.all_faults();
    if faults.is_empty() && !idle {
        return None;
    }
    let Cluster { brokers, controller: orders } = cluster;
    // Whoever starts a process again stands beside it: no cable to cut.
    let nodes = (0..).map(NodeId).zip(&builder.cast().nodes);
    let nodes = nodes.filter(|(_, name)| *name != SUPERVISOR).map(|(node, _)| node).collect();
    let quorum = scenario.kafka().map(|kafka| quorum(kafka, controller(builder)));
    let node = builder.node("faults");
    let seat: Seat<Injector> = builder.reserve(node, "faults");
    // An operator's commands do not queue behind the cluster's traffic.
    for &(_, broker, _) in &brokers {
        builder.network.reshape(node, broker, Shape::IDEAL);
    }
    for instance in &instances {
        builder.network.reshape(node, instance.node, Shape::IDEAL);
    }
    let planner = Planner {
        stage: Arc::clone(stage),
        brokers: brokers.iter().map(|(_, node, _)| *node).collect(),
        controller: controller(builder),
        injector: seat.addr(),
        instances,
    };
    let instances = &planner.instances;
    let setup = InjectorSetup {
        plans: faults.iter().map(|fault| planner.plan(fault)).collect(),
        seed: scenario.run.seed,
        brokers,
        quorum,
        nodes,
        applications: instances.iter().map(|instance| (instance.node, instance.operator)).collect(),
        away: instances.iter().filter(|instance| instance.to_come).map(|instance| instance.node).collect(),
        controller: orders,
    };
    builder.install(seat, Injector::new(setup), Desk::default());
    Some(planner)
}

/// The controller's node; of no meaning where there is none.
fn controller(builder: &Builder<Brokersim>) -> NodeId {
    let index = builder.cast().nodes.iter().position(|name| name == "controller");
    NodeId(index.unwrap_or_default() as u32)
}

fn quorum(kafka: &Kafka, node: NodeId) -> QuorumSetup {
    QuorumSetup {
        node,
        voters: kafka.controllers,
        election_timeout: kafka.config.controller_election_timeout,
        fetch_timeout: kafka.config.controller_fetch_timeout,
    }
}

/// What names mean in a system that was wired, and who makes it go wrong.
#[derive(Clone, Debug)]
pub struct Planner {
    stage: Arc<Stage>,
    instances: Vec<Instance>,
    brokers: Vec<NodeId>,
    controller: NodeId,
    injector: Addr<ToInjector>,
}

impl Planner {
    /// Whoever makes it go wrong.
    pub fn injector(&self) -> Addr<ToInjector> {
        self.injector
    }

    /// A fault of a scenario with the same entries and topics as the one that was wired.
    ///
    /// # Panics
    /// When it names what that does not have.
    pub fn plan(&self, fault: &Fault) -> Plan {
        let victims =
            |targets: &[Target]| targets.iter().map(|target| self.victim(fault.strike, target)).collect();
        Plan {
            kind: fault.kind.name,
            at: fault.at,
            again: fault.again,
            jitter: fault.jitter,
            lasts: fault.lasts,
            strike: fault.strike,
            targets: victims(&fault.targets),
            peers: victims(&fault.peers),
        }
    }

    fn victim(&self, strike: Strike, target: &Target) -> Victim {
        match target {
            Target::Instance(topic) if matches!(strike, Strike::AddPartitions(_)) => {
                let channel = named(&self.stage, topic);
                Victim::Topic(channel, self.stage.channels[channel.index()].first_place)
            }
            Target::Instance(group) if matches!(strike, Strike::ResetOffsets(_)) => {
                let group = self.group(group);
                let reads = &self.stage.groups[group.index()].reads;
                Victim::Group(
                    group,
                    reads.iter().flat_map(|one| self.stage.channels[one.index()].places()).collect(),
                )
            }
            Target::Instance(entry) if matches!(strike, Strike::AddMember | Strike::RemoveMember) => {
                Victim::Entry(self.nodes_of(|instance| instance.entry == *entry))
            }
            Target::Broker(number) => Victim::Node(self.brokers[*number as usize - 1]),
            Target::AllBrokers => Victim::Nodes(self.brokers.clone()),
            Target::RandomBroker => Victim::OneOf(self.brokers.clone()),
            Target::LeaderOf { topic, partition } => Victim::Leader(self.place(topic, *partition)),
            Target::FollowerOf { topic, partition } => Victim::Follower(self.place(topic, *partition)),
            Target::CoordinatorOf(group) => Victim::Coordinator(self.group(group)),
            Target::Instance(name) => {
                Victim::Nodes(self.nodes_of(|instance| instance.name == *name || instance.entry == *name))
            }
            Target::MemberOf(of) => Victim::OneOf(self.nodes_of(|instance| {
                instance.entry == *of || instance.group.as_deref() == Some(of.as_str())
            })),
            Target::Controller => Victim::Node(self.controller),
            Target::Quorum => Victim::Quorum,
            Target::Everything => Victim::Everything,
        }
    }

    fn place(&self, topic: &str, partition: u32) -> PlaceId {
        let first = self.stage.channels[named(&self.stage, topic).index()].first_place;
        PlaceId(first.0 + partition)
    }

    fn group(&self, name: &str) -> GroupId {
        let index = self.stage.groups.iter().position(|group| group.name == name);
        GroupId(index.expect("the scenario was checked: its groups exist") as u32)
    }

    fn nodes_of(&self, belongs: impl Fn(&Instance) -> bool) -> Vec<NodeId> {
        let belonging = self.instances.iter().filter(|instance| belongs(instance));
        belonging.map(|instance| instance.node).collect()
    }
}
