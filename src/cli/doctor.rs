//! `brokersim doctor`: can it be reached, what is it, does it take this scenario, and what to do about it.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::scenario::World;

use super::failure::Failure;
use super::load::ScenarioArguments;
use super::run::{Format, property};
use super::{Exit, output};

/// Arguments of `doctor`.
#[derive(Args, Debug)]
pub struct DoctorArguments {
    /// Which brokers: `kafka://HOST:PORT[,HOST:PORT]`, or `embedded`.
    #[arg(long, value_name = "WORLD")]
    on: World,
    /// A scenario that is to run there.
    scenario: Option<PathBuf>,
    /// A property of the client, by the client library's name: `sasl.username=me`. Again for more.
    #[arg(long = "client-property", value_name = "NAME=VALUE", value_parser = property)]
    client_properties: Vec<(String, String)>,
    /// Write one record to a topic of its own on brokers that are not on this machine, to compare clocks.
    #[arg(long, short)]
    yes: bool,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Health {
    Good,
    Odd,
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Line {
    about: String,
    health: Health,
    says: String,
    remedy: Option<String>,
}

/// What the doctor says, for a script.
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    on: String,
    healthy: bool,
    lines: &'a [Line],
}

/// Examines brokers.
pub fn doctor(arguments: &DoctorArguments) -> Result<Exit, Failure> {
    let lines = match &arguments.on {
        World::Kafka(_) | World::Embedded => examine(arguments)?,
        World::Simulated | World::Live | World::Mqtt(_) => {
            let what = format!("there is no doctor for {}; try `--on kafka://HOST:PORT`", arguments.on);
            return Err(Failure::Usage(what));
        }
    };
    let healthy = lines.iter().all(|line| line.health != Health::Bad);
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

fn text(world: &World, lines: &[Line]) -> String {
    let mut text = format!("{world}\n");
    for Line { about, health, says, remedy } in lines {
        let mark = match health {
            Health::Good => "ok   ",
            Health::Odd => "note ",
            Health::Bad => "BAD  ",
        };
        text.push_str(&format!("  {mark} {about:<10} {says}\n"));
        if let Some(remedy) = remedy {
            text.push_str(&format!("                   do: {remedy}\n"));
        }
    }
    text
}

#[cfg(feature = "real-kafka")]
fn examine(arguments: &DoctorArguments) -> Result<Vec<Line>, Failure> {
    use crate::gateway::kafka::doctor::{self, Finding, State, Visit};

    let patient = match &arguments.scenario {
        None => None,
        Some(file) => {
            let file = ScenarioArguments { scenario: file.clone(), ..ScenarioArguments::default() };
            let loaded = file.load()?;
            let patient = crate::scenario::wiring::patient(&loaded.scenario);
            let other = || {
                Failure::Usage(format!("this scenario is not about Kafka: it cannot run on {}", arguments.on))
            };
            Some(patient.ok_or_else(other)?)
        }
    };
    let servers = arguments.on.servers();
    let visit = Visit {
        servers: servers.iter().map(ToString::to_string).collect(),
        connection: arguments.client_properties.clone(),
        may_write: arguments.yes || servers.iter().all(crate::scenario::world::Server::is_here),
        patient,
    };
    let line = |Finding { about, state, says, remedy }| {
        let health = match state {
            State::Good => Health::Good,
            State::Odd => Health::Odd,
            State::Bad => Health::Bad,
        };
        Line { about: String::from(about), health, says, remedy }
    };
    Ok(doctor::examine(&visit).into_iter().map(line).collect())
}

#[cfg(not(feature = "real-kafka"))]
fn examine(arguments: &DoctorArguments) -> Result<Vec<Line>, Failure> {
    let DoctorArguments { on, scenario: _, client_properties: _, yes: _, .. } = arguments;
    let _ = (ScenarioArguments::load, Health::Good, Health::Odd);
    Err(Failure::Usage(format!(
        "this brokersim was built without the clients of Kafka and cannot examine {on}; build it with `cargo build \
         --features real-kafka`"
    )))
}
