//! How Kafka behaves.

pub mod config;
pub mod epochs;
pub mod log;
pub mod producer_state;
pub mod replica;
