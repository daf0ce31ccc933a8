//! An MQTT scenario on a real broker: what the gateway is told of it.

use std::sync::Arc;

use crate::gateway::mqtt::{self as real, Acknowledges, Applications, Broker, Config};
use crate::kernel::{Builder, Duration, Time};
use crate::mqtt::{Client, RetainHandling};
use crate::trace::{ChannelId, Stage};
use crate::wire::Brokersim;

use super::super::super::scenario::{Commit, Scenario};
use super::super::super::world::World;
use super::super::{App, Behind, Clients, Cluster, Outside};

pub(super) fn install(
    scenario: &Scenario,
    outside: Outside<'_>,
    builder: &mut Builder<Brokersim>,
    stage: &Arc<Stage>,
    apps: &[App<'_>],
) -> Behind {
    let applications = applications(scenario, stage, builder, apps);
    let (ports, backend) =
        real::install(config(scenario, outside, stage), outside.door, builder, applications);
    Behind {
        clients: Clients::deal(apps, ports.publishers, ports.subscribers),
        cluster: Cluster::default(),
        backend: Some(Box::new(backend)),
        hands: Vec::new(),
    }
}

fn config(scenario: &Scenario, outside: Outside<'_>, stage: &Stage) -> Config {
    let broker = match outside.world {
        World::Mqtt(server) => {
            Broker::At { host: server.host.clone(), port: server.port, is_here: server.is_here() }
        }
        World::Embedded => Broker::Embedded,
        World::Simulated | World::Live | World::Kafka(_) => unreachable!("these are not for MQTT"),
    };
    let topics = (0..).map(ChannelId).zip(&stage.channels).map(|(channel, of)| real::Topic {
        channel,
        place: of.first_place,
        name: of.name.clone(),
        readers: stage.readers(channel).collect(),
    });
    Config {
        broker,
        options: outside.options.clone(),
        run: format!("{}-{}", scenario.name, scenario.run.seed),
        topics: topics.collect(),
        groups: stage.groups.len() as u32,
    }
}

fn applications(
    scenario: &Scenario,
    stage: &Stage,
    builder: &Builder<Brokersim>,
    apps: &[App<'_>],
) -> Applications {
    let mut applications = Applications::default();
    for app in apps {
        let (node, name) = (app.node(), builder.cast().actor(app.actor()));
        if let Some((address, callbacks)) = app.publishes() {
            applications.publishers.push(real::Publisher {
                name: format!("{name}/publisher"),
                node,
                app: address,
                client: client(publishing_client(app).expect("an MQTT entry has a client")),
                callbacks,
            });
        }
        if let (Some(reader), Some(address)) = (app.reader(), app.reads()) {
            let mut of = reader.client.clone().expect("an MQTT entry has a client");
            if app.writes_to().is_some() {
                // The process has one will; the client that publishes has it.
                of.will = None;
            }
            applications.subscribers.push(real::Subscriber {
                name: format!("{name}/subscriber"),
                node,
                app: address,
                client: client(&of),
                group: app.group(scenario, stage).expect("who reads has a group"),
                shared: reader.is_shared.then(|| reader.group.clone()),
                filter: reader.from.clone(),
                acknowledges: match reader.commit {
                    Commit::Auto => Acknowledges::AtOnce,
                    Commit::After | Commit::Before => Acknowledges::WhenTold,
                },
                at_start: app.presence().start == Time::ZERO,
            });
        }
    }
    applications
}

fn publishing_client<'a>(app: &App<'a>) -> Option<&'a Client> {
    match app {
        App::Generator { entry, .. } => entry.client.as_ref(),
        App::Processor { entry, .. } => entry.client.as_ref(),
        App::Sink { .. } => None,
    }
}

/// The scenario was checked: times are whole seconds and fit.
fn client(client: &Client) -> real::Client {
    real::Client {
        qos: client.qos,
        retain: client.retain,
        clean_start: client.clean_start,
        session_expiry: seconds(client.session_expiry),
        receive_maximum: client.receive_maximum,
        keep_alive: u16::try_from(seconds(client.keep_alive)).unwrap_or(u16::MAX),
        max_inflight: client.max_inflight,
        message_expiry: client.message_expiry.map(seconds),
        retain_handling: match client.retain_handling {
            RetainHandling::Send => 0,
            RetainHandling::SendIfNew => 1,
            RetainHandling::Never => 2,
        },
        will: client.will.as_ref().map(|will| real::Will {
            topic: will.topic.clone(),
            payload: will.payload.clone(),
            qos: will.qos,
            retain: will.retain,
            delay: seconds(will.delay),
        }),
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_nanos() / 1_000_000_000).unwrap_or(u32::MAX)
}
