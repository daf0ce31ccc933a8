//! A Kafka scenario's applications, bound to a real cluster or to the one within this process.

use std::sync::Arc;

use crate::gateway::kafka::doctor::Patient;
use crate::gateway::kafka::{self as gateway, Applications, Publisher, Subscriber};
use crate::gateway::proxy::Protocol;
use crate::gateway::{Means, Trouble};
use crate::kafka::config::{ConsumerConfig, ProducerConfig};
use crate::kernel::{Builder, Time};
use crate::trace::Stage;
use crate::wire::Brokersim;

use super::super::super::scenario::{Fault, Kafka, Reader, Scenario, Topic};
use super::super::super::target::Target;
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
    if servers.is_none() {
        refuse_what_embedded_cannot(scenario, kafka)?;
    }
    let config = gateway::Config {
        cluster: match servers {
            Some(servers) => gateway::Cluster::At(servers.iter().map(Server::to_string).collect()),
            None => gateway::Cluster::Embedded(kafka.brokers),
        },
        brokers: kafka.brokers,
        connection: outside.options.client_properties.clone(),
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
    // A run without such faults talks to its brokers directly.
    let between = scenario.breaks_paths() && !scenario.is_encrypted(outside.options);
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

/// What the cluster within this process has none of, and a run would depend on: named before it begins.
fn refuse_what_embedded_cannot(scenario: &Scenario, kafka: &Kafka) -> Result<(), Trouble> {
    let mut wrong = Vec::new();
    let beyond = |fault: &&Fault| {
        let mine = |target: &Target| matches!(target, Target::Instance(_) | Target::MemberOf(_));
        !fault.targets.iter().chain(&fault.peers).all(mine)
    };
    for fault in scenario.faults.iter().filter(beyond) {
        wrong.push(format!("the fault `{fault}`: its brokers do not fail, and its topics do not grow"));
    }
    if scenario.random_faults.is_some() {
        wrong.push("[faults.random]: they may strike brokers, and its brokers do not fail".to_owned());
    }
    let end = (Time::ZERO + scenario.run.duration + scenario.run.drain).since(Time::ZERO);
    for topic in &kafka.topics {
        let (name, config) = (&topic.name, &topic.config);
        if config.retention_bytes.is_some() || config.retention_ms.is_some_and(|keeps| keeps < end) {
            wrong.push(format!(
                "retention of topic {name}: it keeps the last 5 MiB of a partition, whatever is set"
            ));
        }
        if topic.replication_factor > kafka.brokers {
            let factor = topic.replication_factor;
            wrong
                .push(format!("topic {name} has replication.factor = {factor} of {} brokers", kafka.brokers));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let list = wrong.join("\n  - ");
    Err(Trouble::Usage(format!(
        "the embedded cluster cannot do what this scenario depends on:\n  - {list}\nrun it on a real one: `scripts/brokers \
         up kafka`, then `--on kafka://127.0.0.1:PORT`"
    )))
}

#[cfg(test)]
mod tests {
    use super::super::super::super::world::World;
    use super::*;
    use crate::gateway::Options;
    use crate::host::Door;
    use crate::scenario::Overrides;
    use crate::scenario::wiring::wire_in;

    fn wired(text: &str) -> Result<(), String> {
        let scenario = Scenario::load(text, "a/test.toml", &Overrides::default());
        let scenario = scenario.unwrap_or_else(|error| panic!("{}", error.render(false, 100)));
        let (door, _knocks) = Door::new();
        let (world, options) = (World::Embedded, Options::default());
        let outside = Outside { world: &world, door: &door, options: &options };
        wire_in(&scenario, outside).map(|_| ()).map_err(|trouble| trouble.to_string())
    }

    const CALM: &str = r#"
        [run]
        duration = "1s"
        [kafka]
        brokers = 1
        [kafka.topics.orders]
        partitions = 2
        replication.factor = 1
        [[generator]]
        name = "shop"
        topic = "orders"
        payload = { kind = "bytes", size = "100B" }
        arrivals = { constant = "10/s" }
        [[sink]]
        name = "billing"
        from = "orders"
    "#;

    #[test]
    fn a_calm_scenario_can_run_on_the_embedded_cluster() {
        assert_eq!(wired(CALM), Ok(()));
    }

    #[test]
    fn what_the_embedded_cluster_cannot_do_is_named() {
        let killed = format!("{CALM}\n[[fault]]\nat = \"500ms\"\nkill = \"broker-1\"\n");
        let why = wired(&killed).expect_err("its brokers do not fail");
        assert!(why.contains("kill of broker-1"), "{why}");
        let short = CALM.replace("replication.factor = 1", "replication.factor = 1\nretention.ms = 100");
        let why = wired(&short).expect_err("it keeps what it keeps");
        assert!(why.contains("retention of topic orders"), "{why}");
    }
}
