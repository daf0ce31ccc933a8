//! Payload kinds: what records say, each kind with a typed schema and believable dynamics.
//!
//! **Invariant.** A row is a function of the configuration, the instance, the times asked for and the random
//! stream. Floats are made with `+ - * /`, `sqrt` and `libm` alone and rounded to the decimals such an
//! instrument reports, so they have the same bits on every machine.

mod bytes;
mod cpu;
mod events;
mod gps;
mod posts;
mod sensors;
mod ticks;

pub use bytes::{Bytes, SizeLaw};
pub use cpu::Cpu;
pub use events::Events;
pub use gps::Gps;
pub use posts::Posts;
pub use sensors::{Sensor, Sensors};
pub use ticks::Ticks;

/// What the records of a generator say.
#[derive(Clone, Debug, PartialEq)]
pub enum PayloadKind {
    /// Exchange tickers of several assets, in turn.
    Ticks(Ticks),
    /// Short texts about those assets.
    Posts(Posts),
    /// Readings of one sensor of several phones, in turn.
    Sensors(Sensors),
    /// Utilisation of each core of a machine, in turn.
    Cpu(Cpu),
    /// Moving tracks.
    Gps(Gps),
    /// Small discrete events of a shop.
    Events(Events),
    /// No content, only a size.
    Bytes(Bytes),
}
