//! The real ones behind the same ports: clients of real brokers, for systems that run in real time.
//!
//! A gateway's actor hands what it hears to the threads of a real client; what these see comes back through
//! the [`Door`](crate::host::Door). What has to be done about the real system itself before and after a run is its
//! [`Backend`].

pub mod commands;
pub mod doctor;
#[cfg(feature = "real-kafka")]
pub mod kafka;
#[cfg(feature = "real-mqtt")]
pub mod mqtt;
mod notes;
pub mod proxy;
mod reach;
#[cfg(any(feature = "real-kafka", feature = "real-mqtt"))]
mod seat;

pub use commands::{Act, Brokers, Commands, Profile};
use notes::Notes;
pub use reach::{Means, Reach, ReachSetup};

/// How a run treats what is not its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Use topics and groups that exist under the names of the scenario, instead of making some for this run.
    pub use_existing: bool,
    /// What the run made stays when it has ended.
    pub keep: bool,
    /// Somebody has agreed to write to brokers that are not on this machine.
    pub yes: bool,
    /// Faults that cannot strike there are left out, instead of being a reason not to begin.
    pub skip_faults: bool,
    /// A proxy stands between clients and brokers although the scenario breaks no path: somebody may by hand.
    pub proxy: bool,
    /// Commands for brokers, besides those of the scenario.
    pub profile: Option<Profile>,
    /// What every real client is told besides, by the client library's names: security, above all.
    pub client_properties: Vec<(String, String)>,
}

/// What is wrong with the real world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// What was asked for makes no sense there, or is not in this build: what, and what to do.
    #[error("{0}")]
    Usage(String),
    /// A broker cannot be reached, or refuses: which, what it said, and what to do.
    #[error("{0}")]
    Outside(String),
}

/// A real system for the time of a run.
///
/// The order: `prepare`, then the actors begin; their clients run. `notes` any time. `close_books` when the run is
/// over. When all actors are gone, and
/// their clients with them, `tear_down`; also when `prepare` failed, and when the run was ended early.
pub trait Backend: Send {
    /// Makes everything ready for the clients: connects, checks, makes topics. Comes to an end within seconds,
    /// whether or not anybody answers.
    ///
    /// # Errors
    /// When the run cannot begin.
    fn prepare(&mut self) -> Result<(), Trouble>;

    /// Nobody publishes any more, and the actors still live: what is not known yet of what became of records is
    /// found out and told. Comes to an end within half a minute.
    fn close_books(&mut self) {}

    /// What a person should know, in sentences: what went wrong in mid-run, what is not as asked. Each once.
    fn notes(&mut self) -> Vec<String>;

    /// Removes what [`prepare`](Self::prepare) made, unless it is to stay. What could not be removed is a note.
    fn tear_down(&mut self);
}
