//! A Kafka cluster, installed: controller, brokers, and a client for each application.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kernel::{Addr, Builder, Desk, NodeId, Rng, Seat};
use crate::trace::kafka::BrokerId;
use crate::trace::{ChannelId, GroupId, Stage};
use crate::wire::Brokersim;
use crate::wire::kafka::ToBroker;
use crate::wire::port::{FromPublisher, FromSubscriber, ToPublisher, ToSubscriber};

use super::broker::{Broker, BrokerSetup};
use super::config::{BrokerConfig, ConsumerConfig, ProducerConfig, TopicConfig};
use super::consumer::{Consumer, ConsumerSetup, Topic};
use super::controller::{Controller, PartitionPlan, placement};
use super::producer::{Producer, ProducerSetup};

/// `__consumer_offsets`
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// A cluster to install.
#[derive(Clone, Debug)]
pub struct Config {
    /// Settings of brokers.
    pub brokers: BrokerConfig,
    /// The rack of each broker; as many as there are brokers.
    pub racks: Vec<Option<String>>,
    /// Settings and replication factor of each channel, by [`ChannelId`]; the offsets topic is the last.
    pub topics: Vec<(TopicConfig, u32)>,
    /// All names and numbers.
    pub stage: Arc<Stage>,
    /// Whether brokers tell fingerprints of their logs: for a promise that asks for it.
    pub audits: bool,
}

/// An application that publishes.
#[derive(Clone, Debug)]
pub struct Publisher {
    /// The name of its client in the cast.
    pub name: String,
    /// The node both live on.
    pub node: NodeId,
    /// The application.
    pub app: Addr<FromPublisher>,
    /// Its producer's settings.
    pub config: Arc<ProducerConfig>,
}

/// An application that reads.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// The name of its client in the cast.
    pub name: String,
    /// The node both live on.
    pub node: NodeId,
    /// The application.
    pub app: Addr<FromSubscriber>,
    /// Its consumer's settings.
    pub config: Arc<ConsumerConfig>,
    /// Its group.
    pub group: GroupId,
    /// Its `group.instance.id`, when it is a static member.
    pub instance: Option<u32>,
    /// What it reads.
    pub channels: Vec<ChannelId>,
}

/// All applications of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Applications {
    /// Those that publish.
    pub publishers: Vec<Publisher>,
    /// Those that read.
    pub subscribers: Vec<Subscriber>,
}

/// Where applications find their clients, in the order in which the applications were given.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Producers.
    pub publishers: Vec<Addr<ToPublisher>>,
    /// Consumers.
    pub subscribers: Vec<Addr<ToSubscriber>>,
    /// Brokers: id, node, address.
    pub brokers: Vec<(BrokerId, NodeId, Addr<ToBroker>)>,
}

/// Installs a cluster and the clients of its applications.
pub fn install(config: &Config, builder: &mut Builder<Brokersim>, apps: &Applications) -> Ports {
    let seats = reserve(config, builder);
    let brokers: Vec<_> = seats.brokers.iter().map(|(id, seat)| (*id, seat.node(), seat.addr())).collect();
    let (publishers, subscribers) = install_clients(config, builder, apps, &brokers);
    install_brokers(config, builder, seats, &brokers);
    Ports { publishers, subscribers, brokers }
}

/// The places of the cluster's own actors.
struct Seats {
    controller: Seat<Controller>,
    brokers: Vec<(BrokerId, Seat<Broker>)>,
}

fn reserve(config: &Config, builder: &mut Builder<Brokersim>) -> Seats {
    let node = builder.node("controller");
    let controller = builder.reserve(node, "controller");
    let brokers = (1..=config.racks.len()).map(|number| {
        let name = format!("broker-{number}");
        let node = builder.node(name.clone());
        (BrokerId(number as u32), builder.reserve(node, name))
    });
    Seats { controller, brokers: brokers.collect() }
}

fn install_brokers(
    config: &Config,
    builder: &mut Builder<Brokersim>,
    seats: Seats,
    brokers: &[(BrokerId, NodeId, Addr<ToBroker>)],
) {
    let Seats { controller, brokers: seats } = seats;
    let settings = Arc::new(config.brokers.clone());
    let topics: Vec<Arc<TopicConfig>> =
        config.topics.iter().map(|(topic, _)| Arc::new(topic.clone())).collect();
    let offsets = ChannelId(config.stage.channels.len() as u32 - 1);
    let nodes: Arc<[NodeId]> = builder.cast().actors.iter().map(|(_, node)| *node).collect();
    for (id, seat) in seats {
        let setup = BrokerSetup {
            id,
            config: Arc::clone(&settings),
            topics: topics.clone(),
            stage: Arc::clone(&config.stage),
            offsets,
            controller: controller.addr(),
            brokers: brokers.to_vec(),
            controller_node: controller.node(),
            nodes: Arc::clone(&nodes),
            audits: config.audits,
        };
        builder.install(seat, Broker::new(setup), Desk { servers: config.brokers.num_io_threads });
    }
    let plans = plans(config, builder.seed());
    builder.install(controller, Controller::new(settings, plans), Desk::default());
}

fn plans(config: &Config, seed: u64) -> Vec<PartitionPlan> {
    let brokers: Vec<_> =
        (1..).map(BrokerId).zip(&config.racks).map(|(id, rack)| (id, rack.as_deref())).collect();
    let mut rng = Rng::named(seed, "placement");
    let mut plans = Vec::new();
    for (channel, (topic, replication_factor)) in config.stage.channels.iter().zip(&config.topics) {
        for replicas in placement(&brokers, channel.places, *replication_factor, &mut rng) {
            let min_insync_replicas = topic.min_insync_replicas;
            plans.push(PartitionPlan {
                replicas,
                min_insync_replicas,
                unclean: topic.unclean_leader_election,
            });
        }
    }
    plans
}

fn install_clients(
    config: &Config,
    builder: &mut Builder<Brokersim>,
    apps: &Applications,
    brokers: &[(BrokerId, NodeId, Addr<ToBroker>)],
) -> (Vec<Addr<ToPublisher>>, Vec<Addr<ToSubscriber>>) {
    let channels = &config.stage.channels;
    let places: Arc<[_]> = channels.iter().map(|channel| (channel.first_place, channel.places)).collect();
    let brokers: Arc<[_]> = brokers.into();
    let racks: BTreeMap<_, _> = (1..)
        .map(BrokerId)
        .zip(&config.racks)
        .filter_map(|(id, rack)| rack.clone().map(|rack| (id, rack)))
        .collect();
    let racks = Arc::new(racks);
    let topics: BTreeMap<_, _> = channels
        .iter()
        .enumerate()
        .filter(|(_, channel)| !channel.internal)
        .map(|(index, channel)| {
            let topic =
                Topic { name: channel.name.clone(), first: channel.first_place, partitions: channel.places };
            (ChannelId(index as u32), topic)
        })
        .collect();
    let topics = Arc::new(topics);
    let mut producers = Vec::new();
    for app in &apps.publishers {
        let seat: Seat<Producer> = builder.reserve(app.node, app.name.as_str());
        producers.push(seat.addr());
        let setup = ProducerSetup {
            config: Arc::clone(&app.config),
            brokers: Arc::clone(&brokers),
            topics: Arc::clone(&places),
            app: app.app,
        };
        builder.install(seat, Producer::new(setup), Desk::default());
    }
    let mut consumers = Vec::new();
    for app in &apps.subscribers {
        let seat: Seat<Consumer> = builder.reserve(app.node, app.name.as_str());
        consumers.push(seat.addr());
        let setup = ConsumerSetup {
            config: Arc::clone(&app.config),
            group: app.group,
            instance: app.instance,
            channels: app.channels.clone(),
            topics: Arc::clone(&topics),
            brokers: Arc::clone(&brokers),
            racks: Arc::clone(&racks),
            app: app.app,
        };
        builder.install(seat, Consumer::new(setup), Desk::default());
    }
    (producers, consumers)
}
