//! How Kafka behaves.

pub mod config;
pub mod assignor;
pub mod calc;
pub mod partitioner;
pub mod epochs;
pub mod log;
pub mod producer_state;
pub mod replica;
