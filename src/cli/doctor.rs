//! `brokersim doctor`: can it be reached, what is it, does it take this scenario, and what to do about it.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::gateway::doctor::{Finding, State};
use crate::scenario::World;
use crate::scenario::scenario::{Scenario, System};
use crate::scenario::world::Server;

use super::failure::Failure;
use super::load::ScenarioArguments;
use super::run::{Format, property};
use super::{Exit, output};

/// Arguments of `doctor`.
#[derive(Args, Debug)]
pub struct DoctorArguments {
    /// Which brokers: `kafka://HOST:PORT[,HOST:PORT]`, `mqtt://[USER:PASSWORD@]HOST:PORT` (`mqtts://` with TLS), or `embedded`.
    #[arg(long, value_name = "WORLD")]
    on: World,
    /// A scenario that is to run there.
    scenario: Option<PathBuf>,
    /// A property of the client, by the client library's name: `sasl.username=me`. Again for more.
    #[arg(long = "client-property", value_name = "NAME=VALUE", value_parser = property)]
    client_properties: Vec<(String, String)>,
    /// Write one record to a topic of its own on brokers that are not on this machine: to compare clocks (Kafka), to see
    /// whether messages go round (MQTT).
    #[arg(long, short)]
    yes: bool,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What the doctor says, for a script.
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    on: String,
    healthy: bool,
    lines: &'a [Finding],
}

/// Examines brokers.
pub fn doctor(arguments: &DoctorArguments) -> Result<Exit, Failure> {
    let patient = patient(arguments)?;
    let is_mqtt = patient.as_ref().is_some_and(|scenario| matches!(scenario.system, System::Mqtt(_)));
    let lines = match &arguments.on {
        World::Embedded if is_mqtt => examine_mqtt(arguments, patient.as_ref(), None)?,
        World::Mqtt(server) => examine_mqtt(arguments, patient.as_ref(), Some(server))?,
        World::Kafka(_) | World::Embedded => examine_kafka(arguments, patient.as_ref())?,
        World::Simulated | World::Live => {
            let what = format!(
                "there is no doctor for {}; try `--on kafka://HOST:PORT` or `--on mqtt://HOST:PORT`",
                arguments.on
            );
            return Err(Failure::Usage(what));
        }
    };
    let healthy = lines.iter().all(|line| line.state != State::Bad);
    match arguments.format {
        Format::Text => output::print(&text(&arguments.on, &lines))?,
        Format::Json => {
            let report =
                Report { schema: "brokersim-doctor-1", on: arguments.on.to_string(), healthy, lines: &lines };
            output::print_json(&report)?;
        }
    }
    Ok(if healthy { Exit::Ok } else { Exit::Outside })
}

/// The scenario that is to run there.
fn patient(arguments: &DoctorArguments) -> Result<Option<Scenario>, Failure> {
    let Some(file) = &arguments.scenario else { return Ok(None) };
    let file = ScenarioArguments { scenario: file.clone(), ..ScenarioArguments::default() };
    Ok(Some(file.load()?.scenario))
}

fn text(world: &World, lines: &[Finding]) -> String {
    let mut text = format!("{world}\n");
    for Finding { about, state, says, remedy } in lines {
        let mark = match state {
            State::Good => "ok   ",
            State::Odd => "note ",
            State::Bad => "BAD  ",
        };
        text.push_str(&format!("  {mark} {about:<10} {says}\n"));
        if let Some(remedy) = remedy {
            text.push_str(&format!("                   do: {remedy}\n"));
        }
    }
    text
}

/// What a scenario's own part in it is, as it is of the right system.
#[cfg(any(feature = "real-kafka", feature = "real-mqtt"))]
fn of_system<P>(
    arguments: &DoctorArguments,
    scenario: Option<&Scenario>,
    system: &str,
    part: impl Fn(&Scenario) -> Option<P>,
) -> Result<Option<P>, Failure> {
    let other =
        || Failure::Usage(format!("this scenario is not about {system}: it cannot run on {}", arguments.on));
    scenario.map(|scenario| part(scenario).ok_or_else(other)).transpose()
}

#[cfg(feature = "real-kafka")]
fn examine_kafka(arguments: &DoctorArguments, scenario: Option<&Scenario>) -> Result<Vec<Finding>, Failure> {
    use crate::gateway::kafka::doctor::{Visit, examine};

    let servers = arguments.on.servers();
    Ok(examine(&Visit {
        servers: servers.iter().map(ToString::to_string).collect(),
        connection: arguments.client_properties.clone(),
        may_write: arguments.yes || servers.iter().all(Server::is_here),
        patient: of_system(arguments, scenario, "Kafka", crate::scenario::wiring::real::patient)?,
    }))
}

#[cfg(not(feature = "real-kafka"))]
fn examine_kafka(arguments: &DoctorArguments, _: Option<&Scenario>) -> Result<Vec<Finding>, Failure> {
    Err(not_built(arguments, "Kafka", "real-kafka"))
}

#[cfg(feature = "real-mqtt")]
fn examine_mqtt(
    arguments: &DoctorArguments,
    scenario: Option<&Scenario>,
    server: Option<&Server>,
) -> Result<Vec<Finding>, Failure> {
    use crate::gateway::Options;
    use crate::gateway::mqtt::doctor::{Visit, examine};
    use crate::scenario::wiring::real::{mqtt_access, mqtt_patient};

    let options = Options { client_properties: arguments.client_properties.clone(), ..Options::default() };
    let access = server.map(|server| mqtt_access(server, &options)).transpose()?;
    let (login, tls) = access.unwrap_or_default();
    Ok(examine(&Visit {
        server: server.map(|server| (server.host.clone(), server.port)),
        login,
        tls,
        may_write: arguments.yes || server.is_none_or(Server::is_here),
        patient: of_system(arguments, scenario, "MQTT", mqtt_patient)?,
    }))
}

#[cfg(not(feature = "real-mqtt"))]
fn examine_mqtt(
    arguments: &DoctorArguments,
    _: Option<&Scenario>,
    _: Option<&Server>,
) -> Result<Vec<Finding>, Failure> {
    Err(not_built(arguments, "MQTT", "real-mqtt"))
}

#[cfg(not(all(feature = "real-kafka", feature = "real-mqtt")))]
fn not_built(arguments: &DoctorArguments, system: &str, feature: &str) -> Failure {
    Failure::Usage(format!(
        "this brokersim was built without the clients of {system} and cannot examine {}; build it with `cargo build \
         --features {feature}`",
        arguments.on
    ))
}
