//! A Kafka scenario's applications, bound to a real cluster or to the one within this process.

use std::sync::Arc;

use crate::gateway::kafka::doctor::Patient;
use crate::gateway::kafka::{self as gateway, Applications, Publisher, Subscriber};
use crate::gateway::proxy::Protocol;
use crate::gateway::{Means, Trouble};
use crate::kafka::config::{ConsumerConfig, ProducerConfig};
use crate::kernel::Builder;
use crate::trace::Stage;
use crate::wire::Brokersim;

use super::super::super::scenario::{Kafka, Reader, Scenario, Topic};
use super::super::super::world::Server;
use super::super::{App, Behind, Clients, Cluster, Outside, instance_id, named};
use super::settings;

/// Installs the clients; `servers` is none for the cluster within this process.
pub(super) fn install(
    scenario: &Scenario,
    kafka: &Kafka,
    servers: Option<&[Server]>,
    outside: Outside<'_>,
    builder: &mut Builder<Brokersim>,
    stage: &Arc<Stage>,
    apps: &[App<'_>],
) -> Result<Behind, Trouble> {
    let config = gateway::Config {
        cluster: match servers {
            Some(servers) => gateway::Cluster::At(servers.iter().map(Server::to_string).collect()),
            None => gateway::Cluster::Embedded(kafka.brokers),
        },
        brokers: kafka.brokers,
        connection: outside.options.client_properties.clone(),
        security: settings::passed_to_clients(kafka),
        stage: Arc::clone(stage),
        topics: kafka.topics.iter().map(|topic| topic_of(kafka, topic)).collect(),
        options: outside.options.clone(),
        run: gateway::new_run(),
        means: means(scenario, outside),
    };
    let applications = applications(scenario, kafka, stage, builder, apps);
    let ports = gateway::install(config, outside.door, builder, &applications);
    Ok(Behind {
        clients: Clients::deal(apps, ports.publishers, ports.subscribers),
        cluster: Cluster { brokers: ports.brokers, controller: Some(ports.controller) },
        backend: Some(ports.backend),
        hands: ports.hands,
    })
}

/// What of a scenario is of interest to a cluster that it may run on.
pub(in super::super::super) fn patient(scenario: &Scenario, kafka: &Kafka) -> Patient {
    let producers = scenario.generators.iter().map(|entry| (&entry.name, &entry.producer));
    let producers = producers.chain(scenario.processors.iter().map(|entry| (&entry.name, &entry.producer)));
    let producer = |(name, config): (&String, &Option<ProducerConfig>)| {
        Some((name.clone(), settings::producer(kafka, name, config.as_ref()?)))
    };
    let consumer = |(name, reader): (&str, &Reader)| {
        Some((name.to_owned(), settings::consumer(kafka, name, reader.consumer.as_ref()?)))
    };
    Patient {
        brokers: kafka.brokers,
        security: settings::passed_to_clients(kafka),
        topics: kafka.topics.iter().map(|topic| (topic.name.clone(), topic_of(kafka, topic))).collect(),
        settings: settings::brokers(&kafka.config),
        producers: producers.filter_map(producer).collect(),
        consumers: scenario.readers().filter_map(consumer).collect(),
    }
}

fn topic_of(kafka: &Kafka, topic: &Topic) -> gateway::Topic {
    gateway::Topic {
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        settings: settings::topic(kafka, &topic.name, &topic.config),
    }
}

/// What faults can do to the cluster.
fn means(scenario: &Scenario, outside: Outside<'_>) -> Means {
    // A run without such faults talks to its brokers directly, unless somebody may inject one by hand.
    let by_hand = outside.options.proxy && !outside.world.servers().is_empty();
    let between = (scenario.breaks_paths() || by_hand) && !scenario.is_encrypted(outside.options);
    Means {
        between: between.then_some(Protocol::Kafka),
        commands: scenario.broker_commands(outside.world, outside.options),
        seed: scenario.run.seed,
    }
}

fn applications(
    scenario: &Scenario,
    kafka: &Kafka,
    stage: &Stage,
    builder: &Builder<Brokersim>,
    apps: &[App<'_>],
) -> Applications {
    let mut applications = Applications::default();
    let mut instances = vec![0; stage.groups.len()];
    for app in apps {
        applications.publishers.extend(publisher(kafka, builder, app));
        applications.subscribers.extend(subscriber((scenario, kafka), stage, builder, app, &mut instances));
    }
    applications
}

fn publisher(kafka: &Kafka, builder: &Builder<Brokersim>, app: &App<'_>) -> Option<Publisher> {
    let (address, callbacks) = app.publishes()?;
    let config = app.producer().expect("a Kafka entry that publishes has a producer");
    Some(Publisher {
        name: format!("{}/producer", builder.cast().node(app.node())),
        node: app.node(),
        app: address,
        settings: settings::producer(kafka, app.entry(), config),
        max_block: settings::real(config.max_block),
        callbacks,
    })
}

fn subscriber(
    (scenario, kafka): (&Scenario, &Kafka),
    stage: &Stage,
    builder: &Builder<Brokersim>,
    app: &App<'_>,
    instances: &mut [u32],
) -> Option<Subscriber> {
    let (address, reader) = (app.reads()?, app.reader()?);
    let config: &ConsumerConfig = reader.consumer.as_ref().expect("a Kafka entry that reads has a consumer");
    let group = app.group(scenario, stage).expect("who reads has a group");
    Some(Subscriber {
        name: format!("{}/consumer", builder.cast().node(app.node())),
        node: app.node(),
        app: address,
        settings: settings::consumer(kafka, app.entry(), config),
        group,
        instance: instance_id(config, group, instances),
        channels: vec![named(stage, &reader.from)],
        max_poll_records: config.max_poll_records,
        auto_commit: config.auto_commit.then(|| settings::real(config.auto_commit_interval)),
        reset: settings::reset(config.offset_reset),
    })
}
