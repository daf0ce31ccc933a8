//! A run from its beginning to its end, without a screen: for commands that make several.

use std::sync::atomic::AtomicBool;

use clap::Args;

use crate::gateway::Options;
use crate::observe::summary::Summary;
use crate::scenario::World;

use super::failure::Failure;
use super::load::Loaded;
use super::run::{ProfileName, WorldArguments, property};
use super::session::{Recording, Session};

/// How several runs treat a real system.
#[derive(Args, Clone, Debug)]
pub struct RealArguments {
    /// Keep what the runs made in a real broker.
    #[arg(long, requires = "on")]
    keep: bool,
    /// Write to brokers that are not on this machine without asking.
    #[arg(long, short, requires = "on")]
    yes: bool,
    /// Leave out the faults that cannot strike there, instead of refusing to begin.
    #[arg(long, requires = "on")]
    skip_faults: bool,
    /// How faults end, start and stop brokers, where [real.commands] of the scenario does not say it.
    #[arg(long, value_enum, requires = "on")]
    profile: Option<ProfileName>,
    /// A property of every real client, by the client library's name: `sasl.username=me`. Again for more.
    #[arg(long = "client-property", value_name = "NAME=VALUE", value_parser = property, requires = "on")]
    client_properties: Vec<(String, String)>,
}

impl RealArguments {
    /// The same for one run in this world. Each makes what it needs, and uses nothing that is there.
    pub fn of(&self, world: &World) -> WorldArguments {
        WorldArguments {
            on: world.clone(),
            use_existing: false,
            keep: self.keep,
            yes: self.yes,
            skip_faults: self.skip_faults,
            proxy: false,
            profile: self.profile,
            client_properties: self.client_properties.clone(),
        }
    }
}

/// Runs a scenario in a world to its end, or until `stop`, and records it. What cannot go wrong there is left out, when
/// that may be skipped.
///
/// # Errors
/// When it cannot be run there, or not as the scenario says, or not be recorded.
pub fn run_in(
    (world, options): (&World, &Options),
    mut loaded: Loaded,
    recording: &Recording,
    stop: &AtomicBool,
) -> Result<Summary, Failure> {
    loaded.scenario.suit(world, options)?;
    let mut session = Session::new_in(&loaded, Some(recording), world, options)?;
    session.run(stop, |_| {}, &mut ());
    match session.failed() {
        Some(failure) => {
            session.finish().ok();
            Err(failure)
        }
        None => session.finish(),
    }
}
