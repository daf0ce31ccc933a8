//! Real brokers behind the port: which gateway is installed for which world.
//!
//! Beside what stands in the simulation's place, clients and nodes, there is a [`Backend`](crate::gateway::Backend) for
//! the real system itself, and [`Hands`](crate::host::Hands) for faults that strike it.

#[cfg(feature = "real-kafka")]
mod kafka;
#[cfg(feature = "real-kafka")]
mod settings;

use std::sync::Arc;

use crate::gateway::Trouble;
use crate::kernel::Builder;
use crate::trace::Stage;
use crate::wire::Brokersim;

#[cfg(not(feature = "real-kafka"))]
use super::super::scenario::Kafka;
use super::super::scenario::{Scenario, System};
#[cfg(not(feature = "real-kafka"))]
use super::super::world::Server;
use super::super::world::World;
use super::{App, Behind, Outside};

#[cfg(feature = "real-mqtt")]
mod mqtt;

/// Installs the clients of the world's real brokers.
pub(super) fn install(
    scenario: &Scenario,
    outside: Outside<'_>,
    builder: &mut Builder<Brokersim>,
    stage: &Arc<Stage>,
    apps: &[App<'_>],
) -> Result<Behind, Trouble> {
    match (&scenario.system, outside.world) {
        (_, World::Simulated | World::Live) => unreachable!("these are not real"),
        (System::Kafka(kafka), World::Kafka(servers)) => {
            install_kafka(scenario, kafka, Some(servers), outside, builder, stage, apps)
        }
        (System::Kafka(kafka), World::Embedded) => {
            install_kafka(scenario, kafka, None, outside, builder, stage, apps)
        }
        (System::Kafka(_), World::Mqtt(_)) => Err(not_together(outside.world, "Kafka", "kafka://HOST:PORT")),
        (System::Mqtt(_), World::Kafka(_)) => Err(not_together(outside.world, "MQTT", "mqtt://HOST:PORT")),
        (System::Mqtt(_), World::Mqtt(_) | World::Embedded) => {
            install_mqtt(scenario, outside, builder, stage, apps)
        }
        (System::Zeromq(_), World::Kafka(_) | World::Mqtt(_) | World::Embedded) => {
            Err(not_together(outside.world, "ZeroMQ, which has no broker", "live"))
        }
    }
}

/// What of a Kafka scenario is of interest to a cluster that it may run on; none for other systems.
#[cfg(feature = "real-kafka")]
pub fn patient(scenario: &Scenario) -> Option<crate::gateway::kafka::doctor::Patient> {
    scenario.kafka().map(|its| kafka::patient(scenario, its))
}

/// The same for an MQTT scenario and a broker.
#[cfg(feature = "real-mqtt")]
pub fn mqtt_patient(scenario: &Scenario) -> Option<crate::gateway::mqtt::doctor::Patient> {
    matches!(scenario.system, System::Mqtt(_)).then(|| mqtt::patient(scenario))
}

/// As whom MQTT's clients connect, and how secretly: what `--client-property` says comes before the URL.
///
/// # Errors
/// A property that they do not have, or that is not for such a URL; TLS in a build without it.
#[cfg(feature = "real-mqtt")]
pub fn mqtt_access(
    server: &super::super::world::Server,
    options: &crate::gateway::Options,
) -> Result<(Option<crate::gateway::mqtt::Login>, Option<crate::gateway::mqtt::Tls>), Trouble> {
    mqtt::access(server, options)
}

/// MQTT's clients.
#[cfg(not(feature = "real-mqtt"))]
fn install_mqtt(
    _: &Scenario,
    outside: Outside<'_>,
    _: &mut Builder<Brokersim>,
    _: &Arc<Stage>,
    _: &[App<'_>],
) -> Result<Behind, Trouble> {
    let world = outside.world;
    Err(Trouble::Usage(format!(
        "MQTT's clients are not built into this brokersim, so it cannot run on {world}: build it with --features real-mqtt"
    )))
}

#[cfg(feature = "real-mqtt")]
fn install_mqtt(
    scenario: &Scenario,
    outside: Outside<'_>,
    builder: &mut Builder<Brokersim>,
    stage: &Arc<Stage>,
    apps: &[App<'_>],
) -> Result<Behind, Trouble> {
    mqtt::install(scenario, outside, builder, stage, apps)
}

fn not_together(world: &World, system: &str, instead: &str) -> Trouble {
    Trouble::Usage(format!("this scenario is about {system}: it cannot run on {world}; try `--on {instead}`"))
}

#[cfg(feature = "real-kafka")]
use kafka::install as install_kafka;

#[cfg(not(feature = "real-kafka"))]
fn install_kafka(
    _: &Scenario,
    _: &Kafka,
    _: Option<&[Server]>,
    outside: Outside<'_>,
    _: &mut Builder<Brokersim>,
    _: &Arc<Stage>,
    _: &[App<'_>],
) -> Result<Behind, Trouble> {
    Err(Trouble::Usage(format!(
        "this brokersim was built without the clients of Kafka: it cannot run on {}; build it with `cargo build \
         --features real-kafka`",
        outside.world
    )))
}
