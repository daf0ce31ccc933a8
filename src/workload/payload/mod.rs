//! Payload kinds: what records say, each kind with a typed schema and believable dynamics.
//!
//! **Invariant.** A row is a function of the configuration, the instance, the times asked for and the random
//! stream. Floats are made with `+ - * /`, `sqrt` and `libm` alone and rounded to the decimals such an
//! instrument reports, so they have the same bits on every machine.
//!
//! Where a kind has several speakers (assets, phones, cores), each record is the next one's turn; the dynamics
//! follow the time between two records of the same speaker, so that a faster generator sees a smoother signal.

use crate::kernel::{Rng, Time};

use super::row::{Row, Schema, Value};

mod bytes;
mod cpu;
mod drift;
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

impl PayloadKind {
    /// The fields of its rows; none for `bytes`.
    pub fn schema(&self) -> Schema {
        match self {
            Self::Ticks(_) => ticks::schema(),
            Self::Posts(_) => posts::schema(),
            Self::Sensors(sensors) => sensors.schema(),
            Self::Cpu(_) => cpu::schema(),
            Self::Gps(_) => gps::schema(),
            Self::Events(_) => events::schema(),
            Self::Bytes(_) => Schema::of("bytes", &[]),
        }
    }

    /// The pace at which such sources speak, all speakers of one instance together, in records per second;
    /// `None` for those that have no pace of their own.
    pub fn natural_rate(&self) -> Option<f64> {
        match self {
            Self::Ticks(ticks) => Some(ticks.assets.len() as f64),
            Self::Sensors(sensors) => Some(sensors.sensor.hertz() * f64::from(sensors.devices)),
            Self::Cpu(cpu) => Some(2.0 * f64::from(cpu.cores)),
            Self::Gps(gps) => Some(10.0 * f64::from(gps.devices)),
            Self::Posts(_) | Self::Events(_) | Self::Bytes(_) => None,
        }
    }

    /// The field that such records are usually keyed by.
    pub fn natural_key(&self) -> Option<&'static str> {
        match self {
            Self::Ticks(_) | Self::Posts(_) => Some("asset"),
            Self::Sensors(_) | Self::Gps(_) => Some("device"),
            Self::Cpu(_) => Some("host"),
            Self::Events(_) => Some("user"),
            Self::Bytes(_) => None,
        }
    }

    /// Whether all settings are within their bounds.
    ///
    /// # Errors
    /// What is wrong, as a sentence for a person.
    pub fn check(&self) -> Result<(), &'static str> {
        let holds = |holds: bool, otherwise| if holds { Ok(()) } else { Err(otherwise) };
        match self {
            Self::Ticks(ticks) => ticks.check(),
            Self::Posts(posts) => holds(
                !posts.assets.is_empty() && posts.authors > 0,
                "posts have an asset and an author at least",
            ),
            Self::Sensors(sensors) => holds(sensors.devices > 0, "at least one device reports"),
            Self::Cpu(cpu) => holds(cpu.cores > 0, "a machine has at least one core"),
            Self::Gps(gps) => gps.check(),
            Self::Events(events) => holds(events.users > 0 && events.items > 0, "a shop has users and items"),
            Self::Bytes(bytes) => bytes.check(),
        }
    }

    /// The beginning of the `instance`-th source of this kind; phones, hosts and authors of different
    /// instances have different names.
    ///
    /// # Panics
    /// When [`check`](Self::check) finds something wrong: files are checked before.
    pub fn state(&self, instance: u32, rng: &mut Rng) -> PayloadState {
        assert_eq!(self.check(), Ok(()), "payload settings are within their bounds");
        PayloadState(match self {
            Self::Ticks(config) => State::Ticks(ticks::State::new(config)),
            Self::Posts(config) => State::Posts(posts::State::new(config, instance)),
            Self::Sensors(config) => State::Sensors(sensors::State::new(config, instance, rng)),
            Self::Cpu(config) => State::Cpu(cpu::State::new(config, instance)),
            Self::Gps(config) => State::Gps(gps::State::new(config, instance, rng)),
            Self::Events(config) => State::Events(events::State::new(config, instance)),
            Self::Bytes(config) => State::Bytes(bytes::State::new(config)),
        })
    }
}

/// What a payload turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The row was filled; a codec decides the size.
    Row,
    /// There is no content, only this many bytes; the row is empty.
    Size(u32),
}

/// Where a source stands.
#[derive(Clone, Debug)]
pub struct PayloadState(State);

#[derive(Clone, Debug)]
enum State {
    Ticks(ticks::State),
    Posts(posts::State),
    Sensors(sensors::State),
    Cpu(cpu::State),
    Gps(gps::State),
    Events(events::State),
    Bytes(bytes::State),
}

impl PayloadState {
    /// Fills `row` with the record offered at `at`; what was in it is overwritten, its memory reused.
    #[inline]
    pub fn next(&mut self, at: Time, rng: &mut Rng, row: &mut Row) -> Content {
        row.clear();
        match &mut self.0 {
            State::Ticks(state) => state.fill(at, rng, row),
            State::Posts(state) => state.fill(at, rng, row),
            State::Sensors(state) => state.fill(at, rng, row),
            State::Cpu(state) => state.fill(at, rng, row),
            State::Gps(state) => state.fill(at, rng, row),
            State::Events(state) => state.fill(at, rng, row),
            State::Bytes(state) => return Content::Size(state.size(rng)),
        }
        Content::Row
    }
}

/// A time as a row holds it.
fn timestamp(at: Time) -> Value {
    Value::Int(at.as_millis() as i64)
}

/// The place whose turn it is; the next one's turn comes after.
fn take_turn(turn: &mut usize, count: usize) -> usize {
    let now = *turn;
    *turn = if now + 1 == count { 0 } else { now + 1 };
    now
}

#[cfg(test)]
pub(crate) mod tests;
