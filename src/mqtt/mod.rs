//! How MQTT behaves: topic names and filters, and what a client asks of its server.
//!
//! **Not modelled:** the server. MQTT is not simulated yet: a scenario runs on a real broker.
//!
//! Sources: MQTT Version 5.0 (OASIS, 2019); `../shared/oracles/mqtt/`, `../shared/oracles/rabbitmq-mqtt-zeromq.md` A2.

mod config;
pub mod topic;

pub use config::{Client, RetainHandling, Will};
