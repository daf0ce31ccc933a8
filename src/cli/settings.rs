//! `brokersim settings`: every setting, its default, and what the model makes of it.

use clap::{Args, ValueEnum};

use crate::kafka;
use crate::kafka::config::Version;
use crate::zeromq;

use super::failure::Failure;
use super::run::Format;
use super::{Exit, output};

/// Arguments of `settings`.
#[derive(Args, Debug)]
pub struct SettingsArguments {
    /// Whose settings.
    #[arg(value_enum)]
    system: SystemName,
    /// Whose defaults: a Kafka release.
    #[arg(long, default_value = "4.1")]
    version: String,
    /// How they are printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SystemName {
    Kafka,
    Zeromq,
}

/// Prints the settings of a system.
pub fn settings(arguments: &SettingsArguments) -> Result<Exit, Failure> {
    match (arguments.system, arguments.format) {
        (SystemName::Kafka, Format::Text) => output::print(&kafka::settings::to_table(version(arguments)?))?,
        (SystemName::Kafka, Format::Json) => {
            output::print_json(&kafka::settings::to_json(version(arguments)?))?
        }
        (SystemName::Zeromq, Format::Text) => output::print(&zeromq::settings::to_table())?,
        (SystemName::Zeromq, Format::Json) => {
            return Err(Failure::Usage("the options of ZeroMQ are printed as text only".to_owned()));
        }
    }
    Ok(Exit::Ok)
}

fn version(arguments: &SettingsArguments) -> Result<Version, Failure> {
    Version::named(&arguments.version).ok_or_else(|| {
        let known: Vec<_> = Version::ALL.iter().map(|version| version.name()).collect();
        Failure::Usage(format!(
            "there is no model of Kafka {}; there is {}",
            arguments.version,
            known.join(", ")
        ))
    })
}
